/* SPDX-License-Identifier: ISC */
/*
 * Is the blob of each mail and object there, readable and counted, does
 * each blob that nobody refers to wait for its end, and are the segments'
 * sums right?
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/store/store_check.h"

struct sum {
	uint32_t	 seg;
	uint64_t	 live;
};

static struct buf	 sums;		/* of struct sum, while checking */
static uint64_t		 alive;		/* bytes of all records */
static uint64_t		 idle;		/* bytes that nothing refers to */

static int		 store_check_hash_cmp(const void *, const void *);
static enum store_err	 store_check_missing(struct store_checker *);
static uint32_t		 store_check_uses(const struct store_checker *,
			    const uint8_t *);
static int		 store_check_sum(uint32_t, uint64_t);
static enum store_err	 store_check_blob(struct store_checker *,
			    struct slice, struct slice);
static enum store_err	 store_check_wait(struct store_checker *,
			    const uint8_t *, const struct store_blob *);
static enum store_err	 store_check_content(struct store_checker *,
			    const uint8_t *, const struct store_blob *);
static enum store_err	 store_check_expiry(struct store_checker *,
			    struct slice, struct slice);
static uint64_t		 store_check_live(uint32_t);
static enum store_err	 store_check_segment(struct store_checker *,
			    struct slice, struct slice);

static int
store_check_hash_cmp(const void *a, const void *b)
{
	return memcmp(a, b, STORE_HASHLEN);
}

/* Blobs that mails or objects name and nobody has. */
static enum store_err
store_check_missing(struct store_checker *c)
{
	struct store_blob	 b;
	char			 id[STORE_IDLEN];
	enum store_err		 e;
	size_t			 i;

	for (i = 0; i < c->blobs.len; i += STORE_HASHLEN) {
		if (i > 0 && memcmp(c->blobs.data + i, c->blobs.data + i -
		    STORE_HASHLEN, STORE_HASHLEN) == 0)
			continue;
		e = store_blob_row(c->txn, c->blobs.data + i, &b);
		if (e == STORE_NOTFOUND) {
			store_id_blob(c->blobs.data + i, id);
			store_check_say(c, "blob %s: missing", id);
		} else if (e != STORE_OK)
			return e;
	}
	return STORE_OK;
}

/* How many mails and objects name the blob: the length of its run. */
static uint32_t
store_check_uses(const struct store_checker *c, const uint8_t *hash)
{
	const uint8_t	*v = c->blobs.data;
	size_t		 lo = 0, hi = c->blobs.len / STORE_HASHLEN, mid, end;

	end = hi;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (memcmp(v + mid * STORE_HASHLEN, hash, STORE_HASHLEN) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (hi = lo; hi < end && memcmp(v + hi * STORE_HASHLEN, hash,
	    STORE_HASHLEN) == 0; hi++)
		;
	return (uint32_t)(hi - lo);
}

static int
store_check_sum(uint32_t seg, uint64_t clen)
{
	struct sum	*s, one;
	size_t		 i;

	alive += clen;
	for (i = 0; i < sums.len; i += sizeof(*s)) {
		s = (struct sum *)(void *)(sums.data + i);
		if (s->seg == seg) {
			s->live += clen;
			return 0;
		}
	}
	memset(&one, 0, sizeof(one));
	one.seg = seg;
	one.live = clen;
	return buf_add(&sums, &one, sizeof(one));
}

static enum store_err
store_check_blob(struct store_checker *c, struct slice k, struct slice v)
{
	const uint8_t		*hash = (const uint8_t *)k.p + 1;
	struct store_blob	 b;
	char			 id[STORE_IDLEN];
	uint32_t		 uses;
	enum store_err		 e;

	if (k.n != 1 + STORE_HASHLEN || store_blob_decode(v, &b) == -1) {
		store_check_say(c, "blob: damaged row");
		return STORE_OK;
	}
	if (store_check_sum(b.seg, b.clen) == -1)
		return store_fail(c->txn);
	uses = store_check_uses(c, hash);
	if (b.refs != uses) {
		store_id_blob(hash, id);
		store_check_say(c, "blob %s: counted %u times, should be %u",
		    id, b.refs, uses);
		b.refs = uses;
		if (uses > 0)
			b.expiry = 0;
		if (c->repair && (e = store_blob_save(c->txn, hash, &b)) !=
		    STORE_OK)
			return e;
	}
	if ((e = store_check_wait(c, hash, &b)) != STORE_OK)
		return e;
	return store_check_content(c, hash, &b);
}

/* Nobody's blob waits in X; somebody's has no end. */
static enum store_err
store_check_wait(struct store_checker *c, const uint8_t *hash,
    const struct store_blob *b)
{
	struct store_key	 k;
	struct store_blob	 new = *b;
	struct slice		 v;
	char			 id[STORE_IDLEN];
	enum store_err		 e = STORE_OK;

	if (b->refs == 0) {
		store_key_expiry(&k, b->expiry, hash);
		e = b->expiry == 0 ? STORE_NOTFOUND : store_get(c->txn, &k, &v);
	}
	if (e != STORE_OK && e != STORE_NOTFOUND)
		return e;
	if (b->refs == 0 ? e == STORE_OK : b->expiry == 0)
		return STORE_OK;
	store_id_blob(hash, id);
	store_check_say(c, "blob %s: bad expiry", id);
	if (!c->repair)
		return STORE_OK;
	new.expiry = b->refs == 0 ? 1 : 0;
	if (new.expiry != 0) {
		store_key_expiry(&k, new.expiry, hash);
		if ((e = store_put(c->txn, &k, "", 0)) != STORE_OK)
			return e;
	}
	return store_blob_save(c->txn, hash, &new);
}

/* Read it all: the CRCs say whether it is whole. */
static enum store_err
store_check_content(struct store_checker *c, const uint8_t *hash,
    const struct store_blob *b)
{
	struct buf	 out;
	char		 id[STORE_IDLEN];
	enum store_err	 e;

	buf_init(&out, SIZE_MAX);
	e = store_seg_read(c->txn, hash, b->seg, b->off, b->clen, b->rlen, 0,
	    b->rlen, &out);
	buf_free(&out);
	if (e == STORE_OK)
		return STORE_OK;
	store_id_blob(hash, id);
	store_check_say(c, "blob %s: unreadable (%s)", id, store_strerror(e));
	return STORE_OK;
}

static enum store_err
store_check_expiry(struct store_checker *c, struct slice k, struct slice v)
{
	const uint8_t		*p = k.p;
	struct store_blob	 b;
	struct store_key	 key;
	enum store_err		 e = STORE_NOTFOUND;

	(void)v;
	if (k.n == 9 + STORE_HASHLEN &&
	    (e = store_blob_row(c->txn, p + 9, &b)) == STORE_OK &&
	    b.expiry == store_get64(p + 1)) {
		idle += b.rlen;
		return STORE_OK;
	}
	if (e != STORE_OK && e != STORE_NOTFOUND)
		return e;
	store_check_say(c, "expiry row: stray");
	memcpy(key.b, p, key.n = k.n < sizeof(key.b) ? k.n : sizeof(key.b));
	return store_check_fix(c, &key, NULL, 0);
}

/* Bytes alive in a segment, as summed up. */
static uint64_t
store_check_live(uint32_t seg)
{
	const struct sum	*s;
	size_t			 i;

	for (i = 0; i < sums.len; i += sizeof(*s)) {
		s = (const struct sum *)(const void *)(sums.data + i);
		if (s->seg == seg)
			return s->live;
	}
	return 0;
}

static enum store_err
store_check_segment(struct store_checker *c, struct slice k, struct slice v)
{
	struct store_key	 key;
	uint8_t			 b[24] = { 0 };
	uint64_t		 live;

	memcpy(key.b, k.p, key.n = k.n < sizeof(key.b) ? k.n : sizeof(key.b));
	memcpy(b, v.p, v.n < sizeof(b) ? v.n : sizeof(b));
	live = k.n == 5 ? store_check_live(store_get32(key.b + 1)) : 0;
	if (store_get64(b + 8) == live)
		return STORE_OK;
	store_check_say(c, "segment %08x: %llu bytes alive should be %llu",
	    store_get32(key.b + 1), (unsigned long long)store_get64(b + 8),
	    (unsigned long long)live);
	store_put64(b + 8, live);
	return store_check_fix(c, &key, b, sizeof(b));
}

enum store_err
store_check_blobs(struct store_checker *c)
{
	enum store_err	 e;

	buf_init(&sums, SIZE_MAX);
	alive = idle = 0;
	if (c->blobs.len > 0)
		qsort(c->blobs.data, c->blobs.len / STORE_HASHLEN,
		    STORE_HASHLEN, store_check_hash_cmp);
	if ((e = store_check_missing(c)) == STORE_OK &&
	    (e = store_check_each(c, 'G', store_check_blob)) == STORE_OK &&
	    (e = store_check_each(c, 'X', store_check_expiry)) == STORE_OK)
		e = store_check_each(c, 'V', store_check_segment);
	if (e == STORE_OK) {
		store_check_hot(c, "blob bytes", HOT_BLOBBYTES, alive);
		store_check_hot(c, "upload bytes", HOT_IDLE, idle);
		store_check_hot(c, "bytes alive in the newest segment",
		    HOT_SEGLIVE, store_check_live((uint32_t)
		    c->txn->hot[HOT_SEG]));
	}
	buf_free(&sums);
	return e;
}
