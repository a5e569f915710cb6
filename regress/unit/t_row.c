/* SPDX-License-Identifier: ISC */
/* common/row.c: fields survive the way; what is malformed is said. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/row.h"

static void
fields_come_back_in_order(void **state)
{
	const char	*n, *v;
	struct cur	 c;
	struct buf	 b;

	(void)state;
	buf_init(&b, ROW_MAX);
	row_add(&b, "name", "a\tb\x1b[2J");
	row_addu(&b, "count", 18446744073709551615ULL);
	row_addf(&b, "mix", "%d-%s", 7, "x");
	assert_false(buf_bad(&b));
	cur_init(&c, b.data, b.len);
	assert_int_equal(row_next(&c, &n, &v), 1);
	assert_string_equal(n, "name");
	assert_string_equal(v, "a?b?[2J");
	assert_int_equal(row_next(&c, &n, &v), 1);
	assert_string_equal(n, "count#");
	assert_string_equal(v, "18446744073709551615");
	assert_int_equal(row_next(&c, &n, &v), 1);
	assert_string_equal(v, "7-x");
	assert_int_equal(row_next(&c, &n, &v), 0);
	assert_string_equal(row_get(b.data, b.len, "count"),
	    "18446744073709551615");
	assert_null(row_get(b.data, b.len, "coun"));
	buf_free(&b);
}

static void
a_cut_row_is_malformed(void **state)
{
	const char	*n, *v;
	struct cur	 c;

	(void)state;
	cur_init(&c, "name\0val", 8);
	assert_int_equal(row_next(&c, &n, &v), -1);
	cur_init(&c, "name\0", 5);
	assert_int_equal(row_next(&c, &n, &v), -1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(fields_come_back_in_order),
		cmocka_unit_test(a_cut_row_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
