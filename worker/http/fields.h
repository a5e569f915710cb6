/* SPDX-License-Identifier: ISC */
/*
 * The fields of one answer as a list, for when they depend on more than the
 * class (rules of the administrator, origins), and for jmapctl headers,
 * which shows who put each there.  Strings are borrowed.  Without such
 * rules a block is copied as it is and no list is made.
 */
#ifndef WORKER_HTTP_FIELDS_H
#define WORKER_HTTP_FIELDS_H

#include "common/compat.h"

#include <string.h>

#include "worker/http/block.h"

#define FIELDS_MAX	256

struct fields_line {
	const char	*name, *value;	/* not NUL-terminated */
	uint32_t	 name_len, value_len;
	uint32_t	 whole;		/* bytes at name that are the line as
					 * it is written; 0: not there */
	enum block_rank	 rank;
	const char	*by;		/* who put it there */
	uint64_t	 bit;		/* block_bit of the name */
};
struct fields {
	struct fields_line	 v[FIELDS_MAX];
	size_t			 n;
	uint64_t		 mask;	/* bits of names that may be there */
};

/* Empty it; only this makes one. */
static inline void
fields_init(struct fields *f)
{
	f->n = 0;
	f->mask = 0;
}

/* A line of two strings; inline, so that a literal's length costs nothing. */
static inline struct fields_line
fields_line(const char *name, const char *value, enum block_rank rank,
    const char *by)
{
	struct fields_line	 l = {
		name, value, (uint32_t)strlen(name), (uint32_t)strlen(value),
		0, rank, by, block_bit(name, strlen(name))
	};

	return l;
}

/* Append a line; what does not fit is left out. */
void	fields_add(struct fields *, const struct fields_line *);
/* The first line of the same name, or NULL. */
struct fields_line	*fields_find(struct fields *,
			    const struct fields_line *);
/* Take all lines of that name away. */
void	fields_remove(struct fields *, const struct fields_line *);
/* Append a block and an answer's own fields by rank, as block_write does. */
void	fields_block(struct fields *, const struct block *,
	    const struct block_field *, size_t n);
void	fields_write(const struct fields *, struct buf *out);

#endif
