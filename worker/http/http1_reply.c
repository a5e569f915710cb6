/* SPDX-License-Identifier: ISC */
/*
 * Answers over HTTP/1.1 (RFC 9112 4, 6, 7): the head and what is short of
 * the body at once, the rest in pieces as the client takes it.  Called by
 * req.c (http1_reply) and as the step of http1.c that follows.  What must
 * never happen here: an answer that looks whole and is not; a length beside
 * a coding.
 */
#include "common/compat.h"

#include <stdlib.h>

#include "worker/http/http1_int.h"

#define OWN_COPY	65536		/* a body up to this is copied */
#define PIECE		65536		/* of a longer one, at a time */

static void	reply_status_line(struct buf *, int);
static int	reply_bodiless(int);
static int	reply_leftover(struct http1 *);
static enum io	reply_stream(struct conn *);
static enum io	reply_end(struct conn *);
static enum io	reply_leave(struct conn *);

static void
reply_status_line(struct buf *out, int status)
{
	if (status == 200)
		buf_add(out, "HTTP/1.1 200 OK\r\n", 17);
	else
		buf_addf(out, "HTTP/1.1 %d %s\r\n", status,
		    http_phrase(status));
}

/* RFC 9110 6.4.1: these never have content, and 204 no length either. */
static int
reply_bodiless(int status)
{
	return status == 204 || status == 304 || status < 200;
}

void
http1_reply(struct req *r)
{
	struct http1	*h = r->tp_arg;
	struct reply	*p = r->reply;
	struct buf	*out = &h->c->out;
	int		 none = reply_bodiless(p->status);

	if (none) {
		p->type = NULL;
		p->len = 0;
		p->stream = NULL;
	}
	/* RFC 9112 9.3: what is left of the request must be read or cut. */
	if (reply_leftover(h) || (h->c->flags & CONN_DRAIN))
		h->close = p->up == NULL;
	h->chunked = p->stream != NULL && p->stream_len < 0;
	if (h->chunked && r->version == 10) {
		h->chunked = 0;		/* it ends with the connection */
		h->close = 1;
	}
	reply_status_line(out, p->status);
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
reply_leftover(struct http1 *h)
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
enum io
http1_reply_step(struct conn *c)
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
		c->step = reply_end;
		return IO_DONE;
	}
	return reply_stream(c);
}

/* Ask the answer's source for a piece and frame it (RFC 9112 7.1). */
static enum io
reply_stream(struct conn *c)
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
reply_end(struct conn *c)
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
		return reply_leave(c);
	req_free(h->req);
	h->req = NULL;
	buf_free(&h->body);
	if (h->close)
		return IO_CLOSE;
	return http1_next(c);
}

/* RFC 9110 7.8: what follows on this connection is not HTTP. */
static enum io
reply_leave(struct conn *c)
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
