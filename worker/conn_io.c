/* SPDX-License-Identifier: ISC */
/*
 * Bytes of a connection: its socket, plain or TLS, its buffers, and what it
 * waits for.  Called by conn.c alone, which decides.  Buffers of all
 * connections together hold what was sent and is not yet used: what idles
 * has none.
 */
#include "common/compat.h"

#include <errno.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/log.h"
#include "worker/conn_int.h"
#include "worker/tls.h"
#include "worker/worker.h"

#define READ_SIZE	16384		/* at a time: one TLS record */
#define LINGER_MAX	(64 << 20)
#define KEEP_MAX	8192		/* buffers beyond are given back */

static ssize_t	io_write(struct conn *);

static uint8_t	scratch[READ_SIZE];

/*
 * By way of one buffer for all, so that a connection holds no more than it
 * has been sent: what idles in between would be 16 KiB each.
 */
int
conn_io_read(struct conn *c)
{
	size_t	 room = sizeof(scratch);
	ssize_t	 n;

	if (buf_left(&c->in) > 0)
		buf_compact(&c->in);
	else if (c->in.cap > KEEP_MAX)
		buf_free(&c->in);
	else
		buf_reset(&c->in);
	if (room > c->in.max - c->in.len)
		room = c->in.max - c->in.len;
	if (room == 0)
		return -1;
	if (c->ssl != NULL)
		n = tls_read(c, scratch, room);
	else if ((n = read(c->fd, scratch, room)) == 0)
		c->eof = 1;
	if (n <= 0)
		return c->eof || errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (buf_add(&c->in, scratch, (size_t)n) == -1)
		return -1;
	c->nin += (uint64_t)n;
	c->quiet = conn_now();
	return (int)n;
}

int
conn_io_flush(struct conn *c)
{
	ssize_t	 n;

	while (buf_left(&c->out) > 0) {
		if ((n = io_write(c)) == -1) {
			if (errno != EAGAIN)
				return -1;
			if (c->stall == 0)
				c->stall = conn_now() +
				    (int64_t)c->gen->conf->write_timeout;
			conn_io_arm(c, EV_WRITE);
			return 0;
		}
		buf_skip(&c->out, (size_t)n);
		c->nout += (uint64_t)n;
		c->stall = 0;
		c->quiet = conn_now();
	}
	c->stall = 0;			/* conn_yield waits with nothing */
	if (c->out.cap > KEEP_MAX)
		buf_free(&c->out);
	else
		buf_reset(&c->out);
	conn_io_disarm(c, EV_WRITE);
	return 1;
}

static ssize_t
io_write(struct conn *c)
{
	ssize_t	 n;

	if (c->ssl != NULL)
		return tls_write(c, buf_peek(&c->out), buf_left(&c->out));
	do
		n = write(c->fd, buf_peek(&c->out), buf_left(&c->out));
	while (n == -1 && errno == EINTR);
	return n;
}

int
conn_io_linger(struct conn *c, int64_t pause)
{
	ssize_t	 n;

	n = read(c->fd, scratch, sizeof(scratch));
	if (n > 0) {
		c->lingered += (size_t)n;
		c->deadline = conn_now() + pause;
	}
	return n != 0 && (n > 0 || errno == EAGAIN || errno == EINTR) &&
	    c->lingered <= LINGER_MAX;
}

void
conn_io_arm(struct conn *c, int what)
{
	struct event	*ev = what == EV_READ ? &c->ev_read : &c->ev_write;
	int		 flag = what == EV_READ ? READING : WRITING;

	if (c->flags & flag)
		return;
	if (event_add(ev, NULL) == -1)
		fatal("event_add");
	c->flags |= flag;
}

void
conn_io_disarm(struct conn *c, int what)
{
	struct event	*ev = what == EV_READ ? &c->ev_read : &c->ev_write;
	int		 flag = what == EV_READ ? READING : WRITING;

	if (!(c->flags & flag))
		return;
	event_del(ev);
	c->flags &= ~flag;
}
