/* SPDX-License-Identifier: ISC */
/*
 * An account as a principal sees it whom some of its mailboxes are shared
 * with: see store.h 14.  The other files of the store ask here wherever
 * txn->view is set; without it nothing of this costs anything.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/store/store_int.h"

#define VIEW_DEPTH	100	/* of the tree of mailboxes */

static const struct store_viewbox *view_box(const struct store_view *,
			    uint32_t);
static void		 view_blob_key(struct store_key *, const uint8_t *,
			    uint64_t);
static enum store_err	 view_load(struct store_txn *, struct store_view *);
static int		 view_push(struct store_view *,
			    const struct store_share *);
static enum store_err	 view_unread(struct store_txn *, uint32_t, uint32_t *);

enum store_err
store_view(struct store_txn *txn, uint64_t who)
{
	struct store_view	*w;
	enum store_err		 e;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return store_fail(txn);
	w->who = who;
	e = view_load(txn, w);
	if (e == STORE_OK && w->n == 0)
		e = STORE_NOTFOUND;
	if (e == STORE_OK)
		e = store_mailbox_load(txn);
	txn->view = w;		/* freed with it in any case */
	txn->quota = txn->hot[HOT_QUOTA];
	return e;
}

enum store_err
store_view_reload(struct store_txn *txn)
{
	txn->view->n = 0;
	return view_load(txn, txn->view);
}

void
store_view_free(struct store_txn *txn)
{
	if (txn->view == NULL)
		return;
	free(txn->view->v);
	free(txn->view->box);
	free(txn->view);
	txn->view = NULL;
}

static enum store_err
view_load(struct store_txn *txn, struct store_view *w)
{
	struct store_key	 all;
	struct store_share	 s;
	struct kv_range		 r;
	struct slice		 k, v;
	enum store_err		 e;
	uint64_t		 since;

	store_key_u64(&all, 'a', w->who);
	if ((e = store_walk(txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK) {
		if (store_share_decode(k, v, &s, &since) == -1) {
			e = store_broken(txn, "share");
			break;
		}
		if (s.mailbox == 0)
			w->since = since;
		else if (view_push(w, &s) == -1) {
			e = store_fail(txn);
			break;
		}
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

static int
view_push(struct store_view *w, const struct store_share *s)
{
	struct store_viewbox	*v;
	size_t			 cap;

	if (w->n == w->cap) {
		cap = w->cap == 0 ? 16 : w->cap * 2;
		if ((v = reallocarray(w->v, cap, sizeof(*v))) == NULL)
			return -1;
		w->v = v;
		w->cap = cap;
	}
	v = &w->v[w->n++];	/* keys are in the order of mailboxes */
	v->mbid = s->mailbox;
	v->rights = s->rights;
	v->subscribed = s->subscribed;
	return 0;
}

static const struct store_viewbox *
view_box(const struct store_view *w, uint32_t mbid)
{
	size_t	 lo = 0, hi = w->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (w->v[mid].mbid < mbid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < w->n && w->v[lo].mbid == mbid ? &w->v[lo] : NULL;
}

uint64_t
store_view_who(const struct store_txn *txn)
{
	return txn->view == NULL ? 0 : txn->view->who;
}

uint64_t
store_view_since(const struct store_txn *txn)
{
	return txn->view == NULL ? 0 : txn->view->since;
}

uint32_t
store_view_rights(const struct store_txn *txn, uint32_t mailbox)
{
	const struct store_viewbox	*b;

	if (txn->view == NULL)
		return STORE_MAY_ALL;
	b = view_box(txn->view, mailbox);
	return b == NULL ? 0 : b->rights;
}

uint32_t
store_view_any(const struct store_txn *txn)
{
	uint32_t	 rights = 0;
	size_t		 i;

	if (txn->view == NULL)
		return STORE_MAY_ALL;
	for (i = 0; i < txn->view->n; i++)
		rights |= txn->view->v[i].rights;
	return rights;
}

int
store_view_may(const struct store_txn *txn, uint32_t right,
    const uint32_t *mbid, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (!(store_view_rights(txn, mbid[i]) & right))
			return 0;
	return 1;
}

/* --- mail ---------------------------------------------------------------- */

int
store_view_mail(struct store_txn *txn, struct store_mail *m)
{
	struct store_view	*w = txn->view;
	uint32_t		 mbid;
	size_t			 i, n = 0;

	for (i = 0; i < m->nmailbox && i < STORE_MAXBOXES; i++) {
		mbid = store_mail_mailbox(m, i);
		if (!store_view_may(txn, STORE_MAY_READ, &mbid, 1))
			continue;
		/* moved down within itself, should it be ours already */
		memmove(w->mailboxes + 8 * n++, m->mailboxes + 8 * i, 8);
	}
	m->mailboxes = w->mailboxes;
	m->nmailbox = n;
	return n > 0;
}

int
store_view_trow(const struct store_view *w, const struct store_trow *r)
{
	const struct store_viewbox	*b;
	size_t				 i;

	for (i = 0; i < r->nmailbox; i++)
		if ((b = view_box(w, r->mailbox[i])) != NULL &&
		    (b->rights & STORE_MAY_READ))
			return 1;
	return 0;
}

/* --- mailboxes ----------------------------------------------------------- */

/* The next mailbox upward that is seen, or 0. */
uint32_t
store_view_parent(struct store_txn *txn, uint32_t id)
{
	int	 i, depth;

	for (depth = 0; id != 0 && depth < VIEW_DEPTH; depth++) {
		if (view_box(txn->view, id) != NULL)
			return id;
		if ((i = store_mailbox_find(&txn->box, id)) == -1)
			break;
		id = txn->box.v[i].parent;
	}
	return 0;
}

int
store_view_mailbox(struct store_txn *txn, struct store_mailbox *m)
{
	const struct store_viewbox	*b;

	if ((b = view_box(txn->view, m->id)) == NULL)
		return 0;
	m->parent = store_view_parent(txn, m->parent);
	m->subscribed = b->subscribed;
	if (!(b->rights & STORE_MAY_READ))
		m->total = m->unread = m->threads = m->unread_threads = 0;
	else if (m->unread_threads > 0 && view_unread(txn, m->id,
	    &m->unread_threads) != STORE_OK)
		return 0;
	return 1;
}

/*
 * Threads of the mailbox with an unread mail in it.  The counter looks at
 * the whole thread, and so at mail that this principal does not see.
 */
static enum store_err
view_unread(struct store_txn *txn, uint32_t mbid, uint32_t *out)
{
	struct store_entry	 x;
	struct store_key	 all;
	struct store_set	 seen;
	struct kv_range		 r;
	struct slice		 k, v;
	enum store_err		 e;

	*out = 0;
	memset(&seen, 0, sizeof(seen));
	store_key_u32(&all, 'M', mbid);
	if ((e = store_walk(txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK) {
		if (store_key_entry_get(v, &x) == -1) {
			e = store_broken(txn, "list");
			break;
		}
		if (x.kw & (STORE_BIT(STORE_KW_SEEN) |
		    STORE_BIT(STORE_KW_DRAFT)))
			continue;
		switch (store_set_add(&seen, x.tid)) {
		case 1:
			++*out;
			break;
		case -1:
			e = store_fail(txn);
			break;
		}
		if (e != STORE_OK)
			break;
	}
	kv_done(&r);
	store_set_free(&seen);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

/* Counters of threads are not right here: they cost a walk each. */
enum store_err
store_view_mailboxes(struct store_txn *txn, const struct store_mailbox **v,
    size_t *n)
{
	struct store_view	*w = txn->view;
	struct store_mailbox	*m;
	size_t			 i;

	*n = 0;
	free(w->box);
	w->box = calloc(w->n + 1, sizeof(*w->box));
	if ((*v = w->box) == NULL)
		return store_fail(txn);
	for (i = 0; i < txn->box.n && *n < w->n; i++) {
		m = &w->box[*n];
		*m = txn->box.v[i];
		m->unread_threads = 0;
		*n += (size_t)store_view_mailbox(txn, m);
	}
	return txn->dead;
}

/* --- states -------------------------------------------------------------- */

/*
 * Mail and threads changed when the list of a mailbox did, or a keyword of
 * its mail; what happens elsewhere in the account moves nothing here.
 */
uint64_t
store_view_type(struct store_txn *txn, enum store_type type)
{
	const struct store_view		*w = txn->view;
	const struct store_mailbox	*m;
	uint64_t			 state = w->since;
	size_t				 i;
	int				 at;

	if (type != STORE_MAILBOX && type != STORE_EMAIL &&
	    type != STORE_THREAD)
		return 0;
	for (i = 0; i < w->n; i++) {
		if ((at = store_mailbox_find(&txn->box, w->v[i].mbid)) == -1)
			continue;
		m = &txn->box.v[at];
		if (type == STORE_MAILBOX) {
			if (m->props > state)
				state = m->props;
			if (m->counts > state)
				state = m->counts;
		} else if ((w->v[i].rights & STORE_MAY_READ) &&
		    m->emails > state)
			state = m->emails;
	}
	return state;
}

uint64_t
store_view_state(struct store_txn *txn)
{
	uint64_t	 a, b;

	if (txn->view == NULL)
		return store_modseq(txn);
	a = store_view_type(txn, STORE_MAILBOX);
	b = store_view_type(txn, STORE_EMAIL);
	return a > b ? a : b;
}

/* --- blobs --------------------------------------------------------------- */

static void
view_blob_key(struct store_key *k, const uint8_t *hash, uint64_t who)
{
	store_key_blob(k, 'Y', hash);
	store_key_add64(k, who);
}

enum store_err
store_view_put(struct store_txn *txn, const uint8_t *hash, int new)
{
	struct store_key	 k;
	enum store_err		 e;

	if (txn->view == NULL)
		return new ? STORE_OK : store_view_shown(txn, hash);
	view_blob_key(&k, hash, txn->view->who);
	if ((e = store_put(txn, &k, "", 0)) != STORE_OK || !new)
		return e;
	view_blob_key(&k, hash, 0);
	return store_put(txn, &k, "", 0);
}

enum store_err
store_view_shown(struct store_txn *txn, const uint8_t *hash)
{
	struct store_key	 k;

	view_blob_key(&k, hash, 0);
	return store_del(txn, &k);
}

int
store_view_hidden(struct store_txn *txn, const uint8_t *hash)
{
	struct store_key	 k;
	struct slice		 v;

	view_blob_key(&k, hash, 0);
	return store_get(txn, &k, &v) == STORE_OK;
}

/* RFC 8620 6.1: without a reference it is only the uploader's, whoever the
 * account belongs to. */
int
store_view_blob(struct store_txn *txn, const uint8_t hash[STORE_HASHLEN])
{
	struct store_blob	 b;
	struct store_key	 k;
	struct slice		 v;
	enum store_err		 e;

	view_blob_key(&k, hash, store_view_who(txn));
	e = store_get(txn, &k, &v);
	if (txn->view != NULL)
		return e == STORE_OK ? 1 : e == STORE_NOTFOUND ? 0 : -1;
	if (e == STORE_NOTFOUND)
		return 1;
	if (e == STORE_OK)
		e = store_blob_row(txn, hash, &b);
	return e == STORE_OK ? b.refs > 0 : e == STORE_NOTFOUND ? 0 : -1;
}
