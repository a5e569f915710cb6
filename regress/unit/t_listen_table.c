/* SPDX-License-Identifier: ISC */
/* daemon/listen_table.c: whose connection, how many of a source. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/daemon.h"
#include "daemon/listen_table.h"
#include "regress/unit/ip_help.h"

static void
sources_are_limited_by_address_and_by_64(void **state)
{
	struct child	 c = { .conns = UINT32_MAX };
	struct ip	 a = addr("192.0.2.1"), b = addr("192.0.2.2"),
			 p = addr("2001:db8::1"), q = addr("2001:db8::2"),
			 r = addr("2001:db8:0:1::1");
	uint32_t	 n[8];

	(void)state;
	listen_table_limits(100, 2);
	assert_int_equal(listen_table_add(&a, &c, &n[0]), 0);
	assert_int_equal(listen_table_add(&a, &c, &n[1]), 0);
	assert_int_equal(listen_table_add(&a, &c, &n[2]), -1);
	assert_int_equal(listen_table_add(&b, &c, &n[2]), 0);
	assert_int_equal(listen_table_add(&p, &c, &n[3]), 0);
	assert_int_equal(listen_table_add(&q, &c, &n[4]), 0);
	assert_int_equal(listen_table_add(&p, &c, &n[5]), -1);
	assert_int_equal(listen_table_add(&r, &c, &n[5]), 0);
	assert_int_equal(listen_table_add(NULL, &c, &n[6]), 0);
	assert_int_equal(listen_table_end(&c, n[0]), 0);
	assert_int_equal(listen_table_add(&a, &c, &n[0]), 0);
	assert_int_equal(listen_table_count(), 7);
	while (c.conns != UINT32_MAX)
		assert_int_equal(listen_table_end(&c, c.conns), 0);
	assert_int_equal(c.nconns, 0);
	assert_int_equal(listen_table_count(), 0);
}

/* Who has a /48 has 65536 /64s: they are no way to take every connection. */
static void
a_48_has_four_times_as_many(void **state)
{
	struct child	 c = { .conns = UINT32_MAX };
	struct ip	 ip;
	uint32_t	 n[32], k, i;
	char		 text[40];

	(void)state;
	listen_table_limits(1000, 2);
	for (k = i = 0; i < 16; i++) {
		snprintf(text, sizeof(text), "2001:db8:9:%x::1", i);
		ip = addr(text);
		if (listen_table_add(&ip, &c, &n[k]) == 0)
			k++;
	}
	assert_int_equal(k, 8);
	ip = addr("2001:db8:a::1");
	assert_int_equal(listen_table_add(&ip, &c, &n[8]), 0);
	/* the refused ones are not counted, the ended ones no longer */
	assert_int_equal(listen_table_end(&c, n[0]), 0);
	ip = addr("2001:db8:9:f::1");
	assert_int_equal(listen_table_add(&ip, &c, &n[0]), 0);
	assert_int_equal(listen_table_add(&ip, &c, &n[9]), -1);
	while (c.conns != UINT32_MAX)
		listen_table_end(&c, c.conns);
	for (i = 0; i < 2; i++)
		assert_int_equal(listen_table_add(&ip, &c, &n[i]), 0);
	assert_int_equal(listen_table_add(&ip, &c, &n[2]), -1);
	while (c.conns != UINT32_MAX)
		listen_table_end(&c, c.conns);
}

static void
nobody_ends_the_connection_of_another(void **state)
{
	struct child	 c = { .conns = UINT32_MAX },
			 d = { .conns = UINT32_MAX };
	uint32_t	 n;

	(void)state;
	listen_table_limits(100, 2);
	assert_int_equal(listen_table_add(NULL, &c, &n), 0);
	assert_int_equal(listen_table_end(&d, n), -1);
	assert_int_equal(listen_table_end(&c, n + 1), -1);
	assert_int_equal(listen_table_end(&c, UINT32_MAX), -1);
	assert_int_equal(listen_table_end(&c, n), 0);
	assert_int_equal(listen_table_end(&c, n), -1);
}

static void
the_whole_is_limited(void **state)
{
	struct child	 c = { .conns = UINT32_MAX };
	uint32_t	 n, i;
	struct ip	 ip;
	char		 text[32];

	(void)state;
	listen_table_limits(5000, 64);
	for (i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 64 / 250,
		    i / 64 % 250);
		ip = addr(text);
		assert_int_equal(listen_table_add(&ip, &c, &n), 0);
	}
	assert_int_equal(listen_table_add(NULL, &c, &n), -1);
	assert_true(listen_table_crowded());
	while (listen_table_count() > 4500)
		listen_table_end(&c, c.conns);
	assert_false(listen_table_crowded());
	while (c.conns != UINT32_MAX)
		listen_table_end(&c, c.conns);
	assert_int_equal(listen_table_count(), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(sources_are_limited_by_address_and_by_64),
		cmocka_unit_test(a_48_has_four_times_as_many),
		cmocka_unit_test(nobody_ends_the_connection_of_another),
		cmocka_unit_test(the_whole_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
