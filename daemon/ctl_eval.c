/* SPDX-License-Identifier: ISC */
/*
 * jmapctl eval: an expression of jmapd.conf(5), tried out here, without a
 * jmapd.  Variables are given as name=value.
 * And jmapctl headers, which asks a worker what an answer would carry.
 */
#include "common/compat.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/msg.h"
#include "common/req_expr.h"
#include "common/row.h"
#include "daemon/ctl.h"
#include "daemon/ctl_eval.h"

#define EVAL_MEMORY	(1 << 20)

/* What the command line said. */
struct eval {
	const char	*value[REQ_VARS];
	struct arena	 arena;
	char		 hostname[256];
};

static int	eval_vars(struct eval *, int, char *[]);
static int	eval_var(void *, size_t, struct expr_val *);
static int	eval_key(void *, struct slice, struct slice,
		    struct expr_val *);
static struct expr_val	eval_value(struct eval *, size_t, const char *);
static int	eval_number(size_t, const char *, struct expr_val *);
static int	eval_compile(const char *, struct expr **);
static int	eval_literal(struct expr_ctx *, struct buf *,
		    const struct expr_val *, int);
static int	eval_print(struct expr_ctx *, const struct expr_val *);

int
ctl_eval(int argc, char *argv[])
{
	struct eval	 v;
	struct expr_ctx	 x = { .var = eval_var, .key = eval_key, .arg = &v,
			    .arena = &v.arena };
	struct expr_val	 val;
	struct expr	*e;
	int		 ret = CTL_FAILED;

	if (argc < 2)
		return ctl_usage();
	memset(&v, 0, sizeof(v));
	arena_init(&v.arena, EVAL_MEMORY);
	if (gethostname(v.hostname, sizeof(v.hostname) - 1) == -1)
		v.hostname[0] = '\0';
	if (eval_vars(&v, argc - 2, argv + 2) == -1)
		return CTL_USAGE;
	if (eval_compile(argv[1], &e) == -1)
		return CTL_FAILED;
	if (expr_eval(e, &x, &val) == -1)
		warnx("%s", x.err);
	else
		ret = eval_print(&x, &val);
	expr_free(e);
	arena_free(&v.arena);
	return ret;
}

static int
eval_vars(struct eval *v, int argc, char *argv[])
{
	const char	*eq;
	size_t		 n;
	int		 i;

	for (i = 0; i < argc; i++) {
		if ((eq = strchr(argv[i], '=')) == NULL) {
			warnx("%s is not name=value", argv[i]);
			return -1;
		}
		if (strncmp(argv[i], "hostname=", 9) == 0) {
			strlcpy(v->hostname, eq + 1, sizeof(v->hostname));
			continue;
		}
		for (n = 0; n < REQ_VARS; n++)
			if (strlen(req_expr_scope.vars[n]) ==
			    (size_t)(eq - argv[i]) &&
			    strncmp(req_expr_scope.vars[n], argv[i],
			    (size_t)(eq - argv[i])) == 0)
				break;
		if (n == REQ_VARS) {
			warnx("there is no variable %.*s",
			    (int)(eq - argv[i]), argv[i]);
			return -1;
		}
		v->value[n] = eq + 1;
	}
	return 0;
}

/* The fault under its column. */
static int
eval_compile(const char *text, struct expr **e)
{
	const char	*p;
	char		 why[EXPR_ERR];
	size_t		 col, n;

	*e = expr_compile(text, &req_expr_scope, why, &col);
	if (*e != NULL)
		return 0;
	fprintf(stderr, "%s\n", text);
	/* as wide as what stands above it: a tab is one, too */
	for (p = text, n = 1; n < col && *p != '\0'; p++)
		if (((unsigned char)*p & 0xc0) != 0x80) {
			fputc(*p == '\t' ? '\t' : ' ', stderr);
			n++;
		}
	fprintf(stderr, "^\n");
	warnx("column %zu: %s", col, why);
	return -1;
}

static int
eval_var(void *arg, size_t i, struct expr_val *out)
{
	struct eval	*v = arg;

	if (v->value[i] == NULL && i == REQ_PATH)
		i = REQ_URL_PATH;
	else if (v->value[i] == NULL && i == REQ_URL_PATH)
		i = REQ_PATH;
	if (v->value[i] == NULL) {
		warnx("say %s=...", req_expr_scope.vars[i]);
		return -1;
	}
	if (i == REQ_REMOTE_PORT || i == REQ_LOCAL_PORT || i == REQ_IS_TLS)
		return eval_number(i, v->value[i], out);
	*out = eval_value(v, i, v->value[i]);
	return 0;
}

/* headers is an array, one a line. */
static struct expr_val
eval_value(struct eval *v, size_t var, const char *text)
{
	struct expr_val	 val, *e;
	const char	*p;
	size_t		 n = 1;

	if (var == REQ_HEADERS) {
		for (p = text; *p != '\0'; p++)
			n += *p == '\n';
		if ((e = arena_array(&v->arena, n, sizeof(*e))) == NULL)
			err(CTL_FAILED, NULL);
		val.type = EXPR_ARR;
		val.u.arr.v = e;
		val.u.arr.n = n;
		for (p = text; n > 0; n--, e++) {
			*e = expr_val_str(p, strcspn(p, "\n"));
			p += e->u.str.n + (p[e->u.str.n] != '\0');
		}
		return val;
	}
	return expr_val_str(text, strlen(text));
}

/* Of the kind that the server has: ports and is_tls are numbers. */
static int
eval_number(size_t var, const char *text, struct expr_val *out)
{
	const char	*why = NULL;
	long long	 i;

	if (var == REQ_IS_TLS && (strcmp(text, "true") == 0 ||
	    strcmp(text, "false") == 0)) {
		*out = expr_val_int(*text == 't');
		return 0;
	}
	i = strtonum(text, 0, var == REQ_IS_TLS ? 1 : 65535, &why);
	if (why != NULL) {
		warnx("%s=%s is %s", req_expr_scope.vars[var], text, why);
		return -1;
	}
	*out = expr_val_int(i);
	return 0;
}

static int
eval_key(void *arg, struct slice store, struct slice key,
    struct expr_val *out)
{
	struct eval	*v = arg;

	(void)store;
	(void)key;
	*out = expr_val_str(v->hostname, strlen(v->hostname));
	return 0;
}

static int
eval_print(struct expr_ctx *x, const struct expr_val *val)
{
	static const char *const	 types[] = {
		[EXPR_STR] = "string", [EXPR_INT] = "integer",
		[EXPR_FLOAT] = "float", [EXPR_ARR] = "array",
	};
	struct buf			 row, text;
	int				 ret = CTL_FAILED;

	buf_init(&row, ROW_MAX);
	buf_init(&text, ROW_MAX / 2);
	if (eval_literal(x, &text, val, 0) == -1)
		warnx("%s", x->err != NULL ? x->err : "nested too deep");
	else if (buf_bad(&text))
		warnx("the value is too long to be shown");
	else {
		row_add(&row, "value", buf_str(&text));
		row_add(&row, "type", types[val->type]);
		ctl_row(row.data, row.len);
		ctl_row_end();
		ret = CTL_OK;
	}
	buf_free(&text);
	buf_free(&row);
	return ret;
}

/* A text as it is; a list, and texts in it, as an expression has them. */
static int
eval_literal(struct expr_ctx *x, struct buf *b, const struct expr_val *v,
    int depth)
{
	struct slice	 s;
	size_t		 i;

	if (v->type != EXPR_ARR) {
		if (expr_val_text(x, v, &s) == -1)
			return -1;
		buf_adds(b, v->type == EXPR_STR && depth > 0 ? "'" : "");
		buf_add(b, s.p, s.n);
		buf_adds(b, v->type == EXPR_STR && depth > 0 ? "'" : "");
		return 0;
	}
	if (depth == EXPR_STACK)
		return -1;
	buf_addc(b, '[');
	for (i = 0; i < v->u.arr.n; i++) {
		buf_adds(b, i > 0 ? ", " : "");
		if (eval_literal(x, b, &v->u.arr.v[i], depth + 1) == -1)
			return -1;
	}
	buf_addc(b, ']');
	return 0;
}

/* --- jmapctl headers ------------------------------------------------------ */

int
ctl_eval_headers(int argc, char *argv[])
{
	struct msg_ctl_headers	 h = { 0 };
	const char		*why = NULL;
	struct buf		 fields, b;
	int			 c, ret;

	buf_init(&fields, ROW_MAX);
	buf_init(&b, ROW_MAX);
	while ((c = getopt(argc, argv, "c:H:s:")) != -1)
		switch (c) {
		case 'c':
			buf_addf(&fields, "client:%s", optarg);
			buf_addc(&fields, '\0');
			break;
		case 'H':
			buf_add(&fields, optarg, strlen(optarg) + 1);
			break;
		case 's':
			h.status = (uint32_t)strtonum(optarg, 200, 599, &why);
			if (why != NULL)
				errx(CTL_USAGE, "status %s is %s", optarg,
				    why);
			break;
		default:
			return ctl_usage();
		}
	if (argc - optind != 2)
		return ctl_usage();
	buf_add(&b, argv[optind], strlen(argv[optind]) + 1);
	buf_add(&b, argv[optind + 1], strlen(argv[optind + 1]) + 1);
	buf_add(&b, fields.data, fields.len);
	if (buf_bad(&b) || buf_bad(&fields))
		errx(CTL_USAGE, "that is too long");
	ret = ctl_call(MSG_CTL_HEADERS, &h, b.data, b.len);
	buf_free(&fields);
	buf_free(&b);
	return ret;
}
