/* SPDX-License-Identifier: ISC */
/*
 * Identity (RFC 8621 6): who the user sends as.  Each address of the account
 * has one that cannot be deleted, made when identities are looked at first;
 * the user makes others for the same addresses.  No identity has an address
 * that was not the user's when it was made.
 */
#include "common/compat.h"

#include <string.h>

#include "common/addr.h"
#include "common/card.h"
#include "worker/jmap/identity.h"

#define IDENTITY_MAX	200	/* an account may make */

static int	identity_check(struct jmap_set *, const struct jmap_prop *,
		    struct js_val *);
static int	identity_create(struct jmap_set *, struct jmap_object *);
static int	identity_destroy(struct jmap_set *, const struct jmap_object *);
static int	identity_needed(const struct card *,
		    const struct jmap_object *, size_t);
static int	identity_stray(const struct card *,
		    const struct jmap_object *);
static int	identity_keep(struct jmap_call *, const struct card *,
		    struct jmap_object *, size_t);
static int	identity_make(struct jmap_call *, const char *, const char *);
static int	identity_default(const struct jmap_object *);
static int	identity_of(const struct jmap_object *, const char *);

static const struct jmap_prop identity_props[] = {
	{ "bcc", JO_ADDRS_NULL, NULL, NULL },
	{ "email", JP_FIXED | JO_STR | JO_MUST, NULL, NULL },
	{ "htmlSignature", JO_STR, NULL, NULL },
	{ "id", JP_SERVER | JP_FIXED, NULL, NULL },
	{ "mayDelete", JP_SERVER | JO_BOOL, NULL, NULL },
	{ "name", JO_STR, NULL, NULL },
	{ "replyTo", JO_ADDRS_NULL, NULL, NULL },
	{ "textSignature", JO_STR, NULL, NULL },
};

static const struct jmap_object_type identity_object = {
	.letter = 'I',
	.max = IDENTITY_MAX,
	.check = identity_check,
	.create = identity_create,
	.destroy = identity_destroy,
};

const struct jmap_type identity_type = {
	.name = "Identity",
	.kind = STORE_IDENTITY,
	.props = identity_props,
	.nprops = nitems(identity_props),
	.object = &identity_object,
	.prepare = identity_prepare,
	JMAP_OBJECT_METHODS,
};

/* --- what a client may set --------------------------------------------- */

static int
identity_check(struct jmap_set *s, const struct jmap_prop *p, struct js_val *v)
{
	const char	*text = js_str(v);

	if (strcmp(p->name, "email") == 0) {
		/* "*@example.com": any address of the domain */
		if (!addr_ok(text))
			return jmap_set_bad(s, p->name, "not an address");
	} else if (strcmp(p->name, "name") == 0) {
		for (; *text != '\0'; text++)
			if ((unsigned char)*text < ' ' || *text == 0x7f)
				return jmap_set_bad(s, p->name,
				    "a control character");
	}
	return 0;
}

static int
identity_create(struct jmap_set *s, struct jmap_object *o)
{
	if (!card_has(s->c->req->user->card, js_str(js_get(o->val, "email"))))
		return jmap_set_refuse(s, &jmap_error_forbidden_from,
		    "not an address of this account");
	return jmap_objrow_set(o, "mayDelete", js_new_bool(1)) == -1 ? -1 : 1;
}

static int
identity_destroy(struct jmap_set *s, const struct jmap_object *o)
{
	if (identity_default(o))
		return jmap_set_refuse(s, &jmap_error_forbidden,
		    "the identity of an address of the account stays");
	return 1;
}

/* --- those that are there by themselves -------------------------------- */

int
identity_prepare(struct jmap_call *c)
{
	const struct card	*card = c->req->user->card;
	struct jmap_object	*o = NULL;
	size_t			 i, n;
	int			 got;

	if (card == NULL)
		return 1;
	if ((got = jmap_objrow_all(c, &identity_type, &o, &n)) == 1 &&
	    identity_needed(card, o, n)) {
		if (c->method->flags & JM_WRITE || c->want_write)
			got = identity_keep(c, card, o, n);
		else {
			c->want_write = 1;
			got = 0;
		}
	}
	for (i = 0; i < n; i++)
		jmap_objrow_free(&o[i]);
	return got;
}

/* Is an address without its identity, or the other way round? */
static int
identity_needed(const struct card *card, const struct jmap_object *o,
    size_t n)
{
	size_t	 i, have = 0;

	for (i = 0; i < n; i++) {
		if (identity_stray(card, &o[i]))
			return 1;
		have += identity_default(&o[i]) != 0;
	}
	return have != card->n;
}

/* Made for an address that the account has no more? */
static int
identity_stray(const struct card *card, const struct jmap_object *o)
{
	size_t	 k;

	if (!identity_default(o))
		return 0;
	for (k = 0; k < card->n; k++)
		if (identity_of(o, card->address[k]))
			return 0;
	return 1;
}

static int
identity_keep(struct jmap_call *c, const struct card *card,
    struct jmap_object *o, size_t n)
{
	size_t	 i, k;

	/* one whose address has gone is the user's to delete */
	for (i = 0; i < n; i++)
		if (identity_stray(card, &o[i]) && (jmap_objrow_set(&o[i],
		    "mayDelete", js_new_bool(1)) == -1 || jmap_api_store(c,
		    jmap_objrow_update(c->txn, &identity_type, &o[i])) != 1))
			return -1;
	for (k = 0; k < card->n; k++) {
		for (i = 0; i < n; i++)
			if (identity_default(&o[i]) &&
			    identity_of(&o[i], card->address[k]))
				break;
		if (i == n && identity_make(c, card->name,
		    card->address[k]) == -1)
			return -1;
	}
	return 1;
}

static int
identity_make(struct jmap_call *c, const char *name, const char *address)
{
	struct jmap_object	 o;
	const char		*email;
	int			 ret = -1;

	email = address[0] == '@' ? arena_printf(&c->req->arena, "*%s",
	    address) : address;
	if (email == NULL || jmap_objrow_new(&identity_type, &o) == -1)
		return -1;
	if (jmap_objrow_set_str(&o, "email", email) == 0 &&
	    jmap_objrow_set_str(&o, "name", name) == 0 &&
	    jmap_api_store(c, jmap_objrow_create(c->txn, &identity_type,
	    &o)) == 1)
		ret = 0;
	jmap_objrow_free(&o);
	return ret;
}

static int
identity_default(const struct jmap_object *o)
{
	return !js_bool(js_get(o->val, "mayDelete"));
}

/* Is it that of an address, as the card has it? */
static int
identity_of(const struct jmap_object *o, const char *address)
{
	const char	*email = js_str(js_get(o->val, "email"));

	return addr_same(email + (address[0] == '@' && email[0] == '*'),
	    address);
}

/* --- for submissions --------------------------------------------------- */

int
identity_get(struct jmap_call *c, const char *text, struct jmap_object *o)
{
	uint64_t	 id;

	if (jmap_objrow_id_get(&identity_type, text, &id) == -1)
		return 0;
	return jmap_api_store(c, jmap_objrow_load(c->txn, &identity_type, id,
	    o));
}

int
identity_may(struct jmap_call *c, const struct jmap_object *o,
    const char *address)
{
	const char	*email = js_str(js_get(o->val, "email"));
	const char	*one[1];
	struct card	 own = { 0, "", one, 1, 0 };

	one[0] = email[0] == '*' && email[1] == '@' ? email + 1 : email;
	return card_has(c->req->user->card, email) && card_has(&own, address);
}
