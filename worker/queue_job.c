/* SPDX-License-Identifier: ISC */
/*
 * Work of the queue process, in a worker: see queue_job.h.  Delivery is that
 * of LMTP (lmtp_deliver.c); what is about submissions goes to the hooks of
 * queue_ask.h.  Each piece blocks for one commit.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cur.h"
#include "common/log.h"
#include "common/proc.h"
#include "common/queue_ask.h"
#include "worker/lmtp/lmtp_deliver.h"
#include "worker/queue_job.h"

#define JOB_HEAD	1024	/* more than the field we put before a mail */
#define JOB_STATUS	1024	/* recipients of one status */

static struct proc_peer	 job_peer;
static struct buf	 job_msg;	/* of the delivery under way */
static struct msg_queue_deliver	 job_head;
static uint32_t		 job_id;
static uint64_t		 job_left;	/* bytes still to come */
static uint64_t		 job_asked;	/* bytes asked for so far */

static void	 job_gone(struct proc_peer *);
static void	 job_ask(struct proc_peer *, struct msg *);
static void	 job_deliver(struct proc_peer *, struct msg *);
static void	 job_data(struct proc_peer *, struct msg *);
static void	 job_more(struct proc_peer *);
static void	 job_store(struct proc_peer *);
static void	 job_status(struct proc_peer *, struct msg *);
static void	 job_is(struct proc_peer *, uint32_t, enum queue_ask_is,
		    const char *);

static proc_fn *const	 job_handlers[MSG_MAX] = {
	[MSG_QUEUE_ASK]		= job_ask,
	[MSG_QUEUE_DELIVER]	= job_deliver,
	[MSG_QUEUE_DATA]	= job_data,
	[MSG_QUEUE_STATUS]	= job_status,
};

void
queue_job_open(int fd)
{
	/* a new queue before we saw the end of the one before */
	proc_close(&job_peer);
	job_gone(&job_peer);
	proc_open(&job_peer, PROC_QUEUE, 0, fd, job_handlers, job_gone, NULL);
}

static void
job_gone(struct proc_peer *p)
{
	(void)p;
	buf_free(&job_msg);
	job_left = 0;
}

static void
job_is(struct proc_peer *p, uint32_t id, enum queue_ask_is is,
    const char *text)
{
	struct msg_queue_is	 h = { is, 0 };

	proc_send(p, MSG_QUEUE_IS, id, -1, &h, text, strlen(text));
}

static void
job_ask(struct proc_peer *p, struct msg *m)
{
	const struct msg_queue_sub	*h = m->fixed;

	/* without anybody who knows, it must not be dropped */
	job_is(p, m->id, queue_ask_hooks.has == NULL ? QUEUE_ASK_IS_LATER :
	    queue_ask_hooks.has(h->account, h->submission), "");
}

/* --- delivery ------------------------------------------------------------ */

static void
job_deliver(struct proc_peer *p, struct msg *m)
{
	if (job_left != 0 || m->tail_len == 0 ||
	    memchr(m->tail, '\0', m->tail_len) != m->tail + m->tail_len - 1 ||
	    m->tail_len > QUEUE_ASK_ADDRESS)
		fatalx("a delivery that is none");
	memcpy(&job_head, m->fixed, sizeof(job_head));
	job_id = m->id;
	job_left = job_head.size;
	job_asked = 0;
	buf_init(&job_msg, job_head.size + JOB_HEAD);
	/* RFC 5321 4.4: by who makes the final delivery */
	buf_addf(&job_msg, "Return-Path: <%s>\r\n", (const char *)m->tail);
	job_more(p);
}

/* The next window, or all is here. */
static void
job_more(struct proc_peer *p)
{
	struct msg_queue_more	 more = { job_asked };

	if (job_left == 0) {
		job_store(p);
		return;
	}
	if (job_head.size - job_left < job_asked)
		return;
	job_asked += MSG_QUEUE_WINDOW;
	proc_send(p, MSG_QUEUE_MORE, job_id, -1, &more, NULL, 0);
}

static void
job_data(struct proc_peer *p, struct msg *m)
{
	if (m->id != job_id || m->tail_len > job_left)
		fatalx("bytes of a message that is longer than was said");
	buf_add(&job_msg, m->tail, m->tail_len);
	job_left -= m->tail_len;
	job_more(p);
}

static void
job_store(struct proc_peer *p)
{
	static const struct job_result {
		enum queue_ask_is	 is;
		const char		*text;
	} results[LMTP_RESULTS] = {
		[LMTP_STORED] = { QUEUE_ASK_IS_DONE, "250 2.1.5 delivered" },
		[LMTP_OVERQUOTA] = { QUEUE_ASK_IS_LATER,
		    "452 4.2.2 the mailbox is full" },
		[LMTP_NOSPACE] = { QUEUE_ASK_IS_LATER,
		    "452 4.3.1 no space on the disk" },
		[LMTP_LATER] = { QUEUE_ASK_IS_LATER,
		    "451 4.3.0 the mailbox cannot be written now" },
	};
	struct lmtp_deliver	 d;
	enum lmtp_result	 r = LMTP_LATER;

	if (!buf_bad(&job_msg)) {
		lmtp_deliver_init(&d, job_msg.data, job_msg.len,
		    job_head.received);
		d.again = job_head.again != 0;
		r = lmtp_deliver(&d, job_head.account, job_head.quota);
		lmtp_deliver_free(&d);
	}
	buf_free(&job_msg);
	job_is(p, job_id, results[r].is, results[r].text);
}

/* --- the fate of a submission -------------------------------------------- */

static void
job_status(struct proc_peer *p, struct msg *m)
{
	static struct queue_ask_status_rcpt	 rcpts[JOB_STATUS];
	const struct msg_queue_status		*h = m->fixed;
	struct queue_ask_status			 s;
	struct cur				 c;
	uint32_t				 i;

	if (h->nrcpt > nitems(rcpts) || h->undo > QUEUE_ASK_UNDONE)
		fatalx("a status that is none");
	cur_init(&c, m->tail, m->tail_len);
	for (i = 0; i < h->nrcpt; i++) {
		rcpts[i].delivered = cur_u8(&c);
		rcpts[i].address = cur_str(&c);
		rcpts[i].reply = cur_str(&c);
		if (c.bad || rcpts[i].delivered > QUEUE_ASK_UNKNOWN)
			fatalx("a status that is none");
	}
	if (!cur_end(&c))
		fatalx("a status that is none");
	memset(&s, 0, sizeof(s));
	s.account = h->account;
	s.submission = h->submission;
	s.undo = h->undo;
	s.rcpt = rcpts;
	s.nrcpt = h->nrcpt;
	job_is(p, m->id, queue_ask_hooks.status == NULL ? QUEUE_ASK_IS_LATER :
	    queue_ask_hooks.status(&s), "");
}
