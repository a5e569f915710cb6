/* SPDX-License-Identifier: ISC */
/* daemon/restart.c: three for free, then a second, doubling to a minute. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/daemon.h"

static const struct restart_row {
	int64_t	 now, delay;
} restart_rows[] = {
	/* crashes as fast as it is started */
	{ 1000, 0 }, { 1001, 0 }, { 1002, 0 },
	{ 1003, 1000 }, { 2004, 2000 }, { 4005, 4000 }, { 8006, 8000 },
	{ 16007, 16000 }, { 32008, 32000 }, { 64009, 60000 },
	{ 124010, 60000 }, { 184011, 60000 },
	/* then holds for ten minutes */
	{ 784011, 0 }, { 784012, 0 }, { 784013, 0 }, { 784014, 1000 },
	{ 785015, 2000 },
	/* and holds again, a little longer than the window */
	{ 797016, 0 }, { 797017, 0 }, { 797018, 0 }, { 797019, 1000 },
};

static void
delay_grows_and_is_forgotten(void **state)
{
	struct restart	 r;
	size_t		 i;

	(void)state;
	memset(&r, 0, sizeof(r));
	for (i = 0; i < nitems(restart_rows); i++)
		assert_int_equal(restart_delay(&r, restart_rows[i].now),
		    restart_rows[i].delay);
}

static void
slow_crashes_cost_nothing(void **state)
{
	struct restart	 r;
	int64_t		 now;

	(void)state;
	memset(&r, 0, sizeof(r));
	for (now = 1; now < 1000000; now += 4000)
		assert_int_equal(restart_delay(&r, now), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(delay_grows_and_is_forgotten),
		cmocka_unit_test(slow_crashes_cost_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
