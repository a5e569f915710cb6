/* SPDX-License-Identifier: ISC */
/*
 * The session of an SMTP client, without I/O: greeting, EHLO, STARTTLS, AUTH,
 * and what comes between transactions; those are smtp_tx.c's.  Called by
 * smtp_conn.c with what the socket gave.
 *
 * Here must never happen: a command that depends on an answer that came
 * before TLS, a password without TLS, a reply taken for the answer to a
 * command that has not been written.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "daemon/smtp_auth.h"
#include "daemon/smtp_client.h"
#include "daemon/smtp_tx.h"

typedef void	smtp_fn(struct smtp_client *);

static int	smtp_client_reply(struct smtp_client *);
static void	smtp_client_greeting(struct smtp_client *);
static void	smtp_client_ehlo(struct smtp_client *);
static void	smtp_client_helo(struct smtp_client *);
static void	smtp_client_session(struct smtp_client *);
static void	smtp_client_starttls(struct smtp_client *);
static void	smtp_client_idle(struct smtp_client *);
static void	smtp_client_rset(struct smtp_client *);
static void	smtp_client_bye(struct smtp_client *);
static void	smtp_client_hello(struct smtp_client *, const char *,
		    enum smtp_state);

/* RFC 5321 4.5.3.2 where it names one. */
const struct smtp_times	smtp_client_times = {
	.connect	= 30 * 1000,
	.tls		= 60 * 1000,
	.greeting	= 5 * 60 * 1000,
	.helo		= 5 * 60 * 1000,
	.mail		= 5 * 60 * 1000,
	.rcpt		= 5 * 60 * 1000,
	.data		= 2 * 60 * 1000,
	.block		= 3 * 60 * 1000,
	.end		= 10 * 60 * 1000,
	.quit		= 5 * 1000,
};

static const struct smtp_step {
	smtp_fn		*reply;
	const char	*name;
	int		 early;		/* a reply may come before all that
					 * was said is written */
} smtp_steps[SMTP_STATES] = {
	[SMTP_GREETING]	= { smtp_client_greeting, "the greeting", 0 },
	[SMTP_EHLO]	= { smtp_client_ehlo, "EHLO", 0 },
	[SMTP_HELO]	= { smtp_client_helo, "HELO", 0 },
	[SMTP_STARTTLS]	= { smtp_client_starttls, "STARTTLS", 0 },
	[SMTP_AUTH]	= { smtp_auth_reply, "AUTH", 0 },
	[SMTP_IDLE]	= { smtp_client_idle, "nothing", 1 },
	[SMTP_ENVELOPE]	= { smtp_tx_envelope, "the envelope", 1 },
	[SMTP_DATA]	= { smtp_tx_early, "the message", 1 },
	[SMTP_DOT]	= { smtp_tx_end, "the final dot", 1 },
	[SMTP_NODATA]	= { smtp_tx_nodata, "DATA", 0 },
	[SMTP_RSET]	= { smtp_client_rset, "RSET", 0 },
	[SMTP_QUIT]	= { smtp_client_bye, "QUIT", 1 },
};

/* RFC 5248 and what RFC 3463 means by it, for servers without RFC 2034. */
static const struct smtp_code {
	int		 code;
	const char	*status;
} smtp_codes[] = {
	{ 421, "4.3.2" }, { 450, "4.2.0" }, { 451, "4.3.0" },
	{ 452, "4.3.1" }, { 454, "4.7.0" }, { 455, "4.5.4" },
	{ 500, "5.5.2" }, { 501, "5.5.4" }, { 502, "5.5.1" },
	{ 503, "5.5.1" }, { 504, "5.5.4" }, { 521, "5.3.2" },
	{ 530, "5.7.0" }, { 534, "5.7.9" }, { 535, "5.7.8" },
	{ 538, "5.7.11" }, { 551, "5.1.6" }, { 552, "5.2.2" },
	{ 553, "5.1.3" }, { 555, "5.5.4" }, { 556, "5.1.10" },
};

void
smtp_client_init(struct smtp_client *c, const struct smtp_relay *relay)
{
	memset(c, 0, sizeof(*c));
	c->relay = relay;
	c->state = SMTP_GREETING;
	c->tls = relay->tls == SMTP_TLS_IMPLICIT;
	buf_init(&c->out, SMTP_CLIENT_OUT);
}

void
smtp_client_free(struct smtp_client *c)
{
	buf_freezero(&c->out);
	explicit_bzero(&c->reply, sizeof(c->reply));
}

enum smtp_want
smtp_client_want(const struct smtp_client *c)
{
	switch (c->state) {
	case SMTP_HANDSHAKE:
		return SMTP_WANT_TLS;
	case SMTP_IDLE:
		return SMTP_WANT_MAIL;
	case SMTP_CLOSED:
		return SMTP_WANT_CLOSE;
	default:
		return SMTP_WANT_IO;
	}
}

void
smtp_client_feed(struct smtp_client *c, const void *data, size_t n)
{
	const uint8_t	*p = data;
	size_t		 used;

	while (n > 0 && c->state != SMTP_CLOSED) {
		if (c->state == SMTP_HANDSHAKE) {
			/* somebody between us put them there, to be taken for
			 * what the relay says inside TLS (CVE-2011-0411) */
			smtp_client_nonsense(c, "bytes between STARTTLS and "
			    "the handshake");
			return;
		}
		switch (smtp_reply_read(&c->reply, p, n, &used)) {
		case PARSE_ERROR:
			smtp_client_nonsense(c, smtp_steps[c->state].name);
			return;
		case PARSE_MORE:
			return;
		case PARSE_DONE:
			break;
		}
		p += used;
		n -= used;
		if (smtp_client_reply(c) == -1)
			return;
		memset(&c->reply, 0, sizeof(c->reply));
	}
}

/* One whole reply is in c->reply.  -1: it was the last. */
static int
smtp_client_reply(struct smtp_client *c)
{
	const struct smtp_step	*step = &smtp_steps[c->state];
	struct smtp_result	 res;

	c->tick++;
	/* RFC 5321 3.8: 421 may be the answer to any command */
	if (c->reply.code == 421 && c->state == SMTP_IDLE && c->mails > 0) {
		smtp_client_close(c);
		return -1;
	}
	if (c->reply.code == 421 && c->state != SMTP_QUIT) {
		smtp_client_result(c, "x.3.2", &res);
		smtp_client_end(c, &res, 0);
		return -1;
	}
	if (!step->early && buf_left(&c->out) != 0) {
		smtp_client_nonsense(c, "a reply to what was not sent yet");
		return -1;
	}
	step->reply(c);
	return c->state == SMTP_CLOSED ? -1 : 0;
}

int
smtp_client_is(const struct smtp_client *c, int class)
{
	return c->reply.code / 100 == class;
}

void
smtp_client_state(struct smtp_client *c, enum smtp_state state)
{
	c->state = state;
	c->tick++;
}

/* --- results ------------------------------------------------------------- */

void
smtp_client_result(const struct smtp_client *c, const char *dflt,
    struct smtp_result *res)
{
	const struct smtp_code	*k;

	for (k = smtp_codes; k < smtp_codes + nitems(smtp_codes); k++)
		if (k->code == c->reply.code)
			dflt = k->status;
	smtp_reply_result(&c->reply, dflt, res);
}

void
smtp_client_local(struct smtp_result *res, int code, const char *status,
    const char *text)
{
	memset(res, 0, sizeof(*res));
	res->class = status[0] == '5' ? SMTP_PERM : SMTP_TEMP;
	res->local = 1;
	strlcpy(res->status, status, sizeof(res->status));
	if (code == 0)		/* nobody said that: no code in the text */
		(void)strlcpy(res->text, text, sizeof(res->text));
	else
		(void)snprintf(res->text, sizeof(res->text), "%d %s %s", code,
		    status, text);
	res->code = (uint16_t)code;
}

void
smtp_client_end(struct smtp_client *c, const struct smtp_result *res, int quit)
{
	c->why = *res;
	if (c->why.class != SMTP_TEMP) {
		c->why.class = SMTP_TEMP;
		c->why.status[0] = '4';
	}
	if (c->mail != NULL)
		smtp_tx_fail(c, &c->why);
	buf_reset(&c->out);
	if (quit) {
		buf_adds(&c->out, "QUIT\r\n");
		smtp_client_state(c, SMTP_QUIT);
	} else
		smtp_client_state(c, SMTP_CLOSED);
}

void
smtp_client_no(struct smtp_client *c, const char *dflt)
{
	struct smtp_result	 res;

	smtp_client_result(c, dflt, &res);
	smtp_client_end(c, &res, 1);
}

void
smtp_client_nonsense(struct smtp_client *c, const char *where)
{
	struct smtp_result	 res;
	char			 text[128];

	(void)snprintf(text, sizeof(text), "not SMTP, or not in its turn: %s",
	    where);
	smtp_client_local(&res, 0, "4.5.0", text);
	smtp_client_end(c, &res, 0);
}

void
smtp_client_lost(struct smtp_client *c, const char *status, const char *text)
{
	struct smtp_result	 res;

	if (c->state == SMTP_CLOSED)
		return;
	/* RFC 5321 4.1.1.10: after QUIT it is their right */
	if (c->state == SMTP_QUIT) {
		smtp_client_state(c, SMTP_CLOSED);
		return;
	}
	/* the relay need not wait for ever for another mail */
	if (c->state == SMTP_IDLE && c->mails > 0) {
		smtp_client_close(c);
		return;
	}
	if (c->state == SMTP_DOT && buf_left(&c->out) == 0)
		c->mail->unsure = 1;
	smtp_client_local(&res, 0, status, text);
	smtp_client_end(c, &res, 0);
}

/* --- until it is ready --------------------------------------------------- */

static void
smtp_client_greeting(struct smtp_client *c)
{
	if (c->reply.code != 220) {
		if (smtp_client_is(c, 2) || smtp_client_is(c, 3))
			smtp_client_nonsense(c, "the greeting");
		else
			smtp_client_no(c, "x.3.2");
		return;
	}
	smtp_client_hello(c, "EHLO", SMTP_EHLO);
}

static void
smtp_client_hello(struct smtp_client *c, const char *verb,
    enum smtp_state state)
{
	buf_addf(&c->out, "%s %s\r\n", verb, c->relay->helo);
	smtp_client_state(c, state);
}

static void
smtp_client_ehlo(struct smtp_client *c)
{
	int	 tls = c->relay->tls == SMTP_TLS_STARTTLS && !c->tls;

	if (c->reply.code == 250) {
		smtp_ehlo_read(&c->ehlo, &c->reply);
		smtp_client_session(c);
	} else if (smtp_client_is(c, 5) && !tls && c->relay->user == NULL) {
		/* RFC 5321 3.2: HELO for a server without extensions */
		memset(&c->ehlo, 0, sizeof(c->ehlo));
		smtp_client_hello(c, "HELO", SMTP_HELO);
	} else if (smtp_client_is(c, 2) || smtp_client_is(c, 3))
		smtp_client_nonsense(c, "EHLO");
	else
		smtp_client_no(c, "x.3.2");
}

static void
smtp_client_helo(struct smtp_client *c)
{
	if (c->reply.code == 250)
		smtp_client_next(c, 0);
	else if (smtp_client_is(c, 2) || smtp_client_is(c, 3))
		smtp_client_nonsense(c, "HELO");
	else
		smtp_client_no(c, "x.3.2");
}

/* After EHLO: TLS first, then who we are, then mail. */
static void
smtp_client_session(struct smtp_client *c)
{
	struct smtp_result	 res;

	if (c->relay->tls == SMTP_TLS_STARTTLS && !c->tls) {
		/* RFC 3207 6: an attacker takes the word away; then no mail */
		if (!(c->ehlo.exts & SMTP_EHLO_STARTTLS)) {
			smtp_client_local(&res, 0, "4.7.4",
			    "the relay does not offer STARTTLS");
			smtp_client_end(c, &res, 1);
			return;
		}
		buf_adds(&c->out, "STARTTLS\r\n");
		smtp_client_state(c, SMTP_STARTTLS);
	} else if (c->relay->user != NULL)
		smtp_auth_begin(c);
	else
		smtp_client_next(c, 0);
}

static void
smtp_client_starttls(struct smtp_client *c)
{
	if (c->reply.code == 220)
		smtp_client_state(c, SMTP_HANDSHAKE);
	else if (smtp_client_is(c, 2) || smtp_client_is(c, 3))
		smtp_client_nonsense(c, "STARTTLS");
	else
		smtp_client_no(c, "x.7.4");
}

void
smtp_client_tls(struct smtp_client *c)
{
	if (c->state != SMTP_HANDSHAKE)
		return;
	/* RFC 3207 4.2: forget what was said before */
	c->tls = 1;
	memset(&c->ehlo, 0, sizeof(c->ehlo));
	memset(&c->reply, 0, sizeof(c->reply));
	smtp_client_hello(c, "EHLO", SMTP_EHLO);
}

/* --- between mails ------------------------------------------------------- */

void
smtp_client_send(struct smtp_client *c, struct smtp_mail *m)
{
	c->mail = m;
	smtp_tx_begin(c);
}

struct smtp_mail *
smtp_client_take(struct smtp_client *c)
{
	struct smtp_mail	*m = c->done;

	c->done = NULL;
	return m;
}

void
smtp_client_next(struct smtp_client *c, int rset)
{
	unsigned int	 max = c->relay->mails;

	if (c->mails >= (max == 0 ? SMTP_CLIENT_MAILS : max))
		c->quitting = 1;
	if (c->quitting) {
		smtp_client_close(c);
		buf_adds(&c->out, "QUIT\r\n");
		smtp_client_state(c, SMTP_QUIT);
	} else if (rset) {
		buf_adds(&c->out, "RSET\r\n");
		smtp_client_state(c, SMTP_RSET);
	} else
		smtp_client_state(c, SMTP_IDLE);
}

void
smtp_client_close(struct smtp_client *c)
{
	memset(&c->why, 0, sizeof(c->why));
	c->why.class = SMTP_SENT;
	strlcpy(c->why.status, "2.0.0", sizeof(c->why.status));
	buf_reset(&c->out);
	smtp_client_state(c, SMTP_CLOSED);
}

void
smtp_client_quit(struct smtp_client *c)
{
	c->quitting = 1;
	if (c->state == SMTP_IDLE)
		smtp_client_next(c, 0);
}

/* Nobody asked, and it was not 421. */
static void
smtp_client_idle(struct smtp_client *c)
{
	smtp_client_nonsense(c, "a reply to nothing");
}

static void
smtp_client_rset(struct smtp_client *c)
{
	if (c->reply.code == 250)
		smtp_client_next(c, 0);
	else if (smtp_client_is(c, 2) || smtp_client_is(c, 3))
		smtp_client_nonsense(c, "RSET");
	else
		smtp_client_no(c, "x.5.1");
}

static void
smtp_client_bye(struct smtp_client *c)
{
	smtp_client_state(c, SMTP_CLOSED);
}

void
smtp_client_fill(struct smtp_client *c)
{
	if (c->state == SMTP_DATA || c->state == SMTP_ENVELOPE)
		smtp_tx_fill(c);
}

int64_t
smtp_client_timeout(const struct smtp_client *c)
{
	const struct smtp_times	*t = &c->relay->times;

	switch (c->state) {
	case SMTP_GREETING:
		return t->greeting;
	case SMTP_HANDSHAKE:
		return t->tls;
	case SMTP_ENVELOPE:
		if (c->got == 0)
			return t->mail;
		return c->got <= c->rcpts ? t->rcpt : t->data;
	case SMTP_DATA:
		return t->block;
	case SMTP_DOT:
	case SMTP_NODATA:
		return t->end;
	case SMTP_QUIT:
	case SMTP_CLOSED:
		return t->quit;
	default:
		return t->helo;
	}
}
