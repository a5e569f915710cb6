/* SPDX-License-Identifier: ISC */
/*
 * The states that a push subscription is told: see push_state.h.  Called by
 * push_list.c.  A state that changes while it is on its way is kept beside
 * that one, until it has arrived.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/enc.h"
#include "common/js.h"
#include "daemon/push_line.h"
#include "daemon/push_state.h"

struct push_state {		/* a type's state in an account */
	TAILQ_ENTRY(push_state)	 entry;
	int			 sending;
	size_t			 account, type;	/* lengths */
	char			 text[];	/* account, type, state, NUL */
};

static int	state_add(struct push_states *, const char *, size_t, size_t,
		    size_t, size_t);
static void	state_free(struct push_states *, struct push_state *);
static int	state_account(const struct push_state *,
		    const struct push_state *);

void
push_state_init(struct push_states *s, size_t *bytes)
{
	TAILQ_INIT(&s->list);
	s->n = 0;
	s->bytes = bytes;
}

void
push_state_clear(struct push_states *s)
{
	struct push_state	*t, *next;

	TAILQ_FOREACH_SAFE(t, &s->list, entry, next)
		state_free(s, t);
}

const char *
push_state_lines(struct push_states *s, const char *p, size_t len, size_t max,
    int *full)
{
	size_t	 n, account, type;

	if (len == 0)
		return "no state";
	for (; len > 0; p += n, len -= n) {
		if ((n = push_line(p, len, &account, &type)) == 0)
			return "a line of states";
		if (state_add(s, p, account, type,
		    n - account - type - 3, max) == -1) {
			*full = 1;
			return "there is no room";
		}
	}
	return NULL;
}

/* The newest state is what counts.  One on its way is kept beside it, until
 * it has arrived. */
static int
state_add(struct push_states *s, const char *line, size_t account, size_t type,
    size_t state, size_t max)
{
	size_t		 key = account + 1 + type + 1;
	struct push_state	*t, *next;

	TAILQ_FOREACH_SAFE(t, &s->list, entry, next)
		if (!t->sending && strncmp(t->text, line, key) == 0)
			state_free(s, t);
	if (s->n >= PUSH_STATE_MAX || *s->bytes >= max ||
	    (t = calloc(1, sizeof(*t) + key + state + 1)) == NULL)
		return -1;
	memcpy(t->text, line, key + state);
	t->account = account;
	t->type = type;
	TAILQ_INSERT_TAIL(&s->list, t, entry);
	s->n++;
	*s->bytes += sizeof(*t) + key + state + 1;
	return 0;
}

static void
state_free(struct push_states *s, struct push_state *t)
{
	TAILQ_REMOVE(&s->list, t, entry);
	s->n--;
	*s->bytes -= sizeof(*t) + strlen(t->text) + 1;
	free(t);
}

/* RFC 8620 7.1: a StateChange with as many as have room, the oldest in any
 * case. */
void
push_state_body(struct push_states *s, size_t room, struct buf *b)
{
	struct push_state	*first, *t;

	js_out_obj(b);
	js_out_key(b, "@type");
	js_out_s(b, "StateChange");
	js_out_key(b, "changed");
	js_out_obj(b);
	while (1) {
		TAILQ_FOREACH(first, &s->list, entry)
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

/* 1 if both are of one account. */
static int
state_account(const struct push_state *a, const struct push_state *b)
{
	return a->account == b->account &&
	    memcmp(a->text, b->text, a->account) == 0;
}

/*
 * RFC 8030 5.4: a message takes the place of one with its topic that has not
 * been delivered.  So two have the same only when the later says all that the
 * earlier did: when they are about the same types of the same accounts.
 * Made with the subscription's secrets: the push service learns nothing.
 */
void
push_state_topic(const struct push_states *s, const char *url,
    const uint8_t *secret, size_t n, char topic[PUSH_STATE_TOPIC])
{
	uint8_t			 hash[EVP_MAX_MD_SIZE];
	EVP_MD_CTX		*ctx;
	struct push_state	*t, *low, *done = NULL;

	topic[0] = '\0';
	if ((ctx = EVP_MD_CTX_new()) == NULL)
		return;
	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	EVP_DigestUpdate(ctx, url, strlen(url) + 1);
	EVP_DigestUpdate(ctx, secret, n);
	for (;;) {	/* in order of their keys, which are different */
		low = NULL;
		TAILQ_FOREACH(t, &s->list, entry)
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
		enc_b64url(hash, 24, topic);
	EVP_MD_CTX_free(ctx);
}

void
push_state_done(struct push_states *s, int arrived)
{
	struct push_state	*t, *next, *newer;

	TAILQ_FOREACH_SAFE(t, &s->list, entry, next) {
		if (!t->sending)
			continue;
		t->sending = 0;
		newer = NULL;
		if (!arrived)
			TAILQ_FOREACH(newer, &s->list, entry)
				if (newer != t && strncmp(newer->text, t->text,
				    t->account + t->type + 2) == 0)
					break;
		if (arrived || newer != NULL)
			state_free(s, t);
	}
}
