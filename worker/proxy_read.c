/* SPDX-License-Identifier: ISC */
/*
 * The PROXY header on a connection: see proxy_read.h.  Called by conn.c.
 * The header is read in as many bytes as proxy_parse knows to be part of it,
 * so that TLS finds its first record in the socket whole.  c->in holds the
 * header meanwhile and is empty after it.
 */
#include "common/compat.h"

#include <sys/socket.h>

#include <errno.h>

#include "common/log.h"
#include "worker/proxy.h"
#include "worker/proxy_read.h"
#include "worker/worker.h"

/* Both versions differ within these, and no header is as short. */
#define PROXY_FIRST	8

static int	proxy_read_more(struct conn *, size_t);
static enum io	proxy_read_end(struct conn *, const char *);
static void	proxy_read_take(struct conn *, const struct proxy *);

static const unsigned int	proxy_versions[] = {
	[CONF_PROXY_OFF] = 0,
	[CONF_PROXY_V1] = PROXY_V1,
	[CONF_PROXY_V2] = PROXY_V2,
	[CONF_PROXY_ANY] = PROXY_V1 | PROXY_V2,
};

int
proxy_read_trusts(const struct conn *c)
{
	const struct http_setup	*s = &c->gen->http;
	size_t			 i;

	for (i = 0; i < s->ntrusted; i++)
		if (ip_in(&c->peer, &s->trusted[i]))
			return 1;
	return c->peer.af == IP_UNIX;
}

enum io
proxy_read(struct conn *c)
{
	struct proxy	 p;
	size_t		 want = PROXY_FIRST;
	int		 n;

	for (;;) {
		if ((n = proxy_read_more(c, want)) != 1)
			return n == 0 ? IO_WANT_READ :
			    proxy_read_end(c, "no whole PROXY header");
		switch (proxy_parse(buf_peek(&c->in), buf_left(&c->in),
		    proxy_versions[c->listen->proxy_protocol], &p, &want)) {
		case PARSE_ERROR:
			return proxy_read_end(c, "a bad PROXY header");
		case PARSE_MORE:
			break;
		case PARSE_DONE:
			proxy_read_take(c, &p);
			buf_free(&c->in);
			return IO_DONE;
		}
	}
}

/* Have so many bytes of the header: 1, 0 not yet, -1 never. */
static int
proxy_read_more(struct conn *c, size_t want)
{
	uint8_t	*to;
	ssize_t	 n;

	while (buf_left(&c->in) < want) {
		/* an announced length is no reason to ask for more memory */
		if (want > PROXY_MAX ||
		    (to = buf_reserve(&c->in, want - buf_left(&c->in))) ==
		    NULL)
			return -1;
		n = recv(c->fd, to, want - buf_left(&c->in), 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return -1;
		buf_commit(&c->in, (size_t)n);
	}
	return 1;
}

static enum io
proxy_read_end(struct conn *c, const char *why)
{
	char	 ip[IP_STRLEN];

	log_info("listener %s: %s from %s", c->listen->name, why,
	    ip_str(&c->peer, ip));
	return IO_CLOSE;
}

static void
proxy_read_take(struct conn *c, const struct proxy *p)
{
	if (!p->known)
		return;
	c->client = p->src;
	c->client_port = p->sport;
	c->local = p->dst;
	c->local_port = p->dport;
	/* As much as X-Forwarded-Proto of the same proxy would be worth. */
	c->secure = p->ssl;
}
