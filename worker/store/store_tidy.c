/* SPDX-License-Identifier: ISC */
/*
 * Housekeeping for an idle timer: see store.h 13.  Each step is a short
 * transaction of its own; what is left is found again the next time.
 */
#include "common/compat.h"

#include "common/log.h"
#include "worker/store/store_int.h"

#define TIDY_BLOBS	200	/* expired blobs a call */
#define TIDY_LOG	2000	/* rows of the log a call */

int
store_tidy(struct store *st)
{
	struct store_txn	*txn;
	enum store_err		 e;
	uint64_t		 at, upto;
	int			 merge, blobs = 0, rows = 0, segs = 0;

	if (store_rebuild_due(st))
		merge = store_rebuild_step(st, &at, &upto);
	else
		merge = store_search_merge(st, 0);
	if (merge == -1)
		return -1;
	if ((e = store_begin(st, 1, &txn)) != STORE_OK)
		return -1;
	if ((e = store_blob_expire(txn, TIDY_BLOBS, &blobs)) != STORE_OK ||
	    (e = store_change_trim(txn, store_config.keeplog, TIDY_LOG,
	    &rows)) != STORE_OK ||
	    (e = store_blob_compact(txn, &segs)) != STORE_OK) {
		store_abort(txn);
		return -1;
	}
	if ((e = store_commit(txn)) != STORE_OK) {
		log_warnx("account %s: tidy: %s", st->account,
		    store_strerror(e));
		return -1;
	}
	return merge || blobs || rows || segs;
}
