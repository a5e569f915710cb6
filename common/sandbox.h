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

#endif
