/* SPDX-License-Identifier: ISC */
/* Values of the expression language and their coercions: see expr.h. */
#include "common/compat.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/expr.h"

#define VAL_NUM	64	/* bytes of a number's text */

static int	val_join(struct expr_ctx *, const struct expr_val *,
		    struct slice *);
static int	val_concat(struct expr_ctx *, const struct expr_val *,
		    const struct expr_val *, struct expr_val *);
static int	val_append(struct expr_ctx *, const struct expr_val *,
		    const struct expr_val *, struct expr_val *);
static int	val_remove(struct expr_ctx *, const struct expr_val *,
		    const struct expr_val *, struct expr_val *);
static struct expr_val	val_arith(int, struct expr_val, struct expr_val);
static struct expr_val	val_finite(double);
static int64_t	val_int_arith(int, int64_t, int64_t);

struct expr_val
expr_val_int(int64_t i)
{
	return (struct expr_val){ .type = EXPR_INT, .u.i = i };
}

struct expr_val
expr_val_float(double f)
{
	return (struct expr_val){ .type = EXPR_FLOAT, .u.f = f };
}

struct expr_val
expr_val_str(const void *p, size_t n)
{
	return (struct expr_val){ .type = EXPR_STR, .u.str = SLICE(p, n) };
}

int
expr_val_true(const struct expr_val *v)
{
	switch (v->type) {
	case EXPR_STR:
		return v->u.str.n != 0;
	case EXPR_INT:
		return v->u.i != 0;
	case EXPR_FLOAT:
		return v->u.f != 0;
	default:
		return v->u.arr.n != 0;
	}
}

int
expr_val_text(struct expr_ctx *x, const struct expr_val *v, struct slice *out)
{
	char	 tmp[VAL_NUM], *p;

	if (v->type == EXPR_STR) {
		*out = v->u.str;
		return 0;
	}
	if (v->type == EXPR_ARR)
		return val_join(x, v, out);
	if (v->type == EXPR_INT)
		snprintf(tmp, sizeof(tmp), "%" PRId64, v->u.i);
	else
		snprintf(tmp, sizeof(tmp), "%.15g", v->u.f);
	if ((p = arena_dup(x->arena, tmp, strlen(tmp))) == NULL) {
		x->err = "out of memory";
		return -1;
	}
	*out = SLICE(p, strlen(p));
	return 0;
}

/* Elements joined by CRLF, those of arrays within, too.  They are only as
 * deep as an expression's text (EXPR_DEPTH), and no stranger's. */
static int
val_join(struct expr_ctx *x, const struct expr_val *v, struct slice *out)
{
	struct slice	*part;
	size_t		 i, n = v->u.arr.n, len = 0;
	char		*p;

	part = arena_array(x->arena, n + 1, sizeof(*part));
	if (part == NULL)
		goto nomem;
	for (i = 0; i < n; i++) {
		if (expr_val_text(x, &v->u.arr.v[i], &part[i]) == -1)
			return -1;
		len += part[i].n + 2;
	}
	if ((p = arena_get(x->arena, len + 1)) == NULL)
		goto nomem;
	out->p = p;
	for (i = 0; i < n; i++) {
		if (i > 0)
			p = (char *)memcpy(p, "\r\n", 2) + 2;
		if (part[i].n > 0)
			p = (char *)memcpy(p, part[i].p, part[i].n) +
			    part[i].n;
	}
	out->n = p - (const char *)out->p;
	return 0;
nomem:
	x->err = "out of memory";
	return -1;
}

/* All of the text must be the number, else it is 0. */
struct expr_val
expr_val_num(const struct expr_val *v)
{
	char	 tmp[VAL_NUM], *end;
	double	 f;
	int64_t	 i;

	if (v->type == EXPR_INT || v->type == EXPR_FLOAT)
		return *v;
	if (v->type == EXPR_ARR || v->u.str.n == 0 ||
	    v->u.str.n >= sizeof(tmp))
		return expr_val_int(0);
	memcpy(tmp, v->u.str.p, v->u.str.n);
	tmp[v->u.str.n] = '\0';
	/* digits, sign, point, exponent: no "inf", no "0x", no space */
	if (strspn(tmp, "0123456789+-.eE") != v->u.str.n)
		return expr_val_int(0);
	errno = 0;
	i = strtoll(tmp, &end, 10);
	if (*end == '\0' && end != tmp && errno == 0)
		return expr_val_int(i);
	f = strtod(tmp, &end);
	return *end == '\0' && end != tmp && isfinite(f) ?
	    expr_val_float(f) : expr_val_int(0);
}

int64_t
expr_val_toint(const struct expr_val *v)
{
	struct expr_val	 n = expr_val_num(v);

	if (n.type == EXPR_INT)
		return n.u.i;
	if (!(n.u.f > -9.2e18))		/* NaN too */
		return INT64_MIN;
	return n.u.f >= 9.2e18 ? INT64_MAX : (int64_t)n.u.f;
}

int
expr_val_cmp(struct expr_ctx *x, const struct expr_val *a,
    const struct expr_val *b)
{
	struct expr_val	 na, nb;
	struct slice	 sa, sb;
	double		 fa, fb;
	int		 d;

	if ((a->type == EXPR_STR || a->type == EXPR_ARR) &&
	    (b->type == EXPR_STR || b->type == EXPR_ARR)) {
		if (expr_val_text(x, a, &sa) == -1 ||
		    expr_val_text(x, b, &sb) == -1)
			return -1;
		d = sa.n == 0 || sb.n == 0 ? 0 :
		    memcmp(sa.p, sb.p, sa.n < sb.n ? sa.n : sb.n);
		return d != 0 ? d : (sa.n > sb.n) - (sa.n < sb.n);
	}
	na = expr_val_num(a);
	nb = expr_val_num(b);
	if (na.type == EXPR_INT && nb.type == EXPR_INT)
		return (na.u.i > nb.u.i) - (na.u.i < nb.u.i);
	fa = na.type == EXPR_INT ? (double)na.u.i : na.u.f;
	fb = nb.type == EXPR_INT ? (double)nb.u.i : nb.u.f;
	return (fa > fb) - (fa < fb);
}

int
expr_val_eq(struct expr_ctx *x, const struct expr_val *a,
    const struct expr_val *b)
{
	return expr_val_cmp(x, a, b) == 0;
}

int
expr_val_calc(struct expr_ctx *x, int op, const struct expr_val *a,
    const struct expr_val *b, struct expr_val *out)
{
	if (a->type == EXPR_ARR && op == '-')
		return val_remove(x, a, b, out);
	if (op == '+') {
		if (a->type == EXPR_ARR || b->type == EXPR_ARR)
			return val_append(x, a, b, out);
		if (a->type == EXPR_STR || b->type == EXPR_STR)
			return val_concat(x, a, b, out);
	}
	*out = val_arith(op, expr_val_num(a), expr_val_num(b));
	return 0;
}

static int
val_concat(struct expr_ctx *x, const struct expr_val *a,
    const struct expr_val *b, struct expr_val *out)
{
	struct slice	 sa, sb;
	char		*p;

	if (expr_val_text(x, a, &sa) == -1 || expr_val_text(x, b, &sb) == -1)
		return -1;
	if ((p = arena_get(x->arena, sa.n + sb.n + 1)) == NULL) {
		x->err = "out of memory";
		return -1;
	}
	if (sa.n > 0)
		memcpy(p, sa.p, sa.n);
	if (sb.n > 0)
		memcpy(p + sa.n, sb.p, sb.n);
	*out = expr_val_str(p, sa.n + sb.n);
	return 0;
}

/* Arrays are joined; a single value is appended, or put first. */
static int
val_append(struct expr_ctx *x, const struct expr_val *a,
    const struct expr_val *b, struct expr_val *out)
{
	const struct expr_val	*side[2] = { a, b };
	struct expr_val		*v, *to;
	size_t			 n = 0, i, k;

	for (i = 0; i < 2; i++)
		n += side[i]->type == EXPR_ARR ? side[i]->u.arr.n : 1;
	if (n > EXPR_ELEMS ||
	    (v = arena_array(x->arena, n + 1, sizeof(*v))) == NULL) {
		x->err = "array too long";
		return -1;
	}
	for (to = v, i = 0; i < 2; i++) {
		if (side[i]->type != EXPR_ARR)
			*to++ = *side[i];
		else
			for (k = 0; k < side[i]->u.arr.n; k++)
				*to++ = side[i]->u.arr.v[k];
	}
	out->type = EXPR_ARR;	/* last: out may be a */
	out->u.arr.v = v;
	out->u.arr.n = n;
	return 0;
}

static int
val_remove(struct expr_ctx *x, const struct expr_val *a,
    const struct expr_val *b, struct expr_val *out)
{
	struct expr_val	*v;
	size_t		 i, n = 0;

	if ((v = arena_array(x->arena, a->u.arr.n + 1, sizeof(*v))) == NULL) {
		x->err = "out of memory";
		return -1;
	}
	for (i = 0; i < a->u.arr.n; i++)
		if (!expr_val_eq(x, &a->u.arr.v[i], b))
			v[n++] = a->u.arr.v[i];
	out->type = EXPR_ARR;
	out->u.arr.v = v;
	out->u.arr.n = n;
	return 0;
}

static int64_t
val_int_arith(int op, int64_t a, int64_t b)
{
	int64_t	 r;

	if (op == '+')
		return __builtin_add_overflow(a, b, &r) ?
		    (a < 0 ? INT64_MIN : INT64_MAX) : r;
	if (op == '-')
		return __builtin_sub_overflow(a, b, &r) ?
		    (a < 0 ? INT64_MIN : INT64_MAX) : r;
	return __builtin_mul_overflow(a, b, &r) ?
	    ((a < 0) != (b < 0) ? INT64_MIN : INT64_MAX) : r;
}

static struct expr_val
val_arith(int op, struct expr_val a, struct expr_val b)
{
	double	 fa, fb;

	if (op != '/' && a.type == EXPR_INT && b.type == EXPR_INT)
		return expr_val_int(val_int_arith(op, a.u.i, b.u.i));
	fa = a.type == EXPR_INT ? (double)a.u.i : a.u.f;
	fb = b.type == EXPR_INT ? (double)b.u.i : b.u.f;
	switch (op) {
	case '+':
		return val_finite(fa + fb);
	case '-':
		return val_finite(fa - fb);
	case '*':
		return val_finite(fa * fb);
	default:
		return val_finite(fb == 0 ? 0 : fa / fb);
	}
}

/* Saturated as integers are: so there is no infinity, and of what is there
 * nothing makes a NaN, which would be equal to everything. */
static struct expr_val
val_finite(double f)
{
	return expr_val_float(f > DBL_MAX ? DBL_MAX : f < -DBL_MAX ?
	    -DBL_MAX : f);
}
