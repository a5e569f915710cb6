/* SPDX-License-Identifier: ISC */
/*
 * Running compiled expressions: see expr.h.  Values may be a stranger's, so
 * nothing here may take more than its bounds allow.
 */
#include "common/compat.h"

#include <string.h>

#include "common/expr_op.h"

static int	eval_step(const struct expr *, const struct op *,
		    struct expr_ctx *, struct expr_val *, size_t *, size_t *);
static int	eval_bin(struct expr_ctx *, int, struct expr_val *);
static int	eval_index(struct expr_ctx *, struct expr_val *);
static int	eval_array(struct expr_ctx *, struct expr_val *, size_t);
static int	eval_match(const struct expr *, int, struct expr_ctx *,
		    struct expr_val *);

int
expr_eval(const struct expr *e, struct expr_ctx *x, struct expr_val *val)
{
	struct expr_val	 stack[EXPR_STACK + 1];
	size_t		 pc = 0, sp = 0;

	x->err = NULL;
	/* some compare in passing (contains, sort): err says that it failed */
	while (pc < e->nop)
		if (eval_step(e, &e->op[pc], x, stack, &sp, &pc) == -1 ||
		    x->err != NULL) {
			if (x->err == NULL)
				x->err = "a variable has no value";
			return -1;
		}
	*val = stack[0];
	return 0;
}

int
expr_eval_rules(const struct expr_rule *r, size_t n, struct expr_ctx *x,
    struct expr_val *val)
{
	const struct expr_rule	*end = r + n;

	for (; r < end; r++) {
		if (r->cond != NULL) {
			if (expr_eval(r->cond, x, val) == -1)
				return -1;
			if (!expr_val_true(val))
				continue;
		}
		return expr_eval(r->then, x, val);
	}
	x->err = "no rule applies, and there is no else";
	return -1;
}

/* One operation; s[0] .. s[*sp - 1] are the values. */
static int
eval_step(const struct expr *e, const struct op *o, struct expr_ctx *x,
    struct expr_val *s, size_t *sp, size_t *pc)
{
	struct expr_val	*top = s + *sp - 1, zero = expr_val_int(0);
	int		 t;

	++*pc;
	switch (o->code) {
	case OP_CONST:
		s[(*sp)++] = o->val;
		return 0;
	case OP_VAR:
		return x->var(x->arg, o->n, &s[(*sp)++]);
	case OP_CAP:
		s[(*sp)++] = expr_val_str(x->cap[o->n].p, x->cap[o->n].n);
		return 0;
	case OP_NOT:
		*top = expr_val_int(!expr_val_true(top));
		return 0;
	case OP_NEG:
		return expr_val_calc(x, '-', &zero, top, top);
	case OP_BOOL:
		*top = expr_val_int(expr_val_true(top));
		return 0;
	case OP_AND:
	case OP_OR:
		t = expr_val_true(top);
		if (t == (o->code == OP_OR)) {
			*top = expr_val_int(t);
			*pc = o->n;
		} else
			--*sp;
		return 0;
	case OP_BIN:
		--*sp;
		return eval_bin(x, o->n, top - 1);
	case OP_INDEX:
		--*sp;
		return eval_index(x, top - 1);
	case OP_ARR:
		*sp -= o->n;
		return eval_array(x, &s[(*sp)++], o->n);
	case OP_CALL:
		*sp -= o->n;
		top = &s[(*sp)++];
		return o->fn->run(x, top, top);
	case OP_MATCH:
		return eval_match(e, o->n, x, top);
	case OP_KEY:
		--*sp;
		return x->key(x->arg, top[-1].u.str, top->u.str, top - 1);
	case OP_CONFIG:
		return x->key(x->arg, SLICE(NULL, 0), top->u.str, top);
	}
	return -1;
}

/* v[0] op v[1] into v[0]. */
static int
eval_bin(struct expr_ctx *x, int tok, struct expr_val *v)
{
	static const char	 calc[] = {
		[TOK_ADD] = '+', [TOK_SUB] = '-', [TOK_MUL] = '*',
		[TOK_DIV] = '/',
	};
	int			 d;

	if (tok == TOK_XOR) {
		v[0] = expr_val_int(expr_val_true(&v[0]) !=
		    expr_val_true(&v[1]));
		return 0;
	}
	if ((size_t)tok < sizeof(calc) && calc[tok] != 0)
		return expr_val_calc(x, calc[tok], &v[0], &v[1], &v[0]);
	d = expr_val_cmp(x, &v[0], &v[1]);
	v[0] = expr_val_int(tok == TOK_EQ ? d == 0 : tok == TOK_NE ? d != 0 :
	    tok == TOK_GT ? d > 0 : tok == TOK_GE ? d >= 0 :
	    tok == TOK_LT ? d < 0 : d <= 0);
	return 0;
}

/* v[0][v[1]]; out of range is the empty text. */
static int
eval_index(struct expr_ctx *x, struct expr_val *v)
{
	int64_t	 i = expr_val_toint(&v[1]);

	(void)x;
	if (v[0].type == EXPR_ARR && i >= 0 && (uint64_t)i < v[0].u.arr.n)
		v[0] = v[0].u.arr.v[i];
	else
		v[0] = expr_val_str("", 0);
	return 0;
}

static int
eval_array(struct expr_ctx *x, struct expr_val *v, size_t n)
{
	struct expr_val	*a;

	if ((a = arena_array(x->arena, n + 1, sizeof(*a))) == NULL) {
		x->err = "out of memory";
		return -1;
	}
	memcpy(a, v, n * sizeof(*a));
	v->type = EXPR_ARR;
	v->u.arr.v = a;
	v->u.arr.n = n;
	return 0;
}

static int
eval_match(const struct expr *e, int re, struct expr_ctx *x,
    struct expr_val *v)
{
	regmatch_t	 m[EXPR_CAPS];
	struct slice	 s;
	char		*text;
	int		 i, hit;

	if (expr_val_text(x, v, &s) == -1)
		return -1;
	if (s.n > EXPR_SUBJECT) {
		x->err = "text to match is too long";
		return -1;
	}
	if ((text = arena_dup(x->arena, s.p, s.n)) == NULL) {
		x->err = "out of memory";
		return -1;
	}
	/* a NUL inside would hide what follows it from the pattern */
	hit = strlen(text) == s.n &&
	    regexec(&e->re[re], text, EXPR_CAPS, m, 0) == 0;
	for (i = 0; i < EXPR_CAPS; i++)
		x->cap[i] = !hit || m[i].rm_so == -1 ? SLICE("", 0) :
		    SLICE(text + m[i].rm_so, m[i].rm_eo - m[i].rm_so);
	*v = expr_val_int(hit);
	return 0;
}
