/* SPDX-License-Identifier: ISC */
/*
 * Blob management (RFC 9404): Blob/upload, /get and /lookup; what all of
 * JMAP does with blobs is jmap_blob.c.
 */
#ifndef WORKER_JMAP_BLOB_H
#define WORKER_JMAP_BLOB_H

#include "worker/jmap/jmap.h"

#define BLOB_SOURCES	64	/* data sources of one upload, RFC 9404 3.1 */

extern const struct jmap_type	blob_type;
jmap_fn	blob_upload, blob_lookup;

/* Append the names of the digests, of the types that lookup knows. */
void	blob_get_digests(struct buf *);
void	blob_lookup_types(struct buf *);

#endif
