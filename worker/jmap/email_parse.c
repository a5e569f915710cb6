/* SPDX-License-Identifier: ISC */
/*
 * Email/parse (RFC 8621 4.9): a blob shown as an Email without becoming one,
 * so that a client can open an attached message.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/email.h"
#include "worker/jmap/email_row.h"
#include "worker/jmap/jmap_parse.h"

struct parse {
	struct jmap_parse	 p;		/* first: show() is given it */
	struct jmap_get		 g;
};

/* In strcmp order of email_type.props the default list is all but these. */
static const char *const not_default[] = { "blobId", "bodyStructure",
    "headers", "id", "keywords", "mailboxIds", "receivedAt", "size",
    "threadId" };

static const struct jmap_error *parse_args(struct parse *);
static void	parse_want(struct parse *, struct js_val *);
static jmap_parse_show	parse_show;

const struct jmap_error *
email_parse(struct jmap_call *c)
{
	const struct jmap_error	*err;
	struct parse		 p;

	memset(&p, 0, sizeof(p));
	p.p.c = p.g.c = c;
	p.p.show = parse_show;
	p.g.type = &email_type;
	if ((err = parse_args(&p)) != NULL)
		return err;
	return jmap_parse(&p.p);
}

static const struct jmap_error *
parse_args(struct parse *p)
{
	const struct jmap_error	*err;
	struct jmap_call	*c = p->g.c;
	struct js_val		*props = NULL;
	struct js_rd		 rd;

	jmap_parse_args(&p->p, &rd);
	js_rd_arr_null(&rd, "properties", &props);
	if ((err = email_get_args(&p->g, &rd)) != NULL)
		return err;
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
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

static int
parse_show(struct jmap_parse *jp, const char *id, const struct buf *raw)
{
	struct parse		*p = (struct parse *)jp;
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
		ret = 0;
		goto done;
	}
	if (email_row(&a, raw->data, raw->len, &m) == -1 ||
	    jmap_blob_parse(id, &blob) == -1 ||
	    (quoted = arena_printf(&a, "\"%s\"", id)) == NULL)
		goto done;
	m.frag[STORE_F_BLOBID] = SLICE_STR(quoted);
	email_src_bytes_at(&src, &a, &blob, raw->data, raw->len);
	js_out_keyn(&jp->good, id, strlen(id));
	ret = email_get_parsed(&p->g, &src, &m, &jp->good) == -1 ? -1 : 1;
done:
	arena_free(&a);
	return ret;
}
