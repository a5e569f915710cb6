/* SPDX-License-Identifier: ISC */
/*
 * The check behind jmapctl check: see store.h 13.  Reads the whole account
 * in one transaction; with repair it writes in the same one.
 */
#include "common/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/store/store_check.h"

static enum store_err	 store_check_mail(struct store_checker *,
			    struct slice, struct slice);
static enum store_err	 store_check_rows(struct store_checker *,
			    const struct store_mail *);
static enum store_err	 store_check_keep(struct store_checker *,
			    const struct store_mail *);
static enum store_err	 store_check_object(struct store_checker *,
			    struct slice, struct slice);
static enum store_err	 store_check_pending(struct store_checker *,
			    struct slice, struct slice);
static enum store_err	 store_check_name(struct store_checker *,
			    struct slice, struct slice);
static enum store_err	 store_check_log(struct store_checker *,
			    struct slice, struct slice);
static enum store_err	 store_check_share(struct store_checker *,
			    struct slice, struct slice);
static enum store_err	 store_check_brought(struct store_checker *,
			    struct slice, struct slice);
static enum store_err	 store_check_counts(struct store_checker *);
static enum store_err	 store_check_all(struct store_checker *);

static uint64_t		 waiting;	/* F rows, counted */

void
store_check_say(struct store_checker *c, const char *fmt, ...)
{
	char	 line[512];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	c->n++;
	if (c->report != NULL)
		c->report(c->arg, line);
}

enum store_err
store_check_fix(struct store_checker *c, const struct store_key *k,
    const void *p, size_t n)
{
	if (!c->repair)
		return STORE_OK;
	return n > 0 ? store_put(c->txn, k, p, n) : store_del(c->txn, k);
}

enum store_err
store_check_each(struct store_checker *c, int space, store_check_fn *fn)
{
	struct store_key	 all;
	struct kv_range		 r;
	struct slice		 k, v;
	uint8_t			 copy[KV_KEYMAX];
	enum store_err		 e;

	store_key_space(&all, space);
	if ((e = store_walk(c->txn, &r, &all, 0)) != STORE_OK)
		return e;
	while ((e = store_next(c->txn, &r, &k, &v)) == STORE_OK) {
		memcpy(copy, k.p, k.n);		/* fn may write */
		if ((e = fn(c, SLICE(copy, k.n), v)) != STORE_OK)
			break;
	}
	kv_done(&r);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

/* --- mails --------------------------------------------------------------- */

/* One S row, and all that should follow from it. */
static enum store_err
store_check_mail(struct store_checker *c, struct slice k, struct slice v)
{
	struct store_mail	 m;
	enum store_err		 e;
	size_t			 i;

	if (store_row_state(k, v, &m) == -1) {
		store_check_say(c, "mail state: damaged row");
		return STORE_OK;
	}
	c->mails++;
	c->bytes += m.size;
	if (STORE_EID(m.id) > c->last)
		c->last = STORE_EID(m.id);
	for (i = 0; i < m.nmailbox; i++)
		if (store_mailbox_find(&c->txn->box,
		    store_mail_mailbox(&m, i)) == -1)
			store_check_say(c, "mail %llu: in unknown mailbox %u",
			    (unsigned long long)STORE_EID(m.id),
			    store_mail_mailbox(&m, i));
	if ((e = store_check_rows(c, &m)) != STORE_OK ||
	    (e = store_check_keep(c, &m)) != STORE_OK)
		return e;
	return store_check_lists(c, &m);
}

/* Are its immutable rows there, and whole? */
static enum store_err
store_check_rows(struct store_checker *c, const struct store_mail *m)
{
	static const char	 spaces[] = "EeP";
	struct store_key	 k;
	struct slice		 v;
	enum store_err		 e;
	const char		*s;

	for (s = spaces; *s != '\0'; s++) {
		store_key_u64(&k, *s, STORE_EID(m->id));
		e = store_get(c->txn, &k, &v);
		if (e == STORE_NOTFOUND && *s == 'e')
			continue;	/* only a long list row has one */
		if (e != STORE_OK && e != STORE_NOTFOUND)
			return e;
		if (e == STORE_NOTFOUND || store_row_check(v) == -1)
			store_check_say(c, "mail %llu: row %c %s",
			    (unsigned long long)STORE_EID(m->id), *s,
			    e == STORE_OK ? "damaged" : "missing");
	}
	return STORE_OK;
}

/* Note its blob and references for later. */
static enum store_err
store_check_keep(struct store_checker *c, const struct store_mail *m)
{
	struct store_key	 k;
	struct store_refs	 refs;
	struct slice		 v;
	size_t			 i;

	store_key_u64(&k, 'E', STORE_EID(m->id));
	if (store_get(c->txn, &k, &v) == STORE_OK && v.n > 2 + STORE_HASHLEN)
		buf_add(&c->blobs, (const uint8_t *)v.p + 2, STORE_HASHLEN);
	store_key_u64(&k, 'P', STORE_EID(m->id));
	if (store_get(c->txn, &k, &v) == STORE_OK &&
	    store_row_check(v) == 0 &&
	    store_row_refs(c->txn, STORE_EID(m->id), &refs) == STORE_OK)
		for (i = 0; i < refs.n; i++) {
			buf_be64(&c->refs, refs.h[i]);
			buf_be32(&c->refs, refs.subject);
			buf_be64(&c->refs, m->tid);
		}
	if (buf_bad(&c->blobs) || buf_bad(&c->refs))
		return store_fail(c->txn);
	return c->txn->dead;
}

/* The blobs that an object keeps alive. */
static enum store_err
store_check_object(struct store_checker *c, struct slice k, struct slice v)
{
	const uint8_t	*hash;
	size_t		 n;

	hash = store_object_blobs(v, &n);
	if (k.n != 10 || (hash == NULL && v.n > 0 &&
	    *(const uint8_t *)v.p == STORE_OBJECT_BLOBS))
		store_check_say(c, "object: damaged row");
	if (n > 0 && buf_add(&c->blobs, hash, n * STORE_HASHLEN) == -1)
		return store_fail(c->txn);
	return STORE_OK;
}

/* --- the rest ------------------------------------------------------------ */

static enum store_err
store_check_pending(struct store_checker *c, struct slice k, struct slice v)
{
	struct store_key	 key, s;

	memcpy(key.b, k.p, key.n = k.n < 9 ? k.n : 9);
	store_key_u64(&s, 'S', store_get64(key.b + 1));
	if (k.n == 9 && store_get(c->txn, &s, &v) == STORE_OK) {
		waiting++;
		return STORE_OK;
	}
	store_check_say(c, "search: a record of no mail");
	return store_check_fix(c, &key, NULL, 0);
}

static enum store_err
store_check_name(struct store_checker *c, struct slice k, struct slice v)
{
	uint32_t	 slot;
	int		 i;

	slot = k.n == 5 ? store_get32((const uint8_t *)k.p + 1) : UINT32_MAX;
	if (v.n > STORE_KW_MAXLEN)
		v.n = 0;
	i = store_keyword_row(c->txn, v.p, v.n);
	if (slot >= c->txn->hot[HOT_SLOTS] || i != (int)slot)
		store_check_say(c, "keywords: slot %u is not what its name "
		    "says (%d)", slot, i);
	return c->txn->dead;
}

static enum store_err
store_check_log(struct store_checker *c, struct slice k, struct slice v)
{
	uint64_t	 ms;

	ms = k.n == 9 ? store_get64((const uint8_t *)k.p + 1) : 0;
	if (ms == 0 || ms > c->txn->hot[HOT_MODSEQ] || v.n < 12)
		store_check_say(c, "log: bad row %llu",
		    (unsigned long long)ms);
	return STORE_OK;
}

/* A share is of a mailbox that is there, with rights that we know. */
static enum store_err
store_check_share(struct store_checker *c, struct slice k, struct slice v)
{
	struct store_share	 s;
	struct store_key	 key;
	uint64_t		 since;

	if (store_share_decode(k, v, &s, &since) == 0 &&
	    since <= c->txn->hot[HOT_MODSEQ] && (s.mailbox == 0 ||
	    store_mailbox_find(&c->txn->box, s.mailbox) != -1))
		return STORE_OK;
	store_check_say(c, "share: damaged, or of an unknown mailbox");
	memcpy(key.b, k.p, key.n = k.n < sizeof(key.b) ? k.n : sizeof(key.b));
	return store_check_fix(c, &key, NULL, 0);
}

/* Who brought a blob is kept as long as the blob. */
static enum store_err
store_check_brought(struct store_checker *c, struct slice k, struct slice v)
{
	struct store_key	 key, blob;

	memcpy(key.b, k.p, key.n = k.n < sizeof(key.b) ? k.n : sizeof(key.b));
	if (key.n == 9 + STORE_HASHLEN) {
		store_key_blob(&blob, 'G', key.b + 1);
		if (store_get(c->txn, &blob, &v) == STORE_OK)
			return STORE_OK;
	}
	store_check_say(c, "share: who put a blob that is not there");
	return store_check_fix(c, &key, NULL, 0);
}

/* Mailboxes' counters, anew from the threads. */
static enum store_err
store_check_counts(struct store_checker *c)
{
	struct store_boxes	*b = &c->txn->box;
	struct store_mailbox	*m, *was;
	uint64_t		 threads, said = c->txn->hot[HOT_THREADS];
	enum store_err		 e;
	size_t			 i;

	if ((e = store_check_heads(c)) != STORE_OK ||
	    (e = store_count_all(c->txn, 0)) != STORE_OK)
		return e;
	for (i = 0; i < b->n; i++) {
		m = &b->v[i];
		was = &b->old[i];
		if (m->total != was->total || m->unread != was->unread ||
		    m->threads != was->threads ||
		    m->unread_threads != was->unread_threads)
			store_check_say(c, "mailbox %u: counts %u %u %u %u "
			    "should be %u %u %u %u (emails, unread, threads, "
			    "unread)", m->id, was->total, was->unread,
			    was->threads, was->unread_threads, m->total,
			    m->unread, m->threads, m->unread_threads);
	}
	threads = c->txn->hot[HOT_THREADS];
	c->txn->hot[HOT_THREADS] = said;
	store_check_hot(c, "threads", HOT_THREADS, threads);
	return STORE_OK;
}

void
store_check_hot(struct store_checker *c, const char *what, enum store_hot i,
    uint64_t should)
{
	uint64_t	 is = c->txn->hot[i];

	if (is == should)
		return;
	store_check_say(c, "%s: %llu should be %llu", what,
	    (unsigned long long)is, (unsigned long long)should);
	c->txn->hot[i] = should;
}

static enum store_err
store_check_all(struct store_checker *c)
{
	enum store_err	 e;

	waiting = 0;
	if ((e = store_mailbox_load(c->txn)) != STORE_OK ||
	    (e = store_check_each(c, 'S', store_check_mail)) != STORE_OK ||
	    (e = store_check_strays(c)) != STORE_OK ||
	    (e = store_check_refs(c)) != STORE_OK ||
	    (e = store_check_each(c, 'O', store_check_object)) != STORE_OK ||
	    (e = store_check_blobs(c)) != STORE_OK ||
	    (e = store_check_each(c, 'F', store_check_pending)) != STORE_OK ||
	    (e = store_check_search(c)) != STORE_OK ||
	    (e = store_check_each(c, 'd', store_check_name)) != STORE_OK ||
	    (e = store_check_each(c, 'L', store_check_log)) != STORE_OK ||
	    (e = store_check_each(c, 'a', store_check_share)) != STORE_OK ||
	    (e = store_check_each(c, 'Y', store_check_brought)) != STORE_OK ||
	    (e = store_check_counts(c)) != STORE_OK)
		return e;
	store_check_hot(c, "mails", HOT_MAILS, c->mails);
	store_check_hot(c, "bytes", HOT_BYTES, c->bytes);
	store_check_hot(c, "search records", HOT_PENDING, waiting);
	if (c->last >= c->txn->hot[HOT_EID])
		store_check_hot(c, "next mail", HOT_EID, c->last + 1);
	return STORE_OK;
}

int64_t
store_check(struct store *st, int repair, store_report *report, void *arg)
{
	struct store_checker	 c;
	enum store_err		 e;

	memset(&c, 0, sizeof(c));
	c.repair = repair;
	c.report = report;
	c.arg = arg;
	buf_init(&c.blobs, SIZE_MAX);
	buf_init(&c.refs, SIZE_MAX);
	if (store_begin(st, repair, &c.txn) != STORE_OK)
		return -1;
	e = store_check_all(&c);
	buf_free(&c.blobs);
	buf_free(&c.refs);
	if (e != STORE_OK || !repair || c.n == 0)
		store_abort(c.txn);
	else {
		c.txn->changed = 1;	/* counters are no rows yet */
		e = store_commit(c.txn);
	}
	return e == STORE_OK ? c.n : -1;
}
