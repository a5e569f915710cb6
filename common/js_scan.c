/* SPDX-License-Identifier: ISC */
/*
 * Is it I-JSON (RFC 8259 narrowed by RFC 7493)?  One pass over the bytes
 * that allocates nothing, so that json-c only ever sees what is well formed
 * and affordable: it accepts NaN, single quotes, raw controls, broken UTF-8
 * and lone surrogates, and takes 2.6 GB for 10 MB of "{}".  Called by js.c
 * and by nobody else for requests.  Must never be skipped.
 */
#include "common/compat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/enc.h"
#include "common/js.h"
#include "common/utf8.h"

/* What json-c takes, measured: bytes for each of a kind. */
#define MEM_OBJECT	720
#define MEM_ARRAY	360
#define MEM_VALUE	72
#define MEM_MEMBER	56

#define NUMBER_LEN	32		/* characters of a number */

#define ONES		0x0101010101010101ULL
#define HIGHS		0x8080808080808080ULL

struct scan {
	const uint8_t	*p;
	const uint8_t	*end;
	const struct js_limits	*lim;
	struct js_info	*info;
	unsigned	 depth;
	uint64_t	 objects;		/* bit of a level: an object */
	size_t		 keys[JS_DEPTH];	/* members of each level */
};

/* What to expect next. */
enum { WANT_VALUE, WANT_VALUE_OR_END, WANT_KEY, WANT_KEY_OR_END, WANT_MORE };

const struct js_limits js_scan_limits = {
	JS_DEPTH, 200000, 20000, 64 << 20, 0
}, js_scan_strict = {
	JS_DEPTH, 200000, 20000, 64 << 20, 1
};

static enum js_fault	scan_text(struct scan *);
static enum js_fault	scan_step(struct scan *, int *);
static enum js_fault	scan_value(struct scan *, int *);
static enum js_fault	scan_key(struct scan *, int *);
static enum js_fault	scan_more(struct scan *, int *);
static enum js_fault	scan_open(struct scan *, int, int *);
static int		scan_close(struct scan *, int *);
static enum js_fault	scan_string(struct scan *);
static enum js_fault	scan_escape(struct scan *);
static int		scan_hex4(struct scan *, unsigned *);
static enum js_fault	scan_number(struct scan *);
static enum js_fault	scan_range(const uint8_t *, size_t, int);
static enum js_fault	scan_word(struct scan *, const char *);
static void		scan_space(struct scan *);
static int		scan_digits(struct scan *);

enum js_fault
js_scan(const void *p, size_t n, const struct js_limits *lim,
    struct js_info *info)
{
	struct scan	 s;
	enum js_fault	 f;

	memset(info, 0, sizeof(*info));
	s.p = p;
	s.end = s.p + n;
	s.lim = lim;
	s.info = info;
	s.depth = 0;
	s.objects = 0;
	f = scan_text(&s);
	info->at = s.p - (const uint8_t *)p;
	return f;
}

int
js_scan_text(const void *p, size_t n)
{
	return memchr(p, '\0', n) == NULL && utf8_plain(p, n);
}

const char *
js_scan_str(enum js_fault f)
{
	static const char *const str[] = {
		[JS_OK] = "no fault",
		[JS_SYNTAX] = "not well-formed JSON",
		[JS_UTF8] = "a string is not valid UTF-8",
		[JS_NONCHAR] = "a string contains a Unicode noncharacter",
		[JS_NUL] = "a string contains U+0000",
		[JS_NUMBER] = "a number is out of range",
		[JS_DEEP] = "nested too deeply",
		[JS_MANY] = "too many values",
		[JS_MEMORY] = "takes too much memory"
	};

	return str[f];
}

/* JSON-text = ws value ws */
static enum js_fault
scan_text(struct scan *s)
{
	enum js_fault	 f;
	int		 want = WANT_VALUE;

	do {
		scan_space(s);
		if (s->p == s->end)
			return JS_SYNTAX;
		if ((f = scan_step(s, &want)) != JS_OK)
			return f;
	} while (s->depth > 0);
	scan_space(s);
	return s->p == s->end ? JS_OK : JS_SYNTAX;
}

static enum js_fault
scan_step(struct scan *s, int *want)
{
	switch (*want) {
	case WANT_MORE:
		return scan_more(s, want);
	case WANT_KEY_OR_END:
	case WANT_VALUE_OR_END:
		if (scan_close(s, want))
			return JS_OK;
		if (*want == WANT_VALUE_OR_END)
			return scan_value(s, want);
		return scan_key(s, want);
	case WANT_KEY:
		return scan_key(s, want);
	default:
		return scan_value(s, want);
	}
}

/* value = false / null / true / object / array / number / string */
static enum js_fault
scan_value(struct scan *s, int *want)
{
	struct js_info	*i = s->info;

	if (++i->values > s->lim->values)
		return JS_MANY;
	i->memory += MEM_VALUE;
	if (i->memory > s->lim->memory)
		return JS_MEMORY;
	*want = WANT_MORE;
	switch (*s->p) {
	case '"':
		s->p++;
		return scan_string(s);
	case '{':
		return scan_open(s, 1, want);
	case '[':
		return scan_open(s, 0, want);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		return scan_number(s);
	}
}

static enum js_fault
scan_open(struct scan *s, int object, int *want)
{
	unsigned	 max = s->lim->depth;

	if (s->depth >= (max < JS_DEPTH ? max : JS_DEPTH))
		return JS_DEEP;
	if (object) {
		if (++s->info->objects > s->lim->objects)
			return JS_MANY;
		s->info->memory += MEM_OBJECT;
		s->objects |= 1ULL << s->depth;
		*want = WANT_KEY_OR_END;
	} else {
		s->info->memory += MEM_ARRAY;
		s->objects &= ~(1ULL << s->depth);
		*want = WANT_VALUE_OR_END;
	}
	s->keys[s->depth++] = 0;
	s->p++;
	return JS_OK;
}

/* 1 if the bracket that ends the innermost level stands here. */
static int
scan_close(struct scan *s, int *want)
{
	int	 object = s->objects >> (s->depth - 1) & 1;

	if (*s->p != (object ? '}' : ']'))
		return 0;
	s->p++;
	s->depth--;
	*want = WANT_MORE;
	return 1;
}

/* After a value: value-separator or the end of the level. */
static enum js_fault
scan_more(struct scan *s, int *want)
{
	if (scan_close(s, want))
		return JS_OK;
	if (*s->p != ',')
		return JS_SYNTAX;
	s->p++;
	*want = s->objects >> (s->depth - 1) & 1 ? WANT_KEY : WANT_VALUE;
	return JS_OK;
}

/* member = string name-separator value: as far as the separator */
static enum js_fault
scan_key(struct scan *s, int *want)
{
	enum js_fault	 f;

	if (*s->p != '"')
		return JS_SYNTAX;
	if (++s->keys[s->depth - 1] > JS_KEYS)
		return JS_MANY;
	s->info->members++;
	s->info->memory += MEM_MEMBER;
	s->p++;
	if ((f = scan_string(s)) != JS_OK)
		return f;
	scan_space(s);
	if (s->p == s->end || *s->p != ':')
		return JS_SYNTAX;
	s->p++;
	*want = WANT_VALUE;
	return JS_OK;
}

/* 1 if one of the eight bytes may need a closer look. */
static inline int
scan_special(const uint8_t *p)
{
	uint64_t	 w, q, b;

	memcpy(&w, p, sizeof(w));
	q = w ^ (ONES * '"');
	b = w ^ (ONES * '\\');
	return ((w | (w - ONES * 0x20) | (q - ONES) | (b - ONES)) & HIGHS) != 0;
}

/* The rest of a string after its opening quote. */
static enum js_fault
scan_string(struct scan *s)
{
	const uint8_t	*from = s->p;
	enum js_fault	 f;
	uint32_t	 cp;
	size_t		 n;

	for (;;) {
		while (s->end - s->p >= 8 && !scan_special(s->p))
			s->p += 8;
		if (s->p == s->end)
			return JS_SYNTAX;
		if (*s->p == '"')
			break;
		if (*s->p == '\\') {
			if ((f = scan_escape(s)) != JS_OK)
				return f;
		} else if (*s->p < 0x20) {
			return *s->p == '\0' ? JS_NUL : JS_SYNTAX;
		} else if (*s->p < 0x80) {
			s->p++;
		} else {
			if ((n = utf8_get(s->p, s->end - s->p, &cp)) == 0)
				return JS_UTF8;
			if (s->lim->strict && utf8_nonchar(cp))
				return JS_NONCHAR;
			s->p += n;
		}
	}
	s->info->memory += s->p - from;
	s->p++;
	return JS_OK;
}

/* escape %x75 4HEXDIG and the short forms */
static enum js_fault
scan_escape(struct scan *s)
{
	unsigned	 hi, lo;

	s->p++;
	if (s->p == s->end)
		return JS_SYNTAX;
	if (*s->p != 'u') {
		if (*s->p == '\0' || strchr("\"\\/bfnrt", *s->p) == NULL)
			return JS_SYNTAX;
		s->p++;
		return JS_OK;
	}
	if (scan_hex4(s, &hi) == -1)
		return JS_SYNTAX;
	if (hi == 0)
		return JS_NUL;
	if (hi < 0xd800 || hi > 0xdfff)
		return s->lim->strict && utf8_nonchar(hi) ? JS_NONCHAR :
		    JS_OK;
	/* RFC 7493 2.1: surrogates only as a pair, high one first */
	if (hi > 0xdbff || s->end - s->p < 6 || *s->p++ != '\\' ||
	    *s->p != 'u' || scan_hex4(s, &lo) == -1 ||
	    lo < 0xdc00 || lo > 0xdfff)
		return JS_UTF8;
	hi = 0x10000 + ((hi & 0x3ff) << 10 | (lo & 0x3ff));
	return s->lim->strict && utf8_nonchar(hi) ? JS_NONCHAR : JS_OK;
}

/* "uXXXX" */
static int
scan_hex4(struct scan *s, unsigned *out)
{
	int	 i, v;

	if (s->end - s->p < 5)
		return -1;
	for (*out = 0, i = 1; i < 5; i++) {
		if ((v = enc_hexval(s->p[i])) == -1)
			return -1;
		*out = *out << 4 | v;
	}
	s->p += 5;
	return 0;
}

/* number = [ "-" ] int [ frac ] [ exp ] */
static enum js_fault
scan_number(struct scan *s)
{
	const uint8_t	*from = s->p;
	int		 real = 0;

	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;			/* no leading zeros */
	else if (!scan_digits(s))
		return JS_SYNTAX;
	if (s->p < s->end && *s->p == '.') {
		real = 1;
		s->p++;
		if (!scan_digits(s))
			return JS_SYNTAX;
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		real = 1;
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (!scan_digits(s))
			return JS_SYNTAX;
	}
	return scan_range(from, s->p - from, real);
}

/* RFC 7493 2.2: within what a double holds exactly, or at all. */
static enum js_fault
scan_range(const uint8_t *p, size_t n, int real)
{
	char		 tmp[NUMBER_LEN + 1];
	int64_t		 v = 0;
	size_t		 i;

	if (n > NUMBER_LEN)
		return JS_NUMBER;
	if (real) {
		memcpy(tmp, p, n);
		tmp[n] = '\0';
		return isfinite(strtod(tmp, NULL)) ? JS_OK : JS_NUMBER;
	}
	for (i = p[0] == '-'; i < n; i++) {
		v = v * 10 + (p[i] - '0');
		if (v > JS_INT_MAX)
			return JS_NUMBER;
	}
	return JS_OK;
}

/* One digit or more; 1, or 0. */
static int
scan_digits(struct scan *s)
{
	const uint8_t	*from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > from;
}

static enum js_fault
scan_word(struct scan *s, const char *word)
{
	size_t	 n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return JS_SYNTAX;
	s->p += n;
	return JS_OK;
}

static void
scan_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' ||
	    *s->p == '\t' || *s->p == '\r'))
		s->p++;
}
