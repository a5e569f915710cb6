/* SPDX-License-Identifier: ISC */
/*
 * Reports about mail: multipart/report (RFC 6522) with a delivery status
 * (RFC 3464) or a disposition notification (RFC 8098) in it.  The texts are
 * a stranger's: bounded, and every string is UTF-8.
 */
#ifndef WORKER_JMAP_REPORT_H
#define WORKER_JMAP_REPORT_H

#include "common/arena.h"
#include "worker/mime/mime.h"

#define REPORT_FIELDS	10000	/* fields of one report that are read */

struct report_field {
	const char	*name, *value;	/* unfolded; group 0 is the first */
	uint32_t	 group;		/* between empty lines */
};
struct report {
	const struct mime_msg	*msg;
	uint32_t		 part;		/* the report's */
	uint32_t		 text;		/* for people, or MIME_NONE */
	uint32_t		 original;	/* the message or its header, or
						 * MIME_NONE */
	struct report_field	*field;
	size_t			 nfield;
	uint32_t		 ngroup;
};

#define REPORT_DSN	"message/delivery-status"
#define REPORT_MDN	"message/disposition-notification"

/* Is the message a report of that type, or of the same for UTF-8 ("global-",
 * RFC 6533)?  1, 0 it is not, -1 no memory. */
int		 report_read(struct arena *, const struct mime_msg *,
		    const char *type, struct report *);
/* The value of a field of a group (any case), or NULL. */
const char	*report_get(const struct report *, uint32_t group,
		    const char *name);
/* The address in "rfc822; address" (any address type), or NULL.  One of type
 * utf-8 without the \x{} of RFC 6533 3, which is in out then. */
#define REPORT_ADDRESS	1024
const char	*report_address(const char *value, char out[REPORT_ADDRESS]);
/* The Message-ID of the message that came back, without brackets, or NULL. */
const char	*report_original(struct arena *, const struct report *);

#endif
