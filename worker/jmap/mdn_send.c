/* SPDX-License-Identifier: ISC */
/*
 * MDN/send (RFC 9007 2.1): a receipt to whoever asked for one, once for each
 * message, and never without the keyword $mdnsent being set with it.
 */
#include "common/compat.h"

#include <errno.h>
#include <string.h>

#include "common/addr.h"
#include "common/card.h"
#include "worker/jmap/identity.h"
#include "worker/jmap/jmap_int.h"
#include "worker/jmap/mdn.h"
#include "worker/jmap/submission.h"

#define SENT	"$mdnsent"

struct send {
	struct jmap_call	*c;
	struct jmap_set		 s;		/* for its errors */
	struct js_val		*send, *patches;
	struct jmap_object	 identity;
	struct buf		 good, bad;	/* members of sent, notSent */
	struct js_val		*update;	/* of the implicit Email/set */
	struct jmap_ids		 done;		/* emails answered here */
};

/* One MDN object. */
struct send_one {
	struct send		*sd;
	const char		*cid, *email;
	struct js_val		*v, *extension;
	int			 include;
	struct store_mail	 m;
	struct submission_mail	 mail;
	struct mdn		 mdn;
	const char		*final;		/* the address of it */
};

static const struct jmap_error	*send_args(struct send *);
static const struct jmap_error	*send_patches(struct send *);
static int	send_marks(struct js_val *);
static int	send_try(struct send *, const char *, struct js_val *);
static int	send_read(struct send_one *);
static int	send_disposition(struct send_one *, struct js_val *);
static int	send_line(const char *);
static int	send_extension(struct send_one *, struct js_val *);
static int	send_email(struct send_one *);
static int	send_to(struct send_one *);
static int	send_original(struct send_one *);
static const char	*send_header(struct send_one *, const char *);
static int	send_final(struct send_one *);
static int	send_from(struct send_one *);
static int	send_out(struct send_one *);
static int	send_queue(struct send_one *, const struct buf *);
static int	send_done(struct send_one *);
static void	send_told(struct send_one *, struct buf *);
static const struct jmap_error	*send_answer(struct send *);

const struct jmap_error *
mdn_send(struct jmap_call *c)
{
	const struct jmap_error	*e;
	struct js_iter		 it;
	struct send		 sd;

	/* RFC 9007 2.1: because of the implicit call to "Email/set" */
	if (!(c->req->using & JMAP_CAP_MAIL))
		return jmap_error_say(c, &jmap_error_unknown_method,
		    "urn:ietf:params:jmap:mail is not in \"using\"");
	memset(&sd, 0, sizeof(sd));
	sd.c = sd.s.c = c;
	buf_init(&sd.good, 1 << 20);
	buf_init(&sd.bad, 1 << 20);
	if ((sd.update = js_new_obj()) == NULL || identity_prepare(c) != 1)
		e = jmap_api_lost(c);
	else
		e = send_args(&sd);
	for (js_first(&it, sd.send); e == NULL && js_next(&it);)
		if (send_try(&sd, it.key, it.val) == -1)
			e = jmap_api_lost(c);
	if (e == NULL)
		e = send_answer(&sd);
	jmap_objrow_free(&sd.identity);
	buf_free(&sd.good);
	buf_free(&sd.bad);
	js_free(sd.update);
	return e;
}

static const struct jmap_error *
send_args(struct send *sd)
{
	struct jmap_call	*c = sd->c;
	struct js_iter		 it;
	struct js_rd		 rd;
	const char		*account, *identity = "";
	int			 got;

	js_rd_init(&rd, c->args, "");
	js_rd_id(&rd, "accountId", &account);
	if (js_rd_id(&rd, "identityId", &identity) == 0)
		js_rd_bad(&rd, "identityId");
	if (js_rd_obj(&rd, "send", &sd->send) == 0)
		js_rd_bad(&rd, "send");
	js_rd_obj_null(&rd, "onSuccessUpdateEmail", &sd->patches);
	for (js_first(&it, sd->send); js_next(&it);)
		if (js_type(it.val) != JS_OBJ || !jmap_api_is_id(it.key))
			js_rd_bad(&rd, "send");
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if (js_len(sd->send) > c->req->env->limits->max_objects_in_set)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "more MDNs than maxObjectsInSet");
	if ((got = identity_get(c, identity, &sd->identity)) == -1)
		return jmap_api_lost(c);
	if (got == 0)
		return jmap_error_say(c, &jmap_error_invalid_arguments,
		    "identityId: no such Identity");
	return send_patches(sd);
}

/* "the server MUST reject an MDN/send that does not result in setting the
 * keyword": every MDN has a patch that does. */
static const struct jmap_error *
send_patches(struct send *sd)
{
	struct jmap_call	*c = sd->c;
	struct js_val		*patch;
	struct js_iter		 it;
	const char		*key;

	for (js_first(&it, sd->patches); js_next(&it);)
		if (js_type(it.val) != JS_OBJ)
			return jmap_error_say(c,
			    &jmap_error_invalid_arguments,
			    "onSuccessUpdateEmail/%s: no object", it.key);
	for (js_first(&it, sd->send); js_next(&it);) {
		key = arena_printf(&c->req->arena, "#%s", it.key);
		if (key == NULL)
			return jmap_api_lost(c);
		patch = js_get(sd->patches, key);
		if (!send_marks(patch))
			return jmap_error_say(c,
			    &jmap_error_invalid_arguments,
			    "onSuccessUpdateEmail does not set the keyword "
			    SENT " for %s", key);
	}
	return NULL;
}

static int
send_marks(struct js_val *patch)
{
	return js_bool(js_get(patch, "keywords/" SENT)) ||
	    js_bool(js_get(js_get(patch, "keywords"), SENT));
}

/* --- one MDN ------------------------------------------------------------- */

static int
send_try(struct send *sd, const char *cid, struct js_val *v)
{
	struct send_one	 o;
	int		 got;

	memset(&sd->s.e, 0, sizeof(sd->s.e));
	memset(&o, 0, sizeof(o));
	o.sd = sd;
	o.cid = cid;
	o.v = v;
	if ((got = send_read(&o)) == 1 && (got = send_email(&o)) == 1 &&
	    (got = send_final(&o)) == 1 && (got = send_from(&o)) == 1 &&
	    (got = send_out(&o)) == 1)
		got = send_done(&o);
	if (got == 0) {
		js_out_keyn(&sd->bad, cid, strlen(cid));
		jmap_setout_error(&sd->bad, &sd->s.e);
	}
	submission_mail_free(&o.mail);
	return got == -1 ? -1 : 0;
}

/* RFC 9007 2: what a client may say. */
static int
send_read(struct send_one *o)
{
	static const char *const server[] = {
		"mdnGateway", "originalRecipient", "originalMessageId", "error"
	};
	static const char *const known[] = {
		"forEmailId", "subject", "textBody", "includeOriginalMessage",
		"reportingUA", "disposition", "finalRecipient",
		"extensionFields", "extension"
	};
	struct jmap_set	*s = &o->sd->s;
	struct js_iter	 it;
	size_t		 i;

	for (js_first(&it, o->v); js_next(&it);) {
		for (i = 0; i < nitems(server); i++)
			if (strcmp(server[i], it.key) == 0)
				jmap_set_bad(s, it.key,
				    "%s is set by the server", it.key);
		for (i = 0; i < nitems(known); i++)
			if (strcmp(known[i], it.key) == 0)
				break;
		if (i == nitems(known))
			jmap_set_bad(s, it.key, "no such property");
		/* text on one line, or null */
		if ((i == 1 || i == 4 || i == 6) && it.val != NULL &&
		    (js_type(it.val) != JS_STR || !send_line(js_str(it.val))))
			jmap_set_bad(s, it.key, "not text of one line");
		if (i == 2 && it.val != NULL && js_type(it.val) != JS_STR)
			jmap_set_bad(s, it.key, "no String");
		if (i == 3 && js_type(it.val) != JS_BOOL)
			jmap_set_bad(s, it.key, "no Boolean");
		if ((i == 7 || i == 8) && !send_extension(o, it.val))
			jmap_set_bad(s, it.key, "no fields for a report");
	}
	o->email = js_str(js_get(o->v, "forEmailId"));
	if (js_type(js_get(o->v, "forEmailId")) != JS_STR ||
	    !jmap_api_is_id(o->email + (o->email[0] == '#')))
		jmap_set_bad(s, "forEmailId", "not an Id");
	if (!send_disposition(o, js_get(o->v, "disposition")))
		jmap_set_bad(s, "disposition", "not a Disposition");
	if (s->e.err != NULL)
		return 0;
	o->include = js_bool(js_get(o->v, "includeOriginalMessage"));
	if (js_get(o->v, "reportingUA") != NULL)
		o->mdn.reporting_ua = js_str(js_get(o->v, "reportingUA"));
	return 1;
}

static int
send_disposition(struct send_one *o, struct js_val *v)
{
	const struct {
		const char		*name;
		const char *const	*list;
		const char		**out;
	} part[] = {
		{ "actionMode", mdn_action_modes, &o->mdn.action },
		{ "sendingMode", mdn_sending_modes, &o->mdn.sending },
		{ "type", mdn_types, &o->mdn.type }
	};
	const char	*s;
	size_t		 i;

	if (js_type(v) != JS_OBJ || js_len(v) != nitems(part))
		return 0;
	for (i = 0; i < nitems(part); i++) {
		s = js_str(js_get(v, part[i].name));
		/* RFC 9007 2: case sensitive here */
		if (!mdn_word(part[i].list, s, strlen(s), part[i].out) ||
		    strcmp(s, *part[i].out) != 0)
			return 0;
	}
	return 1;
}

static int
send_line(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return 0;
	return 1;
}

/* String[String]: names of header fields that are not ours. */
static int
send_extension(struct send_one *o, struct js_val *v)
{
	struct js_iter	 it;
	const char	*p;

	if (v != NULL && js_type(v) != JS_OBJ)
		return 0;
	for (js_first(&it, v); js_next(&it);) {
		if (it.key[0] == '\0' || mdn_known_field(it.key) ||
		    js_type(it.val) != JS_STR || !send_line(js_str(it.val)))
			return 0;
		for (p = it.key; *p != '\0'; p++)
			if (*p <= ' ' || *p > '~' || *p == ':')
				return 0;
	}
	o->mdn.extension = v;
	return 1;
}

/* --- the message it is about --------------------------------------------- */

static int
send_email(struct send_one *o)
{
	struct jmap_call	*c = o->sd->c;
	struct jmap_set		*s = &o->sd->s;
	struct store_row	 row;
	uint8_t			 hash[STORE_HASHLEN];
	uint64_t		 id;
	size_t			 i;
	int			 got = 0;

	o->email = jmap_api_real(c->req, o->email);
	if (o->email != NULL &&
	    store_id_mail_get(o->email, strlen(o->email), &id) == 0)
		got = jmap_api_store(c, store_mail_get(c->txn, id, &o->m));
	if (got != 1)
		return got == -1 ? -1 : jmap_set_refuse(s,
		    &jmap_error_not_found, "no such Email");
	for (i = 0; i < o->sd->done.n; i++)
		if (strcmp(o->sd->done.id[i], o->email) == 0)
			break;
	if (i < o->sd->done.n || store_mail_has(&o->m, store_keyword(c->txn,
	    SENT, strlen(SENT))))
		return jmap_set_refuse(s, &jmap_error_mdn_already_sent,
		    SENT " keyword is already present");
	buf_init(&o->mail.raw, SIZE_MAX);
	if (jmap_api_store(c, store_mail_row(c->txn, &o->m, &row)) != 1)
		return -1;
	memcpy(hash, row.blob, sizeof(hash));
	if (jmap_api_store(c, store_blob_get(c->txn, hash, 0, UINT64_MAX,
	    &o->mail.raw)) != 1 || submission_mail_parse(&o->mail) == -1)
		return -1;
	return (got = send_to(o)) == 1 ? send_original(o) : got;
}

/* "has no valid Disposition-Notification-To header field": notFound */
static int
send_to(struct send_one *o)
{
	static const char	 name[] = "Disposition-Notification-To";
	const struct mime_hdr	*h;
	const char		*why;
	size_t			 i;
	int			 got;

	h = mime_hdr_last(o->mail.msg, 0, name, sizeof(name) - 1);
	if (h != NULL && mime_addr_list(&o->mail.arena, o->mail.raw.data +
	    h->val, h->vallen, &o->mdn.to) == -1)
		return -1;
	for (i = 0; i < o->mdn.to.n; i++)
		if (!addr_ok(o->mdn.to.addr[i].email))
			o->mdn.to.n = 0;
	if (o->mdn.to.n == 0 || o->mdn.to.n > 10)
		return jmap_set_refuse(&o->sd->s, &jmap_error_not_found,
		    "the Email asks for no notification");
	o->mdn.to.group = NULL;
	o->mdn.to.ngroup = 0;
	if ((got = mdn_may(&o->mail.arena, o->mail.msg, send_header(o,
	    "Disposition-Notification-Options"), &why)) == 0)
		return jmap_set_refuse(&o->sd->s, &jmap_error_forbidden,
		    "%s", why);
	return got;
}

/* RFC 8098 3.2.3, 3.2.5: what the server knows of the message. */
static int
send_original(struct send_one *o)
{
	const char	*to = send_header(o, "Original-Recipient");
	const char	*subject = send_header(o, "Subject");
	struct js_val	*v;

	if (to != NULL && strchr(to, ';') != NULL && send_line(to))
		o->mdn.original_recipient = to;
	o->mdn.original_id = o->mail.message_id;
	if ((v = js_get(o->v, "subject")) != NULL)
		o->mdn.subject = js_str(v);
	else
		o->mdn.subject = arena_printf(&o->mail.arena,
		    "Disposition notification: %s", subject == NULL ? "" :
		    subject);
	if ((v = js_get(o->v, "textBody")) != NULL)
		o->mdn.text = js_str(v);
	else
		o->mdn.text = arena_printf(&o->mail.arena, "Your message\n\n"
		    "    %s\n\nhas been %s.  This is no guarantee that it "
		    "has been read or understood.\n", subject == NULL ? "" :
		    subject, o->mdn.type);
	if (o->include) {
		o->mdn.original = o->mail.raw.data;
		o->mdn.original_len = o->mail.raw.len;
	}
	return o->mdn.subject == NULL || o->mdn.text == NULL ? -1 : 1;
}

static const char *
send_header(struct send_one *o, const char *name)
{
	const struct mime_hdr	*h;

	h = mime_hdr_last(o->mail.msg, 0, name, strlen(name));
	return h == NULL ? NULL : mime_hdr_text(&o->mail.arena,
	    o->mail.raw.data + h->val, h->vallen);
}

/* --- from whom ----------------------------------------------------------- */

/* "rfc822; a@b", as the client said or of the identity. */
static int
send_final(struct send_one *o)
{
	struct jmap_call	*c = o->sd->c;
	struct jmap_set		*s = &o->sd->s;
	struct js_val		*v = js_get(o->v, "finalRecipient");
	const char		*a, *p;

	a = v != NULL ? js_str(v) :
	    js_str(js_get(o->sd->identity.val, "email"));
	if (v != NULL && (p = strchr(a, ';')) != NULL)
		for (a = p + 1; *a == ' '; a++)
			;
	if (v == NULL && a[0] == '*')
		a = NULL;		/* found by send_from */
	else if (!addr_ok(a)) {
		jmap_set_bad(s, "finalRecipient", "no address");
		return 0;
	} else if (!card_has(c->req->user->card, a))
		return jmap_set_refuse(s, &jmap_error_forbidden_from,
		    "finalRecipient is not an address of this account");
	o->final = a;
	return 1;
}

/* The identity's address; of "*@domain", the one that got the message. */
static int
send_from(struct send_one *o)
{
	struct jmap_call	*c = o->sd->c;
	const char		*email, *name;
	struct jmap_ids		 to = { NULL, 0, 0 };
	size_t			 i;

	email = js_str(js_get(o->sd->identity.val, "email"));
	if (email[0] == '*') {
		if (submission_mail_rcpts(&o->mail, c->req, &to) == -1)
			return -1;
		for (email = o->final, i = 0; email == NULL && i < to.n; i++)
			if (identity_may(c, &o->sd->identity, to.id[i]))
				email = to.id[i];
	}
	if (!c->req->user->may_send)
		return jmap_set_refuse(&o->sd->s, &jmap_error_forbidden,
		    "this account may not send mail");
	if (email == NULL || !identity_may(c, &o->sd->identity, email))
		return jmap_set_refuse(&o->sd->s, &jmap_error_forbidden_from,
		    "the identity has no address of this account");
	if (o->final == NULL)
		o->final = email;
	o->mdn.final_recipient = arena_printf(&o->mail.arena, "rfc822; %s",
	    o->final);
	name = js_str(js_get(o->sd->identity.val, "name"));
	o->mdn.from.name = name[0] == '\0' ? NULL : name;
	o->mdn.from.email = email;
	return o->mdn.final_recipient == NULL ? -1 : 1;
}

/* --- out ----------------------------------------------------------------- */

static int
send_out(struct send_one *o)
{
	uint64_t	 max = o->sd->c->req->env->limits->max_message;
	struct buf	 out;
	int		 got;

	buf_init(&out, (size_t)max);
	if (mdn_build(&o->mail.arena, &o->mdn, &out) == 0)
		got = send_queue(o, &out);
	else if (errno == ENOMEM)
		got = jmap_set_refuse(&o->sd->s, &jmap_error_too_large,
		    "the notification would be too large");
	else {
		jmap_set_bad(&o->sd->s, "subject", "it cannot be written");
		got = 0;
	}
	buf_free(&out);
	return got;
}

static int
send_queue(struct send_one *o, const struct buf *out)
{
	struct arena	*a = &o->mail.arena;
	const char	**to;
	size_t		 i, n = o->mdn.to.n;
	uint32_t	 flags = 0;

	if ((to = arena_array(a, n, sizeof(*to))) == NULL)
		return -1;
	for (i = 0; i < n; i++)
		to[i] = o->mdn.to.addr[i].email;
	for (i = 0; i < out->len; i++)
		if (out->data[i] & 0x80)
			flags |= MSG_QUEUE_UTF8 | MSG_QUEUE_8BIT;
	/* RFC 8098 3: the return path of an MDN is empty */
	if (submission_make_bare(o->sd->c->req->user->number, to, n,
	    out->data, out->len, flags) == -1)
		return jmap_set_refuse(&o->sd->s, &jmap_error_rate_limit,
		    "mail cannot be taken now");
	return 1;
}

/* Tell, and remember what the Email/set is to do. */
static int
send_done(struct send_one *o)
{
	struct send	*sd = o->sd;
	struct js_val	*patch;
	const char	*key;

	key = arena_printf(&sd->c->req->arena, "#%s", o->cid);
	if (key == NULL || jmap_api_add(sd->c->req, &sd->done, o->email,
	    strlen(o->email)) == -1)
		return -1;
	patch = js_copy(js_get(sd->patches, key));
	if (patch == NULL || js_set(sd->update, o->email, patch) == -1)
		return -1;
	js_out_keyn(&sd->good, o->cid, strlen(o->cid));
	send_told(o, &sd->good);
	return 1;
}

/* "any properties that were not set by the client" */
static void
send_told(struct send_one *o, struct buf *b)
{
	static const char *const nulls[] = {
		"subject", "textBody", "reportingUA", "extensionFields"
	};
	size_t	 i;

	js_out_obj(b);
	if (js_get(o->v, "finalRecipient") == NULL) {
		js_out_key(b, "finalRecipient");
		js_out_s(b, o->mdn.final_recipient);
	}
	js_out_key(b, "originalMessageId");
	js_out_s(b, o->mdn.original_id == NULL ? NULL : arena_printf(
	    &o->mail.arena, "<%s>", o->mdn.original_id));
	js_out_key(b, "originalRecipient");
	js_out_s(b, o->mdn.original_recipient);
	js_out_key(b, "mdnGateway");
	js_out_null(b);
	js_out_key(b, "error");
	js_out_null(b);
	for (i = 0; i < nitems(nulls); i++) {
		if (js_has(o->v, nulls[i]) && (i > 1 ||
		    js_get(o->v, nulls[i]) != NULL))
			continue;
		if (i == 3 && js_has(o->v, "extension"))
			continue;
		js_out_key(b, nulls[i]);
		js_out_s(b, i == 0 ? o->mdn.subject : i == 1 ? o->mdn.text :
		    NULL);
	}
	if (!js_has(o->v, "includeOriginalMessage")) {
		js_out_key(b, "includeOriginalMessage");
		js_out_bool(b, 0);
	}
	js_out_end(b, '}');
}

static const struct jmap_error *
send_answer(struct send *sd)
{
	struct jmap_call	*c = sd->c;
	struct js_val		*args;
	const char		*account = c->req->user->account;

	if (buf_bad(&sd->good) || buf_bad(&sd->bad))
		return jmap_api_lost(c);
	js_out_obj(c->out);
	jmap_api_account(c);
	jmap_setout_map(c->out, "sent", &sd->good);
	jmap_setout_map(c->out, "notSent", &sd->bad);
	js_out_end(c->out, '}');
	if (js_len(sd->update) == 0)
		return NULL;
	if ((args = js_new_obj()) == NULL || js_set(args, "update",
	    js_ref(sd->update)) == -1 || js_set(args, "accountId",
	    js_new_str(account, strlen(account))) == -1) {
		js_free(args);
		return jmap_api_lost(c);
	}
	return jmap_api_implicit(c, "Email/set", args) == -1 ?
	    jmap_api_lost(c) : NULL;
}
