/* SPDX-License-Identifier: ISC */
/*
 * Header fields of an Email to be made (RFC 8621 4.1.2, 4.1.3, 4.6): JSON of
 * each parsed form, checked, into what mime_build writes.
 */
#include "common/compat.h"

#include <errno.h>
#include <string.h>

#include "common/date.h"
#include "common/utf8.h"
#include "worker/jmap/email_create.h"

/* Convenience properties and what they stand for. */
static const struct {
	const char	*prop, *header;
} short_names[] = {
	{ "bcc", "header:Bcc:asAddresses" },
	{ "cc", "header:Cc:asAddresses" },
	{ "from", "header:From:asAddresses" },
	{ "inReplyTo", "header:In-Reply-To:asMessageIds" },
	{ "messageId", "header:Message-ID:asMessageIds" },
	{ "references", "header:References:asMessageIds" },
	{ "replyTo", "header:Reply-To:asAddresses" },
	{ "sender", "header:Sender:asAddresses" },
	{ "sentAt", "header:Date:asDate" },
	{ "subject", "header:Subject:asText" },
	{ "to", "header:To:asAddresses" },
};

static const char *field_value(struct email_draft *, struct js_val *,
		    struct mime_field *);
static const char *field_text(struct js_val *, struct mime_field *);
static const char *field_addrs(struct email_draft *, struct js_val *,
		    struct mime_field *);
static const char *field_addr(struct js_val *, struct mime_addr *);
static const char *field_groups(struct email_draft *, struct js_val *,
		    struct mime_field *);
static const char *field_list(struct email_draft *, struct js_val *,
		    struct mime_field *);
static const char *field_try(struct email_draft *, struct mime_field *);
static int	field_add(struct email_draft *, struct email_fields *,
		    const struct mime_field *);
static int	field_control(const char *);

static const char no_memory[] = "no memory";

int
email_draft_bad(struct email_draft *d, const char *path, const char *why)
{
	return email_set_bad(d->s->c, &d->s->e, path, why);
}

int
email_field_has(const struct email_fields *f, const char *name, size_t n)
{
	size_t	 i;

	for (i = 0; i < f->n; i++)
		if (utf8_caseis(name, n, f->v[i].name))
			return 1;
	return 0;
}

int
email_field(struct email_draft *d, struct email_fields *fields,
    const char *prop, const char *path, struct js_val *v)
{
	struct email_hdr	 h;
	struct mime_field	 f;
	const char		*header = prop, *bad = NULL, *where = prop;
	char			*name;
	size_t			 i, n;

	if (*path != '\0' && (where = arena_printf(&d->arena, "%s/%s", path,
	    prop)) == NULL)
		return -1;
	for (i = 0; *path == '\0' && i < nitems(short_names); i++)
		if (strcmp(prop, short_names[i].prop) == 0)
			header = short_names[i].header;
	if (!email_json_prop(header, &h))
		return email_draft_bad(d, where, strncmp(header, "header:",
		    7) == 0 ? "no such field, or not in that form" :
		    "no property that can be set");
	/* "Header fields beginning with Content- MUST NOT be specified on
	 * the Email object" */
	if (*path == '\0' && h.len >= 8 &&
	    utf8_casecmp(h.name, 8, "content-", 8) == 0)
		return email_draft_bad(d, where,
		    "Content- fields belong to a part");
	/* "There MUST NOT be two properties that represent the same" */
	if (email_field_has(fields, h.name, h.len))
		return email_draft_bad(d, where, "the field is given twice");
	if (v == NULL)
		return 0;
	if ((name = arena_dup(&d->arena, h.name, h.len)) == NULL)
		return -1;
	if (h.all && js_type(v) != JS_ARR)
		return email_draft_bad(d, where, "not a list");
	n = h.all ? js_len(v) : 1;
	for (i = 0; i < n && bad == NULL; i++) {
		memset(&f, 0, sizeof(f));
		f.name = name;
		f.form = h.form;
		bad = field_value(d, h.all ? js_at(v, i) : v, &f);
		if (bad == NULL)
			bad = field_try(d, &f);
		if (bad == NULL && field_add(d, fields, &f) == -1)
			bad = no_memory;
	}
	if (bad == no_memory)
		return -1;
	return bad == NULL ? 0 : email_draft_bad(d, where, bad);
}

static int
field_add(struct email_draft *d, struct email_fields *l,
    const struct mime_field *f)
{
	struct mime_field	*v;
	size_t			 cap;

	if (l->n == l->cap) {
		cap = l->cap == 0 ? 16 : 2 * l->cap;
		if ((v = arena_array(&d->arena, cap, sizeof(*v))) == NULL)
			return -1;
		if (l->n > 0)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *f;
	return 0;
}

/* Can it be written?  Then a failing build is not this field's fault. */
static const char *
field_try(struct email_draft *d, struct mime_field *f)
{
	struct mime_build_opt	 opt = { .host = "localhost", .seed = 1 };
	struct mime_node	 n;
	struct buf		 b;
	const char		*bad = NULL;

	(void)d;
	memset(&n, 0, sizeof(n));
	n.fields = f;
	n.nfield = 1;
	buf_init(&b, 16 << 20);
	if (mime_build(&n, &opt, &b) == -1)
		bad = errno == EINVAL ? "a value that cannot be written" :
		    "too long";
	buf_free(&b);
	return bad;
}

/* Each: NULL, or what is wrong. */
static const char *
field_value(struct email_draft *d, struct js_val *v, struct mime_field *f)
{
	switch (f->form) {
	case MIME_RAW:
	case MIME_TEXT:
		return field_text(v, f);
	case MIME_ADDRESSES:
		return field_addrs(d, v, f);
	case MIME_GROUPS:
		return field_groups(d, v, f);
	case MIME_MESSAGEIDS:
	case MIME_URLS:
		return field_list(d, v, f);
	case MIME_DATE:
		if (js_type(v) != JS_STR || (f->date = date_3339(js_str(v),
		    js_len(v), 0, &f->off)) == DATE_NONE)
			return "not a Date";
		return NULL;
	default:
		return "no such form";
	}
}

static const char *
field_text(struct js_val *v, struct mime_field *f)
{
	if (js_type(v) != JS_STR)
		return "not a String";
	f->text = js_str(v);
	if (f->form == MIME_RAW && !mime_build_raw_ok(f->text, js_len(v)))
		return "a line end that does not fold";
	/* a text is one line, whatever it is folded to */
	if (f->form == MIME_TEXT && field_control(f->text))
		return "a control character";
	return NULL;
}

static int
field_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' && *s != '\t')
			return 1;
	return 0;
}

static const char *
field_addrs(struct email_draft *d, struct js_val *v, struct mime_field *f)
{
	const char	*bad;

	if (js_type(v) != JS_ARR || js_len(v) > MIME_ADDRS)
		return "not a list of addresses";
	if ((f->addrs.addr = arena_array(&d->arena, js_len(v) + 1,
	    sizeof(*f->addrs.addr))) == NULL)
		return no_memory;
	for (; f->addrs.n < js_len(v); f->addrs.n++)
		if ((bad = field_addr(js_at(v, f->addrs.n),
		    &f->addrs.addr[f->addrs.n])) != NULL)
			return bad;
	return NULL;
}

/* EmailAddress: name "String|null", email "String". */
static const char *
field_addr(struct js_val *v, struct mime_addr *a)
{
	struct js_iter	 it;

	if (js_type(v) != JS_OBJ)
		return "an address is not an object";
	for (js_first(&it, v); js_next(&it);) {
		if (strcmp(it.key, "email") == 0) {
			if (js_type(it.val) != JS_STR)
				return "email is not a String";
			a->email = js_str(it.val);
		} else if (strcmp(it.key, "name") == 0) {
			if (it.val != NULL && js_type(it.val) != JS_STR)
				return "name is not a String";
			a->name = it.val == NULL ? NULL : js_str(it.val);
		} else
			return "an address has name and email only";
	}
	if (a->email == NULL)
		return "an address without email";
	if (field_control(a->email) ||
	    (a->name != NULL && field_control(a->name)))
		return "a control character";
	return NULL;
}

/* EmailAddressGroup: name "String|null", addresses. */
static const char *
field_groups(struct email_draft *d, struct js_val *v, struct mime_field *f)
{
	struct mime_addrs	*l = &f->addrs;
	struct mime_group	*g;
	struct js_val		*list, *name;
	const char		*bad;
	size_t			 i, k, n = 0;

	if (js_type(v) != JS_ARR || js_len(v) > MIME_ADDRS)
		return "not a list of groups";
	for (i = 0; i < js_len(v); i++)
		n += js_len(js_get(js_at(v, i), "addresses"));
	if (n > MIME_ADDRS)
		return "too many addresses";
	l->addr = arena_array(&d->arena, n + 1, sizeof(*l->addr));
	l->group = arena_array(&d->arena, js_len(v) + 1, sizeof(*l->group));
	if (l->addr == NULL || l->group == NULL)
		return no_memory;
	for (i = 0; i < js_len(v); i++) {
		list = js_get(js_at(v, i), "addresses");
		name = js_get(js_at(v, i), "name");
		if (js_type(js_at(v, i)) != JS_OBJ || js_type(list) != JS_ARR)
			return "a group without addresses";
		if (name != NULL && (js_type(name) != JS_STR ||
		    field_control(js_str(name))))
			return "a group's name is not a String";
		g = &l->group[l->ngroup++];
		g->name = name == NULL ? NULL : js_str(name);
		g->first = (uint32_t)l->n;
		g->n = (uint32_t)js_len(list);
		for (k = 0; k < g->n; k++)
			if ((bad = field_addr(js_at(list, k),
			    &l->addr[l->n++])) != NULL)
				return bad;
	}
	return NULL;
}

/* Message ids or URLs: without "<>", which we write. */
static const char *
field_list(struct email_draft *d, struct js_val *v, struct mime_field *f)
{
	const char	*s;

	if (js_type(v) != JS_ARR || js_len(v) > MIME_ITEMS)
		return "not a list";
	if ((f->list.v = arena_array(&d->arena, js_len(v) + 1,
	    sizeof(*f->list.v))) == NULL)
		return no_memory;
	for (; f->list.n < js_len(v); f->list.n++) {
		s = js_str(js_at(v, f->list.n));
		if (js_type(js_at(v, f->list.n)) != JS_STR || *s == '\0' ||
		    field_control(s) || s[strcspn(s, "<> \t")] != '\0')
			return "an item with white space, <, > or nothing";
		f->list.v[f->list.n] = s;
	}
	return NULL;
}
