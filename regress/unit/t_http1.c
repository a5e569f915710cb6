/* SPDX-License-Identifier: ISC */
/*
 * worker/http/http1_head.c: every rule of security.md 3.1, by table.
 * A row is the bytes of a head and the status of its refusal, 0 for good,
 * -1 for "not all here yet".  Each head is found in one piece and octet by
 * octet; both must agree.
 */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/hdr.h"
#include "worker/http/http1_head.h"

struct row {
	const char	*text;
	size_t		 len;
	int		 status;
};
#define R(text, status)	{ text, sizeof(text) - 1, status }
#define H	"Host: a\r\n"
#define G(fields, status) R("GET / HTTP/1.1\r\n" H fields "\r\n", status)
#define P(fields, status) R("POST / HTTP/1.1\r\n" H fields "\r\n", status)
#define T(target, status) R("GET " target " HTTP/1.1\r\n" H "\r\n", status)
#define HOST(host, status) \
	R("GET / HTTP/1.1\r\nHost: " host "\r\n\r\n", status)

static const struct row	rows[] = {
	/* 1: the request line */
	R("GET / HTTP/1.1\r\n" H "\r\n", 0),
	R("HEAD / HTTP/1.1\r\n" H "\r\n", 0),
	R("POST / HTTP/1.1\r\n" H "\r\n", 0),
	R("PUT / HTTP/1.1\r\n" H "\r\n", 0),
	R("PATCH / HTTP/1.1\r\n" H "\r\n", 0),
	R("DELETE / HTTP/1.1\r\n" H "\r\n", 0),
	R("OPTIONS / HTTP/1.1\r\n" H "\r\n", 0),
	R("OPTIONS * HTTP/1.1\r\n" H "\r\n", 0),
	R("GET * HTTP/1.1\r\n" H "\r\n", 400),
	R("\r\nGET / HTTP/1.1\r\n" H "\r\n", 0),
	R("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", 400),
	R("\nGET / HTTP/1.1\r\n" H "\r\n", 400),
	R(" GET / HTTP/1.1\r\n" H "\r\n", 400),
	R("GET  / HTTP/1.1\r\n" H "\r\n", 400),
	R("GET /  HTTP/1.1\r\n" H "\r\n", 400),
	R("GET / HTTP/1.1 \r\n" H "\r\n", 400),
	R("GET\t/ HTTP/1.1\r\n" H "\r\n", 400),
	R("GET /\tHTTP/1.1\r\n" H "\r\n", 400),
	R("GET /\r\n" H "\r\n", 400),
	R("GET\r\n" H "\r\n", 400),
	R("GET / HTTP/1.1 x\r\n" H "\r\n", 400),
	R("get / HTTP/1.1\r\n" H "\r\n", 501),
	R("Get / HTTP/1.1\r\n" H "\r\n", 501),
	R("CONNECT a:443 HTTP/1.1\r\n" H "\r\n", 501),
	R("TRACE / HTTP/1.1\r\n" H "\r\n", 501),
	R("PROPFIND / HTTP/1.1\r\n" H "\r\n", 501),
	R("MKCALENDAR / HTTP/1.1\r\n" H "\r\n", 501),
	R("PRI * HTTP/2.0\r\n\r\n", 501),
	R("G@T / HTTP/1.1\r\n" H "\r\n", 400),
	R("GE\x80T / HTTP/1.1\r\n" H "\r\n", 400),
	R("GET\0 / HTTP/1.1\r\n" H "\r\n", 400),
	R("GET:/ / HTTP/1.1\r\n" H "\r\n", 400),
	R("(GET) / HTTP/1.1\r\n" H "\r\n", 400),
	R("GET / HTTP/1.0\r\n" H "\r\n", 0),
	R("GET / HTTP/1.2\r\n" H "\r\n", 505),
	R("GET / HTTP/2.0\r\n" H "\r\n", 505),
	R("GET / HTTP/0.9\r\n" H "\r\n", 505),
	R("GET / HTTP/9.9\r\n" H "\r\n", 505),
	R("GET / HTTP/1\r\n" H "\r\n", 400),
	R("GET / HTTP/1.\r\n" H "\r\n", 400),
	R("GET / HTTP/1.10\r\n" H "\r\n", 400),
	R("GET / HTTP/01.1\r\n" H "\r\n", 400),
	R("GET / HTTP/1.1a\r\n" H "\r\n", 400),
	R("GET / HTTP/4294967295.255\r\n" H "\r\n", 400),
	R("GET / HTTP/+1.1\r\n" H "\r\n", 400),
	R("GET / HTTP/1,1\r\n" H "\r\n", 400),
	R("GET / http/1.1\r\n" H "\r\n", 400),
	R("GET / HTTPS/1.1\r\n" H "\r\n", 400),
	R("GET / FTP/1.1\r\n" H "\r\n", 400),
	R("GET /HTTP/1.1\r\n" H "\r\n", 400),

	/* 2: line ends */
	R("GET / HTTP/1.1\n" H "\r\n", 400),
	R("GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
	R("GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
	R("GET / HTTP/1.1\r\r\n" H "\r\n", 400),
	R("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400),
	R("GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
	G("X: a\rb\r\n", 400),
	G("X: a\r b\r\n", 400),
	G("X: a\0b\r\n", 400),
	G("X: a\x01\r\n", 400),
	G("X: a\x0b\r\n", 400),
	G("X: a\x0c\r\n", 400),
	G("X: a\x1f\r\n", 400),
	G("X: a\x7f\r\n", 400),
	G("X: \0\r\n", 400),
	G("X: 12345678\x08" "90123456\r\n", 400),
	G("X: 1234567\x7f" "890123456\r\n", 400),
	G("X: a\tb c\x80\xff~!\r\n", 0),
	G("X: 12345678\t12345678\t\t1234567812345678\r\n", 0),

	/* 3: the target */
	T("/a/b?c=d&e", 0),
	T("/%41%c3%a9", 0),
	T("/a%2ehtml", 0),
	T("/...", 0),
	T("/a/.b/..c", 0),
	T("/a?b?c=/../x", 0),
	T("/a?x=%2F%0A", 0),
	T("", 400),
	T("a", 400),
	T("?a", 400),
	T("/a#b", 400),
	T("/#", 400),
	T("/a\"", 400),
	T("/<a>", 400),
	T("/a\\b", 400),
	T("/a^b", 400),
	T("/a`b", 400),
	T("/{a}", 400),
	T("/a|b", 400),
	T("/a?b=\"c\"", 400),
	T("/a?b=c#d", 400),
	T("/a\x01", 400),
	T("/a\x7f", 400),
	T("/a\x80", 400),
	T("/\xc3\xa9", 400),
	T("/%", 400),
	T("/%4", 400),
	T("/%4g", 400),
	T("/%zz", 400),
	T("/%u0041", 400),
	T("/%00", 400),
	T("/a?%00", 400),
	T("/a?%", 400),
	T("/a?%4", 400),
	T("/%0a", 400),
	T("/%1f", 400),
	T("/%7f", 400),
	T("/a%2fb", 400),
	T("/a%2Fb", 400),
	T("/a%5cb", 400),
	T("/%c3", 400),
	T("/%c0%80", 400),
	T("/%ed%a0%80", 400),
	T("/.", 400),
	T("/..", 400),
	T("/a/../b", 400),
	T("/a/./b", 400),
	T("/a/%2e%2e/b", 400),
	T("/a/.%2e", 400),
	T("/%2e/", 400),
	T("/%252e%252e/", 0),		/* decoded once */
	T("http://a/b", 0),
	T("http://a", 0),
	T("http://a?b", 0),
	T("HTTP://A:80/b?c", 0),
	T("https://a/b", 421),
	T("ftp://a/b", 400),
	T("http:///b", 400),
	T("http://u@a/b", 400),
	T("http://u:p@a/b", 400),
	T("http://a:99999/b", 400),
	T("http://a/b#c", 400),
	T("//a/b", 0),
	T("a:443", 400),

	/* 4: field lines */
	G("X:a\r\n", 0),
	G("X:\r\n", 0),
	G("X:   \t \r\n", 0),
	G("x-1!#$%&'*+.^`|~: a\r\n", 0),
	G(" X: a\r\n", 400),
	G("\tX: a\r\n", 400),
	G("X: a\r\n b\r\n", 400),
	G("X: a\r\n\tb\r\n", 400),
	G("X : a\r\n", 400),
	G("X\t: a\r\n", 400),
	G(": a\r\n", 400),
	G(": ignored\r\n", 400),
	G("X\r\n", 400),
	G("X a\r\n", 400),
	G("X\0: a\r\n", 400),
	G("X\x80: a\r\n", 400),
	G("X(: a\r\n", 400),
	G("X/Y: a\r\n", 400),
	G("X_Y: a\r\n", 400),
	G("Content_Length: 4\r\n", 400),
	G("[X]: a\r\n", 400),
	G("\"X\": a\r\n", 400),
	G("X@: a\r\n", 400),
	R("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),

	/* 5: Host */
	R("GET / HTTP/1.1\r\n\r\n", 400),
	R("GET / HTTP/1.0\r\n\r\n", 400),
	R("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
	R("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
	R("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400),
	R("GET http://a/ HTTP/1.1\r\n\r\n", 400),
	R("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", 0),
	HOST("mail.example.com", 0),
	HOST("mail.example.com.", 0),
	HOST("MAIL.example.com:8443", 0),
	HOST("a:", 0),
	HOST("192.0.2.1:80", 0),
	HOST("[2001:db8::1]", 0),
	HOST("[2001:db8::1]:443", 0),
	HOST("a b", 400),
	HOST("a,b", 400),
	HOST("a/b", 400),
	HOST("u@a", 400),
	HOST("a:b", 400),
	HOST("a:-1", 400),
	HOST("a:+80", 400),
	HOST("a:65536", 400),
	HOST("a:80:80", 400),
	HOST(".a", 400),
	HOST("[::1", 400),
	HOST("::1", 400),
	HOST("[fe80::1%25eth0]", 400),
	HOST("[v1.a]", 400),
	HOST("[127.0.0.1]", 400),
	HOST("[::1]x", 400),
	HOST("a%41", 400),
	HOST("a?b", 400),
	HOST("a#b", 400),
	HOST("a\\b", 400),
	HOST("\xc3\xa9", 400),
	HOST("a_b", 400),

	/* 6: Content-Length */
	P("Content-Length: 0\r\n", 0),
	P("Content-Length: 10\r\n", 0),
	P("content-length:10\t\r\n", 0),
	P("Content-Length: 9223372036854775807\r\n", 0),
	P("Content-Length: 9999999999999999999\r\n", 0),
	P("Content-Length: 18446744073709551616\r\n", 400),
	P("Content-Length:\r\n", 400),
	P("Content-Length: 010\r\n", 400),
	P("Content-Length: 00\r\n", 400),
	P("Content-Length: +10\r\n", 400),
	P("Content-Length: -10\r\n", 400),
	P("Content-Length: -48\r\n", 400),
	P("Content-Length: +1_0\r\n", 400),
	P("Content-Length: 1_0\r\n", 400),
	P("Content-Length: 0x10\r\n", 400),
	P("Content-Length: 1 0\r\n", 400),
	P("Content-Length: 10,10\r\n", 400),
	P("Content-Length: 10, 10\r\n", 400),
	P("Content-Length: ,10\r\n", 400),
	P("Content-Length: 10a\r\n", 400),
	P("Content-Length: 1e1\r\n", 400),
	P("Content-Length: \"10\"\r\n", 400),
	P("Content-Length: \x85" "10\r\n", 400),
	P("Content-Length: 10\xa0\r\n", 400),
	P("Content-Length: 10\x0b\r\n", 400),
	P("Content-Length : 34\r\n", 400),
	P("Content-Length: 10\r\nContent-Length: 10\r\n", 400),
	P("Content-Length: 10\r\nContent-Length: 11\r\n", 400),
	P("Content-Length: 10\r\nX: a\r\nCONTENT-LENGTH: 0\r\n", 400),

	/* 7: Transfer-Encoding */
	P("Transfer-Encoding: chunked\r\n", 0),
	P("transfer-encoding: CHUNKED\r\n", 0),
	P("Transfer-Encoding: identity\r\n", 501),
	P("Transfer-Encoding: gzip\r\n", 501),
	P("Transfer-Encoding: xchunked\r\n", 501),
	P("Transfer-Encoding: gzip, chunked\r\n", 400),
	P("Transfer-Encoding: chunked, chunked\r\n", 400),
	P("Transfer-Encoding: chunked, identity\r\n", 400),
	P("Transfer-Encoding: ,chunked\r\n", 400),
	P("Transfer-Encoding: chunked,\r\n", 400),
	P("Transfer-Encoding:\r\n", 400),
	P("Transfer-Encoding: chunked;a=b\r\n", 400),
	P("Transfer-Encoding: \"chunked\"\r\n", 400),
	P("Transfer-Encoding: \x0b" "chunked\r\n", 400),
	P("Transfer-Encoding: chunked\x85\r\n", 400),
	P("Transfer-Encoding: chunked\xa0\r\n", 400),
	P("Transfer-Encoding:\r\n chunked\r\n", 400),
	P("Transfer-\r\nEncoding: chunked\r\n", 400),
	P("Transfer-Encoding : chunked\r\n", 400),
	P("Transfer_Encoding: chunked\r\n", 400),
	P("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
	P("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", 400),
	P("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", 400),
	P("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", 400),
	P("Content-Length: 0\r\nTransfer-Encoding: identity\r\n", 400),
	R("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 400),

	/* 9: bodies where none belongs */
	G("Content-Length: 0\r\n", 0),
	G("Content-Length: 1\r\n", 400),
	G("Transfer-Encoding: chunked\r\n", 400),
	R("HEAD / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", 400),
	R("DELETE / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", 400),
	R("OPTIONS / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", 400),
	R("PUT / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", 0),
	P("Content-Encoding: gzip\r\nContent-Length: 5\r\n", 415),
	P("Content-Encoding: identity\r\nContent-Length: 5\r\n", 0),

	/* 10: Expect */
	P("Expect: 100-continue\r\nContent-Length: 5\r\n", 0),
	P("Expect: 100-Continue\r\nContent-Length: 5\r\n", 0),
	P("Expect: 200-ok\r\n", 417),
	P("Expect: 100-continue, x\r\n", 417),
	P("Expect:\r\n", 417),
	P("Expect: 100-continue\r\nExpect: 100-continue\r\n", 400),

	/* 12: singletons */
	G("Authorization: a\r\nAuthorization: b\r\n", 400),
	G("Origin: https://a\r\nOrigin: https://a\r\n", 400),
	G("Range: bytes=0-1\r\nRange: bytes=2-3\r\n", 400),
	P("Content-Type: a/b\r\nContent-Type: a/b\r\n", 400),
	G("Cookie: a\r\nCookie: b\r\n", 0),
	G("Accept: a/b\r\nAccept: c/d\r\n", 0),
	G("X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 1.2.3.5\r\n", 0),

	/* not all here yet */
	R("", -1),
	R("G", -1),
	R("\r", -1),
	R("\r\n", -1),
	R("GET / HTTP/1.1\r\n", -1),
	R("GET / HTTP/1.1\r\nHost: a\r\n", -1),
	R("GET / HTTP/1.1\r\nHost: a\r\n\r", -1),
};

/* Status, or -1 for more.  *used as of http1_head_find. */
static int
run(struct req *r, const char *text, size_t len, size_t piece,
    const struct http1_limits *lim, struct http1_frame *fr)
{
	const struct http1_error	*err = NULL;
	struct http1_find		 f = { 0, 0, 0, 0 };
	enum parse			 ret = PARSE_MORE;
	size_t				 used = 0, n;
	char				*in, *head;
	int				 status;

	/* exactly as large as it is, so that ASan sees a step too far */
	assert_non_null(in = malloc(len + (len == 0)));
	memcpy(in, text, len);
	for (n = piece < len ? piece : len; ; n += piece) {
		if (n > len)
			n = len;
		ret = http1_head_find(&f, in, n, lim, &used, &err);
		if (ret != PARSE_MORE || n == len)
			break;
	}
	arena_init(&r->arena, 1 << 20);
	if (ret == PARSE_DONE) {
		head = arena_dup(&r->arena, in + f.start, used - f.start);
		assert_non_null(head);
		err = http1_head_parse(r, head, used - f.start, fr);
	}
	status = ret == PARSE_MORE ? -1 : err == NULL ? 0 : err->status;
	free(in);
	return status;
}

static void
heads_are_judged_by_the_rules(void **state)
{
	static struct req	 r;
	struct http1_frame	 fr;
	size_t			 i, piece;
	int			 status;

	(void)state;
	assert_true(nitems(rows) >= 150);
	for (i = 0; i < nitems(rows); i++)
		for (piece = 1; piece <= 4096; piece *= 16) {
			memset(&r, 0, sizeof(r));
			status = run(&r, rows[i].text, rows[i].len, piece,
			    &http1_limits_default, &fr);
			arena_free(&r.arena);
			if (status != rows[i].status)
				fail_msg("row %zu, pieces of %zu: %d, not %d:"
				    "\n%s", i, piece, status, rows[i].status,
				    rows[i].text);
		}
}

static void
a_head_is_taken_apart(void **state)
{
	static const char	 text[] =
	    "\r\nPOST http://Mail.Example.com:80/a%20b/c?d=%20e&f HTTP/1.1\r\n"
	    "Host: other\r\nX-Empty:\r\nCONTENT-length: 12\r\n"
	    "Connection: foo, Close\r\nExpect: 100-continue\r\n"
	    "X-Two:  a b\t \r\nx-two: c\r\n\r\nBODY";
	static struct req	 r;
	struct http1_frame	 fr;

	(void)state;
	memset(&r, 0, sizeof(r));
	assert_int_equal(run(&r, text, sizeof(text) - 1, 4096,
	    &http1_limits_default, &fr), 0);
	assert_int_equal(r.method, HTTP_POST);
	assert_int_equal(r.version, 11);
	assert_string_equal(r.path, "/a b/c");
	assert_int_equal(r.path_len, 6);
	assert_string_equal(r.query, "d=%20e&f");
	assert_string_equal(r.host, "mail.example.com");
	assert_int_equal(r.nhdr, 7);
	assert_string_equal(req_hdr_find(&r, "x-EMPTY"), "");
	assert_string_equal(req_hdr_find(&r, "x-two"), "a b");
	assert_null(req_hdr_find(&r, "x-three"));
	assert_string_equal(req_hdr(&r, HDR_CONTENT_LENGTH), "12");
	assert_null(req_hdr(&r, HDR_ORIGIN));
	assert_int_equal(fr.length, 12);
	assert_int_equal(fr.chunked, 0);
	assert_int_equal(fr.keep, 0);
	assert_int_equal(fr.expect, 1);
	assert_string_equal(req_query(&r, "d"), " e");
	assert_string_equal(req_query(&r, "f"), "");
	assert_null(req_query(&r, "e"));
	arena_free(&r.arena);
}

static void
connections_are_kept_as_asked(void **state)
{
	static const struct {
		const char	*text;
		int		 keep;
	} t[] = {
		{ "GET / HTTP/1.1\r\n" H "\r\n", 1 },
		{ "GET / HTTP/1.0\r\n" H "\r\n", 0 },
		{ "GET / HTTP/1.0\r\n" H "Connection: keep-alive\r\n\r\n", 1 },
		{ "GET / HTTP/1.0\r\n" H "Connection: a,Keep-Alive\r\n\r\n",
		    1 },
		{ "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", 0 },
		{ "GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\n"
		    "Connection: CLOSE\r\n\r\n", 0 },
		{ "GET / HTTP/1.1\r\n" H "Connection: closed\r\n\r\n", 1 },
		{ "GET / HTTP/1.1\r\n" H "Connection: ,, ,\r\n\r\n", 1 },
	};
	static struct req	 r;
	struct http1_frame	 fr;
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(t); i++) {
		memset(&r, 0, sizeof(r));
		assert_int_equal(run(&r, t[i].text, strlen(t[i].text), 4096,
		    &http1_limits_default, &fr), 0);
		assert_int_equal(fr.keep, t[i].keep);
		arena_free(&r.arena);
	}
}

/* A head of a request line with n octets of target, then fields. */
static int
limited(size_t target, size_t nfields, size_t value)
{
	static struct req	 r;
	struct http1_limits	 lim = { 1024, 512, 4096, 20 };
	struct http1_frame	 fr;
	size_t			 i, len = 0, size = 1 << 20;
	char			*p = malloc(size);
	int			 status;

	assert_non_null(p);
	len += (size_t)snprintf(p + len, size - len, "GET /");
	memset(p + len, 'a', target - 1);
	len += target - 1;
	len += (size_t)snprintf(p + len, size - len,
	    " HTTP/1.1\r\nHost: a\r\n");
	for (i = 1; i < nfields; i++) {
		len += (size_t)snprintf(p + len, size - len, "X: ");
		memset(p + len, 'b', value);
		len += value;
		len += (size_t)snprintf(p + len, size - len, "\r\n");
	}
	len += (size_t)snprintf(p + len, size - len, "\r\n");
	memset(&r, 0, sizeof(r));
	status = run(&r, p, len, 100, &lim, &fr);
	arena_free(&r.arena);
	free(p);
	return status;
}

static void
sizes_have_limits(void **state)
{
	(void)state;
	/* "GET " + target + " HTTP/1.1" is 1024 octets */
	assert_int_equal(limited(1011, 1, 0), 0);
	assert_int_equal(limited(1012, 1, 0), 414);
	assert_int_equal(limited(100000, 1, 0), 414);
	assert_int_equal(limited(1, 2, 509), 0);
	assert_int_equal(limited(1, 2, 510), 431);
	assert_int_equal(limited(1, 2, 100000), 431);
	assert_int_equal(limited(1, 20, 10), 0);
	assert_int_equal(limited(1, 21, 10), 431);
	/* "Host: a" CRLF and seven of "X: ..." CRLF: 4096 octets */
	assert_int_equal(limited(1, 9, 505), 0);
	assert_int_equal(limited(1, 10, 505), 431);
}

static void
an_endless_line_is_cut_before_its_end(void **state)
{
	const struct http1_error	*err;
	struct http1_find		 f = { 0, 0, 0, 0 };
	char				 line[9000];
	size_t				 used;

	(void)state;
	memset(line, 'A', sizeof(line));
	assert_int_equal(http1_head_find(&f, line, sizeof(line),
	    &http1_limits_default, &used, &err), PARSE_ERROR);
	assert_int_equal(err->status, 414);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(heads_are_judged_by_the_rules),
		cmocka_unit_test(a_head_is_taken_apart),
		cmocka_unit_test(connections_are_kept_as_asked),
		cmocka_unit_test(sizes_have_limits),
		cmocka_unit_test(an_endless_line_is_cut_before_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
