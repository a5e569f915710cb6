/* SPDX-License-Identifier: ISC */
/*
 * A writer adds, flags, moves and destroys mail, merges and tidies, and is
 * killed at a random moment; again and again on the same account, with
 * either way of locking.  Everything it had acknowledged must be there, and
 * the check clean.  ROUNDS and SEED in the environment.
 */
#include "common/compat.h"

#include <sys/wait.h>

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/store_help.h"
#include "worker/store/store_int.h"
#include "worker/store/store_query.h"
#include "worker/store/store_search.h"

#define MAILS	100000
#define BATCH	8		/* operations a commit at most */

/* What is acknowledged of a mail; a mail only ever goes on. */
enum { NONE, ADDED, FLAGGED, MOVED, GONE };

struct ack {
	uint32_t	 n;		/* the mail's number: its content */
	uint32_t	 what;
	uint64_t	 id;
};

static struct ack	 acked[MAILS];
static uint32_t		 nmails;
static unsigned		 slack;		/* mails ahead of their last ack */
static unsigned		 nacks;
static int		 ackfd[2];

static void
conf(int round)
{
	struct store_conf	 c;

	store_conf_init(&c);
	strlcpy(c.dir, help_dir, sizeof(c.dir));
	c.nolock = round & 1;
	c.sync = round % 3 == 0 ? KV_FULL : KV_META;
	c.segment = 512 << 10;
	c.upload_ms = 5;
	c.keeplog = 500;
	store_init(&c);
}

/* A mail whose every byte follows from its number. */
static const char *
body(uint32_t n)
{
	static char	 b[2000];
	uint32_t	 i, len = 200 + n * 37 % 1700;

	for (i = 0; i < len; i++)
		b[i] = (char)('a' + (n * 7 + i * (1 + n % 5)) % 26);
	b[len] = '\0';
	return b;
}

static uint64_t
add(struct store_txn *txn, uint32_t n, uint32_t inbox)
{
	struct help_mail	 m = { "subject", NULL, NULL, "", { 0 }, 0 };
	char			 refs[64];
	uint64_t		 id, tid;

	snprintf(refs, sizeof(refs), "%u@x %u@x", n, n - n % 4);
	m.refs = refs;
	m.body = body(n);
	m.box[0] = inbox;
	m.received = (int64_t)n * 1000;
	if (help_add(txn, &m, &id, &tid) != STORE_OK)
		_exit(3);
	return id;
}

/* Merges may have given it a new one. */
static uint64_t
now_id(struct store_txn *txn, uint64_t id)
{
	struct store_mail	 m;

	return store_mail_eid(txn, STORE_EID(id), &m) == STORE_OK ? m.id : 0;
}

static int
go_on(struct store_txn *txn, struct ack *a, uint32_t trash)
{
	struct store_mailmod	 mod;
	struct slice		 kw = SLICE_STR("$flagged");
	uint64_t		 id = now_id(txn, a->id);

	memset(&mod, 0, sizeof(mod));
	if (a->what == ADDED) {
		mod.kw_add = &kw;
		mod.nkw_add = 1;
	} else {
		mod.flags = STORE_REPLACE_MAILBOXES;
		mod.mb_add = &trash;
		mod.nmb_add = 1;
	}
	a->what++;
	if (id == 0)			/* done by one that was killed */
		return 0;
	if (a->what == GONE)
		return store_mail_destroy(txn, id) == STORE_OK ? 0 : -1;
	return store_mail_update(txn, id, &mod) == STORE_OK ? 0 : -1;
}

/* One transaction of a few operations, acknowledged when it is committed. */
static void
batch(struct store *st)
{
	struct store_txn	*txn;
	struct ack		 done[BATCH];
	uint32_t		 inbox, trash, i, n;

	if (store_begin(st, 1, &txn) != STORE_OK)
		_exit(4);
	inbox = store_mailbox_role(txn, STORE_ROLE_INBOX);
	trash = store_mailbox_role(txn, STORE_ROLE_TRASH);
	n = 1 + (uint32_t)random() % BATCH;
	for (i = 0; i < n; i++) {
		if (nmails == 0 || random() % 2 == 0) {
			done[i].n = nmails;
			done[i].what = ADDED;
			done[i].id = add(txn, nmails, inbox);
			acked[nmails++] = done[i];
			continue;
		}
		done[i] = acked[(uint32_t)random() % nmails];
		if (done[i].what == GONE || done[i].what == NONE) {
			i--, n--;
			continue;
		}
		if (go_on(txn, &done[i], trash) == -1)
			_exit(5);
		acked[done[i].n] = done[i];
	}
	if (store_commit(txn) != STORE_OK)
		_exit(6);
	for (i = 0; i < n; i++)
		if (write(ackfd[1], &done[i], sizeof(*done)) !=
		    sizeof(*done))
			_exit(7);
}

static void
writer(int round)
{
	struct store	*st;

	conf(round);
	srandom((unsigned)round * 31 + 7);
	if (store_open("crash", STORE_CREATE, &st) != STORE_OK)
		_exit(2);
	for (;;) {
		batch(st);
		if (random() % 10 == 0 && store_tidy(st) == -1)
			_exit(8);
		if (random() % 10 == 0 && store_search_merge(st, 1) == -1)
			_exit(9);
		if (nmails + 10 > MAILS)
			_exit(10);
	}
}

/* Is the mail at least as far as was acknowledged? */
static void
verify(struct store_txn *txn, struct ack *a)
{
	struct store_mail	 m;
	struct store_row	 row;
	struct buf		 b;
	enum store_err		 e;

	e = store_mail_eid(txn, STORE_EID(a->id), &m);
	if (a->what == GONE || e == STORE_NOTFOUND) {
		assert_int_equal(e, STORE_NOTFOUND);
		/* gone though not acknowledged: by the batch that was cut */
		assert_true(a->what == GONE || ++slack <= BATCH);
		a->what = GONE;
		return;
	}
	assert_int_equal(e, STORE_OK);
	if (a->what >= FLAGGED)
		assert_true(store_mail_has(&m, STORE_KW_FLAGGED));
	if (a->what >= MOVED)
		assert_true(store_mail_in(&m, store_mailbox_role(txn,
		    STORE_ROLE_TRASH)));
	assert_int_equal(store_mail_row(txn, &m, &row), STORE_OK);
	buf_init(&b, 1 << 16);
	assert_int_equal(store_blob_get(txn, row.blob, 0, UINT64_MAX, &b),
	    STORE_OK);
	assert_non_null(memmem(b.data, b.len, body(a->n),
	    strlen(body(a->n))));
	buf_free(&b);
}

/* What a torn write may leave behind the last record. */
static void
spoil_tail(struct store *st)
{
	struct store_txn	*txn = help_begin(st, 0);
	char			 path[STORE_PATHMAX + 32], junk[3000];
	uint64_t		 off = txn->hot[HOT_SEGOFF];
	struct stat		 sb;
	int			 fd;

	memset(junk, 'J', sizeof(junk));
	if (txn->hot[HOT_SEG] != 0 && store_seg_path(st,
	    (uint32_t)txn->hot[HOT_SEG], path, sizeof(path)) == 0 &&
	    (fd = open(path, O_WRONLY)) != -1) {
		if (fstat(fd, &sb) == 0 &&
		    off + sizeof(junk) < (uint64_t)sb.st_size)
			assert_int_equal(pwrite(fd, junk, sizeof(junk),
			    (off_t)off), sizeof(junk));
		close(fd);
	}
	store_abort(txn);
}

/* Wait for one acknowledgement; 1, or 0 when there are no more. */
static int
first(void)
{
	struct ack	 a;

	if (read(ackfd[0], &a, sizeof(a)) != sizeof(a))
		return 0;
	assert_true(a.n < MAILS);
	acked[a.n] = a;
	if (a.n >= nmails)
		nmails = a.n + 1;
	nacks++;
	return 1;
}

static void
all_that_was_acknowledged_survives(void **state)
{
	const char		*r = getenv("ROUNDS"), *s = getenv("SEED");
	struct store_txn	*txn;
	struct store		*st;
	int			 round, status, rounds = r ? atoi(r) : 50;
	pid_t			 pid;
	uint32_t		 i;

	(void)state;
	srandom(s ? (unsigned)atoi(s) : 1);
	help_start(KV_META, 0);
	for (round = 0; round < rounds; round++) {
		assert_int_equal(pipe(ackfd), 0);
		if ((pid = fork()) == 0) {
			close(ackfd[0]);
			writer(round);
		}
		close(ackfd[1]);
#ifdef F_SETPIPE_SZ
		fcntl(ackfd[0], F_SETPIPE_SZ, 1 << 20);
#endif
		/* mostly when it is well under way, at times at its start */
		if (random() % 4 != 0)
			first();
		usleep((useconds_t)(random() % 60000));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));	/* it never gave up */
		while (first())
			;
		close(ackfd[0]);
		conf(round + 1);
		if (store_open("crash", 0, &st) != STORE_OK)
			continue;	/* killed before there was anything */
		assert_int_equal(store_check(st, 0, help_say, NULL), 0);
		txn = help_begin(st, 0);
		slack = 0;
		for (i = 0; i < nmails; i++)
			if (acked[i].what != NONE)
				verify(txn, &acked[i]);
		store_abort(txn);
		spoil_tail(st);
		store_close(st);
		store_shutdown();
	}
	print_message("%u mails, %u operations acknowledged\n", nmails,
	    nacks);
	assert_true(nmails > (uint32_t)rounds);
	help_stop();
}

/* A worker among others: everything a worker does, for a while. */
static void
worker(int n, int nolock, unsigned ms)
{
	struct store_query	 q;
	struct store_txn	*txn;
	struct store_ids	 ids = { 0 };
	struct store_mail	 m;
	struct store		*st;
	int64_t			 end = date_mono() + ms;
	size_t			 i;

	conf(nolock);
	srandom((unsigned)n);
	nmails = 0;
	memset(&q, 0, sizeof(q));
	if (store_open("shared", STORE_CREATE, &st) != STORE_OK)
		_exit(2);
	while (date_mono() < end && nmails < MAILS - 10) {
		if (n > 0)
			batch(st);
		if (random() % 8 == 0 && store_tidy(st) == -1)
			_exit(8);
		if (random() % 16 == 0 && store_search_merge(st, 1) == -1)
			_exit(9);
		if (store_begin(st, 0, &txn) != STORE_OK)
			_exit(11);
		q.collapse = random() % 2;
		ids.n = 0;
		if (store_query(txn, &q, 0, 50, &ids, NULL) != STORE_OK)
			_exit(12);
		for (i = 0; i < ids.n; i++)
			if (store_mail_get(txn, ids.v[i], &m) != STORE_OK)
				_exit(13);
		store_abort(txn);
	}
	store_close(st);
	store_shutdown();
	_exit(0);
}

static void
several_workers_share_an_account(void **state)
{
	struct store_txn	*txn;
	struct store		*st;
	pid_t			 pid[4];
	uint64_t		 mails, bytes;
	int			 nolock, i, status;

	(void)state;
	for (nolock = 0; nolock < 2; nolock++) {
		help_start(KV_META, 0);
		assert_int_not_equal(ackfd[1] = open("/dev/null", O_WRONLY),
		    -1);
		for (i = 0; i < 4; i++)
			if ((pid[i] = fork()) == 0)
				worker(i, nolock, 700);
		for (i = 0; i < 4; i++) {
			waitpid(pid[i], &status, 0);
			assert_int_equal(status, 0);
		}
		close(ackfd[1]);
		conf(nolock);
		assert_int_equal(store_open("shared", 0, &st), STORE_OK);
		assert_int_equal(store_check(st, 0, help_say, NULL), 0);
		txn = help_begin(st, 0);
		store_usage(txn, &mails, &bytes);
		assert_true(mails > 0);
		store_abort(txn);
		store_close(st);
		help_stop();
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(all_that_was_acknowledged_survives),
		cmocka_unit_test(several_workers_share_an_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
