/* SPDX-License-Identifier: ISC */
/*
 * Message encryption for web push (RFC 8291): ECDH on P-256 with a fresh key
 * for each message, HKDF-SHA-256, one record of aes128gcm (RFC 8188).
 */
#ifndef DAEMON_PUSH_CRYPT_H
#define DAEMON_PUSH_CRYPT_H

#include "common/buf.h"
#include "common/compat.h"
#include "common/p256.h"

#define PUSH_CRYPT_AUTH		16
#define PUSH_CRYPT_SALT		16
/* RFC 8030 7.2: a push service need not take more than 4096 bytes */
#define PUSH_CRYPT_MAX		(4096 - 86 - 17)

/*
 * Append n bytes of plain, at most PUSH_CRYPT_MAX, encrypted for who has the
 * private half of the point.  0, or -1: the point is not on the curve, or n
 * is too much.
 */
int	push_crypt(struct buf *, const uint8_t point[P256_POINT],
	    const uint8_t auth[PUSH_CRYPT_AUTH], const void *plain, size_t n);
/* The same with a given key and salt: for the RFC's example. */
int	push_crypt_with(struct buf *, EVP_PKEY *, const uint8_t *salt,
	    const uint8_t point[P256_POINT],
	    const uint8_t auth[PUSH_CRYPT_AUTH], const void *plain, size_t n);

#endif
