/* SPDX-License-Identifier: ISC */
/*
 * Any text as an expression: compiles or says where it is wrong; what
 * compiles runs within its memory, with hostile values in its variables.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/expr.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char *const	vars[] = { "url_path", "port", "remote_ip",
				    "protocol", NULL };

static int
var(void *arg, size_t i, struct expr_val *v)
{
	const struct slice	*s = arg;

	*v = i == 1 ? expr_val_int(INT64_MIN) : expr_val_str(s->p, s->n);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct expr_scope	 scope = { vars, NULL };
	struct slice			 all = SLICE(data, len), out;
	struct expr_ctx			 x = { .var = var, .arg = &all };
	struct expr_val			 v;
	struct expr			*e;
	struct arena			 a;
	char				 err[EXPR_ERR], *text;
	size_t				 col = 0;

	if (len > EXPR_TEXT + 10 || (text = strndup((const char *)data,
	    len)) == NULL)
		return 0;
	arena_init(&a, 1 << 18);
	x.arena = &a;
	if ((e = expr_compile(text, &scope, err, &col)) == NULL) {
		if (col == 0 || col > strlen(text) + 1 || err[0] == '\0')
			abort();
	} else if (expr_eval(e, &x, &v) == 0)
		expr_val_text(&x, &v, &out);
	else if (x.err == NULL)
		abort();
	expr_free(e);
	arena_free(&a);
	free(text);
	return 0;
}
