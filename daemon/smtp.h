/* SPDX-License-Identifier: ISC */
/*
 * The SMTP client: what the queue role and daemon/smtp_*.c say to each other.
 *
 *	struct smtp_relay	where to, and how: one for each relay
 *	struct smtp_mail	one transaction: envelope, message, results
 *	struct smtp_result	what became of a recipient, or of a connection
 *
 * smtp_conn.h is the way in.  Nothing here is kept by the client beyond the
 * callback that ends it: the caller owns every byte.
 *
 * Rules that the client keeps, so that no caller need:
 * - Before MAIL nothing is permanent: a greeting, EHLO, STARTTLS or AUTH that
 *   is refused says something about the relay and us, never about a mail.
 * - Connection lost, 421, timeout, nonsense: temporary (RFC 5321 3.8) for
 *   every recipient that has no answer yet or was only accepted so far.  Lost
 *   after the final dot: temporary, too, with smtp_mail.unsure set; the mail
 *   may then arrive twice, which is better than not at all.
 * - No address with a control character, CR, LF or NUL ever reaches the wire;
 *   one that is no mailbox of RFC 5321 4.1.2 is refused, permanently, here.
 * - Only our own dot ends the message: a bare LF goes out as CRLF,
 *   a bare CR as a space, each leading dot twice.
 * - Passwords go over a verified TLS session or nowhere.
 */
#ifndef DAEMON_SMTP_H
#define DAEMON_SMTP_H

#include "common/compat.h"
#include "common/ip.h"

#define SMTP_TEXT	512	/* bytes of a reply's text, NUL too */
#define SMTP_STATUS	12	/* bytes of "5.1.1", NUL too */
#define SMTP_HOST	256	/* bytes of a host's name, NUL too */
#define SMTP_PATH	256	/* RFC 5321 4.5.3.1.3, brackets counted */

enum smtp_class {
	SMTP_NONE = 0,		/* not decided */
	SMTP_SENT,		/* the relay has taken it on */
	SMTP_TEMP,		/* try again later */
	SMTP_PERM		/* never */
};

struct smtp_result {
	uint8_t		 class;			/* enum smtp_class */
	uint8_t		 local;			/* our words, not theirs */
	uint16_t	 code;			/* 250; 0: no such reply */
	char		 status[SMTP_STATUS];	/* RFC 3463; never empty once
						 * class is set */
	/*
	 * "550 5.1.1 No such user": code and text of all lines, put together
	 * as RFC 8621 7 asks (smtpReply); printable ASCII, what is not is
	 * written \xHH.  Fit for a log, a DSN's Diagnostic-Code and JSON.
	 */
	char		 text[SMTP_TEXT];
};

enum smtp_tls { SMTP_TLS_NONE, SMTP_TLS_STARTTLS, SMTP_TLS_IMPLICIT };

/* Milliseconds. */
struct smtp_times {
	int64_t	 connect;	/* each address */
	int64_t	 tls;		/* the handshake */
	int64_t	 greeting;	/* 4.5.3.2.1: 5 minutes */
	int64_t	 helo;		/* EHLO, STARTTLS, AUTH, RSET: 5 minutes */
	int64_t	 mail;		/* 4.5.3.2.2: 5 minutes */
	int64_t	 rcpt;		/* 4.5.3.2.3: 5 minutes */
	int64_t	 data;		/* 4.5.3.2.4: 2 minutes */
	int64_t	 block;		/* 4.5.3.2.5: 3 minutes, each write */
	int64_t	 end;		/* 4.5.3.2.6: 10 minutes */
	int64_t	 quit;		/* to be polite: 5 seconds */
};
extern const struct smtp_times	smtp_client_times;	/* RFC 5321 4.5.3.2 */

/* The caller's, unchanged while a connection uses it. */
struct smtp_relay {
	const char	*host;		/* a name or a literal address: logs,
					 * SNI and the certificate's name */
	const char	*helo;		/* our name; ASCII */
	const char	*user, *pass;	/* AUTH; NULL: none */
	enum smtp_tls	 tls;		/* as said, or no mail: no fallback */
	unsigned int	 mails;		/* a connection, then QUIT; 0: 100 */
	struct smtp_times times;
};

#define SMTP_NOTIFY_NEVER	1	/* RFC 3461 4.1; alone */
#define SMTP_NOTIFY_SUCCESS	2
#define SMTP_NOTIFY_FAILURE	4
#define SMTP_NOTIFY_DELAY	8

enum smtp_ret { SMTP_RET_NONE, SMTP_RET_FULL, SMTP_RET_HDRS };

struct smtp_rcpt {
	const char	*addr;		/* RFC 5321 Mailbox, UTF-8, no <> */
	const char	*orcpt;		/* "rfc822;a@b", decoded; or NULL */
	unsigned int	 notify;	/* SMTP_NOTIFY_*; 0: not said */
	struct smtp_result result;	/* set when the mail is done */
};

struct smtp_mail {
	const char	*from;		/* "" for <> */
	const char	*envid;		/* decoded; or NULL */
	enum smtp_ret	 ret;
	int		 priority;	/* RFC 6710: -9 to 9, 0 is usual */
	struct smtp_rcpt *rcpts;
	size_t		 nrcpts;	/* at least 1 */
	/*
	 * The message: len bytes as stored.  read copies up to n bytes from
	 * offset off to p and returns how many, 0 < n; -1 ends the transaction
	 * as temporary (ours).  It is called again and again from the loop
	 * until done, with off that only grows.
	 */
	uint64_t	 len;
	ssize_t		(*read)(void *arg, uint64_t off, void *p, size_t n);
	void		*arg;
	/*
	 * What the message needs, from smtp_data_scan (smtp_data.h) when it
	 * was taken in, or by who knows better: size as sent, without the
	 * added dots (RFC 1870 3); a byte over 127 in the body; one in any
	 * header (RFC 6532), which needs SMTPUTF8; a NUL, which nobody takes.
	 */
	uint64_t	 size;
	int		 eightbit, utf8, nul;
	/* Results beside those of the recipients. */
	struct smtp_result final;	/* the answer to the dot, for the log */
	int		 unsure;	/* lost after the dot */
	int		 untried;	/* the connection was dead before the
					 * relay saw it: try a new one, now */
	int		 dsn;		/* the relay has taken on NOTIFY; if 0
					 * and SENT, success DSNs are ours:
					 * "relayed" (RFC 3461 5.2.2) */
};

#endif
