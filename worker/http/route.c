/* SPDX-License-Identifier: ISC */
/*
 * Routes: a const table of {methods, pattern, class, flags, handler} that
 * worker_routes.c holds.  Paths arrive decoded, so a segment is what the
 * client meant; an encoded '/' never gets here (target.c).
 */
#include "common/compat.h"

#include <string.h>

#include "worker/http/route.h"

static int	route_match(const char *pattern, const char *path,
		    struct req *r);
static int	route_rank(const char *);
static const char	*route_segment(const char *, size_t *);

void
route_find(struct req *r, const struct route *rt, size_t n)
{
	const struct route	*best = NULL, *any = NULL;
	size_t			 i;

	r->route = NULL;
	r->allowed = 0;
	r->nparam = 0;
	for (i = 0; i < n; i++) {
		if (!route_match(rt[i].path, r->path, NULL))
			continue;
		if (any != NULL && route_rank(rt[i].path) <
		    route_rank(any->path))
			continue;
		if (any == NULL || route_rank(rt[i].path) >
		    route_rank(any->path)) {
			r->allowed = 0;
			best = NULL;
		}
		any = &rt[i];
		r->allowed |= rt[i].methods;
		if (rt[i].methods & HTTP_M(r->method))
			best = &rt[i];
	}
	r->class = any == NULL ? HTTP_X : any->class;
	if (best != NULL) {
		r->class = best->class;
		r->route = best;
		route_match(best->path, r->path, r);
	}
}

/* Literal bytes at the start of a pattern: more is more specific; a pattern
 * without any variable is above all. */
static int
route_rank(const char *pattern)
{
	size_t	 n = strcspn(pattern, "{*");

	return pattern[n] == '\0' ? 1 << 16 : (int)n * 2 + (pattern[n] == '{');
}

/* The segment at p, its length in *len; where the next one starts. */
static const char *
route_segment(const char *p, size_t *len)
{
	*len = strcspn(p, "/");
	return p[*len] == '/' ? p + *len + 1 : NULL;
}

/* 1 if the path matches the pattern; sets params of r when not NULL. */
static int
route_match(const char *pattern, const char *path, struct req *r)
{
	const char	*a = pattern + 1, *b = path + 1, *na, *nb;
	size_t		 la, lb;
	char		*dup;
	int		 n = 0;

	if (pattern[0] != '/' || path[0] != '/')
		return strcmp(pattern, path) == 0;
	/* Most rows differ in the first few bytes. */
	while (*a != '{' && *a != '*' && *a == *b && *a != '\0')
		a++, b++;
	if (*a != '{' && *a != '*')
		return *a == *b;
	a = pattern + 1;
	b = path + 1;
	for (; a != NULL && b != NULL; a = na, b = nb) {
		na = route_segment(a, &la);
		nb = route_segment(b, &lb);
		if (la == 1 && a[0] == '*') {
			lb = strlen(b);
			na = nb = NULL;
		} else if (a[0] != '{') {
			if (la != lb || memcmp(a, b, la) != 0)
				return 0;
			continue;
		} else if (lb == 0)
			return 0;
		if (r == NULL)
			continue;
		if (n == HTTP_MAX_PARAMS ||
		    (dup = arena_dup(&r->arena, b, lb)) == NULL)
			return 0;
		r->param[n].p = dup;
		r->param[n].len = lb;
		r->nparam = ++n;
	}
	return a == NULL && b == NULL;
}

const char *
req_param(const struct req *r, int i)
{
	return i < 0 || i >= r->nparam ? "" : r->param[i].p;
}
