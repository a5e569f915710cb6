/* SPDX-License-Identifier: ISC */
/*
 * Not too many in a time (stalwart-http.md 10): requests of an account, and
 * requests without a login of an address, over all workers.  An account is
 * counted when authz has found it (limits.c); an address when there is
 * nothing to log in with (rate_step), or it was of no use (authz.c); wrong
 * passwords are auth's to count.
 *
 * RateLimit and RateLimit-Policy: draft-ietf-httpapi-ratelimit-headers-09.
 */
#include "common/compat.h"

#include <stdio.h>

#include "common/conf.h"
#include "common/share.h"
#include "worker/policy/policy.h"

#define LOW	10		/* tell any client when a tenth is left */

static int	rate_tells(const struct req *, const struct conf_rate *,
		    const struct share_left *);
static int	rate_free(const struct req *);
static int	rate_refuse(struct req *, const char *,
		    const struct conf_rate *, const struct share_left *);
static void	rate_fields(struct req *, const char *,
		    const struct conf_rate *, const struct share_left *);

enum req_ret
rate_step(struct req *r)
{
	if (r->route != NULL && r->route->flags & ROUTE_AUTH &&
	    r->known[HDR_AUTHORIZATION] != -1)
		return REQ_NEXT;	/* authz and limits count it */
	return rate_anonymous(r) ? REQ_DONE : REQ_NEXT;
}

int
rate_anonymous(struct req *r)
{
	const struct conf_rate	*rate = &r->conf->rate_anonymous;
	struct share_left	 left;

	if (rate->count == 0 || r->class == HTTP_T || rate_free(r))
		return 0;
	if (!share_rate(share_key_ip(&r->client), rate, r->began, &left)) {
		share_add(SHARE_OVER_ANONYMOUS, 1);
		return rate_refuse(r, "anonymous", rate, &left);
	}
	if (rate_tells(r, rate, &left))
		rate_fields(r, "anonymous", rate, &left);
	return 0;
}

int
rate_account(struct req *r)
{
	const struct conf_rate	*rate = &r->conf->rate_account;
	struct share_left	 left;

	if (rate->count == 0)
		return 0;
	if (!share_rate(share_key_account(r->user.account), rate, r->began,
	    &left)) {
		share_add(SHARE_OVER_ACCOUNT, 1);
		return rate_refuse(r, "account", rate, &left);
	}
	if (rate_tells(r, rate, &left))
		rate_fields(r, "account", rate, &left);
	return 0;
}

/* security.md 1.2: always on answers of the API and the session, which are
 * what clients plan; else when it is about to matter. */
static int
rate_tells(const struct req *r, const struct conf_rate *rate,
    const struct share_left *left)
{
	return r->class == HTTP_A || r->class == HTTP_S ||
	    left->left < rate->count / LOW;
}

/* This machine itself, jmapctl(8), and who is never banned. */
static int
rate_free(const struct req *r)
{
	size_t	 i;

	if (r->conn == HTTP_NO_CONN || forwarded_local(r))
		return 1;
	for (i = 0; i < r->setup->nallowed; i++)
		if (ip_in(&r->client, &r->setup->allowed[i]))
			return 1;
	return 0;
}

static int
rate_refuse(struct req *r, const char *name, const struct conf_rate *rate,
    const struct share_left *left)
{
	char	 num[24];

	rate_fields(r, name, rate, left);
	snprintf(num, sizeof(num), "%llu", (unsigned long long)left->wait_s);
	req_hdr_set(r, "Retry-After", num);
	req_problem(r, 429, NULL, NULL, "too many requests in a short time");
	return 1;
}

static void
rate_fields(struct req *r, const char *name, const struct conf_rate *rate,
    const struct share_left *left)
{
	char	 text[96];

	snprintf(text, sizeof(text), "\"%s\";q=%llu;w=%llu", name,
	    (unsigned long long)rate->count,
	    (unsigned long long)(rate->period + 999) / 1000);
	req_hdr_set(r, "RateLimit-Policy", text);
	snprintf(text, sizeof(text), "\"%s\";r=%llu;t=%llu", name,
	    (unsigned long long)left->left, (unsigned long long)
	    (left->wait_s > 0 ? left->wait_s : left->reset_s));
	req_hdr_set(r, "RateLimit", text);
}
