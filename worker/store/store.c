/* SPDX-License-Identifier: ISC */
/*
 * Opening accounts, keeping the used ones open, and transactions: the frame
 * in which every other file of worker/store works.  See store.h.
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "common/log.h"
#include "worker/store/store_int.h"

/* Search records that may wait before a writer merges them itself. */
#define PENDING_MAX	4096

#define TIDY_MS		(10 * 60 * 1000)	/* even if nothing changed */

TAILQ_HEAD(store_list, store);

struct store_conf		 store_config;
static struct store_list	 stores = TAILQ_HEAD_INITIALIZER(stores);
static unsigned			 nstores;
static uint64_t			 store_told[2];	/* of store_commit_range */

static struct store	*store_cached(const char *);
static void		 store_evict(unsigned);
static void		 store_detach(struct store *);
static void		 store_free(struct store *);
static enum store_err	 store_new(const char *, unsigned, struct store **);
static enum store_err	 store_ready(struct store *, unsigned);
static enum store_err	 store_upgrade(struct store *, unsigned);
static enum store_err	 store_found(struct store *);
static enum store_err	 store_errno(void);
static void		 store_tell(const struct store_txn *);
static void		 store_txn_free(struct store_txn *);

static const char *const errors[] = {
	[STORE_OK] = "no error", [STORE_NOTFOUND] = "not found",
	[STORE_EXISTS] = "exists already", [STORE_INVALID] = "invalid value",
	[STORE_NOMAILBOX] = "no such mailbox",
	[STORE_NOPARENT] = "no such parent",
	[STORE_HASCHILD] = "mailbox has a child",
	[STORE_HASMAIL] = "mailbox has mail",
	[STORE_NOINDEX] = "the search index is being made",
	[STORE_CANNOT] = "cannot calculate changes",
	[STORE_FORBIDDEN] = "forbidden",
	[STORE_TOOMANY] = "too many", [STORE_OVERQUOTA] = "over quota",
	[STORE_AGAIN] = "try again",
	[STORE_FULL] = "no space", [STORE_CORRUPT] = "corrupt",
	[STORE_VERSION] = "written by a newer program",
	[STORE_IO] = "input/output error"
};

const char *
store_strerror(enum store_err e)
{
	return (size_t)e < nitems(errors) ? errors[e] : "unknown error";
}

void
store_conf_init(struct store_conf *c)
{
	memset(c, 0, sizeof(*c));
	c->sync = KV_FULL;
	c->maxopen = 256;
	c->zstd = 3;
	c->segment = 64U << 20;
	c->upload_ms = 3600 * 1000;
	c->upload_max = 500UL << 20;
	c->keeplog = 1000000;
}

void
store_init(const struct store_conf *c)
{
	store_config = *c;
	store_lang_init();
}

void
store_shutdown(void)
{
	store_evict(0);
}

/* --- accounts ------------------------------------------------------------ */

int
store_name_ok(const char *name)
{
	static const char	 ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t			 n = strlen(name);

	return n >= 1 && n <= STORE_ACCOUNTMAX && strspn(name, ok) == n;
}

enum store_err
store_open(const char *account, unsigned flags, struct store **out)
{
	struct store	*st;
	enum store_err	 e;

	*out = NULL;
	if (!store_name_ok(account))
		return STORE_INVALID;
	st = store_cached(account);
	if (st != NULL && kv_gone(st->kv)) {
		/* another process removed it; there may be a new one */
		store_detach(st);
		st = NULL;
	}
	if (st == NULL) {
		store_evict(store_config.maxopen > 0 ?
		    store_config.maxopen - 1 : 0);
		e = store_new(account, flags, &st);
		if (e == STORE_IO && errno == ENOMEM && nstores > 0) {
			/* those that nobody uses now are in the way */
			store_evict(nstores / 2);
			e = store_new(account, flags, &st);
		}
		if (e != STORE_OK)
			return e;
		nstores++;
	} else
		TAILQ_REMOVE(&stores, st, entry);
	TAILQ_INSERT_HEAD(&stores, st, entry);
	st->users++;
	*out = st;
	return STORE_OK;
}

void
store_close(struct store *st)
{
	assert(st->users > 0);
	if (--st->users == 0 && st->detached)
		store_free(st);
}

int
store_idle(void)
{
	struct store	*st;
	int64_t		 now = date_mono();

	TAILQ_FOREACH_REVERSE(st, &stores, store_list, entry)
		if (st->dirty || now - st->tidied > TIDY_MS)
			break;
	if (st == NULL)
		return 0;
	st->users++;
	st->dirty = store_tidy(st) == 1;
	st->tidied = now;
	store_close(st);
	return 1;
}

static struct store *
store_cached(const char *account)
{
	struct store	*st;

	TAILQ_FOREACH(st, &stores, entry)
		if (strcmp(st->account, account) == 0)
			return st;
	return NULL;
}

void
store_forget(const char *account)
{
	struct store	*st;

	if ((st = store_cached(account)) != NULL)
		store_detach(st);
}

/* Close the longest unused until at most max are open. */
static void
store_evict(unsigned max)
{
	struct store	*st, *prev;

	for (st = TAILQ_LAST(&stores, store_list); st != NULL && nstores > max;
	    st = prev) {
		prev = TAILQ_PREV(st, store_list, entry);
		if (st->users == 0)
			store_detach(st);
	}
}

/* Out of the list; whoever still has it open goes on with the old files. */
static void
store_detach(struct store *st)
{
	TAILQ_REMOVE(&stores, st, entry);
	nstores--;
	st->detached = 1;
	if (st->users == 0)
		store_free(st);
}

static void
store_free(struct store *st)
{
	kv_close(st->kv);
	store_merge_free(st);
	store_runs_forget(st, NULL);
	store_runs_unlock(st);
	store_seg_close(st);
	store_keyword_forget(st, 0);
	free(st->names);
	free(st);
}

static enum store_err
store_new(const char *account, unsigned flags, struct store **out)
{
	struct store	*st;
	enum store_err	 e;
	size_t		 i;
	int		 n;

	if ((st = calloc(1, sizeof(*st))) == NULL)
		return STORE_IO;
	st->dirty = 1;
	st->runlock = -1;
	for (i = 0; i < STORE_FDS; i++)
		st->fds[i].fd = -1;
	strlcpy(st->account, account, sizeof(st->account));
	n = snprintf(st->path, sizeof(st->path), "%s/%s", store_config.dir,
	    account);
	if (n < 0 || (size_t)n >= sizeof(st->path) - 32)
		e = STORE_INVALID;
	else
		e = store_ready(st, flags);
	if (e != STORE_OK) {
		store_free(st);
		return e;
	}
	*out = st;
	return STORE_OK;
}

/* Make a folder that may be there already, and its name durable. */
int
store_mkdir(const char *path)
{
	char	 up[STORE_PATHMAX], *p;
	int	 fd, ret;

	if (mkdir(path, 0700) == -1)
		return errno == EEXIST ? 0 : -1;
	if (strlcpy(up, path, sizeof(up)) >= sizeof(up))
		return 0;
	if ((p = strrchr(up, '/')) == NULL)
		strlcpy(up, ".", sizeof(up));
	else
		*p = '\0';
	if (store_config.sync == KV_OFF || *up == '\0')
		return 0;
	if ((fd = open(up, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return -1;
	ret = fsync(fd);
	close(fd);
	return ret;
}

/* Folder, file and first rows. */
static enum store_err
store_ready(struct store *st, unsigned flags)
{
	char		 file[STORE_PATHMAX + 16];
	struct stat	 sb;
	enum store_err	 e;

	snprintf(file, sizeof(file), "%s/data.mdb", st->path);
	if (stat(file, &sb) == -1) {
		if (errno != ENOENT)
			return store_errno();
		if ((flags & STORE_CREATE) == 0)
			return STORE_NOTFOUND;
		if (store_mkdir(st->path) == -1)
			return store_errno();
	}
	st->kv = kv_open(st->path, store_config.nolock ? KV_NOLOCK : 0,
	    store_config.sync);
	if (st->kv == NULL)
		return store_errno();
	e = store_upgrade(st, flags);
	if (e != STORE_OK)
		log_warnx("account %s: %s", st->account, store_strerror(e));
	return e;
}

/*
 * Look at the layout's version: ours is fine, none means a new account,
 * a newer one is refused.  Older ones will be brought forward here, one
 * step a version, in one transaction each.
 */
static enum store_err
store_upgrade(struct store *st, unsigned flags)
{
	struct store_txn	*txn;
	enum store_err		 e;
	int			 old, counted;

	if ((e = store_begin(st, 0, &txn)) == STORE_NOTFOUND)
		return flags & STORE_CREATE ? store_found(st) : e;
	if (e != STORE_OK)
		return e;
	old = txn->layout < STORE_LAYOUT;
	counted = txn->hot[HOT_COUNTED] != 0;
	store_abort(txn);
	if (old && (e = store_rebuild_upgrade(st)) != STORE_OK)
		return e;
	/* nobody's mail is kept from him by a sum; the next to open tries */
	if (!counted && (e = store_room_count(st)) != STORE_OK)
		log_warnx("account %s: uploads are not counted: %s",
		    st->account, store_strerror(e));
	return STORE_OK;
}

/* First rows of an account, unless another process was faster. */
static enum store_err
store_found(struct store *st)
{
	struct store_txn	*txn;
	enum store_err		 e;

	if ((txn = calloc(1, sizeof(*txn))) == NULL)
		return STORE_IO;
	txn->st = st;
	txn->write = 1;
	if (kv_begin(st->kv, 1, &txn->kv) == -1) {
		free(txn);
		return store_errno();
	}
	e = store_hot_read(txn);
	if (e == STORE_OK || e != STORE_NOTFOUND) {
		store_abort(txn);
		return e;
	}
	txn->hot[HOT_EID] = txn->hot[HOT_MBID] = txn->hot[HOT_OBJECT] = 1;
	txn->hot[HOT_UIDVALIDITY] = (uint64_t)(date_now() / 1000);
	txn->hot[HOT_COUNTED] = 1;
	txn->changed = 1;
	if ((e = store_mailbox_defaults(txn)) != STORE_OK) {
		store_abort(txn);
		return e;
	}
	return store_commit(txn);
}

/* --- rows ---------------------------------------------------------------- */

static enum store_err
store_errno(void)
{
	switch (errno) {
	case EAGAIN:
		return STORE_AGAIN;
	case ENOSPC:
	case EDQUOT:
		return STORE_FULL;
	case EPROTO:
		return STORE_CORRUPT;
	default:
		return STORE_IO;
	}
}

enum store_err
store_fail(struct store_txn *txn)
{
	if (txn->dead == STORE_OK) {
		txn->dead = store_errno();
		if (txn->dead != STORE_AGAIN)
			log_warn("account %s", txn->st->account);
	}
	return txn->dead;
}

enum store_err
store_broken(struct store_txn *txn, const char *what)
{
	log_warnx("account %s: bad %s", txn->st->account, what);
	if (txn->dead == STORE_OK)
		txn->dead = STORE_CORRUPT;
	return txn->dead;
}

enum store_err
store_get(struct store_txn *txn, const struct store_key *k, struct slice *v)
{
	int	 r = kv_get(txn->kv, k->b, k->n, v);

	return r == 1 ? STORE_OK : r == 0 ? STORE_NOTFOUND : store_fail(txn);
}

enum store_err
store_put(struct store_txn *txn, const struct store_key *k, const void *p,
    size_t n)
{
	txn->changed = 1;
	return kv_put(txn->kv, k->b, k->n, p, n) == 0 ? STORE_OK :
	    store_fail(txn);
}

enum store_err
store_del(struct store_txn *txn, const struct store_key *k)
{
	txn->changed = 1;
	return kv_del(txn->kv, k->b, k->n) >= 0 ? STORE_OK : store_fail(txn);
}

enum store_err
store_walk(struct store_txn *txn, struct kv_range *r,
    const struct store_key *k, int reverse)
{
	return kv_prefix(r, txn->kv, k->b, k->n, reverse) == 0 ? STORE_OK :
	    store_fail(txn);
}

enum store_err
store_next(struct store_txn *txn, struct kv_range *r, struct slice *k,
    struct slice *v)
{
	int	 n = kv_next(r, k, v);

	return n == 1 ? STORE_OK : n == 0 ? STORE_NOTFOUND : store_fail(txn);
}

/* --- transactions -------------------------------------------------------- */

enum store_err
store_begin(struct store *st, int write, struct store_txn **out)
{
	enum store_err	 e;
	int		 r;

	e = store_begin_plain(st, write, out);
	if (e != STORE_OK || !write ||
	    (*out)->hot[HOT_PENDING] <= PENDING_MAX)
		return e;
	/* nobody merges: a search would become too slow */
	store_abort(*out);
	*out = NULL;
	while ((r = store_search_merge(st, 1)) == 1)
		;
	return r == 0 ? store_begin_plain(st, write, out) : STORE_IO;
}

/* Without that: for the merge itself. */
enum store_err
store_begin_plain(struct store *st, int write, struct store_txn **out)
{
	struct store_txn	*txn;
	enum store_err		 e;

	*out = NULL;
	if ((txn = calloc(1, sizeof(*txn))) == NULL)
		return STORE_IO;
	txn->st = st;
	txn->write = write;
	if (kv_begin(st->kv, write, &txn->kv) == -1) {
		e = store_errno();
		free(txn);
		return e;
	}
	if ((e = store_hot_read(txn)) == STORE_OK)
		e = store_keyword_load(txn);
	txn->modseq0 = store_modseq(txn);
	txn->names0 = st->nnames;
	if (e != STORE_OK) {
		store_abort(txn);
		return e;
	}
	*out = txn;
	return STORE_OK;
}

enum store_err
store_commit(struct store_txn *txn)
{
	enum store_err	 e = txn->dead;

	if (e != STORE_OK || !txn->changed) {
		store_abort(txn);
		return e;
	}
	if ((e = store_mailbox_flush(txn)) != STORE_OK ||
	    (e = store_blob_flush(txn)) != STORE_OK ||
	    (e = store_hot_write(txn)) != STORE_OK ||
	    /* the blobs first: no row may point at bytes that can be lost */
	    (e = store_seg_flush(txn)) != STORE_OK) {
		store_abort(txn);
		return e;
	}
	if (kv_commit(txn->kv) == -1) {
		txn->kv = NULL;
		e = store_fail(txn);
		store_abort(txn);
		return e;
	}
	txn->st->dirty = 1;
	store_tell(txn);
	store_txn_free(txn);
	return STORE_OK;
}

/* Whoever waits for changes of the account hears which types did. */
static void
store_tell(const struct store_txn *txn)
{
	uint32_t	 types = 0;
	unsigned	 i;

	for (i = 0; i < STORE_TYPES; i++)
		if (txn->hot[HOT_TYPES + i] > txn->modseq0)
			types |= (uint32_t)1 << i;
	store_told[0] = txn->modseq0;
	store_told[1] = txn->hot[HOT_MODSEQ];
	if (types != 0 && store_config.changed != NULL)
		store_config.changed(txn->st->account, types);
}

void
store_commit_range(uint64_t *from, uint64_t *to)
{
	*from = store_told[0];
	*to = store_told[1];
}

void
store_abort(struct store_txn *txn)
{
	if (txn->kv != NULL)
		kv_abort(txn->kv);
	/* keywords that were not kept */
	if (txn->write)
		store_keyword_forget(txn->st, txn->names0);
	store_txn_free(txn);
}

static void
store_txn_free(struct store_txn *txn)
{
	free(txn->fresh);
	free(txn->tally);
	free(txn->box.v);
	free(txn->box.old);
	free(txn->box.flags);
	store_view_free(txn);
	free(txn);
}
