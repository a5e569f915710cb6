/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtp_client.c and smtp_auth.c: connections that are used again, AUTH,
 * messages that end too early, bounds and clocks.
 */
#include "regress/unit/smtp_help.h"

static void
a_connection_is_used_again(void **state)
{
	struct smtp_relay	 three = relay;
	struct smtp_rcpt	 r[5] = { { .addr = "a@b.c" },
				    { .addr = "b@b.c" }, { .addr = "c@b.c" },
				    { .addr = "no" }, { .addr = "d@b.c" } };
	struct smtp_mail	 m[5], *mails[5];
	struct smtp_client	 c;
	struct server		 s;
	char			*p;
	size_t			 i;
	int			 n = 0;

	(void)state;
	three.mails = 3;
	for (i = 0; i < nitems(m); i++) {
		mail_init(&m[i], &r[i], 1, message);
		mails[i] = &m[i];
	}
	/* the first is refused: RSET before the next */
	server_init(&s, RCPT0, "450 4.2.0 no", "250-AUTH PLAIN\r\n250 X");
	session(&s, &c, &three, mails, 5);
	for (p = s.seen; (p = strstr(p, "MAIL FROM")) != NULL; p++)
		n++;
	assert_int_equal(n, 3);
	assert_non_null(strstr(s.seen, "RCPT TO:<a@b.c>\nRSET\nMAIL FROM"));
	assert_non_null(strstr(s.seen, "end\n.\nMAIL FROM"));
	assert_int_equal(c.why.class, SMTP_SENT);
	assert_string_equal(word(&r[0].result, 0), "T4.2.0");
	assert_string_equal(word(&r[1].result, 0), "S2.1.5");
	assert_string_equal(word(&r[2].result, 0), "S2.1.5");
	smtp_client_free(&c);
	server_free(&s);
}

/* A server that closes between mails has done its work; one that does before
 * the first has not. */
static void
an_idle_end_is_an_orderly_one(void **state)
{
	struct smtp_rcpt	 r = { .addr = "a@b.c" };
	struct smtp_mail	 m;
	struct smtp_client	 c;
	struct server		 s;
	int			 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		mail_init(&m, &r, 1, message);
		server_init(&s, NONE, NULL, "250-AUTH PLAIN\r\n250 X");
		smtp_client_init(&c, &relay);
		while (turn(&c, &s, 99))
			;
		if (i & 1)
			smtp_client_send(&c, &m);
		while (turn(&c, &s, 99))
			;
		if (i & 2)
			smtp_client_feed(&c, "421 idle\r\n", 10);
		else
			smtp_client_lost(&c, "4.4.2", "closed");
		assert_int_equal(smtp_client_want(&c), SMTP_WANT_CLOSE);
		assert_int_equal(c.why.class, i & 1 ? SMTP_SENT : SMTP_TEMP);
		smtp_client_free(&c);
		server_free(&s);
	}
}

/* A connection that died while it was idle: the mail was not tried. */
static void
a_dead_connection_is_no_verdict(void **state)
{
	struct smtp_rcpt	 r[2] = { { .addr = "a@b.c" },
				    { .addr = "b@b.c" } };
	struct smtp_mail	 m[2], *mails[] = { &m[0], &m[1] };
	static const char *const ends[] = { "", "421 4.4.2 idle" };
	struct smtp_client	 c;
	struct server		 s;
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(ends); i++) {
		mail_init(&m[0], &r[0], 1, message);
		mail_init(&m[1], &r[1], 1, message);
		server_init(&s, NONE, NULL, "250-AUTH PLAIN\r\n250 X");
		smtp_client_init(&c, &relay);
		while (turn(&c, &s, 99))
			;
		smtp_client_send(&c, mails[0]);
		while (turn(&c, &s, 99))
			;
		assert_ptr_equal(smtp_client_take(&c), mails[0]);
		assert_int_equal(m[0].untried, 0);
		s.step = MAIL;
		s.reply = ends[i];
		smtp_client_send(&c, mails[1]);
		while (turn(&c, &s, 99))
			;
		assert_ptr_equal(smtp_client_take(&c), mails[1]);
		assert_int_equal(m[1].untried, 1);
		assert_int_equal(r[1].result.class, SMTP_TEMP);
		smtp_client_free(&c);
		server_free(&s);
	}
}

static void
helo_when_there_is_no_ehlo(void **state)
{
	struct smtp_relay	 plain = relay;
	struct smtp_rcpt	 r = { .addr = "a@b.c", .notify = 2 };
	struct smtp_mail	 m, *mails[] = { &m };
	struct smtp_client	 c;
	struct server		 s;

	(void)state;
	plain.tls = SMTP_TLS_NONE;
	plain.user = NULL;
	mail_init(&m, &r, 1, message);
	server_init(&s, EHLO2, "502 what?", "");
	session(&s, &c, &plain, mails, 1);
	assert_non_null(strstr(s.seen, "EHLO jmapd.test\nHELO jmapd.test\n"
	    "MAIL FROM:<from@jmapd.test>\nRCPT TO:<a@b.c>\nDATA\n"));
	assert_int_equal(r.result.class, SMTP_SENT);
	smtp_client_free(&c);
	server_free(&s);
}

/* --- AUTH ---------------------------------------------------------------- */

/* Feed the dialogue: lines of the server, each with what the client must have
 * written before it. */
static void
auth_dialogue(const struct smtp_relay *rel, const char *const *lines,
    const char *why)
{
	struct smtp_client	 c;
	char			 want[3000];

	smtp_client_init(&c, rel);
	for (; *lines != NULL; lines += 2) {
		snprintf(want, sizeof(want), "%s\r\n", lines[0]);
		if (*lines[0] != '\0') {
			assert_non_null(buf_str(&c.out));
			assert_string_equal(buf_peek(&c.out), want);
			buf_reset(&c.out);
		}
		smtp_client_feed(&c, lines[1], strlen(lines[1]));
	}
	if (why == NULL)
		assert_int_equal(smtp_client_want(&c), SMTP_WANT_MAIL);
	else {
		assert_string_equal(c.why.status, why);
		assert_int_equal(c.why.class, SMTP_TEMP);
	}
	smtp_client_free(&c);
}

static void
authentication(void **state)
{
	static const char *const plain[] = { "", "220 x\r\n",
	    "EHLO jmapd.test", "250-x\r\n250 AUTH LOGIN PLAIN\r\n",
	    "AUTH PLAIN AG1lAHNlY3JldA==", "235 ok\r\n", NULL };
	static const char *const login[] = { "", "220 x\r\n",
	    "EHLO jmapd.test", "250-x\r\n250 AUTH LOGIN\r\n",
	    "AUTH LOGIN", "334 VXNlcm5hbWU6\r\n", "bWU=",
	    "334 UGFzc3dvcmQ6\r\n", "c2VjcmV0", "235 ok\r\n", NULL };
	static const char *const odd[] = { "", "220 x\r\n",
	    "EHLO jmapd.test", "250-x\r\n250 AUTH LOGIN\r\n",
	    "AUTH LOGIN", "334 VXNlcm5hbWU6\r\n", "bWU=",
	    "334 UGFzc3dvcmQ6\r\n", "c2VjcmV0", "334 UGFzc3dvcmQ6\r\n",
	    "*", "501 5.7.0 ok\r\n", NULL };
	static const char *const bad64[] = { "", "220 x\r\n",
	    "EHLO jmapd.test", "250-x\r\n250 AUTH LOGIN\r\n",
	    "AUTH LOGIN", "334 User name?\r\n", "*", "501 x\r\n", NULL };
	static const char *const endless[] = { "", "220 x\r\n",
	    "EHLO jmapd.test", "250-x\r\n250 AUTH LOGIN\r\n",
	    "AUTH LOGIN", "334 =\r\n", "*", "334 \r\n", NULL };
	char	 user[401], b64[1024], ask[1100];
	const char *longer[] = { "", "220 x\r\n", "EHLO jmapd.test",
	    "250-x\r\n250 AUTH PLAIN\r\n", "AUTH PLAIN", "334 \r\n", b64,
	    "235 ok\r\n", NULL };
	struct smtp_relay	 rel = relay;
	size_t			 i, n;

	(void)state;
	rel.tls = SMTP_TLS_IMPLICIT;
	auth_dialogue(&rel, plain, NULL);
	auth_dialogue(&rel, login, NULL);
	auth_dialogue(&rel, odd, "4.7.0");
	auth_dialogue(&rel, bad64, "4.5.4");
	auth_dialogue(&rel, endless, "4.5.0");

	/* RFC 4954 4: no initial response in a line that would be too long */
	memset(user, 'u', sizeof(user) - 1);
	user[sizeof(user) - 1] = '\0';
	rel.user = user;
	/* NUL u x 400 NUL "secret" in base64: AHV1 dXV1 ... */
	strlcpy(b64, "AHV1", sizeof(b64));
	for (i = 0; i < 132; i++)
		strlcat(b64, "dXV1", sizeof(b64));
	strlcat(b64, "dXUA", sizeof(b64));
	strlcat(b64, "c2VjcmV0", sizeof(b64));
	n = strlen(b64);
	assert_int_equal(n % 4, 0);
	snprintf(ask, sizeof(ask), "%s", b64);
	longer[6] = ask;
	auth_dialogue(&rel, longer, NULL);
}

/* Without TLS there is no AUTH, whatever the caller configured. */
static void
no_password_without_tls(void **state)
{
	struct smtp_relay	 plain = relay;
	struct smtp_client	 c;
	struct server		 s;

	(void)state;
	plain.tls = SMTP_TLS_NONE;
	server_init(&s, NONE, NULL, "250 AUTH PLAIN LOGIN");
	session(&s, &c, &plain, NULL, 0);
	assert_string_equal(c.why.status, "4.7.4");
	assert_string_equal(s.seen, "EHLO jmapd.test\nQUIT\n");
	smtp_client_free(&c);
	server_free(&s);
}

/* --- the rest ------------------------------------------------------------ */

static ssize_t
no_reader(void *arg, uint64_t off, void *p, size_t n)
{
	(void)p;
	if (off >= *(uint64_t *)arg)
		return -1;
	memset(p, 'x', n);
	return (ssize_t)n;
}

/* What cannot be read to its end must not look complete to the relay. */
static void
a_message_cut_short_has_no_dot(void **state)
{
	uint64_t		 cut[] = { 0, 1, 50000 };
	struct smtp_rcpt	 r = { .addr = "a@b.c" };
	struct smtp_mail	 m, *mails[] = { &m };
	struct smtp_client	 c;
	struct server		 s;
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(cut); i++) {
		mail_init(&m, &r, 1, message);
		m.len = 100000;
		m.read = no_reader;
		m.arg = &cut[i];
		server_init(&s, NONE, NULL, "250-AUTH PLAIN\r\n250 X");
		session(&s, &c, &relay, mails, 1);
		assert_string_equal(word(&r.result, 0), "T4.3.0");
		assert_int_equal(r.result.local, 1);
		assert_true(s.data);		/* it still waits */
		smtp_client_free(&c);
		server_free(&s);
	}
}

/* They answer before the end and will not read on: that is the verdict. */
static void
an_early_verdict_counts(void **state)
{
	static const struct {
		const char	*reply, *want, *end;
	} cases[] = {
		{ "552 5.3.4 too large\r\n", "P5.3.4", "closed" },
		{ "451 4.3.1 disk full\r\n", "T4.3.1", "closed" },
		{ "421 4.3.2 down\r\n", "T4.3.2", "T4.3.2" },
		{ "250 2.0.0 fine\r\n", "T4.5.0", "T4.5.0" },
	};
	uint64_t		 all = UINT64_MAX;
	struct smtp_rcpt	 r = { .addr = "a@b.c" };
	struct smtp_mail	 m;
	struct smtp_client	 c;
	struct server		 s;
	size_t			 i, over;

	(void)state;
	for (i = 0; i < 2 * nitems(cases); i++) {
		mail_init(&m, &r, 1, message);
		/* half of them when the dot is in out already */
		over = i < nitems(cases) ? 1000000 : 1000;
		m.len = over;
		m.read = no_reader;
		m.arg = &all;
		server_init(&s, NONE, NULL, "250-AUTH PLAIN\r\n250 X");
		smtp_client_init(&c, &relay);
		while (turn(&c, &s, 99))
			;
		smtp_client_send(&c, &m);
		while (c.state == SMTP_ENVELOPE)
			turn(&c, &s, 99);
		assert_int_equal(c.state, over == 1000 ? SMTP_DOT : SMTP_DATA);
		smtp_client_feed(&c, cases[i % nitems(cases)].reply,
		    strlen(cases[i % nitems(cases)].reply));
		assert_ptr_equal(smtp_client_take(&c), &m);
		assert_string_equal(word(&r.result, 0),
		    cases[i % nitems(cases)].want);
		assert_int_equal(smtp_client_want(&c), SMTP_WANT_CLOSE);
		assert_string_equal(c.why.class == SMTP_SENT ? "closed" :
		    word(&c.why, 0), cases[i % nitems(cases)].end);
		smtp_client_free(&c);
		server_free(&s);
	}
}

/* Memory stays bounded however large the message and however many there are
 * to send it to. */
static void
out_has_a_bound(void **state)
{
	enum { N = 5000 };
	static struct smtp_rcpt	 r[N];
	uint64_t		 all = UINT64_MAX, total = 0;
	struct smtp_mail	 m;
	struct smtp_client	 c;
	size_t			 i, n, replies = 0;

	(void)state;
	for (i = 0; i < N; i++)
		r[i].addr = "somebody.with.a.long.name@example.test";
	mail_init(&m, r, N, message);
	m.len = m.size = 10000000;
	m.read = no_reader;
	m.arg = &all;
	smtp_client_init(&c, &relay);
	c.tls = 1;
	c.relay = &relay;
	c.state = SMTP_IDLE;
	c.ehlo.exts = SMTP_EHLO_PIPELINING;
	smtp_client_send(&c, &m);
	while (c.state == SMTP_ENVELOPE || c.state == SMTP_DATA ||
	    buf_left(&c.out) > 0) {
		assert_true(c.out.len <= SMTP_CLIENT_OUT);
		assert_false(buf_bad(&c.out));
		n = buf_left(&c.out);
		total += n;
		buf_skip(&c.out, n);
		smtp_client_fill(&c);
		if (buf_left(&c.out) > 0)
			continue;
		for (; c.state == SMTP_ENVELOPE && c.got < c.sent; replies++) {
			const char *line = replies == N + 1 ? "354 \r\n" :
			    "250 ok\r\n";
			smtp_client_feed(&c, line, strlen(line));
		}
	}
	assert_int_equal(c.state, SMTP_DOT);
	assert_true(total > 10000000);
	smtp_client_feed(&c, "250 ok\r\n", 8);
	assert_ptr_equal(smtp_client_take(&c), &m);
	assert_int_equal(r[N - 1].result.class, SMTP_SENT);
	smtp_client_free(&c);
}

static void
the_clock_is_that_of_the_step(void **state)
{
	struct smtp_relay	 rel = relay;
	struct smtp_rcpt	 r = { .addr = "a@b.c" };
	struct smtp_mail	 m;
	struct smtp_client	 c;

	(void)state;
	rel.times = smtp_client_times;
	rel.tls = SMTP_TLS_NONE;
	rel.user = NULL;
	mail_init(&m, &r, 1, message);
	smtp_client_init(&c, &rel);
	assert_int_equal(smtp_client_timeout(&c), 300000);
	smtp_client_feed(&c, "220 \r\n", 6);
	buf_reset(&c.out);
	assert_int_equal(smtp_client_timeout(&c), 300000);
	smtp_client_feed(&c, "250 x\r\n", 7);
	smtp_client_send(&c, &m);
	assert_int_equal(smtp_client_timeout(&c), 300000);
	smtp_client_feed(&c, "250 \r\n250 \r\n", 6);
	assert_int_equal(smtp_client_timeout(&c), 300000);
	smtp_client_feed(&c, "250 \r\n", 6);
	assert_int_equal(smtp_client_timeout(&c), 120000);
	smtp_client_feed(&c, "354 \r\n", 6);
	assert_int_equal(c.state, SMTP_DOT);
	assert_int_equal(smtp_client_timeout(&c), 600000);
	smtp_client_free(&c);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_connection_is_used_again),
		cmocka_unit_test(an_idle_end_is_an_orderly_one),
		cmocka_unit_test(a_dead_connection_is_no_verdict),
		cmocka_unit_test(helo_when_there_is_no_ehlo),
		cmocka_unit_test(authentication),
		cmocka_unit_test(no_password_without_tls),
		cmocka_unit_test(a_message_cut_short_has_no_dot),
		cmocka_unit_test(an_early_verdict_counts),
		cmocka_unit_test(out_has_a_bound),
		cmocka_unit_test(the_clock_is_that_of_the_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
