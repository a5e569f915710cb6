/* SPDX-License-Identifier: ISC */
/* A read cursor over foreign bytes: see cur.h. */
#include "common/compat.h"

#include <string.h>

#include "common/cur.h"

void
cur_init(struct cur *c, const void *p, size_t n)
{
	c->p = p;
	c->n = n;
	c->bad = 0;
}

const uint8_t *
cur_bytes(struct cur *c, size_t n)
{
	const uint8_t	*p = c->p;

	if (c->bad || n > c->n) {
		c->bad = 1;
		return NULL;
	}
	c->p += n;
	c->n -= n;
	return p;
}

uint8_t
cur_u8(struct cur *c)
{
	const uint8_t	*p = cur_bytes(c, 1);

	return p == NULL ? 0 : p[0];
}

uint16_t
cur_be16(struct cur *c)
{
	const uint8_t	*p = cur_bytes(c, 2);

	return p == NULL ? 0 : (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t
cur_be32(struct cur *c)
{
	const uint8_t	*p = cur_bytes(c, 4);

	return p == NULL ? 0 : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

uint64_t
cur_be64(struct cur *c)
{
	uint64_t	 hi = cur_be32(c);

	return hi << 32 | cur_be32(c);
}

int
cur_copy(struct cur *c, void *to, size_t n)
{
	const uint8_t	*p = cur_bytes(c, n);

	if (p == NULL)
		return -1;
	memcpy(to, p, n);
	return 0;
}

const char *
cur_str(struct cur *c)
{
	const uint8_t	*p = c->p, *nul;

	if (c->bad || c->n == 0 || (nul = memchr(p, 0, c->n)) == NULL) {
		c->bad = 1;
		return NULL;
	}
	cur_bytes(c, nul - p + 1);
	return (const char *)p;
}

int
cur_end(const struct cur *c)
{
	return !c->bad && c->n == 0;
}
