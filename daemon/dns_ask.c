/* SPDX-License-Identifier: ISC */
/*
 * The stub resolver: see dns_ask.h.  Called by push_http.c and
 * smtp_resolve.c; queue.c and push.c bring resolv.conf.  Each question is
 * asked for A and AAAA at once, each from a socket of its own (RFC 5452: a
 * port and an id that nobody can guess), of one server after the other; by
 * TCP when an answer is cut.  Answers are kept for their time to live.
 */
#include "common/compat.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <netinet/in.h>
#include <event.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/date.h"
#include "common/log.h"
#include "daemon/dns_ask.h"
#include "daemon/dns_msg.h"

#define TRIES		4	/* over all servers */
#define WAIT		2	/* s for an answer */
#define STRANGE		32	/* answers to no question of ours, a try */
#define TCP_MAX		16384	/* bytes of an answer */
#define CACHE		64
#define TTL_MAX		300	/* s */
#define PORT		53

struct one {			/* of a question: one type */
	struct dns_ask	*of;
	struct event	 ev;
	struct buf	 in;		/* TCP */
	int		 fd;		/* or -1: answered */
	int		 tcp, sent;
	unsigned int	 tries, strange;
	uint16_t	 type, id;
	int		 done;
};
struct dns_ask {
	char		 name[DNS_MSG_NAME];
	struct one	 one[2];
	struct ip	 ip[DNS_ASK_ADDRS];
	size_t		 n;
	uint32_t	 ttl;
	struct event	 ev_end;
	dns_ask_fn	*fn;
	void		*arg;
};
struct known {
	char		 name[DNS_MSG_NAME];
	struct ip	 ip[DNS_ASK_ADDRS];
	size_t		 n;
	int64_t		 until;		/* monotonic ms; 0: free */
};

static struct sockaddr_storage	 servers[DNS_ASK_SERVERS];
static size_t			 nservers;
static int			 fixed;	/* resolv.conf does not count */
static uint16_t			 server_port = PORT;
static struct known		 cache[CACHE];

static void	ask_server(const struct ip *, uint16_t);
static int	ask_local(struct dns_ask *);
static int	ask_cached(struct dns_ask *);
static void	ask_remember(const struct dns_ask *);
static void	ask_add(struct dns_ask *, const struct ip *, size_t);
static void	ask_later(struct dns_ask *);
static void	ask_end(int, short, void *);
static void	one_start(struct one *);
static void	one_try(struct one *);
static int	one_socket(struct one *);
static void	one_close(struct one *);
static void	one_event(int, short, void *);
static int	one_write(struct one *);
static void	one_read(struct one *);
static void	one_read_tcp(struct one *);
static int	one_take(struct one *, const uint8_t *, size_t);
static void	one_done(struct one *);
static void	one_wait(struct one *, short);

/* --- whom to ask ---------------------------------------------------------- */

int
dns_ask_parse(const char *s, struct ip *ip, uint16_t *port)
{
	const char	*colon = NULL, *bad;
	size_t		 n = strlen(s);

	*port = PORT;
	if (s[0] == '[') {
		n = strcspn(++s, "]");
		if (s[n] == '\0' || (s[n + 1] != '\0' && s[n + 1] != ':'))
			return -1;
		if (s[n + 1] == ':')
			colon = s + n + 1;
	} else if ((colon = strchr(s, ':')) != NULL) {
		if (strchr(colon + 1, ':') == NULL)
			n = (size_t)(colon - s);
		else
			colon = NULL;	/* a bare IPv6 address */
	}
	if (colon != NULL) {
		*port = (uint16_t)strtonum(colon + 1, 1, UINT16_MAX, &bad);
		if (bad != NULL)
			return -1;
	}
	return ip_parse(ip, s, n);
}

void
dns_ask_init(const char *resolver)
{
	struct ip	 ip;

	if ((fixed = resolver[0] != '\0') == 0) {
		dns_ask_servers("");
		return;
	}
	if (dns_ask_parse(resolver, &ip, &server_port) == -1)
		fatalx("push.resolver: %s is no address", resolver);
	nservers = 0;
	ask_server(&ip, server_port);
}

void
dns_ask_servers(const char *text)
{
	static const struct ip	 here = { IP_V4, { 127, 0, 0, 1 } };
	struct ip		 ip[DNS_ASK_SERVERS];
	size_t			 i, n;

	if (fixed)
		return;
	nservers = 0;
	n = dns_ask_read(text, ip);
	for (i = 0; i < n; i++)
		ask_server(&ip[i], PORT);
	if (n == 0)		/* resolv.conf(5) */
		ask_server(&here, PORT);
}

size_t
dns_ask_read(const char *text, struct ip ip[DNS_ASK_SERVERS])
{
	static const char	 word[] = "nameserver";
	const char		*s;
	size_t			 len, n = 0;

	for (; *text != '\0' && n < DNS_ASK_SERVERS; text += len) {
		len = strcspn(text, "\n");
		len += text[len] != '\0';
		s = text + strspn(text, " \t");
		if (strncmp(s, word, sizeof(word) - 1) != 0)
			continue;
		s += sizeof(word) - 1;
		if (*s != ' ' && *s != '\t')
			continue;
		s += strspn(s, " \t");
		if (ip_parse(&ip[n], s, strcspn(s, " \t\r\n#;")) == 0)
			n++;
	}
	return n;
}

static void
ask_server(const struct ip *ip, uint16_t port)
{
	struct sockaddr_in6	 sin6;
	struct sockaddr_in	 sin;

	if (ip->af == IP_V4) {
		memset(&sin, 0, sizeof(sin));
		sin.sin_family = AF_INET;
		sin.sin_port = htons(port);
		memcpy(&sin.sin_addr, ip->b, 4);
		memcpy(&servers[nservers++], &sin, sizeof(sin));
	} else {
		memset(&sin6, 0, sizeof(sin6));
		sin6.sin6_family = AF_INET6;
		sin6.sin6_port = htons(port);
		memcpy(&sin6.sin6_addr, ip->b, 16);
		memcpy(&servers[nservers++], &sin6, sizeof(sin6));
	}
}

uint16_t
dns_ask_port(void)
{
	return server_port;
}

/* --- a question ----------------------------------------------------------- */

struct dns_ask *
dns_ask(const char *name, dns_ask_fn *fn, void *arg)
{
	static const uint16_t	 types[] = { DNS_MSG_A, DNS_MSG_AAAA };
	uint8_t			 q[DNS_MSG_QUERY];
	struct dns_ask		*a;
	size_t			 i;

	if (dns_msg_query(name, DNS_MSG_A, 0, q) == 0 ||
	    (a = calloc(1, sizeof(*a))) == NULL)
		return NULL;
	strlcpy(a->name, name, sizeof(a->name));
	a->fn = fn;
	a->arg = arg;
	a->ttl = TTL_MAX;
	evtimer_set(&a->ev_end, ask_end, a);
	for (i = 0; i < nitems(a->one); i++) {
		a->one[i].of = a;
		a->one[i].fd = -1;
		a->one[i].type = types[i];
		a->one[i].done = 1;
		buf_init(&a->one[i].in, TCP_MAX);
	}
	if (ask_local(a) || ask_cached(a)) {
		ask_later(a);
		return a;
	}
	for (i = 0; i < nitems(a->one); i++)
		a->one[i].done = 0;
	for (i = 0; i < nitems(a->one); i++)
		one_start(&a->one[i]);
	return a;
}

void
dns_ask_cancel(struct dns_ask *a)
{
	size_t	 i;

	for (i = 0; i < nitems(a->one); i++) {
		one_close(&a->one[i]);
		buf_free(&a->one[i].in);
	}
	evtimer_del(&a->ev_end);
	free(a);
}

static int
ask_local(struct dns_ask *a)
{
	static const struct ip	 here[] = {
		{ IP_V4, { 127, 0, 0, 1 } }, { IP_V6, { [15] = 1 } }
	};
	size_t			 n = strlen(a->name);

	if (strcasecmp(a->name, "localhost") != 0 && (n < 11 ||
	    strcasecmp(a->name + n - 10, ".localhost") != 0))
		return 0;
	ask_add(a, here, nitems(here));
	return 1;
}

static int
ask_cached(struct dns_ask *a)
{
	int64_t	 now = date_mono();
	size_t	 i;

	for (i = 0; i < CACHE; i++)
		if (cache[i].until > now &&
		    strcasecmp(cache[i].name, a->name) == 0) {
			ask_add(a, cache[i].ip, cache[i].n);
			return 1;
		}
	return 0;
}

/* In the place of the one that ends first. */
static void
ask_remember(const struct dns_ask *a)
{
	struct known	*k = &cache[0];
	size_t		 i;

	for (i = 1; i < CACHE; i++)
		if (cache[i].until < k->until)
			k = &cache[i];
	memcpy(k->name, a->name, sizeof(k->name));
	memcpy(k->ip, a->ip, sizeof(k->ip));
	k->n = a->n;
	k->until = date_mono() + (int64_t)a->ttl * 1000;
}

static void
ask_add(struct dns_ask *a, const struct ip *ip, size_t n)
{
	for (; n > 0 && a->n < DNS_ASK_ADDRS; n--)
		a->ip[a->n++] = *ip++;
}

static void
ask_later(struct dns_ask *a)
{
	struct timeval	 now = { 0, 0 };

	evtimer_add(&a->ev_end, &now);
}

static void
ask_end(int fd, short what, void *arg)
{
	struct dns_ask	*a = arg;
	struct ip	 ip[DNS_ASK_ADDRS];
	dns_ask_fn	*fn = a->fn;
	void		*to = a->arg;
	size_t		 n = a->n;

	(void)fd;
	(void)what;
	memcpy(ip, a->ip, sizeof(ip));
	dns_ask_cancel(a);
	fn(to, ip, n);
}

/* --- of one type ---------------------------------------------------------- */

static void
one_start(struct one *o)
{
	o->tcp = 0;
	one_try(o);
}

/* The next server; without an end that is reached at once when there is no
 * network at all. */
static void
one_try(struct one *o)
{
	while (o->tries < TRIES) {
		o->tries++;
		o->strange = 0;
		if (one_socket(o) == 0)
			return;
		one_close(o);
	}
	one_done(o);
}

static int
one_socket(struct one *o)
{
	const struct sockaddr_storage	*sa;
	socklen_t			 len;

	one_close(o);
	sa = &servers[(o->tries - 1) % nservers];
	len = sa->ss_family == AF_INET ? sizeof(struct sockaddr_in) :
	    sizeof(struct sockaddr_in6);
	o->fd = socket(sa->ss_family, (o->tcp ? SOCK_STREAM : SOCK_DGRAM) |
	    SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (o->fd == -1)
		return -1;
	o->sent = 0;
	o->id = (uint16_t)arc4random();
	buf_reset(&o->in);
	if (connect(o->fd, (const struct sockaddr *)sa, len) == -1 &&
	    errno != EINPROGRESS)
		return -1;
	if (!o->tcp && one_write(o) == -1)
		return -1;
	one_wait(o, o->tcp ? EV_WRITE : EV_READ);
	return 0;
}

static void
one_wait(struct one *o, short what)
{
	struct timeval	 tv = { WAIT, 0 };

	event_set(&o->ev, o->fd, what, one_event, o);
	event_add(&o->ev, &tv);
}

static void
one_close(struct one *o)
{
	if (o->fd == -1)
		return;
	event_del(&o->ev);
	close(o->fd);
	o->fd = -1;
}

static int
one_write(struct one *o)
{
	uint8_t	 q[2 + DNS_MSG_QUERY];
	size_t	 n;

	n = dns_msg_query(o->of->name, o->type, o->id, q + 2);
	q[0] = (uint8_t)(n >> 8);
	q[1] = (uint8_t)n;
	o->sent = 1;
	/* it fits into the buffer of a socket that is new */
	if (o->tcp)
		return send(o->fd, q, n + 2, MSG_NOSIGNAL) ==
		    (ssize_t)(n + 2) ? 0 : -1;
	return send(o->fd, q + 2, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

static void
one_event(int fd, short what, void *arg)
{
	struct one	*o = arg;

	(void)fd;
	if (what & EV_TIMEOUT) {
		one_try(o);
	} else if (o->tcp && !o->sent) {
		if (one_write(o) == -1)
			one_try(o);
		else
			one_wait(o, EV_READ);
	} else if (o->tcp)
		one_read_tcp(o);
	else
		one_read(o);
}

static void
one_read(struct one *o)
{
	uint8_t	 p[DNS_MSG_UDP];
	ssize_t	 n;

	if ((n = recv(o->fd, p, sizeof(p), 0)) == -1) {
		if (errno == EAGAIN || errno == EINTR)
			one_wait(o, EV_READ);
		else
			one_try(o);	/* nobody listens there */
		return;
	}
	if (one_take(o, p, (size_t)n))
		return;
	if (++o->strange < STRANGE)
		one_wait(o, EV_READ);
	else
		one_try(o);
}

static void
one_read_tcp(struct one *o)
{
	const uint8_t	*p;
	uint8_t		*to;
	size_t		 want = 2;
	ssize_t		 n;

	if ((to = buf_reserve(&o->in, 2048)) == NULL ||
	    (n = recv(o->fd, to, 2048, 0)) == 0 ||
	    (n == -1 && errno != EAGAIN && errno != EINTR)) {
		one_try(o);
		return;
	}
	if (n > 0)
		buf_commit(&o->in, (size_t)n);
	p = buf_peek(&o->in);
	if (buf_left(&o->in) >= 2)
		want += (size_t)p[0] << 8 | p[1];
	if (buf_left(&o->in) < 2 || buf_left(&o->in) < want)
		one_wait(o, EV_READ);
	else if (!one_take(o, p + 2, want - 2))
		one_try(o);
}

/* 1: that was an answer, and o has gone on. */
static int
one_take(struct one *o, const uint8_t *p, size_t len)
{
	struct dns_msg_answer	 a;
	struct dns_ask		*q = o->of;

	switch (dns_msg_answer(p, len, q->name, o->type, o->id, &a)) {
	case DNS_MSG_BAD:
		return 0;
	case DNS_MSG_FAILED:
		one_try(o);
		return 1;
	case DNS_MSG_CUT:
		if (o->tcp)
			return 0;
		o->tcp = 1;
		o->tries--;	/* the same server */
		one_try(o);
		return 1;
	case DNS_MSG_NXDOMAIN:
		break;
	case DNS_MSG_OK:
		ask_add(q, a.ip, a.n);
		if (a.n > 0 && a.ttl < q->ttl)
			q->ttl = a.ttl;
		break;
	}
	one_done(o);
	return 1;
}

static void
one_done(struct one *o)
{
	struct dns_ask	*a = o->of;

	one_close(o);
	o->done = 1;
	if (!a->one[0].done || !a->one[1].done)
		return;
	if (a->n > 0)
		ask_remember(a);
	ask_later(a);
}
