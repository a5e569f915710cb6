/* SPDX-License-Identifier: ISC */
/*
 * DNS messages (RFC 1035 4) as far as a stub resolver needs them that looks
 * for addresses.  Pure: bytes in, values out.
 */
#ifndef DAEMON_DNS_MSG_H
#define DAEMON_DNS_MSG_H

#include "common/compat.h"
#include "common/ip.h"

#define DNS_MSG_A	1
#define DNS_MSG_AAAA	28
#define DNS_MSG_NAME	254	/* bytes of a name as text, with NUL */
#define DNS_MSG_QUERY	300	/* bytes of any query of ours */
#define DNS_MSG_UDP	1232	/* bytes of an answer that we ask for */
#define DNS_MSG_ADDRS	16	/* of an answer; more are left out */

enum dns_msg_result {
	DNS_MSG_BAD,		/* not an answer to this question */
	DNS_MSG_OK,		/* n may be 0: the name has none */
	DNS_MSG_CUT,		/* truncated: ask again by TCP */
	DNS_MSG_NXDOMAIN,
	DNS_MSG_FAILED		/* the server cannot say */
};

struct dns_msg_answer {
	struct ip	 ip[DNS_MSG_ADDRS];
	size_t		 n;
	uint32_t	 ttl;	/* s, the least of those used */
};

/*
 * A query for a name's addresses of a type into out, which has room for
 * DNS_MSG_QUERY bytes; with EDNS (RFC 6891).  Its length, or 0: that is no
 * name.
 */
size_t	dns_msg_query(const char *name, uint16_t type, uint16_t id,
	    uint8_t *out);
/*
 * Read an answer of len bytes to the query that dns_msg_query made with the
 * same name, type and id.  Aliases (CNAME) in it are followed, at most 8.
 */
enum dns_msg_result	dns_msg_answer(const uint8_t *, size_t len,
			    const char *name, uint16_t type, uint16_t id,
			    struct dns_msg_answer *);

#endif
