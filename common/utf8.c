/* SPDX-License-Identifier: ISC */
/* UTF-8: see utf8.h. */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"

/*
 * RFC 3629 section 4.  By first byte: how long, and the range of the second
 * byte, which alone keeps out overlong forms, surrogates and > U+10FFFF.
 */
static const struct utf8_lead {
	uint8_t	 from, to, len, lo, hi;
} leads[] = {
	{ 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

size_t
utf8_get(const uint8_t *p, size_t n, uint32_t *cp)
{
	const struct utf8_lead	*l = leads, *end = leads + nitems(leads);
	uint32_t		 u;
	size_t			 i;

	if (n == 0)
		return 0;
	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	while (l < end && p[0] > l->to)
		l++;
	if (l == end || p[0] < l->from || n < l->len ||
	    p[1] < l->lo || p[1] > l->hi)
		return 0;
	u = p[0] & (0x7f >> l->len);
	for (i = 1; i < l->len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		u = u << 6 | (p[i] & 0x3f);
	}
	*cp = u;
	return l->len;
}

size_t
utf8_put(uint32_t cp, uint8_t *out)
{
	size_t	 i, len;

	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	if (cp < 0x80) {
		out[0] = cp;
		return 1;
	}
	len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	for (i = len - 1; i > 0; i--, cp >>= 6)
		out[i] = 0x80 | (cp & 0x3f);
	out[0] = (uint8_t)(0xf00 >> len) | cp;
	return len;
}

int
utf8_nonchar(uint32_t cp)
{
	return (cp & 0xfffe) == 0xfffe || (cp >= 0xfdd0 && cp <= 0xfdef);
}

int
utf8_plain(const void *text, size_t n)
{
	const uint8_t	*p = text;
	uint32_t	 cp;
	size_t		 m;

	for (; n > 0; p += m, n -= m) {
		m = 1;
		if (*p >= 0x80 && ((m = utf8_get(p, n, &cp)) == 0 ||
		    utf8_nonchar(cp)))
			return 0;
	}
	return 1;
}

size_t
utf8_ascii(const void *v, size_t n)
{
	const uint8_t	*p = v;
	uint64_t	 w;
	size_t		 i = 0;

	for (; n - i >= 8; i += 8) {
		memcpy(&w, p + i, 8);
		if ((w & 0x8080808080808080ULL) != 0)
			break;
	}
	while (i < n && p[i] < 0x80)
		i++;
	return i;
}

int
utf8_valid(const void *v, size_t n)
{
	const uint8_t	*p = v;
	uint32_t	 cp;
	size_t		 i, k;

	for (i = utf8_ascii(p, n); i < n; i += utf8_ascii(p + i, n - i)) {
		if ((k = utf8_get(p + i, n - i, &cp)) == 0)
			return 0;
		i += k;
	}
	return 1;
}

size_t
utf8_cut(const void *v, size_t n)
{
	const uint8_t	*p = v;
	size_t		 m = n;
	uint32_t	 cp;

	/* step back over at most one unfinished code point */
	while (m > 0 && n - m < 3 && (p[m - 1] & 0xc0) == 0x80)
		m--;
	if (m > 0 && p[m - 1] >= 0x80)
		m--;
	return utf8_get(p + m, n - m, &cp) == n - m ? n : m;
}

int
utf8_casecmp(const void *va, size_t na, const void *vb, size_t nb)
{
	const uint8_t	*a = va, *b = vb;
	size_t		 i, n = na < nb ? na : nb;
	int		 d;

	for (i = 0; i < n; i++)
		if ((d = utf8_lower(a[i]) - utf8_lower(b[i])) != 0)
			return d;
	return na < nb ? -1 : na > nb;
}

int
utf8_caseis(const void *p, size_t n, const char *s)
{
	return strlen(s) == n && utf8_casecmp(p, n, s, n) == 0;
}
