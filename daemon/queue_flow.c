/* SPDX-License-Identifier: ISC */
/*
 * The life of a message in the queue: see queue.h.
 *
 *	HELD --go--> GOING --each recipient: attempt, wait, attempt ...-->
 *	  |            |         delivered, relayed or failed
 *	 drop         undo (nothing has left)     |
 *	  |            |            the sender told by mail, if that is due
 *	  v         UNDONE          the submission told
 *	gone <--------+-----------------------+
 *
 * Every path ends in queue_flow_settle, which looks what is to be done next.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "common/log.h"
#include "daemon/queue.h"
#include "daemon/queue_db.h"

#define FLOW_TURN	256	/* messages started in a turn of the loop */

RB_HEAD(flow_id, queue_msg);
RB_HEAD(flow_sub, queue_msg);
RB_HEAD(flow_due, queue_msg);

static struct flow_id	 flow_ids = RB_INITIALIZER(&flow_ids);
static struct flow_sub	 flow_subs = RB_INITIALIZER(&flow_subs);
static struct flow_due	 flow_dues = RB_INITIALIZER(&flow_dues);
static struct event	 flow_ev;
static uint64_t		 flow_nrcpt;	/* recipients in all */

static int	 flow_by_id(const struct queue_msg *, const struct queue_msg *);
static int	 flow_by_sub(const struct queue_msg *,
		    const struct queue_msg *);
static int	 flow_by_due(const struct queue_msg *,
		    const struct queue_msg *);
static void	 flow_insert(struct queue_msg *);
static void	 flow_end(struct queue_msg *);
static void	 flow_time(struct queue_msg *);
static int64_t	 flow_when(const struct queue_msg *);
static void	 flow_arm(void);
static void	 flow_fire(int, short, void *);
static void	 flow_run(struct queue_msg *, int64_t);
static void	 flow_fail(struct queue_msg *, uint32_t, const char *);
static int	 flow_over(const struct queue_msg *);
static int	 flow_told(const struct queue_msg *);
static void	 flow_count(const struct queue_msg *, int);
static void	 flow_log(const struct queue_msg *, const struct queue_rcpt *);

/* RB_GENERATE_STATIC of libbsd leaves __unused to whoever has it. */
#define TREE(name, field, cmp) \
	RB_PROTOTYPE_INTERNAL(name, queue_msg, field, cmp, \
	    __attribute__((__unused__)) static) \
	RB_GENERATE_INTERNAL(name, queue_msg, field, cmp, \
	    __attribute__((__unused__)) static)
TREE(flow_id, by_id, flow_by_id)
TREE(flow_sub, by_sub, flow_by_sub)
TREE(flow_due, by_due, flow_by_due)

#define CMP(a, b)	((a) < (b) ? -1 : (a) > (b))

static int
flow_by_id(const struct queue_msg *a, const struct queue_msg *b)
{
	return CMP(a->id, b->id);
}

static int
flow_by_sub(const struct queue_msg *a, const struct queue_msg *b)
{
	if (a->account != b->account)
		return CMP(a->account, b->account);
	if (a->submission != b->submission)
		return CMP(a->submission, b->submission);
	return CMP(a->id, b->id);
}

static int
flow_by_due(const struct queue_msg *a, const struct queue_msg *b)
{
	return a->due != b->due ? CMP(a->due, b->due) : CMP(a->id, b->id);
}

/* --- coming and going --------------------------------------------------- */

void
queue_flow_init(void)
{
	evtimer_set(&flow_ev, flow_fire, NULL);
}

static void
flow_insert(struct queue_msg *m)
{
	RB_INSERT(flow_id, &flow_ids, m);
	RB_INSERT(flow_sub, &flow_subs, m);
	flow_nrcpt += m->nrcpt;
	flow_count(m, 1);
}

static void
flow_count(const struct queue_msg *m, int by)
{
	queue_stats.messages += (uint64_t)by;
	queue_stats.bytes += (uint64_t)by * m->len;
}

void
queue_flow_load(struct queue_msg *m)
{
	struct queue_rcpt	*r;

	flow_insert(m);
	if (m->state == QUEUE_GOING && !(m->flags & QUEUE_M_LEFT))
		m->undo_told = QUEUE_ASK_PENDING + 1;
	/* we ended in the middle of an attempt */
	if (m->flags & QUEUE_M_LEFT)
		m->flags |= QUEUE_M_UNSURE;
	for (r = m->rcpt; r < m->rcpt + m->nrcpt; r++) {
		/* its submission may not have been told before we ended, and
		 * a delivery not been answered */
		if (r->attempts > 0 || r->fate != QUEUE_WAITS)
			r->gen = 1;
		if (r->flags & QUEUE_R_LOCAL)
			r->flags |= QUEUE_R_AGAIN;
	}
}

void
queue_flow_begin(void)
{
	struct queue_msg	*m, *next;

	RB_FOREACH_SAFE(m, flow_id, &flow_ids, next)
		if (m->state == QUEUE_HELD)
			queue_work_ask(m);
		else
			queue_flow_settle(m);
}

void
queue_flow_add(struct queue_msg *m)
{
	flow_insert(m);
	queue_db_dirty(m);
	queue_commit_soon();
	m->undo_told = QUEUE_ASK_PENDING + 1;
}

void
queue_flow_go(struct queue_msg *m)
{
	m->state = QUEUE_GOING;
	m->putter = NULL;
	m->undo_told = QUEUE_ASK_PENDING + 1;
	queue_db_dirty(m);
	queue_commit_soon();
	queue_flow_settle(m);
}

void
queue_flow_drop(struct queue_msg *m)
{
	log_debug("message %llx is dropped", (unsigned long long)m->id);
	flow_end(m);
}

/* Out of all lists; the file forgets it with the next commit. */
static void
flow_end(struct queue_msg *m)
{
	queue_relay_del(m);
	queue_work_forget(m);
	RB_REMOVE(flow_id, &flow_ids, m);
	RB_REMOVE(flow_sub, &flow_subs, m);
	if (m->timed)
		RB_REMOVE(flow_due, &flow_dues, m);
	m->timed = 0;
	flow_nrcpt -= m->nrcpt;
	flow_count(m, -1);
	queue_db_forget(m);
	queue_commit_soon();
}

int
queue_flow_undo(struct queue_msg *m)
{
	if (m->state == QUEUE_UNDONE)
		return 0;
	if (m->flags & QUEUE_M_LEFT)
		return -1;
	m->state = QUEUE_UNDONE;
	m->putter = NULL;
	queue_relay_del(m);
	queue_db_dirty(m);
	queue_commit_soon();
	return 0;
}

struct queue_msg *
queue_flow_find(uint64_t id)
{
	struct queue_msg	 key = { .id = id };

	return RB_FIND(flow_id, &flow_ids, &key);
}

struct queue_msg *
queue_flow_next(uint64_t id)
{
	struct queue_msg	 key = { .id = id };

	return RB_NFIND(flow_id, &flow_ids, &key);
}

struct queue_msg *
queue_flow_sub(uint64_t account, uint64_t submission)
{
	struct queue_msg	 key = { .account = account,
				    .submission = submission };
	struct queue_msg	*m, *last = NULL;

	for (m = RB_NFIND(flow_sub, &flow_subs, &key); m != NULL &&
	    m->account == account && m->submission == submission;
	    m = RB_NEXT(flow_sub, &flow_subs, m))
		last = m;
	return last;
}

struct queue_msg *
queue_flow_sub_prev(const struct queue_msg *m)
{
	struct queue_msg	*prev = RB_PREV(flow_sub, &flow_subs,
				    (struct queue_msg *)(uintptr_t)m);

	return prev != NULL && prev->account == m->account &&
	    prev->submission == m->submission ? prev : NULL;
}

int
queue_flow_room(uint64_t bytes, uint32_t nrcpt)
{
	/* recipients cost memory: as many as 10 a message, on the average */
	return queue_stats.messages < queue_now->queue_messages &&
	    queue_stats.bytes + bytes <= queue_now->queue_size &&
	    flow_nrcpt + nrcpt <= queue_now->queue_messages * 10 +
	    QUEUE_ASK_RCPTS;
}

/* --- time --------------------------------------------------------------- */

/* When to look at it again. */
static int64_t
flow_when(const struct queue_msg *m)
{
	const struct queue_rcpt	*r;
	int64_t			 t, when = INT64_MAX;

	/* nothing leaves that is not on the disk */
	if (m->state != QUEUE_GOING || !m->stored)
		return when;
	for (r = m->rcpt; r < m->rcpt + m->nrcpt; r++) {
		if (r->fate != QUEUE_WAITS || r->busy)
			continue;
		if (m->relaying == 0 || (r->flags & QUEUE_R_LOCAL))
			when = r->next < when ? r->next : when;
		if (m->nbusy == 0 && (t = queue_flow_notice(m, r)) < when)
			when = t;
	}
	return when;
}

/* When its sender is to be told that it takes long; INT64_MAX never. */
int64_t
queue_flow_notice(const struct queue_msg *m, const struct queue_rcpt *r)
{
	/* RFC 3461 4.1: without NOTIFY, it is up to us */
	if (queue_now->queue_delay_notice == 0 || r->attempts == 0 ||
	    (r->flags & QUEUE_R_DELAYED) || (m->flags & QUEUE_M_BOUNCE) ||
	    *m->from == '\0' ||
	    (r->notify != 0 && !(r->notify & MSG_QUEUE_DELAY)))
		return INT64_MAX;
	return (m->hold != 0 ? m->hold : m->created) +
	    (int64_t)queue_now->queue_delay_notice;
}

static void
flow_time(struct queue_msg *m)
{
	if (m->timed)
		RB_REMOVE(flow_due, &flow_dues, m);
	m->due = flow_when(m);
	m->timed = m->due != INT64_MAX;
	if (m->timed)
		RB_INSERT(flow_due, &flow_dues, m);
	flow_arm();
}

/* The wall clock may jump: look at least once a minute. */
static void
flow_arm(void)
{
	struct queue_msg	*m = RB_MIN(flow_due, &flow_dues);
	struct timeval		 tv = { 60, 0 };
	int64_t			 ms;

	if (m == NULL)
		return;
	if ((ms = m->due - date_now()) < 60000) {
		ms = ms < 0 ? 0 : ms;
		tv.tv_sec = ms / 1000;
		tv.tv_usec = ms % 1000 * 1000;
	}
	evtimer_add(&flow_ev, &tv);
}

static void
flow_fire(int fd, short what, void *arg)
{
	struct queue_msg	*m;
	int64_t			 now = date_now();
	int			 n = 0;

	(void)fd;
	(void)what;
	(void)arg;
	while (n++ < FLOW_TURN && (m = RB_MIN(flow_due, &flow_dues)) != NULL &&
	    m->due <= now)
		flow_run(m, now);
	flow_arm();
}

/* Begin what is due. */
static void
flow_run(struct queue_msg *m, int64_t now)
{
	struct queue_rcpt	*r;
	uint32_t		 i;
	int			 relay = 0;

	for (i = 0; i < m->nrcpt; i++) {
		r = &m->rcpt[i];
		if (r->fate != QUEUE_WAITS || r->busy || r->next > now)
			continue;
		if (now >= m->expires)
			flow_fail(m, i, "554 5.4.7 expired");
		else if (r->flags & QUEUE_R_LOCAL)
			queue_work_deliver(m, i);
		else
			relay = 1;
	}
	if (relay)
		queue_relay_add(m);
	queue_flow_settle(m);
}

/* --- attempts ----------------------------------------------------------- */

void
queue_flow_start(struct queue_msg *m, uint32_t i)
{
	m->rcpt[i].busy = 1;
	m->nbusy++;
	if (m->flags & QUEUE_M_LEFT)
		return;
	m->flags |= QUEUE_M_LEFT;
	queue_db_dirty(m);
	queue_commit_soon();
}

void
queue_flow_unstart(struct queue_msg *m, uint32_t i)
{
	if (m->rcpt[i].busy)
		m->nbusy--;
	m->rcpt[i].busy = 0;
}

void
queue_flow_ended(struct queue_msg *m, int unsure)
{
	uint32_t	 i;

	if (unsure)
		m->flags |= QUEUE_M_UNSURE;
	for (i = 0; i < m->nrcpt; i++)
		if (m->rcpt[i].fate != QUEUE_WAITS)
			return;
	if (m->nbusy > 0 || m->flags & QUEUE_M_UNSURE)
		return;
	m->flags &= ~(uint32_t)QUEUE_M_LEFT;
	queue_db_dirty(m);
	queue_commit_soon();
}

/* RFC 8621 7: "final" is for a mail that somebody has, or may have; while an
 * attempt runs that is not known yet, and what was said is not taken back. */
uint32_t
queue_flow_undone(const struct queue_msg *m)
{
	uint32_t	 i;

	if (m->state == QUEUE_UNDONE)
		return QUEUE_ASK_UNDONE;
	for (i = 0; i < m->nrcpt; i++)
		if (m->rcpt[i].fate != QUEUE_WAITS)
			return QUEUE_ASK_FINAL;
	return m->flags & QUEUE_M_UNSURE ? QUEUE_ASK_FINAL :
	    QUEUE_ASK_PENDING;
}

void
queue_flow_result(struct queue_msg *m, uint32_t i, enum queue_class class,
    const char *text)
{
	struct queue_rcpt	*r = &m->rcpt[i];
	int64_t			 now = date_now();

	if (r->busy)
		m->nbusy--;
	r->busy = 0;
	r->attempts++;
	r->gen++;
	queue_msg_set(&r->reply, text);
	if (class == QUEUE_SENT) {
		r->fate = r->flags & QUEUE_R_LOCAL ? QUEUE_DELIVERED :
		    QUEUE_RELAYED;
		if (r->fate == QUEUE_DELIVERED)
			queue_stats.delivered++;
		else
			queue_stats.relayed++;
	} else if (class == QUEUE_PERM)
		flow_fail(m, i, NULL);
	else if (now >= m->expires)
		flow_fail(m, i, "554 5.4.7 expired");
	else {
		r->next = now + queue_time_wait(r->attempts,
		    (int64_t)queue_now->queue_retry,
		    (int64_t)queue_now->queue_retry_max, arc4random());
		if (r->next > m->expires)
			r->next = m->expires;
		queue_stats.retries++;
		/* a worker may have ended between storing and saying so */
		if (r->flags & QUEUE_R_LOCAL)
			m->flags |= QUEUE_M_UNSURE;
	}
	flow_log(m, r);
	queue_db_dirty_rcpt(m, i);
	queue_commit_soon();
}

/* For good; why comes before the last reply. */
static void
flow_fail(struct queue_msg *m, uint32_t i, const char *why)
{
	struct queue_rcpt	*r = &m->rcpt[i];
	char			 text[QUEUE_ASK_TEXT];

	if (why != NULL) {
		(void)snprintf(text, sizeof(text), "%s%s%s", why,
		    *r->reply != '\0' ? "; last: " : "", r->reply);
		queue_msg_set(&r->reply, text);
		r->flags &= (uint8_t)~QUEUE_R_SPOKEN;
	}
	r->fate = QUEUE_FAILED;
	r->gen++;
	queue_stats.failed++;
	queue_db_dirty_rcpt(m, i);
	queue_commit_soon();
}

static void
flow_log(const struct queue_msg *m, const struct queue_rcpt *r)
{
	static const char *const	 fates[QUEUE_FATES] = {
		"deferred", "delivered", "relayed", "failed"
	};
	char	 to[QUEUE_ASK_ADDRESS * 4];

	strlcpy(to, r->account != 0 ? "the sender" :
	    log_vis(r->address, strlen(r->address)), sizeof(to));
	log_info("queue: %llx to %s %s: %s", (unsigned long long)m->id, to,
	    fates[r->fate], log_vis(r->reply, strlen(r->reply)));
}

/* --- what next ---------------------------------------------------------- */

/* Nothing waits for anybody. */
static int
flow_over(const struct queue_msg *m)
{
	uint32_t	 i;

	if (m->nbusy > 0 || m->job != NULL || m->relaying == 2)
		return 0;
	for (i = 0; m->state == QUEUE_GOING && i < m->nrcpt; i++)
		if (m->rcpt[i].fate == QUEUE_WAITS)
			return 0;
	return flow_told(m);
}

/* The submission knows all there is to know. */
static int
flow_told(const struct queue_msg *m)
{
	uint32_t	 i;

	if (m->submission == 0)
		return 1;
	if (m->undo_told != queue_flow_undone(m) + 1)
		return 0;
	for (i = 0; i < m->nrcpt; i++)
		if (m->rcpt[i].gen != m->rcpt[i].told)
			return 0;
	return 1;
}

void
queue_flow_settle(struct queue_msg *m)
{
	if (m->state == QUEUE_HELD)
		return;
	if (m->state == QUEUE_GOING && m->nbusy == 0)
		queue_bounce_due(m);
	if (flow_over(m)) {
		flow_end(m);
		return;
	}
	if (!flow_told(m) && m->job == NULL)
		queue_work_tell(m);
	flow_time(m);
}

/* --- jmapctl ------------------------------------------------------------ */

void
queue_flow_stop(struct queue_msg *m)
{
	uint32_t	 i;

	if (queue_flow_undo(m) == 0) {
		queue_flow_settle(m);
		return;
	}
	for (i = 0; i < m->nrcpt; i++)
		if (m->rcpt[i].fate == QUEUE_WAITS && !m->rcpt[i].busy)
			flow_fail(m, i, "554 5.7.0 canceled by the "
			    "administrator");
	queue_relay_del(m);
	queue_flow_settle(m);
}

void
queue_flow_retry(struct queue_msg *m)
{
	struct queue_rcpt	*r;
	int64_t			 now = date_now();

	for (r = m->rcpt; r < m->rcpt + m->nrcpt; r++)
		if (r->fate == QUEUE_WAITS && !r->busy && r->attempts > 0 &&
		    r->next > now)
			r->next = now;
	queue_flow_settle(m);
}
