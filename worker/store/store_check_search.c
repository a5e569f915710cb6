/* SPDX-License-Identifier: ISC */
/*
 * Is every mail in the search index, is every run of it whole, and are a
 * mail's words there those of its text?  Part of store_check.c.
 *
 * The last is asked of some hundred mails, evenly chosen, because all of
 * them would take as long as indexing did, and this holds a worker.  Of a
 * mail's words in the index a sum is made while the runs are read.  Nothing
 * is mended here: with repair the index is noted to be made again, which
 * store_rebuild.c does while the account is idle.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker/store/store_check.h"

#define SAMPLE		500		/* mails whose text is read */
#define SAMPLE_BYTES	(4U << 20)	/* .. but not of such a size */
#define SUMS_MAX	(4U << 20)	/* eids: 8 bytes each */

struct seen {				/* a bit for each eid */
	uint8_t		*v;
	uint64_t	 n;
	uint64_t	*sum;		/* of its words, or NULL */
	int		 bad;		/* a run is damaged */
};

static int	 store_check_list_of(struct seen *,
		    const struct store_cursor *);
static int	 store_check_run(struct seen *, struct store_run *);
static uint64_t	 store_check_mix(uint64_t, unsigned in);
static uint64_t	 store_check_row_sum(struct slice);
static int	 store_check_texts(void *, const struct store_text *, size_t,
		    struct slice);
static enum store_err	 store_check_words(struct store_checker *,
			    const struct seen *);
static enum store_err	 store_check_sample(struct store_checker *,
			    const struct seen *, uint64_t eid);
static enum store_err	 store_check_waits(struct store_checker *,
			    struct seen *);
static enum store_err	 store_check_unseen(struct store_checker *,
			    const struct seen *);

/* The mails of one term: 0, or -1: it is damaged. */
static int
store_check_list_of(struct seen *s, const struct store_cursor *c)
{
	struct store_unpack	 u;
	uint64_t		 last = 0, hash;
	int			 r, first = 1;
	int			 all = c->n == 1 && c->term[0] ==
				    STORE_ALLDOCS;

	hash = store_key_hash(c->term, c->n);
	store_post_unpack(&u, c->post, c->run->lo);
	while ((r = store_post_next(&u)) == 1) {
		if (u.eid > c->run->hi || (!first && u.eid <= last))
			return -1;
		last = u.eid;
		first = 0;
		if (u.eid >= s->n)
			continue;
		if (all)
			s->v[u.eid / 8] |= (uint8_t)(1 << u.eid % 8);
		else if (s->sum != NULL)
			s->sum[u.eid] += store_check_mix(hash, u.in);
	}
	return r;
}

static uint64_t
store_check_mix(uint64_t hash, unsigned in)
{
	hash = (hash ^ in) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* The same of the words of a row. */
static uint64_t
store_check_row_sum(struct slice row)
{
	struct store_entry_f	 e;
	const uint8_t		*p, *end;
	uint8_t			 term[STORE_TERMMAX + 1];
	uint64_t		 sum = 0;

	if (store_pend_open(row, &p, &end) == -1)
		return 0;
	while (store_pend_each(&p, end, &e) == 1) {
		if (e.len == 0 || e.len > STORE_TERMMAX || e.in == 0)
			continue;
		memcpy(term, e.word, e.len);
		term[e.len] = e.tag;
		sum += store_check_mix(store_key_hash(term, e.len + 1U),
		    e.in);
	}
	return sum;
}

static int
store_check_texts(void *arg, const struct store_text *text, size_t n,
    struct slice language)
{
	return store_pend_row(arg, text, n, language);
}

/* A mail's text, cut into words again. */
static enum store_err
store_check_sample(struct store_checker *c, const struct seen *s,
    uint64_t eid)
{
	struct store_mail	 mail;
	struct store_row	 row;
	struct buf		 raw, words;
	enum store_err		 e;

	if ((e = store_mail_eid(c->txn, eid, &mail)) != STORE_OK ||
	    (e = store_mail_row(c->txn, &mail, &row)) != STORE_OK)
		return e == STORE_NOTFOUND ? STORE_OK : e;
	if (mail.size > SAMPLE_BYTES)
		return STORE_OK;
	buf_init(&raw, SAMPLE_BYTES + 1);
	buf_init(&words, SIZE_MAX);
	if (store_blob_get(c->txn, row.blob, 0, UINT64_MAX, &raw) ==
	    STORE_OK && store_config.texts(raw.data, raw.len,
	    store_check_texts, &words) == 0 &&
	    store_check_row_sum(SLICE(words.data, words.len)) != s->sum[eid])
		store_check_say(c, "mail %llu: words in the search index are "
		    "not those of its text", (unsigned long long)eid);
	buf_free(&raw);
	buf_free(&words);
	return c->txn->dead;
}

static enum store_err
store_check_words(struct store_checker *c, const struct seen *s)
{
	struct store_key	 k;
	struct slice		 key, v;
	uint64_t		 eid, step = s->n / SAMPLE + 1;
	enum store_err		 e = STORE_OK;
	int			 n;

	if (s->sum == NULL || store_config.texts == NULL)
		return STORE_OK;
	for (eid = 0; eid < s->n && e == STORE_OK; eid += step) {
		store_key_u64(&k, 'S', eid);
		if ((n = kv_after(c->txn->kv, k.b, k.n, &key, &v)) == -1)
			return store_fail(c->txn);
		if (n == 0 || key.n != 9 || *(const uint8_t *)key.p != 'S')
			break;
		eid = store_get64((const uint8_t *)key.p + 1);
		if (eid < s->n && (s->v[eid / 8] & 1 << eid % 8))
			e = store_check_sample(c, s, eid);
	}
	return e;
}

static int
store_check_run(struct seen *s, struct store_run *run)
{
	struct store_cursor	 c;
	uint8_t			 last[STORE_RUNTERM];
	size_t			 n, nlast = 0;
	int			 r, d;

	memset(run->checked, 0, run->nblock / 8 + 1);	/* of the disk, now */
	for (r = store_run_seek(&c, run, "", 0); r == 1;
	    r = store_run_next(&c)) {
		n = c.n < nlast ? c.n : nlast;
		d = memcmp(last, c.term, n);
		errno = EPROTO;
		if (d > 0 || (d == 0 && c.n <= nlast) ||
		    store_check_list_of(s, &c) == -1)
			return -1;
		memcpy(last, c.term, nlast = c.n);
	}
	return r;
}

static enum store_err
store_check_waits(struct store_checker *c, struct seen *s)
{
	struct store_key	 all;
	struct kv_range		 r;
	struct slice		 k, v;
	uint64_t		 eid;
	enum store_err		 e;

	store_key_space(&all, 'F');
	if ((e = store_walk(c->txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(c->txn, &r, &k, &v)) == STORE_OK) {
		eid = k.n == 9 ? store_get64((const uint8_t *)k.p + 1) : 0;
		if (eid >= s->n)
			continue;
		s->v[eid / 8] |= (uint8_t)(1 << eid % 8);
		if (s->sum != NULL)
			s->sum[eid] += store_check_row_sum(v);
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

static enum store_err
store_check_unseen(struct store_checker *c, const struct seen *s)
{
	struct store_key	 all;
	struct kv_range		 r;
	struct slice		 k, v;
	uint64_t		 eid;
	enum store_err		 e;

	store_key_space(&all, 'S');
	if ((e = store_walk(c->txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(c->txn, &r, &k, &v)) == STORE_OK) {
		eid = k.n == 9 ? store_get64((const uint8_t *)k.p + 1) : 0;
		if (eid < s->n && !(s->v[eid / 8] & 1 << eid % 8))
			store_check_say(c, "mail %llu: not in the search "
			    "index", (unsigned long long)eid);
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

enum store_err
store_check_search(struct store_checker *c)
{
	struct store		*st = c->txn->st;
	struct store_manifest	 m;
	struct store_run	*run;
	struct seen		 s;
	enum store_err		 e;
	int64_t			 had = c->n;
	size_t			 i;

	if ((e = store_runs_load(c->txn, &m)) != STORE_OK)
		return e;
	if (!(m.flags & STORE_INDEX_WHOLE))
		return STORE_OK;	/* it is being made */
	s.n = c->txn->hot[HOT_EID];
	s.bad = 0;
	s.sum = NULL;
	if ((s.v = calloc((size_t)(s.n / 8 + 1), 1)) == NULL)
		return store_fail(c->txn);
	if (s.n < SUMS_MAX)		/* else without */
		s.sum = calloc((size_t)s.n + 1, sizeof(*s.sum));
	store_runs_forget(st, &m);
	for (i = 0; i < m.n; i++) {
		if (m.v[i].set == SET_NEW)
			continue;
		run = store_runs_get(st, m.v[i].id);
		if (run != NULL && store_check_run(&s, run) == 0)
			continue;
		if (errno != ENOENT && errno != EPROTO)
			e = store_fail(c->txn);
		s.bad = 1;
		store_check_say(c, "search run %08x: %s", m.v[i].id,
		    errno == ENOENT ? "missing" : "damaged");
	}
	if (e == STORE_OK && (e = store_check_waits(c, &s)) == STORE_OK &&
	    !s.bad && (e = store_check_unseen(c, &s)) == STORE_OK &&
	    /* what it is to be replaced for is no difference */
	    !(m.flags & STORE_INDEX_REBUILD))
		e = store_check_words(c, &s);
	if (e == STORE_OK && c->repair && c->n > had)
		e = store_rebuild_note(c->txn, s.bad);
	free(s.v);
	free(s.sum);
	return e;
}
