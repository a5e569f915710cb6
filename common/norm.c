/* SPDX-License-Identifier: ISC */
/* Normalization in bounded pieces: see norm.h. */
#include "common/compat.h"

#include <stdlib.h>

#include <utf8proc.h>

#include "common/buf.h"
#include "common/norm.h"
#include "common/utf8.h"

#define PIECE	512	/* bytes normalised at once */

static const int options[] = {
	[NORM_NFC]	= UTF8PROC_STABLE | UTF8PROC_COMPOSE,
	[NORM_FOLD]	= UTF8PROC_STABLE | UTF8PROC_COMPAT |
	    UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD,
	[NORM_KEY]	= UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |
	    UTF8PROC_COMPAT | UTF8PROC_CASEFOLD,
};

static size_t	 piece(const uint8_t *, size_t);

/* Bytes up to a good place to cut, PIECE at most. */
static size_t
piece(const uint8_t *s, size_t n)
{
	size_t	 k;

	if (n <= PIECE)
		return n;
	for (k = PIECE; k > 0; k--)
		if (s[k] < 0x80)
			return k;
	for (k = PIECE; k > 1 && (s[k] & 0xc0) == 0x80; k--)
		continue;
	return k;
}

int
norm_add(struct buf *out, const void *p, size_t n, enum norm form)
{
	const uint8_t		*s = p;
	utf8proc_uint8_t	*got;
	utf8proc_ssize_t	 len;
	size_t			 k;
	int			 r;

	for (; n > 0; s += k, n -= k) {
		k = piece(s, n);
		got = NULL;
		len = utf8proc_map(s, k, &got, options[form]);
		if (len == UTF8PROC_ERROR_NOMEM)
			return -1;
		r = len < 0 ? buf_add(out, s, k) : buf_add(out, got, len);
		free(got);
		if (r == -1)
			return -1;
	}
	return buf_bad(out) ? -1 : 0;
}

const char *
norm_net(const void *p, size_t n)
{
	const uint8_t	*s = p, *end = s + n;
	uint32_t	 cp;
	size_t		 k;

	for (; s < end; s += k) {
		if ((k = utf8_get(s, end - s, &cp)) == 0)
			return "not UTF-8";
		/* RFC 5198 2 (3): neither C0 nor C1 controls */
		if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			return "a control character";
		/* RFC 5198 2: similar observations apply to U+2028, U+2029 */
		if (cp == 0x2028 || cp == 0x2029)
			return "a line separator";
		/* RFC 5198 2 (5): the BOM MUST NOT appear at the beginning */
		if (cp == 0xfeff && s == p)
			return "a byte order mark";
		/* RFC 5198 2 (6) */
		if (utf8_nonchar(cp))
			return "not a character";
	}
	return NULL;
}
