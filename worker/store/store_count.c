/* SPDX-License-Identifier: ISC */
/*
 * The four counters of a mailbox (RFC 8621 2).  A thread as a whole counts
 * in every mailbox that one of its mails is in; so a writer takes away what
 * the thread counted, changes it, and adds what it counts then.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/store/store_int.h"

/* RFC 8621 2, unreadEmails: neither $seen nor $draft. */
#define UNREAD(kw)	(((kw) & (STORE_BIT(STORE_KW_SEEN) | \
			    STORE_BIT(STORE_KW_DRAFT))) == 0)

static void	 store_count_mail(struct store_boxes *,
		    const struct store_trow *, uint32_t, int, int *, int *);

/*
 * One mail's part: emails, and the mark of each mailbox it is in.  *other:
 * unread outside the trash; *trash: unread in the trash.
 */
static void
store_count_mail(struct store_boxes *b, const struct store_trow *r,
    uint32_t trash, int sign, int *other, int *intrash)
{
	size_t	 j;
	int	 i, unread = UNREAD(r->kw);

	for (j = 0; j < r->nmailbox; j++) {
		if ((i = store_mailbox_find(b, r->mailbox[j])) == -1)
			continue;
		b->v[i].total += (uint32_t)sign;
		b->v[i].unread += (uint32_t)(unread ? sign : 0);
		b->flags[i] |= BOX_SEEN;
		if (!unread)
			continue;
		if (r->mailbox[j] == trash)
			*intrash = 1;
		else
			*other = 1;
	}
}

void
store_count_thread(struct store_txn *txn, const struct store_thread *t,
    int sign)
{
	struct store_boxes	*b = &txn->box;
	uint32_t		 trash;
	size_t			 i;
	int			 other = 0, intrash = 0;

	trash = store_mailbox_role(txn, STORE_ROLE_TRASH);
	for (i = 0; i < t->n; i++)
		store_count_mail(b, &t->v[i], trash, sign, &other, &intrash);
	/*
	 * RFC 8621 2, unreadThreads: mail only in the trash is ignored in
	 * other mailboxes, mail not in the trash is ignored in the trash.
	 */
	for (i = 0; i < b->n; i++) {
		if ((b->flags[i] & BOX_SEEN) == 0)
			continue;
		b->flags[i] &= (uint8_t)~BOX_SEEN;
		b->v[i].threads += (uint32_t)sign;
		if (b->v[i].id == trash ? intrash : other)
			b->v[i].unread_threads += (uint32_t)sign;
	}
	if (t->n > 0)
		txn->hot[HOT_THREADS] += (uint64_t)(int64_t)sign;
}

enum store_err
store_count_all(struct store_txn *txn)
{
	struct store_thread	 t;
	struct kv_range		 r;
	struct store_key	 k;
	struct store_trow	 row;
	struct slice		 key, val;
	uint64_t		 tid;
	enum store_err		 e;
	size_t			 i;

	for (i = 0; i < txn->box.n; i++)
		txn->box.v[i].total = txn->box.v[i].unread =
		    txn->box.v[i].threads = txn->box.v[i].unread_threads = 0;
	txn->hot[HOT_THREADS] = 0;
	memset(&t, 0, sizeof(t));
	store_key_space(&k, 'T');
	if ((e = store_walk(txn, &r, &k, 0)) != STORE_OK)
		return e;
	while ((e = store_next(txn, &r, &key, &val)) == STORE_OK) {
		memset(&row, 0, sizeof(row));
		if (store_thread_decode(key, val, &row, &tid) == -1) {
			e = store_broken(txn, "thread row");
			break;
		}
		if (tid != t.tid) {
			store_count_thread(txn, &t, 1);
			store_thread_free(&t);
			t.tid = tid;
		}
		if (store_thread_push(&t, &row) == NULL) {
			e = store_fail(txn);
			break;
		}
	}
	kv_done(&r);
	store_count_thread(txn, &t, 1);
	store_thread_free(&t);
	return e == STORE_NOTFOUND ? STORE_OK : e;
}
