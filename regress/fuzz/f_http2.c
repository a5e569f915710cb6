/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a connection that speaks HTTP/2, to worker/http/http2*.c over
 * a connection machine that exists only here.  The first octet says in which
 * pieces they come.  Handlers answer at once, later, in pieces, or never, or
 * make a WebSocket of the stream, which says everything twice; every request
 * and every WebSocket must end exactly once, nothing may pass the bound of
 * c->out, and a connection that was told to end must end.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "worker/http/http2.h"
#include "worker/http/http2_limit.h"
#include "worker/http/req.h"
#include "worker/http/websocket.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MAGIC	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define OUT_MAX	(256 * 1024)

static void	now_get(struct req *);
static void	later_get(struct req *);
static void	long_get(struct req *);
static void	body_post(struct req *);
static void	sink_post(struct req *);
static void	ws_get(struct req *);
static enum req_ret	park_step(struct req *);

static const struct route	routes[] = {
	{ M_GET, "/now", HTTP_A, 0, BODY_NONE, now_get, NULL },
	{ M_GET, "/later", HTTP_A, 0, BODY_NONE, later_get, NULL },
	{ M_GET, "/long", HTTP_A, 0, BODY_NONE, long_get, NULL },
	{ M_POST, "/body", HTTP_A, 0, BODY_SMALL, body_post, NULL },
	{ M_POST, "/sink", HTTP_A, ROUTE_UPLOAD, BODY_SMALL, sink_post,
	    NULL },
	{ M_GET, "/ws", HTTP_A, ROUTE_UPGRADE, BODY_NONE, ws_get, NULL },
};
static const struct http_step	steps[] = { { "park", park_step } };

static int64_t		 now = 1000;
static int		 woken, waiting, parked, streaming, sockets;
static struct req	*wait[1024], *park[1024], *stream[1024];
static struct websocket	*socket_v[1024]; /* more than max_streams */

/* --- what http2.c asks of the connection machine ----------------------- */

int64_t
conn_now(void)
{
	return now;
}

int64_t
conn_idle(uint64_t keep_alive)
{
	return (int64_t)keep_alive;
}

void
conn_wake(struct conn *c)
{
	if (c->carrier != NULL)
		c->carrier(c);
	else
		woken = 1;
}

void
conn_carry(struct conn *c, const struct conn *under,
    const struct conn_proto *proto, void (*carrier)(struct conn *))
{
	(void)under;
	c->carrier = carrier;
	c->proto = proto;
	buf_init(&c->in, proto->in_max);
	buf_init(&c->out, 1 << 20);
	c->step = proto->open;
	c->want = IO_DONE;
}

void
conn_carry_end(struct conn *c)
{
	if (c->data != NULL)
		c->proto->free(c);
	buf_free(&c->in);
	buf_free(&c->out);
}

void
conn_refresh(struct conn *c)
{
	(void)c;
}

int
conn_stale(const struct conn *c)
{
	(void)c;
	return now % 7 == 0;
}

/* --- handlers ------------------------------------- */

static void
forget(struct req **list, int *n, const struct req *r)
{
	int	 i;

	for (i = 0; i < *n; i++)
		if (list[i] == r) {
			list[i] = list[--*n];
			return;
		}
	abort();		/* ended twice, or never begun */
}

static void
wait_gone(struct req *r, void *arg)
{
	(void)arg;
	forget(wait, &waiting, r);
}

static void
park_gone(struct req *r, void *arg)
{
	(void)arg;
	forget(park, &parked, r);
}

static enum req_ret
park_step(struct req *r)
{
	if (r->route == NULL) {
		req_problem(r, 404, NULL, NULL, NULL);
		return REQ_DONE;
	}
	if (r->step_state++ > 0 || r->query[0] != 'p' || parked == 1024)
		return REQ_NEXT;
	park[parked++] = r;
	req_park(r, park_gone, NULL);
	return REQ_PARK;
}

static void
now_get(struct req *r)
{
	req_hdr_add(r, "X-Host", r->host);
	req_reply(r, 200, "text/plain", r->path, r->path_len);
}

static void
later_get(struct req *r)
{
	if (waiting == 1024) {
		now_get(r);
		return;
	}
	wait[waiting++] = r;
	req_park(r, wait_gone, NULL);
}

static ssize_t
long_more(struct req *r, void *arg, struct buf *out, size_t max)
{
	size_t	*left = arg, n = *left < max ? *left : max;
	size_t	 i;

	/* an event stream: nothing now, as often as the others let it */
	if (r->query[0] == 'w' && *left % 2 == 0 && streaming < 1024) {
		*left -= *left > 0;
		stream[streaming++] = r;
		return STREAM_WAIT;
	}
	for (i = 0; i < n; i++)
		buf_addc(out, 'x');
	*left -= n;
	return (ssize_t)n;
}

static void
long_done(struct req *r, void *arg)
{
	int	 i;

	(void)arg;
	for (i = 0; i < streaming; i++)
		if (stream[i] == r)
			stream[i--] = stream[--streaming];
}

static void
long_get(struct req *r)
{
	size_t	*left = arena_get(&r->arena, sizeof(*left));

	*left = 700000;
	req_stream(r, 200, "text/plain", r->query[0] == 0 ? 700000 : -1,
	    long_more, long_done, left);
}

static void
body_post(struct req *r)
{
	if (r->body_len > r->body_max)
		abort();
	req_reply(r, 200, "text/plain", r->body, r->body_len);
}

static int
sink_more(struct req *r, void *arg, const uint8_t *p, size_t n, int end)
{
	size_t	*sum = arg;

	*sum += n;
	if (n > 0 && p[0] == '!') {
		req_problem(r, 400, NULL, NULL, NULL);
		return -1;
	}
	if (end)
		req_reply(r, 201, "text/plain", "ok", 2);
	return 0;
}

static void
sink_post(struct req *r)
{
	r->sink = sink_more;
	r->sink_arg = arena_get(&r->arena, sizeof(size_t));
}

static void
ws_message(struct websocket *w, void *arg, const uint8_t *p, size_t n)
{
	(void)arg;
	websocket_send(w, p, n);
	if (n % 5 == 0)
		websocket_wake(w);
	if (n > 0 && p[0] == 'e')
		websocket_close(w, WEBSOCKET_POLICY);
}

static void
ws_woken(struct websocket *w, void *arg)
{
	(void)arg;
	websocket_send(w, "woken", 5);
}

static void
ws_gone(void *arg)
{
	struct websocket	**slot = arg;

	if (*slot == NULL)
		abort();		/* twice */
	*slot = NULL;
	sockets--;
}

static void
ws_get(struct req *r)
{
	static const struct websocket_ops	 ops = {
		ws_message, ws_woken, ws_gone
	};
	struct websocket	**slot = socket_v;

	if (!websocket_check(r, "jmap", NULL))
		return;
	while (*slot != NULL)
		slot++;
	*slot = websocket_new(&ops, slot, 4096, 1000);
	sockets++;
	websocket_accept(r, "jmap", *slot);
}

/* --- the machine ------------------------------------- */

/* Run steps until it waits or ends; what it says goes nowhere. */
static enum io
run(struct conn *c)
{
	enum io	 io;
	int	 n = 0;

	do {
		woken = 0;
		io = c->step(c);
		if (buf_left(&c->out) > OUT_MAX || ++n > 10000)
			abort();
		if (io != IO_DONE)
			buf_reset(&c->out);
	} while (io == IO_DONE || io == IO_WANT_WRITE ||
	    io == IO_YIELD || woken);
	return io;
}

/* What another process would do: answer half of those who wait. */
static void
others(void)
{
	struct req	*r;

	if (parked > 0) {
		r = park[--parked];
		req_resume(r);
	}
	if (streaming > 0)
		req_resume(stream[--streaming]);
	if (socket_v[0] != NULL)
		websocket_wake(socket_v[0]);
	if (waiting > 0) {
		r = wait[--waiting];
		r->gone = NULL;
		req_reply(r, 200, "text/plain", "late", 4);
	}
}

static void
feed(struct conn *c, const uint8_t *p, size_t n, size_t piece)
{
	enum io	 io = run(c);
	size_t	 k;

	while (io == IO_WANT_READ && n > 0) {
		k = n < piece ? n : piece;
		buf_reset(&c->in);
		buf_add(&c->in, p, k);
		p += k;
		n -= k;
		io = run(c);
		now += k > 0 && p[-1] == 0xfe ? 1500 : 10;
		if (io == IO_WANT_READ && n % 3 == 0) {
			others();
			io = run(c);
		}
		if (io == IO_WANT_READ && c->deadline != 0 &&
		    now >= c->deadline)
			io = c->proto->expire(c) == IO_DONE ? run(c) :
			    IO_CLOSE;
	}
	if (io == IO_WANT_READ) {
		c->flags |= CONN_DRAIN;
		run(c);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const size_t	 pieces[] = { 16384, 1, 7, 100, 1000, 3 };
	static struct conf	 conf;
	static struct http_setup setup;
	static struct conf_listen listen;
	struct conn		 c = { .proto = &http2_proto };
	uint64_t		 begun = http_stats.begun - http_stats.ended;

	if (setup.conf == NULL) {
		conf.max_streams = 16;
		conf.header_timeout = conf.keep_alive = 60000;
		conf.body_grace = conf.write_timeout = 1000;
		conf.body_timeout = 5000;
		conf.body_rate = 1024;
		setup.conf = &conf;
		setup.routes = routes;
		setup.nroutes = nitems(routes);
		setup.steps = steps;
		setup.nsteps = nitems(steps);
		setup.limits = http1_limits_default;
		http_setup_blocks(&setup, NULL, 0);
	}
	if (n == 0)
		return 0;
	now = 1000;
	waiting = parked = streaming = 0;
	c.setup = &setup;
	c.listen = &listen;
	buf_init(&c.in, 65536);
	buf_init(&c.out, 1 << 30);
	c.step = c.proto->open;
	if (run(&c) == IO_WANT_READ) {
		buf_adds(&c.in, data[0] & 1 ? MAGIC : "");
		feed(&c, data + 1, n - 1, pieces[data[0] / 2 % 6]);
	}
	c.proto->free(&c);
	if (c.data != NULL || sockets != 0 || waiting != 0 || parked != 0 ||
	    streaming != 0 ||
	    http_stats.begun - http_stats.ended != begun)
		abort();
	buf_free(&c.in);
	buf_free(&c.out);
	return 0;
}
