/* SPDX-License-Identifier: ISC */
/*
 * Permissions by name, and the roles that bundle them.  Names are those of
 * the management API.  A permission that this program asks for somewhere has
 * a bit; a name without one is accepted and kept, because what it would
 * allow does not exist here yet.
 */
#ifndef COMMON_PERM_H
#define COMMON_PERM_H

#include "common/compat.h"

struct dir_prin;

enum perm {
	PERM_AUTHENTICATE, PERM_EMAIL_SEND, PERM_EMAIL_RECEIVE,
	PERM_MANAGE_PASSWORDS,
	/* list, get, create, update, delete: in this order */
	PERM_INDIVIDUAL, PERM_DOMAIN = PERM_INDIVIDUAL + 5,
	PERM_PRINCIPAL = PERM_DOMAIN + 5,
	PERM_SETTINGS_RELOAD = PERM_PRINCIPAL + 5,
	PERM_MAX
};
enum perm_verb {
	PERM_LIST, PERM_GET, PERM_CREATE, PERM_UPDATE, PERM_DELETE
};
#define PERM_BIT(p)	((uint64_t)1 << (p))
/* Any of these makes somebody an administrator of something. */
#define PERM_MANAGE	(PERM_BIT(PERM_MAX) - PERM_BIT(PERM_INDIVIDUAL))
#define PERM_ALL	(PERM_BIT(PERM_MAX) - 1)

/* Bits of a role ("admin", "user"); 0 and *known 0 when there is none. */
uint64_t	perm_role(const char *, int *known);
/* Bits of one permission; 0 for one without a bit; *known as above. */
uint64_t	perm_bits(const char *, int *known);
/* The name of the one permission with that number. */
const char	*perm_name(enum perm);
/* union(roles) + enabled - disabled. */
uint64_t	perm_of(const struct dir_prin *);

#endif
