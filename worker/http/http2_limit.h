/* SPDX-License-Identifier: ISC */
/*
 * What one HTTP/2 connection may cost (security.md 3.2), counted before any
 * byte of it reaches the library: the frames are walked as they arrive,
 * their headers only.  Pure: no I/O, no clock, no log.
 *
 * A verdict is an error code of RFC 9113 7 that the connection must end
 * with, or 0 to go on.
 */
#ifndef WORKER_HTTP_HTTP2_LIMIT_H
#define WORKER_HTTP_HTTP2_LIMIT_H

#include "common/compat.h"

/* RFC 9113 7: those that we name ourselves. */
#define HTTP2_NO_ERROR		0x0
#define HTTP2_PROTOCOL_ERROR	0x1
#define HTTP2_REFUSED_STREAM	0x7
#define HTTP2_CANCEL		0x8
#define HTTP2_CALM		0xb	/* ENHANCE_YOUR_CALM */

#define HTTP2_FRAME_HEAD	9	/* octets before a frame's payload */
#define HTTP2_MAGIC		24	/* octets of the client's preface */

#define HTTP2_RESET_BURST	100	/* resets at once, either side's */
#define HTTP2_RESET_RATE	33	/* and per second from then on */
#define HTTP2_ERRORS		16	/* stream errors in HTTP2_WINDOW */
#define HTTP2_CONTROL		100	/* control frames in HTTP2_WINDOW
					 * without progress */
#define HTTP2_WINDOW		10000	/* ms */
#define HTTP2_ACKS		64	/* answers to PING, SETTINGS unsent */
#define HTTP2_CONTINUATIONS	8	/* frames behind one HEADERS */
#define HTTP2_BLOCK		32768	/* bytes of a header block, encoded */
#define HTTP2_BLOCK_MS		5000	/* for all of it to arrive */

struct http2_limit {
	/* Where in the stream of frames we are. */
	uint8_t		 head[HTTP2_FRAME_HEAD];
	uint32_t	 nhead;		/* bytes of head; of magic at first */
	uint32_t	 left;		/* payload still to come */
	int		 magic;		/* the preface is behind us */
	/* The header block being received. */
	int		 open;		/* until END_HEADERS */
	int		 last;		/* the frame being read ends it */
	uint32_t	 block;		/* bytes so far */
	uint32_t	 ncont;
	int64_t		 block_at;	/* since when, 0: none open */
	/* Counters. */
	uint32_t	 max_streams;
	uint32_t	 opened;	/* streams begun this turn */
	uint32_t	 last_id;	/* largest stream begun */
	uint32_t	 bodies;	/* begun, their end not seen */
	uint32_t	 acks;
	uint32_t	 control;
	int64_t		 control_at;	/* start of their window */
	uint32_t	 errors;
	int64_t		 errors_at;
	int64_t		 tokens;	/* thousandths of a reset */
	int64_t		 tokens_at;
};

/* Times are milliseconds of one monotonic clock, above 0. */
void	http2_limit_init(struct http2_limit *, uint32_t max_streams,
	    int64_t now);
/* A turn of the loop begins: how many streams it may open starts anew. */
void	http2_limit_turn(struct http2_limit *);
/* The next n bytes that the peer sent.  The verdict. */
uint32_t	http2_limit_scan(struct http2_limit *, const uint8_t *,
		    size_t n, int64_t now);
/* Something useful went over the connection. */
void	http2_limit_progress(struct http2_limit *);
/* Everything that we had to say has been written. */
void	http2_limit_flushed(struct http2_limit *);
/* We send RST_STREAM with that code: an attacker can make us do it
 * (CVE-2025-8671).  The verdict. */
uint32_t	http2_limit_reset(struct http2_limit *, uint32_t code,
		    int64_t now);
/* When the open header block must be complete, or 0. */
int64_t	http2_limit_deadline(const struct http2_limit *);

#endif
