/* SPDX-License-Identifier: ISC */
/*
 * What the sender of a mail is told by mail: a delivery status notification,
 * RFC 3464 in a report of RFC 6522, RFC 6533 where an address is not ASCII.
 * Pure: bytes in, bytes out.
 */
#ifndef DAEMON_QUEUE_DSN_H
#define DAEMON_QUEUE_DSN_H

#include "common/buf.h"
#include "common/compat.h"
#include "common/slice.h"
#include "daemon/queue_msg.h"

enum queue_dsn_kind {
	QUEUE_DSN_FAILED, QUEUE_DSN_DELAYED, QUEUE_DSN_SUCCESS, QUEUE_DSN_KINDS
};

struct queue_dsn {
	enum queue_dsn_kind	 kind;
	const struct queue_msg	*msg;
	const uint8_t		*which;		/* 1 a recipient: told of */
	const char		*host;		/* ours */
	const char		*relay;		/* its name, or "" */
	uint64_t		 id;		/* of the notification */
	int64_t			 now;
	struct slice		 original;	/* its head, or all of it */
	int			 full;		/* it is all */
};

/* Append the mail: 0, or -1 when it does not fit. */
int	queue_dsn_build(const struct queue_dsn *, struct buf *);
/* Bytes of the head of a message, the empty line not counted. */
size_t	queue_dsn_head(const void *, size_t);
/* The value of a field's first line, trimmed; n is 0 if there is none. */
struct slice	queue_dsn_field(struct slice head, const char *name);
/* The enhanced code in a reply, else "x.0.0" of its first digit. */
void	queue_dsn_status(const char *reply, char out[12]);

#endif
