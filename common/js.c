/* SPDX-License-Identifier: ISC */
/*
 * JSON values: json-c behind the strict scan, and typed reading of what
 * came.  The only file that includes json-c.  Used wherever bytes from
 * outside are JSON; nothing reaches json-c that js_scan has not passed.
 */
#include "common/compat.h"

#include <json-c/json.h>
#include <string.h>

#include "common/js.h"

/* struct js_val is struct json_object. */
#define J(v)	((struct json_object *)(void *)(v))
#define V(j)	((struct js_val *)(void *)(j))

static size_t		 js_members(struct json_object *, unsigned);
static struct json_tokener	*js_tokener(void);
static int		 js_whole(struct js_val *);
static int		 js_id_text(const char *, size_t);
static void		 js_out_number(struct buf *, struct js_val *);

/* One tokener for the process; it is reset before each use. */
static struct json_tokener *
js_tokener(void)
{
	static struct json_tokener	*tok;

	if (tok != NULL) {
		json_tokener_reset(tok);
		return tok;
	}
	if ((tok = json_tokener_new_ex(JS_DEPTH + 1)) != NULL)
		json_tokener_set_flags(tok,
		    JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	return tok;
}

enum js_fault
js_parse(const void *p, size_t n, const struct js_limits *lim,
    struct js_info *info, struct js_val **out)
{
	struct json_tokener	*tok;
	struct json_object	*jo;
	struct js_info		 mine;
	enum js_fault		 f;

	*out = NULL;
	if (info == NULL)
		info = &mine;
	f = js_scan(p, n, lim == NULL ? &js_scan_limits : lim, info);
	if (f != JS_OK)
		return f;
	if (n > INT32_MAX || (tok = js_tokener()) == NULL)
		return JS_MEMORY;
	jo = json_tokener_parse_ex(tok, p, (int)n);
	/* a number at the top may go on, for all it knows */
	if (json_tokener_get_error(tok) == json_tokener_continue)
		jo = json_tokener_parse_ex(tok, " ", 1);
	if (json_tokener_get_error(tok) != json_tokener_success)
		return JS_SYNTAX;
	/* RFC 7493 2.3: no duplicate keys; json-c keeps the last */
	if (js_members(jo, 0) != info->members) {
		json_object_put(jo);
		return JS_SYNTAX;
	}
	*out = V(jo);
	return JS_OK;
}

/* Members of all objects in the tree; its depth is at most JS_DEPTH. */
static size_t
js_members(struct json_object *jo, unsigned depth)
{
	size_t	 i, n = 0;

	if (depth > JS_DEPTH)
		return SIZE_MAX;
	if (json_object_is_type(jo, json_type_object)) {
		n = json_object_object_length(jo);
		json_object_object_foreach(jo, key, val) {
			(void)key;
			n += js_members(val, depth + 1);
		}
	} else if (json_object_is_type(jo, json_type_array)) {
		for (i = 0; i < json_object_array_length(jo); i++)
			n += js_members(json_object_array_get_idx(jo, i),
			    depth + 1);
	}
	return n;
}

void
js_free(struct js_val *v)
{
	json_object_put(J(v));
}

struct js_val *
js_ref(struct js_val *v)
{
	return V(json_object_get(J(v)));
}

struct js_val *
js_copy(struct js_val *v)
{
	struct json_object	*jo = NULL;

	if (v == NULL || json_object_deep_copy(J(v), &jo, NULL) == -1)
		return NULL;
	return V(jo);
}

int
js_equal(struct js_val *a, struct js_val *b)
{
	return json_object_equal(J(a), J(b));
}

enum js_type
js_type(struct js_val *v)
{
	static const enum js_type types[] = {
		[json_type_null] = JS_NULL, [json_type_boolean] = JS_BOOL,
		[json_type_double] = JS_DOUBLE, [json_type_int] = JS_INT,
		[json_type_object] = JS_OBJ, [json_type_array] = JS_ARR,
		[json_type_string] = JS_STR
	};

	if (json_object_is_type(J(v), json_type_double))
		return js_whole(v) ? JS_INT : JS_DOUBLE;
	return types[json_object_get_type(J(v))];
}

/* RFC 8259 6, RFC 8620 1.3: 1.0 and 1e0 are the integer 1. */
static int
js_whole(struct js_val *v)
{
	double	 d = json_object_get_double(J(v));

	return d >= -(double)JS_INT_MAX && d <= (double)JS_INT_MAX &&
	    d == (double)(int64_t)d;
}

static int
js_id_text(const char *s, size_t n)
{
	return n >= 1 && n <= 255 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_") == n;
}

int
js_is_id(struct js_val *v)
{
	return js_type(v) == JS_STR && js_id_text(js_str(v), js_len(v));
}

int
js_is_ref(struct js_val *v)
{
	const char	*s = js_str(v);
	size_t		 n = js_type(v) == JS_STR ? js_len(v) : 0;

	if (n > 0 && s[0] == '#')
		return js_id_text(s + 1, n - 1);
	return js_id_text(s, n);
}

int
js_bool(struct js_val *v)
{
	return js_type(v) == JS_BOOL && json_object_get_boolean(J(v));
}

int64_t
js_int(struct js_val *v)
{
	if (js_type(v) != JS_INT)
		return 0;
	return json_object_is_type(J(v), json_type_double) ?
	    (int64_t)json_object_get_double(J(v)) : json_object_get_int64(J(v));
}

const char *
js_str(struct js_val *v)
{
	return js_type(v) == JS_STR ? json_object_get_string(J(v)) : "";
}

size_t
js_len(struct js_val *v)
{
	switch (js_type(v)) {
	case JS_STR:
		return json_object_get_string_len(J(v));
	case JS_ARR:
		return json_object_array_length(J(v));
	case JS_OBJ:
		return json_object_object_length(J(v));
	default:
		return 0;
	}
}

struct js_val *
js_at(struct js_val *v, size_t i)
{
	if (js_type(v) != JS_ARR)
		return NULL;
	return V(json_object_array_get_idx(J(v), i));
}

struct js_val *
js_get(struct js_val *v, const char *key)
{
	struct js_val	*m;

	return js_find(v, key, &m) ? m : NULL;
}

int
js_has(struct js_val *v, const char *key)
{
	struct js_val	*m;

	return js_find(v, key, &m);
}

int
js_find(struct js_val *v, const char *key, struct js_val **out)
{
	struct json_object	*m;

	if (js_type(v) != JS_OBJ ||
	    !json_object_object_get_ex(J(v), key, &m))
		return 0;
	*out = V(m);
	return 1;
}

void
js_first(struct js_iter *it, struct js_val *v)
{
	struct lh_entry	*e = NULL;

	if (js_type(v) == JS_OBJ)
		e = json_object_get_object(J(v))->head;
	it->pos = e;
	it->key = NULL;
	it->val = NULL;
}

int
js_next(struct js_iter *it)
{
	struct lh_entry	*e = it->pos;

	if (e == NULL)
		return 0;
	it->key = lh_entry_k(e);
	it->val = lh_entry_v(e);
	it->pos = e->next;
	return 1;
}

struct js_val *
js_new_obj(void)
{
	return V(json_object_new_object());
}

struct js_val *
js_new_arr(void)
{
	return V(json_object_new_array());
}

struct js_val *
js_new_str(const char *s, size_t n)
{
	return n > INT32_MAX ? NULL : V(json_object_new_string_len(s, (int)n));
}

struct js_val *
js_new_int(int64_t i)
{
	return V(json_object_new_int64(i));
}

struct js_val *
js_new_bool(int yes)
{
	return V(json_object_new_boolean(yes));
}

int
js_set(struct js_val *obj, const char *key, struct js_val *v)
{
	if (json_object_object_add(J(obj), key, J(v)) == 0)
		return 0;
	js_free(v);
	return -1;
}

int
js_add(struct js_val *arr, struct js_val *v)
{
	if (json_object_array_add(J(arr), J(v)) == 0)
		return 0;
	js_free(v);
	return -1;
}

void
js_del(struct js_val *obj, const char *key)
{
	json_object_object_del(J(obj), key);
}

static void
js_out_number(struct buf *b, struct js_val *v)
{
	const char	*s;

	if (!json_object_is_type(J(v), json_type_double)) {
		js_out_int(b, js_int(v));
		return;
	}
	s = json_object_to_json_string(J(v));	/* it keeps its own spelling */
	js_out_raw(b, s, strlen(s));
}

/* Here, not in js_out.c, because it must look into a value. */
void
js_out_val(struct buf *b, struct js_val *v)
{
	struct js_iter	 it;
	size_t		 i;

	switch (js_type(v)) {
	case JS_NULL:
		js_out_null(b);
		break;
	case JS_BOOL:
		js_out_bool(b, js_bool(v));
		break;
	case JS_INT:
	case JS_DOUBLE:
		js_out_number(b, v);
		break;
	case JS_STR:
		js_out_str(b, js_str(v), js_len(v));
		break;
	case JS_ARR:
		js_out_arr(b);
		for (i = 0; i < js_len(v); i++)
			js_out_val(b, js_at(v, i));
		js_out_end(b, ']');
		break;
	case JS_OBJ:
		js_out_obj(b);
		for (js_first(&it, v); js_next(&it);) {
			js_out_keyn(b, it.key, strlen(it.key));
			js_out_val(b, it.val);
		}
		js_out_end(b, '}');
		break;
	}
}
