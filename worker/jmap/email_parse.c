/* SPDX-License-Identifier: ISC */
/*
 * Email/parse (RFC 8621 4.9): a blob shown as an Email without becoming one,
 * so that a client can open an attached message.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/email.h"
#include "worker/jmap/email_row.h"

#define PARSE_MAX	16	/* blobs of one call: each is parsed anew */

struct parse {
	struct jmap_get		 g;
	struct js_val		*ids;
	struct buf		 good;		/* members of "parsed" */
	struct jmap_ids		 bad, missing;
};

/* In strcmp order of email_type.props the default list is all but these. */
static const char *const not_default[] = { "blobId", "bodyStructure",
    "headers", "id", "keywords", "mailboxIds", "receivedAt", "size",
    "threadId" };

static const struct jmap_error *parse_args(struct parse *);
static int	parse_again(struct js_val *, size_t);
static void	parse_want(struct parse *, struct js_val *);
static int	parse_one(struct parse *, const char *);
static int	parse_show(struct parse *, const char *, const struct buf *);
static void	parse_answer(struct parse *);

const struct jmap_error *
email_parse(struct jmap_call *c)
{
	const struct jmap_error	*err;
	struct parse		 p;
	size_t			 i;

	memset(&p, 0, sizeof(p));
	p.g.c = c;
	p.g.type = &email_type;
	if ((err = parse_args(&p)) != NULL)
		return err;
	buf_init(&p.good, c->req->env->limits->max_size_response);
	for (i = 0; i < js_len(p.ids) && err == NULL; i++)
		if (!parse_again(p.ids, i) &&
		    parse_one(&p, js_str(js_at(p.ids, i))) == -1)
			err = jmap_api_lost(c);
	if (buf_bad(&p.good))
		err = jmap_error_say(c, &jmap_error_request_too_large,
		    "the response would be too large");
	if (err == NULL)
		parse_answer(&p);
	buf_free(&p.good);
	return err;
}

/* An id given twice is answered once. */
static int
parse_again(struct js_val *ids, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (strcmp(js_str(js_at(ids, i)), js_str(js_at(ids, n))) == 0)
			return 1;
	return 0;
}

static const struct jmap_error *
parse_args(struct parse *p)
{
	const struct jmap_error	*err;
	struct jmap_call	*c = p->g.c;
	struct js_val		*props = NULL;
	struct js_rd		 rd;
	const char		*account;
	size_t			 i;

	js_rd_init(&rd, c->args, "");
	js_rd_id(&rd, "accountId", &account);
	if (js_rd_arr(&rd, "blobIds", &p->ids) == 0)
		js_rd_bad(&rd, "blobIds");
	js_rd_arr_null(&rd, "properties", &props);
	if ((err = email_get_args(&p->g, &rd)) != NULL)
		return err;
	for (i = 0; i < js_len(p->ids); i++)
		if (!js_is_id(js_at(p->ids, i)))
			js_rd_bad(&rd, "blobIds");
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if (js_len(p->ids) > PARSE_MAX)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "more than %d blobs", PARSE_MAX);
	if ((err = jmap_get_properties(&p->g, props)) != NULL)
		return err;
	parse_want(p, props);
	return NULL;
}

/* Unlike /get: another default list, and no id unless it is asked for. */
static void
parse_want(struct parse *p, struct js_val *props)
{
	const struct jmap_type	*t = p->g.type;
	size_t			 i, k;
	int			 keep = 0;

	for (i = 0; i < js_len(props); i++)
		keep |= strcmp(js_str(js_at(props, i)), "id") == 0;
	for (i = 0; i < t->nprops; i++) {
		if (props != NULL && (keep || strcmp(t->props[i].name,
		    "id") != 0))
			continue;
		for (k = 0; k < nitems(not_default); k++)
			if (strcmp(t->props[i].name, not_default[k]) == 0)
				p->g.want &= ~(1ULL << i);
	}
}

/* 0, or -1 when the call must end. */
static int
parse_one(struct parse *p, const char *id)
{
	struct jmap_req	*r = p->g.c->req;
	struct buf	 raw;
	int		 ret;

	buf_init(&raw, UINT32_MAX);
	ret = jmap_blob_get(p->g.c, id, &raw);
	if (ret == 1)
		ret = parse_show(p, id, &raw);
	else if (ret == 0)
		ret = jmap_api_add(r, &p->missing, id, strlen(id));
	buf_free(&raw);
	return ret;
}

static int
parse_show(struct parse *p, const char *id, const struct buf *raw)
{
	struct store_newmail	 m;
	struct jmap_blob	 blob;
	struct email_src	 src;
	struct arena		 a;
	struct mime_msg		*msg;
	const char		*quoted;
	int			 ret = -1;

	memset(&m, 0, sizeof(m));
	arena_init(&a, EMAIL_ROW_ARENA + 3 * raw->len);
	if ((msg = mime_parse(&a, raw->data, raw->len)) == NULL)
		goto done;
	/* any bytes are a message; without one field it was not meant */
	if (msg->parts[0].nhdr == 0) {
		ret = jmap_api_add(p->g.c->req, &p->bad, id, strlen(id));
		goto done;
	}
	if (email_row(&a, raw->data, raw->len, &m) == -1 ||
	    jmap_blob_parse(id, &blob) == -1 ||
	    (quoted = arena_printf(&a, "\"%s\"", id)) == NULL)
		goto done;
	m.frag[STORE_F_BLOBID] = SLICE_STR(quoted);
	email_src_bytes_at(&src, &a, &blob, raw->data, raw->len);
	js_out_keyn(&p->good, id, strlen(id));
	ret = email_get_parsed(&p->g, &src, &m, &p->good);
done:
	arena_free(&a);
	return ret;
}

static void
parse_answer(struct parse *p)
{
	struct buf	*b = p->g.c->out;

	js_out_obj(b);
	jmap_api_account(p->g.c);
	jmap_setout_map(b, "parsed", &p->good);
	jmap_setout_ids(b, "notParsable", &p->bad);
	jmap_setout_ids(b, "notFound", &p->missing);
	js_out_end(b, '}');
}
