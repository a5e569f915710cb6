/* SPDX-License-Identifier: ISC */
/*
 * Email/query by text against a model that looks at every word of every
 * mail: 2,000 random mails in two languages, 500 random filters, while mail
 * comes, goes and is merged into the index.
 */
#include "regress/unit/email_lab.h"
#include "worker/store/store_search.h"

#include <libstemmer.h>

#define MAILS	2000
#define QUERIES	500
#define WORDS	4000		/* different ones */
#define FIELD	48		/* words of one field */

enum { FROM, TO, SUBJECT, BODY, ATTACHED, FIELDS };

struct word {
	char	 s[32];
	char	 stem[2][32];		/* English, German; "" none */
};
struct letter {
	char	 id[STORE_IDLEN], msgid[40];
	int	 lang, gone, person;
	int	 w[FIELDS][FIELD], n[FIELDS];
};
/* A filter: a leaf, or an operator over two or three. */
struct node {
	enum { TEXT, INSUBJECT, INBODY, INFROM, PREFIX, PHRASE, ADDRESS,
	    HEADER, AND, OR, NOT } op;
	int	 w[3], n;
	char	 s[40];
	struct node *kid[3];
};

static const char *const bases[2][24] = {
	{ "walk", "connect", "develop", "report", "return", "collect", "open",
	    "offer", "market", "number", "visit", "answer", "record", "point",
	    "garden", "travel", "signal", "window", "letter", "member",
	    "plant", "train", "paint", "count" },
	{ "arbeit", "zeitung", "garten", "fenster", "wohnung", "freund",
	    "spiel", "kauf", "lehr", "bild", "stein", "tisch", "lampe",
	    "farbe", "reise", "blume", "strasse", "wagen", "zimmer", "stadt",
	    "berg", "fluss", "wald", "brief" }
};
static const char *const endings[2][6] = {
	{ "", "s", "ed", "ing", "er", "ers" },
	{ "", "e", "en", "er", "es", "ern" }
};
static const char *const little[2] = {
	"the and of to for with this are", "der die und nicht ist auf wir"
};

static struct word	 words[WORDS];
static int		 nwords, vocab;
static struct letter	 mail[MAILS];
static struct sb_stemmer *stemmer[2];
static int		 nmail;			/* so far */
static int		 some;			/* questions that choose */

static int
rnd(int n)
{
	return (int)(random() >> 4) % n;
}

static int
word(const char *s)
{
	const sb_symbol	*t;
	int		 i, l;

	for (i = 0; i < nwords; i++)
		if (strcmp(words[i].s, s) == 0)
			return i;
	assert_true(nwords < WORDS && strlen(s) < sizeof(words[i].s));
	strlcpy(words[nwords].s, s, sizeof(words[i].s));
	for (l = 0; l < 2; l++) {
		if (strlen(s) < 3 || strpbrk(s, "0123456789") != NULL)
			continue;
		t = sb_stemmer_stem(stemmer[l], (const sb_symbol *)s,
		    (int)strlen(s));
		snprintf(words[nwords].stem[l], sizeof(words[i].stem[l]),
		    "%.*s", sb_stemmer_length(stemmer[l]), (const char *)t);
	}
	return nwords++;
}

static void
make_words(void)
{
	char	 s[32];
	int	 l, i, j;

	stemmer[0] = sb_stemmer_new("english", NULL);
	stemmer[1] = sb_stemmer_new("german", NULL);
	for (l = 0; l < 2; l++)
		for (i = 0; i < 24; i++)
			for (j = 0; j < 6; j++) {
				snprintf(s, sizeof(s), "%s%s", bases[l][i],
				    endings[l][j]);
				word(s);
			}
	for (i = 0; i < 60; i++) {
		snprintf(s, sizeof(s), "zq%dx", i * i);
		word(s);
	}
	vocab = nwords;
}

/* --- mail ---------------------------------------------------------------- */

static void
put(struct letter *m, int field, int w)
{
	assert_true(m->n[field] < FIELD);
	m->w[field][m->n[field]++] = w;
}

/* n words, into the field and the text. */
static void
prose(struct buf *b, struct letter *m, int field, int n)
{
	int	 w;

	while (n-- > 0) {
		w = rnd(vocab);
		put(m, field, w);
		buf_addf(b, "%s%s", words[w].s, rnd(6) == 0 ? "\r\n" : " ");
	}
}

/* A person of a name and an address, which is its words and itself. */
static void
person(struct buf *b, struct letter *m, int field, int who)
{
	char	 s[32];
	int	 name = who * 7 % vocab;

	put(m, field, name);
	snprintf(s, sizeof(s), "p%d", who);
	put(m, field, word(s));
	snprintf(s, sizeof(s), "host%d", who % 5);
	put(m, field, word(s));
	put(m, field, word("example"));
	buf_addf(b, "%s <p%d@host%d.example>\r\n", words[name].s, who,
	    who % 5);
}

static void
send(int i)
{
	struct letter	*m = &mail[i];
	const char	*p;
	struct buf	 b;
	char		 s[32];
	size_t		 n;

	memset(m, 0, sizeof(*m));
	m->lang = rnd(2);
	m->person = rnd(60);
	snprintf(m->msgid, sizeof(m->msgid), "m%d.x%d@id.example", i,
	    rnd(1000));
	buf_init(&b, 1 << 16);
	buf_adds(&b, "From: ");
	person(&b, m, FROM, m->person);
	buf_adds(&b, "To: ");
	person(&b, m, TO, rnd(60));
	buf_addf(&b, "Message-ID: <%s>\r\nSubject: ", m->msgid);
	for (n = 0; n < 3; n++) {
		put(m, SUBJECT, rnd(vocab));
		buf_addf(&b, "%s ", words[m->w[SUBJECT][n]].s);
	}
	buf_adds(&b, "\r\nMIME-Version: 1.0\r\nContent-Type: "
	    "multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n");
	for (p = little[m->lang]; *p != '\0'; p += n + (p[n] == ' ')) {
		n = strcspn(p, " ");
		snprintf(s, sizeof(s), "%.*s", (int)n, p);
		put(m, BODY, word(s));
		buf_addf(&b, "%s ", s);
	}
	prose(&b, m, BODY, 5 + rnd(30));
	buf_adds(&b, "\r\n--b\r\nContent-Type: text/plain\r\n"
	    "Content-Disposition: attachment\r\n\r\n");
	prose(&b, m, ATTACHED, rnd(8));
	buf_adds(&b, "\r\n--b--\r\n");
	strlcpy(m->id, lab_deliver(buf_str(&b), LAB_T0 + i * 1000, NULL),
	    sizeof(m->id));
	buf_free(&b);
}

/* --- what the model says ------------------------------------------------- */

/* Has the field the word, or in prose of the mail's language its stem? */
static int
has(const struct letter *m, int field, int w)
{
	const char	*stem = words[w].stem[m->lang];
	int		 i, x;

	for (i = 0; i < m->n[field]; i++) {
		x = m->w[field][i];
		if (x == w || (field >= SUBJECT && *stem != '\0' &&
		    strcmp(words[x].stem[m->lang], stem) == 0))
			return 1;
	}
	return 0;
}

static int
has_any(const struct letter *m, int from, int to, int w)
{
	for (; from <= to; from++)
		if (has(m, from, w))
			return 1;
	return 0;
}

static int
has_prefix(const struct letter *m, const char *s)
{
	int	 f, i;

	for (f = 0; f < FIELDS; f++)
		for (i = 0; i < m->n[f]; i++)
			if (strncmp(words[m->w[f][i]].s, s, strlen(s)) == 0)
				return 1;
	return 0;
}

static int
has_phrase(const struct letter *m, const struct node *q)
{
	int	 f, i, k;

	/* names and addresses have other things between their words */
	for (f = SUBJECT; f <= BODY; f++)
		for (i = 0; i + q->n <= m->n[f]; i++) {
			for (k = 0; k < q->n && m->w[f][i + k] == q->w[k]; k++)
				;
			if (k == q->n)
				return 1;
		}
	/* one of the fields must have it, and what is attached is one */
	for (i = 0; i + q->n <= m->n[ATTACHED]; i++) {
		for (k = 0; k < q->n && m->w[ATTACHED][i + k] == q->w[k]; k++)
			;
		if (k == q->n)
			return 1;
	}
	return 0;
}

static int
says(const struct letter *m, const struct node *q)
{
	char	 s[48];
	int	 i, yes = 0;

	switch (q->op) {
	case TEXT:
		for (i = 0; i < q->n; i++)
			if (!has_any(m, FROM, ATTACHED, q->w[i]))
				return 0;
		return 1;
	case INSUBJECT:
		return has(m, SUBJECT, q->w[0]);
	case INBODY:
		return has_any(m, BODY, ATTACHED, q->w[0]);
	case INFROM:
		return has(m, FROM, q->w[0]);
	case PREFIX:
		return has_prefix(m, q->s);
	case PHRASE:
		return has_phrase(m, q);
	case ADDRESS:
		return m->person == q->w[0];
	case HEADER:
		snprintf(s, sizeof(s), "<%s>", m->msgid);
		return strstr(s, q->s) != NULL;
	default:
		for (i = 0; i < q->n; i++)
			if (says(m, q->kid[i]) != (q->op == AND))
				break;
		/* at the end: AND had no 0, OR and NOT no 1 */
		yes = i == q->n;
		return q->op == OR ? !yes : yes;
	}
}

/* --- questions ----------------------------------------------------------- */

static struct node	*
leaf(struct node *q)
{
	const struct letter	*m = &mail[rnd(nmail)];
	int			 i, at;

	q->op = rnd(AND);
	q->n = q->op == TEXT ? 1 + rnd(3) : 1;
	for (i = 0; i < q->n; i++)
		q->w[i] = rnd(vocab);
	switch (q->op) {
	case PREFIX:
		snprintf(q->s, sizeof(q->s), "%.*s", 2 + rnd(3),
		    words[q->w[0]].s);
		break;
	case PHRASE:
		q->n = 2 + rnd(2);
		at = m->n[BODY] > 12 ? 8 + rnd(m->n[BODY] - 11) : 0;
		for (i = 0; i < q->n; i++)
			q->w[i] = rnd(9) == 0 ? rnd(vocab) : m->w[BODY][at +
			    i];
		break;
	case ADDRESS:
		q->w[0] = rnd(62);
		break;
	case HEADER:
		snprintf(q->s, sizeof(q->s), rnd(2) ? "<%s>" : "%s",
		    m->msgid + (rnd(2) ? 0 : rnd(6)));
		if (rnd(3) == 0 && strlen(q->s) > 3)
			q->s[3 + rnd((int)strlen(q->s) - 3)] = '\0';
		break;
	default:
		break;
	}
	return q;
}

static struct node *
question(struct node *v, int *n, int depth)
{
	struct node	*q = &v[(*n)++];
	int		 i;

	memset(q, 0, sizeof(*q));
	if (depth == 2 || rnd(2))
		return leaf(q);
	q->op = AND + rnd(3);
	q->n = 1 + rnd(3);
	for (i = 0; i < q->n; i++)
		q->kid[i] = question(v, n, depth + 1);
	return q;
}

static void
write_out(struct buf *b, const struct node *q)
{
	static const char *const names[] = { "text", "subject", "body",
	    "from", "text", "text", "from", "header", "AND", "OR", "NOT" };
	int			 i;

	if (q->op >= AND) {
		buf_addf(b, "{'operator':'%s','conditions':[", names[q->op]);
		for (i = 0; i < q->n; i++) {
			if (i > 0)
				buf_addc(b, ',');
			write_out(b, q->kid[i]);
		}
		buf_adds(b, "]}");
		return;
	}
	buf_addf(b, "{'%s':", names[q->op]);
	switch (q->op) {
	case PREFIX:
		buf_addf(b, "'%s*'", q->s);
		break;
	case ADDRESS:
		buf_addf(b, "'P%d@Host%d.example'", q->w[0], q->w[0] % 5);
		break;
	case HEADER:
		buf_addf(b, "['Message-ID','%s']", q->s);
		break;
	default:
		buf_adds(b, q->op == PHRASE ? "'\\'" : "'");
		for (i = 0; i < q->n; i++)
			buf_addf(b, "%s%s", i > 0 ? " " : "",
			    words[q->w[i]].s);
		buf_adds(b, q->op == PHRASE ? "\\''" : "'");
	}
	buf_addc(b, '}');
}

/* One question, by one of several ways to answer it. */
static void
ask(void)
{
	static const char *const ways[] = {
		"'sort':[{'property':'receivedAt'}]",
		"'sort':[{'property':'receivedAt','isAscending':false}],"
		"'calculateTotal':true",
		"'sort':[{'property':'size'}]", "'collapseThreads':true",
		"'sort':[{'property':'receivedAt'}],'limit':100000"
	};
	struct node	 v[64], *q;
	struct js_val	*list;
	struct buf	 b;
	int		 i, k, n = 0, want = 0, nv = 0;

	buf_init(&b, 1 << 16);
	q = question(v, &nv, 0);
	write_out(&b, q);
	list = js_get(lab_call("Email/query", "'filter':%s,%s", buf_str(&b),
	    ways[rnd(nitems(ways))]), "ids");
	n = (int)js_len(list);
	for (i = 0; i < nmail; i++) {
		if (mail[i].gone || !says(&mail[i], q))
			continue;
		want++;
		for (k = 0; k < n; k++)
			if (strcmp(js_str(js_at(list, k)), mail[i].id) == 0)
				break;
		if (k == n)
			fail_msg("%s does not find mail %d", buf_str(&b), i);
	}
	/* each that should be there is, so any other is too many */
	if (want != n)
		fail_msg("%s finds %d, not %d", buf_str(&b), n, want);
	some += want > 0 && want < nmail / 2;
	buf_free(&b);
}

static void
random_filters_find_what_a_model_finds(void **state)
{
	int	 i, r, k, asked = 0;

	(void)state;
	(void)lab_is;		/* not all of the lab is needed here */
	srandom(20);
	lab_open("model");
	make_words();
	for (i = 0; i < MAILS; i++) {
		send(i);
		nmail = i + 1;
		k = rnd(i + 1);
		if (i % 9 == 0 && !mail[k].gone) {
			lab_call("Email/set", "'destroy':['%s']", mail[k].id);
			mail[k].gone = 1;
		}
		if (i % 97 == 0)
			assert_int_not_equal(store_search_merge(
			    lab.user.store, i % 2), -1);
		if (i % 16 == 15) {
			ask();
			asked++;
		}
	}
	while ((r = store_search_merge(lab.user.store, 1)) == 1)
		;
	assert_int_equal(r, 0);
	for (; asked < QUERIES; asked++)
		ask();
	assert_true(some > QUERIES / 4);	/* it was worth asking */
	lab_close();
	lab_end();
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(random_filters_find_what_a_model_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
