/* SPDX-License-Identifier: ISC */
/*
 * Whether the sender is told by mail what became of a recipient: RFC 3461
 * 5.2 and 6.  That mail is a message of the queue like others, for the
 * sender's account, made in the commit that says why.  There is none about a
 * notification, or about mail from <>.  Called by queue_flow.c.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "common/log.h"
#include "daemon/queue.h"
#include "daemon/queue_db.h"
#include "daemon/queue_dsn.h"
#include "daemon/queue_host.h"

#define BOUNCE_FULL	(1 << 20)	/* bytes sent back at most */
#define BOUNCE_HEAD	65536		/* of a head */

static int	 bounce_wants(enum queue_dsn_kind, const struct queue_msg *,
		    const struct queue_rcpt *, int64_t);
static void	 bounce_done(struct queue_msg *, int64_t);
static int	 bounce_send(enum queue_dsn_kind, const struct queue_msg *,
		    const uint8_t *, int64_t);
static struct queue_msg	*bounce_new(const struct queue_msg *, int64_t);
static uint8_t	*bounce_original(const struct queue_msg *,
		    struct queue_dsn *);

/* Is this recipient one to tell of in a notification of that kind? */
static int
bounce_wants(enum queue_dsn_kind kind, const struct queue_msg *m,
    const struct queue_rcpt *r, int64_t now)
{
	if (kind == QUEUE_DSN_DELAYED)
		return r->fate == QUEUE_WAITS &&
		    queue_flow_notice(m, r) <= now;
	if (r->flags & QUEUE_R_SAID)
		return 0;
	/* RFC 3461 4.1: FAILURE is what is meant when nothing was said */
	if (kind == QUEUE_DSN_FAILED)
		return r->fate == QUEUE_FAILED &&
		    (r->notify == 0 || (r->notify & MSG_QUEUE_FAILURE));
	return (r->notify & MSG_QUEUE_SUCCESS) &&
	    (r->fate == QUEUE_DELIVERED || (r->fate == QUEUE_RELAYED &&
	    !(r->flags & QUEUE_R_THEIRS)));
}

void
queue_bounce_due(struct queue_msg *m)
{
	uint8_t			*which;
	int64_t			 now = date_now();
	enum queue_dsn_kind	 k;
	uint32_t		 i, n;
	int			 ok = 1;

	if (*m->from == '\0' || (m->flags & QUEUE_M_BOUNCE)) {
		bounce_done(m, now);
		return;
	}
	if ((which = calloc(m->nrcpt, 1)) == NULL)
		return;
	for (k = 0; k < QUEUE_DSN_KINDS; k++) {
		for (i = n = 0; i < m->nrcpt; i++) {
			which[i] = (uint8_t)bounce_wants(k, m, &m->rcpt[i],
			    now);
			n += which[i];
		}
		if (n > 0 && bounce_send(k, m, which, now) == -1)
			ok = 0;
	}
	free(which);
	if (ok)
		bounce_done(m, now);
}

/* What has happened so far has been told, as far as it was due. */
static void
bounce_done(struct queue_msg *m, int64_t now)
{
	struct queue_rcpt	*r;
	uint32_t		 i;
	uint8_t			 flags;

	for (i = 0; i < m->nrcpt; i++) {
		r = &m->rcpt[i];
		flags = r->flags;
		if (r->fate != QUEUE_WAITS)
			flags |= QUEUE_R_SAID;
		else if (queue_flow_notice(m, r) <= now)
			flags |= QUEUE_R_DELAYED;
		if (flags == r->flags)
			continue;
		r->flags = flags;
		queue_db_dirty_rcpt(m, i);
		queue_commit_soon();
	}
}

static int
bounce_send(enum queue_dsn_kind kind, const struct queue_msg *m,
    const uint8_t *which, int64_t now)
{
	struct queue_dsn	 d;
	struct queue_msg	*n;
	char			 host[QUEUE_HOST];
	uint8_t			*text;
	uint16_t		 port;
	int			 ret = -1;

	memset(&d, 0, sizeof(d));
	memset(host, 0, sizeof(host));
	if ((n = bounce_new(m, now)) == NULL)
		return -1;
	d.kind = kind;
	d.msg = m;
	d.which = which;
	d.host = *queue_now->hostname != '\0' ? queue_now->hostname :
	    "localhost";
	if (queue_host(queue_now->queue_relay, queue_now->queue_tls, host,
	    &port) == -1)
		host[0] = '\0';
	d.relay = host;
	d.id = n->id;
	d.now = now;
	text = bounce_original(m, &d);
	if (queue_dsn_build(&d, &n->content) == 0) {
		n->len = n->size = n->content.len;
		queue_stats.bounces++;
		log_info("queue: %llx tells the sender of %llx",
		    (unsigned long long)n->id, (unsigned long long)m->id);
		queue_flow_add(n);
		ret = 0;
	} else
		queue_msg_free(n);
	free(text);
	return ret;
}

static struct queue_msg *
bounce_new(const struct queue_msg *m, int64_t now)
{
	struct queue_msg	*n;
	struct queue_rcpt	*r;

	if ((n = queue_msg_new(1)) == NULL)
		return NULL;
	n->id = queue_new_id();
	n->account = m->account;
	n->created = now;
	n->expires = now + (int64_t)queue_now->queue_expire;
	n->flags = QUEUE_M_BOUNCE | QUEUE_M_LEFT | MSG_QUEUE_8BIT;
	n->priority = m->priority;	/* RFC 6710 4.6 */
	n->state = QUEUE_GOING;
	r = n->rcpt;
	/* not by its address: it may be one that is not here */
	r->account = m->account;
	r->flags = QUEUE_R_LOCAL;
	if (queue_msg_set(&n->from, "") == 0 &&
	    queue_msg_set(&n->envid, "") == 0 &&
	    queue_msg_set(&r->address, m->from) == 0 &&
	    queue_msg_set(&r->orcpt, "") == 0 &&
	    queue_msg_set(&r->reply, "") == 0)
		return n;
	queue_msg_free(n);
	return NULL;
}

/* The mail, or its head: RFC 3461 4.3.  Gives to the caller; may be NULL. */
static uint8_t *
bounce_original(const struct queue_msg *m, struct queue_dsn *d)
{
	uint8_t	*p;
	size_t	 want, n = 0;
	ssize_t	 r;

	d->full = d->kind == QUEUE_DSN_FAILED && m->len <= BOUNCE_FULL &&
	    (m->flags & MSG_QUEUE_RET_FULL);
	want = d->full ? m->len : m->len < BOUNCE_HEAD ? m->len : BOUNCE_HEAD;
	if ((p = malloc(want + 1)) == NULL)
		return NULL;
	while (n < want && (r = queue_db_read(m, n, p + n, want - n)) > 0)
		n += (size_t)r;
	if (n < want)
		d->full = 0;
	d->original = SLICE(p, d->full ? n : queue_dsn_head(p, n));
	return p;
}
