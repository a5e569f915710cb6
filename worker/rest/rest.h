/* SPDX-License-Identifier: ISC */
/*
 * The management API: principals and reload, over JSON, for administrators.
 * The contract is reference/stalwart-rest.md 1 and 3; jmapd-rest(7) is the
 * administrator's page.  Everything is decided by the auth process, which
 * is asked with the handle of who asks; here is only its JSON.
 *
 *	rest.c			envelopes, errors, one call on the directory
 *	rest_principal.c	get, list, delete, reload: from rows to JSON
 *	rest_change.c		create, update: from JSON to entries
 */
#ifndef WORKER_REST_REST_H
#define WORKER_REST_REST_H

#include "common/compat.h"
#include "common/auth_ask.h"
#include "common/buf.h"
#include "common/dir.h"
#include "common/js.h"
#include "worker/http/http.h"

/* --- handlers, for the route table; all routes have ROUTE_ADMIN --------- */

void	rest_principal_list(struct req *);	/* GET /api/principal */
void	rest_principal_get(struct req *);	/* GET .../{name} */
void	rest_principal_delete(struct req *);	/* DELETE .../{name} */
void	rest_principal_reload(struct req *);	/* GET /api/reload[/{what}] */
void	rest_change_create(struct req *);	/* POST /api/principal */
void	rest_change_update(struct req *);	/* PATCH .../{name} */

/* --- rest.c ------------------------------------------------------------- */

#define REST_OUT_MAX	(64 << 20)	/* bytes of an answer */
#define REST_IN_MAX	(1 << 20)	/* bytes of a body */

/* A call on the directory on behalf of a request; in its arena. */
struct rest_call {
	struct req	*r;
	struct auth_ask	*ask;
	struct buf	 out;		/* the answer so far, JSON */
	uint32_t	 nrows;		/* of this question */
	/* For a row; NULL: rows are not expected. */
	void		(*row)(struct rest_call *, const struct dir_prin *);
	/* All went well: answers.  An error was answered already. */
	void		(*ok)(struct rest_call *, const struct auth_ask_end *);
	void		*data;
};

/* A new call that will answer r; NULL: 503 has been answered. */
struct rest_call *rest_call(struct req *);
/* Ask; parks the request.  May be called again from ok(). */
void	rest_ask(struct rest_call *, uint32_t op, const struct buf *tail);
/* Answer {"data": ...}: the JSON text, "null". */
void	rest_data(struct req *, const char *json);
/* The same with what c->out holds, which is the whole body. */
void	rest_out(struct rest_call *);
/* Answer {"error": ...} of the contract, or a problem. */
void	rest_error(struct req *, enum dir_err, const char *what,
	    const char *more);
/* 400, "Invalid parameters". */
void	rest_invalid(struct req *, const char *detail);
/*
 * The body as JSON, whatever its Content-Type says, as clients of this API
 * expect; but not the body of another site's form.  Gives the value, which
 * the caller frees; NULL: it has been answered.
 */
struct js_val	*rest_body(struct req *);

#endif
