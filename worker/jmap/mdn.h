/* SPDX-License-Identifier: ISC */
/* Message disposition notifications (RFC 9007, RFC 8098): MDN/send in
 * mdn_send.c with mdn_build.c, MDN/parse in mdn_parse.c. */
#ifndef WORKER_JMAP_MDN_H
#define WORKER_JMAP_MDN_H

#include "worker/jmap/jmap.h"
#include "worker/mime/mime.h"

/* The words of a Disposition, in lower case; each list ends with NULL. */
extern const char *const	mdn_action_modes[], *const mdn_sending_modes[],
				*const mdn_types[];
/* 1 if the n bytes are one of the list, in any case; *out is ours. */
int	mdn_word(const char *const *list, const char *, size_t n,
	    const char **out);
/* 1 if it is a field that a notification has by itself (RFC 8098 3.2). */
int	mdn_known_field(const char *);

/*
 * May a message be answered by a notification (RFC 8098 2.1, 2.2)?  options:
 * its Disposition-Notification-Options, or NULL.  1; 0 and *why for people;
 * -1 no memory.
 */
int	mdn_may(struct arena *, const struct mime_msg *, const char *options,
	    const char **why);

/* A notification to be written. */
struct mdn {
	const char	*subject, *text;	/* never NULL */
	const char	*reporting_ua;		/* or NULL */
	const char	*action, *sending, *type;
	const char	*original_recipient;	/* "rfc822; a@b", or NULL */
	const char	*final_recipient;	/* the same */
	const char	*original_id;		/* without brackets, or NULL */
	struct js_val	*extension;		/* or NULL */
	struct mime_addr from;
	struct mime_addrs to;
	/* the message that it is about, or NULL */
	const uint8_t	*original;
	size_t		 original_len;
};
/* Append the message: 0, or -1 (errno as mime_build). */
int	mdn_build(struct arena *, const struct mdn *, struct buf *);

#endif
