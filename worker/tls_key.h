/* SPDX-License-Identifier: ISC */
/*
 * Private keys that live in another process.  A key made here looks like any
 * other to the TLS library, but each signature is made by the keys process
 * (tls_sign.h).  Two files do it, whichever the library can: tls_key.c, an
 * OpenSSL 3 provider, whose keys process sees all that is to be signed and
 * refuses everything but a TLS handshake (security.md 2.5); tls_key_legacy.c
 * (TLS_LEGACY), for LibreSSL, where keys sees a digest.
 */
#ifndef WORKER_TLS_KEY_H
#define WORKER_TLS_KEY_H

#include "common/compat.h"

struct evp_pkey_st;
struct x509_st;

/* Once, before the sandbox.  Fatal on failure. */
void	tls_key_init(void);
/*
 * The private half of the certificate's key, by number; gives to the caller
 * (EVP_PKEY_free).  NULL if the kind of key is not known.
 */
struct evp_pkey_st	*tls_key_new(struct x509_st *, uint32_t generation,
			    uint32_t id);

#endif
