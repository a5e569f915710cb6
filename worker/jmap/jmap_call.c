/* SPDX-License-Identifier: ISC */
/*
 * One method call: references, table, transaction, answer.  Called by
 * jmap_api.c.  What a call changed is on the disk before its answer stays
 * in the output; a call that fails has changed nothing.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/card.h"
#include "common/dir.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_share.h"
#include "worker/jmap/jmap_int.h"
#include "worker/store/store_share.h"

#define CALL_TRIES	5	/* runs of a call whose store had to grow */
/* Whose methods work on an account that is shared with the user. */
#define JMAP_SHARED_CAPS	(JMAP_CAP_CORE | JMAP_CAP_MAIL | JMAP_CAP_BLOB)

static const struct jmap_error	*call_find(struct jmap_call *, const char *);
static const struct jmap_error	*call_account(struct jmap_call *);
static const struct jmap_error	*call_shared(struct jmap_call *, const char *);
static const struct jmap_error	*call_unknown(struct jmap_call *);
static const struct jmap_error	*call_view(struct jmap_call *);
static const struct jmap_error	*call_txn(struct jmap_call *);
static const struct jmap_error	*call_once(struct jmap_call *);
static int	call_writes(const struct jmap_call *);
static const struct jmap_error	*call_end(struct jmap_call *,
				    const struct jmap_error *, int);
static const struct jmap_error	*call_size(struct jmap_call *);
static void	call_error(struct jmap_call *, const struct jmap_error *);

void
jmap_call(struct jmap_call *c, const char *name)
{
	const struct jmap_error	*e;
	struct jmap_result	*res;
	struct jmap_req		*r = c->req;
	struct buf		*b = r->out;
	size_t			 mark = b->len;

	res = &r->results[r->nresults];
	res->id = c->id;
	c->account = r->user->account;
	c->store = r->user->store;
	if ((e = call_find(c, name)) == NULL) {
		js_out_arr(b);
		js_out_s(b, name);
		buf_addc(b, ',');
		res->off = b->len;
		e = call_txn(c);
	}
	if (e == NULL) {
		res->name = c->method->name;
		res->len = b->len - res->off;
		js_out_s(b, c->id);
		js_out_end(b, ']');
	} else {
		b->len = mark;
		b->bad = 0;
		call_error(c, e);
	}
	if (c->shared)
		store_close(c->store);
	r->nresults++;
}

/* Everything that must hold before the method runs. */
static const struct jmap_error *
call_find(struct jmap_call *c, const char *name)
{
	const struct jmap_error	*e;
	struct jmap_req		*r = c->req;

	if (jmap_api_spent(r))
		return jmap_error_say(c, &jmap_error_server_unavailable,
		    "the request has used up its time or space");
	if (c->method == NULL)
		c->method = jmap_table_find(name);
	if (c->method == NULL)
		return &jmap_error_unknown_method;
	/*
	 * RFC 8620 1.8: what was not opted into is not there.  3.3 as its
	 * erratum has it: core stands for that whole document, without it
	 * there are no methods.
	 */
	if (!(r->using & JMAP_CAP_CORE))
		return jmap_error_say(c, &jmap_error_unknown_method,
		    "urn:ietf:params:jmap:core is not in \"using\"");
	if (!(r->using & c->method->cap) && c->parent == NULL)
		return jmap_error_say(c, &jmap_error_unknown_method,
		    "its capability is not in \"using\"");
	if ((e = jmap_ref_resolve(c)) != NULL)
		return e;
	return c->method->flags & JM_ACCOUNT ? call_account(c) : NULL;
}

static const struct jmap_error *
call_account(struct jmap_call *c)
{
	struct js_val	*v = js_get(c->args, "accountId");

	if (!js_is_id(v))
		return jmap_error_say(c, &jmap_error_invalid_arguments,
		    "accountId is not an Id");
	/* unknown and not allowed look the same */
	if (strcmp(js_str(v), c->req->user->account) != 0)
		return call_shared(c, js_str(v));
	return NULL;
}

/* Somebody else's: it has mail and nothing else. */
static const struct jmap_error *
call_shared(struct jmap_call *c, const char *account)
{
	struct store	*st;
	uint64_t	 viewer;
	int		 got;

	if ((got = jmap_share_open(c->req->user, NULL, account, &st,
	    &viewer)) == -1)
		return &jmap_error_server_unavailable;
	if (got == 0)
		return call_unknown(c);
	if ((c->account = arena_dup(&c->req->arena, account,
	    strlen(account))) == NULL) {
		store_close(st);
		return &jmap_error_server_unavailable;
	}
	c->store = st;
	c->shared = 1;
	if (!(c->method->cap & JMAP_SHARED_CAPS))
		return &jmap_error_account_not_supported;
	return NULL;
}

static const struct jmap_error *
call_unknown(struct jmap_call *c)
{
	/* RFC 9007 2.1, 2.2: "rejected with an invalidArguments error" */
	return c->method->flags & JM_ARGUMENT ? jmap_error_say(c,
	    &jmap_error_invalid_arguments, "accountId: no such account") :
	    &jmap_error_account_not_found;
}

/* RFC 8620 3.6.2: a stranger hears that there is no such account, a reader
 * that he may not write.  All may subscribe, with Mailbox/set. */
static const struct jmap_error *
call_view(struct jmap_call *c)
{
	const struct jmap_user	*u = c->req->user;
	const struct card	*card = u->card;
	enum store_err		 e;

	store_share_by(c->txn, u->number, card != NULL && *card->name != '\0' ?
	    card->name : u->name, card != NULL && card->n > 0 ?
	    card->address[0] : NULL);
	if (!c->shared) {
		c->req->shares = store_state(c->txn, STORE_SHARED) + 1;
		return NULL;
	}
	if ((e = store_view(c->txn, u->number)) == STORE_NOTFOUND)
		return &jmap_error_account_not_found;
	if (jmap_api_store(c, e) != 1)
		return jmap_api_lost(c);
	if ((c->method->flags & JM_WRITE) && c->method->type !=
	    &mailbox_type && !(store_view_any(c->txn) & STORE_MAY_WRITE))
		return &jmap_error_account_read_only;
	return NULL;
}

/* Run the method, again when the store's map had to grow for it. */
static const struct jmap_error *
call_txn(struct jmap_call *c)
{
	const struct jmap_error	*e;
	struct jmap_req		*r = c->req;
	size_t			 mark = r->out->len, created = r->ncreated;
	int			 tries = 0, wrote;

	for (;;) {
		c->store_err = STORE_OK;
		c->desc = c->more = NULL;
		c->ended = NULL;
		wrote = call_writes(c);
		if ((e = call_once(c)) == NULL)
			break;
		r->ncreated = created;
		r->out->len = mark;
		r->out->bad = 0;
		jmap_ref_forget(c);
		jmap_api_unqueue(c);
		if (++tries == CALL_TRIES || (c->store_err != STORE_AGAIN &&
		    call_writes(c) == wrote))
			break;
	}
	return e;
}

/* A reader may find that it has to write: c->want_write. */
static int
call_writes(const struct jmap_call *c)
{
	return (c->method->flags & JM_WRITE) != 0 || c->want_write;
}

static const struct jmap_error *
call_once(struct jmap_call *c)
{
	const struct jmap_method	*m = c->method;
	const struct jmap_error		*e;
	int				 wrote;

	if (!(m->flags & (JM_READ | JM_WRITE))) {
		e = m->fn(c);
		return e != NULL ? e : call_size(c);
	}
	if (jmap_api_store(c, store_begin(c->store, call_writes(c),
	    &c->txn)) != 1)
		return jmap_api_lost(c);
	if (!c->shared)		/* else the owner's: the store knows it */
		store_quota(c->txn, c->req->user->quota);
	wrote = call_writes(c);
	if ((e = call_view(c)) != NULL)
		return call_end(c, e, wrote);
	if (m->type != NULL && m->type->prepare != NULL &&
	    m->type->prepare(c) != 1)
		return call_end(c, jmap_api_lost(c), wrote);
	return call_end(c, m->fn(c), wrote);
}

/* End the transaction: only what is durable is answered. */
static const struct jmap_error *
call_end(struct jmap_call *c, const struct jmap_error *e, int wrote)
{
	struct store_txn	*txn = c->txn;
	int			 told;

	c->txn = NULL;
	free(c->shares);
	c->shares = NULL;
	c->nshares = 0;
	if (e == NULL && c->store_err != STORE_OK)
		e = jmap_api_lost(c);
	if (e == NULL)
		e = call_size(c);
	if (e != NULL || !wrote)
		store_abort(txn);
	else {
		told = store_share_told(txn);
		if (jmap_api_store(c, store_commit(txn)) != 1)
			e = jmap_api_lost(c);
		else if (told)
			jmap_share_tell(c->store, dir_account_get(c->account),
			    c->shared ? NULL : c->req->user->name);
	}
	if (c->ended != NULL)
		c->ended(c, e == NULL);
	return e;
}

static const struct jmap_error *
call_size(struct jmap_call *c)
{
	struct jmap_req	*r = c->req;

	if (buf_bad(r->out) || r->out->len - r->base >
	    r->env->limits->max_size_response)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "the response would be too large");
	return NULL;
}

static void
call_error(struct jmap_call *c, const struct jmap_error *e)
{
	struct jmap_result	*res = &c->req->results[c->req->nresults];
	struct buf		*b = c->out;

	js_out_arr(b);
	js_out_s(b, "error");
	buf_addc(b, ',');
	res->name = "error";	/* a response like others (RFC 8620 3.7) */
	res->off = b->len;
	js_out_obj(b);
	js_out_key(b, "type");
	js_out_s(b, e->type);
	if (c->desc != NULL) {
		js_out_key(b, "description");
		js_out_s(b, c->desc);
	}
	if (c->more != NULL)
		js_out_raw(b, c->more, strlen(c->more));
	js_out_end(b, '}');
	res->len = b->len - res->off;
	js_out_s(b, c->id);
	js_out_end(b, ']');
}
