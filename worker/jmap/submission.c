/* SPDX-License-Identifier: ISC */
/*
 * EmailSubmission (RFC 8621 7): the type.  An object is the record of mail
 * that the queue has; destroying it recalls nothing.  Called through
 * jmap_table.c; submission.h names the other files.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "worker/jmap/identity.h"
#include "worker/jmap/jmap_query.h"
#include "worker/jmap/submission.h"

#define SUBMISSION_MAX	500	/* kept of an account; the oldest go */
#define SUBMISSION_LOOK	16	/* looked at for that with each new one */

static int	submission_check(struct jmap_set *, const struct jmap_prop *,
		    struct js_val *);
static int	submission_create(struct jmap_set *, struct jmap_object *);
static int	submission_update(struct jmap_set *,
		    const struct jmap_object *, struct jmap_object *);
static int	submission_cancel(struct jmap_set *,
		    const struct jmap_object *);
static int	submission_destroy(struct jmap_set *,
		    const struct jmap_object *);
static int	submission_tidy(struct jmap_set *);
static enum store_err	submission_drop(struct store_txn *, uint64_t,
			    size_t *);
static const struct jmap_error	*submission_args(struct jmap_set *,
				    struct js_rd *);
static int	submission_finish(struct jmap_set *);
static int	submission_success(const struct jmap_set *, const char *,
		    const char **);
static int	submission_merge(struct js_val *, const char *,
		    struct js_val *);
static jmap_match	submission_before, submission_after,
			submission_in_emails, submission_in_identities,
			submission_in_threads, submission_is_undo;
static jmap_cmp		submission_by_email, submission_by_sent,
			submission_by_thread;

static const struct jmap_prop submission_props[] = {
	{ "_envid", JP_SERVER | JP_NOTDEF | JP_HIDDEN | JO_STR, NULL, NULL },
	{ "_messageId", JP_SERVER | JP_NOTDEF | JP_HIDDEN | JO_STR, NULL,
	    NULL },
	{ "deliveryStatus", JP_SERVER | JO_OBJ_NULL, NULL, NULL },
	{ "dsnBlobIds", JP_SERVER | JO_BLOBS, NULL, NULL },
	{ "emailId", JP_FIXED | JP_IDREF | JO_ID | JO_MUST, NULL, NULL },
	{ "envelope", JP_FIXED | JO_OBJ_NULL, NULL, NULL },
	{ "id", JP_SERVER | JP_FIXED, NULL, NULL },
	{ "identityId", JP_FIXED | JP_IDREF | JO_ID | JO_MUST, NULL, NULL },
	{ "mdnBlobIds", JP_SERVER | JO_BLOBS, NULL, NULL },
	{ "sendAt", JP_SERVER | JP_FIXED | JO_DATE, NULL, NULL },
	{ "threadId", JP_SERVER | JP_FIXED | JO_ID, NULL, NULL },
	{ "undoStatus", JO_STR, NULL, NULL },
};

static const struct jmap_cond submission_conds[] = {
	{ "after", JK_DATE, 0, submission_after },
	{ "before", JK_DATE, 0, submission_before },
	{ "emailIds", JK_IDS, 0, submission_in_emails },
	{ "identityIds", JK_IDS, 0, submission_in_identities },
	{ "threadIds", JK_IDS, 0, submission_in_threads },
	{ "undoStatus", JK_STR, JMAP_OBJECT_MUTABLE, submission_is_undo },
};

/* RFC 8621 7.3 calls it "sentAt"; the property is named "sendAt". */
static const struct jmap_order submission_orders[] = {
	{ "emailId", 0, submission_by_email, JQ_TEXT },
	{ "sendAt", 0, submission_by_sent, 0 },
	{ "sentAt", 0, submission_by_sent, 0 },
	{ "threadId", 0, submission_by_thread, JQ_TEXT },
};

static const struct jmap_object_type submission_object = {
	.letter = 'S',
	.check = submission_check,
	.create = submission_create,
	.created = submission_make_put,
	.update = submission_update,
	.destroy = submission_destroy,
};

const struct jmap_type submission_type = {
	.name = "EmailSubmission",
	.kind = STORE_SUBMISSION,
	.props = submission_props,
	.nprops = nitems(submission_props),
	.object = &submission_object,
	.prepare = identity_prepare,
	JMAP_OBJECT_METHODS,
	.set_args = submission_args,
	.set_finish = submission_finish,
	.conds = submission_conds,
	.nconds = nitems(submission_conds),
	.orders = submission_orders,
	.norders = nitems(submission_orders),
	.query = jmap_object_query,
	.query_changes = jmap_object_query_changes,
};

/* --- /set ---------------------------------------------------------------- */

static int
submission_check(struct jmap_set *s, const struct jmap_prop *p,
    struct js_val *v)
{
	if (strcmp(p->name, "undoStatus") != 0)
		return 0;
	/* "This value is server set on create" */
	if (s->cid != NULL)
		return jmap_set_bad(s, p->name, "set by the server");
	if (strcmp(js_str(v), "pending") != 0 &&
	    strcmp(js_str(v), "final") != 0 &&
	    strcmp(js_str(v), "canceled") != 0)
		return -1;
	return 0;
}

static int
submission_create(struct jmap_set *s, struct jmap_object *o)
{
	int	 got;

	if ((got = submission_make(s, o)) == 1)
		got = submission_tidy(s);
	return got;
}

/* RFC 8621 7: "a server MAY destroy EmailSubmission objects at any time
 * after the message is successfully sent". */
static int
submission_tidy(struct jmap_set *s)
{
	struct store_ids	 ids = { NULL, 0, 0 };
	struct store_txn	*txn = s->c->txn;
	enum store_err		 e;
	size_t			 i, k, left;

	e = store_object_ids(txn, STORE_SUBMISSION, &ids);
	left = ids.n;
	for (i = 0; e == STORE_OK && i < 2 * SUBMISSION_LOOK &&
	    left >= SUBMISSION_MAX; i++) {
		/* the oldest may wait for long: then some of the others */
		k = i < SUBMISSION_LOOK ? i :
		    arc4random_uniform((uint32_t)ids.n);
		e = submission_drop(txn, ids.v[k], &left);
	}
	store_ids_free(&ids);
	return jmap_api_store(s->c, e) == 1 ? 1 : -1;
}

/* Destroy it, unless its mail is still to be sent. */
static enum store_err
submission_drop(struct store_txn *txn, uint64_t id, size_t *left)
{
	struct jmap_object	 o;
	enum store_err		 e;

	e = jmap_objrow_load(txn, &submission_type, id, &o);
	if (e == STORE_NOTFOUND)
		return STORE_OK;
	if (e == STORE_CORRUPT || (e == STORE_OK && strcmp(js_str(js_get(
	    o.val, "undoStatus")), "pending") != 0)) {
		e = store_object_destroy(txn, STORE_SUBMISSION, id);
		--*left;
	}
	jmap_objrow_free(&o);
	return e;
}

static int
submission_update(struct jmap_set *s, const struct jmap_object *old,
    struct jmap_object *o)
{
	const char	*was = js_str(js_get(old->val, "undoStatus"));
	const char	*is = js_str(js_get(o->val, "undoStatus"));
	int		 got;

	if (strcmp(was, is) != 0) {
		if (strcmp(is, "canceled") != 0) {
			jmap_set_bad(s, "undoStatus",
			    "it can only become canceled");
			return 0;
		}
		if ((got = submission_cancel(s, old)) != 1)
			return got;
	}
	return submission_done(s, o, NULL) == -1 ? -1 : 1;
}

static int
submission_cancel(struct jmap_set *s, const struct jmap_object *old)
{
	if (strcmp(js_str(js_get(old->val, "undoStatus")), "pending") != 0)
		return jmap_set_refuse(s, &jmap_error_cannot_unsend,
		    "the message has left");
	switch (queue_ask_cancel(s->c->req->user->number, old->id)) {
	case QUEUE_ASK_CANCELED:
		return 1;
	case QUEUE_ASK_UNSURE:
		return jmap_set_refuse(s, &jmap_error_rate_limit,
		    "it is not known now whether the message has left");
	default:
		return jmap_set_refuse(s, &jmap_error_cannot_unsend,
		    "the message has left");
	}
}

/* "destroying an EmailSubmission object MUST NOT affect the deliveries" */
static int
submission_destroy(struct jmap_set *s, const struct jmap_object *o)
{
	return submission_done(s, o, NULL) == -1 ? -1 : 1;
}

/* --- onSuccessUpdateEmail, onSuccessDestroyEmail ------------------------- */

static const struct jmap_error *
submission_args(struct jmap_set *s, struct js_rd *rd)
{
	const struct jmap_limits	*l = s->c->req->env->limits;
	struct submission_set		*ss;
	struct js_iter			 it;
	size_t				 i;

	ss = arena_get(&s->c->req->arena, sizeof(*ss));
	if (ss == NULL || (ss->done = arena_array(&s->c->req->arena,
	    l->max_objects_in_set + 1, sizeof(*ss->done))) == NULL)
		return jmap_api_lost(s->c);
	s->arg = ss;
	s->c->ended = submission_make_ended;
	s->c->ended_arg = ss;
	js_rd_obj_null(rd, "onSuccessUpdateEmail", &ss->update);
	js_rd_arr_null(rd, "onSuccessDestroyEmail", &ss->destroy);
	for (js_first(&it, ss->update); js_next(&it);)
		if (js_type(it.val) != JS_OBJ)
			js_rd_bad(rd, "onSuccessUpdateEmail");
	for (i = 0; i < js_len(ss->destroy); i++)
		if (js_type(js_at(ss->destroy, i)) != JS_STR)
			js_rd_bad(rd, "onSuccessDestroyEmail");
	return NULL;
}

int
submission_done(struct jmap_set *s, const struct jmap_object *o,
    const char *cid)
{
	struct submission_set	*ss = s->arg;
	struct submission_done	*d = &ss->done[ss->ndone];
	struct arena		*a = &s->c->req->arena;
	const char		*email = js_str(js_get(o->val, "emailId"));
	char			 id[STORE_IDLEN];

	if (ss->ndone >= s->c->req->env->limits->max_objects_in_set)
		return -1;
	d->id = arena_dup(a, id, jmap_objrow_id(&submission_type, o->id, id));
	d->email = arena_dup(a, email, strlen(email));
	d->cid = cid;
	ss->ndone++;
	return d->id == NULL || d->email == NULL ? -1 : 0;
}

/* All is done: "a single implicit Email/set call MUST be made". */
static int
submission_finish(struct jmap_set *s)
{
	struct submission_set	*ss = s->arg;
	struct js_val		*args, *update, *destroy;
	struct js_iter		 it;
	const char		*email;
	size_t			 i;
	int			 bad = 0;

	update = js_new_obj();
	destroy = js_new_arr();
	args = js_new_obj();
	if (args == NULL || update == NULL || destroy == NULL)
		bad = 1;
	for (js_first(&it, ss->update); !bad && js_next(&it);)
		if (submission_success(s, it.key, &email))
			bad = submission_merge(update, email, it.val) == -1;
	for (i = 0; !bad && i < js_len(ss->destroy); i++)
		if (submission_success(s, js_str(js_at(ss->destroy, i)),
		    &email))
			bad = js_add(destroy, js_new_str(email,
			    strlen(email))) == -1;
	if (bad || (js_len(update) == 0 && js_len(destroy) == 0)) {
		js_free(args);
		js_free(update);
		js_free(destroy);
		return bad ? -1 : 1;
	}
	bad = js_set(args, "update", update) == -1;
	bad |= js_set(args, "destroy", destroy) == -1;
	email = s->c->req->user->account;
	bad |= js_set(args, "accountId", js_new_str(email,
	    strlen(email))) == -1;
	if (bad) {
		js_free(args);
		return -1;
	}
	return jmap_api_implicit(s->c, "Email/set", args) == -1 ? -1 : 1;
}

/* Did this call do something to the submission?  Then the Email's id. */
static int
submission_success(const struct jmap_set *s, const char *key,
    const char **email)
{
	const struct submission_set	*ss = s->arg;
	const char			*id = jmap_api_real(s->c->req, key);
	size_t				 i;

	for (i = 0; i < ss->ndone; i++)
		if (id != NULL && strcmp(ss->done[i].id, id) == 0) {
			*email = ss->done[i].email;
			return 1;
		}
	return 0;
}

/* Two submissions may be of one Email. */
static int
submission_merge(struct js_val *update, const char *email,
    struct js_val *patch)
{
	struct js_val	*v;
	struct js_iter	 it;

	if ((v = js_get(update, email)) == NULL)
		return js_set(update, email, js_copy(patch));
	for (js_first(&it, patch); js_next(&it);)
		if (js_set(v, it.key, js_ref(it.val)) == -1)
			return -1;
	return 0;
}

/* --- /query -------------------------------------------------------------- */

static const char *
submission_text(const void *obj, const char *prop)
{
	return js_str(js_get(((const struct jmap_object *)obj)->val, prop));
}

static int64_t
submission_sent(const void *obj)
{
	const char	*s = submission_text(obj, "sendAt");

	return date_3339(s, strlen(s), 1, NULL);
}

static int
submission_in(const void *obj, const char *prop,
    const struct jmap_filter_term *t)
{
	const char	*is = submission_text(obj, prop);
	size_t		 i;

	for (i = 0; i < js_len(t->val); i++)
		if (strcmp(js_str(js_at(t->val, i)), is) == 0)
			return 1;
	return 0;
}

static int
submission_in_emails(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	(void)q;
	return submission_in(obj, "emailId", t);
}

static int
submission_in_identities(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	(void)q;
	return submission_in(obj, "identityId", t);
}

static int
submission_in_threads(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	(void)q;
	return submission_in(obj, "threadId", t);
}

static int
submission_is_undo(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	(void)q;
	return strcmp(submission_text(obj, "undoStatus"), t->str) == 0;
}

static int
submission_after(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	(void)q;
	return submission_sent(obj) >= t->num;
}

static int
submission_before(struct jmap_query *q, const void *obj,
    const struct jmap_filter_term *t)
{
	(void)q;
	return submission_sent(obj) < t->num;
}

static int
submission_by_email(struct jmap_query *q, const void *a, const void *b)
{
	(void)q;
	return strcmp(submission_text(a, "emailId"),
	    submission_text(b, "emailId"));
}

static int
submission_by_thread(struct jmap_query *q, const void *a, const void *b)
{
	(void)q;
	return strcmp(submission_text(a, "threadId"),
	    submission_text(b, "threadId"));
}

static int
submission_by_sent(struct jmap_query *q, const void *a, const void *b)
{
	int64_t	 x = submission_sent(a), y = submission_sent(b);

	(void)q;
	return x < y ? -1 : x > y;
}
