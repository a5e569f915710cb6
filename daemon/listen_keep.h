/* SPDX-License-Identifier: ISC */
/*
 * Connections on their way to a worker.  A worker that dies with a
 * descriptor in its pipe would take along a client of whom it never read a
 * byte; so parent keeps a second descriptor until the worker says TAKEN,
 * which it does before its first read, and gives the connection to another
 * when the worker dies first.  Used by listen.c alone.
 */
#ifndef DAEMON_LISTEN_KEEP_H
#define DAEMON_LISTEN_KEEP_H

#include "common/compat.h"

#include <sys/socket.h>

struct child;

/* c is about to get fd, which came in by the listener "from"; fd stays the
 * caller's.  Without memory or descriptors nothing is kept. */
void	listen_keep(struct child *c, uint32_t conn, int fd, void *from,
	    const struct sockaddr_storage *peer);
/* c has it, or it ended. */
void	listen_keep_taken(const struct child *, uint32_t conn);
/* c died: what it had not taken waits for listen_keep_next. */
void	listen_keep_orphan(const struct child *);
/* One that waits: its descriptor, the caller's now, or -1. */
int	listen_keep_next(void **from, struct sockaddr_storage *peer);
/* The listener goes away, and with it what waits. */
void	listen_keep_forget(const void *from);

#endif
