/* SPDX-License-Identifier: ISC */
/*
 * Final delivery (RFC 5321 4.4) of one message to one account after the
 * other.  Blocks for one commit each; lmtp.c goes through the event loop
 * between them.
 */
#include "common/compat.h"

#include <string.h>

#include <openssl/sha.h>

#include "common/date.h"
#include "common/dir.h"
#include "common/log.h"
#include "worker/jmap/delivered.h"
#include "worker/jmap/email_row.h"
#include "worker/lmtp/lmtp_deliver.h"
#include "worker/mime/mime.h"

#define DELIVER_TRIES	8	/* STORE_AGAIN so often is no accident */

static enum lmtp_result	deliver_result(enum store_err, uint64_t account);
static enum store_err	deliver_once(struct lmtp_deliver *, struct store *,
			    uint64_t quota);
static int		deliver_was(const struct lmtp_deliver *,
			    struct store_txn *);
static enum store_err	deliver_add(struct lmtp_deliver *, struct store_txn *);
static enum store_err	deliver_inbox(struct store_txn *, uint32_t *);

void
lmtp_deliver_init(struct lmtp_deliver *d, const void *raw, size_t len,
    int64_t received)
{
	memset(d, 0, sizeof(*d));
	arena_init(&d->arena, EMAIL_ROW_ARENA);
	d->raw = raw;
	d->len = len;
	d->mail.received = received;
}

void
lmtp_deliver_free(struct lmtp_deliver *d)
{
	arena_free(&d->arena);
}

enum lmtp_result
lmtp_deliver(struct lmtp_deliver *d, uint64_t account, uint64_t quota)
{
	char		 name[DIR_ACCOUNT_LEN];
	struct store	*s;
	enum store_err	 e;
	int		 tries = 0;

	if ((e = store_open(dir_account(account, name), STORE_CREATE, &s)) !=
	    STORE_OK)
		return deliver_result(e, account);
	do
		e = deliver_once(d, s, quota);
	while (e == STORE_AGAIN && ++tries < DELIVER_TRIES);
	store_close(s);
	/* the sender may hear that the user is away */
	if (e == STORE_OK && d->reply)
		delivered_reply(account, d->raw, d->len);
	return deliver_result(e, account);
}

static enum lmtp_result
deliver_result(enum store_err e, uint64_t account)
{
	char	 name[DIR_ACCOUNT_LEN];

	if (e == STORE_OK)
		return LMTP_STORED;
	if (e == STORE_OVERQUOTA)
		return LMTP_OVERQUOTA;
	log_warnx("lmtp: account %s: %s", dir_account(account, name),
	    store_strerror(e));
	return e == STORE_FULL ? LMTP_NOSPACE : LMTP_LATER;
}

static enum store_err
deliver_once(struct lmtp_deliver *d, struct store *s, uint64_t quota)
{
	struct store_txn	*txn;
	enum store_err		 e;

	if ((e = store_begin(s, 1, &txn)) != STORE_OK)
		return e;
	if (d->again && deliver_was(d, txn)) {
		store_abort(txn);
		return STORE_OK;
	}
	store_quota(txn, quota);
	/* before the work, too, not only where it is kept */
	if (store_quota_over(txn, d->len))
		e = STORE_OVERQUOTA;
	else
		e = deliver_add(d, txn);
	if (e != STORE_OK) {
		store_abort(txn);
		return e;
	}
	return store_commit(txn);
}

/* Are these bytes in the account, or were they of late? */
static int
deliver_was(const struct lmtp_deliver *d, struct store_txn *txn)
{
	uint8_t		 hash[STORE_HASHLEN];
	uint64_t	 size;

	SHA256(d->raw, d->len, hash);
	return store_blob_size(txn, hash, &size) == STORE_OK;
}

static enum store_err
deliver_add(struct lmtp_deliver *d, struct store_txn *txn)
{
	enum store_err	 e;
	uint32_t	 inbox;
	uint64_t	 id, tid;

	if ((e = deliver_inbox(txn, &inbox)) != STORE_OK)
		return e;
	d->mail.mailbox = &inbox;
	d->mail.nmailbox = 1;
	e = email_row_add(txn, &d->arena, d->raw, d->len, &d->mail, &id, &tid);
	d->mail.mailbox = NULL;
	if (e != STORE_OK ||
	    (e = delivered(txn, id, d->raw, d->len, &d->reply)) != STORE_OK)
		return e;
	/* RFC 8621 1.5: a delivery is what push shall wake people for */
	return store_touch(txn, STORE_DELIVERY);
}

/* The inbox, made again if somebody has destroyed it. */
static enum store_err
deliver_inbox(struct store_txn *txn, uint32_t *id)
{
	struct store_mailbox	 box;
	enum store_err		 e;

	if ((*id = store_mailbox_role(txn, STORE_ROLE_INBOX)) != 0 ||
	    (*id = store_mailbox_named(txn, 0, "Inbox")) != 0)
		return STORE_OK;
	memset(&box, 0, sizeof(box));
	box.role = STORE_ROLE_INBOX;
	box.subscribed = 1;
	strlcpy(box.name, "Inbox", sizeof(box.name));
	e = store_mailbox_create(txn, &box);
	*id = box.id;
	return e;
}

enum lmtp_result
lmtp_deliver_room(uint64_t account, uint64_t quota, uint64_t size)
{
	char			 name[DIR_ACCOUNT_LEN];
	struct store		*s;
	struct store_txn	*txn;
	enum store_err		 e;
	int			 over = 0;

	if (quota == 0)
		return LMTP_STORED;
	e = store_open(dir_account(account, name), 0, &s);
	if (e == STORE_NOTFOUND)	/* has no mail yet */
		return size > quota ? LMTP_OVERQUOTA : LMTP_STORED;
	if (e != STORE_OK)
		return deliver_result(e, account);
	if ((e = store_begin(s, 0, &txn)) == STORE_OK) {
		store_quota(txn, quota);
		over = store_quota_over(txn, size);
		store_abort(txn);
	}
	store_close(s);
	return over ? LMTP_OVERQUOTA : deliver_result(e, account);
}
