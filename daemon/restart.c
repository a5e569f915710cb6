/* SPDX-License-Identifier: ISC */
/*
 * How soon a dead child comes back.  Called by child.c for each slot by
 * itself: one who can crash his own session must not slow down the others
 * (reference/security.md 5.4).  Pure: the time comes in.
 */
#include "common/compat.h"

#include <string.h>

#include "daemon/daemon.h"

#define RESTART_WINDOW	10000	/* ms in which RESTART_FREE come for free */
#define RESTART_FIRST	1000
#define RESTART_MOST	60000

int64_t
restart_delay(struct restart *r, int64_t now)
{
	int64_t	 oldest = r->last[0];
	int64_t	 lived = now - r->last[RESTART_FREE - 1] - r->delay;

	memmove(r->last, r->last + 1, sizeof(r->last) - sizeof(r->last[0]));
	r->last[RESTART_FREE - 1] = now;
	if (r->delay > 0 && lived > RESTART_WINDOW)
		r->delay = 0;
	else if (r->delay > 0)
		r->delay = r->delay * 2 < RESTART_MOST ? r->delay * 2 :
		    RESTART_MOST;
	else if (oldest != 0 && now - oldest <= RESTART_WINDOW)
		r->delay = RESTART_FIRST;
	return r->delay;
}
