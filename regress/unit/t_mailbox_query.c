/* SPDX-License-Identifier: ISC */
/* Mailbox/query and /queryChanges (RFC 8621 2.3, 2.4). */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/mailbox_lab.h"

/* names of the ids a query gives, joined by spaces */
static const char *
names(const char *args)
{
	static char	 out[1024];
	struct js_val	*res, *got;
	char		 text[512];
	size_t		 i;

	out[0] = '\0';
	res = jh_call("Mailbox/query", expand(args));
	if (js_type(jh_at(res, "ids")) != JS_ARR)
		fail_msg("%s: %s", args, buf_str(&jh_out));
	for (i = 0; i < js_len(jh_at(res, "ids")); i++) {
		(void)snprintf(text, sizeof(text), "'ids':['%s'],"
		    "'properties':['name']", js_str(js_at(jh_at(res, "ids"),
		    i)));
		got = jh_call("Mailbox/get", text);
		if (i > 0)
			(void)strlcat(out, " ", sizeof(out));
		(void)strlcat(out, js_str(jh_at(got, "list/0/name")),
		    sizeof(out));
		js_free(got);
	}
	js_free(res);
	return out;
}

#define MINE	"{'operator':'AND','conditions':[{'name':'q-'},%s]}"

static void
queries_filter_sort_and_cut(void **state)
{
	static const struct {
		const char	*args, *want;
	} rows[] = {
		{ "'filter':{'name':'Q-'},'sort':[{'property':'name'}]",
		    "q-a q-a1 q-B q-c" },
		{ "'filter':{'name':'q-'},'sort':[{'property':'name',"
		    "'isAscending':false}]", "q-c q-B q-a1 q-a" },
		{ "'filter':{'name':'q-'},'sort':[{'property':'name',"
		    "'collation':'i;octet'}]", "q-B q-a q-a1 q-c" },
		{ "'filter':{'name':'q-'},'sort':[{'property':'sortOrder'},"
		    "{'property':'name'}]", "q-B q-c q-a q-a1" },
		{ "'filter':{'name':'q-','parentId':'$a'}", "q-a1" },
		{ "'filter':{'name':'q-','parentId':null},"
		    "'sort':[{'property':'name'}]", "q-a q-B q-c" },
		{ "'filter':{'name':'q-','isSubscribed':false}", "q-c" },
		{ "'filter':{'name':'q-','hasAnyRole':true}", "q-B" },
		{ "'filter':{'role':'memos'}", "q-B" },
		{ "'filter':{'name':'q-','role':null},"
		    "'sort':[{'property':'name'}]", "q-a q-a1 q-c" },
		{ "'filter':{'operator':'NOT','conditions':[{'name':'q-'}]},"
		    "'limit':0", "" },
		{ "'filter':{'operator':'OR','conditions':[{'name':'q-c'},"
		    "{'name':'q-B'}]},'sort':[{'property':'name'}]",
		    "q-B q-c" },
		{ "'filter':{'operator':'OR','conditions':[]}", "" },
		{ "'filter':{'operator':'AND','conditions':[{'name':'q-'},"
		    "{'operator':'NOT','conditions':[{'name':'q-a'},"
		    "{'name':'q-c'}]}]}", "q-B" },
		/* windows */
		{ "'filter':{'name':'q-'},'sort':[{'property':'name'}],"
		    "'position':1,'limit':2", "q-a1 q-B" },
		{ "'filter':{'name':'q-'},'sort':[{'property':'name'}],"
		    "'position':-1", "q-c" },
		{ "'filter':{'name':'q-'},'sort':[{'property':'name'}],"
		    "'position':-99,'limit':1", "q-a" },
		{ "'filter':{'name':'q-'},'sort':[{'property':'name'}],"
		    "'position':9", "" },
		{ "'filter':{'name':'q-'},'sort':[{'property':'name'}],"
		    "'position':9,'anchor':'$b','anchorOffset':-1,'limit':2",
		    "q-a1 q-B" },
		{ "'filter':{'name':'q-'},'sort':[{'property':'name'}],"
		    "'anchor':'$a','anchorOffset':-5,'limit':1", "q-a" },
		/* trees */
		{ "'filter':{'name':'q-'},'sort':[{'property':'sortOrder',"
		    "'isAscending':false}],'sortAsTree':true",
		    "q-a q-a1 q-c q-B" },
		{ "'filter':{'name':'q-a1'},'filterAsTree':true", "" },
		{ "'filter':{'name':'q-a'},'filterAsTree':true,"
		    "'sort':[{'property':'name'}]", "q-a q-a1" }
	};
	size_t	 i;

	(void)state;
	make('a', "{'name':'q-a','sortOrder':9}");
	make('b', "{'name':'q-B','sortOrder':1,'role':'memos'}");
	make('c', "{'name':'q-c','sortOrder':2,'isSubscribed':false}");
	make('d', "{'name':'q-a1','sortOrder':50,'parentId':'$a'}");
	for (i = 0; i < nitems(rows); i++)
		if (strcmp(names(rows[i].args), rows[i].want) != 0)
			fail_msg("%s: %s, want %s", rows[i].args,
			    names(rows[i].args), rows[i].want);
}

static void
query_says_total_position_and_limit(void **state)
{
	struct js_val	*res;

	(void)state;
	res = jh_call("Mailbox/query", "'filter':{'name':'q-'},'limit':2,"
	    "'position':-3,'calculateTotal':true");
	jh_is(res, "total", "4");
	jh_is(res, "position", "1");
	jh_is(res, "canCalculateChanges", "true");
	assert_false(js_has(js_at(res, 1), "limit"));
	js_free(res);
	res = jh_call("Mailbox/query", "'sortAsTree':true");
	jh_is(res, "limit", "5000");
	jh_is(res, "canCalculateChanges", "true");
	assert_false(js_has(js_at(res, 1), "total"));
	js_free(res);
}

static void
query_changes_can_be_applied(void **state)
{
	struct js_val	*res;
	char		 text[512], st[32];

	(void)state;
	res = jh_call("Mailbox/query", "'filter':{'name':'q-'},"
	    "'sort':[{'property':'name'}]");
	(void)strlcpy(st, js_str(jh_at(res, "queryState")), sizeof(st));
	js_free(res);
	gone("'update':{'$c':{'name':'q-0'}},'destroy':['$d']");
	(void)snprintf(text, sizeof(text), "'filter':{'name':'q-'},"
	    "'sort':[{'property':'name'}],'sinceQueryState':'%s'", st);
	res = jh_call("Mailbox/queryChanges", text);
	/* was a a1 B c, is 0 a B */
	is(res, "removed", "['$d','$c']");
	is(res, "added", "[{'id':'$c','index':0}]");
	js_free(res);
	(void)strlcat(text, ",'maxChanges':2", sizeof(text));
	res = jh_call("Mailbox/queryChanges", text);
	jh_is(res, "type", "'tooManyChanges'");
	js_free(res);
	(void)strlcat(text, "0,'upToId':'$b','calculateTotal':true",
	    sizeof(text));
	res = jh_call("Mailbox/queryChanges", expand(text));
	jh_is(res, "total", "3");
	js_free(res);
	(void)strlcat(text, ",'sortAsTree':true", sizeof(text));
	res = jh_call("Mailbox/queryChanges", expand(text));
	/* in a tree all may have moved */
	is(res, "removed", "['$d','M1','M2','M3','M4','M5','M6','$a','$b',"
	    "'$c']");
	is(res, "added", "[{'id':'$c','index':0},{'id':'$a','index':1},"
	    "{'id':'$b','index':2}]");
	js_free(res);
	gone("'destroy':['$a','$b','$c']");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_filter_sort_and_cut),
		cmocka_unit_test(query_says_total_position_and_limit),
		cmocka_unit_test(query_changes_can_be_applied),
	};

	return cmocka_run_group_tests(tests, jh_setup, jh_teardown);
}
