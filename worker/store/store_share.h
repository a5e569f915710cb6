/* SPDX-License-Identifier: ISC */
/*
 * Sharing: mailboxes that others than the owner may see, and what they then
 * see.
 */
#ifndef STORE_STORE_SHARE_H
#define STORE_STORE_SHARE_H

#include "worker/store/store.h"

/*
 * A mailbox is shared with a principal (a number of the directory's) by a
 * row that holds his rights.  A transaction becomes that principal's by
 * store_view: from then on each function of states and changes, mailboxes,
 * mail, threads and queries shows what he may see and nothing else, and
 * refuses what he may not do, so no caller has to think of it:
 * - A mailbox is there if he has any right on it; its parent is the next
 *   one above that is there, subscribed is his own, unread_threads counts
 *   the mail he can read.
 * - A mail is there if it is in a mailbox that he may read, and only those
 *   are named.  Threads have these mails.
 * - States and changes are those of what he sees; what became visible or
 *   invisible as a whole since a state makes it STORE_CANNOT.
 * - A mailbox made in a shared one is shared as that is.
 * Blobs are known by their bytes, so they and objects are the caller's to
 * guard: store_view_blob says if he brought the bytes himself.
 */
#define STORE_MAY_READ		0x001
#define STORE_MAY_ADD		0x002
#define STORE_MAY_REMOVE	0x004
#define STORE_MAY_SEEN		0x008
#define STORE_MAY_KEYWORDS	0x010
#define STORE_MAY_CHILD		0x020
#define STORE_MAY_RENAME	0x040
#define STORE_MAY_DELETE	0x080
#define STORE_MAY_SUBMIT	0x100
#define STORE_MAY_SHARE		0x200
#define STORE_MAY_ALL		0x3ffu
/* Those that change anything. */
#define STORE_MAY_WRITE	(STORE_MAY_ALL & ~(STORE_MAY_READ | STORE_MAY_SUBMIT))

struct store_share {
	uint64_t	who;
	uint32_t	mailbox;
	uint32_t	rights;		/* STORE_MAY_*, not 0 */
	int		subscribed;
};
/* STORE_NOTFOUND: nothing is shared with him.  Once a transaction. */
enum store_err	store_view(struct store_txn *, uint64_t who);
/* Whose view it is, 0 the owner's. */
uint64_t	store_view_who(const struct store_txn *);
/* The newest of all states that the view has. */
uint64_t	store_view_state(struct store_txn *);
/* All rights that he has on any mailbox. */
uint32_t	store_view_any(const struct store_txn *);
/* Rights on a mailbox: STORE_MAY_ALL without a view. */
uint32_t	store_view_rights(const struct store_txn *, uint32_t mailbox);
/*
 * 1 if the blob may be used by its hash, 0 not, -1 (the transaction is dead).
 * A sharee may use what he brought, the owner all but what only sharees
 * brought and nothing refers to yet (RFC 8620 6.1).
 */
int		store_view_blob(struct store_txn *,
		    const uint8_t hash[STORE_HASHLEN]);
/* What became visible or invisible as a whole, when last; 0 without a view. */
uint64_t	store_view_since(const struct store_txn *);
/* One principal's row of a mailbox, or STORE_NOTFOUND. */
enum store_err	store_share_get(struct store_txn *, uint64_t who,
		    uint32_t mailbox, struct store_share *);
/* Give these rights, 0 takes all.  The mailbox counts as changed. */
enum store_err	store_share_set(struct store_txn *,
		    const struct store_share *);
/*
 * Each change of a row leaves a STORE_SHAREOUT object behind, from which the
 * principal's own account is told: see jmap_share.c, which destroys it.
 */
struct store_shared {
	uint64_t	who, by;	/* by: who did it, 0 nobody knows */
	uint32_t	mailbox;
	uint32_t	was, is;	/* rights; equal: his subscription */
	char		name[STORE_NAME_MAX + 1];	/* of the mailbox */
	char		by_name[256], by_email[256];
};
/* Who does what follows in this transaction.  Strings are borrowed. */
void		store_share_by(struct store_txn *, uint64_t who,
		    const char *name, const char *email);
/* Read such an object: 0, or -1 it is not one. */
int		store_share_event(struct slice, struct store_shared *);
/* 1 if this transaction made some. */
int		store_share_told(const struct store_txn *);
/* Every row of a principal (0: of all), of a mailbox (0: of all), in an
 * array for the caller to free. */
enum store_err	store_share_list(struct store_txn *, uint64_t who,
		    uint32_t mailbox, struct store_share **, size_t *n);

#endif
