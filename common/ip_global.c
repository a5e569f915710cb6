/* SPDX-License-Identifier: ISC */
/*
 * Which addresses the outside world has: see ip.h.  Called before anything
 * connects to where a stranger says.  What is not known to be global is not.
 */
#include "common/compat.h"

#include <string.h>

#include "common/ip.h"

static int	global_4(const uint8_t *);
static int	global_6(const uint8_t *);
static int	global_in(const struct ip *, const struct ip_net *, size_t);

/* https://www.iana.org/assignments/iana-ipv4-special-registry, multicast
 * and what is reserved */
static const struct ip_net special_4[] = {
#define V4(a, b, c, bits)	{ { IP_V4, { a, b, c } }, bits }
	V4(0, 0, 0, 8),			/* this network */
	V4(10, 0, 0, 8),		/* private */
	V4(100, 64, 0, 10),		/* shared, RFC 6598 */
	V4(127, 0, 0, 8),		/* loopback */
	V4(169, 254, 0, 16),		/* link-local; metadata services */
	V4(172, 16, 0, 12),		/* private */
	V4(192, 0, 0, 24),		/* protocol assignments */
	V4(192, 0, 2, 24),		/* documentation */
	V4(192, 88, 99, 24),		/* 6to4 relay, RFC 7526 */
	V4(192, 168, 0, 16),		/* private */
	V4(198, 18, 0, 15),		/* benchmarks */
	V4(198, 51, 100, 24),		/* documentation */
	V4(203, 0, 113, 24),		/* documentation */
	V4(224, 0, 0, 4),		/* multicast */
	V4(240, 0, 0, 4),		/* reserved, broadcast */
};

/* Of 2000::/3, beside which nothing is global unicast (RFC 4291 2.4). */
static const struct ip_net special_6[] = {
#define V6(a, b, c, d, bits)	{ { IP_V6, { a, b, c, d } }, bits }
	V6(0x20, 0x01, 0x00, 0x00, 23),	/* protocols: Teredo, ORCHID, ... */
	V6(0x20, 0x01, 0x0d, 0xb8, 32),	/* documentation */
	V6(0x20, 0x02, 0x00, 0x00, 16),	/* 6to4 */
	V6(0x3f, 0xff, 0x00, 0x00, 20),	/* documentation, RFC 9637 */
};

int
ip_global(const struct ip *ip)
{
	switch (ip->af) {
	case IP_V4:
		return global_4(ip->b);
	case IP_V6:
		return global_6(ip->b);
	}
	return 0;
}

static int
global_in(const struct ip *ip, const struct ip_net *v, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (ip_in(ip, &v[i]))
			return 1;
	return 0;
}

static int
global_4(const uint8_t *b)
{
	struct ip	 ip = { IP_V4, { 0 } };

	memcpy(ip.b, b, 4);
	return !global_in(&ip, special_4, nitems(special_4));
}

static int
global_6(const uint8_t *b)
{
	/* RFC 6052 2.1: the well-known prefix of NAT64 */
	static const uint8_t	 nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	struct ip		 ip = { IP_V6, { 0 } };

	if (memcmp(b, nat64, sizeof(nat64)) == 0)
		return global_4(b + 12);
	memcpy(ip.b, b, 16);
	return (b[0] & 0xe0) == 0x20 &&
	    !global_in(&ip, special_6, nitems(special_6));
}
