/* SPDX-License-Identifier: ISC */
/*
 * What the store's calls cost, in CPU time, on accounts of 500 and 50,000
 * mails (or the sizes given as arguments).  Built by make bench.
 */
#include "common/compat.h"

#include <time.h>

#include "regress/unit/store_help.h"
#include "worker/store/store_query.h"
#include "worker/store/store_search.h"

#define WORDS	2000

static char		 words[WORDS][12];
static struct store	*st;
static uint32_t		 inbox, archive;
static uint64_t		 made;		/* mails, for subjects and ids */

static double
seconds(clockid_t c)
{
	struct timespec	 t;

	clock_gettime(c, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double	cpu0, wall0;

static void
begin(void)
{
	cpu0 = seconds(CLOCK_PROCESS_CPUTIME_ID);
	wall0 = seconds(CLOCK_MONOTONIC);
}

static void
end(const char *what, long n)
{
	double	 cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu0;
	double	 wall = seconds(CLOCK_MONOTONIC) - wall0;

	printf("  %-44s %9.2f us CPU %10.0f /s\n", what, cpu / (double)n * 1e6,
	    (double)n / wall);
}

static unsigned
rnd(unsigned n)
{
	return (unsigned)(random() >> 3) % n;
}

/* Rare words are rare: the square leans to the front. */
static size_t
text(char *out, size_t max, unsigned n)
{
	size_t	 len = 0;

	while (n-- > 0 && len + 16 < max)
		len += (size_t)snprintf(out + len, max - len, "%s ",
		    words[rnd(WORDS) * (size_t)rnd(WORDS) / WORDS]);
	return len;
}

/* A mail as large as most: 3 KB, 550 bytes of list row, 3 in a thread. */
static uint64_t
deliver(struct store_txn *txn)
{
	struct store_newmail	 nm;
	struct store_text	 t[3];
	struct slice		 refs[3], kw = SLICE_STR("$seen");
	static char		 raw[16384], id[3][40], subject[64], prev[260];
	size_t			 n, i;
	uint64_t		 mail, tid;

	memset(&nm, 0, sizeof(nm));
	made++;
	snprintf(subject, sizeof(subject), "subject of thread %llu",
	    (unsigned long long)(made / 3));
	n = (size_t)snprintf(raw, sizeof(raw), "From: \"Somebody\" <some%u@"
	    "example.com>\r\nTo: me@example.org\r\nSubject: %s\r\n"
	    "Message-ID: <%llu@example.com>\r\n\r\n", rnd(500), subject,
	    (unsigned long long)made);
	n += text(raw + n, sizeof(raw) - n, 400);
	memcpy(prev, raw + 120, 256);
	if (store_blob_put(txn, raw, n, nm.blob) != STORE_OK)
		abort();
	nm.received = INT64_C(1700000000000) + (int64_t)made * 60000;
	nm.sent = nm.received - 5000;
	nm.size = (uint32_t)n;
	nm.mailbox = made % 10 == 0 ? &archive : &inbox;
	nm.nmailbox = 1;
	nm.keyword = &kw;
	nm.nkeyword = made % 21 != 0;
	for (i = 0; i < 3 && i <= made % 3; i++) {
		snprintf(id[i], sizeof(id[i]), "%llu@example.com",
		    (unsigned long long)(made - i));
		refs[i] = SLICE_STR(id[i]);
	}
	nm.msgid = refs;
	nm.nmsgid = i;
	nm.subject = SLICE_STR(subject);
	for (i = 0; i < STORE_F_MAX; i++)
		nm.frag[i] = SLICE(prev, i == STORE_F_PREVIEW ? 256 : 16);
	nm.frag[STORE_F_SUBJECT] = SLICE_STR(subject);
	nm.frag[STORE_F_SORTSUBJECT] = SLICE_STR(subject);
	nm.structure = SLICE(prev, 200);
	t[0].in = STORE_IN_FROM;
	t[0].text = SLICE(raw + 6, 40);
	t[1].in = STORE_IN_SUBJECT;
	t[1].text = nm.subject;
	t[2].in = STORE_IN_BODY;
	t[2].text = SLICE(raw + 120, n - 120);
	nm.text = t;
	nm.ntext = 3;
	if (store_mail_add(txn, &nm, &mail, &tid) != STORE_OK)
		abort();
	return mail;
}

static void
fill(long n)
{
	struct store_txn	*txn;
	long			 i, j;

	begin();
	for (i = 0; i < n; i = j) {
		txn = help_begin(st, 1);
		for (j = i; j < n && j < i + 250; j++)
			deliver(txn);
		help_commit(txn);
	}
	end("delivery, 250 a commit", n);
	begin();
	while (store_search_merge(st, 1) == 1)
		;
	end("merge of their words into the index", n);
}

/* The list view: query 30, read their state and rows, copy the fragments. */
static void
list(const char *what, struct store_query *q, size_t pos, uint64_t *total)
{
	static uint8_t		 out[65536];
	struct store_ids	 ids = { 0 };
	struct store_txn	*txn;
	struct store_mail	 m;
	struct store_row	 row;
	size_t			 i, f, n;
	long			 r, rounds = 20000;
	double			 t = seconds(CLOCK_MONOTONIC);

	begin();
	for (r = 0; r < rounds && seconds(CLOCK_MONOTONIC) < t + 1; r++) {
		txn = help_begin(st, 0);
		ids.n = 0;
		if (store_query(txn, q, pos, 30, &ids, total) != STORE_OK)
			abort();
		for (n = i = 0; i < ids.n; i++) {
			if (store_mail_get(txn, ids.v[i], &m) != STORE_OK ||
			    store_mail_row(txn, &m, &row) != STORE_OK)
				abort();
			for (f = 0; f < STORE_F_MAX; f++) {
				memcpy(out + n, row.frag[f].p, row.frag[f].n);
				n += row.frag[f].n;
			}
		}
		store_abort(txn);
	}
	end(what, r);
	store_ids_free(&ids);
}

static void
reads(void)
{
	struct store_query	 q;
	struct store_txn	*txn;
	struct store_ids	 ids = { 0 };
	struct store_order	 o = { STORE_BY_SUBJECT, -1, 0 };
	uint64_t		 total;
	long			 r;

	memset(&q, 0, sizeof(q));
	q.mailbox = inbox;
	list("query 30 + get 30 rows", &q, 0, NULL);
	list("query 30 + get 30 rows, with total", &q, 0, &total);
	q.collapse = 1;
	list("query 30 + get 30 rows, collapsed, total", &q, 0, &total);
	list("the same at position 200", &q, 200, &total);
	q.none = STORE_BIT(STORE_KW_SEEN);
	list("unread, collapsed", &q, 0, NULL);
	list("unread, collapsed, total by scan", &q, 0, &total);
	memset(&q, 0, sizeof(q));
	begin();
	for (r = 0; r < 5; r++) {
		txn = help_begin(st, 0);
		ids.n = 0;
		if (store_query_sorted(txn, &q, &o, 1, &ids) != STORE_OK)
			abort();
		store_abort(txn);
	}
	end("whole account sorted by subject", r);
	store_ids_free(&ids);
}

static void
search(const char *what, const char *s)
{
	struct store_words	 w = { STORE_IN_ANY, { s, strlen(s) } };
	struct store_txn	*txn;
	struct store_ids	 ids = { 0 };
	char			 line[64];
	long			 r;
	int			 usable;

	begin();
	for (r = 0; r < 200; r++) {
		txn = help_begin(st, 0);
		ids.n = 0;
		if (store_search(txn, &w, 1, &ids, &usable) != STORE_OK)
			abort();
		store_abort(txn);
	}
	snprintf(line, sizeof(line), "search, %s (%zu mails)", what, ids.n);
	end(line, r);
	store_ids_free(&ids);
}

static void
writes(const char *mode, long n)
{
	struct store_mailmod	 mod;
	struct store_query	 q;
	struct store_ids	 ids = { 0 };
	struct store_txn	*txn;
	struct slice		 kw = SLICE_STR("$flagged");
	char			 line[64];
	size_t			 i;
	long			 r;

	memset(&q, 0, sizeof(q));
	q.mailbox = inbox;
	txn = help_begin(st, 0);
	store_query(txn, &q, 0, 200, &ids, NULL);
	store_abort(txn);
	memset(&mod, 0, sizeof(mod));
	begin();
	for (r = 0; r < n; r++) {
		mod.kw_add = mod.kw_del = &kw;
		i = (size_t)r % ids.n;
		mod.nkw_add = r / (long)ids.n % 2 == 0;
		mod.nkw_del = !mod.nkw_add;
		txn = help_begin(st, 1);
		if (store_mail_update(txn, ids.v[i], &mod) != STORE_OK)
			abort();
		help_commit(txn);
	}
	snprintf(line, sizeof(line), "keyword, one a commit, %s", mode);
	end(line, n);
	begin();
	for (r = 0; r < n; r++) {
		txn = help_begin(st, 1);
		deliver(txn);
		help_commit(txn);
	}
	snprintf(line, sizeof(line), "delivery, one a commit, %s", mode);
	end(line, n);
	store_ids_free(&ids);
}

static void
reopen(enum kv_sync sync)
{
	struct store_conf	 c;

	if (st != NULL)
		store_close(st);
	store_shutdown();
	store_conf_init(&c);
	strlcpy(c.dir, help_dir, sizeof(c.dir));
	c.sync = sync;
	store_init(&c);
	st = help_open("bench");
}

static void
run(long n)
{
	struct store_txn	*txn;
	long			 i;
	int64_t			 bad;

	printf("%ld mails\n", n);
	made = 0;
	st = NULL;
	help_start(KV_OFF, 0);
	reopen(KV_OFF);
	txn = help_begin(st, 0);
	inbox = store_mailbox_role(txn, STORE_ROLE_INBOX);
	archive = store_mailbox_role(txn, STORE_ROLE_ARCHIVE);
	store_abort(txn);
	fill(n);
	reads();
	search("rare word", words[WORDS - 3]);
	search("common word", words[1]);
	search("two words", "thread somebody");
	search("prefix", "sub*");
	begin();
	for (i = 0; i < 300; i++) {
		reopen(KV_OFF);
		store_abort(help_begin(st, 0));
	}
	end("close, open, first transaction", i);
	writes("unsynced", 3000);
	reopen(KV_META);
	writes("meta", 1000);
	reopen(KV_FULL);
	writes("full", 1000);
	begin();
	bad = store_check(st, 0, help_say, NULL);
	end("check of the whole account", 1);
	printf("  differences: %lld\n", (long long)bad);
	store_close(st);
	help_stop();
}

int
main(int argc, char **argv)
{
	size_t	 i, j;

	srandom(1);
	for (i = 0; i < WORDS; i++)
		for (j = 0; j < 3 + i % 8; j++)
			words[i][j] = (char)('a' + rnd(26));
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 1) {
		run(500);
		run(50000);
	}
	for (i = 1; i < (size_t)argc; i++)
		run(atol(argv[i]));
	return 0;
}
