/* SPDX-License-Identifier: ISC */
/*
 * Connections of the SMTP client: see smtp_conn.h.  One pump moves bytes
 * between the socket and smtp_client.c, tells the owner what happened, and
 * says what to wait for; events, timers and the owner's wishes only start it.
 *
 * Freed in one place, at the end of the pump, so that a callback may do with
 * the connection what it likes.
 */
#include "common/compat.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <netinet/in.h>

#include <errno.h>
#include <event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/log.h"
#include "daemon/smtp_client.h"
#include "daemon/smtp_conn.h"
#include "daemon/smtp_tls.h"

#define SMTP_CONN_READ	4096	/* bytes at once */
#define SMTP_CONN_READS	8	/* in one go */
#define SMTP_CONN_WRITES 8
#define SMTP_CONN_GOES	8	/* in one turn of the loop */
#define SMTP_CONN_ADDRS	16	/* tried of one name */

enum smtp_conn_step { CONN_CONNECT, CONN_TLS, CONN_OPEN };
enum smtp_conn_io { CONN_OK, CONN_AGAIN, CONN_END };

struct smtp_conn {
	struct smtp_client	 client;
	const struct smtp_relay	*relay;
	struct smtp_conn_cb	 cb;
	void			*arg;
	SSL_CTX			*ctx;
	SSL			*ssl;
	struct ip		 ips[SMTP_CONN_ADDRS];
	size_t			 nips, ip;
	uint16_t		 port;
	int			 fd;
	enum smtp_conn_step	 step;
	int			 want;		/* EV_READ, EV_WRITE */
	int			 again;		/* there is more to do */
	int			 told;		/* ready was called */
	int			 busy;		/* in the pump */
	unsigned int		 tick;		/* of the running timer */
	struct event		 ev_io, ev_timer, ev_kick;
	int			 io;		/* what ev_io waits for */
};

static void	smtp_conn_pump(struct smtp_conn *);
static void	smtp_conn_event(int, short, void *);
static void	smtp_conn_kicked(int, short, void *);
static void	smtp_conn_late(int, short, void *);
static void	smtp_conn_kick(struct smtp_conn *);
static void	smtp_conn_next(struct smtp_conn *);
static int	smtp_conn_try(struct smtp_conn *);
static void	smtp_conn_connected(struct smtp_conn *);
static void	smtp_conn_refused(struct smtp_conn *, int);
static int	smtp_conn_secure(struct smtp_conn *);
static void	smtp_conn_handshake(struct smtp_conn *);
static void	smtp_conn_work(struct smtp_conn *);
static enum smtp_conn_io	smtp_conn_in(struct smtp_conn *);
static enum smtp_conn_io	smtp_conn_out(struct smtp_conn *);
static ssize_t	smtp_conn_read(struct smtp_conn *, void *, size_t);
static ssize_t	smtp_conn_write(struct smtp_conn *, const void *, size_t);
static ssize_t	smtp_conn_ssl(struct smtp_conn *, int);
static int	smtp_conn_tell(struct smtp_conn *);
static void	smtp_conn_wait(struct smtp_conn *);
static void	smtp_conn_clock(struct smtp_conn *);
static void	smtp_conn_shut(struct smtp_conn *);
static void	smtp_conn_free(struct smtp_conn *);
static void	smtp_conn_ms(struct timeval *, int64_t);

struct smtp_conn *
smtp_conn_open(const struct smtp_relay *relay, SSL_CTX *ctx,
    const struct ip *ips, size_t n, uint16_t port,
    const struct smtp_conn_cb *cb, void *arg)
{
	struct smtp_conn	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	smtp_client_init(&c->client, relay);
	c->relay = relay;
	c->cb = *cb;
	c->arg = arg;
	if (ctx != NULL && SSL_CTX_up_ref(ctx) == 1)
		c->ctx = ctx;
	c->nips = n < nitems(c->ips) ? n : nitems(c->ips);
	memcpy(c->ips, ips, c->nips * sizeof(*ips));
	c->port = port;
	c->fd = -1;
	evtimer_set(&c->ev_timer, smtp_conn_late, c);
	evtimer_set(&c->ev_kick, smtp_conn_kicked, c);
	smtp_conn_kick(c);
	return c;
}

void
smtp_conn_send(struct smtp_conn *c, struct smtp_mail *m)
{
	smtp_client_send(&c->client, m);
	c->told = 0;
	smtp_conn_kick(c);
}

int
smtp_conn_ready(const struct smtp_conn *c)
{
	return c->step == CONN_OPEN && c->client.done == NULL &&
	    smtp_client_want(&c->client) == SMTP_WANT_MAIL;
}

void
smtp_conn_quit(struct smtp_conn *c)
{
	smtp_client_quit(&c->client);
	smtp_conn_kick(c);
}

/* Pump soon, not from within the caller. */
static void
smtp_conn_kick(struct smtp_conn *c)
{
	struct timeval	 tv = { 0, 0 };

	if (!c->busy)
		evtimer_add(&c->ev_kick, &tv);
}

static void
smtp_conn_kicked(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	smtp_conn_pump(arg);
}

static void
smtp_conn_event(int fd, short what, void *arg)
{
	struct smtp_conn	*c = arg;

	(void)fd;
	(void)what;
	c->io = 0;		/* it fired: no longer pending */
	if (c->step == CONN_CONNECT)
		smtp_conn_connected(c);
	smtp_conn_pump(c);
}

static void
smtp_conn_late(int fd, short what, void *arg)
{
	struct smtp_conn	*c = arg;

	(void)fd;
	(void)what;
	c->tick = 0;
	if (c->step == CONN_CONNECT)
		smtp_conn_refused(c, ETIMEDOUT);
	else
		smtp_client_lost(&c->client, "4.4.2",
		    c->step == CONN_TLS ? "no end of the TLS handshake" :
		    "the relay did not answer in time");
	smtp_conn_pump(c);
}

/* --- the pump ------------------------------------------------------------ */

static void
smtp_conn_pump(struct smtp_conn *c)
{
	int	 more;

	c->busy = 1;
	do {
		c->want = c->again = 0;
		if (c->step == CONN_CONNECT)
			smtp_conn_next(c);
		if (c->step == CONN_TLS)
			smtp_conn_handshake(c);
		if (c->step == CONN_OPEN)
			smtp_conn_work(c);
		more = smtp_conn_tell(c);
	} while (more);
	c->busy = 0;
	if (smtp_client_want(&c->client) == SMTP_WANT_CLOSE)
		smtp_conn_free(c);
	else
		smtp_conn_wait(c);
}

/*
 * Callbacks that are due; 1 if there is something to do after them.  closed
 * is the last one.
 */
static int
smtp_conn_tell(struct smtp_conn *c)
{
	struct smtp_mail	*m;

	if ((m = smtp_client_take(&c->client)) != NULL) {
		c->cb.done(c, m, c->arg);
		return 1;
	}
	switch (smtp_client_want(&c->client)) {
	case SMTP_WANT_MAIL:
		if (c->told || c->step != CONN_OPEN)
			return 0;
		c->told = 1;
		c->cb.ready(c, c->arg);
		return 1;
	case SMTP_WANT_CLOSE:
		c->cb.closed(c, &c->client.why, c->arg);
		return 0;
	default:
		return 0;
	}
}

/* Wait for what is to come. */
static void
smtp_conn_wait(struct smtp_conn *c)
{
	struct timeval	 tv = { 0, 0 };
	short		 want = (short)c->want;

	/* others have their turn first; what OpenSSL holds makes no event */
	if (c->again)
		evtimer_add(&c->ev_kick, &tv);
	if (c->fd != -1 && want != c->io) {
		if (c->io != 0)
			event_del(&c->ev_io);
		event_set(&c->ev_io, c->fd, want, smtp_conn_event, c);
		event_add(&c->ev_io, NULL);
		c->io = want;
	}
	smtp_conn_clock(c);
}

/* A step's clock runs from its begin: bytes that trickle in do not stop it. */
static void
smtp_conn_clock(struct smtp_conn *c)
{
	struct timeval	 tv;
	unsigned int	 tick;

	tick = c->client.tick * 4 + (unsigned int)c->step + 1;
	if (c->step == CONN_CONNECT)
		tick += (unsigned int)c->ip * 4;
	if (tick == c->tick)
		return;
	c->tick = tick;
	evtimer_del(&c->ev_timer);
	if (c->step == CONN_OPEN &&
	    smtp_client_want(&c->client) == SMTP_WANT_MAIL)
		return;		/* as long as the owner likes */
	smtp_conn_ms(&tv, c->step == CONN_CONNECT ? c->relay->times.connect :
	    c->step == CONN_TLS ? c->relay->times.tls :
	    smtp_client_timeout(&c->client));
	evtimer_add(&c->ev_timer, &tv);
}

static void
smtp_conn_ms(struct timeval *tv, int64_t ms)
{
	tv->tv_sec = (time_t)(ms / 1000);
	tv->tv_usec = (suseconds_t)(ms % 1000 * 1000);
}

/* --- connecting ---------------------------------------------------------- */

/* The first address that can be tried, from c->ip on. */
static void
smtp_conn_next(struct smtp_conn *c)
{
	while (smtp_client_want(&c->client) != SMTP_WANT_CLOSE && c->fd == -1)
		if (c->nips == 0)
			smtp_client_lost(&c->client, "4.4.3", "no address");
		else if (smtp_conn_try(c) == -1)
			smtp_conn_refused(c, errno);
	c->want = EV_WRITE;
}

static int
smtp_conn_try(struct smtp_conn *c)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_in	*sin = (struct sockaddr_in *)&ss;
	struct sockaddr_in6	*sin6 = (struct sockaddr_in6 *)&ss;
	const struct ip		*ip = &c->ips[c->ip];
	socklen_t		 len;
	int			 save;

	memset(&ss, 0, sizeof(ss));
	if (ip->af == IP_V4) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(c->port);
		memcpy(&sin->sin_addr, ip->b, 4);
		len = sizeof(*sin);
	} else if (ip->af == IP_V6) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(c->port);
		memcpy(&sin6->sin6_addr, ip->b, 16);
		len = sizeof(*sin6);
	} else {
		errno = EAFNOSUPPORT;
		return -1;
	}
	if ((c->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0)) == -1)
		return -1;
	if (connect(c->fd, (struct sockaddr *)&ss, len) == 0 ||
	    errno == EINPROGRESS)
		return 0;		/* either way it becomes writable */
	save = errno;
	close(c->fd);
	c->fd = -1;
	errno = save;
	return -1;
}

static void
smtp_conn_connected(struct smtp_conn *c)
{
	socklen_t	 len = sizeof(int);
	int		 err = 0;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1)
		err = errno;
	if (err != 0) {
		smtp_conn_refused(c, err);
		return;
	}
	if (c->relay->tls == SMTP_TLS_IMPLICIT)
		(void)smtp_conn_secure(c);
	else
		c->step = CONN_OPEN;
}

/* This address did not work: another, or none. */
static void
smtp_conn_refused(struct smtp_conn *c, int err)
{
	char	 text[SMTP_TEXT], addr[IP_STRLEN];

	(void)snprintf(text, sizeof(text), "connect to %s [%s]:%u: %s",
	    c->relay->host, ip_str(&c->ips[c->ip], addr), c->port,
	    strerror(err));
	log_debug("smtp: %s", text);
	if (c->fd != -1) {
		if (c->io != 0)
			event_del(&c->ev_io);
		c->io = 0;
		close(c->fd);
		c->fd = -1;
	}
	if (++c->ip >= c->nips)
		smtp_client_lost(&c->client, "4.4.1", text);
}

/* --- TLS ----------------------------------------------------------------- */

static int
smtp_conn_secure(struct smtp_conn *c)
{
	if (c->ctx == NULL ||
	    (c->ssl = smtp_tls_session(c->ctx, c->relay->host)) == NULL ||
	    SSL_set_fd(c->ssl, c->fd) != 1) {
		smtp_client_lost(&c->client, "4.7.5", "no TLS here");
		return -1;
	}
	c->step = CONN_TLS;
	return 0;
}

static void
smtp_conn_handshake(struct smtp_conn *c)
{
	char	 text[SMTP_TEXT];
	int	 ret;

	if (smtp_client_want(&c->client) == SMTP_WANT_CLOSE)
		return;
	ERR_clear_error();
	if ((ret = SSL_do_handshake(c->ssl)) != 1) {
		if (smtp_conn_ssl(c, ret) == -1 && errno == EAGAIN)
			return;
		(void)snprintf(text, sizeof(text), "TLS with %s: %s",
		    c->relay->host, smtp_tls_why(c->ssl));
		smtp_client_lost(&c->client, "4.7.5", text);
		return;
	}
	/* said once more, so that no change above can lose it */
	if (SSL_get_verify_result(c->ssl) != X509_V_OK) {
		smtp_client_lost(&c->client, "4.7.5", "not verified");
		return;
	}
	log_debug("smtp: %s: %s %s", c->relay->host, SSL_get_version(c->ssl),
	    SSL_get_cipher_name(c->ssl));
	c->step = CONN_OPEN;
	smtp_client_tls(&c->client);
}

/* What the library says of a call that gave ret, as read(2) would; notes what
 * it waits for. */
static ssize_t
smtp_conn_ssl(struct smtp_conn *c, int ret)
{
	if (ret > 0)
		return ret;
	switch (SSL_get_error(c->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		c->want |= EV_READ;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_WRITE:
		c->want |= EV_WRITE;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		errno = ECONNRESET;
		return -1;
	}
}

/* --- bytes --------------------------------------------------------------- */

/* Read and write until neither moves. */
static void
smtp_conn_work(struct smtp_conn *c)
{
	enum smtp_conn_io	 in, out;
	unsigned int		 tick;
	int			 i;

	for (i = 0; i < SMTP_CONN_GOES; i++) {
		tick = c->client.tick;
		in = smtp_conn_in(c);
		out = in == CONN_END ? CONN_END : smtp_conn_out(c);
		/* they closed while we were talking: hear why first */
		if (out == CONN_END && in != CONN_END)
			in = smtp_conn_in(c);
		if (in == CONN_END || out == CONN_END) {
			smtp_client_lost(&c->client, "4.4.2",
			    "the relay closed the connection");
			return;
		}
		if (smtp_client_want(&c->client) == SMTP_WANT_TLS) {
			if (smtp_conn_secure(c) == 0)
				smtp_conn_handshake(c);
			c->again = c->step == CONN_OPEN;
			return;
		}
		if (smtp_client_want(&c->client) == SMTP_WANT_CLOSE)
			return;
		if (in == CONN_AGAIN && tick == c->client.tick)
			break;
	}
	c->again = i == SMTP_CONN_GOES;
	c->want |= EV_READ;
}

static enum smtp_conn_io
smtp_conn_in(struct smtp_conn *c)
{
	uint8_t	 p[SMTP_CONN_READ];
	ssize_t	 n;
	int	 i;

	for (i = 0; i < SMTP_CONN_READS; i++) {
		if (smtp_client_want(&c->client) == SMTP_WANT_CLOSE ||
		    smtp_client_want(&c->client) == SMTP_WANT_TLS)
			return CONN_OK;
		n = smtp_conn_read(c, p, sizeof(p));
		if (n == -1 && errno == EAGAIN)
			return CONN_AGAIN;
		if (n <= 0)
			return CONN_END;
		smtp_client_feed(&c->client, p, (size_t)n);
	}
	return CONN_OK;
}

static enum smtp_conn_io
smtp_conn_out(struct smtp_conn *c)
{
	struct buf	*out = &c->client.out;
	ssize_t		 n;
	int		 i;

	for (i = 0; i < SMTP_CONN_WRITES; i++) {
		smtp_client_fill(&c->client);
		if (buf_left(out) == 0)
			return CONN_OK;
		n = smtp_conn_write(c, buf_peek(out), buf_left(out));
		if (n == -1 && errno == EAGAIN)
			return CONN_AGAIN;
		if (n <= 0)
			return CONN_END;
		/* RFC 5321 4.5.3.2.5: the clock of a block starts anew */
		if (c->client.state == SMTP_DATA)
			c->client.tick++;
		buf_skip(out, (size_t)n);
	}
	return CONN_OK;
}

static ssize_t
smtp_conn_read(struct smtp_conn *c, void *p, size_t n)
{
	ssize_t	 ret;

	if (c->ssl != NULL) {
		ERR_clear_error();
		return smtp_conn_ssl(c, SSL_read(c->ssl, p, (int)n));
	}
	do
		ret = recv(c->fd, p, n, 0);
	while (ret == -1 && errno == EINTR);
	if (ret == -1 && errno == EAGAIN)
		c->want |= EV_READ;
	return ret;
}

static ssize_t
smtp_conn_write(struct smtp_conn *c, const void *p, size_t n)
{
	ssize_t	 ret;

	if (c->ssl != NULL) {
		ERR_clear_error();
		return smtp_conn_ssl(c, SSL_write(c->ssl, p, (int)n));
	}
	do
		ret = send(c->fd, p, n, MSG_NOSIGNAL);
	while (ret == -1 && errno == EINTR);
	if (ret == -1 && errno == EAGAIN)
		c->want |= EV_WRITE;
	return ret;
}

/* --- the end ------------------------------------------------------------- */

static void
smtp_conn_shut(struct smtp_conn *c)
{
	if (c->ssl != NULL) {
		if (c->step == CONN_OPEN)
			(void)SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
		ERR_clear_error();
	}
	if (c->io != 0)
		event_del(&c->ev_io);
	if (c->fd != -1)
		close(c->fd);
}

static void
smtp_conn_free(struct smtp_conn *c)
{
	evtimer_del(&c->ev_timer);
	evtimer_del(&c->ev_kick);
	smtp_conn_shut(c);
	SSL_CTX_free(c->ctx);
	smtp_client_free(&c->client);
	free(c);
}
