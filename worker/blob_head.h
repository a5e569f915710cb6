/* SPDX-License-Identifier: ISC */
/*
 * Which header fields the download of a blob gets: the riskiest answer of
 * all, for a stranger wrote the bytes and the client names type and file
 * (security.md 1.3).  Pure functions over strings; worker_jmap.c calls them.
 */
#ifndef WORKER_BLOB_HEAD_H
#define WORKER_BLOB_HEAD_H

#include "common/compat.h"

struct buf;

#define BLOB_HEAD_TYPE	128	/* bytes of a Content-Type with NUL */

/*
 * The Content-Type to send for the one that was asked for (NULL: none): the
 * same in lower case, or "application/octet-stream" for what is not
 * type/subtype with at most a charset, and for everything that a browser
 * would run, style with, or take apart.
 */
void	blob_head_type(const char *asked, char out[BLOB_HEAD_TYPE]);
/* 1 if that type may be shown in place and the bytes begin as it says. */
int	blob_head_inline(const char *type, const uint8_t *, size_t);
/*
 * Append the value of Content-Disposition (RFC 6266, 8187).  From the name
 * go separators, controls, bidirectional overrides, leading and trailing
 * dots and blanks; at most 180 bytes of it stay, with its extension.
 */
void	blob_head_disposition(struct buf *, int inln, const char *name);
/* Fetch metadata (NULL: field absent): 1 if a browser may have it for this
 * purpose. */
int	blob_head_fetch(const char *dest, const char *site,
	    const char *service_worker);
/* 1 if an If-None-Match or If-Match list names the tag (with quotes), or *.
 * Weak comparison, RFC 9110 8.8.3.2. */
int	blob_head_match(const char *list, const char *tag);

enum blob_head_range {
	BLOB_HEAD_WHOLE,	/* no range, or one that we ignore */
	BLOB_HEAD_PART,		/* *from to *to, inclusive */
	BLOB_HEAD_OUTSIDE	/* 416 */
};
/* One byte range of a Range field (RFC 9110 14.1.2); several are ignored. */
enum blob_head_range	blob_head_range(const char *, uint64_t size,
			    uint64_t *from, uint64_t *to);

#endif
