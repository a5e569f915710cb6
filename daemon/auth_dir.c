/* SPDX-License-Identifier: ISC */
/*
 * Calls on the directory: see auth_dir.h.  Called by auth.c with what came
 * over a pipe; tails are a stranger's bytes until they are checked here.
 * No hash leaves through a row.
 */
#include "common/compat.h"

#include <string.h>

#include "common/perm.h"
#include "daemon/auth_dir.h"
#include "daemon/auth_find.h"
#include "daemon/auth_people.h"
#include "daemon/auth_pass.h"

#define DIR_SECRETS_MAX	8	/* each is one more hash for an attempt */
#define DIR_WORDS	256	/* bytes of a filter */

typedef enum dir_err	dir_fn(struct auth_dir_call *, struct cur *);

static dir_fn	 dir_create, dir_get, dir_find_rows, dir_update, dir_delete;
static enum dir_err	auth_dir_may(struct auth_dir_call *, int perm);
static enum dir_err dir_key(struct auth_dir_call *, struct cur *,
		    enum perm_verb, struct dir_prin *);
static int	 dir_perm(enum dir_type, enum perm_verb);
static enum dir_err dir_valid(struct auth_dir_call *, struct dir_prin *,
		    const struct dir_prin *);
static enum dir_err dir_grants(struct auth_dir_call *, const struct dir_prin *,
		    uint64_t);
static enum dir_err dir_refs(struct auth_dir_call *, const struct dir_prin *);
static enum dir_err dir_secrets(struct auth_dir_call *, struct dir_prin *,
		    const struct dir_prin *);
static enum dir_err dir_secret(struct auth_dir_call *, struct dir_prin *,
		    size_t);
static int	 dir_row(struct auth_dir_call *, const struct dir_prin *);
static int	 dir_found(void *, const struct dir_prin *);
static void	 dir_revoke(struct auth_dir_call *, const struct dir_prin *);
static int	 dir_secrets_differ(const struct dir_prin *,
		    const struct dir_prin *);

static dir_fn *const dir_ops[DIR_OPS] = {
	[DIR_CREATE]	= dir_create,
	[DIR_GET]	= dir_get,
	[DIR_FIND]	= dir_find_rows,
	[DIR_UPDATE]	= dir_update,
	[DIR_DELETE]	= dir_delete,
	[DIR_PEOPLE]	= auth_people,
};

enum dir_err
auth_dir(uint32_t op, const uint8_t *tail, size_t len, struct auth_dir_call *c)
{
	struct cur	 cur;

	memset(&c->why, 0, sizeof(c->why));
	c->total = 0;
	c->revoke = c->erase = 0;
	c->secrets = 0;
	if (op >= DIR_OPS || dir_ops[op] == NULL)
		return auth_db_say(&c->why, DIR_UNSUPPORTED, "operation", "");
	cur_init(&cur, tail, len);
	return dir_ops[op](c, &cur);
}

/* "other" and what is wrong with it, or DIR_OK. */
static enum dir_err
auth_dir_may(struct auth_dir_call *c, int perm)
{
	if (c->trusted || c->perms & PERM_BIT(perm))
		return DIR_OK;
	return auth_db_say(&c->why, DIR_FORBIDDEN,
	    perm_name((enum perm)perm), "");
}

static int
dir_perm(enum dir_type type, enum perm_verb verb)
{
	int	 base = PERM_PRINCIPAL;

	if (type == DIR_INDIVIDUAL)
		base = PERM_INDIVIDUAL;
	else if (type == DIR_DOMAIN)
		base = PERM_DOMAIN;
	return base + (int)verb;
}

/* --- operations --------------------------------------------------------- */

static enum dir_err
dir_create(struct auth_dir_call *c, struct cur *cur)
{
	struct dir_prin	 d;
	enum dir_err	 e;

	dir_init(&d);
	if (dir_apply(&d, cur->p, cur->n) == -1) {
		e = auth_db_say(&c->why, DIR_OTHERERR, "Invalid parameter",
		    "a value is too long, or there are too many");
		goto done;
	}
	d.id = 0;
	if ((e = auth_dir_may(c, dir_perm(d.type, PERM_CREATE))) != DIR_OK)
		goto done;
	if (d.type != DIR_INDIVIDUAL && d.type != DIR_DOMAIN) {
		e = auth_db_say(&c->why, DIR_UNSUPPORTED,
		    "only individuals and domains can be created", "");
		goto done;
	}
	if ((e = dir_valid(c, &d, NULL)) == DIR_OK &&
	    (e = auth_db_create(&d, c->make_domains, &c->why)) == DIR_OK)
		dir_row(c, &d);
done:
	dir_free(&d);
	return e;
}

static enum dir_err
dir_get(struct auth_dir_call *c, struct cur *cur)
{
	struct dir_prin	 d;
	enum dir_err	 e;

	dir_init(&d);
	if ((e = dir_key(c, cur, PERM_GET, &d)) == DIR_OK)
		dir_row(c, &d);
	dir_free(&d);
	return e;
}

static enum dir_err
dir_find_rows(struct auth_dir_call *c, struct cur *cur)
{
	struct dir_find	 f;
	const char	*words;
	enum dir_err	 e;
	int		 i;

	if (cur_copy(cur, &f, sizeof(f)) == -1 ||
	    (words = cur_str(cur)) == NULL || !cur_end(cur) ||
	    strlen(words) > DIR_WORDS)
		return auth_db_say(&c->why, DIR_OTHERERR, "Invalid parameter",
		    "filter");
	for (i = 0; i < DIR_TYPES; i++)
		if (f.types & 1u << i && dir_types[i] != NULL &&
		    (e = auth_dir_may(c, dir_perm((enum dir_type)i,
		    PERM_LIST))) != DIR_OK)
			return e;
	e = auth_find(&f, words, dir_found, c, &c->total);
	return e == DIR_OK ? DIR_OK : auth_db_say(&c->why, e, "directory", "");
}

static int
dir_found(void *arg, const struct dir_prin *d)
{
	return dir_row(arg, d);
}

static enum dir_err
dir_update(struct auth_dir_call *c, struct cur *cur)
{
	struct dir_prin	 old, d;
	enum dir_err	 e;

	dir_init(&old);
	dir_init(&d);
	if ((e = dir_key(c, cur, PERM_UPDATE, &old)) != DIR_OK ||
	    (e = auth_db_get(old.id, &d)) != DIR_OK)
		goto done;
	if (dir_apply(&d, cur->p, cur->n) == -1) {
		e = auth_db_say(&c->why, DIR_OTHERERR, "Invalid parameter",
		    "a value is too long, or there are too many");
		goto done;
	}
	d.id = old.id;
	d.type = old.type;
	if ((e = dir_valid(c, &d, &old)) != DIR_OK ||
	    (e = auth_db_update(&old, &d, &c->why)) != DIR_OK)
		goto done;
	dir_revoke(c, &old);
	c->secrets = dir_secrets_differ(&old, &d) ||
	    dir_has(&d, DIR_DISABLED, "authenticate");
done:
	dir_free(&old);
	dir_free(&d);
	return e;
}

static enum dir_err
dir_delete(struct auth_dir_call *c, struct cur *cur)
{
	struct dir_prin	 d;
	enum dir_err	 e;

	dir_init(&d);
	if ((e = dir_key(c, cur, PERM_DELETE, &d)) != DIR_OK)
		goto done;
	if ((e = auth_db_delete(&d)) != DIR_OK) {
		auth_db_say(&c->why, e, "directory", "");
		goto done;
	}
	dir_revoke(c, &d);
	c->secrets = 1;
	c->erase = c->revoke;
done:
	dir_free(&d);
	return e;
}

static int
dir_secrets_differ(const struct dir_prin *a, const struct dir_prin *b)
{
	const struct dir_values	*v = &a->f[DIR_SECRETS];
	size_t			 i;

	if (v->n != b->f[DIR_SECRETS].n)
		return 1;
	for (i = 0; i < v->n; i++)
		if (strcmp(v->v[i], b->f[DIR_SECRETS].v[i]) != 0)
			return 1;
	return 0;
}

static void
dir_revoke(struct auth_dir_call *c, const struct dir_prin *d)
{
	if (d->type != DIR_INDIVIDUAL)
		return;
	c->revoke = d->id;
	strlcpy(c->login, dir_first(d, DIR_NAME), sizeof(c->login));
}

/*
 * The principal that the key at the cursor names, if the caller may do that
 * to it.  Whoever may change somebody could become him, so nobody may change
 * one who may do more than himself.
 */
static enum dir_err
dir_key(struct auth_dir_call *c, struct cur *cur, enum perm_verb verb,
    struct dir_prin *d)
{
	const char	*key;
	enum dir_err	 e;

	if ((key = cur_str(cur)) == NULL)
		return auth_db_say(&c->why, DIR_MISSING, "name", "");
	if ((e = auth_db_key(key, d)) != DIR_OK)
		return auth_db_say(&c->why, e, key, "");
	if (c->types != 0 && !(c->types & 1u << d->type))
		return auth_db_say(&c->why, DIR_NOTFOUND, key, "");
	if ((e = auth_dir_may(c, dir_perm(d->type, verb))) != DIR_OK)
		return e;
	if (!c->trusted && (verb == PERM_UPDATE || verb == PERM_DELETE) &&
	    perm_of(d) & ~c->perms)
		return auth_db_say(&c->why, DIR_FORBIDDEN,
		    "the permissions of that account", "");
	return DIR_OK;
}

/* --- values ------------------------------------------------------------- */

static enum dir_err
dir_valid(struct auth_dir_call *c, struct dir_prin *d,
    const struct dir_prin *old)
{
	enum dir_err	 e;

	if ((e = dir_grants(c, d, old == NULL ? 0 : perm_of(old))) != DIR_OK ||
	    (e = dir_refs(c, d)) != DIR_OK)
		return e;
	return dir_secrets(c, d, old);
}

/* Roles and permissions exist, and nobody grants more than he has. */
static enum dir_err
dir_grants(struct auth_dir_call *c, const struct dir_prin *d, uint64_t had)
{
	const struct dir_values	*f = &d->f[DIR_ROLES];
	static const enum dir_field lists[] = { DIR_ENABLED, DIR_DISABLED };
	char			 text[64];
	size_t			 i, k;
	int			 known;

	for (i = 0; i < f->n; i++) {
		perm_role(f->v[i], &known);
		if (!known)
			return auth_db_say(&c->why, DIR_NOTFOUND, f->v[i], "");
	}
	for (k = 0; k < nitems(lists); k++) {
		f = &d->f[lists[k]];
		strlcpy(text, "Invalid ", sizeof(text));
		strlcat(text, dir_fields[lists[k]].name, sizeof(text));
		strlcat(text, " value", sizeof(text));
		for (i = 0; i < f->n; i++) {
			perm_bits(f->v[i], &known);
			if (!known)
				return auth_db_say(&c->why, DIR_OTHERERR,
				    text, f->v[i]);
		}
	}
	if (!c->trusted && perm_of(d) & ~had & ~c->perms)
		return auth_db_say(&c->why, DIR_OTHERERR, "Invalid role",
		    "it grants more than you may do");
	return DIR_OK;
}

/* Other principals that it names must be there. */
static enum dir_err
dir_refs(struct auth_dir_call *c, const struct dir_prin *d)
{
	static const enum dir_field	 refs[] = { DIR_MEMBER_OF, DIR_MEMBERS,
	    DIR_LISTS, DIR_TENANT_OF };
	const struct dir_values		*f;
	struct dir_prin			 other;
	size_t				 i, k;
	enum dir_err			 e;

	for (k = 0; k < nitems(refs); k++) {
		f = &d->f[refs[k]];
		for (i = 0; i < f->n; i++) {
			dir_init(&other);
			e = auth_db_key(f->v[i], &other);
			dir_free(&other);
			if (e != DIR_OK)
				return auth_db_say(&c->why, e, f->v[i], "");
		}
	}
	return DIR_OK;
}

/* Passwords that are new become hashes. */
static enum dir_err
dir_secrets(struct auth_dir_call *c, struct dir_prin *d,
    const struct dir_prin *old)
{
	struct dir_values	*f = &d->f[DIR_SECRETS];
	size_t			 i;
	enum dir_err		 e;

	if (f->n > 0 && d->type != DIR_INDIVIDUAL)
		return auth_db_say(&c->why, DIR_OTHERERR, "Invalid parameter",
		    "only an individual has secrets");
	if (f->n > DIR_SECRETS_MAX)
		return auth_db_say(&c->why, DIR_OTHERERR, "Invalid parameter",
		    "too many secrets");
	for (i = 0; i < f->n; i++) {
		if (old != NULL && dir_has(old, DIR_SECRETS, f->v[i]))
			continue;
		if ((e = dir_secret(c, d, i)) != DIR_OK)
			return e;
	}
	return DIR_OK;
}

static enum dir_err
dir_secret(struct auth_dir_call *c, struct dir_prin *d, size_t i)
{
	char		*s = d->f[DIR_SECRETS].v[i], *copy;
	char		 hash[AUTH_PASS_HASH];
	const char	*why;

	/* a second factor that is not asked for would be a lie */
	if (strncmp(s, "otpauth://", 10) == 0 || strncmp(s, "$app$", 5) == 0)
		return auth_db_say(&c->why, DIR_UNSUPPORTED,
		    "one-time and application passwords", "");
	if (auth_pass_is_hash(s)) {
		why = auth_pass_refuse(s);
		return why == NULL ? DIR_OK : auth_db_say(&c->why,
		    DIR_OTHERERR, "Invalid secret", why);
	}
	if (*s == '\0')
		return auth_db_say(&c->why, DIR_OTHERERR, "Invalid secret",
		    "the password is empty");
	if (auth_pass_make(s, hash) == -1 || (copy = strdup(hash)) == NULL)
		return auth_db_say(&c->why, DIR_FAILED, "no memory", "");
	freezero(s, strlen(s));
	d->f[DIR_SECRETS].v[i] = copy;
	return DIR_OK;
}

/* Everything but the secrets. */
static int
dir_row(struct auth_dir_call *c, const struct dir_prin *d)
{
	struct dir_prin	 open = *d;	/* borrows the values */

	open.f[DIR_SECRETS].n = 0;
	return c->row(c->arg, &open);
}
