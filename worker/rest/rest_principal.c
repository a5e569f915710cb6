/* SPDX-License-Identifier: ISC */
/*
 * Principals from the directory to JSON (stalwart-rest.md 3): one, a list,
 * and what needs no body: delete, reload.  Secrets are not in the rows that
 * auth sends, and are left out here, too.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/js.h"
#include "worker/rest/rest.h"
#include "worker/store/store.h"

#define LIST_WINDOW	500	/* rows asked for at once */
#define LIST_TYPES	((1u << DIR_TYPES) - 1)

/* A list on its way. */
struct list {
	struct dir_find	 f;
	const char	*filter;
	uint32_t	 fields;	/* mask of 1 << enum dir_field */
	uint32_t	 left;		/* rows still wanted */
	int		 count;		/* only how many there are */
};

static void	principal_row(struct rest_call *, const struct dir_prin *);
static uint64_t	principal_used(const struct dir_prin *);
static void	principal_ok(struct rest_call *, const struct auth_ask_end *);
static void	principal_null(struct rest_call *,
		    const struct auth_ask_end *);
static void	principal_json(struct buf *, const struct dir_prin *,
		    uint32_t, uint64_t);
static int	list_params(struct req *, struct list *);
static int	list_types(struct req *, const char *, uint32_t *);
static int	list_fields(const char *, uint32_t *);
static int	list_number(struct req *, const char *, uint32_t *);
static void	list_ask(struct rest_call *);
static void	list_row(struct rest_call *, const struct dir_prin *);
static void	list_ok(struct rest_call *, const struct auth_ask_end *);
static void	by_name(struct req *, uint32_t,
		    void (*)(struct rest_call *, const struct dir_prin *),
		    void (*)(struct rest_call *, const struct auth_ask_end *));
static void	reload_ok(struct rest_call *, const struct auth_ask_end *);

/* --- one ---------------------------------------------------------------- */

static void
by_name(struct req *r, uint32_t op,
    void (*row)(struct rest_call *, const struct dir_prin *),
    void (*ok)(struct rest_call *, const struct auth_ask_end *))
{
	struct rest_call	*c;
	struct buf		 tail;

	if ((c = rest_call(r)) == NULL)
		return;
	c->row = row;
	c->ok = ok;
	buf_init(&tail, DIR_SIZE_MAX);
	buf_add(&tail, req_param(r, 0), strlen(req_param(r, 0)) + 1);
	rest_ask(c, op, &tail);
	buf_free(&tail);
}

void
rest_principal_get(struct req *r)
{
	by_name(r, DIR_GET, principal_row, principal_ok);
}

static void
principal_row(struct rest_call *c, const struct dir_prin *d)
{
	js_out_obj(&c->out);
	js_out_key(&c->out, "data");
	principal_json(&c->out, d, UINT32_MAX, principal_used(d));
	js_out_end(&c->out, '}');
}

/* Bytes of mail; 0 too when nobody has opened the account yet. */
static uint64_t
principal_used(const struct dir_prin *d)
{
	char			 name[DIR_ACCOUNT_LEN];
	struct store		*s;
	struct store_txn	*t;
	uint64_t		 mails, bytes = 0;

	if (d->type != DIR_INDIVIDUAL ||
	    store_open(dir_account(d->id, name), 0, &s) != STORE_OK)
		return 0;
	if (store_begin(s, 0, &t) == STORE_OK) {
		store_usage(t, &mails, &bytes);
		store_abort(t);
	}
	store_close(s);
	return bytes;
}

static void
principal_ok(struct rest_call *c, const struct auth_ask_end *end)
{
	(void)end;
	rest_out(c);
}

void
rest_principal_delete(struct req *r)
{
	by_name(r, DIR_DELETE, NULL, principal_null);
}

static void
principal_null(struct rest_call *c, const struct auth_ask_end *end)
{
	(void)end;
	rest_data(c->r, "null");
}

/* Only fields that have a value. */
static void
principal_json(struct buf *b, const struct dir_prin *d, uint32_t fields,
    uint64_t used)
{
	const struct dir_values	*f;
	size_t			 i, k;

	js_out_obj(b);
	js_out_key(b, "id");
	js_out_uint(b, d->id);
	js_out_key(b, "type");
	js_out_s(b, dir_types[d->type]);
	if (d->quota != 0 && fields & 1u << DIR_QUOTA) {
		js_out_key(b, "quota");
		js_out_uint(b, d->quota);
	}
	if (used != 0) {
		js_out_key(b, "usedQuota");
		js_out_uint(b, used);
	}
	for (k = DIR_NAME; k < DIR_FIELDS; k++) {
		f = &d->f[k];
		if (f->n == 0 || k == DIR_SECRETS || !(fields & 1u << k))
			continue;
		js_out_key(b, dir_fields[k].name);
		if (dir_fields[k].kind == DIR_K_STR) {
			js_out_s(b, f->v[0]);
			continue;
		}
		js_out_arr(b);
		for (i = 0; i < f->n; i++)
			js_out_s(b, f->v[i]);
		js_out_end(b, ']');
	}
	js_out_end(b, '}');
}

/* --- a list ------------------------------------------------------------- */

void
rest_principal_list(struct req *r)
{
	struct rest_call	*c;
	struct list		*l;

	if ((c = rest_call(r)) == NULL)
		return;
	if ((l = arena_get(&r->arena, sizeof(*l))) == NULL) {
		rest_error(r, DIR_FAILED, "", "");
		return;
	}
	if (list_params(r, l) == -1)
		return;
	c->data = l;
	c->row = list_row;
	c->ok = list_ok;
	js_out_obj(&c->out);
	js_out_key(&c->out, "data");
	js_out_obj(&c->out);
	js_out_key(&c->out, "items");
	js_out_arr(&c->out);
	list_ask(c);
}

/* -1: it has been answered. */
static int
list_params(struct req *r, struct list *l)
{
	const char	*types, *fields, *tenant;
	uint32_t	 page = 0, limit = 0;

	if ((types = req_query(r, "types")) == NULL || *types == '\0')
		types = req_query(r, "type");
	fields = req_query(r, "fields");
	tenant = req_query(r, "tenant");
	if (list_types(r, types, &l->f.types) == -1)
		return -1;
	if (list_number(r, "page", &page) == -1 ||
	    list_number(r, "limit", &limit) == -1)
		return -1;
	if (list_fields(fields, &l->fields) == -1) {
		rest_invalid(r, "fields");
		return -1;
	}
	if (tenant != NULL && *tenant != '\0') {
		rest_error(r, DIR_NOTFOUND, tenant, "");
		return -1;
	}
	if ((l->filter = req_query(r, "filter")) == NULL)
		l->filter = "";
	if (strlen(l->filter) > 256) {
		rest_invalid(r, "filter");
		return -1;
	}
	/* page 0 and page 1 are the first */
	page = page == 0 ? 0 : page - 1;
	if (limit != 0 && page > UINT32_MAX / limit) {
		rest_invalid(r, "page");
		return -1;
	}
	l->f.at = page * limit;
	l->left = limit == 0 ? UINT32_MAX : limit;
	l->count = req_query(r, "count") != NULL &&
	    *req_query(r, "count") != '\0';
	if (l->count)
		l->left = 0;
	return 0;
}

/* "individual,domain"; none: all. */
static int
list_types(struct req *r, const char *text, uint32_t *types)
{
	char	*copy, *word;
	int	 t;

	*types = 0;
	if (text == NULL || *text == '\0') {
		*types = LIST_TYPES;
		return 0;
	}
	if ((copy = arena_dup(&r->arena, text, strlen(text))) == NULL) {
		rest_error(r, DIR_FAILED, "", "");
		return -1;
	}
	while ((word = strsep(&copy, ",")) != NULL) {
		if ((t = dir_type(word)) == -1) {
			rest_invalid(r, "types");
			return -1;
		}
		*types |= 1u << t;
	}
	return 0;
}

static int
list_fields(const char *text, uint32_t *fields)
{
	char	 word[64];
	size_t	 n;
	int	 f;

	*fields = text == NULL || *text == '\0' ? UINT32_MAX : 0;
	for (; text != NULL && *text != '\0'; text += n + (text[n] == ',')) {
		n = strcspn(text, ",");
		if (n >= sizeof(word))
			return -1;
		memcpy(word, text, n);
		word[n] = '\0';
		if (strcmp(word, "usedQuota") == 0)
			continue;
		if ((f = dir_field(word)) == -1)
			return -1;
		*fields |= 1u << f;
	}
	return 0;
}

static int
list_number(struct req *r, const char *name, uint32_t *out)
{
	const char	*text = req_query(r, name), *bad;

	*out = 0;
	if (text == NULL || *text == '\0')
		return 0;
	*out = (uint32_t)strtonum(text, 0, INT32_MAX, &bad);
	if (bad == NULL)
		return 0;
	rest_invalid(r, name);
	return -1;
}

static void
list_ask(struct rest_call *c)
{
	struct list	*l = c->data;
	struct buf	 tail;

	l->f.max = l->left < LIST_WINDOW ? l->left : LIST_WINDOW;
	buf_init(&tail, DIR_SIZE_MAX);
	buf_add(&tail, &l->f, sizeof(l->f));
	buf_add(&tail, l->filter, strlen(l->filter) + 1);
	rest_ask(c, DIR_FIND, &tail);
	buf_free(&tail);
}

static void
list_row(struct rest_call *c, const struct dir_prin *d)
{
	struct list	*l = c->data;

	principal_json(&c->out, d, l->fields, 0);
}

/* A window is done: the next one, or the end. */
static void
list_ok(struct rest_call *c, const struct auth_ask_end *end)
{
	struct list	*l = c->data;

	l->f.at += c->nrows;
	l->left -= c->nrows < l->left ? c->nrows : l->left;
	if (c->nrows > 0 && l->left > 0 && l->f.at < end->total &&
	    !buf_bad(&c->out)) {
		list_ask(c);
		return;
	}
	js_out_end(&c->out, ']');
	js_out_key(&c->out, "total");
	js_out_uint(&c->out, end->total);
	js_out_end(&c->out, '}');
	js_out_end(&c->out, '}');
	rest_out(c);
}

/* --- reload ------------------------------------------------------------- */

void
rest_principal_reload(struct req *r)
{
	struct rest_call	*c;
	const char		*dry = req_query(r, "dry-run");

	if (dry != NULL && *dry != '\0') {
		rest_error(r, DIR_UNSUPPORTED, "dry-run: use jmapd -n", "");
		return;
	}
	if ((c = rest_call(r)) == NULL)
		return;
	c->ok = reload_ok;
	rest_ask(c, DIR_RELOAD, NULL);
}

static void
reload_ok(struct rest_call *c, const struct auth_ask_end *end)
{
	(void)end;
	rest_data(c->r, "{\"warnings\":{},\"errors\":{}}");
}
