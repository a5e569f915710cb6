/* SPDX-License-Identifier: ISC */
/* SearchSnippet/get (RFC 8621 5): where a text is found, marked and cut. */
#include "regress/unit/email_list.h"

static const struct snippet_row {
	const char	*filter, *letter, *subject, *preview;
} snippet_rows[] = {
	{ "{'text':'bus'}", "a", "null",
	    "'the big <mark>bus</mark> stops here '" },
	{ "{'text':'BUS stop*'}", "a", "null",
	    "'the big <mark>bus</mark> <mark>stop</mark>s here '" },
	{ "{'text':'\\'big bus\\''}", "a", "null",
	    "'the <mark>big bus</mark> stops here '" },
	{ "{'text':'stopping'}", "a", "null",
	    "'the big bus <mark>stops</mark> here '" },
	{ "{'text':'\\'stop\\''}", "a", "null", "null" },
	{ "{'text':'alpha'}", "a", "'<mark>alpha</mark> report'", "null" },
	{ "{'subject':'report'}", "f", "'ALPHA <mark>REPORT</mark>'",
	    "null" },
	{ "{'body':'alpha'}", "a", "null", "null" },
	{ "{'text':'cafe'}", "d", "null", "'<mark>caf\xc3\xa9</mark> '" },
	{ "{'subject':'GRUSSE'}", "d",
	    "'<mark>gr\xc3\xbc\xc3\x9f" "e</mark>'", "null" },
	{ "{'operator':'NOT','conditions':[{'text':'bus'}]}", "a", "null",
	    "null" },
	{ "{'hasKeyword':'$seen'}", "a", "null", "null" },
	{ "null", "a", "null", "null" },
};

static void
snippets_show_the_place(void **state)
{
	const struct snippet_row	*r;
	struct js_val			*v, *list;
	struct buf			 b;
	const char			*s;
	int				 i;

	(void)state;
	deliver_all("query7");
	for (r = snippet_rows; r < snippet_rows + nitems(snippet_rows); r++) {
		v = lab_call("SearchSnippet/get", "'filter':%s,'emailIds':"
		    "['%s']", r->filter, ids[r->letter[0] - 'a']);
		assert_null(js_get(v, "notFound"));
		list = js_get(v, "list");
		assert_int_equal(js_len(list), 1);
		assert_string_equal(js_str(js_get(js_at(list, 0), "emailId")),
		    ids[r->letter[0] - 'a']);
		lab_is(js_get(js_at(list, 0), "subject"), r->subject);
		lab_is(js_get(js_at(list, 0), "preview"), r->preview);
	}
	/* a long text of what must be escaped stays within 255 octets */
	buf_init(&b, 1 << 20);
	buf_adds(&b, "Subject: a & b < c\n\n");
	for (i = 0; i < 500; i++)
		buf_adds(&b, i == 250 ? "needle " : "<x> & \xc3\xa9 needlework ");
	strlcpy(ids[6], lab_deliver(buf_str(&b), LAB_T0, NULL),
	    sizeof(ids[6]));
	v = lab_call("SearchSnippet/get", "'filter':{'text':'needle b'},"
	    "'emailIds':['%s','E99']", ids[6]);
	lab_is(js_get(v, "notFound"), "['E99']");
	v = js_at(js_get(v, "list"), 0);
	lab_is(js_get(v, "subject"), "'a &amp; <mark>b</mark> &lt; c'");
	s = js_str(js_get(v, "preview"));
	assert_true(strlen(s) <= 255 && strlen(s) > 200);
	assert_non_null(strstr(s, "<mark>needle</mark>"));
	assert_true(strncmp(s, "... ", 4) == 0);
	buf_free(&b);
	lab_close();
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(snippets_show_the_place),
	};
	int	 ret;

	mime_charset_init();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	lab_end();
	return ret;
}
