/* SPDX-License-Identifier: ISC */
/* A message on its way into the queue: see queue_in.h.  Called by
 * queue_put.c. */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/cur.h"
#include "common/date.h"
#include "common/utf8.h"
#include "daemon/queue_in.h"

#define IN_MEMORY	(1 << 20)	/* bytes of one message */
#define IN_FLAGS	(MSG_QUEUE_RET_FULL | MSG_QUEUE_RET_HDRS | \
			    MSG_QUEUE_UTF8 | MSG_QUEUE_8BIT | \
			    MSG_QUEUE_HOLDFOR)
#define IN_NOTIFY	(MSG_QUEUE_NEVER | MSG_QUEUE_SUCCESS | \
			    MSG_QUEUE_FAILURE | MSG_QUEUE_DELAY)

static int	 in_strings(const void *, size_t, char **, char **);
static int	 in_text(const char *, size_t);
static int	 in_plain(char *);
static int	 in_address(const char *);
static void	 in_fail(struct queue_in *, enum queue_ask_err, const char *);
static void	 in_check(struct queue_in *, const struct msg_queue_put *,
		    const struct conf *, int64_t);
static void	 in_trace(struct queue_in *, const struct conf *);

/* The first thing that was wrong. */
static void
in_fail(struct queue_in *in, enum queue_ask_err e, const char *why)
{
	if (in->error != QUEUE_ASK_OK)
		return;
	in->error = e;
	in->why = why;
}

/* Exactly two strings; 0, or -1 (no memory is the worker's bad luck). */
static int
in_strings(const void *tail, size_t len, char **a, char **b)
{
	const char	*sa, *sb;
	struct cur	 c;

	cur_init(&c, tail, len);
	sa = cur_str(&c);
	sb = cur_str(&c);
	if (!cur_end(&c))
		return -1;
	*a = strdup(sa);
	*b = strdup(sb);
	return *a == NULL || *b == NULL ? -1 : 0;
}

/* Printable UTF-8 of less than max bytes. */
static int
in_text(const char *s, size_t max)
{
	size_t	 i, n = strlen(s);

	for (i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return 0;
	return n < max && utf8_valid(s, n);
}

/* RFC 3461 4: from xtext, in its place.  0, or -1: it is none. */
static int
in_plain(char *s)
{
	static const char	 hex[] = "0123456789ABCDEF";
	const char		*hi, *lo;
	char			*to = s;

	for (; *s != '\0'; s++) {
		if (*s == '+') {
			if (s[1] == '\0' || s[2] == '\0' ||
			    (hi = strchr(hex, s[1])) == NULL ||
			    (lo = strchr(hex, s[2])) == NULL)
				return -1;
			*to++ = (char)((hi - hex) << 4 | (lo - hex));
			s += 2;
		} else
			*to++ = *s;
	}
	*to = '\0';
	return 0;
}

/* No more than that nothing can break out of brackets: the SMTP client and
 * auth look closer. */
static int
in_address(const char *s)
{
	const char	*at = strrchr(s, '@');

	return in_text(s, QUEUE_ASK_ADDRESS) && at != NULL && at != s &&
	    at[1] != '\0' && strpbrk(s, "<>") == NULL;
}

int
queue_in_put(struct queue_in *in, const struct msg_queue_put *h,
    const void *tail, size_t len, const struct conf *c, uint64_t id,
    int64_t now)
{
	struct queue_msg	*m;

	if (in->m != NULL || h->nrcpt == 0 || h->nrcpt > QUEUE_ASK_RCPTS ||
	    (m = queue_msg_new(h->nrcpt)) == NULL)
		return -1;
	in->m = m;
	in->left = h->size;
	in->next = 0;
	in->error = QUEUE_ASK_OK;
	in->why = "";
	memset(&in->scan, 0, sizeof(in->scan));
	m->id = id;
	m->account = h->account;
	m->submission = h->submission;
	m->created = now;
	m->hold = h->hold > now ? h->hold : 0;
	if (m->hold > now + (int64_t)c->queue_max_hold)
		m->hold = 0;		/* in_check refuses it */
	m->expires = (m->hold != 0 ? m->hold : now) + (int64_t)c->queue_expire;
	if (h->by != 0 && h->by < m->expires)
		m->expires = h->by;
	m->flags = h->flags;
	m->priority = h->priority;
	m->state = QUEUE_HELD;
	if (in_strings(tail, len, &m->from, &m->envid) == -1)
		return -1;
	in_check(in, h, c, now);
	in_trace(in, c);
	return 0;
}

static void
in_check(struct queue_in *in, const struct msg_queue_put *h,
    const struct conf *c, int64_t now)
{
	const struct queue_msg	*m = in->m;

	if (h->size > c->max_message_size)
		in_fail(in, QUEUE_ASK_TOOBIG, "the message is too large");
	if (h->hold > now + (int64_t)c->queue_max_hold)
		in_fail(in, QUEUE_ASK_HOLD, "that is too far in the future");
	if ((h->flags & ~IN_FLAGS) != 0 || h->priority < -9 ||
	    h->priority > 9 || h->hold < 0 || h->by < 0)
		in_fail(in, QUEUE_ASK_INVALID, "a parameter is wrong");
	if (*m->from != '\0' && !in_address(m->from))
		in_fail(in, QUEUE_ASK_INVALID, "the sender is no address");
	if (strlen(m->envid) >= QUEUE_ASK_ENVID ||
	    in_plain(m->envid) == -1 || !in_text(m->envid, QUEUE_ASK_ENVID))
		in_fail(in, QUEUE_ASK_INVALID, "ENVID is wrong");
}

/* RFC 5321 4.4; the client's address is nobody's business. */
static void
in_trace(struct queue_in *in, const struct conf *c)
{
	struct queue_msg	*m = in->m;
	char			 date[DATE_LEN];

	date_mail(m->created, 0, date);
	buf_addf(&m->content, "Received: by %s (jmapd) id %llx;\r\n\t%s\r\n",
	    *c->hostname != '\0' ? c->hostname : "localhost",
	    (unsigned long long)m->id, date);
	m->len = m->content.len;
	smtp_data_scan(&in->scan, m->content.data, m->content.len);
}

int
queue_in_rcpt(struct queue_in *in, const struct msg_queue_rcpt *h,
    const void *tail, size_t len)
{
	struct queue_rcpt	*r;

	if (in->m == NULL || in->next >= in->m->nrcpt)
		return -1;
	r = &in->m->rcpt[in->next++];
	if (in_strings(tail, len, &r->address, &r->orcpt) == -1 ||
	    (r->reply = strdup("")) == NULL)
		return -1;
	r->notify = h->notify;
	r->next = in->m->hold;
	if (!in_address(r->address))
		in_fail(in, QUEUE_ASK_INVALID, "a recipient is no address");
	/* RFC 3461 4.1: NEVER stands alone */
	if ((h->notify & ~IN_NOTIFY) != 0 || ((h->notify & MSG_QUEUE_NEVER) &&
	    h->notify != MSG_QUEUE_NEVER))
		in_fail(in, QUEUE_ASK_INVALID, "NOTIFY is wrong");
	if (strlen(r->orcpt) >= QUEUE_ASK_ORCPT || in_plain(r->orcpt) == -1 ||
	    !in_text(r->orcpt, QUEUE_ASK_ORCPT) || (*r->orcpt != '\0' &&
	    strchr(r->orcpt, ';') == NULL))
		in_fail(in, QUEUE_ASK_INVALID, "ORCPT is wrong");
	return 0;
}

int
queue_in_data(struct queue_in *in, const void *p, size_t n)
{
	struct queue_msg	*m = in->m;

	if (m == NULL || in->next != m->nrcpt || n == 0 || n > in->left)
		return -1;
	in->left -= n;
	m->len += n;
	/* it will be refused: no room for it */
	if (in->error != QUEUE_ASK_OK)
		return 0;
	smtp_data_scan(&in->scan, p, n);
	buf_add(&m->content, p, n);
	if (buf_bad(&m->content) || (buf_left(&m->content) > IN_MEMORY &&
	    in->spill != NULL && in->spill(m) == -1))
		in_fail(in, QUEUE_ASK_FULL, "the queue has no room");
	return 0;
}

int
queue_in_end(struct queue_in *in)
{
	struct queue_msg	*m = in->m;

	if (m == NULL || in->next != m->nrcpt || in->left != 0)
		return -1;
	smtp_data_scan_end(&in->scan);
	m->size = in->scan.size;
	if (in->scan.eightbit)
		m->flags |= MSG_QUEUE_8BIT;
	if (in->scan.utf8)
		m->flags |= MSG_QUEUE_UTF8;
	if (in->scan.nul)
		m->flags |= QUEUE_M_NUL;
	return 0;
}

struct queue_msg *
queue_in_reset(struct queue_in *in)
{
	struct queue_msg	*m = in->m;

	in->m = NULL;
	return m;
}
