/* SPDX-License-Identifier: ISC */
/*
 * jmapd-worker: the role that touches what strangers send.  Takes
 * connections from parent and runs them on the connection machine; holds no
 * key, opens no socket, starts no program.  This file is the role: its
 * messages, its start and its end.
 */
#include "common/compat.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/auth_ask.h"
#include "common/date.h"
#include "common/dir.h"
#include "common/log.h"
#include "common/queue_ask.h"
#include "common/role.h"
#include "common/row.h"
#include "common/share.h"
#include "worker/eventsource.h"
#include "worker/http/http1.h"
#include "worker/jmap/email_row.h"
#include "worker/jmap/email_smime.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_share.h"
#include "worker/jmap/submission.h"
#include "worker/mime/mime.h"
#include "worker/policy/policy.h"
#include "worker/notify.h"
#include "worker/probe.h"
#include "worker/queue_job.h"
#include "worker/store/store.h"
#include "worker/stream.h"
#include "worker/tls.h"
#include "worker/tls_sign.h"
#include "worker/tls_ticket.h"
#include "worker/webpush.h"
#include "worker/worker.h"
#include "worker/worker_ws.h"

#define FLUSH_MS	1000	/* parent always reads */
#define WORKER_STORE	(3200 << 10)	/* bytes of data of an open store */
#define WORKER_FILES	6		/* descriptors of one: LMDB, segments */

static const char	*worker_user(const struct conf *);
static const char	*worker_dir(const struct conf *);
static uint64_t	worker_memory(const struct conf *);
static unsigned	worker_stores(const struct conf *);
static void	worker_init(const struct conf *);
static const char	*worker_conf(struct conf *);
static void	worker_store(const struct conf *);
static void	worker_stored(const char *, uint32_t);
static void	worker_idle(int, short, void *);
static void	worker_peer(enum msg_proc, uint32_t, int);
static void	worker_cert(struct proc_peer *, struct msg *);
static void	worker_staple(struct proc_peer *, struct msg *);
static void	worker_file(struct proc_peer *, struct msg *);
static void	worker_conn(struct proc_peer *, struct msg *);
static void	worker_changed(struct proc_peer *, struct msg *);
static void	worker_drain(struct proc_peer *, struct msg *);
static void	worker_ticket(struct proc_peer *, struct msg *);
static void	worker_show(struct proc_peer *, struct msg *);
static void	worker_stream(struct proc_peer *, struct msg *);
static void	worker_erase(struct proc_peer *, struct msg *);
static void	worker_share(struct proc_peer *, struct msg *);
static void	worker_share_gone(struct proc_peer *, struct msg *);
static void	worker_bans(struct proc_peer *, struct msg *);
static void	worker_abuse(const struct req *, uint32_t);
static void	worker_broke(const struct conn *, uint32_t);
static void	worker_accuse(uint32_t, uint32_t, const struct ip *);
static void	worker_end(int, short, void *);
static void	show_worker(struct buf *);
static void	show_conn(struct conn *, void *);
static void	worker_addr(struct ip *, uint16_t *, const struct msg_addr *);

static proc_fn *const	worker_from_parent[MSG_MAX] = {
	[MSG_CONF_CERT]	= worker_cert,
	[MSG_CONF_FILE]	= worker_file,
	[MSG_CONF_STAPLE] = worker_staple,
	[MSG_CONN]	= worker_conn,
	[MSG_CHANGED]	= worker_changed,
	[MSG_DRAIN]	= worker_drain,
	[MSG_TICKET]	= worker_ticket,
	[MSG_CTL_SHOW]	= worker_show,
	[MSG_CTL_HEADERS] = probe_headers,
	[MSG_STREAM]	= worker_stream,
	[MSG_ERASE]	= worker_erase,
	[MSG_SHARE]	= worker_share,
	[MSG_SHARE_GONE] = worker_share_gone,
	[MSG_BANS]	= worker_bans,
	[MSG_STATS_IS]	= metrics_stats,
	[MSG_PONG]	= health_pong,
};

static const struct role	worker_role = {
	.id		= PROC_WORKER,
	.handlers	= worker_from_parent,
	.init		= worker_init,
	.user		= worker_user,
	.dir		= worker_dir,
	.files		= 1,
	.memory		= worker_memory,
	.conf		= worker_conf,
	.peer		= worker_peer,
	.hold		= 1,
};

static int64_t	started;
static int	draining;
static struct buf	smime_pem;	/* on its way in */
static struct event	idle;

int
main(int argc, char *argv[])
{
	started = date_now();
	http_hooks.ended = metrics_ended;
	http_hooks.abuse = worker_abuse;
	http_hooks.broke = worker_broke;
	submission_status_init();
	role_run(&worker_role, argc, argv);
}

static const char *
worker_user(const struct conf *c)
{
	return c->user;
}

static const char *
worker_dir(const struct conf *c)
{
	return c->data_dir;
}

/*
 * Stores to keep open: LMDB allocates 3 MB of lists for each that has been
 * written to, little of it ever touched, but all of it counted by
 * RLIMIT_DATA; they may have half of it.  And half of the descriptors: the
 * others are for connections (listen.c).
 */
static unsigned
worker_stores(const struct conf *c)
{
	uint64_t	 most = c->worker_memory / 2 / WORKER_STORE;
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 &&
	    most > rl.rlim_cur / 2 / WORKER_FILES)
		most = rl.rlim_cur / 2 / WORKER_FILES;
	if (most == 0)
		most = 1;
	return (unsigned)(c->open_accounts < most ? c->open_accounts : most);
}

static uint64_t
worker_memory(const struct conf *c)
{
	return c->worker_memory;
}

/* Everything that a library would open later. */
static void
worker_init(const struct conf *c)
{
	(void)c;
	tls_init();
	mime_charset_init();
	tzset();
}

static const char *
worker_conf(struct conf *c)
{
	const char	*why;

	if (gen_now() == NULL)
		worker_store(c);
	if ((why = gen_load(c)) == NULL &&
	    email_smime_trust(smime_pem.data, smime_pem.len) == 0 &&
	    smime_pem.len > 0)
		log_warnx("smime.trust-anchor: no certificate in it");
	buf_free(&smime_pem);
	return why;
}

/* A piece of the file; all of it is here before the configuration ends. */
static void
worker_file(struct proc_peer *p, struct msg *m)
{
	const struct msg_conf_file	*h = m->fixed;

	(void)p;
	if (h->what != MSG_FILE_SMIME)
		fatalx("file %u is not for a worker", h->what);
	if (smime_pem.max == 0)
		buf_init(&smime_pem, 4 << 20);
	buf_add(&smime_pem, m->tail, m->tail_len);
}

/* Where the accounts are: a folder of their own below the data folder. */
static void
worker_store(const struct conf *c)
{
	static const enum kv_sync	 syncs[] = {
		[CONF_SYNC_FULL] = KV_FULL,
		[CONF_SYNC_META] = KV_META,
		[CONF_SYNC_OFF] = KV_OFF,
	};
	struct store_conf		 sc;

	store_conf_init(&sc);
	if ((size_t)snprintf(sc.dir, sizeof(sc.dir), "%s/accounts",
	    role_root()) >= sizeof(sc.dir))
		fatalx("data-dir is too long");
	if (mkdir(sc.dir, 0700) == -1 && errno != EEXIST)
		fatal("%s", sc.dir);
	sc.sync = syncs[c->sync];
	sc.maxopen = worker_stores(c);
	sc.segment = (uint32_t)c->segment_size;
	sc.upload_ms = (int64_t)c->upload_expiry;
	sc.upload_max = c->upload_space;
	sc.changed = worker_stored;
	sc.texts = email_index;
	store_init(&sc);
	eventsource_init();
	webpush_init();
	worker_ws_init();
	evtimer_set(&idle, worker_idle, NULL);
	worker_idle(-1, 0, NULL);
}

/* A commit of this process: for streams of all workers, and for web push. */
static void
worker_stored(const char *account, uint32_t types)
{
	notify_changed(account, types);
	webpush_changed(account, types);
}

/* The stores' housekeeping, a bounded step at a time. */
static void
worker_idle(int fd, short what, void *arg)
{
	struct timeval	 soon = { 0, 50000 }, later = { 1, 0 };

	(void)fd;
	(void)what;
	(void)arg;
	evtimer_add(&idle, store_idle() ? &soon : &later);
}

static void
worker_peer(enum msg_proc who, uint32_t slot, int fd)
{
	switch (who) {
	case PROC_KEYS:
		tls_sign_peer(slot, fd);
		break;
	case PROC_AUTH:
		auth_ask_open(slot, fd);
		break;
	case PROC_PUSH:
		webpush_open(slot, fd);
		break;
	case PROC_QUEUE:
		if (slot & MSG_PEER_CALLS)
			queue_ask_open(0, fd);
		else
			queue_job_open(fd);
		break;
	default:
		close(fd);
	}
}

/* --- from parent ----------------------------------------------------- */

static void
worker_cert(struct proc_peer *p, struct msg *m)
{
	const struct msg_conf_cert	*h = m->fixed;

	(void)p;
	gen_cert(h->generation, h->id, m->tail, m->tail_len);
}

static void
worker_staple(struct proc_peer *p, struct msg *m)
{
	(void)p;
	gen_staple(m->fixed, m->tail, m->tail_len);
}

static void
worker_conn(struct proc_peer *p, struct msg *m)
{
	const struct msg_conn	*h = m->fixed;
	struct conn_new		 n = { .id = h->conn, .listener = h->listener };
	struct msg_conn_end	 taken = { h->conn };

	conn_crowded(h->crowded != 0);
	n.gen = gen_now();
	if (n.gen == NULL || h->listener >= n.gen->conf->nlistens)
		fatalx("a connection of no listener");
	n.proto = gen_proto(n.gen, h->listener);
	n.fd = m->fd;
	m->fd = -1;
	worker_addr(&n.peer, &n.peer_port, &h->peer);
	worker_addr(&n.local, &n.local_port, &h->local);
	/* Written before a byte is read: from here on the connection lives
	 * and dies with this worker. */
	proc_send(p, MSG_CONN_TAKEN, 0, -1, &taken, NULL, 0);
	proc_flush(p, FLUSH_MS);
	conn_new(&n);
}

static void
worker_addr(struct ip *ip, uint16_t *port, const struct msg_addr *a)
{
	memset(ip, 0, sizeof(*ip));
	ip->af = a->family == 0 ? IP_UNIX : a->family;
	memcpy(ip->b, a->addr, sizeof(ip->b));
	*port = a->port;
}

void
worker_conn_ended(uint32_t id)
{
	struct msg_conn_end	 h = { id };

	proc_send(&role_parent, MSG_CONN_END, 0, -1, &h, NULL, 0);
}

/* --- abuse --------------------------------------------------------------- */

static void
worker_share(struct proc_peer *p, struct msg *m)
{
	(void)p;
	if (share_open(m->fd, role_slot) == -1)
		fatal("memory that workers share");
}

static void
worker_share_gone(struct proc_peer *p, struct msg *m)
{
	const struct msg_share_gone	*h = m->fixed;

	(void)p;
	share_gone(h->slot);
}

static void
worker_bans(struct proc_peer *p, struct msg *m)
{
	(void)p;
	if (banned_take(m->fixed, m->tail, m->tail_len) == -1)
		fatalx("a list of bans that is none");
}

static void
worker_abuse(const struct req *r, uint32_t kind)
{
	/* jmapctl headers is nobody's fault */
	if (r->conn != HTTP_NO_CONN)
		worker_accuse(r->conn, kind, &r->client);
}

static void
worker_broke(const struct conn *c, uint32_t kind)
{
	worker_accuse(c->id, kind, &c->client);
}

void
worker_loiters(const struct conn *c)
{
	worker_accuse(c->id, MSG_ABUSE_LOITER, &c->client);
}

static void
worker_accuse(uint32_t conn, uint32_t kind, const struct ip *ip)
{
	struct msg_abuse	 m;

	if (ip->af != IP_V4 && ip->af != IP_V6)
		return;
	memset(&m, 0, sizeof(m));
	m.kind = kind;
	m.conn = conn;
	m.client.family = ip->af;
	memcpy(m.client.addr, ip->b, sizeof(m.client.addr));
	proc_send(&role_parent, MSG_ABUSE, 0, -1, &m, NULL, 0);
}

/* Import, export or check of an account by jmapctl. */
static void
worker_stream(struct proc_peer *p, struct msg *m)
{
	(void)p;
	stream_open(m->fixed, m->fd, gen_now() == NULL ? 0 :
	    gen_now()->conf->max_message_size);
	m->fd = -1;
}

static void
worker_ticket(struct proc_peer *p, struct msg *m)
{
	(void)p;
	tls_ticket_keys(m->fixed);
}

/* Another worker changed something. */
static void
worker_changed(struct proc_peer *p, struct msg *m)
{
	const struct msg_changed	*h = m->fixed;

	(void)p;
	notify_tell(h->account, h->types);
}

static void
worker_drain(struct proc_peer *p, struct msg *m)
{
	static struct event	 ev;
	struct timeval		 tv = { 0, 0 };

	(void)p;
	(void)m;
	if (gen_now() != NULL)
		tv.tv_sec = (time_t)(gen_now()->conf->drain_timeout / 1000);
	evtimer_set(&ev, worker_end, NULL);
	evtimer_add(&ev, &tv);
	draining = 1;
	eventsource_drain();
	conn_drain();
	worker_drained();
}

void
worker_drained(void)
{
	if (draining && conn_count() == 0 && stream_count() == 0)
		worker_end(-1, 0, NULL);
}

static void
worker_end(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	log_debug("drained, %zu connections left", conn_count());
	exit(0);
}

/* --- jmapctl show ---------------------------------------------------- */

/* The mail of an account that is deleted; its id will never be used again.
 * Another worker that still has the files open keeps nothing that counts. */
static void
worker_erase(struct proc_peer *p, struct msg *m)
{
	const struct msg_erase	*h = m->fixed;
	char			 name[DIR_ACCOUNT_LEN];
	enum store_err		 e;

	jmap_share_erase(h->account);
	e = store_destroy(dir_account(h->account, name));
	if (e != STORE_OK && e != STORE_NOTFOUND) {
		log_warnx("account %s is not removed: %s", name,
		    store_strerror(e));
		return;
	}
	log_info("account %s is removed", name);
	webpush_erased(h->account);
	proc_send(p, MSG_ERASED, m->id, -1, h, NULL, 0);
}

static void
worker_show(struct proc_peer *p, struct msg *m)
{
	const struct msg_ctl_show	*h = m->fixed;
	struct msg_ctl_end		 end = { 0 };
	struct buf			 row;

	if (h->what == MSG_SHOW_WORKERS) {
		buf_init(&row, ROW_MAX);
		show_worker(&row);
		proc_send(p, MSG_CTL_ROW, m->id, -1, NULL, row.data,
		    row.len);
		buf_free(&row);
	} else if (h->what == MSG_SHOW_CONNECTIONS)
		conn_each(show_conn, &m->id);
	proc_send(p, MSG_CTL_END, m->id, -1, &end, NULL, 0);
}

static void
show_worker(struct buf *row)
{
	struct rusage	 ru;

	getrusage(RUSAGE_SELF, &ru);
	row_addu(row, "worker", role_slot);
	row_addu(row, "pid", (uint64_t)getpid());
	row_addu(row, "uptime", (uint64_t)(date_now() - started) / 1000);
	row_addu(row, "connections", conn_count());
	row_addu(row, "requests", http_stats.begun);
	row_addu(row, "running", http_stats.begun - http_stats.ended);
	row_addu(row, "errors", http_stats.errors);
	row_addu(row, "memory", (uint64_t)ru.ru_maxrss);
	row_addu(row, "generation",
	    gen_now() == NULL ? 0 : gen_now()->conf->generation);
}

static void
show_conn(struct conn *c, void *arg)
{
	const uint32_t	*id = arg;
	struct buf	 row;
	char		 ip[IP_STRLEN], date[DATE_LEN];

	buf_init(&row, ROW_MAX);
	row_addu(&row, "worker", role_slot);
	row_addu(&row, "id", c->id);
	row_add(&row, "listener", c->listen->name);
	row_add(&row, "protocol", c->proto->name);
	row_add(&row, "tls", c->tls ? "yes" : "no");
	row_add(&row, "peer", ip_str(&c->peer, ip));
	row_add(&row, "client", ip_str(&c->client, ip));
	row_addu(&row, "port", c->client_port);
	date_utc(c->born, date);
	row_add(&row, "since", date);
	row_addu(&row, "requests", c->nreq);
	row_addu(&row, "in", c->nin);
	row_addu(&row, "out", c->nout);
	proc_send(&role_parent, MSG_CTL_ROW, *id, -1, NULL, row.data,
	    row.len);
	buf_free(&row);
}
