/* SPDX-License-Identifier: ISC */
/*
 * The parent: the only process with privileges.  It loads the configuration,
 * binds, starts the roles, takes each change of the configuration as one
 * transaction through them, and ends them.  It reads messages of its
 * children and of jmapctl, never a byte from the network.
 *
 * A configuration goes first to keys, auth and push; when those are READY
 * (keys can then sign with old and new keys), to the workers, while nothing
 * is accepted; when those are READY it is in force.  A failure on the way
 * leaves the one before in force everywhere.
 */
#include "common/compat.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "common/log.h"
#include "daemon/daemon.h"

#define PARENT_PATIENCE	15	/* s until every child must be READY */
#define PARENT_GRACE	2000	/* ms for children to end on EOF */
#define PARENT_ROLES	(MSG_P(PROC_KEYS) | MSG_P(PROC_AUTH) | \
			    MSG_P(PROC_PUSH))
#define PARENT_WORKERS	MSG_P(PROC_WORKER)

enum parent_stage { STAGE_NONE, STAGE_ROLES, STAGE_WORKERS };

/* Who wants to know how a reload ends. */
struct parent_asker {
	enum msg_proc	 proc;		/* PROC_CTL, PROC_AUTH; else: the log */
	uint32_t	 id;		/* control's client, auth's message */
};

/* A configuration and what came with it. */
struct parent_conf {
	struct conf_file	*file;
	struct cert_set		*certs;
};

static struct parent_conf	 now;		/* in force, or empty */
static struct parent_conf	 next;		/* in transaction */
static enum parent_stage	 stage;
static uint32_t			 generation;
static struct parent_asker	 asker;		/* of the transaction */
static int			 reload_again;	/* asked for meanwhile */
static struct event		 ev_patience, ev_drain;
static struct event		 ev_hup, ev_term, ev_int, ev_chld;
static const struct parent_opts	*opts;
static int			 ending;
static int64_t			 born;
static struct msg_ticket	 ticket;	/* the last of keys */
static int			 have_ticket;

static int	parent_load(struct parent_conf *, struct buf *);
static void	parent_log_report(struct buf *);
static void	parent_begin(struct parent_conf *);
static void	parent_stage(enum parent_stage);
static void	parent_advance(void);
static void	parent_commit(void);
static void	parent_abort(const char *);
static void	parent_forget(struct parent_conf *);
static void	parent_workers(void);
static void	parent_tell(const struct parent_asker *, const char *);
static void	parent_load_again(const struct parent_asker *);
static void	parent_late(int, short, void *);
static void	parent_signal(int, short, void *);
static void	parent_drained(int, short, void *);
static __dead void	parent_exit(void);
static void	parent_ready(struct proc_peer *, struct msg *);
static void	parent_conn_end(struct proc_peer *, struct msg *);
static void	parent_ticket(struct proc_peer *, struct msg *);
static void	parent_auth_reload(struct proc_peer *, struct msg *);
static void	parent_erase(struct proc_peer *, struct msg *);
static void	parent_erased(struct proc_peer *, struct msg *);
static void	parent_ctl_row(struct proc_peer *, struct msg *);
static void	parent_ctl_end(struct proc_peer *, struct msg *);
static void	parent_rcpt_is(struct proc_peer *, struct msg *);

proc_fn *const	parent_handlers[MSG_MAX] = {
	[MSG_READY]	= parent_ready,
	[MSG_CONN_END]	= parent_conn_end,
	[MSG_TICKET]	= parent_ticket,
	[MSG_RELOAD]	= parent_auth_reload,
	[MSG_ERASE]	= parent_erase,
	[MSG_ERASED]	= parent_erased,
	[MSG_CTL_ROW]	= parent_ctl_row,
	[MSG_CTL_END]	= parent_ctl_end,
	[MSG_RCPT_IS]	= parent_rcpt_is,
};

/* --- start -------------------------------------------------------------- */

static void
parent_descriptors(void)
{
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		log_warn("setrlimit");
}

static void
parent_events(void)
{
	event_init();
	evtimer_set(&ev_patience, parent_late, NULL);
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
	struct parent_conf	 first;
	struct buf		 report;

	opts = o;
	proc_self = PROC_PARENT;
	log_init("jmapd", 1);
	log_setverbose(o->verbose);
	buf_init(&report, CONF_REPORT_MAX);
	if (parent_load(&first, &report) == -1) {
		parent_log_report(&report);
		exit(1);
	}
	parent_log_report(&report);
	if (!o->foreground && daemon(0, 0) == -1)
		fatal("daemon");
	log_init("jmapd", o->foreground);
	log_setverbose(o->verbose);
	if (geteuid() != 0)
		log_warnx("NOT STARTED AS ROOT: no chroot, no users of their "
		    "own for the roles; for tests and trials only");
	umask(077);
	born = date_mono();
	parent_descriptors();
	parent_events();
	child_init(o);
	if (listen_prepare(first.file, &report) == -1) {
		parent_log_report(&report);
		exit(1);
	}
	control_open(first.file->conf);
	child_add(PROC_KEYS, 0);
	child_add(PROC_AUTH, 0);
	child_add(PROC_PUSH, 0);
	parent_begin(&first);
	event_dispatch();
	fatalx("the event loop ended");
}

/* Everything that can be found wrong without touching what runs. */
static int
parent_load(struct parent_conf *p, struct buf *report)
{
	p->certs = NULL;
	if ((p->file = conf_parse(opts->file, report)) == NULL)
		return -1;
	if (conf_check(p->file, report) == 0 && (now.file == NULL ||
	    conf_check_reload(now.file, p->file, report) == 0) &&
	    (p->certs = cert_load(p->file, report)) != NULL)
		return 0;
	parent_forget(p);
	return -1;
}

static void
parent_forget(struct parent_conf *p)
{
	conf_parse_free(p->file);
	cert_free(p->certs);
	p->file = NULL;
	p->certs = NULL;
}

/* Line by line; then it is empty. */
static void
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

/* --- the transaction ---------------------------------------------------- */

static void
parent_begin(struct parent_conf *p)
{
	struct timeval	 tv = { PARENT_PATIENCE, 0 };

	next = *p;
	next.file->conf->generation = ++generation;
	next.file->conf->previous = now.file == NULL ? 0 :
	    now.file->conf->generation;
	evtimer_add(&ev_patience, &tv);
	parent_stage(STAGE_ROLES);
}

static unsigned int
parent_stage_mask(enum parent_stage s)
{
	return s == STAGE_ROLES ? PARENT_ROLES :
	    s == STAGE_WORKERS ? PARENT_WORKERS : 0;
}

/* Tell those whose turn it is; those that are down hear it at their start. */
static void
parent_stage(enum parent_stage s)
{
	struct child	*c;

	stage = s;
	if (s == STAGE_WORKERS) {
		listen_pause();
		if (now.file == NULL)
			parent_workers();
	}
	TAILQ_FOREACH(c, &child_list, entry) {
		if (!(parent_stage_mask(s) & MSG_P(c->id)) || c->retire)
			continue;
		if (c->peer.open)
			child_configure(c, next.file->conf, next.certs);
		else if (now.file == NULL)
			child_start(c);
	}
	parent_advance();
}

int
parent_conf(const struct child *c, struct conf **conf, struct cert_set **certs)
{
	struct parent_conf	*p = &now;

	if (stage == STAGE_WORKERS || (stage == STAGE_ROLES &&
	    c->id != PROC_WORKER))
		p = &next;
	if (p->file == NULL)
		return -1;
	*conf = p->file->conf;
	*certs = p->certs;
	return 0;
}

static void
parent_ready(struct proc_peer *p, struct msg *m)
{
	const struct msg_ready	*h = m->fixed;
	struct child		*c = p->arg;
	char			 why[512];

	if (h->ok) {
		c->generation = h->generation;
		parent_child_up(c);
		return;
	}
	snprintf(why, sizeof(why), "%s: %s", msg_procs[c->id],
	    log_vis(m->tail, m->tail_len));
	if (stage != STAGE_NONE &&
	    h->generation == next.file->conf->generation)
		parent_abort(why);
	else
		log_warnx("does not take the configuration: %s", why);
}

void
parent_child_up(struct child *c)
{
	if (c->id == PROC_WORKER && have_ticket)
		proc_send(&c->peer, MSG_TICKET, 0, -1, &ticket, NULL, 0);
	if (stage != STAGE_NONE)
		parent_advance();
	else if (c->id == PROC_WORKER && !ending)
		listen_resume();
}

void
parent_child_gone(struct child *c)
{
	listen_child_gone(c);
	control_child_gone(c);
	if (listen_choose() == NULL)
		listen_pause();
	if (ending && child_count(PARENT_WORKERS) == 0)
		parent_exit();
	parent_advance();
}

/* Have all whose turn it is taken it?  At a reload, those that are just
 * being started again need not have. */
static void
parent_advance(void)
{
	struct child	*c;
	size_t		 taken = 0;

	if (stage == STAGE_NONE)
		return;
	TAILQ_FOREACH(c, &child_list, entry) {
		if (!(parent_stage_mask(stage) & MSG_P(c->id)) || c->retire)
			continue;
		if (c->generation == next.file->conf->generation)
			taken++;
		else if (c->peer.open || now.file == NULL ||
		    c->id != PROC_WORKER)
			return;
	}
	if (taken == 0)
		return;
	if (stage == STAGE_ROLES)
		parent_stage(STAGE_WORKERS);
	else
		parent_commit();
}

static void
parent_commit(void)
{
	struct parent_conf	 old = now;
	struct parent_asker	 who = asker;

	evtimer_del(&ev_patience);
	stage = STAGE_NONE;
	now = next;
	next.file = NULL;
	next.certs = NULL;
	asker.proc = PROC_PARENT;
	parent_forget(&old);
	listen_commit(now.file->conf);
	listen_resume();
	parent_workers();
	log_info("configuration %u is in force, %zu workers",
	    now.file->conf->generation, child_count(PARENT_WORKERS));
	parent_tell(&who, NULL);
}

/* Everybody back to what is in force; at the start there is nothing. */
static void
parent_abort(const char *why)
{
	struct parent_asker	 who = asker;
	struct child		*c;
	uint32_t		 gone;

	if (now.file == NULL)
		fatalx("%s", why);
	log_warnx("configuration not taken: %s", why);
	evtimer_del(&ev_patience);
	gone = next.file->conf->generation;
	stage = STAGE_NONE;
	asker.proc = PROC_PARENT;
	listen_abort();
	parent_forget(&next);
	TAILQ_FOREACH(c, &child_list, entry)
		/* keys still has those keys, whatever the files say now */
		if (c->peer.open && c->generation == gone &&
		    c->id != PROC_KEYS)
			child_configure(c, now.file->conf, now.certs);
	listen_resume();
	parent_tell(&who, why);
}

/* The outcome of a reload, to whoever asked for it. */
static void
parent_tell(const struct parent_asker *who, const char *why)
{
	struct msg_reloaded	 m = { why == NULL };
	struct child		*a;

	if (who->proc == PROC_CTL)
		control_done(who->id, why == NULL ? 0 : 1, why);
	if (who->proc == PROC_AUTH && (a = child_find(PROC_AUTH, 0)) != NULL)
		proc_send(&a->peer, MSG_RELOADED, who->id, -1, &m, why,
		    why == NULL ? 0 : strlen(why));
	if (reload_again && stage == STAGE_NONE) {
		reload_again = 0;
		parent_reload(0);
	}
}

static void
parent_late(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	parent_abort("not every process answered in time");
}

void
parent_reload(uint32_t client)
{
	struct parent_asker	 who = { PROC_CTL, client };

	if (client == 0)
		who.proc = PROC_PARENT;
	if (stage == STAGE_NONE && !ending)
		parent_load_again(&who);
	else if (client == 0)
		reload_again = 1;
	else
		parent_tell(&who, ending ? "shutting down" :
		    "a reload is under way");
}

static void
parent_load_again(const struct parent_asker *who)
{
	struct parent_conf	 p;
	struct buf		 report;
	const char		*text;

	buf_init(&report, CONF_REPORT_MAX);
	if (parent_load(&p, &report) == 0 &&
	    listen_prepare(p.file, &report) == -1)
		parent_forget(&p);
	if (p.file == NULL) {
		text = buf_str(&report);
		parent_tell(who, text != NULL ? text : "too many errors");
		parent_log_report(&report);
		log_warnx("configuration not taken: nothing changes");
	} else {
		parent_log_report(&report);
		asker = *who;
		parent_begin(&p);
	}
	buf_free(&report);
}

/* As many workers as the configuration wants: more, or the surplus drains. */
static void
parent_workers(void)
{
	struct conf	*conf = (stage != STAGE_NONE ? next : now).file->conf;
	uint64_t	 want = conf->workers;
	uint32_t	 i, have = 0;
	struct child	*c, *tmp;
	long		 cores;

	if (want == 0) {
		/* a commit blocks its worker; hence more than one a core */
		cores = sysconf(_SC_NPROCESSORS_ONLN);
		want = cores < 1 ? 4 : cores > 64 ? 256 : (uint64_t)cores * 4;
	}
	TAILQ_FOREACH_SAFE(c, &child_list, entry, tmp) {
		if (c->id != PROC_WORKER || c->retire)
			continue;
		if (c->slot < want) {
			have = c->slot + 1 > have ? c->slot + 1 : have;
			continue;
		}
		c->retire = 1;
		proc_send(&c->peer, MSG_DRAIN, 0, -1, NULL, NULL, 0);
	}
	for (i = have; i < want; i++) {
		c = child_add(PROC_WORKER, i);
		if (now.file != NULL)
			child_start(c);
	}
}

/* --- messages of children ----------------------------------------------- */

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
	struct parent_asker	 who = { PROC_AUTH, m->id };

	(void)p;
	if (stage == STAGE_NONE && !ending)
		parent_load_again(&who);
	else
		parent_tell(&who, "a reload is under way");
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

/* --- for control.c ------------------------------------------------------ */

struct conf_file *
parent_file(void)
{
	return now.file != NULL ? now.file : next.file;
}

uint64_t
parent_uptime(void)
{
	return (date_mono() - born) / 1000;
}

void
parent_verbose(int v)
{
	struct msg_verbose	 m = { v };
	struct child		*c;

	log_setverbose(v);
	TAILQ_FOREACH(c, &child_list, entry)
		if (c->peer.open)
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

	if (ending || now.file == NULL)
		parent_exit();
	ending = 1;
	ms = now.file->conf->drain_timeout;
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
	child_stop_all(PARENT_GRACE);
	explicit_bzero(&ticket, sizeof(ticket));
	log_info("ended");
	exit(0);
}
