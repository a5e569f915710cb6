/* SPDX-License-Identifier: ISC */
/*
 * Text search: posting blocks (store_post.c) and, for mail that came since
 * the last merge, F rows, looked through one by one.  So a mail is found as
 * soon as it is there, and delivery writes one row.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "worker/store/store_int.h"

#define MERGE_AT	256	/* records that start a merge */
#define MERGE_MAX	256	/* records a call */

struct entry {				/* of an F row */
	const uint8_t	*term;
	uint8_t		 len, in;
};
struct wait {				/* F rows, out of their transaction */
	uint64_t	 eid;
	size_t		 at, len;	/* of its bytes */
};
struct hit {				/* one term of one mail */
	uint32_t	 term, in;
	uint64_t	 eid;
};
struct hits {
	struct hit		*v;
	size_t			 n, cap;
	struct store_terms	 terms;
	struct store_post	*post;		/* grouped by term */
	size_t			*start;		/* each term's, and the end */
};
struct waits {
	struct wait	*v;
	size_t		 n, cap;
	struct buf	 bytes;
};

static int		 store_search_each(const uint8_t **, const uint8_t *,
			    struct entry *);
static enum store_err	 store_search_waiting(struct store_txn *,
			    const uint8_t *, size_t, int, unsigned,
			    struct store_ids *);
static enum store_err	 store_search_term(struct store_txn *,
			    struct kv_txn *, const struct store_terms *,
			    size_t, struct store_ids *);
static int		 store_search_take(struct store_txn *, struct waits *);
static int		 store_search_hits(const struct waits *,
			    struct hits *);
static int		 store_search_group(struct hits *);
static int		 store_search_cmp(const void *, const void *);
static int		 store_search_write(struct kv_txn *,
			    const struct hits *);
static int		 store_search_fill(struct store *, struct waits *);
static int		 store_search_clear(struct store *, struct waits *);

/* --- writing ------------------------------------------------------------- */

enum store_err
store_search_pend(struct store_txn *txn, uint64_t eid,
    const struct store_text *text, size_t n)
{
	struct store_terms	 t;
	struct store_key	 k;
	struct buf		 b;
	enum store_err		 e = STORE_OK;
	size_t			 i;
	int			 bad = 0;

	if (n == 0)
		return STORE_OK;
	store_token_init(&t);
	buf_init(&b, SIZE_MAX);
	for (i = 0; i < n; i++)
		bad |= store_token_add(&t, text[i].text, text[i].in, 0) == -1;
	buf_addc(&b, STORE_ROWVER);
	for (i = 0; i < t.n; i++) {
		buf_addc(&b, t.v[i].in);
		buf_addc(&b, t.v[i].len);
		buf_add(&b, store_token_bytes(&t, i), t.v[i].len);
	}
	if (bad || buf_bad(&b)) {
		errno = ENOMEM;
		e = store_fail(txn);
	} else if (t.n > 0) {
		store_key_u64(&k, 'F', eid);
		e = store_put(txn, &k, b.data, b.len);
		txn->hot[HOT_PENDING]++;
	}
	buf_free(&b);
	store_token_free(&t);
	return e;
}

enum store_err
store_search_add(struct store_txn *txn, uint64_t eid,
    const struct store_text *text, size_t n)
{
	enum store_err	 e;

	if (txn->dead != STORE_OK)
		return txn->dead;
	if ((e = store_search_drop(txn, eid)) != STORE_OK)
		return e;
	return store_search_pend(txn, eid, text, n);
}

enum store_err
store_search_drop(struct store_txn *txn, uint64_t eid)
{
	struct store_key	 k;
	int			 r;

	store_key_u64(&k, 'F', eid);
	if ((r = kv_del(txn->kv, k.b, k.n)) == -1)
		return store_fail(txn);
	txn->hot[HOT_PENDING] -= (uint64_t)r;
	txn->changed = 1;
	return STORE_OK;
}

/* --- asking -------------------------------------------------------------- */

/* The next term of an F row's bytes; 1, 0 at the end, -1. */
static int
store_search_each(const uint8_t **p, const uint8_t *end, struct entry *e)
{
	if (*p == end)
		return 0;
	if (end - *p < 2 || end - *p - 2 < (*p)[1])
		return -1;
	e->in = (*p)[0];
	e->len = (*p)[1];
	e->term = *p + 2;
	*p += 2 + e->len;
	return 1;
}

/* Mails among the F rows that have a term. */
static enum store_err
store_search_waiting(struct store_txn *txn, const uint8_t *term, size_t n,
    int prefix, unsigned in, struct store_ids *out)
{
	struct kv_range		 r;
	struct store_key	 all;
	struct entry		 h;
	struct slice		 k, v;
	const uint8_t		*p, *end;
	enum store_err		 e;

	store_key_space(&all, 'F');
	if ((e = store_walk(txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK) {
		p = v.p;
		end = p + v.n;
		if (k.n != 9 || v.n < 1 || *p++ > STORE_ROWVER) {
			e = store_broken(txn, "search row");
			break;
		}
		while (store_search_each(&p, end, &h) == 1)
			if ((h.in & in) && (prefix ? h.len >= n : h.len == n) &&
			    memcmp(h.term, term, n) == 0) {
				if (store_ids_add(out, store_get64(
				    (const uint8_t *)k.p + 1)) == -1)
					e = store_fail(txn);
				break;
			}
		if (e != STORE_OK)
			break;
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

static enum store_err
store_search_term(struct store_txn *txn, struct kv_txn *blocks,
    const struct store_terms *t, size_t i, struct store_ids *out)
{
	const uint8_t	*term = store_token_bytes(t, i);
	enum store_err	 e;

	out->n = 0;
	if (store_post_read(blocks, term, t->v[i].len, t->v[i].prefix,
	    t->v[i].in, out) == -1)
		return store_fail(txn);
	e = store_search_waiting(txn, term, t->v[i].len, t->v[i].prefix,
	    t->v[i].in, out);
	store_ids_sort(out);
	return e;
}

enum store_err
store_search(struct store_txn *txn, const struct store_words *w, size_t n,
    struct store_ids *eids, int *usable)
{
	struct store_terms	 t;
	struct store_ids	 one;
	struct kv_txn		*blocks;
	enum store_err		 e = STORE_OK;
	size_t			 i, had;

	*usable = n > 0;
	if (txn->dead != STORE_OK)
		return txn->dead;
	if (store_post_open(txn->st) == -1 ||
	    kv_begin(txn->st->search, 0, &blocks) == -1)
		return STORE_IO;
	store_token_init(&t);
	memset(&one, 0, sizeof(one));
	for (i = 0; i < n; i++) {
		had = t.n;
		if (store_token_add(&t, w[i].text, w[i].in, 1) == -1)
			e = STORE_IO;
		if (t.n == had)
			*usable = 0;
	}
	for (i = 0; i < t.n && e == STORE_OK && *usable; i++) {
		if (i == 0)
			e = store_search_term(txn, blocks, &t, i, eids);
		else if (eids->n > 0) {
			e = store_search_term(txn, blocks, &t, i, &one);
			store_ids_and(eids, &one);
		}
	}
	kv_abort(blocks);
	store_ids_free(&one);
	store_token_free(&t);
	return e;
}

/* --- merging ------------------------------------------------------------- */

/* Copy the oldest F rows; 0 or -1. */
static int
store_search_take(struct store_txn *txn, struct waits *w)
{
	struct kv_range		 r;
	struct store_key	 all;
	struct slice		 k, v;
	enum store_err		 e;
	int			 ok = 1;

	if ((w->v = calloc(MERGE_MAX, sizeof(*w->v))) == NULL)
		return -1;
	store_key_space(&all, 'F');
	if (store_walk(txn, &r, &all, 0) != STORE_OK)
		return -1;
	while (ok && w->n < MERGE_MAX &&
	    (e = store_next(txn, &r, &k, &v)) == STORE_OK) {
		w->v[w->n].eid = store_get64((const uint8_t *)k.p + 1);
		w->v[w->n].at = w->bytes.len;
		w->v[w->n++].len = v.n;
		ok = k.n == 9 && v.n > 0 &&
		    buf_add(&w->bytes, v.p, v.n) == 0;
	}
	kv_done(&r);
	return ok && txn->dead == STORE_OK ? 0 : -1;
}

/* Every term of what was taken. */
static int
store_search_hits(const struct waits *w, struct hits *h)
{
	struct entry	 one;
	struct hit	*v;
	const uint8_t	*p, *end;
	int64_t		 term;
	size_t		 i, cap;

	for (i = 0; i < w->n; i++) {
		p = w->bytes.data + w->v[i].at;
		end = p++ + w->v[i].len;
		while (store_search_each(&p, end, &one) == 1) {
			if (h->n == h->cap) {
				cap = h->cap == 0 ? 4096 : h->cap * 2;
				v = reallocarray(h->v, cap, sizeof(*v));
				if (v == NULL)
					return -1;
				h->v = v;
				h->cap = cap;
			}
			term = store_token_intern(&h->terms, one.term,
			    one.len);
			if (term == -1)
				return -1;
			h->v[h->n].term = (uint32_t)term;
			h->v[h->n].in = one.in;
			h->v[h->n++].eid = w->v[i].eid;
		}
	}
	return 0;
}

/* Each term's mails together; they stay upward. */
static int
store_search_group(struct hits *h)
{
	size_t	 i, n, sum = 0;

	h->post = calloc(h->n + 1, sizeof(*h->post));
	h->start = calloc(h->terms.n + 2, sizeof(*h->start));
	if (h->post == NULL || h->start == NULL)
		return -1;
	for (i = 0; i < h->n; i++)
		h->start[h->v[i].term + 1]++;
	for (i = 0; i <= h->terms.n; i++) {
		n = h->start[i];
		h->start[i] = sum += n;
	}
	for (i = 0; i < h->n; i++) {
		n = h->start[h->v[i].term]++;
		h->post[n].eid = h->v[i].eid;
		h->post[n].in = (uint8_t)h->v[i].in;
	}
	/* each start is now the next one's */
	memmove(h->start + 1, h->start, h->terms.n * sizeof(*h->start));
	h->start[0] = 0;
	return 0;
}

static const struct store_terms	*ordering;

static int
store_search_cmp(const void *a, const void *b)
{
	const struct store_term	*x = &ordering->v[*(const uint32_t *)a];
	const struct store_term	*y = &ordering->v[*(const uint32_t *)b];
	const uint8_t		*p = ordering->bytes.data;
	int			 c;

	c = memcmp(p + x->at, p + y->at, x->len < y->len ? x->len : y->len);
	return c != 0 ? c : (int)x->len - (int)y->len;
}

/* Into the blocks, term by term in the order of their keys. */
static int
store_search_write(struct kv_txn *txn, const struct hits *h)
{
	const struct store_term	*t;
	uint32_t		*order, x;
	size_t			 i;
	int			 r = 0;

	if ((order = calloc(h->terms.n + 1, sizeof(*order))) == NULL)
		return -1;
	for (i = 0; i < h->terms.n; i++)
		order[i] = (uint32_t)i;
	ordering = &h->terms;
	qsort(order, h->terms.n, sizeof(*order), store_search_cmp);
	for (i = 0; i < h->terms.n && r == 0; i++) {
		x = order[i];
		t = &h->terms.v[x];
		r = store_post_merge(txn, h->terms.bytes.data + t->at, t->len,
		    h->post + h->start[x], h->start[x + 1] - h->start[x]);
	}
	free(order);
	return r;
}

/* Put what was taken in the blocks, durably; 0 or -1. */
static int
store_search_fill(struct store *st, struct waits *w)
{
	struct kv_txn	*txn;
	struct hits	 h;
	int		 ret = -1;

	memset(&h, 0, sizeof(h));
	store_token_init(&h.terms);
	if (store_search_hits(w, &h) == 0 && store_search_group(&h) == 0 &&
	    kv_begin(st->search, 1, &txn) == 0) {
		if (store_search_write(txn, &h) == 0)
			ret = kv_commit(txn);
		else
			kv_abort(txn);
	}
	store_token_free(&h.terms);
	free(h.v);
	free(h.post);
	free(h.start);
	return ret;
}

/* The rows that are in the blocks now go. */
static int
store_search_clear(struct store *st, struct waits *w)
{
	struct store_txn	*txn;
	size_t			 i;

	if (store_begin_plain(st, 1, &txn) != STORE_OK)
		return -1;
	for (i = 0; i < w->n; i++)
		if (store_search_drop(txn, w->v[i].eid) != STORE_OK) {
			store_abort(txn);
			return -1;
		}
	return store_commit(txn) == STORE_OK ? 0 : -1;
}

int
store_search_merge(struct store *st, int force)
{
	struct store_txn	*txn;
	struct waits		 w;
	uint64_t		 n;
	int			 ret;

	if (store_begin(st, 0, &txn) != STORE_OK)
		return -1;
	n = txn->hot[HOT_PENDING];
	if (n == 0 || (n < MERGE_AT && !force)) {
		store_abort(txn);
		return 0;
	}
	memset(&w, 0, sizeof(w));
	buf_init(&w.bytes, SIZE_MAX);
	ret = store_search_take(txn, &w);
	store_abort(txn);
	if (ret == 0 && (ret = store_post_open(st)) == 0 &&
	    (ret = store_search_fill(st, &w)) == 0 &&
	    (ret = store_search_clear(st, &w)) == 0)
		ret = n > w.n;
	if (ret == -1)
		log_warnx("account %s: search index not merged", st->account);
	buf_free(&w.bytes);
	free(w.v);
	return ret;
}

enum store_err
store_search_reset(struct store *st)
{
	struct store_txn	*txn;
	struct kv_txn		*blocks;
	struct store_key	 all;
	enum store_err		 e;

	if (store_post_open(st) == -1 ||
	    kv_begin(st->search, 1, &blocks) == -1)
		return STORE_IO;
	if (kv_empty(blocks) == -1) {
		kv_abort(blocks);
		return STORE_IO;
	}
	if (kv_commit(blocks) == -1)
		return STORE_IO;
	kv_close(st->search);		/* the next open writes the version */
	st->search = NULL;
	if ((e = store_begin(st, 1, &txn)) != STORE_OK)
		return e;
	store_key_space(&all, 'F');
	if (kv_del_prefix(txn->kv, all.b, all.n) == -1)
		store_fail(txn);
	txn->hot[HOT_PENDING] = 0;
	txn->changed = 1;
	return store_commit(txn);
}
