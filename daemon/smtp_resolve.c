/* SPDX-License-Identifier: ISC */
/*
 * The relay's name to addresses: see smtp_resolve.h.  Called by the queue
 * role, in its loop.
 *
 * Each try is a new socket, so a new source port, and a new random id (RFC
 * 5452 9.2); connected, so that only the server's own datagrams arrive.  What
 * arrives and is not the answer is passed over, the clock goes on.
 */
#include "common/compat.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <netinet/in.h>

#include <errno.h>
#include <event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "daemon/smtp.h"
#include "daemon/smtp_dns.h"
#include "daemon/smtp_resolve.h"

#define RESOLVE_FILE	(1024 * 1024)	/* bytes of hosts */
#define RESOLVE_SERVERS	3		/* resolv.conf(5): MAXNS */
#define RESOLVE_TRIES	6
#define RESOLVE_WAIT	1500		/* ms, grows by as much: 1.5 to 4.5 */
#define RESOLVE_OTHER	300		/* ms for the other, once one is here */
#define RESOLVE_KEPT	8		/* answers */
#define RESOLVE_LEAST	(30 * 1000)
#define RESOLVE_MOST	(60 * 60 * 1000)
#define RESOLVE_STALE	(24 * 60 * 60 * 1000)

struct resolve_server {
	struct ip	 ip;
	uint16_t	 port;
};

/* One of the two questions of a name. */
struct resolve_ask {
	struct smtp_resolve	*r;
	unsigned int		 type;		/* SMTP_DNS_A, _AAAA */
	int			 fd, tries, ended;
	uint16_t		 id;
	struct event		 ev_read, ev_timer;
	struct smtp_dns		 got;
};

struct smtp_resolve {
	char			 host[SMTP_HOST];
	smtp_resolve_fn		*fn;
	void			*arg;
	struct resolve_ask	 ask[2];	/* AAAA, A */
	struct event		 ev_done;
	struct ip		 ips[SMTP_RESOLVE_MAX];
	size_t			 n;
	const char		*why;
};

struct resolve_kept {
	char		 host[SMTP_HOST];
	struct ip	 ips[SMTP_RESOLVE_MAX];
	size_t		 n;
	int64_t		 got, until;		/* date_mono */
};

static struct resolve_server	 resolve_servers[RESOLVE_SERVERS];
static size_t			 resolve_nservers;
static char			*resolve_hosts;
static struct resolve_kept	 resolve_kept[RESOLVE_KEPT];

static void	resolve_conf(const char *);
static int	resolve_server(struct resolve_server *, const char *);
static char	*resolve_file(const char *);
static void	resolve_in_hosts(struct smtp_resolve *);
static void	resolve_hosts_line(struct smtp_resolve *, char *);
static struct resolve_kept	*resolve_find(const char *);
static void	resolve_keep(const struct smtp_resolve *, uint32_t);
static void	resolve_from(struct smtp_resolve *,
		    const struct resolve_kept *);
static void	resolve_next(struct resolve_ask *);
static int	resolve_send(struct resolve_ask *);
static void	resolve_read(int, short, void *);
static void	resolve_late(int, short, void *);
static void	resolve_close(struct resolve_ask *);
static void	resolve_end(struct resolve_ask *);
static void	resolve_both(struct smtp_resolve *);
static void	resolve_later(struct smtp_resolve *);
static void	resolve_done(int, short, void *);

/* --- files --------------------------------------------------------------- */

void
smtp_resolve_init(const char *conf, const char *hosts)
{
	char	*c, *h;

	c = resolve_file(conf != NULL ? conf : "/etc/resolv.conf");
	h = resolve_file(hosts != NULL ? hosts : "/etc/hosts");
	smtp_resolve_set(c != NULL ? c : "", h != NULL ? h : "");
	free(c);
	free(h);
}

void
smtp_resolve_set(const char *conf, const char *hosts)
{
	resolve_conf(conf);
	free(resolve_hosts);
	resolve_hosts = strdup(hosts);
}

void
smtp_resolve_free(void)
{
	free(resolve_hosts);
	resolve_hosts = NULL;
	resolve_nservers = 0;
	memset(resolve_kept, 0, sizeof(resolve_kept));
}

/* Text of a file, NUL-terminated, or NULL. */
static char *
resolve_file(const char *name)
{
	char	*text;
	ssize_t	 n = 0;
	int	 fd;

	if ((fd = open(name, O_RDONLY | O_CLOEXEC)) == -1)
		return NULL;
	if ((text = malloc(RESOLVE_FILE + 1)) != NULL) {
		n = read(fd, text, RESOLVE_FILE);
		text[n > 0 ? n : 0] = '\0';
	}
	close(fd);
	return text;
}

static void
resolve_conf(const char *text)
{
	char	 line[256], *p;
	size_t	 n;

	resolve_nservers = 0;
	for (; *text != '\0'; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (n >= sizeof(line) || strncmp(text, "nameserver", 10) != 0)
			continue;
		memcpy(line, text, n);
		line[n] = '\0';
		p = line + 10 + strspn(line + 10, " \t");
		p[strcspn(p, " \t\r#;")] = '\0';
		if (resolve_nservers < RESOLVE_SERVERS && resolve_server(
		    &resolve_servers[resolve_nservers], p) == 0)
			resolve_nservers++;
	}
	if (resolve_nservers == 0 &&
	    resolve_server(&resolve_servers[0], "127.0.0.1") == 0)
		resolve_nservers = 1;
}

/* "address", or OpenBSD's "[address]:port". */
static int
resolve_server(struct resolve_server *s, const char *p)
{
	const char	*bad, *close;

	s->port = 53;
	if (*p != '[')
		return ip_parse(&s->ip, p, strlen(p));
	if ((close = strstr(p, "]:")) == NULL)
		return -1;
	s->port = (uint16_t)strtonum(close + 2, 1, 65535, &bad);
	return bad != NULL ? -1 :
	    ip_parse(&s->ip, p + 1, (size_t)(close - p) - 1);
}

/* The addresses of r->host in hosts(5). */
static void
resolve_in_hosts(struct smtp_resolve *r)
{
	const char	*text = resolve_hosts == NULL ? "" : resolve_hosts;
	char		 line[1024];
	size_t		 n;

	for (; *text != '\0'; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (n >= sizeof(line))
			continue;
		memcpy(line, text, n);
		line[n] = '\0';
		line[strcspn(line, "#\r")] = '\0';
		resolve_hosts_line(r, line);
	}
	/* RFC 6761 6.3: whatever a name server says */
	if (r->n == 0 && strcasecmp(r->host, "localhost") == 0) {
		(void)ip_parse(&r->ips[r->n++], "::1", 3);
		(void)ip_parse(&r->ips[r->n++], "127.0.0.1", 9);
	}
}

static void
resolve_hosts_line(struct smtp_resolve *r, char *line)
{
	const char	*addr, *name;

	while ((addr = strsep(&line, " \t")) != NULL && *addr == '\0')
		;
	if (addr == NULL)
		return;
	while ((name = strsep(&line, " \t")) != NULL)
		if (strcasecmp(name, r->host) == 0 &&
		    r->n < SMTP_RESOLVE_MAX &&
		    ip_parse(&r->ips[r->n], addr, strlen(addr)) == 0) {
			r->n++;
			return;
		}
}

/* --- what is kept -------------------------------------------------------- */

static struct resolve_kept *
resolve_find(const char *host)
{
	struct resolve_kept	*k;

	for (k = resolve_kept; k < resolve_kept + RESOLVE_KEPT; k++)
		if (k->n > 0 && strcasecmp(k->host, host) == 0)
			return k;
	return NULL;
}

static void
resolve_keep(const struct smtp_resolve *r, uint32_t ttl)
{
	struct resolve_kept	*k, *p;
	int64_t			 ms = (int64_t)ttl * 1000;

	if ((k = resolve_find(r->host)) == NULL)
		for (k = p = resolve_kept; p < resolve_kept + RESOLVE_KEPT;
		    p++)
			if (p->n == 0 || p->got < k->got)
				k = p;
	if (ms < RESOLVE_LEAST)
		ms = RESOLVE_LEAST;
	if (ms > RESOLVE_MOST)
		ms = RESOLVE_MOST;
	(void)strlcpy(k->host, r->host, sizeof(k->host));
	memcpy(k->ips, r->ips, sizeof(k->ips));
	k->n = r->n;
	k->got = date_mono();
	k->until = k->got + ms;
}

static void
resolve_from(struct smtp_resolve *r, const struct resolve_kept *k)
{
	memcpy(r->ips, k->ips, sizeof(r->ips));
	r->n = k->n;
}

/* --- asking -------------------------------------------------------------- */

struct smtp_resolve *
smtp_resolve(const char *host, smtp_resolve_fn *fn, void *arg)
{
	const struct resolve_kept	*k;
	struct smtp_resolve		*r;
	int				 i;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->fn = fn;
	r->arg = arg;
	r->why = "no address";
	for (i = 0; i < 2; i++) {
		r->ask[i].r = r;
		r->ask[i].fd = -1;
		r->ask[i].type = i == 0 ? SMTP_DNS_AAAA : SMTP_DNS_A;
	}
	evtimer_set(&r->ev_done, resolve_done, r);
	if (strlcpy(r->host, host, sizeof(r->host)) >= sizeof(r->host)) {
		r->why = "the name is too long";
		resolve_later(r);
		return r;
	}
	if (ip_parse(&r->ips[0], host, strlen(host)) == 0)
		r->n = 1;
	else
		resolve_in_hosts(r);
	if (r->n == 0 && (k = resolve_find(host)) != NULL &&
	    k->until > date_mono())
		resolve_from(r, k);
	if (r->n > 0) {
		resolve_later(r);
		return r;
	}
	for (i = 0; i < 2; i++)
		evtimer_set(&r->ask[i].ev_timer, resolve_late, &r->ask[i]);
	for (i = 0; i < 2; i++)
		resolve_next(&r->ask[i]);
	return r;
}

void
smtp_resolve_cancel(struct smtp_resolve *r)
{
	resolve_close(&r->ask[0]);
	resolve_close(&r->ask[1]);
	evtimer_del(&r->ev_done);
	free(r);
}

/* One more try, of the next server, or the end. */
static void
resolve_next(struct resolve_ask *a)
{
	struct timeval	 tv;
	int		 ms;

	resolve_close(a);
	while (a->tries < RESOLVE_TRIES) {
		ms = RESOLVE_WAIT * (1 + a->tries / 2);
		if (resolve_send(a) == -1)
			continue;
		event_set(&a->ev_read, a->fd, EV_READ | EV_PERSIST,
		    resolve_read, a);
		event_add(&a->ev_read, NULL);
		tv.tv_sec = ms / 1000;
		tv.tv_usec = ms % 1000 * 1000;
		evtimer_add(&a->ev_timer, &tv);
		return;
	}
	a->r->why = "no name server answered";
	resolve_end(a);
}

static int
resolve_send(struct resolve_ask *a)
{
	const struct resolve_server	*s;
	struct sockaddr_in6		 sin6 = { 0 };
	struct sockaddr_in		 sin = { 0 };
	struct sockaddr			*sa = (struct sockaddr *)&sin;
	socklen_t			 len = sizeof(sin);
	uint8_t				 p[SMTP_DNS_UDP];
	size_t				 n;

	s = &resolve_servers[(size_t)a->tries++ % resolve_nservers];
	a->id = (uint16_t)arc4random();
	if ((n = smtp_dns_ask(p, a->id, a->r->host, a->type)) == 0) {
		a->tries = RESOLVE_TRIES;
		return -1;
	}
	sin.sin_family = AF_INET;
	sin.sin_port = htons(s->port);
	memcpy(&sin.sin_addr, s->ip.b, 4);
	if (s->ip.af == IP_V6) {
		sin6.sin6_family = AF_INET6;
		sin6.sin6_port = htons(s->port);
		memcpy(&sin6.sin6_addr, s->ip.b, 16);
		sa = (struct sockaddr *)&sin6;
		len = sizeof(sin6);
	}
	if ((a->fd = socket(sa->sa_family, SOCK_DGRAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0)) == -1)
		return -1;
	if (connect(a->fd, sa, len) == -1 ||
	    send(a->fd, p, n, 0) != (ssize_t)n) {
		close(a->fd);
		a->fd = -1;
		return -1;
	}
	return 0;
}

static void
resolve_read(int fd, short what, void *arg)
{
	struct resolve_ask	*a = arg;
	uint8_t			 p[SMTP_DNS_UDP];
	ssize_t			 n;

	(void)what;
	if ((n = recv(fd, p, sizeof(p), 0)) == -1) {
		if (errno != EAGAIN && errno != EINTR)
			resolve_next(a);	/* ECONNREFUSED: nobody there */
		return;
	}
	if (smtp_dns_read(p, (size_t)n, a->id, a->r->host, a->type,
	    &a->got) != PARSE_DONE)
		return;
	/* 0 and "no such name" are answers; a server may fail, or refuse */
	if (a->got.rcode == 0 || a->got.rcode == 3) {
		if (a->got.rcode == 3)
			a->r->why = "there is no such name";
		resolve_end(a);
	} else
		resolve_next(a);
}

static void
resolve_late(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	resolve_next(arg);
}

static void
resolve_close(struct resolve_ask *a)
{
	if (a->fd == -1)
		return;
	event_del(&a->ev_read);
	evtimer_del(&a->ev_timer);
	close(a->fd);
	a->fd = -1;
}

static void
resolve_end(struct resolve_ask *a)
{
	struct resolve_ask	*other = &a->r->ask[a == &a->r->ask[0]];
	struct timeval		 tv = { 0, RESOLVE_OTHER * 1000 };

	resolve_close(a);
	a->ended = 1;
	if (other->ended)
		resolve_both(a->r);
	else if (a->got.n > 0) {
		/* RFC 8305 3: who has an address need not wait long */
		other->tries = RESOLVE_TRIES;
		evtimer_add(&other->ev_timer, &tv);
	}
}

static void
resolve_both(struct smtp_resolve *r)
{
	const struct resolve_kept	*k;
	const struct smtp_dns		*d;
	uint32_t			 ttl = UINT32_MAX;
	size_t				 i;

	for (i = 0; i < 2; i++) {
		d = &r->ask[i].got;
		memcpy(r->ips + r->n, d->ips, d->n * sizeof(*d->ips));
		r->n += d->n;
		if (d->n > 0 && d->ttl < ttl)
			ttl = d->ttl;
	}
	if (r->n > 0)
		resolve_keep(r, ttl);
	else if (r->ask[0].got.rcode != 3 &&
	    (k = resolve_find(r->host)) != NULL &&
	    k->got + RESOLVE_STALE > date_mono())
		resolve_from(r, k);
	resolve_later(r);
}

static void
resolve_later(struct smtp_resolve *r)
{
	struct timeval	 tv = { 0, 0 };

	evtimer_add(&r->ev_done, &tv);
}

static void
resolve_done(int fd, short what, void *arg)
{
	struct smtp_resolve	*r = arg;

	(void)fd;
	(void)what;
	r->fn(r->arg, r->ips, r->n, r->n > 0 ? NULL : r->why);
	free(r);
}
