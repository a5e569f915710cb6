/* SPDX-License-Identifier: ISC */
/*
 * Calls on the directory: what an administrator may ask, over REST (MSG_DIR)
 * or with jmapctl (MSG_CTL_DIR).  Permissions are checked here and nowhere
 * else; so are values that come from outside; passwords become hashes here.
 */
#ifndef DAEMON_AUTH_DIR_H
#define DAEMON_AUTH_DIR_H

#include "common/compat.h"
#include "common/dir.h"
#include "daemon/auth_db.h"

struct auth_dir_call {
	/* who asks */
	uint64_t	 perms;		/* PERM_BIT()s */
	uint64_t	 self;		/* the account; 0 jmapctl */
	uint64_t	 people;	/* enum conf_people */
	int		 trusted;	/* jmapctl: no permission is missing */
	int		 make_domains;	/* see DIR_MAKE_DOMAINS */
	uint32_t	 types;		/* mask a key must be of; 0: any */
	/* Takes a row (never with its secrets): 1, or 0 for no more now. */
	int		(*row)(void *, const struct dir_prin *);
	void		*arg;
	/* what came of it */
	struct auth_db_why why;
	uint32_t	 total;		/* DIR_FIND */
	uint64_t	 revoke;	/* account that was changed, or 0 */
	int		 secrets;	/* its password, or right to log in */
	uint64_t	 erase;		/* account whose mail must go, or 0 */
	char		 login[AUTH_DB_NAME + 1];	/* of revoke */
};

/* Run one; op is any but DIR_RELOAD, unknown ones give DIR_UNSUPPORTED. */
enum dir_err	auth_dir(uint32_t op, const uint8_t *tail, size_t,
		    struct auth_dir_call *);

#endif
