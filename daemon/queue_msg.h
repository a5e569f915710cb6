/* SPDX-License-Identifier: ISC */
/*
 * A message in the queue, and its shape on the disk (see queue_db.h for the
 * keys).  All of it is in memory but the content.  Nothing here does I/O.
 */
#ifndef DAEMON_QUEUE_MSG_H
#define DAEMON_QUEUE_MSG_H

#include <sys/queue.h>
#include <sys/tree.h>

#include "common/buf.h"
#include "common/compat.h"
#include "common/slice.h"

enum queue_state {
	QUEUE_HELD,		/* put, not yet said to go */
	QUEUE_GOING,
	QUEUE_UNDONE		/* canceled, the submission not yet told */
};

enum queue_fate {
	QUEUE_WAITS,		/* until next */
	QUEUE_DELIVERED,	/* in an account here */
	QUEUE_RELAYED,		/* the relay has taken it on */
	QUEUE_FAILED,		/* for good */
	QUEUE_FATES
};

#define QUEUE_R_LOCAL	0x01	/* for an account here */
#define QUEUE_R_AGAIN	0x02	/* may have been delivered before */
#define QUEUE_R_DELAYED	0x04	/* the sender knows that it takes long */
#define QUEUE_R_SAID	0x08	/* a DSN about its fate was made, or none is
				 * due */
#define QUEUE_R_THEIRS	0x10	/* the relay will tell of success */
#define QUEUE_R_SPOKEN	0x20	/* reply is the relay's, not ours */

struct queue_rcpt {
	char		*address;
	char		*orcpt;		/* decoded; "" for none */
	char		*reply;		/* the last one; "" for none */
	uint64_t	 account;	/* of a bounce; else 0: see address */
	int64_t		 next;		/* wall clock ms */
	uint32_t	 attempts;
	uint32_t	 notify;	/* MSG_QUEUE_NEVER ... */
	uint8_t		 fate;		/* enum queue_fate */
	uint8_t		 flags;		/* QUEUE_R_* */
	/* not on the disk */
	uint8_t		 dirty;		/* to be written */
	uint8_t		 busy;		/* an attempt runs */
	/* counts changes that the submission is to know; that it is being
	 * told now; that it knows */
	uint8_t		 gen, telling, told;
};

#define QUEUE_M_BOUNCE	0x100	/* beside MSG_QUEUE_RET_FULL ...: ours, and
				 * never bounced itself */
#define QUEUE_M_NUL	0x200	/* has a NUL */
#define QUEUE_M_LEFT	0x400	/* something may have left: not undone */
#define QUEUE_M_UNSURE	0x800	/* and an attempt is over that does not say
				 * that nothing has */

struct queue_job;

struct queue_msg {
	uint64_t	 id;
	uint64_t	 account;
	uint64_t	 submission;	/* 0: nobody to tell */
	int64_t		 created;	/* wall clock ms */
	int64_t		 hold;		/* not before; 0 */
	int64_t		 expires;
	uint64_t	 len;		/* bytes of content */
	uint64_t	 size;		/* as sent: every line ends in CRLF */
	uint32_t	 flags;		/* MSG_QUEUE_*, QUEUE_M_* */
	int32_t		 priority;
	uint8_t		 state;		/* enum queue_state */
	char		*from;		/* "" for <> */
	char		*envid;		/* decoded; "" for none */
	struct queue_rcpt	*rcpt;
	uint32_t	 nrcpt;

	/* not on the disk */
	RB_ENTRY(queue_msg)	 by_id, by_sub, by_due;
	TAILQ_ENTRY(queue_msg)	 dirty_entry;	/* of queue_db.c */
	TAILQ_ENTRY(queue_msg)	 fresh_entry;	/* there, too */
	TAILQ_ENTRY(queue_msg)	 relay_entry;	/* of queue_relay.c */
	int64_t		 due;		/* when something is to be done, or
					 * INT64_MAX: nothing waits for time */
	struct buf	 content;	/* until it is written */
	uint32_t	 chunks;	/* of it, written before */
	uint32_t	 nbusy;		/* recipients that are busy */
	struct queue_job	*job;	/* that tells or asks its submission */
	const void	*putter;	/* HELD: whose it is, see queue_put.c */
	uint8_t		 dirty;		/* its own record */
	uint8_t		 gone;		/* to be deleted */
	uint8_t		 listed;	/* in dirty_entry's list */
	uint8_t		 relaying;	/* 1 in relay_entry's list, 2 sending */
	uint8_t		 undo_telling, undo_told;  /* undoStatus + 1; 0 none */
	uint8_t		 timed;		/* in the tree by_due */
	uint8_t		 stored;	/* is in the file */
};

/* A new one with room for n recipients (all zero, strings NULL); or NULL. */
struct queue_msg	*queue_msg_new(uint32_t nrcpt);
void	queue_msg_free(struct queue_msg *);
/* Replace a string; 0, or -1 without memory (then it is as it was). */
int	queue_msg_set(char **, const char *);

/* Append a record. */
void	queue_msg_put(struct buf *, const struct queue_msg *);
void	queue_msg_put_rcpt(struct buf *, const struct queue_rcpt *);
/* Read one; its recipients are still empty.  NULL: none of ours, or no
 * memory. */
struct queue_msg	*queue_msg_get(uint64_t id, struct slice);
/* Read the i-th recipient's; 0 or -1. */
int	queue_msg_get_rcpt(struct queue_msg *, uint32_t i, struct slice);

#endif
