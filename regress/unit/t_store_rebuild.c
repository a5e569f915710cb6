/* SPDX-License-Identifier: ISC */
/* worker/store: the search index made again while it serves. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/store_help.h"
#include "worker/store/store_int.h"
#include "worker/store/store_search.h"

#define MAILS	900

static struct store	*st;
static uint64_t		 eid[2 * MAILS];
static int		 gone[2 * MAILS];
static int		 n;			/* mails so far */

/* Subject and body of what help_add makes. */
static int
texts(const void *raw, size_t len, store_texts_fn *fn, void *arg)
{
	const char		*p = memmem(raw, len, "Subject: ", 9);
	const char		*q = memmem(raw, len, "\r\n\r\n", 4);
	struct store_text	 t[2];

	if (p == NULL || q == NULL)
		return -1;
	t[0].in = STORE_IN_SUBJECT;
	t[0].text = SLICE(p + 9, (size_t)(q - p) - 9);
	t[1].in = STORE_IN_BODY;
	t[1].text = SLICE(q, (size_t)((const char *)raw + len - q));
	return fn(arg, t, 2, SLICE(NULL, 0));
}

static void
reopen(void)
{
	struct store_conf	 c;

	if (st != NULL) {
		store_close(st);
		store_shutdown();
	}
	store_conf_init(&c);
	strlcpy(c.dir, help_dir, sizeof(c.dir));
	c.sync = KV_OFF;
	c.texts = texts;
	store_init(&c);
	st = help_open("alice");
}

static int
setup(void **state)
{
	(void)state;
	help_start(KV_OFF, 0);
	st = NULL;
	n = 0;
	memset(gone, 0, sizeof(gone));
	reopen();
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

/* Every mail has "all", its own word, and one that 50 others have. */
static void
add(int many)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct help_mail	 m;
	char			 body[100];
	uint64_t		 id, tid;

	for (; many > 0; many--, n++) {
		memset(&m, 0, sizeof(m));
		snprintf(body, sizeof(body), "all own%d some%d running", n,
		    n % 20);
		m.subject = "words";
		m.body = body;
		m.box[0] = store_mailbox_role(txn, STORE_ROLE_INBOX);
		m.received = n;
		assert_int_equal(help_add(txn, &m, &id, &tid), STORE_OK);
		eid[n] = STORE_EID(id);
	}
	help_commit(txn);
}

static void
destroy(int i)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_mail	 m;

	if (!gone[i]) {
		assert_int_equal(store_mail_eid(txn, eid[i], &m), STORE_OK);
		assert_int_equal(store_mail_destroy(txn, m.id), STORE_OK);
		gone[i] = 1;
	}
	help_commit(txn);
}

static enum store_err
search(const char *word, struct store_ids *ids)
{
	struct store_words	 w = { STORE_IN_ANY, { word, strlen(word) },
				    0 };
	struct store_txn	*txn = help_begin(st, 0);
	enum store_err		 e;
	int			 usable;

	ids->n = 0;
	e = store_search(txn, &w, 1, ids, &usable);
	store_abort(txn);
	return e;
}

/* Each mail that is there is found, by what it has and nothing else. */
static void
look(void)
{
	struct store_ids	 ids = { 0 };
	char			 word[32];
	int			 i, j;

	assert_int_equal(search("run", &ids), STORE_OK);
	for (i = 0; i < n; i++)
		assert_true(gone[i] || store_ids_has(&ids, eid[i]));
	for (j = 0; j < 20; j += 7) {
		snprintf(word, sizeof(word), "some%d", j);
		assert_int_equal(search(word, &ids), STORE_OK);
		for (i = 0; i < n; i++)
			if (!gone[i])
				assert_int_equal(store_ids_has(&ids, eid[i]),
				    i % 20 == j);
	}
	snprintf(word, sizeof(word), "own%d", n - 1);
	assert_int_equal(search(word, &ids), STORE_OK);
	assert_int_equal(ids.n, gone[n - 1] ? ids.n : 1);
	store_ids_free(&ids);
}

static void
merge(void)
{
	int	 r;

	while ((r = store_search_merge(st, 1)) == 1)
		;
	assert_int_equal(r, 0);
}

static unsigned
flags(void)
{
	struct store_manifest	 m;
	struct store_txn	*txn = help_begin(st, 0);

	assert_int_equal(store_runs_load(txn, &m), STORE_OK);
	store_abort(txn);
	return m.flags;
}

static void
the_old_index_serves_until_the_new_one_is_whole(void **state)
{
	uint64_t	 at, upto;
	int		 i, r = 1;

	(void)state;
	add(MAILS);
	merge();
	add(40);			/* these still wait */
	assert_int_equal(store_rebuild_begin(st, 0), STORE_OK);
	for (i = 0; r == 1; i++) {
		look();
		if (n < 2 * MAILS - 100)
			add(97);
		destroy(i * 13 % n);
		if (i % 3 == 0 && store_search_merge(st, 1) == -1)
			fail();
		r = store_rebuild_step(st, &at, &upto);
	}
	assert_int_equal(r, 0);
	assert_int_equal(flags(), STORE_INDEX_WHOLE);
	look();
	merge();
	look();
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
	assert_int_equal(store_rebuild_step(st, &at, &upto), 0);
}

static void
one_that_was_cut_short_goes_on(void **state)
{
	uint64_t	 at = 0, upto;
	int		 i;

	(void)state;
	add(MAILS);
	merge();
	assert_int_equal(store_rebuild_begin(st, 0), STORE_OK);
	for (i = 0; i < 3; i++) {
		/* at least some of it is done before the process ends */
		assert_int_equal(store_rebuild_step(st, &at, &upto), 1);
		reopen();
		look();
		add(30);
	}
	assert_true(flags() & STORE_INDEX_REBUILD);
	for (i = 0; i < 1000 && flags() & STORE_INDEX_REBUILD; i++)
		assert_int_not_equal(store_tidy(st), -1);
	assert_int_equal(flags(), STORE_INDEX_WHOLE);
	look();
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

/* Do something to a run of the index. */
static void
harm(int missing)
{
	struct store_manifest	 m;
	struct store_txn	*txn = help_begin(st, 0);
	char			 path[STORE_PATHMAX + 32];
	FILE			*f;

	assert_int_equal(store_runs_load(txn, &m), STORE_OK);
	store_abort(txn);
	assert_true(m.n > 0);
	assert_int_equal(store_runs_path(st, m.v[0].id, path, sizeof(path)),
	    0);
	reopen();			/* it is not mapped any more */
	if (missing) {
		assert_int_equal(unlink(path), 0);
		return;
	}
	assert_non_null(f = fopen(path, "r+"));
	assert_int_equal(fseek(f, 500, SEEK_SET), 0);
	fputs("xxxx", f);
	fclose(f);
}

static void
a_damaged_one_is_made_again(void **state)
{
	struct store_ids	 ids = { 0 };
	int			 missing, i;

	(void)state;
	add(MAILS);
	merge();
	for (missing = 0; missing < 2; missing++) {
		harm(missing);
		assert_true(store_check(st, 0, NULL, NULL) > 0);
		assert_int_equal(search("all", &ids), STORE_NOINDEX);
		add(10);
		for (i = 0; i < 1000 && (store_tidy(st) == 1 ||
		    flags() != STORE_INDEX_WHOLE); i++)
			assert_int_equal(search("all", &ids),
			    flags() & STORE_INDEX_WHOLE ? STORE_OK :
			    STORE_NOINDEX);
		look();
		assert_int_equal(store_check(st, 0, help_say, NULL), 0);
		merge();
	}
	store_ids_free(&ids);
}

static void
the_check_finds_mail_that_is_not_in_it(void **state)
{
	struct store_txn	*txn;
	int			 i;

	(void)state;
	add(20);
	txn = help_begin(st, 1);
	assert_int_equal(store_search_drop(txn, eid[7]), STORE_OK);
	help_commit(txn);
	assert_int_equal(store_check(st, 0, NULL, NULL), 1);
	assert_int_equal(store_check(st, 1, NULL, NULL), 1);
	for (i = 0; i < 100 && flags() != STORE_INDEX_WHOLE; i++)
		assert_int_not_equal(store_tidy(st), -1);
	look();
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

/* What is in the index is compared with the text. */
static void
the_check_finds_words_that_are_not_in_the_text(void **state)
{
	struct store_text	 t = { STORE_IN_BODY, { "all others", 10 } };
	struct store_txn	*txn;
	int			 merged, i;

	(void)state;
	for (merged = 0; merged < 2; merged++) {
		add(20);
		txn = help_begin(st, 1);
		assert_int_equal(store_search_drop(txn, eid[n - 3]),
		    STORE_OK);
		assert_int_equal(store_search_pend(txn, eid[n - 3], &t, 1,
		    SLICE(NULL, 0)), STORE_OK);
		help_commit(txn);
		if (merged)
			merge();
		assert_int_equal(store_check(st, 0, NULL, NULL), 1);
		assert_int_equal(store_check(st, 1, NULL, NULL), 1);
		for (i = 0; i < 100 && flags() != STORE_INDEX_WHOLE; i++)
			assert_int_not_equal(store_tidy(st), -1);
		look();
		assert_int_equal(store_check(st, 0, help_say, NULL), 0);
	}
}

/* The account, closed, as a program of that layout left it. */
static struct kv *
old_layout(unsigned layout, char path[128], struct kv_txn **txn)
{
	struct kv	*kv;
	struct slice	 v;
	uint8_t		 b[1024];

	store_close(st);
	store_shutdown();
	st = NULL;
	snprintf(path, 128, "%s/alice", help_dir);
	assert_non_null(kv = kv_open(path, 0, KV_OFF));
	assert_int_equal(kv_begin(kv, 1, txn), 0);
	assert_int_equal(kv_get(*txn, "A", 1, &v), 1);
	memcpy(b, v.p, v.n);
	store_put16(b, layout);
	assert_int_equal(kv_put(*txn, "A", 1, b, v.n), 0);
	return kv;
}

/* An account as the first layout left it. */
static void
an_index_of_layout_1_is_brought_forward(void **state)
{
	struct kv		*kv;
	struct kv_txn		*txn;
	struct store_ids	 ids = { 0 };
	char			 path[128];
	uint8_t			 key[9] = { 'F' };
	int			 i;

	(void)state;
	add(MAILS);
	merge();
	kv = old_layout(1, path, &txn);
	assert_int_equal(kv_del(txn, "W", 1), 1);
	store_put64(key + 1, eid[3]);
	assert_int_equal(kv_put(txn, key, 9, "\1\40\3all", 6), 0);
	assert_int_equal(kv_commit(txn), 0);
	kv_close(kv);
	strlcat(path, "/search/data.mdb", sizeof(path));
	fclose(fopen(path, "w"));
	reopen();
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(search("all", &ids), STORE_NOINDEX);
	add(10);
	for (i = 0; i < 1000 && flags() != STORE_INDEX_WHOLE; i++)
		assert_int_not_equal(store_tidy(st), -1);
	look();
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
	store_ids_free(&ids);
}

/* The words of layout 2 are found until there are those of layout 3. */
static void
an_index_of_layout_2_serves_until_the_new_one_is_whole(void **state)
{
	struct store_text	 old = { STORE_IN_BODY, { "all others", 10 } };
	struct store_txn	*w;
	struct kv		*kv;
	struct kv_txn		*txn;
	struct store_ids	 ids = { 0 };
	char			 path[128];
	int			 i;

	(void)state;
	add(20);
	w = help_begin(st, 1);
	assert_int_equal(store_search_drop(w, eid[n - 3]), STORE_OK);
	assert_int_equal(store_search_pend(w, eid[n - 3], &old, 1,
	    SLICE(NULL, 0)), STORE_OK);
	help_commit(w);
	merge();
	assert_int_equal(store_check(st, 0, NULL, NULL), 1);
	kv = old_layout(2, path, &txn);
	assert_int_equal(kv_commit(txn), 0);
	kv_close(kv);
	reopen();
	assert_true(flags() & STORE_INDEX_REBUILD);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
	assert_int_equal(search("all", &ids), STORE_OK);
	assert_int_equal(ids.n, 20);
	for (i = 0; i < 1000 && flags() != STORE_INDEX_WHOLE; i++)
		assert_int_not_equal(store_tidy(st), -1);
	look();
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
	reopen();
	assert_int_equal(flags(), STORE_INDEX_WHOLE);
	store_ids_free(&ids);
}

/* Words of mail that is gone do not stay for ever. */
static void
dead_words_leave_the_index(void **state)
{
	struct store_manifest	 m;
	struct store_txn	*txn;
	uint64_t		 docs = 0;
	size_t			 k;
	int			 i;

	(void)state;
	add(2 * MAILS - 100);
	merge();
	for (i = 0; i < n; i++)
		if (i % 5 != 0)
			destroy(i);
	merge();
	txn = help_begin(st, 0);
	assert_int_equal(store_runs_load(txn, &m), STORE_OK);
	store_abort(txn);
	for (k = 0; k < m.n; k++)
		docs += m.v[k].docs;
	assert_int_equal(docs, n / 5);
	look();
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(the_old_index_serves_until_the_new_one_is_whole),
		T(one_that_was_cut_short_goes_on),
		T(a_damaged_one_is_made_again),
		T(the_check_finds_mail_that_is_not_in_it),
		T(the_check_finds_words_that_are_not_in_the_text),
		T(an_index_of_layout_1_is_brought_forward),
		T(an_index_of_layout_2_serves_until_the_new_one_is_whole),
		T(dead_words_leave_the_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
