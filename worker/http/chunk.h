/* SPDX-License-Identifier: ISC */
/*
 * The chunked transfer coding (RFC 9112 7.1), decoding only, pure.
 * Extensions and trailers are refused: nobody sends them honestly, and
 * their ends have been read in different ways (CVE-2025-55315).
 */
#ifndef WORKER_HTTP_CHUNK_H
#define WORKER_HTTP_CHUNK_H

#include "common/compat.h"
#include "common/parse.h"

struct chunk {
	uint64_t	 left;		/* bytes of this chunk still to come */
	uint64_t	 data;		/* bytes of data decoded */
	uint64_t	 overhead;	/* bytes that were none */
	int		 state;
	int		 digits;
};

void	chunk_init(struct chunk *);
/*
 * Decode from the len bytes at p.  Sets *used, the bytes consumed, and
 * *data, *dlen, a piece of the body among them (dlen may be 0).
 * PARSE_MORE: call again with what follows (it may be called at once if
 * used < len).  PARSE_DONE: the body has ended with the last byte consumed.
 */
enum parse	chunk_decode(struct chunk *, const uint8_t *p, size_t len,
		    size_t *used, const uint8_t **data, size_t *dlen);

#endif
