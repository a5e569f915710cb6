/* SPDX-License-Identifier: ISC */
/*
 * Signatures of digests, for workers whose library gives no more than that
 * (TLS_LEGACY: tls_key_legacy.c).  Any other keys process refuses them all.
 */
#ifndef DAEMON_KEYS_RAW_H
#define DAEMON_KEYS_RAW_H

#include "common/compat.h"

struct evp_pkey_st;

/* 1 if the scheme (MSG_SIGN_PKCS1, _PSS, _ECDSA) is one of these here. */
int	keys_raw_is(uint32_t scheme);
/*
 * 1 if such a text can be what a TLS handshake has signed by this key: a
 * DigestInfo of SHA-2, a PSS block as long as the key, a SHA-2 digest.
 */
int	keys_raw_ok(struct evp_pkey_st *, uint32_t scheme, const uint8_t *,
	    size_t);
/* The signature to sig, *len its room, then its length.  0, or -1. */
int	keys_raw_make(struct evp_pkey_st *, uint32_t scheme, const uint8_t *,
	    size_t, uint8_t *sig, size_t *len);

#endif
