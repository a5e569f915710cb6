/* SPDX-License-Identifier: ISC */
/*
 * The Session object (RFC 8620 2): what a login may use, and where.
 */
#ifndef WORKER_JMAP_JMAP_SESSION_H
#define WORKER_JMAP_JMAP_SESSION_H

#include "worker/jmap/jmap.h"

/* Append the Session object, with the n accounts that are shared with the
 * user; shares: the state of those. */
void		 jmap_session(struct buf *, const struct jmap_env *,
		    const struct jmap_user *, const struct jmap_shared *,
		    size_t n, uint64_t shares);
/* One member of its "accounts": the user's own (shared NULL), or another. */
void		 jmap_session_account(struct buf *, const struct jmap_env *,
		    const struct jmap_user *, const struct jmap_shared *);
/* Its state: changes when configuration, the user's rights or the accounts
 * that are shared with him do.  shares: the state of STORE_SHARED. */
void		 jmap_session_state(const struct jmap_env *,
		    const struct jmap_user *, uint64_t shares, char out[17]);
/* The bit of a capability's URN that this server knows, or 0. */
unsigned	 jmap_session_cap(const char *urn);

#endif
