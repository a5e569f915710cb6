/* SPDX-License-Identifier: ISC */
/*
 * Email/query (RFC 8621 4.4).  Three ways, the first that fits:
 *
 *  scan	by receivedAt, conditions the mailbox index can decide (and
 *		others asked mail by mail): store_query, only the window
 *  hits	a text has to match: the mails the search index names
 *  sort	anything else: all that match, sorted
 *
 * The last two, and a scan that has to see everything anyway, leave their
 * whole result in a small cache of this process, so that the next window of
 * the same list costs nothing.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/jmap/email.h"
#include "worker/store/store_share.h"

#define QUERY_CACHE	16		/* results kept */
#define QUERY_FEW	100		/* hits that are always looked up */
#define QUERY_CACHE_IDS	(1U << 20)	/* ids of all of them, and of one */

struct entry {			/* a result that was found before */
	uint8_t		*key;
	size_t		 nkey;
	uint64_t	*ids;
	size_t		 n;
	uint64_t	 used;		/* by the clock below */
};
struct hit {
	uint64_t	 id, tid;
	int64_t		 received;
};
struct tids {			/* an open-addressed set */
	uint64_t	*v;
	size_t		 cap;
};

static struct entry	cache[QUERY_CACHE];
static size_t		cached;		/* ids in it */
static uint64_t		clock_;

static const struct jmap_error *query_sort(struct jmap_query *,
		    struct email_query *);
static void	query_state(struct jmap_query *, struct email_query *);
static int	query_few(struct jmap_query *, struct email_query *);
static const struct jmap_error *query_scan(struct jmap_query *,
		    struct email_query *);
static const struct jmap_error *query_tail(struct jmap_query *,
		    struct email_query *, size_t *);
static int	query_whole(struct jmap_query *, struct email_query *);
static int	query_hits(struct jmap_query *, struct email_query *);
static int	query_hit(struct email_query *, struct store_txn *, uint64_t,
		    struct hit *);
static void	query_hits_take(struct email_query *, struct hit *, size_t);
static int	hit_cmp(const void *, const void *);
static int	hit_cmp_up(const void *, const void *);
static int	tids_new(struct tids *, size_t);
static int	tids_add(struct tids *, uint64_t);
static const struct jmap_error *query_why(struct jmap_query *,
		    struct email_query *);
static const char *query_id(struct jmap_query *, size_t);
static size_t	query_find(struct jmap_query *, const char *);
static void	cache_key(struct jmap_query *, struct buf *);
static void	cache_filter(struct buf *, const struct jmap_filter *);
static struct entry *cache_find(const struct buf *);
static struct entry *cache_put(const struct buf *, const uint64_t *, size_t);
static void	cache_drop(struct entry *);

const struct jmap_error *
email_query_args(struct jmap_query *q, struct js_rd *rd)
{
	js_rd_bool(rd, "collapseThreads", &q->collapse);
	return NULL;
}

const struct jmap_error *
email_query(struct jmap_query *q)
{
	const struct jmap_error	*err;

	if ((err = email_query_plan(q)) == NULL)
		err = email_query_run(q);
	email_query_done(q);
	return err;
}

/* --- what to do ---------------------------------------------------------- */

const struct jmap_error *
email_query_plan(struct jmap_query *q)
{
	const struct jmap_error	*err;
	struct email_query	*eq;

	if ((eq = arena_get(&q->c->req->arena, sizeof(*eq))) == NULL)
		return &jmap_error_server_fail;
	q->arg = eq;
	q->id = query_id;
	q->find = query_find;
	eq->found = UINT64_MAX;
	if ((err = email_match_init(&eq->match, q->c, q->filter,
	    &eq->sq)) != NULL || (err = query_sort(q, eq)) != NULL)
		return err;
	eq->sq.collapse = q->collapse;
	query_state(q, eq);
	return NULL;
}

void
email_query_done(struct jmap_query *q)
{
	struct email_query	*eq = q->arg;

	if (eq == NULL)
		return;
	email_match_free(&eq->match);
	store_ids_free(&eq->own);
}

static const struct jmap_error *
query_sort(struct jmap_query *q, struct email_query *eq)
{
	const struct jmap_sort	*s;
	struct store_order	*o;
	size_t			 i;

	for (i = 0; i < q->nsort && i < nitems(eq->order); i++) {
		s = &q->sort[i];
		o = &eq->order[eq->norder++];
		o->by = (enum store_sort)s->order->code;
		o->descending = s->desc;
		o->slot = -1;
		if (email_collate(q->c, s->collation, o) == -1)
			return jmap_api_lost(q->c);
		if (!(s->order->flags & JQ_KEYWORD))
			continue;
		if (s->keyword == NULL)
			return jmap_error_say(q->c,
			    &jmap_error_unsupported_sort,
			    "sort/%zu: keyword is missing", i);
		o->slot = store_keyword(q->c->txn, s->keyword,
		    strlen(s->keyword));
		eq->match.uses |= o->by == STORE_BY_KEYWORD ?
		    EMAIL_USES_KEYWORD : EMAIL_USES_THREAD;
	}
	/* no sort: the order is ours to choose */
	eq->indexed = eq->norder == 0 || (eq->norder == 1 &&
	    eq->order[0].by == STORE_BY_RECEIVED);
	eq->sq.ascending = eq->norder == 1 && !eq->order[0].descending;
	return NULL;
}

/*
 * The state of a list of one mailbox grows only when that mailbox's list or
 * the keywords of its mails change.
 */
static void
query_state(struct jmap_query *q, struct email_query *eq)
{
	struct store_mailbox	 mb;
	unsigned		 uses = eq->match.uses;

	q->state = store_state(q->c->txn, STORE_EMAIL);
	/* the scan took one mailbox out of the filter: is there another? */
	eq->local = eq->sq.mailbox != 0 && eq->match.boxes == 0 &&
	    !(uses & EMAIL_USES_THREAD) &&
	    store_mailbox_get(q->c->txn, eq->sq.mailbox, &mb) == STORE_OK;
	if (eq->local)
		q->state = mb.emails;
	/* no state of before he saw it */
	if (q->state < store_view_since(q->c->txn))
		q->state = store_view_since(q->c->txn);
	/* all mail of a sharee is no list of the index */
	eq->exact = eq->indexed && !eq->match.rest && !eq->match.empty &&
	    !eq->match.driven &&
	    (eq->local || (eq->sq.mailbox == 0 &&
	    store_view_who(q->c->txn) == 0));
	q->can_changes = 1;		/* else from the log: email_moved.c */
}

/* --- the three ways ------------------------------------------------------ */

const struct jmap_error *
email_query_run(struct jmap_query *q)
{
	struct email_query	*eq = q->arg;

	if (eq->match.empty) {
		q->total_set = 1;
		return NULL;
	}
	if (eq->indexed && !query_few(q, eq) &&
	    (!eq->match.rest || (!q->calc_total && q->need != SIZE_MAX)))
		return query_scan(q, eq);
	return email_query_all(q);
}

/*
 * Does the search index leave so few that it is cheaper to look each up than
 * to pass over the list?  An entry of it costs a sixteenth of a lookup; the
 * list is left when the window is full, on the average after need * mails /
 * hits of them, and what is read for the rest of the filter costs most.
 */
static int
query_few(struct jmap_query *q, struct email_query *eq)
{
	uint64_t	 mails, bytes, n = eq->match.only.n;

	if (!eq->match.driven)
		return 0;
	store_usage(q->c->txn, &mails, &bytes);
	if (q->calc_total || q->need >= mails)
		return n < mails / 16 + QUERY_FEW;
	if (eq->match.rest)
		return n <= q->need;
	return n < QUERY_FEW || n < q->need * mails / 16 / n;
}

static const struct jmap_error *
query_scan(struct jmap_query *q, struct email_query *eq)
{
	const struct jmap_error	*err;
	size_t			 need = q->need;
	uint64_t		 total = 0;
	uint64_t		*copy;
	int			 count = q->calc_total;

	if ((err = query_tail(q, eq, &need)) != NULL)
		return err;
	if (jmap_api_store(q->c, store_query(q->c->txn, &eq->sq, 0, need,
	    &eq->own, count ? &total : NULL)) != 1)
		return query_why(q, eq);
	if ((copy = arena_array(&q->c->req->arena, eq->own.n + 1,
	    sizeof(*copy))) == NULL)
		return &jmap_error_server_fail;
	if (eq->own.n > 0)
		memcpy(copy, eq->own.v, eq->own.n * sizeof(*copy));
	eq->ids = copy;
	q->n = eq->nids = eq->own.n;
	q->total = total;
	q->total_set = count;
	return NULL;
}

/* An anchor is found by the index: read no further than its window. */
static const struct jmap_error *
query_tail(struct jmap_query *q, struct email_query *eq, size_t *need)
{
	enum store_err	 err;
	uint64_t	 id, pos;

	if (q->anchor == NULL || eq->match.rest)
		return NULL;
	*need = 0;
	if (store_id_mail_get(q->anchor, strlen(q->anchor), &id) == -1)
		return NULL;
	err = store_query_find(q->c->txn, &eq->sq, id, &pos);
	if (err == STORE_NOTFOUND)
		return NULL;
	if (jmap_api_store(q->c, err) != 1)
		return jmap_api_lost(q->c);
	eq->found = pos;
	*need = (size_t)pos + 1 + (size_t)q->limit;
	if (q->anchor_offset > 0)
		*need += q->anchor_offset < INT32_MAX ?
		    (size_t)q->anchor_offset : INT32_MAX;
	return NULL;
}

const struct jmap_error *
email_query_all(struct jmap_query *q)
{
	const struct jmap_error	*err = NULL;
	struct email_query	*eq = q->arg;
	struct entry		*e;
	struct buf		 key;
	uint64_t		*copy;

	buf_init(&key, 1 << 20);
	cache_key(q, &key);
	if ((e = cache_find(&key)) == NULL) {
		if (query_whole(q, eq) == -1) {
			err = query_why(q, eq);
			goto done;
		}
		e = cache_put(&key, eq->own.v, eq->own.n);
	}
	if (e != NULL) {
		eq->ids = e->ids;
		eq->nids = e->n;
	} else {
		eq->nids = eq->own.n;
		if ((copy = arena_array(&q->c->req->arena, eq->own.n + 1,
		    sizeof(*copy))) == NULL)
			err = &jmap_error_server_fail;
		else if (eq->own.n > 0)
			memcpy(copy, eq->own.v, eq->own.n * sizeof(*copy));
		eq->ids = copy;
	}
	q->n = q->total = eq->nids;
	q->total_set = 1;
done:
	buf_free(&key);
	return err;
}

static int
query_whole(struct jmap_query *q, struct email_query *eq)
{
	enum store_err	 err;

	if (eq->match.empty)
		return 0;
	if (eq->indexed && query_few(q, eq))
		return query_hits(q, eq);
	if (eq->indexed)
		err = store_query(q->c->txn, &eq->sq, 0, SIZE_MAX, &eq->own,
		    NULL);
	else
		err = store_query_sorted(q->c->txn, &eq->sq, eq->order,
		    eq->norder, &eq->own);
	return jmap_api_store(q->c, err) == 1 ? 0 : -1;
}

/* Why a query failed: its own time limit, or the store. */
static const struct jmap_error *
query_why(struct jmap_query *q, struct email_query *eq)
{
	if (eq->match.spent) {
		q->c->store_err = STORE_OK;
		return jmap_error_say(q->c, &jmap_error_unsupported_filter,
		    "this filter takes too long on so much mail");
	}
	return jmap_api_lost(q->c);
}

static int
query_hits(struct jmap_query *q, struct email_query *eq)
{
	const struct store_ids	*d = &eq->match.only;
	struct hit		*h;
	size_t			 i, n = 0;
	int			 ret = -1, r = 0;

	if ((h = calloc(d->n + 1, sizeof(*h))) == NULL)
		return -1;
	for (i = 0; i < d->n && r != -1; i++)
		if ((r = query_hit(eq, q->c->txn, d->v[i], &h[n])) == 1)
			n++;
	if (r == -1)
		goto done;
	qsort(h, n, sizeof(*h), eq->sq.ascending ? hit_cmp_up : hit_cmp);
	if ((eq->own.v = calloc(n + 1, sizeof(*eq->own.v))) == NULL)
		goto done;
	eq->own.cap = n + 1;
	query_hits_take(eq, h, n);
	ret = eq->own.n == 0 && n > 0 ? -1 : 0;
done:
	free(h);
	return ret;
}

/* 1 if the mail is there and matches the rest of the filter. */
static int
query_hit(struct email_query *eq, struct store_txn *txn, uint64_t eid,
    struct hit *h)
{
	const struct store_query	*sq = &eq->sq;
	struct store_mail		 mail;
	enum store_err			 err;

	if ((err = store_mail_eid(txn, eid, &mail)) == STORE_NOTFOUND)
		return 0;
	if (jmap_api_store(eq->match.c, err) != 1)
		return -1;
	if ((sq->mailbox != 0 && !store_mail_in(&mail, sq->mailbox)) ||
	    (mail.kw & sq->all) != sq->all || (mail.kw & sq->none) != 0 ||
	    mail.received < sq->after ||
	    (sq->before != 0 && mail.received >= sq->before))
		return 0;
	h->id = mail.id;
	h->tid = mail.tid;
	h->received = mail.received;
	return email_match_fn(&eq->match, txn, &mail);
}

static void
query_hits_take(struct email_query *eq, struct hit *h, size_t n)
{
	struct tids	 seen = { NULL, 0 };
	size_t		 i;

	if (eq->sq.collapse && tids_new(&seen, n) == -1)
		return;
	for (i = 0; i < n; i++)
		if (!eq->sq.collapse || tids_add(&seen, h[i].tid))
			eq->own.v[eq->own.n++] = h[i].id;
	if (eq->sq.collapse)
		free(seen.v);
}

/* Newest first; of one moment the order of the index. */
static int
hit_cmp(const void *a, const void *b)
{
	const struct hit	*x = a, *y = b;

	if (x->received != y->received)
		return x->received > y->received ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int
hit_cmp_up(const void *a, const void *b)
{
	return hit_cmp(b, a);
}

static int
tids_new(struct tids *t, size_t n)
{
	for (t->cap = 16; t->cap < 2 * n; t->cap *= 2)
		;
	t->v = calloc(t->cap, sizeof(*t->v));
	return t->v == NULL ? -1 : 0;
}

/* 1 if it is new.  Thread numbers are never 0. */
static int
tids_add(struct tids *t, uint64_t tid)
{
	size_t	 i = (size_t)(tid * 0x9e3779b97f4a7c15ULL >> 20);

	for (i &= t->cap - 1; t->v[i] != 0; i = (i + 1) & (t->cap - 1))
		if (t->v[i] == tid)
			return 0;
	t->v[i] = tid;
	return 1;
}

/* --- what the framework asks --------------------------------------------- */

static const char *
query_id(struct jmap_query *q, size_t i)
{
	struct email_query	*eq = q->arg;
	static char		 id[STORE_IDLEN];

	store_id_mail(eq->ids[i], id);
	return id;
}

static size_t
query_find(struct jmap_query *q, const char *text)
{
	struct email_query	*eq = q->arg;
	uint64_t		 id;
	size_t			 i;

	if (store_id_mail_get(text, strlen(text), &id) == -1)
		return SIZE_MAX;
	if (eq->found < eq->nids && eq->ids[eq->found] == id)
		return (size_t)eq->found;
	for (i = 0; i < eq->nids; i++)
		if (eq->ids[i] == id)
			return i;
	return SIZE_MAX;
}

/* --- the cache ----------------------------------------------------------- */

/* Everything a result depends on, as bytes. */
static void
cache_key(struct jmap_query *q, struct buf *b)
{
	const struct store_mailbox	*mb;
	size_t				 i, n;

	buf_adds(b, q->c->account);
	buf_addc(b, 0);
	buf_be64(b, store_view_who(q->c->txn));
	/* an account that was deleted and made again is another one */
	if (store_mailbox_all(q->c->txn, &mb, &n) == STORE_OK && n > 0)
		buf_be32(b, mb[0].uidvalidity);
	buf_be64(b, q->state);
	buf_addc(b, q->collapse != 0);
	for (i = 0; i < q->nsort; i++) {
		buf_addc(b, q->sort[i].order->code + 1);
		buf_addc(b, q->sort[i].desc != 0);
		if (q->sort[i].keyword != NULL)
			buf_adds(b, q->sort[i].keyword);
		buf_addc(b, 0);
		if (q->sort[i].collation != NULL)
			buf_adds(b, q->sort[i].collation);
		buf_addc(b, 0);
	}
	buf_addc(b, 0);
	if (q->filter != NULL)
		cache_filter(b, q->filter);
}

/* Depth: jmap_query.c bounds the filter's. */
static void
cache_filter(struct buf *b, const struct jmap_filter *f)
{
	const struct jmap_filter_term	*t;
	size_t				 i;

	buf_addf(b, "%d:%zu:%zu(", (int)f->op, f->nterms, f->nkids);
	for (i = 0; i < f->nterms; i++) {
		t = &f->terms[i];
		buf_addf(b, "%s=", t->cond->name);
		if (t->str != NULL)
			buf_add(b, t->str, strlen(t->str) + 1);
		else
			js_out_val(b, t->val);
		buf_addc(b, 0);
	}
	for (i = 0; i < f->nkids; i++)
		cache_filter(b, &f->kids[i]);
	buf_addc(b, ')');
}

static struct entry *
cache_find(const struct buf *key)
{
	struct entry	*e;

	for (e = cache; e < cache + QUERY_CACHE; e++)
		if (e->key != NULL && e->nkey == key->len && !buf_bad(key) &&
		    memcmp(e->key, key->data, key->len) == 0) {
			e->used = ++clock_;
			return e;
		}
	return NULL;
}

/* NULL when it is too large to be kept, or there is no memory. */
static struct entry *
cache_put(const struct buf *key, const uint64_t *ids, size_t n)
{
	struct entry	*e, *old;

	if (n > QUERY_CACHE_IDS / 4 || buf_bad(key))
		return NULL;
	do {
		old = &cache[0];
		for (e = cache; e < cache + QUERY_CACHE; e++)
			if (e->used < old->used)
				old = e;
		if (old->key != NULL)
			cache_drop(old);
		else if (cached + n > QUERY_CACHE_IDS)
			for (e = cache; e < cache + QUERY_CACHE; e++)
				if (e->key != NULL)
					cache_drop(e);
	} while (cached + n > QUERY_CACHE_IDS);
	old->ids = calloc(n + 1, sizeof(*ids));
	old->key = malloc(key->len);
	if (old->ids == NULL || old->key == NULL) {
		cache_drop(old);
		return NULL;
	}
	if (n > 0)
		memcpy(old->ids, ids, n * sizeof(*ids));
	memcpy(old->key, key->data, key->len);
	old->nkey = key->len;
	old->n = n;
	old->used = ++clock_;
	cached += n;
	return old;
}

static void
cache_drop(struct entry *e)
{
	if (e->key != NULL && e->ids != NULL)
		cached -= e->n;
	free(e->key);
	free(e->ids);
	memset(e, 0, sizeof(*e));
}
