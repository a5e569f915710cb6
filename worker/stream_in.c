/* SPDX-License-Identifier: ISC */
/*
 * Import: mails from jmapctl into the store, many in one commit.  Called by
 * proc.c with messages of a stream; between two batches the event loop turns,
 * so that other clients are served.
 *
 * The keys of the mails of one commit are one row of type STREAM_KEYS in the
 * account: a version byte, then 8 bytes each.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/cur.h"
#include "common/log.h"
#include "worker/jmap/email_row.h"
#include "worker/mime/mime.h"
#include "worker/stream_int.h"

/* A type of our own among the "other objects" of store.h. */
#define STREAM_KEYS	((enum store_type)(STORE_TYPES - 1))
#define KEYS_VERSION	1
#define IN_KEYWORDS	STORE_KW_MAX
#define IN_TRIES	8	/* STORE_AGAIN so often is no accident */

static proc_fn		in_box, in_mail, in_data, in_sync;
static void		in_free(struct stream_mail *);
static int		in_complete(struct stream *);
static int		in_commit(struct stream *);
static enum store_err	in_once(struct stream *, struct store *);
static enum store_err	in_add(struct stream *, struct store_txn *,
			    struct stream_mail *);
static size_t		in_keywords(const struct stream_mail *,
			    struct slice *);
static enum store_err	in_keys(struct stream *, struct store_txn *);
static enum store_err	in_load(struct stream *, struct store_txn *);
static int		in_load_row(struct stream *, struct slice);
static int		in_key_cmp(const void *, const void *);
static void		in_refuse(struct stream *, const struct stream_mail *,
			    const char *);

proc_fn *const	stream_in[MSG_MAX] = {
	[MSG_ST_BOX]	= in_box,
	[MSG_ST_MAIL]	= in_mail,
	[MSG_ST_DATA]	= in_data,
	[MSG_ST_SYNC]	= in_sync,
};

/*
 * Know the keys that are there now.  Another stream may have added some: that
 * of an import which was cut off a moment ago may still be at work.
 */
static enum store_err
in_load(struct stream *s, struct store_txn *txn)
{
	struct store_ids	 ids = { NULL, 0, 0 };
	struct slice		 row;
	enum store_err		 e;
	size_t			 i;

	if (s->keystate == store_state(txn, STREAM_KEYS))
		return STORE_OK;
	s->nkey = 0;
	e = store_object_ids(txn, STREAM_KEYS, &ids);
	for (i = 0; e == STORE_OK && i < ids.n; i++) {
		e = store_object_get(txn, STREAM_KEYS, ids.v[i], &row);
		if (e == STORE_OK && in_load_row(s, row) == -1)
			e = STORE_IO;
	}
	store_ids_free(&ids);
	if (s->nkey != 0)
		qsort(s->key, s->nkey, sizeof(*s->key), in_key_cmp);
	if (e == STORE_OK)
		s->keystate = store_state(txn, STREAM_KEYS);
	return e;
}

static int
in_load_row(struct stream *s, struct slice row)
{
	struct cur	 c;
	uint64_t	*v;

	cur_init(&c, row.p, row.n);
	if (cur_u8(&c) != KEYS_VERSION)
		return 0;	/* of a newer program: mails come twice */
	if ((v = reallocarray(s->key, s->nkey + c.n / 8 + 1,
	    sizeof(*v))) == NULL)
		return -1;
	s->key = v;
	while (c.n >= 8)
		s->key[s->nkey++] = cur_be64(&c);
	return 0;
}

static int
in_knows(const struct stream *s, uint64_t key)
{
	return s->nkey != 0 && key != 0 && bsearch(&key, s->key, s->nkey,
	    sizeof(*s->key), in_key_cmp) != NULL;
}

static int
in_key_cmp(const void *a, const void *b)
{
	uint64_t	 x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void
stream_in_free(struct stream *s)
{
	struct stream_mail	*m;

	in_free(s->cur);
	s->cur = NULL;
	while ((m = TAILQ_FIRST(&s->batch)) != NULL) {
		TAILQ_REMOVE(&s->batch, m, entry);
		in_free(m);
	}
	s->nbatch = s->bytes = 0;
	free(s->key);
	s->key = NULL;
	s->nkey = 0;
}

static void
in_free(struct stream_mail *m)
{
	if (m == NULL)
		return;
	buf_free(&m->data);
	free(m->words);
	free(m);
}

static void
in_box(struct proc_peer *p, struct msg *m)
{
	const struct msg_st_box	*box = m->fixed;
	struct stream		*s = p->arg;
	struct store_txn	*txn;
	struct store		*st;
	enum store_err		 e;
	uint32_t		*v, id;

	if (box->box != s->nbox || s->nbox >= STREAM_BOXES) {
		stream_fail(s, "a mailbox out of order");
		return;
	}
	if ((v = recallocarray(s->box, s->nbox, s->nbox + 1,
	    sizeof(*v))) == NULL) {
		stream_fail(s, "no memory");
		return;
	}
	s->box = v;
	if ((st = stream_store(s, STORE_CREATE)) == NULL)
		return;
	if ((e = store_begin(st, 1, &txn)) == STORE_OK) {
		e = stream_box_find(txn, (const char *)m->tail, m->tail_len,
		    &id);
		if (e == STORE_OK)
			e = store_commit(txn);
		else
			store_abort(txn);
	}
	store_close(st);
	if (e != STORE_OK) {
		stream_broken(s, e);
		return;
	}
	s->box[s->nbox++] = id;
	stream_ok(s, m->id, box->box, 0);
}

static void
in_mail(struct proc_peer *p, struct msg *m)
{
	const struct msg_st_mail	*head = m->fixed;
	struct stream			*s = p->arg;
	struct stream_mail		*n;

	if (s->cur != NULL || head->box >= s->nbox ||
	    head->nkeywords > IN_KEYWORDS ||
	    (m->tail_len != 0 && m->tail[m->tail_len - 1] != '\0')) {
		stream_fail(s, "a mail out of order");
		return;
	}
	if ((n = calloc(1, sizeof(*n))) == NULL ||
	    (n->words = malloc(m->tail_len + 1)) == NULL) {
		free(n);
		stream_fail(s, "no memory");
		return;
	}
	n->head = *head;
	n->id = m->id;
	memcpy(n->words, m->tail, m->tail_len);
	n->nwords = m->tail_len;
	n->known = in_knows(s, head->key);
	buf_init(&n->data, head->size);
	s->cur = n;
	if (head->size > s->max_size) {
		in_refuse(s, n, "larger than max-message-size");
		n->known = 2;
	}
	if (head->size == 0)
		in_complete(s);
}

/* The mail goes no further; the stream does. */
static void
in_refuse(struct stream *s, const struct stream_mail *n, const char *why)
{
	struct msg_st_ok	 ok = { s->done, 0, 0 };

	proc_send(&s->ctl, MSG_ST_FAIL, n->id, -1, &ok, why, strlen(why));
}

static void
in_data(struct proc_peer *p, struct msg *m)
{
	struct stream		*s = p->arg;
	struct stream_mail	*n = s->cur;

	if (n == NULL || m->tail_len == 0 || m->tail_len > n->head.size) {
		stream_fail(s, "data out of order");
		return;
	}
	if (!n->known && buf_add(&n->data, m->tail, m->tail_len) == -1) {
		stream_fail(s, "no memory");
		return;
	}
	/* what is left to come */
	n->head.size -= m->tail_len;
	if (n->head.size == 0)
		in_complete(s);
}

/* All of the mail is here.  0, or -1 (was said). */
static int
in_complete(struct stream *s)
{
	struct stream_mail	*n = s->cur;

	s->cur = NULL;
	if (n->known) {
		if (n->known == 1) {
			s->done++;
			s->known++;
		}
		in_free(n);
		return 0;
	}
	TAILQ_INSERT_TAIL(&s->batch, n, entry);
	s->nbatch++;
	s->bytes += n->data.len;
	/* twice what jmapctl puts between two SYNCs: only a bound */
	if (s->nbatch >= 2 * STREAM_MAILS || s->bytes >= 2 * STREAM_BYTES)
		return in_commit(s);
	return 0;
}

static void
in_sync(struct proc_peer *p, struct msg *m)
{
	struct stream	*s = p->arg;

	if (s->cur != NULL)
		stream_fail(s, "a mail is not complete");
	else if (in_commit(s) == 0)
		stream_ok(s, m->id, s->known, 0);
}

/* Make the batch durable.  0, or -1 (was said). */
static int
in_commit(struct stream *s)
{
	struct stream_mail	*n;
	struct store		*st;
	enum store_err		 e;
	int			 tries = 0;

	if (s->nbatch == 0)
		return 0;
	if ((st = stream_store(s, STORE_CREATE)) == NULL)
		return -1;
	do
		e = in_once(s, st);
	while (e == STORE_AGAIN && ++tries < IN_TRIES);
	store_close(st);
	if (e != STORE_OK) {
		stream_broken(s, e);
		return -1;
	}
	while ((n = TAILQ_FIRST(&s->batch)) != NULL) {
		TAILQ_REMOVE(&s->batch, n, entry);
		s->done += n->known != 2;
		s->known += n->known == 1;
		in_free(n);
	}
	s->nbatch = s->bytes = 0;
	return 0;
}

static enum store_err
in_once(struct stream *s, struct store *st)
{
	struct store_txn	*txn;
	struct stream_mail	*n;
	enum store_err		 e;
	uint64_t		 state;

	if ((e = store_begin(st, 1, &txn)) != STORE_OK)
		return e;
	if ((e = in_load(s, txn)) != STORE_OK)
		goto lost;
	TAILQ_FOREACH(n, &s->batch, entry) {
		if (!n->known)
			n->known = in_knows(s, n->head.key);
		if (n->known)
			continue;
		e = in_add(s, txn, n);
		if (e != STORE_OK && e <= STORE_REFUSED) {
			in_refuse(s, n, store_strerror(e));
			n->known = 2;
		} else if (e != STORE_OK)
			goto lost;
	}
	if ((e = in_keys(s, txn)) == STORE_OK) {
		state = store_state(txn, STREAM_KEYS);
		if ((e = store_commit(txn)) == STORE_OK)
			s->keystate = state;
		return e;
	}
lost:
	store_abort(txn);
	return e;
}

static enum store_err
in_add(struct stream *s, struct store_txn *txn, struct stream_mail *n)
{
	struct slice		 word[IN_KEYWORDS];
	struct store_newmail	 mail;
	struct arena		 arena;
	enum store_err		 e;
	uint64_t		 id, tid;

	memset(&mail, 0, sizeof(mail));
	mail.mailbox = &s->box[n->head.box];
	mail.nmailbox = 1;
	mail.keyword = word;
	mail.nkeyword = in_keywords(n, word);
	mail.received = n->head.received;
	arena_init(&arena, EMAIL_ROW_ARENA);
	e = email_row_add(txn, &arena, n->data.data, n->data.len, &mail, &id,
	    &tid);
	arena_free(&arena);
	return e;
}

/* At most IN_KEYWORDS of them. */
static size_t
in_keywords(const struct stream_mail *n, struct slice *word)
{
	const char	*p = n->words, *end = p + n->nwords;
	size_t		 i;

	for (i = 0; p < end && i < IN_KEYWORDS && i < n->head.nkeywords; i++) {
		word[i] = SLICE_STR(p);
		p += word[i].n + 1;
	}
	return i;
}

/* Remember the batch's keys together with its mails. */
static enum store_err
in_keys(struct stream *s, struct store_txn *txn)
{
	struct stream_mail	*n;
	struct buf		 row;
	enum store_err		 e = STORE_OK;
	uint64_t		 id = 0;

	buf_init(&row, 1 + 8 * 2 * STREAM_MAILS);
	buf_addc(&row, KEYS_VERSION);
	TAILQ_FOREACH(n, &s->batch, entry)
		if (n->head.key != 0 && !n->known)
			buf_be64(&row, n->head.key);
	if (buf_bad(&row))
		e = STORE_IO;
	else if (row.len > 1)
		e = store_object_create(txn, STREAM_KEYS,
		    SLICE(row.data, row.len), &id);
	buf_free(&row);
	return e;
}
