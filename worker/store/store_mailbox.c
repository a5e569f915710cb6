/* SPDX-License-Identifier: ISC */
/*
 * Mailboxes (RFC 8621 2): B rows, kept in memory by a transaction and
 * written by its commit, which also logs whose counters moved.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "worker/store/store_int.h"

#define BOX_LEN		72	/* bytes before the name */
#define BOX_MAX		10000	/* mailboxes of an account */
#define BOX_DEPTH	100	/* of the tree */

/* By enum store_role. */
const char *const store_roles[STORE_ROLES] = {
	"", "all", "archive", "drafts", "flagged", "important", "inbox",
	"junk", "sent", "subscribed", "trash", "memos", "scheduled", "snoozed"
};

/* What a new account starts with. */
static const struct {
	const char	*name;
	enum store_role	 role;
} defaults[] = {
	{ "Inbox",	STORE_ROLE_INBOX },
	{ "Drafts",	STORE_ROLE_DRAFTS },
	{ "Sent",	STORE_ROLE_SENT },
	{ "Junk",	STORE_ROLE_JUNK },
	{ "Trash",	STORE_ROLE_TRASH },
	{ "Archive",	STORE_ROLE_ARCHIVE },
};

static int	store_mailbox_decode(struct slice key, struct slice val,
		    struct store_mailbox *);
static enum store_err	 store_mailbox_room(struct store_boxes *);
static enum store_err	 store_mailbox_put(struct store_txn *,
			    const struct store_mailbox *);
static enum store_err	 store_mailbox_valid(struct store_txn *,
			    const struct store_mailbox *);
static int		 store_mailbox_name_ok(const char *);
static enum store_err	 store_mailbox_sharee(struct store_txn *,
			    const struct store_mailbox *,
			    struct store_mailbox *, struct store_share *);
static int		 store_mailbox_under(struct store_txn *, uint32_t,
			    uint32_t);
static int		 store_mailbox_props(const struct store_mailbox *,
			    const struct store_mailbox *);
static int		 store_mailbox_counts(const struct store_mailbox *,
			    const struct store_mailbox *);
static enum store_err	 store_mailbox_note(struct store_txn *, uint32_t, int);
static enum store_err	 store_mailbox_empty(struct store_txn *, uint32_t);
static enum store_err	 store_mailbox_remove(struct store_txn *, int);

static int
store_mailbox_decode(struct slice key, struct slice val,
    struct store_mailbox *m)
{
	const uint8_t	*p = val.p;
	size_t		 n;

	memset(m, 0, sizeof(*m));
	if (key.n != 5 || val.n < BOX_LEN || p[0] > STORE_ROWVER ||
	    p[1] >= STORE_ROLES || (n = val.n - BOX_LEN) > STORE_NAME_MAX)
		return -1;
	m->id = store_get32((const uint8_t *)key.p + 1);
	m->role = p[1];
	m->subscribed = p[2];
	m->parent = store_get32(p + 4);
	m->sort = store_get32(p + 8);
	m->total = store_get32(p + 12);
	m->unread = store_get32(p + 16);
	m->threads = store_get32(p + 20);
	m->unread_threads = store_get32(p + 24);
	m->uidnext = store_get32(p + 28);
	m->uidvalidity = store_get32(p + 32);
	m->created = store_get64(p + 40);
	m->props = store_get64(p + 48);
	m->counts = store_get64(p + 56);
	m->emails = store_get64(p + 64);
	memcpy(m->name, p + BOX_LEN, n);
	return 0;
}

static enum store_err
store_mailbox_put(struct store_txn *txn, const struct store_mailbox *m)
{
	struct store_key	 k;
	uint8_t			 b[BOX_LEN + STORE_NAME_MAX];
	size_t			 n = strlen(m->name);

	memset(b, 0, BOX_LEN);
	b[0] = STORE_ROWVER;
	b[1] = (uint8_t)m->role;
	b[2] = m->subscribed != 0;
	store_put32(b + 4, m->parent);
	store_put32(b + 8, m->sort);
	store_put32(b + 12, m->total);
	store_put32(b + 16, m->unread);
	store_put32(b + 20, m->threads);
	store_put32(b + 24, m->unread_threads);
	store_put32(b + 28, m->uidnext);
	store_put32(b + 32, m->uidvalidity);
	store_put64(b + 40, m->created);
	store_put64(b + 48, m->props);
	store_put64(b + 56, m->counts);
	store_put64(b + 64, m->emails);
	memcpy(b + BOX_LEN, m->name, n);
	store_key_u32(&k, 'B', m->id);
	return store_put(txn, &k, b, BOX_LEN + n);
}

/* Room for one more. */
static enum store_err
store_mailbox_room(struct store_boxes *b)
{
	struct store_mailbox	*v, *old;
	uint8_t			*flags;
	size_t			 cap;

	if (b->n < b->cap)
		return STORE_OK;
	cap = b->cap == 0 ? 16 : b->cap * 2;
	if ((v = reallocarray(b->v, cap, sizeof(*v))) != NULL)
		b->v = v;
	if ((old = reallocarray(b->old, cap, sizeof(*old))) != NULL)
		b->old = old;
	if ((flags = realloc(b->flags, cap)) != NULL)
		b->flags = flags;
	if (v == NULL || old == NULL || flags == NULL)
		return STORE_IO;
	b->cap = cap;
	return STORE_OK;
}

enum store_err
store_mailbox_load(struct store_txn *txn)
{
	struct store_boxes	*b = &txn->box;
	struct store_key	 k;
	struct kv_range		 r;
	struct slice		 key, val;
	enum store_err		 e;

	if (b->loaded)
		return STORE_OK;
	b->n = 0;
	store_key_space(&k, 'B');
	if ((e = store_walk(txn, &r, &k, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &key, &val)) == STORE_OK) {
		if (store_mailbox_room(b) != STORE_OK) {
			e = store_fail(txn);
			break;
		}
		if (store_mailbox_decode(key, val, &b->v[b->n]) == -1) {
			e = store_broken(txn, "mailbox");
			break;
		}
		b->old[b->n] = b->v[b->n];
		b->flags[b->n++] = 0;
	}
	kv_done(&r);
	if (e != STORE_NOTFOUND)
		return e;
	b->loaded = 1;
	return STORE_OK;
}

int
store_mailbox_find(const struct store_boxes *b, uint32_t id)
{
	size_t	 lo = 0, hi = b->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (b->v[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < b->n && b->v[lo].id == id ? (int)lo : -1;
}

enum store_err
store_mailbox_get(struct store_txn *txn, uint32_t id,
    struct store_mailbox *out)
{
	struct store_key	 k;
	struct slice		 v;
	enum store_err		 e;
	int			 i;

	if (txn->box.loaded) {
		if ((i = store_mailbox_find(&txn->box, id)) == -1)
			return STORE_NOTFOUND;
		*out = txn->box.v[i];
	} else {
		store_key_u32(&k, 'B', id);
		if ((e = store_get(txn, &k, &v)) != STORE_OK)
			return e;
		if (store_mailbox_decode(SLICE(k.b, k.n), v, out) == -1)
			return store_broken(txn, "mailbox");
	}
	if (txn->view != NULL && !store_view_mailbox(txn, out))
		return txn->dead != STORE_OK ? txn->dead : STORE_NOTFOUND;
	return STORE_OK;
}

enum store_err
store_mailbox_all(struct store_txn *txn, const struct store_mailbox **v,
    size_t *n)
{
	enum store_err	 e = store_mailbox_load(txn);

	if (txn->view != NULL && e == STORE_OK)
		return store_view_mailboxes(txn, v, n);
	*v = txn->box.v;
	*n = e == STORE_OK ? txn->box.n : 0;
	return e;
}

uint32_t
store_mailbox_role(struct store_txn *txn, enum store_role role)
{
	size_t	 i;

	if (store_mailbox_load(txn) != STORE_OK)
		return 0;
	for (i = 0; i < txn->box.n; i++)
		if (txn->box.v[i].role == role)
			return txn->box.v[i].id;
	return 0;
}

uint32_t
store_mailbox_named(struct store_txn *txn, uint32_t parent, const char *name)
{
	size_t	 i;

	if (store_mailbox_load(txn) != STORE_OK)
		return 0;
	for (i = 0; i < txn->box.n; i++)
		if (txn->box.v[i].parent == parent &&
		    strcmp(txn->box.v[i].name, name) == 0)
			return txn->box.v[i].id;
	return 0;
}

/* --- changing ------------------------------------------------------------ */

/* RFC 8621 2: Net-Unicode, at least one character; ours: no controls. */
static int
store_mailbox_name_ok(const char *name)
{
	const uint8_t	*p;
	size_t		 n = strnlen(name, STORE_NAME_MAX + 1);

	if (n < 1 || n > STORE_NAME_MAX || !utf8_valid(name, n))
		return 0;
	for (p = (const uint8_t *)name; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			return 0;
	return 1;
}

/* Is a at or below b, or the tree too deep to say? */
static int
store_mailbox_under(struct store_txn *txn, uint32_t a, uint32_t b)
{
	int	 i, depth;

	for (depth = 0; a != 0; depth++) {
		if (a == b || depth > BOX_DEPTH)
			return 1;
		if ((i = store_mailbox_find(&txn->box, a)) == -1)
			return 1;
		a = txn->box.v[i].parent;
	}
	return 0;
}

static enum store_err
store_mailbox_valid(struct store_txn *txn, const struct store_mailbox *m)
{
	uint32_t	 id;

	/* RFC 8621 2: 0 <= sortOrder < 2^31 */
	if (!store_mailbox_name_ok(m->name) || m->sort > INT32_MAX ||
	    (unsigned)m->role >= STORE_ROLES)
		return STORE_INVALID;
	if (m->parent != 0) {
		if (store_mailbox_find(&txn->box, m->parent) == -1)
			return STORE_NOPARENT;
		/* RFC 8621 2: there MUST NOT be a loop */
		if (store_mailbox_under(txn, m->parent, m->id))
			return STORE_NOPARENT;
	}
	id = store_mailbox_named(txn, m->parent, m->name);
	if (id != 0 && id != m->id)
		return STORE_EXISTS;
	if (m->role != STORE_ROLE_NONE) {
		id = store_mailbox_role(txn, m->role);
		if (id != 0 && id != m->id)
			return STORE_EXISTS;
	}
	return STORE_OK;
}

enum store_err
store_mailbox_create(struct store_txn *txn, struct store_mailbox *in)
{
	struct store_boxes	*b = &txn->box;
	struct store_mailbox	*m;
	enum store_err		 e;
	uint64_t		 ms;

	if (txn->dead != STORE_OK)
		return txn->dead;
	if ((e = store_mailbox_load(txn)) != STORE_OK)
		return e;
	in->id = UINT32_MAX;		/* nobody's */
	if (txn->view != NULL && (in->role != STORE_ROLE_NONE ||
	    !store_view_may(txn, STORE_MAY_CHILD, &in->parent, 1)))
		return STORE_FORBIDDEN;
	if ((e = store_mailbox_valid(txn, in)) != STORE_OK)
		return e;
	if (b->n >= BOX_MAX || txn->hot[HOT_MBID] >= UINT32_MAX)
		return STORE_TOOMANY;
	if (store_mailbox_room(b) != STORE_OK)
		return store_fail(txn);
	in->id = (uint32_t)txn->hot[HOT_MBID]++;
	ms = store_change_log(txn, STORE_MAILBOX, LOG_CREATED, in->id, 0);
	if (ms == 0)
		return txn->dead;
	m = &b->v[b->n];
	memset(m, 0, sizeof(*m));
	m->id = in->id;
	m->parent = in->parent;
	m->role = in->role;
	m->sort = in->sort;
	m->subscribed = in->subscribed;
	m->created = m->props = m->counts = m->emails = ms;
	m->uidnext = 1;
	m->uidvalidity = (uint32_t)(txn->hot[HOT_UIDVALIDITY] + m->id);
	strlcpy(m->name, in->name, sizeof(m->name));
	b->old[b->n] = *m;
	b->flags[b->n++] = BOX_NEW;	/* ids grow: still in order */
	if (txn->view != NULL)
		return store_share_inherit(txn, in->parent, in->id);
	return STORE_OK;
}

/*
 * A sharee's change: his subscription goes into his row, *s; the parent that
 * he does not see stays.  *in becomes what is to be stored.
 */
static enum store_err
store_mailbox_sharee(struct store_txn *txn, const struct store_mailbox *m,
    struct store_mailbox *in, struct store_share *s)
{
	enum store_err	 e;

	e = store_share_get(txn, txn->view->who, m->id, s);
	if (e != STORE_OK)
		return e;
	s->subscribed = in->subscribed != 0;
	in->subscribed = m->subscribed;
	if (in->parent == store_view_parent(txn, m->parent))
		in->parent = m->parent;
	else if (!(s->rights & STORE_MAY_RENAME) ||
	    !store_view_may(txn, STORE_MAY_CHILD, &in->parent, 1))
		return STORE_FORBIDDEN;
	if (in->role != m->role || ((strcmp(in->name, m->name) != 0 ||
	    in->sort != m->sort) && !(s->rights & STORE_MAY_RENAME)))
		return STORE_FORBIDDEN;
	return STORE_OK;
}

enum store_err
store_mailbox_update(struct store_txn *txn, const struct store_mailbox *want)
{
	struct store_mailbox	*m, one = *want, *in = &one;
	struct store_share	 s;
	enum store_err		 e;
	int			 i, trash;

	if (txn->dead != STORE_OK)
		return txn->dead;
	if ((e = store_mailbox_load(txn)) != STORE_OK)
		return e;
	if ((i = store_mailbox_find(&txn->box, in->id)) == -1)
		return STORE_NOTFOUND;
	if (txn->view != NULL && (e = store_mailbox_sharee(txn,
	    &txn->box.v[i], in, &s)) != STORE_OK)
		return e;
	if ((e = store_mailbox_valid(txn, in)) != STORE_OK)
		return e;
	if (txn->view != NULL && (e = store_share_set(txn, &s)) != STORE_OK)
		return e;
	m = &txn->box.v[i];
	if (!store_mailbox_props(m, in))
		return STORE_OK;
	trash = (m->role == STORE_ROLE_TRASH) != (in->role == STORE_ROLE_TRASH);
	m->parent = in->parent;
	m->role = in->role;
	m->sort = in->sort;
	m->subscribed = in->subscribed != 0;
	strlcpy(m->name, in->name, sizeof(m->name));
	txn->changed = 1;
	/* unreadThreads of every mailbox looks at which is the trash */
	return trash ? store_count_all(txn, 1) : STORE_OK;
}

enum store_err
store_mailbox_destroy(struct store_txn *txn, uint32_t id, int remove)
{
	enum store_err	 e;
	size_t		 j;
	int		 i;

	if (txn->dead != STORE_OK)
		return txn->dead;
	if ((e = store_mailbox_load(txn)) != STORE_OK)
		return e;
	if ((i = store_mailbox_find(&txn->box, id)) == -1)
		return STORE_NOTFOUND;
	if (txn->view != NULL && (!store_view_may(txn, STORE_MAY_DELETE, &id,
	    1) || (txn->box.v[i].total > 0 && remove &&
	    !store_view_may(txn, STORE_MAY_REMOVE, &id, 1))))
		return STORE_FORBIDDEN;
	for (j = 0; j < txn->box.n; j++)
		if (txn->box.v[j].parent == id)
			return STORE_HASCHILD;
	if (txn->box.v[i].total > 0 && !remove)
		return STORE_HASMAIL;
	if (txn->box.v[i].total > 0 &&
	    (e = store_mailbox_empty(txn, id)) != STORE_OK)
		return e;
	return store_mailbox_remove(txn, i);
}

/* Each mail leaves the mailbox; it may have been its last. */
static enum store_err
store_mailbox_empty(struct store_txn *txn, uint32_t id)
{
	struct store_query	 q;
	struct store_mailmod	 mod;
	struct store_ids	 ids;
	struct store_view	*view = txn->view;
	enum store_err		 e;
	size_t			 i;

	memset(&q, 0, sizeof(q));
	memset(&ids, 0, sizeof(ids));
	memset(&mod, 0, sizeof(mod));
	txn->view = NULL;	/* every mail, whoever may see it */
	q.mailbox = id;
	mod.mb_del = &id;
	mod.nmb_del = 1;
	e = store_query(txn, &q, 0, SIZE_MAX, &ids, NULL);
	for (i = 0; i < ids.n && e == STORE_OK; i++)
		if ((e = store_mail_update(txn, ids.v[i], &mod)) ==
		    STORE_NOMAILBOX)
			e = store_mail_destroy(txn, ids.v[i]);
	store_ids_free(&ids);
	txn->view = view;
	if (e != STORE_OK && e <= STORE_REFUSED)
		return store_broken(txn, "mailbox list");
	return e;
}

static enum store_err
store_mailbox_remove(struct store_txn *txn, int i)
{
	struct store_boxes	*b = &txn->box;
	struct store_key	 k;
	size_t			 tail = b->n - (size_t)i - 1;
	uint32_t		 id = b->v[i].id;
	int			 trash = b->v[i].role == STORE_ROLE_TRASH;

	store_key_u32(&k, 'm', id);
	if (kv_del_prefix(txn->kv, k.b, k.n) == -1)
		return store_fail(txn);
	if (store_share_gone(txn, id) != STORE_OK)
		return txn->dead;
	store_key_u32(&k, 'B', id);
	if (store_del(txn, &k) != STORE_OK ||
	    store_change_log(txn, STORE_MAILBOX, LOG_DESTROYED, id, 0) == 0)
		return txn->dead;
	memmove(b->v + i, b->v + i + 1, tail * sizeof(*b->v));
	memmove(b->old + i, b->old + i + 1, tail * sizeof(*b->old));
	memmove(b->flags + i, b->flags + i + 1, tail);
	b->n--;
	return trash ? store_count_all(txn, 1) : STORE_OK;
}

/* 1 if what a client may set differs. */
static int
store_mailbox_props(const struct store_mailbox *a,
    const struct store_mailbox *b)
{
	return a->parent != b->parent || a->role != b->role ||
	    a->sort != b->sort || a->subscribed != (b->subscribed != 0) ||
	    strcmp(a->name, b->name) != 0;
}

static int
store_mailbox_counts(const struct store_mailbox *a,
    const struct store_mailbox *b)
{
	return a->total != b->total || a->unread != b->unread ||
	    a->threads != b->threads || a->unread_threads != b->unread_threads;
}

enum store_err
store_mailbox_flush(struct store_txn *txn)
{
	struct store_boxes	*b = &txn->box;
	struct store_mailbox	*m;
	enum store_err		 e;
	size_t			 i;
	int			 counts, props;

	for (i = 0; i < b->n; i++) {
		m = &b->v[i];
		props = b->flags[i] & BOX_SHARED ||
		    store_mailbox_props(m, &b->old[i]);
		counts = store_mailbox_counts(m, &b->old[i]);
		if ((e = store_mailbox_note(txn, (uint32_t)i,
		    props ? 2 : counts)) != STORE_OK)
			return e;
		if ((props || counts || b->flags[i] & BOX_NEW ||
		    m->emails != b->old[i].emails ||
		    m->uidnext != b->old[i].uidnext) &&
		    (e = store_mailbox_put(txn, m)) != STORE_OK)
			return e;
		b->old[i] = *m;
		b->flags[i] &= (uint8_t)~(BOX_NEW | BOX_SHARED);
	}
	return STORE_OK;
}

/* Log one: 2 properties, 1 only counts, 0 nothing changed. */
static enum store_err
store_mailbox_note(struct store_txn *txn, uint32_t i, int what)
{
	struct store_mailbox	*m = &txn->box.v[i];
	uint64_t		 ms;

	if (what == 0)
		return STORE_OK;
	ms = store_change_log(txn, STORE_MAILBOX, LOG_UPDATED, m->id,
	    what == 1);
	if (ms == 0)
		return txn->dead;
	if (what == 2)
		m->props = ms;
	else
		m->counts = ms;
	return STORE_OK;
}

enum store_err
store_mailbox_defaults(struct store_txn *txn)
{
	struct store_mailbox	 m;
	enum store_err		 e;
	size_t			 i;

	for (i = 0; i < nitems(defaults); i++) {
		memset(&m, 0, sizeof(m));
		strlcpy(m.name, defaults[i].name, sizeof(m.name));
		m.role = defaults[i].role;
		m.sort = (uint32_t)(i + 1) * 10;
		m.subscribed = 1;
		if ((e = store_mailbox_create(txn, &m)) != STORE_OK)
			return e;
	}
	return STORE_OK;
}
