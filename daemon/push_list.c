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

#include "common/log.h"
#include "daemon/push_crypt.h"
#include "daemon/push_list.h"

#define HOUR		(3600 * 1000)
#define DAY		(24 * (int64_t)HOUR)
#define VERIFY_TRIES	3	/* when nothing ever answered */
#define AGAIN		100	/* ms, for who has too many on their way */
#define PLAIN_MAX	65536	/* bytes of a StateChange not encrypted */

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
	struct push_states	 states;
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
	push_state_init(&s->states, &bytes);
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
	while (!STAILQ_EMPTY(&s->objects))
		object_done(s);
	push_state_clear(&s->states);
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
	return s->nobjects > 0 || s->states.n > 0;
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
		return push_state_lines(&s->states, (const char *)tail, len,
		    PUSH_LIST_BYTES, full);
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
		push_state_body(&s->states, s->keyed ? PUSH_CRYPT_MAX :
		    PLAIN_MAX / 2, &m->body);
		push_state_topic(&s->states, s->text, s->auth,
		    sizeof(s->auth), m->topic);
	}
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
	push_state_done(&s->states, v == PUSH_DONE || v == PUSH_NEVER);
	if (s->states.n == 0)
		s->urgency = 0;
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
