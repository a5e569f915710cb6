/* SPDX-License-Identifier: ISC */
/*
 * The expression language: compiling to a list of operations in postfix
 * order, which expr_eval.c runs.  See expr.h.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/expr_op.h"
#include "common/utf8.h"

#define EXPR_DEPTH	200	/* operators and brackets inside each other */
#define EXPR_REPEAT	1000	/* copies that a pattern may make of a part */
#define EXPR_MEMORY	65536	/* bytes of its constants */

struct parse {
	struct expr_lex		 lex;
	struct expr		*e;
	const struct expr_scope	*scope;
	int			 depth;		/* of recursion */
	int			 stack;		/* values when running */
	const char		*arg;		/* where the last argument is */
	int			 failed;
	char			*err;
	size_t			*col;
};

/* By token, TOK_NOT being 0: how tightly an operator binds; 0: none. */
static const uint8_t prec[] = {
	[TOK_OR] = 1, [TOK_AND] = 2, [TOK_XOR] = 3, [TOK_EQ] = 4,
	[TOK_NE] = 4, [TOK_GT] = 5, [TOK_GE] = 5, [TOK_LT] = 5,
	[TOK_LE] = 5, [TOK_ADD] = 6, [TOK_SUB] = 6, [TOK_MUL] = 7,
	[TOK_DIV] = 7,
};

static int	expr_fail(struct parse *, const char *, const char *);
static struct op	*expr_emit(struct parse *, enum op_code, int, int);
static void	expr_binary(struct parse *, int);
static void	expr_unary(struct parse *);
static void	expr_postfix(struct parse *);
static void	expr_primary(struct parse *);
static void	expr_const(struct parse *, struct expr_val);
static void	expr_name(struct parse *);
static void	expr_variable(struct parse *, struct slice);
static int	expr_args(struct parse *, enum expr_tok);
static void	expr_call(struct parse *, struct slice);
static void	expr_try(struct parse *, const struct expr_fn *);
static size_t	expr_column(const struct parse *);
static int	expr_literal(struct parse *, struct slice *);
static void	expr_match(struct parse *);
static uint64_t	expr_repeats(const char *);
static int	expr_doubled(const char *);
static const char	*expr_escapes(const char *);
static const char	*expr_skip(const char *);
static const char	*expr_regex(struct expr *, struct slice);
static void	expr_key(struct parse *, int);
static void	expr_expect(struct parse *, enum expr_tok, const char *);

struct expr *
expr_compile(const char *text, const struct expr_scope *scope,
    char err[EXPR_ERR], size_t *col)
{
	struct parse	*p;
	struct expr	*e;
	int		 failed;

	if ((p = calloc(1, sizeof(*p))) == NULL ||
	    (e = calloc(1, sizeof(*e))) == NULL) {
		free(p);
		strlcpy(err, "out of memory", EXPR_ERR);
		*col = 1;
		return NULL;
	}
	arena_init(&e->arena, EXPR_MEMORY);
	e->vars = scope->vars;
	p->e = e;
	p->scope = scope;
	p->err = err;
	p->col = col;
	expr_lex_init(&p->lex, text);
	if (strlen(text) >= EXPR_TEXT)
		expr_fail(p, "longer than 4095 bytes", NULL);
	else {
		expr_lex_next(&p->lex);
		expr_binary(p, 1);
		expr_expect(p, TOK_END, "an operator or the end");
	}
	failed = p->failed;
	free(p);
	if (failed) {
		expr_free(e);
		return NULL;
	}
	return e;
}

void
expr_free(struct expr *e)
{
	if (e == NULL)
		return;
	while (e->nre > 0)
		regfree(&e->re[--e->nre]);
	arena_free(&e->arena);
	free(e);
}

int
expr_fixed(const struct expr *e)
{
	size_t	 i;

	for (i = 0; i < e->nop; i++)
		if (e->op[i].code == OP_VAR || e->op[i].code == OP_CAP)
			return 0;
	return 1;
}

/* The first fault counts; the lexer stands still from then on. */
static int
expr_fail(struct parse *p, const char *what, const char *name)
{
	if (p->failed)
		return -1;
	p->failed = 1;
	*p->col = expr_column(p);
	if (p->lex.tok == TOK_BAD)
		what = p->lex.err;
	snprintf(p->err, EXPR_ERR, name != NULL ? "%s \"%.60s\"" : "%s", what,
	    name);
	p->lex.tok = TOK_END;
	return -1;
}

/* In characters, as people count. */
static size_t
expr_column(const struct parse *p)
{
	const char	*s;
	size_t		 col = 1;

	for (s = p->lex.text; s < p->lex.at; s++)
		col += ((unsigned char)*s & 0xc0) != 0x80;
	return col;
}

static void
expr_next(struct parse *p)
{
	if (p->failed)
		return;
	expr_lex_next(&p->lex);
	if (p->lex.tok == TOK_BAD)
		expr_fail(p, p->lex.err, NULL);
}

static void
expr_expect(struct parse *p, enum expr_tok tok, const char *what)
{
	char	 msg[64];

	if (p->lex.tok == tok) {
		if (tok != TOK_END)
			expr_next(p);
		return;
	}
	snprintf(msg, sizeof(msg), "expected %s", what);
	expr_fail(p, msg, NULL);
}

/* effect: how the operation changes the height of the stack. */
static struct op *
expr_emit(struct parse *p, enum op_code code, int n, int effect)
{
	static struct op	 nowhere;
	struct op		*o;

	p->stack += effect;
	if (p->e->nop == EXPR_OPS || p->stack > EXPR_STACK) {
		expr_fail(p, "expression too large", NULL);
		return &nowhere;
	}
	o = &p->e->op[p->e->nop++];
	o->code = code;
	o->n = n;
	return o;
}

/* Precedence climbing: operators that bind at least as tightly as min. */
static void
expr_binary(struct parse *p, int min)
{
	enum expr_tok	 tok;
	size_t		 jump;

	if (++p->depth > EXPR_DEPTH) {
		expr_fail(p, "nested too deeply", NULL);
		return;
	}
	expr_unary(p);
	while (!p->failed && (size_t)(tok = p->lex.tok) < sizeof(prec) &&
	    prec[tok] >= min && prec[tok] != 0) {
		expr_next(p);
		if (tok != TOK_AND && tok != TOK_OR) {
			expr_binary(p, prec[tok] + 1);
			expr_emit(p, OP_BIN, tok, -1);
			continue;
		}
		/* short-circuit: jump keeps 0 or 1, falling through drops it */
		jump = p->e->nop;
		expr_emit(p, tok == TOK_AND ? OP_AND : OP_OR, 0, -1);
		expr_binary(p, prec[tok] + 1);
		expr_emit(p, OP_BOOL, 0, 0);
		if (!p->failed)
			p->e->op[jump].n = p->e->nop;
	}
	p->depth--;
}

static void
expr_unary(struct parse *p)
{
	enum expr_tok	 tok = p->lex.tok;

	if (tok != TOK_NOT && tok != TOK_SUB) {
		expr_postfix(p);
		return;
	}
	if (++p->depth > EXPR_DEPTH) {
		expr_fail(p, "nested too deeply", NULL);
		return;
	}
	expr_next(p);
	expr_unary(p);
	expr_emit(p, tok == TOK_NOT ? OP_NOT : OP_NEG, 0, 0);
	p->depth--;
}

static void
expr_postfix(struct parse *p)
{
	expr_primary(p);
	while (!p->failed && p->lex.tok == TOK_LBRK) {
		expr_next(p);
		expr_binary(p, 1);
		expr_expect(p, TOK_RBRK, "]");
		expr_emit(p, OP_INDEX, 0, -1);
	}
}

static void
expr_primary(struct parse *p)
{
	const char	*s;
	int		 n;

	switch (p->lex.tok) {
	case TOK_INT:
		expr_const(p, expr_val_int(p->lex.i));
		break;
	case TOK_FLOAT:
		expr_const(p, expr_val_float(p->lex.f));
		break;
	case TOK_STR:
		s = arena_dup(&p->e->arena, p->lex.str.p, p->lex.str.n);
		if (s == NULL)
			expr_fail(p, "too many constants", NULL);
		else
			expr_const(p, expr_val_str(s, p->lex.str.n));
		break;
	case TOK_CAP:
		expr_emit(p, OP_CAP, p->lex.i, 1);
		expr_next(p);
		break;
	case TOK_NAME:
		expr_name(p);
		break;
	case TOK_LPAR:
		expr_next(p);
		expr_binary(p, 1);
		expr_expect(p, TOK_RPAR, ")");
		break;
	case TOK_LBRK:
		expr_next(p);
		n = expr_args(p, TOK_RBRK);
		expr_emit(p, OP_ARR, n, 1 - n);
		break;
	default:
		expr_fail(p, "expected a value", NULL);
	}
}

static void
expr_const(struct parse *p, struct expr_val v)
{
	expr_emit(p, OP_CONST, 0, 1)->val = v;
	expr_next(p);
}

/* Values up to the closing bracket, which is taken; how many. */
static int
expr_args(struct parse *p, enum expr_tok end)
{
	int	 n = 0;

	if (p->lex.tok != end)
		for (;;) {
			p->arg = p->lex.at;
			expr_binary(p, 1);
			n++;
			if (p->failed || p->lex.tok != TOK_COMMA)
				break;
			expr_next(p);
		}
	expr_expect(p, end, end == TOK_RPAR ? ", or )" : ", or ]");
	return n;
}

static int
expr_is(struct slice s, const char *name)
{
	return s.n == strlen(name) && memcmp(s.p, name, s.n) == 0;
}

static void
expr_name(struct parse *p)
{
	struct slice	 name = p->lex.str;
	const char	*at = p->lex.at;

	expr_next(p);
	if (p->lex.tok != TOK_LPAR) {
		p->lex.at = at;		/* what is wrong is the name */
		expr_variable(p, name);
		return;
	}
	if (expr_is(name, "matches"))
		expr_match(p);
	else if (p->scope->key != NULL && expr_is(name, "key_get"))
		expr_key(p, 1);
	else if (p->scope->key != NULL && expr_is(name, "config_get"))
		expr_key(p, 0);
	else {
		p->lex.at = at;
		expr_call(p, name);
	}
}

static void
expr_variable(struct parse *p, struct slice name)
{
	char	 tmp[64];
	int	 i;

	for (i = 0; p->scope->vars[i] != NULL; i++)
		if (expr_is(name, p->scope->vars[i])) {
			expr_emit(p, OP_VAR, i, 1);
			return;
		}
	snprintf(tmp, sizeof(tmp), "%.*s", (int)name.n, (const char *)name.p);
	expr_fail(p, "no such variable here:", tmp);
}

static void
expr_call(struct parse *p, struct slice name)
{
	const struct expr_fn	*fn = expr_fn_find(name.p, name.n);
	const char		*at = p->lex.at;
	char			 tmp[64], msg[96];
	int			 n;

	snprintf(tmp, sizeof(tmp), "%.*s", (int)name.n, (const char *)name.p);
	if (fn == NULL) {
		expr_fail(p, "no such function:", tmp);
		return;
	}
	expr_next(p);
	n = expr_args(p, TOK_RPAR);
	if (!p->failed && n != fn->argc) {
		p->lex.at = at;
		snprintf(msg, sizeof(msg), "%s takes %d argument%s, not %d",
		    fn->name, fn->argc, fn->argc == 1 ? "" : "s", n);
		expr_fail(p, msg, NULL);
		return;
	}
	expr_try(p, fn);
	expr_emit(p, OP_CALL, n, 1 - n)->fn = fn;
}

/*
 * What cannot work with a last argument that stands there literally, say a
 * network with 33 bits, is wrong now and not for the first client.  (An
 * operation that ends in a constant is that constant.)
 */
static void
expr_try(struct parse *p, const struct expr_fn *fn)
{
	struct expr_val	 v[EXPR_ARGS], out;
	struct arena	 a;
	struct expr_ctx	 x = { .arena = &a };
	const struct op	*last;
	int		 i;

	if (p->failed)
		return;
	last = &p->e->op[p->e->nop - 1];
	if (last->code != OP_CONST)
		return;
	for (i = 0; i < fn->argc; i++)
		v[i] = expr_val_str("", 0);
	v[fn->argc - 1] = last->val;
	arena_init(&a, EXPR_MEMORY);
	if (fn->run(&x, v, &out) == -1) {
		p->lex.at = p->arg;
		expr_fail(p, x.err, NULL);
	}
	arena_free(&a);
}

/* A text that must stand there literally; lives in the expression. */
static int
expr_literal(struct parse *p, struct slice *s)
{
	char	*d;

	if (p->lex.tok != TOK_STR)
		return expr_fail(p, "expected a text in quotes", NULL);
	d = arena_dup(&p->e->arena, p->lex.str.p, p->lex.str.n);
	if (d == NULL)
		return expr_fail(p, "too many constants", NULL);
	*s = SLICE(d, p->lex.str.n);
	return 0;
}

/* matches('regex', expr) */
static void
expr_match(struct parse *p)
{
	struct slice	 pat;
	const char	*err;

	expr_next(p);
	if (expr_literal(p, &pat) == -1)
		return;
	if ((err = expr_regex(p->e, pat)) != NULL) {
		expr_fail(p, err, NULL);
		return;
	}
	expr_next(p);
	expr_expect(p, TOK_COMMA, ",");
	expr_binary(p, 1);
	expr_expect(p, TOK_RPAR, ")");
	expr_emit(p, OP_MATCH, p->e->nre - 1, 0);
}

/*
 * Behind a bracket expression (POSIX 9.3.5), in which nothing but its end
 * and [. .], [= =], [: :] mean anything; behind an escaped octet; behind one
 * octet otherwise.
 */
static const char *
expr_skip(const char *s)
{
	const char	*end;
	char		 close[3] = "x]";

	if (s[0] == '\\' && s[1] != '\0')
		return s + 2;
	if (*s++ != '[')
		return s;
	s += *s == '^';
	s += *s == ']';			/* the first one is itself */
	for (; *s != '\0' && *s != ']'; s++) {
		if (s[0] != '[' || s[1] == '\0' || !strchr(".=:", s[1]))
			continue;
		close[0] = s[1];
		if ((end = strstr(s + 2, close)) != NULL)
			s = end + 1;
	}
	return *s == ']' ? s + 1 : s;
}

/*
 * How often a pattern copies its parts, at the worst: {n,m} copies what it
 * stands behind, a + behind a group copies that once, and each may stand
 * around others, so they multiply.
 */
static uint64_t
expr_repeats(const char *s)
{
	unsigned long	 n, m;
	uint64_t	 all = 1;
	char		*end;

	for (; *s != '\0' && all <= EXPR_REPEAT; s = expr_skip(s)) {
		if (s[0] == ')' && s[1] == '+')
			all *= 2;
		if (s[0] != '{')
			continue;
		n = strtoul(s + 1, &end, 10);
		m = *end == ',' ? strtoul(end + 1, NULL, 10) : n;
		n = n > m ? n : m;
		all *= n > EXPR_REPEAT ? EXPR_REPEAT + 1 : n < 1 ? 1 : n;
	}
	return all;
}

/* 1 if a repetition is itself repeated: POSIX leaves its meaning open. */
static int
expr_doubled(const char *s)
{
	for (; *s != '\0'; s = expr_skip(s))
		if (strchr("*+?}", *s) != NULL && s[1] != '\0' &&
		    strchr("*+?{", s[1]) != NULL)
			return 1;
	return 0;
}

/*
 * Escapes that are none.  Back references are no part of ERE, and are what
 * makes matching take exponential time.  Other languages' classes would
 * match their letter.
 */
static const char *
expr_escapes(const char *s)
{
	/* what the GNU library has beyond POSIX */
	static const char	 gnu[] = "bBsSwW";

	for (; *s != '\0'; s = expr_skip(s)) {
		if (s[0] != '\\' || s[1] == '\0')
			continue;
		if (s[1] >= '0' && s[1] <= '9')
			return "pattern with a back reference";
		if (utf8_lower((unsigned char)s[1]) >= 'a' &&
		    utf8_lower((unsigned char)s[1]) <= 'z' &&
		    strchr(gnu, s[1]) == NULL)
			return "pattern with an escaped letter: a digit is "
			    "[0-9], a tab [[:blank:]]";
	}
	return NULL;
}

/* Compile a POSIX extended pattern. */
static const char *
expr_regex(struct expr *e, struct slice pat)
{
	const char	*s = pat.p, *why;

	if (pat.n > EXPR_REGEX || memchr(s, '\0', pat.n) != NULL)
		return "pattern longer than 256 bytes";
	if (e->nre == EXPR_MATCHES)
		return "more than 16 patterns";
	if ((why = expr_escapes(s)) != NULL)
		return why;
	if (expr_doubled(s))
		return "pattern repeats a repetition";
	if (expr_repeats(s) > EXPR_REPEAT)
		return "pattern repeats more than 1000 times";
	if (regcomp(&e->re[e->nre], s, REG_EXTENDED) != 0)
		return "not a POSIX extended regular expression";
	e->nre++;
	return NULL;
}

/* key_get('store', 'key') or config_get('key') */
static void
expr_key(struct parse *p, int store)
{
	struct slice	 a = SLICE("", 0), b;
	char		 msg[80];

	expr_next(p);
	if (store) {
		if (expr_literal(p, &a) == -1)
			return;
		expr_next(p);
		expr_expect(p, TOK_COMMA, ",");
	}
	if (p->failed || expr_literal(p, &b) == -1)
		return;
	if (!p->scope->key(store ? a.p : NULL, b.p)) {
		snprintf(msg, sizeof(msg), store ?
		    "store \"%.40s\" has no such key:" : "no such key:",
		    (const char *)a.p);
		expr_fail(p, msg, b.p);
		return;
	}
	if (store)
		expr_emit(p, OP_CONST, 0, 1)->val = expr_val_str(a.p, a.n);
	expr_const(p, expr_val_str(b.p, b.n));
	expr_expect(p, TOK_RPAR, ")");
	expr_emit(p, store ? OP_KEY : OP_CONFIG, 0, store ? -1 : 0);
}
