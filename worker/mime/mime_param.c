/* SPDX-License-Identifier: ISC */
/*
 * Parameters of Content-Type and Content-Disposition: RFC 2045 5.1, with the
 * continuations, character sets and languages of RFC 2231, and what senders
 * do instead: encoded words in quotes, raw UTF-8, spaces without quotes.
 * Called by mime_parse.c, and by nobody for any other field.
 */
#include "common/compat.h"

#include <string.h>

#include "common/enc.h"
#include "common/utf8.h"
#include "worker/mime/mime_int.h"

#define SECTIONS	100	/* of one continued parameter */

struct param {
	const uint8_t	*attr, *value;
	size_t		 attrlen, valuelen;
	int		 quoted;	/* value stands between DQUOTEs */
};

struct piece {
	struct param	 p;
	int		 encoded;	/* attr*0*: percent, maybe charset */
	int		 there;
};

static size_t	 value_len(const uint8_t *, size_t);
static int	 next(const uint8_t **, size_t *, struct param *);
static void	 quoted(const uint8_t **, size_t *, struct param *);
static void	 unquoted(const uint8_t **, size_t *, struct param *);
static int	 section(const struct param *, const char *, int *, int *);
static void	 bytes(const struct param *, struct buf *);
static void	 percent(const struct param *, struct buf *);
static int	 plain(struct arena *, const struct param *, const char **);
static int	 join(struct arena *, struct piece *, const char **);
static int	 string(struct arena *, struct buf *, const char **);

/* Bytes before ";", a comment or white space: a type or disposition. */
static size_t
value_len(const uint8_t *s, size_t n)
{
	size_t	 i;

	for (i = 0; i < n && s[i] > 32 && s[i] != ';' && s[i] != '(' &&
	    s[i] != ',' && s[i] != '"'; i++)
		continue;
	return i;
}

int
mime_param_value(struct arena *a, const uint8_t *s, size_t n,
    const char **out)
{
	struct buf	 b;
	size_t		 i, k;

	n = n < MIME_VALUE ? n : MIME_VALUE;
	buf_init(&b, 256);	/* longer ones are none */
	/* "text / plain" is allowed: CFWS around the slash */
	for (;;) {
		i = mime_hdr_cfws(s, n);
		s += i;
		n -= i;
		k = value_len(s, n);
		if (k == 0 || (b.len > 0 && b.data[b.len - 1] != '/' &&
		    s[0] != '/'))
			break;
		for (i = 0; i < k; i++)
			buf_addc(&b, utf8_lower(s[i]));
		s += k;
		n -= k;
	}
	*out = mime_hdr_raw(a, b.data, buf_bad(&b) ? 0 : b.len);
	buf_free(&b);
	return *out == NULL ? -1 : 0;
}

int
mime_param_get(struct arena *a, const uint8_t *s, size_t n, const char *attr,
    const char **out)
{
	struct piece	 pieces[SECTIONS];
	struct param	 p, simple = { 0 };
	int		 sect, enc, any = 0;

	*out = NULL;
	n = n < MIME_VALUE ? n : MIME_VALUE;
	while (next(&s, &n, &p)) {
		if (!section(&p, attr, &sect, &enc))
			continue;
		if (sect == -1 && !enc) {
			if (simple.attr == NULL)
				simple = p;
			continue;
		}
		if (!any)
			memset(pieces, 0, sizeof(pieces));
		any = 1;
		sect = sect == -1 ? 0 : sect;
		if (pieces[sect].there)
			continue;
		pieces[sect].p = p;
		pieces[sect].encoded = enc;
		pieces[sect].there = 1;
	}
	/* RFC 6266 4.3 says for HTTP what is right here, too: * wins */
	if (any && pieces[0].there)
		return join(a, pieces, out);
	if (simple.attr != NULL)
		return plain(a, &simple, out);
	return 0;
}

/*
 * Is the parameter attr, attr*, attr*N or attr*N*?  *sect is N or -1, *enc
 * whether the last star is there.
 */
static int
section(const struct param *p, const char *attr, int *sect, int *enc)
{
	const uint8_t	*s = p->attr;
	size_t		 k = strlen(attr), n = p->attrlen;

	*sect = -1;
	*enc = 0;
	if (n < k || utf8_casecmp(s, k, attr, k) != 0)
		return 0;
	if (n == k)
		return 1;
	if (s[k++] != '*')
		return 0;
	if (k < n && s[n - 1] == '*') {
		*enc = 1;
		n--;
	}
	if (k == n) {
		*enc = 1;
		return 1;
	}
	for (*sect = 0; k < n; k++) {
		if (s[k] < '0' || s[k] > '9')
			return 0;
		if ((*sect = *sect * 10 + (s[k] - '0')) >= SECTIONS)
			return 0;
	}
	return 1;
}

/* The next parameter of what is left; 0 when there is none. */
static int
next(const uint8_t **s, size_t *n, struct param *p)
{
	const uint8_t	*semi;
	size_t		 i, k;

	for (;;) {
		if (*n == 0 || (semi = memchr(*s, ';', *n)) == NULL)
			return 0;
		*n -= semi + 1 - *s;
		*s = semi + 1;
		i = mime_hdr_cfws(*s, *n);
		*s += i;
		*n -= i;
		for (k = 0; k < *n && (*s)[k] > 32 && (*s)[k] != '=' &&
		    (*s)[k] != ';'; k++)
			continue;
		p->attr = *s;
		p->attrlen = k;
		i = k + mime_hdr_cfws(*s + k, *n - k);
		if (k == 0 || i == *n || (*s)[i] != '=')
			continue;
		i++;
		i += mime_hdr_cfws(*s + i, *n - i);
		*s += i;
		*n -= i;
		if (*n > 0 && **s == '"')
			quoted(s, n, p);
		else
			unquoted(s, n, p);
		return 1;
	}
}

/* A quoted-string; one that does not end goes up to ";" or the end. */
static void
quoted(const uint8_t **s, size_t *n, struct param *p)
{
	size_t	 i;

	for (i = 1; i < *n && (*s)[i] != '"'; i++)
		if ((*s)[i] == '\\' && i + 1 < *n)
			i++;
	if (i >= *n) {
		(*s)++;
		(*n)--;
		unquoted(s, n, p);
		return;
	}
	p->value = *s + 1;
	p->valuelen = i - 1;
	p->quoted = 1;
	*s += i + 1;
	*n -= i + 1;
}

/*
 * A token.  Names with spaces in them are taken whole; anything else ends at
 * white space, which is where a comment starts.
 */
static void
unquoted(const uint8_t **s, size_t *n, struct param *p)
{
	size_t	 i, k;
	int	 name;

	name = (p->attrlen >= 4 && utf8_caseis(p->attr, 4, "name")) ||
	    (p->attrlen >= 8 && utf8_caseis(p->attr, 8, "filename"));
	for (i = 0; i < *n && (*s)[i] != ';'; i++)
		if (!name && ((*s)[i] == '(' || mime_int_fws((*s)[i])))
			break;
	for (k = i; k > 0 && mime_int_fws((*s)[k - 1]); k--)
		continue;
	p->value = *s;
	p->valuelen = k;
	p->quoted = 0;
	*s += i;
	*n -= i;
}

/* The value with folds and quoted-pairs undone. */
static void
bytes(const struct param *p, struct buf *b)
{
	size_t	 i;

	for (i = 0; i < p->valuelen; i++) {
		if (p->quoted && p->value[i] == '\\' && i + 1 < p->valuelen &&
		    (p->value[i + 1] == '"' || p->value[i + 1] == '\\'))
			i++;
		if (p->value[i] != '\r' && p->value[i] != '\n')
			buf_addc(b, p->value[i]);
	}
}

static void
percent(const struct param *p, struct buf *b)
{
	size_t	 i;
	int	 h, l;

	for (i = 0; i < p->valuelen; i++) {
		if (p->value[i] == '%' && p->valuelen - i > 2 &&
		    (h = enc_hexval(p->value[i + 1])) != -1 &&
		    (l = enc_hexval(p->value[i + 2])) != -1) {
			buf_addc(b, h << 4 | l);
			i += 2;
		} else
			buf_addc(b, p->value[i]);
	}
}

static int
string(struct arena *a, struct buf *b, const char **out)
{
	/* a thousand parts of a message must fit into one arena */
	if (b->len > MIME_PARAM)
		b->len = utf8_cut(b->data, MIME_PARAM);
	*out = mime_word_nfc(a, b);
	return *out == NULL ? -1 : 0;
}

/* attr="..." or attr=token, with encoded words for compatibility. */
static int
plain(struct arena *a, const struct param *p, const char **out)
{
	struct buf	 b, u;
	int		 ret;

	buf_init(&b, MIME_SCRATCH);
	buf_init(&u, MIME_SCRATCH);
	bytes(p, &b);
	mime_word_text(b.data, b.len, &u);
	ret = string(a, &u, out);
	buf_free(&b);
	buf_free(&u);
	return ret;
}

/* RFC 2231 3, 4: sections in order until one is missing. */
static int
join(struct arena *a, struct piece *v, const char **out)
{
	struct buf	 b, u;
	const uint8_t	*q = NULL, *q2;
	const char	*charset = "";
	size_t		 i, charsetlen = 0;
	int		 ret;

	buf_init(&b, MIME_SCRATCH);
	buf_init(&u, MIME_SCRATCH);
	/* charset'language'text */
	if (v[0].encoded && v[0].p.valuelen > 0 && (q = memchr(v[0].p.value,
	    '\'', v[0].p.valuelen)) != NULL && (q2 = memchr(q + 1, '\'',
	    v[0].p.value + v[0].p.valuelen - q - 1)) != NULL) {
		charset = (const char *)v[0].p.value;
		charsetlen = q - v[0].p.value;
		v[0].p.valuelen -= q2 + 1 - v[0].p.value;
		v[0].p.value = q2 + 1;
	}
	for (i = 0; i < SECTIONS && v[i].there; i++)
		if (v[i].encoded)
			percent(&v[i].p, &b);
		else
			bytes(&v[i].p, &b);
	if (charsetlen == 0 && mime_word_only(b.data, b.len))
		mime_word_text(b.data, b.len, &u);
	else {
		mime_charset_utf8(charset, charsetlen, b.data, b.len, &u);
		buf_reset(&b);
		mime_word_unfold(u.data, u.len, &b);
		buf_reset(&u);
		buf_add(&u, b.data, b.len);
	}
	ret = string(a, &u, out);
	buf_free(&b);
	buf_free(&u);
	return ret;
}
