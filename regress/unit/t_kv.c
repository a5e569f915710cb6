/* SPDX-License-Identifier: ISC */
/* common/kv.c: order, ranges, growth, locks, other processes. */
#include "common/compat.h"

#include <sys/wait.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/kv.h"

static char	 dir[64];
static struct kv *kv;
static unsigned	 flags;

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/kv-test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	kv = kv_open(dir, flags, KV_OFF);
	return kv == NULL ? -1 : 0;
}

static int
setup_nolock(void **state)
{
	flags = KV_NOLOCK;
	return setup(state);
}

static int
setup_small(void **state)
{
	flags = KV_SMALL;
	return setup(state);
}

static int
teardown(void **state)
{
	char	 cmd[128];

	(void)state;
	kv_close(kv);
	flags = 0;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) == 0 ? 0 : -1;
}

static struct kv_txn *
begin(int write)
{
	struct kv_txn	*txn;

	assert_int_equal(kv_begin(kv, write, &txn), 0);
	return txn;
}

static void
puts_(struct kv_txn *txn, const char *k, const char *v)
{
	assert_int_equal(kv_put(txn, k, strlen(k), v, strlen(v)), 0);
}

/* The keys from lo up to hi, one letter each, as a string. */
static const char *
keys(struct kv_txn *txn, const char *lo, const char *hi, int reverse)
{
	static char	 out[64];
	struct kv_range	 r;
	struct slice	 k, v;
	size_t		 n = 0;
	int		 ret;

	assert_int_equal(kv_range(&r, txn, SLICE_STR(lo), SLICE_STR(hi),
	    reverse), 0);
	while ((ret = kv_next(&r, &k, &v)) == 1)
		out[n++] = *(const char *)k.p;
	assert_int_equal(ret, 0);
	assert_int_equal(kv_next(&r, &k, &v), 0);
	kv_done(&r);
	out[n] = '\0';
	return out;
}

static void
ranges_are_half_open_both_ways(void **state)
{
	struct kv_txn	*txn = begin(1);
	int		 i;

	(void)state;
	for (i = 0; i < 2; i++) {	/* in a writer, then in a reader */
		if (i == 0) {
			puts_(txn, "a", "1");
			puts_(txn, "c", "2");
			puts_(txn, "e", "3");
		}
		assert_string_equal(keys(txn, "", "", 0), "ace");
		assert_string_equal(keys(txn, "", "", 1), "eca");
		assert_string_equal(keys(txn, "a", "e", 0), "ac");
		assert_string_equal(keys(txn, "a", "e", 1), "ca");
		assert_string_equal(keys(txn, "b", "d", 0), "c");
		assert_string_equal(keys(txn, "b", "d", 1), "c");
		assert_string_equal(keys(txn, "c", "c", 0), "");
		assert_string_equal(keys(txn, "f", "", 0), "");
		assert_string_equal(keys(txn, "", "a", 1), "");
		if (i == 0) {
			assert_int_equal(kv_commit(txn), 0);
			txn = begin(0);
		} else
			kv_abort(txn);
	}
}

static void
prefixes_end_where_they_should(void **state)
{
	struct kv_txn	*txn = begin(1);
	struct kv_range	 r;
	struct slice	 k, v;
	int		 n = 0;

	(void)state;
	assert_int_equal(kv_put(txn, "\xff", 1, "", 0), 0);
	assert_int_equal(kv_put(txn, "\xff\xff", 2, "", 0), 0);
	assert_int_equal(kv_put(txn, "\xfe\xff", 2, "", 0), 0);
	assert_int_equal(kv_put(txn, "\xfe\xff\x01", 3, "", 0), 0);
	assert_int_equal(kv_prefix(&r, txn, "\xfe\xff", 2, 0), 0);
	while (kv_next(&r, &k, &v) == 1)
		n++;
	kv_done(&r);
	assert_int_equal(n, 2);
	assert_int_equal(kv_prefix(&r, txn, "\xff", 1, 1), 0);
	for (n = 0; kv_next(&r, &k, &v) == 1; n++)
		;
	kv_done(&r);
	assert_int_equal(n, 2);
	assert_int_equal(kv_del_prefix(txn, "\xfe", 1), 2);
	assert_int_equal(kv_del_prefix(txn, "\xfe", 1), 0);
	kv_abort(txn);
}

static void
a_writer_may_delete_and_add_while_it_walks(void **state)
{
	struct kv_txn	*txn = begin(1);
	struct kv_range	 r;
	struct slice	 k, v;
	char		 key[16], seen[1001];
	int		 i, rev, n;

	(void)state;
	for (rev = 0; rev < 2; rev++) {
		for (i = 0; i < 1000; i++) {
			snprintf(key, sizeof(key), "k%04d", i);
			puts_(txn, key, "some value that takes room");
		}
		memset(seen, 0, sizeof(seen));
		assert_int_equal(kv_prefix(&r, txn, "k", 1, rev), 0);
		for (n = 0; kv_next(&r, &k, &v) == 1; n++) {
			memcpy(key, k.p, k.n);
			key[k.n] = '\0';
			i = atoi(key + 1);
			seen[i]++;
			/* the one just seen, and one far off behind */
			assert_int_equal(kv_del(txn, key, k.n), 1);
			key[0] = rev ? 'l' : 'j';
			puts_(txn, key, "moved");
		}
		kv_done(&r);
		assert_int_equal(n, 1000);
		for (i = 0; i < 1000; i++)
			assert_int_equal(seen[i], 1);
	}
	kv_abort(txn);
}

static void
neighbours_are_found(void **state)
{
	struct kv_txn	*txn = begin(1);
	struct slice	 k, v;

	(void)state;
	assert_int_equal(kv_after(txn, "x", 1, &k, &v), 0);
	puts_(txn, "b", "1");
	puts_(txn, "d", "2");
	assert_int_equal(kv_after(txn, "b", 1, &k, &v), 1);
	assert_memory_equal(k.p, "b", 1);
	assert_int_equal(kv_after(txn, "c", 1, &k, &v), 1);
	assert_memory_equal(k.p, "d", 1);
	kv_abort(txn);
}

/* Write n MiB in values of one MiB; 0, or errno of what failed. */
static int
write_mb(struct kv *to, uint32_t from, uint32_t n)
{
	static uint8_t	 big[1 << 20];
	struct kv_txn	*txn;
	uint32_t	 i;

	if (kv_begin(to, 1, &txn) == -1)
		return errno;
	for (i = from; i < from + n; i++)
		if (kv_put(txn, &i, 4, big, sizeof(big)) == -1) {
			int	 e = errno;

			kv_abort(txn);
			return e;
		}
	return kv_commit(txn) == 0 ? 0 : errno;
}

static void
the_map_grows_before_it_is_full(void **state)
{
	uint64_t	 used, map;
	uint32_t	 i;

	(void)state;
	for (i = 0; i < 8; i++)
		assert_int_equal(write_mb(kv, i * 6, 6), 0);
	kv_usage(kv, &used, &map);
	assert_true(used > 48 << 20);
	assert_true(map > used);
}

static void
a_transaction_too_large_works_when_run_again(void **state)
{
	int	 e, n = 0;

	(void)state;
	while ((e = write_mb(kv, 0, 60)) == EAGAIN && n < 10)
		n++;
	assert_int_equal(e, 0);
	assert_true(n >= 1);
}

static void
a_map_that_another_process_grew_is_followed(void **state)
{
	struct kv	*other;
	struct kv_txn	*txn;
	struct slice	 v;
	uint32_t	 key = 47;
	pid_t		 pid;
	int		 i, status;

	(void)state;
	if ((pid = fork()) == 0) {
		other = kv_open(dir, flags, KV_OFF);
		for (i = 0; i < 8; i++)
			if (other == NULL || write_mb(other, (uint32_t)i * 6,
			    6) != 0)
				_exit(1);
		kv_close(other);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	txn = begin(0);
	assert_int_equal(kv_get(txn, &key, 4, &v), 1);
	assert_int_equal(v.n, 1 << 20);
	kv_abort(txn);
	assert_int_equal(write_mb(kv, 100, 2), 0);
}

static void
a_writer_waits_for_no_reader_of_its_own(void **state)
{
	struct kv_txn	*r = begin(0), *w;

	(void)state;
	assert_int_equal(kv_begin(kv, 1, &w), -1);
	assert_int_equal(errno, EBUSY);
	kv_abort(r);
	assert_int_equal(kv_begin(kv, 1, &w), 0);
	r = begin(0);			/* beside the writer */
	puts_(w, "k", "v");
	assert_int_equal(kv_commit(w), 0);
	assert_string_equal(keys(r, "", "", 0), "");
	kv_abort(r);
	r = begin(0);
	assert_string_equal(keys(r, "", "", 0), "k");
	kv_abort(r);
}

/* Writers that are killed anywhere, readers that watch: all or nothing. */
static void
killed_writers_leave_whole_transactions(void **state)
{
	struct kv_txn	*txn;
	struct slice	 v;
	uint64_t	 first, x, n, i, last = 0;
	pid_t		 pid;
	int		 round, status;

	(void)state;
	kv_close(kv);
	for (round = 0; round < 20; round++) {
		if ((pid = fork()) == 0) {
			kv = kv_open(dir, flags, KV_OFF);
			for (n = last + 1;; n++) {
				if (kv == NULL || kv_begin(kv, 1, &txn) == -1)
					_exit(2);
				for (i = 0; i < 20; i++)
					if (kv_put(txn, &i, 8, &n, 8) == -1)
						_exit(2);
				if (kv_commit(txn) == -1)
					_exit(2);
			}
		}
		usleep((useconds_t)(2000 + random() % 8000));
		kv = kv_open(dir, flags, KV_OFF);
		assert_non_null(kv);
		for (n = 0; n < 50; n++) {
			txn = begin(0);
			for (i = first = 0; i < 20; i++) {
				if (kv_get(txn, &i, 8, &v) != 1)
					continue;
				memcpy(&x, v.p, 8);
				if (i == 0)
					first = x;
				assert_int_equal(x, first);
			}
			kv_abort(txn);
			assert_true(first >= last);
			last = first;
		}
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		kv_close(kv);
	}
	assert_true(last > 0);
	kv = kv_open(dir, flags, KV_OFF);
	assert_non_null(kv);
}

static void
what_is_no_database_of_ours_is_refused(void **state)
{
	char	 path[128];
	FILE	*f;
	int	 i;

	(void)state;
	kv_close(kv);
	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	for (i = 0; i < 20000; i++)
		fputs("nonsense", f);
	fclose(f);
	kv = kv_open(dir, 0, KV_OFF);
	assert_null(kv);
	assert_int_equal(errno, EPROTO);
	assert_null(kv_open("/nonexistent/dir", 0, KV_OFF));
	assert_int_equal(errno, ENOENT);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
#define S(f)	cmocka_unit_test_setup_teardown(f, setup_small, teardown)
#define N(f)	{ #f " (no lock file)", f, setup_nolock, teardown, NULL }

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(ranges_are_half_open_both_ways),
		N(ranges_are_half_open_both_ways),
		T(prefixes_end_where_they_should),
		T(a_writer_may_delete_and_add_while_it_walks),
		T(neighbours_are_found),
		S(the_map_grows_before_it_is_full),
		S(a_transaction_too_large_works_when_run_again),
		S(a_map_that_another_process_grew_is_followed),
		T(a_writer_waits_for_no_reader_of_its_own),
		N(a_writer_waits_for_no_reader_of_its_own),
		T(killed_writers_leave_whole_transactions),
		N(killed_writers_leave_whole_transactions),
		T(what_is_no_database_of_ours_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
