/* SPDX-License-Identifier: ISC */
/*
 * Email/queryChanges (RFC 8621 4.5, RFC 8620 5.6).  For a list by receivedAt
 * whose conditions the mailbox index holds, the answer is exact: the index
 * with its tombstones says of each entry whether it was there then and is
 * there now.  Other lists are email_moved.c's.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/jmap/email.h"
#include "worker/store/store_share.h"

#define DELTA_MAX	(8U << 20)	/* entries of a list walked backward */

enum { T_TOUCHED = 1, T_OLD = 2, T_NEW = 4, T_GONE = 8 }; /* of a thread */
enum was { WAS_NOT, WAS_MAYBE, WAS };

struct threads {		/* open-addressed, tid -> T_ bits */
	uint64_t	*tid;
	uint8_t		*bits;
	size_t		 n, cap;
};
struct delta {
	struct jmap_query	*q;
	struct email_query	*eq;
	struct threads		 threads;
	struct store_delta	*list;		/* ascending: kept, turned */
	size_t			 nlist, caplist;
	uint64_t		 up_to;		/* mail id, 0 none */
	size_t			 cut_added, cut_removed;
	int			 cut;		/* up_to was met */
	int			 changed;	/* anything at all */
	int			 keywords;	/* the filter asks for some */
	uint64_t		 index;
	uint64_t		 last;		/* id last put in removed */
	size_t			 cap_at;
	int			 failed;
};

static const struct jmap_error *delta_exact(struct jmap_query *);
static const struct jmap_error *delta_none(struct jmap_query *);
static const struct jmap_error *delta_threads(struct delta *);
static int	delta_changed(const struct delta *, const struct store_delta *);
static int	delta_touch(void *, const struct store_delta *);
static int	delta_each(void *, const struct store_delta *);
static int	delta_keep(void *, const struct store_delta *);
static const struct jmap_error *delta_walk(struct delta *);
static int	delta_plain(struct delta *, const struct store_delta *,
		    enum was, int);
static int	delta_thread(struct delta *, const struct store_delta *,
		    enum was, int);
static int	delta_fits(const struct delta *, const struct store_delta *);
static enum was	delta_was(const struct delta *, const struct store_delta *);
static int	delta_add(struct delta *, uint64_t, uint64_t);
static int	delta_remove(struct delta *, uint64_t);
static uint8_t *threads_at(struct threads *, uint64_t);
static int	threads_grow(struct threads *);

const struct jmap_error *
email_delta(struct jmap_query *q)
{
	const struct jmap_error	*err;
	struct email_query	*eq;

	if ((err = email_query_plan(q)) == NULL) {
		eq = q->arg;
		if (q->since >= q->state &&
		    q->since <= store_modseq(q->c->txn))
			err = delta_none(q);
		else if (eq->exact)
			err = delta_exact(q);
		else
			err = email_moved(q);
	}
	email_query_done(q);
	return err;
}

/* Nothing happened to this list, however old that state is: the log need not
 * reach back to it. */
static const struct jmap_error *
delta_none(struct jmap_query *q)
{
	q->need = 0;
	return q->calc_total ? email_query_run(q) : NULL;
}

/* --- exact --------------------------------------------------------------- */

static const struct jmap_error *
delta_exact(struct jmap_query *q)
{
	const struct jmap_error	*e = NULL;
	struct delta		 d;
	enum store_err		 err;

	memset(&d, 0, sizeof(d));
	d.q = q;
	d.eq = q->arg;
	d.keywords = (d.eq->sq.all | d.eq->sq.none) != 0;
	if (q->up_to != NULL && !d.keywords && store_id_mail_get(q->up_to,
	    strlen(q->up_to), &d.up_to) == -1)
		d.up_to = 0;
	q->up_to = NULL;	/* seen to here */
	if (q->collapse && store_view_who(q->c->txn) == 0)
		e = delta_threads(&d);
	else {
		err = store_query_delta(q->c->txn, d.eq->sq.mailbox, q->since,
		    delta_touch, &d);
		if (err == STORE_CANNOT)
			e = &jmap_error_cannot_calculate_changes;
		else if (jmap_api_store(q->c, err) != 1 || d.failed)
			e = jmap_api_lost(q->c);
	}
	if (e == NULL)
		e = delta_walk(&d);
	free(d.threads.tid);
	free(d.threads.bits);
	free(d.list);
	return e;
}

/* Which threads have a change, by the log: far shorter than the list. */
static const struct jmap_error *
delta_threads(struct delta *d)
{
	const struct jmap_error	*e;
	uint64_t		*tid = NULL;
	uint8_t			*bits;
	size_t			 i, n = 0;

	e = email_moved_threads(d->q, &tid, &n);
	for (i = 0; e == NULL && i < n; i++)
		if ((bits = threads_at(&d->threads, tid[i])) == NULL)
			e = jmap_api_lost(d->q->c);
		else
			*bits |= T_TOUCHED;
	d->changed = 1;
	free(tid);
	return e;
}

/* The same by the list itself: for all others it is as it was. */
static int
delta_touch(void *arg, const struct store_delta *e)
{
	struct delta	*d = arg;
	uint8_t		*bits;

	if (!delta_changed(d, e))
		return 0;
	d->changed = 1;
	if (!d->eq->sq.collapse)
		return 1;		/* that is all there is to know */
	if ((bits = threads_at(&d->threads, e->tid)) == NULL)
		return d->failed = 1;
	*bits |= T_TOUCHED;
	return 0;
}

static int
delta_changed(const struct delta *d, const struct store_delta *e)
{
	uint64_t	 since = d->q->since;

	return e->added > since || e->removed > since ||
	    (d->keywords && e->modseq > since);
}

static const struct jmap_error *
delta_walk(struct delta *d)
{
	struct jmap_query	*q = d->q;
	enum store_err		 err = STORE_OK;
	size_t			 i;

	if (d->changed || q->calc_total) {
		err = store_query_walk(q->c->txn, d->eq->sq.mailbox,
		    d->eq->sq.ascending ? delta_keep : delta_each, d);
		if (jmap_api_store(q->c, err) != 1)
			return jmap_api_lost(q->c);
	}
	for (i = d->nlist; i-- > 0 && !d->failed;)
		if (delta_each(d, &d->list[i]))
			break;
	if (d->failed)
		return jmap_api_lost(q->c);
	if (d->cut) {
		q->added.n = d->cut_added;
		q->removed.n = d->cut_removed;
	}
	q->total = d->index;
	q->total_set = 1;
	return NULL;
}

static int
delta_keep(void *arg, const struct store_delta *e)
{
	struct delta		*d = arg;
	struct store_delta	*v;
	size_t			 cap;

	if (d->nlist == d->caplist) {
		cap = d->caplist == 0 ? 1024 : 2 * d->caplist;
		if (cap > DELTA_MAX || (v = reallocarray(d->list, cap,
		    sizeof(*v))) == NULL)
			return d->failed = 1;
		d->list = v;
		d->caplist = cap;
	}
	d->list[d->nlist++] = *e;
	return 0;
}

/* One entry, in the order of the list.  Nonzero ends the walk. */
static int
delta_each(void *arg, const struct store_delta *e)
{
	struct delta	*d = arg;
	enum was	 was = delta_was(d, e);
	int		 now, there;

	now = e->removed == 0 && delta_fits(d, e);
	there = d->eq->sq.collapse ? delta_thread(d, e, was, now) :
	    delta_plain(d, e, was, now);
	if (there == -1)
		return d->failed = 1;
	if (there == 1 && e->id == d->up_to && !d->cut) {
		d->cut = 1;
		d->cut_added = d->q->added.n;
		d->cut_removed = d->q->removed.n;
	}
	return d->cut && !d->q->calc_total;
}

/* 1 if the entry is in the list now, 0 if not, -1. */
static int
delta_plain(struct delta *d, const struct store_delta *e, enum was was,
    int now)
{
	if ((was == WAS_MAYBE || (was == WAS && !now)) &&
	    delta_remove(d, e->id) == -1)
		return -1;
	if (!now)
		return 0;
	if (was != WAS && delta_add(d, e->id, d->index) == -1)
		return -1;
	d->index++;
	return 1;
}

/*
 * With collapsed threads each thread shows its first mail.  Of a thread that
 * was touched the one shown then and the one shown now may differ; those
 * before the former that may have been in the list are removed, too.
 */
static int
delta_thread(struct delta *d, const struct store_delta *e, enum was was,
    int now)
{
	uint8_t	*bits;
	int	 same = 0;

	if (was == WAS_NOT && !now)
		return 0;
	if ((bits = threads_at(&d->threads, e->tid)) == NULL)
		return -1;
	/* the log is silent of a thread that came and went since, and a
	 * list's state may lie before its mail's thread was noted */
	if (delta_changed(d, e))
		*bits |= T_TOUCHED;
	if ((*bits & T_TOUCHED) && !(*bits & T_OLD) && was != WAS_NOT) {
		same = was == WAS && now && !(*bits & (T_NEW | T_GONE));
		if (was == WAS)
			*bits |= T_OLD;
		if (!same && delta_remove(d, e->id) == -1)
			return -1;
		if (!same)
			*bits |= T_GONE;
	}
	if (!now || (*bits & T_NEW))
		return 0;
	if ((*bits & T_TOUCHED) && !same &&
	    delta_add(d, e->id, d->index) == -1)
		return -1;
	*bits |= T_NEW;
	d->index++;
	return 1;
}

/* Does it match the filter, as it is (or was when it left)? */
static int
delta_fits(const struct delta *d, const struct store_delta *e)
{
	const struct store_query	*sq = &d->eq->sq;

	return (e->kw & sq->all) == sq->all && (e->kw & sq->none) == 0 &&
	    e->received >= sq->after &&
	    (sq->before == 0 || e->received < sq->before);
}

/* Was it in the list then? */
static enum was
delta_was(const struct delta *d, const struct store_delta *e)
{
	uint64_t	 since = d->q->since;

	if (e->added > since || (e->removed != 0 && e->removed <= since))
		return WAS_NOT;
	/* the index does not keep the keywords of then */
	if (d->keywords && e->modseq > since)
		return WAS_MAYBE;
	return delta_fits(d, e) ? WAS : WAS_NOT;
}

static int
delta_remove(struct delta *d, uint64_t id)
{
	if (id == d->last)	/* it came and left more than once */
		return 0;
	d->last = id;
	return jmap_ids_put(d->q->c->req, d->q->type, &id, 1, &d->q->removed);
}

static int
delta_add(struct delta *d, uint64_t id, uint64_t at)
{
	struct jmap_query	*q = d->q;
	size_t			*v, cap;

	if (q->added.n == d->cap_at) {
		cap = d->cap_at == 0 ? 64 : 2 * d->cap_at;
		if ((v = arena_array(&q->c->req->arena, cap,
		    sizeof(*v))) == NULL)
			return -1;
		if (q->added.n > 0)
			memcpy(v, q->added_at, q->added.n * sizeof(*v));
		q->added_at = v;
		d->cap_at = cap;
	}
	return jmap_query_added(q, (size_t)at, id);
}

/* The bits of a thread, made 0 if it is new.  NULL without memory. */
static uint8_t *
threads_at(struct threads *t, uint64_t tid)
{
	size_t	 i;

	if (2 * t->n >= t->cap && threads_grow(t) == -1)
		return NULL;
	i = (size_t)(tid * 0x9e3779b97f4a7c15ULL >> 20);
	for (i &= t->cap - 1; t->tid[i] != 0; i = (i + 1) & (t->cap - 1))
		if (t->tid[i] == tid)
			return &t->bits[i];
	t->tid[i] = tid;
	t->n++;
	return &t->bits[i];
}

static int
threads_grow(struct threads *t)
{
	struct threads	 new = { NULL, NULL, 0, 0 };
	size_t		 i;

	new.cap = t->cap == 0 ? 256 : 2 * t->cap;
	new.tid = calloc(new.cap, sizeof(*new.tid));
	new.bits = calloc(new.cap, sizeof(*new.bits));
	if (new.tid == NULL || new.bits == NULL) {
		free(new.tid);
		free(new.bits);
		return -1;
	}
	for (i = 0; i < t->cap; i++)
		if (t->tid[i] != 0)	/* at most half full: no growing */
			*threads_at(&new, t->tid[i]) = t->bits[i];
	free(t->tid);
	free(t->bits);
	*t = new;
	return 0;
}
