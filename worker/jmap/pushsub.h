/* SPDX-License-Identifier: ISC */
/*
 * PushSubscription (RFC 8620 7.2) as kept in the account of the login that
 * made it, and what worker/webpush.c needs to deliver to it.
 */
#ifndef WORKER_JMAP_PUSHSUB_H
#define WORKER_JMAP_PUSHSUB_H

#include "common/conf.h"
#include "common/p256.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_object.h"

#define PUSHSUB_AUTH	16	/* bytes of the authentication secret */

/* What the configuration and push say; of a struct jmap_env. */
struct pushsub_conf {
	const char		*vapid;		/* public key, base64url; "" */
	const char		*origin;	/* push.allow-origin */
	struct conf_strs	 ports;
	struct conf_rate	 rate;		/* new ones of an account */
	unsigned		 max;		/* of an account */
	int64_t			 expires;	/* ms, when none is given */
	int64_t			 max_expires;
};

/* One, read for delivery. */
struct pushsub {
	uint64_t	 id;
	const char	*url;
	int		 keyed;		/* encrypt with these */
	uint8_t		 p256dh[P256_POINT];
	uint8_t		 auth[PUSHSUB_AUTH];
	int		 verified;
	const char	*code;		/* that verifies it */
	int64_t		 expires;	/* ms */
	uint32_t	 types;		/* mask, JMAP_PUSH_ALL */
	struct js_val	*mail;		/* emailPush, or NULL */
	int		 stale;		/* expired, or of another VAPID key */
	struct jmap_object object;	/* the strings' owner */
};
/* Read it: STORE_OK, then pushsub_free. */
enum store_err	pushsub_read(struct store_txn *, uint64_t id,
		    const struct pushsub_conf *, struct pushsub *);
void		pushsub_free(struct pushsub *);
/* The enum msg_push_urgency of a name, or -1. */
int		pushsub_urgency(const char *);
/* Append the PushVerification object (RFC 8620 7.2.2). */
void		pushsub_verification(struct buf *, const struct pushsub *);

/*
 * Called within a transaction that may yet fail: one was made or destroyed.
 * Whoever hears of it looks again once it is committed.
 */
extern void	(*pushsub_touched)(const char *account, uint64_t id);

#endif
