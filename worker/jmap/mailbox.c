/* SPDX-License-Identifier: ISC */
/*
 * Mailbox (RFC 8621 2): properties, /get, /changes and /set.  The tree and
 * the counters are the store's; here is what may be asked and changed.
 * mailbox_query.c has /query.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/norm.h"
#include "common/utf8.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/mailbox.h"
#include "worker/store/store_share.h"

static jmap_prop_put	mailbox_put_id, mailbox_put_subscribed,
			mailbox_put_name,
			mailbox_put_parent, mailbox_put_role,
			mailbox_put_sort, mailbox_put_total,
			mailbox_put_threads, mailbox_put_unread,
			mailbox_put_unread_threads;
static jmap_prop_set	mailbox_set_subscribed, mailbox_set_name,
			mailbox_set_parent, mailbox_set_role,
			mailbox_set_sort;
static size_t	mailbox_idtext(uint64_t, char[STORE_IDLEN]);
static int	mailbox_load(struct jmap_call *, const char *, void *);
static int	mailbox_all(struct jmap_get *, struct jmap_ids *);
static int	mailbox_changes(struct jmap_changes *, struct buf *);
static const struct jmap_error	*mailbox_set_args(struct jmap_set *,
				    struct js_rd *);
static int	mailbox_finish(struct jmap_set *);
static int	mailbox_create(struct jmap_set *, struct js_val *, char *);
static int	mailbox_update(struct jmap_set *, const char *,
		    const struct jmap_patch *);
static int	mailbox_make(struct jmap_set *, struct js_val *,
		    struct mailbox_obj *, char *);
static int	mailbox_change(struct jmap_set *, const struct jmap_patch *,
		    const struct store_mailbox *, struct mailbox_obj *);
static int	mailbox_destroy(struct jmap_set *, const char *);
static int	mailbox_height(const struct store_mailbox *, size_t, uint32_t,
		    unsigned);
static int	mailbox_refused(struct jmap_set *, enum store_err,
		    const struct store_mailbox *);

static const struct jmap_prop mailbox_props[] = {
	{ "id", JP_SERVER | JP_FIXED, mailbox_put_id, NULL },
	{ "isSubscribed", 0, mailbox_put_subscribed, mailbox_set_subscribed },
	{ "myRights", JP_SERVER, mailbox_share_put_rights, NULL },
	{ "name", 0, mailbox_put_name, mailbox_set_name },
	{ "parentId", JP_IDREF, mailbox_put_parent, mailbox_set_parent },
	{ "role", 0, mailbox_put_role, mailbox_set_role },
	{ "shareWith", JP_SHARING, mailbox_share_put, mailbox_share_set },
	{ "sortOrder", 0, mailbox_put_sort, mailbox_set_sort },
	{ "totalEmails", JP_SERVER, mailbox_put_total, NULL },
	{ "totalThreads", JP_SERVER, mailbox_put_threads, NULL },
	{ "unreadEmails", JP_SERVER, mailbox_put_unread, NULL },
	{ "unreadThreads", JP_SERVER, mailbox_put_unread_threads, NULL },
};

static const struct jmap_cond mailbox_conds[] = {
	{ "hasAnyRole", JK_BOOL, 0, mailbox_query_any_role },
	{ "isSubscribed", JK_BOOL, 0, mailbox_query_subscribed },
	{ "name", JK_STR, 0, mailbox_query_name },
	{ "parentId", JK_ID_NULL, 0, mailbox_query_parent },
	{ "role", JK_STR_NULL, 0, mailbox_query_role },
};

static const struct jmap_order mailbox_orders[] = {
	{ "name", 0, mailbox_query_by_name, JQ_TEXT },
	{ "sortOrder", 0, mailbox_query_by_sort, 0 },
};

const struct jmap_type mailbox_type = {
	.name = "Mailbox",
	.kind = STORE_MAILBOX,
	.idtext = mailbox_idtext,
	.props = mailbox_props,
	.nprops = nitems(mailbox_props),
	.size = sizeof(struct store_mailbox),
	.all = mailbox_all,
	.load = mailbox_load,
	.changes = mailbox_changes,
	.set_args = mailbox_set_args,
	.set_finish = mailbox_finish,
	.create = mailbox_create,
	.update = mailbox_update,
	.destroy = mailbox_destroy,
	.conds = mailbox_conds,
	.nconds = nitems(mailbox_conds),
	.orders = mailbox_orders,
	.norders = nitems(mailbox_orders),
	.query_args = mailbox_query_args,
	.query = mailbox_query,
	.query_changes = mailbox_query_changes,
};

/* --- properties, out --------------------------------------------------- */

static void
mailbox_put_id(struct jmap_call *c, const void *obj, struct buf *b)
{
	const struct store_mailbox	*m = obj;
	char				 id[STORE_IDLEN];

	(void)c;
	js_out_str(b, id, store_id_mailbox(m->id, id));
}

static void
mailbox_put_subscribed(struct jmap_call *c, const void *obj, struct buf *b)
{
	(void)c;
	js_out_bool(b, ((const struct store_mailbox *)obj)->subscribed);
}

static void
mailbox_put_name(struct jmap_call *c, const void *obj, struct buf *b)
{
	(void)c;
	js_out_s(b, ((const struct store_mailbox *)obj)->name);
}

static void
mailbox_put_parent(struct jmap_call *c, const void *obj, struct buf *b)
{
	const struct store_mailbox	*m = obj;
	char				 id[STORE_IDLEN];

	(void)c;
	if (m->parent == 0)
		js_out_null(b);
	else
		js_out_str(b, id, store_id_mailbox(m->parent, id));
}

static void
mailbox_put_role(struct jmap_call *c, const void *obj, struct buf *b)
{
	const struct store_mailbox	*m = obj;

	(void)c;
	js_out_s(b, m->role == STORE_ROLE_NONE ? NULL : store_roles[m->role]);
}

static void
mailbox_put_sort(struct jmap_call *c, const void *obj, struct buf *b)
{
	(void)c;
	js_out_uint(b, ((const struct store_mailbox *)obj)->sort);
}

static void
mailbox_put_total(struct jmap_call *c, const void *obj, struct buf *b)
{
	(void)c;
	js_out_uint(b, ((const struct store_mailbox *)obj)->total);
}

static void
mailbox_put_threads(struct jmap_call *c, const void *obj, struct buf *b)
{
	(void)c;
	js_out_uint(b, ((const struct store_mailbox *)obj)->threads);
}

static void
mailbox_put_unread(struct jmap_call *c, const void *obj, struct buf *b)
{
	(void)c;
	js_out_uint(b, ((const struct store_mailbox *)obj)->unread);
}

static void
mailbox_put_unread_threads(struct jmap_call *c, const void *obj,
    struct buf *b)
{
	(void)c;
	js_out_uint(b, ((const struct store_mailbox *)obj)->unread_threads);
}

/* --- properties, in ---------------------------------------------------- */

static int
mailbox_set_subscribed(struct jmap_set *s, void *obj, struct js_val *v)
{
	struct store_mailbox	*m = obj;

	(void)s;
	if (js_type(v) != JS_BOOL)
		return -1;
	m->subscribed = js_bool(v);
	return 0;
}

/* RFC 8621 2: Net-Unicode (RFC 5198), so normalised to NFC. */
static int
mailbox_set_name(struct jmap_set *s, void *obj, struct js_val *v)
{
	struct store_mailbox	*m = obj;
	unsigned		 max = s->c->req->env->limits->max_mailbox_name;
	const char		*why;
	struct buf		 b;
	int			 ret = -1;

	if (js_type(v) != JS_STR || js_len(v) == 0)
		return -1;
	buf_init(&b, max < STORE_NAME_MAX ? max : STORE_NAME_MAX);
	if (norm_add(&b, js_str(v), js_len(v), NORM_NFC) == -1) {
		ret = jmap_set_bad(s, "name", "longer than %u bytes", max);
		goto done;
	}
	if ((why = norm_net(b.data, b.len)) != NULL) {
		ret = jmap_set_bad(s, "name", "%s", why);
		goto done;
	}
	memcpy(m->name, b.data, b.len);
	m->name[b.len] = '\0';
	ret = 0;
done:
	buf_free(&b);
	return ret;
}

static int
mailbox_set_parent(struct jmap_set *s, void *obj, struct js_val *v)
{
	struct store_mailbox	*m = obj, parent;
	uint32_t		 id;

	if (v == NULL) {
		m->parent = 0;
		return 0;
	}
	if (js_type(v) != JS_STR ||
	    store_id_mailbox_get(js_str(v), js_len(v), &id) == -1 ||
	    jmap_api_store(s->c, store_mailbox_get(s->c->txn, id,
	    &parent)) != 1)
		return jmap_set_bad(s, "parentId", "no such mailbox");
	m->parent = id;
	return 0;
}

static int
mailbox_set_role(struct jmap_set *s, void *obj, struct js_val *v)
{
	struct store_mailbox	*m = obj;
	int			 i;

	if (v == NULL) {
		m->role = STORE_ROLE_NONE;
		return 0;
	}
	for (i = STORE_ROLE_NONE + 1; i < STORE_ROLES; i++)
		if (strcmp(store_roles[i], js_str(v)) == 0) {
			m->role = i;
			return 0;
		}
	return jmap_set_bad(s, "role", "no such role");
}

static int
mailbox_set_sort(struct jmap_set *s, void *obj, struct js_val *v)
{
	struct store_mailbox	*m = obj;

	(void)s;
	/* 0 <= sortOrder < 2^31; null in a patch is the default */
	if ((v != NULL && js_type(v) != JS_INT) || js_int(v) < 0 ||
	    js_int(v) > INT32_MAX)
		return -1;
	m->sort = js_int(v);
	return 0;
}

/* --- /get and /changes ------------------------------------------------- */

static size_t
mailbox_idtext(uint64_t id, char out[STORE_IDLEN])
{
	return store_id_mailbox((uint32_t)id, out);
}

static int
mailbox_load(struct jmap_call *c, const char *id, void *obj)
{
	uint32_t	 mbid;

	if (store_id_mailbox_get(id, strlen(id), &mbid) == -1)
		return 0;
	return jmap_api_store(c, store_mailbox_get(c->txn, mbid, obj));
}

static int
mailbox_all(struct jmap_get *g, struct jmap_ids *ids)
{
	const struct store_mailbox	*m;
	struct jmap_call		*c = g->c;
	char				 id[STORE_IDLEN];
	size_t				 i, n, len;

	if (jmap_api_store(c, store_mailbox_all(c->txn, &m, &n)) != 1)
		return -1;
	for (i = 0; i < n; i++) {
		len = store_id_mailbox(m[i].id, id);
		if (jmap_api_add(c->req, ids, id, len) == -1)
			return -1;
	}
	return 1;
}

/* RFC 8621 2.2: when nothing but counts changed, say so. */
static int
mailbox_changes(struct jmap_changes *ch, struct buf *b)
{
	static const char	 counts[] = "[\"totalEmails\",\"unreadEmails\","
	    "\"totalThreads\",\"unreadThreads\"]";

	js_out_key(b, "updatedProperties");
	if (ch->counts_only && ch->updated.n > 0)
		js_out_raw(b, counts, sizeof(counts) - 1);
	else
		js_out_null(b);
	return 0;
}

/* --- /set -------------------------------------------------------------- */

static const struct jmap_error *
mailbox_set_args(struct jmap_set *s, struct js_rd *rd)
{
	int	*remove;

	if ((remove = arena_get(&s->c->req->arena, sizeof(*remove))) == NULL)
		return jmap_api_lost(s->c);
	js_rd_bool(rd, "onDestroyRemoveEmails", remove);
	s->arg = remove;
	return NULL;
}

/* RFC 8620 5.3: newState is what Mailbox/get says from now on. */
static int
mailbox_finish(struct jmap_set *s)
{
	return jmap_api_store(s->c, store_mailbox_flush(s->c->txn)) == 1 ?
	    0 : -1;
}

static int
mailbox_create(struct jmap_set *s, struct js_val *v, char *id)
{
	struct mailbox_obj	 o;
	int			 got;

	memset(&o, 0, sizeof(o));
	o.m.subscribed = 1;
	jmap_set_create(s, v, &o);
	got = mailbox_make(s, v, &o, id);
	js_free(o.share);
	return got;
}

static int
mailbox_make(struct jmap_set *s, struct js_val *v, struct mailbox_obj *o,
    char *id)
{
	struct store_mailbox	*m = &o->m;
	int			 got;

	if (!js_has(v, "name"))
		jmap_set_bad(s, "name", "a mailbox needs a name");
	if (s->e.err != NULL)
		return s->c->store_err == STORE_OK ? 0 : -1;
	if ((got = mailbox_deep(s, m)) != 1 || (o->share != NULL &&
	    (got = mailbox_share_check(s, 0, o->share)) != 1) ||
	    (got = mailbox_refused(s, store_mailbox_create(s->c->txn, m),
	    m)) != 1 || (o->share != NULL &&
	    (got = mailbox_share_apply(s, m->id, o->share)) != 1))
		return got;
	store_id_mailbox(m->id, id);
	return jmap_set_reply(s, v, m) == -1 ? -1 : 1;
}

static int
mailbox_update(struct jmap_set *s, const char *id, const struct jmap_patch *p)
{
	struct mailbox_obj	 o;
	struct store_mailbox	 old;
	int			 got;

	memset(&o, 0, sizeof(o));
	if ((got = mailbox_load(s->c, id, &old)) != 1)
		return got == -1 ? -1 :
		    jmap_set_refuse(s, &jmap_error_not_found, "no mailbox %s",
		    id);
	o.m = old;
	if (mailbox_share_hides(s, &old, p))
		return jmap_set_refuse(s, &jmap_error_forbidden,
		    "you may not share this mailbox");
	if ((got = jmap_set_patch(s, p, &o)) != 1)
		got = got == -1 || s->c->store_err != STORE_OK ? -1 : 0;
	else
		got = mailbox_change(s, p, &old, &o);
	js_free(o.share);
	return got;
}

static int
mailbox_change(struct jmap_set *s, const struct jmap_patch *p,
    const struct store_mailbox *old, struct mailbox_obj *o)
{
	struct store_mailbox	*m = &o->m;
	enum store_err		 e;
	size_t			 i;
	int			 got;

	if (old->role == STORE_ROLE_INBOX && m->role != STORE_ROLE_INBOX)
		return jmap_set_refuse(s, &jmap_error_forbidden,
		    "the inbox stays the inbox");
	if (m->parent != old->parent && (got = mailbox_deep(s, m)) != 1)
		return got;
	if (o->share_set &&
	    (got = mailbox_share_check(s, m->id, o->share)) != 1)
		return got;
	e = store_mailbox_update(s->c->txn, m);
	if (e == STORE_EXISTS && mailbox_turn(s, m) == -1)
		return -1;
	if ((got = mailbox_refused(s, e, m)) != 1)
		return got;
	if (o->share_set &&
	    (got = mailbox_share_apply(s, m->id, o->share)) != 1)
		return got;
	/* a name that was normalised is not what was asked for */
	for (i = 0; i < p->n; i++)
		if (strcmp(p->op[i].path, "name") == 0 &&
		    strcmp(js_str(p->op[i].val), m->name) != 0) {
			js_out_key(&s->reply, "name");
			js_out_s(&s->reply, m->name);
		}
	return 1;
}

static int
mailbox_destroy(struct jmap_set *s, const char *id)
{
	struct store_mailbox	 m;
	const int		*remove = s->arg;
	int			 got;

	if ((got = mailbox_load(s->c, id, &m)) != 1)
		return got == -1 ? -1 :
		    jmap_set_refuse(s, &jmap_error_not_found, "no mailbox %s",
		    id);
	if (m.role == STORE_ROLE_INBOX)
		return jmap_set_refuse(s, &jmap_error_forbidden,
		    "the inbox cannot be destroyed");
	return mailbox_refused(s, store_mailbox_destroy(s->c->txn, m.id,
	    *remove), &m);
}

/* What the store says of a change, as this call's answer. */
static int
mailbox_refused(struct jmap_set *s, enum store_err e,
    const struct store_mailbox *m)
{
	char		 id[STORE_IDLEN];
	uint32_t	 twin;

	switch (e) {
	case STORE_FORBIDDEN:
		return jmap_set_refuse(s, &jmap_error_forbidden,
		    "you have not the right to do that");
	case STORE_HASCHILD:
		s->later = 1;	/* the child may be destroyed after it */
		return jmap_set_refuse(s, &jmap_error_mailbox_has_child,
		    "destroy its children first");
	case STORE_HASMAIL:
		return jmap_set_refuse(s, &jmap_error_mailbox_has_email,
		    "there is mail in it");
	case STORE_EXISTS:
		s->later = 1;	/* the other may go, or get another name */
		twin = store_mailbox_named(s->c->txn, m->parent, m->name);
		if (twin == 0 || twin == m->id) {
			jmap_set_bad(s, "role", "another mailbox has the role");
			return 0;
		}
		jmap_set_bad(s, "name", "a sibling has that name");
		if (store_view_rights(s->c->txn, twin) == 0)
			return 0;	/* which one is not his to know */
		store_id_mailbox(twin, id);
		s->e.more = arena_printf(&s->c->req->arena,
		    "\"existingId\":\"%s\"", id);
		return 0;
	case STORE_NOPARENT:
		s->later = 1;
		jmap_set_bad(s, "parentId", "unknown, or inside the mailbox");
		return 0;
	case STORE_NOTFOUND:
		return jmap_set_refuse(s, &jmap_error_not_found,
		    "no such mailbox");
	case STORE_INVALID:
		jmap_set_bad(s, "name", "not a name for a mailbox");
		return 0;
	case STORE_TOOMANY:
		return jmap_set_refuse(s, &jmap_error_over_quota,
		    "too many mailboxes");
	default:
		return jmap_api_store(s->c, e);
	}
}

int
mailbox_deep(struct jmap_set *s, const struct store_mailbox *m)
{
	const struct store_mailbox	*all;
	struct store_mailbox		 up;
	unsigned			 depth = 1, below = 0;
	unsigned			 max;
	uint32_t			 id;
	size_t				 n;

	max = s->c->req->env->limits->max_mailbox_depth;
	for (id = m->parent; id != 0 && depth <= max; id = up.parent) {
		if (store_mailbox_get(s->c->txn, id, &up) != STORE_OK)
			break;
		depth++;
	}
	if (m->id != 0) {
		if (jmap_api_store(s->c, store_mailbox_all(s->c->txn, &all,
		    &n)) != 1)
			return -1;
		below = mailbox_height(all, n, m->id, max);
	}
	if (depth + below <= max)
		return 1;
	jmap_set_bad(s, "parentId", "more than %u levels", max);
	return 0;
}

/* Levels below a mailbox, at most max. */
static int
mailbox_height(const struct store_mailbox *all, size_t n, uint32_t id,
    unsigned max)
{
	size_t	 i;
	int	 h, best = 0;

	for (i = 0; max > 0 && i < n; i++)
		if (all[i].parent == id) {
			h = 1 + mailbox_height(all, n, all[i].id, max - 1);
			if (h > best)
				best = h;
		}
	return best;
}
