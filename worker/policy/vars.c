/* SPDX-License-Identifier: ISC */
/*
 * Expressions of the configuration about one request: what its variables
 * are.  common/req_expr.h has their names; what a stranger sent is data here
 * and never compiled.
 */
#include "common/compat.h"

#include <string.h>

#include "common/conf.h"
#include "common/utf8.h"
#include "worker/policy/policy.h"

static int	vars_var(void *, size_t, struct expr_val *);
static int	vars_key(void *, struct slice, struct slice,
		    struct expr_val *);
static int	vars_ip(struct req *, const struct ip *, struct expr_val *);
static int	vars_headers(struct req *, struct expr_val *);

int
vars_eval(struct req *r, const struct req_expr *x, struct expr_val *out,
    const char **why)
{
	struct expr_ctx	 c = { .var = vars_var, .key = vars_key, .arg = r,
			    .arena = &r->arena };

	if (expr_eval_rules(x->rule, x->n, &c, out) == 0)
		return 0;
	*why = c.err;
	return -1;
}

static int
vars_text(const char *s, struct expr_val *out)
{
	*out = expr_val_str(s, strlen(s));
	return 0;
}

static int
vars_int(int64_t i, struct expr_val *out)
{
	*out = expr_val_int(i);
	return 0;
}

static int
vars_var(void *arg, size_t i, struct expr_val *out)
{
	struct req	*r = arg;

	switch ((enum req_var)i) {
	case REQ_LISTENER:
		return vars_text(r->listen->name, out);
	case REQ_REMOTE_IP:
		/* the proxy's own address may open what is closed to others */
		return r->hidden ? -1 : vars_ip(r, &r->client, out);
	case REQ_REMOTE_PORT:
		return vars_int(r->peer_port, out);
	case REQ_LOCAL_IP:
		return vars_ip(r, &r->local, out);
	case REQ_LOCAL_PORT:
		/* Behind a proxy that does TLS it is the proxy's. */
		return vars_int(r->secure && !r->tls ? 443 : r->local_port,
		    out);
	case REQ_PROTOCOL:
		return vars_text(r->secure ? "https" : "http", out);
	case REQ_IS_TLS:
		return vars_int(r->secure != 0, out);
	case REQ_URL:
		return vars_text(r->target, out);
	case REQ_URL_PATH:
	case REQ_PATH:
		*out = expr_val_str(r->path, strlen(r->path));
		return 0;
	case REQ_HEADERS:
		return vars_headers(r, out);
	case REQ_METHOD:
		return vars_text(http_method_name(r->method), out);
	case REQ_VARS:
		break;
	}
	return -1;
}

static int
vars_ip(struct req *r, const struct ip *ip, struct expr_val *out)
{
	char	*s;

	if ((s = arena_get(&r->arena, IP_STRLEN)) == NULL)
		return -1;
	return vars_text(ip_str(ip, s), out);
}

/* "name: value", names in lower case. */
static int
vars_headers(struct req *r, struct expr_val *out)
{
	struct expr_val	*v;
	char		*s, *p;
	int		 i;

	v = arena_array(&r->arena, (size_t)r->nhdr + 1, sizeof(*v));
	if (v == NULL)
		return -1;
	for (i = 0; i < r->nhdr; i++) {
		s = arena_printf(&r->arena, "%s: %s", r->hdr[i].name,
		    r->hdr[i].value);
		if (s == NULL)
			return -1;
		for (p = s; *p != ':'; p++)
			*p = (char)utf8_lower((unsigned char)*p);
		vars_text(s, &v[i]);
	}
	out->type = EXPR_ARR;
	out->u.arr.v = v;
	out->u.arr.n = (size_t)r->nhdr;
	return 0;
}

/* There is one, and the compiler knows its name. */
static int
vars_key(void *arg, struct slice store, struct slice key,
    struct expr_val *out)
{
	const struct req	*r = arg;

	(void)store;
	(void)key;
	return vars_text(r->conf->hostname, out);
}
