/* SPDX-License-Identifier: ISC */
/* common/buf.c, cur.c, arena.c: bounds hold, failure sticks. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/cur.h"

static void
buf_keeps_its_maximum(void **state)
{
	struct buf	 b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(buf_adds(&b, "12345678"), 0);
	assert_int_equal(buf_adds(&b, "abc"), -1);
	assert_true(buf_bad(&b));
	assert_int_equal(b.len, 8);
	assert_int_equal(buf_addc(&b, 'x'), -1);	/* sticks */
	buf_reset(&b);
	assert_int_equal(buf_addu(&b, 1234567890), 0);
	assert_memory_equal(b.data, "1234567890", 10);
	buf_free(&b);
}

static void
buf_reads_what_was_written(void **state)
{
	struct buf	 b;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_addf(&b, "%s-%d", "x", 7);
	assert_string_equal(buf_str(&b), "x-7");
	buf_skip(&b, 2);
	assert_int_equal(buf_left(&b), 1);
	buf_compact(&b);
	assert_int_equal(b.len, 1);
	assert_int_equal(*buf_peek(&b), '7');
	buf_free(&b);
}

static void
cur_never_overruns(void **state)
{
	const uint8_t	 in[] = { 1, 0, 2, 0, 0, 0, 3, 'h', 'i', 0, 9 };
	struct cur	 c;

	(void)state;
	cur_init(&c, in, sizeof(in));
	assert_int_equal(cur_u8(&c), 1);
	assert_int_equal(cur_be16(&c), 2);
	assert_int_equal(cur_be32(&c), 3);
	assert_string_equal(cur_str(&c), "hi");
	assert_false(cur_end(&c));
	assert_int_equal(cur_be16(&c), 0);
	assert_true(c.bad);
	assert_int_equal(cur_u8(&c), 0);	/* sticks, though one is left */
	assert_false(cur_end(&c));
}

static void
arena_refuses_past_its_maximum(void **state)
{
	struct arena	 a;
	char		*s;

	(void)state;
	arena_init(&a, 20000);
	assert_non_null(s = arena_dup(&a, "abc", 3));
	assert_string_equal(s, "abc");
	assert_non_null(arena_get(&a, 10000));
	assert_null(arena_get(&a, 10000));
	assert_null(arena_array(&a, SIZE_MAX / 2, 4));
	assert_string_equal(arena_printf(&a, "%d", 42), "42");
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(buf_keeps_its_maximum),
		cmocka_unit_test(buf_reads_what_was_written),
		cmocka_unit_test(cur_never_overruns),
		cmocka_unit_test(arena_refuses_past_its_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
