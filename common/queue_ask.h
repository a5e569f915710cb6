/* SPDX-License-Identifier: ISC */
/*
 * The queue process, as a worker speaks to it (JMAP's EmailSubmission, vacation
 * replies, MDNs), and what both sides of those pipes have in common.
 *
 * Mail that leaves, so that nothing is sent that the client was told failed
 * and nothing acknowledged is lost:
 *
 *   1  within the write transaction of the account's store, the worker calls
 *      queue_ask_put with the envelope and the message.  The queue has it on
 *      its disk, "held", when that returns.
 *   2  the worker commits its EmailSubmission, then calls queue_ask_go; if
 *      it could not commit, queue_ask_drop.
 *   3  when the worker dies between, the queue asks another one whether the
 *      account has that submission (queue_ask_hooks.has, under the account's
 *      write lock, so that it waits for a commit under way), and goes or
 *      drops.
 *   4  what becomes of the recipients comes as a status to any worker
 *      (queue_ask_hooks.status) until that has committed it.
 *
 * A submission of number 0 has no object to be told of: it goes when it is
 * put, and 2 to 4 do not happen (replies of a machine).
 *
 * put and cancel wait for the queue's disk, a few milliseconds; nothing else
 * here waits.
 */
#ifndef COMMON_QUEUE_ASK_H
#define COMMON_QUEUE_ASK_H

#include "common/compat.h"
#include "common/msg.h"

#define QUEUE_ASK_ADDRESS	320	/* bytes of an address, NUL included */
#define QUEUE_ASK_ENVID		101	/* RFC 3461 4.4: 100 characters */
#define QUEUE_ASK_ORCPT		501	/* RFC 3461 4.2 */
#define QUEUE_ASK_TEXT		512	/* bytes of a reply kept, NUL too */
#define QUEUE_ASK_RCPTS		1000	/* recipients of a message */

/* --- asking -------------------------------------------------------------- */

enum queue_ask_err {
	QUEUE_ASK_OK,
	QUEUE_ASK_INVALID,	/* an address or a parameter is none */
	QUEUE_ASK_RCPT,		/* recipients refused: see "refused" */
	QUEUE_ASK_TOOBIG,	/* larger than limits.max-message-size */
	QUEUE_ASK_TOOMANY,	/* recipients */
	QUEUE_ASK_HOLD,		/* later than queue.max-hold allows */
	QUEUE_ASK_FULL,		/* the queue is full, or its disk: later */
	QUEUE_ASK_DOWN,		/* no queue process, or no answer: later */
	QUEUE_ASK_ERRS
};

struct queue_ask_rcpt {
	const char	*address;	/* mailbox, without brackets */
	const char	*orcpt;		/* RFC 3461 4.2: type and xtext;
					 * or NULL */
	uint32_t	 notify;	/* MSG_QUEUE_NEVER ..., 0 not said */
	int		 refused;	/* set by put: nobody of that address
					 * here and no way to elsewhere */
};

struct queue_ask_mail {
	uint64_t	 account;	/* of the sender: bounces go there */
	uint64_t	 submission;	/* number in its store, or 0 */
	const char	*from;		/* MAIL FROM, without brackets; "" */
	const char	*envid;		/* RFC 3461 4.4: xtext; or NULL */
	uint32_t	 flags;		/* MSG_QUEUE_RET_FULL ... */
	int32_t		 priority;	/* RFC 6710, 0 usually */
	int64_t		 hold;		/* ms: not before (sendAt), or 0 */
	int64_t		 by;		/* ms: not after (RFC 2852), or 0 */
	struct queue_ask_rcpt	*rcpt;
	size_t		 nrcpt;
	const void	*msg;		/* as it shall be sent, CRLF lines,
					 * no Bcc field */
	size_t		 len;
};

struct queue_ask_put {
	enum queue_ask_err	 error;
	uint64_t		 id;	/* the queue's number, for a reply
					 * like "250 2.0.0 queued as %llx" */
	char			 text[QUEUE_ASK_TEXT]; /* why not, for people */
};

/* Put it into the queue, held.  0: it is on the disk there.  Else -1 and
 * the queue has nothing of it. */
int	queue_ask_put(struct queue_ask_mail *, struct queue_ask_put *);
/* The submission is committed: send.  Or: it is not, forget it. */
void	queue_ask_go(uint64_t account, uint64_t submission);
void	queue_ask_drop(uint64_t account, uint64_t submission);

enum queue_ask_cancel {
	QUEUE_ASK_CANCELED,	/* nothing left or will leave: undoStatus
				 * "canceled" (the status comes, too) */
	QUEUE_ASK_LATE,		/* something has left: cannotUnsend */
	QUEUE_ASK_GONE,		/* not in the queue any more: cannotUnsend */
	QUEUE_ASK_UNSURE	/* no answer: it may or may not leave */
};
enum queue_ask_cancel	queue_ask_cancel(uint64_t account,
	    uint64_t submission);

/* The pipe that MSG_PEER with MSG_PEER_CALLS brought; fd becomes ours. */
void	queue_ask_open(uint32_t slot, int fd);
/* 1 if there is a queue process to ask. */
int	queue_ask_up(void);

/* --- being told ---------------------------------------------------------- */

enum queue_ask_undo {		/* RFC 8621 7, undoStatus */
	QUEUE_ASK_PENDING, QUEUE_ASK_FINAL, QUEUE_ASK_UNDONE
};
enum queue_ask_delivered {	/* RFC 8621 7, DeliveryStatus */
	QUEUE_ASK_QUEUED, QUEUE_ASK_YES, QUEUE_ASK_NO, QUEUE_ASK_UNKNOWN
};
/* On the wire: delivered (1 byte), address, NUL, reply, NUL. */
struct queue_ask_status_rcpt {
	const char	*address;	/* as it was put */
	const char	*reply;		/* "250 2.1.5 ok", printable */
	enum queue_ask_delivered	 delivered;
};
struct queue_ask_status {
	uint64_t	 account;
	uint64_t	 submission;
	enum queue_ask_undo	 undo;
	const struct queue_ask_status_rcpt	*rcpt;	/* that changed */
	size_t		 nrcpt;
};

enum queue_ask_is {
	QUEUE_ASK_IS_DONE,	/* has: yes; status, deliver: committed */
	QUEUE_ASK_IS_NOT,	/* no such submission (any more) */
	QUEUE_ASK_IS_LATER,	/* try again: locked, disk, memory */
	QUEUE_ASK_IS_REFUSED,	/* deliver: never */
	QUEUE_ASK_IS_MAX
};
/*
 * Set before the role runs, called in workers.  "has" takes the account's
 * write transaction and looks for the submission; "status" merges what it is
 * told into the EmailSubmission and commits (the same may come twice);
 * "bounced" (may be NULL) is told the blob of a DSN about a submission after
 * it was delivered into the account, for dsnBlobIds.
 */
struct queue_ask_hooks {
	enum queue_ask_is	(*has)(uint64_t account, uint64_t submission);
	enum queue_ask_is	(*status)(const struct queue_ask_status *);
	void			(*bounced)(uint64_t account,
				    uint64_t submission, uint64_t email);
};
extern struct queue_ask_hooks	queue_ask_hooks;

#endif
