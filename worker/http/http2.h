/* SPDX-License-Identifier: ISC */
/* HTTP/2 (RFC 9113) on the connection machine.  c->setup is a const struct
 * http_setup, c->hosts the names served on the connection. */
#ifndef WORKER_HTTP_HTTP2_H
#define WORKER_HTTP_HTTP2_H

#include "worker/conn.h"

extern const struct conn_proto	http2_proto;

/*
 * A plain connection's first head, used bytes of c->in: if it is the start
 * of HTTP/2 with prior knowledge (RFC 9113 3.3, 3.4), and that may be spoken
 * here, the connection's protocol is changed and 1 returned.
 */
int	http2_takes(struct conn *, size_t used);

#endif
