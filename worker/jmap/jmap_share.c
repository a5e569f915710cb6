/* SPDX-License-Identifier: ISC */
/*
 * Accounts of others (RFC 9670; RFC 8620 1.6.2): which there are for a user,
 * opening them, and telling those whose rights changed.  Rights themselves
 * are the store's (store_share.h).
 *
 * Order.  A change of rights is committed in the owner's store together with
 * a note of it (STORE_SHAREOUT); then the sharee's store gets its hint and
 * his ShareNotification; then the note goes.  Never are two write
 * transactions open at once, so workers cannot wait for each other; a crash
 * between leaves the note, and the next one who tells makes up for it.  A
 * hint is computed from the owner's rows while the sharee's store is being
 * written: of two who tell at once the last one has the newest.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/dir.h"
#include "common/log.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_share.h"
#include "worker/jmap/share_note.h"
#include "worker/store/store_share.h"

#define HINT_VERSION	1
#define HINT_HEAD	6	/* bytes before the name */

/* Notes of an account, and what is to be done with them. */
struct tell {
	struct store		*st;		/* the owner's */
	uint64_t		 owner;
	const char		*name;		/* or NULL */
	struct store_shared	*v;
	uint64_t		*id;		/* of their objects */
	size_t			 n;
	uint64_t		 to;		/* the sharee in hand */
};

static const struct {
	const char	*name;
	uint32_t	 bit;
} rights[] = {
	{ "mayReadItems",	STORE_MAY_READ },
	{ "mayAddItems",	STORE_MAY_ADD },
	{ "mayRemoveItems",	STORE_MAY_REMOVE },
	{ "maySetSeen",		STORE_MAY_SEEN },
	{ "maySetKeywords",	STORE_MAY_KEYWORDS },
	{ "mayCreateChild",	STORE_MAY_CHILD },
	{ "mayRename",		STORE_MAY_RENAME },
	{ "mayDelete",		STORE_MAY_DELETE },
	{ "maySubmit",		STORE_MAY_SUBMIT },
	{ "mayShare",		STORE_MAY_SHARE }
};

static int	hint_read(struct slice, struct jmap_shared *,
		    struct arena *);
static enum store_err	hint_write(struct store_txn *, const struct tell *,
			    uint64_t);
static enum store_err	hint_rights(const struct tell *, uint64_t,
			    uint32_t *, int *);
static enum store_err	tell_read(struct tell *);
static enum store_err	tell_one(struct tell *);
static store_write_fn	tell_try;
static store_write_fn	tell_forget;
static enum store_err	erase_hint(uint64_t, uint64_t);
static enum store_err	erase_rights(uint64_t, uint64_t);
static enum store_err	erase_events(struct store_txn *, uint64_t);
static enum store_err	share_write(uint64_t, store_write_fn *, void *);

/* --- rights -------------------------------------------------------------- */

void
jmap_share_rights(struct buf *b, uint32_t bits, int all)
{
	size_t	 i;

	js_out_obj(b);
	for (i = 0; i < nitems(rights); i++) {
		if (rights[i].bit == STORE_MAY_SHARE && !all)
			continue;
		js_out_key(b, rights[i].name);
		js_out_bool(b, (bits & rights[i].bit) != 0);
	}
	js_out_end(b, '}');
}

uint32_t
jmap_share_right(const char *name)
{
	size_t	 i;

	for (i = 0; i < nitems(rights); i++)
		if (strcmp(rights[i].name, name) == 0)
			return rights[i].bit;
	return 0;
}

int
jmap_share_used(const struct jmap_req *r)
{
	return (r->using & (JMAP_CAP_PRINCIPALS | JMAP_CAP_SHARE)) != 0;
}

/* --- hints --------------------------------------------------------------- */

/* u8 version, u8 subscribed, u32 rights, the owner's name. */
static int
hint_read(struct slice v, struct jmap_shared *s, struct arena *a)
{
	const uint8_t	*p = v.p;

	if (v.n < HINT_HEAD || p[0] > HINT_VERSION)
		return -1;
	s->subscribed = p[1];
	s->rights = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 |
	    (uint32_t)p[4] << 8 | p[5];
	if (a == NULL)
		return 0;
	s->name = arena_dup(a, (const char *)p + HINT_HEAD, v.n - HINT_HEAD);
	return s->name == NULL ? -1 : 0;
}

int
jmap_share_list(struct store_txn *txn, struct arena *a,
    struct jmap_shared **out, size_t *n)
{
	struct store_ids	 ids = { NULL, 0, 0 };
	struct jmap_shared	*s;
	struct slice		 v;
	char			 account[DIR_ACCOUNT_LEN];
	size_t			 i;
	int			 ret = -1;

	*n = 0;
	*out = NULL;
	if (store_state(txn, STORE_SHARED) == 0)
		return 0;
	if (store_object_ids(txn, STORE_SHARED, &ids) != STORE_OK ||
	    (*out = arena_array(a, ids.n + 1, sizeof(**out))) == NULL)
		goto done;
	for (i = 0; i < ids.n; i++) {
		s = &(*out)[*n];
		s->number = ids.v[i];
		dir_account(s->number, account);
		s->account = arena_dup(a, account, strlen(account));
		if (s->account == NULL || store_object_get(txn, STORE_SHARED,
		    s->number, &v) != STORE_OK)
			goto done;
		if (hint_read(v, s, a) == 0)
			++*n;
	}
	ret = 0;
done:
	store_ids_free(&ids);
	return ret;
}

uint64_t
jmap_share_state(const struct jmap_user *u)
{
	struct store_txn	*txn;
	uint64_t		 state;

	if (u->store == NULL || store_begin(u->store, 0, &txn) != STORE_OK)
		return 0;
	state = store_state(txn, STORE_SHARED);
	store_abort(txn);
	return state;
}

int
jmap_share_open(const struct jmap_user *u, struct store_txn *own,
    const char *account, struct store **st, uint64_t *viewer)
{
	struct store_txn	*txn = own;
	struct slice		 v;
	uint64_t		 number = dir_account_get(account);
	enum store_err		 e;

	*viewer = 0;
	if (strcmp(account, u->account) != 0) {
		/* only what is hinted at: nobody makes us open accounts */
		if (number == 0 || u->number == 0)
			return 0;
		if (own == NULL &&
		    (e = store_begin(u->store, 0, &txn)) != STORE_OK)
			goto failed;
		e = store_object_get(txn, STORE_SHARED, number, &v);
		if (own == NULL)
			store_abort(txn);
		if (e == STORE_NOTFOUND)
			return 0;
		if (e != STORE_OK)
			goto failed;
		*viewer = u->number;
	}
	if ((e = store_open(account, 0, st)) == STORE_OK)
		return 1;
	if (e == STORE_NOTFOUND)
		return 0;
failed:
	log_warnx("account %s for %s: %s", account, u->account,
	    store_strerror(e));
	return -1;
}

enum store_err
jmap_share_begin(struct store *st, uint64_t viewer, int write,
    struct store_txn **txn)
{
	enum store_err	 e;

	if ((e = store_begin(st, write, txn)) != STORE_OK || viewer == 0)
		return e;
	if ((e = store_view(*txn, viewer)) == STORE_OK)
		return STORE_OK;
	store_abort(*txn);
	*txn = NULL;
	return e;
}

/* --- telling ------------------------------------------------------------- */

void
jmap_share_tell(struct store *st, uint64_t owner, const char *name)
{
	struct tell	 t;
	enum store_err	 e;
	size_t		 i, k;

	memset(&t, 0, sizeof(t));
	t.st = st;
	t.owner = owner;
	t.name = name;
	e = tell_read(&t);
	for (i = 0; i < t.n && e == STORE_OK; i++) {
		for (k = 0; k < i && t.v[k].who != t.v[i].who; k++)
			;
		if (k < i)
			continue;	/* told with an earlier one */
		t.to = t.v[i].who;
		if (t.to != owner)
			e = tell_one(&t);
		if (e == STORE_OK)
			e = store_write(st, tell_forget, &t);
	}
	if (e != STORE_OK)
		log_warnx("account u%llu: sharing is told later: %s",
		    (unsigned long long)owner, store_strerror(e));
	free(t.v);
	free(t.id);
}

void
jmap_share_again(struct store *st, uint64_t owner, const char *name)
{
	struct store_ids	 ids = { NULL, 0, 0 };
	struct store_txn	*txn;

	if (store_begin(st, 0, &txn) != STORE_OK)
		return;
	if (store_state(txn, STORE_SHAREOUT) != 0)
		(void)store_object_ids(txn, STORE_SHAREOUT, &ids);
	store_abort(txn);
	if (ids.n > 0)
		jmap_share_tell(st, owner, name);
	store_ids_free(&ids);
}

static enum store_err
tell_read(struct tell *t)
{
	struct store_txn	*txn;
	struct store_ids	 ids = { NULL, 0, 0 };
	struct slice		 v;
	enum store_err		 e;
	size_t			 i;

	if ((e = store_begin(t->st, 0, &txn)) != STORE_OK)
		return e;
	e = store_object_ids(txn, STORE_SHAREOUT, &ids);
	t->v = calloc(ids.n + 1, sizeof(*t->v));
	t->id = calloc(ids.n + 1, sizeof(*t->id));
	if (t->v == NULL || t->id == NULL)
		e = STORE_IO;
	for (i = 0; i < ids.n && e == STORE_OK; i++) {
		if ((e = store_object_get(txn, STORE_SHAREOUT, ids.v[i],
		    &v)) != STORE_OK)
			break;
		t->id[t->n] = ids.v[i];
		if (store_share_event(v, &t->v[t->n]) == 0)
			t->n++;
	}
	store_ids_free(&ids);
	store_abort(txn);
	return e;
}

/* Hint and notifications of one sharee.  One who is gone is told nothing. */
static enum store_err
tell_one(struct tell *t)
{
	struct store	*st;
	char		 account[DIR_ACCOUNT_LEN];
	uint32_t	 bits;
	enum store_err	 e;
	int		 sub;

	if ((e = hint_rights(t, t->to, &bits, &sub)) != STORE_OK)
		return e;
	e = store_open(dir_account(t->to, account), bits != 0 ? STORE_CREATE :
	    0, &st);
	if (e != STORE_OK)
		return e == STORE_NOTFOUND ? STORE_OK : e;
	e = store_write(st, tell_try, t);
	store_close(st);
	return e;
}

static enum store_err
tell_try(struct store_txn *txn, void *arg)
{
	const struct tell	*t = arg;
	uint64_t		 who = t->to;
	enum store_err		 e;
	size_t			 i;

	e = hint_write(txn, t, who);
	for (i = 0; i < t->n && e == STORE_OK; i++)
		/* who did it himself knows; his subscription is no right */
		if (t->v[i].who == who && t->v[i].by != who &&
		    t->v[i].was != t->v[i].is)
			e = share_note_add(txn, t->owner, &t->v[i]);
	return e;
}

/* What the owner's rows say now. */
static enum store_err
hint_rights(const struct tell *t, uint64_t who, uint32_t *bits, int *sub)
{
	struct store_share	*v;
	struct store_txn	*txn;
	enum store_err		 e;
	size_t			 i, n;

	*bits = 0;
	*sub = 0;
	if ((e = store_begin(t->st, 0, &txn)) != STORE_OK)
		return e;
	e = store_share_list(txn, who, 0, &v, &n);
	for (i = 0; i < n; i++) {
		*bits |= v[i].rights;
		*sub |= v[i].subscribed;
	}
	free(v);
	store_abort(txn);
	return e;
}

static enum store_err
hint_write(struct store_txn *txn, const struct tell *t, uint64_t who)
{
	struct slice	 old;
	struct buf	 b;
	char		 account[DIR_ACCOUNT_LEN];
	const char	*name = t->name;
	uint64_t	 id = t->owner;
	uint32_t	 bits;
	enum store_err	 e, was;
	int		 sub;

	if ((e = hint_rights(t, who, &bits, &sub)) != STORE_OK)
		return e;
	was = store_object_get(txn, STORE_SHARED, id, &old);
	if (was != STORE_OK && was != STORE_NOTFOUND)
		return was;
	if (bits == 0)
		return was == STORE_OK ? store_object_destroy(txn,
		    STORE_SHARED, id) : STORE_OK;
	buf_init(&b, 1024);
	buf_addc(&b, HINT_VERSION);
	buf_addc(&b, sub);
	buf_be32(&b, bits);
	if (name != NULL)
		buf_adds(&b, name);
	else if (was == STORE_OK && old.n > HINT_HEAD)
		buf_add(&b, (const char *)old.p + HINT_HEAD,
		    old.n - HINT_HEAD);
	else
		buf_adds(&b, dir_account(t->owner, account));
	if (buf_bad(&b))
		e = STORE_IO;
	else if (was == STORE_OK)
		e = store_object_update(txn, STORE_SHARED, id,
		    SLICE(b.data, b.len));
	else
		e = store_object_create(txn, STORE_SHARED,
		    SLICE(b.data, b.len), &id);
	buf_free(&b);
	return e;
}

/* The notes of t->to, from the owner's store. */
static enum store_err
tell_forget(struct store_txn *txn, void *arg)
{
	const struct tell	*t = arg;
	enum store_err		 e = STORE_OK;
	size_t			 i;

	for (i = 0; i < t->n && e == STORE_OK; i++)
		if (t->v[i].who == t->to &&
		    (e = store_object_destroy(txn, STORE_SHAREOUT,
		    t->id[i])) == STORE_NOTFOUND)
			e = STORE_OK;
	return e;
}

/* --- the end of an account ----------------------------------------------- */

void
jmap_share_erase(uint64_t number)
{
	struct store_share	*v = NULL;
	struct store_txn	*txn;
	struct store		*st;
	struct store_ids	 hints = { NULL, 0, 0 };
	char			 account[DIR_ACCOUNT_LEN];
	enum store_err		 e;
	size_t			 i, n = 0;

	if (store_open(dir_account(number, account), 0, &st) != STORE_OK)
		return;
	if ((e = store_begin(st, 0, &txn)) == STORE_OK) {
		if ((e = store_share_list(txn, 0, 0, &v, &n)) == STORE_OK)
			e = store_object_ids(txn, STORE_SHARED, &hints);
		store_abort(txn);
	}
	store_close(st);
	/* rows stand in the order of principals */
	for (i = 0; i < n && e == STORE_OK; i++)
		if (i == 0 || v[i].who != v[i - 1].who)
			e = erase_hint(v[i].who, number);
	for (i = 0; i < hints.n && e == STORE_OK; i++)
		e = erase_rights(hints.v[i], number);
	if (e != STORE_OK)
		log_warnx("account %s: what it shared: %s", account,
		    store_strerror(e));
	store_ids_free(&hints);
	free(v);
}

static enum store_err
erase_hint_in(struct store_txn *txn, void *arg)
{
	enum store_err	 e;

	e = store_object_destroy(txn, STORE_SHARED, *(const uint64_t *)arg);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

static enum store_err
erase_hint(uint64_t who, uint64_t owner)
{
	return share_write(who, erase_hint_in, &owner);
}

static enum store_err
erase_rights_in(struct store_txn *txn, void *arg)
{
	const uint64_t		 who = *(const uint64_t *)arg;
	struct store_share	*v;
	enum store_err		 e;
	size_t			 i, n;

	e = store_share_list(txn, who, 0, &v, &n);
	for (i = 0; i < n && e == STORE_OK; i++) {
		v[i].rights = 0;
		e = store_share_set(txn, &v[i]);
	}
	free(v);
	/* there will be nobody to be told */
	return e == STORE_OK ? erase_events(txn, who) : e;
}

static enum store_err
erase_events(struct store_txn *txn, uint64_t who)
{
	struct store_ids	 ids = { NULL, 0, 0 };
	struct store_shared	 ev;
	struct slice		 v;
	enum store_err		 e;
	size_t			 i;

	e = store_object_ids(txn, STORE_SHAREOUT, &ids);
	for (i = 0; i < ids.n && e == STORE_OK; i++)
		if ((e = store_object_get(txn, STORE_SHAREOUT, ids.v[i],
		    &v)) == STORE_OK && store_share_event(v, &ev) == 0 &&
		    ev.who == who)
			e = store_object_destroy(txn, STORE_SHAREOUT,
			    ids.v[i]);
	store_ids_free(&ids);
	return e;
}

static enum store_err
erase_rights(uint64_t owner, uint64_t who)
{
	return share_write(owner, erase_rights_in, &who);
}

/* An account that is not there is done with. */
static enum store_err
share_write(uint64_t number, store_write_fn *fn, void *arg)
{
	char		 account[DIR_ACCOUNT_LEN];
	enum store_err	 e;

	e = store_write_to(dir_account(number, account), fn, arg);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}
