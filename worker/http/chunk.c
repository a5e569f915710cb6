/* SPDX-License-Identifier: ISC */
/*
 * Chunked bodies of requests.  Called by http1.c; pure.
 *
 *	chunked-body = *chunk last-chunk CRLF
 *	chunk        = 1*8HEXDIG CRLF chunk-data CRLF	; size > 0
 *	last-chunk   = 1*8"0" CRLF
 */
#include "common/compat.h"

#include <string.h>

#include "common/enc.h"
#include "worker/http/chunk.h"

enum {
	SIZE,			/* in the digits of a size */
	SIZE_LF,		/* CR seen after them */
	DATA,
	DATA_CR, DATA_LF,	/* the CRLF after the data */
	END_CR, END_LF,		/* the CRLF after the last chunk */
	DONE, BAD
};

/* Framing may cost this much, and beyond it no more than the data (Go's
 * GO-2023-2382: one byte a chunk). */
#define OVERHEAD_FREE	65536

static int	chunk_octet(struct chunk *, int);
static int	chunk_size_end(struct chunk *);

void
chunk_init(struct chunk *c)
{
	memset(c, 0, sizeof(*c));
}

enum parse
chunk_decode(struct chunk *c, const uint8_t *p, size_t len, size_t *used,
    const uint8_t **data, size_t *dlen)
{
	size_t	 i = 0;

	*data = p;
	*dlen = 0;
	while (i < len && c->state != DATA) {
		if (chunk_octet(c, p[i++]) == -1) {
			c->state = BAD;
			*used = i;
			return PARSE_ERROR;
		}
		c->overhead++;
		if (c->state == DONE) {
			*used = i;
			return PARSE_DONE;
		}
	}
	if (c->overhead > OVERHEAD_FREE && c->overhead > c->data) {
		c->state = BAD;
		*used = i;
		return PARSE_ERROR;
	}
	if (c->state == DATA && i < len) {
		*data = p + i;
		*dlen = c->left < len - i ? (size_t)c->left : len - i;
		c->left -= *dlen;
		c->data += *dlen;
		i += *dlen;
		if (c->left == 0)
			c->state = DATA_CR;
	}
	*used = i;
	return PARSE_MORE;
}

/* One octet of framing; -1 if it may not stand here. */
static int
chunk_octet(struct chunk *c, int o)
{
	int	 v;

	switch (c->state) {
	case SIZE:
		if (o == '\r' && c->digits > 0) {
			c->state = SIZE_LF;
			return 0;
		}
		/* no sign, prefix, space, '_' or extension */
		if ((v = enc_hexval(o)) == -1 || ++c->digits > 8)
			return -1;
		c->left = c->left << 4 | (uint64_t)v;
		return 0;
	case SIZE_LF:
		return o == '\n' ? chunk_size_end(c) : -1;
	case DATA_CR:
		c->state = DATA_LF;
		return o == '\r' ? 0 : -1;
	case DATA_LF:
		c->state = SIZE;
		return o == '\n' ? 0 : -1;
	case END_CR:
		c->state = END_LF;
		return o == '\r' ? 0 : -1;	/* no trailer */
	case END_LF:
		c->state = DONE;
		return o == '\n' ? 0 : -1;
	}
	return -1;
}

static int
chunk_size_end(struct chunk *c)
{
	c->digits = 0;
	c->state = c->left == 0 ? END_CR : DATA;
	return 0;
}
