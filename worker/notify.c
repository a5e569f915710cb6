/* SPDX-License-Identifier: ISC */
/*
 * State changes inside a worker: see notify.h.  Changes are collected until
 * the turn of the loop ends, and for some milliseconds if there have just
 * been others, then said to those who wait here and, through parent, to the
 * other workers.  Called by the store, worker.c and the push channels.
 */
#include "common/compat.h"

#include <sys/time.h>
#include <event.h>

#include "common/date.h"
#include "common/dir.h"
#include "common/role.h"
#include "worker/notify.h"

#define NOTIFY_CHAINS	1024
#define NOTIFY_MAX	256	/* accounts at a time; more: all of them */
#define NOTIFY_MS	10	/* between two times */

TAILQ_HEAD(notify_list, notify);
static LIST_HEAD(notify_chain, notify) chains[NOTIFY_CHAINS];
static struct notify_list	 woken = TAILQ_HEAD_INITIALIZER(woken);
static struct msg_changed	 list[NOTIFY_MAX];
static size_t			 n;
static struct event		 ev;
static int			 pending;
static int64_t			 last;	/* ms, monotonic */

static struct notify_chain	*notify_chain(uint64_t);
static void	notify_soon(void);
static void	notify_flush(int, short, void *);
static void	notify_mark(struct notify_chain *, uint64_t, uint32_t);

static struct notify_chain *
notify_chain(uint64_t account)
{
	return &chains[account % NOTIFY_CHAINS];
}

void
notify_add(struct notify *w)
{
	w->woken = 0;
	LIST_INSERT_HEAD(notify_chain(w->account), w, entry);
}

void
notify_remove(struct notify *w)
{
	LIST_REMOVE(w, entry);
	if (w->woken)
		TAILQ_REMOVE(&woken, w, wake);
	w->woken = 0;
}

/* --- said here ---------------------------------------------------------- */

void
notify_changed(const char *account, uint32_t types)
{
	uint64_t	 id = dir_account_get(account);
	size_t		 i;

	for (i = 0; i < n && list[i].account != id && list[i].account != 0;
	    i++)
		;
	if (i == NOTIFY_MAX) {
		n = 1;
		list[0].account = 0;
		list[0].types = UINT32_MAX;
	} else if (i == n) {
		list[n].account = id;
		list[n++].types = types;
	} else
		list[i].types |= types;
	notify_soon();
}

static void
notify_soon(void)
{
	struct timeval	 tv = { 0, 0 };

	if (pending)
		return;
	if (date_mono() - last < NOTIFY_MS)
		tv.tv_usec = NOTIFY_MS * 1000;
	evtimer_set(&ev, notify_flush, NULL);
	evtimer_add(&ev, &tv);
	pending = 1;
}

static void
notify_flush(int fd, short what, void *arg)
{
	size_t	 i;

	(void)fd;
	(void)what;
	(void)arg;
	pending = 0;
	last = date_mono();
	for (i = 0; i < n; i++)
		proc_send(&role_parent, MSG_CHANGED, 0, -1, &list[i], NULL,
		    0);
	/* what follows may commit, and begin a new list */
	i = n;
	n = 0;
	while (i-- > 0)
		notify_mark(list[i].account == 0 ? NULL :
		    notify_chain(list[i].account), list[i].account,
		    list[i].types);
	notify_run();
}

/* --- heard -------------------------------------------------------------- */

void
notify_tell(uint64_t account, uint32_t types)
{
	notify_mark(account == 0 ? NULL : notify_chain(account), account,
	    types);
	notify_run();
}

/* Queue those who want to hear of it; chain NULL: of all chains. */
static void
notify_mark(struct notify_chain *chain, uint64_t account, uint32_t types)
{
	struct notify	*w;
	size_t		 i;

	if (chain == NULL) {
		for (i = 0; i < NOTIFY_CHAINS; i++)
			notify_mark(&chains[i], 0, types);
		return;
	}
	LIST_FOREACH(w, chain, entry)
		if ((account == 0 || w->account == account) &&
		    (w->types & types))
			notify_wake(w);
}

void
notify_wake(struct notify *w)
{
	if (w->woken)
		return;
	w->woken = 1;
	TAILQ_INSERT_TAIL(&woken, w, wake);
}

void
notify_run(void)
{
	struct notify	*w;

	/* each call may end others: every time the first that is left */
	while ((w = TAILQ_FIRST(&woken)) != NULL) {
		TAILQ_REMOVE(&woken, w, wake);
		w->woken = 0;
		w->fn(w->arg);
	}
}
