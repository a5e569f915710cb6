/* SPDX-License-Identifier: ISC */
/*
 * What the files of functions share: expr_fn.c (arrays, and the finder),
 * expr_ask.c (questions), expr_text.c (texts).  Nobody else includes this.
 */
#ifndef COMMON_EXPR_FN_H
#define COMMON_EXPR_FN_H

#include "common/expr.h"

#define EXPR_FN_TEXT(v, s)	do { 	if (expr_val_text(x, (v), (s)) == -1) \
		return -1; \
} while (0)
#define EXPR_FN_INT(v)	do { *out = expr_val_int(v); return 0; } while (0)
#define EXPR_FN_ROW(name, argc)	{ #name, argc, fn_##name }

/* An array that grows to EXPR_ELEMS; start zeroed. */
struct expr_fn_list {
	struct expr_val	*v;
	size_t		 n, cap;
};
int	expr_fn_add(struct expr_ctx *, struct expr_fn_list *, struct expr_val);
void	expr_fn_out(const struct expr_fn_list *, struct expr_val *);
/* Says so in x->err; returns -1. */
int	expr_fn_nomem(struct expr_ctx *);
/* Position of sub, ASCII case folded if fold, or -1; the empty one is at 0. */
ssize_t	expr_fn_find_text(struct slice, struct slice sub, int fold);

/* The other files' tables, in strcmp order. */
extern const struct expr_fn	expr_ask_fns[], expr_text_fns[];
extern const size_t		expr_ask_nfns, expr_text_nfns;

#endif
