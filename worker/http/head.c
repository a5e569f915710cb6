/* SPDX-License-Identifier: ISC */
/*
 * The parts of a request's head that HTTP/1.1 and HTTP/2 share: see head.h.
 * Called by http1_head.c and http2_stream.c.  Numbers in comments are the
 * rules of security.md 3.1.  What must never happen here: one version of
 * the protocol accepting what another refuses.
 */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "worker/http/hdr.h"
#include "worker/http/head.h"
#include "worker/http/target.h"

typedef const struct http1_error	herr;

#define E(name, status, detail)						\
	static herr name = { status, detail }
E(bad_method, 400, "the method is not a token");
E(unknown_method, 501, "the method is not implemented");
E(bad_target, 400, "malformed request target");
E(bad_host, 400, "malformed Host");
E(bad_length, 400, "malformed Content-Length");
E(no_body, 400, "this method has no request body");
E(bad_expect, 417, "only 100-continue can be expected");
E(encoded, 415, "content codings are not accepted in requests");
#undef E

herr *
head_method(struct req *r, const char *p, size_t len)
{
	const char	*name;
	size_t		 i;

	/* RFC 9110 9.1: case-sensitive token */
	for (i = 0; i < len; i++)
		if (!(hdr_octet[(unsigned char)p[i]] & HDR_TCHAR) &&
		    p[i] != '_')
			return &bad_method;
	if (len == 0)
		return &bad_method;
	for (i = 0; i < HTTP_METHODS; i++) {
		name = http_method_name((enum http_method)i);
		if (strlen(name) == len && memcmp(name, p, len) == 0) {
			r->method = (enum http_method)i;
			return NULL;
		}
	}
	return &unknown_method;		/* 1; CONNECT and TRACE too */
}

herr *
head_origin(struct req *r, char *p, size_t len)
{
	char	*q;
	ssize_t	 n;

	r->query = "";
	if (len == 1 && p[0] == '*') {
		/* RFC 9112 3.2.4: asterisk-form is for OPTIONS */
		r->path = "*";
		r->path_len = 1;
		return r->method == HTTP_OPTIONS ? NULL : &bad_target;
	}
	if ((q = memchr(p, '?', len)) != NULL) {
		if (target_query(q + 1, len - (size_t)(q + 1 - p)) == -1)
			return &bad_target;
		r->query = q + 1;
		len = (size_t)(q - p);
	}
	if ((n = target_path(p, len)) == -1)
		return &bad_target;
	r->path = p;
	r->path_len = (size_t)n;
	return NULL;
}

herr *
head_host(struct req *r, const char *p, size_t len)
{
	char	*host;

	if ((host = arena_get(&r->arena, TARGET_HOST_MAX + 1)) == NULL ||
	    target_host(p, len, host) == -1)
		return &bad_host;
	r->host = host;
	return NULL;
}

/* RFC 9110 8.6: 1*DIGIT.  6: at most 19, no leading zero, no list. */
herr *
head_length(const struct req *r, uint64_t *length)
{
	const struct req_hdr	*h;
	uint64_t		 n = 0;
	uint32_t		 i;

	*length = 0;
	if (r->known[HDR_CONTENT_LENGTH] == -1)
		return NULL;
	h = &r->hdr[r->known[HDR_CONTENT_LENGTH]];
	if (h->value_len == 0 || h->value_len > 19 ||
	    (h->value[0] == '0' && h->value_len > 1))
		return &bad_length;
	for (i = 0; i < h->value_len; i++) {
		if (h->value[i] < '0' || h->value[i] > '9')
			return &bad_length;
		n = n * 10 + (uint64_t)(h->value[i] - '0');
	}
	*length = n;
	return NULL;
}

int
head_bodiless(enum http_method m)
{
	return (HTTP_M(m) & (M_GET | M_DELETE | HTTP_M(HTTP_OPTIONS))) != 0;
}

/* 9: a body where none has a meaning is how 0.CL and CL.0 desync starts
 * (RFC 9110 9.3.1: "might lead some implementations to reject"). */
herr *
head_body(const struct req *r, int has)
{
	const char	*ce = req_hdr(r, HDR_CONTENT_ENCODING);

	if (has && head_bodiless(r->method))
		return &no_body;
	/* security.md 3.3: RFC 9110 15.5.16 */
	if (ce != NULL && !utf8_caseis(ce, strlen(ce), "identity"))
		return &encoded;
	return NULL;
}

herr *
head_expect(const struct req *r, int *expect)
{
	const char	*v = req_hdr(r, HDR_EXPECT);

	*expect = 0;
	if (v == NULL)
		return NULL;
	if (!utf8_caseis(v, strlen(v), "100-continue"))
		return &bad_expect;
	*expect = 1;
	return NULL;
}
