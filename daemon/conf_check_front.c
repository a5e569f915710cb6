/* SPDX-License-Identifier: ISC */
/*
 * What the front door is told (http, header, redirect): fields, expressions,
 * origins, URLs.  Called by conf_check.c; faults are errors with their line,
 * what merely surprises is a warning.  reference/security.md 1.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/hdr_check.h"
#include "common/log.h"
#include "common/origin.h"
#include "common/req_expr.h"
#include "common/utf8.h"
#include "daemon/conf_check.h"

#define FIXED_MEMORY	65536	/* for an expression's value */

static void	front_url(struct check *);
static void	front_endpoint(struct check *);
static void	front_fixed(struct check *, const struct req_expr *,
		    const char *, int (*)(const struct expr_val *,
		    struct slice), const char *);
static int	front_key(void *, struct slice, struct slice,
		    struct expr_val *);
static int	front_is_url(const struct expr_val *, struct slice);
static int	front_is_status(const struct expr_val *, struct slice);
static void	front_metrics(struct check *);
static void	front_proxies(struct check *);
static void	front_headers(struct check *);
static void	front_rule(struct check *, size_t);
static void	front_size(struct check *);
static void	front_warn(struct check *, const char *, size_t, const char *,
		    const char *, const char *);
static void	front_hsts(struct check *);
static void	front_cors(struct check *);
static void	front_redirect(struct check *, size_t);
static int	front_is_place(const char *, size_t);
static int	front_has_tls(const struct conf *);
static int	front_has_listener(const struct conf *, const char *);

void
conf_check_front(struct check *k)
{
	size_t	 i;

	conf_check_nets(k, "http", "trusted-proxies", &k->c->trusted_proxies);
	front_url(k);
	front_endpoint(k);
	front_headers(k);
	for (i = 0; i < k->c->nhrules; i++)
		front_rule(k, i);
	front_size(k);
	front_hsts(k);
	front_cors(k);
	front_metrics(k);
	for (i = 0; i < k->c->nredirects; i++)
		front_redirect(k, i);
	front_proxies(k);
}

static void
front_metrics(struct check *k)
{
	const char	*colon = strchr(k->c->metrics_credentials, ':');

	if (k->c->metrics_credentials[0] != '\0' &&
	    (colon == NULL || colon[1] == '\0'))
		conf_check_bad(k, "http", 0, "metrics-credentials", "http."
		    "metrics-credentials: it is not \"user:password\"");
}

/* security.md 1.8: two answers to one question, and whom to believe. */
static void
front_proxies(struct check *k)
{
	const struct conf_strs	*l = &k->c->trusted_proxies;
	size_t			 i;
	int			 asked = k->c->use_x_forwarded ||
				    k->c->x_real_ip;

	if (k->c->use_x_forwarded && k->c->x_real_ip)
		conf_check_warn(k, "http", 0, "x-real-ip", "http.x-real-ip "
		    "says who the client is: the addresses of "
		    "use-x-forwarded are not looked at");
	for (i = 0; i < k->c->nlistens; i++)
		asked |= k->c->listens[i].proxy_protocol != CONF_PROXY_OFF;
	for (i = 0; asked && i < l->n; i++)
		if (strstr(l->v[i], "/0") != NULL)
			conf_check_warn(k, "http", 0, "trusted-proxies",
			    "http.trusted-proxies: %s believes everybody",
			    l->v[i]);
}

/* A literal, or an expression. */
static void
front_url(struct check *k)
{
	const char	*url = k->c->url;
	struct req_expr	 x;
	char		 err[EXPR_ERR];

	if (*url == '\0')
		return;
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8)) {
		if (req_expr_text(&x, url, err) == -1)
			conf_check_bad(k, "http", 0, "url", "http.url: %s",
			    err);
		else
			front_fixed(k, &x, "url", front_is_url,
			    "is not http(s)://host[:port][/path]");
		req_expr_free(&x);
		return;
	}
	if (!req_expr_url(url, strlen(url))) {
		conf_check_bad(k, "http", 0, "url", "http.url: \"%s\" is not "
		    "http(s)://host[:port][/path]", url);
		return;
	}
	/* the complaint that Stalwart's users have most often */
	if (url[4] == ':' && (front_has_tls(k->c) || k->c->hsts ||
	    k->c->use_x_forwarded))
		conf_check_warn(k, "http", 0, "url", "http.url: clients are "
		    "told http://, though there is TLS");
}

static int
front_has_tls(const struct conf *c)
{
	size_t	 i;

	for (i = 0; i < c->nlistens; i++)
		if (c->listens[i].tls)
			return 1;
	return 0;
}

static void
front_endpoint(struct check *k)
{
	struct req_expr	 x;
	char		 err[EXPR_ERR];

	if (req_expr_list(&x, &k->c->allowed_endpoint, err) == -1)
		conf_check_bad(k, "http", 0, "allowed-endpoint",
		    "http.allowed-endpoint: %s", err);
	else
		front_fixed(k, &x, "allowed-endpoint", front_is_status,
		    "is no status of HTTP");
	req_expr_free(&x);
}

/* An expression, or a "then", that asks nothing of the request has its value
 * now. */
static void
front_fixed(struct check *k, const struct req_expr *x, const char *opt,
    int (*is)(const struct expr_val *, struct slice), const char *why)
{
	struct arena	 a;
	struct expr_ctx	 c = { .key = front_key, .arg = k, .arena = &a };
	struct expr_val	 v;
	struct slice	 s;
	size_t		 i;

	for (i = 0; i < x->n; i++) {
		if (!expr_fixed(x->rule[i].then))
			continue;
		arena_init(&a, FIXED_MEMORY);
		if (expr_eval(x->rule[i].then, &c, &v) == -1 ||
		    expr_val_text(&c, &v, &s) == -1)
			conf_check_bad(k, "http", 0, opt, "http.%s: %s", opt,
			    c.err);
		else if (!is(&v, s))
			conf_check_bad(k, "http", 0, opt, "http.%s: its value "
			    "\"%s\" %s", opt, log_vis(s.p, s.n), why);
		arena_free(&a);
	}
}

static int
front_key(void *arg, struct slice store, struct slice key,
    struct expr_val *out)
{
	const struct check	*k = arg;

	(void)store;
	(void)key;
	*out = expr_val_str(k->c->hostname, strlen(k->c->hostname));
	return 0;
}

static int
front_is_url(const struct expr_val *v, struct slice s)
{
	(void)v;
	return req_expr_url(s.p, s.n);
}

static int
front_is_status(const struct expr_val *v, struct slice s)
{
	int64_t	 status = expr_val_toint(v);

	(void)s;
	return status >= 200 && status <= 599;
}

static void
front_headers(struct check *k)
{
	const char	*value;
	char		 why[512], name[HDR_CHECK_LINE + 1];
	size_t		 i, nlen, vlen;

	if (hdr_check_all(&k->c->headers, k->c->permissive_cors != 0 ||
	    k->c->cors_origins.n > 0, why, sizeof(why)) == -1) {
		conf_check_bad(k, "http", 0, "headers", "http.headers: %s",
		    why);
		return;
	}
	for (i = 0; i < k->c->headers.n; i++) {
		hdr_check(k->c->headers.v[i], &nlen, &value, &vlen);
		memcpy(name, k->c->headers.v[i], nlen);
		name[nlen] = '\0';
		front_warn(k, "http", 0, "headers", name, value);
	}
}

/* security.md 1.7: legal, but not what it seems to do. */
static void
front_warn(struct check *k, const char *sect, size_t item, const char *opt,
    const char *name, const char *value)
{
	if (utf8_caseis(name, strlen(name), "cache-control") &&
	    strstr(value, "no-store") == NULL)
		conf_check_warn(k, sect, item, opt, "\"%s: %s\" lets browsers "
		    "keep mail that a login was needed for; tokens stay "
		    "no-store", name, value);
	if (utf8_caseis(name, strlen(name), "strict-transport-security"))
		conf_check_warn(k, sect, item, opt, "\"%s\" is sent over TLS "
		    "only%s", name, k->c->hsts ?
		    ", and hsts takes its place" : "; hsts does more");
}

static void
front_rule(struct check *k, size_t n)
{
	const struct conf_header	*h = &k->c->hrules[n];
	struct req_expr			 x;
	const char			*opt;
	char				 err[512];
	size_t				 i;

	if (n == HDR_CHECK_LINES)
		conf_check_bad(k, "header", n, "name", "header %s: there are "
		    "more than %d rules", h->title, HDR_CHECK_LINES);
	if (hdr_check_rule(h, k->c->permissive_cors != 0 ||
	    k->c->cors_origins.n > 0, &opt, err, sizeof(err)) == -1)
		conf_check_bad(k, "header", n, opt, "header %s: %s",
		    h->title, err);
	else if (h->verb != CONF_REMOVE && h->class.n == 0)
		front_warn(k, "header", n, "value", h->name, h->value);
	for (i = 0; i < h->listener.n; i++)
		if (!front_has_listener(k->c, h->listener.v[i]))
			conf_check_bad(k, "header", n, "listener", "header "
			    "%s: there is no listener %s", h->title,
			    h->listener.v[i]);
	if (h->cond[0] == '\0')
		return;
	if (req_expr_text(&x, h->cond, err) == -1)
		conf_check_bad(k, "header", n, "if", "header %s: if: %s",
		    h->title, err);
	req_expr_free(&x);
}

/* An answer that all of them meet must not be more than clients take. */
static void
front_size(struct check *k)
{
	size_t	 i, all = 0;

	for (i = 0; i < k->c->nhrules && all <= HDR_CHECK_ALL; i++)
		if (k->c->hrules[i].verb != CONF_REMOVE)
			all += strlen(k->c->hrules[i].name) +
			    strlen(k->c->hrules[i].value);
	if (all > HDR_CHECK_ALL)
		conf_check_bad(k, "header", i - 1, "value", "header %s: the "
		    "rules' fields are longer than %d bytes together",
		    k->c->hrules[i - 1].title, HDR_CHECK_ALL);
}

static int
front_has_listener(const struct conf *c, const char *name)
{
	size_t	 i;

	for (i = 0; i < c->nlistens; i++)
		if (strcmp(c->listens[i].name, name) == 0)
			return 1;
	return 0;
}

/* hstspreload.org */
static void
front_hsts(struct check *k)
{
	if (!k->c->hsts_preload)
		return;
	if (!k->c->hsts)
		conf_check_warn(k, "http", 0, "hsts-preload", "http.hsts-"
		    "preload does nothing without hsts");
	if (k->c->hsts_max_age / 1000 < 31536000 || !k->c->hsts_subdomains)
		conf_check_bad(k, "http", 0, "hsts-preload", "http.hsts-"
		    "preload needs hsts-max-age of at least 365d and "
		    "hsts-subdomains");
	else if (k->c->hsts)
		conf_check_warn(k, "http", 0, "hsts-preload", "http.hsts-"
		    "preload asks browsers to come with %s and every name "
		    "below it as https only, which takes months to take back",
		    k->c->hostname);
}

static void
front_cors(struct check *k)
{
	const struct conf_strs	*l = &k->c->cors_origins;
	struct conf_header	 h = { .verb = CONF_SET };
	struct origin		 o;
	const char		*why, *opt;
	char			 x[] = "x", err[512];
	size_t			 i;

	for (i = 0; i < l->n; i++)
		if ((why = origin_parse(&o, l->v[i])) != NULL)
			conf_check_bad(k, "http", 0, "cors-origins",
			    "http.cors-origins: \"%s\": %s", l->v[i], why);
	if (l->n > 0 && k->c->permissive_cors)
		conf_check_bad(k, "http", 0, "cors-origins", "http.cors-"
		    "origins: permissive-cors lets in everybody: use one of "
		    "the two");
	if (l->n == 0 && k->c->cors_private_network)
		conf_check_bad(k, "http", 0, "cors-private-network",
		    "http.cors-private-network needs cors-origins");
	if (l->n == 0 && k->c->cors_headers.n > 0)
		conf_check_warn(k, "http", 0, "cors-headers", "http.cors-"
		    "headers does nothing without cors-origins");
	h.value = x;
	for (i = 0; i < k->c->cors_headers.n; i++) {
		h.name = k->c->cors_headers.v[i];
		if (hdr_check_rule(&h, 0, &opt, err, sizeof(err)) == -1)
			conf_check_bad(k, "http", 0, "cors-headers",
			    "http.cors-headers: %s", err);
		else if (strcmp(h.name, "*") == 0)
			/* Fetch 4.9: not Authorization, not with credentials */
			conf_check_bad(k, "http", 0, "cors-headers",
			    "http.cors-headers: \"*\" would not mean all of "
			    "them: name each");
	}
}

static void
front_redirect(struct check *k, size_t n)
{
	const struct conf_redirect	*r = &k->c->redirects[n];
	const char			*star = strchr(r->from, '*');
	size_t				 i, len = strlen(r->to);

	if (r->from[0] != '/' || (star != NULL && star[1] != '\0'))
		conf_check_bad(k, "redirect", n, "from", "redirect %s: from "
		    "\"%s\" is not a path, maybe with a last *", r->name,
		    r->from);
	else if (strpbrk(r->from, "?#%") != NULL)
		conf_check_bad(k, "redirect", n, "from", "redirect %s: from "
		    "\"%s\" is met by no request: it is a path alone, "
		    "without %%XX", r->name, r->from);
	for (i = 0; i < n; i++)
		if (strcmp(k->c->redirects[i].from, r->from) == 0)
			conf_check_bad(k, "redirect", n, "from", "redirect "
			    "%s: from is the same as in redirect %s", r->name,
			    k->c->redirects[i].name);
	if (len > 0 && r->to[len - 1] == '*') {
		len--;
		if (star == NULL)
			conf_check_bad(k, "redirect", n, "to", "redirect %s: "
			    "to has a *, from has none", r->name);
		/* what a client sent would belong to the host's name */
		if (req_expr_url(r->to, len) && strchr(r->to + 8, '/') == NULL)
			conf_check_bad(k, "redirect", n, "to", "redirect %s: "
			    "a * cannot stand in the host of \"%s\"", r->name,
			    r->to);
	}
	if (!front_is_place(r->to, len))
		conf_check_bad(k, "redirect", n, "to", "redirect %s: to "
		    "\"%s\" is neither a path nor a URL", r->name, r->to);
	/* workers know whether there is anything of ours; we do not */
	else if (r->to[0] == '/' && (star == NULL ?
	    strcmp(r->from, r->to) == 0 :
	    strncmp(r->from, r->to, (size_t)(star - r->from)) == 0))
		conf_check_warn(k, "redirect", n, "to", "redirect %s: to "
		    "\"%s\" is redirected again, unless it is a resource of "
		    "the server", r->name, r->to);
}

/* A path of ours, or a URL, maybe with a query and a fragment. */
static int
front_is_place(const char *to, size_t len)
{
	size_t	 i, path = 0;

	while (path < len && to[path] != '?' && to[path] != '#')
		path++;
	for (i = path; i < len; i++)
		if (to[i] <= ' ' || to[i] > '~' ||
		    strchr("\\\"<>", to[i]) != NULL)
			return 0;
	return req_expr_url(to, path) || (to[0] == '/' && to[1] != '/' &&
	    strpbrk(to, "\\\" <>\t\r\n") == NULL);
}
