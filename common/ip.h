/* SPDX-License-Identifier: ISC */
/*
 * Addresses of peers, and networks of them.  An IPv4 address that arrives
 * mapped into IPv6 (::ffff:a.b.c.d) is folded to IPv4 at once, so that no
 * ban or list can be walked around by its other spelling.
 */
#ifndef COMMON_IP_H
#define COMMON_IP_H

#include "common/compat.h"

struct sockaddr;

enum ip_af { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6, IP_UNIX = 1 };

/* Fixed width, no padding: may cross a process boundary as it is. */
struct ip {
	uint8_t	 af;		/* enum ip_af */
	uint8_t	 b[16];		/* network order; IPv4 in the first four */
};

struct ip_net {
	struct ip	 ip;	/* host bits zero */
	uint8_t		 bits;	/* length of the prefix */
};

#define IP_STRLEN	46	/* bytes of any text form, NUL too */

/* From a socket address; sets *port (host order) unless NULL.  An unknown
 * family gives IP_NONE. */
void	ip_from_sa(struct ip *, uint16_t *port, const struct sockaddr *);
/* From the 16 bytes of an IPv6 address, folded if it is a mapped one. */
void	ip_set6(struct ip *, const uint8_t *);
/* The len characters as inet_pton reads them: no zone, no short or octal
 * IPv4, no brackets.  0, or -1. */
int	ip_parse(struct ip *, const char *, size_t len);
/* "address" or "address/bits"; set host bits are an error.  0, or -1. */
int	ip_net_parse(struct ip_net *, const char *, size_t len);
/* Text into out; "unix" and "-" for those that have none.  Returns out. */
const char	*ip_str(const struct ip *, char out[IP_STRLEN]);
int	ip_eq(const struct ip *, const struct ip *);
/* 1 if the address lies in the network; families never match across. */
int	ip_in(const struct ip *, const struct ip_net *);
/*
 * 1 if the address is global unicast: not one of the special purposes of
 * RFC 6890 and IANA's registries, also where such a one is embedded in it
 * (NAT64; 6to4 and Teredo are refused whole).  In ip_global.c.
 */
int	ip_global(const struct ip *);
/* 127.0.0.0/8, ::1, or a unix socket. */
int	ip_loopback(const struct ip *);

#endif
