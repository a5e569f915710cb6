/* SPDX-License-Identifier: ISC */
/*
 * When to try again: twice as long each time, up to a limit, and a fifth
 * more or less, so that what failed together does not come back together.
 * Called by queue_flow.c.
 */
#include "common/compat.h"

#include "daemon/queue.h"

int64_t
queue_time_wait(uint32_t n, int64_t first, int64_t max, uint32_t random)
{
	int64_t	 wait = first;

	while (n-- > 1 && wait < max)
		wait *= 2;
	if (wait > max)
		wait = max;
	return wait - wait / 5 + (int64_t)(random % 1000) * (wait / 5 * 2) /
	    1000;
}
