/* SPDX-License-Identifier: ISC */
/*
 * The head of an HTTP/1.1 request (RFC 9112 2 to 7), pure and in two
 * phases: find its end while bytes arrive, then parse all of it in place.
 * Every refusal is a const struct http1_error; nothing is ever mended.
 */
#ifndef WORKER_HTTP_HTTP1_HEAD_H
#define WORKER_HTTP_HTTP1_HEAD_H

#include "common/compat.h"
#include "common/parse.h"

#include "worker/http/http.h"

/* Why a head is refused.  The connection must be closed after it. */
struct http1_error {
	int		 status;
	const char	*detail;
};

struct http1_limits {
	uint32_t	 line;		/* bytes of the request line */
	uint32_t	 field;		/* bytes of one field line */
	uint32_t	 fields;	/* bytes of all field lines */
	uint32_t	 nfields;	/* field lines, at most HTTP_MAX_HDRS */
};
/* RFC 9112 3 wants 8000 octets at least; security.md 3.1 rule 13. */
extern const struct http1_limits	http1_limits_default;

/* How far the search for the end of the head is. */
struct http1_find {
	uint32_t	 start;		/* of the request line */
	uint32_t	 fields;	/* their start, 0: not yet known */
	uint32_t	 line;		/* start of the line being read */
	uint32_t	 nfields;	/* complete field lines */
};

/*
 * Look for the end of the head in the len bytes at p, all that arrived of
 * it.  *f is zero at first and kept between calls, p's bytes too.
 * PARSE_DONE sets *used: the head is p + f->start up to p + *used.
 * PARSE_ERROR sets *err.
 */
enum parse	http1_head_find(struct http1_find *, const char *p, size_t len,
		    const struct http1_limits *, size_t *used,
		    const struct http1_error **err);

/* What the head says about the message around it. */
struct http1_frame {
	uint64_t	 length;	/* Content-Length, 0 if none */
	int		 chunked;
	int		 keep;		/* the connection may be used again */
	int		 expect;	/* 100-continue is waited for */
};

/*
 * Parse the head of len bytes at p, found by http1_head_find, in place: r's
 * method, target, path, query, host, version and fields point into it.
 * r->tls must be set.  NULL if it is good.
 */
const struct http1_error	*http1_head_parse(struct req *, char *p,
				    size_t len, struct http1_frame *);

#endif
