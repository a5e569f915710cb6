/* SPDX-License-Identifier: ISC */
/* daemon/smtp_dns.c: questions, and answers as bytes. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/smtp_dns.h"

#define L63	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

static void
questions(void **state)
{
	static const uint8_t	 want[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0"
	    "\2mx\4test\0\0\x1c\0\1";
	static const char *const bad[] = { "", ".", ".a", "a..b",
	    L63 "g.test", L63 "." L63 "." L63 "." L63 };
	uint8_t			 out[SMTP_DNS_UDP];
	size_t			 i;

	(void)state;
	assert_int_equal(smtp_dns_ask(out, 0x1234, "mx.test", SMTP_DNS_AAAA),
	    sizeof(want) - 1);
	assert_memory_equal(out, want, sizeof(want) - 1);
	/* the dot of the root is no label */
	assert_int_equal(smtp_dns_ask(out, 0x1234, "mx.test.",
	    SMTP_DNS_AAAA), sizeof(want) - 1);
	assert_true(smtp_dns_ask(out, 1, L63 "." L63 "." L63 ".a", 1) > 0);
	for (i = 0; i < nitems(bad); i++)
		assert_int_equal(smtp_dns_ask(out, 1, bad[i], SMTP_DNS_A), 0);
}

/* The question "a.test" A with id 7, then what the row has. */
#define HEAD(flags, count) \
	"\0\7" flags "\0\1\0" count "\0\0\0\0\1a\4test\0\0\1\0\1"
#define REC(name, type, ttl)	name "\0" type "\0\1" ttl
#define TTL	"\0\0\1\0"

static const struct row {
	const char	*what;
	const char	*p;
	size_t		 n;
	enum parse	 want;
	size_t		 ips;
	uint32_t	 ttl;
	int		 rcode;
} rows[] = {
#define ROW(what, bytes, want, ips, ttl, rcode) \
	{ what, bytes, sizeof(bytes) - 1, want, ips, ttl, rcode }
	ROW("an address", HEAD("\x81\x80", "\1")
	    REC("\xc0\x0c", "\1", TTL) "\0\4\1\2\3\4", PARSE_DONE, 1, 256, 0),
	ROW("by a name in full, other case", HEAD("\x81\x80", "\1")
	    REC("\1A\4tESt\0", "\1", TTL) "\0\4\1\2\3\4", PARSE_DONE, 1, 256,
	    0),
	ROW("truncated is good enough", HEAD("\x83\x80", "\1")
	    REC("\xc0\x0c", "\1", TTL) "\0\4\1\2\3\4", PARSE_DONE, 1, 256, 0),
	ROW("a TTL with the first bit is 0", HEAD("\x81\x80", "\1")
	    REC("\xc0\x0c", "\1", "\xff\0\0\0") "\0\4\1\2\3\4", PARSE_DONE, 1,
	    0, 0),
	ROW("no such name", HEAD("\x81\x83", "\0"), PARSE_DONE, 0,
	    UINT32_MAX, 3),
	ROW("an address beside an error", HEAD("\x81\x83", "\1")
	    REC("\xc0\x0c", "\1", TTL) "\0\4\1\2\3\4", PARSE_DONE, 0,
	    UINT32_MAX, 3),
	ROW("of another class", HEAD("\x81\x80", "\1")
	    "\xc0\x0c\0\1\0\3" TTL "\0\4\1\2\3\4", PARSE_DONE, 0, UINT32_MAX,
	    0),
	ROW("of another length", HEAD("\x81\x80", "\1")
	    REC("\xc0\x0c", "\1", TTL) "\0\5\1\2\3\4\5", PARSE_DONE, 0,
	    UINT32_MAX, 0),
	ROW("cut within the record", HEAD("\x81\x80", "\1")
	    REC("\xc0\x0c", "\1", TTL) "\0\4\1\2\3", PARSE_DONE, 0,
	    UINT32_MAX, 0),
	ROW("fewer records than it says", HEAD("\x81\x80", "\x09")
	    REC("\xc0\x0c", "\1", TTL) "\0\4\1\2\3\4", PARSE_DONE, 1, 256, 0),
	ROW("a pointer to itself", HEAD("\x81\x80", "\1")
	    REC("\xc0\x18", "\1", TTL) "\0\4\1\2\3\4", PARSE_DONE, 0,
	    UINT32_MAX, 0),
	ROW("a pointer forward", HEAD("\x81\x80", "\1")
	    REC("\xc0\x1a", "\1", TTL) "\0\4\1\2\3\4", PARSE_DONE, 0,
	    UINT32_MAX, 0),
	ROW("a pointer behind the end", HEAD("\x81\x80", "\1")
	    REC("\xff\xff", "\1", TTL) "\0\4\1\2\3\4", PARSE_DONE, 0,
	    UINT32_MAX, 0),
	ROW("half a pointer", HEAD("\x81\x80", "\1") "\xc0", PARSE_DONE, 0,
	    UINT32_MAX, 0),
	ROW("a label of no length known", HEAD("\x81\x80", "\1")
	    REC("\x80", "\1", TTL) "\0\4\1\2\3\4", PARSE_DONE, 0, UINT32_MAX,
	    0),
	ROW("a dot within a label", HEAD("\x81\x80", "\1")
	    REC("\6a.test\0", "\1", TTL) "\0\4\1\2\3\4", PARSE_DONE, 0,
	    UINT32_MAX, 0),
	ROW("an alias to itself", HEAD("\x81\x80", "\1")
	    REC("\xc0\x0c", "\5", TTL) "\0\2\xc0\x0c", PARSE_DONE, 0, 256, 0),
	ROW("a question", HEAD("\1\0", "\0"), PARSE_ERROR, 0, 0, 0),
	ROW("another kind", HEAD("\xa1\x80", "\0"), PARSE_ERROR, 0, 0, 0),
	ROW("another id", "\0\x08\x81\x80\0\1\0\0\0\0\0\0\1a\4test\0\0\1\0\1",
	    PARSE_ERROR, 0, 0, 0),
	ROW("another name", "\0\7\x81\x80\0\1\0\0\0\0\0\0\1b\4test\0\0\1\0\1",
	    PARSE_ERROR, 0, 0, 0),
	ROW("another type", "\0\7\x81\x80\0\1\0\0\0\0\0\0\1a\4test\0\0\2\0\1",
	    PARSE_ERROR, 0, 0, 0),
	ROW("two questions", "\0\7\x81\x80\0\2\0\0\0\0\0\0\1a\4test\0\0\1\0\1",
	    PARSE_ERROR, 0, 0, 0),
	ROW("no question", "\0\7\x81\x80\0\0\0\0\0\0\0\0", PARSE_ERROR, 0, 0,
	    0),
	ROW("half a question", "\0\7\x81\x80\0\1\0\0\0\0\0\0\1a\4test\0\0\1",
	    PARSE_ERROR, 0, 0, 0),
	ROW("half a head", "\0\7\x81\x80\0\1\0", PARSE_ERROR, 0, 0, 0),
	ROW("nothing", "", PARSE_ERROR, 0, 0, 0),
};

static void
answers(void **state)
{
	const struct row	*w;
	struct smtp_dns		 d;
	uint8_t			*p;
	size_t			 n;

	(void)state;
	for (w = rows; w < rows + nitems(rows); w++) {
		/* its own memory: a sanitizer sees a byte too far */
		assert_non_null(p = malloc(w->n + 1));
		memcpy(p, w->p, w->n);
		if (smtp_dns_read(p, w->n, 7, "a.test", SMTP_DNS_A, &d) !=
		    w->want)
			fail_msg("%s", w->what);
		if (w->want == PARSE_DONE && (d.n != w->ips ||
		    d.ttl != w->ttl || d.rcode != w->rcode))
			fail_msg("%s: %zu %u %d", w->what, d.n, d.ttl,
			    d.rcode);
		/* whatever is missing at its end */
		for (n = 0; n < w->n; n++)
			(void)smtp_dns_read(p, n, 7, "a.test", SMTP_DNS_A, &d);
		free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(questions),
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
