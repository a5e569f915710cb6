/* SPDX-License-Identifier: ISC */
/* Back references (RFC 8620 3.7) and PatchObject paths (5.3). */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/jmap_help.h"

/* The second response to: an echo of data, then an echo of a reference. */
static const char *
echo(const char *data, const char *path)
{
	static char	 text[4096];

	(void)snprintf(text, sizeof(text), "['Core/echo',%s,'0'],"
	    "['Core/echo',{'#x':{'resultOf':'0','name':'Core/echo',"
	    "'path':'%s'}},'1']", data, path);
	return jh_calls(text);
}

static void
pointers_lead_where_rfc_6901_says(void **state)
{
	static const struct {
		const char	*data, *path, *want;
	} rows[] = {
		{ "{'a':1}", "/a", "{\"x\":1}" },
		{ "{'a':{'b':[5,6]}}", "/a/b/1", "{\"x\":6}" },
		{ "{'a':null}", "/a", "{\"x\":null}" },
		{ "{'a/b':1,'m~n':2,'~1':3}", "/a~1b", "{\"x\":1}" },
		{ "{'a/b':1,'m~n':2,'~1':3}", "/m~0n", "{\"x\":2}" },
		{ "{'a/b':1,'m~n':2,'~1':3}", "/~01", "{\"x\":3}" },
		{ "{'':7}", "/", "{\"x\":7}" },
		{ "{'a':1}", "", "{\"x\":{\"a\":1}}" },
		{ "{'*':1}", "/*", "{\"x\":1}" },
		{ "{'a':[{'i':1},{'i':2}]}", "/a/*/i", "{\"x\":[1,2]}" },
		{ "{'a':[]}", "/a/*/i", "{\"x\":[]}" },
		{ "{'a':[[1,2],[3],[]]}", "/a/*", "{\"x\":[1,2,3]}" },
		{ "{'a':[{'e':[1,2]},{'e':[3]}]}", "/a/*/e",
		    "{\"x\":[1,2,3]}" },
		{ "{'a':[{'e':[{'i':1},{'i':2}]},{'e':[{'i':3}]}]}",
		    "/a/*/e/*/i", "{\"x\":[1,2,3]}" },
		{ "{'a':[[[1],[2]],[[3]]]}", "/a/*/*", "{\"x\":[1,2,3]}" },
		/* failures */
		{ "{'a':1}", "/b", NULL }, { "{'a':1}", "a", NULL },
		{ "{'a':1}", "/a/b", NULL }, { "{'a':[1]}", "/a/1", NULL },
		{ "{'a':[1]}", "/a/00", NULL }, { "{'a':[1]}", "/a/-", NULL },
		{ "{'a':[1]}", "/a/-1", NULL }, { "{'a':1}", "/*", NULL },
		{ "{'a':1}", "/a~2", NULL }, { "{'a':1}", "/~", NULL },
		{ "{'a':[{'i':1},{}]}", "/a/*/i", NULL },
		{ "{'a':[[[[1]]]]}", "/a/*/*/*/*", NULL },
		{ "{}", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", NULL }
	};
	char	 want[256];
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		(void)snprintf(want, sizeof(want), rows[i].want == NULL ?
		    ",[\"error\",{\"type\":\"invalidResultReference\"" :
		    ",[\"Core/echo\",%s,\"1\"]", rows[i].want);
		if (strstr(echo(rows[i].data, rows[i].path), want) == NULL)
			fail_msg("%s of %s: %s", rows[i].path, rows[i].data,
			    buf_str(&jh_out));
	}
}

static void
references_must_be_right(void **state)
{
	static const struct {
		const char	*args, *want;
	} rows[] = {
		{ "{'x':1,'#x':{'resultOf':'0','name':'Core/echo',"
		    "'path':'/a'}}", "invalidArguments" },
		{ "{'#x':1}", "invalidResultReference" },
		{ "{'#x':{'resultOf':'0','name':'Core/echo'}}",
		    "invalidResultReference" },
		{ "{'#x':{'resultOf':'9','name':'Core/echo','path':'/a'}}",
		    "invalidResultReference" },
		{ "{'#x':{'resultOf':'0','name':'Core/other','path':'/a'}}",
		    "invalidResultReference" },
		/* of itself */
		{ "{'#x':{'resultOf':'1','name':'Core/echo','path':'/a'}}",
		    "invalidResultReference" }
	};
	char	 text[512], want[64];
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		(void)snprintf(text, sizeof(text), "['Core/echo',{'a':1},'0'],"
		    "['No/such',{},'e'],['Core/echo',%s,'1']", rows[i].args);
		(void)snprintf(want, sizeof(want), ",[\"error\",{\"type\":"
		    "\"%s\"", rows[i].want);
		if (strstr(jh_calls(text), want) == NULL)
			fail_msg("%s: %s", text, buf_str(&jh_out));
	}
}

static void
first_answer_with_the_id_counts(void **state)
{
	const char	*got;

	(void)state;
	got = jh_calls("['Core/echo',{'a':1},'0'],['Core/echo',{'a':2},'0'],"
	    "['Core/echo',{'#x':{'resultOf':'0','name':'Core/echo',"
	    "'path':'/a'}},'1']");
	assert_non_null(strstr(got, "[\"Core/echo\",{\"x\":1},\"1\"]"));
	/* the first is an error: no looking further */
	got = jh_calls("['No/such',{},'0'],['Core/echo',{'a':2},'0'],"
	    "['Core/echo',{'#x':{'resultOf':'0','name':'Core/echo',"
	    "'path':'/a'}},'1']");
	assert_non_null(strstr(got, "invalidResultReference"));
}

static void
kept_and_parsed_ids_are_the_same(void **state)
{
	struct js_val	*all, *v, *a, *b;
	const char	*got;

	(void)state;
	/* "/ids" is kept; the same through a second query whose answer is
	 * asked for by another path is parsed */
	got = jh_calls("['Mailbox/query',{'accountId':'u1'},'q'],"
	    "['Mailbox/get',{'accountId':'u1','properties':['name'],"
	    "'#ids':{'resultOf':'q','name':'Mailbox/query','path':'/ids'}},"
	    "'1'],['Mailbox/get',{'accountId':'u1','properties':['name'],"
	    "'#ids':{'resultOf':'q','name':'Mailbox/query',"
	    "'path':'/ids/*'}},'2'],"
	    "['Mailbox/get',{'accountId':'u1','properties':['name'],"
	    "'#ids':{'resultOf':'1','name':'Mailbox/get',"
	    "'path':'/list/*/id'}},'3']");
	assert_int_equal(js_parse(got, strlen(got), NULL, NULL, &all), JS_OK);
	v = js_get(all, "methodResponses");
	a = js_get(js_at(js_at(v, 1), 1), "list");
	assert_true(js_len(a) >= 5);
	b = js_get(js_at(js_at(v, 2), 1), "list");
	assert_true(js_equal(a, b));
	b = js_get(js_at(js_at(v, 3), 1), "list");
	assert_true(js_equal(a, b));
	js_free(all);
}

static void
kept_ids_serve_other_arguments_too(void **state)
{
	const char	*got;

	(void)state;
	got = jh_calls("['Mailbox/query',{'accountId':'u1','filter':"
	    "{'role':'inbox'}},'q'],['Core/echo',{'#list':{'resultOf':'q',"
	    "'name':'Mailbox/query','path':'/ids'}},'1']");
	assert_non_null(strstr(got, "[\"Core/echo\",{\"list\":[\"M"));
}

static void
references_cannot_be_a_bomb(void **state)
{
	static char	 text[1 << 16];
	size_t		 i;

	(void)state;
	/* 4 KB of data, doubled by each of 15 calls */
	(void)strlcpy(text, "['Core/echo',{'a':[0", sizeof(text));
	for (i = 0; i < 1000; i++)
		(void)strlcat(text, ",1", sizeof(text));
	(void)strlcat(text, "]},'0']", sizeof(text));
	for (i = 1; i < 16; i++)
		(void)snprintf(text + strlen(text),
		    sizeof(text) - strlen(text), ",['Core/echo',{'#a':"
		    "{'resultOf':'%zu','name':'Core/echo','path':'/*'},"
		    "'#b':{'resultOf':'%zu','name':'Core/echo','path':''}},"
		    "'%zu']", i - 1, i - 1, i);
	jh_calls(text);
	assert_true(jh_out.len < 4 << 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointers_lead_where_rfc_6901_says),
		cmocka_unit_test(references_must_be_right),
		cmocka_unit_test(first_answer_with_the_id_counts),
		cmocka_unit_test(kept_and_parsed_ids_are_the_same),
		cmocka_unit_test(kept_ids_serve_other_arguments_too),
		cmocka_unit_test(references_cannot_be_a_bomb),
	};

	return cmocka_run_group_tests(tests, jh_setup, jh_teardown);
}
