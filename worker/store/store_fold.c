/* SPDX-License-Identifier: ISC */
/*
 * Letters as search sees them: case folded (utf8proc), compatibility forms
 * taken apart, accents and strokes dropped.  Only marks that are accents go:
 * the vowel signs of Indic scripts and of Thai are letters like others, and
 * so is the breve of U+0439, without which Russian has no endings.  Called by
 * store_token.c and store_lang.c with text of strangers, a word at a time, so
 * nothing here looks at more than 64 code points.
 */
#include "common/compat.h"

#include <string.h>

#include <utf8proc.h>

#include "common/utf8.h"
#include "worker/store/store_int.h"

#define SHORT_I		0x0439	/* of Cyrillic, and its two parts */
#define SHORT_I_BASE	0x0438
#define BREVE		0x0306

struct span {
	uint32_t	 lo, hi;
};

/* Latin letters with a stroke or of two, which no decomposition has; small,
 * as folding leaves them. */
static const struct {
	uint32_t	 c;
	char		 as[3];
} plain[] = {
	{ 0x00e6, "ae" }, { 0x00f0, "d" }, { 0x00f8, "o" }, { 0x00fe, "th" },
	{ 0x0111, "d" }, { 0x0127, "h" }, { 0x0131, "i" }, { 0x0142, "l" },
	{ 0x0153, "oe" }, { 0x0167, "t" }, { 0x0180, "b" }, { 0x01e5, "g" },
};

static size_t	 store_fold_plain(uint32_t, uint8_t[4]);
static int	 store_fold_accent(uint32_t);
static int	 store_fold_in(const struct span *, size_t, uint32_t);

/* Scripts that put no spaces between words, and Hangul. */
static const struct span	joined[] = {
	{ 0x0e00, 0x0eff },			/* Thai, Lao */
	{ 0x1000, 0x109f },			/* Myanmar */
	{ 0x1780, 0x17ff },			/* Khmer */
	{ 0x3040, 0x30ff },			/* kana */
	{ 0x3400, 0x4dbf }, { 0x4e00, 0x9fff },
	{ 0xac00, 0xd7a3 },			/* Hangul */
	{ 0xf900, 0xfaff }, { 0x20000, 0x3fffd }
};
/* Accents, points and vowel marks that are often left out. */
static const struct span	accents[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 },
	{ 0x0591, 0x05bd }, { 0x05bf, 0x05bf }, { 0x05c1, 0x05c2 },
	{ 0x05c4, 0x05c5 }, { 0x05c7, 0x05c7 },		/* Hebrew */
	{ 0x0610, 0x061a }, { 0x0640, 0x0640 }, { 0x064b, 0x065f },
	{ 0x0670, 0x0670 }, { 0x06d6, 0x06dc }, { 0x06df, 0x06e4 },
	{ 0x06e7, 0x06e8 }, { 0x06ea, 0x06ed },		/* Arabic */
	{ 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff },
	{ 0xfe20, 0xfe2f }
};
static const struct {
	struct span		 in;
	enum store_script	 script;
} scripts[] = {
	{ { 'a', 'z' }, SCRIPT_LATIN },
	{ { 0x00c0, 0x024f }, SCRIPT_LATIN },
	{ { 0x0370, 0x03ff }, SCRIPT_GREEK },
	{ { 0x0400, 0x052f }, SCRIPT_CYRILLIC },
	{ { 0x0530, 0x058f }, SCRIPT_ARMENIAN },
	{ { 0x0590, 0x05ff }, SCRIPT_HEBREW },
	{ { 0x0600, 0x06ff }, SCRIPT_ARABIC },
	{ { 0x0750, 0x077f }, SCRIPT_ARABIC },
	{ { 0x0900, 0x097f }, SCRIPT_DEVANAGARI },
	{ { 0x0b80, 0x0bff }, SCRIPT_TAMIL },
	{ { 0x1e00, 0x1eff }, SCRIPT_LATIN },
};

static int
store_fold_in(const struct span *v, size_t n, uint32_t c)
{
	size_t	 i;

	for (i = 0; i < n && c >= v[i].lo; i++)
		if (c <= v[i].hi)
			return 1;
	return 0;
}

int
store_fold_joined(uint32_t c)
{
	return store_fold_in(joined, nitems(joined), c);
}

static int
store_fold_accent(uint32_t c)
{
	return store_fold_in(accents, nitems(accents), c);
}

enum store_script
store_fold_script(uint32_t c)
{
	size_t	 i;

	for (i = 0; i < nitems(scripts); i++)
		if (c >= scripts[i].in.lo && c <= scripts[i].in.hi)
			return scripts[i].script;
	return SCRIPT_NONE;
}

int
store_fold_letter(uint32_t c)
{
	switch (utf8proc_category((utf8proc_int32_t)c)) {
	case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT: case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO: case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC: case UTF8PROC_CATEGORY_ME:
	case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_NO:
		return 1;
	default:
		return 0;
	}
}

/* Characters that are inside of words and nothing of them. */
int
store_fold_nothing(uint32_t c)
{
	return c == 0x00ad || c == 0x200c || c == 0x200d || c == 0x2060 ||
	    c == 0xfeff || (c >= 0xfe00 && c <= 0xfe0f);
}

size_t
store_fold_apart(uint32_t c, int32_t out[STORE_FOLD_MAX])
{
	utf8proc_ssize_t	 n;
	int			 last = 0;

	n = utf8proc_decompose_char((utf8proc_int32_t)c, out, STORE_FOLD_MAX,
	    UTF8PROC_CASEFOLD | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE |
	    UTF8PROC_IGNORE, &last);
	return n < 0 || n > STORE_FOLD_MAX ? 0 : (size_t)n;
}

size_t
store_fold_bare(const int32_t *v, size_t n, uint8_t *out, size_t max)
{
	uint8_t	 u[4];
	size_t	 i, len, k = 0;
	int32_t	 c;

	for (i = 0; i < n; i++) {
		c = v[i];
		if (c == SHORT_I_BASE && i + 1 < n && v[i + 1] == BREVE)
			c = SHORT_I;
		if (store_fold_accent((uint32_t)c) ||
		    !store_fold_letter((uint32_t)c))
			continue;
		if ((len = store_fold_plain((uint32_t)c, u)) > max - k)
			break;
		memcpy(out + k, u, len);
		k += len;
	}
	return k;
}

/* A letter as one types it without a keyboard of its language. */
static size_t
store_fold_plain(uint32_t c, uint8_t out[4])
{
	size_t	 i, len;

	for (i = 0; c >= plain[0].c && i < nitems(plain); i++)
		if (c == plain[i].c) {
			len = strlen(plain[i].as);
			memcpy(out, plain[i].as, len);
			return len;
		}
	return utf8_put(c, out);
}

size_t
store_fold_whole(int32_t *v, size_t n, uint8_t *out, size_t max)
{
	utf8proc_ssize_t	 m;
	uint8_t			 u[4];
	size_t			 i, len, k = 0;

	if (n == 0)
		return 0;
	m = utf8proc_normalize_utf32(v, (utf8proc_ssize_t)n,
	    UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	for (i = 0; m > 0 && i < (size_t)m; i++) {
		if ((len = utf8_put((uint32_t)v[i], u)) > max - k)
			break;
		memcpy(out + k, u, len);
		k += len;
	}
	return k;
}

size_t
store_fold_strip(const uint8_t *p, size_t n, uint8_t *out, size_t max)
{
	int32_t		 v[STORE_TERMMAX + STORE_FOLD_MAX];
	uint32_t	 c;
	size_t		 i, k, m = 0;

	for (i = 0; i < n && m < STORE_TERMMAX; i += k) {
		if ((k = utf8_get(p + i, n - i, &c)) == 0)
			break;
		m += store_fold_apart(c, v + m);
	}
	return store_fold_bare(v, m, out, max);
}
