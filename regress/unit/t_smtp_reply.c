/* SPDX-License-Identifier: ISC */
/* daemon/smtp_reply.c, by table; each row whole and byte by byte. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/smtp_reply.h"

#define D	PARSE_DONE
#define M	PARSE_MORE
#define E	PARSE_ERROR

static const struct row {
	const char	*in;
	enum parse	 want;
	size_t		 left;		/* bytes that are the next one's */
	int		 code;
	const char	*status;	/* of the result */
	const char	*text;		/* of the result */
} rows[] = {
	/* one line */
	{ "250 OK\r\n", D, 0, 250, "2.0.0", "250 OK" },
	{ "250 OK\r\n250 ", D, 4, 250, "2.0.0", "250 OK" },
	{ "220 mx.test ESMTP\r\n", D, 0, 220, "2.0.0", "220 mx.test ESMTP" },
	{ "354 go on\r\n", D, 0, 354, "3.0.0", "354 go on" },
	{ "451 later\r\n", D, 0, 451, "4.0.0", "451 later" },
	{ "550 no\r\n", D, 0, 550, "5.0.0", "550 no" },
	{ "250\r\n", D, 0, 250, "2.0.0", "250" },
	{ "250 \r\n", D, 0, 250, "2.0.0", "250" },
	{ "250  two spaces\r\n", D, 0, 250, "2.0.0", "250 two spaces" },
	{ "571 not in the grammar\r\n", D, 0, 571, "5.0.0",
	    "571 not in the grammar" },
	{ "599 x\r\n", D, 0, 599, "5.0.0", "599 x" },
	/* RFC 2034 */
	{ "550 5.1.1 no such user\r\n", D, 0, 550, "5.1.1",
	    "550 5.1.1 no such user" },
	{ "250 2.1.5\r\n", D, 0, 250, "2.1.5", "250 2.1.5" },
	{ "452 4.123.999 x\r\n", D, 0, 452, "4.123.999", "452 4.123.999 x" },
	{ "550 4.1.1 disagrees\r\n", D, 0, 550, "5.0.0",
	    "550 4.1.1 disagrees" },
	{ "550 5.1 short\r\n", D, 0, 550, "5.0.0", "550 5.1 short" },
	{ "550 5.1.1.1 long\r\n", D, 0, 550, "5.0.0", "550 5.1.1.1 long" },
	{ "550 5.1234.1 wide\r\n", D, 0, 550, "5.0.0", "550 5.1234.1 wide" },
	{ "550 5.1.1234 wide\r\n", D, 0, 550, "5.0.0", "550 5.1.1234 wide" },
	{ "550 5..1 empty\r\n", D, 0, 550, "5.0.0", "550 5..1 empty" },
	{ "550 5.1.1x\r\n", D, 0, 550, "5.0.0", "550 5.1.1x" },
	{ "354 3.0.0 none in 3yz\r\n", D, 0, 354, "3.0.0",
	    "354 3.0.0 none in 3yz" },
	/* several lines: RFC 8621 7 */
	{ "550-5.7.1 Our system has detected that this message is\r\n"
	    "550 5.7.1 likely spam.\r\n", D, 0, 550, "5.7.1",
	    "550 5.7.1 Our system has detected that this message is "
	    "likely spam." },
	{ "250-a\r\n250-b\r\n250 c\r\n", D, 0, 250, "2.0.0", "250 a b c" },
	{ "250-a\r\n250\r\n", D, 0, 250, "2.0.0", "250 a" },
	{ "250-\r\n250-\r\n250 c\r\n", D, 0, 250, "2.0.0", "250 c" },
	{ "550-5.1.1 a\r\n550 b\r\n", D, 0, 550, "5.1.1", "550 5.1.1 a b" },
	/* made printable */
	{ "550 a\tb\r\n", D, 0, 550, "5.0.0", "550 a b" },
	{ "550 \x1b[31m\r\n", D, 0, 550, "5.0.0", "550 \\x1b[31m" },
	{ "550 Gr\xc3\xbc\xc3\x9f\x65\r\n", D, 0, 550, "5.0.0",
	    "550 Gr\\xc3\\xbc\\xc3\\x9fe" },
	{ "550 \x7f\r\n", D, 0, 550, "5.0.0", "550 \\x7f" },
	/* not yet */
	{ "", M, 0, 0, NULL, NULL },
	{ "2", M, 0, 0, NULL, NULL },
	{ "250", M, 0, 0, NULL, NULL },
	{ "250 OK", M, 0, 0, NULL, NULL },
	{ "250 OK\r", M, 0, 0, NULL, NULL },
	{ "250-OK\r\n", M, 0, 0, NULL, NULL },
	{ "250-OK\r\n250-x\r\n25", M, 0, 0, NULL, NULL },
	/* never */
	{ "\r\n", E, 0, 0, NULL, NULL },
	{ "2\r\n", E, 0, 0, NULL, NULL },
	{ "25\r\n", E, 0, 0, NULL, NULL },
	{ "25 OK\r\n", E, 0, 0, NULL, NULL },
	{ "2500 OK\r\n", E, 0, 0, NULL, NULL },
	{ "250_OK\r\n", E, 0, 0, NULL, NULL },
	{ "250\tOK\r\n", E, 0, 0, NULL, NULL },
	{ " 250 OK\r\n", E, 0, 0, NULL, NULL },
	{ "050 OK\r\n", E, 0, 0, NULL, NULL },
	{ "150 OK\r\n", E, 0, 0, NULL, NULL },
	{ "650 OK\r\n", E, 0, 0, NULL, NULL },
	{ "250 OK\n", E, 0, 0, NULL, NULL },
	{ "250 O\rK\r\n", E, 0, 0, NULL, NULL },
	{ "250 OK\r\r\n", E, 0, 0, NULL, NULL },
	{ "250-OK\r\n251 OK\r\n", E, 0, 0, NULL, NULL },
	{ "250-OK\r\n350 OK\r\n", E, 0, 0, NULL, NULL },
	{ "250-OK\r\n240 OK\r\n", E, 0, 0, NULL, NULL },
	{ "250-OK\r\n\r\n", E, 0, 0, NULL, NULL },
	{ "HTTP/1.1 400 Bad Request\r\n", E, 0, 0, NULL, NULL },
	{ "-ERR\r\n", E, 0, 0, NULL, NULL },
	{ "\x16\x03\x01", E, 0, 0, NULL, NULL },
};

/* Feed it in pieces of step bytes; what is left behind the reply in *left. */
static enum parse
feed(struct smtp_reply *r, const char *p, size_t n, size_t step, size_t *left)
{
	enum parse	 ret = PARSE_MORE;
	size_t		 off = 0, used = 0, m;

	memset(r, 0, sizeof(*r));
	while (off < n && ret == PARSE_MORE) {
		m = n - off < step ? n - off : step;
		ret = smtp_reply_read(r, p + off, m, &used);
		if (ret != PARSE_ERROR)
			off += used;
	}
	*left = n - off;
	return ret;
}

static void
rows_come_out_as_they_should(void **state)
{
	const struct row	*w;
	struct smtp_reply	 r;
	struct smtp_result	 res;
	size_t			 step, left;

	(void)state;
	for (w = rows; w < rows + nitems(rows); w++)
		for (step = 1; step <= strlen(w->in) + 1; step++) {
			if (feed(&r, w->in, strlen(w->in), step, &left) !=
			    w->want)
				fail_msg("\"%s\" by %zu", w->in, step);
			if (w->want != PARSE_DONE)
				continue;
			assert_int_equal(left, w->left);
			assert_int_equal(r.code, w->code);
			smtp_reply_result(&r, "x.0.0", &res);
			assert_int_equal(res.code, w->code);
			assert_string_equal(res.status, w->status);
			assert_string_equal(res.text, w->text);
		}
}

static void
the_class_is_the_first_digit(void **state)
{
	static const int	 want[] = { 0, 0, SMTP_SENT, SMTP_SENT,
	    SMTP_TEMP, SMTP_PERM };
	struct smtp_reply	 r;
	struct smtp_result	 res;
	char			 line[16];
	size_t			 left;
	int			 code;

	(void)state;
	for (code = 200; code < 600; code++) {
		snprintf(line, sizeof(line), "%d x\r\n", code);
		assert_int_equal(feed(&r, line, strlen(line), 99, &left),
		    PARSE_DONE);
		smtp_reply_result(&r, "x.3.4", &res);
		assert_int_equal(res.class, want[code / 100]);
		assert_int_equal(res.status[0], '0' + code / 100);
		assert_string_equal(res.status + 1, ".3.4");
	}
}

/* Bounded however much comes: a line, the lines, the text kept. */
static void
length_has_bounds(void **state)
{
	static const char	 line[] =
	    "250-\xff 345678901234567890123456789012345678901234567\r\n";
	static char		 big[SMTP_REPLY_LINE + 64];
	struct smtp_reply	 r;
	struct smtp_result	 res;
	size_t			 left, i, used;

	(void)state;
	memset(big, 'x', sizeof(big));
	memcpy(big, "250 ", 4);
	memcpy(big + SMTP_REPLY_LINE, "\r\n", 3);
	assert_int_equal(feed(&r, big, SMTP_REPLY_LINE + 2, 7, &left),
	    PARSE_DONE);
	smtp_reply_result(&r, "x.0.0", &res);
	assert_true(strlen(res.text) < sizeof(res.text));
	memcpy(big + SMTP_REPLY_LINE, "x\r\n", 4);
	assert_int_equal(feed(&r, big, SMTP_REPLY_LINE + 3, 7, &left),
	    PARSE_ERROR);

	memset(&r, 0, sizeof(r));
	for (i = 0; i < SMTP_REPLY_LINES; i++)
		assert_int_equal(smtp_reply_read(&r, line, strlen(line),
		    &used), PARSE_MORE);
	assert_true(r.len < SMTP_REPLY_TEXT);
	assert_int_equal(r.text[SMTP_REPLY_TEXT - 1], 0);
	smtp_reply_result(&r, "x.0.0", &res);
	assert_int_equal(smtp_reply_read(&r, "250 x\r\n", 7, &used),
	    PARSE_ERROR);
}

static void
lines_are_found(void **state)
{
	static const char	 in[] = "250-mx\r\n250-\r\n250 SIZE 5\r\n";
	struct smtp_reply	 r;
	char			 line[5];
	size_t			 left;

	(void)state;
	assert_int_equal(feed(&r, in, strlen(in), 3, &left), PARSE_DONE);
	assert_int_equal(smtp_reply_line(&r, 0, line, sizeof(line)), 0);
	assert_string_equal(line, "mx");
	assert_int_equal(smtp_reply_line(&r, 1, line, sizeof(line)), 0);
	assert_string_equal(line, "");
	assert_int_equal(smtp_reply_line(&r, 2, line, sizeof(line)), 0);
	assert_string_equal(line, "SIZE");	/* cut to the room */
	assert_int_equal(smtp_reply_line(&r, 3, line, sizeof(line)), -1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(rows_come_out_as_they_should),
		cmocka_unit_test(the_class_is_the_first_digit),
		cmocka_unit_test(length_has_bounds),
		cmocka_unit_test(lines_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
