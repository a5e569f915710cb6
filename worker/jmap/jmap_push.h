/* SPDX-License-Identifier: ISC */
/*
 * States of types as a push channel tells them (RFC 8620 7): what EventSource,
 * WebSocket and push subscriptions have in common.
 */
#ifndef WORKER_JMAP_JMAP_PUSH_H
#define WORKER_JMAP_JMAP_PUSH_H

#include "worker/jmap/jmap.h"

#define JMAP_PUSH_ALL	UINT32_MAX	/* types: "*" */
#define JMAP_PUSH_ID	64		/* bytes of a push state with NUL */

/* Where an account is: what a push channel compares and tells. */
struct jmap_push {
	uint64_t	 modseq;		/* of the last change */
	uint64_t	 state[STORE_TYPES];
};
/* "*", or type names between commas, as a mask of 1 << enum store_type.
 * Types that we do not have are fine.  0, or -1: malformed. */
int	 jmap_push_types(const char *, uint32_t *types);
/* The bit of one name, or 0. */
uint32_t jmap_push_type(const char *);
/* Append a line "account type state\n" for each of the types that has ever
 * changed: what msg.h's MSG_PUSH_STATE takes. */
void	 jmap_push_lines(struct buf *, const char *account,
	    const struct jmap_push *, uint32_t types);
/* Read it, in a transaction of its own.  0, or -1 (logged). */
int	 jmap_push_read(const char *account, struct jmap_push *);
/* What a principal sees of somebody else's: 1, 0 nothing, -1 (logged). */
int	 jmap_push_view(uint64_t number, uint64_t viewer, struct jmap_push *);
/* The accounts of others in a user's session, at most max: how many. */
size_t	 jmap_push_shared(const char *account, uint64_t *, size_t max);
/*
 * Append the member of a StateChange's "changed" for one account, with each
 * of the types that changed after the modseq since (0: has ever changed).  1,
 * or 0: none did, nothing was appended.
 */
int	 jmap_push_one(struct buf *, const char *account,
	    const struct jmap_push *, uint32_t types, uint64_t since);
/* All of a user's state as one text of [a-z0-9.]: event id, pushState. */
const char	*jmap_push_id(const char *account, uint64_t modseq,
		    char out[JMAP_PUSH_ID]);
/* And back: 0, or -1: not one of this account. */
int	 jmap_push_since(const char *id, const char *account,
	    uint64_t *modseq);

#endif
