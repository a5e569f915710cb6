/* SPDX-License-Identifier: ISC */
/*
 * jmapctl account and jmapctl domain: each is one call on the directory
 * (MSG_CTL_DIR, common/dir.h), which auth answers with rows.  A password is
 * read here and hashed there; it never stands on a command line.
 */
#include "common/compat.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <readpassphrase.h>

#include "common/conf.h"
#include "common/dir.h"
#include "common/msg.h"
#include "daemon/ctl.h"
#include "daemon/ctl_account.h"

#define SECRET_MAX	1024	/* bytes with NUL */

static int	account_call(uint32_t, uint32_t, struct buf *);
static int	account_by_key(uint32_t, enum dir_type, int, char *[]);
static int	account_find(enum dir_type, int, char *[]);
static int	account_option(struct buf *, int, const char *, int *);
static int	account_quota(struct buf *, const char *);
static int	account_secret(struct buf *, int, int);
static int	account_ask(char [SECRET_MAX]);
static int	account_line(char [SECRET_MAX]);
static void	account_text(struct buf *, enum dir_field, const char *);

/* Send one call; rows and errors are printed.  Wipes the tail. */
static int
account_call(uint32_t op, uint32_t flags, struct buf *tail)
{
	struct msg_dir	 h = { op, flags, { 0 } };
	int		 code;

	if (buf_bad(tail)) {
		warnx("too long");
		code = CTL_USAGE;
	} else
		code = ctl_call(MSG_CTL_DIR, &h, tail->data, tail->len);
	buf_freezero(tail);
	return code;
}

static void
account_text(struct buf *b, enum dir_field f, const char *s)
{
	dir_put(b, DIR_ADD, f, s, strlen(s));
}

/* --- account add -------------------------------------------------------- */

int
ctl_account_add(int argc, char *argv[])
{
	struct buf	 tail;
	int		 c, admin = 0, hash = 0, stdin_only = 0, mails = 0;

	buf_init(&tail, DIR_SIZE_MAX);
	dir_put_uint(&tail, DIR_TYPE, DIR_INDIVIDUAL);
	while ((c = getopt(argc, argv, "ad:e:Hpq:")) != -1)
		switch (c) {
		case 'a':
			admin = 1;
			break;
		case 'H':
			hash = 1;
			break;
		case 'p':
			stdin_only = 1;
			break;
		default:
			if (account_option(&tail, c, optarg, &mails) == -1)
				return ctl_usage();
		}
	if (argc - optind != 1)
		return ctl_usage();
	account_text(&tail, DIR_NAME, argv[optind]);
	account_text(&tail, DIR_ROLES, admin ? "admin" : "user");
	/* who is called like an address has that address */
	if (!mails && strchr(argv[optind], '@') != NULL)
		account_text(&tail, DIR_EMAILS, argv[optind]);
	if (account_secret(&tail, hash, stdin_only) == -1) {
		buf_freezero(&tail);
		return CTL_USAGE;
	}
	return account_call(DIR_CREATE, DIR_MAKE_DOMAINS, &tail);
}

static int
account_option(struct buf *tail, int c, const char *arg, int *mails)
{
	switch (c) {
	case 'd':
		account_text(tail, DIR_DESCRIPTION, arg);
		return 0;
	case 'e':
		account_text(tail, DIR_EMAILS, arg);
		*mails = 1;
		return 0;
	case 'q':
		return account_quota(tail, arg);
	default:
		return -1;
	}
}

/* "500M" as in jmapd.conf. */
static int
account_quota(struct buf *tail, const char *text)
{
	static const struct conf_opt	 opt = { "quota", CONF_SIZE, 0, "0", 0,
	    INT64_MAX, 0, NULL };
	uint64_t			 v = 0;
	char				 why[128];

	if (conf_text(&opt, &v, text, why, sizeof(why)) == -1) {
		warnx("-q %s: %s", text, why);
		return -1;
	}
	dir_put_uint(tail, DIR_QUOTA, v);
	return 0;
}

/* --- passwords ---------------------------------------------------------- */

/* From the terminal, twice; else one line of standard input. */
static int
account_secret(struct buf *tail, int hash, int stdin_only)
{
	char	 secret[SECRET_MAX];
	int	 ret;

	if (!stdin_only && isatty(STDIN_FILENO) && !hash)
		ret = account_ask(secret);
	else
		ret = account_line(secret);
	if (ret == 0 && hash && secret[0] != '$') {
		warnx("-H: a hash begins with $");
		ret = -1;
	} else if (ret == 0 && !hash && secret[0] == '$' &&
	    strchr(secret + 1, '$') != NULL) {
		warnx("the password looks like a hash; is -H missing?");
		ret = -1;
	}
	if (ret == 0)
		account_text(tail, DIR_SECRETS, secret);
	explicit_bzero(secret, sizeof(secret));
	return ret;
}

static int
account_ask(char secret[SECRET_MAX])
{
	char	 again[SECRET_MAX];
	int	 same;

	if (readpassphrase("Password: ", secret, SECRET_MAX,
	    RPP_REQUIRE_TTY) == NULL ||
	    readpassphrase("Again: ", again, SECRET_MAX,
	    RPP_REQUIRE_TTY) == NULL) {
		warn("no password");
		return -1;
	}
	same = strcmp(secret, again) == 0;
	explicit_bzero(again, sizeof(again));
	if (!same || *secret == '\0') {
		warnx(same ? "an empty password" : "they differ");
		return -1;
	}
	return 0;
}

static int
account_line(char secret[SECRET_MAX])
{
	size_t	 n;

	if (fgets(secret, SECRET_MAX, stdin) == NULL) {
		warnx("no password on standard input");
		return -1;
	}
	n = strcspn(secret, "\r\n");
	if (secret[n] == '\0' && n == SECRET_MAX - 1) {
		warnx("the password is too long");
		return -1;
	}
	secret[n] = '\0';
	if (n == 0)
		warnx("an empty password");
	return n == 0 ? -1 : 0;
}

int
ctl_account_passwd(int argc, char *argv[])
{
	struct buf	 tail;
	int		 c, hash = 0, stdin_only = 0;

	while ((c = getopt(argc, argv, "Hp")) != -1)
		switch (c) {
		case 'H':
			hash = 1;
			break;
		case 'p':
			stdin_only = 1;
			break;
		default:
			return ctl_usage();
		}
	if (argc - optind != 1)
		return ctl_usage();
	buf_init(&tail, DIR_SIZE_MAX);
	buf_add(&tail, argv[optind], strlen(argv[optind]) + 1);
	dir_put(&tail, DIR_CLEAR, DIR_SECRETS, "", 0);
	if (account_secret(&tail, hash, stdin_only) == -1) {
		buf_freezero(&tail);
		return CTL_USAGE;
	}
	return account_call(DIR_UPDATE, DIR_ONLY(DIR_INDIVIDUAL), &tail);
}

/* --- the rest ----------------------------------------------------------- */

static int
account_by_key(uint32_t op, enum dir_type type, int argc, char *argv[])
{
	struct buf	 tail;

	if (argc != 2)
		return ctl_usage();
	buf_init(&tail, DIR_SIZE_MAX);
	buf_add(&tail, argv[1], strlen(argv[1]) + 1);
	return account_call(op, DIR_ONLY(type), &tail);
}

static int
account_find(enum dir_type type, int argc, char *argv[])
{
	struct dir_find	 f = { 1u << type, 0, UINT32_MAX, 0 };
	struct buf	 tail;
	int		 i;

	buf_init(&tail, DIR_SIZE_MAX);
	buf_add(&tail, &f, sizeof(f));
	for (i = 1; i < argc; i++) {
		buf_adds(&tail, argv[i]);
		buf_addc(&tail, ' ');
	}
	buf_addc(&tail, '\0');
	return account_call(DIR_FIND, 0, &tail);
}

int
ctl_account_list(int argc, char *argv[])
{
	return account_find(DIR_INDIVIDUAL, argc, argv);
}

int
ctl_account_show(int argc, char *argv[])
{
	return account_by_key(DIR_GET, DIR_INDIVIDUAL, argc, argv);
}

int
ctl_account_delete(int argc, char *argv[])
{
	return account_by_key(DIR_DELETE, DIR_INDIVIDUAL, argc, argv);
}

int
ctl_account_domain_add(int argc, char *argv[])
{
	struct buf	 tail;
	int		 c, mails;

	buf_init(&tail, DIR_SIZE_MAX);
	dir_put_uint(&tail, DIR_TYPE, DIR_DOMAIN);
	while ((c = getopt(argc, argv, "d:")) != -1)
		if (account_option(&tail, c, optarg, &mails) == -1)
			return ctl_usage();
	if (argc - optind != 1)
		return ctl_usage();
	account_text(&tail, DIR_NAME, argv[optind]);
	return account_call(DIR_CREATE, 0, &tail);
}

int
ctl_account_domain_list(int argc, char *argv[])
{
	return account_find(DIR_DOMAIN, argc, argv);
}

int
ctl_account_domain_delete(int argc, char *argv[])
{
	return account_by_key(DIR_DELETE, DIR_DOMAIN, argc, argv);
}
