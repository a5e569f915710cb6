/* SPDX-License-Identifier: ISC */
/* A message on its way out, and the xtext of its parameters. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "worker/jmap/report.h"
#include "worker/jmap/submission.h"
#include "worker/mime/mime.h"

#define HEAD	"From: a@b\r\nDate: x\r\nMessage-ID: <m@b>\r\n"

static const struct {
	const char	*in, *out;
} rows[] = {
	{ HEAD "\r\nhi\r\n", HEAD "\r\nhi\r\n" },
	/* Bcc in every spelling goes, with its folds */
	{ "Bcc: x@y\r\n" HEAD "bcc:\r\n z@y,\r\n\tw@y\r\nResent-Bcc: v@y\r\n"
	    "BCC : u@y\r\nX-Bcc: stays\r\n\r\nBcc: body\r\n",
	    HEAD "X-Bcc: stays\r\n\r\nBcc: body\r\n" },
	/* every line end is a whole one */
	{ "From: a@b\nDate: x\nMessage-ID: <m@b>\n\na\nb\rc\r\nd",
	    HEAD "\r\na\r\nb\r\nc\r\nd" },
	/* a value keeps its folds and makes no field of its own */
	{ HEAD "X: a\r\n b\n\tc\rBcc: d@e\r\n\r\n",
	    HEAD "X: a\r\n b\r\n\tc Bcc: d@e\r\n\r\n" },
	{ HEAD, HEAD "\r\n" }
};

static void
it_leaves_without_bcc_and_with_whole_lines(void **state)
{
	struct submission_mail	 m;
	struct buf		 out;
	uint32_t		 flags;
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		memset(&m, 0, sizeof(m));
		flags = 0;
		buf_init(&m.raw, SIZE_MAX);
		buf_init(&out, SIZE_MAX);
		assert_int_equal(buf_adds(&m.raw, rows[i].in), 0);
		assert_int_equal(submission_mail_parse(&m), 0);
		assert_int_equal(submission_mail_out(&m, "h", &out, &flags),
		    0);
		assert_string_equal(buf_str(&out), rows[i].out);
		assert_int_equal(flags, 0);
		submission_mail_free(&m);
		buf_free(&out);
	}
}

static void
eight_bits_are_told(void **state)
{
	static const struct {
		const char	*in;
		uint32_t	 flags;
	} bits[] = {
		{ HEAD "\r\nplain", 0 },
		{ HEAD "\r\n\xc3\xbc", MSG_QUEUE_8BIT },
		{ HEAD "Subject: \xc3\xbc\r\n\r\nx",
		    MSG_QUEUE_8BIT | MSG_QUEUE_UTF8 },
		{ HEAD "Bcc: \xc3\xbc@x\r\n\r\nx", 0 }
	};
	struct submission_mail	 m;
	struct buf		 out;
	uint32_t		 flags;
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(bits); i++) {
		memset(&m, 0, sizeof(m));
		flags = 0;
		buf_init(&m.raw, SIZE_MAX);
		buf_init(&out, SIZE_MAX);
		assert_int_equal(buf_adds(&m.raw, bits[i].in), 0);
		assert_int_equal(submission_mail_parse(&m), 0);
		assert_int_equal(submission_mail_out(&m, "h", &out, &flags),
		    0);
		assert_int_equal(flags, bits[i].flags);
		submission_mail_free(&m);
		buf_free(&out);
	}
}

static void
xtext_escapes_what_it_must(void **state)
{
	static const struct {
		const char	*plain, *xtext;
	} texts[] = {
		{ "abc", "abc" },
		{ "a+b=c d", "a+2Bb+3Dc+20d" },
		{ "\xc3\xbc@x", "+C3+BC@x" },
		{ "", "" }
	};
	struct arena	 a;
	size_t		 i;

	(void)state;
	arena_init(&a, 1 << 16);
	for (i = 0; i < nitems(texts); i++)
		assert_string_equal(submission_param_xtext(&a,
		    texts[i].plain), texts[i].xtext);
	arena_free(&a);
}

static void
a_report_has_groups_of_fields(void **state)
{
	static const char	 text[] =
	    "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\n"
	    "for people\r\n--b\r\nContent-Type: message/delivery-status\r\n"
	    "\r\nReporting-MTA: dns; x\r\nX : y\r\n  z\r\n\r\n\r\n"
	    "Final-Recipient: rfc822; a@b\r\nAction: failed\r\nno field\r\n"
	    "\r\nFinal-Recipient: rfc822;c@d\r\n\r\n--b\r\n"
	    "Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <m@b>\r\n"
	    "--b--\r\n";
	const struct mime_msg	*m;
	struct report		 r;
	char			 out[REPORT_ADDRESS];
	struct arena		 a;

	(void)state;
	arena_init(&a, MIME_ARENA);
	m = mime_parse(&a, (const uint8_t *)text, sizeof(text) - 1);
	assert_int_equal(report_read(&a, m, REPORT_MDN, &r), 0);
	assert_int_equal(report_read(&a, m, REPORT_DSN, &r), 1);
	assert_int_equal(r.ngroup, 3);
	assert_int_equal(r.nfield, 5);
	assert_string_equal(report_get(&r, 0, "x"), "y z");
	assert_string_equal(report_get(&r, 1, "ACTION"), "failed");
	assert_null(report_get(&r, 2, "Action"));
	assert_string_equal(report_address(report_get(&r, 2,
	    "Final-Recipient"), out), "c@d");
	assert_null(report_address("rfc822;", out));
	assert_null(report_address(NULL, out));
	assert_string_equal(report_original(&a, &r), "m@b");
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(it_leaves_without_bcc_and_with_whole_lines),
		cmocka_unit_test(eight_bits_are_told),
		cmocka_unit_test(xtext_escapes_what_it_must),
		cmocka_unit_test(a_report_has_groups_of_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
