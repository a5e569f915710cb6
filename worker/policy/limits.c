/* SPDX-License-Identifier: ISC */
/*
 * Not too much at once, and only what the route can read.  Counted by
 * account in this worker (RFC 8620 2: maxConcurrentRequests,
 * maxConcurrentUpload).  Runs after authz.
 */
#include "common/compat.h"

#include <string.h>

#include "common/conf.h"
#include "worker/policy/policy.h"

#define SLOTS	256		/* accounts in flight; more are not counted */

static struct slot {
	uint64_t	 account;	/* 0: free */
	uint32_t	 n[2];		/* requests, uploads */
} slots[SLOTS];

static struct slot	*limits_slot(uint64_t);
static void		 limits_release(struct req *);

enum req_ret
limits_step(struct req *r)
{
	static const char *const	 more[] = {
		"\"limit\":\"maxConcurrentRequests\"",
		"\"limit\":\"maxConcurrentUpload\"",
	};
	struct slot	*s;
	int		 up = (r->route->flags & ROUTE_UPLOAD) != 0;
	uint64_t	 max = up ? r->conf->max_concurrent_upload :
			    r->conf->max_concurrent_requests;

	if (r->route->flags & ROUTE_JSON &&
	    !req_is_type(r, "application/json")) {
		/* A form of another site could send any other type without
		 * a preflight (security.md 1.6). */
		req_problem(r, 415, NULL, NULL,
		    "the body must be application/json");
		return REQ_DONE;
	}
	if (r->route->limit == NULL || !r->has_user ||
	    (s = limits_slot(r->user.account)) == NULL)
		return REQ_NEXT;
	if (s->n[up] >= max) {
		req_problem_more(r, 429, "urn:ietf:params:jmap:error:limit",
		    NULL, "too many requests at once", more[up]);
		return REQ_DONE;
	}
	s->account = r->user.account;
	s->n[up]++;
	r->release = limits_release;
	return REQ_NEXT;
}

static struct slot *
limits_slot(uint64_t account)
{
	struct slot	*free_slot = NULL;
	size_t		 i, at;

	for (i = 0; i < 8; i++) {
		at = (size_t)(account + i) % SLOTS;
		if (slots[at].account == account)
			return &slots[at];
		if (slots[at].account == 0 && free_slot == NULL)
			free_slot = &slots[at];
	}
	return free_slot;
}

static void
limits_release(struct req *r)
{
	struct slot	*s = limits_slot(r->user.account);
	int		 up = (r->route->flags & ROUTE_UPLOAD) != 0;

	s->n[up]--;
	if (s->n[0] == 0 && s->n[1] == 0)
		s->account = 0;
}
