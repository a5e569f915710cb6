/* SPDX-License-Identifier: ISC */
/*
 * /query and /queryChanges of small objects (RFC 8620 5.5, 5.6).  All of
 * the account are read: there are few, and each is small.  Called by
 * jmap_query.c through the types.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/jmap/jmap_object.h"
#include "worker/jmap/jmap_query.h"

struct objquery_hit {
	const struct jmap_object *o;
	struct jmap_query	*q;
};

static int	objquery_cmp(const void *, const void *);
static const char	*objquery_id(struct jmap_query *, size_t);
static size_t	objquery_find(struct jmap_query *, const char *);
static int	objquery_mutable(const struct jmap_query *);
static int	objquery_moves(const struct jmap_filter *);
static int	objquery_delta(struct jmap_query *,
		    const struct store_changes *);
static int	objquery_has(const uint64_t *, size_t, uint64_t);

const struct jmap_error *
jmap_object_query(struct jmap_query *q)
{
	struct objquery_hit	*row = NULL;
	struct arena		*a = &q->c->req->arena;
	struct jmap_object	*o = NULL;
	uint64_t		*hit = NULL;
	size_t			 i, n;

	if (jmap_objrow_all(q->c, q->type, &o, &n) == 1 &&
	    (row = arena_array(a, n + 1, sizeof(*row))) != NULL)
		hit = arena_array(a, n + 1, sizeof(*hit));
	for (i = 0; hit != NULL && i < n; i++)
		if (jmap_query_match(q, q->filter, &o[i])) {
			row[q->n].q = q;
			row[q->n++].o = &o[i];
		}
	if (hit != NULL && q->n > 0)
		qsort(row, q->n, sizeof(*row), objquery_cmp);
	for (i = 0; hit != NULL && i < q->n; i++)
		hit[i] = row[i].o->id;
	for (i = 0; i < n; i++)
		jmap_objrow_free(&o[i]);
	if (hit == NULL)
		return jmap_api_lost(q->c);
	q->arg = hit;
	q->state = store_state(q->c->txn, q->type->kind);
	q->can_changes = 1;
	q->id = objquery_id;
	q->find = objquery_find;
	return NULL;
}

static int
objquery_cmp(const void *va, const void *vb)
{
	const struct objquery_hit	*a = va, *b = vb;
	int				 cmp;

	if ((cmp = jmap_query_cmp(a->q, a->o, b->o)) != 0)
		return cmp;
	return a->o->id < b->o->id ? -1 : a->o->id > b->o->id;
}

static const char *
objquery_id(struct jmap_query *q, size_t i)
{
	const uint64_t	*hit = q->arg;
	char		 id[STORE_IDLEN];
	size_t		 n;

	n = jmap_objrow_id(q->type, hit[i], id);
	return arena_dup(&q->c->req->arena, id, n);
}

static size_t
objquery_find(struct jmap_query *q, const char *text)
{
	const uint64_t	*hit = q->arg;
	uint64_t	 id;
	size_t		 i;

	if (jmap_objrow_id_get(q->type, text, &id) == -1)
		return SIZE_MAX;
	for (i = 0; i < q->n; i++)
		if (hit[i] == id)
			return i;
	return SIZE_MAX;
}

/* --- queryChanges ------------------------------------------------------ */

const struct jmap_error *
jmap_object_query_changes(struct jmap_query *q)
{
	const struct jmap_error	*e;
	struct store_changes	 sc;

	if ((e = jmap_object_query(q)) != NULL)
		return e;
	/* upToId is only for what cannot change its place (RFC 8620 5.6) */
	if (objquery_mutable(q))
		q->up_to = NULL;
	e = jmap_changes_read(q->c, q->type->kind, q->since, 0, &sc);
	if (e == NULL && objquery_delta(q, &sc) == -1)
		e = jmap_api_lost(q->c);
	store_changes_free(&sc);
	return e;
}

/* Can an update move an object in this list, or out of it? */
static int
objquery_mutable(const struct jmap_query *q)
{
	size_t	 i;

	for (i = 0; i < q->nsort; i++)
		if (q->sort[i].order->code == JMAP_OBJECT_MUTABLE)
			return 1;
	return q->filter != NULL && objquery_moves(q->filter);
}

/* Its depth was bounded when it was read. */
static int
objquery_moves(const struct jmap_filter *f)
{
	size_t	 i;

	for (i = 0; i < f->nterms; i++)
		if (f->terms[i].cond->code == JMAP_OBJECT_MUTABLE)
			return 1;
	for (i = 0; i < f->nkids; i++)
		if (objquery_moves(&f->kids[i]))
			return 1;
	return 0;
}

static int
objquery_delta(struct jmap_query *q, const struct store_changes *sc)
{
	const uint64_t	*hit = q->arg;
	struct jmap_req	*r = q->c->req;
	size_t		 i;
	int		 moves = objquery_mutable(q);

	if (jmap_ids_put(r, q->type, sc->destroyed, sc->ndestroyed,
	    &q->removed) == -1 || (moves && jmap_ids_put(r, q->type,
	    sc->updated, sc->nupdated, &q->removed) == -1))
		return -1;
	q->added_at = arena_array(&r->arena, q->n + 1, sizeof(*q->added_at));
	if (q->added_at == NULL)
		return -1;
	for (i = 0; i < q->n; i++) {
		if (!objquery_has(sc->created, sc->ncreated, hit[i]) &&
		    !(moves && objquery_has(sc->updated, sc->nupdated,
		    hit[i])))
			continue;
		if (jmap_query_added(q, i, hit[i]) == -1)
			return -1;
	}
	return 0;
}

static int
objquery_has(const uint64_t *v, size_t n, uint64_t id)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (v[i] == id)
			return 1;
	return 0;
}
