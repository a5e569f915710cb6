/* SPDX-License-Identifier: ISC */
/*
 * Growable bytes with a hard maximum and a read cursor.
 *
 * Invariants: off <= len <= cap <= max; data is NULL iff cap is 0.
 * Unread bytes are data[off] .. data[len - 1].
 * A write that would pass max, or finds no memory, changes nothing, sets
 * "bad" for good and returns -1.  So a long composition may ignore each
 * result and ask buf_bad() once at its end.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include "common/compat.h"

struct buf {
	uint8_t	*data;
	size_t	 len;		/* bytes written */
	size_t	 off;		/* bytes read */
	size_t	 cap;		/* bytes allocated */
	size_t	 max;		/* bytes never exceeded */
	int	 bad;		/* a write was refused */
};

/* Empty, nothing allocated.  max is in bytes. */
void	buf_init(struct buf *, size_t max);
/* Give memory back; the buffer is empty and usable again, max kept. */
void	buf_free(struct buf *);
/* The same, wiping the bytes first: for secrets. */
void	buf_freezero(struct buf *);
/* Forget the bytes and the bad mark, keep the memory. */
void	buf_reset(struct buf *);

/* Room for n more bytes at the end: where to write, or NULL (then bad). */
uint8_t	*buf_reserve(struct buf *, size_t n);
/* n bytes of the reserved room were written. */
void	buf_commit(struct buf *, size_t n);

/* All return 0, or -1 (then bad). */
int	buf_add(struct buf *, const void *, size_t);
int	buf_addc(struct buf *, int);
int	buf_adds(struct buf *, const char *);
int	buf_addf(struct buf *, const char *, ...) __printflike_(2, 3);
int	buf_addu(struct buf *, uint64_t);	/* decimal digits */
int	buf_be16(struct buf *, uint16_t);
int	buf_be32(struct buf *, uint32_t);
int	buf_be64(struct buf *, uint64_t);
int	buf_bad(const struct buf *);

/* Reading: unread bytes, where they start, n of them done with. */
size_t	buf_left(const struct buf *);
const uint8_t	*buf_peek(const struct buf *);
void	buf_skip(struct buf *, size_t n);
/* Move the unread bytes to the front so that the space can be used again. */
void	buf_compact(struct buf *);

/*
 * The bytes as a NUL-terminated string (the NUL is not counted in len), or
 * NULL if bad.  Points into the buffer, valid until the next write.
 */
const char	*buf_str(struct buf *);

#endif
