/* SPDX-License-Identifier: ISC */
/*
 * The role "queue" when a worker dies, or itself: nothing is lost, nothing
 * goes twice without saying so, and a number that was given is cleared up.
 */
#include "common/compat.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "regress/unit/queue_help.h"

static void
a_number_used_again_replaces_what_was_held(void **s)
{
	struct put	 p = { .submission = 5, .to = "bob@here" };
	char		 state[32];

	(void)s;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	/* the first one's commit failed; its DROP comes late */
	assert_int_equal(put(CALLS1, &p), QUEUE_ASK_OK);
	sub(CALLS0, MSG_QUEUE_DROP, 5);
	assert_int_equal(listed(state), 1);
	sub(CALLS1, MSG_QUEUE_GO, 5);
	expect_work(MSG_QUEUE_DELIVER);
}

/*
 * Worker 0 died before its commit, worker 1 took its number; which of the two
 * is read first says nothing, nor does when the end of worker 0 is seen.
 */
static void
number_of_the_dead(enum pipe first, enum pipe second, int early)
{
	struct put	 p = { .submission = 5, .to = "bob@here" };
	char		 state[32];
	enum pipe	 w;

	assert_int_equal(put(first, &p), QUEUE_ASK_OK);
	assert_int_equal(put(second, &p), QUEUE_ASK_OK);
	if (early) {
		peer_end(WORK0);
		peer_end(CALLS0);
		assert_int_equal(listed(state), 1);
	}
	sub(CALLS1, MSG_QUEUE_GO, 5);
	if (!early)
		assert_int_equal(listed(state), 1);
	w = expect_work(MSG_QUEUE_DELIVER);
	is(w, QUEUE_ASK_IS_DONE, "250 ok");
	w = expect_work(MSG_QUEUE_STATUS);
	is(w, QUEUE_ASK_IS_DONE, "");
	if (!early) {
		peer_end(WORK0);
		peer_end(CALLS0);
	}
	empty();
}

static void
a_dead_workers_number_is_the_next_ones(void **s)
{
	(void)s;
	number_of_the_dead(CALLS0, CALLS1, 1);
}

static void
a_dead_workers_number_whichever_was_read_first(void **s)
{
	(void)s;
	number_of_the_dead(CALLS1, CALLS0, 1);
}

static void
a_dead_workers_number_whenever_its_end_is_seen(void **s)
{
	(void)s;
	number_of_the_dead(CALLS1, CALLS0, 0);
}

static void
a_dead_workers_mail_is_asked_about(void **s)
{
	struct put	 p = { .submission = 5, .to = "bob@here" };
	struct put	 q = { .submission = 6, .to = "bob@here" };
	enum pipe	 w;
	int		 i;

	(void)s;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	assert_int_equal(put(CALLS0, &q), QUEUE_ASK_OK);
	peer_end(WORK0);
	peer_end(CALLS0);
	for (i = 0; i < 2; i++) {
		uint64_t	 n;

		w = expect_work(MSG_QUEUE_ASK);
		n = GOT(msg_queue_sub)->submission;
		assert_int_equal(GOT(msg_queue_sub)->account,
		    'a');
		assert_int_equal(n, i == 0 ? 5 : 6);
		is(w, n == 5 ? QUEUE_ASK_IS_NOT : QUEUE_ASK_IS_DONE, "");
	}
	w = expect_work(MSG_QUEUE_DELIVER);
	is(w, QUEUE_ASK_IS_DONE, "250 ok");
	w = expect_work(MSG_QUEUE_STATUS);
	assert_int_equal(GOT(msg_queue_status)->submission, 6);
	is(w, QUEUE_ASK_IS_DONE, "");
	empty();
}

static void
a_delivery_whose_worker_died_is_given_again(void **s)
{
	struct put	 p = { .to = "bob@here" };
	enum pipe	 w;

	(void)s;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	w = expect_work(MSG_QUEUE_DELIVER);
	peer_end(w);
	w = expect_work(MSG_QUEUE_DELIVER);
	assert_int_equal(GOT(msg_queue_deliver)->again, 1);
	is(w, QUEUE_ASK_IS_DONE, "250 ok");
	empty();
}

static void
killed_it_loses_nothing(void **s)
{
	struct put	 p = { .submission = 5, .to = "bob@here" };
	struct put	 q = { .submission = 6, .to = "carl@here" };
	struct put	 r = { .submission = 7, .to = "dora@here",
			    .hold = date_now() + 3600000 };
	char		 state[32], text_of[4096];
	enum pipe	 w;

	(void)s;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	assert_int_equal(put(CALLS0, &q), QUEUE_ASK_OK);
	sub(CALLS0, MSG_QUEUE_GO, 6);
	assert_int_equal(put(CALLS0, &r), QUEUE_ASK_OK);
	sub(CALLS0, MSG_QUEUE_GO, 7);
	expect_work(MSG_QUEUE_DELIVER);
	/* it may not have read of the third yet */
	while (listed(state) == 3 && strcmp(state, "later") != 0)
		quiet(10);
	stop(SIGKILL);
	start();
	assert_int_equal(listed(state), 3);
	assert_string_equal(state, "later");
	w = expect_work(MSG_QUEUE_ASK);
	is(w, QUEUE_ASK_IS_NOT, "");
	w = expect_work(MSG_QUEUE_STATUS);
	assert_int_equal(GOT(msg_queue_status)->submission, 6);
	assert_int_equal(GOT(msg_queue_status)->undo, QUEUE_ASK_FINAL);
	is(w, QUEUE_ASK_IS_DONE, "");
	w = expect_work(MSG_QUEUE_DELIVER);
	assert_int_equal(GOT(msg_queue_deliver)->account,
	    'c');
	assert_int_equal(GOT(msg_queue_deliver)->again, 1);
	content(w, text_of, sizeof(text_of));
	assert_string_equal(strstr(text_of, "From:"), mail);
	is(w, QUEUE_ASK_IS_DONE, "250 ok");
	w = expect_work(MSG_QUEUE_STATUS);
	assert_int_equal(status(QUEUE_ASK_FINAL, "carl@here", "250 ok"),
	    QUEUE_ASK_YES);
	is(w, QUEUE_ASK_IS_DONE, "");
	while (listed(state) > 1)
		quiet(10);
	stop(SIGKILL);
	start();
	assert_int_equal(listed(state), 1);
	assert_int_equal(cancel(CALLS1, 7), QUEUE_ASK_IS_DONE);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(a_number_used_again_replaces_what_was_held),
		T(a_dead_workers_number_is_the_next_ones),
		T(a_dead_workers_number_whichever_was_read_first),
		T(a_dead_workers_number_whenever_its_end_is_seen),
		T(a_dead_workers_mail_is_asked_about),
		T(a_delivery_whose_worker_died_is_given_again),
		T(killed_it_loses_nothing),
	};

	signal(SIGPIPE, SIG_IGN);
	event_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
