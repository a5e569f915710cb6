/* SPDX-License-Identifier: ISC */
/*
 * EmailSubmission (RFC 8621 7): what its files share, and what deliveries
 * and the queue's handler call.
 *
 *	submission.c		the type: /get, /query, /set around a create
 *	submission_make.c	a create: everything RFC 8621 7.5 asks for
 *	submission_env.c	the envelope, given or from the header
 *	submission_param.c	parameters of MAIL FROM and RCPT TO
 *	submission_mail.c	the message: is it fit, and as it is sent
 *	submission_status.c	what the queue says became of it
 *	submission_report.c	DSNs and MDNs that come back
 *
 * The mail is put into the queue, held, within the transaction that makes
 * the object; it goes when that is committed and is dropped when not
 * (common/queue_ask.h).
 */
#ifndef WORKER_JMAP_SUBMISSION_H
#define WORKER_JMAP_SUBMISSION_H

#include "common/arena.h"
#include "common/queue_ask.h"
#include "worker/jmap/jmap_object.h"

struct mime_msg;

/* --- submission_mail.c --------------------------------------------------- */

/* A message that is to be sent. */
struct submission_mail {
	struct arena	 arena;
	struct buf	 raw;		/* as stored */
	struct mime_msg	*msg;		/* parsed */
	const char	*from;		/* first address of From, or NULL */
	const char	*sender;	/* of Sender, or NULL */
	const char	*message_id;	/* without brackets, or NULL */
	const char	*bad[8];	/* properties of the Email that are
					 * invalid, all of them */
	size_t		 nbad;
};
/* Parse raw, look for what is wrong: 0, or -1 no memory.  Free it then. */
int	submission_mail_parse(struct submission_mail *);
void	submission_mail_free(struct submission_mail *);
/* All of its addresses in To, Cc and Bcc, each once; 0, or -1 no memory. */
int	submission_mail_rcpts(struct submission_mail *, struct jmap_req *,
	    struct jmap_ids *);
/* 1 if every address of From is one of the card's. */
int	submission_mail_own(struct submission_mail *, const struct card *);
/*
 * Append the message as it leaves: no Bcc, CRLF line ends, Date and
 * Message-ID if it has none.  flags: MSG_QUEUE_UTF8, MSG_QUEUE_8BIT as it
 * needs.  0, or -1: buffer full.
 */
int	submission_mail_out(const struct submission_mail *, const char *host,
	    struct buf *, uint32_t *flags);

/* --- submission_env.c, submission_param.c -------------------------------- */

#define SUBMISSION_ENVID	(QUEUE_ASK_ENVID - 1)

/* An envelope, ready for the queue; all in the request's arena. */
struct submission_env {
	const char		*from;
	struct queue_ask_rcpt	*rcpt;
	size_t			 nrcpt;
	const char		*envid;		/* xtext, or NULL */
	uint32_t		 flags;		/* MSG_QUEUE_RET_... */
	int32_t			 priority;
	int64_t			 hold;		/* ms, or 0 */
};
/*
 * Read "envelope", or make it from the message when it is null; v is then
 * replaced by what was made.  1, 0 with s->e filled, -1.
 */
int	submission_env(struct jmap_set *, struct submission_mail *,
	    const struct jmap_object *identity, struct js_val **v,
	    struct submission_env *);
/* Parameters (an object or NULL) into the envelope or recipient: NULL, or
 * what is wrong, for people. */
const char	*submission_param_mail(struct jmap_req *, struct js_val *,
		    struct submission_env *);
const char	*submission_param_rcpt(struct jmap_req *, struct js_val *,
		    struct queue_ask_rcpt *);
/* RFC 3461 4: to xtext; NULL: no memory. */
const char	*submission_param_xtext(struct arena *, const char *);

/* --- submission_make.c --------------------------------------------------- */

struct submission_done {		/* a success of this call */
	const char	*id, *cid;	/* cid NULL: not a create */
	const char	*email;
};
struct submission_set {			/* s->arg of EmailSubmission/set */
	struct js_val		*update, *destroy;	/* onSuccess... */
	struct submission_done	*done;
	size_t			 ndone;
	struct submission_mail	 mail;		/* of the create in hand, */
	struct submission_env	 env;		/* between the two below */
	uint64_t		*put;		/* numbers put into the queue */
	size_t			 nput;
};
int	submission_make(struct jmap_set *, struct jmap_object *);
int	submission_make_put(struct jmap_set *, struct jmap_object *);
/* The transaction is over (struct jmap_call's ended). */
void	submission_make_ended(struct jmap_call *, int committed);
/* Note a success for onSuccess...: 0, or -1. */
int	submission_done(struct jmap_set *, const struct jmap_object *,
	    const char *cid);
/* Put mail of a machine into the queue, with an empty return path and no
 * object that would hear of it: 0, or -1 (logged). */
int	submission_make_bare(uint64_t account, const char *const *to,
	    size_t n, const void *, size_t, uint32_t flags);

/* --- submission_status.c: common/queue_ask.h's hooks --------------------- */

/* Set queue_ask_hooks.  Once, before the worker runs. */
void	submission_status_init(void);

/* --- submission_report.c ------------------------------------------------- */

/*
 * A message was delivered into the account in this transaction, mail its
 * id: when it is a DSN or an MDN about one of the account's submissions,
 * note it there (RFC 8621 7: deliveryStatus, dsnBlobIds, mdnBlobIds).
 */
enum store_err	submission_report(struct store_txn *, uint64_t mail,
		    const void *raw, size_t);

#endif
