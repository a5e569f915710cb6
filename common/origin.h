/* SPDX-License-Identifier: ISC */
/*
 * Web origins (RFC 6454 6.2): what a browser sends in Origin, and the
 * entries of http.cors-origins.  Only serialised origins are compared, byte
 * by byte; "null" is never one.
 */
#ifndef COMMON_ORIGIN_H
#define COMMON_ORIGIN_H

#include "common/compat.h"

#define ORIGIN_MAX	300	/* bytes of a serialised one */

/* One entry: "https://host[:port]" or "https://" "*.host[:port]", maybe with
 * " credentials" behind it. */
struct origin {
	char	 text[ORIGIN_MAX];	/* lower case, without the word */
	int	 any;			/* the left-most label is '*' */
	int	 credentials;
};

/* Read an entry.  NULL, or why it is refused. */
const char	*origin_parse(struct origin *, const char *);
/* 1 if it is a serialised origin with http or https, as browsers write it
 * (lower case, no default port). */
int		 origin_valid(const char *, size_t len);
/* 1 if a valid serialised origin is meant by the entry. */
int		 origin_match(const struct origin *, const char *, size_t len);

#endif
