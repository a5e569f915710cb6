/* SPDX-License-Identifier: ISC */
/*
 * HTTP/1.1 as a protocol of the connection machine: reads heads and bodies
 * into struct req, writes answers, keeps the connection or ends it.
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
#include "worker/http/chunk.h"
#include "worker/http/hdr.h"
#include "worker/http/http1.h"
#include "worker/http/http2.h"
#include "worker/http/req.h"

#define IN_MAX		(512 * 1024)	/* largest head and a little body */
#define PIPELINE	8		/* answers in one turn */
#define OWN_COPY	65536		/* a body up to this is copied */
#define PIECE		65536		/* of a longer one, at a time */

struct http1 {
	struct conn		*c;
	struct req		*req;	/* the one in work, or NULL */
	struct http1_find	 find;
	struct http1_frame	 frame;
	struct chunk		 chunk;
	struct buf		 body;	/* of a request, when it is not in in */
	uint64_t		 got;	/* bytes of body so far */
	int64_t			 began;	/* body: since when */
	size_t			 inbody;/* body bytes lent from c->in */
	int			 batch;	/* answers since the last flush */
	int			 close;	/* after this answer */
	int			 chunked; /* this answer is */
};

static enum io	http1_open(struct conn *);
static enum io	http1_expire(struct conn *);
static enum io	http1_drain(struct conn *);
static void	http1_free(struct conn *);
static enum io	step_first(struct conn *);
static enum io	step_idle(struct conn *);
static enum io	step_head(struct conn *);
static enum io	step_waiting(struct conn *);
static enum io	step_body(struct conn *);
static enum io	step_answer(struct conn *);
static enum io	http1_stream(struct conn *);
static enum io	step_end(struct conn *);
static enum io	http1_got_head(struct conn *, size_t);
static enum io	http1_refuse(struct conn *, const struct http1_error *);
static enum io	http1_leave(struct conn *);
static enum io	http1_next(struct conn *);
static enum io	http1_body_start(struct conn *);
static enum io	http1_body_done(struct conn *);
static int	http1_body_piece(struct http1 *, const uint8_t *, size_t,
		    uint64_t);
static enum io	http1_body_chunked(struct conn *);
static int	http1_leftover(struct http1 *);
static void	http1_reply(struct req *);
static void	http1_status_line(struct buf *, int);
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
	c->step = step_answer;
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

/* --- answers --------------------------------------------------------- */

static void
http1_status_line(struct buf *out, int status)
{
	if (status == 200)
		buf_add(out, "HTTP/1.1 200 OK\r\n", 17);
	else
		buf_addf(out, "HTTP/1.1 %d %s\r\n", status,
		    http_phrase(status));
}

/* RFC 9110 6.4.1: these never have content, and 204 no length either. */
static int
http1_bodiless(int status)
{
	return status == 204 || status == 304 || status < 200;
}

static void
http1_reply(struct req *r)
{
	struct http1	*h = r->tp_arg;
	struct reply	*p = r->reply;
	struct buf	*out = &h->c->out;
	int		 none = http1_bodiless(p->status);

	if (none) {
		p->type = NULL;
		p->len = 0;
		p->stream = NULL;
	}
	/* RFC 9112 9.3: what is left of the request must be read or cut. */
	if (http1_leftover(h) || (h->c->flags & CONN_DRAIN))
		h->close = p->up == NULL;
	h->chunked = p->stream != NULL && p->stream_len < 0;
	if (h->chunked && r->version == 10) {
		h->chunked = 0;		/* it ends with the connection */
		h->close = 1;
	}
	http1_status_line(out, p->status);
	req_fields(r, out);
	if (h->chunked)
		buf_adds(out, "Transfer-Encoding: chunked\r\n");
	else if (!none && (p->stream == NULL || p->stream_len >= 0)) {
		buf_adds(out, "Content-Length: ");
		buf_addu(out, p->stream != NULL ? (uint64_t)p->stream_len :
		    p->len);
		buf_add(out, "\r\n", 2);
	}
	if (p->up != NULL)
		;			/* the answer has its own */
	else if (h->close)
		buf_adds(out, "Connection: close\r\n");
	else if (r->version == 10)
		buf_adds(out, "Connection: keep-alive\r\n");
	buf_add(out, "\r\n", 2);
	if (r->method == HTTP_HEAD || none) {
		p->len = 0;
		p->stream = NULL;
	} else if (p->body != NULL) {
		buf_add(out, p->body, p->len);
		p->sent = p->len;
		p->len = 0;
	} else if (p->len > 0 && p->len <= OWN_COPY) {
		buf_add(out, buf_peek(&p->own), p->len);
		p->sent = p->len;
		p->len = 0;
	}
}

/* 1 if bytes of this request's body may still come.  A body that has
 * arrived whole is skipped instead. */
static int
http1_leftover(struct http1 *h)
{
	struct buf	*in = &h->c->in;
	uint64_t	 left = h->frame.length - h->got;

	if (h->frame.chunked)
		return 1;
	if (left == 0)
		return 0;
	if (buf_left(in) < left)
		return 1;
	buf_skip(in, (size_t)left);
	h->got = h->frame.length;
	return 0;
}

/* The rest of a long answer, piece by piece as the client takes it. */
static enum io
step_answer(struct conn *c)
{
	struct http1	*h = c->data;
	struct req	*r = h->req;
	struct reply	*p = r->reply;
	size_t		 n;

	if (buf_bad(&c->out)) {
		c->flags |= CONN_ABORT;
		return IO_CLOSE;
	}
	if (p->len > 0) {
		n = p->len < PIECE ? p->len : PIECE;
		buf_add(&c->out, buf_peek(&p->own), n);
		buf_skip(&p->own, n);
		p->len -= n;
		p->sent += n;
		return IO_WANT_WRITE;
	}
	if (p->stream == NULL) {
		c->step = step_end;
		return IO_DONE;
	}
	return http1_stream(c);
}

/* Ask the answer's source for a piece and frame it (RFC 9112 7.1). */
static enum io
http1_stream(struct conn *c)
{
	struct http1	*h = c->data;
	struct req	*r = h->req;
	struct reply	*p = r->reply;
	struct buf	 piece;
	ssize_t		 n;

	buf_init(&piece, PIECE);
	r->busy++;
	n = p->stream(r, p->arg, &piece, PIECE);
	r->busy--;
	if (n > 0) {
		p->sent += (uint64_t)n;
		if (h->chunked)
			buf_addf(&c->out, "%zx\r\n", (size_t)n);
		buf_add(&c->out, buf_peek(&piece), (size_t)n);
		if (h->chunked)
			buf_add(&c->out, "\r\n", 2);
	} else if (n == 0) {
		if (h->chunked)
			buf_add(&c->out, "0\r\n\r\n", 5);
		p->stream = NULL;
	}
	buf_free(&piece);
	/* Longer or shorter than promised, or failed: the client must not
	 * take it for whole. */
	if (n == -1 || (p->stream_len >= 0 &&
	    (p->sent > (uint64_t)p->stream_len ||
	    (n == 0 && p->sent < (uint64_t)p->stream_len)))) {
		c->flags |= CONN_ABORT;
		return IO_CLOSE;
	}
	if (n == STREAM_WAIT) {
		/* reading, so that it ends when the client goes away */
		c->flags |= CONN_DUPLEX;
		return IO_WANT_READ;
	}
	return n == 0 ? IO_DONE : IO_WANT_WRITE;
}

/* The answer is in c->out, all of it. */
static enum io
step_end(struct conn *c)
{
	struct http1	*h = c->data;

	if (h->inbody > 0) {
		buf_skip(&c->in, h->inbody);
		h->inbody = 0;
	}
	/* The client wanted the end, after a request that was read whole. */
	if (!h->frame.keep && h->req->route != NULL && h->got ==
	    h->frame.length && !h->frame.chunked && buf_left(&c->in) == 0)
		c->flags |= CONN_CLEAN;
	c->flags &= ~CONN_DUPLEX;
	if (h->req->reply->up != NULL)
		return http1_leave(c);
	req_free(h->req);
	h->req = NULL;
	buf_free(&h->body);
	if (h->close)
		return IO_CLOSE;
	return http1_next(c);
}

/* RFC 9110 7.8: what follows on this connection is not HTTP. */
static enum io
http1_leave(struct conn *c)
{
	struct http1	*h = c->data;
	struct reply	*p = h->req->reply;

	c->proto = p->up;
	c->data = p->arg;
	p->done = NULL;
	c->flags &= ~CONN_CLEAN;
	req_free(h->req);
	buf_free(&h->body);
	free(h);
	c->step = c->proto->open;
	return IO_DONE;
}

static enum io
http1_next(struct conn *c)
{
	const struct http_setup	*s = c->setup;
	struct http1		*h = c->data;

	memset(&h->find, 0, sizeof(h->find));
	c->deadline = conn_now() + (int64_t)s->conf->keep_alive;
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
