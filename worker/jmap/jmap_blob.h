/* SPDX-License-Identifier: ISC */
/*
 * Blobs (RFC 8620 6): their ids, and the bytes behind them.  Whether who asks
 * may see them is looked at here.
 */
#ifndef WORKER_JMAP_JMAP_BLOB_H
#define WORKER_JMAP_JMAP_BLOB_H

#include "worker/jmap/jmap.h"

/*
 * A blob id is the store's ("G..."), or that of a part of a message: the
 * store's, then "-offset-length-encoding" (enum mime_cte) in decimal; again
 * for a part of a message that is a part itself.
 */
#define JMAP_BLOB_STEPS	4
struct jmap_blob {
	uint64_t	 eid;		/* the message of this mail: what
					 * sharees get instead of a hash */
	uint8_t		 hash[STORE_HASHLEN];
	struct {
		uint64_t	 off, len;	/* encoded, in what is before */
		int		 cte;		/* enum mime_cte */
	}		 step[JMAP_BLOB_STEPS];
	unsigned	 nstep;			/* 0: the whole */
};
/* 0, or -1: not a blob id.  Does not say that it exists. */
int	jmap_blob_parse(const char *id, struct jmap_blob *);
void	jmap_blob_text(const struct jmap_blob *, char out[JMAP_ID_MAX + 1]);
/* Make it the blob of a part inside of it.  0, or -1: too deep. */
int	jmap_blob_step(struct jmap_blob *, uint64_t off, uint64_t len, int cte);
/* Keep an upload; appends the answer object of RFC 8620 6.1.  0, 1: a viewer
 * may not, or -1. */
int	jmap_blob_upload(const struct jmap_env *, const struct jmap_user *,
	    const char *type, const void *, size_t, struct buf *out);
/* Append the (decoded) bytes behind an id: 1, 0 no such blob, -1 failed.
 * Opens and ends a read transaction of its own. */
int	jmap_blob_download(const struct jmap_user *, const char *id,
	    struct buf *);
/* The same inside a call's transaction, for Email/import, /parse, /set. */
int	jmap_blob_get(struct jmap_call *, const char *id, struct buf *);
/* The same in any transaction; -1 with *e. */
int	jmap_blob_read(struct store_txn *, const char *id, struct buf *,
	    enum store_err *);
/* The size of what it is kept in: of itself if it has no step.  As above. */
int	jmap_blob_size(struct jmap_call *, struct jmap_blob *,
	    uint64_t *);

#endif
