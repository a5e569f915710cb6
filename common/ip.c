/* SPDX-License-Identifier: ISC */
/* Addresses and networks; see ip.h.  Text is read by inet_pton alone. */
#include "common/compat.h"

#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ip.h"

static const uint8_t	mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255 };

void
ip_from_sa(struct ip *ip, uint16_t *port, const struct sockaddr *sa)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;
	uint16_t		 p = 0;

	memset(ip, 0, sizeof(*ip));
	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&sin, sa, sizeof(sin));
		ip->af = IP_V4;
		memcpy(ip->b, &sin.sin_addr, 4);
		p = ntohs(sin.sin_port);
		break;
	case AF_INET6:
		memcpy(&sin6, sa, sizeof(sin6));
		ip_set6(ip, sin6.sin6_addr.s6_addr);
		p = ntohs(sin6.sin6_port);
		break;
	case AF_UNIX:
		ip->af = IP_UNIX;
		break;
	}
	if (port != NULL)
		*port = p;
}

int
ip_parse(struct ip *ip, const char *s, size_t len)
{
	char	 tmp[IP_STRLEN];
	uint8_t	 b[16];

	if (len == 0 || len >= sizeof(tmp) || memchr(s, '\0', len) != NULL)
		return -1;
	memcpy(tmp, s, len);
	tmp[len] = '\0';
	memset(ip, 0, sizeof(*ip));
	if (inet_pton(AF_INET, tmp, b) == 1) {
		ip->af = IP_V4;
		memcpy(ip->b, b, 4);
		return 0;
	}
	if (inet_pton(AF_INET6, tmp, b) != 1)
		return -1;
	ip_set6(ip, b);
	return 0;
}

void
ip_set6(struct ip *ip, const uint8_t *b)
{
	if (memcmp(b, mapped, sizeof(mapped)) == 0) {
		ip->af = IP_V4;
		memcpy(ip->b, b + 12, 4);
	} else {
		ip->af = IP_V6;
		memcpy(ip->b, b, 16);
	}
}

int
ip_net_parse(struct ip_net *net, const char *s, size_t len)
{
	const char	*slash;
	unsigned int	 bits, i, max;
	size_t		 n;

	slash = memchr(s, '/', len);
	n = slash == NULL ? len : (size_t)(slash - s);
	if (ip_parse(&net->ip, s, n) == -1)
		return -1;
	bits = max = net->ip.af == IP_V4 ? 32 : 128;
	if (slash != NULL) {
		if (len - n < 2 || len - n > 4)
			return -1;
		for (bits = 0, i = n + 1; i < len; i++) {
			if (s[i] < '0' || s[i] > '9')
				return -1;
			bits = bits * 10 + (unsigned int)(s[i] - '0');
		}
		if (bits > max || (s[n + 1] == '0' && len - n > 2))
			return -1;
	}
	for (i = bits; i < max; i++)
		if (net->ip.b[i / 8] & (0x80 >> i % 8))
			return -1;
	net->bits = (uint8_t)bits;
	return 0;
}

const char *
ip_str(const struct ip *ip, char out[IP_STRLEN])
{
	int	 af;

	if (ip->af != IP_V4 && ip->af != IP_V6) {
		strlcpy(out, ip->af == IP_UNIX ? "unix" : "-", IP_STRLEN);
		return out;
	}
	af = ip->af == IP_V4 ? AF_INET : AF_INET6;
	if (inet_ntop(af, ip->b, out, IP_STRLEN) == NULL)
		strlcpy(out, "-", IP_STRLEN);
	return out;
}

int
ip_eq(const struct ip *a, const struct ip *b)
{
	return a->af == b->af && memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int
ip_in(const struct ip *ip, const struct ip_net *net)
{
	unsigned int	 whole = net->bits / 8, rest = net->bits % 8;

	if (ip->af != net->ip.af)
		return 0;
	if (memcmp(ip->b, net->ip.b, whole) != 0)
		return 0;
	return rest == 0 ||
	    ((ip->b[whole] ^ net->ip.b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

int
ip_loopback(const struct ip *ip)
{
	static const uint8_t	 one[16] = { [15] = 1 };

	switch (ip->af) {
	case IP_V4:
		return ip->b[0] == 127;
	case IP_V6:
		return memcmp(ip->b, one, 16) == 0;
	case IP_UNIX:
		return 1;
	}
	return 0;
}
