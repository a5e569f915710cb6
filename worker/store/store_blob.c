/* SPDX-License-Identifier: ISC */
/*
 * Blobs: bytes known by their SHA-256, kept once an account.  G rows count
 * who refers to them; without anybody they wait in X to expire.  The bytes
 * are store_seg.c's.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "common/date.h"
#include "worker/store/store_int.h"

#define G_LEN		40
#define GRACE_MS	60000		/* readers of a dead segment end */
#define COMPACT_MAX	((uint64_t)16 << 20)	/* bytes copied a call */

/*
 * The row of the blob that was put last, not yet written: mostly a mail
 * refers to it at once, and so the row is written once and X not at all.
 */
struct store_fresh {
	int			 valid;
	uint8_t			 hash[STORE_HASHLEN];
	struct store_blob	 b;
};

static struct store_fresh *store_blob_fresh(const struct store_txn *,
			    const uint8_t *);
static enum store_err	 store_blob_later(struct store_txn *,
			    const uint8_t *, const struct store_blob *);
static enum store_err	 store_blob_idle(struct store_txn *, const uint8_t *,
			    struct store_blob *);
static enum store_err	 store_blob_busy(struct store_txn *, const uint8_t *,
			    struct store_blob *);
static void		 blob_idle_bytes(struct store_txn *, uint64_t, int);
static enum store_err	 blob_put(struct store_txn *, const void *, size_t,
			    uint8_t *, int);
static enum store_err	 store_blob_victim(struct store_txn *, uint32_t *,
			    uint64_t *);
static enum store_err	 store_blob_dead(struct store_txn *, uint32_t,
			    uint64_t);
static enum store_err	 store_blob_within(struct store_txn *, uint32_t,
			    struct buf *);
static enum store_err	 store_blob_move(struct store_txn *, uint32_t, int *);

/* --- rows ---------------------------------------------------------------- */

int
store_blob_decode(struct slice v, struct store_blob *b)
{
	const uint8_t	*p = v.p;

	if (v.n != G_LEN)
		return -1;
	b->seg = store_get32(p);
	b->refs = store_get32(p + 4);
	b->off = store_get64(p + 8);
	b->rlen = store_get64(p + 16);
	b->clen = store_get64(p + 24);
	b->expiry = store_get64(p + 32);
	return 0;
}

enum store_err
store_blob_row(struct store_txn *txn, const uint8_t *hash,
    struct store_blob *b)
{
	struct store_key	 k;
	struct slice		 v;
	struct store_fresh	*f;
	enum store_err		 e;

	if ((f = store_blob_fresh(txn, hash)) != NULL) {
		*b = f->b;
		return STORE_OK;
	}
	store_key_blob(&k, 'G', hash);
	if ((e = store_get(txn, &k, &v)) != STORE_OK)
		return e;
	return store_blob_decode(v, b) == 0 ? STORE_OK :
	    store_broken(txn, "blob row");
}

enum store_err
store_blob_save(struct store_txn *txn, const uint8_t *hash,
    const struct store_blob *b)
{
	struct store_key	 k;
	uint8_t			 out[G_LEN];
	struct store_fresh	*f;

	if ((f = store_blob_fresh(txn, hash)) != NULL)
		f->valid = 0;
	store_put32(out, b->seg);
	store_put32(out + 4, b->refs);
	store_put64(out + 8, b->off);
	store_put64(out + 16, b->rlen);
	store_put64(out + 24, b->clen);
	store_put64(out + 32, b->expiry);
	store_key_blob(&k, 'G', hash);
	return store_put(txn, &k, out, sizeof(out));
}

enum store_err
store_blob_mails(struct store_txn *txn, const uint8_t hash[STORE_HASHLEN],
    struct store_ids *eids)
{
	struct store_blob	 b;
	struct store_key	 all;
	struct kv_range		 r;
	struct slice		 k, v;
	enum store_err		 e;

	if ((e = store_blob_row(txn, hash, &b)) != STORE_OK || b.refs == 0)
		return e;
	store_key_space(&all, 'E');
	if ((e = store_walk(txn, &r, &all, 1)) != STORE_OK)
		return e == STORE_NOTFOUND ? STORE_OK : e;
	while (b.refs > 0 && (e = store_next(txn, &r, &k, &v)) == STORE_OK) {
		if (k.n != 9 || !store_row_of(v, hash))
			continue;
		b.refs--;
		if (store_ids_add(eids,
		    store_get64((const uint8_t *)k.p + 1)) == -1)
			e = store_fail(txn);
		if (e != STORE_OK)
			break;
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

/* --- the last one put ---------------------------------------------------- */

static struct store_fresh *
store_blob_fresh(const struct store_txn *txn, const uint8_t *hash)
{
	struct store_fresh	*f = txn->fresh;

	return f != NULL && f->valid && memcmp(f->hash, hash,
	    STORE_HASHLEN) == 0 ? f : NULL;
}

static enum store_err
store_blob_later(struct store_txn *txn, const uint8_t *hash,
    const struct store_blob *b)
{
	enum store_err	 e;

	if ((e = store_blob_flush(txn)) != STORE_OK)
		return e;
	if (txn->fresh == NULL &&
	    (txn->fresh = calloc(1, sizeof(*txn->fresh))) == NULL)
		return store_fail(txn);
	memcpy(txn->fresh->hash, hash, STORE_HASHLEN);
	txn->fresh->b = *b;
	txn->fresh->valid = 1;
	return STORE_OK;
}

enum store_err
store_blob_flush(struct store_txn *txn)
{
	struct store_fresh	*f = txn->fresh;

	if (f == NULL || !f->valid)
		return STORE_OK;
	f->valid = 0;
	return store_blob_idle(txn, f->hash, &f->b);
}

/* Nobody refers to it: live until upload_ms from now. */
static enum store_err
store_blob_idle(struct store_txn *txn, const uint8_t *hash,
    struct store_blob *b)
{
	struct store_key	 k;
	enum store_err		 e;

	if (b->expiry != 0) {
		store_key_expiry(&k, b->expiry, hash);
		if ((e = store_del(txn, &k)) != STORE_OK)
			return e;
	} else
		blob_idle_bytes(txn, b->rlen, 1);
	b->expiry = (uint64_t)(date_now() + store_config.upload_ms);
	store_key_expiry(&k, b->expiry, hash);
	if ((e = store_put(txn, &k, "", 0)) != STORE_OK)
		return e;
	return store_blob_save(txn, hash, b);
}

static enum store_err
store_blob_busy(struct store_txn *txn, const uint8_t *hash,
    struct store_blob *b)
{
	struct store_key	 k;
	enum store_err		 e;

	if (b->expiry != 0 && store_blob_fresh(txn, hash) == NULL) {
		store_key_expiry(&k, b->expiry, hash);
		if ((e = store_del(txn, &k)) != STORE_OK)
			return e;
		blob_idle_bytes(txn, b->rlen, -1);
	}
	b->expiry = 0;
	return store_blob_save(txn, hash, b);
}

/* Never below nothing, whatever a damaged row says. */
static void
blob_idle_bytes(struct store_txn *txn, uint64_t n, int sign)
{
	uint64_t	*all = &txn->hot[HOT_IDLE];

	if (sign > 0)
		*all += n;
	else
		*all -= n < *all ? n : *all;
}

/* --- use ----------------------------------------------------------------- */

enum store_err
store_blob_put(struct store_txn *txn, const void *p, size_t n,
    uint8_t hash[STORE_HASHLEN])
{
	return blob_put(txn, p, n, hash, 0);
}

enum store_err
store_blob_upload(struct store_txn *txn, const void *p, size_t n,
    uint8_t hash[STORE_HASHLEN])
{
	return blob_put(txn, p, n, hash, store_config.upload_max != 0);
}

static enum store_err
blob_put(struct store_txn *txn, const void *p, size_t n, uint8_t *hash,
    int bounded)
{
	struct store_blob	 b;
	enum store_err		 e, room;

	if (txn->dead != STORE_OK)
		return txn->dead;
	SHA256(n > 0 ? p : "", n, hash);
	e = store_blob_row(txn, hash, &b);
	if (e != STORE_OK && e != STORE_NOTFOUND)
		return e;
	if (e == STORE_NOTFOUND && bounded &&
	    (room = store_room(txn, n)) != STORE_OK)
		return room;
	if (store_view_put(txn, hash, e == STORE_NOTFOUND) != STORE_OK)
		return txn->dead;
	if (e == STORE_OK)
		return b.refs > 0 ? STORE_OK : store_blob_idle(txn, hash, &b);
	memset(&b, 0, sizeof(b));
	b.rlen = n;
	if ((e = store_seg_append(txn, hash, p, n, &b.seg, &b.off, &b.clen)) !=
	    STORE_OK)
		return e;
	return store_blob_later(txn, hash, &b);
}

enum store_err
store_blob_ref(struct store_txn *txn, const uint8_t hash[STORE_HASHLEN],
    int delta)
{
	struct store_blob	 b;
	enum store_err		 e;

	if (txn->dead != STORE_OK)
		return txn->dead;
	if ((e = store_blob_row(txn, hash, &b)) != STORE_OK)
		return e;
	if (delta < 0 && b.refs == 0)
		return store_broken(txn, "blob count");
	b.refs += (uint32_t)(delta < 0 ? -1 : 1);
	if (b.refs > 0)
		return store_blob_busy(txn, hash, &b);
	if ((e = store_view_shown(txn, hash)) != STORE_OK)
		return e;
	return store_blob_idle(txn, hash, &b);
}

enum store_err
store_blob_size(struct store_txn *txn, const uint8_t hash[STORE_HASHLEN],
    uint64_t *size)
{
	struct store_blob	 b;
	enum store_err		 e;

	if ((e = store_blob_row(txn, hash, &b)) == STORE_OK)
		*size = b.rlen;
	return e;
}

enum store_err
store_blob_get(struct store_txn *txn, const uint8_t hash[STORE_HASHLEN],
    uint64_t off, uint64_t len, struct buf *out)
{
	struct store_blob	 b;
	enum store_err		 e;

	if ((e = store_blob_row(txn, hash, &b)) != STORE_OK)
		return e;
	if (off >= b.rlen)
		return STORE_OK;
	if (len > b.rlen - off)
		len = b.rlen - off;
	return store_seg_read(txn, hash, b.seg, b.off, b.clen, b.rlen, off,
	    len, out);
}

/* --- housekeeping -------------------------------------------------------- */

enum store_err
store_blob_drop(struct store_txn *txn, const uint8_t *hash)
{
	struct store_blob	 b;
	struct store_key	 k;
	enum store_err		 e;

	e = store_blob_row(txn, hash, &b);
	if (e != STORE_OK || b.refs > 0)	/* store_check's affair */
		return e == STORE_NOTFOUND ? STORE_OK : e;
	store_key_blob(&k, 'Y', hash);
	if (kv_del_prefix(txn->kv, k.b, k.n) == -1)
		return store_fail(txn);
	store_key_blob(&k, 'G', hash);
	if ((e = store_del(txn, &k)) != STORE_OK)
		return e;
	blob_idle_bytes(txn, b.rlen, -1);
	return store_seg_live(txn, b.seg, 0, -(int64_t)b.clen);
}

enum store_err
store_blob_expire(struct store_txn *txn, unsigned max, int *more)
{
	struct store_key	 k, all;
	struct kv_range		 r;
	struct slice		 key, v;
	uint64_t		 now = (uint64_t)date_now();
	enum store_err		 e;

	*more = 0;
	store_key_space(&all, 'X');
	if ((e = store_walk(txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &key, &v)) == STORE_OK) {
		if (key.n != 9 + STORE_HASHLEN) {
			e = store_broken(txn, "expiry row");
			break;
		}
		memcpy(k.b, key.p, k.n = key.n);
		if (store_get64(k.b + 1) > now)
			break;
		if (max-- == 0) {
			*more = 1;
			break;
		}
		if ((e = store_blob_drop(txn, k.b + 9)) != STORE_OK ||
		    (e = store_del(txn, &k)) != STORE_OK)
			break;
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

/* A full segment with less than half alive; *seg 0: there is none. */
static enum store_err
store_blob_victim(struct store_txn *txn, uint32_t *seg, uint64_t *live)
{
	struct store_key	 k;
	struct kv_range		 r;
	struct slice		 key, v;
	const uint8_t		*p;
	uint64_t		 now = (uint64_t)date_now();
	uint32_t		 s;
	enum store_err		 e;

	*seg = 0;
	store_key_space(&k, 'V');
	if ((e = store_walk(txn, &r, &k, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &key, &v)) == STORE_OK) {
		p = v.p;
		s = store_get32((const uint8_t *)key.p + 1);
		if (key.n != 5 || v.n != 24) {
			e = store_broken(txn, "segment row");
			break;
		}
		if (s == txn->hot[HOT_SEG] ||
		    store_get64(p + 8) * 2 >= store_get64(p))
			continue;
		if (store_get64(p + 16) != 0 &&
		    now < store_get64(p + 16) + GRACE_MS)
			continue;
		*seg = s;
		*live = store_get64(p + 8);
		break;
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

/*
 * Nothing in it is alive.  Snapshots begun before may still look there, so
 * it is first marked, and removed at a visit after the grace.
 */
static enum store_err
store_blob_dead(struct store_txn *txn, uint32_t seg, uint64_t since)
{
	struct store_key	 k;
	uint8_t			 b[24] = { 0 };
	char			 path[STORE_PATHMAX + 32];
	struct slice		 v;
	enum store_err		 e;

	store_key_u32(&k, 'V', seg);
	if (since == 0) {
		if ((e = store_get(txn, &k, &v)) != STORE_OK)
			return e;
		memcpy(b, v.p, v.n < sizeof(b) ? v.n : sizeof(b));
		store_put64(b + 16, (uint64_t)date_now());
		return store_put(txn, &k, b, sizeof(b));
	}
	if (store_seg_path(txn->st, seg, path, sizeof(path)) == -1 ||
	    (unlink(path) == -1 && errno != ENOENT))
		return store_fail(txn);
	return store_del(txn, &k);
}

/* Hashes of the blobs in a segment, one after the other. */
static enum store_err
store_blob_within(struct store_txn *txn, uint32_t seg, struct buf *out)
{
	struct store_blob	 b;
	struct store_key	 k;
	struct kv_range		 r;
	struct slice		 key, v;
	enum store_err		 e;

	store_key_space(&k, 'G');
	if ((e = store_walk(txn, &r, &k, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &key, &v)) == STORE_OK) {
		if (store_blob_decode(v, &b) == -1 ||
		    key.n != 1 + STORE_HASHLEN) {
			e = store_broken(txn, "blob row");
			break;
		}
		if (b.seg == seg && buf_add(out, (const uint8_t *)key.p + 1,
		    STORE_HASHLEN) == -1) {
			e = store_fail(txn);
			break;
		}
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

/* Copy what is alive to the newest segment. */
static enum store_err
store_blob_move(struct store_txn *txn, uint32_t seg, int *more)
{
	struct store_blob	 b;
	struct buf		 list;
	uint64_t		 copied = 0;
	enum store_err		 e;
	size_t			 i;

	buf_init(&list, SIZE_MAX);
	e = store_blob_within(txn, seg, &list);
	for (i = 0; i < list.len && e == STORE_OK; i += STORE_HASHLEN) {
		if (copied > COMPACT_MAX) {
			*more = 1;
			break;
		}
		if ((e = store_blob_row(txn, list.data + i, &b)) != STORE_OK ||
		    (e = store_seg_copy(txn, b.seg, b.off, b.clen, &b.seg,
		    &b.off)) != STORE_OK ||
		    (e = store_seg_live(txn, seg, 0, -(int64_t)b.clen)) !=
		    STORE_OK)
			break;
		copied += b.clen;
		e = store_blob_save(txn, list.data + i, &b);
	}
	buf_free(&list);
	return e;
}

enum store_err
store_blob_compact(struct store_txn *txn, int *more)
{
	struct store_key	 k;
	struct slice		 v;
	uint64_t		 live, since;
	uint32_t		 seg;
	enum store_err		 e;

	*more = 0;
	if ((e = store_blob_victim(txn, &seg, &live)) != STORE_OK || seg == 0)
		return e;
	*more = 1;
	if (live > 0)
		return store_blob_move(txn, seg, more);
	store_key_u32(&k, 'V', seg);
	if ((e = store_get(txn, &k, &v)) != STORE_OK)
		return e;
	since = store_get64((const uint8_t *)v.p + 16);
	return store_blob_dead(txn, seg, since);
}
