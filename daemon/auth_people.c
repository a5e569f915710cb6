/* SPDX-License-Identifier: ISC */
/*
 * The principals that a user may find (RFC 9670): individuals of his own
 * domains, of all, or himself alone.  Called by auth_dir.c for a worker with
 * his handle; who he is, and so what he sees, is not the worker's to say.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "daemon/auth_people.h"

#define PEOPLE_MODES	4	/* of generations: one for each setting */

struct people {
	struct auth_dir_call	*c;
	struct dir_people	 q;
	const struct dir_prin	*self;
	int			 more;		/* rows are still wanted */
};

static int	 people_one(void *, const struct dir_prin *);
static int	 people_sees(const struct people *, const struct dir_prin *);
static int	 people_at(const struct dir_prin *, const char *);
static const char *people_domain(const char *);

enum dir_err
auth_people(struct auth_dir_call *c, struct cur *cur)
{
	struct people	 x;
	struct dir_prin	 self;
	uint64_t	 gen;
	enum dir_err	 e;

	memset(&x, 0, sizeof(x));
	dir_init(&self);
	if (cur_copy(cur, &x.q, sizeof(x.q)) == -1 || !cur_end(cur))
		return auth_db_say(&c->why, DIR_OTHERERR, "Invalid parameter",
		    "question");
	if (c->self == 0 || (e = auth_db_get(c->self, &self)) != DIR_OK ||
	    (e = auth_db_generation(&gen)) != DIR_OK) {
		dir_free(&self);
		return auth_db_say(&c->why, DIR_NOTFOUND, "yourself", "");
	}
	gen = gen * PEOPLE_MODES + c->people + 1;
	snprintf(c->why.what, sizeof(c->why.what), "%llu",
	    (unsigned long long)gen);
	x.c = c;
	x.self = &self;
	x.more = x.q.max > 0;
	if (x.q.known != gen)
		e = auth_db_walk(people_one, &x);
	dir_free(&self);
	return e;
}

static int
people_one(void *arg, const struct dir_prin *d)
{
	static const enum dir_field	 open[] = { DIR_NAME, DIR_DESCRIPTION,
	    DIR_EMAILS };
	struct people	*x = arg;
	struct dir_prin	 show;
	size_t		 i;

	if (d->type != DIR_INDIVIDUAL || !people_sees(x, d))
		return 1;
	if (x->more && x->c->total >= x->q.at) {
		/* borrows those values that all may know */
		dir_init(&show);
		show.id = d->id;
		show.type = d->type;
		for (i = 0; i < nitems(open); i++)
			show.f[open[i]] = d->f[open[i]];
		x->more = x->c->row(x->c->arg, &show) &&
		    x->c->total - x->q.at < x->q.max - 1;
	}
	x->c->total++;
	return 1;
}

static int
people_sees(const struct people *x, const struct dir_prin *d)
{
	const struct dir_values	*f = &x->self->f[DIR_EMAILS];
	size_t			 i;

	if (d->id == x->self->id || x->c->people == CONF_PEOPLE_ALL)
		return 1;
	if (x->c->people == CONF_PEOPLE_NONE)
		return 0;
	if (people_at(d, people_domain(dir_first(x->self, DIR_NAME))))
		return 1;
	for (i = 0; i < f->n; i++)
		if (people_at(d, people_domain(f->v[i])))
			return 1;
	return 0;
}

/* Has he an address, or a login name, in the domain? */
static int
people_at(const struct dir_prin *d, const char *domain)
{
	const struct dir_values	*f = &d->f[DIR_EMAILS];
	const char		*own;
	size_t			 i;

	if (domain == NULL)
		return 0;
	own = people_domain(dir_first(d, DIR_NAME));
	if (own != NULL && strcmp(own, domain) == 0)
		return 1;
	for (i = 0; i < f->n; i++)
		if ((own = people_domain(f->v[i])) != NULL &&
		    strcmp(own, domain) == 0)
			return 1;
	return 0;
}

/* Names and addresses are in lower case already. */
static const char *
people_domain(const char *address)
{
	const char	*at = address == NULL ? NULL : strrchr(address, '@');

	return at == NULL ? NULL : at + 1;
}
