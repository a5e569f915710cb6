/* SPDX-License-Identifier: ISC */
/*
 * /metrics: the figures of all workers and of the parent as text that
 * Prometheus reads (exposition format 0.0.4).  Called by the table of
 * worker_routes.c, and at the end of each request to count it.
 *
 * It is for this machine itself, or whoever has http.metrics-credentials;
 * what a proxy on this machine passes on is not from this machine.
 */
#include "common/compat.h"

#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/hdr_check.h"
#include "common/kv.h"
#include "common/proc.h"
#include "common/role.h"
#include "common/share.h"
#include "worker/policy/authz.h"
#include "worker/worker.h"

#define METRICS_MAX	(256 * 1024)
#define METRICS_WAIT	2	/* s for the parent's part */

/* A request that waits for the parent; lives in its arena. */
struct scrape {
	LIST_ENTRY(scrape)	 entry;
	struct req		*r;
	uint32_t		 id;
	struct event		 ev;
};

static int	metrics_may(struct req *);
static int	metrics_knows(const struct req *);
static void	metrics_late(int, short, void *);
static void	metrics_gone(struct req *, void *);
static void	metrics_publish(void);
static void	metrics_write(struct buf *, const struct msg_stats *);
static void	metrics_requests(struct buf *, const struct share_sum *);
static void	metrics_answers(struct buf *, size_t, size_t, uint64_t);
static void	metrics_latency(struct buf *, const struct share_sum *);
static void	metrics_shared(struct buf *, const struct share_sum *);
static void	metrics_queue(struct buf *, const struct msg_queue_stats *);
static void	metrics_parent(struct buf *, const struct msg_stats *);
static void	metrics_head(struct buf *, const char *, const char *,
		    const char *);
static void	metrics_seconds(struct buf *, uint64_t);

static LIST_HEAD(, scrape)	 scrapes = LIST_HEAD_INITIALIZER(scrapes);
static uint32_t			 last_id;

/* Figures with at most one label; rows of one name stand together. */
static const struct figure {
	enum share_figure	 which;
	const char		*name, *label, *type, *help;
} figures[] = {
	{ SHARE_BYTES, "jmapd_response_bytes_total", NULL, "counter",
	    "Bytes of answers' bodies." },
	{ SHARE_RUNNING, "jmapd_requests_running", NULL, "gauge",
	    "Requests that are being worked on." },
	{ SHARE_OVER_ACCOUNT, "jmapd_limited_total", "limit=\"account\"",
	    "counter", "Requests refused by a limit." },
	{ SHARE_OVER_ANONYMOUS, "jmapd_limited_total",
	    "limit=\"anonymous\"", NULL, NULL },
	{ SHARE_OVER_BUSY, "jmapd_limited_total", "limit=\"concurrent\"",
	    NULL, NULL },
	{ SHARE_AUTH_OK, "jmapd_auth_total", "result=\"ok\"", "counter",
	    "Answers of the auth process to logins." },
	{ SHARE_AUTH_WRONG, "jmapd_auth_total", "result=\"wrong\"", NULL,
	    NULL },
	{ SHARE_AUTH_LIMITED, "jmapd_auth_total", "result=\"limited\"", NULL,
	    NULL },
	{ SHARE_AUTH_OFF, "jmapd_auth_total", "result=\"off\"", NULL, NULL },
	{ SHARE_AUTH_BUSY, "jmapd_auth_total", "result=\"busy\"", NULL,
	    NULL },
	{ SHARE_BANNED, "jmapd_banned_requests_total", NULL, "counter",
	    "Requests of banned clients, answered 403." },
	{ SHARE_ENVS, "jmapd_store_environments", NULL, "gauge",
	    "Account stores that are open, once for each worker." },
	{ SHARE_COMMITS, "jmapd_store_commits_total", NULL, "counter",
	    "Transactions written to account stores." },
};

/* --- counting ----------------------------------------------------------- */

void
metrics_ended(const struct req *r, int64_t us)
{
	if (r->reply->status != 0)
		share_answered(r->class, r->reply->status, us,
		    r->reply->sent);
	metrics_publish();
}

/* What others cannot see of us. */
static void
metrics_publish(void)
{
	static uint64_t	 told;
	uint64_t	 envs, commits;

	kv_figures(&envs, &commits);
	share_set(SHARE_ENVS, envs);
	if (commits != told)
		share_add(SHARE_COMMITS, commits - told);
	told = commits;
	share_set(SHARE_RUNNING, http_stats.begun - http_stats.ended - 1);
}

/* --- who may ------------------------------------------------------------ */

void
metrics_get(struct req *r)
{
	struct timeval	 tv = { METRICS_WAIT, 0 };
	struct scrape	*s;

	if (!metrics_may(r))
		return;
	if ((s = arena_get(&r->arena, sizeof(*s))) == NULL) {
		req_problem(r, 503, NULL, NULL, NULL);
		return;
	}
	s->r = r;
	s->id = ++last_id;
	LIST_INSERT_HEAD(&scrapes, s, entry);
	evtimer_set(&s->ev, metrics_late, s);
	evtimer_add(&s->ev, &tv);
	req_park(r, metrics_gone, s);
	proc_send(&role_parent, MSG_STATS, s->id, -1, NULL, NULL, 0);
}

/* 1, or 0 and it has been answered. */
static int
metrics_may(struct req *r)
{
	if (req_local(r) || metrics_knows(r))
		return 1;
	if (*r->conf->metrics_credentials == '\0')
		req_problem(r, 403, NULL, NULL,
		    "figures are for this machine only");
	else if (!authz_private(r))
		req_problem(r, 403, NULL, NULL,
		    "passwords are not taken over plain HTTP: use https");
	else {
		req_hdr_add(r, "WWW-Authenticate",
		    "Basic realm=\"metrics\", charset=\"UTF-8\"");
		req_problem(r, 401, NULL, NULL, NULL);
	}
	return 0;
}

/* Compared as digests, in constant time whatever the lengths. */
static int
metrics_knows(const struct req *r)
{
	char		 user[AUTHZ_USER], secret[AUTHZ_SECRET];
	char		 both[AUTHZ_USER + AUTHZ_SECRET];
	uint8_t		 got[SHA256_DIGEST_LENGTH], want[SHA256_DIGEST_LENGTH];
	const char	*value = req_hdr(r, HDR_AUTHORIZATION);
	const char	*conf = r->conf->metrics_credentials;
	int		 ok;

	if (*conf == '\0' || value == NULL || !authz_private(r) ||
	    !authz_basic(value, user, secret))
		return 0;
	strlcpy(both, user, sizeof(both));
	strlcat(both, ":", sizeof(both));
	strlcat(both, secret, sizeof(both));
	SHA256((const uint8_t *)both, strlen(both), got);
	SHA256((const uint8_t *)conf, strlen(conf), want);
	ok = timingsafe_bcmp(got, want, sizeof(got)) == 0;
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(both, sizeof(both));
	return ok;
}

/* --- the parent's part -------------------------------------------------- */

void
metrics_stats(struct proc_peer *p, struct msg *m)
{
	struct scrape	*s;
	struct req	*r;
	struct buf	 b;

	(void)p;
	LIST_FOREACH(s, &scrapes, entry)
		if (s->id == m->id)
			break;
	if (s == NULL)
		return;
	r = s->r;
	metrics_gone(r, s);
	buf_init(&b, METRICS_MAX);
	metrics_write(&b, m->fixed);
	req_reply_buf(r, 200, "text/plain; version=0.0.4; charset=utf-8", &b);
}

static void
metrics_late(int fd, short what, void *arg)
{
	struct scrape	*s = arg;
	struct req	*r = s->r;

	(void)fd;
	(void)what;
	metrics_gone(r, s);
	req_problem(r, 503, NULL, NULL, "the parent does not answer");
}

static void
metrics_gone(struct req *r, void *arg)
{
	struct scrape	*s = arg;

	(void)r;
	LIST_REMOVE(s, entry);
	evtimer_del(&s->ev);
}

/* --- the text ----------------------------------------------------------- */

static void
metrics_write(struct buf *b, const struct msg_stats *st)
{
	static struct share_sum	 sum;

	metrics_publish();
	share_total(&sum);
	metrics_requests(b, &sum);
	metrics_latency(b, &sum);
	metrics_shared(b, &sum);
	metrics_parent(b, st);
}

static void
metrics_head(struct buf *b, const char *name, const char *type,
    const char *help)
{
	buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
metrics_requests(struct buf *b, const struct share_sum *s)
{
	size_t	 c, k;

	metrics_head(b, "jmapd_requests_total", "counter",
	    "Requests answered, by class and status.");
	for (c = 0; c < HTTP_CLASSES; c++)
		for (k = 0; k < SHARE_STATUS; k++)
			if (s->answers[c][k] != 0)
				metrics_answers(b, c, k, s->answers[c][k]);
}

static void
metrics_answers(struct buf *b, size_t class, size_t k, uint64_t n)
{
	buf_addf(b, "jmapd_requests_total{class=\"%s\",status=\"",
	    hdr_check_classes[class]);
	if (k < SHARE_STATUS - 1)
		buf_addf(b, "%u", share_statuses[k]);
	else
		buf_adds(b, "other");
	buf_addf(b, "\"} %llu\n", (unsigned long long)n);
}

/* Microseconds as seconds, without the locale's comma. */
static void
metrics_seconds(struct buf *b, uint64_t us)
{
	buf_addf(b, "%llu.%06llu", (unsigned long long)(us / 1000000),
	    (unsigned long long)(us % 1000000));
}

static void
metrics_latency(struct buf *b, const struct share_sum *s)
{
	static const char	 name[] = "jmapd_request_seconds";
	uint64_t		 n;
	size_t			 c, k;

	metrics_head(b, name, "histogram",
	    "Time from a request's first byte to the end of its answer.");
	for (c = 0; c < HTTP_CLASSES; c++) {
		for (n = k = 0; k < SHARE_BUCKETS; k++)
			n += s->bucket[c][k];
		if (n == 0)
			continue;
		for (n = k = 0; k < SHARE_BUCKETS; k++) {
			n += s->bucket[c][k];
			buf_addf(b, "%s_bucket{class=\"%s\",le=\"", name,
			    hdr_check_classes[c]);
			if (k < SHARE_BUCKETS - 1)
				metrics_seconds(b, share_bounds_us[k]);
			else
				buf_adds(b, "+Inf");
			buf_addf(b, "\"} %llu\n", (unsigned long long)n);
		}
		buf_addf(b, "%s_sum{class=\"%s\"} ", name,
		    hdr_check_classes[c]);
		metrics_seconds(b, s->us[c]);
		buf_addf(b, "\n%s_count{class=\"%s\"} %llu\n", name,
		    hdr_check_classes[c], (unsigned long long)n);
	}
}

static void
metrics_shared(struct buf *b, const struct share_sum *s)
{
	const struct figure	*f;

	for (f = figures; f < figures + nitems(figures); f++) {
		if (f->type != NULL)
			metrics_head(b, f->name, f->type, f->help);
		buf_adds(b, f->name);
		if (f->label != NULL)
			buf_addf(b, "{%s}", f->label);
		buf_addf(b, " %llu\n",
		    (unsigned long long)s->figure[f->which]);
	}
}

static void
metrics_queue(struct buf *b, const struct msg_queue_stats *q)
{
	const struct {
		const char	*name, *type, *help;
		uint64_t	 value;
	} one[] = {
		{ "jmapd_queue_messages", "gauge",
		    "Mail on its way out.", q->messages },
		{ "jmapd_queue_bytes", "gauge", "Its bytes.", q->bytes },
		{ "jmapd_queue_held", "gauge",
		    "Of it, until a time that was asked for.", q->held },
		{ "jmapd_queue_deferred", "gauge",
		    "Of it, until another attempt.", q->deferred },
		{ "jmapd_queue_accepted_total", "counter",
		    "Mail taken into the queue.", q->accepted },
		{ "jmapd_queue_refused_total", "counter",
		    "Mail that was not.", q->refused },
		{ "jmapd_queue_retries_total", "counter",
		    "Attempts that are to be made again.", q->retries },
		{ "jmapd_queue_bounces_total", "counter",
		    "Notifications sent to senders.", q->bounces },
	};
	size_t	 i;

	for (i = 0; i < nitems(one); i++) {
		metrics_head(b, one[i].name, one[i].type, one[i].help);
		buf_addf(b, "%s %llu\n", one[i].name,
		    (unsigned long long)one[i].value);
	}
	metrics_head(b, "jmapd_queue_recipients_total", "counter",
	    "What became of recipients.");
	buf_addf(b, "jmapd_queue_recipients_total{fate=\"delivered\"} %llu\n"
	    "jmapd_queue_recipients_total{fate=\"relayed\"} %llu\n"
	    "jmapd_queue_recipients_total{fate=\"failed\"} %llu\n",
	    (unsigned long long)q->delivered, (unsigned long long)q->relayed,
	    (unsigned long long)q->failed);
}

static void
metrics_parent(struct buf *b, const struct msg_stats *st)
{
	static const char *const	 kinds[] = {
		"authentication", "abuse", "loiter", "scan", "manual"
	};
	const struct {
		const char	*name, *type, *help;
		uint64_t	 value;
	} one[] = {
		{ "jmapd_uptime_seconds", "gauge",
		    "Since the start of the parent.", st->uptime },
		{ "jmapd_configuration", "gauge",
		    "The generation in force.", st->generation },
		{ "jmapd_connections", "gauge", "Connections that are open.",
		    st->conns },
		{ "jmapd_connections_accepted_total", "counter",
		    "Connections let in.", st->accepted },
		{ "jmapd_connections_refused_total", "counter",
		    "Connections turned away at a limit.", st->refused },
		{ "jmapd_connections_banned_total", "counter",
		    "Connections of banned addresses, dropped.", st->banned },
		{ "jmapd_push_sent_total", "counter",
		    "Push messages that a push service took.", st->push.sent },
		{ "jmapd_push_failed_total", "counter",
		    "Attempts to push that failed.", st->push.failed },
		{ "jmapd_push_refused_total", "counter",
		    "Pushes to where none may go.", st->push.refused },
		{ "jmapd_push_dropped_total", "counter",
		    "Push messages given up.", st->push.dropped },
		{ "jmapd_push_waiting", "gauge",
		    "Subscriptions with something to be told.",
		    st->push.waiting },
	};
	size_t	 i;

	for (i = 0; i < nitems(one); i++) {
		metrics_head(b, one[i].name, one[i].type, one[i].help);
		buf_addf(b, "%s %llu\n", one[i].name,
		    (unsigned long long)one[i].value);
	}
	metrics_queue(b, &st->queue);
	metrics_head(b, "jmapd_bans", "gauge", "Networks that are banned.");
	for (i = 0; i < nitems(kinds); i++)
		buf_addf(b, "jmapd_bans{kind=\"%s\"} %llu\n", kinds[i],
		    (unsigned long long)st->bans[i]);
	metrics_head(b, "jmapd_processes", "gauge", "Processes that run.");
	for (i = 0; i < PROC_CTL; i++)
		buf_addf(b, "jmapd_processes{role=\"%s\"} %llu\n",
		    msg_procs[i], (unsigned long long)st->up[i]);
	metrics_head(b, "jmapd_restarts_total", "counter",
	    "Processes started again after they died.");
	for (i = PROC_KEYS; i < PROC_CTL; i++)
		buf_addf(b, "jmapd_restarts_total{role=\"%s\"} %llu\n",
		    msg_procs[i], (unsigned long long)st->restarts[i]);
}
