/* SPDX-License-Identifier: ISC */
/*
 * The queue's file, one LMDB environment:
 *
 *	'm' id(8)			a message (queue_msg_put)
 *	'r' id(8) number(4)		one of its recipients
 *	'c' id(8) number(4)		a piece of its content, all of
 *					QUEUE_DB_PIECE bytes but the last
 *	'v'				version of this layout, 4 bytes
 *
 * Numbers are big-endian.  Pieces of an id without 'm' are what a process
 * left that died while it took the message in: deleted at the start.
 *
 * Changes are collected and written in one transaction by queue_db_commit,
 * so that waits for the disk coincide.
 */
#ifndef DAEMON_QUEUE_DB_H
#define DAEMON_QUEUE_DB_H

#include "common/compat.h"
#include "common/kv.h"
#include "daemon/queue_msg.h"

/* Eight pages of LMDB's with their header. */
#define QUEUE_DB_PIECE	(8 * 4096 - 16)

/* Open or create; load calls fn for each message, which is then fn's.  0, or
 * -1 (logged). */
int	queue_db_open(const char *dir, enum kv_sync);
int	queue_db_load(void (*fn)(struct queue_msg *));
void	queue_db_close(void);

/* Its record, or one of its recipients, is to be written. */
void	queue_db_dirty(struct queue_msg *);
void	queue_db_dirty_rcpt(struct queue_msg *, uint32_t i);
/* 1 if something waits for a commit. */
int	queue_db_pending(void);
/* All of it: 0, or -1 (logged) and it still waits.  After it fn is called for
 * each message that is new in the file. */
int	queue_db_commit(void (*fn)(struct queue_msg *));
/* It is not to be written: what has been of it is deleted instead. */
void	queue_db_forget(struct queue_msg *);

/* Write the whole pieces of m->content now and take them off it: for what is
 * too large to wait in memory.  0 or -1. */
int	queue_db_spill(struct queue_msg *);
/* Content from an offset: bytes copied, at least one; -1. */
ssize_t	queue_db_read(const struct queue_msg *, uint64_t off, void *, size_t);

#endif
