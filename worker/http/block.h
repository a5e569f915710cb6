/* SPDX-License-Identifier: ISC */
/*
 * The fields that an answer of a class carries whatever its handler says.
 * A block is composed once, when a configuration is loaded, by the response
 * steps in table order; sending it is one copy.
 *
 * Rank decides between two lines of one name, the higher wins:
 *	BLOCK_DEFAULT	our table; a handler's own line takes its place
 *	BLOCK_CUSTOM	the administrator's; takes a handler's place
 *	BLOCK_LOCKED	nobody's to change
 */
#ifndef WORKER_HTTP_BLOCK_H
#define WORKER_HTTP_BLOCK_H

#include "common/buf.h"
#include "common/compat.h"

enum block_rank { BLOCK_DEFAULT, BLOCK_CUSTOM, BLOCK_LOCKED };

#define BLOCK_MAX	128	/* lines */

struct block_line {
	uint32_t	 off;		/* of "Name: value\r\n" in text */
	uint32_t	 len;		/* all of it */
	uint32_t	 name_len;
	uint32_t	 rank;
	uint64_t	 bit;		/* block_bit of the name */
	const char	*by;		/* who put it there */
};

struct block {
	const char		*by;	/* who works on it */
	struct buf		 text;
	struct block_line	 line[BLOCK_MAX];
	size_t			 n;
	uint64_t		 mask;	/* which hashes of names occur */
};

/* A field that somebody adds to one answer. */
struct block_field {
	const char	*name, *value;
	uint32_t	 name_len, value_len;
};

/* One of 64 by length, first and last letter: most names differ. */
static inline uint64_t
block_bit(const char *name, size_t len)
{
	unsigned int	 h = (unsigned int)len * 5;

	if (len > 0)
		h += (unsigned int)(name[0] & 0x1f) * 3 +
		    (unsigned int)(name[len - 1] & 0x1f);
	return 1ULL << (h & 63);
}

void	block_init(struct block *);
void	block_free(struct block *);
/* Replace all lines of that name by one, unless one has a higher rank. */
void	block_set(struct block *, const char *name, const char *value,
	    enum block_rank);
/* Take all lines of that name away, locked ones too. */
void	block_remove(struct block *, const char *name);
/* The value of its first line (not NUL-terminated, *len bytes) or NULL. */
const char	*block_get(const struct block *, const char *name, size_t *len);
/* Append the block and the n fields to out, by rank. */
void	block_write(const struct block *, const struct block_field *, size_t n,
	    struct buf *out);
/* 1 if one of the n fields takes the place of this line. */
int	block_override(const struct block *, const struct block_line *,
	    const struct block_field *, size_t n);
/* 1 if no line of the block stands above this field. */
int	block_wins(const struct block *, const struct block_field *);

#endif
