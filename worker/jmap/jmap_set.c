/* SPDX-License-Identifier: ISC */
/*
 * Foo/set (RFC 8620 5.3) for every type.  All operations of a call are put
 * in a row: creates, updates, destroys; each is tried in turn.  One that
 * needs another (a creation id not made yet, a name not free yet) waits and
 * is tried again after the others, so that the client's order never
 * matters.  Refused objects do not stop the rest; a failing store undoes
 * all of it.  jmap_setref.c has the creation ids, jmap_setout.c the answer.
 */
#include "common/compat.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_share.h"
#include "worker/jmap/jmap_int.h"
#include "worker/jmap/jmap_setop.h"

#define SET_ROUNDS	12		/* tries of what has to wait */
#define SET_REPLY	(1 << 20)	/* bytes said of one object */

static const struct jmap_error	*set_args(struct jmap_set *, struct set_ops *);
static const struct jmap_error	*set_collect(struct jmap_set *,
				    struct set_ops *, struct js_val *[]);
static const struct jmap_error	*set_map(struct jmap_set *, struct set_ops *,
				    enum set_kind, struct js_val *);
static const struct jmap_error	*set_list(struct jmap_set *, struct set_ops *,
				    struct js_val *);
static int	set_rounds(struct jmap_set *, struct set_ops *);
static int	set_try(struct jmap_set *, struct set_ops *, struct set_op *);
static int	set_create(struct jmap_set *, struct set_op *,
		    struct js_val *);
static int	set_settle(struct jmap_set *, struct set_ops *);
static int	set_update(struct jmap_set *, const struct set_ops *,
		    struct set_op *, struct js_val *);
static int	set_again(const struct set_ops *, const struct set_op *);
static int	set_dooms(const struct set_op *, const char *);
static int	set_destroy(struct jmap_set *, struct set_op *);
static void	set_server_set(struct jmap_set *, struct js_val *);
static uint64_t	set_state_now(struct jmap_set *);
static jmap_patch_fn	set_patch_prop;
static int	set_differs(struct jmap_set *, const struct jmap_prop *,
		    const void *, struct js_val *);

const struct jmap_error *
jmap_set(struct jmap_call *c)
{
	const struct jmap_error	*e;
	struct jmap_set		 s;
	struct set_ops		 ops = { NULL, 0 };
	uint64_t		 old;

	memset(&s, 0, sizeof(s));
	s.c = c;
	s.type = c->method->type;
	buf_init(&s.reply, SET_REPLY);
	old = set_state_now(&s);
	if ((e = set_args(&s, &ops)) != NULL)
		goto done;
	if ((s.type->set_begin != NULL && s.type->set_begin(&s) == -1) ||
	    set_rounds(&s, &ops) == -1 ||
	    (s.type->set_finish != NULL && s.type->set_finish(&s) == -1)) {
		e = jmap_api_lost(c);
		goto done;
	}
	jmap_setout(&s, &ops, old, set_state_now(&s));
done:
	buf_free(&s.reply);
	return e;
}

static uint64_t
set_state_now(struct jmap_set *s)
{
	if (s->type->state != NULL)
		return s->type->state(s->c);
	return store_state(s->c->txn, s->type->kind);
}

static const struct jmap_error *
set_args(struct jmap_set *s, struct set_ops *ops)
{
	const struct jmap_error	*e;
	struct jmap_call	*c = s->c;
	struct js_val		*v[SET_KINDS] = { NULL, NULL, NULL };
	struct js_rd		 rd;
	const char		*account, *state = NULL;

	js_rd_init(&rd, c->args, "");
	if (!s->type->unbound) {
		js_rd_id(&rd, "accountId", &account);
		js_rd_str_null(&rd, "ifInState", &state);
	}
	js_rd_obj_null(&rd, "create", &v[SET_CREATE]);
	js_rd_obj_null(&rd, "update", &v[SET_UPDATE]);
	js_rd_arr_null(&rd, "destroy", &v[SET_DESTROY]);
	if (s->type->set_args != NULL &&
	    (e = s->type->set_args(s, &rd)) != NULL)
		return e;
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if ((e = set_collect(s, ops, v)) != NULL)
		return e;
	if (state != NULL && strcmp(state, jmap_api_state(c->req,
	    set_state_now(s))) != 0)
		return &jmap_error_state_mismatch;
	return NULL;
}

static const struct jmap_error *
set_collect(struct jmap_set *s, struct set_ops *ops, struct js_val *v[])
{
	const struct jmap_error	*e;
	struct jmap_call	*c = s->c;
	size_t			 n;

	n = js_len(v[SET_CREATE]) + js_len(v[SET_UPDATE]);
	n += c->ref_ids != NULL ? c->ref_ids->n : js_len(v[SET_DESTROY]);
	if (n > c->req->env->limits->max_objects_in_set)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "more objects than maxObjectsInSet");
	ops->op = arena_array(&c->req->arena, n + 1, sizeof(*ops->op));
	if (ops->op == NULL)
		return jmap_api_lost(c);
	if ((e = set_map(s, ops, SET_CREATE, v[SET_CREATE])) != NULL ||
	    (e = set_map(s, ops, SET_UPDATE, v[SET_UPDATE])) != NULL)
		return e;
	return set_list(s, ops, v[SET_DESTROY]);
}

static const struct jmap_error *
set_map(struct jmap_set *s, struct set_ops *ops, enum set_kind kind,
    struct js_val *map)
{
	struct js_iter	 it;
	struct set_op	*op;

	for (js_first(&it, map); js_next(&it);) {
		if (js_type(it.val) != JS_OBJ)
			return jmap_error_say(s->c,
			    &jmap_error_invalid_arguments,
			    "%s: not an object", it.key);
		if (kind == SET_CREATE && !jmap_api_is_id(it.key))
			return jmap_error_say(s->c,
			    &jmap_error_invalid_arguments,
			    "create: a creation id is not an Id");
		op = &ops->op[ops->n++];
		op->kind = kind;
		op->key = it.key;
		op->val = it.val;
	}
	return NULL;
}

static const struct jmap_error *
set_list(struct jmap_set *s, struct set_ops *ops, struct js_val *v)
{
	struct jmap_call	*c = s->c;
	struct set_op		*op;
	const char		*id;
	size_t			 i, k, n;

	n = c->ref_ids != NULL ? c->ref_ids->n : js_len(v);
	for (i = 0; i < n; i++) {
		if (c->ref_ids == NULL && js_type(js_at(v, i)) != JS_STR)
			return jmap_error_say(c, &jmap_error_invalid_arguments,
			    "destroy/%zu is not an Id", i);
		id = c->ref_ids != NULL ? c->ref_ids->id[i] :
		    js_str(js_at(v, i));
		for (k = 0; k < s->destroying.n; k++)
			if (strcmp(s->destroying.id[k], id) == 0)
				break;
		if (k < s->destroying.n)
			continue;	/* twice is once */
		op = &ops->op[ops->n++];
		op->kind = SET_DESTROY;
		op->key = id;
		if (jmap_api_add(c->req, &s->destroying, id, strlen(id)) == -1)
			return jmap_api_lost(c);
	}
	return NULL;
}

/* Try all, then again what waits, as long as something moved. */
static int
set_rounds(struct jmap_set *s, struct set_ops *ops)
{
	struct set_op	*op;
	size_t		 i;
	int		 round, moved, waiting;

	for (round = 0; round < SET_ROUNDS; round++) {
		moved = waiting = 0;
		for (i = 0; i < ops->n; i++) {
			op = &ops->op[i];
			if (op->state != SET_PENDING)
				continue;
			if (set_try(s, ops, op) == -1)
				return -1;
			/* a refused destroy lets its update go on, too */
			moved |= op->state == SET_DONE ||
			    (op->state == SET_REFUSED &&
			    op->kind == SET_DESTROY);
			waiting |= op->state == SET_PENDING;
		}
		if (!moved || !waiting)
			break;
	}
	return set_settle(s, ops);
}

/* What still waits is refused; updates of what will not be destroyed after
 * all have their turn. */
static int
set_settle(struct jmap_set *s, struct set_ops *ops)
{
	struct set_op	*op;
	size_t		 i;

	for (op = ops->op; op < ops->op + ops->n; op++)
		if (op->state == SET_PENDING && op->kind == SET_DESTROY)
			op->state = SET_REFUSED;
	for (i = 0; i < ops->n; i++) {
		op = &ops->op[i];
		if (op->state == SET_PENDING &&
		    op->err.err == &jmap_error_will_destroy &&
		    set_try(s, ops, op) == -1)
			return -1;
		if (op->state == SET_PENDING)
			op->state = SET_REFUSED;
	}
	return 0;
}

/* One operation: sets op->state.  0, or -1 when all must be undone. */
static int
set_try(struct jmap_set *s, struct set_ops *ops, struct set_op *op)
{
	struct js_val	*v = NULL;
	int		 got;

	memset(&s->e, 0, sizeof(s->e));
	buf_reset(&s->reply);
	s->later = 0;
	s->cid = op->kind == SET_CREATE ? op->key : NULL;
	if ((got = jmap_setref_id(s, ops, op)) == 1 &&
	    (got = jmap_setref(s, ops, op, &v)) == 1) {
		if (op->kind == SET_CREATE)
			got = set_create(s, op, v);
		else if (op->kind == SET_UPDATE)
			got = set_update(s, ops, op, v);
		else
			got = set_destroy(s, op);
	}
	js_free(v);
	if (got == 1 && s->reply.len > 0) {
		if (buf_bad(&s->reply))
			return -1;
		op->reply = arena_dup(&s->c->req->arena, s->reply.data,
		    s->reply.len);
		if (op->reply == NULL)
			return -1;
	}
	if (got == 1)
		op->state = SET_DONE;
	else if (got == 0 && !s->later)
		op->state = SET_REFUSED;
	op->err = s->e;
	return got == -1 ? -1 : 0;
}

static int
set_create(struct jmap_set *s, struct set_op *op, struct js_val *v)
{
	char	 id[JMAP_ID_MAX + 1];
	int	 got;

	if (s->type->create == NULL)
		return jmap_set_refuse(s, &jmap_error_singleton,
		    "objects of this type cannot be created");
	set_server_set(s, v);	/* create says what else is wrong */
	if ((got = s->type->create(s, v, id)) != 1)
		return got;
	assert(s->e.err == NULL);
	op->id = arena_dup(&s->c->req->arena, id, strlen(id));
	if (op->id == NULL ||
	    jmap_api_created(s->c->req, op->key, id) == -1)
		return -1;
	return 1;
}

/* RFC 8620 5.3: the client MUST omit what only the server may set. */
static void
set_server_set(struct jmap_set *s, struct js_val *v)
{
	struct js_iter	 it;
	int		 at;

	for (js_first(&it, v); js_next(&it);) {
		at = jmap_get_named(s->c->req, s->type, it.key);
		if (at != -1 && s->type->props[at].flags & JP_SERVER)
			jmap_set_bad(s, it.key, "%s is set by the server",
			    it.key);
	}
}

/* RFC 8620 5.3 willDestroy: only of an object that the call does destroy. */
static int
set_update(struct jmap_set *s, const struct set_ops *ops, struct set_op *op,
    struct js_val *v)
{
	const struct set_op	*d;
	struct jmap_patch	 p;
	int			 got;

	for (d = ops->op; s->destroying.n > 0 && d < ops->op + ops->n; d++)
		if (d->state != SET_REFUSED && set_dooms(d, op->id)) {
			s->later = d->state == SET_PENDING;
			return jmap_set_refuse(s, &jmap_error_will_destroy,
			    "the same call destroys it");
		}
	if (s->type->update == NULL)
		return jmap_set_refuse(s, &jmap_error_forbidden,
		    "objects of this type cannot be updated");
	if (set_again(ops, op))
		return jmap_set_refuse(s, &jmap_error_invalid_patch,
		    "the same call updates %s by another name", op->id);
	if ((got = jmap_patch_read(s, v, &p)) != 1)
		return got;
	return s->type->update(s, op->id, &p);
}

/*
 * 1 if this call has updated that object already: an id and a creation id
 * may be of the same, or two of those.  RFC 8620 5.3 has one patch for an
 * object, and "updated" has each id once.
 */
static int
set_again(const struct set_ops *ops, const struct set_op *op)
{
	const struct set_op	*d;

	for (d = ops->op; d < ops->op + ops->n; d++)
		if (d != op && d->kind == SET_UPDATE && d->state == SET_DONE &&
		    (d->key[0] == '#' || op->key[0] == '#') &&
		    strcmp(d->id, op->id) == 0)
			return 1;
	return 0;
}

static int
set_dooms(const struct set_op *d, const char *id)
{
	return d->kind == SET_DESTROY &&
	    strcmp(d->id != NULL ? d->id : d->key, id) == 0;
}

static int
set_destroy(struct jmap_set *s, struct set_op *op)
{
	if (s->type->destroy == NULL)
		return jmap_set_refuse(s, &jmap_error_singleton,
		    "objects of this type cannot be destroyed");
	return s->type->destroy(s, op->id);
}

int
jmap_set_refuse(struct jmap_set *s, const struct jmap_error *err,
    const char *fmt, ...)
{
	va_list	 ap;

	s->e.err = err;
	va_start(ap, fmt);
	s->e.desc = jmap_error_text(&s->c->req->arena, fmt, ap);
	va_end(ap);
	return 0;
}

int
jmap_set_bad(struct jmap_set *s, const char *prop, const char *fmt, ...)
{
	struct jmap_seterr	*e = &s->e;
	va_list			 ap;
	size_t			 i;

	if (e->err == NULL)
		e->err = &jmap_error_invalid_properties;
	for (i = 0; i < e->nprops; i++)
		if (strcmp(e->props[i], prop) == 0)
			return -1;
	if (e->nprops < nitems(e->props))
		e->props[e->nprops++] = arena_dup(&s->c->req->arena, prop,
		    strlen(prop));
	if (e->desc == NULL) {
		va_start(ap, fmt);
		e->desc = jmap_error_text(&s->c->req->arena, fmt, ap);
		va_end(ap);
	}
	return -1;
}

int
jmap_set_create(struct jmap_set *s, struct js_val *v, void *obj)
{
	const struct jmap_prop	*p;
	struct js_iter		 it;
	int			 at;

	for (js_first(&it, v); js_next(&it);) {
		at = jmap_get_named(s->c->req, s->type, it.key);
		p = at == -1 ? NULL : &s->type->props[at];
		if (p == NULL)
			jmap_set_bad(s, it.key, "no such property");
		else if (p->set == NULL || p->set(s, obj, it.val) == -1)
			jmap_set_bad(s, it.key, "%s is not valid", it.key);
	}
	return s->e.err == NULL;
}

int
jmap_set_patch(struct jmap_set *s, const struct jmap_patch *patch, void *obj)
{
	return jmap_patch_props(s, patch, set_patch_prop, obj);
}

static int
set_patch_prop(struct jmap_set *s, const struct jmap_patch *patch, size_t i,
    const struct jmap_prop *p, void *obj)
{
	struct js_val	*v;
	int		 got;

	(void)i;
	if ((got = jmap_patch_value(s, patch, p, obj, &v)) != 1)
		return got;
	if (p->set == NULL || p->flags & (JP_SERVER | JP_FIXED)) {
		if (set_differs(s, p, obj, v))
			jmap_set_bad(s, p->name, "%s cannot be changed",
			    p->name);
	} else if (p->set(s, obj, v) == -1)
		jmap_set_bad(s, p->name, "%s is not valid", p->name);
	js_free(v);
	return 1;
}

/* 1 if v is not what the property says of obj. */
static int
set_differs(struct jmap_set *s, const struct jmap_prop *p, const void *obj,
    struct js_val *v)
{
	struct js_val	*is = NULL;
	struct buf	 b;
	int		 differs = 1;

	buf_init(&b, SET_REPLY);
	p->put(s->c, obj, &b);
	if (!buf_bad(&b) && js_parse(b.data, b.len, NULL, NULL, &is) == JS_OK)
		differs = !js_equal(is, v);
	js_free(is);
	buf_free(&b);
	return differs;
}

int
jmap_set_reply(struct jmap_set *s, struct js_val *sent, const void *obj)
{
	const struct jmap_prop	*p;
	struct js_val		*v;
	size_t			 i;

	for (i = 0; i < s->type->nprops; i++) {
		p = &s->type->props[i];
		if (strcmp(p->name, "id") == 0 ||
		    !jmap_get_there(s->c->req, p) ||
		    (js_find(sent, p->name, &v) &&
		    !set_differs(s, p, obj, v)))
			continue;
		js_out_key(&s->reply, p->name);
		p->put(s->c, obj, &s->reply);
	}
	return buf_bad(&s->reply) ? -1 : 0;
}
