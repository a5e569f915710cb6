/* SPDX-License-Identifier: ISC */
/*
 * What happened to a mailbox's list: M and its tombstones m, merged newest
 * first, for an exact Email/queryChanges (RFC 8620 5.6).
 */
#include "common/compat.h"

#include <string.h>

#include "worker/store/store_int.h"

#define PLACE_LEN	14	/* ~t eid in a key, behind space and mbid */

/* One of the two ranges, with its next row. */
struct side {
	struct kv_range	 r;
	struct slice	 k, v;
	enum store_err	 e;		/* STORE_OK: k and v are a row */
};

static enum store_err	 store_delta_open(struct store_txn *, struct side *,
			    int, uint32_t);
static int		 store_delta_order(const struct side *,
			    const struct side *);
static int		 store_delta_row(const struct side *, int,
			    struct store_delta *);
static enum store_err	 store_delta_walk(struct store_txn *, uint32_t,
			    uint64_t, store_delta_fn *, void *);

static enum store_err
store_delta_open(struct store_txn *txn, struct side *s, int space,
    uint32_t mbid)
{
	struct store_key	 k;

	store_key_u32(&k, space, mbid);
	if ((s->e = store_walk(txn, &s->r, &k, 0)) == STORE_OK)
		s->e = store_next(txn, &s->r, &s->k, &s->v);
	return s->e == STORE_NOTFOUND ? STORE_OK : s->e;
}

/* < 0: the list's row is next; a tombstone of the same place goes first. */
static int
store_delta_order(const struct side *list, const struct side *tomb)
{
	if (tomb->e != STORE_OK)
		return -1;
	if (list->e != STORE_OK)
		return 1;
	return memcmp((const uint8_t *)list->k.p + 5,
	    (const uint8_t *)tomb->k.p + 5, PLACE_LEN) < 0 ? -1 : 1;
}

static int
store_delta_row(const struct side *s, int tomb, struct store_delta *d)
{
	struct store_entry	 e;
	uint64_t		 eid;

	if (store_key_entry_get(s->v, &e) == -1 ||
	    store_key_place(s->k, &d->received, &eid) == -1 ||
	    s->k.n != (tomb ? 27 : 19))
		return -1;
	d->id = eid << 16 | e.gen;
	d->tid = e.tid;
	d->kw = e.kw;
	d->added = e.added;
	d->modseq = e.modseq;
	d->removed = tomb ? store_get64((const uint8_t *)s->k.p + 19) : 0;
	if (tomb)
		d->modseq = d->removed;
	return 0;
}

static enum store_err
store_delta_walk(struct store_txn *txn, uint32_t mbid, uint64_t since,
    store_delta_fn *fn, void *arg)
{
	struct side		 list, tomb, *s;
	struct store_delta	 d;
	enum store_err		 e;

	list.r.cursor = tomb.r.cursor = NULL;
	if ((e = store_delta_open(txn, &list, 'M', mbid)) != STORE_OK ||
	    (e = store_delta_open(txn, &tomb, 'm', mbid)) != STORE_OK)
		goto done;
	while (list.e == STORE_OK || tomb.e == STORE_OK) {
		s = store_delta_order(&list, &tomb) < 0 ? &list : &tomb;
		if (store_delta_row(s, s == &tomb, &d) == -1) {
			e = store_broken(txn, "list");
			goto done;
		}
		if (d.modseq > since && fn(arg, &d) != 0)
			goto done;
		s->e = store_next(txn, &s->r, &s->k, &s->v);
	}
	e = txn->dead;
done:
	kv_done(&list.r);
	kv_done(&tomb.r);
	return e;
}

enum store_err
store_query_delta(struct store_txn *txn, uint32_t mailbox, uint64_t since,
    store_delta_fn *fn, void *arg)
{
	if (txn->dead != STORE_OK)
		return txn->dead;
	if (since > txn->hot[HOT_MODSEQ] || since < txn->hot[HOT_LOWWATER])
		return STORE_CANNOT;
	if (txn->view != NULL && (since < txn->view->since ||
	    !(store_view_rights(txn, mailbox) & STORE_MAY_READ)))
		return STORE_CANNOT;
	return store_delta_walk(txn, mailbox, since, fn, arg);
}

enum store_err
store_query_walk(struct store_txn *txn, uint32_t mailbox,
    store_delta_fn *fn, void *arg)
{
	if (txn->dead != STORE_OK)
		return txn->dead;
	if (!(store_view_rights(txn, mailbox) & STORE_MAY_READ))
		return STORE_CANNOT;
	return store_delta_walk(txn, mailbox, 0, fn, arg);
}
