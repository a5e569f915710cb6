/* SPDX-License-Identifier: ISC */
/*
 * The request step that finds out who asks: see authz.h.  HTTP
 * authentication is RFC 9110 11, Basic is RFC 7617, what protects both is
 * security.md 3.6.  Requests with the same credential wait for one answer.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "common/enc.h"
#include "common/log.h"
#include "common/perm.h"
#include "common/share.h"
#include "common/utf8.h"
#include "worker/policy/authz.h"
#include "worker/policy/policy.h"

#define AUTHZ_ASKING	256	/* credentials being asked for at once */

/* A credential that auth is looking at. */
struct asking {
	LIST_ENTRY(asking)	 entry;
	uint8_t			 key[AUTHZ_KEY];
	struct auth_ask		*ask;		/* NULL: answered */
	TAILQ_HEAD(, wait)	 waits;
};
/* A request that waits for it; lives in the request's arena. */
struct wait {
	TAILQ_ENTRY(wait)	 entry;
	struct req		*r;
	struct asking		*asking;	/* NULL: answered */
	enum auth_ask_verdict	 verdict;
	uint32_t		 retry_s;
};

static LIST_HEAD(, asking)	 askings = LIST_HEAD_INITIALIZER(askings);
static size_t			 nasking;

static int		 authz_foreign(const struct req *);
static enum req_ret	 authz_park(struct req *, const char *, const char *,
			    const uint8_t [AUTHZ_KEY]);
static struct asking	*authz_ask(const struct ip *, const char *,
			    const char *, const uint8_t [AUTHZ_KEY]);
static void		 authz_answer(void *, const struct auth_ask_who *);
static void		 authz_gone(struct req *, void *);
static void		 authz_asked(struct asking *);
static enum req_ret	 authz_verdict(struct req *, enum auth_ask_verdict,
			    uint32_t);
static enum req_ret	 authz_admit(struct req *);
static enum req_ret	 authz_challenge(struct req *);
static enum req_ret	 authz_later(struct req *, int, uint32_t,
			    const char *);
static int		 authz_text(const char *, size_t);

enum req_ret
authz_step(struct req *r)
{
	char		 user[AUTHZ_USER], secret[AUTHZ_SECRET];
	uint8_t		 key[AUTHZ_KEY];
	struct wait	*w = r->step_data;
	enum req_ret	 ret;
	int16_t		 line;

	if (r->route == NULL || !(r->route->flags & ROUTE_AUTH))
		return REQ_NEXT;
	if (w != NULL) {
		r->step_data = NULL;
		return authz_verdict(r, w->verdict, w->retry_s);
	}
	if (!authz_private(r)) {
		req_problem(r, 403, NULL, NULL,
		    "passwords are not taken over plain HTTP: use https");
		return REQ_DONE;
	}
	if ((line = r->known[HDR_AUTHORIZATION]) == -1)
		return authz_challenge(r);
	if (authz_foreign(r)) {
		req_problem(r, 403, NULL, NULL,
		    "a page of another site asks for this");
		return REQ_DONE;
	}
	if (r->hdr[line].next != -1) {
		req_problem(r, 400, NULL, NULL, "more than one Authorization");
		return REQ_DONE;
	}
	if (!authz_basic(r->hdr[line].value, user, secret))
		return authz_challenge(r);
	authz_cache_key(key, user, secret);
	if (authz_cache_get(key, date_mono(), &r->user))
		ret = authz_admit(r);
	else
		ret = authz_park(r, user, secret, key);
	explicit_bzero(secret, sizeof(secret));
	return ret;
}

int
authz_private(const struct req *r)
{
	return r->secure || forwarded_local(r);
}

/*
 * A browser sends the password that it remembers with what a page of any
 * site posts.  security.md 1.6: what changes something comes from our own
 * pages, from an origin that CORS lets in, or from no browser.
 */
static int
authz_foreign(const struct req *r)
{
	const char	*site = req_hdr(r, HDR_SEC_FETCH_SITE);

	return !(HTTP_M(r->method) & M_GET) && site != NULL && !r->cors &&
	    strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

int
authz_basic(const char *value, char user[AUTHZ_USER],
    char secret[AUTHZ_SECRET])
{
	char	 text[AUTHZ_USER + AUTHZ_SECRET];
	char	*colon;
	ssize_t	 n;
	int	 ok = 0;

	/* credentials = "Basic" 1*SP token68 (RFC 9110 11.4) */
	if (strlen(value) < 6 || !utf8_caseis(value, 5, "basic") ||
	    value[5] != ' ')
		return 0;
	for (value += 6; *value == ' '; value++)
		;
	n = enc_b64_get(value, strlen(value), text, sizeof(text) - 1);
	if (n <= 0)
		goto done;
	text[n] = '\0';
	if (!authz_text(text, (size_t)n) ||
	    (colon = strchr(text, ':')) == NULL)
		goto done;
	*colon = '\0';
	ok = strlcpy(user, text, AUTHZ_USER) < AUTHZ_USER &&
	    strlcpy(secret, colon + 1, AUTHZ_SECRET) < AUTHZ_SECRET;
done:
	explicit_bzero(text, sizeof(text));
	return ok;
}

/* RFC 7617 2: no control characters; 2.1: UTF-8, as our challenge says. */
static int
authz_text(const char *p, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
			return 0;
	return utf8_valid(p, n);
}

/* --- asking ---------------------------------------------------------- */

static enum req_ret
authz_park(struct req *r, const char *user, const char *secret,
    const uint8_t key[AUTHZ_KEY])
{
	struct asking	*a;
	struct wait	*w;

	LIST_FOREACH(a, &askings, entry)
		if (timingsafe_bcmp(a->key, key, AUTHZ_KEY) == 0)
			break;
	if ((w = arena_get(&r->arena, sizeof(*w))) == NULL || (a == NULL &&
	    (a = authz_ask(&r->client, user, secret, key)) == NULL))
		return authz_verdict(r, AUTH_ASK_DOWN, 1);
	w->r = r;
	w->asking = a;
	TAILQ_INSERT_TAIL(&a->waits, w, entry);
	r->step_data = w;
	req_park(r, authz_gone, w);
	return REQ_PARK;
}

static struct asking *
authz_ask(const struct ip *client, const char *user, const char *secret,
    const uint8_t key[AUTHZ_KEY])
{
	struct asking	*a;

	auth_ask_on_revoke(authz_cache_drop);
	if (nasking >= AUTHZ_ASKING || (a = calloc(1, sizeof(*a))) == NULL)
		return NULL;
	memcpy(a->key, key, AUTHZ_KEY);
	TAILQ_INIT(&a->waits);
	a->ask = auth_ask_login(client, user, secret, authz_answer, a);
	if (a->ask == NULL) {
		free(a);
		return NULL;
	}
	LIST_INSERT_HEAD(&askings, a, entry);
	nasking++;
	return a;
}

/* Off the list; the caller frees. */
static void
authz_asked(struct asking *a)
{
	LIST_REMOVE(a, entry);
	nasking--;
}

static void
authz_answer(void *arg, const struct auth_ask_who *who)
{
	static const enum share_figure	 figures[] = {
		[AUTH_ASK_OK] = SHARE_AUTH_OK,
		[AUTH_ASK_WRONG] = SHARE_AUTH_WRONG,
		[AUTH_ASK_LIMITED] = SHARE_AUTH_LIMITED,
		[AUTH_ASK_BUSY] = SHARE_AUTH_BUSY,
		[AUTH_ASK_OFF] = SHARE_AUTH_OFF,
		[AUTH_ASK_DOWN] = SHARE_AUTH_BUSY,
	};
	struct asking	*a = arg;
	struct wait	*w;

	share_add(figures[who->verdict], 1);
	authz_asked(a);
	a->ask = NULL;
	if (who->verdict == AUTH_ASK_OK)
		authz_cache_put(a->key, who, date_mono());
	/* to resume one may end others: each time the first that is left */
	while ((w = TAILQ_FIRST(&a->waits)) != NULL) {
		TAILQ_REMOVE(&a->waits, w, entry);
		w->asking = NULL;
		w->verdict = who->verdict;
		w->retry_s = who->retry_s;
		if (who->verdict == AUTH_ASK_OK) {
			w->r->user.account = who->account;
			w->r->user.perms = who->perms;
			memcpy(w->r->user.handle, who->handle, MSG_HANDLE);
			strlcpy(w->r->user.login, who->login,
			    sizeof(w->r->user.login));
		}
		req_resume(w->r);
	}
	freezero(a, sizeof(*a));
}

/* The client vanished.  The last one takes the question along. */
static void
authz_gone(struct req *r, void *arg)
{
	struct wait	*w = arg;
	struct asking	*a = w->asking;

	(void)r;
	if (a == NULL)
		return;
	TAILQ_REMOVE(&a->waits, w, entry);
	w->asking = NULL;
	if (TAILQ_EMPTY(&a->waits) && a->ask != NULL) {
		authz_asked(a);
		auth_ask_cancel(a->ask);
		freezero(a, sizeof(*a));
	}
}

/* --- answers --------------------------------------------------------- */

static enum req_ret
authz_verdict(struct req *r, enum auth_ask_verdict v, uint32_t retry_s)
{
	switch (v) {
	case AUTH_ASK_OK:
		return authz_admit(r);
	case AUTH_ASK_WRONG:
		return authz_challenge(r);
	case AUTH_ASK_LIMITED:
		return authz_later(r, 429, retry_s,
		    "too many failed attempts to log in");
	case AUTH_ASK_OFF:
		req_problem(r, 403, NULL, NULL,
		    "this account may not log in");
		return REQ_DONE;
	case AUTH_ASK_BUSY:
	case AUTH_ASK_DOWN:
		break;
	}
	return authz_later(r, 503, retry_s,
	    "passwords cannot be checked right now");
}

static enum req_ret
authz_admit(struct req *r)
{
	r->has_user = 1;
	if (r->route->flags & ROUTE_ADMIN && !(r->user.perms & PERM_MANAGE)) {
		req_problem(r, 403, NULL, NULL,
		    "you are not an administrator");
		return REQ_DONE;
	}
	return REQ_NEXT;
}

/* To Basic a browser answers by a window of its own, which a script's
 * request must not bring up (security.md 3.6). */
void
authz_scheme(struct req *r)
{
	const char	*mode = req_hdr(r, HDR_SEC_FETCH_MODE);
	int		 script;

	script = (mode != NULL && strcmp(mode, "cors") == 0) ||
	    req_hdr(r, HDR_X_REQUESTED_WITH) != NULL;
	req_hdr_add(r, "WWW-Authenticate", script ?
	    "Bearer realm=\"jmapd\"" :
	    "Basic realm=\"jmapd\", charset=\"UTF-8\"");
}

/* The same for no password, an unknown user and a wrong password. */
static enum req_ret
authz_challenge(struct req *r)
{
	/* rate_step has counted those that have no credential at all */
	if (r->known[HDR_AUTHORIZATION] != -1 && rate_anonymous(r))
		return REQ_DONE;
	authz_scheme(r);
	req_problem(r, 401, NULL, NULL, "a valid user and password are needed");
	return REQ_DONE;
}

static enum req_ret
authz_later(struct req *r, int status, uint32_t retry_s, const char *detail)
{
	char	 num[16];

	snprintf(num, sizeof(num), "%u", retry_s == 0 ? 1 : retry_s);
	req_hdr_add(r, "Retry-After", num);
	req_problem(r, status, NULL, NULL, detail);
	return REQ_DONE;
}
