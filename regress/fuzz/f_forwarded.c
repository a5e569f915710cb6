/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as Forwarded and X-Forwarded-For, to worker/policy/forwarded.c,
 * and as a host and a network.  The client must be the peer or an address
 * that a trusted one vouched for.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/hdr_check.h"
#include "worker/http/target.h"
#include "worker/policy/forwarded.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
walk(struct forwarded *f)
{
	static const struct ip_net	 lo = {
		{ IP_V4, { 127, 0, 0, 0 } }, 8
	};
	struct ip	 peer = { IP_V4, { 127, 0, 0, 1 } }, client;
	int		 proto;

	if (f->n > FORWARDED_HOPS)
		abort();
	forwarded_walk(f, &peer, &lo, 1, &client, &proto);
	if (client.af == IP_NONE)
		abort();
	peer.b[0] = 192;
	forwarded_walk(f, &peer, &lo, 1, &client, &proto);
	if (!ip_eq(&peer, &client) || proto != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct forwarded f;
	struct ip_net	 net;
	const char	*v;
	char		 host[TARGET_HOST_MAX + 1], *p, *s;
	size_t		 nlen, vlen;

	if ((p = malloc(n + 1)) == NULL || (s = malloc(n + 1)) == NULL)
		abort();
	memcpy(p, data, n);
	memcpy(s, data, n);
	s[n] = '\0';
	memset(&f, 0, sizeof(f));
	if (forwarded_7239(&f, p, n) == 0)
		walk(&f);
	memset(&f, 0, sizeof(f));
	if (forwarded_xff(&f, p, n) == 0)
		walk(&f);
	(void)ip_net_parse(&net, p, n);
	if (target_host(p, n, host) == 0 && host[0] == '\0')
		abort();
	if (hdr_check(s, &nlen, &v, &vlen) == NULL &&
	    (memchr(v, '\n', vlen) != NULL || nlen == 0))
		abort();
	free(p);
	free(s);
	return 0;
}
