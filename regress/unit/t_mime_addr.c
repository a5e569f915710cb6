/* SPDX-License-Identifier: ISC */
/* worker/mime/mime_addr.c, by table. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIME_LAB_BYTES	(512UL << 20)
#include "regress/unit/mime_lab.h"

/*
 * What comes out is written as {group|name<email>,name<email>}, with "-" for
 * null.
 */
static const struct row {
	const char	*in, *out;
} rows[] = {
	{ "", "" },
	{ " ", "" },
	{ ",,;", "" },
	{ " a@b", "{-|-<a@b>}" },
	{ " a@b, c@d", "{-|-<a@b>,-<c@d>}" },
	{ " <a@b>", "{-|-<a@b>}" },
	{ " Jane <a@b>", "{-|Jane<a@b>}" },
	{ " Jane Q. Public <a@b>", "{-|Jane Q. Public<a@b>}" },
	{ " \"Doe, Jane\" <a@b>, x@y", "{-|Doe, Jane<a@b>,-<x@y>}" },
	{ " \"  James Smythe\" <james@example.com>, Friends:\r\n"
	    "  jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?=\r\n"
	    "  <john@example.com>;",		/* RFC 8621 4.1.2.3 */
	    "{-|James Smythe<james@example.com>}"
	    "{Friends|-<jane@example.com>,John Smîth<john@example.com>}" },
	{ " A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
	    "{A Group|Ed Jones<c@a.test>,-<joe@where.test>,"
	    "John<jdoe@one.test>}" },		/* RFC 5322 A.1.3 */
	{ " Undisclosed recipients:;", "{Undisclosed recipients|}" },
	{ " a@b, G:c@d;, e@f", "{-|-<a@b>}{G|-<c@d>}{-|-<e@f>}" },
	{ " G:a@b; H:c@d;", "{G|-<a@b>}{H|-<c@d>}" },
	{ " \"A: B\": x@y;", "{A: B|-<x@y>}" },
	{ " :a@b;, c@d", "{|-<a@b>}{-|-<c@d>}" },
	/* RFC 5322 A.5 */
	{ " Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
	    "{-|Pete<pete@silly.test>}" },
	{ "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)"
	    "public.example>,\r\n         joe@example.org,\r\n  John <jdoe@"
	    "one.test> (my dear friend); (the end of the group)",
	    "{A Group|Chris Jones<c@public.example>,-<joe@example.org>,"
	    "John<jdoe@one.test>}" },
	/* RFC 5322 A.6.1 */
	{ "Joe Q. Public <john.q.public@example.com>",
	    "{-|Joe Q. Public<john.q.public@example.com>}" },
	{ "Mary Smith <@node.test,@n2.test:mary@example.net>, , jdoe@test  ."
	    " example", "{-|Mary Smith<mary@example.net>,"
	    "-<jdoe@test.example>}" },
	/* comments as names */
	{ " a@b (Jane Doe)", "{-|Jane Doe<a@b>}" },
	{ " <a@b> (Jane)", "{-|Jane<a@b>}" },
	{ " Jane <a@b> (not this)", "{-|Jane<a@b>}" },
	{ " a@b (=?utf-8?q?Andr=C3=A9?=)", "{-|André<a@b>}" },
	{ " a@b (x \\) (y))", "{-|x ) (y)<a@b>}" },
	{ " (not this) a@b", "{-|-<a@b>}" },
	{ " a (not this) @b", "{-|-<a@b>}" },
	{ " a@b (Jane) (not this)", "{-|Jane<a@b>}" },
	{ " a@b (Jane), c@d (Joe)", "{-|Jane<a@b>,Joe<c@d>}" },
	{ " John (the) Doe <a@b>", "{-|John Doe<a@b>}" },
	{ " John(the)Doe (x) <a@b>", "{-|John Doe<a@b>}" },
	/* encoded words */
	{ " =?utf-8?q?Andr=C3=A9?= Pirard <a@b>", "{-|André Pirard<a@b>}" },
	{ " =?utf-8?q?Doe,_Jane?= <a@b>", "{-|Doe, Jane<a@b>}" },
	{ " \"=?utf-8?q?Andr=C3=A9?=\" <a@b>", "{-|André<a@b>}" },
	{ " \"x =?utf-8?q?Andr=C3=A9?=\" <a@b>",
	    "{-|x =?utf-8?q?Andr=C3=A9?=<a@b>}" },
	{ " =?utf-8?q?a?= =?utf-8?q?b?= \"c d\" <a@b>", "{-|ab c d<a@b>}" },
	{ " =?utf-8?q?a?=<a@b>", "{-|a<a@b>}" },
	/* quoting */
	{ " \"a \\\"b\\\" \\\\ c\" <a@b>", "{-|a \"b\" \\ c<a@b>}" },
	{ " \"a\r\n b\" <a@b>", "{-|a b<a@b>}" },
	{ " \"\" <a@b>", "{-|-<a@b>}" },
	{ " \"a b\"@c, d@e", "{-|-<\"a b\"@c>,-<d@e>}" },
	{ " <\"a,b\"@c>", "{-|-<\"a,b\"@c>}" },
	{ " a@[127.0.0.1]", "{-|-<a@[127.0.0.1]>}" },
	/* RFC 6532 */
	{ " Jøran <jøran@blåbær.example>",
	    "{-|Jøran<jøran@blåbær.example>}" },
	{ " J\xf8ran <a@b>", "{-|Jøran<a@b>}" },
	/* what should not be, and is */
	{ " Jane Doe a@b", "{-|Jane Doe<a@b>}" },
	{ " \"Jane Doe\" a@b", "{-|Jane Doe<a@b>}" },
	{ " <a@b", "{-|-<a@b>}" },
	{ " Jane <a@b, c@d", "{-|Jane<a@b>,-<c@d>}" },
	{ " Jane <a@b <c@d>", "{-|Jane<a@b>,-<c@d>}" },
	{ " <a@b> <c@d>", "{-|-<a@b>,-<c@d>}" },
	{ " a@b; c@d", "{-|-<a@b>,-<c@d>}" },
	{ " \"Jane <a@b>", "{-|Jane<a@b>}" },
	{ " (never ends a@b", "{-|(never ends<a@b>}" },
	{ " Jane", "{-|-<Jane>}" },
	{ " Jane <>", "{-|Jane<>}" },
	{ " <>", "" },
	{ " MAILER-DAEMON (Mail Delivery)",
	    "{-|Mail Delivery<MAILER-DAEMON>}" },
	{ " undisclosed recipients", "{-|-<undisclosed recipients>}" },
	{ " a @ b . c", "{-|-<a@b.c>}" },
	{ " \"joe@x.example\" <joe@x.example>",
	    "{-|joe@x.example<joe@x.example>}" },
	{ " a@b>, c@d", "{-|-<a@b>>,-<c@d>}" },
	{ " \\", "{-|-<\\>}" },
};

static void
add(char *to, const char *s)
{
	assert_true(strlcat(to, s, 1024) < 1024);
}

static void
show(const struct mime_addrs *v, char *to)
{
	const struct mime_group	*g;
	size_t			 i;

	to[0] = '\0';
	for (g = v->group; g < v->group + v->ngroup; g++) {
		add(to, "{");
		add(to, g->name == NULL ? "-" : g->name);
		add(to, "|");
		for (i = g->first; i < g->first + g->n; i++) {
			add(to, i == g->first ? "" : ",");
			add(to, v->addr[i].name == NULL ? "-" :
			    v->addr[i].name);
			add(to, "<");
			add(to, v->addr[i].email);
			add(to, ">");
		}
		add(to, "}");
	}
}

static void
address_lists(void **state)
{
	const struct row	*r;
	struct mime_addrs	 v;
	char			 got[1024];

	(void)state;
	for (r = rows; r < rows + nitems(rows); r++) {
		assert_int_equal(mime_addr_list(&a, (const uint8_t *)r->in,
		    strlen(r->in), &v), 0);
		assert_non_null(v.addr);
		show(&v, got);
		assert_string_equal(got, r->out);
	}
}

/* Hostile fields: bounded, and in linear time. */
static void
long_lists(void **state)
{
	static const char *const units[] = { "a@b,", "<", "\"", "(", "\\\"",
	    "<\",", "<a,", "=?", "=?a?q?", "a:", "()", "(\\", ";:" };
	struct mime_addrs	 v;
	uint8_t			*s;
	size_t			 i, j, k, n = MIME_VALUE;

	(void)state;
	s = malloc(n);
	assert_non_null(s);
	for (i = 0; i < nitems(units); i++) {
		k = strlen(units[i]);
		for (j = 0; j < n; j++)
			s[j] = units[i][j % k];
		assert_int_equal(mime_addr_list(&a, s, n, &v), 0);
		assert_true(v.n <= MIME_ADDRS);
	}
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_lists),
		cmocka_unit_test(long_lists),
	};

	return cmocka_run_group_tests(tests, up, down);
}
