/* SPDX-License-Identifier: ISC */
/* Cards of accounts: whose address is it? */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "common/card.h"

#define TEXT(s)	s, sizeof(s)		/* with the last NUL */

static void
an_address_is_ones_own_in_any_case_and_with_a_detail(void **state)
{
	static const struct {
		const char	*address;
		int		 own;
	} rows[] = {
		{ "ann@example.com", 1 },
		{ "Ann@EXAMPLE.com", 1 },
		{ "ann+list@example.com", 1 },
		{ "a.nn@example.com", 0 },
		{ "an@example.com", 0 },
		{ "annn@example.com", 0 },
		{ "ann@example.co", 0 },
		{ "ann@example.comm", 0 },
		{ "+x@example.com", 0 },
		{ "@example.com", 0 },
		{ "ann", 0 },
		{ "", 0 },
		{ "*@example.com", 0 },
		{ "x+y@second.example", 1 },
		{ "anything@all.example", 1 },
		{ "*@all.example", 1 },
		{ "@all.example", 0 },
		{ "anything@sub.all.example", 0 },
		{ "anything@not-all.example", 0 }
	};
	size_t	 i;

	(void)state;
	card_put(7, TEXT("1000\0Ann Example\0ann@example.com\0"
	    "x@second.example\0@all.example"));
	assert_non_null(card_get(7));
	assert_string_equal(card_get(7)->name, "Ann Example");
	assert_int_equal(card_get(7)->n, 3);
	assert_int_equal(card_get(7)->quota, 1000);
	for (i = 0; i < nitems(rows); i++)
		if (card_has(card_get(7), rows[i].address) != rows[i].own)
			fail_msg("%s", rows[i].address);
	assert_int_equal(card_has(NULL, "ann@example.com"), 0);
	card_drop(7);
	assert_null(card_get(7));
}

static void
a_newer_card_takes_the_older_ones_place(void **state)
{
	(void)state;
	card_put(1, TEXT("\0\0a@x"));
	card_put(1, TEXT("0\0B\0b@x"));
	assert_string_equal(card_get(1)->name, "B");
	assert_int_equal(card_has(card_get(1), "a@x"), 0);
	card_put(1, "no end", 6);
	assert_null(card_get(1));
	card_put(0, TEXT("nobody"));
	assert_null(card_get(0));
	card_put(2, TEXT("0\0only a name"));
	assert_int_equal(card_get(2)->n, 0);
	card_drop(0);
	assert_null(card_get(2));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(
		    an_address_is_ones_own_in_any_case_and_with_a_detail),
		cmocka_unit_test(a_newer_card_takes_the_older_ones_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
