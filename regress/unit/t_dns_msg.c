/* SPDX-License-Identifier: ISC */
/* daemon/dns_msg.c: queries, answers, and answers that are lies. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/dns_msg.h"

#define NAME	"push.example.net"
#define Q	"\4push\7example\3net\0"

/* A message with the head's counts and flags, from literals. */
struct msg {
	uint8_t	 b[2048];
	size_t	 n;
};
static void	begin(struct msg *, unsigned int, unsigned int, unsigned int);
static void	put(struct msg *, const char *, size_t);
#define PUT(m, s)	put(m, s, sizeof(s) - 1)

static void
put(struct msg *m, const char *s, size_t n)
{
	memcpy(m->b + m->n, s, n);
	m->n += n;
}

static void
begin(struct msg *m, unsigned int flags, unsigned int answers,
    unsigned int type)
{
	const uint8_t	 head[12] = { 0x12, 0x34, flags >> 8 & 0xff,
	    flags & 0xff, 0, 1, 0, answers & 0xff };
	const uint8_t	 tail[4] = { 0, type & 0xff, 0, 1 };

	m->n = 0;
	put(m, (const char *)head, 12);
	PUT(m, Q);
	put(m, (const char *)tail, 4);
}

static enum dns_msg_result
answer(const struct msg *m, uint16_t type, struct dns_msg_answer *a)
{
	/* at the end of memory of its own, for the sanitizer */
	uint8_t			*p = malloc(m->n + 1);
	enum dns_msg_result	 r;

	memcpy(p, m->b, m->n);
	r = dns_msg_answer(p, m->n, NAME, type, 0x1234, a);
	free(p);
	return r;
}

static void
a_query_is_its_own_echo(void **state)
{
	struct dns_msg_answer	 a;
	uint8_t			 q[DNS_MSG_QUERY];
	size_t			 n;

	(void)state;
	n = dns_msg_query(NAME, DNS_MSG_AAAA, 0x1234, q);
	assert_int_equal(n, 12 + 18 + 4 + 11);
	assert_int_equal(dns_msg_answer(q, n, NAME, DNS_MSG_AAAA, 0x1234, &a),
	    DNS_MSG_BAD);
	q[2] |= 0x80;
	assert_int_equal(dns_msg_answer(q, n, NAME, DNS_MSG_AAAA, 0x1234, &a),
	    DNS_MSG_OK);
	assert_int_equal(a.n, 0);
}

static void
names_that_are_none_are_not_asked(void **state)
{
	uint8_t	 q[DNS_MSG_QUERY];
	char	 longest[300];

	(void)state;
	assert_int_equal(dns_msg_query("", DNS_MSG_A, 1, q), 0);
	assert_int_equal(dns_msg_query("a..b", DNS_MSG_A, 1, q), 0);
	memset(longest, 'a', sizeof(longest));
	longest[64] = '\0';
	assert_int_equal(dns_msg_query(longest, DNS_MSG_A, 1, q), 0);
	longest[64] = 'a';
	longest[299] = '\0';
	assert_int_equal(dns_msg_query(longest, DNS_MSG_A, 1, q), 0);
}

static void
aliases_are_followed_in_any_order(void **state)
{
	struct dns_msg_answer	 a;
	struct msg		 m;

	(void)state;
	begin(&m, 0x8180, 3, DNS_MSG_A);
	PUT(&m, "\1b\300\021" "\0\1\0\1\0\0\0\5\0\4\1\2\3\4");
	PUT(&m, "\1a\300\021" "\0\5\0\1\0\0\0\11\0\4\1b\300\021");
	PUT(&m, "\300\014" "\0\5\0\1\0\0\1\0\0\4\1a\300\021");
	assert_int_equal(answer(&m, DNS_MSG_A, &a), DNS_MSG_OK);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.ttl, 5);
	assert_memory_equal(a.ip[0].b, "\1\2\3\4", 4);
}

static void
aliases_in_a_ring_end(void **state)
{
	struct dns_msg_answer	 a;
	struct msg		 m;

	(void)state;
	begin(&m, 0x8180, 1, DNS_MSG_A);
	PUT(&m, "\300\014" "\0\5\0\1\0\0\1\0\0\2\300\014");
	assert_int_equal(answer(&m, DNS_MSG_A, &a), DNS_MSG_OK);
	assert_int_equal(a.n, 0);
}

static void
records_of_other_names_count_for_nothing(void **state)
{
	struct dns_msg_answer	 a;
	struct msg		 m;

	(void)state;
	begin(&m, 0x8180, 3, DNS_MSG_A);
	PUT(&m, "\4evil\0\0\1\0\1\0\0\0\5\0\4\1\2\3\4");
	PUT(&m, "\300\014" "\0\1\0\3\0\0\0\5\0\4\1\2\3\4");	/* CHAOS */
	PUT(&m, "\300\014" "\0\1\0\1\0\0\0\5\0\3\1\2\3");
	assert_int_equal(answer(&m, DNS_MSG_A, &a), DNS_MSG_OK);
	assert_int_equal(a.n, 0);
}

static void
an_ipv4_address_in_ipv6_is_ipv4(void **state)
{
	struct dns_msg_answer	 a;
	struct msg		 m;

	(void)state;
	begin(&m, 0x8180, 1, DNS_MSG_AAAA);
	PUT(&m, "\300\014" "\0\34\0\1\0\0\0\5\0\20"
	    "\0\0\0\0\0\0\0\0\0\0\377\377\177\0\0\1");
	assert_int_equal(answer(&m, DNS_MSG_AAAA, &a), DNS_MSG_OK);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.ip[0].af, IP_V4);
	assert_true(ip_loopback(&a.ip[0]));
}

static void
results_by_flags(void **state)
{
	static const struct {
		unsigned int		 flags;
		enum dns_msg_result	 want;
	} rows[] = {
		{ 0x8180, DNS_MSG_OK }, { 0x0180, DNS_MSG_BAD },
		{ 0x8380, DNS_MSG_CUT }, { 0x8183, DNS_MSG_NXDOMAIN },
		{ 0x8182, DNS_MSG_FAILED }, { 0x8185, DNS_MSG_FAILED },
		{ 0x8980, DNS_MSG_BAD },
	};
	struct dns_msg_answer	 a;
	struct msg		 m;
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		begin(&m, rows[i].flags, 0, DNS_MSG_A);
		assert_int_equal(answer(&m, DNS_MSG_A, &a), rows[i].want);
	}
	begin(&m, 0x8180, 0, DNS_MSG_A);
	m.b[1] = 0;
	assert_int_equal(answer(&m, DNS_MSG_A, &a), DNS_MSG_BAD);
	begin(&m, 0x8180, 0, DNS_MSG_A);
	assert_int_equal(answer(&m, DNS_MSG_AAAA, &a), DNS_MSG_BAD);
	m.b[13] = 'x';
	assert_int_equal(answer(&m, DNS_MSG_A, &a), DNS_MSG_BAD);
}

static void
no_answer_cut_short_is_read_beyond(void **state)
{
	struct dns_msg_answer	 a;
	struct msg		 m;
	size_t			 n;

	(void)state;
	begin(&m, 0x8180, 2, DNS_MSG_A);
	PUT(&m, "\300\014" "\0\5\0\1\0\0\1\0\0\4\1a\300\021");
	PUT(&m, "\1a\300\021" "\0\1\0\1\0\0\0\11\0\4\1\2\3\4");
	assert_int_equal(answer(&m, DNS_MSG_A, &a), DNS_MSG_OK);
	assert_int_equal(a.n, 1);
	for (n = m.n; n-- > 0;) {
		m.n = n;
		assert_int_equal(answer(&m, DNS_MSG_A, &a), DNS_MSG_BAD);
	}
}

static void
a_pointer_forward_or_to_itself_is_refused(void **state)
{
	struct dns_msg_answer	 a;
	struct msg		 m;

	(void)state;
	begin(&m, 0x8180, 1, DNS_MSG_A);
	PUT(&m, "\300\042" "\0\1\0\1\0\0\0\5\0\4\1\2\3\4");
	assert_int_equal(m.b[34], 0300);
	assert_int_equal(answer(&m, DNS_MSG_A, &a), DNS_MSG_BAD);
	begin(&m, 0x8180, 1, DNS_MSG_A);
	PUT(&m, "\300\060" "\0\1\0\1\0\0\0\5\0\4\1\2\3\4\0");
	assert_int_equal(answer(&m, DNS_MSG_A, &a), DNS_MSG_BAD);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_query_is_its_own_echo),
		cmocka_unit_test(names_that_are_none_are_not_asked),
		cmocka_unit_test(aliases_are_followed_in_any_order),
		cmocka_unit_test(aliases_in_a_ring_end),
		cmocka_unit_test(records_of_other_names_count_for_nothing),
		cmocka_unit_test(an_ipv4_address_in_ipv6_is_ipv4),
		cmocka_unit_test(results_by_flags),
		cmocka_unit_test(no_answer_cut_short_is_read_beyond),
		cmocka_unit_test(a_pointer_forward_or_to_itself_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
