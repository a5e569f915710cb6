/* SPDX-License-Identifier: ISC */
/*
 * Octets to text: mime_cte.c, mime_charset.c, mime_html.c, mime_text.c and
 * mime_row.c, by table.
 */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/date.h"
#include "common/utf8.h"
#include "regress/unit/mime_lab.h"

#define FFFD	"\xef\xbf\xbd"

static const struct cte_row {
	enum mime_cte	 cte;
	const char	*in, *out;
	int		 junk;
} ctes[] = {
	{ MIME_7BIT, "as it is\r\n", "as it is\r\n", 0 },
	{ MIME_UNKNOWN, "as it is", "as it is", 1 },
	{ MIME_BASE64, "", "", 0 },
	{ MIME_BASE64, "Zm9vYmFy", "foobar", 0 },
	{ MIME_BASE64, "Zm9v\r\nYmE=\r\n", "fooba", 0 },
	{ MIME_BASE64, "Zm9vYg==", "foob", 0 },
	{ MIME_BASE64, "Z m\t9 v", "foo", 0 },
	{ MIME_BASE64, "Zm9vYg", "foob", 1 },
	{ MIME_BASE64, "Zm9vYmE", "fooba", 1 },
	{ MIME_BASE64, "Zg==Zg==", "ff", 0 },
	{ MIME_BASE64, "Zm9v!Ym!Fy", "foobar", 1 },
	{ MIME_BASE64, "Z", "", 1 },
	{ MIME_BASE64, "====", "", 0 },
	{ MIME_BASE64, "_-8=", "\xff\xef", 0 },
	{ MIME_QP, "a=3Db", "a=b", 0 },
	{ MIME_QP, "a=3db", "a=b", 0 },
	{ MIME_QP, "a=\r\nb", "ab", 0 },
	{ MIME_QP, "a=\nb", "ab", 0 },
	{ MIME_QP, "a= \t\r\nb", "ab", 0 },
	{ MIME_QP, "a \t\r\nb", "a\r\nb", 0 },
	{ MIME_QP, "a=20\r\nb", "a \r\nb", 0 },
	{ MIME_QP, "a=", "a", 0 },
	{ MIME_QP, "a=xb", "a=xb", 1 },
	{ MIME_QP, "a=4", "a=4", 1 },
	{ MIME_QP, "caf\xe9", "caf\xe9", 0 },
	{ MIME_QP, "\r\n\r\n", "\r\n\r\n", 0 },
	{ MIME_UUENCODE, "begin 644 x\n#0V%T\n`\nend\n", "Cat", 0 },
	{ MIME_UUENCODE, "junk\nbegin 644 x\r\n#0V%T\r\n", "Cat", 1 },
	{ MIME_UUENCODE, "nothing", "", 1 },
};

static void
transfer_encodings(void **state)
{
	const struct cte_row	*r;
	struct buf		 b;

	(void)state;
	for (r = ctes; r < ctes + nitems(ctes); r++) {
		buf_init(&b, 1000);
		assert_int_equal(mime_cte_decode(r->cte,
		    (const uint8_t *)r->in, strlen(r->in), &b), r->junk);
		assert_int_equal(b.len, strlen(r->out));
		assert_memory_equal(b.data == NULL ? (const uint8_t *)"" :
		    b.data, r->out, b.len);
		assert_int_equal(mime_cte_size(r->cte,
		    (const uint8_t *)r->in, strlen(r->in)), b.len);
		buf_free(&b);
	}
	/* a buffer of just the right size is enough; a smaller one is not */
	buf_init(&b, 6);
	assert_int_equal(mime_cte_decode(MIME_BASE64,
	    (const uint8_t *)"Zm9v\r\nYmFy\r\n", 12, &b), 0);
	buf_free(&b);
	buf_init(&b, 5);
	assert_int_equal(mime_cte_decode(MIME_BASE64,
	    (const uint8_t *)"Zm9v\r\nYmFy\r\n", 12, &b), -1);
	buf_free(&b);
}

static const struct cs_row {
	const char	*set, *in, *out;
	int		 bad;
} sets[] = {
	{ "utf-8", "caf\xc3\xa9", "café", 0 },
	/* a mark is part of a text, but for where a body begins */
	{ "UTF8", "\xef\xbb\xbfx", "\xef\xbb\xbfx", 0 },
	{ "utf-8", "a\xff" "b", "a" FFFD "b", 1 },
	{ "utf-8", "a\xe2\x82", "a" FFFD, 1 },
	{ "us-ascii", "abc", "abc", 0 },
	{ "us-ascii", "caf\xc3\xa9", "café", 1 },
	{ "us-ascii", "caf\xe9", "café", 1 },
	{ "us-ascii", "\x1b$B$3\x1b(B", "こ", 1 },
	{ "ISO-8859-1", "caf\xe9 \x80", "café €", 0 },
	{ "windows-1252", "\x81", FFFD, 1 },
	{ "iso-8859-15", "\xa4", "€", 0 },
	{ "iso-8859-2", "\xb1", "ą", 0 },
	{ "iso-8859-7", "\xe1", "α", 0 },
	{ "windows-1253", "\xe1", "α", 0 },
	{ "iso-8859-5", "\xd0", "а", 0 },
	{ "iso-8859-6", "\xc7", "ا", 0 },
	{ "windows-1256", "\xc7", "ا", 0 },
	{ "iso-8859-8-i", "\xe0", "א", 0 },
	{ "windows-1255", "\xe0", "א", 0 },
	{ "iso-8859-9", "\xfe", "ş", 0 },
	{ "koi8-u", "\xa4", "є", 0 },
	{ "tis-620", "\xa1", "ก", 0 },
	{ "windows-874", "\xa1", "ก", 0 },
	{ "windows-1257", "\xe0", "ą", 0 },
	{ "windows-1258", "\xfe", "₫", 0 },
	{ "gb18030", "\x81\x30\x81\x30", "\xc2\x80", 0 },
	{ "ks_c_5601-1987", "\xb0\xa1", "가", 0 },
	{ "euc-jp", "\xa4\xb3", "こ", 0 },
	{ "x-sjis", "\x82\xb1", "こ", 0 },
	{ "macintosh", "\x8e", "é", 0 },
	{ "x-mac-cyrillic", "\xef", "п", 0 },
	{ "ISO_8859-1:1987", "\xe9", "é", 0 },
	{ "l1", "\xe9", "é", 0 },
	{ "csISOLatin2", "\xb1", "ą", 0 },
	{ "ISO_8859-7:1987", "\xe1", "α", 0 },
	{ "iso-ir-148", "\xfe", "ş", 0 },
	{ "x-cp1251", "\xe0", "а", 0 },
	{ "csKOI8R", "\xc1", "а", 0 },
	{ "ibm855", "\xa0", "а", 0 },
	{ "csShiftJIS", "\x82\xb1", "こ", 0 },
	{ "csISO2022JP", "\x1b$B$3\x1b(B", "こ", 0 },
	{ "chinese", "\xc4\xe3", "你", 0 },
	{ "korean", "\xb0\xa1", "가", 0 },
	{ "646", "abc", "abc", 0 },
	{ "hz-gb-2312", "a~{Dc:C~}b~~~\nc", "a你好b~c", 0 },
	{ "hz-gb-2312", "~{Dc\nb", "你\nb", 0 },
	{ "utf-7", "a+AOk-", "aé", 0 },
	{ "utf-16le", "a\xe9", "\xee\xa5\xa1", 0 },
	{ "iso-2022-kr", "\x1b$)C\x0e" "0!\x0f", "가", 0 },
	{ "no-such", "abc", "abc", 1 },
	{ "no-such", "caf\xe9", "café", 1 },
	{ "", "caf\xc3\xa9", "café", 1 },
	{ "\"utf-8\"", "é", "é", 0 },
	{ "euc-jp", "a\xff" "b", "a" FFFD "b", 1 },
	{ "big5", "a\xa4", "a" FFFD, 1 },
};

static void
character_sets(void **state)
{
	const struct cs_row	*r;
	struct buf		 b;

	(void)state;
	for (r = sets; r < sets + nitems(sets); r++) {
		buf_init(&b, 1000);
		assert_int_equal(mime_charset_utf8(r->set, strlen(r->set),
		    (const uint8_t *)r->in, strlen(r->in), &b), r->bad);
		assert_string_equal(buf_str(&b), r->out);
		buf_free(&b);
	}
	buf_init(&b, 100);
	assert_int_equal(mime_charset_utf8("utf-16", 6,
	    (const uint8_t *)"\xff\xfe" "a\0\xe9\0", 6, &b), 0);
	assert_int_equal(mime_charset_utf8("utf-16", 6,
	    (const uint8_t *)"\0a\0b", 4, &b), 0);
	assert_string_equal(buf_str(&b), "aéab");
	buf_free(&b);
	assert_false(mime_charset_known("", 0));
	assert_false(mime_charset_known("iso-2022-cn-ext", 15));
	assert_true(mime_charset_known("ISO_8859-1:1987", 11));
}

static const struct html_row {
	const char	*in, *out;
} htmls[] = {
	{ "", "" },
	{ "plain", "plain" },
	{ "<p>a</p><p>b</p>", "a\nb" },
	{ "<html><head><title>t</title><style>p{}</style></head>"
	    "<body>a<br>b</body>", "a\nb" },
	{ "a <b>bold</b> c", "a bold c" },
	{ "a\r\n  b\tc", "a b c" },
	{ "<script>x<y</script>a", "a" },
	{ "<SCRIPT>if (a</b) x</SCRIPT>a", "a" },
	{ "<!-- c > --> a <!doctype x><?php y ?>b", "a b" },
	{ "<!-- never ends", "" },
	{ "a<img alt=\">\" src='>'>b", "ab" },
	{ "<a href=\"never ends>b", "" },
	{ "a < b > c <3", "a < b > c <3" },
	{ "a<", "a<" },
	{ "&lt;&amp;&gt;&eacute;&#233;&#xE9;&euro;", "<&>ééé€" },
	{ "&nbsp;a&nbsp;&nbsp;b", "a b" },
	{ "&bogus; & &#; &#x; &#99999999;", "&bogus; & &#; &#x; " FFFD },
	{ "&#0;&#xd800;x", FFFD "x" },
	{ "&amp", "&" },
	{ "<table><tr><td>a<td>b</tr></table>", "a b" },
	{ "<pre>a\nb</pre>", "a\nb" },
	{ "<ul><li>a<li>b</ul>", "a\nb" },
	{ "<style>never ends", "" },
	{ "x<svg><text>y</text></svg>z", "xz" },
};

static void
html_to_text(void **state)
{
	const struct html_row	*r;
	struct buf		 b;

	(void)state;
	for (r = htmls; r < htmls + nitems(htmls); r++) {
		buf_init(&b, 1000);
		mime_html_text(r->in, strlen(r->in), 1000, &b);
		assert_string_equal(buf_str(&b), r->out);
		buf_free(&b);
	}
}

static const struct value_row {
	const char	*in;
	size_t		 max;
	const char	*out;
	int		 problem, truncated;
} values[] = {
	{ "\r\na\r\nb\r\n", 0, "a\nb\n", 0, 0 },
	{ "\r\na\rb\n\r\n\r\n", 0, "a\rb\n\n\n", 0, 0 },
	{ "\r\n\r\n", 0, "\n", 0, 0 },
	{ "Content-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9", 0,
	    "café", 0, 0 },
	{ "Content-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9", 5,
	    "café", 0, 0 },
	{ "Content-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9", 4,
	    "caf", 0, 1 },
	{ "Content-Transfer-Encoding: base64\r\n\r\nZm9vDQpiYXI=\r\n", 0,
	    "foo\nbar", 0, 0 },
	{ "Content-Transfer-Encoding: x-what\r\n\r\nabc", 0, "abc", 1, 0 },
	{ "Content-Type: text/plain; charset=x-what\r\n\r\nabc", 0, "abc", 1,
	    0 },
	{ "\r\ncaf\xe9", 0, "café", 1, 0 },
	{ "Content-Type: text/plain; charset=utf-8\r\n\r\n"
	    "\xef\xbb\xbfhi \xef\xbb\xbfyou", 0, "hi \xef\xbb\xbfyou",
	    0, 0 },
	{ "Content-Type: text/html\r\n\r\n<p>abc <b>def</b>", 9,
	    "<p>abc ", 0, 1 },
	{ "Content-Type: text/html\r\n\r\n<p>abc <b>def</b>", 11,
	    "<p>abc <b>d", 0, 1 },
	{ "Content-Type: text/html\r\n\r\n<meta charset=\"koi8-r\">\xf0", 0,
	    "<meta charset=\"koi8-r\">П", 0, 0 },
	{ "Content-Type: text/html\r\n\r\n<meta content='text/html; "
	    "charset=windows-1251'>\xcf", 0,
	    "<meta content='text/html; charset=windows-1251'>П", 0, 0 },
};

static void
body_values(void **state)
{
	const struct value_row	*r;
	struct mime_value	 v;
	struct mime_msg		*m;

	(void)state;
	for (r = values; r < values + nitems(values); r++) {
		m = mime_parse(&a, (const uint8_t *)r->in, strlen(r->in));
		assert_int_equal(mime_text_value(&a, m, 0, r->max, &v), 0);
		assert_string_equal(v.text, r->out);
		assert_int_equal(v.len, strlen(r->out));
		assert_int_equal(v.problem, r->problem);
		assert_int_equal(v.truncated, r->truncated);
	}
	m = mime_parse(&a, (const uint8_t *)"\r\na\0b", 5);
	assert_int_equal(mime_text_value(&a, m, 0, 0, &v), 0);
	assert_string_equal(v.text, "a" FFFD "b");
	assert_int_equal(v.problem, 1);
}

/* A cut value is the start of the whole one, at every length. */
static void
cut_values_are_prefixes(void **state)
{
	static const char	*const msgs[] = {
		"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
		"\x1b$B$3$s$K$A$O\x1b(B and \x1b$B$3$s$K$A$O\x1b(B\r\n",
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-"
		"Encoding: quoted-printable\r\n\r\n=F0=9F=8E=89=F0=9F=8E=89"
		"=C3=A9\r\nx=\r\ny=E2=82=AC",
		"Content-Type: text/html; charset=utf-8\r\n\r\n"
		"<p>\xc3\xa9</p><a href=\"x\">y</a>",
	};
	struct mime_value	 v, w;
	struct mime_msg		*m;
	size_t			 i, max;

	(void)state;
	for (i = 0; i < nitems(msgs); i++) {
		m = mime_parse(&a, (const uint8_t *)msgs[i], strlen(msgs[i]));
		assert_int_equal(mime_text_value(&a, m, 0, 0, &v), 0);
		for (max = 1; max < v.len + 3; max++) {
			assert_int_equal(mime_text_value(&a, m, 0, max, &w),
			    0);
			assert_true(w.len <= max && w.len <= v.len);
			assert_memory_equal(w.text, v.text, w.len);
			assert_int_equal(w.truncated, v.len > max);
			assert_true(utf8_valid(w.text, w.len));
		}
	}
}

static const struct preview_row {
	const char	*in, *out;
} previews[] = {
	{ "\r\n", "" },
	{ "\r\nHello,\r\n\r\n  world.\r\n", "Hello, world." },
	{ "\r\n> quoted\r\nanswer\r\n-- \r\nme\r\n", "answer" },
	{ "\r\nOn Monday, x wrote:\r\n> quoted\r\n\r\nanswer", "answer" },
	{ "\r\nNote:\r\nthis", "Note: this" },
	{ "\r\n> only quoted\r\n", "> only quoted" },
	{ "\r\n-----------\r\ntext\r\n=======\r\n", "text" },
	{ "Content-Type: text/html\r\n\r\n<style>x</style><p>a &amp; b<p>c",
	    "a & b c" },
	{ "Content-Type: text/html\r\n\r\nPre&#8203;&zwnj;&nbsp;&zwnj;"
	    "&nbsp;header", "Pre header" },
	{ "Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n"
	    "Hel \r\nlo  \r\n there \r\n> quoted\r\nx", "Hello there x" },
	{ "Content-Type: text/plain; format=flowed; DelSp=\"yes\"\r\n\r\n"
	    "a \nb\n-- \nc", "ab" },
	{ "Content-Type: text/plain; format=flowed; delsp=no\r\n\r\n"
	    "a \r\nb ", "a b" },
	{ "Content-Type: text/plain; delsp=\"ye", "" },
	{ "Content-Type: text/html\r\n\r\n<META CONTENT=\"text/html; "
	    "CHARSET=iso-8859-2\">\xb1", "ą" },
	{ "Content-Type: application/pdf\r\n\r\nx", "" },
	{ "\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n"
	    "text\r\n-----BEGIN PGP SIGNATURE-----\r\nabc\r\n", "text" },
	{ "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n"
	    "text\r\n--b\r\nContent-Type: text/html\r\n\r\nhtml\r\n--b--",
	    "text" },
	{ "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
	    "one\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>two\r\n--b--",
	    "one two" },
	{ "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n"
	    "\r\n--b\r\nContent-Type: text/html\r\n\r\nhtml\r\n--b--",
	    "html" },
};

static void
preview_of(const char *in, size_t n, const char *want)
{
	struct mime_body	 b;
	struct mime_msg		*m;

	m = mime_parse(&a, (const uint8_t *)in, n);
	assert_int_equal(mime_body_lists(&a, m, &b), 0);
	assert_string_equal(mime_text_preview(&a, m, &b), want);
}

static void
preview_texts(void **state)
{
	const struct preview_row	*r;

	(void)state;
	for (r = previews; r < previews + nitems(previews); r++)
		preview_of(r->in, strlen(r->in), r->out);
}

/* At most 256 UTF-16 units, whole characters, however long the body. */
static void
preview_is_bounded(void **state)
{
	struct buf	 in, want;
	int		 i;

	(void)state;
	buf_init(&in, 2 << 20);
	buf_init(&want, 1 << 20);
	buf_adds(&in, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
	for (i = 0; i < 5000; i++)
		buf_adds(&in, "🎉");
	for (i = 0; i < 128; i++)
		buf_adds(&want, "🎉");
	preview_of((const char *)in.data, in.len, buf_str(&want));
	buf_reset(&in);
	buf_reset(&want);
	/* a tag that is cut is no text */
	buf_adds(&in, "Content-Type: text/html\r\n\r\nxyz");
	for (i = 0; i < 400000; i++)
		buf_adds(&in, "<em>");
	preview_of((const char *)in.data, in.len, "xyz");
	buf_reset(&in);
	/* far below a long quote */
	buf_adds(&in, "\r\n");
	for (i = 0; i < 1000; i++)
		buf_adds(&in, "> quoted text\r\n");
	buf_adds(&in, "new");
	preview_of((const char *)in.data, in.len, "new");
	buf_free(&in);
	buf_free(&want);
}

static const struct base_row {
	const char	*in, *out;
	int		 reply;
} bases[] = {		/* RFC 5256 2.1 */
	{ "", "", 0 },
	{ "Hello", "Hello", 0 },
	{ "Re: Hello", "Hello", 1 },
	{ "RE: re:  Hello ", "Hello", 1 },
	{ "Fwd: Hello", "Hello", 1 },
	{ "FW: Hello", "Hello", 1 },
	{ "Re : Hello", "Hello", 1 },
	{ "Re[2]: Hello", "Hello", 1 },
	{ "[list] Hello", "Hello", 0 },
	{ "[list] Re: Hello", "Hello", 1 },
	{ "Re: [list] Hello", "Hello", 1 },
	{ "Re: [list] Re: Hello (fwd)", "Hello", 1 },
	{ "Hello (fwd) (FWD)", "Hello", 1 },
	{ "[fwd: Re: Hello]", "Hello", 1 },
	{ "[Fwd: [fwd: Hello]]", "Hello", 1 },
	{ "[list]", "[list]", 0 },
	{ "Re: [list]", "[list]", 1 },
	{ "[a] [b] Hello", "Hello", 0 },
	{ "Re:", "", 1 },
	{ "Reply: Hello", "Reply: Hello", 0 },
	{ "a \t b", "a b", 0 },
	{ "Re: Grüße", "Grüße", 1 },
};

static void
base_subjects(void **state)
{
	const struct base_row	*r;
	int			 reply;

	(void)state;
	for (r = bases; r < bases + nitems(bases); r++) {
		reply = -1;
		assert_string_equal(mime_row_base(&a, r->in, &reply), r->out);
		assert_int_equal(reply, r->reply);
	}
}

static const char	mail[] =
    "From: Jane <jane@x.example>\r\n"
    "To: a@b, G: c@d, e@f;\r\n"
    "Subject: Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    "Date: Thu, 30 Oct 2014 14:12:00 +0800\r\n"
    "Message-ID: <1@x>\r\n"
    "In-Reply-To: <0@x>\r\n"
    "References: <a@x>\r\n <0@x>\r\n"
    "Cc:\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html\r\n\r\n<p>Hello &amp; bye\r\n"
    "--b\r\nContent-Disposition: attachment; filename=report.txt\r\n\r\n"
    "in the file\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: inner\r\n\r\ninside\r\n--b--\r\n";

/* What mime_row_heads says is what mime_row says of it. */
static void
same_heads(struct mime_msg *m, const struct mime_row *r)
{
	struct mime_row	 h;

	assert_int_equal(mime_row_heads(&a, m, &h), 0);
	if (r->subject == NULL)
		assert_null(h.subject);
	else
		assert_string_equal(h.subject, r->subject);
	assert_int_equal(h.from.n, r->from.n);
	assert_int_equal(h.to.n, r->to.n);
	assert_int_equal(h.to.ngroup, r->to.ngroup);
	assert_int_equal(h.cc.addr == NULL, r->cc.addr == NULL);
	assert_int_equal(h.bcc.addr == NULL, r->bcc.addr == NULL);
	assert_null(h.message_id.v);
	assert_null(h.preview);
}

static void
list_row(void **state)
{
	struct mime_msg	*m;
	struct mime_row	 r;

	(void)state;
	m = mime_parse(&a, (const uint8_t *)mail, sizeof(mail) - 1);
	assert_int_equal(mime_row(&a, m, &r), 0);
	assert_string_equal(r.subject, "Re: Grüße");
	assert_string_equal(r.base, "Grüße");
	assert_int_equal(r.is_reply, 1);
	assert_int_equal(r.from.n, 1);
	assert_string_equal(r.from.addr[0].name, "Jane");
	assert_int_equal(r.to.n, 3);
	assert_int_equal(r.to.ngroup, 2);
	assert_non_null(r.cc.addr);		/* there, and empty */
	assert_int_equal(r.cc.n, 0);
	assert_null(r.bcc.addr);		/* not there */
	assert_null(r.sender.addr);
	assert_int_equal(r.message_id.n, 1);
	assert_string_equal(r.message_id.v[0], "1@x");
	assert_string_equal(r.in_reply_to.v[0], "0@x");
	assert_int_equal(r.references.n, 2);
	assert_int_equal(r.sent_at, 1414649520000LL);
	assert_int_equal(r.sent_off, 480);
	assert_string_equal(r.preview, "Hello & bye");
	assert_int_equal(r.has_attachment, 1);
	same_heads(m, &r);
	m = mime_parse(&a, (const uint8_t *)"\r\n", 2);
	assert_int_equal(mime_row(&a, m, &r), 0);
	same_heads(m, &r);
	assert_null(r.subject);
	assert_null(r.message_id.v);
	assert_int_equal(r.sent_at, DATE_NONE);
	assert_string_equal(r.base, "");
	assert_string_equal(r.preview, "");
}

static void
search_text(void **state)
{
	struct mime_msg	*m;
	struct buf	 b;

	(void)state;
	buf_init(&b, 1000);
	m = mime_parse(&a, (const uint8_t *)mail, sizeof(mail) - 1);
	mime_text_split(m, &b, &b);
	assert_string_equal(buf_str(&b), "Hello & bye\nreport.txt\n"
	    "in the file\ninner\ninside\n");
	buf_free(&b);
	/* a small buffer is filled, not passed */
	buf_init(&b, 10);
	mime_text_split(m, &b, &b);
	assert_true(b.len <= 10);
	assert_memory_equal(b.data, "Hello", 5);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transfer_encodings),
		cmocka_unit_test(character_sets),
		cmocka_unit_test(html_to_text),
		cmocka_unit_test(body_values),
		cmocka_unit_test(cut_values_are_prefixes),
		cmocka_unit_test(preview_texts),
		cmocka_unit_test(preview_is_bounded),
		cmocka_unit_test(base_subjects),
		cmocka_unit_test(list_row),
		cmocka_unit_test(search_text),
	};

	return cmocka_run_group_tests(tests, up, down);
}
