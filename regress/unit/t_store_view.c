/* SPDX-License-Identifier: ISC */
/* An account as those see it with whom a part of it is shared. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "regress/unit/store_lab.h"
#include "worker/store/store_query.h"
#include "worker/store/store_share.h"

#define BOB	7
#define EVE	8

static void
share(uint64_t who, uint32_t box, uint32_t rights)
{
	struct store_share	 s = { who, box, rights, 1 };
	struct store_txn	*txn = help_begin(st, 1);

	assert_int_equal(store_share_set(txn, &s), STORE_OK);
	help_commit(txn);
}

static uint32_t
of(enum store_role role)
{
	struct store_txn	*txn = help_begin(st, 0);
	uint32_t		 id = store_mailbox_role(txn, role);

	store_abort(txn);
	return id;
}

static uint64_t
put(const char *subject, const char *refs, const char *kw, uint32_t a,
    uint32_t b)
{
	struct help_mail	 m = { subject, refs, "words", kw,
	    { a, b, 0, 0 }, 1000 };
	struct store_txn	*txn = help_begin(st, 1);
	uint64_t		 id, tid;

	assert_int_equal(help_add(txn, &m, &id, &tid), STORE_OK);
	help_commit(txn);
	return id;
}

static struct store_txn *
view(uint64_t who, int write)
{
	struct store_txn	*txn = help_begin(st, write);

	assert_int_equal(store_view(txn, who), STORE_OK);
	return txn;
}

static void
nobody_sees_what_is_not_shared(void **state)
{
	struct store_txn	*txn = help_begin(st, 0);

	(void)state;
	assert_int_equal(store_view(txn, EVE), STORE_NOTFOUND);
	store_abort(txn);
	share(EVE, of(STORE_ROLE_INBOX), STORE_MAY_READ);
	share(EVE, of(STORE_ROLE_INBOX), 0);
	txn = help_begin(st, 0);
	assert_int_equal(store_view(txn, EVE), STORE_NOTFOUND);
	store_abort(txn);
}

static void
a_reader_sees_the_mail_of_his_mailboxes_alone(void **state)
{
	uint32_t		 in = of(STORE_ROLE_INBOX);
	uint32_t		 sent = of(STORE_ROLE_SENT);
	uint64_t		 a, b, c;
	struct store_mailbox	 mb;
	struct store_mail	 m;
	struct store_txn	*txn;
	struct store_query	 q;
	struct store_ids	 ids;
	uint64_t		 total;
	unsigned		 have, n;

	(void)state;
	a = put("one", "x1", "", in, sent);
	b = put("one", "x2 x1", "", sent, 0);
	c = put("two", "y1", "$seen", in, 0);
	share(BOB, in, STORE_MAY_READ);
	txn = view(BOB, 0);
	assert_int_equal(store_mail_get(txn, a, &m), STORE_OK);
	assert_int_equal(m.nmailbox, 1);
	assert_int_equal(store_mail_mailbox(&m, 0), in);
	assert_int_equal(store_mail_in(&m, sent), 0);
	memset(&ids, 0, sizeof(ids));
	assert_int_equal(store_thread_get(txn, m.tid, &ids), STORE_OK);
	assert_int_equal(ids.n, 1);
	store_ids_free(&ids);
	assert_int_equal(store_thread_keyword(txn, m.tid, STORE_KW_SEEN,
	    &have, &n), STORE_OK);
	assert_int_equal(n, 1);
	assert_int_equal(store_mail_get(txn, b, &m), STORE_NOTFOUND);
	assert_int_equal(store_mail_get(txn, c, &m), STORE_OK);
	assert_int_equal(store_mailbox_get(txn, in, &mb), STORE_OK);
	assert_int_equal(mb.unread_threads, 1);
	assert_int_equal(store_mailbox_get(txn, sent, &mb), STORE_NOTFOUND);
	memset(&q, 0, sizeof(q));
	assert_int_equal(store_query(txn, &q, 0, 10, &ids, &total), STORE_OK);
	assert_int_equal(ids.n, 2);
	assert_int_equal(total, 2);
	store_ids_free(&ids);
	q.mailbox = sent;
	assert_int_equal(store_query(txn, &q, 0, 10, &ids, &total), STORE_OK);
	assert_int_equal(ids.n, 0);
	assert_int_equal(total, 0);
	store_abort(txn);
}

static enum store_err
try(uint32_t rights, uint32_t rights2, const struct store_mailmod *mod,
    int destroy)
{
	struct store_txn	*txn;
	uint32_t		 in = of(STORE_ROLE_INBOX);
	uint32_t		 junk = of(STORE_ROLE_JUNK);
	uint64_t		 id = put("m", "m1", "", in, 0);
	enum store_err		 e;

	share(BOB, in, rights);
	share(BOB, junk, rights2);
	txn = view(BOB, 1);
	e = destroy ? store_mail_destroy(txn, id) :
	    store_mail_update(txn, id, mod);
	store_abort(txn);
	return e;
}

static void
each_right_allows_its_own(void **state)
{
	uint32_t		 in = of(STORE_ROLE_INBOX);
	uint32_t		 junk = of(STORE_ROLE_JUNK);
	struct slice		 seen = SLICE_STR("$seen");
	struct slice		 word = SLICE_STR("word");
	struct store_mailmod	 read = { .kw_add = &seen, .nkw_add = 1 };
	struct store_mailmod	 mark = { .kw_add = &word, .nkw_add = 1 };
	struct store_mailmod	 copy = { .mb_add = &junk, .nmb_add = 1 };
	struct store_mailmod	 move = { .mb_add = &junk, .nmb_add = 1,
	    .mb_del = &in, .nmb_del = 1 };
	const uint32_t		 r = STORE_MAY_READ;

	(void)state;
	assert_int_equal(try(r, 0, &read, 0), STORE_FORBIDDEN);
	assert_int_equal(try(r | STORE_MAY_SEEN, 0, &read, 0), STORE_OK);
	assert_int_equal(try(r | STORE_MAY_SEEN, 0, &mark, 0),
	    STORE_FORBIDDEN);
	assert_int_equal(try(r | STORE_MAY_KEYWORDS, 0, &mark, 0), STORE_OK);
	assert_int_equal(try(r | STORE_MAY_KEYWORDS, 0, &read, 0),
	    STORE_FORBIDDEN);
	assert_int_equal(try(r, r, &copy, 0), STORE_FORBIDDEN);
	assert_int_equal(try(r, STORE_MAY_ADD, &copy, 0), STORE_OK);
	assert_int_equal(try(r, STORE_MAY_ADD, &move, 0), STORE_FORBIDDEN);
	assert_int_equal(try(r | STORE_MAY_REMOVE, STORE_MAY_ADD, &move, 0),
	    STORE_OK);
	assert_int_equal(try(r, STORE_MAY_ALL, NULL, 1), STORE_FORBIDDEN);
	assert_int_equal(try(r | STORE_MAY_REMOVE, 0, NULL, 1), STORE_OK);
	assert_int_equal(try(STORE_MAY_ALL & ~r, 0, NULL, 1), STORE_NOTFOUND);
}

static void
a_hidden_mailbox_keeps_its_mail(void **state)
{
	uint32_t		 in = of(STORE_ROLE_INBOX);
	uint32_t		 sent = of(STORE_ROLE_SENT);
	uint32_t		 junk = of(STORE_ROLE_JUNK);
	uint64_t		 id = put("m", "m1", "", in, sent);
	struct store_mailmod	 all = { .flags = STORE_REPLACE_MAILBOXES,
	    .mb_add = &junk, .nmb_add = 1 };
	struct slice		 seen = SLICE_STR("$seen");
	struct store_mailmod	 read = { .kw_add = &seen, .nkw_add = 1 };
	struct store_txn	*txn;
	struct store_mail	 m;

	(void)state;
	share(BOB, in, STORE_MAY_ALL);
	share(BOB, junk, STORE_MAY_ALL);
	txn = view(BOB, 1);
	/* RFC 8621 2: in all of its mailboxes */
	assert_int_equal(store_mail_update(txn, id, &read), STORE_FORBIDDEN);
	assert_int_equal(store_mail_destroy(txn, id), STORE_FORBIDDEN);
	assert_int_equal(store_mail_update(txn, id, &all), STORE_OK);
	help_commit(txn);
	txn = help_begin(st, 0);
	assert_int_equal(store_mail_get(txn, id, &m), STORE_OK);
	assert_int_equal(m.nmailbox, 2);
	assert_int_equal(store_mail_in(&m, sent), 1);
	assert_int_equal(store_mail_in(&m, junk), 1);
	store_abort(txn);
}

/* --- changes against a model --------------------------------------------- */

#define IDS	4096

struct sight {
	uint64_t	 v[IDS];
	size_t		 n;
	uint64_t	 state;
};

static void
sight_set(struct sight *s, uint64_t id, int in)
{
	size_t	 i;

	for (i = 0; i < s->n && s->v[i] != id; i++)
		;
	if (in && i == s->n) {
		assert_true(s->n < IDS);
		s->v[s->n++] = id;
	} else if (!in && i < s->n)
		s->v[i] = s->v[--s->n];
}

static int
sight_has(const struct sight *s, uint64_t id)
{
	size_t	 i;

	for (i = 0; i < s->n; i++)
		if (s->v[i] == id)
			return 1;
	return 0;
}

/* What is there now; threads come from the mails. */
static void
sight_now(struct store_txn *txn, enum store_type type, struct sight *s)
{
	struct store_query	 q;
	struct store_ids	 ids;
	struct store_mail	 m;
	size_t			 i;

	memset(&q, 0, sizeof(q));
	memset(&ids, 0, sizeof(ids));
	s->n = 0;
	s->state = store_state(txn, type);
	assert_int_equal(store_query(txn, &q, 0, SIZE_MAX, &ids, NULL),
	    STORE_OK);
	for (i = 0; i < ids.n; i++) {
		assert_int_equal(store_mail_get(txn, ids.v[i], &m), STORE_OK);
		sight_set(s, type == STORE_EMAIL ? m.id : m.tid, 1);
	}
	store_ids_free(&ids);
}

static void
sight_follow(struct store_txn *txn, enum store_type type, struct sight *s)
{
	struct store_changes	 ch;
	struct sight		 now;
	size_t			 i, max = (size_t)(random() % 3) * 2;
	int			 more, cut = 0;

	do {
		assert_int_equal(store_changes(txn, type, s->state, max, &ch),
		    STORE_OK);
		for (i = 0; i < ch.ncreated; i++)
			sight_set(s, ch.created[i], 1);
		for (i = 0; i < ch.nupdated && !cut && !ch.more; i++)
			assert_true(sight_has(s, ch.updated[i]));
		for (i = 0; i < ch.ndestroyed; i++)
			sight_set(s, ch.destroyed[i], 0);
		s->state = ch.state;
		cut |= more = ch.more;
		store_changes_free(&ch);
	} while (more);
	sight_now(txn, type, &now);
	assert_int_equal(s->state, now.state);
	assert_int_equal(s->n, now.n);
	for (i = 0; i < now.n; i++)
		assert_true(sight_has(s, now.v[i]));
}

static void
something_happens(const uint32_t *boxes, size_t nbox)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_query	 q;
	struct store_ids	 ids;
	struct store_mailmod	 mod;
	struct slice		 kw = SLICE_STR("$seen");
	struct help_mail	 m;
	char			 refs[64];
	uint64_t		 id, tid;
	uint32_t		 to = boxes[(size_t)random() % nbox];
	uint32_t		 from = boxes[(size_t)random() % nbox];
	enum store_err		 e;

	memset(&q, 0, sizeof(q));
	memset(&ids, 0, sizeof(ids));
	memset(&mod, 0, sizeof(mod));
	assert_int_equal(store_query(txn, &q, 0, SIZE_MAX, &ids, NULL),
	    STORE_OK);
	if (ids.n < 5 || random() % 3 == 0) {
		memset(&m, 0, sizeof(m));
		snprintf(refs, sizeof(refs), "r%ld r%ld", random() % 40,
		    random() % 40);
		m.subject = "s";
		m.refs = refs;
		m.body = "b";
		m.kw = random() % 2 ? "" : "$seen";
		m.box[0] = to;
		m.box[1] = from == to ? 0 : from;
		m.received = random() % 9;
		e = help_add(txn, &m, &id, &tid);
	} else {
		id = ids.v[(size_t)random() % ids.n];
		mod.mb_add = &to;
		mod.nmb_add = 1;
		mod.mb_del = &from;
		mod.nmb_del = from != to;
		if (random() % 2 == 0) {
			mod.kw_add = &kw;
			mod.nkw_add = 1;
		}
		e = random() % 4 == 0 ? store_mail_destroy(txn, id) :
		    store_mail_update(txn, id, &mod);
	}
	assert_int_equal(e, STORE_OK);
	store_ids_free(&ids);
	help_commit(txn);
}

static void
changes_lead_from_what_was_seen_to_what_is_seen(void **state)
{
	static struct sight	 mails, threads;
	uint32_t		 boxes[4];
	struct store_txn	*txn;
	int			 i, k;

	(void)state;
	srandom(4711);
	boxes[0] = of(STORE_ROLE_INBOX);
	boxes[1] = of(STORE_ROLE_SENT);
	boxes[2] = of(STORE_ROLE_JUNK);
	boxes[3] = of(STORE_ROLE_TRASH);
	share(BOB, boxes[0], STORE_MAY_READ);
	share(BOB, boxes[1], STORE_MAY_READ | STORE_MAY_ADD);
	share(BOB, boxes[2], STORE_MAY_ADD);
	txn = view(BOB, 0);
	sight_now(txn, STORE_EMAIL, &mails);
	sight_now(txn, STORE_THREAD, &threads);
	store_abort(txn);
	for (i = 0; i < 300; i++) {
		for (k = (int)(random() % 12); k >= 0; k--)
			something_happens(boxes, nitems(boxes));
		txn = view(BOB, 0);
		sight_follow(txn, STORE_EMAIL, &mails);
		sight_follow(txn, STORE_THREAD, &threads);
		store_abort(txn);
	}
	assert_int_equal(store_check(st, 0, NULL, NULL), 0);
}

static void
what_comes_into_sight_as_a_whole_cannot_be_told(void **state)
{
	struct store_changes	 ch;
	struct store_txn	*txn;
	uint64_t		 was;

	(void)state;
	share(BOB, of(STORE_ROLE_INBOX), STORE_MAY_READ);
	txn = view(BOB, 0);
	was = store_state(txn, STORE_EMAIL);
	store_abort(txn);
	share(BOB, of(STORE_ROLE_SENT), STORE_MAY_READ);
	txn = view(BOB, 0);
	assert_true(store_state(txn, STORE_EMAIL) > was);
	assert_int_equal(store_changes(txn, STORE_EMAIL, was, 0, &ch),
	    STORE_CANNOT);
	store_abort(txn);
	/* rights that hide nothing are a change of the mailbox */
	txn = view(BOB, 0);
	was = store_state(txn, STORE_MAILBOX);
	store_abort(txn);
	share(BOB, of(STORE_ROLE_SENT), STORE_MAY_READ | STORE_MAY_ADD);
	txn = view(BOB, 0);
	assert_int_equal(store_changes(txn, STORE_MAILBOX, was, 0, &ch),
	    STORE_OK);
	assert_int_equal(ch.nupdated, 1);
	store_changes_free(&ch);
	store_abort(txn);
}

static void
mailboxes_made_by_a_sharee_are_shared_alike(void **state)
{
	uint32_t		 in = of(STORE_ROLE_INBOX);
	struct store_mailbox	 m, all;
	struct store_share	 s;
	struct store_txn	*txn;

	(void)state;
	share(BOB, in, STORE_MAY_READ);
	share(EVE, in, STORE_MAY_ALL);
	memset(&m, 0, sizeof(m));
	strlcpy(m.name, "child", sizeof(m.name));
	txn = view(BOB, 1);
	m.parent = in;
	assert_int_equal(store_mailbox_create(txn, &m), STORE_FORBIDDEN);
	store_abort(txn);
	txn = view(EVE, 1);
	m.parent = 0;
	assert_int_equal(store_mailbox_create(txn, &m), STORE_FORBIDDEN);
	m.parent = in;
	assert_int_equal(store_mailbox_create(txn, &m), STORE_OK);
	help_commit(txn);
	txn = view(BOB, 1);
	assert_int_equal(store_mailbox_get(txn, m.id, &all), STORE_OK);
	assert_int_equal(all.parent, in);
	assert_int_equal(store_mailbox_destroy(txn, m.id, 1),
	    STORE_FORBIDDEN);
	/* his subscription is his own */
	all.subscribed = 0;
	assert_int_equal(store_mailbox_update(txn, &all), STORE_OK);
	strlcpy(all.name, "other", sizeof(all.name));
	assert_int_equal(store_mailbox_update(txn, &all), STORE_FORBIDDEN);
	help_commit(txn);
	txn = view(EVE, 1);
	assert_int_equal(store_mailbox_get(txn, m.id, &all), STORE_OK);
	assert_int_equal(all.subscribed, 1);
	assert_int_equal(store_mailbox_destroy(txn, m.id, 1), STORE_OK);
	help_commit(txn);
	txn = help_begin(st, 0);
	assert_int_equal(store_share_get(txn, BOB, m.id, &s), STORE_NOTFOUND);
	store_abort(txn);
	assert_int_equal(store_check(st, 0, NULL, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(nobody_sees_what_is_not_shared),
		T(a_reader_sees_the_mail_of_his_mailboxes_alone),
		T(each_right_allows_its_own),
		T(a_hidden_mailbox_keeps_its_mail),
		T(changes_lead_from_what_was_seen_to_what_is_seen),
		T(what_comes_into_sight_as_a_whole_cannot_be_told),
		T(mailboxes_made_by_a_sharee_are_shared_alike),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
