/* SPDX-License-Identifier: ISC */
/* Header fields of a blob's download: types, names, ranges, fetch metadata. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "worker/blob_head.h"

#define OCTETS	"application/octet-stream"

static void
active_types_become_octets(void **state)
{
	static const struct {
		const char	*asked, *want;
	} rows[] = {
		{ NULL, OCTETS }, { "", OCTETS }, { "text", OCTETS },
		{ "image/png", "image/png" }, { "IMAGE/PNG", "image/png" },
		{ "application/pdf", "application/pdf" },
		{ "text/plain; charset=UTF-8", "text/plain; charset=utf-8" },
		{ "text/plain;charset=utf-8", "text/plain; charset=utf-8" },
		{ "text/plain\t;\t charset=utf-8", "text/plain; charset=utf-8" },
		{ "application/vnd.openxmlformats-officedocument."
		    "wordprocessingml.document",
		    "application/vnd.openxmlformats-officedocument."
		    "wordprocessingml.document" },
		{ "text/html", OCTETS }, { "Text/HTML", OCTETS },
		{ "text/html; charset=utf-8", OCTETS },
		{ "application/xhtml+xml", OCTETS },
		{ "image/svg+xml", OCTETS }, { "text/xml", OCTETS },
		{ "application/xml", OCTETS }, { "text/xsl", OCTETS },
		{ "text/javascript", OCTETS },
		{ "application/x-javascript", OCTETS },
		{ "application/ecmascript", OCTETS },
		{ "text/jscript", OCTETS }, { "text/livescript", OCTETS },
		{ "text/css", OCTETS }, { "application/wasm", OCTETS },
		{ "application/x-shockwave-flash", OCTETS },
		{ "text/cache-manifest", OCTETS },
		{ "application/manifest+json", OCTETS },
		{ "multipart/mixed", OCTETS }, { "message/rfc822", OCTETS },
		{ "text/vtt", OCTETS },
		{ "image/png\r\nX: y", OCTETS }, { "image/png;x=y", OCTETS },
		{ "image/png; charset=", OCTETS }, { "image//png", OCTETS },
		{ "image/png, text/html", OCTETS }, { " image/png", OCTETS },
		{ "text/plain; charset=\"utf-8\"", OCTETS },
		{ "image/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaa", OCTETS }
	};
	char	 out[BLOB_HEAD_TYPE];
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		blob_head_type(rows[i].asked, out);
		assert_string_equal(out, rows[i].want);
	}
}

static void
names_are_made_safe(void **state)
{
	static const struct {
		const char	*name, *want;
	} rows[] = {
		{ "a.txt", "attachment; filename=\"a.txt\"" },
		{ "my file.pdf", "attachment; filename=\"my file.pdf\"" },
		{ "", "attachment; filename=\"attachment\"" },
		{ "...", "attachment; filename=\"attachment\"" },
		{ "../../etc/passwd",
		    "attachment; filename=\"etcpasswd\"" },
		{ ".bashrc", "attachment; filename=\"bashrc\"" },
		{ "a\"b\\c.txt", "attachment; filename=\"abc.txt\"" },
		{ "a\r\nSet-Cookie: x=y",
		    "attachment; filename=\"aSet-Cookie x=y\"" },
		{ "x.exe. . ", "attachment; filename=\"x.exe\"" },
		{ "caf\xc3\xa9.txt", "attachment; filename=\"caf_.txt\"; "
		    "filename*=UTF-8''caf%C3%A9.txt" },
		{ "100%.txt", "attachment; filename=\"100_.txt\"; "
		    "filename*=UTF-8''100%25.txt" },
		/* right-to-left override hides an extension */
		{ "cod\xe2\x80\xae" "fdp.exe",
		    "attachment; filename=\"codfdp.exe\"" },
		{ "a\xe2\x81\xa6" "b\xe2\x80\xa8" "c\xc2\x85" "d",
		    "attachment; filename=\"abcd\"" },
		{ "a\xff\x80z", "attachment; filename=\"az\"" },
		{ "a\x7f" "b\x01", "attachment; filename=\"ab\"" }
	};
	struct buf	 b;
	size_t		 i;

	(void)state;
	buf_init(&b, 4096);
	for (i = 0; i < nitems(rows); i++) {
		buf_reset(&b);
		blob_head_disposition(&b, 0, rows[i].name);
		assert_string_equal(buf_str(&b), rows[i].want);
	}
	buf_reset(&b);
	blob_head_disposition(&b, 1, "a.png");
	assert_string_equal(buf_str(&b), "inline; filename=\"a.png\"");
	buf_free(&b);
}

static void
long_names_keep_their_extension(void **state)
{
	struct buf	 b;
	char		 name[400];

	(void)state;
	buf_init(&b, 8192);
	memset(name, 'n', sizeof(name));
	memcpy(name + 390, ".pdf", 5);
	blob_head_disposition(&b, 0, name);
	assert_int_equal(b.len, strlen("attachment; filename=\"\"") + 180);
	assert_memory_equal(b.data + b.len - 5, ".pdf\"", 5);
	buf_reset(&b);
	memset(name, '\xc3', 390);
	memset(name, 'x', 1);
	for (size_t i = 2; i < 390; i += 2)
		name[i] = '\xa9';
	name[389] = 'y';
	blob_head_disposition(&b, 0, name);
	assert_false(buf_bad(&b));
	buf_free(&b);
}

static void
only_media_that_is_what_it_says_is_shown(void **state)
{
	static const struct {
		const char	*type, *bytes;
		size_t		 n;
		int		 want;
	} rows[] = {
		{ "image/png", "\x89PNG\r\n\x1a\n....", 12, 1 },
		{ "image/png", "<html>......", 12, 0 },
		{ "image/png", "\x89PN", 3, 0 },
		{ "image/jpeg", "\xff\xd8\xff\xe0", 4, 1 },
		{ "image/gif", "GIF89a", 6, 1 },
		{ "image/webp", "RIFF....WEBPVP8 ", 16, 1 },
		{ "image/webp", "RIFF", 4, 0 },
		{ "video/mp4", "", 0, 1 }, { "audio/ogg", "", 0, 1 },
		{ "text/plain; charset=utf-8", "x", 1, 1 },
		{ "text/plain", "x", 1, 0 },
		{ "application/pdf", "%PDF", 4, 0 },
		{ OCTETS, "x", 1, 0 }
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++)
		assert_int_equal(blob_head_inline(rows[i].type,
		    (const uint8_t *)rows[i].bytes, rows[i].n), rows[i].want);
}

static void
browsers_get_it_for_harmless_uses_only(void **state)
{
	(void)state;
	assert_true(blob_head_fetch(NULL, NULL, NULL));
	assert_true(blob_head_fetch("empty", "same-origin", NULL));
	assert_true(blob_head_fetch("document", "none", NULL));
	assert_true(blob_head_fetch("image", "same-site", NULL));
	assert_false(blob_head_fetch("script", "same-origin", NULL));
	assert_false(blob_head_fetch("style", NULL, NULL));
	assert_false(blob_head_fetch("worker", NULL, NULL));
	assert_false(blob_head_fetch("serviceworker", NULL, NULL));
	assert_false(blob_head_fetch("iframe", NULL, NULL));
	assert_false(blob_head_fetch("object", NULL, NULL));
	assert_false(blob_head_fetch("empty", "cross-site", NULL));
	assert_false(blob_head_fetch("empty", NULL, "script"));
}

static void
tags_are_found_in_lists(void **state)
{
	(void)state;
	assert_true(blob_head_match("\"a\"", "\"a\""));
	assert_true(blob_head_match("\"x\", W/\"a\"", "\"a\""));
	assert_true(blob_head_match("*", "\"a\""));
	assert_false(blob_head_match(NULL, "\"a\""));
	assert_false(blob_head_match("", "\"a\""));
	assert_false(blob_head_match("a", "\"a\""));
	assert_false(blob_head_match("\"ab\"", "\"a\""));
	assert_false(blob_head_match("\"a", "\"a\""));
}

static void
one_range_is_served(void **state)
{
	static const struct {
		const char		*value;
		uint64_t		 size;
		enum blob_head_range	 want;
		uint64_t		 from, to;
	} rows[] = {
		{ NULL, 10, BLOB_HEAD_WHOLE, 0, 0 },
		{ "bytes=0-3", 10, BLOB_HEAD_PART, 0, 3 },
		{ "bytes=4-", 10, BLOB_HEAD_PART, 4, 9 },
		{ "bytes=4-99", 10, BLOB_HEAD_PART, 4, 9 },
		{ "bytes=-3", 10, BLOB_HEAD_PART, 7, 9 },
		{ "bytes=-30", 10, BLOB_HEAD_PART, 0, 9 },
		{ "bytes=10-", 10, BLOB_HEAD_OUTSIDE, 0, 0 },
		{ "bytes=-0", 10, BLOB_HEAD_OUTSIDE, 0, 0 },
		{ "bytes=0-", 0, BLOB_HEAD_OUTSIDE, 0, 0 },
		{ "bytes=0-1,4-5", 10, BLOB_HEAD_WHOLE, 0, 0 },
		{ "bytes=5-4", 10, BLOB_HEAD_WHOLE, 0, 0 },
		{ "bytes=", 10, BLOB_HEAD_WHOLE, 0, 0 },
		{ "bytes=-", 10, BLOB_HEAD_WHOLE, 0, 0 },
		{ "bytes=a-b", 10, BLOB_HEAD_WHOLE, 0, 0 },
		{ "bytes= 0-1", 10, BLOB_HEAD_WHOLE, 0, 0 },
		{ "items=0-1", 10, BLOB_HEAD_WHOLE, 0, 0 },
		{ "bytes=99999999999999999999-", 10, BLOB_HEAD_WHOLE, 0, 0 }
	};
	uint64_t	 from, to;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		assert_int_equal(blob_head_range(rows[i].value, rows[i].size,
		    &from, &to), rows[i].want);
		if (rows[i].want == BLOB_HEAD_PART) {
			assert_int_equal(from, rows[i].from);
			assert_int_equal(to, rows[i].to);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(active_types_become_octets),
		cmocka_unit_test(names_are_made_safe),
		cmocka_unit_test(long_names_keep_their_extension),
		cmocka_unit_test(only_media_that_is_what_it_says_is_shown),
		cmocka_unit_test(browsers_get_it_for_harmless_uses_only),
		cmocka_unit_test(tags_are_found_in_lists),
		cmocka_unit_test(one_range_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
