/* SPDX-License-Identifier: ISC */
/*
 * One write on an account, run again while its map has to grow: for those who
 * are not in a JMAP call, which has its own way (jmap_call.c).
 */
#include "common/compat.h"

#include "worker/store/store.h"

#define WRITE_TRIES	5	/* STORE_AGAIN so often is no accident */

enum store_err
store_write(struct store *st, store_write_fn *fn, void *arg)
{
	struct store_txn	*txn;
	enum store_err		 e;
	int			 tries = 0;

	do {
		if ((e = store_begin(st, 1, &txn)) != STORE_OK)
			continue;
		if ((e = fn(txn, arg)) == STORE_OK)
			e = store_commit(txn);
		else
			store_abort(txn);
	} while (e == STORE_AGAIN && ++tries < WRITE_TRIES);
	return e;
}

enum store_err
store_write_to(const char *account, store_write_fn *fn, void *arg)
{
	struct store	*st;
	enum store_err	 e;

	if ((e = store_open(account, 0, &st)) != STORE_OK)
		return e;
	e = store_write(st, fn, arg);
	store_close(st);
	return e;
}
