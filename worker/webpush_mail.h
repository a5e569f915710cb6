/* SPDX-License-Identifier: ISC */
/*
 * EmailPush objects (draft-ietf-jmap-emailpush): what of new mail a
 * subscription wants to be told at once.
 */
#ifndef WORKER_WEBPUSH_MAIL_H
#define WORKER_WEBPUSH_MAIL_H

#include "common/buf.h"
#include "common/compat.h"
#include "common/conf.h"
#include "common/js.h"
#include "worker/store/store.h"

#define WEBPUSH_MAIL_MAX	32	/* mails told of at a time */

/* A mail that was delivered. */
struct webpush_mail {
	char	 id[STORE_IDLEN];
	int64_t	 received;		/* ms */
};
/* The mails delivered by commits of this range: how many. */
size_t	webpush_mail_find(struct store_txn *, uint64_t from, uint64_t to,
	    struct webpush_mail *, size_t max);
/*
 * Those of n mails of the account (a number) that an EmailPushConfig wants,
 * as EmailPush objects of at most max bytes each: fn is called with each.
 */
void	webpush_mail(const struct conf *, uint64_t account,
	    struct js_val *config, const struct webpush_mail *, size_t n,
	    size_t max, void (*fn)(void *, struct buf *), void *);

#endif
