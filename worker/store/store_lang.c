/* SPDX-License-Identifier: ISC */
/*
 * Languages that libstemmer knows, and the stems of a word.  The stemmers
 * are made once, in store_init; a worker is single, so one of each is enough.
 *
 * A word has at most two stems in a language: that of the word as it is
 * written, and that of the word without its accents, because people search
 * without them ("hauser" finds "Häuser").  Both without accents again.
 * Words of more than 40 bytes, or with a digit in them, are names of things
 * and have none: so a stemmer's work is bounded, too.
 */
#include "common/compat.h"

#include <string.h>

#include <libstemmer.h>

#include "common/log.h"
#include "common/utf8.h"
#include "worker/store/store_int.h"

#define STEM_MIN	3
#define STEM_MAX	40

/* The index is the number on disk: add at the end, at most STORE_LANGS. */
static const struct {
	const char		*name;		/* libstemmer's */
	const char		*tag;		/* RFC 5646, primary subtags */
	enum store_script	 script;
} langs[] = {
	{ "", "", SCRIPT_NONE },
	{ "english", "en", SCRIPT_LATIN },
	{ "german", "de", SCRIPT_LATIN },
	{ "french", "fr", SCRIPT_LATIN },
	{ "spanish", "es", SCRIPT_LATIN },
	{ "portuguese", "pt", SCRIPT_LATIN },
	{ "italian", "it", SCRIPT_LATIN },
	{ "dutch", "nl", SCRIPT_LATIN },
	{ "danish", "da", SCRIPT_LATIN },
	{ "norwegian", "no nb nn", SCRIPT_LATIN },
	{ "swedish", "sv", SCRIPT_LATIN },
	{ "finnish", "fi", SCRIPT_LATIN },
	{ "hungarian", "hu", SCRIPT_LATIN },
	{ "romanian", "ro mo", SCRIPT_LATIN },
	{ "turkish", "tr", SCRIPT_LATIN },
	{ "catalan", "ca", SCRIPT_LATIN },
	{ "basque", "eu", SCRIPT_LATIN },
	{ "irish", "ga", SCRIPT_LATIN },
	{ "indonesian", "id ms", SCRIPT_LATIN },
	{ "lithuanian", "lt", SCRIPT_LATIN },
	{ "serbian", "sr hr bs sh", SCRIPT_LATIN },
	{ "russian", "ru", SCRIPT_CYRILLIC },
	{ "greek", "el", SCRIPT_GREEK },
	{ "arabic", "ar", SCRIPT_ARABIC },
	{ "armenian", "hy", SCRIPT_ARMENIAN },
	{ "hindi", "hi", SCRIPT_DEVANAGARI },
	{ "nepali", "ne", SCRIPT_DEVANAGARI },
	{ "yiddish", "yi", SCRIPT_HEBREW },
	{ "tamil", "ta", SCRIPT_TAMIL },
	{ "estonian", "et", SCRIPT_LATIN },	/* of newer libraries */
};
_Static_assert(nitems(langs) <= STORE_LANGS, "languages: a mask of 32 bits");

static struct sb_stemmer	*stemmers[STORE_LANGS];

static size_t	 store_lang_one(unsigned, const uint8_t *, size_t,
		    uint8_t *);

void
store_lang_init(void)
{
	size_t	 i;

	for (i = 1; i < nitems(langs); i++)
		if (stemmers[i] == NULL)	/* NULL: not in this library */
			stemmers[i] = sb_stemmer_new(langs[i].name, NULL);
	if (stemmers[LANG_ENGLISH] == NULL)
		log_warnx("libstemmer knows no English");
}

int
store_lang_writes(unsigned lang, enum store_script script)
{
	if (lang >= nitems(langs) || stemmers[lang] == NULL)
		return 0;
	if (langs[lang].script == script)
		return 2;
	return lang == LANG_SERBIAN && script == SCRIPT_CYRILLIC;
}

unsigned
store_lang_tag(const char *tag, size_t n)
{
	const char	*t;
	size_t		 i, k;

	for (k = 0; k < n && tag[k] != '-'; k++)
		;
	if (k != 2)
		return LANG_NONE;
	for (i = 1; i < nitems(langs); i++)
		for (t = langs[i].tag; *t != '\0'; t += t[2] == ' ' ? 3 : 2)
			if (utf8_casecmp(tag, 2, t, 2) == 0)
				return (unsigned)i;
	return LANG_NONE;
}

/* The stem of one spelling, without accents; its bytes, 0 none. */
static size_t
store_lang_one(unsigned lang, const uint8_t *p, size_t n, uint8_t *out)
{
	const sb_symbol	*s;
	int		 len;
	size_t		 i;

	if ((s = sb_stemmer_stem(stemmers[lang], p, (int)n)) == NULL)
		return 0;
	len = sb_stemmer_length(stemmers[lang]);
	if (len <= 0 || len > STORE_TERMMAX)
		return 0;
	for (i = 0; i < (size_t)len && s[i] < 0x80; i++)
		;
	if (i < (size_t)len)
		return store_fold_strip(s, (size_t)len, out, STORE_TERMMAX);
	memcpy(out, s, (size_t)len);
	return (size_t)len;
}

unsigned
store_lang_stems(unsigned lang, struct slice word, struct slice whole,
    struct store_stem v[2])
{
	const uint8_t	*p = word.p;
	unsigned	 n = 0;
	size_t		 i;

	if (lang == LANG_NONE || lang >= STORE_LANGS ||
	    stemmers[lang] == NULL || word.n < STEM_MIN ||
	    word.n > STEM_MAX || whole.n > STEM_MAX)
		return 0;
	for (i = 0; i < word.n; i++)
		if (p[i] >= '0' && p[i] <= '9')
			return 0;
	v[0].n = (uint8_t)store_lang_one(lang, word.p, word.n, v[0].b);
	if (v[0].n > 0)
		n++;
	if (whole.n == 0)
		return n;
	v[n].n = (uint8_t)store_lang_one(lang, whole.p, whole.n, v[n].b);
	if (v[n].n > 0 && (n == 0 || v[0].n != v[1].n ||
	    memcmp(v[0].b, v[1].b, v[0].n) != 0))
		n++;
	return n;
}

int
store_lang_fixed(unsigned lang, const uint8_t *p, size_t n)
{
	struct store_stem	 v[2];

	return store_lang_stems(lang, SLICE(p, n), SLICE(NULL, 0), v) == 1 &&
	    v[0].n == n && memcmp(v[0].b, p, n) == 0;
}
