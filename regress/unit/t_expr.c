/* SPDX-License-Identifier: ISC */
/*
 * common/expr*.c: precedence, coercions, every function, by table; and what
 * is wrong is refused with the column it stands in.
 */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/expr.h"

static const char *const	vars[] = { "remote_ip", "url_path", "port",
				    "nothing", NULL };

static int
key_known(const char *store, const char *key)
{
	return strcmp(key, "hostname") == 0 &&
	    (store == NULL || strcmp(store, "default") == 0);
}

static int
var(void *arg, size_t i, struct expr_val *v)
{
	(void)arg;
	if (i == 0)
		*v = expr_val_str("192.0.2.7", 9);
	else if (i == 1)
		*v = expr_val_str("/api/principal", 14);
	else if (i == 2)
		*v = expr_val_int(8080);
	else
		return -1;
	return 0;
}

static int
key(void *arg, struct slice store, struct slice k, struct expr_val *v)
{
	(void)arg;
	(void)store;
	(void)k;
	*v = expr_val_str("mx.example.org", 14);
	return 0;
}

static const struct expr_scope	scope = { vars, key_known };

static const struct good {
	const char	*text, *value;
} good[] = {
	/* literals */
	{ "1", "1" }, { "1.50", "1.5" }, { "'a'", "a" }, { "\"b\"", "b" },
	{ "true", "1" }, { "false", "0" }, { "10s", "10000" },
	{ "5m", "300000" }, { "100ms", "100" }, { "2d", "172800000" },
	{ "'it\\'s'", "it's" }, { "'a\\nb'", "a\nb" }, { "''", "" },
	/* precedence and association */
	{ "1 + 2 * 3", "7" }, { "(1 + 2) * 3", "9" }, { "7 - 2 - 1", "4" },
	{ "2 * 3 + 4 * 5", "26" }, { "1 + 1 == 2", "1" },
	{ "1 < 2 == true", "1" }, { "0 == 1 ^ 1", "1" },
	{ "1 ^ 1 && 0", "0" }, { "1 || 0 && 0", "1" },
	{ "!0 + 1", "2" }, { "-2 * -3", "6" }, { "!!5", "1" },
	{ "- 2 - -2", "0" }, { "1 => 1", "1" }, { "1 =< 0", "0" },
	{ "1 & 0 | 1", "1" }, { "3 = 3", "1" },
	{ "1 != 2", "1" }, { "2 >= 3", "0" }, { "2 > 1", "1" },
	/* short circuit: the right side has no value */
	{ "0 && nothing", "0" }, { "1 || nothing", "1" },
	{ "'x' && 'y'", "1" }, { "'' || 0.0", "0" },
	/* coercions */
	{ "'a' + 1", "a1" }, { "1 + '2'", "12" }, { "'3' * '4'", "12" },
	{ "'10' == 10", "1" }, { "'x' == 0", "1" }, { "'' == 0", "1" },
	{ "10 > '9'", "1" }, { "'10' > '9'", "0" }, { "7 / 2", "3.5" },
	{ "4 / 2", "2" }, { "1 / 0", "0" }, { "1 - 'inf'", "1" },
	{ "9223372036854775807 + 1", "9223372036854775807" },
	{ "0 - 9223372036854775807 - 9", "-9223372036854775808" },
	{ "9223372036854775807 * -3", "-9223372036854775808" },
	{ "1.5 + 1", "2.5" },
	{ "('1e308' * 10 - '1e308' * 10) == 5", "0" },
	{ "'1e308' * 10 == '1e308' * 11", "1" },
	{ "0 - '1e308' * 10 < 0", "1" }, { "'1e308' / '1e-308' > 1", "1" },
	/* arrays */
	{ "['a', 'b'][1]", "b" }, { "['a'][7]", "" }, { "['a'][-1]", "" },
	{ "count([1, 2, 3])", "3" }, { "count([])", "0" },
	{ "['a'] + ['b'] + 'c'", "a\r\nb\r\nc" },
	{ "[1, 2, 1] - 1", "2" }, { "[1, 2] == [1, 2]", "1" },
	{ "!['']", "0" }, { "[[1], 2] == [[5], 2]", "0" },
	{ "[[1], 2] == [[1], 2]", "1" }, { "[[1]] == []", "0" },
	{ "[[], 1] == [1]", "0" }, { "'' + '' == [[[]]]", "1" },
	{ "contains([[1, 2], 3], [1, 2])", "1" },
	{ "count([[1, 2], [1, 3]] - [1, 3])", "1" },
	{ "count('' + [[1], 2])", "3" }, { "'' + '' + [1] == 1", "0" },
	/* variables, keys, captures */
	{ "remote_ip", "192.0.2.7" }, { "port + 1", "8081" },
	{ "key_get('default', 'hostname')", "mx.example.org" },
	{ "config_get('hostname') + ':' + port", "mx.example.org:8080" },
	{ "matches('^([a-z]+)@(.*)$', 'joe@x.org')", "1" },
	{ "if_then(matches('^/([a-z]+)/', url_path), $1, 'no')", "api" },
	{ "matches('(a)|(b)', 'b') && $2 == 'b' && $1 == ''", "1" },
	{ "matches('x', 'abc')", "0" },
	{ "matches('(a)', 'a') && !matches('(b)', 'a') && $1", "0" },
	{ "matches('^[a-z0-9.!#$%&*+/=?^_-]+@[*+]{2}$', 'joe*x@+*')", "1" },
	{ "matches('^[]*+?]+$', ']*+?')", "1" },
	{ "matches('^[^]*+]+$', ']')", "0" },
	{ "matches('^[[:digit:]*+]+$', '1*+')", "1" },
	{ "matches('^[[.-.]*+]+$', '-*+')", "1" },
	{ "matches('^[\\\\0-9]+$', '1\\\\2')", "1" },
	{ "matches('^\\\\[*\\\\.$', '[[.')", "1" },
	{ "matches('^[{1001}]+$', '{1}')", "1" },
	/* the documented idioms */
	{ "starts_with(url_path,'/api') && remote_ip != '127.0.0.1'", "1" },
	{ "contains(['jmap','api'], split(url_path,'/')[1])", "1" },
	/* functions */
	{ "sort([3, 1, 2], true)", "1\r\n2\r\n3" },
	{ "sort(['b', 'c', 'a'], false)", "c\r\nb\r\na" },
	{ "dedup([1, 1, 2, 1])", "1\r\n2" }, { "winnow(['', 'a', 0])", "a" },
	{ "is_intersect([1, 2], [2, 3])", "1" },
	{ "is_intersect([1], [2])", "0" },
	{ "is_email('joe@example.org')", "1" }, { "is_email('joe')", "0" },
	{ "is_email('a b@c.d')", "0" }, { "is_email('.a@c.d')", "0" },
	{ "is_email('a@\"c.d')", "0" }, { "is_email('a@c,d.e')", "0" },
	{ "is_email('a@m\xc3\xbc" "nchen.x-y.Z9')", "1" },
	{ "is_email('a@c..d')", "0" }, { "is_email('a@c')", "0" },
	{ "email_part('joe@x.org', 'local')", "joe" },
	{ "email_part('joe@x.org', 'domain')", "x.org" },
	{ "email_part('joe', 'domain')", "" },
	{ "is_empty('')", "1" }, { "is_empty(0)", "0" },
	{ "is_empty([])", "1" },
	{ "is_number('1.5')", "1" }, { "is_number('0')", "1" },
	{ "is_number('-0')", "1" }, { "is_number('+00')", "1" },
	{ "is_number('-')", "0" }, { "is_number('-5')", "1" },
	{ "is_number('0-')", "0" }, { "is_number('x')", "0" },
	{ "is_number('')", "0" },
	{ "is_ip_addr('::1')", "1" }, { "is_ipv4_addr('::1')", "0" },
	{ "is_ipv6_addr('::1')", "1" }, { "is_ipv4_addr('1.2.3.4')", "1" },
	{ "is_ip_addr('1.2.3')", "0" },
	{ "is_ip_in_cidr(remote_ip, '192.0.2.0/24')", "1" },
	{ "is_ip_in_cidr(remote_ip, '10.0.0.0/8')", "0" },
	{ "is_ip_in_cidr('nonsense', '10.0.0.0/8')", "0" },
	{ "ip_reverse_name('192.0.2.1')", "1.2.0.192" },
	{ "ip_reverse_name('2001:db8::1')", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2" },
	{ "trim('  a b ')", "a b" }, { "trim_start(' a ')", "a " },
	{ "trim_end(' a ')", " a" }, { "trim('   ')", "" },
	{ "len('abc')", "3" }, { "len([1, 2])", "2" },
	{ "to_lowercase('AbZ[')", "abz[" }, { "to_uppercase('abz{')", "ABZ{" },
	{ "is_uppercase('AB1')", "1" }, { "is_uppercase('Ab')", "0" },
	{ "is_lowercase('ab')", "1" }, { "has_digits('a1')", "1" },
	{ "has_digits('a')", "0" }, { "count_spaces(' a b ')", "3" },
	{ "count_uppercase('aBC')", "2" }, { "count_lowercase('aBC')", "1" },
	{ "count_chars('\xc3\xa9t\xc3\xa9')", "3" },
	{ "contains('abc', 'bc')", "1" }, { "contains('abc', 'x')", "0" },
	{ "contains('abc', '')", "1" }, { "contains(['a'], 'A')", "0" },
	{ "contains_ignore_case(['a'], 'A')", "1" },
	{ "contains_ignore_case('xABy', 'ab')", "1" },
	{ "eq_ignore_case('AB', 'ab')", "1" },
	{ "starts_with('abc', 'ab')", "1" }, { "ends_with('abc', 'bc')", "1" },
	{ "ends_with('c', 'bc')", "0" }, { "starts_with('a', '')", "1" },
	{ "lines('a\\r\\nb\\n\\nc')", "a\r\nb\r\nc" },
	{ "substring('a\xc3\xa9" "bcd', 1, 2)", "\xc3\xa9" "b" },
	{ "substring('abc', 9, 2)", "" }, { "substring('abc', 1, -1)", "" },
	{ "substring('abc', 1, -9223372036854775807 - 1)", "" },
	{ "substring('abc', -9223372036854775807 - 1, 1)", "a" },
	{ "split_n('a,b', ',', -9223372036854775807 - 1)", "a,b" },
	{ "strip_prefix('abc', 'a')", "bc" }, { "strip_prefix('abc', 'x')", "" },
	{ "strip_suffix('abc', 'c')", "ab" },
	{ "split('a,b,,c', ',')", "a\r\nb\r\n\r\nc" }, { "split('a', '')", "a" },
	{ "rsplit('a,b,c', ',')", "c\r\nb\r\na" },
	{ "split_once('a=b=c', '=')", "a\r\nb=c" },
	{ "rsplit_once('a=b=c', '=')", "a=b\r\nc" },
	{ "count(split_once('abc', '='))", "0" },
	{ "split_n('a,b,c', ',', 2)", "a\r\nb,c" },
	{ "split_words('Hello, big-world!')", "Hello\r\nbig\r\nworld" },
	{ "hash('abc', 'md5')", "900150983cd24fb0d6963f7d28e17f72" },
	{ "hash('abc', 'sha1')", "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ "if_then(0, 'a', 'b')", "b" },
};

static const struct bad {
	const char	*text;
	size_t		 col;
	const char	*err;
} bad[] = {
	{ "", 1, "expected a value" },
	{ "1 +", 4, "expected a value" }, { "len(", 5, "expected a value" },
	{ "(1", 3, "expected )" },
	{ "1 2", 3, "expected an operator or the end" },
	{ "nosuch == 1", 1, "no such variable here: \"nosuch\"" },
	{ "1 + nosuch(2)", 5, "no such function: \"nosuch\"" },
	{ "len('a', 'b')", 1, "len takes 1 argument, not 2" },
	{ "contains('a')", 1, "contains takes 2 arguments, not 1" },
	{ "'abc", 1, "text without its closing quote" },
	{ "1 # 2", 3, "unexpected character" },
	{ "12x", 1, "not a number or duration" },
	{ "99999999999999999999", 1, "number too large" },
	{ "$10", 1, "no such variable" }, { "$name", 1, "no such variable" },
	{ "matches('(', 'a')", 9, "not a POSIX extended" },
	{ "matches('(a)\\\\1', 'a')", 9, "back reference" },
	{ "matches('[)]\\\\1', 'a')", 9, "back reference" },
	{ "matches('\\\\d+', '1')", 9, "escaped letter" },
	{ "matches('[x]**', 'a')", 9, "repeats a repetition" },
	{ "matches('\\\\[a++]', 'a')", 9, "repeats a repetition" },
	{ "matches('[*+', 'a')", 9, "not a POSIX extended" },
	{ "matches('[[:', 'a')", 9, "not a POSIX extended" },
	{ "matches('a{1001}', 'a')", 9, "repeats more than 1000" },
	{ "matches('a++', 'a')", 9, "repeats a repetition" },
	{ "matches('((a{9}){9}){99}', 'a')", 9, "repeats more than 1000" },
	{ "matches(url_path, 'a')", 9, "expected a text in quotes" },
	{ "key_get('default', 'nokey')", 20, "no such key: \"nokey\"" },
	{ "[1, 2", 6, "expected , or ]" }, { "[1][2", 6, "expected ]" },
	{ "{", 1, "unexpected character" },
	{ "key_get('other', 'hostname')", 18,
	    "store \"other\" has no such key: \"hostname\"" },
	/* in characters */
	{ "'\xc3\xa9' + nosuch", 7, "no such variable" },
	{ "1 + \xc3\xa9", 5, "unexpected character" },
	/* what no first argument mends */
	{ "is_ip_in_cidr(remote_ip, '10.0.0.0/33')", 26, "not a network" },
	{ "1 == 2 || is_ip_in_cidr(remote_ip, ('x'))", 36, "not a network" },
	{ "hash(url_path + 'x', 'rot13')", 22, "no such hash" },
	{ "email_part(url_path, 'host')", 22, "local and domain" },
};

static int
run(const char *text, struct arena *a, struct slice *s, const char **why)
{
	struct expr_ctx	 x = { .var = var, .key = key, .arena = a };
	struct expr_val	 v;
	struct expr	*e;
	char		 err[EXPR_ERR];
	size_t		 col;
	int		 ret;

	*why = NULL;
	if ((e = expr_compile(text, &scope, err, &col)) == NULL)
		return -2;
	if ((ret = expr_eval(e, &x, &v)) == 0)
		ret = expr_val_text(&x, &v, s);
	*why = x.err;
	if (ret == 0) {
		s->p = arena_dup(a, s->p, s->n);	/* outlives e */
		assert_non_null(s->p);
	}
	expr_free(e);
	return ret;
}

static void
expressions_have_their_value(void **state)
{
	const struct good	*g;
	struct arena		 a;
	struct slice		 s;
	const char		*why;

	(void)state;
	for (g = good; g < good + nitems(good); g++) {
		if (g->value == NULL)
			continue;
		arena_init(&a, 1 << 20);
		if (run(g->text, &a, &s, &why) != 0)
			fail_msg("%s: %s", g->text, why);
		if (s.n != strlen(g->value) || memcmp(s.p, g->value, s.n) != 0)
			fail_msg("%s is %.*s, not %s", g->text, (int)s.n,
			    (const char *)s.p, g->value);
		arena_free(&a);
	}
}

static void
faults_name_their_column(void **state)
{
	const struct bad	*b;
	char			 err[EXPR_ERR];
	size_t			 col;

	(void)state;
	for (b = bad; b < bad + nitems(bad); b++) {
		if (expr_compile(b->text, &scope, err, &col) != NULL)
			fail_msg("%s was accepted", b->text);
		if (strstr(err, b->err) == NULL || col != b->col)
			fail_msg("%s: column %zu, %s", b->text, col, err);
	}
}

static void
evaluation_errors_are_no_values(void **state)
{
	static const char *const	 texts[] = { "nothing", "1 + nothing",
	    "hash('a', 'rot' + '13')", "is_ip_in_cidr(remote_ip, 'x' + '')",
	    "email_part('a@b', url_path)" };
	struct arena			 a;
	struct slice			 s;
	const char			*why;
	size_t				 i;

	(void)state;
	for (i = 0; i < nitems(texts); i++) {
		arena_init(&a, 1 << 20);
		assert_int_equal(run(texts[i], &a, &s, &why), -1);
		assert_non_null(why);
		arena_free(&a);
	}
}

/* Doubling a text each time runs into the arena's end, not the machine's.
 * That no memory was left for a comparison is not the answer no. */
static void
memory_is_bounded(void **state)
{
#define FAT	"split('" X50 X50 X50 X50 "', 'x')"
#define X50	"x1x2x3x4x5x6x7x8x9x1x2x3x4x5x6x7x8x9x1x2x3x4x5x6x7"
	static const char *const	 fat[] = {
		"!contains([" FAT "], 'a')", "!is_intersect(['a'], [" FAT "])",
		"count([" FAT "] - 'a')", "count(dedup([" FAT ", 'a']))",
		"contains_ignore_case([" FAT "], 'a') == 0",
		"count(sort([" FAT ", 'a'], 1))",
	};
	char		 text[EXPR_TEXT] = "", err[EXPR_ERR];
	struct arena	 a;
	struct slice	 s;
	const char	*why;
	size_t		 col;
	int		 i;

	(void)state;
	for (i = 0; i < 100; i++)
		strlcat(text, "url_path + ", sizeof(text));
	strlcat(text, "''", sizeof(text));
	arena_init(&a, 2000);
	assert_int_equal(run(text, &a, &s, &why), -1);
	assert_string_equal(why, "out of memory");
	arena_free(&a);
	for (i = 0; i < (int)nitems(fat); i++) {
		arena_init(&a, 7000);
		if (run(fat[i], &a, &s, &why) != -1)
			fail_msg("%s has a value", fat[i]);
		assert_string_equal(why, "out of memory");
		arena_free(&a);
	}

	memset(text, '(', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_null(expr_compile(text, &scope, err, &col));
	memset(text, '!', sizeof(text) - 1);
	assert_null(expr_compile(text, &scope, err, &col));
	/* as deep as it gets: joined level by level */
	for (i = 0; i < 90; i++) {
		text[i] = '[';
		text[91 + i] = ']';
	}
	text[90] = '7';
	strlcpy(text + 181, " == 7", sizeof(text) - 181);
	arena_init(&a, 1 << 20);
	assert_int_equal(run(text, &a, &s, &why), 0);
	strlcpy(text + 181, " == '7'", sizeof(text) - 181);
	assert_int_equal(run(text, &a, &s, &why), 0);
	assert_memory_equal(s.p, "1", 1);
	arena_free(&a);
	for (i = 0; i < 1000; i++)
		memcpy(text + i * 3, "[1,", 3);
	text[3000] = '\0';
	assert_null(expr_compile(text, &scope, err, &col));
}

static void
first_true_rule_wins(void **state)
{
	static const char *const texts[] = { "starts_with(url_path, '/jmap')",
	    "1", "matches('^/(.)', url_path)", "$1", "'else'" };
	struct expr_ctx		 x = { .var = var, .key = key };
	struct expr_rule	 r[3];
	struct expr		*e[5];
	struct expr_val		 v;
	struct arena		 a;
	char			 err[EXPR_ERR];
	size_t			 i, col;

	(void)state;
	arena_init(&a, 4096);
	x.arena = &a;
	for (i = 0; i < 5; i++)
		assert_non_null(e[i] = expr_compile(texts[i], &scope, err,
		    &col));
	r[0] = (struct expr_rule){ e[0], e[1] };
	r[1] = (struct expr_rule){ e[2], e[3] };
	r[2] = (struct expr_rule){ NULL, e[4] };
	assert_int_equal(expr_eval_rules(r, 3, &x, &v), 0);
	assert_int_equal(v.u.str.n, 1);
	assert_memory_equal(v.u.str.p, "a", 1);	/* captured by its own if */
	r[1] = r[2];
	assert_int_equal(expr_eval_rules(r, 2, &x, &v), 0);
	assert_memory_equal(v.u.str.p, "else", 4);
	assert_int_equal(expr_eval_rules(r, 1, &x, &v), -1);
	for (i = 0; i < 5; i++)
		expr_free(e[i]);
	arena_free(&a);
}

static void
every_function_can_be_found(void **state)
{
	static const char *const names[] = { "count", "sort", "dedup",
	    "winnow", "is_intersect", "is_email", "email_part", "is_empty",
	    "is_number", "is_ip_addr", "is_ipv4_addr", "is_ipv6_addr",
	    "ip_reverse_name", "trim", "trim_end", "trim_start", "len",
	    "to_lowercase", "to_uppercase", "is_uppercase", "is_lowercase",
	    "has_digits", "count_spaces", "count_uppercase",
	    "count_lowercase", "count_chars", "contains",
	    "contains_ignore_case", "eq_ignore_case", "starts_with",
	    "ends_with", "lines", "substring", "strip_prefix",
	    "strip_suffix", "split", "rsplit", "split_once", "rsplit_once",
	    "split_n", "split_words", "hash", "if_then", "is_ip_in_cidr" };
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(names); i++)
		if (expr_fn_find(names[i], strlen(names[i])) == NULL)
			fail_msg("%s", names[i]);
	assert_null(expr_fn_find("le", 2));
	assert_null(expr_fn_find("lenx", 4));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(expressions_have_their_value),
		cmocka_unit_test(faults_name_their_column),
		cmocka_unit_test(evaluation_errors_are_no_values),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(first_true_rule_wins),
		cmocka_unit_test(every_function_can_be_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
