/* SPDX-License-Identifier: ISC */
/* Addresses and networks from text, for tests.  Include after cmocka.h. */
#ifndef IP_HELP_H
#define IP_HELP_H

#include <string.h>

#include "common/ip.h"

static inline struct ip
addr(const char *s)
{
	struct ip	 ip;

	assert_int_equal(ip_parse(&ip, s, strlen(s)), 0);
	return ip;
}

static inline struct ip_net
net(const char *s)
{
	struct ip_net	 n;

	assert_int_equal(ip_net_parse(&n, s, strlen(s)), 0);
	return n;
}

#endif
