/* SPDX-License-Identifier: ISC */
/*
 * Adding, changing and destroying mail.  Each operation looks at all that
 * could refuse it first and writes then, so that a refusal leaves the
 * transaction as it was.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "worker/store/store_int.h"

static enum store_err	 store_mail_ready(struct store_txn *);
static enum store_err	 store_mail_boxes(struct store_txn *,
			    struct store_state *, const uint32_t *, size_t);
static enum store_err	 store_mail_keywords(struct store_txn *,
			    struct store_state *, const struct slice *, size_t);
static void		 store_mail_unkeyword(struct store_txn *,
			    struct store_state *, const struct slice *, size_t);
static int		 store_mail_keyword(struct store_state *, int);
static void		 store_mail_fill(struct store_state *,
			    const struct store_newmail *);
static int64_t		 store_mail_clamp(int64_t);
static enum store_err	 store_mail_place(struct store_txn *,
			    struct store_state *, const struct store_newmail *,
			    const struct store_refs *);
static enum store_err	 store_mail_enter(struct store_txn *,
			    const struct store_state *);
static enum store_err	 store_mail_apply(struct store_txn *,
			    struct store_state *, const struct store_mailmod *);
static enum store_err	 store_mail_whole(struct store_txn *, uint64_t,
			    struct store_mail *);
static void		 store_mail_clear(const struct store_txn *,
			    struct store_state *);
static void		 store_mail_trow(const struct store_state *,
			    struct store_trow *);
static enum store_err	 store_mail_rethread(struct store_txn *,
			    const struct store_state *,
			    const struct store_state *);
static enum store_err	 store_mail_leave(struct store_txn *,
			    const struct store_state *);
static enum store_err	 store_mail_erase(struct store_txn *,
			    const struct store_state *, uint64_t);

/* --- reading ------------------------------------------------------------- */

enum store_err
store_mail_eid(struct store_txn *txn, uint64_t eid, struct store_mail *m)
{
	enum store_err	 e = store_mail_raw(txn, eid, m);

	if (e == STORE_OK && txn->view != NULL && !store_view_mail(txn, m))
		return STORE_NOTFOUND;
	return e;
}

enum store_err
store_mail_raw(struct store_txn *txn, uint64_t eid, struct store_mail *m)
{
	struct store_key	 k;
	struct slice		 v;
	enum store_err		 e;

	store_key_u64(&k, 'S', eid);
	if ((e = store_get(txn, &k, &v)) != STORE_OK)
		return e;
	return store_row_state(SLICE(k.b, k.n), v, m) == 0 ? STORE_OK :
	    store_broken(txn, "mail state");
}

enum store_err
store_mail_get(struct store_txn *txn, uint64_t id, struct store_mail *m)
{
	enum store_err	 e = store_mail_eid(txn, STORE_EID(id), m);

	return e == STORE_OK && m->id != id ? STORE_NOTFOUND : e;
}

/* If it is there for whoever looks: with every mailbox, to be changed. */
static enum store_err
store_mail_whole(struct store_txn *txn, uint64_t id, struct store_mail *m)
{
	enum store_err	 e = store_mail_get(txn, id, m);

	return e == STORE_OK && txn->view != NULL ?
	    store_mail_raw(txn, STORE_EID(id), m) : e;
}

uint32_t
store_mail_mailbox(const struct store_mail *m, size_t i)
{
	return store_get32(m->mailboxes + 8 * i);
}

unsigned
store_mail_more(const struct store_mail *m, size_t i)
{
	return store_get16(m->more + 2 * i);
}

int
store_mail_in(const struct store_mail *m, uint32_t mailbox)
{
	size_t	 i;

	for (i = 0; i < m->nmailbox; i++)
		if (store_mail_mailbox(m, i) == mailbox)
			return 1;
	return 0;
}

int
store_mail_has(const struct store_mail *m, int slot)
{
	size_t	 i;

	if (slot < 0)
		return 0;
	if (slot < 64)
		return (m->kw & STORE_BIT(slot)) != 0;
	for (i = 0; i < m->nmore; i++)
		if (store_mail_more(m, i) == (unsigned)slot)
			return 1;
	return 0;
}

/* --- adding -------------------------------------------------------------- */

static enum store_err
store_mail_ready(struct store_txn *txn)
{
	return txn->dead != STORE_OK ? txn->dead : store_mailbox_load(txn);
}

/* More mailboxes for a state; each must exist, twice is once. */
static enum store_err
store_mail_boxes(struct store_txn *txn, struct store_state *s,
    const uint32_t *box, size_t n)
{
	size_t	 i, j;

	for (i = 0; i < n; i++) {
		if (store_mailbox_find(&txn->box, box[i]) == -1)
			return STORE_NOMAILBOX;
		for (j = 0; j < s->nmbid && s->mbid[j] != box[i]; j++)
			;
		if (j < s->nmbid)
			continue;
		if (s->nmbid == STORE_MAXBOXES)
			return STORE_TOOMANY;
		s->mbid[s->nmbid] = box[i];
		s->uid[s->nmbid++] = 0;
	}
	return STORE_OK;
}

/* Set one slot; -1 when there is no room. */
static int
store_mail_keyword(struct store_state *s, int slot)
{
	size_t	 i;

	if (slot < 64) {
		s->m.kw |= STORE_BIT(slot);
		return 0;
	}
	for (i = 0; i < s->nmore; i++)
		if (s->more[i] == slot)
			return 0;
	if (s->nmore == STORE_KW_MAX)
		return -1;
	s->more[s->nmore++] = (uint16_t)slot;
	return 0;
}

static enum store_err
store_mail_keywords(struct store_txn *txn, struct store_state *s,
    const struct slice *kw, size_t n)
{
	size_t	 i;
	int	 slot;

	for (i = 0; i < n; i++) {
		if ((slot = store_keyword_slot(txn, kw[i])) == -1)
			return txn->dead != STORE_OK ? txn->dead :
			    STORE_INVALID;
		if (store_mail_keyword(s, slot) == -1)
			return STORE_TOOMANY;
	}
	return STORE_OK;
}

static void
store_mail_unkeyword(struct store_txn *txn, struct store_state *s,
    const struct slice *kw, size_t n)
{
	size_t	 i, j;
	int	 slot;

	for (i = 0; i < n; i++) {
		if ((slot = store_keyword(txn, kw[i].p, kw[i].n)) == -1)
			continue;
		if (slot < 64) {
			s->m.kw &= ~STORE_BIT(slot);
			continue;
		}
		for (j = 0; j < s->nmore && s->more[j] != slot; j++)
			;
		if (j < s->nmore)
			s->more[j] = s->more[--s->nmore];
	}
}

static int64_t
store_mail_clamp(int64_t t)
{
	return t < 0 ? 0 : t > STORE_TMAX ? STORE_TMAX : t;
}

static void
store_mail_fill(struct store_state *s, const struct store_newmail *nm)
{
	s->m.received = store_mail_clamp(nm->received);
	s->m.sent = nm->sent;
	s->m.size = nm->size;
	s->m.attachment = nm->attachment;
	s->m.from = store_row_prefix(nm->frag[STORE_F_SORTFROM]);
	s->m.to = store_row_prefix(nm->frag[STORE_F_SORTTO]);
	s->m.subject = store_row_prefix(nm->frag[STORE_F_SORTSUBJECT]);
}

enum store_err
store_mail_add(struct store_txn *txn, const struct store_newmail *nm,
    uint64_t *id, uint64_t *tid)
{
	static struct store_state	 s;
	struct store_refs		 refs;
	enum store_err			 e;

	if ((e = store_mail_ready(txn)) != STORE_OK)
		return e;
	memset(&s.m, 0, sizeof(s.m));
	s.nmbid = s.nmore = 0;
	if (nm->nmailbox == 0)
		return STORE_NOMAILBOX;
	if ((e = store_mail_boxes(txn, &s, nm->mailbox, nm->nmailbox)) !=
	    STORE_OK ||
	    (e = store_mail_keywords(txn, &s, nm->keyword, nm->nkeyword)) !=
	    STORE_OK || (e = store_mail_diff_may(txn, NULL, &s)) != STORE_OK)
		return e;
	if (store_quota_over(txn, nm->size))
		return STORE_OVERQUOTA;
	if ((e = store_blob_ref(txn, nm->blob, 1)) != STORE_OK)
		return e;
	/* from here on nothing refuses */
	store_mail_fill(&s, nm);
	store_thread_refs(nm, &refs);
	if ((e = store_mail_place(txn, &s, nm, &refs)) != STORE_OK)
		return e <= STORE_REFUSED ? store_broken(txn, "mail") : e;
	*id = s.m.id;
	*tid = s.m.tid;
	return store_quota_use(txn, 1, s.m.size);
}

/* Number, thread, rows. */
static enum store_err
store_mail_place(struct store_txn *txn, struct store_state *s,
    const struct store_newmail *nm, const struct store_refs *refs)
{
	uint64_t	 eid = txn->hot[HOT_EID]++, ms;
	enum store_err	 e;
	size_t		 i;
	int		 fresh;

	if ((e = store_thread_join(txn, refs, &s->m.tid)) != STORE_OK)
		return e;
	if ((fresh = s->m.tid == 0))
		s->m.tid = eid;
	s->m.id = eid << 16;
	if ((ms = store_change_log(txn, STORE_EMAIL, LOG_CREATED, s->m.id,
	    0)) == 0 ||
	    store_change_log(txn, STORE_THREAD, fresh ? LOG_CREATED :
	    LOG_UPDATED, s->m.tid, 0) == 0)
		return txn->dead;
	s->m.modseq = s->m.created = ms;
	for (i = 0; i < s->nmbid; i++)
		s->uid[i] = txn->box.v[store_mailbox_find(&txn->box,
		    s->mbid[i])].uidnext++;
	if ((e = store_row_save(txn, s)) != STORE_OK ||
	    (e = store_row_add(txn, eid, nm, refs)) != STORE_OK ||
	    (e = store_index_add(txn, s, ms)) != STORE_OK ||
	    (e = store_thread_learn(txn, refs, s->m.tid)) != STORE_OK ||
	    (e = store_mail_enter(txn, s)) != STORE_OK)
		return e;
	return store_search_pend(txn, eid, nm->text, nm->ntext,
	    nm->language);
}

/* A mail as its thread knows it; borrows the mailboxes. */
static void
store_mail_trow(const struct store_state *s, struct store_trow *row)
{
	row->eid = STORE_EID(s->m.id);
	row->gen = (uint16_t)STORE_GEN(s->m.id);
	row->received = s->m.received;
	row->kw = s->m.kw;
	row->mailbox = (uint32_t *)(uintptr_t)s->mbid;
	row->nmailbox = (uint16_t)s->nmbid;
}

/* A new mail's row in its thread, and what that counts. */
static enum store_err
store_mail_enter(struct store_txn *txn, const struct store_state *s)
{
	struct store_trow	 row;
	enum store_err		 e;

	store_mail_trow(s, &row);
	e = store_count_change(txn, s->m.tid, NULL, &row, NULL);
	return e == STORE_OK ? store_thread_write(txn, s->m.tid, &row) : e;
}

/* --- changing ------------------------------------------------------------ */

static enum store_err
store_mail_apply(struct store_txn *txn, struct store_state *s,
    const struct store_mailmod *mod)
{
	struct store_state	 was;
	enum store_err		 e;
	size_t			 i, j;

	was.nmbid = s->nmbid;
	memcpy(was.mbid, s->mbid, s->nmbid * sizeof(*s->mbid));
	memcpy(was.uid, s->uid, s->nmbid * sizeof(*s->uid));
	if (mod->flags & STORE_REPLACE_MAILBOXES)
		store_mail_clear(txn, s);
	if ((e = store_mail_boxes(txn, s, mod->mb_add, mod->nmb_add)) !=
	    STORE_OK)
		return e;
	for (i = 0; i < mod->nmb_del; i++)
		for (j = 0; j < s->nmbid; j++)
			if (s->mbid[j] == mod->mb_del[i]) {
				s->mbid[j] = s->mbid[--s->nmbid];
				s->uid[j] = s->uid[s->nmbid];
			}
	/* RFC 8621 4.1.1: an Email MUST belong to one or more Mailboxes */
	if (s->nmbid == 0)
		return STORE_NOMAILBOX;
	for (i = 0; i < s->nmbid; i++)	/* who stays keeps its uid */
		for (j = 0; j < was.nmbid; j++)
			if (s->mbid[i] == was.mbid[j])
				s->uid[i] = was.uid[j];
	if (mod->flags & STORE_REPLACE_KEYWORDS) {
		s->m.kw = 0;
		s->nmore = 0;
	}
	if ((e = store_mail_keywords(txn, s, mod->kw_add, mod->nkw_add)) !=
	    STORE_OK)
		return e;
	store_mail_unkeyword(txn, s, mod->kw_del, mod->nkw_del);
	return STORE_OK;
}

/* Out of all mailboxes, but those that a sharee does not see. */
static void
store_mail_clear(const struct store_txn *txn, struct store_state *s)
{
	size_t	 i, n = 0;

	for (i = 0; i < s->nmbid; i++)
		if (!(store_view_rights(txn, s->mbid[i]) & STORE_MAY_READ)) {
			s->mbid[n] = s->mbid[i];
			s->uid[n++] = s->uid[i];
		}
	s->nmbid = n;
}

enum store_err
store_mail_update(struct store_txn *txn, uint64_t id,
    const struct store_mailmod *mod)
{
	static struct store_state	 old, new;
	struct store_mail		 m;
	enum store_err			 e;
	uint64_t			 ms;
	uint32_t			 left[STORE_MAXBOXES];
	size_t				 i, j, n = 0;

	if ((e = store_mail_ready(txn)) != STORE_OK ||
	    (e = store_mail_whole(txn, id, &m)) != STORE_OK)
		return e;
	store_row_edit(&m, &old);
	store_row_edit(&m, &new);
	if ((e = store_mail_apply(txn, &new, mod)) != STORE_OK)
		return e;
	if (store_mail_diff_same(&old, &new))
		return STORE_OK;
	if ((e = store_mail_diff_may(txn, &old, &new)) != STORE_OK)
		return e;
	for (i = 0; i < old.nmbid; i++) {
		for (j = 0; j < new.nmbid && old.mbid[i] != new.mbid[j]; j++)
			;
		if (j == new.nmbid)
			left[n++] = old.mbid[i];
	}
	for (i = 0; i < new.nmbid; i++)
		if (new.uid[i] == 0)
			new.uid[i] = txn->box.v[store_mailbox_find(&txn->box,
			    new.mbid[i])].uidnext++;
	if ((ms = store_change_left(txn, LOG_UPDATED, id, new.m.received,
	    left, n)) == 0)
		return txn->dead;
	new.m.modseq = ms;
	if ((e = store_index_change(txn, &old, &new, ms)) != STORE_OK ||
	    (e = store_row_save(txn, &new)) != STORE_OK ||
	    (e = store_mail_rethread(txn, &old, &new)) != STORE_OK)
		return e <= STORE_REFUSED ? store_broken(txn, "mail") : e;
	return STORE_OK;
}

/* The mail's T row again, and the counters if they may move. */
static enum store_err
store_mail_rethread(struct store_txn *txn, const struct store_state *old,
    const struct store_state *new)
{
	struct store_trow	 was, is;
	enum store_err		 e = STORE_OK;

	store_mail_trow(old, &was);
	store_mail_trow(new, &is);
	if (store_mail_diff_counts(old, new))
		e = store_count_change(txn, new->m.tid, &was, &is, NULL);
	return e == STORE_OK ? store_thread_write(txn, new->m.tid, &is) : e;
}

/* --- destroying ---------------------------------------------------------- */

enum store_err
store_mail_destroy(struct store_txn *txn, uint64_t id)
{
	static struct store_state	 s;
	struct store_mail		 m;
	uint32_t			 left[STORE_MAXBOXES + 1];
	uint64_t			 ms;
	enum store_err			 e;

	if ((e = store_mail_ready(txn)) != STORE_OK ||
	    (e = store_mail_whole(txn, id, &m)) != STORE_OK)
		return e;
	store_row_edit(&m, &s);
	if (txn->view != NULL && !store_view_may(txn, STORE_MAY_REMOVE,
	    s.mbid, s.nmbid))
		return STORE_FORBIDDEN;
	memcpy(left, s.mbid, s.nmbid * sizeof(*left));
	left[s.nmbid] = 0;		/* all mail */
	if ((ms = store_change_left(txn, LOG_DESTROYED, id, s.m.received,
	    left, s.nmbid + 1)) == 0)
		return txn->dead;
	if ((e = store_mail_leave(txn, &s)) != STORE_OK ||
	    (e = store_mail_erase(txn, &s, ms)) != STORE_OK)
		return e <= STORE_REFUSED ? store_broken(txn, "mail") : e;
	return store_quota_use(txn, -1, s.m.size);
}

/* Out of its thread, which may end with it. */
static enum store_err
store_mail_leave(struct store_txn *txn, const struct store_state *s)
{
	struct store_trow	 row;
	uint32_t		 left;
	enum store_err		 e;

	store_mail_trow(s, &row);
	if ((e = store_thread_erase(txn, s->m.tid, &row)) != STORE_OK ||
	    (e = store_count_change(txn, s->m.tid, &row, NULL, &left)) !=
	    STORE_OK)
		return e;
	return store_change_log(txn, STORE_THREAD, left == 0 ? LOG_DESTROYED :
	    LOG_UPDATED, s->m.tid, 0) == 0 ? txn->dead : STORE_OK;
}

/* Every row but the thread's. */
static enum store_err
store_mail_erase(struct store_txn *txn, const struct store_state *s,
    uint64_t modseq)
{
	struct store_refs	 refs;
	struct store_row	 row;
	uint8_t			 hash[STORE_HASHLEN];
	uint64_t		 eid = STORE_EID(s->m.id);
	enum store_err		 e;

	if ((e = store_index_remove(txn, s, modseq)) != STORE_OK ||
	    (e = store_row_refs(txn, eid, &refs)) != STORE_OK ||
	    (e = store_mail_row(txn, &s->m, &row)) != STORE_OK)
		return e;
	memcpy(hash, row.blob, sizeof(hash));
	if ((e = store_thread_forget(txn, &refs)) != STORE_OK ||
	    (e = store_row_erase(txn, eid)) != STORE_OK ||
	    (e = store_blob_ref(txn, hash, -1)) != STORE_OK)
		return e;
	return store_search_drop(txn, eid);
}
