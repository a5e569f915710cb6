/* SPDX-License-Identifier: ISC */
/*
 * Where HTTP meets JMAP, and the only place: a struct req on one side, bytes
 * and a struct jmap_user on the other.  RFC 8620 2 (session), 3.1 (API), 6.1
 * (upload), 6.2 (download).  The account's store is open for the turn of the
 * loop that a handler takes, no longer.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/card.h"
#include "common/conf.h"
#include "common/dir.h"
#include "common/js.h"
#include "common/log.h"
#include "common/perm.h"
#include "worker/blob_head.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_blob.h"
#include "worker/jmap/jmap_session.h"
#include "worker/jmap/jmap_share.h"
#include "worker/people.h"
#include "worker/policy/policy.h"
#include "worker/webpush.h"
#include "worker/worker_jmap.h"

#define JMAP_SLACK	(1 << 20)	/* of a response beyond its limit */
#define JMAP_CAPS	(JMAP_CAP_CORE | JMAP_CAP_EMAILPUSH | JMAP_CAP_MAIL | \
			 JMAP_CAP_SUBMISSION | JMAP_CAP_VACATION | \
			 JMAP_CAP_MDN | \
			 JMAP_CAP_WEBSOCKET | \
			 JMAP_CAP_BLOB | JMAP_CAP_QUOTA | JMAP_CAP_SMIME | \
			 JMAP_CAP_PRINCIPALS | JMAP_CAP_SHARE)
#define JSON		"application/json"

/* One request's view of the account and of the configuration. */
struct jmap_turn {
	struct jmap_env		 env;
	struct jmap_user	 user;
	char			 account[DIR_ACCOUNT_LEN];
	char			 url[512];
};

/* An upload on its way in. */
struct jmap_upload {
	struct buf	 data;
	char		 type[256];
};

static void	turn_env(struct jmap_turn *, struct req *);
static void	turn_user(struct jmap_turn *, const struct conf *,
		    const struct req_user *, const char *);
static const struct jmap_limits	*turn_limits(const struct conf *, uint64_t *);
static int	turn_begin(struct jmap_turn *, struct req *);
static void	turn_end(struct jmap_turn *);
static int	turn_account(struct jmap_turn *, struct req *);
static void	api_people(void *, const struct jmap_dir *);
static void	api_gone(struct req *, void *);
static void	api_answer(struct req *, const struct jmap_dir *);
static void	answer_problem(struct req *, const struct jmap_problem *,
		    const char *);
static int	upload_sink(struct req *, void *, const uint8_t *, size_t,
		    int);
static void	upload_keep(struct req *, struct jmap_upload *);
static void	upload_gone(struct req *, void *);
static void	download_send(struct req *, const char *, struct buf *);
static void	download_head(struct req *, const struct buf *);
static void	download_part(struct req *, const char *, struct buf *);

/* --- a turn: user, limits, store ------------------------------------- */

static void
turn_env(struct jmap_turn *t, struct req *r)
{
	url_base(r, t->url, sizeof(t->url));	/* "": relative */
	turn_user(t, r->conf, &r->user, t->url);
}

static void
turn_user(struct jmap_turn *t, const struct conf *c,
    const struct req_user *user, const char *url)
{
	memset(&t->env, 0, sizeof(t->env));
	memset(&t->user, 0, sizeof(t->user));
	t->env.limits = turn_limits(c, &t->env.generation);
	t->env.url = url;
	t->env.push = webpush_conf(c);
	t->env.share_subscribed = c->share_subscribe != 0;
	t->user.name = user->login;
	t->user.account = dir_account(user->account, t->account);
	t->user.caps = JMAP_CAPS;
	if (t->env.push->vapid[0] != '\0')
		t->user.caps |= JMAP_CAP_VAPID;
	t->user.card = card_get(user->account);
	t->user.number = user->account;
	t->user.quota = t->user.card == NULL ? 0 : t->user.card->quota;
	t->user.may_send = (user->perms & PERM_BIT(PERM_EMAIL_SEND)) != 0;
}

/* Limits of a configuration; made once for each. */
static const struct jmap_limits *
turn_limits(const struct conf *c, uint64_t *generation)
{
	static struct jmap_limits	 l;
	static uint64_t			 hash;
	static uint32_t			 made;
	const uint8_t			*p;
	size_t				 i;

	if (made != c->generation) {
		memset(&l, 0, sizeof(l));	/* padding is hashed, too */
		memcpy(&l, &jmap_api_limits, sizeof(l));
		l.max_size_upload = c->max_size_upload;
		l.max_size_request = c->max_size_request;
		l.max_size_response = c->max_response;
		l.max_concurrent_upload = c->max_concurrent_upload;
		l.max_concurrent_requests = c->max_concurrent_requests;
		l.max_calls_in_request = c->max_calls_in_request;
		l.max_objects_in_get = c->max_objects_in_get;
		l.max_objects_in_set = c->max_objects_in_set;
		l.max_query = c->max_query_results;
		l.max_changes = c->max_changes;
		l.max_attachments = c->max_size_upload;
		l.max_message = c->max_message_size;
		l.max_delayed = c->queue_max_hold / 1000;
		l.max_recipients = c->queue_recipients;
		hash = 0xcbf29ce484222325ULL;
		for (p = (const uint8_t *)&l, i = 0; i < sizeof(l); i++)
			hash = (hash ^ p[i]) * 0x100000001b3ULL;
		made = c->generation;
	}
	*generation = hash;
	return &l;
}

/* 0, or -1: it has been answered. */
static int
turn_begin(struct jmap_turn *t, struct req *r)
{
	enum store_err	 e;

	turn_env(t, r);
	if (r->user.account == 0) {
		req_problem(r, 403, NULL, NULL, "this login has no account");
		return -1;
	}
	e = store_open(t->account, STORE_CREATE, &t->user.store);
	if (e == STORE_OK)
		return 0;
	log_warn("account %s: %s", t->account, store_strerror(e));
	req_problem(r, 503, NULL, NULL, "the account cannot be opened now");
	return -1;
}

static void
turn_end(struct jmap_turn *t)
{
	if (t->user.store != NULL)
		store_close(t->user.store);
}

/* Open the {account} of the path, the user's own or one that is shared with
 * him: 0, or -1 and answered.  Unknown and forbidden look the same. */
static int
turn_account(struct jmap_turn *t, struct req *r)
{
	struct store	*st;
	const char	*account = req_param(r, 0);
	uint64_t	 viewer;
	int		 got;

	if (turn_begin(t, r) == -1)
		return -1;
	if (strcmp(account, t->account) == 0)
		return 0;
	got = jmap_share_open(&t->user, NULL, account, &st, &viewer);
	turn_end(t);
	if (got == 1) {
		t->user.store = st;
		t->user.account = account;
		t->user.viewer = viewer;
		return 0;
	}
	if (got == 0)
		req_problem(r, 404, NULL, NULL, "no such account");
	else
		req_problem(r, 503, NULL, NULL,
		    "the account cannot be opened now");
	return -1;
}

static void
answer_problem(struct req *r, const struct jmap_problem *p, const char *detail)
{
	char	 more[64];

	if (p->limit != NULL)
		(void)snprintf(more, sizeof(more), "\"limit\":\"%s\"",
		    p->limit);
	req_problem_more(r, p->status, p->type, p->title, detail,
	    p->limit == NULL ? NULL : more);
}

/* --- API and session ------------------------------------------------- */

void
worker_jmap_api(struct req *r)
{
	struct people_ask	*ask;

	if (!req_is_type(r, JSON)) {
		req_problem(r, 415, jmap_error_not_json.type,
		    jmap_error_not_json.title,
		    "the body must be application/json");
		return;
	}
	if (!people_wanted(r->body, r->body_len)) {
		api_answer(r, NULL);
		return;
	}
	if ((ask = people_get(&r->user, api_people, r)) == NULL)
		api_answer(r, NULL);
	else
		req_park(r, api_gone, ask);
}

static void
api_people(void *arg, const struct jmap_dir *d)
{
	api_answer(arg, d);
}

static void
api_gone(struct req *r, void *arg)
{
	(void)r;
	people_cancel(arg);
}

/* dir NULL: it is not needed, or cannot be had. */
static void
api_answer(struct req *r, const struct jmap_dir *dir)
{
	const struct jmap_problem	*p;
	struct jmap_turn		 t;
	struct buf			 out;
	const char			*detail;

	if (turn_begin(&t, r) == -1)
		return;
	t.user.dir = dir;
	buf_init(&out, t.env.limits->max_size_response + JMAP_SLACK);
	p = jmap_api(&t.env, &t.user, r->body, r->body_len, 0, &out, &detail);
	turn_end(&t);
	if (p == NULL)
		req_reply_buf(r, 200, JSON, &out);
	else
		answer_problem(r, p, detail);
	buf_free(&out);
}

int
worker_jmap_message(const struct conf *c, const struct req_user *user,
    const struct jmap_dir *dir, const char *url, const void *p, size_t len,
    struct buf *out)
{
	struct jmap_turn	 t;
	enum store_err		 e;
	const char		*detail;

	turn_user(&t, c, user, url);
	t.user.dir = dir;
	buf_init(out, t.env.limits->max_size_response + JMAP_SLACK);
	e = store_open(t.account, STORE_CREATE, &t.user.store);
	if (e != STORE_OK) {
		log_warn("account %s: %s", t.account, store_strerror(e));
		return -1;
	}
	/* what is wrong is a message, too */
	(void)jmap_api(&t.env, &t.user, p, len, 1, out, &detail);
	turn_end(&t);
	return 0;
}

void
worker_jmap_session(struct req *r)
{
	struct jmap_shared	*shared = NULL;
	struct jmap_turn	 t;
	struct store_txn	*txn;
	struct buf		 out;
	uint64_t		 state = 0;
	size_t			 n = 0;

	turn_env(&t, r);
	/* an administrator may have no account */
	if (r->user.account != 0) {
		if (turn_begin(&t, r) == -1)
			return;
		if (store_begin(t.user.store, 0, &txn) == STORE_OK) {
			state = store_state(txn, STORE_SHARED);
			(void)jmap_share_list(txn, &r->arena, &shared, &n);
			store_abort(txn);
		}
		jmap_share_again(t.user.store, r->user.account,
		    r->user.login);
		turn_end(&t);
	}
	buf_init(&out, 1 << 20);
	jmap_session(&out, &t.env, &t.user, shared, n, state);
	if (buf_bad(&out))
		req_problem(r, 500, NULL, NULL, NULL);
	else
		req_reply_buf(r, 200, JSON, &out);
	buf_free(&out);
}

/* --- upload ---------------------------------------------------------- */

void
worker_jmap_upload(struct req *r)
{
	const char		*type = req_hdr(r, HDR_CONTENT_TYPE);
	struct jmap_upload	*u;
	struct jmap_turn	 t;

	if (turn_account(&t, r) == -1)
		return;
	turn_end(&t);
	if ((u = arena_get(&r->arena, sizeof(*u))) == NULL) {
		req_problem(r, 503, NULL, NULL, NULL);
		return;
	}
	if (type == NULL || type[0] == '\0' ||
	    !js_scan_text(type, strlen(type)) ||
	    strlcpy(u->type, type, sizeof(u->type)) >= sizeof(u->type))
		(void)strlcpy(u->type, "application/octet-stream",
		    sizeof(u->type));
	buf_init(&u->data, t.env.limits->max_size_upload);
	r->sink = upload_sink;
	r->sink_arg = u;
	req_park(r, upload_gone, u);
}

static int
upload_sink(struct req *r, void *arg, const uint8_t *p, size_t n, int end)
{
	struct jmap_upload	*u = arg;

	if (n > u->data.max - u->data.len) {
		buf_free(&u->data);
		answer_problem(r, &jmap_error_limit_upload, NULL);
		return -1;
	}
	if (buf_add(&u->data, p, n) == -1) {
		buf_free(&u->data);
		req_problem(r, 503, NULL, NULL, "out of memory");
		return -1;
	}
	if (end)
		upload_keep(r, u);
	return 0;
}

static void
upload_keep(struct req *r, struct jmap_upload *u)
{
	struct jmap_turn	 t;
	struct buf		 out, data = u->data;
	int			 got;

	/* once it is answered, r and u may be gone */
	buf_init(&u->data, 0);
	buf_init(&out, 4096);
	if (turn_account(&t, r) == -1)
		goto done;
	got = jmap_blob_upload(&t.env, &t.user, u->type, data.data, data.len,
	    &out);
	turn_end(&t);
	if (got == 1)
		req_problem(r, 403, NULL, NULL, "you may only read there");
	else if (got == -1 || buf_bad(&out))
		req_problem(r, 503, NULL, NULL, "the upload was not kept");
	else
		req_reply_buf(r, 201, JSON, &out);
done:
	buf_free(&data);
	buf_free(&out);
}

static void
upload_gone(struct req *r, void *arg)
{
	struct jmap_upload	*u = arg;

	(void)r;
	buf_free(&u->data);
}

/* --- download -------------------------------------------------------- */

void
worker_jmap_download(struct req *r)
{
	const char		*id = req_param(r, 1);
	struct jmap_turn	 t;
	struct buf		 data;
	int			 got;

	/* another site's script may have it where CORS lets it in */
	if (!blob_head_fetch(req_hdr(r, HDR_SEC_FETCH_DEST), r->cors ? NULL :
	    req_hdr(r, HDR_SEC_FETCH_SITE), req_hdr(r, HDR_SERVICE_WORKER))) {
		req_problem(r, 403, NULL, NULL,
		    "not for this use (Fetch metadata)");
		return;
	}
	if (turn_account(&t, r) == -1)
		return;
	/* a message may be larger than any upload */
	buf_init(&data, r->conf->max_message_size > r->conf->max_size_upload ?
	    r->conf->max_message_size : r->conf->max_size_upload);
	got = jmap_blob_download(&t.user, id, &data);
	turn_end(&t);
	if (got == 1)
		download_send(r, id, &data);
	else if (got == 0)
		req_problem(r, 404, NULL, NULL, "no such blob");
	else
		req_problem(r, 500, NULL, NULL, NULL);
	buf_free(&data);
}

static void
download_send(struct req *r, const char *id, struct buf *data)
{
	const char	*tag;

	if ((tag = arena_printf(&r->arena, "\"%s\"", id)) == NULL) {
		req_problem(r, 503, NULL, NULL, NULL);
		return;
	}
	req_hdr_add(r, "ETag", tag);
	if (blob_head_match(req_hdr(r, HDR_IF_NONE_MATCH), tag))
		req_reply(r, 304, NULL, NULL, 0);
	else
		download_part(r, tag, data);
}

/* All of it, or the one range that was asked for. */
static void
download_part(struct req *r, const char *tag, struct buf *data)
{
	const char	*range = req_hdr(r, HDR_RANGE);
	const char	*when = req_hdr(r, HDR_IF_RANGE);
	char		 type[BLOB_HEAD_TYPE], text[96];
	uint64_t	 from, to;

	if (r->method != HTTP_GET || (when != NULL && strcmp(when, tag) != 0))
		range = NULL;
	blob_head_type(req_query(r, "type"), type);
	switch (blob_head_range(range, data->len, &from, &to)) {
	case BLOB_HEAD_OUTSIDE:
		(void)snprintf(text, sizeof(text), "bytes */%zu", data->len);
		req_hdr_add(r, "Content-Range", text);
		req_problem(r, 416, NULL, NULL, NULL);
		return;
	case BLOB_HEAD_PART:
		download_head(r, data);
		(void)snprintf(text, sizeof(text), "bytes %llu-%llu/%zu",
		    (unsigned long long)from, (unsigned long long)to,
		    data->len);
		req_hdr_add(r, "Content-Range", text);
		req_reply(r, 206, type, data->data + from, to - from + 1);
		return;
	default:
		download_head(r, data);
		req_reply_buf(r, 200, type, data);
	}
}

/*
 * RFC 8620 6.2: the server MUST return "name" as the filename.  The template
 * has it in the query: names with a slash, ".." and the empty one are none
 * of a path's segments.  As the last segment it is taken, too.
 */
static void
download_head(struct req *r, const struct buf *data)
{
	const char	*how = req_query(r, "disposition");
	const char	*name = req_query(r, "name");
	char		 type[BLOB_HEAD_TYPE];
	struct buf	 b;
	int		 inln;

	blob_head_type(req_query(r, "type"), type);
	inln = how != NULL && strcmp(how, "inline") == 0 &&
	    blob_head_inline(type, data->data, data->len);
	buf_init(&b, 4096);
	blob_head_disposition(&b, inln, r->nparam > 2 ? req_param(r, 2) :
	    name != NULL ? name : "");
	if (buf_str(&b) != NULL)
		req_hdr_add(r, "Content-Disposition", buf_str(&b));
	req_hdr_add(r, "Accept-Ranges", "bytes");
	buf_free(&b);
}
