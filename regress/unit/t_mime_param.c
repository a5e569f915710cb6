/* SPDX-License-Identifier: ISC */
/* worker/mime/mime_param.c, by table. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "regress/unit/mime_lab.h"
#include "worker/mime/mime_int.h"

static const struct row {
	const char	*in, *attr, *out;	/* out NULL: not there */
} params[] = {
	{ "text/plain; charset=us-ascii", "charset", "us-ascii" },
	{ "text/plain; charset=\"us-ascii\"", "charset", "us-ascii" },
	{ "text/plain; CHARSET = us-ascii (Plain text)", "charset",
	    "us-ascii" },
	{ "text/plain;charset=utf-8;format=flowed", "format", "flowed" },
	{ "text/plain; format=flowed", "charset", NULL },
	{ "text/plain; charset", "charset", NULL },
	{ "text/plain; charset=", "charset", "" },
	{ "text/plain (a;b=c) ; x=y", "x", "y" },
	{ "multipart/mixed; boundary=\"a;b \\\"c\\\\\"", "boundary",
	    "a;b \"c\\" },
	{ "multipart/mixed;\r\n\tboundary=\"ab\r\n c\"", "boundary", "ab c" },
	{ "attachment; filename=two words.pdf", "filename",
	    "two words.pdf" },
	{ "attachment; filename=two words.pdf ; size=3", "filename",
	    "two words.pdf" },
	{ "attachment; filename=\"unfinished.pdf", "filename",
	    "unfinished.pdf" },
	{ "attachment; filename=\"C:\\dir\\file.txt\"", "filename",
	    "C:\\dir\\file.txt" },
	{ "attachment; filename=first; filename=second", "filename",
	    "first" },
	/* RFC 2231 3 and 4 */
	{ "message/external-body; access-type=URL;\r\n"
	    " URL*0=\"ftp://\";\r\n"
	    " URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
	    "url",
	    "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar" },
	{ "application/x-stuff;\r\n title*=us-ascii'en-us'This%20is%20"
	    "%2A%2A%2Afun%2A%2A%2A", "title", "This is ***fun***" },
	{ "application/x-stuff;\r\n"
	    " title*0*=us-ascii'en'This%20is%20even%20more%20;\r\n"
	    " title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n"
	    " title*2=\"isn't it!\"", "title",
	    "This is even more ***fun*** isn't it!" },
	{ "a; f*1=b; f*0=a; f*2=c", "f", "abc" },
	{ "a; f*0=a; f*2=c", "f", "a" },
	{ "a; f*1=b", "f", NULL },
	{ "a; f*=utf-8''caf%C3%A9.txt", "f", "café.txt" },
	{ "a; f*=iso-8859-1''caf%E9.txt", "f", "café.txt" },
	{ "a; f*=''x%20y", "f", "x y" },
	{ "a; f*=nocharset%20", "f", "nocharset " },
	{ "a; f*=utf-8''bad%zzescape", "f", "bad%zzescape" },
	{ "a; f=plain; f*=utf-8''better", "f", "better" },
	{ "a; f*0*=utf-8''%C3; f*1*=%A9", "f", "é" },
	{ "a; f*9999999999=b; f=c", "f", "c" },
	{ "a; filename=x; filename2=y", "filename", "x" },
	/* RFC 2047 in quotes, forbidden and frequent */
	{ "a; name=\"=?utf-8?B?w7xiZXIucGRm?=\"", "name", "über.pdf" },
	{ "a; name==?iso-8859-1?Q?=FCber.pdf?=", "name", "über.pdf" },
	{ "a; name*0=\"=?utf-8?B?w7xi\"; name*1=\"ZXIucGRm?=\"", "name",
	    "über.pdf" },
	{ "a; name=\"\xc3\xbc.pdf\"", "name", "ü.pdf" },
	{ "a; name=\"\xfc.pdf\"", "name", "ü.pdf" },
	{ "", "x", NULL },
	{ ";", "x", NULL },
	{ ";;;x=1", "x", "1" },
	{ "a;x=(", "x", "" },
}, values[] = {
	{ "text/plain", NULL, "text/plain" },
	{ " Text/HTML; charset=x", NULL, "text/html" },
	{ " (c) text (d) / (e) plain (f); x=y", NULL, "text/plain" },
	{ "text/plain charset=utf-8", NULL, "text/plain" },
	{ "attachment", NULL, "attachment" },
	{ " INLINE ;filename=x", NULL, "inline" },
	{ "", NULL, "" },
	{ "\"quoted\"", NULL, "" },
};

static void
parameters(void **state)
{
	const struct row	*r;
	const char		*got;

	(void)state;
	for (r = params; r < params + nitems(params); r++) {
		assert_int_equal(mime_param_get(&a, (const uint8_t *)r->in,
		    strlen(r->in), r->attr, &got), 0);
		if (r->out == NULL)
			assert_null(got);
		else {
			assert_non_null(got);
			assert_string_equal(got, r->out);
		}
	}
}

static void
values_before_parameters(void **state)
{
	const struct row	*r;
	const char		*got;

	(void)state;
	for (r = values; r < values + nitems(values); r++) {
		assert_int_equal(mime_param_value(&a, (const uint8_t *)r->in,
		    strlen(r->in), &got), 0);
		assert_string_equal(got, r->out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters),
		cmocka_unit_test(values_before_parameters),
	};

	return cmocka_run_group_tests(tests, up, down);
}
