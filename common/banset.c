/* SPDX-License-Identifier: ISC */
/*
 * Banned networks: see banset.h.  A hash of (prefix, length); an address is
 * looked up once for each length that some network has.  The hash is keyed,
 * so that nobody can choose addresses that meet in one bucket.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/banset.h"
#include "common/log.h"

#define BUCKETS	16384		/* power of two */

static uint32_t	*banset_bucket(const struct banset *, const struct ip_net *);
static int	 banset_grow(struct banset *);
static void	 banset_length(struct banset *, const struct ip_net *, int);

void
banset_init(struct banset *s)
{
	size_t	 i;

	memset(s, 0, sizeof(*s));
	s->free = BANSET_NONE;
	arc4random_buf(s->secret, sizeof(s->secret));
	if ((s->bucket = reallocarray(NULL, BUCKETS, sizeof(*s->bucket))) ==
	    NULL)
		fatal("banset");
	for (i = 0; i < BUCKETS; i++)
		s->bucket[i] = BANSET_NONE;
}

void
banset_free(struct banset *s)
{
	free(s->v);
	free(s->bucket);
	memset(s, 0, sizeof(*s));
}

void
banset_net(struct ip_net *net, const struct ip *ip, unsigned int bits)
{
	unsigned int	 max = ip->af == IP_V4 ? 32 : 128, i;

	memset(net, 0, sizeof(*net));
	net->ip.af = ip->af;
	if (bits > max)
		bits = max;
	net->bits = (uint8_t)bits;
	memcpy(net->ip.b, ip->b, (bits + 7) / 8);
	for (i = bits; i % 8 != 0; i++)
		net->ip.b[i / 8] &= (uint8_t)~(0x80 >> i % 8);
}

static uint32_t *
banset_bucket(const struct banset *s, const struct ip_net *net)
{
	uint64_t	 w[2], h;

	memcpy(w, net->ip.b, sizeof(w));
	h = (w[0] ^ s->secret[0]) * (s->secret[1] | 1);
	h ^= h >> 31;
	h = (h ^ w[1] ^ net->bits ^ (uint64_t)net->ip.af << 8) *
	    ((s->secret[0] ^ 0x9e3779b97f4a7c15ULL) | 1);
	h ^= h >> 32;
	return &s->bucket[h & (BUCKETS - 1)];
}

static int
banset_same(const struct ip_net *a, const struct ip_net *b)
{
	return a->bits == b->bits && ip_eq(&a->ip, &b->ip);
}

uint32_t
banset_get(const struct banset *s, const struct ip_net *net)
{
	uint32_t	 i;

	for (i = *banset_bucket(s, net); i != BANSET_NONE; i = s->v[i].next)
		if (banset_same(&s->v[i].net, net))
			break;
	return i;
}

uint32_t
banset_find(const struct banset *s, const struct ip *ip, int64_t now)
{
	struct ip_net	 net;
	unsigned int	 k, six = ip->af == IP_V6;
	uint32_t	 i;

	if (s->n == 0 || (ip->af != IP_V4 && ip->af != IP_V6))
		return BANSET_NONE;
	for (k = 0; k < s->nused[six]; k++) {
		banset_net(&net, ip, s->used[six][k]);
		i = banset_get(s, &net);
		if (i != BANSET_NONE &&
		    (s->v[i].until == 0 || s->v[i].until > now))
			return i;
	}
	return BANSET_NONE;
}

static int
banset_grow(struct banset *s)
{
	uint32_t		 i, cap = s->cap == 0 ? 64 : s->cap * 2;
	struct banset_net	*v;

	if (cap > BANSET_MAX ||
	    (v = recallocarray(s->v, s->cap, cap, sizeof(*v))) == NULL)
		return -1;
	s->v = v;
	for (i = cap; i-- > s->cap; ) {
		v[i].next = s->free;
		s->free = i;
	}
	s->cap = cap;
	return 0;
}

/* One more or less of that length: which ones are in use? */
static void
banset_length(struct banset *s, const struct ip_net *net, int more)
{
	unsigned int	 six = net->ip.af == IP_V6, bits;
	uint32_t	*n = &s->lens[six][net->bits];

	*n += (uint32_t)more;
	if (*n > 1 || (*n == 1 && more < 0))
		return;
	s->nused[six] = 0;
	for (bits = 129; bits-- > 0; )
		if (s->lens[six][bits] > 0)
			s->used[six][s->nused[six]++] = (uint8_t)bits;
}

uint32_t
banset_put(struct banset *s, const struct ip_net *net, int64_t until)
{
	uint32_t	*b, i = banset_get(s, net);

	if (i == BANSET_NONE) {
		if (s->free == BANSET_NONE && banset_grow(s) == -1)
			return BANSET_NONE;
		i = s->free;
		s->free = s->v[i].next;
		b = banset_bucket(s, net);
		s->v[i].net = *net;
		s->v[i].next = *b;
		s->v[i].used = 1;
		*b = i;
		s->n++;
		banset_length(s, net, 1);
	}
	s->v[i].until = until;
	return i;
}

void
banset_remove(struct banset *s, uint32_t place)
{
	struct banset_net	*e = &s->v[place];
	uint32_t		*p;

	if (place >= s->cap || !e->used)
		return;
	for (p = banset_bucket(s, &e->net); *p != place; p = &s->v[*p].next)
		continue;
	*p = e->next;
	banset_length(s, &e->net, -1);
	s->n--;
	e->used = 0;
	e->next = s->free;
	s->free = place;
}
