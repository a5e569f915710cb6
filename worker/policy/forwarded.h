/* SPDX-License-Identifier: ISC */
/*
 * Where a proxied request comes from: Forwarded (RFC 7239) and
 * X-Forwarded-For, pure parsers and the walk along the hops
 * (security.md 1.8).
 */
#ifndef WORKER_POLICY_FORWARDED_H
#define WORKER_POLICY_FORWARDED_H

#include "common/compat.h"
#include "common/ip.h"

#define FORWARDED_HOPS	32
#define FORWARDED_BYTES	4096
#define FORWARDED_HOST	128	/* bytes of a host, else it is not taken */

struct forwarded_hop {
	struct ip	 ip;		/* IP_NONE: hidden, unknown, garbage */
	int		 proto;		/* 0 not said, 1 http, 2 https */
	char		 host[FORWARDED_HOST];	/* as said, "" if not */
};
struct forwarded {
	struct forwarded_hop	 hop[FORWARDED_HOPS];
	size_t			 n;
	size_t			 bytes;
	const struct forwarded_hop *at;	/* the walk's: the client's, or NULL */
	int			 hidden;	/* the walk's: ended at IP_NONE */
};

/* Append the hops of one field value.  0, or -1: too many or too long;
 * nothing of the request's hops may be used then. */
int	forwarded_7239(struct forwarded *, const char *, size_t);
int	forwarded_xff(struct forwarded *, const char *, size_t);
/*
 * From the last hop to the first, as far as trusted proxies vouch: the
 * client in *client (the peer itself if it is not trusted), and the
 * protocol said of the hop that it is, in *proto; a hop whose address is
 * hidden ends the walk and may still say the protocol.
 */
void	forwarded_walk(struct forwarded *, const struct ip *peer,
	    const struct ip_net *trusted, size_t ntrusted, struct ip *client,
	    int *proto);

#endif
