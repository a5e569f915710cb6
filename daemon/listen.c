/* SPDX-License-Identifier: ISC */
/*
 * The listening sockets: having those of the configuration (listen_sock.c
 * makes them), keeping them over a reload, accepting, and choosing the worker
 * that gets a connection.  Called by parent.c.  Not one byte of a connection
 * is read here.
 *
 * While no worker is ready nothing is accepted; the kernel's queue waits.
 */
#include "common/compat.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/ip.h"
#include "common/log.h"
#include "common/row.h"
#include "daemon/ban.h"
#include "daemon/daemon.h"
#include "daemon/listen_keep.h"
#include "daemon/listen_sock.h"
#include "daemon/listen_table.h"

#define LISTEN_TURN	64	/* connections accepted in one turn */
#define LISTEN_REST	1000	/* ms, without descriptors or memory */
#define LISTEN_BREATH	5	/* ms, when no worker keeps up */
#define LISTEN_AHEAD	(IMSG_FDS / 2)	/* descriptors a worker may owe us */

struct listen_sock {
	TAILQ_ENTRY(listen_sock) entry;
	union listen_addr	 want;	/* as configured, port 0 too */
	union listen_addr	 have;	/* as bound */
	socklen_t		 len;
	char			 name[72];	/* of the listener */
	int			 fd;
	int			 now, next;	/* conf.listens item, or -1 */
	struct event		 ev;
	uint64_t		 accepted, refused;
	int			 proxied;	/* proxy-protocol */
};
static uint64_t		 listen_accepted, listen_refused;

static TAILQ_HEAD(, listen_sock) listen_socks =
    TAILQ_HEAD_INITIALIZER(listen_socks);
static int		 listen_on;	/* accepting */
static uint32_t		 listen_most = UINT32_MAX;	/* of one worker */
static struct ip_net	*listen_trusted;	/* trusted-proxies */
static size_t		 listen_ntrusted;
static int		 listen_told;	/* use-x-forwarded */
static struct event	 listen_rest;

static int	listen_one(const struct conf_file *, size_t, struct buf *);
static int	listen_want(const struct conf_file *, size_t, const char *,
		    struct buf *);
static struct listen_sock *listen_find(const union listen_addr *, socklen_t,
		    const char *);
static void	listen_descriptors(const struct conf *);
static void	listen_proxies(const struct conf *);
static int	listen_crowded(const struct child *);
static int	listen_trusts(const struct ip *);
static int	listen_tells(const struct listen_sock *, const struct ip *);
static void	listen_shut_out(int);
static void	listen_drop(struct listen_sock *);
static void	listen_events(void);
static void	listen_accept(int, short, void *);
static void	listen_again(void);
static void	listen_sleep(int);
static int	listen_take(struct listen_sock *);
static void	listen_hand_over(struct listen_sock *, int,
		    const union listen_addr *);
static void	listen_msg_addr(struct msg_addr *, const struct ip *, uint16_t);
static void	listen_rested(int, short, void *);

/* --- the set of sockets ------------------------------------------------- */

int
listen_prepare(const struct conf_file *cf, struct buf *report)
{
	struct listen_sock	*s;
	size_t			 n;

	TAILQ_FOREACH(s, &listen_socks, entry)
		s->next = -1;
	for (n = 0; n < cf->conf->nlistens; n++)
		if (listen_one(cf, n, report) == -1) {
			listen_abort();
			return -1;
		}
	return 0;
}

/* No address, or "*", is every address of both families. */
static int
listen_one(const struct conf_file *cf, size_t n, struct buf *report)
{
	const struct conf_listen	*l = &cf->conf->listens[n];

	if (l->path[0] != '\0' || (l->address[0] != '\0' &&
	    strcmp(l->address, "*") != 0))
		return listen_want(cf, n, l->address, report);
	if (listen_want(cf, n, "0.0.0.0", report) == -1)
		return -1;
	return listen_want(cf, n, "::", report);
}

static int
listen_want(const struct conf_file *cf, size_t n, const char *address,
    struct buf *report)
{
	const struct conf_listen	*l = &cf->conf->listens[n];
	struct listen_sock		*s;
	union listen_addr		 want;
	socklen_t			 len;

	len = listen_sock_addr(&want, l, address);
	if ((s = listen_find(&want, len, l->name)) == NULL) {
		if ((s = calloc(1, sizeof(*s))) == NULL)
			fatal("listen");
		s->want = want;
		s->len = len;
		s->now = -1;
		if ((s->fd = listen_sock_bind(&want, len, &s->have)) == -1) {
			conf_parse_report(cf->path, 0, report,
			    "listen %s: %s%sport %u: %s", l->name,
			    *l->path ? l->path : address, *l->path ? ", " :
			    " ", (unsigned int)l->port, strerror(errno));
			/* a machine without IPv6 still has "every address" */
			len = errno;
			free(s);
			return len == EAFNOSUPPORT && l->address[0] == '\0' ?
			    0 : -1;
		}
		TAILQ_INSERT_TAIL(&listen_socks, s, entry);
	}
	s->next = (int)n;
	return 0;
}

/* Two listeners may both ask for port 0; then the name decides. */
static struct listen_sock *
listen_find(const union listen_addr *want, socklen_t len, const char *name)
{
	struct listen_sock	*s;
	int			 any = listen_sock_any(want);

	TAILQ_FOREACH(s, &listen_socks, entry)
		if (s->next == -1 && s->len == len &&
		    memcmp(&s->want, want, len) == 0 &&
		    (!any || strcmp(s->name, name) == 0))
			return s;
	return NULL;
}

static void
listen_drop(struct listen_sock *s)
{
	if (s->now != -1)
		event_del(&s->ev);
	listen_keep_forget(s);
	TAILQ_REMOVE(&listen_socks, s, entry);
	if (s->want.sa.sa_family == AF_UNIX)
		unlink(s->want.un.sun_path);
	close(s->fd);
	free(s);
}

void
listen_commit(const struct conf *c)
{
	struct listen_sock	*s, *next;

	listen_table_limits(c->connections, c->connections_per_source);
	listen_descriptors(c);
	listen_proxies(c);
	listen_told = (int)c->use_x_forwarded;
	ban_conf(c);
	for (s = TAILQ_FIRST(&listen_socks); s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (s->next == -1) {
			listen_drop(s);
			continue;
		}
		if (s->now == -1)
			event_set(&s->ev, s->fd, EV_READ | EV_PERSIST,
			    listen_accept, s);
		s->now = s->next;
		strlcpy(s->name, c->listens[s->now].name, sizeof(s->name));
		s->proxied = c->listens[s->now].proxy_protocol !=
		    CONF_PROXY_OFF;
	}
	listen_events();
}

/*
 * A worker to which a descriptor comes that it has no number for is as good
 * as dead.  Half of them are for connections, the others for its files
 * (worker_stores); it has the limit that we have.
 */
static void
listen_descriptors(const struct conf *c)
{
	struct rlimit	 rl;
	uint64_t	 all;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit");
	listen_most = rl.rlim_cur / 2 < UINT32_MAX ?
	    (uint32_t)(rl.rlim_cur / 2) : UINT32_MAX;
	all = (uint64_t)listen_most * child_count(MSG_P(PROC_WORKER));
	if (all < c->connections)
		log_warnx("limits.connections: the limit of open files (%llu) "
		    "allows %llu", (unsigned long long)rl.rlim_cur,
		    (unsigned long long)all);
}

static void
listen_proxies(const struct conf *c)
{
	const struct conf_strs	*l = &c->trusted_proxies;

	free(listen_trusted);
	if ((listen_trusted = calloc(l->n + 1, sizeof(*listen_trusted))) ==
	    NULL)
		fatal("listen");
	for (listen_ntrusted = 0; listen_ntrusted < l->n; listen_ntrusted++)
		if (ip_net_parse(&listen_trusted[listen_ntrusted],
		    l->v[listen_ntrusted], strlen(l->v[listen_ntrusted])) ==
		    -1)
			fatalx("listen: a bad network passed the check");
}

/* A proxy speaks for many sources; so does whoever is on a unix socket. */
static int
listen_trusts(const struct ip *ip)
{
	size_t	 i;

	for (i = 0; i < listen_ntrusted; i++)
		if (ip_in(ip, &listen_trusted[i]))
			return 1;
	return ip->af != IP_V4 && ip->af != IP_V6;
}

/* May a worker hear of other clients on a connection of this peer?  Without
 * trusted-proxies that is loopback, as in worker/policy. */
static int
listen_tells(const struct listen_sock *s, const struct ip *ip)
{
	return (s->proxied || listen_told) && (listen_trusts(ip) ||
	    (listen_ntrusted == 0 && ip_loopback(ip)));
}

/* Banned: the end at once, and no state of it left in the kernel. */
static void
listen_shut_out(int fd)
{
	struct linger	 now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

void
listen_abort(void)
{
	struct listen_sock	*s, *next;

	for (s = TAILQ_FIRST(&listen_socks); s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (s->now == -1)
			listen_drop(s);
	}
}

void
listen_close(void)
{
	struct listen_sock	*s;

	while ((s = TAILQ_FIRST(&listen_socks)) != NULL)
		listen_drop(s);
}

/* --- accepting ---------------------------------------------------------- */

void
listen_pause(void)
{
	listen_on = 0;
	listen_events();
}

void
listen_resume(void)
{
	listen_on = 1;
	listen_events();
	listen_again();
}

static void
listen_events(void)
{
	struct listen_sock	*s;

	TAILQ_FOREACH(s, &listen_socks, entry) {
		if (s->now == -1)
			continue;
		if (listen_on)
			event_add(&s->ev, NULL);
		else
			event_del(&s->ev);
	}
}

static int
listen_ready(const struct child *c)
{
	return c->id == PROC_WORKER && c->peer.open && !c->retire &&
	    c->generation != 0;
}

static int
listen_keeps_up(const struct child *c)
{
	return listen_ready(c) && c->peer.ibuf.out_nfds < LISTEN_AHEAD &&
	    c->nconns < listen_most;
}

/* Nearly as many as there may be, in all or of this worker. */
static int
listen_crowded(const struct child *c)
{
	return listen_table_crowded() ||
	    c->nconns > listen_most - listen_most / 10;
}

/*
 * Of the workers that keep up and have hardly more connections than the one
 * with the fewest, whoever was chosen last the longest ago.  Most connections
 * idle: just the fewest would be one worker for all who come now, while the
 * others hold a few more that do nothing.
 */
struct child *
listen_choose(void)
{
	struct child	*c, *best = NULL;
	uint32_t	 few = UINT32_MAX;

	TAILQ_FOREACH(c, &child_list, entry)
		if (listen_keeps_up(c) && c->nconns < few)
			few = c->nconns;
	TAILQ_FOREACH(c, &child_list, entry)
		if (listen_keeps_up(c) && c->nconns - few <= few / 8 &&
		    (best == NULL || c->chosen < best->chosen))
			best = c;
	return best;
}

/*
 * Not now; again when that may have changed.  With no worker at all that is
 * when one is ready, which parent.c sees.
 */
static void
listen_sleep(int ms)
{
	struct timeval	 tv = { ms / 1000, ms % 1000 * 1000 };
	struct child	*c;

	listen_pause();
	TAILQ_FOREACH(c, &child_list, entry)
		if (listen_ready(c))
			break;
	if (c == NULL)
		return;
	if (!evtimer_initialized(&listen_rest))
		evtimer_set(&listen_rest, listen_rested, NULL);
	evtimer_add(&listen_rest, &tv);
}

static void
listen_accept(int fd, short what, void *arg)
{
	struct listen_sock	*s = arg;
	int			 i;

	(void)fd;
	(void)what;
	for (i = 0; i < LISTEN_TURN; i++)
		if (listen_take(s) == -1)
			break;
}

/* One connection: 0, or -1: no more now. */
static int
listen_take(struct listen_sock *s)
{
	union listen_addr	 peer;
	socklen_t		 len = sizeof(peer);
	int			 fd;

	if (listen_choose() == NULL) {
		listen_sleep(LISTEN_BREATH);
		return -1;
	}
	memset(&peer, 0, sizeof(peer.sa));
	fd = accept4(s->fd, &peer.sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd != -1) {
		listen_hand_over(s, fd, &peer);
		return 0;
	}
	switch (errno) {
	case EINTR:
	case ECONNABORTED:
		return 0;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		log_warn("accept: resting %d ms", LISTEN_REST);
		listen_sleep(LISTEN_REST);
		break;
	case EAGAIN:
		break;
	default:
		log_warn("accept on %s", s->name);
		break;
	}
	return -1;
}

static void
listen_rested(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	/* a reload resumes by itself */
	if (reload_busy())
		return;
	if (listen_choose() != NULL)
		listen_resume();
	else
		listen_sleep(LISTEN_BREATH);
}

static void
listen_hand_over(struct listen_sock *s, int fd, const union listen_addr *peer)
{
	union listen_addr	 local;
	struct msg_conn		 m = { .listener = (uint32_t)s->now };
	socklen_t		 len = sizeof(local);
	struct child		*c;
	struct ip		 ip, here;
	uint16_t		 port, lport;
	int			 one = 1;

	ip_from_sa(&ip, &port, &peer->sa);
	if (ban_has(&ip)) {
		listen_shut_out(fd);
		return;
	}
	if ((c = listen_choose()) == NULL ||
	    getsockname(fd, &local.sa, &len) == -1 ||
	    listen_table_add(listen_trusts(&ip) ? NULL : &ip, c,
	    &m.conn) == -1) {
		s->refused++;
		listen_refused++;
		close(fd);
		return;
	}
	c->chosen = listen_accepted;
	listen_table_from(m.conn, &ip, listen_tells(s, &ip));
	if (ip.af != IP_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	ip_from_sa(&here, &lport, &local.sa);
	listen_msg_addr(&m.peer, &ip, port);
	listen_msg_addr(&m.local, &here, lport);
	m.crowded = (uint32_t)listen_crowded(c);
	s->accepted++;
	listen_accepted++;
	listen_keep(c, m.conn, fd, s, &peer->ss);
	if (proc_send(&c->peer, MSG_CONN, 0, fd, &m, NULL, 0) == -1) {
		listen_keep_taken(c, m.conn);
		listen_table_end(c, m.conn);
	}
}

/* Those whose worker died before it took them. */
static void
listen_again(void)
{
	union listen_addr	 peer;
	struct listen_sock	*s;
	void			*from;
	int			 fd;

	while (listen_on && listen_choose() != NULL &&
	    (fd = listen_keep_next(&from, &peer.ss)) != -1) {
		s = from;
		s->accepted--;
		listen_accepted--;
		listen_hand_over(s, fd, &peer);
	}
}

static void
listen_msg_addr(struct msg_addr *m, const struct ip *ip, uint16_t port)
{
	m->family = ip->af == IP_V4 || ip->af == IP_V6 ? ip->af : 0;
	m->port = port;
	memcpy(m->addr, ip->b, sizeof(m->addr));
}

void
listen_conn_taken(struct child *c, uint32_t conn)
{
	listen_keep_taken(c, conn);
}

int
listen_conn_end(struct child *c, uint32_t conn)
{
	listen_keep_taken(c, conn);
	return listen_table_end(c, conn);
}

void
listen_child_gone(struct child *c)
{
	while (c->conns != UINT32_MAX)
		listen_table_end(c, c->conns);
	listen_keep_orphan(c);
	listen_again();
}

size_t
listen_nconns(void)
{
	return listen_table_count();
}

int
listen_peer(struct child *c, uint32_t conn, struct ip *peer, int *tells)
{
	return listen_table_peer(c, conn, peer, tells);
}

int
listen_knows(uint32_t slot, const struct ip *ip)
{
	return listen_table_knows(slot, ip);
}

void
listen_figures(uint64_t *accepted, uint64_t *refused)
{
	*accepted = listen_accepted;
	*refused = listen_refused;
}

void
listen_rows(void (*fn)(void *, const struct buf *), void *arg)
{
	struct listen_sock	*s;
	const struct conf_listen *l;
	struct buf		 b;
	struct ip		 ip;
	uint16_t		 port;
	char			 text[IP_STRLEN];

	buf_init(&b, ROW_MAX);
	TAILQ_FOREACH(s, &listen_socks, entry) {
		if (s->now == -1)
			continue;
		l = &reload_file()->conf->listens[s->now];
		ip_from_sa(&ip, &port, &s->have.sa);
		buf_reset(&b);
		row_add(&b, "name", s->name);
		row_add(&b, "protocol", l->protocol == CONF_LMTP ? "lmtp" :
		    l->tls ? "https" : "http");
		row_add(&b, "address", ip.af == IP_UNIX ? l->path :
		    ip_str(&ip, text));
		row_addu(&b, "port", port);
		row_addu(&b, "accepted", s->accepted);
		row_addu(&b, "refused", s->refused);
		fn(arg, &b);
	}
	buf_free(&b);
}
