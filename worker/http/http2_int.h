/* SPDX-License-Identifier: ISC */
/*
 * What http2.c (the connection: session, frames, limits, time),
 * http2_stream.c (one stream: fields, body), http2_reply.c (its answer) and
 * http2_tunnel.c (another protocol in its place) share.
 *
 * A stream lives from its HEADERS until nghttp2 has closed it AND its work
 * has ended: one that is reset while it waits for another process (a login
 * being checked) keeps its place until that answers, so that resets buy
 * nobody more work at a time (CVE-2025-8671).
 */
#ifndef WORKER_HTTP_HTTP2_INT_H
#define WORKER_HTTP_HTTP2_INT_H

#include "common/compat.h"

#include <nghttp2/nghttp2.h>

#include "worker/conn.h"
#include "worker/http/head.h"
#include "worker/http/http2_limit.h"
#include "worker/http/req.h"

TAILQ_HEAD(http2_list, http2_stream);

struct http2 {
	struct conn		*c;
	nghttp2_session		*session;
	struct http2_limit	 limit;
	struct http2_list	 live;
	struct http2_list	 woken;
	size_t			 nlive;
	size_t			 held;	/* bytes of answers not yet sent */
	struct buf		 text;	/* fields of an answer */
	uint32_t		 fail;	/* code to end the connection with */
	int			 ended;	/* the last GOAWAY is queued */
	int			 notice; /* an early GOAWAY was */
	int			 dying;	/* in http2_free */
	int			 stale;	/* ticks under old settings */
	size_t			 counted; /* bytes of c->in, by limit */
	int			 whole;	/* requests that came, this turn */
	int			 paused; /* the library waits in a frame */
	int64_t			 idle;	/* no stream: the end at that time */
	int64_t			 tick;	/* streams are looked at then */
};

/* The pseudo-fields that a request may have (RFC 9113 8.3.1, RFC 8441 4). */
enum http2_pseudo {
	H2_METHOD, H2_SCHEME, H2_AUTHORITY, H2_PATH, H2_PROTOCOL, H2_PSEUDO
};
struct http2_tunnel;

struct http2_stream {
	TAILQ_ENTRY(http2_stream) entry, wake;
	struct http2		*h;
	struct req		*req;
	struct http2_tunnel	*tunnel; /* NULL: a request and its answer */
	int32_t			 id;
	struct req_str		 pseudo[H2_PSEUDO];
	const struct http1_error *err;	/* first fault of the head */
	size_t			 list;	/* size of its fields, RFC 9113 6.5.2 */
	uint64_t		 length; /* Content-Length */
	uint64_t		 got;	/* bytes of body */
	uint64_t		 early;	/* of these, not yet consumed */
	struct buf		 body;
	struct buf		 piece;	/* of a streamed answer */
	int64_t			 began;	/* body: since when */
	int64_t			 stuck;	/* answer waits for the client, 0: no */
	uint64_t		 stuck_at; /* bytes sent then */
	int64_t			 over;	/* answer sent whole, 0: not yet */
	uint64_t		 waste;	/* bytes of body after the answer */
	int			 begun;	/* req_begin was called */
	int			 expect; /* 100-continue is waited for */
	int			 ended;	/* END_STREAM has come */
	int			 enough; /* the rest was declined */
	int			 closed; /* nghttp2 has forgotten it */
	int			 deferred; /* its answer's source has nothing
					    * now */
	int			 queued;	/* in h->woken */
};

/* --- http2_stream.c -------------------------------------------------- */

/* A request begins; NULL without memory. */
struct http2_stream	*http2_stream_new(struct http2 *, int32_t id);
/* A field of its head.  0, or -1: so large that it is an attack. */
int	http2_stream_field(struct http2_stream *, const uint8_t *name,
	    size_t, const uint8_t *value, size_t);
/* Its head is complete. */
void	http2_stream_head(struct http2_stream *);
/* Bytes of body; the flow control window opens as they are used. */
void	http2_stream_data(struct http2_stream *, const uint8_t *, size_t);
/* END_STREAM. */
void	http2_stream_end(struct http2_stream *);
/* Have http2_stream_woken called in a turn of the connection, soon. */
void	http2_stream_wake(struct http2_stream *);
/* Something happened to it outside of the connection's turn. */
void	http2_stream_woken(struct http2_stream *);
/* nghttp2 has closed it: it ends now, or when its work has. */
void	http2_stream_closed(struct http2_stream *);
void	http2_stream_free(struct http2_stream *);
/* Once a second: is it too slow? */
void	http2_stream_check(struct http2_stream *, int64_t now);

/* --- http2_reply.c --------------------------------------------------- */

/* tp->reply. */
void	http2_reply(struct req *);
/* An answer that is not whole may go on. */
void	http2_reply_resume(struct http2_stream *);
/* RFC 9110 10.1.1: 100, if it is waited for. */
void	http2_reply_continue(struct http2_stream *);
/* The n bytes of a DATA frame into out.  0, or -1. */
int	http2_reply_write(struct http2_stream *, struct buf *out, size_t n);
/* 1 if the client takes it so slowly that the stream must end. */
int	http2_reply_slow(const struct http2_stream *, int64_t now);

/* --- http2_tunnel.c -------------------------------------------------- */

/* The answer to s->req leaves HTTP (reply->up): make s->tunnel.  0, or -1
 * without memory. */
int	http2_tunnel_open(struct http2_stream *);
/* It is over, whoever ended it. */
void	http2_tunnel_free(struct http2_stream *);
/* DATA came; its part of the stream's window opens as it is used. */
void	http2_tunnel_data(struct http2_stream *, const uint8_t *, size_t);
/* END_STREAM came. */
void	http2_tunnel_end(struct http2_stream *);
/* Run the protocol until it waits. */
void	http2_tunnel_run(struct http2_stream *);
/* Like reply_read: how many bytes go into the next DATA frame. */
ssize_t	http2_tunnel_pull(struct http2_stream *, size_t max,
	    uint32_t *flags);
/* What is to be sent; and n bytes of it were. */
struct buf	*http2_tunnel_out(struct http2_stream *);
void	http2_tunnel_sent(struct http2_stream *, size_t n);
/* Once a second: its deadline, and memory that it does not need. */
void	http2_tunnel_check(struct http2_stream *, int64_t now);
/* The worker drains. */
void	http2_tunnel_drain(struct http2_stream *);

#endif
