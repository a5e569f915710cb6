/* SPDX-License-Identifier: ISC */
/*
 * Parameters of MAIL FROM and RCPT TO in an Envelope (RFC 8621 7): only those
 * of the extensions that the session names.  Values come without xtext and
 * go into the queue with it.  Called by submission_env.c.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "common/msg.h"
#include "worker/jmap/submission.h"

/* v is a string or NULL; returns NULL or what is wrong. */
typedef const char	*param_mail(struct jmap_req *, const char *,
			    struct submission_env *);
typedef const char	*param_rcpt(struct jmap_req *, const char *,
			    struct queue_ask_rcpt *);

static param_mail	 param_body, param_envid, param_holdfor,
			 param_holduntil, param_priority, param_ret,
			 param_size, param_utf8;
static param_rcpt	 param_notify, param_orcpt;
static const char	*param_hold(struct jmap_req *, int64_t,
			    struct submission_env *);
static int		 param_number(const char *, uint64_t *);

static const struct {
	const char	*name;
	param_mail	*fn;
} mail_params[] = {
	{ "BODY",	param_body },		/* RFC 6152 */
	{ "ENVID",	param_envid },		/* RFC 3461 */
	{ "HOLDFOR",	param_holdfor },	/* RFC 4865 */
	{ "HOLDUNTIL",	param_holduntil },
	{ "MT-PRIORITY", param_priority },	/* RFC 6710 */
	{ "RET",	param_ret },		/* RFC 3461 */
	{ "SIZE",	param_size },		/* RFC 1870 */
	{ "SMTPUTF8",	param_utf8 },		/* RFC 6531 */
};
static const struct {
	const char	*name;
	param_rcpt	*fn;
} rcpt_params[] = {
	{ "NOTIFY",	param_notify },		/* RFC 3461 */
	{ "ORCPT",	param_orcpt },
};

const char *
submission_param_mail(struct jmap_req *r, struct js_val *v,
    struct submission_env *env)
{
	struct js_iter	 it;
	const char	*why;
	size_t		 i;

	if (v != NULL && js_type(v) != JS_OBJ)
		return "parameters of mailFrom are no object";
	for (js_first(&it, v); js_next(&it);) {
		for (i = 0; i < nitems(mail_params); i++)
			if (strcasecmp(it.key, mail_params[i].name) == 0)
				break;
		if (i == nitems(mail_params))
			return "an unknown parameter of mailFrom";
		if (it.val != NULL && js_type(it.val) != JS_STR)
			return "a parameter's value is a String or null";
		if ((why = mail_params[i].fn(r, it.val == NULL ? NULL :
		    js_str(it.val), env)) != NULL)
			return why;
	}
	return NULL;
}

const char *
submission_param_rcpt(struct jmap_req *r, struct js_val *v,
    struct queue_ask_rcpt *rcpt)
{
	struct js_iter	 it;
	const char	*why;
	size_t		 i;

	if (v != NULL && js_type(v) != JS_OBJ)
		return "parameters of rcptTo are no object";
	for (js_first(&it, v); js_next(&it);) {
		for (i = 0; i < nitems(rcpt_params); i++)
			if (strcasecmp(it.key, rcpt_params[i].name) == 0)
				break;
		if (i == nitems(rcpt_params))
			return "an unknown parameter of rcptTo";
		if (js_type(it.val) != JS_STR)
			return "a parameter's value is a String";
		if ((why = rcpt_params[i].fn(r, js_str(it.val), rcpt)) != NULL)
			return why;
	}
	return NULL;
}

/* --- of MAIL FROM -------------------------------------------------------- */

/* What the message needs is seen from it; 7BIT is no promise we need. */
static const char *
param_body(struct jmap_req *r, const char *v, struct submission_env *env)
{
	(void)r;
	(void)env;
	if (v == NULL || (strcasecmp(v, "7BIT") != 0 &&
	    strcasecmp(v, "8BITMIME") != 0))
		return "BODY is 7BIT or 8BITMIME";
	return NULL;
}

static const char *
param_envid(struct jmap_req *r, const char *v, struct submission_env *env)
{
	const char	*p;

	for (p = v; p != NULL && *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			v = NULL;		/* RFC 3461 4.4: printable */
	if (v == NULL || *v == '\0' || (env->envid = submission_param_xtext(
	    &r->arena, v)) == NULL || strlen(env->envid) > SUBMISSION_ENVID)
		return "ENVID is 1 to 100 printable characters";
	return NULL;
}

static const char *
param_holdfor(struct jmap_req *r, const char *v, struct submission_env *env)
{
	uint64_t	 s;

	/* RFC 4865 4: 1 to 9 digits */
	if (param_number(v, &s) == -1 || s > 999999999)
		return "HOLDFOR is a number of seconds";
	env->flags |= MSG_QUEUE_HOLDFOR;
	return param_hold(r, date_now() + (int64_t)s * 1000, env);
}

static const char *
param_holduntil(struct jmap_req *r, const char *v, struct submission_env *env)
{
	int64_t	 t;

	if (v == NULL || (t = date_3339(v, strlen(v), 0, NULL)) == DATE_NONE)
		return "HOLDUNTIL is a date and time";
	return param_hold(r, t, env);
}

static const char *
param_hold(struct jmap_req *r, int64_t until, struct submission_env *env)
{
	if (env->hold != 0)
		return "HOLDFOR and HOLDUNTIL exclude each other";
	if (r->env->limits->max_delayed == 0)
		return "this server does not hold mail";
	if (until > date_now() + (int64_t)r->env->limits->max_delayed * 1000)
		return "held for longer than maxDelayedSend";
	env->hold = until;
	return NULL;
}

static const char *
param_priority(struct jmap_req *r, const char *v, struct submission_env *env)
{
	const char	*err = NULL;

	(void)r;
	if (v == NULL || strlen(v) > 2)
		return "MT-PRIORITY is -9 to 9";
	env->priority = (int32_t)strtonum(v, -9, 9, &err);
	return err == NULL ? NULL : "MT-PRIORITY is -9 to 9";
}

static const char *
param_ret(struct jmap_req *r, const char *v, struct submission_env *env)
{
	(void)r;
	env->flags &= ~(uint32_t)(MSG_QUEUE_RET_FULL | MSG_QUEUE_RET_HDRS);
	if (v != NULL && strcasecmp(v, "FULL") == 0)
		env->flags |= MSG_QUEUE_RET_FULL;
	else if (v != NULL && strcasecmp(v, "HDRS") == 0)
		env->flags |= MSG_QUEUE_RET_HDRS;
	else
		return "RET is FULL or HDRS";
	return NULL;
}

/* We know it better. */
static const char *
param_size(struct jmap_req *r, const char *v, struct submission_env *env)
{
	uint64_t	 n;

	(void)r;
	(void)env;
	return param_number(v, &n) == -1 ? "SIZE is a number" : NULL;
}

static const char *
param_utf8(struct jmap_req *r, const char *v, struct submission_env *env)
{
	(void)r;
	if (v != NULL)
		return "SMTPUTF8 takes no value";
	env->flags |= MSG_QUEUE_UTF8;
	return NULL;
}

/* --- of RCPT TO ---------------------------------------------------------- */

static const char *
param_notify(struct jmap_req *r, const char *v, struct queue_ask_rcpt *rcpt)
{
	static const struct {
		const char	*word;
		uint32_t	 bit;
	} words[] = {
		{ "NEVER", MSG_QUEUE_NEVER }, { "SUCCESS", MSG_QUEUE_SUCCESS },
		{ "FAILURE", MSG_QUEUE_FAILURE }, { "DELAY", MSG_QUEUE_DELAY }
	};
	size_t	 i, n;

	(void)r;
	rcpt->notify = 0;
	for (;; v += n + 1) {
		n = strcspn(v, ",");
		for (i = 0; i < nitems(words); i++)
			if (strlen(words[i].word) == n &&
			    strncasecmp(v, words[i].word, n) == 0)
				break;
		if (i == nitems(words))
			break;
		rcpt->notify |= words[i].bit;
		if (v[n] == '\0') {
			/* RFC 3461 4.1: NEVER stands alone */
			if (rcpt->notify & MSG_QUEUE_NEVER &&
			    rcpt->notify != MSG_QUEUE_NEVER)
				break;
			return NULL;
		}
	}
	return "NOTIFY is NEVER, or some of SUCCESS, FAILURE and DELAY";
}

/* RFC 3461 4.2: addr-type ";" xtext */
static const char *
param_orcpt(struct jmap_req *r, const char *v, struct queue_ask_rcpt *rcpt)
{
	const char	*semi = strchr(v, ';'), *x, *p;

	for (p = v; semi != NULL && p < semi; p++)
		if ((*p < 'a' || *p > 'z') && (*p < 'A' || *p > 'Z') &&
		    (*p < '0' || *p > '9') && *p != '-')
			semi = NULL;
	if (semi == NULL || semi == v || semi[1] == '\0' ||
	    (x = submission_param_xtext(&r->arena, semi + 1)) == NULL ||
	    (rcpt->orcpt = arena_printf(&r->arena, "%.*s;%s", (int)(semi - v),
	    v, x)) == NULL || strlen(rcpt->orcpt) >= QUEUE_ASK_ORCPT)
		return "ORCPT is a type, a semicolon and an address";
	return NULL;
}

/* --- forms --------------------------------------------------------------- */

static int
param_number(const char *v, uint64_t *n)
{
	char	*end;

	if (v == NULL || v[0] < '0' || v[0] > '9' || strlen(v) > 18)
		return -1;
	*n = strtoull(v, &end, 10);
	return *end == '\0' ? 0 : -1;
}

const char *
submission_param_xtext(struct arena *a, const char *s)
{
	static const char	 hex[] = "0123456789ABCDEF";
	char			*out, *p;

	if ((out = p = arena_get(a, 3 * strlen(s) + 1)) == NULL)
		return NULL;
	for (; *s != '\0'; s++) {
		if (*s > ' ' && *s <= '~' && *s != '+' && *s != '=') {
			*p++ = *s;
			continue;
		}
		*p++ = '+';
		*p++ = hex[(uint8_t)*s >> 4];
		*p++ = hex[(uint8_t)*s & 15];
	}
	return out;
}
