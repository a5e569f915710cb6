/* SPDX-License-Identifier: ISC */
/*
 * Readers and writers of a file in several processes, by flock(2): see
 * kv_lock.h.  Called by kv.c around LMDB's transactions; knows nothing of
 * LMDB.
 */
#include "common/compat.h"

#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/kv_lock.h"
#include "common/log.h"

#define LOCK_PATHMAX	1100

static int	lock_take(int, int);

void
kv_lock_init(struct kv_lock *l)
{
	l->r = l->w = -1;
}

/* Each process opens its own: flock belongs to the open file. */
int
kv_lock_open(struct kv_lock *l, const char *dir)
{
	char	 path[LOCK_PATHMAX];
	int	 n;

	n = snprintf(path, sizeof(path), "%s/r.lock", dir);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	l->r = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	snprintf(path, sizeof(path), "%s/w.lock", dir);
	l->w = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return l->r == -1 || l->w == -1 ? -1 : 0;
}

void
kv_lock_close(struct kv_lock *l)
{
	if (l->r != -1)
		close(l->r);
	if (l->w != -1)
		close(l->w);
	kv_lock_init(l);
}

static int
lock_take(int fd, int how)
{
	while (flock(fd, how) == -1)
		if (errno != EINTR)
			return -1;
	return 0;
}

/* The first reader takes the lock for all of its process. */
int
kv_lock_begin(const struct kv_lock *l, int write, unsigned readers)
{
	if (l->r == -1 || (!write && readers > 0))
		return 0;
	return write ? lock_take(l->w, LOCK_EX) : lock_take(l->r, LOCK_SH);
}

void
kv_lock_end(const struct kv_lock *l, int write, unsigned readers)
{
	if (l->r != -1 && (write || readers == 0))
		flock(write ? l->w : l->r, LOCK_UN);
}

/* A reader of ours turns its lock over for the moment; its pages are safe
 * for one commit. */
void
kv_lock_commit(const struct kv_lock *l)
{
	if (l->r != -1 && lock_take(l->r, LOCK_EX) == -1)
		fatal("flock");
}

void
kv_lock_committed(const struct kv_lock *l, unsigned readers)
{
	if (l->r != -1)
		flock(l->r, readers > 0 ? LOCK_SH : LOCK_UN);
}
