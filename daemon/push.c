/* SPDX-License-Identifier: ISC */
/*
 * jmapd-push: the role that delivers web push (RFC 8620 7.2, RFC 8030), and
 * the only one that opens connections to strangers' addresses.  A program of
 * its own, so that libcurl and what it brings is in no other process.
 *
 * One push for each change, although all workers hear of it: the worker that
 * committed the change looks up the subscriptions and tells us (MSG_PUSH),
 * the others do not.  We merge what several of them say of one subscription
 * (push_list.c), so it does not matter who was first.
 *
 * A worker's word is checked like a stranger's: whatever it says, we connect
 * to https URLs at global addresses only (push_url.h, push_http.h).  What is
 * not delivered when this process ends is lost, as RFC 8620 7 allows.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/date.h"
#include "common/dir.h"
#include "common/log.h"
#include "common/role.h"
#include "common/row.h"
#include "daemon/daemon.h"
#include "daemon/dns_ask.h"
#include "daemon/push_crypt.h"
#include "daemon/push_http.h"
#include "daemon/push_list.h"
#include "daemon/push_vapid.h"

#define RESOLV_MAX	(64 << 10)	/* bytes of resolv.conf */
#define PUSH_MEMORY	(256 << 20)
#define PUSH_HEADERS	6
#define PUSH_STATS_S	1	/* between two reports to the parent */

struct push_worker {
	LIST_ENTRY(push_worker)	 entry;
	struct proc_peer	 peer;
};

/* A message on its way. */
struct run {
	LIST_ENTRY(run)		 entry;
	struct push_sub		*sub;
	struct push_http	*http;
	char			 origin[PUSH_URL_ORIGIN];
	int			 verify;
};

static const char	*push_user(const struct conf *);
static const char	*push_dir(const struct conf *);
static uint64_t	push_memory(const struct conf *);
static void	push_init(const struct conf *);
static void	push_file(struct proc_peer *, struct msg *);
static const char	*push_conf(struct conf *);
static void	push_peer(enum msg_proc, uint32_t, int);
static void	push_gone(struct proc_peer *);
static void	push_told(struct proc_peer *, struct msg *);
static void	push_forget(struct proc_peer *, struct msg *);
static void	push_show(struct proc_peer *, struct msg *);
static void	push_dropped(void *);
static void	push_run(int, short, void *);
static int	push_start(struct push_sub *, struct push_msg *);
static int	push_post(struct run *, struct push_msg *, struct buf *);
static void	push_ended(void *, const struct push_http_end *);
static enum push_verdict	push_verdict(const struct run *,
				    const struct push_http_end *);
static void	push_destroy(const struct push_sub *);
static void	push_later(int64_t);
static void	push_changed(void);
static void	push_report(int, short, void *);

static proc_fn *const push_handlers[MSG_MAX] = {
	[MSG_CONF_FILE]	= push_file,
	[MSG_CTL_SHOW]	= push_show,
};

static proc_fn *const push_from_worker[MSG_MAX] = {
	[MSG_PUSH]	= push_told,
	[MSG_PUSH_DROP]	= push_forget,
};

static const struct role push_role = {
	.id		= PROC_PUSH,
	.handlers	= push_handlers,
	.init		= push_init,
	.user		= push_user,
	.dir		= push_dir,
	.memory		= push_memory,
	.conf		= push_conf,
	.peer		= push_peer,
};

static LIST_HEAD(, push_worker)	 workers = LIST_HEAD_INITIALIZER(workers);
static LIST_HEAD(, run)		 runs = LIST_HEAD_INITIALIZER(runs);
static size_t			 nruns;
static struct msg_push_stats	 stats;
static struct event		 ev_run, ev_stats;
static int			 reporting;
static const struct conf	*conf;
static char			*contact;
static struct buf		 resolv;	/* resolv.conf, on its way in */

static const char *const	 urgencies[MSG_PUSH_URGENCIES] = {
	[MSG_PUSH_VERY_LOW]	= "very-low",
	[MSG_PUSH_LOW]		= "low",
	[MSG_PUSH_NORMAL]	= "normal",
	[MSG_PUSH_HIGH]		= "high",
};

int
main(int argc, char *argv[])
{
#ifndef LIBRESSL_VERSION_NUMBER
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS, NULL);
#endif
	buf_init(&resolv, RESOLV_MAX);
	role_run(&push_role, argc, argv);
}

static const char *
push_user(const struct conf *c)
{
	return c->push_user;
}

static const char *
push_dir(const struct conf *c)
{
	return c->empty_dir;
}

static uint64_t
push_memory(const struct conf *c)
{
	(void)c;
	return PUSH_MEMORY;
}

/* Everything that lies outside of the root. */
static void
push_init(const struct conf *c)
{
	push_http_init(c);
	push_vapid_open(c->push_dir);
	push_list_on_drop(push_dropped);
	evtimer_set(&ev_run, push_run, NULL);
	evtimer_set(&ev_stats, push_report, NULL);
}

/* A piece of resolv.conf; all of it is here before the configuration ends. */
static void
push_file(struct proc_peer *p, struct msg *m)
{
	const struct msg_conf_file	*h = m->fixed;

	(void)p;
	if (h->what != MSG_FILE_RESOLV ||
	    buf_add(&resolv, m->tail, m->tail_len) == -1)
		fatalx("a file that is none of ours");
}

static const char *
push_conf(struct conf *c)
{
	conf = c;
	dns_ask_servers(resolv.len > 0 ? buf_str(&resolv) : "");
	buf_reset(&resolv);
	free(contact);
	if (c->push_contact[0] != '\0')
		contact = strdup(c->push_contact);
	else if (asprintf(&contact, "mailto:postmaster@%s", c->hostname) == -1)
		contact = NULL;
	if (contact == NULL)
		fatal("push");
	push_http_conf(c);
	push_list_conf(c);
	return NULL;
}

/* --- from workers --------------------------------------------------------- */

static void
push_peer(enum msg_proc id, uint32_t slot, int fd)
{
	struct msg_push_key	 key = { { 0 }, { 0 } };
	struct push_worker	*w;

	if (id != PROC_WORKER)
		fatalx("push: a pipe to %s", msg_procs[id]);
	if ((w = calloc(1, sizeof(*w))) == NULL)
		fatal("push");
	proc_open(&w->peer, PROC_WORKER, slot, fd, push_from_worker,
	    push_gone, w);
	LIST_INSERT_HEAD(&workers, w, entry);
	if (push_vapid_point(key.point) == 0)
		proc_send(&w->peer, MSG_PUSH_KEY, 0, -1, &key, NULL, 0);
}

static void
push_gone(struct proc_peer *p)
{
	struct push_worker	*w = p->arg;

	LIST_REMOVE(w, entry);
	free(w);
}

static void
push_told(struct proc_peer *p, struct msg *m)
{
	const char	*why;
	int		 full;

	why = push_list_add(m->fixed, m->tail, m->tail_len, p->slot,
	    date_mono(), &full);
	/* the message has keys in it; it lies in the pipe's buffer, ours */
	explicit_bzero(p->ibuf.in.data + (m->tail - p->ibuf.in.data),
	    m->tail_len);
	explicit_bzero(p->fixed, sizeof(p->fixed));
	if (why != NULL) {
		log_warnx("worker %u: a push is refused: %s", p->slot, why);
		full ? stats.dropped++ : stats.refused++;
		push_changed();
	}
	push_later(0);
}

static void
push_forget(struct proc_peer *p, struct msg *m)
{
	const struct msg_push_id	*h = m->fixed;

	(void)p;
	push_list_drop(h->account, h->id);
}

/* --- out ------------------------------------------------------------------ */

static void
push_later(int64_t ms)
{
	struct timeval	 tv = { ms / 1000, ms % 1000 * 1000 };

	evtimer_del(&ev_run);
	evtimer_add(&ev_run, &tv);
}

/* As much as is due and may run at once. */
static void
push_run(int fd, short what, void *arg)
{
	struct push_msg	 m;
	struct push_sub	*s;
	int64_t		 now = date_mono(), wait = -1;
	int		 ok;

	(void)fd;
	(void)what;
	(void)arg;
	while (nruns < PUSH_HTTP_MAX &&
	    (s = push_list_next(now, &m, &wait)) != NULL) {
		ok = push_start(s, &m);
		buf_freezero(&m.body);
		if (ok == 0)
			continue;
		stats.dropped++;
		push_list_end(s, PUSH_NEVER, 0, now);
	}
	push_changed();
	if (wait >= 0)
		push_later(wait);
}

static int
push_start(struct push_sub *s, struct push_msg *m)
{
	struct buf	 secret, *body = &m->body;
	struct run	*r;
	int		 ret = -1;

	buf_init(&secret, 2 * PUSH_CRYPT_MAX);
	if ((r = calloc(1, sizeof(*r))) == NULL || buf_bad(&m->body))
		goto done;
	r->sub = s;
	r->verify = m->verify;
	strlcpy(r->origin, m->url->origin, sizeof(r->origin));
	if (m->p256dh != NULL) {
		if (push_crypt(&secret, m->p256dh, m->auth, m->body.data,
		    m->body.len) == -1) {
			log_warnx("%s: a push cannot be encrypted", r->origin);
			goto done;
		}
		body = &secret;
	}
	if (push_post(r, m, body) == -1)
		goto done;
	push_list_arg(s, r);
	LIST_INSERT_HEAD(&runs, r, entry);
	nruns++;
	r = NULL;
	ret = 0;
done:
	free(r);
	buf_free(&secret);
	return ret;
}

/* RFC 8030 5: TTL always; RFC 8292 3: Authorization. */
static int
push_post(struct run *r, struct push_msg *m, struct buf *body)
{
	const char		*headers[PUSH_HEADERS];
	struct push_http_req	 q = { .url = m->url, .text = m->text,
				    .headers = headers, .body = body->data,
				    .len = body->len, .fn = push_ended,
				    .arg = r };
	char			 ttl[32], urgency[32], topic[64];
	struct buf		 auth;

	buf_init(&auth, 8192);
	(void)snprintf(ttl, sizeof(ttl), "TTL: %llu",
	    (unsigned long long)conf->push_ttl / 1000);
	(void)snprintf(urgency, sizeof(urgency), "Urgency: %s",
	    urgencies[m->urgency]);
	(void)snprintf(topic, sizeof(topic), "Topic: %s", m->topic);
	headers[q.nheaders++] = "Content-Type: application/json";
	headers[q.nheaders++] = ttl;
	headers[q.nheaders++] = urgency;
	if (m->topic[0] != '\0')
		headers[q.nheaders++] = topic;
	if (m->p256dh != NULL)
		headers[q.nheaders++] = "Content-Encoding: aes128gcm";
	buf_adds(&auth, "Authorization: ");
	if (push_vapid_header(&auth, m->url->origin, contact,
	    date_now()) == 0 && buf_str(&auth) != NULL)
		headers[q.nheaders++] = buf_str(&auth);
	r->http = push_http_post(&q);
	buf_free(&auth);
	return r->http == NULL ? -1 : 0;
}

/* The subscription is gone while a message was on its way. */
static void
push_dropped(void *arg)
{
	struct run	*r = arg;

	if (r == NULL)
		return;
	push_http_cancel(r->http);
	LIST_REMOVE(r, entry);
	nruns--;
	free(r);
}

/* --- what became of it ---------------------------------------------------- */

static void
push_ended(void *arg, const struct push_http_end *e)
{
	struct run		*r = arg;
	enum push_verdict	 v = push_verdict(r, e);
	int			 gave_up;

	LIST_REMOVE(r, entry);
	nruns--;
	if (v == PUSH_DONE)
		stats.sent++;
	else
		log_info("%s: push not delivered: %s %d (%u failures before)",
		    r->origin, e->why, e->status,
		    push_list_failures(r->sub));
	if (v == PUSH_GONE)
		push_destroy(r->sub);
	gave_up = push_list_end(r->sub, v, e->retry_s, date_mono());
	if (v != PUSH_DONE)
		stats.failed++;
	if (e->result == PUSH_HTTP_REFUSED)
		stats.refused++;
	if (gave_up && v != PUSH_GONE)
		stats.dropped++;
	free(r);
	push_changed();
	push_later(0);
}

static enum push_verdict
push_verdict(const struct run *r, const struct push_http_end *e)
{
	if (e->result == PUSH_HTTP_REFUSED)
		return PUSH_NEVER;
	if (e->result == PUSH_HTTP_UNREACHED)
		return PUSH_RETRY;
	if (e->result == PUSH_HTTP_ANSWER && e->status / 100 == 2)
		return PUSH_DONE;
	/* RFC 8030 7.3: it has expired; 404: so do push services say */
	if (e->status == 404 || e->status == 410)
		return PUSH_GONE;
	/* RFC 8620 7.2.2: no further request before the client answers */
	if (r->verify)
		return PUSH_NEVER;
	if (e->result == PUSH_HTTP_BROKEN || e->status / 100 == 5 ||
	    e->status == 408)
		return PUSH_RETRY;
	if (e->status == 429)
		return PUSH_SLOWER;
	return PUSH_NEVER;		/* a redirect, too */
}

/* Some worker destroys it in the account; rather the one that spoke of it. */
static void
push_destroy(const struct push_sub *s)
{
	struct push_worker	*w, *to = LIST_FIRST(&workers);
	struct msg_push_id	 id;
	uint32_t		 slot;
	char			 name[DIR_ACCOUNT_LEN];

	push_list_who(s, &id, &slot);
	LIST_FOREACH(w, &workers, entry)
		if (w->peer.slot == slot)
			to = w;
	log_info("account %s: push subscription %llu has gone",
	    dir_account(id.account, name), (unsigned long long)id.id);
	if (to != NULL)
		proc_send(&to->peer, MSG_PUSH_GONE, 0, -1, &id, NULL, 0);
}

/* --- figures -------------------------------------------------------------- */

/* The parent hears of it within a second. */
static void
push_changed(void)
{
	struct timeval	 tv = { PUSH_STATS_S, 0 };

	if (reporting)
		return;
	reporting = 1;
	evtimer_add(&ev_stats, &tv);
}

static void
push_report(int fd, short what, void *arg)
{
	static struct msg_push_stats	 told;

	(void)fd;
	(void)what;
	(void)arg;
	reporting = 0;
	stats.waiting = push_list_waiting();
	if (memcmp(&told, &stats, sizeof(told)) == 0)
		return;
	told = stats;
	proc_send(&role_parent, MSG_PUSH_STATS, 0, -1, &stats, NULL, 0);
}

static void
push_show(struct proc_peer *p, struct msg *m)
{
	struct msg_ctl_end	 end = { 0 };
	struct buf		 b;

	buf_init(&b, ROW_MAX);
	row_add(&b, "process", "push");
	row_addu(&b, "pid", (uint64_t)getpid());
	row_addf(&b, "detail", "%llu sent, %llu failed, %llu refused, "
	    "%llu dropped, %zu waiting", (unsigned long long)stats.sent,
	    (unsigned long long)stats.failed,
	    (unsigned long long)stats.refused,
	    (unsigned long long)stats.dropped, push_list_waiting());
	proc_send(p, MSG_CTL_ROW, m->id, -1, NULL, b.data, b.len);
	proc_send(p, MSG_CTL_END, m->id, -1, &end, NULL, 0);
	buf_free(&b);
}
