/* SPDX-License-Identifier: ISC */
/* worker/store: mail, keywords, threads, ids. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/store_lab.h"

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

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(a_mail_comes_back_as_it_was_given),
		T(long_fragments_lie_apart_and_come_back),
		T(refusals_change_nothing),
		T(a_third_mail_merges_threads_with_new_ids),
		T(another_subject_is_another_thread),
		T(keywords_beyond_the_sixty_fourth_work_alike),
		T(an_aborted_keyword_is_forgotten),
		T(ids_have_one_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
