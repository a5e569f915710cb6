/* SPDX-License-Identifier: ISC */
/*
 * Looking up a host's addresses without blocking, without a thread and
 * without a file: a stub resolver over libevent, for a role that has none of
 * these (resolv.conf comes from the parent).  Only DNS is asked (not
 * /etc/hosts), names are absolute; "localhost" and what is below it are this
 * machine (RFC 6761 6.3).
 */
#ifndef DAEMON_DNS_ASK_H
#define DAEMON_DNS_ASK_H

#include "common/compat.h"
#include "common/ip.h"

#define DNS_ASK_ADDRS	32	/* of a host; more are left out */

struct dns_ask;			/* a question on its way */
/* n 0: there are none, or nobody could say.  The question is over. */
typedef void	dns_ask_fn(void *, const struct ip *, size_t n);

/*
 * Before privileges go: whom to ask.  "address", "address:port",
 * "[address]:port", or "": this machine, until dns_ask_servers.
 */
void	dns_ask_init(const char *resolver);
#define DNS_ASK_SERVERS	3
/* The servers in the text of a resolv.conf(5), the first three; how many. */
size_t	dns_ask_read(const char *text, struct ip [DNS_ASK_SERVERS]);
/* Ask those from now on, or this machine if there are none; not when
 * dns_ask_init was given an address.  Also for questions on their way. */
void	dns_ask_servers(const char *text);
/* The servers' port, for sandbox_port. */
uint16_t	dns_ask_port(void);
/* Read such an address: 0, or -1. */
int	dns_ask_parse(const char *, struct ip *, uint16_t *port);

/* fn is called later, never from inside.  NULL: out of memory, or no name. */
struct dns_ask	*dns_ask(const char *name, dns_ask_fn *, void *);
/* Not interested any more: fn is not called. */
void	dns_ask_cancel(struct dns_ask *);

#endif
