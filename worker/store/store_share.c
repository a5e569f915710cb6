/* SPDX-License-Identifier: ISC */
/*
 * Who a mailbox is shared with: a rows, see store.h 14.  Here they are kept;
 * store_view.c is what they make of an account.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/store/store_int.h"

#define SHARE_LEN	16
#define EVENT_HEAD	31	/* bytes before the strings */
#define EVENT_VERSION	1

struct shares {
	struct store_share	*v;
	size_t			 n, cap;
};

static enum store_err	 share_put(struct store_txn *,
			    const struct store_share *, uint64_t);
static enum store_err	 share_sight(struct store_txn *, uint64_t);
static enum store_err	 share_tell(struct store_txn *,
			    const struct store_share *, uint32_t,
			    const char *);
static int		 share_add(struct shares *, const struct store_share *);

/* since is that of a row of no mailbox, else 0. */
int
store_share_decode(struct slice key, struct slice val, struct store_share *s,
    uint64_t *since)
{
	const uint8_t	*k = key.p, *p = val.p;

	if (key.n != 13 || val.n != SHARE_LEN || p[0] > STORE_ROWVER)
		return -1;
	s->who = store_get64(k + 1);
	s->mailbox = store_get32(k + 9);
	s->subscribed = p[1] != 0;
	s->rights = store_get32(p + 4);
	*since = store_get64(p + 8);
	if (s->who == 0 || (s->rights & ~STORE_MAY_ALL) != 0 ||
	    (s->mailbox != 0) != (s->rights != 0))
		return -1;
	return 0;
}

static enum store_err
share_put(struct store_txn *txn, const struct store_share *s, uint64_t since)
{
	struct store_key	 k;
	uint8_t			 b[SHARE_LEN] = { STORE_ROWVER };

	b[1] = s->subscribed != 0;
	store_put32(b + 4, s->rights);
	store_put64(b + 8, since);
	store_key_share(&k, s->who, s->mailbox);
	return store_put(txn, &k, b, sizeof(b));
}

enum store_err
store_share_get(struct store_txn *txn, uint64_t who, uint32_t mailbox,
    struct store_share *s)
{
	struct store_key	 k;
	struct slice		 v;
	enum store_err		 e;
	uint64_t		 since;

	if (mailbox == 0 || who == 0)
		return STORE_NOTFOUND;
	store_key_share(&k, who, mailbox);
	if ((e = store_get(txn, &k, &v)) != STORE_OK)
		return e;
	return store_share_decode(SLICE(k.b, k.n), v, s, &since) == 0 ?
	    STORE_OK : store_broken(txn, "share");
}

enum store_err
store_share_set(struct store_txn *txn, const struct store_share *s)
{
	struct store_share	 old;
	struct store_key	 k;
	enum store_err		 e;
	int			 i;

	if (txn->dead != STORE_OK)
		return txn->dead;
	if (s->who == 0 || (s->rights & ~STORE_MAY_ALL) != 0)
		return STORE_INVALID;
	if ((e = store_mailbox_load(txn)) != STORE_OK)
		return e;
	if ((i = store_mailbox_find(&txn->box, s->mailbox)) == -1)
		return STORE_NOTFOUND;
	memset(&old, 0, sizeof(old));
	e = store_share_get(txn, s->who, s->mailbox, &old);
	if (e != STORE_OK && e != STORE_NOTFOUND)
		return e;
	if (old.rights == s->rights &&
	    (s->rights == 0 || old.subscribed == (s->subscribed != 0)))
		return STORE_OK;
	if (s->rights != 0)
		e = share_put(txn, s, 0);
	else {
		store_key_share(&k, s->who, s->mailbox);
		e = store_del(txn, &k);
	}
	if (e != STORE_OK)
		return e;
	txn->box.flags[i] |= BOX_SHARED;
	if ((old.rights == 0) != (s->rights == 0) ||
	    ((old.rights ^ s->rights) & STORE_MAY_READ))
		e = share_sight(txn, s->who);
	if (e == STORE_OK)
		e = share_tell(txn, s, old.rights, txn->box.v[i].name);
	return e == STORE_OK && txn->view != NULL ? store_view_reload(txn) : e;
}

/* He sees now what he did not see, or the other way round. */
static enum store_err
share_sight(struct store_txn *txn, uint64_t who)
{
	struct store_share	 s = { .who = who };

	return share_put(txn, &s, ++txn->hot[HOT_MODSEQ]);
}

/* --- telling him --------------------------------------------------------- */

void
store_share_by(struct store_txn *txn, uint64_t who, const char *name,
    const char *email)
{
	txn->by = who;
	txn->by_name = name;
	txn->by_email = email;
}

static enum store_err
share_tell(struct store_txn *txn, const struct store_share *s, uint32_t was,
    const char *name)
{
	uint8_t		 b[EVENT_HEAD + 2 * 255 + STORE_NAME_MAX], *p;
	const char	*strings[3];
	uint64_t	 id = 0;
	size_t		 i, n;

	strings[0] = txn->by_name == NULL ? "" : txn->by_name;
	strings[1] = txn->by_email == NULL ? "" : txn->by_email;
	strings[2] = name;
	b[0] = EVENT_VERSION;
	p = store_put64(store_put64(b + 1, s->who), txn->by);
	p = store_put32(store_put32(store_put32(p, s->mailbox), was),
	    s->rights);
	for (i = 0; i < 3; i++) {
		if ((n = strlen(strings[i])) > 255)
			n = 0;
		if (i < 2)
			*p++ = (uint8_t)n;
		memcpy(p, strings[i], n);
		p += n;
	}
	return store_object_create(txn, STORE_SHAREOUT,
	    SLICE(b, (size_t)(p - b)), &id);
}

int
store_share_event(struct slice v, struct store_shared *s)
{
	const uint8_t	*p = v.p, *end = p + v.n;
	char		*to[2];
	size_t		 i, n;

	memset(s, 0, sizeof(*s));
	to[0] = s->by_name;
	to[1] = s->by_email;
	if (v.n < EVENT_HEAD || p[0] > EVENT_VERSION)
		return -1;
	s->who = store_get64(p + 1);
	s->by = store_get64(p + 9);
	s->mailbox = store_get32(p + 17);
	s->was = store_get32(p + 21);
	s->is = store_get32(p + 25);
	p += 29;
	for (i = 0; i < 2; i++) {
		if (p == end)
			return -1;
		n = *p++;
		if (n > (size_t)(end - p))
			return -1;
		memcpy(to[i], p, n);
		p += n;
	}
	if ((n = (size_t)(end - p)) > STORE_NAME_MAX)
		return -1;
	memcpy(s->name, p, n);
	return 0;
}

int
store_share_told(const struct store_txn *txn)
{
	return txn->hot[HOT_TYPES + STORE_SHAREOUT] > txn->modseq0;
}

/* --- lists --------------------------------------------------------------- */

static int
share_add(struct shares *l, const struct store_share *s)
{
	struct store_share	*v;
	size_t			 cap;

	if (l->n == l->cap) {
		cap = l->cap == 0 ? 16 : l->cap * 2;
		if ((v = reallocarray(l->v, cap, sizeof(*v))) == NULL)
			return -1;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *s;
	return 0;
}

enum store_err
store_share_list(struct store_txn *txn, uint64_t who, uint32_t mailbox,
    struct store_share **out, size_t *n)
{
	struct store_key	 all;
	struct store_share	 s;
	struct shares		 l = { NULL, 0, 0 };
	struct kv_range		 r;
	struct slice		 k, v;
	enum store_err		 e;
	uint64_t		 since;

	*out = NULL;
	*n = 0;
	if (who != 0)
		store_key_u64(&all, 'a', who);
	else
		store_key_space(&all, 'a');
	if ((e = store_walk(txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK) {
		if (store_share_decode(k, v, &s, &since) == -1) {
			e = store_broken(txn, "share");
			break;
		}
		if (s.mailbox == 0 || (mailbox != 0 && s.mailbox != mailbox))
			continue;
		if (share_add(&l, &s) == -1) {
			e = store_fail(txn);
			break;
		}
	}
	kv_done(&r);
	if (e != STORE_NOTFOUND) {
		free(l.v);
		return e;
	}
	*out = l.v;
	*n = l.n;
	return STORE_OK;
}

enum store_err
store_share_inherit(struct store_txn *txn, uint32_t from, uint32_t to)
{
	struct store_share	*v;
	enum store_err		 e;
	size_t			 i, n;

	e = store_share_list(txn, 0, from, &v, &n);
	for (i = 0; i < n && e == STORE_OK; i++) {
		v[i].mailbox = to;
		e = store_share_set(txn, &v[i]);
	}
	free(v);
	return e;
}

enum store_err
store_share_gone(struct store_txn *txn, uint32_t mbid)
{
	struct store_share	*v;
	enum store_err		 e;
	size_t			 i, n;

	e = store_share_list(txn, 0, mbid, &v, &n);
	for (i = 0; i < n && e == STORE_OK; i++) {
		v[i].rights = 0;
		e = store_share_set(txn, &v[i]);
	}
	free(v);
	return e;
}
