/* SPDX-License-Identifier: ISC */
/* daemon/ban*.c: counters, the list, its file, whom the parent believes. */
#include "common/compat.h"

#include <sys/stat.h>

#include <event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/banset.h"
#include "common/conf.h"
#include "common/date.h"
#include "common/row.h"
#include "daemon/ban.h"
#include "daemon/daemon.h"
#include "daemon/listen_table.h"
#include "regress/unit/ip_help.h"

#define HOUR	INT64_C(3600000)

static char	dir[] = "/tmp/bans-unit-XXXXXX";
static char	file[64];

/* --- ban_count ---------------------------------------------------------- */

static void
budgets_are_spent_and_come_back(void **state)
{
	struct ban_count	*t = ban_count_new();
	struct conf_rate	 r = { 3, HOUR }, none = { 0, 0 };
	struct ip_net		 n = net("192.0.2.1");
	uint8_t			 a[16], b[16];
	int64_t			 now = 1000;
	int			 i;

	(void)state;
	ban_count_key(a, MSG_ABUSE_SCAN, &n);
	ban_count_key(b, MSG_ABUSE_HTTP, &n);
	for (i = 0; i < 3; i++)
		assert_int_equal(ban_count_hit(t, a, &r, 1, now), 0);
	assert_int_equal(ban_count_hit(t, a, &r, 1, now), 1);
	assert_int_equal(ban_count_hit(t, a, &r, 1, now), 1);
	/* each kind has its own */
	assert_int_equal(ban_count_hit(t, b, &r, 1, now), 0);
	/* a third of an hour gives one back */
	assert_int_equal(ban_count_hit(t, a, &r, 1, now + HOUR / 3), 0);
	assert_int_equal(ban_count_hit(t, a, &r, 1, now + HOUR / 3), 1);
	for (i = 0; i < 100; i++)
		assert_int_equal(ban_count_hit(t, a, &none, 1, now), 0);
	n = net("2001:db8::/48");
	ban_count_key(a, MSG_ABUSE_SCAN, &n);
	for (i = 0; i < 24; i++)
		assert_int_equal(ban_count_hit(t, a, &r, 8, now), 0);
	assert_int_equal(ban_count_hit(t, a, &r, 8, now), 1);
	ban_count_free(t);
}

/* A million sources: the memory stays, the one with most faults does too. */
static void
a_flood_evicts_the_lowest_score(void **state)
{
	struct ban_count	*t = ban_count_new();
	struct conf_rate	 r = { 100, 24 * HOUR };
	struct ip_net		 n = net("10.0.0.0"), bad = net("192.0.2.66");
	uint8_t			 a[16], b[16];
	uint32_t		 i;

	(void)state;
	ban_count_key(b, MSG_ABUSE_AUTH, &bad);
	for (i = 0; i < 100; i++)
		assert_int_equal(ban_count_hit(t, b, &r, 1, 5), 0);
	for (i = 0; i < 1000000; i++) {
		n.ip.b[1] = (uint8_t)(i >> 16);
		n.ip.b[2] = (uint8_t)(i >> 8);
		n.ip.b[3] = (uint8_t)i;
		ban_count_key(a, MSG_ABUSE_AUTH, &n);
		assert_int_equal(ban_count_hit(t, a, &r, 1, 5), 0);
	}
	assert_int_equal(ban_count_hit(t, b, &r, 1, 5), 1);
	ban_count_free(t);
}

/* --- ban_file ----------------------------------------------------------- */

static void
lines_are_read_strictly(void **state)
{
	static const struct {
		const char	*line;
		int		 ok;
	} rows[] = {
		{ "192.0.2.1/32 1 2 scan looks for it", 1 },
		{ "2001:db8::/64 1700000000000 0 manual x", 1 },
		{ "192.0.2.1 1 2 loiter ", 1 },
		{ "", 0 }, { " ", 0 }, { "192.0.2.1/32", 0 },
		{ "192.0.2.1/32 1 2 scan", 0 },
		{ "192.0.2.1/33 1 2 scan x", 0 },
		{ "192.0.2.1/24 1 2 scan x", 0 },
		{ "192.0.2.1/32 -1 2 scan x", 0 },
		{ "192.0.2.1/32 1 99999999999999999999 scan x", 0 },
		{ "192.0.2.1/32 1 2 scam x", 0 },
		{ "192.0.2.1/32 1 2  x", 0 },
		{ "192.0.2.1/32 1 2 scan a\tb", 0 },
		{ "192.0.2.1/32 1 2 scan \x7f", 0 },
		{ "192.0.2.1/32 1 2 manual 0123456789012345678901234567890123"
		  "456789012345678901234567890123456789012345678901234567890123"
		  "456789", 0 },
	};
	struct ban	 b;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(rows); i++)
		if ((ban_file_parse(rows[i].line, strlen(rows[i].line), &b) ==
		    0) != rows[i].ok)
			fail_msg("%s", rows[i].line);
	assert_int_equal(ban_file_parse(rows[0].line, strlen(rows[0].line),
	    &b), 0);
	assert_int_equal(b.since, 1);
	assert_int_equal(b.until, 2);
	assert_int_equal(b.kind, MSG_ABUSE_SCAN);
	assert_string_equal(b.reason, "looks for it");
}

static int	nloaded;

static void
loaded(const struct ban *b)
{
	(void)b;
	nloaded++;
}

static void
write_file(const char *text)
{
	FILE	*f = fopen(file, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(file, 0600), 0);
}

static void
files_that_are_not_ours_are_not_believed(void **state)
{
	char	 bad[80];

	(void)state;
	snprintf(bad, sizeof(bad), "%s.bad", file);
	nloaded = 0;
	assert_int_equal(ban_file_load(file, loaded), 0);
	write_file("jmapd bans 1\n192.0.2.1/32 1 2 scan a\nrubbish\n"
	    "192.0.2.2/32 1 2 scan b\n192.0.2.3/32 1 2 sc");
	assert_int_equal(ban_file_load(file, loaded), 2);
	assert_int_equal(nloaded, 2);
	assert_int_equal(chmod(file, 0666), 0);
	assert_int_equal(ban_file_load(file, loaded), -1);
	unlink(file);
	assert_int_equal(symlink("/etc/passwd", file), 0);
	assert_int_equal(ban_file_load(file, loaded), -1);
	unlink(file);
	write_file("something else\n");
	assert_int_equal(ban_file_load(file, loaded), -1);
	assert_int_equal(access(bad, F_OK), 0);
	assert_int_equal(nloaded, 2);
	unlink(bad);
}

/* --- ban ---------------------------------------------------------------- */

static void
row(void *arg, const struct buf *b)
{
	char	*text = arg;

	strlcat(text, row_get(b->data, b->len, "address"), 512);
	strlcat(text, " ", 512);
	strlcat(text, row_get(b->data, b->len, "kind"), 512);
	strlcat(text, ";", 512);
}

static void
set(struct conf *c, const char *sect, const char *name, const char *value)
{
	char	 why[128];
	size_t	 i, k;

	for (i = 0; i < conf_nsects; i++)
		for (k = 0; k < conf_sects[i].nopts; k++)
			if (strcmp(conf_sects[i].name, sect) == 0 &&
			    strcmp(conf_sects[i].opts[k].name, name) == 0) {
				assert_int_equal(conf_text(
				    &conf_sects[i].opts[k], c, value, why,
				    sizeof(why)), 0);
				return;
			}
	fail_msg("no option %s", name);
}

static struct conf *
settings(void)
{
	struct conf	*c = conf_new();

	set(c, "auto-ban", "file", file);
	set(c, "auto-ban", "scan", "2/1d");
	set(c, "auto-ban", "authentication", "1/1d");
	set(c, "auto-ban", "allowed", "203.0.113.0/24");
	set(c, "http", "trusted-proxies", "198.51.100.1");
	return c;
}

static void
faults_become_bans_but_not_of_the_allowed(void **state)
{
	struct conf	*c = settings();
	struct ip	 a = addr("192.0.2.1"), ok = addr("203.0.113.9"),
			 proxy = addr("198.51.100.1"), six;
	struct ip_net	 n;
	char		 text[512] = "", v6[64];
	int		 i;

	(void)state;
	ban_conf(c);
	for (i = 0; i < 2; i++)
		assert_int_equal(ban_fault(&a, MSG_ABUSE_SCAN), 0);
	assert_false(ban_has(&a));
	assert_int_equal(ban_fault(&a, MSG_ABUSE_SCAN), 1);
	assert_true(ban_has(&a));
	for (i = 0; i < 10; i++) {
		assert_int_equal(ban_fault(&ok, MSG_ABUSE_SCAN), 0);
		assert_int_equal(ban_fault(&proxy, MSG_ABUSE_SCAN), 0);
	}
	assert_int_equal(ban_fault(&a, 99), 0);
	/* nine neighbours in a /48, none of which has done it twice */
	for (i = 0; i < 9; i++) {
		snprintf(v6, sizeof(v6), "2001:db8:5:%x::1", i);
		six = addr(v6);
		assert_int_equal(ban_fault(&six, MSG_ABUSE_AUTH), i == 8);
	}
	six = addr("2001:db8:5:77::1");
	assert_true(ban_has(&six));
	/* and one that has: its /64 */
	six = addr("2001:db8:6:1::1");
	ban_fault(&six, MSG_ABUSE_AUTH);
	six = addr("2001:db8:6:1::2");
	assert_int_equal(ban_fault(&six, MSG_ABUSE_AUTH), 1);
	six = addr("2001:db8:6:1:ffff::3");
	assert_true(ban_has(&six));
	six = addr("2001:db8:6:2::1");
	assert_false(ban_has(&six));
	/* by hand */
	n = net("203.0.0.0/16");
	assert_non_null(ban_add(&n, 0, "holds the allowed"));
	n = net("203.0.113.7");
	assert_non_null(ban_add(&n, 0, "is allowed"));
	n = net("172.16.0.1");
	assert_non_null(ban_add(&n, INT64_MAX, "until after the end"));
	assert_non_null(ban_add(&n, UINT64_MAX - 1, "until before"));
	n = net("10.0.0.0/8");
	assert_null(ban_add(&n, 0, "tab\there"));
	ban_rows(row, text);
	assert_string_equal(text, "192.0.2.1/32 scan;2001:db8:5::/48 "
	    "authentication;2001:db8:6:1::/64 authentication;"
	    "10.0.0.0/8 manual;");
	n = net("10.1.0.0/16");
	assert_non_null(ban_remove(&n));
	n = net("172.16.0.0/12");
	assert_non_null(ban_remove(&n));
	n = net("192.0.2.1");
	assert_null(ban_remove(&n));
	assert_false(ban_has(&a));
	conf_free(c);
}

/* Until his next fault would be one for a day. */
static void
who_is_let_in_again_begins_anew(void **state)
{
	struct ip	 a = addr("192.0.2.3");
	struct ip_net	 n = net("192.0.2.3");
	int		 i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(ban_fault(&a, MSG_ABUSE_SCAN), i == 2);
	assert_null(ban_remove(&n));
	for (i = 0; i < 3; i++)
		assert_int_equal(ban_fault(&a, MSG_ABUSE_SCAN), i == 2);
	assert_null(ban_remove(&n));
}

/* Two of a day's faults are not the third of a minute. */
static void
another_rate_counts_anew(void **state)
{
	struct conf	*c = settings();
	struct ip	 a = addr("192.0.2.4");

	(void)state;
	assert_int_equal(ban_fault(&a, MSG_ABUSE_SCAN), 0);
	ban_conf(c);
	assert_int_equal(ban_fault(&a, MSG_ABUSE_SCAN), 0);
	set(c, "auto-ban", "scan", "2/1m");
	ban_conf(c);
	assert_int_equal(ban_fault(&a, MSG_ABUSE_SCAN), 0);
	conf_free(c);
	c = settings();
	ban_conf(c);
	conf_free(c);
}

static uint32_t	nrows;

static void
count_row(void *arg, const struct buf *b)
{
	(void)arg;
	(void)b;
	nrows++;
}

/* auto-ban.expire is 0, and more networks come than there is room for. */
static void
a_full_list_loses_the_oldest(void **state)
{
	struct conf	*c = settings();
	struct ip	 ip = addr("2001:db8::"), old = addr("192.0.2.5");
	struct ip	 hand = addr("10.0.0.1");
	uint32_t	 i;
	int		 was = dup(STDERR_FILENO), null;

	(void)state;
	/* each is logged */
	assert_int_not_equal(null = open("/dev/null", O_WRONLY), -1);
	dup2(null, STDERR_FILENO);
	close(null);
	set(c, "auto-ban", "expire", "0");
	ban_conf(c);
	for (i = 0; i < 3; i++)
		ban_fault(&old, MSG_ABUSE_SCAN);
	assert_true(ban_has(&old));
	usleep(2000);
	for (i = 0; i < BANSET_MAX; i++) {
		/* each of another /64 of another /48 */
		ip.b[3] = (uint8_t)(i >> 8);
		ip.b[4] = (uint8_t)i;
		ban_fault(&ip, MSG_ABUSE_AUTH);
		assert_int_equal(ban_fault(&ip, MSG_ABUSE_AUTH), 1);
	}
	dup2(was, STDERR_FILENO);
	close(was);
	assert_true(ban_has(&ip));
	assert_true(ban_has(&hand));
	assert_false(ban_has(&old));
	ban_rows(count_row, NULL);
	/* one by hand has expired and is not swept away yet */
	assert_int_equal(nrows, BANSET_MAX - 1);
	conf_free(c);
}

static void
bans_survive_in_the_file_and_expire(void **state)
{
	struct ip_net	 n = net("192.0.2.99");
	struct ip	 ip = addr("192.0.2.99");
	struct stat	 st;

	(void)state;
	assert_null(ban_add(&n, 30, "short"));
	assert_true(ban_has(&ip));
	ban_close();
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	nloaded = 0;
	assert_int_equal(ban_file_load(file, loaded), 0);
	assert_int_equal(nloaded, 4);
	usleep(40000);
	assert_false(ban_has(&ip));
}

/* --- ban_report --------------------------------------------------------- */

static struct msg_abuse
accuse(uint32_t kind, uint32_t conn, uint32_t worker, const char *who)
{
	struct msg_abuse	 m;
	struct ip		 ip = addr(who);

	memset(&m, 0, sizeof(m));
	m.kind = kind;
	m.conn = conn;
	m.worker = worker;
	m.client.family = ip.af;
	memcpy(m.client.addr, ip.b, sizeof(ip.b));
	return m;
}

static int
believed(struct child *c, struct msg_abuse m)
{
	struct ip	 ip = { .af = m.client.family };
	struct ip_net	 n;
	int		 i, yes;

	memcpy(ip.b, m.client.addr, sizeof(ip.b));
	for (i = 0; i < 4; i++)
		ban_report(c, &m);
	yes = ban_has(&ip);
	banset_net(&n, &ip, ip.af == IP_V4 ? 32 : 64);
	ban_remove(&n);
	return yes;
}

static void
a_hostile_worker_cannot_ban_the_world(void **state)
{
	struct child	 w0 = { .id = PROC_WORKER, .conns = UINT32_MAX };
	struct child	 w1 = { .id = PROC_WORKER, .slot = 1,
			    .conns = UINT32_MAX };
	struct child	 w2 = { .id = PROC_WORKER, .slot = 2,
			    .conns = UINT32_MAX };
	struct child	 au = { .id = PROC_AUTH };
	struct ip	 a = addr("198.18.0.1"), p = addr("198.51.100.1");
	uint32_t	 c0, c2, gone;

	(void)state;
	listen_table_limits(100, 100);
	assert_int_equal(listen_table_add(&a, &w0, &c0), 0);
	listen_table_from(c0, &a, 0);
	assert_int_equal(listen_table_add(&a, &w0, &gone), 0);
	listen_table_from(gone, &a, 0);
	assert_int_equal(listen_table_end(&w0, gone), 0);
	assert_int_equal(listen_table_add(NULL, &w2, &c2), 0);
	listen_table_from(c2, &p, 1);

	assert_true(believed(&w0, accuse(MSG_ABUSE_SCAN, c0, 0,
	    "198.18.0.1")));
	/* another's address, another's connection, one that has ended */
	assert_false(believed(&w0, accuse(MSG_ABUSE_SCAN, c0, 0,
	    "198.18.0.2")));
	assert_false(believed(&w1, accuse(MSG_ABUSE_SCAN, c0, 1,
	    "198.18.0.1")));
	assert_false(believed(&w0, accuse(MSG_ABUSE_SCAN, gone, 0,
	    "198.18.0.1")));
	assert_false(believed(&w0, accuse(MSG_ABUSE_SCAN, 12345678, 0,
	    "198.18.0.1")));
	/* told by a proxy: but never the proxy itself */
	assert_true(believed(&w2, accuse(MSG_ABUSE_SCAN, c2, 2,
	    "198.18.0.9")));
	assert_false(believed(&w2, accuse(MSG_ABUSE_SCAN, c2, 2,
	    "198.51.100.1")));
	/* auth: about whom that worker has had, open or not */
	assert_true(believed(&au, accuse(MSG_ABUSE_AUTH, 0, 0,
	    "198.18.0.1")));
	assert_false(believed(&au, accuse(MSG_ABUSE_AUTH, 0, 1,
	    "198.18.0.1")));
	assert_false(believed(&au, accuse(MSG_ABUSE_AUTH, 0, 0,
	    "198.18.0.2")));
	assert_true(believed(&au, accuse(MSG_ABUSE_AUTH, 0, 2,
	    "198.18.0.3")));
	/* each reports its own kind, or is broken */
	assert_false(believed(&w0, accuse(MSG_ABUSE_AUTH, c0, 0,
	    "198.18.0.1")));
	assert_true(w0.peer.dead);
	assert_false(believed(&au, accuse(MSG_ABUSE_SCAN, c0, 0,
	    "198.18.0.1")));
	assert_true(au.peer.dead);
	assert_false(w1.peer.dead);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(budgets_are_spent_and_come_back),
		cmocka_unit_test(a_flood_evicts_the_lowest_score),
		cmocka_unit_test(lines_are_read_strictly),
		cmocka_unit_test(files_that_are_not_ours_are_not_believed),
		cmocka_unit_test(faults_become_bans_but_not_of_the_allowed),
		cmocka_unit_test(bans_survive_in_the_file_and_expire),
		cmocka_unit_test(who_is_let_in_again_begins_anew),
		cmocka_unit_test(another_rate_counts_anew),
		cmocka_unit_test(a_hostile_worker_cannot_ban_the_world),
		cmocka_unit_test(a_full_list_loses_the_oldest),
	};
	int	 ret;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(file, sizeof(file), "%s/bans", dir);
	event_init();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	rmdir(dir);
	return ret;
}
