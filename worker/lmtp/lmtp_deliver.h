/* SPDX-License-Identifier: ISC */
/* A received message into the stores of its recipients.  Called by lmtp.c and
 * worker/queue_job.c. */
#ifndef LMTP_DELIVER_H
#define LMTP_DELIVER_H

#include "common/arena.h"
#include "worker/store/store.h"

/* Prepared once, stored in any number of accounts.  Start with init. */
struct lmtp_deliver {
	struct arena		 arena;
	struct store_newmail	 mail;
	const void		*raw;	/* the caller's, kept until free */
	size_t			 len;
	int			 reply;	/* of the delivery in hand */
	int			 again;	/* set it: may have been stored before,
					 * and no two have the same bytes */
};

enum lmtp_result {
	LMTP_STORED,
	LMTP_OVERQUOTA,		/* the account's own limit */
	LMTP_NOSPACE,		/* the disk's */
	LMTP_LATER,		/* anything that may pass (logged) */
	LMTP_RESULTS
};

void	lmtp_deliver_init(struct lmtp_deliver *, const void *raw, size_t,
	    int64_t received);
void	lmtp_deliver_free(struct lmtp_deliver *);

/* Into the account's inbox.  LMTP_STORED: it is on the disk. */
enum lmtp_result	lmtp_deliver(struct lmtp_deliver *, uint64_t account,
			    uint64_t quota);
/* Would size bytes more be within the quota (0: none)?  LMTP_STORED: yes. */
enum lmtp_result	lmtp_deliver_room(uint64_t account, uint64_t quota,
			    uint64_t size);

#endif
