/* SPDX-License-Identifier: ISC */
/*
 * An Email on its way from JSON to a message: shared by email_create.c,
 * email_field.c (header fields) and email_bodypart.c (EmailBodyPart).
 */
#ifndef WORKER_EMAIL_CREATE_H
#define WORKER_EMAIL_CREATE_H

#include "worker/jmap/email.h"

struct email_fields {		/* grown in the draft's arena */
	struct mime_field	*v;
	size_t			 n, cap;
};
struct email_blob {		/* bytes that parts point to */
	struct email_blob	*next;
	struct buf		 data;
};
struct email_draft {
	struct jmap_set		*s;		/* where refusals go */
	struct arena		 arena;
	int			 failed;	/* no memory, or the store */
	int64_t			 received;
	struct email_fields	 fields;	/* of the message */
	struct js_val		*values;	/* bodyValues */
	struct js_val		*structure, *text, *html, *attach;
	struct mime_node	*root, *textpart, *htmlpart, *attpart;
	size_t			 ntext, nhtml, natt, nparts;
	struct email_blob	*blobs;
	uint64_t		 blobsize;	/* bytes of them */
	struct jmap_ids		 missing;	/* blob ids not found */
};

/* Note a bad property; returns 0. */
int	 email_draft_bad(struct email_draft *, const char *path,
	    const char *why);
/*
 * A property that stands for a header field ("from", "header:X-Y:asText"),
 * into *f.  path: of the part it belongs to, "" for the Email, which knows
 * the convenience properties and no Content- fields.  0, noting what is bad,
 * or -1: no memory.
 */
int	 email_field(struct email_draft *, struct email_fields *f,
	    const char *prop, const char *path, struct js_val *);
/* Is a field of that name there?  1 or 0. */
int	 email_field_has(const struct email_fields *, const char *name,
	    size_t);
/*
 * An EmailBodyPart, at path.  type: what it is when it does not say; flat:
 * it may not be a multipart.  Faults are noted.
 */
void	 email_part(struct email_draft *, struct js_val *, const char *path,
	    const char *type, int flat, struct mime_node *);
/* The bytes of all parts, when the message was built. */
void	 email_part_free(struct email_draft *);

#endif
