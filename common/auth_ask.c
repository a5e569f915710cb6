/* SPDX-License-Identifier: ISC */
/*
 * Asking the auth process: see auth_ask.h.  Used in workers by authz.c,
 * rest/ and lmtp/.  Questions on their way stand in a hash table by the
 * number that the answer echoes; when the pipe closes, all are answered
 * with "down" from the event loop.
 */
#include "common/compat.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth_ask.h"
#include "common/buf.h"
#include "common/card.h"
#include "common/cur.h"
#include "common/dir.h"
#include "common/log.h"
#include "common/proc.h"

#define ASK_SLOTS	256	/* of the table, a power of two */
#define ASK_LOGIN	255	/* bytes of a user or an address */
#define ASK_SECRET	1024

struct auth_ask {
	LIST_ENTRY(auth_ask)	 entry;
	uint32_t		 id;
	uint32_t		 type;	/* MSG_AUTH, MSG_RCPT or MSG_DIR */
	void			*arg;
	auth_ask_who_fn		*who;
	auth_ask_rcpt_fn	*rcpt;
	auth_ask_where_fn	*where;	/* or this one */
	auth_ask_row_fn		*row;
	auth_ask_end_fn		*end;
};
LIST_HEAD(ask_list, auth_ask);

static struct proc_peer	 ask_peer;
static struct ask_list	 asks[ASK_SLOTS];
static uint32_t		 ask_id;
static void		(*ask_revoke[4])(uint64_t);
static void		(*ask_secrets)(uint64_t);

static struct auth_ask	*ask_new(uint32_t, void *);
static struct auth_ask	*ask_send(struct auth_ask *, const void *,
			    const void *, size_t);
static struct auth_ask	*ask_take(uint32_t, uint32_t);
static void	 ask_gone(struct proc_peer *);
static void	 ask_down(struct auth_ask *);
static void	 ask_ok(struct proc_peer *, struct msg *);
static void	 ask_no(struct proc_peer *, struct msg *);
static void	 ask_tell(uint64_t);
static void	 ask_revoked(struct proc_peer *, struct msg *);
static void	 ask_found(struct auth_ask *, const struct msg_rcpt_is *);
static void	 ask_rcpt_is(struct proc_peer *, struct msg *);
static void	 ask_row(struct proc_peer *, struct msg *);
static void	 ask_end(struct proc_peer *, struct msg *);

static proc_fn *const ask_handlers[MSG_MAX] = {
	[MSG_AUTH_OK]	= ask_ok,
	[MSG_AUTH_NO]	= ask_no,
	[MSG_REVOKE]	= ask_revoked,
	[MSG_RCPT_IS]	= ask_rcpt_is,
	[MSG_DIR_ROW]	= ask_row,
	[MSG_DIR_END]	= ask_end,
};

void
auth_ask_open(uint32_t slot, int fd)
{
	if (ask_peer.open) {
		/* auth was started again before we saw its end */
		proc_close(&ask_peer);
		ask_gone(&ask_peer);
	}
	proc_open(&ask_peer, PROC_AUTH, slot, fd, ask_handlers, ask_gone,
	    NULL);
	/* what an auth process before this one told us may be out of date */
	ask_tell(0);
}

void
auth_ask_on_revoke(void (*fn)(uint64_t))
{
	size_t	 i;

	for (i = 0; i < nitems(ask_revoke); i++) {
		if (ask_revoke[i] == fn)
			return;
		if (ask_revoke[i] == NULL) {
			ask_revoke[i] = fn;
			return;
		}
	}
	fatalx("auth_ask_on_revoke: too many");
}

void
auth_ask_on_secrets(void (*fn)(uint64_t))
{
	ask_secrets = fn;
}

/* In the order of their asking. */
static void
ask_tell(uint64_t account)
{
	size_t	 i;

	card_drop(account);
	for (i = 0; i < nitems(ask_revoke) && ask_revoke[i] != NULL; i++)
		ask_revoke[i](account);
}

static void
ask_gone(struct proc_peer *p)
{
	struct auth_ask	*a;
	size_t		 i;

	(void)p;
	log_warnx("auth has gone");
	/* a callback may cancel others of the list, never add while down */
	for (i = 0; i < ASK_SLOTS; i++)
		while ((a = LIST_FIRST(&asks[i])) != NULL)
			ask_down(a);
}

static void
ask_down(struct auth_ask *a)
{
	static const struct auth_ask_who	 who = {
		.verdict = AUTH_ASK_DOWN, .retry_s = 1, .login = "" };
	static const struct msg_rcpt_is		 nobody = {
		.error = EAGAIN };
	static const struct auth_ask_end	 end = {
		.error = DIR_FAILED, .what = "auth is not running",
		.more = "" };

	LIST_REMOVE(a, entry);
	if (a->type == MSG_AUTH)
		a->who(a->arg, &who);
	else if (a->type == MSG_RCPT)
		ask_found(a, &nobody);
	else
		a->end(a->arg, &end);
	free(a);
}

/* --- questions ---------------------------------------------------------- */

static struct auth_ask *
ask_new(uint32_t type, void *arg)
{
	struct auth_ask	*a;

	if (!ask_peer.open || (a = calloc(1, sizeof(*a))) == NULL)
		return NULL;
	a->id = ++ask_id;
	a->type = type;
	a->arg = arg;
	return a;
}

static struct auth_ask *
ask_send(struct auth_ask *a, const void *fixed, const void *tail, size_t n)
{
	if (proc_send(&ask_peer, a->type, a->id, -1, fixed, tail, n) == -1) {
		free(a);
		return NULL;
	}
	LIST_INSERT_HEAD(&asks[a->id % ASK_SLOTS], a, entry);
	return a;
}

/* The question of that number, off the table; NULL: it was cancelled. */
static struct auth_ask *
ask_take(uint32_t id, uint32_t type)
{
	struct auth_ask	*a;

	LIST_FOREACH(a, &asks[id % ASK_SLOTS], entry)
		if (a->id == id && a->type == type) {
			LIST_REMOVE(a, entry);
			return a;
		}
	return NULL;
}

void
auth_ask_cancel(struct auth_ask *a)
{
	if (a == NULL)
		return;
	LIST_REMOVE(a, entry);
	free(a);
}

struct auth_ask *
auth_ask_login(const struct ip *client, const char *user, const char *secret,
    auth_ask_who_fn *fn, void *arg)
{
	struct msg_auth	 h;
	struct auth_ask	*a;
	struct buf	 b;
	size_t		 nu = strlen(user), ns = strlen(secret);

	if (nu > ASK_LOGIN || ns > ASK_SECRET ||
	    (a = ask_new(MSG_AUTH, arg)) == NULL)
		return NULL;
	a->who = fn;
	memset(&h, 0, sizeof(h));
	if (client->af == IP_V4 || client->af == IP_V6) {
		h.client.family = client->af;
		memcpy(h.client.addr, client->b, sizeof(h.client.addr));
	}
	h.user_len = (uint16_t)nu;
	h.secret_len = (uint16_t)ns;
	buf_init(&b, ASK_LOGIN + ASK_SECRET);
	buf_add(&b, user, nu);
	buf_add(&b, secret, ns);
	if (buf_bad(&b)) {
		free(a);
		a = NULL;
	} else
		a = ask_send(a, &h, b.data, b.len);
	buf_freezero(&b);
	return a;
}

struct auth_ask *
auth_ask_rcpt(const char *address, auth_ask_rcpt_fn *fn, void *arg)
{
	struct auth_ask	*a;

	if ((a = ask_new(MSG_RCPT, arg)) == NULL)
		return NULL;
	a->rcpt = fn;
	return ask_send(a, NULL, address, strnlen(address, ASK_LOGIN + 1));
}

struct auth_ask *
auth_ask_card(uint64_t account, auth_ask_rcpt_fn *fn, void *arg)
{
	char	 text[32];

	(void)snprintf(text, sizeof(text), "#%llu",
	    (unsigned long long)account);
	return auth_ask_rcpt(text, fn, arg);
}

struct auth_ask *
auth_ask_where(const char *address, auth_ask_where_fn *fn, void *arg)
{
	struct auth_ask	*a;

	if ((a = ask_new(MSG_RCPT, arg)) == NULL)
		return NULL;
	a->where = fn;
	return ask_send(a, NULL, address, strnlen(address, ASK_LOGIN + 1));
}

struct auth_ask *
auth_ask_dir(uint32_t op, const uint8_t handle[MSG_HANDLE], const void *tail,
    size_t n, auth_ask_row_fn *row, auth_ask_end_fn *end, void *arg)
{
	struct msg_dir	 h = { op, 0, { 0 } };
	struct auth_ask	*a;

	if ((a = ask_new(MSG_DIR, arg)) == NULL)
		return NULL;
	a->row = row;
	a->end = end;
	memcpy(h.handle, handle, MSG_HANDLE);
	return ask_send(a, &h, tail, n);
}

/* --- answers ------------------------------------------------------------ */

static void
ask_ok(struct proc_peer *p, struct msg *m)
{
	const struct msg_auth_ok	*h = m->fixed;
	struct auth_ask_who		 who;
	struct auth_ask			*a;
	struct cur			 c;

	(void)p;
	if ((a = ask_take(m->id, MSG_AUTH)) == NULL)
		return;
	cur_init(&c, m->tail, m->tail_len);
	who.login = cur_str(&c);
	if (who.login == NULL || strlen(who.login) > ASK_LOGIN)
		fatalx("auth: not a login name");
	card_put(h->account, c.p, c.n);
	who.verdict = AUTH_ASK_OK;
	who.retry_s = 0;
	who.account = h->account;
	who.perms = h->perms;
	who.ttl_ms = h->ttl_ms;
	memcpy(who.handle, h->handle, MSG_HANDLE);
	a->who(a->arg, &who);
	free(a);
}

static void
ask_no(struct proc_peer *p, struct msg *m)
{
	static const enum auth_ask_verdict	 verdicts[] = {
		AUTH_ASK_WRONG, AUTH_ASK_LIMITED, AUTH_ASK_BUSY, AUTH_ASK_OFF
	};
	const struct msg_auth_no	*h = m->fixed;
	struct auth_ask_who		 who;
	struct auth_ask			*a;

	(void)p;
	if ((a = ask_take(m->id, MSG_AUTH)) == NULL)
		return;
	memset(&who, 0, sizeof(who));
	who.verdict = h->reason < nitems(verdicts) ? verdicts[h->reason] :
	    AUTH_ASK_WRONG;
	who.retry_s = h->retry_s;
	who.login = "";
	a->who(a->arg, &who);
	free(a);
}

static void
ask_revoked(struct proc_peer *p, struct msg *m)
{
	const struct msg_revoke	*h = m->fixed;

	(void)p;
	ask_tell(h->account);
	if (h->secrets && h->account != 0 && ask_secrets != NULL)
		ask_secrets(h->account);
}

static void
ask_found(struct auth_ask *a, const struct msg_rcpt_is *h)
{
	if (a->where != NULL)
		a->where(a->arg, h);
	else
		a->rcpt(a->arg, (int)h->error, h->account, h->quota);
}

static void
ask_rcpt_is(struct proc_peer *p, struct msg *m)
{
	const struct msg_rcpt_is	*h = m->fixed;
	struct auth_ask			*a;

	(void)p;
	if ((a = ask_take(m->id, MSG_RCPT)) == NULL)
		return;
	if (h->account != 0)
		card_put(h->account, m->tail, m->tail_len);
	ask_found(a, h);
	free(a);
}

static void
ask_row(struct proc_peer *p, struct msg *m)
{
	struct auth_ask	*a;

	(void)p;
	LIST_FOREACH(a, &asks[m->id % ASK_SLOTS], entry)
		if (a->id == m->id && a->type == MSG_DIR)
			break;
	/* a row function may not cancel: it only collects */
	if (a != NULL && a->row != NULL)
		a->row(a->arg, m->tail, m->tail_len);
}

static void
ask_end(struct proc_peer *p, struct msg *m)
{
	const struct msg_dir_end	*h = m->fixed;
	struct auth_ask_end		 end;
	struct auth_ask			*a;
	struct cur			 c;

	(void)p;
	if ((a = ask_take(m->id, MSG_DIR)) == NULL)
		return;
	/* the handle is gone: so must be what was remembered with it */
	if (h->error == DIR_EXPIRED)
		ask_tell(0);
	end.error = h->error;
	end.total = h->total;
	cur_init(&c, m->tail, m->tail_len);
	if ((end.what = cur_str(&c)) == NULL)
		end.what = "";
	if ((end.more = cur_str(&c)) == NULL)
		end.more = "";
	a->end(a->arg, &end);
	free(a);
}
