/* SPDX-License-Identifier: ISC */
/*
 * Rules of the administrator about the fields of answers (header sections),
 * in the order of the file, on every status; the last one has the last word,
 * but not about what is locked: see policy.h.  They were checked by the
 * parent (hdr_check_rule).  security.md 1.7.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/glob.h"
#include "common/hdr_check.h"
#include "common/log.h"
#include "common/utf8.h"
#include "worker/policy/policy.h"

_Static_assert(HDR_CHECK_CLASSES == HTTP_CLASSES, "names of classes");

struct rule {
	const struct conf_header *conf;
	char			 by[80];	/* "header NAME" */
	unsigned int		 classes;	/* bits; 0: all */
	unsigned int		 methods;	/* bits; 0: all */
	struct req_expr		 cond;
	struct fields_line	 line;		/* what it puts there */
	/* about the field's name: it stands once; it may be added to a
	 * locked one; for TLS only; locked on downloads */
	int			 one, vary, sts, blob;
};

/* Fields that stand once, whatever "add" says (RFC 9110 5.3); two lines of
 * such a one are read by nobody in the same way. */
static const char *const	singles[] = {
	"access-control-allow-origin", "access-control-allow-credentials",
	"access-control-max-age", "age", "content-disposition",
	"content-type", "cross-origin-embedder-policy",
	"cross-origin-opener-policy", "cross-origin-resource-policy", "etag",
	"expires", "last-modified", "location", "origin-agent-cluster",
	"referrer-policy", "retry-after", "server",
	"strict-transport-security", "x-content-type-options",
	"x-frame-options", "x-permitted-cross-domain-policies",
	"x-xss-protection",
};

/* What keeps a download from acting, where class.c has no line of its own:
 * errors have no name for the file. */
static const char *const	blob_locks[] = {
	"content-disposition", "content-type",
};
static const char *const	sts[] = { "strict-transport-security" };
static const char *const	vary[] = { "vary" };

static void	rules_one(struct rule *, const struct conf_header *);
static int	rules_applies(const struct rule *, struct req *);
static int	rules_status(const struct conf_strs *, int);
static int	rules_path(const struct conf_strs *, const char *);
static int	rules_named(const char *const *, size_t, const char *);
static int	rules_locked(const struct rule *, const struct req *,
		    const struct fields_line *);
static void	rules_do(const struct rule *, struct fields *,
		    const struct fields_line *);
static void	rules_vary(const struct rule *, struct req *,
		    struct fields_line *);

void
rules_setup(struct policy *p, const struct conf *c)
{
	size_t	 i;

	if (c->nhrules == 0)
		return;
	if ((p->rules = calloc(c->nhrules, sizeof(*p->rules))) == NULL)
		fatal("rules");
	for (i = 0; i < c->nhrules; i++) {
		rules_one(&p->rules[p->nrules++], &c->hrules[i]);
		p->rule_classes |= p->rules[i].classes == 0 ? ~0u :
		    p->rules[i].classes;
	}
}

static void
rules_one(struct rule *rule, const struct conf_header *h)
{
	char	 err[EXPR_ERR];
	size_t	 i, k;
	int	 class;

	rule->conf = h;
	strlcpy(rule->by, "header ", sizeof(rule->by));
	strlcat(rule->by, h->title, sizeof(rule->by));
	rule->one = rules_named(singles, nitems(singles), h->name);
	rule->blob = rules_named(blob_locks, nitems(blob_locks), h->name);
	rule->vary = h->verb == CONF_ADD && rules_named(vary, 1, h->name);
	rule->sts = rules_named(sts, 1, h->name);
	rule->line = fields_line(h->name, h->value, BLOCK_CUSTOM, rule->by);
	for (i = 0; i < h->class.n; i++)
		if ((class = hdr_check_class(h->class.v[i])) != -1)
			rule->classes |= 1u << class;
	for (i = 0; i < h->method.n; i++)
		for (k = 0; k < HTTP_METHODS; k++)
			if (strcmp(h->method.v[i], http_method_name(
			    (enum http_method)k)) == 0)
				rule->methods |= HTTP_M(k);
	if (h->cond[0] != '\0' &&
	    req_expr_text(&rule->cond, h->cond, err) == -1)
		fatalx("header %s: if: %s", h->title, err);
}

void
rules_free(struct policy *p)
{
	size_t	 i;

	for (i = 0; i < p->nrules; i++)
		req_expr_free(&p->rules[i].cond);
	free(p->rules);
}

void
rules_late(struct req *r, struct fields *f)
{
	const struct policy	*p = r->setup->policy;
	const struct rule	*rule;
	struct fields_line	*l;
	size_t			 i;

	for (i = 0; i < p->nrules; i++) {
		rule = &p->rules[i];
		if (!rules_applies(rule, r))
			continue;
		l = fields_find(f, &rule->line);
		if (rules_locked(rule, r, l))
			continue;
		if (rule->vary && l != NULL)
			rules_vary(rule, r, l);
		else
			rules_do(rule, f, l);
	}
}

/* What costs least is asked first; a condition that fails is not true. */
static int
rules_applies(const struct rule *rule, struct req *r)
{
	const struct conf_header	*h = rule->conf;
	struct expr_val			 v;
	const char			*why;
	size_t				 i;

	if (rule->classes != 0 && !(rule->classes & (1u << r->class)))
		return 0;
	if (rule->methods != 0 && !(rule->methods & HTTP_M(r->method)))
		return 0;
	if (h->status.n > 0 && !rules_status(&h->status, r->reply->status))
		return 0;
	if (h->path.n > 0 && !rules_path(&h->path, r->path))
		return 0;
	for (i = 0; i < h->listener.n; i++)
		if (strcmp(h->listener.v[i], r->listen->name) == 0)
			break;
	if (h->listener.n > 0 && i == h->listener.n)
		return 0;
	if (rule->cond.n == 0)
		return 1;
	return vars_eval(r, &rule->cond, &v, &why) == 0 && expr_val_true(&v);
}

static int
rules_status(const struct conf_strs *l, int status)
{
	size_t	 i;
	int	 lo, hi;

	for (i = 0; i < l->n; i++)
		if (hdr_check_status(l->v[i], &lo, &hi) == 0 &&
		    status >= lo && status <= hi)
			return 1;
	return 0;
}

static int
rules_path(const struct conf_strs *l, const char *path)
{
	size_t	 i;

	for (i = 0; i < l->n; i++)
		if (glob_match(l->v[i], path, 0))
			return 1;
	return 0;
}

static int
rules_named(const char *const *v, size_t n, const char *name)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (utf8_caseis(name, strlen(name), v[i]))
			return 1;
	return 0;
}

/* l: the first line of that name, or NULL. */
static int
rules_locked(const struct rule *rule, const struct req *r,
    const struct fields_line *l)
{
	if (r->class == HTTP_B && rule->blob &&
	    !r->conf->unsafe_blob_override)
		return 1;
	if (rule->sts && !r->secure)
		return 1;		/* RFC 6797 7.2 */
	/* one more Vary makes nothing less safe */
	return l != NULL && l->rank == BLOCK_LOCKED && !rule->vary;
}

static void
rules_do(const struct rule *rule, struct fields *f,
    const struct fields_line *l)
{
	const struct conf_header	*h = rule->conf;

	if (h->verb == CONF_DEFAULT && l != NULL)
		return;
	if (l != NULL && (h->verb == CONF_SET || h->verb == CONF_REMOVE ||
	    rule->one))
		fields_remove(f, &rule->line);
	if (h->verb != CONF_REMOVE)
		fields_add(f, &rule->line);
}

/* RFC 9110 12.5.5: a list; caches that read one line only read all of it. */
static void
rules_vary(const struct rule *rule, struct req *r, struct fields_line *l)
{
	char	*text;

	text = arena_printf(&r->arena, "%.*s, %s", (int)l->value_len,
	    l->value, rule->conf->value);
	if (text == NULL)
		return;
	l->value = text;
	l->value_len = (uint32_t)strlen(text);
	l->whole = 0;
}
