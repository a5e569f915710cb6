/* SPDX-License-Identifier: ISC */
/* common/norm.c, by table, and that hostile text costs little. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/date.h"
#include "common/norm.h"

static const struct row {
	enum norm	 form;
	const char	*in, *out;
} rows[] = {
	{ NORM_NFC, "", "" },
	{ NORM_NFC, "abc", "abc" },
	{ NORM_NFC, "e\xcc\x81", "\xc3\xa9" },
	{ NORM_NFC, "a\xcc\xa3\xcc\x82", "\xe1\xba\xad" },
	{ NORM_NFC, "\xef\xac\x81", "\xef\xac\x81" },
	{ NORM_FOLD, "Stra\xc3\x9f" "E \xc3\x84", "strasse \xc3\xa4" },
	{ NORM_FOLD, "\xef\xac\x81", "fi" },
	{ NORM_KEY, "\xc3\x89", "e\xcc\x81" },
	{ NORM_NFC, "a\xff", "a\xff" },
};

static void
forms(void **state)
{
	const struct row	*r;
	struct buf		 b;

	(void)state;
	for (r = rows; r < rows + nitems(rows); r++) {
		buf_init(&b, 100);
		assert_int_equal(norm_add(&b, r->in, strlen(r->in), r->form),
		    0);
		assert_string_equal(buf_str(&b), r->out);
		buf_free(&b);
	}
}

static void
names_are_net_unicode(void **state)
{
	static const struct {
		const char	*in;
		int		 good;
	} names[] = {
		{ "", 1 }, { "a b", 1 }, { "\xc3\xa9", 1 },
		{ "a\xef\xbb\xbf", 1 }, { "\xef\xbb\xbf" "a", 0 },
		{ "\x1f", 0 }, { "\x7f", 0 }, { "\xc2\x80", 0 },
		{ "\xc2\xa0", 1 }, { "\xe2\x80\xa8", 0 },
		{ "\xe2\x80\xa9", 0 }, { "\xe2\x80\xaa", 1 },
		{ "\xef\xbf\xbf", 0 }, { "\xef\xb7\x90", 0 },
		{ "\xf4\x8f\xbf\xbe", 0 }, { "\xee\x80\x80", 1 },
		{ "\xff", 0 }, { "\xc3", 0 },
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(names); i++)
		assert_int_equal(norm_net(names[i].in,
		    strlen(names[i].in)) == NULL, names[i].good);
}

static void
cuts_change_nothing(void **state)
{
	struct buf	 in, out;
	int		 i;

	(void)state;
	buf_init(&in, 1 << 20);
	buf_init(&out, 1 << 20);
	for (i = 0; i < 3000; i++)
		buf_adds(&in, "e\xcc\x81");
	assert_int_equal(norm_add(&out, in.data, in.len, NORM_NFC), 0);
	assert_int_equal(out.len, 6000);
	for (i = 0; i < 3000; i++)
		assert_memory_equal(out.data + 2 * i, "\xc3\xa9", 2);
	buf_free(&in);
	buf_free(&out);
}

static void
marks_take_linear_time(void **state)
{
	struct buf	 in, out;
	int64_t		 t = date_mono();

	(void)state;
	buf_init(&in, 1 << 20);
	buf_init(&out, 8 << 20);
	while (buf_adds(&in, "\xcc\x81\xcc\xa3") == 0)
		continue;
	assert_int_equal(norm_add(&out, in.data, in.len, NORM_KEY), 0);
	/* at once it would be ten minutes */
	assert_true(date_mono() - t < 20000);
	buf_free(&in);
	buf_free(&out);
}

static void
a_full_buffer_is_said(void **state)
{
	struct buf	 b;

	(void)state;
	buf_init(&b, 3);
	assert_int_equal(norm_add(&b, "abcd", 4, NORM_NFC), -1);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(names_are_net_unicode),
		cmocka_unit_test(cuts_change_nothing),
		cmocka_unit_test(marks_take_linear_time),
		cmocka_unit_test(a_full_buffer_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
