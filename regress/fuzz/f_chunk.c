/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a chunked body, to worker/http/chunk.c: whole and octet by
 * octet it must give the same verdict, the same body and the same end.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/http/chunk.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static enum parse
feed(const uint8_t *p, size_t n, size_t piece, uint8_t *out, size_t *outlen,
    size_t *end)
{
	const uint8_t	*data;
	struct chunk	 c;
	enum parse	 ret = PARSE_MORE;
	size_t		 at = 0, k, used, dlen;

	chunk_init(&c);
	*outlen = 0;
	while (ret == PARSE_MORE && at < n) {
		k = n - at < piece ? n - at : piece;
		ret = chunk_decode(&c, p + at, k, &used, &data, &dlen);
		if (used == 0 || used > k || dlen > used ||
		    data < p + at || data + dlen > p + at + used)
			abort();
		memcpy(out + *outlen, data, dlen);
		*outlen += dlen;
		at += used;
	}
	*end = at;
	return ret;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t		*a = malloc(n + 1), *b = malloc(n + 1);
	size_t		 na, nb, ea, eb;
	enum parse	 ra, rb;

	if (a != NULL && b != NULL) {
		ra = feed(p, n, n + 1, a, &na, &ea);
		rb = feed(p, n, 1, b, &nb, &eb);
		if (ra != rb || (ra != PARSE_ERROR && (na != nb || ea != eb ||
		    memcmp(a, b, na) != 0)))
			abort();
	}
	free(a);
	free(b);
	return 0;
}
