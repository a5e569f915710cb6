/* SPDX-License-Identifier: ISC */
/*
 * Email/set create (RFC 8621 4.6): an Email object of JSON becomes a message.
 * Whatever 4.6 forbids is refused with the name of the property; nothing is
 * guessed between two contradicting ones.  Header fields are email_field.c.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "common/utf8.h"
#include "worker/jmap/email.h"
#include "worker/jmap/email_create.h"
#include "worker/jmap/email_row.h"

static int	create_read(struct email_draft *, struct js_val *);
static int	create_member(struct email_draft *, const char *,
		    struct js_val *);
static void	create_bodies(struct email_draft *);
static void	create_value_check(struct email_draft *, const char *,
		    struct js_val *);
static int	create_list(struct email_draft *, const char *,
		    struct js_val *, const char *, struct mime_node **,
		    size_t *);
static void	create_attached(struct mime_node *);
static int	create_shape(struct email_draft *);
static struct mime_node *create_wrap(struct email_draft *, const char *,
		    const struct mime_node *, size_t);
static int	create_inline(const struct mime_node *);
static int	create_root(struct email_draft *, struct mime_node *);
static int	create_missing(struct email_draft *);
static int	create_build(struct email_draft *, const struct mime_node *,
		    struct buf *);
static const char *create_host(struct email_draft *);

int
email_create(struct jmap_set *s, struct js_val *obj, char id[JMAP_ID_MAX + 1])
{
	struct email_draft	 d;
	struct email_where	 where;
	struct arena		 work;
	struct buf		 raw;
	int			 ret = 0;

	memset(&d, 0, sizeof(d));
	d.s = s;
	d.received = date_now();
	arena_init(&d.arena, 64UL << 20);
	arena_init(&work, EMAIL_ROW_ARENA);
	buf_init(&raw, 256UL << 20);
	if (create_read(&d, obj) == -1 || d.failed) {
		ret = -1;
		goto done;
	}
	email_set_where(s->c, &s->e, js_get(obj, "mailboxIds"),
	    js_get(obj, "keywords"), &where);
	if (s->e.err != NULL || create_missing(&d) || !create_shape(&d))
		goto done;
	if ((ret = create_build(&d, d.root, &raw)) == 1)
		ret = email_set_add(s->c, &s->e, &work, raw.data, raw.len,
		    &where, d.received, id, &s->reply);
done:
	email_part_free(&d);
	buf_free(&raw);
	arena_free(&work);
	arena_free(&d.arena);
	return d.failed ? -1 : ret;
}

/* --- reading ------------------------------------------------------------- */

static int
create_read(struct email_draft *d, struct js_val *obj)
{
	struct js_iter	 it;

	d->values = js_get(obj, "bodyValues");
	if (d->values != NULL && js_type(d->values) != JS_OBJ) {
		email_draft_bad(d, "bodyValues", "not an object");
		d->values = NULL;
	}
	for (js_first(&it, d->values); js_next(&it);)
		create_value_check(d, it.key, it.val);
	/* the header first: parts are compared with it */
	for (js_first(&it, obj); js_next(&it);)
		if (create_member(d, it.key, it.val) == -1)
			return -1;
	d->structure = js_get(obj, "bodyStructure");
	d->text = js_get(obj, "textBody");
	d->html = js_get(obj, "htmlBody");
	d->attach = js_get(obj, "attachments");
	create_bodies(d);
	return 0;
}

/* Metadata and header fields; bodies are read afterwards. */
static int
create_member(struct email_draft *d, const char *key, struct js_val *v)
{
	static const char *const later[] = { "mailboxIds", "keywords",
	    "bodyValues", "bodyStructure", "textBody", "htmlBody",
	    "attachments" };
	size_t	 i;

	for (i = 0; i < nitems(later); i++)
		if (strcmp(key, later[i]) == 0)
			return 0;
	if (strcmp(key, "receivedAt") == 0) {
		if (v != NULL && (js_type(v) != JS_STR || (d->received =
		    date_3339(js_str(v), js_len(v), 1, NULL)) == DATE_NONE))
			email_draft_bad(d, key, "not a UTCDate");
		return 0;
	}
	/* "The headers property MUST NOT be given" */
	return email_field(d, &d->fields, key, "", v);
}

/* EmailBodyValue: "isEncodingProblem and isTruncated MUST be either false or
 * omitted". */
static void
create_value_check(struct email_draft *d, const char *key, struct js_val *v)
{
	struct js_iter	 it;
	const char	*path;

	if ((path = arena_printf(&d->arena, "bodyValues/%s", key)) == NULL) {
		d->failed = 1;
		return;
	}
	if (js_type(v) != JS_OBJ || js_type(js_get(v, "value")) != JS_STR) {
		email_draft_bad(d, path, "no value");
		return;
	}
	for (js_first(&it, v); js_next(&it);) {
		if (strcmp(it.key, "value") == 0)
			continue;
		if ((strcmp(it.key, "isEncodingProblem") != 0 &&
		    strcmp(it.key, "isTruncated") != 0) ||
		    (it.val != NULL && (js_type(it.val) != JS_BOOL ||
		    js_bool(it.val))))
			email_draft_bad(d, path,
			    "isEncodingProblem and isTruncated must be false");
	}
}

static void
create_bodies(struct email_draft *d)
{
	if (d->structure == NULL) {
		create_list(d, "textBody", d->text, "text/plain",
		    &d->textpart, &d->ntext);
		create_list(d, "htmlBody", d->html, "text/html",
		    &d->htmlpart, &d->nhtml);
		create_list(d, "attachments", d->attach, NULL, &d->attpart,
		    &d->natt);
		return;
	}
	/* "If a bodyStructure property is given, there MUST NOT be ..." */
	if (d->text != NULL)
		email_draft_bad(d, "textBody", "bodyStructure is given");
	if (d->html != NULL)
		email_draft_bad(d, "htmlBody", "bodyStructure is given");
	if (d->attach != NULL)
		email_draft_bad(d, "attachments", "bodyStructure is given");
	if ((d->root = arena_get(&d->arena, sizeof(*d->root))) == NULL)
		d->failed = 1;
	else
		email_part(d, d->structure, "bodyStructure", NULL, 0,
		    d->root);
}

/* textBody, htmlBody (exactly one part of that type) or attachments. */
static int
create_list(struct email_draft *d, const char *prop, struct js_val *v,
    const char *type, struct mime_node **out, size_t *n)
{
	char	*path;
	size_t	 i;

	if (v == NULL)
		return 0;
	if (js_type(v) != JS_ARR || (type != NULL && js_len(v) != 1) ||
	    js_len(v) > MIME_PARTS)
		return email_draft_bad(d, prop, type == NULL ?
		    "not a list of parts" : "must be exactly one part");
	if ((*out = arena_array(&d->arena, js_len(v) + 1,
	    sizeof(**out))) == NULL) {
		d->failed = 1;
		return 0;
	}
	for (i = 0; i < js_len(v); i++) {
		path = arena_printf(&d->arena, "%s/%zu", prop, i);
		if (path == NULL) {
			d->failed = 1;
			return 0;
		}
		email_part(d, js_at(v, i), path, type, 1, &(*out)[i]);
		if ((*out)[i].sub != NULL)
			email_draft_bad(d, path, "a multipart");
		else if (type != NULL && !utf8_caseis((*out)[i].type,
		    strlen((*out)[i].type), type))
			email_draft_bad(d, path, type[5] == 'p' ?
			    "must be text/plain" : "must be text/html");
	}
	*n = js_len(v);
	for (i = 0; type == NULL && i < *n; i++)
		create_attached(&(*out)[i]);
	return 0;
}

/* What the client calls an attachment must come back as one. */
static void
create_attached(struct mime_node *n)
{
	size_t	 i;

	if (n->disposition != NULL)
		return;
	for (i = 0; i < n->nfield; i++)
		if (strcasecmp(n->fields[i].name, "Content-Disposition") == 0)
			return;
	n->disposition = n->cid != NULL ? "inline" : "attachment";
}

/* RFC 8621 4.6 blobNotFound with all ids: 1 if there are some. */
static int
create_missing(struct email_draft *d)
{
	struct jmap_seterr	*e = &d->s->e;
	struct buf		 b;
	size_t			 i;

	if (d->missing.n == 0)
		return 0;
	buf_init(&b, 1 << 20);
	js_out_key(&b, "notFound");
	js_out_arr(&b);
	for (i = 0; i < d->missing.n; i++)
		js_out_s(&b, d->missing.id[i]);
	js_out_end(&b, ']');
	jmap_set_refuse(d->s, &jmap_error_blob_not_found, "%s",
	    "a blobId of a part");
	if (buf_bad(&b) || (e->more = arena_dup(&d->s->c->req->arena, b.data,
	    b.len)) == NULL)
		d->failed = 1;
	buf_free(&b);
	return 1;
}

/* --- shape --------------------------------------------------------------- */

/*
 * One tree from the flat lists: text and HTML are alternatives, what the
 * HTML shows by cid: is related to it, the rest is mixed with all of that.
 */
static int
create_shape(struct email_draft *d)
{
	struct mime_node	*v, *body = NULL;
	size_t			 n, i;

	if (d->structure != NULL)
		return create_root(d, d->root);
	v = arena_array(&d->arena, d->natt + 2, sizeof(*v));
	if (v == NULL || (body = arena_get(&d->arena, sizeof(*body))) == NULL)
		goto nomem;
	if (d->nhtml > 0) {
		v[0] = d->htmlpart[0];
		for (i = 0, n = 1; i < d->natt; i++)
			if (create_inline(&d->attpart[i]))
				v[n++] = d->attpart[i];
		*body = v[0];
		if (n > 1 && (body = create_wrap(d, "multipart/related", v,
		    n)) == NULL)
			goto nomem;
		if (d->ntext > 0) {
			v[0] = d->textpart[0];
			v[1] = *body;
			if ((body = create_wrap(d, "multipart/alternative", v,
			    2)) == NULL)
				goto nomem;
		}
	} else if (d->ntext > 0)
		*body = d->textpart[0];
	n = 0;
	if (d->nhtml + d->ntext > 0)
		v[n++] = *body;
	for (i = 0; i < d->natt; i++)
		if (d->nhtml == 0 || !create_inline(&d->attpart[i]))
			v[n++] = d->attpart[i];
	if (n > 1 || d->nhtml + d->ntext == 0) {
		if (n > 0)
			body = create_wrap(d, "multipart/mixed", v, n);
		else {
			body->type = "text/plain";
			body->is_text = 1;
			body->data = (const uint8_t *)"";
		}
	}
	if (body == NULL)
		goto nomem;
	return create_root(d, body);
nomem:
	d->failed = 1;
	return 0;
}

static int
create_inline(const struct mime_node *n)
{
	return n->cid != NULL && n->disposition != NULL &&
	    strcasecmp(n->disposition, "inline") == 0;
}

static struct mime_node *
create_wrap(struct email_draft *d, const char *type,
    const struct mime_node *v, size_t n)
{
	struct mime_node	*m, *copy;

	m = arena_get(&d->arena, sizeof(*m));
	copy = arena_array(&d->arena, n, sizeof(*copy));
	if (m == NULL || copy == NULL)
		return NULL;
	memcpy(copy, v, n * sizeof(*copy));
	m->type = type;
	m->sub = copy;
	m->nsub = n;
	return m;
}

/* The message's fields stand before those of its root part. */
static int
create_root(struct email_draft *d, struct mime_node *root)
{
	struct mime_field	*f;
	size_t			 n = d->fields.n + root->nfield;

	if ((f = arena_array(&d->arena, n + 1, sizeof(*f))) == NULL) {
		d->failed = 1;
		return 0;
	}
	if (d->fields.n > 0)
		memcpy(f, d->fields.v, d->fields.n * sizeof(*f));
	if (root->nfield > 0)
		memcpy(f + d->fields.n, root->fields,
		    root->nfield * sizeof(*f));
	root->fields = f;
	root->nfield = n;
	d->root = root;
	return 1;
}

/* --- the message --------------------------------------------------------- */

static int
create_build(struct email_draft *d, const struct mime_node *root,
    struct buf *raw)
{
	struct mime_build_opt	 opt;

	memset(&opt, 0, sizeof(opt));
	if ((opt.host = create_host(d)) == NULL)
		return -1;
	opt.now = date_now();
	if (mime_build(root, &opt, raw) == 0)
		return 1;
	if (errno == ENOMEM)
		return jmap_set_refuse(d->s, &jmap_error_too_large,
		    "the message would be too large");
	/* whose fault?  each field was tried by itself when it was read */
	return email_draft_bad(d, "bodyStructure",
	    "a message like this cannot be written");
}

/* The right side of our Message-ID: the host of the server's URL. */
static const char *
create_host(struct email_draft *d)
{
	const char	*url = d->s->c->req->env->url, *p;
	size_t		 n;

	if (url == NULL || (p = strstr(url, "://")) == NULL)
		return "localhost";
	p += 3;
	n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789.-");
	return n == 0 ? "localhost" : arena_dup(&d->arena, p, n);
}
