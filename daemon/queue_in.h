/* SPDX-License-Identifier: ISC */
/*
 * A message on its way into the queue, from the messages of a worker:
 * PUT, RCPT as often as it said, DATA until all is here, END.  The worker is
 * not trusted: what breaks this order, or says sizes that do not hold, is -1,
 * the end of its pipe.  What is only not acceptable is an error that END is
 * answered with.
 *
 * Nothing here does I/O but the spilling of what is large.
 */
#ifndef DAEMON_QUEUE_IN_H
#define DAEMON_QUEUE_IN_H

#include "common/compat.h"
#include "common/conf.h"
#include "common/msg.h"
#include "common/queue_ask.h"
#include "daemon/queue_msg.h"
#include "daemon/smtp_data.h"

/* Start with all zero. */
struct queue_in {
	struct queue_msg	*m;	/* NULL: nothing under way */
	uint64_t		 left;	/* bytes still to come */
	uint32_t		 next;	/* recipients that are here */
	struct smtp_data_scan	 scan;
	enum queue_ask_err	 error;
	const char		*why;	/* static text */
	int			(*spill)(struct queue_msg *); /* or NULL */
};

/* Each 0, or -1: against the rules. */
int	queue_in_put(struct queue_in *, const struct msg_queue_put *,
	    const void *tail, size_t, const struct conf *, uint64_t id,
	    int64_t now);
int	queue_in_rcpt(struct queue_in *, const struct msg_queue_rcpt *,
	    const void *tail, size_t);
int	queue_in_data(struct queue_in *, const void *, size_t);
/* It is complete: in->error says what is wrong with it, in->m is the
 * caller's to take. */
int	queue_in_end(struct queue_in *);
/* Forget it; gives m, if there is one, to the caller. */
struct queue_msg	*queue_in_reset(struct queue_in *);

#endif
