/* SPDX-License-Identifier: ISC */
/*
 * States that a push subscription has to be told (RFC 8620 7.1): the newest
 * of each type in each account, and what of them is on its way.  Used by
 * push_list.c, which has one set for each subscription.  No I/O, no time.
 *
 * What comes in is a worker's word: every length and character is checked.
 */
#ifndef DAEMON_PUSH_STATE_H
#define DAEMON_PUSH_STATE_H

#include "common/buf.h"
#include "common/compat.h"

#define PUSH_STATE_MAX		256	/* of one subscription */
#define PUSH_STATE_TOPIC	33	/* bytes with NUL, RFC 8030 5.4 */

struct push_state;
struct push_states {
	TAILQ_HEAD(, push_state) list;
	size_t			 n;
	size_t			*bytes;	/* counts what all sets hold */
};

/* An empty set whose bytes are added to those at "bytes". */
void	push_state_init(struct push_states *, size_t *bytes);
/* Forget all. */
void	push_state_clear(struct push_states *);
/*
 * Lines "account type state\n" of a worker, while all sets hold less than
 * max bytes.  NULL, or what is wrong with them; *full: nothing is, but there
 * is no room.
 */
const char	*push_state_lines(struct push_states *, const char *, size_t,
		    size_t max, int *full);
/* Append a StateChange of at most room bytes; what is in it is on its way
 * from now on, the rest goes with the next. */
void	push_state_body(struct push_states *, size_t room, struct buf *);
/*
 * The topic (RFC 8030 5.4) of what is on its way, from the subscription's
 * URL and its secret of n bytes; "" without memory.
 */
void	push_state_topic(const struct push_states *, const char *url,
	    const uint8_t *secret, size_t n, char topic[PUSH_STATE_TOPIC]);
/* What was on its way has arrived, or waits again. */
void	push_state_done(struct push_states *, int arrived);

#endif
