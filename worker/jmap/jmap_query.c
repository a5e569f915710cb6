/* SPDX-License-Identifier: ISC */
/*
 * Foo/query and Foo/queryChanges (RFC 8620 5.5, 5.6) for every type:
 * arguments, filter tree, comparators, the window and the answer.  What
 * matches, and in which order, is the type's.  Nesting and number of
 * conditions are bounded here, before any of them is looked at.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_int.h"
#include "worker/jmap/jmap_query.h"

#define QUERY_DEPTH	8	/* FilterOperators in one another */
#define QUERY_CONDS	64	/* operators and conditions */
#define QUERY_TERMS	32	/* properties of one condition */

/* Arguments that only one of the two methods has. */
struct query_args {
	const char	*since;
	uint64_t	 limit;
	int		 has_limit;
	int		 clamped;	/* the limit is ours */
	size_t		 conds;		/* counted while reading */
};

static const struct jmap_error	*query_read(struct jmap_query *,
				    struct query_args *, int);
static const struct jmap_error	*query_rest(struct jmap_query *,
				    struct query_args *, struct js_rd *, int);
static const struct jmap_error	*query_filter(struct jmap_query *,
				    struct js_val *, unsigned, size_t *,
				    struct jmap_filter *);
static const struct jmap_error	*query_op(struct jmap_query *,
				    struct js_val *, unsigned, size_t *,
				    struct jmap_filter *);
static const struct jmap_error	*query_cond(struct jmap_query *,
				    struct js_val *, struct jmap_filter *);
static int	query_term(struct jmap_query *, struct js_val *,
		    struct jmap_filter_term *);
static int	query_list(enum jmap_kind, struct js_val *);
static const struct jmap_error	*query_sort(struct jmap_query *,
				    struct js_val *);
static const struct jmap_error	*query_comparator(struct jmap_query *,
				    struct js_val *, struct jmap_sort *);
static const struct jmap_error	*query_window(struct jmap_query *, size_t *);
static const struct jmap_error	*query_ids(struct jmap_query *, size_t);
static void	query_total(struct jmap_query *);
static const struct jmap_error	*query_deltas(struct jmap_query *);
static int	query_terms_match(struct jmap_query *,
		    const struct jmap_filter *, const void *);

const struct jmap_error *
jmap_query(struct jmap_call *c)
{
	const struct jmap_error	*e;
	struct jmap_query	 q;
	struct query_args	 a;
	size_t			 from = 0;

	memset(&q, 0, sizeof(q));
	memset(&a, 0, sizeof(a));
	q.c = c;
	q.type = c->method->type;
	if ((e = query_read(&q, &a, 0)) != NULL)
		return e;
	q.need = SIZE_MAX;
	if (q.anchor == NULL && q.position >= 0)
		q.need = q.position + q.limit;
	if ((e = q.type->query(&q)) != NULL ||
	    (e = query_window(&q, &from)) != NULL)
		return e;
	js_out_obj(c->out);
	jmap_api_account(c);
	js_out_key(c->out, "queryState");
	js_out_s(c->out, jmap_api_state(c->req, q.state));
	js_out_key(c->out, "canCalculateChanges");
	js_out_bool(c->out, q.can_changes);
	js_out_key(c->out, "position");
	js_out_uint(c->out, from);
	if ((e = query_ids(&q, from)) != NULL)
		return e;
	query_total(&q);
	if (a.clamped) {
		js_out_key(c->out, "limit");
		js_out_uint(c->out, q.limit);
	}
	js_out_end(c->out, '}');
	return NULL;
}

const struct jmap_error *
jmap_query_changes(struct jmap_call *c)
{
	const struct jmap_error	*e;
	struct jmap_query	 q;
	struct query_args	 a;

	memset(&q, 0, sizeof(q));
	memset(&a, 0, sizeof(a));
	q.c = c;
	q.type = c->method->type;
	if ((e = query_read(&q, &a, 1)) != NULL)
		return e;
	q.need = SIZE_MAX;
	if (jmap_api_state_get(a.since, &q.since) == -1 ||
	    q.type->query_changes == NULL)
		return &jmap_error_cannot_calculate_changes;
	if ((e = q.type->query_changes(&q)) != NULL)
		return e;
	js_out_obj(c->out);
	jmap_api_account(c);
	js_out_key(c->out, "oldQueryState");
	js_out_s(c->out, a.since);
	js_out_key(c->out, "newQueryState");
	js_out_s(c->out, jmap_api_state(c->req, q.state));
	query_total(&q);
	if ((e = query_deltas(&q)) != NULL)
		return e;
	js_out_end(c->out, '}');
	return NULL;
}

static const struct jmap_error *
query_read(struct jmap_query *q, struct query_args *a, int changes)
{
	const struct jmap_error	*e;
	struct jmap_call	*c = q->c;
	struct js_val		*filter = NULL, *sort = NULL;
	struct js_rd		 rd;
	const char		*account;

	js_rd_init(&rd, c->args, "");
	js_rd_id(&rd, "accountId", &account);
	js_rd_obj_null(&rd, "filter", &filter);
	js_rd_arr_null(&rd, "sort", &sort);
	js_rd_bool(&rd, "calculateTotal", &q->calc_total);
	if ((e = query_rest(q, a, &rd, changes)) != NULL)
		return e;
	if (q->type->query_args != NULL &&
	    (e = q->type->query_args(q, &rd)) != NULL)
		return e;
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if ((e = jmap_query_filter(q, filter)) != NULL)
		return e;
	return query_sort(q, sort);
}

static const struct jmap_error *
query_rest(struct jmap_query *q, struct query_args *a, struct js_rd *rd,
    int changes)
{
	uint64_t	 max = q->c->req->env->limits->max_query;

	if (changes) {
		if (js_rd_str(rd, "sinceQueryState", &a->since) == 0)
			js_rd_bad(rd, "sinceQueryState");
		if (js_rd_uint_null(rd, "maxChanges", &q->max_changes) != 1)
			q->max_changes = UINT64_MAX;
		js_rd_id_null(rd, "upToId", &q->up_to);
		return NULL;
	}
	js_rd_int(rd, "position", &q->position);
	js_rd_id_null(rd, "anchor", &q->anchor);
	js_rd_int(rd, "anchorOffset", &q->anchor_offset);
	a->has_limit = js_rd_uint_null(rd, "limit", &a->limit) == 1;
	a->clamped = !a->has_limit || a->limit > max;
	q->limit = a->clamped ? max : a->limit;
	return NULL;
}

/* --- filters ----------------------------------------------------------- */

const struct jmap_error *
jmap_query_filter(struct jmap_query *q, struct js_val *v)
{
	const struct jmap_error	*e;
	struct jmap_filter	*f;
	size_t			 conds = 0;

	q->filter = NULL;
	if (v == NULL)
		return NULL;
	if ((f = arena_get(&q->c->req->arena, sizeof(*f))) == NULL)
		return jmap_api_lost(q->c);
	if ((e = query_filter(q, v, 0, &conds, f)) != NULL)
		return e;
	/* an empty condition matches everything */
	if (f->op != JMAP_COND || f->nterms > 0)
		q->filter = f;
	return NULL;
}

static const struct jmap_error *
query_filter(struct jmap_query *q, struct js_val *v, unsigned depth,
    size_t *conds, struct jmap_filter *f)
{
	if (js_type(v) != JS_OBJ)
		return jmap_error_say(q->c, &jmap_error_invalid_arguments,
		    "filter: not an object");
	if (++*conds > QUERY_CONDS)
		return jmap_error_say(q->c, &jmap_error_unsupported_filter,
		    "more than %d operators and conditions", QUERY_CONDS);
	if (js_has(v, "operator"))
		return query_op(q, v, depth, conds, f);
	return query_cond(q, v, f);
}

static const struct jmap_error *
query_op(struct jmap_query *q, struct js_val *v, unsigned depth,
    size_t *conds, struct jmap_filter *f)
{
	static const char *const ops[] = {
		[JMAP_AND] = "AND", [JMAP_OR] = "OR", [JMAP_NOT] = "NOT"
	};
	const struct jmap_error	*e;
	struct js_val		*kids = NULL;
	struct js_rd		 rd;
	const char		*name = "";
	size_t			 i;

	js_rd_init(&rd, v, "filter");
	js_rd_str(&rd, "operator", &name);
	if (js_rd_arr(&rd, "conditions", &kids) == 0)
		js_rd_bad(&rd, "conditions");
	for (i = 0; i < nitems(ops) && strcmp(ops[i], name) != 0; i++)
		;
	if (i == nitems(ops))
		js_rd_bad(&rd, "operator");
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(q->c, &jmap_error_invalid_arguments,
		    "%s", rd.fault);
	if (depth == QUERY_DEPTH || js_len(kids) > QUERY_CONDS)
		return jmap_error_say(q->c, &jmap_error_unsupported_filter,
		    "more than %d operators in one another, or %d conditions",
		    QUERY_DEPTH, QUERY_CONDS);
	f->op = i;
	f->nkids = js_len(kids);
	f->kids = arena_array(&q->c->req->arena, f->nkids + 1,
	    sizeof(*f->kids));
	if (f->kids == NULL)
		return jmap_api_lost(q->c);
	for (i = 0; i < f->nkids; i++)
		if ((e = query_filter(q, js_at(kids, i), depth + 1, conds,
		    &f->kids[i])) != NULL)
			return e;
	return NULL;
}

static const struct jmap_error *
query_cond(struct jmap_query *q, struct js_val *v, struct jmap_filter *f)
{
	const struct jmap_type	*t = q->type;
	struct js_iter		 it;
	size_t			 i;

	f->op = JMAP_COND;
	if (js_len(v) > QUERY_TERMS)
		return &jmap_error_unsupported_filter;
	f->terms = arena_array(&q->c->req->arena, js_len(v) + 1,
	    sizeof(*f->terms));
	if (f->terms == NULL)
		return jmap_api_lost(q->c);
	for (js_first(&it, v); js_next(&it); f->nterms++) {
		for (i = 0; i < t->nconds; i++)
			if (strcmp(t->conds[i].name, it.key) == 0)
				break;
		if (i == t->nconds)
			return jmap_error_say(q->c,
			    &jmap_error_unsupported_filter,
			    "no such condition: %s", it.key);
		f->terms[f->nterms].cond = &t->conds[i];
		if (query_term(q, it.val, &f->terms[f->nterms]) == -1)
			return jmap_error_say(q->c,
			    &jmap_error_invalid_arguments, "filter/%s",
			    it.key);
	}
	return NULL;
}

/* The value by its kind: 0, or -1 when it is of another. */
static int
query_term(struct jmap_query *q, struct js_val *v, struct jmap_filter_term *t)
{
	enum jmap_kind	 kind = t->cond->kind;

	t->val = v;
	switch (kind) {
	case JK_STR_NULL:
	case JK_STR:
		t->str = v == NULL ? NULL : js_str(v);
		return js_type(v) == JS_STR ||
		    (v == NULL && kind == JK_STR_NULL) ? 0 : -1;
	case JK_ID_NULL:
		if (v == NULL)
			return 0;
		/* FALLTHROUGH */
	case JK_ID:
		t->str = jmap_api_real(q->c->req, js_str(v));
		return js_type(v) == JS_STR && t->str != NULL &&
		    jmap_api_is_id(t->str) ? 0 : -1;
	case JK_BOOL:
		t->num = js_bool(v);
		return js_type(v) == JS_BOOL ? 0 : -1;
	case JK_UINT:
		t->num = js_int(v);
		return js_type(v) == JS_INT && t->num >= 0 ? 0 : -1;
	case JK_DATE_NULL:
		t->num = DATE_NONE;
		if (v == NULL)
			return 0;
		/* FALLTHROUGH */
	case JK_DATE:
		t->num = js_type(v) != JS_STR ? DATE_NONE :
		    date_3339(js_str(v), js_len(v), 1, NULL);
		return t->num == DATE_NONE ? -1 : 0;
	default:
		return query_list(kind, v);
	}
}

static int
query_list(enum jmap_kind kind, struct js_val *v)
{
	size_t	 i;

	if (js_type(v) != JS_ARR)
		return -1;
	for (i = 0; i < js_len(v); i++)
		if (kind == JK_IDS ? !js_is_id(js_at(v, i)) :
		    js_type(js_at(v, i)) != JS_STR)
			return -1;
	return 0;
}

int
jmap_query_match(struct jmap_query *q, const struct jmap_filter *f,
    const void *obj)
{
	size_t	 i;
	int	 hit;

	if (f == NULL)
		return 1;
	if (f->op == JMAP_COND)
		return query_terms_match(q, f, obj);
	/* depth is at most QUERY_DEPTH */
	for (i = 0; i < f->nkids; i++) {
		hit = jmap_query_match(q, &f->kids[i], obj);
		if (f->op == JMAP_AND ? !hit : hit)
			return f->op == JMAP_OR;
	}
	return f->op != JMAP_OR;
}

static int
query_terms_match(struct jmap_query *q, const struct jmap_filter *f,
    const void *obj)
{
	size_t	 i;

	for (i = 0; i < f->nterms; i++)
		if (!f->terms[i].cond->match(q, obj, &f->terms[i]))
			return 0;
	return 1;
}

/* --- sorting ----------------------------------------------------------- */

static const struct jmap_error *
query_sort(struct jmap_query *q, struct js_val *v)
{
	const struct jmap_error	*e;

	if (js_len(v) > nitems(q->sort))
		return jmap_error_say(q->c, &jmap_error_unsupported_sort,
		    "more than %zu comparators", nitems(q->sort));
	for (; q->nsort < js_len(v); q->nsort++)
		if ((e = query_comparator(q, js_at(v, q->nsort),
		    &q->sort[q->nsort])) != NULL)
			return e;
	return NULL;
}

static const struct jmap_error *
query_comparator(struct jmap_query *q, struct js_val *v, struct jmap_sort *s)
{
	const struct jmap_type	*t = q->type;
	struct js_rd		 rd;
	const char		*name = "";
	size_t			 i;
	int			 ascending = 1;

	js_rd_init(&rd, v, "sort");
	if (js_rd_str(&rd, "property", &name) == 0)
		js_rd_bad(&rd, "property");
	js_rd_bool(&rd, "isAscending", &ascending);
	js_rd_str_null(&rd, "collation", &s->collation);
	for (i = 0; i < t->norders; i++)
		if (strcmp(t->orders[i].name, name) == 0)
			break;
	if (i < t->norders && t->orders[i].flags & JQ_KEYWORD &&
	    js_rd_str(&rd, "keyword", &s->keyword) == 0)
		js_rd_bad(&rd, "keyword");
	if (rd.fault[0] != '\0' || (i < t->norders && js_rd_end(&rd) == -1))
		return jmap_error_say(q->c, &jmap_error_invalid_arguments,
		    "%s", rd.fault);
	if (i == t->norders)
		return jmap_error_say(q->c, &jmap_error_unsupported_sort,
		    "no sorting by %s", name);
	/* RFC 8620 5.5: ignored where no strings are compared */
	if (s->collation != NULL && t->orders[i].flags & JQ_TEXT &&
	    !jmap_collate_known(s->collation))
		return jmap_error_say(q->c, &jmap_error_unsupported_sort,
		    "unknown collation");
	s->order = &t->orders[i];
	s->desc = !ascending;
	return NULL;
}

int
jmap_query_cmp(struct jmap_query *q, const void *a, const void *b)
{
	size_t	 i;
	int	 cmp;

	for (i = 0; i < q->nsort; i++)
		if ((cmp = q->sort[i].order->cmp(q, a, b)) != 0)
			return q->sort[i].desc ? -cmp : cmp;
	return 0;
}

int
jmap_query_added(struct jmap_query *q, size_t i, uint64_t id)
{
	q->added_at[q->added.n] = i;
	return jmap_ids_put(q->c->req, q->type, &id, 1, &q->added);
}

/* --- the answer -------------------------------------------------------- */

/* Where the window begins (RFC 8620 5.5 position, anchor). */
static const struct jmap_error *
query_window(struct jmap_query *q, size_t *from)
{
	int64_t	 pos = q->position;
	size_t	 at;

	if (q->anchor != NULL) {
		at = q->find(q, q->anchor);
		if (q->c->store_err != STORE_OK)
			return jmap_api_lost(q->c);
		if (at == SIZE_MAX)
			return &jmap_error_anchor_not_found;
		pos = (int64_t)at + q->anchor_offset;
	} else if (pos < 0)
		pos += (int64_t)q->n;
	if (pos > JS_INT_MAX)		/* no UnsignedInt, and no result */
		pos = JS_INT_MAX;
	*from = pos < 0 ? 0 : (size_t)pos;
	return NULL;
}

static const struct jmap_error *
query_ids(struct jmap_query *q, size_t from)
{
	struct jmap_call	*c = q->c;
	struct jmap_ids		*keep = jmap_ref_keep(c, "/ids");
	const char		*id;
	size_t			 i;

	js_out_key(c->out, "ids");
	js_out_arr(c->out);
	for (i = from; i < q->n && i - from < q->limit; i++) {
		if ((id = q->id(q, i)) == NULL)
			return jmap_api_lost(c);
		js_out_s(c->out, id);
		if (keep != NULL &&
		    jmap_api_add(c->req, keep, id, strlen(id)) == -1)
			return jmap_api_lost(c);
	}
	js_out_end(c->out, ']');
	return NULL;
}

static void
query_total(struct jmap_query *q)
{
	if (!q->calc_total)
		return;
	js_out_key(q->c->out, "total");
	js_out_uint(q->c->out, q->total_set ? q->total : q->n);
}

static const struct jmap_error *
query_deltas(struct jmap_query *q)
{
	struct jmap_call	*c = q->c;
	struct jmap_ids		*keep;
	size_t			 i, up_to = SIZE_MAX;

	/* what was added behind the client's last id need not be said */
	if (q->up_to != NULL && q->find != NULL)
		up_to = q->find(q, q->up_to);
	while (up_to != SIZE_MAX && q->added.n > 0 &&
	    q->added_at[q->added.n - 1] > up_to)
		q->added.n--;
	if (q->removed.n + q->added.n > q->max_changes)
		return &jmap_error_too_many_changes;
	js_out_key(c->out, "removed");
	js_out_arr(c->out);
	for (i = 0; i < q->removed.n; i++)
		js_out_s(c->out, q->removed.id[i]);
	js_out_end(c->out, ']');
	if ((keep = jmap_ref_keep(c, "/removed")) != NULL)
		*keep = q->removed;
	js_out_key(c->out, "added");
	js_out_arr(c->out);
	for (i = 0; i < q->added.n; i++) {
		js_out_obj(c->out);
		js_out_key(c->out, "id");
		js_out_s(c->out, q->added.id[i]);
		js_out_key(c->out, "index");
		js_out_uint(c->out, q->added_at[i]);
		js_out_end(c->out, '}');
	}
	js_out_end(c->out, ']');
	if ((keep = jmap_ref_keep(c, "/added/*/id")) != NULL)
		*keep = q->added;
	return NULL;
}
