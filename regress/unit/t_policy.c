/* SPDX-License-Identifier: ISC */
/* worker/policy: the table of classes and what may change it. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/conf.h"
#include "worker/policy/policy.h"

static const char	order[] = "ASKBEHTOWRPLX";	/* enum http_class */

/*
 * security.md 1.2, one line a field and class set: what the value must
 * contain, or NULL for "not there".  on: 'o' answers below 400, 'e' errors,
 * '*' both.
 */
static const struct {
	const char	*name, *classes, *has;
	char		 on;
} table[] = {
	{ "Content-Security-Policy", "ASKETWRPLX",
	    "default-src 'none'; frame-ancestors 'none'", '*' },
	{ "Content-Security-Policy", "B", "sandbox; default-src 'none'", '*' },
	{ "Content-Security-Policy", "H", "require-trusted-types-for", '*' },
	{ "Content-Security-Policy", "O", "form-action 'self'", '*' },
	{ "X-Content-Type-Options", "ASKBEHTOWRPLX", "nosniff", '*' },
	{ "X-Frame-Options", "ASKBHORLX", "DENY", '*' },
	{ "X-Frame-Options", "ETWP", NULL, '*' },
	{ "Referrer-Policy", "ASKBEHTOWRLX", "no-referrer", '*' },
	{ "Referrer-Policy", "P", NULL, '*' },
	{ "Cross-Origin-Resource-Policy", "ASKBEHTOWRLX", "same-origin", '*' },
	{ "Cross-Origin-Resource-Policy", "P", NULL, '*' },
	{ "Cross-Origin-Opener-Policy", "BHO", "same-origin", '*' },
	{ "Cross-Origin-Opener-Policy", "ASKETWRPLX", NULL, '*' },
	{ "Cross-Origin-Embedder-Policy", "HO", "require-corp", '*' },
	{ "Cross-Origin-Embedder-Policy", "ASKBETWRPLX", NULL, '*' },
	/* seeds/004 has these two in the order of the alphabet */
	{ "Permissions-Policy", "BHO",
	    "hid=(), idle-detection=(), interest-cohort=(), magnetometer=()",
	    '*' },
	{ "Permissions-Policy", "ASKETWRPLX", NULL, '*' },
	{ "X-XSS-Protection", "HO", "0", '*' },
	{ "X-XSS-Protection", "ASKBETWRPLX", NULL, '*' },
	{ "Origin-Agent-Cluster", "HO", "?1", '*' },
	{ "X-Permitted-Cross-Domain-Policies", "ASKBEHTOWRLX", "none", '*' },
	{ "X-Permitted-Cross-Domain-Policies", "P", NULL, '*' },
	{ "X-Robots-Tag", "ASKBEHOLX", "noindex, nofollow", '*' },
	{ "X-Robots-Tag", "TWRP", NULL, '*' },
	{ "Cache-Control", "AKORPLX", "no-store", '*' },
	{ "Cache-Control", "S", "no-cache, no-store", '*' },
	{ "Cache-Control", "B", "private, immutable", 'o' },
	{ "Cache-Control", "E", "no-transform", '*' },
	{ "Cache-Control", "T", "public, max-age=31536000, immutable", 'o' },
	{ "Cache-Control", "W", "public, max-age=3600", 'o' },
	{ "Cache-Control", "H", "no-cache", 'o' },
	{ "Cache-Control", "BTWH", "no-store", 'e' },
	{ "Pragma", "KO", "no-cache", '*' },
	{ "Pragma", "ASBEHTWRPLX", NULL, '*' },
	{ "Vary", "P", "Access-Control-Request-Headers", '*' },
	{ "Clear-Site-Data", "L", "storage", 'o' },
	{ "Clear-Site-Data", "ASKBEHTOWRPX", NULL, '*' },
	{ "Access-Control-Allow-Origin", "ASKBEHTORPLX", NULL, '*' },
	{ "Access-Control-Allow-Origin", "W", "*", '*' },
	{ "Strict-Transport-Security", "ASKBEHTOWRPLX", NULL, '*' },
	{ "Server", "ASKBEHTOWRPLX", NULL, '*' },
};

static struct conf	conf;

static void
compose(struct block *b, enum http_class class, int secure, int error)
{
	struct block_ctx	 x = { &conf, class, secure, error };
	size_t			 i;

	block_init(b);
	class_compose(b, &x);
	custom_compose(b, &x);
	cors_compose(b, &x);
	hsts_compose(b, &x);
	for (i = 0; i < b->n; i++)
		assert_true(b->line[i].off + b->line[i].len <= b->text.len);
}

/* 1 if the field holds the text (NULL: is absent), and stands once. */
static int
holds(const struct block *b, const char *name, const char *has)
{
	const char	*v, *p;
	size_t		 len, n = 0, k = strlen(name);
	struct buf	 all;

	v = block_get(b, name, &len);
	if (has == NULL)
		return v == NULL;
	buf_init(&all, 65536);
	buf_add(&all, b->text.data, b->text.len);
	for (p = buf_str(&all); (p = strstr(p, name)) != NULL; p += k)
		n += (p == (char *)all.data || p[-1] == '\n') && p[k] == ':';
	buf_free(&all);
	return v != NULL && n == 1 && memmem(v, len, has, strlen(has)) != NULL;
}

static void
each_class_has_its_fields(void **state)
{
	struct block	 b;
	const char	*c;
	size_t		 i;
	int		 error;

	(void)state;
	memset(&conf, 0, sizeof(conf));
	assert_int_equal(strlen(order), HTTP_CLASSES);
	for (i = 0; i < nitems(table); i++)
		for (c = table[i].classes; *c != '\0'; c++)
			for (error = 0; error < 2; error++) {
				if (table[i].on == (error ? 'o' : 'e'))
					continue;
				compose(&b, (enum http_class)
				    (strchr(order, *c) - order), 1, error);
				if (!holds(&b, table[i].name, table[i].has))
					fail_msg("%s of class %c error %d",
					    table[i].name, *c, error);
				block_free(&b);
			}
}

static void
hsts_is_for_tls_only(void **state)
{
	char		*own[] = { (char[]){
			    "strict-transport-security: max-age=5" } };
	struct block	 b;
	int		 class, error;

	(void)state;
	memset(&conf, 0, sizeof(conf));
	conf.hsts = 1;
	conf.hsts_max_age = 31536000000;
	conf.hsts_subdomains = 1;
	for (class = 0; class < HTTP_CLASSES; class++)
		for (error = 0; error < 2; error++) {
			compose(&b, (enum http_class)class, 1, error);
			assert_true(holds(&b, "Strict-Transport-Security",
			    "max-age=31536000; includeSubDomains"));
			block_free(&b);
			compose(&b, (enum http_class)class, 0, error);
			assert_true(holds(&b, "Strict-Transport-Security",
			    NULL));
			block_free(&b);
		}
	/* what the administrator wrote is stripped as well */
	conf.hsts = 0;
	conf.headers.v = own;
	conf.headers.n = 1;
	compose(&b, HTTP_A, 0, 0);
	assert_true(holds(&b, "strict-transport-security", NULL));
	block_free(&b);
	compose(&b, HTTP_A, 1, 0);
	assert_true(holds(&b, "strict-transport-security", "max-age=5"));
	block_free(&b);
}

static void
permissive_cors_is_on_everything(void **state)
{
	struct block	 b;
	int		 i;

	(void)state;
	memset(&conf, 0, sizeof(conf));
	conf.permissive_cors = 1;
	for (i = 0; i < HTTP_CLASSES * 4; i++) {
		compose(&b, (enum http_class)(i / 4), i / 2 % 2, i % 2);
		assert_true(holds(&b, "Access-Control-Allow-Origin", "*"));
		assert_true(holds(&b, "Access-Control-Allow-Headers",
		    "Authorization, Content-Type, Accept, X-Requested-With"));
		assert_true(holds(&b, "Access-Control-Allow-Methods",
		    "POST, GET, PATCH, PUT, DELETE, HEAD, OPTIONS"));
		assert_true(holds(&b, "Access-Control-Allow-Credentials",
		    NULL));
		block_free(&b);
	}
}

static void
custom_headers_replace_what_is_not_locked(void **state)
{
	char		*own[] = {
		(char[]){ "Cache-Control: max-age=3600" },
		(char[]){ "server:  Stalwart JMAP " },
		(char[]){ "Content-Security-Policy: default-src *" },
		(char[]){ "X-Content-Type-Options: sniff" },
		(char[]){ "Content-Disposition: inline" },
		(char[]){ "X-A: first" },
		(char[]){ "x-a: second" },
	};
	struct block	 b;

	(void)state;
	memset(&conf, 0, sizeof(conf));
	conf.headers.v = own;
	conf.headers.n = nitems(own);
	compose(&b, HTTP_A, 1, 0);
	assert_true(holds(&b, "Cache-Control", "max-age=3600"));
	assert_true(holds(&b, "server", "Stalwart JMAP"));
	assert_true(holds(&b, "Content-Security-Policy", "default-src *"));
	assert_true(holds(&b, "x-a", "second"));
	assert_true(holds(&b, "X-A", NULL) == 0);
	block_free(&b);
	compose(&b, HTTP_K, 1, 0);
	assert_true(holds(&b, "Cache-Control", "no-store"));
	assert_true(holds(&b, "server", "Stalwart JMAP"));
	block_free(&b);
	compose(&b, HTTP_B, 1, 0);
	assert_true(holds(&b, "Content-Security-Policy", "sandbox"));
	assert_true(holds(&b, "X-Content-Type-Options", "nosniff"));
	assert_true(holds(&b, "Content-Disposition", NULL));
	block_free(&b);
}

static void
a_handlers_field_goes_by_rank(void **state)
{
	static const struct block_field	 f[] = {
		{ "cache-control", "private", 13, 7 },
		{ "Server", "mine", 6, 4 },
		{ "X-Content-Type-Options", "x", 22, 1 },
		{ "Allow", "GET", 5, 3 },
	};
	struct block	 b;
	struct buf	 out;
	const char	*s;

	(void)state;
	block_init(&b);
	block_set(&b, "Cache-Control", "no-store", BLOCK_DEFAULT);
	block_set(&b, "Server", "theirs", BLOCK_CUSTOM);
	block_set(&b, "X-Content-Type-Options", "nosniff", BLOCK_LOCKED);
	block_set(&b, "X-Content-Type-Options", "no", BLOCK_CUSTOM);
	buf_init(&out, 4096);
	block_write(&b, f, nitems(f), &out);
	s = buf_str(&out);
	assert_null(strstr(s, "no-store"));
	assert_non_null(strstr(s, "cache-control: private\r\n"));
	assert_non_null(strstr(s, "Server: theirs\r\n"));
	assert_null(strstr(s, "mine"));
	assert_non_null(strstr(s, "X-Content-Type-Options: nosniff\r\n"));
	assert_null(strstr(s, "X-Content-Type-Options: x"));
	assert_non_null(strstr(s, "Allow: GET\r\n"));
	buf_reset(&out);
	block_write(&b, f + 3, 1, &out);
	assert_string_equal(buf_str(&out), "Cache-Control: no-store\r\n"
	    "Server: theirs\r\nX-Content-Type-Options: nosniff\r\n"
	    "Allow: GET\r\n");
	block_remove(&b, "SERVER");
	assert_int_equal(b.n, 2);
	buf_reset(&out);
	block_write(&b, NULL, 0, &out);
	assert_string_equal(buf_str(&out), "Cache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n");
	buf_free(&out);
	block_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(each_class_has_its_fields),
		cmocka_unit_test(hsts_is_for_tls_only),
		cmocka_unit_test(permissive_cors_is_on_everything),
		cmocka_unit_test(custom_headers_replace_what_is_not_locked),
		cmocka_unit_test(a_handlers_field_goes_by_rank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
