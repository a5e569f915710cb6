/* SPDX-License-Identifier: ISC */
/*
 * The search index made again from the mail, in bounded steps, while the old
 * one serves: row W remembers how far it is, so any process goes on with it,
 * also after a crash.  New runs are a set of their own; mail that comes
 * meanwhile becomes runs of a third set; the last commit puts both in the
 * place of the old.  Called for jmapctl reindex, for accounts of an older
 * format, and when a run cannot be read (then there is no old one, and
 * searches say STORE_NOINDEX until the end).
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "common/log.h"
#include "worker/store/store_int.h"

#define REBUILD_MAILS	256		/* of a step, */
#define REBUILD_BYTES	((size_t)8 << 20)
#define REBUILD_MS	20		/* .. or until then */

struct rebuild {
	struct store_waits	 waits;
	uint64_t		 at;		/* to go on with */
	int			 end;		/* there are no more */
	size_t			 bytes;		/* of mail that was read */
};

static int	 store_rebuild_row(void *, const struct store_text *, size_t,
		    struct slice);
static enum store_err	 store_rebuild_mail(struct store_txn *, uint64_t,
			    struct rebuild *);
static enum store_err	 store_rebuild_read(struct store_txn *,
			    const struct store_manifest *, struct rebuild *);
static enum store_err	 store_rebuild_write(struct store *,
			    const struct store_manifest *, struct rebuild *);
static enum store_err	 store_rebuild_switch(struct store_txn *,
			    struct store_manifest *);
static void	 store_rebuild_drop(struct store_manifest *,
		    enum store_runset);

/* Take the runs of a set out of the list. */
static void
store_rebuild_drop(struct store_manifest *m, enum store_runset set)
{
	size_t	 i = 0;

	while (i < m->n)
		if (m->v[i].set == set)
			store_runs_remove(m, m->v[i].id);
		else
			i++;
}

enum store_err
store_rebuild_note(struct store_txn *txn, int lost)
{
	struct store_manifest	 m;
	enum store_err		 e;
	size_t			 i;

	if ((e = store_runs_load(txn, &m)) != STORE_OK)
		return e;
	store_rebuild_drop(&m, SET_NEW);
	if (lost) {
		store_rebuild_drop(&m, SET_MAIN);
		store_rebuild_drop(&m, SET_FRESH);
		m.flags &= ~(unsigned)STORE_INDEX_WHOLE;
	}
	for (i = 0; i < m.n; i++)
		m.v[i].set = SET_MAIN;
	m.flags |= STORE_INDEX_REBUILD;
	m.at = 0;
	m.upto = txn->hot[HOT_EID];
	return store_runs_save(txn, &m);
}

enum store_err
store_rebuild_begin(struct store *st, int lost)
{
	struct store_txn	*txn;
	enum store_err		 e;

	if ((e = store_begin_plain(st, 1, &txn)) != STORE_OK)
		return e;
	if ((e = store_rebuild_note(txn, lost)) != STORE_OK) {
		store_abort(txn);
		return e;
	}
	if ((e = store_commit(txn)) == STORE_OK) {
		st->index_bad = 0;
		log_info("account %s: the search index is made again",
		    st->account);
	}
	return e;
}

/* --- a step -------------------------------------------------------------- */

static int
store_rebuild_row(void *arg, const struct store_text *text, size_t n,
    struct slice language)
{
	struct rebuild	*r = arg;

	return store_pend_row(&r->waits.bytes, text, n, language);
}

/* One more mail's words.  One that cannot be read has none. */
static enum store_err
store_rebuild_mail(struct store_txn *txn, uint64_t eid, struct rebuild *r)
{
	struct store_mail	 mail;
	struct store_row	 row;
	struct buf		 raw;
	size_t			 at = r->waits.bytes.len;
	enum store_err		 e;

	if ((e = store_mail_eid(txn, eid, &mail)) != STORE_OK ||
	    (e = store_mail_row(txn, &mail, &row)) != STORE_OK)
		return e == STORE_NOTFOUND ? STORE_OK : e;
	buf_init(&raw, (size_t)mail.size + 1);
	e = store_blob_get(txn, row.blob, 0, UINT64_MAX, &raw);
	if (e == STORE_OK && store_config.texts(raw.data, raw.len,
	    store_rebuild_row, r) == -1)
		e = STORE_CORRUPT;
	if (e != STORE_OK) {
		log_warnx("account %s: mail %llu is not searchable: %s",
		    txn->st->account, (unsigned long long)eid,
		    store_strerror(e));
		r->waits.bytes.len = at;
		r->waits.bytes.bad = 0;
		buf_addc(&r->waits.bytes, 0);	/* no row of ours: no words */
	}
	r->bytes += raw.len;
	buf_free(&raw);
	if (txn->dead != STORE_OK)
		return txn->dead;
	return store_pend_note(&r->waits, eid, at) == 0 ? STORE_OK : STORE_IO;
}

static enum store_err
store_rebuild_read(struct store_txn *txn, const struct store_manifest *m,
    struct rebuild *r)
{
	struct store_key	 k;
	struct slice		 key, v;
	int64_t			 until = date_mono() + REBUILD_MS;
	enum store_err		 e = STORE_OK;
	int			 n;

	r->at = m->at;
	while (e == STORE_OK && r->waits.n < REBUILD_MAILS &&
	    r->bytes < REBUILD_BYTES && (r->waits.n == 0 ||
	    date_mono() < until)) {
		store_key_u64(&k, 'S', r->at);
		if ((n = kv_after(txn->kv, k.b, k.n, &key, &v)) == -1)
			return store_fail(txn);
		if (n == 1 && key.n == 9 && *(const uint8_t *)key.p == 'S')
			r->at = store_get64((const uint8_t *)key.p + 1);
		else
			r->at = m->upto;
		if ((r->end = r->at >= m->upto))
			break;
		e = store_rebuild_mail(txn, r->at++, r);
	}
	return e;
}

/* Everything is there: the new runs are the index. */
static enum store_err
store_rebuild_switch(struct store_txn *txn, struct store_manifest *m)
{
	struct store_key	 lo, hi;
	struct kv_range		 r;
	struct slice		 k, v;
	enum store_err		 e;
	size_t			 i;

	store_rebuild_drop(m, SET_MAIN);
	for (i = 0; i < m->n; i++)
		m->v[i].set = SET_MAIN;
	m->flags = STORE_INDEX_WHOLE;
	/* rows that waited when it began are in it */
	store_key_u64(&lo, 'F', 0);
	store_key_u64(&hi, 'F', m->upto);
	if (kv_range(&r, txn->kv, SLICE(lo.b, lo.n), SLICE(hi.b, hi.n), 0) ==
	    -1)
		return store_fail(txn);
	while ((e = store_next(txn, &r, &k, &v)) == STORE_OK)
		if ((e = store_search_drop(txn, store_get64(
		    (const uint8_t *)k.p + 1))) != STORE_OK)
			break;
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

static enum store_err
store_rebuild_write(struct store *st, const struct store_manifest *was,
    struct rebuild *r)
{
	struct store_manifest	 m;
	struct store_runinfo	 info;
	struct store_txn	*txn;
	enum store_err		 e;

	if (r->waits.n > 0 && store_pend_run(st, &r->waits, was->next,
	    SET_NEW, &info) == -1)
		return STORE_IO;
	if ((e = store_begin_plain(st, 1, &txn)) != STORE_OK)
		return e;
	if ((e = store_runs_load(txn, &m)) != STORE_OK)
		goto bad;
	/* begun anew meanwhile, or ended: then this was for nothing */
	if (m.at != was->at || m.upto != was->upto || m.next != was->next ||
	    !(m.flags & STORE_INDEX_REBUILD))
		goto bad;
	m.at = r->at;
	if (r->waits.n > 0 && store_runs_add(&m, &info) == -1)
		e = STORE_IO;
	if (e == STORE_OK && r->end)
		e = store_rebuild_switch(txn, &m);
	if (e == STORE_OK)
		e = store_runs_save(txn, &m);
	if (e == STORE_OK)
		return store_commit(txn);
bad:
	store_abort(txn);
	return e;
}

int
store_rebuild_step(struct store *st, uint64_t *at, uint64_t *upto)
{
	struct store_manifest	 m;
	struct store_txn	*txn;
	struct rebuild		 r;
	enum store_err		 e;
	int			 n;

	if ((n = store_search_merge(st, 0)) != 0)
		return n;
	if ((n = store_runs_lock(st)) != 1)
		return n == 0 ? 1 : -1;		/* another makes one */
	memset(&r, 0, sizeof(r));
	store_pend_init(&r.waits);
	if ((e = store_begin_plain(st, 0, &txn)) != STORE_OK)
		goto done;
	m.flags = 0;
	if ((e = store_runs_load(txn, &m)) == STORE_OK &&
	    m.flags & STORE_INDEX_REBUILD)
		e = store_config.texts == NULL ? STORE_IO :
		    store_rebuild_read(txn, &m, &r);
	store_abort(txn);
	if (e == STORE_OK && m.flags & STORE_INDEX_REBUILD)
		e = store_rebuild_write(st, &m, &r);
	*at = r.at;
	*upto = m.upto;
done:
	store_pend_free(&r.waits);
	store_runs_unlock(st);
	if (e == STORE_AGAIN)		/* the map grew */
		return 1;
	if (e != STORE_OK) {
		log_warnx("account %s: search index not made: %s",
		    st->account, store_strerror(e));
		return -1;
	}
	return m.flags & STORE_INDEX_REBUILD && !r.end;
}

/* --- housekeeping -------------------------------------------------------- */

int
store_rebuild_due(struct store *st)
{
	struct store_manifest	 m;
	struct store_txn	*txn;
	int			 due = 0;

	if (st->index_bad && store_rebuild_begin(st, 1) != STORE_OK)
		return 0;
	if (store_begin_plain(st, 0, &txn) != STORE_OK)
		return 0;
	if (store_runs_load(txn, &m) == STORE_OK)
		due = (m.flags & STORE_INDEX_REBUILD) != 0;
	store_abort(txn);
	return due && store_config.texts != NULL;
}

/*
 * Layout 1 had its words in an environment of their own, in rows of another
 * form: forget both, and make them again.  In 2 letters with a stroke were
 * no others: that index serves until the new one is there.
 */
enum store_err
store_rebuild_upgrade(struct store *st)
{
	static const char *const files[] = { "data.mdb", "lock.mdb",
	    "r.lock", "w.lock" };
	struct store_key	 all;
	struct store_txn	*txn;
	char			 path[STORE_PATHMAX + 32];
	enum store_err		 e;
	size_t			 i;
	int			 first;

	if ((e = store_begin_plain(st, 1, &txn)) != STORE_OK)
		return e;
	if (txn->layout < 2) {
		store_key_space(&all, 'F');
		if (kv_del_prefix(txn->kv, all.b, all.n) == -1)
			e = store_fail(txn);
		txn->hot[HOT_PENDING] = 0;
		txn->changed = 1;
		if (e == STORE_OK && txn->hot[HOT_MAILS] > 0)
			e = store_rebuild_note(txn, 1);
	} else if (txn->layout < 3) {
		txn->changed = 1;
		if (txn->hot[HOT_MAILS] > 0)
			e = store_rebuild_note(txn, 0);
	}
	if (e != STORE_OK) {
		store_abort(txn);
		return e;
	}
	first = txn->layout < 2;
	if ((e = store_commit(txn)) != STORE_OK)
		return e;
	for (i = 0; first && i < nitems(files); i++) {
		snprintf(path, sizeof(path), "%s/search/%s", st->path,
		    files[i]);
		(void)unlink(path);
	}
	return STORE_OK;
}
