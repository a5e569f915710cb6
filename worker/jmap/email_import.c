/* SPDX-License-Identifier: ISC */
/*
 * Email/import (RFC 8621 4.8): uploaded bytes become mail.  Any bytes are a
 * message, none is changed; the same message twice is two Emails.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "worker/jmap/email.h"
#include "worker/jmap/email_row.h"
#include "worker/jmap/jmap_int.h"

struct import {
	struct jmap_call	*c;
	struct jmap_seterr	 e;
	struct buf		 good, bad;	/* members of the answer */
};

static const struct jmap_error *import_args(struct jmap_call *,
		    struct js_val **);
static int	import_one(struct import *, const char *, struct js_val *);
static int	import_read(struct import *, struct js_val *, const char **,
		    struct email_where *, int64_t *);
static int	import_add(struct import *, const char *, const char *,
		    const struct email_where *, int64_t);
static void	import_answer(struct import *, uint64_t);

const struct jmap_error *
email_import(struct jmap_call *c)
{
	const struct jmap_error	*err;
	struct js_val		*emails = NULL;
	struct js_iter		 it;
	struct import		 im;
	uint64_t		 old;

	if ((err = import_args(c, &emails)) != NULL)
		return err;
	memset(&im, 0, sizeof(im));
	im.c = c;
	buf_init(&im.good, 1 << 20);
	buf_init(&im.bad, 1 << 20);
	old = store_state(c->txn, STORE_EMAIL);
	for (js_first(&it, emails); err == NULL && js_next(&it);)
		if (import_one(&im, it.key, it.val) == -1)
			err = jmap_api_lost(c);
	if (buf_bad(&im.good) || buf_bad(&im.bad))
		err = jmap_api_lost(c);
	if (err == NULL)
		import_answer(&im, old);
	buf_free(&im.good);
	buf_free(&im.bad);
	return err;
}

static const struct jmap_error *
import_args(struct jmap_call *c, struct js_val **emails)
{
	struct js_rd	 rd;
	struct js_iter	 it;
	const char	*account = NULL, *state = NULL;

	js_rd_init(&rd, c->args, "");
	js_rd_id(&rd, "accountId", &account);
	js_rd_str_null(&rd, "ifInState", &state);
	if (js_rd_obj(&rd, "emails", emails) == 0)
		js_rd_bad(&rd, "emails");
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if (js_len(*emails) > c->req->env->limits->max_objects_in_set)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "more Emails than maxObjectsInSet");
	for (js_first(&it, *emails); js_next(&it);)
		if (js_type(it.val) != JS_OBJ)
			return jmap_error_say(c,
			    &jmap_error_invalid_arguments,
			    "emails/%s is not an object", it.key);
		else if (!jmap_api_is_id(it.key))
			return jmap_error_say(c,
			    &jmap_error_invalid_arguments,
			    "emails: a creation id is not an Id");
	if (state != NULL && strcmp(state, jmap_api_state(c->req,
	    store_state(c->txn, STORE_EMAIL))) != 0)
		return &jmap_error_state_mismatch;
	return NULL;
}

/* 0 when it was imported or refused, -1 when all must be undone. */
static int
import_one(struct import *im, const char *cid, struct js_val *v)
{
	struct email_where	 w;
	const char		*blob = NULL;
	int64_t			 received = DATE_NONE;
	int			 ret;

	memset(&im->e, 0, sizeof(im->e));
	ret = import_read(im, v, &blob, &w, &received);
	if (ret == 1)
		ret = import_add(im, cid, blob, &w, received);
	if (ret == 0) {
		js_out_keyn(&im->bad, cid, strlen(cid));
		jmap_setout_error(&im->bad, &im->e);
	}
	return ret == -1 ? -1 : 0;
}

static int
import_read(struct import *im, struct js_val *v, const char **blob,
    struct email_where *w, int64_t *received)
{
	struct js_iter	 it;
	struct js_val	*x;

	for (js_first(&it, v); js_next(&it);)
		if (strcmp(it.key, "blobId") != 0 &&
		    strcmp(it.key, "mailboxIds") != 0 &&
		    strcmp(it.key, "keywords") != 0 &&
		    strcmp(it.key, "receivedAt") != 0)
			email_set_bad(im->c, &im->e, it.key,
			    "no property of an EmailImport");
	/* RFC 9404 4.1: what Blob/upload made, by its creation id */
	if (!js_is_ref(x = js_get(v, "blobId")))
		email_set_bad(im->c, &im->e, "blobId", "not an Id");
	else if ((*blob = jmap_api_real(im->c->req, js_str(x))) == NULL)
		email_set_bad(im->c, &im->e, "blobId", "no such blob");
	if ((x = js_get(v, "receivedAt")) != NULL && (js_type(x) != JS_STR ||
	    (*received = date_3339(js_str(x), js_len(x), 1,
	    NULL)) == DATE_NONE))
		email_set_bad(im->c, &im->e, "receivedAt", "not a UTCDate");
	email_set_where(im->c, &im->e, js_get(v, "mailboxIds"),
	    js_get(v, "keywords"), w);
	return im->e.err == NULL;
}

static int
import_add(struct import *im, const char *cid, const char *blob,
    const struct email_where *w, int64_t received)
{
	struct buf	*b = &im->good;
	struct buf	 raw, reply;
	struct arena	 a;
	char		 id[JMAP_ID_MAX + 1];
	int		 ret;

	buf_init(&raw, UINT32_MAX);
	buf_init(&reply, 4096);
	arena_init(&a, EMAIL_ROW_ARENA);
	ret = jmap_blob_get(im->c, blob, &raw);
	if (ret == 0)
		email_set_bad(im->c, &im->e, "blobId", "no such blob");
	else if (ret == 1)
		ret = email_set_add(im->c, &im->e, &a, raw.data, raw.len, w,
		    received, id, &reply);
	if (ret == 1 && (buf_bad(&reply) ||
	    jmap_api_created(im->c->req, cid, id) == -1))
		ret = -1;
	if (ret == 1) {
		js_out_keyn(b, cid, strlen(cid));
		js_out_obj(b);
		js_out_key(b, "id");
		js_out_s(b, id);
		js_out_raw(b, reply.data, reply.len);
		js_out_end(b, '}');
	}
	buf_free(&raw);
	buf_free(&reply);
	arena_free(&a);
	return ret;
}

static void
import_answer(struct import *im, uint64_t old)
{
	struct jmap_call	*c = im->c;
	struct buf		*b = c->out;

	js_out_obj(b);
	jmap_api_account(c);
	js_out_key(b, "oldState");
	js_out_s(b, jmap_api_state(c->req, old));
	js_out_key(b, "newState");
	js_out_s(b, jmap_api_state(c->req, store_state(c->txn,
	    STORE_EMAIL)));
	jmap_setout_map(b, "created", &im->good);
	jmap_setout_map(b, "notCreated", &im->bad);
	js_out_end(b, '}');
}
