/* SPDX-License-Identifier: ISC */
/*
 * Replies of an SMTP server (RFC 5321 4.2), with the status codes of RFC 2034
 * and 3463.  Pure.  Strict about what decides (code, hyphen, line end) and
 * about length; the words may be anything and are made printable here.
 */
#ifndef DAEMON_SMTP_REPLY_H
#define DAEMON_SMTP_REPLY_H

#include "common/compat.h"
#include "common/parse.h"
#include "daemon/smtp.h"

#define SMTP_REPLY_LINE		2048	/* bytes of a line, CRLF not counted;
					 * RFC 5321 4.5.3.1.5 has 512 */
#define SMTP_REPLY_LINES	128	/* of one reply */
#define SMTP_REPLY_TEXT		4096	/* bytes kept of all; the rest is cut */

/* Start each reply with all zero. */
struct smtp_reply {
	uint16_t	 code;		/* 200 to 599 */
	uint16_t	 lines;
	uint16_t	 col;		/* bytes of the line read so far */
	uint8_t		 sep, cr;	/* within a line */
	char		 status[SMTP_STATUS];	/* of the first line, or "" */
	uint16_t	 len;
	/* What follows the codes, one line after the other with '\n' between
	 * them, printable ASCII; a byte that is not is written \xHH. */
	char		 text[SMTP_REPLY_TEXT];
};

/*
 * Take bytes of a reply.  PARSE_DONE: it is complete, *used bytes of the n
 * belong to it.  PARSE_MORE: all were taken.  PARSE_ERROR: no reply.
 */
enum parse	smtp_reply_read(struct smtp_reply *, const void *, size_t n,
		    size_t *used);
/*
 * Put code, status and class into a result, and the text in the form of
 * RFC 8621 7.  dflt: the status if there is none in the reply, "x.7.1": x is
 * replaced by the class.
 */
void	smtp_reply_result(const struct smtp_reply *, const char *dflt,
	    struct smtp_result *);
/* The n-th line of the text, from 0, NUL-terminated in out; -1: none such. */
int	smtp_reply_line(const struct smtp_reply *, size_t n, char *out,
	    size_t outlen);

#endif
