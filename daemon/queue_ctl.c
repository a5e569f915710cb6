/* SPDX-License-Identifier: ISC */
/* What jmapctl shows of the queue, and does to it.  Called by queue.c. */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "common/log.h"
#include "common/row.h"
#include "daemon/queue.h"

#define CTL_ROWS	5000	/* of a list; more is for a machine */

static const char	*ctl_list(struct proc_peer *, struct msg *);
static const char	*ctl_show(struct proc_peer *, struct msg *);
static const char	*ctl_retry(struct proc_peer *, struct msg *);
static const char	*ctl_cancel(struct proc_peer *, struct msg *);
static void	 ctl_row(struct proc_peer *, uint32_t, struct buf *);
static const char	*ctl_state(const struct queue_msg *);
static void	 ctl_next(struct buf *, const struct queue_msg *);
static void	 ctl_rcpt(struct buf *, const struct queue_msg *,
		    const struct queue_rcpt *);
static void	 ctl_date(struct buf *, const char *, int64_t);

static const char	 ctl_none[] = "there is no such message in the queue";

void
queue_ctl(struct proc_peer *p, struct msg *m)
{
	static const char	*(*const ops[])(struct proc_peer *,
				    struct msg *) = {
		[MSG_CTL_QUEUE_LIST]	= ctl_list,
		[MSG_CTL_QUEUE_SHOW]	= ctl_show,
		[MSG_CTL_QUEUE_RETRY]	= ctl_retry,
		[MSG_CTL_QUEUE_CANCEL]	= ctl_cancel,
	};
	const struct msg_ctl_queue	*h = m->fixed;
	struct msg_ctl_end		 end = { 0 };
	const char			*why = "no such command";

	if (h->op < nitems(ops))
		why = ops[h->op](p, m);
	end.code = why != NULL;
	proc_send(p, MSG_CTL_END, m->id, -1, &end, why,
	    why == NULL ? 0 : strlen(why));
}

static void
ctl_row(struct proc_peer *p, uint32_t id, struct buf *b)
{
	if (!buf_bad(b))
		proc_send(p, MSG_CTL_ROW, id, -1, NULL, b->data, b->len);
	buf_free(b);
}

static void
ctl_date(struct buf *b, const char *name, int64_t ms)
{
	char	 date[DATE_LEN];

	date_utc(ms / 1000 * 1000, date);
	row_add(b, name, date);
}

/* One word for all of it. */
static const char *
ctl_state(const struct queue_msg *m)
{
	uint32_t	 i;
	int		 waits = 0, tried = 0;

	if (m->state == QUEUE_HELD)
		return "held";
	if (m->state == QUEUE_UNDONE)
		return "canceled";
	if (m->nbusy > 0)
		return "sending";
	for (i = 0; i < m->nrcpt; i++) {
		waits |= m->rcpt[i].fate == QUEUE_WAITS;
		tried |= m->rcpt[i].fate == QUEUE_WAITS &&
		    m->rcpt[i].attempts > 0;
	}
	if (!waits)
		return "done";
	return tried ? "deferred" : m->hold > date_now() ? "later" :
	    "waiting";
}

/* The earliest next attempt. */
static void
ctl_next(struct buf *b, const struct queue_msg *m)
{
	int64_t		 next = INT64_MAX;
	uint32_t	 i;

	for (i = 0; i < m->nrcpt; i++)
		if (m->rcpt[i].fate == QUEUE_WAITS && m->rcpt[i].next < next)
			next = m->rcpt[i].next;
	if (next == INT64_MAX || m->state != QUEUE_GOING || m->nbusy > 0)
		row_add(b, "next", "-");
	else
		ctl_date(b, "next", next > m->created ? next : m->created);
}

static const char *
ctl_list(struct proc_peer *p, struct msg *m)
{
	struct queue_msg	*q;
	struct buf		 b;
	uint32_t		 i, left, n = 0;

	for (q = queue_flow_next(0); q != NULL && n++ < CTL_ROWS;
	    q = queue_flow_next(q->id + 1)) {
		for (i = left = 0; i < q->nrcpt; i++)
			left += q->rcpt[i].fate == QUEUE_WAITS;
		buf_init(&b, ROW_MAX);
		row_addf(&b, "id", "%llx", (unsigned long long)q->id);
		row_add(&b, "state", ctl_state(q));
		ctl_date(&b, "since", q->created);
		ctl_next(&b, q);
		row_addu(&b, "size", q->len);
		row_addu(&b, "recipients", q->nrcpt);
		row_addu(&b, "left", left);
		row_addf(&b, "from", "<%s>", q->from);
		ctl_row(p, m->id, &b);
	}
	return NULL;
}

static void
ctl_rcpt(struct buf *b, const struct queue_msg *m, const struct queue_rcpt *r)
{
	static const char *const	 fates[QUEUE_FATES] = {
		"waiting", "delivered", "relayed", "failed"
	};

	row_addf(b, "id", "%llx", (unsigned long long)m->id);
	row_addf(b, "recipient", "<%s>", r->address);
	row_add(b, "by", r->flags & QUEUE_R_LOCAL ? "delivery" : "relay");
	row_add(b, "fate", m->state == QUEUE_UNDONE ? "canceled" :
	    r->busy ? "sending" : fates[r->fate]);
	row_addu(b, "attempts", r->attempts);
	if (r->fate == QUEUE_WAITS && m->state == QUEUE_GOING)
		ctl_date(b, "next", r->next > m->created ? r->next :
		    m->created);
	else
		row_add(b, "next", "-");
	ctl_date(b, "expires", m->expires);
	row_add(b, "reply", r->reply);
}

static const char *
ctl_show(struct proc_peer *p, struct msg *m)
{
	const struct msg_ctl_queue	*h = m->fixed;
	const struct queue_msg		*q;
	struct buf			 b;
	uint32_t			 i;

	if ((q = queue_flow_find(h->id)) == NULL)
		return ctl_none;
	for (i = 0; i < q->nrcpt; i++) {
		buf_init(&b, ROW_MAX);
		ctl_rcpt(&b, q, &q->rcpt[i]);
		ctl_row(p, m->id, &b);
	}
	return NULL;
}

static const char *
ctl_retry(struct proc_peer *p, struct msg *m)
{
	const struct msg_ctl_queue	*h = m->fixed;
	struct queue_msg		*q;
	uint64_t			 id;

	(void)p;
	if (h->id != 0) {
		if ((q = queue_flow_find(h->id)) == NULL)
			return ctl_none;
		queue_flow_retry(q);
		return NULL;
	}
	for (q = queue_flow_next(0); q != NULL; q = queue_flow_next(id + 1)) {
		id = q->id;
		queue_flow_retry(q);
	}
	return NULL;
}

static const char *
ctl_cancel(struct proc_peer *p, struct msg *m)
{
	const struct msg_ctl_queue	*h = m->fixed;
	struct queue_msg		*q;

	(void)p;
	if ((q = queue_flow_find(h->id)) == NULL)
		return ctl_none;
	log_info("queue: %llx is canceled by the administrator",
	    (unsigned long long)q->id);
	queue_flow_stop(q);
	return NULL;
}

void
queue_ctl_show(struct proc_peer *p, struct msg *m)
{
	struct msg_ctl_end	 end = { 0 };
	struct buf		 b;

	buf_init(&b, ROW_MAX);
	row_add(&b, "process", "queue");
	row_addu(&b, "pid", (uint64_t)getpid());
	row_addf(&b, "detail", "%llu messages, %llu bytes, %zu connections, "
	    "%llu sent, %llu failed",
	    (unsigned long long)queue_stats.messages,
	    (unsigned long long)queue_stats.bytes, queue_relay_conns(),
	    (unsigned long long)(queue_stats.delivered + queue_stats.relayed),
	    (unsigned long long)queue_stats.failed);
	ctl_row(p, m->id, &b);
	proc_send(p, MSG_CTL_END, m->id, -1, &end, NULL, 0);
}
