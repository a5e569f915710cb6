/* SPDX-License-Identifier: ISC */
/*
 * What an account does by itself when a message is delivered to it.  Called
 * by worker/lmtp, for LMTP and for mail of the queue; the message begins with
 * the Return-Path that the server put there.
 */
#ifndef WORKER_JMAP_DELIVERED_H
#define WORKER_JMAP_DELIVERED_H

#include "worker/store/store.h"

/* How often the same person hears that the user is away, in ms; again when
 * the configuration has changed. */
void		delivered_setup(int64_t period);
/* In the delivery's transaction, mail added: note reports (DSN, MDN).  Sets
 * *reply to 1 if delivered_reply shall be called after the commit. */
enum store_err	delivered(struct store_txn *, uint64_t mail, const void *raw,
		    size_t len, int *reply);
/* The vacation response (RFC 8621 8), if one is due.  May end later, in the
 * event loop; raw is not needed then. */
void		delivered_reply(uint64_t account, const void *raw, size_t len);

#endif
