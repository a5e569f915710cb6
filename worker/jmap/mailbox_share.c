/* SPDX-License-Identifier: ISC */
/*
 * Sharing of mailboxes: myRights (RFC 8621 2) and shareWith (RFC 9670 4).
 * What the rights mean is the store's; here is who may give which to whom.
 * Called by mailbox.c.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/dir.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_share.h"
#include "worker/jmap/mailbox.h"
#include "worker/store/store_share.h"

#define SHARE_MAX	200	/* principals of one mailbox, each a commit */

static int	share_load(struct jmap_call *);
static int	share_check(struct jmap_set *, uint32_t, struct js_val *,
		    const struct store_share *, size_t);
static int	share_check_one(struct jmap_set *, uint32_t, const char *,
		    struct js_val *, const struct store_share *, size_t);
static int	share_bits(struct jmap_set *, const char *, struct js_val *,
		    uint32_t *);
static uint32_t	share_had(const struct store_share *, size_t, uint64_t);
static int	share_take(struct jmap_set *, struct js_val *,
		    struct store_share *, size_t);
static int	share_give(struct jmap_set *, uint32_t, struct js_val *,
		    const struct store_share *, size_t);

/* The owner may do all, but mail must always have an inbox to go to. */
void
mailbox_share_put_rights(struct jmap_call *c, const void *obj, struct buf *b)
{
	const struct store_mailbox	*m = obj;
	uint32_t			 rights;

	rights = store_view_rights(c->txn, m->id);
	if (m->role == STORE_ROLE_INBOX)
		rights &= ~(uint32_t)STORE_MAY_DELETE;
	jmap_share_rights(b, rights, jmap_share_used(c->req));
}

/* null where it is shared with nobody, and for who may not share it. */
void
mailbox_share_put(struct jmap_call *c, const void *obj, struct buf *b)
{
	const struct store_mailbox	*m = obj;
	const struct store_share	*s;
	char				 id[STORE_IDLEN];
	int				 any = 0;

	if (!(store_view_rights(c->txn, m->id) & STORE_MAY_SHARE) ||
	    share_load(c) == -1) {
		js_out_null(b);
		return;
	}
	for (s = c->shares; s < c->shares + c->nshares; s++) {
		if (s->mailbox != m->id)
			continue;
		if (!any++)
			js_out_obj(b);
		js_out_keyn(b, id, jmap_principal_id(s->who, id));
		jmap_share_rights(b, s->rights, 1);
	}
	if (any)
		js_out_end(b, '}');
	else
		js_out_null(b);
}

/* All rows of the account, once a call.  0, or -1 and noted. */
static int
share_load(struct jmap_call *c)
{
	if (c->shares != NULL)
		return 0;
	if (jmap_api_store(c, store_share_list(c->txn, 0, 0, &c->shares,
	    &c->nshares)) != 1)
		return -1;
	if (c->shares == NULL && (c->shares = calloc(1,
	    sizeof(*c->shares))) == NULL)
		return -1;
	return 0;
}

/* Kept until the mailbox is there: see mailbox_share_apply. */
int
mailbox_share_set(struct jmap_set *s, void *obj, struct js_val *v)
{
	struct mailbox_obj	*o = obj;

	(void)s;
	if (v != NULL && js_type(v) != JS_OBJ)
		return -1;
	js_free(o->share);
	o->share = js_ref(v);
	o->share_set = 1;
	return 0;
}

int
mailbox_share_hides(struct jmap_set *s, const struct store_mailbox *m,
    const struct jmap_patch *p)
{
	size_t	 i;

	if (!jmap_share_used(s->c->req) || (store_view_rights(s->c->txn,
	    m->id) & STORE_MAY_SHARE))
		return 0;
	for (i = 0; i < p->n; i++)
		if (strcmp(p->op[i].prop, "shareWith") == 0)
			return 1;
	return 0;
}

int
mailbox_share_check(struct jmap_set *s, uint32_t id, struct js_val *v)
{
	struct store_share	*had = NULL;
	size_t			 n = 0;
	int			 ret;

	if (!(store_view_rights(s->c->txn, id) & STORE_MAY_SHARE))
		return jmap_set_refuse(s, &jmap_error_forbidden,
		    "you may not share this mailbox");
	if (id != 0 && jmap_api_store(s->c, store_share_list(s->c->txn, 0, id,
	    &had, &n)) != 1)
		return -1;
	ret = share_check(s, id, v, had, n);
	free(had);
	return ret;
}

int
mailbox_share_apply(struct jmap_set *s, uint32_t id, struct js_val *v)
{
	struct jmap_call	*c = s->c;
	struct store_share	*had;
	size_t			 n;
	int			 ret;

	if (jmap_api_store(c, store_share_list(c->txn, 0, id, &had, &n)) != 1)
		return -1;
	if ((ret = share_take(s, v, had, n)) == 1)
		ret = share_give(s, id, v, had, n);
	free(had);
	free(c->shares);
	c->shares = NULL;
	c->nshares = 0;
	return ret;
}

/* --- may it be so? ------------------------------------------------------- */

/* 1, or 0 with s->e filled. */
static int
share_check(struct jmap_set *s, uint32_t id, struct js_val *v,
    const struct store_share *had, size_t n)
{
	struct js_iter	 it;
	char		 text[STORE_IDLEN];
	uint32_t	 mine = store_view_rights(s->c->txn, id);
	uint64_t	 me = s->c->req->user->number;
	size_t		 i;

	if (js_len(v) > SHARE_MAX)
		return jmap_set_refuse(s, &jmap_error_over_quota,
		    "shared with more than %d", SHARE_MAX);
	for (js_first(&it, v); js_next(&it);)
		if (!share_check_one(s, mine, it.key, it.val, had, n))
			return 0;
	/* a sharee does not take himself out in silence: he unsubscribes */
	for (i = 0; i < n; i++) {
		jmap_principal_id(had[i].who, text);
		if (s->c->shared && had[i].who == me && !js_has(v, text))
			return jmap_set_refuse(s, &jmap_error_forbidden,
			    "your own rights are others' to change");
	}
	return 1;
}

static int
share_check_one(struct jmap_set *s, uint32_t mine, const char *key,
    struct js_val *v, const struct store_share *had, size_t n)
{
	const struct jmap_user	*u = s->c->req->user;
	uint64_t		 who;
	uint32_t		 bits, was;

	if (jmap_principal_id_get(key, &who) == -1 ||
	    share_bits(s, key, v, &bits) == -1) {
		jmap_set_bad(s, "shareWith", "%s: not rights of a principal",
		    key);
		return 0;
	}
	if ((was = share_had(had, n, who)) == bits)
		return 1;
	/* RFC 9670 4: the owner MUST NOT be in the map */
	if (who == dir_account_get(s->c->account)) {
		jmap_set_bad(s, "shareWith", "the owner has all rights");
		return 0;
	}
	if (s->c->shared && who == u->number)
		return jmap_set_refuse(s, &jmap_error_forbidden,
		    "your own rights are others' to change");
	/* nobody gives what he has not */
	if (bits & ~was & ~mine)
		return jmap_set_refuse(s, &jmap_error_forbidden,
		    "you have not all of these rights yourself");
	if (was == 0 && jmap_principal_find(u->dir, who) == NULL) {
		jmap_set_bad(s, "shareWith", "no such principal: %s", key);
		return 0;
	}
	return 1;
}

static int
share_bits(struct jmap_set *s, const char *key, struct js_val *v,
    uint32_t *bits)
{
	struct js_iter	 it;
	uint32_t	 bit;

	*bits = 0;
	if (js_type(v) != JS_OBJ)
		return -1;
	for (js_first(&it, v); js_next(&it);) {
		if ((bit = jmap_share_right(it.key)) == 0 ||
		    js_type(it.val) != JS_BOOL)
			return jmap_set_bad(s, "shareWith",
			    "%s: no right: %s", key, it.key);
		if (js_bool(it.val))
			*bits |= bit;
	}
	return 0;
}

static uint32_t
share_had(const struct store_share *had, size_t n, uint64_t who)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (had[i].who == who)
			return had[i].rights;
	return 0;
}

/* --- then do it ---------------------------------------------------------- */

/* From those who are not in the map any more. */
static int
share_take(struct jmap_set *s, struct js_val *v, struct store_share *had,
    size_t n)
{
	char	 text[STORE_IDLEN];
	size_t	 i;

	for (i = 0; i < n; i++) {
		jmap_principal_id(had[i].who, text);
		if (js_has(v, text))
			continue;
		had[i].rights = 0;
		if (jmap_api_store(s->c, store_share_set(s->c->txn,
		    &had[i])) != 1)
			return -1;
	}
	return 1;
}

static int
share_give(struct jmap_set *s, uint32_t id, struct js_val *v,
    const struct store_share *had, size_t n)
{
	struct store_share	 x;
	struct js_iter		 it;
	size_t			 i;

	for (js_first(&it, v); js_next(&it);) {
		memset(&x, 0, sizeof(x));
		x.mailbox = id;
		x.subscribed = s->c->req->env->share_subscribed;
		if (jmap_principal_id_get(it.key, &x.who) == -1 ||
		    share_bits(s, it.key, it.val, &x.rights) == -1)
			return 0;
		for (i = 0; i < n; i++)
			if (had[i].who == x.who)
				x.subscribed = had[i].subscribed;
		if (jmap_api_store(s->c, store_share_set(s->c->txn, &x)) != 1)
			return -1;
	}
	return 1;
}
