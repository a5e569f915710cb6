/* SPDX-License-Identifier: ISC */
/*
 * Counters of faults in memory of fixed size: see ban.h.  A counter is one
 * number, the time at which it will be empty ("due"); a fault moves it by
 * period / count, and what lies more than a period ahead is too much.  They
 * stand in sets of eight found by a keyed hash, so that a stranger can
 * neither fill the memory nor aim at somebody else's counter.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/log.h"
#include "daemon/ban.h"

#define WAYS	8
#define SETS	(BAN_SLOTS / WAYS)
#define FINE	1000		/* parts of a millisecond, for short steps */

struct slot {
	uint64_t	 key[2];
	int64_t		 due;		/* FINE; 0: free */
};
struct ban_count {
	struct slot	 slot[SETS][WAYS];
	uint64_t	 secret[2];
};

static struct slot	*ban_count_slot(struct ban_count *,
			    const uint64_t [2]);

struct ban_count *
ban_count_new(void)
{
	struct ban_count	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		fatal("ban_count");
	arc4random_buf(t->secret, sizeof(t->secret));
	return t;
}

void
ban_count_free(struct ban_count *t)
{
	free(t);
}

void
ban_count_key(uint8_t key[16], uint32_t kind, const struct ip_net *net)
{
	memset(key, 0, 16);
	memcpy(key, net->ip.b, 8);	/* no counter is for more than a /64 */
	key[8] = net->ip.af;
	key[9] = net->bits;
	key[10] = (uint8_t)kind;
}

/* The slot of that key, fresh if there was none. */
static struct slot *
ban_count_slot(struct ban_count *t, const uint64_t key[2])
{
	struct slot	*set, *s, *old;
	uint64_t	 h;

	h = (key[0] ^ t->secret[0]) * (t->secret[1] | 1);
	h ^= h >> 31;
	h = (h ^ key[1]) * ((t->secret[0] ^ 0x9e3779b97f4a7c15ULL) | 1);
	h ^= h >> 32;
	old = set = t->slot[h % SETS];
	for (s = set; s < set + WAYS; s++) {
		if (s->due != 0 && s->key[0] == key[0] && s->key[1] == key[1])
			return s;
		if (s->due < old->due)
			old = s;
	}
	memcpy(old->key, key, sizeof(old->key));
	old->due = 0;
	return old;
}

void
ban_count_forget(struct ban_count *t, const uint8_t key[16])
{
	uint64_t	 k[2];

	memcpy(k, key, sizeof(k));
	ban_count_slot(t, k)->due = 0;
}

int
ban_count_hit(struct ban_count *t, const uint8_t key[16],
    const struct conf_rate *r, unsigned int times, int64_t now)
{
	struct slot	*s;
	uint64_t	 k[2];
	int64_t		 period = (int64_t)r->period * FINE, step;

	if (r->count == 0)
		return 0;
	now *= FINE;
	memcpy(k, key, sizeof(k));
	s = ban_count_slot(t, k);
	step = period / (int64_t)r->count / (int64_t)times;
	if (step == 0)
		step = 1;
	if (s->due < now)
		s->due = now;
	s->due += step;
	if (s->due <= now + period)
		return 0;
	s->due = now + period;		/* it does not grow without end */
	return 1;
}
