/* SPDX-License-Identifier: ISC */
/* The two tables of policy: see policy.h. */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/log.h"
#include "worker/policy/policy.h"

static void	policy_trusted(struct http_setup *);
static void	policy_late(struct req *, struct fields *);

/* In this order, before any handler. */
const struct http_step	policy_steps[] = {
	{ "forwarded",	forwarded_step },	/* who is it really */
	{ "banned",	banned_step },		/* not that one */
	{ "rate",	rate_step },		/* not too often */
	{ "hsts",	hsts_step },		/* not without TLS */
	{ "host",	host_step },		/* are we meant */
	{ "endpoint",	endpoint_step },	/* is it open to them */
	{ "cors",	cors_step },		/* preflight carries no login */
	{ "moved",	moved_step },		/* it is somewhere else */
	{ "resource",	resource_step },	/* 404, 405, OPTIONS */
	{ "authz",	authz_step },		/* who asks, and may they */
	{ "limits",	limits_step },		/* not too much at once */
};
const size_t	policy_nsteps = nitems(policy_steps);

/* In this order, when a configuration is loaded. */
const struct block_step	policy_blocks[] = {
	{ "class table", class_compose },
	{ "http.headers", custom_compose },
	{ "cors",	cors_compose },
	{ "hsts",	hsts_compose },
};
const size_t	policy_nblocks = nitems(policy_blocks);

void
policy_setup(struct http_setup *s)
{
	struct policy	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("policy");
	s->policy = p;
	policy_trusted(s);
	url_setup(p, s->conf);
	endpoint_setup(p, s->conf);
	cors_setup(p, s->conf);
	rules_setup(p, s->conf);
	/* Otherwise an answer's fields are a copy of its block. */
	if (p->norigins > 0 || p->nrules > 0)
		s->late = policy_late;
}

void
policy_free(struct http_setup *s)
{
	struct policy	*p = s->policy;

	if (p == NULL)
		return;
	req_expr_free(&p->url);
	req_expr_free(&p->endpoint);
	free(p->url_text);
	free(p->origins);
	rules_free(p);
	free(p);
	s->policy = NULL;
}

static void
policy_late(struct req *r, struct fields *f)
{
	const struct policy	*p = r->setup->policy;

	if (p->rule_classes & (1u << r->class))
		rules_late(r, f);
	if (p->norigins > 0)
		cors_late(r, f);
}

/* Loopback when nothing is said. */
static void
policy_trusted(struct http_setup *s)
{
	static const char *const	 dflt[] = { "127.0.0.0/8", "::1" };
	const char *const		*v = dflt;
	size_t				 i, n = nitems(dflt);

	if (s->conf->trusted_proxies.n > 0) {
		v = (const char *const *)s->conf->trusted_proxies.v;
		n = s->conf->trusted_proxies.n;
	}
	if ((s->trusted = calloc(n, sizeof(*s->trusted))) == NULL ||
	    (s->allowed = calloc(s->conf->ban_allowed.n + 1,
	    sizeof(*s->allowed))) == NULL)
		fatal("policy");
	for (i = 0; i < s->conf->ban_allowed.n; i++)
		if (ip_net_parse(&s->allowed[s->nallowed],
		    s->conf->ban_allowed.v[i],
		    strlen(s->conf->ban_allowed.v[i])) == 0)
			s->nallowed++;
	for (i = 0; i < n; i++)
		if (ip_net_parse(&s->trusted[s->ntrusted], v[i],
		    strlen(v[i])) == 0)
			s->ntrusted++;
		else
			log_warnx("trusted-proxies: \"%s\" is no network",
			    v[i]);
}
