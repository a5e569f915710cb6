/* SPDX-License-Identifier: ISC */
/*
 * Watching the accounts of a user: see watch.h.  Which others there are is
 * known from his own store, so a change of that (STORE_SHARED) wakes, too;
 * and what somebody loses is not looked at again, for each look asks the
 * owner's store.
 *
 * An id is jmap_push_id's of the own account, then "-" and one of each other:
 * "u3.120-u7.88".
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/jmap/jmap_push.h"
#include "worker/watch.h"

#define OURS	((uint32_t)1 << STORE_SHARED)
/* Rights are kept with mailboxes. */
#define THEIRS	((uint32_t)1 << STORE_MAILBOX)

static void	watch_others(struct watch *, const struct jmap_push *);
static void	watch_drop(struct watch *);
static uint64_t	watch_known(const struct watch *, uint64_t);
static int	watch_one(struct watch *, struct watch_other *, struct buf *,
		    struct buf *);

void
watch_start(struct watch *w, uint64_t account, uint32_t types,
    void (*fn)(void *), void *arg)
{
	memset(w, 0, sizeof(*w));
	dir_account(account, w->account);
	w->own.account = account;
	w->own.fn = fn;
	w->own.arg = arg;
	w->types = types;
	w->own.types = types == 0 ? 0 : types | OURS;
	notify_add(&w->own);
}

void
watch_stop(struct watch *w)
{
	notify_remove(&w->own);
	watch_drop(w);
	free(w->known);
	free(w->id);
	w->known = w->id = NULL;
}

static void
watch_drop(struct watch *w)
{
	size_t	 i;

	for (i = 0; i < w->nothers; i++)
		notify_remove(&w->others[i].notify);
	free(w->others);
	w->others = NULL;
	w->nothers = 0;
	w->shares = 0;
}

void
watch_types(struct watch *w, uint32_t types)
{
	watch_drop(w);
	w->types = types;
	w->own.types = types == 0 ? 0 : types | OURS;
	w->since = 0;
	free(w->known);
	w->known = NULL;
}

int
watch_since(struct watch *w, const char *id)
{
	char	*own;
	int	 ret = -1;

	if (strlen(id) >= WATCH_ID || (own = strdup(id)) == NULL)
		return -1;
	own[strcspn(own, "-")] = '\0';
	if (jmap_push_since(own, w->account, &w->since) == 0) {
		free(w->known);
		w->known = strdup(id);
		ret = 0;
	}
	free(own);
	return ret;
}

void
watch_now(struct watch *w)
{
	struct buf	 b;

	buf_init(&b, 1 << 20);
	(void)watch_look(w, &b, 0);
	buf_free(&b);
}

/* What the id said of another account, 0 nothing. */
static uint64_t
watch_known(const struct watch *w, uint64_t number)
{
	char		 account[DIR_ACCOUNT_LEN], one[JMAP_PUSH_ID];
	const char	*p = w->known;
	uint64_t	 since;

	dir_account(number, account);
	while (p != NULL && (p = strchr(p, '-')) != NULL) {
		p++;
		(void)snprintf(one, sizeof(one), "%.*s",
		    (int)strcspn(p, "-"), p);
		if (jmap_push_since(one, account, &since) == 0)
			return since;
	}
	return 0;
}

/* The others anew, when what is shared has changed. */
static void
watch_others(struct watch *w, const struct jmap_push *p)
{
	struct watch_other	*old = w->others, *o;
	uint64_t		 list[WATCH_SHARED];
	size_t			 i, k, n, nold = w->nothers;

	if (w->shares == p->state[STORE_SHARED] + 1)
		return;
	w->shares = p->state[STORE_SHARED] + 1;
	n = p->state[STORE_SHARED] == 0 ? 0 :
	    jmap_push_shared(w->account, list, nitems(list));
	for (i = 0; i < nold; i++)
		notify_remove(&old[i].notify);
	w->nothers = 0;
	w->others = n == 0 ? NULL : calloc(n, sizeof(*w->others));
	for (i = 0; w->others != NULL && i < n; i++) {
		o = &w->others[w->nothers++];
		o->since = watch_known(w, list[i]);
		for (k = 0; k < nold; k++)
			if (old[k].notify.account == list[i])
				o->since = old[k].since;
		o->notify.account = list[i];
		o->notify.types = w->types | THEIRS;
		o->notify.fn = w->own.fn;
		o->notify.arg = w->own.arg;
		notify_add(&o->notify);
	}
	free(old);
	free(w->known);
	w->known = NULL;
}

int
watch_look(struct watch *w, struct buf *b, int state)
{
	struct jmap_push	 p;
	struct buf		 id;
	char			 one[JMAP_PUSH_ID];
	size_t			 i, was = b->len;
	int			 any;

	if (jmap_push_read(w->account, &p) == -1)
		return -1;
	watch_others(w, &p);
	buf_init(&id, WATCH_ID);
	buf_adds(&id, jmap_push_id(w->account, p.modseq, one));
	js_out_obj(b);
	js_out_key(b, "@type");
	js_out_s(b, "StateChange");
	js_out_key(b, "changed");
	js_out_obj(b);
	any = jmap_push_one(b, w->account, &p, w->types, w->since);
	w->since = p.modseq;
	for (i = 0; i < w->nothers; i++)
		any |= watch_one(w, &w->others[i], b, &id);
	js_out_end(b, '}');
	free(w->id);
	w->id = buf_str(&id) == NULL ? NULL : strdup(buf_str(&id));
	buf_free(&id);
	if (w->id == NULL)
		return -1;
	if (state) {
		js_out_key(b, "pushState");
		js_out_s(b, w->id);
	}
	js_out_end(b, '}');
	if (!any)
		b->len = was;
	return any;
}

/* One that is not shared any more is not there. */
static int
watch_one(struct watch *w, struct watch_other *o, struct buf *b,
    struct buf *id)
{
	struct jmap_push	 p;
	char			 account[DIR_ACCOUNT_LEN];
	char			 one[JMAP_PUSH_ID];
	int			 any;

	if (jmap_push_view(o->notify.account, w->own.account, &p) != 1)
		return 0;
	dir_account(o->notify.account, account);
	any = jmap_push_one(b, account, &p, w->types, o->since);
	o->since = p.modseq;
	buf_addc(id, '-');
	buf_adds(id, jmap_push_id(account, p.modseq, one));
	return any;
}
