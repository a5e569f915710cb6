/* SPDX-License-Identifier: ISC */
/* common/enc.c and utf8.c, by table. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/enc.h"
#include "common/utf8.h"

static const struct b64_row {
	const char	*text, *b64, *url;
} b64_rows[] = {	/* RFC 4648 10, and the two odd letters */
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xff\xfe\xfd", "//79", "__79" },
};

static void
base64_round_trips(void **state)
{
	const struct b64_row	*r;
	char			 out[64];
	size_t			 n;

	(void)state;
	for (r = b64_rows; r < b64_rows + nitems(b64_rows); r++) {
		n = strlen(r->text);
		assert_int_equal(enc_b64(r->text, n, out), ENC_B64_LEN(n));
		assert_string_equal(out, r->b64);
		assert_int_equal(enc_b64url(r->text, n, out),
		    ENC_B64URL_LEN(n));
		assert_string_equal(out, r->url);
		assert_int_equal(enc_b64_get(r->b64, strlen(r->b64), out, 64),
		    n);
		assert_memory_equal(out, r->text, n);
		assert_int_equal(enc_b64url_get(r->url, strlen(r->url), out,
		    64), n);
		assert_memory_equal(out, r->text, n);
	}
}

static void
base64_refuses(void **state)
{
	static const char *const bad[] = { "Zg", "Zg=", "Zh==", "Z===", "Zg==Zg==",
	    "Zm9v\n", "Zm-v", "====" };
	char	 out[64];
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(bad); i++)
		assert_int_equal(enc_b64_get(bad[i], strlen(bad[i]), out, 64),
		    -1);
	assert_int_equal(enc_b64_get("Zm9v", 4, out, 2), -1);
	assert_int_equal(enc_b64url_get("Zg==", 4, out, 64), -1);
	assert_int_equal(enc_hex_get("0g", 2, out, 64), -1);
	assert_int_equal(enc_hex_get("abc", 3, out, 64), -1);
	assert_int_equal(enc_pct_get("a%2", 3, out, 64), -1);
	assert_int_equal(enc_pct_get("%zz", 3, out, 64), -1);
}

static void
percent_works(void **state)
{
	struct buf	 b;
	char		 out[16];

	(void)state;
	buf_init(&b, 100);
	enc_pct(&b, "a b/\xc3\xa9~", 7);
	assert_string_equal(buf_str(&b), "a%20b%2F%C3%A9~");
	assert_int_equal(enc_pct_get("a%20b", 5, out, 16), 3);
	assert_memory_equal(out, "a b", 3);
	buf_free(&b);
}

static const struct utf8_row {
	const char	*bytes;
	size_t		 n;
	int		 valid;
} utf8_rows[] = {
	{ "", 0, 1 }, { "plain ascii, long enough", 24, 1 },
	{ "\xc3\xa9", 2, 1 }, { "\xe2\x82\xac", 3, 1 },
	{ "\xf0\x9f\x92\xa9", 4, 1 }, { "\xf4\x8f\xbf\xbf", 4, 1 },
	{ "\xc0\x80", 2, 0 }, { "\xed\xa0\x80", 3, 0 },
	{ "\xf4\x90\x80\x80", 4, 0 }, { "\xe0\x9f\xbf", 3, 0 },
	{ "\xc3", 1, 0 }, { "\x80", 1, 0 }, { "\xff", 1, 0 },
	{ "12345678\xe2\x82", 10, 0 },
};

static void
utf8_is_strict(void **state)
{
	const struct utf8_row	*r;
	uint8_t			 out[4];
	uint32_t		 cp;
	size_t			 k;

	(void)state;
	for (r = utf8_rows; r < utf8_rows + nitems(utf8_rows); r++) {
		assert_int_equal(utf8_valid(r->bytes, r->n), r->valid);
		k = utf8_get((const uint8_t *)r->bytes, r->n, &cp);
		if (!r->valid || k == 0 || k != r->n)
			continue;
		assert_int_equal(utf8_put(cp, out), r->n);
		assert_memory_equal(out, r->bytes, r->n);
	}
}

static void
ascii_ends_at_the_first_byte_that_is_none(void **state)
{
	uint8_t	 p[40];
	size_t	 from, at, n;

	(void)state;
	for (from = 0; from < 9; from++)
		for (n = 0; n < 30; n++)
			for (at = 0; at <= n; at++) {
				memset(p, 0x7f, sizeof(p));
				p[from + at] = 0x80;	/* maybe past it */
				assert_int_equal(utf8_ascii(p + from, n), at);
				assert_int_equal(utf8_valid(p + from, n),
				    at == n);
			}
}

static void
utf8_cuts_between_points(void **state)
{
	(void)state;
	assert_int_equal(utf8_cut("a\xe2\x82\xac", 4), 4);
	assert_int_equal(utf8_cut("a\xe2\x82\xac", 3), 1);
	assert_int_equal(utf8_cut("a\xe2\x82\xac", 2), 1);
	assert_int_equal(utf8_cut("\xf0\x9f\x92\xa9", 3), 0);
	assert_int_equal(utf8_cut("abc", 2), 2);
	assert_int_equal(utf8_cut("", 0), 0);
}

static void
case_is_ascii(void **state)
{
	(void)state;
	assert_true(utf8_caseis("HoSt", 4, "host"));
	assert_false(utf8_caseis("HoSt", 4, "hos"));
	assert_true(utf8_casecmp("a", 1, "B", 1) < 0);
	assert_true(utf8_casecmp("ab", 2, "A", 1) > 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(base64_round_trips),
		cmocka_unit_test(base64_refuses),
		cmocka_unit_test(percent_works),
		cmocka_unit_test(ascii_ends_at_the_first_byte_that_is_none),
		cmocka_unit_test(utf8_is_strict),
		cmocka_unit_test(utf8_cuts_between_points),
		cmocka_unit_test(case_is_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
