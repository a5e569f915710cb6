/* SPDX-License-Identifier: ISC */
/*
 * Blob/lookup (RFC 9404 4.3): which Emails, Threads and Mailboxes have these
 * blobs.  A part of a message is looked for as the message, since it is a
 * piece of it.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/blob.h"
#include "worker/jmap/jmap_blob.h"
#include "worker/jmap/jmap_int.h"

struct lookup {
	struct jmap_call	*c;
	unsigned		 types;		/* 1 << index into types */
	struct store_ids	 found[3];	/* of the blob in hand */
};

static const struct jmap_error	*lookup_args(struct lookup *, struct js_val **);
static const struct jmap_error	*lookup_types(struct lookup *, struct js_val *);
static int	lookup_one(struct lookup *, const char *);
static int	lookup_find(struct lookup *, const uint8_t *);
static int	lookup_mail(struct lookup *, uint64_t);
static void	lookup_put(struct lookup *, const char *);
static size_t	id_mailbox(uint64_t, char *);

enum { L_EMAIL, L_MAILBOX, L_THREAD };
static const struct {
	const char	*name;
	size_t		(*idtext)(uint64_t, char *);
} types[] = {
	[L_EMAIL]	= { "Email", store_id_mail },
	[L_MAILBOX]	= { "Mailbox", id_mailbox },
	[L_THREAD]	= { "Thread", store_id_thread },
};

void
blob_lookup_types(struct buf *b)
{
	size_t	 i;

	js_out_arr(b);
	for (i = 0; i < nitems(types); i++)
		js_out_s(b, types[i].name);
	js_out_end(b, ']');
}

const struct jmap_error *
blob_lookup(struct jmap_call *c)
{
	const struct jmap_error	*err;
	struct js_val		*ids = NULL;
	struct lookup		 l;
	size_t			 i;

	memset(&l, 0, sizeof(l));
	l.c = c;
	if ((err = lookup_args(&l, &ids)) != NULL)
		return err;
	js_out_obj(c->out);
	jmap_api_account(c);
	js_out_key(c->out, "list");
	js_out_arr(c->out);
	for (i = 0; err == NULL && i < js_len(ids); i++) {
		if (jmap_api_spent(c->req))
			err = jmap_error_say(c, &jmap_error_request_too_large,
			    "too many ids to look for");
		else if (lookup_one(&l, js_str(js_at(ids, i))) == -1)
			err = jmap_api_lost(c);
	}
	js_out_end(c->out, ']');
	js_out_end(c->out, '}');
	for (i = 0; i < nitems(l.found); i++)
		store_ids_free(&l.found[i]);
	return err;
}

static const struct jmap_error *
lookup_args(struct lookup *l, struct js_val **ids)
{
	struct jmap_call	*c = l->c;
	struct js_val		*names = NULL;
	struct js_rd		 rd;
	const char		*account;
	size_t			 i;

	js_rd_init(&rd, c->args, "");
	js_rd_id(&rd, "accountId", &account);
	if (js_rd_arr(&rd, "typeNames", &names) == 0)
		js_rd_bad(&rd, "typeNames");
	if (js_rd_arr(&rd, "ids", ids) == 0)
		js_rd_bad(&rd, "ids");
	for (i = 0; i < js_len(*ids); i++)
		if (js_type(js_at(*ids, i)) != JS_STR)
			js_rd_bad(&rd, "ids");
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if (js_len(*ids) > c->req->env->limits->max_objects_in_get)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "more ids than maxObjectsInGet");
	return lookup_types(l, names);
}

/* 4.3: unknownDataType, also when the request does not use its capability. */
static const struct jmap_error *
lookup_types(struct lookup *l, struct js_val *names)
{
	const char	*name;
	size_t		 i, k;

	for (i = 0; i < js_len(names); i++) {
		name = js_str(js_at(names, i));
		for (k = 0; k < nitems(types); k++)
			if (strcmp(types[k].name, name) == 0)
				break;
		if (k == nitems(types) ||
		    (l->c->req->using & JMAP_CAP_MAIL) == 0)
			return jmap_error_say(l->c,
			    &jmap_error_unknown_data_type,
			    "typeNames/%zu", i);
		l->types |= 1U << k;
	}
	return NULL;
}

/* A blob that is not there, or not for him, is in no list.  0, or -1. */
static int
lookup_one(struct lookup *l, const char *text)
{
	const char		*id = jmap_api_real(l->c->req, text);
	struct jmap_blob	 b;
	uint64_t		 size;
	size_t			 i;
	int			 got = 0;

	for (i = 0; i < nitems(l->found); i++)
		l->found[i].n = 0;
	if (id != NULL && jmap_blob_parse(id, &b) == 0)
		got = jmap_blob_size(l->c, &b, &size);
	if (got == 1)
		got = lookup_find(l, b.hash);
	if (got != -1)
		lookup_put(l, id == NULL ? text : id);
	return got == -1 ? -1 : 0;
}

static int
lookup_find(struct lookup *l, const uint8_t *hash)
{
	struct store_ids	 mails = { 0 };
	size_t			 i;
	int			 got;

	got = jmap_api_store(l->c, store_blob_mails(l->c->txn, hash, &mails));
	for (i = 0; got == 1 && i < mails.n; i++)
		got = lookup_mail(l, mails.v[i]) == -1 ? -1 : 1;
	store_ids_free(&mails);
	return got;
}

static int
lookup_mail(struct lookup *l, uint64_t eid)
{
	struct store_mail	 m;
	enum store_err		 e;
	size_t			 i;
	int			 ret;

	/* what he may not see is not there (RFC 9670) */
	if ((e = store_mail_eid(l->c->txn, eid, &m)) != STORE_OK)
		return jmap_api_store(l->c, e);
	ret = store_ids_add(&l->found[L_EMAIL], m.id);
	if (ret == 0)
		ret = store_ids_add(&l->found[L_THREAD], m.tid);
	for (i = 0; i < m.nmailbox && ret == 0; i++)
		ret = store_ids_add(&l->found[L_MAILBOX],
		    store_mail_mailbox(&m, i));
	return ret;
}

static void
lookup_put(struct lookup *l, const char *id)
{
	struct buf	*b = l->c->out;
	char		 text[STORE_IDLEN];
	size_t		 i, k;

	js_out_obj(b);
	js_out_key(b, "id");
	js_out_s(b, id);
	js_out_key(b, "matchedIds");
	js_out_obj(b);
	for (i = 0; i < nitems(types); i++) {
		if ((l->types & 1U << i) == 0)
			continue;
		js_out_key(b, types[i].name);
		js_out_arr(b);
		store_ids_sort(&l->found[i]);
		for (k = 0; k < l->found[i].n; k++)
			js_out_str(b, text,
			    types[i].idtext(l->found[i].v[k], text));
		js_out_end(b, ']');
	}
	js_out_end(b, '}');
	js_out_end(b, '}');
}

static size_t
id_mailbox(uint64_t x, char *out)
{
	return store_id_mailbox((uint32_t)x, out);
}
