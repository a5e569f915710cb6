/* SPDX-License-Identifier: ISC */
/*
 * The expression language of the configuration: compiled once when the
 * configuration is loaded, evaluated per request.
 *
 * Precedence, high to low, all left associative:
 *	! -   * /   + -   > >= < <=   == !=   ^   && &   || |
 * also ( ), [a, b], expr[n], name(args), 'text' and "text" with \n \r \t \x,
 * numbers, true and false, durations (10s, 5m, 2h, 1d, 100ms: milliseconds),
 * variables, $0 to $9 (captures of the last matches('regex', expr), empty
 * when it did not match).
 * && and || short-circuit and give 1 or 0.
 *
 * Coercions: truth is non-zero or non-empty.  A text compared with a number
 * is read as one (0 when it is none).  + joins when either side is a text,
 * adds otherwise (saturating, floats too), appends arrays; array - x removes
 * elements; / always gives a float, x / 0 is 0.  An array as text is joined
 * by CRLF.
 *
 * Evaluation is bounded: stack, memory (the arena's maximum), length of a
 * matched text.  An error is never a value: the caller fails closed.
 */
#ifndef COMMON_EXPR_H
#define COMMON_EXPR_H

#include "common/arena.h"
#include "common/compat.h"
#include "common/slice.h"

#define EXPR_TEXT	4096	/* bytes of an expression's text */
#define EXPR_REGEX	256	/* bytes of a pattern */
#define EXPR_SUBJECT	4096	/* bytes of a text that matches() looks at */
#define EXPR_STACK	64	/* values at once */
#define EXPR_ELEMS	1024	/* elements of an array */
#define EXPR_CAPS	10	/* $0 to $9 */
#define EXPR_ARGS	3	/* of a function */
#define EXPR_ERR	160	/* bytes of a message */

enum expr_type { EXPR_STR, EXPR_INT, EXPR_FLOAT, EXPR_ARR };

struct expr_val {
	enum expr_type	 type;
	union {
		struct slice	 str;
		int64_t		 i;
		double		 f;
		struct {
			const struct expr_val	*v;
			size_t			 n;
		} arr;
	} u;
};

/* What the place of an expression offers. */
struct expr_scope {
	const char *const	*vars;		/* names, NULL-terminated */
	/* 1 if key_get(store, key), config_get(key) (store NULL) are known:
	 * asked when compiling a literal key.  NULL: no such functions. */
	int			(*key)(const char *store, const char *key);
};

struct expr;

/*
 * Compile.  NULL when it is wrong: err names the fault and *col its column,
 * from 1, in characters.  Free with expr_free.
 */
struct expr	*expr_compile(const char *text, const struct expr_scope *,
		    char err[EXPR_ERR], size_t *col);
void		 expr_free(struct expr *);
/* 1 if its value is always the same: no variable, no capture. */
int		 expr_fixed(const struct expr *);

/* One evaluation. */
struct expr_ctx {
	/* The value of vars[i]; 0, or -1 when there is none: an error.
	 * What it points at lives as long as the evaluation. */
	int		(*var)(void *arg, size_t i, struct expr_val *);
	/* The value of a key; store NULL for config_get.  0 or -1. */
	int		(*key)(void *arg, struct slice store, struct slice key,
			    struct expr_val *);
	void		*arg;
	struct arena	*arena;		/* results and what lies between */
	struct slice	 cap[EXPR_CAPS];
	const char	*err;		/* what went wrong */
};

/* Evaluate: 0 and *val (in the arena, or borrowed from var), or -1. */
int	expr_eval(const struct expr *, struct expr_ctx *, struct expr_val *val);

/*
 * A list of "if" and "then" with a last "else": the value of the first
 * "then" whose "if" is true; captures of that "if" are seen by its "then".
 */
struct expr_rule {
	struct expr	*cond;		/* NULL in the last one: else */
	struct expr	*then;
};
int	expr_eval_rules(const struct expr_rule *, size_t n, struct expr_ctx *,
	    struct expr_val *val);

/* --- expr_val.c: values ------------------------------------------------ */

struct expr_val	expr_val_int(int64_t);
struct expr_val	expr_val_float(double);
struct expr_val	expr_val_str(const void *, size_t);
int	expr_val_true(const struct expr_val *);
/* As a text, in the arena where one must be made.  0, or -1. */
int	expr_val_text(struct expr_ctx *, const struct expr_val *,
	    struct slice *);
/* As a number: int or float; a text that is none is 0. */
struct expr_val	expr_val_num(const struct expr_val *);
int64_t	expr_val_toint(const struct expr_val *);
int	expr_val_eq(struct expr_ctx *, const struct expr_val *,
	    const struct expr_val *);
/* < 0, 0, > 0. */
int	expr_val_cmp(struct expr_ctx *, const struct expr_val *,
	    const struct expr_val *);
/* op is one of + - * /.  0 and *out (which may be a), or -1. */
int	expr_val_calc(struct expr_ctx *, int op, const struct expr_val *,
	    const struct expr_val *, struct expr_val *out);

/* --- expr_fn.c: functions ---------------------------------------------- */

struct expr_fn {
	const char	*name;
	int		 argc;		/* 1 to EXPR_ARGS */
	/* out may be args[0]: it is written last */
	int		(*run)(struct expr_ctx *, const struct expr_val *args,
			    struct expr_val *out);
};
/* The function of that name (len bytes), or NULL. */
const struct expr_fn	*expr_fn_find(const char *, size_t len);

/* --- expr_lex.c: tokens ------------------------------------------------ */

enum expr_tok {
	TOK_END, TOK_BAD, TOK_STR, TOK_INT, TOK_FLOAT, TOK_NAME, TOK_CAP,
	TOK_LPAR, TOK_RPAR, TOK_LBRK, TOK_RBRK, TOK_COMMA,
	TOK_NOT, TOK_MUL, TOK_DIV, TOK_ADD, TOK_SUB,
	TOK_GT, TOK_GE, TOK_LT, TOK_LE, TOK_EQ, TOK_NE,
	TOK_XOR, TOK_AND, TOK_OR
};
struct expr_lex {
	const char	*text, *p;	/* the whole, and where we are */
	const char	*at;		/* first byte of the token in hand */
	enum expr_tok	 tok;
	int64_t		 i;		/* of TOK_INT, TOK_CAP */
	double		 f;
	struct slice	 str;		/* TOK_NAME: in text; TOK_STR: in tmp */
	char		 tmp[EXPR_TEXT];
	const char	*err;		/* of TOK_BAD */
};
void	expr_lex_init(struct expr_lex *, const char *);
void	expr_lex_next(struct expr_lex *);

#endif
