/* SPDX-License-Identifier: ISC */
/*
 * Counting failures to log in, in memory of fixed size (security.md 3.6).
 * Counted are: the source (IPv4 address, IPv6 /64, and with eight times the
 * allowance IPv6 /48), the login name, and the pair of both.  A pair that
 * has logged in before is governed by the pair's own count alone, so that
 * nobody can lock an owner out by guessing at his name, nor a neighbour's
 * broken client by sharing his address.
 *
 * Allowed are "rate" failures at once, and that many an hour for ever.
 */
#ifndef DAEMON_AUTH_LIMIT_H
#define DAEMON_AUTH_LIMIT_H

#include "common/compat.h"

struct conf_rate;
struct msg_addr;

/* Empty tables; failures allowed in an hour.  Fatal without memory. */
void	 auth_limit_init(uint64_t rate);
/* A new rate (reload); what was counted stays. */
void	 auth_limit_rate(uint64_t rate);
/* The budgets of a login, and of a login and the IPv4 /24 or IPv6 /48 that it
 * is tried from (auto-ban.authentication); none at first.  With another period
 * they count anew. */
void	 auth_limit_ban(const struct conf_rate *);
/* Seconds to wait before this login may be tried from there; 0: go on. */
uint32_t auth_limit_check(const struct msg_addr *, const char *login,
	    int64_t now_ms);
/* 1 if there is a wait for what came from there itself, not only for what
 * others did to the login. */
int	 auth_limit_own(const struct msg_addr *, const char *login,
	    int64_t now_ms);
/* 1 if this login has come from there before and went well. */
int	 auth_limit_known(const struct msg_addr *, const char *login,
	    int64_t now_ms);
/* It failed.  It went well. */
void	 auth_limit_fail(const struct msg_addr *, const char *login,
	    int64_t now_ms);
void	 auth_limit_good(const struct msg_addr *, const char *login,
	    int64_t now_ms);
/* A login that auth_limit_ban's budget refuses now. */
struct auth_limit_banned {
	const char		*login;
	const struct msg_addr	*addr;	/* of its /24 or /48; NULL: from
					 * wherever it has not been before */
	int64_t			 since, until;	/* of now_ms's clock */
};
void	 auth_limit_bans(int64_t now_ms,
	    void (*)(void *, const struct auth_limit_banned *), void *);
/* An administrator's word: whatever auth_limit_bans tells of this login is
 * over, and so is what others did to it within the hour.  1 if it was refused
 * anywhere. */
int	 auth_limit_end(const char *login, int64_t now_ms);
/* Forget the counts of a login name: an administrator changed it. */
void	 auth_limit_forget(const char *login);

#endif
