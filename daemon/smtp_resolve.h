/* SPDX-License-Identifier: ISC */
/*
 * The relay's name to addresses, without blocking: a literal is itself, then
 * /etc/hosts, then the name servers of resolv.conf by UDP (RFC 1034, 1035,
 * 3596; 5452 against forgery).  The files are read by smtp_resolve_init,
 * before the sandbox, and again when the process is started again.  Answers
 * are kept as long as their TTL says, 30 seconds to an hour; one that is older
 * is used, for a day, while no name server answers (RFC 8767).
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

/* Read resolv.conf and hosts; NULL is the usual path.  A file that is not
 * there is empty: then 127.0.0.1 is asked (resolv.conf(5)). */
void	smtp_resolve_init(const char *resolv_conf, const char *hosts);
/* The same from their text. */
void	smtp_resolve_set(const char *resolv_conf, const char *hosts);
/* Forget both files and every answer. */
void	smtp_resolve_free(void);
/*
 * Ask.  Answers by fn, once, always later and never from within; at most 20
 * seconds.  Returns a handle to cancel with, or NULL without memory.
 */
struct smtp_resolve	*smtp_resolve(const char *host, smtp_resolve_fn *,
			    void *arg);
/* fn will not be called. */
void	smtp_resolve_cancel(struct smtp_resolve *);

#endif
