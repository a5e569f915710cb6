/* SPDX-License-Identifier: ISC */
/* Email/query (RFC 8621 4.4): rows of filters, sorts and windows. */
#include "regress/unit/email_list.h"

/* The letters of a list of ids. */
static const char *
letters(struct js_val *list)
{
	static char	 out[64];
	size_t		 i, k;

	for (i = 0; i < js_len(list) && i < sizeof(out) - 1; i++) {
		for (k = 0; k < nitems(ids); k++)
			if (strcmp(ids[k], js_str(js_at(list, i))) == 0)
				break;
		out[i] = k < nitems(ids) ? (char)('a' + k) : '?';
	}
	out[i] = '\0';
	return out;
}

static const struct query_row {
	const char	*args, *want;	/* %I: inbox, %T: trash, %a: an id */
} query_rows[] = {
	/* newest first without a sort */
	{ "'filter':null", "fedcba" },
	{ "'filter':{}", "fedcba" },
	{ "'filter':{'inMailbox':'%I'}", "fedcba" },
	{ "'filter':{'inMailbox':'%T'}", "" },
	{ "'filter':{'inMailbox':'Mzzz'}", "" },
	{ "'filter':{'inMailboxOtherThan':['%I']}", "" },
	{ "'filter':{'inMailboxOtherThan':['%T']}", "fedcba" },
	{ "'filter':{'inMailbox':'%I','hasKeyword':'$seen'}", "ea" },
	{ "'filter':{'inMailbox':'%I','hasKeyword':'$SEEN'}", "ea" },
	{ "'filter':{'inMailbox':'%I','notKeyword':'$seen'}", "fdcb" },
	{ "'filter':{'hasKeyword':'never'}", "" },
	{ "'filter':{'notKeyword':'never'}", "fedcba" },
	{ "'filter':{'after':'2020-01-01T00:02:00Z'}", "fedc" },
	{ "'filter':{'before':'2020-01-01T00:02:00Z'}", "ba" },
	{ "'filter':{'before':'1970-01-01T00:00:00Z'}", "" },
	{ "'filter':{'after':'2020-01-01T00:01:00Z',"
	    "'before':'2020-01-01T00:03:00Z'}", "cb" },
	{ "'filter':{'minSize':200}", "e" },
	{ "'filter':{'hasAttachment':true}", "e" },
	{ "'filter':{'hasAttachment':false}", "fdcba" },
	/* threads: a, c and f are one */
	{ "'filter':{'someInThreadHaveKeyword':'$flagged'}", "fca" },
	{ "'filter':{'noneInThreadHaveKeyword':'$flagged'}", "edb" },
	{ "'filter':{'allInThreadHaveKeyword':'$seen'}", "e" },
	{ "'filter':{'inMailbox':'%I'},'collapseThreads':true", "fedb" },
	{ "'filter':{'inMailbox':'%I','hasKeyword':'$seen'},"
	    "'collapseThreads':true", "ea" },
	/* texts */
	{ "'filter':{'text':'bus'}", "ca" },
	{ "'filter':{'text':'BUS stops'}", "ca" },
	{ "'filter':{'text':'\\'big bus\\''}", "ca" },
	{ "'filter':{'text':'\\\"bus stops\\\"'}", "a" },
	{ "'filter':{'body':'bus','from':'mia'}", "c" },
	{ "'filter':{'subject':'alpha'}", "fca" },
	{ "'filter':{'subject':'gr\xc3\xbc\xc3\x9f" "e'}", "d" },
	{ "'filter':{'from':'J\xc3\xbcrgen'}", "d" },
	{ "'filter':{'from':'zoe'}", "ea" },
	{ "'filter':{'to':'bob@x.org'}", "b" },
	{ "'filter':{'cc':'carol'}", "b" },
	{ "'filter':{'bcc':'hidden'}", "e" },
	{ "'filter':{'body':'caf\xc3\xa9'}", "d" },
	{ "'filter':{'body':'secret'}", "" },
	{ "'filter':{'text':'plan'}", "e" },
	{ "'filter':{'text':''}", "fedcba" },
	{ "'filter':{'text':'absent'}", "" },
	{ "'filter':{'text':'bus','hasKeyword':'$seen'}", "a" },
	{ "'filter':{'text':'bus','inMailbox':'%T'}", "" },
	{ "'filter':{'text':'alpha'},'collapseThreads':true", "f" },
	{ "'filter':{'header':['X-Tag']}", "c" },
	{ "'filter':{'header':['x-tag','one']}", "c" },
	{ "'filter':{'header':['x-tag','three']}", "" },
	{ "'filter':{'header':['Message-ID','d@x']}", "d" },
	/* operators */
	{ "'filter':{'operator':'OR','conditions':[{'from':'adam'},"
	    "{'hasKeyword':'$flagged'}]}", "cb" },
	{ "'filter':{'operator':'NOT','conditions':[{'from':'adam'},"
	    "{'hasKeyword':'$flagged'}]}", "feda" },
	{ "'filter':{'operator':'AND','conditions':[{'inMailbox':'%I'},"
	    "{'operator':'NOT','conditions':[{'text':'bus'}]}]}", "fedb" },
	{ "'filter':{'operator':'AND','conditions':[]}", "fedcba" },
	{ "'filter':{'operator':'OR','conditions':[]}", "" },
	{ "'filter':{'operator':'OR','conditions':[{},{'from':'no'}]}",
	    "fedcba" },
	/* sorts */
	{ "'sort':[{'property':'receivedAt'}]", "abcdef" },
	{ "'sort':[{'property':'receivedAt','isAscending':false}]",
	    "fedcba" },
	{ "'sort':[{'property':'from'},{'property':'receivedAt'}]",
	    "fbdcae" },
	{ "'sort':[{'property':'subject'},{'property':'receivedAt',"
	    "'isAscending':false}]", "fcabed" },
	{ "'sort':[{'property':'subject','collation':'i;ascii-casemap',"
	    "'isAscending':false},{'property':'receivedAt'}]", "debacf" },
	{ "'sort':[{'property':'hasKeyword','keyword':'$seen',"
	    "'isAscending':false},{'property':'receivedAt'}]", "aebcdf" },
	{ "'sort':[{'property':'someInThreadHaveKeyword',"
	    "'keyword':'$flagged','isAscending':false},"
	    "{'property':'receivedAt'}]", "acfbde" },
	{ "'sort':[{'property':'allInThreadHaveKeyword','keyword':'$seen',"
	    "'isAscending':false},{'property':'receivedAt'}]", "eabcdf" },
	{ "'sort':[{'property':'receivedAt'}],'collapseThreads':true",
	    "abde" },
	{ "'filter':{'inMailbox':'%I'},'sort':[{'property':'size',"
	    "'isAscending':false}],'limit':1", "e" },
	/* windows */
	{ "'limit':2", "fe" },
	{ "'position':2,'limit':2", "dc" },
	{ "'position':10", "" },
	{ "'position':-2", "ba" },
	{ "'position':-100,'limit':1", "f" },
	{ "'anchor':'%d','limit':2", "dc" },
	{ "'anchor':'%d','anchorOffset':-1,'limit':2", "ed" },
	{ "'anchor':'%d','anchorOffset':2,'limit':2", "ba" },
	{ "'anchor':'%f','anchorOffset':-5,'limit':1", "f" },
	{ "'anchor':'%c','filter':{'text':'bus'}", "ca" },
	{ "'anchor':'%d','sort':[{'property':'from'},"
	    "{'property':'receivedAt'}]", "dcae" },
	{ "'limit':0", "" },
};

static void
rows_find_what_they_should(void **state)
{
	const struct query_row	*r;
	struct js_val		*v;
	const char		*got;
	int			 again;

	(void)state;
	deliver_all("query1");
	/* the second time from the cache */
	for (again = 0; again < 2; again++)
		for (r = query_rows; r < query_rows + nitems(query_rows);
		    r++) {
			v = lab_call("Email/query", "%s", fill(r->args));
			got = letters(js_get(v, "ids"));
			if (strcmp(got, r->want) != 0)
				fail_msg("%s: %s, not %s", r->args, got,
				    r->want);
		}
	lab_close();
}

static void
totals_count_the_whole_list(void **state)
{
	static const struct {
		const char	*args;
		int		 total;
	} rows[] = {
		{ "'filter':{'inMailbox':'%I'},'limit':1", 6 },
		{ "'filter':{'inMailbox':'%I'},'collapseThreads':true,"
		    "'limit':1", 4 },
		{ "'filter':{'inMailbox':'%I','notKeyword':'$seen'},"
		    "'limit':1", 4 },
		{ "'filter':{'inMailbox':'%T'}", 0 },
		{ "'filter':{'inMailbox':'Mzzz'}", 0 },
		{ "'filter':{'text':'bus'},'limit':1", 2 },
		{ "'filter':{'hasAttachment':false},'limit':1", 5 },
		{ "'sort':[{'property':'size'}],'limit':1", 6 },
		{ "'anchor':'%d','limit':1,'filter':{'inMailbox':'%I'}", 6 },
		{ "'position':-1,'limit':1", 6 },
	};
	struct js_val	*v;
	size_t		 i;

	(void)state;
	deliver_all("query2");
	for (i = 0; i < nitems(rows); i++) {
		v = lab_call("Email/query", "'calculateTotal':true,%s",
		    fill(rows[i].args));
		assert_int_equal(js_int(js_get(v, "total")), rows[i].total);
	}
	v = lab_call("Email/query", "'limit':1");
	assert_false(js_has(v, "total"));
	lab_close();
}

static void
wrong_queries_are_refused(void **state)
{
	static const struct {
		const char	*args, *type;
	} rows[] = {
		{ "'filter':{'inMailbox':1}", "invalidArguments" },
		{ "'filter':{'nonsense':1}", "unsupportedFilter" },
		{ "'filter':{'before':'2020'}", "invalidArguments" },
		{ "'filter':{'minSize':-1}", "invalidArguments" },
		{ "'filter':{'header':[]}", "invalidArguments" },
		{ "'filter':{'header':['a','b','c']}", "invalidArguments" },
		{ "'filter':{'operator':'XOR','conditions':[]}",
		    "invalidArguments" },
		{ "'sort':[{'property':'nonsense'}]", "unsupportedSort" },
		{ "'sort':[{'property':'hasKeyword'}]", "invalidArguments" },
		{ "'sort':[{'property':'subject','collation':'i;none'}]",
		    "unsupportedSort" },
		{ "'anchor':'E99'", "anchorNotFound" },
		{ "'anchor':'%a','filter':{'text':'caf\xc3\xa9'}",
		    "anchorNotFound" },
		{ "'anchor':'%a','filter':{'inMailbox':'%T'}",
		    "anchorNotFound" },
		{ "'limit':-1", "invalidArguments" },
		{ "'collapseThreads':1", "invalidArguments" },
	};
	size_t	 i;

	(void)state;
	deliver_all("query3");
	for (i = 0; i < nitems(rows); i++)
		assert_string_equal(lab_error("Email/query", "%s",
		    fill(rows[i].args)), rows[i].type);
	lab_close();
}

static void
state_of_a_mailbox_is_its_own(void **state)
{
	char	 s[32];

	(void)state;
	deliver_all("query4");
	strlcpy(s, js_str(js_get(lab_call("Email/query",
	    "'filter':{'inMailbox':'%s'}", trash), "queryState")), sizeof(s));
	lab_deliver("\n", LAB_T0, NULL);
	assert_string_equal(js_str(js_get(lab_call("Email/query",
	    "'filter':{'inMailbox':'%s'}", trash), "queryState")), s);
	assert_string_not_equal(js_str(js_get(lab_call("Email/query",
	    "'filter':{}"), "queryState")), s);
	lab_close();
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(rows_find_what_they_should),
		cmocka_unit_test(totals_count_the_whole_list),
		cmocka_unit_test(wrong_queries_are_refused),
		cmocka_unit_test(state_of_a_mailbox_is_its_own),
	};
	int	 ret;

	mime_charset_init();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	lab_end();
	return ret;
}
