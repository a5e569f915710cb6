/* SPDX-License-Identifier: ISC */
/*
 * The control socket: jmapctl(8)'s other end, in the parent.  Who may connect
 * is in control_sock.c; the first message must be HELLO with our version.  One
 * command at a time and client.  What the parent does not know itself it asks
 * of the roles, under the client's number, and passes their rows on.
 */
#include "common/compat.h"

#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/banset.h"
#include "common/log.h"
#include "common/row.h"
#include "daemon/ban.h"
#include "daemon/control_sock.h"
#include "daemon/daemon.h"

#define CONTROL_CLIENTS	32
#define CONTROL_WAIT	(2 * 256 + 3)	/* children to ask, at most */
#define CONTROL_TIME	60		/* s that a command may take */

struct client {
	TAILQ_ENTRY(client)	 entry;
	struct proc_peer	 peer;
	struct event		 ev_late;
	uint32_t		 number;	/* ours, in messages to roles */
	uint32_t		 id;		/* of its command, echoed */
	int			 owner;		/* root or our own user */
	int			 hello;
	int			 busy;		/* a command runs */
	/* Who still has to say END; the first has been asked, one after the
	 * other, so that rows come in order. */
	struct child		*wait[CONTROL_WAIT];
	size_t			 nwait;
	struct msg_ctl_show	 show;
	struct msg_ctl_stream	 stream;
};

static TAILQ_HEAD(, client)	 clients = TAILQ_HEAD_INITIALIZER(clients);
static size_t			 nclients;
static uint32_t			 last_number;
static int			 control_fd = -1;
static struct event		 ev_accept;

static void	control_accept(int, short, void *);
static void	client_gone(struct proc_peer *);
static void	client_free(struct client *);
static void	client_late(int, short, void *);
static struct client	*client_find(uint32_t);
static void	client_end(struct client *, uint32_t, const void *, size_t);
static void	client_unwait(struct client *, struct child *);
static void	client_ask(struct client *);
static void	client_row(void *, const struct buf *);
static void	control_msg(struct proc_peer *, struct msg *);
static void	cmd_hello(struct client *, struct msg *);
static void	cmd_show(struct client *, struct msg *);
static void	cmd_reload(struct client *, struct msg *);
static void	cmd_verbose(struct client *, struct msg *);
static void	cmd_ban(struct client *, struct msg *);
static void	cmd_stop(struct client *, struct msg *);
static void	cmd_dir(struct client *, struct msg *);
static void	cmd_stream(struct client *, struct msg *);
static void	cmd_headers(struct client *, struct msg *);
static void	cmd_queue(struct client *, struct msg *);
static void	client_pass(struct client *, struct child *, uint32_t,
		    const void *, struct msg *, const char *);

enum control_who { WHO_GROUP, WHO_OWNER };

static const struct control_cmd {
	enum control_who	 who;
	void			(*fn)(struct client *, struct msg *);
} control_cmds[MSG_MAX] = {
	[MSG_CTL_HELLO]		= { WHO_GROUP, cmd_hello },
	[MSG_CTL_SHOW]		= { WHO_GROUP, cmd_show },
	[MSG_CTL_RELOAD]	= { WHO_GROUP, cmd_reload },
	[MSG_CTL_VERBOSE]	= { WHO_GROUP, cmd_verbose },
	[MSG_CTL_BAN]		= { WHO_GROUP, cmd_ban },
	[MSG_CTL_STOP]		= { WHO_OWNER, cmd_stop },
	[MSG_CTL_DIR]		= { WHO_GROUP, cmd_dir },
	[MSG_CTL_STREAM]	= { WHO_GROUP, cmd_stream },
	[MSG_CTL_HEADERS]	= { WHO_GROUP, cmd_headers },
	[MSG_CTL_QUEUE]		= { WHO_GROUP, cmd_queue },
};

static proc_fn *const control_handlers[MSG_MAX] = {
	[MSG_CTL_HELLO]		= control_msg,
	[MSG_CTL_SHOW]		= control_msg,
	[MSG_CTL_RELOAD]	= control_msg,
	[MSG_CTL_VERBOSE]	= control_msg,
	[MSG_CTL_BAN]		= control_msg,
	[MSG_CTL_STOP]		= control_msg,
	[MSG_CTL_DIR]		= control_msg,
	[MSG_CTL_STREAM]	= control_msg,
	[MSG_CTL_HEADERS]	= control_msg,
	[MSG_CTL_QUEUE]		= control_msg,
};

/* What the parent shows itself, and which roles add rows. */
static const struct control_show {
	void		(*own)(control_row_fn *, void *);
	unsigned int	 roles;
} control_shows[] = {
	[MSG_SHOW_STATUS] = { control_show_status,
	    MSG_P(PROC_KEYS) | MSG_P(PROC_AUTH) | MSG_P(PROC_PUSH) |
	    MSG_P(PROC_QUEUE) },
	[MSG_SHOW_WORKERS] = { NULL, MSG_P(PROC_WORKER) },
	[MSG_SHOW_LISTENERS] = { control_show_listeners, 0 },
	[MSG_SHOW_CONNECTIONS] = { NULL, MSG_P(PROC_WORKER) },
	[MSG_SHOW_CONFIG] = { control_show_config, 0 },
	[MSG_SHOW_BANS] = { ban_rows, MSG_P(PROC_AUTH) },
};

/* --- the socket --------------------------------------------------------- */

void
control_open(const struct conf *c)
{
	control_fd = control_sock_open(c);
	event_set(&ev_accept, control_fd, EV_READ | EV_PERSIST,
	    control_accept, NULL);
	event_add(&ev_accept, NULL);
}

void
control_close(void)
{
	struct client	*c;

	if (control_fd == -1)
		return;
	event_del(&ev_accept);
	close(control_fd);
	control_fd = -1;
	control_sock_unlink();
	while ((c = TAILQ_FIRST(&clients)) != NULL)
		client_free(c);
}

static void
control_accept(int fd, short what, void *arg)
{
	struct timeval	 tv = { CONTROL_TIME, 0 };
	struct client	*c;
	int		 s, owner = 0;

	(void)what;
	(void)arg;
	if ((s = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) == -1)
		return;
	if (nclients >= CONTROL_CLIENTS || !control_sock_may(s, &owner) ||
	    (c = calloc(1, sizeof(*c))) == NULL) {
		close(s);
		return;
	}
	c->owner = owner;
	c->number = ++last_number;
	evtimer_set(&c->ev_late, client_late, c);
	evtimer_add(&c->ev_late, &tv);
	proc_open(&c->peer, PROC_CTL, 0, s, control_handlers, client_gone, c);
	TAILQ_INSERT_TAIL(&clients, c, entry);
	nclients++;
}

/* --- clients ------------------------------------------------------------ */

static void
client_gone(struct proc_peer *p)
{
	client_free(p->arg);
}

static void
client_free(struct client *c)
{
	proc_close(&c->peer);
	evtimer_del(&c->ev_late);
	TAILQ_REMOVE(&clients, c, entry);
	nclients--;
	free(c);
}

static void
client_late(int fd, short what, void *arg)
{
	static const char	 late[] = "no answer in time";
	struct client		*c = arg;

	(void)fd;
	(void)what;
	if (c->busy)
		client_end(c, 1, late, strlen(late));
	else
		client_free(c);
}

static struct client *
client_find(uint32_t number)
{
	struct client	*c;

	TAILQ_FOREACH(c, &clients, entry)
		if (c->number == number && c->busy)
			return c;
	return NULL;
}

static void
client_end(struct client *c, uint32_t code, const void *text, size_t len)
{
	struct msg_ctl_end	 m = { code };

	c->busy = 0;
	c->nwait = 0;
	/* answers that come late must not meet the next command */
	c->number = ++last_number;
	proc_send(&c->peer, MSG_CTL_END, c->id, -1, &m, text, len);
}

static void
client_unwait(struct client *c, struct child *from)
{
	size_t	 i;

	for (i = 0; i < c->nwait && c->wait[i] != from; i++)
		continue;
	if (i == c->nwait)
		return;
	memmove(&c->wait[i], &c->wait[i + 1],
	    (--c->nwait - i) * sizeof(c->wait[0]));
}

/* Ask the next child what to show; when there is none, that was all. */
static void
client_ask(struct client *c)
{
	while (c->nwait > 0) {
		if (proc_send(&c->wait[0]->peer, MSG_CTL_SHOW, c->number, -1,
		    &c->show, NULL, 0) == 0)
			return;
		client_unwait(c, c->wait[0]);
	}
	client_end(c, 0, NULL, 0);
}

static void
client_row(void *arg, const struct buf *b)
{
	struct client	*c = arg;

	if (!buf_bad(b))
		proc_send(&c->peer, MSG_CTL_ROW, c->id, -1, NULL, b->data,
		    b->len);
}

/* Every command passes here: version first, one at a time, rights. */
static void
control_msg(struct proc_peer *p, struct msg *m)
{
	static const char	 denied[] = "only for root";
	struct timeval		 tv = { CONTROL_TIME, 0 };
	struct client		*c = p->arg;

	if (c->busy || (m->type != MSG_CTL_HELLO) != c->hello) {
		p->dead = 1;
		return;
	}
	c->id = m->id;
	c->busy = 1;
	evtimer_add(&c->ev_late, &tv);
	if (control_cmds[m->type].who == WHO_OWNER && !c->owner)
		client_end(c, 1, denied, strlen(denied));
	else
		control_cmds[m->type].fn(c, m);
}

/* --- answers of the roles ----------------------------------------------- */

static int
client_asked(const struct client *c, const struct child *from)
{
	return c != NULL && c->nwait > 0 && c->wait[0] == from;
}

void
control_row(struct child *from, struct msg *m)
{
	struct client	*c = client_find(m->id);

	if (client_asked(c, from))
		proc_send(&c->peer, MSG_CTL_ROW, c->id, -1, NULL, m->tail,
		    m->tail_len);
}

void
control_end(struct child *from, struct msg *m)
{
	const struct msg_ctl_end	*h = m->fixed;
	struct client			*c = client_find(m->id);

	if (!client_asked(c, from))
		return;
	client_unwait(c, from);
	if (h->code != 0 || c->nwait == 0)
		client_end(c, h->code, m->tail, m->tail_len);
	else
		client_ask(c);
}

void
control_child_gone(struct child *from)
{
	static const char	 gone[] = "a process died meanwhile";
	struct client		*c, *next;
	int			 asked;

	for (c = TAILQ_FIRST(&clients); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (!c->busy || c->nwait == 0)
			continue;
		asked = client_asked(c, from);
		client_unwait(c, from);
		/* one worker's rows may be missing; auth's answer may not */
		if (asked && from->id != PROC_WORKER)
			client_end(c, 1, gone, strlen(gone));
		else if (asked)
			client_ask(c);
	}
}

void
control_done(uint32_t number, uint32_t code, const char *text)
{
	struct client	*c = client_find(number);
	size_t		 len = text == NULL ? 0 : strlen(text);

	if (c != NULL)
		client_end(c, code, text, len < ROW_MAX ? len : ROW_MAX);
}

/* --- commands ----------------------------------------------------------- */

static void
cmd_hello(struct client *c, struct msg *m)
{
	const struct msg_ctl_hello	*h = m->fixed;
	char				 why[64];

	if (h->version == MSG_CTL_VERSION) {
		c->hello = 1;
		client_end(c, 0, NULL, 0);
		return;
	}
	snprintf(why, sizeof(why), "jmapd speaks version %u, jmapctl %u",
	    MSG_CTL_VERSION, h->version);
	client_end(c, 4, why, strlen(why));
}

static void
cmd_show(struct client *c, struct msg *m)
{
	const struct msg_ctl_show	*h = m->fixed;
	const struct control_show	*s;
	struct child			*ch;

	if (h->what >= nitems(control_shows)) {
		c->peer.dead = 1;
		return;
	}
	s = &control_shows[h->what];
	if (s->own != NULL)
		s->own(client_row, c);
	c->show = *h;
	TAILQ_FOREACH(ch, &child_list, entry)
		if ((s->roles & MSG_P(ch->id)) && ch->generation != 0 &&
		    c->nwait < nitems(c->wait))
			c->wait[c->nwait++] = ch;
	client_ask(c);
}

static void
cmd_reload(struct client *c, struct msg *m)
{
	(void)m;
	parent_reload(c->number);
}

static void
cmd_verbose(struct client *c, struct msg *m)
{
	const struct msg_verbose	*h = m->fixed;

	parent_verbose(h->verbose != 0, h->roles);
	client_end(c, 0, NULL, 0);
}

static void
cmd_ban(struct client *c, struct msg *m)
{
	const struct msg_ctl_ban	*h = m->fixed;
	struct ip_net			 net;
	struct ip			 ip;
	const char			*why = NULL;
	char				 reason[BAN_REASON];
	size_t				 n = m->tail_len;

	if (h->op == MSG_CTL_BAN_LOGIN) {
		client_pass(c, child_find(PROC_AUTH, 0), MSG_CTL_BAN, h, m,
		    "auth is not running");
		return;
	}
	memset(&ip, 0, sizeof(ip));
	ip.af = h->addr.family;
	memcpy(ip.b, h->addr.addr, ip.af == IP_V4 ? 4 : 16);
	if ((ip.af != IP_V4 && ip.af != IP_V6) ||
	    h->bits > (ip.af == IP_V4 ? 32u : 128u))
		why = "not an address";
	else {
		banset_net(&net, &ip, h->bits);
		if (n >= sizeof(reason))
			n = sizeof(reason) - 1;
		memcpy(reason, m->tail, n);
		reason[n] = '\0';
		why = h->op == MSG_CTL_BAN_ADD ? ban_add(&net, h->ms, reason) :
		    ban_remove(&net);
	}
	client_end(c, why == NULL ? 0 : 1, why, why == NULL ? 0 :
	    strlen(why));
}

static void
cmd_stop(struct client *c, struct msg *m)
{
	(void)m;
	client_end(c, 0, NULL, 0);
	parent_stop();
}

/* Ask a role; NULL: there is none, which "none" says. */
static void
client_pass(struct client *c, struct child *to, uint32_t type,
    const void *fixed, struct msg *m, const char *none)
{
	if (to == NULL || proc_send(&to->peer, type, c->number, -1, fixed,
	    m->tail, m->tail_len) == -1)
		client_end(c, 1, none, strlen(none));
	else
		c->wait[c->nwait++] = to;
}

static void
cmd_dir(struct client *c, struct msg *m)
{
	struct msg_dir	 dir;

	memcpy(&dir, m->fixed, sizeof(dir));
	/* a handle is a worker's proof; jmapctl has its socket */
	memset(dir.handle, 0, sizeof(dir.handle));
	client_pass(c, child_find(PROC_AUTH, 0), m->type, &dir, m,
	    "auth is not running");
}

/* Any worker can tell. */
static void
cmd_headers(struct client *c, struct msg *m)
{
	client_pass(c, listen_choose(), m->type, m->fixed, m,
	    "no worker is running");
}

static void
cmd_queue(struct client *c, struct msg *m)
{
	client_pass(c, child_find(PROC_QUEUE, 0), m->type, m->fixed, m,
	    "queue is not running");
}

/* First the account's number, of auth; then control_rcpt. */
static void
cmd_stream(struct client *c, struct msg *m)
{
	memcpy(&c->stream, m->fixed, sizeof(c->stream));
	client_pass(c, child_find(PROC_AUTH, 0), MSG_RCPT, NULL, m,
	    "auth is not running");
}

void
control_rcpt(struct msg *m)
{
	static const char		 no[] = "no such account";
	static const char		 later[] = "auth cannot tell now";
	static const char		 busy[] = "no worker is running";
	const struct msg_rcpt_is	*h = m->fixed;
	struct client			*c = client_find(m->id);
	struct msg_stream		 s = { h->account, 0, 0 };
	struct child			*w;
	int				 sv[2];

	if (c == NULL)
		return;
	if (h->error != 0 || h->account == 0) {
		client_end(c, 1, h->error != 0 ? later : no,
		    strlen(h->error != 0 ? later : no));
		return;
	}
	if ((w = listen_choose()) == NULL || socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1) {
		client_end(c, 1, busy, strlen(busy));
		return;
	}
	s.kind = c->stream.kind;
	s.flags = c->stream.flags;
	proc_send(&w->peer, MSG_STREAM, 0, sv[0], &s, NULL, 0);
	proc_send(&c->peer, MSG_CTL_STREAM_FD, c->id, sv[1], NULL, NULL, 0);
	c->busy = 0;
	c->nwait = 0;
	c->number = ++last_number;
	/* it may take an hour; the client lets go when it is done */
	evtimer_del(&c->ev_late);
}
