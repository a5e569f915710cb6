/* SPDX-License-Identifier: ISC */
/* Mailbox (RFC 8621 2) and, through it, the generic /set (RFC 8620 5.3). */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/mailbox_lab.h"

static void
one(const char *prop, const char *id, const char *want)
{
	struct js_val	*res;
	char		 text[256], path[64];

	(void)snprintf(text, sizeof(text), "'ids':['%s'],'properties':['%s']",
	    expand(id), prop);
	res = jh_call("Mailbox/get", text);
	(void)snprintf(path, sizeof(path), "list/0/%s", prop);
	is(res, path, want);
	js_free(res);
}

static void
get_gives_properties_asked_for(void **state)
{
	struct js_val	*res;

	(void)state;
	res = jh_call("Mailbox/get", "'ids':null");
	assert_true(js_len(jh_at(res, "list")) >= 5);
	assert_int_equal(js_len(jh_at(res, "list/0")), 11);
	jh_is(res, "notFound", "[]");
	jh_is(res, "accountId", "'u1'");
	assert_int_equal(js_len(jh_at(res, "list/0/myRights")), 9);
	js_free(res);
	make('a', "{'name':'get'}");
	res = jh_call("Mailbox/get", expand("'ids':['$a','Mzzz','$a','Mzzz',"
	    "'nope'],'properties':['name','sortOrder']"));
	is(res, "list", "[{'id':'$a','name':'get','sortOrder':0}]");
	jh_is(res, "notFound", "['Mzzz','nope']");
	js_free(res);
	res = jh_call("Mailbox/get", "'ids':[]");
	jh_is(res, "list", "[]");
	js_free(res);
	gone("'destroy':['$a']");
}

static void
create_tells_what_was_not_sent(void **state)
{
	struct js_val	*res;

	(void)state;
	res = set("'create':{'n':{'name':'new','parentId':null,"
	    "'sortOrder':5}}");
	(void)strlcpy(vars[0], js_str(jh_at(res, "created/n/id")), 64);
	jh_is(res, "created/n/isSubscribed", "true");
	jh_is(res, "created/n/role", "null");
	jh_is(res, "created/n/totalEmails", "0");
	jh_is(res, "created/n/unreadThreads", "0");
	assert_false(js_has(jh_at(res, "created/n"), "name"));
	assert_false(js_has(jh_at(res, "created/n"), "sortOrder"));
	assert_false(js_has(jh_at(res, "created/n"), "parentId"));
	jh_is(res, "notCreated", "null");
	assert_string_not_equal(js_str(jh_at(res, "oldState")),
	    js_str(jh_at(res, "newState")));
	js_free(res);
	gone("'destroy':['$a']");
}

static void
bad_creates_name_their_properties(void **state)
{
	static const struct {
		const char	*obj, *props;
	} rows[] = {
		{ "{}", "['name']" }, { "{'name':''}", "['name']" },
		{ "{'name':5}", "['name']" }, { "{'name':null}", "['name']" },
		{ "{'name':'a\\u0007b'}", "['name']" },
		{ "{'name':'a\\u0085b'}", "['name']" },
		{ "{'name':'x','sortOrder':-1}", "['sortOrder']" },
		{ "{'name':'x','sortOrder':2147483648}", "['sortOrder']" },
		{ "{'name':'x','sortOrder':'1'}", "['sortOrder']" },
		{ "{'name':'x','isSubscribed':null}", "['isSubscribed']" },
		{ "{'name':'x','parentId':'Mzzz'}", "['parentId']" },
		{ "{'name':'x','parentId':'#nope'}", "['parentId']" },
		{ "{'name':'x','parentId':7}", "['parentId']" },
		{ "{'name':'x','role':'emperor'}", "['role']" },
		{ "{'name':'x','role':'Inbox'}", "['role']" },
		{ "{'name':'x','role':''}", "['role']" },
		{ "{'name':'x','role':'inbox'}", "['role']" },
		{ "{'name':'x','id':'M9'}", "['id']" },
		{ "{'name':'x','totalEmails':0}", "['totalEmails']" },
		{ "{'name':'x','colour':'red'}", "['colour']" },
		{ "{'name':5,'sortOrder':-1,'role':1}",
		    "['name','sortOrder','role']" }
	};
	struct js_val	*res;
	char		 text[256];
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		(void)snprintf(text, sizeof(text), "'create':{'n':%s}",
		    rows[i].obj);
		res = set(text);
		jh_is(res, "notCreated/n/type", "'invalidProperties'");
		jh_is(res, "notCreated/n/properties", rows[i].props);
		jh_is(res, "created", "null");
		assert_string_equal(js_str(jh_at(res, "oldState")),
		    js_str(jh_at(res, "newState")));
		js_free(res);
	}
}

static void
name_length_is_limited(void **state)
{
	struct js_val	*res;
	char		 text[400] = "'create':{'n':{'name':'";

	(void)state;
	memset(text + strlen(text), 'x', 255);
	(void)strlcat(text, "'}}", sizeof(text));
	res = set(text);
	(void)strlcpy(vars[0], js_str(jh_at(res, "created/n/id")), 64);
	assert_int_equal(vars[0][0], 'M');
	js_free(res);
	gone("'destroy':['$a']");
	memset(text + 24, 'y', 256);
	text[24 + 256] = '\0';
	(void)strlcat(text, "'}}", sizeof(text));
	res = set(text);
	jh_is(res, "notCreated/n/properties", "['name']");
	js_free(res);
}

static void
names_are_normalised(void **state)
{
	struct js_val	*res;

	(void)state;
	res = set("'create':{'n':{'name':'cafe\\u0301'}}");
	jh_is(res, "created/n/name", "'caf\\u00e9'");
	(void)strlcpy(vars[0], js_str(jh_at(res, "created/n/id")), 64);
	js_free(res);
	res = set("'update':{'$a':{'name':'e\\u0301t\\u00e9'}}");
	is(res, "updated/$a", "{'name':'\\u00e9t\\u00e9'}");
	js_free(res);
	gone("'destroy':['$a']");
}

static void
siblings_have_different_names(void **state)
{
	struct js_val	*res;

	(void)state;
	make('a', "{'name':'twin'}");
	res = set("'create':{'n':{'name':'twin'},'k':{'name':'twin',"
	    "'parentId':'$a'}}");
	jh_is(res, "notCreated/n/type", "'invalidProperties'");
	jh_is(res, "notCreated/n/properties", "['name']");
	is(res, "notCreated/n/existingId", "'$a'");
	assert_true(js_has(jh_at(res, "created"), "k"));
	(void)strlcpy(vars[1], js_str(jh_at(res, "created/k/id")), 64);
	js_free(res);
	/* moving to where the name is taken */
	res = set("'update':{'$b':{'parentId':null}}");
	is(res, "notUpdated/$b/properties", "['name']");
	js_free(res);
	gone("'destroy':['$a','$b']");
}

static void
creation_ids_work_in_any_order(void **state)
{
	struct js_val	*res;

	(void)state;
	/* c in b in a, sent from the inside out */
	res = set("'create':{'c':{'name':'c','parentId':'#b'},"
	    "'b':{'name':'b','parentId':'#a'},'a':{'name':'a'}},"
	    "'update':{'#c':{'sortOrder':3}}");
	jh_is(res, "notCreated", "null");
	jh_is(res, "notUpdated", "null");
	(void)strlcpy(vars[0], js_str(jh_at(res, "created/a/id")), 64);
	(void)strlcpy(vars[1], js_str(jh_at(res, "created/b/id")), 64);
	(void)strlcpy(vars[2], js_str(jh_at(res, "created/c/id")), 64);
	is(res, "updated", "{'$c':null}");
	js_free(res);
	one("parentId", "$c", "'$b'");
	one("parentId", "$b", "'$a'");
	one("sortOrder", "$c", "3");
	/* parents first: each waits for its child */
	res = set("'destroy':['$a','$b','$c']");
	jh_is(res, "notDestroyed", "null");
	assert_int_equal(js_len(jh_at(res, "destroyed")), 3);
	js_free(res);
	/* a ring of new ones is nobody's child */
	res = set("'create':{'a':{'name':'a','parentId':'#b'},"
	    "'b':{'name':'b','parentId':'#a'}}");
	jh_is(res, "notCreated/a/properties", "['parentId']");
	jh_is(res, "notCreated/b/properties", "['parentId']");
	js_free(res);
}

static void
create_update_and_destroy_by_creation_id(void **state)
{
	struct js_val	*res;

	(void)state;
	res = set("'create':{'x':{'name':'short life'}},'destroy':['#x']");
	assert_int_equal(js_len(jh_at(res, "created")), 1);
	assert_int_equal(js_len(jh_at(res, "destroyed")), 1);
	assert_int_equal(js_str(jh_at(res, "destroyed/0"))[0], 'M');
	js_free(res);
	res = set("'update':{'#nobody':{'name':'x'}},'destroy':['#nobody']");
	jh_is(res, "notUpdated/#nobody/type", "'notFound'");
	jh_is(res, "notDestroyed/#nobody/type", "'notFound'");
	js_free(res);
}

static void
patches_are_read_strictly(void **state)
{
	static const struct {
		const char	*patch, *type, *props;
	} rows[] = {
		{ "{'name':'y'}", NULL, NULL },
		{ "{'sortOrder':null}", NULL, NULL },
		{ "{}", NULL, NULL },
		/* what is server-set may come back unchanged */
		{ "{'id':'$a','totalEmails':0,'myRights/mayDelete':true}",
		    NULL, NULL },
		{ "{'totalEmails':1}", "invalidProperties",
		    "['totalEmails']" },
		{ "{'id':'M99'}", "invalidProperties", "['id']" },
		{ "{'id':null}", "invalidProperties", "['id']" },
		{ "{'myRights/mayDelete':false}", "invalidProperties",
		    "['myRights']" },
		{ "{'name':null}", "invalidProperties", "['name']" },
		{ "{'colour':1}", "invalidProperties", "['colour']" },
		{ "{'name':7,'sortOrder':-1}", "invalidProperties",
		    "['name','sortOrder']" },
		{ "{'parentId':'$a'}", "invalidProperties", "['parentId']" },
		{ "{'parentId':'Mzzz'}", "invalidProperties",
		    "['parentId']" },
		/* invalidPatch */
		{ "{'name/first':'x'}", "invalidPatch", NULL },
		{ "{'myRights':{},'myRights/mayDelete':true}",
		    "invalidPatch", NULL },
		{ "{'myRights-x':1,'myRights/mayDelete':true,'myRights':{}}",
		    "invalidPatch", NULL },
		{ "{'myRights/a/b':1}", "invalidPatch", NULL },
		{ "{'a/b/c/d/e':1}", "invalidPatch", NULL },
		{ "{'na~me':1}", "invalidPatch", NULL }
	};
	struct js_val	*res;
	char		 text[256];
	size_t		 i;

	(void)state;
	make('a', "{'name':'patched'}");
	for (i = 0; i < nitems(rows); i++) {
		(void)snprintf(text, sizeof(text), "'update':{'$a':%s}",
		    rows[i].patch);
		res = set(text);
		if (rows[i].type == NULL) {
			is(res, "updated", "{'$a':null}");
		} else {
			(void)snprintf(text, sizeof(text), "'%s'",
			    rows[i].type);
			is(res, "notUpdated/$a/type", text);
			jh_is(res, "updated", "null");
		}
		if (rows[i].props != NULL)
			is(res, "notUpdated/$a/properties", rows[i].props);
		js_free(res);
	}
	gone("'destroy':['$a']");
}

static void
whole_object_is_a_patch(void **state)
{
	struct js_val	*res;
	struct buf	 b;
	char		*text;

	(void)state;
	make('a', "{'name':'whole','sortOrder':4}");
	res = jh_call("Mailbox/get", expand("'ids':['$a']"));
	buf_init(&b, 4096);
	js_out_val(&b, jh_at(res, "list/0"));
	assert_true(asprintf(&text, "'update':{'$a':%s}", buf_str(&b)) > 0);
	js_free(res);
	res = set(text);
	is(res, "updated", "{'$a':null}");
	js_free(res);
	free(text);
	buf_free(&b);
	gone("'destroy':['$a']");
}

static void
trees_have_no_loops_and_a_limit(void **state)
{
	struct js_val	*res;
	char		 obj[64];
	int		 i;

	(void)state;
	make('a', "{'name':'l1'}");
	for (i = 2; i <= 10; i++) {
		(void)snprintf(obj, sizeof(obj), "{'name':'l%d','parentId':"
		    "'$%c'}", i, 'a' + i - 2);
		make('a' + i - 1, obj);
	}
	res = set("'create':{'n':{'name':'l11','parentId':'$j'}}");
	jh_is(res, "notCreated/n/properties", "['parentId']");
	js_free(res);
	res = set("'update':{'$a':{'parentId':'$c'}}");
	is(res, "notUpdated/$a/properties", "['parentId']");
	js_free(res);
	/* a tree of two does not fit below the ninth */
	make('x', "{'name':'x'}");
	make('y', "{'name':'y','parentId':'$x'}");
	res = set("'update':{'$x':{'parentId':'$i'}}");
	is(res, "notUpdated/$x/properties", "['parentId']");
	js_free(res);
	res = set("'update':{'$x':{'parentId':'$h'}}");
	is(res, "updated", "{'$x':null}");
	js_free(res);
	res = set("'destroy':['$a']");
	is(res, "notDestroyed/$a/type", "'mailboxHasChild'");
	js_free(res);
	res = set("'destroy':['$a','$b','$c','$d','$e','$f','$g','$h','$i',"
	    "'$j','$x','$y']");
	jh_is(res, "notDestroyed", "null");
	js_free(res);
}

static void
names_may_change_places(void **state)
{
	struct js_val	*res;

	(void)state;
	make('a', "{'name':'A'}");
	make('b', "{'name':'B'}");
	make('c', "{'name':'C'}");
	res = set("'update':{'$a':{'name':'B'},'$b':{'name':'A'}}");
	is(res, "updated", "{'$a':null,'$b':null}");
	js_free(res);
	one("name", "$a", "'B'");
	one("name", "$b", "'A'");
	res = set("'update':{'$a':{'name':'A'},'$b':{'name':'C'},"
	    "'$c':{'name':'B'}}");
	jh_is(res, "notUpdated", "null");
	js_free(res);
	one("name", "$a", "'A'");
	one("name", "$b", "'C'");
	one("name", "$c", "'B'");
	/* one of the ring cannot: nobody moves */
	res = set("'update':{'$a':{'name':'B'},'$c':{'name':'A',"
	    "'sortOrder':-1}}");
	jh_is(res, "updated", "null");
	js_free(res);
	one("name", "$a", "'A'");
	/* the name of one that goes is free for a new one */
	res = set("'create':{'n':{'name':'A'}},'destroy':['$a']");
	jh_is(res, "notCreated", "null");
	(void)strlcpy(vars[0], js_str(jh_at(res, "created/n/id")), 64);
	js_free(res);
	gone("'destroy':['$a','$b','$c']");
}

static void
roles_are_unique_and_move(void **state)
{
	struct js_val	*res;

	(void)state;
	make('a', "{'name':'one','role':'important'}");
	make('b', "{'name':'two'}");
	res = set("'update':{'$b':{'role':'important'}}");
	is(res, "notUpdated/$b/properties", "['role']");
	js_free(res);
	res = set("'update':{'$b':{'role':'important'},"
	    "'$a':{'role':null}}");
	is(res, "updated", "{'$a':null,'$b':null}");
	js_free(res);
	one("role", "$b", "'important'");
	gone("'destroy':['$a','$b']");
}

static void
inbox_stays(void **state)
{
	struct js_val	*res;

	(void)state;
	res = jh_call("Mailbox/query", "'filter':{'role':'inbox'}");
	(void)strlcpy(vars[0], js_str(jh_at(res, "ids/0")), 64);
	js_free(res);
	res = set("'destroy':['$a'],'onDestroyRemoveEmails':true");
	is(res, "notDestroyed/$a/type", "'forbidden'");
	js_free(res);
	res = set("'update':{'$a':{'role':null}}");
	is(res, "notUpdated/$a/type", "'forbidden'");
	js_free(res);
	one("myRights", "$a", "{'mayReadItems':true,'mayAddItems':true,"
	    "'mayRemoveItems':true,'maySetSeen':true,'maySetKeywords':true,"
	    "'mayCreateChild':true,'mayRename':true,'maySubmit':true,"
	    "'mayDelete':false}");
}

static void
update_of_what_is_destroyed_is_refused(void **state)
{
	struct js_val	*res;

	(void)state;
	make('a', "{'name':'both'}");
	res = set("'update':{'$a':{'name':'x'},'Mzzz':{}},"
	    "'destroy':['$a','$a','Mzzy']");
	is(res, "notUpdated/$a/type", "'willDestroy'");
	jh_is(res, "notUpdated/Mzzz/type", "'notFound'");
	jh_is(res, "notDestroyed/Mzzy/type", "'notFound'");
	is(res, "destroyed", "['$a']");
	js_free(res);
}

static void
state_guards_a_set(void **state)
{
	struct js_val	*res;
	char		 text[256], st[32];

	(void)state;
	res = jh_call("Mailbox/get", "'ids':[]");
	(void)strlcpy(st, js_str(jh_at(res, "state")), sizeof(st));
	js_free(res);
	(void)snprintf(text, sizeof(text), "'ifInState':'%s','create':"
	    "{'n':{'name':'guarded'}}", st);
	res = set(text);
	(void)strlcpy(vars[0], js_str(jh_at(res, "created/n/id")), 64);
	js_free(res);
	res = set(text);
	jh_is(res, "type", "'stateMismatch'");
	js_free(res);
	(void)snprintf(text, sizeof(text), "'sinceState':'%s'", st);
	res = jh_call("Mailbox/changes", text);
	is(res, "created", "['$a']");
	jh_is(res, "updated", "[]");
	jh_is(res, "destroyed", "[]");
	jh_is(res, "hasMoreChanges", "false");
	jh_is(res, "updatedProperties", "null");
	js_free(res);
	gone("'destroy':['$a']");
	res = jh_call("Mailbox/changes", text);
	jh_is(res, "created", "[]");
	jh_is(res, "destroyed", "[]");
	js_free(res);
}

static void
changes_come_in_pieces(void **state)
{
	struct js_val	*res;
	char		 text[256], st[32];
	size_t		 seen = 0;
	int		 rounds;

	(void)state;
	res = jh_call("Mailbox/get", "'ids':[]");
	(void)strlcpy(st, js_str(jh_at(res, "state")), sizeof(st));
	js_free(res);
	make('a', "{'name':'p1'}");
	make('b', "{'name':'p2'}");
	make('c', "{'name':'p3'}");
	for (rounds = 0; rounds < 5; rounds++) {
		(void)snprintf(text, sizeof(text), "'sinceState':'%s',"
		    "'maxChanges':1", st);
		res = jh_call("Mailbox/changes", text);
		assert_true(js_len(jh_at(res, "created")) +
		    js_len(jh_at(res, "updated")) +
		    js_len(jh_at(res, "destroyed")) <= 1);
		seen += js_len(jh_at(res, "created"));
		(void)strlcpy(st, js_str(jh_at(res, "newState")), sizeof(st));
		if (!js_bool(jh_at(res, "hasMoreChanges")))
			break;
		js_free(res);
	}
	js_free(res);
	assert_int_equal(seen, 3);
	gone("'destroy':['$a','$b','$c']");
}

static void
only_real_changes_are_announced(void **state)
{
	(void)state;
	make('a', "{'name':'quiet'}");
	jh_changes = 0;
	gone("'create':{'n':{}}");
	assert_int_equal(jh_changes, 0);
	gone("'destroy':['$a']");
	assert_int_equal(jh_changes, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_gives_properties_asked_for),
		cmocka_unit_test(create_tells_what_was_not_sent),
		cmocka_unit_test(bad_creates_name_their_properties),
		cmocka_unit_test(name_length_is_limited),
		cmocka_unit_test(names_are_normalised),
		cmocka_unit_test(siblings_have_different_names),
		cmocka_unit_test(creation_ids_work_in_any_order),
		cmocka_unit_test(create_update_and_destroy_by_creation_id),
		cmocka_unit_test(patches_are_read_strictly),
		cmocka_unit_test(whole_object_is_a_patch),
		cmocka_unit_test(trees_have_no_loops_and_a_limit),
		cmocka_unit_test(names_may_change_places),
		cmocka_unit_test(roles_are_unique_and_move),
		cmocka_unit_test(inbox_stays),
		cmocka_unit_test(update_of_what_is_destroyed_is_refused),
		cmocka_unit_test(state_guards_a_set),
		cmocka_unit_test(changes_come_in_pieces),
		cmocka_unit_test(only_real_changes_are_announced),
	};

	return cmocka_run_group_tests(tests, jh_setup, jh_teardown);
}
