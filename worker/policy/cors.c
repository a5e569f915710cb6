/* SPDX-License-Identifier: ISC */
/*
 * Cross-origin requests (WHATWG Fetch 3.2; security.md 1.6).  Three modes:
 *	strict		the default: nothing but public documents
 *	permissive	every answer, errors too, has what Stalwart sends
 *	a list		http.cors-origins: their origins are named
 * Credentials in the sense of Fetch (what the browser adds by itself) only
 * where an entry of the list says so; a header that a script sets itself
 * (Authorization) is none.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/hdr_check.h"
#include "common/log.h"
#include "common/utf8.h"
#include "worker/http/hdr.h"
#include "worker/policy/policy.h"

#define EXPOSE		"ETag, Location, Content-Disposition, " \
			"Content-Range, Accept-Ranges, Retry-After, " \
			"RateLimit, RateLimit-Policy, WWW-Authenticate, " \
			"X-Request-Id"
#define MAX_AGE		"7200"	/* Chromium keeps none for longer */
#define ASK_NAMES	64	/* in Access-Control-Request-Headers */
#define ASK_BYTES	2048

/* Classes whose routes other origins may be let in to. */
#define C(x)	(1u << HTTP_##x)
#define CLASSES	(C(A) | C(S) | C(K) | C(B) | C(E) | C(R))

static const struct cors_row {
	const char	*name;
	const char	*value;
} permissive[] = {
	{ "Access-Control-Allow-Origin", "*" },
	{ "Access-Control-Allow-Headers",
	    "Authorization, Content-Type, Accept, X-Requested-With" },
	{ "Access-Control-Allow-Methods",
	    "POST, GET, PATCH, PUT, DELETE, HEAD, OPTIONS" },
	{ "Access-Control-Expose-Headers", EXPOSE },
};

/* What scripts may send; the configuration may add to it. */
static const char *const	may_send[] = {
	"accept", "accept-language", "authorization", "content-type",
	"idempotency-key", "if-match", "if-none-match", "last-event-id",
	"range", "x-requested-with",
};

static void	cors_vary(struct block *);
static int	cors_may_read(const struct req *);
static int	cors_is_preflight(const struct req *, const char **,
		    const char **);
static const char	*cors_one(const struct req *, enum http_hdr);
static const struct origin	*cors_find(const struct req *, const char *);
static void	cors_grant(struct req *, const char *,
		    const struct origin *);
static void	cors_methods(struct req *, const char *);
static void	cors_headers(struct req *);
static int	cors_may(const struct conf *, const char *, size_t);
static int	cors_is_method(const struct req *, const char *);

void
cors_setup(struct policy *p, const struct conf *c)
{
	size_t	 i;

	if (c->cors_origins.n == 0)
		return;
	p->origins = calloc(c->cors_origins.n, sizeof(*p->origins));
	if (p->origins == NULL)
		fatal("cors");
	for (i = 0; i < c->cors_origins.n; i++)
		if (origin_parse(&p->origins[p->norigins++],
		    c->cors_origins.v[i]) != NULL)
			fatalx("http.cors-origins: one is none");
}

void
cors_compose(struct block *b, const struct block_ctx *x)
{
	size_t	 i;

	if (x->conf->permissive_cors) {
		for (i = 0; i < nitems(permissive); i++)
			block_set(b, permissive[i].name, permissive[i].value,
			    BLOCK_LOCKED);
		return;
	}
	if (x->class == HTTP_W)
		/* Public documents: OAuth and JMAP clients in a browser
		 * need them. */
		block_set(b, "Access-Control-Allow-Origin", "*",
		    BLOCK_DEFAULT);
	else if (x->conf->cors_origins.n > 0 && CLASSES & (1u << x->class))
		cors_vary(b);
}

/*
 * Also for those who sent no Origin: a cache must not give one's answer to
 * another.  What http.headers says of Vary stays true beside it.
 */
static void
cors_vary(struct block *b)
{
	char		 text[HDR_CHECK_LINE + 16];
	const char	*more;
	size_t		 len;

	if ((more = block_get(b, "Vary", &len)) == NULL)
		strlcpy(text, "Origin", sizeof(text));
	else
		snprintf(text, sizeof(text), "Origin, %.*s", (int)len, more);
	block_set(b, "Vary", text, BLOCK_LOCKED);
}

/* An answer, of any status, to a script of an origin of the list. */
void
cors_late(struct req *r, struct fields *f)
{
	struct fields_line	 l;
	const struct origin	*o;
	const char		*origin;

	if (!(CLASSES & (1u << r->class)) ||
	    (origin = cors_one(r, HDR_ORIGIN)) == NULL ||
	    (o = cors_find(r, origin)) == NULL)
		return;
	l = fields_line("Access-Control-Allow-Origin", origin, BLOCK_LOCKED,
	    "cors");
	fields_remove(f, &l);
	fields_add(f, &l);
	l = fields_line("Access-Control-Expose-Headers", EXPOSE,
	    BLOCK_LOCKED, "cors");
	fields_remove(f, &l);
	fields_add(f, &l);
	if (!o->credentials)
		return;
	l = fields_line("Access-Control-Allow-Credentials", "true",
	    BLOCK_LOCKED, "cors");
	fields_add(f, &l);
}

/* The value of a field that stands once, or NULL. */
static const char *
cors_one(const struct req *r, enum http_hdr id)
{
	int16_t	 i = r->known[id];

	return i == -1 || r->hdr[i].next != -1 ? NULL : r->hdr[i].value;
}

int
cors_allows(struct req *r, const char *origin)
{
	return cors_find(r, origin) != NULL;
}

/* The entry with the origin's own name before a wildcard: it may be there
 * to say something else about credentials. */
static const struct origin *
cors_find(const struct req *r, const char *origin)
{
	const struct policy	*p = r->setup->policy;
	const struct origin	*o, *wild = NULL;
	size_t			 n = strlen(origin);

	if (!origin_valid(origin, n))
		return NULL;
	for (o = p->origins; o < p->origins + p->norigins; o++)
		if (origin_match(o, origin, n)) {
			if (!o->any)
				return o;
			if (wild == NULL)
				wild = o;
		}
	return wild;
}

/* --- preflight ------------------------------------------------------- */

/*
 * A preflight is OPTIONS with one Origin and one Access-Control-Request-
 * Method.  It never carries a login, so it is answered before anybody asks
 * for one.  security.md 1.6: the algorithm.
 */
enum req_ret
cors_step(struct req *r)
{
	const struct origin	*o = NULL;
	const char		*origin, *method;
	enum http_class		 class = r->class;

	r->cors = cors_may_read(r);
	if (r->method != HTTP_OPTIONS || r->allowed == 0 ||
	    !cors_is_preflight(r, &origin, &method))
		return REQ_NEXT;
	r->class = HTTP_P;		/* has Vary */
	resource_allow(r, r->allowed);
	if (r->conf->permissive_cors)
		req_hdr_add(r, "Access-Control-Max-Age", MAX_AGE);
	else if (class == HTTP_W || (CLASSES & (1u << class) &&
	    (o = cors_find(r, origin)) != NULL)) {
		cors_grant(r, class == HTTP_W ? "*" : origin, o);
		cors_methods(r, method);
		cors_headers(r);
	} else
		log_debug("cors: no to %s", log_vis(origin, strlen(origin)));
	req_reply(r, 204, NULL, NULL, 0);
	return REQ_DONE;
}

/* Sec-Fetch-Mode tells a script's request from a form and an image. */
static int
cors_may_read(const struct req *r)
{
	const char	*origin = cors_one(r, HDR_ORIGIN);
	const char	*mode = req_hdr(r, HDR_SEC_FETCH_MODE);

	if (origin == NULL || (mode != NULL && strcmp(mode, "cors") != 0))
		return 0;
	return r->conf->permissive_cors ||
	    (CLASSES & (1u << r->class) && cors_find(r, origin) != NULL);
}

static int
cors_is_preflight(const struct req *r, const char **origin,
    const char **method)
{
	size_t	 i;

	if ((*origin = cors_one(r, HDR_ORIGIN)) == NULL ||
	    (*method = cors_one(r, HDR_AC_METHOD)) == NULL ||
	    (*method)[0] == '\0')
		return 0;
	for (i = 0; (*method)[i] != '\0'; i++)
		if (!(hdr_octet[(unsigned char)(*method)[i]] & HDR_TCHAR))
			return 0;
	return origin_valid(*origin, strlen(*origin)) ||
	    strcmp(*origin, "null") == 0;
}

static void
cors_grant(struct req *r, const char *origin, const struct origin *o)
{
	const char	*private;

	req_hdr_add(r, "Access-Control-Allow-Origin", origin);
	req_hdr_add(r, "Access-Control-Max-Age", MAX_AGE);
	if (o == NULL)
		return;
	if (o->credentials)
		req_hdr_add(r, "Access-Control-Allow-Credentials", "true");
	private = req_hdr_find(r, "Access-Control-Request-Private-Network");
	if (r->conf->cors_private_network && private != NULL &&
	    strcmp(private, "true") == 0)
		req_hdr_add(r, "Access-Control-Allow-Private-Network",
		    "true");
}

/* The route's methods, if the one asked for is among them; case counts. */
static void
cors_methods(struct req *r, const char *method)
{
	char	 text[64];

	if (!cors_is_method(r, method))
		return;
	resource_methods(r->allowed, text, sizeof(text));
	req_hdr_add(r, "Access-Control-Allow-Methods", text);
}

static int
cors_is_method(const struct req *r, const char *method)
{
	int	 i;

	for (i = 0; i < HTTP_METHODS; i++)
		if (strcmp(method, http_method_name((enum http_method)i)) == 0)
			return (r->allowed & HTTP_M(i)) != 0;
	return 0;
}

/* Of the names asked for, those that may be sent: never more, never "*",
 * which would not mean Authorization. */
static void
cors_headers(struct req *r)
{
	const char	*v = cors_one(r, HDR_AC_HEADERS), *end;
	char		 text[ASK_BYTES + 2 * ASK_NAMES] = "";
	size_t		 n, names = 0, at = 0;

	if (v == NULL || strlen(v) > ASK_BYTES)
		return;
	for (; *v != '\0'; v = *end == ',' ? end + 1 : end) {
		end = v + strcspn(v, ",");
		v += strspn(v, " \t");
		n = v >= end ? 0 : strcspn(v, ", \t");
		if (n == 0)
			continue;	/* RFC 9110 5.6.1: empty elements */
		if (++names > ASK_NAMES)
			return;
		if (v + n + strspn(v + n, " \t") != end ||
		    !cors_may(r->conf, v, n))
			continue;
		if (at > 0) {
			memcpy(text + at, ", ", 2);
			at += 2;
		}
		memcpy(text + at, v, n);
		at += n;
	}
	text[at] = '\0';
	if (at > 0)
		req_hdr_add(r, "Access-Control-Allow-Headers", text);
}

static int
cors_may(const struct conf *c, const char *name, size_t len)
{
	size_t	 i;

	for (i = 0; i < nitems(may_send); i++)
		if (utf8_caseis(name, len, may_send[i]))
			return 1;
	for (i = 0; i < c->cors_headers.n; i++)
		if (utf8_caseis(name, len, c->cors_headers.v[i]))
			return 1;
	return 0;
}
