/* SPDX-License-Identifier: ISC */
/*
 * What push channels say, whichever they are (RFC 8620 7.1): names of types,
 * the StateChange object, and the text that stands for all of a user's
 * state.  States are modseqs of one counter, so one number says how far a
 * client has seen.  Called by eventsource.c.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dir.h"
#include "common/log.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_push.h"
#include "worker/jmap/jmap_share.h"
#include "worker/store/store_share.h"

#define TYPES_MAX	1024	/* bytes of a list of types */

static const struct {
	const char	*name;
	enum store_type	 type;
} types_all[] = {
	{ "Mailbox", STORE_MAILBOX },
	{ "Thread", STORE_THREAD },
	{ "Email", STORE_EMAIL },
	{ "EmailDelivery", STORE_DELIVERY },
	{ "Identity", STORE_IDENTITY },
	{ "EmailSubmission", STORE_SUBMISSION },
	{ "VacationResponse", STORE_VACATION },
	{ "SieveScript", STORE_SIEVE },
	{ "Quota", STORE_QUOTA },
	{ "ShareNotification", STORE_SHARENOTE },
};

static uint32_t	push_type(const char *, size_t);
static int	push_letter(int);

int
jmap_push_types(const char *s, uint32_t *types)
{
	size_t	 n;

	*types = 0;
	if (strcmp(s, "*") == 0) {
		*types = JMAP_PUSH_ALL;
		return 0;
	}
	if (strlen(s) > TYPES_MAX)
		return -1;
	for (;; s += n + 1) {
		for (n = 0; push_letter((unsigned char)s[n]); n++)
			;
		if (n == 0 || (s[n] != '\0' && s[n] != ','))
			return -1;
		*types |= push_type(s, n);
		if (s[n] == '\0')
			return 0;
	}
}

static int
push_letter(int c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9');
}

/* A client may ask for what a later server will have: no bit. */
static uint32_t
push_type(const char *s, size_t n)
{
	size_t	 i;

	for (i = 0; i < nitems(types_all); i++)
		if (strlen(types_all[i].name) == n &&
		    memcmp(types_all[i].name, s, n) == 0)
			return (uint32_t)1 << types_all[i].type;
	return 0;
}

uint32_t
jmap_push_type(const char *name)
{
	return push_type(name, strlen(name));
}

void
jmap_push_lines(struct buf *b, const char *account, const struct jmap_push *p,
    uint32_t types)
{
	size_t	 i;

	for (i = 0; i < nitems(types_all); i++)
		if ((types & (uint32_t)1 << types_all[i].type) &&
		    p->state[types_all[i].type] != 0)
			buf_addf(b, "%s %s %llu\n", account,
			    types_all[i].name, (unsigned long long)
			    p->state[types_all[i].type]);
}

int
jmap_push_read(const char *account, struct jmap_push *p)
{
	struct store_txn	*txn;
	struct store		*st;
	enum store_err		 e;
	unsigned		 i;

	memset(p, 0, sizeof(*p));
	if ((e = store_open(account, STORE_CREATE, &st)) != STORE_OK)
		goto done;
	if ((e = store_begin(st, 0, &txn)) == STORE_OK) {
		p->modseq = store_modseq(txn);
		for (i = 0; i < STORE_TYPES; i++)
			p->state[i] = store_state(txn, i);
		store_abort(txn);
	}
	store_close(st);
done:
	if (e == STORE_OK)
		return 0;
	log_warnx("push: account %s: %s", account, store_strerror(e));
	return -1;
}

int
jmap_push_view(uint64_t number, uint64_t viewer, struct jmap_push *p)
{
	static const enum store_type	 seen[] = { STORE_MAILBOX,
	    STORE_THREAD, STORE_EMAIL };
	char			 account[DIR_ACCOUNT_LEN];
	struct store_txn	*txn;
	struct store		*st;
	enum store_err		 e;
	size_t			 i;

	memset(p, 0, sizeof(*p));
	e = store_open(dir_account(number, account), 0, &st);
	if (e == STORE_OK) {
		e = jmap_share_begin(st, viewer, 0, &txn);
		if (e == STORE_OK) {
			p->modseq = store_view_state(txn);
			for (i = 0; i < nitems(seen); i++)
				p->state[seen[i]] = store_state(txn, seen[i]);
			store_abort(txn);
		}
		store_close(st);
	}
	if (e == STORE_OK)
		return 1;
	if (e == STORE_NOTFOUND)
		return 0;
	log_warnx("push: account %s: %s", account, store_strerror(e));
	return -1;
}

size_t
jmap_push_shared(const char *account, uint64_t *out, size_t max)
{
	struct jmap_shared	*s = NULL;
	struct store_txn	*txn;
	struct store		*st;
	struct arena		 a;
	size_t			 i, n = 0, got = 0;

	if (store_open(account, STORE_CREATE, &st) != STORE_OK)
		return 0;
	arena_init(&a, 1 << 20);
	if (store_begin(st, 0, &txn) == STORE_OK) {
		if (jmap_share_list(txn, &a, &s, &n) == -1)
			n = 0;
		store_abort(txn);
	}
	store_close(st);
	/* RFC 9670 1.4: never of one where he is subscribed to nothing */
	for (i = 0; i < n && got < max; i++)
		if (s[i].subscribed)
			out[got++] = s[i].number;
	arena_free(&a);
	return got;
}

int
jmap_push_one(struct buf *b, const char *account, const struct jmap_push *p,
    uint32_t types, uint64_t since)
{
	char	 text[24];
	size_t	 i;
	int	 any = 0;

	/* an older copy of the account was put back: all is new */
	if (since > p->modseq)
		since = 0;
	for (i = 0; i < nitems(types_all); i++) {
		if (!(types & (uint32_t)1 << types_all[i].type) ||
		    p->state[types_all[i].type] <= since)
			continue;
		if (!any++) {
			js_out_keyn(b, account, strlen(account));
			js_out_obj(b);
		}
		js_out_key(b, types_all[i].name);
		(void)snprintf(text, sizeof(text), "%llu",
		    (unsigned long long)p->state[types_all[i].type]);
		js_out_s(b, text);
	}
	if (any)
		js_out_end(b, '}');
	return any > 0;
}

const char *
jmap_push_id(const char *account, uint64_t modseq, char out[JMAP_PUSH_ID])
{
	(void)snprintf(out, JMAP_PUSH_ID, "%.24s.%llu", account,
	    (unsigned long long)modseq);
	return out;
}

int
jmap_push_since(const char *id, const char *account, uint64_t *modseq)
{
	size_t	 n = strlen(account);

	if (strncmp(id, account, n) != 0 || id[n] != '.')
		return -1;
	return jmap_api_state_get(id + n + 1, modseq);
}
