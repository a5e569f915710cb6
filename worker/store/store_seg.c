/* SPDX-License-Identifier: ISC */
/*
 * Segment files: append only, their blocks taken beforehand, so that a
 * flush need not write the inode.  Called by store_blob.c within the write
 * transaction that will refer to what is written; where to write next is in
 * the hot record, so what a crash left behind the last commit is ignored
 * and written over.  A record is
 *
 *	 0  "JBLB"
 *	 4  u8 version, u8 flags (0), u16 0
 *	 8  u64 length of the blob
 *	16  u64 length of what follows the head: table and pieces
 *	24  SHA-256 of the blob
 *	56  u32 CRC-32C of bytes 0 to 55 and of the table
 *	60  for each 256 KiB of the blob: u32 length of its piece, top bit set
 *	    if it lies there as it is, else zstd; u32 CRC-32C of the piece
 *	..  the pieces
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "common/log.h"
#include "common/crc32c.h"
#include "worker/store/store_int.h"

#define HEAD		60
#define CHUNK		((size_t)256 << 10)
#define RAW		0x80000000U
#define SEG_FIRST	((uint64_t)256 << 10)	/* the smallest segment */
#define READ_ALL	((uint64_t)1 << 20)	/* records read in one call */

static int		 store_seg_fd(struct store *, uint32_t, int create,
			    uint64_t size);
static uint64_t		 store_seg_size(struct store_txn *, uint64_t need);
static enum store_err	 store_seg_seal(struct store_txn *);
static enum store_err	 store_seg_place(struct store_txn *, uint64_t need,
			    int *fd);
static enum store_err	 store_seg_write(struct store_txn *, const uint8_t *,
			    size_t, uint32_t *, uint64_t *);
static size_t		 store_seg_pack(uint8_t *, size_t, const uint8_t *,
			    size_t, uint32_t *);
static uint8_t		*store_seg_record(const uint8_t *, const uint8_t *,
			    size_t, size_t *);
static int		 store_seg_pread(int, void *, size_t, uint64_t);
static int		 store_seg_head(const uint8_t *, size_t,
			    const uint8_t *, uint64_t);
static int		 store_seg_piece(const uint8_t *, uint32_t, uint32_t,
			    size_t, size_t, size_t, struct buf *);

static size_t
store_seg_chunks(uint64_t n)
{
	return (size_t)((n + CHUNK - 1) / CHUNK);
}

int
store_seg_path(const struct store *st, uint32_t seg, char *out, size_t n)
{
	int	 r = snprintf(out, n, "%s/blob/%08x.seg", st->path, seg);

	return r < 0 || (size_t)r >= n ? -1 : 0;
}

/* --- files --------------------------------------------------------------- */

/* A segment's descriptor, from the few kept open; -1. */
static int
store_seg_fd(struct store *st, uint32_t seg, int create, uint64_t size)
{
	struct store_segfd	*f;
	char			 path[STORE_PATHMAX + 32];
	int			 fd;

	for (f = st->fds; f < st->fds + STORE_FDS; f++)
		if (f->fd != -1 && f->seg == seg)
			return f->fd;
	if (store_seg_path(st, seg, path, sizeof(path)) == -1) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
	if (fd == -1)
		return -1;
	if (create && compat_prealloc(fd, (off_t)size) == -1) {
		close(fd);
		return -1;
	}
	f = &st->fds[st->nextfd++ % STORE_FDS];
	if (f->fd != -1)
		close(f->fd);
	f->fd = fd;
	f->seg = seg;
	return fd;
}

void
store_seg_close(struct store *st)
{
	size_t	 i;

	for (i = 0; i < STORE_FDS; i++) {
		if (st->fds[i].fd != -1)
			close(st->fds[i].fd);
		st->fds[i].fd = -1;
	}
}

/* As large as all blobs together: small accounts stay small. */
static uint64_t
store_seg_size(struct store_txn *txn, uint64_t need)
{
	uint64_t	 n = txn->hot[HOT_BLOBBYTES];

	if (n > store_config.segment)
		n = store_config.segment;
	if (n < SEG_FIRST)
		n = SEG_FIRST;
	return n < need ? need : n;
}

/* The newest is full: its numbers go to a row of their own. */
static enum store_err
store_seg_seal(struct store_txn *txn)
{
	struct store_key	 k;
	uint8_t			 b[24] = { 0 };

	store_put64(b, txn->hot[HOT_SEGUSED]);
	store_put64(b + 8, txn->hot[HOT_SEGLIVE]);
	txn->hot[HOT_SEGUSED] = txn->hot[HOT_SEGLIVE] = 0;
	store_key_u32(&k, 'V', (uint32_t)txn->hot[HOT_SEG]);
	return store_put(txn, &k, b, sizeof(b));
}

/* Where need bytes can be written: sets the hot record's place and *fd. */
static enum store_err
store_seg_place(struct store_txn *txn, uint64_t need, int *fd)
{
	struct store	*st = txn->st;
	struct stat	 sb;
	char		 path[STORE_PATHMAX + 32];
	uint32_t	 seg = (uint32_t)txn->hot[HOT_SEG];

	if (seg != 0) {
		if ((*fd = store_seg_fd(st, seg, 0, 0)) == -1 ||
		    fstat(*fd, &sb) == -1)
			return store_fail(txn);
		if (txn->hot[HOT_SEGOFF] + need <= (uint64_t)sb.st_size)
			return STORE_OK;
		if (store_seg_flush(txn) != STORE_OK ||
		    store_seg_seal(txn) != STORE_OK)
			return txn->dead;
	}
	snprintf(path, sizeof(path), "%s/blob", st->path);
	if (seg == 0 && store_mkdir(path) == -1)
		return store_fail(txn);
	*fd = store_seg_fd(st, seg + 1, 1, store_seg_size(txn, need));
	if (*fd == -1)
		return store_fail(txn);
	txn->hot[HOT_SEG] = seg + 1;
	txn->hot[HOT_SEGOFF] = 0;
	txn->dirdirty = 1;
	return STORE_OK;
}

static enum store_err
store_seg_write(struct store_txn *txn, const uint8_t *p, size_t n,
    uint32_t *seg, uint64_t *off)
{
	ssize_t	 w;
	int	 fd;
	size_t	 done;

	if (store_seg_place(txn, n, &fd) != STORE_OK)
		return txn->dead;
	*seg = (uint32_t)txn->hot[HOT_SEG];
	*off = txn->hot[HOT_SEGOFF];
	for (done = 0; done < n; done += (size_t)w) {
		w = pwrite(fd, p + done, n - done, (off_t)(*off + done));
		if (w == -1 && errno == EINTR)
			w = 0;
		else if (w == -1)
			return store_fail(txn);
	}
	txn->hot[HOT_SEGOFF] += n;
	txn->hot[HOT_BLOBBYTES] += n;
	txn->segdirty = *seg;
	txn->changed = 1;
	return store_seg_live(txn, *seg, (int64_t)n, (int64_t)n);
}

enum store_err
store_seg_flush(struct store_txn *txn)
{
	char	 path[STORE_PATHMAX + 8];
	int	 fd, r;

	if (txn->segdirty != 0 && store_config.sync != KV_OFF) {
		fd = store_seg_fd(txn->st, txn->segdirty, 0, 0);
		if (fd == -1 || fdatasync(fd) == -1)
			return store_fail(txn);
	}
	txn->segdirty = 0;
	if (txn->dirdirty && store_config.sync != KV_OFF) {
		snprintf(path, sizeof(path), "%s/blob", txn->st->path);
		if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
			return store_fail(txn);
		r = fsync(fd);
		close(fd);
		if (r == -1)
			return store_fail(txn);
	}
	txn->dirdirty = 0;
	return STORE_OK;
}

/* --- writing ------------------------------------------------------------- */

/* One piece into out (room for n); its length with the RAW bit. */
static size_t
store_seg_pack(uint8_t *out, size_t room, const uint8_t *p, size_t n,
    uint32_t *len)
{
	static ZSTD_CCtx	*cctx;
	size_t			 r = n;

	if (store_config.zstd > 0 && n >= 64 &&
	    (cctx != NULL || (cctx = ZSTD_createCCtx()) != NULL))
		r = ZSTD_compressCCtx(cctx, out, room, p, n,
		    store_config.zstd);
	if (r == n || ZSTD_isError(r) || r > n - n / 16) {
		memcpy(out, p, n);
		*len = (uint32_t)n | RAW;
		return n;
	}
	*len = (uint32_t)r;
	return r;
}

/* The whole record, in memory for the caller to free. */
static uint8_t *
store_seg_record(const uint8_t *hash, const uint8_t *p, size_t n, size_t *len)
{
	size_t		 i, part, nchunk = store_seg_chunks(n);
	size_t		 room = HEAD + 8 * nchunk + n + CHUNK / 16;
	uint8_t		*b, *t, *d;
	uint32_t	 piece;

	if (n > SIZE_MAX / 2 || (b = malloc(room)) == NULL)
		return NULL;
	memset(b, 0, HEAD);
	memcpy(b, "JBLB", 4);
	b[4] = STORE_ROWVER;
	store_put64(b + 8, n);
	memcpy(b + 24, hash, STORE_HASHLEN);
	t = b + HEAD;
	d = t + 8 * nchunk;
	for (i = 0; i < nchunk; i++, p += part, n -= part) {
		part = n < CHUNK ? n : CHUNK;
		*len = store_seg_pack(d, room - (size_t)(d - b), p, part,
		    &piece);
		t = store_put32(t, piece);
		t = store_put32(t, crc32c(0, d, *len));
		d += *len;
	}
	*len = (size_t)(d - b);
	store_put64(b + 16, *len - HEAD);
	store_put32(b + 56, crc32c(crc32c(0, b, 56), b + HEAD,
	    8 * nchunk));
	return b;
}

enum store_err
store_seg_append(struct store_txn *txn, const uint8_t *hash, const void *p,
    size_t n, uint32_t *seg, uint64_t *off, uint64_t *clen)
{
	enum store_err	 e;
	uint8_t		*b;
	size_t		 len;

	if ((b = store_seg_record(hash, p, n, &len)) == NULL) {
		errno = ENOMEM;
		return store_fail(txn);
	}
	*clen = len;
	e = store_seg_write(txn, b, len, seg, off);
	free(b);
	return e;
}

/* --- reading ------------------------------------------------------------- */

static int
store_seg_pread(int fd, void *p, size_t n, uint64_t off)
{
	uint8_t	*q = p;
	ssize_t	 r;

	while (n > 0) {
		r = pread(fd, q, n, (off_t)off);
		if (r == -1 && errno == EINTR)
			continue;
		if (r <= 0)
			return -1;
		q += r;
		n -= (size_t)r;
		off += (size_t)r;
	}
	return 0;
}

/* Is the head, with its table, that of the blob? */
static int
store_seg_head(const uint8_t *b, size_t nchunk, const uint8_t *hash,
    uint64_t rlen)
{
	return memcmp(b, "JBLB", 4) == 0 && b[4] <= STORE_ROWVER &&
	    store_get64(b + 8) == rlen &&
	    memcmp(b + 24, hash, STORE_HASHLEN) == 0 &&
	    store_get32(b + 56) == crc32c(crc32c(0, b, 56),
	    b + HEAD, 8 * nchunk) ? 0 : -1;
}

/* Append bytes from .. to of a piece that holds size; 0, -1 corrupt. */
static int
store_seg_piece(const uint8_t *p, uint32_t len, uint32_t crc, size_t size,
    size_t from, size_t to, struct buf *out)
{
	static ZSTD_DCtx	*dctx;
	static uint8_t		*scratch;
	uint8_t			*dst;
	size_t			 n = len & ~RAW;

	if (crc32c(0, p, n) != crc)
		return -1;
	if (len & RAW)
		return n == size ? buf_add(out, p + from, to - from) : -1;
	if (dctx == NULL && (dctx = ZSTD_createDCtx()) == NULL)
		return -1;
	if (from == 0 && to == size) {
		if ((dst = buf_reserve(out, size)) == NULL ||
		    ZSTD_decompressDCtx(dctx, dst, size, p, n) != size)
			return -1;
		buf_commit(out, size);
		return 0;
	}
	if (scratch == NULL && (scratch = malloc(CHUNK)) == NULL)
		return -1;
	if (ZSTD_decompressDCtx(dctx, scratch, CHUNK, p, n) != size)
		return -1;
	return buf_add(out, scratch + from, to - from);
}

/* Where a record is, for the functions below. */
struct record {
	int		 fd;
	uint64_t	 off, rlen;
	uint8_t		*b;		/* what was read of it */
	uint64_t	 have;		/* bytes of it in b */
	size_t		 nchunk;
};

/* One piece's bytes, from b or from the file (then into *own). */
static const uint8_t *
store_seg_bytes(const struct record *r, uint64_t at, size_t n, uint8_t **own)
{
	*own = NULL;
	if (at + n <= r->have)
		return r->b + at;
	if ((*own = malloc(n + 1)) == NULL ||
	    store_seg_pread(r->fd, *own, n, r->off + at) == -1)
		return NULL;
	return *own;
}

static int
store_seg_range(const struct record *r, uint64_t from, uint64_t to,
    struct buf *out)
{
	const uint8_t	*t = r->b + HEAD, *p;
	uint8_t		*own;
	uint64_t	 at = HEAD + 8 * (uint64_t)r->nchunk, base = 0, end;
	uint32_t	 len;
	size_t		 i;
	int		 ret = 0;

	for (i = 0; i < r->nchunk && base < to && ret == 0; i++) {
		end = base + CHUNK < r->rlen ? base + CHUNK : r->rlen;
		len = store_get32(t + 8 * i);
		if (end > from) {
			p = store_seg_bytes(r, at, len & ~RAW, &own);
			ret = p == NULL ? -1 : store_seg_piece(p, len,
			    store_get32(t + 8 * i + 4), (size_t)(end - base),
			    from > base ? (size_t)(from - base) : 0,
			    (size_t)((to < end ? to : end) - base), out);
			free(own);
		}
		at += len & ~RAW;
		base = end;
	}
	return ret;
}

/* Bytes from .. from + len (within rlen) of a blob. */
enum store_err
store_seg_read(struct store_txn *txn, const uint8_t *hash, uint32_t seg,
    uint64_t off, uint64_t clen, uint64_t rlen, uint64_t from, uint64_t len,
    struct buf *out)
{
	struct record	 r;
	enum store_err	 e = STORE_CORRUPT;

	memset(&r, 0, sizeof(r));
	if ((r.fd = store_seg_fd(txn->st, seg, 0, 0)) == -1)
		return errno == ENOENT ? STORE_CORRUPT : STORE_IO;
	r.off = off;
	r.rlen = rlen;
	r.nchunk = store_seg_chunks(rlen);
	/* a mail as a whole in one call; of a long one the table first */
	r.have = HEAD + 8 * (uint64_t)r.nchunk;
	if (clen < r.have)
		return STORE_CORRUPT;
	if (clen <= READ_ALL)
		r.have = clen;
	if ((r.b = malloc((size_t)r.have)) == NULL)
		return STORE_IO;
	if (store_seg_pread(r.fd, r.b, (size_t)r.have, off) == 0 &&
	    store_seg_head(r.b, r.nchunk, hash, rlen) == 0 &&
	    store_seg_range(&r, from, from + len, out) == 0)
		e = STORE_OK;
	free(r.b);
	if (e == STORE_CORRUPT && buf_bad(out))
		return STORE_TOOMANY;	/* the caller's buffer is too small */
	if (e == STORE_CORRUPT)
		log_warnx("account %s: bad blob in segment %08x at %llu",
		    txn->st->account, seg, (unsigned long long)off);
	return e;
}

/* The record as it is, once more, at the end of the newest segment. */
enum store_err
store_seg_copy(struct store_txn *txn, uint32_t seg, uint64_t off,
    uint64_t clen, uint32_t *nseg, uint64_t *noff)
{
	enum store_err	 e;
	uint8_t		*b;
	int		 fd;

	if ((fd = store_seg_fd(txn->st, seg, 0, 0)) == -1 ||
	    (b = malloc((size_t)clen)) == NULL)
		return store_fail(txn);
	if (store_seg_pread(fd, b, (size_t)clen, off) == -1)
		e = store_fail(txn);
	else
		e = store_seg_write(txn, b, (size_t)clen, nseg, noff);
	free(b);
	return e;
}

/* Bytes written and alive in a segment have grown or shrunk (V row). */
enum store_err
store_seg_live(struct store_txn *txn, uint32_t seg, int64_t used,
    int64_t live)
{
	struct store_key	 k;
	struct slice		 v;
	uint8_t			 b[24] = { 0 };
	enum store_err		 e;

	if (live < 0)
		txn->hot[HOT_BLOBBYTES] += (uint64_t)live;
	if (seg == txn->hot[HOT_SEG]) {
		txn->hot[HOT_SEGUSED] += (uint64_t)used;
		txn->hot[HOT_SEGLIVE] += (uint64_t)live;
		txn->changed = 1;
		return STORE_OK;
	}
	store_key_u32(&k, 'V', seg);
	if ((e = store_get(txn, &k, &v)) != STORE_OK && e != STORE_NOTFOUND)
		return e;
	if (e == STORE_OK && v.n == sizeof(b))
		memcpy(b, v.p, sizeof(b));
	store_put64(b, store_get64(b) + (uint64_t)used);
	store_put64(b + 8, store_get64(b + 8) + (uint64_t)live);
	return store_put(txn, &k, b, sizeof(b));
}
