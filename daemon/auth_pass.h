/* SPDX-License-Identifier: ISC */
/*
 * Passwords and their hashes; only the auth process links the callers.
 * New hashes are argon2id in its encoded form ($argon2id$v=19$m=,t=,p=$...).
 * Verified too, because they can be imported: the forms of crypt(3) that are
 * slow on purpose ($2b$ bcrypt, $6$ and $5$ SHA, $y$ yescrypt).
 */
#ifndef DAEMON_AUTH_PASS_H
#define DAEMON_AUTH_PASS_H

#include "common/compat.h"

#define AUTH_PASS_HASH	256	/* bytes of any hash as text, NUL too */
#define AUTH_PASS_MAX	1024	/* bytes of a password */

/*
 * Parameters of new hashes: memory in bytes, passes.  Also makes the hash
 * that stands for users who do not exist.  Fatal without memory.
 */
void	auth_pass_init(uint64_t memory, uint64_t passes);

/* Hash a password; 0, or -1 (no memory, too long). */
int	auth_pass_make(const char *secret, char out[AUTH_PASS_HASH]);
/* 1 if the secret is the hash's, else 0.  hash NULL: as much work as with
 * one of ours, then 0. */
int	auth_pass_check(const char *hash, const char *secret);
/* Does the text look like a hash (of whatever kind, "{SSHA}" too)? */
int	auth_pass_is_hash(const char *);
/*
 * May we keep this hash?  NULL, or why not: a form that we cannot verify,
 * one that is too weak, or one whose cost would stop the service.
 */
const char	*auth_pass_refuse(const char *hash);
/* 1 if the hash is not what auth_pass_make would make now. */
int	auth_pass_stale(const char *hash);
/* How many hashes were computed, for tests. */
uint64_t	auth_pass_count(void);

#endif
