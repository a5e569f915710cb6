/* SPDX-License-Identifier: ISC */
/*
 * The pipe to the keys process and the one question asked on it, for both
 * ways to hand a library a key that is not here: tls_key.c, tls_key_legacy.c.
 */
#ifndef WORKER_TLS_SIGN_H
#define WORKER_TLS_SIGN_H

#include "common/compat.h"

struct ssl_st;

/* 1 while there is a pipe to keys. */
int	tls_sign_up(void);
/* The pipe to keys; fd becomes ours.  A second call replaces the first. */
void	tls_sign_peer(uint32_t slot, int fd);
/*
 * For SSL_CTX_set_cert_cb: a certificate is wanted, so a signature will be
 * asked for in this turn of the loop, and keys had better be awake.  Says
 * nothing while its answers are slow.
 */
int	tls_sign_on_cert(struct ssl_st *, void *);
/*
 * The signature of len bytes by a key of a configuration, by a scheme of
 * struct msg_sign, to sig, which has room bytes.  Waits for it, 2 s at most.
 * Its length; 0 if there is none (logged).
 */
size_t	tls_sign(uint32_t key, uint32_t generation, uint32_t scheme,
	    const uint8_t *, size_t len, uint8_t *sig, size_t room);

#endif
