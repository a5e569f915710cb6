/* SPDX-License-Identifier: ISC */
/*
 * The line that is logged of each request when it has ended: of whom and
 * what, never a credential, a query, a body, or the path of a resource that
 * exists (its pattern instead, so that no name of a blob is in the log).
 */
#ifndef WORKER_HTTP_ACCESS_H
#define WORKER_HTTP_ACCESS_H

#include "common/compat.h"

struct req;

#define ACCESS_ID	32	/* bytes of an id as text */

/* us: microseconds from its first byte to its end. */
void	access_log(const struct req *, int64_t us);
/* The id of a request, the same in the log and in X-Request-Id. */
const char	*access_id(const struct req *, char out[ACCESS_ID]);

#endif
