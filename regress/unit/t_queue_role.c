/* SPDX-License-Identifier: ISC */
/* The queue process as a whole, without its relay; it is killed, too. */
#include "common/compat.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "regress/unit/queue_help.h"

/* --- what it shall do --------------------------------------------------- */

static void
held_until_go_then_delivered_and_told(void **s)
{
	struct put	 p = { .submission = 5, .to = "bob@here" };
	char		 text_of[4096];
	enum pipe	 w;

	(void)s;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	assert_true(GOT(msg_queued)->id != 0);
	quiet(150);
	sub(CALLS0, MSG_QUEUE_GO, 5);
	w = expect_work(MSG_QUEUE_DELIVER);
	assert_int_equal(GOT(msg_queue_deliver)->account,
	    'b');
	assert_int_equal(GOT(msg_queue_deliver)->again, 0);
	assert_string_equal((char *)got.tail, "a@here");
	content(w, text_of, sizeof(text_of));
	assert_memory_equal(text_of, "Received: by mail.here (jmapd) id ", 34);
	assert_string_equal(strstr(text_of, "From:"), mail);
	is(w, QUEUE_ASK_IS_DONE, "250 2.1.5 ok");
	w = expect_work(MSG_QUEUE_STATUS);
	assert_int_equal(status(QUEUE_ASK_FINAL, "bob@here", "250 2.1.5 ok"),
	    QUEUE_ASK_YES);
	is(w, QUEUE_ASK_IS_DONE, "");
	empty();
}

static void
without_a_submission_it_goes_at_once(void **s)
{
	struct put	 p = { .to = "bob@here", .from = "" };
	enum pipe	 w;

	(void)s;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	w = expect_work(MSG_QUEUE_DELIVER);
	assert_string_equal((char *)got.tail, "");
	is(w, QUEUE_ASK_IS_DONE, "250 ok");
	empty();
	quiet(200);
}

static void
wrong_recipients_are_refused_by_number(void **s)
{
	struct put	 p = { .submission = 1,
			    .to = "bob@here nobody@here x@elsewhere" };
	char		 state[32];
	uint8_t		 want[] = { 0, 0, 0, 1, 0, 0, 0, 2 };

	(void)s;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_RCPT);
	assert_int_equal(GOT(msg_queued)->nrefused, 2);
	assert_memory_equal(got.tail, want, 8);
	assert_memory_equal(got.tail + 8, "550 5.", 6);
	assert_int_equal(listed(state), 0);
}

static void
what_is_wrong_is_an_error_not_an_end(void **s)
{
	const struct {
		struct put	 p;
		uint32_t	 error;
	} rows[] = {
		{ { .submission = 1, .to = "bob" }, QUEUE_ASK_INVALID },
		{ { .submission = 1, .to = "b\rob@here" }, QUEUE_ASK_INVALID },
		{ { .submission = 1, .to = "<bob@here" }, QUEUE_ASK_INVALID },
		{ { .submission = 1, .to = "bob@here", .from = "a" },
		    QUEUE_ASK_INVALID },
		{ { .submission = 1, .to = "bob@here", .flags = 0x100 },
		    QUEUE_ASK_INVALID },
		{ { .submission = 1, .to = "bob@here", .notify = 3 },
		    QUEUE_ASK_INVALID },
		{ { .submission = 1, .to = "bob@here", .hold =
		    INT64_MAX / 2 }, QUEUE_ASK_HOLD },
	};
	size_t	 i;

	(void)s;
	for (i = 0; i < nitems(rows); i++)
		assert_int_equal(put(CALLS0, &rows[i].p), rows[i].error);
	auth_down = 1;
	assert_int_equal(put(CALLS0, &(struct put){ .submission = 1,
	    .to = "bob@here" }), QUEUE_ASK_DOWN);
	auth_down = 0;
	assert_int_equal(put(CALLS0, &(struct put){ .submission = 1,
	    .to = "bob@here" }), QUEUE_ASK_OK);
}

static void
a_worker_that_breaks_the_order_is_cut_off(void **s)
{
	struct msg_queue_put	 h = { .account = 'a', .size = 10, .nrcpt = 1 };
	struct msg_queue_rcpt	 r = { 0, 0 };
	struct msg_queue_is	 yes = { 0, 0 };
	struct msg_queue_more	 more = { 0 };
	int			 i;

	(void)s;
	for (i = 0; i < 9; i++) {
		enum pipe w = i < 7 ? CALLS1 : WORK1;

		if (i > 0)
			peer_connect(w, PROC_WORKER, 1 | (i < 7 ?
			    MSG_PEER_CALLS : 0));
		h.nrcpt = i == 4 ? 0 : i == 5 ? QUEUE_ASK_RCPTS + 1 : 1;
		if (i < 7 && i != 1)
			send_to(w, MSG_QUEUE_PUT, 0, &h, "a@here\0", 8);
		switch (i) {
		case 0:		/* a second PUT */
			send_to(w, MSG_QUEUE_PUT, 0, &h, "a@here\0", 8);
			break;
		case 1:		/* END of nothing */
			send_to(w, MSG_QUEUE_END, 0, NULL, NULL, 0);
			break;
		case 2:		/* more recipients than said */
			send_to(w, MSG_QUEUE_RCPT, 0, &r, "b@here\0", 8);
			send_to(w, MSG_QUEUE_RCPT, 0, &r, "c@here\0", 8);
			break;
		case 3:		/* more bytes than said */
			send_to(w, MSG_QUEUE_RCPT, 0, &r, "b@here\0", 8);
			send_to(w, MSG_QUEUE_DATA, 0, NULL, "0123456789a", 11);
			break;
		case 6:		/* one string for two */
			send_to(w, MSG_QUEUE_RCPT, 0, &r, "b@here", 7);
			break;
		case 7:		/* an answer to nothing */
			send_to(w, MSG_QUEUE_IS, 1, &yes, "", 0);
			break;
		case 8:		/* content of nothing */
			send_to(w, MSG_QUEUE_MORE, 1, &more, NULL, 0);
			break;
		}
		assert_int_equal(pump(w, WAIT_MS), -1);
		peer_end(w);
	}
	assert_int_equal(put(CALLS0, &(struct put){ .submission = 1,
	    .to = "bob@here" }), QUEUE_ASK_OK);
}

static void
drop_forgets_and_only_ones_own(void **s)
{
	struct put	 p = { .submission = 5, .to = "bob@here" };
	char		 state[32];

	(void)s;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	sub(CALLS1, MSG_QUEUE_DROP, 5);
	sub(CALLS1, MSG_QUEUE_GO, 5);
	poll(NULL, 0, 50);
	assert_int_equal(listed(state), 1);
	assert_string_equal(state, "held");
	sub(CALLS0, MSG_QUEUE_DROP, 5);
	empty();
	quiet(100);
}

static void
undone_while_nothing_has_left(void **s)
{
	struct put	 p = { .submission = 5, .to = "bob@here",
			    .hold = date_now() + 3600000 };
	struct put	 q = { .submission = 6, .to = "bob@here" };
	enum pipe	 w;

	(void)s;
	assert_int_equal(cancel(CALLS0, 5), QUEUE_ASK_IS_NOT);
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	sub(CALLS0, MSG_QUEUE_GO, 5);
	assert_int_equal(cancel(CALLS1, 5), QUEUE_ASK_IS_DONE);
	w = expect_work(MSG_QUEUE_STATUS);
	status(QUEUE_ASK_UNDONE, "bob@here", "");
	is(w, QUEUE_ASK_IS_DONE, "");
	empty();
	assert_int_equal(put(CALLS0, &q), QUEUE_ASK_OK);
	sub(CALLS0, MSG_QUEUE_GO, 6);
	w = expect_work(MSG_QUEUE_DELIVER);
	assert_int_equal(cancel(CALLS1, 6), QUEUE_ASK_IS_REFUSED);
}

static void
held_until_its_time(void **s)
{
	struct put	 p = { .submission = 5, .to = "bob@here" };
	int64_t		 begin = date_mono();

	(void)s;
	p.hold = date_now() + 400;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	sub(CALLS0, MSG_QUEUE_GO, 5);
	quiet(200);
	expect_work(MSG_QUEUE_DELIVER);
	assert_in_range(date_mono() - begin, 390, 2000);
}

static void
later_is_tried_again(void **s)
{
	struct put	 p = { .submission = 5, .to = "bob@here" };
	enum pipe	 w;
	int		 i, told = 0;

	(void)s;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	sub(CALLS0, MSG_QUEUE_GO, 5);
	for (i = 0; i < 3; ) {
		for (w = WORK0; pump(w, 2) != 1; w = WORK0 + WORK1 - w)
			continue;
		if (got.type == MSG_QUEUE_DELIVER) {
			i++;
			is(w, i == 3 ? QUEUE_ASK_IS_DONE : QUEUE_ASK_IS_LATER,
			    i == 3 ? "250 ok" : "452 4.2.2 full");
		} else {
			assert_int_equal(got.type, MSG_QUEUE_STATUS);
			told++;
			assert_int_equal(status(QUEUE_ASK_FINAL, "bob@here",
			    "452 4.2.2 full"), QUEUE_ASK_QUEUED);
			is(w, QUEUE_ASK_IS_DONE, "");
		}
	}
	assert_true(told >= 1);
	w = expect_work(MSG_QUEUE_STATUS);
	assert_int_equal(status(QUEUE_ASK_FINAL, "bob@here", "250 ok"),
	    QUEUE_ASK_YES);
	is(w, QUEUE_ASK_IS_DONE, "");
	empty();
}

static void
a_failure_comes_back_to_the_sender_once(void **s)
{
	struct put	 p = { .to = "bob@here" };
	char		 text_of[8192];
	enum pipe	 w;

	(void)s;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	w = expect_work(MSG_QUEUE_DELIVER);
	is(w, QUEUE_ASK_IS_REFUSED, "550 5.7.1 go away");
	w = expect_work(MSG_QUEUE_DELIVER);
	assert_string_equal((char *)got.tail, "");
	assert_int_equal(GOT(msg_queue_deliver)->account,
	    'a');
	content(w, text_of, sizeof(text_of));
	assert_non_null(strstr(text_of, "\r\nFinal-Recipient: rfc822; "
	    "bob@here\r\nAction: failed\r\nStatus: 5.7.1\r\n"));
	assert_non_null(strstr(text_of, "\r\nSubject: hello\r\n"));
	/* and what fails then is nobody's */
	is(w, QUEUE_ASK_IS_REFUSED, "550 5.7.1 go away, too");
	empty();
	quiet(200);
}

static void
notify_says_what_the_sender_wants(void **s)
{
	struct put	 p = { .to = "bob@here", .notify = MSG_QUEUE_NEVER };
	char		 text_of[8192];
	enum pipe	 w;

	(void)s;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	w = expect_work(MSG_QUEUE_DELIVER);
	is(w, QUEUE_ASK_IS_REFUSED, "550 no");
	empty();
	p.notify = MSG_QUEUE_SUCCESS;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	w = expect_work(MSG_QUEUE_DELIVER);
	is(w, QUEUE_ASK_IS_REFUSED, "550 no");
	empty();
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	w = expect_work(MSG_QUEUE_DELIVER);
	is(w, QUEUE_ASK_IS_DONE, "250 2.1.5 there");
	w = expect_work(MSG_QUEUE_DELIVER);
	content(w, text_of, sizeof(text_of));
	assert_non_null(strstr(text_of, "\r\nAction: delivered\r\n"
	    "Status: 2.1.5\r\n"));
	is(w, QUEUE_ASK_IS_DONE, "250 ok");
	empty();
}

static void
it_expires_and_says_so(void **s)
{
	struct put	 p = { .to = "bob@here" };
	char		 text_of[8192];
	enum pipe	 w;

	(void)s;
	p.by = date_now() + 500;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	for (;;) {
		w = expect_work(MSG_QUEUE_DELIVER);
		if (GOT(msg_queue_deliver)->account == 'a')
			break;
		is(w, QUEUE_ASK_IS_LATER, "451 4.3.0 not now");
	}
	content(w, text_of, sizeof(text_of));
	assert_non_null(strstr(text_of, "\r\nStatus: 5.4.7\r\n"));
	assert_non_null(strstr(text_of, "last: 451 4.3.0 not now"));
	is(w, QUEUE_ASK_IS_DONE, "250 ok");
	empty();
}

static void
full_is_full(void **s)
{
	struct put	 p = { .submission = 5, .to = "bob@here" };

	(void)s;
	limit = 2;
	configure();
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	p.submission = 6;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	p.submission = 7;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_FULL);
	sub(CALLS0, MSG_QUEUE_DROP, 5);
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
}

/* A disk that is full costs nothing that was acknowledged. */
static void
without_room_on_the_disk_it_says_so(void **s)
{
	struct put	 p = { .to = "bob@here", .len = 100000 };
	char		*in = calloc(1, p.len), state[32];
	uint64_t	 n;
	int		 acked;

	(void)s;
	memset(in, 'x', p.len);
	p.msg = in;
	stop(0);
	disk = 1 << 20;
	start();
	for (acked = 0; acked < 100; acked++) {
		p.submission = (uint64_t)acked + 1;
		if (put(CALLS0, &p) != QUEUE_ASK_OK)
			break;
	}
	assert_int_equal(GOT(msg_queued)->error, QUEUE_ASK_FULL);
	assert_in_range(acked, 4, 11);
	assert_int_equal(listed(state), acked);
	stop(SIGKILL);
	start();
	assert_int_equal(listed(state), acked);
	for (n = 1; n <= (uint64_t)acked; n++)
		is(expect_work(MSG_QUEUE_ASK), QUEUE_ASK_IS_NOT, "");
	empty();
	p.submission = 200;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	free(in);
}

static void
a_large_mail_comes_out_as_it_went_in(void **s)
{
	struct put	 p = { .submission = 5, .to = "bob@here",
			    .len = 5000001 };
	char		*in = malloc(p.len), *out = malloc(p.len + 4096);
	enum pipe	 w;
	size_t		 i, n;

	(void)s;
	for (i = 0; i < p.len; i++)
		in[i] = (char)('A' + i * 7919 % 1009 % 26);
	p.msg = in;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	stop(SIGKILL);
	start();
	w = expect_work(MSG_QUEUE_ASK);
	is(w, QUEUE_ASK_IS_DONE, "");
	w = expect_work(MSG_QUEUE_DELIVER);
	n = content(w, out, p.len + 4096);
	assert_true(n > p.len && n < p.len + 200);
	assert_memory_equal(out + n - p.len, in, p.len);
	is(w, QUEUE_ASK_IS_DONE, "250 ok");
	free(in);
	free(out);
}

static void
jmapctl_retries_and_cancels(void **s)
{
	struct put		 p = { .submission = 5, .to = "bob@here",
				    .hold = date_now() + 3600000 };
	struct msg_ctl_queue	 h = { MSG_CTL_QUEUE_CANCEL, 0, 0 };
	enum pipe		 w;
	uint64_t		 id;

	(void)s;
	assert_int_equal(put(CALLS0, &p), QUEUE_ASK_OK);
	id = GOT(msg_queued)->id;
	sub(CALLS0, MSG_QUEUE_GO, 5);
	poll(NULL, 0, 50);
	h.op = MSG_CTL_QUEUE_SHOW;
	h.id = id + 1;
	send_to(PARENT, MSG_CTL_QUEUE, 1, &h, NULL, 0);
	expect(PARENT, MSG_CTL_END);
	assert_int_equal(GOT(msg_ctl_end)->code, 1);
	h.id = id;
	send_to(PARENT, MSG_CTL_QUEUE, 1, &h, NULL, 0);
	expect(PARENT, MSG_CTL_ROW);
	assert_string_equal(row_get(got.tail, got.len, "recipient"),
	    "<bob@here>");
	expect(PARENT, MSG_CTL_END);
	/* a time that was asked for is not over before it comes */
	h.op = MSG_CTL_QUEUE_RETRY;
	send_to(PARENT, MSG_CTL_QUEUE, 1, &h, NULL, 0);
	expect(PARENT, MSG_CTL_END);
	quiet(100);
	h.op = MSG_CTL_QUEUE_CANCEL;
	send_to(PARENT, MSG_CTL_QUEUE, 1, &h, NULL, 0);
	expect(PARENT, MSG_CTL_END);
	assert_int_equal(GOT(msg_ctl_end)->code, 0);
	w = expect_work(MSG_QUEUE_STATUS);
	status(QUEUE_ASK_UNDONE, "bob@here", "");
	is(w, QUEUE_ASK_IS_NOT, "");
	empty();
}

static void
many_recipients_are_told_of_in_pieces(void **s)
{
	struct msg_queue_put	 h = { .account = 'a', .submission = 9,
				    .size = sizeof(mail) - 1,
				    .nrcpt = QUEUE_ASK_RCPTS };
	struct put		 p = { .notify = 0 };
	char			 to[300];
	int			 i, done = 0, told = 0, statuses = 0;
	enum pipe		 w;

	(void)s;
	send_to(CALLS0, MSG_QUEUE_PUT, 0, &h, "a@here\0", 8);
	for (i = 0; i < QUEUE_ASK_RCPTS; i++) {
		snprintf(to, sizeof(to), "b%0200d@here", i);
		put_one(CALLS0, &p, to);
	}
	send_to(CALLS0, MSG_QUEUE_DATA, 0, NULL, mail, sizeof(mail) - 1);
	send_to(CALLS0, MSG_QUEUE_END, 1, NULL, NULL, 0);
	expect(CALLS0, MSG_QUEUED);
	assert_int_equal(GOT(msg_queued)->error, 0);
	sub(CALLS0, MSG_QUEUE_GO, 9);
	while (told < QUEUE_ASK_RCPTS) {
		for (w = WORK0; pump(w, 2) != 1; w = WORK0 + WORK1 - w)
			continue;
		if (got.type == MSG_QUEUE_DELIVER)
			done++;
		else {
			told += GOT(msg_queue_status)->nrcpt;
			statuses++;
		}
		is(w, QUEUE_ASK_IS_DONE, got.type == MSG_QUEUE_DELIVER ?
		    "250 2.1.5 ok" : "");
	}
	assert_int_equal(done, QUEUE_ASK_RCPTS);
	assert_true(statuses >= 4);
	empty();
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(held_until_go_then_delivered_and_told),
		T(without_a_submission_it_goes_at_once),
		T(wrong_recipients_are_refused_by_number),
		T(what_is_wrong_is_an_error_not_an_end),
		T(a_worker_that_breaks_the_order_is_cut_off),
		T(drop_forgets_and_only_ones_own),
		T(undone_while_nothing_has_left),
		T(held_until_its_time),
		T(later_is_tried_again),
		T(a_failure_comes_back_to_the_sender_once),
		T(notify_says_what_the_sender_wants),
		T(it_expires_and_says_so),
		T(full_is_full),
		T(without_room_on_the_disk_it_says_so),
		T(a_large_mail_comes_out_as_it_went_in),
		T(jmapctl_retries_and_cancels),
		T(many_recipients_are_told_of_in_pieces),
	};

	signal(SIGPIPE, SIG_IGN);
	event_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
