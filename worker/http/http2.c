/* SPDX-License-Identifier: ISC */
/*
 * HTTP/2 on a connection (RFC 9113): nghttp2 frames and compresses, this
 * file gives it the bytes, counts them first (http2_limit.c), keeps the
 * time, and begins and ends the connection.  http2_stream.c is one request,
 * http2_reply.c its answer, http2_tunnel.c what a stream may become.
 *
 *	bytes -> http2_limit_scan -> nghttp2 -> on_* below -> struct req
 *	answers -> nghttp2 -> http2_pump -> c->out, one write for all streams
 *
 * No push.  What must never happen here: a byte given to nghttp2 that was
 * not counted; more than OUT_MAX of answers in c->out.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/log.h"
#include "worker/http/http2.h"
#include "worker/http/http2_int.h"

#define IN_MAX		65536
#define OUT_HIGH	(256 * 1024 - 16384 - HTTP2_FRAME_HEAD)
#define WINDOW		65535		/* of a stream, RFC 9113 6.9.2 */
#define CONN_WINDOW	(256 * 1024)	/* of all of them */
#define TEXT_MAX	65536		/* of one answer */
#define HELD_MAX	(16 << 20)	/* answers waiting: no new request */
#define TABLE_MAX	4096		/* HPACK, either direction */
#define TICK_MS		1000
#define STALE_TICKS	5		/* under an old configuration */

static enum io	http2_open(struct conn *);
static enum io	http2_expire(struct conn *);
static enum io	http2_drain(struct conn *);
static void	http2_free(struct conn *);
static enum io	step_frames(struct conn *);
static int	http2_session(struct http2 *);
static int	http2_settings(struct http2 *);
static void	http2_input(struct http2 *);
static uint32_t	http2_count(struct http2 *);
static void	http2_wakes(struct http2 *);
static void	http2_notice(struct http2 *);
static void	http2_end(struct http2 *, uint32_t);
static int	http2_pump(struct http2 *);
static void	http2_time(struct http2 *);
static int	on_begin_headers(nghttp2_session *, const nghttp2_frame *,
		    void *);
static int	on_header(nghttp2_session *, const nghttp2_frame *,
		    const uint8_t *, size_t, const uint8_t *, size_t,
		    uint8_t, void *);
static int	http2_enough(struct http2 *);
static int	on_bad_header(nghttp2_session *, const nghttp2_frame *,
		    const uint8_t *, size_t, const uint8_t *, size_t,
		    uint8_t, void *);
static int	on_frame(nghttp2_session *, const nghttp2_frame *, void *);
static int	on_data(nghttp2_session *, uint8_t, int32_t, const uint8_t *,
		    size_t, void *);
static int	on_close(nghttp2_session *, int32_t, uint32_t, void *);
static void	http2_blame(const struct http2 *, uint32_t);
static int	on_sent(nghttp2_session *, const nghttp2_frame *, void *);
static int	on_send_data(nghttp2_session *, nghttp2_frame *,
		    const uint8_t *, size_t, nghttp2_data_source *, void *);

const struct conn_proto	http2_proto = {
	"h2", IN_MAX, http2_open, http2_expire, http2_drain, http2_free
};

/* Loopback only: nobody is between who reads it as HTTP/1.1. */
int
http2_takes(struct conn *c, size_t used)
{
	static const char	 head[] = "PRI * HTTP/2.0\r\n\r\n";
	const struct http_setup	*s = c->setup;

	if (c->tls || !s->conf->http2 ||
	    (c->local.af != IP_UNIX && !ip_loopback(&c->local)) ||
	    used != sizeof(head) - 1 ||
	    memcmp(buf_peek(&c->in), head, used) != 0)
		return 0;
	c->proto->free(c);
	c->proto = &http2_proto;
	c->step = c->proto->open;
	return 1;
}

/* --- birth and end --------------------------------------------------- */

static enum io
http2_open(struct conn *c)
{
	const struct http_setup	*s = c->setup;
	struct http2		*h;

	if ((h = calloc(1, sizeof(*h))) == NULL)
		return IO_CLOSE;
	h->c = c;
	TAILQ_INIT(&h->live);
	TAILQ_INIT(&h->woken);
	buf_init(&h->text, TEXT_MAX);
	http2_limit_init(&h->limit, (uint32_t)s->conf->max_streams,
	    conn_now());
	c->data = h;
	c->step = step_frames;
	c->flags |= CONN_DUPLEX;
	/* The first head has to come as fast as any: from accept. */
	h->idle = conn_now() + (int64_t)s->conf->header_timeout;
	if (http2_session(h) == -1 || http2_settings(h) == -1)
		return IO_CLOSE;
	return IO_DONE;
}

static int
http2_session(struct http2 *h)
{
	nghttp2_session_callbacks	*cb = NULL;
	nghttp2_option			*o = NULL;
	int				 ret = -1;

	if (nghttp2_session_callbacks_new(&cb) != 0 ||
	    nghttp2_option_new(&o) != 0)
		goto done;
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb,
	    on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(cb,
	    on_bad_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb,
	    on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
	/* The window opens as the body is used, not as it arrives. */
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_max_deflate_dynamic_table_size(o, TABLE_MAX);
	nghttp2_option_set_max_outbound_ack(o, HTTP2_ACKS * 2);
	nghttp2_option_set_no_closed_streams(o, 1);
	if (nghttp2_session_server_new2(&h->session, cb, h, o) == 0)
		ret = 0;
done:
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(o);
	return ret;
}

static int
http2_settings(struct http2 *h)
{
	const struct http_setup	*s = h->c->setup;
	nghttp2_settings_entry	 v[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		    (uint32_t)s->conf->max_streams },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, s->limits.fields },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 }, /* 8441 3 */
	};

	return nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, v,
	    nitems(v)) == 0 &&
	    nghttp2_session_set_local_window_size(h->session,
	    NGHTTP2_FLAG_NONE, 0, CONN_WINDOW) == 0 ? 0 : -1;
}

static void
http2_free(struct conn *c)
{
	struct http2		*h = c->data;
	struct http2_stream	*s;

	if (h == NULL)
		return;
	h->dying = 1;
	while ((s = TAILQ_FIRST(&h->live)) != NULL)
		http2_stream_free(s);
	nghttp2_session_del(h->session);
	buf_free(&h->text);
	free(h);
	c->data = NULL;
	c->flags &= ~CONN_DUPLEX;
}

/* --- one turn -------------------------------------------------------- */

static enum io
step_frames(struct conn *c)
{
	struct http2_stream	*s;
	struct http2		*h = c->data;

	if (buf_left(&c->out) == 0)
		http2_limit_flushed(&h->limit);
	if (h->nlive == 0)
		conn_refresh(c);
	if (!conn_stale(c))
		h->stale = 0;
	http2_input(h);
	http2_wakes(h);
	if (c->flags & CONN_DRAIN) {
		TAILQ_FOREACH(s, &h->live, entry)
			http2_tunnel_drain(s);
		http2_notice(h);
	}
	if (h->fail != 0)
		http2_end(h, h->fail);
	if (http2_pump(h) == -1) {
		c->flags |= CONN_ABORT;
		return IO_CLOSE;
	}
	if (h->fail != 0 && !h->ended)
		return IO_DONE;		/* found while frames were sent */
	if (!nghttp2_session_want_read(h->session) &&
	    !nghttp2_session_want_write(h->session))
		return IO_CLOSE;
	http2_time(h);
	if (buf_left(&c->out) >= OUT_HIGH)
		return IO_WANT_WRITE;
	return h->paused ? IO_YIELD : IO_WANT_READ;
}

/* Until all is taken, or as many requests are as a turn may bring. */
static void
http2_input(struct http2 *h)
{
	struct buf	*in = &h->c->in;
	uint32_t	 code;
	ssize_t		 used = (ssize_t)buf_left(in);

	if (used == 0 && !h->paused)
		return;
	h->whole = h->paused = 0;
	code = http2_count(h);
	if (code == 0 && !h->ended) {
		used = nghttp2_session_mem_recv(h->session, buf_peek(in),
		    buf_left(in));
		/* no client of ours, or out of memory */
		if (used < 0)
			code = used == NGHTTP2_ERR_FLOODED ? HTTP2_CALM :
			    HTTP2_PROTOCOL_ERROR;
	}
	if (code != 0) {
		h->fail = code;
		used = (ssize_t)buf_left(in);
	}
	buf_skip(in, (size_t)used);
	h->counted -= (size_t)used;
}

/* What came since the last time. */
static uint32_t
http2_count(struct http2 *h)
{
	struct buf	*in = &h->c->in;
	size_t		 n = buf_left(in) - h->counted;
	uint32_t	 code;

	if (n == 0)
		return 0;
	http2_limit_turn(&h->limit);
	code = http2_limit_scan(&h->limit, buf_peek(in) + h->counted, n,
	    conn_now());
	h->counted += n;
	return code;
}

static void
http2_wakes(struct http2 *h)
{
	struct http2_stream	*s;

	while ((s = TAILQ_FIRST(&h->woken)) != NULL) {
		TAILQ_REMOVE(&h->woken, s, wake);
		s->queued = 0;
		http2_stream_woken(s);
	}
}

/* RFC 9113 6.8: say that the end comes, take what is on its way, then say
 * which stream was the last. */
static void
http2_notice(struct http2 *h)
{
	if (h->ended || h->notice)
		return;
	h->notice = 1;
	nghttp2_submit_shutdown_notice(h->session);
	nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
}

/* The connection ends with that code, once everything is written. */
static void
http2_end(struct http2 *h, uint32_t code)
{
	if (h->ended)
		return;
	h->ended = 1;
	nghttp2_session_terminate_session(h->session, code);
}

/* Frames into c->out while there is room.  -1: give up. */
static int
http2_pump(struct http2 *h)
{
	struct buf	*out = &h->c->out;
	const uint8_t	*p;
	ssize_t		 n;

	while (buf_left(out) < OUT_HIGH) {
		if ((n = nghttp2_session_mem_send(h->session, &p)) < 0)
			return -1;
		if (n == 0)
			break;
		if (buf_add(out, p, (size_t)n) == -1)
			return -1;
	}
	return buf_bad(out) ? -1 : 0;
}

/* --- time ------------------------------------------------------------ */

/* When to look again: see http2_expire. */
static void
http2_time(struct http2 *h)
{
	const struct http_setup	*s = h->c->setup;
	int64_t			 block = http2_limit_deadline(&h->limit);
	int64_t			 now = conn_now(), t;

	if (h->nlive > 0 || h->notice || h->ended) {
		h->idle = 0;
		if (h->tick == 0)
			h->tick = now + TICK_MS;
		t = h->tick;
	} else {
		if (h->idle == 0)
			h->idle = now + conn_idle(s->conf->keep_alive);
		h->tick = 0;
		t = h->idle;
	}
	h->c->deadline = block != 0 && block < t ? block : t;
}

static enum io
http2_expire(struct conn *c)
{
	struct http2		*h = c->data;
	struct http2_stream	*s, *next;
	int64_t			 now = conn_now();
	int64_t			 block = http2_limit_deadline(&h->limit);

	if (block != 0 && now >= block)
		http2_end(h, HTTP2_CALM);
	else if (h->idle != 0 && now >= h->idle)
		http2_end(h, HTTP2_NO_ERROR);
	for (s = TAILQ_FIRST(&h->live); s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry);
		http2_stream_check(s, now);
	}
	/* New settings, and never a moment without a request to take them. */
	if (conn_stale(c) && ++h->stale > STALE_TICKS)
		http2_notice(h);
	/* no answer to our PING: the last word all the same */
	if (h->notice == 1 && now >= h->tick)
		h->notice = 2;
	if (h->notice == 2 && !h->ended) {
		h->notice = 3;
		nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
		    nghttp2_session_get_last_proc_stream_id(h->session),
		    NGHTTP2_NO_ERROR, NULL, 0);
	}
	if (h->notice == 3 && h->nlive == 0)
		http2_end(h, HTTP2_NO_ERROR);
	h->tick = 0;
	return IO_DONE;
}

static enum io
http2_drain(struct conn *c)
{
	struct http2	*h = c->data;

	if (h->nlive > 0)
		return IO_DONE;
	http2_end(h, HTTP2_NO_ERROR);
	return http2_pump(h) == -1 || !nghttp2_session_want_write(h->session) ?
	    IO_CLOSE : IO_DONE;
}

/* --- frames that came ------------------------------------------------ */

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *f, void *arg)
{
	struct http2		*h = arg;
	const struct http_setup	*setup = h->c->setup;
	struct http2_stream	*s = NULL;

	if (f->hd.type != NGHTTP2_HEADERS ||
	    f->headers.cat != NGHTTP2_HCAT_REQUEST) {
		/* RFC 9113 8.5: nothing but DATA on a connected stream */
		s = nghttp2_session_get_stream_user_data(session,
		    f->hd.stream_id);
		return s != NULL && s->tunnel != NULL ?
		    NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
	}
	/* Ours count longer than the library's: http2_int.h. */
	if (h->nlive < setup->conf->max_streams && h->held < HELD_MAX)
		s = http2_stream_new(h, f->hd.stream_id);
	if (s == NULL)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE,
		    f->hd.stream_id, NGHTTP2_REFUSED_STREAM);
	else
		nghttp2_session_set_stream_user_data(session,
		    f->hd.stream_id, s);
	return 0;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *f,
    const uint8_t *name, size_t nlen, const uint8_t *value, size_t vlen,
    uint8_t flags, void *arg)
{
	struct http2		*h = arg;
	struct http2_stream	*s;

	(void)flags;
	s = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
	if (s == NULL || http2_stream_field(s, name, nlen, value, vlen) == 0)
		return http2_enough(h);
	/* A bomb: the rest of it is not even looked at. */
	h->fail = HTTP2_CALM;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* As many requests as a turn may bring: NGHTTP2_ERR_PAUSE, else 0. */
static int
http2_enough(struct http2 *h)
{
	if (h->whole < CONN_TURN)
		return 0;
	h->paused = 1;
	return NGHTTP2_ERR_PAUSE;
}

/* RFC 9113 8.2.1: malformed; the library would only leave it out. */
static int
on_bad_header(nghttp2_session *session, const nghttp2_frame *f,
    const uint8_t *name, size_t nlen, const uint8_t *value, size_t vlen,
    uint8_t flags, void *arg)
{
	(void)session;
	(void)f;
	(void)name;
	(void)nlen;
	(void)value;
	(void)vlen;
	(void)flags;
	(void)arg;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *f, void *arg)
{
	struct http2		*h = arg;
	struct http2_stream	*s;

	if (f->hd.type == NGHTTP2_PING && f->hd.flags & NGHTTP2_FLAG_ACK &&
	    h->notice == 1) {
		h->notice = 2;		/* all that was on its way is here */
		h->tick = conn_now();
		return 0;
	}
	if (f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA)
		return 0;
	s = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
	if (s == NULL)
		return 0;
	if (f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
		s->ended = 1;
		h->whole++;
	}
	if (f->hd.type == NGHTTP2_HEADERS &&
	    f->headers.cat == NGHTTP2_HCAT_REQUEST)
		http2_stream_head(s);
	else if (f->hd.flags & NGHTTP2_FLAG_END_STREAM)
		http2_stream_end(s);
	return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id,
    const uint8_t *p, size_t n, void *arg)
{
	struct http2		*h = arg;
	struct http2_stream	*s;

	(void)flags;
	http2_limit_progress(&h->limit);
	s = nghttp2_session_get_stream_user_data(session, id);
	if (s == NULL)
		nghttp2_session_consume(session, id, n);
	else
		http2_stream_data(s, p, n);
	return http2_enough(h);
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct http2		*h = arg;
	struct http2_stream	*s;

	(void)code;
	if (h->dying)
		return 0;
	s = nghttp2_session_get_stream_user_data(session, id);
	if (s == NULL)
		return 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	http2_stream_closed(s);
	return 0;
}

/* --- frames that go -------------------------------------------------- */

static int
on_sent(nghttp2_session *session, const nghttp2_frame *f, void *arg)
{
	struct http2		*h = arg;
	struct http2_stream	*s;
	uint32_t		 code;

	if (f->hd.type == NGHTTP2_RST_STREAM) {
		code = http2_limit_reset(&h->limit, f->rst_stream.error_code,
		    conn_now());
		if (code != 0)
			h->fail = code;
		return 0;
	}
	if (f->hd.type == NGHTTP2_GOAWAY)
		http2_blame(h, f->goaway.error_code);
	if (f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA)
		return 0;
	http2_limit_progress(&h->limit);
	if (f->hd.flags & NGHTTP2_FLAG_END_STREAM && (s =
	    nghttp2_session_get_stream_user_data(session,
	    f->hd.stream_id)) != NULL)
		s->over = conn_now();
	return 0;
}

/* Whose fault it is that we end the connection: RFC 9113 7. */
static void
http2_blame(const struct http2 *h, uint32_t code)
{
	if (code != NGHTTP2_NO_ERROR && code != NGHTTP2_INTERNAL_ERROR &&
	    http_hooks.broke != NULL)
		http_hooks.broke(h->c, MSG_ABUSE_HTTP);
}

/* A DATA frame: straight from the answer to the output. */
static int
on_send_data(nghttp2_session *session, nghttp2_frame *f,
    const uint8_t *head, size_t n, nghttp2_data_source *source, void *arg)
{
	struct http2	*h = arg;
	struct buf	*out = &h->c->out;

	(void)session;
	(void)f;			/* we never ask for padding */
	/* One http2_pump sends many of these: it cannot look itself. */
	if (buf_left(out) >= OUT_HIGH)
		return NGHTTP2_ERR_WOULDBLOCK;
	if (buf_add(out, head, HTTP2_FRAME_HEAD) == -1 ||
	    http2_reply_write(source->ptr, out, n) == -1)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}
