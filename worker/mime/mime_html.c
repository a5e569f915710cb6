/* SPDX-License-Identifier: ISC */
/*
 * The text that is seen in HTML, for previews and search: not a sanitiser,
 * nothing that comes out is meant to be HTML again.  One pass, nothing kept
 * but where we are; unfinished markup swallows the rest, as in a browser.
 * Called by mime_text.c with UTF-8.
 */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "worker/mime/mime_int.h"

struct html {
	const char	*p, *end;
	struct buf	*out;
	size_t		 stop;		/* out->len at which to stop */
	int		 gap;		/* ' ' or '\n' is due before text */
	int		 pre;		/* inside pre: line ends are kept */
	int		 attrs;		/* alt and title are text, too */
};

/* What an element does; elements that are not here do nothing. */
enum effect { NOTHING, LINE, SPACE, HIDE, PRE };
static const struct element {
	char		 name[12];
	enum effect	 effect;
} elements[] = {		/* in strcmp order */
	{ "article", LINE }, { "blockquote", LINE }, { "br", LINE },
	{ "center", LINE }, { "dd", LINE }, { "div", LINE }, { "dl", LINE },
	{ "dt", LINE }, { "footer", LINE }, { "form", LINE }, { "h1", LINE },
	{ "h2", LINE }, { "h3", LINE }, { "h4", LINE }, { "h5", LINE },
	{ "h6", LINE }, { "header", LINE }, { "hr", LINE }, { "li", LINE },
	{ "ol", LINE }, { "p", LINE }, { "pre", PRE }, { "script", HIDE },
	{ "section", LINE }, { "style", HIDE }, { "svg", HIDE },
	{ "table", LINE }, { "td", SPACE }, { "template", HIDE },
	{ "th", SPACE }, { "title", HIDE }, { "tr", LINE }, { "ul", LINE },
};

static void	 text(struct html *);
static void	 character(struct html *, const char *, size_t);
static int	 entity(struct html *);
static void	 markup(struct html *);
static void	 skip_to(struct html *, const char *);
static void	 tag(struct html *);
static void	 tag_end(struct html *);
static void	 attribute(struct html *, const char *);
static void	 html(struct html *, size_t);
static void	 hide(struct html *, const struct element *);
static const struct element *element(const char *, size_t);
static int	 is_letter(int);

void
mime_html_text(const char *s, size_t n, size_t max, struct buf *out)
{
	struct html	 h = { .p = s, .end = s + n, .out = out };

	html(&h, max);
}

void
mime_html_words(const char *s, size_t n, size_t max, struct buf *out)
{
	struct html	 h = { .p = s, .end = s + n, .out = out, .attrs = 1 };

	html(&h, max);
}

static void
html(struct html *h, size_t max)
{
	struct buf	*out = h->out;

	h->stop = max > SIZE_MAX - out->len ? SIZE_MAX : out->len + max;
	while (h->p < h->end && out->len < h->stop && !buf_bad(out))
		if (*h->p == '<')
			markup(h);
		else
			text(h);
}

static int
is_letter(int c)
{
	c = utf8_lower(c);
	return c >= 'a' && c <= 'z';
}

/* One character or a run of them that has nothing special. */
static void
text(struct html *h)
{
	const char	*p = h->p;

	if (*p == '&' && entity(h))
		return;
	if ((uint8_t)*p <= ' ') {
		if (h->gap == 0)
			h->gap = h->pre && *p == '\n' ? '\n' : ' ';
		h->p++;
		return;
	}
	do
		p++;
	while (p < h->end && *p != '<' && *p != '&' && (uint8_t)*p > ' ' &&
	    p - h->p < 4096);
	character(h, h->p, p - h->p);
	h->p = p;
}

/* Text comes out, after the white space that was due. */
static void
character(struct html *h, const char *s, size_t n)
{
	if (h->gap != 0 && h->out->len > 0)
		buf_addc(h->out, h->gap);
	h->gap = 0;
	buf_add(h->out, s, n);
}

/* "&amp;", "&#38;", "&#x26;"; 0 if it is only an ampersand. */
static int
entity(struct html *h)
{
	const char	*p = h->p + 1;
	uint8_t		 u[4];
	uint32_t	 cp = 0;
	size_t		 n = h->end - p, i;
	int		 hex, d;

	if (n > 1 && *p == '#') {
		hex = n > 2 && (p[1] == 'x' || p[1] == 'X');
		for (i = 1 + hex; i < n && i < 12; i++) {
			d = utf8_lower((uint8_t)p[i]);
			d = d >= '0' && d <= '9' ? d - '0' :
			    hex && d >= 'a' && d <= 'f' ? d - 'a' + 10 : -1;
			if (d == -1)
				break;
			if (cp <= 0x10ffff)
				cp = cp * (hex ? 16 : 10) + d;
		}
		if (i == 1 + (size_t)hex)
			return 0;
	} else {
		for (i = 0; i < n && i < 9 && (is_letter((uint8_t)p[i]) ||
		    (p[i] >= '0' && p[i] <= '9')); i++)
			continue;
		if ((cp = mime_entity_get(p, i)) == 0)
			return 0;
	}
	h->p = p + i;
	if (h->p < h->end && *h->p == ';')
		h->p++;
	/* control characters, and the space that does not break */
	if (cp <= ' ' || cp == 0xa0) {
		if (h->gap == 0)
			h->gap = ' ';
		return 1;
	}
	if ((i = utf8_put(cp, u)) == 0)
		i = utf8_put(0xfffd, u);
	character(h, (const char *)u, i);
	return 1;
}

static void
markup(struct html *h)
{
	size_t	 n = h->end - h->p;

	if (n >= 4 && memcmp(h->p, "<!--", 4) == 0) {
		h->p += 4;
		skip_to(h, "-->");
	} else if (n >= 2 && (h->p[1] == '!' || h->p[1] == '?'))
		skip_to(h, ">");
	else if (n >= 2 && (is_letter((uint8_t)h->p[1]) ||
	    (h->p[1] == '/' && n > 2 && is_letter((uint8_t)h->p[2]))))
		tag(h);
	else {
		character(h, h->p, 1);
		h->p++;
	}
}

static void
skip_to(struct html *h, const char *what)
{
	const char	*p = memmem(h->p, h->end - h->p, what, strlen(what));

	h->p = p == NULL ? h->end : p + strlen(what);
}

static const struct element *
element(const char *s, size_t n)
{
	size_t	 lo = 0, hi = nitems(elements), mid;
	int	 d;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		d = utf8_casecmp(s, n, elements[mid].name,
		    strlen(elements[mid].name));
		if (d == 0)
			return &elements[mid];
		if (d < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* "<name ...>" or "</name ...>" */
static void
tag(struct html *h)
{
	const struct element	*e;
	const char		*name;
	int			 closes = h->p[1] == '/';

	name = h->p += 1 + closes;
	while (h->p < h->end && (is_letter((uint8_t)*h->p) ||
	    (*h->p >= '0' && *h->p <= '9')))
		h->p++;
	e = element(name, h->p - name);
	tag_end(h);
	switch (e == NULL ? NOTHING : e->effect) {
	case NOTHING:
		break;
	case PRE:
		h->pre = !closes;
		/* FALLTHROUGH */
	case LINE:
		h->gap = '\n';
		break;
	case SPACE:
		if (h->gap == 0)
			h->gap = ' ';
		break;
	case HIDE:
		if (!closes)
			hide(h, e);
		break;
	}
}

/* Past the ">" that is not in an attribute's quotes. */
static void
tag_end(struct html *h)
{
	const char	*q;

	for (; h->p < h->end && *h->p != '>'; h->p++) {
		if (*h->p != '=')
			continue;
		while (h->p + 1 < h->end && (uint8_t)h->p[1] <= ' ')
			h->p++;
		if (h->p + 1 >= h->end || (h->p[1] != '"' && h->p[1] != '\''))
			continue;
		q = memchr(h->p + 2, h->p[1], h->end - h->p - 2);
		if (q == NULL) {
			h->p = h->end;
			return;
		}
		if (h->attrs)
			attribute(h, q);
		h->p = q;
	}
	if (h->p < h->end)
		h->p++;
}

/*
 * RFC 8621 4.4.1: "alt" and "title" are for people.  We stand between the
 * equals sign and the quote; the value ends at q.
 */
static void
attribute(struct html *h, const char *q)
{
	struct html	 in = { .p = h->p + 2, .end = q, .out = h->out,
			    .stop = h->stop };
	const char	*e = h->p, *s;

	while (*e != '=')		/* one is there, before the blanks */
		e--;
	while ((uint8_t)e[-1] <= ' ')
		e--;
	for (s = e; is_letter((uint8_t)s[-1]); s--)
		continue;
	if ((uint8_t)s[-1] > ' ' || (!utf8_caseis(s, e - s, "alt") &&
	    !utf8_caseis(s, e - s, "title")))
		return;
	in.gap = ' ';
	while (in.p < in.end && h->out->len < h->stop && !buf_bad(h->out))
		if (*in.p == '<')
			character(&in, in.p++, 1);
		else
			text(&in);
	if (h->gap == 0)
		h->gap = ' ';
}

/* To the end tag of an element whose content is not shown. */
static void
hide(struct html *h, const struct element *e)
{
	size_t	 n = strlen(e->name);

	while ((h->p = memchr(h->p, '<', h->end - h->p)) != NULL) {
		h->p++;
		if ((size_t)(h->end - h->p) > n && *h->p == '/' &&
		    utf8_caseis(h->p + 1, n, e->name)) {
			tag_end(h);
			return;
		}
	}
	h->p = h->end;
}
