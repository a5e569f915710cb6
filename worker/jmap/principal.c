/* SPDX-License-Identifier: ISC */
/*
 * Principal (RFC 9670 2): the people a user can share with, as auth told of
 * them (struct jmap_dir).  They are kept in the directory, so nothing of
 * them is changed here.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/dir.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_query.h"
#include "worker/jmap/jmap_session.h"
#include "worker/jmap/jmap_share.h"

struct principal_hit {			/* what conditions see */
	const struct jmap_principal	*p;
	struct jmap_query		*q;
	const char			*key;	/* of the name, for sorting */
};

static jmap_prop_put	put_accounts, put_caps, put_description, put_email,
			put_id, put_name, put_type, put_null;
static size_t	principal_idtext(uint64_t, char [STORE_IDLEN]);
static const struct jmap_error	*principal_args(struct jmap_get *,
				    struct js_rd *);
static int	principal_all(struct jmap_get *, struct jmap_ids *);
static int	principal_load(struct jmap_call *, const char *, void *);
static uint64_t	principal_state(struct jmap_call *);
static int	principal_create(struct jmap_set *, struct js_val *,
		    char [JMAP_ID_MAX + 1]);
static int	principal_update(struct jmap_set *, const char *,
		    const struct jmap_patch *);
static int	principal_destroy(struct jmap_set *, const char *);
static const struct jmap_error	*principal_query(struct jmap_query *);
static jmap_match	match_account, match_email, match_name, match_text,
			match_type, match_zone;
static jmap_cmp	cmp_name, cmp_email;
static int	principal_in(struct jmap_query *, const char *, const char *);
static const char	*principal_query_id(struct jmap_query *, size_t);
static size_t	principal_query_find(struct jmap_query *, const char *);
static int	hit_cmp(const void *, const void *);

static const struct jmap_prop principal_props[] = {
	{ "accounts", JP_SERVER, put_accounts, NULL },
	{ "capabilities", JP_SERVER, put_caps, NULL },
	{ "description", 0, put_description, NULL },
	{ "email", 0, put_email, NULL },
	{ "id", JP_SERVER | JP_FIXED, put_id, NULL },
	{ "name", 0, put_name, NULL },
	{ "timeZone", 0, put_null, NULL },
	{ "type", 0, put_type, NULL },
};

/* RFC 9670 2.4.1 */
static const struct jmap_cond principal_conds[] = {
	{ "accountIds", JK_STRS, 0, match_account },
	{ "email", JK_STR, 0, match_email },
	{ "name", JK_STR, 0, match_name },
	{ "text", JK_STR, 0, match_text },
	{ "timeZone", JK_STR, 0, match_zone },
	{ "type", JK_STR, 0, match_type },
};

static const struct jmap_order principal_orders[] = {
	{ "email", 0, cmp_email, JQ_TEXT },
	{ "name", 0, cmp_name, JQ_TEXT },
};

const struct jmap_type principal_type = {
	.name = "Principal",
	.kind = STORE_TYPES,		/* of no store */
	.idtext = principal_idtext,
	.props = principal_props,
	.nprops = nitems(principal_props),
	.size = sizeof(struct jmap_principal),
	.args = principal_args,
	.all = principal_all,
	.load = principal_load,
	.state = principal_state,
	.create = principal_create,
	.update = principal_update,
	.destroy = principal_destroy,
	.conds = principal_conds,
	.nconds = nitems(principal_conds),
	.orders = principal_orders,
	.norders = nitems(principal_orders),
	.query = principal_query,
};

size_t
jmap_principal_id(uint64_t number, char out[STORE_IDLEN])
{
	return store_id_object('P', number, out);
}

int
jmap_principal_id_get(const char *id, uint64_t *number)
{
	return store_id_object_get('P', id, strlen(id), number);
}

static size_t
principal_idtext(uint64_t number, char out[STORE_IDLEN])
{
	return jmap_principal_id(number, out);
}

const struct jmap_principal *
jmap_principal_find(const struct jmap_dir *d, uint64_t number)
{
	size_t	 lo = 0, hi = d == NULL ? 0 : d->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (d->v[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return d != NULL && lo < d->n && d->v[lo].number == number ?
	    &d->v[lo] : NULL;
}

/* --- /get ---------------------------------------------------------------- */

/* A directory that is not there now is not an empty one. */
static const struct jmap_error *
principal_args(struct jmap_get *g, struct js_rd *rd)
{
	(void)rd;
	return g->c->req->user->dir == NULL ?
	    &jmap_error_server_unavailable : NULL;
}

static int
principal_all(struct jmap_get *g, struct jmap_ids *ids)
{
	const struct jmap_dir	*d = g->c->req->user->dir;
	char			 id[STORE_IDLEN];
	size_t			 i, n;

	for (i = 0; i < d->n; i++) {
		n = jmap_principal_id(d->v[i].number, id);
		if (jmap_api_add(g->c->req, ids, id, n) == -1)
			return -1;
	}
	return 1;
}

static int
principal_load(struct jmap_call *c, const char *id, void *obj)
{
	const struct jmap_principal	*p;
	uint64_t			 number;

	if (jmap_principal_id_get(id, &number) == -1 ||
	    (p = jmap_principal_find(c->req->user->dir, number)) == NULL)
		return 0;
	*(struct jmap_principal *)obj = *p;
	return 1;
}

/* Of the directory, and of what is shared with the user ("accounts"). */
static uint64_t
principal_state(struct jmap_call *c)
{
	const struct jmap_dir	*d = c->req->user->dir;
	uint64_t		 h = 0xcbf29ce484222325ULL;

	h = (h ^ (d == NULL ? 0 : d->generation)) * 0x100000001b3ULL;
	h = (h ^ store_state(c->txn, STORE_SHARED)) * 0x100000001b3ULL;
	h ^= h >> 29;
	return h % 100000000000000000ULL;	/* digits of a state */
}

static void
put_id(struct jmap_call *c, const void *obj, struct buf *b)
{
	const struct jmap_principal	*p = obj;
	char				 id[STORE_IDLEN];

	(void)c;
	js_out_str(b, id, jmap_principal_id(p->number, id));
}

static void
put_type(struct jmap_call *c, const void *obj, struct buf *b)
{
	(void)c;
	js_out_s(b, ((const struct jmap_principal *)obj)->type);
}

static void
put_name(struct jmap_call *c, const void *obj, struct buf *b)
{
	const struct jmap_principal	*p = obj;

	(void)c;
	/* the directory's description is the full name of a person */
	js_out_s(b, p->description != NULL && *p->description != '\0' ?
	    p->description : p->name);
}

static void
put_description(struct jmap_call *c, const void *obj, struct buf *b)
{
	(void)c;
	(void)obj;
	js_out_null(b);
}

static void
put_email(struct jmap_call *c, const void *obj, struct buf *b)
{
	(void)c;
	js_out_s(b, ((const struct jmap_principal *)obj)->email);
}

static void
put_null(struct jmap_call *c, const void *obj, struct buf *b)
{
	(void)c;
	(void)obj;
	js_out_null(b);
}

/* What can be done with him (draft-ietf-jmap-mail-sharing has no object for
 * mail): nothing to be said. */
static void
put_caps(struct jmap_call *c, const void *obj, struct buf *b)
{
	(void)c;
	(void)obj;
	js_out_obj(b);
	js_out_end(b, '}');
}

static void
put_accounts(struct jmap_call *c, const void *obj, struct buf *b)
{
	const struct jmap_principal	*p = obj;
	struct jmap_shared		*s, own;
	size_t				 i, n;

	if (p->number == c->req->user->number) {
		js_out_obj(b);
		jmap_session_account(b, c->req->env, c->req->user, NULL);
		js_out_end(b, '}');
		return;
	}
	if (jmap_share_list(c->txn, &c->req->arena, &s, &n) == -1)
		n = 0;
	for (i = 0; i < n && s[i].number != p->number; i++)
		;
	if (i == n) {
		js_out_null(b);
		return;
	}
	own = s[i];
	js_out_obj(b);
	jmap_session_account(b, c->req->env, c->req->user, &own);
	js_out_end(b, '}');
}

/* --- /set: RFC 9670 2.3, any change that is not allowed is forbidden ------ */

static int
principal_create(struct jmap_set *s, struct js_val *v,
    char id[JMAP_ID_MAX + 1])
{
	(void)v;
	(void)id;
	return jmap_set_refuse(s, &jmap_error_forbidden,
	    "principals are the administrator's to make");
}

static int
principal_update(struct jmap_set *s, const char *id,
    const struct jmap_patch *p)
{
	struct jmap_principal	 obj;

	(void)p;
	if (principal_load(s->c, id, &obj) != 1)
		return jmap_set_refuse(s, &jmap_error_not_found,
		    "no such principal");
	return jmap_set_refuse(s, &jmap_error_forbidden,
	    "principals are the administrator's to change");
}

static int
principal_destroy(struct jmap_set *s, const char *id)
{
	return principal_update(s, id, NULL);
}

/* --- /query -------------------------------------------------------------- */

static const struct jmap_error *
principal_query(struct jmap_query *q)
{
	const struct jmap_dir	*d = q->c->req->user->dir;
	struct arena		*a = &q->c->req->arena;
	struct principal_hit	*hit;
	const char		*collation = NULL;
	size_t			 i;

	if (d == NULL)
		return &jmap_error_server_unavailable;
	if ((hit = arena_array(a, d->n + 1, sizeof(*hit))) == NULL)
		return jmap_api_lost(q->c);
	for (i = 0; i < q->nsort; i++)
		if (collation == NULL)
			collation = q->sort[i].collation;
	for (i = 0; i < d->n; i++) {
		hit[q->n].p = &d->v[i];
		hit[q->n].q = q;
		if (!jmap_query_match(q, q->filter, &hit[q->n]))
			continue;
		hit[q->n].key = jmap_collate_key(a, collation,
		    d->v[i].description != NULL &&
		    *d->v[i].description != '\0' ? d->v[i].description :
		    d->v[i].name);
		if (hit[q->n++].key == NULL)
			return jmap_api_lost(q->c);
	}
	if (q->n > 1)
		qsort(hit, q->n, sizeof(*hit), hit_cmp);
	q->arg = hit;
	q->state = principal_state(q->c);
	q->id = principal_query_id;
	q->find = principal_query_find;
	return NULL;
}

static int
hit_cmp(const void *va, const void *vb)
{
	const struct principal_hit	*a = va, *b = vb;
	int				 cmp;

	if ((cmp = jmap_query_cmp(a->q, a, b)) != 0)
		return cmp;
	return a->p->number < b->p->number ? -1 : a->p->number > b->p->number;
}

static const char *
principal_query_id(struct jmap_query *q, size_t i)
{
	const struct principal_hit	*hit = q->arg;
	char				 id[STORE_IDLEN];
	size_t				 n;

	n = jmap_principal_id(hit[i].p->number, id);
	return arena_dup(&q->c->req->arena, id, n);
}

static size_t
principal_query_find(struct jmap_query *q, const char *id)
{
	const struct principal_hit	*hit = q->arg;
	uint64_t			 number;
	size_t				 i;

	if (jmap_principal_id_get(id, &number) == -1)
		return SIZE_MAX;
	for (i = 0; i < q->n; i++)
		if (hit[i].p->number == number)
			return i;
	return SIZE_MAX;
}

/* Letters of any case. */
static int
principal_in(struct jmap_query *q, const char *text, const char *want)
{
	struct arena	*a = &q->c->req->arena;
	const char	*x, *y;

	if (text == NULL)
		return 0;
	x = jmap_collate_key(a, NULL, text);
	y = jmap_collate_key(a, NULL, want);
	return x != NULL && y != NULL && strstr(x, y) != NULL;
}

static int
match_account(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	const struct principal_hit	*h = obj;
	struct jmap_shared		*s;
	const char			*id;
	size_t				 i, k, n;

	if (jmap_share_list(q->c->txn, &q->c->req->arena, &s, &n) == -1)
		n = 0;
	for (i = 0; i < js_len(t->val); i++) {
		id = js_str(js_at(t->val, i));
		if (dir_account_get(id) != h->p->number)
			continue;
		if (h->p->number == q->c->req->user->number)
			return 1;
		for (k = 0; k < n; k++)
			if (s[k].number == h->p->number)
				return 1;
	}
	return 0;
}

static int
match_email(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	const struct principal_hit	*h = obj;

	return principal_in(q, h->p->email, t->str);
}

static int
match_name(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	const struct principal_hit	*h = obj;

	return principal_in(q, h->p->description != NULL &&
	    *h->p->description != '\0' ? h->p->description : h->p->name,
	    t->str);
}

static int
match_text(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	return match_name(q, obj, t) || match_email(q, obj, t);
}

static int
match_type(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	const struct principal_hit	*h = obj;

	(void)q;
	return strcmp(h->p->type, t->str) == 0;
}

/* The directory knows none. */
static int
match_zone(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	(void)q;
	(void)obj;
	(void)t;
	return 0;
}

static int
cmp_name(struct jmap_query *q, const void *a, const void *b)
{
	(void)q;
	return strcmp(((const struct principal_hit *)a)->key,
	    ((const struct principal_hit *)b)->key);
}

static int
cmp_email(struct jmap_query *q, const void *a, const void *b)
{
	const char	*x = ((const struct principal_hit *)a)->p->email;
	const char	*y = ((const struct principal_hit *)b)->p->email;

	(void)q;
	return strcmp(x == NULL ? "" : x, y == NULL ? "" : y);
}

/* --- /changes: nothing, or it cannot be told ------------------------------ */

/* RFC 9670 2.2: a directory is unable to calculate changes. */
const struct jmap_error *
principal_changes(struct jmap_call *c)
{
	struct js_rd	 rd;
	const char	*account, *since = NULL;
	uint64_t	 max, state;

	js_rd_init(&rd, c->args, "");
	js_rd_id(&rd, "accountId", &account);
	if (js_rd_str(&rd, "sinceState", &since) == 0)
		js_rd_bad(&rd, "sinceState");
	if (js_rd_uint_null(&rd, "maxChanges", &max) == 1 && max == 0)
		js_rd_bad(&rd, "maxChanges");
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if (c->req->user->dir == NULL)
		return &jmap_error_server_unavailable;
	if (jmap_api_state_get(since, &state) == -1 ||
	    state != principal_state(c))
		return &jmap_error_cannot_calculate_changes;
	js_out_obj(c->out);
	jmap_api_account(c);
	js_out_key(c->out, "oldState");
	js_out_s(c->out, since);
	js_out_key(c->out, "newState");
	js_out_s(c->out, since);
	js_out_key(c->out, "hasMoreChanges");
	js_out_bool(c->out, 0);
	js_out_raw(c->out, "\"created\":[],\"updated\":[],\"destroyed\":[]",
	    sizeof("\"created\":[],\"updated\":[],\"destroyed\":[]") - 1);
	js_out_end(c->out, '}');
	return NULL;
}
