/* SPDX-License-Identifier: ISC */
/* daemon/dns_ask.c, smtp_resolve.c: what resolv.conf and hosts say. */
#include "common/compat.h"

#include <sys/time.h>
#include <event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/dns_ask.h"
#include "daemon/smtp_resolve.h"

static void
resolv_conf_is_read(void **state)
{
	static const struct {
		const char	*text;
		const char	*ip[DNS_ASK_SERVERS];
	} rows[] = {
		{ "", { NULL } },
		{ "# nameserver 10.0.0.1\nsearch example.org\n", { NULL } },
		{ "nameserver 10.0.0.1", { "10.0.0.1" } },
		{ "\n \tnameserver\t10.0.0.1 # ours\r\n"
		    "nameserver fd00::1;x\n", { "10.0.0.1", "fd00::1" } },
		{ "nameservers 10.0.0.1\nnameserver\nnameserver x\n"
		    "nameserver 10.0.0.2\n", { "10.0.0.2" } },
		{ "nameserver 10.0.0.1\nnameserver 10.0.0.2\n"
		    "nameserver 10.0.0.3\nnameserver 10.0.0.4\n",
		    { "10.0.0.1", "10.0.0.2", "10.0.0.3" } },
	};
	struct ip	 ip[DNS_ASK_SERVERS];
	char		 text[IP_STRLEN];
	size_t		 i, k, n;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		n = dns_ask_read(rows[i].text, ip);
		for (k = 0; k < n; k++) {
			assert_non_null(rows[i].ip[k]);
			assert_string_equal(ip_str(&ip[k], text),
			    rows[i].ip[k]);
		}
		assert_true(k == DNS_ASK_SERVERS || rows[i].ip[k] == NULL);
	}
}

static void
answered(void *arg, const struct ip *ip, size_t n, const char *why)
{
	(void)why;
	assert_int_equal(n, 1);
	*(struct ip *)arg = *ip;
}

/* A name is looked up in the newest text. */
static void
hosts_can_change(void **state)
{
	static const char *const rows[][2] = {
		{ "127.0.0.1 localhost\n10.0.0.1\tmx relay.test # x\n",
		    "10.0.0.1" },
		{ "10.0.0.2 RELAY.test\n", "10.0.0.2" },
	};
	struct event_base	*base = event_init();
	struct ip		 ip;
	char			 text[IP_STRLEN];
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		smtp_resolve_hosts(rows[i][0]);
		assert_non_null(smtp_resolve("relay.test", answered, &ip));
		assert_int_not_equal(event_dispatch(), -1);
		assert_string_equal(ip_str(&ip, text), rows[i][1]);
	}
	smtp_resolve_free();
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(resolv_conf_is_read),
		cmocka_unit_test(hosts_can_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
