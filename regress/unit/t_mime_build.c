/* SPDX-License-Identifier: ISC */
/*
 * worker/mime/mime_enc.c and mime_build.c: what is written, and that it comes
 * back when it is read.
 */
#include "common/compat.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/date.h"

#define MIME_LAB_BYTES	(256UL << 20)
#include "regress/unit/mime_lab.h"

static const struct mime_build_opt opt = { "mx.example", 1414649520000LL,
    480, 7 };

/* No line over max bytes, every line end CRLF. */
static void
lines_are(const struct buf *b, size_t max)
{
	size_t	 i, col = 0;

	for (i = 0; i < b->len; i++) {
		if (b->data[i] == '\n') {
			assert_true(i > 0 && b->data[i - 1] == '\r');
			col = 0;
		} else if (b->data[i] != '\r')
			assert_true(++col <= max);
		else
			assert_true(i + 1 < b->len && b->data[i + 1] == '\n');
	}
}

static struct mime_msg *
built(const struct mime_node *root, struct buf *b)
{
	buf_init(b, 1 << 24);
	assert_int_equal(mime_build(root, &opt, b), 0);
	return mime_parse(&a, b->data, b->len);
}

static void
simple_text(void **state)
{
	struct mime_field	 f[2] = {
		{ .name = "Subject", .form = MIME_TEXT, .text = "Hello" },
		{ .name = "From", .form = MIME_ADDRESSES }
	};
	struct mime_addr	 from = { "Jane Doe", "jane@x.example" };
	struct mime_node	 n = { .fields = f, .nfield = 2,
	    .data = (const uint8_t *)"Hi\nthere\r\n", .len = 10,
	    .is_text = 1 };
	struct buf		 b;

	(void)state;
	f[1].addrs.addr = &from;
	f[1].addrs.n = 1;
	built(&n, &b);
	assert_string_equal(buf_str(&b),
	    "Subject: Hello\r\n"
	    "From: Jane Doe <jane@x.example>\r\n"
	    "Date: Thu, 30 Oct 2014 14:12:00 +0800\r\n"
	    "Message-ID: <022ab1ba804098e6cb293e6770eb3a95@mx.example>\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n"
	    "\r\n"
	    "Hi\r\nthere\r\n");
	buf_free(&b);
}

static const char *const texts[] = {
	"", "Hello", "Hello  two spaces", "Grüße", "Re: Grüße aus Köln am Rhein",
	"日本語の件名はとても長いので、"
	    "いくつもの符号化語に"
	    "分けなければなりません。"
	    "そうしないと七十六文字を"
	    "超えてしまいます。",
	"A long subject in plain ASCII that has to be folded once or twice, as "
	    "it goes on and on and on and on and on and on, until it ends",
	"=?utf-8?q?looks_encoded?=", "before =?utf-8?q?x?= after",
	"🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉"
	    "🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉",
	"ü", "a ü", "ü a", "a ü b ü c", "a  ü  b", "ü  ü",
	"Prix: 5€ = =?", "x=?y", "\"quotes\" and \\ (parens) <angles>",
	"trailing space ü ", "word ü", "  x",
};

static void
subjects_round_trip(void **state)
{
	struct mime_field	 f = { .name = "Subject", .form = MIME_TEXT };
	struct mime_node	 n = { .fields = &f, .nfield = 1,
	    .is_text = 1 };
	struct mime_msg		*m;
	struct mime_row		 r;
	struct buf		 b;
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(texts); i++) {
		f.text = texts[i];
		m = built(&n, &b);
		lines_are(&b, 78);
		assert_int_equal(mime_row(&a, m, &r), 0);
		/* leading spaces are not kept by the Text form */
		assert_string_equal(r.subject, texts[i] +
		    strspn(texts[i], " "));
		buf_free(&b);
	}
	/* a word that fits no line */
	f.text = arena_get(&a, 3000);
	memset((void *)(uintptr_t)f.text, 'x', 2999);
	m = built(&n, &b);
	lines_are(&b, 78);
	assert_int_equal(mime_row(&a, m, &r), 0);
	assert_string_equal(r.subject, f.text);
	buf_free(&b);
}

/* What would be a field of the sender's choice is not. */
static void
no_line_gets_in(void **state)
{
	struct mime_field	 f[3] = {
		{ .name = "Subject", .form = MIME_TEXT,
		    .text = "a\r\nBcc: x@y\nX: z\rY: w" },
		{ .name = "From", .form = MIME_ADDRESSES },
		{ .name = "X-Raw", .form = MIME_RAW, .text = " a\r\n b" },
	};
	struct mime_addr	 from = { "a\r\nBcc: x", "a@b" };
	struct mime_node	 n = { .fields = f, .nfield = 3,
	    .is_text = 1, .name = "x\r\nEvil: y", .cid = "a@b",
	    .location = "http://x\r\nEvil: z" };
	struct mime_msg		*m;
	struct buf		 b;

	(void)state;
	f[1].addrs.addr = &from;
	f[1].addrs.n = 1;
	m = built(&n, &b);
	assert_null(mime_hdr_last(m, 0, "Bcc", 3));
	assert_null(mime_hdr_last(m, 0, "X", 1));
	assert_null(mime_hdr_last(m, 0, "Y", 1));
	assert_null(mime_hdr_last(m, 0, "Evil", 4));
	assert_non_null(mime_hdr_last(m, 0, "X-Raw", 5));
	buf_free(&b);
}

static const struct bad_row {
	struct mime_field	 f;
} bad[] = {
	{ { .name = "", .form = MIME_TEXT, .text = "x" } },
	{ { .name = "A b", .form = MIME_TEXT, .text = "x" } },
	{ { .name = "A:", .form = MIME_TEXT, .text = "x" } },
	{ { .name = "A\r\nB", .form = MIME_TEXT, .text = "x" } },
	{ { .name = "Ä", .form = MIME_TEXT, .text = "x" } },
	{ { .name = "A", .form = MIME_RAW, .text = " x\r\nB: y" } },
	{ { .name = "A", .form = MIME_RAW, .text = " x\r\n" } },
	{ { .name = "A", .form = MIME_RAW, .text = " x\r\n \r\n" } },
	{ { .name = "A", .form = MIME_RAW, .text = " x\ry" } },
	{ { .name = "A", .form = MIME_FORM_MAX, .text = "x" } },
};

static void
refuses(void **state)
{
	struct mime_node	 n = { .nfield = 1, .is_text = 1 }, deep[40];
	struct mime_addr	 addr = { NULL, "a@b>\r\nX: y" };
	const char		*id = "a b";
	struct mime_field	 f = { .name = "From",
	    .form = MIME_ADDRESSES }, g = { .name = "References",
	    .form = MIME_MESSAGEIDS };
	struct buf		 b;
	size_t			 i;

	(void)state;
	buf_init(&b, 1 << 20);
	for (i = 0; i < nitems(bad); i++) {
		n.fields = &bad[i].f;
		errno = 0;
		assert_int_equal(mime_build(&n, &opt, &b), -1);
		assert_int_equal(errno, EINVAL);
	}
	f.addrs.addr = &addr;
	f.addrs.n = 1;
	n.fields = &f;
	assert_int_equal(mime_build(&n, &opt, &b), -1);
	g.list.v = &id;
	g.list.n = 1;
	n.fields = &g;
	assert_int_equal(mime_build(&n, &opt, &b), -1);
	n.nfield = 0;
	n.type = "text";
	assert_int_equal(mime_build(&n, &opt, &b), -1);
	n.type = "text/plain; x=y";
	assert_int_equal(mime_build(&n, &opt, &b), -1);
	n.type = "multipart/mixed";		/* without children */
	assert_int_equal(mime_build(&n, &opt, &b), -1);
	memset(deep, 0, sizeof(deep));
	for (i = 0; i + 1 < nitems(deep); i++) {
		deep[i].sub = &deep[i + 1];
		deep[i].nsub = 1;
	}
	assert_int_equal(mime_build(&deep[0], &opt, &b), -1);
	assert_int_equal(errno, EINVAL);
	buf_free(&b);
	buf_init(&b, 50);
	n.type = NULL;
	assert_int_equal(mime_build(&n, &opt, &b), -1);
	assert_int_equal(errno, ENOMEM);
	buf_free(&b);
}

static const struct mime_addr	 people[] = {
	{ NULL, "a@b" }, { "Jane", "jane@x.example" },
	{ "Doe, Jane", "j@x" }, { "A \"B\" \\C", "c@d" },
	{ "Jörg Müller", "jörg@müller.example" },
	{ "=?utf-8?q?x?=", "e@f" }, { "John Q. Public", "q@p" },
	{ NULL, "\"odd one\"@x" }, { NULL, "semi complete" },
	{ "日本語の名前", "n@x" }, { "two  spaces", "t@x" }, { "Nobody", "" },
};

static void
addresses_round_trip(void **state)
{
	struct mime_group	 groups[] = { { NULL, 0, 3 },
	    { "Friends, all", 3, 4 }, { "Leere Gruppe ü", 7, 0 },
	    { NULL, 7, 5 } };
	struct mime_field	 f[2] = {
		{ .name = "To", .form = MIME_GROUPS },
		{ .name = "Cc", .form = MIME_ADDRESSES }
	};
	struct mime_node	 n = { .fields = f, .nfield = 2,
	    .is_text = 1 };
	struct mime_msg		*m;
	struct mime_row		 r;
	struct buf		 b;
	size_t			 i;

	(void)state;
	f[0].addrs.addr = (void *)arena_dup(&a, people, sizeof(people));
	f[0].addrs.n = nitems(people);
	f[1].addrs = f[0].addrs;
	f[0].addrs.group = groups;
	f[0].addrs.ngroup = nitems(groups);
	m = built(&n, &b);
	lines_are(&b, 78);
	assert_int_equal(mime_row(&a, m, &r), 0);
	assert_int_equal(r.to.n, nitems(people));
	assert_int_equal(r.cc.n, nitems(people));
	assert_int_equal(r.to.ngroup, nitems(groups));
	assert_int_equal(r.cc.ngroup, 1);
	for (i = 0; i < nitems(groups); i++) {
		if (groups[i].name == NULL)
			assert_null(r.to.group[i].name);
		else
			assert_string_equal(r.to.group[i].name,
			    groups[i].name);
		assert_int_equal(r.to.group[i].n, groups[i].n);
	}
	for (i = 0; i < nitems(people); i++) {
		assert_string_equal(r.to.addr[i].email, people[i].email);
		assert_string_equal(r.cc.addr[i].email, people[i].email);
		if (people[i].name == NULL)
			assert_null(r.to.addr[i].name);
		else
			assert_string_equal(r.to.addr[i].name,
			    people[i].name);
	}
	buf_free(&b);
}

static void
other_forms_round_trip(void **state)
{
	static const char	*ids[] = { "a@b", "c@d", "averyvery.long.one."
	    "that.goes.on.and.on.and.on.until.the.line.is.full@x.example" };
	static const char	*urls[] = { "https://x/y", "mailto:a@b?c" };
	struct mime_field	 f[] = {
		{ .name = "References", .form = MIME_MESSAGEIDS,
		    .list = { ids, 3 } },
		{ .name = "List-Unsubscribe", .form = MIME_URLS,
		    .list = { urls, 2 } },
		{ .name = "Date", .form = MIME_DATE, .date = 0, .off = -90 },
		{ .name = "message-id", .form = MIME_MESSAGEIDS,
		    .list = { ids, 1 } },
		{ .name = "X-Raw", .form = MIME_RAW, .text = "a\n b" },
	};
	struct mime_node	 n = { .fields = f, .nfield = nitems(f),
	    .is_text = 1 };
	const struct mime_hdr	*h;
	struct mime_msg		*m;
	struct mime_list	 l;
	struct mime_row		 r;
	struct buf		 b;

	(void)state;
	m = built(&n, &b);
	assert_int_equal(mime_row(&a, m, &r), 0);
	assert_int_equal(r.references.n, 3);
	assert_string_equal(r.references.v[2], ids[2]);
	assert_int_equal(r.sent_at, 0);
	assert_int_equal(r.sent_off, -90);
	assert_int_equal(r.message_id.n, 1);
	assert_null(mime_hdr_next(m, 0, "Message-ID", 10,
	    mime_hdr_get(m, 0, MIME_H_MESSAGE_ID)));
	h = mime_hdr_last(m, 0, "List-Unsubscribe", 16);
	assert_int_equal(mime_hdr_urls(&a, m->raw + h->val, h->vallen, &l),
	    0);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[1], urls[1]);
	h = mime_hdr_last(m, 0, "X-Raw", 5);
	assert_int_equal(h->vallen, 5);
	assert_memory_equal(m->raw + h->val, "a\r\n b", 5);
	buf_free(&b);
}

static const struct body_row {
	const char	*type, *data, *cte, *back;	/* back NULL: as data */
	int		 is_text;
} bodies[] = {
	{ NULL, "plain\n", "7bit", NULL, 1 },
	{ NULL, "", "7bit", NULL, 1 },
	{ NULL, "no end", "7bit", NULL, 1 },
	{ NULL, "one caf\xc3\xa9 in a long line of text\n",
	    "quoted-printable", NULL, 1 },
	{ NULL, "ÄÖÜäöüß", "base64", NULL, 1 },
	{ NULL, "日本\n日本\r\n", "base64", "日本\n日本\n", 1 },
	{ NULL, "From me\nto you\n", "quoted-printable", NULL, 1 },
	{ NULL, "trailing space \n.\n.. é and some more text to be long\n\t\n",
	    "quoted-printable", NULL, 1 },
	{ NULL, "a lone\rCR", "quoted-printable", NULL, 1 },
	{ "text/html", "<p>x</p>\n", "7bit", NULL, 1 },
	{ "application/json", "{}\n", "7bit", NULL, 1 },
	{ "text/plain", "blob\r\n", "7bit", "blob\n", 0 },
	{ "text/plain", "blob\n", "base64", NULL, 0 },
	{ "application/pdf", "%PDF", "base64", NULL, 0 },
	{ "message/rfc822", "Subject: x\r\n\r\ny", "7bit", NULL, 0 },
	{ "message/rfc822", "Subject: x\r\n\r\n\xc3\xa9", "8bit", NULL, 0 },
	{ "message/rfc822", "Subject: x\n\ny", "binary", NULL, 0 },
};

static void
bodies_round_trip(void **state)
{
	const struct body_row	*r;
	struct mime_node	 n, root;
	struct mime_value	 v;
	struct mime_msg		*m;
	struct buf		 b;
	const struct mime_hdr	*h;
	const char		*want;

	(void)state;
	for (r = bodies; r < bodies + nitems(bodies); r++) {
		memset(&n, 0, sizeof(n));
		memset(&root, 0, sizeof(root));
		root.sub = &n;
		root.nsub = 1;
		n.type = r->type;
		n.data = (const uint8_t *)r->data;
		n.len = strlen(r->data);
		n.is_text = r->is_text;
		m = built(&root, &b);
		assert_int_equal(m->npart, 2);
		h = mime_hdr_get(m, 1, MIME_H_CONTENT_CTE);
		assert_int_equal(h->vallen, strlen(r->cte) + 1);
		assert_memory_equal(m->raw + h->val + 1, r->cte,
		    h->vallen - 1);
		assert_int_equal(mime_text_value(&a, m, 1, 0, &v), 0);
		want = r->back == NULL ? r->data : r->back;
		if (strcmp(r->cte, "binary") != 0 &&
		    strncmp(m->parts[1].type, "message/", 8) != 0)
			lines_are(&b, 998);
		if (strncmp(m->parts[1].type, "message/", 8) == 0) {
			assert_int_equal(m->parts[1].bodylen, n.len);
			assert_memory_equal(m->raw + m->parts[1].body,
			    n.data, n.len);
		} else
			assert_string_equal(v.text, want);
		buf_free(&b);
	}
}

/* Octets of every kind and length come back as they were. */
static void
octets_round_trip(void **state)
{
	struct mime_node	 n = { .type = "application/x", .name = "x" };
	struct mime_node	 t = { .type = "text/x" };
	struct mime_node	 root, sub[2];
	struct mime_msg		*m;
	struct buf		 b, d;
	uint8_t			 data[300];
	size_t			 i, k;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7 % 256;
	n.data = t.data = data;
	for (i = 0; i < sizeof(data); i++) {
		n.len = t.len = i;
		sub[0] = n;
		sub[1] = t;
		memset(&root, 0, sizeof(root));
		root.sub = sub;
		root.nsub = 2;
		m = built(&root, &b);
		assert_int_equal(m->npart, 3);
		for (k = 1; k < 3; k++) {
			buf_init(&d, 1000);
			assert_int_equal(mime_cte_decode(m->parts[k].cte,
			    m->raw + m->parts[k].body, m->parts[k].bodylen,
			    &d), 0);
			assert_int_equal(d.len, i);
			if (i > 0)
				assert_memory_equal(d.data, data, i);
			buf_free(&d);
		}
		buf_free(&b);
	}
}

static const char *const names[] = {
	"a.txt", "two words.txt", "quo\"te\\.txt", "über.txt", "日本語.pdf",
	"a very long name that goes on and on and on and on and on and on and"
	    " on.txt",
	"очень длинное имя файла, которое "
	    "не помещается в одну строку "
	    "и поэтому продолжается.doc", "semi;colon=.txt", "it's 100% (new).txt", "é",
	"a-name-of-more-than-two-hundred-bytes-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaa.txt",
	"=?utf-8?q?w?=", "a =?xansi*de?b?eA==?=", "a=?b",
};

static void
file_names_round_trip(void **state)
{
	static const char	*lang[] = { "en", "de-AT" };
	struct mime_node	 n = { .type = "application/pdf",
	    .cid = "id@x", .location = "http://x/y",
	    .language = { lang, 2 }, .disposition = "inline" };
	const struct mime_part	*p;
	struct mime_msg		*m;
	struct buf		 b;
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(names); i++) {
		n.name = names[i];
		m = built(&n, &b);
		p = &m->parts[0];
		assert_string_equal(p->name, names[i]);
		assert_string_equal(p->cid, "id@x");
		assert_string_equal(p->location, "http://x/y");
		assert_string_equal(p->disposition, "inline");
		assert_int_equal(p->nlanguage, 2);
		assert_string_equal(p->language[1], "de-AT");
		buf_free(&b);
	}
}

static void
trees_and_own_fields(void **state)
{
	struct mime_field	 type = { .name = "Content-Type",
	    .form = MIME_RAW, .text = " multipart/related; type=x" };
	struct mime_field	 leaf = { .name = "content-type",
	    .form = MIME_RAW, .text = " text/x-own; a=b" };
	struct mime_node	 in[2] = {
		{ .type = "text/html", .is_text = 1,
		    .data = (const uint8_t *)"<p>", .len = 3 },
		{ .type = "image/png", .cid = "i@x",
		    .data = (const uint8_t *)"\x89PNG", .len = 4 } };
	struct mime_node	 top[2] = {
		{ .sub = in, .nsub = 2, .type = "multipart/related",
		    .fields = &type, .nfield = 1 },
		{ .is_text = 1, .fields = &leaf, .nfield = 1 } };
	struct mime_node	 root = { .sub = top, .nsub = 2 };
	struct mime_msg		*m;
	struct buf		 b;

	(void)state;
	m = built(&root, &b);
	assert_int_equal(m->npart, 5);
	assert_string_equal(m->parts[0].type, "multipart/mixed");
	assert_string_equal(m->parts[1].type, "multipart/related");
	assert_string_equal(m->parts[2].id, "1.1");
	assert_string_equal(m->parts[3].cid, "i@x");
	assert_string_equal(m->parts[4].type, "text/x-own");
	assert_int_equal(m->parts[1].nhdr, 1);
	assert_null(mime_hdr_last(m, 1, "Date", 4));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_text),
		cmocka_unit_test(subjects_round_trip),
		cmocka_unit_test(no_line_gets_in),
		cmocka_unit_test(refuses),
		cmocka_unit_test(addresses_round_trip),
		cmocka_unit_test(other_forms_round_trip),
		cmocka_unit_test(bodies_round_trip),
		cmocka_unit_test(octets_round_trip),
		cmocka_unit_test(file_names_round_trip),
		cmocka_unit_test(trees_and_own_fields),
	};

	return cmocka_run_group_tests(tests, up, down);
}
