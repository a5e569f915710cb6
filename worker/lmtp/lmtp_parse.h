/* SPDX-License-Identifier: ISC */
/*
 * The grammar of LMTP (RFC 2033, which is RFC 5321 4.1 with small changes):
 * command lines, paths, parameters, and the coding of the DATA stream.
 * Pure: bytes in, values out; no I/O, no log, no allocation but in the
 * buffer that lmtp_parse_data is given.
 *
 * Only CRLF ends a line here.  A CR or LF by itself never does, so nothing
 * that another program takes for a line end can end a message or begin a
 * command ("SMTP smuggling").
 */
#ifndef LMTP_PARSE_H
#define LMTP_PARSE_H

#include "common/buf.h"
#include "common/parse.h"
#include "common/slice.h"

#define LMTP_LINEMAX	2048	/* bytes of a command, CRLF not counted */
#define LMTP_PATHMAX	320	/* bytes of a mailbox: 64 + 1 + 255 */
#define LMTP_HELOMAX	255

enum lmtp_verb {
	LMTP_UNKNOWN, LMTP_BDAT, LMTP_DATA, LMTP_EHLO, LMTP_HELO, LMTP_LHLO,
	LMTP_MAIL, LMTP_NOOP, LMTP_QUIT, LMTP_RCPT, LMTP_RSET, LMTP_VRFY,
	LMTP_VERBS
};

/* What is wrong with an argument. */
enum lmtp_error {
	LMTP_OK,
	LMTP_SYNTAX,		/* 501 5.5.4: not what the grammar says */
	LMTP_ADDRESS,		/* 501 5.1.7 or 5.1.3: not an address */
	LMTP_PARAM,		/* 555 5.5.4: a parameter we did not offer */
	LMTP_UTF8		/* 553 5.6.7: needs SMTPUTF8 (RFC 6531 3.2) */
};

struct lmtp_path {
	char	text[LMTP_PATHMAX + 1];	/* local@domain, no <>, no route; a
					 * needless quoting is taken off */
	size_t	len;			/* 0: the null path <> */
	int	utf8;			/* has bytes above ASCII */
};

struct lmtp_mail {
	struct lmtp_path	path;
	uint64_t		size;	/* SIZE= (RFC 1870), 0 if not said */
	int			body8;	/* BODY=8BITMIME (RFC 6152) */
	int			utf8;	/* SMTPUTF8 (RFC 6531) */
};

/*
 * Find the end of a command line in n bytes at p.  PARSE_DONE sets *len, the
 * bytes before CRLF; PARSE_ERROR: longer than LMTP_LINEMAX and still no end.
 */
enum parse	lmtp_parse_line(const uint8_t *p, size_t n, size_t *len);

/*
 * Split a line without its CRLF in verb and argument (without the blank
 * between; trailing blanks are dropped).  A control character anywhere, or
 * bytes that are not UTF-8, make it LMTP_UNKNOWN.
 */
enum lmtp_verb	lmtp_parse_verb(const uint8_t *, size_t, struct slice *arg);

/* LHLO's argument into out; 0, or -1 if it is no domain nor literal. */
int		lmtp_parse_helo(struct slice arg, char out[LMTP_HELOMAX + 1]);
/* "FROM:<...> parameters". */
enum lmtp_error	lmtp_parse_mail(struct slice arg, struct lmtp_mail *);
/* "TO:<...>"; <Postmaster> and other bare local parts are paths here. utf8:
 * whether MAIL said SMTPUTF8. */
enum lmtp_error	lmtp_parse_rcpt(struct slice arg, int utf8,
		    struct lmtp_path *);
/* BDAT's "size [LAST]" (RFC 3030 2); 0 or -1. */
int		lmtp_parse_bdat(struct slice arg, uint64_t *size, int *last);

/* The DATA stream (RFC 5321 4.1.1.4, 4.5.2).  Start zeroed. */
struct lmtp_data {
	int	state;
	int	bare_lf;	/* a LF without CR was in it */
	int	full;		/* out refused bytes: they are lost */
};
/*
 * Take up to n bytes at p, append the message to out without the doubled
 * dots.  *used is how many were taken: all of them unless PARSE_DONE, which
 * means that CRLF.CRLF was seen.  Never PARSE_ERROR.
 */
enum parse	lmtp_parse_data(struct lmtp_data *, const uint8_t *p, size_t n,
		    struct buf *out, size_t *used);

#endif
