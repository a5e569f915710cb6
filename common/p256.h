/* SPDX-License-Identifier: ISC */
/*
 * Keys on the curve P-256 and their points as SEC 1 2.3.3 writes them,
 * uncompressed: what web push uses for everything (RFC 8291, RFC 8292).
 */
#ifndef COMMON_P256_H
#define COMMON_P256_H

#include <openssl/evp.h>

#include "common/compat.h"

#define P256_POINT	65	/* bytes */

/* A fresh key, given to the caller, or NULL. */
EVP_PKEY	*p256_new(void);
/* The public half of a key: 0, or -1: it is not on P-256. */
int	p256_point(EVP_PKEY *, uint8_t out[P256_POINT]);
/* A point as a key, given to the caller; NULL: it is not on the curve. */
EVP_PKEY	*p256_public(const uint8_t point[P256_POINT]);

#endif
