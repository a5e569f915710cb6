/* SPDX-License-Identifier: ISC */
/*
 * Answers over HTTP/2 (RFC 9113 8.1, 8.3.2): what req_fields writes becomes
 * a field section, the body DATA frames as the client's windows allow, each
 * copied once, from the answer to the connection's output.  Called by req.c
 * (http2_reply), nghttp2 (reply_read) and http2.c (http2_reply_write).  What
 * must never happen here: an answer to a stream that is closed; a short
 * answer that looks whole.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "worker/http/http2_int.h"

#define NV_MAX		(FIELDS_MAX + 8) /* fields of an answer */

static size_t	reply_fields(struct req *, nghttp2_nv *);
static void	reply_nv(nghttp2_nv *, const char *, size_t, const char *,
		    size_t);
static int	reply_submit(struct http2_stream *, nghttp2_nv *, size_t);
static ssize_t	reply_read(nghttp2_session *, int32_t, uint8_t *, size_t,
		    uint32_t *, nghttp2_data_source *, void *);
static ssize_t	reply_pull(struct http2_stream *, size_t, uint32_t *);

/* RFC 9110 10.1.1 */
void
http2_reply_continue(struct http2_stream *s)
{
	nghttp2_nv	 nv;

	if (!s->expect || s->ended || s->got > 0)
		return;
	reply_nv(&nv, ":status", 7, "100", 3);
	nghttp2_submit_headers(s->h->session, NGHTTP2_FLAG_NONE, s->id, NULL,
	    &nv, 1, NULL);
}

void
http2_reply(struct req *r)
{
	struct http2_stream	*s = r->tp_arg;
	struct reply		*p = r->reply;
	static nghttp2_nv	 nv[NV_MAX];	/* 10 KB to zero, if auto */
	size_t			 n;
	int			 none;

	/* RFC 9110 6.4.1: these never have content */
	none = p->status == 204 || p->status == 304;
	if (none)
		p->type = NULL;
	n = reply_fields(r, nv);
	if (p->up != NULL && (s->closed || http2_tunnel_open(s) == -1))
		n = 0;
	if (none || r->method == HTTP_HEAD || s->closed) {
		p->len = 0;
		p->stream = NULL;
	} else if (p->body != NULL && p->len > 0) {
		buf_init(&p->own, p->len);
		if (buf_add(&p->own, p->body, p->len) == -1)
			n = 0;
	}
	if (p->stream != NULL || n == 0)
		p->len = 0;
	s->h->held += p->len;
	if (s->closed)
		return;
	s->stuck = conn_now();
	if (n == 0 || reply_submit(s, nv, n) == -1)
		nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE,
		    s->id, NGHTTP2_INTERNAL_ERROR);
}

static int
reply_submit(struct http2_stream *s, nghttp2_nv *nv, size_t n)
{
	const struct reply	*p = s->req->reply;
	nghttp2_data_provider	 prd = { .source.ptr = s,
				    .read_callback = reply_read };
	int			 body = p->len > 0 || p->stream != NULL ||
				    s->tunnel != NULL;

	return nghttp2_submit_response(s->h->session, s->id, nv, n,
	    body ? &prd : NULL) == 0 ? 0 : -1;
}

/* The lines that req_fields writes, as the library wants them; it copies
 * them and makes names lower case.  0: too many, or no memory. */
static size_t
reply_fields(struct req *r, nghttp2_nv *nv)
{
	struct http2_stream	*s = r->tp_arg;
	const struct reply	*p = r->reply;
	struct buf		*t = &s->h->text;
	const char		*l, *end, *e, *colon;
	size_t			 n = 0;

	buf_reset(t);
	buf_adds(t, ":status: ");
	buf_addu(t, (uint64_t)p->status);
	buf_add(t, "\r\n", 2);
	req_fields(r, t);
	if (p->status != 204 && p->status != 304 && p->up == NULL &&
	    (p->stream == NULL || p->stream_len >= 0)) {
		buf_adds(t, "content-length: ");
		buf_addu(t, p->stream != NULL ? (uint64_t)p->stream_len :
		    p->len);
		buf_add(t, "\r\n", 2);
	}
	if (buf_bad(t))
		return 0;
	end = (const char *)t->data + t->len;
	for (l = (const char *)t->data; l < end; l = e + 2) {
		/* ours, so each has a colon, a space and CRLF */
		colon = memchr(l + 1, ':', (size_t)(end - l) - 1);
		e = colon == NULL ? NULL :
		    memchr(colon, '\r', (size_t)(end - colon));
		if (e == NULL || n == NV_MAX)
			return 0;
		reply_nv(&nv[n++], l, (size_t)(colon - l), colon + 2,
		    (size_t)(e - colon) - 2);
	}
	return n;
}

static void
reply_nv(nghttp2_nv *nv, const char *name, size_t nlen, const char *value,
    size_t vlen)
{
	nv->name = (uint8_t *)(uintptr_t)name;
	nv->namelen = nlen;
	nv->value = (uint8_t *)(uintptr_t)value;
	nv->valuelen = vlen;
	nv->flags = NGHTTP2_NV_FLAG_NONE;
}

/* How many bytes go into the next DATA frame; http2_reply_write follows. */
static ssize_t
reply_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t max,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct http2_stream	*s = source->ptr;
	const struct reply	*p = s->req->reply;

	(void)session;
	(void)id;
	(void)buf;
	(void)arg;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (s->tunnel != NULL)
		return http2_tunnel_pull(s, max, flags);
	if (p->stream != NULL)
		return reply_pull(s, max, flags);
	if (p->len <= max) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		return (ssize_t)p->len;
	}
	return (ssize_t)max;
}

/* Ask the answer's source for a piece. */
static ssize_t
reply_pull(struct http2_stream *s, size_t max, uint32_t *flags)
{
	struct req	*r = s->req;
	struct reply	*p = r->reply;
	ssize_t		 n;

	buf_reset(&s->piece);
	r->busy++;
	n = p->stream(r, p->arg, &s->piece, max);
	r->busy--;
	if (n == STREAM_WAIT) {
		s->deferred = 1;
		s->stuck = 0;
		return NGHTTP2_ERR_DEFERRED;
	}
	/* Longer or shorter than promised, or failed: the client must not
	 * take it for whole. */
	if (n < 0 || (size_t)n > max || (p->stream_len >= 0 &&
	    (p->sent + (uint64_t)n > (uint64_t)p->stream_len ||
	    (n == 0 && p->sent < (uint64_t)p->stream_len))))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (n == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return n;
}

int
http2_reply_write(struct http2_stream *s, struct buf *out, size_t n)
{
	struct reply	*p = s->req->reply;
	struct buf	*from = p->stream != NULL ? &s->piece : &p->own;

	if (s->tunnel != NULL)
		from = http2_tunnel_out(s);
	if (buf_left(from) < n || buf_add(out, buf_peek(from), n) == -1)
		return -1;
	buf_skip(from, n);
	p->sent += n;
	if (s->tunnel != NULL)
		http2_tunnel_sent(s, n);
	else if (p->stream == NULL) {
		p->len -= n;
		s->h->held -= n;
	}
	return 0;
}

void
http2_reply_resume(struct http2_stream *s)
{
	s->deferred = 0;
	s->stuck = conn_now();
	s->stuck_at = s->req->reply->sent;
	nghttp2_session_resume_data(s->h->session, s->id);
}

/* CVE-2019-9511, CVE-2019-9517: a window that hardly opens.  The rate of a
 * body (security.md 3.3), shared by all that want to be sent. */
int
http2_reply_slow(const struct http2_stream *s, int64_t now)
{
	const struct conf	*conf = s->req->conf;
	uint64_t		 sent = s->req->reply->sent - s->stuck_at;
	int64_t			 t = now - s->stuck;

	return s->stuck != 0 && t >= (int64_t)conf->write_timeout &&
	    sent * 1000 * s->h->nlive < conf->body_rate * (uint64_t)t;
}
