/* SPDX-License-Identifier: ISC */
/*
 * Principals from JSON to the directory (stalwart-rest.md 3): create and
 * update.  Here the JSON is checked for its form; what it may say is checked
 * by auth.  A password passes through and is not kept.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/rest/rest.h"

static int	create_member(struct req *, struct buf *, const char *,
		    struct js_val *);
static int	put_value(struct req *, struct buf *, enum dir_field,
		    struct js_val *);
static int	put_list(struct req *, struct buf *, enum dir_field,
		    struct js_val *);
static int	put_str(struct req *, struct buf *, enum dir_action,
		    enum dir_field, struct js_val *);
static void	created_row(struct rest_call *, const struct dir_prin *);
static void	created_ok(struct rest_call *, const struct auth_ask_end *);
static void	updated_ok(struct rest_call *, const struct auth_ask_end *);
static int	update_one(struct req *, struct buf *, struct js_val *);
static int	update_set(struct req *, struct buf *, enum dir_field,
		    struct js_val *);
static int	update_item(struct req *, struct buf *, enum dir_action,
		    enum dir_field, struct js_val *);
static int	update_bad(struct req *, const char *);

/* --- create ------------------------------------------------------------- */

void
rest_change_create(struct req *r)
{
	struct rest_call	*c;
	struct js_iter		 it;
	struct js_val		*v;
	struct buf		 tail;

	if ((v = rest_body(r)) == NULL)
		return;
	buf_init(&tail, DIR_SIZE_MAX);
	if (js_type(v) != JS_OBJ) {
		rest_invalid(r, "a principal is an object");
		goto done;
	}
	if (js_type(js_get(v, "type")) != JS_STR) {
		rest_error(r, DIR_MISSING, "type", "");
		goto done;
	}
	for (js_first(&it, v); js_next(&it);)
		if (create_member(r, &tail, it.key, it.val) == -1)
			goto done;
	if ((c = rest_call(r)) == NULL)
		goto done;
	c->row = created_row;
	c->ok = created_ok;
	rest_ask(c, DIR_CREATE, &tail);
done:
	buf_freezero(&tail);
	js_free(v);
}

/* -1: it has been answered. */
static int
create_member(struct req *r, struct buf *tail, const char *key,
    struct js_val *v)
{
	int	 f, t;

	/* what a client read before, it may send back */
	if (strcmp(key, "id") == 0 || strcmp(key, "usedQuota") == 0)
		return 0;
	if ((f = dir_field(key)) == -1) {
		rest_invalid(r, arena_printf(&r->arena, "unknown field: %s",
		    key));
		return -1;
	}
	if (f == DIR_TYPE) {
		if (js_type(v) != JS_STR || (t = dir_type(js_str(v))) == -1) {
			rest_invalid(r, "type");
			return -1;
		}
		dir_put_uint(tail, DIR_TYPE, (uint64_t)t);
		return 0;
	}
	return js_type(v) == JS_NULL ? 0 :
	    put_value(r, tail, (enum dir_field)f, v);
}

/* All values of a field; -1: it has been answered. */
static int
put_value(struct req *r, struct buf *b, enum dir_field f, struct js_val *v)
{
	switch (dir_fields[f].kind) {
	case DIR_K_STR:
		return put_str(r, b, DIR_ADD, f, v);
	case DIR_K_LIST:
		return put_list(r, b, f, v);
	case DIR_K_UINT:
		if (js_type(v) == JS_INT && js_int(v) >= 0) {
			dir_put_uint(b, f, (uint64_t)js_int(v));
			return 0;
		}
		break;
	case DIR_K_NONE:
		break;
	}
	rest_invalid(r, dir_fields[f].name);
	return -1;
}

/* A string counts as a list of one. */
static int
put_list(struct req *r, struct buf *b, enum dir_field f, struct js_val *v)
{
	size_t	 i;

	if (js_type(v) != JS_ARR)
		return put_str(r, b, DIR_ADD, f, v);
	for (i = 0; i < js_len(v); i++)
		if (put_str(r, b, DIR_ADD, f, js_at(v, i)) == -1)
			return -1;
	return 0;
}

static int
put_str(struct req *r, struct buf *b, enum dir_action action,
    enum dir_field f, struct js_val *v)
{
	if (js_type(v) != JS_STR || js_len(v) > DIR_STR_MAX) {
		rest_invalid(r, dir_fields[f].name);
		return -1;
	}
	dir_put(b, action, f, js_str(v), js_len(v));
	return 0;
}

static void
created_row(struct rest_call *c, const struct dir_prin *d)
{
	js_out_obj(&c->out);
	js_out_key(&c->out, "data");
	js_out_uint(&c->out, d->id);
	js_out_end(&c->out, '}');
}

static void
created_ok(struct rest_call *c, const struct auth_ask_end *end)
{
	(void)end;
	rest_out(c);
}

/* --- update ------------------------------------------------------------- */

void
rest_change_update(struct req *r)
{
	struct rest_call	*c;
	struct js_val		*v;
	struct buf		 tail;
	size_t			 i;

	if ((v = rest_body(r)) == NULL)
		return;
	buf_init(&tail, DIR_SIZE_MAX + 512);
	buf_add(&tail, req_param(r, 0), strlen(req_param(r, 0)) + 1);
	if (js_type(v) != JS_ARR) {
		rest_invalid(r, "changes are an array");
		goto done;
	}
	for (i = 0; i < js_len(v); i++)
		if (update_one(r, &tail, js_at(v, i)) == -1)
			goto done;
	if ((c = rest_call(r)) == NULL)
		goto done;
	c->ok = updated_ok;
	rest_ask(c, DIR_UPDATE, &tail);
done:
	buf_freezero(&tail);
	js_free(v);
}

static void
updated_ok(struct rest_call *c, const struct auth_ask_end *end)
{
	(void)end;
	rest_data(c->r, "null");
}

/* {"action": set|addItem|removeItem, "field": F, "value": V} */
static int
update_one(struct req *r, struct buf *b, struct js_val *v)
{
	const char	*action, *field;
	struct js_val	*value;
	struct js_rd	 rd;
	int		 f;

	js_rd_init(&rd, v, "");
	action = field = "";
	value = NULL;
	if (js_rd_str(&rd, "action", &action) != 1 ||
	    js_rd_str(&rd, "field", &field) != 1 ||
	    js_rd_any(&rd, "value", &value) != 1 || js_rd_end(&rd) == -1) {
		rest_invalid(r, "a change has action, field and value");
		return -1;
	}
	if ((f = dir_field(field)) == -1) {
		rest_invalid(r, arena_printf(&r->arena, "unknown field: %s",
		    field));
		return -1;
	}
	if (strcmp(action, "set") == 0)
		return update_set(r, b, (enum dir_field)f, value);
	if (strcmp(action, "addItem") == 0)
		return update_item(r, b, DIR_ADD, (enum dir_field)f, value);
	if (strcmp(action, "removeItem") == 0)
		return update_item(r, b, DIR_REMOVE, (enum dir_field)f, value);
	rest_invalid(r, "action is set, addItem or removeItem");
	return -1;
}

static int
update_set(struct req *r, struct buf *b, enum dir_field f, struct js_val *v)
{
	enum js_type	 t = js_type(v);

	if (!dir_fields[f].writable || t == JS_BOOL || t == JS_OBJ ||
	    t == JS_DOUBLE ||
	    (t == JS_INT) != (dir_fields[f].kind == DIR_K_UINT) ||
	    (t == JS_ARR && dir_fields[f].kind != DIR_K_LIST))
		return update_bad(r, dir_fields[f].name);
	if (dir_fields[f].kind != DIR_K_UINT)
		dir_put(b, DIR_CLEAR, f, "", 0);
	/* an empty text is no value */
	if (t == JS_NULL || (t == JS_STR && js_len(v) == 0))
		return 0;
	return put_value(r, b, f, v);
}

static int
update_item(struct req *r, struct buf *b, enum dir_action action,
    enum dir_field f, struct js_val *v)
{
	if (dir_fields[f].kind != DIR_K_LIST || js_type(v) != JS_STR)
		return update_bad(r, dir_fields[f].name);
	return put_str(r, b, action, f, v);
}

static int
update_bad(struct req *r, const char *field)
{
	rest_error(r, DIR_OTHERERR, "Invalid parameter", field);
	return -1;
}
