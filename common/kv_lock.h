/* SPDX-License-Identifier: ISC */
/*
 * Who may read and write a file of kv.h, by flock(2), when LMDB's own shared
 * mutex and reader table are not used (KV_NOLOCK).  Used by kv.c alone.
 *
 * Two files beside the data: a writer holds w.lock from begin to end; a
 * process with readers holds r.lock shared, and a commit takes it for itself
 * for the moment.  A killed process lets go of both.  All of this does
 * nothing for locks that are not used.
 */
#ifndef COMMON_KV_LOCK_H
#define COMMON_KV_LOCK_H

struct kv_lock {
	int	 r, w;		/* descriptors; -1: not used */
};

/* Not used. */
void	kv_lock_init(struct kv_lock *);
/* Use those in the folder; 0, or -1 with errno, to be closed in any case. */
int	kv_lock_open(struct kv_lock *, const char *dir);
void	kv_lock_close(struct kv_lock *);
/* A transaction begins, beside so many readers of this process; waits for
 * another process's writer.  0, or -1 with errno. */
int	kv_lock_begin(const struct kv_lock *, int write, unsigned readers);
/* It is over, so many readers are left. */
void	kv_lock_end(const struct kv_lock *, int write, unsigned readers);
/* Before a writer's commit: wait until no other process reads. */
void	kv_lock_commit(const struct kv_lock *);
/* After it, with so many readers of this process. */
void	kv_lock_committed(const struct kv_lock *, unsigned readers);

#endif
