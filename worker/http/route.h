/* SPDX-License-Identifier: ISC */
/* Which row of the route table answers a path. */
#ifndef WORKER_HTTP_ROUTE_H
#define WORKER_HTTP_ROUTE_H

#include "worker/http/http.h"

/*
 * Find the row for r->method and r->path among n: literal segments stand
 * before {params}, these before a final "*".  Sets r->route, r->param,
 * r->class; r->allowed to the methods of all rows for the path (0: none),
 * r->route stays NULL when the method is not among them.
 */
void	route_find(struct req *, const struct route *, size_t n);

#endif
