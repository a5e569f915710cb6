/* SPDX-License-Identifier: ISC */
/*
 * The SMTP client as a machine without I/O: bytes of the server go in, bytes
 * for the server come out, and it says what it needs.  RFC 5321, 2920, 3207,
 * 4954.  smtp_conn.c owns the socket and the clock; tests own neither.
 *
 *	feed what was read, fill, write what is in out, look at want:
 *	  SMTP_WANT_IO	  go on reading (and writing while out has bytes)
 *	  SMTP_WANT_TLS	  do the handshake, then smtp_client_tls
 *	  SMTP_WANT_MAIL  idle: smtp_client_send or smtp_client_quit
 *	  SMTP_WANT_CLOSE all is said: why holds the reason
 *	and smtp_client_take gives a mail whose results are all set.
 *
 * Invariants: a mail is given back exactly once.  Nothing is written between
 * the answer to STARTTLS and smtp_client_tls.  A user's name or password is in
 * out only while TLS is on.
 */
#ifndef DAEMON_SMTP_CLIENT_H
#define DAEMON_SMTP_CLIENT_H

#include "common/compat.h"
#include "common/buf.h"
#include "daemon/smtp.h"
#include "daemon/smtp_data.h"
#include "daemon/smtp_ehlo.h"
#include "daemon/smtp_reply.h"

#define SMTP_CLIENT_OUT		(128 * 1024)	/* bytes of out, at most */
#define SMTP_CLIENT_MAILS	100		/* a connection, by default */

enum smtp_want {
	SMTP_WANT_IO, SMTP_WANT_TLS, SMTP_WANT_MAIL, SMTP_WANT_CLOSE
};

enum smtp_state {
	SMTP_GREETING, SMTP_EHLO, SMTP_HELO, SMTP_STARTTLS, SMTP_HANDSHAKE,
	SMTP_AUTH, SMTP_IDLE, SMTP_ENVELOPE, SMTP_DATA, SMTP_DOT,
	SMTP_NODATA, SMTP_RSET, SMTP_QUIT, SMTP_CLOSED,
	SMTP_STATES
};

struct smtp_client {
	const struct smtp_relay	*relay;
	struct buf		 out;		/* write it, then buf_skip */
	enum smtp_state		 state;
	unsigned int		 tick;		/* changes with each step: the
						 * timeout starts anew */
	struct smtp_reply	 reply;		/* that is coming in */
	struct smtp_ehlo	 ehlo;
	int			 tls;		/* the session is encrypted */
	int			 auth;		/* step of AUTH */
	unsigned int		 mails;		/* transactions begun */
	int			 quitting;	/* asked to */
	struct smtp_result	 why;		/* the end */
	/* the transaction */
	struct smtp_mail	*mail, *done;
	size_t			 sent, got;	/* commands, answers */
	size_t			 rcpts;		/* recipients to be said */
	size_t			 tx, rx;	/* next to say, to hear of */
	size_t			 accepted;	/* recipients */
	int			 refused;	/* MAIL was */
	int			 utf8;		/* SMTPUTF8 is needed */
	struct smtp_data	 data;
	uint64_t		 off;		/* of the message read */
};

/* The relay must stay.  With SMTP_TLS_IMPLICIT the handshake is done. */
void	smtp_client_init(struct smtp_client *, const struct smtp_relay *);
void	smtp_client_free(struct smtp_client *);

enum smtp_want	smtp_client_want(const struct smtp_client *);
/* Bytes from the server. */
void	smtp_client_feed(struct smtp_client *, const void *, size_t);
/* Put more of the message into out, if it is its turn and there is room. */
void	smtp_client_fill(struct smtp_client *);
/* The handshake is done and the peer verified. */
void	smtp_client_tls(struct smtp_client *);
/* Only when it wants a mail.  May be done at once. */
void	smtp_client_send(struct smtp_client *, struct smtp_mail *);
/* Say QUIT when the mail under way is done, or now. */
void	smtp_client_quit(struct smtp_client *);
/* The mail that is done, or NULL; no longer the client's. */
struct smtp_mail	*smtp_client_take(struct smtp_client *);
/* The connection is gone, or must go: it wants to be closed after this.  The
 * class is temporary; status is "4.4.2"; text says why, printable. */
void	smtp_client_lost(struct smtp_client *, const char *status,
	    const char *text);
/* How long what it waits for now may take, ms. */
int64_t	smtp_client_timeout(const struct smtp_client *);

/* --- for smtp_auth.c and smtp_tx.c only ---------------------------------- */

void	smtp_client_state(struct smtp_client *, enum smtp_state);
/* 1 if the reply's first digit is that. */
int	smtp_client_is(const struct smtp_client *, int class);
/* The reply as a result, with the status that suits its code, or dflt. */
void	smtp_client_result(const struct smtp_client *, const char *dflt,
	    struct smtp_result *);
/* A result of ours: "554 5.6.7 text"; code 0: "text". */
void	smtp_client_local(struct smtp_result *, int code, const char *status,
	    const char *text);
/* The transaction is over; say RSET first if it was not completed. */
void	smtp_client_next(struct smtp_client *, int rset);
/* The session is over because of res; as temporary, whatever it is: nothing
 * outside the answers of a transaction is permanent.  quit: say so first. */
void	smtp_client_end(struct smtp_client *, const struct smtp_result *,
	    int quit);
/* The same, because of the reply, with QUIT. */
void	smtp_client_no(struct smtp_client *, const char *dflt);
/* The same: the server broke the protocol. */
void	smtp_client_nonsense(struct smtp_client *, const char *where);
/* Close because of the mail; the relay is as good as before. */
void	smtp_client_close(struct smtp_client *);

#endif
