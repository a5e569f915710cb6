/* SPDX-License-Identifier: ISC */
/*
 * What the mail of an account takes, and how much it may.  Called by
 * store_mail.c for each mail that comes and goes.
 */
#include "common/compat.h"

#include "worker/store/store_int.h"

#define QUOTA_OBJECT	1	/* the number of worker/jmap/quota.c's */

void
store_quota(struct store_txn *txn, uint64_t bytes)
{
	txn->quota = bytes;
	if (txn->write)		/* for sharees, who do not bring it along */
		txn->hot[HOT_QUOTA] = bytes;
}

int
store_quota_over(struct store_txn *txn, uint64_t bytes)
{
	uint64_t	 used = txn->hot[HOT_BYTES];

	return txn->quota != 0 &&
	    (used >= txn->quota || bytes > txn->quota - used);
}

void
store_usage(struct store_txn *txn, uint64_t *mails, uint64_t *bytes)
{
	*mails = txn->hot[HOT_MAILS];
	*bytes = txn->hot[HOT_BYTES];
}

/* A mail of that size more (1) or less (-1). */
enum store_err
store_quota_use(struct store_txn *txn, int mails, uint64_t bytes)
{
	struct slice	 v;
	enum store_err	 e;

	if (mails > 0) {
		txn->hot[HOT_MAILS]++;
		txn->hot[HOT_BYTES] += bytes;
	} else {
		txn->hot[HOT_MAILS]--;
		txn->hot[HOT_BYTES] -= bytes;
	}
	e = store_object_get(txn, STORE_QUOTA, QUOTA_OBJECT, &v);
	if (e != STORE_OK)
		return e == STORE_NOTFOUND ? STORE_OK : e;
	return store_change_log(txn, STORE_QUOTA, LOG_UPDATED, QUOTA_OBJECT,
	    1) == 0 ? txn->dead : STORE_OK;
}
