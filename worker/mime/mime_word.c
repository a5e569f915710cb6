/* SPDX-License-Identifier: ISC */
/*
 * Unstructured text of a header field: unfolding (RFC 5322 2.2.3), encoded
 * words (RFC 2047) and Normalization Form C, as RFC 8621 4.1.2.2 wants them.
 * Called by mime_hdr.c, mime_addr.c (phrases, comments) and mime_param.c.
 *
 * The bytes of neighbouring words in one character set are joined before they
 * are decoded: many senders cut a character in two, which RFC 2047 5 forbids.
 */
#include "common/compat.h"

#include <string.h>

#include "common/enc.h"
#include "common/norm.h"
#include "common/utf8.h"
#include "worker/mime/mime_int.h"

/* encoded-word = "=?" charset "?" encoding "?" encoded-text "?=" */
struct word {
	const uint8_t	*charset, *text;
	size_t		 charsetlen, textlen;
	int		 enc;		/* 'q' or 'b' */
	size_t		 len;		/* of all of it */
};

struct words {
	struct buf	*out;
	struct buf	 raw;		/* decoded bytes of words before now */
	struct word	 last;		/* .. and their character set */
};

static int	 word_parse(const uint8_t *, size_t, struct word *);
static int	 word_get(const uint8_t *, size_t, struct word *);
static const uint8_t *token(const uint8_t *, const uint8_t *, int);
static void	 word_add(struct words *, const struct word *);
static void	 word_q(struct buf *, const uint8_t *, size_t);
static void	 words_end(struct words *);
static size_t	 white(const uint8_t *, size_t);
static void	 plain(const uint8_t *, size_t, struct buf *);
static int	 simple(const uint8_t *, size_t);

/* 1 if no byte needs a second look: printable ASCII without "=?". */
static int
simple(const uint8_t *s, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (s[i] < 32 || s[i] > 126 ||
		    (s[i] == '=' && i + 1 < n && s[i + 1] == '?'))
			return 0;
	return 1;
}

static size_t
white(const uint8_t *s, size_t n)
{
	size_t	 i = 0;

	while (i < n && mime_int_fws(s[i]))
		i++;
	return i;
}

int
mime_word_text(const uint8_t *s, size_t n, struct buf *out)
{
	struct words	 w = { .out = out };
	struct word	 one;
	size_t		 gap, i;

	if (simple(s, n))
		return buf_add(out, s, n);
	buf_init(&w.raw, MIME_SCRATCH);
	while (n > 0) {
		gap = white(s, n);
		if (gap < n && word_get(s + gap, n - gap, &one)) {
			/* RFC 2047 6.2: white between words is not text */
			if (w.last.len == 0)
				mime_word_unfold(s, gap, out);
			word_add(&w, &one);
			s += gap + one.len;
			n -= gap + one.len;
			continue;
		}
		words_end(&w);
		for (i = gap; i < n && !mime_int_fws(s[i]); i++)
			continue;
		plain(s, i, out);
		s += i;
		n -= i;
	}
	words_end(&w);
	buf_free(&w.raw);
	return buf_bad(out) ? -1 : 0;
}

int
mime_word_only(const uint8_t *s, size_t n)
{
	struct word	 w;
	size_t		 gap;

	do {
		gap = white(s, n);
		if (gap == n || !word_get(s + gap, n - gap, &w))
			return 0;
		s += gap + w.len;
		n -= gap + w.len;
	} while (white(s, n) < n);
	return 1;
}

/* The end of a run of token characters that is followed by c, or NULL. */
static const uint8_t *
token(const uint8_t *p, const uint8_t *end, int c)
{
	while (p < end && *p > 32 && *p < 127 && *p != '?')
		p++;
	return p < end && *p == c ? p : NULL;
}

static int
word_parse(const uint8_t *s, size_t n, struct word *w)
{
	const uint8_t	*end = s + n, *p, *star;

	if (n < 8 || s[0] != '=' || s[1] != '?')
		return 0;
	w->charset = s + 2;
	if ((p = token(w->charset, end, '?')) == NULL || end - p < 5 ||
	    p[2] != '?')
		return 0;
	w->charsetlen = p - w->charset;
	/* RFC 2231 5: a language may follow */
	star = memchr(w->charset, '*', w->charsetlen);
	if (star != NULL)
		w->charsetlen = star - w->charset;
	w->enc = utf8_lower(p[1]);
	w->text = p + 3;
	if ((w->enc != 'q' && w->enc != 'b') ||
	    (p = token(w->text, end, '?')) == NULL ||
	    end - p < 2 || p[1] != '=')
		return 0;
	w->textlen = p - w->text;
	w->len = p + 2 - s;
	return 1;
}

size_t
mime_word_len(const uint8_t *s, size_t n)
{
	struct word	 w;

	return word_parse(s, n, &w) ? w.len : 0;
}

/* One that ends where white space or the text does, in a known set. */
static int
word_get(const uint8_t *s, size_t n, struct word *w)
{
	return word_parse(s, n, w) &&
	    (w->len == n || mime_int_fws(s[w->len])) &&
	    mime_charset_known((const char *)w->charset, w->charsetlen);
}

static void
word_add(struct words *w, const struct word *one)
{
	if (w->last.len != 0 && utf8_casecmp(one->charset, one->charsetlen,
	    w->last.charset, w->last.charsetlen) != 0)
		words_end(w);
	w->last = *one;
	if (one->enc == 'b')
		mime_cte_decode(MIME_BASE64, one->text, one->textlen, &w->raw);
	else
		word_q(&w->raw, one->text, one->textlen);
}

/* RFC 2047 4.2; a bad escape stays as it is. */
static void
word_q(struct buf *b, const uint8_t *s, size_t n)
{
	size_t	 i;
	int	 h, l;

	for (i = 0; i < n; i++) {
		if (s[i] == '=' && n - i > 2 &&
		    (h = enc_hexval(s[i + 1])) != -1 &&
		    (l = enc_hexval(s[i + 2])) != -1) {
			buf_addc(b, h << 4 | l);
			i += 2;
		} else
			buf_addc(b, s[i] == '_' ? ' ' : s[i]);
	}
}

/* What the words said, in UTF-8 and without control characters. */
static void
words_end(struct words *w)
{
	struct buf	 u;
	uint32_t	 cp;
	size_t		 i, k;

	if (w->last.len == 0)
		return;
	buf_init(&u, MIME_SCRATCH);
	mime_charset_utf8((const char *)w->last.charset, w->last.charsetlen,
	    w->raw.data, w->raw.len, &u);
	for (i = 0; i < u.len; i += k == 0 ? 1 : k) {
		k = utf8_get(u.data + i, u.len - i, &cp);
		/* RFC 8621 4.1.2.2: control characters are dropped */
		if (k != 0 && cp >= 32 && (cp < 127 || cp > 159))
			buf_add(w->out, u.data + i, k);
	}
	buf_free(&u);
	buf_reset(&w->raw);
	w->last.len = 0;
}

int
mime_word_unfold(const uint8_t *s, size_t n, struct buf *out)
{
	size_t	 i, from = 0;

	if (n == 0)
		return buf_bad(out) ? -1 : 0;
	for (i = 0; i < n; i++)
		if (s[i] == '\r' || s[i] == '\n' || s[i] == '\0') {
			buf_add(out, s + from, i - from);
			from = i + 1;
		}
	return buf_add(out, s + from, n - from);
}

/* Text outside of words; RFC 6532 makes it UTF-8, the rest is guessed. */
static void
plain(const uint8_t *s, size_t n, struct buf *out)
{
	struct buf	 u;

	if (utf8_valid(s, n)) {
		mime_word_unfold(s, n, out);
		return;
	}
	buf_init(&u, MIME_SCRATCH);
	mime_charset_utf8("", 0, s, n, &u);
	mime_word_unfold(u.data, u.len, out);
	buf_free(&u);
}

/* Nothing below U+0300 composes or is composed (leads below 0xcc). */
const char *
mime_word_nfc(struct arena *a, struct buf *b)
{
	struct buf	 nfc;
	const char	*out;
	size_t		 i;

	for (i = 0; i < b->len && b->data[i] < 0xcc; i++)
		continue;
	if (i == b->len)
		return arena_dup(a, b->data, b->len);
	buf_init(&nfc, 3 * MIME_SCRATCH);
	norm_add(&nfc, b->data, b->len, NORM_NFC);
	out = arena_dup(a, nfc.data, nfc.len);
	buf_free(&nfc);
	return out;
}
