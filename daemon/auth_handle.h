/* SPDX-License-Identifier: ISC */
/*
 * Handles: what a worker gets when somebody has logged in, and shows when it
 * acts for him, so that auth need not believe a worker's word.  A handle is
 * 16 random bytes, good for one worker, for a time, until the account is
 * changed.  Kept in memory of fixed size: when it is full the one that ends
 * first goes, and its owner has to authenticate again.
 */
#ifndef DAEMON_AUTH_HANDLE_H
#define DAEMON_AUTH_HANDLE_H

#include "common/compat.h"
#include "common/msg.h"

/* Fatal without memory. */
void	auth_handle_init(void);
/* A new one for worker slot, until "until" (monotonic ms). */
void	auth_handle_make(uint32_t slot, uint64_t account, uint64_t perms,
	    int64_t until, uint8_t out[MSG_HANDLE]);
/* 1 and what it stands for, or 0. */
int	auth_handle_find(uint32_t slot, const uint8_t handle[MSG_HANDLE],
	    int64_t now, uint64_t *account, uint64_t *perms);
/* All of an account. */
void	auth_handle_forget(uint64_t account);
/* All of a worker, which has gone. */
void	auth_handle_gone(uint32_t slot);

#endif
