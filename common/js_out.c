/* SPDX-License-Identifier: ISC */
/*
 * JSON text appended to a buffer.  Every answer is written through here.
 * There is no state but the buffer itself: whether a comma is due is seen
 * from its last byte, which is one of "{[:," exactly when none is due (the
 * last byte of a value never is).  What comes out is always JSON if calls
 * nest rightly and text is UTF-8.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "common/js.h"
#include "common/utf8.h"

#define ONES		0x0101010101010101ULL
#define HIGHS		0x8080808080808080ULL

/* A byte's class: 0 plain, 'u' as \u00XX, 'e' E2 80 A8/A9 perhaps, 'x' a
 * noncharacter perhaps, else the letter after the backslash. */
static const char classes[256] = {
	['\0'] = 'u', ['\1'] = 'u', ['\2'] = 'u', ['\3'] = 'u', ['\4'] = 'u',
	['\5'] = 'u', ['\6'] = 'u', ['\7'] = 'u', ['\b'] = 'b', ['\t'] = 't',
	['\n'] = 'n', [0x0b] = 'u', ['\f'] = 'f', ['\r'] = 'r', [0x0e] = 'u',
	[0x0f] = 'u', [0x10] = 'u', [0x11] = 'u', [0x12] = 'u', [0x13] = 'u',
	[0x14] = 'u', [0x15] = 'u', [0x16] = 'u', [0x17] = 'u', [0x18] = 'u',
	[0x19] = 'u', [0x1a] = 'u', [0x1b] = 'u', [0x1c] = 'u', [0x1d] = 'u',
	[0x1e] = 'u', [0x1f] = 'u', ['"'] = '"', ['\\'] = '\\', [0x7f] = 'u',
	[0xe2] = 'e', [0xef] = 'x', [0xf0] = 'x', [0xf1] = 'x', [0xf2] = 'x',
	[0xf3] = 'x', [0xf4] = 'x'
};

static void	out_sep(struct buf *);
static void	out_one(struct buf *, int);
static size_t	out_plain(const uint8_t *, size_t);
static size_t	out_nonchar(struct buf *, const uint8_t *, size_t);
static size_t	out_special(struct buf *, const uint8_t *, size_t);

/* A comma, if a value or member stands before. */
static void
out_sep(struct buf *b)
{
	if (b->len == 0)
		return;
	switch (b->data[b->len - 1]) {
	case '{':
	case '[':
	case ':':
	case ',':
		return;
	}
	buf_add(b, ",", 1);
}

static void
out_one(struct buf *b, int c)
{
	uint8_t	*p;

	if ((p = buf_reserve(b, 1)) == NULL)
		return;
	*p = c;
	buf_commit(b, 1);
}

void
js_out_obj(struct buf *b)
{
	out_sep(b);
	out_one(b, '{');
}

void
js_out_arr(struct buf *b)
{
	out_sep(b);
	out_one(b, '[');
}

void
js_out_end(struct buf *b, int c)
{
	out_one(b, c);
}

void
js_out_key(struct buf *b, const char *name)
{
	size_t	 n = strlen(name);
	uint8_t	*p;

	out_sep(b);
	if ((p = buf_reserve(b, n + 3)) == NULL)
		return;
	p[0] = '"';
	memcpy(p + 1, name, n);
	p[n + 1] = '"';
	p[n + 2] = ':';
	buf_commit(b, n + 3);
}

void
js_out_keyn(struct buf *b, const char *name, size_t n)
{
	js_out_str(b, name, n);
	out_one(b, ':');
}

void
js_out_s(struct buf *b, const char *s)
{
	if (s == NULL)
		js_out_null(b);
	else
		js_out_str(b, s, strlen(s));
}

void
js_out_str(struct buf *b, const void *p, size_t n)
{
	uint8_t	*to;

	out_sep(b);
	if (out_plain(p, n) == n && (to = buf_reserve(b, n + 2)) != NULL) {
		to[0] = '"';
		if (n != 0)
			memcpy(to + 1, p, n);
		to[n + 1] = '"';
		buf_commit(b, n + 2);
		return;
	}
	out_one(b, '"');
	js_out_esc(b, p, n);
	out_one(b, '"');
}

void
js_out_int(struct buf *b, int64_t i)
{
	out_sep(b);
	if (i < 0) {
		out_one(b, '-');
		buf_addu(b, -(uint64_t)i);
	} else
		buf_addu(b, i);
}

void
js_out_uint(struct buf *b, uint64_t u)
{
	out_sep(b);
	buf_addu(b, u);
}

void
js_out_bool(struct buf *b, int yes)
{
	if (yes)
		js_out_raw(b, "true", 4);
	else
		js_out_raw(b, "false", 5);
}

void
js_out_null(struct buf *b)
{
	js_out_raw(b, "null", 4);
}

void
js_out_date(struct buf *b, int64_t ms)
{
	char	 text[DATE_LEN];

	date_utc(ms, text);
	js_out_s(b, text);
}

void
js_out_raw(struct buf *b, const void *p, size_t n)
{
	out_sep(b);
	buf_add(b, p, n);
}

void
js_out_esc(struct buf *b, const void *text, size_t n)
{
	const uint8_t	*p = text;
	size_t		 m;

	while (n > 0) {
		m = out_plain(p, n);
		buf_add(b, p, m);
		p += m;
		n -= m;
		if (n == 0)
			break;
		m = out_special(b, p, n);
		p += m;
		n -= m;
	}
}

/* Bytes from p on that stand for themselves. */
static size_t
out_plain(const uint8_t *p, size_t n)
{
	size_t		 i = 0;
	uint64_t	 w, q, s;

	for (;;) {
		/* eight at a time while all are printable ASCII */
		while (n - i >= 8) {
			memcpy(&w, p + i, sizeof(w));
			q = w ^ (ONES * '"');
			s = w ^ (ONES * '\\');
			if ((w | (w - ONES * 0x20) | (q - ONES) | (s - ONES) |
			    (w + ONES)) & HIGHS)
				break;
			i += 8;
		}
		if (i == n || classes[p[i]] != 0)
			return i;
		i++;
	}
}

/* RFC 7493 2.1: no noncharacters; U+FFFD (EF BF BD) stands for them. */
static size_t
out_nonchar(struct buf *b, const uint8_t *p, size_t n)
{
	uint32_t	 cp;
	size_t		 m = utf8_get(p, n, &cp);

	if (m != 0 && utf8_nonchar(cp))
		buf_add(b, "\xef\xbf\xbd", 3);
	else
		buf_add(b, p, m = m == 0 ? 1 : m);
	return m;
}

/* Write what p[0] begins, escaped; the bytes used. */
static size_t
out_special(struct buf *b, const uint8_t *p, size_t n)
{
	static const char	 hex[] = "0123456789abcdef";
	char			 u[6] = "\\u00", e[2] = "\\";
	int			 class = classes[p[0]];

	if (class == 'e') {
		/* U+2028 and U+2029 end a line in JavaScript */
		if (n >= 3 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8) {
			buf_add(b, p[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
			return 3;
		}
		buf_add(b, p, 1);
	} else if (class == 'x') {
		return out_nonchar(b, p, n);
	} else if (class == 'u') {
		u[4] = hex[p[0] >> 4];
		u[5] = hex[p[0] & 15];
		buf_add(b, u, 6);
	} else {
		e[1] = class;
		buf_add(b, e, 2);
	}
	return 1;
}
