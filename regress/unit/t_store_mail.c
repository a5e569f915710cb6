/* SPDX-License-Identifier: ISC */
/* worker/store: mail, mailboxes, threads, states, one property a test. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/store_help.h"

static struct store	*st;

static int
setup(void **state)
{
	(void)state;
	help_start(KV_OFF, 0);
	st = help_open("alice");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_close(st);
	help_stop();
	return 0;
}

static uint32_t
box(struct store_txn *txn, enum store_role role)
{
	uint32_t	 id = store_mailbox_role(txn, role);

	assert_int_not_equal(id, 0);
	return id;
}

static uint64_t
add(struct store_txn *txn, const char *subject, const char *refs,
    const char *kw, uint32_t b, int64_t when, uint64_t *tid)
{
	struct help_mail	 m = { subject, refs, "some words of text", kw,
				    { b }, when };
	uint64_t		 id, t;

	assert_int_equal(help_add(txn, &m, &id, &t), STORE_OK);
	if (tid != NULL)
		*tid = t;
	return id;
}

static void
counts(struct store_txn *txn, uint32_t id, unsigned total, unsigned unread,
    unsigned threads, unsigned unread_threads)
{
	struct store_mailbox	 m;

	assert_int_equal(store_mailbox_get(txn, id, &m), STORE_OK);
	assert_int_equal(m.total, total);
	assert_int_equal(m.unread, unread);
	assert_int_equal(m.threads, threads);
	assert_int_equal(m.unread_threads, unread_threads);
}

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

static void
a_mail_comes_back_as_it_was_given(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_mail	 m;
	struct store_row	 row;
	struct slice		 s;
	struct buf		 b;
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	uint64_t		 id, tid;

	(void)state;
	id = add(txn, "hello", "a@b", "$Seen Work", inbox, 1234567890123, &tid);
	help_commit(txn);
	txn = help_begin(st, 0);
	assert_int_equal(store_mail_get(txn, id, &m), STORE_OK);
	assert_int_equal(m.tid, tid);
	assert_int_equal(m.received, 1234567890123);
	assert_int_equal(m.sent, DATE_NONE);
	assert_int_equal(m.nmailbox, 1);
	assert_true(store_mail_in(&m, inbox));
	assert_true(store_mail_has(&m, STORE_KW_SEEN));
	assert_true(store_mail_has(&m, store_keyword(txn, "wOrK", 4)));
	s = store_keyword_name(txn, STORE_KW_FIRST_FREE);
	assert_int_equal(s.n, 4);
	assert_memory_equal(s.p, "work", 4);
	assert_int_equal(store_mail_row(txn, &m, &row), STORE_OK);
	assert_int_equal(row.frag[STORE_F_SUBJECT].n, 5);
	assert_memory_equal(row.frag[STORE_F_SUBJECT].p, "hello", 5);
	assert_int_equal(row.frag[STORE_F_CC].n, 0);
	assert_int_equal(store_mail_structure(txn, &m, &s), STORE_OK);
	assert_int_equal(s.n, 10);
	assert_memory_equal(s.p, "\1structure", 10);
	buf_init(&b, 1 << 20);
	assert_int_equal(store_blob_get(txn, row.blob, 0, UINT64_MAX, &b),
	    STORE_OK);
	assert_int_equal(b.len, m.size);
	assert_memory_equal(b.data, "Message-ID: <a@b>\r\n", 19);
	buf_free(&b);
	store_abort(txn);
}

static void
long_fragments_lie_apart_and_come_back(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_newmail	 nm;
	struct store_mail	 m;
	struct store_row	 row;
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	uint64_t		 id, tid;
	static char		 big[70000], mid[1500];

	(void)state;
	memset(big, 'x', sizeof(big));
	memset(mid, 'y', sizeof(mid));
	memset(&nm, 0, sizeof(nm));
	assert_int_equal(store_blob_put(txn, "raw", 3, nm.blob), STORE_OK);
	nm.mailbox = &inbox;
	nm.nmailbox = 1;
	nm.frag[STORE_F_TO] = SLICE(big, sizeof(big));
	nm.frag[STORE_F_CC] = SLICE(mid, sizeof(mid));
	nm.frag[STORE_F_BCC] = SLICE(mid, 1000);
	nm.frag[STORE_F_SIZE] = SLICE("3", 1);
	assert_int_equal(store_mail_add(txn, &nm, &id, &tid), STORE_OK);
	assert_int_equal(store_mail_get(txn, id, &m), STORE_OK);
	assert_int_equal(store_mail_row(txn, &m, &row), STORE_OK);
	assert_int_equal(row.frag[STORE_F_TO].n, sizeof(big));
	assert_memory_equal(row.frag[STORE_F_TO].p, big, sizeof(big));
	assert_int_equal(row.frag[STORE_F_CC].n, sizeof(mid));
	assert_memory_equal(row.frag[STORE_F_CC].p, mid, sizeof(mid));
	assert_int_equal(row.frag[STORE_F_BCC].n, 1000);
	assert_int_equal(row.frag[STORE_F_SIZE].n, 1);
	assert_int_equal(row.frag[STORE_F_FROM].n, 0);
	help_commit(txn);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

static void
refusals_change_nothing(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct help_mail	 h = { "s", "x@y", "b", "", { 4711 }, 1 };
	struct store_mailmod	 mod;
	struct slice		 bad = SLICE("with space", 10);
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	uint32_t		 strange = 99;
	uint64_t		 id, tid, ms;

	(void)state;
	assert_int_equal(help_add(txn, &h, &id, &tid), STORE_NOMAILBOX);
	h.box[0] = 0;
	assert_int_equal(help_add(txn, &h, &id, &tid), STORE_NOMAILBOX);
	h.box[0] = inbox;
	h.kw = "a(b";
	assert_int_equal(help_add(txn, &h, &id, &tid), STORE_INVALID);
	id = add(txn, "s", "x@y", "", inbox, 1, NULL);
	ms = store_modseq(txn);
	memset(&mod, 0, sizeof(mod));
	mod.mb_add = &strange;
	mod.nmb_add = 1;
	assert_int_equal(store_mail_update(txn, id, &mod), STORE_NOMAILBOX);
	mod.nmb_add = 0;
	mod.mb_del = &inbox;
	mod.nmb_del = 1;
	assert_int_equal(store_mail_update(txn, id, &mod), STORE_NOMAILBOX);
	mod.nmb_del = 0;
	mod.kw_add = &bad;
	mod.nkw_add = 1;
	assert_int_equal(store_mail_update(txn, id, &mod), STORE_INVALID);
	mod.nkw_add = 0;
	assert_int_equal(store_mail_update(txn, id, &mod), STORE_OK);
	assert_int_equal(store_mail_update(txn, id + 1, &mod), STORE_NOTFOUND);
	assert_int_equal(store_mail_destroy(txn, id + 1), STORE_NOTFOUND);
	assert_int_equal(store_modseq(txn), ms);
	help_commit(txn);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
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
a_third_mail_merges_threads_with_new_ids(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_changes	 c;
	struct store_mail	 m;
	struct store_ids	 ids = { 0 };
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	uint64_t		 a, b, b2, d, ta, tb, td, state0, tstate0;

	(void)state;
	a = add(txn, "s", "1@x", "", inbox, 10, &ta);
	add(txn, "s", "5@x 1@x", "", inbox, 11, &td);
	assert_int_equal(ta, td);
	b = add(txn, "s", "2@x", "$flagged", inbox, 20, &tb);
	assert_int_not_equal(ta, tb);
	state0 = store_state(txn, STORE_EMAIL);
	tstate0 = store_state(txn, STORE_THREAD);
	d = add(txn, "s", "3@x 1@x 2@x", "", inbox, 15, &td);
	assert_int_equal(td, ta);	/* the larger one stays */
	assert_int_equal(store_mail_get(txn, b, &m), STORE_NOTFOUND);
	b2 = b + 1;
	assert_int_equal(store_mail_get(txn, b2, &m), STORE_OK);
	assert_int_equal(m.tid, ta);
	assert_int_equal(store_thread_get(txn, tb, &ids), STORE_NOTFOUND);
	assert_int_equal(store_thread_get(txn, ta, &ids), STORE_OK);
	assert_int_equal(ids.n, 4);
	assert_int_equal(ids.v[0], a);
	assert_int_equal(ids.v[2], d);
	assert_int_equal(ids.v[3], b2);
	store_ids_free(&ids);
	assert_int_equal(store_changes(txn, STORE_EMAIL, state0, 0, &c),
	    STORE_OK);
	assert_int_equal(c.ncreated, 2);
	assert_int_equal(c.ndestroyed, 1);
	assert_int_equal(c.destroyed[0], b);
	store_changes_free(&c);
	assert_int_equal(store_changes(txn, STORE_THREAD, tstate0, 0, &c),
	    STORE_OK);
	assert_int_equal(c.nupdated, 1);
	assert_int_equal(c.ndestroyed, 1);
	assert_int_equal(c.destroyed[0], tb);
	store_changes_free(&c);
	counts(txn, inbox, 4, 4, 1, 1);
	help_commit(txn);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

static void
another_subject_is_another_thread(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	uint64_t		 t1, t2;

	(void)state;
	add(txn, "lunch", "1@x", "", inbox, 1, &t1);
	add(txn, "dinner", "2@x 1@x", "", inbox, 2, &t2);
	assert_int_not_equal(t1, t2);
	store_abort(txn);
}

static void
keywords_beyond_the_sixty_fourth_work_alike(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_mailmod	 mod;
	struct store_mail	 m;
	struct slice		 kw[100];
	static char		 name[100][12];
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);
	uint64_t		 id, tid;
	unsigned		 have, n, i;
	int			 slot;

	(void)state;
	id = add(txn, "s", "1@x", "", inbox, 1, &tid);
	add(txn, "s", "2@x 1@x", "kw99", inbox, 1, NULL);
	for (i = 0; i < 100; i++) {
		snprintf(name[i], sizeof(name[i]), "kw%u", i);
		kw[i] = SLICE_STR(name[i]);
	}
	memset(&mod, 0, sizeof(mod));
	mod.kw_add = kw;
	mod.nkw_add = 100;
	assert_int_equal(store_mail_update(txn, id, &mod), STORE_OK);
	help_commit(txn);
	txn = help_begin(st, 1);
	assert_int_equal(store_mail_get(txn, id, &m), STORE_OK);
	assert_true(m.nmore > 30);
	for (i = 0; i < 100; i++) {
		slot = store_keyword(txn, name[i], strlen(name[i]));
		assert_true(slot >= STORE_KW_FIRST_FREE);
		assert_true(store_mail_has(&m, slot));
	}
	slot = store_keyword(txn, "kw98", 4);
	assert_true(slot > 63);
	assert_int_equal(store_thread_keyword(txn, tid, slot, &have, &n),
	    STORE_OK);
	assert_int_equal(have, 1);
	assert_int_equal(n, 2);
	mod.nkw_add = 0;
	mod.kw_del = kw;
	mod.nkw_del = 99;
	assert_int_equal(store_mail_update(txn, id, &mod), STORE_OK);
	assert_int_equal(store_mail_get(txn, id, &m), STORE_OK);
	assert_false(store_mail_has(&m, slot));
	assert_true(store_mail_has(&m, store_keyword(txn, "kw99", 4)));
	help_commit(txn);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

static void
an_aborted_keyword_is_forgotten(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	uint32_t		 inbox = box(txn, STORE_ROLE_INBOX);

	(void)state;
	add(txn, "s", "1@x", "never", inbox, 1, NULL);
	store_abort(txn);
	txn = help_begin(st, 1);
	assert_int_equal(store_keyword(txn, "never", 5), -1);
	add(txn, "s", "1@x", "other", inbox, 1, NULL);
	assert_int_equal(store_keyword(txn, "other", 5), STORE_KW_FIRST_FREE);
	store_abort(txn);
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

static void
ids_have_one_spelling(void **state)
{
	static const char *const bad[] = { "", "E", "e1", "E01", "E1-", "E1-0",
	    "E-1", "E1-01", "EV", "E1-20000", "Ezz", "M1", "E1 ",
	    "Eg000000000000" };
	char		 s[STORE_IDLEN];
	uint8_t		 hash[32], back[32];
	uint64_t	 id;
	uint32_t	 mb;
	size_t		 i, n;

	(void)state;
	n = store_id_mail((uint64_t)12345 << 16, s);
	assert_string_equal(s, "Ec1p");
	assert_int_equal(n, 4);
	assert_int_equal(store_id_mail_get(s, n, &id), 0);
	assert_int_equal(id, (uint64_t)12345 << 16);
	n = store_id_mail((uint64_t)1 << 16 | 33, s);
	assert_string_equal(s, "E1-11");
	assert_int_equal(store_id_mail_get(s, n, &id), 0);
	assert_int_equal(id, (uint64_t)1 << 16 | 33);
	for (i = 0; i < nitems(bad); i++)
		assert_int_equal(store_id_mail_get(bad[i], strlen(bad[i]),
		    &id), -1);
	n = store_id_mailbox(UINT32_MAX, s);
	assert_int_equal(store_id_mailbox_get(s, n, &mb), 0);
	assert_int_equal(mb, UINT32_MAX);
	assert_int_equal(store_id_mailbox_get("M0", 2, &mb), -1);
	n = store_id_thread(UINT64_MAX, s);
	assert_int_equal(store_id_thread_get(s, n, &id), 0);
	assert_true(id == UINT64_MAX);
	for (i = 0; i < sizeof(hash); i++)
		hash[i] = (uint8_t)(i * 11);
	n = store_id_blob(hash, s);
	assert_int_equal(n, 44);
	assert_int_equal(store_id_blob_get(s, n, back), 0);
	assert_memory_equal(hash, back, 32);
}

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

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(a_new_account_has_the_default_mailboxes),
		T(a_mail_comes_back_as_it_was_given),
		T(long_fragments_lie_apart_and_come_back),
		T(refusals_change_nothing),
		T(the_trash_counts_as_a_thread_of_its_own),
		T(changing_which_mailbox_is_the_trash_counts_anew),
		T(a_third_mail_merges_threads_with_new_ids),
		T(another_subject_is_another_thread),
		T(keywords_beyond_the_sixty_fourth_work_alike),
		T(an_aborted_keyword_is_forgotten),
		T(mailbox_rules_are_enforced),
		T(destroying_a_mailbox_keeps_mail_that_is_elsewhere),
		T(changes_are_cut_and_go_on),
		T(counts_alone_are_told_from_other_changes),
		T(a_trimmed_log_cannot_answer),
		T(objects_have_rows_and_states),
		T(ids_have_one_spelling),
		T(accounts_are_closed_when_too_many_are_open),
		T(an_account_removed_and_made_again_is_the_new_one),
		T(idle_work_ends),
		T(a_newer_layout_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
