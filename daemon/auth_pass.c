/* SPDX-License-Identifier: ISC */
/*
 * Passwords: see auth_pass.h.  Called by auth.c, one hash a turn of its loop.
 * No secret and no hash may ever reach a log line from here.
 */
#include "common/compat.h"

#include <argon2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/enc.h"
#include "common/log.h"
#include "daemon/auth_pass.h"

#define PASS_SALT	16	/* bytes, RFC 9106 3.1 recommends 16 */
#define PASS_TAG	32	/* bytes, RFC 9106 4 */
#define PASS_PART	64	/* most bytes of either in a hash of others */

/* What we let others' hashes cost. */
#define PASS_KIB_MAX	(1024 * 1024)	/* argon2 memory, KiB */
#define PASS_TIME_MAX	16		/* argon2 passes */
#define PASS_LANES_MAX	16
#define PASS_COST_MAX	14		/* bcrypt, log2 */
#define PASS_ROUNDS_MAX	1000000		/* sha-crypt */

struct pass_argon {
	unsigned int	 m, t, p;	/* KiB, passes, lanes */
	uint8_t		 salt[PASS_PART], tag[PASS_PART];
	ssize_t		 salt_len, tag_len;
};

enum pass_kind { PASS_ARGON, PASS_BCRYPT, PASS_SHA, PASS_YES };

/* Beginnings of the hashes that we verify. */
static const struct {
	const char	*begin;
	enum pass_kind	 kind;
} pass_forms[] = {
	{ "$argon2id$", PASS_ARGON },
	{ "$2a$", PASS_BCRYPT },
	{ "$2b$", PASS_BCRYPT },
	{ "$2y$", PASS_BCRYPT },
	{ "$5$", PASS_SHA },
	{ "$6$", PASS_SHA },
	{ "$y$", PASS_YES },
};

/* Beginnings of what others call a hash; a password may not look so. */
static const char *const pass_foreign[] = {
	"$argon2", "$1$", "$sha1", "$scrypt$", "$pbkdf2", "$gy$", "$7$",
	"_", "{SSHA", "{SHA", "{MD5}", "{CRYPT}", "{PLAIN}", "{ARGON2",
};

static uint32_t	 pass_kib = 19 * 1024, pass_time = 2;
static uint64_t	 pass_count;
static char	 pass_dummy[AUTH_PASS_HASH];

static int		 pass_kind(const char *);
static const char	*pass_costs(const char *, enum pass_kind);
static int		 pass_argon(const char *, const char *);
static int		 pass_argon_parse(const char *, struct pass_argon *);
static ssize_t		 pass_b64(const char *, size_t, uint8_t [PASS_PART]);
static int		 pass_crypt(const char *, const char *);

void
auth_pass_init(uint64_t memory, uint64_t passes)
{
	pass_kib = memory / 1024 < 8 ? 8 : (uint32_t)(memory / 1024);
	pass_time = (uint32_t)passes;
	if (auth_pass_make("", pass_dummy) == -1)
		fatalx("argon2: no memory for %u KiB", pass_kib);
}

int
auth_pass_make(const char *secret, char out[AUTH_PASS_HASH])
{
	uint8_t	 salt[PASS_SALT];

	if (strlen(secret) > AUTH_PASS_MAX)
		return -1;
	arc4random_buf(salt, sizeof(salt));
	pass_count++;
	/* one lane: auth is one thread, and stays one */
	if (argon2id_hash_encoded(pass_time, pass_kib, 1, secret,
	    strlen(secret), salt, sizeof(salt), PASS_TAG, out,
	    AUTH_PASS_HASH) != ARGON2_OK)
		return -1;
	return 0;
}

int
auth_pass_check(const char *hash, const char *secret)
{
	int	 ok, dummy = hash == NULL;

	if (dummy)
		hash = pass_dummy;
	pass_count++;
	if (pass_kind(hash) == PASS_ARGON)
		ok = pass_argon(hash, secret);
	else
		ok = pass_crypt(hash, secret);
	return ok && !dummy;
}

/*
 * As argon2id_verify, which would start a thread for each lane of a hash
 * made elsewhere; the sandbox has none.
 */
static int
pass_argon(const char *hash, const char *secret)
{
	argon2_context	 ctx;
	struct pass_argon a;
	uint8_t		 tag[PASS_PART];
	char		*pwd;
	int		 ok;

	if (pass_argon_parse(hash, &a) == -1 ||
	    (pwd = strdup(secret)) == NULL)
		return 0;
	memset(&ctx, 0, sizeof(ctx));
	ctx.out = tag;
	ctx.outlen = (uint32_t)a.tag_len;
	ctx.pwd = (uint8_t *)pwd;
	ctx.pwdlen = (uint32_t)strlen(pwd);
	ctx.salt = a.salt;
	ctx.saltlen = (uint32_t)a.salt_len;
	ctx.t_cost = a.t;
	ctx.m_cost = a.m;
	ctx.lanes = a.p;
	ctx.threads = 1;
	ctx.version = ARGON2_VERSION_13;
	ok = argon2id_ctx(&ctx) == ARGON2_OK &&
	    timingsafe_bcmp(tag, a.tag, a.tag_len) == 0;
	freezero(pwd, strlen(pwd));
	return ok;
}

/* "$argon2id$v=19$m=M,t=T,p=P$salt$tag", both base64 without padding. */
static int
pass_argon_parse(const char *hash, struct pass_argon *a)
{
	const char	*salt, *tag;
	unsigned int	 v;
	int		 n = 0;

	if (strlen(hash) >= AUTH_PASS_HASH ||
	    sscanf(hash, "$argon2id$v=%2u$m=%8u,t=%3u,p=%3u$%n", &v, &a->m,
	    &a->t, &a->p, &n) != 4 || n == 0 || v != ARGON2_VERSION_13)
		return -1;
	salt = hash + n;
	if ((tag = strchr(salt, '$')) == NULL)
		return -1;
	a->salt_len = pass_b64(salt, (size_t)(tag - salt), a->salt);
	a->tag_len = pass_b64(tag + 1, strlen(tag + 1), a->tag);
	return a->salt_len >= ARGON2_MIN_SALT_LENGTH &&
	    a->tag_len >= PASS_SALT ? 0 : -1;
}

static ssize_t
pass_b64(const char *p, size_t n, uint8_t out[PASS_PART])
{
	char	 url[AUTH_PASS_HASH];
	size_t	 i;

	if (n >= sizeof(url))
		return -1;
	for (i = 0; i < n; i++)
		url[i] = p[i] == '+' ? '-' : p[i] == '/' ? '_' : p[i];
	return enc_b64url_get(url, n, out, PASS_PART);
}

/* crypt(3) is not for threads; auth has one. */
static int
pass_crypt(const char *hash, const char *secret)
{
	const char	*got;
	size_t		 n = strlen(hash);

	if (pass_kind(hash) == -1 || (got = crypt(secret, hash)) == NULL)
		return 0;
	/* libxcrypt says failure by "*0" or "*1", which is no hash of ours */
	return strlen(got) == n && timingsafe_bcmp(got, hash, n) == 0;
}

/* enum pass_kind, or -1. */
static int
pass_kind(const char *hash)
{
	size_t	 i;

	for (i = 0; i < nitems(pass_forms); i++)
		if (strncmp(hash, pass_forms[i].begin,
		    strlen(pass_forms[i].begin)) == 0)
			return (int)pass_forms[i].kind;
	return -1;
}

int
auth_pass_is_hash(const char *s)
{
	size_t	 i;

	if (pass_kind(s) != -1)
		return 1;
	for (i = 0; i < nitems(pass_foreign); i++)
		if (strncmp(s, pass_foreign[i], strlen(pass_foreign[i])) == 0)
			/* one underscore begins many a good password:
			 * BSDi's hash has exactly 20 characters */
			return s[0] != '_' || strlen(s) == 20;
	return 0;
}

const char *
auth_pass_refuse(const char *hash)
{
	int	 kind;

	if (strlen(hash) >= AUTH_PASS_HASH)
		return "the hash is too long";
	if ((kind = pass_kind(hash)) == -1)
		return "a hash of this form is not accepted: argon2id, bcrypt,"
		    " sha512-crypt, sha256-crypt and yescrypt are";
	return pass_costs(hash, (enum pass_kind)kind);
}

/* A hash is run on each attempt of a stranger, so its cost is bounded. */
static const char *
pass_costs(const char *hash, enum pass_kind kind)
{
	static const char	 costly[] = "the hash costs too much";
	struct pass_argon	 a;
	const char		*p;
	unsigned int		 v;

	switch (kind) {
	case PASS_ARGON:
		if (pass_argon_parse(hash, &a) == -1)
			return "a malformed argon2id hash";
		return a.m > PASS_KIB_MAX || a.t > PASS_TIME_MAX ||
		    a.p > PASS_LANES_MAX ? costly : NULL;
	case PASS_BCRYPT:
		if (strlen(hash) != 60 || sscanf(hash + 4, "%2u$", &v) != 1)
			return "a malformed bcrypt hash";
		return v > PASS_COST_MAX ? costly : NULL;
	case PASS_SHA:
		p = strchr(hash + 1, '$') + 1;
		if (strncmp(p, "rounds=", 7) == 0 &&
		    (sscanf(p + 7, "%u$", &v) != 1 || v > PASS_ROUNDS_MAX))
			return costly;
		return strrchr(hash, '$') < p ? "a malformed crypt hash" : NULL;
	case PASS_YES:
		/* "j9T$": flavour, log2 of N from ".", r of 8 or 32, and
		 * nothing else; "D" takes 0.4 s */
		if (strlen(hash) < 40 || hash[3] != 'j' || hash[6] != '$' ||
		    (hash[5] != 'T' && hash[5] != '5'))
			return "a malformed yescrypt hash";
		return hash[4] > 'D' ? costly : NULL;
	}
	return "a hash of no known kind";
}

int
auth_pass_stale(const char *hash)
{
	char	 want[64];

	snprintf(want, sizeof(want), "$argon2id$v=19$m=%u,t=%u,p=1$",
	    pass_kib, pass_time);
	return strncmp(hash, want, strlen(want)) != 0;
}

uint64_t
auth_pass_count(void)
{
	return pass_count;
}
