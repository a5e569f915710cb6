/* SPDX-License-Identifier: ISC */
/* worker/mime/mime_word.c and the simple forms of mime_hdr.c, by table. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/date.h"
#include "regress/unit/mime_lab.h"

static const struct row {
	const char	*in, *out;
} texts[] = {
	{ "", "" },
	{ " plain", "plain" },
	{ "  two  spaces ", "two  spaces " },
	{ " folded\r\n line", "folded line" },
	{ " folded\r\n\tline", "folded\tline" },
	{ "\r\n late start", "late start" },
	/* RFC 2047 8 */
	{ "=?ISO-8859-1?Q?a?=", "a" },
	{ "=?ISO-8859-1?Q?a?= b", "a b" },
	{ "=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab" },
	{ "=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab" },
	{ "=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab" },
	{ "=?ISO-8859-1?Q?a_b?=", "a b" },
	{ "=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b" },
	{ "=?US-ASCII?Q?Keith_Moore?=", "Keith Moore" },
	{ "=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen" },
	{ "=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard" },
	{ "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n"
	    " =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
	    "If you can read this you understand the example." },
	{ "=?ISO-8859-1?Q?Olle_J=E4rnefors?=", "Olle Järnefors" },
	{ "=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=", "Patrik Fältström" },
	{ "=?iso-8859-8?b?7eXs+SDv4SDs6Oz08A==?=", "םולש ןב לטלפנ" },
	/* RFC 2231 5 */
	{ "=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore" },
	/* sets */
	{ "=?utf-8?q?caf=C3=A9?=", "café" },
	{ "=?UTF-8?B?44GT44KT44Gr44Gh44Gv?=", "こんにちは" },
	{ "=?iso-2022-jp?B?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは" },
	{ "=?koi8-r?B?8NLJ18XU?=", "Привет" },
	{ "=?windows-1251?Q?=CF=F0=E8=E2=E5=F2?=", "Привет" },
	{ "=?gb2312?B?xOO6ww==?=", "你好" },
	{ "=?big5?B?p0Gmbg==?=", "你好" },
	{ "=?euc-kr?B?vsiz5w==?=", "안녕" },
	{ "=?shift_jis?B?grGC8YLJgr+CzQ==?=", "こんにちは" },
	{ "=?windows-1252?Q?=93quoted=94?=", "“quoted”" },
	{ "=?iso-8859-1?Q?=93quoted=94?=", "“quoted”" },
	/* a character cut between two words */
	{ "=?utf-8?q?caf=C3?= =?utf-8?q?=A9?=", "café" },
	{ "=?utf-8?b?Y2Fmww==?= =?utf-8?b?qQ==?=", "café" },
	{ "=?utf-8?b?Y2Fmww==?= =?utf-8?q?=A9!?=", "café!" },
	/* syntax that is not right stays */
	{ "a=?utf-8?q?b?=", "a=?utf-8?q?b?=" },
	{ "=?utf-8?q?b?=c", "=?utf-8?q?b?=c" },
	{ "(=?utf-8?q?b?=)", "(=?utf-8?q?b?=)" },
	{ "=?utf-8?q?a b?=", "=?utf-8?q?a b?=" },
	{ "=?utf-8?x?ab?=", "=?utf-8?x?ab?=" },
	{ "=?no-such-set?q?ab?=", "=?no-such-set?q?ab?=" },
	{ "=?utf-8?q?ab", "=?utf-8?q?ab" },
	{ "=?", "=?" },
	{ "=?utf-8?q?" "?=", "" },
	{ "=?utf-8?q?=zz=4?=", "=zz=4" },
	/* control characters in words are dropped */
	{ "=?utf-8?q?a=00b=0D=0A=07c=7F?=", "abc" },
	/* what does not decode is replaced */
	{ "=?utf-8?q?a=FFb?=", "a\xef\xbf\xbd" "b" },
	/* raw bytes */
	{ " caf\xc3\xa9", "café" },
	{ " caf\xe9 au lait", "café au lait" },
	/* NFC */
	{ "=?utf-8?q?e=CC=81?=", "é" },
	{ "e\xcc\x81", "é" },
	/* emoji */
	{ "=?utf-8?B?8J+OiSBQYXJ0eQ==?=", "🎉 Party" },
};

static void
text_form(void **state)
{
	const struct row	*r;

	(void)state;
	for (r = texts; r < texts + nitems(texts); r++)
		assert_string_equal(mime_hdr_text(&a, (const uint8_t *)r->in,
		    strlen(r->in)), r->out);
}

/* Normalization sorts marks in quadratic time unless it is cut. */
static void
many_combining_marks(void **state)
{
	struct buf	 b;
	const char	*s;
	int		 i;

	(void)state;
	buf_init(&b, MIME_VALUE);
	buf_addc(&b, 'e');
	while (b.len + 4 <= b.max)
		buf_adds(&b, "\xcc\x81\xcc\xa3");
	s = mime_hdr_text(&a, b.data, b.len);
	assert_true(strlen(s) > b.len / 2);
	buf_reset(&b);
	/* a cut before ASCII changes nothing */
	for (i = 0; i < 1000; i++)
		buf_adds(&b, "e\xcc\x81");
	s = mime_hdr_text(&a, b.data, b.len);
	assert_int_equal(strlen(s), 2000);
	for (i = 0; i < 1000; i++)
		assert_memory_equal(s + 2 * i, "\xc3\xa9", 2);
	buf_free(&b);
}

static void
raw_form(void **state)
{
	(void)state;
	assert_string_equal(mime_hdr_raw(&a, (const uint8_t *)" a\0b\r\n c",
	    8), " ab\r\n c");
	assert_string_equal(mime_hdr_raw(&a, (const uint8_t *)" \xe9t\xe9",
	    4), " \xef\xbf\xbdt\xef\xbf\xbd");
	assert_string_equal(mime_hdr_raw(&a, NULL, 0), "");
}

static const struct list_row {
	const char	*in, *out;	/* out joined by "|"; NULL is null */
} msgids[] = {
	{ " <a@b>", "a@b" },
	{ " <a@b> <c@d>\r\n <e@f>", "a@b|c@d|e@f" },
	{ " (comment) <a@b> (<x@y>)", "a@b" },
	{ " <a @ b>", "a@b" },
	{ " Your message of Monday <a@b> \"x\"", "a@b" },
	{ " a@b c@d", "a@b|c@d" },
	{ " <a@b><c@d>", "a@b|c@d" },
	{ " <a@b", "a@b" },
	{ " <>", NULL },
	{ " nothing here", NULL },
	{ "", NULL },
	{ " (never ends <a@b>", "a@b" },
}, urls[] = {
	{ " <https://example.com/list>", "https://example.com/list" },
	{ " <mailto:x@y?subject=a>, <ftp://z> (with <comment>)",
	    "mailto:x@y?subject=a|ftp://z" },
	{ " NO (posting not allowed)", NULL },
	{ " <http://a\r\n  /b>", "http://a/b" },
};

static void
list_is(const struct mime_list *l, const char *want)
{
	char	 got[256] = "";
	size_t	 i;

	if (want == NULL) {
		assert_null(l->v);
		assert_int_equal(l->n, 0);
		return;
	}
	for (i = 0; i < l->n; i++) {
		strlcat(got, i == 0 ? "" : "|", sizeof(got));
		strlcat(got, l->v[i], sizeof(got));
	}
	assert_string_equal(got, want);
}

static void
message_ids_and_urls(void **state)
{
	const struct list_row	*r;
	struct mime_list	 l;

	(void)state;
	for (r = msgids; r < msgids + nitems(msgids); r++) {
		assert_int_equal(mime_hdr_msgids(&a, (const uint8_t *)r->in,
		    strlen(r->in), &l), 0);
		list_is(&l, r->out);
	}
	for (r = urls; r < urls + nitems(urls); r++) {
		assert_int_equal(mime_hdr_urls(&a, (const uint8_t *)r->in,
		    strlen(r->in), &l), 0);
		list_is(&l, r->out);
	}
}

static const struct allow_row {
	const char	*name;
	enum mime_form	 form;
	int		 ok;
} allows[] = {
	{ "Subject", MIME_TEXT, 1 }, { "subject", MIME_DATE, 0 },
	{ "SUBJECT", MIME_RAW, 1 }, { "Comments", MIME_TEXT, 1 },
	{ "Keywords", MIME_TEXT, 1 }, { "List-Id", MIME_TEXT, 1 },
	{ "From", MIME_TEXT, 0 }, { "From", MIME_ADDRESSES, 1 },
	{ "Resent-Bcc", MIME_GROUPS, 1 }, { "To", MIME_MESSAGEIDS, 0 },
	{ "Message-ID", MIME_MESSAGEIDS, 1 }, { "Message-ID", MIME_TEXT, 0 },
	{ "References", MIME_URLS, 0 }, { "Date", MIME_DATE, 1 },
	{ "Resent-Date", MIME_DATE, 1 }, { "Received", MIME_DATE, 0 },
	{ "Received", MIME_RAW, 1 }, { "Return-Path", MIME_ADDRESSES, 0 },
	{ "List-Unsubscribe", MIME_URLS, 1 },
	{ "List-Unsubscribe", MIME_TEXT, 0 }, { "X-Any", MIME_DATE, 1 },
	{ "X-Any", MIME_URLS, 1 }, { "Content-Type", MIME_TEXT, 1 },
};

static void
forms_by_name(void **state)
{
	const struct allow_row	*r;

	(void)state;
	for (r = allows; r < allows + nitems(allows); r++)
		assert_int_equal(mime_hdr_allows(r->name, strlen(r->name),
		    r->form), r->ok);
	assert_int_equal(mime_hdr_form("asRaw", 5), MIME_RAW);
	assert_int_equal(mime_hdr_form("asText", 6), MIME_TEXT);
	assert_int_equal(mime_hdr_form("asGroupedAddresses", 18),
	    MIME_GROUPS);
	assert_int_equal(mime_hdr_form("asURLs", 6), MIME_URLS);
	assert_int_equal(mime_hdr_form("astext", 6), MIME_FORM_MAX);
	assert_int_equal(mime_hdr_form("", 0), MIME_FORM_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_form),
		cmocka_unit_test(many_combining_marks),
		cmocka_unit_test(raw_form),
		cmocka_unit_test(message_ids_and_urls),
		cmocka_unit_test(forms_by_name),
	};

	return cmocka_run_group_tests(tests, up, down);
}
