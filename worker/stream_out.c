/* SPDX-License-Identifier: ISC */
/*
 * Export: the mails of an account to jmapctl, oldest first, mailbox by
 * mailbox.  Each turn reads a window of them in a transaction of its own,
 * then waits for jmapctl to have taken it.  A mail that is destroyed in
 * between is left out.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "worker/store/store_query.h"
#include "worker/stream_int.h"

#define OUT_PIECE	(256 * 1024)	/* bytes read of a blob at a time */
#define OUT_PATH	65000		/* bytes of a path */
#define OUT_WORDS	60000		/* bytes of all keywords of a mail */

static proc_fn		out_go, out_sync;
static enum store_err	out_boxes(struct stream *, struct store_txn *);
static int		out_box(struct stream *, struct store_txn *, uint32_t);
static void		out_window(struct stream *, uint32_t);
static enum store_err	out_run(struct stream *, struct store_txn *, int *);
static enum store_err	out_mail(struct stream *, struct store_txn *);
static void		out_keywords(struct store_txn *,
			    const struct store_mail *, struct buf *,
			    uint32_t *);
static void		out_keyword(struct store_txn *, unsigned, struct buf *,
			    uint32_t *);
static enum store_err	out_data(struct stream *, struct store_txn *,
			    size_t *);

proc_fn *const	stream_out[MSG_MAX] = {
	[MSG_ST_GO]	= out_go,
	[MSG_ST_SYNC]	= out_sync,
};

static void
out_go(struct proc_peer *p, struct msg *m)
{
	struct stream		*s = p->arg;
	struct store_txn	*txn;
	struct store		*st;
	enum store_err		 e;

	if (s->box != NULL) {
		stream_fail(s, "said twice");
		return;
	}
	if ((st = stream_store(s, STORE_CREATE)) == NULL)
		return;
	if ((e = store_begin(st, 0, &txn)) == STORE_OK) {
		e = out_boxes(s, txn);
		store_abort(txn);
	}
	store_close(st);
	if (e != STORE_OK)
		stream_broken(s, e);
	else
		out_window(s, m->id);
}

static void
out_sync(struct proc_peer *p, struct msg *m)
{
	out_window(p->arg, m->id);
}

/* Say every mailbox, the empty ones too. */
static enum store_err
out_boxes(struct stream *s, struct store_txn *txn)
{
	const struct store_mailbox	*all;
	enum store_err			 e;
	size_t				 i, n;

	if ((e = store_mailbox_all(txn, &all, &n)) != STORE_OK)
		return e;
	if ((s->box = calloc(n + 1, sizeof(*s->box))) == NULL)
		return STORE_IO;
	for (i = 0; i < n; i++)
		if (out_box(s, txn, all[i].id) == -1)
			return STORE_CORRUPT;
	return STORE_OK;
}

static int
out_box(struct stream *s, struct store_txn *txn, uint32_t id)
{
	struct msg_st_box	 box = { s->nbox, 0 };
	struct buf		 path;
	int			 ret;

	buf_init(&path, OUT_PATH);
	if ((ret = stream_box_path(txn, id, &path)) == 0) {
		proc_send(&s->ctl, MSG_ST_BOX, 0, -1, &box, path.data,
		    path.len);
		s->box[s->nbox++] = id;
	}
	buf_free(&path);
	return ret;
}

/* Send a window of mails, then say whether there are more. */
static void
out_window(struct stream *s, uint32_t id)
{
	struct store_txn	*txn;
	struct store		*st;
	enum store_err		 e;
	int			 more = 0;

	if ((st = stream_store(s, 0)) == NULL)
		return;
	if ((e = store_begin(st, 0, &txn)) == STORE_OK) {
		e = out_run(s, txn, &more);
		store_abort(txn);
	}
	store_close(st);
	if (e != STORE_OK)
		stream_broken(s, e);
	else
		stream_ok(s, id, 0, more ? STREAM_MORE : 0);
}

static enum store_err
out_run(struct stream *s, struct store_txn *txn, int *more)
{
	struct store_query	 q = { .ascending = 1 };
	enum store_err		 e = STORE_OK;
	size_t			 bytes = 0, n = 0;

	*more = 1;
	while (e == STORE_OK && bytes < STREAM_BYTES && n < STREAM_MAILS) {
		if (s->off < s->size)
			e = out_data(s, txn, &bytes);
		else if (s->next < s->ids.n) {
			n++;
			e = out_mail(s, txn);
		} else if (s->at < s->nbox) {
			q.mailbox = s->box[s->at++];
			s->next = s->ids.n = 0;
			e = store_query(txn, &q, 0, SIZE_MAX, &s->ids, NULL);
			if (e == STORE_NOTFOUND)	/* gone meanwhile */
				e = STORE_OK;
		} else {
			*more = 0;
			break;
		}
	}
	return e;
}

/* The head of the next mail of the box. */
static enum store_err
out_mail(struct stream *s, struct store_txn *txn)
{
	struct msg_st_mail	 head;
	struct store_mail	 mail;
	struct store_row	 row;
	struct buf		 words;
	enum store_err		 e;

	e = store_mail_get(txn, s->ids.v[s->next++], &mail);
	if (e == STORE_NOTFOUND ||
	    (e == STORE_OK && !store_mail_in(&mail, s->box[s->at - 1])))
		return STORE_OK;
	if (e != STORE_OK || (e = store_mail_row(txn, &mail, &row)) != STORE_OK)
		return e;
	memcpy(s->blob, row.blob, sizeof(s->blob));
	s->off = 0;
	if ((e = store_blob_size(txn, s->blob, &s->size)) != STORE_OK)
		return e;
	memset(&head, 0, sizeof(head));
	head.size = s->size;
	head.received = mail.received;
	head.key = STORE_EID(mail.id);
	head.box = s->at - 1;
	buf_init(&words, OUT_WORDS);
	out_keywords(txn, &mail, &words, &head.nkeywords);
	proc_send(&s->ctl, MSG_ST_MAIL, 0, -1, &head, words.data, words.len);
	buf_free(&words);
	s->done++;
	return STORE_OK;
}

static void
out_keywords(struct store_txn *txn, const struct store_mail *mail,
    struct buf *out, uint32_t *n)
{
	unsigned	 i;

	for (i = 0; i < 64; i++)
		if (mail->kw & STORE_BIT(i))
			out_keyword(txn, i, out, n);
	for (i = 0; i < mail->nmore; i++)
		out_keyword(txn, store_mail_more(mail, i), out, n);
}

/* One that does not fit any more is left out. */
static void
out_keyword(struct store_txn *txn, unsigned slot, struct buf *out, uint32_t *n)
{
	struct slice	 name = store_keyword_name(txn, slot);

	if (name.n == 0 || out->len + name.n + 1 > OUT_WORDS)
		return;
	buf_add(out, name.p, name.n);
	buf_addc(out, '\0');
	(*n)++;
}

/* A piece of the mail that is going. */
static enum store_err
out_data(struct stream *s, struct store_txn *txn, size_t *bytes)
{
	struct buf	 b;
	enum store_err	 e;
	size_t		 n;

	buf_init(&b, OUT_PIECE);
	e = store_blob_get(txn, s->blob, s->off, OUT_PIECE, &b);
	if (e == STORE_OK && b.len == 0)
		e = STORE_CORRUPT;
	s->off += b.len;
	*bytes += b.len;
	while (e == STORE_OK && (n = buf_left(&b)) > 0) {
		if (n > STREAM_DATA)
			n = STREAM_DATA;
		if (proc_send(&s->ctl, MSG_ST_DATA, 0, -1, NULL, buf_peek(&b),
		    n) == -1)
			e = STORE_IO;
		buf_skip(&b, n);
	}
	buf_free(&b);
	return e;
}
