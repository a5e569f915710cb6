/* SPDX-License-Identifier: ISC */
/*
 * Character sets to UTF-8.  UTF-8, US-ASCII, Windows-1252 and HZ are ours;
 * the rest is iconv(3), whose descriptors are all opened before chroot, as
 * glibc loads a module for each.  Called by every file here that makes text.
 *
 * Which name stands for which set is mime_alias.c's.
 * Never here: ISO-2022-CN-EXT (glibc's decoder has had holes).
 */
#include "common/compat.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "common/utf8.h"
#include "worker/mime/mime_int.h"

#define NAME_MAX_	40	/* letters and digits of a set's name */
#define CHUNK		4096	/* bytes asked of iconv at a time */
#define REPLACE		"\xef\xbf\xbd"

enum kind { UNKNOWN, UTF8, ASCII, CP1252, UTF16, HZ, ICONV };

static const struct set {
	enum kind	 kind;
	const char	*iconv, *other;	/* other: if the first is unknown */
} sets[SET_MAX] = {
	[SET_UTF8] = { UTF8, NULL, NULL },
	[SET_ASCII] = { ASCII, NULL, NULL },
	[SET_CP1252] = { CP1252, NULL, NULL },
	[SET_UTF16] = { UTF16, NULL, NULL },
	[SET_HZ] = { HZ, NULL, NULL },
	[SET_BIG5] = { ICONV, "BIG5-HKSCS", "BIG5" },
	[SET_CP1250] = { ICONV, "CP1250", NULL },
	[SET_CP1251] = { ICONV, "CP1251", NULL },
	[SET_CP1253] = { ICONV, "CP1253", NULL },
	[SET_CP1254] = { ICONV, "CP1254", "ISO-8859-9" },
	[SET_CP1255] = { ICONV, "CP1255", NULL },
	[SET_CP1256] = { ICONV, "CP1256", NULL },
	[SET_CP1257] = { ICONV, "CP1257", NULL },
	[SET_CP1258] = { ICONV, "CP1258", NULL },
	[SET_CP437] = { ICONV, "CP437", NULL },
	[SET_CP737] = { ICONV, "CP737", NULL },
	[SET_CP775] = { ICONV, "CP775", NULL },
	[SET_CP850] = { ICONV, "CP850", NULL },
	[SET_CP852] = { ICONV, "CP852", NULL },
	[SET_CP855] = { ICONV, "CP855", NULL },
	[SET_CP857] = { ICONV, "CP857", NULL },
	[SET_CP858] = { ICONV, "CP858", "CP850" },
	[SET_CP862] = { ICONV, "CP862", NULL },
	[SET_CP866] = { ICONV, "CP866", NULL },
	[SET_CP874] = { ICONV, "CP874", "TIS-620" },
	[SET_CP932] = { ICONV, "CP932", "SHIFT_JIS" },
	[SET_CP949] = { ICONV, "CP949", "EUC-KR" },
	[SET_EUC_JP] = { ICONV, "EUC-JP-MS", "EUC-JP" },
	[SET_GB18030] = { ICONV, "GB18030", NULL },
	[SET_2022_JP_1] = { ICONV, "ISO-2022-JP-1", "ISO-2022-JP" },
	[SET_2022_JP_2] = { ICONV, "ISO-2022-JP-2", "ISO-2022-JP" },
	[SET_2022_KR] = { ICONV, "ISO-2022-KR", NULL },
	[SET_8859_10] = { ICONV, "ISO-8859-10", NULL },
	[SET_8859_13] = { ICONV, "ISO-8859-13", NULL },
	[SET_8859_14] = { ICONV, "ISO-8859-14", NULL },
	[SET_8859_15] = { ICONV, "ISO-8859-15", NULL },
	[SET_8859_16] = { ICONV, "ISO-8859-16", NULL },
	[SET_8859_2] = { ICONV, "ISO-8859-2", NULL },
	[SET_8859_3] = { ICONV, "ISO-8859-3", NULL },
	[SET_8859_4] = { ICONV, "ISO-8859-4", NULL },
	[SET_8859_5] = { ICONV, "ISO-8859-5", NULL },
	[SET_8859_6] = { ICONV, "ISO-8859-6", NULL },
	[SET_8859_7] = { ICONV, "ISO-8859-7", NULL },
	[SET_8859_8] = { ICONV, "ISO-8859-8", NULL },
	[SET_JOHAB] = { ICONV, "JOHAB", NULL },
	[SET_KOI8_R] = { ICONV, "KOI8-R", NULL },
	[SET_KOI8_T] = { ICONV, "KOI8-T", NULL },
	[SET_KOI8_U] = { ICONV, "KOI8-U", NULL },
	[SET_MAC_CE] = { ICONV, "MAC-CENTRALEUROPE", "MacCentralEurope" },
	[SET_MAC_CYRILLIC] = { ICONV, "MAC-CYRILLIC", "MacCyrillic" },
	[SET_MACINTOSH] = { ICONV, "MACINTOSH", NULL },
	[SET_TCVN] = { ICONV, "TCVN", NULL },
	[SET_UTF16BE] = { ICONV, "UTF-16BE", NULL },
	[SET_UTF16LE] = { ICONV, "UTF-16LE", NULL },
	[SET_UTF32] = { ICONV, "UTF-32", NULL },
	[SET_UTF32BE] = { ICONV, "UTF-32BE", NULL },
	[SET_UTF32LE] = { ICONV, "UTF-32LE", NULL },
	[SET_UTF7] = { ICONV, "UTF-7", NULL },
	[SET_VISCII] = { ICONV, "VISCII", "TCVN" },
};

/* Windows-1252 from 0x80 to 0x9f; 0 where there is nothing. */
static const uint16_t cp1252[32] = {
	0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0,
	0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
};

static iconv_t	 cds[nitems(sets)];
static int	 have[nitems(sets)];

static const struct set *find(const char *, size_t);
static const struct set *find_set(const char *, size_t);
static int	 from_utf8(const uint8_t *, size_t, struct buf *);
static int	 from_cp1252(const uint8_t *, size_t, struct buf *);
static int	 from_iconv(iconv_t, const uint8_t *, size_t, struct buf *);
static int	 from_utf16(const uint8_t *, size_t, struct buf *);
static int	 from_hz(const uint8_t *, size_t, struct buf *);
static int	 by_guess(const uint8_t *, size_t, struct buf *);
static int	 looks_2022jp(const uint8_t *, size_t);

int
mime_charset_init(void)
{
	size_t	 i;
	int	 n = 0;

	for (i = 0; i < nitems(sets); i++) {
		if (sets[i].kind != ICONV || have[i])
			continue;
		cds[i] = iconv_open("UTF-8", sets[i].iconv);
		if (cds[i] == (iconv_t)-1 && sets[i].other != NULL)
			cds[i] = iconv_open("UTF-8", sets[i].other);
		if (cds[i] == (iconv_t)-1)
			continue;
		have[i] = 1;
		n++;
	}
	return n;
}

/* By the letters and digits of the name; NULL if it is none of ours. */
static const struct set *
find(const char *name, size_t n)
{
	char	 key[NAME_MAX_];
	size_t	 i, k = 0;
	int	 c;

	for (i = 0; i < n; i++) {
		c = utf8_lower((uint8_t)name[i]);
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			continue;
		if (k == sizeof(key))
			return NULL;
		key[k++] = c;
	}
	return k == 0 ? NULL : find_set(key, k);
}

static const struct set *
find_set(const char *key, size_t n)
{
	const struct mime_alias	*a = mime_alias(key, n);

	if (a == NULL || (sets[a->set].kind == ICONV && !have[a->set]))
		return NULL;
	return &sets[a->set];
}

int
mime_charset_known(const char *name, size_t n)
{
	return find(name, n) != NULL;
}

int
mime_charset_utf8(const char *name, size_t namelen, const uint8_t *s,
    size_t n, struct buf *out)
{
	const struct set	*a = find(name, namelen);
	int			 bad = 0;

	switch (a == NULL ? UNKNOWN : a->kind) {
	case UTF8:
		bad = from_utf8(s, n, out);
		break;
	case ASCII:
		bad = by_guess(s, n, out);
		break;
	case CP1252:
		bad = from_cp1252(s, n, out);
		break;
	case UTF16:
		bad = from_utf16(s, n, out);
		break;
	case HZ:
		bad = from_hz(s, n, out);
		break;
	case ICONV:
		bad = from_iconv(cds[a - sets], s, n, out);
		break;
	case UNKNOWN:
		by_guess(s, n, out);
		bad = 1;
		break;
	}
	return buf_bad(out) ? -1 : bad;
}

static int
from_utf8(const uint8_t *s, size_t n, struct buf *out)
{
	uint32_t	 cp;
	size_t		 i, k;
	int		 bad = 0;

	while (n > 0) {
		for (i = utf8_ascii(s, n); i < n; i += k) {
			if ((k = utf8_get(s + i, n - i, &cp)) == 0)
				break;
			k += utf8_ascii(s + i + k, n - i - k);
		}
		buf_add(out, s, i);
		s += i;
		n -= i;
		if (n == 0)
			break;
		/* a lead byte and what follows it are one mistake */
		buf_add(out, REPLACE, 3);
		bad = 1;
		do {
			s++;
			n--;
		} while (n > 0 && (*s & 0xc0) == 0x80);
	}
	return bad;
}

static int
from_cp1252(const uint8_t *s, size_t n, struct buf *out)
{
	uint8_t		 u[4];
	uint32_t	 cp;
	size_t		 i;
	int		 bad = 0;

	while (n > 0) {
		i = utf8_ascii(s, n);
		buf_add(out, s, i);
		for (; i < n && s[i] >= 0x80; i++) {
			cp = s[i] < 0xa0 ? cp1252[s[i] - 0x80] : s[i];
			if (cp == 0) {
				cp = 0xfffd;
				bad = 1;
			}
			buf_add(out, u, utf8_put(cp, u));
		}
		s += i;
		n -= i;
	}
	return bad;
}

static int
from_iconv(iconv_t cd, const uint8_t *s, size_t n, struct buf *out)
{
	char	*in, *to;
	size_t	 room, left, r;
	int	 bad = 0;

	iconv(cd, NULL, NULL, NULL, NULL);
	memcpy(&in, &s, sizeof(in));	/* iconv's prototype lacks const */
	while (n > 0) {
		room = out->max - out->len;
		room = room < CHUNK ? room : CHUNK;
		if (room < 8 || (to = (char *)buf_reserve(out, room)) ==
		    NULL) {
			out->bad = 1;
			break;
		}
		left = room;
		r = iconv(cd, &in, &n, &to, &left);
		buf_commit(out, room - left);
		if (r != (size_t)-1 || errno == E2BIG) {
			if (r == (size_t)-1 && left == room) {
				out->bad = 1;
				break;
			}
			continue;
		}
		buf_add(out, REPLACE, 3);
		bad = 1;
		if (errno != EILSEQ || n == 0)
			break;		/* EINVAL: cut off at the end */
		in++;
		n--;
	}
	/* some sets hold a letter back that might get an accent */
	room = out->max - out->len < 16 ? out->max - out->len : 16;
	if (room > 0 && (to = (char *)buf_reserve(out, room)) != NULL) {
		left = room;
		iconv(cd, NULL, NULL, &to, &left);
		buf_commit(out, room - left);
	}
	return bad;
}

/* RFC 2781 4.3: by the mark, else big-endian, but see which has the zeros. */
static int
from_utf16(const uint8_t *s, size_t n, struct buf *out)
{
	const struct set	*a;
	size_t			 i, even = 0, odd = 0;
	int			 le;

	for (i = 0; i < n && i < 64; i++)
		*(i % 2 == 0 ? &even : &odd) += s[i] == 0;
	le = odd > even;
	if (n >= 2 && ((s[0] == 0xff && s[1] == 0xfe) ||
	    (s[0] == 0xfe && s[1] == 0xff))) {
		le = s[0] == 0xff;
		s += 2;
		n -= 2;
	}
	if ((a = find_set(le ? "utf16le" : "utf16be", 7)) == NULL)
		return by_guess(s, n, out) | 1;
	return from_iconv(cds[a - sets], s, n, out);
}

/* RFC 1843: GB2312 in seven bits between "~{" and "~}", within a line. */
static int
from_hz(const uint8_t *s, size_t n, struct buf *out)
{
	const struct set	*gb = find_set("gb2312", 6);
	struct buf		 b;
	size_t			 i;
	int			 two = 0, bad;

	if (gb == NULL)
		return by_guess(s, n, out) | 1;
	buf_init(&b, n + 1);
	for (i = 0; i < n; i++) {
		if (s[i] == '~' && i + 1 < n && s[i + 1] == (two ? '}' : '{'))
			two = s[++i] == '{';
		else if (s[i] == '~' && !two && i + 1 < n &&
		    (s[i + 1] == '~' || s[i + 1] == '\n')) {
			if (s[++i] == '~')
				buf_addc(&b, '~');
		} else {
			two = two && s[i] != '\n';
			buf_addc(&b, two && s[i] > ' ' ? s[i] | 0x80 : s[i]);
		}
	}
	bad = from_iconv(cds[gb - sets], b.data, b.len, out);
	bad |= buf_bad(&b);
	buf_free(&b);
	return bad;
}

static int
looks_2022jp(const uint8_t *s, size_t n)
{
	const uint8_t	*esc = n == 0 ? NULL : memchr(s, 0x1b, n);

	return esc != NULL && s + n - esc > 3 && esc[1] == '$' &&
	    (esc[2] == 'B' || esc[2] == '@');
}

/* Said to be ASCII, or nothing: 0 if it is ASCII. */
static int
by_guess(const uint8_t *s, size_t n, struct buf *out)
{
	const struct set	*a;

	if (utf8_ascii(s, n) == n) {
		if (looks_2022jp(s, n) &&
		    (a = find_set("iso2022jp", 9)) != NULL)
			return from_iconv(cds[a - sets], s, n, out) | 1;
		buf_add(out, s, n);
		return 0;
	}
	if (utf8_valid(s, n))
		from_utf8(s, n, out);
	else
		from_cp1252(s, n, out);
	return 1;
}
