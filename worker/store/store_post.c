/* SPDX-License-Identifier: ISC */
/*
 * Posting blocks: for each term the mails that have it, in an environment of
 * their own that can be thrown away and made again.  Adding what is there
 * already changes nothing, so a merge that a crash cut short is repeated.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/store/store_int.h"

#define BLOCK_MAX	1900	/* bytes of a value that stays in its page */
#define BLOCK_FULL	1600	/* where an append starts a new block */
#define POST_MAX	11	/* bytes of a posting at most */
#define TERM_KEYMAX	(255 + 9)

struct posts {
	struct store_post	*v;
	size_t			 n, cap;
};

static size_t	 store_post_key(uint8_t *, const uint8_t *, size_t, uint64_t);
static int	 store_post_add(struct posts *, uint64_t, uint8_t);
static int	 store_post_decode(struct slice, struct slice, struct posts *);
static int	 store_post_write(struct kv_txn *, const uint8_t *, size_t,
		    const struct posts *);
static int	 store_post_block(struct kv_txn *, const uint8_t *, size_t,
		    uint64_t, struct posts *, uint64_t *next);
static int	 store_post_union(struct posts *, const struct store_post *,
		    size_t, uint64_t, size_t *);

int
store_post_open(struct store *st)
{
	char		 path[STORE_PATHMAX + 8];
	struct kv_txn	*txn;
	struct slice	 v;
	uint8_t		 ver = STORE_ROWVER;
	int		 r;

	if (st->search != NULL)
		return 0;
	snprintf(path, sizeof(path), "%s/search", st->path);
	if (store_mkdir(path) == -1)
		return -1;
	st->search = kv_open(path, store_config.nolock ? KV_NOLOCK : 0,
	    store_config.sync);
	if (st->search == NULL || kv_begin(st->search, 0, &txn) == -1)
		return -1;
	r = kv_get(txn, "", 1, &v);
	if (r == 1 && (v.n != 1 || *(const uint8_t *)v.p > ver)) {
		errno = EPROTO;		/* a newer program's */
		r = -1;
	}
	kv_abort(txn);
	if (r == 0 && (r = kv_begin(st->search, 1, &txn)) == 0) {
		if (kv_put(txn, "", 1, &ver, 1) == -1) {
			kv_abort(txn);
			r = -1;
		} else
			r = kv_commit(txn);
	}
	if (r == -1) {
		kv_close(st->search);
		st->search = NULL;
		return -1;
	}
	return 0;
}

/* term 0x00 eid */
static size_t
store_post_key(uint8_t *k, const uint8_t *term, size_t n, uint64_t eid)
{
	memcpy(k, term, n);
	k[n] = 0;
	store_put64(k + n + 1, eid);
	return n + 9;
}

static int
store_post_add(struct posts *p, uint64_t eid, uint8_t in)
{
	struct store_post	*v;
	size_t			 cap;

	if (p->n == p->cap) {
		cap = p->cap == 0 ? 256 : p->cap * 2;
		if ((v = reallocarray(p->v, cap, sizeof(*v))) == NULL)
			return -1;
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n].eid = eid;
	p->v[p->n++].in = in;
	return 0;
}

/* Append a block's postings; -1 when it is not one (errno EPROTO). */
static int
store_post_decode(struct slice key, struct slice val, struct posts *out)
{
	const uint8_t	*p = val.p, *end = p + val.n;
	uint64_t	 eid, d;
	unsigned	 shift;
	uint8_t		 in;

	errno = EPROTO;
	if (key.n < 9 || val.n < 1 || *p++ > STORE_ROWVER)
		return -1;
	eid = store_get64((const uint8_t *)key.p + key.n - 8);
	while (p < end) {
		for (d = 0, shift = 0; p < end && shift < 63; shift += 7) {
			d |= (uint64_t)(*p & 0x7f) << shift;
			if ((*p++ & 0x80) == 0)
				break;
		}
		in = STORE_IN_BODY;
		if (d & 1) {
			if (p == end)
				return -1;
			in = *p++;
		}
		eid += d >> 1;
		if (store_post_add(out, eid, in) == -1)
			return -1;
	}
	return 0;
}

/* Write postings as blocks of a term. */
static int
store_post_write(struct kv_txn *txn, const uint8_t *term, size_t n,
    const struct posts *p)
{
	uint8_t		 key[TERM_KEYMAX], b[BLOCK_MAX];
	uint64_t	 base = 0, last = 0, d;
	size_t		 i, len = 0;

	for (i = 0; i < p->n; i++) {
		if (len > 0 && len + POST_MAX > BLOCK_FULL) {
			if (kv_put(txn, key, store_post_key(key, term, n,
			    base), b, len) == -1)
				return -1;
			len = 0;
		}
		if (len == 0) {
			b[len++] = STORE_ROWVER;
			base = last = p->v[i].eid;
		}
		d = (p->v[i].eid - last) << 1 |
		    (p->v[i].in != STORE_IN_BODY);
		last = p->v[i].eid;
		for (; d >= 0x80; d >>= 7)
			b[len++] = (uint8_t)(d | 0x80);
		b[len++] = (uint8_t)d;
		if (p->v[i].in != STORE_IN_BODY)
			b[len++] = p->v[i].in;
	}
	if (len == 0)
		return 0;
	return kv_put(txn, key, store_post_key(key, term, n, base), b, len);
}

/*
 * The block that a mail belongs to: its postings into *out, and *next the
 * first mail of the block after it.  The block itself is deleted.
 */
static int
store_post_block(struct kv_txn *txn, const uint8_t *term, size_t len,
    uint64_t eid, struct posts *out, uint64_t *next)
{
	uint8_t		 key[TERM_KEYMAX];
	struct slice	 k, v;
	size_t		 n;
	int		 r;

	out->n = 0;
	*next = UINT64_MAX;
	n = store_post_key(key, term, len, eid + 1);
	if ((r = kv_after(txn, key, n, &k, &v)) == -1)
		return -1;
	if (r == 1 && k.n == n && memcmp(k.p, key, n - 8) == 0)
		*next = store_get64((const uint8_t *)k.p + n - 8);
	if ((r = kv_before(txn, key, n, &k, &v)) == -1)
		return -1;
	if (r == 0 || k.n != n || memcmp(k.p, key, n - 8) != 0)
		return 0;
	if (store_post_decode(k, v, out) == -1)
		return -1;
	memcpy(key, k.p, n);
	return kv_del(txn, key, n) == -1 ? -1 : 0;
}

/* Merge mails of eid < next into a block's postings; *used of the n. */
static int
store_post_union(struct posts *p, const struct store_post *h, size_t n,
    uint64_t next, size_t *used)
{
	struct posts	 out;
	size_t		 i = 0, j = 0;
	int		 r = 0;

	memset(&out, 0, sizeof(out));
	while (r == 0 && (i < p->n || (j < n && h[j].eid < next))) {
		if (j == n || h[j].eid >= next ||
		    (i < p->n && p->v[i].eid < h[j].eid)) {
			r = store_post_add(&out, p->v[i].eid, p->v[i].in);
			i++;
		} else if (i < p->n && p->v[i].eid == h[j].eid) {
			p->v[i].in |= h[j++].in;
		} else {
			r = store_post_add(&out, h[j].eid, h[j].in);
			j++;
		}
	}
	free(p->v);
	*p = out;
	*used = j;
	return r;
}

int
store_post_merge(struct kv_txn *txn, const uint8_t *term, size_t len,
    const struct store_post *h, size_t n)
{
	struct posts	 p;
	uint64_t	 next;
	size_t		 used;
	int		 r = 0;

	memset(&p, 0, sizeof(p));
	while (n > 0 && r == 0) {
		if ((r = store_post_block(txn, term, len, h->eid, &p,
		    &next)) == 0 &&
		    (r = store_post_union(&p, h, n, next, &used)) == 0) {
			r = store_post_write(txn, term, len, &p);
			h += used;
			n -= used;
		}
	}
	free(p.v);
	return r;
}

/* Append the mails that have a term in one of the fields, sorted within. */
int
store_post_read(struct kv_txn *txn, const uint8_t *term, size_t n,
    int prefix, unsigned in, struct store_ids *out)
{
	struct kv_range	 r;
	struct posts	 p;
	struct slice	 k, v;
	uint8_t		 key[TERM_KEYMAX];
	size_t		 i;
	int		 ret;

	memset(&p, 0, sizeof(p));
	memcpy(key, term, n);
	key[n] = 0;
	if (kv_prefix(&r, txn, key, prefix ? n : n + 1, 0) == -1)
		return -1;
	while ((ret = kv_next(&r, &k, &v)) == 1) {
		p.n = 0;
		if ((ret = store_post_decode(k, v, &p)) == -1)
			break;
		for (i = 0; i < p.n && ret == 0; i++)
			if (p.v[i].in & in)
				ret = store_ids_add(out, p.v[i].eid);
		if (ret == -1)
			break;
	}
	kv_done(&r);
	free(p.v);
	return ret;
}
