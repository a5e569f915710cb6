/* SPDX-License-Identifier: ISC */
/*
 * Small objects as rows of the store: read, made, written.  Called by
 * jmap_object.c and by whoever changes such an object without a JMAP call
 * (the status of a submission, the vacation response of a delivery).
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/jmap_blob.h"
#include "worker/jmap/jmap_object.h"

#define OBJROW_MAX	(1 << 20)	/* bytes, as the store's */

static int		 objrow_read(const struct jmap_type *, struct js_val *,
			    struct jmap_object *);
static int		 objrow_write(const struct jmap_type *,
			    const struct jmap_object *, struct buf *);
static int		 objrow_blobs(const struct jmap_type *,
			    const struct jmap_object *, struct buf *);
static enum store_err	 objrow_save(struct store_txn *,
			    const struct jmap_type *,
			    const struct jmap_object *, uint64_t *);

size_t
jmap_objrow_id(const struct jmap_type *t, uint64_t id, char out[STORE_IDLEN])
{
	if (t->object->letter == 0)
		return strlcpy(out, "singleton", STORE_IDLEN);
	return store_id_object(t->object->letter, id, out);
}

int
jmap_objrow_id_get(const struct jmap_type *t, const char *text, uint64_t *id)
{
	if (t->object->letter != 0)
		return store_id_object_get(t->object->letter, text,
		    strlen(text), id);
	*id = 1;
	return strcmp(text, "singleton") == 0 ? 0 : -1;
}

/* Gives the value; NULL is null. */
struct js_val *
jmap_objrow_default(unsigned flags)
{
	switch (flags & JO_KIND) {
	case JO_STR:
	case JO_DATE:
	case JO_ID:
		return js_new_str("", 0);
	case JO_BOOL:
		return js_new_bool(0);
	case JO_UINT:
		return js_new_int(0);
	case JO_ARR:
	case JO_BLOBS:
		return js_new_arr();
	default:
		return NULL;
	}
}

int
jmap_objrow_new(const struct jmap_type *t, struct jmap_object *o)
{
	const struct jmap_prop	*p;

	o->id = 0;
	if ((o->val = js_new_obj()) == NULL)
		return -1;
	for (p = t->props; p < t->props + t->nprops; p++)
		if ((p->flags & JO_KIND) != 0 && js_set(o->val, p->name,
		    jmap_objrow_default(p->flags)) == -1) {
			jmap_objrow_free(o);
			return -1;
		}
	return 0;
}

void
jmap_objrow_free(struct jmap_object *o)
{
	js_free(o->val);
	o->val = NULL;
}

int
jmap_objrow_set(struct jmap_object *o, const char *name, struct js_val *v)
{
	return js_set(o->val, name, v);
}

int
jmap_objrow_set_str(struct jmap_object *o, const char *name, const char *s)
{
	struct js_val	*v = js_new_str(s, strlen(s));

	return v == NULL ? -1 : js_set(o->val, name, v);
}

enum store_err
jmap_objrow_load(struct store_txn *txn, const struct jmap_type *t,
    uint64_t id, struct jmap_object *o)
{
	struct js_val	*v = NULL;
	struct slice	 row;
	const char	*p;
	enum store_err	 e;
	size_t		 skip;

	o->val = NULL;
	if ((e = store_object_get(txn, t->kind, id, &row)) != STORE_OK)
		return e;
	if (store_object_blobs(row, &skip) == NULL)
		return STORE_CORRUPT;
	skip = 3 + skip * STORE_HASHLEN;
	p = row.p;
	if (js_parse(p + skip, row.n - skip, NULL, NULL, &v) != JS_OK ||
	    jmap_objrow_new(t, o) == -1)
		e = STORE_CORRUPT;
	else if (objrow_read(t, v, o) == -1) {
		jmap_objrow_free(o);
		e = STORE_IO;
	}
	o->id = id;
	js_free(v);
	return e;
}

/* What the table does not know any more is dropped. */
static int
objrow_read(const struct jmap_type *t, struct js_val *v, struct jmap_object *o)
{
	const struct jmap_prop	*p;
	struct js_val		*one;

	for (p = t->props; p < t->props + t->nprops; p++)
		if ((p->flags & JO_KIND) != 0 && !(p->flags & JO_FILLED) &&
		    js_find(v, p->name, &one) &&
		    js_set(o->val, p->name, js_ref(one)) == -1)
			return -1;
	return 0;
}

int
jmap_objrow_all(struct jmap_call *c, const struct jmap_type *t,
    struct jmap_object **o, size_t *n)
{
	struct store_ids	 ids = { NULL, 0, 0 };
	int			 got;

	*n = 0;
	got = jmap_api_store(c, store_object_ids(c->txn, t->kind, &ids));
	if (got == 1 && (*o = arena_array(&c->req->arena, ids.n + 1,
	    sizeof(**o))) == NULL)
		got = -1;
	while (got == 1 && *n < ids.n) {
		got = jmap_api_store(c, jmap_objrow_load(c->txn, t,
		    ids.v[*n], &(*o)[*n]));
		*n += got == 1;
	}
	store_ids_free(&ids);
	return got == 1 ? 1 : -1;
}

enum store_err
jmap_objrow_create(struct store_txn *txn, const struct jmap_type *t,
    struct jmap_object *o)
{
	if (t->object->letter == 0)
		o->id = 1;
	return objrow_save(txn, t, o, &o->id);
}

enum store_err
jmap_objrow_update(struct store_txn *txn, const struct jmap_type *t,
    const struct jmap_object *o)
{
	return objrow_save(txn, t, o, NULL);
}

/* made NULL: it is there already. */
static enum store_err
objrow_save(struct store_txn *txn, const struct jmap_type *t,
    const struct jmap_object *o, uint64_t *made)
{
	struct buf	 b;
	enum store_err	 e;

	buf_init(&b, OBJROW_MAX);
	if (objrow_write(t, o, &b) == -1)
		e = STORE_TOOMANY;
	else if (made != NULL)
		e = store_object_create(txn, t->kind, SLICE(b.data, b.len),
		    made);
	else
		e = store_object_update(txn, t->kind, o->id,
		    SLICE(b.data, b.len));
	buf_free(&b);
	return e;
}

static int
objrow_write(const struct jmap_type *t, const struct jmap_object *o,
    struct buf *b)
{
	const struct jmap_prop	*p;
	struct buf		 json;
	int			 ret = -1;

	buf_init(&json, b->max);
	if (objrow_blobs(t, o, b) == -1)
		goto done;
	js_out_obj(&json);
	for (p = t->props; p < t->props + t->nprops; p++) {
		if ((p->flags & JO_KIND) == 0 || p->flags & JO_FILLED)
			continue;
		js_out_key(&json, p->name);
		js_out_val(&json, js_get(o->val, p->name));
	}
	js_out_end(&json, '}');
	if (!buf_bad(&json))
		ret = buf_add(b, json.data, json.len);
done:
	buf_free(&json);
	return ret;
}

/* The head of the row: hashes of all JO_BLOBS properties. */
static int
objrow_blobs(const struct jmap_type *t, const struct jmap_object *o,
    struct buf *b)
{
	const struct jmap_prop	*p;
	struct js_val		*v;
	struct jmap_blob	 blob;
	size_t			 i, n = 0;

	buf_addc(b, STORE_OBJECT_BLOBS);
	buf_be16(b, 0);
	for (p = t->props; p < t->props + t->nprops; p++) {
		if ((p->flags & JO_KIND) != JO_BLOBS)
			continue;
		v = js_get(o->val, p->name);
		for (i = 0; i < js_len(v); i++, n++)
			if (jmap_blob_parse(js_str(js_at(v, i)), &blob) == -1 ||
			    blob.eid != 0 ||
			    buf_add(b, blob.hash, STORE_HASHLEN) == -1)
				return -1;
	}
	if (n > UINT16_MAX || buf_bad(b))
		return -1;
	b->data[1] = (uint8_t)(n >> 8);
	b->data[2] = (uint8_t)n;
	return 0;
}
