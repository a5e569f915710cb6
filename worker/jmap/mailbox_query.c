/* SPDX-License-Identifier: ISC */
/*
 * Mailbox/query and /queryChanges (RFC 8621 2.3, 2.4).  All mailboxes of
 * the account are looked at: there are few.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/jmap/jmap.h"
#include "worker/jmap/mailbox.h"

struct query_tree {			/* q->arg */
	int			 sort, filter;	/* sortAsTree, filterAsTree */
	int			 all;	/* a change moved all of the tree */
	struct mailbox_row	*row;	/* all, by id */
	size_t			 nrow;
	struct mailbox_row	**hit;	/* the result, in order */
};

static const struct jmap_error	*query_load(struct jmap_query *);
static struct mailbox_row	*query_row(struct query_tree *, uint32_t);
static void	query_link(struct query_tree *);
static int	query_passes(struct jmap_query *, struct mailbox_row *);
static int	query_cmp(const void *, const void *);
static int	query_cmp_tree(const struct mailbox_row *,
		    const struct mailbox_row *);
static int	query_cmp_flat(const struct mailbox_row *,
		    const struct mailbox_row *);
static const char	*query_id(struct jmap_query *, size_t);
static size_t	query_find(struct jmap_query *, const char *);
static int	query_delta(struct jmap_query *, const struct store_changes *);
static int	query_changed(const struct query_tree *, uint64_t,
		    const struct store_changes *);
static int	query_moved(struct jmap_query *, const struct mailbox_row *);

const struct jmap_error *
mailbox_query_args(struct jmap_query *q, struct js_rd *rd)
{
	struct query_tree	*t;

	if ((t = arena_get(&q->c->req->arena, sizeof(*t))) == NULL)
		return jmap_api_lost(q->c);
	js_rd_bool(rd, "sortAsTree", &t->sort);
	js_rd_bool(rd, "filterAsTree", &t->filter);
	q->arg = t;
	return NULL;
}

const struct jmap_error *
mailbox_query(struct jmap_query *q)
{
	const struct jmap_error	*e;
	struct query_tree	*t = q->arg;
	size_t			 i;

	if ((e = query_load(q)) != NULL)
		return e;
	query_link(t);
	for (i = 0; i < t->nrow; i++)
		t->row[i].in = jmap_query_match(q, q->filter, &t->row[i]);
	for (i = 0; i < t->nrow; i++)
		if (query_passes(q, &t->row[i]))
			t->hit[q->n++] = &t->row[i];
	qsort(t->hit, q->n, sizeof(*t->hit), query_cmp);
	q->state = store_state(q->c->txn, STORE_MAILBOX);
	q->can_changes = 1;
	q->id = query_id;
	q->find = query_find;
	return NULL;
}

const struct jmap_error *
mailbox_query_changes(struct jmap_query *q)
{
	const struct jmap_error	*e;
	struct store_changes	 sc;

	if ((e = mailbox_query(q)) != NULL)
		return e;
	e = jmap_changes_read(q->c, STORE_MAILBOX, q->since, 0, &sc);
	if (e == NULL && query_delta(q, &sc) == -1)
		e = jmap_api_lost(q->c);
	store_changes_free(&sc);
	return e;
}

static const struct jmap_error *
query_load(struct jmap_query *q)
{
	const struct store_mailbox	*m;
	struct jmap_req			*r = q->c->req;
	struct query_tree		*t = q->arg;
	const char			*collation = NULL;
	size_t				 i;

	for (i = 0; i < q->nsort; i++)
		if (collation == NULL)
			collation = q->sort[i].collation;
	if (jmap_api_store(q->c, store_mailbox_all(q->c->txn, &m,
	    &t->nrow)) != 1)
		return jmap_api_lost(q->c);
	t->row = arena_array(&r->arena, t->nrow + 1, sizeof(*t->row));
	t->hit = arena_array(&r->arena, t->nrow + 1, sizeof(*t->hit));
	if (t->row == NULL || t->hit == NULL)
		return jmap_api_lost(q->c);
	for (i = 0; i < t->nrow; i++) {
		t->row[i].m = &m[i];
		t->row[i].q = q;
		t->row[i].key = jmap_collate_key(&r->arena, collation,
		    m[i].name);
		t->row[i].fold = jmap_collate_key(&r->arena, NULL, m[i].name);
		if (t->row[i].key == NULL || t->row[i].fold == NULL)
			return jmap_api_lost(q->c);
	}
	return NULL;
}

static struct mailbox_row *
query_row(struct query_tree *t, uint32_t id)
{
	size_t	 lo = 0, hi = t->nrow, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (t->row[mid].m->id == id)
			return &t->row[mid];
		if (id < t->row[mid].m->id)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* Parents and depths.  The store keeps it a forest; a ring would end here
 * anyway, at the number of rows. */
static void
query_link(struct query_tree *t)
{
	struct mailbox_row	*r;
	size_t			 i;

	for (i = 0; i < t->nrow; i++)
		if (t->row[i].m->parent != 0)
			t->row[i].up = query_row(t, t->row[i].m->parent);
	for (i = 0; i < t->nrow; i++)
		for (r = t->row[i].up; r != NULL &&
		    t->row[i].depth < t->nrow; r = r->up)
			t->row[i].depth++;
}

/* filterAsTree: only with all its ancestors. */
static int
query_passes(struct jmap_query *q, struct mailbox_row *row)
{
	struct query_tree	*t = q->arg;
	struct mailbox_row	*r;

	if (!t->filter)
		return row->in;
	for (r = row; r != NULL; r = r->up)
		if (!r->in)
			return 0;
	return 1;
}

static int
query_cmp(const void *va, const void *vb)
{
	const struct mailbox_row	*a = *(struct mailbox_row *const *)va;
	const struct mailbox_row	*b = *(struct mailbox_row *const *)vb;
	const struct query_tree		*t = a->q->arg;

	return t->sort ? query_cmp_tree(a, b) : query_cmp_flat(a, b);
}

/* RFC 8621 2.3 sortAsTree: an ancestor first, else as the nearest ancestors
 * that are siblings. */
static int
query_cmp_tree(const struct mailbox_row *a, const struct mailbox_row *b)
{
	const struct mailbox_row	*x = a, *y = b;

	while (x->depth > y->depth)
		x = x->up;
	while (y->depth > x->depth)
		y = y->up;
	if (x == y)
		return a->depth < b->depth ? -1 : a->depth > b->depth;
	while (x->up != y->up) {
		x = x->up;
		y = y->up;
	}
	return query_cmp_flat(x, y);
}

static int
query_cmp_flat(const struct mailbox_row *a, const struct mailbox_row *b)
{
	int	 cmp = jmap_query_cmp(a->q, a, b);

	if (cmp != 0)
		return cmp;
	return a->m->id < b->m->id ? -1 : a->m->id > b->m->id;
}

static const char *
query_id(struct jmap_query *q, size_t i)
{
	struct query_tree	*t = q->arg;
	char			 id[STORE_IDLEN];
	size_t			 n;

	n = store_id_mailbox(t->hit[i]->m->id, id);
	return arena_dup(&q->c->req->arena, id, n);
}

static size_t
query_find(struct jmap_query *q, const char *text)
{
	struct query_tree	*t = q->arg;
	uint32_t		 id;
	size_t			 i;

	if (store_id_mailbox_get(text, strlen(text), &id) == -1)
		return SIZE_MAX;
	for (i = 0; i < q->n; i++)
		if (t->hit[i]->m->id == id)
			return i;
	return SIZE_MAX;
}

/* --- queryChanges ------------------------------------------------------ */

static int
query_delta(struct jmap_query *q, const struct store_changes *sc)
{
	struct query_tree	*t = q->arg;
	uint64_t		 id;
	size_t			 i;

	t->all = (t->sort || t->filter) && query_changed(t, q->since, sc);
	if (jmap_ids_put(q->c->req, q->type, sc->destroyed, sc->ndestroyed,
	    &q->removed) == -1)
		return -1;
	for (i = 0; i < t->nrow; i++) {
		if (t->row[i].m->created > q->since ||
		    !query_moved(q, &t->row[i]))
			continue;
		id = t->row[i].m->id;
		if (jmap_ids_put(q->c->req, q->type, &id, 1, &q->removed) == -1)
			return -1;
	}
	q->added_at = arena_array(&q->c->req->arena, q->n + 1,
	    sizeof(*q->added_at));
	if (q->added_at == NULL)
		return -1;
	for (i = 0; i < q->n; i++) {
		if (!query_moved(q, t->hit[i]))
			continue;
		if (jmap_query_added(q, i, t->hit[i]->m->id) == -1)
			return -1;
	}
	return 0;
}

/* In a tree a mailbox moves, comes or goes when another one changes: when
 * more than counts did, all of it is told anew. */
static int
query_changed(const struct query_tree *t, uint64_t since,
    const struct store_changes *sc)
{
	size_t	 i;

	for (i = 0; i < t->nrow; i++)
		if (t->row[i].m->props > since || t->row[i].m->created > since)
			return 1;
	return sc->ndestroyed > 0;
}

/* New, or perhaps at another place than it was; a query is about properties
 * alone, so that counts move nothing. */
static int
query_moved(struct jmap_query *q, const struct mailbox_row *row)
{
	const struct query_tree	*t = q->arg;

	return t->all || row->m->props > q->since ||
	    row->m->created > q->since;
}

/* --- conditions and comparators ---------------------------------------- */

int
mailbox_query_any_role(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	const struct mailbox_row	*row = obj;

	(void)q;
	return (row->m->role != STORE_ROLE_NONE) == t->num;
}

int
mailbox_query_subscribed(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	const struct mailbox_row	*row = obj;

	(void)q;
	return (row->m->subscribed != 0) == t->num;
}

/* "contains the given string": letters of any case. */
int
mailbox_query_name(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	const struct mailbox_row	*row = obj;
	const char			*want;

	want = jmap_collate_key(&q->c->req->arena, NULL, t->str);
	return want != NULL && strstr(row->fold, want) != NULL;
}

int
mailbox_query_parent(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	const struct mailbox_row	*row = obj;
	uint32_t			 id;

	(void)q;
	if (t->str == NULL)
		return row->m->parent == 0;
	return store_id_mailbox_get(t->str, strlen(t->str), &id) == 0 &&
	    row->m->parent == id;
}

int
mailbox_query_role(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	const struct mailbox_row	*row = obj;

	(void)q;
	if (t->str == NULL)
		return row->m->role == STORE_ROLE_NONE;
	return row->m->role != STORE_ROLE_NONE &&
	    strcmp(store_roles[row->m->role], t->str) == 0;
}

int
mailbox_query_by_name(struct jmap_query *q, const void *a, const void *b)
{
	(void)q;
	return strcmp(((const struct mailbox_row *)a)->key,
	    ((const struct mailbox_row *)b)->key);
}

int
mailbox_query_by_sort(struct jmap_query *q, const void *va, const void *vb)
{
	const struct mailbox_row	*a = va, *b = vb;

	(void)q;
	return a->m->sort < b->m->sort ? -1 : a->m->sort > b->m->sort;
}
