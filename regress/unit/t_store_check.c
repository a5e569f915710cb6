/* SPDX-License-Identifier: ISC */
/*
 * store_check finds a difference of every class that is injected into a
 * store behind its back, and repairs those that follow from the mails.
 */
#include "common/compat.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/store_help.h"
#include "worker/store/store_int.h"

static struct store	*st;
static uint32_t		 inbox, trash;
static char		 last[512];	/* line of the check */

/* A raw transaction on the account's rows. */
static struct kv	*raw;
static struct kv_txn	*txn;

static void
raw_open(void)
{
	char	 path[128];

	store_close(st);
	store_shutdown();
	snprintf(path, sizeof(path), "%s/victim", help_dir);
	raw = kv_open(path, 0, KV_OFF);
	assert_non_null(raw);
	assert_int_equal(kv_begin(raw, 1, &txn), 0);
}

static void
raw_close(void)
{
	assert_int_equal(kv_commit(txn), 0);
	kv_close(raw);
	st = help_open("victim");
}

static int
setup(void **state)
{
	struct help_mail	 m = { "subject", "1@x", "body text", "", { 0 },
				    1000 };
	struct store_txn	*t;
	uint64_t		 id, tid;
	uint8_t			 hash[32];

	(void)state;
	help_start(KV_OFF, 0);
	st = help_open("victim");
	t = help_begin(st, 1);
	inbox = store_mailbox_role(t, STORE_ROLE_INBOX);
	trash = store_mailbox_role(t, STORE_ROLE_TRASH);
	m.box[0] = inbox;
	m.kw = "$flagged custom";
	assert_int_equal(help_add(t, &m, &id, &tid), STORE_OK);	/* eid 1 */
	m.refs = "2@x 1@x";
	m.kw = "$seen";
	m.received = 2000;
	m.body = "another body";
	assert_int_equal(help_add(t, &m, &id, &tid), STORE_OK);	/* eid 2 */
	m.refs = "3@x";
	m.received = 3000;
	m.body = "a third";
	assert_int_equal(help_add(t, &m, &id, &tid), STORE_OK);	/* eid 3 */
	assert_int_equal(store_mail_destroy(t, id), STORE_OK);
	assert_int_equal(store_blob_put(t, "upload", 6, hash), STORE_OK);
	help_commit(t);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
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

static void
note(void *arg, const char *line)
{
	(void)arg;
	strlcpy(last, line, sizeof(last));
}

/* --- injections ---------------------------------------------------------- */

static void
del(const struct store_key *k)
{
	assert_int_equal(kv_del(txn, k->b, k->n), 1);
}

/* Change one byte of a value. */
static void
spoil(const struct store_key *k, size_t at)
{
	struct slice	 v;
	uint8_t		 b[8192];

	assert_int_equal(kv_get(txn, k->b, k->n, &v), 1);
	assert_true(at < v.n && v.n <= sizeof(b));
	memcpy(b, v.p, v.n);
	b[at] ^= 0x05;
	assert_int_equal(kv_put(txn, k->b, k->n, b, v.n), 0);
}

/* Put the value of one row under another key. */
static void
copy(const struct store_key *from, const struct store_key *to)
{
	struct slice	 v;
	uint8_t		 b[8192];

	assert_int_equal(kv_get(txn, from->b, from->n, &v), 1);
	memcpy(b, v.p, v.n);
	assert_int_equal(kv_put(txn, to->b, to->n, b, v.n), 0);
}

static void
first_of(int space, struct store_key *k)
{
	struct slice	 key, v;
	uint8_t		 c = (uint8_t)space;

	assert_int_equal(kv_after(txn, &c, 1, &key, &v), 1);
	assert_int_equal(*(const uint8_t *)key.p, space);
	memcpy(k->b, key.p, k->n = key.n);
}

static void
a_counter(struct store_key *k)
{
	store_key_u32(k, 'B', inbox);
	spoil(k, 15);
}

static void
b_unread_threads(struct store_key *k)
{
	store_key_u32(k, 'B', inbox);
	spoil(k, 27);
}

static void
m_missing(struct store_key *k)
{
	store_key_list(k, 'M', inbox, 1000, 1);
	del(k);
}

static void
m_all_missing(struct store_key *k)
{
	store_key_list(k, 'M', 0, 2000, 2);
	del(k);
}

static void
m_differs(struct store_key *k)
{
	store_key_list(k, 'M', inbox, 1000, 1);
	spoil(k, 7);
}

static void
m_stray(struct store_key *k)
{
	struct store_key	 from;

	store_key_list(&from, 'M', inbox, 1000, 1);
	store_key_list(k, 'M', trash, 1000, 1);
	copy(&from, k);
}

static void
k_missing(struct store_key *k)
{
	store_key_keyword(k, STORE_KW_FLAGGED, 1000, 1);
	del(k);
}

static void
k_stray(struct store_key *k)
{
	struct store_key	 from;

	store_key_keyword(&from, STORE_KW_FLAGGED, 1000, 1);
	store_key_keyword(k, STORE_KW_FLAGGED, 2000, 2);
	copy(&from, k);
}

static void
k_unseen_stray(struct store_key *k)
{
	struct store_key	 from;

	store_key_keyword(&from, STORE_SLOT_UNSEEN, 1000, 1);
	store_key_keyword(k, STORE_SLOT_UNSEEN, 2000, 2);
	copy(&from, k);
}

static void
t_missing(struct store_key *k)
{
	store_key_thread(k, 1, 2000, 2);
	del(k);
}

static void
t_differs(struct store_key *k)
{
	store_key_thread(k, 1, 2000, 2);
	spoil(k, 9);
}

static void
t_stray(struct store_key *k)
{
	struct store_key	 from;

	store_key_thread(&from, 1, 2000, 2);
	store_key_thread(k, 9, 2000, 2);
	copy(&from, k);
}

static void
h_missing(struct store_key *k)
{
	store_key_u64(k, 'H', 1);
	del(k);
}

static void
h_differs(struct store_key *k)
{
	store_key_u64(k, 'H', 1);
	spoil(k, 3);
}

static void
h_stray(struct store_key *k)
{
	struct store_key	 from;

	store_key_u64(&from, 'H', 1);
	store_key_u64(k, 'H', 9);
	copy(&from, k);
}

static void
i_missing(struct store_key *k)
{
	first_of('I', k);
	del(k);
}

static void
i_differs(struct store_key *k)
{
	first_of('I', k);
	spoil(k, 11);
}

static void
i_stray(struct store_key *k)
{
	struct store_key	 from;

	first_of('I', &from);
	store_key_msgid(k, 12345, 678);
	copy(&from, k);
}

/* The numbers of the hot record lie behind a head of 4 bytes. */
static void
hot(struct store_key *k, enum store_hot i)
{
	store_key_space(k, 'A');
	spoil(k, 4 + 8 * (size_t)i + 7);
}

static void hot_mails(struct store_key *k) { hot(k, HOT_MAILS); }
static void hot_bytes(struct store_key *k) { hot(k, HOT_BYTES); }
static void hot_threads(struct store_key *k) { hot(k, HOT_THREADS); }
static void hot_pending(struct store_key *k) { hot(k, HOT_PENDING); }
static void hot_live(struct store_key *k) { hot(k, HOT_SEGLIVE); }
static void hot_blobs(struct store_key *k) { hot(k, HOT_BLOBBYTES); }

static void
hot_eid(struct store_key *k)
{
	uint8_t		 b[8192];
	struct slice	 v;

	store_key_space(k, 'A');
	assert_int_equal(kv_get(txn, k->b, k->n, &v), 1);
	memcpy(b, v.p, v.n);
	store_put64(b + 4 + 8 * HOT_EID, 2);
	assert_int_equal(kv_put(txn, k->b, k->n, b, v.n), 0);
}

static void
g_refs(struct store_key *k)
{
	first_of('G', k);
	spoil(k, 7);
}

static void
g_missing(struct store_key *k)
{
	struct store_key	 e;
	struct slice		 v;

	store_key_u64(&e, 'E', 1);
	assert_int_equal(kv_get(txn, e.b, e.n, &v), 1);
	store_key_blob(k, 'G', (const uint8_t *)v.p + 2);
	del(k);
}

static void
x_missing(struct store_key *k)
{
	first_of('X', k);
	del(k);
}

static void
x_stray(struct store_key *k)
{
	uint8_t	 hash[32] = { 1, 2, 3 };

	store_key_expiry(k, 99, hash);
	assert_int_equal(kv_put(txn, k->b, k->n, "", 0), 0);
}

static void
v_stray(struct store_key *k)
{
	store_key_u32(k, 'V', 77);
	assert_int_equal(kv_put(txn, k->b, k->n, "12345678abcdefgh00000000",
	    24), 0);
}

static void
f_stray(struct store_key *k)
{
	struct store_key	 from;

	store_key_u64(&from, 'F', 1);
	store_key_u64(k, 'F', 77);
	copy(&from, k);
}

static void
tomb_stray(struct store_key *k)
{
	struct store_key	 from;

	store_key_list(&from, 'M', inbox, 1000, 1);
	store_key_list(k, 'm', inbox, 1000, 1);
	store_key_add64(k, 99999);
	copy(&from, k);
}

static void
e_damaged(struct store_key *k)
{
	store_key_u64(k, 'E', 1);
	spoil(k, 80);
}

static void
e_missing(struct store_key *k)
{
	store_key_u64(k, 'E', 1);
	del(k);
}

static void
p_missing(struct store_key *k)
{
	store_key_u64(k, 'P', 2);
	del(k);
}

static void
s_damaged(struct store_key *k)
{
	store_key_u64(k, 'S', 1);
	spoil(k, 81);
}

static void
s_unknown_mailbox(struct store_key *k)
{
	store_key_u64(k, 'S', 1);
	spoil(k, 84);
}

static void
d_differs(struct store_key *k)
{
	first_of('d', k);
	spoil(k, 0);
}

static void
l_damaged(struct store_key *k)
{
	first_of('L', k);
	assert_int_equal(kv_put(txn, k->b, k->n, "x", 1), 0);
}

static void
blob_damaged(struct store_key *k)
{
	char	 path[128];
	uint8_t	 c;
	int	 fd;

	store_key_space(k, 'A');
	snprintf(path, sizeof(path), "%s/victim/blob/00000001.seg", help_dir);
	assert_true((fd = open(path, O_RDWR)) != -1);
	assert_int_equal(pread(fd, &c, 1, 75), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, 75), 1);
	close(fd);
}

static const struct {
	const char	*name;
	void		(*inject)(struct store_key *);
	int		 mends;
	const char	*says;		/* in one of the lines */
} rows[] = {
	{ "counter",		a_counter,	1, "counts" },
	{ "unread threads",	b_unread_threads, 1, "counts" },
	{ "M missing",		m_missing,	1, "mailbox row missing" },
	{ "M of all missing",	m_all_missing,	1, "all mail row missing" },
	{ "M differs",		m_differs,	1, "mailbox row differs" },
	{ "M stray",		m_stray,	1, "stray" },
	{ "K missing",		k_missing,	1, "keyword row missing" },
	{ "K stray",		k_stray,	1, "stray" },
	{ "K unseen stray",	k_unseen_stray,	1, "stray" },
	{ "T missing",		t_missing,	1, "thread row missing" },
	{ "T differs",		t_differs,	1, "thread row differs" },
	{ "T stray",		t_stray,	1, "stray" },
	{ "H missing",		h_missing,	1, "head missing" },
	{ "H differs",		h_differs,	1, "head differs" },
	{ "H stray",		h_stray,	1, "head is stray" },
	{ "I missing",		i_missing,	1, "missing" },
	{ "I differs",		i_differs,	1, "differs" },
	{ "I stray",		i_stray,	1, "stray" },
	{ "mails",		hot_mails,	1, "mails" },
	{ "bytes",		hot_bytes,	1, "bytes" },
	{ "threads",		hot_threads,	1, "threads" },
	{ "pending",		hot_pending,	1, "search" },
	{ "blob bytes",		hot_blobs,	1, "blob bytes" },
	{ "next mail",		hot_eid,	1, "next mail" },
	{ "G refs",		g_refs,		1, "counted" },
	{ "X missing",		x_missing,	1, "expiry" },
	{ "X stray",		x_stray,	1, "expiry row" },
	{ "V differs",		v_stray,	1, "segment" },
	{ "newest segment",	hot_live,	1, "newest segment" },
	{ "F stray",		f_stray,	1, "search" },
	{ "tombstone",		tomb_stray,	1, "tombstone" },
	{ "G missing",		g_missing,	0, "missing" },
	{ "E damaged",		e_damaged,	0, "row E damaged" },
	{ "E missing",		e_missing,	0, "row E missing" },
	{ "P missing",		p_missing,	0, "row P missing" },
	{ "S damaged",		s_damaged,	0, "mail state" },
	{ "S mailbox",		s_unknown_mailbox, 0, "unknown mailbox" },
	{ "keyword",		d_differs,	0, "keywords" },
	{ "log",		l_damaged,	0, "log" },
	{ "blob",		blob_damaged,	0, "unreadable" },
};

struct lines {
	const char	*want;
	int		 found;
};

static void
look(void *arg, const char *line)
{
	struct lines	*l = arg;

	note(NULL, line);
	if (strstr(line, l->want) != NULL)
		l->found = 1;
}

static void
each_class_is_found_and_mended(void **state)
{
	struct store_key	 k;
	struct lines		 l;
	int64_t			 n;
	size_t			 i;

	for (i = 0; i < nitems(rows); i++) {
		setup(state);
		raw_open();
		rows[i].inject(&k);
		raw_close();
		l.want = rows[i].says;
		l.found = 0;
		n = store_check(st, 0, look, &l);
		if (n < 1 || !l.found)
			fail_msg("%s: %lld differences, last \"%s\"",
			    rows[i].name, (long long)n, last);
		if (rows[i].mends) {
			assert_true(store_check(st, 1, note, NULL) >= 1);
			n = store_check(st, 0, note, NULL);
			if (n != 0)
				fail_msg("%s: not mended, \"%s\"",
				    rows[i].name, last);
		} else	/* repairing must not lose what is left */
			assert_true(store_check(st, 1, note, NULL) >= 1);
		teardown(state);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(each_class_is_found_and_mended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
