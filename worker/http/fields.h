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
#include "worker/http/block.h"

#define FIELDS_MAX	256

struct fields_line {
	const char	*name, *value;	/* not NUL-terminated */
	uint32_t	 name_len, value_len;
	enum block_rank	 rank;
	const char	*by;		/* who put it there */
};
struct fields {
	struct fields_line	 v[FIELDS_MAX];
	size_t			 n;
};

/* Append a line; what does not fit is left out. */
void	fields_add(struct fields *, const char *name, const char *value,
	    enum block_rank, const char *by);
void	fields_add_line(struct fields *, const struct fields_line *);
/* The first line of that name, or NULL. */
struct fields_line	*fields_find(struct fields *, const char *name);
/* Take all lines of that name away. */
void	fields_remove(struct fields *, const char *name);
/* Append a block and an answer's own fields by rank, as block_write does. */
void	fields_block(struct fields *, const struct block *,
	    const struct block_field *, size_t n);
void	fields_write(const struct fields *, struct buf *out);

#endif
