/* SPDX-License-Identifier: ISC */
/*
 * Vacation responses (RFC 8621 8, RFC 3834): vacation.c has the type,
 * vacation_reply.c answers deliveries, vacation_rule.c decides which.
 */
#ifndef WORKER_JMAP_VACATION_H
#define WORKER_JMAP_VACATION_H

#include "common/card.h"
#include "worker/jmap/jmap_object.h"
#include "worker/mime/mime.h"

/* --- vacation.c ---------------------------------------------------------- */

/* Is it enabled, and ms within its time?  Sets *on. */
enum store_err	vacation_on(struct store_txn *, int64_t ms, int *on);

/* --- vacation_rule.c ----------------------------------------------------- */

/*
 * May a machine answer this message (RFC 3834 2)?  m is its header, which
 * begins with our Return-Path.  1: then *to is who to answer, *own the
 * address of the card that it was sent to; all in the arena.  0 not, and
 * *why says so in a few words; -1 no memory.
 */
int		vacation_rule(struct arena *, const struct mime_msg *m,
		    const struct card *, const char **to, const char **own,
		    const char **why);

#define VACATION_HOURLY	100			/* responses of an account */

/*
 * Who was answered when: bytes of a note of the store.  1 if to may be
 * answered at ms, once in period (ms): then *out is the note to keep; 0; -1
 * no memory.
 */
int		vacation_rule_once(struct slice note, const char *to,
		    int64_t ms, int64_t period, struct buf *out);

/* --- vacation_reply.c ---------------------------------------------------- */

/* See delivered_setup. */
void		vacation_period(int64_t ms);
/* See delivered_reply. */
void		vacation_reply(uint64_t account, const void *raw, size_t len);

#endif
