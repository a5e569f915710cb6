/* SPDX-License-Identifier: ISC */
/* Which texts are mail addresses. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"

static const struct {
	const char	*text;
	int		 ok;
} rows[] = {
	{ "a@b", 1 },
	{ "ann.example+list@mail.example.com", 1 },
	{ "!#$%&'*+-/=?^_`{|}~@example.com", 1 },
	{ "\"ann example\"@example.com", 1 },
	{ "\"a\\\"b\"@example.com", 1 },
	{ "\"\"@example.com", 1 },
	{ "j\xc3\xb6rg@example.com", 1 },
	{ "a@b\xc3\xbc" "cher.example", 1 },
	{ "a@[192.0.2.1]", 1 },
	{ "a@[IPv6:2001:db8::1]", 1 },
	{ "a@xn--bcher-kva.example", 1 },
	{ "", 0 },
	{ "@", 0 },
	{ "a", 0 },
	{ "a@", 0 },
	{ "@b", 0 },
	{ "a@b@c", 0 },
	{ ".a@b", 0 },
	{ "a.@b", 0 },
	{ "a..b@c", 0 },
	{ "a b@c", 0 },
	{ "a@b c", 0 },
	{ "a@b.", 0 },
	{ "a@.b", 0 },
	{ "a@b..c", 0 },
	{ "a@-b", 0 },
	{ "a@b-", 0 },
	{ "a@b-.c", 0 },
	{ "a@b_c", 0 },
	{ "<a@b>", 0 },
	{ "a@b>", 0 },
	{ "a(comment)@b", 0 },
	{ "a@b\r\nDATA", 0 },
	{ "a\r\n@b", 0 },
	{ "\"a\r\n\"@b", 0 },
	{ "\"a\"b@c", 0 },
	{ "\"a@b", 0 },
	{ "\"a\\", 0 },
	{ "a@[]", 0 },
	{ "a@[1", 0 },
	{ "a@[1]]", 0 },
	{ "a@[1 2]", 0 },
	{ "a\x7f@b", 0 },
	{ "a\xff@b", 0 },
	{ "a@b\x80", 0 }
};

static void
only_a_mailbox_of_smtp_is_an_address(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++)
		if (addr_ok(rows[i].text) != rows[i].ok)
			fail_msg("%s", rows[i].text);
}

static void
its_length_has_the_limits_of_smtp(void **state)
{
	char	 s[400];

	(void)state;
	snprintf(s, sizeof(s), "%064d@example.com", 1);
	assert_int_equal(addr_ok(s), 1);
	snprintf(s, sizeof(s), "%065d@example.com", 1);
	assert_int_equal(addr_ok(s), 0);
	snprintf(s, sizeof(s), "a@%0252d", 1);
	assert_int_equal(addr_ok(s), 1);
	snprintf(s, sizeof(s), "a@%0253d", 1);
	assert_int_equal(addr_ok(s), 0);
}

static void
letters_of_any_case_are_the_same_address(void **state)
{
	(void)state;
	assert_int_equal(addr_same("A@b.C", "a@B.c"), 1);
	assert_int_equal(addr_same("a@b", "a@b.c"), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(only_a_mailbox_of_smtp_is_an_address),
		cmocka_unit_test(its_length_has_the_limits_of_smtp),
		cmocka_unit_test(letters_of_any_case_are_the_same_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
