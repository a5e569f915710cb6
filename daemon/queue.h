/* SPDX-License-Identifier: ISC */
/*
 * What the files of the queue role share.
 *
 *	queue.c		the role: configuration, pipes, the commit of a turn
 *	queue_put.c	calls of workers: put, go, drop, cancel
 *	queue_in.c	a message on its way in, pure
 *	queue_flow.c	the life of a message: when, what became of it, the end
 *	queue_work.c	work for workers: deliver, tell, ask
 *	queue_relay.c	what goes to the relay, over smtp_conn
 *	queue_bounce.c	whether the sender is told by mail; queue_dsn.c that
 *			mail, pure
 *	queue_ctl.c	jmapctl
 *	queue_db.c	the file; queue_msg.c its records
 *
 * A message is changed in memory, then written with all others that changed
 * in the same turn of the loop; who waits for that is answered after it.
 */
#ifndef DAEMON_QUEUE_H
#define DAEMON_QUEUE_H

#include "common/compat.h"
#include "common/conf.h"
#include "common/msg.h"
#include "common/proc.h"
#include "common/queue_ask.h"
#include "daemon/queue_in.h"
#include "daemon/queue_msg.h"

/* --- queue.c ------------------------------------------------------------ */

struct queue_worker {
	TAILQ_ENTRY(queue_worker)	 entry;
	uint32_t		 slot;
	struct proc_peer	 work;		/* our work for it */
	struct proc_peer	 calls;		/* its calls */
	struct queue_in		 in;		/* the PUT under way */
	unsigned int		 nputs;		/* not answered yet */
	struct queue_job	*job;		/* it works on */
};
TAILQ_HEAD(queue_workers, queue_worker);
extern struct queue_workers	queue_workers;

extern const struct conf	*queue_now;	/* the configuration */
extern struct msg_queue_stats	 queue_stats;

/* Commit at the end of this turn. */
void	queue_commit_soon(void);
/* A number never used before. */
uint64_t queue_new_id(void);

/* --- queue_put.c -------------------------------------------------------- */

extern proc_fn *const	queue_put_handlers[MSG_MAX];
void	queue_put_gone(struct queue_worker *);
/* What was put or canceled before is on the disk, or is not. */
void	queue_put_committed(int ok);

/* --- queue_flow.c ------------------------------------------------------- */

enum queue_class { QUEUE_SENT, QUEUE_TEMP, QUEUE_PERM };

void	queue_flow_init(void);
/* A message from the file; all are here. */
void	queue_flow_load(struct queue_msg *);
void	queue_flow_begin(void);
/* One that is new: it is settled when it is on the disk. */
void	queue_flow_add(struct queue_msg *);
/* Held until now: send it.  Or nobody wants it: delete it. */
void	queue_flow_go(struct queue_msg *);
void	queue_flow_drop(struct queue_msg *);
/* Nothing has left yet: it will not.  0, or -1: too late. */
int	queue_flow_undo(struct queue_msg *);
/* An attempt at a recipient begins; it ended, text is the reply.  After the
 * results of an attempt: settle, which may free the message. */
void	queue_flow_start(struct queue_msg *, uint32_t i);
void	queue_flow_unstart(struct queue_msg *, uint32_t i); /* no attempt */
void	queue_flow_result(struct queue_msg *, uint32_t i, enum queue_class,
	    const char *text);
/* After the results of an attempt at the relay: did it end without a word on
 * whether the mail was taken?  If not, and nobody has it, it can be undone
 * again. */
void	queue_flow_ended(struct queue_msg *, int unsure);
void	queue_flow_settle(struct queue_msg *);
/* enum queue_ask_undo of its submission, as far as it is known. */
uint32_t queue_flow_undone(const struct queue_msg *);
/* Give up, or try again now, what waits: for jmapctl. */
void	queue_flow_stop(struct queue_msg *);
void	queue_flow_retry(struct queue_msg *);
/* When the sender of a recipient that waits is to be told that it takes long;
 * INT64_MAX never. */
int64_t	queue_flow_notice(const struct queue_msg *,
	    const struct queue_rcpt *);
struct queue_msg	*queue_flow_find(uint64_t id);
/* The last one put for a submission, or NULL. */
struct queue_msg	*queue_flow_sub(uint64_t account, uint64_t submission);
/* The one of the same number that was put before it, or NULL. */
struct queue_msg	*queue_flow_sub_prev(const struct queue_msg *);
/* The one with the least id >= that, or NULL. */
struct queue_msg	*queue_flow_next(uint64_t id);
/* Room for one more?  1 or 0. */
int	queue_flow_room(uint64_t bytes, uint32_t nrcpt);

/* --- queue_bounce.c ----------------------------------------------------- */

/* Mail to the sender, as far as it is due; no attempt runs. */
void	queue_bounce_due(struct queue_msg *);

/* --- queue_time.c ------------------------------------------------------- */

/* ms until the next attempt after n of them; random: any number. */
int64_t	queue_time_wait(uint32_t n, int64_t first, int64_t max,
	    uint32_t random);

/* --- queue_work.c ------------------------------------------------------- */

void	queue_work_deliver(struct queue_msg *, uint32_t i);
void	queue_work_tell(struct queue_msg *);	/* its submission */
void	queue_work_ask(struct queue_msg *);	/* is there one? */
void	queue_work_forget(struct queue_msg *);	/* no more of those two */
extern proc_fn *const	queue_work_handlers[MSG_MAX];
void	queue_work_gone(struct queue_worker *);
/* Somebody may have become idle. */
void	queue_work_next(void);

/* --- queue_relay.c ------------------------------------------------------ */

void	queue_relay_init(void);
/* NULL, or what is wrong (static text).  pass and ca may be NULL; they are
 * copied. */
const char	*queue_relay_conf(const struct conf *, const char *pass,
	    const char *ca, size_t ca_len);
/* It has recipients for the relay that are due. */
void	queue_relay_add(struct queue_msg *);
void	queue_relay_del(struct queue_msg *);
/* Connections that are open. */
size_t	queue_relay_conns(void);

/* --- queue_ctl.c -------------------------------------------------------- */

proc_fn	queue_ctl;
proc_fn	queue_ctl_show;

#endif
