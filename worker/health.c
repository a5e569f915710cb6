/* SPDX-License-Identifier: ISC */
/*
 * Are we well?  /healthz/live says that this worker turns its loop;
 * /healthz/ready tries what a request needs: a file can be made where the
 * accounts are, keys answers, auth answers a question that it has to look up.
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
#include "common/role.h"
#include "worker/tls_key.h"
#include "worker/worker.h"

#define READY_FRESH	1000	/* ms */
#define READY_KEYS	250	/* ms that keys may take, blocking */
#define READY_AUTH	2	/* s that auth may take */

/* A request that waits for auth; lives in its arena. */
struct ready {
	struct req	*r;
	struct auth_ask	*ask;
	struct event	 ev;
};

static int	ready_store(void);
static void	ready_answer(void *, int, uint64_t, uint64_t);
static void	ready_late(int, short, void *);
static void	ready_gone(struct req *, void *);
static void	ready_not(struct req *, const char *);

static int64_t	ready_at;	/* when it was so, date_mono() */

void
health_live(struct req *r)
{
	req_problem(r, 200, NULL, "OK", NULL);
}

void
health_ready(struct req *r)
{
	struct timeval	 tv = { READY_AUTH, 0 };
	struct ready	*w;

	if (ready_at != 0 && date_mono() - ready_at < READY_FRESH) {
		req_problem(r, 200, NULL, "OK", NULL);
		return;
	}
	if (ready_store() == -1) {
		ready_not(r, "store: no file can be written");
		return;
	}
	if (!tls_key_ping(READY_KEYS)) {
		ready_not(r, "keys: the process does not answer");
		return;
	}
	if ((w = arena_get(&r->arena, sizeof(*w))) == NULL ||
	    (w->ask = auth_ask_rcpt("ready@healthz.invalid", ready_answer,
	    w)) == NULL) {
		ready_not(r, "auth: the process is not there");
		return;
	}
	w->r = r;
	evtimer_set(&w->ev, ready_late, w);
	evtimer_add(&w->ev, &tv);
	req_park(r, ready_gone, w);
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
ready_answer(void *arg, int error, uint64_t account, uint64_t quota)
{
	struct ready	*w = arg;

	(void)account;
	(void)quota;
	evtimer_del(&w->ev);
	if (error != 0) {
		ready_not(w->r, "auth: the directory cannot be read");
		return;
	}
	ready_at = date_mono();
	req_problem(w->r, 200, NULL, "OK", NULL);
}

static void
ready_late(int fd, short what, void *arg)
{
	struct ready	*w = arg;

	(void)fd;
	(void)what;
	auth_ask_cancel(w->ask);
	ready_not(w->r, "auth: the process does not answer");
}

static void
ready_gone(struct req *r, void *arg)
{
	struct ready	*w = arg;

	(void)r;
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
