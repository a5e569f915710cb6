/* SPDX-License-Identifier: ISC */
/* worker/store: whose uploads go to make room, and in which order. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <openssl/sha.h>

#include "regress/unit/store_lab.h"
#include "worker/store/store_int.h"
#include "worker/store/store_share.h"

#define BOB	7
#define EVE	8
#define OWNER	0
#define SIZE	1000

static struct store_txn *
as(uint64_t who)
{
	struct store_txn	*txn = help_begin(st, 1);

	if (who != OWNER)
		assert_int_equal(store_view(txn, who), STORE_OK);
	return txn;
}

/* Room for so many; Bob and Eve may bring something. */
static void
room(unsigned n)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_share	 s = { BOB, box(txn, STORE_ROLE_INBOX),
				    STORE_MAY_READ | STORE_MAY_ADD, 1 };

	assert_int_equal(store_share_set(txn, &s), STORE_OK);
	s.who = EVE;
	assert_int_equal(store_share_set(txn, &s), STORE_OK);
	help_commit(txn);
	store_config.upload_max = n * SIZE;
}

/* So many bytes, of a name, in a transaction.  None ends when another does,
 * so that their order is known. */
static enum store_err
bring(struct store_txn *txn, char name, size_t n)
{
	char	 p[20 * SIZE];
	uint8_t	 hash[STORE_HASHLEN];

	memset(p, name, n);
	store_config.upload_ms += 10;
	return store_blob_upload(txn, p, n, hash);
}

static enum store_err
upload(uint64_t who, char name)
{
	struct store_txn	*txn = as(who);
	enum store_err		 e = bring(txn, name, SIZE);

	if (e == STORE_OK)
		help_commit(txn);
	else
		store_abort(txn);
	return e;
}

/* Which of the names are there, at the size that upload gives them. */
static void
there(const char *names, const char *expect)
{
	struct store_txn	*txn = help_begin(st, 0);
	uint8_t			 hash[STORE_HASHLEN];
	char			 p[SIZE], got[64];
	uint64_t		 size;
	size_t			 n = 0;

	for (; *names != '\0'; names++) {
		memset(p, *names, SIZE);
		SHA256((uint8_t *)p, SIZE, hash);
		if (store_blob_size(txn, hash, &size) == STORE_OK)
			got[n++] = *names;
	}
	got[n] = '\0';
	store_abort(txn);
	assert_string_equal(got, expect);
}

static void
the_oldest_of_sharees_goes_and_nothing_of_the_owner(void **state)
{
	static const struct {
		uint64_t	 who;
		char		 name;
	} first[] = {
		{ OWNER, 'a' }, { BOB, 'B' }, { OWNER, 'b' }, { EVE, 'E' },
		{ OWNER, 'c' }, { OWNER, 'd' }, { BOB, 'C' }, { OWNER, 'e' }
	}, then[] = {
		{ BOB, 'D' }, { EVE, 'F' }, { BOB, 'G' }, { BOB, 'H' },
		{ EVE, 'I' },
	};
	static const char *const	 left[] = {
		"abcdeCDE", "abcdeCDF", "abcdeDFG", "abcdeFGH", "abcdeGHI"
	};
	size_t				 i;

	(void)state;
	room(nitems(first));
	for (i = 0; i < nitems(first); i++)
		assert_int_equal(upload(first[i].who, first[i].name),
		    STORE_OK);
	for (i = 0; i < nitems(then); i++) {
		assert_int_equal(upload(then[i].who, then[i].name), STORE_OK);
		there("abcdefBCDEFGHI", left[i]);
	}
	/* the owner's room is made of all */
	assert_int_equal(upload(OWNER, 'f'), STORE_OK);
	there("abcdefBCDEFGHI", "bcdefGHI");
	/* what the owner brings, too, is his */
	assert_int_equal(upload(OWNER, 'G'), STORE_OK);
	assert_int_equal(upload(BOB, 'J'), STORE_OK);
	there("abcdefGHIJ", "bcdefGIJ");
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

static void
one_upload_drops_as_many_as_it_must(void **state)
{
	struct store_txn	*txn;
	const char		*c;

	(void)state;
	room(8);
	for (c = "aBbCcDdE"; *c != '\0'; c++)
		assert_int_equal(upload(*c < 'a' ? BOB : OWNER, *c), STORE_OK);
	txn = as(EVE);
	assert_int_equal(bring(txn, 'X', 2 * SIZE + 1), STORE_OK);
	help_commit(txn);
	there("abcdBCDE", "abcdE");
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

static void
what_is_given_up_leaves_what_may_go(void **state)
{
	struct store_txn	*txn;
	const char		*c;

	(void)state;
	room(8);
	for (c = "aBbcCdef"; *c != '\0'; c++)
		assert_int_equal(upload(*c < 'a' ? BOB : OWNER, *c), STORE_OK);
	/* too much: it walks past all, having dropped B and C */
	txn = as(BOB);
	assert_int_equal(bring(txn, 'X', 3 * SIZE), STORE_OVERQUOTA);
	store_abort(txn);
	there("abcdefBC", "abcdefBC");
	/* the second is too much, and the first goes with it */
	txn = as(BOB);
	assert_int_equal(bring(txn, 'Y', SIZE), STORE_OK);
	assert_int_equal(bring(txn, 'X', 3 * SIZE), STORE_OVERQUOTA);
	store_abort(txn);
	there("abcdefBCY", "abcdefBC");
	assert_int_equal(upload(BOB, 'D'), STORE_OK);
	there("abcdefBCD", "abcdefCD");
	assert_int_equal(upload(EVE, 'E'), STORE_OK);
	there("abcdefBCDE", "abcdefDE");
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

static void
where_nothing_may_go_the_next_one_still_may(void **state)
{
	(void)state;
	room(3);
	assert_int_equal(upload(OWNER, 'a'), STORE_OK);
	assert_int_equal(upload(OWNER, 'b'), STORE_OK);
	assert_int_equal(upload(OWNER, 'c'), STORE_OK);
	assert_int_equal(upload(BOB, 'B'), STORE_OVERQUOTA);
	assert_int_equal(upload(BOB, 'B'), STORE_OVERQUOTA);
	store_config.upload_max += SIZE;
	assert_int_equal(upload(BOB, 'B'), STORE_OK);
	assert_int_equal(upload(BOB, 'C'), STORE_OK);
	there("abcBC", "abcC");
}

/* upload-expiry is shorter after a reload, or the clock was set back. */
static void
one_that_ends_before_older_ones_is_found(void **state)
{
	int64_t	 was;

	(void)state;
	room(3);
	assert_int_equal(upload(OWNER, 'a'), STORE_OK);
	assert_int_equal(upload(OWNER, 'b'), STORE_OK);
	assert_int_equal(upload(OWNER, 'c'), STORE_OK);
	assert_int_equal(upload(BOB, 'A'), STORE_OVERQUOTA);
	was = store_config.upload_ms;
	store_config.upload_ms = 60000;
	store_config.upload_max += SIZE;
	assert_int_equal(upload(BOB, 'B'), STORE_OK);
	assert_int_equal(upload(BOB, 'C'), STORE_OK);
	there("abcBC", "abcC");
	store_config.upload_ms = was + 100;
	assert_int_equal(upload(BOB, 'D'), STORE_OK);
	there("abcBCD", "abcD");
}

/* An account that was made before its uploads were summed up. */
static void
uploads_of_before_are_counted(void **state)
{
	struct store_txn	*txn;
	const char		*c;

	(void)state;
	room(5);
	for (c = "abcd"; *c != '\0'; c++)
		assert_int_equal(upload(OWNER, *c), STORE_OK);
	txn = help_begin(st, 1);
	txn->hot[HOT_IDLE] = SIZE;	/* of d, that came after */
	txn->hot[HOT_COUNTED] = 0;
	txn->changed = 1;
	help_commit(txn);
	assert_int_equal(store_check(st, 0, NULL, NULL), 1);
	store_close(st);
	store_shutdown();
	st = help_open("alice");
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
	txn = help_begin(st, 0);
	assert_int_equal(txn->hot[HOT_IDLE], 4 * SIZE);
	assert_int_equal(txn->hot[HOT_COUNTED], 1);
	store_abort(txn);
	assert_int_equal(upload(OWNER, 'e'), STORE_OK);
	assert_int_equal(upload(OWNER, 'f'), STORE_OK);
	there("abcdef", "bcdef");
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(the_oldest_of_sharees_goes_and_nothing_of_the_owner),
		T(one_upload_drops_as_many_as_it_must),
		T(what_is_given_up_leaves_what_may_go),
		T(where_nothing_may_go_the_next_one_still_may),
		T(one_that_ends_before_older_ones_is_found),
		T(uploads_of_before_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
