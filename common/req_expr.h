/* SPDX-License-Identifier: ISC */
/*
 * Expressions about a request: the variables that they have, and options
 * that are one expression or a list of if, then, else (conf.h).  Compiled by
 * the parent to check them, by workers to use them, by jmapctl eval.
 */
#ifndef COMMON_REQ_EXPR_H
#define COMMON_REQ_EXPR_H

#include "common/compat.h"
#include "common/expr.h"

struct conf_strs;

/* In the order of the names in req_expr_scope. */
enum req_var {
	REQ_LISTENER, REQ_REMOTE_IP, REQ_REMOTE_PORT, REQ_LOCAL_IP,
	REQ_LOCAL_PORT, REQ_PROTOCOL, REQ_IS_TLS, REQ_URL, REQ_URL_PATH,
	REQ_PATH, REQ_HEADERS, REQ_METHOD, REQ_VARS
};

extern const struct expr_scope	req_expr_scope;
#define REQ_EXPR_KEYS	"key_get('default', 'hostname') and " \
			"config_get('server.hostname')"

struct req_expr {
	struct expr_rule	*rule;
	size_t			 n;		/* 0: not set */
	int			 fixed;		/* it asks no variable */
};

/*
 * Compile one expression, or the list
 * "if EXPR", "then EXPR", ..., "else EXPR".
 * 0, or -1 with a reason that names the column in err.
 */
int	req_expr_text(struct req_expr *, const char *, char err[EXPR_ERR]);
int	req_expr_list(struct req_expr *, const struct conf_strs *,
	    char err[EXPR_ERR]);
void	req_expr_free(struct req_expr *);

/* http(s)://host[:port][/path]: no userinfo, query or fragment.  1 or 0. */
int	req_expr_url(const char *, size_t len);
/* Take a port away that is the protocol's own, and slashes at the end; the
 * new length. */
size_t	req_expr_trim(char *url, size_t len);

#endif
