/* SPDX-License-Identifier: ISC */
/*
 * Notes: small rows by number that are the server's own memory, such as who
 * was sent a vacation response.  They stand beside the objects, as those of
 * a type that no client knows.
 */
#include "common/compat.h"

#include "worker/store/store_int.h"

#define NOTE_TYPE	(STORE_TYPES - 1)
#define NOTE_MAX	(1 << 20)	/* bytes */

enum store_err
store_note_put(struct store_txn *txn, enum store_note id, struct slice v)
{
	struct store_key	 k;
	struct slice		 old;
	enum store_err		 e;

	if (txn->dead != STORE_OK)
		return txn->dead;
	if (v.n > NOTE_MAX)
		return STORE_INVALID;
	store_key_object(&k, NOTE_TYPE, id);
	if (v.n > 0)
		return store_put(txn, &k, v.p, v.n);
	if ((e = store_get(txn, &k, &old)) != STORE_OK)
		return e == STORE_NOTFOUND ? STORE_OK : e;
	return store_del(txn, &k);
}

enum store_err
store_note_get(struct store_txn *txn, enum store_note id, struct slice *v)
{
	struct store_key	 k;

	store_key_object(&k, NOTE_TYPE, id);
	return store_get(txn, &k, v);
}
