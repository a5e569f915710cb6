/* SPDX-License-Identifier: ISC */
/*
 * /get and /set of small objects (RFC 8620 5.1, 5.3): see jmap_object.h.
 * Called by jmap_get.c and jmap_set.c through the types.  Every value a
 * client sends passes object_kind() and the type's check() before it is in
 * an object.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "worker/jmap/jmap_object.h"

static int	object_load(struct jmap_call *, const struct jmap_type *,
		    const char *, struct jmap_object *);
static int	object_fill(struct jmap_call *, const struct jmap_type *,
		    struct jmap_object *);
static int	object_take(struct jmap_set *, const struct jmap_prop *,
		    struct jmap_object *, struct js_val *);
static struct js_val	*object_named(struct js_val *);
static int	object_kind(unsigned, struct js_val *);
static int	object_addrs(struct js_val *);
static int	object_must(struct jmap_set *, struct js_val *);
static int	object_room(struct jmap_set *);
static int	object_keep(struct jmap_set *, struct jmap_object *,
		    struct js_val *, char [JMAP_ID_MAX + 1]);
static int	object_stored(struct jmap_set *, enum store_err);
static int	object_reply(struct jmap_set *, struct js_val *,
		    const struct jmap_object *, int);
static jmap_patch_fn	object_patch_prop;
static int	object_change(struct jmap_set *, const struct jmap_object *,
		    struct jmap_object *);

/* --- /get -------------------------------------------------------------- */

int
jmap_object_all(struct jmap_get *g, struct jmap_ids *ids)
{
	struct jmap_call	*c = g->c;
	struct store_ids	 v = { NULL, 0, 0 };
	int			 got;

	if (g->type->object->letter == 0)
		return jmap_api_add(c->req, ids, "singleton",
		    strlen("singleton")) == -1 ? -1 : 1;
	got = jmap_api_store(c, store_object_ids(c->txn, g->type->kind, &v));
	if (got == 1 && jmap_ids_put(c->req, g->type, v.v, v.n, ids) == -1)
		got = -1;
	store_ids_free(&v);
	return got == 1 ? 1 : -1;
}

int
jmap_object_row(struct jmap_get *g, const char *id)
{
	const struct jmap_prop	*p;
	struct jmap_object	 o;
	struct buf		*b = g->c->out;
	uint64_t		 left;
	int			 got;

	if ((got = object_load(g->c, g->type, id, &o)) != 1)
		return got;
	js_out_obj(b);
	for (left = g->want; left != 0; left &= left - 1) {
		p = &g->type->props[__builtin_ctzll(left)];
		js_out_key(b, p->name);
		if ((p->flags & JO_KIND) == 0)
			js_out_s(b, id);
		else
			js_out_val(b, js_get(o.val, p->name));
	}
	js_out_end(b, '}');
	jmap_objrow_free(&o);
	return 1;
}

/* 1, 0 no such object, -1.  A singleton is always there. */
static int
object_load(struct jmap_call *c, const struct jmap_type *t, const char *text,
    struct jmap_object *o)
{
	uint64_t	 id;
	enum store_err	 e;

	o->val = NULL;
	if (jmap_objrow_id_get(t, text, &id) == -1)
		return 0;
	e = jmap_objrow_load(c->txn, t, id, o);
	if (e == STORE_NOTFOUND && t->object->letter == 0) {
		e = STORE_OK;
		if (jmap_objrow_new(t, o) == -1)
			return -1;
		o->id = id;
	}
	if (jmap_api_store(c, e) != 1)
		return c->store_err == STORE_OK ? 0 : -1;
	return object_fill(c, t, o);
}

static int
object_fill(struct jmap_call *c, const struct jmap_type *t,
    struct jmap_object *o)
{
	if (t->object->fill == NULL || t->object->fill(c, o) == 1)
		return 1;
	jmap_objrow_free(o);
	return -1;
}

/* --- one property ------------------------------------------------------ */

/* Into the object, if it is good: 0, or -1 and said so. */
static int
object_take(struct jmap_set *s, const struct jmap_prop *p,
    struct jmap_object *o, struct js_val *v)
{
	const struct jmap_object_type	*t = s->type->object;
	struct js_val			*keep;

	if (object_kind(p->flags, v) == -1 || (v != NULL && t->check != NULL &&
	    t->check(s, p, v) == -1))
		return jmap_set_bad(s, p->name, "%s is not valid", p->name);
	keep = v != NULL && (p->flags & JO_KIND) == JO_ADDRS_NULL ?
	    object_named(v) : js_ref(v);
	if ((keep == NULL && v != NULL) ||
	    js_set(o->val, p->name, keep) == -1)
		return jmap_set_bad(s, p->name, "out of memory");
	return 0;
}

/* RFC 8621 4.1.2.3: an EmailAddress always has a name, if only null. */
static struct js_val *
object_named(struct js_val *v)
{
	struct js_val	*copy = js_copy(v);
	size_t		 i;

	for (i = 0; copy != NULL && i < js_len(copy); i++)
		if (!js_has(js_at(copy, i), "name") &&
		    js_set(js_at(copy, i), "name", NULL) == -1) {
			js_free(copy);
			copy = NULL;
		}
	return copy;
}

static int
object_kind(unsigned flags, struct js_val *v)
{
	enum js_type	 is = js_type(v);
	int		 ok;

	switch (flags & JO_KIND) {
	case JO_STR:
		ok = is == JS_STR;
		break;
	case JO_STR_NULL:
		ok = is == JS_STR || v == NULL;
		break;
	case JO_BOOL:
		ok = is == JS_BOOL;
		break;
	case JO_UINT:
	case JO_UINT_NULL:
		ok = (is == JS_INT && js_int(v) >= 0) ||
		    (v == NULL && (flags & JO_KIND) == JO_UINT_NULL);
		break;
	case JO_DATE:
	case JO_DATE_NULL:
		ok = (v == NULL && (flags & JO_KIND) == JO_DATE_NULL) ||
		    (is == JS_STR && date_3339(js_str(v), js_len(v), 1,
		    NULL) != DATE_NONE);
		break;
	case JO_ID:
	case JO_ID_NULL:
		ok = js_is_id(v) ||
		    (v == NULL && (flags & JO_KIND) == JO_ID_NULL);
		break;
	case JO_OBJ_NULL:
		ok = is == JS_OBJ || v == NULL;
		break;
	case JO_ARR:
	case JO_ARR_NULL:
		ok = is == JS_ARR ||
		    (v == NULL && (flags & JO_KIND) == JO_ARR_NULL);
		break;
	case JO_ADDRS_NULL:
		ok = v == NULL || object_addrs(v);
		break;
	case JO_ANY_NULL:
		ok = 1;
		break;
	default:			/* the id, and what only we set */
		ok = 0;
		break;
	}
	return ok ? 0 : -1;
}

/* RFC 8621 4.1.2.3: EmailAddress[] */
static int
object_addrs(struct js_val *v)
{
	struct js_val	*email, *name;
	struct js_rd	 rd;
	size_t		 i;

	if (js_type(v) != JS_ARR)
		return 0;
	for (i = 0; i < js_len(v); i++) {
		email = name = NULL;
		js_rd_init(&rd, js_at(v, i), "");
		js_rd_any(&rd, "email", &email);
		js_rd_any(&rd, "name", &name);
		if (js_rd_end(&rd) == -1 || js_type(email) != JS_STR ||
		    js_len(email) == 0 ||
		    (name != NULL && js_type(name) != JS_STR))
			return 0;
	}
	return 1;
}

/* --- create ------------------------------------------------------------ */

int
jmap_object_create(struct jmap_set *s, struct js_val *v,
    char id[JMAP_ID_MAX + 1])
{
	const struct jmap_prop	*p;
	struct jmap_object	 o;
	struct js_iter		 it;
	int			 at, got = 0;

	if (jmap_objrow_new(s->type, &o) == -1)
		return -1;
	for (js_first(&it, v); js_next(&it);) {
		at = jmap_get_named(s->c->req, s->type, it.key);
		p = at == -1 ? NULL : &s->type->props[at];
		if (p == NULL)
			jmap_set_bad(s, it.key, "no such property");
		else
			object_take(s, p, &o, it.val);
	}
	if (object_must(s, v) && (got = object_room(s)) == 1)
		got = object_keep(s, &o, v, id);
	if (s->c->store_err != STORE_OK)
		got = -1;
	jmap_objrow_free(&o);
	return got;
}

/* 1 when all is well so far. */
static int
object_must(struct jmap_set *s, struct js_val *v)
{
	const struct jmap_prop	*p;

	for (p = s->type->props; p < s->type->props + s->type->nprops; p++)
		if (p->flags & JO_MUST && !js_has(v, p->name))
			jmap_set_bad(s, p->name, "%s is missing", p->name);
	return s->e.err == NULL;
}

static int
object_room(struct jmap_set *s)
{
	struct store_ids	 ids = { NULL, 0, 0 };
	size_t			 n, max = s->type->object->max;

	if (max == 0)
		return 1;
	if (jmap_api_store(s->c, store_object_ids(s->c->txn, s->type->kind,
	    &ids)) != 1) {
		store_ids_free(&ids);
		return -1;
	}
	n = ids.n;
	store_ids_free(&ids);
	return n < max ? 1 : jmap_set_refuse(s, &jmap_error_over_quota,
	    "an account has at most %zu of these", max);
}

static int
object_keep(struct jmap_set *s, struct jmap_object *o, struct js_val *sent,
    char id[JMAP_ID_MAX + 1])
{
	const struct jmap_object_type	*t = s->type->object;
	int				 got;

	if (t->create != NULL && (got = t->create(s, o)) != 1)
		return got;
	if ((got = object_stored(s, jmap_objrow_create(s->c->txn, s->type,
	    o))) != 1)
		return got;
	(void)jmap_objrow_id(s->type, o->id, id);
	if (t->created != NULL && (got = t->created(s, o)) != 1)
		/* refused after all: as if it had never been */
		return got == 0 && object_stored(s, store_object_destroy(
		    s->c->txn, s->type->kind, o->id)) == 1 ? 0 : -1;
	if (t->fill != NULL && t->fill(s->c, o) != 1)
		return -1;
	return object_reply(s, sent, o, 1) == -1 ? -1 : 1;
}

static int
object_stored(struct jmap_set *s, enum store_err e)
{
	if (e == STORE_TOOMANY || e == STORE_INVALID)
		return jmap_set_refuse(s, &jmap_error_too_large,
		    "more than is kept of one object");
	if (e == STORE_NOTFOUND)
		return jmap_set_refuse(s, &jmap_error_not_found,
		    "no such object");
	return jmap_api_store(s->c, e);
}

/* Say what is not as sent; all: and what was not sent at all. */
static int
object_reply(struct jmap_set *s, struct js_val *sent,
    const struct jmap_object *o, int all)
{
	const struct jmap_prop	*p;
	struct js_val		*v, *is;

	for (p = s->type->props; p < s->type->props + s->type->nprops; p++) {
		if ((p->flags & JO_KIND) == 0 ||
		    !jmap_get_there(s->c->req, p))
			continue;
		is = js_get(o->val, p->name);
		if (js_find(sent, p->name, &v) ? js_equal(v, is) : !all)
			continue;
		js_out_key(&s->reply, p->name);
		js_out_val(&s->reply, is);
	}
	return buf_bad(&s->reply) ? -1 : 0;
}

/* --- update, destroy --------------------------------------------------- */

int
jmap_object_update(struct jmap_set *s, const char *id,
    const struct jmap_patch *p)
{
	struct jmap_object	 old, o = { 0, NULL };
	int			 got;

	if ((got = object_load(s->c, s->type, id, &old)) != 1)
		return got == -1 ? -1 : jmap_set_refuse(s,
		    &jmap_error_not_found, "no %s %s", s->type->name, id);
	o.id = old.id;
	if ((o.val = js_copy(old.val)) == NULL)
		got = -1;
	else if ((got = jmap_patch_props(s, p, object_patch_prop, &o)) == 1)
		got = object_change(s, &old, &o);
	if (s->c->store_err != STORE_OK)
		got = -1;
	jmap_objrow_free(&old);
	jmap_objrow_free(&o);
	return got;
}

/* All ops of a property, from op i on: 1 (perhaps with s->e), 0, -1. */
static int
object_patch_prop(struct jmap_set *s, const struct jmap_patch *patch, size_t i,
    const struct jmap_prop *p, void *obj)
{
	struct jmap_object	*o = obj;
	struct js_val		*is = js_get(o->val, p->name), *v = js_copy(is);
	char			 id[STORE_IDLEN];
	int			 got = 1;

	if ((p->flags & JO_KIND) == 0) {		/* the id */
		(void)jmap_objrow_id(s->type, o->id, id);
		if ((is = v = js_new_str(id, strlen(id))) == NULL)
			return -1;
		is = js_ref(v);
	} else
		is = js_ref(is);
	for (; got == 1 && i < patch->n &&
	    strcmp(patch->op[i].prop, p->name) == 0; i++)
		got = jmap_patch_apply(s, &patch->op[i], &v);
	if (got == 1 && v == NULL && !(p->flags & (JP_SERVER | JP_FIXED)))
		v = jmap_objrow_default(p->flags);
	if (got != 1)
		;
	else if (!(p->flags & (JP_SERVER | JP_FIXED)))
		object_take(s, p, o, v);
	else if (!js_equal(is, v))
		jmap_set_bad(s, p->name, "%s cannot be changed", p->name);
	js_free(is);
	js_free(v);
	return got;
}

static int
object_change(struct jmap_set *s, const struct jmap_object *old,
    struct jmap_object *o)
{
	const struct jmap_object_type	*t = s->type->object;
	struct js_val			*asked;
	enum store_err			 e;
	int				 got = 1;

	if ((asked = js_copy(o->val)) == NULL)
		return -1;
	if (t->update != NULL)
		got = t->update(s, old, o);
	if (got == 1) {
		e = jmap_objrow_update(s->c->txn, s->type, o);
		if (e == STORE_NOTFOUND && t->letter == 0)
			e = jmap_objrow_create(s->c->txn, s->type, o);
		got = object_stored(s, e);
	}
	if (got == 1 && t->fill != NULL && t->fill(s->c, o) != 1)
		got = -1;
	if (got == 1 && object_reply(s, asked, o, 0) == -1)
		got = -1;
	js_free(asked);
	return got;
}

int
jmap_object_destroy(struct jmap_set *s, const char *id)
{
	const struct jmap_object_type	*t = s->type->object;
	struct jmap_object		 o;
	int				 got;

	if ((got = object_load(s->c, s->type, id, &o)) != 1)
		return got == -1 ? -1 : jmap_set_refuse(s,
		    &jmap_error_not_found, "no %s %s", s->type->name, id);
	if (t->destroy != NULL)
		got = t->destroy(s, &o);
	if (got == 1)
		got = object_stored(s, store_object_destroy(s->c->txn,
		    s->type->kind, o.id));
	jmap_objrow_free(&o);
	return got;
}
