/* SPDX-License-Identifier: ISC */
/*
 * An EmailBodyPart of an Email to be made (RFC 8621 4.6), checked, into what
 * mime_build writes.  The content is a body value or a blob.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "worker/jmap/email_create.h"

struct part {
	struct email_draft	*d;
	struct js_val		*v;
	const char		*path;
	const char		*part_id, *blob_id;
	struct js_val		*subs;
	int			 root;		/* may become the message's */
	unsigned		 depth;
	struct email_fields	 fields;
	struct mime_field	*own_type;	/* a Content-Type in these */
	struct mime_node	*n;
};

/* Fields that a property of the part writes: not both. */
static const struct {
	const char	*field;
	const char	*prop[3];
} writes[] = {
	{ "content-type", { "type", "charset", NULL } },
	{ "content-disposition", { "disposition", "name", NULL } },
	{ "content-id", { "cid", NULL, NULL } },
	{ "content-language", { "language", NULL, NULL } },
	{ "content-location", { "location", NULL, NULL } },
};

static void	part_read(struct part *, const char *, int);
static int	part_member(struct part *, const char *, struct js_val *);
static int	part_string(struct part *, const char *, struct js_val *,
		    const char **);
static int	part_cid(struct part *, const char *, struct js_val *);
static void	part_language(struct part *, struct js_val *);
static void	part_fields(struct part *);
static void	part_own_type(struct part *, struct mime_field *);
static void	part_bad_field(struct part *, const char *, const char *);
static void	part_content(struct part *, const char *, int);
static void	part_value(struct part *);
static void	part_own_charset(struct part *, struct mime_field *);
static void	part_blob(struct part *);
static void	part_missing(struct part *);
static void	part_subs(struct part *);
static void	part_bad(struct part *, const char *, const char *);
static int	part_type_ok(const char *);
static int	part_is(const char *, const char *);

void
email_part(struct email_draft *d, struct js_val *v, const char *path,
    const char *type, int flat, struct mime_node *n)
{
	struct part	 p;

	memset(&p, 0, sizeof(p));
	p.d = d;
	p.v = v;
	p.path = path;
	p.n = n;
	p.root = strncmp(path, "attachments", 11) != 0;
	part_read(&p, type, flat);
}

void
email_part_free(struct email_draft *d)
{
	struct email_blob	*b;

	for (b = d->blobs; b != NULL; b = b->next)
		buf_free(&b->data);	/* the rest is the arena's */
	d->blobs = NULL;
}

static void
part_bad(struct part *p, const char *prop, const char *why)
{
	const char	*path = p->path;

	if (prop != NULL)
		path = arena_printf(&p->d->arena, "%s/%s", p->path, prop);
	if (path == NULL)
		p->d->failed = 1;
	else
		email_draft_bad(p->d, path, why);
}

static void
part_read(struct part *p, const char *type, int flat)
{
	struct js_iter	 it;

	if (js_type(p->v) != JS_OBJ) {
		part_bad(p, NULL, "not an object");
		p->n->type = "";
		return;
	}
	if (++p->d->nparts > MIME_PARTS) {
		part_bad(p, NULL, "too many parts");
		p->n->type = "";
		return;
	}
	for (js_first(&it, p->v); js_next(&it);)
		if (part_member(p, it.key, it.val) == -1)
			p->d->failed = 1;
	part_fields(p);
	part_content(p, type, flat);
	p->n->fields = p->fields.v;
	p->n->nfield = p->fields.n;
}

static int
part_member(struct part *p, const char *key, struct js_val *v)
{
	struct mime_node	*n = p->n;

	if (strncmp(key, "header:", 7) == 0)
		return email_field(p->d, &p->fields, key, p->path, v);
	if (strcmp(key, "partId") == 0)
		return part_string(p, key, v, &p->part_id);
	if (strcmp(key, "blobId") == 0)
		return part_string(p, key, v, &p->blob_id);
	if (strcmp(key, "type") == 0)
		return part_string(p, key, v, &n->type);
	if (strcmp(key, "charset") == 0)
		return part_string(p, key, v, &n->charset);
	if (strcmp(key, "disposition") == 0)
		return part_string(p, key, v, &n->disposition);
	if (strcmp(key, "name") == 0)
		return part_string(p, key, v, &n->name);
	if (strcmp(key, "cid") == 0)
		return part_cid(p, key, v);
	if (strcmp(key, "location") == 0)
		return part_string(p, key, v, &n->location);
	if (strcmp(key, "language") == 0)
		part_language(p, v);
	else if (strcmp(key, "subParts") == 0)
		p->subs = v;
	else if (strcmp(key, "size") != 0)	/* with a blob: ignored */
		part_bad(p, key, "no property that can be set");
	return 0;
}

static int
part_string(struct part *p, const char *key, struct js_val *v,
    const char **out)
{
	const char	*s = js_str(v);

	if (v == NULL)
		return 0;
	if (js_type(v) != JS_STR) {
		part_bad(p, key, "not a String");
		return 0;
	}
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f) {
			part_bad(p, key, "a control character");
			return 0;
		}
	*out = js_str(v);
	return 0;
}

/* As it comes back (RFC 8621 4.1.4): without white space and "<>". */
static int
part_cid(struct part *p, const char *key, struct js_val *v)
{
	if (part_string(p, key, v, &p->n->cid) == -1)
		return -1;
	if (p->n->cid != NULL && (*p->n->cid == '\0' ||
	    p->n->cid[strcspn(p->n->cid, "<> ")] != '\0')) {
		part_bad(p, key, "an id with a blank, <, > or nothing in it");
		p->n->cid = NULL;
	}
	return 0;
}

/* Tags are letters, digits and dashes (RFC 5646 2.1), or nothing is safe. */
static void
part_language(struct part *p, struct js_val *v)
{
	const char	*s;
	size_t		 i;

	if (v == NULL)
		return;
	p->n->language.v = arena_array(&p->d->arena, js_len(v) + 1,
	    sizeof(*p->n->language.v));
	if (js_type(v) != JS_ARR || js_len(v) > MIME_ITEMS ||
	    p->n->language.v == NULL) {
		part_bad(p, "language", "not a list of language tags");
		return;
	}
	for (i = 0; i < js_len(v); i++) {
		s = js_str(js_at(v, i));
		if (*s == '\0' || strlen(s) > 100 || s[strspn(s,
		    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		    "0123456789-")] != '\0') {
			part_bad(p, "language", "not a language tag");
			return;
		}
		p->n->language.v[i] = s;
	}
	p->n->language.n = js_len(v);
}

/* Header fields of the part against its properties and the message's. */
static void
part_fields(struct part *p)
{
	struct mime_field	*f;
	size_t			 i, k;

	for (f = p->fields.v; f < p->fields.v + p->fields.n; f++) {
		/* "A Content-Transfer-Encoding header field MUST NOT be" */
		if (part_is(f->name, "content-transfer-encoding"))
			part_bad_field(p, f->name,
			    "the encoding is the server's choice");
		if (part_is(f->name, "content-type"))
			part_own_type(p, f);
		for (i = 0; i < nitems(writes); i++)
			for (k = 0; part_is(f->name, writes[i].field) &&
			    writes[i].prop[k] != NULL; k++)
				if (js_get(p->v, writes[i].prop[k]) != NULL)
					part_bad(p, writes[i].prop[k],
					    "its header field is given, too");
		/* "... a header field that is already defined on the
		 * top-level Email object" */
		if (p->root && email_field_has(&p->d->fields, f->name,
		    strlen(f->name)))
			part_bad(p, NULL,
			    "a header field of the Email is given again");
	}
}

/* A Content-Type as the client wants it: what it says the part is. */
static void
part_own_type(struct part *p, struct mime_field *f)
{
	const uint8_t	*s = (const uint8_t *)f->text;
	const char	*type, *boundary;

	if (f->form != MIME_RAW && f->form != MIME_TEXT) {
		part_bad_field(p, f->name, "not a media type");
		return;
	}
	if (mime_param_value(&p->d->arena, s, strlen(f->text), &type) == -1 ||
	    mime_param_get(&p->d->arena, s, strlen(f->text), "boundary",
	    &boundary) == -1) {
		p->d->failed = 1;
		return;
	}
	if (!part_type_ok(type))
		part_bad_field(p, f->name, "not a media type");
	else if (boundary != NULL)
		part_bad_field(p, f->name,
		    "the boundary is the server's choice");
	else
		p->n->type = type;
	p->own_type = f;
}

/* The property that gave a header field is bad: as the client wrote it. */
static void
part_bad_field(struct part *p, const char *name, const char *why)
{
	struct js_iter	 it;
	size_t		 n = strlen(name);

	for (js_first(&it, p->v); js_next(&it);)
		if (strncmp(it.key, "header:", 7) == 0 &&
		    strncasecmp(it.key + 7, name, n) == 0 &&
		    (it.key[7 + n] == '\0' || it.key[7 + n] == ':'))
			part_bad(p, it.key, why);
}

static int
part_is(const char *a, const char *b)
{
	return utf8_caseis(a, strlen(a), b);
}

/* Type and content: subParts, or a partId, or a blobId. */
static void
part_content(struct part *p, const char *type, int flat)
{
	struct mime_node	*n = p->n;
	int			 multi;

	if (n->type == NULL)
		n->type = p->subs != NULL && !flat ? "multipart/mixed" :
		    type != NULL ? type : p->blob_id != NULL ?
		    "application/octet-stream" : "text/plain";
	if (!part_type_ok(n->type)) {
		part_bad(p, "type", "not a media type");
		return;
	}
	multi = strncasecmp(n->type, "multipart/", 10) == 0;
	if (multi != (p->subs != NULL)) {
		part_bad(p, multi ? "subParts" : "type",
		    "multipart and subParts need each other");
		return;
	}
	if (!multi && p->part_id != NULL && p->blob_id != NULL)
		part_bad(p, "blobId", "partId is given, too");
	else if (!multi && p->part_id == NULL && p->blob_id == NULL)
		part_bad(p, "partId", "neither partId nor blobId");
	else if (multi && p->part_id != NULL)
		part_bad(p, "partId", "a multipart has none");
	else if (multi && p->blob_id != NULL)
		part_bad(p, "blobId", "a multipart has none");
	else if (multi)
		part_subs(p);
	else if (p->part_id != NULL)
		part_value(p);
	else
		part_blob(p);
}

/* token "/" token (RFC 2045 5.1) */
static int
part_type_ok(const char *s)
{
	const char	*p, *slash = strchr(s, '/');

	if (slash == NULL || slash == s || slash[1] == '\0' ||
	    strlen(s) > 255)
		return 0;
	for (p = s; *p != '\0'; p++)
		if (p != slash && ((unsigned char)*p <= ' ' ||
		    (unsigned char)*p > 126 ||
		    strchr("()<>@,;:\\\"/[]?=", *p) != NULL))
			return 0;
	return 1;
}

static void
part_value(struct part *p)
{
	struct js_val	*v, *text;

	/* "The charset property MUST be omitted if a partId is given",
	 * "the size property" too */
	if (js_get(p->v, "charset") != NULL)
		part_bad(p, "charset", "partId is given");
	if (js_get(p->v, "size") != NULL)
		part_bad(p, "size", "partId is given");
	/* "this partId MUST be present in the bodyValues property" */
	v = js_get(p->d->values, p->part_id);
	text = js_get(v, "value");
	if (js_type(text) != JS_STR) {
		part_bad(p, "partId", "not in bodyValues");
		return;
	}
	p->n->charset = NULL;
	p->n->data = (const uint8_t *)js_str(text);
	p->n->len = js_len(text);
	p->n->is_text = strncasecmp(p->n->type, "text/", 5) == 0;
	if (p->n->is_text && p->own_type != NULL)
		part_own_charset(p, p->own_type);
}

/* A body value is written as UTF-8: its Content-Type must not say other. */
static void
part_own_charset(struct part *p, struct mime_field *f)
{
	const char	*charset;
	size_t		 i, n = strlen(f->text);

	if (mime_param_get(&p->d->arena, (const uint8_t *)f->text, n,
	    "charset", &charset) == -1) {
		p->d->failed = 1;
		return;
	}
	if (charset != NULL && part_is(charset, "utf-8"))
		return;
	for (i = 0; i < p->n->len && p->n->data[i] < 0x80; i++)
		;
	if (i == p->n->len && (charset == NULL ||
	    part_is(charset, "us-ascii")))
		return;
	if (charset != NULL) {
		part_bad_field(p, f->name, "the value is written as UTF-8");
		return;
	}
	while (n > 0 && strchr("; \t\r\n", f->text[n - 1]) != NULL)
		n--;
	if ((f->text = arena_printf(&p->d->arena, "%.*s; charset=utf-8",
	    (int)n, f->text)) == NULL)
		p->d->failed = 1;
}

static void
part_blob(struct part *p)
{
	struct email_draft	*d = p->d;
	struct email_blob	*b;
	const char		*id;
	uint64_t		 max;

	max = d->s->c->req->env->limits->max_attachments;
	/* RFC 9404 4.1: what Blob/upload made, by its creation id */
	if ((id = jmap_api_real(d->s->c->req, p->blob_id)) == NULL) {
		part_missing(p);
		return;
	}
	if ((b = arena_get(&d->arena, sizeof(*b))) == NULL) {
		d->failed = 1;
		return;
	}
	b->next = d->blobs;
	d->blobs = b;
	buf_init(&b->data, UINT32_MAX);
	switch (jmap_blob_get(d->s->c, id, &b->data)) {
	case 1:
		break;
	case 0:
		part_missing(p);
		return;
	default:
		d->failed = 1;
		return;
	}
	d->blobsize += b->data.len;
	if (max != 0 && d->blobsize > max)
		jmap_set_refuse(d->s, &jmap_error_too_large,
		    "attachments of more than maxSizeAttachmentsPerEmail");
	p->n->data = b->data.len > 0 ? b->data.data : (const uint8_t *)"";
	p->n->len = b->data.len;
}

/* Each id once, however many parts have it. */
static void
part_missing(struct part *p)
{
	struct jmap_ids	*l = &p->d->missing;
	size_t		 i;

	for (i = 0; i < l->n; i++)
		if (strcmp(l->id[i], p->blob_id) == 0)
			return;
	if (jmap_api_add(p->d->s->c->req, l, p->blob_id,
	    strlen(p->blob_id)) == -1)
		p->d->failed = 1;
}

/* Depth is bounded: by MIME_DEPTH here, by JS_DEPTH before. */
static void
part_subs(struct part *p)
{
	struct mime_node	*sub;
	struct part		 kid;
	size_t			 i, n = js_len(p->subs);

	if (js_type(p->subs) != JS_ARR || n == 0 || n > MIME_PARTS ||
	    p->depth + 1 >= MIME_DEPTH) {
		part_bad(p, "subParts", "not a list of parts");
		return;
	}
	if ((sub = arena_array(&p->d->arena, n, sizeof(*sub))) == NULL) {
		p->d->failed = 1;
		return;
	}
	for (i = 0; i < n; i++) {
		memset(&kid, 0, sizeof(kid));
		kid.d = p->d;
		kid.v = js_at(p->subs, i);
		kid.path = arena_printf(&p->d->arena, "%s/subParts/%zu",
		    p->path, i);
		kid.depth = p->depth + 1;
		kid.n = &sub[i];
		if (kid.path == NULL) {
			p->d->failed = 1;
			return;
		}
		part_read(&kid, NULL, 0);
	}
	p->n->sub = sub;
	p->n->nsub = n;
}
