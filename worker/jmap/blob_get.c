/* SPDX-License-Identifier: ISC */
/*
 * Blob/get (RFC 9404 4.2): bytes, sizes and digests inside of an answer.  A
 * Foo/get by jmap_get.c without a state, whose rows are written here.  Only
 * what the range touches is read of a blob that is kept as such.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/enc.h"
#include "common/utf8.h"
#include "worker/jmap/blob.h"
#include "worker/jmap/jmap_blob.h"
#include "worker/jmap/jmap_int.h"

/* The arguments beside ids and properties; g->arg. */
struct blob_range {
	uint64_t	 off;
	uint64_t	 len;		/* UINT64_MAX: to the end */
	int		 whole;		/* no length was given */
};

/* Bits of g->want: the table's order. */
enum { P_DATA, P_BASE64, P_TEXT, P_MD5, P_SHA, P_SHA256, P_SHA512, P_ID,
    P_SIZE };
#define P(x)		(UINT64_C(1) << (x))
#define P_DIGESTS	(P(P_MD5) | P(P_SHA) | P(P_SHA256) | P(P_SHA512))
#define P_BYTES		(P(P_DATA) | P(P_BASE64) | P(P_TEXT) | P_DIGESTS)

static const struct jmap_error	*blob_args(struct jmap_get *, struct js_rd *);
static int	blob_row(struct jmap_get *, const char *);
static int	blob_cut(struct jmap_call *, const char *,
		    const struct blob_range *, uint64_t, struct buf *,
		    uint64_t *);
static void	blob_put(struct jmap_get *, const char *, const struct buf *,
		    uint64_t);
static int	blob_put_data(struct jmap_get *, const struct buf *);
static void	blob_put_base64(struct buf *, const struct buf *);
static void	blob_put_digest(struct buf *, const char *,
		    const struct buf *);

static const struct jmap_prop	props[] = {
	[P_DATA]	= { "data", 0, NULL, NULL },
	[P_BASE64]	= { "data:asBase64", JP_NOTDEF, NULL, NULL },
	[P_TEXT]	= { "data:asText", JP_NOTDEF, NULL, NULL },
	[P_MD5]		= { "digest:md5", JP_NOTDEF, NULL, NULL },
	[P_SHA]		= { "digest:sha", JP_NOTDEF, NULL, NULL },
	[P_SHA256]	= { "digest:sha-256", JP_NOTDEF, NULL, NULL },
	[P_SHA512]	= { "digest:sha-512", JP_NOTDEF, NULL, NULL },
	[P_ID]		= { "id", 0, NULL, NULL },
	[P_SIZE]	= { "size", 0, NULL, NULL },
};

const struct jmap_type	blob_type = {
	.name		= "Blob",
	.kind		= STORE_TYPES,		/* has no state */
	.props		= props,
	.nprops		= nitems(props),
	.args		= blob_args,
	.row		= blob_row,
};

/* What blob_get_digests says, the better ones first. */
static const struct {
	const char	*name;		/* as in the property */
	const char	*md;		/* as OpenSSL calls it */
	int		 at;
} digests[] = {
	{ "sha-256", "SHA256", P_SHA256 },
	{ "sha-512", "SHA512", P_SHA512 },
	{ "sha", "SHA1", P_SHA },
	{ "md5", "MD5", P_MD5 },
};

void
blob_get_digests(struct buf *b)
{
	size_t	 i;

	js_out_arr(b);
	for (i = 0; i < nitems(digests); i++)
		js_out_s(b, digests[i].name);
	js_out_end(b, ']');
}

static const struct jmap_error *
blob_args(struct jmap_get *g, struct js_rd *rd)
{
	struct blob_range	*r;

	if ((r = arena_get(&g->c->req->arena, sizeof(*r))) == NULL)
		return jmap_api_lost(g->c);
	r->off = 0;
	r->len = UINT64_MAX;
	js_rd_uint_null(rd, "offset", &r->off);
	js_rd_uint_null(rd, "length", &r->len);
	r->whole = r->len == UINT64_MAX;
	g->arg = r;
	return NULL;
}

static int
blob_row(struct jmap_get *g, const char *id)
{
	struct buf	 bytes;
	uint64_t	 size;
	int		 got;

	if (jmap_api_spent(g->c->req))
		return -1;	/* "too large", see get_list */
	buf_init(&bytes, g->c->req->env->limits->max_size_upload);
	got = blob_cut(g->c, id, g->arg, g->want, &bytes, &size);
	if (got == 1)
		blob_put(g, id, &bytes, size);
	buf_free(&bytes);
	return got;
}

/* The bytes of the range, if any are wanted, and the size of all.  1, 0
 * there is no such blob, -1. */
static int
blob_cut(struct jmap_call *c, const char *id, const struct blob_range *r,
    uint64_t want, struct buf *out, uint64_t *size)
{
	struct jmap_blob	 b;
	size_t			 n;
	int			 got;

	if (jmap_blob_parse(id, &b) == -1)
		return 0;
	if (b.nstep == 0) {
		if ((got = jmap_blob_size(c, &b, size)) != 1)
			return got;
		if ((want & P_BYTES) == 0 || r->off >= *size || r->len == 0)
			return 1;
		return jmap_api_store(c, store_blob_get(c->txn, b.hash,
		    r->off, r->len, out));
	}
	if ((got = jmap_blob_get(c, id, out)) != 1)
		return got;
	*size = out->len;
	n = r->off < out->len ? (size_t)r->off : out->len;
	buf_skip(out, n);
	buf_compact(out);
	if (r->len < out->len)
		out->len = (size_t)r->len;
	return 1;
}

static void
blob_put(struct jmap_get *g, const char *id, const struct buf *bytes,
    uint64_t size)
{
	const struct blob_range	*r = g->arg;
	struct buf		*b = g->c->out;
	size_t			 i;
	int			 past;

	js_out_obj(b);
	js_out_key(b, "id");
	js_out_s(b, id);
	if (blob_put_data(g, bytes) == -1) {
		js_out_key(b, "isEncodingProblem");
		js_out_bool(b, 1);
	}
	for (i = 0; i < nitems(digests); i++)
		if (g->want & P(digests[i].at)) {
			js_out_key(b, props[digests[i].at].name);
			blob_put_digest(b, digests[i].md, bytes);
		}
	/* 4.2: "the offset+length is larger than the blob" */
	past = r->off > size || (!r->whole && r->len > size - r->off);
	if (past) {
		js_out_key(b, "isTruncated");
		js_out_bool(b, 1);
	}
	if (g->want & P(P_SIZE)) {
		js_out_key(b, "size");
		js_out_uint(b, size);
	}
	js_out_end(b, '}');
}

/* 4.2: "data" is text where it can be.  -1: text was wanted, and is none. */
static int
blob_put_data(struct jmap_get *g, const struct buf *bytes)
{
	struct buf	*b = g->c->out;
	uint64_t	 want = g->want & (P(P_DATA) | P(P_TEXT));
	/* what JSON cannot carry is no text (RFC 7493 2.1) */
	int		 text = utf8_plain(bytes->data, bytes->len);

	if (want != 0 && text) {
		js_out_key(b, "data:asText");
		js_out_str(b, bytes->data, bytes->len);
	} else if (want & P(P_TEXT)) {
		js_out_key(b, "data:asText");
		js_out_null(b);
	}
	if (g->want & P(P_BASE64) || (g->want & P(P_DATA) && !text)) {
		js_out_key(b, "data:asBase64");
		blob_put_base64(b, bytes);
	}
	return want != 0 && !text ? -1 : 0;
}

static void
blob_put_base64(struct buf *b, const struct buf *bytes)
{
	uint8_t	*to;

	js_out_raw(b, "\"", 1);
	to = buf_reserve(b, ENC_B64_LEN(bytes->len) + 1);
	if (to != NULL)
		buf_commit(b, enc_b64(bytes->data, bytes->len, (char *)to));
	buf_add(b, "\"", 1);
}

static void
blob_put_digest(struct buf *b, const char *md, const struct buf *bytes)
{
	uint8_t		 hash[EVP_MAX_MD_SIZE];
	char		 text[ENC_B64_LEN(EVP_MAX_MD_SIZE) + 1];
	const EVP_MD	*algorithm = EVP_get_digestbyname(md);
	unsigned int	 n = 0;

	if (algorithm == NULL || EVP_Digest(bytes->data, bytes->len, hash, &n,
	    algorithm, NULL) != 1) {
		js_out_null(b);
		return;
	}
	js_out_str(b, text, enc_b64(hash, n, text));
}
