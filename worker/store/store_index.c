/* SPDX-License-Identifier: ISC */
/*
 * The lists a mail stands in: M (mailboxes, and all mail), m (tombstones)
 * and K (keywords).  Called with the mail's state before and after; knows
 * nothing of threads or counters.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/store/store_int.h"

static void		 store_index_touch(struct store_txn *, uint32_t,
			    uint64_t);
static enum store_err	 store_index_enter(struct store_txn *,
			    const struct store_state *, uint32_t, uint64_t);
static enum store_err	 store_index_stay(struct store_txn *,
			    const struct store_state *, uint32_t, uint64_t);
static enum store_err	 store_index_leave(struct store_txn *,
			    const struct store_state *, uint32_t, uint64_t);
static enum store_err	 store_index_keywords(struct store_txn *,
			    const struct store_state *, int put);
static enum store_err	 store_index_slot(struct store_txn *,
			    const struct store_state *, unsigned, int put);
static int		 store_index_in(const struct store_state *, uint32_t);

/* The mailbox's list is not what it was. */
static void
store_index_touch(struct store_txn *txn, uint32_t mbid, uint64_t modseq)
{
	int	 i = store_mailbox_find(&txn->box, mbid);

	if (i != -1 && txn->box.v[i].emails < modseq)
		txn->box.v[i].emails = modseq;
}

static void
store_index_entry(const struct store_state *s, uint64_t added,
    uint8_t out[STORE_ENTRYLEN])
{
	struct store_entry	 e;

	e.kw = s->m.kw;
	e.tid = s->m.tid;
	e.modseq = s->m.modseq;
	e.added = added;
	e.gen = (uint16_t)STORE_GEN(s->m.id);
	store_key_entry(&e, out);
}

static enum store_err
store_index_enter(struct store_txn *txn, const struct store_state *s,
    uint32_t mbid, uint64_t modseq)
{
	struct store_key	 k;
	uint8_t			 b[STORE_ENTRYLEN];

	store_index_touch(txn, mbid, modseq);
	store_index_entry(s, modseq, b);
	store_key_list(&k, 'M', mbid, s->m.received, STORE_EID(s->m.id));
	return store_put(txn, &k, b, sizeof(b));
}

/* Still in it: new keywords, new modseq, the old time of entry. */
static enum store_err
store_index_stay(struct store_txn *txn, const struct store_state *s,
    uint32_t mbid, uint64_t modseq)
{
	struct store_entry	 was;
	struct store_key	 k;
	uint8_t			 b[STORE_ENTRYLEN];
	struct slice		 v;
	enum store_err		 e;

	store_index_touch(txn, mbid, modseq);
	store_key_list(&k, 'M', mbid, s->m.received, STORE_EID(s->m.id));
	if ((e = store_get(txn, &k, &v)) != STORE_OK ||
	    store_key_entry_get(v, &was) == -1)
		return e == STORE_OK || e == STORE_NOTFOUND ?
		    store_broken(txn, "list") : e;
	store_index_entry(s, was.added, b);
	return store_put(txn, &k, b, sizeof(b));
}

/* Out of it: the row becomes a tombstone, as it was. */
static enum store_err
store_index_leave(struct store_txn *txn, const struct store_state *s,
    uint32_t mbid, uint64_t modseq)
{
	struct store_key	 k, tomb;
	uint8_t			 b[STORE_ENTRYLEN];
	struct slice		 v;
	enum store_err		 e;

	store_index_touch(txn, mbid, modseq);
	store_key_list(&k, 'M', mbid, s->m.received, STORE_EID(s->m.id));
	if ((e = store_get(txn, &k, &v)) != STORE_OK ||
	    v.n != STORE_ENTRYLEN)
		return e == STORE_OK || e == STORE_NOTFOUND ?
		    store_broken(txn, "list") : e;
	memcpy(b, v.p, sizeof(b));
	tomb = k;
	tomb.b[0] = 'm';
	store_key_add64(&tomb, modseq);
	if ((e = store_put(txn, &tomb, b, sizeof(b))) != STORE_OK)
		return e;
	return store_del(txn, &k);
}

static enum store_err
store_index_slot(struct store_txn *txn, const struct store_state *s,
    unsigned slot, int put)
{
	struct store_key	 k;
	uint8_t			 b[STORE_ENTRYLEN];

	store_key_keyword(&k, slot, s->m.received, STORE_EID(s->m.id));
	if (!put)
		return store_del(txn, &k);
	store_index_entry(s, s->m.modseq, b);
	return store_put(txn, &k, b, sizeof(b));
}

/* Every K row of the mail; $seen is turned round, to keep it sparse. */
static enum store_err
store_index_keywords(struct store_txn *txn, const struct store_state *s,
    int put)
{
	uint64_t	 kw = s->m.kw ^ STORE_BIT(STORE_KW_SEEN);
	enum store_err	 e;
	unsigned	 slot;
	size_t		 i;

	_Static_assert(STORE_SLOT_UNSEEN == STORE_KW_SEEN, "turned bit");
	for (slot = 0; kw != 0; slot++, kw >>= 1)
		if (kw & 1 &&
		    (e = store_index_slot(txn, s, slot, put)) != STORE_OK)
			return e;
	for (i = 0; i < s->nmore; i++)
		if ((e = store_index_slot(txn, s, s->more[i], put)) !=
		    STORE_OK)
			return e;
	return STORE_OK;
}

static int
store_index_in(const struct store_state *s, uint32_t mbid)
{
	size_t	 i;

	for (i = 0; i < s->nmbid; i++)
		if (s->mbid[i] == mbid)
			return 1;
	return 0;
}

enum store_err
store_index_add(struct store_txn *txn, const struct store_state *s,
    uint64_t modseq)
{
	enum store_err	 e;
	size_t		 i;

	if ((e = store_index_enter(txn, s, 0, modseq)) != STORE_OK)
		return e;
	for (i = 0; i < s->nmbid; i++)
		if ((e = store_index_enter(txn, s, s->mbid[i], modseq)) !=
		    STORE_OK)
			return e;
	return store_index_keywords(txn, s, 1);
}

enum store_err
store_index_change(struct store_txn *txn, const struct store_state *old,
    const struct store_state *new, uint64_t modseq)
{
	enum store_err	 e;
	size_t		 i;

	if ((e = store_index_stay(txn, new, 0, modseq)) != STORE_OK)
		return e;
	for (i = 0; i < new->nmbid; i++) {
		e = store_index_in(old, new->mbid[i]) ?
		    store_index_stay(txn, new, new->mbid[i], modseq) :
		    store_index_enter(txn, new, new->mbid[i], modseq);
		if (e != STORE_OK)
			return e;
	}
	for (i = 0; i < old->nmbid; i++)
		if (!store_index_in(new, old->mbid[i]) &&
		    (e = store_index_leave(txn, old, old->mbid[i], modseq)) !=
		    STORE_OK)
			return e;
	if ((e = store_index_keywords(txn, old, 0)) != STORE_OK)
		return e;
	return store_index_keywords(txn, new, 1);
}

enum store_err
store_index_remove(struct store_txn *txn, const struct store_state *s,
    uint64_t modseq)
{
	enum store_err	 e;
	size_t		 i;

	if ((e = store_index_leave(txn, s, 0, modseq)) != STORE_OK)
		return e;
	for (i = 0; i < s->nmbid; i++)
		if ((e = store_index_leave(txn, s, s->mbid[i], modseq)) !=
		    STORE_OK)
			return e;
	return store_index_keywords(txn, s, 0);
}
