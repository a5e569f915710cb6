/* SPDX-License-Identifier: ISC */
/*
 * Every resource that this server has, in one table: the only place where
 * HTTP meets JMAP, management and the rest.  route.c says how a row is
 * found, http.h what its columns mean.
 */
#include "common/compat.h"

#include "worker/rest/rest.h"
#include "worker/worker.h"

#define REST	(ROUTE_AUTH | ROUTE_ADMIN)

static void	root_get(struct req *);
static void	live_get(struct req *);

const struct route	worker_routes[] = {
	/* methods, path, class, flags, body, handler, limit */
	{ M_GET, "/", HTTP_R, 0, BODY_NONE, root_get, NULL },
	{ M_GET, "/healthz/live", HTTP_A, ROUTE_OPEN, BODY_NONE, live_get,
	    NULL },
	{ M_GET, "/api/principal", HTTP_A, REST, BODY_NONE,
	    rest_principal_list, NULL },
	{ M_POST, "/api/principal", HTTP_A, REST, BODY_REQUEST,
	    rest_change_create, NULL },
	{ M_GET, "/api/principal/{name}", HTTP_A, REST, BODY_NONE,
	    rest_principal_get, NULL },
	{ M_PATCH, "/api/principal/{name}", HTTP_A, REST, BODY_REQUEST,
	    rest_change_update, NULL },
	{ M_DELETE, "/api/principal/{name}", HTTP_A, REST, BODY_NONE,
	    rest_principal_delete, NULL },
	{ M_GET, "/api/reload", HTTP_A, REST, BODY_NONE,
	    rest_principal_reload, NULL },
	{ M_GET, "/api/reload/{what}", HTTP_A, REST, BODY_NONE,
	    rest_principal_reload, NULL },
};
const size_t	worker_nroutes = nitems(worker_routes);

/* What a person sees who types the server's name. */
static void
root_get(struct req *r)
{
	req_redirect(r, 302, "/.well-known/jmap");
}

static void
live_get(struct req *r)
{
	req_problem(r, 200, NULL, "OK", NULL);
}
