/* SPDX-License-Identifier: ISC */
/*
 * Ordered keys and values over LMDB 0.9: see kv.h.  The only file that
 * includes lmdb.h.  Never uses DUPSORT, named databases or C_EOF tricks,
 * where 0.9.24 has known bugs; never lets a transaction outgrow the map
 * when it can be helped: the map has room to spare at each kv_begin.
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "common/kv.h"
#include "common/kv_lock.h"
#include "common/log.h"

#define KV_DBI		1		/* LMDB's unnamed database */
#define KV_READERS	1024		/* slots; the file is sparse */

/*
 * A map costs address space only, but for OpenBSD, where LMDB writes through
 * it and so makes a (sparse) file of its size.
 */
#define MB		((size_t)1 << 20)
#define KV_MAP		((COMPAT_KV_WRITEMAP ? 64 : 1024) * MB)
#define KV_HEADROOM	((COMPAT_KV_WRITEMAP ? 32 : 256) * MB)

struct kv {
	MDB_env		*env;
	unsigned	 flags;
	struct kv_lock	 lock;		/* used with KV_NOLOCK */
	size_t		 headroom;	/* bytes free at each kv_begin */
	unsigned	 readers;	/* live in this process */
	int		 full;		/* a writer found too little room */
	int		 writer;
};

#define KV_CURSORS	4
struct kv_txn {
	struct kv	*kv;
	MDB_txn		*mdb;
	int		 write;
	MDB_cursor	*cursor[KV_CURSORS];	/* of kv_get, see there */
	uint8_t		 gets[KV_CURSORS];
};

/* Where a range stands. */
enum { RANGE_FIRST, RANGE_ON, RANGE_END };

static uint64_t	kv_nopen, kv_ncommits;	/* kv_figures */

static int	 kv_fail(int);
static int	 kv_fail_txn(struct kv_txn *, int);
static int	 kv_setup(struct kv *, const char *, enum kv_sync);
static int	 kv_grow(struct kv *);
static int	 kv_start(struct kv *, struct kv_txn *);
static void	 kv_end(struct kv_txn *);
static int	 kv_found(struct kv_range *, int, MDB_val *, MDB_val *,
		    struct slice *, struct slice *);
static int	 kv_place(struct kv_range *, struct slice, MDB_val *,
		    MDB_val *);
static int	 kv_step(struct kv_range *, MDB_val *, MDB_val *);
static MDB_cursor *kv_cursor(struct kv_txn *, const uint8_t *);
static void	 kv_uncursor(struct kv_txn *);

static MDB_val
kv_val(const void *p, size_t n)
{
	MDB_val	 v = { n, (void *)(uintptr_t)p };

	return v;
}

/* Set errno from LMDB's code; -1. */
static int
kv_fail(int rc)
{
	if (rc > 0)
		errno = rc;
	else if (rc == MDB_MAP_FULL || rc == MDB_MAP_RESIZED)
		errno = EAGAIN;
	else if (rc == MDB_TXN_FULL || rc == MDB_READERS_FULL)
		errno = ENOMEM;
	else if (rc == MDB_BAD_TXN)
		errno = EINVAL;		/* an earlier failure was ignored */
	else if (rc == MDB_BAD_VALSIZE)
		errno = EMSGSIZE;
	else
		errno = EPROTO;
	return -1;
}

/* The same, remembering that the map was too small. */
static int
kv_fail_txn(struct kv_txn *txn, int rc)
{
	if (rc == MDB_MAP_FULL)
		txn->kv->full = 1;
	return kv_fail(rc);
}

void
kv_figures(uint64_t *open, uint64_t *commits)
{
	*open = kv_nopen;
	*commits = kv_ncommits;
}

struct kv *
kv_open(const char *dir, unsigned flags, enum kv_sync sync)
{
	struct kv	*kv;
	int		 save;

	if ((kv = calloc(1, sizeof(*kv))) == NULL)
		return NULL;
	kv_nopen++;
	kv->flags = flags | (COMPAT_KV_WRITEMAP ? KV_NOLOCK : 0);
	kv_lock_init(&kv->lock);
	if (((kv->flags & KV_NOLOCK) == 0 ||
	    kv_lock_open(&kv->lock, dir) == 0) && kv_setup(kv, dir, sync) == 0)
		return kv;
	save = errno;
	kv_close(kv);
	errno = save;
	return NULL;
}

static int
kv_setup(struct kv *kv, const char *dir, enum kv_sync sync)
{
	static const unsigned	 syncs[] = {
		[KV_FULL] = 0, [KV_META] = MDB_NOMETASYNC, [KV_OFF] = MDB_NOSYNC
	};
	struct kv_txn		*txn;
	unsigned		 fl = MDB_NOTLS | MDB_NORDAHEAD | syncs[sync];
	MDB_dbi			 dbi;
	size_t			 map = KV_MAP;
	int			 rc, stale;

	kv->headroom = KV_HEADROOM;
	if (kv->flags & KV_SMALL) {
		map = 16 * MB;
		kv->headroom = 8 * MB;
	}
	if (kv->flags & KV_NOLOCK)
		fl |= MDB_NOLOCK;
	if (kv->flags & KV_READ)
		fl |= MDB_RDONLY;
	else if (COMPAT_KV_WRITEMAP)
		fl |= MDB_WRITEMAP;
	if ((rc = mdb_env_create(&kv->env)) != 0 ||
	    (rc = mdb_env_set_maxreaders(kv->env, KV_READERS)) != 0 ||
	    (rc = mdb_env_set_mapsize(kv->env, map)) != 0 ||
	    (rc = mdb_env_open(kv->env, dir, fl, 0600)) != 0)
		return kv_fail(rc);
	/* slots of killed readers pin old pages until somebody looks */
	if ((kv->flags & KV_NOLOCK) == 0 &&
	    (rc = mdb_reader_check(kv->env, &stale)) != 0)
		return kv_fail(rc);
	if (kv_begin(kv, 0, &txn) == -1)
		return -1;
	rc = mdb_dbi_open(txn->mdb, NULL, 0, &dbi);
	kv_abort(txn);
	if (rc != 0)
		return kv_fail(rc);
	assert(dbi == KV_DBI);
	return 0;
}

void
kv_close(struct kv *kv)
{
	if (kv == NULL)
		return;
	assert(kv->readers == 0 && !kv->writer);
	kv_nopen--;
	if (kv->env != NULL)
		mdb_env_close(kv->env);
	kv_lock_close(&kv->lock);
	free(kv);
}

int
kv_gone(const struct kv *kv)
{
	struct stat	 sb;
	int		 fd;

	return mdb_env_get_fd(kv->env, &fd) == 0 && fstat(fd, &sb) == 0 &&
	    sb.st_nlink == 0;
}

void
kv_usage(struct kv *kv, uint64_t *used, uint64_t *map)
{
	MDB_envinfo	 info;
	MDB_stat	 st;

	mdb_env_info(kv->env, &info);
	mdb_env_stat(kv->env, &st);
	*used = ((uint64_t)info.me_last_pgno + 1) * st.ms_psize;
	*map = info.me_mapsize;
}

/* Before a writer starts: room enough that it never meets MDB_MAP_FULL. */
static int
kv_grow(struct kv *kv)
{
	uint64_t	 used, map;
	int		 rc;

	kv_usage(kv, &used, &map);
	if (kv->full)
		used = map;
	else if (map >= used + kv->headroom)
		return 0;
	kv->full = 0;
	rc = mdb_env_set_mapsize(kv->env, (size_t)used * 2 + kv->headroom);
	return rc == 0 ? 0 : kv_fail(rc);
}

int
kv_begin(struct kv *kv, int write, struct kv_txn **out)
{
	struct kv_txn	*txn;

	/*
	 * With KV_NOLOCK a commit only waits for other processes' readers;
	 * ours could see their pages overwritten by the one after it.
	 */
	if (write && (kv->readers > 0 || kv->writer)) {
		errno = EBUSY;
		return -1;
	}
	if ((txn = calloc(1, sizeof(*txn))) == NULL)
		return -1;
	txn->kv = kv;
	txn->write = write;
	if (kv_start(kv, txn) == -1) {
		free(txn);
		return -1;
	}
	if (write)
		kv->writer = 1;
	else
		kv->readers++;
	*out = txn;
	return 0;
}

static int
kv_start(struct kv *kv, struct kv_txn *txn)
{
	unsigned	 fl = txn->write ? 0 : MDB_RDONLY;
	int		 rc, idle = kv->readers == 0 && !kv->writer;

	if (kv_lock_begin(&kv->lock, txn->write, kv->readers) == -1)
		return -1;
	if (txn->write && kv_grow(kv) == -1)
		goto fail;
	rc = mdb_txn_begin(kv->env, NULL, fl, &txn->mdb);
	if (rc == MDB_MAP_RESIZED && idle) {	/* another process grew it */
		if ((rc = mdb_env_set_mapsize(kv->env, 0)) == 0)
			rc = mdb_txn_begin(kv->env, NULL, fl, &txn->mdb);
	} else if (rc == MDB_READERS_FULL) {
		mdb_reader_check(kv->env, NULL);
		rc = mdb_txn_begin(kv->env, NULL, fl, &txn->mdb);
	}
	if (rc == 0)
		return 0;
	kv_fail(rc);
fail:
	kv_lock_end(&kv->lock, txn->write, kv->readers);
	return -1;
}

/* The LMDB transaction is over: locks and memory. */
static void
kv_end(struct kv_txn *txn)
{
	struct kv	*kv = txn->kv;

	if (txn->write)
		kv->writer = 0;
	else
		kv->readers--;
	kv_lock_end(&kv->lock, txn->write, kv->readers);
	free(txn);
}

int
kv_commit(struct kv_txn *txn)
{
	struct kv	*kv = txn->kv;
	int		 rc;

	kv_uncursor(txn);
	if (txn->write)
		kv_lock_commit(&kv->lock);
	if ((rc = mdb_txn_commit(txn->mdb)) == MDB_MAP_FULL)
		kv->full = 1;
	kv_ncommits += txn->write && rc == 0;
	if (txn->write)
		kv_lock_committed(&kv->lock, kv->readers);
	kv_end(txn);
	return rc == 0 ? 0 : kv_fail(rc);
}

void
kv_abort(struct kv_txn *txn)
{
	kv_uncursor(txn);
	mdb_txn_abort(txn->mdb);
	kv_end(txn);
}

/*
 * Readers mostly get neighbours: a cursor that stands in their page finds
 * the next one without a walk from the root (a third of the cost).  One for
 * each of a few classes of first bytes, from the third get on.  Not for a
 * writer: its pages move.
 */
static MDB_cursor *
kv_cursor(struct kv_txn *txn, const uint8_t *key)
{
	unsigned	 i = key[0] >> 1 & (KV_CURSORS - 1);

	if (txn->write || txn->cursor[i] != NULL || txn->gets[i]++ < 2)
		return txn->cursor[i];
	if (mdb_cursor_open(txn->mdb, KV_DBI, &txn->cursor[i]) != 0)
		txn->cursor[i] = NULL;
	return txn->cursor[i];
}

static void
kv_uncursor(struct kv_txn *txn)
{
	unsigned	 i;

	for (i = 0; i < KV_CURSORS; i++)
		if (txn->cursor[i] != NULL)
			mdb_cursor_close(txn->cursor[i]);
	memset(txn->cursor, 0, sizeof(txn->cursor));
}

int
kv_get(struct kv_txn *txn, const void *key, size_t n, struct slice *val)
{
	MDB_cursor	*c = kv_cursor(txn, key);
	MDB_val		 k = kv_val(key, n), v;
	int		 rc;

	rc = c != NULL ? mdb_cursor_get(c, &k, &v, MDB_SET) :
	    mdb_get(txn->mdb, KV_DBI, &k, &v);
	if (rc == 0) {
		val->p = v.mv_data;
		val->n = v.mv_size;
		return 1;
	}
	return rc == MDB_NOTFOUND ? 0 : kv_fail(rc);
}

int
kv_put(struct kv_txn *txn, const void *key, size_t n, const void *val,
    size_t len)
{
	MDB_val	 k = kv_val(key, n), v = kv_val(val, len);
	int	 rc;

	rc = mdb_put(txn->mdb, KV_DBI, &k, &v, 0);
	return rc == 0 ? 0 : kv_fail_txn(txn, rc);
}

int
kv_del(struct kv_txn *txn, const void *key, size_t n)
{
	MDB_val	 k = kv_val(key, n);
	int	 rc;

	if ((rc = mdb_del(txn->mdb, KV_DBI, &k, NULL)) == 0)
		return 1;
	return rc == MDB_NOTFOUND ? 0 : kv_fail_txn(txn, rc);
}

int64_t
kv_del_prefix(struct kv_txn *txn, const void *prefix, size_t n)
{
	uint8_t		 key[KV_KEYMAX];
	struct slice	 k, v;
	int64_t		 gone = 0;
	int		 r;

	while ((r = kv_after(txn, prefix, n, &k, &v)) == 1) {
		if (k.n < n || memcmp(k.p, prefix, n) != 0)
			return gone;
		memcpy(key, k.p, k.n);	/* the page may move below us */
		if (kv_del(txn, key, k.n) == -1)
			return -1;
		gone++;
	}
	return r == -1 ? -1 : gone;
}

int
kv_after(struct kv_txn *txn, const void *bound, size_t n, struct slice *key,
    struct slice *val)
{
	struct kv_range	 r;
	MDB_val		 k, v;
	int		 rc, ret;

	r.txn = txn;
	if (mdb_cursor_open(txn->mdb, KV_DBI, (MDB_cursor **)&r.cursor) != 0) {
		errno = ENOMEM;
		return -1;
	}
	r.nstop = r.nlast = 0;
	r.reverse = 0;
	rc = kv_place(&r, SLICE(bound, n), &k, &v);
	ret = kv_found(&r, rc, &k, &v, key, val);
	kv_done(&r);
	return ret;
}

int
kv_range(struct kv_range *r, struct kv_txn *txn, struct slice lo,
    struct slice hi, int reverse)
{
	struct slice	 from = reverse ? hi : lo, to = reverse ? lo : hi;

	r->cursor = NULL;
	if (from.n > KV_KEYMAX || to.n > KV_KEYMAX) {
		errno = EMSGSIZE;
		return -1;
	}
	r->txn = txn;
	r->reverse = reverse;
	r->state = RANGE_FIRST;
	if ((r->nlast = from.n) > 0)
		memcpy(r->last, from.p, from.n);
	if ((r->nstop = to.n) > 0)
		memcpy(r->stop, to.p, to.n);
	if (mdb_cursor_open(txn->mdb, KV_DBI, (MDB_cursor **)&r->cursor) == 0)
		return 0;
	errno = ENOMEM;
	return -1;
}

int
kv_prefix(struct kv_range *r, struct kv_txn *txn, const void *prefix,
    size_t n, int reverse)
{
	uint8_t	 hi[KV_KEYMAX];
	size_t	 m = n;

	r->cursor = NULL;
	if (n > KV_KEYMAX) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(hi, prefix, n);
	while (m > 0 && hi[m - 1] == 0xff)	/* no carry: shorten */
		m--;
	if (m > 0)
		hi[m - 1]++;
	return kv_range(r, txn, SLICE(prefix, n), SLICE(hi, m), reverse);
}

/* Stand on the first key >= from, or the last one < from (all if empty). */
static int
kv_place(struct kv_range *r, struct slice from, MDB_val *k, MDB_val *v)
{
	int	 rc;

	if (from.n == 0)
		return mdb_cursor_get(r->cursor, k, v,
		    r->reverse ? MDB_LAST : MDB_FIRST);
	*k = kv_val(from.p, from.n);
	rc = mdb_cursor_get(r->cursor, k, v, MDB_SET_RANGE);
	if (!r->reverse)
		return rc;
	if (rc == MDB_NOTFOUND)
		return mdb_cursor_get(r->cursor, k, v, MDB_LAST);
	return rc == 0 ? mdb_cursor_get(r->cursor, k, v, MDB_PREV) : rc;
}

/*
 * The step after the first.  A writer may have deleted or added rows since,
 * so it looks for its place again rather than trust the cursor.
 */
static int
kv_step(struct kv_range *r, MDB_val *k, MDB_val *v)
{
	int	 rc;

	if (!r->txn->write)
		return mdb_cursor_get(r->cursor, k, v,
		    r->reverse ? MDB_PREV : MDB_NEXT);
	rc = kv_place(r, SLICE(r->last, r->nlast), k, v);
	if (rc == 0 && !r->reverse && k->mv_size == r->nlast &&
	    memcmp(k->mv_data, r->last, r->nlast) == 0)
		rc = mdb_cursor_get(r->cursor, k, v, MDB_NEXT);
	return rc;
}

/* LMDB's answer as ours, with the bound looked at. */
static int
kv_found(struct kv_range *r, int rc, MDB_val *k, MDB_val *v,
    struct slice *key, struct slice *val)
{
	size_t	 n;
	int	 c;

	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return kv_fail(rc);
	if (r->nstop > 0) {
		n = k->mv_size < r->nstop ? k->mv_size : r->nstop;
		if ((c = memcmp(k->mv_data, r->stop, n)) == 0)
			c = k->mv_size < r->nstop ? -1 :
			    k->mv_size > r->nstop;
		if (r->reverse ? c < 0 : c >= 0)
			return 0;
	}
	*key = SLICE(k->mv_data, k->mv_size);
	*val = SLICE(v->mv_data, v->mv_size);
	return 1;
}

int
kv_next(struct kv_range *r, struct slice *key, struct slice *val)
{
	MDB_val	 k, v;
	int	 rc, ret;

	if (r->state == RANGE_END)
		return 0;
	rc = r->state == RANGE_FIRST ?
	    kv_place(r, SLICE(r->last, r->nlast), &k, &v) : kv_step(r, &k, &v);
	r->state = RANGE_ON;
	if ((ret = kv_found(r, rc, &k, &v, key, val)) != 1)
		r->state = RANGE_END;
	else if (r->txn->write) {
		memcpy(r->last, key->p, key->n);
		r->nlast = key->n;
	}
	return ret;
}

void
kv_done(struct kv_range *r)
{
	if (r->cursor != NULL)
		mdb_cursor_close(r->cursor);
	r->cursor = NULL;
}
