/* SPDX-License-Identifier: ISC */
/*
 * A message from its parts, for Email/set (RFC 8621 4.6) and for mail of our
 * own: RFC 5322, RFC 2045, RFC 2046.  mime_enc.c writes the fields, this file
 * chooses transfer encodings and lays out the parts.
 *
 * Never here: octets of a part changed (but line ends of is_text), a line
 * over 998 octets that we made.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "common/enc.h"
#include "common/utf8.h"
#include "worker/mime/mime_int.h"

#define RND_LEN		33	/* 128 bits in hexadecimal, and NUL */
#define LINE_MAX_	998	/* RFC 5322 2.1.1 */
#define QP_LINE		76	/* RFC 2045 6.7 (5) */
#define FIELD_MAX	200	/* bytes of a field name */

struct builder {
	struct buf			*out;
	const struct mime_build_opt	*opt;
	uint64_t			 seed;
};

/* What a leaf's octets are made of. */
struct look {
	size_t	 high, longest;
	int	 nul, lf, cr;		/* lf, cr: one alone */
	int	 from;
};

enum coding { C_7BIT, C_8BIT, C_BINARY, C_QP, C_BASE64 };
static const char *const codings[] = { "7bit", "8bit", "binary",
    "quoted-printable", "base64" };

static int	 node(struct builder *, const struct mime_node *, int);
static int	 fields(struct builder *, const struct mime_node *, int);
static int	 field(struct builder *, const struct mime_field *);
static int	 empty(const struct mime_field *);
static int	 has(const struct mime_node *, const char *);
static const struct mime_field *get(const struct mime_node *, const char *);
static void	 root_fields(struct builder *, const struct mime_node *);
static int	 part_fields(struct builder *, const struct mime_node *,
		    const char *);
static int	 own_type(struct builder *, const struct mime_node *,
		    const char *);
static void	 disposition(struct builder *, const struct mime_node *);
static int	 multipart(struct builder *, const struct mime_node *,
		    const char *, int);
static void	 leaf(struct builder *, const struct mime_node *);
static void	 look_at(const struct mime_node *, struct look *);
static enum coding choose(const struct mime_node *, const struct look *);
static void	 text_7bit(struct buf *, const uint8_t *, size_t);
static void	 base64(struct buf *, const uint8_t *, size_t, int);
static void	 base64_line(struct buf *, const uint8_t *, size_t);
static int	 next(const uint8_t *, size_t, size_t, int);
static void	 qp(struct buf *, const uint8_t *, size_t, int);
static void	 qp_put(struct buf *, size_t *, int, int);
static int	 qp_plain(const uint8_t *, size_t, size_t, size_t);
static uint64_t	 rnd(struct builder *);
static void	 rnd_hex(struct builder *, char [RND_LEN]);
static const char *type_of(const struct mime_node *);
static int	 is_type(const char *);
static int	 is_text(const struct mime_node *);

int
mime_build(const struct mime_node *root, const struct mime_build_opt *opt,
    struct buf *out)
{
	struct builder	 b = { out, opt, opt->seed };

	if (node(&b, root, 0) == -1)
		return -1;
	if (buf_bad(out)) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

/* Each line end must be followed by white space, and that by something. */
int
mime_build_raw_ok(const char *s, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++) {
		if (s[i] == '\0')
			return 0;
		if (s[i] == '\r' && (i + 1 == n || s[i + 1] != '\n'))
			return 0;
		if (s[i] != '\n')
			continue;
		for (i++; i < n && mime_int_wsp(s[i]); i++)
			continue;
		if (i == n || s[i] == '\r' || s[i] == '\n' ||
		    !mime_int_wsp(s[i - 1]))
			return 0;
		i--;
	}
	return 1;
}

/* splitmix64 for tests, the system's randomness for the world. */
static uint64_t
rnd(struct builder *b)
{
	uint64_t	 z;

	if (b->opt->seed == 0) {
		arc4random_buf(&z, sizeof(z));
		return z;
	}
	z = b->seed += 0x9e3779b97f4a7c15ULL;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static void
rnd_hex(struct builder *b, char out[RND_LEN])
{
	uint64_t	 v[2];

	v[0] = rnd(b);
	v[1] = rnd(b);
	enc_hex(v, sizeof(v), out);
}

static const char *
type_of(const struct mime_node *n)
{
	if (n->type != NULL)
		return n->type;
	return n->sub == NULL ? "text/plain" : "multipart/mixed";
}

/* token "/" token */
static int
is_type(const char *s)
{
	const char	*p;
	int		 slash = 0;

	for (p = s; *p != '\0'; p++) {
		if (*p == '/') {
			if (slash++ || p == s || p[1] == '\0')
				return 0;
		} else if ((uint8_t)*p <= ' ' || (uint8_t)*p > 126 ||
		    strchr("()<>@,;:\\\"[]?=", *p) != NULL)
			return 0;
	}
	return slash == 1;
}

static int
is_text(const struct mime_node *n)
{
	return strncasecmp(type_of(n), "text/", 5) == 0;
}

/* One part; depth is bounded by MIME_DEPTH. */
static int
node(struct builder *b, const struct mime_node *n, int depth)
{
	char	 boundary[RND_LEN + 2] = "=_";

	if (depth > MIME_DEPTH || !is_type(type_of(n)) ||
	    (strncasecmp(type_of(n), "multipart/", 10) == 0) !=
	    (n->sub != NULL) || (n->sub != NULL && n->nsub == 0)) {
		errno = EINVAL;
		return -1;
	}
	/* "=_" stands in no quoted-printable and no base64 text */
	rnd_hex(b, boundary + 2);
	if (fields(b, n, n->sub != NULL) == -1)
		return -1;
	if (depth == 0)
		root_fields(b, n);
	if (part_fields(b, n, boundary) == -1)
		return -1;
	if (n->sub != NULL)
		return multipart(b, n, boundary, depth);
	leaf(b, n);
	return 0;
}

/* A list of nothing is no field: RFC 5322 3.6 has none without a value. */
static int
empty(const struct mime_field *f)
{
	switch (f->form) {
	case MIME_ADDRESSES:
		return f->addrs.n == 0;
	case MIME_GROUPS:
		return f->addrs.ngroup == 0;
	case MIME_MESSAGEIDS:
	case MIME_URLS:
		return f->list.n == 0;
	default:
		return 0;
	}
}

static const struct mime_field *
get(const struct mime_node *n, const char *name)
{
	size_t	 i;

	for (i = 0; i < n->nfield; i++)
		if (strcasecmp(n->fields[i].name, name) == 0 &&
		    !empty(&n->fields[i]))
			return &n->fields[i];
	return NULL;
}

static int
has(const struct mime_node *n, const char *name)
{
	return get(n, name) != NULL;
}

static int
fields(struct builder *b, const struct mime_node *n, int is_multi)
{
	size_t	 i;

	for (i = 0; i < n->nfield; i++) {
		/* the encoding is our choice; a multipart's type needs our
		 * boundary, see own_type */
		if (empty(&n->fields[i]) || strcasecmp(n->fields[i].name,
		    "Content-Transfer-Encoding") == 0 || (is_multi &&
		    strcasecmp(n->fields[i].name, "Content-Type") == 0))
			continue;
		if (field(b, &n->fields[i]) == -1)
			return -1;
	}
	return 0;
}

static int
field(struct builder *b, const struct mime_field *f)
{
	char		 date[DATE_LEN];
	const char	*p;

	for (p = f->name; *p > 32 && *p < 127 && *p != ':'; p++)
		continue;
	if (*p != '\0' || p == f->name || p - f->name > FIELD_MAX) {
		errno = EINVAL;
		return -1;
	}
	switch (f->form) {
	case MIME_RAW:
		return mime_enc_raw(b->out, f->name, f->text);
	case MIME_TEXT:
		return mime_enc_text(b->out, f->name, f->text);
	case MIME_ADDRESSES:
	case MIME_GROUPS:
		return mime_enc_addrs(b->out, f->name, &f->addrs,
		    f->form == MIME_GROUPS);
	case MIME_MESSAGEIDS:
		return mime_enc_list(b->out, f->name, &f->list, "");
	case MIME_URLS:
		return mime_enc_list(b->out, f->name, &f->list, ",");
	case MIME_DATE:
		date_mail(f->date, f->off, date);
		return buf_addf(b->out, "%s: %s\r\n", f->name, date);
	case MIME_FORM_MAX:
		break;
	}
	errno = EINVAL;
	return -1;
}

static void
root_fields(struct builder *b, const struct mime_node *n)
{
	char	 date[DATE_LEN], id[RND_LEN];

	if (!has(n, "Date")) {
		date_mail(b->opt->now, b->opt->off, date);
		buf_addf(b->out, "Date: %s\r\n", date);
	}
	if (!has(n, "Message-ID")) {
		rnd_hex(b, id);
		buf_addf(b->out, "Message-ID: <%s@%s>\r\n", id,
		    b->opt->host);
	}
	if (!has(n, "MIME-Version"))
		buf_adds(b->out, "MIME-Version: 1.0\r\n");
}

static int
part_fields(struct builder *b, const struct mime_node *n,
    const char *boundary)
{
	struct buf	*out = b->out;
	const char	*ids[1] = { n->cid };
	struct mime_list cid = { ids, 1 };
	const char	*charset = n->charset;
	size_t		 i, col;

	if (n->sub != NULL && has(n, "Content-Type")) {
		if (own_type(b, n, boundary) == -1)
			return -1;
	} else if (!has(n, "Content-Type")) {
		buf_addf(out, "Content-Type: %s", type_of(n));
		col = 14 + strlen(type_of(n));
		if (charset == NULL && n->is_text)
			charset = "utf-8";
		if (n->sub != NULL)
			mime_enc_param(out, &col, "boundary", boundary);
		else if (charset != NULL && is_text(n))
			mime_enc_param(out, &col, "charset", charset);
		if (n->name != NULL)
			mime_enc_param(out, &col, "name", n->name);
		buf_adds(out, "\r\n");
	}
	if (!has(n, "Content-Disposition"))
		disposition(b, n);
	if (n->cid != NULL && !has(n, "Content-ID") &&
	    mime_enc_list(out, "Content-ID", &cid, "") == -1)
		return -1;
	if (n->location != NULL && !has(n, "Content-Location") &&
	    mime_enc_text(out, "Content-Location", n->location) == -1)
		return -1;
	if (n->language.n > 0 && !has(n, "Content-Language")) {
		buf_adds(out, "Content-Language:");
		for (i = 0; i < n->language.n; i++)
			buf_addf(out, "%s %s", i == 0 ? "" : ",",
			    n->language.v[i]);
		buf_adds(out, "\r\n");
	}
	return 0;
}

/* A multipart's Content-Type as given, with our boundary behind it. */
static int
own_type(struct builder *b, const struct mime_node *n, const char *boundary)
{
	const struct mime_field	*f = get(n, "Content-Type");

	if ((f->form != MIME_RAW && f->form != MIME_TEXT) ||
	    !mime_build_raw_ok(f->text, strlen(f->text)) ||
	    strcasestr(f->text, "boundary") != NULL) {
		errno = EINVAL;
		return -1;
	}
	buf_addf(b->out, "Content-Type: %s;\r\n boundary=\"%s\"\r\n",
	    f->text + strspn(f->text, " \t"), boundary);
	return 0;
}

static void
disposition(struct builder *b, const struct mime_node *n)
{
	const char	*s = n->disposition, *p;
	size_t		 col;

	if (s == NULL && n->name == NULL)
		return;
	if (s == NULL)
		s = "attachment";
	for (p = s; *p > ' ' && *p < 127 && *p != ';'; p++)
		continue;
	if (*p != '\0' || p == s)
		s = "attachment";
	buf_addf(b->out, "Content-Disposition: %s", s);
	col = 21 + strlen(s);
	if (n->name != NULL)
		mime_enc_param(b->out, &col, "filename", n->name);
	buf_adds(b->out, "\r\n");
}

static int
multipart(struct builder *b, const struct mime_node *n, const char *boundary,
    int depth)
{
	size_t	 i;

	buf_adds(b->out, "\r\n");
	for (i = 0; i < n->nsub; i++) {
		buf_addf(b->out, "%s--%s\r\n", i == 0 ? "" : "\r\n",
		    boundary);
		if (node(b, &n->sub[i], depth + 1) == -1)
			return -1;
	}
	buf_addf(b->out, "\r\n--%s--\r\n", boundary);
	return 0;
}

static void
leaf(struct builder *b, const struct mime_node *n)
{
	struct look	 l;
	enum coding	 c;

	look_at(n, &l);
	c = choose(n, &l);
	buf_addf(b->out, "Content-Transfer-Encoding: %s\r\n\r\n", codings[c]);
	if (c == C_BASE64)
		base64(b->out, n->data, n->len, n->is_text);
	else if (c == C_QP)
		qp(b->out, n->data, n->len, n->is_text);
	else if (n->is_text)
		text_7bit(b->out, n->data, n->len);
	else
		buf_add(b->out, n->data, n->len);
}

static void
look_at(const struct mime_node *n, struct look *l)
{
	const uint8_t	*s = n->data;
	size_t		 i, line = 0;

	memset(l, 0, sizeof(*l));
	for (i = 0; i < n->len; i++) {
		l->high += s[i] > 127;
		l->nul |= s[i] == 0;
		if (s[i] == '\n') {
			l->lf |= i == 0 || s[i - 1] != '\r';
			line = 0;
			continue;
		}
		l->cr |= s[i] == '\r' && (i + 1 == n->len ||
		    s[i + 1] != '\n');
		/* "From " at the start of a line gets a ">" from mbox */
		l->from |= line == 0 && n->len - i >= 5 &&
		    memcmp(s + i, "From ", 5) == 0;
		if (++line > l->longest)
			l->longest = line;
	}
}

static enum coding
choose(const struct mime_node *n, const struct look *l)
{
	int	 plain;

	/* line ends that are not CRLF only survive in what is not text */
	plain = !l->nul && !l->cr && l->longest <= LINE_MAX_ &&
	    (!l->lf || n->is_text);
	/* RFC 2046 5.2.1: a message is not encoded */
	if (strncasecmp(type_of(n), "message/", 8) == 0 && !n->is_text)
		return !plain ? C_BINARY : l->high > 0 ? C_8BIT : C_7BIT;
	if (!is_text(n) && !n->is_text)
		return C_BASE64;
	if (plain && l->high == 0 && !l->from)
		return C_7BIT;
	/* quoted-printable has no bare LF, and is long for much that is high */
	if ((l->lf && !n->is_text) || l->high > n->len / 6)
		return C_BASE64;
	return C_QP;
}

/* 1 if the octet at i is an LF that wants a CR before it. */
static int
next(const uint8_t *s, size_t n, size_t i, int is_text)
{
	return is_text && i < n && s[i] == '\n' &&
	    (i == 0 || s[i - 1] != '\r');
}

static void
text_7bit(struct buf *out, const uint8_t *s, size_t n)
{
	size_t	 i, from = 0;

	for (i = 0; i < n; i++)
		if (next(s, n, i, 1)) {
			buf_add(out, s + from, i - from);
			buf_addc(out, '\r');
			from = i;
		}
	buf_add(out, s + from, n - from);
}

static void
base64_line(struct buf *out, const uint8_t *s, size_t n)
{
	char	 text[QP_LINE + 3];
	size_t	 k = enc_b64(s, n, text);

	memcpy(text + k, "\r\n", 2);
	buf_add(out, text, k + 2);
}

/* RFC 2045 6.8: lines of 76 */
static void
base64(struct buf *out, const uint8_t *s, size_t n, int text)
{
	uint8_t	 line[QP_LINE / 4 * 3];
	size_t	 i, k = 0;

	for (i = 0; i < n; i++) {
		if (next(s, n, i, text)) {
			line[k++] = '\r';
			if (k == sizeof(line)) {
				base64_line(out, line, k);
				k = 0;
			}
		}
		line[k++] = s[i];
		if (k == sizeof(line)) {
			base64_line(out, line, k);
			k = 0;
		}
	}
	if (k > 0)
		base64_line(out, line, k);
}

/* RFC 2045 6.7; bare CR and, unless it is text, bare LF are escaped. */
static void
qp(struct buf *out, const uint8_t *s, size_t n, int text)
{
	size_t	 i, col = 0;

	for (i = 0; i < n; i++) {
		if ((s[i] == '\r' && i + 1 < n && s[i + 1] == '\n') ||
		    next(s, n, i, text)) {
			buf_add(out, "\r\n", 2);
			col = 0;
			i += s[i] == '\r';
		} else
			qp_put(out, &col, s[i], qp_plain(s, n, i, col));
	}
}

/* May the octet stand for itself? */
static int
qp_plain(const uint8_t *s, size_t n, size_t i, size_t col)
{
	int	 c = s[i];

	/* white space at the end of a line does not travel */
	if (c == ' ' || c == '\t')
		return i + 1 < n && s[i + 1] != '\r' && s[i + 1] != '\n';
	/* nor, at the start of one, "From " through mbox */
	if (col == 0 && c == 'F' && n - i >= 5 &&
	    memcmp(s + i, "From ", 5) == 0)
		return 0;
	/* and "." alone must not meet an SMTP server that forgets */
	if (col == 0 && c == '.')
		return 0;
	return c > ' ' && c < 127 && c != '=';
}

static void
qp_put(struct buf *out, size_t *col, int c, int plain)
{
	if (*col + (plain ? 1 : 3) >= QP_LINE) {
		buf_adds(out, "=\r\n");
		*col = 0;
	}
	if (plain)
		buf_addc(out, c);
	else
		buf_addf(out, "=%02X", c);
	*col += plain ? 1 : 3;
}
