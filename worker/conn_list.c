/* SPDX-License-Identifier: ISC */
/*
 * All connections of a worker: how many, walks over them, and what time does
 * to them.  Called by conn.c, which ends one, and by worker.c.  The clock is
 * looked at once a turn; deadlines are found by a sweep of all connections
 * four times a second, which is cheaper than a timer each.
 */
#include "common/compat.h"

#include <sys/time.h>

#include <sched.h>

#include "common/date.h"
#include "worker/conn_int.h"

/* Each connection is looked at so often; many of them in parts.  Those that
 * came together have their time up together: a few in a turn, and a pause,
 * so that they do not keep the others waiting. */
#define SWEEP_MS	250
#define SWEEP_PARTS	10
#define SWEEP_FEW	64		/* connections: all at once */
#define SWEEP_TURNS	1000		/* to end them all */
#define SWEEP_PAUSE	1		/* ms */
#define CROWDED_IDLE	5000		/* ms, when connections run out */
#define IDLE_MS		1000		/* then buffers are given back */

static void	list_sweep(int, short, void *);
static int	list_check(struct conn *);
static void	list_spare(struct conn *);

static struct conn_list	conns = TAILQ_HEAD_INITIALIZER(conns);
/* The next one of a walk on which connections may end. */
static struct conn	*after;
static struct conn	*swept;		/* the next one to be looked at */
static struct event	ev_sweep;
static size_t		nconns;
static int64_t		now;
static int		crowded;
static int		sweeping;	/* ev_sweep is pending */

void
conn_crowded(int is)
{
	crowded = is;
}

/* security.md 3.3: who waits for nothing makes room the sooner. */
int64_t
conn_idle(uint64_t keep_alive)
{
	return crowded && keep_alive > CROWDED_IDLE ? CROWDED_IDLE :
	    (int64_t)keep_alive;
}

int64_t
conn_now(void)
{
	return now;
}

void
conn_tick(void)
{
	now = date_mono();
}

size_t
conn_count(void)
{
	return nconns;
}

void
conn_list_add(struct conn *c)
{
	struct timeval	 tv = { 0, SWEEP_MS * 1000 };

	TAILQ_INSERT_TAIL(&conns, c, entry);
	nconns++;
	if (sweeping)
		return;
	evtimer_set(&ev_sweep, list_sweep, NULL);
	evtimer_add(&ev_sweep, &tv);
	sweeping = 1;
}

void
conn_list_del(struct conn *c)
{
	if (after == c)
		after = TAILQ_NEXT(c, entry);
	if (swept == c)
		swept = TAILQ_NEXT(c, entry);
	TAILQ_REMOVE(&conns, c, entry);
	nconns--;
}

void
conn_drain(void)
{
	struct conn	*c;

	conn_tick();
	for (c = TAILQ_FIRST(&conns); c != NULL; c = after) {
		after = TAILQ_NEXT(c, entry);
		conn_retire(c);
	}
}

void
conn_each(void (*fn)(struct conn *, void *), void *arg)
{
	struct conn	*c;

	TAILQ_FOREACH(c, &conns, entry)
		fn(c, arg);
}

/* --- time ------------------------------------------------------------ */

static void
list_sweep(int fd, short what, void *arg)
{
	size_t		 parts = nconns > SWEEP_FEW ? SWEEP_PARTS : 1;
	size_t		 n = nconns / parts + 1;
	size_t		 most = nconns / SWEEP_TURNS + 1, ends = 0;
	struct timeval	 tv = { 0, SWEEP_MS * 1000 / (suseconds_t)parts };
	struct conn	*c;

	(void)fd;
	(void)what;
	(void)arg;
	conn_tick();
	if (swept == NULL)
		swept = TAILQ_FIRST(&conns);
	/* What ends one connection may wake and end another. */
	for (; n > 0 && ends < most && (c = swept) != NULL; n--) {
		swept = TAILQ_NEXT(c, entry);
		ends += (size_t)list_check(c);
	}
	if (ends > 0)
		sched_yield();
	if (ends == most)
		tv.tv_usec = SWEEP_PAUSE * 1000;
	if ((sweeping = nconns > 0))
		evtimer_add(&ev_sweep, &tv);
}

/* 1: its time was up, and there was something to do. */
static int
list_check(struct conn *c)
{
	if (c->stall != 0 && now >= c->stall) {
		conn_cut(c);
		return 1;
	}
	if (c->deadline == 0 || now < c->deadline) {
		list_spare(c);
		return 0;
	}
	/* what is written last: a stall ends it */
	if (c->want == IO_CLOSE && !(c->flags & LINGER))
		return 0;
	conn_expire(c);
	return 1;
}

/* What waits for its client holds no memory for it. */
static void
list_spare(struct conn *c)
{
	if (now - c->quiet < IDLE_MS || c->in.cap == 0 ||
	    c->want != IO_WANT_READ || buf_left(&c->in) > 0 ||
	    buf_left(&c->out) > 0)
		return;
	buf_free(&c->in);
	buf_free(&c->out);
}
