/* SPDX-License-Identifier: ISC */
/* worker/store: mailboxes, and what they count. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/store_lab.h"

static void
a_new_account_has_the_default_mailboxes(void **state)
{
	const struct store_mailbox	*v;
	struct store_txn		*txn = help_begin(st, 0);
	size_t				 n;

	(void)state;
	assert_int_equal(store_mailbox_all(txn, &v, &n), STORE_OK);
	assert_int_equal(n, 6);
	assert_string_equal(v[0].name, "Inbox");
	assert_int_equal(v[0].role, STORE_ROLE_INBOX);
	assert_true(v[0].subscribed);
	assert_true(store_state(txn, STORE_MAILBOX) > 0);
	store_abort(txn);
}

/* RFC 8621 2, the example under unreadThreads. */
static void
the_trash_counts_as_a_thread_of_its_own(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	uint32_t		 trash = box(txn, STORE_ROLE_TRASH);
	uint32_t		 sent = box(txn, STORE_ROLE_SENT);
	uint64_t		 t1, t2;

	(void)state;
	add(txn, "s", "1@x", "$seen", inbox, 1, &t1);
	add(txn, "s", "2@x 1@x", "", trash, 2, &t2);
	assert_int_equal(t1, t2);
	counts(txn, inbox, 1, 0, 1, 0);
	counts(txn, trash, 1, 1, 1, 1);
	/* unread elsewhere counts where the thread is seen */
	add(txn, "s", "3@x 1@x", "", sent, 3, &t2);
	assert_int_equal(t1, t2);
	counts(txn, inbox, 1, 0, 1, 1);
	counts(txn, trash, 1, 1, 1, 1);
	counts(txn, sent, 1, 1, 1, 1);
	/* a draft is not unread */
	add(txn, "other", "4@x", "$draft", inbox, 4, &t2);
	assert_int_not_equal(t1, t2);
	counts(txn, inbox, 2, 0, 2, 1);
	help_commit(txn);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

static void
changing_which_mailbox_is_the_trash_counts_anew(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_mailbox	 m;
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	uint32_t		 trash = box(txn, STORE_ROLE_TRASH);

	(void)state;
	add(txn, "s", "1@x", "$seen", inbox, 1, NULL);
	add(txn, "s", "2@x 1@x", "", trash, 2, NULL);
	counts(txn, inbox, 1, 0, 1, 0);
	assert_int_equal(store_mailbox_get(txn, trash, &m), STORE_OK);
	m.role = STORE_ROLE_NONE;
	assert_int_equal(store_mailbox_update(txn, &m), STORE_OK);
	counts(txn, inbox, 1, 0, 1, 1);
	help_commit(txn);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

static void
mailbox_rules_are_enforced(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_mailbox	 m, a, b;
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);

	(void)state;
	memset(&m, 0, sizeof(m));
	assert_int_equal(store_mailbox_create(txn, &m), STORE_INVALID);
	strlcpy(m.name, "Inbox", sizeof(m.name));
	assert_int_equal(store_mailbox_create(txn, &m), STORE_EXISTS);
	m.parent = inbox;
	assert_int_equal(store_mailbox_create(txn, &m), STORE_OK);
	a = m;
	m.role = STORE_ROLE_INBOX;
	strlcpy(m.name, "x", sizeof(m.name));
	assert_int_equal(store_mailbox_create(txn, &m), STORE_EXISTS);
	m.role = STORE_ROLE_NONE;
	m.parent = 4711;
	assert_int_equal(store_mailbox_create(txn, &m), STORE_NOPARENT);
	strlcpy(m.name, "a\x01", sizeof(m.name));
	m.parent = 0;
	assert_int_equal(store_mailbox_create(txn, &m), STORE_INVALID);
	strlcpy(m.name, "\xff", sizeof(m.name));
	assert_int_equal(store_mailbox_create(txn, &m), STORE_INVALID);
	strlcpy(m.name, "x", sizeof(m.name));
	m.sort = 1U << 31;
	assert_int_equal(store_mailbox_create(txn, &m), STORE_INVALID);
	/* no loops */
	b = a;
	strlcpy(b.name, "below", sizeof(b.name));
	b.parent = a.id;
	assert_int_equal(store_mailbox_create(txn, &b), STORE_OK);
	a.parent = b.id;
	assert_int_equal(store_mailbox_update(txn, &a), STORE_NOPARENT);
	a.parent = a.id;
	assert_int_equal(store_mailbox_update(txn, &a), STORE_NOPARENT);
	assert_int_equal(store_mailbox_destroy(txn, a.id, 1), STORE_HASCHILD);
	add(txn, "s", "1@x", "", b.id, 1, NULL);
	assert_int_equal(store_mailbox_destroy(txn, b.id, 0), STORE_HASMAIL);
	assert_int_equal(store_mailbox_destroy(txn, b.id, 1), STORE_OK);
	assert_int_equal(store_mailbox_destroy(txn, a.id, 0), STORE_OK);
	assert_int_equal(store_mailbox_destroy(txn, a.id, 0), STORE_NOTFOUND);
	help_commit(txn);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

static void
destroying_a_mailbox_keeps_mail_that_is_elsewhere(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_mailbox	 m;
	struct store_mail	 mail;
	struct help_mail	 h = { "s", "1@x", "b", "", { 0 }, 5 };
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	uint64_t		 both, only, tid, mails, bytes;

	(void)state;
	memset(&m, 0, sizeof(m));
	strlcpy(m.name, "x", sizeof(m.name));
	assert_int_equal(store_mailbox_create(txn, &m), STORE_OK);
	h.box[0] = m.id;
	h.box[1] = inbox;
	assert_int_equal(help_add(txn, &h, &both, &tid), STORE_OK);
	only = add(txn, "t", "2@x", "", m.id, 1, NULL);
	assert_int_equal(store_mailbox_destroy(txn, m.id, 1), STORE_OK);
	assert_int_equal(store_mail_get(txn, both, &mail), STORE_OK);
	assert_int_equal(mail.nmailbox, 1);
	assert_int_equal(store_mail_get(txn, only, &mail), STORE_NOTFOUND);
	store_usage(txn, &mails, &bytes);
	assert_int_equal(mails, 1);
	assert_int_equal(bytes, mail.size);
	help_commit(txn);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(a_new_account_has_the_default_mailboxes),
		T(the_trash_counts_as_a_thread_of_its_own),
		T(changing_which_mailbox_is_the_trash_counts_anew),
		T(mailbox_rules_are_enforced),
		T(destroying_a_mailbox_keeps_mail_that_is_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
