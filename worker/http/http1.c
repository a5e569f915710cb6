/* SPDX-License-Identifier: ISC */
/*
 * HTTP/1.1 as a protocol of the connection machine: reads heads and bodies
 * into struct req, keeps the connection or ends it; http1_reply.c answers.
 *
 *	idle -> head -> [steps parked] -> body -> [handler] -> answer -> idle
 *
 * Requests on a connection are done strictly one after the other; what the
 * client has sent ahead (pipelining) waits in c->in, whose size bounds it.
 * After any fault the connection is closed: nothing after it can be trusted
 * to be where it seems (RFC 9112 2.2, 6.3).
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "worker/http/hdr.h"
#include "worker/http/http1_int.h"
#include "worker/http/http2.h"

#define IN_MAX		(512 * 1024)	/* largest head and a little body */
#define PIPELINE	8		/* answers in one turn */

static enum io	http1_open(struct conn *);
static enum io	http1_expire(struct conn *);
static enum io	http1_drain(struct conn *);
static void	http1_free(struct conn *);
static enum io	step_first(struct conn *);
static enum io	step_idle(struct conn *);
static enum io	step_head(struct conn *);
static enum io	step_waiting(struct conn *);
static enum io	step_body(struct conn *);
static enum io	http1_got_head(struct conn *, size_t);
static enum io	http1_refuse(struct conn *, const struct http1_error *);
static enum io	http1_body_start(struct conn *);
static enum io	http1_body_done(struct conn *);
static int	http1_body_piece(struct http1 *, const uint8_t *, size_t,
		    uint64_t);
static enum io	http1_body_chunked(struct conn *);
static void	http1_wake(struct req *);
static struct req	*http1_req(struct http1 *);

const struct conn_proto	http1_proto = {
	"http/1.1", IN_MAX, http1_open, http1_expire, http1_drain, http1_free
};

static const struct transport	http1_transport = {
	"http/1.1", http1_reply, http1_wake
};

static enum io
http1_open(struct conn *c)
{
	const struct http_setup	*s = c->setup;
	struct http1		*h;

	if ((h = calloc(1, sizeof(*h))) == NULL)
		return IO_CLOSE;
	h->c = c;
	c->data = h;
	c->step = step_first;
	/* The first head has to come as fast as any: from accept. */
	c->deadline = conn_now() + (int64_t)s->conf->header_timeout;
	return IO_WANT_READ;
}

static void
http1_free(struct conn *c)
{
	struct http1	*h = c->data;

	if (h == NULL)
		return;
	if (h->req != NULL)
		req_free(h->req);
	buf_free(&h->body);
	free(h);
	c->data = NULL;
}

/* --- heads ----------------------------------------------------------- */

/* Nothing has come yet; the configuration may change until it does. */
static enum io
step_first(struct conn *c)
{
	if (buf_left(&c->in) == 0)
		return IO_WANT_READ;
	conn_refresh(c);
	c->step = step_head;
	return IO_DONE;
}

/* Between requests; the next one has not begun. */
static enum io
step_idle(struct conn *c)
{
	const struct http_setup	*s;

	if (buf_left(&c->in) == 0)
		return IO_WANT_READ;
	conn_refresh(c);
	s = c->setup;
	c->deadline = conn_now() + (int64_t)s->conf->header_timeout;
	c->step = step_head;
	return IO_DONE;
}

static enum io
step_head(struct conn *c)
{
	const struct http_setup		*s = c->setup;
	const struct http1_error	*err;
	struct http1			*h = c->data;
	size_t				 used;

	switch (http1_head_find(&h->find, (const char *)buf_peek(&c->in),
	    buf_left(&c->in), &s->limits, &used, &err)) {
	case PARSE_MORE:
		return IO_WANT_READ;
	case PARSE_ERROR:
		return http1_refuse(c, err);
	case PARSE_DONE:
		break;
	}
	if (c->nreq == 0 && http2_takes(c, used))
		return IO_DONE;
	return http1_got_head(c, used);
}

static enum io
http1_got_head(struct conn *c, size_t used)
{
	const struct http1_error	*err;
	struct http1			*h = c->data;
	struct req			*r;
	size_t				 start = h->find.start;
	char				*head;

	if ((r = http1_req(h)) == NULL)
		return IO_CLOSE;
	/* A copy, so that the request's strings stay when c->in moves. */
	head = arena_dup(&r->arena, buf_peek(&c->in) + start, used - start);
	buf_skip(&c->in, used);
	if (head == NULL)
		return IO_CLOSE;
	err = http1_head_parse(r, head, used - start, &h->frame);
	if (err != NULL)
		return http1_refuse(c, err);
	h->close = !h->frame.keep;
	/* Set before any answer, so that one given too early ends it. */
	h->got = 0;
	c->deadline = 0;
	c->step = step_waiting;
	req_begin(r);
	return IO_DONE;
}

static struct req *
http1_req(struct http1 *h)
{
	const struct conn	*c = h->c;
	struct req		*r;

	if ((r = req_new(c->setup, &http1_transport, h)) == NULL)
		return NULL;
	http1_whence(r, c);
	h->c->nreq++;
	h->req = r;
	return r;
}

void
http1_whence(struct req *r, const struct conn *c)
{
	r->peer = c->peer;
	r->client = c->client;
	r->peer_port = c->peer_port;
	r->local = c->local;
	r->local_port = c->local_port;
	r->tls = c->tls;
	/* now, for the answer to a bad head, too */
	r->secure = c->secure || c->tls;
	r->hosts = c->hosts;
	r->listen = c->listen;
	r->conn = c->id;
}

/* A head that is none: answer, close.  RFC 9112 2.2, 3, 3.2.1 */
static enum io
http1_refuse(struct conn *c, const struct http1_error *err)
{
	struct http1	*h = c->data;

	if (h->req == NULL && http1_req(h) == NULL)
		return IO_CLOSE;
	h->close = 1;
	c->deadline = 0;
	c->step = step_waiting;
	h->req->busy++;
	req_refuse(h->req, err->status, err->detail);
	h->req->busy--;
	return IO_DONE;
}

/* --- between head, body and answer ----------------------------------- */

/* Somebody else has the request: look whether it has come back. */
static enum io
step_waiting(struct conn *c)
{
	struct http1	*h = c->data;

	switch (h->req->state) {
	case REQ_STEPS:
	case REQ_HANDLER:
		return IO_WAIT;
	case REQ_BODY:
		return http1_body_start(c);
	case REQ_ANSWERED:
		break;
	}
	c->step = http1_reply_step;
	return IO_DONE;
}

static enum io
http1_body_start(struct conn *c)
{
	const struct http_setup	*s = c->setup;
	struct http1		*h = c->data;
	struct req		*r = h->req;

	r->busy++;
	if (req_length(r, h->frame.length) == -1) {
		r->busy--;
		return IO_DONE;
	}
	if (r->route->flags & ROUTE_UPLOAD) {
		r->route->handler(r);
		if (r->state == REQ_ANSWERED || r->sink == NULL) {
			if (r->state != REQ_ANSWERED)
				req_refuse(r, 500, NULL);
			r->busy--;
			return IO_DONE;
		}
	}
	r->busy--;
	chunk_init(&h->chunk);
	buf_init(&h->body, r->body_max + 1);
	/* RFC 9110 10.1.1: not when the body has begun to arrive */
	if (h->frame.expect && buf_left(&c->in) == 0 &&
	    (h->frame.chunked || h->frame.length > 0))
		buf_adds(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
	h->began = conn_now();
	c->deadline = h->began + (int64_t)s->conf->body_grace;
	c->step = step_body;
	return IO_DONE;
}

/* --- bodies ---------------------------------------------------------- */

static enum io
step_body(struct conn *c)
{
	struct http1	*h = c->data;
	struct req	*r = h->req;
	const uint8_t	*data;
	uint64_t	 left;
	size_t		 n;

	if (h->frame.chunked)
		return http1_body_chunked(c);
	left = h->frame.length - h->got;
	n = buf_left(&c->in);
	if (n >= left && h->got == 0 && r->sink == NULL) {
		/* All of it is here: lend it where it lies. */
		r->body = buf_peek(&c->in);
		r->body_len = h->inbody = (size_t)left;
		h->got = left;
		return http1_body_done(c);
	}
	if (n > left)
		n = (size_t)left;
	data = buf_peek(&c->in);	/* skipping does not move it */
	buf_skip(&c->in, n);
	if (http1_body_piece(h, data, n, 0) == -1)
		return IO_DONE;
	return h->got == h->frame.length ? http1_body_done(c) : IO_WANT_READ;
}

static enum io
http1_body_chunked(struct conn *c)
{
	struct http1	*h = c->data;
	const uint8_t	*data;
	size_t		 used, len;
	enum parse	 ret = PARSE_MORE;
	static const struct http1_error	 bad = {
		400, "malformed chunked body"
	};

	while (ret == PARSE_MORE && buf_left(&c->in) > 0) {
		ret = chunk_decode(&h->chunk, buf_peek(&c->in),
		    buf_left(&c->in), &used, &data, &len);
		if (ret == PARSE_ERROR) {
			h->close = 1;
			return http1_refuse(c, &bad);
		}
		buf_skip(&c->in, used);
		/* What a chunk announces counts before it comes. */
		if (len + h->chunk.left > 0 &&
		    http1_body_piece(h, data, len, h->chunk.left) == -1)
			return IO_DONE;
	}
	return ret == PARSE_DONE ? http1_body_done(c) : IO_WANT_READ;
}

/* Take n bytes of body, behind which ahead more are certain to come.  -1: it
 * has been answered. */
static int
http1_body_piece(struct http1 *h, const uint8_t *p, size_t n, uint64_t ahead)
{
	struct req	*r = h->req;
	int		 ret;

	r->busy++;
	h->got += n;
	ret = req_length(r, h->got + ahead);
	if (ret == 0 && n > 0) {
		if (r->sink != NULL)
			ret = req_sink(r, p, n, 0);
		else if ((ret = buf_add(&h->body, p, n)) == -1)
			req_refuse(r, 503, NULL);
	}
	if (ret == -1 && r->state != REQ_ANSWERED)
		req_refuse(r, 500, NULL);
	r->busy--;
	if (ret == -1)
		h->c->step = step_waiting;
	return ret;
}

static enum io
http1_body_done(struct conn *c)
{
	struct http1	*h = c->data;
	struct req	*r = h->req;

	c->deadline = 0;
	c->step = step_waiting;
	h->frame.chunked = 0;
	h->frame.length = h->got;	/* nothing is left over */
	if (r->sink != NULL)
		req_sink(r, NULL, 0, 1);
	else {
		if (r->body == NULL) {
			r->body = h->body.data;
			r->body_len = h->body.len;
		}
		req_body_end(r);
	}
	return IO_DONE;
}

/* --- the next one ---------------------------------------------------- */

enum io
http1_next(struct conn *c)
{
	const struct http_setup	*s = c->setup;
	struct http1		*h = c->data;

	memset(&h->find, 0, sizeof(h->find));
	c->deadline = conn_now() + conn_idle(s->conf->keep_alive);
	c->step = step_idle;
	/* Let others have a turn, and the client take what it asked for. */
	if (buf_left(&c->in) > 0 && ++h->batch >= PIPELINE) {
		h->batch = 0;
		return IO_WANT_WRITE;
	}
	if (buf_left(&c->in) == 0)
		h->batch = 0;
	return IO_DONE;
}

/* --- time, drain, wake ----------------------------------------------- */

static enum io
http1_expire(struct conn *c)
{
	static const struct http1_error	 slow = {
		408, "the request did not arrive in time"
	};
	const struct http_setup	*s = c->setup;
	struct http1		*h = c->data;
	int64_t			 now = conn_now(), t;

	if (c->step == step_idle || c->step == step_first)
		return IO_CLOSE;		/* nothing was begun */
	if (c->step != step_body)
		return http1_refuse(c, &slow);
	/* security.md 3.3: a rate on average once the grace is over */
	t = now - h->began;
	if (t < (int64_t)s->conf->body_timeout &&
	    h->got * 1000 >= s->conf->body_rate * (uint64_t)t) {
		c->deadline = now + 1000;
		return IO_DONE;
	}
	return http1_refuse(c, &slow);
}

static enum io
http1_drain(struct conn *c)
{
	return c->step == step_idle ? IO_CLOSE : IO_DONE;
}

static void
http1_wake(struct req *r)
{
	struct http1	*h = r->tp_arg;

	conn_wake(h->c);
}
