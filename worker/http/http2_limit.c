/* SPDX-License-Identifier: ISC */
/*
 * Abuse accounting of HTTP/2: see http2_limit.h.  Called by http2.c with
 * every byte that arrives, before nghttp2 sees it.  Each limit stands beside
 * the attack that it ends.  What must never happen here: a frame that costs
 * something and is not counted.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/http/http2_limit.h"

/* RFC 9113 6 */
enum frame {
	F_DATA, F_HEADERS, F_PRIORITY, F_RST_STREAM, F_SETTINGS,
	F_PUSH_PROMISE, F_PING, F_GOAWAY, F_WINDOW_UPDATE, F_CONTINUATION,
	F_TYPES
};
#define FL_END_STREAM	0x1
#define FL_ACK		0x1
#define FL_END_HEADERS	0x4
#define FL_PADDED	0x8

typedef uint32_t	frame_fn(struct http2_limit *, uint32_t, uint8_t,
			    int64_t);

static uint32_t	limit_frame(struct http2_limit *, int64_t);
static uint32_t	limit_control(struct http2_limit *, uint32_t, uint8_t,
		    int64_t);
static uint32_t	limit_data(struct http2_limit *, uint32_t, uint8_t, int64_t);
static uint32_t	limit_headers(struct http2_limit *, uint32_t, uint8_t,
		    int64_t);
static uint32_t	limit_stream(const struct http2_limit *);
static uint32_t	limit_priority(struct http2_limit *, uint32_t, uint8_t,
		    int64_t);
static uint32_t	limit_continuation(struct http2_limit *, uint32_t, uint8_t,
		    int64_t);
static uint32_t	limit_rst(struct http2_limit *, uint32_t, uint8_t, int64_t);
static uint32_t	limit_acked(struct http2_limit *, uint32_t, uint8_t, int64_t);
static uint32_t	limit_token(struct http2_limit *, int64_t);

/* What is not here is counted like a control frame. */
static frame_fn *const	frames[F_TYPES] = {
	[F_DATA]		= limit_data,
	[F_HEADERS]		= limit_headers,
	[F_PRIORITY]		= limit_priority,
	[F_RST_STREAM]		= limit_rst,
	[F_SETTINGS]		= limit_acked,
	[F_PING]		= limit_acked,
	[F_CONTINUATION]	= limit_continuation,
};

void
http2_limit_init(struct http2_limit *l, uint32_t max_streams, int64_t now)
{
	memset(l, 0, sizeof(*l));
	l->max_streams = max_streams;
	l->tokens = HTTP2_RESET_BURST * 1000;
	l->tokens_at = l->control_at = l->errors_at = now;
}

void
http2_limit_turn(struct http2_limit *l)
{
	l->opened = 0;
}

void
http2_limit_progress(struct http2_limit *l)
{
	l->control = 0;
}

void
http2_limit_flushed(struct http2_limit *l)
{
	l->acks = 0;
}

int64_t
http2_limit_deadline(const struct http2_limit *l)
{
	return l->block_at == 0 ? 0 : l->block_at + HTTP2_BLOCK_MS;
}

uint32_t
http2_limit_scan(struct http2_limit *l, const uint8_t *p, size_t n,
    int64_t now)
{
	uint32_t	 k, want, code;

	while (n > 0) {
		if (l->left > 0) {
			k = n < l->left ? (uint32_t)n : l->left;
			l->left -= k;
		} else {
			want = l->magic ? HTTP2_FRAME_HEAD : HTTP2_MAGIC;
			k = want - l->nhead;
			if (k > n)
				k = (uint32_t)n;
			if (l->magic)
				memcpy(l->head + l->nhead, p, k);
			l->nhead += k;
			if (l->nhead == want) {
				l->nhead = 0;
				if (!l->magic)
					l->magic = 1;
				else if ((code = limit_frame(l, now)) != 0)
					return code;
			}
		}
		p += k;
		n -= k;
		/* the deadline of a block holds until its last byte */
		if (l->left == 0 && l->nhead == 0 && l->last) {
			l->last = l->open = 0;
			l->block_at = 0;
		}
	}
	return 0;
}

/* A frame's head is complete. */
static uint32_t
limit_frame(struct http2_limit *l, int64_t now)
{
	const uint8_t	*h = l->head;
	uint32_t	 len = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 |
			    h[2];

	l->left = len;
	if (h[3] < F_TYPES && frames[h[3]] != NULL)
		return frames[h[3]](l, len, h[4], now);
	return limit_control(l, len, h[4], now);
}

/* CVE-2019-9511 to 9518: frames that cost the sender nothing. */
static uint32_t
limit_control(struct http2_limit *l, uint32_t len, uint8_t flags, int64_t now)
{
	(void)len;
	(void)flags;
	if (now - l->control_at > HTTP2_WINDOW) {
		l->control_at = now;
		l->control = 0;
	}
	return ++l->control > HTTP2_CONTROL ? HTTP2_CALM : 0;
}

/* CVE-2019-9518: DATA without data, or with nothing but padding; what has
 * some is progress when it arrives (http2.c). */
static uint32_t
limit_data(struct http2_limit *l, uint32_t len, uint8_t flags, int64_t now)
{
	if (flags & FL_END_STREAM && l->bodies > 0) {
		l->bodies--;
		return 0;	/* the end of a body is worth a frame */
	}
	if (len == 0 || flags & FL_PADDED)
		return limit_control(l, len, flags, now);
	return 0;
}

/* A HEADERS frame: a stream begins, or its trailers come. */
static uint32_t
limit_headers(struct http2_limit *l, uint32_t len, uint8_t flags, int64_t now)
{
	uint32_t	 id = limit_stream(l);

	l->block = len;
	l->ncont = 0;
	l->open = 1;
	l->last = flags & FL_END_HEADERS;
	l->block_at = now;
	if (len > HTTP2_BLOCK)
		return HTTP2_CALM;
	if (id <= l->last_id) {
		if (l->bodies == 0)	/* nothing that trailers could end */
			return limit_control(l, len, flags, now);
		l->bodies--;
		return 0;
	}
	l->last_id = id;
	if (!(flags & FL_END_STREAM))
		l->bodies++;
	/* CVE-2023-44487: no honest client begins more than this before it
	 * has read any answer. */
	return ++l->opened > 2 * l->max_streams ? HTTP2_CALM : 0;
}

static uint32_t
limit_stream(const struct http2_limit *l)
{
	const uint8_t	*h = l->head;

	return (uint32_t)(h[5] & 0x7f) << 24 | (uint32_t)h[6] << 16 |
	    (uint32_t)h[7] << 8 | h[8];
}

/* The library, told that nobody uses priorities, does not look. */
static uint32_t
limit_priority(struct http2_limit *l, uint32_t len, uint8_t flags,
    int64_t now)
{
	/* RFC 9113 6.3 */
	if (limit_stream(l) == 0)
		return HTTP2_PROTOCOL_ERROR;
	return limit_control(l, len, flags, now);
}

/* CVE-2024-27316, CVE-2024-28182, CVE-2024-24549. */
static uint32_t
limit_continuation(struct http2_limit *l, uint32_t len, uint8_t flags,
    int64_t now)
{
	if (!l->open)
		return limit_control(l, len, flags, now);
	l->last = flags & FL_END_HEADERS;
	if (++l->ncont > HTTP2_CONTINUATIONS || len > HTTP2_BLOCK ||
	    (l->block += len) > HTTP2_BLOCK)
		return HTTP2_CALM;
	return 0;
}

static uint32_t
limit_rst(struct http2_limit *l, uint32_t len, uint8_t flags, int64_t now)
{
	(void)len;
	(void)flags;
	return limit_token(l, now);
}

/* CVE-2019-9512, CVE-2019-9515: each of these makes us queue an answer. */
static uint32_t
limit_acked(struct http2_limit *l, uint32_t len, uint8_t flags, int64_t now)
{
	if (!(flags & FL_ACK) && ++l->acks > HTTP2_ACKS)
		return HTTP2_CALM;
	return limit_control(l, len, flags, now);
}

/* The bucket of resets, the peer's and ours. */
static uint32_t
limit_token(struct http2_limit *l, int64_t now)
{
	l->tokens += (now - l->tokens_at) * HTTP2_RESET_RATE;
	if (l->tokens > HTTP2_RESET_BURST * 1000)
		l->tokens = HTTP2_RESET_BURST * 1000;
	l->tokens_at = now;
	if (l->tokens < 1000)
		return HTTP2_CALM;
	l->tokens -= 1000;
	return 0;
}

uint32_t
http2_limit_reset(struct http2_limit *l, uint32_t code, int64_t now)
{
	uint32_t	 ret = limit_token(l, now);

	/* Ours to send, not the peer's fault. */
	if (code == HTTP2_NO_ERROR || code == HTTP2_REFUSED_STREAM)
		return ret;
	if (now - l->errors_at > HTTP2_WINDOW) {
		l->errors_at = now;
		l->errors = 0;
	}
	return ++l->errors > HTTP2_ERRORS ? HTTP2_CALM : ret;
}
