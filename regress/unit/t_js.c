/* SPDX-License-Identifier: ISC */
/* JSON values, typed reading and writing. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/js.h"

static struct js_val *
parse(const char *text)
{
	struct js_val	*v;

	assert_int_equal(js_parse(text, strlen(text), NULL, NULL, &v), JS_OK);
	return v;
}

static void
duplicate_keys_are_refused(void **state)
{
	static const char *const bad[] = {
		"{\"a\":1,\"a\":1}", "[{\"a\":1,\"b\":2,\"a\":3}]",
		"{\"x\":{\"a\":1,\"\\u0061\":2}}"
	};
	struct js_val	*v;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(bad); i++) {
		assert_int_equal(js_parse(bad[i], strlen(bad[i]), NULL, NULL,
		    &v), JS_SYNTAX);
		assert_null(v);
	}
}

static void
parse_survives_a_bad_text_before_it(void **state)
{
	struct js_val	*v;

	(void)state;
	assert_int_equal(js_parse("[1", 2, NULL, NULL, &v), JS_SYNTAX);
	v = parse("12");
	assert_int_equal(js_int(v), 12);
	js_free(v);
	v = parse("\"caf\\u00e9 \\ud83d\\ude00\"");
	assert_string_equal(js_str(v), "caf\xc3\xa9 \xf0\x9f\x98\x80");
	js_free(v);
	v = parse("null");
	assert_null(v);
	assert_int_equal(js_type(v), JS_NULL);
}

static void
out_says_what_came_in(void **state)
{
	static const char *const same[] = {
		"{\"a\":1,\"b\":[true,false,null,-5,\"x\"],\"c\":{},\"d\":[]}",
		"[[[]],{\"\":\"\"}]", "\"\\\"\\\\\\n\\u0001\\u2028\"",
		"[1.50,\"{\",\"[\",\",\",\":\"]", "{\"a\\nb\":1}"
	};
	struct js_val	*v;
	struct buf	 b;
	size_t		 i;

	(void)state;
	buf_init(&b, 4096);
	for (i = 0; i < nitems(same); i++) {
		v = parse(same[i]);
		js_out_val(&b, v);
		assert_string_equal(buf_str(&b), same[i]);
		buf_reset(&b);
		js_free(v);
	}
	buf_free(&b);
}

static void
out_places_commas(void **state)
{
	struct buf	 b;

	(void)state;
	buf_init(&b, 4096);
	js_out_obj(&b);
	js_out_key(&b, "n");
	js_out_int(&b, -9007199254740991LL);
	js_out_raw(&b, "\"x\":1,\"y\":2", 11);
	js_out_keyn(&b, "k\"", 2);
	js_out_arr(&b);
	js_out_s(&b, NULL);
	js_out_s(&b, "{");
	js_out_s(&b, "a");
	js_out_bool(&b, 1);
	js_out_uint(&b, 7);
	js_out_obj(&b);
	js_out_end(&b, '}');
	js_out_end(&b, ']');
	js_out_key(&b, "d");
	js_out_date(&b, 0);
	js_out_end(&b, '}');
	assert_string_equal(buf_str(&b), "{\"n\":-9007199254740991,\"x\":1,"
	    "\"y\":2,\"k\\\"\":[null,\"{\",\"a\",true,7,{}],"
	    "\"d\":\"1970-01-01T00:00:00Z\"}");
	buf_free(&b);
}

static void
out_escapes_so_that_the_scan_agrees(void **state)
{
	struct js_info	 info;
	struct js_val	*v;
	struct buf	 b;
	char		 text[40];
	int		 at, c;

	(void)state;
	buf_init(&b, 4096);
	for (c = 1; c < 0x80; c++)
		for (at = 0; at < 17; at++) {
			memset(text, 'a', 17);
			text[at] = c;
			buf_reset(&b);
			js_out_str(&b, text, 17);
			assert_int_equal(js_scan(b.data, b.len,
			    &js_scan_limits, &info), JS_OK);
			assert_int_equal(js_parse(b.data, b.len, NULL, NULL,
			    &v), JS_OK);
			assert_int_equal(js_len(v), 17);
			assert_memory_equal(js_str(v), text, 17);
			js_free(v);
		}
	buf_reset(&b);
	js_out_str(&b, "a\xef\xbf\xbe" "b\xef\xb7\x90" "c\xf0\x9f\xbf\xbf"
	    "d\xf0\x9f\x98\x80" "e\xef\xbc\xa1" "f\xef\xbb\xbf", 26);
	assert_string_equal(buf_str(&b), "\"a\xef\xbf\xbd" "b\xef\xbf\xbd"
	    "c\xef\xbf\xbd" "d\xf0\x9f\x98\x80" "e\xef\xbc\xa1"
	    "f\xef\xbb\xbf\"");
	buf_reset(&b);
	js_out_str(&b, "\xe2\x80\xa8 \xe2\x82\xac \xe2\x80\xa9", 11);
	assert_string_equal(buf_str(&b),
	    "\"\\u2028 \xe2\x82\xac \\u2029\"");
	buf_free(&b);
}

static void
reader_takes_the_right_kinds(void **state)
{
	struct js_val	*v, *got = NULL;
	struct js_rd	 rd;
	const char	*s = "old", *id = NULL;
	uint64_t	 u = 7;
	int64_t		 i = 0;
	int		 yes = 0;

	(void)state;
	v = parse("{\"b\":true,\"u\":3,\"i\":-4,\"s\":\"x\",\"n\":null,"
	    "\"id\":\"A-_9\",\"ids\":[\"A\",\"b\"],\"a\":[1]}");
	js_rd_init(&rd, v, "");
	assert_int_equal(js_rd_bool(&rd, "b", &yes), 1);
	assert_int_equal(js_rd_uint(&rd, "u", &u), 1);
	assert_int_equal(js_rd_int(&rd, "i", &i), 1);
	assert_int_equal(js_rd_str(&rd, "s", &s), 1);
	assert_int_equal(js_rd_str_null(&rd, "n", &s), 0);
	assert_int_equal(js_rd_id(&rd, "id", &id), 1);
	assert_int_equal(js_rd_ids(&rd, "ids", &got), 1);
	assert_int_equal(js_len(got), 2);
	assert_int_equal(js_rd_uint(&rd, "absent", &u), 0);
	assert_int_equal(js_rd_end(&rd), -1);
	assert_string_equal(rd.fault, "a");
	js_rd_init(&rd, v, "");
	assert_int_equal(js_rd_ids(&rd, "a", &got), -1);
	js_rd_init(&rd, v, "");
	assert_int_equal(js_rd_ids(&rd, "absent", &got), -1);
	js_rd_init(&rd, v, "");
	assert_int_equal(js_rd_arr(&rd, "a", &got), 1);
	assert_int_equal(js_len(got), 1);
	assert_true(yes && u == 3 && i == -4);
	assert_string_equal(s, "x");
	assert_string_equal(id, "A-_9");
	js_free(v);
}

static void
whole_numbers_are_integers_in_any_form(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 is;
	} rows[] = {
		{ "1", 1 }, { "1.0", 1 }, { "1e0", 1 }, { "-0.0", 0 },
		{ "25e-1", -1 }, { "0.5", -1 }, { "9007199254740991.0",
		JS_INT_MAX }, { "9007199254740992.0", -1 }, { "1e300", -1 },
		{ "-1e300", -1 }, { "5e-324", -1 }, { "1.2e1", 12 }
	};
	struct js_val	*v;
	struct buf	 b;
	size_t		 i;

	(void)state;
	buf_init(&b, 64);
	for (i = 0; i < nitems(rows); i++) {
		v = parse(rows[i].text);
		if (rows[i].is == -1)
			assert_int_equal(js_type(v), JS_DOUBLE);
		else {
			assert_int_equal(js_type(v), JS_INT);
			assert_int_equal(js_int(v), rows[i].is);
		}
		buf_reset(&b);
		js_out_val(&b, v);
		assert_string_equal(buf_str(&b), rows[i].text);
		js_free(v);
	}
	buf_free(&b);
}

static void
reader_names_the_first_fault(void **state)
{
	static const struct {
		const char	*text;
		const char	*fault;
	} rows[] = {
		{ "{\"u\":-1}", "f/u" }, { "{\"u\":\"1\"}", "f/u" },
		{ "{\"u\":1.5}", "f/u" }, { "{\"u\":null}", "f/u" },
		{ "{\"id\":\"\"}", "f/id" }, { "{\"id\":\"a b\"}", "f/id" },
		{ "{\"id\":5}", "f/id" }, { "{\"id\":\"#a\"}", "f/id" },
		{ "[]", "f" },
		{ "{\"b\":1}", "f/b" }, { "{\"zz\":1}", "f/zz" }
	};
	struct js_val	*v;
	struct js_rd	 rd;
	const char	*id;
	uint64_t	 u;
	size_t		 i;
	int		 b;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		v = parse(rows[i].text);
		js_rd_init(&rd, v, "f");
		js_rd_uint(&rd, "u", &u);
		js_rd_id(&rd, "id", &id);
		js_rd_bool(&rd, "b", &b);
		assert_int_equal(js_rd_end(&rd), -1);
		assert_string_equal(rd.fault, rows[i].fault);
		js_free(v);
	}
}

static void
values_are_made_copied_and_compared(void **state)
{
	struct js_val	*o, *c;

	(void)state;
	o = js_new_obj();
	assert_int_equal(js_set(o, "a", js_new_int(1)), 0);
	assert_int_equal(js_set(o, "n", NULL), 0);
	assert_int_equal(js_set(o, "l", js_new_arr()), 0);
	assert_int_equal(js_add(js_get(o, "l"), js_new_str("xy", 2)), 0);
	c = js_copy(o);
	assert_true(js_equal(o, c));
	assert_true(js_has(c, "n"));
	assert_null(js_get(c, "n"));
	js_del(c, "a");
	assert_false(js_equal(o, c));
	assert_int_equal(js_len(c), 2);
	js_free(c);
	js_free(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duplicate_keys_are_refused),
		cmocka_unit_test(parse_survives_a_bad_text_before_it),
		cmocka_unit_test(out_says_what_came_in),
		cmocka_unit_test(out_places_commas),
		cmocka_unit_test(out_escapes_so_that_the_scan_agrees),
		cmocka_unit_test(reader_takes_the_right_kinds),
		cmocka_unit_test(whole_numbers_are_integers_in_any_form),
		cmocka_unit_test(reader_names_the_first_fault),
		cmocka_unit_test(values_are_made_copied_and_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
