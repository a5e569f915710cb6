/* SPDX-License-Identifier: ISC */
/* The response of a Foo/set (RFC 8620 5.3), from what became of each
 * operation. */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_setop.h"

static void	setout_list(struct jmap_set *, const struct set_ops *,
		    const char *, enum set_kind, enum set_state);
static void	setout_one(struct buf *, const struct set_op *);

void
jmap_setout(struct jmap_set *s, const struct set_ops *ops, uint64_t old,
    uint64_t now)
{
	struct jmap_req	*r = s->c->req;
	struct buf	*b = s->c->out;

	js_out_obj(b);
	if (!s->type->unbound) {
		jmap_api_account(s->c);
		js_out_key(b, "oldState");
		js_out_s(b, jmap_api_state(r, old));
		js_out_key(b, "newState");
		js_out_s(b, jmap_api_state(r, now));
	}
	setout_list(s, ops, "created", SET_CREATE, SET_DONE);
	setout_list(s, ops, "updated", SET_UPDATE, SET_DONE);
	setout_list(s, ops, "destroyed", SET_DESTROY, SET_DONE);
	setout_list(s, ops, "notCreated", SET_CREATE, SET_REFUSED);
	setout_list(s, ops, "notUpdated", SET_UPDATE, SET_REFUSED);
	setout_list(s, ops, "notDestroyed", SET_DESTROY, SET_REFUSED);
	js_out_end(b, '}');
}

/* All operations of a kind with an outcome; null when there is none. */
static void
setout_list(struct jmap_set *s, const struct set_ops *ops, const char *name,
    enum set_kind kind, enum set_state state)
{
	struct buf	*b = s->c->out;
	size_t		 i;
	int		 any = 0, list;

	list = kind == SET_DESTROY && state == SET_DONE;
	js_out_key(b, name);
	for (i = 0; i < ops->n; i++) {
		if (ops->op[i].kind != kind || ops->op[i].state != state)
			continue;
		if (any++ == 0)
			list ? js_out_arr(b) : js_out_obj(b);
		if (list)
			js_out_s(b, ops->op[i].id);
		else
			setout_one(b, &ops->op[i]);
	}
	if (any == 0)
		js_out_null(b);
	else
		js_out_end(b, list ? ']' : '}');
}

/* One member of a map.  Done creates are under the creation id, done
 * updates under the real id, refusals under what was sent. */
static void
setout_one(struct buf *b, const struct set_op *op)
{
	const char	*key = op->key;

	if (op->kind == SET_UPDATE && op->state == SET_DONE)
		key = op->id;
	js_out_keyn(b, key, strlen(key));
	if (op->state == SET_REFUSED) {
		jmap_setout_error(b, &op->err);
		return;
	}
	if (op->kind == SET_UPDATE && op->reply == NULL) {
		js_out_null(b);
		return;
	}
	js_out_obj(b);
	if (op->kind == SET_CREATE) {
		js_out_key(b, "id");
		js_out_s(b, op->id);
	}
	if (op->reply != NULL)
		js_out_raw(b, op->reply, strlen(op->reply));
	js_out_end(b, '}');
}

void
jmap_setout_error(struct buf *b, const struct jmap_seterr *e)
{
	size_t	 i;

	js_out_obj(b);
	js_out_key(b, "type");
	js_out_s(b, e->err->type);
	if (e->desc != NULL) {
		js_out_key(b, "description");
		js_out_s(b, e->desc);
	}
	if (e->err == &jmap_error_invalid_properties) {
		js_out_key(b, "properties");
		js_out_arr(b);
		for (i = 0; i < e->nprops; i++)
			js_out_s(b, e->props[i]);
		js_out_end(b, ']');
	}
	if (e->more != NULL)
		js_out_raw(b, e->more, strlen(e->more));
	js_out_end(b, '}');
}

void
jmap_setout_map(struct buf *b, const char *name, const struct buf *members)
{
	js_out_key(b, name);
	if (members->len == 0) {
		js_out_null(b);
		return;
	}
	js_out_obj(b);
	js_out_raw(b, members->data, members->len);
	js_out_end(b, '}');
}

void
jmap_setout_ids(struct buf *b, const char *name, const struct jmap_ids *ids)
{
	size_t	 i;

	js_out_key(b, name);
	if (ids->n == 0) {
		js_out_null(b);
		return;
	}
	js_out_arr(b);
	for (i = 0; i < ids->n; i++)
		js_out_s(b, ids->id[i]);
	js_out_end(b, ']');
}
