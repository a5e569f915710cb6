/* SPDX-License-Identifier: ISC */
/*
 * Email/query by text without a socket, through jmap_api: the mails of a
 * folder (regress/corpus has 6,046 real ones) and others made of their
 * lines, until there are enough.  Prints the size of the index against the
 * text that went into it, and the processor time a query takes, for several
 * kinds of question, each word once, so that no answer comes from a cache.
 * issue 4: median under 1 ms, index at most 40 % of the text.
 *
 *	b_search [mails [folder]]
 */
#include "common/compat.h"

#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/date.h"
#include "worker/jmap/email_row.h"
#include "worker/jmap/jmap.h"
#include "worker/mime/mime.h"
#include "worker/store/store_int.h"
#include "worker/store/store_search.h"

#define BATCH	250		/* deliveries a commit */
#define LINES	400000		/* of real mail that others are made of */
#define QUERIES	150		/* of a kind */

struct line {
	size_t	 at, len;
};

static struct jmap_user	 user = { .name = "big", .account = "big",
			    .caps = JMAP_CAP_CORE | JMAP_CAP_MAIL };
static uint32_t		 inbox;
static uint64_t		 text_bytes, mails;
static struct buf	 lines;			/* of real bodies */
static struct line	 line[LINES];
static size_t		 nlines;

static double
cpu(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static unsigned
rnd(size_t n)
{
	return (unsigned)((size_t)random() % (n == 0 ? 1 : n));
}

/* --- mail ---------------------------------------------------------------- */

/* A text that is indexed: counted, and bodies kept line by line. */
static int
count(void *arg, const struct store_text *t, size_t n, struct slice language)
{
	const char	*p, *end, *eol;
	size_t		 i;

	(void)language;
	for (i = 0; i < n; i++) {
		if (t[i].in & STORE_IN_HEADER)
			continue;
		text_bytes += t[i].text.n;
		if (arg == NULL || t[i].in != STORE_IN_BODY)
			continue;
		p = t[i].text.p;
		for (end = p + t[i].text.n; p < end && nlines < LINES;
		    p = eol + 1) {
			eol = memchr(p, '\n', (size_t)(end - p));
			if (eol == NULL)
				eol = end;
			if (eol - p > 20 && eol - p < 200) {
				line[nlines].at = lines.len;
				line[nlines++].len = (size_t)(eol - p);
				buf_add(&lines, p, (size_t)(eol - p));
			}
		}
	}
	return 0;
}

static void
deliver(struct store_txn *txn, const void *raw, size_t len, int real)
{
	struct store_newmail	 m;
	struct arena		 a;
	uint64_t		 id, tid;

	memset(&m, 0, sizeof(m));
	arena_init(&a, EMAIL_ROW_ARENA);
	m.received = INT64_C(1400000000000) + (int64_t)mails++ * 60000;
	m.mailbox = &inbox;
	m.nmailbox = 1;
	if (email_row_add(txn, &a, raw, len, &m, &id, &tid) != STORE_OK)
		errx(1, "email_row_add");
	arena_free(&a);
	if (email_index(raw, len, count, real ? &lines : NULL) == -1)
		errx(1, "email_index");
}

static void
commit(struct store_txn **txn)
{
	if (*txn != NULL && store_commit(*txn) != STORE_OK)
		errx(1, "commit");
	while (store_search_merge(user.store, 0) == 1)
		;
	if (store_begin(user.store, 1, txn) != STORE_OK)
		errx(1, "begin");
}

static void
deliver_dir(struct store_txn **txn, const char *path, size_t max)
{
	struct dirent	*d;
	struct buf	 b;
	char		 name[1200];
	FILE		*f;
	DIR		*dir;
	size_t		 n;

	if ((dir = opendir(path)) == NULL)
		err(1, "%s", path);
	buf_init(&b, 64 << 20);
	while ((d = readdir(dir)) != NULL && mails < max) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, d->d_name);
		if ((f = fopen(name, "r")) == NULL)
			err(1, "%s", name);
		buf_reset(&b);
		while ((n = fread(buf_reserve(&b, 65536), 1, 65536, f)) > 0)
			buf_commit(&b, n);
		fclose(f);
		deliver(*txn, b.data, b.len, 1);
		if (mails % BATCH == 0)
			commit(txn);
	}
	closedir(dir);
	buf_free(&b);
}

/* Without real mail: words of a made-up language, rare ones rare. */
static void
make_lines(void)
{
	static const char	 v[] = "aeiou", c[] = "bdfgklmnprstvz";
	unsigned		 w, i;

	while (nlines < 20000) {
		line[nlines].at = lines.len;
		for (w = 0; w < 10; w++) {
			i = rnd(20000) * (size_t)rnd(20000) / 20000;
			for (i = i * 2654435761U % 100000000 + 7; i > 0;
			    i /= 70)
				buf_addf(&lines, "%c%c", c[i % 14],
				    v[i / 14 % 5]);
			buf_addc(&lines, ' ');
		}
		line[nlines].len = lines.len - line[nlines].at;
		nlines++;
	}
}

/* A word of the lines, for a subject. */
static size_t
a_word(char *out)
{
	const struct line	*l = &line[rnd(nlines)];
	const char		*p = (char *)lines.data + l->at;
	size_t			 i, n = 0;

	for (i = rnd(l->len); i < l->len && p[i] != ' '; i++)
		;
	for (; i < l->len && n < 20 && (p[i] != ' ' || n == 0); i++)
		if ((p[i] >= 'a' && p[i] <= 'z') ||
		    (p[i] >= 'A' && p[i] <= 'Z'))
			out[n++] = p[i];
	out[n] = '\0';
	return n;
}

static void
deliver_made(struct store_txn *txn)
{
	struct buf	 b;
	char		 w[3][32];
	unsigned	 i, n = 5 + rnd(60), who = rnd(900);

	buf_init(&b, 1 << 20);
	a_word(w[0]);
	a_word(w[1]);
	a_word(w[2]);
	buf_addf(&b, "From: Person %u <p%u@host%u.example>\r\n"
	    "To: big@example.org\r\nSubject: %s %s %s\r\n"
	    "Message-ID: <%llx.%u@host%u.example>\r\n\r\n", who, who,
	    who % 40, w[0], w[1], w[2], (unsigned long long)mails * 7919,
	    rnd(100000), who % 40);
	for (i = 0; i < n; i++) {
		const struct line	*l = &line[rnd(nlines)];

		buf_add(&b, lines.data + l->at, l->len);
		buf_adds(&b, "\r\n");
	}
	deliver(txn, b.data, b.len, 0);
	buf_free(&b);
}

/* --- size ---------------------------------------------------------------- */

/* Of the runs; files they came from stay a minute, and are not counted. */
static uint64_t
index_bytes(void)
{
	struct store_manifest	 m;
	struct store_txn	*txn;
	uint64_t		 n = 0;
	size_t			 i;

	if (store_begin(user.store, 0, &txn) != STORE_OK ||
	    store_runs_load(txn, &m) != STORE_OK)
		errx(1, "runs");
	store_abort(txn);
	for (i = 0; i < m.n; i++)
		n += m.v[i].bytes;
	return n;
}

static void
show_size(const char *what)
{
	uint64_t	 n;
	int		 r;

	while ((r = store_search_merge(user.store, 1)) == 1)
		;
	if (r == -1)
		errx(1, "merge");
	n = index_bytes();
	printf("index\t%s: %llu mails, %.1f MB of text, %.1f MB of index, "
	    "%.1f %%\n", what, (unsigned long long)mails,
	    (double)text_bytes / 1e6, (double)n / 1e6,
	    (double)n * 100 / (double)text_bytes);
}

/* --- questions ----------------------------------------------------------- */

static int
cmp(const void *a, const void *b)
{
	double	 x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double	 all[QUERIES * 16];
static size_t	 nall;

static double
ask(const char *cond, size_t *found)
{
	static const char	 head[] = "{\"using\":["
	    "\"urn:ietf:params:jmap:core\",\"urn:ietf:params:jmap:mail\"],"
	    "\"methodCalls\":[[\"Email/query\",{\"accountId\":\"big\","
	    "\"sort\":[{\"property\":\"receivedAt\",\"isAscending\":false}],"
	    "\"limit\":30,\"filter\":{";
	struct jmap_env		 env = { .limits = &jmap_api_limits,
				    .url = "https://localhost" };
	const char		*detail, *p;
	struct buf		 out;
	char			 req[2048];
	double			 t;

	snprintf(req, sizeof(req), "%s%s}},\"0\"]]}", head, cond);
	buf_init(&out, 1 << 20);
	t = cpu();
	if (jmap_api(&env, &user, req, strlen(req), 0, &out, &detail) != NULL)
		errx(1, "jmap_api");
	t = cpu() - t;
	if (strstr(buf_str(&out), "\"error\"") != NULL)
		errx(1, "%s: %s", cond, buf_str(&out));
	for (p = buf_str(&out), *found = 0; (p = strstr(p, "\"E")) != NULL;
	    p++)
		*found += p[2] != 'm';
	buf_free(&out);
	return t;
}

static void
kind(const char *name, void (*make)(char *, size_t))
{
	double	 t[QUERIES];
	char	 cond[512];
	size_t	 i, n, some = 0;

	for (i = 0; i < QUERIES; i++) {
		make(cond, sizeof(cond));
		all[nall++] = t[i] = ask(cond, &n);
		some += n > 0;
	}
	qsort(t, QUERIES, sizeof(*t), cmp);
	printf("%s\t%.0f us median, %.0f us 9 of 10, %.0f us slowest; %zu of "
	    "%d found something\n", name, t[QUERIES / 2], t[QUERIES * 9 / 10],
	    t[QUERIES - 1], some, QUERIES);
}

static void
long_word(char *w)
{
	while (a_word(w) < 4)
		;
}

static void
one_word(char *out, size_t n)
{
	char	 w[32];

	long_word(w);
	snprintf(out, n, "\"text\":\"%s\"", w);
}

static void
two_words(char *out, size_t n)
{
	char	 w[2][32];

	long_word(w[0]);
	long_word(w[1]);
	snprintf(out, n, "\"text\":\"%s %s\"", w[0], w[1]);
}

static void
in_subject(char *out, size_t n)
{
	char	 w[32];

	long_word(w);
	snprintf(out, n, "\"subject\":\"%s\"", w);
}

static void
from_person(char *out, size_t n)
{
	unsigned	 who = rnd(900);

	snprintf(out, n, "\"from\":\"p%u@host%u.example\"", who, who % 40);
}

static void
a_prefix(char *out, size_t n)
{
	char	 w[32];

	long_word(w);
	snprintf(out, n, "\"text\":\"%.4s*\"", w);
}

/* Two words as they stand in a line. */
static void
a_phrase(char *out, size_t n)
{
	const struct line	*l;
	const char		*p;
	char			 w[64];
	size_t			 i, k, words;

	for (;;) {
		l = &line[rnd(nlines)];
		p = (char *)lines.data + l->at;
		for (i = k = words = 0; i < l->len && k < 40; i++) {
			if (p[i] == ' ' && ++words == 3)
				break;
			if (p[i] != ' ' && !(p[i] >= 'a' && p[i] <= 'z'))
				break;
			w[k++] = p[i];
		}
		w[k] = '\0';
		if (words == 3 && k > 10 && strstr(w, "  ") == NULL &&
		    w[0] != ' ')
			break;
	}
	snprintf(out, n, "\"text\":\"\\\"%s\\\"\"", w);
}

static void
by_message_id(char *out, size_t n)
{
	unsigned	 i = 1 + rnd(mails);

	snprintf(out, n, "\"header\":[\"Message-ID\",\"<%llx.\"]",
	    (unsigned long long)i * 7919);
}

int
main(int argc, char *argv[])
{
	struct store_conf	 conf;
	struct store_txn	*txn = NULL;
	char			 dir[] = "/tmp/search-bench.XXXXXX", cmd[64];
	size_t			 n = argc > 1 ? (size_t)atol(argv[1]) : 50000;
	double			 t;

	mime_charset_init();
	if (mkdtemp(dir) == NULL)
		err(1, "mkdtemp");
	store_conf_init(&conf);
	strlcpy(conf.dir, dir, sizeof(conf.dir));
	conf.sync = KV_OFF;
	conf.texts = email_index;
	store_init(&conf);
	buf_init(&lines, SIZE_MAX);
	srandom(1);
	if (store_open("big", STORE_CREATE, &user.store) != STORE_OK)
		errx(1, "store_open");
	commit(&txn);
	inbox = store_mailbox_role(txn, STORE_ROLE_INBOX);
	t = cpu();
	if (argc > 2) {
		deliver_dir(&txn, argv[2], n);
		commit(&txn);
		store_abort(txn);
		show_size("real");
		if (store_begin(user.store, 1, &txn) != STORE_OK)
			errx(1, "begin");
	}
	if (nlines == 0)
		make_lines();
	while (mails < n) {
		deliver_made(txn);
		if (mails % BATCH == 0)
			commit(&txn);
	}
	commit(&txn);
	store_abort(txn);
	printf("deliver\t%.1f us a mail, with its index\n", (cpu() - t) /
	    (double)mails);
	show_size("all");
	kind("word", one_word);
	kind("words", two_words);
	kind("subject", in_subject);
	kind("from", from_person);
	kind("prefix", a_prefix);
	kind("phrase", a_phrase);
	kind("header", by_message_id);
	qsort(all, nall, sizeof(*all), cmp);
	printf("search\t%.0f us median of %zu queries on %llu mails\n",
	    all[nall / 2], nall, (unsigned long long)mails);
	store_close(user.store);
	store_shutdown();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) != 0;
}
