/* SPDX-License-Identifier: ISC */
/*
 * Email/copy (RFC 8621 4.7, RFC 8620 5.4): mail from another account of the
 * user, or one that is shared with him.  The message is copied byte for byte
 * and delivered as any other, so the copy has rows, thread and index of its
 * own.  A message that the target has already is not copied again: a client
 * that lost the answer may ask once more.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "worker/jmap/email.h"
#include "worker/jmap/email_row.h"

struct copy {
	struct jmap_call	*c;
	struct jmap_from	 from;
	struct jmap_seterr	 e;
	struct buf		 good, bad;	/* members of the answer */
	struct js_val		*done;		/* ids of the originals */
	/* arguments */
	struct js_val		*create;
	const char		*account, *if_from, *if_in, *if_destroy;
	int			 destroy;
};

static const struct jmap_error	*copy_args(struct copy *);
static const struct jmap_error	*copy_all(struct copy *);
static int	copy_one(struct copy *, const char *, struct js_val *);
static int	copy_read(struct copy *, struct js_val *, const char **,
		    int64_t *);
static int	copy_mail(struct copy *, const char *, struct js_val *,
		    const struct store_mail *, int64_t);
static int	copy_keywords(struct copy *, const struct store_mail *,
		    struct email_where *);
static int	copy_exists(struct copy *, const uint8_t *);
static int	copy_add(struct copy *, const char *, const char *,
		    const struct store_mail *, const struct email_where *,
		    int64_t);
static int	copy_destroy(struct copy *);
static void	copy_answer(struct copy *, uint64_t);

const struct jmap_error *
email_copy(struct jmap_call *c)
{
	const struct jmap_error	*err;
	struct copy		 x;

	memset(&x, 0, sizeof(x));
	x.c = c;
	if ((err = copy_args(&x)) != NULL ||
	    (err = jmap_copy_open(c, x.account, &x.from)) != NULL)
		return err;
	buf_init(&x.good, 4 << 20);
	buf_init(&x.bad, 4 << 20);
	err = copy_all(&x);
	buf_free(&x.good);
	buf_free(&x.bad);
	js_free(x.done);
	jmap_copy_close(&x.from);
	return err;
}

static const struct jmap_error *
copy_args(struct copy *x)
{
	struct jmap_call	*c = x->c;
	struct js_iter		 it;
	struct js_rd		 rd;
	const char		*to;

	js_rd_init(&rd, c->args, "");
	js_rd_id(&rd, "accountId", &to);
	if (js_rd_id(&rd, "fromAccountId", &x->account) == 0)
		js_rd_bad(&rd, "fromAccountId");
	js_rd_str_null(&rd, "ifFromInState", &x->if_from);
	js_rd_str_null(&rd, "ifInState", &x->if_in);
	if (js_rd_obj(&rd, "create", &x->create) == 0)
		js_rd_bad(&rd, "create");
	js_rd_bool(&rd, "onSuccessDestroyOriginal", &x->destroy);
	js_rd_str_null(&rd, "destroyFromIfInState", &x->if_destroy);
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if (js_len(x->create) > c->req->env->limits->max_objects_in_set)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "more Emails than maxObjectsInSet");
	for (js_first(&it, x->create); js_next(&it);)
		if (js_type(it.val) != JS_OBJ)
			return jmap_error_say(c,
			    &jmap_error_invalid_arguments,
			    "create/%s is not an object", it.key);
	return NULL;
}

static const struct jmap_error *
copy_all(struct copy *x)
{
	struct jmap_call	*c = x->c;
	struct js_iter		 it;
	uint64_t		 old = store_state(c->txn, STORE_EMAIL);

	if (x->if_from != NULL && strcmp(x->if_from, jmap_api_state(c->req,
	    store_state(x->from.txn, STORE_EMAIL))) != 0)
		return jmap_error_say(c, &jmap_error_state_mismatch,
		    "ifFromInState");
	if (x->if_in != NULL && strcmp(x->if_in, jmap_api_state(c->req,
	    old)) != 0)
		return jmap_error_say(c, &jmap_error_state_mismatch,
		    "ifInState");
	if ((x->done = js_new_arr()) == NULL)
		return jmap_api_lost(c);
	for (js_first(&it, x->create); js_next(&it);)
		if (copy_one(x, it.key, it.val) == -1)
			return jmap_api_lost(c);
	if (buf_bad(&x->good) || buf_bad(&x->bad) ||
	    (x->destroy && js_len(x->done) > 0 && copy_destroy(x) == -1))
		return jmap_api_lost(c);
	copy_answer(x, old);
	return NULL;
}

/* --- one ----------------------------------------------------------------- */

/* 0 when it was copied or refused, -1 when all must be undone. */
static int
copy_one(struct copy *x, const char *cid, struct js_val *v)
{
	struct store_mail	 mail;
	const char		*id = NULL;
	uint64_t		 n;
	int64_t			 received = DATE_NONE;
	enum store_err		 err;
	int			 ret;

	memset(&x->e, 0, sizeof(x->e));
	if ((ret = copy_read(x, v, &id, &received)) == 1) {
		err = store_id_mail_get(id, strlen(id), &n) == -1 ?
		    STORE_NOTFOUND : store_mail_get(x->from.txn, n, &mail);
		if (err == STORE_NOTFOUND)
			ret = email_set_error(x->c, &x->e,
			    &jmap_error_not_found,
			    "no such Email in the account to copy from");
		else if (jmap_api_store(x->c, err) != 1)
			ret = -1;
		else
			ret = copy_mail(x, cid, v, &mail, received);
	}
	if (ret == 0) {
		js_out_keyn(&x->bad, cid, strlen(cid));
		jmap_setout_error(&x->bad, &x->e);
	}
	return ret == -1 ? -1 : 0;
}

/* "only the "mailboxIds", "keywords", and "receivedAt" properties may be
 * set during the copy" */
static int
copy_read(struct copy *x, struct js_val *v, const char **id,
    int64_t *received)
{
	struct js_iter	 it;
	struct js_val	*p;

	for (js_first(&it, v); js_next(&it);)
		if (strcmp(it.key, "id") != 0 &&
		    strcmp(it.key, "mailboxIds") != 0 &&
		    strcmp(it.key, "keywords") != 0 &&
		    strcmp(it.key, "receivedAt") != 0)
			email_set_bad(x->c, &x->e, it.key,
			    "cannot be set by a copy");
	p = js_get(v, "id");
	if (!js_is_id(p) && (js_type(p) != JS_STR || js_str(p)[0] != '#'))
		email_set_bad(x->c, &x->e, "id", "not an Id");
	else if ((*id = jmap_api_real(x->c->req, js_str(p))) == NULL)
		email_set_bad(x->c, &x->e, "id", "no such creation id");
	if ((p = js_get(v, "receivedAt")) != NULL && (js_type(p) != JS_STR ||
	    (*received = date_3339(js_str(p), js_len(p), 1,
	    NULL)) == DATE_NONE))
		email_set_bad(x->c, &x->e, "receivedAt", "not a UTCDate");
	return x->e.err == NULL;
}

static int
copy_mail(struct copy *x, const char *cid, struct js_val *v,
    const struct store_mail *mail, int64_t received)
{
	struct email_where	 w;
	struct store_row	 row;
	char			 id[STORE_IDLEN];
	int			 got;

	/* those of the original are of another account */
	if (!email_set_where(x->c, &x->e, js_get(v, "mailboxIds"),
	    js_get(v, "keywords"), &w))
		return 0;
	if (js_get(v, "keywords") == NULL && copy_keywords(x, mail,
	    &w) == -1)
		return -1;
	if (jmap_api_store(x->c, store_mail_row(x->from.txn, mail,
	    &row)) != 1)
		return -1;
	if ((got = copy_exists(x, row.blob)) != 0)
		return got == 1 ? 0 : -1;
	store_id_mail(mail->id, id);
	return copy_add(x, cid, id, mail, &w, received == DATE_NONE ?
	    mail->received : received);
}

/* The keywords that the original has. */
static int
copy_keywords(struct copy *x, const struct store_mail *mail,
    struct email_where *w)
{
	struct arena	*a = &x->c->req->arena;
	struct slice	 name;
	const char	*text;
	unsigned	 slot;
	size_t		 i, max;

	max = mail->nmore + (size_t)__builtin_popcountll(mail->kw);
	if ((w->keyword = arena_array(a, max + 1,
	    sizeof(*w->keyword))) == NULL)
		return -1;
	for (slot = 0, i = 0; w->nkeyword < max; slot++) {
		if (slot < 64 && !(mail->kw & STORE_BIT(slot)))
			continue;
		if (slot >= 64 && i == mail->nmore)
			break;
		name = store_keyword_name(x->from.txn, slot < 64 ? slot :
		    store_mail_more(mail, i++));
		if (name.n == 0)
			continue;
		if ((text = arena_dup(a, name.p, name.n)) == NULL)
			return -1;
		w->keyword[w->nkeyword++] = SLICE(text, name.n);
	}
	return 0;
}

/* RFC 8621 4.7: 1 and refused with alreadyExists, 0, -1. */
static int
copy_exists(struct copy *x, const uint8_t *hash)
{
	struct jmap_call	*c = x->c;
	struct store_ids	 ids = { NULL, 0, 0 };
	struct store_mail	 m;
	char			 id[STORE_IDLEN];
	enum store_err		 err;
	size_t			 i;
	int			 ret = 0;

	err = store_blob_mails(c->txn, hash, &ids);
	if (err != STORE_NOTFOUND && jmap_api_store(c, err) != 1)
		ret = -1;
	for (i = 0; i < ids.n && ret == 0; i++) {
		/* what he does not see does not exist */
		if ((err = store_mail_eid(c->txn, ids.v[i],
		    &m)) == STORE_NOTFOUND)
			continue;
		if (jmap_api_store(c, err) != 1) {
			ret = -1;
			break;
		}
		store_id_mail(m.id, id);
		email_set_error(c, &x->e, &jmap_error_already_exists,
		    "the account has this message");
		x->e.more = arena_printf(&c->req->arena,
		    "\"existingId\":\"%s\"", id);
		ret = 1;
	}
	store_ids_free(&ids);
	return ret;
}

static int
copy_add(struct copy *x, const char *cid, const char *original,
    const struct store_mail *mail, const struct email_where *w,
    int64_t received)
{
	struct store_row	 row;
	struct buf		 raw, reply;
	struct arena		 a;
	char			 id[JMAP_ID_MAX + 1];
	int			 ret = -1;

	buf_init(&raw, UINT32_MAX);
	buf_init(&reply, 4096);
	arena_init(&a, EMAIL_ROW_ARENA);
	if (jmap_api_store(x->c, store_mail_row(x->from.txn, mail,
	    &row)) != 1 || jmap_api_store(x->c, store_blob_get(x->from.txn,
	    row.blob, 0, UINT64_MAX, &raw)) != 1)
		goto done;
	ret = email_set_add(x->c, &x->e, &a, raw.data, raw.len, w, received,
	    id, &reply);
	if (ret == 1 && (buf_bad(&reply) ||
	    jmap_api_created(x->c->req, cid, id) == -1 ||
	    js_add(x->done, js_new_str(original, strlen(original))) == -1))
		ret = -1;
	if (ret == 1) {
		js_out_keyn(&x->good, cid, strlen(cid));
		js_out_obj(&x->good);
		js_out_key(&x->good, "id");
		js_out_s(&x->good, id);
		js_out_raw(&x->good, reply.data, reply.len);
		js_out_end(&x->good, '}');
	}
done:
	buf_free(&raw);
	buf_free(&reply);
	arena_free(&a);
	return ret;
}

/* --- the answer ---------------------------------------------------------- */

/* RFC 8620 5.4: a single call to Foo/set to destroy the originals. */
static int
copy_destroy(struct copy *x)
{
	struct js_val	*args;

	if ((args = js_new_obj()) == NULL ||
	    js_set(args, "accountId", js_new_str(x->account,
	    strlen(x->account))) == -1 ||
	    js_set(args, "destroy", js_ref(x->done)) == -1 ||
	    (x->if_destroy != NULL && js_set(args, "ifInState",
	    js_new_str(x->if_destroy, strlen(x->if_destroy))) == -1)) {
		js_free(args);
		return -1;
	}
	return jmap_api_implicit(x->c, "Email/set", args);
}

static void
copy_answer(struct copy *x, uint64_t old)
{
	struct jmap_call	*c = x->c;
	struct buf		*b = c->out;

	js_out_obj(b);
	js_out_key(b, "fromAccountId");
	js_out_s(b, x->account);
	jmap_api_account(c);
	js_out_key(b, "oldState");
	js_out_s(b, jmap_api_state(c->req, old));
	js_out_key(b, "newState");
	js_out_s(b, jmap_api_state(c->req, store_state(c->txn, STORE_EMAIL)));
	jmap_setout_map(b, "created", &x->good);
	jmap_setout_map(b, "notCreated", &x->bad);
	js_out_end(b, '}');
}
