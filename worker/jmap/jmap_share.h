/* SPDX-License-Identifier: ISC */
/*
 * Sharing (RFC 9670): accounts of others, hints of them, principals.  What
 * jmap_share.c and principal.c give to the rest of the folder and to the
 * transports above it.
 */
#ifndef WORKER_JMAP_JMAP_SHARE_H
#define WORKER_JMAP_JMAP_SHARE_H

#include "worker/jmap/jmap.h"

/*
 * Rights are rows of the owner's store (store.h 14), looked at in every
 * transaction, so that a revocation holds at once everywhere.  The sharee's
 * own store has a hint for each account that shares with him: what his
 * session says, and which accounts may be opened for him at all.
 */
struct jmap_shared {			/* a hint */
	uint64_t	 number;
	const char	*account;	/* "u..." */
	const char	*name;		/* of the owner, as he logs in */
	uint32_t	 rights;	/* all that he has on any mailbox */
	int		 subscribed;	/* to any of them: in the session */
};
/* All of a user's, from a transaction on his own account: 0, or -1. */
int		 jmap_share_list(struct store_txn *, struct arena *,
		    struct jmap_shared **, size_t *n);
/* The state that changes when they do, in a transaction of its own. */
uint64_t	 jmap_share_state(const struct jmap_user *);
/*
 * Open an account for the user: 1 and *st, to be closed, and *viewer for
 * jmap_share_begin; 0 there is none for him; -1 (logged).  own: a
 * transaction on his own account if one is open, else NULL.
 */
int		 jmap_share_open(const struct jmap_user *,
		    struct store_txn *own, const char *account,
		    struct store **st, uint64_t *viewer);
/* store_begin, and the view where there is a viewer. */
enum store_err	 jmap_share_begin(struct store *, uint64_t viewer, int write,
		    struct store_txn **);
/* After a commit: tell those whose rights it changed.  Opens their accounts
 * one after the other, with no transaction on this one but to read. */
void		 jmap_share_tell(struct store *, uint64_t owner,
		    const char *owner_name);
/* The same when somebody died in the middle of it: for now and then. */
void		 jmap_share_again(struct store *, uint64_t owner,
		    const char *owner_name);
/* An account is going to be removed: what it shares, and what is shared with
 * it, ends. */
void		 jmap_share_erase(uint64_t number);
/* Append the map of rights; all: mayShare, too. */
void		 jmap_share_rights(struct buf *, uint32_t rights, int all);
/* The bit of a right's name, or 0. */
uint32_t	 jmap_share_right(const char *);
/* 1 if the request names sharing in "using". */
int		 jmap_share_used(const struct jmap_req *);

/* Principals as auth told of them: those the user may see, by number. */
struct jmap_principal {
	uint64_t	 number;
	const char	*type;		/* "individual", ... */
	const char	*name;		/* login name */
	const char	*description;	/* or NULL */
	const char	*email;		/* or NULL */
};
struct jmap_dir {
	uint64_t		 generation;	/* grows with each change */
	struct jmap_principal	*v;
	size_t			 n;
};
const struct jmap_principal	*jmap_principal_find(const struct jmap_dir *,
				    uint64_t);
/* The id of a principal: "P...". */
size_t		 jmap_principal_id(uint64_t, char out[STORE_IDLEN]);
int		 jmap_principal_id_get(const char *, uint64_t *);

extern const struct jmap_type	principal_type, share_note_type;
jmap_fn	principal_changes;

#endif
