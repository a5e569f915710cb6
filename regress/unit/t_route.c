/* SPDX-License-Identifier: ISC */
/* worker/http/route.c, hosts.c; common/ip.c. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/hosts.h"
#include "worker/http/route.h"

static const struct route	table[] = {
	{ M_GET, "/", HTTP_R, 0, BODY_NONE, NULL, NULL },
	{ M_POST, "/jmap", HTTP_A, 0, BODY_NONE, NULL, NULL },
	{ M_POST, "/jmap/", HTTP_A, 0, BODY_NONE, NULL, NULL },
	{ M_GET, "/jmap/session", HTTP_S, 0, BODY_NONE, NULL, NULL },
	{ M_GET, "/jmap/download/{account}/{blob}/{name}", HTTP_B, 0,
	    BODY_NONE, NULL, NULL },
	{ M_GET | M_POST, "/api/principal", HTTP_A, 0, BODY_NONE, NULL, NULL },
	{ M_GET | M_PATCH, "/api/principal/{name}", HTTP_A, 0, BODY_NONE,
	    NULL, NULL },
	{ M_DELETE, "/api/principal/{name}", HTTP_K, 0, BODY_NONE, NULL,
	    NULL },
	{ M_GET, "/api/principal/me", HTTP_A, 0, BODY_NONE, NULL, NULL },
	{ M_GET, "/admin/*", HTTP_H, 0, BODY_NONE, NULL, NULL },
};

/* row of the table, -1 for 405, -2 for 404 */
static const struct {
	enum http_method	 method;
	const char		*path;
	int			 row;
	const char		*last;	/* last parameter */
} tries[] = {
	{ HTTP_GET, "/", 0, "" },
	{ HTTP_HEAD, "/", 0, "" },
	{ HTTP_POST, "/", -1, "" },
	{ HTTP_POST, "/jmap", 1, "" },
	{ HTTP_POST, "/jmap/", 2, "" },
	{ HTTP_GET, "/jmap", -1, "" },
	{ HTTP_POST, "/jmap//", -2, "" },
	{ HTTP_POST, "/jma", -2, "" },
	{ HTTP_POST, "/jmapx", -2, "" },
	{ HTTP_POST, "/JMAP", -2, "" },
	{ HTTP_GET, "/jmap/session", 3, "" },
	{ HTTP_GET, "/jmap/sessions", -2, "" },
	{ HTTP_GET, "/jmap/download/a/b/c d", 4, "c d" },
	{ HTTP_GET, "/jmap/download/a/b/", -2, "" },
	{ HTTP_GET, "/jmap/download/a//c", -2, "" },
	{ HTTP_GET, "/jmap/download/a/b/c/d", -2, "" },
	{ HTTP_GET, "/jmap/download/a/b", -2, "" },
	{ HTTP_GET, "/api/principal", 5, "" },
	{ HTTP_PATCH, "/api/principal/x@y", 6, "x@y" },
	{ HTTP_DELETE, "/api/principal/x", 7, "x" },
	{ HTTP_GET, "/api/principal/me", 8, "" },
	{ HTTP_GET, "/api/principal/mee", 6, "mee" },
	{ HTTP_GET, "/api/principal/{name}", 6, "{name}" },
	{ HTTP_GET, "/api/principal/", -2, "" },
	{ HTTP_GET, "/admin/", 9, "" },
	{ HTTP_GET, "/admin/a/b.js", 9, "a/b.js" },
	{ HTTP_GET, "/admin", -2, "" },
	{ HTTP_GET, "*", -2, "" },
};

static void
the_most_specific_row_wins(void **state)
{
	static struct req	 r;
	const struct route	*want;
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(tries); i++) {
		memset(&r, 0, sizeof(r));
		arena_init(&r.arena, 65536);
		r.method = tries[i].method;
		r.path = tries[i].path;
		route_find(&r, table, nitems(table));
		want = tries[i].row < 0 ? NULL : &table[tries[i].row];
		if (r.route != want)
			fail_msg("%s: %s", r.path,
			    r.route == NULL ? "none" : r.route->path);
		assert_int_equal(r.allowed == 0, tries[i].row == -2);
		if (want != NULL)
			assert_int_equal(r.class, want->class);
		assert_string_equal(req_param(&r, r.nparam - 1),
		    tries[i].last);
		arena_free(&r.arena);
	}
}

static void
methods_of_all_rows_are_allowed(void **state)
{
	static struct req	 r;

	(void)state;
	memset(&r, 0, sizeof(r));
	arena_init(&r.arena, 65536);
	r.method = HTTP_PUT;
	r.path = "/api/principal/x";
	route_find(&r, table, nitems(table));
	assert_null(r.route);
	assert_int_equal(r.allowed, M_GET | M_PATCH | M_DELETE);
	assert_string_equal(req_param(&r, 0), "");
	arena_free(&r.arena);
}

static void
names_are_served_by_label(void **state)
{
	struct hosts	 h = { NULL, 0 };

	(void)state;
	hosts_add(&h, "Mail.Example.com.", 17);
	hosts_add(&h, "*.example.org", 13);
	hosts_add(&h, "", 0);
	hosts_add(&h, "mail.example.com", 16);
	assert_int_equal(h.n, 2);
	assert_true(hosts_has(&h, "mail.example.com"));
	assert_false(hosts_has(&h, "example.com"));
	assert_false(hosts_has(&h, "xmail.example.com"));
	assert_int_equal(hosts_has(&h, "a.example.org"), HOSTS_WILD);
	hosts_add(&h, "b.example.org", 13);
	assert_int_equal(hosts_has(&h, "b.example.org"), HOSTS_OWN);
	assert_false(hosts_has(&h, "a.b.example.org"));
	assert_false(hosts_has(&h, "example.org"));
	assert_false(hosts_has(&h, ".example.org"));
	assert_false(hosts_has(&h, ""));
	hosts_free(&h);
}

static void
addresses_have_one_spelling(void **state)
{
	static const struct {
		const char	*text, *canon;	/* NULL: refused */
	} t[] = {
		{ "192.0.2.1", "192.0.2.1" }, { "::1", "::1" },
		{ "2001:DB8::0:1", "2001:db8::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "127.1", NULL }, { "0177.0.0.1", NULL }, { "", NULL },
		{ "1.2.3.4.5", NULL }, { "fe80::1%eth0", NULL },
		{ "[::1]", NULL }, { " ::1", NULL }, { "1.2.3.256", NULL },
		{ "localhost", NULL },
	};
	char		 out[IP_STRLEN];
	struct ip	 ip;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(t); i++) {
		if (t[i].canon == NULL) {
			assert_int_equal(ip_parse(&ip, t[i].text,
			    strlen(t[i].text)), -1);
			continue;
		}
		assert_int_equal(ip_parse(&ip, t[i].text, strlen(t[i].text)),
		    0);
		assert_string_equal(ip_str(&ip, out), t[i].canon);
	}
}

static void
networks_hold_their_addresses(void **state)
{
	static const struct {
		const char	*net, *ip;
		int		 in;	/* -1: no such network */
	} t[] = {
		{ "10.0.0.0/8", "10.255.0.1", 1 },
		{ "10.0.0.0/8", "11.0.0.1", 0 },
		{ "10.0.0.0/8", "::ffff:10.1.1.1", 1 },
		{ "0.0.0.0/0", "1.2.3.4", 1 }, { "0.0.0.0/0", "::1", 0 },
		{ "192.0.2.128/25", "192.0.2.127", 0 },
		{ "192.0.2.128/25", "192.0.2.200", 1 },
		{ "192.0.2.1", "192.0.2.1", 1 },
		{ "2001:db8::/33", "2001:db8:7fff::1", 1 },
		{ "2001:db8::/33", "2001:db8:8000::1", 0 },
		{ "10.0.0.1/8", "", -1 }, { "10.0.0.0/33", "", -1 },
		{ "10.0.0.0/", "", -1 }, { "10.0.0.0/08", "", -1 },
		{ "10.0.0.0/-1", "", -1 }, { "::/129", "", -1 },
		{ "x/8", "", -1 }, { "", "", -1 },
	};
	struct ip_net	 net;
	struct ip	 ip;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(t); i++) {
		assert_int_equal(ip_net_parse(&net, t[i].net,
		    strlen(t[i].net)), t[i].in == -1 ? -1 : 0);
		if (t[i].in == -1)
			continue;
		assert_int_equal(ip_parse(&ip, t[i].ip, strlen(t[i].ip)), 0);
		assert_int_equal(ip_in(&ip, &net), t[i].in);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(the_most_specific_row_wins),
		cmocka_unit_test(methods_of_all_rows_are_allowed),
		cmocka_unit_test(names_are_served_by_label),
		cmocka_unit_test(addresses_have_one_spelling),
		cmocka_unit_test(networks_hold_their_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
