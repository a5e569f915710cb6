/* SPDX-License-Identifier: ISC */
/*
 * The life of a request between its transport and its handler: steps,
 * parking, body, end.  Knows no socket and no protocol.  What must never
 * happen here: a handler that runs before every step has passed.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/conf.h"
#include "common/enc.h"
#include "common/log.h"
#include "worker/http/access.h"
#include "worker/http/hdr.h"
#include "worker/http/req.h"
#include "worker/http/route.h"

#define POOL_MAX	16	/* requests kept for the next to come */
#define ARENA_MAX	(8 << 20)
#define SMALL_BODY	65536

static void	req_steps(struct req *);
static void	req_start(struct req *);
static int64_t	req_clock(void);

struct http_stats	http_stats;
struct http_hooks	http_hooks;

static struct req	*pool[POOL_MAX];
static size_t		 npool;
static uint64_t		 last_id;

struct req *
req_new(const struct http_setup *setup, const struct transport *tp, void *arg)
{
	struct req	*r;
	struct reply	*reply;

	if (npool > 0) {
		r = pool[--npool];
		reply = r->reply;
	} else {
		if ((r = malloc(sizeof(*r))) == NULL)
			return NULL;
		if ((reply = malloc(sizeof(*reply))) == NULL) {
			free(r);
			return NULL;
		}
	}
	/* Not the list of fields: hdr_reset knows what of it counts. */
	memset(r, 0, offsetof(struct req, hdr));
	memset(&r->nhdr, 0, sizeof(*r) - offsetof(struct req, nhdr));
	memset(reply, 0, offsetof(struct reply, field));
	memset(&reply->nfields, 0,
	    sizeof(*reply) - offsetof(struct reply, nfields));
	hdr_reset(r);
	r->reply = reply;
	r->setup = setup;
	r->conf = setup->conf;
	r->tp = tp;
	r->tp_arg = arg;
	r->class = HTTP_X;
	r->target = r->path = r->query = r->host = "";
	r->id = ++last_id;
	r->conn = HTTP_NO_CONN;
	r->began = req_clock();
	arena_init(&r->arena, ARENA_MAX);
	http_stats.begun++;
	return r;
}

void
req_free(struct req *r)
{
	struct reply	*reply = r->reply;
	int64_t		 us;

	if (r->gone != NULL)
		r->gone(r, r->gone_arg);
	if (reply->done != NULL)
		reply->done(r, reply->arg);
	if (r->release != NULL)
		r->release(r);
	us = req_clock() - r->began;
	if (reply->status != 0 && r->conf->log_requests)
		access_log(r, us);
	if (http_hooks.ended != NULL)
		http_hooks.ended(r, us);
	http_stats.ended++;
	if (reply->status >= 500)
		http_stats.errors++;
	buf_free(&reply->own);
	arena_free(&r->arena);
	explicit_bzero(&r->user, sizeof(r->user));
	if (npool < POOL_MAX)
		pool[npool++] = r;
	else {
		free(reply);
		free(r);
	}
}

/* --- steps ----------------------------------------------------------- */

void
req_begin(struct req *r)
{
	route_find(r, r->setup->routes, r->setup->nroutes);
	r->secure |= r->tls;
	r->state = REQ_STEPS;
	req_steps(r);
}

static void
req_steps(struct req *r)
{
	enum req_ret	 ret;

	for (; (size_t)r->step < r->setup->nsteps; r->step++) {
		r->busy++;
		ret = r->setup->steps[r->step].run(r);
		r->busy--;
		if (ret == REQ_PARK)
			return;
		if (ret == REQ_DONE || r->state == REQ_ANSWERED) {
			if (r->state != REQ_ANSWERED)
				fatalx("step %s answered nothing",
				    r->setup->steps[r->step].name);
			return;
		}
		r->step_data = NULL;
		r->step_state = 0;
	}
	req_start(r);
}

/* All steps have passed. */
static void
req_start(struct req *r)
{
	if (r->route == NULL)
		fatalx("a request without a route passed the steps");
	r->state = REQ_BODY;
	switch (r->route->body) {
	case BODY_NONE:
		r->body_max = 0;
		break;
	case BODY_SMALL:
		r->body_max = SMALL_BODY;
		break;
	case BODY_REQUEST:
		r->body_max = r->conf->max_size_request;
		break;
	case BODY_UPLOAD:
		r->body_max = r->conf->max_size_upload;
		break;
	}
}

void
req_park(struct req *r, void (*gone)(struct req *, void *), void *arg)
{
	r->gone = gone;
	r->gone_arg = arg;
}

void
req_resume(struct req *r)
{
	r->gone = NULL;
	if (r->state == REQ_STEPS && !r->busy)
		req_steps(r);
	if (!r->busy)
		r->tp->wake(r);
}

/* --- body ------------------------------------------------------------ */

int
req_length(struct req *r, uint64_t n)
{
	char	*more = NULL;

	if (n <= r->body_max)
		return 0;
	/* an upload that was taken in so far */
	if (r->gone != NULL)
		r->gone(r, r->gone_arg);
	r->gone = NULL;
	if (r->route->body == BODY_NONE) {
		req_problem(r, 400, NULL, NULL, "no request body is expected");
		return -1;
	}
	if (r->route->limit != NULL)
		more = arena_printf(&r->arena, "\"limit\":\"%s\"",
		    r->route->limit);
	req_problem_more(r, 413, more == NULL ? NULL :
	    "urn:ietf:params:jmap:error:limit", NULL,
	    "the request body is too large", more);
	return -1;
}

int
req_sink(struct req *r, const uint8_t *p, size_t n, int end)
{
	int	 ret;

	r->busy++;
	ret = r->sink(r, r->sink_arg, p, n, end);
	r->busy--;
	if (end && r->state != REQ_ANSWERED)
		r->state = REQ_HANDLER;
	return r->state == REQ_ANSWERED ? -1 : ret;
}

void
req_body_end(struct req *r)
{
	r->state = REQ_HANDLER;
	r->busy++;
	r->route->handler(r);
	r->busy--;
}

/* --- what was asked -------------------------------------------------- */

const char *
req_query(struct req *r, const char *name)
{
	const char	*p, *eq, *found = NULL;
	size_t		 n, k, i, want = strlen(name), flen = 0;
	ssize_t		 len;
	char		*out;

	for (p = r->query; *p != '\0'; p += n + (p[n] == '&')) {
		n = strcspn(p, "&");
		eq = memchr(p, '=', n);
		k = eq == NULL ? n : (size_t)(eq - p);
		if (k != want || memcmp(p, name, k) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = eq == NULL ? p + k : eq + 1;
		flen = n - (size_t)(found - p);
	}
	if (found == NULL || (out = arena_dup(&r->arena, found, flen)) == NULL)
		return NULL;
	for (i = 0; i < flen; i++)
		if (out[i] == '+')
			out[i] = ' ';
	/* in place: what is written never passes what is read */
	if ((len = enc_pct_get(out, flen, out, flen)) == -1 ||
	    memchr(out, '\0', (size_t)len) != NULL)
		return NULL;
	out[len] = '\0';
	return out;
}

/* --- the end of it --------------------------------------------------- */

/* Microseconds, monotonic. */
static int64_t
req_clock(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
