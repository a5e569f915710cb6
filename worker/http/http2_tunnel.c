/* SPDX-License-Identifier: ISC */
/*
 * A stream that has left HTTP (RFC 8441 5, RFC 9113 8.5): the connection
 * machine in small, so that a protocol made for a connection (websocket.c)
 * runs over DATA frames and does not know it.  Called by http2_stream.c with
 * what comes, by http2_reply.c for what goes.
 *
 *	END_STREAM	the end of file, either way
 *	RST_STREAM	the connection is cut
 *	flow control	the client's: c->out waits; ours: the stream's window
 *			opens as c->in is read, the connection's at once, so
 *			that one that waits stops no other
 *
 * What must never happen here: a call of nghttp2 that sends (http2_pump's).
 */
#include "common/compat.h"

#include <stdlib.h>

#include "worker/http/http2_int.h"

#define KEEP_MAX	8192		/* of an empty buffer: as in conn.c */

struct http2_tunnel {
	struct conn		 c;	/* without a socket */
	struct http2_stream	*s;
	size_t			 unread; /* of c.in: the window is shut for */
	size_t			 held;	/* of c.out: counted in h->held */
	int			 busy;	/* in tunnel_go */
	int			 again;	/* woken while busy */
	int			 over;	/* the protocol has ended */
};

static void	tunnel_carrier(struct conn *);
static void	tunnel_go(struct http2_tunnel *, enum io);
static int	tunnel_turn(struct http2_tunnel *, enum io);
static void	tunnel_count(struct http2_tunnel *);
static void	tunnel_trim(struct buf *);

int
http2_tunnel_open(struct http2_stream *s)
{
	struct reply		*p = s->req->reply;
	struct http2_tunnel	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return -1;
	t->s = s;
	conn_carry(&t->c, s->h->c, p->up, tunnel_carrier);
	t->c.data = p->arg;
	p->done = NULL;			/* it came to that */
	s->tunnel = t;
	http2_stream_wake(s);
	return 0;
}

void
http2_tunnel_free(struct http2_stream *s)
{
	struct http2_tunnel	*t = s->tunnel;

	if (t == NULL)
		return;
	t->busy = 1;			/* a last wake does nothing */
	s->h->held -= t->held;
	conn_carry_end(&t->c);
	free(t);
	s->tunnel = NULL;
}

/* conn_wake for it. */
static void
tunnel_carrier(struct conn *c)
{
	struct http2_tunnel	*t = (struct http2_tunnel *)c;

	if (t->busy)
		t->again = 1;
	else
		http2_stream_wake(t->s);
}

/* --- turns ----------------------------------------------------------- */

void
http2_tunnel_run(struct http2_stream *s)
{
	tunnel_go(s->tunnel, IO_DONE);
}

/* From what the last step said, until one has to wait. */
static void
tunnel_go(struct http2_tunnel *t, enum io io)
{
	struct http2_stream	*s = t->s;

	if (t->busy)
		return;
	t->busy = 1;
	while (!t->over && tunnel_turn(t, io)) {
		t->again = 0;
		io = t->c.step(&t->c);
	}
	t->busy = 0;
	tunnel_count(t);
	if (t->over && t->c.flags & CONN_ABORT)
		nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE,
		    s->id, NGHTTP2_CANCEL);
	else if (s->deferred && (t->over || buf_left(&t->c.out) > 0))
		http2_reply_resume(s);
}

/* As conn_turn: 1 to call the step, 0 to wait or because it is over. */
static int
tunnel_turn(struct http2_tunnel *t, enum io io)
{
	struct conn	*c = &t->c;

	c->want = io;
	switch (io) {
	case IO_DONE:
	case IO_YIELD:
		return 1;
	case IO_WANT_READ:
		if (t->again)
			return 1;
		if (buf_left(&c->out) > 0)
			return 0;
		t->over = c->eof;
		return 0;
	case IO_WANT_WRITE:
		return buf_left(&c->out) == 0;
	case IO_WAIT:
		return t->again;
	case IO_CLOSE:
		t->over = 1;
	}
	return 0;
}

/* What was read opens the window, what is to be sent is held. */
static void
tunnel_count(struct http2_tunnel *t)
{
	struct http2	*h = t->s->h;
	size_t		 in = buf_left(&t->c.in), out = buf_left(&t->c.out);

	if (in < t->unread)
		nghttp2_session_consume_stream(h->session, t->s->id,
		    t->unread - in);
	t->unread = in;
	h->held = h->held - t->held + out;
	t->held = out;
}

/* --- what comes ------------------------------------------------------ */

void
http2_tunnel_data(struct http2_stream *s, const uint8_t *p, size_t n)
{
	struct http2_tunnel	*t = s->tunnel;
	struct buf		*in = &t->c.in;

	nghttp2_session_consume_connection(s->h->session, n);
	if (t->over) {
		nghttp2_session_consume_stream(s->h->session, s->id, n);
		return;
	}
	if (buf_left(in) > 0)
		buf_compact(in);
	else
		tunnel_trim(in);
	/* the window is no larger than c->in */
	if (buf_add(in, p, n) == -1) {
		s->h->fail = HTTP2_CALM;
		return;
	}
	t->unread += n;
	t->c.nin += n;
	if (t->c.want == IO_WANT_READ || t->c.want == IO_DONE)
		tunnel_go(t, IO_DONE);
}

void
http2_tunnel_end(struct http2_stream *s)
{
	struct http2_tunnel	*t = s->tunnel;

	t->c.eof = 1;
	if (t->c.want == IO_WANT_READ)
		tunnel_go(t, IO_DONE);
}

/* --- what goes ------------------------------------------------------- */

struct buf *
http2_tunnel_out(struct http2_stream *s)
{
	return &s->tunnel->c.out;
}

ssize_t
http2_tunnel_pull(struct http2_stream *s, size_t max, uint32_t *flags)
{
	struct http2_tunnel	*t = s->tunnel;
	size_t			 n = buf_left(&t->c.out);

	if (t->over && n <= max)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	else if (n == 0) {
		s->deferred = 1;
		s->stuck = 0;
		return NGHTTP2_ERR_DEFERRED;
	}
	return (ssize_t)(n < max ? n : max);
}

void
http2_tunnel_sent(struct http2_stream *s, size_t n)
{
	struct http2_tunnel	*t = s->tunnel;

	t->held -= n;
	s->h->held -= n;
	t->c.nout += n;
	if (buf_left(&t->c.out) > 0)
		return;
	tunnel_trim(&t->c.out);
	if (!t->over)
		http2_stream_wake(s);
}

static void
tunnel_trim(struct buf *b)
{
	if (b->cap > KEEP_MAX)
		buf_free(b);
	else
		buf_reset(b);
}

/* --- time and drain -------------------------------------------------- */

void
http2_tunnel_check(struct http2_stream *s, int64_t now)
{
	struct http2_tunnel	*t = s->tunnel;
	struct conn		*c = &t->c;

	if (t->over)
		return;
	if (c->deadline != 0 && now >= c->deadline) {
		c->deadline = 0;
		tunnel_go(t, c->proto->expire(c));
	} else if (c->want == IO_WANT_READ && buf_left(&c->in) == 0 &&
	    buf_left(&c->out) == 0) {
		buf_free(&c->in);
		buf_free(&c->out);
	}
}

void
http2_tunnel_drain(struct http2_stream *s)
{
	struct http2_tunnel	*t = s->tunnel;
	struct conn		*c;

	if (t == NULL || t->over)
		return;
	c = &t->c;
	if (c->flags & CONN_DRAIN || c->want != IO_WANT_READ)
		return;			/* it is asked again */
	c->flags |= CONN_DRAIN;
	tunnel_go(t, c->proto->drain(c));
}
