/* SPDX-License-Identifier: ISC */
/*
 * Private keys that live in another process.  A key made here looks like any
 * other to the TLS library, but each signature becomes one MSG_SIGN to the
 * keys process, which sees all that is to be signed and refuses everything
 * but a TLS handshake (security.md 2.5).
 */
#ifndef WORKER_TLS_KEY_H
#define WORKER_TLS_KEY_H

#include "common/compat.h"

struct evp_pkey_st;
struct x509_st;

/* Once, before the sandbox.  Fatal on failure. */
void	tls_key_init(void);
/* 1 while there is a pipe to keys. */
int	tls_key_up(void);
/* The pipe to keys; fd becomes ours.  A second call replaces the first. */
void	tls_key_peer(uint32_t slot, int fd);
/*
 * The private half of the certificate's key, by number; gives to the caller
 * (EVP_PKEY_free).  NULL if the kind of key is not known.
 */
struct evp_pkey_st	*tls_key_new(struct x509_st *, uint32_t generation,
			    uint32_t id);

#endif
