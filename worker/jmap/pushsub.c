/* SPDX-License-Identifier: ISC */
/*
 * PushSubscription (RFC 8620 7.2): see pushsub.h.  It belongs to the login,
 * not to an account of a call, so its methods take no accountId and have no
 * states.  URL and keys come in and never go out again but to push; the code
 * is not said before the client has said it.
 */
#include "common/compat.h"

#include <string.h>
#include <time.h>

#include "common/date.h"
#include "common/enc.h"
#include "common/msg.h"
#include "common/push_url.h"
#include "common/share.h"
#include "worker/jmap/jmap_push.h"
#include "worker/jmap/jmap_query.h"
#include "worker/jmap/pushsub.h"

#define CODE		16	/* bytes of a verification code */
#define DEVICE_MAX	255	/* bytes of deviceClientId */
#define TYPES_MAX	64
#define PROPS_MAX	64	/* of an EmailPushConfig */
#define TYPE_MAX	64	/* bytes of a name */
#define DAY		(24 * 3600 * 1000LL)
#define RATE_KEY	0x7075736873756273ULL	/* apart from requests */

static const struct jmap_error	*pushsub_get_args(struct jmap_get *,
				    struct js_rd *);
static int	pushsub_prepare(struct jmap_call *);
static int	pushsub_check(struct jmap_set *, const struct jmap_prop *,
		    struct js_val *);
static int	pushsub_create(struct jmap_set *, struct jmap_object *);
static int	pushsub_created(struct jmap_set *, struct jmap_object *);
static int	pushsub_update(struct jmap_set *, const struct jmap_object *,
		    struct jmap_object *);
static int	pushsub_destroy(struct jmap_set *, const struct jmap_object *);
static int	check_device(struct jmap_set *, struct js_val *);
static int	check_url(struct jmap_set *, struct js_val *);
static int	check_keys(struct jmap_set *, struct js_val *);
static int	check_mail(struct jmap_set *, struct js_val *);
static const char	*check_mail_one(struct jmap_set *, struct js_val *);
static int	check_expires(struct jmap_set *, struct js_val *);
static int	check_types(struct jmap_set *, struct js_val *);
static ssize_t	pushsub_key(struct js_val *, uint8_t *, size_t);
static int	pushsub_room(struct jmap_set *);
static int	pushsub_expires(struct jmap_set *, struct jmap_object *);
static const struct pushsub_conf	*pushsub_conf(const struct jmap_call *);

static const struct jmap_prop pushsub_props[] = {
	{ "_vapid", JP_SERVER | JP_NOTDEF | JP_HIDDEN | JO_STR, NULL, NULL },
	{ "_verify", JP_SERVER | JP_NOTDEF | JP_HIDDEN | JO_STR, NULL, NULL },
	{ "deviceClientId", JP_FIXED | JO_STR | JO_MUST, NULL, NULL },
	{ "emailPush", JP_EMAILPUSH | JO_OBJ_NULL, NULL, NULL },
	{ "expires", JO_DATE_NULL, NULL, NULL },
	{ "id", JP_SERVER | JP_FIXED, NULL, NULL },
	{ "keys", JP_FIXED | JP_NOTDEF | JO_OBJ_NULL, NULL, NULL },
	{ "types", JO_ARR_NULL, NULL, NULL },
	{ "url", JP_FIXED | JP_NOTDEF | JO_STR | JO_MUST, NULL, NULL },
	{ "verificationCode", JO_STR_NULL, NULL, NULL },
};

static const struct {
	const char	*name;
	int		 (*fn)(struct jmap_set *, struct js_val *);
} checks[] = {
	{ "deviceClientId", check_device },
	{ "emailPush", check_mail },
	{ "expires", check_expires },
	{ "keys", check_keys },
	{ "types", check_types },
	{ "url", check_url },
};

static const struct jmap_object_type pushsub_object = {
	.letter = 'P',
	.check = pushsub_check,
	.create = pushsub_create,
	.created = pushsub_created,
	.update = pushsub_update,
	.destroy = pushsub_destroy,
};

const struct jmap_type pushsub_type = {
	.name = "PushSubscription",
	.kind = STORE_PUSH,
	.unbound = 1,
	.props = pushsub_props,
	.nprops = nitems(pushsub_props),
	.args = pushsub_get_args,
	.object = &pushsub_object,
	.prepare = pushsub_prepare,
	.all = jmap_object_all,
	.row = jmap_object_row,
	.create = jmap_object_create,
	.update = jmap_object_update,
	.destroy = jmap_object_destroy,
};

/* RFC 8620 7.2: at least 48 hours, better 7 days. */
static const struct pushsub_conf pushsub_default = {
	.vapid = "", .origin = "", .max = 15, .expires = 7 * DAY,
	.max_expires = 30 * DAY
};

void	(*pushsub_touched)(const char *, uint64_t);

static const struct pushsub_conf *
pushsub_conf(const struct jmap_call *c)
{
	return c->req->env->push != NULL ? c->req->env->push :
	    &pushsub_default;
}

/* --- /get ----------------------------------------------------------------- */

/* RFC 8620 7.2.1: explicitly requested: rejected with "forbidden" */
static const struct jmap_error *
pushsub_get_args(struct jmap_get *g, struct js_rd *rd)
{
	struct js_val	*v = js_get(g->c->args, "properties");
	const char	*s;
	size_t		 i;

	(void)rd;
	for (i = 0; js_type(v) == JS_ARR && i < js_len(v); i++) {
		s = js_str(js_at(v, i));
		if (strcmp(s, "url") == 0 || strcmp(s, "keys") == 0)
			return jmap_error_say(g->c, &jmap_error_forbidden,
			    "url and keys are not given out");
	}
	return NULL;
}

/* Those whose time is over, or whose key is no more ours (RFC 9749 5), are
 * destroyed before anybody looks. */
static int
pushsub_prepare(struct jmap_call *c)
{
	struct store_ids	 ids = { NULL, 0, 0 };
	struct pushsub		 s;
	size_t			 i;
	int			 got;

	got = jmap_api_store(c, store_object_ids(c->txn, STORE_PUSH, &ids));
	for (i = 0; got == 1 && i < ids.n; i++) {
		if ((got = jmap_api_store(c, pushsub_read(c->txn, ids.v[i],
		    pushsub_conf(c), &s))) != 1)
			break;
		if (s.stale && !(c->method->flags & JM_WRITE) &&
		    !c->want_write) {
			c->want_write = 1;
			got = 0;
		} else if (s.stale) {
			got = jmap_api_store(c, store_object_destroy(c->txn,
			    STORE_PUSH, s.id));
			if (pushsub_touched != NULL)
				pushsub_touched(c->req->user->account, s.id);
		}
		pushsub_free(&s);
	}
	store_ids_free(&ids);
	return got;
}

/* --- what a client may set ------------------------------------------------ */

static int
pushsub_check(struct jmap_set *s, const struct jmap_prop *p, struct js_val *v)
{
	size_t	 i;

	for (i = 0; i < nitems(checks); i++)
		if (strcmp(checks[i].name, p->name) == 0)
			return checks[i].fn(s, v);
	return 0;
}

static int
check_device(struct jmap_set *s, struct js_val *v)
{
	if (js_len(v) == 0 || js_len(v) > DEVICE_MAX)
		return jmap_set_bad(s, "deviceClientId",
		    "deviceClientId is 1 to %d bytes", DEVICE_MAX);
	return 0;
}

static int
check_url(struct jmap_set *s, struct js_val *v)
{
	const struct pushsub_conf	*pc = pushsub_conf(s->c);
	struct push_url			 u;
	const char			*why;

	if ((why = push_url_parse(&u, js_str(v), js_len(v))) == NULL &&
	    (why = push_url_allowed(&u, &pc->ports, pc->origin)) == NULL)
		return 0;
	return jmap_set_bad(s, "url", "url: %s", why);
}

/* RFC 8620 7.2: both, in URL-safe base64, which may be padded. */
static int
check_keys(struct jmap_set *s, struct js_val *v)
{
	struct js_val	*p256dh = NULL, *auth = NULL;
	uint8_t		 point[P256_POINT], secret[PUSHSUB_AUTH];
	struct js_rd	 rd;
	EVP_PKEY	*pk;

	js_rd_init(&rd, v, "keys");
	js_rd_any(&rd, "p256dh", &p256dh);
	js_rd_any(&rd, "auth", &auth);
	if (js_rd_end(&rd) == -1)
		return jmap_set_bad(s, "keys", "%s", rd.fault);
	if (pushsub_key(auth, secret, sizeof(secret)) != PUSHSUB_AUTH)
		return jmap_set_bad(s, "keys", "keys/auth is not 16 bytes in "
		    "URL-safe base64");
	if (pushsub_key(p256dh, point, sizeof(point)) != P256_POINT ||
	    (pk = p256_public(point)) == NULL)
		return jmap_set_bad(s, "keys", "keys/p256dh is not a point on "
		    "P-256, uncompressed, in URL-safe base64");
	EVP_PKEY_free(pk);
	return 0;
}

static ssize_t
pushsub_key(struct js_val *v, uint8_t *out, size_t max)
{
	const char	*s = js_str(v);
	size_t		 n = js_len(v);

	if (js_type(v) != JS_STR)
		return -1;
	while (n > 0 && n % 4 != 1 && s[n - 1] == '=')
		n--;
	return enc_b64url_get(s, n, out, max);
}

static int
check_expires(struct jmap_set *s, struct js_val *v)
{
	if (date_3339(js_str(v), js_len(v), 1, NULL) <= date_now())
		return jmap_set_bad(s, "expires", "expires is in the past");
	return 0;
}

/* Names of types that we do not have are fine: a later server may. */
static int
check_types(struct jmap_set *s, struct js_val *v)
{
	const char	*t;
	size_t		 i, n;

	if (js_len(v) > TYPES_MAX)
		return jmap_set_bad(s, "types", "more than %d types",
		    TYPES_MAX);
	for (i = 0; i < js_len(v); i++) {
		t = js_str(js_at(v, i));
		n = strlen(t);
		if (js_type(js_at(v, i)) != JS_STR || n == 0 || n > TYPE_MAX ||
		    strspn(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstu"
		    "vwxyz0123456789") != n)
			return jmap_set_bad(s, "types",
			    "types/%zu is not a type's name", i);
	}
	return 0;
}

/*
 * Email push (draft-ietf-jmap-emailpush 4): a map from accounts to what of
 * new mail is wanted there.  Mail is nothing for a push service to read, so
 * there must be keys (6).
 */
static int
check_mail(struct jmap_set *s, struct js_val *v)
{
	struct js_iter	 it;
	const char	*why = NULL;

	for (js_first(&it, v); why == NULL && js_next(&it);) {
		if (strcmp(it.key, s->c->req->user->account) != 0)
			why = "not an account that supports it";
		else
			why = check_mail_one(s, it.val);
		if (why != NULL)
			return jmap_set_bad(s, "emailPush", "emailPush/%s: %s",
			    it.key, why);
	}
	return 0;
}

/* An EmailPushConfig: NULL, or what is wrong. */
static const char *
check_mail_one(struct jmap_set *s, struct js_val *v)
{
	struct jmap_query	 q = { .c = s->c, .type = &email_type };
	struct jmap_get		 g = { .c = s->c, .type = &email_type };
	struct js_val		*filter = NULL, *props = NULL;
	const char		*urgency = "normal", *why = NULL;
	struct js_rd		 rd;

	js_rd_init(&rd, v, "");
	js_rd_obj_null(&rd, "filter", &filter);
	js_rd_arr(&rd, "properties", &props);
	js_rd_str(&rd, "urgency", &urgency);
	if (js_rd_end(&rd) == -1)
		return arena_dup(&s->c->req->arena, rd.fault,
		    strlen(rd.fault));
	if (props == NULL || js_len(props) > PROPS_MAX)
		return "properties";
	if (pushsub_urgency(urgency) == -1)
		return "urgency";
	if (jmap_query_filter(&q, filter) != NULL ||
	    jmap_get_properties(&g, props) != NULL)
		why = s->c->desc != NULL ? s->c->desc : "filter or properties";
	s->c->desc = NULL;	/* it is no error of the call */
	return why;
}

int
pushsub_urgency(const char *s)
{
	/* RFC 8030 5.3; in the order of enum msg_push_urgency */
	static const char *const	 names[MSG_PUSH_URGENCIES] = {
		"very-low", "low", "normal", "high"
	};
	int				 i;

	for (i = 0; i < MSG_PUSH_URGENCIES; i++)
		if (strcmp(s, names[i]) == 0)
			return i;
	return -1;
}

/* --- create --------------------------------------------------------------- */

static int
pushsub_create(struct jmap_set *s, struct jmap_object *o)
{
	uint8_t	 raw[CODE];
	char	 code[ENC_HEX_LEN(CODE) + 1];
	int	 got;

	/* RFC 8620 7.2: MUST be null (or omitted) */
	if (js_get(o->val, "verificationCode") != NULL)
		(void)jmap_set_bad(s, "verificationCode",
		    "the server makes the code");
	if (js_get(o->val, "emailPush") != NULL &&
	    js_get(o->val, "keys") == NULL)
		(void)jmap_set_bad(s, "emailPush", "mail is not pushed "
		    "without keys to encrypt it");
	if (s->e.err != NULL)
		return 0;
	if ((got = pushsub_room(s)) != 1 ||
	    (got = pushsub_expires(s, o)) != 1)
		return got;
	arc4random_buf(raw, sizeof(raw));
	enc_hex(raw, sizeof(raw), code);
	return jmap_objrow_set_str(o, "_verify", code) == -1 ||
	    jmap_objrow_set_str(o, "_vapid", pushsub_conf(s->c)->vapid) ==
	    -1 ? -1 : 1;
}

/* RFC 8620 8.6: both their number and the rate of creation MUST be limited */
static int
pushsub_room(struct jmap_set *s)
{
	const struct pushsub_conf	*pc = pushsub_conf(s->c);
	struct store_ids		 ids = { NULL, 0, 0 };
	struct share_left		 left;
	struct timespec			 ts;
	size_t				 n;

	if (jmap_api_store(s->c, store_object_ids(s->c->txn, STORE_PUSH,
	    &ids)) != 1) {
		store_ids_free(&ids);
		return -1;
	}
	n = ids.n;
	store_ids_free(&ids);
	if (n >= pc->max)
		return jmap_set_refuse(s, &jmap_error_over_quota,
		    "an account has at most %u push subscriptions", pc->max);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (!share_rate(share_key_account(s->c->req->user->number) ^ RATE_KEY,
	    &pc->rate, (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000,
	    &left))
		return jmap_set_refuse(s, &jmap_error_rate_limit,
		    "too many push subscriptions were made; the next in %llu "
		    "seconds", (unsigned long long)left.wait_s);
	return 1;
}

/* RFC 8620 7.2: Basic authentication is not time bounded, so we set a time
 * and limit it. */
static int
pushsub_expires(struct jmap_set *s, struct jmap_object *o)
{
	const struct pushsub_conf	*pc = pushsub_conf(s->c);
	struct js_val			*v = js_get(o->val, "expires");
	char				 text[DATE_LEN];
	int64_t				 now = date_now(), when;

	when = v == NULL ? now + pc->expires :
	    date_3339(js_str(v), js_len(v), 1, NULL);
	if (when > now + pc->max_expires)
		when = now + pc->max_expires;
	date_utc(when / 1000 * 1000, text);
	return jmap_objrow_set_str(o, "expires", text) == -1 ? -1 : 1;
}

static int
pushsub_created(struct jmap_set *s, struct jmap_object *o)
{
	if (pushsub_touched != NULL)
		pushsub_touched(s->c->req->user->account, o->id);
	return 1;
}

/* --- update, destroy ------------------------------------------------------ */

static int
pushsub_update(struct jmap_set *s, const struct jmap_object *old,
    struct jmap_object *o)
{
	struct js_val	*code = js_get(o->val, "verificationCode");
	const char	*right = js_str(js_get(o->val, "_verify"));
	size_t		 n = strlen(right);

	/* RFC 8620 7.2.2: a wrong one MUST be rejected */
	if (!js_equal(code, js_get(old->val, "verificationCode")) &&
	    (code == NULL || js_len(code) != n ||
	    timingsafe_bcmp(js_str(code), right, n) != 0))
		(void)jmap_set_bad(s, "verificationCode",
		    "this is not the code that was pushed");
	if (js_get(o->val, "emailPush") != NULL &&
	    js_get(o->val, "keys") == NULL)
		(void)jmap_set_bad(s, "emailPush", "mail is not pushed "
		    "without keys to encrypt it");
	return s->e.err != NULL ? 0 : pushsub_expires(s, o);
}

static int
pushsub_destroy(struct jmap_set *s, const struct jmap_object *o)
{
	if (pushsub_touched != NULL)
		pushsub_touched(s->c->req->user->account, o->id);
	return 1;
}

/* --- for delivery --------------------------------------------------------- */

enum store_err
pushsub_read(struct store_txn *txn, uint64_t id, const struct pushsub_conf *pc,
    struct pushsub *s)
{
	struct js_val	*v, *keys;
	const char	*vapid;
	enum store_err	 e;
	size_t		 i;

	memset(s, 0, sizeof(*s));
	if ((e = jmap_objrow_load(txn, &pushsub_type, id, &s->object)) !=
	    STORE_OK)
		return e;
	v = s->object.val;
	s->id = id;
	s->url = js_str(js_get(v, "url"));
	s->code = js_str(js_get(v, "_verify"));
	s->verified = js_get(v, "verificationCode") != NULL;
	if ((keys = js_get(v, "keys")) != NULL) {
		s->keyed = 1;
		(void)pushsub_key(js_get(keys, "p256dh"), s->p256dh,
		    sizeof(s->p256dh));
		(void)pushsub_key(js_get(keys, "auth"), s->auth,
		    sizeof(s->auth));
	}
	s->expires = date_3339(js_str(js_get(v, "expires")),
	    js_len(js_get(v, "expires")), 1, NULL);
	s->types = JMAP_PUSH_ALL;
	if ((v = js_get(v, "types")) != NULL)
		for (s->types = 0, i = 0; i < js_len(v); i++)
			s->types |= jmap_push_type(js_str(js_at(v, i)));
	s->mail = js_get(s->object.val, "emailPush");
	vapid = js_str(js_get(s->object.val, "_vapid"));
	s->stale = s->expires <= date_now() || (*vapid != '\0' &&
	    *pc->vapid != '\0' && strcmp(vapid, pc->vapid) != 0);
	return STORE_OK;
}

void
pushsub_free(struct pushsub *s)
{
	jmap_objrow_free(&s->object);
	explicit_bzero(s, sizeof(*s));
}

void
pushsub_verification(struct buf *b, const struct pushsub *s)
{
	char	 id[STORE_IDLEN];

	(void)jmap_objrow_id(&pushsub_type, s->id, id);
	js_out_obj(b);
	js_out_key(b, "@type");
	js_out_s(b, "PushVerification");
	js_out_key(b, "pushSubscriptionId");
	js_out_s(b, id);
	js_out_key(b, "verificationCode");
	js_out_s(b, s->code);
	js_out_end(b, '}');
}
