/* SPDX-License-Identifier: ISC */
/* daemon/auth_pass.c: what verifies, what is refused, what it costs. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/auth_pass.h"

static void
our_own_hashes_verify(void **state)
{
	char	 hash[AUTH_PASS_HASH], again[AUTH_PASS_HASH];

	(void)state;
	auth_pass_init(64 * 1024, 1);
	assert_int_equal(auth_pass_make("secr\303\251t", hash), 0);
	assert_int_equal(strncmp(hash, "$argon2id$v=19$m=64,t=1,p=1$", 28), 0);
	assert_int_equal(auth_pass_check(hash, "secr\303\251t"), 1);
	assert_int_equal(auth_pass_check(hash, "secret"), 0);
	assert_int_equal(auth_pass_check(hash, ""), 0);
	assert_int_equal(auth_pass_make("secr\303\251t", again), 0);
	assert_string_not_equal(hash, again);	/* salted */
}

/* Made by other programs: two lanes, as argon2-cffi does, and crypt(3). */
static const struct foreign_row {
	const char	*hash, *secret;
} foreign_rows[] = {
	{ "$argon2id$v=19$m=256,t=1,p=2$c29tZXNhbHRzb21lc2Fsd"
	    "A$N/mxfE6fuofjr+5jqXkAT727IzWRSYzCjyHgXaSeBIQ", "password" },
	{ "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySv"
	    "xngrb/Jzdm", "password" },
	{ "$6$rounds=1000$saltsalt$Z/J9iYO1iE9xnr8JPQL57ZWsVR"
	    "tVjrUv3CiWc/wKWseqXgSqn3HFYJ/Ng7YXa8XlLj.wpdAwHOJJ"
	    "zuGFqBBRa0", "password" },
	{ "$5$rounds=1000$saltsalt$azOwbpkvuuBKkE82dQPwTsQE8J"
	    "yT9Fflpr9aKid3aT9", "password" },
	{ "$y$j75$heUjHQKSTstcU/Tm3.DMN.$kDLAN1uPKP3Z90AfjalB"
	    "TfDEIfSvovPF7saEXoRgj7D", "password" },
};

static void
imported_hashes_verify(void **state)
{
	const struct foreign_row	*r;

	(void)state;
	for (r = foreign_rows; r < foreign_rows + nitems(foreign_rows); r++) {
		assert_int_equal(auth_pass_is_hash(r->hash), 1);
		assert_null(auth_pass_refuse(r->hash));
		assert_int_equal(auth_pass_check(r->hash, r->secret), 1);
		assert_int_equal(auth_pass_check(r->hash, "passwore"), 0);
		assert_int_equal(auth_pass_stale(r->hash), 1);
	}
}

static void
an_unknown_user_costs_one_hash(void **state)
{
	char		 hash[AUTH_PASS_HASH];
	uint64_t	 before, known, unknown;

	(void)state;
	auth_pass_init(64 * 1024, 1);
	assert_int_equal(auth_pass_make("x", hash), 0);
	before = auth_pass_count();
	assert_int_equal(auth_pass_check(hash, "wrong"), 0);
	known = auth_pass_count() - before;
	before = auth_pass_count();
	assert_int_equal(auth_pass_check(NULL, "wrong"), 0);
	unknown = auth_pass_count() - before;
	assert_int_equal(known, unknown);
	assert_int_equal(known, 1);
	/* nobody logs in as nobody, whatever the dummy's password is */
	assert_int_equal(auth_pass_check(NULL, ""), 0);
}

static void
new_parameters_make_old_hashes_stale(void **state)
{
	char	 hash[AUTH_PASS_HASH];

	(void)state;
	auth_pass_init(64 * 1024, 1);
	assert_int_equal(auth_pass_make("x", hash), 0);
	assert_int_equal(auth_pass_stale(hash), 0);
	auth_pass_init(128 * 1024, 1);
	assert_int_equal(auth_pass_stale(hash), 1);
	assert_int_equal(auth_pass_check(hash, "x"), 1);
}

static void
costly_and_weak_hashes_are_refused(void **state)
{
	static const char *const	 bad[] = {
		"$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
		"{SSHA}abcdefghijklmnopqrstuvwx",
		"{PLAIN}password",
		"$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$"
		    "AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$short",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
		"$argon2id$v=19$m=64,t=1,p=1$c29t*ZXNhbHQ$"
		    "AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$"
		    "AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=99,p=1$c29tZXNhbHQ$"
		    "AAAAAAAAAAAAAAAAAAAAAA",
		"$2b$20$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$2b$10$tooshort",
		"$6$rounds=999999999$saltsalt$x",
		"$y$jFT$WxGW7yfABJuNOUdVvz3cN/$"
		    "BJtolfvtHbsb29/4DMQhKzEAzKVPQSPOtQQAu.Nftn1",
		"$y$",
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(bad); i++) {
		assert_int_equal(auth_pass_is_hash(bad[i]), 1);
		assert_non_null(auth_pass_refuse(bad[i]));
	}
}

static void
passwords_are_not_taken_for_hashes(void **state)
{
	static const char *const	 good[] = { "password", "$ecret",
	    "$2 bill", "_under_score", "{curly}", "" };
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(good); i++)
		assert_int_equal(auth_pass_is_hash(good[i]), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(our_own_hashes_verify),
		cmocka_unit_test(imported_hashes_verify),
		cmocka_unit_test(an_unknown_user_costs_one_hash),
		cmocka_unit_test(new_parameters_make_old_hashes_stale),
		cmocka_unit_test(costly_and_weak_hashes_are_refused),
		cmocka_unit_test(passwords_are_not_taken_for_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
