/* SPDX-License-Identifier: ISC */
/*
 * Room for what users upload: see store_blob_upload in store.h.  Called by
 * store_blob.c, and once by store.c for accounts whose uploads nobody summed
 * up.  Blobs without a reference stand in X by their end, and so by their
 * age.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "worker/store/store_int.h"

#define ROOM_MAX	1000		/* blobs that one upload drops */
#define X_LEN		(9 + STORE_HASHLEN)

static enum store_err	 room_sum(struct store_txn *, uint64_t *);
static enum store_err	 room_oldest(struct store_txn *, uint8_t *);
static enum store_err	 room_walk(struct store_txn *, uint64_t, uint8_t *,
			    uint64_t *);

/* RFC 8620 6: "delete unreferenced blobs in date order, oldest first, until
 * there is room". */
enum store_err
store_room(struct store_txn *txn, uint64_t n)
{
	uint64_t	 max = store_config.upload_max;
	uint8_t		 x[X_LEN];
	struct store_key k;
	enum store_err	 e;
	unsigned	 i;

	if (n > max || txn->uploaded > max - n)
		return STORE_OVERQUOTA;
	if ((e = store_blob_flush(txn)) != STORE_OK)
		return e;
	for (i = 0; i < ROOM_MAX && txn->hot[HOT_IDLE] + n > max; i++) {
		if ((e = room_oldest(txn, x)) == STORE_NOTFOUND)
			return STORE_OVERQUOTA;
		if (e == STORE_OK)
			e = store_blob_drop(txn, x + 9);
		memcpy(k.b, x, k.n = sizeof(x));
		if (e != STORE_OK || (e = store_del(txn, &k)) != STORE_OK)
			return e;
	}
	txn->uploaded += n;
	return STORE_OK;
}

/*
 * The row of the blob that would expire first; for a sharee, of those that
 * the owner never had.
 *
 * A sharee's walk leads past all of the owner's, so it is remembered from
 * where on his can be: a blob that comes later ends later, and none that the
 * owner had is a sharee's again.  Only the first walk of a transaction is
 * remembered beyond it, for it saw what stays when this one is aborted.
 */
static enum store_err
room_oldest(struct store_txn *txn, uint8_t *x)
{
	uint64_t	 last = (uint64_t)(date_now() + store_config.upload_ms);
	uint64_t	*from = &txn->st->brought, at;
	enum store_err	 e;

	if (txn->view == NULL)
		return room_walk(txn, 0, x, &at);
	if (txn->walked)
		from = &txn->brought;
	/* the clock, or upload-expiry, went back: some may be before that */
	if (*from > last)
		*from = 0;
	at = *from;
	e = room_walk(txn, at, x, &at);
	if (e != STORE_OK && e != STORE_NOTFOUND)
		return e;
	*from = at < last ? at : last;
	txn->brought = *from;
	txn->walked = 1;
	return e;
}

/* The first that may go of those with an end at "from" or later; *at is the
 * end of the last row looked at. */
static enum store_err
room_walk(struct store_txn *txn, uint64_t from, uint8_t *x, uint64_t *at)
{
	struct store_key	 lo, hi;
	struct kv_range		 r;
	struct slice		 key, v;
	enum store_err		 e;

	store_key_u64(&lo, 'X', from);
	store_key_space(&hi, 'X' + 1);
	if (kv_range(&r, txn->kv, SLICE(lo.b, lo.n), SLICE(hi.b, hi.n), 0) ==
	    -1)
		return store_fail(txn);
	while ((e = store_next(txn, &r, &key, &v)) == STORE_OK) {
		if (key.n != X_LEN) {
			e = store_broken(txn, "expiry row");
			break;
		}
		memcpy(x, key.p, key.n);
		*at = store_get64(x + 1);
		if (txn->view == NULL || store_view_hidden(txn, x + 9))
			break;
	}
	kv_done(&r);
	return e;
}

enum store_err
store_room_count(struct store *st)
{
	struct store_txn	*txn;
	enum store_err		 e;

	if ((e = store_begin_plain(st, 1, &txn)) != STORE_OK)
		return e;
	/* another process may have been faster */
	if (!txn->hot[HOT_COUNTED] &&
	    (e = room_sum(txn, &txn->hot[HOT_IDLE])) == STORE_OK)
		txn->hot[HOT_COUNTED] = txn->changed = 1;
	if (e == STORE_OK)
		return store_commit(txn);
	store_abort(txn);
	return e;
}

static enum store_err
room_sum(struct store_txn *txn, uint64_t *sum)
{
	struct store_blob	 b;
	struct store_key	 all;
	struct kv_range		 r;
	struct slice		 k, v;
	enum store_err		 e;

	*sum = 0;
	store_key_space(&all, 'X');
	if ((e = store_walk(txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK) {
		/* a stray row is store_check's affair */
		if (k.n != X_LEN || store_blob_row(txn,
		    (const uint8_t *)k.p + 9, &b) != STORE_OK)
			continue;
		*sum += b.rlen;
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? txn->dead : e;
}
