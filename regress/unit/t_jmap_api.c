/* SPDX-License-Identifier: ISC */
/* The request as a whole: problems, method errors, limits, createdIds. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/jmap_help.h"
#include "worker/jmap/jmap_session.h"

#define R(calls)	"{'using':['" CORE "'],'methodCalls':[" calls "]}"

static void
bad_requests_are_problems(void **state)
{
	static const struct {
		const char			*text;
		const struct jmap_problem	*want;
	} rows[] = {
		{ "", &jmap_error_not_json },
		{ "{", &jmap_error_not_json },
		{ "{'a':1,'a':2}", &jmap_error_not_json },
		{ "{'using':[],'methodCalls':[]} x", &jmap_error_not_json },
		{ "{'using':[],'methodCalls':[],'x':NaN}",
		    &jmap_error_not_json },
		{ "[]", &jmap_error_not_request },
		{ "null", &jmap_error_not_request },
		{ "{}", &jmap_error_not_request },
		{ "{'using':['" CORE "']}", &jmap_error_not_request },
		{ "{'methodCalls':[]}", &jmap_error_not_request },
		{ "{'using':'" CORE "','methodCalls':[]}",
		    &jmap_error_not_request },
		{ "{'using':[1],'methodCalls':[]}", &jmap_error_not_request },
		{ R("[]"), &jmap_error_not_request },
		{ R("['Core/echo',{}]"), &jmap_error_not_request },
		{ R("['Core/echo',{},'0',1]"), &jmap_error_not_request },
		{ R("['Core/echo',[],'0']"), &jmap_error_not_request },
		{ R("['Core/echo',{},0]"), &jmap_error_not_request },
		{ R("[1,{},'0']"), &jmap_error_not_request },
		{ R("{}"), &jmap_error_not_request },
		{ "{'using':['" CORE "'],'methodCalls':[],"
		    "'createdIds':{'a':1}}", &jmap_error_not_request },
		{ "{'using':['" CORE "'],'methodCalls':[],"
		    "'createdIds':{'a b':'c'}}", &jmap_error_not_request },
		{ "{'using':['" CORE "'],'methodCalls':[],"
		    "'createdIds':[]}", &jmap_error_not_request },
		{ "{'using':['" CORE "','urn:x'],'methodCalls':[]}",
		    &jmap_error_unknown_capability },
		/* limit comes from the type signature being right */
		{ R("['a',{},''],['a',{},''],['a',{},''],['a',{},''],"
		    "['a',{},''],['a',{},''],['a',{},''],['a',{},''],"
		    "['a',{},''],['a',{},''],['a',{},''],['a',{},''],"
		    "['a',{},''],['a',{},''],['a',{},''],['a',{},''],"
		    "['a',{},'']"), &jmap_error_limit_calls }
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		jh_raw(rows[i].text);
		if (jh_problem != rows[i].want)
			fail_msg("%s: %s", rows[i].text, jh_problem == NULL ?
			    "no problem" : jh_problem->type);
		assert_int_equal(jh_out.len, 0);
	}
}

static void
too_many_bytes_are_a_problem(void **state)
{
	(void)state;
	jh_limits.max_size_request = 40;
	jh_raw(R(""));
	assert_ptr_equal(jh_problem, &jmap_error_limit_size);
	jh_limits = jmap_api_limits;
	jh_raw(R(""));
	assert_null(jh_problem);
}

static void
problems_are_written_as_rfc_9457_says(void **state)
{
	struct buf	 b;

	(void)state;
	buf_init(&b, 1024);
	jmap_error_problem(&b, &jmap_error_limit_calls, "x");
	assert_string_equal(buf_str(&b), "{\"type\":"
	    "\"urn:ietf:params:jmap:error:limit\",\"status\":400,"
	    "\"title\":\"Too many method calls\",\"detail\":\"x\","
	    "\"limit\":\"maxCallsInRequest\"}");
	buf_free(&b);
}

static void
echo_gives_everything_back(void **state)
{
	struct js_val	*res;
	const char	*got;

	(void)state;
	got = jh_raw(R("['Core/echo',{'a':[1,-2.50,true,null,{'b':'\\n'}]},"
	    "'x\\u0022']"));
	assert_null(jh_problem);
	assert_non_null(strstr(got, "{\"methodResponses\":[[\"Core/echo\","
	    "{\"a\":[1,-2.50,true,null,{\"b\":\"\\n\"}]},\"x\\\"\"]],"
	    "\"sessionState\":\""));
	res = jh_call("Core/echo", "'hello':true");
	jh_is(res, "hello", "true");
	js_free(res);
}

static void
unknown_members_of_a_request_are_ignored(void **state)
{
	(void)state;
	jh_raw("{'using':['" CORE "'],'methodCalls':[],'future':{'a':1}}");
	assert_null(jh_problem);
}

static void
method_errors_do_not_stop_the_others(void **state)
{
	const char	*got;

	(void)state;
	got = jh_calls("['Core/echo',{'n':1},'a'],['No/such',{},'b'],"
	    "['Mailbox/get',{},'c'],['Core/echo',{'n':2},'d']");
	assert_non_null(strstr(got, "[[\"Core/echo\",{\"n\":1},\"a\"],"
	    "[\"error\",{\"type\":\"unknownMethod\"},\"b\"],"
	    "[\"error\",{\"type\":\"invalidArguments\",\"description\":"
	    "\"accountId is not an Id\"},\"c\"],"
	    "[\"Core/echo\",{\"n\":2},\"d\"]]"));
}

static void
methods_of_unused_capabilities_are_unknown(void **state)
{
	const char	*got;

	(void)state;
	got = jh_raw(R("['Mailbox/get',{'accountId':'u1'},'c']"));
	assert_non_null(strstr(got, "\"type\":\"unknownMethod\""));
}

static void
arguments_are_checked(void **state)
{
	static const struct {
		const char	*name, *args, *want;
	} rows[] = {
		{ "Mailbox/get", "'accountId':'u2'", "accountNotFound" },
		{ "Mailbox/get", "'accountId':'nobody'", "accountNotFound" },
		{ "Mailbox/get", "'accountId':null", "invalidArguments" },
		{ "Mailbox/get", "'accountId':'#a'", "invalidArguments" },
		{ "Mailbox/get", "'ids':'x'", "invalidArguments" },
		{ "Mailbox/get", "'ids':[1]", "invalidArguments" },
		{ "Mailbox/get", "'ids':['a b']", "invalidArguments" },
		{ "Mailbox/get", "'properties':['nope']",
		    "invalidArguments" },
		{ "Mailbox/get", "'properties':{}", "invalidArguments" },
		{ "Mailbox/get", "'nonsense':1", "invalidArguments" },
		{ "Mailbox/changes", "", "invalidArguments" },
		{ "Mailbox/changes", "'sinceState':1", "invalidArguments" },
		{ "Mailbox/changes", "'sinceState':'0','maxChanges':0",
		    "invalidArguments" },
		{ "Mailbox/changes", "'sinceState':'0','maxChanges':-1",
		    "invalidArguments" },
		{ "Mailbox/changes", "'sinceState':'bogus'",
		    "cannotCalculateChanges" },
		{ "Mailbox/changes", "'sinceState':'00'",
		    "cannotCalculateChanges" },
		{ "Mailbox/changes", "'sinceState':'99999999'",
		    "cannotCalculateChanges" },
		{ "Mailbox/query", "'limit':-1", "invalidArguments" },
		{ "Mailbox/query", "'position':1.5", "invalidArguments" },
		{ "Mailbox/query", "'filter':[]", "invalidArguments" },
		{ "Mailbox/query", "'filter':{'operator':'XOR',"
		    "'conditions':[]}", "invalidArguments" },
		{ "Mailbox/query", "'filter':{'operator':'AND'}",
		    "invalidArguments" },
		{ "Mailbox/query", "'filter':{'operator':'AND',"
		    "'conditions':[1]}", "invalidArguments" },
		{ "Mailbox/query", "'filter':{'name':1}",
		    "invalidArguments" },
		{ "Mailbox/query", "'filter':{'nope':1}",
		    "unsupportedFilter" },
		{ "Mailbox/query", "'sort':[{'property':'nope'}]",
		    "unsupportedSort" },
		{ "Mailbox/query", "'sort':[{'property':'name',"
		    "'collation':'i;nope'}]", "unsupportedSort" },
		{ "Mailbox/query", "'sort':[{}]", "invalidArguments" },
		{ "Mailbox/query", "'sort':['name']", "invalidArguments" },
		{ "Mailbox/query", "'anchor':'Mzzz'", "anchorNotFound" },
		{ "Mailbox/queryChanges", "", "invalidArguments" },
		{ "Mailbox/queryChanges", "'sinceQueryState':'x'",
		    "cannotCalculateChanges" },
		{ "Mailbox/set", "'ifInState':'nope'", "stateMismatch" },
		{ "Mailbox/set", "'create':[]", "invalidArguments" },
		{ "Mailbox/set", "'create':{'a':1}", "invalidArguments" },
		{ "Mailbox/set", "'create':{'a b':{}}", "invalidArguments" },
		{ "Mailbox/set", "'update':{'M1':[]}", "invalidArguments" },
		{ "Mailbox/set", "'destroy':[1]", "invalidArguments" },
		{ "Mailbox/set", "'onDestroyRemoveEmails':1",
		    "invalidArguments" },
		{ "Blob/copy", "'fromAccountId':'u1','blobIds':[]",
		    "invalidArguments" },
		{ "Blob/copy", "'fromAccountId':'u7','blobIds':[]",
		    "fromAccountNotFound" }
	};
	char	 args[512], want[64];
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		(void)snprintf(args, sizeof(args), "['%s',{%s%s},'c']",
		    rows[i].name, strstr(rows[i].args, "'accountId'") != NULL ?
		    "" : rows[i].args[0] == '\0' ? "'accountId':'u1'" :
		    "'accountId':'u1',", rows[i].args);
		(void)snprintf(want, sizeof(want), "[[\"error\",{\"type\":"
		    "\"%s\"", rows[i].want);
		if (strstr(jh_calls(args), want) == NULL)
			fail_msg("%s: %s", args, buf_str(&jh_out));
	}
}

static void
limits_of_objects_are_kept(void **state)
{
	(void)state;
	jh_limits.max_objects_in_get = 2;
	jh_limits.max_objects_in_set = 2;
	assert_non_null(strstr(jh_calls("['Mailbox/get',{'accountId':'u1',"
	    "'ids':['a','b','c']},'0']"), "requestTooLarge"));
	assert_non_null(strstr(jh_calls("['Mailbox/get',{'accountId':'u1',"
	    "'ids':null},'0']"), "requestTooLarge"));
	assert_non_null(strstr(jh_calls("['Mailbox/set',{'accountId':'u1',"
	    "'create':{'a':{},'b':{}},'destroy':['c']},'0']"),
	    "requestTooLarge"));
	jh_limits = jmap_api_limits;
	jh_limits.max_size_response = 300;
	assert_non_null(strstr(jh_calls("['Mailbox/get',{'accountId':'u1'},"
	    "'0'],['Core/echo',{},'1']"), "[\"Core/echo\",{},\"1\"]"));
	assert_non_null(strstr(buf_str(&jh_out), "requestTooLarge"));
	jh_limits = jmap_api_limits;
}

/* RFC 8620 3.6.2 serverUnavailable: what came after is said to be undone. */
static void
a_request_has_its_time(void **state)
{
	const char	*out;

	(void)state;
	jh_limits.max_ms = -1;
	out = jh_calls("['Mailbox/set',{'accountId':'u1','create':{'a':"
	    "{'name':'never made'}}},'0']");
	assert_non_null(strstr(out, "serverUnavailable"));
	jh_limits = jmap_api_limits;
	assert_null(strstr(jh_calls("['Mailbox/get',{'accountId':'u1'},'0']"),
	    "never made"));
}

static void
deep_filters_are_refused(void **state)
{
	char	 text[4096] = "['Mailbox/query',{'accountId':'u1','filter':";
	int	 i;

	(void)state;
	for (i = 0; i < 9; i++)
		strlcat(text, "{'operator':'NOT','conditions':[",
		    sizeof(text));
	strlcat(text, "{}", sizeof(text));
	for (i = 0; i < 9; i++)
		strlcat(text, "]}", sizeof(text));
	strlcat(text, "},'0']", sizeof(text));
	assert_non_null(strstr(jh_calls(text), "unsupportedFilter"));
}

static void
created_ids_go_in_and_out(void **state)
{
	const char	*got;

	(void)state;
	got = jh_raw("{'using':['" CORE "','" MAIL "'],'createdIds':"
	    "{'old':'Mold'},'methodCalls':[['Mailbox/set',{'accountId':'u1',"
	    "'create':{'k1':{'name':'made'}}},'0']]}");
	assert_null(jh_problem);
	assert_non_null(strstr(got, "\"createdIds\":{\"old\":\"Mold\","
	    "\"k1\":\"M"));
	/* not asked for, not given */
	assert_null(strstr(jh_calls("['Core/echo',{},'0']"), "createdIds"));
}

static void
websocket_messages_carry_their_id(void **state)
{
	static const char	 good[] =
	    "{\"@type\":\"Request\",\"id\":\"R1\",\"using\":[],"
	    "\"methodCalls\":[]}";
	static const char	 bad[] =
	    "{\"@type\":\"Request\",\"id\":\"R2\"}";
	const char		*detail;

	(void)state;
	buf_reset(&jh_out);
	assert_null(jmap_api(&jh_env, &jh_user, good, sizeof(good) - 1, 1,
	    &jh_out, &detail));
	assert_non_null(strstr(buf_str(&jh_out),
	    "{\"@type\":\"Response\",\"requestId\":\"R1\","));
	buf_reset(&jh_out);
	assert_ptr_equal(jmap_api(&jh_env, &jh_user, bad, sizeof(bad) - 1, 1,
	    &jh_out, &detail), &jmap_error_not_request);
	assert_non_null(strstr(buf_str(&jh_out),
	    "\"@type\":\"RequestError\",\"requestId\":\"R2\"}"));
	buf_reset(&jh_out);
	assert_ptr_equal(jmap_api(&jh_env, &jh_user, "x", 1, 1, &jh_out,
	    &detail), &jmap_error_not_json);
	assert_non_null(strstr(buf_str(&jh_out), "\"requestId\":null}"));
}

static void
session_says_what_there_is(void **state)
{
	struct js_val	*v, *acc;
	char		 was[17], is[17];

	(void)state;
	buf_reset(&jh_out);
	jmap_session(&jh_out, &jh_env, &jh_user, NULL, 0, 0);
	assert_int_equal(js_parse(jh_out.data, jh_out.len, NULL, NULL, &v),
	    JS_OK);
	assert_string_equal(js_str(js_get(v, "username")), "user@mail.test");
	assert_string_equal(js_str(js_get(v, "apiUrl")),
	    "https://mail.test/jmap/");
	assert_int_equal(js_int(js_get(js_get(js_get(v, "capabilities"),
	    CORE), "maxObjectsInGet")), 500);
	assert_int_equal(js_len(js_get(js_get(v, "capabilities"), MAIL)), 0);
	acc = js_get(js_get(v, "accounts"), ACC);
	assert_true(js_bool(js_get(acc, "isPersonal")));
	assert_false(js_bool(js_get(acc, "isReadOnly")));
	acc = js_get(js_get(acc, "accountCapabilities"), MAIL);
	assert_int_equal(js_int(js_get(acc, "maxMailboxDepth")), 10);
	assert_true(js_int(js_get(acc, "maxSizeMailboxName")) >= 100);
	assert_string_equal(js_str(js_get(js_get(v, "primaryAccounts"),
	    MAIL)), ACC);
	/* core has no data, so no primary account */
	assert_false(js_has(js_get(v, "primaryAccounts"), CORE));
	jmap_session_state(&jh_env, &jh_user, 0, was);
	assert_string_equal(js_str(js_get(v, "state")), was);
	js_free(v);
	jh_env.generation++;
	jmap_session_state(&jh_env, &jh_user, 0, is);
	assert_string_not_equal(was, is);
}

static void
method_table_is_sorted(void **state)
{
	const struct jmap_method	*m;
	size_t				 i, n;

	(void)state;
	n = jmap_table_all(&m);
	for (i = 0; i < n; i++) {
		if (i > 0)
			assert_true(strcmp(m[i - 1].name, m[i].name) < 0);
		assert_ptr_equal(jmap_table_find(m[i].name), &m[i]);
	}
	assert_null(jmap_table_find("Email/nothing"));
}

static void
property_tables_are_sorted(void **state)
{
	const struct jmap_method	*m;
	const struct jmap_type		*t;
	size_t				 i, k, n;

	(void)state;
	n = jmap_table_all(&m);
	for (i = 0; i < n; i++) {
		if ((t = m[i].type) == NULL)
			continue;
		assert_true(t->nprops <= 64);
		for (k = 1; k < t->nprops; k++)
			assert_true(strcmp(t->props[k - 1].name,
			    t->props[k].name) < 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_requests_are_problems),
		cmocka_unit_test(too_many_bytes_are_a_problem),
		cmocka_unit_test(problems_are_written_as_rfc_9457_says),
		cmocka_unit_test(echo_gives_everything_back),
		cmocka_unit_test(unknown_members_of_a_request_are_ignored),
		cmocka_unit_test(method_errors_do_not_stop_the_others),
		cmocka_unit_test(methods_of_unused_capabilities_are_unknown),
		cmocka_unit_test(arguments_are_checked),
		cmocka_unit_test(limits_of_objects_are_kept),
		cmocka_unit_test(a_request_has_its_time),
		cmocka_unit_test(deep_filters_are_refused),
		cmocka_unit_test(created_ids_go_in_and_out),
		cmocka_unit_test(websocket_messages_carry_their_id),
		cmocka_unit_test(session_says_what_there_is),
		cmocka_unit_test(method_table_is_sorted),
		cmocka_unit_test(property_tables_are_sorted),
	};

	return cmocka_run_group_tests(tests, jh_setup, jh_teardown);
}
