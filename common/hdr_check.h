/* SPDX-License-Identifier: ISC */
/*
 * Response headers that an administrator writes into the configuration:
 * "Name: value".  conf_parse checks them at load, so that a bad one is an
 * error with its name; a worker takes them apart again with the same
 * function.  security.md 1.7.
 */
#ifndef COMMON_HDR_CHECK_H
#define COMMON_HDR_CHECK_H

#include "common/compat.h"

#define HDR_CHECK_LINE	4096	/* bytes of one */
#define HDR_CHECK_LINES	64
#define HDR_CHECK_ALL	16384	/* bytes of all */

struct conf_strs;

/*
 * Take "Name: value" apart.  On NULL, name is *name_len bytes at the start
 * of text and value *value_len bytes at *value.  Else why it is refused.
 */
const char	*hdr_check(const char *text, size_t *name_len,
		    const char **value, size_t *value_len);
/*
 * All of them together.  cors: permissive-cors is on, which then owns
 * Access-Control-*.  0, or -1 with a reason that quotes the bad one in err.
 */
int	hdr_check_all(const struct conf_strs *, int cors, char *err,
	    size_t errlen);

#endif
