/* SPDX-License-Identifier: ISC */
/*
 * Foo/get (RFC 8620 5.1) for every type: arguments, limits, duplicates,
 * the list and what was not found.  A type supplies its property table and
 * load(), or row() when it writes objects by itself.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_share.h"
#include "worker/jmap/jmap_int.h"

static void	jmap_get_props(struct jmap_get *, const void *obj);
static const struct jmap_error	*get_args(struct jmap_get *);
static const struct jmap_error	*get_ids(struct jmap_get *, struct js_val *);
static const struct jmap_error	*get_list(struct jmap_get *);
static const struct jmap_error	*get_all(struct jmap_get *);
static int	get_row(struct jmap_get *, const char *);
static void	get_missing(struct jmap_get *);

const struct jmap_error *
jmap_get(struct jmap_call *c)
{
	const struct jmap_error	*e;
	const struct jmap_type	*t = c->method->type;
	struct jmap_get		 g;
	uint64_t		 state;

	memset(&g, 0, sizeof(g));
	g.c = c;
	g.type = t;
	if ((e = get_args(&g)) != NULL)
		return e;
	if (t->size > 0 &&
	    (g.obj = arena_get(&c->req->arena, t->size)) == NULL)
		return jmap_api_lost(c);
	js_out_obj(c->out);
	if (!t->unbound)
		jmap_api_account(c);
	if (!t->unbound && (t->state != NULL || t->kind != STORE_TYPES)) {
		state = t->state != NULL ? t->state(c) :
		    store_state(c->txn, t->kind);
		js_out_key(c->out, "state");
		js_out_s(c->out, jmap_api_state(c->req, state));
	}
	if ((e = get_list(&g)) != NULL)
		return e;
	get_missing(&g);
	js_out_end(c->out, '}');
	return NULL;
}

static const struct jmap_error *
get_args(struct jmap_get *g)
{
	const struct jmap_error	*e;
	struct jmap_call	*c = g->c;
	struct js_val		*ids = NULL, *props = NULL;
	struct js_rd		 rd;
	const char		*account;

	js_rd_init(&rd, c->args, "");
	if (!g->type->unbound)
		js_rd_id(&rd, "accountId", &account);
	js_rd_arr_null(&rd, "ids", &ids);
	js_rd_arr_null(&rd, "properties", &props);
	if (g->type->args != NULL && (e = g->type->args(g, &rd)) != NULL)
		return e;
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if ((e = jmap_get_properties(g, props)) != NULL)
		return e;
	if (ids == NULL && c->ref_ids == NULL)
		return get_all(g);
	return get_ids(g, ids);
}

const struct jmap_error *
jmap_get_properties(struct jmap_get *g, struct js_val *props)
{
	const struct jmap_type	*t = g->type;
	struct js_val		*v;
	size_t			 i;
	int			 at;

	if (props == NULL) {
		g->all_props = 1;
		for (i = 0; i < t->nprops; i++)
			if (!(t->props[i].flags & JP_NOTDEF) &&
			    jmap_get_there(g->c->req, &t->props[i]))
				g->want |= 1ULL << i;
		return NULL;
	}
	/* the id is always returned */
	if ((at = jmap_get_prop(t, "id")) != -1)
		g->want |= 1ULL << at;
	for (i = 0; i < js_len(props); i++) {
		v = js_at(props, i);
		at = js_type(v) != JS_STR ? -1 :
		    jmap_get_named(g->c->req, t, js_str(v));
		if (at != -1)
			g->want |= 1ULL << at;
		else if (js_type(v) != JS_STR || t->other == NULL ||
		    t->other(g, js_str(v)) != 1)
			return jmap_error_say(g->c,
			    &jmap_error_invalid_arguments,
			    "properties/%zu: no such property", i);
	}
	return NULL;
}

int
jmap_get_prop(const struct jmap_type *t, const char *name)
{
	size_t	 lo = 0, hi = t->nprops, mid;
	int	 cmp;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if ((cmp = strcmp(name, t->props[mid].name)) == 0)
			return (int)mid;
		if (cmp < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return -1;
}

int
jmap_get_there(const struct jmap_req *r, const struct jmap_prop *p)
{
	return !(p->flags & JP_HIDDEN) &&
	    (!(p->flags & JP_SMIME) || r->using & JMAP_CAP_SMIME) &&
	    (!(p->flags & JP_EMAILPUSH) || r->using & JMAP_CAP_EMAILPUSH) &&
	    (!(p->flags & JP_SHARING) || jmap_share_used(r));
}

int
jmap_get_named(const struct jmap_req *r, const struct jmap_type *t,
    const char *name)
{
	int	 at = jmap_get_prop(t, name);

	return at == -1 || !jmap_get_there(r, &t->props[at]) ? -1 : at;
}

int
jmap_get_wants(const struct jmap_get *g, const char *name)
{
	int	 at = jmap_get_prop(g->type, name);

	return at != -1 && (g->want >> at & 1) != 0;
}

static const struct jmap_error *
get_all(struct jmap_get *g)
{
	struct jmap_call	*c = g->c;

	if (g->type->all == NULL)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "ids must be given for this type");
	if (g->type->all(g, &g->ids) == -1)
		return jmap_api_lost(c);
	if (g->ids.n > c->req->env->limits->max_objects_in_get)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "more objects than maxObjectsInGet");
	return NULL;
}

/* The ids asked for, from the arguments or from a back reference. */
static const struct jmap_error *
get_ids(struct jmap_get *g, struct js_val *v)
{
	struct jmap_call	*c = g->c;
	const char		*id;
	size_t			 i, n;

	n = c->ref_ids != NULL ? c->ref_ids->n : js_len(v);
	if (n > c->req->env->limits->max_objects_in_get)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "more ids than maxObjectsInGet");
	if (c->ref_ids != NULL) {
		/* our own copy: duplicates will be taken out */
		g->ids.id = arena_array(&c->req->arena, n + 1,
		    sizeof(*g->ids.id));
		if (g->ids.id == NULL)
			return jmap_api_lost(c);
		if (n > 0)
			memcpy(g->ids.id, c->ref_ids->id,
			    n * sizeof(*g->ids.id));
		g->ids.n = g->ids.cap = n;
	}
	for (i = 0; c->ref_ids == NULL && i < n; i++) {
		/* a creation id is not asked for by RFC 8620, but clients
		 * do so */
		id = jmap_api_real(c->req, js_str(js_at(v, i)));
		if (id == NULL || !jmap_api_is_id(id))
			return jmap_error_say(c,
			    &jmap_error_invalid_arguments,
			    "ids/%zu is not an Id", i);
		if (jmap_api_add(c->req, &g->ids, id, strlen(id)) == -1)
			return jmap_api_lost(c);
	}
	return jmap_ids_unique(c->req, &g->ids) == -1 ? jmap_api_lost(c) :
	    NULL;
}

static const struct jmap_error *
get_list(struct jmap_get *g)
{
	struct jmap_call	*c = g->c;
	struct jmap_ids		*keep = jmap_ref_keep(c, "/list/*/id");
	const char		*id;
	size_t			 i;
	int			 got;

	js_out_key(c->out, "list");
	js_out_arr(c->out);
	for (i = 0; i < g->ids.n; i++) {
		id = g->ids.id[i];
		if ((got = get_row(g, id)) == 0)
			got = jmap_api_add(c->req, &g->missing, id,
			    strlen(id));
		else if (got == 1 && keep != NULL)
			got = jmap_api_add(c->req, keep, id, strlen(id));
		if (got == -1 && (c->store_err != STORE_OK ||
		    !jmap_api_spent(c->req)))
			return jmap_api_lost(c);
		/* a bomb of back references is not built to its end */
		if (got == -1 || (i % 32 == 31 && jmap_api_spent(c->req)))
			return jmap_error_say(c, &jmap_error_request_too_large,
			    "the response would be too large");
	}
	js_out_end(c->out, ']');
	return NULL;
}

static int
get_row(struct jmap_get *g, const char *id)
{
	int	 got;

	if (g->type->row != NULL)
		return g->type->row(g, id);
	if ((got = g->type->load(g->c, id, g->obj)) == 1)
		jmap_get_props(g, g->obj);
	return got;
}

/* Append the object: the wanted properties of obj through their put().
 * Usable as a part: it writes "{...}" complete. */
static void
jmap_get_props(struct jmap_get *g, const void *obj)
{
	const struct jmap_prop	*p;
	struct buf		*b = g->c->out;
	uint64_t		 left;

	js_out_obj(b);
	for (left = g->want; left != 0; left &= left - 1) {
		p = &g->type->props[__builtin_ctzll(left)];
		js_out_key(b, p->name);
		p->put(g->c, obj, b);
	}
	js_out_end(b, '}');
}

static void
get_missing(struct jmap_get *g)
{
	struct buf	*b = g->c->out;
	size_t		 i;

	js_out_key(b, "notFound");
	js_out_arr(b);
	for (i = 0; i < g->missing.n; i++)
		js_out_s(b, g->missing.id[i]);
	js_out_end(b, ']');
}
