/* SPDX-License-Identifier: ISC */
/*
 * Email/query in any other order than receivedAt (RFC 8621 4.4.2): look at
 * the state of every mail that can match, sort, collapse.  A comparator is
 * a number a mail; text compares by its first 8 bytes, and by the whole
 * only where those are equal.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "worker/store/store_int.h"

#define ORDER_MAX	8	/* comparators that are heeded */
#define SIGN		(UINT64_C(1) << 63)

struct item {
	uint64_t	 id, tid;
	struct slice	 text;		/* of the first comparator by text, */
	int		 loaded;	/* read when it is first needed */
	uint64_t	 key[];		/* one a comparator */
};
struct list {
	struct store_txn	*txn;
	const struct store_query *q;
	const struct store_order *order;
	size_t			 norder;
	uint8_t			*v;	/* items */
	struct item		**sorted;	/* pointers to them */
	size_t			 n, cap, size;
	const struct store_order *text;	/* the first by text, or NULL */
	enum store_err		 err;
};

static struct list	*sorting;	/* qsort has no argument */

static int		 store_sorted_match(void *, struct store_txn *,
			    const struct store_mail *);
static int		 store_sorted_add(struct list *,
			    const struct store_mail *);
static uint64_t		 store_sorted_key(struct list *,
			    const struct store_mail *,
			    const struct store_order *);
static uint64_t		 store_sorted_thread(struct list *,
			    const struct store_mail *,
			    const struct store_order *);
static enum store_err	 store_sorted_scan(struct list *);
static enum store_err	 store_sorted_only(struct list *);
static int		 store_sorted_passes(const struct store_query *,
			    const struct store_mail *);
static int		 store_sorted_is_text(const struct store_order *);
static struct slice	 store_sorted_read(struct item *,
			    const struct store_order *);
static int		 store_sorted_text(struct item *, struct item *,
			    const struct store_order *);
static enum store_err	 store_sorted_sort(struct list *);
static int		 store_sorted_cmp(const void *, const void *);
static enum store_err	 store_sorted_give(const struct list *,
			    struct store_ids *);

/* Gathers in a mailbox's scan; nothing is passed on. */
static int
store_sorted_match(void *arg, struct store_txn *txn,
    const struct store_mail *m)
{
	struct list	*l = arg;
	int		 r;

	if (l->q->match != NULL && (r = l->q->match(l->q->arg, txn, m)) != 1)
		return r;
	return store_sorted_add(l, m);
}

/* 0, or -1 and l->err. */
static int
store_sorted_add(struct list *l, const struct store_mail *m)
{
	struct item	*it;
	uint8_t		*v;
	size_t		 i, cap;

	if (l->n == l->cap) {
		cap = l->cap == 0 ? 256 : l->cap * 2;
		if ((v = reallocarray(l->v, cap, l->size)) == NULL) {
			l->err = STORE_IO;
			return -1;
		}
		l->v = v;
		l->cap = cap;
	}
	it = (struct item *)(void *)(l->v + l->n * l->size);
	it->id = m->id;
	it->tid = m->tid;
	it->loaded = 0;
	for (i = 0; i < l->norder; i++)
		it->key[i] = store_sorted_key(l, m, &l->order[i]);
	l->n++;
	return l->err == STORE_OK ? 0 : -1;
}

static uint64_t
store_sorted_key(struct list *l, const struct store_mail *m,
    const struct store_order *o)
{
	if (o->text != NULL)
		return 1;		/* the whole text says it */
	switch (o->by) {
	case STORE_BY_RECEIVED:
		return (uint64_t)m->received;
	case STORE_BY_SENT:
		return (uint64_t)m->sent ^ SIGN;
	case STORE_BY_SIZE:
		return m->size;
	case STORE_BY_FROM:
		return m->from;
	case STORE_BY_TO:
		return m->to;
	case STORE_BY_SUBJECT:
		return m->subject;
	case STORE_BY_KEYWORD:
		return (uint64_t)store_mail_has(m, o->slot);
	case STORE_BY_ALL_KEYWORD:
	case STORE_BY_SOME_KEYWORD:
		return store_sorted_thread(l, m, o);
	}
	return 0;
}

static uint64_t
store_sorted_thread(struct list *l, const struct store_mail *m,
    const struct store_order *o)
{
	enum store_err	 e;
	unsigned	 have, n;

	e = store_thread_keyword(l->txn, m->tid, o->slot, &have, &n);
	if (e != STORE_OK)
		l->err = e;
	return o->by == STORE_BY_SOME_KEYWORD ? have > 0 : have == n;
}

/* What an index scan would have decided. */
static int
store_sorted_passes(const struct store_query *q, const struct store_mail *m)
{
	return (m->kw & q->all) == q->all && (m->kw & q->none) == 0 &&
	    (q->after <= 0 || m->received >= q->after) &&
	    (q->before <= 0 || m->received < q->before);
}

/* Every mail's S row, in their order. */
static enum store_err
store_sorted_scan(struct list *l)
{
	struct store_key	 all;
	struct store_mail	 m;
	struct kv_range		 r;
	struct slice		 k, v;
	enum store_err		 e;

	store_key_space(&all, 'S');
	if ((e = store_walk(l->txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(l->txn, &r, &k, &v)) == STORE_OK) {
		if (store_row_state(k, v, &m) == -1) {
			e = store_broken(l->txn, "mail state");
			break;
		}
		if (l->txn->view != NULL && !store_view_mail(l->txn, &m))
			continue;
		if (store_sorted_passes(l->q, &m) &&
		    store_sorted_match(l, l->txn, &m) == -1) {
			e = l->err != STORE_OK ? l->err : STORE_IO;
			break;
		}
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

/* The states of the mails that the caller names. */
static enum store_err
store_sorted_only(struct list *l)
{
	const struct store_query	*q = l->q;
	struct store_mail		 m;
	enum store_err			 e;
	size_t				 i;

	for (i = 0; i < q->only->n; i++) {
		e = store_mail_eid(l->txn, q->only->v[i], &m);
		if (e == STORE_NOTFOUND)
			continue;
		if (e != STORE_OK)
			return e;
		if ((q->mailbox == 0 || store_mail_in(&m, q->mailbox)) &&
		    store_sorted_passes(q, &m) &&
		    store_sorted_match(l, l->txn, &m) == -1)
			return l->err != STORE_OK ? l->err : STORE_IO;
	}
	return STORE_OK;
}

static int
store_sorted_is_text(const struct store_order *o)
{
	return o->by == STORE_BY_FROM || o->by == STORE_BY_TO ||
	    o->by == STORE_BY_SUBJECT;
}

/* The whole sort key of a mail, in the map. */
static struct slice
store_sorted_read(struct item *it, const struct store_order *o)
{
	static const enum store_frag	 frags[] = {
		[STORE_BY_FROM] = STORE_F_SORTFROM,
		[STORE_BY_TO] = STORE_F_SORTTO,
		[STORE_BY_SUBJECT] = STORE_F_SORTSUBJECT
	};
	struct store_row		 row;
	struct store_mail		 m;
	struct slice			 s;

	if (o == sorting->text && it->loaded)
		return it->text;
	m.id = it->id;
	if (store_mail_row(sorting->txn, &m, &row) != STORE_OK)
		return SLICE(NULL, 0);
	s = o->text != NULL ? o->text(o->arg, &row) : row.frag[frags[o->by]];
	if (o == sorting->text) {
		it->text = s;
		it->loaded = 1;
	}
	return s;
}

/* Two texts whose first 8 bytes are equal. */
static int
store_sorted_text(struct item *a, struct item *b, const struct store_order *o)
{
	struct slice	 s = store_sorted_read(a, o);
	struct slice	 t = store_sorted_read(b, o);
	int		 c;

	if (s.n == 0 || t.n == 0)
		return (s.n > 0) - (t.n > 0);
	c = memcmp(s.p, t.p, s.n < t.n ? s.n : t.n);
	return c != 0 ? c : (s.n > t.n) - (s.n < t.n);
}

static int
store_sorted_cmp(const void *a, const void *b)
{
	struct item			*x = *(struct item *const *)a;
	struct item			*y = *(struct item *const *)b;
	const struct store_order	*o;
	size_t				 i;
	int				 c;

	for (i = 0; i < sorting->norder; i++) {
		o = &sorting->order[i];
		c = x->key[i] < y->key[i] ? -1 : x->key[i] > y->key[i];
		/* text that ends within its first 8 bytes is wholly equal */
		if (c == 0 && (x->key[i] & 0xff) != 0 &&
		    store_sorted_is_text(o))
			c = store_sorted_text(x, y, o);
		if (c != 0)
			return o->descending ? -c : c;
	}
	return STORE_EID(x->id) < STORE_EID(y->id) ? -1 :
	    STORE_EID(x->id) > STORE_EID(y->id);
}

static enum store_err
store_sorted_sort(struct list *l)
{
	size_t	 i;

	if ((l->sorted = reallocarray(NULL, l->n, sizeof(*l->sorted))) == NULL)
		return STORE_IO;
	for (i = 0; i < l->n; i++)
		l->sorted[i] = (struct item *)(void *)(l->v + i * l->size);
	for (i = l->norder; i-- > 0;)
		if (store_sorted_is_text(&l->order[i]))
			l->text = &l->order[i];
	sorting = l;
	qsort(l->sorted, l->n, sizeof(*l->sorted), store_sorted_cmp);
	return l->txn->dead;
}

static enum store_err
store_sorted_give(const struct list *l, struct store_ids *ids)
{
	const struct item	*it;
	struct store_set	 seen;
	enum store_err		 e = STORE_OK;
	size_t			 i;
	int			 r = 1;

	memset(&seen, 0, sizeof(seen));
	for (i = 0; i < l->n && e == STORE_OK; i++) {
		it = l->sorted[i];
		if (l->q->collapse)
			r = store_set_add(&seen, it->tid);
		if (r == -1 || (r == 1 && store_ids_add(ids, it->id) == -1))
			e = STORE_IO;
	}
	store_set_free(&seen);
	return e;
}

enum store_err
store_query_sorted(struct store_txn *txn, const struct store_query *q,
    const struct store_order *order, size_t norder, struct store_ids *ids)
{
	struct list		 l;
	struct store_query	 scan = *q;
	struct store_ids	 none;
	enum store_err		 e;

	if (txn->dead != STORE_OK)
		return txn->dead;
	memset(&l, 0, sizeof(l));
	memset(&none, 0, sizeof(none));
	l.txn = txn;
	l.q = q;
	l.order = order;
	l.norder = norder < ORDER_MAX ? norder : ORDER_MAX;
	l.size = sizeof(struct item) + l.norder * sizeof(uint64_t);
	scan.collapse = 0;
	scan.match = store_sorted_match;
	scan.arg = &l;
	e = q->only != NULL ? store_sorted_only(&l) :
	    q->mailbox == 0 ? store_sorted_scan(&l) :
	    store_query(txn, &scan, 0, SIZE_MAX, &none, NULL);
	if (e == STORE_OK)
		e = l.err;
	if (e == STORE_OK && l.n > 0)
		e = store_sorted_sort(&l);
	if (e == STORE_OK)
		e = store_sorted_give(&l, ids);
	free(l.v);
	free(l.sorted);
	store_ids_free(&none);
	return e;
}
