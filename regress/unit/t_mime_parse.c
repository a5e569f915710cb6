/* SPDX-License-Identifier: ISC */
/*
 * worker/mime/mime_parse.c and mime_body.c: each row is a message and what is
 * found in it, whole and broken.
 */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "regress/unit/mime_lab.h"

#define MULTI(b)	"Content-Type: multipart/mixed; boundary=" b "\r\n"

/*
 * What is found: parts in order, "id type[body]", multiparts as "type(...)".
 */
static const struct row {
	const char	*in, *out;
} rows[] = {
	{ "", "1 text/plain[]" },
	{ "Subject: x\r\n\r\nbody\r\n", "1 text/plain[body\r\n]" },
	{ "Subject: x\n\nbody\n", "1 text/plain[body\n]" },
	{ "Subject: x\r\n", "1 text/plain[]" },
	{ "Subject: x", "1 text/plain[]" },
	{ "\r\nbody", "1 text/plain[body]" },
	{ "\nbody", "1 text/plain[body]" },
	{ "no header at all\r\nbody", "1 text/plain[no header at all\r\n"
	    "body]" },
	{ "Subject: x\r\nmissing blank line\r\nbody",
	    "1 text/plain[missing blank line\r\nbody]" },
	{ "Subject: x\r\nstray\r\nFrom: y\r\n\r\nbody", "1 text/plain[body]" },
	{ "From me Thu Jan  1 00:00:00 1970\r\nSubject: x\r\n\r\nb",
	    "1 text/plain[b]" },
	{ " leading fold\r\nbody", "1 text/plain[ leading fold\r\nbody]" },
	{ "Content-Type: text/html\r\n\r\n<p>", "1 text/html[<p>]" },
	{ "Content-Type: Text/HTML; charset=x\r\n\r\n", "1 text/html[]" },
	{ "Content-Type: rubbish\r\n\r\nb", "1 text/plain[b]" },
	{ "Content-Type:\r\n\r\nb", "1 text/plain[b]" },
	{ "Content-Type: a/b/c\r\n\r\nb", "1 text/plain[b]" },
	{ "Content-Type: text/html\r\nContent-Type: image/png\r\n\r\nb",
	    "1 image/png[b]" },
	{ "Content-Type : text/html\r\n\r\nb", "1 text/html[b]" },
	{ MULTI("b") "\r\npre\r\n--b\r\n\r\none\r\n--b\r\n"
	    "Content-Type: text/html\r\n\r\ntwo\r\n--b--\r\npost",
	    "multipart/mixed(1 text/plain[one] 2 text/html[two])" },
	{ MULTI("\"b c\"") "\n\n--b c\n\none\n\n--b c  \n\ntwo\n--b c--",
	    "multipart/mixed(1 text/plain[one\n] 2 text/plain[two])" },
	/* no end, no second part, empty parts, no blank line in a part */
	{ MULTI("b") "\r\n--b\r\n\r\none\r\n",
	    "multipart/mixed(1 text/plain[one\r\n])" },
	{ MULTI("b") "\r\n--b\r\n", "multipart/mixed(1 text/plain[])" },
	{ MULTI("b") "\r\n--b\r\n--b\r\n--b--\r\n",
	    "multipart/mixed(1 text/plain[] 2 text/plain[])" },
	{ MULTI("b") "\r\n--b\r\nContent-Type: image/png\r\n--b--\r\n",
	    "multipart/mixed(1 image/png[])" },
	{ MULTI("b") "--b\r\n\r\nx\r\n--b--",
	    "multipart/mixed(1 text/plain[x])" },
	/* not delimiters */
	{ MULTI("b") "\r\n--b\r\n\r\n--bb\r\n --b\r\n--b-\r\nx--b\r\n--b--",
	    "multipart/mixed(1 text/plain[--bb\r\n --b\r\n--b-\r\nx--b])" },
	/* a multipart without parts shows its text */
	{ MULTI("b") "\r\nonly text\r\n", "1 text/plain[only text\r\n]" },
	{ MULTI("b") "\r\ntext\r\n--b--\r\n",
	    "1 text/plain[text\r\n--b--\r\n]" },
	/* boundary missing: guessed */
	{ "Content-Type: multipart/mixed\r\n\r\n--zz\r\nContent-Type: "
	    "text/html\r\n\r\nx\r\n--zz--\r\n",
	    "multipart/mixed(1 text/html[x])" },
	{ "Content-Type: multipart/mixed\r\n\r\n-- \r\nsignature\r\n",
	    "1 text/plain[-- \r\nsignature\r\n]" },
	{ "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n-- \r\nx",
	    "1 text/plain[-- \r\nx]" },
	/* nested; an outer delimiter ends the inner multipart */
	{ MULTI("a") "\r\n--a\r\n" MULTI("b") "\r\n--b\r\n\r\nx\r\n--b\r\n\r\n"
	    "y\r\n--b--\r\n\r\n--a\r\n\r\nz\r\n--a--\r\n",
	    "multipart/mixed(multipart/mixed(1.1 text/plain[x] 1.2 "
	    "text/plain[y]) 2 text/plain[z])" },
	{ MULTI("a") "\r\n--a\r\n" MULTI("b") "\r\n--b\r\n\r\nx\r\n--a\r\n"
	    "\r\nz\r\n--a--\r\n",
	    "multipart/mixed(multipart/mixed(1.1 text/plain[x]) 2 "
	    "text/plain[z])" },
	{ MULTI("a") "\r\n--a\r\n" MULTI("a") "\r\n--a\r\n\r\nx\r\n--a--\r\n",
	    "multipart/mixed(multipart/mixed(1.1 text/plain[x]))" },
	{ MULTI("a") "\r\n--a\r\n" MULTI("ab") "\r\n--ab\r\n\r\nx\r\n--ab--"
	    "\r\n--a--", "multipart/mixed(multipart/mixed(1.1 "
	    "text/plain[x]))" },
	/* an epilogue is not searched for parts */
	{ MULTI("a") "\r\n--a\r\n\r\nx\r\n--a--\r\n--a\r\n\r\ny\r\n",
	    "multipart/mixed(1 text/plain[x])" },
	/* digest; a message is a leaf */
	{ "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n"
	    "Subject: x\r\n\r\ny\r\n--b--",
	    "multipart/digest(1 message/rfc822[Subject: x\r\n\r\ny])" },
	{ "Content-Type: message/rfc822\r\n\r\n" MULTI("b") "\r\n--b\r\n\r\nx",
	    "1 message/rfc822[" MULTI("b") "\r\n--b\r\n\r\nx]" },
};

static void
show(const struct mime_msg *m, char *to, size_t size)
{
	const struct mime_part	*p;
	uint32_t		 i, j;
	size_t			 n = 0;

	to[0] = '\0';
	for (i = 0; i < m->npart; i++) {
		p = &m->parts[i];
		n += snprintf(to + n, size - n, "%s%s%s", i > 0 &&
		    m->parts[i - 1].multipart == 0 ? " " : "", p->id == NULL ?
		    "" : p->id, p->id == NULL ? "" : " ");
		if (p->multipart)
			n += snprintf(to + n, size - n, "%s(", p->type);
		else
			n += snprintf(to + n, size - n, "%s[%.*s]", p->type,
			    (int)p->bodylen, m->raw + p->body);
		for (j = i; !p->multipart && m->parts[j].parent != MIME_NONE;
		    j = m->parts[j].parent)
			if (m->parts[m->parts[j].parent].end == i + 1)
				n += snprintf(to + n, size - n, ")");
		assert_true(n < size);
	}
}

static void
messages(void **state)
{
	const struct row	*r;
	struct mime_msg		*m;
	char			 got[2048];

	(void)state;
	for (r = rows; r < rows + nitems(rows); r++) {
		m = mime_parse(&a, (const uint8_t *)r->in, strlen(r->in));
		assert_non_null(m);
		show(m, got, sizeof(got));
		assert_string_equal(got, r->out);
	}
}

static void
no_bytes_at_all(void **state)
{
	struct mime_row	 r;
	struct mime_msg	*m;
	struct buf	 b;

	(void)state;
	buf_init(&b, 100);
	assert_non_null(m = mime_parse(&a, NULL, 0));
	assert_int_equal(m->npart, 1);
	assert_int_equal(mime_row(&a, m, &r), 0);
	mime_text_split(m, &b, &b);
	buf_free(&b);
}

static const char	full[] =
    "Received: by a\r\n"
    "received: by b\r\n"
    "Subject: one\r\n"
    "X-Folded: a\r\n b\r\n\tc\r\n"
    "Subject:two\r\n"
    "Content-Type: text/plain; charset=\"ISO-8859-1\"; name=old.txt\r\n"
    "Content-Disposition: ATTACHMENT;\r\n filename*=utf-8''n%C3%A9w.txt\r\n"
    "Content-Transfer-Encoding: Quoted-Printable (yes)\r\n"
    "Content-ID: (c) <id@x> \r\n"
    "Content-Language: en, (comment) de-AT ,fr\r\n"
    "Content-Location: http://x/\r\n y\r\n"
    "\r\n"
    "caf=E9";

static void
fields_of_a_part(void **state)
{
	const struct mime_part	*p;
	const struct mime_hdr	*h;
	struct mime_msg		*m;

	(void)state;
	m = mime_parse(&a, (const uint8_t *)full, sizeof(full) - 1);
	assert_non_null(m);
	p = &m->parts[0];
	assert_string_equal(p->charset, "ISO-8859-1");
	assert_string_equal(p->disposition, "attachment");
	assert_string_equal(p->name, "néw.txt");
	assert_string_equal(p->cid, "id@x");
	assert_string_equal(p->location, "http://x/y");
	assert_int_equal(p->nlanguage, 3);
	assert_string_equal(p->language[0], "en");
	assert_string_equal(p->language[1], "de-AT");
	assert_string_equal(p->language[2], "fr");
	assert_int_equal(p->cte, MIME_QP);
	assert_int_equal(p->headlen + p->bodylen, sizeof(full) - 1);
	assert_int_equal(mime_cte_size(p->cte, m->raw + p->body, p->bodylen),
	    4);
	assert_int_equal(m->nhdr, 11);
	/* the last one, and all of them in order */
	h = mime_hdr_last(m, 0, "SUBJECT", 7);
	assert_memory_equal(m->raw + h->val, "two", 3);
	assert_ptr_equal(h, mime_hdr_get(m, 0, MIME_H_SUBJECT));
	h = mime_hdr_next(m, 0, "Received", 8, NULL);
	assert_memory_equal(m->raw + h->val, " by a", h->vallen);
	h = mime_hdr_next(m, 0, "Received", 8, h);
	assert_memory_equal(m->raw + h->val, " by b", h->vallen);
	assert_null(mime_hdr_next(m, 0, "Received", 8, h));
	assert_null(mime_hdr_last(m, 0, "To", 2));
	h = mime_hdr_last(m, 0, "x-folded", 8);
	assert_int_equal(h->vallen, strlen(" a\r\n b\r\n\tc"));
}

static const struct cs_row {
	const char	*in, *charset;
} charsets[] = {
	{ "\r\n", "us-ascii" },
	{ "Content-Type: text/plain\r\n\r\n", "us-ascii" },
	{ "Content-Type: text/html; charset=utf-8\r\n\r\n", "utf-8" },
	{ "Content-Type: image/png\r\n\r\n", NULL },
	{ "Content-Type: application/xml; charset=utf-8\r\n\r\n", "utf-8" },
};

static void
implied_charset(void **state)
{
	const struct cs_row	*r;
	struct mime_msg		*m;

	(void)state;
	for (r = charsets; r < charsets + nitems(charsets); r++) {
		m = mime_parse(&a, (const uint8_t *)r->in, strlen(r->in));
		if (r->charset == NULL)
			assert_null(m->parts[0].charset);
		else
			assert_string_equal(m->parts[0].charset, r->charset);
	}
}

/* --- the lists of RFC 8621 4.1.4 ------------------------------------------ */

#define PART(b, type)	"--" b "\r\nContent-Type: " type "\r\n"
#define INLINE		"Content-Disposition: inline\r\n"
#define ATTACH		"Content-Disposition: attachment\r\n"
#define BODY(s)		"\r\n" s "\r\n"
#define SUB(b, type, n)	PART(b, "multipart/" type "; boundary=" n) "\r\n"

static const struct lists_row {
	const char	*in, *text, *html, *attach;	/* bodies of parts */
	int		 has;
} lists[] = {
	/* the example of the RFC */
	{ MULTI("0") "\r\n"
	    PART("0", "text/plain") INLINE BODY("A")
	    SUB("0", "mixed", "1")
	    SUB("1", "alternative", "2")
	    SUB("2", "mixed", "3")
	    PART("3", "text/plain") INLINE BODY("B")
	    PART("3", "image/jpeg") INLINE BODY("C")
	    PART("3", "text/plain") INLINE BODY("D")
	    "--3--\r\n"
	    SUB("2", "related", "4")
	    PART("4", "text/html") BODY("E")
	    PART("4", "image/jpeg") BODY("F")
	    "--4--\r\n--2--\r\n"
	    PART("1", "image/jpeg") ATTACH BODY("G")
	    PART("1", "application/x-excel") BODY("H")
	    PART("1", "message/rfc822") BODY("J")
	    "--1--\r\n"
	    PART("0", "text/plain") INLINE BODY("K")
	    "--0--\r\n", "ABCDK", "AEK", "CFGHJ", 1 },
	{ "\r\nA", "A", "A", "", 0 },
	{ "Content-Type: text/html\r\n\r\nA", "A", "A", "", 0 },
	{ "Content-Type: application/pdf\r\n\r\nA", "", "", "A", 1 },
	{ "Content-Type: image/png\r\n\r\nA", "A", "A", "", 0 },
	{ "Content-Type: text/plain\r\n" ATTACH "\r\nA", "", "", "A", 1 },
	{ "Content-Type: multipart/alternative; boundary=0\r\n\r\n"
	    PART("0", "text/plain") BODY("A")
	    PART("0", "text/html") BODY("B") "--0--", "A", "B", "", 0 },
	{ "Content-Type: multipart/alternative; boundary=0\r\n\r\n"
	    PART("0", "text/html") BODY("B") "--0--", "B", "B", "", 0 },
	{ "Content-Type: multipart/alternative; boundary=0\r\n\r\n"
	    PART("0", "text/plain") BODY("A")
	    PART("0", "text/calendar") BODY("C") "--0--", "A", "A", "C", 0 },
	{ "Content-Type: multipart/related; boundary=0\r\n\r\n"
	    PART("0", "text/html") BODY("A")
	    PART("0", "image/png") "Content-ID: <x@y>\r\n" BODY("B")
	    "--0--", "A", "A", "B", 0 },
	{ "Content-Type: multipart/related; boundary=0\r\n\r\n"
	    PART("0", "text/html") BODY("A")
	    PART("0", "image/png") BODY("B") "--0--", "A", "A", "B", 1 },
	{ MULTI("0") "\r\n"
	    PART("0", "text/plain") BODY("A")
	    PART("0", "text/plain; name=x.txt") BODY("B")
	    PART("0", "image/png; name=x.png") BODY("C")
	    "--0--", "AC", "AC", "B", 1 },
	{ MULTI("0") "\r\n"
	    PART("0", "text/plain; name=x.txt") BODY("A")
	    "--0--", "A", "A", "", 0 },
	{ "Content-Type: multipart/signed; boundary=0\r\n\r\n"
	    PART("0", "text/plain") BODY("A")
	    PART("0", "application/pgp-signature") BODY("S")
	    "--0--", "A", "A", "S", 0 },
	{ "Content-Type: multipart/report; boundary=0\r\n\r\n"
	    PART("0", "text/plain") BODY("A")
	    PART("0", "message/delivery-status") BODY("S")
	    PART("0", "text/rfc822-headers") BODY("H")
	    "--0--", "A", "A", "SH", 0 },
	{ MULTI("0") "\r\n"
	    PART("0", "text/plain") BODY("A")
	    PART("0", "application/pdf") INLINE BODY("B")
	    "--0--", "A", "A", "B", 0 },
	{ "Content-Type: multipart/alternative; boundary=0\r\n\r\n"
	    PART("0", "text/plain") BODY("A")
	    SUB("0", "mixed", "1")
	    PART("1", "text/html") BODY("B")
	    PART("1", "application/pdf") BODY("C")
	    "--1--\r\n--0--", "A", "B", "C", 1 },
};

static void
list_is(const struct mime_msg *m, const uint32_t *v, size_t n,
    const char *want)
{
	char	 got[64] = "";
	size_t	 i;

	for (i = 0; i < n; i++)
		got[i] = m->raw[m->parts[v[i]].body];
	assert_string_equal(got, want);
}

static void
body_lists(void **state)
{
	const struct lists_row	*r;
	struct mime_body	 b;
	struct mime_msg		*m;

	(void)state;
	for (r = lists; r < lists + nitems(lists); r++) {
		m = mime_parse(&a, (const uint8_t *)r->in, strlen(r->in));
		assert_non_null(m);
		assert_int_equal(mime_body_lists(&a, m, &b), 0);
		list_is(m, b.text, b.ntext, r->text);
		list_is(m, b.html, b.nhtml, r->html);
		list_is(m, b.attach, b.nattach, r->attach);
		assert_int_equal(b.has_attachment, r->has);
	}
}

/* --- limits ------------------------------------------------------------ */

static void
depth_is_bounded(void **state)
{
	struct mime_body	 body;
	struct mime_msg		*m;
	struct buf		 b;
	int			 i;

	(void)state;
	buf_init(&b, 1 << 20);
	for (i = 0; i < 100; i++)
		buf_addf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n"
		    "\r\n--b%d\r\n", i, i);
	buf_adds(&b, "\r\ninnermost");
	assert_non_null(m = mime_parse(&a, b.data, b.len));
	assert_int_equal(m->npart, MIME_DEPTH + 1);
	assert_string_equal(m->parts[MIME_DEPTH].type,
	    "application/octet-stream");
	assert_int_equal(m->parts[MIME_DEPTH].body +
	    m->parts[MIME_DEPTH].bodylen, b.len);
	assert_int_equal(mime_body_lists(&a, m, &body), 0);
	assert_int_equal(body.nattach, 1);
	buf_free(&b);
}

static void
parts_are_bounded(void **state)
{
	struct mime_msg	*m;
	struct buf	 b;
	int		 i;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_adds(&b, MULTI("b") "\r\n");
	for (i = 0; i < 5000; i++)
		buf_adds(&b, "--b\r\n\r\nx\r\n");
	assert_non_null(m = mime_parse(&a, b.data, b.len));
	assert_int_equal(m->npart, MIME_PARTS);
	/* what is too much is at the end of the last part */
	assert_int_equal(m->parts[MIME_PARTS - 1].body +
	    m->parts[MIME_PARTS - 1].bodylen, b.len);
	buf_free(&b);
}

static void
fields_are_bounded(void **state)
{
	struct mime_msg	*m;
	struct buf	 b;
	int		 i;

	(void)state;
	buf_init(&b, 1 << 20);
	for (i = 0; i < 20000; i++)
		buf_adds(&b, "a:\r\n");
	buf_adds(&b, "\r\nbody");
	assert_non_null(m = mime_parse(&a, b.data, b.len));
	assert_int_equal(m->nhdr, MIME_HDRS);
	assert_int_equal(m->parts[0].bodylen, 4);
	buf_free(&b);
}

/* The worst message that 20 MB can make fits into the arena. */
static void
memory_is_bounded(void **state)
{
	struct arena	 own;
	struct mime_row	 r;
	struct mime_msg	*m;
	struct buf	 b;
	size_t		 i, k;

	(void)state;
	arena_init(&own, MIME_ARENA);
	buf_init(&b, 32 << 20);
	for (k = 0; k < 6; k++) {
		buf_addf(&b, "%s: ", (const char *[]){ "From", "To", "Cc",
		    "Bcc", "Sender", "Reply-To" }[k]);
		for (i = 0; i < 70000; i++)
			buf_adds(&b, "\xe9<a@b>,");
		buf_adds(&b, "\r\n");
	}
	buf_adds(&b, MULTI("b") "\r\n");
	for (i = 0; i < 1000; i++) {
		buf_adds(&b, "--b\r\nContent-Location: ");
		for (k = 0; k < 3000; k++)
			buf_addc(&b, 0xe9);
		buf_adds(&b, "\r\nContent-Language: ");
		for (k = 0; k < 1500; k++)
			buf_adds(&b, "a,");
		buf_adds(&b, "\r\nContent-Type: a/b; name=");
		for (k = 0; k < 9000; k++)
			buf_addc(&b, 0xe9);
		buf_adds(&b, "\r\n\r\n");
	}
	assert_false(buf_bad(&b));
	assert_non_null(m = mime_parse(&own, b.data, b.len));
	assert_int_equal(m->npart, MIME_PARTS);
	assert_int_equal(mime_row(&own, m, &r), 0);
	assert_int_equal(r.to.n, MIME_ADDRS);
	assert_true(own.used < MIME_ARENA / 2);
	buf_free(&b);
	arena_free(&own);
}

static void
no_memory_is_an_error(void **state)
{
	struct arena	 small;

	(void)state;
	arena_init(&small, 64);
	assert_null(mime_parse(&small, (const uint8_t *)full,
	    sizeof(full) - 1));
	arena_free(&small);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(no_bytes_at_all),
		cmocka_unit_test(fields_of_a_part),
		cmocka_unit_test(implied_charset),
		cmocka_unit_test(body_lists),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(parts_are_bounded),
		cmocka_unit_test(fields_are_bounded),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(no_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, up, down);
}
