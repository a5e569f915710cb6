/* SPDX-License-Identifier: ISC */
/*
 * The principals that a user may see (RFC 9670), from auth, for requests
 * that use them.  Auth is asked each time, but answers "as before" at once,
 * so what is remembered here is never out of date.
 */
#ifndef WORKER_PEOPLE_H
#define WORKER_PEOPLE_H

#include "common/compat.h"
#include "worker/http/http.h"

struct jmap_dir;
struct people_ask;

/* 1 if a request's bytes may name the capabilities that need them. */
int	people_wanted(const void *, size_t);
/*
 * Call fn once with them, from the event loop; NULL when auth cannot be
 * asked now.  They are good until it returns.  NULL: fn is not called.
 */
struct people_ask	*people_get(const struct req_user *,
			    void (*fn)(void *, const struct jmap_dir *),
			    void *);
/* fn is not called.  NULL is fine. */
void	people_cancel(struct people_ask *);

#endif
