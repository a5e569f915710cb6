/* SPDX-License-Identifier: ISC */
/* Email/get and Email/changes, asked as a client asks. */
#include "regress/unit/email_lab.h"

static const char	rich[] =
    "Received: from a by b; Thu, 30 Oct 2014 06:12:00 +0000\r\n"
    "From: Joe <joe@example.com>\r\n"
    "Sender: \"S, T\" <s@example.com>\r\n"
    "To: Friends: jane@example.com, =?UTF-8?Q?J=C3=B6?= <j@example.com>;,\r\n"
    " solo@example.com\r\n"
    "Cc: c@example.com\r\nBcc: b@example.com\r\n"
    "Reply-To: r@example.com\r\n"
    "Subject: =?utf-8?q?H=C3=B6llo?= there\r\n"
    "Date: Thu, 30 Oct 2014 14:12:00 +0800\r\n"
    "Message-ID: <m1@example.com>\r\n"
    "In-Reply-To: <p@example.com>\r\n"
    "References: <q@example.com> <p@example.com>\r\n"
    "X-Twice: one\r\nX-TWICE:  two\r\n"
    "List-Post: <mailto:l@example.com> (note)\r\n"
    "Resent-To: a@x.org\r\nResent-To: b@x.org\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
    "preamble\r\n"
    "--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    "caf=E9\r\nline two\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\n"
    "Content-Language: de\r\n\r\n<p>caf\xc3\xa9 <b>bold</b></p>\r\n--b--\r\n"
    "--a\r\nContent-Type: image/png\r\nContent-ID: <c@d>\r\n"
    "Content-Disposition: attachment; filename=\"y.png\"\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--a--\r\n";

static const struct get_row {
	const char	*prop, *json;
} get_rows[] = {
	{ "from", "[{'name':'Joe','email':'joe@example.com'}]" },
	{ "sender", "[{'name':'S, T','email':'s@example.com'}]" },
	{ "to", "[{'name':null,'email':'jane@example.com'},"
	    "{'name':'J\xc3\xb6','email':'j@example.com'},"
	    "{'name':null,'email':'solo@example.com'}]" },
	{ "cc", "[{'name':null,'email':'c@example.com'}]" },
	{ "bcc", "[{'name':null,'email':'b@example.com'}]" },
	{ "replyTo", "[{'name':null,'email':'r@example.com'}]" },
	{ "subject", "'H\xc3\xb6llo there'" },
	{ "sentAt", "'2014-10-30T14:12:00+08:00'" },
	{ "messageId", "['m1@example.com']" },
	{ "inReplyTo", "['p@example.com']" },
	{ "references", "['q@example.com','p@example.com']" },
	{ "receivedAt", "'2020-01-01T00:00:00Z'" },
	{ "hasAttachment", "true" },
	{ "preview", "'caf\xc3\xa9 line two'" },
	{ "keywords", "{'$seen':true}" },
	{ "header:subject", "' =?utf-8?q?H=C3=B6llo?= there'" },
	{ "header:Subject:asText", "'H\xc3\xb6llo there'" },
	{ "header:X-Twice", "'  two'" },
	{ "header:x-twice:all", "[' one','  two']" },
	{ "header:x-twice:asText:all", "['one','two']" },
	{ "header:x-none", "null" },
	{ "header:x-none:all", "[]" },
	{ "header:x-none:asAddresses", "null" },
	{ "header:To:asGroupedAddresses",
	    "[{'name':'Friends','addresses':["
	    "{'name':null,'email':'jane@example.com'},"
	    "{'name':'J\xc3\xb6','email':'j@example.com'}]},"
	    "{'name':null,'addresses':["
	    "{'name':null,'email':'solo@example.com'}]}]" },
	{ "header:Resent-To:asAddresses:all",
	    "[[{'name':null,'email':'a@x.org'}],"
	    "[{'name':null,'email':'b@x.org'}]]" },
	{ "header:List-Post:asURLs", "['mailto:l@example.com']" },
	{ "header:References:asMessageIds",
	    "['q@example.com','p@example.com']" },
	{ "header:Date:asDate", "'2014-10-30T14:12:00+08:00'" },
	{ "header:x-twice:asMessageIds", "null" },
};

static void
every_property_is_right(void **state)
{
	const struct get_row	*r;
	struct js_val		*v;
	char			 id[STORE_IDLEN];

	(void)state;
	lab_open("get1");
	strlcpy(id, lab_deliver(rich, LAB_T0, "$seen"), sizeof(id));
	for (r = get_rows; r < get_rows + nitems(get_rows); r++)
		lab_is(lab_prop(id, r->prop), r->json);
	assert_int_equal(js_int(lab_prop(id, "size")), sizeof(rich) - 1);
	v = lab_prop(id, "mailboxIds");
	assert_int_equal(js_len(v), 1);
	assert_true(js_bool(js_get(v, lab.inbox_id)));
	assert_int_equal(js_str(lab_prop(id, "threadId"))[0], 'T');
	assert_int_equal(js_str(lab_prop(id, "blobId"))[0], 'G');
	v = lab_prop(id, "headers");
	assert_int_equal(js_len(v), 19);
	assert_string_equal(js_str(js_get(js_at(v, 13), "name")), "X-TWICE");
	assert_string_equal(js_str(js_get(js_at(v, 13), "value")), "  two");
	lab_close();
}

static void
default_properties_are_those_of_the_rfc(void **state)
{
	static const char *const want[] = { "id", "blobId", "threadId",
	    "mailboxIds", "keywords", "size", "receivedAt", "messageId",
	    "inReplyTo", "references", "sender", "from", "to", "cc", "bcc",
	    "replyTo", "subject", "sentAt", "hasAttachment", "preview",
	    "bodyValues", "textBody", "htmlBody", "attachments" };
	struct js_val	*m;
	char		 id[STORE_IDLEN];
	size_t		 i;

	(void)state;
	lab_open("get2");
	strlcpy(id, lab_deliver(rich, LAB_T0, NULL), sizeof(id));
	m = js_at(js_get(lab_call("Email/get", "'ids':['%s']", id), "list"),
	    0);
	assert_int_equal(js_len(m), nitems(want));
	for (i = 0; i < nitems(want); i++)
		assert_true(js_has(m, want[i]));
	lab_is(js_get(m, "bodyValues"), "{}");
	m = js_at(js_get(m, "textBody"), 0);
	assert_int_equal(js_len(m), 10);	/* bodyProperties, default */
	lab_close();
}

static void
bodies_are_right(void **state)
{
	struct js_val	*m, *v;
	char		 id[STORE_IDLEN];
	struct buf	 b;

	(void)state;
	lab_open("get3");
	strlcpy(id, lab_deliver(rich, LAB_T0, NULL), sizeof(id));
	m = js_at(js_get(lab_call("Email/get", "'ids':['%s'],"
	    "'properties':['bodyStructure','textBody','htmlBody',"
	    "'attachments','bodyValues'],'bodyProperties':['partId','type',"
	    "'charset','size','name','disposition','cid','language',"
	    "'header:Content-ID'],'fetchTextBodyValues':true", id), "list"),
	    0);
	lab_is(js_get(m, "bodyStructure"),
	    "{'partId':null,'type':'multipart/mixed','charset':null,'size':0,"
	    "'name':null,'disposition':null,'cid':null,'language':null,"
	    "'header:Content-ID':null,'subParts':["
	    "{'partId':null,'type':'multipart/alternative','charset':null,"
	    "'size':0,'name':null,'disposition':null,'cid':null,"
	    "'language':null,'header:Content-ID':null,'subParts':["
	    "{'partId':'1.1','type':'text/plain','charset':'iso-8859-1',"
	    "'size':14,'name':null,'disposition':null,'cid':null,"
	    "'language':null,'header:Content-ID':null},"
	    "{'partId':'1.2','type':'text/html','charset':'utf-8','size':24,"
	    "'name':null,'disposition':null,'cid':null,'language':['de'],"
	    "'header:Content-ID':null}]},"
	    "{'partId':'2','type':'image/png','charset':null,'size':4,"
	    "'name':'y.png','disposition':'attachment','cid':'c@d',"
	    "'language':null,'header:Content-ID':' <c@d>'}]}");
	assert_int_equal(js_len(js_get(m, "attachments")), 1);
	lab_is(js_get(m, "bodyValues"), "{'1.1':{'value':"
	    "'caf\xc3\xa9\\nline two','isEncodingProblem':false,"
	    "'isTruncated':false}}");
	m = js_at(js_get(lab_call("Email/get", "'ids':['%s'],"
	    "'properties':['bodyValues'],'fetchAllBodyValues':true,"
	    "'maxBodyValueBytes':4", id), "list"), 0);
	/* cut between characters, and not in a tag */
	lab_is(js_get(m, "bodyValues"), "{'1.1':{'value':'caf',"
	    "'isEncodingProblem':false,'isTruncated':true},'1.2':{'value':"
	    "'<p>c','isEncodingProblem':false,'isTruncated':true}}");
	v = js_get(js_at(lab_prop(id, "attachments"), 0), "blobId");
	buf_init(&b, 100);
	assert_int_equal(jmap_blob_download(&lab.user, js_str(v), &b), 1);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "\0\1\2\3", 4);
	buf_free(&b);
	lab_close();
}

static const char *const bad_props[] = {
	"header:From:asDate", "header:Subject:asAddresses", "header:",
	"header:X Y", "header:Date:asText", "header:X:asFoo", "header:X:as",
	"header:X:all:asText", "header:X:all:all", "nonsense", "",
	"header:From:asMessageIds", "header:Subject:asURLs",
};

static void
forbidden_forms_are_refused(void **state)
{
	size_t	 i;

	(void)state;
	lab_open("get4");
	for (i = 0; i < nitems(bad_props); i++) {
		assert_string_equal(lab_error("Email/get",
		    "'ids':[],'properties':['%s']", bad_props[i]),
		    "invalidArguments");
		assert_string_equal(lab_error("Email/get",
		    "'ids':[],'bodyProperties':['%s']", bad_props[i]),
		    "invalidArguments");
	}
	assert_string_equal(lab_error("Email/get",
	    "'ids':[],'fetchAllBodyValues':1"), "invalidArguments");
	assert_string_equal(lab_error("Email/get",
	    "'ids':[],'maxBodyValueBytes':-1"), "invalidArguments");
	lab_close();
}

static void
unknown_ids_are_not_found(void **state)
{
	struct js_val	*v;

	(void)state;
	lab_open("get5");
	v = lab_call("Email/get", "'ids':['E99','x','E99','M1']");
	assert_int_equal(js_len(js_get(v, "list")), 0);
	lab_is(js_get(v, "notFound"), "['E99','x','M1']");
	lab_close();
}

/* A list row that was too long to be kept is made from the message. */
static void
long_lists_come_from_the_message(void **state)
{
	struct js_val	*v;
	struct buf	 b;
	char		 id[STORE_IDLEN];
	int		 i;

	(void)state;
	lab_open("get6");
	buf_init(&b, 1 << 20);
	buf_adds(&b, "To: a0@example.com");
	for (i = 1; i < 1000; i++)
		buf_addf(&b, ",\r\n a%d@example.com", i);
	buf_adds(&b, "\r\nSubject: x\r\n\r\n");
	strlcpy(id, lab_deliver(buf_str(&b), LAB_T0, NULL), sizeof(id));
	v = js_at(js_get(lab_call("Email/get", "'ids':['%s'],"
	    "'properties':['subject','to','from']", id), "list"), 0);
	assert_int_equal(js_len(js_get(v, "to")), 1000);
	lab_is(js_get(v, "subject"), "'x'");
	assert_null(js_get(v, "from"));
	assert_string_equal(js_str(js_get(js_at(js_get(v, "to"), 999),
	    "email")), "a999@example.com");
	/* and for update's comparison */
	v = lab_call("Email/set", "'update':{'%s':{'subject':'x'}}", id);
	assert_true(js_has(js_get(v, "updated"), id));
	v = lab_call("Email/set", "'update':{'%s':{'subject':'y'}}", id);
	lab_is(js_get(js_get(js_get(v, "notUpdated"), id), "properties"),
	    "['subject']");
	buf_free(&b);
	lab_close();
}

static void
many_keywords_are_listed(void **state)
{
	struct js_val	*v;
	struct buf	 b;
	char		 id[STORE_IDLEN], kw[16];
	int		 i;

	(void)state;
	lab_open("get7");
	strlcpy(id, lab_deliver("\n", LAB_T0, NULL), sizeof(id));
	buf_init(&b, 1 << 20);
	for (i = 0; i < 150; i++)
		buf_addf(&b, "%s'KW%d':true", i > 0 ? "," : "", i);
	v = lab_call("Email/set", "'update':{'%s':{'keywords':{%s}}}", id,
	    buf_str(&b));
	assert_true(js_has(js_get(v, "updated"), id));
	v = lab_prop(id, "keywords");
	assert_int_equal(js_len(v), 150);
	for (i = 0; i < 150; i++) {
		snprintf(kw, sizeof(kw), "kw%d", i);
		assert_true(js_bool(js_get(v, kw)));
	}
	buf_free(&b);
	lab_close();
}

static void
changes_tell_all(void **state)
{
	struct js_val	*v;
	char		 a[STORE_IDLEN], b[STORE_IDLEN], s0[32];

	(void)state;
	lab_open("get8");
	strlcpy(s0, js_str(js_get(lab_call("Email/get", "'ids':[]"),
	    "state")), sizeof(s0));
	strlcpy(a, lab_deliver("Subject: a\n\n", LAB_T0, NULL), sizeof(a));
	strlcpy(b, lab_deliver("Subject: b\n\n", LAB_T0, NULL), sizeof(b));
	v = lab_call("Email/changes", "'sinceState':'%s'", s0);
	assert_int_equal(js_len(js_get(v, "created")), 2);
	strlcpy(s0, js_str(js_get(v, "newState")), sizeof(s0));
	lab_call("Email/set", "'update':{'%s':{'keywords/$seen':true}},"
	    "'destroy':['%s']", a, b);
	v = lab_call("Email/changes", "'sinceState':'%s'", s0);
	assert_string_equal(js_str(js_at(js_get(v, "updated"), 0)), a);
	assert_string_equal(js_str(js_at(js_get(v, "destroyed"), 0)), b);
	assert_string_equal(lab_error("Email/changes", "'sinceState':'zz'"),
	    "cannotCalculateChanges");
	lab_close();
}

/* RFC 8621 3: a mail whose thread is merged gets a new id. */
static void
merged_threads_renew_ids(void **state)
{
	struct js_val	*v;
	char		 a[STORE_IDLEN], b[STORE_IDLEN], s0[32];

	(void)state;
	lab_open("get9");
	strlcpy(a, lab_deliver("Message-ID: <a@x>\nSubject: t\n\n", LAB_T0,
	    NULL), sizeof(a));
	strlcpy(b, lab_deliver("Message-ID: <b@x>\nSubject: t\n\n",
	    LAB_T0 + 1000, NULL), sizeof(b));
	strlcpy(s0, js_str(js_get(lab_call("Email/get", "'ids':[]"),
	    "state")), sizeof(s0));
	lab_deliver("Message-ID: <c@x>\nReferences: <a@x> <b@x>\n"
	    "Subject: Re: t\n\n", LAB_T0 + 2000, NULL);
	v = lab_call("Email/changes", "'sinceState':'%s'", s0);
	assert_int_equal(js_len(js_get(v, "destroyed")), 1);
	assert_int_equal(js_len(js_get(v, "created")), 2);
	v = lab_call("Email/query", "'filter':{'inMailbox':'%s'},"
	    "'collapseThreads':true,'calculateTotal':true", lab.inbox_id);
	assert_int_equal(js_int(js_get(v, "total")), 1);
	lab_close();
}

/* A message in a message, in base64 and as it is: Email/parse, and the parts
 * of the inner one are blobs, too. */
static void
attached_messages_open(void **state)
{
	static const char	 outer[] =
	    "Subject: outer\r\nContent-Type: multipart/mixed; boundary=o\r\n"
	    "\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n"
	    "Subject: plain inside\r\n"
	    "Content-Type: multipart/mixed; boundary=i\r\n\r\n"
	    "--i\r\n\r\ntext\r\n--i\r\nContent-Type: image/png\r\n"
	    "Content-Disposition: attachment\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--i--\r\n"
	    "\r\n--o\r\nContent-Type: message/rfc822\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n"
	    /* "Subject: coded\r\nContent-Type: text/plain\r\n
	     * Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9" */
	    "U3ViamVjdDogY29kZWQNCkNvbnRlbnQtVHlwZTogdGV4dC9wbGFpbg0KQ29udGVu"
	    "dC1UcmFuc2Zlci1FbmNvZGluZzogcXVvdGVkLXByaW50YWJsZQ0KDQpjYWY9QzM9"
	    "QTk=\r\n--o--\r\n";
	struct js_val	*v, *list;
	struct buf	 b;
	char		 id[STORE_IDLEN], one[256], two[256];

	(void)state;
	lab_open("get10");
	strlcpy(id, lab_deliver(outer, LAB_T0, NULL), sizeof(id));
	list = lab_prop(id, "attachments");
	assert_int_equal(js_len(list), 2);
	strlcpy(one, js_str(js_get(js_at(list, 0), "blobId")), sizeof(one));
	strlcpy(two, js_str(js_get(js_at(list, 1), "blobId")), sizeof(two));
	v = lab_call("Email/parse", "'blobIds':['%s','%s','Gx','%s'],"
	    "'properties':['subject','id','threadId','mailboxIds','keywords',"
	    "'receivedAt','blobId','attachments','bodyStructure',"
	    "'header:Subject'],'bodyProperties':['blobId','type']", one, two,
	    one);
	lab_is(js_get(v, "notFound"), "['Gx']");
	assert_null(js_get(v, "notParsable"));
	assert_int_equal(js_len(js_get(v, "parsed")), 2);
	list = js_get(js_get(v, "parsed"), one);
	lab_is(js_get(list, "subject"), "'plain inside'");
	lab_is(js_get(list, "header:Subject"), "' plain inside'");
	assert_true(js_has(list, "id") && js_get(list, "id") == NULL);
	assert_true(js_has(list, "keywords") &&
	    js_get(list, "keywords") == NULL);
	assert_null(js_get(list, "receivedAt"));
	assert_string_equal(js_str(js_get(list, "blobId")), one);
	buf_init(&b, 100);
	assert_int_equal(jmap_blob_download(&lab.user, js_str(js_get(js_at(
	    js_get(list, "attachments"), 0), "blobId")), &b), 1);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "\0\1\2\3", 4);
	buf_reset(&b);
	list = js_get(js_get(v, "parsed"), two);
	lab_is(js_get(list, "subject"), "'coded'");
	assert_int_equal(jmap_blob_download(&lab.user, js_str(js_get(
	    js_get(list, "bodyStructure"), "blobId")), &b), 1);
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.data, "caf\xc3\xa9", 5);
	v = lab_call("Email/parse", "'blobIds':['%s'],"
	    "'fetchAllBodyValues':true", two);
	list = js_get(js_get(v, "parsed"), two);
	assert_int_equal(js_len(list), 17);	/* the default of 4.9 */
	lab_is(js_get(js_get(js_get(list, "bodyValues"), "1"), "value"),
	    "'caf\xc3\xa9'");
	assert_string_equal(lab_error("Email/parse", "'blobIds':[1]"),
	    "invalidArguments");
	assert_string_equal(lab_error("Email/parse",
	    "'blobIds':[],'properties':['header:From:asDate']"),
	    "invalidArguments");
	buf_free(&b);
	lab_close();
}

/* A structure record that is not to be read is made anew. */
static void
old_records_are_no_loss(void **state)
{
	struct store_newmail	 m;
	struct store_txn	*txn;
	struct arena		 a;
	uint64_t		 n, tid;
	char			 id[STORE_IDLEN];

	(void)state;
	lab_open("get12");
	memset(&m, 0, sizeof(m));
	arena_init(&a, EMAIL_ROW_ARENA);
	assert_int_equal(store_begin(lab.user.store, 1, &txn), STORE_OK);
	assert_int_equal(store_blob_put(txn, rich, sizeof(rich) - 1, m.blob),
	    STORE_OK);
	assert_int_equal(email_row(&a, rich, sizeof(rich) - 1, &m), 0);
	m.structure = SLICE("\377from the future", 16);
	m.mailbox = &lab.inbox;
	m.nmailbox = 1;
	assert_int_equal(store_mail_add(txn, &m, &n, &tid), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	arena_free(&a);
	store_id_mail(n, id);
	assert_int_equal(js_len(lab_prop(id, "attachments")), 1);
	lab_is(lab_prop(id, "header:X-Twice"), "'  two'");
	lab_is(js_get(js_get(js_at(js_get(lab_call("Email/get", "'ids':['%s'],"
	    "'properties':['bodyValues'],'fetchTextBodyValues':true", id),
	    "list"), 0), "bodyValues"), "1.1"), "{'value':"
	    "'caf\xc3\xa9\\nline two','isEncodingProblem':false,"
	    "'isTruncated':false}");
	lab_close();
}

/* Everything at its limits: kept, listed, shown and searched all the same. */
static void
hostile_mail_is_mail(void **state)
{
	struct jmap_limits	 lim = jmap_api_limits;
	struct js_val		*v;
	struct buf		 b;
	char			 id[STORE_IDLEN];
	int			 i, k;

	(void)state;
	lab_open("get11");
	buf_init(&b, 64 << 20);
	buf_adds(&b, "Subject: ");
	for (i = 0; i < 40000; i++)
		buf_adds(&b, "long\"\\word ");
	buf_adds(&b, "\r\nTo: ");
	for (i = 0; i < 20000; i++)
		buf_addf(&b, "\"n%d\" <a%d@x.org>,\r\n ", i, i);
	buf_adds(&b, "\r\nReferences:");
	for (i = 0; i < 5000; i++)
		buf_addf(&b, " <%d@x>", i);
	buf_adds(&b, "\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (i = 0; i < 1500; i++) {
		buf_addf(&b, "--b\r\nContent-Type: text/plain; name=\"");
		for (k = 0; k < 100; k++)
			buf_adds(&b, "\xc3\xa9\\\"0123456789");
		buf_addf(&b, "\"\r\nContent-Language: a, b, c\r\n\r\nx%d\r\n",
		    i);
	}
	strlcpy(id, lab_deliver_n((char *)b.data, b.len, lab.inbox, LAB_T0,
	    NULL), sizeof(id));
	v = lab_call("Email/get", "'ids':['%s'],'fetchAllBodyValues':true,"
	    "'properties':['subject','to','references','bodyStructure',"
	    "'textBody','attachments','bodyValues','headers','preview']", id);
	v = js_at(js_get(v, "list"), 0);
	assert_int_equal(js_len(v), 10);
	assert_true(js_len(js_get(v, "to")) >= 1000);
	assert_true(js_len(js_get(v, "subject")) > 100000);
	assert_true(js_len(js_get(v, "bodyValues")) >= 900);
	/* more than a response may hold: said, not left out */
	lim.max_size_response = 100000;
	lab.env.limits = &lim;
	assert_string_equal(lab_error("Email/get", "'ids':['%s'],"
	    "'properties':['headers']", id), "requestTooLarge");
	lab.env.limits = &jmap_api_limits;
	v = lab_call("Email/query", "'filter':{'text':'\\'n17 a17@x.org\\''}");
	assert_int_equal(js_len(js_get(v, "ids")), 1);
	buf_free(&b);
	lab_close();
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(every_property_is_right),
		cmocka_unit_test(default_properties_are_those_of_the_rfc),
		cmocka_unit_test(bodies_are_right),
		cmocka_unit_test(forbidden_forms_are_refused),
		cmocka_unit_test(unknown_ids_are_not_found),
		cmocka_unit_test(long_lists_come_from_the_message),
		cmocka_unit_test(many_keywords_are_listed),
		cmocka_unit_test(changes_tell_all),
		cmocka_unit_test(merged_threads_renew_ids),
		cmocka_unit_test(attached_messages_open),
		cmocka_unit_test(old_records_are_no_loss),
		cmocka_unit_test(hostile_mail_is_mail),
	};
	int	 ret;

	mime_charset_init();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	lab_end();
	return ret;
}
