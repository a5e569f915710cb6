/* SPDX-License-Identifier: ISC */
/*
 * What all of the management API shares: see rest.h.  Failures that concern
 * the directory are answered with status 200 and a tagged object, as the
 * clients of this API expect; everything else is a problem (RFC 9457).
 */
#include "common/compat.h"

#include <string.h>

#include "common/js.h"
#include "common/log.h"
#include "worker/rest/rest.h"

#define REST_TYPE	"application/json; charset=utf-8"

/* Members of an error object: tag, name of "what", name of "more". */
static const struct rest_tag {
	const char	*tag, *what, *more;
	int		 null;		/* "more" is null when empty */
} rest_tags[DIR_ERRS] = {
	[DIR_EXISTS]	= { "fieldAlreadyExists", "field", "value", 0 },
	[DIR_MISSING]	= { "fieldMissing", "field", NULL, 0 },
	[DIR_NOTFOUND]	= { "notFound", "item", NULL, 0 },
	[DIR_UNSUPPORTED] = { "unsupported", "details", NULL, 0 },
	[DIR_OTHERERR]	= { "other", "details", "reason", 1 },
};

static const struct js_limits	rest_limits = {
	.depth = 8, .values = 20000, .objects = 2000, .memory = 8 << 20,
	.strict = 1
};

static void	rest_gone(struct req *, void *);
static void	rest_row(void *, const void *, size_t);
static void	rest_end(void *, const struct auth_ask_end *);
static void	rest_later(struct req *);
static int	rest_foreign(const struct req *);

struct rest_call *
rest_call(struct req *r)
{
	struct rest_call	*c;

	if ((c = arena_get(&r->arena, sizeof(*c))) == NULL) {
		rest_later(r);
		return NULL;
	}
	c->r = r;
	buf_init(&c->out, REST_OUT_MAX);
	return c;
}

void
rest_ask(struct rest_call *c, uint32_t op, const struct buf *tail)
{
	c->nrows = 0;
	if (tail != NULL && buf_bad(tail)) {
		rest_error(c->r, DIR_OTHERERR, "Invalid parameter",
		    "the object is too large");
		buf_free(&c->out);
		return;
	}
	c->ask = auth_ask_dir(op, c->r->user.handle,
	    tail == NULL ? NULL : tail->data, tail == NULL ? 0 : tail->len,
	    rest_row, rest_end, c);
	if (c->ask == NULL) {
		buf_free(&c->out);
		rest_later(c->r);
	} else
		req_park(c->r, rest_gone, c);
}

static void
rest_gone(struct req *r, void *arg)
{
	struct rest_call	*c = arg;

	(void)r;
	auth_ask_cancel(c->ask);
	buf_free(&c->out);
}

static void
rest_row(void *arg, const void *p, size_t n)
{
	struct rest_call	*c = arg;
	struct dir_prin		 d;

	dir_init(&d);
	if (dir_apply(&d, p, n) == -1)
		log_warnx("rest: a row that cannot be read");
	else if (c->row != NULL) {
		c->nrows++;
		c->row(c, &d);
	}
	dir_free(&d);
}

static void
rest_end(void *arg, const struct auth_ask_end *end)
{
	struct rest_call	*c = arg;

	c->ask = NULL;
	if (end->error == DIR_OK) {
		c->ok(c, end);
		return;
	}
	buf_free(&c->out);
	rest_error(c->r, end->error, end->what, end->more);
}

/* --- answers ------------------------------------------------------------ */

void
rest_data(struct req *r, const char *json)
{
	struct buf	 b;

	buf_init(&b, REST_OUT_MAX);
	js_out_obj(&b);
	js_out_key(&b, "data");
	js_out_raw(&b, json, strlen(json));
	js_out_end(&b, '}');
	if (buf_bad(&b)) {
		buf_free(&b);
		rest_later(r);
	} else
		req_reply_buf(r, 200, REST_TYPE, &b);
}

void
rest_out(struct rest_call *c)
{
	if (buf_bad(&c->out)) {
		buf_free(&c->out);
		req_problem(c->r, 500, NULL, NULL, "the answer is too large");
	} else
		req_reply_buf(c->r, 200, REST_TYPE, &c->out);
}

void
rest_error(struct req *r, enum dir_err e, const char *what, const char *more)
{
	const struct rest_tag	*t;
	struct buf		 b;

	if (e == DIR_FORBIDDEN) {
		req_problem(r, 403, NULL, NULL,
		    arena_printf(&r->arena, "missing permission: %s", what));
		return;
	}
	if (e >= DIR_ERRS || (t = &rest_tags[e])->tag == NULL) {
		rest_later(r);
		return;
	}
	buf_init(&b, REST_OUT_MAX);
	js_out_obj(&b);
	js_out_key(&b, "error");
	js_out_s(&b, t->tag);
	js_out_key(&b, t->what);
	js_out_s(&b, what);
	if (t->more != NULL) {
		js_out_key(&b, t->more);
		js_out_s(&b, t->null && *more == '\0' ? NULL : more);
	}
	js_out_end(&b, '}');
	req_reply_buf(r, 200, REST_TYPE, &b);
}

void
rest_invalid(struct req *r, const char *detail)
{
	req_problem(r, 400, NULL, "Invalid parameters", detail);
}

static void
rest_later(struct req *r)
{
	req_hdr_add(r, "Retry-After", "1");
	req_problem(r, 503, NULL, NULL,
	    "the directory cannot be reached right now");
}

/* --- the body ----------------------------------------------------------- */

struct js_val *
rest_body(struct req *r)
{
	struct js_val	*v;
	enum js_fault	 f;

	if (rest_foreign(r)) {
		req_problem(r, 415, NULL, NULL,
		    "the body must be application/json");
		return NULL;
	}
	if (r->body_len == 0 || r->body_len > REST_IN_MAX) {
		rest_invalid(r, r->body_len == 0 ? "a body is needed" :
		    "the body is too large");
		return NULL;
	}
	f = js_parse(r->body, r->body_len, &rest_limits, NULL, &v);
	if (f != JS_OK) {
		rest_invalid(r, js_scan_str(f));
		return NULL;
	}
	if (v == NULL)
		rest_invalid(r, "null is no request");
	return v;
}

/*
 * A browser sends its remembered password along with a form or script of
 * any site, unless the Content-Type needs that site's permission first (CORS
 * preflight); policy/authz.c refuses what newer ones say of the site.
 * Programs may leave the type out, as they always could here.
 */
static int
rest_foreign(const struct req *r)
{
	if (req_is_type(r, "application/json"))
		return 0;
	/* these always ask for permission first, and it was given */
	if (r->cors && (r->method == HTTP_DELETE || r->method == HTTP_PUT ||
	    r->method == HTTP_PATCH))
		return 0;
	return req_is_type(r, "text/plain") ||
	    req_is_type(r, "multipart/form-data") ||
	    (req_is_type(r, "application/x-www-form-urlencoded") &&
	    req_hdr(r, HDR_ORIGIN) != NULL);
}
