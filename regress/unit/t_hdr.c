/* SPDX-License-Identifier: ISC */
/* worker/http/hdr.c, common/hdr_check.c: fields in and fields out. */
#include "common/compat.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/conf.h"
#include "common/hdr_check.h"
#include "worker/http/hdr.h"

static const struct {
	const char	*name;
	enum http_hdr	 id;
} names[] = {
	{ "Accept", HDR_ACCEPT },
	{ "Access-Control-Request-Headers", HDR_AC_HEADERS },
	{ "Access-Control-Request-Method", HDR_AC_METHOD },
	{ "Authorization", HDR_AUTHORIZATION },
	{ "Connection", HDR_CONNECTION },
	{ "Content-Encoding", HDR_CONTENT_ENCODING },
	{ "Content-Length", HDR_CONTENT_LENGTH },
	{ "Content-Type", HDR_CONTENT_TYPE },
	{ "Cookie", HDR_COOKIE },
	{ "Expect", HDR_EXPECT },
	{ "Forwarded", HDR_FORWARDED },
	{ "Host", HDR_HOST },
	{ "If-Match", HDR_IF_MATCH },
	{ "If-Modified-Since", HDR_IF_MODIFIED_SINCE },
	{ "If-None-Match", HDR_IF_NONE_MATCH },
	{ "If-Range", HDR_IF_RANGE },
	{ "Last-Event-ID", HDR_LAST_EVENT_ID },
	{ "Origin", HDR_ORIGIN },
	{ "Range", HDR_RANGE },
	{ "Sec-Fetch-Dest", HDR_SEC_FETCH_DEST },
	{ "Sec-Fetch-Mode", HDR_SEC_FETCH_MODE },
	{ "Sec-Fetch-Site", HDR_SEC_FETCH_SITE },
	{ "Service-Worker", HDR_SERVICE_WORKER },
	{ "TE", HDR_TE },
	{ "Trailer", HDR_TRAILER },
	{ "Transfer-Encoding", HDR_TRANSFER_ENCODING },
	{ "Upgrade", HDR_UPGRADE },
	{ "User-Agent", HDR_USER_AGENT },
	{ "X-Forwarded-For", HDR_X_FORWARDED_FOR },
	{ "X-Forwarded-Proto", HDR_X_FORWARDED_PROTO },
	{ "X-Requested-With", HDR_X_REQUESTED_WITH },
};

static void
every_id_is_found_in_any_case(void **state)
{
	char	 t[64];
	size_t	 i, k, n;

	(void)state;
	assert_int_equal(nitems(names), HDR_MAX);
	for (i = 0; i < nitems(names); i++) {
		n = strlen(names[i].name);
		assert_int_equal(names[i].id, i);
		assert_int_equal(hdr_id(names[i].name, n), names[i].id);
		for (k = 0; k < n; k++)
			t[k] = (char)toupper((unsigned char)names[i].name[k]);
		assert_int_equal(hdr_id(t, n), names[i].id);
		assert_int_equal(hdr_id(t, n - 1), HDR_OTHER);
		t[n - 1] ^= 1;
		assert_int_equal(hdr_id(t, n), HDR_OTHER);
	}
	assert_int_equal(hdr_id("", 0), HDR_OTHER);
	assert_int_equal(hdr_id("X-Something-That-Nobody-Knows-At-All", 36),
	    HDR_OTHER);
}

static void
lines_of_one_name_are_chained(void **state)
{
	static struct req	 r;
	char			 n1[] = "Cookie", n2[] = "cookie", v[] = "x";
	char			 h[] = "Host";
	int			 i;

	(void)state;
	hdr_reset(&r);
	assert_null(req_hdr(&r, HDR_COOKIE));
	assert_int_equal(hdr_add(&r, n1, 6, v, 1), 0);
	assert_int_equal(hdr_add(&r, h, 4, v, 1), 0);
	assert_int_equal(hdr_add(&r, n2, 6, v, 0), 0);
	assert_int_equal(r.known[HDR_COOKIE], 0);
	assert_int_equal(r.hdr[0].next, 2);
	assert_int_equal(r.hdr[2].next, -1);
	assert_null(hdr_duplicate(&r));		/* cookies may */
	assert_int_equal(hdr_add(&r, h, 4, v, 1), 0);
	assert_string_equal(hdr_duplicate(&r), "Host");
	for (i = r.nhdr; i < HTTP_MAX_HDRS; i++)
		assert_int_equal(hdr_add(&r, n1, 6, v, 1), 0);
	assert_int_equal(hdr_add(&r, n1, 6, v, 1), -1);
}

/* good: NULL, else a word of the reason */
static const struct {
	const char	*line, *why;
} custom[] = {
	{ "Server: Stalwart JMAP", NULL },
	{ "Cache-Control: max-age=3600", NULL },
	{ "X:y", NULL },
	{ "X: \t y z\t ", NULL },
	{ "X: a: b", NULL },
	{ "Strict-Transport-Security: max-age=0", NULL },
	{ "Content-Security-Policy: default-src 'none'", NULL },
	{ "X", "form" },
	{ "", "form" },
	{ ": y", "empty" },
	{ "X:", "empty" },
	{ "X: ", "empty" },
	{ "X Y: z", "name" },
	{ " X: z", "name" },
	{ "X : z", "name" },
	{ "X_Y: z", "name" },
	{ "X\xc3\xa9: z", "name" },
	{ "X: a\r\nSet-Cookie: b", "octet" },
	{ "X: a\nb", "octet" },
	{ "X: a\rb", "octet" },
	{ "X: a\x01", "octet" },
	{ "X: a\x7f", "octet" },
	{ "X: \xc3\xa9", "octet" },
	{ "connection: close", "frames" },
	{ "Keep-Alive: 5", "frames" },
	{ "Proxy-Authenticate: x", "frames" },
	{ "TE: x", "frames" },
	{ "Trailer: x", "frames" },
	{ "Transfer-Encoding: x", "frames" },
	{ "Upgrade: x", "frames" },
	{ "Content-Length: 5", "frames" },
	{ "Content-Range: x", "frames" },
	{ "Content-Encoding: gzip", "frames" },
	{ "Date: x", "frames" },
	{ "Set-Cookie: a=b", "cookies" },
	{ "Set-Cookie2: a=b", "cookies" },
	{ "Content-Type: a/b", "answer" },
	{ "LOCATION: /", "answer" },
	{ "WWW-Authenticate: Basic", "answer" },
	{ "ETag: x", "answer" },
};

static void
a_custom_header_is_checked(void **state)
{
	const char	*why, *v;
	size_t		 i, nlen, vlen;

	(void)state;
	for (i = 0; i < nitems(custom); i++) {
		why = hdr_check(custom[i].line, &nlen, &v, &vlen);
		if (custom[i].why == NULL)
			assert_null(why);
		else if (why == NULL || strstr(why, custom[i].why) == NULL)
			fail_msg("\"%s\": %s", custom[i].line,
			    why == NULL ? "good" : why);
	}
	assert_null(hdr_check("X-Y: \t y z\t ", &nlen, &v, &vlen));
	assert_int_equal(nlen, 3);
	assert_int_equal(vlen, 3);
	assert_memory_equal(v, "y z", 3);
}

static void
custom_headers_have_limits_together(void **state)
{
	char			*v[65], err[256], big[4200];
	struct conf_strs	 s = { v, 0 };
	char			 ok[] = "X-Y: z", acao[] =
				    "Access-Control-Allow-Origin: *";

	(void)state;
	for (s.n = 0; s.n < 64; s.n++)
		v[s.n] = ok;
	assert_int_equal(hdr_check_all(&s, 1, err, sizeof(err)), 0);
	v[s.n++] = ok;
	assert_int_equal(hdr_check_all(&s, 0, err, sizeof(err)), -1);
	s.n = 1;
	v[0] = acao;
	assert_int_equal(hdr_check_all(&s, 0, err, sizeof(err)), 0);
	assert_int_equal(hdr_check_all(&s, 1, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "permissive-cors"));
	assert_non_null(strstr(err, "Access-Control-Allow-Origin"));
	memset(big, 'a', sizeof(big));
	memcpy(big, "X: ", 3);
	big[4096] = '\0';
	v[0] = v[1] = v[2] = v[3] = v[4] = big;
	s.n = 4;
	assert_int_equal(hdr_check_all(&s, 0, err, sizeof(err)), 0);
	s.n = 5;
	assert_int_equal(hdr_check_all(&s, 0, err, sizeof(err)), -1);
	big[4096] = 'a';
	big[4097] = '\0';
	s.n = 1;
	assert_int_equal(hdr_check_all(&s, 0, err, sizeof(err)), -1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(every_id_is_found_in_any_case),
		cmocka_unit_test(lines_of_one_name_are_chained),
		cmocka_unit_test(a_custom_header_is_checked),
		cmocka_unit_test(custom_headers_have_limits_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
