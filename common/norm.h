/* SPDX-License-Identifier: ISC */
/*
 * Unicode text in one form, by utf8proc, in linear time.  Nothing else in the
 * tree may call utf8proc_map on text of a stranger: it sorts a run of
 * combining marks in quadratic time, and 500 KB of them take 150 seconds.
 * Here long text goes through in pieces that are cut before ASCII, where a
 * cut changes nothing; only a run of 512 bytes without any is cut anyhow.
 */
#ifndef COMMON_NORM_H
#define COMMON_NORM_H

#include "common/compat.h"

struct buf;

enum norm {
	NORM_NFC,	/* Normalization Form C */
	NORM_FOLD,	/* NFKC with case folded: for search */
	NORM_KEY	/* NFKD with case folded: for sorting (RFC 5051) */
};

/*
 * Append the n bytes of UTF-8 at p in that form; what is not UTF-8 is added
 * as it is.  Returns 0, or -1: the buffer is full or there is no memory.
 */
int	norm_add(struct buf *, const void *p, size_t n, enum norm);
/*
 * What a name of the n bytes of UTF-8 at p must not have as Net-Unicode
 * (RFC 5198 2) of one line: a control character, a separator of lines, a byte
 * order mark in front, a code point that never will be a character.  Returns
 * words for whoever sent it, or NULL when it is good.  (One that is not
 * assigned yet passes: it may be in the sender's version of Unicode.)
 */
const char	*norm_net(const void *p, size_t n);

#endif
