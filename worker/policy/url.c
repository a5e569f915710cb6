/* SPDX-License-Identifier: ISC */
/*
 * What clients are told to use: http.url, or the protocol, the hostname and
 * the port (reference/stalwart-http.md 3).  Used by the session object and
 * by whatever else hands out URLs; never made from a Host field that nobody
 * has checked.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/log.h"
#include "worker/policy/policy.h"

static void	url_port(struct policy *, const struct conf *);
static size_t	url_default(const struct req *, char *, size_t);
static size_t	url_ask(struct req *, char *, size_t);

void
url_setup(struct policy *p, const struct conf *c)
{
	char	 err[EXPR_ERR];
	size_t	 len = strlen(c->url);

	url_port(p, c);
	if (len == 0)
		return;
	if (!req_expr_url(c->url, len)) {
		if (req_expr_text(&p->url, c->url, err) == -1)
			fatalx("http.url: %s", err);
		return;
	}
	if ((p->url_text = strdup(c->url)) == NULL)
		fatal("url");
	req_expr_trim(p->url_text, len);
}

/* Where TLS is: the port of http.url, else of the first listener with it. */
static void
url_port(struct policy *p, const struct conf *c)
{
	const char	*host, *colon;
	uint64_t	 port = 443;
	size_t		 i, n;

	if (strncmp(c->url, "https://", 8) == 0) {
		host = c->url + 8;
		n = strcspn(host, "/");
		colon = host + n;
		while (colon > host && colon[-1] >= '0' && colon[-1] <= '9')
			colon--;
		if (colon > host && colon[-1] == ':')
			port = (uint64_t)strtoul(colon, NULL, 10);
	} else
		for (i = 0; i < c->nlistens; i++)
			if (c->listens[i].tls && c->listens[i].port != 0) {
				port = c->listens[i].port;
				break;
			}
	if (port != 443 && port != 0)
		snprintf(p->tls_port, sizeof(p->tls_port), ":%u",
		    (unsigned int)port & 0xffff);
}

size_t
url_base(struct req *r, char *out, size_t len)
{
	struct policy	*p = r->setup->policy;
	size_t		 n = 0;

	if (p->url_text != NULL)
		n = strlcpy(out, p->url_text, len);
	else if (p->url.n > 0 && (n = url_ask(r, out, len)) > 0 &&
	    p->url.fixed)
		/* it asks nothing of the request: once is enough */
		p->url_text = strdup(out);
	if (n == 0)
		n = url_default(r, out, len);
	if (n >= len) {
		out[0] = '\0';
		return 0;
	}
	return n;
}

/* 0: it gives nothing that can be used. */
static size_t
url_ask(struct req *r, char *out, size_t len)
{
	static int64_t	 warned;
	const char	*why = "it is not http(s)://host[:port][/path]";
	struct expr_val	 v;
	struct slice	 s;
	struct expr_ctx	 c = { .arena = &r->arena };

	if (vars_eval(r, &r->setup->policy->url, &v, &why) == 0 &&
	    expr_val_text(&c, &v, &s) == 0 && s.n < len &&
	    req_expr_url(s.p, s.n)) {
		memcpy(out, s.p, s.n);
		out[s.n] = '\0';
		return req_expr_trim(out, s.n);
	}
	if (warned == 0 || r->began - warned > 60 * 1000000) {
		log_warnx("http.url: %s", why);
		warned = r->began;
	}
	return 0;
}

/* A trusted proxy knows what it was asked for; else the configured name and
 * the port of this listener. */
static size_t
url_default(const struct req *r, char *out, size_t len)
{
	const char	*proto = r->secure ? "https" : "http";
	int		 n;

	if (r->authority != NULL)
		n = snprintf(out, len, "%s://%s", proto, r->authority);
	else if (r->secure != r->tls || r->local_port == 0)
		n = snprintf(out, len, "%s://%s", proto, r->conf->hostname);
	else
		n = snprintf(out, len, "%s://%s:%u", proto,
		    r->conf->hostname, r->local_port);
	if (n < 0 || (size_t)n >= len)
		return len;
	return req_expr_trim(out, (size_t)n);
}
