/* SPDX-License-Identifier: ISC */
/* Mailbox (RFC 8621 2) and, through it, the generic /set (RFC 8620 5.3). */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/jmap_help.h"

/* args with each $x replaced by the id that var x holds, or a text. */
static char	 vars[26][64];

static const char *
expand(const char *s)
{
	static char	 out[8192];
	size_t		 n = 0;

	for (; *s != '\0'; s++) {
		if (*s == '$' && s[1] >= 'a' && s[1] <= 'z')
			n += (size_t)snprintf(out + n, sizeof(out) - n, "%s",
			    vars[*++s - 'a']);
		else
			out[n++] = *s;
	}
	out[n] = '\0';
	return out;
}

static struct js_val *
set(const char *args)
{
	return jh_call("Mailbox/set", expand(args));
}

static void
is(struct js_val *res, const char *path, const char *want)
{
	static char	 p[256];

	(void)strlcpy(p, expand(path), sizeof(p));
	jh_is(res, p, expand(want));
}

/* Create one; its id goes into a variable. */
static void
make(int var, const char *obj)
{
	struct js_val	*res;
	char		 text[512];

	(void)snprintf(text, sizeof(text), "'create':{'n':%s}", obj);
	res = set(text);
	if (js_type(jh_at(res, "created/n/id")) != JS_STR)
		fail_msg("%s: %s", text, buf_str(&jh_out));
	(void)strlcpy(vars[var - 'a'], js_str(jh_at(res, "created/n/id")),
	    sizeof(vars[0]));
	js_free(res);
}

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
gone(const char *args)
{
	js_free(set(args));
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

/* --- /query ------------------------------------------------------------- */

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
		cmocka_unit_test(queries_filter_sort_and_cut),
		cmocka_unit_test(query_says_total_position_and_limit),
		cmocka_unit_test(query_changes_can_be_applied),
	};

	return cmocka_run_group_tests(tests, jh_setup, jh_teardown);
}
