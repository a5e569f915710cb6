/* SPDX-License-Identifier: ISC */
/*
 * The table of connections and the counts of their sources: see
 * listen_table.h.  Both grow with the connections that there are, never
 * beyond the configured limit, and nothing in them lasts longer than its
 * connection.  The hash is keyed, so that nobody can choose colliding
 * sources.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/ip.h"
#include "common/log.h"
#include "daemon/daemon.h"
#include "daemon/listen_table.h"

#define NONE		UINT32_MAX
#define TABLE_BUCKETS	4096	/* power of two */
#define TABLE_SEEN	32768	/* peers of workers remembered; likewise */
#define TABLE_SLOTS	256	/* workers */
#define TABLE_WIDE	4	/* an IPv6 /48 has so many times as many as a
				 * /64 (security.md 3.3) */

struct table_conn {
	struct child	*child;		/* NULL: free */
	uint32_t	 source, wide;	/* items of sources, or NONE */
	uint32_t	 next, prev;	/* of the same child; next free */
	struct ip	 peer;
	int		 tells;		/* the peer may tell of others */
};
struct table_source {
	uint64_t	 key[2];	/* family and length, then prefix */
	uint32_t	 count;
	uint32_t	 next;		/* in the bucket; next free */
};

static struct table_conn	*conns;
static struct table_source	*sources;
static uint32_t			 nconns, nsources;	/* allocated */
static uint32_t			 free_conn = NONE, free_source = NONE;
static uint32_t			 buckets[TABLE_BUCKETS];
static uint64_t			 secret;
static size_t			 count;
static uint64_t			 max_all = 1, max_source = 1;
static uint64_t			 seen[TABLE_SEEN];	/* hashes, or 0 */
static uint8_t			 told[TABLE_SLOTS];	/* has had a proxy */

static int	table_grow_conns(void);
static int	table_grow_sources(void);
static uint32_t	*table_bucket(const uint64_t [2]);
static uint64_t	table_hash(const uint64_t [2]);
static uint64_t	table_seen(uint32_t, const struct ip *);
static int	table_sources(const struct ip *, uint32_t *, uint32_t *);
static int	table_source(const struct ip *, size_t, uint64_t,
		    uint32_t *);
static void	table_source_less(uint32_t);

void
listen_table_limits(uint64_t all, uint64_t source)
{
	size_t	 i;

	max_all = all < NONE - 1 ? all : NONE - 1;
	max_source = source;
	if (secret != 0)
		return;
	arc4random_buf(&secret, sizeof(secret));
	secret |= 1;
	for (i = 0; i < TABLE_BUCKETS; i++)
		buckets[i] = NONE;
}

size_t
listen_table_count(void)
{
	return count;
}

int
listen_table_crowded(void)
{
	return count > max_all - max_all / 10;
}

int
listen_table_add(const struct ip *ip, struct child *c, uint32_t *out)
{
	struct table_conn	*t;
	uint32_t		 n, source = NONE, wide = NONE;

	if (count >= max_all || (free_conn == NONE &&
	    table_grow_conns() == -1))
		return -1;
	if (ip != NULL && table_sources(ip, &source, &wide) == -1)
		return -1;
	n = free_conn;
	t = &conns[n];
	free_conn = t->next;
	t->child = c;
	t->source = source;
	t->wide = wide;
	t->prev = NONE;
	t->next = c->conns;
	if (t->next != NONE)
		conns[t->next].prev = n;
	c->conns = n;
	c->nconns++;
	count++;
	*out = n;
	return 0;
}

int
listen_table_end(struct child *c, uint32_t n)
{
	struct table_conn	*t;

	if (n >= nconns || (t = &conns[n])->child != c)
		return -1;
	if (t->next != NONE)
		conns[t->next].prev = t->prev;
	if (t->prev != NONE)
		conns[t->prev].next = t->next;
	else
		c->conns = t->next;
	c->nconns--;
	count--;
	if (t->source != NONE)
		table_source_less(t->source);
	if (t->wide != NONE)
		table_source_less(t->wide);
	t->child = NULL;
	t->next = free_conn;
	free_conn = n;
	return 0;
}

/* Twice as many, the new ones on the free list. */
static int
table_grow_conns(void)
{
	uint32_t		 i, n = nconns == 0 ? 64 : nconns * 2;
	struct table_conn	*p;

	if (nconns > NONE / 4 ||
	    (p = reallocarray(conns, n, sizeof(*p))) == NULL)
		return -1;
	conns = p;
	for (i = n; i-- > nconns;) {
		conns[i].child = NULL;
		conns[i].next = free_conn;
		free_conn = i;
	}
	nconns = n;
	return 0;
}

static int
table_grow_sources(void)
{
	uint32_t		 i, n = nsources == 0 ? 64 : nsources * 2;
	struct table_source	*p;

	if (nsources > NONE / 4 ||
	    (p = reallocarray(sources, n, sizeof(*p))) == NULL)
		return -1;
	sources = p;
	for (i = n; i-- > nsources;) {
		sources[i].next = free_source;
		free_source = i;
	}
	nsources = n;
	return 0;
}

static uint64_t
table_hash(const uint64_t key[2])
{
	uint64_t	 h = (key[0] ^ secret) * secret;

	h ^= h >> 29;
	h = (h ^ key[1]) * (secret | 0x9e3779b97f4a7c15ULL);
	h ^= h >> 32;
	return h;
}

static uint32_t *
table_bucket(const uint64_t key[2])
{
	return &buckets[table_hash(key) & (TABLE_BUCKETS - 1)];
}

/* --- who came to whom --------------------------------------------------- */

static uint64_t
table_seen(uint32_t slot, const struct ip *ip)
{
	uint64_t	 key[2];
	uint64_t	 h;

	memcpy(key, ip->b, sizeof(key));
	h = table_hash(key);
	key[0] = h;
	key[1] = (uint64_t)slot << 8 | ip->af;
	h = table_hash(key);
	return h == 0 ? 1 : h;
}

void
listen_table_from(uint32_t n, const struct ip *peer, int tells)
{
	struct table_conn	*t = &conns[n];
	uint64_t		 h = table_seen(t->child->slot, peer);

	t->peer = *peer;
	t->tells = tells;
	seen[h >> 40 & (TABLE_SEEN - 1)] = h;
	if (tells && t->child->slot < TABLE_SLOTS)
		told[t->child->slot] = 1;
}

int
listen_table_peer(const struct child *c, uint32_t n, struct ip *peer,
    int *tells)
{
	if (n >= nconns || conns[n].child != c)
		return -1;
	*peer = conns[n].peer;
	*tells = conns[n].tells;
	return 0;
}

int
listen_table_knows(uint32_t slot, const struct ip *ip)
{
	uint64_t	 h = table_seen(slot, ip);

	return seen[h >> 40 & (TABLE_SEEN - 1)] == h ||
	    (slot < TABLE_SLOTS && told[slot]);
}

/* One household of IPv6 has a whole /64, and one customer easily the /48. */
static int
table_sources(const struct ip *ip, uint32_t *source, uint32_t *wide)
{
	if (table_source(ip, ip->af == IP_V4 ? 4 : 8, max_source,
	    source) == -1)
		return -1;
	if (ip->af == IP_V4 || table_source(ip, 6, max_source * TABLE_WIDE,
	    wide) == 0)
		return 0;
	table_source_less(*source);
	return -1;
}

/* Count one more of the source with so many bytes of ip: 0 with its item, or
 * -1: it has enough. */
static int
table_source(const struct ip *ip, size_t bytes, uint64_t max, uint32_t *out)
{
	uint64_t	 key[2] = { (uint64_t)bytes << 8 | ip->af, 0 };
	uint32_t	*b, i;

	memcpy(&key[1], ip->b, bytes);
	b = table_bucket(key);
	for (i = *b; i != NONE; i = sources[i].next)
		if (memcmp(sources[i].key, key, sizeof(key)) == 0)
			break;
	if (i != NONE) {
		if (sources[i].count >= max)
			return -1;
		sources[i].count++;
		*out = i;
		return 0;
	}
	if (free_source == NONE && table_grow_sources() == -1)
		return -1;
	i = free_source;
	free_source = sources[i].next;
	memcpy(sources[i].key, key, sizeof(key));
	sources[i].count = 1;
	sources[i].next = *b;
	*b = i;
	*out = i;
	return 0;
}

static void
table_source_less(uint32_t n)
{
	uint32_t	*p;

	if (--sources[n].count > 0)
		return;
	for (p = table_bucket(sources[n].key); *p != n; p = &sources[*p].next)
		continue;
	*p = sources[n].next;
	sources[n].next = free_source;
	free_source = n;
}
