/* SPDX-License-Identifier: ISC */
/* Delivery status notifications: see queue_dsn.h.  Called by
 * queue_bounce.c. */
#include "common/compat.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "common/msg.h"
#include "daemon/queue_dsn.h"

#define DSN_FIELD	900	/* bytes of a field that is passed on */

static const struct dsn_words {
	const char	*subject;
	const char	*text;
} dsn_words[QUEUE_DSN_KINDS] = {
	[QUEUE_DSN_FAILED] = { "Undelivered mail",
	    "Your mail could not be delivered to the recipients below, and\r\n"
	    "it will not be tried again.  What was said about each:\r\n" },
	[QUEUE_DSN_DELAYED] = { "Mail is delayed",
	    "Your mail has not been delivered yet to the recipients below.\r\n"
	    "THERE IS NOTHING YOU NEED DO: it is tried again until %s.\r\n"
	    "What was said about each at last:\r\n" },
	[QUEUE_DSN_SUCCESS] = { "Mail was delivered",
	    "Your mail has been delivered, or passed on to a system that\r\n"
	    "does not confirm delivery:\r\n" },
};

static int	 dsn_utf8(const struct queue_dsn *);
static void	 dsn_head(const struct queue_dsn *, struct buf *,
		    const char *, int);
static void	 dsn_text(const struct queue_dsn *, struct buf *);
static void	 dsn_report(const struct queue_dsn *, struct buf *, int);
static void	 dsn_released(const struct queue_msg *, struct buf *);
static void	 dsn_rcpt(const struct queue_dsn *, struct buf *,
		    const struct queue_rcpt *, int);
static const char	*dsn_action(const struct queue_dsn *,
		    const struct queue_rcpt *);
static size_t	 dsn_digits(const char *, size_t);
static void	 dsn_original(const struct queue_dsn *, struct buf *, int);
static int	 dsn_8bit(const void *, size_t);

static int
dsn_8bit(const void *p, size_t n)
{
	const uint8_t	*s = p;

	for (; n > 0; n--)
		if (*s++ > 127)
			return 1;
	return 0;
}

/* RFC 6533: is a form with UTF-8 needed? */
static int
dsn_utf8(const struct queue_dsn *d)
{
	const struct queue_rcpt	*r;
	uint32_t		 i;

	if (dsn_8bit(d->msg->from, strlen(d->msg->from)))
		return 1;
	for (i = 0; i < d->msg->nrcpt; i++) {
		r = &d->msg->rcpt[i];
		if (d->which[i] && (dsn_8bit(r->address, strlen(r->address)) ||
		    dsn_8bit(r->orcpt, strlen(r->orcpt))))
			return 1;
	}
	return 0;
}

int
queue_dsn_build(const struct queue_dsn *d, struct buf *b)
{
	char	 mark[64];
	int	 utf8 = dsn_utf8(d);

	/* nobody can have written it into the mail before */
	(void)snprintf(mark, sizeof(mark), "=_%llx.%08x%08x",
	    (unsigned long long)d->id, arc4random(), arc4random());
	dsn_head(d, b, mark, utf8);
	buf_addf(b, "--%s\r\n", mark);
	dsn_text(d, b);
	buf_addf(b, "\r\n--%s\r\n", mark);
	dsn_report(d, b, utf8);
	buf_addf(b, "\r\n--%s\r\n", mark);
	dsn_original(d, b, utf8);
	buf_addf(b, "\r\n--%s--\r\n", mark);
	return buf_bad(b) ? -1 : 0;
}

static void
dsn_head(const struct queue_dsn *d, struct buf *b, const char *mark, int utf8)
{
	struct slice	 id;
	char		 date[DATE_LEN];

	date_mail(d->now, 0, date);
	buf_addf(b, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n"
	    "To: <%s>\r\nSubject: %s\r\nDate: %s\r\n"
	    "Message-ID: <%llx@%s>\r\n", d->host, d->msg->from,
	    dsn_words[d->kind].subject, date, (unsigned long long)d->id,
	    d->host);
	id = queue_dsn_field(d->original, "message-id");
	if (id.n > 2 && *(const char *)id.p == '<' &&
	    !dsn_8bit(id.p, id.n))
		buf_addf(b, "In-Reply-To: %.*s\r\nReferences: %.*s\r\n",
		    (int)id.n, (const char *)id.p, (int)id.n,
		    (const char *)id.p);
	/* RFC 3834 5: nobody's program shall answer it */
	buf_addf(b, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=%sdelivery-status;"
	    "\r\n\tboundary=\"%s\"\r\n\r\n", utf8 ? "global-" : "", mark);
}

/* For people. */
static void
dsn_text(const struct queue_dsn *d, struct buf *b)
{
	struct slice	 subject = queue_dsn_field(d->original, "subject");
	char		 until[DATE_LEN];
	uint32_t	 i;

	date_mail(d->msg->expires, 0, until);
	buf_addf(b, "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n"
	    "This is the mail server %s.\r\n\r\n", d->host);
	if (d->kind == QUEUE_DSN_DELAYED)
		buf_addf(b, dsn_words[QUEUE_DSN_DELAYED].text, until);
	else
		buf_adds(b, dsn_words[d->kind].text);
	for (i = 0; i < d->msg->nrcpt; i++)
		if (d->which[i])
			buf_addf(b, "\r\n<%s>\r\n    %s\r\n",
			    d->msg->rcpt[i].address, d->msg->rcpt[i].reply);
	/* an encoded word is left to the part that follows */
	if (subject.n > 0 && memmem(subject.p, subject.n, "=?", 2) == NULL &&
	    !dsn_8bit(subject.p, subject.n))
		buf_addf(b, "\r\nIts subject: %.*s\r\n", (int)subject.n,
		    (const char *)subject.p);
}

/* --- for programs: RFC 3464 2 ------------------------------------------- */

static void
dsn_report(const struct queue_dsn *d, struct buf *b, int utf8)
{
	const struct queue_msg	*m = d->msg;
	char			 date[DATE_LEN];
	uint32_t		 i;

	date_mail(m->created, 0, date);
	buf_addf(b, "Content-Type: message/%sdelivery-status\r\n%s\r\n",
	    utf8 ? "global-" : "",
	    utf8 ? "Content-Transfer-Encoding: 8bit\r\n" : "");
	if (*m->envid != '\0')
		buf_addf(b, "Original-Envelope-Id: %s\r\n", m->envid);
	buf_addf(b, "Reporting-MTA: dns; %s\r\nArrival-Date: %s\r\n", d->host,
	    date);
	if (m->hold != 0)
		dsn_released(m, b);
	for (i = 0; i < m->nrcpt; i++)
		if (d->which[i])
			dsn_rcpt(d, b, &m->rcpt[i], utf8);
}

/* RFC 4865 5.1.2: what was asked for.  An interval began where the mail was
 * submitted, a moment before it came here. */
static void
dsn_released(const struct queue_msg *m, struct buf *b)
{
	char	 date[DATE_LEN];

	date_utc(m->hold, date);
	if (m->flags & MSG_QUEUE_HOLDFOR)
		buf_addf(b, "Future-Release-Request: for;%lld\r\n",
		    (long long)(m->hold - m->created + 500) / 1000);
	else
		buf_addf(b, "Future-Release-Request: until;%s\r\n", date);
}

static void
dsn_rcpt(const struct queue_dsn *d, struct buf *b, const struct queue_rcpt *r,
    int utf8)
{
	char	 status[12], date[DATE_LEN];

	queue_dsn_status(r->reply, status);
	buf_adds(b, "\r\n");
	/* orcpt has its type: "rfc822;somebody@example.org" */
	if (*r->orcpt != '\0')
		buf_addf(b, "Original-Recipient: %s\r\n", r->orcpt);
	buf_addf(b, "Final-Recipient: %s; %s\r\nAction: %s\r\nStatus: %s\r\n",
	    utf8 && dsn_8bit(r->address, strlen(r->address)) ? "utf-8" :
	    "rfc822", r->address, dsn_action(d, r), status);
	if ((r->flags & QUEUE_R_SPOKEN) && *d->relay != '\0')
		buf_addf(b, "Remote-MTA: dns; %s\r\n", d->relay);
	if (*r->reply != '\0')
		buf_addf(b, "Diagnostic-Code: smtp; %s\r\n", r->reply);
	date_mail(d->now, 0, date);
	buf_addf(b, "Last-Attempt-Date: %s\r\n", date);
	if (d->kind == QUEUE_DSN_DELAYED) {
		date_mail(d->msg->expires, 0, date);
		buf_addf(b, "Will-Retry-Until: %s\r\n", date);
	}
}

static const char *
dsn_action(const struct queue_dsn *d, const struct queue_rcpt *r)
{
	if (d->kind != QUEUE_DSN_SUCCESS)
		return d->kind == QUEUE_DSN_FAILED ? "failed" : "delayed";
	return r->fate == QUEUE_DELIVERED ? "delivered" : "relayed";
}

/* Digits of a number of RFC 3463 2: at most max of them; 0: none. */
static size_t
dsn_digits(const char *p, size_t max)
{
	size_t	 n = strspn(p, "0123456789");

	return n <= max ? n : 0;
}

void
queue_dsn_status(const char *reply, char out[12])
{
	const char	*p = reply;
	size_t		 a, b = 0;

	if (strlen(p) > 4 && p[3] == ' ')
		p += 4;
	if (strchr("245", *p) != NULL && *p != '\0' && p[1] == '.' &&
	    (a = dsn_digits(p + 2, 3)) > 0 && p[2 + a] == '.' &&
	    (b = dsn_digits(p + 3 + a, 3)) > 0 &&
	    (p[3 + a + b] == ' ' || p[3 + a + b] == '\0'))
		(void)snprintf(out, 12, "%.*s", (int)(3 + a + b), p);
	else
		(void)snprintf(out, 12, "%c.0.0", reply[0] == '2' ||
		    reply[0] == '4' ? reply[0] : '5');
}

/* --- the mail itself ---------------------------------------------------- */

static void
dsn_original(const struct queue_dsn *d, struct buf *b, int utf8)
{
	const char	*bits;

	/* RFC 6533 3: an 8-bit head is message/global-headers */
	bits = dsn_8bit(d->original.p, d->original.n) ?
	    "Content-Transfer-Encoding: 8bit\r\n" : "";
	if (d->full)
		buf_addf(b, "Content-Type: message/%s\r\n%s\r\n",
		    utf8 ? "global" : "rfc822", bits);
	else
		buf_addf(b, "Content-Type: %s\r\n%s\r\n", utf8 ?
		    "message/global-headers" : "text/rfc822-headers", bits);
	buf_add(b, d->original.p, d->original.n);
}

size_t
queue_dsn_head(const void *p, size_t n)
{
	const char	*s = p;
	size_t		 i;

	/* lines may end in LF alone */
	for (i = 0; i < n; i++) {
		if (s[i] != '\n')
			continue;
		if (i + 1 < n && s[i + 1] == '\n')
			return i + 1;
		if (i + 2 < n && s[i + 1] == '\r' && s[i + 2] == '\n')
			return i + 1;
	}
	return n;
}

struct slice
queue_dsn_field(struct slice head, const char *name)
{
	const char	*s = head.p, *end = s + queue_dsn_head(s, head.n);
	const char	*nl, *last;
	size_t		 n = strlen(name);

	for (; s < end; s = nl + 1) {
		if ((nl = memchr(s, '\n', (size_t)(end - s))) == NULL)
			nl = end - 1;
		if ((size_t)(nl - s) <= n || strncasecmp(s, name, n) != 0 ||
		    s[n] != ':')
			continue;
		s += n + 1;
		last = nl + 1;
		while (s < last && isspace((unsigned char)*s))
			s++;
		while (last > s && isspace((unsigned char)last[-1]))
			last--;
		/* folded further, or with what must not be in a field */
		for (n = 0; s + n < last && (unsigned char)s[n] >= ' ' &&
		    s[n] != 0x7f; n++)
			continue;
		if (n != (size_t)(last - s) || n > DSN_FIELD)
			break;
		return SLICE(s, n);
	}
	return SLICE(NULL, 0);
}
