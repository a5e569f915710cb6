/* SPDX-License-Identifier: ISC */
/*
 * Quota (RFC 9425): how much mail the account may have, as the directory
 * says it, and has.  At most one object, octets of Email; it is made, changed
 * and destroyed when somebody looks and the directory says otherwise.  What
 * is used is counted, and noted as changed, by the store (store_quota.c),
 * which also refuses what is over it.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/jmap_query.h"
#include "worker/jmap/quota.h"

#define QUOTA_ID	1	/* store_quota.c knows it, too */

static int	quota_prepare(struct jmap_call *);
static int	quota_keep(struct jmap_call *, struct jmap_object *, int);
static int	quota_fill(struct jmap_call *, struct jmap_object *);
static int	quota_all(struct jmap_get *, struct jmap_ids *);
static int	quota_row(struct jmap_get *, const char *);
static int	quota_changes(struct jmap_changes *, struct buf *);
static const struct jmap_error	*quota_query(struct jmap_query *);
static const struct jmap_error	*quota_query_changes(struct jmap_query *);
static int	quota_match(struct jmap_query *, const void *,
		    const struct jmap_filter_term *);
static int	quota_name(struct jmap_query *, const void *,
		    const struct jmap_filter_term *);
static int	quota_type_is(struct jmap_query *, const void *,
		    const struct jmap_filter_term *);
static int	quota_cmp(struct jmap_query *, const void *, const void *);

static const struct jmap_prop quota_props[] = {
	{ "description", JP_SERVER | JO_STR_NULL, NULL, NULL },
	{ "hardLimit", JP_SERVER | JO_UINT, NULL, NULL },
	{ "id", JP_SERVER | JP_FIXED, NULL, NULL },
	{ "name", JP_SERVER | JO_STR, NULL, NULL },
	{ "resourceType", JP_SERVER | JO_STR, NULL, NULL },
	{ "scope", JP_SERVER | JO_STR, NULL, NULL },
	{ "softLimit", JP_SERVER | JO_UINT_NULL, NULL, NULL },
	{ "types", JP_SERVER | JO_ARR, NULL, NULL },
	{ "used", JP_SERVER | JO_UINT | JO_FILLED, NULL, NULL },
	{ "warnLimit", JP_SERVER | JO_UINT_NULL, NULL, NULL },
};

static const struct jmap_cond quota_conds[] = {
	{ "name", JK_STR, 0, quota_name },
	{ "resourceType", JK_STR, 0, quota_match },
	{ "scope", JK_STR, 0, quota_match },
	{ "type", JK_STR, 0, quota_type_is },
};

/* Of one object there is one order. */
static const struct jmap_order quota_orders[] = {
	{ "name", 0, quota_cmp, JQ_TEXT },
	{ "used", JMAP_OBJECT_MUTABLE, quota_cmp, 0 },
};

static const struct jmap_object_type quota_object = {
	.letter = 'Q',
	.fill = quota_fill,
};

const struct jmap_type quota_type = {
	.name = "Quota",
	.kind = STORE_QUOTA,
	.props = quota_props,
	.nprops = nitems(quota_props),
	.object = &quota_object,
	.prepare = quota_prepare,
	.all = quota_all,
	.row = quota_row,
	.changes = quota_changes,
	.conds = quota_conds,
	.nconds = nitems(quota_conds),
	.orders = quota_orders,
	.norders = nitems(quota_orders),
	.query = quota_query,
	.query_changes = quota_query_changes,
};

/* --- what the directory says, kept ---------------------------------------- */

static int
quota_prepare(struct jmap_call *c)
{
	struct jmap_object	 o = { QUOTA_ID, NULL };
	uint64_t		 limit = c->req->user->quota;
	int			 got, same;

	got = jmap_api_store(c, jmap_objrow_load(c->txn, &quota_type,
	    QUOTA_ID, &o));
	if (got == -1)
		return -1;
	same = got == 0 ? limit == 0 :
	    (uint64_t)js_int(js_get(o.val, "hardLimit")) == limit;
	if (same)
		got = 1;
	else if (c->want_write)
		got = quota_keep(c, &o, got);
	else {
		c->want_write = 1;
		got = 0;
	}
	jmap_objrow_free(&o);
	return got;
}

/* there: o was read.  1, or -1. */
static int
quota_keep(struct jmap_call *c, struct jmap_object *o, int there)
{
	uint64_t	 limit = c->req->user->quota;
	struct js_val	*types;

	if (limit == 0)
		return jmap_api_store(c, store_object_destroy(c->txn,
		    STORE_QUOTA, QUOTA_ID)) == 1 ? 1 : -1;
	if (!there && jmap_objrow_new(&quota_type, o) == -1)
		return -1;
	o->id = QUOTA_ID;
	if ((types = js_new_arr()) == NULL ||
	    js_add(types, js_new_str("Email", 5)) == -1 ||
	    jmap_objrow_set(o, "types", types) == -1 ||
	    jmap_objrow_set_str(o, "name", "mail") == -1 ||
	    jmap_objrow_set_str(o, "resourceType", "octets") == -1 ||
	    jmap_objrow_set_str(o, "scope", "account") == -1 ||
	    jmap_objrow_set(o, "hardLimit", js_new_int((int64_t)limit)) == -1 ||
	    jmap_objrow_set(o, "warnLimit",
	    js_new_int((int64_t)(limit - limit / 10))) == -1)
		return -1;
	return jmap_api_store(c, there ?
	    jmap_objrow_update(c->txn, &quota_type, o) :
	    jmap_objrow_create(c->txn, &quota_type, o)) == 1 ? 1 : -1;
}

static int
quota_fill(struct jmap_call *c, struct jmap_object *o)
{
	uint64_t	 mails, bytes;

	store_usage(c->txn, &mails, &bytes);
	return jmap_objrow_set(o, "used", js_new_int((int64_t)bytes)) == -1 ?
	    -1 : 1;
}

/* --- methods ------------------------------------------------------------- */

/* 4.1: nothing of types that the client does not use. */
static int
quota_all(struct jmap_get *g, struct jmap_ids *ids)
{
	return g->c->req->using & JMAP_CAP_MAIL ?
	    jmap_object_all(g, ids) : 1;
}

static int
quota_row(struct jmap_get *g, const char *id)
{
	return g->c->req->using & JMAP_CAP_MAIL ? jmap_object_row(g, id) : 0;
}

/*
 * 4.3.  What /get would not return has not come or changed, either.  It may
 * have gone: RFC 8620 5.2 lets that be said of one never seen, and a client
 * that used mail before must not keep it.
 */
static int
quota_changes(struct jmap_changes *ch, struct buf *b)
{
	if (!(ch->c->req->using & JMAP_CAP_MAIL))
		ch->created.n = ch->updated.n = 0;
	js_out_key(b, "updatedProperties");
	if (!ch->counts_only || ch->updated.n == 0) {
		js_out_null(b);
		return 0;
	}
	js_out_arr(b);
	js_out_s(b, "used");
	js_out_end(b, ']');
	return 0;
}

/* 4.1 again: what /get does not return is not found, either. */
static const struct jmap_error *
quota_query(struct jmap_query *q)
{
	const struct jmap_error	*e = jmap_object_query(q);

	if (!(q->c->req->using & JMAP_CAP_MAIL))
		q->n = 0;
	return e;
}

static const struct jmap_error *
quota_query_changes(struct jmap_query *q)
{
	const struct jmap_error	*e = jmap_object_query_changes(q);

	if (!(q->c->req->using & JMAP_CAP_MAIL))
		q->n = q->removed.n = q->added.n = 0;
	return e;
}

static const char *
quota_text(const void *obj, const char *name)
{
	return js_str(js_get(((const struct jmap_object *)obj)->val, name));
}

/* 4.4: "contains the given string" */
static int
quota_name(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	(void)q;
	return strstr(quota_text(obj, "name"), t->str) != NULL;
}

static int
quota_match(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	(void)q;
	return strcmp(quota_text(obj, t->cond->name), t->str) == 0;
}

static int
quota_type_is(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	const struct jmap_object	*o = obj;
	struct js_val			*types = js_get(o->val, "types");
	size_t				 i;

	(void)q;
	for (i = 0; i < js_len(types); i++)
		if (strcmp(js_str(js_at(types, i)), t->str) == 0)
			return 1;
	return 0;
}

static int
quota_cmp(struct jmap_query *q, const void *a, const void *b)
{
	(void)q;
	(void)a;
	(void)b;
	return 0;
}
