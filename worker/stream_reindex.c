/* SPDX-License-Identifier: ISC */
/*
 * jmapctl reindex: the search index of an account made again, a step a turn
 * of the loop, so that this worker goes on with everything else.  If jmapctl
 * goes away, or this worker, the stores' housekeeping does the rest.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "common/row.h"
#include "worker/stream_int.h"

#define REINDEX_SHOW_MS	500	/* between two rows about how far it is */
#define REINDEX_BUSY_US	20000	/* another process makes runs: look again */

static proc_fn	reindex_go;
static void	reindex_turn(int, short, void *);
static void	reindex_tell(struct stream *, uint64_t, uint64_t);

proc_fn *const stream_reindex[MSG_MAX] = {
	[MSG_ST_GO]	= reindex_go,
};

static void
reindex_go(struct proc_peer *p, struct msg *m)
{
	struct timeval	 now = { 0, 0 };
	struct stream	*s = p->arg;
	struct store	*st;
	enum store_err	 e;

	(void)m;
	if (s->timed || (st = stream_store(s, STORE_CREATE)) == NULL)
		return;
	e = store_rebuild_begin(st, 0);
	store_close(st);
	if (e != STORE_OK) {
		stream_broken(s, e);
		return;
	}
	s->timed = 1;
	evtimer_set(&s->ev, reindex_turn, s);
	evtimer_add(&s->ev, &now);
}

static void
reindex_turn(int fd, short what, void *arg)
{
	struct timeval	 again = { 0, 0 };
	struct stream	*s = arg;
	struct store	*st;
	uint64_t	 at = 0, upto = 0;
	int		 r;

	(void)fd;
	(void)what;
	if ((st = stream_store(s, 0)) == NULL)
		return;
	r = store_rebuild_step(st, &at, &upto);
	store_close(st);
	if (r == -1) {
		stream_fail(s, "the search index could not be made");
		return;
	}
	if (upto > 0)
		reindex_tell(s, at, upto);
	if (r == 0) {
		stream_ok(s, 0, 0, 0);
		return;
	}
	if (upto == 0)
		again.tv_usec = REINDEX_BUSY_US;
	evtimer_add(&s->ev, &again);
}

static void
reindex_tell(struct stream *s, uint64_t at, uint64_t upto)
{
	struct buf	 row;
	int64_t		 now = date_mono();

	if (now - s->told < REINDEX_SHOW_MS)
		return;
	s->told = now;
	buf_init(&row, ROW_MAX);
	row_addu(&row, "at", at);
	row_addu(&row, "of", upto);
	if (!buf_bad(&row))
		proc_send(&s->ctl, MSG_ST_ROW, 0, -1, NULL, row.data,
		    row.len);
	buf_free(&row);
}
