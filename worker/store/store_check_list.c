/* SPDX-License-Identifier: ISC */
/*
 * Are a mail's rows in M, K and T what its state says, and is there none
 * that no mail's state says?
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/store/store_check.h"

static struct store_head	 head;		/* of the thread going by */

static enum store_err	 store_check_head(struct store_checker *);
static enum store_err	 store_check_trow_head(struct store_checker *,
			    struct slice, struct slice);
static enum store_err	 store_check_stray_head(struct store_checker *,
			    struct slice, struct slice);
static enum store_err	 store_check_entry(struct store_checker *,
			    const struct store_mail *, struct store_key *,
			    const char *);
static enum store_err	 store_check_trow(struct store_checker *,
			    const struct store_mail *);
static enum store_err	 store_check_slots(struct store_checker *,
			    const struct store_mail *);
static enum store_err	 store_check_state(struct store_checker *, uint64_t,
			    struct store_mail *);
static enum store_err	 store_check_stray(struct store_checker *,
			    struct slice, struct slice);
static enum store_err	 store_check_tomb(struct store_checker *,
			    struct slice, struct slice);
static enum store_err	 store_check_stray_thread(struct store_checker *,
			    struct slice, struct slice);

/* A row of M or K: there, and with the right value? */
static enum store_err
store_check_entry(struct store_checker *c, const struct store_mail *m,
    struct store_key *k, const char *what)
{
	struct store_entry	 is;
	struct slice		 v;
	uint8_t			 b[STORE_ENTRYLEN];
	enum store_err		 e;
	int			 have;

	if ((e = store_get(c->txn, k, &v)) != STORE_OK && e != STORE_NOTFOUND)
		return e;
	have = e == STORE_OK && store_key_entry_get(v, &is) == 0;
	if (have && is.kw == m->kw && is.tid == m->tid &&
	    is.modseq == m->modseq && is.gen == STORE_GEN(m->id))
		return STORE_OK;
	store_check_say(c, "mail %llu: %s row %s",
	    (unsigned long long)STORE_EID(m->id), what,
	    have ? "differs" : "missing");
	if (!have)
		is.added = m->created;
	is.kw = m->kw;
	is.tid = m->tid;
	is.modseq = m->modseq;
	is.gen = (uint16_t)STORE_GEN(m->id);
	store_key_entry(&is, b);
	return store_check_fix(c, k, b, sizeof(b));
}

static enum store_err
store_check_trow(struct store_checker *c, const struct store_mail *m)
{
	struct store_key	 k;
	struct store_trow	 row;
	struct slice		 v;
	uint8_t			 b[10 + 4 * STORE_MAXBOXES], *p;
	enum store_err		 e;
	size_t			 i;

	p = store_put64(store_put16(b, (uint16_t)STORE_GEN(m->id)), m->kw);
	for (i = 0; i < m->nmailbox; i++)
		p = store_put32(p, store_mail_mailbox(m, i));
	row.received = m->received;
	store_key_thread(&k, m->tid, row.received, STORE_EID(m->id));
	if ((e = store_get(c->txn, &k, &v)) != STORE_OK && e != STORE_NOTFOUND)
		return e;
	if (e == STORE_OK && v.n == (size_t)(p - b) && memcmp(v.p, b, v.n) == 0)
		return STORE_OK;
	store_check_say(c, "mail %llu: thread row %s",
	    (unsigned long long)STORE_EID(m->id),
	    e == STORE_OK ? "differs" : "missing");
	return store_check_fix(c, &k, b, (size_t)(p - b));
}

static enum store_err
store_check_slots(struct store_checker *c, const struct store_mail *m)
{
	struct store_key	 k;
	uint64_t		 kw = m->kw ^ STORE_BIT(STORE_KW_SEEN);
	enum store_err		 e;
	unsigned		 slot;
	size_t			 i;

	for (slot = 0; kw != 0; slot++, kw >>= 1) {
		store_key_keyword(&k, slot, m->received, STORE_EID(m->id));
		if (kw & 1 && (e = store_check_entry(c, m, &k, "keyword")) !=
		    STORE_OK)
			return e;
	}
	for (i = 0; i < m->nmore; i++) {
		store_key_keyword(&k, store_mail_more(m, i), m->received,
		    STORE_EID(m->id));
		if ((e = store_check_entry(c, m, &k, "keyword")) != STORE_OK)
			return e;
	}
	return STORE_OK;
}

enum store_err
store_check_lists(struct store_checker *c, const struct store_mail *in)
{
	static uint8_t		 bytes[8 * STORE_MAXBOXES + 2 * STORE_KW_MAX];
	struct store_mail	 m = *in;
	struct store_key	 k;
	enum store_err		 e;
	size_t			 i, n = 8 * m.nmailbox + 2 * m.nmore;

	memcpy(bytes, m.mailboxes, n);	/* repairs move the row below us */
	m.mailboxes = bytes;
	m.more = bytes + 8 * m.nmailbox;
	store_key_list(&k, 'M', 0, m.received, STORE_EID(m.id));
	if ((e = store_check_entry(c, &m, &k, "all mail")) != STORE_OK)
		return e;
	for (i = 0; i < m.nmailbox; i++) {
		store_key_list(&k, 'M', store_mail_mailbox(&m, i), m.received,
		    STORE_EID(m.id));
		if ((e = store_check_entry(c, &m, &k, "mailbox")) != STORE_OK)
			return e;
	}
	if ((e = store_check_slots(c, &m)) != STORE_OK)
		return e;
	return store_check_trow(c, &m);
}

/* A mail's state; STORE_CORRUPT, told already, is no end of the check. */
static enum store_err
store_check_state(struct store_checker *c, uint64_t eid, struct store_mail *m)
{
	struct store_key	 k;
	struct slice		 v;
	enum store_err		 e;

	store_key_u64(&k, 'S', eid);
	if ((e = store_get(c->txn, &k, &v)) != STORE_OK)
		return e;
	return store_row_state(SLICE(k.b, k.n), v, m) == 0 ? STORE_OK :
	    STORE_CORRUPT;
}

/* An M or K row whose mail does not say so. */
static enum store_err
store_check_stray(struct store_checker *c, struct slice k, struct slice v)
{
	const uint8_t		*p = k.p;
	struct store_mail	 m;
	struct store_key	 key;
	uint64_t		 eid = 0;
	int64_t			 received = 0;
	enum store_err		 e = STORE_NOTFOUND;
	int			 list = p[0] == 'M', ok = 0;
	unsigned		 slot;

	(void)v;
	if (store_key_place(k, &received, &eid) == 0 &&
	    (e = store_check_state(c, eid, &m)) == STORE_OK &&
	    m.received == received) {
		slot = store_get16(p + 1);
		if (list)
			ok = store_get32(p + 1) == 0 ||
			    store_mail_in(&m, store_get32(p + 1));
		else
			ok = store_mail_has(&m, (int)slot) ==
			    (slot != STORE_SLOT_UNSEEN);
	}
	if (ok || e == STORE_CORRUPT)
		return STORE_OK;
	if (e != STORE_OK && e != STORE_NOTFOUND)
		return e;
	store_check_say(c, "%s row of mail %llu: stray",
	    list ? "mailbox" : "keyword", (unsigned long long)eid);
	memcpy(key.b, p, key.n = k.n < sizeof(key.b) ? k.n : sizeof(key.b));
	return store_check_fix(c, &key, NULL, 0);
}

static enum store_err
store_check_stray_thread(struct store_checker *c, struct slice k,
    struct slice v)
{
	struct store_mail	 m;
	struct store_trow	 row;
	struct store_key	 key;
	uint64_t		 tid = 0;
	enum store_err		 e = STORE_NOTFOUND;

	row.eid = 0;
	if (store_thread_decode(k, v, &row, &tid) == 0 &&
	    (e = store_check_state(c, row.eid, &m)) == STORE_OK &&
	    m.tid == tid && m.received == row.received)
		return STORE_OK;
	if (e == STORE_CORRUPT)
		return STORE_OK;
	if (e != STORE_OK && e != STORE_NOTFOUND)
		return e;
	store_check_say(c, "thread row of mail %llu: stray",
	    (unsigned long long)row.eid);
	memcpy(key.b, k.p, key.n = k.n < sizeof(key.b) ? k.n : sizeof(key.b));
	return store_check_fix(c, &key, NULL, 0);
}

/* What a thread's head should say, as its rows went by; write or tell. */
static enum store_err
store_check_head(struct store_checker *c)
{
	struct store_key	 k;
	struct slice		 v;
	uint8_t			*b;
	enum store_err		 e;
	size_t			 len;
	int			 same;

	if (head.n == 0)
		return STORE_OK;
	if ((b = store_count_pack(&head, &len)) == NULL)
		return store_fail(c->txn);
	store_key_u64(&k, 'H', head.tid);
	e = store_get(c->txn, &k, &v);
	same = e == STORE_OK && v.n == len && memcmp(v.p, b, len) == 0;
	if (!same && (e == STORE_OK || e == STORE_NOTFOUND)) {
		store_check_say(c, "thread %llu: head %s",
		    (unsigned long long)head.tid,
		    e == STORE_OK ? "differs" : "missing");
		e = store_check_fix(c, &k, b, len);
	}
	free(b);
	store_count_free(&head);
	return e;
}

static enum store_err
store_check_trow_head(struct store_checker *c, struct slice k, struct slice v)
{
	struct store_trow	 row;
	uint64_t		 tid;
	enum store_err		 e;

	if (store_thread_decode(k, v, &row, &tid) == -1)
		return STORE_OK;
	if (tid != head.tid && (e = store_check_head(c)) != STORE_OK)
		return e;
	head.tid = tid;
	/* counts in the mailboxes, too: store_check_counts begins anew */
	return store_count_mail(c->txn, &head, &row, 1);
}

static enum store_err
store_check_stray_head(struct store_checker *c, struct slice k, struct slice v)
{
	struct store_key	 key;
	struct slice		 t;
	uint64_t		 tid;
	int			 r;

	tid = k.n == 9 ? store_get64((const uint8_t *)k.p + 1) : 0;
	store_key_u64(&key, 'T', tid);
	if ((r = kv_after(c->txn->kv, key.b, key.n, &t, &v)) == -1)
		return store_fail(c->txn);
	if (k.n == 9 && r == 1 && t.n > key.n &&
	    memcmp(t.p, key.b, key.n) == 0)
		return STORE_OK;
	store_check_say(c, "thread %llu: head is stray",
	    (unsigned long long)tid);
	memcpy(key.b, k.p, key.n = k.n < sizeof(key.b) ? k.n : sizeof(key.b));
	return store_check_fix(c, &key, NULL, 0);
}

enum store_err
store_check_heads(struct store_checker *c)
{
	enum store_err	 e;

	memset(&head, 0, sizeof(head));
	if ((e = store_check_each(c, 'T', store_check_trow_head)) ==
	    STORE_OK && (e = store_check_head(c)) == STORE_OK)
		e = store_check_each(c, 'H', store_check_stray_head);
	store_count_free(&head);
	return e;
}

/* A tombstone outlives the log by nothing. */
static enum store_err
store_check_tomb(struct store_checker *c, struct slice k, struct slice v)
{
	struct store_key	 key;
	struct store_entry	 e;
	uint64_t		 removed = 0;

	if (k.n == 27)
		removed = store_get64((const uint8_t *)k.p + 19);
	if (removed > c->txn->hot[HOT_LOWWATER] &&
	    removed <= c->txn->hot[HOT_MODSEQ] &&
	    store_key_entry_get(v, &e) == 0)
		return STORE_OK;
	store_check_say(c, "tombstone of %llu: stray",
	    (unsigned long long)removed);
	memcpy(key.b, k.p, key.n = k.n < sizeof(key.b) ? k.n : sizeof(key.b));
	return store_check_fix(c, &key, NULL, 0);
}

enum store_err
store_check_strays(struct store_checker *c)
{
	enum store_err	 e;

	if ((e = store_check_each(c, 'M', store_check_stray)) != STORE_OK ||
	    (e = store_check_each(c, 'K', store_check_stray)) != STORE_OK)
		return e;
	if ((e = store_check_each(c, 'm', store_check_tomb)) != STORE_OK)
		return e;
	return store_check_each(c, 'T', store_check_stray_thread);
}
