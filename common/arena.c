/* SPDX-License-Identifier: ISC */
/* Memory of one request: see arena.h. */
#include "common/compat.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"

#define ARENA_BLOCK	8192	/* bytes of an ordinary block */

struct arena_block {
	struct arena_block	*next;
	size_t			 len;		/* bytes used */
	size_t			 cap;
	alignas(max_align_t) uint8_t data[];
};

static struct arena_block	*arena_grow(struct arena *, size_t);

void
arena_init(struct arena *a, size_t max)
{
	a->head = NULL;
	a->used = 0;
	a->max = max;
}

void
arena_free(struct arena *a)
{
	struct arena_block	*b;

	while ((b = a->head) != NULL) {
		a->head = b->next;
		free(b);
	}
	a->used = 0;
}

/* A fresh block with room for n bytes at least. */
static struct arena_block *
arena_grow(struct arena *a, size_t n)
{
	struct arena_block	*b;
	size_t			 cap = n > ARENA_BLOCK ? n : ARENA_BLOCK;

	if ((b = malloc(sizeof(*b) + cap)) == NULL)
		return NULL;
	b->len = 0;
	b->cap = cap;
	b->next = a->head;
	a->head = b;
	return b;
}

void *
arena_get(struct arena *a, size_t n)
{
	struct arena_block	*b = a->head;
	size_t			 al = alignof(max_align_t);
	void			*p;

	if (n > a->max || a->used > a->max - n || n > SIZE_MAX - al)
		return NULL;
	n = (n + al - 1) / al * al;
	if (b == NULL || n > b->cap - b->len)
		if ((b = arena_grow(a, n)) == NULL)
			return NULL;
	p = b->data + b->len;
	b->len += n;
	a->used += n;
	return memset(p, 0, n);
}

void *
arena_array(struct arena *a, size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / size)
		return NULL;
	return arena_get(a, n * size);
}

char *
arena_dup(struct arena *a, const void *p, size_t n)
{
	char	*s;

	if (n == SIZE_MAX || (s = arena_get(a, n + 1)) == NULL)
		return NULL;
	if (n != 0)
		memcpy(s, p, n);
	return s;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list	 ap;
	char	*s = NULL;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (s = arena_get(a, (size_t)n + 1)) == NULL)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}
