/* SPDX-License-Identifier: ISC */
/*
 * A mail as it is and as it shall be: whether that is a change, whether who
 * looks at the account may make it, and whether it moves counters.  Called by
 * store_mail.c before it writes; writes nothing.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/store/store_int.h"

static int	diff_within(const struct store_state *, uint32_t);
static int	diff_more_same(const struct store_state *,
		    const struct store_state *);

/* RFC 8621 2: the rights on keywords are needed in all of its mailboxes. */
enum store_err
store_mail_diff_may(const struct store_txn *txn, const struct store_state *old,
    const struct store_state *new)
{
	const struct store_state	*all = old == NULL ? new : old;
	uint64_t			 kw;
	size_t				 i;

	if (txn->view == NULL)
		return STORE_OK;
	for (i = 0; i < new->nmbid; i++)
		if ((old == NULL || !diff_within(old, new->mbid[i])) &&
		    !store_view_may(txn, STORE_MAY_ADD, &new->mbid[i], 1))
			return STORE_FORBIDDEN;
	for (i = 0; old != NULL && i < old->nmbid; i++)
		if (!diff_within(new, old->mbid[i]) &&
		    !store_view_may(txn, STORE_MAY_REMOVE, &old->mbid[i], 1))
			return STORE_FORBIDDEN;
	kw = new->m.kw ^ (old == NULL ? 0 : old->m.kw);
	if ((kw & STORE_BIT(STORE_KW_SEEN)) != 0 &&
	    !store_view_may(txn, STORE_MAY_SEEN, all->mbid, all->nmbid))
		return STORE_FORBIDDEN;
	if (((kw & ~STORE_BIT(STORE_KW_SEEN)) != 0 ||
	    (old == NULL ? new->nmore > 0 : !diff_more_same(old,
	    new))) && !store_view_may(txn, STORE_MAY_KEYWORDS, all->mbid,
	    all->nmbid))
		return STORE_FORBIDDEN;
	return STORE_OK;
}

int
store_mail_diff_same(const struct store_state *a, const struct store_state *b)
{
	size_t	 i;

	if (a->m.kw != b->m.kw || a->nmbid != b->nmbid)
		return 0;
	for (i = 0; i < a->nmbid; i++)
		if (!diff_within(b, a->mbid[i]))
			return 0;
	return diff_more_same(a, b);
}

int
store_mail_diff_counts(const struct store_state *a,
    const struct store_state *b)
{
	const uint64_t	 read = STORE_BIT(STORE_KW_SEEN) |
			    STORE_BIT(STORE_KW_DRAFT);

	return a->nmbid != b->nmbid ||
	    memcmp(a->mbid, b->mbid, a->nmbid * sizeof(*a->mbid)) != 0 ||
	    ((a->m.kw & read) == 0) != ((b->m.kw & read) == 0);
}

static int
diff_within(const struct store_state *s, uint32_t mbid)
{
	size_t	 i;

	for (i = 0; i < s->nmbid; i++)
		if (s->mbid[i] == mbid)
			return 1;
	return 0;
}

static int
diff_more_same(const struct store_state *a,
    const struct store_state *b)
{
	size_t	 i, j;

	if (a->nmore != b->nmore)
		return 0;
	for (i = 0; i < a->nmore; i++) {
		for (j = 0; j < b->nmore && a->more[i] != b->more[j]; j++)
			;
		if (j == b->nmore)
			return 0;
	}
	return 1;
}
