/* SPDX-License-Identifier: ISC */
/*
 * Reading bytes that somebody else wrote: a cursor that cannot overrun.
 * Each get takes from the front.  A get that finds too little returns 0 or
 * NULL and marks the cursor bad for good; ask cur_end() when all is read.
 * Integers are big-endian.
 */
#ifndef COMMON_CUR_H
#define COMMON_CUR_H

#include "common/compat.h"

struct cur {
	const uint8_t	*p;	/* next unread byte */
	size_t		 n;	/* bytes left */
	int		 bad;	/* a get found too little */
};

void	 cur_init(struct cur *, const void *, size_t);
uint8_t	 cur_u8(struct cur *);
uint16_t cur_be16(struct cur *);
uint32_t cur_be32(struct cur *);
uint64_t cur_be64(struct cur *);
/* The next n bytes, not copied; NULL when there are fewer. */
const uint8_t	*cur_bytes(struct cur *, size_t n);
/* The next n bytes into p; 0, or -1. */
int	 cur_copy(struct cur *, void *p, size_t n);
/* A string that ends in NUL within the bytes left, not copied, or NULL. */
const char	*cur_str(struct cur *);
/* 1 if every byte was read and no get failed, else 0. */
int	 cur_end(const struct cur *);

#endif
