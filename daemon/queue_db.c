/* SPDX-License-Identifier: ISC */
/*
 * The queue's file: see queue_db.h.  Called by the other files of the role.
 * A transaction never lives longer than a call.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "daemon/queue_db.h"

#define DB_VERSION	"\0\0\0\1"
#define DB_KEY		13
#define DB_RECORD	8192	/* bytes of a record at most */

TAILQ_HEAD(db_list, queue_msg);

static struct kv	*db;
static struct db_list	 db_dirty = TAILQ_HEAD_INITIALIZER(db_dirty);

static void	queue_db_delete(struct queue_msg *);
static int	 db_run(kv_write_fn *, void *);
static int	 db_version(struct kv_txn *, void *);
static size_t	 db_key(uint8_t [DB_KEY], int, uint64_t, int64_t);
static int	 db_load_rcpts(struct kv_txn *, struct queue_msg *);
static int	 db_orphans(struct kv_txn *, void *);
static int	 db_write_all(struct kv_txn *, void *);
static int	 db_write(struct kv_txn *, struct queue_msg *);
static int	 db_write_rcpt(struct kv_txn *, struct queue_msg *, uint32_t);
static int	 db_pieces(struct kv_txn *, struct queue_msg *, int);
static int	 db_spill(struct kv_txn *, void *);
static int	 db_remove(struct kv_txn *, struct queue_msg *);
static void	 db_list(struct queue_msg *);
static void	 db_clean(struct queue_msg *);

/* number -1: the key of a message, or the prefix of what belongs to it. */
static size_t
db_key(uint8_t k[DB_KEY], int space, uint64_t id, int64_t number)
{
	size_t	 i;

	k[0] = (uint8_t)space;
	for (i = 0; i < 8; i++)
		k[1 + i] = (uint8_t)(id >> (56 - 8 * i));
	if (number == -1)
		return 9;
	for (i = 0; i < 4; i++)
		k[9 + i] = (uint8_t)(number >> (24 - 8 * i));
	return 13;
}

static uint64_t
db_number(const uint8_t *p, size_t n)
{
	uint64_t	 v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

static int
db_run(kv_write_fn *fn, void *arg)
{
	if (kv_write(db, fn, arg) == 0)
		return 0;
	log_warn("the queue's file cannot be written");
	return -1;
}

/* --- start -------------------------------------------------------------- */

int
queue_db_open(const char *dir, enum kv_sync sync)
{
	if ((db = kv_open(dir, 0, sync)) == NULL) {
		log_warn("%s", dir);
		return -1;
	}
	return db_run(db_version, NULL);
}

static int
db_version(struct kv_txn *txn, void *arg)
{
	struct slice	 v;

	(void)arg;
	switch (kv_get(txn, "v", 1, &v)) {
	case 0:
		return kv_put(txn, "v", 1, DB_VERSION, 4);
	case 1:
		if (v.n == 4 && memcmp(v.p, DB_VERSION, 4) == 0)
			return 0;
		log_warnx("the queue's file is of another version");
		errno = EPROTO;
		/* FALLTHROUGH */
	default:
		return -1;
	}
}

void
queue_db_close(void)
{
	if (db != NULL)
		kv_close(db);
	db = NULL;
}

int
queue_db_load(void (*fn)(struct queue_msg *))
{
	struct kv_range		 range;
	struct kv_txn		*txn;
	struct queue_msg	*m;
	struct slice		 k, v;
	uint64_t		 id;
	int			 n = -1;

	if (kv_begin(db, 0, &txn) == -1)
		return -1;
	if (kv_prefix(&range, txn, "m", 1, 0) == -1)
		goto done;
	while ((n = kv_next(&range, &k, &v)) == 1) {
		id = k.n == 9 ? db_number((const uint8_t *)k.p + 1, 8) : 0;
		if ((m = queue_msg_get(id, v)) == NULL ||
		    db_load_rcpts(txn, m) == -1) {
			log_warnx("message %llx of the queue cannot be read",
			    (unsigned long long)id);
			queue_msg_free(m);
			continue;
		}
		m->stored = 1;
		fn(m);
	}
	kv_done(&range);
done:
	kv_abort(txn);
	return n == -1 ? -1 : db_run(db_orphans, NULL);
}

static int
db_load_rcpts(struct kv_txn *txn, struct queue_msg *m)
{
	uint8_t		 key[DB_KEY];
	struct slice	 v;
	uint32_t	 i;

	for (i = 0; i < m->nrcpt; i++)
		if (kv_get(txn, key, db_key(key, 'r', m->id, i), &v) != 1 ||
		    queue_msg_get_rcpt(m, i, v) == -1)
			return -1;
	return 0;
}

/* Pieces of no message. */
static int
db_orphans(struct kv_txn *txn, void *arg)
{
	uint8_t		 bound[DB_KEY], key[DB_KEY];
	struct slice	 k, v;
	uint64_t	 id = 0;
	int		 n, have;

	(void)arg;
	for (;;) {
		n = kv_after(txn, bound, db_key(bound, 'c', id, 0), &k, &v);
		if (n != 1)
			return n;
		if (k.n != DB_KEY || *(const uint8_t *)k.p != 'c')
			return 0;
		id = db_number((const uint8_t *)k.p + 1, 8);
		have = kv_get(txn, key, db_key(key, 'm', id, -1), &v);
		if (have == -1 || (have == 0 && kv_del_prefix(txn, key,
		    db_key(key, 'c', id, -1)) == -1))
			return -1;
		id++;
	}
}

/* --- changes ------------------------------------------------------------ */

static void
db_list(struct queue_msg *m)
{
	if (!m->listed)
		TAILQ_INSERT_TAIL(&db_dirty, m, dirty_entry);
	m->listed = 1;
}

void
queue_db_dirty(struct queue_msg *m)
{
	m->dirty = 1;
	db_list(m);
}

void
queue_db_dirty_rcpt(struct queue_msg *m, uint32_t i)
{
	m->rcpt[i].dirty = 1;
	db_list(m);
}

/* It is to be deleted, and freed with the next commit that succeeds. */
static void
queue_db_delete(struct queue_msg *m)
{
	m->gone = 1;
	db_list(m);
}

void
queue_db_forget(struct queue_msg *m)
{
	if (m->stored || m->chunks > 0) {
		queue_db_delete(m);
		return;
	}
	if (m->listed)
		TAILQ_REMOVE(&db_dirty, m, dirty_entry);
	queue_msg_free(m);
}

int
queue_db_pending(void)
{
	return !TAILQ_EMPTY(&db_dirty);
}

int
queue_db_commit(void (*fn)(struct queue_msg *))
{
	struct db_list		 fresh = TAILQ_HEAD_INITIALIZER(fresh);
	struct queue_msg	*m;

	if (TAILQ_EMPTY(&db_dirty))
		return 0;
	if (db_run(db_write_all, NULL) == -1)
		return -1;
	while ((m = TAILQ_FIRST(&db_dirty)) != NULL) {
		TAILQ_REMOVE(&db_dirty, m, dirty_entry);
		m->listed = 0;
		if (m->gone) {
			queue_msg_free(m);
			continue;
		}
		if (!m->stored)
			TAILQ_INSERT_TAIL(&fresh, m, fresh_entry);
		db_clean(m);
	}
	while ((m = TAILQ_FIRST(&fresh)) != NULL) {
		TAILQ_REMOVE(&fresh, m, fresh_entry);
		fn(m);
	}
	return 0;
}

static void
db_clean(struct queue_msg *m)
{
	uint32_t	 i;

	m->dirty = 0;
	m->stored = 1;
	buf_free(&m->content);
	for (i = 0; i < m->nrcpt; i++)
		m->rcpt[i].dirty = 0;
}

static int
db_write_all(struct kv_txn *txn, void *arg)
{
	struct queue_msg	*m;

	(void)arg;
	TAILQ_FOREACH(m, &db_dirty, dirty_entry)
		if ((m->gone ? db_remove(txn, m) : db_write(txn, m)) == -1)
			return -1;
	return 0;
}

static int
db_write(struct kv_txn *txn, struct queue_msg *m)
{
	uint8_t		 key[DB_KEY];
	struct buf	 b;
	uint32_t	 i;
	int		 ret = 0;

	for (i = 0; i < m->nrcpt; i++)
		if ((m->rcpt[i].dirty || !m->stored) &&
		    db_write_rcpt(txn, m, i) == -1)
			return -1;
	if (!m->stored && db_pieces(txn, m, 1) == -1)
		return -1;
	if (!m->dirty && m->stored)
		return 0;
	buf_init(&b, DB_RECORD);
	queue_msg_put(&b, m);
	if (buf_bad(&b)) {
		errno = ENOMEM;
		ret = -1;
	} else
		ret = kv_put(txn, key, db_key(key, 'm', m->id, -1), b.data,
		    b.len);
	buf_free(&b);
	return ret;
}

static int
db_write_rcpt(struct kv_txn *txn, struct queue_msg *m, uint32_t i)
{
	uint8_t		 key[DB_KEY];
	struct buf	 b;
	int		 ret = -1;

	buf_init(&b, DB_RECORD);
	queue_msg_put_rcpt(&b, &m->rcpt[i]);
	if (buf_bad(&b))
		errno = ENOMEM;
	else
		ret = kv_put(txn, key, db_key(key, 'r', m->id, i), b.data,
		    b.len);
	buf_free(&b);
	return ret;
}

/* What of the content is in memory; last: the piece that is not whole, too. */
static int
db_pieces(struct kv_txn *txn, struct queue_msg *m, int last)
{
	uint8_t		 key[DB_KEY];
	const uint8_t	*p = buf_peek(&m->content);
	size_t		 n, left = buf_left(&m->content);
	uint32_t	 i = m->chunks;

	for (; left >= QUEUE_DB_PIECE || (last && left > 0); left -= n) {
		n = left < QUEUE_DB_PIECE ? left : QUEUE_DB_PIECE;
		if (kv_put(txn, key, db_key(key, 'c', m->id, i++), p, n) == -1)
			return -1;
		p += n;
	}
	return 0;
}

static int
db_spill(struct kv_txn *txn, void *arg)
{
	return db_pieces(txn, arg, 0);
}

int
queue_db_spill(struct queue_msg *m)
{
	size_t	 n = buf_left(&m->content) / QUEUE_DB_PIECE;

	if (n == 0)
		return 0;
	if (db_run(db_spill, m) == -1)
		return -1;
	m->chunks += (uint32_t)n;
	buf_skip(&m->content, n * QUEUE_DB_PIECE);
	buf_compact(&m->content);
	return 0;
}

static int
db_remove(struct kv_txn *txn, struct queue_msg *m)
{
	uint8_t	 key[DB_KEY];

	return kv_del(txn, key, db_key(key, 'm', m->id, -1)) == -1 ||
	    kv_del_prefix(txn, key, db_key(key, 'r', m->id, -1)) == -1 ||
	    kv_del_prefix(txn, key, db_key(key, 'c', m->id, -1)) == -1 ?
	    -1 : 0;
}

/* --- content ------------------------------------------------------------ */

ssize_t
queue_db_read(const struct queue_msg *m, uint64_t off, void *p, size_t len)
{
	uint8_t		 key[DB_KEY];
	struct kv_txn	*txn;
	struct slice	 v;
	uint64_t	 at = off % QUEUE_DB_PIECE;
	size_t		 n, done = 0;

	if (kv_begin(db, 0, &txn) == -1)
		return -1;
	while (done < len) {
		if (kv_get(txn, key, db_key(key, 'c', m->id,
		    (int64_t)((off + done) / QUEUE_DB_PIECE)), &v) != 1 ||
		    v.n <= at)
			break;
		n = v.n - at < len - done ? v.n - at : len - done;
		memcpy((uint8_t *)p + done, (const uint8_t *)v.p + at, n);
		done += n;
		at = 0;
	}
	kv_abort(txn);
	return done > 0 ? (ssize_t)done : -1;
}
