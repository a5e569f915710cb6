/* SPDX-License-Identifier: ISC */
/* What http1.c (heads, bodies, time) and http1_reply.c (answers) share. */
#ifndef WORKER_HTTP_HTTP1_INT_H
#define WORKER_HTTP_HTTP1_INT_H

#include "common/compat.h"

#include "worker/http/chunk.h"
#include "worker/http/http1.h"
#include "worker/http/req.h"

struct http1 {
	struct conn		*c;
	struct req		*req;	/* the one in work, or NULL */
	struct http1_find	 find;
	struct http1_frame	 frame;
	struct chunk		 chunk;
	struct buf		 body;	/* of a request, when it is not in in */
	uint64_t		 got;	/* bytes of body so far */
	int64_t			 began;	/* body: since when */
	size_t			 inbody;/* body bytes lent from c->in */
	int			 batch;	/* answers since the last flush */
	int			 close;	/* after this answer */
	int			 chunked; /* this answer is */
};

/* --- http1_reply.c --------------------------------------------------- */

/* tp->reply. */
void	http1_reply(struct req *);
/* The step that sends what is left of it, and ends the request. */
conn_step	http1_reply_step;

/* --- http1.c --------------------------------------------------------- */

/* The request is over: the step for the one behind it. */
enum io	http1_next(struct conn *);

#endif
