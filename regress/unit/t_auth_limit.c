/* SPDX-License-Identifier: ISC */
/* daemon/auth_limit.c: who must wait, and who must not. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/conf.h"
#include "common/ip.h"
#include "common/msg.h"
#include "daemon/auth_limit.h"

#define HOUR	(INT64_C(3600) * 1000)
#define NOW	(INT64_C(1000) * HOUR)

static struct msg_addr
addr(const char *text)
{
	struct msg_addr	 a;
	struct ip	 ip;

	memset(&a, 0, sizeof(a));
	assert_int_equal(ip_parse(&ip, text, strlen(text)), 0);
	a.family = ip.af;
	memcpy(a.addr, ip.b, sizeof(a.addr));
	return a;
}

static void
failures(const char *from, const char *login, int n)
{
	struct msg_addr	 a = addr(from);

	while (n-- > 0)
		auth_limit_fail(&a, login, NOW);
}

static uint32_t
wait_at(const char *from, const char *login, int64_t now)
{
	struct msg_addr	 a = addr(from);

	return auth_limit_check(&a, login, now);
}

static void
a_source_is_limited_and_recovers(void **state)
{
	uint32_t	 wait;
	char		 login[32];
	int		 i;

	(void)state;
	auth_limit_init(10);
	for (i = 0; i < 10; i++) {
		snprintf(login, sizeof(login), "user%d", i);
		assert_int_equal(wait_at("192.0.2.1", login, NOW), 0);
		failures("192.0.2.1", login, 1);
	}
	wait = wait_at("192.0.2.1", "fresh", NOW);
	assert_in_range(wait, 359, 361);	/* a tenth of an hour */
	assert_int_equal(wait_at("192.0.2.2", "fresh", NOW), 0);
	assert_int_equal(wait_at("192.0.2.1", "fresh", NOW + wait * 1000), 0);
}

static void
a_login_is_limited_from_many_sources(void **state)
{
	char	 from[32];
	int	 i;

	(void)state;
	auth_limit_init(10);
	for (i = 0; i < 10; i++) {
		snprintf(from, sizeof(from), "192.0.2.%d", i);
		failures(from, "owner", 1);
	}
	assert_true(wait_at("198.51.100.1", "owner", NOW) > 0);
	assert_int_equal(wait_at("198.51.100.1", "other", NOW), 0);
	auth_limit_forget("owner");
	assert_int_equal(wait_at("198.51.100.1", "owner", NOW), 0);
}

static void
the_owner_is_not_locked_out_by_strangers(void **state)
{
	struct msg_addr	 home = addr("203.0.113.9");

	(void)state;
	auth_limit_init(10);
	auth_limit_good(&home, "owner", NOW);
	failures("192.0.2.1", "owner", 100);
	assert_true(wait_at("192.0.2.7", "owner", NOW) > 0);
	assert_int_equal(wait_at("203.0.113.9", "owner", NOW), 0);
	/* nor by a neighbour behind the same address */
	failures("203.0.113.9", "neighbour", 100);
	assert_true(wait_at("203.0.113.9", "neighbour", NOW) > 0);
	assert_int_equal(wait_at("203.0.113.9", "owner", NOW), 0);
	/* but guessing from there is limited, too */
	failures("203.0.113.9", "owner", 10);
	assert_true(wait_at("203.0.113.9", "owner", NOW) > 0);
}

static void
ipv6_counts_by_network(void **state)
{
	char	 from[64];
	int	 i;

	(void)state;
	auth_limit_init(10);
	for (i = 0; i < 10; i++) {
		snprintf(from, sizeof(from), "2001:db8:1:1::%d", i);
		failures(from, "a", 1);
	}
	assert_true(wait_at("2001:db8:1:1:ffff::1", "b", NOW) > 0);
	assert_int_equal(wait_at("2001:db8:1:2::1", "b", NOW), 0);
	/* hopping over the /64s of one /48 does not help for ever */
	for (i = 0; i < 80; i++) {
		snprintf(from, sizeof(from), "2001:db8:1:%d::1", i + 16);
		failures(from, "c", 1);
	}
	assert_true(wait_at("2001:db8:1:2::1", "b", NOW) > 0);
	assert_int_equal(wait_at("2001:db8:2:2::1", "b", NOW), 0);
}

static void
a_flood_does_not_erase_the_worst(void **state)
{
	struct msg_addr	 a = addr("198.51.100.1");
	char		 login[32];
	int		 i;

	(void)state;
	auth_limit_init(10);
	failures("192.0.2.1", "x", 1000);
	for (i = 0; i < 100000; i++) {
		a.addr[0] = (uint8_t)(10 + i % 100);
		a.addr[1] = (uint8_t)(i >> 16);
		a.addr[2] = (uint8_t)(i >> 8);
		a.addr[3] = (uint8_t)i;
		snprintf(login, sizeof(login), "flood%d", i);
		auth_limit_fail(&a, login, NOW);
	}
	assert_true(wait_at("192.0.2.1", "y", NOW) > 0);
}

static void
a_login_and_its_pair_with_a_network_have_days(void **state)
{
	struct conf_rate	 r = { 4, 24 * HOUR }, none = { 0, 0 };
	struct msg_addr		 home = addr("198.51.100.1");
	struct msg_addr		 bad = addr("192.0.2.77");

	(void)state;
	auth_limit_init(1000);
	auth_limit_ban(&r);
	auth_limit_good(&home, "joe", NOW);
	failures("192.0.2.77", "joe", 4);
	/* from everywhere, for a fourth of a day */
	assert_int_equal(wait_at("203.0.113.5", "joe", NOW), 6 * 3600);
	assert_int_equal(wait_at("203.0.113.5", "joe", NOW + 6 * HOUR), 0);
	assert_int_equal(wait_at("203.0.113.5", "ann", NOW), 0);
	/* not where he has been */
	assert_int_equal(wait_at("198.51.100.1", "joe", NOW), 0);
	/* whose doing it was: that of the network, not of a stranger */
	assert_true(auth_limit_own(&bad, "joe", NOW));
	bad = addr("192.0.2.1");
	assert_true(auth_limit_own(&bad, "joe", NOW));
	assert_false(auth_limit_own(&bad, "ann", NOW));
	bad = addr("203.0.113.5");
	assert_false(auth_limit_own(&bad, "joe", NOW));
	/* an administrator's word ends it for the login */
	auth_limit_forget("joe");
	assert_int_equal(wait_at("203.0.113.5", "joe", NOW), 0);
	assert_true(wait_at("192.0.2.9", "joe", NOW) > 0);
	auth_limit_ban(&none);
	assert_int_equal(wait_at("192.0.2.9", "joe", NOW), 0);
}

/* His old device has an old password and tries it for days. */
static void
slips_at_home_do_not_add_up_elsewhere(void **state)
{
	struct conf_rate	 r = { 4, 24 * HOUR };
	struct msg_addr		 home = addr("198.51.100.1");

	(void)state;
	auth_limit_init(1000);
	auth_limit_ban(&r);
	auth_limit_good(&home, "joe", NOW);
	failures("198.51.100.1", "joe", 100);
	assert_int_equal(wait_at("198.51.100.1", "joe", NOW), 0);
	assert_int_equal(wait_at("203.0.113.5", "joe", NOW), 6 * 3600);
	assert_int_equal(wait_at("203.0.113.5", "joe", NOW + 6 * HOUR), 0);
}

static void
another_period_counts_anew(void **state)
{
	struct conf_rate	 day = { 4, 24 * HOUR }, min = { 4, HOUR / 60 };

	(void)state;
	auth_limit_init(1000);
	auth_limit_ban(&day);
	failures("192.0.2.1", "joe", 1);
	auth_limit_ban(&day);
	failures("192.0.2.1", "joe", 3);
	assert_true(wait_at("203.0.113.5", "joe", NOW) > 0);
	auth_limit_ban(&min);
	assert_int_equal(wait_at("203.0.113.5", "joe", NOW), 0);
	assert_int_equal(wait_at("192.0.2.1", "joe", NOW), 0);
	failures("192.0.2.1", "joe", 4);
	assert_int_equal(wait_at("203.0.113.5", "joe", NOW), 15);
}

static void
an_administrator_ends_what_is_listed(void **state)
{
	struct conf_rate	 r = { 4, 24 * HOUR };

	(void)state;
	auth_limit_init(1000);
	auth_limit_ban(&r);
	assert_int_equal(auth_limit_end("eve", NOW), 0);
	failures("192.0.2.1", "eve", 4);
	failures("192.0.2.1", "ann", 4);
	assert_true(wait_at("203.0.113.5", "eve", NOW) > 0);
	assert_int_equal(auth_limit_end("eve", NOW), 1);
	assert_int_equal(wait_at("203.0.113.5", "eve", NOW), 0);
	assert_int_equal(wait_at("192.0.2.1", "eve", NOW), 0);
	assert_true(wait_at("192.0.2.1", "ann", NOW) > 0);
	assert_int_equal(auth_limit_end("eve", NOW), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_source_is_limited_and_recovers),
		cmocka_unit_test(a_login_is_limited_from_many_sources),
		cmocka_unit_test(the_owner_is_not_locked_out_by_strangers),
		cmocka_unit_test(ipv6_counts_by_network),
		cmocka_unit_test(a_flood_does_not_erase_the_worst),
		cmocka_unit_test(
		    a_login_and_its_pair_with_a_network_have_days),
		cmocka_unit_test(slips_at_home_do_not_add_up_elsewhere),
		cmocka_unit_test(another_period_counts_anew),
		cmocka_unit_test(an_administrator_ends_what_is_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
