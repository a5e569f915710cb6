/* SPDX-License-Identifier: ISC */
/*
 * What all workers count together: requests of an account or address in a
 * time, requests of an account at once, and the figures of /metrics.
 *
 * It is a piece of memory of fixed size that parent makes and never maps;
 * each worker gets its descriptor once (MSG_SHARE).  Counting by messages to
 * one process would cost each request a system call and a turn of two loops;
 * this costs some tens of nanoseconds, and no lock is ever held, so a worker
 * that is killed blocks nobody.  The price: a worker gone bad can write any
 * number here.  So only counts live in it, no identity and no secret of
 * worth, nothing of it is used as an index or a pointer, and parent, auth and
 * keys never see it: the worst is a limit that is not kept, or kept too
 * early, and wrong figures.
 *
 * Until share_open is called, the memory is this process's own (tests).
 */
#ifndef COMMON_SHARE_H
#define COMMON_SHARE_H

#include "common/compat.h"

struct conf_rate;
struct ip;

#define SHARE_WORKERS	256	/* slots of workers, as conf's maximum */

/* Make it: a descriptor for share_open, or -1 with errno.  For the parent. */
int	share_make(void);
/* Map it (the descriptor stays the caller's) as worker number slot, whose
 * requests in flight are none.  0, or -1 with errno. */
int	share_open(int fd, uint32_t slot);
/* The worker of another slot is dead and nobody takes its place soon: what
 * it counted as in flight is over. */
void	share_gone(uint32_t slot);

/* --- so many in a time ---------------------------------------------------- */

struct share_left {
	uint64_t	 left;		/* may still come at once */
	uint64_t	 reset_s;	/* until all of them may again */
	uint64_t	 wait_s;	/* refused: until one may; at least 1 */
};
/*
 * One more of this key at now_us (microseconds, monotonic): 1 it may, 0 it
 * is too many and was not counted.  A rate allows its count at once and as
 * many again evenly over each period (a generic cell rate algorithm: one
 * number a key).  Count 0: no limit, *left untouched.
 */
int	share_rate(uint64_t key, const struct conf_rate *, int64_t now_us,
	    struct share_left *left);
/* Keys: an account; an IPv4 address or an IPv6 /64. */
uint64_t	share_key_account(uint64_t account);
uint64_t	share_key_ip(const struct ip *);

/* --- so many at once ------------------------------------------------------ */

enum share_busy {
	SHARE_REQUEST, SHARE_UPLOAD,	/* soon over */
	SHARE_EVENTS, SHARE_SOCKET	/* as long as the client likes */
};
#define SHARE_FULL	(-1)	/* max of them run at this account */
#define SHARE_UNCOUNTED	(-2)	/* no place left to count in: let it run */
/*
 * One more of an account begins, at most max in all workers: its place, to
 * be given to share_leave, or one of the above.
 */
int	share_enter(uint64_t account, enum share_busy, uint64_t max);
void	share_leave(int place, enum share_busy);

/* --- figures -------------------------------------------------------------- */

#define SHARE_CLASSES	16
#define SHARE_STATUS	40	/* statuses told apart, and all others */
extern const uint16_t	share_statuses[SHARE_STATUS - 1];
#define SHARE_BUCKETS	15	/* of latency; the last has no bound */
extern const uint32_t	share_bounds_us[SHARE_BUCKETS - 1];

enum share_figure {
	/* counters: only grow, over a worker's death too */
	SHARE_BYTES, SHARE_COMMITS,
	SHARE_AUTH_OK, SHARE_AUTH_WRONG, SHARE_AUTH_LIMITED, SHARE_AUTH_OFF,
	SHARE_AUTH_BUSY,
	SHARE_OVER_ACCOUNT, SHARE_OVER_ANONYMOUS, SHARE_OVER_BUSY,
	SHARE_BANNED,
	/* gauges: what is now */
	SHARE_RUNNING, SHARE_ENVS,
	SHARE_FIGURES
};
/* A request of a class has been answered after us microseconds. */
void	share_answered(unsigned int class, int status, int64_t us,
	    uint64_t bytes);
void	share_add(enum share_figure, uint64_t);
void	share_set(enum share_figure, uint64_t);

struct share_sum {		/* over all workers */
	uint64_t	 answers[SHARE_CLASSES][SHARE_STATUS];
	uint64_t	 bucket[SHARE_CLASSES][SHARE_BUCKETS];
	uint64_t	 us[SHARE_CLASSES];
	uint64_t	 figure[SHARE_FIGURES];
};
void	share_total(struct share_sum *);

#endif
