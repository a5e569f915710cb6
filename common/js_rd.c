/* SPDX-License-Identifier: ISC */
/*
 * Typed reading of an object's members, keeping the path of the first
 * fault: what every method does with its arguments.  See js.h.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/date.h"
#include "common/js.h"

static int	rd_take(struct js_rd *, const char *, struct js_val **);
static int	rd_kind(struct js_rd *, const char *, enum js_type, int,
		    struct js_val **);
static int	rd_id(struct js_rd *, const char *, int, const char **);
static int	rd_uint(struct js_rd *, const char *, int, uint64_t *);
static int	rd_took(const struct js_rd *, const char *);

void
js_rd_init(struct js_rd *rd, struct js_val *obj, const char *path)
{
	rd->obj = obj;
	rd->path = path;
	rd->ntook = 0;
	rd->fault[0] = '\0';
	if (js_type(obj) != JS_OBJ)
		(void)snprintf(rd->fault, sizeof(rd->fault), "%s",
		    path[0] == '\0' ? "arguments" : path);
}

int
js_rd_bad(struct js_rd *rd, const char *key)
{
	/* a path that is cut short still helps */
	if (rd->fault[0] == '\0')
		(void)snprintf(rd->fault, sizeof(rd->fault), "%s%s%s",
		    rd->path, rd->path[0] == '\0' ? "" : "/", key);
	return -1;
}

/* The member, noted as read: 1, 0 absent, -1 after a fault. */
static int
rd_take(struct js_rd *rd, const char *key, struct js_val **v)
{
	if (rd->fault[0] != '\0')
		return -1;
	if (!js_find(rd->obj, key, v))
		return 0;
	if (rd->ntook < nitems(rd->took))
		rd->took[rd->ntook++] = key;
	return 1;
}

static int
rd_kind(struct js_rd *rd, const char *key, enum js_type kind, int null,
    struct js_val **out)
{
	struct js_val	*v;
	int		 got;

	if ((got = rd_take(rd, key, &v)) != 1)
		return got;
	if (v == NULL && null)
		return 0;
	if (js_type(v) != kind)
		return js_rd_bad(rd, key);
	*out = v;
	return 1;
}

int
js_rd_bool(struct js_rd *rd, const char *key, int *out)
{
	struct js_val	*v;
	int		 got;

	if ((got = rd_kind(rd, key, JS_BOOL, 0, &v)) == 1)
		*out = js_bool(v);
	return got;
}

int
js_rd_int(struct js_rd *rd, const char *key, int64_t *out)
{
	struct js_val	*v;
	int		 got;

	if ((got = rd_kind(rd, key, JS_INT, 0, &v)) == 1)
		*out = js_int(v);
	return got;
}

static int
rd_uint(struct js_rd *rd, const char *key, int null, uint64_t *out)
{
	struct js_val	*v;
	int		 got;

	if ((got = rd_kind(rd, key, JS_INT, null, &v)) != 1)
		return got;
	if (js_int(v) < 0)
		return js_rd_bad(rd, key);
	*out = js_int(v);
	return 1;
}

int
js_rd_uint(struct js_rd *rd, const char *key, uint64_t *out)
{
	return rd_uint(rd, key, 0, out);
}

int
js_rd_uint_null(struct js_rd *rd, const char *key, uint64_t *out)
{
	return rd_uint(rd, key, 1, out);
}

int
js_rd_str(struct js_rd *rd, const char *key, const char **out)
{
	struct js_val	*v;
	int		 got;

	if ((got = rd_kind(rd, key, JS_STR, 0, &v)) == 1)
		*out = js_str(v);
	return got;
}

int
js_rd_str_null(struct js_rd *rd, const char *key, const char **out)
{
	struct js_val	*v;
	int		 got;

	if ((got = rd_kind(rd, key, JS_STR, 1, &v)) == 1)
		*out = js_str(v);
	return got;
}

static int
rd_id(struct js_rd *rd, const char *key, int null, const char **out)
{
	struct js_val	*v;
	int		 got;

	if ((got = rd_kind(rd, key, JS_STR, null, &v)) != 1)
		return got;
	if (!js_is_id(v))
		return js_rd_bad(rd, key);
	*out = js_str(v);
	return 1;
}

int
js_rd_id(struct js_rd *rd, const char *key, const char **out)
{
	return rd_id(rd, key, 0, out);
}

int
js_rd_id_null(struct js_rd *rd, const char *key, const char **out)
{
	return rd_id(rd, key, 1, out);
}

int
js_rd_arr(struct js_rd *rd, const char *key, struct js_val **out)
{
	return rd_kind(rd, key, JS_ARR, 0, out);
}

int
js_rd_arr_null(struct js_rd *rd, const char *key, struct js_val **out)
{
	return rd_kind(rd, key, JS_ARR, 1, out);
}

int
js_rd_ids(struct js_rd *rd, const char *key, struct js_val **out)
{
	size_t	 i;

	if (js_rd_arr(rd, key, out) != 1)
		return js_rd_bad(rd, key);
	for (i = 0; i < js_len(*out); i++)
		if (!js_is_ref(js_at(*out, i)))
			return js_rd_bad(rd, key);
	return 1;
}

int
js_rd_obj(struct js_rd *rd, const char *key, struct js_val **out)
{
	return rd_kind(rd, key, JS_OBJ, 0, out);
}

int
js_rd_obj_null(struct js_rd *rd, const char *key, struct js_val **out)
{
	return rd_kind(rd, key, JS_OBJ, 1, out);
}

int
js_rd_any(struct js_rd *rd, const char *key, struct js_val **out)
{
	return rd_take(rd, key, out);
}

static int
rd_took(const struct js_rd *rd, const char *key)
{
	size_t	 i;

	for (i = 0; i < rd->ntook; i++)
		if (strcmp(rd->took[i], key) == 0)
			return 1;
	return 0;
}

int
js_rd_end(struct js_rd *rd)
{
	struct js_iter	 it;

	if (rd->fault[0] != '\0')
		return -1;
	if (js_len(rd->obj) == rd->ntook)
		return 0;
	for (js_first(&it, rd->obj); js_next(&it);)
		if (!rd_took(rd, it.key))
			return js_rd_bad(rd, it.key);
	return 0;
}
