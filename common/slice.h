/* SPDX-License-Identifier: ISC */
/*
 * Bytes that belong to somebody else.  n 0 is empty; p may then be NULL.
 */
#ifndef COMMON_SLICE_H
#define COMMON_SLICE_H

#include "common/compat.h"

struct slice {
	const void	*p;
	size_t		 n;
};

#define SLICE(ptr, len)	((struct slice){ (ptr), (len) })
#define SLICE_STR(s)	((struct slice){ (s), strlen(s) })	/* <string.h> */

#endif
