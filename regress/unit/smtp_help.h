/* SPDX-License-Identifier: ISC */
/*
 * A server in a test's hands, for t_smtp_client.c and t_smtp_session.c: it
 * answers as it should, but for one step, where it says what the test wants.
 */
#ifndef REGRESS_UNIT_SMTP_HELP_H
#define REGRESS_UNIT_SMTP_HELP_H

#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/smtp_client.h"

enum step { NONE, GREETING, EHLO, STARTTLS, EHLO2, AUTH, MAIL, RCPT0, RCPT1,
    DATA, DOT, RSET, QUIT, STEPS };

#define EOFS	""		/* the server closes instead of answering */

static const struct smtp_relay relay = {
	.host = "relay.test", .helo = "jmapd.test", .user = "me",
	.pass = "secret", .tls = SMTP_TLS_STARTTLS,
};
static const char	 message[] = "Subject: x\r\n\r\n.dot\r\nend\r\n";

/* The server of a test, and what it has seen. */
struct server {
	enum step	 step;		/* where it is different */
	const char	*reply;
	const char	*ehlo;		/* lines after the first, in TLS */
	int		 tls, data, eof, rcpts, mailed, refused, dataok;
	int		 obey;		/* 354 even without recipients */
	struct buf	 in, out;	/* from, to the client */
	char		 seen[4096];	/* commands, message too */
};

static ssize_t
reader(void *arg, uint64_t off, void *p, size_t n)
{
	const char	*m = arg;

	assert_true(off + n <= strlen(m));
	if (n > 5)
		n = 5;
	memcpy(p, m + off, n);
	return (ssize_t)n;
}

static void
mail_init(struct smtp_mail *m, struct smtp_rcpt *r, size_t n, const char *text)
{
	struct smtp_data_scan	 s;

	memset(&s, 0, sizeof(s));
	smtp_data_scan(&s, text, strlen(text));
	smtp_data_scan_end(&s);
	memset(m, 0, sizeof(*m));
	m->from = "from@jmapd.test";
	m->rcpts = r;
	m->nrcpts = n;
	m->len = strlen(text);
	m->size = s.size;
	m->eightbit = s.eightbit;
	m->utf8 = s.utf8;
	m->nul = s.nul;
	m->read = reader;
	m->arg = (void *)(uintptr_t)text;
}

static void
say(struct server *s, enum step step, const char *dflt)
{
	if (s->eof)
		return;
	if (step == s->step && s->reply != NULL) {
		if (*s->reply == '\0') {
			s->eof = 1;
			return;
		}
		dflt = s->reply;
		s->step = NONE;		/* once */
		s->reply = NULL;
		if (step == RCPT0 || step == RCPT1)
			s->rcpts += *dflt == '2';
		if (step == MAIL)
			s->refused = *dflt != '2';
	} else
		s->rcpts += step == RCPT0 || step == RCPT1;
	buf_adds(&s->out, dflt);
	buf_adds(&s->out, "\r\n");
}

/* One line of the client, without its CRLF. */
static void
serve(struct server *s, const char *line)
{
	char	 ehlo[512];

	strlcat(s->seen, line, sizeof(s->seen));
	strlcat(s->seen, "\n", sizeof(s->seen));
	if (s->data) {
		if (strcmp(line, ".") == 0) {
			s->data = 0;
			say(s, DOT, "250 2.0.0 queued");
		}
		return;
	}
	if (strncmp(line, "EHLO ", 5) == 0) {
		snprintf(ehlo, sizeof(ehlo), "250-mx\r\n%s",
		    s->tls ? s->ehlo : "250 STARTTLS");
		say(s, s->tls ? EHLO2 : EHLO, ehlo);
	} else if (strncmp(line, "HELO ", 5) == 0)
		say(s, NONE, "250 mx");
	else if (strcmp(line, "STARTTLS") == 0)
		say(s, STARTTLS, "220 go");
	else if (strncmp(line, "AUTH ", 5) == 0)
		say(s, AUTH, "235 2.7.0 welcome");
	else if (strcmp(line, "*") == 0)
		say(s, NONE, "501 5.5.4 cancelled");
	else if (strncmp(line, "MAIL FROM:<", 11) == 0) {
		s->rcpts = s->refused = 0;
		s->mailed = 0;
		say(s, MAIL, "250 2.1.0 ok");
	} else if (strncmp(line, "RCPT TO:<", 9) == 0) {
		if (s->refused)
			buf_adds(&s->out, "503 5.5.1 MAIL first\r\n");
		else
			say(s, s->mailed++ == 0 ? RCPT0 : RCPT1,
			    "250 2.1.5 ok");
	} else if (strcmp(line, "DATA") == 0) {
		if (s->rcpts == 0 && !s->obey && !s->eof)
			buf_adds(&s->out, "554 5.5.1 no recipients\r\n");
		else {
			s->data = s->step != DATA ||
			    strncmp(s->reply, "354", 3) == 0;
			say(s, DATA, "354 go on");
		}
	} else if (strcmp(line, "RSET") == 0)
		say(s, RSET, "250 2.0.0 reset");
	else if (strcmp(line, "QUIT") == 0) {
		say(s, QUIT, "221 2.0.0 bye");
		s->eof = 1;
	} else
		fail_msg("the client said \"%s\"", line);
}

/* Move what can be moved; 0 when nothing more happens. */
static int
turn(struct smtp_client *c, struct server *s, size_t step)
{
	char	*nl;
	size_t	 n;

	if (smtp_client_want(c) == SMTP_WANT_TLS) {
		assert_int_equal(buf_left(&c->out), 0);
		s->tls = 1;
		smtp_client_tls(c);
		return 1;
	}
	smtp_client_fill(c);
	if ((n = buf_left(&c->out)) > 0) {
		buf_add(&s->in, buf_peek(&c->out), n);
		buf_skip(&c->out, n);
		smtp_client_fill(c);
		if (buf_left(&c->out) > 0)
			return 1;
		while (buf_str(&s->in) != NULL && (nl = strstr(
		    (char *)s->in.data + s->in.off, "\r\n")) != NULL) {
			*nl = '\0';
			serve(s, (char *)s->in.data + s->in.off);
			s->in.off = (size_t)(nl + 2 - (char *)s->in.data);
		}
		return 1;
	}
	if ((n = buf_left(&s->out)) > 0) {
		n = n < step ? n : step;
		smtp_client_feed(c, buf_peek(&s->out), n);
		buf_skip(&s->out, n);
		return 1;
	}
	if (s->eof && smtp_client_want(c) != SMTP_WANT_CLOSE) {
		smtp_client_lost(c, "4.4.2", "connection closed");
		return 1;
	}
	return 0;
}

static void
server_init(struct server *s, enum step step, const char *reply,
    const char *ehlo)
{
	memset(s, 0, sizeof(*s));
	s->step = step;
	s->reply = reply;
	s->ehlo = ehlo;
	buf_init(&s->in, 65536);
	buf_init(&s->out, 65536);
	say(s, GREETING, "220 mx ESMTP");
}

static void
server_free(struct server *s)
{
	buf_free(&s->in);
	buf_free(&s->out);
}

static const char *
word(const struct smtp_result *r, int slot)
{
	static char	 out[3][32];

	snprintf(out[slot], sizeof(out[slot]), "%c%s", "-STP"[r->class],
	    r->status);
	return out[slot];
}

/* One session with a server that offers ehlo; what it saw in s->seen. */
static void
session(struct server *s, struct smtp_client *c, const struct smtp_relay *rel,
    struct smtp_mail **mails, size_t n)
{
	struct smtp_mail	*m;
	size_t			 sent = 0, done = 0;

	s->tls = rel->tls != SMTP_TLS_STARTTLS;
	smtp_client_init(c, rel);
	for (;;) {
		if ((m = smtp_client_take(c)) != NULL)
			assert_ptr_equal(m, mails[done++]);
		if (turn(c, s, 4096))
			continue;
		if (smtp_client_want(c) == SMTP_WANT_CLOSE)
			break;
		if (smtp_client_want(c) == SMTP_WANT_IO)
			fail_msg("it waits: %s", s->seen);
		if (sent < n)
			smtp_client_send(c, mails[sent++]);
		else
			smtp_client_quit(c);
	}
	assert_int_equal(done, sent);
}

#endif
