/* SPDX-License-Identifier: ISC */
/*
 * Raw message in, prepared mail out: the one way by which mail enters a
 * store.  Email/import, Email/set, LMTP and jmapctl import use it, so that
 * a mail is the same whatever door it came through.
 *
 * Any bytes are a message (worker/mime/mime.h): nothing here refuses one.
 * Everything that a list of mails shows becomes JSON text now, once, so
 * that no later request parses it again.
 */
#ifndef WORKER_EMAIL_ROW_H
#define WORKER_EMAIL_ROW_H

#include "common/arena.h"
#include "worker/store/store.h"

#define EMAIL_ROW_FRAG	4096	/* longest fragment of a list row, bytes */
#define EMAIL_ROW_BIG	"?"	/* stands for a longer one: ask the message */
#define EMAIL_ROW_KEY	120	/* bytes of a sort key that count */
#define EMAIL_ROW_TEXT	(1 << 20) /* bytes of a text that are indexed */
#define EMAIL_ROW_ARENA	(128UL << 20)	/* enough for any one message */

/*
 * Fill everything in *m that follows from the message: size, sent,
 * attachment, fragments, structure, message ids, subject, texts.  Before,
 * m->blob and m->received must be set (received is rounded down to seconds
 * and kept within 1970..9999).  mailbox and keyword are not looked at.
 * All memory is the arena's, which takes what the message needs, at most
 * EMAIL_ROW_ARENA; raw is not needed afterwards.  0, or -1: no memory, or
 * EFBIG.
 */
int	 email_row(struct arena *, const void *raw, size_t len,
	    struct store_newmail *m);

/*
 * Deliver: keep the bytes as a blob, prepare the row unless m->structure is
 * there already (the same message for another account), add the mail.
 * m->mailbox, m->keyword and m->received must be set; received DATE_NONE is
 * the time of the newest Received field, or now.  Durable with the commit.
 */
enum store_err	email_row_add(struct store_txn *, struct arena *,
		    const void *raw, size_t len, struct store_newmail *m,
		    uint64_t *id, uint64_t *tid);

/* The time in the first (newest) Received field, or DATE_NONE. */
int64_t	 email_row_received(const void *raw, size_t len);

/*
 * Only the texts for the search index: calls fn with them, and returns what
 * that did, or -1.  A struct store_conf's texts.
 */
int	 email_index(const void *raw, size_t len, store_texts_fn *fn,
	    void *arg);

#endif
