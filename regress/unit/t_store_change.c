/* SPDX-License-Identifier: ISC */
/* worker/store: states, /changes, and what the log forgets. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/store_lab.h"

static void
changes_are_cut_and_go_on(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_changes	 c;
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	uint64_t		 id[5], since, seen = 0;
	size_t			 i;

	(void)state;
	since = store_state(txn, STORE_EMAIL);
	for (i = 0; i < 5; i++)
		id[i] = add(txn, "s", NULL, "", inbox, (int64_t)i, NULL);
	assert_int_equal(store_mail_destroy(txn, id[4]), STORE_OK);
	help_commit(txn);
	txn = help_begin(st, 0);
	for (i = 0; i < 10; i++) {
		assert_int_equal(store_changes(txn, STORE_EMAIL, since, 2, &c),
		    STORE_OK);
		assert_true(c.ncreated + c.nupdated + c.ndestroyed <= 2);
		seen += c.ncreated;
		since = c.state;
		if (!c.more)
			i = 10;
		store_changes_free(&c);
	}
	/* the fifth was made and destroyed across one cut: its create shows */
	assert_int_equal(since, store_state(txn, STORE_EMAIL));
	assert_true(seen == 4 || seen == 5);
	assert_int_equal(store_changes(txn, STORE_EMAIL, since + 100, 0, &c),
	    STORE_CANNOT);
	store_abort(txn);
}

static void
counts_alone_are_told_from_other_changes(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_changes	 c;
	struct store_mailbox	 m;
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	uint64_t		 since = store_state(txn, STORE_MAILBOX);

	(void)state;
	add(txn, "s", "1@x", "", inbox, 1, NULL);
	help_commit(txn);
	txn = help_begin(st, 1);
	assert_int_equal(store_changes(txn, STORE_MAILBOX, since, 0, &c),
	    STORE_OK);
	assert_int_equal(c.nupdated, 1);
	assert_int_equal(c.updated[0], inbox);
	assert_true(c.counts_only);
	store_changes_free(&c);
	assert_int_equal(store_mailbox_get(txn, inbox, &m), STORE_OK);
	m.sort = 77;
	assert_int_equal(store_mailbox_update(txn, &m), STORE_OK);
	help_commit(txn);
	txn = help_begin(st, 0);
	assert_int_equal(store_changes(txn, STORE_MAILBOX, since, 0, &c),
	    STORE_OK);
	assert_int_equal(c.nupdated, 1);
	assert_false(c.counts_only);
	store_changes_free(&c);
	store_abort(txn);
}

static void
a_trimmed_log_cannot_answer(void **state)
{
	struct store_conf	 conf;
	struct store_txn	*txn = help_begin(st, 1);
	struct store_changes	 c;
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	uint64_t		 id, since;
	size_t			 i;

	(void)state;
	since = store_modseq(txn);
	for (i = 0; i < 20; i++) {
		id = add(txn, "s", NULL, "", inbox, 1, NULL);
		assert_int_equal(store_mail_destroy(txn, id), STORE_OK);
	}
	help_commit(txn);
	store_conf_init(&conf);
	strlcpy(conf.dir, help_dir, sizeof(conf.dir));
	conf.sync = KV_OFF;
	conf.keeplog = 10;
	store_init(&conf);
	while ((i = (size_t)store_tidy(st)) == 1)
		;
	assert_int_equal(i, 0);
	txn = help_begin(st, 0);
	assert_int_equal(store_changes(txn, STORE_EMAIL, since, 0, &c),
	    STORE_CANNOT);
	assert_int_equal(store_changes(txn, STORE_EMAIL,
	    store_state(txn, STORE_EMAIL), 0, &c), STORE_OK);
	/* a type of which nothing changed since has no changes to be lost */
	assert_int_equal(store_changes(txn, STORE_IDENTITY,
	    store_state(txn, STORE_IDENTITY), 0, &c), STORE_OK);
	assert_int_equal(c.more, 0);
	store_abort(txn);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

static void
objects_have_rows_and_states(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_changes	 c;
	struct store_ids	 ids = { 0 };
	struct slice		 v;
	uint64_t		 id = 0, one = 1;

	(void)state;
	assert_int_equal(store_object_create(txn, STORE_IDENTITY,
	    SLICE("\1abc", 4), &id), STORE_OK);
	assert_int_equal(store_object_create(txn, STORE_VACATION,
	    SLICE("\1v", 2), &one), STORE_OK);
	assert_int_equal(store_object_create(txn, STORE_VACATION,
	    SLICE("\1v", 2), &one), STORE_EXISTS);
	assert_int_equal(store_object_update(txn, STORE_IDENTITY, id,
	    SLICE("\1xyz", 4)), STORE_OK);
	assert_int_equal(store_object_get(txn, STORE_IDENTITY, id, &v),
	    STORE_OK);
	assert_memory_equal(v.p, "\1xyz", 4);
	assert_int_equal(store_object_ids(txn, STORE_IDENTITY, &ids),
	    STORE_OK);
	assert_int_equal(ids.n, 1);
	store_ids_free(&ids);
	assert_int_equal(store_changes(txn, STORE_IDENTITY, 0, 0, &c),
	    STORE_OK);
	assert_int_equal(c.ncreated, 1);
	store_changes_free(&c);
	assert_int_equal(store_object_destroy(txn, STORE_IDENTITY, id),
	    STORE_OK);
	assert_int_equal(store_object_destroy(txn, STORE_IDENTITY, id),
	    STORE_NOTFOUND);
	help_commit(txn);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(changes_are_cut_and_go_on),
		T(counts_alone_are_told_from_other_changes),
		T(a_trimmed_log_cannot_answer),
		T(objects_have_rows_and_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
