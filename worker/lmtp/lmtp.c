/* SPDX-License-Identifier: ISC */
/*
 * The conversation of LMTP (RFC 2033, RFC 5321): greeting, commands, one
 * answer a recipient.  Called by conn.c with bytes; asks auth who a recipient
 * is; lmtp_data.c takes the message, lmtp_deliver.c stores it.
 *
 *	command <-> rcpt (waits for auth)
 *	   |  \
 *	  data  chunk (BDAT)
 *	   |  /
 *	 deliver, a recipient at a time -> command
 *
 * Never here: a 2xx for data that is not on the disk; memory by a number
 * the client sent.
 */
#include "common/compat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth_ask.h"
#include "common/date.h"
#include "common/log.h"
#include "worker/jmap/delivered.h"
#include "worker/lmtp/lmtp_int.h"

#define LMTP_IN		65536	/* bytes of input at a time */
#define LMTP_HEAD	2048	/* more than the fields we put before a mail */
#define LMTP_RCPTS	1000	/* recipients of one message */
#define LMTP_ERRORS	20	/* bad commands before we hang up */
#define LMTP_AUTH_MS	30000	/* patience with auth */

static conn_step	lmtp_open, lmtp_rcpt_done, lmtp_store, lmtp_expire;
static conn_step	lmtp_drain;
static void		lmtp_free(struct conn *);
static lmtp_verb_fn	lmtp_do_lhlo, lmtp_do_mail, lmtp_do_noop, lmtp_do_quit;
static lmtp_verb_fn	lmtp_do_rcpt, lmtp_do_rset, lmtp_do_vrfy, lmtp_do_wrong;
static enum io		lmtp_skip(struct conn *, struct lmtp *);
static void		lmtp_reset(struct lmtp *);
static enum io		lmtp_refuse(struct conn *, enum lmtp_error, int rcpt);
static void		lmtp_answer(void *, int, uint64_t, uint64_t);
static void		lmtp_one(struct lmtp *, struct lmtp_rcpt *);
static void		lmtp_log(struct conn *, struct lmtp *);

const struct conn_proto lmtp_proto = {
	"lmtp", LMTP_IN, lmtp_open, lmtp_expire, lmtp_drain, lmtp_free
};

#define DO_HELO	0x01	/* only after LHLO */
#define DO_MAIL	0x02	/* only in a transaction */
#define DO_BARE	0x04	/* takes no argument */

static const struct lmtp_do {
	lmtp_verb_fn	*run;
	int		 flags;
} lmtp_dos[LMTP_VERBS] = {
	[LMTP_BDAT] = { lmtp_data_bdat, DO_HELO },
	[LMTP_DATA] = { lmtp_data, DO_HELO | DO_MAIL | DO_BARE },
	[LMTP_EHLO] = { lmtp_do_wrong, 0 },
	[LMTP_HELO] = { lmtp_do_wrong, 0 },
	[LMTP_LHLO] = { lmtp_do_lhlo, 0 },
	[LMTP_MAIL] = { lmtp_do_mail, DO_HELO },
	[LMTP_NOOP] = { lmtp_do_noop, 0 },
	[LMTP_QUIT] = { lmtp_do_quit, DO_BARE },
	[LMTP_RCPT] = { lmtp_do_rcpt, DO_HELO | DO_MAIL },
	[LMTP_RSET] = { lmtp_do_rset, DO_BARE },
	[LMTP_VRFY] = { lmtp_do_vrfy, 0 },
};

/* RFC 3463 codes; the bool is "a recipient's path". */
static const char *const lmtp_refusals[][2] = {
	[LMTP_SYNTAX] = { "501 5.5.4 that is not how MAIL is written",
	    "501 5.5.4 that is not how RCPT is written" },
	[LMTP_ADDRESS] = { "501 5.1.7 that is not an address",
	    "501 5.1.3 that is not an address" },
	[LMTP_PARAM] = { "555 5.5.4 a parameter that was not offered",
	    "555 5.5.4 a parameter that was not offered" },
	[LMTP_UTF8] = { "553 5.6.7 the address needs SMTPUTF8",
	    "553 5.6.7 the address needs SMTPUTF8" },
};

static const char *const lmtp_results[LMTP_RESULTS] = {
	[LMTP_STORED] = "250 2.0.0 delivered",
	[LMTP_OVERQUOTA] = "452 4.2.2 the mailbox is full",
	[LMTP_NOSPACE] = "452 4.3.1 no space on the disk",
	[LMTP_LATER] = "451 4.3.0 the mailbox cannot be written now",
};

void
lmtp_setup(struct lmtp_setup *s, const struct conf *conf)
{
	memset(s, 0, sizeof(*s));
	delivered_setup((int64_t)conf->queue_vacation);
	strlcpy(s->host, conf->hostname[0] != '\0' ? conf->hostname :
	    "localhost", sizeof(s->host));
	s->max_size = conf->max_message_size;
	s->max_held = conf->worker_memory / 4;
	if (s->max_held < s->max_size + s->max_size / 2)
		s->max_held = s->max_size + s->max_size / 2;
	s->timeout = conf->lmtp_timeout;
	s->rate = conf->body_rate;
	s->log = conf->log_requests;
}

static enum io
lmtp_open(struct conn *c)
{
	struct lmtp	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return IO_CLOSE;
	s->setup = c->setup;
	buf_init(&s->msg, s->setup->max_size + LMTP_HEAD);
	c->data = s;
	c->step = lmtp_command;
	lmtp_patience(c);
	buf_addf(&c->out, "220 %s LMTP jmapd\r\n", s->setup->host);
	return IO_DONE;
}

static void
lmtp_free(struct conn *c)
{
	struct lmtp	*s = c->data;

	if (s == NULL)
		return;
	auth_ask_cancel(s->ask);
	lmtp_reset(s);
	free(s->rcpt);
	free(s);
	c->data = NULL;
}

/* Forget the transaction, give its memory back. */
static void
lmtp_reset(struct lmtp *s)
{
	if (s->begun)
		lmtp_deliver_free(&s->out);
	lmtp_data_drop(s, NULL);
	s->begun = s->bdat = s->last = 0;
	s->nrcpt = s->next = 0;
	s->taken = s->chunk = 0;
	s->since = 0;
	memset(&s->mail, 0, sizeof(s->mail));
	memset(&s->data, 0, sizeof(s->data));
}

void
lmtp_patience(struct conn *c)
{
	const struct lmtp_setup	*setup = c->setup;

	c->deadline = conn_now() + setup->timeout;
}

static enum io
lmtp_expire(struct conn *c)
{
	struct lmtp	*s = c->data;

	if (s->ask == NULL) {
		lmtp_say(c, "421 4.4.2 you took too long");
		return IO_CLOSE;
	}
	auth_ask_cancel(s->ask);
	s->ask = NULL;
	s->error = 1;
	lmtp_patience(c);
	return IO_DONE;
}

static enum io
lmtp_drain(struct conn *c)
{
	struct lmtp	*s = c->data;

	if (s != NULL && (s->begun || c->step != lmtp_command))
		return IO_DONE;
	lmtp_say(c, "421 4.3.2 going down, come back");
	return IO_CLOSE;
}

enum io
lmtp_say(struct conn *c, const char *text)
{
	buf_adds(&c->out, text);
	buf_add(&c->out, "\r\n", 2);
	return IO_DONE;
}

/* The client did what it must not: say so, and not for ever. */
enum io
lmtp_bad(struct conn *c, const char *text)
{
	struct lmtp	*s = c->data;

	lmtp_say(c, text);
	if (++s->errors < LMTP_ERRORS)
		return IO_DONE;
	lmtp_say(c, "421 4.7.0 too many errors");
	return IO_CLOSE;
}

enum io
lmtp_command(struct conn *c)
{
	struct lmtp		*s = c->data;
	const struct lmtp_do	*d;
	const uint8_t		*p = buf_peek(&c->in);
	struct slice		 arg;
	enum lmtp_verb		 verb;
	size_t			 len;

	if (s->skip)
		return lmtp_skip(c, s);
	switch (lmtp_parse_line(p, buf_left(&c->in), &len)) {
	case PARSE_MORE:
		return c->eof ? IO_CLOSE : IO_WANT_READ;
	case PARSE_ERROR:
		s->skip = 1;
		return lmtp_bad(c, "500 5.5.2 the line is too long");
	case PARSE_DONE:
		break;
	}
	buf_skip(&c->in, len + 2);
	lmtp_patience(c);
	verb = lmtp_parse_verb(p, len, &arg);
	d = &lmtp_dos[verb];
	if (verb == LMTP_UNKNOWN)
		return lmtp_bad(c, "500 5.5.1 unknown command");
	if ((d->flags & DO_HELO) && s->helo[0] == '\0' && verb != LMTP_BDAT)
		return lmtp_bad(c, "503 5.5.1 LHLO first");
	if ((d->flags & DO_MAIL) && !s->begun)
		return lmtp_bad(c, "503 5.5.1 MAIL first");
	if ((d->flags & DO_BARE) && arg.n != 0)
		return lmtp_bad(c, "501 5.5.4 no argument, please");
	return d->run(c, s, arg);
}

/* Swallow up to the next CRLF. */
static enum io
lmtp_skip(struct conn *c, struct lmtp *s)
{
	const uint8_t	*p = buf_peek(&c->in);
	size_t		 i, n = buf_left(&c->in);

	for (i = 1; i < n; i++)
		if (p[i - 1] == '\r' && p[i] == '\n') {
			buf_skip(&c->in, i + 1);
			s->skip = 0;
			return IO_DONE;
		}
	if (n > 1)		/* the last byte may be half of a CRLF */
		buf_skip(&c->in, n - 1);
	return c->eof ? IO_CLOSE : IO_WANT_READ;
}

static enum io
lmtp_do_lhlo(struct conn *c, struct lmtp *s, struct slice arg)
{
	char	 helo[sizeof(s->helo)];

	if (lmtp_parse_helo(arg, helo) == -1)
		return lmtp_bad(c, "501 5.5.4 LHLO wants a domain");
	lmtp_reset(s);
	memcpy(s->helo, helo, sizeof(helo));
	buf_addf(&c->out, "250-%s\r\n"
	    "250-PIPELINING\r\n"
	    "250-8BITMIME\r\n"
	    "250-SMTPUTF8\r\n"
	    "250-CHUNKING\r\n"
	    "250-ENHANCEDSTATUSCODES\r\n"
	    "250 SIZE %" PRIu64 "\r\n", s->setup->host, s->setup->max_size);
	return IO_DONE;
}

/* RFC 2033 4.1: HELO and EHLO must not succeed, so that a wrong set-up
 * shows. */
static enum io
lmtp_do_wrong(struct conn *c, struct lmtp *s, struct slice arg)
{
	(void)s;
	(void)arg;
	return lmtp_bad(c, "500 5.5.1 this is LMTP: say LHLO");
}

static enum io
lmtp_do_noop(struct conn *c, struct lmtp *s, struct slice arg)
{
	(void)s;
	(void)arg;
	return lmtp_say(c, "250 2.0.0 ok");
}

static enum io
lmtp_do_rset(struct conn *c, struct lmtp *s, struct slice arg)
{
	(void)arg;
	lmtp_reset(s);
	return lmtp_say(c, "250 2.0.0 ok");
}

static enum io
lmtp_do_vrfy(struct conn *c, struct lmtp *s, struct slice arg)
{
	(void)s;
	if (arg.n == 0)
		return lmtp_bad(c, "501 5.5.4 VRFY whom?");
	return lmtp_say(c, "252 2.5.0 send it and you will see");
}

static enum io
lmtp_do_quit(struct conn *c, struct lmtp *s, struct slice arg)
{
	(void)s;
	(void)arg;
	lmtp_say(c, "221 2.0.0 bye");
	return IO_CLOSE;
}

static enum io
lmtp_refuse(struct conn *c, enum lmtp_error e, int rcpt)
{
	return lmtp_bad(c, lmtp_refusals[e][rcpt]);
}

static enum io
lmtp_do_mail(struct conn *c, struct lmtp *s, struct slice arg)
{
	struct lmtp_mail	 m;
	enum lmtp_error		 e;

	if (s->begun)
		return lmtp_bad(c, "503 5.5.1 a transaction is open");
	if ((e = lmtp_parse_mail(arg, &m)) != LMTP_OK)
		return lmtp_refuse(c, e, 0);
	/* RFC 1870 6.1 */
	if (m.size > s->setup->max_size)
		return lmtp_say(c, LMTP_BIG);
	s->mail = m;
	s->begun = 1;
	lmtp_deliver_init(&s->out, NULL, 0, 0);
	c->nreq++;
	return lmtp_say(c, "250 2.1.0 ok");
}

static enum io
lmtp_do_rcpt(struct conn *c, struct lmtp *s, struct slice arg)
{
	struct lmtp_path	 path;
	enum lmtp_error		 e;

	if (s->bdat)
		return lmtp_bad(c, "503 5.5.1 data has begun");
	if ((e = lmtp_parse_rcpt(arg, s->mail.utf8, &path)) != LMTP_OK)
		return lmtp_refuse(c, e, 1);
	/* RFC 5321 4.5.3.1.10 */
	if (s->nrcpt == LMTP_RCPTS)
		return lmtp_say(c, "452 4.5.3 too many recipients");
	s->error = 0;
	memset(&s->answer, 0, sizeof(s->answer));
	if ((s->ask = auth_ask_rcpt(path.text, lmtp_answer, c)) == NULL)
		return lmtp_say(c, "451 4.3.0 recipients cannot be looked up");
	c->deadline = conn_now() + LMTP_AUTH_MS;
	c->step = lmtp_rcpt_done;
	return IO_WAIT;
}

static void
lmtp_answer(void *arg, int error, uint64_t account, uint64_t quota)
{
	struct conn	*c = arg;
	struct lmtp	*s = c->data;

	s->ask = NULL;
	s->error = error;
	s->answer.account = account;
	s->answer.quota = quota;
	conn_wake(c);
}

static enum io
lmtp_rcpt_done(struct conn *c)
{
	struct lmtp		*s = c->data;
	struct lmtp_rcpt	*v;
	enum lmtp_result	 room;

	if (s->ask != NULL)
		return IO_WAIT;
	c->step = lmtp_command;
	lmtp_patience(c);
	if (s->error != 0)
		return lmtp_say(c, "451 4.3.0 recipients cannot be looked up");
	if (s->answer.account == 0)
		return lmtp_say(c, "550 5.1.1 no such recipient here");
	room = lmtp_deliver_room(s->answer.account, s->answer.quota,
	    s->mail.size);
	if (room != LMTP_STORED)
		return lmtp_say(c, lmtp_results[room]);
	v = recallocarray(s->rcpt, s->nrcpt, s->nrcpt + 1, sizeof(*v));
	if (v == NULL)
		return lmtp_say(c, "452 4.3.0 no memory");
	s->rcpt = v;
	s->rcpt[s->nrcpt++] = s->answer;
	return lmtp_say(c, "250 2.1.5 ok");
}

enum io
lmtp_received(struct conn *c, struct lmtp *s)
{
	s->out.raw = s->msg.data;
	s->out.len = s->msg.len;
	s->out.mail.received = date_now();
	c->deadline = 0;
	c->step = lmtp_store;
	return IO_DONE;
}

/* One recipient; the answer leaves before the next one is worked on. */
static enum io
lmtp_store(struct conn *c)
{
	struct lmtp		*s = c->data;
	struct lmtp_rcpt	*r;

	if (s->next < s->nrcpt) {
		r = &s->rcpt[s->next++];
		if (r->reply == NULL)
			lmtp_one(s, r);
		lmtp_say(c, r->reply);
		return IO_WANT_WRITE;
	}
	if (s->setup->log)
		lmtp_log(c, s);
	lmtp_reset(s);
	lmtp_patience(c);
	c->step = lmtp_command;
	return IO_DONE;
}

/* Deliver to one recipient, and so to all that are the same account. */
static void
lmtp_one(struct lmtp *s, struct lmtp_rcpt *r)
{
	const char	*reply = s->failed;
	size_t		 i;

	if (reply == NULL)
		reply = lmtp_results[lmtp_deliver(&s->out, r->account,
		    r->quota)];
	for (i = s->next - 1; i < s->nrcpt; i++)
		if (s->rcpt[i].account == r->account)
			s->rcpt[i].reply = reply;
}

static void
lmtp_log(struct conn *c, struct lmtp *s)
{
	char	 ip[IP_STRLEN];
	size_t	 i, ok = 0;

	for (i = 0; i < s->nrcpt; i++)
		ok += s->rcpt[i].reply[0] == '2';
	log_info("lmtp: %s from <%s> %" PRIu64 " bytes: %zu of %zu "
	    "recipients%s%s", ip_str(&c->client, ip),
	    log_vis(s->mail.path.text, s->mail.path.len), s->taken, ok,
	    s->nrcpt, s->failed != NULL ? ": " : "",
	    s->failed != NULL ? s->failed : "");
}
