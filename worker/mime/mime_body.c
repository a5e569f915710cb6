/* SPDX-License-Identifier: ISC */
/*
 * Which parts are the text, the HTML and the attachments: the algorithm that
 * RFC 8621 4.1.4 gives in JavaScript, with a stack in place of its recursion.
 * Called at delivery and by Email/get.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/mime/mime_int.h"

/* One call of parseStructure: its arguments and local variables. */
struct frame {
	uint32_t	 next, end;	/* parts that are left to look at */
	int		 first;		/* the next one is parts[0] */
	int		 related, alternative, in_alternative;
	int		 text, html;	/* textBody, htmlBody are not null */
	size_t		 textlen, htmllen;
};

static void	 look(struct mime_body *, const struct mime_msg *,
		    struct frame *, uint32_t, int);
static void	 enter(struct mime_body *, const struct mime_msg *,
		    const struct frame *, struct frame *, uint32_t);
static void	 leave(struct mime_body *, const struct frame *);
static int	 is_media(const char *);
static int	 is_attachment(const struct mime_msg *, uint32_t);
static int	 is_inline(const struct mime_part *, const struct frame *, int);
static void	 push(uint32_t *, size_t *, uint32_t);

int
mime_body_lists(struct arena *a, const struct mime_msg *m,
    struct mime_body *b)
{
	struct frame	 f[MIME_DEPTH + 2];
	size_t		 i, n = 0;
	uint32_t	 p;
	int		 first;

	memset(b, 0, sizeof(*b));
	if ((b->text = arena_array(a, m->npart, sizeof(*b->text))) == NULL ||
	    (b->html = arena_array(a, m->npart, sizeof(*b->html))) == NULL ||
	    (b->attach = arena_array(a, m->npart, sizeof(*b->attach))) == NULL)
		return -1;
	memset(&f[0], 0, sizeof(f[0]));
	f[0].end = m->npart;
	f[0].first = f[0].text = f[0].html = 1;
	for (n = 1; n > 0; ) {
		if (f[n - 1].next == f[n - 1].end) {
			leave(b, &f[--n]);
			continue;
		}
		p = f[n - 1].next;
		first = f[n - 1].first;
		f[n - 1].next = m->parts[p].end;
		f[n - 1].first = 0;
		if (m->parts[p].multipart) {
			enter(b, m, &f[n - 1], &f[n], p);
			n++;
		} else
			look(b, m, &f[n - 1], p, first);
	}
	for (i = 0; i < b->nattach; i++)
		b->has_attachment |= is_attachment(m, b->attach[i]);
	return 0;
}

static void
push(uint32_t *v, size_t *n, uint32_t p)
{
	v[(*n)++] = p;
}

static void
enter(struct mime_body *b, const struct mime_msg *m, const struct frame *up,
    struct frame *f, uint32_t p)
{
	const char	*sub = m->parts[p].type + strlen("multipart/");

	memset(f, 0, sizeof(*f));
	f->next = p + 1;
	f->end = m->parts[p].end;
	f->first = 1;
	f->related = strcmp(sub, "related") == 0;
	f->alternative = strcmp(sub, "alternative") == 0;
	f->in_alternative = up->in_alternative || f->alternative;
	f->text = up->text;
	f->html = up->html;
	f->textlen = b->ntext;
	f->htmllen = b->nhtml;
}

static int
is_media(const char *type)
{
	return strncmp(type, "image/", 6) == 0 ||
	    strncmp(type, "audio/", 6) == 0 ||
	    strncmp(type, "video/", 6) == 0;
}

/* A body part rather than an attachment. */
static int
is_inline(const struct mime_part *p, const struct frame *f, int first)
{
	if (p->disposition != NULL &&
	    strcmp(p->disposition, "attachment") == 0)
		return 0;
	if (strcmp(p->type, "text/plain") != 0 &&
	    strcmp(p->type, "text/html") != 0 && !is_media(p->type))
		return 0;
	/* in multipart/related, only the first part can be inline; a text
	 * with a file name that is not the first is an attachment */
	return first || (!f->related && (is_media(p->type) ||
	    p->name == NULL || p->name[0] == '\0'));
}

static void
look(struct mime_body *b, const struct mime_msg *m, struct frame *f,
    uint32_t p, int first)
{
	const char	*type = m->parts[p].type;
	int		 plain = strcmp(type, "text/plain") == 0;
	int		 html = strcmp(type, "text/html") == 0;

	if (!is_inline(&m->parts[p], f, first)) {
		push(b->attach, &b->nattach, p);
		return;
	}
	/* where the RFC's code would push to a list that is null, or to none,
	 * the part is an attachment: it stands in neither body */
	if (f->alternative) {
		if (plain && f->text)
			push(b->text, &b->ntext, p);
		else if (html && f->html)
			push(b->html, &b->nhtml, p);
		else
			push(b->attach, &b->nattach, p);
		return;
	}
	if (f->in_alternative && plain)
		f->html = 0;
	if (f->in_alternative && html)
		f->text = 0;
	if (f->text)
		push(b->text, &b->ntext, p);
	if (f->html)
		push(b->html, &b->nhtml, p);
	if (((!f->text || !f->html) && is_media(type)) ||
	    (!f->text && !f->html))
		push(b->attach, &b->nattach, p);
}

/* The end of a multipart: an alternative with one version has both. */
static void
leave(struct mime_body *b, const struct frame *f)
{
	size_t	 i, nt = b->ntext, nh = b->nhtml;

	if (!f->alternative || !f->text || !f->html)
		return;
	if (f->textlen == nt)
		for (i = f->htmllen; i < nh; i++)
			push(b->text, &b->ntext, b->html[i]);
	if (f->htmllen == nh)
		for (i = f->textlen; i < nt; i++)
			push(b->html, &b->nhtml, b->text[i]);
}

/*
 * Would a person call it an attachment?  RFC 8621 4.1.4 lets us pass over
 * what is inline, handled by programs, or an image within the HTML.
 */
static int
is_attachment(const struct mime_msg *m, uint32_t i)
{
	static const char *const machine[] = {
		"application/pgp-signature", "application/pkcs7-signature",
		"application/x-pkcs7-signature", "message/delivery-status",
		"message/disposition-notification", "text/rfc822-headers",
		"message/feedback-report",
	};
	const struct mime_part	*p = &m->parts[i];
	const char		*up;
	size_t			 k;

	for (k = 0; k < nitems(machine); k++)
		if (strcmp(p->type, machine[k]) == 0)
			return 0;
	if (p->disposition != NULL)
		return strcmp(p->disposition, "inline") != 0;
	if (p->parent == MIME_NONE)
		return 1;
	up = m->parts[p->parent].type;
	if (strcmp(up, "multipart/alternative") == 0 &&
	    strcmp(p->type, "text/calendar") == 0)
		return 0;
	return p->cid == NULL || strncmp(p->type, "image/", 6) != 0 ||
	    strcmp(up, "multipart/related") != 0;
}
