/* SPDX-License-Identifier: ISC */
/*
 * Asking the auth process, from a worker: is this the right password, whose
 * address is this, change the directory.  Nothing here blocks; each question
 * ends in exactly one call of its function, never from inside the asking
 * call, or in auth_ask_cancel.
 */
#ifndef COMMON_AUTH_ASK_H
#define COMMON_AUTH_ASK_H

#include "common/compat.h"
#include "common/ip.h"
#include "common/msg.h"

struct auth_ask;		/* a question on its way */

/* The pipe that MSG_PEER brought; fd becomes ours.  Fatal on failure. */
void	auth_ask_open(uint32_t slot, int fd);

/* Who logs in or is a recipient has a card in card.h then. */

/* Called for MSG_REVOKE: forget what is known of account (0: of all).  Up to
 * four functions, each once however often it is given. */
void	auth_ask_on_revoke(void (*)(uint64_t account));
/* Called after them when its password was changed or it may not log in any
 * more: what was tied to the credentials ends.  One function. */
void	auth_ask_on_secrets(void (*)(uint64_t account));

enum auth_ask_verdict {
	AUTH_ASK_OK,
	AUTH_ASK_WRONG,		/* user or password */
	AUTH_ASK_LIMITED,	/* too many failures: retry_s */
	AUTH_ASK_BUSY,		/* too much to do: retry_s */
	AUTH_ASK_OFF,		/* right, but may not log in */
	AUTH_ASK_DOWN		/* auth is gone */
};
struct auth_ask_who {
	enum auth_ask_verdict	 verdict;
	uint32_t		 retry_s;
	/* AUTH_ASK_OK only: */
	uint64_t		 account;
	uint64_t		 perms;		/* PERM_BIT()s of perm.h */
	uint32_t		 ttl_ms;	/* may be remembered as long */
	uint8_t			 handle[MSG_HANDLE];
	const char		*login;		/* canonical, until return */
};
typedef void	auth_ask_who_fn(void *, const struct auth_ask_who *);
/* NULL when the pipe is down (or full), or a string is too long for it. */
struct auth_ask	*auth_ask_login(const struct ip *client, const char *user,
		    const char *secret, auth_ask_who_fn *, void *);

/* error: 0, or an errno value: answer "try again later".  account 0: there
 * is no such recipient here.  quota in bytes, 0 for none. */
typedef void	auth_ask_rcpt_fn(void *, int error, uint64_t account,
		    uint64_t quota);
/* The whole answer; ours says whether mail to it could be sent elsewhere. */
typedef void	auth_ask_where_fn(void *, const struct msg_rcpt_is *);
struct auth_ask	*auth_ask_where(const char *address, auth_ask_where_fn *,
		    void *);
/* address: mailbox as in RCPT TO without brackets, local@domain. */
struct auth_ask	*auth_ask_rcpt(const char *address, auth_ask_rcpt_fn *,
		    void *);
/* The same by number: for the card of an account (card_get then). */
struct auth_ask	*auth_ask_card(uint64_t account, auth_ask_rcpt_fn *, void *);

struct auth_ask_end {
	uint32_t	 error;		/* enum dir_err of dir.h */
	uint32_t	 total;		/* DIR_FIND: all that match */
	const char	*what, *more;	/* never NULL, until return */
};
typedef void	auth_ask_row_fn(void *, const void *, size_t);
typedef void	auth_ask_end_fn(void *, const struct auth_ask_end *);
/* See dir.h for op and tail.  Auth checks the handle, not us. */
struct auth_ask	*auth_ask_dir(uint32_t op, const uint8_t handle[MSG_HANDLE],
		    const void *tail, size_t, auth_ask_row_fn *,
		    auth_ask_end_fn *, void *);

/* Not interested any more: no function is called.  NULL is fine. */
void	auth_ask_cancel(struct auth_ask *);

#endif
