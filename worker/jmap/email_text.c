/* SPDX-License-Identifier: ISC */
/*
 * Texts that a client searches for (RFC 8621 4.4.1): outside quotation marks
 * white space divides words, all of which must be there; inside, the exact
 * sequence of words must be.  The index knows words only, so a phrase is
 * looked for in the folded text of the mails the index leaves.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "common/norm.h"
#include "common/utf8.h"
#include "worker/jmap/email.h"

#define TEXT_GAP	16	/* characters between two words of a phrase */

/* What makes of white space a blank, and of letters small ones. */
static const char	 text_flip[256] = {
	['\t'] = '\t' ^ ' ', ['\n'] = '\n' ^ ' ', ['\r'] = '\r' ^ ' ',
	['A'] = 0x20, ['B'] = 0x20, ['C'] = 0x20, ['D'] = 0x20, ['E'] = 0x20,
	['F'] = 0x20, ['G'] = 0x20, ['H'] = 0x20, ['I'] = 0x20, ['J'] = 0x20,
	['K'] = 0x20, ['L'] = 0x20, ['M'] = 0x20, ['N'] = 0x20, ['O'] = 0x20,
	['P'] = 0x20, ['Q'] = 0x20, ['R'] = 0x20, ['S'] = 0x20, ['T'] = 0x20,
	['U'] = 0x20, ['V'] = 0x20, ['W'] = 0x20, ['X'] = 0x20, ['Y'] = 0x20,
	['Z'] = 0x20,
};

static const char *text_quoted(const char *);
static int	text_phrase(struct arena *, const char *, const char *,
		    struct buf *, struct email_text *, size_t);
static int	text_norm(struct buf *, const char *, size_t);
static int	text_white(int);
static int	text_wordy(const char *);
static size_t	text_gap(const char *);
static size_t	text_gaps(const char *);

int
email_text_parse(struct arena *a, const char *s, struct email_text *t)
{
	const char	*end, *p;
	struct buf	 words, loose, quoted;
	size_t		 max = 1;
	int		 ret = -1;

	memset(t, 0, sizeof(*t));
	buf_init(&words, 2 * strlen(s) + 2);
	buf_init(&loose, 2 * strlen(s) + 2);
	buf_init(&quoted, 2 * strlen(s) + 2);
	for (p = s; *p != '\0'; p++)
		max += *p == '"' || *p == '\'';
	if ((t->phrase = arena_array(a, max, sizeof(*t->phrase))) == NULL)
		goto done;
	for (p = s; *p != '\0'; p = end) {
		if (text_white(*p)) {
			end = p + 1;
			continue;
		}
		if ((end = text_quoted(p)) != NULL) {
			words.off = words.len;
			if (text_phrase(a, p + 1, end - 1, &words, t,
			    max) == -1)
				goto done;
			buf_add(&quoted, buf_peek(&words), buf_left(&words));
			continue;
		}
		for (end = p; *end != '\0' && !text_white(*end); end++)
			;
		buf_add(&words, p, (size_t)(end - p));
		buf_addc(&words, ' ');
		buf_add(&loose, p, (size_t)(end - p));
		buf_addc(&loose, ' ');
	}
	if (buf_bad(&words) || buf_bad(&loose) || buf_bad(&quoted))
		goto done;
	t->words = arena_dup(a, words.len > 0 ? (char *)words.data : "",
	    words.len);
	t->loose = arena_dup(a, loose.len > 0 ? (char *)loose.data : "",
	    loose.len);
	t->quoted = arena_dup(a, quoted.len > 0 ? (char *)quoted.data : "",
	    quoted.len);
	ret = t->words == NULL || t->loose == NULL || t->quoted == NULL ?
	    -1 : 0;
done:
	buf_free(&words);
	buf_free(&loose);
	buf_free(&quoted);
	return ret;
}

/* After a quoted text that begins at p, or NULL: no quote, or it never
 * ends ("but matched"), so that don't and 6'2" are plain words. */
static const char *
text_quoted(const char *p)
{
	const char	*q;

	if (*p != '"' && *p != '\'')
		return NULL;
	for (q = p + 1; *q != '\0'; q++) {
		if (*q == '\\' && q[1] != '\0')
			q++;
		else if (*q == *p)
			return q + 1;
	}
	return NULL;
}

static int
text_phrase(struct arena *a, const char *p, const char *end, struct buf *words,
    struct email_text *t, size_t max)
{
	char	*copy, *folded;
	size_t	 n = 0;

	if ((copy = arena_dup(a, p, (size_t)(end - p))) == NULL)
		return -1;
	for (; p < end; p++) {
		/* "To match one of ' " \ you MUST escape it" */
		if (*p == '\\' && p + 1 < end)
			p++;
		copy[n++] = *p;
	}
	copy[n] = '\0';
	if (n == 0)
		return 0;
	if ((folded = email_text_fold(a, copy, n)) == NULL)
		return -1;
	if (t->nphrase + 1 < max)
		t->phrase[t->nphrase++] = folded;
	/* a star here is itself, not the mark of a prefix */
	for (p = copy; *p != '\0'; p++)
		buf_addc(words, *p == '*' ? ' ' : (unsigned char)*p);
	return buf_addc(words, ' ');
}

/*
 * NFKC and case of what is not ASCII, with the letter before it, which may
 * become one with it; what is ASCII stays.  Nothing is added if all is.
 */
static int
text_norm(struct buf *b, const char *s, size_t n)
{
	size_t	 i, from = 0, run = 0;

	for (i = utf8_ascii(s, n); i < n; i += utf8_ascii(s + i, n - i)) {
		from = i > run ? i - 1 : i;
		buf_add(b, s + run, from - run);
		while (i < n && (unsigned char)s[i] >= 0x80)
			i++;
		if (norm_add(b, s + from, i - from, NORM_FOLD) == -1)
			return -1;
		run = i;
	}
	if (run > 0)
		buf_add(b, s + run, n - run);
	return buf_bad(b) ? -1 : 0;
}

char *
email_text_fold(struct arena *a, const char *s, size_t n)
{
	struct buf	 map;
	char		*out = NULL;
	size_t		 i, k = 0;
	int		 white, gap = 1;	/* none at the front */

	/* U+FDFA makes 33 bytes of three, and nothing makes more */
	buf_init(&map, n < SIZE_MAX / 16 ? 11 * n + 64 : SIZE_MAX);
	if (text_norm(&map, s, n) == -1)
		goto done;
	if (map.len > 0) {
		s = (const char *)map.data;
		n = map.len;
	}
	if ((out = arena_get(a, n + 1)) == NULL)
		goto done;
	/* a branch at each word's end is what takes time */
	for (i = 0; i < n; i++) {
		out[k] = s[i] ^ text_flip[(unsigned char)s[i]];
		white = out[k] == ' ';
		k += !(white & gap);
		gap = white;
	}
	if (k > 0 && out[k - 1] == ' ')
		k--;
	out[k] = '\0';
done:
	buf_free(&map);
	return out;
}

void
email_text_addrs(struct buf *b, const struct mime_addrs *l)
{
	size_t	 i;

	for (i = 0; i < l->n; i++) {
		if (l->addr[i].name != NULL)
			buf_adds(b, l->addr[i].name);
		buf_addc(b, '\n');
		if (l->addr[i].email != NULL)
			buf_adds(b, l->addr[i].email);
		buf_addc(b, '\n');
	}
}

static int
text_white(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Is this the first byte of something that belongs to a word? */
static int
text_wordy(const char *s)
{
	uint32_t	 cp;

	if ((unsigned char)*s < 0x80)
		return (*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9');
	if (utf8_get((const uint8_t *)s, strnlen(s, 4), &cp) == 0)
		return 0;
	switch (utf8proc_category((utf8proc_int32_t)cp)) {
	case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT: case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
		return 1;
	default:	/* LO: scripts without spaces have no word ends */
		return 0;
	}
}

/* Does a word go on across at, which is inside the text from start? */
int
email_text_inside(const char *start, const char *at)
{
	const char	*p = at;

	if (at == start || *at == '\0')
		return 0;
	for (p--; p > start && ((unsigned char)*p & 0xc0) == 0x80; p--)
		;
	return text_wordy(p) && text_wordy(at);
}

/* Bytes of a blank, mark or symbol at s that parts two words, or 0. */
static size_t
text_gap(const char *s)
{
	uint32_t	 cp;
	size_t		 k;

	if (*s == '\0' || text_wordy(s))
		return 0;
	if ((unsigned char)*s < 0x80)
		return 1;
	if ((k = utf8_get((const uint8_t *)s, strnlen(s, 4), &cp)) == 0)
		return 0;
	switch (utf8proc_category((utf8proc_int32_t)cp)) {
	case UTF8PROC_CATEGORY_PC: case UTF8PROC_CATEGORY_PD:
	case UTF8PROC_CATEGORY_PS: case UTF8PROC_CATEGORY_PE:
	case UTF8PROC_CATEGORY_PI: case UTF8PROC_CATEGORY_PF:
	case UTF8PROC_CATEGORY_PO: case UTF8PROC_CATEGORY_SM:
	case UTF8PROC_CATEGORY_SC: case UTF8PROC_CATEGORY_SO:
	case UTF8PROC_CATEGORY_ZS:
		return k;
	default:
		return 0;
	}
}

/* All that parts two words at s, at most TEXT_GAP characters. */
static size_t
text_gaps(const char *s)
{
	size_t	 k, n = 0;
	int	 i;

	for (i = 0; i < TEXT_GAP && (k = text_gap(s + n)) > 0; i++)
		n += k;
	return n;
}

size_t
email_text_at(const char *text, const char *phrase)
{
	const char	*p = text;
	size_t		 k;

	while (*phrase != '\0') {
		if (*phrase != ' ' || phrase[1] == '\0') {
			if (*p++ != *phrase++)
				return 0;
			continue;
		}
		/* "that exact sequence of words": whatever parts them */
		if ((k = text_gaps(p)) == 0)
			return 0;
		p += k;
		phrase += text_gaps(phrase);
	}
	return (size_t)(p - text);
}

int
email_text_has(const char *text, const char *phrase)
{
	const char	*p, *end = text + strlen(text);
	size_t		 k, n = strcspn(phrase, " ");

	if (n == 0)
		return 1;
	for (p = text; p < end && (p = memmem(p, (size_t)(end - p), phrase,
	    n)) != NULL; p++)
		if (!email_text_inside(text, p) &&
		    (k = email_text_at(p, phrase)) > 0 &&
		    !email_text_inside(text, p + k))
			return 1;
	return 0;
}
