/* SPDX-License-Identifier: ISC */
/*
 * The Session object (RFC 8620 2) and the table of capabilities: what the
 * server says of itself before any method is called.  To add a capability:
 * a bit in jmap.h, a row here.
 */
#include "common/compat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "worker/jmap/blob.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_session.h"
#include "worker/jmap/jmap_share.h"
#include "worker/jmap/pushsub.h"
#include "worker/store/store_share.h"

#define PRINCIPALS	"urn:ietf:params:jmap:principals"
/* What an account of somebody else has. */
#define SHARED		(JMAP_CAP_CORE | JMAP_CAP_MAIL | JMAP_CAP_BLOB | \
			JMAP_CAP_SHARE)

struct cap {
	const char	*urn;
	unsigned	 bit;
	/* members of the object in "capabilities", in "accountCapabilities";
	 * NULL: an empty object */
	void		(*server)(struct buf *, const struct jmap_env *);
	void		(*account)(struct buf *, const struct jmap_env *);
	int		 nodata;	/* of the server, not of an account */
};

static void	session_core(struct buf *, const struct jmap_env *);
static void	session_mail(struct buf *, const struct jmap_env *);
static void	session_submission(struct buf *, const struct jmap_env *);
static void	session_blob(struct buf *, const struct jmap_env *);
static void	session_vapid(struct buf *, const struct jmap_env *);
static void	session_websocket(struct buf *, const struct jmap_env *);
static void	session_caps(struct buf *, const struct jmap_env *,
		    const struct jmap_user *, int,
		    const struct jmap_shared *);
static void	session_owner(struct buf *, const struct jmap_user *,
		    uint64_t);
static void	session_primary(struct buf *, const struct jmap_user *);
static void	session_url(struct buf *, const char *, const struct jmap_env *,
		    const char *);
static uint64_t	session_hash(uint64_t, const void *, size_t);

static const struct cap caps[] = {
	{ "urn:ietf:params:jmap:core", JMAP_CAP_CORE, session_core, NULL, 0 },
	{ "urn:ietf:params:jmap:mail", JMAP_CAP_MAIL, NULL, session_mail, 0 },
	{ "urn:ietf:params:jmap:submission", JMAP_CAP_SUBMISSION, NULL,
	    session_submission, 0 },
	{ "urn:ietf:params:jmap:blob", JMAP_CAP_BLOB, NULL, session_blob, 0 },
	{ "urn:ietf:params:jmap:quota", JMAP_CAP_QUOTA, NULL, NULL, 0 },
	{ "urn:ietf:params:jmap:emailpush", JMAP_CAP_EMAILPUSH, NULL, NULL,
	    0 },
	{ "urn:ietf:params:jmap:webpush-vapid", JMAP_CAP_VAPID, session_vapid,
	    NULL, 1 },
	{ "urn:ietf:params:jmap:mdn", JMAP_CAP_MDN, NULL, NULL, 0 },
	{ "urn:ietf:params:jmap:vacationresponse", JMAP_CAP_VACATION, NULL,
	    NULL, 0 },
	{ "urn:ietf:params:jmap:smimeverify", JMAP_CAP_SMIME, NULL, NULL, 0 },
	{ "urn:ietf:params:jmap:mail:share", JMAP_CAP_SHARE, NULL, NULL, 0 },
	{ PRINCIPALS, JMAP_CAP_PRINCIPALS, NULL, NULL, 0 },
	{ "urn:ietf:params:jmap:websocket", JMAP_CAP_WEBSOCKET,
	    session_websocket, NULL, 1 },
};

unsigned
jmap_session_cap(const char *urn)
{
	size_t	 i;

	for (i = 0; i < nitems(caps); i++)
		if (strcmp(caps[i].urn, urn) == 0)
			return caps[i].bit;
	return 0;
}

void
jmap_session(struct buf *b, const struct jmap_env *env,
    const struct jmap_user *u, const struct jmap_shared *shared, size_t n,
    uint64_t shares)
{
	char	 state[17];
	size_t	 i;

	js_out_obj(b);
	js_out_key(b, "capabilities");
	session_caps(b, env, u, 0, NULL);
	js_out_key(b, "accounts");
	js_out_obj(b);
	jmap_session_account(b, env, u, NULL);
	/* RFC 9670 1.4: only where he is subscribed to anything */
	for (i = 0; i < n; i++)
		if (shared[i].subscribed)
			jmap_session_account(b, env, u, &shared[i]);
	js_out_end(b, '}');
	js_out_key(b, "primaryAccounts");
	session_primary(b, u);
	js_out_key(b, "username");
	js_out_s(b, u->name);
	session_url(b, "apiUrl", env, "/jmap/");
	session_url(b, "downloadUrl", env,
	    "/jmap/download/{accountId}/{blobId}?name={name}&type={type}");
	session_url(b, "uploadUrl", env, "/jmap/upload/{accountId}/");
	session_url(b, "eventSourceUrl", env, "/jmap/eventsource/"
	    "?types={types}&closeafter={closeafter}&ping={ping}");
	js_out_key(b, "state");
	jmap_session_state(env, u, shares, state);
	js_out_s(b, state);
	js_out_end(b, '}');
}

static void
session_caps(struct buf *b, const struct jmap_env *env,
    const struct jmap_user *u, int account, const struct jmap_shared *shared)
{
	void	(*put)(struct buf *, const struct jmap_env *);
	char	 id[STORE_IDLEN];
	size_t	 i;

	js_out_obj(b);
	for (i = 0; i < nitems(caps); i++) {
		if (!(u->caps & caps[i].bit) || (account && caps[i].nodata) ||
		    (shared != NULL && !(SHARED & caps[i].bit)))
			continue;
		put = account ? caps[i].account : caps[i].server;
		js_out_key(b, caps[i].urn);
		js_out_obj(b);
		if (put != NULL)
			put(b, env);
		if (account && caps[i].bit == JMAP_CAP_MAIL) {
			js_out_key(b, "mayCreateTopLevelMailbox");
			js_out_bool(b, shared == NULL);
		} else if (account && caps[i].bit == JMAP_CAP_PRINCIPALS) {
			js_out_key(b, "currentUserPrincipalId");
			js_out_str(b, id, jmap_principal_id(u->number, id));
		}
		js_out_end(b, '}');
	}
	if (account && (u->caps & JMAP_CAP_PRINCIPALS))
		session_owner(b, u, shared == NULL ? u->number :
		    shared->number);
	js_out_end(b, '}');
}

/* RFC 9670 1.5.2: principals are found in the user's own account. */
static void
session_owner(struct buf *b, const struct jmap_user *u, uint64_t owner)
{
	char	 id[STORE_IDLEN];

	js_out_key(b, PRINCIPALS ":owner");
	js_out_obj(b);
	js_out_key(b, "accountIdForPrincipal");
	js_out_s(b, u->account);
	js_out_key(b, "principalId");
	js_out_str(b, id, jmap_principal_id(owner, id));
	js_out_end(b, '}');
}

void
jmap_session_account(struct buf *b, const struct jmap_env *env,
    const struct jmap_user *u, const struct jmap_shared *s)
{
	const char	*account = s == NULL ? u->account : s->account;

	js_out_keyn(b, account, strlen(account));
	js_out_obj(b);
	js_out_key(b, "name");
	js_out_s(b, s == NULL ? u->name : s->name);
	js_out_key(b, "isPersonal");
	js_out_bool(b, s == NULL);
	js_out_key(b, "isReadOnly");
	js_out_bool(b, s != NULL && !(s->rights & STORE_MAY_WRITE));
	js_out_key(b, "accountCapabilities");
	session_caps(b, env, u, 1, s);
	js_out_end(b, '}');
}

/* Core has no data of its own, so no primary account (RFC 8620 2). */
static void
session_primary(struct buf *b, const struct jmap_user *u)
{
	size_t	 i;

	js_out_obj(b);
	for (i = 0; i < nitems(caps); i++) {
		if (!(u->caps & caps[i].bit) || caps[i].bit == JMAP_CAP_CORE ||
		    caps[i].nodata)
			continue;
		js_out_key(b, caps[i].urn);
		js_out_s(b, u->account);
	}
	js_out_end(b, '}');
}

static void
session_url(struct buf *b, const char *key, const struct jmap_env *env,
    const char *path)
{
	js_out_key(b, key);
	js_out_raw(b, "\"", 1);
	js_out_esc(b, env->url, strlen(env->url));
	js_out_esc(b, path, strlen(path));
	buf_add(b, "\"", 1);
}

static void
session_core(struct buf *b, const struct jmap_env *env)
{
	const struct jmap_limits	*l = env->limits;
	const struct {
		const char	*name;
		uint64_t	 val;
	} rows[] = {
		{ "maxSizeUpload", l->max_size_upload },
		{ "maxConcurrentUpload", l->max_concurrent_upload },
		{ "maxSizeRequest", l->max_size_request },
		{ "maxConcurrentRequests", l->max_concurrent_requests },
		{ "maxCallsInRequest", l->max_calls_in_request },
		{ "maxObjectsInGet", l->max_objects_in_get },
		{ "maxObjectsInSet", l->max_objects_in_set }
	};
	size_t	 i;

	for (i = 0; i < nitems(rows); i++) {
		js_out_key(b, rows[i].name);
		js_out_uint(b, rows[i].val);
	}
	js_out_key(b, "collationAlgorithms");
	js_out_arr(b);
	js_out_s(b, "i;ascii-casemap");
	js_out_s(b, "i;octet");
	js_out_s(b, "i;unicode-casemap");
	js_out_end(b, ']');
}

/* RFC 8621 1.3.1 */
static void
session_mail(struct buf *b, const struct jmap_env *env)
{
	const struct jmap_limits	*l = env->limits;
	size_t				 i;

	js_out_key(b, "maxMailboxesPerEmail");
	js_out_uint(b, l->max_mailboxes_per_email);
	js_out_key(b, "maxMailboxDepth");
	js_out_uint(b, l->max_mailbox_depth);
	js_out_key(b, "maxSizeMailboxName");
	js_out_uint(b, l->max_mailbox_name);
	js_out_key(b, "maxSizeAttachmentsPerEmail");
	js_out_uint(b, l->max_attachments);
	js_out_key(b, "emailQuerySortOptions");
	js_out_arr(b);
	for (i = 0; i < email_type.norders; i++)
		js_out_s(b, email_type.orders[i].name);
	js_out_end(b, ']');
}

/* RFC 8621 1.3.2; what of SMTP a client may use in an envelope. */
static void
session_submission(struct buf *b, const struct jmap_env *env)
{
	const struct jmap_limits	*l = env->limits;
	char				 text[32];

	js_out_key(b, "maxDelayedSend");
	js_out_uint(b, l->max_delayed);
	js_out_key(b, "submissionExtensions");
	js_out_obj(b);
	js_out_key(b, "8BITMIME");
	js_out_arr(b);
	js_out_end(b, ']');
	js_out_key(b, "DSN");
	js_out_arr(b);
	js_out_end(b, ']');
	if (l->max_delayed > 0) {
		js_out_key(b, "FUTURERELEASE");
		js_out_arr(b);
		(void)snprintf(text, sizeof(text), "%" PRIu64, l->max_delayed);
		js_out_s(b, text);
		js_out_end(b, ']');
	}
	js_out_key(b, "MT-PRIORITY");
	js_out_arr(b);
	js_out_end(b, ']');
	js_out_key(b, "SIZE");
	js_out_arr(b);
	(void)snprintf(text, sizeof(text), "%" PRIu64, l->max_message);
	js_out_s(b, text);
	js_out_end(b, ']');
	js_out_key(b, "SMTPUTF8");
	js_out_arr(b);
	js_out_end(b, ']');
	js_out_end(b, '}');
}

/* RFC 9404 3.1 */
static void
session_blob(struct buf *b, const struct jmap_env *env)
{
	js_out_key(b, "maxSizeBlobSet");
	js_out_uint(b, env->limits->max_size_upload);
	js_out_key(b, "maxDataSources");
	js_out_uint(b, BLOB_SOURCES);
	js_out_key(b, "supportedTypeNames");
	blob_lookup_types(b);
	js_out_key(b, "supportedDigestAlgorithms");
	blob_get_digests(b);
}

/* RFC 9749 3; the capability is there when the key is */
static void
session_vapid(struct buf *b, const struct jmap_env *env)
{
	js_out_key(b, "applicationServerKey");
	js_out_s(b, env->push == NULL ? "" : env->push->vapid);
}

/* RFC 8887 3: the same place, "ws" where it says "http" */
static void
session_websocket(struct buf *b, const struct jmap_env *env)
{
	static const char	 path[] = "/jmap/ws/";

	js_out_key(b, "url");
	js_out_raw(b, "\"", 1);
	if (strncmp(env->url, "http", 4) == 0) {
		js_out_esc(b, "ws", 2);
		js_out_esc(b, env->url + 4, strlen(env->url + 4));
	}
	js_out_esc(b, path, sizeof(path) - 1);
	buf_add(b, "\"", 1);
	js_out_key(b, "supportsPush");
	js_out_bool(b, 1);
}

/* FNV-1a, which is enough to tell a change. */
static uint64_t
session_hash(uint64_t h, const void *p, size_t n)
{
	const uint8_t	*u = p;

	while (n-- > 0)
		h = (h ^ *u++) * 0x100000001b3ULL;
	return h;
}

void
jmap_session_state(const struct jmap_env *env, const struct jmap_user *u,
    uint64_t shares, char out[17])
{
	static const char	 hex[] = "0123456789abcdef";
	uint64_t		 h = 0xcbf29ce484222325ULL;
	int			 i;

	h = session_hash(h, u->name, strlen(u->name) + 1);
	h = session_hash(h, u->account, strlen(u->account) + 1);
	h = session_hash(h, env->url, strlen(env->url) + 1);
	h = session_hash(h, &u->caps, sizeof(u->caps));
	h = session_hash(h, &env->generation, sizeof(env->generation));
	/* RFC 9749 5: a new key is a new state */
	if (env->push != NULL)
		h = session_hash(h, env->push->vapid,
		    strlen(env->push->vapid) + 1);
	h = session_hash(h, &shares, sizeof(shares));
	for (i = 0; i < 16; i++)
		out[i] = hex[h >> (60 - 4 * i) & 15];
	out[16] = '\0';
}
