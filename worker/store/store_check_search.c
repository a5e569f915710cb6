/* SPDX-License-Identifier: ISC */
/*
 * Is every mail in the search index, and is every run of it whole?  Part of
 * store_check.c.  Nothing is mended here: with repair the index is noted to
 * be made again, which store_rebuild.c does while the account is idle.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker/store/store_check.h"

struct seen {				/* a bit for each eid */
	uint8_t		*v;
	uint64_t	 n;
	int		 bad;		/* a run is damaged */
};

static int	 store_check_list_of(struct seen *,
		    const struct store_cursor *);
static int	 store_check_run(struct seen *, struct store_run *);
static enum store_err	 store_check_waits(struct store_checker *,
			    struct seen *);
static enum store_err	 store_check_unseen(struct store_checker *,
			    const struct seen *);

/* The mails of one term: 0, or -1: it is damaged. */
static int
store_check_list_of(struct seen *s, const struct store_cursor *c)
{
	struct store_unpack	 u;
	uint64_t		 last = 0;
	int			 r, first = 1;
	int			 all = c->n == 1 && c->term[0] ==
				    STORE_ALLDOCS;

	store_post_unpack(&u, c->post, c->run->lo);
	while ((r = store_post_next(&u)) == 1) {
		if (u.eid > c->run->hi || (!first && u.eid <= last))
			return -1;
		last = u.eid;
		first = 0;
		if (all && u.eid < s->n)
			s->v[u.eid / 8] |= (uint8_t)(1 << u.eid % 8);
	}
	return r;
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
		if (eid < s->n)
			s->v[eid / 8] |= (uint8_t)(1 << eid % 8);
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
	if ((s.v = calloc((size_t)(s.n / 8 + 1), 1)) == NULL)
		return store_fail(c->txn);
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
	    !s.bad)
		e = store_check_unseen(c, &s);
	if (e == STORE_OK && c->repair && c->n > had)
		e = store_rebuild_note(c->txn, s.bad);
	free(s.v);
	return e;
}
