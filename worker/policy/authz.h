/* SPDX-License-Identifier: ISC */
/*
 * Who asks?  A request step (policy.c) for routes with ROUTE_AUTH: reads the
 * Authorization field, asks the auth process once per credential, remembers
 * a good answer for as long as auth allows, sets r->user.
 *
 * Passwords are taken over TLS only, or where client and peer are this
 * machine itself.  Nothing of a password is kept but a keyed hash.
 */
#ifndef WORKER_POLICY_AUTHZ_H
#define WORKER_POLICY_AUTHZ_H

#include "common/compat.h"
#include "common/auth_ask.h"
#include "worker/http/http.h"

#define AUTHZ_USER	256	/* bytes of a user with NUL */
#define AUTHZ_SECRET	1025	/* bytes of a password with NUL */
#define AUTHZ_CACHE	4096	/* good answers remembered */

/*
 * REQ_NEXT with r->user set; REQ_PARK; REQ_DONE after 400, 401, 403, 429 or
 * 503.  Without ROUTE_AUTH on the route: REQ_NEXT.
 */
enum req_ret	authz_step(struct req *);

/* 0 if somebody on the way could read a password: none is taken then. */
int	authz_private(const struct req *);

/*
 * Read the value of an Authorization field (RFC 7617 2): 1 and both strings,
 * or 0 when it is not Basic, or not written right: base64 with one spelling,
 * UTF-8 without controls, a colon.
 */
int	authz_basic(const char *value, char user[AUTHZ_USER],
	    char secret[AUTHZ_SECRET]);

/* --- authz_cache.c: good answers ------------------------------------- */

#define AUTHZ_KEY	32

/* The keyed hash of a credential; the key is random and this process's. */
void	authz_cache_key(uint8_t out[AUTHZ_KEY], const char *user,
	    const char *secret);
/* Remember until now + who->ttl_ms; nothing when that is 0. */
void	authz_cache_put(const uint8_t key[AUTHZ_KEY],
	    const struct auth_ask_who *who, int64_t now);
/* 1 and *user when it is remembered, else 0. */
int	authz_cache_get(const uint8_t key[AUTHZ_KEY], int64_t now,
	    struct req_user *user);
/* Forget an account; 0: all. */
void	authz_cache_drop(uint64_t account);
/* Entries now, for tests. */
size_t	authz_cache_count(void);

#endif
