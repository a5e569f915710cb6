/* SPDX-License-Identifier: ISC */
/*
 * The list of bans: see ban.h.  Called by listen.c for each connection, by
 * ban_report.c with faults, by control.c for jmapctl.  Each change is told to
 * the workers, who refuse clients that a proxy tells of, and requests on
 * connections that were there before.
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/banset.h"
#include "common/conf.h"
#include "common/date.h"
#include "common/log.h"
#include "common/row.h"
#include "daemon/ban.h"
#include "daemon/daemon.h"

#define BAN_SWEEP_S	60
#define BAN_SAVE_S	1	/* from the first change to the file */
#define BAN_MANY	4096	/* then once a minute is enough */
#define BAN_WIDE	8	/* budgets that an IPv6 /48 has */
#define BAN_BATCH	1024	/* in one message */
#define BAN_MOST	(INT64_C(3650) * 24 * 3600 * 1000) /* ms, by hand */

/* What stands beside a place of the set. */
struct ban_info {
	int64_t		 since;
	uint32_t	 kind;
	char		 reason[BAN_REASON];
};

const char *const	ban_kinds[BAN_KINDS] = {
	[MSG_ABUSE_AUTH]	= "authentication",
	[MSG_ABUSE_HTTP]	= "abuse",
	[MSG_ABUSE_LOITER]	= "loiter",
	[MSG_ABUSE_SCAN]	= "scan",
	[BAN_HAND]		= "manual",
};
static const char *const	ban_reasons[MSG_ABUSE_MAX] = {
	[MSG_ABUSE_AUTH]	= "too many wrong passwords",
	[MSG_ABUSE_HTTP]	= "too many malformed requests",
	[MSG_ABUSE_LOITER]	= "too many connections that ask nothing",
	[MSG_ABUSE_SCAN]	= "looks for weak spots",
};

static struct banset		 bans;
static struct ban_info		*infos;		/* [bans.cap] */
static uint32_t			 ninfos;
static struct ban_count		*counts;
static struct ip_net		*allowed;
static size_t			 nallowed;
static struct conf_rate		 rates[MSG_ABUSE_MAX];
static int64_t			 expire;	/* ms; 0: never */
static char			 path[PATH_MAX];
static struct event		 ev_sweep, ev_save;
static int			 dirty;
static uint64_t			 dropped;

static void	ban_path(const struct conf *);
static void	ban_first(const struct conf *);
static void	ban_allow(const char *const *, size_t);
static void	ban_loaded(const struct ban *);
static uint32_t	ban_put(const struct ban *);
static void	ban_drop(uint32_t);
static void	ban_evict(void);
static int	ban_sooner(uint32_t, uint32_t);
static void	ban_get(uint32_t, struct ban *);
static void	ban_changed(void);
static void	ban_say(uint32_t, uint32_t);
static void	ban_msg(struct msg_ban *, const struct banset_net *);
static void	ban_sweep(int, short, void *);
static void	ban_save(int, short, void *);
static int	ban_over(const struct ip *, unsigned int, uint32_t,
		    unsigned int, int64_t);

/* --- settings ----------------------------------------------------------- */

void
ban_conf(const struct conf *c)
{
	static const char *const	 loop[] = { "127.0.0.0/8", "::1" };
	struct conf_rate		 was[MSG_ABUSE_MAX];

	memcpy(was, rates, sizeof(was));
	rates[MSG_ABUSE_AUTH] = c->ban_authentication;
	rates[MSG_ABUSE_HTTP] = c->ban_abuse;
	rates[MSG_ABUSE_LOITER] = c->ban_loiter;
	rates[MSG_ABUSE_SCAN] = c->ban_scan;
	expire = (int64_t)c->ban_expire;
	free(allowed);
	nallowed = 0;
	allowed = calloc(c->ban_allowed.n + c->trusted_proxies.n +
	    nitems(loop), sizeof(*allowed));
	if (allowed == NULL)
		fatal("ban");
	ban_allow((const char *const *)c->ban_allowed.v, c->ban_allowed.n);
	ban_allow((const char *const *)c->trusted_proxies.v,
	    c->trusted_proxies.n);
	/* worker/policy trusts these when nothing is said */
	ban_allow(loop, c->trusted_proxies.n == 0 ? nitems(loop) : 0);
	if (counts == NULL)
		ban_first(c);
	else if (memcmp(was, rates, sizeof(was)) != 0) {
		/* what was counted in another measure says nothing now */
		ban_count_free(counts);
		counts = ban_count_new();
	}
}

static void
ban_allow(const char *const *v, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (ip_net_parse(&allowed[nallowed], v[i], strlen(v[i])) == 0)
			nallowed++;
}

/* Beside the accounts, in a folder of root's: /run ends with the machine. */
static void
ban_path(const struct conf *c)
{
	int	 n;

	if (*c->ban_file != '\0')
		n = snprintf(path, sizeof(path), "%s", c->ban_file);
	else {
		n = snprintf(path, sizeof(path), "%s-bans", c->data_dir);
		if (n > 0 && (size_t)n < sizeof(path) &&
		    mkdir(path, 0700) == -1 && errno != EEXIST)
			log_warn("%s", path);
		n = snprintf(path, sizeof(path), "%s-bans/list", c->data_dir);
	}
	if (n < 0 || (size_t)n >= sizeof(path))
		fatalx("auto-ban.file: the name is too long");
}

static void
ban_first(const struct conf *c)
{
	struct timeval	 tv = { BAN_SWEEP_S, 0 };
	int		 n;

	counts = ban_count_new();
	banset_init(&bans);
	evtimer_set(&ev_save, ban_save, NULL);
	evtimer_set(&ev_sweep, ban_sweep, NULL);
	ban_path(c);
	if ((n = ban_file_load(path, ban_loaded)) > 0)
		log_warnx("%s: %d lines are no bans", path, n);
	if (bans.n > 0)
		log_info("%u bans in force", bans.n);
	evtimer_add(&ev_sweep, &tv);
}

static void
ban_loaded(const struct ban *b)
{
	if ((b->until == BAN_FOR_EVER || b->until > date_now()) &&
	    !ban_allowed(&b->net.ip))
		ban_put(b);
}

void
ban_close(void)
{
	if (counts != NULL && dirty)
		ban_save(-1, 0, NULL);
}

int
ban_allowed(const struct ip *ip)
{
	size_t	 i;

	for (i = 0; i < nallowed; i++)
		if (ip_in(ip, &allowed[i]))
			return 1;
	return 0;
}

/* --- the list ----------------------------------------------------------- */

int
ban_has(const struct ip *ip)
{
	if (bans.n == 0 || banset_find(&bans, ip, date_now()) ==
	    BANSET_NONE || ban_allowed(ip))
		return 0;
	dropped++;
	return 1;
}

uint64_t
ban_dropped(void)
{
	return dropped;
}

static uint32_t
ban_put(const struct ban *b)
{
	struct ban_info	*v;
	uint32_t	 i;

	if (bans.n >= BANSET_MAX)
		ban_evict();
	if ((i = banset_put(&bans, &b->net, b->until)) == BANSET_NONE)
		return i;
	if (ninfos < bans.cap) {
		v = recallocarray(infos, ninfos, bans.cap, sizeof(*v));
		if (v == NULL)
			fatal("ban");
		infos = v;
		ninfos = bans.cap;
	}
	infos[i].since = b->since;
	infos[i].kind = b->kind;
	strlcpy(infos[i].reason, b->reason, sizeof(infos[i].reason));
	return i;
}

/* Room for one more: the one that would end first, of those that never do
 * the oldest; not those by hand. */
static void
ban_evict(void)
{
	uint32_t	 i, best = BANSET_NONE;

	for (i = 0; i < bans.cap; i++)
		if (bans.v[i].used && infos[i].kind != BAN_HAND &&
		    (best == BANSET_NONE || ban_sooner(i, best)))
			best = i;
	if (best != BANSET_NONE)
		ban_drop(best);
}

static int
ban_sooner(uint32_t a, uint32_t b)
{
	int64_t	 x = bans.v[a].until, y = bans.v[b].until;

	if (x == y)
		return infos[a].since < infos[b].since;
	return y == BAN_FOR_EVER || (x != BAN_FOR_EVER && x < y);
}

static void
ban_drop(uint32_t i)
{
	ban_say(MSG_BANS_REMOVE, i);
	banset_remove(&bans, i);
	ban_changed();
}

static void
ban_get(uint32_t i, struct ban *b)
{
	b->net = bans.v[i].net;
	b->until = bans.v[i].until;
	b->since = infos[i].since;
	b->kind = infos[i].kind;
	strlcpy(b->reason, infos[i].reason, sizeof(b->reason));
}

const char *
ban_add(const struct ip_net *net, uint64_t ms, const char *reason)
{
	struct ban	 b = { .net = *net, .kind = BAN_HAND };
	char		 text[IP_STRLEN];
	size_t		 i;

	for (i = 0; i < nallowed; i++)
		if (ip_in(&allowed[i].ip, net) || ip_in(&net->ip,
		    &allowed[i]))
			return "it holds addresses that are never banned "
			    "(auto-ban.allowed, trusted-proxies)";
	b.since = date_now();
	if (ms == BAN_DEFAULT)
		ms = (uint64_t)expire;
	if (ms > BAN_MOST)
		return "that is longer than ten years: 0 is for ever";
	b.until = ms == 0 ? BAN_FOR_EVER : b.since + (int64_t)ms;
	strlcpy(b.reason, reason, sizeof(b.reason));
	for (i = 0; b.reason[i] != '\0'; i++)
		if (b.reason[i] < ' ' || b.reason[i] > '~')
			b.reason[i] = '?';
	if ((i = ban_put(&b)) == BANSET_NONE)
		return "there are too many bans";
	log_info("%s/%u is banned by jmapctl: %s", ip_str(&net->ip, text),
	    net->bits, b.reason);
	ban_say(MSG_BANS_ADD, (uint32_t)i);
	ban_changed();
	return NULL;
}

const char *
ban_remove(const struct ip_net *net)
{
	uint32_t	 i = banset_get(&bans, net), kind;
	char		 text[IP_STRLEN];
	uint8_t		 key[16];

	if (i == BANSET_NONE)
		return banset_find(&bans, &net->ip, date_now()) ==
		    BANSET_NONE ? "it is not banned" :
		    "it is banned as a part of a network: see ban list";
	log_info("%s/%u is let in again by jmapctl", ip_str(&net->ip, text),
	    net->bits);
	ban_drop(i);
	/* or his next fault would shut him out again */
	for (kind = 0; kind < MSG_ABUSE_MAX; kind++) {
		ban_count_key(key, kind, net);
		ban_count_forget(counts, key);
	}
	return NULL;
}

/* --- faults ------------------------------------------------------------- */

int
ban_fault(const struct ip *ip, uint32_t kind)
{
	int64_t	 now = date_mono();

	if ((ip->af != IP_V4 && ip->af != IP_V6) || kind >= MSG_ABUSE_MAX ||
	    ban_allowed(ip))
		return 0;
	if (ip->af == IP_V4)
		return ban_over(ip, 32, kind, 1, now);
	return ban_over(ip, 64, kind, 1, now) |
	    ban_over(ip, 48, kind, BAN_WIDE, now);
}

/* Count it for the network of so many bits; 1 if that is banned now. */
static int
ban_over(const struct ip *ip, unsigned int bits, uint32_t kind,
    unsigned int times, int64_t now)
{
	struct ban	 b = { .kind = kind };
	char		 text[IP_STRLEN];
	uint8_t		 key[16];
	uint32_t	 i;

	banset_net(&b.net, ip, bits);
	ban_count_key(key, kind, &b.net);
	if (!ban_count_hit(counts, key, &rates[kind], times, now))
		return 0;
	b.since = date_now();
	b.until = expire == 0 ? BAN_FOR_EVER : b.since + expire;
	strlcpy(b.reason, ban_reasons[kind], sizeof(b.reason));
	/* the rest of a flood that is in the pipes already: once is enough */
	i = banset_get(&bans, &b.net);
	if ((i != BANSET_NONE && (bans.v[i].until == BAN_FOR_EVER ||
	    bans.v[i].until > b.since)) ||
	    (i = ban_put(&b)) == BANSET_NONE)
		return 0;
	log_info("%s/%u is banned: %s", ip_str(&b.net.ip, text), bits,
	    b.reason);
	ban_say(MSG_BANS_ADD, i);
	ban_changed();
	return 1;
}

/* --- workers ------------------------------------------------------------ */

static void
ban_msg(struct msg_ban *m, const struct banset_net *n)
{
	memset(m, 0, sizeof(*m));
	memcpy(m->addr, n->net.ip.b, sizeof(m->addr));
	m->family = n->net.ip.af;
	m->bits = n->net.bits;
	m->until = n->until;
}

static void
ban_say(uint32_t op, uint32_t i)
{
	struct msg_bans	 h = { op, 1 };
	struct msg_ban	 m;
	struct child	*c;

	ban_msg(&m, &bans.v[i]);
	TAILQ_FOREACH(c, &child_list, entry)
		if (c->id == PROC_WORKER && c->peer.open)
			proc_send(&c->peer, MSG_BANS, 0, -1, &h, &m,
			    sizeof(m));
}

void
ban_tell(struct child *c)
{
	static struct msg_ban	 m[BAN_BATCH];
	struct msg_bans		 h = { MSG_BANS_ADD, 0 };
	uint32_t		 i;

	for (i = 0; i < bans.cap; i++) {
		if (bans.v[i].used)
			ban_msg(&m[h.n++], &bans.v[i]);
		if (h.n == BAN_BATCH || (i + 1 == bans.cap && h.n > 0)) {
			proc_send(&c->peer, MSG_BANS, 0, -1, &h, m,
			    h.n * sizeof(m[0]));
			h.n = 0;
		}
	}
}

/* --- time and the file --------------------------------------------------- */

static void
ban_changed(void)
{
	struct timeval	 tv = { BAN_SAVE_S, 0 };

	if (bans.n > BAN_MANY)
		tv.tv_sec = BAN_SWEEP_S;
	if (!dirty)
		evtimer_add(&ev_save, &tv);
	dirty = 1;
}

static void
ban_sweep(int fd, short what, void *arg)
{
	struct timeval	 tv = { BAN_SWEEP_S, 0 };
	int64_t		 now = date_now();
	uint32_t	 i;

	(void)fd;
	(void)what;
	(void)arg;
	for (i = 0; i < bans.cap; i++)
		if (bans.v[i].used && bans.v[i].until != BAN_FOR_EVER &&
		    bans.v[i].until <= now)
			ban_drop(i);
	evtimer_add(&ev_sweep, &tv);
}

static void
ban_save(int fd, short what, void *arg)
{
	struct timeval	 tv = { BAN_SWEEP_S, 0 };
	struct buf	 b;
	struct ban	 one;
	uint32_t	 i;

	(void)fd;
	(void)what;
	(void)arg;
	buf_init(&b, (size_t)BANSET_MAX * BAN_LINE);
	for (i = 0; i < bans.cap; i++)
		if (bans.v[i].used) {
			ban_get(i, &one);
			ban_file_line(&b, &one);
		}
	if (!buf_bad(&b) && ban_file_save(path, &b) == 0)
		dirty = 0;
	else
		evtimer_add(&ev_save, &tv);
	buf_free(&b);
}

/* --- what there is ------------------------------------------------------ */

void
ban_rows(void (*fn)(void *, const struct buf *), void *arg)
{
	struct buf	 b;
	struct ban	 one;
	char		 ip[IP_STRLEN], date[DATE_LEN];
	uint32_t	 i;

	buf_init(&b, ROW_MAX);
	for (i = 0; i < bans.cap; i++) {
		if (!bans.v[i].used || (bans.v[i].until != BAN_FOR_EVER &&
		    bans.v[i].until <= date_now()))
			continue;
		ban_get(i, &one);
		buf_reset(&b);
		row_addf(&b, "address", "%s/%u", ip_str(&one.net.ip, ip),
		    one.net.bits);
		date_utc(one.since, date);
		row_add(&b, "since", date);
		if (one.until != BAN_FOR_EVER)
			date_utc(one.until, date);
		row_add(&b, "until", one.until == BAN_FOR_EVER ? "ever" :
		    date);
		row_add(&b, "kind", ban_kinds[one.kind]);
		row_add(&b, "reason", one.reason);
		fn(arg, &b);
	}
	buf_free(&b);
}

void
ban_figures(uint64_t n[BAN_KINDS])
{
	uint32_t	 i;

	memset(n, 0, BAN_KINDS * sizeof(*n));
	for (i = 0; i < bans.cap; i++)
		if (bans.v[i].used)
			n[infos[i].kind]++;
}
