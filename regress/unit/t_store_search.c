/* SPDX-License-Identifier: ISC */
/* worker/store: words, the waiting records and the posting blocks. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/store_lab.h"
#include "worker/store/store_int.h"
#include "worker/store/store_search.h"

/* Terms of a text, with spaces between. */
static const char *
terms(const char *text, int query)
{
	static char		 out[512];
	struct store_terms	 t;
	size_t			 i, n = 0;

	store_token_init(&t);
	assert_int_equal(store_token_add(&t, SLICE_STR(text), STORE_IN_BODY,
	    query), 0);
	for (i = 0; i < t.n; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.*s%s",
		    i == 0 ? "" : " ", t.v[i].len,
		    (const char *)store_token_bytes(&t, i),
		    t.v[i].prefix ? "*" : "");
	out[n] = '\0';
	store_token_free(&t);
	return out;
}

static const struct {
	const char	*text, *mail, *query;
} rows[] = {
	{ "", "", "" },
	{ "Hello, World! hello", "hello world", "hello world hello" },
	{ "bob@example.com", "bob bob@example.com example com",
	    "bob@example.com" },
	{ "<Bob.B@Ex.ORG>, x", "bob b bob.b@ex.org ex org x",
	    "bob.b@ex.org x" },
	{ "a@b c@", "a b c", "a b c" },		/* no domain */
	{ "bob@ex.co*", "bob bob@ex.co ex co", "bob@ex.co*" },
	{ "Donau\xc2\xad" "dampf", "donaudampf", "donaudampf" },
	/* Russian keeps its short i, loses the dots of yo */
	{ "\xd0\x81\xd0\xb6 \xd0\xb8\xcc\x86", "\xd0\xb5\xd0\xb6 \xd0\xb9",
	    "\xd0\xb5\xd0\xb6 \xd0\xb9" },
	/* Hindi keeps its vowels; half width kana with its mark apart */
	{ "\xe0\xa4\x95\xe0\xa4\xbf", "\xe0\xa4\x95\xe0\xa4\xbf",
	    "\xe0\xa4\x95\xe0\xa4\xbf" },
	{ "\xef\xbd\xb6\xef\xbe\x9e", "\xe3\x82\xac", "\xe3\x82\xac*" },
	{ "M\xc3\xbcller STRASSE stra\xc3\x9f" "e", "muller strasse",
	    "muller strasse strasse" },
	/* strokes, and letters of two */
	{ "\xc5\x81\xc3\xb3" "d\xc5\xba \xc3\x98rsted", "lodz orsted",
	    "lodz orsted" },
	{ "\xc5\x92uvre \xc3\x86r\xc3\xb8", "oeuvre aero",
	    "oeuvre aero" },
	{ "\xc3\x9e\xc3\xb3r\xc3\xb0ur", "thordur", "thordur" },
	{ "e\xcc\x81t\xc3\xa9", "ete", "ete" },	/* both ways to write it */
	{ "\xef\xbc\xa1\xef\xbc\xa2", "ab", "ab" },	/* full width */
	{ "\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82",
	    "\xcf\x83\xce\xb9\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x83",
	    "\xcf\x83\xce\xb9\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x83" },
	/* three Han letters: two pairs, and the last for its own sake */
	{ "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
	    "\xe6\x97\xa5\xe6\x9c\xac \xe6\x9c\xac\xe8\xaa\x9e \xe8\xaa\x9e",
	    "\xe6\x97\xa5\xe6\x9c\xac \xe6\x9c\xac\xe8\xaa\x9e" },
	{ "\xe6\x97\xa5", "\xe6\x97\xa5", "\xe6\x97\xa5*" },
	{ "a\xe6\x97\xa5" "b", "a \xe6\x97\xa5 b", "a \xe6\x97\xa5* b" },
	{ "inv* tail", "inv tail", "inv* tail" },
	{ "bro\xffken \xc3", "bro ken", "bro ken" },
	{ "--- !!! ...", "", "" },
	{ "x1y2 3.14", "x1y2 3 14", "x1y2 3 14" },
};

static void
words_are_cut_and_folded(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		assert_string_equal(terms(rows[i].text, 0), rows[i].mail);
		assert_string_equal(terms(rows[i].text, 1), rows[i].query);
	}
}

static void
long_and_many_words_are_bounded(void **state)
{
	static char		 big[3000000];
	struct store_terms	 t;
	size_t			 i;

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(strlen(terms("", 0)), 0);
	store_token_init(&t);
	assert_int_equal(store_token_add(&t, SLICE(big, sizeof(big)), 1, 0),
	    0);
	assert_int_equal(t.n, 1);
	assert_true(t.v[0].len <= 64);
	store_token_free(&t);
	for (i = 0; i + 8 < sizeof(big); i += 8)
		snprintf(big + i, 9, "%07zu ", i / 8);
	assert_int_equal(store_token_add(&t, SLICE(big, i), 1, 0), 0);
	assert_true(t.n > 1000 && t.n <= 100000);
	store_token_free(&t);
}

/* --- against a model ----------------------------------------------------- */

#define DOCS	700
#define VOCAB	60

static char	 vocab[VOCAB][8];
static unsigned	 has[DOCS][VOCAB];	/* mask of fields */
static uint64_t	 eids[DOCS];
static int	 dead[DOCS];

static unsigned
rnd(unsigned n)
{
	return (unsigned)(random() >> 4) % n;
}

static void
add_doc(struct store_txn *txn, int d)
{
	struct store_newmail	 nm;
	struct store_text	 text[3];
	static const unsigned	 in[3] = { STORE_IN_FROM, STORE_IN_SUBJECT,
	    STORE_IN_BODY };
	char			 s[3][512];
	uint32_t		 box = store_mailbox_role(txn,
				    STORE_ROLE_INBOX);
	uint64_t		 id, tid;
	int			 i, j, w;

	memset(&nm, 0, sizeof(nm));
	for (i = 0; i < 3; i++) {
		s[i][0] = '\0';
		for (j = 0; j < 4 + 8 * (i == 2); j++) {
			w = (int)(rnd(VOCAB) * rnd(VOCAB) / VOCAB);
			strlcat(s[i], vocab[w], sizeof(s[i]));
			strlcat(s[i], " ", sizeof(s[i]));
			has[d][w] |= in[i];
		}
		text[i].in = in[i];
		text[i].text = SLICE_STR(s[i]);
	}
	assert_int_equal(store_blob_put(txn, &d, sizeof(d), nm.blob),
	    STORE_OK);
	nm.mailbox = &box;
	nm.nmailbox = 1;
	nm.text = text;
	nm.ntext = 3;
	assert_int_equal(store_mail_add(txn, &nm, &id, &tid), STORE_OK);
	eids[d] = STORE_EID(id);
}

/* One random question, asked of both. */
static void
ask(struct store_txn *txn, int n)
{
	struct store_words	 w[2];
	struct store_ids	 ids = { 0 };
	char			 s[2][16];
	int			 word[2], prefix[2], d, i, j, usable, want;

	for (i = 0; i < 2; i++) {
		word[i] = (int)rnd(VOCAB);
		prefix[i] = rnd(3) == 0;
		snprintf(s[i], sizeof(s[i]), "%.*s%s", prefix[i] ? 2 : 8,
		    vocab[word[i]], prefix[i] ? "*" : "");
		w[i].in = rnd(2) ? STORE_IN_ANY : 1U << rnd(6);
		w[i].text = SLICE_STR(s[i]);
	}
	assert_int_equal(store_search(txn, w, 2, &ids, &usable), STORE_OK);
	assert_true(usable);
	for (d = 0; d < n; d++) {
		want = 1;
		for (i = 0; i < 2; i++) {
			unsigned	 in = 0;

			for (j = 0; j < VOCAB; j++)
				if (j == word[i] || (prefix[i] &&
				    memcmp(vocab[j], vocab[word[i]], 2) == 0))
					in |= has[d][j];
			want &= (in & w[i].in) != 0;
		}
		if (dead[d])		/* may, but need not be there */
			continue;
		assert_int_equal(store_ids_has(&ids, eids[d]), want);
	}
	for (i = 1; i < (int)ids.n; i++)
		assert_true(ids.v[i - 1] < ids.v[i]);
	store_ids_free(&ids);
}

static void
merged_or_waiting_every_mail_is_found(void **state)
{
	struct store_txn	*txn;
	struct store_mail	 m;
	int			 i, n = 0;

	(void)state;
	srandom(3);
	memset(has, 0, sizeof(has));
	memset(dead, 0, sizeof(dead));
	for (i = 0; i < VOCAB; i++)
		snprintf(vocab[i], sizeof(vocab[i]), "%c%c%d", 'a' + i % 5,
		    'a' + i % 3, i);
	while (n < DOCS) {
		txn = help_begin(st, 1);
		for (i = 0; i < 70; i++, n++)
			add_doc(txn, n);
		for (i = 0; i < 5; i++) {
			int	 d = (int)rnd((unsigned)n);

			if (dead[d] || store_mail_eid(txn, eids[d], &m) !=
			    STORE_OK)
				continue;
			assert_int_equal(store_mail_destroy(txn, m.id),
			    STORE_OK);
			dead[d] = 1;
		}
		help_commit(txn);
		if (n % 3 == 0)
			assert_int_not_equal(store_search_merge(st, 0), -1);
		txn = help_begin(st, 0);
		for (i = 0; i < 20; i++)
			ask(txn, n);
		store_abort(txn);
	}
	while ((i = store_search_merge(st, 1)) == 1)
		;
	assert_int_equal(i, 0);
	txn = help_begin(st, 0);
	assert_int_equal(txn->hot[HOT_PENDING], 0);
	for (i = 0; i < 100; i++)
		ask(txn, n);
	store_abort(txn);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

/* --- stems --------------------------------------------------------------- */

static uint64_t
say(struct store_txn *txn, unsigned in, const char *text, const char *lang)
{
	static int		 n;
	struct store_newmail	 nm;
	struct store_text	 t = { in, SLICE_STR(text) };
	uint32_t		 box = store_mailbox_role(txn,
				    STORE_ROLE_INBOX);
	uint64_t		 id, tid;

	n++;
	memset(&nm, 0, sizeof(nm));
	assert_int_equal(store_blob_put(txn, &n, sizeof(n), nm.blob),
	    STORE_OK);
	nm.mailbox = &box;
	nm.nmailbox = 1;
	nm.text = &t;
	nm.ntext = 1;
	nm.language = SLICE_STR(lang);
	assert_int_equal(store_mail_add(txn, &nm, &id, &tid), STORE_OK);
	return STORE_EID(id);
}

static int
finds(unsigned in, const char *text, int exact, uint64_t eid)
{
	struct store_words	 w = { in, SLICE_STR(text), exact };
	struct store_txn	*txn = help_begin(st, 0);
	struct store_ids	 ids = { 0 };
	int			 usable, yes;

	assert_int_equal(store_search(txn, &w, 1, &ids, &usable), STORE_OK);
	store_abort(txn);
	yes = store_ids_has(&ids, eid);
	store_ids_free(&ids);
	return yes;
}

static const struct {
	const char	*lang, *mail, *ask;
	int		 found, exact;		/* .. when it must be exact */
} stems[] = {
	{ "", "He was running in the rain with us", "runs", 1, 0 },
	{ "", "He was running in the rain with us", "run", 1, 0 },
	{ "", "He was running in the rain with us", "RUNNING", 1, 1 },
	{ "", "one run", "running", 1, 0 },		/* English unless told */
	{ "", "the letters of the city are late", "letter", 1, 0 },
	{ "", "the business of the city is bad", "bus", 0, 0 },
	/* umlauts and case, with and without the language being told */
	{ "de", "H\xc3\xa4user", "HAUS", 1, 0 },
	{ "", "Die H\xc3\xa4user sind nicht f\xc3\xbcr uns", "haus", 1, 0 },
	{ "", "das Haus ist nicht f\xc3\xbcr die Katze", "h\xc3\xa4user", 1,
	    0 },
	{ "", "das Haus ist nicht f\xc3\xbcr die Katze", "Hauser", 1, 0 },
	{ "", "die Stra\xc3\x9f" "en und das Auto", "STRASSE", 1, 0 },
	/* what mail programs write there is not what people write */
	{ "en-US", "Die H\xc3\xa4user sind nicht f\xc3\xbcr uns", "haus", 1,
	    0 },
	{ "fr", "chevaux", "cheval", 1, 0 },
	{ "", "les chevaux sont dans le pr\xc3\xa9", "cheval", 1, 0 },
	{ "es", "corriendo", "correr", 1, 0 },
	/* Russian by its letters; Ukrainian is not Russian */
	{ "", "\xd0\xba\xd0\xbd\xd0\xb8\xd0\xb3\xd0\xb0\xd0\xbc\xd0\xb8",
	    "\xd0\xba\xd0\xbd\xd0\xb8\xd0\xb3\xd0\xb0", 1, 0 },
	{ "", "\xd1\x97 \xd0\xba\xd0\xbd\xd0\xb8\xd0\xb3\xd0\xb0\xd0\xbc"
	    "\xd0\xb8", "\xd0\xba\xd0\xbd\xd0\xb8\xd0\xb3\xd0\xb0", 0, 0 },
	/* a stem of one language is none of another */
	{ "de", "lieben", "liebe", 1, 0 },
	{ "en", "lieben", "liebe", 0, 0 },
	/* figures and long words are left alone */
	{ "", "the b2bs of this", "b2b", 0, 0 },
};

static void
words_are_found_by_their_stems(void **state)
{
	struct store_txn	*txn;
	uint64_t		 eid[nitems(stems)];
	size_t			 i;
	int			 merged;

	(void)state;
	txn = help_begin(st, 1);
	for (i = 0; i < nitems(stems); i++)
		eid[i] = say(txn, STORE_IN_BODY, stems[i].mail,
		    stems[i].lang);
	help_commit(txn);
	for (merged = 0; merged < 2; merged++) {
		for (i = 0; i < nitems(stems); i++) {
			if (finds(STORE_IN_ANY, stems[i].ask, 0, eid[i]) !=
			    stems[i].found)
				fail_msg("%s in %s", stems[i].ask,
				    stems[i].mail);
			assert_int_equal(finds(STORE_IN_ANY, stems[i].ask, 1,
			    eid[i]), stems[i].exact);
		}
		while (store_search_merge(st, 1) == 1)
			;
	}
}

static void
names_have_no_stems(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	uint64_t		 a = say(txn, STORE_IN_FROM,
				    "Jens Bolling <jens@runs.example>", "");
	int			 merged;

	(void)state;
	help_commit(txn);
	for (merged = 0; merged < 2; merged++) {
		assert_true(finds(STORE_IN_ANY, "jens", 0, a));
		assert_true(finds(STORE_IN_FROM, "jens@runs.example", 0, a));
		assert_false(finds(STORE_IN_ANY, "bolls", 0, a));
		assert_false(finds(STORE_IN_ANY, "running", 0, a));
		assert_false(finds(STORE_IN_ANY, "jens@run.example", 0, a));
		assert_false(finds(STORE_IN_ANY, "ens@runs.example", 0, a));
		assert_true(finds(STORE_IN_ANY, "runs.example", 0, a));
		while (store_search_merge(st, 1) == 1)
			;
	}
}

static void
fields_are_found_by_name(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	uint64_t		 a = say(txn, STORE_IN_NAMES,
				    "List-Id\nX-Mailer\n", "");
	int			 merged;

	(void)state;
	help_commit(txn);
	for (merged = 0; merged < 2; merged++) {
		assert_true(finds(STORE_IN_NAMES, "list-ID", 1, a));
		assert_false(finds(STORE_IN_NAMES, "list", 1, a));
		assert_false(finds(STORE_IN_ANY, "list", 1, a));
		assert_false(finds(STORE_IN_ANY, "list*", 1, a));
		assert_false(finds(STORE_IN_ANY, "x", 1, a));
		while (store_search_merge(st, 1) == 1)
			;
	}
}

static void
an_odd_question_is_answered(void **state)
{
	struct store_words	 w = { STORE_IN_ANY, { "!!!", 3 }, 0 };
	struct store_txn	*txn = help_begin(st, 0);
	struct store_ids	 ids = { 0 };
	char			 many[2000];
	int			 i, usable;

	(void)state;
	assert_int_equal(store_search(txn, &w, 1, &ids, &usable), STORE_OK);
	assert_false(usable);
	assert_int_equal(ids.n, 0);
	for (many[0] = '\0', i = 0; i < 200; i++)
		snprintf(many + strlen(many), 16, "w%d ", i);
	w.text = SLICE_STR(many);
	assert_int_equal(store_search(txn, &w, 1, &ids, &usable),
	    STORE_TOOMANY);
	store_abort(txn);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(words_are_cut_and_folded),
		T(long_and_many_words_are_bounded),
		T(merged_or_waiting_every_mail_is_found),
		T(words_are_found_by_their_stems),
		T(names_have_no_stems),
		T(fields_are_found_by_name),
		T(an_odd_question_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
