/* SPDX-License-Identifier: ISC */
/* common/push_url.c and ip_global.c: where a stranger may send us. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/conf.h"
#include "common/ip.h"
#include "common/push_url.h"

static void
urls_by_their_origin(void **state)
{
	static const struct {
		const char	*url, *origin;	/* NULL: refused */
		int		 literal;
	} rows[] = {
		{ "https://push.example.net/a?b=c", "https://push.example.net",
		    0 },
		{ "https://Push.Example.NET:443", "https://push.example.net",
		    0 },
		{ "https://push.example.net:8443/",
		    "https://push.example.net:8443", 0 },
		{ "https://xn--bcher-kva.example?x", "https://xn--bcher-kva."
		    "example", 0 },
		{ "https://a.b/%41;~!$&'()*+,=:@-._", "https://a.b", 0 },
		{ "https://localhost:1/", "https://localhost:1", 0 },
		{ "https://127.0.0.1:99/x", "https://127.0.0.1:99", 1 },
		{ "https://[::1]/", "https://[::1]", 1 },
		{ "https://[::ffff:10.0.0.1]:5", "https://10.0.0.1:5", 1 },
		{ "https://[2001:DB8::1]", "https://[2001:db8::1]", 1 },
		{ "http://a.b/", NULL, 0 },
		{ "HTTPS://a.b/", NULL, 0 },
		{ "https:/a.b/", NULL, 0 },
		{ "https://", NULL, 0 },
		{ "https:///x", NULL, 0 },
		{ "https://u@a.b/", NULL, 0 },
		{ "https://u:p@a.b/", NULL, 0 },
		{ "https://a.b#c", NULL, 0 },
		{ "https://a.b/#", NULL, 0 },
		{ "https://a.b/a b", NULL, 0 },
		{ "https://a.b/\\", NULL, 0 },
		{ "https://a.b\\@c.d/", NULL, 0 },
		{ "https://a.b/%4", NULL, 0 },
		{ "https://a.b/%zz", NULL, 0 },
		{ "https://a.b/\xc3\xbc", NULL, 0 },
		{ "https://\xc3\xbc.b/", NULL, 0 },
		{ "https://a.b/\r\nX: y", NULL, 0 },
		{ "https://a.b:/", NULL, 0 },
		{ "https://a.b:0/", NULL, 0 },
		{ "https://a.b:65536/", NULL, 0 },
		{ "https://a.b:0443/", NULL, 0 },
		{ "https://a.b:+1/", NULL, 0 },
		{ "https://.b/", NULL, 0 },
		{ "https://a..b/", NULL, 0 },
		{ "https://a.b./", NULL, 0 },
		{ "https://-a.b/", NULL, 0 },
		{ "https://a-.b/", NULL, 0 },
		{ "https://a_b.c/", NULL, 0 },
		{ "https://a%2eb/", NULL, 0 },
		/* what some resolver takes for 127.0.0.1 */
		{ "https://127.1/", NULL, 0 },
		{ "https://2130706433/", NULL, 0 },
		{ "https://0x7f000001/", NULL, 0 },
		{ "https://0x7f.0.0.1/", NULL, 0 },
		{ "https://0177.0.0.1/", NULL, 0 },
		{ "https://a.127/", NULL, 0 },
		{ "https://[127.0.0.1]/", NULL, 0 },
		{ "https://::1/", NULL, 0 },
		{ "https://[::1%25lo]/", NULL, 0 },
		{ "https://[::1/", NULL, 0 },
		{ "https://[]/", NULL, 0 },
		{ "https://[v1.x]/", NULL, 0 },
	};
	struct push_url	 u;
	const char	*why;
	char		*copy;
	size_t		 i, n;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		n = strlen(rows[i].url);
		copy = malloc(n + 1);
		memcpy(copy, rows[i].url, n);	/* no NUL behind it */
		why = push_url_parse(&u, copy, n);
		free(copy);
		if (rows[i].origin == NULL) {
			if (why == NULL)
				fail_msg("%s is taken", rows[i].url);
			continue;
		}
		if (why != NULL)
			fail_msg("%s: %s", rows[i].url, why);
		assert_string_equal(u.origin, rows[i].origin);
		assert_int_equal(u.literal, rows[i].literal);
	}
}

static void
long_urls_and_names_are_refused(void **state)
{
	struct push_url	 u;
	char		 url[PUSH_URL_MAX + 2], name[400];

	(void)state;
	memset(url, 'a', sizeof(url));
	memcpy(url, "https://a.b/", 12);
	assert_null(push_url_parse(&u, url, PUSH_URL_MAX));
	assert_non_null(push_url_parse(&u, url, PUSH_URL_MAX + 1));
	memset(name, 'a', sizeof(name));
	memcpy(name, "https://", 8);
	assert_null(push_url_parse(&u, name, 8 + 63));
	assert_non_null(push_url_parse(&u, name, 8 + 64));
	name[8 + 50] = name[8 + 101] = name[8 + 152] = name[8 + 203] = '.';
	assert_null(push_url_parse(&u, name, 8 + 253));
	assert_non_null(push_url_parse(&u, name, 8 + 254));
}

static void
ports_and_addresses_only_as_the_configuration_says(void **state)
{
	char		 p8443[] = "8443", *v[] = { p8443 };
	struct conf_strs none = { NULL, 0 }, ports = { v, 1 };
	struct push_url	 u;

	(void)state;
#define URL(s)	assert_null(push_url_parse(&u, s, strlen(s)))
	URL("https://a.b/");
	assert_null(push_url_allowed(&u, &none, ""));
	assert_non_null(push_url_allowed(&u, &ports, ""));
	URL("https://a.b:8443/");
	assert_non_null(push_url_allowed(&u, &none, ""));
	assert_null(push_url_allowed(&u, &ports, ""));
	URL("https://192.0.2.1/");
	assert_non_null(push_url_allowed(&u, &none, ""));
	URL("https://intranet/");
	assert_non_null(push_url_allowed(&u, &none, ""));
	URL("https://localhost:4443/");
	assert_non_null(push_url_allowed(&u, &none, ""));
	assert_non_null(push_url_allowed(&u, &none, "https://localhost:4444"));
	assert_null(push_url_allowed(&u, &none, "https://localhost:4443"));
}

static void
global_addresses_and_others(void **state)
{
	static const struct {
		const char	*ip;
		int		 global;
	} rows[] = {
		{ "1.1.1.1", 1 }, { "93.184.216.34", 1 }, { "11.0.0.0", 1 },
		{ "172.15.255.255", 1 }, { "172.32.0.0", 1 },
		{ "100.63.255.255", 1 }, { "100.128.0.0", 1 },
		{ "223.255.255.255", 1 },
		{ "0.0.0.0", 0 }, { "0.1.2.3", 0 }, { "10.0.0.1", 0 },
		{ "100.64.0.1", 0 }, { "127.0.0.1", 0 },
		{ "127.255.255.254", 0 }, { "169.254.169.254", 0 },
		{ "172.16.0.1", 0 }, { "172.31.255.255", 0 },
		{ "192.0.0.8", 0 }, { "192.0.2.1", 0 }, { "192.88.99.1", 0 },
		{ "192.168.1.1", 0 }, { "198.18.0.1", 0 },
		{ "198.19.255.255", 0 }, { "198.51.100.1", 0 },
		{ "203.0.113.1", 0 }, { "224.0.0.1", 0 },
		{ "239.255.255.255", 0 }, { "240.0.0.1", 0 },
		{ "255.255.255.255", 0 },
		{ "2600::1", 1 }, { "2a00:1450:4001::1", 1 },
		{ "2001:4860:4860::8888", 1 },
		{ "64:ff9b::1.1.1.1", 1 },
		{ "::", 0 }, { "::1", 0 }, { "::127.0.0.1", 0 },
		{ "::ffff:127.0.0.1", 0 }, { "::ffff:10.0.0.1", 0 },
		{ "64:ff9b::10.0.0.1", 0 }, { "64:ff9b::127.0.0.1", 0 },
		{ "64:ff9b:1::1.1.1.1", 0 }, { "100::1", 0 },
		{ "2001::1", 0 }, { "2001:db8::1", 0 },
		{ "2002:7f00:1::1", 0 }, { "2002:101:101::1", 0 },
		{ "3fff::1", 0 }, { "4000::1", 0 }, { "5f00::1", 0 },
		{ "fc00::1", 0 }, { "fd12::1", 0 }, { "fe80::1", 0 },
		{ "fec0::1", 0 }, { "ff02::1", 0 },
	};
	struct ip	 ip;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		assert_int_equal(ip_parse(&ip, rows[i].ip,
		    strlen(rows[i].ip)), 0);
		if (ip_global(&ip) != rows[i].global)
			fail_msg("%s", rows[i].ip);
	}
	memset(&ip, 0, sizeof(ip));
	assert_int_equal(ip_global(&ip), 0);
	ip.af = IP_UNIX;
	assert_int_equal(ip_global(&ip), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(urls_by_their_origin),
		cmocka_unit_test(long_urls_and_names_are_refused),
		cmocka_unit_test(
		    ports_and_addresses_only_as_the_configuration_says),
		cmocka_unit_test(global_addresses_and_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
