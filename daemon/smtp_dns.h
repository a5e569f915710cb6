/* SPDX-License-Identifier: ISC */
/*
 * Questions to a name server for the addresses of one host, and its answers:
 * RFC 1035 4, RFC 3596.  Pure; smtp_resolve.c has the sockets.
 */
#ifndef DAEMON_SMTP_DNS_H
#define DAEMON_SMTP_DNS_H

#include "common/compat.h"
#include "common/ip.h"
#include "common/parse.h"

#define SMTP_DNS_UDP	512	/* RFC 1035 2.3.4: bytes of a message */
#define SMTP_DNS_IPS	16	/* addresses taken of an answer */
#define SMTP_DNS_A	1
#define SMTP_DNS_AAAA	28

struct smtp_dns {
	struct ip	 ips[SMTP_DNS_IPS];
	size_t		 n;
	uint32_t	 ttl;		/* seconds, the least of all records */
	int		 rcode;		/* RFC 1035 4.1.1: 0 ok, 3 no such name */
};

/* A question into out; its length, or 0: that is no name of a host. */
size_t	smtp_dns_ask(uint8_t out[SMTP_DNS_UDP], uint16_t id, const char *name,
	    unsigned int type);
/*
 * PARSE_DONE: the n bytes are the answer to that question, *d is set (n may
 * be 0 in it).  PARSE_ERROR: they are something else, to be passed over.
 */
enum parse	smtp_dns_read(const void *, size_t n, uint16_t id,
		    const char *name, unsigned int type, struct smtp_dns *d);

#endif
