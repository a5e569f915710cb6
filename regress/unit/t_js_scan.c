/* SPDX-License-Identifier: ISC */
/* The strict scan: what is I-JSON and what is not.  Much of the refused
 * half is what json-c 0.16 accepts even when told to be strict. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/js.h"

struct row {
	const char	*text;
	enum js_fault	 want;
	size_t		 len;		/* 0: strlen */
};

static const struct row rows[] = {
	{ "{}", JS_OK, 0 },
	{ " \t\r\n[ ] \n", JS_OK, 0 },
	{ "null", JS_OK, 0 },
	{ "true", JS_OK, 0 },
	{ "\"x\"", JS_OK, 0 },
	{ "0", JS_OK, 0 },
	{ "-0", JS_OK, 0 },
	{ "12.5e-3", JS_OK, 0 },
	{ "1E+2", JS_OK, 0 },
	{ "9007199254740991", JS_OK, 0 },
	{ "-9007199254740991", JS_OK, 0 },
	{ "{\"a\":1,\"b\":[1,2,{\"c\":null}],\"d\":\"\"}", JS_OK, 0 },
	{ "[[],[[]],{}]", JS_OK, 0 },
	{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", JS_OK, 0 },
	{ "\"\\ud83d\\ude00\"", JS_OK, 0 },
	{ "\"\xf0\x9f\x98\x80 caf\xc3\xa9\"", JS_OK, 0 },
	{ "\"\x7f\"", JS_OK, 0 },
	{ "\"12345678123456781234567812345678\"", JS_OK, 0 },
	{ "\"\xef\xbf\xbf\"", JS_OK, 0 },

	/* grammar */
	{ "", JS_SYNTAX, 0 },
	{ "  ", JS_SYNTAX, 0 },
	{ "{", JS_SYNTAX, 0 },
	{ "[", JS_SYNTAX, 0 },
	{ "[1", JS_SYNTAX, 0 },
	{ "]", JS_SYNTAX, 0 },
	{ "}", JS_SYNTAX, 0 },
	{ "[}", JS_SYNTAX, 0 },
	{ "{]", JS_SYNTAX, 0 },
	{ "[1,]", JS_SYNTAX, 0 },
	{ "[,1]", JS_SYNTAX, 0 },
	{ "[1 2]", JS_SYNTAX, 0 },
	{ "{\"a\":1,}", JS_SYNTAX, 0 },
	{ "{\"a\"}", JS_SYNTAX, 0 },
	{ "{\"a\":}", JS_SYNTAX, 0 },
	{ "{\"a\" 1}", JS_SYNTAX, 0 },
	{ "{a:1}", JS_SYNTAX, 0 },
	{ "{'a':1}", JS_SYNTAX, 0 },
	{ "{1:1}", JS_SYNTAX, 0 },
	{ "['a']", JS_SYNTAX, 0 },
	{ "{} {}", JS_SYNTAX, 0 },
	{ "{}x", JS_SYNTAX, 0 },
	{ "1 1", JS_SYNTAX, 0 },
	{ "[1]]", JS_SYNTAX, 0 },
	{ "\xef\xbb\xbf{}", JS_SYNTAX, 0 },
	{ "[1]\0", JS_SYNTAX, 4 },
	{ "\0[1]", JS_SYNTAX, 4 },
	{ "/* c */ {}", JS_SYNTAX, 0 },
	{ "{} // c", JS_SYNTAX, 0 },
	{ "[1\x0b]", JS_SYNTAX, 0 },
	{ "[\xc2\xa0]", JS_SYNTAX, 0 },

	/* words */
	{ "True", JS_SYNTAX, 0 },
	{ "nul", JS_SYNTAX, 0 },
	{ "NULL", JS_SYNTAX, 0 },
	{ "NaN", JS_SYNTAX, 0 },
	{ "Infinity", JS_SYNTAX, 0 },
	{ "-Infinity", JS_SYNTAX, 0 },
	{ "undefined", JS_SYNTAX, 0 },
	{ "truex", JS_SYNTAX, 0 },
	{ "[true false]", JS_SYNTAX, 0 },

	/* numbers */
	{ "[1.]", JS_SYNTAX, 0 },
	{ "[.5]", JS_SYNTAX, 0 },
	{ "01", JS_SYNTAX, 0 },
	{ "-01", JS_SYNTAX, 0 },
	{ "+1", JS_SYNTAX, 0 },
	{ "-", JS_SYNTAX, 0 },
	{ "1e", JS_SYNTAX, 0 },
	{ "1e+", JS_SYNTAX, 0 },
	{ "0x10", JS_SYNTAX, 0 },
	{ "1_000", JS_SYNTAX, 0 },
	{ "9007199254740992", JS_NUMBER, 0 },
	{ "-9007199254740992", JS_NUMBER, 0 },
	{ "99999999999999999999", JS_NUMBER, 0 },
	{ "1e400", JS_NUMBER, 0 },
	{ "-1e400", JS_NUMBER, 0 },
	{ "0.1234567890123456789012345678901", JS_NUMBER, 0 },

	/* strings */
	{ "\"", JS_SYNTAX, 0 },
	{ "\"abc", JS_SYNTAX, 0 },
	{ "\"abcdefghijkl", JS_SYNTAX, 0 },
	{ "\"\x01\"", JS_SYNTAX, 0 },
	{ "\"abcdefg\x1f\"", JS_SYNTAX, 0 },
	{ "\"a\nb\"", JS_SYNTAX, 0 },
	{ "\"a\tb\"", JS_SYNTAX, 0 },
	{ "\"a\0b\"", JS_NUL, 5 },
	{ "\"\\u0000\"", JS_NUL, 0 },
	{ "{\"a\\u0000b\":1}", JS_NUL, 0 },
	{ "\"\\x41\"", JS_SYNTAX, 0 },
	{ "\"\\'\"", JS_SYNTAX, 0 },
	{ "\"\\", JS_SYNTAX, 0 },
	{ "\"\\u12\"", JS_SYNTAX, 0 },
	{ "\"\\u12g4\"", JS_SYNTAX, 0 },
	{ "\"\\u123", JS_SYNTAX, 0 },
	{ "\"\\ud800\"", JS_UTF8, 0 },
	{ "\"\\ud800x\"", JS_UTF8, 0 },
	{ "\"\\udc00\"", JS_UTF8, 0 },
	{ "\"\\udc00\\ud800\"", JS_UTF8, 0 },
	{ "\"\\ud800\\ud800\"", JS_UTF8, 0 },
	{ "\"\\ud800\\n1234\"", JS_UTF8, 0 },
	{ "\"\\ud800\\u12\"", JS_UTF8, 0 },
	{ "\"\x80\"", JS_UTF8, 0 },
	{ "\"\xc0\x80\"", JS_UTF8, 0 },
	{ "\"\xc1\xbf\"", JS_UTF8, 0 },
	{ "\"\xe0\x80\x80\"", JS_UTF8, 0 },
	{ "\"\xed\xa0\x80\"", JS_UTF8, 0 },
	{ "\"\xf4\x90\x80\x80\"", JS_UTF8, 0 },
	{ "\"\xf8\x88\x80\x80\x80\"", JS_UTF8, 0 },
	{ "\"\xff\"", JS_UTF8, 0 },
	{ "\"\xc3\"", JS_UTF8, 0 },
	{ "\"\xc3", JS_UTF8, 0 },
	{ "\"1234567\xe2\x82\"", JS_UTF8, 0 },
	{ "{\"\xff\":1}", JS_UTF8, 0 },
};

static void
scan_knows_i_json(void **state)
{
	const struct row	*r;
	struct js_info		 info;
	enum js_fault		 f;
	char			*copy;
	size_t			 i, n;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		r = &rows[i];
		n = r->len != 0 ? r->len : strlen(r->text);
		/* exactly n bytes, so that ASan sees a read beyond */
		copy = malloc(n == 0 ? 1 : n);
		memcpy(copy, r->text, n);
		f = js_scan(copy, n, &js_scan_limits, &info);
		if (f != r->want)
			fail_msg("row %zu: %s: %d, want %d", i, r->text, f,
			    r->want);
		assert_true(info.at <= n);
		free(copy);
	}
}

static void
every_prefix_of_a_good_text_is_refused(void **state)
{
	static const char	 text[] =
	    "{\"a\":[1,-2.5e3,\"\\ud83d\\ude00\xc3\xa9\",true,false,null],"
	    "\"bb\":{\"c\":{}}}";
	struct js_info		 info;
	char			*copy;
	size_t			 n;

	(void)state;
	assert_int_equal(js_scan(text, sizeof(text) - 1, &js_scan_limits,
	    &info), JS_OK);
	for (n = 0; n < sizeof(text) - 1; n++) {
		copy = malloc(n == 0 ? 1 : n);
		memcpy(copy, text, n);
		assert_int_not_equal(js_scan(copy, n, &js_scan_limits, &info),
		    JS_OK);
		free(copy);
	}
}

static void
scan_counts(void **state)
{
	static const char	 text[] =
	    "{\"a\":[1,2,{}],\"b\":{\"c\":\"1234\"}}";
	struct js_info		 i;

	(void)state;
	assert_int_equal(js_scan(text, sizeof(text) - 1, &js_scan_limits, &i),
	    JS_OK);
	assert_int_equal(i.values, 7);
	assert_int_equal(i.objects, 3);
	assert_int_equal(i.members, 3);
	assert_int_equal(i.memory, 7 * 72 + 3 * 720 + 360 + 3 * 56 + 3 + 4);
}

static enum js_fault
repeat(const char *head, const char *unit, size_t n, const char *tail)
{
	struct js_info	 info;
	struct buf	 b;
	enum js_fault	 f;

	buf_init(&b, 64 << 20);
	buf_adds(&b, head);
	while (n-- > 0)
		buf_adds(&b, unit);
	buf_adds(&b, tail);
	assert_false(buf_bad(&b));
	f = js_scan(b.data, b.len, &js_scan_limits, &info);
	buf_free(&b);
	return f;
}

static void
scan_keeps_its_limits(void **state)
{
	(void)state;
	assert_int_equal(repeat("", "[", 32,
	    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), JS_OK);
	assert_int_equal(repeat("", "[", 33, ""), JS_DEEP);
	assert_int_equal(repeat("", "[", 1000000, ""), JS_DEEP);
	assert_int_equal(repeat("", "{\"a\":", 1000000, ""), JS_DEEP);
	assert_int_equal(repeat("[0", ",{}", 19999, "]"), JS_OK);
	assert_int_equal(repeat("[0", ",{}", 20001, "]"), JS_MANY);
	assert_int_equal(repeat("[0", ",1", 199000, "]"), JS_OK);
	assert_int_equal(repeat("[0", ",1", 200000, "]"), JS_MANY);
	assert_int_equal(repeat("[0", ",[]", 160000, "]"), JS_MEMORY);
	assert_int_equal(repeat("{\"x\":1", ",\"y\":1", 4095, "}"), JS_OK);
	assert_int_equal(repeat("{\"x\":1", ",\"y\":1", 4096, "}"), JS_MANY);
}

static void
noncharacters_are_refused_where_strict(void **state)
{
	static const struct {
		const char	*text;
		enum js_fault	 fault;
	} tests[] = {
		{ "\"\xef\xbf\xbe\"", JS_NONCHAR },
		{ "{\"\xef\xbf\xbf\":1}", JS_NONCHAR },
		{ "\"\xef\xb7\x90\"", JS_NONCHAR },
		{ "\"\xef\xb7\xaf\"", JS_NONCHAR },
		{ "\"\xf0\x9f\xbf\xbe\"", JS_NONCHAR },
		{ "\"\xf4\x8f\xbf\xbf\"", JS_NONCHAR },
		{ "\"\\ufffe\"", JS_NONCHAR }, { "\"\\uFDD0\"", JS_NONCHAR },
		{ "\"\\ud83f\\udfff\"", JS_NONCHAR },
		{ "\"\\udbff\\udffe\"", JS_NONCHAR },
		{ "\"\xef\xbf\xbd\"", JS_OK }, { "\"\\ufffd\"", JS_OK },
		{ "\"\xef\xb7\x8f\xef\xb7\xb0\"", JS_OK },
		{ "\"\xf0\x9f\x98\x80\"", JS_OK },
		{ "\"\\ud83d\\ude00\"", JS_OK },
		{ "\"\\ud83f\\udffd\"", JS_OK },
	};
	struct js_info	 info;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(tests); i++) {
		assert_int_equal(js_scan(tests[i].text, strlen(tests[i].text),
		    &js_scan_strict, &info), tests[i].fault);
		/* what was written before is still read */
		assert_int_equal(js_scan(tests[i].text, strlen(tests[i].text),
		    &js_scan_limits, &info), JS_OK);
	}
}

static void
text_must_be_utf8_without_nul(void **state)
{
	(void)state;
	assert_true(js_scan_text("caf\xc3\xa9", 5));
	assert_true(js_scan_text("", 0));
	assert_false(js_scan_text("a\0b", 3));
	assert_false(js_scan_text("\xff", 1));
	assert_true(js_scan_text("\xef\xbf\xbd", 3));
	assert_false(js_scan_text("\xef\xbf\xbe", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scan_knows_i_json),
		cmocka_unit_test(every_prefix_of_a_good_text_is_refused),
		cmocka_unit_test(scan_counts),
		cmocka_unit_test(scan_keeps_its_limits),
		cmocka_unit_test(noncharacters_are_refused_where_strict),
		cmocka_unit_test(text_must_be_utf8_without_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
