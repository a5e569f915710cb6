/* SPDX-License-Identifier: ISC */
/*
 * The words of a mail in a row, and a run out of many such rows.  At
 * delivery the row is F, in the mail's own transaction, so a mail is found
 * as soon as it is there; when some hundred wait they become a run.  The
 * rebuild makes the same rows, but never writes them.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "worker/store/store_int.h"

#define PEND_VERSION	2
#define PEND_ROWS	512		/* of a run */
#define PEND_BYTES	((size_t)8 << 20)

struct hit {				/* one term of one mail */
	uint32_t	 term;
	uint8_t		 in;
	uint64_t	 eid;
};
struct hits {
	struct hit		*v;
	size_t			 n, cap;
	struct store_terms	 terms;
	struct store_post	*post;		/* grouped by term */
	size_t			*start;		/* each term's, and the end */
	uint32_t		 langs;
};

static void	 store_pend_entry(struct buf *, const struct store_terms *,
		    size_t, const uint8_t *);
static int	 store_pend_hit(struct hits *, const uint8_t *, size_t,
		    uint64_t, uint8_t);
static int	 store_pend_stems(struct hits *, const struct store_entry_f *);
static int	 store_pend_hits(const struct store_waits *, struct hits *);
static int	 store_pend_group(struct hits *);
static int	 store_pend_cmp(const void *, const void *);
static int	 store_pend_write(struct store_runout *, const struct hits *);
static int	 store_pend_take(struct store_txn *, struct store_waits *,
		    uint64_t below);
static int	 store_pend_clear(struct store *, const struct store_waits *,
		    const struct store_runinfo *);

/* --- a row --------------------------------------------------------------- */

/* u8 fields, u8 tag, u8 length, word, u8 stems, each u8 length, bytes. */
static void
store_pend_entry(struct buf *b, const struct store_terms *t, size_t i,
    const uint8_t *langs)
{
	const struct store_term	*v = &t->v[i];
	const uint8_t		*w = t->bytes.data + v->at;
	struct store_stem	 s[2];
	unsigned		 n = 0, k, kept = 0, lang = LANG_NONE;
	size_t			 at;

	if (v->in & STORE_STEMMED)
		lang = langs[v->script];
	if (lang != LANG_NONE)
		n = store_lang_stems(lang, SLICE(w, v->len), SLICE(
		    t->bytes.data + v->wat, v->wlen), s);
	buf_addc(b, v->in);
	buf_addc(b, STORE_TAG(lang));
	buf_addc(b, v->len);
	buf_add(b, w, v->len);
	at = b->len;
	buf_addc(b, 0);
	for (k = 0; k < n; k++) {
		/* a word that is its own stem is found as itself */
		if (s[k].n == v->len && memcmp(s[k].b, w, v->len) == 0 &&
		    store_lang_fixed(lang, w, v->len))
			continue;
		buf_addc(b, s[k].n);
		buf_add(b, s[k].b, s[k].n);
		kept++;
	}
	if (!buf_bad(b))
		b->data[at] = (uint8_t)kept;
}

int
store_pend_row(struct buf *b, const struct store_text *text, size_t n,
    struct slice language)
{
	struct store_terms	 t;
	uint8_t			 langs[SCRIPT_MAX];
	size_t			 i;
	int			 bad = 0;

	store_token_init(&t);
	for (i = 0; i < n; i++)
		bad |= store_token_add(&t, text[i].text, text[i].in, 0) == -1;
	store_stop_vote(&t, store_lang_tag(language.p, language.n), langs);
	buf_addc(b, PEND_VERSION);
	for (i = 0; i < t.n && !bad; i++)
		store_pend_entry(b, &t, i, langs);
	bad |= buf_bad(b) || buf_bad(&t.bytes);
	store_token_free(&t);
	if (bad)
		errno = ENOMEM;
	return bad ? -1 : 0;
}

int
store_pend_open(struct slice v, const uint8_t **p, const uint8_t **end)
{
	*p = v.p;
	*end = *p + v.n;
	return v.n < 1 || *(*p)++ != PEND_VERSION ? -1 : 0;
}

int
store_pend_each(const uint8_t **p, const uint8_t *end,
    struct store_entry_f *e)
{
	const uint8_t	*s;
	unsigned	 i;

	if (end - *p < 4 || end - *p - 4 < (*p)[2])
		return *p == end ? 0 : -1;
	e->in = (*p)[0];
	e->tag = (*p)[1];
	e->len = (*p)[2];
	e->word = *p + 3;
	s = e->word + e->len;
	e->nstem = *s++;
	e->stem = s;
	for (i = 0; i < e->nstem; i++) {
		if (s == end || end - s - 1 < *s)
			return -1;
		s += 1 + *s;
	}
	*p = s;
	return 1;
}

enum store_err
store_search_pend(struct store_txn *txn, uint64_t eid,
    const struct store_text *text, size_t n, struct slice language)
{
	struct store_key	 k;
	struct buf		 b;
	enum store_err		 e = STORE_OK;

	buf_init(&b, SIZE_MAX);
	if (store_pend_row(&b, text, n, language) == -1)
		e = store_fail(txn);
	else {
		store_key_u64(&k, 'F', eid);
		e = store_put(txn, &k, b.data, b.len);
		txn->hot[HOT_PENDING]++;
	}
	buf_free(&b);
	return e;
}

enum store_err
store_search_drop(struct store_txn *txn, uint64_t eid)
{
	struct store_key	 k;
	int			 r;

	store_key_u64(&k, 'F', eid);
	if ((r = kv_del(txn->kv, k.b, k.n)) == -1)
		return store_fail(txn);
	txn->hot[HOT_PENDING] -= (uint64_t)r;
	txn->changed = 1;
	return STORE_OK;
}

/* --- many rows ----------------------------------------------------------- */

void
store_pend_init(struct store_waits *w)
{
	memset(w, 0, sizeof(*w));
	buf_init(&w->bytes, SIZE_MAX);
}

void
store_pend_free(struct store_waits *w)
{
	buf_free(&w->bytes);
	free(w->v);
	memset(w, 0, sizeof(*w));
}

int
store_pend_note(struct store_waits *w, uint64_t eid, size_t at)
{
	struct store_wait	*v;
	size_t			 cap;

	if (w->n == w->cap) {
		cap = w->cap == 0 ? 64 : w->cap * 2;
		if ((v = reallocarray(w->v, cap, sizeof(*v))) == NULL)
			return -1;
		w->v = v;
		w->cap = cap;
	}
	w->v[w->n].eid = eid;
	w->v[w->n].at = at;
	w->v[w->n++].len = w->bytes.len - at;
	return buf_bad(&w->bytes) ? -1 : 0;
}

static int
store_pend_hit(struct hits *h, const uint8_t *term, size_t n, uint64_t eid,
    uint8_t in)
{
	struct hit	*v;
	int64_t		 t;
	size_t		 cap;

	if ((t = store_token_intern(&h->terms, term, n)) == -1)
		return -1;
	if (in == 0)			/* of a stem: no mails */
		return 0;
	if (h->n == h->cap) {
		cap = h->cap == 0 ? 4096 : h->cap * 2;
		if ((v = reallocarray(h->v, cap, sizeof(*v))) == NULL)
			return -1;
		h->v = v;
		h->cap = cap;
	}
	h->v[h->n].term = (uint32_t)t;
	h->v[h->n].in = in;
	h->v[h->n++].eid = eid;
	return 0;
}

/* tag stem 0x00 (0x20 + n) rest */
static int
store_pend_stems(struct hits *h, const struct store_entry_f *e)
{
	const uint8_t	*s = e->stem;
	uint8_t		 b[STORE_RUNTERM], n;
	size_t		 k, len;
	unsigned	 i;

	for (i = 0; i < e->nstem; i++, s += n) {
		n = *s++;
		for (k = 0; k < n && k < e->len && s[k] == e->word[k]; k++)
			;
		if ((len = 3 + (size_t)n + e->len - k) > sizeof(b) ||
		    memchr(s, 0, n) != NULL)
			continue;
		b[0] = e->tag;
		memcpy(b + 1, s, n);
		b[1 + n] = 0;
		b[2 + n] = (uint8_t)(0x20 + k);
		memcpy(b + 3 + n, e->word + k, e->len - k);
		if (store_pend_hit(h, b, len, 0, 0) == -1)
			return -1;
	}
	return 0;
}

/* Every term of what was taken. */
static int
store_pend_hits(const struct store_waits *w, struct hits *h)
{
	static const uint8_t	 all = STORE_ALLDOCS;
	struct store_entry_f	 e;
	const uint8_t		*p, *end;
	uint8_t			 term[STORE_RUNTERM];
	size_t			 i;

	for (i = 0; i < w->n; i++) {
		if (store_pend_hit(h, &all, 1, w->v[i].eid,
		    STORE_IN_BODY) == -1)
			return -1;
		if (store_pend_open(SLICE(w->bytes.data + w->v[i].at,
		    w->v[i].len), &p, &end) == -1)
			continue;
		while (store_pend_each(&p, end, &e) == 1) {
			if (e.len == 0 || e.len > STORE_TERMMAX || e.in == 0 ||
			    e.tag == 0 || e.tag > STORE_LANGS)
				continue;
			memcpy(term, e.word, e.len);
			term[e.len] = e.tag;
			h->langs |= (uint32_t)1 << (e.tag - 1);
			if (store_pend_hit(h, term, e.len + 1U, w->v[i].eid,
			    e.in) == -1 || store_pend_stems(h, &e) == -1)
				return -1;
		}
	}
	return 0;
}

/* Each term's mails together; they stay upward. */
static int
store_pend_group(struct hits *h)
{
	size_t	 i, n, sum = 0;

	h->post = calloc(h->n + 1, sizeof(*h->post));
	h->start = calloc(h->terms.n + 2, sizeof(*h->start));
	if (h->post == NULL || h->start == NULL)
		return -1;
	for (i = 0; i < h->n; i++)
		h->start[h->v[i].term + 1]++;
	for (i = 0; i <= h->terms.n; i++) {
		n = h->start[i];
		h->start[i] = sum += n;
	}
	for (i = 0; i < h->n; i++) {
		n = h->start[h->v[i].term]++;
		h->post[n].eid = h->v[i].eid;
		h->post[n].in = h->v[i].in;
	}
	/* each start is now the next one's */
	memmove(h->start + 1, h->start, h->terms.n * sizeof(*h->start));
	h->start[0] = 0;
	return 0;
}

static const struct store_terms	*ordering;

static int
store_pend_cmp(const void *a, const void *b)
{
	const struct store_term	*x = &ordering->v[*(const uint32_t *)a];
	const struct store_term	*y = &ordering->v[*(const uint32_t *)b];
	const uint8_t		*p = ordering->bytes.data;
	int			 c;

	c = memcmp(p + x->at, p + y->at, x->len < y->len ? x->len : y->len);
	return c != 0 ? c : (int)x->len - (int)y->len;
}

/* Term by term in their order. */
static int
store_pend_write(struct store_runout *o, const struct hits *h)
{
	const struct store_term	*t;
	struct buf		 b;
	uint32_t		*order, x;
	size_t			 i;
	int			 r = 0;

	if ((order = calloc(h->terms.n + 1, sizeof(*order))) == NULL)
		return -1;
	buf_init(&b, UINT32_MAX);
	for (i = 0; i < h->terms.n; i++)
		order[i] = (uint32_t)i;
	ordering = &h->terms;
	qsort(order, h->terms.n, sizeof(*order), store_pend_cmp);
	for (i = 0; i < h->terms.n && r == 0; i++) {
		x = order[i];
		t = &h->terms.v[x];
		buf_reset(&b);
		store_post_pack(&b, h->post + h->start[x],
		    h->start[x + 1] - h->start[x], o->lo);
		r = buf_bad(&b) ? -1 : store_run_put(o, h->terms.bytes.data +
		    t->at, t->len, SLICE(b.data, b.len));
	}
	buf_free(&b);
	free(order);
	return r;
}

int
store_pend_run(struct store *st, const struct store_waits *w, uint32_t id,
    enum store_runset set, struct store_runinfo *info)
{
	struct store_runout	 o;
	struct hits		 h;
	char			 path[STORE_PATHMAX + 32];
	int			 ret = -1;

	memset(info, 0, sizeof(*info));
	memset(&h, 0, sizeof(h));
	store_token_init(&h.terms);
	if (w->n == 0 || store_runs_path(st, id, path, sizeof(path)) == -1 ||
	    store_run_make(&o, path, w->v[0].eid) == -1)
		return -1;
	if (store_pend_hits(w, &h) == 0 && store_pend_group(&h) == 0 &&
	    store_pend_write(&o, &h) == 0) {
		o.hi = w->v[w->n - 1].eid;
		o.docs = (uint32_t)w->n;
		o.langs = h.langs;
		info->id = id;
		info->docs = o.docs;
		info->lo = o.lo;
		info->hi = o.hi;
		info->set = set;
		ret = store_run_done(&o, store_config.sync != KV_OFF,
		    &info->bytes);
		if (ret == 0)
			ret = store_runs_sync(st);
	} else
		store_run_drop(&o);
	store_token_free(&h.terms);
	free(h.v);
	free(h.post);
	free(h.start);
	return ret;
}

/* --- waiting rows into a run --------------------------------------------- */

/* Copy the oldest F rows, of mails below; 0 or -1. */
static int
store_pend_take(struct store_txn *txn, struct store_waits *w, uint64_t below)
{
	struct kv_range		 r;
	struct store_key	 all;
	struct slice		 k, v;
	uint64_t		 eid;
	size_t			 at;
	int			 ok = 1;

	store_key_space(&all, 'F');
	if (store_walk(txn, &r, &all, 0) != STORE_OK)
		return -1;
	while (ok && w->n < PEND_ROWS && w->bytes.len < PEND_BYTES &&
	    store_next(txn, &r, &k, &v) == STORE_OK) {
		eid = k.n == 9 ? store_get64((const uint8_t *)k.p + 1) : 0;
		/* those before and after the rebuild began: a run each */
		if (w->n > 0 && w->v[0].eid < below && eid >= below)
			break;
		at = w->bytes.len;
		ok = k.n == 9 && buf_add(&w->bytes, v.p, v.n) == 0 &&
		    store_pend_note(w, eid, at) == 0;
	}
	kv_done(&r);
	return ok && txn->dead == STORE_OK ? 0 : -1;
}

/* The run counts, and its rows go. */
static int
store_pend_clear(struct store *st, const struct store_waits *w,
    const struct store_runinfo *info)
{
	struct store_manifest	 m;
	struct store_txn	*txn;
	size_t			 i;

	if (store_begin_plain(st, 1, &txn) != STORE_OK)
		return -1;
	if (store_runs_load(txn, &m) != STORE_OK || m.next != info->id ||
	    store_runs_add(&m, info) == -1 ||
	    store_runs_save(txn, &m) != STORE_OK)
		goto bad;
	for (i = 0; i < w->n; i++)
		if (store_search_drop(txn, w->v[i].eid) != STORE_OK)
			goto bad;
	return store_commit(txn) == STORE_OK ? 0 : -1;
bad:
	store_abort(txn);
	return -1;
}

int
store_pend_merge(struct store *st)
{
	struct store_manifest	 m;
	struct store_runinfo	 info;
	struct store_waits	 w;
	struct store_txn	*txn;
	uint64_t		 below;
	int			 ret = -1;

	if (store_begin_plain(st, 0, &txn) != STORE_OK)
		return -1;
	store_pend_init(&w);
	if (store_runs_load(txn, &m) == STORE_OK) {
		below = m.flags & STORE_INDEX_REBUILD ? m.upto : UINT64_MAX;
		ret = store_pend_take(txn, &w, below);
		if (ret == 0 && w.n > 0)
			ret = m.n < STORE_RUNS ? 1 : -1;
	}
	store_abort(txn);
	if (ret == 1)
		ret = store_pend_run(st, &w, m.next, w.v[0].eid < below ?
		    SET_MAIN : SET_FRESH, &info) == 0 &&
		    store_pend_clear(st, &w, &info) == 0 ? 1 : -1;
	store_pend_free(&w);
	return ret;
}
