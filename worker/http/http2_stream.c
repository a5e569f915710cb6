/* SPDX-License-Identifier: ISC */
/*
 * One stream of HTTP/2 and its struct req (RFC 9113 8): fields become a
 * request, the same functions as in HTTP/1.1 judge them, the body goes to
 * the handler or its sink.  Called by http2.c; the answer is http2_reply.c.
 * What must never happen here: a request handed on before its head was
 * judged; a window that opens for bytes that nobody has taken.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/utf8.h"
#include "worker/http/hdr.h"
#include "worker/http/http1.h"
#include "worker/http/http2_int.h"

#define EARLY_MAX	(256 * 1024)	/* body before the steps have passed */
#define WASTE_MAX	65536		/* of a body that nobody wants .. */
#define WASTE_MS	2000		/* .. or so long */
#define BOMB		2		/* times the limit: no mistake */

typedef const struct http1_error	herr;

static herr	*stream_keep(struct http2_stream *, const uint8_t *, size_t,
		    const uint8_t *, size_t);
static int	 stream_pseudo(struct http2_stream *, const char *, size_t,
		    char *, size_t);
static herr	*stream_octets(const char *, size_t, const char *, size_t);
static herr	*stream_judge(struct http2_stream *);
static herr	*stream_method(struct http2_stream *);
static herr	*stream_host(struct http2_stream *);
static int	 stream_two_hosts(const struct http2_stream *);
static void	 stream_cookies(struct req *);
static void	 stream_refuse(struct http2_stream *, int, const char *);
static void	 stream_body(struct http2_stream *);
static void	 stream_tunnel(struct http2_stream *);
static void	 stream_enough(struct http2_stream *);
static void	 stream_early(struct http2_stream *);
static int	 stream_piece(struct http2_stream *, const uint8_t *, size_t);
static void	 stream_done(struct http2_stream *);
static void	 stream_wake(struct req *);

static const struct transport	http2_transport = {
	"h2", http2_reply, stream_wake
};

#define E(name, status, detail)						\
	static herr name = { status, detail }
E(long_line, 414, "the request target is too long");
E(long_field, 431, "a field line is too long");
E(long_fields, 431, "the fields are too long");
E(many_fields, 431, "too many fields");
E(bad_name, 400, "malformed field name");
E(bad_value, 400, "a field value has a control octet");
E(duplicate, 400, "a field that may stand once stands twice");
E(bad_scheme, 421, "the target's scheme is not that of this connection");
E(no_host, 400, "the authority is missing");
E(bad_protocol, 501, "only WebSocket is spoken on a stream");
E(no_content, 400, "this request has no content");
E(no_memory, 503, NULL);
#undef E

/* --- birth and end --------------------------------------------------- */

struct http2_stream *
http2_stream_new(struct http2 *h, int32_t id)
{
	const struct conn	*c = h->c;
	struct http2_stream	*s;
	struct req		*r;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	if ((r = req_new(c->setup, &http2_transport, s)) == NULL) {
		free(s);
		return NULL;
	}
	s->h = h;
	s->id = id;
	s->req = r;
	buf_init(&s->body, EARLY_MAX);
	buf_init(&s->piece, EARLY_MAX);
	r->version = 20;
	http1_whence(r, c);
	h->c->nreq++;
	TAILQ_INSERT_TAIL(&h->live, s, entry);
	h->nlive++;
	return s;
}

void
http2_stream_free(struct http2_stream *s)
{
	struct http2	*h = s->h;

	http2_tunnel_free(s);
	h->held -= s->req->reply->len;
	if (s->queued)
		TAILQ_REMOVE(&h->woken, s, wake);
	TAILQ_REMOVE(&h->live, s, entry);
	h->nlive--;
	s->queued = 1;			/* a last wake does nothing */
	req_free(s->req);
	buf_free(&s->body);
	buf_free(&s->piece);
	free(s);
}

void
http2_stream_closed(struct http2_stream *s)
{
	if (s->early > 0)
		nghttp2_session_consume_connection(s->h->session,
		    (size_t)s->early);
	s->early = 0;
	s->closed = 1;
	/* Another process works for it: see http2_int.h. */
	if (s->begun && s->req->state == REQ_STEPS)
		return;
	http2_stream_free(s);
}

static void
stream_wake(struct req *r)
{
	http2_stream_wake(r->tp_arg);
}

void
http2_stream_wake(struct http2_stream *s)
{
	if (s->queued || s->h->dying)
		return;
	TAILQ_INSERT_TAIL(&s->h->woken, s, wake);
	s->queued = 1;
	conn_wake(s->h->c);
}

void
http2_stream_woken(struct http2_stream *s)
{
	enum req_state	 state = s->req->state;

	if (s->closed) {
		if (state != REQ_STEPS)
			http2_stream_free(s);
		return;
	}
	if (s->tunnel != NULL)
		http2_tunnel_run(s);
	else if (state == REQ_BODY && s->began == 0)
		stream_body(s);
	else if (state == REQ_ANSWERED && s->deferred)
		http2_reply_resume(s);
}

/* --- the head -------------------------------------------------------- */

int
http2_stream_field(struct http2_stream *s, const uint8_t *name, size_t nlen,
    const uint8_t *value, size_t vlen)
{
	const struct http1_limits	*lim = &s->req->setup->limits;

	/* RFC 9113 6.5.2: 32 octets a field */
	s->list += nlen + vlen + 32;
	if (s->list > (size_t)lim->fields * BOMB)
		return -1;
	if (s->begun || s->err != NULL)
		return 0;		/* trailers have no meaning here */
	if (s->list > lim->fields)
		s->err = &long_fields;
	else
		s->err = stream_keep(s, name, nlen, value, vlen);
	return 0;
}

/* A copy of the field in the request's arena. */
static herr *
stream_keep(struct http2_stream *s, const uint8_t *name, size_t nlen,
    const uint8_t *value, size_t vlen)
{
	const struct http1_limits	*lim = &s->req->setup->limits;
	struct req			*r = s->req;
	char				*n, *v;
	herr				*e;

	if ((n = arena_get(&r->arena, nlen + vlen + 2)) == NULL)
		return &no_memory;
	v = n + nlen + 1;
	memcpy(n, name, nlen);
	memcpy(v, value, vlen);
	if (nlen > 0 && n[0] == ':')
		return stream_pseudo(s, n, nlen, v, vlen) ? NULL :
		    &bad_name;
	if (nlen + vlen + 2 > lim->field)
		return &long_field;
	if ((e = stream_octets(n, nlen, v, vlen)) != NULL)
		return e;
	if ((uint32_t)r->nhdr >= lim->nfields ||
	    hdr_add(r, n, nlen, v, vlen) == -1)
		return &many_fields;
	return NULL;
}

static int
stream_pseudo(struct http2_stream *s, const char *name, size_t nlen,
    char *value, size_t vlen)
{
	static const char *const	 names[H2_PSEUDO] = {
		":method", ":scheme", ":authority", ":path", ":protocol"
	};
	size_t				 i;

	for (i = 0; i < H2_PSEUDO; i++)
		if (strlen(names[i]) == nlen &&
		    memcmp(names[i], name, nlen) == 0) {
			s->pseudo[i].p = value;
			s->pseudo[i].len = vlen;
			return 1;
		}
	return 0;
}

/* nghttp2 has looked, too; HTTP/1.1 is stricter about names. */
static herr *
stream_octets(const char *n, size_t nlen, const char *v, size_t vlen)
{
	size_t	 i;

	for (i = 0; i < nlen; i++)
		if (!(hdr_octet[(unsigned char)n[i]] & HDR_TCHAR))
			return &bad_name;
	for (i = 0; i < vlen; i++)
		if (!(hdr_octet[(unsigned char)v[i]] & HDR_VALUE))
			return &bad_value;
	return nlen == 0 ? &bad_name : NULL;
}

void
http2_stream_head(struct http2_stream *s)
{
	struct req	*r = s->req;
	herr		*e;

	/* RFC 9113 8.3.1: malformed, so a stream error (8.1.1) */
	if (stream_two_hosts(s)) {
		nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE,
		    s->id, NGHTTP2_PROTOCOL_ERROR);
		return;
	}
	s->begun = 1;
	if ((e = s->err) != NULL || (e = stream_judge(s)) != NULL) {
		stream_refuse(s, e->status, e->detail);
		return;
	}
	stream_cookies(r);
	req_begin(r);
	if (r->state == REQ_BODY)
		stream_body(s);
}

static herr *
stream_judge(struct http2_stream *s)
{
	const struct req_str	*path = &s->pseudo[H2_PATH];
	const struct req_str	*scheme = &s->pseudo[H2_SCHEME];
	struct req		*r = s->req;
	char			*p;
	herr			*e;

	if ((e = stream_method(s)) != NULL)
		return e;
	if (scheme->p == NULL || !utf8_caseis(scheme->p, scheme->len,
	    r->tls ? "https" : "http"))
		return &bad_scheme;
	if (path->len > r->setup->limits.line)
		return &long_line;
	/* one for logs, one to be decoded in place */
	r->target = path->p == NULL ? "" : path->p;
	if ((p = arena_dup(&r->arena, r->target, path->len)) == NULL)
		return &no_memory;
	if ((e = head_origin(r, p, path->len)) != NULL)
		return e;
	/* behind the path, as in HTTP/1.1: logs and rules have it, too */
	if (hdr_duplicate(r) != NULL)
		return &duplicate;
	if ((e = stream_host(s)) != NULL ||
	    (e = head_length(r, &s->length)) != NULL ||
	    (e = head_body(r, s->length > 0)) != NULL)
		return e;
	return head_expect(r, &s->expect);
}

/* RFC 8441 4: nghttp2 has seen to it that :protocol stands with CONNECT
 * alone, and that the other pseudo-fields are there. */
static herr *
stream_method(struct http2_stream *s)
{
	const struct req_str	*protocol = &s->pseudo[H2_PROTOCOL];
	const struct req_str	*method = &s->pseudo[H2_METHOD];

	if (protocol->p == NULL)
		return head_method(s->req, method->p == NULL ? "" : method->p,
		    method->len);
	if (!utf8_caseis(protocol->p, protocol->len, "websocket"))
		return &bad_protocol;
	/* what follows has no length, and belongs to no request */
	if (s->req->known[HDR_CONTENT_LENGTH] != -1 ||
	    s->req->known[HDR_EXPECT] != -1)
		return &no_content;
	s->req->method = HTTP_GET;
	s->req->connect = 1;
	return NULL;
}

static herr *
stream_host(struct http2_stream *s)
{
	const struct req_str	*a = &s->pseudo[H2_AUTHORITY];
	const char		*host = req_hdr(s->req, HDR_HOST);
	char			*name, *value;

	if (a->p == NULL && host == NULL)
		return &no_host;
	/* who looks for it finds it where HTTP/1.1 has it */
	if (host == NULL) {
		name = arena_dup(&s->req->arena, "host", 4);
		value = arena_dup(&s->req->arena, a->p, a->len);
		if (name == NULL || value == NULL)
			return &no_memory;
		if (hdr_add(s->req, name, 4, value, a->len) == -1)
			return &many_fields;
	}
	return a->p == NULL ? head_host(s->req, host, strlen(host)) :
	    head_host(s->req, a->p, a->len);
}

/* RFC 9113 8.3.1: Host and :authority may not say different things. */
static int
stream_two_hosts(const struct http2_stream *s)
{
	const struct req_str	*a = &s->pseudo[H2_AUTHORITY];
	const char		*host = req_hdr(s->req, HDR_HOST);

	return a->p != NULL && host != NULL &&
	    !utf8_caseis(a->p, a->len, host);
}

/* RFC 9113 8.2.3: the lines of Cookie are joined before anybody looks. */
static void
stream_cookies(struct req *r)
{
	struct req_hdr	*first;
	char		*p;
	size_t		 len = 0, o = 0;
	int16_t		 i = r->known[HDR_COOKIE];

	if (i == -1 || r->hdr[i].next == -1)
		return;
	first = &r->hdr[i];
	for (; i != -1; i = r->hdr[i].next)
		len += r->hdr[i].value_len + 2;
	if ((p = arena_get(&r->arena, len + 1)) == NULL)
		return;
	for (i = r->known[HDR_COOKIE]; i != -1; i = r->hdr[i].next) {
		if (o > 0) {
			memcpy(p + o, "; ", 2);
			o += 2;
		}
		memcpy(p + o, r->hdr[i].value, r->hdr[i].value_len);
		o += r->hdr[i].value_len;
	}
	first->value = p;
	first->value_len = (uint32_t)o;
	first->next = -1;
}

static void
stream_refuse(struct http2_stream *s, int status, const char *detail)
{
	s->req->busy++;
	req_refuse(s->req, status, detail);
	s->req->busy--;
}

/* --- the body -------------------------------------------------------- */

/* The steps have passed: the body may be read. */
static void
stream_body(struct http2_stream *s)
{
	struct req	*r = s->req;
	int		 no;

	s->began = conn_now();
	if (r->connect) {
		stream_tunnel(s);
		return;
	}
	if (head_bodiless(r->method))
		r->body_max = 0;
	r->busy++;
	no = req_length(r, s->length > s->got ? s->length : s->got);
	if (no == 0 && r->route->flags & ROUTE_UPLOAD) {
		r->route->handler(r);
		if (r->state != REQ_ANSWERED && r->sink == NULL)
			req_refuse(r, 500, NULL);
		no = r->state == REQ_ANSWERED;
	}
	r->busy--;
	if (no == 0) {
		s->body.max = (size_t)r->body_max + 1;
		http2_reply_continue(s);
	}
	stream_early(s);
	if (s->ended && r->state == REQ_BODY)
		stream_done(s);
}

/* RFC 8441 5: the handler answers the handshake, then the stream is not
 * HTTP's any more. */
static void
stream_tunnel(struct http2_stream *s)
{
	size_t	 n = (size_t)s->early;

	req_body_end(s->req);
	if (s->tunnel == NULL) {
		stream_early(s);
		return;
	}
	s->early = 0;
	http2_tunnel_data(s, s->body.data, n);
	buf_free(&s->body);
	if (s->ended)
		http2_tunnel_end(s);
}

/* What came while the steps were parked; it closed the window so far. */
static void
stream_early(struct http2_stream *s)
{
	size_t	 n = (size_t)s->early;

	if (n == 0)
		return;
	s->early = 0;
	nghttp2_session_consume(s->h->session, s->id, n);
	if (s->req->state != REQ_BODY || s->req->sink == NULL)
		return;			/* it lies where it belongs */
	s->req->busy++;
	if (req_sink(s->req, s->body.data, n, 0) == -1 &&
	    s->req->state != REQ_ANSWERED)
		req_refuse(s->req, 500, NULL);
	s->req->busy--;
	buf_free(&s->body);
}

void
http2_stream_data(struct http2_stream *s, const uint8_t *p, size_t n)
{
	struct req	*r = s->req;

	if (s->tunnel != NULL) {
		http2_tunnel_data(s, p, n);
		return;
	}
	if (s->begun && r->state == REQ_STEPS) {
		/* The window bounds it, which stays shut until it is used. */
		s->got += n;
		if (buf_add(&s->body, p, n) == -1)
			s->h->fail = HTTP2_CALM;
		s->early += n;
		return;
	}
	nghttp2_session_consume(s->h->session, s->id, n);
	if (r->state == REQ_BODY && s->begun)
		stream_piece(s, p, n);
	else if ((s->waste += n) > WASTE_MAX)
		stream_enough(s);
}

/* RFC 9113 8.1: the answer is whole, the rest of the request is not wanted.
 * Not at once: a short rest that is on its way anyway is cheaper than the
 * clients that take this for a failure (curl 7.88). */
static void
stream_enough(struct http2_stream *s)
{
	if (s->over != 0 && !s->enough)
		nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE,
		    s->id, NGHTTP2_NO_ERROR);
	s->enough = s->over != 0;
}

static int
stream_piece(struct http2_stream *s, const uint8_t *p, size_t n)
{
	struct req	*r = s->req;
	int		 ret;

	r->busy++;
	s->got += n;
	ret = req_length(r, s->got);
	if (ret == 0 && n > 0) {
		if (r->sink != NULL)
			ret = req_sink(r, p, n, 0);
		else if ((ret = buf_add(&s->body, p, n)) == -1)
			req_refuse(r, 503, NULL);
	}
	if (ret == -1 && r->state != REQ_ANSWERED)
		req_refuse(r, 500, NULL);
	r->busy--;
	return ret;
}

void
http2_stream_end(struct http2_stream *s)
{
	s->ended = 1;
	if (s->tunnel != NULL)
		http2_tunnel_end(s);
	else if (s->begun && s->req->state == REQ_BODY)
		stream_done(s);
}

static void
stream_done(struct http2_stream *s)
{
	struct req	*r = s->req;

	if (r->sink != NULL) {
		r->busy++;
		req_sink(r, NULL, 0, 1);
		r->busy--;
		return;
	}
	r->body = s->body.data;
	r->body_len = s->body.len;
	req_body_end(r);
}

/* --- time ------------------------------------------------------------ */

void
http2_stream_check(struct http2_stream *s, int64_t now)
{
	const struct conf	*conf = s->req->conf;
	int64_t			 t;

	if (s->closed || !s->begun)
		return;
	if (s->req->state == REQ_BODY && !s->ended) {
		/* security.md 3.3: a rate on average after the grace */
		t = now - s->began;
		if (t >= (int64_t)conf->body_grace &&
		    (t >= (int64_t)conf->body_timeout ||
		    s->got * 1000 < conf->body_rate * (uint64_t)t))
			stream_refuse(s, 408,
			    "the request did not arrive in time");
		return;
	}
	if (s->tunnel != NULL)
		http2_tunnel_check(s, now);
	if (s->over != 0) {
		if (now - s->over >= WASTE_MS)
			stream_enough(s);
	} else if (s->req->state == REQ_ANSWERED && http2_reply_slow(s, now))
		nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE,
		    s->id, NGHTTP2_ENHANCE_YOUR_CALM);
}
