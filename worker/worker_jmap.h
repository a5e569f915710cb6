/* SPDX-License-Identifier: ISC */
/* Handlers of JMAP's resources, for the rows of worker_routes.c. */
#ifndef WORKER_WORKER_JMAP_H
#define WORKER_WORKER_JMAP_H

#include "worker/http/http.h"

void	worker_jmap_api(struct req *);		/* POST, BODY_REQUEST */
void	worker_jmap_session(struct req *);	/* GET */
void	worker_jmap_upload(struct req *);	/* POST, ROUTE_UPLOAD */
void	worker_jmap_download(struct req *);	/* GET, class B */

/*
 * A message of a WebSocket (RFC 8887): *out is made, the caller frees it,
 * and gets the response or the error.  The principals are those of people.h,
 * or NULL; url is what url_base said.  0, or -1:
 * the account cannot be opened (logged).
 */
struct jmap_dir;
int	worker_jmap_message(const struct conf *, const struct req_user *,
	    const struct jmap_dir *, const char *url, const void *, size_t,
	    struct buf *out);

#endif
