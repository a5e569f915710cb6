/* SPDX-License-Identifier: ISC */
/*
 * The structure record of a mail: what a second parse of its MIME would find
 * out, written at delivery, so that bodyStructure, body values and the blob
 * of a part need only the bytes they show.  Opaque to the store (P row).
 *
 *	u8	version, 1
 *	num	parts, at least 1
 *	part...	in preorder:
 *		u8	encoding (enum mime_cte) | 0x80 for a multipart
 *		u8	STRUCT_ bits: which strings follow
 *		num	children, then offset and length of header, offset
 *			and length of body, decoded size
 *		text...	type (always), id (unless multipart), then those of
 *			the bits in their order; language: num, text...
 *	u8	hasAttachment
 *	list	textBody, htmlBody, attachments: num, then part indexes
 *
 * num is little-endian base 128, 7 bits a byte, the high bit says more;
 * text is UTF-8 and a NUL.  A damaged record must never lead outside it.
 */
#include "common/compat.h"

#include <string.h>

#include "common/cur.h"
#include "worker/jmap/email.h"

#define STRUCT_VERSION		1
#define STRUCT_MULTIPART	0x80
#define STRUCT_CHARSET		0x01
#define STRUCT_DISPOSITION	0x02
#define STRUCT_NAME		0x04
#define STRUCT_CID		0x08
#define STRUCT_LOCATION		0x10
#define STRUCT_LANGUAGE		0x20

static void	put_num(struct buf *, uint32_t);
static void	put_text(struct buf *, const char *);
static void	put_part(struct buf *, const struct mime_msg *,
		    const struct mime_part *);
static void	put_list(struct buf *, const uint32_t *, size_t);
static uint32_t	get_num(struct cur *);
static const char *get_text(struct cur *, int);
static int	get_part(struct arena *, struct cur *, struct mime_part *,
		    uint32_t *);
static int	get_language(struct arena *, struct cur *, struct mime_part *);
static int	get_list(struct arena *, struct cur *, uint32_t, uint32_t **,
		    size_t *);
static int	get_tree(struct mime_msg *);

int
email_struct_put(struct buf *b, const struct mime_msg *m,
    const struct mime_body *body)
{
	uint32_t	 i;

	buf_addc(b, STRUCT_VERSION);
	put_num(b, m->npart);
	for (i = 0; i < m->npart; i++)
		put_part(b, m, &m->parts[i]);
	buf_addc(b, body->has_attachment != 0);
	put_list(b, body->text, body->ntext);
	put_list(b, body->html, body->nhtml);
	put_list(b, body->attach, body->nattach);
	return buf_bad(b) ? -1 : 0;
}

static void
put_num(struct buf *b, uint32_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_addc(b, (int)(n & 0x7f) | 0x80);
	buf_addc(b, (int)n);
}

static void
put_text(struct buf *b, const char *s)
{
	if (s != NULL)
		buf_add(b, s, strlen(s) + 1);
}

static void
put_part(struct buf *b, const struct mime_msg *m, const struct mime_part *p)
{
	uint32_t	 i;

	buf_addc(b, (int)p->cte | (p->multipart ? STRUCT_MULTIPART : 0));
	buf_addc(b, (p->charset != NULL ? STRUCT_CHARSET : 0) |
	    (p->disposition != NULL ? STRUCT_DISPOSITION : 0) |
	    (p->name != NULL ? STRUCT_NAME : 0) |
	    (p->cid != NULL ? STRUCT_CID : 0) |
	    (p->location != NULL ? STRUCT_LOCATION : 0) |
	    (p->language != NULL ? STRUCT_LANGUAGE : 0));
	put_num(b, p->nsub);
	put_num(b, p->head);
	put_num(b, p->headlen);
	put_num(b, p->body);
	put_num(b, p->bodylen);
	put_num(b, p->multipart ? 0 : (uint32_t)mime_cte_size(p->cte,
	    m->raw + p->body, p->bodylen));
	put_text(b, p->type);
	if (!p->multipart)
		put_text(b, p->id != NULL ? p->id : "");
	put_text(b, p->charset);
	put_text(b, p->disposition);
	put_text(b, p->name);
	put_text(b, p->cid);
	put_text(b, p->location);
	if (p->language != NULL) {
		put_num(b, p->nlanguage);
		for (i = 0; i < p->nlanguage; i++)
			put_text(b, p->language[i]);
	}
}

static void
put_list(struct buf *b, const uint32_t *v, size_t n)
{
	size_t	 i;

	put_num(b, (uint32_t)n);
	for (i = 0; i < n; i++)
		put_num(b, v[i]);
}

int
email_struct_get(struct arena *a, struct slice rec, struct email_struct *s)
{
	struct cur	 c;
	uint32_t	 i;
	int		 ret;

	memset(s, 0, sizeof(*s));
	cur_init(&c, rec.p, rec.n);
	if (cur_u8(&c) != STRUCT_VERSION)
		return 0;
	/* a part takes more than eight bytes: no memory for a false count */
	s->msg.npart = get_num(&c);
	if (s->msg.npart == 0 || s->msg.npart > MIME_PARTS ||
	    s->msg.npart > rec.n / 8)
		return 0;
	s->msg.parts = arena_array(a, s->msg.npart, sizeof(*s->msg.parts));
	s->size = arena_array(a, s->msg.npart, sizeof(*s->size));
	if (s->msg.parts == NULL || s->size == NULL)
		return -1;
	for (i = 0; i < s->msg.npart; i++)
		if ((ret = get_part(a, &c, &s->msg.parts[i],
		    &s->size[i])) != 1)
			return ret;
	s->body.has_attachment = cur_u8(&c);
	if ((ret = get_list(a, &c, s->msg.npart, &s->body.text,
	    &s->body.ntext)) != 1 ||
	    (ret = get_list(a, &c, s->msg.npart, &s->body.html,
	    &s->body.nhtml)) != 1 ||
	    (ret = get_list(a, &c, s->msg.npart, &s->body.attach,
	    &s->body.nattach)) != 1)
		return ret;
	return cur_end(&c) && get_tree(&s->msg);
}

int
email_struct_make(struct arena *a, const uint8_t *raw, size_t len,
    struct email_struct *s)
{
	struct mime_msg	*m;
	uint32_t	 i;

	memset(s, 0, sizeof(*s));
	if ((m = mime_parse(a, raw, len)) == NULL ||
	    mime_body_lists(a, m, &s->body) == -1 ||
	    (s->size = arena_array(a, m->npart, sizeof(*s->size))) == NULL)
		return -1;
	s->msg = *m;
	for (i = 0; i < m->npart; i++)
		if (!m->parts[i].multipart)
			s->size[i] = (uint32_t)mime_cte_size(m->parts[i].cte,
			    raw + m->parts[i].body, m->parts[i].bodylen);
	return 0;
}

static uint32_t
get_num(struct cur *c)
{
	uint32_t	 n = 0;
	unsigned	 shift;
	uint8_t		 x;

	for (shift = 0; shift < 35; shift += 7) {
		x = cur_u8(c);
		n |= (uint32_t)(x & 0x7f) << shift;
		if (!(x & 0x80))
			return n;
	}
	c->bad = 1;
	return 0;
}

static const char *
get_text(struct cur *c, int there)
{
	return there ? cur_str(c) : NULL;
}

static int
get_part(struct arena *a, struct cur *c, struct mime_part *p, uint32_t *size)
{
	uint8_t	 kind, has;

	kind = cur_u8(c);
	has = cur_u8(c);
	p->multipart = (kind & STRUCT_MULTIPART) != 0;
	if ((kind & ~STRUCT_MULTIPART) > MIME_UNKNOWN)
		return 0;
	p->cte = (enum mime_cte)(kind & ~STRUCT_MULTIPART);
	p->nsub = get_num(c);
	p->head = get_num(c);
	p->headlen = get_num(c);
	p->body = get_num(c);
	p->bodylen = get_num(c);
	*size = get_num(c);
	p->type = get_text(c, 1);
	p->id = get_text(c, !p->multipart);
	p->charset = get_text(c, has & STRUCT_CHARSET);
	p->disposition = get_text(c, has & STRUCT_DISPOSITION);
	p->name = get_text(c, has & STRUCT_NAME);
	p->cid = get_text(c, has & STRUCT_CID);
	p->location = get_text(c, has & STRUCT_LOCATION);
	if (c->bad || p->type == NULL)
		return 0;
	return has & STRUCT_LANGUAGE ? get_language(a, c, p) : 1;
}

static int
get_language(struct arena *a, struct cur *c, struct mime_part *p)
{
	uint32_t	 i;

	p->nlanguage = get_num(c);
	if (c->bad || p->nlanguage > c->n)	/* a NUL each, at least */
		return 0;
	p->language = arena_array(a, p->nlanguage + 1, sizeof(*p->language));
	if (p->language == NULL)
		return -1;
	for (i = 0; i < p->nlanguage; i++)
		if ((p->language[i] = cur_str(c)) == NULL)
			return 0;
	return 1;
}

static int
get_list(struct arena *a, struct cur *c, uint32_t npart, uint32_t **v,
    size_t *n)
{
	size_t	 i;

	*n = get_num(c);
	if (c->bad || *n > npart)
		return 0;
	if ((*v = arena_array(a, *n + 1, sizeof(**v))) == NULL)
		return -1;
	for (i = 0; i < *n; i++)
		if (((*v)[i] = get_num(c)) >= npart)
			return 0;
	return 1;
}

/* Parent, depth and end of each part, from the numbers of children. */
static int
get_tree(struct mime_msg *m)
{
	uint32_t	 left[MIME_DEPTH + 2], at[MIME_DEPTH + 2], i;
	unsigned	 d = 0;

	for (i = 0; i < m->npart; i++) {
		m->parts[i].depth = d;
		m->parts[i].parent = d == 0 ? MIME_NONE : at[d - 1];
		m->parts[i].end = i + 1;
		if (m->parts[i].nsub > 0) {
			if (d + 1 >= nitems(at))
				return 0;
			at[d] = i;
			left[d++] = m->parts[i].nsub;
			continue;
		}
		while (d > 0 && --left[d - 1] == 0)
			m->parts[at[--d]].end = i + 1;
		if (d == 0)
			return i + 1 == m->npart;
	}
	return 0;	/* children are missing */
}
