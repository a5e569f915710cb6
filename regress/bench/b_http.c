/* SPDX-License-Identifier: ISC */
/*
 * What a version of HTTP costs a request, without a socket and without TLS:
 * the head as mail clients send it, 16 KB of answer under the default
 * policy's block, over one connection machine that exists only here.
 *
 *	b_http [seconds]
 */
#include "common/compat.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nghttp2/nghttp2.h>

#include "common/conf.h"
#include "worker/conn.h"
#include "worker/http/http1.h"
#include "worker/http/http2.h"
#include "worker/policy/policy.h"

#define BODY	"{\"using\":[\"urn:ietf:params:jmap:core\"]}"
#define ANSWER	16384
#define TURN	5000

static void	answer(struct req *);
static void	heads(void);
static void	frame(struct buf *, int, int, uint32_t, const void *, size_t);
static void	ask1(struct buf *, uint32_t);
static void	ask2(struct buf *, uint32_t);
static double	run(const struct conn_proto *, void (*)(struct buf *,
		    uint32_t));

static const struct route	routes[] = {
	{ M_POST, "/jmap/", HTTP_A, 0, BODY_REQUEST, answer, NULL },
};
static struct http_setup	setup;
static struct conf_listen	lis;

/* A head as it comes first, and as it comes when the table has it. */
static struct head {
	uint8_t	 data[4096];
	ssize_t	 len;
}	first, again;

static const char *const	fields[][2] = {
	{ "user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)" },
	{ "accept", "application/json" },
	{ "accept-language", "de,en-US;q=0.7,en;q=0.3" },
	{ "authorization", "Basic dXNlckBleGFtcGxlLm9yZzpzZWNyZXQ=" },
	{ "content-type", "application/json" },
	{ "sec-fetch-site", "same-origin" },
	{ "content-length", "39" },
};

/* --- the connection machine ------------------------------------------- */

int64_t
conn_now(void)
{
	return 1000;
}

int64_t
conn_idle(uint64_t keep_alive)
{
	return (int64_t)keep_alive;
}

void
conn_wake(struct conn *c)
{
	(void)c;
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
	return 0;
}

void
conn_carry(struct conn *c, const struct conn *under,
    const struct conn_proto *proto, void (*carrier)(struct conn *))
{
	(void)c;
	(void)under;
	(void)proto;
	(void)carrier;
}

void
conn_carry_end(struct conn *c)
{
	(void)c;
}

/* ---------------------------------------------------------------------- */

int
main(int argc, char *argv[])
{
	struct conf	*c = conf_new();
	double		 one = 0, two = 0, t;
	int		 i, turns = argc > 1 ? atoi(argv[1]) * 10 : 30;

	c->log_requests = 0;
	setup.conf = c;
	setup.routes = routes;
	setup.nroutes = nitems(routes);
	setup.limits = http1_limits_default;
	hosts_add(&setup.hosts, "localhost", 9);
	policy_setup(&setup);
	http_setup_blocks(&setup, policy_blocks, policy_nblocks);
	heads();
	for (i = 0; i < turns; i++) {
		t = run(&http1_proto, ask1);
		if (i == 0 || t < one)
			one = t;
		t = run(&http2_proto, ask2);
		if (i == 0 || t < two)
			two = t;
	}
	printf("http/1.1 %.2f us, h2 %.2f us, %+.2f us a request\n", one, two,
	    two - one);
	return 0;
}

static void
answer(struct req *r)
{
	static char	 text[ANSWER];
	struct buf	 b;

	buf_init(&b, ANSWER * 2);
	buf_add(&b, text, sizeof(text));
	req_reply_buf(r, 200, "application/json", &b);
}

static void
heads(void)
{
	nghttp2_hd_deflater	*d;
	nghttp2_nv		 nv[4 + nitems(fields)];
	const char		*pseudo[][2] = {
		{ ":method", "POST" }, { ":scheme", "http" },
		{ ":authority", "localhost" }, { ":path", "/jmap/" }
	};
	const char		*const *f;
	size_t			 i;

	for (i = 0; i < nitems(nv); i++) {
		f = i < 4 ? pseudo[i] : fields[i - 4];
		nv[i].name = (uint8_t *)(uintptr_t)f[0];
		nv[i].namelen = strlen(f[0]);
		nv[i].value = (uint8_t *)(uintptr_t)f[1];
		nv[i].valuelen = strlen(f[1]);
		nv[i].flags = NGHTTP2_NV_FLAG_NONE;
	}
	if (nghttp2_hd_deflate_new(&d, 4096) != 0 ||
	    (first.len = nghttp2_hd_deflate_hd(d, first.data,
	    sizeof(first.data), nv, nitems(nv))) < 0 ||
	    (again.len = nghttp2_hd_deflate_hd(d, again.data,
	    sizeof(again.data), nv, nitems(nv))) < 0)
		errx(1, "deflate");
	nghttp2_hd_deflate_del(d);
}

static void
frame(struct buf *b, int type, int flags, uint32_t id, const void *p,
    size_t n)
{
	const uint8_t	 h[] = { n >> 16 & 255, n >> 8 & 255, n & 255,
			    (uint8_t)type, (uint8_t)flags, id >> 24 & 255,
			    id >> 16 & 255, id >> 8 & 255, id & 255 };

	buf_add(b, h, sizeof(h));
	buf_add(b, p, n);
}

static void
ask1(struct buf *b, uint32_t id)
{
	size_t	 i;

	if (id == 0)
		return;
	buf_adds(b, "POST /jmap/ HTTP/1.1\r\nHost: localhost\r\n");
	for (i = 0; i < nitems(fields); i++) {
		buf_adds(b, fields[i][0]);
		buf_add(b, ": ", 2);
		buf_adds(b, fields[i][1]);
		buf_add(b, "\r\n", 2);
	}
	buf_adds(b, "\r\n" BODY);
}

static void
ask2(struct buf *b, uint32_t id)
{
	const struct head	*head = id == 1 ? &first : &again;
	static const uint8_t	 big[] = { 0x3f, 0xff, 0xff, 0xff };

	if (id == 0) {
		buf_adds(b, NGHTTP2_CLIENT_MAGIC);
		frame(b, 4, 0, 0, NULL, 0);
		frame(b, 4, 1, 0, NULL, 0);
		frame(b, 8, 0, 0, big, 4);
		return;
	}
	frame(b, 1, 4, id * 2 - 1, head->data, (size_t)head->len);
	frame(b, 0, 1, id * 2 - 1, BODY, sizeof(BODY) - 1);
}

static double
run(const struct conn_proto *proto, void (*ask)(struct buf *, uint32_t))
{
	struct conn	 c = { .proto = proto };
	struct timespec	 a, b;
	uint32_t	 i;
	enum io		 io;

	c.setup = &setup;
	c.hosts = &setup.hosts;
	c.listen = &lis;
	buf_init(&c.in, 65536);
	buf_init(&c.out, 1 << 30);
	c.step = proto->open;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (i = 0; i < TURN; i++) {
		ask(&c.in, i);
		while ((io = c.step(&c)) == IO_DONE || io == IO_WANT_WRITE)
			if (io == IO_WANT_WRITE)
				buf_reset(&c.out);
		if (io != IO_WANT_READ ||
		    (i > 0 && buf_left(&c.out) < ANSWER))
			errx(1, "%s: request %u failed", proto->name, i);
		buf_reset(&c.out);
		buf_reset(&c.in);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	c.proto->free(&c);
	buf_free(&c.in);
	buf_free(&c.out);
	return ((double)(b.tv_sec - a.tv_sec) * 1e9 +
	    (double)(b.tv_nsec - a.tv_nsec)) / 1e3 / TURN;
}
