/* SPDX-License-Identifier: ISC */
/* common/dir.c and perm.c: principals, packed and in hand. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dir.h"
#include "common/perm.h"

static void
a_principal_survives_packing(void **state)
{
	struct dir_prin	 d, e;
	struct buf	 b;

	(void)state;
	dir_init(&d);
	dir_init(&e);
	buf_init(&b, DIR_SIZE_MAX);
	d.id = 77;
	d.type = DIR_DOMAIN;
	d.quota = 5000000000ULL;
	assert_int_equal(dir_set(&d, DIR_NAME, "example.org"), 0);
	dir_put(&b, DIR_ADD, DIR_EMAILS, "a@b", 3);
	dir_put(&b, DIR_ADD, DIR_EMAILS, "c@d", 3);
	dir_put(&b, DIR_ADD, DIR_EMAILS, "a@b", 3);
	assert_int_equal(dir_apply(&d, b.data, b.len), 0);
	assert_int_equal(d.f[DIR_EMAILS].n, 2);
	buf_reset(&b);
	dir_pack(&b, &d);
	assert_int_equal(buf_bad(&b), 0);
	assert_int_equal(dir_apply(&e, b.data, b.len), 0);
	assert_int_equal(e.id, 77);
	assert_int_equal(e.type, DIR_DOMAIN);
	assert_int_equal(e.quota, 5000000000ULL);
	assert_string_equal(dir_first(&e, DIR_NAME), "example.org");
	assert_true(dir_has(&e, DIR_EMAILS, "c@d"));
	assert_false(dir_has(&e, DIR_EMAILS, "c@"));
	dir_free(&d);
	dir_free(&e);
	buf_free(&b);
}

static void
changes_apply_in_order(void **state)
{
	struct dir_prin	 d;
	struct buf	 b;

	(void)state;
	dir_init(&d);
	buf_init(&b, DIR_SIZE_MAX);
	dir_put(&b, DIR_ADD, DIR_ROLES, "one", 3);
	dir_put(&b, DIR_CLEAR, DIR_ROLES, "", 0);
	dir_put(&b, DIR_ADD, DIR_ROLES, "two", 3);
	dir_put(&b, DIR_ADD, DIR_ROLES, "three", 5);
	dir_put(&b, DIR_REMOVE, DIR_ROLES, "two", 3);
	dir_put(&b, DIR_REMOVE, DIR_ROLES, "absent", 6);
	dir_put(&b, DIR_ADD, DIR_NAME, "old", 3);
	dir_put(&b, DIR_ADD, DIR_NAME, "new", 3);	/* one value only */
	assert_int_equal(dir_apply(&d, b.data, b.len), 0);
	assert_int_equal(d.f[DIR_ROLES].n, 1);
	assert_string_equal(dir_first(&d, DIR_ROLES), "three");
	assert_int_equal(d.f[DIR_NAME].n, 1);
	assert_string_equal(dir_first(&d, DIR_NAME), "new");
	dir_free(&d);
	buf_free(&b);
}

static const struct bad_row {
	const char	*why;
	const char	*bytes;
	size_t		 len;
} bad_rows[] = {
	{ "short head", "\0\3\0\0\0\0\0", 7 },
	{ "length beyond the end", "\0\3\0\0\0\0\0\5abcd", 12 },
	{ "huge length", "\0\3\0\0\377\377\377\377abcd", 12 },
	{ "unknown action", "\7\3\0\0\0\0\0\1a", 9 },
	{ "no field", "\0\0\0\0\0\0\0\1a", 9 },
	{ "unknown field", "\0\143\0\0\0\0\0\1a", 9 },
	{ "NUL inside", "\0\3\0\0\0\0\0\3a\0b", 11 },
	{ "no UTF-8", "\0\3\0\0\0\0\0\1\377", 9 },
	{ "a number that is none", "\0\7\0\0\0\0\0\2-1", 10 },
	{ "a type that is none", "\0\2\0\0\0\0\0\1" "4", 9 },
};

static void
malformed_bytes_are_refused(void **state)
{
	const struct bad_row	*r;
	struct dir_prin		 d;

	(void)state;
	for (r = bad_rows; r < bad_rows + nitems(bad_rows); r++) {
		dir_init(&d);
		if (dir_apply(&d, r->bytes, r->len) != -1)
			fail_msg("%s", r->why);
		dir_free(&d);
	}
}

static void
account_ids_have_one_spelling(void **state)
{
	char	 out[DIR_ACCOUNT_LEN];

	(void)state;
	assert_string_equal(dir_account(1, out), "u1");
	assert_int_equal(dir_account_get("u1"), 1);
	assert_int_equal(dir_account_get(dir_account(INT64_MAX, out)),
	    INT64_MAX);
	assert_int_equal(dir_account_get("u01"), 0);
	assert_int_equal(dir_account_get("u"), 0);
	assert_int_equal(dir_account_get("1"), 0);
	assert_int_equal(dir_account_get("u1x"), 0);
	assert_int_equal(dir_account_get("u99999999999999999999"), 0);
}

static void
permissions_add_up(void **state)
{
	struct dir_prin	 d;
	int		 known;

	(void)state;
	dir_init(&d);
	assert_true(perm_of(&d) == 0);	/* no role: may not log in */
	assert_int_equal(dir_set(&d, DIR_ROLES, "user"), 0);
	assert_true(perm_of(&d) & PERM_BIT(PERM_AUTHENTICATE));
	assert_false(perm_of(&d) & PERM_MANAGE);
	assert_int_equal(dir_set(&d, DIR_ENABLED, "domain-list"), 0);
	assert_true(perm_of(&d) & PERM_BIT(PERM_DOMAIN + PERM_LIST));
	assert_int_equal(dir_set(&d, DIR_DISABLED, "authenticate"), 0);
	assert_false(perm_of(&d) & PERM_BIT(PERM_AUTHENTICATE));
	assert_int_equal(dir_set(&d, DIR_ROLES, "admin"), 0);
	assert_int_equal(dir_set(&d, DIR_DISABLED, NULL), 0);
	assert_true(perm_of(&d) == PERM_ALL);
	dir_free(&d);

	assert_true(perm_bits("imap-append", &known) == 0 && known);
	assert_true(perm_bits("imap-", &known) == 0 && !known);
	assert_true(perm_bits("restart", &known) == 0 && known);
	assert_true(perm_bits("restarting", &known) == 0 && !known);
	perm_role("root", &known);
	assert_false(known);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_principal_survives_packing),
		cmocka_unit_test(changes_apply_in_order),
		cmocka_unit_test(malformed_bytes_are_refused),
		cmocka_unit_test(account_ids_have_one_spelling),
		cmocka_unit_test(permissions_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
