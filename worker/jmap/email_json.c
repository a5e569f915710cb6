/* SPDX-License-Identifier: ISC */
/*
 * JSON of header fields (RFC 8621 4.1.2 and 4.1.3): at delivery for the list
 * row, and in Email/get for whatever property a client names.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "worker/jmap/email.h"

static void	email_json_groups(struct buf *, const struct mime_addrs *);
static int	email_json_form(struct buf *, struct arena *, const uint8_t *,
		    size_t n, enum mime_form);
static void	email_json_addr(struct buf *, const struct mime_addr *);

int
email_json_prop(const char *s, struct email_hdr *h)
{
	const char	*p, *end;

	memset(h, 0, sizeof(*h));
	if (strncmp(s, "header:", 7) != 0)
		return 0;
	h->prop = s;
	h->name = p = s + 7;
	/* RFC 8621 4.1.3: one or more of 33 to 126, except colon */
	while (*p > 32 && *p < 127 && *p != ':')
		p++;
	h->len = (size_t)(p - h->name);
	if (h->len == 0)
		return 0;
	if (strncmp(p, ":as", 3) == 0) {
		end = p + 1 + strcspn(p + 1, ":");
		h->form = mime_hdr_form(p + 1, (size_t)(end - p - 1));
		if (h->form == MIME_FORM_MAX)
			return 0;
		p = end;
	}
	if (strcmp(p, ":all") == 0) {
		h->all = 1;
		p += 4;
	}
	return *p == '\0' && mime_hdr_allows(h->name, h->len, h->form);
}

static void
email_json_addr(struct buf *b, const struct mime_addr *a)
{
	js_out_obj(b);
	js_out_key(b, "name");
	js_out_s(b, a->name);
	js_out_key(b, "email");
	js_out_s(b, a->email != NULL ? a->email : "");
	js_out_end(b, '}');
}

void
email_json_addrs(struct buf *b, const struct mime_addrs *l)
{
	size_t	 i;

	if (l->addr == NULL) {
		js_out_null(b);
		return;
	}
	js_out_arr(b);
	for (i = 0; i < l->n; i++)
		email_json_addr(b, &l->addr[i]);
	js_out_end(b, ']');
}

static void
email_json_groups(struct buf *b, const struct mime_addrs *l)
{
	const struct mime_group	*g;
	size_t			 i, k;

	if (l->addr == NULL) {
		js_out_null(b);
		return;
	}
	js_out_arr(b);
	for (k = 0; k < l->ngroup; k++) {
		g = &l->group[k];
		js_out_obj(b);
		js_out_key(b, "name");
		js_out_s(b, g->name);
		js_out_key(b, "addresses");
		js_out_arr(b);
		for (i = g->first; i < (size_t)g->first + g->n; i++)
			email_json_addr(b, &l->addr[i]);
		js_out_end(b, ']');
		js_out_end(b, '}');
	}
	js_out_end(b, ']');
}

void
email_json_list(struct buf *b, const struct mime_list *l)
{
	size_t	 i;

	if (l->v == NULL) {
		js_out_null(b);
		return;
	}
	js_out_arr(b);
	for (i = 0; i < l->n; i++)
		js_out_s(b, l->v[i]);
	js_out_end(b, ']');
}

void
email_json_date(struct buf *b, int64_t ms, int off)
{
	char	 text[DATE_LEN];

	if (ms == DATE_NONE) {
		js_out_null(b);
		return;
	}
	date_local(ms, off, text);
	js_out_s(b, text);
}

/* The n bytes of a field's value in a form.  0, or -1 (no memory). */
static int
email_json_form(struct buf *b, struct arena *a, const uint8_t *p, size_t n,
    enum mime_form form)
{
	struct mime_addrs	 addrs = { 0 };
	struct mime_list	 list = { 0 };
	const char		*text;
	int64_t			 ms;
	int			 off = 0;

	switch (form) {
	case MIME_RAW:
	case MIME_TEXT:
		text = form == MIME_RAW ? mime_hdr_raw(a, p, n) :
		    mime_hdr_text(a, p, n);
		if (text == NULL)
			return -1;
		js_out_s(b, text);
		return 0;
	case MIME_ADDRESSES:
	case MIME_GROUPS:
		if (mime_addr_list(a, p, n, &addrs) == -1)
			return -1;
		if (form == MIME_ADDRESSES)
			email_json_addrs(b, &addrs);
		else
			email_json_groups(b, &addrs);
		return 0;
	case MIME_MESSAGEIDS:
	case MIME_URLS:
		if ((form == MIME_URLS ? mime_hdr_urls(a, p, n, &list) :
		    mime_hdr_msgids(a, p, n, &list)) == -1)
			return -1;
		email_json_list(b, &list);
		return 0;
	case MIME_DATE:
		ms = mime_hdr_date(p, n, &off);
		email_json_date(b, ms, off);
		return 0;
	case MIME_FORM_MAX:
		break;
	}
	js_out_null(b);
	return 0;
}

int
email_json_header(struct buf *b, struct arena *a, const struct mime_msg *m,
    uint32_t part, const struct email_hdr *want)
{
	const struct mime_hdr	*h = NULL;

	if (!want->all) {
		h = mime_hdr_last(m, part, want->name, want->len);
		if (h == NULL) {
			js_out_null(b);
			return 0;
		}
		return email_json_form(b, a, m->raw + h->val, h->vallen,
		    want->form);
	}
	js_out_arr(b);
	while ((h = mime_hdr_next(m, part, want->name, want->len, h)) != NULL)
		if (email_json_form(b, a, m->raw + h->val, h->vallen,
		    want->form) == -1)
			return -1;
	js_out_end(b, ']');
	return 0;
}

int
email_json_headers(struct buf *b, struct arena *a, const struct mime_msg *m,
    uint32_t part)
{
	const struct mime_part	*p = &m->parts[part];
	const struct mime_hdr	*h;
	const char		*name, *value;

	js_out_arr(b);
	for (h = m->hdrs + p->hdr; h < m->hdrs + p->hdr + p->nhdr; h++) {
		/* a name is whatever stands before the colon: mend it, too */
		name = mime_hdr_raw(a, m->raw + h->name, h->namelen);
		value = mime_hdr_raw(a, m->raw + h->val, h->vallen);
		if (name == NULL || value == NULL)
			return -1;
		js_out_obj(b);
		js_out_key(b, "name");
		js_out_s(b, name);
		js_out_key(b, "value");
		js_out_s(b, value);
		js_out_end(b, '}');
	}
	js_out_end(b, ']');
	return 0;
}
