/* SPDX-License-Identifier: ISC */
/*
 * What of TLS is spoken: versions, suites, groups and signatures, as tls { }
 * says or by default (security.md 2.6).  Applied by the worker to each of
 * its contexts, and by the parent to one that it throws away, so that a
 * wrong list shows when the configuration is checked.
 */
#ifndef COMMON_TLS_PROFILE_H
#define COMMON_TLS_PROFILE_H

#include "common/compat.h"
#include "common/conf.h"

struct ssl_ctx_st;

/* Apply it; conf may be NULL for the defaults.  NULL, or what is wrong, then
 * *opt is the option's name. */
const char	*tls_profile(struct ssl_ctx_st *, const struct conf *,
		    const char **opt);
/* 1 if a list names a suite with finite-field Diffie-Hellman. */
int	tls_profile_dhe(const char *ciphers);

#endif
