/* SPDX-License-Identifier: ISC */
/*
 * Are we well?  /healthz/live says that this worker turns its loop;
 * /healthz/ready tries what requests need: a file can be made where the
 * accounts are, keys and queue answer, auth answers a question that it has to
 * look up.
 * An answer "ready" is good for a second, so that nobody can make us write.
 * Called by the table of worker_routes.c.
 */
#include "common/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/auth_ask.h"
#include "common/date.h"
#include "common/log.h"
#include "common/proc.h"
#include "common/queue_ask.h"
#include "common/role.h"
#include "worker/tls_sign.h"
#include "worker/worker.h"

#define READY_FRESH	1000	/* ms */
#define READY_WAIT	1	/* s that the others may take */
#define READY_PONGS	(MSG_P(PROC_KEYS) | MSG_P(PROC_QUEUE))

/* A request that waits for the others; lives in its arena. */
struct ready {
	LIST_ENTRY(ready)	 entry;
	struct req		*r;
	struct auth_ask		*ask;		/* NULL: it has answered */
	uint32_t		 id;		/* of the ping, 16 bits */
	unsigned int		 pongs;		/* MSG_P() of who answered */
	struct event		 ev;
};

static int	ready_store(void);
static void	ready_auth(void *, int, uint64_t, uint64_t);
static void	ready_when(struct ready *);
static void	ready_late(int, short, void *);
static void	ready_gone(struct req *, void *);
static void	ready_not(struct req *, const char *);

static LIST_HEAD(, ready)	 readies = LIST_HEAD_INITIALIZER(readies);
static uint32_t			 last_id;
static int64_t			 ready_at;	/* was so, date_mono() */

void
health_live(struct req *r)
{
	req_problem(r, 200, NULL, "OK", NULL);
}

void
health_ready(struct req *r)
{
	struct timeval	 tv = { READY_WAIT, 0 };
	struct ready	*w;

	if (ready_at != 0 && date_mono() - ready_at < READY_FRESH) {
		req_problem(r, 200, NULL, "OK", NULL);
		return;
	}
	if (ready_store() == -1) {
		ready_not(r, "store: no file can be written");
		return;
	}
	if (!tls_sign_up()) {
		ready_not(r, "keys: the process is not there");
		return;
	}
	if (!queue_ask_up()) {
		ready_not(r, "queue: the process is not there");
		return;
	}
	if ((w = arena_get(&r->arena, sizeof(*w))) == NULL ||
	    (w->ask = auth_ask_rcpt("ready@healthz.invalid", ready_auth,
	    w)) == NULL) {
		ready_not(r, "auth: the process is not there");
		return;
	}
	w->r = r;
	w->pongs = 0;
	w->id = ++last_id & UINT16_MAX;
	LIST_INSERT_HEAD(&readies, w, entry);
	evtimer_set(&w->ev, ready_late, w);
	evtimer_add(&w->ev, &tv);
	req_park(r, ready_gone, w);
	proc_send(&role_parent, MSG_PING, w->id, -1, NULL, NULL, 0);
}

static int
ready_store(void)
{
	char	 path[PATH_MAX];
	int	 fd, ret = -1;

	if ((size_t)snprintf(path, sizeof(path), "%s/ready.%u", role_root(),
	    role_slot) >= sizeof(path))
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd == -1 || write(fd, "?", 1) != 1)
		log_warn("%s", path);
	else
		ret = 0;
	if (fd != -1)
		close(fd);
	unlink(path);
	return ret;
}

static void
ready_auth(void *arg, int error, uint64_t account, uint64_t quota)
{
	struct ready	*w = arg;
	struct req	*r = w->r;

	(void)account;
	(void)quota;
	w->ask = NULL;
	if (error == 0) {
		ready_when(w);
		return;
	}
	ready_gone(r, w);
	ready_not(r, "auth: the directory cannot be read");
}

void
health_pong(struct proc_peer *p, struct msg *m)
{
	const struct msg_pong	*h = m->fixed;
	struct ready		*w;

	(void)p;
	LIST_FOREACH(w, &readies, entry)
		if (w->id == m->id)
			break;
	if (w == NULL)
		return;			/* it came too late */
	if (h->role < PROC_CTL)
		w->pongs |= MSG_P(h->role);
	ready_when(w);
}

/* Have all answered? */
static void
ready_when(struct ready *w)
{
	struct req	*r = w->r;

	if (w->ask != NULL || (w->pongs & READY_PONGS) != READY_PONGS)
		return;
	ready_gone(r, w);
	ready_at = date_mono();
	req_problem(r, 200, NULL, "OK", NULL);
}

static void
ready_late(int fd, short what, void *arg)
{
	struct ready	*w = arg;
	struct req	*r = w->r;
	const char	*why = w->ask != NULL ?
			    "auth: the process does not answer" :
			    !(w->pongs & MSG_P(PROC_KEYS)) ?
			    "keys: the process does not answer" :
			    "queue: the process does not answer";

	(void)fd;
	(void)what;
	ready_gone(r, w);
	ready_not(r, why);
}

static void
ready_gone(struct req *r, void *arg)
{
	struct ready	*w = arg;

	(void)r;
	LIST_REMOVE(w, entry);
	evtimer_del(&w->ev);
	auth_ask_cancel(w->ask);
}

static void
ready_not(struct req *r, const char *why)
{
	ready_at = 0;
	log_warnx("not ready: %s", why);
	req_hdr_set(r, "Retry-After", "5");
	req_problem(r, 503, NULL, NULL, why);
}
