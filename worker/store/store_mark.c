/* SPDX-License-Identifier: ISC */
/*
 * Where the words of a question stand in a text (store.h 10).  Called by
 * SearchSnippet/get; decides as store_search.c does, but on the words of the
 * text itself.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/store/store_int.h"

struct store_marker {
	struct store_asks	 asks;
	uint8_t			 langs[SCRIPT_MAX];	/* of the mail */
	/* one store_mark_find */
	unsigned		 in;
	store_mark_fn		*fn;
	void			*arg;
};

static store_token_fn	 store_mark_word;
static int	 store_mark_is(const struct store_marker *,
		    struct store_ask *, struct slice, struct slice, unsigned);
static int	 store_mark_stem(struct store_ask *, unsigned lang,
		    struct slice, struct slice);

struct store_marker *
store_mark_new(const struct store_words *w, size_t n)
{
	struct store_marker	*m;
	int			 usable;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return NULL;
	if (store_search_asks(&m->asks, w, n, &usable) != STORE_OK) {
		store_mark_free(m);
		return NULL;
	}
	return m;
}

void
store_mark_free(struct store_marker *m)
{
	if (m == NULL)
		return;
	store_search_done(&m->asks);
	free(m);
}

void
store_mark_learn(struct store_marker *m, const struct store_text *text,
    size_t n, struct slice language)
{
	struct store_terms	 t;
	size_t			 i;

	store_token_init(&t);
	for (i = 0; i < n; i++)
		(void)store_token_add(&t, text[i].text, text[i].in, 0);
	store_stop_vote(&t, store_lang_tag(language.p, language.n), m->langs);
	store_token_free(&t);
}

/* Have the two a stem in common? */
static int
store_mark_stem(struct store_ask *k, unsigned lang, struct slice word,
    struct slice whole)
{
	const struct store_stems	*s = store_search_stems(k, lang);
	struct store_stem		 v[2];
	unsigned			 i, j, n;

	if (s->n == 0)
		return 0;
	n = store_lang_stems(lang, word, whole, v);
	for (i = 0; i < n; i++)
		for (j = 0; j < s->n; j++)
			if (v[i].n == s->v[j].n &&
			    memcmp(v[i].b, s->v[j].b, v[i].n) == 0)
				return 1;
	return 0;
}

static int
store_mark_is(const struct store_marker *m, struct store_ask *k,
    struct slice word, struct slice whole, unsigned script)
{
	if ((k->in & m->in) == 0)
		return 0;
	if (word.n >= k->word.n && (word.n == k->word.n || k->prefix) &&
	    memcmp(word.p, k->word.p, k->word.n) == 0)
		return 1;
	return (k->in & m->in & STORE_STEMMED) != 0 && k->script == script &&
	    m->langs[script] != LANG_NONE &&
	    store_mark_stem(k, m->langs[script], word, whole);
}

static int
store_mark_word(void *arg, struct slice word, struct slice whole,
    enum store_script script, size_t from, size_t to)
{
	struct store_marker	*m = arg;
	struct store_ask	*k;
	size_t			 i;

	for (i = 0; i < m->asks.n; i++) {
		k = &m->asks.v[i];
		if (!store_mark_is(m, k, word, whole, script))
			continue;
		/* of a prefix only that, where bytes are letters */
		if (k->prefix && to - from == word.n)
			to = from + k->word.n;
		return m->fn(m->arg, from, to) != 0 ? -1 : 0;
	}
	return 0;
}

void
store_mark_find(struct store_marker *m, unsigned in, struct slice text,
    store_mark_fn *fn, void *arg)
{
	m->in = in;
	m->fn = fn;
	m->arg = arg;
	(void)store_token_walk(text, store_mark_word, m);
}
