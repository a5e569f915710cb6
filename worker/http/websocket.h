/* SPDX-License-Identifier: ISC */
/*
 * WebSocket (RFC 6455) as a protocol of the connection machine: the opening
 * handshake on an HTTP/1.1 request or on a stream of HTTP/2 (RFC 8441), then
 * text messages in and out.  Frames are wslay's.  Knows no JMAP.  No
 * extension is offered: compressing secrets beside what a stranger wrote
 * tells them (BREACH).
 */
#ifndef WORKER_HTTP_WEBSOCKET_H
#define WORKER_HTTP_WEBSOCKET_H

#include "common/compat.h"

struct conn;
struct conn_proto;
struct req;
struct websocket;

struct websocket_ops {
	/* A text message, UTF-8.  The answer before it has been taken. */
	void	(*message)(struct websocket *, void *, const uint8_t *,
		    size_t);
	/* websocket_wake was called, and the client takes what we send. */
	void	(*woken)(struct websocket *, void *);
	/* It is over; or never began. */
	void	(*gone)(void *);
};

#define WEBSOCKET_AWAY		1001	/* RFC 6455 7.4.1 */
#define WEBSOCKET_POLICY	1008

/*
 * Is this request a handshake for a subprotocol, from ourselves or nobody's
 * page, or, where allowed says so, from another origin?  1, or 0: it has
 * been answered (400, 403, 426).
 */
int	websocket_check(struct req *, const char *protocol,
	    int (*allowed)(struct req *, const char *origin));
/*
 * One that is not open yet, or NULL without memory.  max: bytes of a message
 * from the client; ping: ms of silence after which it is asked for a sign of
 * life, and as long again after which it is cut.
 */
struct websocket	*websocket_new(const struct websocket_ops *, void *arg,
			    uint64_t max, int64_t ping);
/* Answer 101 (HTTP/2: 200) to a request that was checked, and take the
 * websocket over: gone is called in any case, perhaps at once. */
void	websocket_accept(struct req *, const char *protocol,
	    struct websocket *);

/* Send a text message; a failure ends the connection. */
void	websocket_send(struct websocket *, const void *, size_t);
/* Have woken called soon.  May end it and call gone. */
void	websocket_wake(struct websocket *);
/* End it with a status code.  May call gone at once. */
void	websocket_close(struct websocket *, uint16_t code);
struct conn	*websocket_conn(struct websocket *);

/* For tests: c->data is a websocket. */
extern const struct conn_proto	websocket_proto;

#endif
