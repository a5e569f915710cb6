/* SPDX-License-Identifier: ISC */
/*
 * Counts that all workers share: see share.h.  Called by the policy steps
 * and at the end of each request.
 *
 * A rate is kept as one time a key, the "theoretical arrival" (tat) of the
 * next request that would be on schedule: each moves it by period / count,
 * and what would move it more than a period ahead of now is refused.  Keys
 * stand in sets of four ways, one cache line, found by a keyed hash; a new
 * key takes the way that is due first.
 *
 * Every word may hold anything: another process wrote it.
 */
#include "common/compat.h"

#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/ip.h"
#include "common/log.h"
#include "common/share.h"

#define SETS		16384		/* power of two */
#define WAYS		4
#define BUSY		2048		/* accounts at once; powers of two */
#define HELD		16384
#define ROWS		(BUSY + HELD)
#define PROBES		16
#define HIGH		0x10000u	/* a cell counts two kinds: low, high */

struct share_slot {
	_Atomic uint64_t	 key;		/* 0: free */
	_Atomic uint64_t	 tat;		/* ns, monotonic */
};
struct share_worker {		/* written by its worker alone */
	_Atomic uint64_t	 answers[SHARE_CLASSES][SHARE_STATUS];
	_Atomic uint64_t	 bucket[SHARE_CLASSES][SHARE_BUCKETS];
	_Atomic uint64_t	 us[SHARE_CLASSES];
	_Atomic uint64_t	 figure[SHARE_FIGURES];
};
struct share {
	struct share_slot	 slot[SETS][WAYS];
	/* A row an account.  Apart: what nobody uses is never touched. */
	_Atomic uint64_t	 account[ROWS];
	_Atomic uint32_t	 cell[ROWS][SHARE_WORKERS];
	struct share_worker	 worker[SHARE_WORKERS];
	uint64_t		 secret[2];
	_Atomic uint32_t	 workers;	/* slots ever used */
};

/* Those that we answer with, common ones first: they are looked for. */
const uint16_t	share_statuses[SHARE_STATUS - 1] = {
	200, 401, 404, 304, 206, 201, 204, 400, 403, 429, 100, 101, 202, 301,
	302, 303, 307, 308, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415,
	416, 417, 421, 422, 431, 500, 501, 502, 503, 505, 507
};

/* Where each is counted; those that last do not take the place of those
 * that come and go. */
static const struct share_kind {
	uint32_t	 first, rows, one;
} kinds[] = {
	[SHARE_REQUEST]	= { 0, BUSY, 1 },
	[SHARE_UPLOAD]	= { 0, BUSY, HIGH },
	[SHARE_EVENTS]	= { BUSY, HELD, 1 },
	[SHARE_SOCKET]	= { BUSY, HELD, HIGH },
};

const uint32_t	share_bounds_us[SHARE_BUCKETS - 1] = {
	100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000,
	250000, 1000000, 2500000, 10000000
};

static struct share		*all;
static struct share_worker	*mine;
static uint32_t			 self;
static uint64_t			 secret[2];

static void	share_private(void);
static void	share_take(uint32_t);
static void	share_clear(uint32_t);
static uint64_t	share_mix(uint64_t, uint64_t);
static struct share_slot *share_slot(uint64_t);
static uint32_t	share_running(uint32_t, uint32_t);
static int	share_row(uint64_t, const struct share_kind *);
static void	share_one(_Atomic uint64_t *, uint64_t);

int
share_make(void)
{
	uint64_t	 key[2];
	int		 fd = -1;

	arc4random_buf(key, sizeof(key));
	if (compat_shared(fd, (off_t)sizeof(struct share)) == -1 ||
	    pwrite(fd, key, sizeof(key), offsetof(struct share, secret)) !=
	    (ssize_t)sizeof(key)) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	return fd;
}

int
share_open(int fd, uint32_t slot)
{
	void	*p;

	if (slot >= SHARE_WORKERS) {
		errno = EINVAL;
		return -1;
	}
	p = mmap(NULL, sizeof(struct share), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -1;
	if (all != NULL)
		munmap(all, sizeof(*all));
	all = p;
	share_take(slot);
	return 0;
}

static void
share_private(void)
{
	void	*p;

	p = mmap(NULL, sizeof(struct share), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANON, -1, 0);
	if (p == MAP_FAILED)
		fatal("share");
	all = p;
	arc4random_buf(all->secret, sizeof(all->secret));
	share_take(0);
}

static void
share_take(uint32_t slot)
{
	uint32_t	 n = atomic_load(&all->workers);

	self = slot;
	mine = &all->worker[slot];
	memcpy(secret, all->secret, sizeof(secret));
	while (n <= slot && !atomic_compare_exchange_weak(&all->workers, &n,
	    slot + 1))
		continue;
	share_clear(slot);
}

/* What a worker of this slot left unfinished is over. */
static void
share_clear(uint32_t slot)
{
	size_t	 i;

	for (i = 0; i < ROWS; i++)
		if (atomic_load(&all->account[i]) != 0)
			atomic_store(&all->cell[i][slot], 0);
	for (i = SHARE_RUNNING; i < SHARE_FIGURES; i++)
		atomic_store(&all->worker[slot].figure[i], 0);
}

void
share_gone(uint32_t slot)
{
	if (all != NULL && slot < SHARE_WORKERS && slot != self)
		share_clear(slot);
}

/* --- rates -------------------------------------------------------------- */

/* Keyed: nobody can choose sources that meet in one set.  Never 0. */
static uint64_t
share_mix(uint64_t a, uint64_t b)
{
	uint64_t	 h;

	if (all == NULL)
		share_private();
	h = (a ^ secret[0]) * (secret[1] | 1);
	h ^= h >> 29;
	h = (h ^ b) * ((secret[0] ^ 0x9e3779b97f4a7c15ULL) | 1);
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	h ^= h >> 32;
	return h == 0 ? 1 : h;
}

uint64_t
share_key_account(uint64_t account)
{
	return share_mix(1, account);
}

uint64_t
share_key_ip(const struct ip *ip)
{
	uint64_t	 b = 0;

	/* one household of IPv6 has a whole /64 */
	memcpy(&b, ip->b, ip->af == IP_V4 ? 4 : 8);
	return share_mix((uint64_t)ip->af << 8, b);
}

/* The slot of a key, taken over if there was none. */
static struct share_slot *
share_slot(uint64_t key)
{
	struct share_slot	*set = all->slot[key & (SETS - 1)], *old = set;
	uint64_t		 k, tat, least = UINT64_MAX;
	int			 i;

	for (i = 0; i < WAYS; i++) {
		k = atomic_load_explicit(&set[i].key, memory_order_relaxed);
		if (k == key)
			return &set[i];
		tat = k == 0 ? 0 : atomic_load_explicit(&set[i].tat,
		    memory_order_relaxed);
		if (tat < least) {
			least = tat;
			old = &set[i];
		}
	}
	atomic_store(&old->key, key);
	atomic_store(&old->tat, 0);
	return old;
}

int
share_rate(uint64_t key, const struct conf_rate *r, int64_t now_us,
    struct share_left *left)
{
	struct share_slot	*s;
	uint64_t		 now = (uint64_t)now_us * 1000, tat, from;
	uint64_t		 period = r->period * 1000000, step;

	if (r->count == 0)
		return 1;
	if (all == NULL)
		share_private();
	step = period / r->count;
	if (step == 0)
		step = 1;
	s = share_slot(key);
	tat = atomic_load_explicit(&s->tat, memory_order_relaxed);
	/* A reload has made the period shorter, or a worker has gone bad. */
	if (tat > now + period &&
	    atomic_compare_exchange_strong(&s->tat, &tat, now + period))
		tat = now + period;
	do {
		from = tat < now ? now : tat;
		/* whatever another process has written meanwhile */
		if (from > now + period)
			from = now + period;
		if (from + step > now + period) {
			left->left = 0;
			left->reset_s = (from - now + 999999999) / 1000000000;
			left->wait_s = (from + step - now - period +
			    999999999) / 1000000000;
			return 0;
		}
	} while (!atomic_compare_exchange_weak(&s->tat, &tat, from + step));
	left->left = (now + period - from - step) / step;
	left->reset_s = (from + step - now + 999999999) / 1000000000;
	left->wait_s = 0;
	return 1;
}

/* --- at once ------------------------------------------------------------ */

/* Of all workers; what a cell claims cannot wrap the sum round. */
static uint32_t
share_running(uint32_t row, uint32_t one)
{
	uint32_t	 n = 0, i, c, max;

	max = atomic_load_explicit(&all->workers, memory_order_relaxed);
	if (max > SHARE_WORKERS)
		max = SHARE_WORKERS;
	for (i = 0; i < max; i++) {
		c = atomic_load(&all->cell[row][i]);
		n += one == HIGH ? c / HIGH : c % HIGH;
	}
	return n;
}

/* An account's row, taken over if it had none; -1: none is idle. */
static int
share_row(uint64_t account, const struct share_kind *kind)
{
	uint64_t	 h = share_key_account(account), was, k;
	uint64_t	 idle_was = 0;
	uint32_t	 i, row, idle = ROWS;

	for (i = 0; i < PROBES; i++) {
		row = kind->first + (uint32_t)((h + i) & (kind->rows - 1));
		k = atomic_load(&all->account[row]);
		if (k == account)
			return (int)row;
		if (idle == ROWS && (k == 0 || (share_running(row, 1) == 0 &&
		    share_running(row, HIGH) == 0))) {
			idle = row;
			idle_was = k;
		}
	}
	if (idle == ROWS)
		return -1;
	was = idle_was;
	if (!atomic_compare_exchange_strong(&all->account[idle], &was,
	    account) && was != account)
		return -1;
	return (int)idle;
}

int
share_enter(uint64_t account, enum share_busy what, uint64_t max)
{
	const struct share_kind	*kind = &kinds[what];
	int			 row;

	if (all == NULL)
		share_private();
	if ((row = share_row(account, kind)) == -1)
		return SHARE_UNCOUNTED;
	/* count, then look: two that come together may both be refused,
	 * but never are there more than max */
	atomic_fetch_add(&all->cell[row][self], kind->one);
	if (share_running((uint32_t)row, kind->one) > max) {
		atomic_fetch_sub(&all->cell[row][self], kind->one);
		return SHARE_FULL;
	}
	return row;
}

void
share_leave(int row, enum share_busy what)
{
	_Atomic uint32_t	*cell;
	uint32_t		 c, one = kinds[what].one;

	if (row < 0 || row >= ROWS)
		return;
	cell = &all->cell[row][self];
	c = atomic_load(cell);
	/* a second process in our slot may have cleared it */
	while ((one == 1 ? c % HIGH : c / HIGH) > 0 &&
	    !atomic_compare_exchange_weak(cell, &c, c - one))
		continue;
}

/* --- figures ------------------------------------------------------------ */

/* One writer: no locked instruction is needed. */
static void
share_one(_Atomic uint64_t *p, uint64_t n)
{
	atomic_store_explicit(p, atomic_load_explicit(p,
	    memory_order_relaxed) + n, memory_order_relaxed);
}

void
share_answered(unsigned int class, int status, int64_t us, uint64_t bytes)
{
	size_t	 i, k;

	if (all == NULL)
		share_private();
	if (class >= SHARE_CLASSES || status < 100 || status > 599)
		return;
	for (k = 0; k < SHARE_STATUS - 1 && share_statuses[k] != status; k++)
		continue;
	for (i = 0; i < SHARE_BUCKETS - 1 && us > share_bounds_us[i]; i++)
		continue;
	share_one(&mine->answers[class][k], 1);
	share_one(&mine->bucket[class][i], 1);
	share_one(&mine->us[class], us < 0 ? 0 : (uint64_t)us);
	share_one(&mine->figure[SHARE_BYTES], bytes);
}

void
share_add(enum share_figure f, uint64_t n)
{
	if (all == NULL)
		share_private();
	share_one(&mine->figure[f], n);
}

void
share_set(enum share_figure f, uint64_t n)
{
	if (all == NULL)
		share_private();
	atomic_store_explicit(&mine->figure[f], n, memory_order_relaxed);
}

void
share_total(struct share_sum *sum)
{
	const struct share_worker	*w;
	uint32_t			 i, c, k, max;

	if (all == NULL)
		share_private();
	memset(sum, 0, sizeof(*sum));
	max = atomic_load(&all->workers);
	if (max > SHARE_WORKERS)
		max = SHARE_WORKERS;
	for (i = 0; i < max; i++) {
		w = &all->worker[i];
		for (c = 0; c < SHARE_CLASSES; c++) {
			for (k = 0; k < SHARE_STATUS; k++)
				sum->answers[c][k] +=
				    atomic_load(&w->answers[c][k]);
			for (k = 0; k < SHARE_BUCKETS; k++)
				sum->bucket[c][k] +=
				    atomic_load(&w->bucket[c][k]);
			sum->us[c] += atomic_load(&w->us[c]);
		}
		for (k = 0; k < SHARE_FIGURES; k++)
			sum->figure[k] += atomic_load(&w->figure[k]);
	}
}
