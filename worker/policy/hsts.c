/* SPDX-License-Identifier: ISC */
/* HTTP Strict Transport Security (RFC 6797; security.md 1.4). */
#include "common/compat.h"

#include <string.h>

#include "common/conf.h"
#include "worker/policy/policy.h"

#define NAME	"Strict-Transport-Security"

void
hsts_compose(struct block *b, const struct block_ctx *x)
{
	if (!x->secure)
		/* RFC 6797 7.2: MUST NOT over non-secure transport, even if
		 * the administrator wrote it. */
		block_remove(b, NAME);
	else if (x->conf->hsts)
		block_set(b, NAME, "max-age=31536000; includeSubDomains",
		    BLOCK_LOCKED);
}

/*
 * With hsts on, a plain listener only sends people to TLS (RFC 6797 7.2).
 * Exempt: loopback (health checks, local tools), and a trusted proxy that
 * says it was TLS.  A body or credential is never redirected.
 */
enum req_ret
hsts_step(struct req *r)
{
	const char	*host = r->host;
	char		*url;

	if (!r->conf->hsts || r->secure || ip_loopback(&r->local) ||
	    (r->route != NULL && r->route->flags & ROUTE_OPEN))
		return REQ_NEXT;
	if (r->method != HTTP_GET && r->method != HTTP_HEAD) {
		req_problem(r, 403, NULL, NULL, "this needs https");
		return REQ_DONE;
	}
	/* The host step has found it among our names; the target is as the
	 * client sent it, which has passed target.c. */
	url = arena_printf(&r->arena, "https://%s%s", host,
	    r->target[0] == '/' ? r->target : "/");
	if (url == NULL)
		req_problem(r, 503, NULL, NULL, NULL);
	else
		req_redirect(r, 301, url);
	return REQ_DONE;
}
