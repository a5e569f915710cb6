/* SPDX-License-Identifier: ISC */
/*
 * The push role: one day the only process that opens connections to the
 * outside, to deliver PushVerification and StateChange (RFC 8620 7.2).
 * Today it takes its configuration, gives up what it was started with, and
 * answers jmapctl; workers do not send it anything yet.  It exists so that
 * no later issue has to move a wall.
 */
#include "common/compat.h"

#include <unistd.h>

#include "common/log.h"
#include "common/role.h"
#include "common/row.h"
#include "daemon/daemon.h"

static const char	*push_user(const struct conf *);
static const char	*push_dir(const struct conf *);
static const char	*push_conf(struct conf *);
static void		 push_show(struct proc_peer *, struct msg *);

static proc_fn *const push_handlers[MSG_MAX] = {
	[MSG_CTL_SHOW]	= push_show,
};

static const struct role push_role = {
	.id		= PROC_PUSH,
	.handlers	= push_handlers,
	.user		= push_user,
	.dir		= push_dir,
	.conf		= push_conf,
};

__dead void
push(int argc, char *argv[])
{
	role_run(&push_role, argc, argv);
}

static const char *
push_user(const struct conf *c)
{
	return c->push_user;
}

static const char *
push_dir(const struct conf *c)
{
	return c->empty_dir;
}

static const char *
push_conf(struct conf *c)
{
	(void)c;
	return NULL;
}

static void
push_show(struct proc_peer *p, struct msg *m)
{
	struct msg_ctl_end	 end = { 0 };
	struct buf		 b;

	buf_init(&b, ROW_MAX);
	row_add(&b, "process", "push");
	row_addu(&b, "pid", (uint64_t)getpid());
	row_add(&b, "detail", "nothing to deliver to");
	proc_send(p, MSG_CTL_ROW, m->id, -1, NULL, b.data, b.len);
	proc_send(p, MSG_CTL_END, m->id, -1, &end, NULL, 0);
	buf_free(&b);
}
