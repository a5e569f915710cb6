/* SPDX-License-Identifier: ISC */
/* worker/jmap/email_row.c, email_struct.c, email_text.c. */
#include "regress/unit/email_lab.h"

static struct store_newmail
row(struct arena *a, const char *raw)
{
	struct store_newmail	 m;

	memset(&m, 0, sizeof(m));
	m.received = LAB_T0 + 1234;
	memset(m.blob, 7, sizeof(m.blob));
	assert_int_equal(email_row(a, raw, strlen(raw), &m), 0);
	return m;
}

static void
frag_is(const struct store_newmail *m, enum store_frag f, const char *want)
{
	if (m->frag[f].n != strlen(want) ||
	    memcmp(m->frag[f].p, want, m->frag[f].n) != 0)
		fail_msg("fragment %d is %.*s, not %s", (int)f,
		    (int)m->frag[f].n, (const char *)m->frag[f].p, want);
}

static void
fragments_are_json(void **state)
{
	struct store_newmail	 m;
	struct arena		 a;

	(void)state;
	arena_init(&a, MIME_ARENA);
	m = row(&a, "From: \"Joe \\\"J\\\" Blogg\" <joe@example.com>\r\n"
	    "To: =?utf-8?q?J=C3=BCrgen?= <j@x.org>, b@x.org\r\n"
	    "Subject: Re: [list] =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
	    "Message-ID: <1@x.org>\r\nIn-Reply-To: <0@x.org>\r\n"
	    "References: <r1@x.org> <0@x.org>\r\n"
	    "Date: Thu, 30 Oct 2014 14:12:00 +0800\r\n\r\nHello\r\nworld\r\n");
	frag_is(&m, STORE_F_FROM, "[{\"name\":\"Joe \\\"J\\\" Blogg\","
	    "\"email\":\"joe@example.com\"}]");
	frag_is(&m, STORE_F_TO, "[{\"name\":\"J\xc3\xbcrgen\",\"email\":"
	    "\"j@x.org\"},{\"name\":null,\"email\":\"b@x.org\"}]");
	frag_is(&m, STORE_F_CC, "");
	frag_is(&m, STORE_F_SENDER, "");
	frag_is(&m, STORE_F_SUBJECT, "\"Re: [list] Gr\xc3\xbc\xc3\x9f" "e\"");
	frag_is(&m, STORE_F_MESSAGEID, "[\"1@x.org\"]");
	frag_is(&m, STORE_F_INREPLYTO, "[\"0@x.org\"]");
	frag_is(&m, STORE_F_REFERENCES, "[\"r1@x.org\",\"0@x.org\"]");
	frag_is(&m, STORE_F_SENTAT, "\"2014-10-30T14:12:00+08:00\"");
	frag_is(&m, STORE_F_RECEIVEDAT, "\"2020-01-01T00:00:01Z\"");
	frag_is(&m, STORE_F_HASATTACHMENT, "false");
	frag_is(&m, STORE_F_PREVIEW, "\"Hello world\"");
	assert_int_equal(m.received, LAB_T0 + 1000);
	assert_int_equal(m.sent, 1414649520000LL);
	arena_free(&a);
}

static void
keys_fold(void **state)
{
	struct store_newmail	 m;
	struct arena		 a;

	(void)state;
	arena_init(&a, MIME_ARENA);
	m = row(&a, "From: bob SMITH <z@x.org>\nTo: a@x.org\n"
	    "Subject: Re: Fwd: Hello   World\n\n");
	frag_is(&m, STORE_F_SORTFROM, "bob smith");
	frag_is(&m, STORE_F_SORTTO, "a@x.org");
	frag_is(&m, STORE_F_SORTSUBJECT, "hello world");
	assert_int_equal(m.subject.n, 10);
	assert_memory_equal(m.subject.p, "helloworld", 10);
	arena_free(&a);
}

static void
references_are_bounded(void **state)
{
	struct store_newmail	 m;
	struct buf		 b;
	struct arena		 a;
	int			 i;

	(void)state;
	arena_init(&a, MIME_ARENA);
	buf_init(&b, 1 << 20);
	buf_adds(&b, "Message-ID: <own@x>\nIn-Reply-To: <parent@x>\n"
	    "References:");
	for (i = 0; i < 200; i++)
		buf_addf(&b, " <r%d@x>", i);
	buf_adds(&b, "\n\n");
	m = row(&a, buf_str(&b));
	assert_int_equal(m.nmsgid, STORE_MAXREFS);
	assert_memory_equal(m.msgid[0].p, "own@x", 5);
	assert_memory_equal(m.msgid[1].p, "r138@x", 6);
	assert_memory_equal(m.msgid[STORE_MAXREFS - 1].p, "parent@x", 8);
	buf_free(&b);
	arena_free(&a);
}

static void
long_fragments_are_left_out(void **state)
{
	struct store_newmail	 m;
	struct buf		 b;
	struct arena		 a;
	int			 i;

	(void)state;
	arena_init(&a, MIME_ARENA);
	buf_init(&b, 1 << 20);
	buf_adds(&b, "To: a0@example.com");
	for (i = 1; i < 500; i++)
		buf_addf(&b, ",\r\n a%d@example.com", i);
	buf_adds(&b, "\r\nSubject: x\r\n\r\n");
	m = row(&a, buf_str(&b));
	frag_is(&m, STORE_F_TO, EMAIL_ROW_BIG);
	frag_is(&m, STORE_F_SUBJECT, "\"x\"");
	buf_free(&b);
	arena_free(&a);
}

static const char	nested[] =
    "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
    "--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\n"
    "Content-Language: de, en\r\n\r\n<b>html</b>\r\n--b--\r\n"
    "--a\r\nContent-Type: image/png; name=x.png\r\nContent-ID: <c@d>\r\n"
    "Content-Disposition: attachment; filename=\"y.png\"\r\n"
    "Content-Location: http://x/\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--a--\r\n";

static void
structure_survives_the_disk(void **state)
{
	struct email_struct	 s;
	struct mime_msg		*m;
	struct mime_body	 body;
	struct arena		 a;
	struct buf		 b;
	uint32_t		 i;

	(void)state;
	arena_init(&a, MIME_ARENA);
	buf_init(&b, 65536);
	m = mime_parse(&a, (const uint8_t *)nested, sizeof(nested) - 1);
	assert_non_null(m);
	assert_int_equal(mime_body_lists(&a, m, &body), 0);
	assert_int_equal(email_struct_put(&b, m, &body), 0);
	assert_int_equal(email_struct_get(&a, SLICE(b.data, b.len), &s), 1);
	assert_int_equal(s.msg.npart, 5);
	assert_int_equal(s.size[4], 4);
	for (i = 0; i < 5; i++) {
		assert_int_equal(s.msg.parts[i].parent, m->parts[i].parent);
		assert_int_equal(s.msg.parts[i].end, m->parts[i].end);
		assert_int_equal(s.msg.parts[i].depth, m->parts[i].depth);
		assert_int_equal(s.msg.parts[i].body, m->parts[i].body);
		assert_int_equal(s.msg.parts[i].bodylen, m->parts[i].bodylen);
		assert_int_equal(s.msg.parts[i].cte, m->parts[i].cte);
		assert_string_equal(s.msg.parts[i].type, m->parts[i].type);
	}
	assert_string_equal(s.msg.parts[4].name, "y.png");
	assert_string_equal(s.msg.parts[4].cid, "c@d");
	assert_string_equal(s.msg.parts[4].location, "http://x/");
	assert_int_equal(s.msg.parts[3].nlanguage, 2);
	assert_null(s.msg.parts[1].id);
	assert_int_equal(s.body.ntext, 1);
	assert_int_equal(s.body.text[0], 2);
	assert_int_equal(s.body.html[0], 3);
	assert_int_equal(s.body.attach[0], 4);
	/* the same from the message again */
	assert_int_equal(email_struct_make(&a, (const uint8_t *)nested,
	    sizeof(nested) - 1, &s), 0);
	assert_int_equal(s.msg.npart, 5);
	assert_int_equal(s.size[4], 4);
	assert_int_equal(s.size[0], 0);
	assert_int_equal(s.body.attach[0], 4);
	/* a record that is cut or damaged is refused, wherever */
	for (i = 0; i < b.len; i++)
		assert_int_equal(email_struct_get(&a, SLICE(b.data, i), &s),
		    0);
	for (i = 0; i < b.len; i++) {
		b.data[i] ^= 0x85;
		email_struct_get(&a, SLICE(b.data, b.len), &s);
		b.data[i] ^= 0x85;
	}
	buf_free(&b);
	arena_free(&a);
}

static const struct received_row {
	const char	*raw;
	int64_t		 ms;
} received_rows[] = {
	{ "", DATE_NONE },
	{ "\n", DATE_NONE },
	{ "Received: from a; by b;\n Thu, 30 Oct 2014 06:12:00 +0000\n\n",
	    1414649520000LL },
	{ "Subject: x\r\nRECEIVED: a;\r\n\tThu, 30 Oct 2014 06:12:00 +0000\r\n"
	    "Received: b; Fri, 31 Oct 2014 06:12:00 +0000\r\n\r\n",
	    1414649520000LL },
	{ "Received: no date\nReceived: b; Thu, 30 Oct 2014 06:12:00 +0000\n",
	    1414649520000LL },
	{ "Subject: x\n\nReceived: b; Thu, 30 Oct 2014 06:12:00 +0000\n",
	    DATE_NONE },
	{ "Received: a; Thu, 30 Oct 2014 06:12:00 +0000 (UTC; of a)\n",
	    1414649520000LL },
	{ "Received:", DATE_NONE },
	{ "Received: x;", DATE_NONE },
};

static void
received_is_found(void **state)
{
	const struct received_row	*r;

	(void)state;
	for (r = received_rows; r < received_rows + nitems(received_rows); r++)
		assert_int_equal(email_row_received(r->raw, strlen(r->raw)),
		    r->ms);
}

static const struct text_row {
	const char	*search, *words;
	const char	*phrase[3];
} text_rows[] = {
	{ "", "", { NULL } },
	{ "a  b", "a b ", { NULL } },
	{ "\"John Smith\" x", "John Smith x ", { "john smith", NULL } },
	{ "'it\\'s' y", "it's y ", { "it's", NULL } },
	{ "don't 6'2\"", "don't 6'2\" ", { NULL } },
	{ "\"a\" 'b c'", "a b c ", { "a", "b c", NULL } },
	{ "\"open", "\"open ", { NULL } },
};

static void
searches_are_read(void **state)
{
	const struct text_row	*r;
	struct email_text	 t;
	struct arena		 a;
	size_t			 i;

	(void)state;
	arena_init(&a, 1 << 20);
	for (r = text_rows; r < text_rows + nitems(text_rows); r++) {
		assert_int_equal(email_text_parse(&a, r->search, &t), 0);
		assert_string_equal(t.words, r->words);
		for (i = 0; r->phrase[i] != NULL; i++) {
			assert_true(i < t.nphrase);
			assert_string_equal(t.phrase[i], r->phrase[i]);
		}
		assert_int_equal(i, t.nphrase);
	}
	arena_free(&a);
}

static void
phrases_end_at_words(void **state)
{
	(void)state;
	assert_true(email_text_has("the big bus stops", "big bus"));
	assert_false(email_text_has("the big business", "big bus"));
	/* a sequence of words, whatever parts them */
	assert_true(email_text_has("to be, that is", "be that"));
	assert_true(email_text_has("hello - (world)!", "hello world"));
	assert_true(email_text_has("hello, world", "hello , world"));
	assert_true(email_text_has("ende \xe2\x80\x93 anfang", "ende anfang"));
	assert_false(email_text_has("to be, then that", "be that"));
	assert_false(email_text_has("to be,", "be that"));
	assert_false(email_text_has("bethat", "be that"));
	assert_false(email_text_has("be that", "be, that"));
	assert_true(email_text_has("a c++, rocks", "c++ rocks"));
	assert_false(email_text_has("a c rocks", "c++ rocks"));
	assert_true(email_text_has("", ""));
	assert_false(email_text_has("", "x"));
	assert_int_equal(email_text_at("be, that is", "be that"), 8);
	assert_false(email_text_has("nimbus stops", "bus stops"));
	assert_true(email_text_has("a (bus)", "bus"));
	assert_true(email_text_has("gr\xc3\xbc\xc3\x9f" "e", "gr\xc3\xbc\xc3"
	    "\x9f" "e"));
	assert_false(email_text_has("\xc3\xbc" "bus", "bus"));
	assert_true(email_text_has("\xe4\xbd\xa0\xe5\xa5\xbd", "\xe5\xa5\xbd"));
}

static void
any_bytes_are_a_row(void **state)
{
	struct store_newmail	 m;
	struct arena		 a;
	static const char *const raws[] = { "", "\n", "\0", "x", "From",
	    "From:", ": x\n\n", "\xff\xfe\xfd", "Subject: \xff\n\n\x80" };
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(raws); i++) {
		arena_init(&a, MIME_ARENA);
		m = row(&a, raws[i]);
		assert_true(m.structure.n > 0);
		assert_true(m.frag[STORE_F_PREVIEW].n >= 2);
		arena_free(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(fragments_are_json),
		cmocka_unit_test(keys_fold),
		cmocka_unit_test(references_are_bounded),
		cmocka_unit_test(long_fragments_are_left_out),
		cmocka_unit_test(structure_survives_the_disk),
		cmocka_unit_test(received_is_found),
		cmocka_unit_test(searches_are_read),
		cmocka_unit_test(phrases_end_at_words),
		cmocka_unit_test(any_bytes_are_a_row),
	};

	(void)lab_open; (void)lab_close; (void)lab_end; (void)lab_deliver;
	(void)lab_call; (void)lab_error; (void)lab_is; (void)lab_prop;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
