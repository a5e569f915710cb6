/* SPDX-License-Identifier: ISC */
/*
 * http.allowed-endpoint: an expression says who may ask for what, before
 * anything else is looked at.  200 passes, any other status is the answer;
 * what fails is 403.  Who sits at this machine cannot lock themselves out:
 * the socket's own address counts, never one that a proxy told, and nobody
 * who came through a proxy on this machine passes by that.
 */
#include "common/compat.h"

#include <string.h>

#include "common/conf.h"
#include "common/log.h"
#include "worker/policy/policy.h"

static int	endpoint_ask(struct req *);
static void	endpoint_answer(struct req *, int);

void
endpoint_setup(struct policy *p, const struct conf *c)
{
	char	 err[EXPR_ERR];

	if (req_expr_list(&p->endpoint, &c->allowed_endpoint, err) == -1)
		fatalx("http.allowed-endpoint: %s", err);
	if (p->endpoint.n == 0)
		p->endpoint_status = 200;
}

enum req_ret
endpoint_step(struct req *r)
{
	struct policy	*p = r->setup->policy;
	int		 status = p->endpoint_status;

	if (status == 200 || req_local(r))
		return REQ_NEXT;
	if (status == 0) {
		status = endpoint_ask(r);
		if (p->endpoint.fixed)
			p->endpoint_status = status;
	}
	if (status == 200)
		return REQ_NEXT;
	endpoint_answer(r, status);
	return REQ_DONE;
}

/* With the field that RFC 9110 15.5.2, 15.5.6 demand of it. */
static void
endpoint_answer(struct req *r, int status)
{
	if (status == 401)
		authz_scheme(r);
	else if (status == 405)
		resource_allow(r, r->allowed);
	req_problem(r, status, NULL, NULL, NULL);
}

static int
endpoint_ask(struct req *r)
{
	static int64_t	 warned;
	const char	*why = "it gives no status of HTTP";
	struct expr_val	 v;
	int64_t		 status;

	if (vars_eval(r, &r->setup->policy->endpoint, &v, &why) == 0) {
		status = expr_val_toint(&v);
		if (status >= 200 && status <= 599)
			return (int)status;
	}
	if (warned == 0 || r->began - warned > 60 * 1000000) {
		log_warnx("http.allowed-endpoint: %s, so it is 403", why);
		warned = r->began;
	}
	return 403;
}
