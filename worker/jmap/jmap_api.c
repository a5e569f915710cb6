/* SPDX-License-Identifier: ISC */
/*
 * One JMAP request (RFC 8620 3.3, 3.4): bytes in, the Response object out.
 * Called by worker_jmap.c (HTTP) and by the WebSocket transport.  Checks
 * the Request as a whole, then runs its calls in order; a call that fails
 * leaves nothing behind but its error.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/date.h"
#include "common/log.h"
#include "common/utf8.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_session.h"
#include "worker/jmap/jmap_share.h"
#include "worker/jmap/jmap_int.h"

#define API_ARENA	(64 << 20)	/* bytes of one request's own data */
#define API_IMPLICIT	64		/* implicit calls of one request */

static const struct jmap_problem	*api_request(struct jmap_req *, int,
					    const char **);
static const struct jmap_problem	*api_using(struct jmap_req *,
					    const char **);
static const struct jmap_problem	*api_calls(struct jmap_req *,
					    const char **);
static const struct jmap_problem	*api_created(struct jmap_req *,
					    const char **);
static const struct jmap_problem	*api_answer(struct jmap_req *, int);
static void	api_ws_error(struct jmap_req *, const struct jmap_problem *,
		    const char *);
static int	api_is_call(struct js_val *);
static void	api_run(struct jmap_req *, struct js_val *);
static void	api_put_created(struct jmap_req *);

const struct jmap_limits jmap_api_limits = {
	.max_size_upload = 50000000,
	.max_size_request = 10000000,
	.max_size_response = 64 << 20,
	.max_concurrent_upload = 4,
	.max_concurrent_requests = 4,
	.max_calls_in_request = 16,
	.max_objects_in_get = 500,
	.max_objects_in_set = 500,
	.max_query = 5000,
	.max_changes = 5000,
	.max_created_ids = 1000,
	.max_ms = 30000,
	.max_mailbox_depth = 10,
	.max_mailbox_name = STORE_NAME_MAX,
	.max_mailboxes_per_email = STORE_MAXBOXES,
	.max_attachments = 50000000,
	.max_message = 75000000,
	.max_recipients = 1000,
	.max_delayed = 30 * 86400
};

const struct jmap_problem *
jmap_api(const struct jmap_env *env, const struct jmap_user *user,
    const void *body, size_t len, int ws, struct buf *out,
    const char **detail)
{
	const struct jmap_problem	*p;
	struct jmap_req			 r;
	enum js_fault			 f;

	*detail = NULL;
	if (len > env->limits->max_size_request)
		return &jmap_error_limit_size;
	memset(&r, 0, sizeof(r));
	r.env = env;
	r.user = user;
	r.out = out;
	r.base = out->len;
	r.start = date_mono();
	STAILQ_INIT(&r.queue);
	arena_init(&r.arena, API_ARENA);
	if ((f = js_parse(body, len, &js_scan_strict, NULL,
	    &r.json)) != JS_OK) {
		*detail = js_scan_str(f);
		/* it is I-JSON, but more of it than we take in one request */
		p = f == JS_MANY || f == JS_MEMORY ? &jmap_error_limit_size :
		    &jmap_error_not_json;
	} else if ((p = api_request(&r, ws, detail)) == NULL)
		p = api_answer(&r, ws);
	if (p != NULL) {
		out->len = r.base;
		out->bad = 0;
		if (ws)
			api_ws_error(&r, p, *detail);
	}
	jmap_ref_free(&r);
	js_free(r.json);
	arena_free(&r.arena);
	return p;
}

/* Does it match the type signature of a Request? */
static const struct jmap_problem *
api_request(struct jmap_req *r, int ws, const char **detail)
{
	const struct jmap_problem	*p;

	*detail = "the request is not an object";
	if (js_type(r->json) != JS_OBJ)
		return &jmap_error_not_request;
	*detail = "\"@type\" is not \"Request\"";
	if (ws && strcmp(js_str(js_get(r->json, "@type")), "Request") != 0)
		return &jmap_error_not_request;
	*detail = "\"id\" is not a string";
	if (ws && js_get(r->json, "id") != NULL &&
	    js_type(js_get(r->json, "id")) != JS_STR)
		return &jmap_error_not_request;
	if ((p = api_calls(r, detail)) != NULL ||
	    (p = api_created(r, detail)) != NULL ||
	    (p = api_using(r, detail)) != NULL)
		return p;
	*detail = NULL;
	jmap_ref_wants(r, js_get(r->json, "methodCalls"));
	return NULL;
}

static const struct jmap_problem *
api_using(struct jmap_req *r, const char **detail)
{
	static char	 text[256];
	struct js_val	*v = js_get(r->json, "using");
	const char	*urn;
	unsigned	 bit;
	size_t		 i, n = js_len(v);

	*detail = "\"using\" is not an array of strings";
	if (js_type(v) != JS_ARR)
		return &jmap_error_not_request;
	for (i = 0; i < n; i++)
		if (js_type(js_at(v, i)) != JS_STR)
			return &jmap_error_not_request;
	for (i = 0; i < n; i++) {
		urn = js_str(js_at(v, i));
		bit = jmap_session_cap(urn);
		if (bit == 0 || !(bit & r->user->caps)) {
			(void)snprintf(text, sizeof(text), "this server does "
			    "not support the capability %.*s",
			    (int)utf8_cut(urn, strnlen(urn, 128)), urn);
			*detail = text;
			return &jmap_error_unknown_capability;
		}
		r->using |= bit;
	}
	return NULL;
}

static const struct jmap_problem *
api_calls(struct jmap_req *r, const char **detail)
{
	struct js_val	*v = js_get(r->json, "methodCalls");
	size_t		 i, n = js_len(v);

	*detail = "\"methodCalls\" is not an array of invocations";
	if (js_type(v) != JS_ARR)
		return &jmap_error_not_request;
	for (i = 0; i < n; i++)
		if (!api_is_call(js_at(v, i)))
			return &jmap_error_not_request;
	if (n > r->env->limits->max_calls_in_request) {
		*detail = NULL;
		return &jmap_error_limit_calls;
	}
	/* implicit calls have results, too */
	r->results = arena_array(&r->arena, n + API_IMPLICIT,
	    sizeof(*r->results));
	return r->results == NULL ? &jmap_error_internal : NULL;
}

/* RFC 8620 3.2: [ name, arguments, method call id ] */
static int
api_is_call(struct js_val *v)
{
	return js_type(v) == JS_ARR && js_len(v) == 3 &&
	    js_type(js_at(v, 0)) == JS_STR &&
	    js_type(js_at(v, 1)) == JS_OBJ &&
	    js_type(js_at(v, 2)) == JS_STR;
}

static const struct jmap_problem *
api_created(struct jmap_req *r, const char **detail)
{
	struct js_iter	 it;
	struct js_val	*v;

	if (!js_find(r->json, "createdIds", &v) || v == NULL)
		return NULL;
	*detail = "\"createdIds\" is not a map of ids";
	if (js_type(v) != JS_OBJ ||
	    js_len(v) > r->env->limits->max_created_ids)
		return &jmap_error_not_request;
	r->give_created = 1;
	for (js_first(&it, v); js_next(&it);) {
		if (!jmap_api_is_id(it.key) || !js_is_id(it.val))
			return &jmap_error_not_request;
		if (jmap_api_created(r, it.key, js_str(it.val)) == -1)
			return &jmap_error_internal;
	}
	return NULL;
}

/* RFC 8620 3.4: the Response object. */
static const struct jmap_problem *
api_answer(struct jmap_req *r, int ws)
{
	struct js_val	*calls = js_get(r->json, "methodCalls");
	struct buf	*b = r->out;
	char		 state[17];
	size_t		 i;

	js_out_obj(b);
	if (ws) {
		/* RFC 8887 4.3.2 */
		js_out_key(b, "@type");
		js_out_s(b, "Response");
		if (js_type(js_get(r->json, "id")) == JS_STR) {
			js_out_key(b, "requestId");
			js_out_val(b, js_get(r->json, "id"));
		}
	}
	js_out_key(b, "methodResponses");
	js_out_arr(b);
	for (i = 0; i < js_len(calls); i++)
		api_run(r, js_at(calls, i));
	js_out_end(b, ']');
	if (r->give_created)
		api_put_created(r);
	js_out_key(b, "sessionState");
	jmap_session_state(r->env, r->user, r->shares != 0 ? r->shares - 1 :
	    jmap_share_state(r->user), state);
	js_out_s(b, state);
	js_out_end(b, '}');
	return buf_bad(b) ? &jmap_error_internal : NULL;
}

/* One call, and the calls it asks for. */
static void
api_run(struct jmap_req *r, struct js_val *v)
{
	struct jmap_call	 c, *more;

	memset(&c, 0, sizeof(c));
	c.req = r;
	c.out = r->out;
	c.id = js_str(js_at(v, 2));
	c.args = js_at(v, 1);
	jmap_call(&c, js_str(js_at(v, 0)));
	while ((more = STAILQ_FIRST(&r->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&r->queue, entry);
		jmap_call(more, more->method->name);
		js_free(more->args);
	}
}

static void
api_put_created(struct jmap_req *r)
{
	const char	*cid;
	size_t		 i;

	js_out_key(r->out, "createdIds");
	js_out_obj(r->out);
	for (i = 0; i < r->ncreated; i++) {
		cid = r->created[i].cid;
		js_out_keyn(r->out, cid, strlen(cid));
		js_out_s(r->out, r->created[i].id);
	}
	js_out_end(r->out, '}');
}

/* RFC 8887 4.3.3: a problem on a WebSocket is a message, too. */
static void
api_ws_error(struct jmap_req *r, const struct jmap_problem *p,
    const char *detail)
{
	struct js_val	*id = js_get(r->json, "id");

	jmap_error_problem(r->out, p, detail);
	if (buf_bad(r->out))
		return;
	r->out->len--;			/* its closing brace */
	js_out_key(r->out, "@type");
	js_out_s(r->out, "RequestError");
	js_out_key(r->out, "requestId");
	js_out_val(r->out, js_type(id) == JS_STR ? id : NULL);
	js_out_end(r->out, '}');
}

/* RFC 8620 4: the arguments come back as they are. */
const struct jmap_error *
jmap_api_echo(struct jmap_call *c)
{
	js_out_val(c->out, c->args);
	return NULL;
}

int
jmap_api_is_id(const char *s)
{
	size_t	 n = strlen(s);

	return n >= 1 && n <= JMAP_ID_MAX &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-_") == n;
}

int
jmap_api_add(struct jmap_req *r, struct jmap_ids *ids, const char *id,
    size_t n)
{
	const char	**p;
	size_t		 cap;

	if (ids->n == ids->cap) {
		cap = ids->cap == 0 ? 32 : 2 * ids->cap;
		if ((p = arena_array(&r->arena, cap, sizeof(*p))) == NULL)
			return -1;
		if (ids->n > 0)
			memcpy(p, ids->id, ids->n * sizeof(*p));
		ids->id = p;
		ids->cap = cap;
	}
	if ((ids->id[ids->n] = arena_dup(&r->arena, id, n)) == NULL)
		return -1;
	ids->n++;
	return 0;
}

const char *
jmap_api_real(struct jmap_req *r, const char *id)
{
	size_t	 i;

	if (id[0] != '#')
		return id;
	/* RFC 8620 5.3: the most recently created item of that id */
	for (i = r->ncreated; i > 0; i--)
		if (strcmp(r->created[i - 1].cid, id + 1) == 0)
			return r->created[i - 1].id;
	return NULL;
}

int
jmap_api_created(struct jmap_req *r, const char *cid, const char *id)
{
	struct jmap_created	*p;
	size_t			 i, cap;

	for (i = 0; i < r->ncreated; i++)
		if (strcmp(r->created[i].cid, cid) == 0)
			break;
	if (i == r->capcreated) {
		cap = i == 0 ? 16 : 2 * i;
		p = arena_array(&r->arena, cap, sizeof(*p));
		if (p == NULL)
			return -1;
		if (i > 0)
			memcpy(p, r->created, i * sizeof(*p));
		r->created = p;
		r->capcreated = cap;
	}
	p = &r->created[i];
	p->id = arena_dup(&r->arena, id, strlen(id));
	p->cid = arena_dup(&r->arena, cid, strlen(cid));
	if (p->id == NULL || p->cid == NULL)
		return -1;
	if (i == r->ncreated)
		r->ncreated++;
	return 0;
}

int
jmap_api_implicit(struct jmap_call *c, const char *name, struct js_val *args)
{
	struct jmap_call	*more;
	struct jmap_req		*r = c->req;

	more = arena_get(&r->arena, sizeof(*more));
	if (more == NULL || ++r->nimplicit > API_IMPLICIT ||
	    (more->method = jmap_table_find(name)) == NULL) {
		js_free(args);
		return -1;
	}
	more->parent = c;
	more->req = r;
	more->out = r->out;
	more->id = c->id;
	more->args = args;
	STAILQ_INSERT_TAIL(&r->queue, more, entry);
	return 0;
}

void
jmap_api_unqueue(struct jmap_call *c)
{
	struct jmap_req		*r = c->req;
	struct jmap_call	*more, *next;

	STAILQ_FOREACH_SAFE(more, &r->queue, entry, next)
		if (more->parent == c) {
			STAILQ_REMOVE(&r->queue, more, jmap_call, entry);
			js_free(more->args);
		}
}

int
jmap_api_spent(struct jmap_req *r)
{
	const struct jmap_limits	*l = r->env->limits;

	return r->out->len - r->base > l->max_size_response ||
	    buf_bad(r->out) || date_mono() - r->start > l->max_ms;
}

int
jmap_api_store(struct jmap_call *c, enum store_err e)
{
	if (e == STORE_OK)
		return 1;
	if (e <= STORE_REFUSED)
		return 0;
	c->store_err = e;
	return -1;
}

const struct jmap_error *
jmap_api_lost(struct jmap_call *c)
{
	switch (c->store_err) {
	case STORE_OK:
		return jmap_error_say(c, &jmap_error_server_fail,
		    "out of memory for this request");
	case STORE_AGAIN:
		return &jmap_error_server_unavailable;
	case STORE_FULL:
		log_warnx("account %s: the disk is full",
		    c->account);
		return jmap_error_say(c, &jmap_error_server_unavailable,
		    "no space left for this account's data");
	default:
		log_warn("account %s: %s: %s", c->account,
		    c->method->name, store_strerror(c->store_err));
		return jmap_error_say(c, &jmap_error_server_fail,
		    "the store: %s", store_strerror(c->store_err));
	}
}

void
jmap_api_account(struct jmap_call *c)
{
	js_out_key(c->out, "accountId");
	js_out_s(c->out, c->account);
}

const char *
jmap_api_state(struct jmap_req *r, uint64_t modseq)
{
	char	 text[20], *p = text + sizeof(text);

	do {
		*--p = '0' + (char)(modseq % 10);
	} while ((modseq /= 10) != 0);
	return arena_dup(&r->arena, p, text + sizeof(text) - p);
}

int
jmap_api_state_get(const char *s, uint64_t *out)
{
	uint64_t	 v = 0;
	size_t		 i, n = strlen(s);

	/* one right spelling: digits without a leading zero */
	if (n == 0 || n > 18 || (n > 1 && s[0] == '0'))
		return -1;
	for (i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	*out = v;
	return 0;
}
