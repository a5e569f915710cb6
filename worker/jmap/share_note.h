/* SPDX-License-Identifier: ISC */
/* ShareNotification (RFC 9670 3), for jmap_share.c, which makes them. */
#ifndef WORKER_JMAP_SHARE_NOTE_H
#define WORKER_JMAP_SHARE_NOTE_H

#include "worker/jmap/jmap.h"
#include "worker/store/store_share.h"

/*
 * Note in the account of this transaction what somebody did with one of his
 * mailboxes.  One that was not dismissed yet and is of the same mailbox is
 * replaced, and taken back when nothing is left of the change.
 */
enum store_err	share_note_add(struct store_txn *, uint64_t owner,
		    const struct store_shared *);

#endif
