/* SPDX-License-Identifier: ISC */
/*
 * Names and roles that go round: in one Mailbox/set each mailbox of a ring
 * is to get the name, or the role, of the next (RFC 8620 5.3: the result
 * counts, not the order).  Called by mailbox.c when one is taken.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/jmap.h"
#include "worker/jmap/mailbox.h"

#define TURN_CHAIN	16	/* names that go round in one /set */

/* Who has what that one is to get: a mailbox, or 0. */
typedef uint32_t	turn_owner(struct jmap_set *,
			    const struct store_mailbox *);

static turn_owner	turn_role_owner, turn_name_owner;
static int	turn_role(struct jmap_set *, const struct store_mailbox *);
static int	turn_name(struct jmap_set *, const struct store_mailbox *);
static int	turn_ring(struct jmap_set *, const struct store_mailbox *,
		    turn_owner *, struct store_mailbox *);
static int	turn_plan(struct jmap_set *, uint32_t, struct store_mailbox *);

int
mailbox_turn(struct jmap_set *s, const struct store_mailbox *want)
{
	uint32_t	 id;

	id = want->role == STORE_ROLE_NONE ? 0 :
	    store_mailbox_role(s->c->txn, want->role);
	return id != 0 && id != want->id ? turn_role(s, want) :
	    turn_name(s, want);
}

static int
turn_role(struct jmap_set *s, const struct store_mailbox *want)
{
	struct store_mailbox	 m;

	if (!turn_ring(s, want, turn_role_owner, &m))
		return 0;
	m.role = STORE_ROLE_NONE;
	return jmap_api_store(s->c, store_mailbox_update(s->c->txn, &m)) ==
	    -1 ? -1 : 0;
}

static int
turn_name(struct jmap_set *s, const struct store_mailbox *want)
{
	struct store_mailbox	 m;

	if (!turn_ring(s, want, turn_name_owner, &m) || strlcpy(m.name,
	    ".jmapd-turning-", sizeof(m.name)) >= sizeof(m.name))
		return 0;
	store_id_mailbox(m.id, m.name + strlen(m.name));
	return jmap_api_store(s->c, store_mailbox_update(s->c->txn, &m)) ==
	    -1 ? -1 : 0;
}

/* 1 if the owner of what is wanted, the owner of what that one is to get,
 * and so on end with ours, which is then in *m as it is now. */
static int
turn_ring(struct jmap_set *s, const struct store_mailbox *want,
    turn_owner *owner, struct store_mailbox *m)
{
	struct store_mailbox	 next = *want;
	uint32_t		 id;
	int			 i;

	for (i = 0; i < TURN_CHAIN; i++) {
		if ((id = owner(s, &next)) == 0)
			return 0;	/* that one will be free */
		if (id == want->id)
			return i > 0 && store_mailbox_get(s->c->txn, id,
			    m) == STORE_OK;
		if (turn_plan(s, id, &next) != 1)
			return 0;
	}
	return 0;
}

/*
 * Of mailboxes that change nothing but the role, so that nothing else can
 * be in the way of the others when ours has given its role up.
 */
static uint32_t
turn_role_owner(struct jmap_set *s, const struct store_mailbox *next)
{
	struct store_mailbox	 m;

	if (next->role == STORE_ROLE_NONE ||
	    store_mailbox_get(s->c->txn, next->id, &m) != STORE_OK ||
	    m.role == STORE_ROLE_INBOX || m.parent != next->parent ||
	    strcmp(m.name, next->name) != 0)
		return 0;
	return store_mailbox_role(s->c->txn, next->role);
}

static uint32_t
turn_name_owner(struct jmap_set *s, const struct store_mailbox *next)
{
	return store_mailbox_named(s->c->txn, next->parent, next->name);
}

/* What this call will make of another mailbox: 1, or 0 when nothing good. */
static int
turn_plan(struct jmap_set *s, uint32_t id, struct store_mailbox *out)
{
	struct js_val		*v;
	struct jmap_seterr	 saved = s->e;
	struct mailbox_obj	 o;
	struct jmap_patch	 p;
	char			 text[STORE_IDLEN];
	int			 good;

	store_id_mailbox(id, text);
	if (!js_find(js_get(s->c->args, "update"), text, &v) ||
	    store_mailbox_get(s->c->txn, id, out) != STORE_OK)
		return 0;
	memset(&o, 0, sizeof(o));
	o.m = *out;
	good = jmap_patch_read(s, v, &p) == 1 &&
	    jmap_set_patch(s, &p, &o) == 1 && mailbox_deep(s, &o.m) == 1;
	*out = o.m;
	js_free(o.share);
	s->e = saved;
	return good;
}
