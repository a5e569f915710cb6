/* SPDX-License-Identifier: ISC */
/* Email/set and Email/import: what is made, changed, and refused. */
#include "regress/unit/email_lab.h"

/* One Email made, or not: the created object, or the SetError. */
static struct js_val *
create(const char *members, int *ok)
{
	struct js_val	*v;

	v = lab_call("Email/set", "'create':{'k':{'mailboxIds':{'%s':true}"
	    "%s%s}}", lab.inbox_id, *members != '\0' ? "," : "", members);
	*ok = js_has(js_get(v, "created"), "k");
	return js_get(js_get(v, *ok ? "created" : "notCreated"), "k");
}

static const char *
created(const char *members)
{
	static char	 id[STORE_IDLEN];
	struct js_val	*v;
	int		 ok;

	v = create(members, &ok);
	if (!ok)
		fail_msg("%s: %s", members, buf_str(&lab.out));
	strlcpy(id, js_str(js_get(v, "id")), sizeof(id));
	return id;
}

static const struct bad_row {
	const char	*members;
	const char	*prop;		/* first of "properties" */
	const char	*type;		/* NULL: invalidProperties */
} bad_rows[] = {
	{ "'nonsense':1", "nonsense", NULL },
	{ "'headers':[]", "headers", NULL },
	{ "'id':'x'", "id", NULL },
	{ "'blobId':'x'", "blobId", NULL },
	{ "'threadId':'T1'", "threadId", NULL },
	{ "'size':1", "size", NULL },
	{ "'preview':'x'", "preview", NULL },
	{ "'hasAttachment':true", "hasAttachment", NULL },
	{ "'from':'joe'", "from", NULL },
	{ "'from':[{'name':'x'}]", "from", NULL },
	{ "'from':[{'email':1}]", "from", NULL },
	{ "'from':[{'email':'a@b','x':1}]", "from", NULL },
	{ "'from':[{'email':'a@b\\nBcc: x@y'}]", "from", NULL },
	{ "'from':[{'name':'a\\r\\nX: y','email':'a@b'}]", "from", NULL },
	{ "'subject':1", "subject", NULL },
	{ "'subject':'a\\nb'", "subject", NULL },
	{ "'sentAt':'yesterday'", "sentAt", NULL },
	{ "'messageId':['<a@b>']", "messageId", NULL },
	{ "'messageId':['a b']", "messageId", NULL },
	{ "'receivedAt':'x'", "receivedAt", NULL },
	{ "'keywords':[]", "keywords", NULL },
	{ "'keywords':{'a b':true}", "keywords", NULL },
	{ "'keywords':{'a':false}", "keywords", NULL },
	{ "'keywords':{'':true}", "keywords", NULL },
	{ "'from':[],'header:From':'x'", NULL, NULL },
	{ "'header:from:asAddresses':[],'header:From':'x'", NULL, NULL },
	{ "'header:From:asDate':'2020-01-01T00:00:00Z'",
	    "header:From:asDate", NULL },
	{ "'header:X:as':'x'", "header:X:as", NULL },
	{ "'header:X:all':'x'", "header:X:all", NULL },
	{ "'header:X':'a\\nb'", "header:X", NULL },
	{ "'header:X':1", "header:X", NULL },
	{ "'header:Content-Type':'text/plain'", "header:Content-Type", NULL },
	{ "'header:Content-Foo':'x'", "header:Content-Foo", NULL },
	{ "'bodyValues':1", "bodyValues", NULL },
	{ "'bodyValues':{'1':{}}", "bodyValues/1", NULL },
	{ "'bodyValues':{'1':{'value':'x','isTruncated':true}}",
	    "bodyValues/1", NULL },
	{ "'bodyValues':{'1':{'value':'x','isEncodingProblem':true}}",
	    "bodyValues/1", NULL },
	{ "'textBody':{}", "textBody", NULL },
	{ "'textBody':[]", "textBody", NULL },
	{ "'textBody':[{'partId':'1'}]", "textBody/0/partId", NULL },
	{ "'bodyValues':{'1':{'value':'x'}},"
	    "'textBody':[{'partId':'1'},{'partId':'1'}]", "textBody", NULL },
	{ "'bodyValues':{'1':{'value':'x'}},"
	    "'textBody':[{'partId':'1','type':'text/html'}]", "textBody/0",
	    NULL },
	{ "'bodyValues':{'1':{'value':'x'}},"
	    "'htmlBody':[{'partId':'1','type':'text/plain'}]", "htmlBody/0",
	    NULL },
	{ "'bodyValues':{'1':{'value':'x'}},"
	    "'textBody':[{'partId':'1','charset':'utf-8'}]",
	    "textBody/0/charset", NULL },
	{ "'bodyValues':{'1':{'value':'x'}},"
	    "'textBody':[{'partId':'1','size':1}]", "textBody/0/size", NULL },
	{ "'bodyValues':{'1':{'value':'x'}},'textBody':[{'partId':'1',"
	    "'header:Content-Transfer-Encoding':'8bit'}]",
	    "textBody/0/header:Content-Transfer-Encoding", NULL },
	{ "'bodyValues':{'1':{'value':'x'}},'textBody':[{'partId':'1',"
	    "'language':['e\\nX: y']}]", "textBody/0/language", NULL },
	{ "'bodyValues':{'1':{'value':'x'}},'textBody':[{'partId':'1',"
	    "'type':'text/plain','header:Content-Type':'text/plain'}]",
	    "textBody/0/type", NULL },
	{ "'bodyValues':{'1':{'value':'x'}},'textBody':[{'partId':'1',"
	    "'headers':[]}]", "textBody/0/headers", NULL },
	{ "'attachments':[{'partId':'1','blobId':'G1'}]",
	    "attachments/0/blobId", NULL },
	{ "'attachments':[{}]", "attachments/0/partId", NULL },
	{ "'attachments':[{'blobId':1}]", "attachments/0/blobId", NULL },
	{ "'attachments':[{'blobId':'Gnone'},{'blobId':'Gnot'}]", NULL,
	    "blobNotFound" },
	{ "'bodyStructure':{},'textBody':[]", "textBody", NULL },
	{ "'bodyStructure':1", "bodyStructure", NULL },
	{ "'bodyStructure':{'type':'multipart/mixed'}",
	    "bodyStructure/subParts", NULL },
	{ "'bodyStructure':{'type':'multipart/mixed','subParts':[]}",
	    "bodyStructure/subParts", NULL },
	{ "'bodyStructure':{'type':'text/plain','subParts':[{}]}",
	    "bodyStructure/type", NULL },
	{ "'bodyStructure':{'type':'no type','partId':'1'}",
	    "bodyStructure/type", NULL },
	{ "'bodyStructure':{'type':'a/b\\r\\nX: y','partId':'1'}",
	    "bodyStructure/type", NULL },
	{ "'subject':'x','bodyValues':{'1':{'value':'x'}},"
	    "'bodyStructure':{'partId':'1','header:Subject':'y'}",
	    "bodyStructure", NULL },
	{ "'bodyStructure':{'subParts':[{'subParts':[{'partId':'x'}]}]}",
	    "bodyStructure/subParts/0/subParts/0/partId", NULL },
};

static void
illegal_shapes_are_named(void **state)
{
	const struct bad_row	*r;
	struct js_val		*e;
	const char		*type;
	int			 ok;

	(void)state;
	lab_open("set1");
	for (r = bad_rows; r < bad_rows + nitems(bad_rows); r++) {
		e = create(r->members, &ok);
		type = js_str(js_get(e, "type"));
		if (ok || strcmp(type, r->type != NULL ? r->type :
		    "invalidProperties") != 0)
			fail_msg("%s: %s", r->members, buf_str(&lab.out));
		if (r->prop != NULL && strcmp(js_str(js_at(js_get(e,
		    "properties"), 0)), r->prop) != 0)
			fail_msg("%s: %s", r->members, buf_str(&lab.out));
	}
	e = create("'attachments':[{'blobId':'Gnone'},{'blobId':'Gnot'}]",
	    &ok);
	lab_is(js_get(e, "notFound"), "['Gnone','Gnot']");
	assert_int_equal(js_len(js_get(lab_call("Email/query", "'filter':{}"),
	    "ids")), 0);
	lab_close();
}

static void
where_it_goes_is_checked(void **state)
{
	static const struct {
		const char	*members, *prop;
	} rows[] = {
		{ "'subject':'x'", "mailboxIds" },
		{ "'mailboxIds':{}", "mailboxIds" },
		{ "'mailboxIds':null", "mailboxIds" },
		{ "'mailboxIds':{'M999':true}", "mailboxIds" },
		{ "'mailboxIds':{'x':true}", "mailboxIds" },
		{ "'mailboxIds':{'#no':true}", "mailboxIds" },
		{ "'mailboxIds':['M1']", "mailboxIds" },
	};
	struct js_val	*e;
	size_t		 i;

	(void)state;
	lab_open("set2");
	for (i = 0; i < nitems(rows); i++) {
		e = js_get(js_get(lab_call("Email/set", "'create':{'k':{%s}}",
		    rows[i].members), "notCreated"), "k");
		assert_string_equal(js_str(js_get(e, "type")),
		    "invalidProperties");
		assert_string_equal(js_str(js_at(js_get(e, "properties"), 0)),
		    rows[i].prop);
	}
	e = js_get(js_get(lab_call("Email/set", "'create':{'k':{'mailboxIds':"
	    "{'%s':false}}}", lab.inbox_id), "notCreated"), "k");
	assert_string_equal(js_str(js_get(e, "type")), "invalidProperties");
	lab_close();
}

static void
what_was_set_comes_back(void **state)
{
	static const struct {
		const char	*prop, *json;
	} rows[] = {
		{ "from", "[{'name':'Joe \xc3\x84','email':'joe@x.org'}]" },
		{ "to", "[{'name':null,'email':'a@x.org'},"
		    "{'name':'B, C','email':'b@x.org'}]" },
		{ "subject", "'H\xc3\xa9llo w\xc3\xb6rld'" },
		{ "sentAt", "'2018-07-10T11:03:11+10:00'" },
		{ "messageId", "['own@x.org']" },
		{ "references", "['r1@x.org','r2@x.org']" },
		{ "receivedAt", "'2018-07-10T01:03:11Z'" },
		{ "keywords", "{'$draft':true,'x':true}" },
		{ "header:X-Tag:asText:all", "['one','zw\xc3\xb6lf']" },
		{ "header:Resent-To:asGroupedAddresses", "[{'name':'G',"
		    "'addresses':[{'name':null,'email':'g@x.org'}]}]" },
		{ "header:List-Post:asURLs", "['mailto:x@y']" },
		{ "hasAttachment", "true" },
		{ "preview", "'plain text'" },
	};
	struct js_val	*m;
	char		 id[STORE_IDLEN], blob[128];
	struct buf	 b;
	size_t		 i;

	(void)state;
	lab_open("set3");
	buf_init(&b, 1000);
	assert_int_equal(jmap_blob_upload(&lab.env, &lab.user, "image/png",
	    "\0\1\2\xff", 4, &b), 0);
	m = NULL;
	assert_int_equal(js_parse(b.data, b.len, NULL, NULL, &m), JS_OK);
	strlcpy(blob, js_str(js_get(m, "blobId")), sizeof(blob));
	js_free(m);
	buf_reset(&b);
	buf_addf(&b, "'from':[{'name':'Joe \xc3\x84','email':'joe@x.org'}],"
	    "'to':[{'email':'a@x.org'},{'name':'B, C','email':'b@x.org'}],"
	    "'subject':'H\xc3\xa9llo w\xc3\xb6rld',"
	    "'sentAt':'2018-07-10T11:03:11+10:00','messageId':['own@x.org'],"
	    "'references':['r1@x.org','r2@x.org'],'cc':null,"
	    "'receivedAt':'2018-07-10T01:03:11Z',"
	    "'keywords':{'$DRAFT':true,'x':true},"
	    "'header:X-Tag:asText:all':['one','zw\xc3\xb6lf'],"
	    "'header:Resent-To:asGroupedAddresses':[{'name':'G',"
	    "'addresses':[{'email':'g@x.org'}]}],"
	    "'header:List-Post:asURLs':['mailto:x@y'],"
	    "'bodyValues':{'t':{'value':'plain\\ntext'},"
	    "'h':{'value':'<b>html</b>'}},'textBody':[{'partId':'t'}],"
	    "'htmlBody':[{'partId':'h','type':'text/html'}],"
	    "'attachments':[{'blobId':'%s','type':'image/png','name':"
	    "'p\xc3\xa4 1.png'}]", blob);
	strlcpy(id, created(buf_str(&b)), sizeof(id));
	for (i = 0; i < nitems(rows); i++)
		lab_is(lab_prop(id, rows[i].prop), rows[i].json);
	m = js_at(js_get(lab_call("Email/get", "'ids':['%s'],'properties':["
	    "'bodyValues','bodyStructure','attachments'],"
	    "'bodyProperties':['type','name'],'fetchAllBodyValues':true", id),
	    "list"), 0);
	lab_is(js_get(m, "bodyStructure"), "{'type':'multipart/mixed',"
	    "'name':null,'subParts':[{'type':'multipart/alternative',"
	    "'name':null,'subParts':[{'type':'text/plain','name':null},"
	    "{'type':'text/html','name':null}]},{'type':'image/png',"
	    "'name':'p\xc3\xa4 1.png'}]}");
	lab_is(js_get(m, "bodyValues"), "{'1.1':{'value':'plain\\ntext',"
	    "'isEncodingProblem':false,'isTruncated':false},'1.2':{'value':"
	    "'<b>html</b>','isEncodingProblem':false,"
	    "'isTruncated':false}}");
	buf_reset(&b);
	assert_int_equal(jmap_blob_download(&lab.user, js_str(js_get(js_at(
	    lab_prop(id, "attachments"), 0), "blobId")), &b), 1);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "\0\1\2\xff", 4);
	buf_free(&b);
	lab_close();
}

static void
drafts_may_be_empty(void **state)
{
	char	 id[STORE_IDLEN];

	(void)state;
	lab_open("set4");
	strlcpy(id, created(""), sizeof(id));
	/* "the server MUST generate a Message-ID and a Date" */
	assert_int_equal(js_len(lab_prop(id, "messageId")), 1);
	assert_non_null(strstr(js_str(js_at(lab_prop(id, "messageId"), 0)),
	    "@mail.example.com"));
	assert_int_equal(js_type(lab_prop(id, "sentAt")), JS_STR);
	lab_is(lab_prop(id, "subject"), "null");
	lab_is(lab_prop(id, "keywords"), "{}");
	/* a draft of the RFC, 4.10 */
	strlcpy(id, created("'from':[{'name':'Joe Bloggs','email':"
	    "'joe@example.com'}],'subject':'World domination',"
	    "'bodyStructure':{'type':'multipart/alternative','subParts':["
	    "{'partId':'a49d','type':'text/html','header:Content-Language':"
	    "'en'},{'partId':'bd48','type':'text/plain',"
	    "'header:Content-Language':'en'}]},'bodyValues':{'bd48':{'value':"
	    "'I have the most brilliant plan.','isTruncated':false},'a49d':"
	    "{'value':'<html>x</html>','isTruncated':false}}"), sizeof(id));
	lab_is(js_get(js_at(lab_prop(id, "textBody"), 0), "language"),
	    "['en']");
	lab_close();
}

static void
updates_patch(void **state)
{
	struct js_val	*v;
	char		 id[STORE_IDLEN], box[STORE_IDLEN], st[32];

	(void)state;
	lab_open("set5");
	strlcpy(id, lab_deliver("Subject: x\n\n", LAB_T0, "$seen"),
	    sizeof(id));
	v = lab_call("Mailbox/set", "'create':{'m':{'name':'Other'}}");
	strlcpy(box, js_str(js_get(js_get(js_get(v, "created"), "m"), "id")),
	    sizeof(box));
	lab_call("Email/set", "'update':{'%s':{'keywords/$flagged':true,"
	    "'keywords/$seen':null,'mailboxIds/%s':true}}", id, box);
	lab_is(lab_prop(id, "keywords"), "{'$flagged':true}");
	assert_int_equal(js_len(lab_prop(id, "mailboxIds")), 2);
	lab_call("Email/set", "'update':{'%s':{'keywords':{'A':true},"
	    "'mailboxIds':{'%s':true}}}", id, box);
	lab_is(lab_prop(id, "keywords"), "{'a':true}");
	assert_true(js_has(lab_prop(id, "mailboxIds"), box));
	assert_int_equal(js_len(lab_prop(id, "mailboxIds")), 1);
	v = lab_call("Email/set", "'update':{'%s':{'keywords':null}}", id);
	lab_is(lab_prop(id, "keywords"), "{}");
	/* out of the last mailbox */
	v = lab_call("Email/set", "'update':{'%s':{'mailboxIds/%s':null}}",
	    id, box);
	v = js_get(js_get(v, "notUpdated"), id);
	assert_string_equal(js_str(js_get(v, "type")), "invalidProperties");
	lab_is(js_get(v, "properties"), "['mailboxIds']");
	/* immutable ones: only as they are */
	v = lab_call("Email/set", "'update':{'%s':{'subject':'x','size':12,"
	    "'receivedAt':'2020-01-01T00:00:00Z','id':'%s','from':null}}", id,
	    id);
	assert_true(js_has(js_get(v, "updated"), id));
	v = lab_call("Email/set", "'update':{'%s':{'subject':'y'}}", id);
	lab_is(js_get(js_get(js_get(v, "notUpdated"), id), "properties"),
	    "['subject']");
	v = lab_call("Email/set", "'update':{'%s':{'keywords/a b':true}}",
	    id);
	assert_string_equal(js_str(js_get(js_get(js_get(v, "notUpdated"), id),
	    "type")), "invalidProperties");
	v = lab_call("Email/set", "'update':{'%s':{'keywords/a/b':true}}",
	    id);
	assert_string_equal(js_str(js_get(js_get(js_get(v, "notUpdated"), id),
	    "type")), "invalidPatch");
	v = lab_call("Email/set", "'update':{'%s':{'mailboxIds/M99':true}}",
	    id);
	assert_string_equal(js_str(js_get(js_get(js_get(v, "notUpdated"), id),
	    "type")), "invalidProperties");
	/* changing nothing is no change; a wrong state is refused */
	strlcpy(st, js_str(js_get(v, "newState")), sizeof(st));
	v = lab_call("Email/set", "'ifInState':'%s','update':{'%s':"
	    "{'keywords/none':null}}", st, id);
	assert_string_equal(js_str(js_get(v, "newState")), st);
	assert_string_equal(lab_error("Email/set", "'ifInState':'zz'"),
	    "stateMismatch");
	lab_close();
}

static void
limits_have_names(void **state)
{
	struct jmap_limits	 l = jmap_api_limits;
	struct js_val		*v;
	struct buf		 b;
	char			 id[STORE_IDLEN];
	int			 i;

	(void)state;
	lab_open("set6");
	strlcpy(id, lab_deliver("\n", LAB_T0, NULL), sizeof(id));
	buf_init(&b, 1 << 20);
	for (i = 0; i < STORE_KW_MAX + 1; i++)
		buf_addf(&b, "%s'k%d':true", i > 0 ? "," : "", i);
	v = lab_call("Email/set", "'update':{'%s':{'keywords':{%s}}}", id,
	    buf_str(&b));
	assert_string_equal(js_str(js_get(js_get(js_get(v, "notUpdated"), id),
	    "type")), "tooManyKeywords");
	l.max_mailboxes_per_email = 1;
	l.max_attachments = 10;
	lab.env.limits = &l;
	v = lab_call("Email/set", "'update':{'%s':{'mailboxIds':{'%s':true,"
	    "'M2':true}}}", id, lab.inbox_id);
	assert_string_equal(js_str(js_get(js_get(js_get(v, "notUpdated"), id),
	    "type")), "tooManyMailboxes");
	v = lab_call("Email/set", "'update':{'%s':{'mailboxIds/M2':true}}",
	    id);
	assert_string_equal(js_str(js_get(js_get(js_get(v, "notUpdated"), id),
	    "type")), "tooManyMailboxes");
	lab.env.limits = &jmap_api_limits;
	buf_free(&b);
	lab_close();
}

static void
destroying_is_final(void **state)
{
	struct js_val	*v;
	char		 id[STORE_IDLEN];

	(void)state;
	lab_open("set7");
	strlcpy(id, lab_deliver("\n", LAB_T0, NULL), sizeof(id));
	v = lab_call("Email/set", "'destroy':['%s','E99','x']", id);
	assert_int_equal(js_len(js_get(v, "destroyed")), 1);
	assert_string_equal(js_str(js_get(js_get(js_get(v, "notDestroyed"),
	    "E99"), "type")), "notFound");
	assert_string_equal(js_str(js_get(js_get(js_get(v, "notDestroyed"),
	    "x"), "type")), "notFound");
	v = lab_call("Email/get", "'ids':['%s']", id);
	assert_int_equal(js_len(js_get(v, "notFound")), 1);
	v = lab_call("Email/set", "'update':{'%s':{}}", id);
	assert_string_equal(js_str(js_get(js_get(js_get(v, "notUpdated"), id),
	    "type")), "notFound");
	lab_close();
}

static void
upload(const char *raw, size_t n, char id[128])
{
	struct js_val	*m = NULL;
	struct buf	 b;

	buf_init(&b, 1000);
	assert_int_equal(jmap_blob_upload(&lab.env, &lab.user,
	    "message/rfc822", raw, n, &b), 0);
	assert_int_equal(js_parse(b.data, b.len, NULL, NULL, &m), JS_OK);
	strlcpy(id, js_str(js_get(m, "blobId")), 128);
	js_free(m);
	buf_free(&b);
}

static void
imports_keep_every_byte(void **state)
{
	static const char	 raw[] = "Received: x;\r\n"
	    " Thu, 30 Oct 2014 06:12:00 +0000\r\nSubject: in\r\n\r\nb\0dy\xff";
	struct js_val		*v;
	char			 blob[128], empty[128], id[STORE_IDLEN];

	(void)state;
	lab_open("set8");
	upload(raw, sizeof(raw) - 1, blob);
	upload("", 0, empty);
	v = lab_call("Email/import", "'emails':{"
	    "'a':{'blobId':'%s','mailboxIds':{'%s':true},"
	    "'keywords':{'$Seen':true}},"
	    "'b':{'blobId':'%s','mailboxIds':{'%s':true},"
	    "'receivedAt':'2001-02-03T04:05:06Z'},"
	    "'e':{'blobId':'%s','mailboxIds':{'%s':true}},"
	    "'c':{'blobId':'Gnone','mailboxIds':{'%s':true}},"
	    "'d':{'blobId':'%s','mailboxIds':{}},"
	    "'f':{'mailboxIds':{'%s':true}},"
	    "'g':{'blobId':'%s','mailboxIds':{'%s':true},'x':1,"
	    "'keywords':{'(':true}}}", blob, lab.inbox_id, blob, lab.inbox_id,
	    empty, lab.inbox_id, lab.inbox_id, blob, lab.inbox_id, blob,
	    lab.inbox_id);
	assert_int_equal(js_len(js_get(v, "created")), 3);
	assert_int_equal(js_len(js_get(v, "notCreated")), 4);
	lab_is(js_get(js_get(js_get(v, "notCreated"), "c"), "properties"),
	    "['blobId']");
	lab_is(js_get(js_get(js_get(v, "notCreated"), "d"), "properties"),
	    "['mailboxIds']");
	lab_is(js_get(js_get(js_get(v, "notCreated"), "f"), "properties"),
	    "['blobId']");
	lab_is(js_get(js_get(js_get(v, "notCreated"), "g"), "properties"),
	    "['x','keywords']");
	v = js_get(js_get(v, "created"), "a");
	assert_string_equal(js_str(js_get(v, "blobId")), blob);
	assert_int_equal(js_int(js_get(v, "size")), sizeof(raw) - 1);
	strlcpy(id, js_str(js_get(v, "id")), sizeof(id));
	lab_is(lab_prop(id, "receivedAt"), "'2014-10-30T06:12:00Z'");
	lab_is(lab_prop(id, "keywords"), "{'$seen':true}");
	assert_string_equal(lab_error("Email/import", "'emails':[]"),
	    "invalidArguments");
	assert_string_equal(lab_error("Email/import",
	    "'emails':{},'ifInState':'zz'"), "stateMismatch");
	lab_close();
}

static void
copies_need_another_account(void **state)
{
	(void)state;
	lab_open("set9");
	assert_string_equal(lab_error("Email/copy",
	    "'fromAccountId':'set9','create':{}"), "invalidArguments");
	assert_string_equal(lab_error("Email/copy",
	    "'fromAccountId':'other','create':{}"),
	    "fromAccountNotFound");
	assert_string_equal(lab_error("Email/copy", "'create':{}"),
	    "invalidArguments");
	lab_close();
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(illegal_shapes_are_named),
		cmocka_unit_test(where_it_goes_is_checked),
		cmocka_unit_test(what_was_set_comes_back),
		cmocka_unit_test(drafts_may_be_empty),
		cmocka_unit_test(updates_patch),
		cmocka_unit_test(limits_have_names),
		cmocka_unit_test(destroying_is_final),
		cmocka_unit_test(imports_keep_every_byte),
		cmocka_unit_test(copies_need_another_account),
	};
	int	 ret;

	mime_charset_init();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	lab_end();
	return ret;
}
