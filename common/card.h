/* SPDX-License-Identifier: ISC */
/*
 * An account's visiting card: the full name and the addresses of its owner,
 * as auth said them last.  Which addresses somebody may send from, and which
 * are his own when a machine thinks of answering, is decided by it.
 *
 * auth_ask.c puts a card away with each login and each recipient that auth
 * confirms, and drops it when auth revokes the account.  The most recent
 * ones are kept; who misses one asks auth_ask_card.
 */
#ifndef COMMON_CARD_H
#define COMMON_CARD_H

#include "common/compat.h"

#define CARD_MAX	65536	/* accounts remembered */

struct card {
	uint64_t	 account;
	const char	*name;		/* full name, or "" */
	const char	**address;	/* folded: "local@domain", and
					 * "@domain" for a catch-all */
	size_t		 n;
	uint64_t	 quota;		/* bytes of mail, 0 for no limit */
};

/* Strings, each ended by NUL: quota in digits, name, then addresses.
 * Malformed ones and a lack of memory leave no card. */
void			 card_put(uint64_t account, const void *, size_t);
/* Valid until the next card_put or card_drop, or NULL. */
const struct card	*card_get(uint64_t account);
void			 card_drop(uint64_t account);	/* 0: all */

/*
 * 1 if an address is one of the card's: in any case of letters, with a
 * +detail (RFC 5233) or without, or within a catch-all's domain.  "*@domain"
 * is one of a catch-all's.
 */
int	card_has(const struct card *, const char *address);

#endif
