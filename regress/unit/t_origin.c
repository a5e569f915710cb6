/* SPDX-License-Identifier: ISC */
/* common/origin.c and common/glob.c: what matches, and what must not. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/glob.h"
#include "common/origin.h"

static void
entries_are_read_strictly(void **state)
{
	static const struct { const char *text; int ok; } rows[] = {
		{ "https://mail.example.com", 1 },
		{ "HTTPS://Mail.Example.com", 1 },
		{ "https://mail.example.com:8443", 1 },
		{ "https://*.example.org credentials", 1 },
		{ "http://localhost:3000", 1 }, { "http://127.0.0.1", 1 },
		{ "https://[2001:db8::1]:8443", 1 },
		{ "https://[2001:DB8::A]", 1 },
		{ "https://[2001:db8:0::1]", 0 }, { "https://[0::1]", 0 },
		{ "https://[2001:0db8::1]:8443", 0 },
		{ "*", 0 }, { "null", 0 }, { "", 0 }, { "https://", 0 },
		{ "https://*", 0 }, { "https://*.org", 0 },
		{ "https://a.*.org", 0 }, { "https://*a.example.org", 0 },
		{ "http://example.com", 0 }, { "https://a.example/", 0 },
		{ "https://a.example:443", 0 }, { "http://localhost:80", 0 },
		{ "https://a.example:070", 0 }, { "https://a..example", 0 },
		{ "https://u@a.example", 0 }, { "ftp://a.example", 0 },
		{ "https://a.example cookies", 0 },
		{ "https://a.example:99999", 0 }, { "https://a.example:", 0 },
	};
	struct origin	 o;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++)
		if ((origin_parse(&o, rows[i].text) == NULL) != rows[i].ok)
			fail_msg("%s", rows[i].text);
}

static void
only_meant_origins_match(void **state)
{
	static const struct { const char *entry, *origin; int ok; } rows[] = {
		{ "https://a.example", "https://a.example", 1 },
		{ "https://a.example", "https://a.example.evil.test", 0 },
		{ "https://a.example", "https://xa.example", 0 },
		{ "https://a.example", "http://a.example", 0 },
		{ "https://a.example", "https://a.example:8443", 0 },
		{ "https://*.b.example", "https://a.b.example", 1 },
		{ "https://*.b.example", "https://b.example", 0 },
		{ "https://*.b.example", "https://x.a.b.example", 0 },
		{ "https://*.b.example", "https://.b.example", 0 },
		{ "https://*.b.example", "https://evilb.example", 0 },
		{ "https://*.b.example", "https://a.b.example:1", 0 },
		{ "https://*.b.example:8443", "https://a.b.example:8443", 1 },
	};
	struct origin	 o;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		assert_null(origin_parse(&o, rows[i].entry));
		if (origin_match(&o, rows[i].origin, strlen(rows[i].origin))
		    != rows[i].ok)
			fail_msg("%s %s", rows[i].entry, rows[i].origin);
	}
}

static void
what_browsers_do_not_send_is_none(void **state)
{
	static const char *const bad[] = {
		"null", "", "https://", "https://A.example", "https://a/",
		"https://a b", "https://a,https://b", "https://a:443",
		"https://a\\", "https://[::1", "https://[1.2.3.4]",
		"https://*.a", "file://",
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(bad); i++)
		if (origin_valid(bad[i], strlen(bad[i])))
			fail_msg("%s", bad[i]);
	assert_true(origin_valid("https://a.example:8443", 22));
	assert_true(origin_valid("https://[::1]:3000", 18));
}

static void
patterns_match(void **state)
{
	static const struct { const char *p, *s; int nocase, ok; } rows[] = {
		{ "/a", "/a", 0, 1 }, { "/a", "/A", 0, 0 },
		{ "/a", "/A", 1, 1 }, { "*", "", 0, 1 }, { "", "", 0, 1 },
		{ "", "a", 0, 0 }, { "/jmap/*", "/jmap/", 0, 1 },
		{ "/jmap/*", "/jmap", 0, 0 }, { "*.php*", "/x.PhP?", 1, 1 },
		{ "*/wp-*", "/wp-login", 0, 1 }, { "a*b*c", "a1b2bc", 0, 1 },
		{ "a*b*c", "a1b2bd", 0, 0 }, { "**a", "bbba", 0, 1 },
	};
	static char	 many[4001], stars[64];
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++)
		if (glob_match(rows[i].p, rows[i].s, rows[i].nocase) !=
		    rows[i].ok)
			fail_msg("%s %s", rows[i].p, rows[i].s);
	/* what makes a careless matcher take for ever */
	memset(many, 'a', sizeof(many) - 1);
	for (i = 0; i + 3 < sizeof(stars); i += 2)
		memcpy(stars + i, "a*", 2);
	stars[i] = 'b';
	assert_false(glob_match(stars, many, 0));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(entries_are_read_strictly),
		cmocka_unit_test(only_meant_origins_match),
		cmocka_unit_test(what_browsers_do_not_send_is_none),
		cmocka_unit_test(patterns_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
