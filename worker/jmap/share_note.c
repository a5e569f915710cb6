/* SPDX-License-Identifier: ISC */
/*
 * ShareNotification (RFC 9670 3): what became of the rights that others give
 * the user.  Made by jmap_share.c in the account of him who is told; he can
 * only destroy them.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/date.h"
#include "common/dir.h"
#include "worker/jmap/jmap_object.h"
#include "worker/jmap/jmap_query.h"
#include "worker/jmap/jmap_share.h"
#include "worker/jmap/share_note.h"
#include "worker/store/store_share.h"

#define NOTE_MAX	500	/* kept for a user; the oldest go */
#define NOTE_JSON	8192

static int	note_create(struct jmap_set *, struct js_val *,
		    char [JMAP_ID_MAX + 1]);
static jmap_match	note_after, note_before, note_type, note_account;
static jmap_cmp	note_by_created;
static enum store_err	note_earlier(struct store_txn *, uint64_t,
			    const struct store_shared *, uint32_t *);
static int	note_of(const struct jmap_object *, const char *,
		    const char *);
static uint32_t	note_rights(struct js_val *);
static int	note_fill(struct jmap_object *, uint64_t,
		    const struct store_shared *, uint32_t);
static struct js_val	*note_map(uint32_t);
static struct js_val	*note_entity(const struct store_shared *);
static int64_t	note_date(const void *);

static const struct jmap_prop note_props[] = {
	{ "changedBy", JP_FIXED | JO_OBJ_NULL, NULL, NULL },
	{ "created", JP_FIXED | JO_DATE, NULL, NULL },
	{ "id", JP_SERVER | JP_FIXED, NULL, NULL },
	{ "name", JP_FIXED | JO_STR, NULL, NULL },
	{ "newRights", JP_FIXED | JO_OBJ_NULL, NULL, NULL },
	{ "objectAccountId", JP_FIXED | JO_ID, NULL, NULL },
	{ "objectId", JP_FIXED | JO_ID, NULL, NULL },
	{ "objectType", JP_FIXED | JO_STR, NULL, NULL },
	{ "oldRights", JP_FIXED | JO_OBJ_NULL, NULL, NULL },
};

/* RFC 9670 3.4.1, 3.4.2 */
static const struct jmap_cond note_conds[] = {
	{ "after", JK_DATE_NULL, 0, note_after },
	{ "before", JK_DATE_NULL, 0, note_before },
	{ "objectAccountId", JK_ID, 0, note_account },
	{ "objectType", JK_STR, 0, note_type },
};
static const struct jmap_order note_orders[] = {
	{ "created", 0, note_by_created, 0 },
};

static const struct jmap_object_type note_object = {
	.letter = 'N',
};

const struct jmap_type share_note_type = {
	.name = "ShareNotification",
	.kind = STORE_SHARENOTE,
	.props = note_props,
	.nprops = nitems(note_props),
	.object = &note_object,
	.all = jmap_object_all,
	.row = jmap_object_row,
	.create = note_create,
	.destroy = jmap_object_destroy,
	.conds = note_conds,
	.nconds = nitems(note_conds),
	.orders = note_orders,
	.norders = nitems(note_orders),
	.query = jmap_object_query,
	.query_changes = jmap_object_query_changes,
};

/* RFC 9670 3.3: any attempt to create MUST be rejected with "forbidden". */
static int
note_create(struct jmap_set *s, struct js_val *v, char id[JMAP_ID_MAX + 1])
{
	(void)v;
	(void)id;
	return jmap_set_refuse(s, &jmap_error_forbidden,
	    "only the server makes them");
}

/* --- queries ------------------------------------------------------------- */

static int64_t
note_date(const void *obj)
{
	const struct jmap_object	*o = obj;
	struct js_val			*v = js_get(o->val, "created");

	return date_3339(js_str(v), js_len(v), 1, NULL);
}

static int
note_after(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	(void)q;
	return t->num == DATE_NONE || note_date(obj) >= t->num;
}

static int
note_before(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	(void)q;
	return t->num == DATE_NONE || note_date(obj) < t->num;
}

static int
note_type(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	const struct jmap_object	*o = obj;

	(void)q;
	return strcmp(js_str(js_get(o->val, "objectType")), t->str) == 0;
}

static int
note_account(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	const struct jmap_object	*o = obj;

	(void)q;
	return strcmp(js_str(js_get(o->val, "objectAccountId")), t->str) == 0;
}

static int
note_by_created(struct jmap_query *q, const void *a, const void *b)
{
	int64_t	 x = note_date(a), y = note_date(b);

	(void)q;
	return x < y ? -1 : x > y;
}

/* --- making -------------------------------------------------------------- */

enum store_err
share_note_add(struct store_txn *txn, uint64_t owner,
    const struct store_shared *s)
{
	struct jmap_object	 o;
	uint32_t		 was = s->was;
	enum store_err		 e;

	if ((e = note_earlier(txn, owner, s, &was)) != STORE_OK ||
	    was == s->is)
		return e;
	if (jmap_objrow_new(&share_note_type, &o) == -1)
		return STORE_IO;
	e = note_fill(&o, owner, s, was) == -1 ? STORE_IO :
	    jmap_objrow_create(txn, &share_note_type, &o);
	jmap_objrow_free(&o);
	return e;
}

/*
 * Take back what was said of the same mailbox: *was is what it said of the
 * rights before.  And the oldest, when there are too many.
 */
static enum store_err
note_earlier(struct store_txn *txn, uint64_t owner,
    const struct store_shared *s, uint32_t *was)
{
	struct store_ids	 ids = { NULL, 0, 0 };
	struct jmap_object	 o;
	char			 account[DIR_ACCOUNT_LEN], box[STORE_IDLEN];
	enum store_err		 e;
	size_t			 i, left;
	int			 drop;

	dir_account(owner, account);
	store_id_mailbox(s->mailbox, box);
	e = store_object_ids(txn, STORE_SHARENOTE, &ids);
	left = ids.n;
	for (i = 0; i < ids.n && e == STORE_OK; i++) {
		if ((e = jmap_objrow_load(txn, &share_note_type, ids.v[i],
		    &o)) != STORE_OK)
			break;
		drop = left >= NOTE_MAX;
		if (note_of(&o, account, box)) {
			drop = 1;
			*was = note_rights(js_get(o.val, "oldRights"));
		}
		jmap_objrow_free(&o);
		if (drop) {
			e = store_object_destroy(txn, STORE_SHARENOTE,
			    ids.v[i]);
			left--;
		}
	}
	store_ids_free(&ids);
	return e;
}

static int
note_of(const struct jmap_object *o, const char *account, const char *box)
{
	return strcmp(js_str(js_get(o->val, "objectAccountId")),
	    account) == 0 &&
	    strcmp(js_str(js_get(o->val, "objectId")), box) == 0;
}

static uint32_t
note_rights(struct js_val *v)
{
	struct js_iter	 it;
	uint32_t	 rights = 0;

	for (js_first(&it, v); js_next(&it);)
		if (js_bool(it.val))
			rights |= jmap_share_right(it.key);
	return rights;
}

static int
note_fill(struct jmap_object *o, uint64_t owner, const struct store_shared *s,
    uint32_t was)
{
	char	 text[STORE_IDLEN > DATE_LEN ? STORE_IDLEN : DATE_LEN];

	date_utc(date_now(), text);
	if (jmap_objrow_set_str(o, "created", text) == -1 ||
	    jmap_objrow_set_str(o, "objectType", "Mailbox") == -1 ||
	    jmap_objrow_set_str(o, "name", s->name) == -1 ||
	    jmap_objrow_set_str(o, "objectAccountId",
	    dir_account(owner, text)) == -1)
		return -1;
	store_id_mailbox(s->mailbox, text);
	if (jmap_objrow_set_str(o, "objectId", text) == -1 ||
	    jmap_objrow_set(o, "changedBy", note_entity(s)) == -1 ||
	    jmap_objrow_set(o, "oldRights", note_map(was)) == -1 ||
	    jmap_objrow_set(o, "newRights", note_map(s->is)) == -1)
		return -1;
	return 0;
}

/* NULL, that is null, for none. */
static struct js_val *
note_map(uint32_t rights)
{
	struct js_val	*v = NULL;
	struct buf	 b;

	if (rights == 0)
		return NULL;
	buf_init(&b, NOTE_JSON);
	jmap_share_rights(&b, rights, 1);
	if (buf_bad(&b) || js_parse(b.data, b.len, NULL, NULL, &v) != JS_OK)
		v = NULL;
	buf_free(&b);
	return v;
}

/* RFC 9670 3 Entity */
static struct js_val *
note_entity(const struct store_shared *s)
{
	struct js_val	*v = NULL;
	struct buf	 b;
	char		 id[STORE_IDLEN];

	buf_init(&b, NOTE_JSON);
	js_out_obj(&b);
	js_out_key(&b, "name");
	js_out_s(&b, s->by_name);
	js_out_key(&b, "email");
	js_out_s(&b, s->by_email[0] == '\0' ? NULL : s->by_email);
	js_out_key(&b, "principalId");
	if (s->by != 0)
		js_out_str(&b, id, jmap_principal_id(s->by, id));
	else
		js_out_null(&b);
	js_out_end(&b, '}');
	if (buf_bad(&b) || js_parse(b.data, b.len, NULL, NULL, &v) != JS_OK)
		v = NULL;
	buf_free(&b);
	return v;
}
