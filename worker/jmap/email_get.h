/* SPDX-License-Identifier: ISC */
/*
 * Email/get, between email_get.c (which properties, and those that are made)
 * and email_get_fast.c (those that are copied).
 */
#ifndef WORKER_JMAP_EMAIL_GET_H
#define WORKER_JMAP_EMAIL_GET_H

#include "worker/jmap/email.h"
#include "worker/jmap/email_smime.h"

#define EMAIL_GET_PROPS	32	/* of the table in email_get.c, at most */

enum getkind {
	/* copied */
	GET_FRAG, GET_BLOB, GET_ID, GET_KEYWORDS, GET_MAILBOXES, GET_THREAD,
	/* made */
	GET_ATTACHMENTS, GET_HEADERS, GET_HTMLBODY, GET_STRUCTURE,
	GET_TEXTBODY, GET_VALUES, GET_HEADER,
	GET_SMIME, GET_SMIMEWAS, GET_SMIMEERRORS, GET_SMIMEAT /* in order */
};
struct getprop {
	const char	*name;
	const char	*key;		/* `,"name":` ready to be copied */
	size_t		 len;
	enum getkind	 kind;
	enum store_frag	 frag;
	const char	*field;		/* of a fragment too long to be kept */
};

/* For properties that must be made: not touched for a list row. */
struct getwork {
	struct email_src	 src;
	struct email_struct	 st;
	struct email_smime	 smime;
	struct arena		 scratch;
};
struct email_get {
	const struct getprop	*fast[EMAIL_GET_PROPS];
	size_t			 nfast, keylen;
	const struct getprop	*slow[EMAIL_GET_PROPS];
	size_t			 nslow;
	struct email_hdr	*hdr;		/* "header:..." */
	size_t			 nhdr;
	struct email_fetch	 fetch;
	struct jmap_ids		*threads;	/* a later call wants them */
	struct slice		 kw[64];	/* `"$seen":true` of a slot */
	struct getwork		 work;
	int			 ready;
};
struct getmail {
	struct jmap_call	*c;
	struct email_get	*eg;
	const struct store_mail	*mail;		/* NULL: of Email/parse */
	struct getwork		*w;
	int			 open;		/* w->src is ready */
	int			 have;		/* w->st was read */
	struct store_row	 row;
};

/* email_get_fast.c: append the members that are copied, without braces; 0,
 * or -1. */
int	email_get_fast(struct getmail *, struct buf *);
/* email_get.c: the value of a property whose fragment was too long to be kept,
 * from the message; 0, or -1. */
int	email_get_big(struct getmail *, const struct getprop *, struct buf *);

#endif
