/* SPDX-License-Identifier: ISC */
/*
 * Threads (RFC 8621 3): T rows, and the I rows that say which thread knows a
 * message id under a subject.  A mail that knows of two threads merges them:
 * the smaller one's mails get a new generation, that is a new id.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/store/store_int.h"

#define ROW_HEAD	10	/* bytes before the mailboxes */
#define MSGID_LEN	12

static struct store_trow	*store_thread_push(struct store_thread *,
		    const struct store_trow *);
static enum store_err	 store_thread_known(struct store_txn *,
			    const struct store_refs *, struct store_ids *);
static enum store_err	 store_thread_tally(struct store_txn *,
			    struct store_tally *);
static enum store_err	 store_thread_merge(struct store_txn *, uint64_t,
			    uint64_t);
static enum store_err	 store_thread_move(struct store_txn *,
			    struct store_trow *, uint64_t, uint64_t);
static enum store_err	 store_thread_repoint(struct store_txn *, uint64_t,
			    uint64_t);

int
store_thread_decode(struct slice key, struct slice val,
    struct store_trow *r, uint64_t *tid)
{
	static uint32_t	 box[STORE_MAXBOXES];
	const uint8_t	*k = key.p, *p = val.p;
	size_t		 i, n;

	if (key.n != 23 || val.n < ROW_HEAD || (val.n - ROW_HEAD) % 4 != 0 ||
	    (n = (val.n - ROW_HEAD) / 4) > STORE_MAXBOXES)
		return -1;
	*tid = store_get64(k + 1);
	r->received = (int64_t)store_get48(k + 9);
	r->eid = store_get64(k + 15);
	r->gen = store_get16(p);
	r->kw = store_get64(p + 2);
	for (i = 0; i < n; i++)
		box[i] = store_get32(p + ROW_HEAD + 4 * i);
	r->mailbox = box;	/* until the next call */
	r->nmailbox = (uint16_t)n;
	return 0;
}

/* A row more, its mailboxes copied; NULL without memory. */
static struct store_trow *
store_thread_push(struct store_thread *t, const struct store_trow *r)
{
	struct store_trow	*v;
	size_t			 cap;

	if (t->n == t->cap) {
		cap = t->cap == 0 ? 4 : t->cap * 2;
		if ((v = reallocarray(t->v, cap, sizeof(*v))) == NULL)
			return NULL;
		t->v = v;
		t->cap = cap;
	}
	v = &t->v[t->n];
	*v = *r;
	v->mailbox = reallocarray(NULL, r->nmailbox + 1U, sizeof(*v->mailbox));
	if (v->mailbox == NULL)
		return NULL;
	memcpy(v->mailbox, r->mailbox, r->nmailbox * sizeof(*v->mailbox));
	t->n++;
	return v;
}

void
store_thread_free(struct store_thread *t)
{
	size_t	 i;

	for (i = 0; i < t->n; i++)
		free(t->v[i].mailbox);
	free(t->v);
	memset(t, 0, sizeof(*t));
}

enum store_err
store_thread_load(struct store_txn *txn, uint64_t tid, struct store_thread *t)
{
	struct store_key	 k;
	struct kv_range		 r;
	struct store_trow	 row;
	struct slice		 key, val;
	enum store_err		 e;

	memset(t, 0, sizeof(*t));
	t->tid = tid;
	store_key_u64(&k, 'T', tid);
	if ((e = store_walk(txn, &r, &k, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &key, &val)) == STORE_OK) {
		if (store_thread_decode(key, val, &row, &tid) == -1) {
			e = store_broken(txn, "thread row");
			break;
		}
		if (store_thread_push(t, &row) == NULL) {
			e = store_fail(txn);
			break;
		}
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

enum store_err
store_thread_write(struct store_txn *txn, uint64_t tid,
    const struct store_trow *r)
{
	struct store_key	 k;
	uint8_t			 b[ROW_HEAD + 4 * STORE_MAXBOXES], *p;
	size_t			 i;

	p = store_put64(store_put16(b, r->gen), r->kw);
	for (i = 0; i < r->nmailbox; i++)
		p = store_put32(p, r->mailbox[i]);
	store_key_thread(&k, tid, r->received, r->eid);
	return store_put(txn, &k, b, (size_t)(p - b));
}

enum store_err
store_thread_erase(struct store_txn *txn, uint64_t tid,
    const struct store_trow *r)
{
	struct store_key	 k;

	store_key_thread(&k, tid, r->received, r->eid);
	return store_del(txn, &k);
}

/* --- asking -------------------------------------------------------------- */

enum store_err
store_thread_get(struct store_txn *txn, uint64_t tid, struct store_ids *ids)
{
	struct store_key	 k;
	struct kv_range		 r;
	struct store_trow	 row;
	struct slice		 key, val;
	enum store_err		 e;
	size_t			 had = ids->n;

	store_key_u64(&k, 'T', tid);
	if ((e = store_walk(txn, &r, &k, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &key, &val)) == STORE_OK) {
		if (store_thread_decode(key, val, &row, &tid) == -1) {
			e = store_broken(txn, "thread row");
			break;
		}
		if (txn->view != NULL && !store_view_trow(txn->view, &row))
			continue;
		if (store_ids_add(ids, row.eid << 16 | row.gen) == -1) {
			e = store_fail(txn);
			break;
		}
	}
	kv_done(&r);
	if (e == STORE_NOTFOUND && ids->n > had)
		return STORE_OK;
	return e;
}

/* Count over a thread's rows; only keywords beyond 63 need the mails. */
static enum store_err
store_thread_tally(struct store_txn *txn, struct store_tally *y)
{
	struct store_key	 k;
	struct kv_range		 r;
	struct store_trow	 row;
	struct store_mail	 m;
	struct slice		 key, val;
	uint64_t		 tid;
	enum store_err		 e;

	y->have = y->n = 0;
	store_key_u64(&k, 'T', y->tid);
	if ((e = store_walk(txn, &r, &k, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &key, &val)) == STORE_OK) {
		if (store_thread_decode(key, val, &row, &tid) == -1) {
			e = store_broken(txn, "thread row");
			break;
		}
		if (txn->view != NULL && !store_view_trow(txn->view, &row))
			continue;
		y->n++;
		if (y->slot < 64)
			y->have += y->slot >= 0 &&
			    (row.kw & STORE_BIT(y->slot)) != 0;
		else if ((e = store_mail_raw(txn, row.eid, &m)) == STORE_OK)
			y->have += (unsigned)store_mail_has(&m, y->slot);
		else
			break;
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

/*
 * A query asks this for each mail, so a snapshot remembers: the mails of a
 * long thread, which a stranger can make, must not each cost the thread.
 */
enum store_err
store_thread_keyword(struct store_txn *txn, uint64_t tid, int slot,
    unsigned *have, unsigned *n)
{
	struct store_tally	*y, one;
	enum store_err		 e = STORE_OK;

	if (txn->tally == NULL && !txn->write)
		txn->tally = calloc(STORE_TALLIES, sizeof(*txn->tally));
	y = txn->tally == NULL ? &one : &txn->tally[(tid * 31 +
	    (unsigned)(slot + 1)) % STORE_TALLIES];
	if (y == &one || y->n == 0 || y->tid != tid || y->slot != slot) {
		y->tid = tid;
		y->slot = slot;
		if ((e = store_thread_tally(txn, y)) != STORE_OK)
			y->n = 0;
	}
	*have = y->have;
	*n = y->n;
	return e;
}

/* --- threading ----------------------------------------------------------- */

void
store_thread_refs(const struct store_newmail *nm, struct store_refs *out)
{
	uint64_t	 h;
	size_t		 i, j;

	memset(out, 0, sizeof(*out));
	out->subject = (uint32_t)store_key_hash(nm->subject.p, nm->subject.n);
	for (i = 0; i < nm->nmsgid; i++) {
		/* too many: the own id, and the newest references */
		if (i > 0 && nm->nmsgid - i >= STORE_MAXREFS)
			continue;
		if (nm->msgid[i].n == 0 || out->n == STORE_MAXREFS)
			continue;
		h = store_key_hash(nm->msgid[i].p, nm->msgid[i].n);
		for (j = 0; j < out->n && out->h[j] != h; j++)
			;
		if (j == out->n)
			out->h[out->n++] = h;
	}
}

enum store_err
store_thread_msgid(struct store_txn *txn, struct slice id,
    struct store_ids *tids)
{
	struct store_key	 all;
	struct kv_range		 r;
	struct slice		 k, v;
	enum store_err		 e;

	/* the rows of an id stand together, one for each subject */
	store_key_msgid(&all, store_key_hash(id.p, id.n), 0);
	all.n -= 4;
	if ((e = store_walk(txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK)
		if (v.n != MSGID_LEN ||
		    store_ids_add(tids, store_get64(v.p)) == -1) {
			e = store_broken(txn, "message-id row");
			break;
		}
	kv_done(&r);
	store_ids_sort(tids);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

/* Threads that know one of the ids under this subject, each once. */
static enum store_err
store_thread_known(struct store_txn *txn, const struct store_refs *refs,
    struct store_ids *tids)
{
	struct store_key	 k;
	struct slice		 v;
	enum store_err		 e;
	size_t			 i;

	for (i = 0; i < refs->n; i++) {
		store_key_msgid(&k, refs->h[i], refs->subject);
		if ((e = store_get(txn, &k, &v)) == STORE_NOTFOUND)
			continue;
		if (e != STORE_OK)
			return e;
		if (v.n != MSGID_LEN)
			return store_broken(txn, "message-id row");
		if (store_ids_add(tids, store_get64(v.p)) == -1)
			return store_fail(txn);
	}
	store_ids_sort(tids);
	return STORE_OK;
}

/* The largest of the threads keeps its id: fewest mails change theirs. */
enum store_err
store_thread_join(struct store_txn *txn, const struct store_refs *refs,
    uint64_t *tid)
{
	struct store_head	 h;
	struct store_ids	 tids;
	enum store_err		 e;
	size_t			 i, best = 0;

	*tid = 0;
	memset(&tids, 0, sizeof(tids));
	e = store_thread_known(txn, refs, &tids);
	for (i = 0; i < tids.n && e == STORE_OK; i++) {
		e = store_count_load(txn, tids.v[i], &h);
		if (e == STORE_OK && h.n > best) {
			*tid = tids.v[i];
			best = h.n;
		}
		store_count_free(&h);
	}
	for (i = 0; i < tids.n && e == STORE_OK; i++)
		if (tids.v[i] != *tid)
			e = store_thread_merge(txn, tids.v[i], *tid);
	store_ids_free(&tids);
	return e;
}

static enum store_err
store_thread_merge(struct store_txn *txn, uint64_t from, uint64_t to)
{
	struct store_thread	 t;
	enum store_err		 e;
	size_t			 i;

	e = store_thread_load(txn, from, &t);
	for (i = 0; i < t.n && e == STORE_OK; i++)
		e = store_thread_move(txn, &t.v[i], from, to);
	if (e == STORE_OK && store_change_log(txn, STORE_THREAD,
	    LOG_DESTROYED, from, 0) == 0)
		e = txn->dead;
	store_thread_free(&t);
	return e;
}

/* RFC 8621 3: a mail that changes thread is destroyed and made again. */
static enum store_err
store_thread_move(struct store_txn *txn, struct store_trow *r, uint64_t from,
    uint64_t to)
{
	static struct store_state	 old, new;
	struct store_mail		 m;
	uint32_t			 left[STORE_MAXBOXES + 1];
	uint64_t			 gone, ms;
	enum store_err			 e;

	if ((e = store_thread_erase(txn, from, r)) != STORE_OK ||
	    (e = store_mail_raw(txn, r->eid, &m)) != STORE_OK)
		return e == STORE_NOTFOUND ? store_broken(txn, "thread") : e;
	store_row_edit(&m, &old);
	new = old;
	new.m.id = (r->eid << 16) | (uint16_t)(r->gen + 1);
	new.m.tid = to;
	memcpy(left, old.mbid, old.nmbid * sizeof(*left));
	left[old.nmbid] = 0;
	gone = store_change_left(txn, LOG_DESTROYED, old.m.id,
	    old.m.received, left, old.nmbid + 1);
	ms = store_change_log(txn, STORE_EMAIL, LOG_CREATED, new.m.id, 0);
	if (gone == 0 || ms == 0)
		return txn->dead;
	new.m.modseq = new.m.created = ms;
	r->gen++;
	if ((e = store_index_remove(txn, &old, gone)) != STORE_OK ||
	    (e = store_index_add(txn, &new, ms)) != STORE_OK ||
	    (e = store_row_save(txn, &new)) != STORE_OK ||
	    (e = store_thread_write(txn, to, r)) != STORE_OK ||
	    (e = store_count_change(txn, from, r, NULL, NULL)) != STORE_OK ||
	    (e = store_count_change(txn, to, NULL, r, NULL)) != STORE_OK)
		return e;
	return store_thread_repoint(txn, r->eid, to);
}

/* What one mail knows is known to its new thread. */
static enum store_err
store_thread_repoint(struct store_txn *txn, uint64_t eid, uint64_t to)
{
	struct store_refs	 refs;
	struct store_key	 k;
	struct slice		 v;
	uint8_t			 b[MSGID_LEN];
	enum store_err		 e;
	size_t			 i;

	if ((e = store_row_refs(txn, eid, &refs)) != STORE_OK)
		return e;
	for (i = 0; i < refs.n; i++) {
		store_key_msgid(&k, refs.h[i], refs.subject);
		if ((e = store_get(txn, &k, &v)) != STORE_OK ||
		    v.n != MSGID_LEN)
			return store_broken(txn, "message-id row");
		memcpy(b, v.p, MSGID_LEN);
		store_put64(b, to);
		if ((e = store_put(txn, &k, b, MSGID_LEN)) != STORE_OK)
			return e;
	}
	return STORE_OK;
}

/* The thread knows the ids: one mail more says so. */
enum store_err
store_thread_learn(struct store_txn *txn, const struct store_refs *refs,
    uint64_t tid)
{
	struct store_key	 k;
	struct slice		 v;
	uint8_t			 b[MSGID_LEN];
	uint32_t		 n;
	enum store_err		 e;
	size_t			 i;

	for (i = 0; i < refs->n; i++) {
		store_key_msgid(&k, refs->h[i], refs->subject);
		if ((e = store_get(txn, &k, &v)) != STORE_OK &&
		    e != STORE_NOTFOUND)
			return e;
		n = e == STORE_OK && v.n == MSGID_LEN ?
		    store_get32((const uint8_t *)v.p + 8) : 0;
		store_put32(store_put64(b, tid), n + 1);
		if ((e = store_put(txn, &k, b, MSGID_LEN)) != STORE_OK)
			return e;
	}
	return STORE_OK;
}

/* One mail less says so; the last takes the row with it. */
enum store_err
store_thread_forget(struct store_txn *txn, const struct store_refs *refs)
{
	struct store_key	 k;
	struct slice		 v;
	uint8_t			 b[MSGID_LEN];
	uint32_t		 n;
	enum store_err		 e;
	size_t			 i;

	for (i = 0; i < refs->n; i++) {
		store_key_msgid(&k, refs->h[i], refs->subject);
		if ((e = store_get(txn, &k, &v)) == STORE_NOTFOUND)
			continue;
		if (e != STORE_OK)
			return e;
		if (v.n != MSGID_LEN)
			return store_broken(txn, "message-id row");
		n = store_get32((const uint8_t *)v.p + 8);
		if (n > 1) {
			memcpy(b, v.p, 8);
			store_put32(b + 8, n - 1);
			e = store_put(txn, &k, b, MSGID_LEN);
		} else
			e = store_del(txn, &k);
		if (e != STORE_OK)
			return e;
	}
	return STORE_OK;
}
