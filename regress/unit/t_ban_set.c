/* SPDX-License-Identifier: ISC */
/* Banned networks: common/banset.c. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/banset.h"
#include "regress/unit/ip_help.h"

static int
banned(const struct banset *s, const char *text, int64_t now)
{
	struct ip	 ip = addr(text);

	return banset_find(s, &ip, now) != BANSET_NONE;
}

static void
networks_hold_their_addresses_until_they_expire(void **state)
{
	static const struct {
		const char	*net;
		int64_t		 until;
	} nets[] = {
		{ "192.0.2.7", 1000 }, { "198.51.100.0/24", 0 },
		{ "2001:db8:0:1::/64", 2000 }, { "2001:db8:7::/48", 0 },
		{ "10.0.0.0/9", 500 },
	};
	static const struct {
		const char	*ip;
		int64_t		 now;
		int		 is;
	} rows[] = {
		{ "192.0.2.7", 999, 1 }, { "192.0.2.7", 1000, 0 },
		{ "192.0.2.8", 0, 0 }, { "198.51.100.255", 1 << 30, 1 },
		{ "198.51.101.0", 0, 0 }, { "2001:db8:0:1::ffff", 0, 1 },
		{ "2001:db8:0:2::1", 0, 0 }, { "2001:db8:7:9::1", 0, 1 },
		{ "10.127.0.1", 0, 1 }, { "10.128.0.1", 0, 0 },
		{ "::ffff:192.0.2.7", 0, 1 },
	};
	struct banset	 s;
	struct ip_net	 n;
	size_t		 i;

	(void)state;
	banset_init(&s);
	assert_false(banned(&s, "192.0.2.7", 0));
	for (i = 0; i < nitems(nets); i++) {
		n = net(nets[i].net);
		assert_int_not_equal(banset_put(&s, &n, nets[i].until),
		    BANSET_NONE);
	}
	for (i = 0; i < nitems(rows); i++)
		if (banned(&s, rows[i].ip, rows[i].now) != rows[i].is)
			fail_msg("%s", rows[i].ip);
	n = net("10.0.0.0/9");
	banset_remove(&s, banset_get(&s, &n));
	assert_false(banned(&s, "10.127.0.1", 0));
	assert_int_equal(banset_get(&s, &n), BANSET_NONE);
	banset_free(&s);
}

static void
to_put_again_changes_the_time(void **state)
{
	struct banset	 s;
	struct ip_net	 n = net("192.0.2.7");
	uint32_t	 a;

	(void)state;
	banset_init(&s);
	a = banset_put(&s, &n, 10);
	assert_int_equal(banset_put(&s, &n, 20), a);
	assert_int_equal(s.n, 1);
	assert_true(banned(&s, "192.0.2.7", 15));
	banset_remove(&s, a);
	banset_remove(&s, a);
	banset_remove(&s, BANSET_NONE);
	assert_int_equal(s.n, 0);
	banset_free(&s);
}

static void
full_is_full_and_place_is_used_again(void **state)
{
	struct banset	 s;
	struct ip_net	 n = net("10.0.0.0");
	uint32_t	 i;

	(void)state;
	banset_init(&s);
	for (i = 0; i < BANSET_MAX; i++) {
		n.ip.b[1] = (uint8_t)(i >> 16);
		n.ip.b[2] = (uint8_t)(i >> 8);
		n.ip.b[3] = (uint8_t)i;
		assert_int_not_equal(banset_put(&s, &n, 0), BANSET_NONE);
	}
	assert_true(banned(&s, "10.0.200.9", 0));
	n = net("10.1.0.0");
	assert_int_equal(banset_put(&s, &n, 0), BANSET_NONE);
	banset_remove(&s, 77);
	assert_int_equal(banset_put(&s, &n, 0), 77);
	banset_free(&s);
}

static void
an_address_is_cut_to_its_network(void **state)
{
	struct ip	 a = addr("2001:db8:1:2:3::4"), b = addr("10.255.1.2");
	struct ip_net	 n, want;

	(void)state;
	banset_net(&n, &a, 64);
	want = net("2001:db8:1:2::/64");
	assert_memory_equal(&n, &want, sizeof(n));
	banset_net(&n, &a, 128);
	assert_true(ip_eq(&n.ip, &a));
	banset_net(&n, &b, 9);
	want = net("10.128.0.0/9");
	assert_memory_equal(&n, &want, sizeof(n));
	banset_net(&n, &b, 64);
	assert_int_equal(n.bits, 32);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(
		    networks_hold_their_addresses_until_they_expire),
		cmocka_unit_test(to_put_again_changes_the_time),
		cmocka_unit_test(full_is_full_and_place_is_used_again),
		cmocka_unit_test(an_address_is_cut_to_its_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
