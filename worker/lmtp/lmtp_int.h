/* SPDX-License-Identifier: ISC */
/*
 * One LMTP connection, between lmtp.c (the conversation) and lmtp_data.c (the
 * message).
 */
#ifndef LMTP_INT_H
#define LMTP_INT_H

#include "worker/lmtp/lmtp.h"
#include "worker/lmtp/lmtp_deliver.h"
#include "worker/lmtp/lmtp_parse.h"

#define LMTP_BIG	"552 5.3.4 too big for this system"

struct lmtp_rcpt {
	uint64_t	 account;
	uint64_t	 quota;
	const char	*reply;		/* NULL: not tried yet */
};

struct lmtp {
	const struct lmtp_setup	*setup;
	char			 helo[LMTP_HELOMAX + 1];	/* "": none */
	unsigned int		 errors;
	int			 skip;	/* in a line that was too long */
	/* the transaction */
	int			 begun;	/* MAIL was accepted */
	int			 bdat;	/* a BDAT was seen */
	struct lmtp_mail	 mail;
	struct lmtp_rcpt	*rcpt;
	size_t			 nrcpt, next;
	struct buf		 msg;	/* our fields, then the message */
	size_t			 head;	/* bytes of our fields */
	uint64_t		 taken;	/* bytes of the message so far */
	size_t			 held;	/* of all that is held */
	int64_t			 since;	/* conn_now() of the first data */
	const char		*failed; /* why no recipient gets it */
	struct lmtp_data	 data;
	uint64_t		 chunk;	/* bytes of the BDAT to come */
	int			 last;
	struct lmtp_deliver	 out;
	/* the question to auth */
	struct auth_ask		*ask;
	struct lmtp_rcpt	 answer;
	int			 error;
};

typedef enum io	 lmtp_verb_fn(struct conn *, struct lmtp *, struct slice);

/* --- lmtp.c -------------------------------------------------------------- */

/* The step between two commands. */
enum io	lmtp_command(struct conn *);
/* Answer with a line; bad: to what the client must not do, and so not for
 * ever.  What the step returns. */
enum io	lmtp_say(struct conn *, const char *);
enum io	lmtp_bad(struct conn *, const char *);
/* So long for the next command. */
void	lmtp_patience(struct conn *);
/* The message is complete: now one answer for each recipient. */
enum io	lmtp_received(struct conn *, struct lmtp *);

/* --- lmtp_data.c --------------------------------------------------------- */

lmtp_verb_fn	lmtp_data, lmtp_data_bdat;
/* Give the message's bytes back; what comes of it still is swallowed, and
 * why (if there is one) is what the recipients' answers say. */
void	lmtp_data_drop(struct lmtp *, const char *why);

#endif
