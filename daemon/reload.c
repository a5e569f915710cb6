/* SPDX-License-Identifier: ISC */
/*
 * The configuration's way into use: one transaction through all children,
 * at the start and at each reload.  Called by parent.c.
 *
 * A configuration goes first to keys, auth, push and queue; when those are
 * READY (keys can then sign with old and new keys), to the workers, while
 * nothing is accepted; when those are READY it is in force.  A failure on the
 * way leaves the one before in force everywhere.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/daemon.h"

#define RELOAD_PATIENCE	15	/* s until every child must be READY */
#define RELOAD_ROLES	(MSG_P(PROC_KEYS) | MSG_P(PROC_AUTH) | \
			    MSG_P(PROC_PUSH) | MSG_P(PROC_QUEUE))
#define RELOAD_WORKERS	MSG_P(PROC_WORKER)

enum reload_stage { STAGE_NONE, STAGE_ROLES, STAGE_WORKERS };

/* A configuration and what came with it. */
struct reload_set {
	struct conf_file	*file;
	struct cert_set		*certs;
};

static struct reload_set	 now;		/* in force, or empty */
static struct reload_set	 next;		/* in transaction */
static enum reload_stage	 stage;
static uint32_t			 generation;
static struct reload_asker	 asker;		/* of the transaction */
static char			*warnings;	/* of the transaction */
static int			 again;		/* asked for meanwhile */
static struct event		 ev_patience;
static const char		*path;

static int	reload_load(struct reload_set *, struct buf *);
static void	reload_begin(void);
static void	reload_stage(enum reload_stage);
static void	reload_advance(void);
static void	reload_commit(void);
static void	reload_abort(const char *);
static void	reload_forget(struct reload_set *);
static void	reload_workers(void);
static void	reload_tell(const struct reload_asker *, const char *);
static void	reload_late(int, short, void *);

int
reload_open(const char *file, struct buf *report)
{
	path = file;
	return reload_load(&next, report);
}

void
reload_start(void)
{
	evtimer_set(&ev_patience, reload_late, NULL);
	reload_begin();
}

int
reload_busy(void)
{
	return stage != STAGE_NONE;
}

/* Everything that can be found wrong without touching what runs. */
static int
reload_load(struct reload_set *p, struct buf *report)
{
	p->certs = NULL;
	if ((p->file = conf_parse(path, report)) == NULL)
		return -1;
	if (conf_check(p->file, report) == 0 && (now.file == NULL ||
	    conf_check_reload(now.file, p->file, report) == 0) &&
	    (p->certs = cert_load(p->file, report)) != NULL)
		return 0;
	reload_forget(p);
	return -1;
}

static void
reload_forget(struct reload_set *p)
{
	conf_parse_free(p->file);
	cert_free(p->certs);
	p->file = NULL;
	p->certs = NULL;
}

static void
reload_begin(void)
{
	struct timeval	 tv = { RELOAD_PATIENCE, 0 };

	next.file->conf->generation = ++generation;
	next.file->conf->previous = now.file == NULL ? 0 :
	    now.file->conf->generation;
	evtimer_add(&ev_patience, &tv);
	reload_stage(STAGE_ROLES);
}

static unsigned int
reload_stage_mask(enum reload_stage s)
{
	return s == STAGE_ROLES ? RELOAD_ROLES :
	    s == STAGE_WORKERS ? RELOAD_WORKERS : 0;
}

/* Tell those whose turn it is; those that are down hear it at their start. */
static void
reload_stage(enum reload_stage s)
{
	struct child	*c;

	stage = s;
	if (s == STAGE_WORKERS) {
		listen_pause();
		if (now.file == NULL)
			reload_workers();
	}
	TAILQ_FOREACH(c, &child_list, entry) {
		if (!(reload_stage_mask(s) & MSG_P(c->id)) || c->retire)
			continue;
		if (c->peer.open)
			child_configure(c, next.file->conf, next.certs);
		else if (now.file == NULL)
			child_start(c);
	}
	reload_advance();
}

int
reload_conf(const struct child *c, struct conf **conf, struct cert_set **certs)
{
	struct reload_set	*p = &now;

	if (stage == STAGE_WORKERS || (stage == STAGE_ROLES &&
	    c->id != PROC_WORKER))
		p = &next;
	if (p->file == NULL)
		return -1;
	*conf = p->file->conf;
	*certs = p->certs;
	return 0;
}

void
reload_ready(struct child *c, const struct msg *m)
{
	const struct msg_ready	*h = m->fixed;
	char			 why[512];

	if (h->ok) {
		c->generation = h->generation;
		reload_advance();
		return;
	}
	snprintf(why, sizeof(why), "%s: %s", msg_procs[c->id],
	    log_vis(m->tail, m->tail_len));
	if (stage != STAGE_NONE &&
	    h->generation == next.file->conf->generation)
		reload_abort(why);
	else
		log_warnx("does not take the configuration: %s", why);
}

void
reload_child_gone(void)
{
	reload_advance();
}

struct conf_file *
reload_file(void)
{
	return now.file != NULL ? now.file : next.file;
}

/* Have all whose turn it is taken it?  At a reload, those that are just
 * being started again need not have. */
static void
reload_advance(void)
{
	struct child	*c;
	size_t		 taken = 0;

	if (stage == STAGE_NONE)
		return;
	TAILQ_FOREACH(c, &child_list, entry) {
		if (!(reload_stage_mask(stage) & MSG_P(c->id)) || c->retire)
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
		reload_stage(STAGE_WORKERS);
	else
		reload_commit();
}

static void
reload_commit(void)
{
	struct reload_set	 old = now;
	struct reload_asker	 who = asker;

	evtimer_del(&ev_patience);
	stage = STAGE_NONE;
	now = next;
	next.file = NULL;
	next.certs = NULL;
	asker.proc = PROC_PARENT;
	reload_forget(&old);
	log_setjson(now.file->conf->log_format == CONF_LOG_JSON);
	listen_commit(now.file->conf);
	listen_resume();
	reload_workers();
	log_info("configuration %u is in force, %zu workers",
	    now.file->conf->generation, child_count(RELOAD_WORKERS));
	reload_tell(&who, NULL);
}

/* Everybody back to what is in force; at the start there is nothing. */
static void
reload_abort(const char *why)
{
	struct reload_asker	 who = asker;
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
	reload_forget(&next);
	TAILQ_FOREACH(c, &child_list, entry)
		/* keys still has those keys, whatever the files say now */
		if (c->peer.open && c->generation == gone &&
		    c->id != PROC_KEYS)
			child_configure(c, now.file->conf, now.certs);
	listen_resume();
	reload_tell(&who, why);
}

/* The outcome of a reload, to whoever asked for it. */
static void
reload_tell(const struct reload_asker *who, const char *why)
{
	struct msg_reloaded	 m = { why == NULL };
	struct child		*a;

	if (who->proc == PROC_CTL)
		control_done(who->id, why == NULL ? 0 : 1, why == NULL ?
		    warnings : why);
	if (who->proc == PROC_AUTH && (a = child_find(PROC_AUTH, 0)) != NULL)
		proc_send(&a->peer, MSG_RELOADED, who->id, -1, &m, why,
		    why == NULL ? 0 : strlen(why));
	if (again && stage == STAGE_NONE) {
		struct reload_asker	 nobody = { PROC_PARENT, 0 };

		again = 0;
		reload_ask(&nobody);
	}
}

static void
reload_late(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	reload_abort("not every process answered in time");
}

void
reload_ask(const struct reload_asker *who)
{
	struct buf	 report;
	const char	*text;

	if (stage != STAGE_NONE) {
		/* a signal must not be lost; others can ask again */
		if (who->proc == PROC_PARENT)
			again = 1;
		else
			reload_tell(who, "a reload is under way");
		return;
	}
	buf_init(&report, CONF_REPORT_MAX);
	if (reload_load(&next, &report) == 0 &&
	    listen_prepare(next.file, &report) == -1)
		reload_forget(&next);
	if (next.file == NULL) {
		text = buf_str(&report);
		reload_tell(who, text != NULL ? text : "too many errors");
		parent_log_report(&report);
		log_warnx("configuration not taken: nothing changes");
	} else {
		free(warnings);
		text = buf_left(&report) > 0 ? buf_str(&report) : NULL;
		warnings = text == NULL ? NULL : strdup(text);
		parent_log_report(&report);
		asker = *who;
		reload_begin();
	}
	buf_free(&report);
}

/* As many workers as the configuration wants: more, or the surplus drains. */
static void
reload_workers(void)
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
		if (!c->peer.open) {
			child_free(c);	/* it was to be started again */
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
