/* SPDX-License-Identifier: ISC */
/*
 * One write on a file, run again while its map has to grow: for the roles
 * with a file of their own, auth and queue.
 */
#include "common/compat.h"

#include <errno.h>

#include "common/kv.h"

#define WRITE_TRIES	16	/* the map grew so often: no accident */

int
kv_write(struct kv *kv, kv_write_fn *fn, void *arg)
{
	struct kv_txn	*txn;
	int		 i;

	for (i = 0; i < WRITE_TRIES; i++) {
		if (kv_begin(kv, 1, &txn) == -1)
			return -1;
		if (fn(txn, arg) == -1)
			kv_abort(txn);
		else if (kv_commit(txn) == 0)
			return 0;
		if (errno != EAGAIN)
			return -1;
	}
	return -1;
}
