/* SPDX-License-Identifier: ISC */
/*
 * Lists of mail: by receivedAt from an index, in other orders by a scan, and
 * what happened to them since a state.  A view (store_share.h) shows in them
 * what it shows elsewhere.
 */
#ifndef STORE_STORE_QUERY_H
#define STORE_STORE_QUERY_H

#include "worker/store/store.h"

/*
 * The mails of one mailbox, or of the account, by receivedAt: an index scan
 * that reads nothing outside the window.  Conditions on keywords, time and
 * threads are decided in the scan; a match function sees the mail's state
 * (one more lookup each) and says 1 to keep it, 0 not, -1 to give up
 * (STORE_IO).  Ties go by eid.  collapse keeps a thread's first (RFC 8621
 * 4.4.3).
 */
typedef int store_match(void *, struct store_txn *, const struct store_mail *);
struct store_query {
	uint32_t	 mailbox;	/* 0: all mail */
	int		 ascending;	/* oldest first */
	int		 collapse;
	uint64_t	 all, none;	/* keyword bits: must, must not have */
	int64_t		 after, before;	/* after <= received < before; before 0:
					 * no bound */
	const struct store_ids *only;	/* eids, upward: no other mail; or
					 * NULL */
	store_match	*match;		/* or NULL */
	void		*arg;
};
/*
 * Skip position mails, append at most limit ids to *ids (0: none; SIZE_MAX:
 * all).  total, unless NULL: the length of the whole list, from the counters
 * when there is no condition, else by scanning on.
 */
enum store_err	store_query(struct store_txn *, const struct store_query *,
		    size_t position, size_t limit, struct store_ids *ids,
		    uint64_t *total);
/* Where a mail stands in the list, or STORE_NOTFOUND. */
enum store_err	store_query_find(struct store_txn *,
		    const struct store_query *, uint64_t id,
		    uint64_t *position);

/* A filter's every mail in another order.  Comparators as RFC 8621 4.4.2. */
enum store_sort {
	STORE_BY_RECEIVED, STORE_BY_SENT, STORE_BY_SIZE, STORE_BY_FROM,
	STORE_BY_TO, STORE_BY_SUBJECT, STORE_BY_KEYWORD,
	STORE_BY_ALL_KEYWORD, STORE_BY_SOME_KEYWORD
};
struct store_order {
	enum store_sort	 by;
	int		 slot;		/* of the keyword, or -1 */
	int		 descending;
	/* for from, to and subject: the key to compare instead of the one
	 * that is stored, alive until the query is done; or NULL */
	struct slice	(*text)(void *, const struct store_row *);
	void		*arg;
};
/*
 * Append all ids that match, sorted by norder comparators (ties by eid),
 * collapsed if asked, to *ids.  Scans the mailbox of the query, or every
 * mail's state; the caller may keep the list with the state it was made in.
 */
enum store_err	store_query_sorted(struct store_txn *,
		    const struct store_query *, const struct store_order *,
		    size_t norder, struct store_ids *ids);

/*
 * What happened to the list of a mailbox (0: all mail) since a state, newest
 * receivedAt first: entries there now whose mail changed (modseq > since),
 * and tombstones of those that left.  STORE_CANNOT as store_changes.
 */
struct store_delta {
	uint64_t	id, tid;
	int64_t		received;
	uint64_t	kw;		/* now, or when it left */
	uint64_t	added;		/* modseq when it came in */
	uint64_t	removed;	/* when it left; 0 it is there */
	uint64_t	modseq;		/* of the last change */
};
typedef int store_delta_fn(void *, const struct store_delta *);
/* A nonzero return of the function ends the walk, with STORE_OK. */
enum store_err	store_query_delta(struct store_txn *, uint32_t mailbox,
		    uint64_t since, store_delta_fn *, void *arg);
/* The same walk over every entry, changed or not: the whole list with its
 * tombstones, for a merge that counts positions (RFC 8620 5.6). */
enum store_err	store_query_walk(struct store_txn *, uint32_t mailbox,
		    store_delta_fn *, void *arg);

#endif
