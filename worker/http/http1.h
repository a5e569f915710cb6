/* SPDX-License-Identifier: ISC */
/* HTTP/1.1 (RFC 9112) on the connection machine.  c->setup is a const
 * struct http_setup, c->hosts the names served on the connection. */
#ifndef WORKER_HTTP_HTTP1_H
#define WORKER_HTTP_HTTP1_H

#include "worker/conn.h"

extern const struct conn_proto	http1_proto;

/* From where a request comes: what its connection knows.  For every version
 * of HTTP. */
struct req;
void	http1_whence(struct req *, const struct conn *);

#endif
