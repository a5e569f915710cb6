/* SPDX-License-Identifier: ISC */
/* Which messages a vacation response answers (RFC 3834 2), and how often. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "worker/jmap/vacation.h"

#define FROM	"Return-Path: <bob@example.org>\r\n"
#define TO	"To: Ann <ann@example.com>\r\n"

static const char	card_text[] = "0\0Ann\0ann@example.com\0"
			    "ann@second.example\0@all.example";

/* answered: whom, by which address; NULL: not, and why. */
static const struct {
	const char	*head;
	const char	*to, *own, *why;
} rows[] = {
	{ FROM TO "From: bob@example.org\r\n",
	    "bob@example.org", "ann@example.com", NULL },
	{ FROM "Cc: x@y, ANN@Second.Example\r\n",
	    "bob@example.org", "ANN@Second.Example", NULL },
	{ FROM "To: ann+tag@example.com\r\n",
	    "bob@example.org", "ann+tag@example.com", NULL },
	{ FROM "To: sales@all.example\r\n",
	    "bob@example.org", "sales@all.example", NULL },
	{ FROM "Resent-To: ann@example.com\r\nTo: list@example.net\r\n",
	    "bob@example.org", "ann@example.com", NULL },
	{ FROM TO "Auto-Submitted: no\r\n",
	    "bob@example.org", "ann@example.com", NULL },
	{ FROM TO "Auto-Submitted: No (really)\r\n",
	    "bob@example.org", "ann@example.com", NULL },
	{ FROM TO "Precedence: first-class\r\n",
	    "bob@example.org", "ann@example.com", NULL },
	{ FROM TO "X-Spam-Flag: NO\r\n",
	    "bob@example.org", "ann@example.com", NULL },
	{ FROM TO "Content-Type: multipart/mixed; boundary=report\r\n",
	    "bob@example.org", "ann@example.com", NULL },

	{ TO, NULL, NULL, "no return path" },
	{ "Return-Path: <>\r\n" TO, NULL, NULL, "no return path" },
	{ "Return-Path: <not an address>\r\n" TO, NULL, NULL,
	    "no return path" },
	/* one of the sender's own is not ours */
	{ "X: y\r\n" FROM TO, NULL, NULL, "no return path" },
	{ FROM "To: list@example.net\r\n", NULL, NULL,
	    "not to this user by name" },
	{ FROM, NULL, NULL, "not to this user by name" },
	{ "Return-Path: <ann+x@example.com>\r\n" TO, NULL, NULL,
	    "from an address of one's own" },
	{ FROM TO "Auto-Submitted: auto-replied\r\n", NULL, NULL,
	    "sent by a machine" },
	{ FROM TO "Auto-Submitted:\r\n auto-generated; x=y\r\n", NULL, NULL,
	    "sent by a machine" },
	{ FROM TO "auto-submitted: \r\n", NULL, NULL, "sent by a machine" },
	{ FROM TO "Precedence: Bulk\r\n", NULL, NULL, "bulk mail" },
	{ FROM TO "Precedence: list\r\n", NULL, NULL, "bulk mail" },
	{ FROM TO "Precedence: junk\r\n", NULL, NULL, "bulk mail" },
	{ FROM TO "List-Id: <a.b>\r\n", NULL, NULL, "from a list" },
	{ FROM TO "List-Unsubscribe: <mailto:a@b>\r\n", NULL, NULL,
	    "from a list" },
	{ FROM TO "List-Post: NO\r\n", NULL, NULL, "from a list" },
	{ FROM TO "X-Auto-Response-Suppress: DR, OOF, AutoReply\r\n", NULL,
	    NULL, "it asks for no answer" },
	{ FROM TO "X-Spam-Flag: YES\r\n", NULL, NULL, "spam" },
	{ FROM TO "Content-Type: Multipart/Report; report-type=x\r\n", NULL,
	    NULL, "a report" },
	{ "Return-Path: <owner-list@x.org>\r\n" TO, NULL, NULL,
	    "from a list's address" },
	{ "Return-Path: <list-request@x.org>\r\n" TO, NULL, NULL,
	    "from a list's address" },
	{ "Return-Path: <List-BOUNCES@x.org>\r\n" TO, NULL, NULL,
	    "from a list's address" },
	{ "Return-Path: <list-bounces+ann=example.com@x.org>\r\n" TO, NULL,
	    NULL, "from a list's address" },
	{ "Return-Path: <bounce-123-ann=example.com@x.org>\r\n" TO, NULL,
	    NULL, "from a list's address" },
	{ "Return-Path: <bounces+4711@x.org>\r\n" TO, NULL, NULL,
	    "from a machine's address" },
	{ "Return-Path: <MAILER-DAEMON@x.org>\r\n" TO, NULL, NULL,
	    "from a machine's address" },
	{ "Return-Path: <no-reply.shop@x.org>\r\n" TO, NULL, NULL,
	    "from an address that takes no mail" }
};

static void
a_machine_answers_people_only(void **state)
{
	const struct mime_msg	*m;
	struct arena		 a;
	const char		*to, *own, *why;
	char			 text[512];
	size_t			 i;
	int			 got;

	(void)state;
	card_put(7, card_text, sizeof(card_text));
	for (i = 0; i < nitems(rows); i++) {
		arena_init(&a, MIME_ARENA);
		snprintf(text, sizeof(text), "%sSubject: hi\r\n\r\n",
		    rows[i].head);
		m = mime_parse(&a, (const uint8_t *)text, strlen(text));
		assert_non_null(m);
		got = vacation_rule(&a, m, card_get(7), &to, &own, &why);
		if (got != (rows[i].to != NULL))
			fail_msg("%s: %d %s", rows[i].head, got, why);
		if (got == 1) {
			assert_string_equal(to, rows[i].to);
			assert_string_equal(own, rows[i].own);
		} else if (strcmp(why, rows[i].why) != 0)
			fail_msg("%s: %s", rows[i].head, why);
		arena_free(&a);
	}
	card_drop(0);
}

#define PERIOD	(7 * 86400000LL)

/* Ask for an answer and keep the note: 1 or 0. */
static int
ask(struct buf *note, const char *to, int64_t ms)
{
	struct buf	 out;
	int		 got;

	buf_init(&out, 1 << 20);
	got = vacation_rule_once(SLICE(note->data, note->len), to, ms, PERIOD,
	    &out);
	assert_int_not_equal(got, -1);
	if (got == 1) {
		buf_reset(note);
		assert_int_equal(buf_add(note, out.data, out.len), 0);
	}
	buf_free(&out);
	return got;
}

static void
each_person_once_a_period(void **state)
{
	struct buf	 note;
	int64_t		 t = 1800000000000LL;

	(void)state;
	buf_init(&note, 1 << 20);
	assert_int_equal(ask(&note, "bob@x.org", t), 1);
	assert_int_equal(ask(&note, "bob@x.org", t), 0);
	assert_int_equal(ask(&note, "Bob@X.org", t + 1000), 0);
	assert_int_equal(ask(&note, "eve@x.org", t + 1000), 1);
	assert_int_equal(ask(&note, "bob@x.org", t + PERIOD - 1), 0);
	assert_int_equal(ask(&note, "bob@x.org", t + PERIOD), 1);
	assert_int_equal(ask(&note, "bob@x.org", t + PERIOD), 0);
	/* eve's turn is out of the note by then, and she is asked anew */
	assert_int_equal(ask(&note, "eve@x.org", t + PERIOD + 2000),
	    1);
	assert_int_equal(note.len, 1 + 2 * 16);
	buf_free(&note);
}

static void
a_flood_of_strangers_is_not_answered(void **state)
{
	struct buf	 note;
	char		 to[64];
	int64_t		 t = 1800000000000LL;
	int		 i, n = 0;

	(void)state;
	buf_init(&note, 1 << 20);
	for (i = 0; i < 1000; i++) {
		snprintf(to, sizeof(to), "u%d@x.org", i);
		n += ask(&note, to, t + i);
	}
	assert_int_equal(n, VACATION_HOURLY);
	/* an hour later there is room again; what is kept has a bound */
	for (i = 0; i < 6000; i++) {
		snprintf(to, sizeof(to), "v%d@x.org", i);
		ask(&note, to, t + 3700000 + i * 90000LL);
	}
	assert_true(note.len <= 1 + 4096 * 16);
	/* a note that is none of ours */
	buf_reset(&note);
	buf_adds(&note, "?strange");
	assert_int_equal(ask(&note, "bob@x.org", t), 1);
	buf_free(&note);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_machine_answers_people_only),
		cmocka_unit_test(each_person_once_a_period),
		cmocka_unit_test(a_flood_of_strangers_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
