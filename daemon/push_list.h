/* SPDX-License-Identifier: ISC */
/*
 * Push subscriptions that have something to be told, and when.  At most one
 * message of a subscription is on its way; states that change meanwhile are
 * merged, the newest wins, so a slow push service costs a bounded amount of
 * memory and gets one message for many changes.  No I/O; time is the
 * caller's (monotonic ms).
 *
 * What comes in is a worker's word: every length and character is checked.
 */
#ifndef DAEMON_PUSH_LIST_H
#define DAEMON_PUSH_LIST_H

#include "common/buf.h"
#include "common/compat.h"
#include "common/conf.h"
#include "common/msg.h"
#include "common/push_url.h"
#include "daemon/push_state.h"

#define PUSH_LIST_MAX	20000		/* subscriptions */
#define PUSH_LIST_BYTES	(64 << 20)	/* of all they have to tell */
#define PUSH_LIST_OBJECTS	16	/* of one */
#define PUSH_LIST_OBJECT	16384	/* bytes of one */
#define PUSH_LIST_BUSY	4	/* messages of an account on their way */

struct push_sub;

/* A message ready to be sent. */
struct push_msg {
	const struct push_url	*url;
	const char		*text;		/* of the URL */
	const uint8_t		*p256dh;	/* NULL: not encrypted */
	const uint8_t		*auth;
	uint32_t		 urgency;	/* enum msg_push_urgency */
	int			 verify;	/* must not be sent twice */
	char			 topic[PUSH_STATE_TOPIC];	/* or "" */
	struct buf		 body;		/* plain; the caller frees */
};

enum push_verdict {
	PUSH_DONE,		/* delivered */
	PUSH_RETRY,		/* later */
	PUSH_SLOWER,		/* later, and less often from now on (429) */
	PUSH_NEVER,		/* that message not, others may */
	PUSH_GONE		/* the subscription is no more */
};

/* Times, attempts, ports and the allowed origin of a configuration. */
void	push_list_conf(const struct conf *);
/*
 * Something to tell, from worker slot.  NULL, or why it is refused: then it
 * is the worker's fault, or *full is set: there is no room.
 */
const char	*push_list_add(const struct msg_push *, const uint8_t *tail,
		    size_t len, uint32_t slot, int64_t now, int *full);
/* Forget one, or all of an account (id 0), also what is on its way. */
void	push_list_drop(uint64_t account, uint64_t id);
/*
 * The next to be told at now, marked as on its way, with its message; the
 * caller ends it with push_list_end.  NULL: nobody is; *wait is then the
 * time until somebody will be, in ms, or -1.
 */
struct push_sub	*push_list_next(int64_t now, struct push_msg *,
		    int64_t *wait);
/*
 * What became of the message; retry_s: what the service asked for, or 0.
 * 1: it was given up.  After PUSH_GONE the subscription is freed.
 */
int	push_list_end(struct push_sub *, enum push_verdict, int64_t retry_s,
	    int64_t now);

/* Whose it is, and which worker spoke of it last. */
void	push_list_who(const struct push_sub *, struct msg_push_id *,
	    uint32_t *slot);
/* How often the message on its way has failed so far. */
unsigned int	push_list_failures(const struct push_sub *);
/* The caller's, of the message on its way: NULL before.  A subscription that
 * is dropped meanwhile calls the function with it. */
void	push_list_arg(struct push_sub *, void *);
void	push_list_on_drop(void (*)(void *));
/* Subscriptions that have something to be told. */
size_t	push_list_waiting(void);

#endif
