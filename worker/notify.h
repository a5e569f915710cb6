/* SPDX-License-Identifier: ISC */
/*
 * Who waits for changes of an account, and how it hears of them: a commit in
 * this process (the store calls notify_changed), or in another worker
 * (MSG_CHANGED, by way of parent).  What is said at one time about one
 * account is said once.
 */
#ifndef WORKER_NOTIFY_H
#define WORKER_NOTIFY_H

#include "common/compat.h"

/* One that waits: part of an event stream or the like. */
struct notify {
	LIST_ENTRY(notify)	 entry;
	TAILQ_ENTRY(notify)	 wake;
	uint64_t		 account;
	uint32_t		 types;		/* that it wants to hear of */
	int			 woken;		/* fn is about to be called */
	/* Something happened.  May end this one and any other. */
	void			(*fn)(void *);
	void			*arg;
};

/* account, types, fn and arg are set; the memory stays the caller's. */
void	notify_add(struct notify *);
void	notify_remove(struct notify *);

/* struct store_conf's: may be called in the middle of anything. */
void	notify_changed(const char *account, uint32_t types);
/* Another worker says so; account 0: look at all of them. */
void	notify_tell(uint64_t account, uint32_t types);

/* Have fn called as if something had happened, in the next notify_run. */
void	notify_wake(struct notify *);
void	notify_run(void);

#endif
