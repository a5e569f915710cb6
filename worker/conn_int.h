/* SPDX-License-Identifier: ISC */
/* What conn.c (the machine), conn_io.c (bytes and events) and conn_list.c
 * (all of them, and time) share. */
#ifndef WORKER_CONN_INT_H
#define WORKER_CONN_INT_H

#include "worker/conn.h"

/* Private flags, beside those of conn.h. */
#define BUSY		0x0100		/* in conn_run */
#define AGAIN		0x0200		/* woken while busy */
#define RAW		0x0400		/* steps do their own I/O: handshake */
#define READING		0x0800		/* ev_read is armed */
#define WRITING		0x1000		/* ev_write is armed */
#define YIELDED		0x8000		/* waits for its turn */
#define FRESH		0x4000		/* handshake has ended this turn */
#define LINGER		0x2000		/* our end is shut, theirs is drained */

/* --- conn.c ---------------------------------------------------------- */

/* It is over; nothing more is written. */
void	conn_free(struct conn *);
/* It stalled: what is on its way is thrown away. */
void	conn_cut(struct conn *);
/* c->deadline has passed. */
void	conn_expire(struct conn *);
/* The worker drains: it ends now, or as soon as its protocol allows. */
void	conn_retire(struct conn *);

/* --- conn_list.c ----------------------------------------------------- */

void	conn_list_add(struct conn *);
void	conn_list_del(struct conn *);
/* Look at the clock: a turn begins. */
void	conn_tick(void);

/* --- conn_io.c ------------------------------------------------------- */

/* One read.  Bytes read, 0 for nothing now or the end (c->eof), -1 broken. */
int	conn_io_read(struct conn *);
/* Write what is queued: 1 all of it, 0 the socket is full, -1 broken. */
int	conn_io_flush(struct conn *);
/* Take what still comes and throw it away; the deadline is pause ms ahead
 * then.  1, or 0: it was the end, or is enough. */
int	conn_io_linger(struct conn *, int64_t pause);
/* Wait for EV_READ or EV_WRITE, or not any more. */
void	conn_io_arm(struct conn *, int);
void	conn_io_disarm(struct conn *, int);

#endif
