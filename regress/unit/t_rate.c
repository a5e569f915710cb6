/* SPDX-License-Identifier: ISC */
/* Counts that workers share: common/share.c. */
#include "common/compat.h"

#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/conf.h"
#include "common/ip.h"
#include "common/share.h"

#define SEC	1000000		/* us */

static void
open_fresh(uint32_t slot)
{
	int	 fd;

	assert_int_not_equal(fd = share_make(), -1);
	assert_int_equal(share_open(fd, slot), 0);
	close(fd);
}

static void
a_burst_is_the_count_and_then_it_is_even(void **state)
{
	struct conf_rate	 r = { 10, 60000 };
	struct share_left	 l;
	uint64_t		 k;
	int64_t			 now = 1000 * SEC;
	int			 i;

	(void)state;
	open_fresh(0);
	k = share_key_account(7);
	for (i = 0; i < 10; i++) {
		assert_int_equal(share_rate(k, &r, now, &l), 1);
		assert_int_equal(l.left, 9 - i);
	}
	assert_int_equal(l.reset_s, 60);
	assert_int_equal(share_rate(k, &r, now, &l), 0);
	assert_int_equal(l.left, 0);
	assert_int_equal(l.wait_s, 6);
	/* what is refused does not count */
	assert_int_equal(share_rate(k, &r, now + 6 * SEC - 1, &l), 0);
	assert_int_equal(l.wait_s, 1);
	assert_int_equal(share_rate(k, &r, now + 6 * SEC, &l), 1);
	assert_int_equal(share_rate(k, &r, now + 6 * SEC, &l), 0);
	/* a period of silence gives all of it back */
	for (i = 0; i < 10; i++)
		assert_int_equal(share_rate(k, &r, now + 70 * SEC, &l), 1);
	assert_int_equal(share_rate(k, &r, now + 70 * SEC, &l), 0);
}

/* A reload to a shorter period; or a worker gone bad has written it. */
static void
what_lies_beyond_the_period_is_forgotten(void **state)
{
	struct conf_rate	 slow = { 10, 3600000 }, fast = { 10, 1000 };
	struct share_left	 l;
	uint64_t		 k;
	int64_t			 now = 1000 * SEC;
	int			 i;

	(void)state;
	open_fresh(0);
	k = share_key_account(7);
	for (i = 0; i < 10; i++)
		assert_int_equal(share_rate(k, &slow, now, &l), 1);
	assert_int_equal(share_rate(k, &fast, now, &l), 0);
	assert_int_equal(l.wait_s, 1);
	/* it may when it was told so */
	for (i = 0; i < 10; i++)
		assert_int_equal(share_rate(k, &fast, now + SEC, &l), 1);
	assert_int_equal(share_rate(k, &fast, now + SEC, &l), 0);
}

static void
keys_do_not_share_and_no_limit_is_none(void **state)
{
	struct conf_rate	 one = { 1, 1000 }, none = { 0, 0 };
	struct share_left	 l;
	struct ip		 a, b, c;
	int			 i;

	(void)state;
	open_fresh(0);
	assert_int_equal(ip_parse(&a, "2001:db8::1", 11), 0);
	assert_int_equal(ip_parse(&b, "2001:db8::2", 11), 0);
	assert_int_equal(ip_parse(&c, "192.0.2.1", 9), 0);
	assert_true(share_key_ip(&a) == share_key_ip(&b));
	assert_true(share_key_ip(&a) != share_key_ip(&c));
	assert_true(share_key_ip(&c) != share_key_account(1));
	assert_int_equal(share_rate(share_key_ip(&a), &one, SEC, &l), 1);
	assert_int_equal(share_rate(share_key_ip(&b), &one, SEC, &l), 0);
	assert_int_equal(share_rate(share_key_ip(&c), &one, SEC, &l), 1);
	for (i = 0; i < 1000; i++)
		assert_int_equal(share_rate(1, &none, SEC, &l), 1);
}

/* More keys than there are slots: nothing breaks, the newest are kept. */
static void
a_flood_of_keys_is_survived(void **state)
{
	struct conf_rate	 r = { 1, 60000 };
	struct share_left	 l;
	uint64_t		 i;

	(void)state;
	open_fresh(0);
	for (i = 0; i < 300000; i++)
		assert_int_equal(share_rate(share_key_account(i), &r,
		    SEC + (int64_t)i, &l), 1);
	assert_int_equal(share_rate(share_key_account(i - 1), &r,
	    SEC + (int64_t)i, &l), 0);
}

static void
four_workers_keep_one_limit(void **state)
{
	struct conf_rate	 r = { 1000, 60000 };
	struct share_left	 l;
	int			 fd, p[2], i, k, n, sum = 0;

	(void)state;
	assert_int_not_equal(fd = share_make(), -1);
	assert_int_equal(pipe(p), 0);
	for (k = 0; k < 4; k++)
		if (fork() == 0) {
			if (share_open(fd, (uint32_t)k) == -1)
				_exit(1);
			for (n = i = 0; i < 1000; i++)
				n += share_rate(share_key_account(5), &r,
				    SEC, &l);
			_exit(write(p[1], &n, sizeof(n)) != sizeof(n));
		}
	for (k = 0; k < 4; k++) {
		assert_int_equal(read(p[0], &n, sizeof(n)), sizeof(n));
		sum += n;
	}
	while (wait(NULL) != -1)
		continue;
	assert_int_equal(sum, 1000);
	close(fd);
	close(p[0]);
	close(p[1]);
}

static void
at_once_counts_over_workers_and_forgets_the_dead(void **state)
{
	int	 fd, status, a, b;

	(void)state;
	assert_int_not_equal(fd = share_make(), -1);
	assert_int_equal(share_open(fd, 0), 0);
	a = share_enter(9, SHARE_REQUEST, 3);
	assert_true(a >= 0);
	if (fork() == 0) {
		/* dies with two in flight */
		_exit(share_open(fd, 1) == -1 ||
		    share_enter(9, SHARE_REQUEST, 3) < 0 ||
		    share_enter(9, SHARE_REQUEST, 3) < 0 ||
		    share_enter(9, SHARE_REQUEST, 3) != SHARE_FULL ||
		    share_enter(9, SHARE_UPLOAD, 3) < 0);
	}
	assert_int_not_equal(wait(&status), -1);
	assert_int_equal(status, 0);
	assert_int_equal(share_enter(9, SHARE_REQUEST, 3), SHARE_FULL);
	b = share_enter(9, SHARE_UPLOAD, 2);
	assert_true(b >= 0);
	assert_int_equal(share_enter(9, SHARE_UPLOAD, 2), SHARE_FULL);
	share_leave(b, SHARE_UPLOAD);
	/* its successor in the slot begins with none */
	if (fork() == 0)
		_exit(share_open(fd, 1) == -1);
	assert_int_not_equal(wait(&status), -1);
	assert_int_equal(status, 0);
	b = share_enter(9, SHARE_REQUEST, 2);
	assert_int_equal(a, b);
	share_leave(a, SHARE_REQUEST);
	share_leave(b, SHARE_REQUEST);
	share_leave(b, SHARE_REQUEST);		/* one too often: no wrap */
	assert_int_equal(share_enter(9, SHARE_REQUEST, 1), a);
	assert_int_equal(share_enter(9, SHARE_REQUEST, 1), SHARE_FULL);
	share_leave(a, SHARE_REQUEST);
	share_leave(-1, SHARE_REQUEST);
	share_leave(1 << 20, SHARE_REQUEST);
	close(fd);
}

static void
a_place_is_used_again(void **state)
{
	uint64_t	 i;
	int		 p;

	(void)state;
	open_fresh(3);
	for (i = 1; i < 100000; i++) {
		p = share_enter(i, SHARE_REQUEST, 1);
		assert_true(p >= 0);
		share_leave(p, SHARE_REQUEST);
	}
}

/* What lasts is counted apart, each kind by itself, and its rows are never
 * those of what comes and goes. */
static void
streams_and_sockets_have_a_table_of_their_own(void **state)
{
	int	 e, s, r;

	(void)state;
	open_fresh(0);
	e = share_enter(9, SHARE_EVENTS, 1);
	s = share_enter(9, SHARE_SOCKET, 2);
	r = share_enter(9, SHARE_REQUEST, 1);
	assert_true(e >= 0 && s == e && r >= 0 && r != e);
	assert_int_equal(share_enter(9, SHARE_EVENTS, 1), SHARE_FULL);
	assert_int_equal(share_enter(9, SHARE_SOCKET, 2), e);
	assert_int_equal(share_enter(9, SHARE_SOCKET, 2), SHARE_FULL);
	assert_int_equal(share_enter(10, SHARE_EVENTS, 1) >= 0, 1);
	share_leave(e, SHARE_EVENTS);
	assert_int_equal(share_enter(9, SHARE_EVENTS, 1), e);
	assert_int_equal(share_enter(9, SHARE_SOCKET, 2), SHARE_FULL);
	assert_int_equal(share_enter(9, SHARE_REQUEST, 1), SHARE_FULL);
	assert_int_equal(share_enter(9, SHARE_SOCKET, 60000), e);
}

/* More accounts with sockets than rows: the rest is not counted, and no
 * request is the worse for it. */
static void
a_flood_of_sockets_leaves_requests_counted(void **state)
{
	uint64_t	 i, n = 0;
	int		 p;

	(void)state;
	open_fresh(0);
	for (i = 1; i < 40000; i++)
		n += share_enter(i, SHARE_SOCKET, 1) >= 0;
	assert_true(n > 12000);
	for (i = 1; i < 1000; i++) {
		assert_true((p = share_enter(i, SHARE_REQUEST, 1)) >= 0);
		assert_int_equal(share_enter(i, SHARE_REQUEST, 1), SHARE_FULL);
		share_leave(p, SHARE_REQUEST);
	}
}

static void
figures_are_summed(void **state)
{
	static struct share_sum	 s;
	int			 fd, status;
	size_t			 k;

	(void)state;
	assert_int_not_equal(fd = share_make(), -1);
	if (fork() == 0) {
		if (share_open(fd, 1) == -1)
			_exit(1);
		share_answered(2, 404, 99, 10);
		share_add(SHARE_AUTH_OK, 5);
		share_set(SHARE_ENVS, 4);
		_exit(0);
	}
	assert_int_not_equal(wait(&status), -1);
	assert_int_equal(share_open(fd, 0), 0);
	share_answered(2, 404, 100000000, 7);
	share_answered(0, 200, 101, 0);
	share_answered(99, 200, 1, 0);
	share_answered(0, 700, 1, 0);
	share_answered(0, -5, 1, 0);
	share_set(SHARE_ENVS, 2);
	share_total(&s);
	for (k = 0; share_statuses[k] != 404; k++)
		continue;
	assert_int_equal(s.answers[2][k], 2);
	assert_int_equal(share_statuses[0], 200);
	assert_int_equal(s.answers[0][0], 1);
	/* one that is not told apart */
	share_answered(0, 418, 1, 0);
	share_total(&s);
	assert_int_equal(s.answers[0][SHARE_STATUS - 1], 1);
	assert_int_equal(s.bucket[2][0], 1);
	assert_int_equal(s.bucket[2][SHARE_BUCKETS - 1], 1);
	assert_int_equal(s.bucket[0][1], 1);
	assert_int_equal(s.us[2], 100000099);
	assert_int_equal(s.figure[SHARE_BYTES], 17);
	assert_int_equal(s.figure[SHARE_ENVS], 6);
	/* what a dead worker counted stays, what it had does not */
	assert_int_equal(share_open(fd, 1), 0);
	share_total(&s);
	assert_int_equal(s.figure[SHARE_AUTH_OK], 5);
	assert_int_equal(s.figure[SHARE_ENVS], 2);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_burst_is_the_count_and_then_it_is_even),
		cmocka_unit_test(what_lies_beyond_the_period_is_forgotten),
		cmocka_unit_test(keys_do_not_share_and_no_limit_is_none),
		cmocka_unit_test(a_flood_of_keys_is_survived),
		cmocka_unit_test(four_workers_keep_one_limit),
		cmocka_unit_test(
		    at_once_counts_over_workers_and_forgets_the_dead),
		cmocka_unit_test(a_place_is_used_again),
		cmocka_unit_test(
		    streams_and_sockets_have_a_table_of_their_own),
		cmocka_unit_test(a_flood_of_sockets_leaves_requests_counted),
		cmocka_unit_test(figures_are_summed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
