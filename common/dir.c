/* SPDX-License-Identifier: ISC */
/*
 * Principals in packed form and in hand: see dir.h.  Used by auth on what is
 * on its disk and on what workers send, so every length and number is
 * checked here; by rest and jmapctl to make and to show them.
 */
#include "common/compat.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dir.h"
#include "common/utf8.h"

#define DIR_HEAD	8	/* bytes of an entry before its value */

const struct dir_field_info dir_fields[DIR_FIELDS] = {
	[DIR_ID]	 = { "id",			DIR_K_UINT, 0 },
	[DIR_TYPE]	 = { "type",			DIR_K_STR,  0 },
	[DIR_NAME]	 = { "name",			DIR_K_STR,  1 },
	[DIR_DESCRIPTION] = { "description",		DIR_K_STR,  1 },
	[DIR_SECRETS]	 = { "secrets",			DIR_K_LIST, 1 },
	[DIR_EMAILS]	 = { "emails",			DIR_K_LIST, 1 },
	[DIR_QUOTA]	 = { "quota",			DIR_K_UINT, 1 },
	[DIR_MEMBER_OF]	 = { "memberOf",		DIR_K_LIST, 1 },
	[DIR_MEMBERS]	 = { "members",			DIR_K_LIST, 1 },
	[DIR_ROLES]	 = { "roles",			DIR_K_LIST, 1 },
	[DIR_LISTS]	 = { "lists",			DIR_K_LIST, 1 },
	[DIR_ENABLED]	 = { "enabledPermissions",	DIR_K_LIST, 1 },
	[DIR_DISABLED]	 = { "disabledPermissions",	DIR_K_LIST, 1 },
	[DIR_URLS]	 = { "urls",			DIR_K_LIST, 1 },
	[DIR_EXTERNAL]	 = { "externalMembers",		DIR_K_LIST, 1 },
	[DIR_TENANT_OF]	 = { "tenant",			DIR_K_STR,  1 },
	[DIR_PICTURE]	 = { "picture",			DIR_K_STR,  1 },
	[DIR_LOCALE]	 = { "locale",			DIR_K_STR,  1 },
};

const char *const dir_types[DIR_TYPES] = {
	[DIR_INDIVIDUAL]	= "individual",
	[DIR_GROUP]		= "group",
	[DIR_RESOURCE]		= "resource",
	[DIR_LOCATION]		= "location",
	[DIR_LIST]		= "list",
	[DIR_OTHER]		= "other",
	[DIR_DOMAIN]		= "domain",
	[DIR_TENANT]		= "tenant",
	[DIR_ROLE]		= "role",
	[DIR_API_KEY]		= "apiKey",
	[DIR_OAUTH_CLIENT]	= "oauthClient",
};

static int	dir_next(struct cur *, struct dir_entry *);
static int	dir_uint(const char *, size_t, uint64_t *);
static int	dir_apply_num(struct dir_prin *, const struct dir_entry *);
static size_t	dir_find_value(const struct dir_values *, const char *, size_t);
static int	dir_append(struct dir_values *, const char *, size_t);
static void	dir_drop(struct dir_values *, size_t);

int
dir_field(const char *name)
{
	int	 i;

	for (i = DIR_ID; i < DIR_FIELDS; i++)
		if (strcmp(name, dir_fields[i].name) == 0)
			return i;
	return -1;
}

int
dir_type(const char *name)
{
	int	 i;

	for (i = 0; i < DIR_TYPES; i++)
		if (dir_types[i] != NULL && strcmp(name, dir_types[i]) == 0)
			return i;
	return strcmp(name, "superuser") == 0 ? DIR_INDIVIDUAL : -1;
}

const char *
dir_account(uint64_t id, char out[DIR_ACCOUNT_LEN])
{
	snprintf(out, DIR_ACCOUNT_LEN, "u%" PRIu64, id);
	return out;
}

uint64_t
dir_account_get(const char *s)
{
	uint64_t	 id;

	if (s[0] != 'u' || dir_uint(s + 1, strlen(s + 1), &id) == -1)
		return 0;
	return id;
}

/* Decimal, no sign, no leading zero, at most 2^63 - 1. */
static int
dir_uint(const char *p, size_t n, uint64_t *out)
{
	uint64_t	 v = 0;
	size_t		 i;

	if (n == 0 || n > 19 || (n > 1 && p[0] == '0'))
		return -1;
	for (i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (uint64_t)(p[i] - '0');
	}
	if (v > INT64_MAX)
		return -1;
	*out = v;
	return 0;
}

void
dir_put(struct buf *b, enum dir_action action, enum dir_field field,
    const void *p, size_t len)
{
	if (len > DIR_STR_MAX) {
		b->bad = 1;
		return;
	}
	buf_addc(b, action);
	buf_addc(b, field);
	buf_be16(b, 0);
	buf_be32(b, (uint32_t)len);
	buf_add(b, p, len);
}

void
dir_put_uint(struct buf *b, enum dir_field field, uint64_t v)
{
	char	 num[24];
	int	 n;

	n = snprintf(num, sizeof(num), "%" PRIu64, v);
	dir_put(b, DIR_ADD, field, num, (size_t)n);
}

/* Next entry: 1, 0 at the end, -1 malformed (unknown numbers, too long). */
static int
dir_next(struct cur *c, struct dir_entry *e)
{
	uint8_t	 action, field;

	if (c->n == 0 && !c->bad)
		return 0;
	action = cur_u8(c);
	field = cur_u8(c);
	cur_be16(c);
	e->len = cur_be32(c);
	if (c->bad || action > DIR_CLEAR || field == 0 ||
	    field >= DIR_FIELDS || e->len > DIR_STR_MAX)
		return -1;
	e->action = action;
	e->field = field;
	if ((e->p = (const char *)cur_bytes(c, e->len)) == NULL)
		return -1;
	/* values become C strings, and JSON */
	if (memchr(e->p, '\0', e->len) != NULL || !utf8_valid(e->p, e->len))
		return -1;
	return 1;
}

void
dir_init(struct dir_prin *d)
{
	memset(d, 0, sizeof(*d));
}

void
dir_free(struct dir_prin *d)
{
	struct dir_values	*f;

	for (f = d->f; f < d->f + DIR_FIELDS; f++) {
		while (f->n > 0)
			dir_drop(f, f->n - 1);
		free(f->v);
	}
	dir_init(d);
}

int
dir_apply(struct dir_prin *d, const void *p, size_t len)
{
	struct dir_entry	 e;
	struct cur		 c;
	int			 n;

	if (len > DIR_SIZE_MAX)
		return -1;
	cur_init(&c, p, len);
	while ((n = dir_next(&c, &e)) == 1)
		if (dir_apply_one(d, &e) == -1)
			return -1;
	return n;
}

int
dir_apply_one(struct dir_prin *d, const struct dir_entry *e)
{
	struct dir_values	*f = &d->f[e->field];
	size_t			 at;

	if (dir_fields[e->field].kind == DIR_K_UINT || e->field == DIR_TYPE)
		return dir_apply_num(d, e);
	at = dir_find_value(f, e->p, e->len);
	switch (e->action) {
	case DIR_CLEAR:
		while (f->n > 0)
			dir_drop(f, f->n - 1);
		return 0;
	case DIR_REMOVE:
		if (at < f->n)
			dir_drop(f, at);
		return 0;
	case DIR_ADD:
		if (dir_fields[e->field].kind == DIR_K_STR)
			while (f->n > 0)
				dir_drop(f, f->n - 1);
		else if (at < f->n)
			return 0;
		return dir_append(f, e->p, e->len);
	}
	return -1;
}

/* id, type and quota; removing makes them 0. */
static int
dir_apply_num(struct dir_prin *d, const struct dir_entry *e)
{
	uint64_t	 v = 0;

	if (e->action == DIR_ADD && dir_uint(e->p, e->len, &v) == -1)
		return -1;
	switch (e->field) {
	case DIR_ID:
		d->id = v;
		return 0;
	case DIR_TYPE:
		if (v >= DIR_TYPES || dir_types[v] == NULL)
			return -1;
		d->type = v;
		return 0;
	case DIR_QUOTA:
		d->quota = v;
		return 0;
	default:
		return -1;
	}
}

/* Where the value is; f->n if it is not. */
static size_t
dir_find_value(const struct dir_values *f, const char *p, size_t len)
{
	size_t	 i;

	for (i = 0; i < f->n; i++)
		if (strlen(f->v[i]) == len && memcmp(f->v[i], p, len) == 0)
			break;
	return i;
}

static int
dir_append(struct dir_values *f, const char *p, size_t len)
{
	char	**v, *s;

	if (f->n >= DIR_VALUES_MAX || len > DIR_STR_MAX)
		return -1;
	if ((v = reallocarray(f->v, f->n + 1, sizeof(*v))) == NULL)
		return -1;
	f->v = v;
	if ((s = malloc(len + 1)) == NULL)
		return -1;
	memcpy(s, p, len);
	s[len] = '\0';
	f->v[f->n++] = s;
	return 0;
}

static void
dir_drop(struct dir_values *f, size_t at)
{
	assert(at < f->n);
	freezero(f->v[at], strlen(f->v[at]));
	f->n--;
	memmove(f->v + at, f->v + at + 1, (f->n - at) * sizeof(*f->v));
}

void
dir_pack(struct buf *b, const struct dir_prin *d)
{
	const struct dir_values	*f;
	size_t			 i, k;

	dir_put_uint(b, DIR_ID, d->id);
	dir_put_uint(b, DIR_TYPE, d->type);
	if (d->quota != 0)
		dir_put_uint(b, DIR_QUOTA, d->quota);
	for (k = 0; k < DIR_FIELDS; k++) {
		f = &d->f[k];
		for (i = 0; i < f->n; i++)
			dir_put(b, DIR_ADD, k, f->v[i], strlen(f->v[i]));
	}
}

const char *
dir_first(const struct dir_prin *d, enum dir_field field)
{
	return d->f[field].n == 0 ? NULL : d->f[field].v[0];
}

int
dir_has(const struct dir_prin *d, enum dir_field field, const char *s)
{
	return dir_find_value(&d->f[field], s, strlen(s)) < d->f[field].n;
}

int
dir_set(struct dir_prin *d, enum dir_field field, const char *s)
{
	struct dir_entry	 e = { DIR_CLEAR, field, "", 0 };

	if (dir_apply_one(d, &e) == -1 || s == NULL)
		return s == NULL ? 0 : -1;
	e = (struct dir_entry){ DIR_ADD, field, s, strlen(s) };
	return dir_apply_one(d, &e);
}
