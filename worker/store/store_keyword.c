/* SPDX-License-Identifier: ISC */
/*
 * The keyword dictionary: a slot for each name an account ever used.  It
 * only grows, so the open account keeps it in memory and reads new slots at
 * the start of a transaction.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "worker/store/store_int.h"

#define SCAN_MAX	64	/* names looked through before asking D */

/* By enum in store.h. */
static const char *const builtin[STORE_KW_FIRST_FREE] = {
	"$seen", "$draft", "$flagged", "$answered", "$forwarded", "$phishing",
	"$junk", "$notjunk"
};

static int		 store_keyword_push(struct store *, const void *,
			    size_t);
static int		 store_keyword_fold(struct slice, char *);
static int		 store_keyword_scan(struct store_txn *, const char *,
			    size_t);
static void		 store_keyword_key(struct store_key *, const char *,
			    size_t);

static int
store_keyword_push(struct store *st, const void *p, size_t n)
{
	struct store_name	*v;
	size_t			 cap;

	if (st->nnames == st->capnames) {
		cap = st->capnames == 0 ? 16 : st->capnames * 2;
		if ((v = reallocarray(st->names, cap, sizeof(*v))) == NULL)
			return -1;
		st->names = v;
		st->capnames = cap;
	}
	v = &st->names[st->nnames];
	if ((v->p = malloc(n + 1)) == NULL)
		return -1;
	memcpy(v->p, p, n);
	v->p[n] = '\0';
	v->n = n;
	st->nnames++;
	return 0;
}

/* Read the slots that others added since we looked. */
enum store_err
store_keyword_load(struct store_txn *txn)
{
	struct store		*st = txn->st;
	struct store_key	 k;
	struct slice		 v;
	enum store_err		 e;
	size_t			 i;

	while ((i = st->nnames) < STORE_KW_FIRST_FREE)
		if (store_keyword_push(st, builtin[i], strlen(builtin[i])))
			return STORE_IO;
	while ((i = st->nnames) < txn->hot[HOT_SLOTS]) {
		store_key_u32(&k, 'd', (uint32_t)i);
		if ((e = store_get(txn, &k, &v)) != STORE_OK)
			return e == STORE_NOTFOUND ?
			    store_broken(txn, "keyword dictionary") : e;
		if (store_keyword_push(st, v.p, v.n) == -1)
			return STORE_IO;
	}
	return STORE_OK;
}

void
store_keyword_forget(struct store *st, size_t from)
{
	while (st->nnames > from)
		free(st->names[--st->nnames].p);
}

/* RFC 8621 4.1.1: 1 to 255 of 0x21..0x7e but ( ) { ] % * " \ ; lower case. */
static int
store_keyword_fold(struct slice name, char *out)
{
	const uint8_t	*p = name.p;
	size_t		 i;

	if (name.n < 1 || name.n > STORE_KW_MAXLEN)
		return -1;
	for (i = 0; i < name.n; i++) {
		if (p[i] < 0x21 || p[i] > 0x7e ||
		    strchr("(){]%*\"\\", p[i]) != NULL)
			return -1;
		out[i] = (char)utf8_lower(p[i]);
	}
	return 0;
}

static void
store_keyword_key(struct store_key *k, const char *name, size_t n)
{
	uint64_t	 h;

	store_key_space(k, 'D');
	if (n < sizeof(k->b)) {
		memcpy(k->b + 1, name, n);
		k->n = 1 + n;
		return;
	}
	/* a long name: its first bytes, and a hash of the whole */
	memcpy(k->b + 1, name, 50);
	h = store_key_hash(name, n);
	k->n = 51;
	store_key_add64(k, h);
}

/* The slot that D says, or -1. */
int
store_keyword_row(struct store_txn *txn, const char *name, size_t n)
{
	struct store_key	 k;
	struct slice		 v;

	store_keyword_key(&k, name, n);
	if (store_get(txn, &k, &v) != STORE_OK || v.n != 2)
		return -1;
	return store_get16(v.p);
}

static int
store_keyword_scan(struct store_txn *txn, const char *name, size_t n)
{
	const struct store	*st = txn->st;
	size_t			 i;
	int			 slot;

	for (i = 0; i < st->nnames && i < SCAN_MAX; i++)
		if (st->names[i].n == n && memcmp(st->names[i].p, name, n) == 0)
			return (int)i;
	if (i == st->nnames || (slot = store_keyword_row(txn, name, n)) == -1)
		return -1;
	i = (size_t)slot;
	return i < st->nnames && st->names[i].n == n &&
	    memcmp(st->names[i].p, name, n) == 0 ? slot : -1;
}

int
store_keyword(struct store_txn *txn, const char *name, size_t n)
{
	char	 low[STORE_KW_MAXLEN];

	if (store_keyword_fold(SLICE(name, n), low) == -1)
		return -1;
	return store_keyword_scan(txn, low, n);
}

int
store_keyword_slot(struct store_txn *txn, struct slice name)
{
	struct store_key	 k;
	uint8_t			 slot[2];
	char			 low[STORE_KW_MAXLEN];
	size_t			 next = txn->st->nnames;
	int			 i;

	if (store_keyword_fold(name, low) == -1)
		return -1;
	if ((i = store_keyword_scan(txn, low, name.n)) != -1)
		return i;
	if (next > UINT16_MAX)
		return -1;
	store_put16(slot, (uint16_t)next);
	store_keyword_key(&k, low, name.n);
	if (store_put(txn, &k, slot, 2) != STORE_OK)
		return -1;
	store_key_u32(&k, 'd', (uint32_t)next);
	if (store_put(txn, &k, low, name.n) != STORE_OK)
		return -1;
	if (store_keyword_push(txn->st, low, name.n) == -1) {
		store_fail(txn);
		return -1;
	}
	txn->hot[HOT_SLOTS] = next + 1;
	return (int)next;
}

struct slice
store_keyword_name(struct store_txn *txn, unsigned slot)
{
	const struct store	*st = txn->st;

	if (slot >= st->nnames)
		return SLICE(NULL, 0);
	return SLICE(st->names[slot].p, st->names[slot].n);
}
