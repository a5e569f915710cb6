/* SPDX-License-Identifier: ISC */
/*
 * One run of the search index (store_run.h): written in one go, read through
 * a mapping.  The file is
 *
 *	blocks	u32 CRC-32C of what follows, then entries, 4 KiB and more:
 *		u8 bytes shared with the term before, u8 n, n more bytes,
 *		varint length of the list, the list (store_post.c)
 *	index	for each block u64 offset, u32 length, u32 offset in names
 *	names	for each block u8 length and its first term
 *	foot	"JRUN", u32 version, u64 offset of the index, u32 blocks,
 *		u32 bytes of names, u64 lowest, u64 highest eid, u32 mails,
 *		u32 languages, u32 CRC-32C of index and names, u32 of the foot
 *
 * Nothing is believed that no CRC covers, and every length is checked, so a
 * damaged file makes an error and no more.
 */
#include "common/compat.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/crc32c.h"
#include "worker/store/store_int.h"

#define RUN_VERSION	1
#define FOOT		56
#define ENTRY		16
#define BLOCK		4096		/* where a block ends */
#define FLUSH		(256U << 10)	/* bytes written at once */

static int	 store_run_foot(struct store_run *);
static int	 store_run_load(struct store_cursor *, uint32_t);
static int	 store_run_step(struct store_cursor *);
static struct slice store_run_first(const struct store_run *, uint32_t);
static int	 store_run_cmp(struct slice, const void *, size_t);
static int	 store_run_block(struct store_runout *);
static int	 store_run_write(struct store_runout *);
static int	 store_run_end(struct store_runout *);

/* --- reading ------------------------------------------------------------- */

struct store_run *
store_run_open(const char *path, uint32_t id)
{
	struct store_run	*r;
	struct stat		 sb;
	void			*map;
	int			 fd, ok = 0;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->id = id;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1 ||
	    fstat(fd, &sb) == -1)
		goto done;
	errno = EPROTO;
	if (sb.st_size < FOOT)
		goto done;
	r->len = (size_t)sb.st_size;
	map = mmap(NULL, r->len, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		goto done;
	r->map = map;
	if (store_run_foot(r) == -1)
		goto done;
	r->checked = calloc(r->nblock / 8 + 1, 1);
	ok = r->checked != NULL;
done:
	if (fd != -1)
		close(fd);
	if (!ok) {
		store_run_close(r);
		r = NULL;
	}
	return r;
}

void
store_run_close(struct store_run *r)
{
	int	 save = errno;

	if (r->map != NULL)
		munmap((void *)(uintptr_t)r->map, r->len);
	free(r->checked);
	free(r);
	errno = save;
}

static int
store_run_foot(struct store_run *r)
{
	const uint8_t	*f = r->map + r->len - FOOT;
	uint64_t	 at = store_get64(f + 8), n;

	r->nblock = store_get32(f + 16);
	r->nnames = store_get32(f + 20);
	r->lo = store_get64(f + 24);
	r->hi = store_get64(f + 32);
	r->docs = store_get32(f + 40);
	r->langs = store_get32(f + 44);
	n = (uint64_t)r->nblock * ENTRY + r->nnames;
	errno = EPROTO;
	if (memcmp(f, "JRUN", 4) != 0 || store_get32(f + 4) > RUN_VERSION ||
	    store_get32(f + 52) != crc32c(0, f, 52) ||
	    n + FOOT > r->len || at != r->len - FOOT - n || r->hi < r->lo ||
	    store_get32(f + 48) != crc32c(0, r->map + at, (size_t)n))
		return -1;
	r->index = r->map + at;
	r->names = r->index + (size_t)r->nblock * ENTRY;
	return 0;
}

/* The first term of a block; empty if the index is wrong. */
static struct slice
store_run_first(const struct store_run *r, uint32_t block)
{
	uint32_t	 at = store_get32(r->index + (size_t)block * ENTRY +
			    12);

	if (at >= r->nnames || (uint32_t)r->names[at] + 1 > r->nnames - at)
		return SLICE(NULL, 0);
	return SLICE(r->names + at + 1, r->names[at]);
}

static int
store_run_cmp(struct slice a, const void *b, size_t n)
{
	int	 c = 0;

	if (a.n > 0 && n > 0)
		c = memcmp(a.p, b, a.n < n ? a.n : n);
	return c != 0 ? c : a.n < n ? -1 : a.n > n;
}

/* Stand before the first term of a block. */
static int
store_run_load(struct store_cursor *c, uint32_t block)
{
	struct store_run	*r = c->run;
	const uint8_t		*e = r->index + (size_t)block * ENTRY;
	uint64_t		 off = store_get64(e);
	uint32_t		 len = store_get32(e + 8);
	uint64_t		 end = (uint64_t)(r->index - r->map);

	errno = EPROTO;
	if (len < 4 || off > end || len > end - off)
		return -1;
	c->p = r->map + off + 4;
	c->end = c->p + len - 4;
	if (!(r->checked[block / 8] & 1 << block % 8)) {
		if (crc32c(0, c->p, len - 4) != store_get32(c->p - 4))
			return -1;
		r->checked[block / 8] |= (uint8_t)(1 << block % 8);
	}
	c->block = block;
	c->n = 0;
	return 0;
}

/* The next term of the block. */
static int
store_run_step(struct store_cursor *c)
{
	uint64_t	 len;
	size_t		 shared, n;

	errno = EPROTO;
	if (c->end - c->p < 2)
		return -1;
	shared = c->p[0];
	n = c->p[1];
	c->p += 2;
	if (shared > c->n || shared + n > sizeof(c->term) ||
	    (size_t)(c->end - c->p) < n)
		return -1;
	memcpy(c->term + shared, c->p, n);
	c->n = shared + n;
	c->p += n;
	if (store_post_getnum(&c->p, c->end, &len) == -1 ||
	    len > (size_t)(c->end - c->p))
		return -1;
	c->post = SLICE(c->p, (size_t)len);
	c->p += len;
	return 1;
}

int
store_run_next(struct store_cursor *c)
{
	if (c->p == c->end) {
		if (c->block + 1 >= c->run->nblock)
			return 0;
		if (store_run_load(c, c->block + 1) == -1)
			return -1;
	}
	return store_run_step(c);
}

int
store_run_seek(struct store_cursor *c, struct store_run *r, const void *term,
    size_t n)
{
	uint32_t	 lo = 0, hi = r->nblock, mid;
	int		 ret;

	c->run = r;
	if (r->nblock == 0)
		return 0;
	while (hi - lo > 1) {		/* the last whose first is <= */
		mid = lo + (hi - lo) / 2;
		if (store_run_cmp(store_run_first(r, mid), term, n) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	if (store_run_load(c, lo) == -1)
		return -1;
	while ((ret = store_run_next(c)) == 1 &&
	    store_run_cmp(SLICE(c->term, c->n), term, n) < 0)
		;
	return ret;
}

/* --- writing ------------------------------------------------------------- */

int
store_run_make(struct store_runout *o, const char *path, uint64_t lo)
{
	memset(o, 0, sizeof(*o));
	buf_init(&o->file, SIZE_MAX);
	buf_init(&o->block, UINT32_MAX);
	buf_init(&o->index, UINT32_MAX);
	buf_init(&o->names, UINT32_MAX);
	o->lo = o->hi = lo;
	o->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return o->fd == -1 ? -1 : 0;
}

void
store_run_drop(struct store_runout *o)
{
	if (o->fd != -1)
		close(o->fd);
	o->fd = -1;
	buf_free(&o->file);
	buf_free(&o->block);
	buf_free(&o->index);
	buf_free(&o->names);
}

/* Everything that waits in memory goes to the file. */
static int
store_run_write(struct store_runout *o)
{
	ssize_t	 n;

	if (buf_bad(&o->file)) {
		errno = ENOMEM;
		return -1;
	}
	while (buf_left(&o->file) > 0) {
		n = write(o->fd, buf_peek(&o->file), buf_left(&o->file));
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0)
			buf_skip(&o->file, (size_t)n);
	}
	buf_reset(&o->file);
	return 0;
}

/* The block is complete. */
static int
store_run_block(struct store_runout *o)
{
	size_t	 n = o->block.len + 4;

	if (o->block.len == 0)
		return 0;
	buf_be64(&o->index, o->off);
	buf_be32(&o->index, (uint32_t)n);
	buf_be32(&o->index, (uint32_t)o->names.len);
	/* its first term: shared with none */
	buf_add(&o->names, o->block.data + 1, 1 + (size_t)o->block.data[1]);
	buf_be32(&o->file, crc32c(0, o->block.data, o->block.len));
	buf_add(&o->file, o->block.data, o->block.len);
	if (buf_bad(&o->block) || buf_bad(&o->index) || buf_bad(&o->names)) {
		errno = ENOMEM;
		return -1;
	}
	buf_reset(&o->block);
	o->off += n;
	o->nblock++;
	o->nlast = 0;
	return o->file.len < FLUSH ? 0 : store_run_write(o);
}

int
store_run_put(struct store_runout *o, const void *term, size_t n,
    struct slice post)
{
	const uint8_t	*t = term;
	size_t		 shared = 0;

	if (o->block.len >= BLOCK && store_run_block(o) == -1)
		return -1;
	while (shared < n && shared < o->nlast && t[shared] == o->last[shared])
		shared++;
	buf_addc(&o->block, (int)shared);
	buf_addc(&o->block, (int)(n - shared));
	buf_add(&o->block, t + shared, n - shared);
	store_post_num(&o->block, post.n);
	buf_add(&o->block, post.p, post.n);
	memcpy(o->last, t, n);
	o->nlast = n;
	return 0;
}

/* Index, names and foot. */
static int
store_run_end(struct store_runout *o)
{
	uint32_t	 crc, nnames;
	size_t		 at;

	if (store_run_block(o) == -1 || store_run_write(o) == -1)
		return -1;
	nnames = (uint32_t)o->names.len;
	buf_add(&o->index, o->names.data, nnames);
	crc = crc32c(0, o->index.data, o->index.len);
	buf_add(&o->file, o->index.data, o->index.len);
	at = o->file.len;
	buf_add(&o->file, "JRUN", 4);
	buf_be32(&o->file, RUN_VERSION);
	buf_be64(&o->file, o->off);
	buf_be32(&o->file, o->nblock);
	buf_be32(&o->file, nnames);
	buf_be64(&o->file, o->lo);
	buf_be64(&o->file, o->hi);
	buf_be32(&o->file, o->docs);
	buf_be32(&o->file, o->langs);
	buf_be32(&o->file, crc);
	if (buf_bad(&o->file) || buf_bad(&o->index)) {
		errno = ENOMEM;
		return -1;
	}
	buf_be32(&o->file, crc32c(0, o->file.data + at, FOOT - 4));
	o->off += o->file.len;
	return store_run_write(o);
}

int
store_run_done(struct store_runout *o, int sync, uint64_t *bytes)
{
	int	 ret = -1;

	if (store_run_end(o) == 0 && (!sync || fdatasync(o->fd) == 0))
		ret = 0;
	*bytes = o->off;
	store_run_drop(o);
	return ret;
}
