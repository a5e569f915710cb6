/* SPDX-License-Identifier: ISC */
/*
 * Memory that lives as long as one request and goes in one call.
 * Nothing taken from an arena is freed by itself.  Every get may return
 * NULL, when there is no memory or the arena's maximum would be passed.
 */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include "common/compat.h"

struct arena_block;
struct arena {
	struct arena_block	*head;	/* newest first */
	size_t			 used;	/* bytes handed out */
	size_t			 max;	/* bytes never exceeded */
};

void	 arena_init(struct arena *, size_t max);
/* All memory back; usable again. */
void	 arena_free(struct arena *);
/* n zeroed bytes, aligned for any type. */
void	*arena_get(struct arena *, size_t n);
/* n * size zeroed bytes, overflow checked. */
void	*arena_array(struct arena *, size_t n, size_t size);
/* A copy of n bytes with a NUL after them. */
char	*arena_dup(struct arena *, const void *, size_t n);
char	*arena_printf(struct arena *, const char *, ...) __printflike_(2, 3);

#endif
