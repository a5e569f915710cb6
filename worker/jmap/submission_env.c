/* SPDX-License-Identifier: ISC */
/*
 * The Envelope of a submission (RFC 8621 7): read from what the client sent,
 * or made from the message's header, and checked for what SMTP and the
 * server's limits ask.  Called by submission_make.c.
 */
#include "common/compat.h"

#include <string.h>

#include "common/addr.h"
#include "worker/jmap/identity.h"
#include "worker/jmap/submission.h"

static int	env_read(struct jmap_set *, struct js_val **,
		    struct submission_env *);
static int	env_whole(struct js_val **);
static int	env_whole_address(struct js_val *);
static int	env_address(struct jmap_set *, struct js_val *, const char *,
		    const char **, struct js_val **);
static int	env_rcpts(struct jmap_set *, struct js_val *,
		    struct submission_env *);
static int	env_make(struct jmap_set *, struct submission_mail *,
		    const struct jmap_object *, struct js_val **,
		    struct submission_env *);
static struct js_val	*env_json(const char *, const struct jmap_ids *);
static struct js_val	*env_json_address(const char *);
static int	env_check(struct jmap_set *, const struct jmap_object *,
		    struct submission_env *);
static int	env_orcpt(struct jmap_set *, struct queue_ask_rcpt *);
static int	env_ascii(const char *);
static int	env_valid(struct jmap_set *, const struct submission_env *);
static void	env_unique(struct submission_env *);
static int	env_bad(struct jmap_set *, const char *);

int
submission_env(struct jmap_set *s, struct submission_mail *m,
    const struct jmap_object *identity, struct js_val **v,
    struct submission_env *env)
{
	int	 got;

	memset(env, 0, sizeof(*env));
	got = *v == NULL ? env_make(s, m, identity, v, env) :
	    env_read(s, v, env);
	return got == 1 ? env_check(s, identity, env) : got;
}

static int
env_bad(struct jmap_set *s, const char *why)
{
	jmap_set_bad(s, "envelope", "%s", why);
	return 0;
}

/* --- given --------------------------------------------------------------- */

static int
env_read(struct jmap_set *s, struct js_val **v, struct submission_env *env)
{
	struct js_val	*from = NULL, *rcpts = NULL, *params = NULL;
	struct js_rd	 rd;
	const char	*why;
	int		 got;

	js_rd_init(&rd, *v, "envelope");
	if (js_rd_obj(&rd, "mailFrom", &from) == 0)
		js_rd_bad(&rd, "mailFrom");
	if (js_rd_arr(&rd, "rcptTo", &rcpts) == 0)
		js_rd_bad(&rd, "rcptTo");
	if (js_rd_end(&rd) == -1)
		return env_bad(s, rd.fault);
	if ((got = env_address(s, from, "envelope/mailFrom", &env->from,
	    &params)) != 1)
		return got;
	if ((why = submission_param_mail(s->c->req, params, env)) != NULL)
		return env_bad(s, why);
	return (got = env_rcpts(s, rcpts, env)) == 1 ? env_whole(v) : got;
}

/* What is kept, and told, has every property of an Address.  *v becomes a
 * copy: 1, or -1. */
static int
env_whole(struct js_val **v)
{
	struct js_val	*copy, *rcpts;
	size_t		 i;
	int		 ret;

	if ((copy = js_copy(*v)) == NULL)
		return -1;
	rcpts = js_get(copy, "rcptTo");
	ret = env_whole_address(js_get(copy, "mailFrom"));
	for (i = 0; ret == 0 && i < js_len(rcpts); i++)
		ret = env_whole_address(js_at(rcpts, i));
	*v = copy;
	return ret == 0 ? 1 : -1;
}

static int
env_whole_address(struct js_val *v)
{
	return js_has(v, "parameters") ? 0 : js_set(v, "parameters", NULL);
}

/* An Address object: { email, parameters }. */
static int
env_address(struct jmap_set *s, struct js_val *v, const char *path,
    const char **email, struct js_val **params)
{
	struct js_rd	 rd;

	*email = NULL;
	js_rd_init(&rd, v, path);
	if (js_rd_str(&rd, "email", email) == 0)
		js_rd_bad(&rd, "email");
	js_rd_obj_null(&rd, "parameters", params);
	return js_rd_end(&rd) == -1 ? env_bad(s, rd.fault) : 1;
}

static int
env_rcpts(struct jmap_set *s, struct js_val *v, struct submission_env *env)
{
	struct jmap_req	*r = s->c->req;
	struct js_val	*params;
	const char	*why;
	size_t		 i;
	int		 got;

	env->rcpt = arena_array(&r->arena, js_len(v) + 1, sizeof(*env->rcpt));
	if (env->rcpt == NULL)
		return -1;
	for (i = 0; i < js_len(v); i++) {
		params = NULL;
		if ((got = env_address(s, js_at(v, i), "envelope/rcptTo",
		    &env->rcpt[i].address, &params)) != 1)
			return got;
		if ((why = submission_param_rcpt(r, params,
		    &env->rcpt[i])) != NULL)
			return env_bad(s, why);
		env->nrcpt++;
	}
	return 1;
}

/* --- made ---------------------------------------------------------------- */

/*
 * RFC 8621 7: Sender, else From; the identity's address where the identity
 * does not allow that.  One of "*@domain" has no address of its own, so
 * then it is what it is, and is refused below.
 */
static int
env_make(struct jmap_set *s, struct submission_mail *m,
    const struct jmap_object *identity, struct js_val **v,
    struct submission_env *env)
{
	struct jmap_req	*r = s->c->req;
	struct jmap_ids	 to = { NULL, 0, 0 };
	const char	*email = js_str(js_get(identity->val, "email"));
	const char	*from = m->sender != NULL ? m->sender : m->from;
	size_t		 i;

	if (from == NULL || (!identity_may(s->c, identity, from) &&
	    strncmp(email, "*@", 2) != 0))
		from = email;
	env->from = arena_dup(&r->arena, from, strlen(from));
	if (env->from == NULL || submission_mail_rcpts(m, r, &to) == -1 ||
	    (env->rcpt = arena_array(&r->arena, to.n + 1,
	    sizeof(*env->rcpt))) == NULL)
		return -1;
	for (i = 0; i < to.n; i++)
		env->rcpt[i].address = to.id[i];
	env->nrcpt = to.n;
	*v = env_json(env->from, &to);
	return *v == NULL ? -1 : 1;
}

static struct js_val *
env_json(const char *from, const struct jmap_ids *to)
{
	struct js_val	*v = js_new_obj(), *list = js_new_arr();
	size_t		 i;
	int		 bad = v == NULL || list == NULL;

	for (i = 0; !bad && i < to->n; i++)
		bad = js_add(list, env_json_address(to->id[i])) == -1;
	if (!bad)
		bad = js_set(v, "mailFrom", env_json_address(from)) == -1;
	if (bad) {
		js_free(list);
		js_free(v);
		return NULL;
	}
	if (js_set(v, "rcptTo", list) == -1) {
		js_free(v);
		return NULL;
	}
	return v;
}

static struct js_val *
env_json_address(const char *email)
{
	struct js_val	*v = js_new_obj();

	if (v != NULL && (js_set(v, "email", js_new_str(email,
	    strlen(email))) == -1 || js_set(v, "parameters", NULL) == -1)) {
		js_free(v);
		return NULL;
	}
	return v;
}

/* --- checked ------------------------------------------------------------- */

static int
env_check(struct jmap_set *s, const struct jmap_object *identity,
    struct submission_env *env)
{
	unsigned	 max = s->c->req->env->limits->max_recipients;
	size_t		 i;

	if (env->nrcpt == 0)
		return jmap_set_refuse(s, &jmap_error_no_recipients,
		    "nobody to send it to");
	if (max > QUEUE_ASK_RCPTS)
		max = QUEUE_ASK_RCPTS;
	env_unique(env);
	if (env->nrcpt > max) {
		s->e.more = arena_printf(&s->c->req->arena,
		    "\"maxRecipients\":%u", max);
		return jmap_set_refuse(s, &jmap_error_too_many_recipients,
		    "more than %u recipients", max);
	}
	if (!env_valid(s, env))
		return 0;
	/* "" is for machines; an identity is the leave to send as somebody */
	if (!identity_may(s->c, identity, env->from) || !addr_ok(env->from))
		return jmap_set_refuse(s, &jmap_error_forbidden_mail_from,
		    "not an address of this identity");
	if (!env_ascii(env->from))
		env->flags |= MSG_QUEUE_UTF8;
	for (i = 0; i < env->nrcpt; i++) {
		if (!env_ascii(env->rcpt[i].address))
			env->flags |= MSG_QUEUE_UTF8;
		if (env->rcpt[i].orcpt == NULL &&
		    env_orcpt(s, &env->rcpt[i]) == -1)
			return -1;
	}
	return 1;
}

/* RFC 3461 5.2.1 (d): it may be added, so that a report of a system that has
 * sent the mail on to another address tells of which recipient it is. */
static int
env_orcpt(struct jmap_set *s, struct queue_ask_rcpt *r)
{
	struct arena	*a = &s->c->req->arena;
	const char	*x = submission_param_xtext(a, r->address);

	if (x == NULL || (x = arena_printf(a, "%s;%s", env_ascii(r->address) ?
	    "rfc822" : "utf-8", x)) == NULL)
		return -1;
	if (strlen(x) < QUEUE_ASK_ORCPT)
		r->orcpt = x;
	return 0;
}

static int
env_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s & 0x80)
			return 0;
	return 1;
}

/* "a list of the invalid addresses" */
static int
env_valid(struct jmap_set *s, const struct submission_env *env)
{
	struct buf	 b;
	size_t		 i, n = 0;

	buf_init(&b, 1 << 20);
	js_out_key(&b, "invalidRecipients");
	js_out_arr(&b);
	for (i = 0; i < env->nrcpt; i++)
		if (!addr_ok(env->rcpt[i].address)) {
			js_out_s(&b, env->rcpt[i].address);
			n++;
		}
	js_out_end(&b, ']');
	if (n > 0) {
		jmap_set_refuse(s, &jmap_error_invalid_recipients,
		    "%zu of the recipients are no mail addresses", n);
		s->e.more = buf_bad(&b) ? NULL : arena_dup(
		    &s->c->req->arena, b.data, b.len);
	}
	buf_free(&b);
	return n == 0;
}

/* Somebody who is named twice gets it once. */
static void
env_unique(struct submission_env *env)
{
	size_t	 i, k, n = 0;

	/* beyond any limit it is refused, and not compared */
	if (env->nrcpt > 4 * QUEUE_ASK_RCPTS)
		return;
	for (i = 0; i < env->nrcpt; i++) {
		for (k = 0; k < n; k++)
			if (addr_same(env->rcpt[k].address,
			    env->rcpt[i].address))
				break;
		if (k == n)
			env->rcpt[n++] = env->rcpt[i];
	}
	env->nrcpt = n;
}
