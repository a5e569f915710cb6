/* SPDX-License-Identifier: ISC */
/* daemon/smtp_addr.c, by table. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/smtp_addr.h"

#define L60	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
#define L63	L60 "ggg"
#define L64	L60 "gggg"

static const struct row {
	const char	*in, *out;	/* out NULL: refused */
	int		 utf8;
} rows[] = {
	{ "a@b.test", "a@b.test", 0 },
	{ "a.b.c@b.test", "a.b.c@b.test", 0 },
	{ "a@b", "a@b", 0 },
	{ "a+tag@b.test", "a+tag@b.test", 0 },
	{ "!#$%&'*+-/=?^_`{|}~@b.test", "!#$%&'*+-/=?^_`{|}~@b.test", 0 },
	{ L64 "@b.test", L64 "@b.test", 0 },
	{ "a@xn--bcher-kva.test", "a@xn--bcher-kva.test", 0 },
	{ "a@a_b.test", "a@a_b.test", 0 },
	{ "a@" L63 ".test", "a@" L63 ".test", 0 },
	{ "a@[192.0.2.1]", "a@[192.0.2.1]", 0 },
	{ "a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]", 0 },
	/* quoted already */
	{ "\"a b\"@b.test", "\"a b\"@b.test", 0 },
	{ "\"a\\\"b\"@b.test", "\"a\\\"b\"@b.test", 0 },
	{ "\"a@b\"@c.test", "\"a@b\"@c.test", 0 },
	{ "\"\"@b.test", "\"\"@b.test", 0 },
	{ "\">\"@b.test", "\">\"@b.test", 0 },
	/* quoted here */
	{ "a b@b.test", "\"a b\"@b.test", 0 },
	{ ".a@b.test", "\".a\"@b.test", 0 },
	{ "a.@b.test", "\"a.\"@b.test", 0 },
	{ "a..b@b.test", "\"a..b\"@b.test", 0 },
	{ "a@b@c.test", "\"a@b\"@c.test", 0 },
	{ "a\"b@c.test", "\"a\\\"b\"@c.test", 0 },
	{ "a\\b@c.test", "\"a\\\\b\"@c.test", 0 },
	{ "\"a@c.test", "\"\\\"a\"@c.test", 0 },
	{ "\"a\\\"@c.test", "\"\\\"a\\\\\\\"\"@c.test", 0 },
	{ "\"a\"b\"@c.test", "\"\\\"a\\\"b\\\"\"@c.test", 0 },
	{ "a> SIZE=1@b.test", "\"a> SIZE=1\"@b.test", 0 },
	{ "<a>@b.test", "\"<a>\"@b.test", 0 },
	/* RFC 6531 */
	{ "\xc3\xbc@b.test", "\xc3\xbc@b.test", 1 },
	{ "a@b\xc3\xbc.test", "a@b\xc3\xbc.test", 1 },
	{ "\xe4\xb8\xad \xe6\x96\x87@b.test",
	    "\"\xe4\xb8\xad \xe6\x96\x87\"@b.test", 1 },
	/* no address */
	{ "", NULL, 0 }, { "a", NULL, 0 }, { "@", NULL, 0 },
	{ "a@", NULL, 0 }, { "@b.test", NULL, 0 },
	{ "a@.test", NULL, 0 }, { "a@b..test", NULL, 0 },
	{ "a@b.", NULL, 0 }, { "a@-b.test", NULL, 0 },
	{ "a@b-.test", NULL, 0 }, { "a@b.test-", NULL, 0 },
	{ "a@b c.test", NULL, 0 }, { "a@b.test>", NULL, 0 },
	{ "a@b.test SIZE=1", NULL, 0 }, { "a@b\"c.test", NULL, 0 },
	{ "a@" L64 ".test", NULL, 0 }, { L64 "a@b.test", NULL, 0 },
	{ "a@[]", NULL, 0 }, { "a@[1", NULL, 0 }, { "a@1]", NULL, 0 },
	{ "a@[1]>", NULL, 0 }, { "a@[1 2]", NULL, 0 },
	{ "a@[a]b]", NULL, 0 },
	/* longer than allowed once it is quoted */
	{ "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff  g"
	    "@b.test", NULL, 0 },
	{ "a@" L63 "." L63 "." L63 "." L63, NULL, 0 },
	/* no commands */
	{ "a\r\nRCPT TO:<c@d.test>@b.test", NULL, 0 },
	{ "a@b.test\r\nDATA", NULL, 0 }, { "a@b.test\r", NULL, 0 },
	{ "a@b.test\n", NULL, 0 }, { "a\n@b.test", NULL, 0 },
	{ "\"a\r\"@b.test", NULL, 0 }, { "\"a\\\n\"@b.test", NULL, 0 },
	{ "a\t@b.test", NULL, 0 }, { "a\x7f@b.test", NULL, 0 },
	{ "a\x01@b.test", NULL, 0 },
	{ "a\xc2\x85@b.test", NULL, 0 },	/* NEL */
	{ "a\xe2\x80\xa8@b.test", NULL, 0 },	/* LINE SEPARATOR */
	/* no UTF-8 */
	{ "\xff@b.test", NULL, 0 }, { "a@b\xfc.test", NULL, 0 },
	{ "\xc0\x8d\xc0\x8a@b.test", NULL, 0 },
	{ "\xed\xa0\x80@b.test", NULL, 0 },
};

static void
addresses_are_written_or_refused(void **state)
{
	const struct row	*w;
	struct buf		 b;
	int			 utf8;

	(void)state;
	buf_init(&b, 4096);
	for (w = rows; w < rows + nitems(rows); w++) {
		buf_reset(&b);
		buf_addc(&b, '<');
		if (smtp_addr_put(&b, w->in, &utf8) !=
		    (w->out == NULL ? -1 : 0))
			fail_msg("%s", w->in);
		if (w->out == NULL) {
			assert_int_equal(b.len, 1);
			continue;
		}
		assert_string_equal(buf_str(&b) + 1, w->out);
		assert_int_equal(utf8, w->utf8);
	}
	buf_free(&b);
}

static const struct param {
	const char	*in, *out;
} xtexts[] = {
	{ "QQ314159", "QQ314159" }, { "a+b=c", "a+2Bb+3Dc" },
	{ "a b", "a+20b" }, { "~!", "~!" },
	{ "", NULL }, { "a\r\nb", NULL }, { "\xc3\xbc", NULL },
	{ "a\x7f", NULL }, { "aaaaaaaaaaaaaaaaaaaaa", NULL },
	{ "=======", NULL },
}, orcpts[] = {
	{ "rfc822;a@b.test", "rfc822;a@b.test" },
	{ "rfc822;a+b@c.test", "rfc822;a+2Bb@c.test" },
	{ "RFC822;a=@c.test", "RFC822;a+3D@c.test" },
	{ "x-other;a b", "x-other;a+20b" },
	/* RFC 6533 3 */
	{ "rfc822;\xc3\xbc@b.test", "utf-8;\\x{FC}@b.test" },
	{ "utf-8;\xf0\x9f\x98\x80+=\\@b.test",
	    "utf-8;\\x{1F600}\\x{2B}\\x{3D}\\x{5C}@b.test" },
	{ "utf-8;a@b.test", "utf-8;a@b.test" },
	{ "", NULL }, { "rfc822", NULL }, { "rfc822;", NULL },
	{ ";a@b.test", NULL }, { "rf c822;a@b.test", NULL },
	{ "rfc822;a\r\nDATA", NULL }, { "rfc\r\n;a@b.test", NULL },
	{ "\xc3\xbc;a@b.test", NULL }, { "rfc822;\xff", NULL },
};

static void
parameters_are_encoded(void **state)
{
	const struct param	*w;
	struct buf		 b;

	(void)state;
	buf_init(&b, 4096);
	for (w = xtexts; w < xtexts + nitems(xtexts); w++) {
		buf_reset(&b);
		assert_int_equal(smtp_addr_xtext(&b, w->in, 20),
		    w->out == NULL ? -1 : 0);
		assert_string_equal(buf_str(&b), w->out == NULL ? "" : w->out);
	}
	for (w = orcpts; w < orcpts + nitems(orcpts); w++) {
		buf_reset(&b);
		if (smtp_addr_orcpt(&b, w->in) != (w->out == NULL ? -1 : 0))
			fail_msg("%s", w->in);
		assert_string_equal(buf_str(&b), w->out == NULL ? "" : w->out);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(addresses_are_written_or_refused),
		cmocka_unit_test(parameters_are_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
