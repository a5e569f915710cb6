/* SPDX-License-Identifier: ISC */
/*
 * The frame of Foo/parse: see jmap_parse.h.  Called by email_parse.c and
 * mdn_parse.c, whose show() says what is in one blob.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/jmap_blob.h"
#include "worker/jmap/jmap_parse.h"

static int	parse_one(struct jmap_parse *, const char *);

void
jmap_parse_args(struct jmap_parse *p, struct js_rd *rd)
{
	const char	*account;

	js_rd_init(rd, p->c->args, "");
	js_rd_id(rd, "accountId", &account);
	js_rd_ids(rd, "blobIds", &p->sent);
}

const struct jmap_error *
jmap_parse(struct jmap_parse *p)
{
	const struct jmap_error	*e = NULL;
	struct jmap_call	*c = p->c;
	struct jmap_ids		 ids = { NULL, 0, 0 };
	size_t			 i;

	if (js_len(p->sent) > c->req->env->limits->max_objects_in_get)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "more blobIds than maxObjectsInGet");
	if (jmap_ids_take(c->req, p->sent, &ids) == -1)
		return jmap_api_lost(c);
	buf_init(&p->good, c->req->env->limits->max_size_response);
	for (i = 0; e == NULL && i < ids.n; i++)
		if (parse_one(p, ids.id[i]) == -1)
			e = jmap_api_lost(c);
		else if (jmap_api_spent(c->req))
			e = jmap_error_say(c, &jmap_error_request_too_large,
			    "too many blobIds to look into");
	if (buf_bad(&p->good))
		e = jmap_error_say(c, &jmap_error_request_too_large,
		    "the response would be too large");
	if (e == NULL) {
		js_out_obj(c->out);
		jmap_api_account(c);
		jmap_setout_map(c->out, "parsed", &p->good);
		jmap_setout_ids(c->out, "notParsable", &p->bad);
		jmap_setout_ids(c->out, "notFound", &p->missing);
		js_out_end(c->out, '}');
	}
	buf_free(&p->good);
	return e;
}

/* 0, or -1 when the call must end. */
static int
parse_one(struct jmap_parse *p, const char *id)
{
	struct jmap_req	*r = p->c->req;
	struct buf	 raw;
	int		 got;

	buf_init(&raw, UINT32_MAX);
	if ((got = jmap_blob_get(p->c, id, &raw)) == 0)
		got = jmap_api_add(r, &p->missing, id, strlen(id));
	else if (got == 1 && (got = p->show(p, id, &raw)) == 0)
		got = jmap_api_add(r, &p->bad, id, strlen(id));
	buf_free(&raw);
	return got == -1 ? -1 : 0;
}
