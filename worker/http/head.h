/* SPDX-License-Identifier: ISC */
/*
 * What every version of HTTP checks of a request's head in the same way:
 * method, target, host, length, and whether a body may come (RFC 9110).
 * Pure.  Each returns NULL, or why the request is refused; nothing is ever
 * mended.
 */
#ifndef WORKER_HTTP_HEAD_H
#define WORKER_HTTP_HEAD_H

#include "common/compat.h"

#include "worker/http/http1_head.h"

/* Set r->method (RFC 9110 9.1). */
const struct http1_error	*head_method(struct req *, const char *,
				    size_t);
/*
 * origin-form or "*" (RFC 9112 3.2.1, 3.2.4; RFC 9113 8.3.1 :path): set
 * r->path and r->query, which point into the len bytes at p, decoded in
 * place; p[len] must be '\0'.  r->method must be set.
 */
const struct http1_error	*head_origin(struct req *, char *p,
				    size_t len);
/* Set r->host from "host[:port]" (RFC 9110 7.2). */
const struct http1_error	*head_host(struct req *, const char *,
				    size_t);
/* Content-Length (RFC 9110 8.6) into *length, 0 if there is none. */
const struct http1_error	*head_length(const struct req *,
				    uint64_t *length);
/* 1 if a request body has no meaning for this method. */
int				 head_bodiless(enum http_method);
/* May this request have a body (has: it does), and is it not encoded? */
const struct http1_error	*head_body(const struct req *, int has);
/* Expect (RFC 9110 10.1.1); *expect: 100-continue is waited for. */
const struct http1_error	*head_expect(const struct req *,
				    int *expect);

#endif
