/* SPDX-License-Identifier: ISC */
/*
 * Not too much at once, and only what the route can read.  Counted by
 * account in all workers (RFC 8620 2: maxConcurrentRequests,
 * maxConcurrentUpload), see share.h.  Runs after authz.
 */
#include "common/compat.h"

#include "common/conf.h"
#include "common/share.h"
#include "worker/policy/policy.h"

static enum share_busy	limits_kind(const struct req *);
static void		limits_release(struct req *);

enum req_ret
limits_step(struct req *r)
{
	static const char *const	 more[] = {
		[SHARE_REQUEST] = "\"limit\":\"maxConcurrentRequests\"",
		[SHARE_UPLOAD] = "\"limit\":\"maxConcurrentUpload\"",
	};
	enum share_busy	 kind = limits_kind(r);
	uint64_t	 max = kind == SHARE_UPLOAD ?
			    r->conf->max_concurrent_upload :
			    r->conf->max_concurrent_requests;
	int		 place;

	if (r->route->flags & ROUTE_JSON &&
	    !req_is_type(r, "application/json")) {
		/* A form of another site could send any other type without
		 * a preflight (security.md 1.6). */
		req_problem(r, 415, NULL, NULL,
		    "the body must be application/json");
		return REQ_DONE;
	}
	if (!r->has_user)
		return REQ_NEXT;
	if (rate_account(r))
		return REQ_DONE;
	if (r->route->limit == NULL)
		return REQ_NEXT;
	place = share_enter(r->user.account, kind, max);
	if (place == SHARE_FULL) {
		share_add(SHARE_OVER_BUSY, 1);
		req_hdr_set(r, "Retry-After", "1");
		req_problem_more(r, 429, "urn:ietf:params:jmap:error:limit",
		    NULL, "too many requests at once", more[kind]);
		return REQ_DONE;
	}
	if (place != SHARE_UNCOUNTED) {
		r->place = place;
		r->release = limits_release;
	}
	return REQ_NEXT;
}

static enum share_busy
limits_kind(const struct req *r)
{
	return r->route->flags & ROUTE_UPLOAD ? SHARE_UPLOAD : SHARE_REQUEST;
}

static void
limits_release(struct req *r)
{
	share_leave(r->place, limits_kind(r));
}
