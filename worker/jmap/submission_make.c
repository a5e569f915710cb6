/* SPDX-License-Identifier: ISC */
/*
 * A create of EmailSubmission/set (RFC 8621 7.5): may the user send, may he
 * send this, as this, to these; then into the queue.  Called by submission.c.
 * What was put is sent when the transaction is committed and forgotten when
 * it is not.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/card.h"
#include "common/date.h"
#include "common/log.h"
#include "worker/jmap/identity.h"
#include "worker/jmap/submission.h"

static int	make_email(struct jmap_set *, struct jmap_object *,
		    struct store_mail *);
static int	make_read(struct jmap_set *, const struct store_mail *,
		    struct submission_mail *);
static int	make_with(struct jmap_set *, struct jmap_object *,
		    const struct jmap_object *);
static int	make_fit(struct jmap_set *, struct submission_mail *);
static int	make_envelope(struct jmap_set *, struct jmap_object *,
		    const struct jmap_object *);
static int	make_fill(struct jmap_set *, struct jmap_object *);
static struct js_val	*make_status(const struct submission_env *);
static int	make_envid(struct jmap_set *, struct jmap_object *,
		    struct submission_env *);
static int	make_refused(struct jmap_set *, const struct queue_ask_mail *,
		    const struct queue_ask_put *);
static int	make_invalid_rcpts(struct jmap_set *,
		    const struct queue_ask_mail *, const char *);
static const char	*make_host(const struct submission_env *);

int
submission_make(struct jmap_set *s, struct jmap_object *o)
{
	struct submission_set	*ss = s->arg;
	struct jmap_object	 identity = { 0, NULL };
	struct store_mail	 m;
	int			 got, ok;

	if (!s->c->req->user->may_send)
		return jmap_set_refuse(s, &jmap_error_forbidden_to_send,
		    "this account may not send mail");
	if ((ok = make_email(s, o, &m)) == -1)
		return -1;
	got = identity_get(s->c, js_str(js_get(o->val, "identityId")),
	    &identity);
	if (got == 0)
		jmap_set_bad(s, "identityId", "no such Identity");
	if (got == 1 && ok == 0)
		got = 0;
	submission_mail_free(&ss->mail);
	if (got == 1 && (got = make_read(s, &m, &ss->mail)) == 1)
		got = make_with(s, o, &identity);
	jmap_objrow_free(&identity);
	return got;
}

/* emailId, and the threadId that follows from it: 1, 0, -1. */
static int
make_email(struct jmap_set *s, struct jmap_object *o, struct store_mail *m)
{
	const char	*text = js_str(js_get(o->val, "emailId"));
	char		 tid[STORE_IDLEN];
	uint64_t	 id;
	int		 got = 0;

	if (store_id_mail_get(text, strlen(text), &id) == 0)
		got = jmap_api_store(s->c, store_mail_get(s->c->txn, id, m));
	if (got == 0)
		jmap_set_bad(s, "emailId", "no such Email");
	if (got != 1)
		return got;
	store_id_thread(m->tid, tid);
	return jmap_objrow_set_str(o, "threadId", tid) == -1 ? -1 : 1;
}

static int
make_read(struct jmap_set *s, const struct store_mail *m,
    struct submission_mail *mail)
{
	uint64_t	 max = s->c->req->env->limits->max_message;
	struct store_row row;
	uint8_t		 hash[STORE_HASHLEN];

	if (m->size > max) {
		s->e.more = arena_printf(&s->c->req->arena, "\"maxSize\":%llu",
		    (unsigned long long)max);
		return jmap_set_refuse(s, &jmap_error_too_large,
		    "a message may have %llu bytes", (unsigned long long)max);
	}
	memset(mail, 0, sizeof(*mail));
	buf_init(&mail->raw, SIZE_MAX);
	if (jmap_api_store(s->c, store_mail_row(s->c->txn, m, &row)) != 1)
		return -1;
	memcpy(hash, row.blob, sizeof(hash));
	if (jmap_api_store(s->c, store_blob_get(s->c->txn, hash, 0,
	    UINT64_MAX, &mail->raw)) != 1)
		return -1;
	return submission_mail_parse(mail) == -1 ? -1 : 1;
}

static int
make_with(struct jmap_set *s, struct jmap_object *o,
    const struct jmap_object *identity)
{
	struct submission_set	*ss = s->arg;
	int			 got;

	if ((got = make_fit(s, &ss->mail)) != 1 ||
	    (got = make_envelope(s, o, identity)) != 1)
		return got;
	if (!submission_mail_own(&ss->mail, s->c->req->user->card))
		return jmap_set_refuse(s, &jmap_error_forbidden_from,
		    "From has an address that is not this account's");
	return make_fill(s, o);
}

/* invalidEmail, with "properties" that lists all that is wrong. */
static int
make_fit(struct jmap_set *s, struct submission_mail *m)
{
	struct buf	 b;
	size_t		 i;

	if (m->nbad == 0)
		return 1;
	buf_init(&b, 4096);
	js_out_key(&b, "properties");
	js_out_arr(&b);
	for (i = 0; i < m->nbad; i++)
		js_out_s(&b, m->bad[i]);
	js_out_end(&b, ']');
	jmap_set_refuse(s, &jmap_error_invalid_email,
	    "the message cannot be sent as it is");
	s->e.more = buf_bad(&b) ? NULL : arena_dup(&s->c->req->arena, b.data,
	    b.len);
	buf_free(&b);
	return 0;
}

static int
make_envelope(struct jmap_set *s, struct jmap_object *o,
    const struct jmap_object *identity)
{
	struct submission_set	*ss = s->arg;
	struct js_val		*given = js_get(o->val, "envelope"), *v = given;
	int			 got;

	got = submission_env(s, &ss->mail, identity, &v, &ss->env);
	if (v != given) {
		if (got == 1)
			got = jmap_objrow_set(o, "envelope", v) == -1 ? -1 : 1;
		else
			js_free(v);
	}
	return got;
}

/* What the server sets. */
static int
make_fill(struct jmap_set *s, struct jmap_object *o)
{
	struct submission_set	*ss = s->arg;
	int64_t			 now = date_now();
	char			 date[DATE_LEN];

	date_utc((ss->env.hold > now ? ss->env.hold : now) / 1000 * 1000,
	    date);
	if (jmap_objrow_set_str(o, "sendAt", date) == -1 ||
	    jmap_objrow_set_str(o, "undoStatus", "pending") == -1 ||
	    jmap_objrow_set_str(o, "_messageId", ss->mail.message_id == NULL ?
	    "" : ss->mail.message_id) == -1 ||
	    jmap_objrow_set(o, "deliveryStatus", make_status(&ss->env)) == -1)
		return -1;
	return make_envid(s, o, &ss->env);
}

static struct js_val *
make_status(const struct submission_env *env)
{
	struct js_val	*v = js_new_obj(), *one;
	size_t		 i;

	for (i = 0; v != NULL && i < env->nrcpt; i++) {
		one = js_new_obj();
		if (one == NULL || js_set(one, "smtpReply", js_new_str(
		    "250 2.1.5 Queued", 16)) == -1 ||
		    js_set(one, "delivered", js_new_str("queued", 6)) == -1 ||
		    js_set(one, "displayed", js_new_str("unknown", 7)) == -1 ||
		    js_set(v, env->rcpt[i].address, one) == -1)
			return v;
	}
	return v;
}

/* What a DSN will say it is about: nobody else can guess it. */
static int
make_envid(struct jmap_set *s, struct jmap_object *o,
    struct submission_env *env)
{
	if (env->envid == NULL)
		env->envid = arena_printf(&s->c->req->arena, "S%08x%08x%08x",
		    arc4random(), arc4random(), arc4random());
	if (env->envid == NULL)
		return -1;
	return jmap_objrow_set_str(o, "_envid", env->envid) == -1 ? -1 : 1;
}

/* --- into the queue ------------------------------------------------------ */

int
submission_make_put(struct jmap_set *s, struct jmap_object *o)
{
	struct submission_set	*ss = s->arg;
	struct jmap_req		*r = s->c->req;
	struct queue_ask_mail	 q;
	struct queue_ask_put	 put;
	struct buf		 out;
	int			 got = -1;

	memset(&q, 0, sizeof(q));
	q.account = r->user->number;
	q.submission = o->id;
	q.from = ss->env.from;
	q.envid = ss->env.envid;
	q.flags = ss->env.flags;
	q.priority = ss->env.priority;
	q.hold = ss->env.hold;
	q.rcpt = ss->env.rcpt;
	q.nrcpt = ss->env.nrcpt;
	buf_init(&out, SIZE_MAX);
	if (submission_mail_out(&ss->mail, make_host(&ss->env), &out,
	    &q.flags) == -1)
		goto done;
	q.msg = out.data;
	q.len = out.len;
	if (ss->put == NULL && (ss->put = arena_array(&r->arena,
	    r->env->limits->max_objects_in_set, sizeof(*ss->put))) == NULL)
		goto done;
	if (queue_ask_put(&q, &put) == -1) {
		got = make_refused(s, &q, &put);
		goto done;
	}
	ss->put[ss->nput++] = o->id;
	got = submission_done(s, o, s->cid) == -1 ? -1 : 1;
done:
	buf_free(&out);
	submission_mail_free(&ss->mail);
	return got;
}

/* For a Message-ID of ours. */
static const char *
make_host(const struct submission_env *env)
{
	const char	*at = strrchr(env->from, '@');

	return at == NULL ? "localhost" : at + 1;
}

static int
make_refused(struct jmap_set *s, const struct queue_ask_mail *q,
    const struct queue_ask_put *put)
{
	unsigned long long	 max = s->c->req->env->limits->max_message;

	switch (put->error) {
	case QUEUE_ASK_RCPT:
		return make_invalid_rcpts(s, q, put->text);
	case QUEUE_ASK_TOOBIG:
		s->e.more = arena_printf(&s->c->req->arena, "\"maxSize\":%llu",
		    max);
		return jmap_set_refuse(s, &jmap_error_too_large, "%s",
		    put->text);
	case QUEUE_ASK_TOOMANY:
		s->e.more = arena_printf(&s->c->req->arena,
		    "\"maxRecipients\":%d", QUEUE_ASK_RCPTS);
		return jmap_set_refuse(s, &jmap_error_too_many_recipients,
		    "%s", put->text);
	case QUEUE_ASK_INVALID:
	case QUEUE_ASK_HOLD:
		jmap_set_bad(s, "envelope", "%s", put->text);
		return 0;
	default:
		/* RFC 8620 5.3: "It may work if tried again later." */
		log_warnx("account %s: no mail into the queue: %s",
		    s->c->req->user->account, put->text);
		return jmap_set_refuse(s, &jmap_error_rate_limit,
		    "mail cannot be taken now: %s", put->text);
	}
}

static int
make_invalid_rcpts(struct jmap_set *s, const struct queue_ask_mail *q,
    const char *why)
{
	struct buf	 b;
	size_t		 i;

	buf_init(&b, 1 << 20);
	js_out_key(&b, "invalidRecipients");
	js_out_arr(&b);
	for (i = 0; i < q->nrcpt; i++)
		if (q->rcpt[i].refused)
			js_out_s(&b, q->rcpt[i].address);
	js_out_end(&b, ']');
	jmap_set_refuse(s, &jmap_error_invalid_recipients, "%s", why);
	s->e.more = buf_bad(&b) ? NULL : arena_dup(&s->c->req->arena, b.data,
	    b.len);
	buf_free(&b);
	return 0;
}

void
submission_make_ended(struct jmap_call *c, int committed)
{
	struct submission_set	*ss = c->ended_arg;
	uint64_t		 account = c->req->user->number;
	size_t			 i;

	for (i = 0; i < ss->nput; i++)
		if (committed)
			queue_ask_go(account, ss->put[i]);
		else
			queue_ask_drop(account, ss->put[i]);
	submission_mail_free(&ss->mail);
}

int
submission_make_bare(uint64_t account, const char *const *to, size_t n,
    const void *msg, size_t len, uint32_t flags)
{
	struct queue_ask_rcpt	*rcpt;
	struct queue_ask_mail	 q;
	struct queue_ask_put	 put;
	size_t			 i;
	int			 ret = -1;

	memset(&q, 0, sizeof(q));
	if ((rcpt = calloc(n + 1, sizeof(*rcpt))) == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		rcpt[i].address = to[i];
		rcpt[i].notify = MSG_QUEUE_NEVER;
	}
	q.account = account;
	q.from = "";
	q.flags = flags;
	q.rcpt = rcpt;
	q.nrcpt = n;
	q.msg = msg;
	q.len = len;
	if (queue_ask_put(&q, &put) == 0)
		ret = 0;
	else
		log_warnx("queue: %s", put.text);
	free(rcpt);
	return ret;
}
