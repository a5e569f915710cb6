/* SPDX-License-Identifier: ISC */
/*
 * Functions of the expression language: the finder, and those of arrays.
 * All are pure.  See expr.h and expr_fn.h.
 */
#include "common/compat.h"

#include <string.h>

#include "common/expr_fn.h"
#include "common/utf8.h"

int
expr_fn_nomem(struct expr_ctx *x)
{
	x->err = "out of memory";
	return -1;
}

static const uint8_t *
bytes(struct slice s)
{
	return s.p;
}

/* Position of a needle, or -1; the empty one is at 0. */
ssize_t
expr_fn_find_text(struct slice s, struct slice sub, int fold)
{
	size_t	 i;

	for (i = 0; sub.n <= s.n && i <= s.n - sub.n; i++)
		if (sub.n == 0 || (fold ?
		    utf8_casecmp(bytes(s) + i, sub.n, sub.p, sub.n) :
		    memcmp(bytes(s) + i, sub.p, sub.n)) == 0)
			return i;
	return -1;
}

int
expr_fn_add(struct expr_ctx *x, struct expr_fn_list *l, struct expr_val v)
{
	struct expr_val	*p;

	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 8 : l->cap * 2;
		if (l->cap > EXPR_ELEMS) {
			x->err = "array too long";
			return -1;
		}
		p = arena_array(x->arena, l->cap, sizeof(*p));
		if (p == NULL)
			return expr_fn_nomem(x);
		if (l->n > 0)
			memcpy(p, l->v, l->n * sizeof(*p));
		l->v = p;
	}
	l->v[l->n++] = v;
	return 0;
}

void
expr_fn_out(const struct expr_fn_list *l, struct expr_val *out)
{
	out->type = EXPR_ARR;
	out->u.arr.v = l->v;
	out->u.arr.n = l->n;
}

/* The elements of an array, or the value itself as the only one. */
static size_t
elems(const struct expr_val *v, const struct expr_val **e)
{
	if (v->type == EXPR_ARR) {
		*e = v->u.arr.v;
		return v->u.arr.n;
	}
	*e = v;
	return 1;
}

static int
has_elem(struct expr_ctx *x, const struct expr_val *e, size_t n,
    const struct expr_val *v, int fold)
{
	struct slice	 a, b;
	size_t		 i;

	for (i = 0; i < n; i++) {
		if (!fold && expr_val_eq(x, &e[i], v))
			return 1;
		if (fold && expr_val_text(x, &e[i], &a) == 0 &&
		    expr_val_text(x, v, &b) == 0 && a.n == b.n &&
		    utf8_casecmp(a.p, a.n, b.p, b.n) == 0)
			return 1;
	}
	return 0;
}

static int
fn_count(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out)
{
	const struct expr_val	*e;

	(void)x;
	EXPR_FN_INT(elems(a, &e));
}

static int
fn_dedup(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out)
{
	const struct expr_val	*e;
	struct expr_fn_list		 l = { NULL, 0, 0 };
	size_t			 i, n = elems(a, &e);

	for (i = 0; i < n; i++)
		if (!has_elem(x, l.v, l.n, &e[i], 0) &&
		    expr_fn_add(x, &l, e[i]) == -1)
			return -1;
	expr_fn_out(&l, out);
	return 0;
}

/* Without the elements that are not true. */
static int
fn_winnow(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out)
{
	const struct expr_val	*e;
	struct expr_fn_list		 l = { NULL, 0, 0 };
	size_t			 i, n = elems(a, &e);

	for (i = 0; i < n; i++)
		if (expr_val_true(&e[i]) && expr_fn_add(x, &l, e[i]) == -1)
			return -1;
	expr_fn_out(&l, out);
	return 0;
}

/* sort(array, ascending): by insertion, arrays being short. */
static int
fn_sort(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out)
{
	const struct expr_val	*e;
	struct expr_val		 v;
	struct expr_fn_list		 l = { NULL, 0, 0 };
	size_t			 i, k, n = elems(a, &e);
	int			 up = expr_val_true(&a[1]), d;

	for (i = 0; i < n; i++) {
		v = e[i];
		if (expr_fn_add(x, &l, v) == -1)
			return -1;
		for (k = l.n - 1; k > 0; k--) {
			d = expr_val_cmp(x, &l.v[k - 1], &v);
			if (up ? d <= 0 : d >= 0)
				break;
			l.v[k] = l.v[k - 1];
		}
		l.v[k] = v;
	}
	expr_fn_out(&l, out);
	return 0;
}

static int
fn_is_intersect(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	const struct expr_val	*e, *f;
	size_t			 i, n = elems(&a[0], &e), m = elems(&a[1], &f);

	for (i = 0; i < n; i++)
		if (has_elem(x, f, m, &e[i], 0))
			EXPR_FN_INT(1);
	EXPR_FN_INT(0);
}

static int
contains(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out,
    int fold)
{
	struct slice	 s, sub;

	if (a[0].type == EXPR_ARR)
		EXPR_FN_INT(has_elem(x, a[0].u.arr.v, a[0].u.arr.n, &a[1],
		    fold));
	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &sub);
	EXPR_FN_INT(expr_fn_find_text(s, sub, fold) != -1);
}

static int
fn_contains(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	return contains(x, a, out, 0);
}

static int
fn_contains_ignore_case(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	return contains(x, a, out, 1);
}

static const struct expr_fn fns[] = {
	EXPR_FN_ROW(contains, 2), EXPR_FN_ROW(contains_ignore_case, 2),
	EXPR_FN_ROW(count, 1), EXPR_FN_ROW(dedup, 1),
	EXPR_FN_ROW(is_intersect, 2), EXPR_FN_ROW(sort, 2),
	EXPR_FN_ROW(winnow, 1),
};

/* By bisection of one table in strcmp order. */
static const struct expr_fn *
fn_search(const struct expr_fn *f, size_t n, const char *name, size_t len)
{
	size_t	 lo = 0, hi = n, mid;
	int	 d;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if ((d = strncmp(f[mid].name, name, len)) == 0)
			d = f[mid].name[len] != '\0';
		if (d == 0)
			return &f[mid];
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const struct expr_fn *
expr_fn_find(const char *name, size_t len)
{
	const struct expr_fn	*f;

	if ((f = fn_search(fns, nitems(fns), name, len)) != NULL)
		return f;
	if ((f = fn_search(expr_ask_fns, expr_ask_nfns, name, len)) != NULL)
		return f;
	return fn_search(expr_text_fns, expr_text_nfns, name, len);
}
