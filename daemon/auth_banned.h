/* SPDX-License-Identifier: ISC */
/* Rows of jmapctl ban list about logins. */
#ifndef DAEMON_AUTH_BANNED_H
#define DAEMON_AUTH_BANNED_H

#include "common/compat.h"

#include "common/proc.h"

/* Send them to who asked with that number. */
void	auth_banned(struct proc_peer *, uint32_t id);

#endif
