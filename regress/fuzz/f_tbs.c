/* SPDX-License-Identifier: ISC */
/*
 * daemon/tbs.c: what is accepted has one of the two forms, by an independent
 * look at its length and its first bytes.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	static const uint32_t	 schemes[] = { 0x0401, 0x0403, 0x0804, 0x0807 };
	size_t			 i;

	for (i = 0; i < nitems(schemes); i++)
		if (tbs_ok(schemes[i], p, len) &&
		    !(len == 64 + 34 + 32 || len == 64 + 34 + 48) &&
		    !(len > 68 && p[64] == 3 && len == 68u + p[67]))
			abort();
	if (tbs_dhe(p, len) && (len < 64 + 256 + 7 || p[64] > 4))
		abort();
	return 0;
}
