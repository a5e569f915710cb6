/* SPDX-License-Identifier: ISC */
/* What jmapctl ban says of logins. */
#ifndef DAEMON_AUTH_BANNED_H
#define DAEMON_AUTH_BANNED_H

#include "common/compat.h"

#include "common/proc.h"

/* Send them to who asked with that number. */
void	auth_banned(struct proc_peer *, uint32_t id);
/* MSG_CTL_BAN with a login: it is not refused any more. */
void	auth_banned_end(struct proc_peer *, struct msg *);

#endif
