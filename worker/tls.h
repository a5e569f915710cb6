/* SPDX-License-Identifier: ISC */
/*
 * TLS of connections: contexts per certificate and generation, SNI, ALPN,
 * tickets, and the step functions that conn.c calls.  The private key is in
 * another process; see tls_key.h.  RFC 8446, 5246, 6066 3, 7301, 5077.
 */
#ifndef WORKER_TLS_H
#define WORKER_TLS_H

#include "common/compat.h"
#include "common/conf.h"
#include "common/msg.h"
#include "worker/conn.h"
#include "worker/http/hosts.h"

struct ssl_ctx_st;

struct tls_cert {
	struct ssl_ctx_st	*ctx;
	struct hosts		 names;		/* of its subjectAltName */
	uint32_t		 id;		/* item of conf.certs */
	uint8_t			*staple;	/* OCSP answer, DER, or NULL */
	size_t			 staple_len;
	int64_t			 staple_until;	/* wall clock ms */
};
struct tls_set {
	struct tls_cert		*v;
	size_t			 n;
};

/* Before the sandbox: load what the library loads lazily. */
void	tls_init(void);
/* An empty set; fatal without memory. */
struct tls_set	*tls_set_new(void);
void		 tls_set_free(struct tls_set *);
/* Add a certificate from its PEM chain, leaf first, under the profile of a
 * configuration.  NULL, or why not. */
const char	*tls_set_add(struct tls_set *, const struct conf *,
		    uint32_t id, const uint8_t *pem, size_t len);
/* The OCSP answer to send with the certificate that was added last. */
void	tls_set_staple(struct tls_set *, const uint8_t *der, size_t len,
	    int64_t until);
/* The certificate for a name (any case); the first one if none fits or name is
 * NULL. */
const struct tls_cert	*tls_set_find(const struct tls_set *, const char *);

/* Give c an SSL in accept state.  0, or -1. */
int	tls_start(struct conn *);
/* IO_DONE, IO_WANT_READ, IO_WANT_WRITE, IO_CLOSE. */
enum io	tls_handshake(struct conn *);
/* Like read(2) and write(2); read sets c->eof at close_notify. */
ssize_t	tls_read(struct conn *, void *, size_t);
ssize_t	tls_write(struct conn *, const void *, size_t);
/* 1 if bytes were read from the socket that tls_read has not given yet. */
int	tls_pending(const struct conn *);
/* Send close_notify, once, if it fits. */
void	tls_shutdown(struct conn *);
void	tls_free(struct conn *);
/* The name the client asked for, or NULL. */
const char	*tls_name(const struct conn *);

#endif
