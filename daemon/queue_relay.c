/* SPDX-License-Identifier: ISC */
/*
 * What goes to the relay: messages that are due wait in a list, connections
 * (smtp_conn.h) take them from it, a few at a time.  When there is no
 * connection to be had, all that wait are put off, and the relay is left
 * alone for a while; when it is back, so are they, at once.
 *
 * Called by queue_flow.c, and by smtp_conn.c.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "common/log.h"
#include "daemon/dns_ask.h"
#include "daemon/queue.h"
#include "daemon/queue_db.h"
#include "daemon/queue_host.h"
#include "daemon/smtp_conn.h"
#include "daemon/smtp_resolve.h"
#include "daemon/smtp_tls.h"

#define RELAY_RCPTS	100	/* of a transaction: RFC 5321 4.5.3.1.8 */
#define RELAY_IDLE	5	/* s a connection waits for mail */
#define RELAY_REST	1000	/* ms without tries after it failed; doubles */
#define RELAY_REST_MAX	60000
#define RELAY_UNTRIED	3	/* dead connections before that counts */

/* A relay as it was configured; lives as long as a connection uses it. */
struct relay {
	unsigned int		 refs;
	struct smtp_relay	 smtp;
	char			 host[QUEUE_HOST];
	char			*helo, *user, *pass;
	uint16_t		 port;
	struct ssl_ctx_st	*ctx;
};

struct relay_conn {
	TAILQ_ENTRY(relay_conn)	 entry;
	struct smtp_conn	*conn;
	struct relay		*relay;
	struct queue_msg	*msg;		/* being sent */
	struct smtp_mail	 mail;
	struct smtp_rcpt	*rcpts;
	uint32_t		*which;		/* recipient of each rcpts */
	int			 up;		/* was ready once */
	struct event		 ev_idle;
};
TAILQ_HEAD(relay_conns, relay_conn);
TAILQ_HEAD(relay_msgs, queue_msg);

static struct relay		*relay_now;	/* NULL: none configured */
static struct relay_conns	 relay_conns =
    TAILQ_HEAD_INITIALIZER(relay_conns);
static size_t			 relay_nconns;
static struct relay_msgs	 relay_msgs =
    TAILQ_HEAD_INITIALIZER(relay_msgs);
static size_t			 relay_nmsgs;
static struct smtp_resolve	*relay_asking;
static struct event		 relay_ev;	/* look at it again */
static int64_t			 relay_rest;	/* no tries before, mono */
static uint32_t			 relay_fails;
static unsigned int		 relay_untried;

static struct relay	*relay_new(const struct conf *, const char *);
static void	 relay_free(struct relay *);
static void	 relay_next(void);
static void	 relay_later(int64_t);
static void	 relay_timer(int, short, void *);
static void	 relay_found(void *, const struct ip *, size_t, const char *);
static int	 relay_open(const struct ip *, size_t);
static void	 relay_down(const char *);
static void	 relay_up(void);
static void	 relay_ready(struct smtp_conn *, void *);
static void	 relay_done(struct smtp_conn *, struct smtp_mail *, void *);
static void	 relay_closed(struct smtp_conn *, const struct smtp_result *,
		    void *);
static void	 relay_idle(int, short, void *);
static int	 relay_take(struct relay_conn *, struct queue_msg *);
static void	 relay_mail(struct relay_conn *);
static void	 relay_text(const struct smtp_result *, char [SMTP_TEXT + 32]);
static void	 relay_result(struct queue_msg *, uint32_t,
		    const struct smtp_result *, int);
static void	 relay_put_off(struct queue_msg *, const char *);
static ssize_t	 relay_read(void *, uint64_t, void *, size_t);

static const struct smtp_conn_cb	 relay_cb = {
	relay_ready, relay_done, relay_closed
};

/* --- the configuration -------------------------------------------------- */

void
queue_relay_init(void)
{
	smtp_tls_init();
	dns_ask_init("");
	evtimer_set(&relay_ev, relay_timer, NULL);
}

const char *
queue_relay_conf(const struct conf *c, const char *pass, const char *ca,
    size_t ca_len)
{
	static const enum smtp_tls	 tls[] = {
		[CONF_RELAY_STARTTLS]	= SMTP_TLS_STARTTLS,
		[CONF_RELAY_IMPLICIT]	= SMTP_TLS_IMPLICIT,
		[CONF_RELAY_NONE]	= SMTP_TLS_NONE,
	};
	struct relay			*r = NULL;
	const char			*why = NULL;

	if (*c->queue_relay != '\0') {
		if ((r = relay_new(c, pass)) == NULL)
			return "queue.relay: no memory";
		r->smtp.tls = tls[c->queue_tls];
		if (r->smtp.tls != SMTP_TLS_NONE && ca == NULL)
			why = "queue.relay-ca: no authorities are known";
		else if (r->smtp.tls != SMTP_TLS_NONE)
			r->ctx = smtp_tls_new(ca, ca_len, &why);
		if (r->smtp.tls != SMTP_TLS_NONE && r->ctx == NULL) {
			relay_free(r);
			return why != NULL ? why : "queue.relay-ca";
		}
	}
	relay_free(relay_now);
	relay_now = r;
	relay_rest = 0;
	relay_fails = 0;
	/* idle connections to the one before end by themselves */
	relay_later(0);
	return NULL;
}

static struct relay *
relay_new(const struct conf *c, const char *pass)
{
	struct relay	*r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->refs = 1;
	r->helo = strdup(*c->queue_helo != '\0' ? c->queue_helo :
	    *c->hostname != '\0' ? c->hostname : "localhost");
	if (*c->queue_login != '\0') {
		r->user = strdup(c->queue_login);
		r->pass = strdup(pass == NULL ? "" : pass);
	}
	if (r->helo == NULL || (*c->queue_login != '\0' && (r->user == NULL ||
	    r->pass == NULL)) || queue_host(c->queue_relay, c->queue_tls,
	    r->host, &r->port) == -1) {
		relay_free(r);
		return NULL;
	}
	r->smtp.host = r->host;
	r->smtp.helo = r->helo;
	r->smtp.user = r->user;
	r->smtp.pass = r->pass;
	r->smtp.times = smtp_client_times;
	return r;
}

static void
relay_free(struct relay *r)
{
	if (r == NULL || --r->refs > 0)
		return;
	smtp_tls_free(r->ctx);
	free(r->helo);
	free(r->user);
	if (r->pass != NULL)
		freezero(r->pass, strlen(r->pass));
	free(r);
}

size_t
queue_relay_conns(void)
{
	return relay_nconns;
}

/* --- what waits --------------------------------------------------------- */

void
queue_relay_add(struct queue_msg *m)
{
	struct queue_msg	*o;

	if (m->relaying != 0)
		return;
	m->relaying = 1;
	relay_nmsgs++;
	/* RFC 6710: the urgent first, else in their order */
	TAILQ_FOREACH_REVERSE(o, &relay_msgs, relay_msgs, relay_entry)
		if (o->priority >= m->priority)
			break;
	if (o == NULL)
		TAILQ_INSERT_HEAD(&relay_msgs, m, relay_entry);
	else
		TAILQ_INSERT_AFTER(&relay_msgs, o, m, relay_entry);
	/* not from here: the caller is about to settle it */
	relay_later(0);
}

void
queue_relay_del(struct queue_msg *m)
{
	if (m->relaying != 1)
		return;
	TAILQ_REMOVE(&relay_msgs, m, relay_entry);
	relay_nmsgs--;
	m->relaying = 0;
}

static void
relay_later(int64_t ms)
{
	struct timeval	 tv;

	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	evtimer_add(&relay_ev, &tv);
}

static void
relay_timer(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	relay_next();
}

/* Give what waits to connections that are ready, or see that there are
 * some. */
static void
relay_next(void)
{
	struct relay_conn	*c;
	int64_t			 now = date_mono();

	TAILQ_FOREACH(c, &relay_conns, entry)
		if (c->conn != NULL && c->msg == NULL &&
		    smtp_conn_ready(c->conn))
			relay_mail(c);
	if (TAILQ_EMPTY(&relay_msgs) || relay_asking != NULL)
		return;
	if (relay_now == NULL)
		relay_down("451 4.4.4 no relay is configured any more");
	else if (now < relay_rest)
		relay_later(relay_rest - now);
	else if (relay_nconns < queue_now->queue_connections &&
	    (relay_asking = smtp_resolve(relay_now->host, relay_found,
	    NULL)) == NULL)
		relay_later(RELAY_REST);
}

/* --- connections -------------------------------------------------------- */

static void
relay_found(void *arg, const struct ip *ip, size_t n, const char *why)
{
	struct relay_conn	*c;
	size_t			 coming = 0;
	char			 text[SMTP_TEXT];

	(void)arg;
	relay_asking = NULL;
	if (relay_now == NULL)
		return;
	if (n == 0) {
		/* RFC 3463 X.4.3: directory server failure */
		strlcpy(text, "451 4.4.3 ", sizeof(text));
		strlcat(text, why, sizeof(text));
		relay_down(text);
		return;
	}
	TAILQ_FOREACH(c, &relay_conns, entry)
		coming += !c->up;
	/* one for each message that waits, but the first shows the way */
	while (relay_nconns < queue_now->queue_connections &&
	    coming < relay_nmsgs && (coming == 0 || relay_fails == 0)) {
		if (relay_open(ip, n) == -1) {
			relay_later(RELAY_REST);
			return;
		}
		coming++;
	}
}

static int
relay_open(const struct ip *ip, size_t n)
{
	struct relay_conn	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return -1;
	c->conn = smtp_conn_open(&relay_now->smtp, relay_now->ctx, ip, n,
	    relay_now->port, &relay_cb, c);
	if (c->conn == NULL) {
		log_warn("a connection to the relay");
		free(c);
		return -1;
	}
	c->relay = relay_now;
	c->relay->refs++;
	evtimer_set(&c->ev_idle, relay_idle, c);
	TAILQ_INSERT_TAIL(&relay_conns, c, entry);
	relay_nconns++;
	return 0;
}

/* No connection to be had: what waits, waits longer. */
static void
relay_down(const char *why)
{
	struct relay_msgs	 all = TAILQ_HEAD_INITIALIZER(all);
	struct queue_msg	*m;

	relay_rest = date_mono() + queue_time_wait(++relay_fails, RELAY_REST,
	    RELAY_REST_MAX, arc4random());
	log_warnx("relay: %s: %zu messages wait", log_vis(why, strlen(why)),
	    relay_nmsgs);
	/* settling one may add it again */
	TAILQ_CONCAT(&all, &relay_msgs, relay_entry);
	TAILQ_FOREACH(m, &all, relay_entry)
		m->relaying = 2;
	relay_nmsgs = 0;
	while ((m = TAILQ_FIRST(&all)) != NULL) {
		TAILQ_REMOVE(&all, m, relay_entry);
		m->relaying = 0;
		relay_put_off(m, why);
	}
}

static void
relay_put_off(struct queue_msg *m, const char *why)
{
	int64_t		 now = date_now();
	uint32_t	 i;

	for (i = 0; i < m->nrcpt; i++)
		if (m->rcpt[i].fate == QUEUE_WAITS && !m->rcpt[i].busy &&
		    !(m->rcpt[i].flags & QUEUE_R_LOCAL) &&
		    m->rcpt[i].next <= now) {
			m->rcpt[i].flags &= (uint8_t)~QUEUE_R_SPOKEN;
			queue_flow_result(m, i, QUEUE_TEMP, why);
		}
	queue_flow_settle(m);
}

/* It is back: so is what only waited for that. */
static void
relay_up(void)
{
	struct queue_msg	*m;
	uint64_t		 id;
	uint32_t		 i;

	relay_rest = 0;
	if (relay_fails == 0)
		return;
	relay_fails = 0;
	for (m = queue_flow_next(0); m != NULL; m = queue_flow_next(id + 1)) {
		id = m->id;
		for (i = 0; i < m->nrcpt; i++)
			if (m->rcpt[i].attempts > 0 && !(m->rcpt[i].flags &
			    (QUEUE_R_LOCAL | QUEUE_R_SPOKEN))) {
				queue_flow_retry(m);
				break;
			}
	}
}

static void
relay_ready(struct smtp_conn *conn, void *arg)
{
	struct relay_conn	*c = arg;

	(void)conn;
	if (!c->up) {
		c->up = 1;
		relay_up();
	}
	relay_mail(c);
}

static void
relay_idle(int fd, short what, void *arg)
{
	struct relay_conn	*c = arg;

	(void)fd;
	(void)what;
	if (c->conn != NULL && c->msg == NULL)
		smtp_conn_quit(c->conn);
}

static void
relay_closed(struct smtp_conn *conn, const struct smtp_result *why, void *arg)
{
	struct relay_conn	*c = arg, *o;
	size_t			 others = 0;
	char			 text[SMTP_TEXT + 32];

	(void)conn;
	evtimer_del(&c->ev_idle);
	TAILQ_REMOVE(&relay_conns, c, entry);
	relay_nconns--;
	TAILQ_FOREACH(o, &relay_conns, entry)
		others += o->up;
	relay_text(why, text);
	/* with others at work, it is only one too many */
	if (why->class != SMTP_SENT && c->relay == relay_now && others == 0)
		relay_down(text);
	else if (why->class != SMTP_SENT)
		log_debug("relay: %s", text);
	relay_free(c->relay);
	free(c);
	relay_later(0);
}

/* --- a mail ------------------------------------------------------------- */

/* The next one over this connection, if there is one. */
static void
relay_mail(struct relay_conn *c)
{
	struct timeval		 tv = { RELAY_IDLE, 0 };
	struct queue_msg	*m;

	if (c->relay != relay_now) {
		smtp_conn_quit(c->conn);
		return;
	}
	while ((m = TAILQ_FIRST(&relay_msgs)) != NULL) {
		queue_relay_del(m);
		if (relay_take(c, m) == 0) {
			evtimer_del(&c->ev_idle);
			smtp_conn_send(c->conn, &c->mail);
			return;
		}
		queue_flow_settle(m);
	}
	evtimer_add(&c->ev_idle, &tv);
}

/* Fill in the transaction; -1: nothing of it is due. */
static int
relay_take(struct relay_conn *c, struct queue_msg *m)
{
	struct queue_rcpt	*r;
	struct smtp_rcpt	*to;
	int64_t			 now = date_now();
	uint32_t		 i;
	size_t			 n = 0;

	c->rcpts = calloc(RELAY_RCPTS, sizeof(*c->rcpts));
	c->which = calloc(RELAY_RCPTS, sizeof(*c->which));
	if (c->rcpts == NULL || c->which == NULL)
		fatal("queue");
	for (i = 0; i < m->nrcpt && n < RELAY_RCPTS; i++) {
		r = &m->rcpt[i];
		if (r->fate != QUEUE_WAITS || r->busy || r->next > now ||
		    (r->flags & QUEUE_R_LOCAL))
			continue;
		to = &c->rcpts[n];
		to->addr = r->address;
		to->orcpt = *r->orcpt == '\0' ? NULL : r->orcpt;
		to->notify = r->notify;
		c->which[n++] = i;
	}
	if (n == 0) {
		free(c->rcpts);
		free(c->which);
		return -1;
	}
	memset(&c->mail, 0, sizeof(c->mail));
	c->mail.from = m->from;
	c->mail.envid = *m->envid == '\0' ? NULL : m->envid;
	c->mail.ret = m->flags & MSG_QUEUE_RET_FULL ? SMTP_RET_FULL :
	    m->flags & MSG_QUEUE_RET_HDRS ? SMTP_RET_HDRS : SMTP_RET_NONE;
	c->mail.priority = m->priority;
	c->mail.rcpts = c->rcpts;
	c->mail.nrcpts = n;
	c->mail.len = m->len;
	c->mail.read = relay_read;
	c->mail.arg = m;
	c->mail.size = m->size;
	c->mail.eightbit = (m->flags & MSG_QUEUE_8BIT) != 0;
	c->mail.utf8 = (m->flags & MSG_QUEUE_UTF8) != 0;
	c->mail.nul = (m->flags & QUEUE_M_NUL) != 0;
	c->msg = m;
	m->relaying = 2;
	for (i = 0; i < n; i++)
		queue_flow_start(m, c->which[i]);
	return 0;
}

static ssize_t
relay_read(void *arg, uint64_t off, void *p, size_t n)
{
	return queue_db_read(arg, off, p, n);
}

static void
relay_done(struct smtp_conn *conn, struct smtp_mail *mail, void *arg)
{
	struct relay_conn	*c = arg;
	struct queue_msg	*m = c->msg;
	size_t			 i;
	int			 again;

	(void)conn;
	/* a connection that had been idle for too long is nobody's fault */
	again = mail->untried && ++relay_untried < RELAY_UNTRIED;
	if (!again)
		relay_untried = 0;
	for (i = 0; i < mail->nrcpts; i++)
		if (again)
			queue_flow_unstart(m, c->which[i]);
		else
			relay_result(m, c->which[i], &mail->rcpts[i].result,
			    mail->dsn);
	free(c->rcpts);
	free(c->which);
	c->rcpts = NULL;
	c->which = NULL;
	c->msg = NULL;
	m->relaying = 0;
	queue_flow_ended(m, mail->unsure);
	queue_flow_settle(m);
}

/* As a reply, which it is for whoever asks us. */
static void
relay_text(const struct smtp_result *r, char text[SMTP_TEXT + 32])
{
	if (r->code != 0)
		strlcpy(text, r->text, SMTP_TEXT + 32);
	else
		(void)snprintf(text, SMTP_TEXT + 32, "%d %s %s",
		    r->class == SMTP_PERM ? 554 : 451, r->status, r->text);
}

static void
relay_result(struct queue_msg *m, uint32_t i, const struct smtp_result *res,
    int dsn)
{
	static const enum queue_class	 classes[] = {
		[SMTP_NONE]	= QUEUE_TEMP,
		[SMTP_SENT]	= QUEUE_SENT,
		[SMTP_TEMP]	= QUEUE_TEMP,
		[SMTP_PERM]	= QUEUE_PERM,
	};
	struct queue_rcpt		*r = &m->rcpt[i];
	char				 text[SMTP_TEXT + 32];

	r->flags &= (uint8_t)~(QUEUE_R_SPOKEN | QUEUE_R_THEIRS);
	if (!res->local)
		r->flags |= QUEUE_R_SPOKEN;
	if (dsn)
		r->flags |= QUEUE_R_THEIRS;
	relay_text(res, text);
	queue_flow_result(m, i, classes[res->class], text);
}
