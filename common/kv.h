/* SPDX-License-Identifier: ISC */
/*
 * An ordered key-value file over LMDB: one environment in a folder of its
 * own, one unnamed database in it, keys of 1 to 511 bytes in memcmp order.
 * Whoever wants several tables gives each a first byte.
 *
 * Invariants
 * - Open after fork only, close before it, once per process and folder.
 * - A transaction never lives across a turn of the event loop: the file
 *   cannot be grown, nor old pages used again, while one is open.
 * - Any number of readers may stand beside the one writer; a second writer,
 *   in whatever process, waits in kv_begin for the first.
 * - A value is bytes in the map, valid until the transaction ends or writes.
 * - LMDB is not safe against a hostile file: no privileged process opens one.
 *
 * Errors are -1 with errno: ENOSPC or EIO from the disk, EPROTO for a file
 * that is no LMDB of ours or is damaged, EAGAIN when the map was too small:
 * it is larger at the next kv_begin, run the transaction again.  After -1
 * from a put or del the transaction can only be aborted.
 */
#ifndef COMMON_KV_H
#define COMMON_KV_H

#include "common/slice.h"

#define KV_KEYMAX	511

/* What a commit waits for. */
enum kv_sync {
	KV_FULL,	/* data and meta page: survives a power cut */
	KV_META,	/* data only: may lose the last commits, never tears */
	KV_OFF		/* nothing: a power cut may destroy the file */
};

/*
 * Lock with two flock(2) files instead of LMDB's shared mutex and reader
 * table.  The only way on OpenBSD, where a killed writer would hold the
 * mutex for ever; on Linux for those who want no lock.mdb, and for tests.
 */
#define KV_NOLOCK	0x01
#define KV_READ		0x02	/* never write */
#define KV_SMALL	0x04	/* a map of 16 MiB to begin with, not 1 GiB */

struct kv;
struct kv_txn;

/* Open or create in the existing folder dir. */
struct kv	*kv_open(const char *dir, unsigned flags, enum kv_sync);
void	 kv_close(struct kv *);
/* 1 when the file was unlinked behind our back. */
int	 kv_gone(const struct kv *);
/* Environments this process has open, and commits of writers so far. */
void	 kv_figures(uint64_t *open, uint64_t *commits);
/* Bytes of the file in use; what the map could hold. */
void	 kv_usage(struct kv *, uint64_t *used, uint64_t *map);

/* write: 1 for a writer.  Sets *txn; 0 or -1. */
int	 kv_begin(struct kv *, int write, struct kv_txn **);
/* Both end the transaction, whatever they return. */
int	 kv_commit(struct kv_txn *);
void	 kv_abort(struct kv_txn *);
/*
 * A write transaction around fn, run again when the map had to grow: fn
 * returns 0, or -1 with errno, and must be able to run twice (kv_write.c).
 * 0 when it is on the disk, or -1 with errno.
 */
typedef int	 kv_write_fn(struct kv_txn *, void *);
int	 kv_write(struct kv *, kv_write_fn *, void *);

/* 1 and *val, 0 when there is no such key, -1. */
int	 kv_get(struct kv_txn *, const void *key, size_t n, struct slice *val);
/* Create or replace; 0 or -1. */
int	 kv_put(struct kv_txn *, const void *key, size_t n, const void *val,
	    size_t len);
/* 1 deleted, 0 was not there, -1. */
int	 kv_del(struct kv_txn *, const void *key, size_t n);
/* Delete all keys that begin with the n bytes; how many, or -1. */
int64_t	 kv_del_prefix(struct kv_txn *, const void *prefix, size_t n);
/* The least key >= bound: 1, 0, -1. */
int	 kv_after(struct kv_txn *, const void *bound, size_t n,
	    struct slice *key, struct slice *val);

/*
 * Walk the keys k with lo <= k < hi, upward, or downward with reverse.
 * An empty hi has no bound.  Deleting or adding keys meanwhile is allowed,
 * but *key and *val then point nowhere until the next step.
 */
struct kv_range {
	struct kv_txn	*txn;
	void		*cursor;
	uint8_t		 last[KV_KEYMAX + 1];	/* where we stand */
	uint8_t		 stop[KV_KEYMAX + 1];	/* where to stop */
	size_t		 nlast, nstop;
	int		 reverse;
	int		 state;
};
int	 kv_range(struct kv_range *, struct kv_txn *, struct slice lo,
	    struct slice hi, int reverse);
/* Exactly the keys that begin with the n bytes (n < KV_KEYMAX). */
int	 kv_prefix(struct kv_range *, struct kv_txn *, const void *, size_t n,
	    int reverse);
/* 1 and a key and its value, 0 at the end, -1. */
int	 kv_next(struct kv_range *, struct slice *key, struct slice *val);
/* Must be called, before the transaction ends. */
void	 kv_done(struct kv_range *);

#endif
