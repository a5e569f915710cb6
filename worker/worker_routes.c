/* SPDX-License-Identifier: ISC */
/*
 * Every resource that this server has, in one table: the only place where
 * HTTP meets JMAP, management and the rest.  route.c says how a row is
 * found, http.h what its columns mean.
 */
#include "common/compat.h"

#include "worker/worker.h"

static void	root_get(struct req *);
static void	live_get(struct req *);

const struct route	worker_routes[] = {
	/* methods, path, class, flags, body, handler, limit */
	{ M_GET, "/", HTTP_R, 0, BODY_NONE, root_get, NULL },
	{ M_GET, "/healthz/live", HTTP_A, ROUTE_OPEN, BODY_NONE, live_get,
	    NULL },
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
