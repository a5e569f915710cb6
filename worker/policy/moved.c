/* SPDX-License-Identifier: ISC */
/*
 * Redirects of the administrator (redirect sections), for paths where the
 * server has nothing of its own.  What a client sent gets into the new
 * place only behind the text of the configuration, every octet of it encoded
 * that could mean anything, so that nobody is sent to another host.
 */
#include "common/compat.h"

#include <string.h>

#include "common/conf.h"
#include "common/enc.h"
#include "worker/policy/policy.h"

static const char	*moved_rest(const struct conf_redirect *,
			    const struct req *);
static void		 moved_to(struct req *, const struct conf_redirect *,
			    const char *);

enum req_ret
moved_step(struct req *r)
{
	const struct conf_redirect	*m;
	const char			*rest;
	size_t				 i;

	if (r->allowed != 0)
		return REQ_NEXT;
	for (i = 0; i < r->conf->nredirects; i++) {
		m = &r->conf->redirects[i];
		if ((rest = moved_rest(m, r)) == NULL)
			continue;
		r->allowed = M_GET;
		r->class = HTTP_R;
		if (!(HTTP_M(r->method) & M_GET))
			return REQ_NEXT;	/* 405 or OPTIONS */
		moved_to(r, m, rest);
		return REQ_DONE;
	}
	return REQ_NEXT;
}

/* What the '*' stands for, "" without one, NULL: another path. */
static const char *
moved_rest(const struct conf_redirect *m, const struct req *r)
{
	size_t	 n = strlen(m->from);

	if (n == 0 || m->from[n - 1] != '*')
		return strcmp(m->from, r->path) == 0 ? "" : NULL;
	return strncmp(m->from, r->path, n - 1) == 0 ? r->path + n - 1 : NULL;
}

static void
moved_to(struct req *r, const struct conf_redirect *m, const char *rest)
{
	static const int	 statuses[] = { 301, 302, 303, 307, 308 };
	struct buf		 b;
	size_t			 n = strlen(m->to), k;

	buf_init(&b, 16384);
	if (n > 0 && m->to[n - 1] == '*') {
		buf_add(&b, m->to, n - 1);
		/* "//host" would be another host */
		while (n > 1 && m->to[n - 2] == '/' && *rest == '/')
			rest++;
		for (; *rest != '\0'; rest += k + (rest[k] == '/')) {
			k = strcspn(rest, "/");
			enc_pct(&b, rest, k);
			if (rest[k] == '/')
				buf_addc(&b, '/');
		}
		if (r->query[0] != '\0') {
			buf_addc(&b, '?');
			buf_adds(&b, r->query);
		}
	} else
		buf_adds(&b, m->to);
	if (buf_bad(&b))
		req_problem(r, 414, NULL, NULL, NULL);
	else
		req_redirect(r, statuses[m->status % nitems(statuses)],
		    buf_str(&b));
	buf_free(&b);
}
