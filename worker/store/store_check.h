/* SPDX-License-Identifier: ISC */
/*
 * What the files of the check share.  Each checks one kind of row against
 * what the mails' own rows (S, E, P) say, tells each difference once, and
 * with repair writes what it should be.
 */
#ifndef STORE_STORE_CHECK_H
#define STORE_STORE_CHECK_H

#include "worker/store/store_int.h"

struct store_checker {
	struct store_txn	*txn;
	int			 repair;
	store_report		*report;
	void			*arg;
	int64_t			 n;		/* differences */
	uint64_t		 mails, bytes, last;	/* of the S rows */
	struct buf		 blobs;		/* hashes of the mails' blobs */
	struct buf		 refs;		/* h64 h32 tid of each */
};

void		store_check_say(struct store_checker *, const char *, ...)
		    __printflike_(2, 3);
/* Tell and set a number of the hot record that is not what it should be. */
void		store_check_hot(struct store_checker *, const char *,
		    enum store_hot, uint64_t should);
/* Write a row, or delete it with n 0, when repairing. */
enum store_err	store_check_fix(struct store_checker *,
		    const struct store_key *, const void *, size_t n);
/* Call fn for every row of a space. */
typedef enum store_err store_check_fn(struct store_checker *, struct slice,
		    struct slice);
enum store_err	store_check_each(struct store_checker *, int,
		    store_check_fn *);

/* store_check_list.c: M, K, T and H both ways. */
enum store_err	store_check_lists(struct store_checker *,
		    const struct store_mail *);
enum store_err	store_check_strays(struct store_checker *);
enum store_err	store_check_heads(struct store_checker *);
/* store_check_blob.c: G, X and V, and the blobs themselves. */
enum store_err	store_check_blobs(struct store_checker *);
/* store_check_search.c: the search index. */
enum store_err	store_check_search(struct store_checker *);
/* store_check_ref.c: I rows. */
enum store_err	store_check_refs(struct store_checker *);

#endif
