/* SPDX-License-Identifier: ISC */
/*
 * worker/http/http2_limit.c: what a connection may cost before it ends.
 * Each row is a run of equal frames and the first of them that is refused.
 */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/http2_limit.h"

#define NOW	1000

/* RFC 9113 6 */
#define DATA		0
#define HEADERS		1
#define PRIORITY	2
#define RST		3
#define SETTINGS	4
#define PING		6
#define WINDOW		8
#define CONT		9

static uint32_t	id = 1;
static uint8_t	frame[HTTP2_FRAME_HEAD + 65536];

static size_t
make(uint8_t type, uint8_t flags, uint32_t len)
{
	memset(frame, 0, sizeof(frame));
	frame[0] = (uint8_t)(len >> 16);
	frame[1] = (uint8_t)(len >> 8);
	frame[2] = (uint8_t)len;
	frame[3] = type;
	frame[4] = flags;
	/* each HEADERS begins a stream of its own */
	frame[6] = (uint8_t)(id >> 16);
	frame[7] = (uint8_t)(id >> 8);
	frame[8] = (uint8_t)id | 1;
	if (type == HEADERS)
		id += 2;
	return HTTP2_FRAME_HEAD + len;
}

static uint32_t
give(struct http2_limit *l, uint8_t type, uint8_t flags, uint32_t len,
    int64_t now)
{
	size_t	 n = make(type, flags, len);

	return http2_limit_scan(l, frame, n, now);
}

static void
begin(struct http2_limit *l)
{
	static const uint8_t	 magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

	http2_limit_init(l, 64, NOW);
	assert_int_equal(http2_limit_scan(l, magic, 10, NOW), 0);
	assert_int_equal(http2_limit_scan(l, magic + 10, 14, NOW), 0);
}

static void
a_flood_ends_at_its_limit(void **state)
{
	static const struct {
		const char	*what;
		uint8_t		 type, flags;
		uint32_t	 len;
		int		 turn;	/* each frame in a turn of its own,
					 * and what we say is written */
		int		 bad;	/* the first one refused */
	} rows[] = {
		{ "ping", PING, 0, 8, 1, 101 },
		{ "ping at once", PING, 0, 8, 0, 65 },
		{ "ping ack", PING, 1, 8, 0, 101 },
		{ "settings", SETTINGS, 0, 0, 1, 101 },
		{ "settings at once", SETTINGS, 0, 0, 0, 65 },
		{ "settings ack", SETTINGS, 1, 0, 0, 101 },
		{ "priority", PRIORITY, 0, 5, 0, 101 },
		{ "window", WINDOW, 0, 4, 0, 101 },
		{ "empty data", DATA, 0, 0, 0, 101 },
		{ "nothing but padding", DATA, 8, 200, 0, 101 },
		{ "ends of bodies that never began", DATA, 1, 0, 0, 101 },
		{ "unknown type", 0xfa, 0, 20, 0, 101 },
		{ "goaway", 7, 0, 8, 0, 101 },
		{ "reset", RST, 0, 4, 1, 101 },
		{ "requests in a turn", HEADERS, 5, 4, 0, 129 },
		{ "one request a turn", HEADERS, 5, 4, 1, 0 },
		{ "data", DATA, 0, 100, 0, 0 },
		{ "stray continuation", CONT, 0, 0, 0, 101 },
	};
	struct http2_limit	 l;
	size_t			 i;
	int			 k;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		begin(&l);
		for (k = 1; k < 1000; k++) {
			if (rows[i].turn) {
				http2_limit_turn(&l);
				http2_limit_flushed(&l);
			}
			if (give(&l, rows[i].type, rows[i].flags,
			    rows[i].len, NOW) != 0)
				break;
		}
		if (k != (rows[i].bad == 0 ? 1000 : rows[i].bad))
			fail_msg("%s: %d", rows[i].what, k);
	}
}

static void
control_frames_are_free_while_there_is_progress(void **state)
{
	struct http2_limit	 l;
	int			 k;

	(void)state;
	begin(&l);
	for (k = 0; k < 1000; k++) {
		if (k % 100 == 0)
			http2_limit_progress(&l);
		assert_int_equal(give(&l, WINDOW, 0, 4, NOW), 0);
	}
	begin(&l);
	for (k = 0; k < 1000; k++)
		assert_int_equal(give(&l, WINDOW, 0, 4, NOW + k * 101), 0);
}

static void
a_header_block_has_a_size_and_a_number_of_frames(void **state)
{
	struct http2_limit	 l;
	int			 k;

	(void)state;
	begin(&l);
	assert_int_equal(give(&l, HEADERS, 1, 10, NOW), 0);
	for (k = 0; k < HTTP2_CONTINUATIONS; k++)
		assert_int_equal(give(&l, CONT, 0, 1, NOW), 0);
	assert_int_equal(give(&l, CONT, 4, 1, NOW), HTTP2_CALM);

	begin(&l);
	assert_int_equal(give(&l, HEADERS, 1, 16384, NOW), 0);
	assert_int_equal(give(&l, CONT, 0, 16384, NOW), 0);
	assert_int_equal(give(&l, CONT, 4, 1, NOW), HTTP2_CALM);

	begin(&l);
	assert_int_equal(give(&l, HEADERS, 5, 32769, NOW), HTTP2_CALM);

	/* a block that ends gives the next one its own count */
	begin(&l);
	for (k = 0; k < 10; k++) {
		http2_limit_turn(&l);
		assert_int_equal(give(&l, HEADERS, 1, 16384, NOW), 0);
		assert_int_equal(give(&l, CONT, 4, 16384, NOW), 0);
	}
}

static void
a_header_block_has_a_deadline_until_its_last_byte(void **state)
{
	struct http2_limit	 l;
	size_t			 n;

	(void)state;
	begin(&l);
	assert_int_equal(http2_limit_deadline(&l), 0);
	n = make(HEADERS, 5, 20);
	http2_limit_scan(&l, frame, 9, NOW);
	assert_int_equal(http2_limit_deadline(&l), NOW + HTTP2_BLOCK_MS);
	http2_limit_scan(&l, frame + 9, n - 10, NOW + 100);
	assert_int_equal(http2_limit_deadline(&l), NOW + HTTP2_BLOCK_MS);
	http2_limit_scan(&l, frame + n - 1, 1, NOW + 200);
	assert_int_equal(http2_limit_deadline(&l), 0);

	give(&l, HEADERS, 1, 20, NOW + 300);
	give(&l, CONT, 0, 20, NOW + 400);
	assert_int_equal(http2_limit_deadline(&l), NOW + 300 +
	    HTTP2_BLOCK_MS);
	give(&l, CONT, 4, 0, NOW + 500);
	assert_int_equal(http2_limit_deadline(&l), 0);
}

static void
resets_of_both_sides_share_a_bucket_that_refills(void **state)
{
	struct http2_limit	 l;
	int			 k, n;

	(void)state;
	begin(&l);
	for (k = 0; k < HTTP2_RESET_BURST / 2; k++) {
		assert_int_equal(give(&l, RST, 0, 4, NOW), 0);
		assert_int_equal(http2_limit_reset(&l, HTTP2_NO_ERROR, NOW),
		    0);
	}
	assert_int_equal(http2_limit_reset(&l, HTTP2_NO_ERROR, NOW),
	    HTTP2_CALM);
	for (n = 0; http2_limit_reset(&l, HTTP2_NO_ERROR, NOW + 1000) == 0;
	    n++)
		;
	assert_int_equal(n, HTTP2_RESET_RATE);
	for (n = 0; give(&l, RST, 0, 4, NOW + 100000) == 0; n++)
		;
	assert_int_equal(n, HTTP2_RESET_BURST);
}

static void
repeated_stream_errors_end_the_connection(void **state)
{
	struct http2_limit	 l;
	int			 k;

	(void)state;
	begin(&l);
	for (k = 0; k < HTTP2_ERRORS; k++)
		assert_int_equal(http2_limit_reset(&l, HTTP2_PROTOCOL_ERROR,
		    NOW), 0);
	assert_int_equal(http2_limit_reset(&l, HTTP2_REFUSED_STREAM, NOW), 0);
	assert_int_equal(http2_limit_reset(&l, HTTP2_PROTOCOL_ERROR, NOW),
	    HTTP2_CALM);
	begin(&l);
	for (k = 0; k < 1000; k++)
		assert_int_equal(http2_limit_reset(&l, HTTP2_PROTOCOL_ERROR,
		    NOW + k * 1000), 0);
}

/* The same bytes, whole and octet by octet, get the same verdict. */
static void
pieces_do_not_matter(void **state)
{
	struct http2_limit	 a, b;
	uint32_t		 va = 0, vb = 0;
	size_t			 n, i;
	int			 k;

	(void)state;
	begin(&a);
	begin(&b);
	for (k = 0; k < 120 && va == 0; k++) {
		n = make(k % 3 == 0 ? HEADERS : PING, k % 3 == 0 ? 4 : 1,
		    (uint32_t)k);
		va = http2_limit_scan(&a, frame, n, NOW);
		for (i = 0; i < n && vb == 0; i++)
			vb = http2_limit_scan(&b, frame + i, 1, NOW);
		assert_int_equal(va, vb);
		assert_int_equal(a.control, b.control);
		assert_int_equal(a.opened, b.opened);
		assert_int_equal(a.block_at, b.block_at);
	}
	assert_int_equal(k, 120);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_flood_ends_at_its_limit),
		cmocka_unit_test(
		    control_frames_are_free_while_there_is_progress),
		cmocka_unit_test(
		    a_header_block_has_a_size_and_a_number_of_frames),
		cmocka_unit_test(
		    a_header_block_has_a_deadline_until_its_last_byte),
		cmocka_unit_test(
		    resets_of_both_sides_share_a_bucket_that_refills),
		cmocka_unit_test(repeated_stream_errors_end_the_connection),
		cmocka_unit_test(pieces_do_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
