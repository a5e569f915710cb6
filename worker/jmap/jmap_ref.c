/* SPDX-License-Identifier: ISC */
/*
 * References to earlier results (RFC 8620 3.7).  Two ways: ids that a
 * method kept as it wrote them (jmap_ref_keep), which costs next to nothing
 * and is what every client does; or the earlier response's bytes parsed
 * again, once, and a JSON pointer with "*" walked through them.
 * Bounds: pointer length, segments, stars, and nodes visited in a request.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_int.h"

#define REF_PATH	256	/* bytes of a path */
#define REF_SEGMENTS	16
#define REF_STARS	3
#define REF_NODES	100000	/* visited in one request */
#define REF_WANTS	64	/* back references noted ahead */

struct walk {
	struct jmap_req	*req;
	char		 text[REF_PATH + 1];
	const char	*seg[REF_SEGMENTS];
	size_t		 nseg;
};

static int	ref_read(struct js_val *, struct jmap_want *);
static void	ref_note(struct jmap_req *, struct js_val *);
static const struct jmap_error	*ref_one(struct jmap_call *, const char *,
				    struct js_val *);
static const struct jmap_error	*ref_kept(struct jmap_call *, const char *,
				    const struct jmap_want *);
static const struct jmap_error	*ref_bad(struct jmap_call *, const char *,
				    const char *);
static struct jmap_result	*ref_result(struct jmap_req *, const char *);
static struct jmap_want	*ref_want(struct jmap_req *, const struct jmap_want *);
static int	ref_load(struct jmap_req *, struct jmap_result *);
static int	ref_split(struct walk *, const char *);
static int	ref_unescape(char *);
static int	ref_walk(struct walk *, struct js_val *, size_t,
		    struct js_val **);
static int	ref_star(struct walk *, struct js_val *, size_t,
		    struct js_val **);
static int	ref_flatten(struct js_val *, struct js_val *);
static int	ref_index(struct js_val *, const char *, struct js_val **);
static int	ref_set_ids(struct jmap_call *, const char *,
		    const struct jmap_ids *);

/* { resultOf, name, path }, all strings. */
static int
ref_read(struct js_val *v, struct jmap_want *w)
{
	struct js_rd	 rd;

	js_rd_init(&rd, v, "");
	return js_rd_str(&rd, "resultOf", &w->of) == 1 &&
	    js_rd_str(&rd, "name", &w->name) == 1 &&
	    js_rd_str(&rd, "path", &w->path) == 1 && js_rd_end(&rd) == 0;
}

void
jmap_ref_wants(struct jmap_req *r, struct js_val *calls)
{
	struct js_iter	 it;
	size_t		 i;

	for (i = 0; i < js_len(calls); i++)
		for (js_first(&it, js_at(js_at(calls, i), 1)); js_next(&it);)
			if (it.key[0] == '#')
				ref_note(r, it.val);
}

/* One that does not fit or is not right is met again in jmap_ref_resolve. */
static void
ref_note(struct jmap_req *r, struct js_val *v)
{
	struct jmap_want	 w;

	memset(&w, 0, sizeof(w));
	if (r->wants == NULL && (r->wants = arena_array(&r->arena, REF_WANTS,
	    sizeof(*r->wants))) == NULL)
		return;
	if (r->nwants < REF_WANTS && ref_read(v, &w) &&
	    ref_want(r, &w) == NULL) {
		/* it is taken out of its arguments before its turn is over */
		w.ref = js_ref(v);
		r->wants[r->nwants++] = w;
	}
}

static struct jmap_want *
ref_want(struct jmap_req *r, const struct jmap_want *w)
{
	size_t	 i;

	for (i = 0; i < r->nwants; i++)
		if (strcmp(r->wants[i].of, w->of) == 0 &&
		    strcmp(r->wants[i].path, w->path) == 0 &&
		    strcmp(r->wants[i].name, w->name) == 0)
			return &r->wants[i];
	return NULL;
}

struct jmap_ids *
jmap_ref_keep(struct jmap_call *c, const char *path)
{
	struct jmap_req		*r = c->req;
	struct jmap_want	*w, key;

	key.of = c->id;
	key.name = c->method->name;
	key.path = path;
	if (r->nwants == 0 || (w = ref_want(r, &key)) == NULL)
		return NULL;
	/* only the first answer with that call id counts */
	if (w->kept || ref_result(r, c->id) != NULL)
		return NULL;
	w->kept = 1;
	return &w->ids;
}

void
jmap_ref_forget(struct jmap_call *c)
{
	struct jmap_req	*r = c->req;
	size_t		 i;

	if (ref_result(r, c->id) != NULL)
		return;			/* it could not keep anything */
	for (i = 0; i < r->nwants; i++)
		if (strcmp(r->wants[i].of, c->id) == 0) {
			r->wants[i].kept = 0;
			r->wants[i].ids.n = 0;
		}
}

void
jmap_ref_free(struct jmap_req *r)
{
	size_t	 i;

	for (i = 0; i < r->nresults; i++)
		js_free(r->results[i].val);
	for (i = 0; i < r->nwants; i++)
		js_free(r->wants[i].ref);
}

const struct jmap_error *
jmap_ref_resolve(struct jmap_call *c)
{
	const struct jmap_error	*e;
	struct js_iter		 it;

	/* each one resolved is taken out, so begin again */
	for (;;) {
		for (js_first(&it, c->args); js_next(&it);)
			if (it.key[0] == '#')
				break;
		if (it.key == NULL || it.key[0] != '#')
			return NULL;
		if ((e = ref_one(c, it.key, it.val)) != NULL)
			return e;
	}
}

static const struct jmap_error *
ref_one(struct jmap_call *c, const char *key, struct js_val *v)
{
	const struct jmap_error	*e;
	struct jmap_want	 w, *kept;
	struct jmap_result	*res;
	struct js_val		*got = NULL;
	struct walk		 walk;
	char			*name;

	if (js_has(c->args, key + 1))
		return jmap_error_say(c, &jmap_error_invalid_arguments,
		    "both %s and %s are given", key + 1, key);
	if (!ref_read(v, &w))
		return ref_bad(c, key, "is not a ResultReference");
	if ((res = ref_result(c->req, w.of)) == NULL)
		return ref_bad(c, key, "no earlier call has that id");
	if (res->name == NULL || strcmp(res->name, w.name) != 0)
		return ref_bad(c, key, "the response has another name");
	name = arena_dup(&c->req->arena, key + 1, strlen(key + 1));
	if (name == NULL)
		return jmap_api_lost(c);
	kept = ref_want(c->req, &w);
	if (kept != NULL && kept->kept) {
		e = ref_kept(c, name, kept);
	} else {
		walk.req = c->req;
		if (ref_split(&walk, w.path) == -1)
			return ref_bad(c, key, "not a usable path");
		if (ref_load(c->req, res) == -1)
			return ref_bad(c, key, "that response is too large");
		if (ref_walk(&walk, res->val, 0, &got) == -1)
			return ref_bad(c, key, "the path leads nowhere");
		e = js_set(c->args, name, got) == -1 ? jmap_api_lost(c) : NULL;
	}
	js_del(c->args, key);
	return e;
}

static const struct jmap_error *
ref_bad(struct jmap_call *c, const char *key, const char *why)
{
	return jmap_error_say(c, &jmap_error_invalid_result_reference,
	    "%s: %s", key, why);
}

/* Hand over ids that were kept: as they are if the method can take that. */
static const struct jmap_error *
ref_kept(struct jmap_call *c, const char *name, const struct jmap_want *w)
{
	if (c->method->flags & JM_REFS && c->ref_ids == NULL &&
	    (strcmp(name, "ids") == 0 || strcmp(name, "destroy") == 0)) {
		c->ref_name = name;
		c->ref_ids = &w->ids;
		return NULL;
	}
	return ref_set_ids(c, name, &w->ids) == -1 ? jmap_api_lost(c) : NULL;
}

static int
ref_set_ids(struct jmap_call *c, const char *name, const struct jmap_ids *ids)
{
	struct js_val	*arr;
	size_t		 i;

	if ((arr = js_new_arr()) == NULL)
		return -1;
	for (i = 0; i < ids->n; i++)
		if (js_add(arr, js_new_str(ids->id[i],
		    strlen(ids->id[i]))) == -1) {
			js_free(arr);
			return -1;
		}
	return js_set(c->args, name, arr);
}

/* The first answer with that call id. */
static struct jmap_result *
ref_result(struct jmap_req *r, const char *id)
{
	size_t	 i;

	for (i = 0; i < r->nresults; i++)
		if (strcmp(r->results[i].id, id) == 0)
			return &r->results[i];
	return NULL;
}

static int
ref_load(struct jmap_req *r, struct jmap_result *res)
{
	if (res->val != NULL)
		return 0;
	return js_parse(r->out->data + res->off, res->len, NULL, NULL,
	    &res->val) == JS_OK ? 0 : -1;
}

/* RFC 6901 3: *( "/" reference-token ) */
static int
ref_split(struct walk *w, const char *path)
{
	size_t	 n = strlen(path), stars = 0;
	char	*p, *next;

	w->nseg = 0;
	if (n > REF_PATH || (n > 0 && path[0] != '/'))
		return -1;
	memcpy(w->text, path, n + 1);
	for (p = n > 0 ? w->text + 1 : NULL; p != NULL; p = next) {
		if (w->nseg == REF_SEGMENTS)
			return -1;
		if ((next = strchr(p, '/')) != NULL)
			*next++ = '\0';
		if (strcmp(p, "*") == 0 && ++stars > REF_STARS)
			return -1;
		if (ref_unescape(p) == -1)
			return -1;
		w->seg[w->nseg++] = p;
	}
	return 0;
}

/* ~1 is '/', ~0 is '~' */
static int
ref_unescape(char *p)
{
	char	*to = p;

	for (; *p != '\0'; p++) {
		if (*p == '~') {
			p++;
			if (*p != '0' && *p != '1')
				return -1;
			*to++ = *p == '0' ? '~' : '/';
		} else
			*to++ = *p;
	}
	*to = '\0';
	return 0;
}

/* Depth is bounded by the segments.  Gives *out. */
static int
ref_walk(struct walk *w, struct js_val *v, size_t i, struct js_val **out)
{
	struct js_val	*next;

	if (++w->req->nodes > REF_NODES)
		return -1;
	if (i == w->nseg) {
		*out = js_ref(v);
		return 0;
	}
	switch (js_type(v)) {
	case JS_OBJ:
		if (!js_find(v, w->seg[i], &next))
			return -1;
		return ref_walk(w, next, i + 1, out);
	case JS_ARR:
		if (strcmp(w->seg[i], "*") == 0)
			return ref_star(w, v, i + 1, out);
		if (ref_index(v, w->seg[i], &next) == -1)
			return -1;
		return ref_walk(w, next, i + 1, out);
	default:
		return -1;
	}
}

/* "*": the rest applied to every item; arrays among the results flatten. */
static int
ref_star(struct walk *w, struct js_val *v, size_t i, struct js_val **out)
{
	struct js_val	*arr, *item;
	size_t		 k;

	if ((arr = js_new_arr()) == NULL)
		return -1;
	for (k = 0; k < js_len(v); k++) {
		if (ref_walk(w, js_at(v, k), i, &item) == -1)
			goto bad;
		if (js_type(item) == JS_ARR) {
			w->req->nodes += js_len(item);
			if (w->req->nodes > REF_NODES ||
			    ref_flatten(arr, item) == -1) {
				js_free(item);
				goto bad;
			}
			js_free(item);
		} else if (js_add(arr, item) == -1)
			goto bad;
	}
	*out = arr;
	return 0;
bad:
	js_free(arr);
	return -1;
}

static int
ref_flatten(struct js_val *to, struct js_val *from)
{
	size_t	 i;

	for (i = 0; i < js_len(from); i++)
		if (js_add(to, js_ref(js_at(from, i))) == -1)
			return -1;
	return 0;
}

/* RFC 6901 4: digits without a leading zero */
static int
ref_index(struct js_val *v, const char *seg, struct js_val **out)
{
	size_t	 i, n = strlen(seg), at = 0;

	if (n == 0 || n > 9 || (n > 1 && seg[0] == '0'))
		return -1;
	for (i = 0; i < n; i++) {
		if (seg[i] < '0' || seg[i] > '9')
			return -1;
		at = at * 10 + (seg[i] - '0');
	}
	if (at >= js_len(v))
		return -1;
	*out = js_at(v, at);
	return 0;
}
