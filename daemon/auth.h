/* SPDX-License-Identifier: ISC */
/*
 * What the two files of the auth process that know messages share: auth.c
 * (the role, passwords, addresses) and auth_call.c (the directory).
 */
#ifndef DAEMON_AUTH_H
#define DAEMON_AUTH_H

#include "common/compat.h"
#include "common/proc.h"

struct auth_worker {
	struct proc_peer	 peer;
	uint32_t		 slot;
};

/* --- auth.c ------------------------------------------------------------ */

/* Run the role; never returns. */
__dead void	auth(int argc, char *argv[]);
/* Tell every worker to forget the account. */
void	auth_revoke(uint64_t account, int secrets);
/* Who may be found by whom: enum conf_people. */
uint64_t	auth_people_of(void);

/* --- auth_call.c: handlers ---------------------------------------------- */

proc_fn	auth_call_worker, auth_call_ctl, auth_call_reloaded, auth_call_erased;
/* Have the mail of a deleted account removed. */
void	auth_call_erase(uint64_t account);
/* A worker has gone: nobody waits there any more. */
void	auth_call_gone(const struct auth_worker *);

#endif
