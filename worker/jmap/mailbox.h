/* SPDX-License-Identifier: ISC */
/* What mailbox.c, mailbox_query.c, mailbox_share.c and mailbox_turn.c share. */
#ifndef WORKER_JMAP_MAILBOX_H
#define WORKER_JMAP_MAILBOX_H

#include "worker/jmap/jmap_query.h"

/* Conditions and comparators see these instead of store_mailboxes. */
struct mailbox_row {
	const struct store_mailbox	*m;
	struct jmap_query		*q;
	const char			*key;	/* collation key of the name */
	const char			*fold;	/* for "contains" */
	struct mailbox_row		*up;	/* parent, or NULL */
	unsigned			 depth;	/* 0: top level */
	int				 in;	/* passes the filter */
};

/* A mailbox on its way through /set. */
struct mailbox_obj {
	struct store_mailbox	 m;		/* first: put() look at it */
	struct js_val		*share;		/* shareWith, ours */
	int			 share_set;	/* it was sent */
};
/* mailbox.c: maxMailboxDepth, of the mailbox and of what is below it: 1, 0
 * refused, -1. */
int	mailbox_deep(struct jmap_set *, const struct store_mailbox *);
/*
 * mailbox_turn.c.  The name (or role) is taken.  If its owner is to get
 * another name in this same call, and so on in a ring that ends with ours,
 * then each waits for the next: RFC 8620 5.3 wants that to work.  Gives ours
 * a name of nobody's for the moment; it is to be tried again when the others
 * have moved.  0 or -1.
 */
int	mailbox_turn(struct jmap_set *, const struct store_mailbox *want);

/* mailbox_share.c: the properties myRights and shareWith. */
jmap_prop_put	mailbox_share_put_rights, mailbox_share_put;
jmap_prop_set	mailbox_share_set;
/* 1 if the patch is of shareWith, and that is not the user's to see. */
int	mailbox_share_hides(struct jmap_set *, const struct store_mailbox *,
	    const struct jmap_patch *);
/* Share the mailbox as v says (NULL: with nobody): 1, 0 refused, -1.  id 0:
 * only ask whether it may be done, for a mailbox that is not there yet. */
int	mailbox_share_check(struct jmap_set *, uint32_t id, struct js_val *v);
int	mailbox_share_apply(struct jmap_set *, uint32_t id, struct js_val *v);

jmap_match	mailbox_query_any_role, mailbox_query_subscribed,
		mailbox_query_name, mailbox_query_parent, mailbox_query_role;
jmap_cmp	mailbox_query_by_name, mailbox_query_by_sort;
const struct jmap_error	*mailbox_query_args(struct jmap_query *,
			    struct js_rd *);
const struct jmap_error	*mailbox_query(struct jmap_query *);
const struct jmap_error	*mailbox_query_changes(struct jmap_query *);

#endif
