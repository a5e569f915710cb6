/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtp_client.c and smtp_tx.c against a server that gives each answer
 * at each step: rows of (step, answer) -> what became of two recipients and of
 * the session; each with and without PIPELINING, in pieces of several sizes.
 * Then what goes over the wire, by what the server offers.
 */
#include "regress/unit/smtp_help.h"

/*
 * What becomes of recipient 0 and 1, and of the session: class (S, T, P) and
 * status; "-" where the mail was never sent.  Session: "idle" ready for the
 * next one, "closed" in good order, T and status: temporary failure.
 */
static const struct row {
	enum step	 step;
	const char	*reply, *r0, *r1, *end;
} rows[] = {
	{ NONE, NULL, "S2.1.5", "S2.1.5", "idle" },

	{ GREETING, "220-a\r\n220 b", "S2.1.5", "S2.1.5", "idle" },
	{ GREETING, "220", "S2.1.5", "S2.1.5", "idle" },
	{ GREETING, "250 hello", "-", "-", "T4.5.0" },
	{ GREETING, "354 hello", "-", "-", "T4.5.0" },
	{ GREETING, "421 busy", "-", "-", "T4.3.2" },
	{ GREETING, "450 later", "-", "-", "T4.2.0" },
	{ GREETING, "451 4.7.1 later", "-", "-", "T4.7.1" },
	{ GREETING, "554 no service here", "-", "-", "T4.3.2" },
	{ GREETING, "554 5.7.1 blocked", "-", "-", "T4.7.1" },
	{ GREETING, "521 never", "-", "-", "T4.3.2" },
	{ GREETING, "hello", "-", "-", "T4.5.0" },
	{ GREETING, "220 a\n220 b", "-", "-", "T4.5.0" },
	{ GREETING, "220 a\r\n220 twice", "-", "-", "T4.5.0" },
	{ GREETING, EOFS, "-", "-", "T4.4.2" },

	{ EHLO, "220 hello", "-", "-", "T4.5.0" },
	{ EHLO, "334 hello", "-", "-", "T4.5.0" },
	{ EHLO, "421 4.3.2 no", "-", "-", "T4.3.2" },
	{ EHLO, "451 no", "-", "-", "T4.3.0" },
	{ EHLO, "502 no", "-", "-", "T4.5.1" },	/* TLS was asked for */
	{ EHLO, "550 no", "-", "-", "T4.3.2" },
	{ EHLO, "250 mx", "-", "-", "T4.7.4" },	/* no STARTTLS offered */
	{ EHLO, "250-mx\r\n250 PIPELINING", "-", "-", "T4.7.4" },
	{ EHLO, "250-mx\r\n251 STARTTLS", "-", "-", "T4.5.0" },
	{ EHLO, "nonsense", "-", "-", "T4.5.0" },
	{ EHLO, EOFS, "-", "-", "T4.4.2" },

	{ STARTTLS, "250 ok", "-", "-", "T4.5.0" },
	{ STARTTLS, "354 ok", "-", "-", "T4.5.0" },
	{ STARTTLS, "421 no", "-", "-", "T4.3.2" },
	{ STARTTLS, "454 no TLS now", "-", "-", "T4.7.0" },
	{ STARTTLS, "501 no", "-", "-", "T4.5.4" },
	{ STARTTLS, "554 5.7.3 no", "-", "-", "T4.7.3" },
	/* what comes behind the 220 was not said inside TLS */
	{ STARTTLS, "220 ok\r\n250-mx\r\n250 AUTH PLAIN", "-", "-",
	    "T4.5.0" },
	{ STARTTLS, "220 ok\r\n2", "-", "-", "T4.5.0" },
	{ STARTTLS, EOFS, "-", "-", "T4.4.2" },

	{ EHLO2, "421 no", "-", "-", "T4.3.2" },
	{ EHLO2, "451 no", "-", "-", "T4.3.0" },
	{ EHLO2, "502 no", "-", "-", "T4.5.1" },	/* AUTH is asked for */
	{ EHLO2, "250 mx", "-", "-", "T4.7.4" },
	{ EHLO2, "250-mx\r\n250 AUTH GSSAPI CRAM-MD5", "-", "-", "T4.7.4" },
	{ EHLO2, "250-mx\r\n250 AUTHPLAIN", "-", "-", "T4.7.4" },
	{ EHLO2, EOFS, "-", "-", "T4.4.2" },

	{ AUTH, "250 ok", "-", "-", "T4.5.0" },
	{ AUTH, "235 ok", "S2.1.5", "S2.1.5", "idle" },
	{ AUTH, "354 ok", "-", "-", "T4.5.0" },
	{ AUTH, "421 no", "-", "-", "T4.3.2" },
	{ AUTH, "454 4.7.0 later", "-", "-", "T4.7.0" },
	{ AUTH, "504 no such", "-", "-", "T4.5.4" },
	{ AUTH, "534 weak", "-", "-", "T4.7.9" },
	{ AUTH, "535 wrong", "-", "-", "T4.7.8" },
	{ AUTH, "535 5.7.8 wrong", "-", "-", "T4.7.8" },
	{ AUTH, "538 no", "-", "-", "T4.7.11" },
	{ AUTH, "334 ", "-", "-", "T4.5.4" },	/* cancelled with "*": 501 */
	{ AUTH, "334 %%%", "-", "-", "T4.5.4" },
	{ AUTH, "235 ok\r\n235 twice", "-", "-", "T4.5.0" },
	{ AUTH, EOFS, "-", "-", "T4.4.2" },

	{ MAIL, "251 ok", "S2.1.5", "S2.1.5", "idle" },
	{ MAIL, "354 go on", "T4.5.0", "T4.5.0", "T4.5.0" },
	{ MAIL, "421 no", "T4.3.2", "T4.3.2", "T4.3.2" },
	{ MAIL, "450 4.1.8 later", "T4.1.8", "T4.1.8", "idle" },
	{ MAIL, "451 later", "T4.3.0", "T4.3.0", "idle" },
	{ MAIL, "452 full", "T4.3.1", "T4.3.1", "idle" },
	{ MAIL, "455 parameters", "T4.5.4", "T4.5.4", "idle" },
	{ MAIL, "500 what", "P5.5.2", "P5.5.2", "idle" },
	{ MAIL, "530 5.7.0 authenticate", "P5.7.0", "P5.7.0", "idle" },
	{ MAIL, "550 no", "P5.0.0", "P5.0.0", "idle" },
	{ MAIL, "550 5.7.1 no", "P5.7.1", "P5.7.1", "idle" },
	{ MAIL, "552 5.3.4 too large", "P5.3.4", "P5.3.4", "idle" },
	{ MAIL, "552 too large", "P5.2.2", "P5.2.2", "idle" },
	{ MAIL, "553 bad", "P5.1.3", "P5.1.3", "idle" },
	{ MAIL, "555 parameters", "P5.5.4", "P5.5.4", "idle" },
	{ MAIL, "nonsense", "T4.5.0", "T4.5.0", "T4.5.0" },
	{ MAIL, EOFS, "T4.4.2", "T4.4.2", "T4.4.2" },

	{ RCPT0, "251 forwarded", "S2.1.5", "S2.1.5", "idle" },
	{ RCPT0, "252 perhaps", "S2.1.5", "S2.1.5", "idle" },
	{ RCPT0, "250", "S2.1.5", "S2.1.5", "idle" },
	{ RCPT0, "354 go on", "T4.5.0", "T4.5.0", "T4.5.0" },
	{ RCPT0, "421 no", "T4.3.2", "T4.3.2", "T4.3.2" },
	{ RCPT0, "450 busy", "T4.2.0", "S2.1.5", "idle" },
	{ RCPT0, "450 4.2.1 grey", "T4.2.1", "S2.1.5", "idle" },
	{ RCPT0, "451 later", "T4.3.0", "S2.1.5", "idle" },
	{ RCPT0, "452 4.5.3 too many", "T4.5.3", "S2.1.5", "idle" },
	{ RCPT0, "499 whatever", "T4.1.0", "S2.1.5", "idle" },
	{ RCPT0, "550 no", "P5.1.0", "S2.1.5", "idle" },
	{ RCPT0, "550 5.1.1 no such user", "P5.1.1", "S2.1.5", "idle" },
	{ RCPT0, "551 5.7.1 elsewhere", "P5.7.1", "S2.1.5", "idle" },
	{ RCPT0, "552 too many", "T4.5.3", "S2.1.5", "idle" },
	{ RCPT0, "552 5.5.3 too many", "T4.5.3", "S2.1.5", "idle" },
	{ RCPT0, "552 5.2.2 full", "P5.2.2", "S2.1.5", "idle" },
	{ RCPT0, "553 5.6.7 no UTF-8", "P5.6.7", "S2.1.5", "idle" },
	{ RCPT0, "556 null MX", "P5.1.10", "S2.1.5", "idle" },
	{ RCPT0, "599 whatever", "P5.1.0", "S2.1.5", "idle" },
	{ RCPT0, "550-5.1.1 no\r\n550 5.1.1 such", "P5.1.1", "S2.1.5",
	    "idle" },
	{ RCPT0, "199 odd", "T4.5.0", "T4.5.0", "T4.5.0" },
	{ RCPT0, EOFS, "T4.4.2", "T4.4.2", "T4.4.2" },

	{ RCPT1, "251 forwarded", "S2.1.5", "S2.1.5", "idle" },
	{ RCPT1, "354 go on", "T4.5.0", "T4.5.0", "T4.5.0" },
	{ RCPT1, "421 no", "T4.3.2", "T4.3.2", "T4.3.2" },
	{ RCPT1, "450 4.2.1 grey", "S2.1.5", "T4.2.1", "idle" },
	{ RCPT1, "550 5.1.1 no such user", "S2.1.5", "P5.1.1", "idle" },
	{ RCPT1, "552 too many", "S2.1.5", "T4.5.3", "idle" },
	{ RCPT1, "nonsense", "T4.5.0", "T4.5.0", "T4.5.0" },
	{ RCPT1, EOFS, "T4.4.2", "T4.4.2", "T4.4.2" },

	{ DATA, "250 ok", "T4.5.0", "T4.5.0", "T4.5.0" },
	{ DATA, "334 ok", "T4.5.0", "T4.5.0", "T4.5.0" },
	{ DATA, "354", "S2.1.5", "S2.1.5", "idle" },
	{ DATA, "354-a\r\n354 b", "S2.1.5", "S2.1.5", "idle" },
	{ DATA, "421 no", "T4.3.2", "T4.3.2", "T4.3.2" },
	{ DATA, "451 4.7.1 later", "T4.7.1", "T4.7.1", "idle" },
	{ DATA, "503 5.5.1 no", "P5.5.1", "P5.5.1", "idle" },
	{ DATA, "554 5.7.1 no", "P5.7.1", "P5.7.1", "idle" },
	{ DATA, "nonsense", "T4.5.0", "T4.5.0", "T4.5.0" },
	{ DATA, EOFS, "T4.4.2", "T4.4.2", "T4.4.2" },

	{ DOT, "250 2.0.0 queued", "S2.1.5", "S2.1.5", "idle" },
	{ DOT, "251 odd", "S2.1.5", "S2.1.5", "idle" },
	{ DOT, "354 more", "T4.5.0", "T4.5.0", "T4.5.0" },
	{ DOT, "421 4.3.2 no", "T4.3.2", "T4.3.2", "T4.3.2" },
	{ DOT, "451 4.3.0 later", "T4.3.0", "T4.3.0", "idle" },
	{ DOT, "452 4.3.1 full", "T4.3.1", "T4.3.1", "idle" },
	{ DOT, "550 5.7.1 spam", "P5.7.1", "P5.7.1", "idle" },
	{ DOT, "552 5.3.4 large", "P5.3.4", "P5.3.4", "idle" },
	{ DOT, "554 5.6.0 bad", "P5.6.0", "P5.6.0", "idle" },
	{ DOT, "nonsense", "T4.5.0", "T4.5.0", "T4.5.0" },
	{ DOT, EOFS, "T4.4.2", "T4.4.2", "T4.4.2" },
	{ DOT, "250 ok\r\n250 twice", "S2.1.5", "S2.1.5", "T4.5.0" },
};

static void
run(const struct row *w, const char *ehlo, size_t step, int pipelining)
{
	struct smtp_rcpt	 r[2] = { { .addr = "a@b.test" },
				    { .addr = "c@d.test" } };
	struct smtp_client	 c;
	struct smtp_mail	 m, *done = NULL, *got;
	struct server		 s;
	const char		*end, *r0 = "-", *r1 = "-";
	int			 sent = 0;

	mail_init(&m, r, 2, message);
	server_init(&s, w->step, w->reply, ehlo);
	smtp_client_init(&c, &relay);
	for (;;) {
		if ((got = smtp_client_take(&c)) != NULL) {
			assert_null(done);
			done = got;
		}
		if (turn(&c, &s, step))
			continue;
		if (smtp_client_want(&c) != SMTP_WANT_MAIL || sent)
			break;
		sent = 1;
		smtp_client_send(&c, &m);
	}
	assert_int_equal(sent, done != NULL);
	if (done != NULL) {
		r0 = word(&r[0].result, 0);
		r1 = word(&r[1].result, 1);
	}
	if (smtp_client_want(&c) == SMTP_WANT_MAIL)
		end = "idle";
	else {
		assert_int_equal(smtp_client_want(&c), SMTP_WANT_CLOSE);
		end = c.why.class == SMTP_SENT ? "closed" : word(&c.why, 2);
	}
	if (strcmp(r0, w->r0) != 0 || strcmp(r1, w->r1) != 0 ||
	    strcmp(end, w->end) != 0)
		fail_msg("step %d \"%s\" by %zu%s: %s %s %s\n%s", w->step,
		    w->reply, step, pipelining ? " pipelined" : "", r0, r1,
		    end, s.seen);
	assert_int_equal(m.unsure, w->step == DOT && (*w->reply == '\0' ||
	    *w->reply == '3'));
	assert_int_equal(m.untried, 0);
	/* never a password in the clear, never a mail beside TLS */
	if (strstr(s.seen, "STARTTLS\n") == NULL) {
		assert_null(strstr(s.seen, "AUTH "));
		assert_null(strstr(s.seen, "MAIL "));
	}
	smtp_client_free(&c);
	server_free(&s);
}

static void
each_answer_at_each_step(void **state)
{
	static const size_t	 steps[] = { 1, 2, 3, 5, 7, 4096 };
	const struct row	*w;
	size_t			 i;

	(void)state;
	for (w = rows; w < rows + nitems(rows); w++)
		for (i = 0; i < nitems(steps); i++) {
			run(w, "250-AUTH PLAIN LOGIN\r\n250-DSN\r\n"
			    "250-8BITMIME\r\n250 SIZE 1000", steps[i], 0);
			run(w, "250-AUTH PLAIN LOGIN\r\n250-DSN\r\n"
			    "250-8BITMIME\r\n250-SIZE 1000\r\n"
			    "250 PIPELINING", steps[i], 1);
		}
}

/* --- what goes over the wire --------------------------------------------- */

static const struct wire {
	const char	*ehlo, *from, *to, *text;
	const char	*envid, *orcpt;
	unsigned int	 notify;
	enum smtp_ret	 ret;
	const char	*seen;		/* MAIL ... or NULL: not sent */
	const char	*result;
} wires[] = {
	/* nothing offered, nothing used */
	{ "250 X", "a@b.c", "d@e.f", "x", "id", "rfc822;q@r.s", 2,
	    SMTP_RET_FULL,
	    "MAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\nDATA\nx\n.\n", "S2.1.5" },
	{ "250 X", "", "d@e.f", "", NULL, NULL, 0, 0,
	    "MAIL FROM:<>\nRCPT TO:<d@e.f>\nDATA\n.\n", "S2.1.5" },
	{ "250 SIZE", "a@b.c", "d@e.f", "x\n.y\n", NULL, NULL, 0, 0,
	    "MAIL FROM:<a@b.c> SIZE=7\nRCPT TO:<d@e.f>\nDATA\nx\n..y\n.\n",
	    "S2.1.5" },
	{ "250 size 7", "a@b.c", "d@e.f", "x\n.y\n", NULL, NULL, 0, 0,
	    "MAIL FROM:<a@b.c> SIZE=7\nRCPT TO:<d@e.f>\nDATA\nx\n..y\n.\n",
	    "S2.1.5" },
	{ "250 SIZE 0", "a@b.c", "d@e.f", "x", NULL, NULL, 0, 0,
	    "MAIL FROM:<a@b.c> SIZE=3\nRCPT TO:<d@e.f>\nDATA\nx\n.\n",
	    "S2.1.5" },
	{ "250 SIZE 6", "a@b.c", "d@e.f", "x\n.y\n", NULL, NULL, 0, 0,
	    NULL, "P5.3.4" },
	/* RFC 3461 */
	{ "250 DSN", "a@b.c", "d@e.f", "x", "Q+1", "rfc822;q+r@s.t",
	    SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY, SMTP_RET_HDRS,
	    "MAIL FROM:<a@b.c> RET=HDRS ENVID=Q+2B1\nRCPT TO:<d@e.f> "
	    "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;q+2Br@s.t\nDATA\nx\n.\n",
	    "S2.1.5" },
	{ "250 DSN", "a@b.c", "d@e.f", "x", NULL, NULL,
	    SMTP_NOTIFY_NEVER | SMTP_NOTIFY_FAILURE, SMTP_RET_FULL,
	    "MAIL FROM:<a@b.c> RET=FULL\nRCPT TO:<d@e.f> NOTIFY=NEVER\n"
	    "DATA\nx\n.\n", "S2.1.5" },
	{ "250 DSN", "a@b.c", "d@e.f", "x", "bad\r\nRSET", "no type", 4, 0,
	    "MAIL FROM:<a@b.c>\nRCPT TO:<d@e.f> NOTIFY=FAILURE\nDATA\n"
	    "x\n.\n", "S2.1.5" },
	/* RFC 6152 */
	{ "250 8BITMIME", "a@b.c", "d@e.f", "\nx", NULL, NULL, 0, 0,
	    "MAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\nDATA\n\nx\n.\n", "S2.1.5" },
	{ "250 8BITMIME", "a@b.c", "d@e.f", "\n\xe9", NULL, NULL, 0, 0,
	    "MAIL FROM:<a@b.c> BODY=8BITMIME\nRCPT TO:<d@e.f>\nDATA\n"
	    "\n\xe9\n.\n", "S2.1.5" },
	{ "250 X", "a@b.c", "d@e.f", "\n\xe9", NULL, NULL, 0, 0, NULL,
	    "P5.6.3" },
	/* RFC 6531 */
	{ "250-8BITMIME\r\n250 SMTPUTF8", "a@b.c", "d@e.f", "x", NULL, NULL,
	    0, 0, "MAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\nDATA\nx\n.\n",
	    "S2.1.5" },
	{ "250-8BITMIME\r\n250 SMTPUTF8", "\xc3\xa4@b.c", "d@e.f", "x", NULL,
	    NULL, 0, 0, "MAIL FROM:<\xc3\xa4@b.c> SMTPUTF8\n"
	    "RCPT TO:<d@e.f>\nDATA\nx\n.\n", "S2.1.5" },
	{ "250-8BITMIME\r\n250 SMTPUTF8", "a@b.c", "\xc3\xa4@e.f", "x", NULL,
	    NULL, 0, 0, "MAIL FROM:<a@b.c> SMTPUTF8\n"
	    "RCPT TO:<\xc3\xa4@e.f>\nDATA\nx\n.\n", "S2.1.5" },
	{ "250-8BITMIME\r\n250 SMTPUTF8", "a@b.c", "d@e.f", "S: \xc3\xa4",
	    NULL, NULL, 0, 0, "MAIL FROM:<a@b.c> BODY=8BITMIME SMTPUTF8\n"
	    "RCPT TO:<d@e.f>\nDATA\nS: \xc3\xa4\n.\n", "S2.1.5" },
	{ "250 8BITMIME", "\xc3\xa4@b.c", "d@e.f", "x", NULL, NULL, 0, 0,
	    NULL, "P5.6.7" },
	{ "250 8BITMIME", "a@b.c", "\xc3\xa4@e.f", "x", NULL, NULL, 0, 0,
	    NULL, "P5.6.7" },
	{ "250 8BITMIME", "a@b.c", "d@e.f", "S: \xc3\xa4", NULL, NULL, 0, 0,
	    NULL, "P5.6.9" },
	/* no injection, no wrong address */
	{ "250 X", "a@b.c>\r\nRSET", "d@e.f", "x", NULL, NULL, 0, 0, NULL,
	    "P5.1.7" },
	{ "250 X", "a@b.c", "d@e.f>\r\nDATA", "x", NULL, NULL, 0, 0, NULL,
	    "P5.1.3" },
	{ "250 X", "a b@b.c", "d> SIZE=1@e.f", "x", NULL, NULL, 0, 0,
	    "MAIL FROM:<\"a b\"@b.c>\nRCPT TO:<\"d> SIZE=1\"@e.f>\n"
	    "DATA\nx\n.\n", "S2.1.5" },
};

static void
only_what_is_offered_is_used(void **state)
{
	struct smtp_relay	 plain = relay;
	struct smtp_rcpt	 r;
	struct smtp_client	 c;
	struct smtp_mail	 m, *mails[] = { &m };
	struct server		 s;
	const struct wire	*w;
	const char		*got;
	char			 want[512];

	(void)state;
	plain.tls = SMTP_TLS_NONE;
	plain.user = NULL;
	for (w = wires; w < wires + nitems(wires); w++) {
		memset(&r, 0, sizeof(r));
		r.addr = w->to;
		r.orcpt = w->orcpt;
		r.notify = w->notify;
		mail_init(&m, &r, 1, w->text);
		m.from = w->from;
		m.envid = w->envid;
		m.ret = w->ret;
		server_init(&s, NONE, NULL, w->ehlo);
		session(&s, &c, &plain, mails, 1);
		snprintf(want, sizeof(want), "EHLO jmapd.test\n%sQUIT\n",
		    w->seen == NULL ? "" : w->seen);
		if (strcmp(s.seen, want) != 0)
			fail_msg("want\n%sgot\n%s", want, s.seen);
		got = word(&r.result, 0);
		assert_string_equal(got, w->result);
		assert_int_equal(r.result.local, w->seen == NULL);
		assert_int_equal(m.dsn, strstr(w->ehlo, "DSN") != NULL);
		smtp_client_free(&c);
		server_free(&s);
	}
}

/* One bad address does not spoil the others, piped or not. */
static void
recipients_are_judged_each(void **state)
{
	struct smtp_rcpt	 r[5] = { { .addr = "bad" },
				    { .addr = "a@b.c" },
				    { .addr = "\xc3\xa4@b.c" },
				    { .addr = "d@e.f" },
				    { .addr = "bad\n@e.f" } };
	static const char *const ehlos[] = { "250-AUTH PLAIN\r\n250 X",
				    "250-AUTH PLAIN\r\n250 PIPELINING" };
	static const char *const want[] = { "P5.1.3", "S2.1.5", "P5.6.7",
				    "P5.1.1", "P5.1.3" };
	struct smtp_client	 c;
	struct smtp_mail	 m, *mails[] = { &m };
	struct server		 s;
	size_t			 i, j;

	(void)state;
	for (i = 0; i < nitems(ehlos); i++) {
		mail_init(&m, r, 5, message);
		server_init(&s, RCPT1, "550 5.1.1 who?", ehlos[i]);
		session(&s, &c, &relay, mails, 1);
		for (j = 0; j < nitems(r); j++)
			assert_string_equal(word(&r[j].result, 0), want[j]);
		assert_string_equal(r[3].result.text, "550 5.1.1 who?");
		assert_string_equal(m.final.text, "250 2.0.0 queued");
		smtp_client_free(&c);
		server_free(&s);
	}
}

/* RFC 2920 3.1: a go-ahead that nobody may use ends with a dot alone, and
 * nothing else of the message is sent. */
static void
no_message_without_recipients(void **state)
{
	static const struct {
		enum step	 step;
		const char	*reply;
		const char	*r0, *tail;
	} cases[] = {
		{ RCPT0, "550 5.1.1 no", "P5.1.1", "DATA\n.\nRSET\nQUIT\n" },
		/* after MAIL failed the dot might send an empty mail */
		{ MAIL, "451 4.3.0 no", "T4.3.0", "DATA\n" },
	};
	struct smtp_rcpt	 r = { .addr = "a@b.c" };
	struct smtp_client	 c;
	struct smtp_mail	 m, *mails[] = { &m };
	struct server		 s;
	size_t			 i, n;

	(void)state;
	for (i = 0; i < nitems(cases); i++) {
		mail_init(&m, &r, 1, message);
		server_init(&s, cases[i].step, cases[i].reply,
		    "250-AUTH PLAIN\r\n250 PIPELINING");
		s.obey = 1;
		session(&s, &c, &relay, mails, 1);
		assert_string_equal(word(&r.result, 0), cases[i].r0);
		n = strlen(s.seen) - strlen(cases[i].tail);
		assert_string_equal(s.seen + n, cases[i].tail);
		smtp_client_free(&c);
		server_free(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(each_answer_at_each_step),
		cmocka_unit_test(only_what_is_offered_is_used),
		cmocka_unit_test(recipients_are_judged_each),
		cmocka_unit_test(no_message_without_recipients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
