/* SPDX-License-Identifier: ISC */
/*
 * S/MIME signatures (RFC 8551, RFC 9219): whether a message has one, and
 * whether it is good.
 */
#ifndef WORKER_JMAP_EMAIL_SMIME_H
#define WORKER_JMAP_EMAIL_SMIME_H

#include "common/compat.h"
#include "common/arena.h"
#include "worker/mime/mime.h"

#define EMAIL_SMIME_ERRORS	8

struct email_smime {
	const char	*status;	/* RFC 9219 4.1; NULL: no S/MIME */
	const char	*delivered;	/* the same, at the time of delivery */
	const char	*error[EMAIL_SMIME_ERRORS];	/* into the arena */
	size_t		 nerror;
	int64_t		 at;		/* when that was found, ms */
	int		 known;		/* the caller's: all this is filled */
};

/* 1 if the type of the root is one of S/MIME's; parts alone are looked at. */
int	email_smime_is(const struct mime_msg *);

/* The properties of RFC 9219 4.1, as email_get.c counts them. */
enum { EMAIL_SMIME_STATUS, EMAIL_SMIME_DELIVERED, EMAIL_SMIME_ERROR,
    EMAIL_SMIME_AT };
struct email_src;
struct email_struct;
/* Append one of them, of a mail that arrived then (0: is none); s is kept
 * between those of one mail, known 0 at first.  0 or -1. */
int	email_smime_put(struct email_src *, const struct email_struct *,
	    int64_t received, struct email_smime *s, int which, struct buf *);
/* The status of a mail, as email_smime_check.  0 or -1. */
int	email_smime_src(struct email_src *, const struct email_struct *,
	    int64_t received, struct email_smime *);
/* 1 if it stands for a good signature. */
int	email_smime_good(const char *status);

/* Trust signers that the certificates in n bytes of PEM vouch for, and no
 * others from now on, nor those that a revocation list in it names.  How many
 * certificates there are. */
size_t	email_smime_trust(const void *, size_t n);

#endif
