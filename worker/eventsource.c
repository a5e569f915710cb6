/* SPDX-License-Identifier: ISC */
/*
 * Event streams (RFC 8620 7.3; the format is HTML's "server-sent events").
 * A stream keeps no queue: when something may have changed it is marked, and
 * asked for the event only when the client has taken what was before, so a
 * slow client gets the newest state once, and a stream costs its request and
 * no buffer.  A revoked login or a draining worker ends it.
 */
#include "common/compat.h"

#include <sys/time.h>
#include <event.h>

#include <stdlib.h>
#include <string.h>

#include "common/auth_ask.h"
#include "common/conf.h"
#include "common/dir.h"
#include "common/share.h"
#include "worker/eventsource.h"
#include "worker/http/http.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_push.h"
#include "worker/notify.h"
#include "worker/watch.h"

#define ES_BUFFER	16384		/* security.md 3.5 */
#define ES_PING_MAX	300		/* s; RFC 8620 7.3: not less */
#define ES_PING_DIGITS	9

/* Why a stream is awake. */
#define ES_LOOK		0x01	/* the account may have changed */
#define ES_PING		0x02
#define ES_DRAIN	0x04
#define ES_END		0x08	/* at once: the login is not valid any more */
#define ES_FIRST	0x10	/* the client's own state is not known */

struct es {
	TAILQ_ENTRY(es)	 entry;
	struct watch	 watch;
	struct req	*r;
	struct event	 ev_ping;
	struct buf	 out;		/* what the transport has not taken */
	uint32_t	 types;		/* asked for */
	uint32_t	 ping;		/* seconds, 0: none */
	int		 place;		/* where it is counted */
	int		 why;		/* ES_ */
	int		 once;		/* closeafter=state */
	int		 over;		/* nothing will come after out */
};
TAILQ_HEAD(es_list, es);

static const char	*es_args(struct es *, struct req *);
static const char	*es_ping_arg(struct es *, struct req *);
static void		 es_start(struct es *, struct req *);
static ssize_t		 es_read(struct req *, void *, struct buf *, size_t);
static void		 es_fill(struct es *);
static void		 es_look(struct es *);
static void		 es_event(struct es *, const char *, struct buf *,
			    const char *);
static void		 es_timer(struct es *);
static void		 es_ping(int, short, void *);
static void		 es_woken(void *);
static void		 es_done(struct req *, void *);
static void		 es_revoke(uint64_t);

static struct es_list	 streams = TAILQ_HEAD_INITIALIZER(streams);
static int		 draining;

void
eventsource_init(void)
{
	auth_ask_on_revoke(es_revoke);
}

void
eventsource_get(struct req *r)
{
	const char	*why;
	struct es	*es = NULL;

	if (r->user.account == 0) {
		req_problem(r, 403, NULL, NULL, "this login has no account");
		return;
	}
	if (draining || (es = calloc(1, sizeof(*es))) == NULL) {
		req_hdr_add(r, "Retry-After", "1");
		req_problem(r, 503, NULL, NULL, NULL);
		return;
	}
	if ((why = es_args(es, r)) != NULL)
		req_problem(r, 400, NULL, NULL, why);
	else if ((es->place = share_enter(r->user.account, SHARE_EVENTS,
	    r->conf->max_event_streams)) == SHARE_FULL) {
		req_hdr_add(r, "Retry-After", "30");
		req_problem(r, 429, NULL, NULL, "too many event streams");
	} else {
		es_start(es, r);
		return;
	}
	free(es);
}

/* NULL, or what is wrong with the parameters. */
static const char *
es_args(struct es *es, struct req *r)
{
	const char	*types = req_query(r, "types");
	const char	*after = req_query(r, "closeafter");

	if (types == NULL || jmap_push_types(types, &es->types) == -1)
		return "types must be * or names between commas";
	if (after == NULL ||
	    (strcmp(after, "state") != 0 && strcmp(after, "no") != 0))
		return "closeafter must be state or no";
	es->once = strcmp(after, "state") == 0;
	return es_ping_arg(es, r);
}

static const char *
es_ping_arg(struct es *es, struct req *r)
{
	const char	*s = req_query(r, "ping");
	uint32_t	 min = (uint32_t)(r->conf->event_ping_min / 1000);
	size_t		 n;

	n = s == NULL ? 0 : strspn(s, "0123456789");
	if (n == 0 || n > ES_PING_DIGITS || s[n] != '\0')
		return "ping must be a number of seconds";
	es->ping = (uint32_t)strtoul(s, NULL, 10);
	if (es->ping > ES_PING_MAX)
		es->ping = ES_PING_MAX;
	if (es->ping != 0 && es->ping < min)
		es->ping = min;
	return NULL;
}

static void
es_start(struct es *es, struct req *r)
{
	const char	*id = req_hdr(r, HDR_LAST_EVENT_ID);

	es->r = r;
	es->why = ES_LOOK;
	watch_start(&es->watch, r->user.account, es->types, es_woken, es);
	if (id == NULL || watch_since(&es->watch, id) == -1)
		es->why |= ES_FIRST;
	buf_init(&es->out, ES_BUFFER);
	TAILQ_INSERT_TAIL(&streams, es, entry);
	evtimer_set(&es->ev_ping, es_ping, es);
	es_timer(es);
	/* once it is answered, both may be gone */
	req_stream(r, 200, "text/event-stream", -1, es_read, es_done, es);
}

/* --- what is sent ------------------------------------------------------- */

static ssize_t
es_read(struct req *r, void *arg, struct buf *out, size_t max)
{
	struct es	*es = arg;
	size_t		 n;

	(void)r;
	if (buf_left(&es->out) == 0 && !es->over)
		es_fill(es);
	if (buf_bad(&es->out))
		return -1;
	if ((n = buf_left(&es->out)) == 0)
		return es->over ? 0 : STREAM_WAIT;
	if (n > max)
		n = max;
	if (buf_add(out, buf_peek(&es->out), n) == -1)
		return -1;
	buf_skip(&es->out, n);
	if (buf_left(&es->out) == 0)
		buf_free(&es->out);
	return (ssize_t)n;
}

/* The reasons that it is awake become text. */
static void
es_fill(struct es *es)
{
	struct buf	 b;

	if (es->why & ES_END) {
		es->over = 1;
		return;
	}
	if (es->why & ES_LOOK)
		es_look(es);
	if ((es->why & ES_PING) && buf_left(&es->out) == 0) {
		buf_init(&b, 64);
		buf_addf(&b, "{\"interval\":%u}", es->ping);
		es_event(es, "ping", &b, NULL);
		buf_free(&b);
	}
	if ((es->why & ES_DRAIN) && !es->over) {
		buf_adds(&es->out, ": come again\n\n");
		es->over = 1;
	}
	es->why = 0;
}

static void
es_look(struct es *es)
{
	struct buf	 b;
	int		 any;

	buf_init(&b, ES_BUFFER / 2);
	if ((any = watch_look(&es->watch, &b, 0)) == -1)
		es->over = 1;		/* the client comes again */
	else if ((es->why & ES_FIRST) && es->once)
		/* it waits for the next change: no event, but an id, so that
		 * it misses none between this answer and its next request */
		buf_addf(&es->out, "id: %s\n\n", es->watch.id);
	else if (any) {
		es_event(es, "state", &b, es->watch.id);
		es->over |= es->once;
	}
	buf_free(&b);
}

static void
es_event(struct es *es, const char *name, struct buf *data, const char *id)
{
	buf_addf(&es->out, "event: %s\n", name);
	if (id != NULL)
		buf_addf(&es->out, "id: %s\n", id);
	buf_adds(&es->out, "data: ");
	buf_add(&es->out, buf_peek(data), buf_left(data));
	buf_adds(&es->out, "\n\n");
	es_timer(es);
}

/* --- when --------------------------------------------------------------- */

/* RFC 8620 7.3: whenever this time elapses since the previous event */
static void
es_timer(struct es *es)
{
	struct timeval	 tv = { es->ping, 0 };

	if (es->ping != 0)
		evtimer_add(&es->ev_ping, &tv);
}

static void
es_ping(int fd, short what, void *arg)
{
	struct es	*es = arg;

	(void)fd;
	(void)what;
	es->why |= ES_PING;
	req_resume(es->r);
}

static void
es_woken(void *arg)
{
	struct es	*es = arg;

	es->why |= ES_LOOK;
	req_resume(es->r);
}

static void
es_done(struct req *r, void *arg)
{
	struct es	*es = arg;

	(void)r;
	share_leave(es->place, SHARE_EVENTS);
	evtimer_del(&es->ev_ping);
	watch_stop(&es->watch);
	TAILQ_REMOVE(&streams, es, entry);
	buf_free(&es->out);
	free(es);
}

static void
es_revoke(uint64_t account)
{
	struct es	*es;

	TAILQ_FOREACH(es, &streams, entry)
		if (account == 0 || es->watch.own.account == account) {
			es->why |= ES_END;
			notify_wake(&es->watch.own);
		}
	notify_run();
}

void
eventsource_drain(void)
{
	struct es	*es;

	draining = 1;
	TAILQ_FOREACH(es, &streams, entry) {
		es->why |= ES_DRAIN;
		notify_wake(&es->watch.own);
	}
	notify_run();
}
