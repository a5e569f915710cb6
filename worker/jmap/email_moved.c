/* SPDX-License-Identifier: ISC */
/*
 * Email/queryChanges (RFC 8620 5.6) of a list in any order, with any filter,
 * of mails or of threads.  Called by email_delta.c.  The log says which mails
 * changed; every place that may depend on one of them is given up and told
 * anew: the mail itself or, where the list asks for threads, all mails of
 * its thread.  So removed may name more than was in the list, as the RFC
 * allows; what the client has in the end is exact.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/jmap/email.h"

struct moved {
	struct jmap_query	*q;
	struct store_changes	 mail, thread;
	struct store_ids	 touched;	/* mails, sorted */
	uint64_t		*tid;		/* threads of any of them */
	size_t			 ntid;
};

static const struct jmap_error *moved_read(struct moved *);
static int	moved_mails(struct moved *);
static int	moved_tids(struct moved *);
static int	moved_tids_of(struct moved *, const uint64_t *, size_t);
static int	moved_threads(struct moved *);
static int	moved_removed(struct moved *);
static int	moved_added(struct moved *);
static int	u64_cmp(const void *, const void *);

const struct jmap_error *
email_moved(struct jmap_query *q)
{
	const struct jmap_error	*e;
	struct email_query	*eq = q->arg;
	struct moved		 m;
	int			 ok;

	memset(&m, 0, sizeof(m));
	m.q = q;
	/* RFC 8620 5.6: upToId counts with immutable properties only */
	if (eq->match.uses != 0 || eq->sq.mailbox != 0 ||
	    eq->match.boxes != 0)
		q->up_to = NULL;
	if ((e = moved_read(&m)) == NULL &&
	    (e = email_query_all(q)) == NULL) {
		ok = q->collapse || eq->match.uses & EMAIL_USES_THREAD ?
		    moved_threads(&m) : moved_mails(&m);
		if (ok == -1 || moved_removed(&m) == -1 ||
		    moved_added(&m) == -1)
			e = jmap_api_lost(q->c);
	}
	store_changes_free(&m.mail);
	store_changes_free(&m.thread);
	store_ids_free(&m.touched);
	free(m.tid);
	return e;
}

const struct jmap_error *
email_moved_threads(struct jmap_query *q, uint64_t **tid, size_t *n)
{
	const struct jmap_error	*e;
	struct moved		 m;

	memset(&m, 0, sizeof(m));
	m.q = q;
	if ((e = moved_read(&m)) == NULL && moved_tids(&m) == -1)
		e = jmap_api_lost(q->c);
	store_changes_free(&m.mail);
	store_changes_free(&m.thread);
	*tid = m.tid;
	*n = m.ntid;
	return e;
}

static const struct jmap_error *
moved_read(struct moved *m)
{
	const struct jmap_error	*e;

	if ((e = jmap_changes_read(m->q->c, STORE_EMAIL, m->q->since, 0,
	    &m->mail)) != NULL || (e = jmap_changes_read(m->q->c,
	    STORE_THREAD, m->q->since, 0, &m->thread)) != NULL)
		return e;
	if (m->mail.ncreated > 0)
		qsort(m->mail.created, m->mail.ncreated,
		    sizeof(*m->mail.created), u64_cmp);
	return NULL;
}

/* A list of mails: those that changed. */
static int
moved_mails(struct moved *m)
{
	const struct store_changes	*ch = &m->mail;
	struct store_ids		*t = &m->touched;

	t->cap = ch->ncreated + ch->nupdated + 1;
	if ((t->v = calloc(t->cap, sizeof(*t->v))) == NULL)
		return -1;
	if (ch->ncreated > 0)
		memcpy(t->v, ch->created, ch->ncreated * sizeof(*t->v));
	if (ch->nupdated > 0)
		memcpy(t->v + ch->ncreated, ch->updated,
		    ch->nupdated * sizeof(*t->v));
	t->n = ch->ncreated + ch->nupdated;
	qsort(t->v, t->n, sizeof(*t->v), u64_cmp);
	return 0;
}

/* A list that looks at threads: every mail of those that have a change. */
static int
moved_threads(struct moved *m)
{
	struct store_txn	*txn = m->q->c->txn;
	size_t			 i;

	if (moved_tids(m) == -1)
		return -1;
	for (i = 0; i < m->ntid; i++) {
		if (i > 0 && m->tid[i] == m->tid[i - 1])
			continue;
		if (jmap_api_store(m->q->c, store_thread_get(txn, m->tid[i],
		    &m->touched)) == -1)
			return -1;
	}
	if (m->touched.n > 0)
		qsort(m->touched.v, m->touched.n, sizeof(*m->touched.v),
		    u64_cmp);
	return 0;
}

/* A mail that came, went or changed threads has its threads in their log;
 * of one that only changed the thread has to be looked up. */
static int
moved_tids(struct moved *m)
{
	const struct store_changes	*t = &m->thread;

	m->tid = calloc(t->ncreated + t->nupdated + m->mail.nupdated + 1,
	    sizeof(*m->tid));
	if (m->tid == NULL)
		return -1;
	if (t->ncreated > 0)
		memcpy(m->tid, t->created, t->ncreated * sizeof(*m->tid));
	if (t->nupdated > 0)
		memcpy(m->tid + t->ncreated, t->updated,
		    t->nupdated * sizeof(*m->tid));
	m->ntid = t->ncreated + t->nupdated;
	if (moved_tids_of(m, m->mail.updated, m->mail.nupdated) == -1)
		return -1;
	qsort(m->tid, m->ntid, sizeof(*m->tid), u64_cmp);
	return 0;
}

static int
moved_tids_of(struct moved *m, const uint64_t *id, size_t n)
{
	struct store_mail	 mail;
	size_t			 i;

	for (i = 0; i < n; i++)
		switch (jmap_api_store(m->q->c, store_mail_get(m->q->c->txn,
		    id[i], &mail))) {
		case 1:
			m->tid[m->ntid++] = mail.tid;
			break;
		case 0:
			break;
		default:
			return -1;
		}
	return 0;
}

/* What is gone, and all that was touched but came only since. */
static int
moved_removed(struct moved *m)
{
	const struct store_changes	*ch = &m->mail;
	struct jmap_query		*q = m->q;
	size_t				 i;

	if (jmap_ids_put(q->c->req, q->type, ch->destroyed, ch->ndestroyed,
	    &q->removed) == -1)
		return -1;
	for (i = 0; i < m->touched.n; i++)
		if ((ch->ncreated == 0 || bsearch(&m->touched.v[i],
		    ch->created, ch->ncreated, sizeof(*ch->created),
		    u64_cmp) == NULL) &&
		    jmap_ids_put(q->c->req, q->type, &m->touched.v[i], 1,
		    &q->removed) == -1)
			return -1;
	return 0;
}

static int
moved_added(struct moved *m)
{
	struct jmap_query		*q = m->q;
	const struct email_query	*eq = q->arg;
	const struct store_ids		*t = &m->touched;
	size_t				 i;

	if (t->n == 0)
		return 0;
	q->added_at = arena_array(&q->c->req->arena,
	    t->n < eq->nids ? t->n : eq->nids + 1, sizeof(*q->added_at));
	if (q->added_at == NULL)
		return -1;
	for (i = 0; i < eq->nids; i++) {
		if (bsearch(&eq->ids[i], t->v, t->n, sizeof(*t->v),
		    u64_cmp) == NULL)
			continue;
		if (jmap_query_added(q, i, eq->ids[i]) == -1)
			return -1;
	}
	return 0;
}

static int
u64_cmp(const void *a, const void *b)
{
	uint64_t	 x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}
