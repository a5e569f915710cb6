/* SPDX-License-Identifier: ISC */
/* worker/store: accounts made, kept open, removed; versions; idle work. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/store_lab.h"

static void
accounts_are_closed_when_too_many_are_open(void **state)
{
	struct store_conf	 conf;
	struct store		*s;
	char			 name[16];
	int			 i;

	(void)state;
	store_conf_init(&conf);
	strlcpy(conf.dir, help_dir, sizeof(conf.dir));
	conf.sync = KV_OFF;
	conf.maxopen = 3;
	store_init(&conf);
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		s = help_open(name);
		store_abort(help_begin(s, 0));
		store_close(s);
	}
	s = help_open("user0");
	store_abort(help_begin(s, 0));
	store_close(s);
	assert_int_equal(store_open("../x", STORE_CREATE, &s), STORE_INVALID);
	assert_int_equal(store_open("", STORE_CREATE, &s), STORE_INVALID);
	assert_int_equal(store_open("nobody", 0, &s), STORE_NOTFOUND);
	assert_int_equal(store_destroy("user0"), STORE_OK);
	assert_int_equal(store_open("user0", 0, &s), STORE_NOTFOUND);
	assert_int_equal(store_destroy("user0"), STORE_NOTFOUND);
}

static void
an_account_removed_and_made_again_is_the_new_one(void **state)
{
	struct store_txn	*txn;
	struct store		*s, *old;
	char			 cmd[128];
	uint64_t		 mails, bytes;

	(void)state;
	s = help_open("carol");
	txn = help_begin(s, 1);
	add(txn, "s", "1@x", "", box(txn, STORE_ROLE_INBOX), 1, NULL);
	help_commit(txn);
	/* as another process would, while it is open here */
	snprintf(cmd, sizeof(cmd), "rm -rf %s/carol", help_dir);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(store_open("carol", 0, &old), STORE_NOTFOUND);
	old = s;
	s = help_open("carol");
	assert_ptr_not_equal(old, s);
	txn = help_begin(old, 0);
	store_usage(txn, &mails, &bytes);
	assert_int_equal(mails, 1);
	store_abort(txn);
	store_close(old);
	txn = help_begin(s, 0);
	store_usage(txn, &mails, &bytes);
	assert_int_equal(mails, 0);
	store_abort(txn);
	assert_int_equal(store_destroy("carol"), STORE_OK);
	store_close(s);
}

static void
idle_work_ends(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	int			 i;

	(void)state;
	for (i = 0; i < 600; i++)
		add(txn, "s", NULL, "", inbox, i, NULL);
	help_commit(txn);
	for (i = 0; store_idle() == 1; i++)
		assert_true(i < 20);
	assert_true(i >= 2);
	assert_int_equal(store_idle(), 0);
	txn = help_begin(st, 1);
	add(txn, "s", NULL, "", inbox, 1, NULL);
	help_commit(txn);
	assert_int_equal(store_idle(), 1);
	assert_int_equal(store_idle(), 0);
}

static void
a_newer_layout_is_refused(void **state)
{
	struct kv_txn	*txn;
	struct store	*s;
	struct kv	*kv;
	struct slice	 v;
	char		 path[128];
	uint8_t		 b[4096];

	(void)state;
	s = help_open("bob");
	store_close(s);
	store_close(st);
	store_shutdown();
	snprintf(path, sizeof(path), "%s/bob", help_dir);
	kv = kv_open(path, 0, KV_OFF);
	assert_non_null(kv);
	assert_int_equal(kv_begin(kv, 1, &txn), 0);
	assert_int_equal(kv_get(txn, "A", 1, &v), 1);
	memcpy(b, v.p, v.n);
	b[1]++;
	assert_int_equal(kv_put(txn, "A", 1, b, v.n), 0);
	assert_int_equal(kv_commit(txn), 0);
	kv_close(kv);
	assert_int_equal(store_open("bob", STORE_CREATE, &s), STORE_VERSION);
	st = help_open("alice");
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(accounts_are_closed_when_too_many_are_open),
		T(an_account_removed_and_made_again_is_the_new_one),
		T(idle_work_ends),
		T(a_newer_layout_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
