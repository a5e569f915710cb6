/* SPDX-License-Identifier: ISC */
/*
 * The PROXY header on a connection: see proxy.h for what is in one.  Where a
 * listener demands it, conn.c calls these before TLS and before any protocol.
 */
#ifndef WORKER_PROXY_READ_H
#define WORKER_PROXY_READ_H

#include "worker/conn.h"

#define PROXY_READ_MS	3000	/* for the whole header */

/* 1 if the peer is one of trusted-proxies (or on a unix socket). */
int	proxy_read_trusts(const struct conn *);
/*
 * Take the header from the socket and not one byte of what is behind it.
 * IO_DONE: c->client, c->local and their ports are what the proxy says,
 * c->secure too.  IO_WANT_READ.  IO_CLOSE: close without an answer.
 */
enum io	proxy_read(struct conn *);

#endif
