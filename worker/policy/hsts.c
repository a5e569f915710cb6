/* SPDX-License-Identifier: ISC */
/* HTTP Strict Transport Security (RFC 6797; security.md 1.4). */
#include "common/compat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "worker/policy/policy.h"

#define NAME	"Strict-Transport-Security"

static void	hsts_redirect(struct req *);

void
hsts_compose(struct block *b, const struct block_ctx *x)
{
	char	 value[80];

	if (!x->secure) {
		/* RFC 6797 7.2: MUST NOT over non-secure transport, even if
		 * the administrator wrote it. */
		block_remove(b, NAME);
		return;
	}
	if (!x->conf->hsts)
		return;
	snprintf(value, sizeof(value), "max-age=%" PRIu64 "%s%s",
	    x->conf->hsts_max_age / 1000,
	    x->conf->hsts_subdomains ? "; includeSubDomains" : "",
	    x->conf->hsts_preload ? "; preload" : "");
	block_set(b, NAME, value, BLOCK_LOCKED);
}

/*
 * With hsts on, a plain listener only sends people to TLS (RFC 6797 7.2).
 * Exempt: loopback (health checks, local tools, a proxy there that does not
 * say that it was no TLS), a trusted proxy that says it was, and proofs for a
 * certificate's authority (RFC 8555 8.3).
 */
enum req_ret
hsts_step(struct req *r)
{
	static const char	 acme[] = "/.well-known/acme-challenge/";

	if (!r->conf->hsts || r->secure ||
	    (ip_loopback(&r->local) && !r->clear) ||
	    (r->route != NULL && r->route->flags & ROUTE_OPEN) ||
	    strncmp(r->path, acme, sizeof(acme) - 1) == 0)
		return REQ_NEXT;
	if (r->method == HTTP_GET || r->method == HTTP_HEAD)
		hsts_redirect(r);
	else
		/* A body or a credential has been in the clear already; it
		 * is not sent on (security.md 1.4). */
		req_problem(r, 403, NULL, NULL, "this needs https");
	return REQ_DONE;
}

/* To the same host, if it is ours, so that nobody can make us send people
 * anywhere else. */
static void
hsts_redirect(struct req *r)
{
	const char	*host = r->host;
	char		*url;
	int		 v6;

	if (!hosts_has(r->hosts, host))
		host = r->conf->hostname;
	/* RFC 3986 3.2.2; no name has a colon, and r->host no port */
	v6 = strchr(host, ':') != NULL;
	/* The target is as the client sent it, and has passed target.c. */
	url = arena_printf(&r->arena, "https://%s%s%s%s%s", v6 ? "[" : "",
	    host, v6 ? "]" : "", r->setup->policy->tls_port,
	    r->target[0] == '/' ? r->target : "/");
	if (url == NULL)
		req_problem(r, 503, NULL, NULL, NULL);
	else
		req_redirect(r, r->conf->redirect_status ? 308 : 301, url);
}
