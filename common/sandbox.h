/* SPDX-License-Identifier: ISC */
/*
 * The last step before a role's loop: take away what it will not need.
 * OpenBSD: pledge(2) and unveil(2).  Linux: no_new_privs, Landlock as far as
 * the kernel's ABI goes, then a seccomp-BPF table of the role.  Elsewhere:
 * nothing, said in the log.
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include "common/compat.h"
#include "common/msg.h"

/*
 * Enter the sandbox of a role.  dir is the only folder the role may touch
 * below its root ("/" after chroot; the real path when unprivileged), or NULL
 * for none.  memory: RLIMIT_DATA in bytes, 0 for none.  Fatal on failure.
 */
void	sandbox_enter(enum msg_proc, const char *dir, uint64_t memory);

/*
 * Before it, for a role that opens connections: a TCP port that these may go
 * to.  Others are refused where the system can do so; at most 16.
 */
void	sandbox_port(uint16_t);

/*
 * Before sandbox_enter, still as root: a network and an IPC namespace with
 * nothing in them, for a role that opens no connections.  The sockets that
 * it is given work as before.  Where the system does not allow it (a service
 * manager, a container), the log says so with -v and that is all.
 */
void	sandbox_network(enum msg_proc);

/* 1 if system calls are filtered here by a table: whatever is in no row of a
 * role kills its process. */
int	sandbox_filters(void);

#endif
