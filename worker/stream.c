/* SPDX-License-Identifier: ISC */
/*
 * The life of a stream between jmapctl and this worker, the names of its
 * mailboxes, and the check of a store, which is one long question.  Import
 * is in stream_in.c, export in stream_out.c.  Called by worker.c.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/enc.h"
#include "common/log.h"
#include "common/row.h"
#include "worker/stream_int.h"
#include "worker/worker.h"

#define STREAM_DEPTH	64	/* mailboxes inside one another */
#define STREAM_ROWS	10000	/* differences that are named */

static proc_fn		stream_check;
static proc_gone_fn	stream_gone;
static void		stream_report(void *, const char *);
static enum store_err	stream_box_child(struct store_txn *, uint32_t parent,
			    const char *, size_t, uint32_t *);
static enum store_err	stream_box_make(struct store_txn *, uint32_t parent,
			    const char *name, enum store_role, uint32_t *);
static int		stream_box_add(struct buf *,
			    const struct store_mailbox *);

static proc_fn *const stream_checks[MSG_MAX] = {
	[MSG_ST_GO]	= stream_check,
};

static proc_fn *const *const stream_kinds[] = {
	[MSG_STREAM_IMPORT]	= stream_in,
	[MSG_STREAM_EXPORT]	= stream_out,
	[MSG_STREAM_CHECK]	= stream_checks,
	[MSG_STREAM_REINDEX]	= stream_reindex,
};

static unsigned int	stream_n;

void
stream_open(const struct msg_stream *m, int fd, uint64_t max_size)
{
	struct stream	*s;

	if (m->kind >= nitems(stream_kinds) ||
	    (s = calloc(1, sizeof(*s))) == NULL) {
		log_warnx("stream of kind %u refused", m->kind);
		close(fd);
		return;
	}
	TAILQ_INIT(&s->batch);
	s->kind = m->kind;
	s->max_size = max_size;
	dir_account(m->account, s->account);
	stream_n++;
	proc_open(&s->ctl, PROC_CTL, 0, fd, stream_kinds[m->kind],
	    stream_gone, s);
}

unsigned int
stream_count(void)
{
	return stream_n;
}

static void
stream_gone(struct proc_peer *p)
{
	struct stream	*s = p->arg;

	if (s->timed)
		evtimer_del(&s->ev);
	stream_in_free(s);
	store_ids_free(&s->ids);
	free(s->box);
	free(s);
	stream_n--;
	worker_drained();
}

void
stream_fail(struct stream *s, const char *why)
{
	struct msg_st_ok	 ok = { s->done, 0, 1 };

	proc_send(&s->ctl, MSG_ST_FAIL, 0, -1, &ok, why, strlen(why));
	s->ctl.dead = 1;
}

void
stream_broken(struct stream *s, enum store_err e)
{
	log_warnx("stream: account %s: %s", s->account, store_strerror(e));
	stream_fail(s, store_strerror(e));
}

void
stream_ok(struct stream *s, uint32_t id, uint32_t box, uint32_t code)
{
	struct msg_st_ok	 ok = { s->done, box, code };

	proc_send(&s->ctl, MSG_ST_OK, id, -1, &ok, NULL, 0);
}

struct store *
stream_store(struct stream *s, unsigned flags)
{
	struct store	*st;
	enum store_err	 e;

	if ((e = store_open(s->account, flags, &st)) == STORE_OK)
		return st;
	stream_broken(s, e);
	return NULL;
}

/* --- check ----------------------------------------------------------- */

struct stream_checker {
	struct stream	*s;
	uint64_t	 rows;
};

/* Blocks this worker until the whole store is read: an operator asked. */
static void
stream_check(struct proc_peer *p, struct msg *m)
{
	const struct msg_st_go	*go = m->fixed;
	struct stream_checker	 c = { p->arg, 0 };
	struct store		*st;
	int64_t			 n;

	if ((st = stream_store(c.s, STORE_CREATE)) == NULL)
		return;
	n = store_check(st, go->flags & STREAM_REPAIR, stream_report, &c);
	store_close(st);
	if (n == -1) {
		stream_fail(c.s, "the store could not be read");
		return;
	}
	c.s->done = n;
	stream_ok(c.s, m->id, 0, 0);
}

static void
stream_report(void *arg, const char *line)
{
	struct stream_checker	*c = arg;
	struct buf		 row;

	if (c->rows++ >= STREAM_ROWS)
		return;
	buf_init(&row, ROW_MAX);
	row_add(&row, "difference", line);
	if (!buf_bad(&row))
		proc_send(&c->s->ctl, MSG_ST_ROW, 0, -1, NULL, row.data,
		    row.len);
	buf_free(&row);
}

/* --- names of mailboxes ---------------------------------------------- */

enum store_err
stream_box_find(struct store_txn *txn, const char *path, size_t len,
    uint32_t *id)
{
	const char	*slash;
	enum store_err	 e = STORE_INVALID;
	size_t		 n;
	int		 depth;

	*id = 0;
	for (depth = 0; depth < STREAM_DEPTH; depth++) {
		slash = memchr(path, '/', len);
		n = slash == NULL ? len : (size_t)(slash - path);
		if ((e = stream_box_child(txn, *id, path, n, id)) != STORE_OK)
			return e;
		if (slash == NULL)
			return STORE_OK;
		path += n + 1;
		len -= n + 1;
	}
	return STORE_INVALID;
}

static enum store_err
stream_box_child(struct store_txn *txn, uint32_t parent, const char *p,
    size_t len, uint32_t *id)
{
	char	 name[STORE_NAME_MAX + 1];
	ssize_t	 n;

	if (parent == 0 && len == 5 && strncasecmp(p, "INBOX", 5) == 0) {
		*id = store_mailbox_role(txn, STORE_ROLE_INBOX);
		return *id != 0 ? STORE_OK : stream_box_make(txn, 0, "Inbox",
		    STORE_ROLE_INBOX, id);
	}
	n = enc_pct_get(p, len, name, sizeof(name) - 1);
	if (n <= 0 || memchr(name, '\0', n) != NULL)
		return STORE_INVALID;
	name[n] = '\0';
	if ((*id = store_mailbox_named(txn, parent, name)) != 0)
		return STORE_OK;
	return stream_box_make(txn, parent, name, STORE_ROLE_NONE, id);
}

static enum store_err
stream_box_make(struct store_txn *txn, uint32_t parent, const char *name,
    enum store_role role, uint32_t *id)
{
	struct store_mailbox	 box;
	enum store_err		 e;

	memset(&box, 0, sizeof(box));
	box.parent = parent;
	box.role = role;
	box.subscribed = 1;
	strlcpy(box.name, name, sizeof(box.name));
	e = store_mailbox_create(txn, &box);
	*id = box.id;
	return e;
}

int
stream_box_path(struct store_txn *txn, uint32_t id, struct buf *out)
{
	struct store_mailbox	*box;
	size_t			 n = 0;
	int			 ret = -1;

	if ((box = calloc(STREAM_DEPTH, sizeof(*box))) == NULL)
		return -1;
	while (id != 0 && n < STREAM_DEPTH) {
		if (store_mailbox_get(txn, id, &box[n]) != STORE_OK)
			goto done;
		id = box[n++].parent;
	}
	if (id != 0)
		goto done;
	while (n-- > 0)
		if (stream_box_add(out, &box[n]) == -1)
			goto done;
	ret = 0;
done:
	free(box);
	return ret;
}

static int
stream_box_add(struct buf *out, const struct store_mailbox *box)
{
	if (out->len != 0)
		buf_addc(out, '/');
	if (box->role == STORE_ROLE_INBOX && box->parent == 0)
		return buf_adds(out, "INBOX");
	/* only the role may be called that on the way */
	if (box->parent == 0 && strcasecmp(box->name, "INBOX") == 0)
		return buf_addf(out, "%%%02X%s", (unsigned char)box->name[0],
		    box->name + 1);
	enc_pct(out, box->name, strlen(box->name));
	return buf_bad(out) ? -1 : 0;
}
