/* SPDX-License-Identifier: ISC */
/* worker/store: blobs and their segments. */
#include "common/compat.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "regress/unit/store_lab.h"
#include "worker/store/store_int.h"

#define CHUNK	(256 << 10)

static int
small_segments(void **state)
{
	setup(state);
	store_config.segment = 1 << 20;
	return 0;
}

#define S(f)	cmocka_unit_test_setup_teardown(f, small_segments, teardown)

/* n bytes that do, or do not, compress; another each seed. */
static uint8_t *
bytes(size_t n, unsigned seed, int dense)
{
	uint8_t	*p = malloc(n + 1);
	size_t	 i;

	assert_non_null(p);
	srandom(seed + 1);	/* 0 and 1 are the same */
	for (i = 0; i < n; i++)
		p[i] = dense || i < 16 ? (uint8_t)(random() >> 7) :
		    (uint8_t)('a' + i / 100 % 20);
	return p;
}

static void
any_size_comes_back_whole_and_in_part(void **state)
{
	static const size_t	 sizes[] = { 0, 1, 63, 64, 5000, CHUNK - 1,
	    CHUNK, CHUNK + 1, 3 * CHUNK + 77, 5 << 20 };
	struct store_txn	*txn;
	struct buf		 b;
	uint8_t			*p, hash[32], again[32];
	uint64_t		 off, len, size;
	size_t			 i, n;
	int			 dense, j;

	(void)state;
	buf_init(&b, 16 << 20);
	for (dense = 0; dense < 2; dense++)
		for (i = 0; i < nitems(sizes); i++) {
			n = sizes[i];
			p = bytes(n, (unsigned)i, dense);
			txn = help_begin(st, 1);
			assert_int_equal(store_blob_put(txn, p, n, hash),
			    STORE_OK);
			assert_int_equal(store_blob_put(txn, p, n, again),
			    STORE_OK);
			assert_memory_equal(hash, again, 32);
			help_commit(txn);
			txn = help_begin(st, 0);
			assert_int_equal(store_blob_size(txn, hash, &size),
			    STORE_OK);
			assert_int_equal(size, n);
			assert_int_equal(store_blob_get(txn, hash, 0,
			    UINT64_MAX, &b), STORE_OK);
			assert_int_equal(b.len, n);
			if (n > 0)
				assert_memory_equal(b.data, p, n);
			for (j = 0; j < 30; j++) {
				buf_reset(&b);
				off = (uint64_t)random() % (n + 10);
				len = (uint64_t)random() % (n + 10);
				assert_int_equal(store_blob_get(txn, hash, off,
				    len, &b), STORE_OK);
				if (off > n)
					off = n;
				if (len > n - off)
					len = n - off;
				assert_int_equal(b.len, len);
				if (len > 0)
					assert_memory_equal(b.data, p + off,
					    len);
			}
			buf_reset(&b);
			store_abort(txn);
			free(p);
		}
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
	buf_free(&b);
}

static void
a_small_buffer_is_told_from_damage(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct buf		 b;
	uint8_t			 hash[32] = { 0 };

	(void)state;
	buf_init(&b, 4);
	assert_int_equal(store_blob_get(txn, hash, 0, 1, &b), STORE_NOTFOUND);
	assert_int_equal(store_blob_put(txn, "12345", 5, hash), STORE_OK);
	assert_int_equal(store_blob_get(txn, hash, 0, 5, &b), STORE_TOOMANY);
	store_abort(txn);
	buf_free(&b);
}

static void
what_an_aborted_writer_wrote_is_written_over(void **state)
{
	struct store_txn	*txn;
	struct buf		 b;
	uint8_t			 hash[32], other[32];
	int			 i;

	(void)state;
	buf_init(&b, 1 << 20);
	for (i = 0; i < 3; i++) {
		txn = help_begin(st, 1);
		assert_int_equal(store_blob_put(txn, "lost", 4, other),
		    STORE_OK);
		store_abort(txn);
		txn = help_begin(st, 1);
		assert_int_equal(store_blob_put(txn, &i, sizeof(i), hash),
		    STORE_OK);
		help_commit(txn);
	}
	txn = help_begin(st, 0);
	assert_int_equal(store_blob_size(txn, other, &(uint64_t){ 0 }),
	    STORE_NOTFOUND);
	assert_int_equal(store_blob_get(txn, hash, 0, 9, &b), STORE_OK);
	assert_int_equal(b.len, sizeof(i));
	store_abort(txn);
	buf_free(&b);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
}

static int
segments(void)
{
	char		 path[128];
	DIR		*d;
	int		 n = 0;

	snprintf(path, sizeof(path), "%s/alice/blob", help_dir);
	assert_non_null(d = opendir(path));
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static void
tidy(void)
{
	int	 r, n = 0;

	while ((r = store_tidy(st)) == 1 && n++ < 100)
		;
	assert_int_equal(r, 0);
}

/* Let the grace of dead segments be over. */
static void
age(void)
{
	struct store_txn	*txn = help_begin(st, 1);
	struct store_key	 k;
	struct slice		 v;
	uint8_t			 b[24];
	uint32_t		 seg;

	for (seg = 1; seg < 100; seg++) {
		store_key_u32(&k, 'V', seg);
		if (store_get(txn, &k, &v) != STORE_OK)
			continue;
		memcpy(b, v.p, 24);
		if (store_get64(b + 16) != 0) {
			store_put64(b + 16, 1);
			assert_int_equal(store_put(txn, &k, b, 24), STORE_OK);
		}
	}
	help_commit(txn);
}

static void
unreferenced_blobs_expire_and_their_room_comes_back(void **state)
{
	struct store_txn	*txn;
	struct buf		 b;
	uint8_t			*p, hash[60][32], row[3 + 15 * 32];
	uint64_t		 size;
	uint64_t		 id = 0;
	int			 i, before;

	(void)state;
	store_config.upload_ms = 1;
	buf_init(&b, 1 << 20);
	for (i = 0; i < 60; i++) {
		p = bytes(100000, (unsigned)i, 1);
		txn = help_begin(st, 1);
		assert_int_equal(store_blob_put(txn, p, 100000, hash[i]),
		    STORE_OK);
		help_commit(txn);
		free(p);
	}
	/* an object that needs some of them */
	memcpy(row, "\xb1\0\x0f", 3);
	for (i = 0; i < 60; i += 4)
		memcpy(row + 3 + i / 4 * 32, hash[i], 32);
	txn = help_begin(st, 1);
	assert_int_equal(store_object_create(txn, STORE_SUBMISSION,
	    SLICE(row, sizeof(row)), &id), STORE_OK);
	help_commit(txn);
	before = segments();
	assert_true(before >= 6);
	usleep(3000);
	tidy();
	age();
	tidy();
	assert_true(segments() < before / 2 + 2);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
	txn = help_begin(st, 1);
	for (i = 0; i < 60; i++) {
		if (i % 4 != 0) {
			assert_int_equal(store_blob_size(txn, hash[i], &size),
			    STORE_NOTFOUND);
			continue;
		}
		p = bytes(100000, (unsigned)i, 1);
		buf_reset(&b);
		assert_int_equal(store_blob_get(txn, hash[i], 0, UINT64_MAX,
		    &b), STORE_OK);
		assert_int_equal(b.len, 100000);
		assert_memory_equal(b.data, p, 100000);
		free(p);
	}
	assert_int_equal(store_object_destroy(txn, STORE_SUBMISSION, id),
	    STORE_OK);
	/* and nothing can refer to what is not there */
	assert_int_equal(store_object_create(txn, STORE_SUBMISSION,
	    SLICE(row, sizeof(row)), &id), STORE_OK);
	memset(row + 3, 0x55, 32);
	assert_int_equal(store_object_update(txn, STORE_SUBMISSION, id,
	    SLICE(row, sizeof(row))), STORE_NOTFOUND);
	assert_int_equal(store_object_destroy(txn, STORE_SUBMISSION, id),
	    STORE_OK);
	help_commit(txn);
	assert_int_equal(store_check(st, 0, help_say, NULL), 0);
	buf_free(&b);
}

static void
an_upload_lives_until_its_hour_is_over(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	uint64_t		 size;
	uint8_t			 hash[32];

	(void)state;
	assert_int_equal(store_blob_put(txn, "x", 1, hash), STORE_OK);
	help_commit(txn);
	tidy();
	txn = help_begin(st, 0);
	assert_int_equal(store_blob_size(txn, hash, &size), STORE_OK);
	store_abort(txn);
}

static void
small_accounts_take_little_room(void **state)
{
	struct store_txn	*txn = help_begin(st, 1);
	uint8_t			 hash[32];
	char			 path[128];
	struct stat		 sb;

	(void)state;
	assert_int_equal(store_blob_put(txn, "x", 1, hash), STORE_OK);
	help_commit(txn);
	snprintf(path, sizeof(path), "%s/alice/blob/00000001.seg", help_dir);
	assert_int_equal(stat(path, &sb), 0);
	assert_true(sb.st_size <= 256 << 10);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		S(any_size_comes_back_whole_and_in_part),
		S(a_small_buffer_is_told_from_damage),
		S(what_an_aborted_writer_wrote_is_written_over),
		S(unreferenced_blobs_expire_and_their_room_comes_back),
		S(an_upload_lives_until_its_hour_is_over),
		S(small_accounts_take_little_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
