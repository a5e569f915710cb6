/* SPDX-License-Identifier: ISC */
/* What a compiled expression is: between expr.c and expr_eval.c only. */
#ifndef COMMON_EXPR_OP_H
#define COMMON_EXPR_OP_H

#include <regex.h>

#include "common/expr.h"

#define EXPR_OPS	512	/* operations of one expression */
#define EXPR_MATCHES	16	/* patterns of one expression */

enum op_code {
	OP_CONST, OP_VAR, OP_CAP, OP_NOT, OP_NEG, OP_BIN, OP_AND, OP_OR,
	OP_BOOL, OP_ARR, OP_INDEX, OP_CALL, OP_MATCH, OP_KEY, OP_CONFIG
};
struct op {
	enum op_code		 code;
	int			 n;	/* variable, token, count, jump */
	const struct expr_fn	*fn;
	struct expr_val		 val;
};

struct expr {
	struct op		 op[EXPR_OPS];
	size_t			 nop;
	regex_t			 re[EXPR_MATCHES];
	size_t			 nre;
	struct arena		 arena;
	const char *const	*vars;
};

#endif
