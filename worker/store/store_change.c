/* SPDX-License-Identifier: ISC */
/*
 * The change log: one row a change, each with its own modseq, so that an
 * answer of /changes (RFC 8620 5.2) can be cut anywhere.
 */
#include "common/compat.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "worker/store/store_int.h"

#define LOG_LEN		12

struct log_row {
	enum store_type	 type;
	int		 op, counts_only;
	uint64_t	 modseq, id;
	int64_t		 received;	/* -1: not said */
};

static uint8_t		*store_change_encode(uint8_t *, enum store_type, int,
			    uint64_t, int);
static enum store_err	 store_change_drop(struct store_txn *, uint64_t);
static int		 store_change_decode(struct slice, struct slice,
			    struct log_row *);
static size_t		*fates_slot(struct store_fates *, uint64_t);
static int		 fates_grow(struct store_fates *);
static int		 fates_add(struct store_fates *, const struct log_row *,
			    size_t);
static int		 fates_give(const struct store_fates *,
			    struct store_changes *);

uint64_t
store_state(struct store_txn *txn, enum store_type type)
{
	return txn->view != NULL ? store_view_type(txn, type) :
	    txn->hot[HOT_TYPES + type];
}

uint64_t
store_modseq(struct store_txn *txn)
{
	return txn->hot[HOT_MODSEQ];
}

enum store_err
store_touch(struct store_txn *txn, enum store_type type)
{
	if (txn->dead == STORE_OK) {
		txn->hot[HOT_TYPES + type] = ++txn->hot[HOT_MODSEQ];
		txn->changed = 1;
	}
	return txn->dead;
}

uint64_t
store_change_log(struct store_txn *txn, enum store_type type, int op,
    uint64_t id, int counts_only)
{
	struct store_key	 k;
	uint8_t			 b[LOG_LEN];
	uint64_t		 ms = ++txn->hot[HOT_MODSEQ];

	txn->hot[HOT_TYPES + type] = ms;
	store_change_encode(b, type, op, id, counts_only);
	store_key_u64(&k, 'L', ms);
	return store_put(txn, &k, b, sizeof(b)) == STORE_OK ? ms : 0;
}

uint64_t
store_change_left(struct store_txn *txn, int op, uint64_t id,
    int64_t received, const uint32_t *mbid, size_t n)
{
	struct store_key	 k;
	uint8_t			 b[LOG_LEN + 6 + 4 * (STORE_MAXBOXES + 1)], *p;
	uint64_t		 ms = ++txn->hot[HOT_MODSEQ];
	size_t			 i;

	assert(n <= STORE_MAXBOXES + 1);
	txn->hot[HOT_TYPES + STORE_EMAIL] = ms;
	p = store_change_encode(b, STORE_EMAIL, op, id, 0);
	p = store_put48(p, (uint64_t)received);
	for (i = 0; i < n; i++)
		p = store_put32(p, mbid[i]);
	store_key_u64(&k, 'L', ms);
	return store_put(txn, &k, b, (size_t)(p - b)) == STORE_OK ? ms : 0;
}

static uint8_t *
store_change_encode(uint8_t *p, enum store_type type, int op, uint64_t id,
    int counts_only)
{
	*p++ = (uint8_t)type;
	*p++ = (uint8_t)op;
	*p++ = counts_only != 0;
	*p++ = 0;
	return store_put64(p, id);
}

static int
store_change_decode(struct slice k, struct slice v, struct log_row *r)
{
	const uint8_t	*p = v.p;

	if (k.n != 9 || v.n < LOG_LEN || p[0] >= STORE_TYPES ||
	    p[1] < LOG_CREATED || p[1] > LOG_DESTROYED)
		return -1;
	r->modseq = store_get64((const uint8_t *)k.p + 1);
	r->type = p[0];
	r->op = p[1];
	r->counts_only = p[2];
	r->id = store_get64(p + 4);
	r->received = v.n < LOG_LEN + 6 ? -1 :
	    (int64_t)store_get48(p + LOG_LEN);
	return 0;
}

enum store_err
store_changes(struct store_txn *txn, enum store_type type, uint64_t since,
    size_t max, struct store_changes *out)
{
	struct store_fates	 f;
	enum store_err	 e;

	memset(out, 0, sizeof(*out));
	out->counts_only = 1;
	out->state = since;
	if (since > txn->hot[HOT_MODSEQ])
		return STORE_CANNOT;	/* not a state we gave */
	/* nothing happened since, however old that is */
	if (since >= store_state(txn, type)) {
		out->state = store_state(txn, type);
		return STORE_OK;
	}
	/* RFC 8620 5.2: the log does not reach back to it */
	if (since < txn->hot[HOT_LOWWATER])
		return STORE_CANNOT;
	if (txn->view != NULL)
		return store_view_changes(txn, type, since, max, out);
	memset(&f, 0, sizeof(f));
	e = store_change_read(txn, type, since, max, &f, &out->state,
	    &out->more);
	if (e == STORE_OK && fates_give(&f, out) == -1)
		e = STORE_IO;
	store_change_done(&f);
	return e;
}

void
store_change_done(struct store_fates *f)
{
	free(f->v);
	free(f->slot);
}

enum store_err
store_change_read(struct store_txn *txn, enum store_type type,
    uint64_t since, size_t max, struct store_fates *f, uint64_t *state,
    int *more)
{
	struct kv_range		 r;
	struct store_key	 lo, hi;
	struct log_row		 row;
	struct slice		 k, v;
	enum store_err		 e;
	int			 n;

	store_key_u64(&lo, 'L', since + 1);
	store_key_space(&hi, 'L' + 1);
	if (kv_range(&r, txn->kv, SLICE(lo.b, lo.n), SLICE(hi.b, hi.n), 0) ==
	    -1)
		return store_fail(txn);
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK) {
		if (store_change_decode(k, v, &row) == -1) {
			e = store_broken(txn, "log row");
			break;
		}
		if (row.type != type)
			continue;
		if ((n = fates_add(f, &row, max)) == -1) {
			e = STORE_IO;
			break;
		}
		if (n == 0) {
			*more = 1;
			break;
		}
		*state = row.modseq;
	}
	kv_done(&r);
	if (e == STORE_NOTFOUND || *more) {
		if (!*more)
			*state = store_state(txn, type);
		e = STORE_OK;
	}
	return e;
}

void
store_changes_free(struct store_changes *c)
{
	free(c->created);
	free(c->updated);
	free(c->destroyed);
	memset(c, 0, sizeof(*c));
}

/* Remove at most max of the oldest rows beyond the newest keep. */
enum store_err
store_change_trim(struct store_txn *txn, uint64_t keep, unsigned max,
    int *more)
{
	uint64_t		 low = txn->hot[HOT_LOWWATER];
	uint64_t		 to = txn->hot[HOT_MODSEQ];
	enum store_err		 e;

	*more = 0;
	if (to <= keep || to - keep <= low)
		return STORE_OK;
	to -= keep;
	if (to - low > max) {
		to = low + max;
		*more = 1;
	}
	while (low < to)
		if ((e = store_change_drop(txn, ++low)) != STORE_OK)
			return e;
	txn->hot[HOT_LOWWATER] = low;
	txn->changed = 1;
	return STORE_OK;
}

/* One row, and the tombstones that were made with it. */
static enum store_err
store_change_drop(struct store_txn *txn, uint64_t modseq)
{
	struct store_key	 k, tomb;
	uint32_t		 mbid[STORE_MAXBOXES + 1];
	struct slice		 v;
	const uint8_t		*p;
	uint64_t		 id;
	int64_t			 received;
	enum store_err		 e;
	size_t			 i, n;

	store_key_u64(&k, 'L', modseq);
	if ((e = store_get(txn, &k, &v)) != STORE_OK)
		return e == STORE_NOTFOUND ? STORE_OK : e;
	p = v.p;
	n = v.n < LOG_LEN + 6 ? 0 : (v.n - LOG_LEN - 6) / 4;
	if (n > 0 && n <= nitems(mbid)) {
		id = store_get64(p + 4);
		received = (int64_t)store_get48(p + LOG_LEN);
		for (i = 0; i < n; i++)
			mbid[i] = store_get32(p + LOG_LEN + 6 + 4 * i);
		for (i = 0; i < n; i++) {
			store_key_list(&tomb, 'm', mbid[i], received,
			    STORE_EID(id));
			store_key_add64(&tomb, modseq);
			if ((e = store_del(txn, &tomb)) != STORE_OK)
				return e;
		}
	}
	return store_del(txn, &k);
}

/* --- fates --------------------------------------------------------------- */

static size_t *
fates_slot(struct store_fates *f, uint64_t id)
{
	size_t	 i = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 20);

	for (i &= f->nslot - 1; f->slot[i] != 0 &&
	    f->v[f->slot[i] - 1].id != id;)
		i = (i + 1) & (f->nslot - 1);
	return &f->slot[i];
}

static int
fates_grow(struct store_fates *f)
{
	struct store_fate	*v;
	size_t		 i, cap = f->cap == 0 ? 64 : f->cap * 2;

	if ((v = reallocarray(f->v, cap, sizeof(*v))) == NULL)
		return -1;
	f->v = v;
	f->cap = cap;
	free(f->slot);
	f->nslot = cap * 2;
	if ((f->slot = calloc(f->nslot, sizeof(*f->slot))) == NULL)
		return -1;
	for (i = 0; i < f->n; i++)
		*fates_slot(f, f->v[i].id) = i + 1;
	return 0;
}

/* 1 taken, 0 it would be one id more than max, -1 no memory. */
static int
fates_add(struct store_fates *f, const struct log_row *r, size_t max)
{
	struct store_fate	*x;
	size_t		*slot;

	if (f->n == f->cap && fates_grow(f) == -1)
		return -1;
	slot = fates_slot(f, r->id);
	if (*slot == 0) {
		if (max != 0 && f->n == max)
			return 0;
		x = &f->v[f->n++];
		*slot = f->n;
		memset(x, 0, sizeof(*x));
		x->id = r->id;
		x->first = r->op;
		x->received = -1;
	} else
		x = &f->v[*slot - 1];
	x->last = r->op;
	if (r->received != -1)
		x->received = r->received;
	if (!r->counts_only)
		x->props = 1;
	return 1;
}

static int
fates_give(const struct store_fates *f, struct store_changes *out)
{
	const struct store_fate	*x;

	out->created = calloc(f->n + 1, sizeof(*out->created));
	out->updated = calloc(f->n + 1, sizeof(*out->updated));
	out->destroyed = calloc(f->n + 1, sizeof(*out->destroyed));
	if (out->created == NULL || out->updated == NULL ||
	    out->destroyed == NULL)
		return -1;
	for (x = f->v; x < f->v + f->n; x++) {
		if (x->last == LOG_DESTROYED) {
			/* created since, too: the client never saw it */
			if (x->first != LOG_CREATED)
				out->destroyed[out->ndestroyed++] = x->id;
		} else if (x->first == LOG_CREATED)
			out->created[out->ncreated++] = x->id;
		else {
			out->updated[out->nupdated++] = x->id;
			if (x->props)
				out->counts_only = 0;
		}
	}
	if (out->nupdated == 0)
		out->counts_only = 0;
	return 0;
}
