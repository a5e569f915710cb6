/* SPDX-License-Identifier: ISC */
/* common/date.c, by table. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/date.h"

#define T	1414649520000LL		/* 2014-10-30T06:12:00Z */

static void
days_of_dates(void **state)
{
	(void)state;
	assert_int_equal(date_days(1970, 1, 1), 0);
	assert_int_equal(date_days(2000, 2, 29), 11016);
	assert_int_equal(date_days(2000, 3, 1), 11017);
	assert_int_equal(date_days(1969, 12, 31), -1);
	assert_int_equal(date_days(0, 1, 1), -719528);
	assert_int_equal(date_days(9999, 12, 31), 2932896);
}

static const struct form {
	int64_t		 ms;
	int		 off;
	const char	*local, *mail, *http;
} forms[] = {
	{ 0, 0, "1970-01-01T00:00:00Z", "Thu, 1 Jan 1970 00:00:00 +0000",
	    "Thu, 01 Jan 1970 00:00:00 GMT" },
	{ T, 480, "2014-10-30T14:12:00+08:00",
	    "Thu, 30 Oct 2014 14:12:00 +0800",
	    "Thu, 30 Oct 2014 06:12:00 GMT" },
	{ T + 7, -210, "2014-10-30T02:42:00.007-03:30",
	    "Thu, 30 Oct 2014 02:42:00 -0330",
	    "Thu, 30 Oct 2014 06:12:00 GMT" },
	{ -1, 0, "1969-12-31T23:59:59.999Z",
	    "Wed, 31 Dec 1969 23:59:59 +0000",
	    "Wed, 31 Dec 1969 23:59:59 GMT" },
	{ INT64_MIN + 1, 0, "0000-01-01T00:00:00Z",
	    "Sat, 1 Jan 0000 00:00:00 +0000",
	    "Sat, 01 Jan 0000 00:00:00 GMT" },
	{ INT64_MAX, 0, "9999-12-31T23:59:59.999Z",
	    "Fri, 31 Dec 9999 23:59:59 +0000",
	    "Fri, 31 Dec 9999 23:59:59 GMT" },
};

static void
writes_three_forms(void **state)
{
	const struct form	*f;
	char			 out[DATE_LEN];

	(void)state;
	for (f = forms; f < forms + nitems(forms); f++) {
		date_local(f->ms, f->off, out);
		assert_string_equal(out, f->local);
		date_mail(f->ms, f->off, out);
		assert_string_equal(out, f->mail);
		date_http(f->ms, out);
		assert_string_equal(out, f->http);
	}
	date_utc(T, out);
	assert_string_equal(out, "2014-10-30T06:12:00Z");
}

static const struct row {
	const char	*text;
	int64_t		 ms;
	int		 off;
} rfc3339[] = {
	{ "2014-10-30T06:12:00Z", T, 0 },
	{ "2014-10-30T14:12:00+08:00", T, 480 },
	{ "2014-10-30T02:42:00.5-03:30", T + 500, -210 },
	{ "2014-10-30T06:12:00.123456Z", T + 123, 0 },
	{ "2000-02-29T00:00:00Z", 951782400000LL, 0 },
	{ "1969-12-31T23:59:59.999Z", -1, 0 },
	{ "2016-12-31T23:59:60Z", 1483228800000LL, 0 },
	{ "2001-02-29T00:00:00Z", DATE_NONE, 0 },
	{ "2014-10-30t06:12:00Z", DATE_NONE, 0 },
	{ "2014-10-30T06:12:00z", DATE_NONE, 0 },
	{ "2014-10-30 06:12:00Z", DATE_NONE, 0 },
	{ "2014-10-30T06:12:00", DATE_NONE, 0 },
	{ "2014-10-30T06:12:00.Z", DATE_NONE, 0 },
	{ "2014-10-30T24:12:00Z", DATE_NONE, 0 },
	{ "2014-13-30T06:12:00Z", DATE_NONE, 0 },
	{ "2014-00-30T06:12:00Z", DATE_NONE, 0 },
	{ "2014-10-00T06:12:00Z", DATE_NONE, 0 },
	{ "2014-10-30T06:12:00+24:00", DATE_NONE, 0 },
	{ "2014-10-30T06:12:00Zx", DATE_NONE, 0 },
	{ "14-10-30T06:12:00Z", DATE_NONE, 0 },
	{ "", DATE_NONE, 0 },
}, rfc5322[] = {
	{ "Thu, 30 Oct 2014 14:12:00 +0800", T, 480 },
	{ " 30 Oct 2014 06:12:00 GMT", T, 0 },
	{ "30 oct 2014 06:12", T, 0 },
	{ "Thu, 30 Oct 14 06:12:00 UT", T, 0 },
	{ "Thu, 30 Oct 114 06:12:00 Z", T, 0 },
	{ "Thu,\r\n 30 (the (day\\)) of) Oct 2014 (x) 06:12:00 -0000 (c)", T,
	    0 },
	{ "Thu, 30 Oct 2014 14 : 12 : 00 +0800", T, 480 },
	{ "Thu, 30 Oct 2014 14 :12 +0800", T, 480 },
	{ "Thu Oct 30 06:12:00 2014", T, 0 },
	{ "Thu Oct 30 02:12:00 EDT 2014", T, -240 },
	{ "30-Oct-2014 07:12:00 +0100", T, 60 },
	{ "2014-10-30 06:12:00", T, 0 },
	{ "2014-10-30T06:12:00Z", T, 0 },
	{ "Thursday, October 30, 2014 06:12:00 AM", T, 0 },
	{ "Thu, 30 Oct 2014 01:12:00 -0500 (EST)", T, -300 },
	{ "Thu, 30 Oct 2014 14:12:00 +08:00", T, 480 },
	{ "Thu, 30 Oct 2014 06:12:00 +9999", T, 0 },
	{ "Thu, 30 Oct 2014", T - (6 * 60 + 12) * 60000, 0 },
	{ "21 Nov 97 09:55:06 -0600", 880127706000LL, -360 },
	{ "Fri, 31 Feb 2014 06:12:00 GMT", DATE_NONE, 0 },
	{ "Thu, 30 Oct 2014 25:12:00 +0800", DATE_NONE, 0 },
	{ "yesterday", DATE_NONE, 0 },
	{ "", DATE_NONE, 0 },
	{ "((((", DATE_NONE, 0 },
	{ "+ - 99999999999999999999 Oct 1", DATE_NONE, 0 },
};

static void
reads_rfc3339(void **state)
{
	const struct row	*r;
	int			 off;

	(void)state;
	for (r = rfc3339; r < rfc3339 + nitems(rfc3339); r++) {
		off = 0;
		assert_int_equal(date_3339(r->text, strlen(r->text), 0, &off),
		    r->ms);
		assert_int_equal(off, r->off);
	}
	assert_int_equal(date_3339("2014-10-30T06:12:00Z", 20, 1, NULL), T);
	assert_int_equal(date_3339("2014-10-30T14:12:00+08:00", 25, 1, NULL),
	    DATE_NONE);
	assert_int_equal(date_3339("2014-10-30T06:12:00+00:00", 25, 1, NULL),
	    DATE_NONE);
}

static void
reads_mail_dates(void **state)
{
	const struct row	*r;
	int			 off;

	(void)state;
	for (r = rfc5322; r < rfc5322 + nitems(rfc5322); r++) {
		off = 0;
		assert_int_equal(date_5322(r->text, strlen(r->text), &off),
		    r->ms);
		assert_int_equal(off, r->off);
	}
}

/* Every day of 800 years, written and read. */
static void
round_trips(void **state)
{
	char	 out[DATE_LEN];
	int64_t	 d, ms;

	(void)state;
	for (d = date_days(1700, 1, 1); d < date_days(2500, 1, 1); d++) {
		ms = d * 86400000 + 45296000;
		date_utc(ms, out);
		assert_int_equal(date_3339(out, strlen(out), 1, NULL), ms);
		date_mail(ms, 90, out);
		assert_int_equal(date_5322(out, strlen(out), NULL), ms);
	}
}

static void
clocks_move(void **state)
{
	(void)state;
	assert_true(date_now() > T);
	assert_true(date_mono() <= date_mono());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_of_dates),
		cmocka_unit_test(writes_three_forms),
		cmocka_unit_test(reads_rfc3339),
		cmocka_unit_test(reads_mail_dates),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(clocks_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
