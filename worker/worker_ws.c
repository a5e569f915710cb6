/* SPDX-License-Identifier: ISC */
/*
 * JMAP over WebSocket (RFC 8887): requests as messages, and pushes between
 * them.  A pushed state is made when the client has taken what was before,
 * so a slow client gets the newest once.  A revoked login ends it (4.2).
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/auth_ask.h"
#include "common/conf.h"
#include "common/dir.h"
#include "common/js.h"
#include "common/share.h"
#include "worker/http/websocket.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_push.h"
#include "worker/jmap/jmap_share.h"
#include "worker/notify.h"
#include "worker/people.h"
#include "worker/watch.h"
#include "worker/policy/policy.h"
#include "worker/worker.h"
#include "worker/worker_jmap.h"
#include "worker/worker_ws.h"

#define WS_URL		512
#define WS_PUSH		"WebSocketPush"	/* begins the other two types */
#define LIMIT		"urn:ietf:params:jmap:error:limit"

/* A request that waits for principals, then its answer for its turn. */
struct ws_wait {
	TAILQ_ENTRY(ws_wait)	 entry;
	struct ws		*s;
	struct people_ask	*ask;		/* NULL: answered */
	uint8_t			*p;
	size_t			 n;
	int			 place;
	struct buf		 out;
	int			 lost;		/* there is no answer */
};

struct ws {
	TAILQ_ENTRY(ws)		 entry;
	struct websocket	*w;
	struct watch		 watch;
	struct req_user		 user;
	TAILQ_HEAD(, ws_wait)	 waits;
	int			 place;		/* where it is counted */
	int			 push;
	int			 revoked;
	char			 url[];		/* what url_base said */
};
TAILQ_HEAD(ws_list, ws);

static void	ws_message(struct websocket *, void *, const uint8_t *,
		    size_t);
static int	ws_push(struct ws *, const uint8_t *, size_t);
static int	ws_enable(struct ws *, struct js_val *);
static int	ws_types(struct js_val *, uint32_t *);
static void	ws_request(struct ws *, const uint8_t *, size_t);
static int	ws_later(struct ws *, const uint8_t *, size_t, int);
static void	ws_people(void *, const struct jmap_dir *);
static void	ws_ready(struct ws *);
static void	ws_wait_free(struct ws_wait *);
static void	ws_answer(struct ws *, const uint8_t *, size_t, int,
		    struct buf *);
static void	ws_error(struct ws *, const uint8_t *, size_t, int,
		    const char *, const char *);
static void	ws_woken(struct websocket *, void *);
static void	ws_changed(void *);
static void	ws_gone(void *);
static void	ws_revoke(uint64_t);

static const struct websocket_ops	ws_ops = {
	ws_message, ws_woken, ws_gone
};
static struct ws_list	 sockets = TAILQ_HEAD_INITIALIZER(sockets);

void
worker_ws_init(void)
{
	auth_ask_on_revoke(ws_revoke);
}

void
worker_ws_get(struct req *r)
{
	struct ws	*s;
	char		 url[WS_URL];
	int		 place;

	if (!websocket_check(r, "jmap", cors_allows))
		return;
	if (r->user.account == 0) {
		req_problem(r, 403, NULL, NULL, "this login has no account");
		return;
	}
	place = share_enter(r->user.account, SHARE_SOCKET,
	    r->conf->max_websockets);
	if (place == SHARE_FULL) {
		req_hdr_add(r, "Retry-After", "30");
		req_problem(r, 429, NULL, NULL, "too many WebSockets");
		return;
	}
	url_base(r, url, sizeof(url));
	if ((s = calloc(1, sizeof(*s) + strlen(url) + 1)) == NULL ||
	    (s->w = websocket_new(&ws_ops, s, r->conf->max_size_request,
	    (int64_t)r->conf->websocket_ping)) == NULL) {
		share_leave(place, SHARE_SOCKET);
		free(s);
		req_problem(r, 503, NULL, NULL, NULL);
		return;
	}
	s->place = place;
	TAILQ_INIT(&s->waits);
	s->user = r->user;
	memcpy(s->url, url, strlen(url) + 1);
	watch_start(&s->watch, r->user.account, 0, ws_changed, s);
	TAILQ_INSERT_TAIL(&sockets, s, entry);
	/* once it is answered, all may be gone */
	websocket_accept(r, "jmap", s->w);
}

static void
ws_gone(void *arg)
{
	struct ws	*s = arg;

	while (!TAILQ_EMPTY(&s->waits))
		ws_wait_free(TAILQ_FIRST(&s->waits));
	share_leave(s->place, SHARE_SOCKET);
	watch_stop(&s->watch);
	TAILQ_REMOVE(&sockets, s, entry);
	freezero(s, sizeof(*s));
}

/* --- messages ----------------------------------------------------------- */

static void
ws_message(struct websocket *w, void *arg, const uint8_t *p, size_t n)
{
	struct ws	*s = arg;

	/* a new request: under the newest configuration, as HTTP's */
	conn_refresh(websocket_conn(w));
	if (memmem(p, n, WS_PUSH, sizeof(WS_PUSH) - 1) != NULL &&
	    ws_push(s, p, n))
		return;
	ws_request(s, p, n);
}

/* RFC 8887 4.3.5: 1, or 0: it is something else. */
static int
ws_push(struct ws *s, const uint8_t *p, size_t n)
{
	struct js_val	*v = NULL;
	const char	*type;
	int		 ret = 0;

	if (js_parse(p, n, NULL, NULL, &v) != JS_OK)
		goto done;
	type = js_type(v) == JS_OBJ ? js_str(js_get(v, "@type")) : "";
	if (strcmp(type, "WebSocketPushDisable") == 0) {
		s->push = 0;
		watch_types(&s->watch, 0);
		ret = 1;
	} else if (strcmp(type, "WebSocketPushEnable") == 0) {
		if (ws_enable(s, v) == -1)
			ws_error(s, p, n, 400,
			    "urn:ietf:params:jmap:error:notRequest",
			    "not a WebSocketPushEnable object");
		ret = 1;
	}
done:
	js_free(v);
	return ret;
}

static int
ws_enable(struct ws *s, struct js_val *v)
{
	struct js_val		*state = js_get(v, "pushState");
	uint32_t		 types;

	if (ws_types(js_get(v, "dataTypes"), &types) == -1 ||
	    (state != NULL && js_type(state) != JS_STR))
		return -1;
	watch_types(&s->watch, types);
	/* a state of nobody: all is new */
	if (state != NULL)
		(void)watch_since(&s->watch, js_str(state));
	else
		watch_now(&s->watch);
	s->push = 1;
	websocket_wake(s->w);
	return 0;
}

static int
ws_types(struct js_val *v, uint32_t *types)
{
	uint32_t	 one;
	size_t		 i;

	*types = JMAP_PUSH_ALL;
	if (v == NULL)
		return 0;
	if (js_type(v) != JS_ARR)
		return -1;
	*types = 0;
	for (i = 0; i < js_len(v); i++) {
		if (js_type(js_at(v, i)) != JS_STR ||
		    strpbrk(js_str(js_at(v, i)), "*,") != NULL ||
		    jmap_push_types(js_str(js_at(v, i)), &one) == -1)
			return -1;
		*types |= one;
	}
	return 0;
}

/* Counted as a request over HTTP is (RFC 8887 4.3.2). */
static void
ws_request(struct ws *s, const uint8_t *p, size_t n)
{
	const struct conf	*c = websocket_conn(s->w)->gen->conf;
	struct timespec		 ts;
	struct share_left	 left;
	struct buf		 out;
	int			 place, lost;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (c->rate_account.count != 0 &&
	    !share_rate(share_key_account(s->user.account), &c->rate_account,
	    (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000, &left)) {
		share_add(SHARE_OVER_ACCOUNT, 1);
		ws_error(s, p, n, 429, "about:blank",
		    "too many requests in a short time");
		return;
	}
	place = share_enter(s->user.account, SHARE_REQUEST,
	    c->max_concurrent_requests);
	if (place == SHARE_FULL) {
		share_add(SHARE_OVER_BUSY, 1);
		ws_error(s, p, n, 429, LIMIT, "too many requests at once");
		return;
	}
	if (people_wanted(p, n) && ws_later(s, p, n, place))
		return;
	lost = worker_jmap_message(c, &s->user, NULL, s->url, p, n, &out);
	ws_answer(s, p, n, lost, &out);
	if (place != SHARE_UNCOUNTED)
		share_leave(place, SHARE_REQUEST);
}

/* Frees the buffer. */
static void
ws_answer(struct ws *s, const uint8_t *p, size_t n, int lost, struct buf *out)
{
	if (lost == -1)
		ws_error(s, p, n, 503, "about:blank",
		    "the account cannot be opened now");
	else if (buf_bad(out))
		ws_error(s, p, n, 500, "about:blank", "out of memory");
	else
		websocket_send(s->w, buf_peek(out), buf_left(out));
	buf_free(out);
}

/* --- requests that need the principals ---------------------------------- */

/* 1, or 0: do without. */
static int
ws_later(struct ws *s, const uint8_t *p, size_t n, int place)
{
	struct ws_wait	*x;

	if ((x = calloc(1, sizeof(*x))) == NULL)
		return 0;
	x->s = s;
	x->n = n;
	x->place = place;
	if ((x->p = malloc(n)) == NULL ||
	    (x->ask = people_get(&s->user, ws_people, x)) == NULL) {
		free(x->p);
		free(x);
		return 0;
	}
	memcpy(x->p, p, n);
	TAILQ_INSERT_TAIL(&s->waits, x, entry);
	return 1;
}

static void
ws_people(void *arg, const struct jmap_dir *d)
{
	struct ws_wait	*x = arg;
	struct ws	*s = x->s;

	x->ask = NULL;
	x->lost = worker_jmap_message(websocket_conn(s->w)->gen->conf,
	    &s->user, d, s->url, x->p, x->n, &x->out);
	websocket_wake(s->w);
}

/* The client takes what we send: all that is answered. */
static void
ws_ready(struct ws *s)
{
	struct ws_wait	*x, *next;

	TAILQ_FOREACH_SAFE(x, &s->waits, entry, next) {
		if (x->ask != NULL)
			continue;
		ws_answer(s, x->p, x->n, x->lost, &x->out);
		ws_wait_free(x);
	}
}

static void
ws_wait_free(struct ws_wait *x)
{
	TAILQ_REMOVE(&x->s->waits, x, entry);
	people_cancel(x->ask);
	if (x->place != SHARE_UNCOUNTED)
		share_leave(x->place, SHARE_REQUEST);
	buf_free(&x->out);
	free(x->p);
	free(x);
}

/* RFC 8887 4.3.4; the id of what was asked comes back. */
static void
ws_error(struct ws *s, const uint8_t *p, size_t n, int status,
    const char *type, const char *detail)
{
	struct js_val	*v = NULL, *id = NULL;
	struct buf	 b;

	if (js_parse(p, n, NULL, NULL, &v) == JS_OK && js_type(v) == JS_OBJ)
		id = js_get(v, "id");
	buf_init(&b, 65536);
	js_out_obj(&b);
	js_out_key(&b, "@type");
	js_out_s(&b, "RequestError");
	js_out_key(&b, "requestId");
	js_out_val(&b, js_type(id) == JS_STR ? id : NULL);
	js_out_key(&b, "type");
	js_out_s(&b, type);
	js_out_key(&b, "status");
	js_out_uint(&b, (uint64_t)status);
	js_out_key(&b, "detail");
	js_out_s(&b, detail);
	if (strcmp(type, LIMIT) == 0) {
		js_out_key(&b, "limit");
		js_out_s(&b, "maxConcurrentRequests");
	}
	js_out_end(&b, '}');
	if (buf_bad(&b))
		websocket_close(s->w, WEBSOCKET_AWAY);
	else
		websocket_send(s->w, buf_peek(&b), buf_left(&b));
	buf_free(&b);
	js_free(v);
}

/* --- pushes ------------------------------------------------------------- */

/* Of notify.c: it may be in the middle of an answer now. */
static void
ws_changed(void *arg)
{
	struct ws	*s = arg;

	if (s->revoked)
		websocket_close(s->w, WEBSOCKET_POLICY);
	else if (s->push)
		websocket_wake(s->w);
}

static void
ws_woken(struct websocket *w, void *arg)
{
	struct ws	*s = arg;
	struct buf	 b;

	ws_ready(s);
	if (!s->push)
		return;
	buf_init(&b, 16384);
	if (watch_look(&s->watch, &b, 1) == 1 && !buf_bad(&b))
		websocket_send(w, buf_peek(&b), buf_left(&b));
	buf_free(&b);
}

static void
ws_revoke(uint64_t account)
{
	struct ws	*s;

	TAILQ_FOREACH(s, &sockets, entry)
		if (account == 0 || s->user.account == account) {
			s->revoked = 1;
			notify_wake(&s->watch.own);
		}
	notify_run();
}
