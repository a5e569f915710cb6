/* SPDX-License-Identifier: ISC */
/*
 * The relay's name to addresses, without blocking: a literal is itself, then
 * hosts(5), then DNS (dns_ask.h).  The last answer is used, for a day, while
 * there is no newer (RFC 8767).
 *
 * Only names from the configuration come here, and the certificate is checked
 * against that name: an answer that lies costs a delay, not a mail.  Not for
 * MX, not for names that a stranger wrote.  No search list: a relay's name is
 * whole.
 */
#ifndef DAEMON_SMTP_RESOLVE_H
#define DAEMON_SMTP_RESOLVE_H

#include "common/compat.h"
#include "common/ip.h"

#define SMTP_RESOLVE_MAX	32	/* addresses of a name */

struct smtp_resolve;
/* ip: the n addresses, IPv6 first.  n is 0 when there are none: why, in
 * printable text; always a temporary matter (RFC 3463 4.4.3), since it is our
 * own relay that has no address. */
typedef void	smtp_resolve_fn(void *arg, const struct ip *, size_t n,
		    const char *why);

/* The text of hosts(5), instead of the one before; none at first.  Whom to ask
 * beyond that is dns_ask_init's and dns_ask_servers's. */
void	smtp_resolve_hosts(const char *text);
/* Forget hosts and the last answer. */
void	smtp_resolve_free(void);
/*
 * Ask.  Answers by fn, once, always later and never from within; at most 20
 * seconds.  NULL without memory.
 */
struct smtp_resolve	*smtp_resolve(const char *host, smtp_resolve_fn *,
			    void *arg);

#endif
