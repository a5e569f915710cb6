/* SPDX-License-Identifier: ISC */
/*
 * Web push from a worker (RFC 8620 7.2): see webpush.h.  Called by worker.c.
 *
 * One push a change: the worker that committed it looks up the
 * subscriptions of everybody who sees the account and tells push; the others
 * hear of it (MSG_CHANGED) and do nothing here.  Push merges what comes from
 * several.  The store is the truth: what is noted here between a commit and
 * the message is lost with this process, as RFC 8620 7 allows.
 *
 * Subscriptions are in the store of the login that made them.  One that is
 * over is destroyed when it is met.
 */
#include "common/compat.h"

#include <sys/time.h>
#include <event.h>

#include <stdlib.h>
#include <string.h>

#include "common/auth_ask.h"
#include "common/date.h"
#include "common/dir.h"
#include "common/enc.h"
#include "common/log.h"
#include "common/proc.h"
#include "worker/jmap/jmap_push.h"
#include "worker/store/store_share.h"
#include "worker/webpush.h"
#include "worker/webpush_mail.h"
#include "worker/worker.h"

#define NOTED_MAX	4096	/* accounts changed in a moment */
#define MOMENT_MS	10
#define RANGES		8	/* deliveries to one of them; more: together */
#define MAIL_MAX	3993	/* bytes of what is encrypted, RFC 8030 7.2 */
#define TOUCHED_MAX	1024
#define OVER_MAX	64	/* more: the next time */

struct range {			/* modseqs: from < modseq <= to */
	uint64_t	 from, to;
};
struct noted {			/* an account that changed */
	char		 account[DIR_ACCOUNT_LEN];
	uint32_t	 types;
	uint64_t	 from;		/* modseq before it did */
	struct range	 mail[RANGES];	/* of commits that delivered */
	size_t		 nmail;
};
struct touched {		/* a subscription made or destroyed */
	char		 account[DIR_ACCOUNT_LEN];
	uint64_t	 id;
};
/* A look at an account and the subscriptions of one of its users. */
struct look {
	struct store_txn	*txn;		/* of the user's account */
	const char		*user;
	struct pushsub		*sub;		/* in hand */
	const char		*account;	/* what changed */
	struct jmap_push	 states;
	uint32_t		 types;
	struct webpush_mail	 mail[WEBPUSH_MAIL_MAX];
	size_t			 nmail;
	uint32_t		 urgency;	/* of mail in hand */
	uint64_t		 over[OVER_MAX];	/* to be destroyed */
	size_t			 nover;
};

static void	webpush_gone(struct proc_peer *);
static void	webpush_key(struct proc_peer *, struct msg *);
static void	webpush_destroy(struct proc_peer *, struct msg *);
static void	webpush_touched(const char *, uint64_t);
static void	noted_range(struct noted *, uint32_t);
static void	webpush_soon(void);
static void	webpush_flush(int, short, void *);
static void	webpush_look(const struct noted *);
static void	look_touched(struct look *);
static void	look_verify(struct look *, uint64_t);
static void	look_subs(struct look *, void (*)(struct look *));
static void	look_tell(struct look *);
static void	look_state(struct look *);
static void	look_mail(struct look *);
static void	look_mail_send(void *, struct buf *);
static void	look_viewers(struct look *, const struct noted *);
static void	look_viewer(struct look *, uint64_t, const struct noted *);
static void	look_destroy(struct look *);
static void	webpush_send(const struct look *, uint32_t, uint32_t,
		    struct buf *);
static void	webpush_drop(const char *, uint64_t);
static void	webpush_secrets(uint64_t);

static proc_fn *const webpush_handlers[MSG_MAX] = {
	[MSG_PUSH_KEY]	= webpush_key,
	[MSG_PUSH_GONE]	= webpush_destroy,
};

static struct proc_peer	 peer;
static char		 vapid[ENC_B64URL_LEN(P256_POINT) + 1];
static struct noted	 noted[NOTED_MAX];
static size_t		 nnoted;
static struct touched	 touched[TOUCHED_MAX];
static size_t		 ntouched;
static struct event	 ev;
static int		 pending;

/* --- the pipe ------------------------------------------------------------- */

void
webpush_init(void)
{
	pushsub_touched = webpush_touched;
	auth_ask_on_secrets(webpush_secrets);
}

void
webpush_open(uint32_t slot, int fd)
{
	if (peer.open)
		proc_close(&peer);
	proc_open(&peer, PROC_PUSH, slot, fd, webpush_handlers, webpush_gone,
	    NULL);
}

/* The key stays what it is: push starts again with the same. */
static void
webpush_gone(struct proc_peer *p)
{
	(void)p;
	log_debug("push has gone");
}

static void
webpush_key(struct proc_peer *p, struct msg *m)
{
	const struct msg_push_key	*h = m->fixed;

	(void)p;
	enc_b64url(h->point, sizeof(h->point), vapid);
}

const struct pushsub_conf *
webpush_conf(const struct conf *c)
{
	static struct pushsub_conf	 pc;

	pc.vapid = vapid;
	pc.origin = c->push_allow_origin;
	pc.ports = c->push_ports;
	pc.rate = c->push_rate;
	pc.max = (unsigned)c->push_subscriptions;
	pc.expires = (int64_t)c->push_expires;
	pc.max_expires = (int64_t)c->push_max_expires;
	return &pc;
}

/* --- what happened -------------------------------------------------------- */

void
webpush_changed(const char *account, uint32_t types)
{
	size_t	 i;

	/* what changes together is next to each other */
	for (i = nnoted; i-- > 0 && nnoted - i < 64;)
		if (strcmp(noted[i].account, account) == 0) {
			noted[i].types |= types;
			noted_range(&noted[i], types);
			return;
		}
	if (nnoted == NOTED_MAX) {
		log_warnx("web push: too much changes at a time");
		return;
	}
	strlcpy(noted[nnoted].account, account,
	    sizeof(noted[nnoted].account));
	noted[nnoted].types = types;
	noted[nnoted].from = UINT64_MAX;
	noted[nnoted].nmail = 0;
	noted_range(&noted[nnoted++], types);
	webpush_soon();
}

static void
noted_range(struct noted *n, uint32_t types)
{
	struct range	 r;

	store_commit_range(&r.from, &r.to);
	if (r.from < n->from)
		n->from = r.from;
	if (!(types & (uint32_t)1 << STORE_DELIVERY))
		return;
	if (n->nmail < RANGES)
		n->mail[n->nmail++] = r;
	else
		n->mail[RANGES - 1].to = r.to;
}

static void
webpush_touched(const char *account, uint64_t id)
{
	if (ntouched == TOUCHED_MAX) {
		memmove(&touched[0], &touched[1],
		    (TOUCHED_MAX - 1) * sizeof(touched[0]));
		ntouched--;
	}
	strlcpy(touched[ntouched].account, account,
	    sizeof(touched[ntouched].account));
	touched[ntouched++].id = id;
}

static void
webpush_soon(void)
{
	struct timeval	 tv = { 0, MOMENT_MS * 1000 };

	if (pending)
		return;
	pending = 1;
	evtimer_set(&ev, webpush_flush, NULL);
	evtimer_add(&ev, &tv);
}

static void
webpush_flush(int fd, short what, void *arg)
{
	struct noted	*list;
	size_t		 i, n = nnoted;

	(void)fd;
	(void)what;
	(void)arg;
	pending = 0;
	nnoted = 0;
	/* looking may commit, and note again */
	if ((list = reallocarray(NULL, n + 1, sizeof(*list))) == NULL)
		return;
	memcpy(list, noted, n * sizeof(*list));
	for (i = 0; i < n; i++)
		webpush_look(&list[i]);
	free(list);
}

/* --- looking -------------------------------------------------------------- */

static void
webpush_look(const struct noted *n)
{
	struct look	 l;
	struct store	*st;
	unsigned	 i;

	memset(&l, 0, sizeof(l));
	l.user = l.account = n->account;
	l.types = n->types;
	if (gen_now() == NULL || store_open(n->account, 0, &st) != STORE_OK)
		return;
	if (store_begin(st, 0, &l.txn) == STORE_OK) {
		/* nobody here ever subscribed: the common case */
		if (store_state(l.txn, STORE_PUSH) != 0) {
			for (i = 0; i < STORE_TYPES; i++)
				l.states.state[i] = store_state(l.txn, i);
			if (n->types & (uint32_t)1 << STORE_PUSH)
				look_touched(&l);
			for (i = 0; i < n->nmail; i++)
				l.nmail += webpush_mail_find(l.txn,
				    n->mail[i].from, n->mail[i].to,
				    l.mail + l.nmail,
				    WEBPUSH_MAIL_MAX - l.nmail);
			look_subs(&l, look_tell);
		}
		look_viewers(&l, n);
		store_abort(l.txn);
		look_destroy(&l);
	}
	store_close(st);
}

/* Made: it is verified.  Gone: push forgets it. */
static void
look_touched(struct look *l)
{
	size_t	 i, k;

	for (i = k = 0; i < ntouched; i++)
		if (strcmp(touched[i].account, l->user) == 0)
			look_verify(l, touched[i].id);
		else
			touched[k++] = touched[i];
	ntouched = k;
}

static void
look_verify(struct look *l, uint64_t id)
{
	struct pushsub	 s;
	enum store_err	 e;
	struct buf	 b;

	e = pushsub_read(l->txn, id, webpush_conf(gen_now()->conf), &s);
	if (e == STORE_NOTFOUND)
		webpush_drop(l->user, id);
	if (e != STORE_OK)
		return;
	if (!s.verified) {
		l->sub = &s;
		buf_init(&b, 4096);
		pushsub_verification(&b, &s);
		webpush_send(l, MSG_PUSH_VERIFY, MSG_PUSH_HIGH, &b);
		buf_freezero(&b);
	}
	pushsub_free(&s);
}

/* Each subscription that is in force. */
static void
look_subs(struct look *l, void (*fn)(struct look *))
{
	struct store_ids	 ids = { NULL, 0, 0 };
	struct pushsub		 s;
	size_t			 i;

	if (store_object_ids(l->txn, STORE_PUSH, &ids) == STORE_OK)
		for (i = 0; i < ids.n; i++) {
			if (pushsub_read(l->txn, ids.v[i],
			    webpush_conf(gen_now()->conf), &s) != STORE_OK)
				continue;
			l->sub = &s;
			if (s.stale && l->nover < OVER_MAX)
				l->over[l->nover++] = s.id;
			if (!s.stale && s.verified)
				fn(l);
			pushsub_free(&s);
		}
	store_ids_free(&ids);
}

/* What the account's owner hears. */
static void
look_tell(struct look *l)
{
	look_mail(l);
	look_state(l);
}

static void
look_mail(struct look *l)
{
	struct js_val	*config = js_get(l->sub->mail, l->account);
	const char	*urgency = js_str(js_get(config, "urgency"));

	if (l->nmail == 0 || config == NULL || !l->sub->keyed)
		return;
	l->urgency = *urgency == '\0' ? MSG_PUSH_NORMAL :
	    (uint32_t)pushsub_urgency(urgency);
	webpush_mail(gen_now()->conf, dir_account_get(l->account), config,
	    l->mail, l->nmail, MAIL_MAX, look_mail_send, l);
}

static void
look_mail_send(void *arg, struct buf *b)
{
	struct look	*l = arg;

	webpush_send(l, MSG_PUSH_OBJECT, l->urgency, b);
}

static void
look_state(struct look *l)
{
	uint32_t	 types = l->types & l->sub->types;
	struct buf	 b;

	buf_init(&b, 16384);
	jmap_push_lines(&b, l->account, &l->states, types);
	/* RFC 8030 5.3: new mail may wake a sleeping telephone */
	if (buf_left(&b) > 0)
		webpush_send(l, MSG_PUSH_STATE,
		    types & (uint32_t)1 << STORE_DELIVERY ? MSG_PUSH_NORMAL :
		    MSG_PUSH_LOW, &b);
	buf_free(&b);
}

/* --- others who see the account ------------------------------------------- */

/* RFC 8620 7.1: each of the accounts to which the user has access.  Rights
 * are in the owner's store (store.h 14). */
static void
look_viewers(struct look *l, const struct noted *n)
{
	struct store_share	*rows = NULL;
	size_t			 i, k, nrows = 0;

	if (store_share_list(l->txn, 0, 0, &rows, &nrows) != STORE_OK)
		nrows = 0;
	for (i = 0; i < nrows; i++) {
		/* RFC 9670 1.4: who is subscribed to nothing there does not
		 * see the account */
		for (k = 0; k < i; k++)
			if (rows[k].who == rows[i].who && rows[k].subscribed)
				break;
		if (k == i && rows[i].subscribed)
			look_viewer(l, rows[i].who, n);
	}
	free(rows);
}

static void
look_viewer(struct look *l, uint64_t who, const struct noted *n)
{
	char		 user[DIR_ACCOUNT_LEN];
	struct look	 v;
	struct store	*own;
	unsigned	 i;

	memset(&v, 0, sizeof(v));
	v.account = l->account;
	v.user = dir_account(who, user);
	if (jmap_push_view(dir_account_get(l->account), who, &v.states) != 1)
		return;
	/* only what he can see of the change */
	for (i = 0; i < STORE_TYPES; i++)
		if (v.states.state[i] > n->from)
			v.types |= (uint32_t)1 << i;
	if (v.types == 0 || store_open(user, 0, &own) != STORE_OK)
		return;
	if (store_begin(own, 0, &v.txn) == STORE_OK) {
		if (store_state(v.txn, STORE_PUSH) != 0)
			look_subs(&v, look_state);
		store_abort(v.txn);
		look_destroy(&v);
	}
	store_close(own);
}

static void
webpush_send(const struct look *l, uint32_t kind, uint32_t urgency,
    struct buf *content)
{
	struct msg_push	 h;
	struct buf	 tail;

	memset(&h, 0, sizeof(h));
	h.account = dir_account_get(l->user);
	h.id = l->sub->id;
	h.kind = kind;
	h.urgency = urgency;
	h.url_len = (uint32_t)strlen(l->sub->url);
	h.keyed = (uint32_t)l->sub->keyed;
	memcpy(h.p256dh, l->sub->p256dh, sizeof(h.p256dh));
	memcpy(h.auth, l->sub->auth, sizeof(h.auth));
	buf_init(&tail, 65536 - sizeof(h));
	buf_adds(&tail, l->sub->url);
	buf_add(&tail, buf_peek(content), buf_left(content));
	if (!buf_bad(&tail) && peer.open)
		proc_send(&peer, MSG_PUSH, 0, -1, &h, tail.data, tail.len);
	buf_freezero(&tail);
	explicit_bzero(&h, sizeof(h));
}

/* --- the end of subscriptions --------------------------------------------- */

static void
webpush_drop(const char *account, uint64_t id)
{
	struct msg_push_id	 h = { dir_account_get(account), id };

	if (peer.open)
		proc_send(&peer, MSG_PUSH_DROP, 0, -1, &h, NULL, 0);
}

/* Those that were found to be over; no transaction is open. */
static void
look_destroy(struct look *l)
{
	struct store_txn	*txn;
	struct store		*st;
	size_t			 i;

	if (l->nover == 0 || store_open(l->user, 0, &st) != STORE_OK)
		return;
	if (store_begin(st, 1, &txn) == STORE_OK) {
		for (i = 0; i < l->nover; i++) {
			(void)store_object_destroy(txn, STORE_PUSH,
			    l->over[i]);
			webpush_drop(l->user, l->over[i]);
		}
		if (store_commit(txn) != STORE_OK)
			log_warnx("account %s: push subscriptions are not "
			    "destroyed", l->user);
	}
	store_close(st);
}

/* The push service says that it has gone (404, 410). */
static void
webpush_destroy(struct proc_peer *p, struct msg *m)
{
	const struct msg_push_id	*h = m->fixed;
	char				 account[DIR_ACCOUNT_LEN];
	struct look			 l;

	(void)p;
	memset(&l, 0, sizeof(l));
	l.user = dir_account(h->account, account);
	l.over[l.nover++] = h->id;
	look_destroy(&l);
}

/* RFC 8620 7.2: should these credentials expire or be revoked, the push
 * subscription MUST be destroyed */
static void
webpush_secrets(uint64_t id)
{
	char			 account[DIR_ACCOUNT_LEN];
	struct store_ids	 ids = { NULL, 0, 0 };
	struct store_txn	*txn;
	struct store		*st;
	struct look		 l;
	size_t			 i;

	memset(&l, 0, sizeof(l));
	l.user = dir_account(id, account);
	if (store_open(account, 0, &st) != STORE_OK)
		return;
	if (store_begin(st, 0, &txn) == STORE_OK) {
		if (store_state(txn, STORE_PUSH) != 0)
			(void)store_object_ids(txn, STORE_PUSH, &ids);
		store_abort(txn);
	}
	store_close(st);
	for (i = 0; i < ids.n; i += l.nover) {
		for (l.nover = 0; l.nover < OVER_MAX && i + l.nover < ids.n;
		    l.nover++)
			l.over[l.nover] = ids.v[i + l.nover];
		look_destroy(&l);
	}
	store_ids_free(&ids);
}

void
webpush_erased(uint64_t id)
{
	char	 account[DIR_ACCOUNT_LEN];

	webpush_drop(dir_account(id, account), 0);
}
