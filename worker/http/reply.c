/* SPDX-License-Identifier: ISC */
/*
 * Answers: what handlers and steps give becomes r->reply, and the transport
 * sends it.  The one place where a field enters an answer, and the one
 * that checks its octets.  RFC 9110 6.6.1, 15; RFC 9457.
 */
#include "common/compat.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/date.h"
#include "common/log.h"
#include "common/utf8.h"
#include "worker/http/access.h"
#include "worker/http/head.h"
#include "worker/http/req.h"
#include "worker/http/route.h"

static int	reply_has(const struct reply *, const char *);
static const char	*http_date(void);
static int	reply_empty(int);
static void	reply_give(struct req *, int, const char *);
static void	reply_broken(struct req *);
static void	json_string(struct buf *, const char *);

#define REPLY_LATER	"5"	/* s, when nobody knows better */
#define NBLOCKS	(HTTP_CLASSES * 4)
#define BLOCK(s, class, secure, error) \
	(&(s)->block[(class) * 4 + !!(secure) * 2 + !!(error)])

static const struct {
	int		 status;
	const char	*phrase;
} phrases[] = {
	{ 100, "Continue" }, { 101, "Switching Protocols" },
	{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" },
	{ 203, "Non-Authoritative Information" }, { 204, "No Content" },
	{ 205, "Reset Content" }, { 206, "Partial Content" },
	{ 300, "Multiple Choices" }, { 301, "Moved Permanently" },
	{ 302, "Found" }, { 303, "See Other" }, { 304, "Not Modified" },
	{ 307, "Temporary Redirect" }, { 308, "Permanent Redirect" },
	{ 400, "Bad Request" }, { 401, "Unauthorized" },
	{ 402, "Payment Required" }, { 403, "Forbidden" },
	{ 404, "Not Found" }, { 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" }, { 408, "Request Timeout" },
	{ 409, "Conflict" }, { 410, "Gone" }, { 411, "Length Required" },
	{ 412, "Precondition Failed" }, { 413, "Content Too Large" },
	{ 414, "URI Too Long" }, { 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" }, { 417, "Expectation Failed" },
	{ 421, "Misdirected Request" }, { 422, "Unprocessable Content" },
	{ 423, "Locked" }, { 424, "Failed Dependency" },
	{ 425, "Too Early" }, { 426, "Upgrade Required" },
	{ 428, "Precondition Required" }, { 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 451, "Unavailable For Legal Reasons" },
	{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
	{ 502, "Bad Gateway" }, { 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" }, { 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
	{ 511, "Network Authentication Required" },
};

static const char *const methods[HTTP_METHODS] = {
	[HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD", [HTTP_POST] = "POST",
	[HTTP_PUT] = "PUT", [HTTP_PATCH] = "PATCH",
	[HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
};

const char *
http_method_name(enum http_method m)
{
	return methods[m];
}

const char *
http_phrase(int status)
{
	size_t	 i;

	for (i = 0; i < nitems(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Unknown";
}

/* IMF-fixdate of now, made once a second. */
static const char *
http_date(void)
{
	static char	 text[DATE_LEN];
	static time_t	 last;
	time_t		 now = time(NULL);

	if (now != last) {
		date_http((int64_t)now * 1000, text);
		last = now;
	}
	return text;
}

/* --- blocks ---------------------------------------------------------- */

void
http_setup_blocks(struct http_setup *s, const struct block_step *steps,
    size_t n)
{
	struct block_ctx	 ctx = { .conf = s->conf };
	size_t			 i, k;

	if ((s->block = calloc(NBLOCKS, sizeof(*s->block))) == NULL)
		fatal("blocks");
	for (i = 0; i < NBLOCKS; i++) {
		block_init(&s->block[i]);
		ctx.class = (enum http_class)(i / 4);
		ctx.secure = i / 2 % 2;
		ctx.error = i % 2;
		for (k = 0; k < n; k++) {
			s->block[i].by = steps[k].name;
			steps[k].compose(&s->block[i], &ctx);
		}
	}
}

void
http_setup_free(struct http_setup *s)
{
	size_t	 i;

	for (i = 0; s->block != NULL && i < NBLOCKS; i++)
		block_free(&s->block[i]);
	free(s->block);
	free(s->trusted);
	free(s->allowed);
	hosts_free(&s->hosts);
	memset(s, 0, sizeof(*s));
}

void
req_fields(struct req *r, struct buf *out)
{
	static struct fields	 all;
	const struct reply	*p = r->reply;

	if (r->setup->late != NULL) {
		req_fields_list(r, &all);
		fields_write(&all, out);
		return;
	}
	buf_add(out, "Date: ", 6);
	buf_add(out, http_date(), 29);
	buf_add(out, "\r\n", 2);
	block_write(BLOCK(r->setup, r->class, r->secure, p->status >= 400),
	    p->field, p->nfields, out);
	if (p->type != NULL) {
		buf_add(out, "Content-Type: ", 14);
		buf_adds(out, p->type);
		buf_add(out, "\r\n", 2);
	}
}

void
req_fields_list(struct req *r, struct fields *f)
{
	const struct reply	*p = r->reply;
	struct fields_line	 l;

	fields_init(f);
	l = fields_line("Date", http_date(), BLOCK_LOCKED, "the server");
	fields_add(f, &l);
	fields_block(f, BLOCK(r->setup, r->class, r->secure,
	    p->status >= 400), p->field, p->nfields);
	if (p->type != NULL) {
		l = fields_line("Content-Type", p->type, BLOCK_DEFAULT,
		    "the answer");
		fields_add(f, &l);
	}
	if (r->setup->late != NULL)
		r->setup->late(r, f);
}

/* --- fields ---------------------------------------------------------- */

void
req_hdr_add(struct req *r, const char *name, const char *value)
{
	struct reply		*p = r->reply;
	struct block_field	*f;
	size_t			 i, len = strlen(value);
	int			 c;

	for (i = 0; i < len; i++) {
		c = (unsigned char)value[i];
		if (c < 0x20 || c > 0x7e)
			p->bad = 1;
	}
	if (p->bad)
		return;
	if (p->nfields == HTTP_MAX_OUT) {
		p->bad = 1;
		return;
	}
	f = &p->field[p->nfields];
	f->name_len = (uint32_t)strlen(name);
	f->value_len = (uint32_t)len;
	f->name = arena_dup(&r->arena, name, f->name_len);
	f->value = arena_dup(&r->arena, value, len);
	if (f->name == NULL || f->value == NULL)
		p->bad = 1;
	else
		p->nfields++;
}

static int
reply_has(const struct reply *p, const char *name)
{
	size_t	 i;

	for (i = 0; i < p->nfields; i++)
		if (utf8_caseis(p->field[i].name, p->field[i].name_len, name))
			return 1;
	return 0;
}

void
req_hdr_set(struct req *r, const char *name, const char *value)
{
	struct reply	*p = r->reply;
	size_t		 i, n = 0;

	for (i = 0; i < p->nfields; i++)
		if (!utf8_caseis(p->field[i].name, p->field[i].name_len, name))
			p->field[n++] = p->field[i];
	p->nfields = n;
	req_hdr_add(r, name, value);
}

/* --- giving it ------------------------------------------------------- */

void
req_reply(struct req *r, int status, const char *type, const void *body,
    size_t len)
{
	r->reply->body = body;
	r->reply->len = type == NULL ? 0 : len;
	reply_give(r, status, type);
}

void
req_reply_buf(struct req *r, int status, const char *type, struct buf *b)
{
	struct reply	*p = r->reply;

	if (buf_bad(b)) {
		buf_free(b);
		req_problem(r, 500, NULL, NULL, "the answer is too large");
		return;
	}
	p->own = *b;
	buf_init(b, b->max);
	p->len = buf_left(&p->own);
	reply_give(r, status, type);
}

void
req_stream(struct req *r, int status, const char *type, int64_t len,
    stream_fn *fn, void (*done)(struct req *, void *), void *arg)
{
	struct reply	*p = r->reply;

	p->stream = fn;
	p->stream_len = len;
	p->done = done;
	p->arg = arg;
	reply_give(r, status, type);
}

void
req_upgrade(struct req *r, const char *token, const struct conn_proto *proto,
    void (*done)(struct req *, void *), void *data)
{
	struct reply	*p = r->reply;

	p->up = proto;
	p->done = done;
	p->arg = data;
	if (!r->connect) {
		req_hdr_add(r, "Connection", "Upgrade");
		req_hdr_add(r, "Upgrade", token);
	}
	reply_give(r, r->connect ? 200 : 101, NULL);
}

static void
reply_give(struct req *r, int status, const char *type)
{
	struct reply	*p = r->reply;
	char		 id[ACCESS_ID];

	assert(r->state != REQ_ANSWERED);
	p->status = status;
	p->type = type;
	if (reply_empty(status)) {
		p->type = NULL;
		p->len = 0;
		p->stream = NULL;
	}
	/* what an administrator is asked about can be found in the log */
	if (status >= 500)
		req_hdr_set(r, "X-Request-Id", access_id(r, id));
	/* security.md 1.2: on each, whoever gives it; RFC 9110 10.2.3 */
	if ((status == 429 || status == 503) && !reply_has(p, "Retry-After"))
		req_hdr_add(r, "Retry-After", REPLY_LATER);
	if (p->bad)
		reply_broken(r);
	r->state = REQ_ANSWERED;
	r->gone = NULL;
	r->tp->reply(r);
	p->body = NULL;
	if (!r->busy)
		r->tp->wake(r);
}

/* RFC 9110 6.4.1, 15.3.6: no content, whatever asks for such a status. */
static int
reply_empty(int status)
{
	return status == 204 || status == 205 || status == 304;
}

/* security.md 1.7: a field with an octet that may not stand in one.  The
 * body and its source go away, the headers of the class stay. */
static void
reply_broken(struct req *r)
{
	static const char	 body[] = "{\"type\":\"about:blank\","
	    "\"status\":500,\"title\":\"Internal Server Error\"}";
	struct reply	*p = r->reply;

	log_warnx("%s %s: an answer had a forbidden octet or too many fields",
	    http_method_name(r->method),
	    r->route != NULL ? r->route->path : "-");
	buf_free(&p->own);
	p->stream = NULL;
	p->up = NULL;
	p->nfields = 0;
	p->status = 500;
	p->type = "application/problem+json";
	p->body = (const uint8_t *)body;
	p->len = sizeof(body) - 1;
}

void
req_redirect(struct req *r, int status, const char *location)
{
	if (r->class != HTTP_X)
		r->class = HTTP_R;
	req_hdr_set(r, "Location", location);
	if (status == 301 || status == 308)
		req_hdr_set(r, "Cache-Control", "max-age=300");
	req_reply(r, status, NULL, NULL, 0);
}

/* --- problems (RFC 9457) --------------------------------------------- */

void
req_problem(struct req *r, int status, const char *type, const char *title,
    const char *detail)
{
	req_problem_more(r, status, type, title, detail, NULL);
}

void
req_refuse(struct req *r, int status, const char *detail)
{
	if (r->gone != NULL)
		r->gone(r, r->gone_arg);
	r->gone = NULL;
	/* a body that is understood and not wanted: a script that sends it
	 * from elsewhere may know (security.md 1.6) */
	if ((status == 415 || status == 417) && r->class == HTTP_X &&
	    !head_bodiless(r->method))
		route_find(r, r->setup->routes, r->setup->nroutes);
	/* what no client says by accident (security.md 3.6) */
	if ((status == 400 || status == 501 || status == 505) &&
	    http_hooks.abuse != NULL)
		http_hooks.abuse(r, MSG_ABUSE_HTTP);
	req_problem_more(r, status, NULL, NULL, detail, NULL);
}

void
req_problem_more(struct req *r, int status, const char *type,
    const char *title, const char *detail, const char *members)
{
	struct buf	 b;

	buf_init(&b, 65536);
	buf_adds(&b, "{\"type\":");
	json_string(&b, type == NULL ? "about:blank" : type);
	buf_addf(&b, ",\"status\":%d,\"title\":", status);
	json_string(&b, title == NULL ? http_phrase(status) : title);
	if (detail != NULL) {
		buf_adds(&b, ",\"detail\":");
		json_string(&b, detail);
	}
	if (members != NULL) {
		buf_addc(&b, ',');
		buf_adds(&b, members);
	}
	buf_addc(&b, '}');
	req_reply_buf(r, status, "application/problem+json", &b);
}

/* RFC 8259 7.  Detail may quote a peer: bytes that are not UTF-8 become
 * question marks. */
static void
json_string(struct buf *b, const char *s)
{
	size_t	 n = strlen(s), k;
	uint32_t cp;

	buf_addc(b, '"');
	for (; n > 0; s += k, n -= k) {
		if ((k = utf8_get((const uint8_t *)s, n, &cp)) == 0) {
			k = 1;
			buf_addc(b, '?');
		} else if (cp == '"' || cp == '\\')
			buf_addf(b, "\\%c", (int)cp);
		else if (cp < 0x20 || cp == 0x7f)
			buf_addf(b, "\\u%04x", (unsigned int)cp);
		else
			buf_add(b, s, k);
	}
	buf_addc(b, '"');
}
