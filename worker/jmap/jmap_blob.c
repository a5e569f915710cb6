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
#include "worker/jmap/jmap_blob.h"
#include "worker/jmap/jmap_share.h"
#include "worker/mime/mime.h"
#include "worker/store/store_share.h"

#define BLOB_TEXT	(1 + ENC_B64URL_LEN(STORE_HASHLEN))	/* "G..." */
#define BLOB_TRIES	5	/* runs of a write whose store had to grow */

static int	blob_number(const char **, int, uint64_t *);
static int	blob_find(struct store_txn *, struct jmap_blob *,
		    enum store_err *);
static int	blob_read(struct store_txn *, const struct jmap_blob *,
		    struct buf *, enum store_err *);
static int	blob_part(struct store_txn *, const struct jmap_blob *,
		    struct buf *, enum store_err *);
static int	blob_inner(const struct jmap_blob *, struct buf *,
		    struct buf *);
static enum store_err	blob_keep(const struct jmap_user *, const void *,
		    size_t, uint8_t[STORE_HASHLEN]);

int
jmap_blob_parse(const char *id, struct jmap_blob *b)
{
	uint64_t	 off, len, cte;
	size_t		 n = strlen(id);

	memset(b, 0, sizeof(*b));
	if (*id == 'B') {
		n = strcspn(id, "-");
		if (store_id_object_get('B', id, n, &b->eid) == -1 ||
		    b->eid == 0)
			return -1;
	} else if (n < BLOB_TEXT ||
	    store_id_blob_get(id, n = BLOB_TEXT, b->hash) == -1)
		return -1;
	for (id += n; *id != '\0';) {
		if (blob_number(&id, '-', &off) == -1 ||
		    blob_number(&id, '-', &len) == -1 ||
		    blob_number(&id, '-', &cte) == -1 ||
		    cte > MIME_UNKNOWN || b->nstep == JMAP_BLOB_STEPS)
			return -1;
		b->step[b->nstep].off = off;
		b->step[b->nstep].len = len;
		b->step[b->nstep++].cte = (int)cte;
	}
	return 0;
}

int
jmap_blob_step(struct jmap_blob *b, uint64_t off, uint64_t len, int cte)
{
	unsigned	 n = b->nstep;

	/* inside of bytes that are no code: one step is enough */
	if (n > 0 && (b->step[n - 1].cte == MIME_7BIT ||
	    b->step[n - 1].cte == MIME_UNKNOWN)) {
		off += b->step[n - 1].off;
		n--;
	}
	if (n == JMAP_BLOB_STEPS)
		return -1;
	b->step[n].off = off;
	b->step[n].len = len;
	b->step[n].cte = cte;
	b->nstep = n + 1;
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
	size_t		 n;
	unsigned	 i;

	n = b->eid != 0 ? store_id_object('B', b->eid, out) :
	    store_id_blob(b->hash, out);
	/* four steps of three numbers below 2^53 do not fit: ours are below
	 * 2^32, as any message is */
	for (i = 0; i < b->nstep && n < JMAP_ID_MAX; i++)
		n += (size_t)snprintf(out + n, JMAP_ID_MAX + 1 - n,
		    "-%llu-%llu-%d", (unsigned long long)b->step[i].off,
		    (unsigned long long)b->step[i].len, b->step[i].cte);
}

int
jmap_blob_get(struct jmap_call *c, const char *id, struct buf *out)
{
	enum store_err	 e;
	int		 got = jmap_blob_read(c->txn, id, out, &e);

	return got != -1 ? got : jmap_api_store(c, e == STORE_OK ? STORE_IO :
	    e);
}

int
jmap_blob_read(struct store_txn *txn, const char *id, struct buf *out,
    enum store_err *e)
{
	struct jmap_blob	 b;
	int			 got;

	*e = STORE_OK;
	if (jmap_blob_parse(id, &b) == -1)
		return 0;
	if ((got = blob_find(txn, &b, e)) == 1)
		got = blob_read(txn, &b, out, e);
	return got;
}

int
jmap_blob_size(struct jmap_call *c, struct jmap_blob *b, uint64_t *size)
{
	enum store_err	 e = STORE_OK;
	int		 may = blob_find(c->txn, b, &e);

	if (may != 1)
		return may == 0 ? 0 : jmap_api_store(c, e == STORE_OK ?
		    STORE_IO : e);
	return jmap_api_store(c, store_blob_size(c->txn, b->hash, size));
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
	e = jmap_share_begin(u->store, u->viewer, 0, &txn);
	if (e == STORE_OK) {
		if ((got = blob_find(txn, &b, &e)) == 1)
			got = blob_read(txn, &b, out, &e);
		store_abort(txn);
	} else if (e == STORE_NOTFOUND)
		return 0;
	if (got == -1)
		log_warn("account %s: blob: %s", u->account,
		    store_strerror(e));
	return got;
}

/*
 * Whose bytes are they, and may they be seen?  A message goes by its mail,
 * which the store shows or not; who is not the owner may name by its hash
 * only what he brought himself.  1, 0, -1 with *e.
 */
static int
blob_find(struct store_txn *txn, struct jmap_blob *b, enum store_err *e)
{
	struct store_mail	 m;
	struct store_row	 row;
	int			 got;

	if (b->eid == 0) {
		if ((got = store_view_blob(txn, b->hash)) == -1)
			*e = STORE_IO;
		return got;
	}
	if ((*e = store_mail_eid(txn, b->eid, &m)) == STORE_OK)
		*e = store_mail_row(txn, &m, &row);
	if (*e != STORE_OK)
		return *e <= STORE_REFUSED ? 0 : -1;
	memcpy(b->hash, row.blob, STORE_HASHLEN);
	return 1;
}

/* 1, 0 no such blob, -1 with *e. */
static int
blob_read(struct store_txn *txn, const struct jmap_blob *b, struct buf *out,
    enum store_err *e)
{
	if (b->nstep > 0)
		return blob_part(txn, b, out, e);
	*e = store_blob_get(txn, b->hash, 0, UINT64_MAX, out);
	/* all that may be is within its limit: else memory is short */
	return *e == STORE_OK ? 1 :
	    *e <= STORE_REFUSED && !buf_bad(out) ? 0 : -1;
}

/* Offset and length are the client's word until they are checked here. */
static int
blob_part(struct store_txn *txn, const struct jmap_blob *b, struct buf *out,
    enum store_err *e)
{
	struct buf	 raw;
	uint64_t	 size, off = b->step[0].off, len = b->step[0].len;
	int		 got = -1;

	*e = store_blob_size(txn, b->hash, &size);
	if (*e != STORE_OK)
		return *e <= STORE_REFUSED ? 0 : -1;
	if (off > size || len > size - off)
		return 0;
	buf_init(&raw, len);
	if (len > 0)
		*e = store_blob_get(txn, b->hash, off, len, &raw);
	if (*e == STORE_OK && (got = blob_inner(b, &raw, out)) == -1)
		*e = STORE_IO;
	buf_free(&raw);
	return got;
}

/* Decode the bytes of the first step, and of those inside of it. */
static int
blob_inner(const struct jmap_blob *b, struct buf *raw, struct buf *out)
{
	struct buf	 next;
	uint64_t	 off, len;
	unsigned	 i;
	int		 r;

	for (i = 0; i < b->nstep; i++) {
		off = i == 0 ? 0 : b->step[i].off;
		len = i == 0 ? raw->len : b->step[i].len;
		if (off > raw->len || len > raw->len - off)
			return 0;
		if (len == 0)
			return 1;	/* nothing is in nothing */
		if (i + 1 == b->nstep)
			return mime_cte_decode(b->step[i].cte,
			    raw->data + off, len, out) == -1 ? -1 : 1;
		buf_init(&next, len);
		r = mime_cte_decode(b->step[i].cte, raw->data + off, len,
		    &next);
		buf_free(raw);
		*raw = next;
		if (r == -1)
			return -1;
	}
	return 1;
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
	if (e == STORE_FORBIDDEN || e == STORE_NOTFOUND)
		return 1;
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

	if ((e = jmap_share_begin(u->store, u->viewer, 1, &txn)) != STORE_OK)
		return e;
	if (!(store_view_any(txn) & STORE_MAY_WRITE)) {
		store_abort(txn);
		return STORE_FORBIDDEN;
	}
	if ((e = store_blob_upload(txn, p, n, hash)) != STORE_OK) {
		store_abort(txn);
		return e;
	}
	return store_commit(txn);
}
