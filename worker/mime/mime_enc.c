/* SPDX-License-Identifier: ISC */
/*
 * Header fields written: folding (RFC 5322 2.2.3), encoded words (RFC 2047)
 * and parameters (RFC 2231).  Called by mime_build.c.
 *
 * Never here: a line end or NUL of the input in the output, which would be
 * a field of the sender's choice.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/enc.h"
#include "common/utf8.h"
#include "worker/mime/mime_int.h"

#define LINE		76	/* RFC 2047 2: of a line with encoded words */
#define WORD_HEAD	10	/* "=?utf-8?q?" */
#define WORD_MAX	63	/* 75 without that and "?=" */
#define TOKEN_MAX	900	/* a word that no line would hold */
#define QUOTED_MAX	200	/* of a parameter that is not continued */
#define SECTION		54	/* bytes of one that is, encoded */

/* Where we are on the line that is being written. */
struct fold {
	struct buf	*out;
	size_t		 col;
};

static void	 start(struct fold *, struct buf *, const char *);
static int	 finish(struct fold *);
static void	 put(struct fold *, const char *, size_t);
static void	 space(struct fold *, size_t);
static int	 needs_word(const char *, size_t);
static void	 text(struct fold *, const char *, size_t);
static void	 words_plain(struct fold *, const char *, size_t);
static void	 words(struct fold *, const char *, size_t);
static size_t	 q_cost(uint8_t);
static size_t	 word_fit(const char *, size_t, size_t, int);
static void	 word(struct fold *, const char *, size_t, int);
static char	*clean(const char *, struct buf *);
static int	 is_atom(int);
static void	 name(struct fold *, const char *);
static void	 quote(struct fold *, const char *);
static int	 email_ok(const char *);
static int	 addr(struct fold *, const struct mime_addr *, const char *);
static void	 param_sections(struct buf *, size_t *, const char *,
		    const char *);

static void
start(struct fold *f, struct buf *out, const char *field)
{
	f->out = out;
	buf_adds(out, field);
	buf_addc(out, ':');
	f->col = strlen(field) + 1;
}

static int
finish(struct fold *f)
{
	buf_add(f->out, "\r\n", 2);
	return buf_bad(f->out) ? -1 : 0;
}

static void
put(struct fold *f, const char *s, size_t n)
{
	buf_add(f->out, s, n);
	f->col += n;
}

/* A space; on a new line if n more bytes would not fit on this one. */
static void
space(struct fold *f, size_t n)
{
	if (f->col + 1 + n > LINE && f->col > 1) {
		buf_add(f->out, "\r\n", 2);
		f->col = 0;
	}
	put(f, " ", 1);
}

/* The text without control characters, as a string in the buffer. */
static char *
clean(const char *s, struct buf *b)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n' || *s == '\t' || (*s == '\r' && s[1] != '\n'))
			buf_addc(b, ' ');
		else if ((uint8_t)*s >= 32 && *s != 127)
			buf_addc(b, *s);
	}
	buf_addc(b, '\0');
	return buf_bad(b) ? NULL : (char *)b->data;
}

/* Must the text be encoded?  What looks like an encoded word must, too. */
static int
needs_word(const char *s, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if ((uint8_t)s[i] > 126 ||
		    (s[i] == '=' && i + 1 < n && s[i + 1] == '?'))
			return 1;
	return n > TOKEN_MAX;
}

int
mime_enc_text(struct buf *out, const char *field, const char *value)
{
	struct fold	 f;
	struct buf	 b;
	const char	*s;

	buf_init(&b, MIME_SCRATCH);
	start(&f, out, field);
	if ((s = clean(value, &b)) != NULL)
		text(&f, s, strlen(s));
	else
		out->bad = 1;
	buf_free(&b);
	return finish(&f);
}

/* The words that need no encoding at both ends stay readable. */
static void
text(struct fold *f, const char *s, size_t n)
{
	size_t	 i, from, first = n, last = 0;

	for (i = 0; i < n; i++) {
		for (from = i; i < n && s[i] != ' '; i++)
			continue;
		if (!needs_word(s + from, i - from))
			continue;
		first = first == n ? from : first;
		last = i;
	}
	if (first == n) {
		words_plain(f, s, n);
		return;
	}
	/* the space beside an encoded word separates, it is not text: of
	 * several spaces, all but one are encoded */
	while (first > 1 && s[first - 1] == ' ' && s[first - 2] == ' ')
		first--;
	if (first == 1 && s[0] == ' ')
		first = 0;
	while (last + 1 < n && s[last] == ' ' && s[last + 1] == ' ')
		last++;
	if (last + 1 == n)
		last = n;
	if (first > 0)
		words_plain(f, s, first - 1);
	words(f, s + first, last - first);
	if (last < n)
		words_plain(f, s + last + 1, n - last - 1);
}

/* Folded before words, never before white space alone. */
static void
words_plain(struct fold *f, const char *s, size_t n)
{
	size_t	 i = 0, from;

	do {
		for (from = i; i < n && s[i] == ' '; i++)
			continue;
		if (i == n) {		/* white space at the end */
			put(f, " ", 1);
			put(f, s + from, i - from);
			return;
		}
		for (; i < n && s[i] != ' '; i++)
			continue;
		space(f, i - from);
		put(f, s + from, i - from);
	} while (i++ < n);
}

static size_t
q_cost(uint8_t c)
{
	/* RFC 2047 5 (3): what is allowed in a phrase is allowed anywhere */
	return (utf8_lower(c) >= 'a' && utf8_lower(c) <= 'z') ||
	    (c >= '0' && c <= '9') || c == ' ' || c == '!' || c == '*' ||
	    c == '+' || c == '-' || c == '/' ? 1 : 3;
}

/* Encoded words, Q or B by length, one a line after the first. */
static void
words(struct fold *f, const char *s, size_t n)
{
	size_t	 i, k, room, q = 0;
	int	 b64;

	for (i = 0; i < n; i++)
		q += q_cost(s[i]);
	b64 = q > ENC_B64_LEN(n);
	while (n > 0) {
		/* " =?utf-8?q?" "?=" and a character of 12 bytes */
		space(f, WORD_HEAD + 2 + 12);
		room = LINE - f->col - WORD_HEAD - 2;
		k = word_fit(s, n, room < WORD_MAX ? room : WORD_MAX, b64);
		word(f, s, k, b64);
		s += k;
		n -= k;
	}
}

/* Bytes of whole characters whose encoding takes room at most. */
static size_t
word_fit(const char *s, size_t n, size_t room, int b64)
{
	uint32_t	 cp;
	size_t		 i = 0, k, j, used = 0, cost;

	while (i < n) {
		if ((k = utf8_get((const uint8_t *)s + i, n - i, &cp)) == 0)
			k = 1;
		for (cost = 0, j = 0; j < k; j++)
			cost += q_cost(s[i + j]);
		used = b64 ? ENC_B64_LEN(i + k) : used + cost;
		if (used > room && i > 0)
			break;
		i += k;
	}
	return i;
}

static void
word(struct fold *f, const char *s, size_t n, int b64)
{
	char	 tmp[ENC_B64_LEN(WORD_MAX) + 1];
	size_t	 i;

	put(f, b64 ? "=?utf-8?b?" : "=?utf-8?q?", WORD_HEAD);
	if (b64)
		put(f, tmp, enc_b64(s, n, tmp));
	for (i = 0; !b64 && i < n; i++) {
		if (q_cost(s[i]) == 1)
			put(f, s[i] == ' ' ? "_" : &s[i], 1);
		else {
			snprintf(tmp, sizeof(tmp), "=%02X", (uint8_t)s[i]);
			put(f, tmp, 3);
		}
	}
	put(f, "?=", 2);
}

int
mime_enc_raw(struct buf *out, const char *field, const char *value)
{
	struct fold	 f;

	if (!mime_build_raw_ok(value, strlen(value))) {
		errno = EINVAL;
		return -1;
	}
	start(&f, out, field);
	for (; *value != '\0'; value++) {
		if (*value == '\r')
			continue;
		if (*value == '\n')
			buf_addc(out, '\r');
		buf_addc(out, *value);
	}
	return finish(&f);
}

static int
is_atom(int c)
{
	return (utf8_lower(c) >= 'a' && utf8_lower(c) <= 'z') ||
	    (c >= '0' && c <= '9') || strchr("!#$%&'*+-/=?^_`{|}~ ", c) !=
	    NULL;
}

/* A display-name: atoms, a quoted-string or encoded words. */
static void
name(struct fold *f, const char *s)
{
	size_t	 i, n = strlen(s);
	int	 plain = n > 0 && s[0] != ' ' && s[n - 1] != ' ' &&
		    strstr(s, "  ") == NULL;

	if (needs_word(s, n)) {
		words(f, s, n);
		return;
	}
	for (i = 0; i < n; i++)
		plain &= is_atom((uint8_t)s[i]);
	if (plain)
		words_plain(f, s, n);
	else
		quote(f, s);
}

static void
quote(struct fold *f, const char *s)
{
	space(f, strlen(s) + 2);
	put(f, "\"", 1);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			put(f, "\\", 1);
		put(f, s, 1);
	}
	put(f, "\"", 1);
}

/* Nothing that would end the address or the field; more a draft may have. */
static int
email_ok(const char *s)
{
	for (; *s != '\0'; s++)
		if ((uint8_t)*s < 32 || *s == 127 || *s == '<' || *s == '>')
			return 0;
	return 1;
}

static int
addr(struct fold *f, const struct mime_addr *a, const char *after)
{
	struct buf	 b;
	const char	*s, *p;
	size_t		 n = strlen(a->email);
	int		 bare = a->name == NULL && n > 0;

	if (!email_ok(a->email)) {
		errno = EINVAL;
		return -1;
	}
	buf_init(&b, MIME_SCRATCH);
	if (a->name != NULL && (s = clean(a->name, &b)) != NULL)
		name(f, s);
	buf_free(&b);
	/* what has none of these needs no "<>" */
	for (p = a->email; *p != '\0'; p++)
		bare &= *p == '@' || *p == '.' || (*p != ' ' &&
		    (is_atom((uint8_t)*p) || (uint8_t)*p > 127));
	space(f, n + 2 + strlen(after));
	put(f, "<", !bare);
	put(f, a->email, n);
	put(f, ">", !bare);
	put(f, after, strlen(after));
	return 0;
}

int
mime_enc_addrs(struct buf *out, const char *field,
    const struct mime_addrs *v, int groups)
{
	struct fold		 f;
	struct buf		 b;
	const struct mime_group	*g, *end;
	struct mime_group	 all = { NULL, 0, v->n };
	const char		*s;
	size_t			 i;

	start(&f, out, field);
	g = groups ? v->group : &all;
	end = groups ? v->group + v->ngroup : &all + 1;
	for (; g < end; g++) {
		buf_init(&b, MIME_SCRATCH);
		if (g->name != NULL && (s = clean(g->name, &b)) != NULL) {
			name(&f, s);
			put(&f, ":", 1);
		}
		buf_free(&b);
		for (i = 0; i < g->n; i++)
			if (addr(&f, &v->addr[g->first + i], i + 1 < g->n ?
			    "," : "") == -1)
				return -1;
		if (g->name != NULL)
			put(&f, ";", 1);
		if (g + 1 < end)
			put(&f, ",", 1);
	}
	return finish(&f);
}

int
mime_enc_list(struct buf *out, const char *field, const struct mime_list *l,
    const char *sep)
{
	struct fold	 f;
	const char	*p;
	size_t		 i, n;

	start(&f, out, field);
	for (i = 0; i < l->n; i++) {
		for (p = l->v[i]; *p != '\0'; p++)
			if ((uint8_t)*p <= ' ' || *p == 127 || *p == '<' ||
			    *p == '>')
				break;
		n = p - l->v[i];
		if (*p != '\0' || n == 0) {
			errno = EINVAL;
			return -1;
		}
		space(&f, n + 2 + strlen(sep));
		put(&f, "<", 1);
		put(&f, l->v[i], n);
		put(&f, ">", 1);
		if (i + 1 < l->n)
			put(&f, sep, strlen(sep));
	}
	return finish(&f);
}

void
mime_enc_param(struct buf *out, size_t *col, const char *attr,
    const char *value)
{
	struct fold	 f = { out, *col };
	struct buf	 b;
	const char	*s;
	size_t		 i, n;
	int		 token = 1, ascii = 1;

	buf_init(&b, MIME_SCRATCH);
	s = clean(value, &b);
	n = s == NULL ? 0 : strlen(s);
	for (i = 0; i < n; i++) {
		ascii &= (uint8_t)s[i] < 127;
		token &= (q_cost(s[i]) == 1 && s[i] != ' ' && s[i] != '/') ||
		    s[i] == '.' || s[i] == '_';
	}
	put(&f, ";", 1);
	/* what looks like an encoded word is read as one, by us, too */
	if (!ascii || n > QUOTED_MAX || (n > 0 && strstr(s, "=?") != NULL))
		param_sections(out, &f.col, attr, s);
	else {
		space(&f, strlen(attr) + n + 3);
		put(&f, attr, strlen(attr));
		put(&f, "=", 1);
		if (token && n > 0)
			put(&f, s, n);
		else {
			f.col = 0;	/* no fold between "=" and value */
			buf_addc(out, '"');
			for (i = 0; i < n; i++) {
				if (s[i] == '"' || s[i] == '\\')
					put(&f, "\\", 1);
				put(&f, &s[i], 1);
			}
			put(&f, "\"", 1);
		}
	}
	*col = f.col;
	buf_free(&b);
}

/* attr*=utf-8''..., or attr*0*=utf-8''...; attr*1*=... (RFC 2231 3, 4) */
static void
param_sections(struct buf *out, size_t *col, const char *attr,
    const char *s)
{
	struct buf	 pct;
	size_t		 i, k, n;
	unsigned	 sect = 0;

	buf_init(&pct, MIME_SCRATCH);
	enc_pct(&pct, s, strlen(s));
	n = pct.len;
	if (n <= SECTION)
		buf_addf(out, "\r\n %s*=utf-8''", attr);
	for (i = 0; i < n; i += k, sect++) {
		k = n - i < SECTION ? n - i : SECTION;
		/* not inside %XX */
		while (i + k < n && k > 2 && (pct.data[i + k - 1] == '%' ||
		    pct.data[i + k - 2] == '%'))
			k--;
		if (n > SECTION)
			buf_addf(out, "%s\r\n %s*%u*=%s",
			    sect == 0 ? "" : ";", attr, sect,
			    sect == 0 ? "utf-8''" : "");
		buf_add(out, pct.data + i, k);
		*col = strlen(attr) + 8 + k;
	}
	buf_free(&pct);
}
