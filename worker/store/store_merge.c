/* SPDX-License-Identifier: ISC */
/*
 * Housekeeping of the search index: waiting rows become a run (store_pend.c)
 * and runs of about the same size become one, four at a time, so that each
 * word is written some five times in its life and a search looks into a
 * dozen runs.  Mails that are gone are left out then.
 *
 * Large merges go on in slices of a few milliseconds, for the loop of a
 * worker must not wait; nothing that is read changes meanwhile, and if the
 * process dies the file it was writing is written over by the next.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "common/log.h"
#include "worker/store/store_int.h"

#define MERGE_AT	256	/* waiting rows that make a run */
#define MERGE_WAYS	4	/* runs of a size that make one */
#define MERGE_MANY	40	/* runs, when merging goes first */
#define MERGE_MAX	12	/* runs of one merge */
#define MERGE_MS	10	/* of a slice */
#define MERGE_FEW	1000	/* mails fewer than ever: all runs anew */
#define DEAD_MS		60000	/* a file stays after it left the list, */
#define DEAD_SOON	2000	/* .. when there are many of them */

struct store_merge {
	struct store_runinfo	 from[MERGE_MAX];
	struct store_cursor	 at[MERGE_MAX];
	int			 live[MERGE_MAX];	/* not at its end */
	size_t			 n;
	struct store_runout	 out;
	uint32_t		 id;
	uint64_t		 lo, hi;
	uint8_t			*alive;		/* a bit for each eid from lo */
	struct store_posts	 posts;
	struct buf		 packed;
};

static int	 store_merge_choose(const struct store_manifest *, uint64_t,
		    struct store_merge *);
static unsigned	 store_merge_class(uint32_t docs);
static int	 store_merge_alive(struct store_txn *, struct store_merge *);
static int	 store_merge_begin(struct store *);
static int	 store_merge_open(struct store *, struct store_merge *,
		    uint32_t id);
static int	 store_merge_slice(struct store *, int64_t until);
static int	 store_merge_term(struct store_merge *);
static int	 store_merge_gather(struct store_merge *, size_t);
static int	 store_merge_end(struct store *);
static int	 store_merge_commit(struct store *, struct store_merge *,
		    const struct store_runinfo *);
static int	 store_merge_step(struct store *, uint64_t waiting, size_t,
		    int force);
static int	 store_merge_sweep(struct store *);

/* --- which --------------------------------------------------------------- */

static unsigned
store_merge_class(uint32_t docs)
{
	unsigned	 c = 0;

	for (; docs > MERGE_AT * 2; docs /= MERGE_WAYS)
		c++;
	return c;
}

/* Fill mg->from: runs of one set and size, or all when many mails went. */
static int
store_merge_choose(const struct store_manifest *m, uint64_t mails,
    struct store_merge *mg)
{
	uint64_t	 docs = 0;
	unsigned	 set, class;
	size_t		 i;

	for (i = 0; i < m->n; i++)
		docs += m->v[i].docs;
	for (set = SET_MAIN; set <= SET_NEW; set++)
		for (class = 0; class < 16; class++) {
			mg->n = 0;
			for (i = 0; i < m->n && mg->n < MERGE_WAYS; i++)
				if (m->v[i].set == set && class ==
				    store_merge_class(m->v[i].docs))
					mg->from[mg->n++] = m->v[i];
			if (mg->n == MERGE_WAYS)
				return 1;
		}
	/* three of ten mails are gone: their words, too */
	mg->n = 0;
	if (!(m->flags & STORE_INDEX_REBUILD) && docs > MERGE_FEW &&
	    docs - docs * 3 / 10 > mails)
		for (i = 0; i < m->n && mg->n < MERGE_MAX; i++)
			mg->from[mg->n++] = m->v[i];
	return mg->n > 0;
}

/* Which mails of the runs are still there. */
static int
store_merge_alive(struct store_txn *txn, struct store_merge *mg)
{
	struct store_key	 lo, hi;
	struct kv_range		 r;
	struct slice		 k, v;
	uint64_t		 eid;
	enum store_err		 e;
	size_t			 i;

	mg->lo = UINT64_MAX;
	for (i = 0; i < mg->n; i++) {
		if (mg->from[i].lo < mg->lo)
			mg->lo = mg->from[i].lo;
		if (mg->from[i].hi > mg->hi)
			mg->hi = mg->from[i].hi;
	}
	if ((mg->alive = calloc((size_t)((mg->hi - mg->lo) / 8 + 1), 1)) ==
	    NULL)
		return -1;
	store_key_u64(&lo, 'S', mg->lo);
	store_key_u64(&hi, 'S', mg->hi + 1);
	if (kv_range(&r, txn->kv, SLICE(lo.b, lo.n), SLICE(hi.b, hi.n), 0) ==
	    -1)
		return -1;
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK) {
		eid = store_get64((const uint8_t *)k.p + 1) - mg->lo;
		mg->alive[eid / 8] |= (uint8_t)(1 << eid % 8);
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? 0 : -1;
}

/* --- a merge of runs ----------------------------------------------------- */

void
store_merge_free(struct store *st)
{
	struct store_merge	*mg = st->merge;
	size_t			 i;

	if (mg == NULL)
		return;
	for (i = 0; i < mg->n; i++)
		if (mg->at[i].run != NULL)
			mg->at[i].run->users--;
	store_run_drop(&mg->out);
	free(mg->posts.v);
	free(mg->alive);
	buf_free(&mg->packed);
	free(mg);
	st->merge = NULL;
}

static int
store_merge_open(struct store *st, struct store_merge *mg, uint32_t id)
{
	struct store_run	*run;
	char			 path[STORE_PATHMAX + 32];
	size_t			 i;

	mg->id = id;
	if (store_runs_path(st, id, path, sizeof(path)) == -1 ||
	    store_run_make(&mg->out, path, mg->lo) == -1)
		return -1;
	for (i = 0; i < mg->n; i++) {
		if ((run = store_runs_get(st, mg->from[i].id)) == NULL)
			return -1;
		run->users++;
		mg->at[i].run = run;
		mg->out.langs |= run->langs;
		mg->live[i] = store_run_seek(&mg->at[i], run, "", 0);
		if (mg->live[i] == -1)
			return -1;
	}
	return 0;
}

/* 1: there is one now, 0: none is due, -1. */
static int
store_merge_begin(struct store *st)
{
	struct store_manifest	 m;
	struct store_merge	*mg;
	struct store_txn	*txn;
	int			 r = -1;

	if ((mg = calloc(1, sizeof(*mg))) == NULL)
		return -1;
	mg->out.fd = -1;
	buf_init(&mg->packed, UINT32_MAX);
	st->merge = mg;
	if (store_begin_plain(st, 0, &txn) != STORE_OK)
		goto done;
	if (store_runs_load(txn, &m) == STORE_OK) {
		/* those merged before: a place for each that is now */
		store_runs_forget(st, &m);
		r = store_merge_choose(&m, txn->hot[HOT_MAILS], mg);
		if (r == 1 && store_merge_alive(txn, mg) == -1)
			r = -1;
	}
	store_abort(txn);
	if (r == 1 && store_merge_open(st, mg, m.next) == -1) {
		st->index_bad = errno == ENOENT || errno == EPROTO;
		r = -1;
	}
done:
	if (r != 1)
		store_merge_free(st);
	return r;
}

/* The mails of the term at one of the cursors, and on to its next. */
static int
store_merge_gather(struct store_merge *mg, size_t i)
{
	struct store_unpack	 u;
	uint64_t		 eid;
	int			 r;

	store_post_unpack(&u, mg->at[i].post, mg->at[i].run->lo);
	while ((r = store_post_next(&u)) == 1) {
		eid = u.eid - mg->lo;
		if (u.eid < mg->lo || u.eid > mg->hi ||
		    !(mg->alive[eid / 8] & 1 << eid % 8))
			continue;
		if (store_post_add(&mg->posts, u.eid, u.in) == -1)
			return -1;
	}
	if (r == 0)
		r = mg->live[i] = store_run_next(&mg->at[i]);
	return r;
}

/* The least term of all: 1, 0 there is none, -1. */
static int
store_merge_term(struct store_merge *mg)
{
	uint8_t		 term[STORE_RUNTERM];
	size_t		 i, n, least = mg->n;
	int		 c, mails = 0;

	for (i = 0; i < mg->n; i++) {
		if (!mg->live[i])
			continue;
		if (least == mg->n) {
			least = i;
			continue;
		}
		n = mg->at[i].n < mg->at[least].n ? mg->at[i].n :
		    mg->at[least].n;
		c = memcmp(mg->at[i].term, mg->at[least].term, n);
		if (c < 0 || (c == 0 && mg->at[i].n < mg->at[least].n))
			least = i;
	}
	if (least == mg->n)
		return 0;
	memcpy(term, mg->at[least].term, n = mg->at[least].n);
	mg->posts.n = 0;
	for (i = 0; i < mg->n; i++) {
		if (!mg->live[i] || mg->at[i].n != n ||
		    memcmp(mg->at[i].term, term, n) != 0)
			continue;
		mails |= mg->at[i].post.n > 0;
		if (store_merge_gather(mg, i) == -1)
			return -1;
	}
	if (mails && mg->posts.n == 0)		/* all of them gone */
		return 1;
	store_post_sort(&mg->posts);
	if (n == 1 && term[0] == STORE_ALLDOCS)
		mg->out.docs = (uint32_t)mg->posts.n;
	buf_reset(&mg->packed);
	store_post_pack(&mg->packed, mg->posts.v, mg->posts.n, mg->lo);
	if (buf_bad(&mg->packed) || store_run_put(&mg->out, term, n,
	    SLICE(mg->packed.data, mg->packed.len)) == -1)
		return -1;
	return 1;
}

static int
store_merge_commit(struct store *st, struct store_merge *mg,
    const struct store_runinfo *info)
{
	struct store_manifest	 m;
	struct store_runinfo	 new = *info;
	struct store_txn	*txn;
	size_t			 i, j, same = 0;

	if (store_begin_plain(st, 1, &txn) != STORE_OK)
		return -1;
	if (store_runs_load(txn, &m) != STORE_OK)
		goto bad;
	for (i = 0; i < mg->n; i++)
		for (j = 0; j < m.n; j++)
			if (m.v[j].id == mg->from[i].id) {
				same += i == 0 || m.v[j].set == new.set;
				new.set = m.v[j].set;
			}
	/* a rebuild may have thrown them away meanwhile */
	if (same != mg->n || m.next != new.id)
		goto bad;
	for (i = 0; i < mg->n; i++)
		store_runs_remove(&m, mg->from[i].id);
	m.next++;
	if (new.docs > 0 && store_runs_add(&m, &new) == -1)
		goto bad;
	if (store_runs_save(txn, &m) != STORE_OK)
		goto bad;
	return store_commit(txn) == STORE_OK ? 0 : -1;
bad:
	store_abort(txn);
	return -1;
}

static int
store_merge_end(struct store *st)
{
	struct store_merge	*mg = st->merge;
	struct store_runinfo	 info;
	int			 ret;

	memset(&info, 0, sizeof(info));
	info.id = mg->id;
	info.docs = mg->out.docs;
	info.lo = mg->lo;
	info.hi = mg->out.hi = mg->hi;
	ret = store_run_done(&mg->out, store_config.sync != KV_OFF,
	    &info.bytes);
	if (ret == 0 && (ret = store_runs_sync(st)) == 0)
		ret = store_merge_commit(st, mg, &info);
	store_merge_free(st);
	return ret == 0 ? 1 : -1;
}

/* Go on with it: 1 (also when it is complete now), -1. */
static int
store_merge_slice(struct store *st, int64_t until)
{
	unsigned	 n;
	int		 r = 1;

	for (n = 1; r == 1; n++) {
		if (n % 256 == 0 && until != 0 && date_mono() >= until)
			return 1;
		r = store_merge_term(st->merge);
	}
	if (r == 0)
		return store_merge_end(st);
	st->index_bad = errno == EPROTO;
	store_merge_free(st);
	return -1;
}

/* --- what is due --------------------------------------------------------- */

static int
store_merge_step(struct store *st, uint64_t waiting, size_t runs, int force)
{
	int	 due = waiting >= MERGE_AT || (force && waiting > 0);
	int	 r = 0;

	if (st->merge != NULL)
		return store_merge_slice(st, force ? 0 :
		    date_mono() + MERGE_MS);
	/* however fast mail comes, there must be room for its runs */
	if (due && runs < MERGE_MANY)
		return store_pend_merge(st);
	if ((r = store_merge_begin(st)) == 1)
		return store_merge_slice(st, force ? 0 :
		    date_mono() + MERGE_MS);
	return r == 0 && due ? store_pend_merge(st) : r;
}

int
store_search_merge(struct store *st, int force)
{
	struct store_manifest	 m;
	struct store_txn	*txn;
	uint64_t		 waiting;
	int			 r;

	if (store_begin_plain(st, 0, &txn) != STORE_OK)
		return -1;
	waiting = txn->hot[HOT_PENDING];
	m.n = 0;
	(void)store_runs_load(txn, &m);
	store_abort(txn);
	if ((r = store_runs_lock(st)) != 1)
		return r;
	r = store_merge_step(st, waiting, m.n, force);
	if (r == 0 || (r == 1 && st->merge == NULL))
		if (store_merge_sweep(st) == -1)
			r = -1;
	if (st->merge == NULL)
		store_runs_unlock(st);
	if (r == -1)
		log_warnx("account %s: search index not merged", st->account);
	return r;
}

/* Files that were in the list a minute ago; 0 or -1. */
static int
store_merge_sweep(struct store *st)
{
	struct store_manifest	 m;
	struct store_txn	*txn;
	uint64_t		 now = (uint64_t)date_now(), age = DEAD_MS;
	char			 path[STORE_PATHMAX + 32];
	size_t			 i, n = 0;
	int			 r = -1;

	if (store_begin_plain(st, 0, &txn) != STORE_OK)
		return -1;
	if (store_runs_load(txn, &m) == STORE_OK)
		r = 0;
	store_abort(txn);
	if (r == 0 && m.ndead > STORE_RUNS)
		age = DEAD_SOON;
	for (i = 0; r == 0 && i < m.ndead; i++)
		n += now - m.dead[i].when > age;
	if (n == 0 || r == -1)
		return r;
	if (store_begin_plain(st, 1, &txn) != STORE_OK)
		return -1;
	if (store_runs_load(txn, &m) != STORE_OK) {
		store_abort(txn);
		return -1;
	}
	for (i = n = 0; i < m.ndead; i++) {
		if (now - m.dead[i].when <= age) {
			m.dead[n++] = m.dead[i];
			continue;
		}
		if (store_runs_path(st, m.dead[i].id, path,
		    sizeof(path)) == 0)
			(void)unlink(path);
	}
	m.ndead = n;
	if (store_runs_save(txn, &m) != STORE_OK) {
		store_abort(txn);
		return -1;
	}
	store_runs_forget(st, &m);
	return store_commit(txn) == STORE_OK ? 0 : -1;
}
