/* SPDX-License-Identifier: ISC */
/*
 * What cert.c and cert_check.c share: a certificate on its way in, and what
 * is said of it.
 */
#ifndef DAEMON_CERT_CHECK_H
#define DAEMON_CERT_CHECK_H

#include "common/compat.h"

#include <openssl/x509.h>

#include "daemon/daemon.h"

struct cert_try {
	const struct conf_file	*cf;
	struct buf		*report;
	const struct conf_cert	*conf;
	int			 line;
	int			 named;	/* one of them has the hostname */
	int			 url;	/* one has the host of http.url */
};

/* Report "WHATcertificate NAME: PATH: WHY". */
void	cert_check_bad(struct cert_try *, const char *what, const char *path,
	    const char *why);
/* The chain, leaf first: 0, or -1: with a key of that kind no worker would
 * serve.  Of the rest it only warns: an operator must be able to start. */
int	cert_check_chain(struct cert_try *, STACK_OF(X509) *);
/* The OCSP answer for the first of a chain.  Wall clock ms until when it is
 * good; 0 if it is not, with a warning; -1 if it is no such answer. */
int64_t	cert_check_staple(struct cert_try *, STACK_OF(X509) *,
	    const uint8_t *der, size_t len);

#endif
