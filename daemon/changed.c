/* SPDX-License-Identifier: ISC */
/*
 * State changes on their way from the worker that made them to all others
 * (MSG_CHANGED, RFC 8620 7): kept for a moment, so that a worker that says
 * much costs a bounded number of messages.  Called by parent.c.  Nothing of
 * a message is believed but that somebody should look: a number that is no
 * account wakes nobody.
 */
#include "common/compat.h"

#include <string.h>

#include "daemon/daemon.h"

#define CHANGED_MAX	256	/* accounts in a moment; more: all of them */
#define CHANGED_MS	5	/* a moment */

struct changed {
	struct msg_changed	 m;
	int64_t			 slot;	/* the only worker that knows, or -1 */
};

static void	changed_flush(int, short, void *);
static void	changed_send(const struct changed *);

static struct changed	 list[CHANGED_MAX];
static size_t		 n;
static struct event	 ev;
static int		 pending;

void
changed_told(struct proc_peer *p, struct msg *m)
{
	const struct msg_changed	*h = m->fixed;
	struct timeval			 tv = { 0, CHANGED_MS * 1000 };
	size_t				 i;

	for (i = 0; i < n && list[i].m.account != h->account &&
	    list[i].m.account != 0; i++)
		;
	if (i == CHANGED_MAX) {
		n = 1;
		memset(&list[0], 0, sizeof(list[0]));
		list[0].m.types = UINT32_MAX;
		list[0].slot = -1;
	} else if (i == n) {
		n++;
		list[i].m = *h;
		list[i].m.zero = 0;
		list[i].slot = p->slot;
	} else {
		list[i].m.types |= h->types;
		if (list[i].slot != p->slot)
			list[i].slot = -1;
	}
	if (!pending) {
		evtimer_set(&ev, changed_flush, NULL);
		evtimer_add(&ev, &tv);
		pending = 1;
	}
}

static void
changed_flush(int fd, short what, void *arg)
{
	size_t	 i;

	(void)fd;
	(void)what;
	(void)arg;
	pending = 0;
	for (i = 0; i < n; i++)
		changed_send(&list[i]);
	n = 0;
}

static void
changed_send(const struct changed *l)
{
	struct child	*c;

	TAILQ_FOREACH(c, &child_list, entry)
		if (c->id == PROC_WORKER && c->generation != 0 &&
		    c->peer.open && (int64_t)c->slot != l->slot)
			proc_send(&c->peer, MSG_CHANGED, 0, -1, &l->m, NULL,
			    0);
}
