/* SPDX-License-Identifier: ISC */
/*
 * worker/policy/authz.c and authz_cache.c: what is a credential, who waits
 * for whom, what is remembered.  The transport and auth are played here.
 */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/enc.h"
#include "common/perm.h"
#include "worker/policy/authz.h"
#include "worker/policy/policy.h"

/* --- the transport, played ---------------------------------------------- */

static struct seen {
	int	 status;	/* of the last answer */
	char	 challenge[128];
	char	 retry[16];
	int	 resumed;
	int	 asked;		/* questions to auth */
} seen;

static struct {
	auth_ask_who_fn	*fn;
	void		*arg;
	int		 cancelled;
} asked;
static void		(*revoke)(uint64_t);

/* What the stubs stand for is declared in http.h and auth_ask.h. */
const char *
req_hdr(const struct req *r, enum http_hdr id)
{
	return r->known[id] == -1 ? NULL : r->hdr[r->known[id]].value;
}

void
req_hdr_add(struct req *r, const char *name, const char *value)
{
	(void)r;
	if (strcmp(name, "WWW-Authenticate") == 0)
		strlcpy(seen.challenge, value, sizeof(seen.challenge));
	if (strcmp(name, "Retry-After") == 0)
		strlcpy(seen.retry, value, sizeof(seen.retry));
}

void
req_problem(struct req *r, int status, const char *type, const char *title,
    const char *detail)
{
	(void)r;
	(void)type;
	(void)title;
	assert_non_null(detail);
	seen.status = status;
}

/* forwarded.c's; there is no proxy here. */
int
forwarded_local(const struct req *r)
{
	return ip_loopback(&r->peer) && ip_loopback(&r->client);
}

/* rate.c's; there is no limit here. */
int
rate_anonymous(struct req *r)
{
	(void)r;
	return 0;
}

void
req_park(struct req *r, void (*gone)(struct req *, void *), void *arg)
{
	r->gone = gone;
	r->gone_arg = arg;
}

void
req_resume(struct req *r)
{
	seen.resumed++;
	r->step_state = authz_step(r);
}

struct auth_ask *
auth_ask_login(const struct ip *ip, const char *user, const char *secret,
    auth_ask_who_fn *fn, void *arg)
{
	(void)ip;
	(void)user;
	(void)secret;
	seen.asked++;
	asked.fn = fn;
	asked.arg = arg;
	asked.cancelled = 0;
	return seen.asked == -1 ? NULL : (void *)&asked;
}

void
auth_ask_cancel(struct auth_ask *a)
{
	assert_ptr_equal(a, &asked);
	asked.cancelled = 1;
}

void
auth_ask_on_revoke(void (*fn)(uint64_t))
{
	revoke = fn;
}

static const struct route	 user_route = { .flags = ROUTE_AUTH };
static const struct route	 admin_route = {
	.flags = ROUTE_AUTH | ROUTE_ADMIN };
static const struct route	 open_route = { .flags = 0 };

static struct req *
request(const struct route *route, const char *authorization)
{
	struct req	*r = calloc(1, sizeof(*r));
	int		 i;

	assert_non_null(r);
	arena_init(&r->arena, 65536);
	for (i = 0; i < HDR_MAX; i++)
		r->known[i] = -1;
	r->route = route;
	r->secure = r->tls = 1;
	assert_int_equal(ip_parse(&r->peer, "192.0.2.1", 9), 0);
	r->client = r->peer;
	if (authorization != NULL) {
		r->known[HDR_AUTHORIZATION] = 0;
		r->hdr[0].value = authorization;
		r->hdr[0].next = -1;
		r->nhdr = 1;
	}
	memset(&seen, 0, sizeof(seen));
	return r;
}

static void
done(struct req *r)
{
	arena_free(&r->arena);
	free(r);
}

static void
answer(enum auth_ask_verdict v, uint64_t account, uint64_t perms,
    uint32_t ttl)
{
	struct auth_ask_who	 who;

	memset(&who, 0, sizeof(who));
	who.verdict = v;
	who.retry_s = 7;
	who.account = account;
	who.perms = perms;
	who.ttl_ms = ttl;
	who.login = "canonical";
	memset(who.handle, 0x5a, sizeof(who.handle));
	asked.fn(asked.arg, &who);
}

static const char *
basic(const char *text)
{
	static char	 out[512];
	char		 b64[400];

	enc_b64(text, strlen(text), b64);
	snprintf(out, sizeof(out), "Basic %s", b64);
	return out;
}

/* --- parser ------------------------------------------------------------- */

static const struct parse_row {
	const char	*text;		/* before base64, or all with raw */
	int		 raw;
	const char	*user, *secret;	/* NULL: refused */
} parse_rows[] = {
	{ "Aladdin:open sesame", 0, "Aladdin", "open sesame" },
	{ "test:123\302\243", 0, "test", "123\302\243" }, /* RFC 7617 2.1 */
	{ "a:b:c", 0, "a", "b:c" },
	{ ":secret", 0, "", "secret" },
	{ "user:", 0, "user", "" },
	{ "no colon", 0, NULL, NULL },
	{ "latin\344:x", 0, NULL, NULL },
	{ "ctl:a\001b", 0, NULL, NULL },
	{ "line:a\nb", 0, NULL, NULL },
	{ "del:a\177b", 0, NULL, NULL },
	{ "basic QTpi", 1, "A", "b" },
	{ "BASIC   QTpi", 1, "A", "b" },
	{ "Basic QTpi ", 1, NULL, NULL },
	{ "Basic QTp", 1, NULL, NULL },
	{ "Basic QTpi=", 1, NULL, NULL },
	{ "Basic QT*i", 1, NULL, NULL },
	{ "Basic QTo=", 1, "A", "" },
	{ "Basic QTp=", 1, NULL, NULL },	/* left-over bits */
	{ "Basic QTo", 1, NULL, NULL },		/* no padding */
	{ "Basic QQA6Yg==", 1, NULL, NULL },	/* "A\0:b" */
	{ "Basic", 1, NULL, NULL },
	{ "Basic ", 1, NULL, NULL },
	{ "Basic\tQTpi", 1, NULL, NULL },
	{ "Bearer QTpi", 1, NULL, NULL },
	{ "BasicQTpi", 1, NULL, NULL },
	{ "", 1, NULL, NULL },
};

static void
credentials_are_read_strictly(void **state)
{
	const struct parse_row	*r;
	char			 user[AUTHZ_USER], secret[AUTHZ_SECRET];
	int			 got;

	(void)state;
	for (r = parse_rows; r < parse_rows + nitems(parse_rows); r++) {
		got = authz_basic(r->raw ? r->text : basic(r->text), user,
		    secret);
		if (got != (r->user != NULL))
			fail_msg("%s", r->text);
		if (!got)
			continue;
		assert_string_equal(user, r->user);
		assert_string_equal(secret, r->secret);
	}
}

static void
long_credentials_are_refused(void **state)
{
	char	 text[2000], value[4000] = "Basic ";
	char	 user[AUTHZ_USER], secret[AUTHZ_SECRET];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[255] = ':';
	text[255 + 1 + 1024] = '\0';
	enc_b64(text, strlen(text), value + 6);
	assert_int_equal(authz_basic(value, user, secret), 1);
	memset(text, 'x', sizeof(text));
	text[256] = ':';
	text[300] = '\0';
	enc_b64(text, strlen(text), value + 6);
	assert_int_equal(authz_basic(value, user, secret), 0);
	memset(text, 'x', sizeof(text));
	text[1] = ':';
	text[2 + 1025] = '\0';
	enc_b64(text, strlen(text), value + 6);
	assert_int_equal(authz_basic(value, user, secret), 0);
}

/* --- the step ----------------------------------------------------------- */

static void
open_routes_ask_nobody(void **state)
{
	struct req	*r = request(&open_route, basic("a:b"));

	(void)state;
	assert_int_equal(authz_step(r), REQ_NEXT);
	assert_int_equal(seen.asked, 0);
	assert_int_equal(r->has_user, 0);
	done(r);
}

static void
nobody_is_challenged(void **state)
{
	struct req	*r = request(&user_route, NULL);

	(void)state;
	assert_int_equal(authz_step(r), REQ_DONE);
	assert_int_equal(seen.status, 401);
	assert_string_equal(seen.challenge,
	    "Basic realm=\"jmapd\", charset=\"UTF-8\"");
	done(r);
	/* a script must not bring up the browser's own window */
	r = request(&user_route, NULL);
	r->known[HDR_SEC_FETCH_MODE] = 0;
	r->hdr[0].value = "cors";
	assert_int_equal(authz_step(r), REQ_DONE);
	assert_int_equal(seen.status, 401);
	assert_string_equal(seen.challenge, "Bearer realm=\"jmapd\"");
	done(r);
}

static const struct plain_row {
	const char	*peer, *client;
	int		 secure, status;	/* 0: auth is asked */
} plain_rows[] = {
	{ "192.0.2.1", "192.0.2.1", 0, 403 },
	{ "192.0.2.1", "192.0.2.1", 1, 0 },
	{ "127.0.0.1", "127.0.0.1", 0, 0 },
	{ "::1", "::1", 0, 0 },
	/* a proxy on this machine whose client came over plain HTTP */
	{ "127.0.0.1", "192.0.2.1", 0, 403 },
	{ "127.0.0.1", "192.0.2.1", 1, 0 },
	/* somebody who only says that he is loopback */
	{ "192.0.2.1", "127.0.0.1", 0, 403 },
};

static void
passwords_stay_off_plain_http(void **state)
{
	const struct plain_row	*p;
	struct req		*r;

	(void)state;
	for (p = plain_rows; p < plain_rows + nitems(plain_rows); p++) {
		r = request(&user_route, basic("plain:x"));
		ip_parse(&r->peer, p->peer, strlen(p->peer));
		ip_parse(&r->client, p->client, strlen(p->client));
		r->secure = r->tls = p->secure;
		assert_int_equal(authz_step(r),
		    p->status == 0 ? REQ_PARK : REQ_DONE);
		assert_int_equal(seen.status, p->status);
		assert_int_equal(seen.asked, p->status == 0);
		assert_string_equal(seen.challenge, "");
		if (p->status == 0)
			answer(AUTH_ASK_WRONG, 0, 0, 0);
		done(r);
	}
}

static void
a_good_answer_is_remembered_until_revoked(void **state)
{
	struct req	*r = request(&user_route, basic("cache:x"));

	(void)state;
	assert_int_equal(authz_step(r), REQ_PARK);
	answer(AUTH_ASK_OK, 42, PERM_BIT(PERM_AUTHENTICATE), 60000);
	assert_int_equal(seen.resumed, 1);
	assert_int_equal(r->step_state, REQ_NEXT);
	assert_int_equal(r->has_user, 1);
	assert_int_equal(r->user.account, 42);
	assert_string_equal(r->user.login, "canonical");
	assert_int_equal(r->user.handle[0], 0x5a);
	done(r);

	r = request(&user_route, basic("cache:x"));
	assert_int_equal(authz_step(r), REQ_NEXT);
	assert_int_equal(seen.asked, 0);
	assert_int_equal(r->user.account, 42);
	done(r);

	revoke(41);
	r = request(&user_route, basic("cache:x"));
	assert_int_equal(authz_step(r), REQ_NEXT);
	done(r);

	revoke(42);
	r = request(&user_route, basic("cache:x"));
	assert_int_equal(authz_step(r), REQ_PARK);
	assert_int_equal(seen.asked, 1);
	answer(AUTH_ASK_WRONG, 0, 0, 0);
	assert_int_equal(seen.status, 401);
	done(r);
}

static void
a_wrong_password_is_not_remembered(void **state)
{
	struct req	*r;
	int		 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		r = request(&user_route, basic("wrong:x"));
		assert_int_equal(authz_step(r), REQ_PARK);
		answer(AUTH_ASK_WRONG, 0, 0, 0);
		assert_int_equal(seen.status, 401);
		assert_int_equal(r->has_user, 0);
		done(r);
	}
}

static const struct verdict_row {
	enum auth_ask_verdict	 verdict;
	int			 status;
	const char		*retry;
} verdict_rows[] = {
	{ AUTH_ASK_WRONG, 401, "" },
	{ AUTH_ASK_LIMITED, 429, "7" },
	{ AUTH_ASK_BUSY, 503, "7" },
	{ AUTH_ASK_OFF, 403, "" },
	{ AUTH_ASK_DOWN, 503, "7" },
};

static void
each_verdict_has_its_answer(void **state)
{
	const struct verdict_row	*v;
	struct req			*r;

	(void)state;
	for (v = verdict_rows; v < verdict_rows + nitems(verdict_rows); v++) {
		r = request(&user_route, basic("verdict:x"));
		assert_int_equal(authz_step(r), REQ_PARK);
		answer(v->verdict, 0, 0, 0);
		assert_int_equal(r->step_state, REQ_DONE);
		assert_int_equal(seen.status, v->status);
		assert_string_equal(seen.retry, v->retry);
		done(r);
	}
}

static void
requests_with_one_credential_wait_for_one_answer(void **state)
{
	struct req	*r[3];
	int		 i;

	(void)state;
	for (i = 0; i < 3; i++) {
		r[i] = request(&user_route, basic("shared:x"));
		assert_int_equal(authz_step(r[i]), REQ_PARK);
		assert_int_equal(seen.asked, i == 0);
	}
	/* one of them goes away meanwhile */
	r[1]->gone(r[1], r[1]->gone_arg);
	assert_int_equal(asked.cancelled, 0);
	answer(AUTH_ASK_OK, 5, 0, 0);
	assert_int_equal(seen.resumed, 2);
	assert_int_equal(r[0]->user.account, 5);
	assert_int_equal(r[1]->user.account, 0);
	assert_int_equal(r[2]->user.account, 5);
	for (i = 0; i < 3; i++)
		done(r[i]);
}

static void
the_last_to_go_takes_the_question_along(void **state)
{
	struct req	*r = request(&user_route, basic("gone:x"));

	(void)state;
	assert_int_equal(authz_step(r), REQ_PARK);
	r->gone(r, r->gone_arg);
	assert_int_equal(asked.cancelled, 1);
	done(r);
}

static void
administration_needs_a_permission(void **state)
{
	struct req	*r = request(&admin_route, basic("admin:x"));

	(void)state;
	assert_int_equal(authz_step(r), REQ_PARK);
	answer(AUTH_ASK_OK, 6, PERM_BIT(PERM_AUTHENTICATE), 0);
	assert_int_equal(seen.status, 403);
	done(r);
	r = request(&admin_route, basic("admin:x"));
	assert_int_equal(authz_step(r), REQ_PARK);
	answer(AUTH_ASK_OK, 6, PERM_ALL, 0);
	assert_int_equal(r->step_state, REQ_NEXT);
	done(r);
}

/* --- the cache ---------------------------------------------------------- */

static void
the_cache_is_bounded_and_expires(void **state)
{
	struct auth_ask_who	 who;
	struct req_user		 user;
	uint8_t			 key[AUTHZ_KEY];
	char			 name[32];
	int			 i;

	(void)state;
	authz_cache_drop(0);
	memset(&who, 0, sizeof(who));
	who.login = "x";
	who.ttl_ms = 1000;
	for (i = 0; i < AUTHZ_CACHE + 10; i++) {
		who.account = 100 + (uint64_t)i;
		snprintf(name, sizeof(name), "u%d", i);
		authz_cache_key(key, name, "secret");
		authz_cache_put(key, &who, 5000);
	}
	assert_int_equal(authz_cache_count(), AUTHZ_CACHE);
	authz_cache_key(key, "u0", "secret");
	assert_int_equal(authz_cache_get(key, 5500, &user), 0);
	authz_cache_key(key, "u500", "secret");
	assert_int_equal(authz_cache_get(key, 5999, &user), 1);
	assert_int_equal(user.account, 600);
	assert_int_equal(authz_cache_get(key, 6000, &user), 0);
	authz_cache_drop(0);
	assert_int_equal(authz_cache_count(), 0);
}

static void
no_two_credentials_share_a_key(void **state)
{
	uint8_t	 a[AUTHZ_KEY], b[AUTHZ_KEY];

	(void)state;
	authz_cache_key(a, "ab", "c");
	authz_cache_key(b, "a", "bc");
	assert_memory_not_equal(a, b, AUTHZ_KEY);
	authz_cache_key(b, "ab", "c");
	assert_memory_equal(a, b, AUTHZ_KEY);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(credentials_are_read_strictly),
		cmocka_unit_test(long_credentials_are_refused),
		cmocka_unit_test(open_routes_ask_nobody),
		cmocka_unit_test(nobody_is_challenged),
		cmocka_unit_test(passwords_stay_off_plain_http),
		cmocka_unit_test(a_good_answer_is_remembered_until_revoked),
		cmocka_unit_test(a_wrong_password_is_not_remembered),
		cmocka_unit_test(each_verdict_has_its_answer),
		cmocka_unit_test(
		    requests_with_one_credential_wait_for_one_answer),
		cmocka_unit_test(the_last_to_go_takes_the_question_along),
		cmocka_unit_test(administration_needs_a_permission),
		cmocka_unit_test(the_cache_is_bounded_and_expires),
		cmocka_unit_test(no_two_credentials_share_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
