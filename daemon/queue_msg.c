/* SPDX-License-Identifier: ISC */
/* A message in the queue: see queue_msg.h.  Called by all of daemon/queue*. */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/cur.h"
#include "common/msg.h"
#include "common/queue_ask.h"
#include "daemon/queue_msg.h"

#define MSG_VERSION	1	/* of both records */

static char	*msg_str(struct cur *);

struct queue_msg *
queue_msg_new(uint32_t nrcpt)
{
	struct queue_msg	*m;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return NULL;
	if ((m->rcpt = calloc(nrcpt, sizeof(*m->rcpt))) == NULL) {
		free(m);
		return NULL;
	}
	m->nrcpt = nrcpt;
	m->due = INT64_MAX;
	buf_init(&m->content, SIZE_MAX);
	return m;
}

void
queue_msg_free(struct queue_msg *m)
{
	uint32_t	 i;

	if (m == NULL)
		return;
	for (i = 0; i < m->nrcpt; i++) {
		free(m->rcpt[i].address);
		free(m->rcpt[i].orcpt);
		free(m->rcpt[i].reply);
	}
	free(m->rcpt);
	free(m->from);
	free(m->envid);
	buf_free(&m->content);
	free(m);
}

int
queue_msg_set(char **to, const char *s)
{
	char	*copy;

	if (*to != NULL && strcmp(*to, s) == 0)
		return 0;
	if ((copy = strdup(s)) == NULL)
		return -1;
	free(*to);
	*to = copy;
	return 0;
}

/* --- records ------------------------------------------------------------ */

void
queue_msg_put(struct buf *b, const struct queue_msg *m)
{
	buf_addc(b, MSG_VERSION);
	buf_addc(b, m->state);
	buf_be64(b, m->account);
	buf_be64(b, m->submission);
	buf_be64(b, (uint64_t)m->created);
	buf_be64(b, (uint64_t)m->hold);
	buf_be64(b, (uint64_t)m->expires);
	buf_be64(b, m->len);
	buf_be64(b, m->size);
	buf_be32(b, m->flags);
	buf_be32(b, (uint32_t)m->priority);
	buf_be32(b, m->nrcpt);
	buf_add(b, m->from, strlen(m->from) + 1);
	buf_add(b, m->envid, strlen(m->envid) + 1);
}

void
queue_msg_put_rcpt(struct buf *b, const struct queue_rcpt *r)
{
	buf_addc(b, MSG_VERSION);
	buf_addc(b, r->fate);
	buf_addc(b, r->flags);
	buf_be64(b, r->account);
	buf_be64(b, (uint64_t)r->next);
	buf_be32(b, r->attempts);
	buf_be32(b, r->notify);
	buf_add(b, r->address, strlen(r->address) + 1);
	buf_add(b, r->orcpt, strlen(r->orcpt) + 1);
	buf_add(b, r->reply, strlen(r->reply) + 1);
}

static char *
msg_str(struct cur *c)
{
	const char	*s = cur_str(c);

	return s == NULL ? NULL : strdup(s);
}

struct queue_msg *
queue_msg_get(uint64_t id, struct slice v)
{
	struct queue_msg	 h, *m;
	struct cur		 c;

	memset(&h, 0, sizeof(h));
	cur_init(&c, v.p, v.n);
	if (cur_u8(&c) != MSG_VERSION)
		return NULL;
	h.state = cur_u8(&c);
	h.account = cur_be64(&c);
	h.submission = cur_be64(&c);
	h.created = (int64_t)cur_be64(&c);
	h.hold = (int64_t)cur_be64(&c);
	h.expires = (int64_t)cur_be64(&c);
	h.len = cur_be64(&c);
	h.size = cur_be64(&c);
	h.flags = cur_be32(&c);
	h.priority = (int32_t)cur_be32(&c);
	h.nrcpt = cur_be32(&c);
	if (c.bad || h.state > QUEUE_UNDONE || h.nrcpt == 0 ||
	    h.nrcpt > QUEUE_ASK_RCPTS || (m = queue_msg_new(h.nrcpt)) == NULL)
		return NULL;
	h.rcpt = m->rcpt;
	h.due = m->due;
	h.content = m->content;
	*m = h;
	m->id = id;
	m->from = msg_str(&c);
	m->envid = msg_str(&c);
	if (cur_end(&c) && m->from != NULL && m->envid != NULL)
		return m;
	queue_msg_free(m);
	return NULL;
}

int
queue_msg_get_rcpt(struct queue_msg *m, uint32_t i, struct slice v)
{
	struct queue_rcpt	*r;
	struct cur		 c;

	cur_init(&c, v.p, v.n);
	if (i >= m->nrcpt || m->rcpt[i].address != NULL ||
	    cur_u8(&c) != MSG_VERSION)
		return -1;
	r = &m->rcpt[i];
	r->fate = cur_u8(&c);
	r->flags = cur_u8(&c);
	r->account = cur_be64(&c);
	r->next = (int64_t)cur_be64(&c);
	r->attempts = cur_be32(&c);
	r->notify = cur_be32(&c);
	r->address = msg_str(&c);
	r->orcpt = msg_str(&c);
	r->reply = msg_str(&c);
	return cur_end(&c) && r->fate < QUEUE_FATES && r->address != NULL &&
	    r->orcpt != NULL && r->reply != NULL ? 0 : -1;
}
