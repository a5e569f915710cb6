/* SPDX-License-Identifier: ISC */
/* PROXY headers: whatever comes out lies inside what went in. */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/proxy.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
inside(struct slice s, const uint8_t *data, size_t len)
{
	const uint8_t	*p = s.p;

	if (s.n > 0 && (p < data || p + s.n > data + len))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct proxy	 p;
	size_t		 want = 0;

	if (len == 0)
		return 0;
	switch (proxy_parse(data, len, PROXY_V1 | PROXY_V2, &p, &want)) {
	case PARSE_MORE:
		if (want <= len || want > PROXY_MAX)
			abort();
		break;
	case PARSE_DONE:
		if (p.len == 0 || p.len > len)
			abort();
		inside(p.authority, data, p.len);
		inside(p.alpn, data, p.len);
		inside(p.unique, data, p.len);
		break;
	case PARSE_ERROR:
		break;
	}
	return 0;
}
