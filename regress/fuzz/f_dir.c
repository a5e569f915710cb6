/* SPDX-License-Identifier: ISC */
/*
 * Packed principals (dir.c), which a hostile worker sends to auth: whatever
 * the bytes, what is accepted can be packed again and means the same.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/dir.h"
#include "common/perm.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
again(const struct dir_prin *d)
{
	struct dir_prin	 e;
	struct buf	 b, c;

	buf_init(&b, 2 * DIR_SIZE_MAX);
	buf_init(&c, 2 * DIR_SIZE_MAX);
	dir_init(&e);
	dir_pack(&b, d);
	if (!buf_bad(&b) && b.len <= DIR_SIZE_MAX) {
		if (dir_apply(&e, b.data, b.len) == -1)
			abort();
		dir_pack(&c, &e);
		if (c.len != b.len || memcmp(b.data, c.data, b.len) != 0)
			abort();
		if (perm_of(d) != perm_of(&e))
			abort();
	}
	dir_free(&e);
	buf_free(&b);
	buf_free(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dir_prin	 d;

	dir_init(&d);
	if (dir_apply(&d, p, n) == 0)
		again(&d);
	dir_free(&d);
	return 0;
}
