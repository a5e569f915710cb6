/* SPDX-License-Identifier: ISC */
/*
 * The life that all roles share: see role.h.  Called by each role's own
 * function; the parent has no part in this.
 */
#include "common/compat.h"

#include <assert.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/role.h"
#include "common/sandbox.h"

struct proc_peer	role_parent;
uint32_t		role_slot;

static const struct role	*role;
static struct conf		*role_now;	/* in force */
static struct conf		*role_next;	/* on its way in, or NULL */
static proc_fn			*role_handlers[MSG_MAX];
static char			*role_dir;
static int			 role_dropped;

static void	role_args(int, char *[]);
static void	role_gone(struct proc_peer *);
static void	role_begin(struct proc_peer *, struct msg *);
static void	role_set(struct proc_peer *, struct msg *);
static void	role_end(struct proc_peer *, struct msg *);
static void	role_peer(struct proc_peer *, struct msg *);
static void	role_verbose(struct proc_peer *, struct msg *);
static void	role_ping(struct proc_peer *, struct msg *);
static void	role_drop(const struct conf *);

__dead void
role_run(const struct role *r, int argc, char *argv[])
{
	static proc_fn *const	 own[MSG_MAX] = {
		[MSG_CONF_BEGIN]	= role_begin,
		[MSG_CONF_SET]		= role_set,
		[MSG_CONF_END]		= role_end,
		[MSG_PEER]		= role_peer,
		[MSG_VERBOSE]		= role_verbose,
		[MSG_PING]		= role_ping,
	};
	size_t			 i;

	role = r;
	proc_self = r->id;
	role_args(argc, argv);
	for (i = 0; i < MSG_MAX; i++) {
		role_handlers[i] = own[i];
		if (r->handlers == NULL || r->handlers[i] == NULL)
			continue;
		assert(own[i] == NULL);
		role_handlers[i] = r->handlers[i];
	}
	/* a terminal's ctrl-C goes to the whole group: parent says when */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	event_init();
	proc_open(&role_parent, PROC_PARENT, 0, PROC_FD, role_handlers,
	    role_gone, NULL);
	event_dispatch();
	fatalx("the event loop ended");
}

static void
role_args(int argc, char *argv[])
{
	const char	*bad = NULL;
	char		 name[32];
	int		 c, to_stderr = 0;

	optind = 1;
	while ((c = getopt(argc, argv, "df:I:nT:vW:")) != -1)
		switch (c) {
		case 'd':
			to_stderr = 1;
			break;
		case 'I':
			role_slot = strtonum(optarg, 0, 65535, &bad);
			break;
		case 'v':
			log_setverbose(1);
			break;
		default:
			break;
		}
	if (bad != NULL)
		errx(1, "-I: %s", bad);
	snprintf(name, sizeof(name), "jmapd %s", msg_procs[role->id]);
	if (role->id == PROC_WORKER)
		snprintf(name, sizeof(name), "jmapd worker %u", role_slot);
	log_init(name, to_stderr);
}

static void
role_gone(struct proc_peer *p)
{
	(void)p;
	log_debug("the parent has gone");
	if (role->stop != NULL)
		role->stop();
	exit(0);
}

static void
role_begin(struct proc_peer *p, struct msg *m)
{
	const struct msg_conf	*h = m->fixed;

	(void)p;
	conf_free(role_next);
	role_next = conf_new();
	role_next->generation = h->generation;
	role_next->previous = h->previous;
}

static void
role_set(struct proc_peer *p, struct msg *m)
{
	(void)p;
	if (role_next == NULL || conf_set(role_next, m) == -1)
		fatalx("a configuration value that is none of ours");
}

/* The parent decides whether all have taken it; we only say for ourselves. */
static void
role_end(struct proc_peer *p, struct msg *m)
{
	struct msg_ready	 ready = { 0, 1 };
	const char		*why;

	(void)m;
	if (role_next == NULL)
		fatalx("the end of a configuration without its begin");
	log_setjson(role_next->log_format == CONF_LOG_JSON);
	if (!role_dropped)
		role_drop(role_next);
	ready.generation = role_next->generation;
	if ((why = role->conf(role_next)) != NULL) {
		ready.ok = 0;
		conf_free(role_next);
	} else {
		if (!role->hold)
			conf_free(role_now);
		role_now = role_next;
		log_debug("has configuration %u", ready.generation);
	}
	role_next = NULL;
	proc_send(p, MSG_READY, 0, -1, &ready, why,
	    why == NULL ? 0 : strlen(why));
}

void
role_confine(enum msg_proc id, const struct conf *c, const char *user,
    const char *dir, int files, uint64_t memory)
{
	int	 root = geteuid() == 0;

	if (c->network_namespace)
		sandbox_network(id);
	proc_drop(user, dir);
	sandbox_enter(id, !files ? NULL : root ? "/" : dir, memory);
}

static void
role_drop(const struct conf *c)
{
	role_dropped = 1;
	if ((role_dir = strdup(role->dir(c))) == NULL)
		fatal("role");
	if (role->init != NULL)
		role->init(c);
	if (geteuid() == 0)
		*role_dir = '\0';
	role_confine(role->id, c, role->user(c), role->dir(c), role->files,
	    role->memory == NULL ? 0 : role->memory(c));
}

const char *
role_root(void)
{
	assert(role_dropped);
	return role_dir;
}

static void
role_peer(struct proc_peer *p, struct msg *m)
{
	const struct msg_peer	*h = m->fixed;
	int			 fd = m->fd;

	(void)p;
	if (!role_dropped || h->proc >= PROC_CTL)
		fatalx("a pipe to nobody");
	m->fd = -1;
	if (role->peer != NULL)
		role->peer(h->proc, h->slot, fd);
	else
		close(fd);
}

static void
role_verbose(struct proc_peer *p, struct msg *m)
{
	const struct msg_verbose	*h = m->fixed;

	(void)p;
	log_setverbose(h->verbose != 0);
}

/* Some worker asks whether we are well. */
static void
role_ping(struct proc_peer *p, struct msg *m)
{
	struct msg_pong	 h = { proc_self };

	proc_send(p, MSG_PONG, m->id, -1, &h, NULL, 0);
}
