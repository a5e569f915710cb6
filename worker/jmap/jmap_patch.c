/* SPDX-License-Identifier: ISC */
/*
 * PatchObject (RFC 8620 5.3): paths read, checked against one another, and
 * applied to one property's value.  Called by jmap_set.c and by types that
 * take patches apart themselves (Email's keywords and mailboxIds).
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/jmap/jmap.h"

#define PATCH_OPS	1000	/* entries of one patch */
#define PATCH_VALUE	(1 << 20) /* bytes of a property that is patched */

static int	patch_op(struct jmap_set *, const char *, struct js_val *,
		    struct jmap_patch_op *);
static int	patch_segment(char *);
static int	patch_prefixes(struct jmap_set *, const struct jmap_patch *);
static int	patch_cmp(const void *, const void *);

int
jmap_patch_read(struct jmap_set *s, struct js_val *v, struct jmap_patch *p)
{
	struct js_iter	 it;
	int		 got;

	p->n = 0;
	if (js_len(v) > PATCH_OPS)
		return jmap_set_refuse(s, &jmap_error_invalid_patch,
		    "more than %d paths", PATCH_OPS);
	p->op = arena_array(&s->c->req->arena, js_len(v) + 1, sizeof(*p->op));
	if (p->op == NULL)
		return -1;
	for (js_first(&it, v); js_next(&it); p->n++)
		if ((got = patch_op(s, it.key, it.val, &p->op[p->n])) != 1)
			return got;
	return patch_prefixes(s, p);
}

static int
patch_op(struct jmap_set *s, const char *path, struct js_val *v,
    struct jmap_patch_op *op)
{
	struct jmap_req	*r = s->c->req;
	char		*p, *next;
	int		 at;

	op->path = path;
	op->val = v;
	if ((p = arena_dup(&r->arena, path, strlen(path))) == NULL)
		return -1;
	for (; p != NULL; p = next) {
		if ((next = strchr(p, '/')) != NULL)
			*next++ = '\0';
		if (op->nseg == nitems(op->seg) || patch_segment(p) == -1)
			return jmap_set_refuse(s, &jmap_error_invalid_patch,
			    "not a path: %s", path);
		op->seg[op->nseg++] = p;
	}
	op->prop = op->seg[0];
	/* "mailboxIds/#new": a creation id where an id is the key */
	at = jmap_get_prop(s->type, op->prop);
	if (op->nseg > 1 && op->seg[1][0] == '#' && at != -1 &&
	    s->type->props[at].flags & JP_IDREF &&
	    jmap_api_real(r, op->seg[1]) != NULL)
		op->seg[1] = jmap_api_real(r, op->seg[1]);
	op->sub = op->seg[1];
	op->deep = op->seg[2];
	return 1;
}

/* RFC 6901 4: ~1 is '/', ~0 is '~', nothing else follows a '~'. */
static int
patch_segment(char *p)
{
	char	*to = p;

	for (; *p != '\0'; p++) {
		if (*p != '~') {
			*to++ = *p;
			continue;
		}
		p++;
		if (*p != '0' && *p != '1')
			return -1;
		*to++ = *p == '0' ? '~' : '/';
	}
	*to = '\0';
	return 0;
}

/* As strcmp, with '/' before all else, so that prefixes are neighbours. */
static int
patch_cmp(const void *va, const void *vb)
{
	const char	*a = ((const struct jmap_patch_op *)va)->path;
	const char	*b = ((const struct jmap_patch_op *)vb)->path;
	int		 x, y;

	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	x = *a == '/' ? 1 : *a == '\0' ? 0 : 2 + (uint8_t)*a;
	y = *b == '/' ? 1 : *b == '\0' ? 0 : 2 + (uint8_t)*b;
	return x - y;
}

/* No pointer may be the prefix of another. */
static int
patch_prefixes(struct jmap_set *s, const struct jmap_patch *p)
{
	const char	*a, *b;
	size_t		 i, n;

	qsort(p->op, p->n, sizeof(*p->op), patch_cmp);
	for (i = 1; i < p->n; i++) {
		a = p->op[i - 1].path;
		b = p->op[i].path;
		n = strlen(a);
		if (strncmp(a, b, n) == 0 && b[n] == '/')
			return jmap_set_refuse(s, &jmap_error_invalid_patch,
			    "%s is a prefix of %s", a, b);
	}
	return 1;
}

int
jmap_patch_props(struct jmap_set *s, const struct jmap_patch *p,
    jmap_patch_fn *fn, void *arg)
{
	size_t	 i;
	int	 at, got;

	for (i = 0; i < p->n; i++) {
		/* sorted: the ops of one property stand together */
		if (i > 0 && strcmp(p->op[i].prop, p->op[i - 1].prop) == 0)
			continue;
		at = jmap_get_named(s->c->req, s->type, p->op[i].prop);
		if (at == -1 && p->op[i].sub != NULL)
			return jmap_set_refuse(s, &jmap_error_invalid_patch,
			    "no such path: %s", p->op[i].path);
		if (at == -1) {
			jmap_set_bad(s, p->op[i].prop, "no such property");
			continue;
		}
		if ((got = fn(s, p, i, &s->type->props[at], arg)) != 1)
			return got;
	}
	return s->e.err == NULL;
}

int
jmap_patch_value(struct jmap_set *s, const struct jmap_patch *p,
    const struct jmap_prop *prop, const void *obj, struct js_val **out)
{
	struct js_val	*v = NULL;
	struct buf	 b;
	size_t		 i;
	int		 got = -1;

	buf_init(&b, PATCH_VALUE);
	prop->put(s->c, obj, &b);
	if (buf_bad(&b) || js_parse(b.data, b.len, NULL, NULL, &v) != JS_OK)
		goto done;
	for (i = 0; i < p->n; i++)
		if (strcmp(p->op[i].prop, prop->name) == 0 &&
		    (got = jmap_patch_apply(s, &p->op[i], &v)) != 1)
			goto done;
	*out = v;
	v = NULL;
	got = 1;
done:
	js_free(v);
	buf_free(&b);
	return got;
}

int
jmap_patch_apply(struct jmap_set *s, const struct jmap_patch_op *op,
    struct js_val **root)
{
	struct js_val	*v = *root;
	size_t		 i;

	if (op->sub == NULL) {
		js_free(*root);
		*root = js_ref(op->val);
		return 1;
	}
	/* all parts prior to the last must exist, and none be an array */
	for (i = 1; i + 1 < op->nseg; i++)
		if (!js_find(v, op->seg[i], &v))
			break;
	if (i + 1 < op->nseg || js_type(v) != JS_OBJ)
		return jmap_set_refuse(s, &jmap_error_invalid_patch,
		    "no such path: %s", op->path);
	if (op->val == NULL) {
		js_del(v, op->seg[i]);
		return 1;
	}
	return js_set(v, op->seg[i], js_ref(op->val)) == -1 ? -1 : 1;
}
