/* SPDX-License-Identifier: ISC */
/*
 * Character sets to UTF-8.  UTF-8, US-ASCII and Windows-1252 are ours; the
 * rest is iconv(3), whose descriptors are all opened before chroot, as glibc
 * loads a module for each.  Called by every file here that makes text.
 *
 * As the WHATWG does, a name stands for the superset that senders really
 * use: ISO-8859-1 is Windows-1252, GB2312 is GB18030, Shift_JIS is CP932.
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

enum kind { UNKNOWN, UTF8, ASCII, CP1252, UTF16, ICONV };

/* Names without anything but letters and digits, in strcmp order. */
static const struct alias {
	const char	*name;
	enum kind	 kind;
	const char	*iconv, *other;	/* other: if the first is unknown */
} aliases[] = {
	{ "ansix341968", ASCII, NULL, NULL },
	{ "arabic", ICONV, "ISO-8859-6", NULL },
	{ "ascii", ASCII, NULL, NULL },
	{ "asmo708", ICONV, "ISO-8859-6", NULL },
	{ "big5", ICONV, "BIG5-HKSCS", "BIG5" },
	{ "big5hkscs", ICONV, "BIG5-HKSCS", "BIG5" },
	{ "cnbig5", ICONV, "BIG5-HKSCS", "BIG5" },
	{ "cp1250", ICONV, "CP1250", NULL },
	{ "cp1251", ICONV, "CP1251", NULL },
	{ "cp1252", CP1252, NULL, NULL },
	{ "cp1253", ICONV, "CP1253", NULL },
	{ "cp1254", ICONV, "CP1254", NULL },
	{ "cp1255", ICONV, "CP1255", NULL },
	{ "cp1256", ICONV, "CP1256", NULL },
	{ "cp1257", ICONV, "CP1257", NULL },
	{ "cp1258", ICONV, "CP1258", NULL },
	{ "cp437", ICONV, "CP437", NULL },
	{ "cp850", ICONV, "CP850", NULL },
	{ "cp852", ICONV, "CP852", NULL },
	{ "cp866", ICONV, "CP866", NULL },
	{ "cp874", ICONV, "CP874", "TIS-620" },
	{ "cp932", ICONV, "CP932", "SHIFT_JIS" },
	{ "cp936", ICONV, "GB18030", NULL },
	{ "cp949", ICONV, "CP949", "EUC-KR" },
	{ "cp950", ICONV, "BIG5-HKSCS", "BIG5" },
	{ "cyrillic", ICONV, "ISO-8859-5", NULL },
	{ "eucjp", ICONV, "EUC-JP-MS", "EUC-JP" },
	{ "euckr", ICONV, "CP949", "EUC-KR" },
	{ "gb18030", ICONV, "GB18030", NULL },
	{ "gb2312", ICONV, "GB18030", NULL },
	{ "gb231280", ICONV, "GB18030", NULL },
	{ "gbk", ICONV, "GB18030", NULL },
	{ "greek", ICONV, "ISO-8859-7", NULL },
	{ "hebrew", ICONV, "ISO-8859-8", NULL },
	{ "hzgb2312", ICONV, "HZ", NULL },
	{ "ibm437", ICONV, "CP437", NULL },
	{ "ibm850", ICONV, "CP850", NULL },
	{ "ibm852", ICONV, "CP852", NULL },
	{ "ibm866", ICONV, "CP866", NULL },
	{ "iso2022jp", ICONV, "ISO-2022-JP-2", "ISO-2022-JP" },
	{ "iso2022jp1", ICONV, "ISO-2022-JP-1", "ISO-2022-JP" },
	{ "iso2022jp2", ICONV, "ISO-2022-JP-2", "ISO-2022-JP" },
	{ "iso2022kr", ICONV, "ISO-2022-KR", NULL },
	{ "iso646us", ASCII, NULL, NULL },
	{ "iso88591", CP1252, NULL, NULL },
	{ "iso885910", ICONV, "ISO-8859-10", NULL },
	{ "iso885911", ICONV, "CP874", "TIS-620" },
	{ "iso885913", ICONV, "ISO-8859-13", NULL },
	{ "iso885914", ICONV, "ISO-8859-14", NULL },
	{ "iso885915", ICONV, "ISO-8859-15", NULL },
	{ "iso885916", ICONV, "ISO-8859-16", NULL },
	{ "iso88592", ICONV, "ISO-8859-2", NULL },
	{ "iso88593", ICONV, "ISO-8859-3", NULL },
	{ "iso88594", ICONV, "ISO-8859-4", NULL },
	{ "iso88595", ICONV, "ISO-8859-5", NULL },
	{ "iso88596", ICONV, "ISO-8859-6", NULL },
	{ "iso88596e", ICONV, "ISO-8859-6", NULL },
	{ "iso88596i", ICONV, "ISO-8859-6", NULL },
	{ "iso88597", ICONV, "ISO-8859-7", NULL },
	{ "iso88598", ICONV, "ISO-8859-8", NULL },
	{ "iso88598e", ICONV, "ISO-8859-8", NULL },
	{ "iso88598i", ICONV, "ISO-8859-8", NULL },
	{ "iso88599", ICONV, "CP1254", "ISO-8859-9" },
	{ "johab", ICONV, "JOHAB", NULL },
	{ "koi8", ICONV, "KOI8-R", NULL },
	{ "koi8r", ICONV, "KOI8-R", NULL },
	{ "koi8ru", ICONV, "KOI8-U", NULL },
	{ "koi8t", ICONV, "KOI8-T", NULL },
	{ "koi8u", ICONV, "KOI8-U", NULL },
	{ "ksc5601", ICONV, "CP949", "EUC-KR" },
	{ "ksc56011987", ICONV, "CP949", "EUC-KR" },
	{ "ksc56011989", ICONV, "CP949", "EUC-KR" },
	{ "latin1", CP1252, NULL, NULL },
	{ "latin2", ICONV, "ISO-8859-2", NULL },
	{ "latin5", ICONV, "CP1254", "ISO-8859-9" },
	{ "latin9", ICONV, "ISO-8859-15", NULL },
	{ "macintosh", ICONV, "MACINTOSH", NULL },
	{ "maccyrillic", ICONV, "MAC-CYRILLIC", "MacCyrillic" },
	{ "macroman", ICONV, "MACINTOSH", NULL },
	{ "ms932", ICONV, "CP932", "SHIFT_JIS" },
	{ "ms936", ICONV, "GB18030", NULL },
	{ "ms949", ICONV, "CP949", "EUC-KR" },
	{ "shiftjis", ICONV, "CP932", "SHIFT_JIS" },
	{ "sjis", ICONV, "CP932", "SHIFT_JIS" },
	{ "tcvn", ICONV, "TCVN", NULL },
	{ "tis620", ICONV, "CP874", "TIS-620" },
	{ "uhc", ICONV, "CP949", "EUC-KR" },
	{ "unicode11utf7", ICONV, "UTF-7", NULL },
	{ "unicode11utf8", UTF8, NULL, NULL },
	{ "us", ASCII, NULL, NULL },
	{ "usascii", ASCII, NULL, NULL },
	{ "utf16", UTF16, NULL, NULL },
	{ "utf16be", ICONV, "UTF-16BE", NULL },
	{ "utf16le", ICONV, "UTF-16LE", NULL },
	{ "utf32", ICONV, "UTF-32", NULL },
	{ "utf32be", ICONV, "UTF-32BE", NULL },
	{ "utf32le", ICONV, "UTF-32LE", NULL },
	{ "utf7", ICONV, "UTF-7", NULL },
	{ "utf8", UTF8, NULL, NULL },
	{ "utf8mb4", UTF8, NULL, NULL },
	{ "viscii", ICONV, "VISCII", "TCVN" },
	{ "win1250", ICONV, "CP1250", NULL },
	{ "win1251", ICONV, "CP1251", NULL },
	{ "win1252", CP1252, NULL, NULL },
	{ "windows1250", ICONV, "CP1250", NULL },
	{ "windows1251", ICONV, "CP1251", NULL },
	{ "windows1252", CP1252, NULL, NULL },
	{ "windows1253", ICONV, "CP1253", NULL },
	{ "windows1254", ICONV, "CP1254", NULL },
	{ "windows1255", ICONV, "CP1255", NULL },
	{ "windows1256", ICONV, "CP1256", NULL },
	{ "windows1257", ICONV, "CP1257", NULL },
	{ "windows1258", ICONV, "CP1258", NULL },
	{ "windows31j", ICONV, "CP932", "SHIFT_JIS" },
	{ "windows874", ICONV, "CP874", "TIS-620" },
	{ "windows936", ICONV, "GB18030", NULL },
	{ "windows949", ICONV, "CP949", "EUC-KR" },
	{ "xansi", CP1252, NULL, NULL },
	{ "xbig5", ICONV, "BIG5-HKSCS", "BIG5" },
	{ "xeucjp", ICONV, "EUC-JP-MS", "EUC-JP" },
	{ "xgbk", ICONV, "GB18030", NULL },
	{ "xmaccyrillic", ICONV, "MAC-CYRILLIC", "MacCyrillic" },
	{ "xmacroman", ICONV, "MACINTOSH", NULL },
	{ "xsjis", ICONV, "CP932", "SHIFT_JIS" },
	{ "xutf8", UTF8, NULL, NULL },
	{ "xwindows949", ICONV, "CP949", "EUC-KR" },
	{ "xxbig5", ICONV, "BIG5-HKSCS", "BIG5" },
};

/* Windows-1252 from 0x80 to 0x9f; 0 where there is nothing. */
static const uint16_t cp1252[32] = {
	0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0,
	0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
};

static iconv_t	 cds[nitems(aliases)];	/* shared by equal names */
static int	 have[nitems(aliases)];

static const struct alias *find(const char *, size_t);
static const struct alias *find_set(const char *);
static size_t	 ascii_len(const uint8_t *, size_t);
static int	 from_utf8(const uint8_t *, size_t, struct buf *);
static int	 from_cp1252(const uint8_t *, size_t, struct buf *);
static int	 from_iconv(iconv_t, const uint8_t *, size_t, struct buf *);
static int	 from_utf16(const uint8_t *, size_t, struct buf *);
static int	 by_guess(const uint8_t *, size_t, struct buf *);
static int	 looks_2022jp(const uint8_t *, size_t);

int
mime_charset_init(void)
{
	size_t	 i, j;
	int	 n = 0;

	for (i = 0; i < nitems(aliases); i++) {
		if (aliases[i].kind != ICONV || have[i])
			continue;
		cds[i] = iconv_open("UTF-8", aliases[i].iconv);
		if (cds[i] == (iconv_t)-1 && aliases[i].other != NULL)
			cds[i] = iconv_open("UTF-8", aliases[i].other);
		if (cds[i] == (iconv_t)-1)
			continue;
		n++;
		for (j = i; j < nitems(aliases); j++)
			if (aliases[j].kind == ICONV && strcmp(
			    aliases[j].iconv, aliases[i].iconv) == 0) {
				cds[j] = cds[i];
				have[j] = 1;
			}
	}
	return n;
}

/* By the letters and digits of the name; NULL if it is none of ours. */
static const struct alias *
find(const char *name, size_t n)
{
	char	 key[NAME_MAX_ + 1];
	size_t	 i, k = 0;
	int	 c;

	for (i = 0; i < n; i++) {
		c = utf8_lower((uint8_t)name[i]);
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			continue;
		if (k == NAME_MAX_)
			return NULL;
		key[k++] = c;
	}
	key[k] = '\0';
	return find_set(key);
}

static const struct alias *
find_set(const char *key)
{
	size_t	 lo = 0, hi = nitems(aliases), mid;
	int	 d;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if ((d = strcmp(key, aliases[mid].name)) == 0)
			return aliases[mid].kind != ICONV || have[mid] ?
			    &aliases[mid] : NULL;
		if (d < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
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
	const struct alias	*a = find(name, namelen);
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
	case ICONV:
		bad = from_iconv(cds[a - aliases], s, n, out);
		break;
	case UNKNOWN:
		by_guess(s, n, out);
		bad = 1;
		break;
	}
	return buf_bad(out) ? -1 : bad;
}

/* Bytes of ASCII at the front. */
static size_t
ascii_len(const uint8_t *s, size_t n)
{
	uint64_t	 w;
	size_t		 i = 0;

	for (; n - i >= 8; i += 8) {
		memcpy(&w, s + i, 8);
		if ((w & 0x8080808080808080ULL) != 0)
			break;
	}
	while (i < n && s[i] < 0x80)
		i++;
	return i;
}

static int
from_utf8(const uint8_t *s, size_t n, struct buf *out)
{
	uint32_t	 cp;
	size_t		 i, k;
	int		 bad = 0;

	while (n > 0) {
		for (i = ascii_len(s, n); i < n; i += k)
			if ((k = utf8_get(s + i, n - i, &cp)) == 0)
				break;
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
		i = ascii_len(s, n);
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
	const struct alias	*a;
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
	if ((a = find_set(le ? "utf16le" : "utf16be")) == NULL)
		return by_guess(s, n, out) | 1;
	return from_iconv(cds[a - aliases], s, n, out);
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
	const struct alias	*a;

	if (ascii_len(s, n) == n) {
		if (looks_2022jp(s, n) && (a = find_set("iso2022jp")) != NULL)
			return from_iconv(cds[a - aliases], s, n, out) | 1;
		buf_add(out, s, n);
		return 0;
	}
	if (utf8_valid(s, n))
		from_utf8(s, n, out);
	else
		from_cp1252(s, n, out);
	return 1;
}
