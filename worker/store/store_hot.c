/* SPDX-License-Identifier: ISC */
/*
 * The hot record: the layout's version and the account's counters (HOT_*),
 * the one row that each transaction reads and each commit writes.  Called by
 * store.c.
 */
#include "common/compat.h"

#include "worker/store/store_int.h"

enum store_err
store_hot_read(struct store_txn *txn)
{
	struct store_key	 k;
	struct slice		 v;
	const uint8_t		*p;
	enum store_err		 e;
	unsigned		 i, n;

	store_key_space(&k, 'A');
	if ((e = store_get(txn, &k, &v)) != STORE_OK)
		return e;
	if (v.n < 4)
		return store_broken(txn, "hot record");
	p = v.p;
	txn->layout = store_get16(p);
	if (txn->layout > STORE_LAYOUT)
		return STORE_VERSION;
	n = store_get16(p + 2);
	if (v.n != 4 + (size_t)n * 8)
		return store_broken(txn, "hot record");
	for (i = 0; i < n && i < HOT_MAX; i++)	/* a shorter one: the rest 0 */
		txn->hot[i] = store_get64(p + 4 + i * 8);
	return STORE_OK;
}

enum store_err
store_hot_write(struct store_txn *txn)
{
	struct store_key	 k;
	uint8_t			 b[4 + HOT_MAX * 8], *p;
	unsigned		 i;

	p = store_put16(store_put16(b, STORE_LAYOUT), HOT_MAX);
	for (i = 0; i < HOT_MAX; i++)
		p = store_put64(p, txn->hot[i]);
	store_key_space(&k, 'A');
	return store_put(txn, &k, b, sizeof(b));
}
