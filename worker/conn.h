/* SPDX-License-Identifier: ISC */
/*
 * The connection machine: one connection from its descriptor to its close,
 * over TCP or a unix socket, plain or TLS.  A protocol (http1, lmtp) is a
 * const struct conn_proto; it never touches the socket.  It takes bytes from
 * c->in (buf_peek, buf_left, buf_skip), appends to c->out, and is called
 * through c->step until it says what it waits for.
 *
 * One turn: bytes arrive -> step, step, ... -> one write of all of c->out.
 *
 * Only conn.c reads, writes, closes, or touches an event.  A step must not
 * free its connection; it returns IO_CLOSE.
 */
#ifndef WORKER_CONN_H
#define WORKER_CONN_H

#include "common/compat.h"

#include <event.h>

#include "common/buf.h"
#include "common/ip.h"

struct conn;
struct conf_gen;
struct conf_listen;
struct hosts;
struct tls_cert;
struct ssl_st;

/* What a step waits for. */
enum io {
	IO_DONE,	/* progress was made: call c->step again */
	IO_WANT_READ,	/* more bytes in c->in (c->out is flushed first) */
	IO_WANT_WRITE,	/* room: call again when c->out is empty */
	IO_WAIT,	/* something else; conn_wake() will be called */
	IO_YIELD,	/* nothing: go on when others have had their turn */
	IO_CLOSE	/* flush c->out, then close, lingering */
};

typedef enum io	 conn_step(struct conn *);

/* Requests of one connection, sent ahead, before others have their turn. */
#define CONN_TURN	8

struct conn_proto {
	const char	*name;		/* "http/1.1", "h2", "lmtp" */
	size_t		 in_max;	/* most bytes c->in may hold */
	/* The first step, after the TLS handshake if there is one.  Sets
	 * c->data, c->step and c->deadline. */
	conn_step	*open;
	/* c->deadline passed.  May queue a last answer in c->out; returns
	 * IO_CLOSE, or IO_DONE after it has set a new deadline. */
	conn_step	*expire;
	/* Nothing in flight and the worker drains: IO_CLOSE to end now,
	 * IO_DONE to go on until the protocol ends it by itself (a
	 * CONN_DUPLEX one has its step called then). */
	conn_step	*drain;
	/* The connection dies: give back c->data.  May be called at any
	 * point after open. */
	void		(*free)(struct conn *);
};

struct conn {
	TAILQ_ENTRY(conn)	 entry, turn;
	uint32_t		 id;	/* given by parent, see MSG_CONN */
	uint32_t		 listener; /* item of conf.listens */
	int			 fd;
	/* For the protocol. */
	struct buf		 in, out;
	conn_step		*step;
	void			*data;	/* the protocol's own */
	const struct conn_proto	*proto;
	int64_t			 deadline; /* conn_now() ms; 0: none */
	void			(*carrier)(struct conn *); /* conn_carry */
	int			 eof;	/* the peer has sent its last byte */
	const void		*setup;	/* the protocol's settings, see gen */
	const struct hosts	*hosts;	/* names served on this connection */
	/* Who and where; constant. */
	struct ip		 peer;	/* the other end of the socket */
	uint16_t		 peer_port;
	struct ip		 client, local;	/* peer and our end, or what a
					 * PROXY header says they are */
	uint16_t		 client_port, local_port;
	const struct conf_listen *listen; /* of the generation below */
	struct conf_gen		*gen;	/* configuration it was born under */
	int			 tls;	/* 1: TLS */
	int			 secure; /* 1: TLS between client and proxy */
	/* For show connections. */
	int64_t			 born;	/* wall clock ms */
	uint64_t		 nreq;	/* requests or messages begun */
	uint64_t		 nin, nout; /* bytes, after decryption */
	/* Private to conn.c and tls.c. */
	struct ssl_st		*ssl;
	const struct tls_cert	*cert;	/* the one SNI chose */
	struct event		 ev_read, ev_write;
	int64_t			 stall;	/* write must progress by then */
	int64_t			 quiet;	/* since when nothing happened */
	size_t			 lingered; /* bytes drained at the end */
	enum io			 want;	/* what the last step said */
	int			 flags;	/* CONN_ */
};
#define CONN_DRAIN	0x01	/* the worker drains: end it when you can */
#define CONN_ABORT	0x02	/* set before IO_CLOSE: cut without flushing */
#define CONN_CLEAN	0x04	/* the peer has said all that it had to say:
				 * no lingering after IO_CLOSE */
#define CONN_DUPLEX	0x08	/* may be woken while it waits for bytes */
TAILQ_HEAD(conn_list, conn);

/* What worker.c knows of a connection that parent handed over. */
struct conn_new {
	uint32_t		 id, listener;
	int			 fd;		/* non-blocking; conn.c's now */
	struct ip		 peer, local;
	uint16_t		 peer_port, local_port;
	const struct conn_proto	*proto;
	struct conf_gen		*gen;
};
void	conn_new(const struct conn_new *);
/* End every connection as soon as its protocol allows. */
void	conn_drain(void);
size_t	conn_count(void);

/* Milliseconds, monotonic, taken once per turn of the loop. */
int64_t	conn_now(void);
/* Most connections that there may be are there, or no longer. */
void	conn_crowded(int);
/* How long, in ms, one may be idle that has keep_alive when there is room. */
int64_t	conn_idle(uint64_t keep_alive);

/*
 * The thing an IO_WAIT (CONN_DUPLEX: or IO_WANT_READ) waited for has
 * happened: run the steps.  Safe from
 * anywhere, inside the connection's own step too (then it does nothing but
 * make the machine call the step again).  May free the connection when
 * called from outside a step.
 */
void	conn_wake(struct conn *);

/* A new request begins: put the connection under the newest configuration
 * (c->gen, c->setup, c->hosts, c->listen). */
void	conn_refresh(struct conn *);
/* 1 if there is a newer configuration that it could be put under. */
int	conn_stale(const struct conn *);

/*
 * A connection without a socket, on a stream of another one: what conn.c
 * does for others its owner does, conn_wake calls carrier.  *c is zero and
 * the owner's; data is for the owner to set.  conn_carry_end: the protocol
 * gives back its data, and *c can be freed.
 */
void	conn_carry(struct conn *c, const struct conn *under,
	    const struct conn_proto *, void (*carrier)(struct conn *));
void	conn_carry_end(struct conn *);

/* Run fn(c, arg) for every connection.  fn may not end it. */
void	conn_each(void (*)(struct conn *, void *), void *);

#endif
