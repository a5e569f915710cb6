/* SPDX-License-Identifier: ISC */
/*
 * The directory on disk: principals in one LMDB file in auth's own folder,
 * found by id, by name and by address.  One directory per process.
 *
 * Invariants
 * - An id is given once and never again, also when its principal is gone.
 * - A name belongs to one principal, of whatever type; so does an address.
 *   Both are kept in lower case (ASCII), as are domains.
 * - What a call has changed is on the disk when it returns DIR_OK.
 */
#ifndef DAEMON_AUTH_DB_H
#define DAEMON_AUTH_DB_H

#include "common/compat.h"
#include "common/dir.h"

#define AUTH_DB_NAME	255	/* bytes of a name or an address */

/* What an error is about: dir.h, enum dir_err.  Cut when too long. */
struct auth_db_why {
	char	 what[DIR_STR_MAX + 1];
	char	 more[DIR_STR_MAX + 1];
};
/* "return auth_db_say(w, DIR_MISSING, "name", "")": fills and returns. */
enum dir_err	auth_db_say(struct auth_db_why *, enum dir_err, const char *,
		    const char *);

/* Open or create the file in the existing folder; 0, or -1 (logged). */
int	auth_db_open(const char *dir);
void	auth_db_close(void);

/*
 * Each fills an empty principal (dir_init'ed), which is the caller's to
 * dir_free, when it returns DIR_OK.  Else DIR_NOTFOUND or DIR_FAILED.
 */
enum dir_err	auth_db_get(uint64_t id, struct dir_prin *);
/* By name, else by an id in decimal. */
enum dir_err	auth_db_key(const char *, struct dir_prin *);
/* By name, else by address, in any case of ASCII: who logs in so. */
enum dir_err	auth_db_login(const char *, struct dir_prin *);
/*
 * Whose mail goes to local@domain?  The domain must be a principal; the
 * address as it stands, then without its +detail, then @domain alone.
 * *ours: whether the domain is one.
 */
enum dir_err	auth_db_rcpt(const char *, struct dir_prin *, int *ours);

/*
 * Add a principal: sets its id, lower-cases name and addresses.  Errors:
 * DIR_MISSING, DIR_EXISTS, DIR_NOTFOUND (a domain), DIR_OTHERERR.
 * make_domains: add the domains of its addresses that are not there.
 */
enum dir_err	auth_db_create(struct dir_prin *, int make_domains,
		    struct auth_db_why *);
/* Store the new state of old, which is as auth_db_get gave it. */
enum dir_err	auth_db_update(const struct dir_prin *old, struct dir_prin *,
		    struct auth_db_why *);
/* Remove; an individual's id is remembered until auth_db_erased. */
enum dir_err	auth_db_delete(const struct dir_prin *);

/* Individuals that are gone while their mail is still there. */
void	auth_db_erasing(void (*)(uint64_t id));
void	auth_db_erased(uint64_t id);

/* Counts the changes of all there is. */
enum dir_err	auth_db_generation(uint64_t *);
/* Every principal in order of their names, until fn returns 0. */
enum dir_err	auth_db_walk(int (*)(void *, const struct dir_prin *), void *);

#endif
