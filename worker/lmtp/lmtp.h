/* SPDX-License-Identifier: ISC */
/*
 * LMTP (RFC 2033): how a mail transport agent hands in mail.  A protocol on
 * the connection machine (worker/conn.h), over TCP or a unix socket, plain
 * or TLS; knows mailboxes only through worker/store and asks auth whose
 * address it is.
 *
 * Promise: a 250 after the data means that the mail is on the disk.
 */
#ifndef LMTP_LMTP_H
#define LMTP_LMTP_H

#include "common/conf.h"
#include "worker/conn.h"

/* What a connection must know of the configuration; conn.setup. */
struct lmtp_setup {
	char		host[256];	/* in the greeting and in Received */
	uint64_t	max_size;	/* bytes of one message */
	uint64_t	max_held;	/* bytes of all messages on their way */
	int64_t		timeout;	/* ms for a command, or to be silent */
	uint64_t	rate;		/* least bytes a second of data */
	int		log;		/* an info line for each message */
};

/* Fill it in; nothing to free. */
void	lmtp_setup(struct lmtp_setup *, const struct conf *);

extern const struct conn_proto	lmtp_proto;

#endif
