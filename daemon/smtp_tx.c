/* SPDX-License-Identifier: ISC */
/*
 * One transaction of the SMTP client, see smtp_tx.h: RFC 5321 3.3, 4.1.1.2 to
 * 4.1.1.4; 2920 (pipelining), 1870 (SIZE), 6152 (8BITMIME), 6531 (SMTPUTF8),
 * 3461 (DSN).
 *
 * Commands and answers are counted: 0 is MAIL, then the recipients that were
 * not refused here, then DATA (RFC 2920 3.1: correlate by counting).  A
 * recipient's result: SMTP_NONE until its answer, SMTP_SENT provisionally
 * when it was accepted, final when smtp_tx_done is called.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "daemon/smtp_addr.h"
#include "daemon/smtp_client.h"
#include "daemon/smtp_tx.h"

#define SMTP_TX_ROOM	4096		/* out has room for any command */
#define SMTP_TX_AHEAD	(64 * 1024)	/* bytes of message in out, about */
#define SMTP_TX_READ	(16 * 1024)	/* bytes read at once */
#define SMTP_TX_ENVID	100		/* RFC 3461 4.4 */

static int	smtp_tx_needs(struct smtp_client *, struct smtp_result *);
static int	smtp_tx_addresses(struct smtp_client *);
static void	smtp_tx_push(struct smtp_client *);
static void	smtp_tx_mail(struct smtp_client *);
static void	smtp_tx_rcpt(struct smtp_client *, const struct smtp_rcpt *);
static void	smtp_tx_got_mail(struct smtp_client *);
static void	smtp_tx_got_rcpt(struct smtp_client *);
static void	smtp_tx_got_data(struct smtp_client *);
static void	smtp_tx_judge(struct smtp_client *, const struct smtp_result *);
static void	smtp_tx_done(struct smtp_client *, int);
static void	smtp_tx_give(struct smtp_client *);
static size_t	smtp_tx_open(const struct smtp_client *, size_t);

/* --- before a byte is sent ----------------------------------------------- */

void
smtp_tx_begin(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;
	struct smtp_result	 res;
	size_t			 i;

	c->sent = c->got = c->rcpts = c->tx = c->rx = c->accepted = 0;
	c->refused = 0;
	c->utf8 = m->utf8;
	c->off = 0;
	memset(&c->data, 0, sizeof(c->data));
	m->unsure = m->untried = m->dsn = 0;
	memset(&m->final, 0, sizeof(m->final));
	for (i = 0; i < m->nrcpts; i++)
		memset(&m->rcpts[i].result, 0, sizeof(m->rcpts[i].result));
	if (smtp_tx_needs(c, &res) == -1 || smtp_tx_addresses(c) == -1) {
		if (res.class != SMTP_NONE)
			smtp_tx_judge(c, &res);
		smtp_tx_done(c, 0);
		return;
	}
	c->mails++;
	smtp_client_state(c, SMTP_ENVELOPE);
	smtp_tx_push(c);
}

/* What the message needs and the relay has not; -1 with the reason. */
static int
smtp_tx_needs(struct smtp_client *c, struct smtp_result *res)
{
	const struct smtp_mail	*m = c->mail;
	unsigned int		 exts = c->ehlo.exts;
	struct buf		 b;
	int			 utf8 = 0, bad = 0;

	buf_init(&b, SMTP_PATH);
	if (m->from[0] != '\0')
		bad = smtp_addr_put(&b, m->from, &utf8);
	buf_free(&b);
	c->utf8 |= utf8;
	memset(res, 0, sizeof(*res));
	if (bad == -1)
		smtp_client_local(res, 553, "5.1.7",
		    "the sender is no address of RFC 5321");
	else if (utf8 && !(exts & SMTP_EHLO_SMTPUTF8))
		smtp_client_local(res, 550, "5.6.7",
		    "the sender needs SMTPUTF8, which the relay lacks");
	else if (m->utf8 && !(exts & SMTP_EHLO_SMTPUTF8))
		smtp_client_local(res, 554, "5.6.9",
		    "the header needs SMTPUTF8, which the relay lacks");
	else if (m->eightbit && !(exts & SMTP_EHLO_8BITMIME))
		smtp_client_local(res, 554, "5.6.3",
		    "the body needs 8BITMIME, which the relay lacks");
	else if (m->nul)
		/* RFC 5322 4: NUL is obsolete; RFC 6152 3 forbids it */
		smtp_client_local(res, 554, "5.6.0",
		    "there is a NUL in the message");
	else if (c->ehlo.size != 0 && m->size > c->ehlo.size)
		/* RFC 1870 6.4 */
		smtp_client_local(res, 552, "5.3.4",
		    "the message is larger than the relay takes");
	return res->class == SMTP_NONE ? 0 : -1;
}

/* Refuse recipients that cannot be said; -1: there is no other. */
static int
smtp_tx_addresses(struct smtp_client *c)
{
	struct smtp_rcpt	*r = c->mail->rcpts;
	struct smtp_rcpt	*end = r + c->mail->nrcpts;
	struct buf		 b;
	int			 u;

	buf_init(&b, SMTP_PATH);
	for (; r < end; r++) {
		buf_reset(&b);
		if (smtp_addr_put(&b, r->addr, &u) == -1)
			smtp_client_local(&r->result, 553, "5.1.3",
			    "no address of RFC 5321");
		else if (u && !(c->ehlo.exts & SMTP_EHLO_SMTPUTF8))
			smtp_client_local(&r->result, 553, "5.6.7",
			    "needs SMTPUTF8, which the relay lacks");
		else {
			c->utf8 |= u;
			c->rcpts++;
		}
	}
	buf_free(&b);
	return c->rcpts == 0 ? -1 : 0;
}

/* The first recipient from i on whose answer is not here, or nrcpts. */
static size_t
smtp_tx_open(const struct smtp_client *c, size_t i)
{
	while (i < c->mail->nrcpts &&
	    c->mail->rcpts[i].result.class != SMTP_NONE)
		i++;
	return i;
}

/* --- commands ------------------------------------------------------------ */

/* Say what may be said now: all of it, or one command and wait. */
static void
smtp_tx_push(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;

	while (c->tx <= m->nrcpts && (c->sent == c->got ||
	    c->ehlo.exts & SMTP_EHLO_PIPELINING)) {
		buf_compact(&c->out);
		if (c->out.max - c->out.len < SMTP_TX_ROOM)
			return;		/* smtp_tx_fill goes on */
		if (c->sent++ == 0) {
			smtp_tx_mail(c);
			c->tx = smtp_tx_open(c, 0);
			continue;
		}
		if (c->tx < m->nrcpts) {
			smtp_tx_rcpt(c, &m->rcpts[c->tx]);
			c->tx = smtp_tx_open(c, c->tx + 1);
			continue;
		}
		buf_adds(&c->out, "DATA\r\n");
		c->tx++;		/* nothing is left to say */
	}
}

static void
smtp_tx_mail(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;
	unsigned int		 exts = c->ehlo.exts;
	int			 utf8;

	buf_adds(&c->out, "MAIL FROM:<");
	if (m->from[0] != '\0')
		smtp_addr_put(&c->out, m->from, &utf8);
	buf_addc(&c->out, '>');
	if (exts & SMTP_EHLO_SIZE)
		buf_addf(&c->out, " SIZE=%llu", (unsigned long long)m->size);
	/* RFC 6531 3.6: 8BITMIME is not implied by SMTPUTF8 */
	if (m->eightbit || (m->utf8 && exts & SMTP_EHLO_8BITMIME))
		buf_adds(&c->out, " BODY=8BITMIME");
	/* RFC 6531 3.4: only if it is needed */
	if (c->utf8)
		buf_adds(&c->out, " SMTPUTF8");
	/* RFC 6710 4.2: it MUST go on to a server that knows it */
	if (m->priority != 0 && exts & SMTP_EHLO_PRIORITY)
		buf_addf(&c->out, " MT-PRIORITY=%d", m->priority);
	m->dsn = (exts & SMTP_EHLO_DSN) != 0;
	if (m->dsn && m->ret != SMTP_RET_NONE)
		buf_adds(&c->out, m->ret == SMTP_RET_FULL ? " RET=FULL" :
		    " RET=HDRS");
	if (m->dsn && m->envid != NULL) {
		buf_adds(&c->out, " ENVID=");
		if (smtp_addr_xtext(&c->out, m->envid, SMTP_TX_ENVID) == -1)
			c->out.len -= strlen(" ENVID=");
	}
	buf_adds(&c->out, "\r\n");
}

static void
smtp_tx_rcpt(struct smtp_client *c, const struct smtp_rcpt *r)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE",
	    "DELAY" };
	const char		*sep = " NOTIFY=";
	size_t			 i;
	int			 utf8;

	buf_adds(&c->out, "RCPT TO:<");
	smtp_addr_put(&c->out, r->addr, &utf8);
	buf_addc(&c->out, '>');
	if (c->mail->dsn) {
		for (i = 0; i < nitems(words); i++) {
			if (!(r->notify & 1u << i))
				continue;
			buf_addf(&c->out, "%s%s", sep, words[i]);
			sep = ",";
			/* RFC 3461 4.1: NEVER stands alone */
			if (r->notify & SMTP_NOTIFY_NEVER)
				break;
		}
		if (r->orcpt != NULL) {
			buf_adds(&c->out, " ORCPT=");
			if (smtp_addr_orcpt(&c->out, r->orcpt) == -1)
				c->out.len -= strlen(" ORCPT=");
		}
	}
	buf_adds(&c->out, "\r\n");
}

/* --- answers ------------------------------------------------------------- */

void
smtp_tx_envelope(struct smtp_client *c)
{
	if (c->got == c->sent)
		smtp_client_nonsense(c, "more replies than commands");
	else if (c->got++ == 0)
		smtp_tx_got_mail(c);
	else if (c->got <= c->rcpts + 1)
		smtp_tx_got_rcpt(c);
	else
		smtp_tx_got_data(c);
}

static void
smtp_tx_got_mail(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;
	int			 class = c->reply.code / 100;

	if (class == 3) {
		smtp_client_nonsense(c, "MAIL");
		return;
	}
	if (class != 2) {
		smtp_client_result(c, "x.0.0", &m->final);
		c->refused = 1;
		if (c->sent == 1) {
			smtp_tx_judge(c, &m->final);
			smtp_tx_done(c, 1);
			return;
		}
	}
	smtp_tx_push(c);
}

static void
smtp_tx_got_rcpt(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;
	struct smtp_result	*res;

	if (c->reply.code / 100 == 3) {
		smtp_client_nonsense(c, "RCPT");
		return;
	}
	c->rx = smtp_tx_open(c, c->rx);
	res = &m->rcpts[c->rx++].result;
	if (c->refused)
		*res = m->final;	/* what follows from it says less */
	else
		smtp_client_result(c, c->reply.code / 100 == 2 ? "x.1.5" :
		    "x.1.0", res);
	if (res->class == SMTP_SENT)
		c->accepted++;
	/* RFC 5321 4.5.3.1.10: 552 for too many recipients is a 452 */
	if (!c->refused && res->code == 552 && (c->reply.status[0] == '\0' ||
	    strcmp(c->reply.status, "5.5.3") == 0)) {
		res->class = SMTP_TEMP;
		strlcpy(res->status, "4.5.3", sizeof(res->status));
	}
	if (c->got == c->rcpts + 1 && c->sent == c->got && c->accepted == 0)
		smtp_tx_done(c, 1);	/* nobody left to say DATA for */
	else
		smtp_tx_push(c);
}

static void
smtp_tx_got_data(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;
	int			 class = c->reply.code / 100;

	if (class == 2 || (class == 3 && c->reply.code != 354)) {
		smtp_client_nonsense(c, "DATA");
	} else if (class != 3) {
		if (c->accepted > 0) {
			smtp_client_result(c, "x.0.0", &m->final);
			smtp_tx_judge(c, &m->final);
		}
		smtp_tx_done(c, 1);
	} else if (c->refused) {
		/* no sender, but a go-ahead: a dot might be delivered */
		smtp_client_nonsense(c, "354 after MAIL was refused");
	} else if (c->accepted == 0) {
		/* RFC 2920 3.1: then the client should send a single dot */
		buf_adds(&c->out, ".\r\n");
		smtp_client_state(c, SMTP_NODATA);
	} else {
		smtp_client_state(c, SMTP_DATA);
		smtp_tx_fill(c);
	}
}

/* While the message is on its way: they will not read the rest. */
void
smtp_tx_early(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;

	if (c->reply.code < 400) {
		smtp_client_nonsense(c, "a reply within the message");
		return;
	}
	smtp_client_result(c, "x.0.0", &m->final);
	smtp_tx_judge(c, &m->final);
	smtp_tx_give(c);
	smtp_client_close(c);
}

void
smtp_tx_end(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;
	int			 class = c->reply.code / 100;

	if (buf_left(&c->out) != 0) {
		smtp_tx_early(c);
		return;
	}
	if (class == 3) {
		m->unsure = 1;
		smtp_client_nonsense(c, "the final dot");
		return;
	}
	smtp_client_result(c, "x.0.0", &m->final);
	if (class != 2)
		smtp_tx_judge(c, &m->final);
	smtp_tx_done(c, 0);
}

void
smtp_tx_nodata(struct smtp_client *c)
{
	smtp_tx_done(c, 1);
}

/* --- the message --------------------------------------------------------- */

void
smtp_tx_fill(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;
	uint8_t			 p[SMTP_TX_READ];
	ssize_t			 n;

	if (c->state == SMTP_ENVELOPE) {
		smtp_tx_push(c);
		return;
	}
	while (buf_left(&c->out) < SMTP_TX_AHEAD) {
		if (c->off == m->len) {
			smtp_data_end(&c->data, &c->out);
			smtp_client_state(c, SMTP_DOT);
			return;
		}
		n = m->len - c->off < sizeof(p) ?
		    (ssize_t)(m->len - c->off) : (ssize_t)sizeof(p);
		if ((n = m->read(m->arg, c->off, p, (size_t)n)) <= 0) {
			/* without the dot they will throw it away */
			smtp_client_local(&m->final, 0, "4.3.0",
			    "the message could not be read here");
			smtp_tx_judge(c, &m->final);
			smtp_tx_give(c);
			smtp_client_close(c);
			return;
		}
		c->off += (uint64_t)n;
		buf_compact(&c->out);
		smtp_data_put(&c->data, p, (size_t)n, &c->out);
	}
}

/* --- the end ------------------------------------------------------------- */

/* This, for all that were not refused for themselves. */
static void
smtp_tx_judge(struct smtp_client *c, const struct smtp_result *res)
{
	struct smtp_rcpt	*r = c->mail->rcpts;
	struct smtp_rcpt	*end = r + c->mail->nrcpts;

	for (; r < end; r++)
		if (r->result.class == SMTP_NONE ||
		    r->result.class == SMTP_SENT)
			r->result = *res;
}

static void
smtp_tx_give(struct smtp_client *c)
{
	c->done = c->mail;
	c->mail = NULL;
}

static void
smtp_tx_done(struct smtp_client *c, int rset)
{
	smtp_tx_give(c);
	smtp_client_next(c, rset);
}

void
smtp_tx_fail(struct smtp_client *c, const struct smtp_result *res)
{
	/* a connection that died between mails says nothing about this one;
	 * one that has just been made does: no endless "now" */
	c->mail->untried = c->state == SMTP_ENVELOPE && c->got == 0 &&
	    c->mails > 1;
	if (!c->refused)
		c->mail->final = *res;
	smtp_tx_judge(c, res);
	smtp_tx_give(c);
}
