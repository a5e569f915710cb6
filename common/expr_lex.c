/* SPDX-License-Identifier: ISC */
/*
 * Tokens of the expression language: see expr.h.  Called by expr.c only,
 * with text of the administrator's that is at most EXPR_TEXT bytes long.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/expr.h"

/* The longer spellings first.  "=>" and "=<" are accepted as people write
 * them; a single & or | means the same as the double one. */
static const struct lex_op {
	const char	*text;
	enum expr_tok	 tok;
} lex_ops[] = {
	{ ">=", TOK_GE }, { "=>", TOK_GE }, { "<=", TOK_LE },
	{ "=<", TOK_LE }, { "==", TOK_EQ }, { "!=", TOK_NE },
	{ "&&", TOK_AND }, { "||", TOK_OR },
	{ "&", TOK_AND }, { "|", TOK_OR }, { "=", TOK_EQ }, { "!", TOK_NOT },
	{ ">", TOK_GT }, { "<", TOK_LT }, { "^", TOK_XOR }, { "+", TOK_ADD },
	{ "-", TOK_SUB }, { "*", TOK_MUL }, { "/", TOK_DIV },
	{ "(", TOK_LPAR }, { ")", TOK_RPAR }, { "[", TOK_LBRK },
	{ "]", TOK_RBRK }, { ",", TOK_COMMA },
};

static const struct lex_unit {
	const char	*text;
	int64_t		 ms;
} lex_units[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
	{ "d", 86400000 },
};

static void	lex_string(struct expr_lex *);
static void	lex_number(struct expr_lex *);
static void	lex_name(struct expr_lex *);
static void	lex_capture(struct expr_lex *);
static void	lex_bad(struct expr_lex *, const char *);

static int
is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static int
is_name(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    is_digit(c) || c == '.' || c == '$';
}

void
expr_lex_init(struct expr_lex *l, const char *text)
{
	memset(l, 0, sizeof(*l));
	l->text = l->p = l->at = text;
}

void
expr_lex_next(struct expr_lex *l)
{
	const struct lex_op	*o;

	l->p += strspn(l->p, " \t\r\n");
	l->at = l->p;
	if (*l->p == '\0')
		l->tok = TOK_END;
	else if (*l->p == '\'' || *l->p == '"')
		lex_string(l);
	else if (is_digit(*l->p))
		lex_number(l);
	else if (*l->p == '$')
		lex_capture(l);
	else if (is_name(*l->p) && *l->p != '.')
		lex_name(l);
	else {
		for (o = lex_ops; o < lex_ops + nitems(lex_ops); o++)
			if (strncmp(o->text, l->p, strlen(o->text)) == 0)
				break;
		if (o == lex_ops + nitems(lex_ops)) {
			lex_bad(l, "unexpected character");
			return;
		}
		l->tok = o->tok;
		l->p += strlen(o->text);
	}
}

static void
lex_bad(struct expr_lex *l, const char *err)
{
	l->tok = TOK_BAD;
	l->err = err;
}

static void
lex_string(struct expr_lex *l)
{
	static const char	 from[] = "nrt", to[] = "\n\r\t";
	const char		*esc;
	size_t			 n = 0;
	char			 quote = *l->p++;

	for (; *l->p != quote; l->p++) {
		if (*l->p == '\0' || n == sizeof(l->tmp)) {
			lex_bad(l, "text without its closing quote");
			return;
		}
		l->tmp[n] = *l->p;
		if (*l->p == '\\' && l->p[1] != '\0') {
			l->p++;
			esc = strchr(from, *l->p);
			l->tmp[n] = esc != NULL ? to[esc - from] : *l->p;
		}
		n++;
	}
	l->p++;
	l->tok = TOK_STR;
	l->str = SLICE(l->tmp, n);
}

/* 12, 1.5, or 10s: a duration in milliseconds. */
static void
lex_number(struct expr_lex *l)
{
	const struct lex_unit	*u;
	size_t			 n;

	l->i = 0;
	for (; is_digit(*l->p); l->p++)
		if (__builtin_mul_overflow(l->i, 10, &l->i) ||
		    __builtin_add_overflow(l->i, *l->p - '0', &l->i)) {
			lex_bad(l, "number too large");
			return;
		}
	l->tok = TOK_INT;
	if (l->p[0] == '.' && is_digit(l->p[1])) {
		l->tok = TOK_FLOAT;
		l->f = strtod(l->at, NULL);
		l->p += 1 + strspn(l->p + 1, "0123456789");
	}
	for (n = 0; is_name(l->p[n]); n++)
		;
	if (n == 0)
		return;
	for (u = lex_units; u < lex_units + nitems(lex_units); u++)
		if (strlen(u->text) == n && strncmp(u->text, l->p, n) == 0)
			break;
	if (u == lex_units + nitems(lex_units) || l->tok == TOK_FLOAT ||
	    __builtin_mul_overflow(l->i, u->ms, &l->i)) {
		lex_bad(l, "not a number or duration (10s, 5m, 100ms)");
		return;
	}
	l->p += n;
}

static void
lex_capture(struct expr_lex *l)
{
	size_t	 n = 1;

	while (is_name(l->p[n]))
		n++;
	l->i = l->p[1] - '0';
	l->p += n;
	l->tok = TOK_CAP;
	if (n != 2 || l->i < 0 || l->i >= EXPR_CAPS)
		lex_bad(l, "no such variable ($0 to $9 are captures)");
}

static void
lex_name(struct expr_lex *l)
{
	size_t	 n = 0;

	while (is_name(l->p[n]))
		n++;
	l->str = SLICE(l->p, n);
	l->p += n;
	l->tok = TOK_NAME;
	if (n == 4 && strncmp(l->at, "true", n) == 0) {
		l->tok = TOK_INT;
		l->i = 1;
	} else if (n == 5 && strncmp(l->at, "false", n) == 0) {
		l->tok = TOK_INT;
		l->i = 0;
	}
}
