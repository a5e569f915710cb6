/* SPDX-License-Identifier: ISC */
/*
 * Blob/upload (RFC 9404 4.1): bytes from inside of a request, and ranges of
 * blobs that are there, joined into new blobs.
 */
#include "common/compat.h"

#include <string.h>

#include "common/enc.h"
#include "worker/jmap/blob.h"
#include "worker/jmap/jmap_blob.h"
#include "worker/jmap/jmap_int.h"

#define ROUNDS	12		/* over what has to wait, as in jmap_set.c */

struct upload {
	struct jmap_call	*c;
	struct jmap_seterr	 e;
	struct buf		 bytes;		/* of the blob in hand */
	struct buf		 good, bad;	/* members of the answer */
};

static const struct jmap_error	*upload_args(struct jmap_call *,
		    struct js_val **);
static int	upload_all(struct upload *, struct js_val *);
static int	upload_waits(struct js_val *, struct js_val *);
static int	upload_one(struct upload *, const char *, struct js_val *);
static int	upload_read(struct upload *, struct js_val *, const char **);
static int	upload_sources(struct upload *, struct js_val *);
static int	upload_source(struct upload *, struct js_val *);
static int	upload_base64(struct upload *, const char *);
static int	upload_blob(struct upload *, const char *, uint64_t,
		    uint64_t);
static int	upload_keep(struct upload *, const char *, const char *);
static int	upload_refuse(struct upload *, const struct jmap_error *,
		    const char *, const char *);
static void	upload_answer(struct upload *);

const struct jmap_error *
blob_upload(struct jmap_call *c)
{
	const struct jmap_error	*err;
	struct js_val		*create = NULL;
	struct upload		 u;

	if ((err = upload_args(c, &create)) != NULL)
		return err;
	memset(&u, 0, sizeof(u));
	u.c = c;
	buf_init(&u.bytes, c->req->env->limits->max_size_upload);
	buf_init(&u.good, 1 << 20);
	buf_init(&u.bad, 1 << 20);
	if (upload_all(&u, create) == -1 || buf_bad(&u.good) ||
	    buf_bad(&u.bad))
		err = jmap_api_lost(c);
	if (err == NULL)
		upload_answer(&u);
	buf_free(&u.bytes);
	buf_free(&u.good);
	buf_free(&u.bad);
	return err;
}

static const struct jmap_error *
upload_args(struct jmap_call *c, struct js_val **create)
{
	struct js_rd	 rd;
	struct js_iter	 it;
	const char	*account = NULL;

	js_rd_init(&rd, c->args, "");
	js_rd_id(&rd, "accountId", &account);
	if (js_rd_obj(&rd, "create", create) == 0)
		js_rd_bad(&rd, "create");
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if (js_len(*create) > c->req->env->limits->max_objects_in_set)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "more blobs than maxObjectsInSet");
	for (js_first(&it, *create); js_next(&it);)
		if (js_type(it.val) != JS_OBJ || !jmap_api_is_id(it.key))
			return jmap_error_say(c,
			    &jmap_error_invalid_arguments,
			    "create is not a map of Ids to objects");
	return NULL;
}

/*
 * RFC 8620 5.3: "creates happen before their creation ids are referenced":
 * the members of a map have no order.  One whose sources are not made yet
 * waits; what waits for itself is tried last, and refused.
 */
static int
upload_all(struct upload *u, struct js_val *create)
{
	struct js_val	*todo;
	struct js_iter	 it;
	int		 round, ret = 0;

	if ((todo = js_new_obj()) == NULL)
		return -1;
	for (js_first(&it, create); ret == 0 && js_next(&it);)
		ret = js_set(todo, it.key, js_ref(it.val));
	for (round = 0; ret == 0 && js_len(todo) > 0 && round <= ROUNDS;
	    round++)
		for (js_first(&it, create); ret == 0 && js_next(&it);) {
			if (!js_has(todo, it.key) ||
			    (round < ROUNDS && upload_waits(todo, it.val)))
				continue;
			ret = upload_one(u, it.key, it.val);
			js_del(todo, it.key);
		}
	js_free(todo);
	return ret;
}

/* 1 if a source is among what is still to be made. */
static int
upload_waits(struct js_val *todo, struct js_val *v)
{
	struct js_val	*data = js_get(v, "data");
	const char	*blob;
	size_t		 i;

	for (i = 0; i < js_len(data) && i < BLOB_SOURCES; i++) {
		blob = js_str(js_get(js_at(data, i), "blobId"));
		if (blob[0] == '#' && js_has(todo, blob + 1))
			return 1;
	}
	return 0;
}

/* 0 when it was made or refused, -1 when all must be undone. */
static int
upload_one(struct upload *u, const char *cid, struct js_val *v)
{
	const char	*type = NULL;
	int		 ret;

	memset(&u->e, 0, sizeof(u->e));
	buf_reset(&u->bytes);
	ret = upload_read(u, v, &type);
	if (ret == 1)
		ret = upload_keep(u, cid, type);
	if (ret == 0) {
		js_out_keyn(&u->bad, cid, strlen(cid));
		jmap_setout_error(&u->bad, &u->e);
	}
	return ret == -1 ? -1 : 0;
}

static int
upload_read(struct upload *u, struct js_val *v, const char **type)
{
	struct js_val	*data = NULL;
	struct js_rd	 rd;

	js_rd_init(&rd, v, "");
	js_rd_str_null(&rd, "type", type);
	if (js_rd_arr(&rd, "data", &data) == 0)
		js_rd_bad(&rd, "data");
	if (js_rd_end(&rd) == -1)	/* the name of what is wrong */
		return upload_refuse(u, &jmap_error_invalid_properties, NULL,
		    rd.fault);
	if (js_len(data) > BLOB_SOURCES)
		return upload_refuse(u, &jmap_error_invalid_properties,
		    "data", "more data sources than maxDataSources");
	return upload_sources(u, data);
}

static int
upload_sources(struct upload *u, struct js_val *data)
{
	size_t	 i;
	int	 ret = 1;

	for (i = 0; ret == 1 && i < js_len(data); i++)
		ret = upload_source(u, js_at(data, i));
	if (ret == 1 && buf_bad(&u->bytes))
		return upload_refuse(u, &jmap_error_too_large, NULL,
		    "larger than maxSizeBlobSet");
	return ret;
}

/* "Exactly one of" text, base64 and blobId. */
static int
upload_source(struct upload *u, struct js_val *v)
{
	const char	*text = NULL, *b64 = NULL, *blob = NULL;
	uint64_t	 off = 0, len = UINT64_MAX;
	struct js_rd	 rd;

	js_rd_init(&rd, v, "data");
	js_rd_str_null(&rd, "data:asText", &text);
	js_rd_str_null(&rd, "data:asBase64", &b64);
	js_rd_str_null(&rd, "blobId", &blob);
	js_rd_uint_null(&rd, "offset", &off);
	js_rd_uint_null(&rd, "length", &len);
	if (js_rd_end(&rd) == -1)
		return upload_refuse(u, &jmap_error_invalid_properties,
		    "data", rd.fault);
	if ((text != NULL) + (b64 != NULL) + (blob != NULL) != 1 ||
	    (blob == NULL && (js_has(v, "offset") || js_has(v, "length"))))
		return upload_refuse(u, &jmap_error_invalid_properties,
		    "data", "a source is a text, base64, or a blobId with "
		    "its range: exactly one of them");
	if (text != NULL) {
		/* JSON is UTF-8, or it was refused as a whole */
		buf_add(&u->bytes, text, strlen(text));
		return 1;
	}
	return b64 != NULL ? upload_base64(u, b64) :
	    upload_blob(u, blob, off, len);
}

static int
upload_base64(struct upload *u, const char *s)
{
	size_t	 n = strlen(s);
	uint8_t	*to = buf_reserve(&u->bytes, n / 4 * 3 + 3);
	ssize_t	 got;

	if (to == NULL)
		return 1;	/* buf_bad: too large */
	if ((got = enc_b64_get(s, n, to, n / 4 * 3 + 3)) == -1)
		return upload_refuse(u, &jmap_error_invalid_properties,
		    "data", "data:asBase64 is not base64");
	buf_commit(&u->bytes, (size_t)got);
	return 1;
}

static int
upload_blob(struct upload *u, const char *text, uint64_t off, uint64_t len)
{
	const char	*id = jmap_api_real(u->c->req, text);
	struct buf	 all;
	int		 got = 0;

	buf_init(&all, u->c->req->env->limits->max_size_upload);
	if (id != NULL)
		got = jmap_blob_get(u->c, id, &all);
	if (got == 0)
		got = upload_refuse(u, &jmap_error_blob_not_found, NULL,
		    "there is no such blob");
	else if (got == 1 && (off > all.len ||
	    (len != UINT64_MAX && len > all.len - off)))
		got = upload_refuse(u, &jmap_error_invalid_properties,
		    "data", "the range is not in the blob");
	else if (got == 1)
		buf_add(&u->bytes, all.data + off,
		    len == UINT64_MAX ? all.len - (size_t)off : (size_t)len);
	buf_free(&all);
	return got;
}

static int
upload_keep(struct upload *u, const char *cid, const char *type)
{
	uint8_t		 hash[STORE_HASHLEN];
	char		 id[STORE_IDLEN];
	struct buf	*b = &u->good;
	int		 got;

	got = jmap_api_store(u->c, store_blob_upload(u->c->txn, u->bytes.data,
	    u->bytes.len, hash));
	if (got == 0)
		return upload_refuse(u, &jmap_error_over_quota, NULL,
		    "no room for more uploads");
	if (got != 1)
		return -1;
	id[store_id_blob(hash, id)] = '\0';
	if (jmap_api_created(u->c->req, cid, id) == -1)
		return -1;
	js_out_keyn(b, cid, strlen(cid));
	js_out_obj(b);
	js_out_key(b, "id");
	js_out_s(b, id);
	/* RFC 9404 4.1: and what the upload endpoint says */
	js_out_key(b, "blobId");
	js_out_s(b, id);
	js_out_key(b, "type");
	js_out_s(b, type);
	js_out_key(b, "size");
	js_out_uint(b, u->bytes.len);
	js_out_end(b, '}');
	return 1;
}

/* 0. */
static int
upload_refuse(struct upload *u, const struct jmap_error *err,
    const char *prop, const char *why)
{
	char	*copy = arena_dup(&u->c->req->arena, why, strlen(why));

	u->e.err = err;
	u->e.desc = copy;
	if (err == &jmap_error_invalid_properties)
		u->e.props[u->e.nprops++] = prop != NULL ? prop : copy;
	return 0;
}

static void
upload_answer(struct upload *u)
{
	struct buf	*b = u->c->out;

	js_out_obj(b);
	jmap_api_account(u->c);
	js_out_key(b, "oldState");
	js_out_null(b);
	js_out_key(b, "newState");
	js_out_null(b);
	jmap_setout_map(b, "created", &u->good);
	jmap_setout_map(b, "notCreated", &u->bad);
	js_out_end(b, '}');
}
