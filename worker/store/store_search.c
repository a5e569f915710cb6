/* SPDX-License-Identifier: ISC */
/*
 * Asking the search index: the runs one by one, all words of the question in
 * each, as bits of the run's mails; then the rows that wait for a run, once
 * for all words.  A word is found as it is written (folded), in mail of any
 * language; in prose also by its stem, in the language of each mail.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "worker/store/store_int.h"

#define ASKS_MAX	128	/* words of a question */
#define FORMS_MAX	1000	/* words of one stem that are looked up */

struct bits {				/* mails of a run */
	uint64_t	*v;
	size_t		 n;		/* words of 64 */
};

static int	 store_search_union(struct bits *, const struct store_cursor *,
		    unsigned);
static int	 store_search_exact(struct store_run *,
		    const struct store_ask *, struct bits *);
static int	 store_search_tagged(struct store_run *, const uint8_t *,
		    size_t, unsigned lang, unsigned in, struct bits *);
static int	 store_search_stemmed(struct store_run *, struct store_ask *,
		    struct bits *);
static int	 store_search_forms(struct store_run *, unsigned lang,
		    const struct store_stem *, unsigned in, struct bits *);
static int	 store_search_run(struct store_run *, struct store_asks *,
		    struct store_ids *);
static enum store_err	 store_search_runs(struct store_txn *,
			    struct store_asks *, struct store_ids *);
static int	 store_search_entry(const struct store_entry_f *,
		    struct store_ask *);
static enum store_err	 store_search_waiting(struct store_txn *,
			    struct store_asks *, struct store_ids *);

/* --- the question -------------------------------------------------------- */

enum store_err
store_search_asks(struct store_asks *a, const struct store_words *w, size_t n,
    int *usable)
{
	const struct store_term	*t;
	struct store_ask		*k;
	size_t			 i, j, had, loose = SIZE_MAX;

	memset(a, 0, sizeof(*a));
	store_token_init(&a->terms);
	*usable = n > 0;
	for (i = 0; i < n; i++) {	/* exact ones come last */
		had = a->terms.n;
		if (w[i].exact && loose == SIZE_MAX)
			loose = had;
		if (store_token_add(&a->terms, w[i].text, w[i].in,
		    STORE_CUT_QUERY | (w[i].exact ? STORE_CUT_PHRASE : 0)) ==
		    -1)
			return STORE_IO;
		if (a->terms.n == had)
			*usable = 0;
	}
	if (a->terms.n > ASKS_MAX)
		return STORE_TOOMANY;
	if ((a->v = calloc(a->terms.n + 1, sizeof(*a->v))) == NULL)
		return STORE_IO;
	for (i = 0; i < a->terms.n; i++) {
		t = &a->terms.v[i];
		k = &a->v[a->n++];
		k->word = SLICE(a->terms.bytes.data + t->at, t->len);
		k->whole = SLICE(a->terms.bytes.data + t->wat, t->wlen);
		k->in = t->in;
		k->exact = i >= loose;
		k->prefix = t->prefix;
		k->script = t->script;
		for (j = 0; j + 1 < a->n; j++)
			if (a->v[j].in == k->in && a->v[j].prefix ==
			    k->prefix && a->v[j].exact == k->exact &&
			    a->v[j].word.n == t->len &&
			    memcmp(a->v[j].word.p, k->word.p, t->len) == 0)
				break;
		if (j + 1 < a->n)		/* the same again */
			a->n--;
	}
	return STORE_OK;
}

const struct store_stems *
store_search_stems(struct store_ask *k, unsigned lang)
{
	struct store_stems	*s = &k->lang[lang];
	unsigned	 i;

	if (s->known)
		return s;
	s->known = 1;
	if (k->prefix || k->exact || (k->in & STORE_STEMMED) == 0 ||
	    !store_lang_writes(lang, (enum store_script)k->script))
		return s;
	s->n = (uint8_t)store_lang_stems(lang, k->word, k->whole, s->v);
	for (i = 0; i < s->n; i++)
		s->self[i] = store_lang_fixed(lang, s->v[i].b, s->v[i].n) != 0;
	return s;
}

void
store_search_done(struct store_asks *a)
{
	store_token_free(&a->terms);
	free(a->v);
}

/* --- a run --------------------------------------------------------------- */

static int
store_search_union(struct bits *b, const struct store_cursor *c, unsigned in)
{
	struct store_unpack	 u;
	uint64_t		 i;
	int			 r;

	store_post_unpack(&u, c->post, c->run->lo);
	while ((r = store_post_next(&u)) == 1) {
		if ((u.in & in) == 0)
			continue;
		if ((i = u.eid - c->run->lo) / 64 >= b->n) {
			errno = EPROTO;
			return -1;
		}
		b->v[i / 64] |= UINT64_C(1) << i % 64;
	}
	return r;
}

/* Mails with the word, or words that begin with it, of any language. */
static int
store_search_exact(struct store_run *run, const struct store_ask *k,
    struct bits *b)
{
	struct store_cursor	 c;
	uint8_t			 term[STORE_TERMMAX + 1];
	size_t			 n = k->word.n;
	int			 r;

	memcpy(term, k->word.p, n);
	term[n] = STORE_TAG(LANG_NONE);
	for (r = store_run_seek(&c, run, term, k->prefix ? n : n + 1); r == 1;
	    r = store_run_next(&c)) {
		if (c.n <= n || memcmp(c.term, term, n) != 0 ||
		    (!k->prefix && (c.n != n + 1 || c.term[n] >= ' ')))
			return 0;
		if (store_search_union(b, &c, k->in) == -1)
			return -1;
	}
	return r;
}

/* Mails of a language with a word. */
static int
store_search_tagged(struct store_run *run, const uint8_t *word, size_t n,
    unsigned lang, unsigned in, struct bits *b)
{
	struct store_cursor	 c;
	uint8_t			 term[STORE_TERMMAX + 1];
	int			 r;

	if (n > STORE_TERMMAX)
		return 0;
	memcpy(term, word, n);
	term[n] = STORE_TAG(lang);
	if ((r = store_run_seek(&c, run, term, n + 1)) == 1 && c.n == n + 1 &&
	    memcmp(c.term, term, n + 1) == 0)
		r = store_search_union(b, &c, in & STORE_STEMMED);
	return r == -1 ? -1 : 0;
}

/* Mails of a language with any word of a stem. */
static int
store_search_forms(struct store_run *run, unsigned lang,
    const struct store_stem *s, unsigned in, struct bits *b)
{
	struct store_cursor	 c;
	uint8_t			 term[STORE_TERMMAX + 2];
	uint8_t			 word[STORE_RUNTERM];
	size_t			 n = s->n + 2U, k;
	unsigned		 forms = 0;
	int			 r;

	term[0] = STORE_TAG(lang);
	memcpy(term + 1, s->b, s->n);
	term[n - 1] = 0;
	for (r = store_run_seek(&c, run, term, n); r == 1 &&
	    forms < FORMS_MAX; r = store_run_next(&c), forms++) {
		if (c.n <= n || memcmp(c.term, term, n) != 0)
			return 0;
		if ((k = c.term[n] - 0x20U) > s->n)
			continue;
		memcpy(word, s->b, k);
		memcpy(word + k, c.term + n + 1, c.n - n - 1);
		if (store_search_tagged(run, word, k + c.n - n - 1, lang, in,
		    b) == -1)
			return -1;
	}
	return r == -1 ? -1 : 0;
}

static int
store_search_stemmed(struct store_run *run, struct store_ask *k, struct bits *b)
{
	const struct store_stems	*s;
	unsigned		 lang, i;

	for (lang = 1; lang < STORE_LANGS; lang++) {
		if ((run->langs >> lang & 1) == 0)
			continue;
		s = store_search_stems(k, lang);
		for (i = 0; i < s->n; i++)
			if (store_search_forms(run, lang, &s->v[i], k->in,
			    b) == -1 || (s->self[i] &&
			    store_search_tagged(run, s->v[i].b, s->v[i].n,
			    lang, k->in, b) == -1))
				return -1;
	}
	return 0;
}

/* Append the run's mails that have all words. */
static int
store_search_run(struct store_run *run, struct store_asks *a,
    struct store_ids *out)
{
	struct bits	 all = { NULL, 0 }, one = { NULL, 0 };
	uint64_t	 x, any = 1;
	size_t		 i, j;
	int		 ret = -1;

	all.n = one.n = (size_t)((run->hi - run->lo) / 64 + 1);
	all.v = calloc(all.n, sizeof(*all.v));
	one.v = calloc(one.n, sizeof(*one.v));
	if (all.v == NULL || one.v == NULL)
		goto done;
	for (i = 0; i < a->n && any != 0; i++) {
		memset(one.v, 0, one.n * sizeof(*one.v));
		if (store_search_exact(run, &a->v[i], &one) == -1 ||
		    store_search_stemmed(run, &a->v[i], &one) == -1)
			goto done;
		for (any = j = 0; j < all.n; j++) {
			all.v[j] = i == 0 ? one.v[j] : all.v[j] & one.v[j];
			any |= all.v[j];
		}
	}
	for (j = 0; any != 0 && j < all.n; j++)
		for (i = 0, x = all.v[j]; x != 0; i++, x >>= 1)
			if ((x & 1) && store_ids_add(out, run->lo + j * 64 +
			    i) == -1)
				goto done;
	ret = 0;
done:
	free(all.v);
	free(one.v);
	return ret;
}

static enum store_err
store_search_runs(struct store_txn *txn, struct store_asks *a,
    struct store_ids *out)
{
	struct store_manifest	 m;
	struct store_run	*run;
	enum store_err		 e;
	size_t			 i;

	if ((e = store_runs_load(txn, &m)) != STORE_OK)
		return e;
	if (!(m.flags & STORE_INDEX_WHOLE) || txn->st->index_bad)
		return STORE_NOINDEX;
	store_runs_forget(txn->st, &m);
	for (i = 0; i < m.n; i++) {
		if (m.v[i].set == SET_NEW)
			continue;
		run = store_runs_get(txn->st, m.v[i].id);
		if (run != NULL && store_search_run(run, a, out) == 0)
			continue;
		if (errno != ENOENT && errno != EPROTO)
			return store_fail(txn);
		/* it can be made again: store_rebuild.c */
		log_warnx("account %s: search run %08x is %s",
		    txn->st->account, m.v[i].id, errno == ENOENT ? "missing" :
		    "damaged");
		txn->st->index_bad = 1;
		return STORE_NOINDEX;
	}
	return STORE_OK;
}

/* --- waiting rows -------------------------------------------------------- */

/* Is this word of a mail one that is asked for? */
static int
store_search_entry(const struct store_entry_f *e, struct store_ask *k)
{
	const struct store_stems	*s;
	const uint8_t		*p;
	unsigned		 i, j;

	if ((e->in & k->in) != 0 && e->len >= k->word.n &&
	    (e->len == k->word.n || k->prefix) &&
	    memcmp(e->word, k->word.p, k->word.n) == 0)
		return e->word[0] != ' ' || e->len == k->word.n;
	if ((e->in & k->in & STORE_STEMMED) == 0 ||
	    e->tag <= STORE_TAG(LANG_NONE) || e->tag > STORE_LANGS)
		return 0;
	s = store_search_stems(k, e->tag - 1U);
	for (i = 0; i < s->n; i++) {
		if (s->self[i] && s->v[i].n == e->len &&
		    memcmp(s->v[i].b, e->word, e->len) == 0)
			return 1;
		for (p = e->stem, j = 0; j < e->nstem; j++, p += 1 + *p)
			if (*p == s->v[i].n &&
			    memcmp(p + 1, s->v[i].b, *p) == 0)
				return 1;
	}
	return 0;
}

static enum store_err
store_search_waiting(struct store_txn *txn, struct store_asks *a,
    struct store_ids *out)
{
	struct kv_range		 r;
	struct store_key	 all;
	struct store_entry_f	 h;
	struct slice		 k, v;
	const uint8_t		*p, *end;
	uint8_t			 found[ASKS_MAX];
	enum store_err		 e;
	size_t			 i, n;
	int			 more;

	store_key_space(&all, 'F');
	if ((e = store_walk(txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK) {
		memset(found, 0, a->n);
		n = 0;
		more = k.n == 9 ? store_pend_open(v, &p, &end) : -1;
		while (more != -1 && n < a->n &&
		    (more = store_pend_each(&p, end, &h)) == 1)
			for (i = 0; i < a->n; i++)
				if (!found[i] && store_search_entry(&h,
				    &a->v[i])) {
					found[i] = 1;
					n++;
				}
		if (more == -1)
			e = store_broken(txn, "search row");
		else if (n == a->n && store_ids_add(out, store_get64(
		    (const uint8_t *)k.p + 1)) == -1)
			e = store_fail(txn);
		if (e != STORE_OK)
			break;
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

enum store_err
store_search(struct store_txn *txn, const struct store_words *w, size_t n,
    struct store_ids *eids, int *usable)
{
	struct store_asks	 a;
	enum store_err	 e;

	if (txn->dead != STORE_OK)
		return txn->dead;
	if ((e = store_search_asks(&a, w, n, usable)) == STORE_OK &&
	    *usable && (e = store_search_runs(txn, &a, eids)) == STORE_OK)
		e = store_search_waiting(txn, &a, eids);
	if (e == STORE_OK)
		store_ids_sort(eids);
	store_search_done(&a);
	return e;
}
