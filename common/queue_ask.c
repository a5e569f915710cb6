/* SPDX-License-Identifier: ISC */
/*
 * A worker's calls of the queue process: see queue_ask.h.  They have a pipe of
 * their own, so that the synchronous wait meets no work of the queue.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cur.h"
#include "common/log.h"
#include "common/proc.h"
#include "common/queue_ask.h"

#define ASK_MS		15000	/* more is broken: a disk, mostly */
#define ASK_CHUNK	60000	/* bytes of a message in one of ours */

struct queue_ask_hooks	 queue_ask_hooks;

static struct proc_peer	 ask_peer;
static uint32_t		 ask_id;

static void	 ask_gone(struct proc_peer *);
static void	 ask_late(struct proc_peer *, struct msg *);
static int	 ask_send(const struct queue_ask_mail *);
static int	 ask_strings(uint32_t, const void *, const char *,
		    const char *);
static int	 ask_data(const uint8_t *, size_t);
static void	 ask_result(struct queue_ask_mail *, const struct msg *,
		    struct queue_ask_put *);
static int	 ask_fail(struct queue_ask_put *, enum queue_ask_err,
		    const char *);

static proc_fn *const	 ask_handlers[MSG_MAX] = {
	[MSG_QUEUED]		= ask_late,
	[MSG_QUEUE_CANCELED]	= ask_late,
};

void
queue_ask_open(uint32_t slot, int fd)
{
	proc_close(&ask_peer);
	proc_open(&ask_peer, PROC_QUEUE, slot, fd, ask_handlers, ask_gone,
	    NULL);
}

int
queue_ask_up(void)
{
	return ask_peer.open;
}

static void
ask_gone(struct proc_peer *p)
{
	(void)p;
	log_warnx("the queue has gone");
}

/* The answer to a call that we gave up. */
static void
ask_late(struct proc_peer *p, struct msg *m)
{
	(void)p;
	log_warnx("%s of the queue came late", msg_name(m->type));
}

int
queue_ask_put(struct queue_ask_mail *q, struct queue_ask_put *r)
{
	struct msg	 m;
	size_t		 i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < q->nrcpt; i++)
		q->rcpt[i].refused = 0;
	if (q->nrcpt == 0)
		return ask_fail(r, QUEUE_ASK_INVALID, "no recipients");
	if (q->nrcpt > QUEUE_ASK_RCPTS)
		return ask_fail(r, QUEUE_ASK_TOOMANY, "too many recipients");
	if (ask_send(q) == -1 || proc_call(&ask_peer, MSG_QUEUE_END, ++ask_id,
	    NULL, NULL, 0, MSG_QUEUED, ASK_MS, &m) == -1) {
		/* it may have it all the same */
		if (q->submission != 0)
			queue_ask_drop(q->account, q->submission);
		return ask_fail(r, QUEUE_ASK_DOWN, "the queue does not answer");
	}
	ask_result(q, &m, r);
	return r->error == QUEUE_ASK_OK ? 0 : -1;
}

static int
ask_fail(struct queue_ask_put *r, enum queue_ask_err e, const char *why)
{
	r->error = e;
	strlcpy(r->text, why, sizeof(r->text));
	return -1;
}

/* All but the end. */
static int
ask_send(const struct queue_ask_mail *q)
{
	struct msg_queue_put	 h;
	struct msg_queue_rcpt	 rh;
	size_t			 i;

	memset(&h, 0, sizeof(h));
	h.account = q->account;
	h.submission = q->submission;
	h.hold = q->hold;
	h.by = q->by;
	h.size = q->len;
	h.nrcpt = (uint32_t)q->nrcpt;
	h.flags = q->flags;
	h.priority = q->priority;
	if (ask_strings(MSG_QUEUE_PUT, &h, q->from, q->envid) == -1)
		return -1;
	for (i = 0; i < q->nrcpt; i++) {
		rh.notify = q->rcpt[i].notify;
		rh.zero = 0;
		if (ask_strings(MSG_QUEUE_RCPT, &rh, q->rcpt[i].address,
		    q->rcpt[i].orcpt) == -1)
			return -1;
	}
	return ask_data(q->msg, q->len);
}

/* A message with two strings, each ended by NUL. */
static int
ask_strings(uint32_t type, const void *fixed, const char *a, const char *b)
{
	struct buf	 t;
	int		 ret = -1;

	buf_init(&t, 4096);
	buf_add(&t, a, strlen(a) + 1);
	buf_add(&t, b == NULL ? "" : b, b == NULL ? 1 : strlen(b) + 1);
	if (!buf_bad(&t))
		ret = proc_send(&ask_peer, type, 0, -1, fixed, t.data, t.len);
	buf_free(&t);
	return ret;
}

static int
ask_data(const uint8_t *p, size_t len)
{
	size_t	 n;

	for (; len > 0; p += n, len -= n) {
		n = len < ASK_CHUNK ? len : ASK_CHUNK;
		if (proc_send(&ask_peer, MSG_QUEUE_DATA, 0, -1, NULL, p, n) ==
		    -1 || proc_flush(&ask_peer, ASK_MS) == -1)
			return -1;
	}
	return 0;
}

static void
ask_result(struct queue_ask_mail *q, const struct msg *m,
    struct queue_ask_put *r)
{
	const struct msg_queued	*h = m->fixed;
	struct cur		 c;
	const char		*why;
	uint32_t		 i, n;

	cur_init(&c, m->tail, m->tail_len);
	for (i = 0; i < h->nrefused; i++) {
		n = cur_be32(&c);
		if (c.bad || n >= q->nrcpt)
			fatalx("the queue refused a recipient that is none");
		q->rcpt[n].refused = 1;
	}
	why = cur_str(&c);
	if (!cur_end(&c) || why == NULL || h->error >= QUEUE_ASK_ERRS)
		fatalx("an answer of the queue that is none");
	r->error = h->error;
	r->id = h->id;
	strlcpy(r->text, why, sizeof(r->text));
}

void
queue_ask_go(uint64_t account, uint64_t submission)
{
	struct msg_queue_sub	 h = { account, submission };

	/* else it asks about all that is held, when it is there again */
	proc_send(&ask_peer, MSG_QUEUE_GO, 0, -1, &h, NULL, 0);
}

void
queue_ask_drop(uint64_t account, uint64_t submission)
{
	struct msg_queue_sub	 h = { account, submission };

	proc_send(&ask_peer, MSG_QUEUE_DROP, 0, -1, &h, NULL, 0);
}

enum queue_ask_cancel
queue_ask_cancel(uint64_t account, uint64_t submission)
{
	static const enum queue_ask_cancel	 is[QUEUE_ASK_IS_MAX] = {
		[QUEUE_ASK_IS_DONE]	= QUEUE_ASK_CANCELED,
		[QUEUE_ASK_IS_NOT]	= QUEUE_ASK_GONE,
		[QUEUE_ASK_IS_LATER]	= QUEUE_ASK_UNSURE,
		[QUEUE_ASK_IS_REFUSED]	= QUEUE_ASK_LATE,
	};
	const struct msg_queue_is	*a;
	struct msg_queue_sub		 h = { account, submission };
	struct msg			 m;

	if (proc_call(&ask_peer, MSG_QUEUE_CANCEL, ++ask_id, &h, NULL, 0,
	    MSG_QUEUE_CANCELED, ASK_MS, &m) == -1)
		return QUEUE_ASK_UNSURE;
	a = m.fixed;
	if (a->result >= nitems(is))
		fatalx("an answer of the queue that is none");
	return is[a->result];
}
