/* SPDX-License-Identifier: ISC */
/* The two tables of policy: see policy.h. */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/log.h"
#include "worker/policy/policy.h"

/* In this order, before any handler. */
const struct http_step	policy_steps[] = {
	{ "forwarded",	forwarded_step },	/* who is it really */
	{ "host",	host_step },		/* are we meant */
	{ "hsts",	hsts_step },		/* not without TLS */
	{ "cors",	cors_step },		/* preflight carries no login */
	{ "resource",	resource_step },	/* 404, 405, OPTIONS */
	{ "authz",	authz_step },		/* who asks, and may they */
	{ "limits",	limits_step },		/* not too much at once */
};
const size_t	policy_nsteps = nitems(policy_steps);

/* In this order, when a configuration is loaded. */
const struct block_step	policy_blocks[] = {
	{ "class",	class_compose },
	{ "cors",	cors_compose },
	{ "custom",	custom_compose },
	{ "hsts",	hsts_compose },
};
const size_t	policy_nblocks = nitems(policy_blocks);

void
policy_trusted(struct http_setup *s)
{
	static const char *const	 dflt[] = { "127.0.0.0/8", "::1" };
	const char *const		*v = dflt;
	size_t				 i, n = nitems(dflt);

	if (s->conf->trusted_proxies.n > 0) {
		v = (const char *const *)s->conf->trusted_proxies.v;
		n = s->conf->trusted_proxies.n;
	}
	if ((s->trusted = calloc(n, sizeof(*s->trusted))) == NULL)
		fatal("policy");
	for (i = 0; i < n; i++)
		if (ip_net_parse(&s->trusted[s->ntrusted], v[i],
		    strlen(v[i])) == 0)
			s->ntrusted++;
		else
			log_warnx("trusted-proxies: \"%s\" is no network",
			    v[i]);
}
