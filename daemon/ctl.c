/* SPDX-License-Identifier: ISC */
/*
 * jmapctl(8): a verb of the table becomes one message on the control socket;
 * rows come back.  It keeps no state and needs no right but the socket's.
 */
#include "common/compat.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/imsg.h"
#include "common/log.h"
#include "common/msg.h"
#include "common/proc.h"
#include "daemon/ctl.h"
#include "daemon/ctl_account.h"
#include "daemon/ctl_ban.h"
#include "daemon/ctl_eval.h"
#include "daemon/ctl_mail.h"
#include "daemon/ctl_queue.h"

static int	ctl_show(int, char *[]);
static int	ctl_reload(int, char *[]);
static int	ctl_log(int, char *[]);
static int	ctl_stop(int, char *[]);

/* The last word of a verb is argv[0] of its function. */
static const struct ctl_verb {
	const char	*words;
	const char	*args;
	int		(*run)(int, char *[]);
	const char	*help;
} ctl_verbs[] = {
	{ "status", "", ctl_show, "the processes and how they are" },
	{ "show workers", "", ctl_show, "what each worker does" },
	{ "show listeners", "", ctl_show, "sockets and their real ports" },
	{ "show connections", "", ctl_show, "who is connected" },
	{ "show config", "", ctl_show, "every option and where it was set" },
	{ "reload", "", ctl_reload, "read the configuration again" },
	{ "log verbose", "[role]", ctl_log, "log for developers, too" },
	{ "log brief", "[role]", ctl_log, "log what an administrator needs" },
	{ "eval", "expression [name=value ...]", ctl_eval,
	    "try an expression out, without jmapd" },
	{ "headers", "[-c client] [-H field] [-s status] method url",
	    ctl_eval_headers, "what an answer would carry, and why" },
	{ "import", "[-a] [-m mailbox] account mbox|maildir path",
	    ctl_mail_import, "bring mail into an account" },
	{ "export", "account mbox|maildir path", ctl_mail_export,
	    "write an account's mail to files" },
	{ "check", "[-r] account", ctl_mail_check,
	    "compare an account's store with its mail; -r: repair" },
	{ "reindex", "account | all", ctl_reindex,
	    "make the search index again, while it serves" },
	{ "ban list", "", ctl_show, "who is shut out, why, how long" },
	{ "ban add", "[-r reason] [-t time] address[/bits]", ctl_ban_add,
	    "shut out an address or a network" },
	{ "ban remove", "address[/bits]|login", ctl_ban_remove,
	    "let an address or a network in again" },
	{ "queue list", "", ctl_queue_list, "mail that is on its way out" },
	{ "queue show", "id", ctl_queue_id, "one mail, each recipient" },
	{ "queue retry", "id|all", ctl_queue_id,
	    "try again now what waits for another attempt" },
	{ "queue cancel", "id", ctl_queue_id,
	    "take back what has not left; its sender is told" },
	{ "stop", "", ctl_stop, "finish what runs, then end" },
	{ "account add", "[-aHp] [-d description] [-e address] [-q quota] name",
	    ctl_account_add, "an account; the password is asked for" },
	{ "account passwd", "[-Hp] name", ctl_account_passwd,
	    "another password" },
	{ "account list", "[word ...]", ctl_account_list, "accounts" },
	{ "account show", "name", ctl_account_show, "one account" },
	{ "account delete", "name", ctl_account_delete,
	    "remove an account and its mail" },
	{ "domain add", "[-d description] name", ctl_account_domain_add,
	    "a domain whose mail is ours" },
	{ "domain list", "[word ...]", ctl_account_domain_list, "domains" },
	{ "domain delete", "name", ctl_account_domain_delete,
	    "refuse mail to a domain from now on" },
};

/* argv[0] of "status" and of "show ...". */
static const struct ctl_what {
	const char	*word;
	enum msg_show	 what;
} ctl_whats[] = {
	{ "status", MSG_SHOW_STATUS },
	{ "workers", MSG_SHOW_WORKERS },
	{ "listeners", MSG_SHOW_LISTENERS },
	{ "connections", MSG_SHOW_CONNECTIONS },
	{ "config", MSG_SHOW_CONFIG },
	{ "list", MSG_SHOW_BANS },
};

int				 ctl_json;
static const char		*ctl_path;
static struct imsgbuf		 ctl_ibuf;
static int			 ctl_open;
static const struct ctl_verb	*ctl_verb;

static const struct ctl_verb	*ctl_find(int, char *[], int *);
static __dead void	ctl_help(void);
static const char	*ctl_default(void);
static void	ctl_connect(void);
static void	ctl_send(uint32_t, const void *, const void *, size_t);
static void	ctl_get(struct imsg *);
static int	ctl_answer(ctl_row_fn *, void *);

int
main(int argc, char *argv[])
{
	int	 c, words;

	proc_self = PROC_CTL;
	log_init("jmapctl", 1);
	/* options behind the verb are the verb's */
	while ((c = getopt(argc, argv, "+js:")) != -1)
		switch (c) {
		case 'j':
			ctl_json = 1;
			break;
		case 's':
			ctl_path = optarg;
			break;
		default:
			ctl_help();
		}
	argc -= optind;
	argv += optind;
	if ((ctl_verb = ctl_find(argc, argv, &words)) == NULL)
		ctl_help();
	if (*ctl_verb->args == '\0' && argc != words)
		return ctl_usage();
	optind = 1;
	return ctl_verb->run(argc - words + 1, argv + words - 1);
}

/* The verb whose words begin the line, and how many words that are. */
static const struct ctl_verb *
ctl_find(int argc, char *argv[], int *words)
{
	const struct ctl_verb	*v;
	char			 line[64];
	int			 i;

	for (i = 1; i <= 2 && i <= argc; i++) {
		snprintf(line, sizeof(line), "%s%s%s", argv[0],
		    i == 2 ? " " : "", i == 2 ? argv[1] : "");
		for (v = ctl_verbs; v < ctl_verbs + nitems(ctl_verbs); v++)
			if (strcmp(v->words, line) == 0) {
				*words = i;
				return v;
			}
	}
	return NULL;
}

int
ctl_usage(void)
{
	fprintf(stderr, "usage: jmapctl [-j] [-s socket] %s%s%s\n",
	    ctl_verb->words, *ctl_verb->args ? " " : "", ctl_verb->args);
	return CTL_USAGE;
}

static __dead void
ctl_help(void)
{
	const struct ctl_verb	*v;

	fprintf(stderr, "usage: jmapctl [-j] [-s socket] verb ...\n");
	for (v = ctl_verbs; v < ctl_verbs + nitems(ctl_verbs); v++)
		fprintf(stderr, "\t%s%s%s\n\t\t%s\n", v->words,
		    *v->args ? " " : "", v->args, v->help);
	exit(CTL_USAGE);
}

/* --- speaking with the parent -------------------------------------------- */

static const char *
ctl_default(void)
{
	static char	 path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct conf	*c = conf_new();

	strlcpy(path, c->control_socket, sizeof(path));
	conf_free(c);
	return path;
}

static void
ctl_connect(void)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	struct msg_ctl_hello	 hello = { MSG_CTL_VERSION };
	int			 fd, code;

	if (ctl_open)
		return;
	if (ctl_path == NULL)
		ctl_path = ctl_default();
	if (strlcpy(sun.sun_path, ctl_path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		errx(CTL_CONNECT, "%s: the path is too long", ctl_path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(CTL_CONNECT, "%s", ctl_path);
	if (imsgbuf_init(&ctl_ibuf, fd) == -1)
		err(CTL_CONNECT, "%s", ctl_path);
	ctl_open = 1;
	ctl_send(MSG_CTL_HELLO, &hello, NULL, 0);
	if ((code = ctl_answer(NULL, NULL)) != CTL_OK)
		exit(code);
}

static void
ctl_wait(short events)
{
	struct pollfd	 pfd = { ctl_ibuf.fd, events, 0 };

	if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
		err(CTL_PROTOCOL, "poll");
}

static void
ctl_send(uint32_t type, const void *fixed, const void *tail, size_t len)
{
	int	 n;

	if (imsg_compose(&ctl_ibuf, type, 1, -1, fixed, msg_rules[type].len,
	    tail, len) == -1)
		err(CTL_USAGE, "%s", msg_name(type));
	while ((n = imsgbuf_write(&ctl_ibuf)) == 0)
		ctl_wait(POLLOUT);
	if (n == -1)
		err(CTL_PROTOCOL, "%s", ctl_path);
}

/* The next message, which keeps its rule. */
static void
ctl_get(struct imsg *m)
{
	int	 n;

	while ((n = imsg_get(&ctl_ibuf, m)) == 0) {
		ctl_wait(POLLIN);
		if ((n = imsgbuf_read(&ctl_ibuf)) == 0)
			errx(CTL_PROTOCOL, "%s: jmapd hung up", ctl_path);
		if (n == -1 && errno != EAGAIN)
			err(CTL_PROTOCOL, "%s", ctl_path);
	}
	if (n == -1 || !msg_ok(m->hdr.type, m->hdr.len, m->fd != -1,
	    PROC_PARENT, PROC_CTL))
		errx(CTL_PROTOCOL, "%s: not jmapd's language", ctl_path);
}

/* Rows until the end; its code. */
static int
ctl_answer(ctl_row_fn *fn, void *arg)
{
	struct msg_ctl_end	 end;
	struct imsg		 m;

	for (;;) {
		ctl_get(&m);
		if (m.hdr.type == MSG_CTL_END)
			break;
		if (m.hdr.type != MSG_CTL_ROW)
			errx(CTL_PROTOCOL, "unexpected %s",
			    msg_name(m.hdr.type));
		if (fn != NULL)
			fn(arg, m.data, m.hdr.len);
		else
			ctl_row(m.data, m.hdr.len);
	}
	if (fn == NULL)
		ctl_row_end();
	memcpy(&end, m.data, sizeof(end));
	if (m.hdr.len > sizeof(end))
		fprintf(end.code == 0 ? stdout : stderr, "%.*s\n",
		    (int)(m.hdr.len - sizeof(end)),
		    (const char *)m.data + sizeof(end));
	return end.code < 64 ? (int)end.code : CTL_FAILED;
}

int
ctl_call(uint32_t type, const void *fixed, const void *tail, size_t len)
{
	ctl_connect();
	ctl_send(type, fixed, tail, len);
	return ctl_answer(NULL, NULL);
}

int
ctl_rows(uint32_t type, const void *fixed, const void *tail, size_t len,
    ctl_row_fn *fn, void *arg)
{
	ctl_connect();
	ctl_send(type, fixed, tail, len);
	return ctl_answer(fn, arg);
}

int
ctl_stream(uint32_t kind, const char *account)
{
	struct msg_ctl_stream	 s = { kind, 0 };
	struct imsg		 m;

	ctl_connect();
	ctl_send(MSG_CTL_STREAM, &s, account, strlen(account));
	ctl_get(&m);
	if (m.hdr.type == MSG_CTL_STREAM_FD)
		return m.fd;
	if (m.hdr.type != MSG_CTL_END)
		errx(CTL_PROTOCOL, "unexpected %s", msg_name(m.hdr.type));
	warnx("%s: %.*s", account,
	    (int)(m.hdr.len - sizeof(struct msg_ctl_end)),
	    (const char *)m.data + sizeof(struct msg_ctl_end));
	return -1;
}

/* --- verbs -------------------------------------------------------------- */

static int
ctl_show(int argc, char *argv[])
{
	struct msg_ctl_show	 m;
	size_t			 i;

	(void)argc;
	for (i = 0; strcmp(ctl_whats[i].word, argv[0]) != 0; i++)
		continue;
	m.what = ctl_whats[i].what;
	return ctl_call(MSG_CTL_SHOW, &m, NULL, 0);
}

static int
ctl_reload(int argc, char *argv[])
{
	(void)argc;
	(void)argv;
	return ctl_call(MSG_CTL_RELOAD, NULL, NULL, 0);
}

/* Everybody, or one role: parent, keys, auth, push, queue, worker. */
static int
ctl_log(int argc, char *argv[])
{
	struct msg_verbose	 m = { strcmp(argv[0], "verbose") == 0, 0 };
	int			 i;

	if (argc > 2)
		return ctl_usage();
	for (i = 0; argc == 2 && i < PROC_CTL; i++)
		if (strcmp(argv[1], msg_procs[i]) == 0)
			m.roles = MSG_P(i);
	if (argc == 2 && m.roles == 0)
		return ctl_usage();
	return ctl_call(MSG_CTL_VERBOSE, &m, NULL, 0);
}

static int
ctl_stop(int argc, char *argv[])
{
	(void)argc;
	(void)argv;
	return ctl_call(MSG_CTL_STOP, NULL, NULL, 0);
}
