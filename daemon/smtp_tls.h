/* SPDX-License-Identifier: ISC */
/*
 * TLS of the SMTP client: TLS 1.2 at least, the relay's chain verified to an
 * authority that the administrator named (or one of the system), its name
 * checked by RFC 6125 and 7817 against the name in the configuration, never
 * against one that came from DNS.  No way to switch that off.
 */
#ifndef DAEMON_SMTP_TLS_H
#define DAEMON_SMTP_TLS_H

#include "common/compat.h"

struct ssl_st;
struct ssl_ctx_st;

/* Before the sandbox: load what the library loads lazily. */
void	smtp_tls_init(void);
/*
 * A context that trusts the authorities in len bytes of PEM text.  NULL, and
 * why in *err (static text).  Reads no file: works inside the sandbox.
 */
struct ssl_ctx_st	*smtp_tls_new(const void *pem, size_t len,
			    const char **err);
/*
 * The authorities of the system, or those in a file (file may be NULL): PEM
 * text, malloc'd, gives to the caller.  NULL with errno.  Before the sandbox.
 */
char	*smtp_tls_authorities(const char *file, size_t *len);
void	smtp_tls_free(struct ssl_ctx_st *);
/* A client session that will accept no peer but host (a name or a literal
 * address); SNI is set for a name.  NULL without memory. */
struct ssl_st	*smtp_tls_session(struct ssl_ctx_st *, const char *host);
/* Why the handshake failed, printable: verification first.  Points into one
 * static buffer. */
const char	*smtp_tls_why(struct ssl_st *);

#endif
