/* SPDX-License-Identifier: ISC */
/*
 * Content-Transfer-Encoding (RFC 2045 6), lenient: whatever can be made of
 * the bytes is made of them.  Called for blobs of parts, for text and by
 * mime_word.c.  Each decoder runs with out NULL to count only, so that the
 * size and the octets cannot differ.
 */
#include "common/compat.h"

#include <string.h>

#include "common/enc.h"
#include "common/utf8.h"
#include "worker/mime/mime_int.h"

#define B64_PAD		64
#define B64_WHITE	65
#define B64_JUNK	66

typedef size_t	decoder(const uint8_t *, size_t, uint8_t *, int *);

static decoder	 base64, qp, uu, identity;
static size_t	 qp_line(const uint8_t *, size_t, uint8_t *, int *);
static size_t	 uu_line(const uint8_t *, size_t, uint8_t *, int *);
static size_t	 uu_put(const uint8_t *, size_t, size_t, uint8_t *);
static size_t	 line(const uint8_t *, size_t, size_t *);

static decoder *const decoders[] = {
	[MIME_7BIT]	= identity,
	[MIME_BASE64]	= base64,
	[MIME_QP]	= qp,
	[MIME_UUENCODE]	= uu,
	[MIME_UNKNOWN]	= identity,
};

/* RFC 4648 4, and the two letters of section 5. */
static const uint8_t b64[256] = {
#define J	B64_JUNK
#define W	B64_WHITE
	J, J, J, J, J, J, J, J, J, W, W, J, J, W, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
	W, J, J, J, J, J, J, J, J, J, J, 62, J, 62, J, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, J, J, J, B64_PAD, J, J,
	J, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, J, J, J, J, 63,
	J, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
#undef J
#undef W
};

enum mime_cte
mime_cte_of(const uint8_t *s, size_t n)
{
	static const struct {
		const char	*name;
		enum mime_cte	 cte;
	} names[] = {
		{ "7bit", MIME_7BIT }, { "8bit", MIME_7BIT },
		{ "binary", MIME_7BIT }, { "base64", MIME_BASE64 },
		{ "quoted-printable", MIME_QP }, { "7-bit", MIME_7BIT },
		{ "8-bit", MIME_7BIT }, { "x-uuencode", MIME_UUENCODE },
		{ "uuencode", MIME_UUENCODE }, { "x-uue", MIME_UUENCODE },
	};
	size_t	 i = mime_hdr_cfws(s, n), k;

	for (k = i; k < n && s[k] > 32 && s[k] != ';' && s[k] != '('; k++)
		continue;
	if (k == i)
		return MIME_7BIT;
	for (n = 0; n < nitems(names); n++)
		if (utf8_caseis(s + i, k - i, names[n].name))
			return names[n].cte;
	return MIME_UNKNOWN;
}

static decoder *
decoder_of(enum mime_cte c)
{
	return (size_t)c < nitems(decoders) ? decoders[c] : identity;
}

size_t
mime_cte_size(enum mime_cte c, const uint8_t *s, size_t n)
{
	int	 junk = 0;

	return decoder_of(c)(s, n, NULL, &junk);
}

int
mime_cte_decode(enum mime_cte c, const uint8_t *s, size_t n, struct buf *out)
{
	decoder	*d = decoder_of(c);
	uint8_t	*to;
	size_t	 room;
	int	 junk = 0;

	if (n == 0)
		return buf_bad(out) ? -1 : 0;
	/* no encoding makes more of the bytes than there are */
	room = c == MIME_BASE64 ? n / 4 * 3 + 3 : n;
	if (room > out->max - out->len)
		room = d(s, n, NULL, &junk);
	if (room != 0) {
		if ((to = buf_reserve(out, room)) == NULL)
			return -1;
		buf_commit(out, d(s, n, to, &junk));
	}
	return junk || c == MIME_UNKNOWN;
}

static size_t
identity(const uint8_t *s, size_t n, uint8_t *out, int *junk)
{
	(void)junk;
	if (out != NULL && n != 0)
		memcpy(out, s, n);
	return n;
}

/*
 * RFC 2045 6.8.  Padding ends a group, not the text: some senders paste
 * encoded pieces together.
 */
static size_t
base64(const uint8_t *s, size_t n, uint8_t *out, int *junk)
{
	uint32_t	 v = 0, q;
	size_t		 i = 0, len = 0;
	unsigned	 c, have = 0;

	while (i < n) {
		if (have == 0 && n - i >= 4) {
			q = (uint32_t)b64[s[i]] << 18 | b64[s[i + 1]] << 12 |
			    b64[s[i + 2]] << 6 | b64[s[i + 3]];
			if ((b64[s[i]] | b64[s[i + 1]] | b64[s[i + 2]] |
			    b64[s[i + 3]]) < 64) {
				if (out != NULL) {
					out[len] = q >> 16;
					out[len + 1] = q >> 8;
					out[len + 2] = q;
				}
				len += 3;
				i += 4;
				continue;
			}
		}
		c = b64[s[i++]];
		if (c == B64_JUNK)
			*junk = 1;
		if (c > B64_PAD)
			continue;
		if (c < 64) {
			v = v << 6 | c;
			have++;
		}
		if (have == 4 || (c == B64_PAD && have > 1)) {
			v <<= 6 * (4 - have);
			for (q = 1; q < have; q++, len++)
				if (out != NULL)
					out[len] = v >> (24 - 8 * q);
		}
		if (have == 4 || c == B64_PAD)
			v = have = 0;
	}
	if (have > 0)
		*junk = 1;		/* padding left out */
	v <<= 6 * (4 - have);
	for (q = 1; q < have; q++, len++)
		if (out != NULL)
			out[len] = v >> (24 - 8 * q);
	return len;
}

/* Bytes of the line at i with its end; *text: without the end. */
static size_t
line(const uint8_t *s, size_t n, size_t *text)
{
	const uint8_t	*nl = memchr(s, '\n', n);
	size_t		 all = nl == NULL ? n : (size_t)(nl - s) + 1;

	*text = nl == NULL ? n : all - 1;
	if (nl != NULL && *text > 0 && s[*text - 1] == '\r')
		(*text)--;
	return all;
}

static size_t
qp(const uint8_t *s, size_t n, uint8_t *out, int *junk)
{
	size_t	 all, text, end, len = 0, i;
	int	 soft;

	for (; n > 0; s += all, n -= all) {
		all = line(s, n, &text);
		/* RFC 2045 6.7 (3): white space at the end is transport's */
		for (end = text; end > 0 && mime_int_wsp(s[end - 1]); end--)
			continue;
		soft = end > 0 && s[end - 1] == '=';
		len += qp_line(s, end - soft, out == NULL ? NULL : out + len,
		    junk);
		if (soft)
			continue;
		for (i = text; i < all; i++, len++)
			if (out != NULL)
				out[len] = s[i];
	}
	return len;
}

static size_t
qp_line(const uint8_t *s, size_t n, uint8_t *out, int *junk)
{
	size_t	 i, len = 0;
	int	 c, h, l;

	for (i = 0; i < n; i++, len++) {
		c = s[i];
		if (c == '=') {
			if (n - i > 2 && (h = enc_hexval(s[i + 1])) != -1 &&
			    (l = enc_hexval(s[i + 2])) != -1) {
				c = h << 4 | l;
				i += 2;
			} else
				*junk = 1;
		}
		if (out != NULL)
			out[len] = c;
	}
	return len;
}

/* From the line after "begin" to "end"; POSIX uuencode, historical form. */
static size_t
uu(const uint8_t *s, size_t n, uint8_t *out, int *junk)
{
	size_t	 all, text, len = 0;
	int	 in = 0;

	for (; n > 0; s += all, n -= all) {
		all = line(s, n, &text);
		if (!in) {
			in = text > 6 && memcmp(s, "begin ", 6) == 0;
			continue;
		}
		if (text == 3 && memcmp(s, "end", 3) == 0)
			return len;
		len += uu_line(s, text, out == NULL ? NULL : out + len, junk);
	}
	*junk = 1;
	return len;
}

static size_t
uu_line(const uint8_t *s, size_t n, uint8_t *out, int *junk)
{
	size_t	 want, len = 0, i;

	if (n == 0 || s[0] < 32 || s[0] > 96)
		return 0;
	want = (s[0] - 32) & 63;
	for (i = 1; n - i >= 4 && len < want; i += 4)
		len += uu_put(s + i, want - len, len, out);
	if (len < want)
		*junk = 1;
	return len;
}

/* Four characters make three bytes, of which max at most are wanted. */
static size_t
uu_put(const uint8_t *s, size_t max, size_t at, uint8_t *out)
{
	uint32_t	 v = 0;
	size_t		 i, n = max < 3 ? max : 3;

	for (i = 0; i < 4; i++)
		v = v << 6 | ((s[i] - 32) & 63);
	if (out != NULL)
		for (i = 0; i < n; i++)
			out[at + i] = v >> (16 - 8 * i);
	return n;
}
