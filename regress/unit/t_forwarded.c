/* SPDX-License-Identifier: ISC */
/* worker/policy/forwarded.c: who is behind the proxies (security.md 1.8). */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/policy/forwarded.h"

/* Hops of one field value as text: "-" for one that is no address, then the
 * protocol if it was said; NULL when the value is refused. */
static const struct row {
	const char	*in, *hops;
} xff[] = {
	{ "", "" },
	{ "192.0.2.1", "192.0.2.1" },
	{ " 192.0.2.1 , 2001:db8::1\t", "192.0.2.1 2001:db8::1" },
	{ "192.0.2.1:4711", "192.0.2.1" },
	{ "[2001:db8::1]", "2001:db8::1" },
	{ "[2001:db8::1]:80", "2001:db8::1" },
	{ "::ffff:10.0.0.1", "10.0.0.1" },
	{ "192.0.2.1,,192.0.2.2", "192.0.2.1 192.0.2.2" },
	{ "unknown", "-" },
	{ "192.0.2.1, evil.example, 10.0.0.1", "192.0.2.1 - 10.0.0.1" },
	{ "192.0.2", "-" }, { "0300.0.2.1", "-" }, { "192.0.2.1:", "-" },
	{ "192.0.2.1:99999999", "-" }, { "192.0.2.1:8a", "-" },
	{ "[192.0.2.1]", "-" }, { "[::1", "-" }, { "[::1]x", "-" },
	{ "fe80::1%eth0", "-" }, { "192.0.2.1 x", "-" },
	{ "\"192.0.2.1\"", "-" },
}, rfc7239[] = {
	{ "", "" },
	{ "for=192.0.2.1", "192.0.2.1" },
	{ "For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17" },
	{ "for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60/1" },
	{ "for=192.0.2.43, for=198.51.100.17", "192.0.2.43 198.51.100.17" },
	{ "proto=HTTPS;for=\"192.0.2.1:80\"", "192.0.2.1/2" },
	{ "for=\"\\1\\92.0.2.1\"", "192.0.2.1" },
	{ "for=unknown", "-" }, { "for=_hidden", "-" },
	{ "for=\"_SEVKISEK\"", "-" }, { "for=\"192.0.2.1:_port\"",
	    "192.0.2.1" },
	{ "by=203.0.113.43", "-" },
	{ "proto=https", "-/2" },
	{ "for=192.0.2.1 ; proto=https", "192.0.2.1/2" },
	{ ",for=192.0.2.1,", "192.0.2.1" },
	{ "host=\"a,b;c\\\"\";for=192.0.2.1", "192.0.2.1" },
	/* a pair may be empty */
	{ "for=192.0.2.1;", "192.0.2.1" }, { ";for=192.0.2.1", "192.0.2.1" },
	{ "for=192.0.2.1;; proto=https;,for=192.0.2.2",
	    "192.0.2.1/2 192.0.2.2" },
	{ ";", "-" }, { ";,for=192.0.2.1", "- 192.0.2.1" },
	{ "for=\"192.0.2.1:_gazonk.A-1_of.many.letters\"", "192.0.2.1" },
	{ "for=\"[2001:db8::1]:_x\"", "2001:db8::1" },
	{ "for=\"192.0.2.1:_\"", "-" }, { "for=\"192.0.2.1:_a b\"", "-" },
	{ "for=\"192.0.2.1:_a:b\"", "-" },
	{ "for=\"192.0.2.1:123456\"", "-" },
	{ "for=192.0.2.1,proto=http", "192.0.2.1 -/1" },
	/* broken: it and all to the right count as one that hides */
	{ "for=192.0.2.1;for=192.0.2.2", "-" },
	{ "for=192.0.2.1, for", "192.0.2.1 -" },
	{ "for=192.0.2.1, for=\"192.0.2.2, for=192.0.2.3", "192.0.2.1 -" },
	{ "for = 192.0.2.1", "-" }, { "for=", "-" }, { "=192.0.2.1", "-" },
	{ "for=192.0.2.1 x", "-" },
	{ "for=192.0.2.1:80", "-" },	/* ':' must be quoted */
	{ "for=[::1]", "-" },
	{ "proto=http;proto=https;for=192.0.2.1", "-" },
};

static void
hops_text(const struct forwarded *f, char *out, size_t max)
{
	char	 ip[IP_STRLEN], one[64];
	size_t	 i;

	out[0] = '\0';
	for (i = 0; i < f->n; i++) {
		snprintf(one, sizeof(one), "%s%s", i > 0 ? " " : "",
		    ip_str(&f->hop[i].ip, ip));
		strlcat(out, one, max);
		if (f->hop[i].proto != 0)
			strlcat(out, f->hop[i].proto == 1 ? "/1" : "/2", max);
	}
}

static void
values_are_read_strictly(void **state)
{
	struct forwarded	 f;
	char			 text[1024];
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(xff); i++) {
		memset(&f, 0, sizeof(f));
		assert_int_equal(forwarded_xff(&f, xff[i].in,
		    strlen(xff[i].in)), 0);
		hops_text(&f, text, sizeof(text));
		assert_string_equal(text, xff[i].hops);
	}
	for (i = 0; i < nitems(rfc7239); i++) {
		memset(&f, 0, sizeof(f));
		assert_int_equal(forwarded_7239(&f, rfc7239[i].in,
		    strlen(rfc7239[i].in)), 0);
		hops_text(&f, text, sizeof(text));
		if (strcmp(text, rfc7239[i].hops) != 0)
			fail_msg("%s: \"%s\"", rfc7239[i].in, text);
	}
}

static const struct {
	const char	*peer, *xff, *client;
} walks[] = {
	/* trusted: 127.0.0.0/8, ::1, 10.0.0.0/8 */
	{ "192.0.2.9", "203.0.113.1", "192.0.2.9" },
	{ "127.0.0.1", "", "127.0.0.1" },
	{ "127.0.0.1", "203.0.113.1", "203.0.113.1" },
	{ "127.0.0.1", "1.2.3.4, 203.0.113.1", "203.0.113.1" },
	{ "127.0.0.1", "203.0.113.1, 10.0.0.1", "203.0.113.1" },
	{ "127.0.0.1", "1.2.3.4, 203.0.113.1, 10.1.1.1, 10.0.0.1",
	    "203.0.113.1" },
	{ "127.0.0.1", "10.0.0.7, 10.0.0.1", "10.0.0.7" },
	{ "127.0.0.1", "203.0.113.1, unknown, 10.0.0.1", "10.0.0.1" },
	{ "127.0.0.1", "203.0.113.1, unknown", "127.0.0.1" },
	{ "::1", "::ffff:10.0.0.1, ::ffff:127.0.0.1", "10.0.0.1" },
	{ "127.0.0.1", "127.0.0.1", "127.0.0.1" },
};

static void
only_trusted_proxies_are_believed(void **state)
{
	static const char *const	 nets[] = { "127.0.0.0/8", "::1",
					    "10.0.0.0/8" };
	struct ip_net	 trusted[3];
	struct forwarded f;
	struct ip	 peer, client;
	char		 text[IP_STRLEN];
	size_t		 i;
	int		 proto;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(ip_net_parse(&trusted[i], nets[i],
		    strlen(nets[i])), 0);
	for (i = 0; i < nitems(walks); i++) {
		memset(&f, 0, sizeof(f));
		assert_int_equal(ip_parse(&peer, walks[i].peer,
		    strlen(walks[i].peer)), 0);
		assert_int_equal(forwarded_xff(&f, walks[i].xff,
		    strlen(walks[i].xff)), 0);
		forwarded_walk(&f, &peer, trusted, 3, &client, &proto);
		if (strcmp(ip_str(&client, text), walks[i].client) != 0)
			fail_msg("row %zu: %s", i, text);
	}
}

static void
the_protocol_is_that_of_the_client_hop(void **state)
{
	static const char	 v[] =
	    "for=203.0.113.1;proto=https, for=10.0.0.1;proto=http";
	struct ip_net	 trusted[2];
	struct forwarded f = { .n = 0 };
	struct ip	 peer, client;
	int		 proto;

	(void)state;
	ip_net_parse(&trusted[0], "127.0.0.0/8", 11);
	ip_net_parse(&trusted[1], "10.0.0.0/8", 10);
	ip_parse(&peer, "127.0.0.1", 9);
	assert_int_equal(forwarded_7239(&f, v, sizeof(v) - 1), 0);
	forwarded_walk(&f, &peer, trusted, 2, &client, &proto);
	assert_int_equal(proto, 2);
	forwarded_walk(&f, &peer, trusted, 1, &client, &proto);
	assert_int_equal(proto, 1);
	peer.b[0] = 192;
	forwarded_walk(&f, &peer, trusted, 2, &client, &proto);
	assert_int_equal(proto, 0);
}

static void
a_hidden_client_has_a_protocol(void **state)
{
	static const struct {
		const char	*text, *client;
		int		 proto;
	} row[] = {
		{ "for=unknown;proto=https", "127.0.0.1", 2 },
		{ "proto=http", "127.0.0.1", 1 },
		{ "for=_a;proto=https, for=10.0.0.1;proto=http", "10.0.0.1",
		    2 },
		{ "for=_a, for=10.0.0.1;proto=https", "10.0.0.1", 2 },
		{ "for=1;=, for=10.0.0.1;proto=https", "127.0.0.1", 0 },
		/* left of whom we do not trust anything may stand */
		{ "for=_a;proto=https, for=192.0.2.1", "192.0.2.1", 0 },
	};
	struct ip_net	 trusted[2];
	struct forwarded f;
	struct ip	 peer, client;
	char		 text[IP_STRLEN];
	size_t		 i;
	int		 proto;

	(void)state;
	ip_net_parse(&trusted[0], "127.0.0.0/8", 11);
	ip_net_parse(&trusted[1], "10.0.0.0/8", 10);
	ip_parse(&peer, "127.0.0.1", 9);
	for (i = 0; i < nitems(row); i++) {
		memset(&f, 0, sizeof(f));
		assert_int_equal(forwarded_7239(&f, row[i].text,
		    strlen(row[i].text)), 0);
		forwarded_walk(&f, &peer, trusted, 2, &client, &proto);
		if (strcmp(ip_str(&client, text), row[i].client) != 0 ||
		    proto != row[i].proto)
			fail_msg("row %zu: %s/%d", i, text, proto);
	}
}

static void
too_many_hops_are_refused(void **state)
{
	struct forwarded f = { .n = 0 };
	char		 big[5000];
	int		 i;

	(void)state;
	for (i = 0; i < FORWARDED_HOPS; i++)
		assert_int_equal(forwarded_xff(&f, "10.0.0.1", 8), 0);
	assert_int_equal(forwarded_xff(&f, "10.0.0.1", 8), -1);
	memset(&f, 0, sizeof(f));
	memset(big, ' ', sizeof(big));
	assert_int_equal(forwarded_xff(&f, big, sizeof(big)), -1);
	memset(&f, 0, sizeof(f));
	assert_int_equal(forwarded_7239(&f, big, sizeof(big)), -1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(values_are_read_strictly),
		cmocka_unit_test(only_trusted_proxies_are_believed),
		cmocka_unit_test(the_protocol_is_that_of_the_client_hop),
		cmocka_unit_test(a_hidden_client_has_a_protocol),
		cmocka_unit_test(too_many_hops_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
