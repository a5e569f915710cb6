/* SPDX-License-Identifier: ISC */
/* What push channels say: lists of types, StateChange, and state texts. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_push.h"

#define BIT(t)	((uint32_t)1 << (t))

static void
types_are_a_star_or_names_between_commas(void **state)
{
	static const struct {
		const char	*text;
		int		 ret;
		uint32_t	 types;
	} rows[] = {
		{ "*", 0, JMAP_PUSH_ALL },
		{ "Email", 0, BIT(STORE_EMAIL) },
		{ "Email,Mailbox", 0, BIT(STORE_EMAIL) | BIT(STORE_MAILBOX) },
		{ "Email,Email", 0, BIT(STORE_EMAIL) },
		{ "EmailDelivery", 0, BIT(STORE_DELIVERY) },
		{ "email,CalendarEvent", 0, 0 },
		{ "", -1, 0 }, { ",", -1, 0 }, { "Email,", -1, 0 },
		{ ",Email", -1, 0 }, { "Email,,Thread", -1, 0 },
		{ "*,Email", -1, 0 }, { "Email ", -1, 0 },
		{ "Em\xc3\xa4il", -1, 0 }, { "**", -1, 0 },
	};
	uint32_t	 types;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		assert_int_equal(jmap_push_types(rows[i].text, &types),
		    rows[i].ret);
		if (rows[i].ret == 0)
			assert_int_equal(types, rows[i].types);
	}
}

static void
a_list_of_types_has_a_bound(void **state)
{
	char		 text[1100];
	uint32_t	 types;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[1024] = '\0';
	assert_int_equal(jmap_push_types(text, &types), 0);
	text[1024] = 'a';
	text[1025] = '\0';
	assert_int_equal(jmap_push_types(text, &types), -1);
}

static void
a_change_names_what_is_newer_and_wanted(void **state)
{
	struct jmap_push	 p = { .modseq = 9 };
	static const struct {
		uint64_t	 since;
		uint32_t	 types;
		const char	*want;
	} rows[] = {
		{ 0, JMAP_PUSH_ALL,
		    "{\"u7\":{\"Mailbox\":\"3\",\"Email\":\"9\"}}" },
		{ 3, JMAP_PUSH_ALL, "{\"u7\":{\"Email\":\"9\"}}" },
		{ 0, BIT(STORE_MAILBOX), "{\"u7\":{\"Mailbox\":\"3\"}}" },
		{ 3, BIT(STORE_MAILBOX), "{}" },
		{ 9, JMAP_PUSH_ALL, "{}" },
		{ 0, 0, "{}" },
		{ 0, BIT(STORE_THREAD), "{}" },
		/* a copy from before was put back */
		{ 100, BIT(STORE_EMAIL), "{\"u7\":{\"Email\":\"9\"}}" },
	};
	struct buf		 b;
	size_t			 i;

	(void)state;
	p.state[STORE_MAILBOX] = 3;
	p.state[STORE_EMAIL] = 9;
	for (i = 0; i < nitems(rows); i++) {
		buf_init(&b, 4096);
		js_out_obj(&b);
		assert_int_equal(jmap_push_one(&b, "u7", &p, rows[i].types,
		    rows[i].since), strcmp(rows[i].want, "{}") != 0);
		js_out_end(&b, '}');
		assert_string_equal(buf_str(&b), rows[i].want);
		buf_free(&b);
	}
}

static void
a_state_text_is_of_one_account_and_has_one_spelling(void **state)
{
	static const struct {
		const char	*text;
		int		 ret;
		uint64_t	 since;
	} rows[] = {
		{ "u7.0", 0, 0 }, { "u7.123456789012345678", 0,
		    123456789012345678 },
		{ "u8.1", -1, 0 }, { "u77.1", -1, 0 }, { "u7", -1, 0 },
		{ "u7.", -1, 0 }, { "u7.01", -1, 0 }, { "u7.-1", -1, 0 },
		{ "u7.1x", -1, 0 }, { "", -1, 0 }, { "1", -1, 0 },
		{ "u7.1234567890123456789", -1, 0 },
	};
	char		 id[JMAP_PUSH_ID];
	uint64_t	 since;
	size_t		 i;

	(void)state;
	assert_string_equal(jmap_push_id("u7", 42, id), "u7.42");
	for (i = 0; i < nitems(rows); i++) {
		assert_int_equal(jmap_push_since(rows[i].text, "u7", &since),
		    rows[i].ret);
		if (rows[i].ret == 0)
			assert_int_equal(since, rows[i].since);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(types_are_a_star_or_names_between_commas),
		cmocka_unit_test(a_list_of_types_has_a_bound),
		cmocka_unit_test(a_change_names_what_is_newer_and_wanted),
		cmocka_unit_test(
		    a_state_text_is_of_one_account_and_has_one_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
