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

static int	turn_name(struct jmap_set *, const struct store_mailbox *);
static int	turn_role(struct jmap_set *, const struct store_mailbox *);
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

/*
 * Of mailboxes that change nothing but the role, so that nothing else can
 * be in the way of the others when this one has given its role up.
 */
static int
turn_role(struct jmap_set *s, const struct store_mailbox *want)
{
	struct store_mailbox	 m, next = *want;
	uint32_t		 id = want->id;
	int			 i;

	for (i = 0; i < TURN_CHAIN; i++) {
		if (store_mailbox_get(s->c->txn, id, &m) != STORE_OK ||
		    m.role == STORE_ROLE_INBOX || m.parent != next.parent ||
		    strcmp(m.name, next.name) != 0)
			return 0;
		if (next.role == STORE_ROLE_NONE ||
		    (id = store_mailbox_role(s->c->txn, next.role)) == 0)
			return 0;	/* that one will be free */
		if (id == want->id)
			break;
		if (turn_plan(s, id, &next) != 1)
			return 0;
	}
	if (i == TURN_CHAIN || store_mailbox_get(s->c->txn, want->id,
	    &m) != STORE_OK)
		return 0;
	m.role = STORE_ROLE_NONE;
	return jmap_api_store(s->c, store_mailbox_update(s->c->txn, &m)) ==
	    -1 ? -1 : 0;
}

static int
turn_name(struct jmap_set *s, const struct store_mailbox *want)
{
	struct store_mailbox	 m, next;
	uint32_t		 id;
	int			 i;

	next = *want;
	for (i = 0; i < TURN_CHAIN; i++) {
		id = store_mailbox_named(s->c->txn, next.parent, next.name);
		if (id == 0 || (id == want->id && i == 0))
			return 0;
		if (id == want->id)
			break;
		if (turn_plan(s, id, &next) != 1)
			return 0;
	}
	if (i == TURN_CHAIN || store_mailbox_get(s->c->txn, want->id,
	    &m) != STORE_OK)
		return 0;
	if (strlcpy(m.name, ".jmapd-turning-", sizeof(m.name)) >=
	    sizeof(m.name))
		return 0;
	store_id_mailbox(m.id, m.name + strlen(m.name));
	return jmap_api_store(s->c, store_mailbox_update(s->c->txn, &m)) ==
	    -1 ? -1 : 0;
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
