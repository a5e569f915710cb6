/* SPDX-License-Identifier: ISC */
/*
 * Failures to log in: see auth_limit.h.  Called by auth.c alone.
 *
 * A counter is one number, the time at which it will be empty again ("due");
 * a failure moves it by an hour divided by the rate, and what lies more than
 * an hour ahead is refused.  Counters stand in sets of eight ways found by a
 * keyed hash, so a stranger can neither fill the memory nor aim at somebody
 * else's counter; a full set loses the one that is due first.
 */
#include "common/compat.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/log.h"
#include "common/msg.h"
#include "daemon/auth_limit.h"

#define LIMIT_HOUR	(INT64_C(3600) * 1000)
#define LIMIT_KNOWN	(30 * 24 * LIMIT_HOUR)	/* a good pair's memory */
#define LIMIT_SETS	8192
#define LIMIT_WAYS	8
#define LIMIT_LISTED	256	/* refused logins whose names are kept */
#define LIMIT_WIDE	8	/* allowance of an IPv6 /48, in rates */

struct limit_slot {
	uint8_t	 key[16];
	int64_t	 due;		/* ms; 0: free */
};
struct limit_table {
	struct limit_slot	*slot;	/* [LIMIT_SETS][LIMIT_WAYS] */
};

/* The last two are auto-ban.authentication's: slower, and the pair is that of
 * the login and an IPv4 /24 or IPv6 /48. */
enum limit_kind {
	LIMIT_SOURCE, LIMIT_NET, LIMIT_LOGIN, LIMIT_PAIR,
	LIMIT_LOGIN_BAN, LIMIT_PAIR_BAN, LIMIT_N
};

/* The counters know no names: those who are refused, to be shown. */
static struct limit_name {
	char		 login[256];	/* "": free */
	struct msg_addr	 addr;
	enum limit_kind	 kind;
	int64_t		 since;
}				limit_names[LIMIT_LISTED];

static struct limit_table	limit_counts, limit_known;
static uint8_t			limit_secret[32];
static struct {
	int64_t	 step;		/* ms of one failure; 0: not limited */
	int64_t	 span;		/* ms that may lie ahead */
}				limit_of[LIMIT_N];
static uint8_t			limit_turn;	/* of auth_limit_ban's rate */

static void	limit_key(uint8_t [16], enum limit_kind,
		    const struct msg_addr *, const char *);
static struct limit_slot *limit_find(struct limit_table *,
		    const uint8_t [16]);
static struct limit_slot *limit_take(struct limit_table *,
		    const uint8_t [16]);
static int64_t	limit_over(enum limit_kind, const struct msg_addr *,
		    const char *, int64_t);
static int	limit_applies(enum limit_kind, const struct msg_addr *);
static void	limit_name(enum limit_kind, const struct msg_addr *,
		    const char *, int64_t);
static int	limit_same(const struct limit_name *, enum limit_kind,
		    const struct msg_addr *, const char *);

void
auth_limit_init(uint64_t rate)
{
	struct limit_table	*t[] = { &limit_counts, &limit_known };
	size_t			 i;

	for (i = 0; i < nitems(t); i++) {
		free(t[i]->slot);
		t[i]->slot = calloc((size_t)LIMIT_SETS * LIMIT_WAYS,
		    sizeof(*t[i]->slot));
		if (t[i]->slot == NULL)
			fatal("auth_limit");
	}
	arc4random_buf(limit_secret, sizeof(limit_secret));
	auth_limit_rate(rate);
}

void
auth_limit_rate(uint64_t rate)
{
	enum limit_kind	 k;
	int64_t		 step = LIMIT_HOUR / (int64_t)(rate == 0 ? 1 : rate);

	for (k = LIMIT_SOURCE; k <= LIMIT_PAIR; k++) {
		limit_of[k].span = LIMIT_HOUR;
		limit_of[k].step = step == 0 ? 1 : step;
	}
	limit_of[LIMIT_NET].step = step / LIMIT_WIDE == 0 ? 1 :
	    step / LIMIT_WIDE;
}

void
auth_limit_ban(const struct conf_rate *r)
{
	int64_t		 was = limit_of[LIMIT_LOGIN_BAN].span;
	enum limit_kind	 k;

	/* what lies ahead by a longer period would be refused for as long */
	if (was != (int64_t)r->period)
		limit_turn++;
	for (k = LIMIT_LOGIN_BAN; k <= LIMIT_PAIR_BAN; k++) {
		limit_of[k].span = (int64_t)r->period;
		limit_of[k].step = r->count == 0 ? 0 :
		    (int64_t)(r->period / r->count);
		if (r->count != 0 && limit_of[k].step == 0)
			limit_of[k].step = 1;
	}
}

uint32_t
auth_limit_check(const struct msg_addr *a, const char *login, int64_t now)
{
	int64_t		 wait = 0, w;
	enum limit_kind	 k;

	if (auth_limit_known(a, login, now))
		wait = limit_over(LIMIT_PAIR, a, login, now);
	else
		for (k = 0; k < LIMIT_N; k++)
			if ((w = limit_over(k, a, login, now)) > wait)
				wait = w;
	return (uint32_t)((wait + 999) / 1000);
}

int
auth_limit_own(const struct msg_addr *a, const char *login, int64_t now)
{
	return limit_over(LIMIT_SOURCE, a, login, now) > 0 ||
	    limit_over(LIMIT_PAIR, a, login, now) > 0 ||
	    limit_over(LIMIT_PAIR_BAN, a, login, now) > 0;
}

int
auth_limit_known(const struct msg_addr *a, const char *login, int64_t now)
{
	struct limit_slot	*s;
	uint8_t			 key[16];

	limit_key(key, LIMIT_PAIR, a, login);
	s = limit_find(&limit_known, key);
	return s != NULL && s->due > now;
}

/* Milliseconds until this counter allows one more failure; 0: it does. */
static int64_t
limit_over(enum limit_kind k, const struct msg_addr *a, const char *login,
    int64_t now)
{
	struct limit_slot	*s;
	uint8_t			 key[16];
	int64_t			 step = limit_of[k].step;

	if (!limit_applies(k, a))
		return 0;
	limit_key(key, k, a, login);
	if ((s = limit_find(&limit_counts, key)) == NULL)
		return 0;
	return s->due + step - now > limit_of[k].span ?
	    s->due + step - now - limit_of[k].span : 0;
}

void
auth_limit_fail(const struct msg_addr *a, const char *login, int64_t now)
{
	struct limit_slot	*s;
	uint8_t			 key[16];
	enum limit_kind		 k;

	for (k = 0; k < LIMIT_N; k++) {
		if (!limit_applies(k, a))
			continue;
		limit_key(key, k, a, login);
		s = limit_take(&limit_counts, key);
		if (s->due < now)
			s->due = now;
		s->due += limit_of[k].step;
		/* who is known is asked about his own pair alone, and could
		 * go on for ever to move those of everybody else */
		if (s->due > now + limit_of[k].span)
			s->due = now + limit_of[k].span;
		if (k >= LIMIT_LOGIN_BAN)
			limit_name(k, a, login, now);
	}
}

/* Keep its name if it is refused from now on: in the place of one that is
 * not any more, else of the oldest. */
static void
limit_name(enum limit_kind k, const struct msg_addr *a, const char *login,
    int64_t now)
{
	struct limit_name	*n, *old = limit_names;

	if (limit_over(k, a, login, now) == 0)
		return;
	for (n = limit_names; n < limit_names + LIMIT_LISTED; n++) {
		if (limit_same(n, k, a, login))
			return;
		if (n->login[0] != '\0' &&
		    limit_over(n->kind, &n->addr, n->login, now) == 0)
			n->login[0] = '\0';
		if (n->login[0] == '\0' ? old->login[0] != '\0' :
		    old->login[0] != '\0' && n->since < old->since)
			old = n;
	}
	(void)strlcpy(old->login, login, sizeof(old->login));
	old->addr = *a;
	old->kind = k;
	old->since = now;
}

static int
limit_same(const struct limit_name *n, enum limit_kind k,
    const struct msg_addr *a, const char *login)
{
	uint8_t	 x[16], y[16];

	if (n->kind != k || strcmp(n->login, login) != 0)
		return 0;
	limit_key(x, k, &n->addr, n->login);
	limit_key(y, k, a, login);
	return memcmp(x, y, sizeof(x)) == 0;
}

void
auth_limit_bans(int64_t now,
    void (*fn)(void *, const struct auth_limit_banned *), void *arg)
{
	struct auth_limit_banned	 b;
	const struct limit_name		*n;
	int64_t				 wait;

	for (n = limit_names; n < limit_names + LIMIT_LISTED; n++) {
		if (n->login[0] == '\0' || (wait = limit_over(n->kind,
		    &n->addr, n->login, now)) == 0)
			continue;
		b.login = n->login;
		b.addr = n->kind == LIMIT_PAIR_BAN ? &n->addr : NULL;
		b.since = n->since;
		b.until = now + wait;
		fn(arg, &b);
	}
}

void
auth_limit_good(const struct msg_addr *a, const char *login, int64_t now)
{
	struct limit_slot	*s;
	uint8_t			 key[16];

	limit_key(key, LIMIT_PAIR, a, login);
	limit_take(&limit_known, key)->due = now + LIMIT_KNOWN;
	if ((s = limit_find(&limit_counts, key)) != NULL)
		s->due = 0;
}

void
auth_limit_forget(const char *login)
{
	static const enum limit_kind	 kinds[] = {
		LIMIT_LOGIN, LIMIT_LOGIN_BAN
	};
	struct limit_slot		*s;
	uint8_t				 key[16];
	size_t				 i;

	for (i = 0; i < nitems(kinds); i++) {
		limit_key(key, kinds[i], NULL, login);
		if ((s = limit_find(&limit_counts, key)) != NULL)
			s->due = 0;
	}
}

int
auth_limit_end(const char *login, int64_t now)
{
	struct limit_slot	*s;
	struct limit_name	*n;
	uint8_t			 key[16];
	int			 was;

	was = limit_over(LIMIT_LOGIN, NULL, login, now) > 0 ||
	    limit_over(LIMIT_LOGIN_BAN, NULL, login, now) > 0;
	for (n = limit_names; n < limit_names + LIMIT_LISTED; n++) {
		if (strcmp(n->login, login) != 0)
			continue;
		was |= limit_over(n->kind, &n->addr, login, now) > 0;
		limit_key(key, n->kind, &n->addr, login);
		if ((s = limit_find(&limit_counts, key)) != NULL)
			s->due = 0;
		n->login[0] = '\0';
	}
	auth_limit_forget(login);
	return was;
}

/* A unix socket has no source; IPv4 has no wider net that says anything. */
static int
limit_applies(enum limit_kind k, const struct msg_addr *a)
{
	if (limit_of[k].step == 0)
		return 0;
	if (k == LIMIT_NET)
		return a->family == 6;
	return k != LIMIT_SOURCE || a->family != 0;
}

static void
limit_key(uint8_t out[16], enum limit_kind k, const struct msg_addr *a,
    const char *login)
{
	uint8_t		 in[3 + 8 + 256], md[EVP_MAX_MD_SIZE];
	size_t		 n = 0, len;
	unsigned int	 mdlen = 0;
	int		 wide = k == LIMIT_NET || k == LIMIT_PAIR_BAN;

	in[n++] = (uint8_t)k;
	in[n++] = k >= LIMIT_LOGIN_BAN ? limit_turn : 0;
	if (k != LIMIT_LOGIN && k != LIMIT_LOGIN_BAN) {
		in[n++] = a->family;
		len = a->family == 4 ? (wide ? 3 : 4) : a->family == 0 ? 0 :
		    wide ? 6 : 8;
		memcpy(in + n, a->addr, len);
		n += len;
	}
	if (k >= LIMIT_LOGIN) {
		len = strnlen(login, 256);
		memcpy(in + n, login, len);
		n += len;
	}
	if (HMAC(EVP_sha256(), limit_secret, sizeof(limit_secret), in, n, md,
	    &mdlen) == NULL || mdlen < 16)
		fatalx("HMAC");
	memcpy(out, md, 16);
}

static struct limit_slot *
limit_find(struct limit_table *t, const uint8_t key[16])
{
	struct limit_slot	*set, *s;

	set = t->slot + (size_t)((key[0] << 8 | key[1]) % LIMIT_SETS) *
	    LIMIT_WAYS;
	for (s = set; s < set + LIMIT_WAYS; s++)
		if (s->due != 0 && memcmp(s->key, key, 16) == 0)
			return s;
	return NULL;
}

/* The slot of that key, fresh if there was none. */
static struct limit_slot *
limit_take(struct limit_table *t, const uint8_t key[16])
{
	struct limit_slot	*set, *s, *old;

	if ((s = limit_find(t, key)) != NULL)
		return s;
	set = t->slot + (size_t)((key[0] << 8 | key[1]) % LIMIT_SETS) *
	    LIMIT_WAYS;
	for (old = s = set; s < set + LIMIT_WAYS; s++)
		if (s->due < old->due)
			old = s;
	memcpy(old->key, key, 16);
	old->due = 0;
	return old;
}
