/* SPDX-License-Identifier: ISC */
/*
 * A set of banned networks, each until some time: in the parent what is
 * dropped at accept, in a worker what a proxy's client is refused by.
 * Asked for every connection and request, so an empty set costs a compare,
 * a full one a lookup for each length of prefix that is in use.
 */
#ifndef COMMON_BANSET_H
#define COMMON_BANSET_H

#include "common/compat.h"
#include "common/ip.h"

#define BANSET_MAX	65536	/* networks */

struct banset_net {
	struct ip_net	 net;
	int64_t		 until;		/* wall clock, ms; 0: for ever */
	uint32_t	 next;		/* in the bucket; next free */
	uint32_t	 used;
};
struct banset {
	struct banset_net	*v;
	uint32_t		 cap, n;	/* allocated, used */
	uint32_t		 free;
	uint32_t		*bucket;
	uint32_t		 lens[2][129];	/* nets of a prefix, v4, v6 */
	uint8_t			 used[2][129];	/* those that are not 0 */
	uint8_t			 nused[2];
	uint64_t		 secret[2];
};
#define BANSET_NONE	UINT32_MAX

/* An empty set; fatal without memory. */
void	banset_init(struct banset *);
void	banset_free(struct banset *);
/* Add a network or change its time: its place in v, which is stable, or
 * BANSET_NONE: the set is full. */
uint32_t banset_put(struct banset *, const struct ip_net *, int64_t until);
/* The place of exactly this network, or BANSET_NONE. */
uint32_t banset_get(const struct banset *, const struct ip_net *);
void	banset_remove(struct banset *, uint32_t place);
/* The place of a network that holds this address and has not expired at
 * now (wall clock, ms), or BANSET_NONE. */
uint32_t banset_find(const struct banset *, const struct ip *, int64_t now);
/* The network of that many bits that an address is in. */
void	banset_net(struct ip_net *, const struct ip *, unsigned int bits);

#endif
