/* SPDX-License-Identifier: ISC */
/* worker/http/chunk.c: the coding and what must not pass for it. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/chunk.h"

#define BAD	((const char *)0)	/* refused */
#define MORE	"\xff"			/* valid so far */

/* Bytes, the body that they carry, bytes left over behind it. */
static const struct row {
	const char	*in;
	size_t		 len;
	const char	*body;
	size_t		 left;
} rows[] = {
#define R(in, body, left) { in, sizeof(in) - 1, body, left }
	R("0\r\n\r\n", "", 0),
	R("000\r\n\r\n", "", 0),
	R("3\r\nabc\r\n0\r\n\r\n", "abc", 0),
	R("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", 0),
	R("A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0),
	R("a\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0),
	R("00000003\r\nabc\r\n0\r\n\r\n", "abc", 0),
	R("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", 0),
	R("1\r\na\r\n0\r\n\r\nGET ", "a", 4),
	R("000000003\r\nabc\r\n0\r\n\r\n", BAD, 0),	/* nine digits */
	R("3;a=b\r\nabc\r\n0\r\n\r\n", BAD, 0),
	R("3;\r\nabc\r\n0\r\n\r\n", BAD, 0),
	R("3 \r\nabc\r\n0\r\n\r\n", BAD, 0),
	R(" 3\r\nabc\r\n0\r\n\r\n", BAD, 0),
	R("3\t\r\nabc\r\n0\r\n\r\n", BAD, 0),
	R("+3\r\nabc\r\n0\r\n\r\n", BAD, 0),
	R("-3\r\nabc\r\n0\r\n\r\n", BAD, 0),
	R("0x3\r\nabc\r\n0\r\n\r\n", BAD, 0),
	R("0_3\r\nabc\r\n0\r\n\r\n", BAD, 0),
	R("0_2e\r\n", BAD, 0),
	R("3h\r\nabc\r\n0\r\n\r\n", BAD, 0),
	R("\x10\r\n", BAD, 0),
	R("\r\n\r\n", BAD, 0),
	R("\r\nabc", BAD, 0),
	R("3\nabc\r\n0\r\n\r\n", BAD, 0),
	R("3\r\r\nabc\r\n0\r\n\r\n", BAD, 0),
	R("3\rabc\r\n0\r\n\r\n", BAD, 0),
	R("3\r\nabc\n0\r\n\r\n", BAD, 0),
	R("3\r\nabc0\r\n\r\n", BAD, 0),
	R("3\r\nabcd\r\n0\r\n\r\n", BAD, 0),
	R("3\r\nabcXX0\r\n\r\n", BAD, 0),
	R("3\r\nabc\r\r0\r\n\r\n", BAD, 0),
	R("0\r\nX: y\r\n\r\n", BAD, 0),			/* trailer */
	R("0\r\nX:\r\n\r\n", BAD, 0),
	R("0\r\n\n", BAD, 0),
	R("0\n\r\n", BAD, 0),
	R("0\r\n\rX", BAD, 0),
	R("0;\r\r\n\r\n", BAD, 0),
	R("", MORE, 0),
	R("3", MORE, 0),
	R("3\r", MORE, 0),
	R("3\r\nab", MORE, 0),
	R("3\r\nabc\r\n0\r\n", MORE, 0),
};

/* Feed in pieces; the body into out.  Bytes not consumed in *left. */
static enum parse
feed(const char *in, size_t len, size_t piece, char *out, size_t *outlen,
    size_t *left)
{
	const uint8_t	*data;
	struct chunk	 c;
	enum parse	 ret = PARSE_MORE;
	size_t		 at = 0, n, used, dlen;

	chunk_init(&c);
	*outlen = 0;
	while (ret == PARSE_MORE && at < len) {
		n = len - at < piece ? len - at : piece;
		ret = chunk_decode(&c, (const uint8_t *)in + at, n, &used,
		    &data, &dlen);
		assert_true(used <= n && used > 0);
		memcpy(out + *outlen, data, dlen);
		*outlen += dlen;
		at += used;
	}
	*left = len - at;
	return ret;
}

static void
bodies_are_decoded_or_refused(void **state)
{
	char		 out[256];
	size_t		 i, piece, n, left;
	enum parse	 ret, want;

	(void)state;
	for (i = 0; i < nitems(rows); i++)
		for (piece = 1; piece <= 64; piece++) {
			want = rows[i].body == BAD ? PARSE_ERROR :
			    strcmp(rows[i].body, MORE) == 0 ? PARSE_MORE :
			    PARSE_DONE;
			ret = feed(rows[i].in, rows[i].len, piece, out, &n,
			    &left);
			if (ret != want)
				fail_msg("row %zu by %zu: %d", i, piece, ret);
			if (ret != PARSE_DONE)
				continue;
			assert_int_equal(n, strlen(rows[i].body));
			assert_memory_equal(out, rows[i].body, n);
			assert_int_equal(left, rows[i].left);
		}
}

static void
framing_may_not_outweigh_data(void **state)
{
	static char	 in[20000 * 6], out[20000];
	size_t		 i, n, left;

	(void)state;
	for (i = 0; i < 20000; i++)
		memcpy(in + i * 6, "1\r\nx\r\n", 6);
	assert_int_equal(feed(in, sizeof(in), 4096, out, &n, &left),
	    PARSE_ERROR);
	assert_true(n > 1000);
}

static void
a_large_size_allocates_nothing(void **state)
{
	const uint8_t	*data;
	struct chunk	 c;
	size_t		 used, n;

	(void)state;
	chunk_init(&c);
	assert_int_equal(chunk_decode(&c, (const uint8_t *)"ffffffff\r\nab",
	    12, &used, &data, &n), PARSE_MORE);
	assert_int_equal(n, 2);
	assert_int_equal(c.left, 0xffffffff - 2);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(bodies_are_decoded_or_refused),
		cmocka_unit_test(framing_may_not_outweigh_data),
		cmocka_unit_test(a_large_size_allocates_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
