/* SPDX-License-Identifier: ISC */
/*
 * The directory on disk: see auth_db.h.  Called by auth.c and auth_dir.c.
 * Knows nothing of passwords, permissions and messages.
 *
 * The layout, one LMDB file, keys by their first byte:
 *
 *	v			-> version of all this, 32 bits: DB_VERSION
 *	i			-> id to be given next, 64 bits
 *	g			-> generation, counts changes, 64 bits
 *	p id			-> principal: one byte version, packed (dir.h)
 *	n name			-> id
 *	e address		-> id; "@domain" takes what nobody else does
 *	x id			-> empty: gone, but its mail is still there
 *
 * Numbers are big-endian.  A newer program may read an older file; a file
 * of a newer version than ours is refused.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/kv.h"
#include "common/log.h"
#include "daemon/auth_db.h"
#include "daemon/auth_name.h"

#define DB_VERSION	1	/* of the file */
#define DB_RECORD	1	/* of a principal */

static struct kv	*db;

struct db_key {
	uint8_t	 b[1 + AUTH_DB_NAME];
	size_t	 n;
};

/* A change: what to remove, what to put. */
struct db_change {
	const struct dir_prin	*old, *new;
	int			 fresh;		/* take an id for new */
	uint64_t		 id;
};

static struct db_key	 db_text(int, const char *);
static struct db_key	 db_num(int, uint64_t);
static int	 db_put_u64(struct kv_txn *, struct db_key, uint64_t);
static int	 db_get_u64(struct kv_txn *, struct db_key, uint64_t *);
static int	 db_version(struct kv_txn *, void *);
static enum dir_err db_read(struct kv_txn *, uint64_t, struct dir_prin *);
static enum dir_err db_by(int, const char *, struct dir_prin *);
static enum dir_err db_rcpt_try(const char *, const char *, struct dir_prin *);
static enum dir_err db_write(struct db_change *);
static int	 db_change(struct kv_txn *, void *);
static int	 db_index(struct kv_txn *, const struct dir_prin *, uint64_t);
static int	 db_unindex(struct kv_txn *, const struct dir_prin *);
static int	 db_record(struct kv_txn *, const struct dir_prin *, uint64_t);
static int	 db_erased(struct kv_txn *, void *);
static enum dir_err db_free(const struct dir_prin *, uint64_t,
		    struct auth_db_why *);
static enum dir_err db_domains(const struct dir_prin *,
		    const struct dir_prin *, int, struct auth_db_why *);

enum dir_err
auth_db_say(struct auth_db_why *w, enum dir_err e, const char *what,
    const char *more)
{
	strlcpy(w->what, what, sizeof(w->what));
	strlcpy(w->more, more, sizeof(w->more));
	return e;
}

/* --- open --------------------------------------------------------------- */

int
auth_db_open(const char *dir)
{
	if ((db = kv_open(dir, 0, KV_FULL)) == NULL) {
		log_warn("directory in %s", dir);
		return -1;
	}
	if (kv_write(db, db_version, NULL) == -1) {
		log_warn("directory");
		auth_db_close();
		return -1;
	}
	return 0;
}

void
auth_db_close(void)
{
	if (db != NULL)
		kv_close(db);
	db = NULL;
}

static int
db_version(struct kv_txn *t, void *arg)
{
	uint64_t	 v;
	int		 n;

	(void)arg;
	if ((n = db_get_u64(t, db_text('v', ""), &v)) == -1)
		return -1;
	if (n == 1 && v > DB_VERSION) {
		log_warnx("directory: written by a newer program, version "
		    "%llu; this one reads %d", (unsigned long long)v,
		    DB_VERSION);
		errno = EPROTO;
		return -1;
	}
	if (n == 1)
		return 0;
	return db_put_u64(t, db_text('v', ""), DB_VERSION) == -1 ? -1 :
	    db_put_u64(t, db_text('i', ""), 1);
}

/* --- keys --------------------------------------------------------------- */

static struct db_key
db_text(int space, const char *s)
{
	struct db_key	 k;
	size_t		 n = strnlen(s, AUTH_DB_NAME);

	k.b[0] = (uint8_t)space;
	memcpy(k.b + 1, s, n);
	k.n = 1 + n;
	return k;
}

static struct db_key
db_num(int space, uint64_t v)
{
	struct db_key	 k;
	int		 i;

	k.b[0] = (uint8_t)space;
	for (i = 0; i < 8; i++)
		k.b[1 + i] = (uint8_t)(v >> (56 - 8 * i));
	k.n = 9;
	return k;
}

static int
db_put_u64(struct kv_txn *t, struct db_key k, uint64_t v)
{
	struct db_key	 val = db_num(0, v);

	return kv_put(t, k.b, k.n, val.b + 1, 8);
}

/* 1, 0 when there is none, -1 with errno. */
static int
db_get_u64(struct kv_txn *t, struct db_key k, uint64_t *v)
{
	struct slice	 s;
	struct cur	 c;
	int		 n;

	if ((n = kv_get(t, k.b, k.n, &s)) != 1)
		return n;
	cur_init(&c, s.p, s.n);
	*v = cur_be64(&c);
	if (!cur_end(&c)) {
		errno = EPROTO;
		return -1;
	}
	return 1;
}

/* --- reading ------------------------------------------------------------ */

static enum dir_err
db_read(struct kv_txn *t, uint64_t id, struct dir_prin *d)
{
	struct db_key	 k = db_num('p', id);
	const uint8_t	*p;
	struct slice	 s;
	int		 n;

	if ((n = kv_get(t, k.b, k.n, &s)) == 0)
		return DIR_NOTFOUND;
	p = s.p;
	if (n == -1 || s.n == 0 || p[0] > DB_RECORD ||
	    dir_apply(d, p + 1, s.n - 1) == -1) {
		log_warnx("directory: principal %llu cannot be read",
		    (unsigned long long)id);
		dir_free(d);
		return DIR_FAILED;
	}
	return DIR_OK;
}

enum dir_err
auth_db_get(uint64_t id, struct dir_prin *d)
{
	struct kv_txn	*t;
	enum dir_err	 e;

	if (kv_begin(db, 0, &t) == -1)
		return DIR_FAILED;
	e = db_read(t, id, d);
	kv_abort(t);
	return e;
}

/* By an index. */
static enum dir_err
db_by(int space, const char *text, struct dir_prin *d)
{
	struct kv_txn	*t;
	enum dir_err	 e = DIR_FAILED;
	uint64_t	 id;
	int		 n;

	if (kv_begin(db, 0, &t) == -1)
		return DIR_FAILED;
	if ((n = db_get_u64(t, db_text(space, text), &id)) == 1)
		e = db_read(t, id, d);
	else if (n == 0)
		e = DIR_NOTFOUND;
	kv_abort(t);
	return e;
}

enum dir_err
auth_db_key(const char *key, struct dir_prin *d)
{
	const char	*bad;
	char		 name[AUTH_DB_NAME + 1];
	long long	 id;
	enum dir_err	 e;

	if (strlcpy(name, key, sizeof(name)) >= sizeof(name) ||
	    auth_name_fold(name) == -1)
		return DIR_NOTFOUND;
	if ((e = db_by('n', name, d)) != DIR_NOTFOUND)
		return e;
	id = strtonum(name, 1, INT64_MAX, &bad);
	return bad == NULL ? auth_db_get((uint64_t)id, d) : DIR_NOTFOUND;
}

enum dir_err
auth_db_login(const char *login, struct dir_prin *d)
{
	char		 name[AUTH_DB_NAME + 1];
	enum dir_err	 e;

	if (strlcpy(name, login, sizeof(name)) >= sizeof(name) ||
	    auth_name_fold(name) == -1)
		return DIR_NOTFOUND;
	if ((e = db_by('n', name, d)) != DIR_NOTFOUND)
		return e;
	return name[0] == '@' ? DIR_NOTFOUND : db_by('e', name, d);
}

enum dir_err
auth_db_rcpt(const char *address, struct dir_prin *d, int *ours)
{
	struct dir_prin	 dom;
	char		 a[AUTH_DB_NAME + 1];
	const char	*at;
	enum dir_err	 e;

	*ours = 0;
	dir_init(&dom);
	if (strlcpy(a, address, sizeof(a)) >= sizeof(a) ||
	    auth_name_fold(a) == -1 || (at = strrchr(a, '@')) == NULL ||
	    at == a)
		return DIR_NOTFOUND;
	if ((e = db_by('n', at + 1, &dom)) != DIR_OK)
		return e;
	*ours = dom.type == DIR_DOMAIN;
	e = *ours ? db_rcpt_try(a, at, d) : DIR_NOTFOUND;
	dir_free(&dom);
	return e;
}

/* The address, without its +detail (RFC 5233), the domain's catch-all. */
static enum dir_err
db_rcpt_try(const char *a, const char *at, struct dir_prin *d)
{
	char		 bare[AUTH_DB_NAME + 1];
	const char	*plus;
	enum dir_err	 e;

	if ((e = db_by('e', a, d)) != DIR_NOTFOUND)
		return e;
	plus = memchr(a, '+', (size_t)(at - a));
	if (plus != NULL && plus != a) {
		snprintf(bare, sizeof(bare), "%.*s%s", (int)(plus - a), a, at);
		if ((e = db_by('e', bare, d)) != DIR_NOTFOUND)
			return e;
	}
	return db_by('e', at, d);
}

/* --- what may be stored ------------------------------------------------- */

/* Does anybody else have the name or an address? */
static enum dir_err
db_free(const struct dir_prin *d, uint64_t self, struct auth_db_why *w)
{
	const struct dir_values	*f = &d->f[DIR_EMAILS];
	struct kv_txn		*t;
	uint64_t		 id;
	size_t			 i;
	enum dir_err		 e = DIR_OK;

	if (kv_begin(db, 0, &t) == -1)
		return auth_db_say(w, DIR_FAILED, strerror(errno), "");
	if (db_get_u64(t, db_text('n', dir_first(d, DIR_NAME)), &id) == 1 &&
	    id != self)
		e = auth_db_say(w, DIR_EXISTS, "name",
		    dir_first(d, DIR_NAME));
	for (i = 0; i < f->n && e == DIR_OK; i++)
		if (db_get_u64(t, db_text('e', f->v[i]), &id) == 1 &&
		    id != self)
			e = auth_db_say(w, DIR_EXISTS, "emails", f->v[i]);
	kv_abort(t);
	return e;
}

/* The domains of the addresses that old did not have must be ours. */
static enum dir_err
db_domains(const struct dir_prin *d, const struct dir_prin *old, int make,
    struct auth_db_why *w)
{
	const struct dir_values	*f = &d->f[DIR_EMAILS];
	struct dir_prin		 dom;
	const char		*name;
	size_t			 i;
	enum dir_err		 e = DIR_OK;

	for (i = 0; i < f->n && e == DIR_OK; i++) {
		if (old != NULL && dir_has(old, DIR_EMAILS, f->v[i]))
			continue;
		name = strrchr(f->v[i], '@') + 1;
		dir_init(&dom);
		e = db_by('n', name, &dom);
		if (e == DIR_OK && dom.type != DIR_DOMAIN)
			e = DIR_NOTFOUND;
		else if (e == DIR_NOTFOUND && make) {
			dom.type = DIR_DOMAIN;
			e = dir_set(&dom, DIR_NAME, name) == -1 ? DIR_FAILED :
			    auth_db_create(&dom, 0, w);
		}
		dir_free(&dom);
		if (e != DIR_OK)
			auth_db_say(w, e, name, "");
	}
	return e;
}

/* --- writing ------------------------------------------------------------ */

enum dir_err
auth_db_create(struct dir_prin *d, int make_domains, struct auth_db_why *w)
{
	struct db_change	 c = { NULL, d, 1, 0 };
	enum dir_err		 e;

	if ((e = auth_name_normal(d, w)) != DIR_OK ||
	    (e = db_free(d, 0, w)) != DIR_OK ||
	    (e = db_domains(d, NULL, make_domains, w)) != DIR_OK)
		return e;
	if ((e = db_write(&c)) != DIR_OK)
		return auth_db_say(w, e, strerror(errno), "");
	d->id = c.id;
	return DIR_OK;
}

enum dir_err
auth_db_update(const struct dir_prin *old, struct dir_prin *d,
    struct auth_db_why *w)
{
	struct db_change	 c = { old, d, 0, old->id };
	enum dir_err		 e;

	d->id = old->id;
	d->type = old->type;
	if ((e = auth_name_normal(d, w)) != DIR_OK ||
	    (e = db_free(d, d->id, w)) != DIR_OK ||
	    (e = db_domains(d, old, 0, w)) != DIR_OK)
		return e;
	if ((e = db_write(&c)) != DIR_OK)
		return auth_db_say(w, e, strerror(errno), "");
	return DIR_OK;
}

enum dir_err
auth_db_delete(const struct dir_prin *d)
{
	struct db_change	 c = { d, NULL, 0, d->id };

	return db_write(&c);
}

static enum dir_err
db_write(struct db_change *c)
{
	if (kv_write(db, db_change, c) == 0)
		return DIR_OK;
	log_warn("directory: not written");
	return DIR_FAILED;
}

static int
db_change(struct kv_txn *t, void *arg)
{
	struct db_change	*c = arg;
	struct db_key		 k;
	uint64_t		 gen = 0;

	if (db_get_u64(t, db_text('g', ""), &gen) == -1 ||
	    db_put_u64(t, db_text('g', ""), gen + 1) == -1)
		return -1;
	if (c->old != NULL && db_unindex(t, c->old) == -1)
		return -1;
	if (c->new == NULL) {
		k = db_num('p', c->id);
		if (kv_del(t, k.b, k.n) == -1)
			return -1;
		k = db_num('x', c->id);
		return c->old->type != DIR_INDIVIDUAL ? 0 :
		    kv_put(t, k.b, k.n, "", 0);
	}
	if (c->fresh) {
		if (db_get_u64(t, db_text('i', ""), &c->id) != 1) {
			errno = EPROTO;
			return -1;
		}
		if (db_put_u64(t, db_text('i', ""), c->id + 1) == -1)
			return -1;
	}
	return db_index(t, c->new, c->id) == -1 ? -1 :
	    db_record(t, c->new, c->id);
}

static int
db_index(struct kv_txn *t, const struct dir_prin *d, uint64_t id)
{
	const struct dir_values	*f = &d->f[DIR_EMAILS];
	size_t			 i;

	if (db_put_u64(t, db_text('n', dir_first(d, DIR_NAME)), id) == -1)
		return -1;
	for (i = 0; i < f->n; i++)
		if (db_put_u64(t, db_text('e', f->v[i]), id) == -1)
			return -1;
	return 0;
}

static int
db_unindex(struct kv_txn *t, const struct dir_prin *d)
{
	const struct dir_values	*f = &d->f[DIR_EMAILS];
	struct db_key		 k = db_text('n', dir_first(d, DIR_NAME));
	size_t			 i;

	if (kv_del(t, k.b, k.n) == -1)
		return -1;
	for (i = 0; i < f->n; i++) {
		k = db_text('e', f->v[i]);
		if (kv_del(t, k.b, k.n) == -1)
			return -1;
	}
	return 0;
}

static int
db_record(struct kv_txn *t, const struct dir_prin *d, uint64_t id)
{
	struct dir_prin	 copy = *d;	/* borrows all values */
	struct db_key	 k = db_num('p', id);
	struct buf	 b;
	int		 ret = -1;

	copy.id = id;
	buf_init(&b, DIR_SIZE_MAX);
	buf_addc(&b, DB_RECORD);
	dir_pack(&b, &copy);
	if (buf_bad(&b))
		errno = EMSGSIZE;
	else
		ret = kv_put(t, k.b, k.n, b.data, b.len);
	buf_freezero(&b);
	return ret;
}

/* --- mail to be removed ------------------------------------------------- */

void
auth_db_erasing(void (*fn)(uint64_t))
{
	struct kv_range	 r;
	struct kv_txn	*t;
	struct slice	 key, val;
	struct cur	 c;

	if (kv_begin(db, 0, &t) == -1)
		return;
	if (kv_prefix(&r, t, "x", 1, 0) == 0) {
		while (kv_next(&r, &key, &val) == 1) {
			cur_init(&c, key.p, key.n);
			cur_u8(&c);
			fn(cur_be64(&c));
		}
		kv_done(&r);
	}
	kv_abort(t);
}

void
auth_db_erased(uint64_t id)
{
	if (kv_write(db, db_erased, &id) == -1)
		log_warn("directory: not written");
}

static int
db_erased(struct kv_txn *t, void *id)
{
	struct db_key	 k = db_num('x', *(uint64_t *)id);

	return kv_del(t, k.b, k.n) == -1 ? -1 : 0;
}

enum dir_err
auth_db_generation(uint64_t *gen)
{
	struct kv_txn	*t;
	int		 n;

	*gen = 0;
	if (kv_begin(db, 0, &t) == -1)
		return DIR_FAILED;
	n = db_get_u64(t, db_text('g', ""), gen);
	kv_abort(t);
	return n == -1 ? DIR_FAILED : DIR_OK;
}

/* --- all ---------------------------------------------------------------- */

enum dir_err
auth_db_walk(int (*fn)(void *, const struct dir_prin *), void *arg)
{
	struct dir_prin	 d;
	struct kv_range	 r;
	struct kv_txn	*t;
	struct slice	 key, val;
	struct cur	 c;
	int		 more = 1;
	enum dir_err	 e = DIR_OK;

	if (kv_begin(db, 0, &t) == -1)
		return DIR_FAILED;
	if (kv_prefix(&r, t, "n", 1, 0) == -1) {
		kv_abort(t);
		return DIR_FAILED;
	}
	while (e == DIR_OK && more && kv_next(&r, &key, &val) == 1) {
		cur_init(&c, val.p, val.n);
		dir_init(&d);
		if ((e = db_read(t, cur_be64(&c), &d)) == DIR_OK)
			more = fn(arg, &d);
		dir_free(&d);
	}
	kv_done(&r);
	kv_abort(t);
	return e;
}
