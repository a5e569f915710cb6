/* SPDX-License-Identifier: ISC */
/*
 * Any bytes behind a WebSocket handshake, to worker/http/websocket.c, whole
 * and cut in two (the first octet says where).  No message may be longer
 * than its bound, what is answered is frames of ours, and both ways bring
 * the same messages.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "worker/conn.h"
#include "worker/http/websocket.h"

#define MAX	4096

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The connection machine's, which stands still here. */
int64_t
conn_now(void)
{
	return 1;
}

void
conn_wake(struct conn *c)
{
	(void)c;
}

struct seen {
	uint64_t	 hash;
	size_t		 n;
	int		 gone;
};

static void
message(struct websocket *w, void *arg, const uint8_t *p, size_t n)
{
	struct seen	*s = arg;
	size_t		 i;

	if (n > MAX || !utf8_valid(p, n))
		abort();
	for (i = 0; i < n; i++)
		s->hash = (s->hash ^ p[i]) * 0x100000001b3ULL;
	s->hash = s->hash * 31 + n;
	s->n++;
	websocket_send(w, p, n);
}

static void
woken(struct websocket *w, void *arg)
{
	(void)w;
	(void)arg;
}

static void
gone(void *arg)
{
	struct seen	*s = arg;

	s->gone++;
}

static const struct websocket_ops	ops = { message, woken, gone };

/* Frames of a server: no mask, no reserved bit. */
static void
check_out(const struct buf *b)
{
	const uint8_t	*p = buf_peek(b);
	size_t		 left = buf_left(b), n, head;

	while (left > 0) {
		if (left < 2 || (p[0] & 0xf0) != 0x80 || (p[1] & 0x80))
			abort();
		n = p[1];
		head = 2;
		if (n == 126) {
			n = (size_t)p[2] << 8 | p[3];
			head = 4;
		} else if (n == 127)
			abort();	/* nothing is that long here */
		if (left < head + n)
			abort();
		p += head + n;
		left -= head + n;
	}
}

/* 1 as long as it would read on. */
static int
feed(struct conn *c, const uint8_t *p, size_t n)
{
	enum io	 io;

	if (buf_add(&c->in, p, n) == -1)
		return 0;
	while ((io = c->step(c)) == IO_DONE || io == IO_WANT_WRITE) {
		check_out(&c->out);
		if (io == IO_WANT_WRITE)
			buf_reset(&c->out);
	}
	check_out(&c->out);
	return io == IO_WANT_READ;
}

static void
run(const uint8_t *p, size_t n, size_t cut, struct seen *s)
{
	struct conn	 c;

	memset(&c, 0, sizeof(c));
	memset(s, 0, sizeof(*s));
	buf_init(&c.in, 1 << 20);
	buf_init(&c.out, 1 << 20);
	c.want = IO_DONE;
	if ((c.data = websocket_new(&ops, s, MAX, 1000)) == NULL)
		abort();
	c.step = websocket_proto.open;
	if (feed(&c, p, cut))
		feed(&c, p + cut, n - cut);
	websocket_proto.free(&c);
	if (s->gone != 1)
		abort();
	buf_free(&c.in);
	buf_free(&c.out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct seen	 whole, cut;

	if (n == 0)
		return 0;
	run(p + 1, n - 1, n - 1, &whole);
	run(p + 1, n - 1, p[0] % n, &cut);
	if (whole.n != cut.n || whole.hash != cut.hash)
		abort();
	return 0;
}
