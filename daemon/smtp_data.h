/* SPDX-License-Identifier: ISC */
/*
 * The message on the wire: lines that end in CRLF and dots in front of dots
 * (RFC 5321 4.5.2).  Pure; fed in pieces of any length.
 *
 * The one rule against smuggled mail (a relay that takes bare CR or LF for a
 * line end would see our text as commands): what leaves here has CR only
 * before LF and LF only after CR.  A bare LF becomes CRLF, a bare CR becomes a
 * space, whoever wrote it and wherever it stands.
 */
#ifndef DAEMON_SMTP_DATA_H
#define DAEMON_SMTP_DATA_H

#include "common/compat.h"
#include "common/buf.h"

/* Start with all zero. */
struct smtp_data {
	uint8_t	 cr;		/* a CR was read, its LF not yet */
	uint8_t	 text;		/* the line has bytes: no dot rule */
};

/* Encode n bytes to out: at most 2 n + 2 bytes are added, see out->bad. */
void	smtp_data_put(struct smtp_data *, const void *, size_t n,
	    struct buf *out);
/* The end: finish a line that has none, then ".\r\n"; at most 6 bytes. */
void	smtp_data_end(struct smtp_data *, struct buf *out);

/* Start with all zero, feed the whole message, then end. */
struct smtp_data_scan {
	uint64_t	 size;		/* as sent, dots not counted */
	uint32_t	 line;		/* longest, CRLF not counted */
	uint8_t		 eightbit;	/* a byte over 127 in the body */
	uint8_t		 utf8;		/* one in the header */
	uint8_t		 nul;
	uint8_t		 body, cr;	/* where we are */
	uint32_t	 col;
};
void	smtp_data_scan(struct smtp_data_scan *, const void *, size_t n);
void	smtp_data_scan_end(struct smtp_data_scan *);

#endif
