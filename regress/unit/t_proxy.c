/* SPDX-License-Identifier: ISC */
/* worker/proxy.c and common/crc32c.c, by table and cut at every byte. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crc32c.h"
#include "worker/proxy.h"

static const struct v1_row {
	const char	*line;
	enum parse	 ret;
	const char	*src;		/* NULL: not known */
	uint16_t	 sport;
} v1_rows[] = {
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", PARSE_DONE,
	    "192.0.2.1", 56324 },
	{ "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", PARSE_DONE,
	    "2001:db8::1", 1 },
	{ "PROXY TCP6 ::ffff:192.0.2.9 ::1 0 0\r\n", PARSE_DONE,
	    "192.0.2.9", 0 },
	{ "PROXY UNKNOWN\r\n", PARSE_DONE, NULL, 0 },
	{ "PROXY UNKNOWN ::1 whatever 1 2\r\n", PARSE_DONE, NULL, 0 },
	{ "PROXY UNKNOWNX\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP4 ::1 ::1 1 2\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP4 ::ffff:1.2.3.4 1.2.3.4 1 2\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY tcp4 192.0.2.1 198.51.100.2 1 2\r\n", PARSE_ERROR, NULL, 0 },
	{ "proxy UNKNOWN\r\n", PARSE_ERROR, NULL, 0 },
	{ "GET / HTTP/1.1\r\n", PARSE_ERROR, NULL, 0 },
	{ "PROXY UNKNOWN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
	    PARSE_ERROR, NULL, 0 },
};

/* Fed as a socket would: never more than the parser wants. */
static enum parse
feed(const void *in, size_t len, unsigned versions, struct proxy *p)
{
	uint8_t		*part;
	size_t		 want = 1, n = 0;
	enum parse	 ret = PARSE_MORE;

	while (ret == PARSE_MORE && want <= len) {
		assert_true(want > n);
		n = want;
		part = malloc(n);	/* exact, for the sanitizer */
		assert_non_null(part);
		memcpy(part, in, n);
		ret = proxy_parse(part, n, versions, p, &want);
		free(part);
	}
	if (ret == PARSE_DONE)
		assert_int_equal(p->len, n);
	return ret;
}

static void
version_1_lines(void **state)
{
	const struct v1_row	*r;
	struct proxy		 p;
	char			 ip[IP_STRLEN], line[256];

	(void)state;
	for (r = v1_rows; r < v1_rows + nitems(v1_rows); r++) {
		strlcpy(line, r->line, sizeof(line));
		strlcat(line, "GET / HTTP/1.1\r\n", sizeof(line));
		if (feed(line, strlen(line), PROXY_V1, &p) != r->ret)
			fail_msg("%s", r->line);
		if (r->ret != PARSE_DONE)
			continue;
		assert_int_equal(p.known, r->src != NULL);
		if (r->src == NULL)
			continue;
		assert_string_equal(ip_str(&p.src, ip), r->src);
		assert_int_equal(p.sport, r->sport);
	}
}

#define SIG	"\r\n\r\n\0\r\nQUIT\n"
#define V4	"\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb"
#define V6	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" \
		"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01" "\x00\x07\x01\xbb"
#define ROW(s, ret, src, port)	{ s, sizeof(s) - 1, ret, src, port }

static const struct v2_row {
	const char	*in;
	size_t		 len;
	enum parse	 ret;
	const char	*src;
	uint16_t	 sport;
} v2_rows[] = {
	ROW(SIG "\x21\x11\x00\x0c" V4, PARSE_DONE, "192.0.2.1", 56324),
	ROW(SIG "\x21\x21\x00\x24" V6, PARSE_DONE, "2001:db8::1", 7),
	/* 2.2: LOCAL: the block is discarded, whatever it says */
	ROW(SIG "\x20\x11\x00\x0c" V4, PARSE_DONE, NULL, 0),
	ROW(SIG "\x20\x00\x00\x00", PARSE_DONE, NULL, 0),
	ROW(SIG "\x20\xff\x00\x01z", PARSE_DONE, NULL, 0),
	ROW(SIG "\x21\x00\x00\x00", PARSE_DONE, NULL, 0),
	ROW(SIG "\x21\x00\x00\x03xyz", PARSE_DONE, NULL, 0),
	/* longer than the addresses: TLVs, NOOP and an unknown one */
	ROW(SIG "\x21\x11\x00\x13" V4 "\x04\x00\x01z" "\xee\x00\x00",
	    PARSE_DONE, "192.0.2.1", 56324),
	ROW(SIG "\x21\x11\x00\x0f" V4 "\x04\x00\x01", PARSE_ERROR, NULL, 0),
	ROW(SIG "\x21\x11\x00\x0d" V4 "\x04", PARSE_ERROR, NULL, 0),
	ROW(SIG "\x21\x11\x00\x0b" V4, PARSE_ERROR, NULL, 0),
	ROW(SIG "\x21\x21\x00\x0c" V4, PARSE_ERROR, NULL, 0),
	ROW(SIG "\x21\x12\x00\x0c" V4, PARSE_ERROR, NULL, 0),	/* UDP */
	ROW(SIG "\x21\x41\x00\x0c" V4, PARSE_ERROR, NULL, 0),
	ROW(SIG "\x22\x11\x00\x0c" V4, PARSE_ERROR, NULL, 0),	/* command */
	ROW(SIG "\x11\x11\x00\x0c" V4, PARSE_ERROR, NULL, 0),	/* version */
	ROW(SIG "\x21\x11\xff\xff" V4, PARSE_ERROR, NULL, 0),	/* length */
	ROW(SIG "\x21\x31\x00\x0c" V4, PARSE_ERROR, NULL, 0),	/* unix */
	ROW("\r\n\r\n\0\r\nQUIX\n\x21\x11\x00\x0c" V4, PARSE_ERROR, NULL, 0),
};

static void
version_2_blocks(void **state)
{
	const struct v2_row	*r;
	struct proxy		 p;
	char			 ip[IP_STRLEN];
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(v2_rows); i++) {
		r = &v2_rows[i];
		if (feed(r->in, r->len, PROXY_V2, &p) != r->ret)
			fail_msg("row %zu", i);
		if (r->ret != PARSE_DONE)
			continue;
		assert_int_equal(p.known, r->src != NULL);
		if (r->src != NULL) {
			assert_string_equal(ip_str(&p.src, ip), r->src);
			assert_int_equal(p.sport, r->sport);
		}
	}
}

static void
only_the_configured_version(void **state)
{
	const struct v2_row	*r = &v2_rows[0];
	struct proxy		 p;

	(void)state;
	assert_int_equal(feed(r->in, r->len, PROXY_V1, &p), PARSE_ERROR);
	assert_int_equal(feed(v1_rows[0].line, strlen(v1_rows[0].line),
	    PROXY_V2, &p), PARSE_ERROR);
	assert_int_equal(feed(r->in, r->len, PROXY_V1 | PROXY_V2, &p),
	    PARSE_DONE);
	assert_int_equal(feed(v1_rows[0].line, strlen(v1_rows[0].line),
	    PROXY_V1 | PROXY_V2, &p), PARSE_DONE);
}

static void
tlvs_are_read(void **state)
{
	static const char	 in[] = SIG "\x21\x11\x00\x32" V4
	    "\x02\x00\x08mx.test." "\x01\x00\x02h2" "\x05\x00\x03uid"
	    "\x20\x00\x05\x03\0\0\0\0" "\x04\x00\x05xxxxx";
	struct proxy		 p;

	(void)state;
	assert_int_equal(feed(in, sizeof(in) - 1, PROXY_V2, &p), PARSE_DONE);
	assert_int_equal(p.authority.n, 8);
	assert_int_equal(p.alpn.n, 2);
	assert_int_equal(p.unique.n, 3);
	assert_true(p.ssl);
	assert_true(p.verified);
}

static void
checksum_must_fit(void **state)
{
	char		 in[] = SIG "\x21\x11\x00\x13" V4
	    "\x03\x00\x04\0\0\0\0";
	struct proxy	 p;
	uint32_t	 crc;
	size_t		 n = sizeof(in) - 1;

	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5),
	    0xe3069283);
	assert_int_equal(feed(in, n, PROXY_V2, &p), PARSE_ERROR);
	crc = crc32c(0, in, n);
	in[n - 4] = crc >> 24;
	in[n - 3] = crc >> 16;
	in[n - 2] = crc >> 8;
	in[n - 1] = crc;
	assert_int_equal(feed(in, n, PROXY_V2, &p), PARSE_DONE);
	in[17] ^= 1;
	assert_int_equal(feed(in, n, PROXY_V2, &p), PARSE_ERROR);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(version_1_lines),
		cmocka_unit_test(version_2_blocks),
		cmocka_unit_test(only_the_configured_version),
		cmocka_unit_test(tlvs_are_read),
		cmocka_unit_test(checksum_must_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
