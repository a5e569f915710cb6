/* SPDX-License-Identifier: ISC */
/*
 * Work of the queue for workers, see worker/queue_job.h: deliver into an
 * account, tell a submission, ask whether there is one.  A worker has one
 * piece of it at a time; a piece whose worker died is somebody else's.
 *
 * Of what a worker says nothing is believed but the result of what it was
 * given.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth_ask.h"
#include "common/date.h"
#include "common/log.h"
#include "daemon/queue.h"
#include "daemon/queue_db.h"

#define WORK_PIECE	32768	/* bytes of content in a message of ours */
#define WORK_ROWS	60000	/* bytes of rows in a status */
#define WORK_TELL_MS	100	/* what comes so close is told at once */
#define WORK_WAIT_MS	1000	/* after "later", twice as long each time */
#define WORK_WAIT_MAX	60000
#define WORK_LATE	300	/* s: the worker is not to be believed */

enum work_kind { WORK_DELIVER, WORK_TELL, WORK_ASK };

struct queue_job {
	TAILQ_ENTRY(queue_job)	 entry;
	enum work_kind		 kind;
	struct queue_msg	*msg;	/* NULL: not wanted any more */
	uint32_t		 rcpt;	/* WORK_DELIVER */
	struct auth_ask		*ask;	/* who gets it? */
	uint64_t		 account, quota;
	struct queue_worker	*worker;	/* who does it, or NULL */
	uint32_t		 id;
	uint64_t		 off;	/* of the content, sent so far */
	uint32_t		 later;	/* how often it said so */
	struct event		 ev;	/* until it may be given (again) */
	int			 ready;	/* in the list */
};
TAILQ_HEAD(work_list, queue_job);

static struct work_list	 work_ready = TAILQ_HEAD_INITIALIZER(work_ready);
static uint32_t		 work_id;

static struct queue_job	*work_new(enum work_kind, struct queue_msg *);
static void	 work_free(struct queue_job *);
static void	 work_ready_now(struct queue_job *);
static void	 work_wait(struct queue_job *, int64_t);
static void	 work_woken(int, short, void *);
static void	 work_where(void *, const struct msg_rcpt_is *);
static void	 work_lookup(struct queue_job *);
static struct queue_worker	*work_idle(void);
static void	 work_give(struct queue_job *, struct queue_worker *);
static void	 work_give_deliver(struct queue_job *);
static void	 work_give_tell(struct queue_job *);
static void	 work_give_ask(struct queue_job *);
static void	 work_more(struct proc_peer *, struct msg *);
static void	 work_is(struct proc_peer *, struct msg *);
static void	 work_delivered(struct queue_job *, enum queue_ask_is,
		    const char *);
static void	 work_told(struct queue_job *, enum queue_ask_is,
		    const char *);
static void	 work_asked(struct queue_job *, enum queue_ask_is,
		    const char *);
static int	 work_row(struct buf *, const struct queue_rcpt *);

proc_fn *const	queue_work_handlers[MSG_MAX] = {
	[MSG_QUEUE_MORE]	= work_more,
	[MSG_QUEUE_IS]		= work_is,
};

static const struct work {
	void	(*give)(struct queue_job *);
	void	(*done)(struct queue_job *, enum queue_ask_is, const char *);
} works[] = {
	[WORK_DELIVER]	= { work_give_deliver, work_delivered },
	[WORK_TELL]	= { work_give_tell, work_told },
	[WORK_ASK]	= { work_give_ask, work_asked },
};

/* --- pieces of work ----------------------------------------------------- */

static struct queue_job *
work_new(enum work_kind kind, struct queue_msg *m)
{
	struct queue_job	*j;

	if ((j = calloc(1, sizeof(*j))) == NULL)
		fatal("queue");
	j->kind = kind;
	j->msg = m;
	evtimer_set(&j->ev, work_woken, j);
	return j;
}

static void
work_free(struct queue_job *j)
{
	auth_ask_cancel(j->ask);
	evtimer_del(&j->ev);
	if (j->ready)
		TAILQ_REMOVE(&work_ready, j, entry);
	if (j->worker != NULL)
		j->worker->job = NULL;
	if (j->kind != WORK_DELIVER && j->msg != NULL)
		j->msg->job = NULL;
	free(j);
}

static void
work_ready_now(struct queue_job *j)
{
	j->ready = 1;
	TAILQ_INSERT_TAIL(&work_ready, j, entry);
	queue_work_next();
}

static void
work_wait(struct queue_job *j, int64_t ms)
{
	struct timeval	 tv;

	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	evtimer_add(&j->ev, &tv);
}

/* It may be given now; or, a delivery: auth is asked again. */
static void
work_woken(int fd, short what, void *arg)
{
	struct queue_job	*j = arg;

	(void)fd;
	(void)what;
	if (j->worker != NULL) {
		log_warnx("worker %u has not answered for %d s",
		    j->worker->slot, WORK_LATE);
		proc_close(&j->worker->work);
		queue_work_gone(j->worker);
	} else if (j->kind == WORK_DELIVER)
		work_lookup(j);
	else
		work_ready_now(j);
}

void
queue_work_deliver(struct queue_msg *m, uint32_t i)
{
	struct queue_job	*j = work_new(WORK_DELIVER, m);

	j->rcpt = i;
	queue_flow_start(m, i);
	work_lookup(j);
}

void
queue_work_tell(struct queue_msg *m)
{
	m->job = work_new(WORK_TELL, m);
	work_wait(m->job, WORK_TELL_MS);
}

void
queue_work_ask(struct queue_msg *m)
{
	if (m->job != NULL)
		return;
	m->job = work_new(WORK_ASK, m);
	work_ready_now(m->job);
}

void
queue_work_forget(struct queue_msg *m)
{
	struct queue_job	*j = m->job;

	if (j == NULL)
		return;
	m->job = NULL;
	j->msg = NULL;
	/* what a worker has, it answers */
	if (j->worker == NULL)
		work_free(j);
}

/* --- whose is it? ------------------------------------------------------- */

/* Directories change while mail waits: ask for each attempt. */
static void
work_lookup(struct queue_job *j)
{
	const struct queue_rcpt	*r = &j->msg->rcpt[j->rcpt];
	char			 number[32];

	/* a notification is for an account, whatever its addresses are now */
	(void)snprintf(number, sizeof(number), "#%llu",
	    (unsigned long long)r->account);
	if ((j->ask = auth_ask_where(r->account != 0 ? number : r->address,
	    work_where, j)) == NULL)
		work_wait(j, WORK_WAIT_MS);
}

static void
work_where(void *arg, const struct msg_rcpt_is *is)
{
	struct queue_job	*j = arg;
	struct queue_rcpt	*r = &j->msg->rcpt[j->rcpt];

	j->ask = NULL;
	if (is->error != 0) {
		work_wait(j, WORK_WAIT_MS);
		return;
	}
	if (is->account != 0) {
		j->account = is->account;
		/* it tells why there is no more mail, perhaps */
		j->quota = r->account != 0 ? 0 : is->quota;
		work_ready_now(j);
		return;
	}
	/* gone from here since it was put */
	if (r->account == 0 && !is->ours &&
	    *queue_now->queue_relay != '\0') {
		r->flags &= (uint8_t)~QUEUE_R_LOCAL;
		work_delivered(j, QUEUE_ASK_IS_LATER,
		    "451 4.4.0 not for this host any more");
	} else
		work_delivered(j, QUEUE_ASK_IS_REFUSED,
		    "550 5.1.1 no such recipient here");
}

/* --- giving ------------------------------------------------------------- */

/* The one that has been idle for longest. */
static struct queue_worker *
work_idle(void)
{
	struct queue_worker	*w;

	TAILQ_FOREACH(w, &queue_workers, entry)
		if (w->work.open && w->job == NULL)
			return w;
	return NULL;
}

void
queue_work_next(void)
{
	struct queue_worker	*w;
	struct queue_job	*j;

	while ((j = TAILQ_FIRST(&work_ready)) != NULL &&
	    (w = work_idle()) != NULL)
		work_give(j, w);
}

static void
work_give(struct queue_job *j, struct queue_worker *w)
{
	struct timeval	 tv = { WORK_LATE, 0 };

	TAILQ_REMOVE(&work_ready, j, entry);
	j->ready = 0;
	TAILQ_REMOVE(&queue_workers, w, entry);
	TAILQ_INSERT_TAIL(&queue_workers, w, entry);
	j->worker = w;
	w->job = j;
	j->id = ++work_id;
	evtimer_add(&j->ev, &tv);
	works[j->kind].give(j);
}

static void
work_give_deliver(struct queue_job *j)
{
	const struct queue_msg		*m = j->msg;
	struct msg_queue_deliver	 h;

	memset(&h, 0, sizeof(h));
	h.account = j->account;
	h.quota = j->quota;
	h.size = m->len;
	h.received = m->created;
	h.again = (m->rcpt[j->rcpt].flags & QUEUE_R_AGAIN) != 0;
	j->off = 0;
	proc_send(&j->worker->work, MSG_QUEUE_DELIVER, j->id, -1, &h, m->from,
	    strlen(m->from) + 1);
}

/* The next window, and no other. */
static void
work_more(struct proc_peer *p, struct msg *m)
{
	const struct msg_queue_more	*h = m->fixed;
	struct queue_worker		*w = p->arg;
	struct queue_job		*j = w->job;
	uint8_t				 piece[WORK_PIECE];
	uint64_t			 end;
	ssize_t				 n;

	if (j == NULL || j->kind != WORK_DELIVER || m->id != j->id ||
	    h->off != j->off || h->off >= j->msg->len) {
		p->dead = 1;
		return;
	}
	end = j->off + MSG_QUEUE_WINDOW < j->msg->len ?
	    j->off + MSG_QUEUE_WINDOW : j->msg->len;
	while (j->off < end) {
		n = queue_db_read(j->msg, j->off, piece, end - j->off <
		    sizeof(piece) ? end - j->off : sizeof(piece));
		if (n == -1) {
			/* the worker cannot be left half way */
			log_warnx("message %llx cannot be read",
			    (unsigned long long)j->msg->id);
			p->dead = 1;
			return;
		}
		proc_send(p, MSG_QUEUE_DATA, j->id, -1, NULL, piece,
		    (size_t)n);
		j->off += (uint64_t)n;
	}
}

static int
work_row(struct buf *b, const struct queue_rcpt *r)
{
	static const enum queue_ask_delivered	 is[QUEUE_FATES] = {
		[QUEUE_WAITS]		= QUEUE_ASK_QUEUED,
		[QUEUE_DELIVERED]	= QUEUE_ASK_YES,
		[QUEUE_RELAYED]		= QUEUE_ASK_UNKNOWN,
		[QUEUE_FAILED]		= QUEUE_ASK_NO,
	};

	if (b->len + strlen(r->address) + strlen(r->reply) + 3 > WORK_ROWS)
		return -1;
	buf_addc(b, is[r->fate]);
	buf_add(b, r->address, strlen(r->address) + 1);
	buf_add(b, r->reply, strlen(r->reply) + 1);
	return 0;
}

/* What of it is new, as much as there is room for. */
static void
work_give_tell(struct queue_job *j)
{
	struct queue_msg	*m = j->msg;
	struct msg_queue_status	 h;
	struct queue_rcpt	*r;
	struct buf		 rows;

	memset(&h, 0, sizeof(h));
	h.account = m->account;
	h.submission = m->submission;
	h.undo = queue_flow_undone(m);
	m->undo_telling = (uint8_t)(h.undo + 1);
	buf_init(&rows, WORK_ROWS);
	for (r = m->rcpt; r < m->rcpt + m->nrcpt; r++) {
		r->telling = r->told;
		if (r->gen == r->told || work_row(&rows, r) == -1)
			continue;
		r->telling = r->gen;
		h.nrcpt++;
	}
	proc_send(&j->worker->work, MSG_QUEUE_STATUS, j->id, -1, &h,
	    rows.data, rows.len);
	buf_free(&rows);
}

static void
work_give_ask(struct queue_job *j)
{
	struct msg_queue_sub	 h = { j->msg->account, j->msg->submission };

	proc_send(&j->worker->work, MSG_QUEUE_ASK, j->id, -1, &h, NULL, 0);
}

/* --- results ------------------------------------------------------------ */

static void
work_is(struct proc_peer *p, struct msg *m)
{
	const struct msg_queue_is	*h = m->fixed;
	struct queue_worker		*w = p->arg;
	struct queue_job		*j = w->job;
	char				 text[QUEUE_ASK_TEXT];
	size_t				 i, n = m->tail_len;

	if (j == NULL || m->id != j->id || h->result >= QUEUE_ASK_IS_MAX ||
	    n >= sizeof(text)) {
		p->dead = 1;
		return;
	}
	memcpy(text, m->tail, n);
	text[n] = '\0';
	for (i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	evtimer_del(&j->ev);
	j->worker = NULL;
	w->job = NULL;
	if (j->msg == NULL)
		work_free(j);
	else
		works[j->kind].done(j, h->result, text);
	queue_work_next();
}

static void
work_delivered(struct queue_job *j, enum queue_ask_is is, const char *text)
{
	static const enum queue_class	 classes[QUEUE_ASK_IS_MAX] = {
		[QUEUE_ASK_IS_DONE]	= QUEUE_SENT,
		[QUEUE_ASK_IS_NOT]	= QUEUE_PERM,
		[QUEUE_ASK_IS_LATER]	= QUEUE_TEMP,
		[QUEUE_ASK_IS_REFUSED]	= QUEUE_PERM,
	};
	struct queue_msg	*m = j->msg;
	uint32_t		 i = j->rcpt;

	work_free(j);
	queue_flow_result(m, i, classes[is], text);
	queue_flow_settle(m);
}

static void
work_told(struct queue_job *j, enum queue_ask_is is, const char *text)
{
	struct queue_msg	*m = j->msg;
	struct queue_rcpt	*r;

	(void)text;
	if (is == QUEUE_ASK_IS_LATER || is == QUEUE_ASK_IS_REFUSED) {
		work_wait(j, queue_time_wait(++j->later, WORK_WAIT_MS,
		    WORK_WAIT_MAX, 0));
		return;
	}
	work_free(j);
	if (is == QUEUE_ASK_IS_NOT) {
		/* destroyed, with its account perhaps: nobody to tell */
		m->undo_told = m->undo_telling;
		for (r = m->rcpt; r < m->rcpt + m->nrcpt; r++)
			r->telling = r->gen;
	}
	m->undo_told = m->undo_telling;
	for (r = m->rcpt; r < m->rcpt + m->nrcpt; r++)
		r->told = r->telling;
	queue_flow_settle(m);
}

static void
work_asked(struct queue_job *j, enum queue_ask_is is, const char *text)
{
	struct queue_msg	*m = j->msg;

	(void)text;
	if (m->state != QUEUE_HELD) {
		/* undone meanwhile */
		work_free(j);
		queue_flow_settle(m);
	} else if (is == QUEUE_ASK_IS_DONE) {
		work_free(j);
		queue_flow_go(m);
	} else if (is == QUEUE_ASK_IS_NOT) {
		work_free(j);
		queue_flow_drop(m);
	} else
		work_wait(j, queue_time_wait(++j->later, WORK_WAIT_MS,
		    WORK_WAIT_MAX, 0));
}

/* Its work is somebody else's; a delivery may have happened. */
void
queue_work_gone(struct queue_worker *w)
{
	struct queue_job	*j = w->job;

	if (j == NULL)
		return;
	evtimer_del(&j->ev);
	j->worker = NULL;
	w->job = NULL;
	if (j->msg == NULL) {
		work_free(j);
		return;
	}
	if (j->kind == WORK_DELIVER)
		j->msg->rcpt[j->rcpt].flags |= QUEUE_R_AGAIN;
	work_ready_now(j);
}
