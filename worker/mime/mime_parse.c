/* SPDX-License-Identifier: ISC */
/*
 * Bytes to struct mime_msg: header fields, and the tree of parts (RFC 5322
 * 2.1, RFC 2046 5.1).  One pass over the lines with a stack of the multiparts
 * that are open, so that a boundary of an outer one ends all inner ones.
 * Called by mime_parse's users only; every field's meaning is left to
 * mime_hdr.c and mime_param.c.
 *
 * Never here: recursion, a second look at lines already passed, an error.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"
#include "worker/mime/mime_int.h"

#define BOUNDARY_MAX	250		/* RFC 2046 5.1.1 says 70 */
#define VALUE_MAX	2000		/* bytes of Content-ID, -Location */
#define LANGUAGE_MAX	200		/* bytes of Content-Language */
#define GUESS_MAX	(64 * 1024)	/* bytes searched for a boundary */

struct open {
	uint32_t	 part;
	const uint8_t	*boundary;
	size_t		 len;
	int		 closed;	/* past "--boundary--": an epilogue */
};

struct parser {
	struct arena	*arena;
	struct mime_msg	*m;
	size_t		 pos;
	uint32_t	 hcap, pcap;
	struct open	 open[MIME_DEPTH];
	size_t		 nopen;
	uint32_t	 leaf;		/* the part we are in, or MIME_NONE */
};

/* A delimiter line: of which open multipart, and where it stands. */
struct delim {
	size_t	 level, from, to;	/* to: after its line end */
	int	 close;
};

static int	 run(struct parser *);
static int	 delim_next(struct parser *, struct delim *);
static int	 delim_line(struct parser *, size_t, struct delim *);
static size_t	 line_end(const struct mime_msg *, size_t);
static void	 leave(struct parser *, size_t, size_t);
static void	 end_part(struct parser *, uint32_t, size_t);
static int	 enter(struct parser *, uint32_t);
static int	 part_new(struct parser *, uint32_t, struct mime_part **);
static int	 part_id(struct parser *, struct mime_part *);
static int	 header(struct parser *, struct mime_part *);
static int	 header_line(struct parser *, size_t, size_t);
static size_t	 name_len(const uint8_t *, size_t);
static int	 junk_line(struct parser *, size_t);
static int	 fields(struct parser *, struct mime_part *);
static int	 content_type(struct parser *, struct mime_part *);
static int	 disposition(struct parser *, struct mime_part *);
static int	 language(struct parser *, struct mime_part *);
static int	 value_string(struct parser *, enum mime_id, int,
		    const char **);
static int	 multipart(struct parser *, struct mime_part *);
static size_t	 guess(struct parser *, const uint8_t **);
static void	*grow(struct arena *, void *, uint32_t, uint32_t *, size_t,
		    uint32_t);

struct mime_msg *
mime_parse(struct arena *a, const uint8_t *raw, size_t len)
{
	struct parser	 p;

	if (len >= UINT32_MAX) {
		errno = EFBIG;
		return NULL;
	}
	memset(&p, 0, sizeof(p));
	p.arena = a;
	p.leaf = MIME_NONE;
	if ((p.m = arena_get(a, sizeof(*p.m))) == NULL)
		goto full;
	p.m->raw = raw == NULL ? (const uint8_t *)"" : raw;
	p.m->len = len;
	p.m->hdrs = grow(a, NULL, 0, &p.hcap, sizeof(*p.m->hdrs), 32);
	if (p.m->hdrs == NULL || run(&p) == -1)
		goto full;
	return p.m;
full:
	errno = ENOMEM;
	return NULL;
}

static int
run(struct parser *p)
{
	struct mime_msg	*m = p->m;
	struct delim	 d;
	uint32_t	 i;

	if (enter(p, MIME_NONE) == -1)
		return -1;
	while (p->nopen > 0 && m->npart < MIME_PARTS && delim_next(p, &d)) {
		leave(p, d.level, d.from);
		p->pos = d.to;
		if (d.close)
			p->open[d.level].closed = 1;
		else if (enter(p, p->open[d.level].part) == -1)
			return -1;
	}
	if (p->leaf != MIME_NONE)
		end_part(p, p->leaf, m->len);
	while (p->nopen > 0)
		end_part(p, p->open[--p->nopen].part, m->len);
	for (i = 0; i < m->npart; i++)
		if (m->parts[i].multipart)
			m->parts[i].id = NULL;
	return 0;
}

/* Where the line that starts at pos ends, its line end included. */
static size_t
line_end(const struct mime_msg *m, size_t pos)
{
	const uint8_t	*nl;

	if (pos >= m->len)
		return m->len;
	nl = memchr(m->raw + pos, '\n', m->len - pos);
	return nl == NULL ? m->len : (size_t)(nl - m->raw) + 1;
}

/* The next line from pos on that is a delimiter of an open multipart. */
static int
delim_next(struct parser *p, struct delim *d)
{
	const uint8_t	*raw = p->m->raw;
	size_t		 pos = p->pos, len = p->m->len;

	for (; len - pos > 2; pos = line_end(p->m, pos))
		if (raw[pos] == '-' && raw[pos + 1] == '-' &&
		    delim_line(p, pos, d))
			return 1;
	return 0;
}

/*
 * RFC 2046 5.1.1: "--" boundary ["--"] *LWSP-char, and nothing else.  The
 * innermost multipart that is not over yet comes first.
 */
static int
delim_line(struct parser *p, size_t pos, struct delim *d)
{
	const uint8_t	*s = p->m->raw + pos + 2;
	size_t		 i, k, to = line_end(p->m, pos), n = to - pos;

	if (n < 2)
		return 0;
	for (n -= 2; n > 0 && mime_int_fws(s[n - 1]); n--)
		continue;
	for (i = p->nopen; i-- > 0; ) {
		k = p->open[i].len;
		if (p->open[i].closed || n < k ||
		    memcmp(s, p->open[i].boundary, k) != 0)
			continue;
		d->close = n == k + 2 && s[k] == '-' && s[k + 1] == '-';
		if (n != k && !d->close)
			continue;
		d->level = i;
		d->from = pos;
		d->to = to;
		return 1;
	}
	return 0;
}

/* A delimiter of level at pos: whatever is deeper ends before it. */
static void
leave(struct parser *p, size_t level, size_t pos)
{
	const uint8_t	*raw = p->m->raw;

	/* the line end before a delimiter belongs to the delimiter */
	if (pos > 0 && raw[pos - 1] == '\n')
		pos--;
	if (pos > 0 && raw[pos - 1] == '\r')
		pos--;
	if (p->leaf != MIME_NONE)
		end_part(p, p->leaf, pos);
	p->leaf = MIME_NONE;
	while (p->nopen > level + 1)
		end_part(p, p->open[--p->nopen].part, pos);
}

/*
 * The part is over.  A multipart in which no part was found shows its text
 * instead of nothing.
 */
static void
end_part(struct parser *p, uint32_t i, size_t pos)
{
	struct mime_part	*part = &p->m->parts[i];

	part->end = p->m->npart;
	part->bodylen = pos > part->body ? pos - part->body : 0;
	if (part->multipart && part->nsub == 0) {
		part->multipart = 0;
		part->type = "text/plain";
		part->charset = "us-ascii";
	}
}

/* A part begins at pos, a child of parent. */
static int
enter(struct parser *p, uint32_t parent)
{
	struct mime_part	*part;

	if (part_new(p, parent, &part) == -1 || header(p, part) == -1 ||
	    fields(p, part) == -1 || part_id(p, part) == -1)
		return -1;
	if (!part->multipart)
		return 0;
	return multipart(p, part);
}

static int
part_new(struct parser *p, uint32_t parent, struct mime_part **out)
{
	struct mime_msg		*m = p->m;
	struct mime_part	*part;

	m->parts = grow(p->arena, m->parts, m->npart, &p->pcap,
	    sizeof(*m->parts), 4);
	if (m->parts == NULL)
		return -1;
	p->leaf = m->npart++;
	part = &m->parts[p->leaf];
	part->parent = parent;
	if (parent != MIME_NONE) {
		part->depth = m->parts[parent].depth + 1;
		m->parts[parent].nsub++;
	}
	part->head = p->pos;
	part->hdr = m->nhdr;
	*out = part;
	return 0;
}

/* Double the room of an array in the arena when n fills it. */
static void *
grow(struct arena *a, void *old, uint32_t n, uint32_t *cap, size_t size,
    uint32_t first)
{
	void	*v;

	if (n < *cap)
		return old;
	*cap = *cap == 0 ? first : *cap * 2;
	if ((v = arena_array(a, *cap, size)) == NULL)
		return NULL;
	if (n != 0)
		memcpy(v, old, n * size);
	return v;
}

/*
 * "1.2": the way down by counting, as IMAP does.  Multiparts have one, too,
 * until the end, as they may turn out to be leaves.
 */
static int
part_id(struct parser *p, struct mime_part *part)
{
	const struct mime_part	*up;

	if (part->parent == MIME_NONE) {
		part->id = "1";
		return 0;
	}
	up = &p->m->parts[part->parent];
	part->id = up->parent == MIME_NONE ?
	    arena_printf(p->arena, "%u", up->nsub) :
	    arena_printf(p->arena, "%s.%u", up->id, up->nsub);
	return part->id == NULL ? -1 : 0;
}

/* Length of a field name with its colon found behind it, or 0. */
static size_t
name_len(const uint8_t *s, size_t n)
{
	size_t	 i, k;

	for (i = 0; i < n && s[i] > 32 && s[i] < 127 && s[i] != ':'; i++)
		continue;
	for (k = i; k < n && mime_int_wsp(s[k]); k++)
		continue;
	return k < n && s[k] == ':' ? i : 0;
}

/*
 * A line without a field name inside a header: 1 if it is only a stray, as
 * the header goes on behind it; 0 if it is the body whose empty line is
 * missing.
 */
static int
junk_line(struct parser *p, size_t next)
{
	const uint8_t	*s = p->m->raw + next;
	size_t		 n = name_len(s, p->m->len - next);

	return n > 0 && (mime_hdr_id(s, n) != MIME_H_OTHER ||
	    (n > 2 && utf8_caseis(s, 2, "x-")));
}

/* Header lines up to the empty line, which is taken too. */
static int
header(struct parser *p, struct mime_part *part)
{
	const uint8_t	*raw = p->m->raw;
	struct delim	 d;
	size_t		 pos = p->pos, to, n;

	for (; pos < p->m->len; pos = to) {
		to = line_end(p->m, pos);
		n = to - pos;
		if (raw[pos] == '\n' || (n == 2 && raw[pos] == '\r')) {
			pos = to;
			break;
		}
		if (n > 2 && raw[pos] == '-' && raw[pos + 1] == '-' &&
		    delim_line(p, pos, &d))
			break;
		/* a fold: mime_hdr.c's matter, part of the line before */
		while (to < p->m->len && mime_int_wsp(raw[to]))
			to = line_end(p->m, to);
		if (header_line(p, pos, to) == -1)
			return -1;
		if (name_len(raw + pos, n) != 0 || junk_line(p, to))
			continue;
		/* an mbox separator is no text of anybody */
		if (pos == 0 && n > 5 && memcmp(raw, "From ", 5) == 0)
			continue;
		break;
	}
	part = &p->m->parts[p->leaf];
	part->nhdr = p->m->nhdr - part->hdr;
	part->headlen = pos - part->head;
	part->body = p->pos = pos;
	return 0;
}

/* Note the field in the line (with its folds) from pos to to, if it is one. */
static int
header_line(struct parser *p, size_t pos, size_t to)
{
	struct mime_msg	*m = p->m;
	struct mime_hdr	*h;
	const uint8_t	*raw = m->raw;
	size_t		 n = name_len(raw + pos, to - pos), val;

	if (n == 0 || m->nhdr >= MIME_HDRS)
		return 0;
	if ((m->hdrs = grow(p->arena, m->hdrs, m->nhdr, &p->hcap,
	    sizeof(*h), 32)) == NULL)
		return -1;
	for (val = pos + n; raw[val] != ':'; val++)
		continue;
	val++;
	if (to > val && raw[to - 1] == '\n')
		to--;
	if (to > val && raw[to - 1] == '\r')
		to--;
	h = &m->hdrs[m->nhdr++];
	h->name = pos;
	h->namelen = n;
	h->val = val;
	h->vallen = to - val;
	h->id = mime_hdr_id(raw + pos, n);
	return 0;
}

/* Everything of RFC 8621 4.1.4 that header fields say about the part. */
static int
fields(struct parser *p, struct mime_part *part)
{
	const struct mime_hdr	*h;

	if (content_type(p, part) == -1 || disposition(p, part) == -1 ||
	    value_string(p, MIME_H_CONTENT_ID, 1, &part->cid) == -1 ||
	    value_string(p, MIME_H_CONTENT_LOCATION, 0, &part->location) ==
	    -1 || language(p, part) == -1)
		return -1;
	/* RFC 2045 6.4: a multipart cannot be encoded */
	h = mime_hdr_get(p->m, p->leaf, MIME_H_CONTENT_CTE);
	if (h != NULL && !part->multipart)
		part->cte = mime_cte_of(p->m->raw + h->val, h->vallen);
	return 0;
}

static int
content_type(struct parser *p, struct mime_part *part)
{
	const struct mime_hdr	*h;
	const uint8_t		*v;
	const char		*slash;
	int			 text;

	/* RFC 2046 5.1.5: in a digest, the default is a message */
	part->type = part->parent != MIME_NONE && strcmp(
	    p->m->parts[part->parent].type, "multipart/digest") == 0 ?
	    "message/rfc822" : "text/plain";
	part->charset = "us-ascii";
	h = mime_hdr_get(p->m, p->leaf, MIME_H_CONTENT_TYPE);
	if (h == NULL)
		return 0;
	v = p->m->raw + h->val;
	if (mime_param_value(p->arena, v, h->vallen, &part->type) == -1 ||
	    mime_param_get(p->arena, v, h->vallen, "charset",
	    &part->charset) == -1 ||
	    mime_param_get(p->arena, v, h->vallen, "name", &part->name) == -1)
		return -1;
	/* RFC 2045 5.2: what is no type is the default */
	slash = strchr(part->type, '/');
	if (slash == NULL || slash == part->type || slash[1] == '\0' ||
	    strchr(slash + 1, '/') != NULL)
		part->type = "text/plain";
	text = strncmp(part->type, "text/", 5) == 0;
	if (text && (part->charset == NULL || part->charset[0] == '\0'))
		part->charset = "us-ascii";
	part->multipart = strncmp(part->type, "multipart/", 10) == 0;
	return 0;
}

static int
disposition(struct parser *p, struct mime_part *part)
{
	const struct mime_hdr	*h;
	const char		*name;

	h = mime_hdr_get(p->m, p->leaf, MIME_H_CONTENT_DISPOSITION);
	if (h == NULL)
		return 0;
	if (mime_param_value(p->arena, p->m->raw + h->val, h->vallen,
	    &part->disposition) == -1 || mime_param_get(p->arena,
	    p->m->raw + h->val, h->vallen, "filename", &name) == -1)
		return -1;
	if (part->disposition[0] == '\0')
		part->disposition = NULL;
	if (name != NULL)
		part->name = name;
	return 0;
}

/* A field's value without CFWS at its ends and, if angle, without "<>". */
static int
value_string(struct parser *p, enum mime_id id, int angle, const char **out)
{
	const struct mime_hdr	*h;
	const uint8_t		*s;
	const char		*text;
	struct mime_list	 l;
	struct buf		 b;
	size_t			 n, i;

	if ((h = mime_hdr_get(p->m, p->leaf, id)) == NULL)
		return 0;
	s = p->m->raw + h->val;
	n = h->vallen < VALUE_MAX ? h->vallen : VALUE_MAX;
	if (angle) {
		if (mime_hdr_msgids(p->arena, s, n, &l) == -1)
			return -1;
		if (l.n > 0) {
			*out = l.v[0];
			return 0;
		}
	}
	/* RFC 2557 4.4.3: unfolded, "and then any MIME encoding removed" */
	if (!angle) {
		if ((text = mime_hdr_text(p->arena, s, n)) == NULL)
			return -1;
		s = (const uint8_t *)text;
		n = strlen(text);
	}
	i = mime_hdr_cfws(s, n);
	while (n > i && mime_int_fws(s[n - 1]))
		n--;
	buf_init(&b, MIME_SCRATCH);
	for (; i < n; i++)
		if (!mime_int_fws(s[i]))
			buf_addc(&b, s[i]);
	*out = mime_hdr_raw(p->arena, b.data, b.len);
	buf_free(&b);
	return *out == NULL ? -1 : 0;
}

/* RFC 3282: language tags, separated by commas. */
static int
language(struct parser *p, struct mime_part *part)
{
	const struct mime_hdr	*h;
	const uint8_t		*s;
	size_t			 i = 0, n, from;

	h = mime_hdr_get(p->m, p->leaf, MIME_H_CONTENT_LANGUAGE);
	if (h == NULL)
		return 0;
	s = p->m->raw + h->val;
	n = h->vallen < LANGUAGE_MAX ? h->vallen : LANGUAGE_MAX;
	part->language = arena_array(p->arena, n / 2 + 1, sizeof(char *));
	if (part->language == NULL)
		return -1;
	for (; i < n; i++) {
		i += mime_hdr_cfws(s + i, n - i);
		for (from = i; i < n && s[i] > 32 && s[i] < 127 &&
		    s[i] != ',' && s[i] != '('; i++)
			continue;
		if (i > from && (part->language[part->nlanguage++] =
		    arena_dup(p->arena, s + from, i - from)) == NULL)
			return -1;
		while (i < n && s[i] != ',')
			i++;
	}
	return 0;
}

/* The part is a multipart: its boundary opens, if we can go so deep. */
static int
multipart(struct parser *p, struct mime_part *part)
{
	const struct mime_hdr	*h;
	struct open		*o;
	const char		*b;

	if (p->nopen == MIME_DEPTH) {
		part->multipart = 0;
		part->type = "application/octet-stream";
		part->charset = NULL;
		return 0;
	}
	h = mime_hdr_get(p->m, p->leaf, MIME_H_CONTENT_TYPE);
	if (mime_param_get(p->arena, p->m->raw + h->val, h->vallen,
	    "boundary", &b) == -1)
		return -1;
	o = &p->open[p->nopen];
	memset(o, 0, sizeof(*o));
	o->part = p->leaf;
	if (b != NULL) {
		o->boundary = (const uint8_t *)b;
		o->len = strlen(b);
	}
	/* RFC 2046 5.1.1: a boundary does not end in a space */
	while (o->len > 0 && mime_int_fws(o->boundary[o->len - 1]))
		o->len--;
	if (o->len == 0)
		o->len = guess(p, &o->boundary);
	if (o->len == 0 || o->len > BOUNDARY_MAX)
		o->closed = 1;
	p->nopen++;
	p->leaf = MIME_NONE;
	return 0;
}

/* No boundary given: "--something" above "Content-" is likely it. */
static size_t
guess(struct parser *p, const uint8_t **out)
{
	const struct mime_msg	*m = p->m;
	size_t			 pos, to, n;

	for (pos = p->pos; pos < m->len && pos - p->pos < GUESS_MAX;
	    pos = to) {
		to = line_end(m, pos);
		if (m->raw[pos] != '-' || to - pos < 4 ||
		    m->raw[pos + 1] != '-' || m->len - to < 8 ||
		    !utf8_caseis(m->raw + to, 8, "content-"))
			continue;
		for (n = to - pos - 2; n > 0 &&
		    mime_int_fws(m->raw[pos + 1 + n]); n--)
			continue;
		*out = m->raw + pos + 2;
		return n;
	}
	return 0;
}
