/* SPDX-License-Identifier: ISC */
/*
 * What became of mail that was submitted: the queue tells, the object
 * remembers (RFC 8621 7 undoStatus, deliveryStatus).  Called through
 * queue_ask_hooks by the worker's handler of the queue's messages; nothing
 * is acknowledged that is not committed.
 */
#include "common/compat.h"

#include <string.h>

#include "common/dir.h"
#include "common/log.h"
#include "worker/jmap/submission.h"

struct status_bounce {
	uint64_t	 submission;
	uint64_t	 email;
};

static enum queue_ask_is	 status_has(uint64_t, uint64_t);
static enum queue_ask_is	 status_is(const struct queue_ask_status *);
static void			 status_bounced(uint64_t, uint64_t, uint64_t);
static enum queue_ask_is	 status_run(uint64_t, store_write_fn *, void *);
static enum store_err		 status_find(struct store_txn *, void *);
static enum store_err		 status_merge(struct store_txn *, void *);
static int	status_undo(struct jmap_object *, enum queue_ask_undo);
static int	status_rcpt(struct jmap_object *,
		    const struct queue_ask_status_rcpt *);
static enum store_err		 status_dsn(struct store_txn *, void *);

void
submission_status_init(void)
{
	queue_ask_hooks.has = status_has;
	queue_ask_hooks.status = status_is;
	queue_ask_hooks.bounced = status_bounced;
}

static enum queue_ask_is
status_has(uint64_t account, uint64_t submission)
{
	return status_run(account, status_find, &submission);
}

static enum queue_ask_is
status_is(const struct queue_ask_status *st)
{
	struct queue_ask_status	 copy = *st;

	return status_run(st->account, status_merge, &copy);
}

static void
status_bounced(uint64_t account, uint64_t submission, uint64_t email)
{
	struct status_bounce	 b = { submission, email };

	(void)status_run(account, status_dsn, &b);
}

/* In a write transaction: it waits for a commit under way. */
static enum queue_ask_is
status_run(uint64_t account, store_write_fn *fn, void *arg)
{
	char		 name[DIR_ACCOUNT_LEN];
	enum store_err	 e;

	e = store_write_to(dir_account(account, name), fn, arg);
	if (e == STORE_OK)
		return QUEUE_ASK_IS_DONE;
	if (e == STORE_NOTFOUND)
		return QUEUE_ASK_IS_NOT;
	log_warnx("account %s: status of a submission: %s", name,
	    store_strerror(e));
	return QUEUE_ASK_IS_LATER;
}

static enum store_err
status_find(struct store_txn *txn, void *arg)
{
	struct slice	 v;

	return store_object_get(txn, STORE_SUBMISSION, *(uint64_t *)arg, &v);
}

static enum store_err
status_merge(struct store_txn *txn, void *arg)
{
	const struct queue_ask_status	*st = arg;
	struct jmap_object		 o;
	enum store_err			 e;
	size_t				 i;
	int				 bad;

	if ((e = jmap_objrow_load(txn, &submission_type, st->submission,
	    &o)) != STORE_OK)
		return e;
	bad = status_undo(&o, st->undo) == -1;
	for (i = 0; !bad && i < st->nrcpt; i++)
		bad = status_rcpt(&o, &st->rcpt[i]) == -1;
	if (bad)
		e = STORE_IO;
	else if ((e = jmap_objrow_update(txn, &submission_type, &o)) ==
	    STORE_TOOMANY)
		e = STORE_OK;	/* more text than we keep: as it was */
	jmap_objrow_free(&o);
	return e;
}

static int
status_undo(struct jmap_object *o, enum queue_ask_undo undo)
{
	static const char *const words[] = {
		[QUEUE_ASK_PENDING] = "pending", [QUEUE_ASK_FINAL] = "final",
		[QUEUE_ASK_UNDONE] = "canceled"
	};
	const char	*was = js_str(js_get(o->val, "undoStatus"));

	/* what was told before may come again, late */
	if ((size_t)undo >= nitems(words) || strcmp(was, "pending") != 0)
		return 0;
	return jmap_objrow_set_str(o, "undoStatus", words[undo]);
}

/* One recipient: its reply and whether it has it; "displayed" stays. */
static int
status_rcpt(struct jmap_object *o, const struct queue_ask_status_rcpt *r)
{
	static const char *const words[] = {
		[QUEUE_ASK_QUEUED] = "queued", [QUEUE_ASK_YES] = "yes",
		[QUEUE_ASK_NO] = "no", [QUEUE_ASK_UNKNOWN] = "unknown"
	};
	struct js_val	*one;
	const char	*is;

	one = js_get(js_get(o->val, "deliveryStatus"), r->address);
	if (one == NULL || (size_t)r->delivered >= nitems(words))
		return 0;
	/* RFC 8621 7: "yes" and "no" are final; a DSN may have said so */
	is = js_str(js_get(one, "delivered"));
	if (strcmp(is, "yes") == 0 || strcmp(is, "no") == 0)
		return 0;
	if (js_set(one, "delivered", js_new_str(words[r->delivered],
	    strlen(words[r->delivered]))) == -1)
		return -1;
	if (r->reply[0] == '\0' || !js_scan_text(r->reply, strlen(r->reply)))
		return 0;
	return js_set(one, "smtpReply", js_new_str(r->reply,
	    strlen(r->reply)));
}

/* The queue's own DSN is in the account now, as a mail. */
static enum store_err
status_dsn(struct store_txn *txn, void *arg)
{
	const struct status_bounce	*b = arg;
	struct jmap_object		 o;
	struct store_mail		 m;
	struct store_row		 row;
	struct js_val			*list;
	char				 id[STORE_IDLEN];
	enum store_err			 e;
	size_t				 i;

	if ((e = store_mail_get(txn, b->email, &m)) != STORE_OK ||
	    (e = store_mail_row(txn, &m, &row)) != STORE_OK)
		return e;
	store_id_blob(row.blob, id);
	if ((e = jmap_objrow_load(txn, &submission_type, b->submission,
	    &o)) != STORE_OK)
		return e;
	list = js_get(o.val, "dsnBlobIds");
	for (i = 0; i < js_len(list); i++)
		if (strcmp(js_str(js_at(list, i)), id) == 0)
			break;
	if (i == js_len(list)) {
		e = STORE_IO;
		if (js_add(list, js_new_str(id, strlen(id))) == 0)
			e = jmap_objrow_update(txn, &submission_type, &o);
	}
	jmap_objrow_free(&o);
	return e;
}
