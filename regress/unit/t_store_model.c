/* SPDX-License-Identifier: ISC */
/*
 * worker/store against a model: random adding, moving, flagging, merging and
 * destroying, and after each batch everything the store says is compared
 * with what a few plain arrays say.  SEED and ROUNDS in the environment.
 */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/store_model.h"
#include "worker/store/store_query.h"

/* What a client knows, kept up to date by changes alone. */
struct client {
	uint64_t	 id[MAILS * 2];
	unsigned	 what[MAILS * 2];	/* kw, boxes when last seen */
	size_t		 n;
	uint64_t	 state;
};
static struct client	 mail_client, thread_client, list_client[BOXES + 1];

/* --- comparing ----------------------------------------------------------- */

static int
unread(const struct mail *m)
{
	return (m->kw & 3) == 0;	/* neither $seen nor $draft */
}

#define TRASH	(BOXES - 1)

static void
compare_counts(struct store_txn *txn)
{
	struct store_mailbox	 b;
	const struct mail	*m;
	unsigned		 total, nunread, threads, uthreads;
	int			 i, t, in, un;

	for (i = 0; i < BOXES; i++) {
		total = nunread = threads = uthreads = 0;
		for (m = mails; m < mails + nmails; m++)
			if (m->alive && m->box & 1U << i) {
				total++;
				nunread += (unsigned)unread(m);
			}
		for (t = 0; t < nthreads; t++) {
			in = un = 0;
			for (m = mails; m < mails + nmails; m++) {
				if (!m->alive || m->thread != t)
					continue;
				in |= (m->box & 1U << i) != 0;
				if (i == TRASH)
					un |= unread(m) && m->box & 1U << TRASH;
				else
					un |= unread(m) && m->box & ~(1U <<
					    TRASH);
			}
			threads += (unsigned)in;
			uthreads += in && un;
		}
		assert_int_equal(store_mailbox_get(txn, boxes[i], &b),
		    STORE_OK);
		assert_int_equal(b.total, total);
		assert_int_equal(b.unread, nunread);
		assert_int_equal(b.threads, threads);
		assert_int_equal(b.unread_threads, uthreads);
	}
}

static unsigned
what_of(struct store_txn *txn, const struct store_mail *s)
{
	unsigned	 w = 0;
	int		 i;

	for (i = 0; i < KWS; i++)
		if (store_mail_has(s, store_keyword(txn, kwname[i],
		    strlen(kwname[i]))))
			w |= 1U << i;
	for (i = 0; i < BOXES; i++)
		if (store_mail_in(s, boxes[i]))
			w |= 1U << (KWS + i);
	return w;
}

static void
compare_mails(struct store_txn *txn)
{
	struct store_mail	 s;
	struct mail		*m, *n;
	static uint64_t		 tid[MAILS];
	uint64_t		 count, bytes, live = 0;

	for (m = mails; m < mails + nmails; m++) {
		if (!m->alive) {
			assert_int_equal(store_mail_eid(txn, STORE_EID(m->id),
			    &s), STORE_NOTFOUND);
			continue;
		}
		live++;
		assert_int_equal(store_mail_eid(txn, STORE_EID(m->id), &s),
		    STORE_OK);
		m->id = s.id;
		tid[m - mails] = s.tid;
		assert_int_equal(what_of(txn, &s), m->kw | m->box << KWS);
	}
	for (m = mails; m < mails + nmails; m++)
		for (n = mails; n < m; n++)
			if (m->alive && n->alive)
				assert_int_equal(m->thread == n->thread,
				    tid[m - mails] == tid[n - mails]);
	store_usage(txn, &count, &bytes);
	assert_int_equal(count, live);
}

/* The order of a list: newest first, then in order of coming. */
static int
newest(const void *a, const void *b)
{
	const struct mail	*x = *(const struct mail *const *)a;
	const struct mail	*y = *(const struct mail *const *)b;

	if (x->received != y->received)
		return x->received > y->received ? -1 : 1;
	return x->id < y->id ? -1 : 1;
}

static int
by_subject(const void *a, const void *b)
{
	const struct mail	*x = *(const struct mail *const *)a;
	const struct mail	*y = *(const struct mail *const *)b;
	int			 c;

	c = strcmp(subjects[x->subject], subjects[y->subject]);
	return c != 0 ? c : newest(a, b);
}

static void
compare_query(struct store_txn *txn)
{
	static const struct mail *want[MAILS];
	static char		 seen[MAILS * 8];
	struct store_query	 q;
	struct store_order	 order[2];
	struct store_ids	 ids = { 0 };
	struct mail		*m;
	uint64_t		 total, at;
	size_t			 n = 0, i, j, pos, limit;
	int			 box = (int)rnd(BOXES + 1) - 1, sorted;
	unsigned		 all = rnd(3) ? 0 : 1U << rnd(3);
	unsigned		 none = rnd(3) ? 0 : 1U << rnd(3);

	memset(&q, 0, sizeof(q));
	memset(order, 0, sizeof(order));
	q.mailbox = box == -1 ? 0 : boxes[box];
	q.all = all;			/* built-in slots are the masks */
	q.none = none;
	q.collapse = (int)rnd(2);
	q.ascending = (int)rnd(2);
	if (rnd(3) == 0) {
		q.after = (int64_t)rnd(25) * 1000;
		q.before = (int64_t)rnd(25) * 1000 + 25000;
	}
	sorted = rnd(3) == 0;
	for (m = mails; m < mails + nmails; m++)
		if (m->alive && (box == -1 || m->box & 1U << box) &&
		    (m->kw & all) == all && (m->kw & none) == 0 &&
		    m->received >= q.after &&
		    (q.before == 0 || m->received < q.before))
			want[n++] = m;
	if (sorted)
		q.ascending = 0;
	qsort(want, n, sizeof(*want), sorted ? by_subject : newest);
	for (i = 0; q.ascending && i < n / 2; i++) {
		m = (struct mail *)(uintptr_t)want[i];
		want[i] = want[n - 1 - i];
		want[n - 1 - i] = m;
	}
	memset(seen, 0, sizeof(seen));
	for (i = j = 0; q.collapse && i < n; i++)
		if (!seen[want[i]->thread]) {
			seen[want[i]->thread] = 1;
			want[j++] = want[i];
		}
	if (q.collapse)
		n = j;
	pos = rnd(20);
	limit = rnd(4) == 0 ? SIZE_MAX : rnd(40);
	if (sorted) {
		order[0].by = STORE_BY_SUBJECT;
		order[1].by = STORE_BY_RECEIVED;
		order[1].descending = 1;
		assert_int_equal(store_query_sorted(txn, &q, order, 2, &ids),
		    STORE_OK);
		pos = 0;
		limit = SIZE_MAX;
		total = ids.n;
	} else
		assert_int_equal(store_query(txn, &q, pos, limit, &ids,
		    &total), STORE_OK);
	assert_int_equal(total, n);
	for (i = 0; i < ids.n; i++)
		assert_int_equal(ids.v[i], want[pos + i]->id);
	assert_int_equal(ids.n, pos >= n ? 0 : n - pos < limit ? n - pos :
	    limit);
	if (!sorted && n > 0) {
		i = rnd((unsigned)n);
		assert_int_equal(store_query_find(txn, &q, want[i]->id, &at),
		    STORE_OK);
		assert_int_equal(at, i);
	}
	store_ids_free(&ids);
}

/* --- clients ------------------------------------------------------------- */

static void
forget(struct client *c, uint64_t id, int must)
{
	size_t	 i;

	for (i = 0; i < c->n; i++)
		if (c->id[i] == id) {
			c->id[i] = c->id[--c->n];
			c->what[i] = c->what[c->n];
			return;
		}
	assert_false(must);
}

static void
learn(struct client *c, uint64_t id, unsigned what, int new)
{
	size_t	 i;

	for (i = 0; i < c->n; i++)
		if (c->id[i] == id) {
			assert_false(new);
			c->what[i] = what;
			return;
		}
	assert_true(c->n < nitems(c->id));
	c->id[c->n] = id;
	c->what[c->n++] = what;
}

/* Fetch what is there now, as a client does after /changes. */
static void
fetch(struct store_txn *txn, struct client *c, enum store_type type,
    uint64_t id)
{
	struct store_mail	 s;
	unsigned		 w = 0;

	if (type == STORE_EMAIL) {
		if (store_mail_get(txn, id, &s) != STORE_OK)
			return;		/* a later change destroys it */
		w = what_of(txn, &s);
	}
	learn(c, id, w, 0);
}

static void
follow(struct store_txn *txn, struct client *c, enum store_type type)
{
	struct store_changes	 ch;
	size_t			 i, max;
	int			 more;

	do {
		max = rnd(2) ? 0 : rnd(10) + 1;
		assert_int_equal(store_changes(txn, type, c->state, max, &ch),
		    STORE_OK);
		assert_true(max == 0 ||
		    ch.ncreated + ch.nupdated + ch.ndestroyed <= max);
		assert_true(ch.state > c->state || !ch.more);
		for (i = 0; i < ch.ndestroyed; i++)
			forget(c, ch.destroyed[i], 0);
		for (i = 0; i < ch.ncreated; i++)
			fetch(txn, c, type, ch.created[i]);
		for (i = 0; i < ch.nupdated; i++)
			fetch(txn, c, type, ch.updated[i]);
		c->state = ch.state;
		more = ch.more;
		store_changes_free(&ch);
	} while (more);
	assert_int_equal(c->state, store_state(txn, type));
}

static void
compare_clients(struct store_txn *txn)
{
	struct store_ids	 ids = { 0 };
	const struct mail	*m;
	size_t			 i, n = 0;

	follow(txn, &mail_client, STORE_EMAIL);
	for (m = mails; m < mails + nmails; m++) {
		if (!m->alive)
			continue;
		n++;
		for (i = 0; i < mail_client.n && mail_client.id[i] != m->id;
		    i++)
			;
		assert_true(i < mail_client.n);
		assert_int_equal(mail_client.what[i], m->kw | m->box << KWS);
	}
	assert_int_equal(mail_client.n, n);
	follow(txn, &thread_client, STORE_THREAD);
	for (i = n = 0; i < thread_client.n; i++) {
		assert_int_equal(store_thread_get(txn, thread_client.id[i],
		    &ids), STORE_OK);
		n += ids.n;
		ids.n = 0;
	}
	assert_int_equal(n, mail_client.n);
	store_ids_free(&ids);
}

static int
delta(void *arg, const struct store_delta *d)
{
	struct client	*c = arg;

	if (d->removed == 0) {
		if (d->added > c->state)
			learn(c, d->id, 0, 1);
	} else if (d->added <= c->state)
		forget(c, d->id, 1);	/* it was in the list, exactly */
	return 0;
}

static void
compare_lists(struct store_txn *txn)
{
	const struct mail	*m;
	struct client		*c;
	size_t			 i, n;
	int			 b;

	for (b = 0; b <= BOXES; b++) {
		c = &list_client[b];
		if (rnd(3) == 0)	/* let some fall behind */
			continue;
		assert_int_equal(store_query_delta(txn, b == BOXES ? 0 :
		    boxes[b], c->state, delta, c), STORE_OK);
		c->state = store_modseq(txn);
		for (n = 0, m = mails; m < mails + nmails; m++) {
			if (!m->alive || (b < BOXES && !(m->box & 1U << b)))
				continue;
			n++;
			for (i = 0; i < c->n && c->id[i] != m->id; i++)
				;
			assert_true(i < c->n);
		}
		assert_int_equal(n, c->n);
	}
}

static void
start(void)
{
	static const enum store_role roles[BOXES] = { STORE_ROLE_INBOX,
	    STORE_ROLE_DRAFTS, STORE_ROLE_SENT, STORE_ROLE_ARCHIVE,
	    STORE_ROLE_TRASH };
	struct store_txn	*txn = help_begin(st, 0);
	int			 i;

	for (i = 0; i < BOXES; i++)
		boxes[i] = store_mailbox_role(txn, roles[i]);
	store_abort(txn);
	nmails = nthreads = 0;
	memset(&mail_client, 0, sizeof(mail_client));
	memset(&thread_client, 0, sizeof(thread_client));
	memset(list_client, 0, sizeof(list_client));
}

static void
one_batch(void)
{
	struct store_txn	*txn;
	unsigned		 n = rnd(30) + 1, what;

	txn = help_begin(st, 1);
	while (n-- > 0) {
		what = rnd(10);
		if (what < 4)
			do_add(txn);
		else if (what < 8)
			do_update(txn);
		else
			do_destroy(txn);
	}
	if (rnd(5) == 0)		/* what is seen within is the same */
		compare_counts(txn);
	help_commit(txn);
}

static void
whatever_happens_the_store_says_what_the_model_says(void **state)
{
	const char		*s = getenv("SEED"), *r = getenv("ROUNDS");
	unsigned		 seed = s == NULL ? 1 : (unsigned)atoi(s);
	struct store_txn	*txn;
	int			 i, rounds = r == NULL ? 200 : atoi(r), run;

	(void)state;
	for (run = 0; run < 2; run++) {
		srandom(seed + (unsigned)run);
		help_start(KV_OFF, run);
		st = help_open("model");
		start();
		for (i = 0; i < rounds; i++) {
			one_batch();
			txn = help_begin(st, 0);
			compare_mails(txn);
			compare_counts(txn);
			compare_clients(txn);
			compare_lists(txn);
			compare_query(txn);
			compare_query(txn);
			store_abort(txn);
			if (i % 8 == 0)
				assert_int_equal(store_check(st, 0, help_say,
				    NULL), 0);
			if (i % 16 == 0)
				assert_int_not_equal(store_tidy(st), -1);
		}
		assert_int_equal(store_check(st, 0, help_say, NULL), 0);
		store_close(st);
		help_stop();
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(
		    whatever_happens_the_store_says_what_the_model_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
