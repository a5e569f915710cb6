/* SPDX-License-Identifier: ISC */
/*
 * The account store: mail, mailboxes, threads, keywords, change log, blobs
 * and search index of one account, in one folder.  It knows no JSON, no
 * JMAP method, no HTTP and no MIME: whoever delivers (JMAP, LMTP, jmapctl
 * import) hands in a prepared struct store_newmail; whoever asks gets
 * numbers and the bytes that were handed in.
 *
 * Invariants
 * - Opened after fork only, in unprivileged processes only.
 * - No transaction lives across a turn of the event loop: copy out, end it,
 *   then write to the socket.
 * - One write transaction carries any number of operations; store_commit
 *   makes all of them durable together (one flush of the blobs, one of the
 *   index).  What was acknowledged before a power cut is there after it,
 *   in sync mode full.
 * - An operation that is refused (any enum store_err up to STORE_REFUSED)
 *   has changed nothing, and the transaction goes on.  After any later one
 *   the transaction is lost: store_abort it.  STORE_AGAIN: run it again.
 * - Pointers given out (rows, slices) live until the transaction ends or,
 *   in a write transaction, until its next write.
 * - Counters, indexes and log are kept in the same transaction as the mail;
 *   store_check recomputes all of them and names each difference.
 *
 * Ids.  A mail has a stable number, eid, and a generation, gen, which grows
 * when its thread is merged into another: then the old id is destroyed and
 * a new one created (RFC 8621 3), while nothing is re-keyed.  "Mail id" below
 * is eid << 16 | gen.  A thread has a 64-bit number, a mailbox a 32-bit one,
 * never used twice.  Text forms are in part 2.
 *
 * States.  Every logged change has its own modseq, one counter an account.
 * The state of a type is the modseq of its last change; states only grow.
 *
 * Contents: 1 open and close, 2 ids, 3 transactions, 4 states and changes,
 * 5 keywords, 6 mailboxes, 7 mail, 8 threads, 9 blobs, 10 other objects,
 * 11 maintenance and check.  Beside it: store_query.h (lists of mail),
 * store_search.h (words), store_share.h (what others than the owner see).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "common/buf.h"
#include "common/kv.h"
#include "common/slice.h"

struct store;			/* an account, open */
struct store_txn;		/* a transaction on it */

enum store_err {
	STORE_OK,
	STORE_NOTFOUND,		/* no such mail, mailbox, blob, object */
	STORE_EXISTS,		/* a sibling has that name, the role is taken */
	STORE_INVALID,		/* a value out of range, too long or empty */
	STORE_NOMAILBOX,	/* names an unknown mailbox, or none is left */
	STORE_NOPARENT,		/* the parent is unknown or inside itself */
	STORE_HASCHILD,		/* RFC 8621 2.5 mailboxHasChild */
	STORE_HASMAIL,		/* RFC 8621 2.5 mailboxHasEmail */
	STORE_NOINDEX,		/* no search yet: the index is being made */
	STORE_CANNOT,		/* RFC 8620 5.2 cannotCalculateChanges */
	STORE_FORBIDDEN,	/* the right is missing: store_share.h */
	STORE_TOOMANY,		/* more keywords, mailboxes, ... than we keep */
	STORE_OVERQUOTA,	/* store_quota */
	STORE_REFUSED = STORE_OVERQUOTA,

	STORE_AGAIN,		/* the map had to grow: run the whole again */
	STORE_FULL,		/* no space on the disk */
	STORE_CORRUPT,		/* a row or blob is not what it must be */
	STORE_VERSION,		/* written by a newer program */
	STORE_IO		/* anything else from the system; errno */
};
/* A few words for a log line. */
const char	*store_strerror(enum store_err);

/* --- 1 open and close ---------------------------------------------------- */

struct store_text;
typedef int store_texts_fn(void *, const struct store_text *, size_t n,
    struct slice language);

struct store_conf {
	char		dir[1024];	/* one folder an account below this */
	enum kv_sync	sync;		/* default KV_FULL */
	int		nolock;		/* KV_NOLOCK; always so on OpenBSD */
	unsigned	maxopen;	/* accounts kept open, default 256 */
	int		zstd;		/* level, default 3; 0 stores raw */
	uint32_t	segment;	/* largest segment, default 64 MiB */
	int64_t		upload_ms;	/* life of an unreferenced blob, 1 h */
	uint64_t	upload_max;	/* bytes of all these; 0: no limit */
	uint64_t	keeplog;	/* changes kept by store_tidy, 1e6 */
	/* A commit gave these types (1 << enum store_type) a new state; called
	 * inside of store_commit, so it may only note it.  May be NULL. */
	void		(*changed)(const char *account, uint32_t types);
	/* Call fn with the texts of a message, for the search index to be
	 * made again: what fn returned, or -1.  May be NULL: then it is not. */
	int		(*texts)(const void *raw, size_t len,
			    store_texts_fn *fn, void *arg);
};
/* Inside of changed: the modseqs of this commit, from < modseq <= to. */
void	store_commit_range(uint64_t *from, uint64_t *to);
/* Defaults, then the caller sets dir and what it likes. */
void	store_conf_init(struct store_conf *);
/* Once a process, after fork, before the first open; copied. */
void	store_init(const struct store_conf *);
/* Close every account. */
void	store_shutdown(void);

#define STORE_CREATE	0x01	/* make folder and default mailboxes */

/*
 * Borrow the account's store; give it back with store_close in the same
 * turn.  Kept open behind the scenes, least recently used go first.  The
 * account's name is a folder name: 1 to 64 of [A-Za-z0-9_-], else
 * STORE_INVALID.  Without STORE_CREATE an absent one is STORE_NOTFOUND.
 */
enum store_err	store_open(const char *account, unsigned flags,
		    struct store **);
void	store_close(struct store *);
/* Remove everything of an account.  Who has it open goes on with files that
 * nobody will ever see again. */
enum store_err	store_destroy(const char *account);

/* --- 2 ids --------------------------------------------------------------- */

/*
 * Text forms: a letter (E mail, T thread, M mailbox, G blob), then digits of
 * base 32 in lower case (RFC 8620 1.2: no leading dash or digit, no two ids
 * that differ by case only), a mail's gen after a dash unless it is 0; for
 * a blob base64url of its SHA-256.  Getters take one right spelling: 0, -1.
 */
#define STORE_IDLEN	48	/* longest text and NUL */
#define STORE_HASHLEN	32
#define STORE_EID(id)	((id) >> 16)
#define STORE_GEN(id)	((unsigned)((id) & 0xffff))

size_t	store_id_mail(uint64_t id, char out[STORE_IDLEN]);
size_t	store_id_thread(uint64_t tid, char out[STORE_IDLEN]);
size_t	store_id_mailbox(uint32_t mbid, char out[STORE_IDLEN]);
size_t	store_id_blob(const uint8_t hash[STORE_HASHLEN],
	    char out[STORE_IDLEN]);
/* Any other type: its own capital letter and number. */
size_t	store_id_object(int letter, uint64_t id, char out[STORE_IDLEN]);
int	store_id_mail_get(const char *, size_t, uint64_t *id);
int	store_id_thread_get(const char *, size_t, uint64_t *tid);
int	store_id_mailbox_get(const char *, size_t, uint32_t *mbid);
int	store_id_blob_get(const char *, size_t, uint8_t hash[STORE_HASHLEN]);
int	store_id_object_get(int letter, const char *, size_t, uint64_t *id);

/* --- 3 transactions ------------------------------------------------------ */

/*
 * A snapshot to read (write 0), or the account's one writer (write 1; waits
 * for others).  At most one writer a process and account, and none begins
 * while this process still reads the account (STORE_IO, EBUSY): read within
 * the writer.  Keep it below 5,000 operations.  A commit without a change
 * does not touch the disk.  Both ends free the transaction whatever they
 * return; STORE_OK from store_commit means it is on the disk (in sync mode
 * full).
 */
enum store_err	store_begin(struct store *, int write, struct store_txn **);
enum store_err	store_commit(struct store_txn *);
void	store_abort(struct store_txn *);

/*
 * fn in a write transaction: committed when it returns STORE_OK, else dropped
 * with what it returned; run again, whole, where the map had to grow.
 */
typedef enum store_err	store_write_fn(struct store_txn *, void *);
enum store_err	store_write(struct store *, store_write_fn *, void *);
/* The same on an account that is there, else STORE_NOTFOUND. */
enum store_err	store_write_to(const char *account, store_write_fn *, void *);

/* --- 4 states and changes ------------------------------------------------ */

enum store_type {
	STORE_MAILBOX,
	STORE_THREAD,
	STORE_EMAIL,
	STORE_DELIVERY,		/* EmailDelivery, RFC 8621 1.5: state only */
	STORE_IDENTITY,
	STORE_SUBMISSION,
	STORE_VACATION,
	STORE_SIEVE,
	STORE_QUOTA,
	STORE_PUSH,
	STORE_SHARENOTE,	/* ShareNotification, RFC 9670 3 */
	STORE_SHARED,		/* ours: accounts that share with this one */
	STORE_SHAREOUT,		/* ours: sharing others must be told of */
	STORE_OTHER,		/* first free number for what comes later */
	STORE_TYPES = 32
};

/* The modseq of the type's last change; 0 before the first. */
uint64_t	store_state(struct store_txn *, enum store_type);
/* States only: the last change of any type. */
uint64_t	store_modseq(struct store_txn *);

struct store_changes {
	uint64_t	*created, *updated, *destroyed;	/* ids of the type */
	size_t		 ncreated, nupdated, ndestroyed;
	uint64_t	 state;		/* the state these lead to */
	int		 more;		/* RFC 8620 5.2 hasMoreChanges */
	int		 counts_only;	/* mailboxes: nothing but counts changed
					 * in any of updated */
};
/*
 * What happened to a type since a state (RFC 8620 5.2): created and then
 * destroyed is left out, created and updated is created.  At most max ids,
 * 0 for no bound.  STORE_CANNOT when since is older than the log or in the
 * future.  Free with store_changes_free, after any result.
 */
enum store_err	store_changes(struct store_txn *, enum store_type,
		    uint64_t since, size_t max, struct store_changes *);
void	store_changes_free(struct store_changes *);

/* --- 5 keywords ---------------------------------------------------------- */

/*
 * Each keyword of an account has a slot, in order of first use, for ever.
 * Slots 0 to 63 are bits of a mail's kw; higher ones are listed apart.
 * Names are folded to lower case (RFC 8621 4.1.1: case-insensitive).
 */
enum {
	STORE_KW_SEEN, STORE_KW_DRAFT, STORE_KW_FLAGGED, STORE_KW_ANSWERED,
	STORE_KW_FORWARDED, STORE_KW_PHISHING, STORE_KW_JUNK,
	STORE_KW_NOTJUNK, STORE_KW_FIRST_FREE
};
#define STORE_KW_MAXLEN	255	/* bytes of a name, RFC 8621 4.1.1 */
#define STORE_KW_MAX	1000	/* of one mail */
#define STORE_BIT(slot)	((uint64_t)1 << (slot))

/* The slot of a name, or -1 when no mail of the account ever had it. */
int	store_keyword(struct store_txn *, const char *, size_t);
/* The name in a slot; n 0 when there is none. */
struct slice	store_keyword_name(struct store_txn *, unsigned slot);

/* --- 6 mailboxes --------------------------------------------------------- */

/* RFC 8621 2 and the IANA registry it names; index of store_roles. */
enum store_role {
	STORE_ROLE_NONE, STORE_ROLE_ALL, STORE_ROLE_ARCHIVE,
	STORE_ROLE_DRAFTS, STORE_ROLE_FLAGGED, STORE_ROLE_IMPORTANT,
	STORE_ROLE_INBOX, STORE_ROLE_JUNK, STORE_ROLE_SENT,
	STORE_ROLE_SUBSCRIBED, STORE_ROLE_TRASH, STORE_ROLE_MEMOS,
	STORE_ROLE_SCHEDULED, STORE_ROLE_SNOOZED, STORE_ROLES
};
extern const char *const store_roles[STORE_ROLES];	/* "", "all", ... */

#define STORE_NAME_MAX	255	/* bytes of a mailbox's name */

struct store_mailbox {
	uint32_t	id;
	uint32_t	parent;		/* 0: top level */
	enum store_role	role;
	uint32_t	sort;		/* sortOrder */
	int		subscribed;
	uint32_t	total, unread;		/* emails */
	uint32_t	threads, unread_threads;
	uint64_t	created;	/* modseq of creation, */
	uint64_t	props;		/* of the last change but of counts, */
	uint64_t	counts;		/* of counts, */
	uint64_t	emails;		/* of its list or its mails' keywords:
					 * the queryState of "inMailbox" */
	uint32_t	uidnext, uidvalidity;	/* for IMAP */
	char		name[STORE_NAME_MAX + 1];
};

/* By id; STORE_OK or STORE_NOTFOUND. */
enum store_err	store_mailbox_get(struct store_txn *, uint32_t id,
		    struct store_mailbox *);
/* All of them by id, in an array that lives as long as the transaction. */
enum store_err	store_mailbox_all(struct store_txn *,
		    const struct store_mailbox **, size_t *n);
/* The mailbox with a role, or 0. */
uint32_t	store_mailbox_role(struct store_txn *, enum store_role);
/* The child of parent (0: top level) with a name, or 0. */
uint32_t	store_mailbox_named(struct store_txn *, uint32_t parent,
		    const char *name);

/*
 * Make one from name, parent, role, sort and subscribed; sets id.  Refused:
 * STORE_INVALID (name empty, too long, not UTF-8, a control character),
 * STORE_EXISTS, STORE_NOPARENT.
 */
enum store_err	store_mailbox_create(struct store_txn *,
		    struct store_mailbox *);
/* Set the same five properties of the mailbox with that id. */
enum store_err	store_mailbox_update(struct store_txn *,
		    const struct store_mailbox *);
/*
 * Log and write all mailboxes whose properties or counts changed so far:
 * store_state() of mailboxes is then what it will be after the commit, which
 * does this, too.
 */
enum store_err	store_mailbox_flush(struct store_txn *);
/*
 * Destroy; with remove its mails leave it, those in no other mailbox are
 * destroyed, too.  Else STORE_HASMAIL, or STORE_HASCHILD in any case.
 */
enum store_err	store_mailbox_destroy(struct store_txn *, uint32_t id,
		    int remove);

/* --- 7 mail -------------------------------------------------------------- */

/*
 * Fragments of the immutable list row.  What stands in them is the caller's
 * affair: JSON text of the property's value, without the name.  An absent
 * one (n 0) comes back as n 0.  The SORT ones are folded keys (RFC 5256 2.1
 * base subject, first name or address), compared as bytes.  All others keep
 * their number for ever; add before STORE_F_MAX.
 */
enum store_frag {
	STORE_F_FROM, STORE_F_TO, STORE_F_CC, STORE_F_BCC, STORE_F_REPLYTO,
	STORE_F_SENDER, STORE_F_SUBJECT, STORE_F_MESSAGEID,
	STORE_F_INREPLYTO, STORE_F_REFERENCES, STORE_F_SENTAT,
	STORE_F_PREVIEW, STORE_F_HASATTACHMENT, STORE_F_RECEIVEDAT,
	STORE_F_SIZE, STORE_F_BLOBID,
	STORE_F_SORTFROM, STORE_F_SORTTO, STORE_F_SORTSUBJECT,
	STORE_F_MAX
};

/* Fields of the search index; a mask of STORE_IN_* is up to 8 bits. */
enum {
	STORE_IN_FROM = 0x01, STORE_IN_TO = 0x02, STORE_IN_CC = 0x04,
	STORE_IN_BCC = 0x08, STORE_IN_SUBJECT = 0x10, STORE_IN_BODY = 0x20,
	STORE_IN_ATTACHMENT = 0x40,
	STORE_IN_HEADER = 0x80,		/* ids and lists, for "header" */
	STORE_IN_ANY = 0x7f,		/* what people read */
	/* not text, but names of header fields, a line each; asked for like
	 * words, of mail that has such a field */
	STORE_NAMES = 0x100,
	STORE_IN_NAMES = STORE_IN_HEADER | STORE_NAMES
};
struct store_text {		/* UTF-8 to be indexed, in one field */
	unsigned	in;
	struct slice	text;
};

#define STORE_MAXREFS	64	/* message ids looked at for threading */
#define STORE_MAXBOXES	500	/* mailboxes of one mail */

/* A mail to be added.  Everything is borrowed for the call. */
struct store_newmail {
	uint8_t		 blob[STORE_HASHLEN];	/* from store_blob_put */
	int64_t		 received;	/* receivedAt; kept within 1970..9999 */
	int64_t		 sent;		/* sentAt, UTC, or DATE_NONE */
	uint32_t	 size;		/* bytes of the message */
	int		 attachment;	/* hasAttachment */
	const uint32_t	*mailbox;	/* at least one */
	size_t		 nmailbox;
	const struct slice *keyword;
	size_t		 nkeyword;
	struct slice	 frag[STORE_F_MAX];
	struct slice	 structure;	/* opaque: the body structure (P row);
					 * begins with the caller's version */
	const struct slice *msgid;	/* of Message-ID, In-Reply-To and
					 * References, without <>; the own
					 * first, the newest last */
	size_t		 nmsgid;
	struct slice	 subject;	/* base subject, folded: threading */
	const struct store_text *text;
	size_t		 ntext;
	struct slice	 language;	/* tag of Content-Language, or n 0 */
};
/*
 * Add a mail: joins or merges threads, counts, indexes, logs.  Sets *id and
 * *tid.  STORE_NOTFOUND: no such blob.  STORE_NOMAILBOX, STORE_INVALID (a
 * keyword), STORE_TOOMANY, STORE_OVERQUOTA.
 */
enum store_err	store_mail_add(struct store_txn *,
		    const struct store_newmail *, uint64_t *id, uint64_t *tid);

/* The state of a mail: its S row, read. */
struct store_mail {
	uint64_t	 id, tid;
	uint64_t	 modseq;	/* of its last change */
	uint64_t	 created;	/* modseq of its creation */
	uint64_t	 kw;		/* slots 0 to 63 */
	int64_t		 received, sent;
	uint32_t	 size;
	int		 attachment;
	size_t		 nmailbox;	/* store_mail_mailbox(m, i) */
	size_t		 nmore;		/* store_mail_more(m, i): slots > 63 */
	const uint8_t	*mailboxes, *more;	/* as stored */
	uint64_t	 from, to, subject;	/* first 8 bytes of sort keys */
};
/* By mail id (another gen is STORE_NOTFOUND), or by eid alone. */
enum store_err	store_mail_get(struct store_txn *, uint64_t id,
		    struct store_mail *);
enum store_err	store_mail_eid(struct store_txn *, uint64_t eid,
		    struct store_mail *);
uint32_t	store_mail_mailbox(const struct store_mail *, size_t);
unsigned	store_mail_more(const struct store_mail *, size_t);
/* 1 or 0: is it in the mailbox; has it the keyword of the slot (-1: no). */
int	store_mail_in(const struct store_mail *, uint32_t mailbox);
int	store_mail_has(const struct store_mail *, int slot);

/* The immutable row of the mail that was read. */
struct store_row {
	struct slice	 frag[STORE_F_MAX];
	const uint8_t	*blob;			/* STORE_HASHLEN bytes */
};
enum store_err	store_mail_row(struct store_txn *, const struct store_mail *,
		    struct store_row *);
/* Its structure record, as handed in. */
enum store_err	store_mail_structure(struct store_txn *,
		    const struct store_mail *, struct slice *);

/*
 * Change keywords and mailboxes.  First REPLACE empties, then add, then del.
 * STORE_NOTFOUND, STORE_NOMAILBOX (a strange one, or none would be left),
 * STORE_INVALID (a keyword), STORE_TOOMANY.  Changing nothing is no change.
 */
#define STORE_REPLACE_KEYWORDS	0x01
#define STORE_REPLACE_MAILBOXES	0x02
struct store_mailmod {
	unsigned		 flags;
	const struct slice	*kw_add, *kw_del;
	size_t			 nkw_add, nkw_del;
	const uint32_t		*mb_add, *mb_del;
	size_t			 nmb_add, nmb_del;
};
enum store_err	store_mail_update(struct store_txn *, uint64_t id,
		    const struct store_mailmod *);
enum store_err	store_mail_destroy(struct store_txn *, uint64_t id);

/*
 * The account's mail may take that many bytes (0: any) in this transaction;
 * what is there stays.  The object 1 of type Quota is noted as changed, as
 * if by counts, whenever mail comes or goes, if there is one.
 */
void	store_quota(struct store_txn *, uint64_t bytes);
/* 1 if so many bytes more may not come. */
int	store_quota_over(struct store_txn *, uint64_t bytes);
/* Mails of the account, and the bytes they take. */
void	store_usage(struct store_txn *, uint64_t *mails, uint64_t *bytes);

/* --- 8 threads ----------------------------------------------------------- */

/* Lists of numbers, grown by the functions below; start zeroed. */
struct store_ids {
	uint64_t	*v;
	size_t		 n, cap;
};
void	store_ids_free(struct store_ids *);
int	store_ids_add(struct store_ids *, uint64_t);	/* 0, -1 */
void	store_ids_sort(struct store_ids *);		/* upward, once each */
/* 1 if x is in a list sorted upward, by bisection. */
int	store_ids_has(const struct store_ids *, uint64_t x);
/* Keep of the first what is in the second, too; both sorted upward. */
void	store_ids_and(struct store_ids *, const struct store_ids *);

/* Mail ids of a thread, oldest first (RFC 8621 3), appended to *ids. */
enum store_err	store_thread_get(struct store_txn *, uint64_t tid,
		    struct store_ids *ids);
/* Threads that have or refer to a Message-ID (without <>), appended. */
enum store_err	store_thread_msgid(struct store_txn *, struct slice,
		    struct store_ids *tids);
/* How many mails of the thread have a slot's keyword, out of *n. */
enum store_err	store_thread_keyword(struct store_txn *, uint64_t tid,
		    int slot, unsigned *have, unsigned *n);

/* --- 9 blobs ------------------------------------------------------------- */

/*
 * Keep n bytes; sets their SHA-256.  Bytes the account has already are not
 * kept twice, their life is extended.  Until a mail or object refers to it a
 * blob lives upload_ms.  Durable with the commit.
 */
enum store_err	store_blob_put(struct store_txn *, const void *, size_t n,
		    uint8_t hash[STORE_HASHLEN]);
/*
 * The same for what a user brings (RFC 8620 6): where all blobs without a
 * reference would be more than upload_max, the oldest go until there is room;
 * a sharee's room is made of what sharees brought.  STORE_OVERQUOTA when the
 * transaction has brought that much itself, or nothing may go.
 */
enum store_err	store_blob_upload(struct store_txn *, const void *, size_t n,
		    uint8_t hash[STORE_HASHLEN]);
/* Its size, in bytes. */
enum store_err	store_blob_size(struct store_txn *,
		    const uint8_t hash[STORE_HASHLEN], uint64_t *size);
/*
 * Append len bytes from off to the buffer (len UINT64_MAX: to the end; past
 * the end: none).  Checked against the record's CRCs: STORE_CORRUPT.  Costs
 * the 256 KiB pieces that the range touches, so long ones go by pieces.
 */
enum store_err	store_blob_get(struct store_txn *,
		    const uint8_t hash[STORE_HASHLEN], uint64_t off,
		    uint64_t len, struct buf *);
/*
 * Append the numbers of the mails whose message it is, newest first.  Reads
 * the account's rows until all of its references are found.
 */
enum store_err	store_blob_mails(struct store_txn *,
		    const uint8_t hash[STORE_HASHLEN], struct store_ids *eids);
/* One more, or one less, object refers to it (mail does so by itself). */
enum store_err	store_blob_ref(struct store_txn *,
		    const uint8_t hash[STORE_HASHLEN], int delta);

/* --- 10 other objects ---------------------------------------------------- */

/*
 * Small rows of other types (identities, submissions, ...): opaque bytes,
 * at most 1 MiB, logged for store_changes.  id 0 in create asks for a new
 * one.  Bytes begin with the caller's version; where that is
 * STORE_OBJECT_BLOBS a number (16 bits, big-endian) and as many hashes of
 * blobs follow, which the row keeps alive: create and update are
 * STORE_NOTFOUND when there is none such.
 */
#define STORE_OBJECT_BLOBS	0xb1
/* The hashes in a row, or NULL. */
const uint8_t	*store_object_blobs(struct slice, size_t *n);
enum store_err	store_object_create(struct store_txn *, enum store_type,
		    struct slice, uint64_t *id);
enum store_err	store_object_update(struct store_txn *, enum store_type,
		    uint64_t id, struct slice);
enum store_err	store_object_destroy(struct store_txn *, enum store_type,
		    uint64_t id);
enum store_err	store_object_get(struct store_txn *, enum store_type,
		    uint64_t id, struct slice *);
/* Every id of the type, upward, appended. */
enum store_err	store_object_ids(struct store_txn *, enum store_type,
		    struct store_ids *);
/*
 * Notes of ours that no client sees: like objects, with neither log nor
 * state.  put creates or replaces; n 0 removes.
 */
enum store_note { STORE_NOTE_VACATION = 1 };
enum store_err	store_note_put(struct store_txn *, enum store_note,
		    struct slice);
enum store_err	store_note_get(struct store_txn *, enum store_note,
		    struct slice *);
/* A state that changes without an object (EmailDelivery). */
enum store_err	store_touch(struct store_txn *, enum store_type);

/* --- 11 maintenance and check -------------------------------------------- */

/*
 * Bounded housekeeping for an idle timer, in transactions of its own: expired
 * uploads, the log beyond keeplog, waiting search records, segments with less
 * than half alive.  1 there is more to do, 0 not, -1 error (logged).
 */
int	store_tidy(struct store *);
/* The same for one of the open accounts that has changed, or has waited ten
 * minutes.  1 call again soon, 0 nothing is to be done now. */
int	store_idle(void);

/*
 * Make the search index again while the old one serves.  begin notes that it
 * is to be done, from the first mail on, lost: that the old one is no good;
 * step does a bounded part of it, and says how far it is: 1 there is more,
 * 0 it is complete, -1 (logged).  store_tidy does such steps, too, so it gets
 * done whether or not anybody waits.
 */
enum store_err	store_rebuild_begin(struct store *, int lost);
int	store_rebuild_step(struct store *, uint64_t *at, uint64_t *upto);

/* One line of text about one difference. */
typedef void store_report(void *, const char *);
/*
 * Recompute counters and indexes from the mails' rows, read every row and
 * blob, and report what differs.  repair: write what was recomputed.
 * Returns the number of differences, or -1 if it could not be done.
 */
int64_t	store_check(struct store *, int repair, store_report *, void *);

#endif
