/* SPDX-License-Identifier: ISC */
/*
 * Email/query by receivedAt (RFC 8621 4.4): a scan of one index, M or K,
 * that stops with the window.  Called by worker/jmap for nearly every list
 * view, so: nothing is read that is not needed, nothing allocated but the
 * ids and the threads seen.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/store/store_int.h"

/* One step of a scan. */
struct scan {
	struct store_txn	*txn;
	const struct store_query *q;
	struct store_set	 threads;	/* seen, with collapse */
	uint64_t		*only;		/* bits of q->only, from lo */
	uint64_t		 lo, nonly;
	uint64_t		 id;		/* of the mail that was found */
};

static void		 store_query_bounds(const struct store_query *,
			    struct store_key *, struct store_key *);
static int		 store_query_slot(const struct store_query *);
static enum store_err	 store_query_test(struct scan *, struct slice,
			    struct slice);
static enum store_err	 store_query_run(struct store_txn *,
			    const struct store_query *,
			    int (*)(void *, uint64_t), void *);
static int		 store_query_bits(struct scan *);
static int		 store_query_only(const struct scan *, uint64_t);
static int		 store_query_counted(struct store_txn *,
			    const struct store_query *, uint64_t *);

/*
 * The slot whose K rows hold all that can match, or -1: of all mail, with a
 * keyword that must be there, or with $seen that must not.
 */
static int
store_query_slot(const struct store_query *q)
{
	uint64_t	 kw = q->all & ~STORE_BIT(STORE_KW_SEEN);
	int		 slot;

	if (q->mailbox != 0)
		return -1;
	for (slot = 0; kw != 0; slot++, kw >>= 1)
		if (kw & 1)
			return slot;
	return q->none & STORE_BIT(STORE_KW_SEEN) ? STORE_SLOT_UNSEEN : -1;
}

/* Keys lo <= k < hi of the part of the index that after and before leave. */
static void
store_query_bounds(const struct store_query *q, struct store_key *lo,
    struct store_key *hi)
{
	int64_t	 newest = q->before > 0 ? q->before - 1 : STORE_TMAX;
	int64_t	 oldest = q->after > 0 ? q->after : 0;
	int	 slot = store_query_slot(q);

	if (newest > STORE_TMAX)
		newest = STORE_TMAX;
	if (oldest > STORE_TMAX + 1)
		oldest = STORE_TMAX + 1;
	if (slot >= 0) {
		store_key_keyword(lo, (unsigned)slot, newest, 0);
		store_key_keyword(hi, (unsigned)slot, oldest, UINT64_MAX);
	} else {
		store_key_list(lo, 'M', q->mailbox, newest, 0);
		store_key_list(hi, 'M', q->mailbox, oldest, UINT64_MAX);
	}
}

/* Bits for the ids, so that asking for each of the list costs nothing. */
static int
store_query_bits(struct scan *s)
{
	const struct store_ids	*o = s->q->only;
	uint64_t		 x;
	size_t			 i;

	s->lo = o->n > 0 ? o->v[0] : 0;
	s->nonly = o->n > 0 ? o->v[o->n - 1] - s->lo + 1 : 0;
	if ((s->only = calloc((size_t)(s->nonly / 64 + 1),
	    sizeof(*s->only))) == NULL)
		return -1;
	for (i = 0; i < o->n; i++) {
		x = o->v[i] - s->lo;
		s->only[x / 64] |= UINT64_C(1) << x % 64;
	}
	return 0;
}

static int
store_query_only(const struct scan *s, uint64_t eid)
{
	uint64_t	 x = eid - s->lo;

	return eid >= s->lo && x < s->nonly &&
	    (s->only[x / 64] >> x % 64 & 1) != 0;
}

/* Is the entry of the list?  STORE_OK, and s->id; STORE_NOTFOUND. */
static enum store_err
store_query_test(struct scan *s, struct slice k, struct slice v)
{
	const struct store_query	*q = s->q;
	struct store_entry		 e;
	struct store_mail		 m;
	enum store_err			 err;
	uint64_t			 eid;
	int64_t				 received;
	int				 r;

	if (store_key_entry_get(v, &e) == -1 ||
	    store_key_place(k, &received, &eid) == -1)
		return store_broken(s->txn, "list");
	if ((e.kw & q->all) != q->all || (e.kw & q->none) != 0 ||
	    (s->only != NULL && !store_query_only(s, eid)))
		return STORE_NOTFOUND;
	if (q->match != NULL || (s->txn->view != NULL && q->mailbox == 0)) {
		if ((err = store_mail_eid(s->txn, eid, &m)) != STORE_OK)
			return err == STORE_NOTFOUND && s->txn->view == NULL ?
			    store_broken(s->txn, "list") : err;
	}
	if (q->match != NULL) {
		if ((r = q->match(q->arg, s->txn, &m)) != 1)
			return r == 0 ? STORE_NOTFOUND : STORE_IO;
	}
	if (q->collapse) {
		if ((r = store_set_add(&s->threads, e.tid)) != 1)
			return r == 0 ? STORE_NOTFOUND : STORE_IO;
	}
	s->id = eid << 16 | e.gen;
	return STORE_OK;
}

/* Call fn for each id of the list, in order, until it says 0. */
static enum store_err
store_query_run(struct store_txn *txn, const struct store_query *q,
    int (*fn)(void *, uint64_t), void *arg)
{
	struct scan		 s = { .txn = txn, .q = q };
	struct store_key	 lo, hi;
	struct kv_range		 r;
	struct slice		 k, v;
	enum store_err		 e;

	if (txn->dead != STORE_OK)
		return txn->dead;
	if (q->mailbox != 0 && !(store_view_rights(txn, q->mailbox) &
	    STORE_MAY_READ))
		return STORE_OK;
	store_query_bounds(q, &lo, &hi);
	if (q->only != NULL && store_query_bits(&s) == -1)
		return store_fail(txn);
	if (kv_range(&r, txn->kv, SLICE(lo.b, lo.n), SLICE(hi.b, hi.n),
	    q->ascending) == -1) {
		free(s.only);
		return store_fail(txn);
	}
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK) {
		e = store_query_test(&s, k, v);
		if (e == STORE_NOTFOUND)
			continue;
		if (e != STORE_OK || !fn(arg, s.id))
			break;
	}
	kv_done(&r);
	store_set_free(&s.threads);
	free(s.only);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

/* --- windows ------------------------------------------------------------- */

struct window {
	size_t			 skip, limit;
	struct store_ids	*ids;
	uint64_t		 n;
	int			 all;		/* count to the end */
	int			 bad;
};

static int
store_query_take(void *arg, uint64_t id)
{
	struct window	*w = arg;

	if (w->n++ >= w->skip && w->limit > 0) {
		w->limit--;
		if (store_ids_add(w->ids, id) == -1) {
			w->bad = 1;
			return 0;
		}
	}
	return w->limit > 0 || w->all;
}

/* The length of the list, when a counter knows it. */
static int
store_query_counted(struct store_txn *txn, const struct store_query *q,
    uint64_t *total)
{
	struct store_mailbox	 m;

	if (q->all != 0 || q->none != 0 || q->match != NULL ||
	    q->only != NULL ||
	    q->after > 0 || q->before > 0 || (txn->view != NULL &&
	    !(store_view_rights(txn, q->mailbox) & STORE_MAY_READ)))
		return 0;
	if (q->mailbox == 0)
		*total = txn->hot[q->collapse ? HOT_THREADS : HOT_MAILS];
	else if (store_mailbox_get(txn, q->mailbox, &m) == STORE_OK)
		*total = q->collapse ? m.threads : m.total;
	else
		*total = 0;
	return 1;
}

enum store_err
store_query(struct store_txn *txn, const struct store_query *q,
    size_t position, size_t limit, struct store_ids *ids, uint64_t *total)
{
	struct window	 w;
	enum store_err	 e;

	memset(&w, 0, sizeof(w));
	w.skip = position;
	w.limit = limit;
	w.ids = ids;
	w.all = total != NULL && !store_query_counted(txn, q, total);
	if (limit == 0 && !w.all)
		return txn->dead;
	e = store_query_run(txn, q, store_query_take, &w);
	if (e == STORE_OK && w.bad)
		e = STORE_IO;
	if (w.all)
		*total = w.n;
	return e;
}

struct find {
	uint64_t	 id, n;
	int		 found;
};

static int
store_query_is(void *arg, uint64_t id)
{
	struct find	*f = arg;

	if ((f->found = id == f->id))
		return 0;
	f->n++;
	return 1;
}

enum store_err
store_query_find(struct store_txn *txn, const struct store_query *q,
    uint64_t id, uint64_t *position)
{
	struct find	 f;
	enum store_err	 e;

	memset(&f, 0, sizeof(f));
	f.id = id;
	if ((e = store_query_run(txn, q, store_query_is, &f)) != STORE_OK)
		return e;
	*position = f.n;
	return f.found ? STORE_OK : STORE_NOTFOUND;
}
