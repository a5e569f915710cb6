/* SPDX-License-Identifier: ISC */
/*
 * One connection from its descriptor to its close: see conn.h.  Called by
 * worker.c with new descriptors and by the event loop.  In the steady state
 * a request costs one read and one write, and no change of events: reading
 * stays armed, and is only taken away when something arrives that nobody
 * can take yet; writing is armed only when the socket is full.
 */
#include "common/compat.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/date.h"
#include "common/log.h"
#include "worker/conn_int.h"
#include "worker/proxy_read.h"
#include "worker/tls.h"
#include "worker/worker.h"

#define OUT_MAX		((size_t)1 << 30) /* answers have limits of their own */
/* A client that is still sending what was refused sees the refusal only if
 * it may send to the end (RFC 9112 9.6): reading to throw away is cheap.
 * Ended by a pause, by time in all, or by bytes, whichever is first. */
#define LINGER_PAUSE	2000
#define LINGER_MS	10000

enum next { NEXT_STEP, NEXT_WAIT, NEXT_DEAD };

static int	conn_begin(struct conn *);
static enum io	conn_proxied(struct conn *);
static int	conn_secure(struct conn *);
static enum io	conn_handshake(struct conn *);
static void	conn_run(struct conn *, int);
static enum next conn_turn(struct conn *, enum io, int *);
static enum next conn_want_read(struct conn *, int *);
static enum next conn_want_write(struct conn *);
static enum next conn_finish(struct conn *);
static enum next conn_yield(struct conn *);
static void	conn_turns(void);
static void	conn_unyield(struct conn *);
static enum next conn_raw(struct conn *, enum io);
static void	conn_on_read(int, short, void *);
static void	conn_on_write(int, short, void *);
static void	conn_on_turn(int, short, void *);
static void	conn_early(struct conn *);

/* Those that have more to do, when it is their turn. */
static struct conn_list	yielded = TAILQ_HEAD_INITIALIZER(yielded);
static struct event	ev_turn;

/* --- birth ----------------------------------------------------------- */

void
conn_new(const struct conn_new *n)
{
	struct conn	*c;

	conn_tick();
	if ((c = calloc(1, sizeof(*c))) == NULL) {
		log_warn("a connection");
		close(n->fd);
		worker_conn_ended(n->id);
		return;
	}
	c->id = n->id;
	c->fd = n->fd;
	c->proto = n->proto;
	c->peer = c->client = n->peer;
	c->peer_port = c->client_port = n->peer_port;
	c->local = n->local;
	c->local_port = n->local_port;
	c->listener = n->listener;
	c->gen = gen_ref(n->gen);
	c->quiet = conn_now();
	c->born = date_now();
	buf_init(&c->in, c->proto->in_max);
	buf_init(&c->out, OUT_MAX);
	event_set(&c->ev_read, c->fd, EV_READ | EV_PERSIST, conn_on_read, c);
	event_set(&c->ev_write, c->fd, EV_WRITE | EV_PERSIST, conn_on_write,
	    c);
	conn_list_add(c);
	gen_apply(c);
	if (conn_begin(c) == -1)
		conn_free(c);
	else
		conn_run(c, 1);
}

/* What comes first: a PROXY header, TLS, or the protocol.  0, or -1. */
static int
conn_begin(struct conn *c)
{
	char	 ip[IP_STRLEN];

	if (c->listen->proxy_protocol == CONF_PROXY_OFF)
		return conn_secure(c);
	if (!proxy_read_trusts(c)) {
		log_info("listener %s: %s is none of trusted-proxies",
		    c->listen->name, ip_str(&c->peer, ip));
		return -1;
	}
	c->flags |= RAW;
	c->step = conn_proxied;
	c->deadline = conn_now() + PROXY_READ_MS;
	return 0;
}

static enum io
conn_proxied(struct conn *c)
{
	enum io	 io = proxy_read(c);

	if (io != IO_DONE)
		return io;
	c->quiet = conn_now();
	return conn_secure(c) == -1 ? IO_CLOSE : IO_DONE;
}

/* TLS or not: the first step of what comes now.  0, or -1. */
static int
conn_secure(struct conn *c)
{
	c->flags &= ~RAW;
	c->deadline = 0;
	c->step = c->proto->open;
	if (!c->listen->tls)
		return 0;
	c->flags |= RAW;
	if (tls_start(c) == -1)
		return -1;
	c->tls = 1;
	c->step = conn_handshake;
	c->deadline = conn_now() + (int64_t)c->gen->conf->tls_timeout;
	return 0;
}

static enum io
conn_handshake(struct conn *c)
{
	enum io	 io = tls_handshake(c);

	if (io == IO_DONE) {
		/* What came behind it is in the library's buffer already,
		 * or will wake us: no read in vain. */
		c->flags &= ~RAW;
		c->flags |= FRESH;
		c->deadline = 0;
		gen_apply(c);		/* the certificate is chosen now */
		c->step = c->proto->open;
	}
	return io;
}

int
conn_stale(const struct conn *c)
{
	struct conf_gen	*g = gen_now();

	/* The listener may be gone: finish under the old settings. */
	return c->gen != g && gen_has_listener(g, c->listener, c->listen);
}

void
conn_refresh(struct conn *c)
{
	struct conf_gen	*g = gen_now();

	if (!conn_stale(c))
		return;
	gen_unref(c->gen);
	c->gen = gen_ref(g);
	gen_apply(c);
}

/* --- the machine ----------------------------------------------------- */

/* Run steps until one has to wait.  readable: the socket has something. */
static void
conn_run(struct conn *c, int readable)
{
	enum next	 next = NEXT_STEP;
	uint64_t	 first = c->nreq;
	enum io		 io;

	c->flags |= BUSY;
	while (next == NEXT_STEP) {
		c->flags &= ~AGAIN;
		io = c->step(c);
		next = conn_turn(c, io, &readable);
		if (next == NEXT_STEP && c->nreq - first >= CONN_TURN)
			next = conn_yield(c);
	}
	c->flags &= ~BUSY;
	if (next == NEXT_DEAD)
		conn_free(c);
}

/* The rest of what one client sent ahead comes after what others ask. */
static enum next
conn_yield(struct conn *c)
{
	int	 n = conn_io_flush(c);

	c->want = IO_WANT_WRITE;
	if (n == 1 && !(c->flags & YIELDED)) {
		TAILQ_INSERT_TAIL(&yielded, c, turn);
		c->flags |= YIELDED;
		conn_turns();
	}
	return n == -1 ? NEXT_DEAD : NEXT_WAIT;
}

/* One of them in each turn of the loop, after the events of that turn. */
static void
conn_turns(void)
{
	static const struct timeval	 soon = { 0, 0 };

	if (TAILQ_EMPTY(&yielded))
		return;
	if (!evtimer_initialized(&ev_turn))
		evtimer_set(&ev_turn, conn_on_turn, NULL);
	if (!evtimer_pending(&ev_turn, NULL))
		evtimer_add(&ev_turn, &soon);
}

static void
conn_unyield(struct conn *c)
{
	if (!(c->flags & YIELDED))
		return;
	TAILQ_REMOVE(&yielded, c, turn);
	c->flags &= ~YIELDED;
}

static enum next
conn_turn(struct conn *c, enum io io, int *readable)
{
	c->want = io;
	if (io == IO_DONE)
		return NEXT_STEP;
	if (c->flags & RAW)
		return conn_raw(c, io);
	switch (io) {
	case IO_DONE:
		break;
	case IO_WANT_READ:
		if ((c->flags & (AGAIN | CONN_DUPLEX)) ==
		    (AGAIN | CONN_DUPLEX))
			return NEXT_STEP;
		return conn_want_read(c, readable);
	case IO_WANT_WRITE:
		return conn_want_write(c);
	case IO_WAIT:
		if (c->flags & AGAIN)
			return NEXT_STEP;
		return conn_io_flush(c) == -1 ? NEXT_DEAD : NEXT_WAIT;
	case IO_YIELD:
		return conn_yield(c);
	case IO_CLOSE:
		return conn_finish(c);
	}
	return NEXT_STEP;
}

/* The answer so far goes out first: this is the one write of a turn. */
static enum next
conn_want_read(struct conn *c, int *readable)
{
	int	 n;

	if (buf_left(&c->out) > 0 && (n = conn_io_flush(c)) != 1)
		return n == -1 ? NEXT_DEAD : NEXT_WAIT;
	if (c->eof)
		return conn_finish(c);
	if (c->flags & FRESH) {
		c->flags &= ~FRESH;
		*readable = 0;
	}
	if (*readable || (c->ssl != NULL && tls_pending(c))) {
		*readable = 0;
		if ((n = conn_io_read(c)) == -1)
			return NEXT_DEAD;
		if (n > 0 || c->eof)
			return NEXT_STEP;
	}
	if ((c->flags & CONN_DRAIN) && c->proto->drain(c) == IO_CLOSE)
		return conn_finish(c);
	conn_io_arm(c, EV_READ);
	return NEXT_WAIT;
}

static enum next
conn_want_write(struct conn *c)
{
	switch (conn_io_flush(c)) {
	case -1:
		return NEXT_DEAD;
	case 0:
		return NEXT_WAIT;
	}
	return NEXT_STEP;
}

/* IO_CLOSE: what is queued goes out, then our end is shut. */
static enum next
conn_finish(struct conn *c)
{
	int	 n;

	c->want = IO_CLOSE;
	if (c->flags & CONN_ABORT)
		return NEXT_DEAD;
	if ((n = conn_io_flush(c)) != 1)
		return n == -1 ? NEXT_DEAD : NEXT_WAIT;
	if (c->ssl != NULL)
		tls_shutdown(c);
	if (c->eof || (c->flags & CONN_CLEAN) ||
	    shutdown(c->fd, SHUT_WR) == -1)
		return NEXT_DEAD;
	/* Closing with unread bytes would reset the connection and could
	 * take our last answer with it (RFC 9112 9.6). */
	c->flags |= LINGER;
	c->deadline = conn_now() + LINGER_PAUSE;
	c->stall = conn_now() + LINGER_MS;
	c->lingered = 0;
	conn_io_arm(c, EV_READ);
	return NEXT_WAIT;
}

static enum next
conn_raw(struct conn *c, enum io io)
{
	switch (io) {
	case IO_WANT_READ:
		conn_io_disarm(c, EV_WRITE);
		conn_io_arm(c, EV_READ);
		return NEXT_WAIT;
	case IO_WANT_WRITE:
		conn_io_arm(c, EV_WRITE);
		return NEXT_WAIT;
	default:
		return NEXT_DEAD;
	}
}

void
conn_wake(struct conn *c)
{
	if (c->carrier != NULL) {
		c->carrier(c);
		return;
	}
	if (c->flags & BUSY) {
		c->flags |= AGAIN;
		return;
	}
	if (c->want != IO_WAIT &&
	    (c->want != IO_WANT_READ || !(c->flags & CONN_DUPLEX)))
		return;
	conn_tick();
	conn_run(c, 0);
}

/* --- events ---------------------------------------------------------- */

static void
conn_on_read(int fd, short what, void *arg)
{
	struct conn	*c = arg;
	int		 n = 0;

	(void)fd;
	(void)what;
	conn_tick();
	if (c->flags & LINGER) {
		if (conn_io_linger(c, LINGER_PAUSE) == 0)
			conn_free(c);
		return;
	}
	if (c->flags & RAW) {
		conn_run(c, 1);
		return;
	}
	if (c->want != IO_WANT_READ || buf_left(&c->out) > 0) {
		conn_early(c);
		return;
	}
	if ((n = conn_io_read(c)) == -1)
		conn_free(c);
	else if (n > 0 || c->eof)
		conn_run(c, 0);
}

static void
conn_on_write(int fd, short what, void *arg)
{
	struct conn	*c = arg;
	int		 n;

	(void)fd;
	(void)what;
	conn_tick();
	if (c->flags & RAW) {
		conn_run(c, 0);
		return;
	}
	if ((n = conn_io_flush(c)) == -1 ||
	    (n == 1 && c->want == IO_CLOSE && conn_finish(c) == NEXT_DEAD))
		conn_free(c);
	else if (n == 1 &&
	    (c->want == IO_WANT_READ || c->want == IO_WANT_WRITE))
		conn_run(c, 0);
}

static void
conn_on_turn(int fd, short what, void *arg)
{
	struct conn	*c = TAILQ_FIRST(&yielded);

	(void)fd;
	(void)what;
	(void)arg;
	if (c == NULL)
		return;
	sched_yield();		/* to other processes, too */
	conn_tick();
	conn_unyield(c);
	if (c->want == IO_WANT_WRITE && buf_left(&c->out) == 0)
		conn_run(c, 0);
	conn_turns();
}

/* Something came that nobody can take now.  It may be the end, unless the TLS
 * library has read what came before that. */
static void
conn_early(struct conn *c)
{
	char	 one;

	if (!(c->ssl != NULL && tls_pending(c)) &&
	    recv(c->fd, &one, 1, MSG_PEEK) == 0)
		c->eof = 1;
	conn_io_disarm(c, EV_READ);
}

/* --- time, and the end ------------------------------------------------ */

void
conn_expire(struct conn *c)
{
	int	 ready = 0;

	if (c->nreq == 0 && !(c->flags & LINGER) &&
	    c->listen->protocol == CONF_HTTP)
		worker_loiters(c);
	if (c->flags & (RAW | LINGER)) {
		conn_free(c);
		return;
	}
	c->deadline = 0;
	switch (conn_turn(c, c->proto->expire(c), &ready)) {
	case NEXT_STEP:
		conn_run(c, 0);
		break;
	case NEXT_DEAD:
		conn_free(c);
		break;
	case NEXT_WAIT:
		break;
	}
}

void
conn_cut(struct conn *c)
{
	static const struct linger	 at_once = { 1, 0 };

	/* else the kernel would go on with what it holds for as long as the
	 * client likes to take it drop by drop */
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	conn_free(c);
}

void
conn_free(struct conn *c)
{
	uint64_t	 id = c->id;

	assert((c->flags & BUSY) == 0);
	c->flags |= BUSY;		/* a last wake does nothing */
	if (c->data != NULL)
		c->proto->free(c);
	conn_io_disarm(c, EV_READ);
	conn_io_disarm(c, EV_WRITE);
	conn_unyield(c);
	conn_list_del(c);
	if (c->ssl != NULL)
		tls_free(c);
	close(c->fd);
	buf_freezero(&c->in);
	buf_freezero(&c->out);
	gen_unref(c->gen);
	free(c);
	worker_conn_ended(id);
	if (conn_count() == 0)
		worker_drained();
}

void
conn_retire(struct conn *c)
{
	c->flags |= CONN_DRAIN;
	if (c->want != IO_WANT_READ || (c->flags & (RAW | LINGER)))
		return;
	if (c->proto->drain(c) != IO_CLOSE) {
		if (c->flags & CONN_DUPLEX)
			conn_wake(c);
	} else if (conn_finish(c) == NEXT_DEAD)
		conn_free(c);
}
