/* SPDX-License-Identifier: ISC */
/*
 * Text out of parts: body values, previews, and what search reads (RFC 8621
 * 4.1.4).  Called at delivery, by Email/get and by search snippets.
 *
 * Never here: a part decoded whole where its beginning is enough.
 */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "worker/mime/mime_int.h"

#define WHOLE		SIZE_MAX
#define TEXT_MAX	(256UL << 20)	/* bytes of one decoded part */
#define META_MAX	2048		/* HTML in which <meta> is looked for */
#define REPLACE		"\xef\xbf\xbd"
#define MARK		"\xef\xbb\xbf"	/* U+FEFF */

/* A preview while it is made. */
struct preview {
	struct buf	 out;
	size_t		 units;		/* UTF-16 units in it */
	int		 gap;		/* white space is due */
	int		 full;
};

static void	mime_text_plain(const struct mime_msg *, uint32_t part,
		    struct buf *);
static int	 decode(const struct mime_msg *, const struct mime_part *,
		    size_t, struct buf *, int *);
static int	 to_utf8(const struct mime_part *, const struct buf *,
		    struct buf *);
static size_t	 meta_charset(const struct buf *, const char **);
static void	 lines(struct buf *);
static int	 is_delsp(const struct mime_msg *, const struct mime_part *);
static void	 unflow(struct buf *);
static size_t	 html_cut(const char *, size_t);
static void	 preview_part(struct preview *, const struct mime_msg *,
		    const struct mime_part *);
static void	 preview_lines(struct preview *, const char *, size_t, int);
static int	 starts(const char *, size_t, const char *);
static int	 quoted(const char *, size_t, const char *, const char *);
static int	 rule(const char *, size_t);
static void	 preview_add(struct preview *, const char *, size_t);
static int	 invisible(uint32_t);
static int	 blank(uint32_t);
static int	 is_text(const struct mime_part *);
static int	 is_html(const struct mime_part *);
static int	 is_message(const struct mime_part *);
static void	 search(const struct mime_msg *, struct buf *, struct buf *,
		    int);
static void	 nested(const struct mime_msg *, const struct mime_part *,
		    struct buf *, int);
static void	 search_header(struct arena *, const struct mime_msg *,
		    struct buf *);

static int
is_text(const struct mime_part *p)
{
	return strncmp(p->type, "text/", 5) == 0;
}

static int
is_html(const struct mime_part *p)
{
	return strcmp(p->type, "text/html") == 0;
}

static int
is_message(const struct mime_part *p)
{
	return strcmp(p->type, "message/rfc822") == 0 ||
	    strcmp(p->type, "message/global") == 0;
}

/*
 * The part's text in UTF-8, from its first max decoded bytes or a little
 * more.  *cut: there was more.  Returns 0, 1 for an encoding problem, -1.
 */
static int
decode(const struct mime_msg *m, const struct mime_part *p, size_t max,
    struct buf *out, int *cut)
{
	struct buf	 raw;
	size_t		 n = p->bodylen;
	int		 bad, r = -1;

	/* base64 and QP take up to three bytes for one, and line ends */
	*cut = max < n / 4 && n > 256;
	if (*cut)
		n = max * 4 < 256 ? 256 : max * 4;
	buf_init(&raw, TEXT_MAX);
	bad = mime_cte_decode(p->cte, m->raw + p->body, n, &raw);
	if (bad == -1 || (r = to_utf8(p, &raw, out)) == -1)
		goto done;
	/* the cut may have gone through a character */
	while (*cut && out->len >= 3 && memcmp(out->data + out->len - 3,
	    REPLACE, 3) == 0)
		out->len -= 3;
	r |= bad;
done:
	buf_free(&raw);
	return r;
}

static int
to_utf8(const struct mime_part *p, const struct buf *raw, struct buf *out)
{
	const char	*cs = p->charset == NULL ? "utf-8" : p->charset;
	size_t		 n = strlen(cs), at = out->len;
	int		 r;

	if (is_html(p) && strcmp(cs, "us-ascii") == 0)
		n = meta_charset(raw, &cs);
	r = mime_charset_utf8(cs, n, raw->data, raw->len, out);
	/* before a text it is a byte order mark, in it a character */
	if (out->len - at >= 3 && memcmp(out->data + at, MARK, 3) == 0) {
		out->len -= 3;
		memmove(out->data + at, out->data + at + 3, out->len - at);
	}
	return r;
}

/* HTML that goes without a label often has one inside. */
static size_t
meta_charset(const struct buf *raw, const char **cs)
{
	const char	*s, *end, *p;
	size_t		 n = raw->len < META_MAX ? raw->len : META_MAX;

	*cs = "us-ascii";
	s = (const char *)raw->data;
	end = s + n;
	while (end - s > 8 && strncasecmp(s, "charset=", 8) != 0)
		s++;
	if (n == 0 || end - s <= 8)
		return strlen(*cs);
	for (s += 8; s < end && (*s == '"' || *s == '\'' || *s == ' '); s++)
		continue;
	for (p = s; p < end && *p > ' ' && *p != '"' && *p != '\'' &&
	    *p != '>' && *p != ';' && *p != '/'; p++)
		continue;
	if (!mime_charset_known(s, p - s))
		return strlen(*cs);
	*cs = s;
	return p - s;
}

/* CRLF become LF, in place. */
static void
lines(struct buf *b)
{
	uint8_t	*r, *w, *cr, *end;

	if (b->len == 0 || (w = memchr(b->data, '\r', b->len)) == NULL)
		return;
	end = b->data + b->len;
	for (r = w; r < end; ) {
		if (*r == '\r' && r + 1 < end && r[1] == '\n')
			r++;
		cr = memchr(r + 1, '\r', end - r - 1);
		if (cr == NULL)
			cr = end;
		memmove(w, r, cr - r);
		w += cr - r;
		r = cr;
	}
	b->len = w - b->data;
}

/* Is it text/plain with DelSp=Yes (RFC 3676 4)? */
static int
is_delsp(const struct mime_msg *m, const struct mime_part *p)
{
	const struct mime_hdr	*h;
	const char		*s, *end;

	if (is_html(p) || (h = mime_hdr_get(m, (uint32_t)(p - m->parts),
	    MIME_H_CONTENT_TYPE)) == NULL)
		return 0;
	s = (const char *)m->raw + h->val;
	for (end = s + h->vallen; end - s >= 9; s++)
		if (strncasecmp(s, "delsp=", 6) == 0)
			return end - s >= 9 + (s[6] == '"') && strncasecmp(s +
			    6 + (s[6] == '"'), "yes", 3) == 0;
	return 0;
}

/*
 * In place: a line that ends in a blank goes on in the next, "and the blank
 * is deleted" (RFC 3676 4.1).  Lines that are quoted stay, and "-- ".
 */
static void
unflow(struct buf *b)
{
	const uint8_t	*nl, *end;
	uint8_t		*r, *w;
	size_t		 n, len;
	int		 soft = 0;

	if (b->len == 0)
		return;
	end = b->data + b->len;
	for (r = w = b->data; r < end; r += n) {
		nl = memchr(r, '\n', end - r);
		n = nl == NULL ? (size_t)(end - r) : (size_t)(nl + 1 - r);
		len = n;
		if (soft && *r == '>')
			*w++ = '\n';
		if (soft && *r == ' ') {	/* it was stuffed */
			r++;
			n--;
			len--;
		}
		while (nl != NULL && len > 0 && (r[len - 1] == '\n' ||
		    r[len - 1] == '\r'))
			len--;
		soft = nl != NULL && len > 0 && r[len - 1] == ' ' &&
		    *r != '>' && (len != 3 || memcmp(r, "-- ", 3) != 0);
		len = soft ? len - 1 : n;
		memmove(w, r, len);
		w += len;
	}
	b->len = w - b->data;
}

/* Where to cut so that no tag is cut: before a "<" that has no ">". */
static size_t
html_cut(const char *s, size_t n)
{
	size_t	 i;

	for (i = n; i > 0 && s[i - 1] != '>'; i--)
		if (s[i - 1] == '<')
			return i - 1;
	return n;
}

int
mime_text_value(struct arena *a, const struct mime_msg *m, uint32_t part,
    size_t max, struct mime_value *v)
{
	const struct mime_part	*p = &m->parts[part];
	struct buf		 b, t;
	const uint8_t		*s, *nul;
	size_t			 n;
	int			 r, ret = -1;

	memset(v, 0, sizeof(*v));
	buf_init(&b, TEXT_MAX);
	buf_init(&t, TEXT_MAX);
	r = decode(m, p, max == 0 || max > WHOLE / 8 ? WHOLE : max * 2 + 64,
	    &b, &v->truncated);
	if (r == -1)
		goto done;
	lines(&b);
	s = b.data;
	n = b.len;
	while (n > 0 && (nul = memchr(s, '\0', n)) != NULL) {
		buf_add(&t, s, nul - s);
		buf_add(&t, REPLACE, 3);
		n -= nul + 1 - s;
		s = nul + 1;
		r = 1;
	}
	if (t.len > 0) {
		buf_add(&t, s, n);
		s = t.data;
		n = t.len;
	}
	if (max != 0 && n > max) {
		n = utf8_cut(s, max);
		v->truncated = 1;
	}
	if (v->truncated && is_html(p))
		n = html_cut((const char *)s, n);
	v->problem = r;
	v->len = n;
	v->text = arena_dup(a, s, n);
	ret = v->text == NULL || buf_bad(&t) ? -1 : 0;
done:
	buf_free(&b);
	buf_free(&t);
	return ret;
}

/* --- preview -------------------------------------------------------------- */

const char *
mime_text_preview(struct arena *a, const struct mime_msg *m,
    const struct mime_body *body)
{
	struct preview	 v;
	const char	*s;
	size_t		 i;

	memset(&v, 0, sizeof(v));
	buf_init(&v.out, MIME_PREVIEW_LEN + 8);
	for (i = 0; i < body->ntext && i < 16 && !v.full; i++) {
		v.gap = 1;
		preview_part(&v, m, &m->parts[body->text[i]]);
	}
	for (i = 0; i < body->nhtml && i < 16 && v.out.len == 0; i++)
		preview_part(&v, m, &m->parts[body->html[i]]);
	s = arena_dup(a, v.out.data, v.out.len);
	buf_free(&v.out);
	return s;
}

/* The beginning of a part; if that does not fill the preview, more of it. */
static void
preview_part(struct preview *v, const struct mime_msg *m,
    const struct mime_part *p)
{
	static const size_t	 limits[2][2] = {
		{ 2048, 65536 }, { 16384, 262144 }
	};
	struct preview		 was = *v;
	struct buf		 b, t;
	int			 i, cut = 1, html = is_html(p);
	size_t			 keep = v->out.len;

	if (!is_text(p))
		return;
	for (i = 0; i < 2 && cut && !v->full; i++) {
		buf_init(&b, TEXT_MAX);
		buf_init(&t, 65536);
		v->out.len = keep;
		v->units = was.units;
		v->gap = was.gap;
		decode(m, p, limits[html][i], &b, &cut);
		if (is_delsp(m, p))
			unflow(&b);
		if (html && cut)	/* no half of a tag is text */
			b.len = html_cut((const char *)b.data, b.len);
		if (html) {
			mime_html_text((const char *)b.data, b.len,
			    4 * MIME_PREVIEW_LEN, &t);
			preview_lines(v, (const char *)t.data, t.len, 1);
		} else
			preview_lines(v, (const char *)b.data, b.len, 1);
		/* nothing but quotes: better than nothing */
		if (v->out.len == keep && !cut && !html)
			preview_lines(v, (const char *)b.data, b.len, 0);
		buf_free(&b);
		buf_free(&t);
	}
}

/*
 * Line by line up to the signature, without what is quoted or drawn.
 */
static void
preview_lines(struct preview *v, const char *s, size_t n, int choose)
{
	const char	*nl, *end;
	size_t		 len;
	int		 armor = 0;

	if (n == 0)
		return;
	end = s + n;
	for (; s < end && !v->full; s = nl + 1) {
		if ((nl = memchr(s, '\n', end - s)) == NULL)
			nl = end;
		len = nl - s;
		if (len > 0 && s[len - 1] == '\r')
			len--;
		if (choose && ((len == 3 && memcmp(s, "-- ", 3) == 0) ||
		    starts(s, len, "-----BEGIN PGP SIGNATURE")))
			return;
		/* RFC 9580 7: Hash lines up to an empty one */
		if (choose && starts(s, len, "-----BEGIN PGP SIGNED"))
			armor = 1;
		armor = armor && len > 0;
		if (!choose || (!armor && !quoted(s, len, nl, end))) {
			preview_add(v, s, len);
			v->gap = 1;
		}
		if (nl == end)
			return;
	}
}

static int
starts(const char *s, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(s, with, strlen(with)) == 0;
}

/* Quoted, or the line that says whom is quoted, or a drawn line. */
static int
quoted(const char *s, size_t n, const char *nl, const char *end)
{
	if (n == 0)
		return 1;
	if (s[0] == '>' || rule(s, n))
		return 1;
	if (s[n - 1] != ':')
		return 0;
	while (nl < end && (*nl == '\n' || *nl == '\r'))
		nl++;
	return nl < end && *nl == '>';
}

/* "-----", "=====" and the like: five or more, nothing else. */
static int
rule(const char *s, size_t n)
{
	size_t	 i;

	if (n < 5 || strchr("-=_*~#+", s[0]) == NULL)
		return 0;
	for (i = 1; i < n; i++)
		if (s[i] != s[0] && s[i] != ' ')
			return 0;
	return 1;
}

/* Unicode's White_Space that is not ASCII, and what HTML fills with. */
static int
blank(uint32_t cp)
{
	return cp <= ' ' || (cp >= 0x7f && cp <= 0xa0) || cp == 0x1680 ||
	    (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
	    cp == 0x202f || cp == 0x205f || cp == 0x2800 || cp == 0x3000;
}

/* Shows nothing: joiners, marks of direction, soft hyphen. */
static int
invisible(uint32_t cp)
{
	return cp == 0xad || cp == 0x34f || cp == 0x61c || cp == 0x180e ||
	    (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x202a && cp <= 0x202e) ||
	    (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff;
}

static void
preview_add(struct preview *v, const char *s, size_t n)
{
	uint32_t	 cp;
	size_t		 i, k, need;

	for (i = 0; i < n && !v->full; i += k) {
		k = utf8_get((const uint8_t *)s + i, n - i, &cp);
		if (k == 0) {		/* cannot be: it is UTF-8 */
			k = 1;
			continue;
		}
		if (blank(cp)) {
			v->gap = 1;
			continue;
		}
		/* a joiner after a letter that is not Latin, or after a
		 * picture, belongs to it */
		if (invisible(cp) && (v->gap || v->out.len == 0 ||
		    v->out.data[v->out.len - 1] < 0x80 ||
		    (cp != 0x200c && cp != 0x200d)))
			continue;
		v->gap = v->gap && v->out.len > 0;
		need = v->gap + (cp > 0xffff ? 2 : 1);
		if (v->units + need > MIME_PREVIEW) {
			v->full = 1;
			return;
		}
		if (v->gap)
			buf_addc(&v->out, ' ');
		v->gap = 0;
		buf_add(&v->out, s + i, k);
		v->units += need;
	}
}

/* --- search --------------------------------------------------------------- */

/* Append the plain text of one text part. */
static void
mime_text_plain(const struct mime_msg *m, uint32_t part, struct buf *out)
{
	const struct mime_part	*p = &m->parts[part];
	struct buf		 b;
	size_t			 room = out->max - out->len;
	int			 cut;

	if (!is_text(p) || buf_bad(out))
		return;
	buf_init(&b, TEXT_MAX);
	/* HTML shrinks: read more of it than there is room for text */
	decode(m, p, is_html(p) && room < WHOLE / 8 ? room * 8 : room, &b,
	    &cut);
	lines(&b);
	if (is_delsp(m, p))
		unflow(&b);
	if (is_html(p))
		mime_html_words((const char *)b.data, b.len, room, out);
	else
		buf_add(out, b.data, b.len <= room ? b.len :
		    utf8_cut(b.data, room));
	buf_free(&b);
	if (out->len < out->max)
		buf_addc(out, '\n');
}

void
mime_text_split(const struct mime_msg *m, struct buf *body,
    struct buf *attached)
{
	search(m, body, attached, 0);
}

static void
search(const struct mime_msg *m, struct buf *body, struct buf *attached,
    int depth)
{
	const struct mime_part	*p;
	struct buf		*out;
	uint32_t		 i;

	for (i = 0; i < m->npart; i++) {
		p = &m->parts[i];
		if (p->multipart)
			continue;
		if (p->name != NULL && !buf_bad(attached) &&
		    attached->max - attached->len > strlen(p->name)) {
			buf_adds(attached, p->name);
			buf_addc(attached, '\n');
		}
		out = p->disposition != NULL && strcmp(p->disposition,
		    "attachment") == 0 ? attached : body;
		if (is_text(p) && out->len < out->max)
			mime_text_plain(m, i, out);
		else if (is_message(p) && depth < MIME_NESTED &&
		    attached->len < attached->max)
			nested(m, p, attached, depth + 1);
	}
}

/* A message in a message: depth is bounded by MIME_NESTED. */
static void
nested(const struct mime_msg *m, const struct mime_part *p, struct buf *out,
    int depth)
{
	struct mime_msg	*in;
	struct arena	 a;
	struct buf	 raw;

	arena_init(&a, MIME_ARENA);
	buf_init(&raw, TEXT_MAX);
	if (mime_cte_decode(p->cte, m->raw + p->body, p->bodylen, &raw) !=
	    -1 && (in = mime_parse(&a, raw.data, raw.len)) != NULL) {
		search_header(&a, in, out);
		search(in, out, out, depth);
	}
	buf_free(&raw);
	arena_free(&a);
}

/* An attached message is looked for by its subject and people, too. */
static void
search_header(struct arena *a, const struct mime_msg *m, struct buf *out)
{
	static const enum mime_id ids[] = { MIME_H_SUBJECT, MIME_H_FROM,
	    MIME_H_TO, MIME_H_CC };
	const struct mime_hdr	*h;
	const char		*s;
	size_t			 i;

	for (i = 0; i < nitems(ids); i++) {
		if ((h = mime_hdr_get(m, 0, ids[i])) == NULL)
			continue;
		s = mime_hdr_text(a, m->raw + h->val, h->vallen);
		if (s != NULL) {
			buf_adds(out, s);
			buf_addc(out, '\n');
		}
	}
}
