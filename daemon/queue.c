/* SPDX-License-Identifier: ISC */
/*
 * The queue role: mail that leaves.  It is the only one to write the queue's
 * file, and the only one to speak to the relay.  Workers put mail into it
 * (queue_put.c) and work for it (queue_work.c).  This file is the role: its
 * messages, its start and its end.
 */
#include "common/compat.h"

#include <unistd.h>

#include "common/auth_ask.h"
#include "common/log.h"
#include "common/role.h"
#include "common/row.h"
#include "daemon/daemon.h"

static const char	*queue_user(const struct conf *);
static const char	*queue_dir(const struct conf *);
static const char	*queue_conf(struct conf *);
static void		 queue_peer(enum msg_proc, uint32_t, int);
static void		 queue_file(struct proc_peer *, struct msg *);
static void		 queue_show(struct proc_peer *, struct msg *);

static proc_fn *const queue_from_parent[MSG_MAX] = {
	[MSG_CONF_FILE]	= queue_file,
	[MSG_CTL_SHOW]	= queue_show,
};

static const struct role queue_role = {
	.id		= PROC_QUEUE,
	.handlers	= queue_from_parent,
	.user		= queue_user,
	.dir		= queue_dir,
	.files		= 1,
	.conf		= queue_conf,
	.peer		= queue_peer,
};

__dead void
queue(int argc, char *argv[])
{
	role_run(&queue_role, argc, argv);
}

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

static const char *
queue_conf(struct conf *c)
{
	(void)c;
	return NULL;
}

static void
queue_file(struct proc_peer *p, struct msg *m)
{
	(void)p;
	(void)m;
}

static void
queue_peer(enum msg_proc proc, uint32_t slot, int fd)
{
	(void)slot;
	if (proc == PROC_AUTH)
		auth_ask_open(0, fd);
	else
		close(fd);
}

static void
queue_show(struct proc_peer *p, struct msg *m)
{
	struct msg_ctl_end	 end = { 0 };
	struct buf		 b;

	buf_init(&b, ROW_MAX);
	row_add(&b, "process", "queue");
	row_addu(&b, "pid", (uint64_t)getpid());
	row_add(&b, "detail", "empty");
	proc_send(p, MSG_CTL_ROW, m->id, -1, NULL, b.data, b.len);
	proc_send(p, MSG_CTL_END, m->id, -1, &end, NULL, 0);
	buf_free(&b);
}
