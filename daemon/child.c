/* SPDX-License-Identifier: ISC */
/*
 * The parent's children: starting, wiring to each other, burying, starting
 * again.  Called by parent.c.  A child is stopped by closing its pipe, so
 * that the parent needs no right to signal another user's process.
 */
#include "common/compat.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "common/log.h"
#include "daemon/daemon.h"

#define CHILD_LINGER	20	/* ms from the end of the pipe to a zombie */

struct child_list	 child_list = TAILQ_HEAD_INITIALIZER(child_list);

static const struct parent_opts	*child_opts;
static int			 child_ending;

static const char	*child_program(enum msg_proc);
static void	child_gone(struct proc_peer *);
static void	child_died(struct child *, int);
static void	child_let_go(const struct child *);
static void	child_again(int, short, void *);
static void	child_wire(struct child *);
static void	child_connect(struct child *, struct child *, uint32_t);
static struct child	*child_by_pid(pid_t);

void
child_init(const struct parent_opts *o)
{
	child_opts = o;
}

struct child *
child_add(enum msg_proc id, uint32_t slot)
{
	struct child	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		fatal("child_add");
	c->id = id;
	c->slot = slot;
	c->conns = UINT32_MAX;
	evtimer_set(&c->ev_restart, child_again, c);
	TAILQ_INSERT_TAIL(&child_list, c, entry);
	return c;
}

struct child *
child_find(enum msg_proc id, uint32_t slot)
{
	struct child	*c;

	TAILQ_FOREACH(c, &child_list, entry)
		if (c->id == id && c->slot == slot && c->peer.open)
			return c;
	return NULL;
}

static struct child *
child_by_pid(pid_t pid)
{
	struct child	*c;

	TAILQ_FOREACH(c, &child_list, entry)
		if (c->pid == pid)
			return c;
	return NULL;
}

size_t
child_count(unsigned int mask)
{
	struct child	*c;
	size_t		 n = 0;

	TAILQ_FOREACH(c, &child_list, entry)
		n += c->peer.open && (mask & MSG_P(c->id));
	return n;
}

void
child_start(struct child *c)
{
	const char	*program;
	struct cert_set	*certs;
	struct conf	*conf;
	char		 d[] = "-d", v[] = "-v", *extra[3];
	int		 fd, n = 0;

	if (c->pid != 0 || reload_conf(c, &conf, &certs) == -1)
		return;
	if (child_opts->foreground)
		extra[n++] = d;
	if (parent_is_verbose(c->id))
		extra[n++] = v;
	extra[n] = NULL;
	program = child_program(c->id);
	if ((c->pid = proc_spawn(program, c->id, c->slot, extra, &fd)) == -1) {
		log_warn("cannot start %s %u", msg_procs[c->id], c->slot);
		c->pid = 0;
		child_died(c, 0);
		return;
	}
	c->started = date_mono();
	c->generation = 0;
	proc_open(&c->peer, c->id, c->slot, fd, parent_handlers, child_gone,
	    c);
	log_debug("%s %u is process %ld", msg_procs[c->id], c->slot,
	    (long)c->pid);
	if (child_configure(c, conf, certs) == -1)
		return;
	child_wire(c);
	if (c->id == PROC_WORKER)
		parent_greet(c);
}

static const char *
child_program(enum msg_proc id)
{
	switch (id) {
	case PROC_WORKER:
		return child_opts->worker;
	case PROC_PUSH:
		return child_opts->push;
	default:
		return child_opts->program;
	}
}

int
child_configure(struct child *c, struct conf *conf,
    const struct cert_set *certs)
{
	struct msg_conf	 end = { conf->generation, conf->previous };

	if (conf_send(conf, &c->peer) == -1)
		return -1;
	if ((c->id == PROC_PUSH || c->id == PROC_QUEUE ||
	    c->id == PROC_WORKER) && conf_file_send(conf, &c->peer) == -1)
		return -1;
	if ((c->id == PROC_KEYS || c->id == PROC_WORKER) &&
	    cert_send(certs, conf, &c->peer) == -1)
		return -1;
	return proc_send(&c->peer, MSG_CONF_END, 0, -1, &end, NULL, 0);
}

/* Who has a pipe to whom; bits go with the number of the slot. */
static const struct child_pair {
	enum msg_proc	 a, b;
	uint32_t	 bits;
} child_pairs[] = {
	{ PROC_WORKER, PROC_KEYS, 0 },
	{ PROC_WORKER, PROC_AUTH, 0 },
	{ PROC_WORKER, PROC_PUSH, 0 },
	{ PROC_WORKER, PROC_QUEUE, 0 },
	{ PROC_WORKER, PROC_QUEUE, MSG_PEER_CALLS },
	{ PROC_QUEUE, PROC_AUTH, 0 },
};

static void
child_wire(struct child *c)
{
	const struct child_pair	*p;
	struct child		*o;

	for (p = child_pairs; p < child_pairs + nitems(child_pairs); p++)
		TAILQ_FOREACH(o, &child_list, entry) {
			if (!o->peer.open || o == c)
				continue;
			if (c->id == p->a && o->id == p->b)
				child_connect(c, o, p->bits);
			else if (c->id == p->b && o->id == p->a)
				child_connect(o, c, p->bits);
		}
}

static void
child_connect(struct child *a, struct child *b, uint32_t bits)
{
	struct msg_peer	 to_a = { b->id, b->slot | bits };
	struct msg_peer	 to_b = { a->id, a->slot | bits };
	int		 sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1) {
		log_warn("pipe between %s and %s", msg_procs[a->id],
		    msg_procs[b->id]);
		return;
	}
	proc_send(&a->peer, MSG_PEER, 0, sv[0], &to_a, NULL, 0);
	proc_send(&b->peer, MSG_PEER, 0, sv[1], &to_b, NULL, 0);
}

/* The pipe closed, so the process is about to be a zombie: ask how it died. */
static void
child_gone(struct proc_peer *p)
{
	struct child	*c = p->arg;
	int		 i, status = 0;

	for (i = 0; c->pid != 0 && i < CHILD_LINGER; i++) {
		if (waitpid(c->pid, &status, WNOHANG) == c->pid)
			c->pid = 0;
		else
			poll(NULL, 0, 1);
	}
	/* not allowed without CAP_KILL; then the closed pipe is the order */
	if (c->pid != 0)
		kill(c->pid, SIGKILL);
	c->pid = 0;
	child_died(c, status);
}

void
child_reap(void)
{
	struct child	*c;
	pid_t		 pid;
	int		 status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if ((c = child_by_pid(pid)) == NULL)
			continue;
		c->pid = 0;
		child_died(c, status);
	}
}

/* Once for each death, by whichever of pipe and signal came first. */
static void
child_died(struct child *c, int status)
{
	struct timeval	 tv;
	int64_t		 ms;

	/* which connections it had taken */
	proc_drain(&c->peer);
	proc_close(&c->peer);
	c->generation = 0;
	if (WIFSIGNALED(status))
		log_warnx("%s %u was killed by signal %d%s", msg_procs[c->id],
		    c->slot, WTERMSIG(status),
		    WTERMSIG(status) == SIGSYS ? " (sandbox)" : "");
	else if (!c->retire && !child_ending)
		log_warnx("%s %u went away (exit %d)", msg_procs[c->id],
		    c->slot, WEXITSTATUS(status));
	parent_child_gone(c);
	if (child_ending)
		return;
	if (c->retire) {
		child_let_go(c);
		child_free(c);
		return;
	}
	c->restarts++;
	ms = restart_delay(&c->restart, date_mono());
	/* Somebody must be there to serve (security.md 5.4). */
	if (c->id == PROC_WORKER && child_count(MSG_P(PROC_WORKER)) == 0)
		ms = 0;
	if (ms > 0) {
		log_warnx("%s %u is started again in %lld ms",
		    msg_procs[c->id], c->slot, (long long)ms);
		child_let_go(c);
	}
	tv.tv_sec = ms / 1000;
	tv.tv_usec = ms % 1000 * 1000;
	/* not from here: we may be inside one of its handlers */
	evtimer_add(&c->ev_restart, &tv);
}

/* A new worker ends what the one before it counted (share.h); where there is
 * none soon, the others do. */
static void
child_let_go(const struct child *gone)
{
	struct msg_share_gone	 m = { gone->slot };
	struct child		*c;

	if (gone->id != PROC_WORKER)
		return;
	TAILQ_FOREACH(c, &child_list, entry)
		if (c->id == PROC_WORKER && c->peer.open &&
		    c->slot != gone->slot)
			proc_send(&c->peer, MSG_SHARE_GONE, 0, -1, &m, NULL,
			    0);
}

void
child_free(struct child *c)
{
	TAILQ_REMOVE(&child_list, c, entry);
	evtimer_del(&c->ev_restart);
	free(c);
}

static void
child_again(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	if (!child_ending)
		child_start(arg);
}

void
child_no_restart(void)
{
	child_ending = 1;
}

void
child_stop_all(int ms)
{
	struct child	*c;
	int64_t		 until = date_mono() + ms;

	child_ending = 1;
	TAILQ_FOREACH(c, &child_list, entry)
		proc_close(&c->peer);
	while (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
		if (date_mono() > until) {
			TAILQ_FOREACH(c, &child_list, entry)
				if (c->pid != 0)
					kill(c->pid, SIGKILL);
			return;
		}
		poll(NULL, 0, 2);
	}
}
