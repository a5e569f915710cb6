/* SPDX-License-Identifier: ISC */
/*
 * What the limits cost a request in processor time: the counts that workers
 * share, and the look at the list of bans.  One line each; fails when all
 * that one request pays is 0.3 us or more (issue 3).
 *
 *	b_limits [workers]
 */
#include "common/compat.h"

#include <sys/wait.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/banset.h"
#include "common/conf.h"
#include "common/share.h"

#define TURNS	2000000
#define KEYS	5000		/* accounts that take turns */
#define NETS	10000		/* bans */

static const struct conf_rate	rate = { UINT32_MAX, 60000 };
static struct banset		bans;
static int64_t			clock_us = 1000000;

static void
b_rate(uint64_t i)
{
	struct share_left	 left;

	share_rate(share_key_account(i % KEYS), &rate, clock_us + (int64_t)i,
	    &left);
}

static void
b_busy(uint64_t i)
{
	share_leave(share_enter(1 + i % KEYS, SHARE_REQUEST, 4),
	    SHARE_REQUEST);
}

static void
b_ban(uint64_t i)
{
	struct ip	 ip = { IP_V4, { 192, 0, (uint8_t)(i >> 8),
			    (uint8_t)i } };

	banset_find(&bans, &ip, 5);
}

static void
b_count(uint64_t i)
{
	share_answered(i % 13, 200, (int64_t)(i % 5000), 100);
}

static double
b_run(const char *name, void (*fn)(uint64_t))
{
	struct timespec	 a, b;
	uint64_t	 i;
	double		 ns;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (i = 0; i < TURNS; i++)
		fn(i);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 +
	    (double)(b.tv_nsec - a.tv_nsec)) / TURNS;
	printf("%-28s %6.1f ns\n", name, ns);
	return ns;
}

/* Others that count in the same memory all the time. */
static void
b_rival(int fd, uint32_t slot)
{
	uint64_t	 i;

	if (share_open(fd, slot) == -1)
		err(1, "share");
	for (i = 0;; i++) {
		b_rate(i);
		b_busy(i);
	}
}

int
main(int argc, char *argv[])
{
	struct ip_net	 net = { { IP_V4, { 10 } }, 32 };
	pid_t		 pid[SHARE_WORKERS];
	uint32_t	 i, n = argc > 1 ? (uint32_t)atoi(argv[1]) : 4;
	double		 ns;
	int		 fd;

	if ((fd = share_make()) == -1 || n == 0 || n > SHARE_WORKERS)
		err(1, "share");
	for (i = 1; i < n; i++)
		if ((pid[i] = fork()) == 0)
			b_rival(fd, i);
	if (share_open(fd, 0) == -1)
		err(1, "share");
	banset_init(&bans);
	for (i = 0; i < NETS; i++) {
		net.ip.b[2] = (uint8_t)(i >> 8);
		net.ip.b[3] = (uint8_t)i;
		banset_put(&bans, &net, 0);
	}
	printf("%u workers, %d accounts, %d bans\n", n, KEYS, NETS);
	ns = b_run("rate", b_rate);
	ns += b_run("requests at once", b_busy);
	ns += b_run("ban list", b_ban);
	ns += b_run("figures", b_count);
	printf("%-28s %6.1f ns\n", "a request, all of it", ns);
	for (i = 1; i < n; i++)
		kill(pid[i], SIGKILL);
	while (wait(NULL) != -1)
		continue;
	return ns < 300 ? 0 : 1;
}
