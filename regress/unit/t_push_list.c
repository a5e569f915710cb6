/* SPDX-License-Identifier: ISC */
/* daemon/push_list.c: what is merged, what waits for how long, what of a
 * worker's word is refused. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/push_crypt.h"
#include "daemon/push_list.h"

#define URL	"https://push.example.net/x"

static struct conf	*conf;
static struct push_msg	 msg;
static void		*gone;

static int
setup(void **state)
{
	(void)state;
	if (conf == NULL)
		conf = conf_new();
	conf->push_interval = 1000;
	conf->push_retry = 10000;
	conf->push_attempts = 3;
	push_list_conf(conf);
	return 0;
}

static int
teardown(void **state)
{
	uint64_t	 i;

	(void)state;
	for (i = 0; i < 10; i++)
		push_list_drop(i, 0);
	assert_int_equal(push_list_waiting(), 0);
	return 0;
}

/* NULL, or why not. */
static const char *
add(uint64_t id, uint32_t kind, const char *url, const char *content,
    int64_t now)
{
	struct msg_push	 h;
	const char	*why;
	uint8_t		*tail;
	size_t		 n = strlen(url), len = strlen(content);
	int		 full;

	memset(&h, 0, sizeof(h));
	h.account = 1;
	h.id = id;
	h.kind = kind;
	h.urgency = MSG_PUSH_LOW;
	h.url_len = (uint32_t)n;
	tail = malloc(n + len + 1);	/* no NUL behind it */
	memcpy(tail, url, n);
	memcpy(tail + n, content, len);
	why = push_list_add(&h, tail, n + len, 7, now, &full);
	free(tail);
	return why;
}

/* The next at a time, its body in text; NULL: none. */
static struct push_sub *
next(int64_t now, const char **body, int64_t *wait)
{
	struct push_sub	*s;
	int64_t		 w;

	buf_free(&msg.body);
	s = push_list_next(now, &msg, wait == NULL ? &w : wait);
	if (s != NULL && body != NULL)
		*body = buf_str(&msg.body);
	return s;
}

#define STATE(s, now)	assert_null(add(1, MSG_PUSH_STATE, URL, s, now))
#define CHANGE(s)	"{\"@type\":\"StateChange\",\"changed\":{" s "}}"

static void
states_are_merged_and_the_newest_wins(void **state)
{
	struct push_sub	*s;
	const char	*body;

	(void)state;
	STATE("u1 Email 5\nu1 Mailbox 6\n", 100);
	STATE("u2 Email 3\nu1 Email 8\n", 100);
	assert_int_equal(push_list_waiting(), 1);
	s = next(100, &body, NULL);
	assert_non_null(s);
	assert_string_equal(body, CHANGE("\"u1\":{\"Mailbox\":\"6\","
	    "\"Email\":\"8\"},\"u2\":{\"Email\":\"3\"}"));
	assert_int_equal(push_list_end(s, PUSH_DONE, 0, 100), 0);
	assert_int_equal(push_list_waiting(), 0);
	assert_null(next(200, NULL, NULL));
}

static void
at_most_one_is_on_its_way_and_what_comes_meanwhile_is_kept(void **state)
{
	struct push_sub	*s;
	const char	*body;
	int64_t		 wait;

	(void)state;
	STATE("u1 Email 5\n", 100);
	s = next(100, NULL, NULL);
	STATE("u1 Email 6\n", 150);
	STATE("u1 Email 7\n", 160);
	assert_null(next(170, NULL, &wait));
	assert_int_equal(wait, -1);
	push_list_end(s, PUSH_DONE, 0, 200);
	/* not before its interval is over */
	assert_null(next(1199, NULL, &wait));
	assert_int_equal(wait, 1);
	assert_non_null(s = next(1200, &body, NULL));
	assert_string_equal(body, CHANGE("\"u1\":{\"Email\":\"7\"}"));
	push_list_end(s, PUSH_DONE, 0, 1200);
}

static void
a_failure_keeps_what_is_not_newer(void **state)
{
	struct push_sub	*s;
	const char	*body;
	int64_t		 wait;

	(void)state;
	STATE("u1 Email 5\nu1 Mailbox 5\n", 0);
	s = next(0, NULL, NULL);
	STATE("u1 Email 6\n", 1);
	assert_int_equal(push_list_end(s, PUSH_RETRY, 0, 0), 0);
	assert_null(next(9999, NULL, &wait));
	/* 10 s and up to a quarter more */
	assert_in_range(wait, 1, 2501);
	assert_non_null(s = next(12500, &body, NULL));
	assert_string_equal(body, CHANGE("\"u1\":{\"Mailbox\":\"5\","
	    "\"Email\":\"6\"}"));
	assert_int_equal(push_list_failures(s), 1);
	/* twice as long, then it is given up */
	assert_int_equal(push_list_end(s, PUSH_RETRY, 0, 12500), 0);
	assert_null(next(32499, NULL, NULL));
	assert_non_null(s = next(37500, NULL, NULL));
	assert_int_equal(push_list_end(s, PUSH_RETRY, 0, 37500), 1);
	assert_int_equal(push_list_waiting(), 0);
}

static void
it_waits_as_long_as_the_service_says(void **state)
{
	struct push_sub	*s;

	(void)state;
	STATE("u1 Email 5\n", 0);
	s = next(0, NULL, NULL);
	push_list_end(s, PUSH_RETRY, 3600 * 5, 0);
	assert_null(next(3600 * 5 * 1000 - 1, NULL, NULL));
	assert_non_null(s = next(3600 * 5 * 1000, NULL, NULL));
	/* but not for ever */
	push_list_end(s, PUSH_RETRY, INT64_MAX / 2, 0);
	assert_non_null(s = next(24LL * 3600 * 1000, NULL, NULL));
	push_list_end(s, PUSH_DONE, 0, 0);
}

static void
a_service_that_has_too_many_is_asked_less_often(void **state)
{
	struct push_sub	*s;

	(void)state;
	STATE("u1 Email 5\n", 0);
	s = next(0, NULL, NULL);
	push_list_end(s, PUSH_SLOWER, 0, 0);
	assert_non_null(s = next(20000, NULL, NULL));
	push_list_end(s, PUSH_DONE, 0, 20000);
	STATE("u1 Email 6\n", 20000);
	/* 1 s is the interval, twice that now */
	assert_null(next(21999, NULL, NULL));
	assert_non_null(s = next(22001, NULL, NULL));
	push_list_end(s, PUSH_DONE, 0, 22001);
	STATE("u1 Email 7\n", 22001);
	assert_non_null(s = next(23002, NULL, NULL));
	push_list_end(s, PUSH_DONE, 0, 23002);
}

static void
a_verification_is_tried_three_times_and_comes_first(void **state)
{
	struct push_sub	*s;
	const char	*body;
	int64_t		 now = 0;
	int		 i;

	(void)state;
	conf->push_attempts = 50;
	STATE("u1 Email 5\n", 0);
	assert_null(add(1, MSG_PUSH_VERIFY, URL, "{\"a\":1}", 0));
	for (i = 0; i < 3; i++, now += 3600 * 1000) {
		assert_non_null(s = next(now, &body, NULL));
		assert_string_equal(body, "{\"a\":1}");
		assert_int_equal(msg.verify, 1);
		assert_string_equal(msg.topic, "");
		assert_int_equal(push_list_end(s, PUSH_RETRY, 0, now), i == 2);
	}
	assert_null(next(now, NULL, NULL));
}

static void
topics_are_those_of_the_same_types(void **state)
{
	struct push_sub	*s;
	char		 first[PUSH_STATE_TOPIC];
	static const struct {
		const char	*lines;
		int		 same;
	} rows[] = {
		{ "u1 Email 9\nu1 Mailbox 9\n", 1 },
		{ "u1 Mailbox 10\nu1 Email 10\n", 1 },
		{ "u1 Email 11\n", 0 },
		{ "u1 Email 11\nu1 Mailbox 11\nu1 Thread 11\n", 0 },
		{ "u1 Email 11\nu2 Mailbox 11\n", 0 },
	};
	int64_t		 now = 0;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++, now += 5000) {
		STATE(rows[i].lines, now);
		assert_non_null(s = next(now, NULL, NULL));
		assert_int_equal(strlen(msg.topic), 32);
		if (i == 0)
			strlcpy(first, msg.topic, sizeof(first));
		assert_int_equal(strcmp(first, msg.topic) == 0, rows[i].same);
		push_list_end(s, PUSH_DONE, 0, now);
	}
}

static void
no_body_is_longer_than_can_be_encrypted(void **state)
{
	struct msg_push	 h;
	struct push_sub	*s;
	uint8_t		 tail[16384];
	char		*p = (char *)tail;
	size_t		 n, i, states = 0;
	int64_t		 now = 0;
	int		 full;

	(void)state;
	memset(&h, 0, sizeof(h));
	h.account = 1;
	h.id = 3;
	h.keyed = 1;
	h.url_len = strlen(URL);
	n = (size_t)snprintf(p, sizeof(tail), URL);
	for (i = 0; i < 250; i++)
		n += (size_t)snprintf(p + n, sizeof(tail) - n,
		    "account-%zu Type%zu %zu\n", i / 3, i, i);
	assert_null(push_list_add(&h, tail, n, 0, 0, &full));
	for (; (s = next(now, NULL, NULL)) != NULL; now += 2000) {
		assert_in_range(msg.body.len, 1, PUSH_CRYPT_MAX);
		for (i = 0; i + 4 < msg.body.len; i++)
			states += memcmp(msg.body.data + i, "Type", 4) == 0;
		push_list_end(s, PUSH_DONE, 0, now);
	}
	assert_int_equal(states, 250);
}

static void
note_gone(void *arg)
{
	gone = arg;
}

static void
a_dropped_one_takes_its_message_with_it(void **state)
{
	struct push_sub	*s;
	int		 mark;

	(void)state;
	push_list_on_drop(note_gone);
	STATE("u1 Email 5\n", 0);
	assert_null(add(2, MSG_PUSH_OBJECT, URL, "{}", 0));
	s = next(0, NULL, NULL);
	push_list_arg(s, &mark);
	push_list_drop(1, 2);
	assert_null(gone);
	push_list_drop(1, 1);
	assert_ptr_equal(gone, &mark);
	assert_null(next(INT64_MAX / 2, NULL, NULL));
	push_list_on_drop(NULL);
}

static void
an_account_has_four_on_their_way(void **state)
{
	struct push_sub	*s[5];
	int64_t		 wait;
	uint64_t	 i;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_null(add(i + 1, MSG_PUSH_OBJECT, URL, "{}", 0));
	for (i = 0; i < 4; i++)
		assert_non_null(s[i] = next(0, NULL, NULL));
	assert_null(next(0, NULL, &wait));
	assert_int_equal(wait, 100);
	push_list_end(s[0], PUSH_GONE, 0, 0);
	assert_non_null(s[4] = next(100, NULL, NULL));
	for (i = 1; i < 5; i++)
		push_list_end(s[i], PUSH_GONE, 0, 0);
	assert_null(next(200, NULL, &wait));
	assert_int_equal(wait, -1);
}

static void
what_a_worker_may_not_say(void **state)
{
	static const struct {
		uint32_t	 kind;
		const char	*url, *content;
	} rows[] = {
		{ MSG_PUSH_STATE, "http://push.example.net/", "u1 A 1\n" },
		{ MSG_PUSH_STATE, "https://127.0.0.1/", "u1 A 1\n" },
		{ MSG_PUSH_STATE, "https://localhost/", "u1 A 1\n" },
		{ MSG_PUSH_STATE, "https://a.b:22/", "u1 A 1\n" },
		{ MSG_PUSH_STATE, URL, "" },
		{ MSG_PUSH_STATE, URL, "u1 A 1" },
		{ MSG_PUSH_STATE, URL, "u1 A\n" },
		{ MSG_PUSH_STATE, URL, "u1 A \n" },
		{ MSG_PUSH_STATE, URL, " A 1\n" },
		{ MSG_PUSH_STATE, URL, "u1  1\n" },
		{ MSG_PUSH_STATE, URL, "u1 A 1 2\n" },
		{ MSG_PUSH_STATE, URL, "u1 A 1\nx" },
		{ MSG_PUSH_STATE, URL, "u\" A 1\n" },
		{ MSG_PUSH_STATE, URL, "u1 A\\ 1\n" },
		{ MSG_PUSH_STATE, URL, "\n" },
		{ MSG_PUSH_OBJECT, URL, "" },
		{ MSG_PUSH_KINDS, URL, "{}" },
	};
	struct msg_push	 h;
	size_t		 i;
	int		 full;

	(void)state;
	for (i = 0; i < nitems(rows); i++)
		if (add(5, rows[i].kind, rows[i].url, rows[i].content, 0) ==
		    NULL)
			fail_msg("row %zu is taken", i);
	memset(&h, 0, sizeof(h));
	h.id = 1;
	h.url_len = 100;
	assert_non_null(push_list_add(&h, (const uint8_t *)URL, 10, 0, 0,
	    &full));
	assert_non_null(add(0, MSG_PUSH_OBJECT, URL, "{}", 0));
	/* one subscription has one URL */
	assert_null(add(6, MSG_PUSH_OBJECT, URL, "{}", 0));
	assert_non_null(add(6, MSG_PUSH_OBJECT, URL "y", "{}", 0));
	for (i = 1; i < PUSH_LIST_OBJECTS; i++)
		assert_null(add(6, MSG_PUSH_OBJECT, URL, "{}", 0));
	assert_non_null(add(6, MSG_PUSH_OBJECT, URL, "{}", 0));
}

int
main(void)
{
#define T(fn)	cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest	 tests[] = {
		T(states_are_merged_and_the_newest_wins),
		T(at_most_one_is_on_its_way_and_what_comes_meanwhile_is_kept),
		T(a_failure_keeps_what_is_not_newer),
		T(it_waits_as_long_as_the_service_says),
		T(a_service_that_has_too_many_is_asked_less_often),
		T(a_verification_is_tried_three_times_and_comes_first),
		T(topics_are_those_of_the_same_types),
		T(no_body_is_longer_than_can_be_encrypted),
		T(a_dropped_one_takes_its_message_with_it),
		T(an_account_has_four_on_their_way),
		T(what_a_worker_may_not_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
