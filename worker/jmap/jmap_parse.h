/* SPDX-License-Identifier: ISC */
/*
 * Foo/parse: blobs shown as objects without becoming any (RFC 8621 4.9, RFC
 * 9007 2.2).  The method reads its arguments, "blobIds" among them, with
 * jmap_parse_args and gives the rest to jmap_parse.
 */
#ifndef WORKER_JMAP_JMAP_PARSE_H
#define WORKER_JMAP_JMAP_PARSE_H

#include "worker/jmap/jmap.h"

struct jmap_parse;
/* Append the member of "parsed" for this blob to p->good: 1, 0 it is no such
 * object (nothing was appended), or -1 as jmap_api_store. */
typedef int	jmap_parse_show(struct jmap_parse *, const char *id,
		    const struct buf *raw);
struct jmap_parse {
	struct jmap_call	*c;
	jmap_parse_show		*show;
	struct js_val		*sent;		/* "blobIds" */
	struct buf		 good;		/* members of "parsed" */
	struct jmap_ids		 bad, missing;
};
/* accountId and blobIds; then the caller's own, js_rd_end and jmap_parse. */
void	jmap_parse_args(struct jmap_parse *, struct js_rd *);
/* All of it, with at most maxObjectsInGet blobs; the method's result. */
const struct jmap_error	*jmap_parse(struct jmap_parse *);

#endif
