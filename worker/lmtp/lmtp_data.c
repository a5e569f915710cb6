/* SPDX-License-Identifier: ISC */
/*
 * The message of an LMTP transaction: DATA (RFC 5321 4.1.1.4) and BDAT
 * (RFC 3030), our fields before it, and how much there may be of it.  The
 * verbs are in the table of lmtp.c, which is given the message when it is
 * complete.  Never here: memory by a number the client sent.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "worker/lmtp/lmtp_int.h"

static conn_step	data_more, data_chunk;
static int		data_begin(struct conn *, struct lmtp *);
static void		data_trace(struct conn *, struct lmtp *);
static void		data_took(struct conn *, struct lmtp *, size_t);

/* Bytes of all messages that are on their way in this process. */
static uint64_t	data_held;

enum io
lmtp_data(struct conn *c, struct lmtp *s, struct slice arg)
{
	(void)arg;
	if (s->bdat)		/* RFC 3030 2 */
		return lmtp_bad(c, "503 5.5.1 BDAT or DATA, not both");
	/* RFC 2033 4.2: MUST be 503 */
	if (s->nrcpt == 0)
		return lmtp_bad(c, "503 5.5.1 no valid recipients");
	if (data_begin(c, s) == -1)
		return lmtp_say(c, "452 4.3.1 no memory");
	s->since = conn_now();
	c->step = data_more;
	return lmtp_say(c, "354 go on, end with CRLF.CRLF");
}

/* Before the first byte of a message: our fields.  0, or -1. */
static int
data_begin(struct conn *c, struct lmtp *s)
{
	data_trace(c, s);
	s->head = s->msg.len;
	return buf_bad(&s->msg) ? -1 : 0;
}

/*
 * RFC 5321 4.4: Return-Path by who makes the final delivery, Received by
 * everybody; the protocol's name by RFC 3848 and RFC 6531 4.3.
 */
static void
data_trace(struct conn *c, struct lmtp *s)
{
	char	 ip[IP_STRLEN], now[DATE_LEN];

	date_mail(date_now(), 0, now);
	buf_addf(&s->msg, "Return-Path: <%s>\r\n", s->mail.path.text);
	buf_addf(&s->msg, "Received: from %s", s->helo);
	if (c->client.af == IP_V4 || c->client.af == IP_V6)
		buf_addf(&s->msg, " ([%s%s])", c->client.af == IP_V6 ?
		    "IPv6:" : "", ip_str(&c->client, ip));
	buf_addf(&s->msg, "\r\n\tby %s with %sLMTP%s;\r\n\t%s\r\n",
	    s->setup->host, s->mail.utf8 ? "UTF8" : "", c->tls ? "S" : "",
	    now);
}

static enum io
data_more(struct conn *c)
{
	struct lmtp	*s = c->data;
	size_t		 used;
	enum parse	 done;

	done = lmtp_parse_data(&s->data, buf_peek(&c->in), buf_left(&c->in),
	    &s->msg, &used);
	buf_skip(&c->in, used);
	data_took(c, s, used);
	if (done == PARSE_MORE)
		return c->eof ? IO_CLOSE : IO_WANT_READ;
	if (s->failed == NULL && s->data.bare_lf)
		lmtp_data_drop(s, "554 5.6.0 a line ends in LF without CR");
	return lmtp_received(c, s);
}

/*
 * n bytes were read for the message: count them, see whether there are too
 * many, here or in all connections, and give time for more.
 */
static void
data_took(struct conn *c, struct lmtp *s, size_t n)
{
	int64_t	 rate = s->setup->rate;

	s->taken += n;
	c->deadline = s->setup->timeout +
	    (rate == 0 ? conn_now() : s->since +
	    (int64_t)(s->taken / rate) * 1000);
	if (s->failed != NULL)
		return;
	data_held += s->msg.cap - s->held;
	s->held = s->msg.cap;
	if (s->msg.len > s->head + s->setup->max_size ||
	    (buf_bad(&s->msg) && s->taken > s->setup->max_size))
		lmtp_data_drop(s, LMTP_BIG);
	else if (buf_bad(&s->msg))
		lmtp_data_drop(s, "452 4.3.1 no memory");
	else if (data_held > s->setup->max_held)
		lmtp_data_drop(s, "452 4.3.1 too much mail at once");
}

enum io
lmtp_data_bdat(struct conn *c, struct lmtp *s, struct slice arg)
{
	/* Where the chunk ends is not known then: no way to go on. */
	if (lmtp_parse_bdat(arg, &s->chunk, &s->last) == -1) {
		lmtp_say(c, "501 5.5.4 BDAT wants a size");
		return IO_CLOSE;
	}
	s->since = s->since == 0 ? conn_now() : s->since;
	if (!s->bdat && s->begun) {
		if (s->nrcpt == 0)
			s->failed = "503 5.5.1 no valid recipients";
		else if (data_begin(c, s) == -1)
			lmtp_data_drop(s, "452 4.3.1 no memory");
	}
	s->bdat = s->begun;
	c->step = data_chunk;
	return IO_DONE;
}

static enum io
data_chunk(struct conn *c)
{
	struct lmtp	*s = c->data;
	size_t		 n = buf_left(&c->in);

	if (n > s->chunk)
		n = s->chunk;
	if (s->begun && s->failed == NULL)
		buf_add(&s->msg, buf_peek(&c->in), n);
	buf_skip(&c->in, n);
	s->chunk -= n;
	data_took(c, s, n);
	if (s->chunk != 0)
		return c->eof ? IO_CLOSE : IO_WANT_READ;
	c->step = lmtp_command;
	lmtp_patience(c);
	if (!s->begun)
		return lmtp_bad(c, "503 5.5.1 MAIL first");
	if (s->last)
		return lmtp_received(c, s);
	return lmtp_say(c, s->failed != NULL ? s->failed :
	    "250 2.0.0 go on");
}

void
lmtp_data_drop(struct lmtp *s, const char *why)
{
	buf_free(&s->msg);
	data_held -= s->held;
	s->held = 0;
	s->failed = why;
}
