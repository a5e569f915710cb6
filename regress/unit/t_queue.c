/* SPDX-License-Identifier: ISC */
/* Of the queue what does no I/O: daemon/queue_{dsn,host,in,msg,time}.c. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/queue.h"
#include "daemon/queue_dsn.h"
#include "daemon/queue_host.h"

/* --- time --------------------------------------------------------------- */

static void
waits_double_up_to_a_limit(void **state)
{
	static const struct {
		uint32_t	 n, random;
		int64_t		 wait;
	} rows[] = {
		/* a fifth less, as much, nearly a fifth more */
		{ 1, 0, 800 }, { 1, 500, 1000 }, { 1, 999, 1199 },
		{ 0, 500, 1000 }, { 2, 500, 2000 }, { 3, 500, 4000 },
		{ 4, 500, 5000 }, { 100, 500, 5000 },
		{ UINT32_MAX, 0, 4000 }, { UINT32_MAX, UINT32_MAX, 4590 },
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++)
		assert_int_equal(queue_time_wait(rows[i].n, 1000, 5000,
		    rows[i].random), rows[i].wait);
}

/* --- the relay's name --------------------------------------------------- */

static void
a_relay_is_a_host_and_a_port(void **state)
{
	static const struct {
		const char	*text;
		uint64_t	 tls;
		const char	*host;		/* NULL: wrong */
		uint16_t	 port;
	} rows[] = {
		{ "mail.example.org", CONF_RELAY_STARTTLS,
		    "mail.example.org", 587 },
		{ "mail.example.org", CONF_RELAY_IMPLICIT,
		    "mail.example.org", 465 },
		{ "localhost", CONF_RELAY_NONE, "localhost", 25 },
		{ "mail:2525", CONF_RELAY_STARTTLS, "mail", 2525 },
		{ "192.0.2.1:26", CONF_RELAY_STARTTLS, "192.0.2.1", 26 },
		{ "[2001:db8::1]", CONF_RELAY_STARTTLS, "2001:db8::1", 587 },
		{ "[::1]:2525", CONF_RELAY_NONE, "::1", 2525 },
		{ "", 0, NULL, 0 }, { ":25", 0, NULL, 0 },
		{ "a:0", 0, NULL, 0 }, { "a:65536", 0, NULL, 0 },
		{ "a:25x", 0, NULL, 0 }, { "a b", 0, NULL, 0 },
		{ "[::1", 0, NULL, 0 }, { "[::1]25", 0, NULL, 0 },
		{ "::1", 0, NULL, 0 }, { "-a", 0, NULL, 0 },
		{ "a/b", 0, NULL, 0 }, { "a:", 0, NULL, 0 },
	};
	char	 host[QUEUE_HOST];
	uint16_t port;
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++)
		if (rows[i].host == NULL)
			assert_int_equal(queue_host(rows[i].text, rows[i].tls,
			    host, &port), -1);
		else {
			assert_int_equal(queue_host(rows[i].text, rows[i].tls,
			    host, &port), 0);
			assert_string_equal(host, rows[i].host);
			assert_int_equal(port, rows[i].port);
		}
	assert_int_equal(queue_host_loopback("localhost"), 1);
	assert_int_equal(queue_host_loopback("127.8.8.8"), 1);
	assert_int_equal(queue_host_loopback("::1"), 1);
	assert_int_equal(queue_host_loopback("192.0.2.1"), 0);
	assert_int_equal(queue_host_loopback("localhost.example.org"), 0);
}

/* --- records ------------------------------------------------------------ */

static struct queue_msg *
sample(void)
{
	struct queue_msg	*m = queue_msg_new(2);
	uint32_t		 i;

	assert_non_null(m);
	m->id = 0x1122334455667788;
	m->account = 5;
	m->submission = 6;
	m->created = 1000000;
	m->hold = 2000000;
	m->expires = 3000000;
	m->len = 77;
	m->size = 78;
	m->flags = MSG_QUEUE_RET_FULL | QUEUE_M_LEFT;
	m->priority = -3;
	m->state = QUEUE_GOING;
	assert_int_equal(queue_msg_set(&m->from, "a@here"), 0);
	assert_int_equal(queue_msg_set(&m->envid, "E=1"), 0);
	for (i = 0; i < 2; i++) {
		queue_msg_set(&m->rcpt[i].address, i ? "c@there" : "b@here");
		queue_msg_set(&m->rcpt[i].orcpt, i ? "" : "rfc822;x@y");
		queue_msg_set(&m->rcpt[i].reply, i ? "550 5.1.1 who?" : "");
		m->rcpt[i].fate = i ? QUEUE_FAILED : QUEUE_WAITS;
		m->rcpt[i].flags = QUEUE_R_SPOKEN;
		m->rcpt[i].attempts = i;
		m->rcpt[i].notify = MSG_QUEUE_DELAY;
		m->rcpt[i].next = 4000000;
	}
	return m;
}

static void
records_come_back_as_they_were(void **state)
{
	struct queue_msg	*m = sample(), *n;
	struct buf		 a, b, r[2];
	size_t			 i, k;

	(void)state;
	buf_init(&a, 4096);
	buf_init(&b, 4096);
	queue_msg_put(&a, m);
	n = queue_msg_get(m->id, SLICE(a.data, a.len));
	assert_non_null(n);
	for (i = 0; i < 2; i++) {
		buf_init(&r[i], 4096);
		queue_msg_put_rcpt(&r[i], &m->rcpt[i]);
		assert_int_equal(queue_msg_get_rcpt(n, i, SLICE(r[i].data,
		    r[i].len)), 0);
		buf_reset(&b);
		queue_msg_put_rcpt(&b, &n->rcpt[i]);
		assert_int_equal(b.len, r[i].len);
		assert_memory_equal(b.data, r[i].data, b.len);
		/* not twice */
		assert_int_equal(queue_msg_get_rcpt(n, i, SLICE(r[i].data,
		    r[i].len)), -1);
	}
	buf_reset(&b);
	queue_msg_put(&b, n);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	queue_msg_free(n);
	/* cut anywhere, neither is one */
	for (k = 0; k < a.len; k++)
		assert_null(queue_msg_get(1, SLICE(a.data, k)));
	for (k = 0; k < r[0].len; k++) {
		n = queue_msg_get(m->id, SLICE(a.data, a.len));
		assert_int_equal(queue_msg_get_rcpt(n, 0, SLICE(r[0].data,
		    k)), -1);
		queue_msg_free(n);
	}
	buf_free(&a);
	buf_free(&b);
	buf_free(&r[0]);
	buf_free(&r[1]);
	queue_msg_free(m);
}

/* --- notifications ------------------------------------------------------ */

static void
codes_are_found_in_replies(void **state)
{
	static const char *const	 rows[][2] = {
		{ "550 5.1.1 no such user", "5.1.1" },
		{ "452 4.2.2 full", "4.2.2" },
		{ "250 2.1.5", "2.1.5" },
		{ "550 5.7.509 policy", "5.7.509" },
		{ "5.1.1 without a code", "5.1.1" },
		{ "550 no such user", "5.0.0" },
		{ "450 later", "4.0.0" },
		{ "250 ok", "2.0.0" },
		{ "550 5.1.1x", "5.0.0" }, { "550 5.1", "5.0.0" },
		{ "550 3.1.1 what", "5.0.0" }, { "550 5.1.1234", "5.0.0" },
		{ "550 5.-1.1 x", "5.0.0" }, { "", "5.0.0" },
		{ "550 192.0.2.1 is listed", "5.0.0" },
	};
	char	 status[12];
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		queue_dsn_status(rows[i][0], status);
		assert_string_equal(status, rows[i][1]);
	}
}

static void
fields_of_a_head_are_found(void **state)
{
	static const char	 head[] = "Subject: one\r\n"
				    "Message-id:  <a@b> \r\n"
				    "Long: folded\r\n more\r\nBad: a\001b\r\n"
				    "Empty:\r\n\r\nAfter: no\r\n";
	static const struct {
		const char	*name, *value;
	} rows[] = {
		{ "subject", "one" }, { "message-id", "<a@b>" },
		{ "long", "folded" }, { "bad", "" }, { "empty", "" },
		{ "after", "" }, { "sub", "" },
	};
	struct slice		 v;
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		v = queue_dsn_field(SLICE(head, strlen(head)), rows[i].name);
		assert_int_equal(v.n, strlen(rows[i].value));
		assert_memory_equal(v.p == NULL ? "" : v.p, rows[i].value,
		    v.n);
	}
	assert_int_equal(queue_dsn_head(head, strlen(head)),
	    strlen(head) - strlen("\r\nAfter: no\r\n"));
	assert_int_equal(queue_dsn_head("a\n\nb", 4), 2);
	assert_int_equal(queue_dsn_head("a", 1), 1);
	assert_int_equal(queue_dsn_head("", 0), 0);
}

static char *
notification(enum queue_dsn_kind kind, struct queue_msg *m, int full,
    const char *original, struct buf *b)
{
	uint8_t			 which[2] = { 0, 1 };
	struct queue_dsn	 d;

	memset(&d, 0, sizeof(d));
	d.kind = kind;
	d.msg = m;
	d.which = which;
	d.host = "mail.here";
	d.relay = "relay.there";
	d.id = 0xabc;
	d.now = 1700000000000;
	d.original = SLICE_STR(original);
	d.full = full;
	buf_init(b, 65536);
	assert_int_equal(queue_dsn_build(&d, b), 0);
	return (char *)(uintptr_t)buf_str(b);
}

static void
a_notification_says_all_that_is_asked(void **state)
{
	static const char *const	 want[] = {
		"\r\nTo: <a@here>\r\n", "\r\nAuto-Submitted: auto-replied\r\n",
		"\r\nIn-Reply-To: <id@here>\r\n",
		"multipart/report; report-type=delivery-status;",
		"\r\n\r\nOriginal-Envelope-Id: E=1\r\nReporting-MTA: dns; "
		"mail.here\r\nArrival-Date: ",
		"\r\n\r\nFinal-Recipient: rfc822; c@there\r\nAction: failed\r\n"
		"Status: 5.1.1\r\nRemote-MTA: dns; relay.there\r\n"
		"Diagnostic-Code: smtp; 550 5.1.1 who?\r\n",
		"\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <id@here>",
		"\r\nIts subject: hello\r\n",
	};
	struct queue_msg	*m = sample();
	struct buf		 b;
	char			*text;
	size_t			 i;

	(void)state;
	text = notification(QUEUE_DSN_FAILED, m, 1,
	    "Message-ID: <id@here>\r\nSubject: hello\r\n\r\nbody\r\n", &b);
	for (i = 0; i < nitems(want); i++)
		if (strstr(text, want[i]) == NULL)
			fail_msg("not there: %s\n%s", want[i], text);
	/* only of whom it is about */
	assert_null(strstr(text, "b@here"));
	buf_free(&b);
	text = notification(QUEUE_DSN_DELAYED, m, 0, "Subject: =?utf-8?q?x?="
	    "\r\n", &b);
	assert_non_null(strstr(text, "\r\nWill-Retry-Until: "));
	assert_non_null(strstr(text, "\r\nContent-Type: text/rfc822-headers"));
	assert_null(strstr(text, "Its subject"));
	buf_free(&b);
	m->rcpt[1].fate = QUEUE_RELAYED;
	text = notification(QUEUE_DSN_SUCCESS, m, 0, "", &b);
	assert_non_null(strstr(text, "\r\nAction: relayed\r\n"));
	buf_free(&b);
	/* RFC 6533 */
	queue_msg_set(&m->rcpt[1].address, "j\303\266rg@there");
	text = notification(QUEUE_DSN_FAILED, m, 1, "A: \303\266\r\n", &b);
	assert_non_null(strstr(text, "report-type=global-delivery-status;"));
	assert_non_null(strstr(text, "\r\nContent-Type: message/global-"
	    "delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n"));
	assert_non_null(strstr(text, "\r\nFinal-Recipient: utf-8; "
	    "j\303\266rg@there\r\n"));
	assert_non_null(strstr(text, "\r\nContent-Type: message/global\r\n"));
	buf_free(&b);
	queue_msg_free(m);
}

/* --- in ----------------------------------------------------------------- */

static void
a_mail_is_what_was_said(void **state)
{
	struct conf		*c = conf_new();
	struct msg_queue_put	 h = { .account = 1, .size = 5, .nrcpt = 1 };
	struct msg_queue_rcpt	 r = { MSG_QUEUE_SUCCESS, 0 };
	struct queue_in		 in;
	struct queue_msg	*m;

	(void)state;
	memset(&in, 0, sizeof(in));
	assert_int_equal(queue_in_end(&in), -1);
	assert_int_equal(queue_in_put(&in, &h, "a@b\0x+2B+3Dy\0", 13, c, 9,
	    1000), 0);
	assert_int_equal(queue_in_data(&in, "x", 1), -1);
	assert_int_equal(queue_in_end(&in), -1);
	assert_int_equal(queue_in_rcpt(&in, &r, "c@d\0rfc822;x+20y@z\0", 19),
	    0);
	assert_int_equal(queue_in_data(&in, "a\n\303", 3), 0);
	assert_int_equal(queue_in_end(&in), -1);
	assert_int_equal(queue_in_data(&in, "abc", 3), -1);
	assert_int_equal(queue_in_data(&in, "\244\n", 2), 0);
	assert_int_equal(queue_in_end(&in), 0);
	assert_int_equal(in.error, QUEUE_ASK_OK);
	m = queue_in_reset(&in);
	assert_string_equal(m->envid, "x+=y");
	assert_string_equal(m->rcpt[0].orcpt, "rfc822;x y@z");
	/* a line's end counts two */
	assert_int_equal(m->size, m->len + 2);
	assert_int_equal(m->expires, 1000 + (int64_t)c->queue_expire);
	queue_msg_free(m);
	/* xtext that is none */
	assert_int_equal(queue_in_put(&in, &h, "a@b\0x+2\0", 8, c, 9, 1000),
	    0);
	assert_int_equal(in.error, QUEUE_ASK_INVALID);
	queue_msg_free(queue_in_reset(&in));
	h.size = c->max_message_size + 1;
	assert_int_equal(queue_in_put(&in, &h, "a@b\0\0", 5, c, 9, 1000), 0);
	assert_int_equal(in.error, QUEUE_ASK_TOOBIG);
	queue_msg_free(queue_in_reset(&in));
	h.size = 1;
	h.by = 500;
	assert_int_equal(queue_in_put(&in, &h, "a@b\0\0", 5, c, 9, 1000), 0);
	assert_int_equal(in.m->expires, 500);
	queue_msg_free(queue_in_reset(&in));
	conf_free(c);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(waits_double_up_to_a_limit),
		cmocka_unit_test(a_relay_is_a_host_and_a_port),
		cmocka_unit_test(records_come_back_as_they_were),
		cmocka_unit_test(codes_are_found_in_replies),
		cmocka_unit_test(fields_of_a_head_are_found),
		cmocka_unit_test(a_notification_says_all_that_is_asked),
		cmocka_unit_test(a_mail_is_what_was_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
