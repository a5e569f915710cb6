/* SPDX-License-Identifier: ISC */
/*
 * /changes (RFC 8620 5.2) for a principal who sees a part of an account.
 * The log tells of all mail; whether he saw one at a moment is known from
 * the lists of the mailboxes he may read, M, and their tombstones, m, which
 * live as long as the log.  What he may read has not changed since any
 * state that comes here: store_view.since.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/store/store_int.h"

/* What a mail's fate was, for him. */
struct sight {
	uint64_t	 id, tid;
	int		 was, is;
};
struct sights {
	struct sight	*v;
	size_t		 n;
};
struct lists {				/* answers */
	struct store_ids	 created, updated, destroyed;
};

static enum store_err	 view_boxes(struct store_txn *,
			    const struct store_fates *, struct lists *, int *);
static enum store_err	 view_mail(struct store_txn *,
			    const struct store_fates *, const uint64_t [2],
			    struct sights *);
static enum store_err	 view_one(struct store_txn *, uint64_t, int64_t,
			    const uint64_t [2], struct sight *);
static enum store_err	 view_in(struct store_txn *, uint32_t, uint64_t,
			    int64_t, const uint64_t [2], struct sight *);
static int		 view_there(struct slice, uint64_t, uint64_t,
			    const uint64_t [2], struct sight *);
static int		 view_emails(const struct sights *, struct lists *);
static enum store_err	 view_threads(struct store_txn *,
			    const struct sights *, const uint64_t [2],
			    struct lists *);
static enum store_err	 view_thread(struct store_txn *,
			    const struct sights *, const uint64_t [2],
			    uint64_t, struct lists *);
static int		 view_give(struct lists *, struct store_changes *);

enum store_err
store_view_changes(struct store_txn *txn, enum store_type type,
    uint64_t since, size_t max, struct store_changes *out)
{
	struct store_fates	 f;
	struct sights		 s = { NULL, 0 };
	uint64_t		 at[2] = { since, UINT64_MAX };
	struct lists		 l;
	enum store_err		 e;

	if (since < txn->view->since || (type != STORE_MAILBOX &&
	    type != STORE_EMAIL && type != STORE_THREAD))
		return STORE_CANNOT;
	memset(&f, 0, sizeof(f));
	memset(&l, 0, sizeof(l));
	/* a thread is for him what he sees of its mail */
	e = store_change_read(txn, type == STORE_THREAD ? STORE_EMAIL : type,
	    since, max, &f, &out->state, &out->more);
	if (out->more)
		at[1] = out->state;
	if (e == STORE_OK && type == STORE_MAILBOX)
		e = view_boxes(txn, &f, &l, &out->counts_only);
	else if (e == STORE_OK)
		e = view_mail(txn, &f, at, &s);
	if (e == STORE_OK && type == STORE_EMAIL && view_emails(&s, &l) == -1)
		e = store_fail(txn);
	if (e == STORE_OK && type == STORE_THREAD)
		e = view_threads(txn, &s, at, &l);
	if (view_give(&l, out) == -1 && e == STORE_OK)
		e = store_fail(txn);
	store_change_done(&f);
	free(s.v);
	return e;
}

/* The lists become the answer's, whatever else fails. */
static int
view_give(struct lists *l, struct store_changes *out)
{
	/* an empty list is an array, too */
	if (store_ids_add(&l->created, 0) == -1 ||
	    store_ids_add(&l->updated, 0) == -1 ||
	    store_ids_add(&l->destroyed, 0) == -1) {
		store_ids_free(&l->created);
		store_ids_free(&l->updated);
		store_ids_free(&l->destroyed);
		return -1;
	}
	out->created = l->created.v;
	out->ncreated = l->created.n - 1;
	out->updated = l->updated.v;
	out->nupdated = l->updated.n - 1;
	out->destroyed = l->destroyed.v;
	out->ndestroyed = l->destroyed.n - 1;
	if (out->nupdated == 0)
		out->counts_only = 0;
	return 0;
}

/* One that was destroyed was a new sight: it never comes here. */
static enum store_err
view_boxes(struct store_txn *txn, const struct store_fates *f,
    struct lists *l, int *counts_only)
{
	const struct store_fate	*x;
	struct store_ids	*to;

	for (x = f->v; x < f->v + f->n; x++) {
		if (store_view_rights(txn, (uint32_t)x->id) == 0 ||
		    x->last == LOG_DESTROYED)
			continue;
		to = x->first == LOG_CREATED ? &l->created : &l->updated;
		if (to == &l->updated && x->props)
			*counts_only = 0;
		if (store_ids_add(to, x->id) == -1)
			return store_fail(txn);
	}
	return STORE_OK;
}

/* --- mail ---------------------------------------------------------------- */

static enum store_err
view_mail(struct store_txn *txn, const struct store_fates *f,
    const uint64_t at[2], struct sights *s)
{
	const struct store_fate	*x;
	struct store_mail	 m;
	int64_t			 received;
	enum store_err		 e;

	if ((s->v = calloc(f->n + 1, sizeof(*s->v))) == NULL)
		return store_fail(txn);
	for (x = f->v; x < f->v + f->n; x++) {
		received = x->received;
		e = store_mail_raw(txn, STORE_EID(x->id), &m);
		if (e == STORE_OK)
			received = m.received;
		else if (e != STORE_NOTFOUND)
			return e;
		if (received == -1)
			continue;	/* came and went: later rows say so */
		if ((e = view_one(txn, x->id, received, at, &s->v[s->n])) !=
		    STORE_OK)
			return e;
		s->n++;
	}
	return STORE_OK;
}

/* Was it in sight at each of the two moments? */
static enum store_err
view_one(struct store_txn *txn, uint64_t id, int64_t received,
    const uint64_t at[2], struct sight *s)
{
	const struct store_view	*w = txn->view;
	enum store_err		 e;
	size_t			 i;

	memset(s, 0, sizeof(*s));
	s->id = id;
	for (i = 0; i < w->n && !(s->was && s->is); i++)
		if ((w->v[i].rights & STORE_MAY_READ) &&
		    (e = view_in(txn, w->v[i].mbid, id, received, at, s)) !=
		    STORE_OK)
			return e;
	return STORE_OK;
}

static enum store_err
view_in(struct store_txn *txn, uint32_t mbid, uint64_t id, int64_t received,
    const uint64_t at[2], struct sight *s)
{
	struct store_key	 key;
	struct kv_range		 r;
	struct slice		 k, v;
	enum store_err		 e;

	store_key_list(&key, 'M', mbid, received, STORE_EID(id));
	e = store_get(txn, &key, &v);
	if (e == STORE_OK && view_there(v, id, UINT64_MAX, at, s) == -1)
		return store_broken(txn, "list");
	if (e != STORE_OK && e != STORE_NOTFOUND)
		return e;
	key.b[0] = 'm';
	if ((e = store_walk(txn, &r, &key, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK)
		if (k.n != key.n + 8 || view_there(v, id, store_get64(
		    (const uint8_t *)k.p + key.n), at, s) == -1) {
			e = store_broken(txn, "list");
			break;
		}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

/* An entry that was there from its own time until it was removed. */
static int
view_there(struct slice v, uint64_t id, uint64_t removed,
    const uint64_t at[2], struct sight *s)
{
	struct store_entry	 e;

	if (store_key_entry_get(v, &e) == -1)
		return -1;
	if (e.gen != STORE_GEN(id))
		return 0;
	if (e.added <= at[0] && removed > at[0]) {
		s->was = 1;
		s->tid = e.tid;
	}
	if (e.added <= at[1] && (removed > at[1] || removed == UINT64_MAX)) {
		s->is = 1;
		s->tid = e.tid;
	}
	return 0;
}

static int
view_emails(const struct sights *s, struct lists *l)
{
	const struct sight	*x;
	struct store_ids	*to;

	for (x = s->v; x < s->v + s->n; x++) {
		if (!x->was && !x->is)
			continue;
		to = !x->is ? &l->destroyed : x->was ? &l->updated :
		    &l->created;
		if (store_ids_add(to, x->id) == -1)
			return -1;
	}
	return 0;
}

/* --- threads ------------------------------------------------------------- */

/* Those that a mail came into sight of, or left. */
static enum store_err
view_threads(struct store_txn *txn, const struct sights *s,
    const uint64_t at[2], struct lists *l)
{
	const struct sight	*x;
	struct store_ids	 tids;
	enum store_err		 e = STORE_OK;
	size_t			 i;

	memset(&tids, 0, sizeof(tids));
	for (x = s->v; x < s->v + s->n && e == STORE_OK; x++)
		if (x->was != x->is && store_ids_add(&tids, x->tid) == -1)
			e = store_fail(txn);
	store_ids_sort(&tids);
	for (i = 0; i < tids.n && e == STORE_OK; i++)
		e = view_thread(txn, s, at, tids.v[i], l);
	store_ids_free(&tids);
	return e;
}

static enum store_err
view_thread(struct store_txn *txn, const struct sights *s,
    const uint64_t at[2], uint64_t tid, struct lists *l)
{
	const struct sight	*x;
	struct store_thread	 t;
	struct store_ids	*to;
	struct sight		 one;
	enum store_err		 e;
	size_t			 i;
	int			 was = 0, is = 0;

	for (x = s->v; x < s->v + s->n; x++)
		if (x->tid == tid) {
			was |= x->was;
			is |= x->is;
		}
	e = store_thread_load(txn, tid, &t);
	for (i = 0; i < t.n && !(was && is) && e == STORE_OK; i++) {
		e = view_one(txn, t.v[i].eid << 16 | t.v[i].gen,
		    t.v[i].received, at, &one);
		was |= one.was;
		is |= one.is;
	}
	store_thread_free(&t);
	to = !is ? &l->destroyed : was ? &l->updated : &l->created;
	if (e == STORE_OK && (is || was) && store_ids_add(to, tid) == -1)
		e = store_fail(txn);
	return e;
}
