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

#define HDR_CHECK_CLASSES 13

struct conf_header;
struct conf_strs;

/* The names of classes, in the order of enum http_class. */
extern const char *const	hdr_check_classes[HDR_CHECK_CLASSES];

/*
 * Take "Name: value" apart.  On NULL, name is *name_len bytes at the start
 * of text and value *value_len bytes at *value.  Else why it is refused.
 */
const char	*hdr_check(const char *text, size_t *name_len,
		    const char **value, size_t *value_len);
/*
 * All of them together.  cors: some mode of CORS is on, which then owns
 * Access-Control-*.  0, or -1 with a reason that quotes the bad one in err.
 */
int	hdr_check_all(const struct conf_strs *, int cors, char *err,
	    size_t errlen);
/*
 * One rule.  cors: some mode of CORS is on.  0, or -1 with the option at
 * fault in *opt and a reason that quotes it in err.
 */
int	hdr_check_rule(const struct conf_header *, int cors, const char **opt,
	    char *err, size_t errlen);
/* The class of that name, or -1. */
int	hdr_check_class(const char *);
/* "404" or "4xx": the lowest and highest status; 0, or -1. */
int	hdr_check_status(const char *, int *lo, int *hi);

#endif
