/* SPDX-License-Identifier: ISC */
/*
 * WebSocket: see websocket.h.  A message is worked on when the client has
 * taken all that was before it, one at a time, so what one connection can
 * have in memory is a message and an answer.  wslay's context, 8 KiB, is
 * there only between the first octet of a message and the last of its
 * answer: most WebSockets are silent.  Called by the handler of a route, then
 * by the connection machine.  What must never happen here: half a frame in
 * c->out when another is put there.
 */
#include "common/compat.h"

#include <sys/queue.h>

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

#include <wslay/wslay.h>

#include "common/enc.h"
#include "common/utf8.h"
#include "worker/conn.h"
#include "worker/http/req.h"
#include "worker/http/websocket.h"

#define WS_IN_MAX	(64 * 1024)
#define WS_GUID		"258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* 1.3 */
#define WS_KEY		16		/* bytes of a key, 4.1 */
#define WS_HEAD		14		/* bytes of a masked frame's head */

struct ws_msg {
	STAILQ_ENTRY(ws_msg)	 entry;
	size_t			 len;
	uint8_t			 data[];
};

/* Where in the client's frames wslay is (RFC 6455 5.2). */
struct ws_walk {
	uint8_t		 head[WS_HEAD];
	uint32_t	 nhead;		/* bytes of it so far */
	int		 open;		/* the message has more frames */
	uint64_t	 left;		/* payload to come */
};

struct websocket {
	struct conn			*c;	/* NULL: not handed over yet */
	wslay_event_context_ptr		 ctx;	/* NULL: at rest */
	struct ws_walk			 walk;
	const struct websocket_ops	*ops;
	void				*arg;
	uint64_t			 max;
	int64_t				 ping;
	STAILQ_HEAD(, ws_msg)		 msgs;	/* not yet worked on */
	int				 woken;
	int				 heard;	/* since the last ping */
	int				 closing; /* we have said so */
	int				 broken; /* by the client: a code to
						  * end with, after all that
						  * came before */
	int				 failed;
};

static int	ws_asked(const struct req *);
static void	ws_426(struct req *);
static int	ws_has(const struct req *, const char *, const char *);
static int	ws_origin(struct req *, int (*)(struct req *, const char *));
static int	ws_key(const struct req *, char *);
static void	ws_unborn(struct req *, void *);
static enum io	ws_open(struct conn *);
static enum io	ws_expire(struct conn *);
static enum io	ws_drain(struct conn *);
static void	ws_free(struct conn *);
static void	ws_end(struct websocket *);
static enum io	ws_step(struct conn *);
static void	ws_broken(struct websocket *);
static int	ws_work(struct websocket *);
static void	ws_flush(struct websocket *);
static wslay_event_context_ptr ws_ctx(struct websocket *);
static int	ws_reads(struct websocket *);
static void	ws_rest(struct websocket *);
static void	ws_walk(struct ws_walk *, const uint8_t *, size_t);
static uint32_t	ws_walk_head(struct ws_walk *);
static ssize_t	ws_recv(wslay_event_context_ptr, uint8_t *, size_t, int,
		    void *);
static ssize_t	ws_send(wslay_event_context_ptr, const uint8_t *, size_t, int,
		    void *);
static void	ws_got(wslay_event_context_ptr,
		    const struct wslay_event_on_msg_recv_arg *, void *);

const struct conn_proto	websocket_proto = {
	"websocket", WS_IN_MAX, ws_open, ws_expire, ws_drain, ws_free
};

static const struct wslay_event_callbacks	callbacks = {
	.recv_callback = ws_recv,
	.send_callback = ws_send,
	.on_msg_recv_callback = ws_got,
};

/* --- the handshake ------------------------------------------------------ */

int
websocket_check(struct req *r, const char *protocol,
    int (*allowed)(struct req *, const char *))
{
	char	 key[32];

	if (!ws_asked(r))
		ws_426(r);
	else if (!r->connect && !ws_key(r, key))
		req_problem(r, 400, NULL, NULL, "bad Sec-WebSocket-Key");
	else if (!ws_has(r, "Sec-WebSocket-Protocol", protocol))
		req_problem(r, 400, NULL, NULL,
		    "the subprotocol is not offered");
	else if (!ws_origin(r, allowed))
		req_problem(r, 403, NULL, NULL,
		    "not for pages of this origin");
	else
		return 1;
	return 0;
}

/* RFC 6455 4.2.1; RFC 8441 5: :protocol says it for Upgrade. */
static int
ws_asked(const struct req *r)
{
	const char	*version = req_hdr_find(r, "Sec-WebSocket-Version");

	if (version == NULL || strcmp(version, "13") != 0)
		return 0;
	return r->connect || (r->version == 11 && r->method == HTTP_GET &&
	    ws_has(r, "Connection", "upgrade") &&
	    ws_has(r, "Upgrade", "websocket"));
}

/* RFC 6455 4.2.2; RFC 9110 15.5.22. */
static void
ws_426(struct req *r)
{
	if (r->version == 11) {
		req_hdr_add(r, "Connection", "Upgrade");
		req_hdr_add(r, "Upgrade", "websocket");
	}
	req_hdr_add(r, "Sec-WebSocket-Version", "13");
	req_problem(r, 426, NULL, NULL, "this is a WebSocket, version 13");
}

/* A list in one line or several has the word, in any case. */
static int
ws_has(const struct req *r, const char *name, const char *word)
{
	const char	*p;
	size_t		 n, w;
	int		 i;

	for (i = 0; i < r->nhdr; i++) {
		if (!utf8_caseis(r->hdr[i].name, r->hdr[i].name_len, name))
			continue;
		for (p = r->hdr[i].value; *p != '\0'; p += n) {
			p += strspn(p, ", \t");
			n = w = strcspn(p, ",");
			while (w > 0 && (p[w - 1] == ' ' || p[w - 1] == '\t'))
				w--;
			if (w > 0 && utf8_caseis(p, w, word))
				return 1;
		}
	}
	return 0;
}

/* RFC 6455 10.2: a browser says whose page it is, nobody else does. */
static int
ws_origin(struct req *r, int (*allowed)(struct req *, const char *))
{
	int16_t		 i = r->known[HDR_ORIGIN];
	const char	*origin, *host = req_hdr(r, HDR_HOST);
	const char	*scheme = r->secure ? "https://" : "http://";

	if (i == -1)
		return 1;
	if (r->hdr[i].next != -1)
		return 0;
	origin = r->hdr[i].value;
	if (host != NULL && strncmp(origin, scheme, strlen(scheme)) == 0 &&
	    utf8_caseis(host, strlen(host), origin + strlen(scheme)))
		return 1;
	return allowed(r, origin);
}

/* The answer to the key (RFC 6455 4.2.2), if there is a good one. */
static int
ws_key(const struct req *r, char *out)
{
	const char	*key = req_hdr_find(r, "Sec-WebSocket-Key");
	uint8_t		 raw[WS_KEY], sha[EVP_MAX_MD_SIZE];
	char		 text[24 + sizeof(WS_GUID)];
	unsigned int	 n;

	if (key == NULL || strlen(key) != 24 ||
	    enc_b64_get(key, 24, raw, sizeof(raw)) != WS_KEY)
		return 0;
	memcpy(text, key, 24);
	memcpy(text + 24, WS_GUID, sizeof(WS_GUID));
	if (EVP_Digest(text, sizeof(text) - 1, sha, &n, EVP_sha1(),
	    NULL) != 1)
		return 0;
	enc_b64(sha, n, out);
	return 1;
}

void
websocket_accept(struct req *r, const char *protocol, struct websocket *w)
{
	char	 key[32];

	/* RFC 8441 5: neither key nor answer to it on a stream */
	if (!r->connect) {
		if (!ws_key(r, key)) {
			ws_end(w);
			req_problem(r, 400, NULL, NULL,
			    "bad Sec-WebSocket-Key");
			return;
		}
		req_hdr_add(r, "Sec-WebSocket-Accept", key);
	}
	req_hdr_add(r, "Sec-WebSocket-Protocol", protocol);
	req_upgrade(r, "websocket", &websocket_proto, ws_unborn, w);
}

static void
ws_unborn(struct req *r, void *arg)
{
	(void)r;
	ws_end(arg);
}

/* --- life --------------------------------------------------------------- */

struct websocket *
websocket_new(const struct websocket_ops *ops, void *arg, uint64_t max,
    int64_t ping)
{
	struct websocket	*w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	w->ops = ops;
	w->arg = arg;
	w->max = max;
	w->ping = ping;
	STAILQ_INIT(&w->msgs);
	return w;
}

static enum io
ws_open(struct conn *c)
{
	struct websocket	*w = c->data;

	w->c = c;
	w->heard = 1;			/* the handshake */
	c->flags |= CONN_DUPLEX;
	c->deadline = conn_now() + w->ping;
	c->step = ws_step;
	return IO_DONE;
}

static void
ws_free(struct conn *c)
{
	ws_end(c->data);
	c->data = NULL;
}

static void
ws_end(struct websocket *w)
{
	struct ws_msg	*m;

	w->ops->gone(w->arg);
	while ((m = STAILQ_FIRST(&w->msgs)) != NULL) {
		STAILQ_REMOVE_HEAD(&w->msgs, entry);
		free(m);
	}
	if (w->ctx != NULL)
		wslay_event_context_free(w->ctx);
	free(w);
}

/* Silence: ask for a sign of life (RFC 6455 5.5.2), or it was asked. */
static enum io
ws_expire(struct conn *c)
{
	static const struct wslay_event_msg	 ping = {
		.opcode = WSLAY_PING
	};
	struct websocket	*w = c->data;

	c->deadline = conn_now() + w->ping;
	/* it still takes what we sent: that has a limit of its own */
	if (buf_left(&c->out) > 0)
		return IO_DONE;
	if (!w->heard) {
		c->flags |= CONN_ABORT;
		return IO_CLOSE;
	}
	w->heard = 0;
	if (ws_ctx(w) == NULL || wslay_event_queue_msg(w->ctx, &ping) != 0)
		w->failed = 1;
	ws_flush(w);
	return IO_DONE;
}

static enum io
ws_drain(struct conn *c)
{
	struct websocket	*w = c->data;

	if (!w->closing && ws_ctx(w) != NULL)
		wslay_event_queue_close(w->ctx, WEBSOCKET_AWAY, NULL, 0);
	w->closing = 1;
	ws_flush(w);
	return IO_CLOSE;
}

/* --- turns -------------------------------------------------------------- */

static enum io
ws_step(struct conn *c)
{
	struct websocket	*w = c->data;

	if (w->failed || buf_bad(&c->out)) {
		c->flags |= CONN_ABORT;
		return IO_CLOSE;
	}
	if (buf_left(&c->out) > 0)
		return IO_WANT_WRITE;
	if (w->closing)
		return IO_CLOSE;
	if (ws_work(w))
		return IO_DONE;
	if (w->broken) {
		ws_broken(w);
		return IO_DONE;
	}
	if (w->ctx != NULL && wslay_event_want_write(w->ctx)) {
		ws_flush(w);		/* a Pong, an answer to Close */
		return IO_DONE;
	}
	if (buf_left(&c->in) > 0 && ws_ctx(w) == NULL)
		return IO_DONE;		/* without memory */
	if (buf_left(&c->in) > 0 && ws_reads(w)) {
		if (wslay_event_recv(w->ctx) != 0 && !w->broken)
			w->broken = WSLAY_CODE_PROTOCOL_ERROR;
		return IO_DONE;
	}
	if (!ws_reads(w))
		return IO_CLOSE;
	ws_rest(w);
	return IO_WANT_READ;
}

/* wslay's context; NULL: no memory, and it has failed. */
static wslay_event_context_ptr
ws_ctx(struct websocket *w)
{
	if (w->ctx != NULL)
		return w->ctx;
	if (wslay_event_context_server_init(&w->ctx, &callbacks, w) != 0) {
		w->ctx = NULL;
		w->failed = 1;
		return NULL;
	}
	wslay_event_config_set_max_recv_msg_length(w->ctx, w->max);
	return w->ctx;
}

/* 0: the client has sent its Close. */
static int
ws_reads(struct websocket *w)
{
	return w->ctx == NULL || wslay_event_want_read(w->ctx);
}

/* Nothing of a message is on its way: a new context would do as well. */
static void
ws_rest(struct websocket *w)
{
	const struct ws_walk	*k = &w->walk;

	if (w->ctx == NULL || k->nhead > 0 || k->left > 0 || k->open)
		return;
	wslay_event_context_free(w->ctx);
	w->ctx = NULL;
}

/* Bytes that wslay takes. */
static void
ws_walk(struct ws_walk *k, const uint8_t *p, size_t n)
{
	size_t	 part;

	for (; n > 0; p += part, n -= part) {
		if (k->left > 0) {
			part = n < k->left ? n : (size_t)k->left;
			k->left -= part;
			continue;
		}
		part = 1;
		k->head[k->nhead++] = *p;
		if (k->nhead >= 2 && k->nhead == ws_walk_head(k))
			k->nhead = 0;
	}
}

/* How long this head is; at its end, what it says is taken. */
static uint32_t
ws_walk_head(struct ws_walk *k)
{
	const uint8_t	*h = k->head;
	uint32_t	 ext, len, i;
	uint64_t	 n = h[1] & 0x7f;

	ext = n == 127 ? 8 : n == 126 ? 2 : 0;
	len = 2 + ext + (h[1] & 0x80 ? 4 : 0);
	if (k->nhead < len)
		return len;
	for (i = 0; i < ext; i++)
		n = (i == 0 ? 0 : n << 8) | h[2 + i];
	k->left = n;
	if ((h[0] & 0x08) == 0)		/* no control frame */
		k->open = !(h[0] & 0x80);
	return len;
}

/* Not a frame of the protocol.  The Close that wslay has queued then does
 * not say why, and nothing of it is on its way: ours goes in its place. */
static void
ws_broken(struct websocket *w)
{
	const uint8_t	 bye[] = { 0x88, 2, w->broken >> 8 & 0xff,
			    w->broken & 0xff };

	if (buf_add(&w->c->out, bye, sizeof(bye)) == -1)
		w->failed = 1;
	w->closing = 1;
}

/* One thing to do that is not reading: 1 if there was one. */
static int
ws_work(struct websocket *w)
{
	struct ws_msg	*m;

	if ((m = STAILQ_FIRST(&w->msgs)) != NULL) {
		STAILQ_REMOVE_HEAD(&w->msgs, entry);
		w->ops->message(w, w->arg, m->data, m->len);
		free(m);
		return 1;
	}
	if (w->woken) {
		w->woken = 0;
		w->ops->woken(w, w->arg);
		return 1;
	}
	return 0;
}

/* What is queued becomes bytes of c->out, which takes all. */
static void
ws_flush(struct websocket *w)
{
	if (w->ctx != NULL && wslay_event_want_write(w->ctx) &&
	    wslay_event_send(w->ctx) != 0)
		w->failed = 1;
}

void
websocket_send(struct websocket *w, const void *p, size_t len)
{
	struct wslay_event_msg	 m = { WSLAY_TEXT_FRAME, p, len };
	int			 e;

	if (ws_ctx(w) == NULL)
		return;
	e = wslay_event_queue_msg(w->ctx, &m);
	/* no more: the client's Close came behind what it asked */
	if (e != 0 && e != WSLAY_ERR_NO_MORE_MSG)
		w->failed = 1;
	ws_flush(w);
}

void
websocket_wake(struct websocket *w)
{
	w->woken = 1;
	if (w->c != NULL)
		conn_wake(w->c);
}

void
websocket_close(struct websocket *w, uint16_t code)
{
	if (w->c == NULL)
		w->failed = 1;		/* not open yet */
	if (w->c == NULL || w->closing)
		return;
	if (ws_ctx(w) == NULL ||
	    wslay_event_queue_close(w->ctx, code, NULL, 0) != 0)
		w->failed = 1;
	w->closing = 1;
	ws_flush(w);
	conn_wake(w->c);
}

struct conn *
websocket_conn(struct websocket *w)
{
	return w->c;
}

/* --- wslay's ------------------------------------------------------------ */

static ssize_t
ws_recv(wslay_event_context_ptr ctx, uint8_t *p, size_t len, int flags,
    void *arg)
{
	struct websocket	*w = arg;
	struct buf		*in = &w->c->in;
	size_t			 n = buf_left(in);

	(void)flags;
	/* what came is worked on before more is read */
	if (n == 0 || !STAILQ_EMPTY(&w->msgs)) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	if (n > len)
		n = len;
	memcpy(p, buf_peek(in), n);
	ws_walk(&w->walk, p, n);
	buf_skip(in, n);
	w->heard = 1;
	return (ssize_t)n;
}

static ssize_t
ws_send(wslay_event_context_ptr ctx, const uint8_t *p, size_t len, int flags,
    void *arg)
{
	struct websocket	*w = arg;

	(void)flags;
	if (buf_add(&w->c->out, p, len) == -1) {
		wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
		return -1;
	}
	return (ssize_t)len;
}

static void
ws_got(wslay_event_context_ptr ctx,
    const struct wslay_event_on_msg_recv_arg *a, void *arg)
{
	struct websocket	*w = arg;
	struct ws_msg		*m;

	(void)ctx;
	if (w->broken)
		return;
	if (wslay_is_ctrl_frame(a->opcode)) {
		/* answered by wslay; RFC 6455 5.5.1: no code is no half one */
		if (a->opcode == WSLAY_CONNECTION_CLOSE && a->msg_length == 1)
			w->broken = WSLAY_CODE_PROTOCOL_ERROR;
		return;
	}
	if (a->opcode != WSLAY_TEXT_FRAME) {
		w->broken = WSLAY_CODE_UNSUPPORTED_DATA; /* RFC 8887 4.3.1 */
		return;
	}
	if ((m = malloc(sizeof(*m) + a->msg_length)) == NULL) {
		w->failed = 1;
		return;
	}
	m->len = a->msg_length;
	if (m->len > 0)
		memcpy(m->data, a->msg, m->len);
	STAILQ_INSERT_TAIL(&w->msgs, m, entry);
}
