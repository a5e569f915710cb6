/* SPDX-License-Identifier: ISC */
/*
 * Calls of workers: mail put into the queue, held until they say go; see
 * common/queue_ask.h.  A call is answered after the commit that made it
 * lasting, one commit for all that came in the same turn.
 *
 * A worker is not trusted with its numbers (queue_in.c), and nothing of what
 * it puts is in the way of others: it has few messages under way at a time.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/auth_ask.h"
#include "common/date.h"
#include "common/log.h"
#include "daemon/queue.h"
#include "daemon/queue_db.h"

#define PUT_CALLS	4	/* of a worker not answered: it waits for one */

/* A message that is complete: who gets it?  Then: on the disk? */
struct put {
	TAILQ_ENTRY(put)	 entry;
	struct queue_worker	*worker;	/* NULL: it went */
	uint32_t		 id;		/* of its call */
	struct queue_msg	*m;
	struct put_ask {
		struct put	*put;
		uint32_t	 rcpt;
		struct auth_ask	*ask;
	}			*asks;		/* one a recipient */
	uint32_t		 nask;		/* not answered */
	enum queue_ask_err	 error;
	const char		*why;
	uint8_t			*refused;	/* 1 a recipient */
	uint32_t		 nrcpt;
	int			 dropped;	/* the worker gave it up */
};
/* An undo, until it is on the disk. */
struct put_undo {
	TAILQ_ENTRY(put_undo)	 entry;
	struct queue_worker	*worker;
	uint32_t		 id;
};
TAILQ_HEAD(put_list, put);
TAILQ_HEAD(put_undos, put_undo);

static struct put_list	 put_asking = TAILQ_HEAD_INITIALIZER(put_asking);
static struct put_list	 put_written = TAILQ_HEAD_INITIALIZER(put_written);
static struct put_undos	 put_undos = TAILQ_HEAD_INITIALIZER(put_undos);

static void	 put_put(struct proc_peer *, struct msg *);
static void	 put_rcpt(struct proc_peer *, struct msg *);
static void	 put_data(struct proc_peer *, struct msg *);
static void	 put_end(struct proc_peer *, struct msg *);
static void	 put_go(struct proc_peer *, struct msg *);
static void	 put_drop(struct proc_peer *, struct msg *);
static void	 put_cancel(struct proc_peer *, struct msg *);
static void	 put_is(struct queue_worker *, uint32_t, enum queue_ask_is);
static struct put	*put_new(struct queue_worker *, uint32_t);
static void	 put_free(struct put *);
static void	 put_ask(struct put *);
static void	 put_where(void *, const struct msg_rcpt_is *);
static void	 put_fail(struct put *, enum queue_ask_err, const char *);
static void	 put_asked(struct put *);
static void	 put_accept(struct put *);
static void	 put_answer(struct put *);
static int	 put_reused(const struct queue_msg *);
static struct queue_msg	*put_own(const struct queue_worker *,
		    const struct msg_queue_sub *);

proc_fn *const	queue_put_handlers[MSG_MAX] = {
	[MSG_QUEUE_PUT]		= put_put,
	[MSG_QUEUE_RCPT]	= put_rcpt,
	[MSG_QUEUE_DATA]	= put_data,
	[MSG_QUEUE_END]		= put_end,
	[MSG_QUEUE_GO]		= put_go,
	[MSG_QUEUE_DROP]	= put_drop,
	[MSG_QUEUE_CANCEL]	= put_cancel,
};

/* --- in ----------------------------------------------------------------- */

static void
put_put(struct proc_peer *p, struct msg *m)
{
	struct queue_worker	*w = p->arg;

	w->in.spill = queue_db_spill;
	if (w->nputs >= PUT_CALLS || queue_in_put(&w->in, m->fixed, m->tail,
	    m->tail_len, queue_now, queue_new_id(), date_now()) == -1)
		p->dead = 1;
}

static void
put_rcpt(struct proc_peer *p, struct msg *m)
{
	struct queue_worker	*w = p->arg;

	if (queue_in_rcpt(&w->in, m->fixed, m->tail, m->tail_len) == -1)
		p->dead = 1;
}

static void
put_data(struct proc_peer *p, struct msg *m)
{
	struct queue_worker	*w = p->arg;

	if (queue_in_data(&w->in, m->tail, m->tail_len) == -1)
		p->dead = 1;
}

static void
put_end(struct proc_peer *p, struct msg *m)
{
	struct queue_worker	*w = p->arg;
	struct put		*put;

	if (queue_in_end(&w->in) == -1 || (put = put_new(w, m->id)) == NULL) {
		p->dead = 1;
		return;
	}
	put->error = w->in.error;
	put->why = w->in.why;
	put->m = queue_in_reset(&w->in);
	if (put->error == QUEUE_ASK_OK &&
	    !queue_flow_room(put->m->len, put->m->nrcpt))
		put_fail(put, QUEUE_ASK_FULL, "the queue is full");
	if (put->error == QUEUE_ASK_OK)
		put_ask(put);
	else
		put_asked(put);
}

static struct put *
put_new(struct queue_worker *w, uint32_t id)
{
	struct put	*put;
	uint32_t	 n = w->in.m->nrcpt;

	if ((put = calloc(1, sizeof(*put))) == NULL ||
	    (put->asks = calloc(n, sizeof(*put->asks))) == NULL ||
	    (put->refused = calloc(n, 1)) == NULL)
		fatal("queue");
	put->worker = w;
	put->id = id;
	put->nrcpt = n;
	put->why = "";
	w->nputs++;
	TAILQ_INSERT_TAIL(&put_asking, put, entry);
	return put;
}

/* It is in none of the lists any more. */
static void
put_free(struct put *put)
{
	if (put->worker != NULL)
		put->worker->nputs--;
	free(put->asks);
	free(put->refused);
	free(put);
}

static void
put_fail(struct put *put, enum queue_ask_err e, const char *why)
{
	if (put->error != QUEUE_ASK_OK && put->error != QUEUE_ASK_RCPT)
		return;
	put->error = e;
	put->why = why;
}

/* --- who gets it? ------------------------------------------------------- */

static void
put_ask(struct put *put)
{
	struct put_ask	*a;
	uint32_t	 i;

	put->nask = 1;		/* until all have been asked */
	for (i = 0; i < put->m->nrcpt; i++) {
		a = &put->asks[i];
		a->put = put;
		a->rcpt = i;
		a->ask = auth_ask_where(put->m->rcpt[i].address, put_where, a);
		if (a->ask == NULL)
			put_fail(put, QUEUE_ASK_DOWN,
			    "recipients cannot be looked up now");
		else
			put->nask++;
	}
	if (--put->nask == 0)
		put_asked(put);
}

static void
put_where(void *arg, const struct msg_rcpt_is *is)
{
	struct put_ask		*a = arg;
	struct put		*put = a->put;
	struct queue_rcpt	*r = &put->m->rcpt[a->rcpt];

	a->ask = NULL;
	if (is->error != 0)
		put_fail(put, QUEUE_ASK_DOWN,
		    "recipients cannot be looked up now");
	else if (is->account != 0)
		r->flags |= QUEUE_R_LOCAL;
	else if (is->ours) {
		put->refused[a->rcpt] = 1;
		put_fail(put, QUEUE_ASK_RCPT,
		    "550 5.1.1 no such recipient here");
	} else if (*queue_now->queue_relay == '\0') {
		put->refused[a->rcpt] = 1;
		put_fail(put, QUEUE_ASK_RCPT, "550 5.4.4 this server sends "
		    "to its own addresses only: it has no relay");
	}
	if (--put->nask == 0)
		put_asked(put);
}

/* All that is to be known is: into the queue, or not. */
static void
put_asked(struct put *put)
{
	TAILQ_REMOVE(&put_asking, put, entry);
	if (put->error == QUEUE_ASK_OK && !put->dropped &&
	    put->worker != NULL) {
		put_accept(put);
		return;
	}
	queue_db_forget(put->m);
	queue_commit_soon();
	put->m = NULL;
	queue_stats.refused++;
	put_answer(put);
	put_free(put);
}

static void
put_accept(struct put *put)
{
	struct queue_msg	*m = put->m, *old;

	/*
	 * The number of a submission is used again only when the one that
	 * had it was not committed: what was put for it is nobody's.  But
	 * whose that is tells the end of a worker only: pipes are not read
	 * in the order in which they were written.
	 */
	if (m->submission != 0 && (old = queue_flow_sub(m->account,
	    m->submission)) != NULL && old->state == QUEUE_HELD &&
	    old->stored && (old->putter == NULL ||
	    old->putter == put->worker))
		queue_flow_drop(old);
	m->putter = put->worker;
	if (m->submission == 0)
		m->state = QUEUE_GOING;
	TAILQ_INSERT_TAIL(&put_written, put, entry);
	queue_flow_add(m);
}

/* --- answers ------------------------------------------------------------ */

void
queue_put_committed(int ok)
{
	struct put_undo	*u;
	struct put	*put;

	while ((put = TAILQ_FIRST(&put_written)) != NULL) {
		TAILQ_REMOVE(&put_written, put, entry);
		if (ok)
			queue_stats.accepted++;
		else {
			put_fail(put, QUEUE_ASK_FULL, "the queue's disk");
			queue_stats.refused++;
		}
		put_answer(put);
		/* who was not answered cannot have committed anything */
		if (!ok || put->dropped || put->worker == NULL)
			queue_flow_drop(put->m);
		put_free(put);
	}
	while ((u = TAILQ_FIRST(&put_undos)) != NULL) {
		TAILQ_REMOVE(&put_undos, u, entry);
		put_is(u->worker, u->id, ok ? QUEUE_ASK_IS_DONE :
		    QUEUE_ASK_IS_LATER);
		free(u);
	}
}

static void
put_answer(struct put *put)
{
	struct msg_queued	 h;
	struct buf		 b;
	uint32_t		 i;

	if (put->worker == NULL)
		return;
	memset(&h, 0, sizeof(h));
	h.error = put->error;
	buf_init(&b, 4 * QUEUE_ASK_RCPTS + QUEUE_ASK_TEXT);
	if (put->error == QUEUE_ASK_OK)
		h.id = put->m->id;
	for (i = 0; put->error == QUEUE_ASK_RCPT && i < put->nrcpt; i++)
		if (put->refused[i]) {
			buf_be32(&b, i);
			h.nrefused++;
		}
	buf_add(&b, put->why, strlen(put->why) + 1);
	proc_send(&put->worker->calls, MSG_QUEUED, put->id, -1, &h, b.data,
	    b.len);
	buf_free(&b);
}

static void
put_is(struct queue_worker *w, uint32_t id, enum queue_ask_is is)
{
	struct msg_queue_is	 h = { is, 0 };

	if (w != NULL)
		proc_send(&w->calls, MSG_QUEUE_CANCELED, id, -1, &h, NULL, 0);
}

/* --- go, drop, cancel --------------------------------------------------- */

/* What this worker put and is held; what others put is not its to say. */
static struct queue_msg *
put_own(const struct queue_worker *w, const struct msg_queue_sub *h)
{
	struct queue_msg	*m = queue_flow_sub(h->account, h->submission);

	for (; m != NULL; m = queue_flow_sub_prev(m))
		if (m->state == QUEUE_HELD && m->putter == w)
			return m;
	return NULL;
}

static void
put_go(struct proc_peer *p, struct msg *m)
{
	struct queue_msg	*q = put_own(p->arg, m->fixed), *o, *prev;

	if (q == NULL)
		return;
	/* it was committed: no other of its number was */
	o = q->submission == 0 ? NULL : queue_flow_sub(q->account,
	    q->submission);
	for (; o != NULL; o = prev) {
		prev = queue_flow_sub_prev(o);
		if (o != q && o->state == QUEUE_HELD && o->stored)
			queue_flow_drop(o);
	}
	queue_flow_go(q);
}

static void
put_drop(struct proc_peer *p, struct msg *m)
{
	const struct msg_queue_sub	*h = m->fixed;
	struct queue_msg		*q;
	struct put			*put;

	TAILQ_FOREACH(put, &put_asking, entry)
		if (put->worker == p->arg && put->m->account == h->account &&
		    put->m->submission == h->submission)
			put->dropped = 1;
	TAILQ_FOREACH(put, &put_written, entry)
		if (put->worker == p->arg && put->m->account == h->account &&
		    put->m->submission == h->submission) {
			put->dropped = 1;
			return;
		}
	if ((q = put_own(p->arg, h)) != NULL)
		queue_flow_drop(q);
}

static void
put_cancel(struct proc_peer *p, struct msg *m)
{
	const struct msg_queue_sub	*h = m->fixed;
	struct queue_worker		*w = p->arg;
	struct queue_msg		*q;
	struct put_undo			*u;

	q = h->submission == 0 ? NULL :
	    queue_flow_sub(h->account, h->submission);
	if (q == NULL || queue_flow_undo(q) == -1) {
		put_is(w, m->id, q == NULL ? QUEUE_ASK_IS_NOT :
		    QUEUE_ASK_IS_REFUSED);
		return;
	}
	log_info("queue: %llx is undone", (unsigned long long)q->id);
	if ((u = calloc(1, sizeof(*u))) == NULL)
		fatal("queue");
	u->worker = w;
	u->id = m->id;
	TAILQ_INSERT_TAIL(&put_undos, u, entry);
	queue_flow_settle(q);
}

/* --- the end of a worker ------------------------------------------------ */

/* Has another its number?  Then it was not committed. */
static int
put_reused(const struct queue_msg *m)
{
	const struct queue_msg	*last;

	if (m->submission == 0)
		return 0;
	last = queue_flow_sub(m->account, m->submission);
	return last != m || queue_flow_sub_prev(last) != NULL;
}

void
queue_put_gone(struct queue_worker *w)
{
	struct queue_msg	*m, *next;
	struct put_undo		*u;
	struct put		*put;

	if ((m = queue_in_reset(&w->in)) != NULL)
		queue_db_forget(m);
	TAILQ_FOREACH(put, &put_asking, entry)
		if (put->worker == w)
			put->worker = NULL;
	TAILQ_FOREACH(put, &put_written, entry)
		if (put->worker == w)
			put->worker = NULL;
	TAILQ_FOREACH(u, &put_undos, entry)
		if (u->worker == w)
			u->worker = NULL;
	w->nputs = 0;
	/* did it commit the submissions of what it put? */
	for (m = queue_flow_next(0); m != NULL; m = next) {
		next = queue_flow_next(m->id + 1);
		if (m->putter != w || m->state != QUEUE_HELD || !m->stored)
			continue;
		m->putter = NULL;
		if (put_reused(m))
			queue_flow_drop(m);
		else
			queue_work_ask(m);
	}
	queue_commit_soon();
}
