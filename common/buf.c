/* SPDX-License-Identifier: ISC */
/*
 * Growable bytes with a hard maximum: see buf.h.  The only hand-written
 * growth of memory in the tree.
 */
#include "common/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define BUF_FIRST	256	/* bytes of a first allocation */

static int	buf_grow(struct buf *, size_t);

void
buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->max = max;
}

void
buf_free(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void
buf_freezero(struct buf *b)
{
	freezero(b->data, b->cap);
	buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
	b->len = b->off = 0;
	b->bad = 0;
}

/* Make cap at least need; doubling, never beyond max. */
static int
buf_grow(struct buf *b, size_t need)
{
	uint8_t	*p;
	size_t	 cap = b->cap == 0 ? BUF_FIRST : b->cap;

	while (cap < need)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	if (cap > b->max)
		cap = b->max;
	if ((p = realloc(b->data, cap)) == NULL)
		return -1;
	b->data = p;
	b->cap = cap;
	return 0;
}

uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	if (b->bad)
		return NULL;
	if (n > b->max - b->len ||
	    (b->len + n > b->cap && buf_grow(b, b->len + n) == -1)) {
		b->bad = 1;
		return NULL;
	}
	return b->data + b->len;
}

void
buf_commit(struct buf *b, size_t n)
{
	b->len += n;
}

int
buf_add(struct buf *b, const void *p, size_t n)
{
	uint8_t	*to;

	if (n == 0)
		return b->bad ? -1 : 0;
	if ((to = buf_reserve(b, n)) == NULL)
		return -1;
	memcpy(to, p, n);
	b->len += n;
	return 0;
}

int
buf_addc(struct buf *b, int c)
{
	uint8_t	 u = c;

	return buf_add(b, &u, 1);
}

int
buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list	 ap;
	uint8_t	*to;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	/* vsnprintf wants a place for its NUL, which is not kept */
	if (n < 0 || (to = buf_reserve(b, (size_t)n + 1)) == NULL) {
		b->bad = 1;
		return -1;
	}
	va_start(ap, fmt);
	vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += n;
	return 0;
}

int
buf_addu(struct buf *b, uint64_t u)
{
	char	 tmp[20], *p = tmp + sizeof(tmp);

	do {
		*--p = '0' + u % 10;
	} while ((u /= 10) != 0);
	return buf_add(b, p, tmp + sizeof(tmp) - p);
}

int
buf_be16(struct buf *b, uint16_t u)
{
	uint8_t	 x[2] = { u >> 8, u };

	return buf_add(b, x, sizeof(x));
}

int
buf_be32(struct buf *b, uint32_t u)
{
	uint8_t	 x[4] = { u >> 24, u >> 16, u >> 8, u };

	return buf_add(b, x, sizeof(x));
}

int
buf_be64(struct buf *b, uint64_t u)
{
	if (buf_be32(b, u >> 32) == -1)
		return -1;
	return buf_be32(b, u);
}

int
buf_bad(const struct buf *b)
{
	return b->bad;
}

size_t
buf_left(const struct buf *b)
{
	return b->len - b->off;
}

const uint8_t *
buf_peek(const struct buf *b)
{
	return b->data + b->off;
}

void
buf_skip(struct buf *b, size_t n)
{
	b->off += n;
}

void
buf_compact(struct buf *b)
{
	if (b->off == 0)
		return;
	memmove(b->data, b->data + b->off, b->len - b->off);
	b->len -= b->off;
	b->off = 0;
}

const char *
buf_str(struct buf *b)
{
	uint8_t	*end;

	if ((end = buf_reserve(b, 1)) == NULL)
		return NULL;
	*end = '\0';
	return (const char *)b->data;
}
