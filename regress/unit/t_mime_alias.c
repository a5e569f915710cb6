/* SPDX-License-Identifier: ISC */
/* worker/mime/mime_alias.c: the names of character sets. */
#include "common/compat.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "worker/mime/mime_int.h"

static const struct mime_alias *const	 all = mime_alias_table;

static void
the_table_is_in_order_and_says_nothing_twice(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < mime_alias_n; i++) {
		if (i > 0 && strcmp(all[i - 1].name, all[i].name) >= 0)
			fail_msg("%s stands before %s", all[i - 1].name,
			    all[i].name);
		if (all[i].name[strspn(all[i].name,
		    "abcdefghijklmnopqrstuvwxyz0123456789")] != '\0')
			fail_msg("%s: no name can be that", all[i].name);
		assert_in_range(all[i].set, 0, SET_MAX - 1);
	}
}

static void
each_name_is_found_and_nothing_like_it(void **state)
{
	const struct mime_alias	*a;
	char			 s[64];
	size_t			 i, n;

	(void)state;
	for (i = 0; i < mime_alias_n; i++) {
		n = (size_t)snprintf(s, sizeof(s), "%sq", all[i].name);
		assert_ptr_equal(mime_alias(s, n - 1), &all[i]);
		assert_null(mime_alias(s, n));
		/* less of it is nothing, or another name of that length */
		a = mime_alias(s, n - 2);
		assert_true(a == NULL || strlen(a->name) == n - 2);
	}
	assert_null(mime_alias("", 0));
	assert_null(mime_alias("0", 1));
	assert_null(mime_alias("zzz", 3));
}

static void
each_name_is_known_as_anybody_writes_it(void **state)
{
	char	 plain[64], odd[128];
	size_t	 i, k, n;
	int	 there, known = 0;

	(void)state;
	assert_true(mime_charset_init() > 0);
	for (i = 0; i < mime_alias_n; i++) {
		n = strlcpy(plain, all[i].name, sizeof(plain));
		for (k = 0; k < n; k++) {
			odd[2 * k] = (char)toupper((unsigned char)plain[k]);
			odd[2 * k + 1] = "-_: "[k % 4];
		}
		/* there may be no decoder for it here; then never */
		there = mime_charset_known(plain, n);
		known += there;
		assert_int_equal(mime_charset_known(odd, 2 * n), there);
	}
	assert_true(known >= 40);	/* the sets that are ours */
}

static void
every_set_has_a_name(void **state)
{
	int	 named[SET_MAX] = { 0 };
	size_t	 i;

	(void)state;
	for (i = 0; i < mime_alias_n; i++)
		named[all[i].set] = 1;
	for (i = 0; i < SET_MAX; i++)
		assert_true(named[i]);
}

/* One of each that is easily mistaken. */
static const struct {
	const char	*name;
	enum mime_set	 set;
} stands_for[] = {
	{ "utf8", SET_UTF8 }, { "usascii", SET_ASCII },
	{ "iso88591", SET_CP1252 }, { "iso885911", SET_CP874 },
	{ "iso885915", SET_8859_15 }, { "iso88599", SET_CP1254 },
	{ "gb2312", SET_GB18030 }, { "hzgb2312", SET_HZ },
	{ "shiftjis", SET_CP932 }, { "iso2022jp", SET_2022_JP_2 },
	{ "ksc56011987", SET_CP949 }, { "utf16", SET_UTF16 },
	{ "utf16le", SET_UTF16LE }, { "koi8r", SET_KOI8_R },
	{ "visual", SET_8859_8 }, { "xxbig5", SET_BIG5 },
};

static void
a_name_stands_for_what_senders_use(void **state)
{
	const struct mime_alias	*a;
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(stands_for); i++) {
		a = mime_alias(stands_for[i].name, strlen(stands_for[i].name));
		assert_non_null(a);
		assert_int_equal(a->set, stands_for[i].set);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(the_table_is_in_order_and_says_nothing_twice),
		cmocka_unit_test(each_name_is_found_and_nothing_like_it),
		cmocka_unit_test(each_name_is_known_as_anybody_writes_it),
		cmocka_unit_test(every_set_has_a_name),
		cmocka_unit_test(a_name_stands_for_what_senders_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
