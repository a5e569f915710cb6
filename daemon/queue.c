/* SPDX-License-Identifier: ISC */
/*
 * The queue role: mail that leaves.  It is the only one to write the queue's
 * file, and the only one to speak to the relay.  Workers put mail into it
 * (queue_put.c) and work for it (queue_work.c).  This file is the role: its
 * messages, its start and its end, and the commit at the end of a turn of the
 * loop.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/auth_ask.h"
#include "common/date.h"
#include "common/log.h"
#include "common/role.h"
#include "daemon/daemon.h"
#include "daemon/dns_ask.h"
#include "daemon/queue.h"
#include "daemon/queue_db.h"
#include "daemon/smtp_resolve.h"

#define QUEUE_FILE	(4 << 20)	/* bytes of a file from the parent */
#define QUEUE_AGAIN	5		/* s after a commit that failed */

struct queue_workers	 queue_workers = TAILQ_HEAD_INITIALIZER(queue_workers);
const struct conf	*queue_now;
struct msg_queue_stats	 queue_stats;

static struct buf	 queue_files[MSG_FILES];	/* on their way in */
static struct event	 queue_ev_commit, queue_ev_stats;
static struct msg_queue_stats	 queue_said;	/* to the parent */
static uint64_t		 queue_last;		/* number given out */

static const char	*queue_user(const struct conf *);
static const char	*queue_dir(const struct conf *);
static void		 queue_init(const struct conf *);
static const char	*queue_conf(struct conf *);
static const char	*queue_text(enum msg_file);
static const char	*queue_start(const struct conf *);
static void		 queue_load(struct queue_msg *);
static void		 queue_stop(void);
static void		 queue_file(struct proc_peer *, struct msg *);
static void		 queue_peer(enum msg_proc, uint32_t, int);
static struct queue_worker	*queue_worker(uint32_t);
static void		 queue_work_closed(struct proc_peer *);
static void		 queue_calls_closed(struct proc_peer *);
static void		 queue_commit(int, short, void *);
static void		 queue_tell(int, short, void *);

static proc_fn *const queue_from_parent[MSG_MAX] = {
	[MSG_CONF_FILE]	= queue_file,
	[MSG_CTL_SHOW]	= queue_ctl_show,
	[MSG_CTL_QUEUE]	= queue_ctl,
};

static const struct role queue_role = {
	.id		= PROC_QUEUE,
	.handlers	= queue_from_parent,
	.init		= queue_init,
	.user		= queue_user,
	.dir		= queue_dir,
	.files		= 1,
	.conf		= queue_conf,
	.peer		= queue_peer,
	.stop		= queue_stop,
};

__dead void
queue(int argc, char *argv[])
{
	size_t	 i;

	for (i = 0; i < nitems(queue_files); i++)
		buf_init(&queue_files[i], QUEUE_FILE);
	role_run(&queue_role, argc, argv);
}

/* --- the configuration -------------------------------------------------- */

static const char *
queue_user(const struct conf *c)
{
	return c->queue_user;
}

static const char *
queue_dir(const struct conf *c)
{
	return c->queue_dir;
}

/* Everything that a library would open later. */
static void
queue_init(const struct conf *c)
{
	(void)c;
	queue_relay_init();
}

/* A piece of a file; all of them are here before the configuration ends. */
static void
queue_file(struct proc_peer *p, struct msg *m)
{
	const struct msg_conf_file	*h = m->fixed;

	(void)p;
	if (h->what >= MSG_FILES ||
	    buf_add(&queue_files[h->what], m->tail, m->tail_len) == -1)
		fatalx("a file that is none of ours");
}

static const char *
queue_conf(struct conf *c)
{
	struct buf	*pass = &queue_files[MSG_FILE_PASSWORD];
	struct buf	*ca = &queue_files[MSG_FILE_CA];
	const char	*why, *secret = NULL;
	size_t		 i;

	if (pass->len > 0) {
		secret = buf_str(pass);
		/* an editor's newline is not part of it */
		pass->data[strcspn((char *)pass->data, "\r\n")] = '\0';
	}
	smtp_resolve_hosts(queue_text(MSG_FILE_HOSTS));
	dns_ask_servers(queue_text(MSG_FILE_RESOLV));
	why = queue_relay_conf(c, secret, ca->len > 0 ? buf_str(ca) : NULL,
	    ca->len);
	buf_freezero(pass);
	for (i = 0; i < MSG_FILES; i++)
		buf_free(&queue_files[i]);
	if (why != NULL)
		return why;
	if (queue_now == NULL)
		return queue_start(c);
	queue_now = c;
	return NULL;
}

/* A file as text; none is empty. */
static const char *
queue_text(enum msg_file what)
{
	struct buf	*b = &queue_files[what];

	return b->len > 0 ? buf_str(b) : "";
}

static const char *
queue_start(const struct conf *c)
{
	static const enum kv_sync	 syncs[] = {
		[CONF_SYNC_FULL] = KV_FULL,
		[CONF_SYNC_META] = KV_META,
		[CONF_SYNC_OFF] = KV_OFF,
	};
	const char			*root = role_root();

	queue_now = c;
	evtimer_set(&queue_ev_commit, queue_commit, NULL);
	evtimer_set(&queue_ev_stats, queue_tell, NULL);
	queue_flow_init();
	if (queue_db_open(*root == '\0' ? "/" : root, syncs[c->sync]) == -1 ||
	    queue_db_load(queue_load) == -1)
		return "the queue in queue-dir cannot be read";
	queue_flow_begin();
	queue_tell(-1, 0, NULL);
	return NULL;
}

static void
queue_load(struct queue_msg *m)
{
	if (m->id > queue_last)
		queue_last = m->id;
	queue_flow_load(m);
}

static void
queue_stop(void)
{
	queue_db_commit(queue_flow_settle);
	queue_db_close();
}

/* --- the end of a turn -------------------------------------------------- */

void
queue_commit_soon(void)
{
	struct timeval	 now = { 0, 0 };

	if (!evtimer_pending(&queue_ev_commit, NULL))
		evtimer_add(&queue_ev_commit, &now);
}

static void
queue_commit(int fd, short what, void *arg)
{
	struct timeval	 tv = { QUEUE_AGAIN, 0 };
	int		 ok;

	(void)fd;
	(void)what;
	(void)arg;
	ok = queue_db_commit(queue_flow_settle) == 0;
	queue_put_committed(ok);
	if (!ok && queue_db_pending())
		evtimer_add(&queue_ev_commit, &tv);
}

/* Grows with the clock, so that a number is not used again after a restart
 * with an empty queue. */
uint64_t
queue_new_id(void)
{
	uint64_t	 now = (uint64_t)date_now() << 8;

	queue_last = now > queue_last ? now : queue_last + 1;
	return queue_last;
}

/* The figures, for /metrics, when they have changed. */
static void
queue_tell(int fd, short what, void *arg)
{
	struct timeval		 tv = { 1, 0 };
	struct queue_msg	*m;

	(void)fd;
	(void)what;
	(void)arg;
	evtimer_add(&queue_ev_stats, &tv);
	queue_stats.held = queue_stats.deferred = 0;
	for (m = queue_flow_next(0); m != NULL; m = queue_flow_next(m->id + 1))
		if (m->state == QUEUE_HELD || m->hold > date_now())
			queue_stats.held++;
		else if (m->rcpt[0].fate == QUEUE_WAITS &&
		    m->rcpt[0].attempts > 0)
			queue_stats.deferred++;
	if (memcmp(&queue_said, &queue_stats, sizeof(queue_said)) == 0)
		return;
	queue_said = queue_stats;
	proc_send(&role_parent, MSG_QUEUE_STATS, 0, -1, &queue_said, NULL, 0);
}

/* --- pipes -------------------------------------------------------------- */

static struct queue_worker *
queue_worker(uint32_t slot)
{
	struct queue_worker	*w;

	TAILQ_FOREACH(w, &queue_workers, entry)
		if (w->slot == slot)
			return w;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		fatal("queue");
	w->slot = slot;
	TAILQ_INSERT_TAIL(&queue_workers, w, entry);
	return w;
}

static void
queue_peer(enum msg_proc proc, uint32_t slot, int fd)
{
	int			 calls = (slot & MSG_PEER_CALLS) != 0;
	struct queue_worker	*w;
	struct proc_peer	*p;

	if (proc == PROC_AUTH) {
		auth_ask_open(0, fd);
		return;
	}
	if (proc != PROC_WORKER)
		fatalx("a pipe to %s", msg_procs[proc]);
	w = queue_worker(slot & ~(uint32_t)MSG_PEER_CALLS);
	p = calls ? &w->calls : &w->work;
	if (p->open) {
		/* a new worker in the place of one whose end we missed */
		proc_close(p);
		if (calls)
			queue_put_gone(w);
		else
			queue_work_gone(w);
	}
	proc_open(p, PROC_WORKER, w->slot, fd, calls ? queue_put_handlers :
	    queue_work_handlers, calls ? queue_calls_closed :
	    queue_work_closed, w);
	queue_work_next();
}

static void
queue_work_closed(struct proc_peer *p)
{
	queue_work_gone(p->arg);
}

static void
queue_calls_closed(struct proc_peer *p)
{
	queue_put_gone(p->arg);
}
