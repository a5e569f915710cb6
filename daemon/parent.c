/* SPDX-License-Identifier: ISC */
/*
 * The parent: the only process with privileges.  It binds, starts the roles,
 * passes messages between them and jmapctl, and ends them.  How it takes a
 * configuration is reload.c's.  It never reads a byte from the network.
 */
#include "common/compat.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "common/log.h"
#include "common/share.h"
#include "daemon/ban.h"
#include "daemon/daemon.h"

#define PARENT_GRACE	2000	/* ms for children to end on EOF */

static struct event		 ev_drain;
static struct event		 ev_hup, ev_term, ev_int, ev_chld;
static int			 ending;
static int64_t			 born;
static uint32_t			 verbose;	/* roles, MSG_P() */
static struct msg_ticket	 ticket;	/* the last of keys */
static int			 have_ticket;
static struct msg_queue_stats	 queue_stats;	/* as it last said */
static struct msg_push_stats	 push_stats;
static int			 share_fd = -1;	/* never mapped here */

static void	parent_limits(void);
static void	parent_events(void);
static void	parent_first(const char *, struct buf *);
static void	parent_signal(int, short, void *);
static void	parent_drained(int, short, void *);
static __dead void	parent_exit(void);
static void	parent_ready(struct proc_peer *, struct msg *);
static void	parent_conn_taken(struct proc_peer *, struct msg *);
static void	parent_conn_end(struct proc_peer *, struct msg *);
static void	parent_ticket(struct proc_peer *, struct msg *);
static void	parent_auth_reload(struct proc_peer *, struct msg *);
static void	parent_queue_stats(struct proc_peer *, struct msg *);
static void	parent_erase(struct proc_peer *, struct msg *);
static void	parent_erased(struct proc_peer *, struct msg *);
static void	parent_ctl_row(struct proc_peer *, struct msg *);
static void	parent_ctl_end(struct proc_peer *, struct msg *);
static void	parent_rcpt_is(struct proc_peer *, struct msg *);
static void	parent_abuse(struct proc_peer *, struct msg *);
static void	parent_stats(struct proc_peer *, struct msg *);
static void	parent_push_stats(struct proc_peer *, struct msg *);
static void	parent_ping(struct proc_peer *, struct msg *);
static void	parent_pong(struct proc_peer *, struct msg *);

proc_fn *const	parent_handlers[MSG_MAX] = {
	[MSG_READY]	= parent_ready,
	[MSG_CONN_TAKEN] = parent_conn_taken,
	[MSG_CONN_END]	= parent_conn_end,
	[MSG_TICKET]	= parent_ticket,
	[MSG_CHANGED]	= changed_told,
	[MSG_QUEUE_STATS] = parent_queue_stats,
	[MSG_RELOAD]	= parent_auth_reload,
	[MSG_ERASE]	= parent_erase,
	[MSG_ERASED]	= parent_erased,
	[MSG_CTL_ROW]	= parent_ctl_row,
	[MSG_CTL_END]	= parent_ctl_end,
	[MSG_RCPT_IS]	= parent_rcpt_is,
	[MSG_ABUSE]	= parent_abuse,
	[MSG_STATS]	= parent_stats,
	[MSG_PUSH_STATS] = parent_push_stats,
	[MSG_PING]	= parent_ping,
	[MSG_PONG]	= parent_pong,
};

/* --- start -------------------------------------------------------------- */

static void
parent_limits(void)
{
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		log_warn("setrlimit");
	/* private keys pass through here */
	rl.rlim_cur = rl.rlim_max = 0;
	if (setrlimit(RLIMIT_CORE, &rl) == -1)
		fatal("setrlimit");
}

static void
parent_events(void)
{
	verbose = log_getverbose() ? UINT32_MAX : 0;
	event_init();
	evtimer_set(&ev_drain, parent_drained, NULL);
	signal_set(&ev_hup, SIGHUP, parent_signal, NULL);
	signal_set(&ev_term, SIGTERM, parent_signal, NULL);
	signal_set(&ev_int, SIGINT, parent_signal, NULL);
	signal_set(&ev_chld, SIGCHLD, parent_signal, NULL);
	signal_add(&ev_hup, NULL);
	signal_add(&ev_term, NULL);
	signal_add(&ev_int, NULL);
	signal_add(&ev_chld, NULL);
	signal(SIGPIPE, SIG_IGN);
}

__dead void
parent(const struct parent_opts *o)
{
	struct buf	 report;

	proc_self = PROC_PARENT;
	log_init("jmapd", 1);
	log_setverbose(o->verbose);
	buf_init(&report, CONF_REPORT_MAX);
	parent_first(o->file, &report);
	if (!o->foreground && daemon(0, 0) == -1)
		fatal("daemon");
	log_init("jmapd", o->foreground);
	log_setverbose(o->verbose);
	if (geteuid() != 0)
		log_warnx("NOT STARTED AS ROOT: no chroot, no users of their "
		    "own for the roles; for tests and trials only");
	umask(077);
	born = date_mono();
	parent_limits();
	parent_events();
	child_init(o);
	if (listen_prepare(reload_file(), &report) == -1) {
		parent_log_report(&report);
		exit(1);
	}
	control_open(reload_file()->conf);
	ban_conf(reload_file()->conf);
	if ((share_fd = share_make()) == -1)
		fatal("memory that workers share");
	child_add(PROC_KEYS, 0);
	child_add(PROC_AUTH, 0);
	child_add(PROC_PUSH, 0);
	child_add(PROC_QUEUE, 0);
	reload_start();
	event_dispatch();
	fatalx("the event loop ended");
}

/* Whoever starts us shall see what is wrong, so before anything else. */
static void
parent_first(const char *file, struct buf *report)
{
	int	 ret;

	/* a daemon's folder is /; a link may have another end at a reload */
	ret = reload_open(conf_parse_path(file), report);
	parent_log_report(report);
	if (ret == -1)
		exit(1);
}

/* Line by line; then it is empty. */
void
parent_log_report(struct buf *report)
{
	const char	*s = (const char *)buf_peek(report), *nl;
	size_t		 left = buf_left(report);

	while (left > 0 && (nl = memchr(s, '\n', left)) != NULL) {
		log_warnx("%.*s", (int)(nl - s), s);
		left -= nl + 1 - s;
		s = nl + 1;
	}
	buf_reset(report);
}

/* A worker that starts: what it shares with the others, who is banned. */
void
parent_greet(struct child *c)
{
	int	 fd;

	if ((fd = fcntl(share_fd, F_DUPFD_CLOEXEC, 0)) == -1)
		log_warn("memory that workers share");
	else
		proc_send(&c->peer, MSG_SHARE, 0, fd, NULL, NULL, 0);
	ban_tell(c);
}

static void
parent_ready(struct proc_peer *p, struct msg *m)
{
	struct child	*c = p->arg;

	if (c->id == PROC_WORKER && have_ticket)
		proc_send(&c->peer, MSG_TICKET, 0, -1, &ticket, NULL, 0);
	reload_ready(c, m);
	if (c->id == PROC_WORKER && !reload_busy() && !ending)
		listen_resume();
}

void
parent_child_gone(struct child *c)
{
	listen_child_gone(c);
	control_child_gone(c);
	if (ending && child_count(MSG_P(PROC_WORKER)) == 0)
		parent_exit();
	reload_child_gone();
}

void
parent_reload(uint32_t client)
{
	struct reload_asker	 who = { PROC_CTL, client };

	if (client == 0)
		who.proc = PROC_PARENT;
	if (!ending)
		reload_ask(&who);
	else if (client != 0)
		control_done(client, 1, "shutting down");
}

/* --- messages of children ----------------------------------------------- */

static void
parent_conn_taken(struct proc_peer *p, struct msg *m)
{
	const struct msg_conn_end	*h = m->fixed;

	listen_conn_taken(p->arg, h->conn);
}

static void
parent_conn_end(struct proc_peer *p, struct msg *m)
{
	const struct msg_conn_end	*h = m->fixed;

	if (listen_conn_end(p->arg, h->conn) == 0)
		return;
	log_warnx("worker %u ended a connection that is not its own",
	    p->slot);
	p->dead = 1;
}

static void
parent_ticket(struct proc_peer *p, struct msg *m)
{
	struct child	*c;

	(void)p;
	memcpy(&ticket, m->fixed, sizeof(ticket));
	have_ticket = 1;
	TAILQ_FOREACH(c, &child_list, entry)
		if (c->id == PROC_WORKER && c->generation != 0)
			proc_send(&c->peer, MSG_TICKET, 0, -1, &ticket, NULL,
			    0);
}

/* An administrator asked for it over REST. */
static void
parent_auth_reload(struct proc_peer *p, struct msg *m)
{
	struct reload_asker	 who = { PROC_AUTH, m->id };

	(void)p;
	if (!ending)
		reload_ask(&who);
}

/* Kept for /metrics. */
static void
parent_queue_stats(struct proc_peer *p, struct msg *m)
{
	(void)p;
	memcpy(&queue_stats, m->fixed, sizeof(queue_stats));
}

/* auth deleted an account; some worker removes its mail. */
static void
parent_erase(struct proc_peer *p, struct msg *m)
{
	struct child	*c = listen_choose();

	(void)p;
	/* else auth asks again when it starts */
	if (c != NULL)
		proc_send(&c->peer, MSG_ERASE, m->id, -1, m->fixed, NULL, 0);
}

static void
parent_erased(struct proc_peer *p, struct msg *m)
{
	struct child	*a = child_find(PROC_AUTH, 0);

	(void)p;
	if (a != NULL)
		proc_send(&a->peer, MSG_ERASED, m->id, -1, m->fixed, NULL, 0);
}

static void
parent_ctl_row(struct proc_peer *p, struct msg *m)
{
	control_row(p->arg, m);
}

static void
parent_ctl_end(struct proc_peer *p, struct msg *m)
{
	control_end(p->arg, m);
}

static void
parent_rcpt_is(struct proc_peer *p, struct msg *m)
{
	(void)p;
	control_rcpt(m);
}

static void
parent_abuse(struct proc_peer *p, struct msg *m)
{
	ban_report(p->arg, m->fixed);
}

/* A worker answers /metrics. */
static void
parent_stats(struct proc_peer *p, struct msg *m)
{
	struct msg_stats	 s;
	struct child		*c;

	memset(&s, 0, sizeof(s));
	s.uptime = parent_uptime();
	s.generation = reload_file()->conf->generation;
	s.conns = listen_nconns();
	s.queue = queue_stats;
	listen_figures(&s.accepted, &s.refused);
	s.banned = ban_dropped();
	ban_figures(s.bans);
	s.up[PROC_PARENT] = 1;
	s.push = push_stats;
	TAILQ_FOREACH(c, &child_list, entry) {
		s.up[c->id] += c->peer.open != 0;
		s.restarts[c->id] += c->restarts;
	}
	proc_send(p, MSG_STATS_IS, m->id, -1, &s, NULL, 0);
}

/* For /metrics.  Since push was started: then they begin anew. */
static void
parent_push_stats(struct proc_peer *p, struct msg *m)
{
	(void)p;
	memcpy(&push_stats, m->fixed, sizeof(push_stats));
}

/* A worker asks whether those are well that it waits for.  Its own pipes to
 * them are for signatures and mail; an answer that comes late must not be in
 * their way. */
static void
parent_ping(struct proc_peer *p, struct msg *m)
{
	static const enum msg_proc	 asked[] = { PROC_KEYS, PROC_QUEUE };
	struct child			*k;
	size_t				 i;

	if (p->slot > UINT16_MAX)
		return;
	for (i = 0; i < nitems(asked); i++)
		if ((k = child_find(asked[i], 0)) != NULL)
			proc_send(&k->peer, MSG_PING, p->slot << 16 |
			    (m->id & UINT16_MAX), -1, NULL, NULL, 0);
}

static void
parent_pong(struct proc_peer *p, struct msg *m)
{
	struct child	*w = child_find(PROC_WORKER, m->id >> 16);
	struct msg_pong	 h = { p->id };

	if (w != NULL)
		proc_send(&w->peer, MSG_PONG, m->id & UINT16_MAX, -1, &h,
		    NULL, 0);
}

/* --- for control.c ------------------------------------------------------ */

uint64_t
parent_uptime(void)
{
	return (date_mono() - born) / 1000;
}

/* One that is started again talks as the one before it did. */
int
parent_is_verbose(enum msg_proc id)
{
	return (verbose & MSG_P(id)) != 0;
}

void
parent_verbose(int v, uint32_t roles)
{
	struct msg_verbose	 m = { v, 0 };
	struct child		*c;

	if (roles == 0)
		roles = UINT32_MAX;
	verbose = v ? verbose | roles : verbose & ~roles;
	if (roles & MSG_P(PROC_PARENT))
		log_setverbose(v);
	TAILQ_FOREACH(c, &child_list, entry)
		if (c->peer.open && (roles & MSG_P(c->id)))
			proc_send(&c->peer, MSG_VERBOSE, 0, -1, &m, NULL, 0);
}

/* --- signals and the end ------------------------------------------------ */

static void
parent_signal(int sig, short what, void *arg)
{
	(void)what;
	(void)arg;
	switch (sig) {
	case SIGHUP:
		parent_reload(0);
		break;
	case SIGCHLD:
		child_reap();
		break;
	default:
		parent_stop();
		break;
	}
}

/* First: no new connections, workers finish what they have.  Then: now. */
void
parent_stop(void)
{
	struct timeval	 tv = { 0, 0 };
	struct child	*c;
	uint64_t	 ms;

	if (ending || child_count(MSG_P(PROC_WORKER)) == 0)
		parent_exit();
	ending = 1;
	ms = reload_file()->conf->drain_timeout;
	log_info("draining, at most %llu ms", (unsigned long long)ms);
	listen_close();
	child_no_restart();
	TAILQ_FOREACH(c, &child_list, entry)
		if (c->id == PROC_WORKER)
			proc_send(&c->peer, MSG_DRAIN, 0, -1, NULL, NULL, 0);
	tv.tv_sec = ms / 1000;
	tv.tv_usec = ms % 1000 * 1000;
	evtimer_add(&ev_drain, &tv);
}

static void
parent_drained(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	log_info("drain-timeout: the rest is cut off");
	parent_exit();
}

static __dead void
parent_exit(void)
{
	listen_close();
	control_close();
	ban_close();
	child_stop_all(PARENT_GRACE);
	explicit_bzero(&ticket, sizeof(ticket));
	log_info("ended");
	exit(0);
}
