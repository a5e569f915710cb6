/* SPDX-License-Identifier: ISC */
/*
 * What the files of worker/store share with each other and with nobody else:
 * the open account, the transaction, and each file's inner door.
 *
 * A write transaction keeps the hot record and the mailboxes in memory and
 * writes them once, in store_commit; so an operation changes counters by
 * plain assignment.  Every access to rows goes through store_get/put/del
 * below, which turn a failure into the death of the transaction.
 */
#ifndef STORE_STORE_INT_H
#define STORE_STORE_INT_H

#include <sys/queue.h>

#include "worker/store/store_key.h"
#include "worker/store/store_query.h"
#include "worker/store/store_run.h"
#include "worker/store/store_search.h"
#include "worker/store/store_share.h"
#include "worker/store/store_word.h"

#define STORE_FDS	2		/* segments kept open */
#define STORE_PATHMAX	1200
#define STORE_ACCOUNTMAX	64

struct store_segfd {
	uint32_t	 seg;
	int		 fd;		/* -1: free */
};

struct store_name {			/* of a keyword */
	char		*p;
	size_t		 n;
};

struct store {
	TAILQ_ENTRY(store)	 entry;		/* most recently used first */
	char			 account[STORE_ACCOUNTMAX + 1];
	char			 path[STORE_PATHMAX];
	unsigned		 users;		/* opens less closes */
	int			 detached;	/* in no list; the last frees */
	int			 dirty;		/* changed since store_idle */
	int64_t			 tidied;	/* date_mono of that */
	struct kv		*kv;
	struct store_run	*runs[2 * STORE_RUNS];	/* open ones */
	size_t			 nruns;
	int			 runlock;	/* -1: not ours */
	struct store_merge	*merge;		/* under way, or NULL */
	int			 index_bad;	/* a run cannot be read */
	struct store_segfd	 fds[STORE_FDS];
	unsigned		 nextfd;	/* to be closed next */
	struct store_name	*names;		/* keyword dictionary by slot */
	size_t			 nnames, capnames;
	uint64_t		 brought;	/* of store_room.c */
};

struct store_fresh;
struct store_trow;
struct store_state;

struct store_tally {			/* store_thread_keyword, remembered */
	uint64_t	 tid;
	int		 slot;
	unsigned	 have, n;
};
#define STORE_TALLIES	256

/* Mailboxes of a transaction. */
struct store_boxes {
	struct store_mailbox	*v;		/* by id */
	struct store_mailbox	*old;		/* v as it was read */
	uint8_t			*flags;		/* BOX_* */
	size_t			 n, cap;
	int			 loaded;
};
#define BOX_NEW		0x01
#define BOX_SHARED	0x02		/* other rights or subscriptions */
#define BOX_SEEN	0x04		/* scratch of store_count.c */

/* What a principal sees of an account that is not his: store_view.c. */
struct store_viewbox {
	uint32_t	 mbid, rights;
	int		 subscribed;
};
struct store_view {
	uint64_t		 who;
	uint64_t		 since;		/* of his last new sight */
	struct store_viewbox	*v;		/* by mbid */
	size_t			 n, cap;
	struct store_mailbox	*box;		/* of store_mailbox_all */
	uint8_t			 mailboxes[8 * STORE_MAXBOXES];	/* a mail's */
};

struct store_txn {
	struct store		*st;
	struct kv_txn		*kv;
	int			 write;
	int			 changed;
	enum store_err		 dead;		/* why it can only be aborted */
	uint64_t		 hot[HOT_MAX];
	unsigned		 layout;	/* STORE_LAYOUT as read */
	uint64_t		 modseq0;	/* modseq as it began */
	struct store_boxes	 box;
	size_t			 names0;	/* dictionary as it began */
	uint32_t		 segdirty;	/* segment to flush, or 0 */
	int			 dirdirty;	/* blob folder to flush */
	struct store_fresh	*fresh;		/* of store_blob.c */
	struct store_tally	*tally;		/* of a reader, or NULL */
	struct store_view	*view;		/* NULL: the owner's */
	uint64_t		 quota;		/* bytes, 0: no limit */
	uint64_t		 uploaded;	/* bytes of new blobs */
	uint64_t		 brought;	/* of store_room.c, if walked */
	int			 walked;
	uint64_t		 by;		/* of store_share_by */
	const char		*by_name, *by_email;
};

/* store.c */
extern struct store_conf	 store_config;
enum store_err	store_fail(struct store_txn *);	/* by errno; kills it */
enum store_err	store_broken(struct store_txn *, const char *what);
/* STORE_OK, STORE_NOTFOUND, or the transaction is dead. */
enum store_err	store_get(struct store_txn *, const struct store_key *,
		    struct slice *);
enum store_err	store_put(struct store_txn *, const struct store_key *,
		    const void *, size_t);
enum store_err	store_del(struct store_txn *, const struct store_key *);
/* kv_next's result as ours: STORE_OK, STORE_NOTFOUND at the end, or dead. */
enum store_err	store_next(struct store_txn *, struct kv_range *,
		    struct slice *, struct slice *);
/* Walk all keys that begin with this one. */
enum store_err	store_walk(struct store_txn *, struct kv_range *,
		    const struct store_key *, int reverse);
/* 1 if it can be the name of an account. */
int		store_name_ok(const char *account);
/* Close the account, if it is open, to whoever opens it from now on. */
void		store_forget(const char *account);
enum store_err	store_begin_plain(struct store *, int, struct store_txn **);
int		store_mkdir(const char *path);

/* store_hot.c: into txn->hot, and back.  STORE_NOTFOUND: a new account. */
enum store_err	store_hot_read(struct store_txn *);
enum store_err	store_hot_write(struct store_txn *);

/* store_id.c: a set of numbers, start zeroed. */
struct store_set {
	uint64_t	*v;		/* x + 1, 0 is free */
	size_t		 n, cap;
};
void	store_ids_and(struct store_ids *, const struct store_ids *);
int	store_set_add(struct store_set *, uint64_t);	/* 1 new, 0, -1 */
void	store_set_free(struct store_set *);

/* store_view.c; each only where txn->view is set. */
void		store_view_free(struct store_txn *);
/* Cut the mail down to what is seen: 1, 0 it is not there for him. */
int		store_view_mail(struct store_txn *, struct store_mail *);
/* The same for a row of a thread: 1 or 0, nothing is cut. */
int		store_view_trow(const struct store_view *,
		    const struct store_trow *);
/* The same for a mailbox. */
int		store_view_mailbox(struct store_txn *, struct store_mailbox *);
enum store_err	store_view_mailboxes(struct store_txn *,
		    const struct store_mailbox **, size_t *);
uint32_t	store_view_parent(struct store_txn *, uint32_t);
uint64_t	store_view_type(struct store_txn *, enum store_type);
/* 1 if the right is given on all n mailboxes. */
int		store_view_may(const struct store_txn *, uint32_t right,
		    const uint32_t *mbid, size_t n);
enum store_err	store_view_reload(struct store_txn *);
/* A blob was put, by whose transaction it is; new: it was not there. */
enum store_err	store_view_put(struct store_txn *, const uint8_t *hash,
		    int new);
/* 1 if the owner never had it (0, too, when the transaction is dead). */
int		store_view_hidden(struct store_txn *, const uint8_t *hash);
/* The owner has, or had, it. */
enum store_err	store_view_shown(struct store_txn *, const uint8_t *hash);
/* store_view_change.c */
enum store_err	store_view_changes(struct store_txn *, enum store_type,
		    uint64_t since, size_t max, struct store_changes *);

/* store_share.c */
/* A mailbox made below another is shared as that; one that is destroyed is
 * no more. */
enum store_err	store_share_inherit(struct store_txn *, uint32_t from,
		    uint32_t to);
enum store_err	store_share_gone(struct store_txn *, uint32_t mbid);
int		store_share_decode(struct slice key, struct slice val,
		    struct store_share *, uint64_t *since);

/* store_change.c */
enum { LOG_CREATED = 1, LOG_UPDATED, LOG_DESTROYED };
/* What became of one id. */
struct store_fate {
	uint64_t	 id;
	int64_t		 received;	/* of mail, if a row said it, else -1 */
	int		 first, last;	/* LOG_* */
	int		 props;		/* more than counts changed */
};
struct store_fates {			/* start zeroed */
	struct store_fate *v;
	size_t		 n, cap;
	size_t		*slot;		/* hash: index + 1 into v */
	size_t		 nslot;
};
/* Fates of a type since a state, as store_changes.  *state: up to which. */
enum store_err	store_change_read(struct store_txn *, enum store_type,
		    uint64_t since, size_t max, struct store_fates *,
		    uint64_t *state, int *more);
void		store_change_done(struct store_fates *);
/* Note a change; its modseq, or 0 and the transaction is dead. */
uint64_t	store_change_log(struct store_txn *, enum store_type, int op,
		    uint64_t id, int counts_only);
/* The same for a mail that leaves mailboxes, so that trimming the log finds
 * its tombstones. */
uint64_t	store_change_left(struct store_txn *, int op, uint64_t id,
		    int64_t received, const uint32_t *mbid, size_t n);
enum store_err	store_change_trim(struct store_txn *, uint64_t keep,
		    unsigned max, int *more);

/* store_keyword.c */
/* The slot of a name, made if there is none; -1: not a keyword or dead. */
int		store_keyword_slot(struct store_txn *, struct slice);
int		store_keyword_row(struct store_txn *, const char *, size_t);
enum store_err	store_keyword_load(struct store_txn *);
void		store_keyword_forget(struct store *, size_t from);

/* store_mail.c: by eid, all of it whoever looks. */
enum store_err	store_mail_raw(struct store_txn *, uint64_t eid,
		    struct store_mail *);

/* store_mail_diff.c: from one state to another. */
/* STORE_FORBIDDEN when a view has not the right; old NULL: a new mail. */
enum store_err	store_mail_diff_may(const struct store_txn *,
		    const struct store_state *old,
		    const struct store_state *new);
/* 1 if there is no difference. */
int		store_mail_diff_same(const struct store_state *,
		    const struct store_state *);
/* 1 if the difference may move a counter. */
int		store_mail_diff_counts(const struct store_state *,
		    const struct store_state *);

/* store_mailbox.c */
enum store_err	store_mailbox_load(struct store_txn *);
/* The index of a mailbox, or -1. */
int		store_mailbox_find(const struct store_boxes *, uint32_t id);
enum store_err	store_mailbox_defaults(struct store_txn *);

/* store_thread.c: T rows in memory. */
struct store_trow {
	uint64_t	 eid;
	int64_t		 received;
	uint64_t	 kw;
	uint32_t	*mailbox;	/* own memory */
	uint16_t	 gen, nmailbox;
};
struct store_thread {
	uint64_t		 tid;
	struct store_trow	*v;
	size_t			 n, cap;
};
enum store_err	store_thread_load(struct store_txn *, uint64_t tid,
		    struct store_thread *);
void		store_thread_free(struct store_thread *);
enum store_err	store_thread_write(struct store_txn *, uint64_t tid,
		    const struct store_trow *);
enum store_err	store_thread_erase(struct store_txn *, uint64_t tid,
		    const struct store_trow *);
int		store_thread_decode(struct slice key, struct slice val,
		    struct store_trow *, uint64_t *tid);
/* Which thread a new mail belongs to (0: a new one), merging others. */
struct store_refs {
	uint64_t	 h[STORE_MAXREFS];
	size_t		 n;
	uint32_t	 subject;
};
void		store_thread_refs(const struct store_newmail *,
		    struct store_refs *);
enum store_err	store_thread_join(struct store_txn *,
		    const struct store_refs *, uint64_t *tid);
enum store_err	store_thread_learn(struct store_txn *,
		    const struct store_refs *, uint64_t tid);
enum store_err	store_thread_forget(struct store_txn *,
		    const struct store_refs *);

/* store_count.c: heads of threads, and the mailboxes' counters. */
struct store_headbox {
	uint32_t	 mbid, n;	/* a mailbox, mails of the thread */
};
struct store_head {
	uint64_t		 tid;
	uint32_t		 n;		/* mails; 0 no such thread */
	uint32_t		 other, trash;	/* unread outside, in trash */
	struct store_headbox	*box;		/* by mbid */
	size_t			 nbox, cap;
};
enum store_err	store_count_load(struct store_txn *, uint64_t tid,
		    struct store_head *);
void		store_count_free(struct store_head *);
uint8_t		*store_count_pack(const struct store_head *, size_t *);
/* Take (-1) or add (1) one mail of the thread. */
enum store_err	store_count_mail(struct store_txn *, struct store_head *,
		    const struct store_trow *, int sign);
/* A mail of the thread was old (NULL: not there), is new (NULL: gone).  *n,
 * unless NULL: mails left. */
enum store_err	store_count_change(struct store_txn *, uint64_t tid,
		    const struct store_trow *old,
		    const struct store_trow *new, uint32_t *n);
/* All counters of the loaded mailboxes, anew, from the T rows; with write
 * the heads, too. */
enum store_err	store_count_all(struct store_txn *, int write);

/* store_quota.c */
enum store_err	store_quota_use(struct store_txn *, int mails, uint64_t bytes);

/* store_row.c: S, E, e and P rows. */
struct store_state {			/* an S row that can be changed */
	struct store_mail	 m;	/* but mailboxes and more: */
	uint32_t		 mbid[STORE_MAXBOXES], uid[STORE_MAXBOXES];
	uint16_t		 more[STORE_KW_MAX];
	size_t			 nmbid, nmore;
};
int		store_row_state(struct slice key, struct slice val,
		    struct store_mail *);
void		store_row_edit(const struct store_mail *, struct store_state *);
enum store_err	store_row_save(struct store_txn *, const struct store_state *);
enum store_err	store_row_add(struct store_txn *, uint64_t eid,
		    const struct store_newmail *, const struct store_refs *);
enum store_err	store_row_refs(struct store_txn *, uint64_t eid,
		    struct store_refs *);
enum store_err	store_row_erase(struct store_txn *, uint64_t eid);
int		store_row_check(struct slice val);	/* its CRC: 0, -1 */
/* 1 if that is the blob of an E row. */
int		store_row_of(struct slice val, const uint8_t *hash);
uint64_t	store_row_prefix(struct slice);

/* store_index.c: M, m and K rows of a mail. */
enum store_err	store_index_add(struct store_txn *, const struct store_state *,
		    uint64_t modseq);
enum store_err	store_index_change(struct store_txn *,
		    const struct store_state *old,
		    const struct store_state *new,
		    uint64_t modseq);
enum store_err	store_index_remove(struct store_txn *,
		    const struct store_state *, uint64_t modseq);

/* store_seg.c */
enum store_err	store_seg_append(struct store_txn *, const uint8_t *hash,
		    const void *, size_t, uint32_t *seg, uint64_t *off,
		    uint64_t *clen);
enum store_err	store_seg_read(struct store_txn *, const uint8_t *hash,
		    uint32_t seg, uint64_t off, uint64_t clen, uint64_t rlen,
		    uint64_t from, uint64_t len, struct buf *);
enum store_err	store_seg_copy(struct store_txn *, uint32_t seg, uint64_t off,
		    uint64_t clen, uint32_t *nseg, uint64_t *noff);
enum store_err	store_seg_live(struct store_txn *, uint32_t seg,
		    int64_t used, int64_t live);
enum store_err	store_seg_flush(struct store_txn *);
int		store_seg_path(const struct store *, uint32_t, char *, size_t);
void		store_seg_close(struct store *);

/* store_blob.c: G rows. */
struct store_blob {
	uint32_t	 seg, refs;
	uint64_t	 off, rlen, clen, expiry;
};
int		store_blob_decode(struct slice, struct store_blob *);
/* Write the row that store_blob_put left for a mail to refer to. */
enum store_err	store_blob_flush(struct store_txn *);
enum store_err	store_blob_row(struct store_txn *, const uint8_t *hash,
		    struct store_blob *);
enum store_err	store_blob_save(struct store_txn *, const uint8_t *hash,
		    const struct store_blob *);
/* Expired blobs, at most max; *more when some are left. */
enum store_err	store_blob_expire(struct store_txn *, unsigned max, int *more);
enum store_err	store_blob_compact(struct store_txn *, int *more);
/* Away with it, but for its row in X; nothing when it is referred to. */
enum store_err	store_blob_drop(struct store_txn *, const uint8_t *hash);

/* store_room.c: room for n bytes more; STORE_OVERQUOTA: cannot be had. */
enum store_err	store_room(struct store_txn *, uint64_t n);
/* HOT_IDLE of an account of before there was one, once. */
enum store_err	store_room_count(struct store *);

/* store_pend.c: the words of a mail, as a row. */
struct store_entry_f {			/* a word of it */
	const uint8_t	*word, *stem;	/* stems: each u8 length, bytes */
	uint8_t		 in, tag, len, nstem;
};
struct store_wait {
	uint64_t	 eid;
	size_t		 at, len;	/* of its bytes */
};
struct store_waits {			/* rows, by eid */
	struct store_wait	*v;
	size_t			 n, cap;
	struct buf		 bytes;
};
/* Append the row of these texts; 0 or -1 without memory. */
int		store_pend_row(struct buf *, const struct store_text *, size_t,
		    struct slice language);
/* Read one: 0, -1 it is none; then each word: 1, 0, -1. */
int		store_pend_open(struct slice, const uint8_t **p,
		    const uint8_t **end);
int		store_pend_each(const uint8_t **p, const uint8_t *end,
		    struct store_entry_f *);
void		store_pend_init(struct store_waits *);
void		store_pend_free(struct store_waits *);
/* What was appended to bytes from `at` is the mail's row. */
int		store_pend_note(struct store_waits *, uint64_t eid, size_t at);
/* Write them as a run, and say what it is; 0 or -1. */
int		store_pend_run(struct store *, const struct store_waits *,
		    uint32_t id, enum store_runset, struct store_runinfo *);
/* The oldest waiting rows become a run: 1, 0 there is none, -1. */
int		store_pend_merge(struct store *);

/* store_rebuild.c */
enum store_err	store_rebuild_note(struct store_txn *, int lost);
int		store_rebuild_due(struct store *);
enum store_err	store_rebuild_upgrade(struct store *);

/* store_search.c: the words of a question; done after any result. */
enum store_err	store_search_asks(struct store_asks *,
		    const struct store_words *, size_t, int *usable);
void		store_search_done(struct store_asks *);

/* store_pend.c */
enum store_err	store_search_pend(struct store_txn *, uint64_t eid,
		    const struct store_text *, size_t n,
		    struct slice language);
enum store_err	store_search_drop(struct store_txn *, uint64_t eid);

#endif
