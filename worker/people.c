/* SPDX-License-Identifier: ISC */
/*
 * Principals for JMAP: see people.h.  Lists are kept by account, least
 * recently used go first; one is replaced when auth has a newer generation.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/auth_ask.h"
#include "common/dir.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_share.h"
#include "worker/people.h"

#define PEOPLE_LISTS	64		/* kept */
#define PEOPLE_BYTES	(16UL << 20)	/* of one */
#define PEOPLE_PAGE	4096		/* rows asked for at once */

struct people {
	TAILQ_ENTRY(people)	 entry;		/* newest use first */
	uint64_t		 account;
	struct arena		 arena;
	struct jmap_dir		 dir;
	size_t			 cap;
	int			 bad;		/* no memory, or too large */
};
struct people_ask {
	struct auth_ask		*ask;
	struct req_user		 user;
	struct people		*next;		/* on its way, or NULL */
	void			(*fn)(void *, const struct jmap_dir *);
	void			*arg;
};
TAILQ_HEAD(people_lists, people);

static struct people_lists	 lists = TAILQ_HEAD_INITIALIZER(lists);
static size_t			 nlists;

static int	 people_send(struct people_ask *);
static void	 people_row(void *, const void *, size_t);
static void	 people_end(void *, const struct auth_ask_end *);
static void	 people_done(struct people_ask *, const struct jmap_dir *);
static struct people *people_find(uint64_t);
static struct people *people_keep(struct people *);
static void	 people_free(struct people *);
static const char *people_dup(struct people *, const char *);
static int	 people_cmp(const void *, const void *);

int
people_wanted(const void *p, size_t n)
{
	static const char	 a[] = "jmap:principals", b[] = "mail:share";

	return memmem(p, n, a, sizeof(a) - 1) != NULL ||
	    memmem(p, n, b, sizeof(b) - 1) != NULL;
}

struct people_ask *
people_get(const struct req_user *u,
    void (*fn)(void *, const struct jmap_dir *), void *arg)
{
	struct people_ask	*a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return NULL;
	a->user = *u;
	a->fn = fn;
	a->arg = arg;
	if (people_send(a) == 0)
		return a;
	people_free(a->next);
	freezero(a, sizeof(*a));
	return NULL;
}

void
people_cancel(struct people_ask *a)
{
	if (a == NULL)
		return;
	auth_ask_cancel(a->ask);
	people_free(a->next);
	freezero(a, sizeof(*a));
}

static int
people_send(struct people_ask *a)
{
	const struct people	*have = people_find(a->user.account);
	struct dir_people	 q = { 0, 0, PEOPLE_PAGE };

	if (a->next != NULL)
		q.at = (uint32_t)a->next->dir.n;
	else if (have != NULL)
		q.known = have->dir.generation;
	a->ask = auth_ask_dir(DIR_PEOPLE, a->user.handle, &q, sizeof(q),
	    people_row, people_end, a);
	return a->ask == NULL ? -1 : 0;
}

static void
people_row(void *arg, const void *p, size_t n)
{
	struct people_ask	*a = arg;
	struct people		*l = a->next;
	struct jmap_principal	*v;
	struct dir_prin		 d;

	if (l == NULL) {
		if ((l = a->next = calloc(1, sizeof(*l))) == NULL)
			return;
		l->account = a->user.account;
		arena_init(&l->arena, PEOPLE_BYTES);
	}
	if (l->dir.n == l->cap) {
		l->cap = l->cap == 0 ? 64 : l->cap * 2;
		v = reallocarray(l->dir.v, l->cap, sizeof(*v));
		if (v == NULL) {
			l->cap = l->dir.n;
			l->bad = 1;
			return;
		}
		l->dir.v = v;
	}
	dir_init(&d);
	if (dir_apply(&d, p, n) == -1)
		l->bad = 1;
	else {
		v = &l->dir.v[l->dir.n++];
		v->number = d.id;
		v->type = dir_types[d.type];
		v->name = people_dup(l, dir_first(&d, DIR_NAME));
		v->description = people_dup(l, dir_first(&d,
		    DIR_DESCRIPTION));
		v->email = people_dup(l, dir_first(&d, DIR_EMAILS));
	}
	dir_free(&d);
}

static const char *
people_dup(struct people *l, const char *s)
{
	const char	*copy = NULL;

	if (s != NULL && (copy = arena_dup(&l->arena, s, strlen(s))) == NULL)
		l->bad = 1;
	return copy;
}

static void
people_end(void *arg, const struct auth_ask_end *end)
{
	struct people_ask	*a = arg;
	struct people		*l = a->next, *have;
	uint64_t		 gen;

	a->ask = NULL;
	have = people_find(a->user.account);
	if (end->error != DIR_OK || (l != NULL && l->bad)) {
		people_done(a, NULL);
		return;
	}
	gen = strtoull(end->what, NULL, 10);
	if (l == NULL) {
		people_done(a, have != NULL && have->dir.generation == gen ?
		    &have->dir : NULL);
		return;
	}
	if (l->dir.generation != 0 && l->dir.generation != gen) {
		/* changed between two pages: anew */
		people_free(l);
		a->next = NULL;
	} else
		l->dir.generation = gen;
	if (a->next == NULL || l->dir.n < end->total) {
		if (people_send(a) == -1)
			people_done(a, NULL);
		return;
	}
	qsort(l->dir.v, l->dir.n, sizeof(*l->dir.v), people_cmp);
	a->next = NULL;
	people_done(a, &people_keep(l)->dir);
}

static void
people_done(struct people_ask *a, const struct jmap_dir *d)
{
	people_free(a->next);
	a->next = NULL;
	a->fn(a->arg, d);
	freezero(a, sizeof(*a));
}

static int
people_cmp(const void *va, const void *vb)
{
	const struct jmap_principal	*a = va, *b = vb;

	return a->number < b->number ? -1 : a->number > b->number;
}

/* --- what is kept ------------------------------------------------------- */

static struct people *
people_find(uint64_t account)
{
	struct people	*l;

	TAILQ_FOREACH(l, &lists, entry)
		if (l->account == account) {
			TAILQ_REMOVE(&lists, l, entry);
			TAILQ_INSERT_HEAD(&lists, l, entry);
			return l;
		}
	return NULL;
}

static struct people *
people_keep(struct people *l)
{
	struct people	*old = people_find(l->account);

	if (old == NULL && nlists >= PEOPLE_LISTS)
		old = TAILQ_LAST(&lists, people_lists);
	if (old != NULL) {
		TAILQ_REMOVE(&lists, old, entry);
		nlists--;
		people_free(old);
	}
	TAILQ_INSERT_HEAD(&lists, l, entry);
	nlists++;
	return l;
}

static void
people_free(struct people *l)
{
	if (l == NULL)
		return;
	arena_free(&l->arena);
	free(l->dir.v);
	free(l);
}
