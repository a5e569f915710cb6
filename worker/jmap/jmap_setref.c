/* SPDX-License-Identifier: ISC */
/*
 * Creation ids in a Foo/set (RFC 8620 5.3): "#x" where an id may stand, as
 * the id to update or destroy or in a property with JP_IDREF.  One whose
 * object is made later in the same call makes its operation wait.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_int.h"
#include "worker/jmap/jmap_setop.h"

static int	setref_member(struct jmap_set *, const struct set_ops *,
		    struct js_val *, const char *, struct js_val *);
static int	setref_text(struct jmap_set *, const struct set_ops *,
		    const char *, const char *, struct js_val **);
static int	setref_has_ref(const struct jmap_type *, struct js_val *);
static int	setref_waits_for(const struct set_ops *, const char *);

int
jmap_setref_id(struct jmap_set *s, const struct set_ops *ops, struct set_op *op)
{
	if (op->kind == SET_CREATE)
		return 1;
	op->id = jmap_api_real(s->c->req, op->key);
	if (op->id != NULL && jmap_api_is_id(op->id))
		return 1;
	s->later = op->id == NULL && setref_waits_for(ops, op->key + 1);
	return jmap_set_refuse(s, &jmap_error_not_found, "no such id");
}

/* Is that creation id still to come in this call? */
static int
setref_waits_for(const struct set_ops *ops, const char *cid)
{
	size_t	 i;

	for (i = 0; i < ops->n; i++)
		if (ops->op[i].kind == SET_CREATE &&
		    ops->op[i].state == SET_PENDING &&
		    strcmp(ops->op[i].key, cid) == 0)
			return 1;
	return 0;
}

/* The value itself, or a copy if anything must be replaced in it. */
int
jmap_setref(struct jmap_set *s, const struct set_ops *ops,
    const struct set_op *op, struct js_val **out)
{
	struct js_iter	 it;
	int		 at, got = 1;

	if (op->kind == SET_DESTROY)
		return 1;
	if (!setref_has_ref(s->type, op->val)) {
		*out = js_ref(op->val);
		return 1;
	}
	if ((*out = js_copy(op->val)) == NULL)
		return -1;
	for (js_first(&it, op->val); got == 1 && js_next(&it);) {
		at = jmap_get_prop(s->type, it.key);
		if (at != -1 && s->type->props[at].flags & JP_IDREF)
			got = setref_member(s, ops, *out, it.key, it.val);
	}
	return got;
}

/* 1 if an id property of it has a '#' where one may stand. */
static int
setref_has_ref(const struct jmap_type *t, struct js_val *v)
{
	struct js_iter	 it, in;
	size_t		 i;
	int		 at;

	for (js_first(&it, v); js_next(&it);) {
		at = jmap_get_prop(t, it.key);
		if (at == -1 || !(t->props[at].flags & JP_IDREF))
			continue;
		if (js_str(it.val)[0] == '#')
			return 1;
		for (i = 0; js_type(it.val) == JS_ARR && i < js_len(it.val);
		    i++)
			if (js_str(js_at(it.val, i))[0] == '#')
				return 1;
		for (js_first(&in, it.val); js_next(&in);)
			if (in.key[0] == '#')
				return 1;
	}
	return 0;
}

/* One Id, Id[] or Id[x] property of to, made anew from val. */
static int
setref_member(struct jmap_set *s, const struct set_ops *ops, struct js_val *to,
    const char *key, struct js_val *val)
{
	struct js_val	*v = NULL, *one = NULL;
	struct js_iter	 it;
	size_t		 i;
	int		 got = 1;

	if (js_type(val) == JS_ARR) {
		v = js_new_arr();
		for (i = 0; got == 1 && i < js_len(val); i++)
			if ((got = setref_text(s, ops, key,
			    js_str(js_at(val, i)), &one)) == 1)
				got = js_add(v, one) == -1 ? -1 : 1;
	} else if (js_type(val) == JS_OBJ) {
		v = js_new_obj();
		for (js_first(&it, val); got == 1 && js_next(&it);) {
			if ((got = setref_text(s, ops, key, it.key, &one)) != 1)
				break;
			got = js_set(v, js_str(one), js_ref(it.val)) == -1 ?
			    -1 : 1;
			js_free(one);
		}
	} else if (js_type(val) == JS_STR)
		got = setref_text(s, ops, key, js_str(val), &v);
	if (got != 1) {
		js_free(v);
		return got;
	}
	return js_set(to, key, v) == -1 ? -1 : 1;
}

/* Gives the text with a creation id replaced: 1, 0 refused or waits, -1. */
static int
setref_text(struct jmap_set *s, const struct set_ops *ops, const char *prop,
    const char *text, struct js_val **out)
{
	const char	*real = jmap_api_real(s->c->req, text);

	if (real == NULL) {
		s->later = setref_waits_for(ops, text + 1);
		jmap_set_bad(s, prop, "no object has the creation id %s",
		    text);
		return 0;
	}
	*out = js_new_str(real, strlen(real));
	return *out == NULL ? -1 : 1;
}
