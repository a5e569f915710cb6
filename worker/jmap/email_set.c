/* SPDX-License-Identifier: ISC */
/*
 * Email/set (RFC 8621 4.6): update and destroy, and what every way of making
 * a mail shares: where it goes, how it is delivered, what is answered.
 * Only keywords and mailboxIds of a mail can change; any other property may
 * stand in an update if it says what is so already (RFC 8620 5.3).
 */
#include "common/compat.h"

#include <stdarg.h>
#include <string.h>

#include "common/utf8.h"
#include "worker/jmap/email.h"
#include "worker/jmap/email_row.h"
#include "worker/store/store_share.h"

static void	email_set_blob(struct jmap_call *, uint64_t id,
		    const uint8_t *hash, char [JMAP_ID_MAX + 1]);
static int	set_mailbox(struct jmap_call *, const char *, uint32_t *);
static int	set_keyword_ok(const char *);
static int	set_keywords(struct jmap_call *, struct jmap_seterr *,
		    struct js_val *, struct slice **, size_t *);
static int	set_mailboxes(struct jmap_call *, struct jmap_seterr *,
		    struct js_val *, uint32_t **, size_t *);
static int	set_op(struct jmap_set *, const struct store_mail *,
		    const struct jmap_patch_op *, struct store_mailmod *);
static int	set_op_keyword(struct jmap_set *,
		    const struct jmap_patch_op *, struct store_mailmod *);
static int	set_op_mailbox(struct jmap_set *,
		    const struct jmap_patch_op *, struct store_mailmod *);
static int	set_clash(struct jmap_set *, const struct store_mailmod *);
static int	set_folded(struct jmap_set *, uint64_t,
		    const struct store_mailmod *);
static int	set_room(struct jmap_set *, const struct store_mail *,
		    const struct store_mailmod *);
static int	set_refused(struct jmap_call *, struct jmap_seterr *,
		    enum store_err, int keywords);

int
email_set_error(struct jmap_call *c, struct jmap_seterr *e,
    const struct jmap_error *err, const char *desc)
{
	(void)c;
	if (e->err == NULL) {
		e->err = err;
		e->desc = desc;
	}
	return 0;
}

int
email_set_bad(struct jmap_call *c, struct jmap_seterr *e, const char *prop,
    const char *desc)
{
	const char	*copy;
	size_t		 i;

	if (e->err != NULL && e->err != &jmap_error_invalid_properties)
		return 0;
	e->err = &jmap_error_invalid_properties;
	if (e->desc == NULL)
		e->desc = desc;
	for (i = 0; i < e->nprops; i++)
		if (strcmp(e->props[i], prop) == 0)
			return 0;
	if (e->nprops < nitems(e->props) && (copy = arena_dup(
	    &c->req->arena, prop, strlen(prop))) != NULL)
		e->props[e->nprops++] = copy;
	return 0;
}

/* --- where it goes ------------------------------------------------------- */

int
email_set_where(struct jmap_call *c, struct jmap_seterr *e,
    struct js_val *mailboxes, struct js_val *keywords, struct email_where *w)
{
	int	 ok;

	memset(w, 0, sizeof(*w));
	/* both, so that the client hears of both */
	ok = set_mailboxes(c, e, mailboxes, &w->mailbox, &w->nmailbox);
	return set_keywords(c, e, keywords, &w->keyword, &w->nkeyword) && ok;
}

static int
set_mailboxes(struct jmap_call *c, struct jmap_seterr *e, struct js_val *v,
    uint32_t **out, size_t *n)
{
	struct js_iter	 it;

	if (js_type(v) != JS_OBJ || js_len(v) == 0)
		return email_set_bad(c, e, "mailboxIds",
		    "an Email is in one mailbox at least");
	if (js_len(v) > c->req->env->limits->max_mailboxes_per_email ||
	    js_len(v) > STORE_MAXBOXES)
		return email_set_error(c, e, &jmap_error_too_many_mailboxes,
		    NULL);
	if ((*out = arena_array(&c->req->arena, js_len(v),
	    sizeof(**out))) == NULL)
		return email_set_error(c, e, &jmap_error_server_fail, NULL);
	for (js_first(&it, v); js_next(&it);) {
		if (js_type(it.val) != JS_BOOL || !js_bool(it.val))
			return email_set_bad(c, e, "mailboxIds",
			    "each value must be true");
		if (!set_mailbox(c, it.key, &(*out)[*n]))
			return email_set_bad(c, e, "mailboxIds",
			    "no such mailbox");
		++*n;
	}
	return 1;
}

/* The number of an id or "#creationId" that names a mailbox: 1 or 0. */
static int
set_mailbox(struct jmap_call *c, const char *id, uint32_t *out)
{
	struct store_mailbox	 mb;

	if ((id = jmap_api_real(c->req, id)) == NULL ||
	    store_id_mailbox_get(id, strlen(id), out) == -1)
		return 0;
	return store_mailbox_get(c->txn, *out, &mb) == STORE_OK;
}

static int
set_keywords(struct jmap_call *c, struct jmap_seterr *e, struct js_val *v,
    struct slice **out, size_t *n)
{
	struct js_iter	 it;
	const char	*copy;

	if (v == NULL)		/* default: {} */
		return 1;
	if (js_type(v) != JS_OBJ)
		return email_set_bad(c, e, "keywords", "not an object");
	if (js_len(v) > STORE_KW_MAX)
		return email_set_error(c, e, &jmap_error_too_many_keywords,
		    NULL);
	if ((*out = arena_array(&c->req->arena, js_len(v) + 1,
	    sizeof(**out))) == NULL)
		return email_set_error(c, e, &jmap_error_server_fail, NULL);
	for (js_first(&it, v); js_next(&it);) {
		if (js_type(it.val) != JS_BOOL || !js_bool(it.val))
			return email_set_bad(c, e, "keywords",
			    "each value must be true");
		if (!set_keyword_ok(it.key))
			return email_set_bad(c, e, "keywords",
			    "a character that no keyword may have");
		copy = arena_dup(&c->req->arena, it.key, strlen(it.key));
		if (copy == NULL)
			return email_set_error(c, e, &jmap_error_server_fail,
			    NULL);
		(*out)[(*n)++] = SLICE_STR(copy);
	}
	return 1;
}

/* RFC 8621 4.1.1: 1 to 255 of %x21-7e, but these. */
static int
set_keyword_ok(const char *s)
{
	size_t	 n = strlen(s), i;

	if (n < 1 || n > STORE_KW_MAXLEN)
		return 0;
	for (i = 0; i < n; i++)
		if (s[i] < 0x21 || s[i] > 0x7e ||
		    strchr("(){]%*\"\\", s[i]) != NULL)
			return 0;
	return 1;
}

/* --- making -------------------------------------------------------------- */

int
email_set_add(struct jmap_call *c, struct jmap_seterr *e, struct arena *a,
    const void *raw, size_t len, const struct email_where *w,
    int64_t received, char *id, struct buf *reply)
{
	struct store_newmail	 m;
	enum store_err		 err;
	uint64_t		 n, tid;
	char			 text[JMAP_ID_MAX + 1];

	memset(&m, 0, sizeof(m));
	m.received = received;
	m.mailbox = w->mailbox;
	m.nmailbox = w->nmailbox;
	m.keyword = w->keyword;
	m.nkeyword = w->nkeyword;
	err = email_row_add(c->txn, a, raw, len, &m, &n, &tid);
	if (err != STORE_OK && err <= STORE_REFUSED)
		return set_refused(c, e, err, 1);
	if (jmap_api_store(c, err) != 1)
		return -1;
	store_id_mail(n, id);
	js_out_key(reply, "blobId");
	email_set_blob(c, n, m.blob, text);
	js_out_s(reply, text);
	js_out_key(reply, "threadId");
	store_id_thread(tid, text);
	js_out_s(reply, text);
	js_out_key(reply, "size");
	js_out_uint(reply, m.size);
	return 1;
}

/* Who is not the owner has no ids that are made of what is in a message. */
static void
email_set_blob(struct jmap_call *c, uint64_t id, const uint8_t *hash,
    char text[JMAP_ID_MAX + 1])
{
	struct jmap_blob	 b;

	memset(&b, 0, sizeof(b));
	memcpy(b.hash, hash, STORE_HASHLEN);
	if (store_view_who(c->txn) != 0)
		b.eid = STORE_EID(id);
	jmap_blob_text(&b, text);
}

uint8_t *
email_set_quote(struct jmap_call *c, uint64_t id, const uint8_t *hash,
    uint8_t *p)
{
	char	 text[JMAP_ID_MAX + 1];
	size_t	 n;

	email_set_blob(c, id, hash, text);
	n = strlen(text);	/* of a whole message: no steps */
	*p++ = '"';
	memcpy(p, text, n);
	p += n;
	*p++ = '"';
	return p;
}

/* What the store would not do, in the words of RFC 8621. */
static int
set_refused(struct jmap_call *c, struct jmap_seterr *e, enum store_err err,
    int keywords)
{
	switch (err) {
	case STORE_NOTFOUND:
		return email_set_error(c, e, &jmap_error_not_found, NULL);
	case STORE_FORBIDDEN:
		return email_set_error(c, e, &jmap_error_forbidden,
		    "you have not the right to do that");
	case STORE_NOMAILBOX:
		return email_set_bad(c, e, "mailboxIds",
		    "an Email is in one mailbox at least");
	case STORE_TOOMANY:
		return email_set_error(c, e, keywords ?
		    &jmap_error_too_many_keywords :
		    &jmap_error_too_many_mailboxes, NULL);
	case STORE_OVERQUOTA:
		return email_set_error(c, e, &jmap_error_over_quota, NULL);
	default:
		return email_set_bad(c, e, "keywords", store_strerror(err));
	}
}

/* --- changing ------------------------------------------------------------ */

int
email_set_update(struct jmap_set *s, const char *id,
    const struct jmap_patch *p)
{
	struct jmap_call	*c = s->c;
	struct arena		*a = &c->req->arena;
	struct store_mailmod	 mod;
	struct store_mail	 mail;
	enum store_err		 err;
	uint64_t		 n;
	size_t			 i;
	int			 ret;

	if (store_id_mail_get(id, strlen(id), &n) == -1)
		return jmap_set_refuse(s, &jmap_error_not_found,
		    "no such Email");
	if ((ret = jmap_api_store(c, store_mail_get(c->txn, n, &mail))) != 1)
		return ret == -1 ? -1 : jmap_set_refuse(s,
		    &jmap_error_not_found, "no such Email");
	memset(&mod, 0, sizeof(mod));
	mod.kw_add = arena_array(a, p->n + 1, sizeof(*mod.kw_add));
	mod.kw_del = arena_array(a, p->n + 1, sizeof(*mod.kw_del));
	mod.mb_add = arena_array(a, p->n + 1, sizeof(*mod.mb_add));
	mod.mb_del = arena_array(a, p->n + 1, sizeof(*mod.mb_del));
	if (mod.kw_add == NULL || mod.kw_del == NULL || mod.mb_add == NULL ||
	    mod.mb_del == NULL)
		return -1;
	for (i = 0; i < p->n; i++)
		if (set_op(s, &mail, &p->op[i], &mod) == -1)
			return -1;
	if (s->e.err != NULL || set_clash(s, &mod) ||
	    !set_room(s, &mail, &mod))
		return 0;
	err = store_mail_update(c->txn, n, &mod);
	if (err != STORE_OK && err <= STORE_REFUSED)
		return set_refused(c, &s->e, err, mod.nkw_add > 0);
	if (jmap_api_store(c, err) != 1)
		return -1;
	return set_folded(s, n, &mod);
}

/* Keywords know no case: "keywords/A" set and "keywords/a" removed are two
 * patches of one place. */
static int
set_clash(struct jmap_set *s, const struct store_mailmod *mod)
{
	const struct slice	*add, *del;
	size_t			 i, k;

	for (i = 0; i < mod->nkw_add; i++)
		for (k = 0; k < mod->nkw_del; k++) {
			add = &mod->kw_add[i];
			del = &mod->kw_del[k];
			if (utf8_casecmp(add->p, add->n, del->p,
			    del->n) != 0)
				continue;
			jmap_set_refuse(s, &jmap_error_invalid_patch,
			    "a keyword is set and removed");
			return 1;
		}
	return 0;
}

/* A keyword is kept in lower case (RFC 8621 4.1.1): a client that wrote it
 * otherwise is told what it is now.  1 or -1. */
static int
set_folded(struct jmap_set *s, uint64_t id, const struct store_mailmod *mod)
{
	struct store_mail	 mail;
	const char		*p;
	size_t			 i, k;
	int			 upper = 0;

	for (i = 0; i < mod->nkw_add; i++)
		for (p = mod->kw_add[i].p, k = 0; k < mod->kw_add[i].n; k++)
			upper |= p[k] >= 'A' && p[k] <= 'Z';
	if (!upper)
		return 1;
	switch (jmap_api_store(s->c, store_mail_get(s->c->txn, id, &mail))) {
	case 0:
		return 1;		/* moved out of sight */
	case -1:
		return -1;
	}
	js_out_key(&s->reply, "keywords");
	return email_get_one(s->c, &mail, "keywords", &s->reply);
}

/* One entry of the patch, into *mod.  Not -1: s->e says what is wrong. */
static int
set_op(struct jmap_set *s, const struct store_mail *mail,
    const struct jmap_patch_op *op, struct store_mailmod *mod)
{
	struct slice	*kw;
	uint32_t	*mb;

	/* RFC 8620 5.3: no path into an array, or below what is no object */
	if (op->deep != NULL || (op->sub != NULL &&
	    strcmp(op->prop, "keywords") != 0 &&
	    strcmp(op->prop, "mailboxIds") != 0))
		return jmap_set_refuse(s, &jmap_error_invalid_patch,
		    "no such path: %s", op->path);
	if (strcmp(op->prop, "keywords") == 0) {
		if (op->sub != NULL)
			return set_op_keyword(s, op, mod);
		mod->flags |= STORE_REPLACE_KEYWORDS;
		kw = NULL;
		if (set_keywords(s->c, &s->e, op->val, &kw, &mod->nkw_add))
			mod->kw_add = kw;
		return 0;
	}
	if (strcmp(op->prop, "mailboxIds") == 0) {
		if (op->sub != NULL)
			return set_op_mailbox(s, op, mod);
		mod->flags |= STORE_REPLACE_MAILBOXES;
		mb = NULL;
		if (set_mailboxes(s->c, &s->e, op->val, &mb, &mod->nmb_add))
			mod->mb_add = mb;
		return 0;
	}
	return email_same(s, mail, op);
}

static int
set_op_keyword(struct jmap_set *s, const struct jmap_patch_op *op,
    struct store_mailmod *mod)
{
	struct slice	 kw = SLICE_STR(op->sub);

	if (!set_keyword_ok(op->sub))
		return email_set_bad(s->c, &s->e, op->path,
		    "a character that no keyword may have");
	if (op->val == NULL)
		((struct slice *)(uintptr_t)mod->kw_del)[mod->nkw_del++] = kw;
	else if (js_type(op->val) == JS_BOOL && js_bool(op->val))
		((struct slice *)(uintptr_t)mod->kw_add)[mod->nkw_add++] = kw;
	else
		return email_set_bad(s->c, &s->e, op->path,
		    "must be true or null");
	return 0;
}

static int
set_op_mailbox(struct jmap_set *s, const struct jmap_patch_op *op,
    struct store_mailmod *mod)
{
	uint32_t	 mb;
	int		 known = set_mailbox(s->c, op->sub, &mb);

	if (op->val == NULL) {
		if (known)	/* out of what is not there: it is out */
			((uint32_t *)(uintptr_t)mod->mb_del)[
			    mod->nmb_del++] = mb;
		return 0;
	}
	if (js_type(op->val) != JS_BOOL || !js_bool(op->val))
		return email_set_bad(s->c, &s->e, op->path,
		    "must be true or null");
	if (!known)
		return email_set_bad(s->c, &s->e, op->path,
		    "no such mailbox");
	((uint32_t *)(uintptr_t)mod->mb_add)[mod->nmb_add++] = mb;
	return 0;
}

/* RFC 8621 4.6 tooManyKeywords, tooManyMailboxes: 1 or 0 with s->e. */
static int
set_room(struct jmap_set *s, const struct store_mail *mail,
    const struct store_mailmod *mod)
{
	const struct jmap_limits	*l = s->c->req->env->limits;
	size_t				 boxes = 0, words = 0, i;

	if (!(mod->flags & STORE_REPLACE_MAILBOXES))
		boxes = mail->nmailbox;
	for (i = 0; i < mod->nmb_add; i++)
		boxes += (mod->flags & STORE_REPLACE_MAILBOXES) ||
		    !store_mail_in(mail, mod->mb_add[i]);
	for (i = 0; i < mod->nmb_del; i++)
		boxes -= store_mail_in(mail, mod->mb_del[i]) != 0;
	if (mod->nmb_add > 0 && boxes > l->max_mailboxes_per_email)
		return jmap_set_refuse(s, &jmap_error_too_many_mailboxes,
		    "more than %u", l->max_mailboxes_per_email);
	if (!(mod->flags & STORE_REPLACE_KEYWORDS))
		words = mail->nmore +
		    (size_t)__builtin_popcountll(mail->kw);
	for (i = 0; i < mod->nkw_add; i++)
		words += (mod->flags & STORE_REPLACE_KEYWORDS) ||
		    !store_mail_has(mail, store_keyword(s->c->txn,
		    mod->kw_add[i].p, mod->kw_add[i].n));
	if (mod->nkw_add > 0 && words > STORE_KW_MAX)
		return jmap_set_refuse(s, &jmap_error_too_many_keywords,
		    "more than %d", STORE_KW_MAX);
	return 1;
}

int
email_set_destroy(struct jmap_set *s, const char *id)
{
	enum store_err	 err;
	uint64_t	 n;
	int		 ret = 0;

	if (store_id_mail_get(id, strlen(id), &n) == 0) {
		err = store_mail_destroy(s->c->txn, n);
		if (err == STORE_FORBIDDEN)
			return jmap_set_refuse(s, &jmap_error_forbidden,
			    "you have not the right to do that");
		ret = jmap_api_store(s->c, err);
	}
	return ret != 0 ? ret : jmap_set_refuse(s, &jmap_error_not_found,
	    "no such Email");
}
