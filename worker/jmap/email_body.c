/* SPDX-License-Identifier: ISC */
/*
 * Body parts and body values of Email/get (RFC 8621 4.1.4, 4.2), from the
 * structure record and the byte ranges it names: the message is not parsed
 * again, and what nobody asked for is not read.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker/jmap/email.h"

#define BODY_WHOLE	(256 * 1024)	/* up to here a message is read at once:
					 * the piece the store unpacks anyway */

enum bodyprop {
	BODY_BLOBID, BODY_CHARSET, BODY_CID, BODY_DISPOSITION, BODY_HEADERS,
	BODY_LANGUAGE, BODY_LOCATION, BODY_NAME, BODY_PARTID, BODY_SIZE,
	BODY_SUBPARTS, BODY_TYPE, BODY_HEADER
};
struct email_bodyprop {
	const char		*name;
	enum bodyprop		 prop;
	struct email_hdr	 hdr;
};

static const struct {
	const char	*name;
	enum bodyprop	 prop;
} names[] = {
	{ "blobId", BODY_BLOBID }, { "charset", BODY_CHARSET },
	{ "cid", BODY_CID }, { "disposition", BODY_DISPOSITION },
	{ "headers", BODY_HEADERS }, { "language", BODY_LANGUAGE },
	{ "location", BODY_LOCATION }, { "name", BODY_NAME },
	{ "partId", BODY_PARTID }, { "size", BODY_SIZE },
	{ "subParts", BODY_SUBPARTS }, { "type", BODY_TYPE },
};
/* RFC 8621 4.2 bodyProperties */
static const char *const defaults[] = { "partId", "blobId", "size", "name",
    "type", "charset", "disposition", "cid", "language", "location" };

static int	body_prop(const char *, struct email_bodyprop *);
static const struct jmap_error *body_props(struct jmap_call *,
		    struct js_val *, struct email_fetch *);
static int	body_part(struct email_src *, const struct email_struct *,
		    const struct email_fetch *, uint32_t, struct buf *);
static void	body_plain(struct email_src *, const struct email_struct *,
		    uint32_t, enum bodyprop, struct buf *);
static void	body_blob(struct email_src *, const struct mime_part *,
		    struct buf *);
static int	body_mark(const struct email_struct *, const uint32_t *,
		    size_t, uint8_t *);
static int	body_value(struct email_src *, const struct email_struct *,
		    uint32_t, uint64_t, struct buf *);
static struct mime_msg *body_head(struct email_src *,
		    const struct mime_part *);

/* --- bytes --------------------------------------------------------------- */

void
email_src_init(struct email_src *s, struct store_txn *txn, struct arena *a,
    const uint8_t *hash, size_t size)
{
	memset(s, 0, sizeof(*s));
	s->txn = txn;
	s->arena = a;
	memcpy(s->blob.hash, hash, STORE_HASHLEN);
	s->size = size;
}

void
email_src_bytes_at(struct email_src *s, struct arena *a,
    const struct jmap_blob *blob, const void *bytes, size_t size)
{
	memset(s, 0, sizeof(*s));
	s->arena = a;
	s->blob = *blob;
	s->whole = size > 0 ? bytes : (const uint8_t *)"";
	s->size = size;
}

const uint8_t *
email_src_bytes(struct email_src *s, size_t off, size_t len)
{
	struct buf	 b;
	uint8_t		*copy = NULL;
	int		 all = s->size <= BODY_WHOLE;

	if (off > s->size || len > s->size - off) {
		errno = EPROTO;
		return NULL;
	}
	if (s->whole != NULL)
		return s->whole + off;
	if (len == 0)
		return (const uint8_t *)"";
	buf_init(&b, all ? s->size : len);
	s->err = store_blob_get(s->txn, s->blob.hash, all ? 0 : off, b.max, &b);
	if (s->err == STORE_OK && b.len != b.max)
		s->err = STORE_CORRUPT;
	if (s->err == STORE_OK)
		copy = (uint8_t *)arena_dup(s->arena, b.data, b.len);
	buf_free(&b);
	if (copy == NULL || !all)
		return copy;
	s->whole = copy;
	return copy + off;
}

struct mime_msg *
email_src_head(struct email_src *s, const struct email_struct *st)
{
	if (s->head == NULL)
		s->head = body_head(s, &st->msg.parts[0]);
	return s->head;
}

/* A part's header, as a message without a body. */
static struct mime_msg *
body_head(struct email_src *s, const struct mime_part *p)
{
	const uint8_t	*bytes;

	if ((bytes = email_src_bytes(s, p->head, p->headlen)) == NULL)
		return NULL;
	return mime_parse(s->arena, bytes, p->headlen);
}

/* --- arguments ----------------------------------------------------------- */

const struct jmap_error *
email_body_args(struct jmap_call *c, struct js_rd *rd, struct email_fetch *f)
{
	const struct jmap_error	*err;
	struct js_val		*list = NULL;

	js_rd_arr_null(rd, "bodyProperties", &list);
	js_rd_bool(rd, "fetchTextBodyValues", &f->text);
	js_rd_bool(rd, "fetchHTMLBodyValues", &f->html);
	js_rd_bool(rd, "fetchAllBodyValues", &f->all);
	js_rd_uint(rd, "maxBodyValueBytes", &f->max);
	if (rd->fault[0] != '\0')
		return NULL;	/* the caller says it */
	if ((err = body_props(c, list, f)) != NULL)
		return err;
	return NULL;
}

const struct jmap_error *
email_body_all(struct jmap_call *c, struct email_fetch *f)
{
	size_t	 i;

	memset(f, 0, sizeof(*f));
	f->props = arena_array(&c->req->arena, nitems(names),
	    sizeof(*f->props));
	if (f->props == NULL)
		return &jmap_error_server_fail;
	for (i = 0; i < nitems(names); i++)
		body_prop(names[i].name, &f->props[f->nprops++]);
	f->headers = f->all = 1;
	return NULL;
}

static const struct jmap_error *
body_props(struct jmap_call *c, struct js_val *list, struct email_fetch *f)
{
	struct email_bodyprop	*p;
	const char		*name;
	size_t			 i, n;

	n = list == NULL ? nitems(defaults) : js_len(list);
	if (n > 200)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "bodyProperties: more than 200");
	f->props = arena_array(&c->req->arena, n + 1, sizeof(*f->props));
	if (f->props == NULL)
		return &jmap_error_server_fail;
	for (i = 0; i < n; i++) {
		if (list == NULL)
			name = defaults[i];
		else if (js_type(js_at(list, i)) == JS_STR)
			name = js_str(js_at(list, i));
		else
			name = "";
		p = &f->props[f->nprops];
		if (!body_prop(name, p))
			return jmap_error_say(c,
			    &jmap_error_invalid_arguments,
			    "bodyProperties/%zu: no such property", i);
		if (p->prop == BODY_HEADERS || p->prop == BODY_HEADER)
			f->headers = 1;
		for (p = f->props; strcmp(p->name, name) != 0; p++)
			;
		if (p == &f->props[f->nprops])	/* named once */
			f->nprops++;
	}
	return NULL;
}

static int
body_prop(const char *name, struct email_bodyprop *p)
{
	size_t	 i;

	p->name = name;
	for (i = 0; i < nitems(names); i++)
		if (strcmp(name, names[i].name) == 0) {
			p->prop = names[i].prop;
			return 1;
		}
	p->prop = BODY_HEADER;
	return email_json_prop(name, &p->hdr);
}

/* --- parts --------------------------------------------------------------- */

int
email_body_structure(struct email_src *s, const struct email_struct *st,
    const struct email_fetch *f, struct buf *b)
{
	const struct mime_part	*p = st->msg.parts;
	uint32_t		 i, up;

	/* preorder: after its last descendant each multipart is closed */
	for (i = 0; i < st->msg.npart; i++) {
		if (body_part(s, st, f, i, b) == -1)
			return -1;
		if (p[i].multipart) {
			/* asked for or not: it is no structure without */
			js_out_key(b, "subParts");
			js_out_arr(b);
			if (p[i].nsub > 0)
				continue;
			js_out_end(b, ']');
		}
		js_out_end(b, '}');
		for (up = p[i].parent; up != MIME_NONE && p[up].end == i + 1;
		    up = p[up].parent) {
			js_out_end(b, ']');
			js_out_end(b, '}');
		}
	}
	return 0;
}

int
email_body_list(struct email_src *s, const struct email_struct *st,
    const struct email_fetch *f, const uint32_t *v, size_t n, struct buf *b)
{
	size_t	 i;

	js_out_arr(b);
	for (i = 0; i < n; i++) {
		if (body_part(s, st, f, v[i], b) == -1)
			return -1;
		js_out_end(b, '}');
	}
	js_out_end(b, ']');
	return 0;
}

/* The object without its end. */
static int
body_part(struct email_src *s, const struct email_struct *st,
    const struct email_fetch *f, uint32_t i, struct buf *b)
{
	const struct mime_part		*p = &st->msg.parts[i];
	const struct email_bodyprop	*w;
	struct mime_msg			*head = NULL;
	int				 ret = 0;

	if (f->headers && (head = i == 0 ? email_src_head(s, st) :
	    body_head(s, p)) == NULL)
		return -1;
	js_out_obj(b);
	for (w = f->props; w < f->props + f->nprops && ret == 0; w++) {
		if (w->prop == BODY_SUBPARTS && p->multipart)
			continue;	/* the caller's */
		js_out_key(b, w->name);
		if (w->prop == BODY_HEADER)
			ret = email_json_header(b, s->arena, head, 0, &w->hdr);
		else if (w->prop == BODY_HEADERS)
			ret = email_json_headers(b, s->arena, head, 0);
		else
			body_plain(s, st, i, w->prop, b);
	}
	return ret;
}

static void
body_plain(struct email_src *s, const struct email_struct *st, uint32_t i,
    enum bodyprop prop, struct buf *b)
{
	const struct mime_part	*p = &st->msg.parts[i];
	struct mime_list	 language = { p->language, p->nlanguage };

	switch (prop) {
	case BODY_BLOBID:
		body_blob(s, p, b);
		break;
	case BODY_CHARSET:
		js_out_s(b, p->charset);
		break;
	case BODY_CID:
		js_out_s(b, p->cid);
		break;
	case BODY_DISPOSITION:
		js_out_s(b, p->disposition);
		break;
	case BODY_LANGUAGE:
		email_json_list(b, &language);
		break;
	case BODY_LOCATION:
		js_out_s(b, p->location);
		break;
	case BODY_NAME:
		js_out_s(b, p->name);
		break;
	case BODY_PARTID:
		js_out_s(b, p->id);
		break;
	case BODY_SIZE:
		js_out_uint(b, st->size[i]);
		break;
	case BODY_TYPE:
		js_out_s(b, p->type);
		break;
	default:
		js_out_null(b);
	}
}

static void
body_blob(struct email_src *s, const struct mime_part *p, struct buf *b)
{
	struct jmap_blob	 blob = s->blob;
	char			 id[JMAP_ID_MAX + 1];

	/* RFC 8621 4.1.4: null if, and only if, multipart; and where it is
	 * inside of more messages than we write down */
	if (p->multipart || jmap_blob_step(&blob, p->body, p->bodylen,
	    (int)p->cte) == -1) {
		js_out_null(b);
		return;
	}
	jmap_blob_text(&blob, id);
	js_out_s(b, id);
}

/* --- values -------------------------------------------------------------- */

int
email_body_values(struct email_src *s, const struct email_struct *st,
    const struct email_fetch *f, struct buf *b)
{
	uint8_t		 want[MIME_PARTS] = { 0 };
	uint32_t	 i;

	if (f->text)
		body_mark(st, st->body.text, st->body.ntext, want);
	if (f->html)
		body_mark(st, st->body.html, st->body.nhtml, want);
	js_out_obj(b);
	for (i = 0; i < st->msg.npart; i++) {
		if (!want[i] && !f->all)
			continue;
		/* none but text parts have values */
		if (strncmp(st->msg.parts[i].type, "text/", 5) != 0)
			continue;
		if (body_value(s, st, i, f->max, b) == -1)
			return -1;
	}
	js_out_end(b, '}');
	return 0;
}

static int
body_mark(const struct email_struct *st, const uint32_t *v, size_t n,
    uint8_t *want)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (v[i] < st->msg.npart && v[i] < MIME_PARTS)
			want[v[i]] = 1;
	return 0;
}

static int
body_value(struct email_src *s, const struct email_struct *st, uint32_t i,
    uint64_t max, struct buf *b)
{
	struct mime_part	 part = st->msg.parts[i];
	struct mime_value	 v;
	struct mime_msg		 msg;
	const uint8_t		*bytes;

	if ((bytes = email_src_bytes(s, part.body, part.bodylen)) == NULL)
		return -1;
	/* a message that is nothing but this part's bytes */
	memset(&msg, 0, sizeof(msg));
	msg.raw = bytes;
	msg.len = part.bodylen;
	msg.parts = &part;
	msg.npart = 1;
	part.body = part.head = part.headlen = 0;
	part.parent = MIME_NONE;
	part.end = 1;
	if (mime_text_value(s->arena, &msg, 0, max > SIZE_MAX ? SIZE_MAX :
	    (size_t)max, &v) == -1)
		return -1;
	js_out_key(b, part.id);
	js_out_obj(b);
	js_out_key(b, "value");
	js_out_str(b, v.text, v.len);
	js_out_key(b, "isEncodingProblem");
	js_out_bool(b, v.problem);
	js_out_key(b, "isTruncated");
	js_out_bool(b, v.truncated);
	js_out_end(b, '}');
	return 0;
}
