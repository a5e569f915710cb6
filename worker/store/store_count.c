/* SPDX-License-Identifier: ISC */
/*
 * The four counters of a mailbox (RFC 8621 2).  A thread as a whole counts
 * in every mailbox that one of its mails is in; what it counts is summed up
 * in its head (H row), so that a change of one mail costs the same however
 * long the thread is: take away what the head counts, change it by the
 * mail, add what it counts then.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker/store/store_int.h"

#define HEAD_LEN	12	/* bytes before the mailboxes */
#define BOX_LEN		8

/* RFC 8621 2, unreadEmails: neither $seen nor $draft. */
#define UNREAD(kw)	(((kw) & (STORE_BIT(STORE_KW_SEEN) | \
			    STORE_BIT(STORE_KW_DRAFT))) == 0)

static void	store_count_take(struct store_txn *,
		    const struct store_head *, int sign);
static enum store_err	store_count_save(struct store_txn *,
		    const struct store_head *);
static struct store_headbox *store_count_box(struct store_head *, uint32_t);
static enum store_err	 store_count_thread(struct store_txn *,
			    struct store_head *, int);

enum store_err
store_count_load(struct store_txn *txn, uint64_t tid, struct store_head *h)
{
	struct store_key	 k;
	struct slice		 v;
	const uint8_t		*p;
	enum store_err		 e;
	size_t			 i, n;

	memset(h, 0, sizeof(*h));
	h->tid = tid;
	store_key_u64(&k, 'H', tid);
	if ((e = store_get(txn, &k, &v)) != STORE_OK)
		return e == STORE_NOTFOUND ? STORE_OK : e;
	p = v.p;
	if (v.n < HEAD_LEN || (v.n - HEAD_LEN) % BOX_LEN != 0)
		return store_broken(txn, "thread head");
	h->n = store_get32(p);
	h->other = store_get32(p + 4);
	h->trash = store_get32(p + 8);
	n = (v.n - HEAD_LEN) / BOX_LEN;
	if ((h->box = calloc(n + 1, sizeof(*h->box))) == NULL)
		return store_fail(txn);
	for (i = 0, p += HEAD_LEN; i < n; i++, p += BOX_LEN) {
		h->box[i].mbid = store_get32(p);
		h->box[i].n = store_get32(p + 4);
	}
	h->nbox = n;
	h->cap = n + 1;
	return STORE_OK;
}

void
store_count_free(struct store_head *h)
{
	free(h->box);
	memset(h, 0, sizeof(*h));
}

/* The row's bytes into memory for the caller to free; NULL without. */
uint8_t *
store_count_pack(const struct store_head *h, size_t *len)
{
	uint8_t	*b, *p;
	size_t	 i;

	if ((b = malloc(HEAD_LEN + BOX_LEN * h->nbox)) == NULL)
		return NULL;
	p = store_put32(b, h->n);
	p = store_put32(p, h->other);
	p = store_put32(p, h->trash);
	for (i = 0; i < h->nbox; i++) {
		if (h->box[i].n == 0)
			continue;
		p = store_put32(p, h->box[i].mbid);
		p = store_put32(p, h->box[i].n);
	}
	*len = (size_t)(p - b);
	return b;
}

static enum store_err
store_count_save(struct store_txn *txn, const struct store_head *h)
{
	struct store_key	 k;
	enum store_err		 e;
	uint8_t			*b;
	size_t			 len;

	store_key_u64(&k, 'H', h->tid);
	if (h->n == 0)
		return store_del(txn, &k);
	if ((b = store_count_pack(h, &len)) == NULL)
		return store_fail(txn);
	e = store_put(txn, &k, b, len);
	free(b);
	return e;
}

/* The thread's entry of a mailbox, kept in order; NULL without memory. */
static struct store_headbox *
store_count_box(struct store_head *h, uint32_t mbid)
{
	struct store_headbox	*v;
	size_t			 i, cap;

	for (i = 0; i < h->nbox && h->box[i].mbid < mbid; i++)
		;
	if (i < h->nbox && h->box[i].mbid == mbid)
		return &h->box[i];
	if (h->nbox == h->cap) {
		cap = h->cap == 0 ? 4 : h->cap * 2;
		if ((v = reallocarray(h->box, cap, sizeof(*v))) == NULL)
			return NULL;
		h->box = v;
		h->cap = cap;
	}
	memmove(h->box + i + 1, h->box + i, (h->nbox - i) * sizeof(*h->box));
	h->nbox++;
	h->box[i].mbid = mbid;
	h->box[i].n = 0;
	return &h->box[i];
}

/* Take (-1) or add (1) the thread as a whole. */
static void
store_count_take(struct store_txn *txn, const struct store_head *h, int sign)
{
	struct store_mailbox	*m;
	uint32_t		 trash = store_mailbox_role(txn,
				    STORE_ROLE_TRASH);
	size_t			 i;
	int			 j;

	if (h->n > 0)
		txn->hot[HOT_THREADS] += (uint64_t)(int64_t)sign;
	for (i = 0; i < h->nbox; i++) {
		if (h->box[i].n == 0 || (j = store_mailbox_find(&txn->box,
		    h->box[i].mbid)) == -1)
			continue;
		m = &txn->box.v[j];
		m->threads += (uint32_t)sign;
		/*
		 * RFC 8621 2, unreadThreads: mail only in the trash is
		 * ignored in other mailboxes, mail not in the trash is
		 * ignored in the trash.
		 */
		if (m->id == trash ? h->trash > 0 : h->other > 0)
			m->unread_threads += (uint32_t)sign;
	}
}

enum store_err
store_count_mail(struct store_txn *txn, struct store_head *h,
    const struct store_trow *r, int sign)
{
	struct store_headbox	*hb;
	uint32_t		 trash = store_mailbox_role(txn,
				    STORE_ROLE_TRASH);
	size_t			 i;
	int			 j, other = 0, intrash = 0;

	h->n += (uint32_t)sign;
	for (i = 0; i < r->nmailbox; i++) {
		if ((hb = store_count_box(h, r->mailbox[i])) == NULL)
			return store_fail(txn);
		hb->n += (uint32_t)sign;
		if (r->mailbox[i] == trash)
			intrash = 1;
		else
			other = 1;
		j = store_mailbox_find(&txn->box, r->mailbox[i]);
		if (j == -1)
			continue;
		txn->box.v[j].total += (uint32_t)sign;
		if (UNREAD(r->kw))
			txn->box.v[j].unread += (uint32_t)sign;
	}
	if (UNREAD(r->kw) && other)
		h->other += (uint32_t)sign;
	if (UNREAD(r->kw) && intrash)
		h->trash += (uint32_t)sign;
	return STORE_OK;
}

enum store_err
store_count_change(struct store_txn *txn, uint64_t tid,
    const struct store_trow *old, const struct store_trow *new, uint32_t *n)
{
	struct store_head	 h;
	enum store_err		 e;

	if ((e = store_count_load(txn, tid, &h)) == STORE_OK) {
		store_count_take(txn, &h, -1);
		if (old != NULL)
			e = store_count_mail(txn, &h, old, -1);
		if (new != NULL && e == STORE_OK)
			e = store_count_mail(txn, &h, new, 1);
		store_count_take(txn, &h, 1);
	}
	if (e == STORE_OK)
		e = store_count_save(txn, &h);
	if (n != NULL)
		*n = h.n;
	store_count_free(&h);
	return e;
}

/* --- anew ---------------------------------------------------------------- */

/* A whole thread is known: count it. */
static enum store_err
store_count_thread(struct store_txn *txn, struct store_head *h, int write)
{
	enum store_err	 e = STORE_OK;

	store_count_take(txn, h, 1);
	if (write && h->n > 0)
		e = store_count_save(txn, h);
	store_count_free(h);
	return e;
}

enum store_err
store_count_all(struct store_txn *txn, int write)
{
	struct store_head	 h;
	struct kv_range		 r;
	struct store_key	 k;
	struct store_trow	 row;
	struct slice		 key, val;
	uint64_t		 tid;
	enum store_err		 e;
	size_t			 i;

	for (i = 0; i < txn->box.n; i++)
		txn->box.v[i].total = txn->box.v[i].unread =
		    txn->box.v[i].threads = txn->box.v[i].unread_threads = 0;
	txn->hot[HOT_THREADS] = 0;
	memset(&h, 0, sizeof(h));
	store_key_space(&k, 'T');
	if ((e = store_walk(txn, &r, &k, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &key, &val)) == STORE_OK) {
		if (store_thread_decode(key, val, &row, &tid) == -1) {
			e = store_broken(txn, "thread row");
			break;
		}
		if (tid != h.tid && (e = store_count_thread(txn, &h,
		    write)) != STORE_OK)
			break;
		h.tid = tid;
		if ((e = store_count_mail(txn, &h, &row, 1)) != STORE_OK)
			break;
	}
	kv_done(&r);
	if (e == STORE_NOTFOUND)
		return store_count_thread(txn, &h, write);
	store_count_free(&h);
	return e;
}
