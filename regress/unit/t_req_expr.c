/* SPDX-License-Identifier: ISC */
/* common/req_expr.c and the rules of hdr_check.c. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/conf.h"
#include "common/hdr_check.h"
#include "common/req_expr.h"


static void
lists_need_if_then_and_one_else(void **state)
{
	static const struct {
		const char	*v[6];
		int		 n, fixed;	/* n rules, -1: refused */
	} rows[] = {
		{ { "200" }, 1, 1 },
		{ { "if is_tls", "then 200", "else 404" }, 2, 0 },
		{ { "if(1)", "then(200)", "else 404" }, 2, 1 },
		{ { "if 1", "then 2", "if 3", "then 4", "else 5" }, 3, 1 },
		{ { "starts_with(url_path,'/api') && "
		    "remote_ip != '127.0.0.1'" }, 1, 0 },
		{ { "contains(['jmap','robots.txt'], "
		    "split(url_path,'/')[1])" }, 1, 0 },
		{ { "key_get('default', 'hostname')" }, 1, 1 },
		{ { "if 1", "then 2" }, -1, 0 },
		{ { "else 2" }, -1, 0 },
		{ { "if 1", "else 2" }, -1, 0 },
		{ { "if 1", "then 2", "else 3", "else 4" }, -1, 0 },
		{ { "if 1 +", "then 2", "else 3" }, -1, 0 },
		{ { "nobody_knows" }, -1, 0 },
		{ { "key_get('other', 'key')" }, -1, 0 },
	};
	struct req_expr	 x;
	struct conf_strs l;
	const char	*v[6];
	char		 err[EXPR_ERR], *w[6];
	size_t		 i, k;
	int		 ret;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		memcpy(v, rows[i].v, sizeof(v));
		memcpy(w, v, sizeof(w));
		l.v = w;
		for (k = 0; k < 6 && v[k] != NULL; k++)
			continue;
		l.n = k;
		ret = req_expr_list(&x, &l, err);
		if (ret != (rows[i].n == -1 ? -1 : 0))
			fail_msg("%s: %s", v[0], ret ? err : "accepted");
		if (ret == 0) {
			assert_int_equal(x.n, rows[i].n);
			assert_int_equal(x.fixed, rows[i].fixed);
		} else
			assert_true(err[0] != '\0');
		req_expr_free(&x);
	}
}

static void
urls_lose_what_says_nothing(void **state)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "https://a:443", "https://a" },
		{ "https://a:443/x", "https://a/x" },
		{ "https://a:80", "https://a:80" },
		{ "http://a:80/", "http://a" },
		{ "http://a:8080//", "http://a:8080" },
		{ "https://[::1]:443", "https://[::1]" },
		{ "https://a:4433", "https://a:4433" },
	};
	char	 url[64];
	size_t	 i, n;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		strlcpy(url, rows[i].in, sizeof(url));
		n = req_expr_trim(url, strlen(url));
		assert_string_equal(url, rows[i].out);
		assert_int_equal(n, strlen(url));
	}
	assert_false(req_expr_url("https://a@b", 11));
	assert_false(req_expr_url("https://a/?x", 12));
	assert_false(req_expr_url("//a", 3));
	assert_true(req_expr_url("https://a.b:1/c", 15));
	assert_true(req_expr_url("https://[::1]:65535", 19));
	assert_true(req_expr_url("http://[::1]/", 13));
	assert_false(req_expr_url("https://a.b:", 12));
	assert_false(req_expr_url("https://a.b:/", 13));
	assert_false(req_expr_url("https://a.b:0", 13));
	assert_false(req_expr_url("https://a.b:65536", 17));
	assert_false(req_expr_url("https://a.b:1x", 14));
	assert_false(req_expr_url("https://a:b:1", 13));
	assert_false(req_expr_url("https://[::1", 12));
}

static const struct {
	const char	*name, *value, *class, *status, *path;
	int		 remove, cors, ok;
} rules[] = {
	{ "X-A", "b", NULL, NULL, NULL, 0, 0, 1 },
	{ "X-A", "", NULL, NULL, NULL, 0, 0, 0 },
	{ "X-A", "", NULL, NULL, NULL, 1, 0, 1 },
	{ "X-A", "b", NULL, NULL, NULL, 1, 0, 0 },
	{ "X_A", "b", NULL, NULL, NULL, 0, 0, 0 },
	{ "", "b", NULL, NULL, NULL, 0, 0, 0 },
	{ "X-A", "b\r\nSet-Cookie: c", NULL, NULL, NULL, 0, 0, 0 },
	{ "X-A", "b\x7f", NULL, NULL, NULL, 0, 0, 0 },
	{ "Content-Length", "1", NULL, NULL, NULL, 0, 0, 0 },
	{ "Date", "", NULL, NULL, NULL, 1, 0, 0 },
	{ "Content-Type", "text/plain", NULL, NULL, NULL, 0, 0, 0 },
	{ "Content-Type", "text/plain", "download", NULL, NULL, 0, 0, 1 },
	{ "Content-Type", "text/plain", NULL, NULL, "/x", 0, 0, 1 },
	{ "Access-Control-Allow-Origin", "*", NULL, NULL, NULL, 0, 0, 1 },
	{ "Access-Control-Allow-Origin", "*", NULL, NULL, NULL, 0, 1, 0 },
	{ "X-A", "b", "blob", NULL, NULL, 0, 0, 0 },
	{ "X-A", "b", NULL, "404", NULL, 0, 0, 1 },
	{ "X-A", "b", NULL, "5xx", NULL, 0, 0, 1 },
	{ "X-A", "b", NULL, "6xx", NULL, 0, 0, 0 },
	{ "X-A", "b", NULL, "4x", NULL, 0, 0, 0 },
	{ "X-A", "b", NULL, NULL, "jmap", 0, 0, 0 },
};

static void
rule_list(struct conf_strs *l, char *v[1], const char *s)
{
	l->v = v;
	v[0] = s == NULL ? NULL : strdup(s);
	l->n = s != NULL;
}

static void
rules_are_checked(void **state)
{
	struct conf_header	 h;
	const char		*opt;
	char			 err[256], *v[3];
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(rules); i++) {
		memset(&h, 0, sizeof(h));
		h.name = strdup(rules[i].name);
		h.value = strdup(rules[i].value);
		h.verb = rules[i].remove ? CONF_REMOVE : CONF_SET;
		rule_list(&h.class, &v[0], rules[i].class);
		rule_list(&h.status, &v[1], rules[i].status);
		rule_list(&h.path, &v[2], rules[i].path);
		if ((hdr_check_rule(&h, rules[i].cors, &opt, err, sizeof(err)) ==
		    0) != rules[i].ok)
			fail_msg("row %zu", i);
		free(h.name);
		free(h.value);
		free(v[0]);
		free(v[1]);
		free(v[2]);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(lists_need_if_then_and_one_else),
		cmocka_unit_test(urls_lose_what_says_nothing),
		cmocka_unit_test(rules_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
