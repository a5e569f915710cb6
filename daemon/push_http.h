/* SPDX-License-Identifier: ISC */
/*
 * One POST to a push service, by libcurl: the only place that opens a
 * connection to the outside.  HTTPS alone, the certificate verified, no
 * redirect, no proxy, no cookie; a bounded answer in a bounded time.
 *
 * It never connects to an address that is not global, nor to one of this
 * machine's own: that is asked of the very address that the socket is opened
 * for, after the name was resolved, so no DNS answer gets around it.  One
 * origin of the configuration may be on this machine (tests).
 */
#ifndef DAEMON_PUSH_HTTP_H
#define DAEMON_PUSH_HTTP_H

#include "common/compat.h"
#include "common/conf.h"
#include "common/push_url.h"

#define PUSH_HTTP_MAX	64	/* posts at a time */

struct push_http;		/* a post on its way */

enum push_http_result {
	PUSH_HTTP_ANSWER,	/* status, retry_s */
	PUSH_HTTP_UNREACHED,	/* no request was sent: name, connection, TLS */
	PUSH_HTTP_REFUSED,	/* the address is none that we go to */
	PUSH_HTTP_BROKEN	/* after the request began: time, size, ... */
};
struct push_http_end {
	enum push_http_result	 result;
	int			 status;
	int64_t			 retry_s;	/* Retry-After, or 0 */
	const char		*why;		/* for the log, never NULL */
};
/* The post is over and about to be freed. */
typedef void	push_http_fn(void *, const struct push_http_end *);

struct push_http_req {
	const struct push_url	*url;		/* of text, parsed */
	const char		*text;
	const char *const	*headers;	/* "Name: value", n of them */
	size_t			 nheaders;
	const void		*body;		/* copied */
	size_t			 len;
	push_http_fn		*fn;
	void			*arg;
};

/* Before privileges go: the library, trusted certificates, ports. */
void	push_http_init(const struct conf *);
/* A configuration is in force. */
void	push_http_conf(const struct conf *);
/* fn is called later, never from inside; NULL: no memory. */
struct push_http	*push_http_post(const struct push_http_req *);
void	push_http_cancel(struct push_http *);

#endif
