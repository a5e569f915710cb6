/* SPDX-License-Identifier: ISC */
/*
 * The ordered list of a request's fields, shared by every transport: names
 * to ids, lines of one id chained, fields that may come only once.
 */
#ifndef WORKER_HTTP_HDR_H
#define WORKER_HTTP_HDR_H

#include "worker/http/http.h"

/* The id of a field name in any case, or HDR_OTHER. */
enum http_hdr	 hdr_id(const char *, size_t);
/* No fields. */
void		 hdr_reset(struct req *);
/* Add a line; the strings are kept by reference.  -1: more than
 * HTTP_MAX_HDRS. */
int		 hdr_add(struct req *, char *name, size_t, char *value, size_t);
/* A field that came twice and must not (RFC 9110 5.3), or NULL. */
const char	*hdr_duplicate(const struct req *);
/* Octet classes, RFC 9110 5.6.2 and 5.5. */
extern const uint8_t	hdr_octet[256];
#define HDR_TCHAR	0x01	/* token, without '_': see hdr.c */
#define HDR_VALUE	0x02	/* HTAB, SP, VCHAR, obs-text */
#define HDR_TARGET	0x04	/* may stand raw in a request target */
#define HDR_HOSTC	0x08	/* letter, digit, '-', '.' */

#endif
