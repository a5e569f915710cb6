/* SPDX-License-Identifier: ISC */
/*
 * What waits to be pushed: see push_list.h.  Called by push.c.  Two trees:
 * by who it is, and by when it is due.  A subscription stays for as long as
 * its pace says after a push, so that the next one cannot come earlier; then
 * it and its keys are wiped.
 */
#include "common/compat.h"

#include <sys/tree.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/enc.h"
#include "common/js.h"
#include "common/log.h"
#include "daemon/push_crypt.h"
#include "daemon/push_line.h"
#include "daemon/push_list.h"

#define HOUR		(3600 * 1000)
#define DAY		(24 * (int64_t)HOUR)
#define VERIFY_TRIES	3	/* when nothing ever answered */
#define AGAIN		100	/* ms, for who has too many on their way */
#define PLAIN_MAX	65536	/* bytes of a StateChange not encrypted */

struct state {			/* a type's state in an account */
	TAILQ_ENTRY(state)	 entry;
	int			 sending;
	size_t			 account, type;	/* lengths */
	char			 text[];	/* account, type, state, NUL */
};
TAILQ_HEAD(states, state);

struct object {
	STAILQ_ENTRY(object)	 entry;
	uint32_t		 urgency;
	int			 verify;
	size_t			 len;
	uint8_t			 data[];
};
STAILQ_HEAD(objects, object);

struct push_sub {
	RB_ENTRY(push_sub)	 by_who, by_due;
	uint64_t		 account, id;
	uint32_t		 slot;
	int64_t			 due;		/* monotonic ms */
	int64_t			 pace;		/* ms between two pushes */
	uint64_t		 seq;		/* of the same due */
	struct push_url		 url;
	char			*text;
	int			 keyed;
	uint8_t			 p256dh[P256_POINT];
	uint8_t			 auth[PUSH_CRYPT_AUTH];
	struct states		 states;
	size_t			 nstates;
	struct objects		 objects;
	size_t			 nobjects;
	uint32_t		 urgency;	/* of the states */
	unsigned int		 failures;
	int			 busy;
	int			 object;	/* what is on its way is one */
	void			*arg;
};
RB_HEAD(push_list_ids, push_sub);
RB_HEAD(push_list_dues, push_sub);

static int	who_cmp(const struct push_sub *, const struct push_sub *);
static int	due_cmp(const struct push_sub *, const struct push_sub *);
RB_PROTOTYPE(push_list_ids, push_sub, by_who, who_cmp)
RB_PROTOTYPE(push_list_dues, push_sub, by_due, due_cmp)

static struct push_sub	*sub_find(uint64_t, uint64_t);
static struct push_sub	*sub_make(const struct msg_push *, const char *);
static const char	*sub_renew(struct push_sub *, const struct msg_push *,
			    const char *);
static void	sub_free(struct push_sub *);
static void	sub_due(struct push_sub *, int64_t);
static int	sub_has(const struct push_sub *);
static size_t	sub_running(uint64_t);
static void	sub_empty(struct push_sub *);
static void	sub_message(struct push_sub *, struct push_msg *);
static int	object_add(struct push_sub *, const struct msg_push *,
		    const uint8_t *, size_t);
static void	object_done(struct push_sub *);
static const char	*state_lines(struct push_sub *, const char *, size_t,
			    int *);
static int	state_add(struct push_sub *, const char *, size_t, size_t,
		    size_t);
static void	state_free(struct push_sub *, struct state *);
static void	state_body(struct push_sub *, struct push_msg *);
static int	state_account(const struct state *, const struct state *);
static void	state_topic(struct push_sub *, struct push_msg *);
static void	state_done(struct push_sub *, int);

RB_GENERATE(push_list_ids, push_sub, by_who, who_cmp)
RB_GENERATE(push_list_dues, push_sub, by_due, due_cmp)

static struct push_list_ids		 subs = RB_INITIALIZER(&subs);
static struct push_list_dues		 queue = RB_INITIALIZER(&queue);
static size_t			 nsubs, bytes;
static uint64_t			 last_seq;
static const struct conf	*conf;
static void			 (*dropped)(void *);

static int
who_cmp(const struct push_sub *a, const struct push_sub *b)
{
	if (a->account != b->account)
		return a->account < b->account ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int
due_cmp(const struct push_sub *a, const struct push_sub *b)
{
	if (a->due != b->due)
		return a->due < b->due ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

void
push_list_conf(const struct conf *c)
{
	conf = c;
}

void
push_list_on_drop(void (*fn)(void *))
{
	dropped = fn;
}

/* --- subscriptions -------------------------------------------------------- */

static struct push_sub *
sub_find(uint64_t account, uint64_t id)
{
	struct push_sub	 key;

	key.account = account;
	key.id = id;
	return RB_FIND(push_list_ids, &subs, &key);
}

static struct push_sub *
sub_make(const struct msg_push *h, const char *text)
{
	struct push_sub	*s;

	if (nsubs >= PUSH_LIST_MAX || bytes >= PUSH_LIST_BYTES ||
	    (s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	if ((s->text = strndup(text, h->url_len)) == NULL) {
		free(s);
		return NULL;
	}
	s->account = h->account;
	s->id = h->id;
	TAILQ_INIT(&s->states);
	STAILQ_INIT(&s->objects);
	RB_INSERT(push_list_ids, &subs, s);
	nsubs++;
	bytes += sizeof(*s) + h->url_len;
	return s;
}

/* Take what the message says of the subscription; NULL, or what is wrong. */
static const char *
sub_renew(struct push_sub *s, const struct msg_push *h, const char *text)
{
	const char	*why;

	if (strlen(s->text) != h->url_len ||
	    memcmp(s->text, text, h->url_len) != 0)
		return "another URL than before";
	if ((why = push_url_parse(&s->url, text, h->url_len)) != NULL)
		return why;
	s->keyed = h->keyed != 0;
	memcpy(s->p256dh, h->p256dh, sizeof(s->p256dh));
	memcpy(s->auth, h->auth, sizeof(s->auth));
	return NULL;
}

static void
sub_free(struct push_sub *s)
{
	sub_empty(s);
	if (!s->busy)
		RB_REMOVE(push_list_dues, &queue, s);
	RB_REMOVE(push_list_ids, &subs, s);
	nsubs--;
	bytes -= sizeof(*s) + strlen(s->text);
	freezero(s->text, strlen(s->text));
	freezero(s, sizeof(*s));
}

static void
sub_empty(struct push_sub *s)
{
	struct state	*t, *next;

	while (!STAILQ_EMPTY(&s->objects))
		object_done(s);
	TAILQ_FOREACH_SAFE(t, &s->states, entry, next)
		state_free(s, t);
	s->urgency = 0;
}

static void
sub_due(struct push_sub *s, int64_t when)
{
	s->due = when;
	s->seq = ++last_seq;
	RB_INSERT(push_list_dues, &queue, s);
}

static int
sub_has(const struct push_sub *s)
{
	return s->nobjects > 0 || s->nstates > 0;
}

static size_t
sub_running(uint64_t account)
{
	struct push_sub	 key, *s;
	size_t		 n = 0;

	key.account = account;
	key.id = 0;
	for (s = RB_NFIND(push_list_ids, &subs, &key);
	    s != NULL && s->account == account;
	    s = RB_NEXT(push_list_ids, &subs, s))
		n += s->busy != 0;
	return n;
}

/* --- in ------------------------------------------------------------------- */

const char *
push_list_add(const struct msg_push *h, const uint8_t *tail, size_t len,
    uint32_t slot, int64_t now, int *full)
{
	const char	*text = (const char *)tail, *why;
	struct push_url	 url;
	struct push_sub	*s;

	*full = 0;
	if (h->id == 0 || h->kind >= MSG_PUSH_KINDS || h->keyed > 1 ||
	    h->urgency >= MSG_PUSH_URGENCIES || h->url_len > len)
		return "a field";
	if ((why = push_url_parse(&url, text, h->url_len)) != NULL ||
	    (why = push_url_allowed(&url, &conf->push_ports,
	    conf->push_allow_origin)) != NULL)
		return why;
	tail += h->url_len;
	len -= h->url_len;
	if ((s = sub_find(h->account, h->id)) == NULL) {
		if ((s = sub_make(h, text)) == NULL) {
			*full = 1;
			return "there is no room";
		}
		s->pace = (int64_t)conf->push_interval;
		sub_due(s, now);
	}
	if ((why = sub_renew(s, h, text)) != NULL)
		return why;
	s->slot = slot;
	if (h->kind == MSG_PUSH_STATE) {
		if (h->urgency > s->urgency)
			s->urgency = h->urgency;
		return state_lines(s, (const char *)tail, len, full);
	}
	if (len == 0 || len > PUSH_LIST_OBJECT ||
	    (h->keyed && len > PUSH_CRYPT_MAX))
		return "an object's length";
	if (object_add(s, h, tail, len) == 0)
		return NULL;
	*full = 1;
	return "there is no room";
}

static int
object_add(struct push_sub *s, const struct msg_push *h, const uint8_t *p,
    size_t len)
{
	struct object	*o;

	if (s->nobjects >= PUSH_LIST_OBJECTS || bytes >= PUSH_LIST_BYTES ||
	    (o = malloc(sizeof(*o) + len)) == NULL)
		return -1;
	o->urgency = h->urgency;
	o->verify = h->kind == MSG_PUSH_VERIFY;
	o->len = len;
	memcpy(o->data, p, len);
	STAILQ_INSERT_TAIL(&s->objects, o, entry);
	s->nobjects++;
	bytes += len;
	return 0;
}

static void
object_done(struct push_sub *s)
{
	struct object	*o = STAILQ_FIRST(&s->objects);

	STAILQ_REMOVE_HEAD(&s->objects, entry);
	s->nobjects--;
	bytes -= o->len;
	freezero(o, sizeof(*o) + o->len);
}

/* Lines "account type state\n".  NULL, or what is wrong. */
static const char *
state_lines(struct push_sub *s, const char *p, size_t len, int *full)
{
	size_t	 n, account, type;

	if (len == 0)
		return "no state";
	for (; len > 0; p += n, len -= n) {
		if ((n = push_line(p, len, &account, &type)) == 0)
			return "a line of states";
		if (state_add(s, p, account, type,
		    n - account - type - 3) == -1) {
			*full = 1;
			return "there is no room";
		}
	}
	return NULL;
}

/* The newest state is what counts.  One on its way is kept beside it, until
 * it has arrived. */
static int
state_add(struct push_sub *s, const char *line, size_t account, size_t type,
    size_t state)
{
	size_t		 key = account + 1 + type + 1;
	struct state	*t, *next;

	TAILQ_FOREACH_SAFE(t, &s->states, entry, next)
		if (!t->sending && strncmp(t->text, line, key) == 0)
			state_free(s, t);
	if (s->nstates >= PUSH_LIST_STATES || bytes >= PUSH_LIST_BYTES ||
	    (t = calloc(1, sizeof(*t) + key + state + 1)) == NULL)
		return -1;
	memcpy(t->text, line, key + state);
	t->account = account;
	t->type = type;
	TAILQ_INSERT_TAIL(&s->states, t, entry);
	s->nstates++;
	bytes += sizeof(*t) + key + state + 1;
	return 0;
}

static void
state_free(struct push_sub *s, struct state *t)
{
	TAILQ_REMOVE(&s->states, t, entry);
	s->nstates--;
	bytes -= sizeof(*t) + strlen(t->text) + 1;
	free(t);
}

void
push_list_drop(uint64_t account, uint64_t id)
{
	struct push_sub	 key, *s, *next;

	key.account = account;
	key.id = id;
	for (s = RB_NFIND(push_list_ids, &subs, &key);
	    s != NULL && s->account == account && (id == 0 || s->id == id);
	    s = next) {
		next = RB_NEXT(push_list_ids, &subs, s);
		if (s->busy && dropped != NULL)
			dropped(s->arg);
		sub_free(s);
	}
}

/* --- out ------------------------------------------------------------------ */

struct push_sub *
push_list_next(int64_t now, struct push_msg *m, int64_t *wait)
{
	struct push_sub	*s;

	while ((s = RB_MIN(push_list_dues, &queue)) != NULL && s->due <= now) {
		if (!sub_has(s)) {
			sub_free(s);	/* its pace has been kept */
			continue;
		}
		RB_REMOVE(push_list_dues, &queue, s);
		if (sub_running(s->account) >= PUSH_LIST_BUSY) {
			sub_due(s, now + AGAIN);
			continue;
		}
		s->busy = 1;
		s->arg = NULL;
		sub_message(s, m);
		return s;
	}
	*wait = s == NULL ? -1 : s->due - now;
	return NULL;
}

static void
sub_message(struct push_sub *s, struct push_msg *m)
{
	struct object	*o = STAILQ_FIRST(&s->objects);

	memset(m, 0, sizeof(*m));
	m->url = &s->url;
	m->text = s->text;
	if (s->keyed) {
		m->p256dh = s->p256dh;
		m->auth = s->auth;
	}
	buf_init(&m->body, PLAIN_MAX);
	s->object = o != NULL;
	if (o != NULL) {
		m->urgency = o->urgency;
		m->verify = o->verify;
		buf_add(&m->body, o->data, o->len);
	} else {
		m->urgency = s->urgency;
		state_body(s, m);
		state_topic(s, m);
	}
}

/* 1 if both are of one account. */
static int
state_account(const struct state *a, const struct state *b)
{
	return a->account == b->account &&
	    memcmp(a->text, b->text, a->account) == 0;
}

/* RFC 8620 7.1: a StateChange with as many as have room, the oldest in any
 * case; what has none goes with the next. */
static void
state_body(struct push_sub *s, struct push_msg *m)
{
	size_t		 room = s->keyed ? PUSH_CRYPT_MAX : PLAIN_MAX / 2;
	struct state	*first, *t;
	struct buf	*b = &m->body;

	js_out_obj(b);
	js_out_key(b, "@type");
	js_out_s(b, "StateChange");
	js_out_key(b, "changed");
	js_out_obj(b);
	while (1) {
		TAILQ_FOREACH(first, &s->states, entry)
			if (!first->sending)
				break;
		if (first == NULL ||
		    b->len + 2 * strlen(first->text) + 64 > room)
			break;
		js_out_keyn(b, first->text, first->account);
		js_out_obj(b);
		for (t = first; t != NULL; t = TAILQ_NEXT(t, entry)) {
			if (t->sending || !state_account(first, t) ||
			    b->len + strlen(t->text) + 32 > room)
				continue;
			js_out_keyn(b, t->text + t->account + 1, t->type);
			js_out_s(b, t->text + t->account + t->type + 2);
			t->sending = 1;
		}
		js_out_end(b, '}');
	}
	js_out_end(b, '}');
	js_out_end(b, '}');
}

/*
 * RFC 8030 5.4: a message takes the place of one with its topic that has not
 * been delivered.  So two have the same only when the later says all that the
 * earlier did: when they are about the same types of the same accounts.
 * Made with the subscription's secrets: the push service learns nothing.
 */
static void
state_topic(struct push_sub *s, struct push_msg *m)
{
	uint8_t		 hash[EVP_MAX_MD_SIZE];
	EVP_MD_CTX	*ctx;
	struct state	*t, *low, *done = NULL;

	if ((ctx = EVP_MD_CTX_new()) == NULL)
		return;
	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	EVP_DigestUpdate(ctx, s->text, strlen(s->text) + 1);
	EVP_DigestUpdate(ctx, s->auth, sizeof(s->auth));
	for (;;) {	/* in order of their keys, which are different */
		low = NULL;
		TAILQ_FOREACH(t, &s->states, entry)
			if (t->sending && (done == NULL ||
			    strcmp(t->text, done->text) > 0) && (low == NULL ||
			    strcmp(t->text, low->text) < 0))
				low = t;
		if (low == NULL)
			break;
		EVP_DigestUpdate(ctx, low->text, low->account + low->type + 2);
		done = low;
	}
	if (EVP_DigestFinal_ex(ctx, hash, NULL) == 1)
		enc_b64url(hash, 24, m->topic);
	EVP_MD_CTX_free(ctx);
}

/* What was on its way has arrived, or waits again. */
static void
state_done(struct push_sub *s, int arrived)
{
	struct state	*t, *next, *newer;

	TAILQ_FOREACH_SAFE(t, &s->states, entry, next) {
		if (!t->sending)
			continue;
		t->sending = 0;
		newer = NULL;
		if (!arrived)
			TAILQ_FOREACH(newer, &s->states, entry)
				if (newer != t && strncmp(newer->text, t->text,
				    t->account + t->type + 2) == 0)
					break;
		if (arrived || newer != NULL)
			state_free(s, t);
	}
	if (s->nstates == 0)
		s->urgency = 0;
}

/* --- what became of it ---------------------------------------------------- */

int
push_list_end(struct push_sub *s, enum push_verdict v, int64_t retry_s,
    int64_t now)
{
	const struct object	*o = STAILQ_FIRST(&s->objects);
	unsigned int		 tries = (unsigned int)conf->push_attempts;
	int64_t			 wait, slow = s->pace;
	int			 gave_up = 0;

	if (v == PUSH_GONE) {
		sub_free(s);
		return 1;
	}
	s->busy = 0;
	s->arg = NULL;
	if (s->object && o->verify && tries > VERIFY_TRIES)
		tries = VERIFY_TRIES;
	if (v == PUSH_SLOWER || v == PUSH_RETRY) {
		if (v == PUSH_SLOWER && (s->pace = 2 * s->pace + 1) > HOUR)
			s->pace = HOUR;
		wait = (int64_t)conf->push_retry << (s->failures < 12 ?
		    s->failures : 12);
		if (wait > HOUR)
			wait = HOUR;
		/* not all at once that failed at once */
		wait += arc4random_uniform((uint32_t)(wait / 4 + 1));
		if (retry_s > DAY / 1000)
			retry_s = DAY / 1000;
		if (wait < retry_s * 1000)
			wait = retry_s * 1000;
		if (wait > slow)
			slow = wait;
		gave_up = ++s->failures >= tries;
	} else if (v == PUSH_DONE && s->pace > (int64_t)conf->push_interval)
		s->pace /= 2;
	if (s->object && (gave_up || v == PUSH_DONE || v == PUSH_NEVER))
		object_done(s);
	state_done(s, v == PUSH_DONE || v == PUSH_NEVER);
	if (gave_up)
		sub_empty(s);
	if (gave_up || v == PUSH_DONE || v == PUSH_NEVER)
		s->failures = 0;
	sub_due(s, now + slow);
	return gave_up;
}

void
push_list_who(const struct push_sub *s, struct msg_push_id *id,
    uint32_t *slot)
{
	id->account = s->account;
	id->id = s->id;
	*slot = s->slot;
}

unsigned int
push_list_failures(const struct push_sub *s)
{
	return s->failures;
}

void
push_list_arg(struct push_sub *s, void *arg)
{
	s->arg = arg;
}

size_t
push_list_waiting(void)
{
	struct push_sub	*s;
	size_t		 n = 0;

	RB_FOREACH(s, push_list_ids, &subs)
		n += sub_has(s);
	return n;
}
