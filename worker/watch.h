/* SPDX-License-Identifier: ISC */
/*
 * What a push channel of a user watches: his own account, and those that are
 * shared with him, as they come and go (RFC 8620 7, RFC 9670 1.4).  Used by
 * eventsource.c and worker_ws.c.
 */
#ifndef WORKER_WATCH_H
#define WORKER_WATCH_H

#include "common/compat.h"
#include "common/dir.h"
#include "worker/jmap/jmap_push.h"
#include "worker/notify.h"

#define WATCH_SHARED	32	/* accounts of others that are watched */
#define WATCH_ID	(JMAP_PUSH_ID * (WATCH_SHARED + 1))

struct watch_other {
	struct notify	 notify;
	uint64_t	 since;
};
struct watch {
	struct notify	 own;		/* .account is the user's */
	uint64_t	 since;		/* modseq the client knows */
	uint32_t	 types;
	uint64_t	 shares;	/* state when others was made, + 1 */
	struct watch_other *others;	/* nothers, or NULL */
	size_t		 nothers;
	char		*known;		/* of watch_since, until used */
	char		*id;		/* all of what watch_look saw */
	char		 account[DIR_ACCOUNT_LEN];
};

/* fn(arg) is called when one of the types may have changed anywhere. */
void	watch_start(struct watch *, uint64_t account, uint32_t types,
	    void (*fn)(void *), void *arg);
void	watch_stop(struct watch *);
/* Other types from now on; nothing is known of any state. */
void	watch_types(struct watch *, uint32_t types);
/* The client knows all that an id says: 0, or -1 it is not one of his. */
int	watch_since(struct watch *, const char *id);
/* It knows all that is there now. */
void	watch_now(struct watch *);
/*
 * Append a StateChange with what changed since: 1, 0 nothing, -1 the account
 * cannot be read.  state: with pushState.  w->id says then what is known.
 */
int	watch_look(struct watch *, struct buf *, int state);

#endif
