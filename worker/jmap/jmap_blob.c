/* SPDX-License-Identifier: ISC */
/*
 * Blobs (RFC 8620 6): keeping what is uploaded, giving what is asked for.
 * The part of a message is a blob of its own; it is not kept a second time
 * but cut out of the message and decoded when somebody wants it.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/enc.h"
#include "common/log.h"
#include "worker/jmap/jmap.h"
#include "worker/mime/mime.h"

#define BLOB_TEXT	(1 + ENC_B64URL_LEN(STORE_HASHLEN))	/* "G..." */
#define BLOB_TRIES	5	/* runs of a write whose store had to grow */

static int	blob_number(const char **, int, uint64_t *);
static int	blob_read(struct store_txn *, const struct jmap_blob *,
		    struct buf *, enum store_err *);
static int	blob_part(struct store_txn *, const struct jmap_blob *,
		    struct buf *, enum store_err *);
static enum store_err	blob_keep(const struct jmap_user *, const void *,
		    size_t, uint8_t[STORE_HASHLEN]);

int
jmap_blob_parse(const char *id, struct jmap_blob *b)
{
	uint64_t	 cte;
	size_t		 n = strlen(id);

	memset(b, 0, sizeof(*b));
	if (n < BLOB_TEXT || store_id_blob_get(id, BLOB_TEXT, b->hash) == -1)
		return -1;
	if (n == BLOB_TEXT)
		return 0;
	id += BLOB_TEXT;
	if (blob_number(&id, '-', &b->off) == -1 ||
	    blob_number(&id, '-', &b->len) == -1 ||
	    blob_number(&id, '-', &cte) == -1 || *id != '\0' ||
	    cte > MIME_UNKNOWN)
		return -1;
	b->cte = (int)cte;
	b->part = 1;
	return 0;
}

/* before, then digits without a leading zero, below 2^53. */
static int
blob_number(const char **p, int before, uint64_t *out)
{
	const char	*s = *p;
	uint64_t	 v = 0;

	if (*s++ != before || *s < '0' || *s > '9' ||
	    (*s == '0' && s[1] >= '0' && s[1] <= '9'))
		return -1;
	for (; *s >= '0' && *s <= '9'; s++)
		if ((v = v * 10 + (*s - '0')) > JS_INT_MAX)
			return -1;
	*p = s;
	*out = v;
	return 0;
}

void
jmap_blob_text(const struct jmap_blob *b, char out[JMAP_ID_MAX + 1])
{
	size_t	 n = store_id_blob(b->hash, out);

	if (b->part)
		(void)snprintf(out + n, JMAP_ID_MAX + 1 - n, "-%llu-%llu-%d",
		    (unsigned long long)b->off, (unsigned long long)b->len,
		    b->cte);
}

int
jmap_blob_get(struct jmap_call *c, const char *id, struct buf *out)
{
	struct jmap_blob	 b;
	enum store_err		 e = STORE_OK;
	int			 got;

	if (jmap_blob_parse(id, &b) == -1)
		return 0;
	got = blob_read(c->txn, &b, out, &e);
	return got == 1 ? 1 : jmap_api_store(c, e);
}

int
jmap_blob_download(const struct jmap_user *u, const char *id,
    struct buf *out)
{
	struct jmap_blob	 b;
	struct store_txn	*txn;
	enum store_err		 e = STORE_OK;
	int			 got = -1;

	if (jmap_blob_parse(id, &b) == -1)
		return 0;
	if ((e = store_begin(u->store, 0, &txn)) == STORE_OK) {
		got = blob_read(txn, &b, out, &e);
		store_abort(txn);
	}
	if (got == -1)
		log_warn("account %s: blob: %s", u->account,
		    store_strerror(e));
	return got;
}

/* 1, 0 no such blob, -1 with *e. */
static int
blob_read(struct store_txn *txn, const struct jmap_blob *b, struct buf *out,
    enum store_err *e)
{
	if (b->part)
		return blob_part(txn, b, out, e);
	*e = store_blob_get(txn, b->hash, 0, UINT64_MAX, out);
	return *e == STORE_OK ? 1 : *e <= STORE_REFUSED ? 0 : -1;
}

/* Offset and length are the client's word until they are checked here. */
static int
blob_part(struct store_txn *txn, const struct jmap_blob *b, struct buf *out,
    enum store_err *e)
{
	struct buf	 raw;
	uint64_t	 size;
	int		 got = -1;

	*e = store_blob_size(txn, b->hash, &size);
	if (*e != STORE_OK)
		return *e <= STORE_REFUSED ? 0 : -1;
	if (b->off > size || b->len > size - b->off)
		return 0;
	buf_init(&raw, b->len);
	if (b->len > 0)
		*e = store_blob_get(txn, b->hash, b->off, b->len, &raw);
	if (*e == STORE_OK) {
		got = mime_cte_decode(b->cte, raw.data, raw.len, out) == -1 ?
		    -1 : 1;
		if (got == -1)
			*e = STORE_IO;
	}
	buf_free(&raw);
	return got;
}

int
jmap_blob_upload(const struct jmap_env *env, const struct jmap_user *u,
    const char *type, const void *p, size_t n, struct buf *out)
{
	uint8_t		 hash[STORE_HASHLEN];
	char		 id[STORE_IDLEN];
	enum store_err	 e;
	int		 tries = 0;

	(void)env;
	do {
		e = blob_keep(u, p, n, hash);
	} while (e == STORE_AGAIN && ++tries < BLOB_TRIES);
	if (e != STORE_OK) {
		log_warn("account %s: upload: %s", u->account,
		    store_strerror(e));
		return -1;
	}
	js_out_obj(out);
	js_out_key(out, "accountId");
	js_out_s(out, u->account);
	js_out_key(out, "blobId");
	js_out_str(out, id, store_id_blob(hash, id));
	js_out_key(out, "type");
	js_out_s(out, type);
	js_out_key(out, "size");
	js_out_uint(out, n);
	js_out_end(out, '}');
	return 0;
}

static enum store_err
blob_keep(const struct jmap_user *u, const void *p, size_t n,
    uint8_t hash[STORE_HASHLEN])
{
	struct store_txn	*txn;
	enum store_err		 e;

	if ((e = store_begin(u->store, 1, &txn)) != STORE_OK)
		return e;
	if ((e = store_blob_put(txn, p, n, hash)) != STORE_OK) {
		store_abort(txn);
		return e;
	}
	return store_commit(txn);
}

/* RFC 8620 6.3.  There is no second account that one user may see. */
const struct jmap_error *
jmap_blob_copy(struct jmap_call *c)
{
	struct js_val	*ids = NULL;
	struct js_rd	 rd;
	const char	*from = NULL, *to;
	size_t		 i;

	js_rd_init(&rd, c->args, "");
	js_rd_id(&rd, "accountId", &to);
	if (js_rd_id(&rd, "fromAccountId", &from) == 0)
		js_rd_bad(&rd, "fromAccountId");
	if (js_rd_arr(&rd, "blobIds", &ids) == 0)
		js_rd_bad(&rd, "blobIds");
	for (i = 0; i < js_len(ids); i++)
		if (!js_is_id(js_at(ids, i)))
			js_rd_bad(&rd, "blobIds");
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if (strcmp(from, c->req->user->account) == 0)
		return jmap_error_say(c, &jmap_error_invalid_arguments,
		    "fromAccountId and accountId are the same");
	return &jmap_error_from_account_not_found;
}
