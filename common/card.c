/* SPDX-License-Identifier: ISC */
/*
 * Names and addresses of accounts, remembered: see card.h.  Called by
 * auth_ask.c; asked by JMAP (Identity, EmailSubmission) and by deliveries.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/card.h"
#include "common/cur.h"
#include "common/utf8.h"

#define CARD_SLOTS	2048	/* chains of the hash table */
#define CARD_ADDRESSES	1024	/* of one account, as the directory has it */

struct card_kept {
	LIST_ENTRY(card_kept)	 chain;
	TAILQ_ENTRY(card_kept)	 age;
	struct card		 card;
	char			*text;		/* all strings */
};
LIST_HEAD(card_chain, card_kept);
TAILQ_HEAD(card_list, card_kept);

static struct card_chain	 cards[CARD_SLOTS];
static struct card_list		 card_age = TAILQ_HEAD_INITIALIZER(card_age);
static size_t			 card_n;

static struct card_kept	*card_find(uint64_t);
static struct card_kept	*card_make(uint64_t, const void *, size_t);
static void		 card_free(struct card_kept *);
static int		 card_same(const char *, const char *, const char *,
			    size_t);

void
card_put(uint64_t account, const void *p, size_t n)
{
	struct card_kept	*c;

	if ((c = card_find(account)) != NULL)
		card_free(c);
	if (account == 0 || (c = card_make(account, p, n)) == NULL)
		return;
	while (card_n >= CARD_MAX)
		card_free(TAILQ_LAST(&card_age, card_list));
	LIST_INSERT_HEAD(&cards[account % CARD_SLOTS], c, chain);
	TAILQ_INSERT_HEAD(&card_age, c, age);
	card_n++;
}

static struct card_kept *
card_make(uint64_t account, const void *p, size_t n)
{
	struct card_kept	*c;
	struct cur		 cur;
	const char		*s;
	size_t			 max = 0, i;

	for (i = 0; i < n; i++)
		max += ((const char *)p)[i] == '\0';
	if (max < 2 || max > CARD_ADDRESSES + 2 ||
	    (c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->card.account = account;
	c->card.address = calloc(max, sizeof(*c->card.address));
	if (c->card.address != NULL && (c->text = malloc(n)) != NULL) {
		memcpy(c->text, p, n);
		cur_init(&cur, c->text, n);
		s = cur_str(&cur);
		c->card.quota = strtoull(s, NULL, 10);
		c->card.name = cur_str(&cur);
		while ((s = cur_str(&cur)) != NULL)
			c->card.address[c->card.n++] = s;
	}
	if (c->card.name != NULL)
		return c;
	free(c->card.address);
	free(c->text);
	free(c);
	return NULL;
}

static struct card_kept *
card_find(uint64_t account)
{
	struct card_kept	*c;

	LIST_FOREACH(c, &cards[account % CARD_SLOTS], chain)
		if (c->card.account == account)
			return c;
	return NULL;
}

const struct card *
card_get(uint64_t account)
{
	struct card_kept	*c;

	if ((c = card_find(account)) == NULL)
		return NULL;
	TAILQ_REMOVE(&card_age, c, age);
	TAILQ_INSERT_HEAD(&card_age, c, age);
	return &c->card;
}

void
card_drop(uint64_t account)
{
	struct card_kept	*c, *next;

	for (c = TAILQ_FIRST(&card_age); c != NULL; c = next) {
		next = TAILQ_NEXT(c, age);
		if (account == 0 || c->card.account == account)
			card_free(c);
	}
}

static void
card_free(struct card_kept *c)
{
	LIST_REMOVE(c, chain);
	TAILQ_REMOVE(&card_age, c, age);
	card_n--;
	free(c->card.address);
	free(c->text);
	free(c);
}

int
card_has(const struct card *c, const char *address)
{
	const char	*at = strrchr(address, '@'), *plus;
	size_t		 i, local;

	if (c == NULL || at == NULL || at == address)
		return 0;
	local = (size_t)(at - address);
	plus = memchr(address, '+', local);
	for (i = 0; i < c->n; i++)
		if (card_same(c->address[i], address, at, local) ||
		    (plus != NULL && plus != address && card_same(
		    c->address[i], address, at, (size_t)(plus - address))))
			return 1;
	return 0;
}

/* Is the card's address the first n bytes of another's local part, and its
 * domain?  A catch-all has no local part and goes with any. */
static int
card_same(const char *own, const char *address, const char *at, size_t n)
{
	size_t	 i;

	if (own[0] != '@') {
		for (i = 0; i < n; i++, own++)
			if (*own != utf8_lower((unsigned char)address[i]))
				return 0;
	}
	for (; *own != '\0' && *at != '\0'; own++, at++)
		if (*own != utf8_lower((unsigned char)*at))
			return 0;
	return *own == *at;
}
