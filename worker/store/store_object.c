/* SPDX-License-Identifier: ISC */
/*
 * Rows of other types (identities, submissions, ...): opaque bytes by
 * number, with the same log and states as mail.  A row that begins with
 * STORE_OBJECT_BLOBS names the blobs it keeps alive.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/store/store_int.h"

#define OBJECT_MAX	(1 << 20)	/* bytes */

static int	 store_object_ok(const struct store_txn *, enum store_type,
		    struct slice);
static enum store_err	 store_object_refs(struct store_txn *, struct slice,
			    int);

static int
store_object_ok(const struct store_txn *txn, enum store_type type,
    struct slice v)
{
	(void)txn;
	return (unsigned)type < STORE_TYPES && type > STORE_EMAIL && v.n > 0 &&
	    v.n <= OBJECT_MAX;
}

const uint8_t *
store_object_blobs(struct slice v, size_t *n)
{
	const uint8_t	*p = v.p;

	*n = 0;
	if (v.n < 3 || p[0] != STORE_OBJECT_BLOBS ||
	    3 + (size_t)(p[1] << 8 | p[2]) * STORE_HASHLEN > v.n)
		return NULL;
	*n = (size_t)(p[1] << 8 | p[2]);
	return p + 3;
}

/* Count the blobs of a row in (1) or out (-1); in: all of them or none. */
static enum store_err
store_object_refs(struct store_txn *txn, struct slice v, int delta)
{
	const uint8_t	*hash;
	uint64_t	 size;
	enum store_err	 e;
	size_t		 i, n;

	hash = store_object_blobs(v, &n);
	for (i = 0; delta > 0 && i < n; i++)
		if ((e = store_blob_size(txn, hash + i * STORE_HASHLEN,
		    &size)) != STORE_OK)
			return e;
	for (i = 0; i < n; i++)
		if ((e = store_blob_ref(txn, hash + i * STORE_HASHLEN,
		    delta)) != STORE_OK)
			return e;
	return STORE_OK;
}

enum store_err
store_object_create(struct store_txn *txn, enum store_type type,
    struct slice v, uint64_t *id)
{
	struct store_key	 k;
	struct slice		 old;
	enum store_err		 e;

	if (txn->dead != STORE_OK)
		return txn->dead;
	if (!store_object_ok(txn, type, v))
		return STORE_INVALID;
	if (*id == 0)
		*id = txn->hot[HOT_OBJECT]++;
	store_key_object(&k, type, *id);
	if ((e = store_get(txn, &k, &old)) != STORE_NOTFOUND)
		return e == STORE_OK ? STORE_EXISTS : e;
	if ((e = store_object_refs(txn, v, 1)) != STORE_OK)
		return e;
	if ((e = store_put(txn, &k, v.p, v.n)) != STORE_OK)
		return e;
	return store_change_log(txn, type, LOG_CREATED, *id, 0) == 0 ?
	    txn->dead : STORE_OK;
}

enum store_err
store_object_update(struct store_txn *txn, enum store_type type, uint64_t id,
    struct slice v)
{
	struct store_key	 k;
	struct slice		 old;
	enum store_err		 e;
	uint8_t			*was;

	if (txn->dead != STORE_OK)
		return txn->dead;
	if (!store_object_ok(txn, type, v))
		return STORE_INVALID;
	store_key_object(&k, type, id);
	if ((e = store_get(txn, &k, &old)) != STORE_OK)
		return e;
	if (old.n == v.n && memcmp(old.p, v.p, v.n) == 0)
		return STORE_OK;
	/* a slice of the store is good until the next write */
	if ((was = malloc(old.n + 1)) == NULL)
		return store_fail(txn);
	memcpy(was, old.p, old.n);
	old.p = was;
	if ((e = store_object_refs(txn, v, 1)) == STORE_OK &&
	    (e = store_object_refs(txn, old, -1)) == STORE_OK)
		e = store_put(txn, &k, v.p, v.n);
	free(was);
	if (e != STORE_OK)
		return e;
	return store_change_log(txn, type, LOG_UPDATED, id, 0) == 0 ?
	    txn->dead : STORE_OK;
}

enum store_err
store_object_destroy(struct store_txn *txn, enum store_type type, uint64_t id)
{
	struct store_key	 k;
	struct slice		 old;
	enum store_err		 e;
	uint8_t			*was;

	if (txn->dead != STORE_OK)
		return txn->dead;
	store_key_object(&k, type, id);
	if ((e = store_get(txn, &k, &old)) != STORE_OK)
		return e;
	if ((was = malloc(old.n + 1)) == NULL)
		return store_fail(txn);
	memcpy(was, old.p, old.n);
	old.p = was;
	if ((e = store_object_refs(txn, old, -1)) == STORE_OK)
		e = store_del(txn, &k);
	free(was);
	if (e != STORE_OK)
		return e;
	return store_change_log(txn, type, LOG_DESTROYED, id, 0) == 0 ?
	    txn->dead : STORE_OK;
}

enum store_err
store_object_get(struct store_txn *txn, enum store_type type, uint64_t id,
    struct slice *v)
{
	struct store_key	 k;

	store_key_object(&k, type, id);
	return store_get(txn, &k, v);
}

enum store_err
store_object_ids(struct store_txn *txn, enum store_type type,
    struct store_ids *ids)
{
	struct store_key	 all;
	struct kv_range		 r;
	struct slice		 k, v;
	enum store_err		 e;

	all.b[0] = 'O';
	all.b[1] = (uint8_t)type;
	all.n = 2;
	if ((e = store_walk(txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK)
		if (k.n != 10 || store_ids_add(ids,
		    store_get64((const uint8_t *)k.p + 2)) == -1) {
			e = store_broken(txn, "object");
			break;
		}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}
