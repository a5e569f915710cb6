/* SPDX-License-Identifier: ISC */
/* What mailbox.c and mailbox_query.c share. */
#ifndef WORKER_JMAP_MAILBOX_H
#define WORKER_JMAP_MAILBOX_H

#include "worker/jmap/jmap.h"

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

jmap_match	mailbox_query_any_role, mailbox_query_subscribed,
		mailbox_query_name, mailbox_query_parent, mailbox_query_role;
jmap_cmp	mailbox_query_by_name, mailbox_query_by_sort;
const struct jmap_error	*mailbox_query_args(struct jmap_query *,
			    struct js_rd *);
const struct jmap_error	*mailbox_query(struct jmap_query *);
const struct jmap_error	*mailbox_query_changes(struct jmap_query *);

#endif
