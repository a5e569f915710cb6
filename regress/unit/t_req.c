/* SPDX-License-Identifier: ISC */
/*
 * worker/http/req.c, reply.c and the request steps of worker/policy, over a
 * transport that only remembers.
 */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/conf.h"
#include "worker/http/hdr.h"
#include "worker/policy/policy.h"

static struct buf	 got;		/* status line, fields, body */
static int		 nwake, nreply, ngone, ndone, nsteps, park;
static struct conf	 conf;
static struct http_setup setup;
static struct hosts	 hosts;

static void	answer_hello(struct req *);
static void	answer_later(struct req *);
static void	answer_split(struct req *);

static const struct route	routes[] = {
	{ M_GET, "/hello", HTTP_A, 0, BODY_NONE, answer_hello, NULL },
	{ M_POST, "/json", HTTP_A, ROUTE_JSON, BODY_SMALL, answer_hello,
	    NULL },
	{ M_POST, "/limit", HTTP_A, 0, BODY_SMALL, answer_hello, "maxX" },
	{ M_GET, "/later", HTTP_A, 0, BODY_NONE, answer_later, NULL },
	{ M_GET, "/split", HTTP_A, 0, BODY_NONE, answer_split, NULL },
	{ M_GET, "/open", HTTP_A, ROUTE_OPEN, BODY_NONE, answer_hello, NULL },
};

static void
tp_reply(struct req *r)
{
	struct reply	*p = r->reply;

	nreply++;
	buf_addf(&got, "%d\n", p->status);
	req_fields(r, &got);
	buf_addc(&got, '\n');
	if (p->body != NULL)
		buf_add(&got, p->body, p->len);
	else if (p->len > 0)
		buf_add(&got, buf_peek(&p->own), p->len);
}

static void
tp_wake(struct req *r)
{
	(void)r;
	nwake++;
}

static const struct transport	tp = { "test", tp_reply, tp_wake };

static void
answer_hello(struct req *r)
{
	req_reply(r, 200, "text/plain", "hello", 5);
}

static void
on_gone(struct req *r, void *arg)
{
	(void)r;
	assert_ptr_equal(arg, &ngone);
	ngone++;
}

static void
answer_later(struct req *r)
{
	req_park(r, on_gone, &ngone);
}

static void
answer_split(struct req *r)
{
	req_hdr_add(r, "X-Good", "1");
	req_hdr_add(r, "Location", "/a\r\nSet-Cookie: b");
	req_reply(r, 302, "text/plain", "secret", 6);
}

static enum req_ret
count_step(struct req *r)
{
	nsteps++;
	if (park == 0)
		return REQ_NEXT;
	park--;
	req_park(r, on_gone, &ngone);
	return REQ_PARK;
}

static const struct http_step	steps[] = {
	{ "forwarded", forwarded_step }, { "host", host_step },
	{ "hsts", hsts_step }, { "cors", cors_step },
	{ "resource", resource_step }, { "count", count_step },
	{ "limits", limits_step },
};

static int
start(void **state)
{
	static const struct block_step	 blocks[] = {
		{ "class", class_compose }, { "cors", cors_compose },
		{ "hsts", hsts_compose },
	};

	static char	 empty[] = "", name[] = "mail.test";

	(void)state;
	memset(&conf, 0, sizeof(conf));
	memset(&setup, 0, sizeof(setup));
	conf.max_concurrent_requests = 2;
	conf.url = empty;
	conf.hostname = name;
	hosts_add(&hosts, "mail.test", 9);
	setup.conf = &conf;
	setup.routes = routes;
	setup.nroutes = nitems(routes);
	setup.steps = steps;
	setup.nsteps = nitems(steps);
	http_setup_blocks(&setup, blocks, nitems(blocks));
	policy_setup(&setup);
	buf_init(&got, 1 << 20);
	nwake = nreply = ngone = ndone = nsteps = park = 0;
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	policy_free(&setup);
	http_setup_free(&setup);
	hosts_free(&hosts);
	buf_free(&got);
	return 0;
}

static struct req *
request(enum http_method method, const char *path)
{
	struct req	*r = req_new(&setup, &tp, NULL);

	assert_non_null(r);
	r->method = method;
	r->target = r->path = path;
	r->path_len = strlen(path);
	r->host = "mail.test";
	r->hosts = &hosts;
	r->peer.af = r->client.af = r->local.af = IP_V4;
	r->peer.b[0] = r->client.b[0] = 192;
	return r;
}

static void
field(struct req *r, const char *name, const char *value)
{
	char	*n = arena_dup(&r->arena, name, strlen(name));
	char	*v = arena_dup(&r->arena, value, strlen(value));

	assert_int_equal(hdr_add(r, n, strlen(n), v, strlen(v)), 0);
}

/* 1 if the answer has this line or text. */
static int
said(const char *text)
{
	return strstr(buf_str(&got), text) != NULL;
}

static void
a_request_passes_steps_and_handler(void **state)
{
	struct req	*r = request(HTTP_GET, "/hello");

	(void)state;
	req_begin(r);
	assert_int_equal(r->state, REQ_BODY);
	assert_int_equal(req_length(r, 0), 0);
	req_body_end(r);
	assert_int_equal(r->state, REQ_ANSWERED);
	assert_true(said("200\n"));
	assert_true(said("Content-Type: text/plain\r\n"));
	assert_true(said("X-Content-Type-Options: nosniff\r\n"));
	assert_true(said("\nhello"));
	assert_int_equal(nwake, 0);	/* all inside the transport's call */
	req_free(r);
}

static void
a_parked_step_runs_again(void **state)
{
	struct req	*r = request(HTTP_GET, "/hello");

	(void)state;
	park = 2;
	req_begin(r);
	assert_int_equal(r->state, REQ_STEPS);
	req_resume(r);
	assert_int_equal(r->state, REQ_STEPS);
	assert_int_equal(nwake, 1);
	req_resume(r);
	assert_int_equal(r->state, REQ_BODY);
	assert_int_equal(nwake, 2);
	assert_int_equal(nsteps, 3);
	req_free(r);
	assert_int_equal(ngone, 0);
}

static void
a_client_that_vanishes_is_told_to_the_parked(void **state)
{
	struct req	*r = request(HTTP_GET, "/hello");

	(void)state;
	park = 1;
	req_begin(r);
	req_free(r);
	assert_int_equal(ngone, 1);
	r = request(HTTP_GET, "/later");
	req_begin(r);
	req_body_end(r);
	assert_int_equal(r->state, REQ_HANDLER);
	req_free(r);
	assert_int_equal(ngone, 2);
	assert_int_equal(nreply, 0);
}

static void
a_late_answer_wakes_the_transport(void **state)
{
	struct req	*r = request(HTTP_GET, "/later");

	(void)state;
	req_begin(r);
	req_body_end(r);
	req_problem(r, 503, NULL, NULL, "say \"no\"\n\x01\xff\\");
	assert_int_equal(nwake, 1);
	assert_true(said("\"detail\":\"say \\\"no\\\"\\u000a\\u0001?\\\\\""));
	req_free(r);
	assert_int_equal(ngone, 0);
}

static void
a_control_octet_in_a_field_is_a_500(void **state)
{
	struct req	*r = request(HTTP_GET, "/split");

	(void)state;
	req_begin(r);
	req_body_end(r);
	assert_true(said("500\n"));
	assert_false(said("Set-Cookie"));
	assert_false(said("secret"));
	assert_false(said("X-Good"));
	assert_true(said("Content-Security-Policy: "));
	req_free(r);
}

static void
bodies_have_limits_by_route(void **state)
{
	struct req	*r = request(HTTP_POST, "/limit");

	(void)state;
	req_begin(r);
	assert_int_equal(req_length(r, 65536), 0);
	assert_int_equal(req_length(r, 65537), -1);
	assert_true(said("413\n"));
	assert_true(said("\"limit\":\"maxX\""));
	req_free(r);
	buf_reset(&got);
	r = request(HTTP_GET, "/hello");
	req_begin(r);
	assert_int_equal(req_length(r, 1), -1);
	assert_true(said("400\n"));
	req_free(r);
}

static void
json_routes_take_json(void **state)
{
	static const struct {
		const char	*type;
		int		 ok;
	} t[] = {
		{ "application/json", 1 },
		{ "Application/JSON; charset=utf-8", 1 },
		{ "application/jsonx", 0 }, { "text/plain", 0 },
		{ "multipart/form-data", 0 }, { NULL, 0 },
	};
	struct req	*r;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(t); i++) {
		r = request(HTTP_POST, "/json");
		if (t[i].type != NULL)
			field(r, "Content-Type", t[i].type);
		req_begin(r);
		assert_int_equal(r->state, t[i].ok ? REQ_BODY :
		    REQ_ANSWERED);
		req_free(r);
	}
	assert_true(said("415\n"));
}

static void
an_account_has_so_many_requests_at_once(void **state)
{
	struct req	*r[4];
	int		 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		r[i] = request(HTTP_POST, "/limit");
		r[i]->has_user = 1;
		r[i]->user.account = i == 3 ? 8 : 7;
		req_begin(r[i]);
	}
	assert_int_equal(r[0]->state, REQ_BODY);
	assert_int_equal(r[1]->state, REQ_BODY);
	assert_int_equal(r[2]->state, REQ_ANSWERED);
	assert_int_equal(r[3]->state, REQ_BODY);	/* somebody else */
	assert_true(said("429\n"));
	assert_true(said("maxConcurrentRequests"));
	req_free(r[0]);
	req_free(r[2]);
	r[0] = request(HTTP_POST, "/limit");
	r[0]->has_user = 1;
	r[0]->user.account = 7;
	req_begin(r[0]);
	assert_int_equal(r[0]->state, REQ_BODY);
	req_free(r[0]);
	req_free(r[1]);
	req_free(r[3]);
}

/* hsts on, plain listener on a public address */
static const struct {
	enum http_method method;
	const char	*path, *proto;
	int		 peer0, local0, tls;
	const char	*status, *has;
} plain[] = {
	{ HTTP_GET, "/hello", NULL, 192, 192, 0, "301\n",
	    "Location: https://mail.test/hello\r\n" },
	{ HTTP_HEAD, "/hello", NULL, 192, 192, 0, "301\n", "Location: " },
	{ HTTP_GET, "/nope", NULL, 192, 192, 0, "301\n",
	    "Location: https://mail.test/nope\r\n" },
	{ HTTP_POST, "/limit", NULL, 192, 192, 0, "403\n", "https" },
	{ HTTP_GET, "/hello", NULL, 192, 192, 1, "", "" },
	{ HTTP_GET, "/hello", NULL, 127, 127, 0, "", "" },
	{ HTTP_GET, "/open", NULL, 192, 192, 0, "", "" },
	{ HTTP_GET, "/hello", "https", 127, 192, 0, "", "" },
	{ HTTP_GET, "/hello", "http", 127, 192, 0, "301\n", "" },
	{ HTTP_GET, "/hello", "https", 192, 192, 0, "301\n", "" },
};

static void
hsts_sends_plain_requests_to_tls(void **state)
{
	struct req	*r;
	size_t		 i;

	(void)state;
	conf.hsts = 1;
	conf.use_x_forwarded = 1;
	for (i = 0; i < nitems(plain); i++) {
		buf_reset(&got);
		r = request(plain[i].method, plain[i].path);
		r->peer.b[0] = (uint8_t)plain[i].peer0;
		r->local.b[0] = (uint8_t)plain[i].local0;
		r->tls = plain[i].tls;
		if (plain[i].proto != NULL)
			field(r, "X-Forwarded-Proto", plain[i].proto);
		req_begin(r);
		if (plain[i].status[0] == '\0')
			assert_int_equal(r->state, REQ_BODY);
		else if (!said(plain[i].status) || !said(plain[i].has))
			fail_msg("row %zu: %s", i, buf_str(&got));
		req_free(r);
	}
}

static void
only_served_hosts_are_answered(void **state)
{
	static const struct {
		const char	*host;
		int		 local0, tls, ok;
	} t[] = {
		{ "mail.test", 192, 1, 1 }, { "other.test", 192, 1, 0 },
		{ "localhost", 127, 0, 1 }, { "127.0.0.1", 127, 0, 1 },
		{ "::1", 127, 0, 1 }, { "localhost", 127, 1, 0 },
		{ "localhost", 192, 0, 0 }, { "10.0.0.1", 192, 0, 0 },
		{ "", 127, 0, 0 },
	};
	struct req	*r;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(t); i++) {
		buf_reset(&got);
		r = request(HTTP_GET, "/hello");
		r->host = t[i].host;
		r->local.b[0] = (uint8_t)t[i].local0;
		r->tls = t[i].tls;
		req_begin(r);
		if (t[i].ok)
			assert_int_equal(r->state, REQ_BODY);
		else
			assert_true(said("421\n"));
		req_free(r);
	}
}

static void
a_preflight_is_answered_before_anybody_asks_who(void **state)
{
	struct req	*r = request(HTTP_OPTIONS, "/json");

	(void)state;
	conf.permissive_cors = 1;
	field(r, "Origin", "https://app.test");
	field(r, "Access-Control-Request-Method", "POST");
	req_begin(r);
	assert_int_equal(nsteps, 0);
	assert_true(said("204\n"));
	assert_true(said("Access-Control-Max-Age: 7200\r\n"));
	req_free(r);
	buf_reset(&got);
	r = request(HTTP_OPTIONS, "/json");	/* no preflight: Allow */
	req_begin(r);
	assert_true(said("Allow: POST, OPTIONS\r\n"));
	assert_int_equal(nsteps, 0);
	req_free(r);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest	 tests[] = {
		T(a_request_passes_steps_and_handler),
		T(a_parked_step_runs_again),
		T(a_client_that_vanishes_is_told_to_the_parked),
		T(a_late_answer_wakes_the_transport),
		T(a_control_octet_in_a_field_is_a_500),
		T(bodies_have_limits_by_route),
		T(json_routes_take_json),
		T(an_account_has_so_many_requests_at_once),
		T(hsts_sends_plain_requests_to_tls),
		T(only_served_hosts_are_answered),
		T(a_preflight_is_answered_before_anybody_asks_who),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
