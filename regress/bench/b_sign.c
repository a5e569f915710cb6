/* SPDX-License-Identifier: ISC */
/*
 * What it costs that the private keys are in another process: whole TLS
 * handshakes, client and server in this process, with the server's key here
 * and with it in a real keys process behind the worker's provider; in turns,
 * in one run (issue 3: at most 10 % more).  Time is that of the best turn of
 * each, so that others on the machine do not count; CPU is that of both
 * processes over the whole run.
 *
 *	b_sign JMAPD CONF [seconds]
 *
 * CONF is a configuration of jmapd(8); each certificate in it is measured.
 */
#include "common/compat.h"

#include <sys/socket.h>

#include <err.h>
#include <event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "common/log.h"
#include "common/tls_profile.h"
#include "daemon/daemon.h"
#include "worker/tls_key.h"
#include "worker/tls_sign.h"

#define TURN	10		/* handshakes between two looks at the clock */

struct took {			/* seconds */
	double	 best;		/* of a turn */
	double	 wall, cpu;	/* of all */
};

static void	on_ready(struct proc_peer *, struct msg *);
static void	on_ticket(struct proc_peer *, struct msg *);
static void	on_gone(struct proc_peer *);
static void	keys_start(const char *, struct conf *, struct cert_set *);
static SSL_CTX	*server(struct conf *, const struct cert_set *, size_t, int);
static EVP_PKEY	*key_here(const char *);
static void	turn(SSL_CTX *, SSL_CTX *, struct took *);
static double	seconds_of(clockid_t);
static void	handshake(SSL_CTX *, SSL_CTX *);
static void	measure(struct conf *, const struct cert_set *, size_t, double);

static proc_fn *const	handlers[MSG_MAX] = {
	[MSG_READY]	= on_ready,
	[MSG_TICKET]	= on_ticket,
};

static struct proc_peer	holder;	/* the keys process */
static clockid_t	holder_cpu;
static int		ready;

int
main(int argc, char *argv[])
{
	struct conf_file	*cf;
	struct cert_set		*certs;
	struct buf		 report;
	size_t			 i;
	double			 seconds = argc > 3 ? atof(argv[3]) : 4;

	if (argc < 3)
		errx(1, "usage: b_sign JMAPD CONF [seconds]");
	log_init("b_sign", 1);
	buf_init(&report, CONF_REPORT_MAX);
	if ((cf = conf_parse(argv[2], &report)) == NULL ||
	    conf_check(cf, &report) == -1 ||
	    (certs = cert_load(cf, &report)) == NULL)
		errx(1, "%s", buf_str(&report));
	cf->conf->generation = 1;
	tls_key_init();
	event_init();
	keys_start(argv[1], cf->conf, certs);
	for (i = 0; i < certs->n; i++)
		measure(cf->conf, certs, i, seconds);
	return 0;
}

/* As parent does it; afterwards we are the worker. */
static void
keys_start(const char *program, struct conf *c, struct cert_set *certs)
{
	struct msg_conf	 end = { c->generation, 0 };
	struct msg_peer	 to = { PROC_WORKER, 0 };
	char		 d[] = "-d", *extra[] = { d, NULL };
	int		 fd, sv[2];
	pid_t		 pid;

	if ((pid = proc_spawn(program, PROC_KEYS, 0, extra, &fd)) == -1 ||
	    clock_getcpuclockid(pid, &holder_cpu) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == -1)
		err(1, "keys");
	proc_open(&holder, PROC_KEYS, 0, fd, handlers, on_gone, NULL);
	if (conf_send(c, &holder) == -1 || cert_send(certs, c, &holder) == -1 ||
	    proc_send(&holder, MSG_CONF_END, 0, -1, &end, NULL, 0) == -1)
		errx(1, "keys takes no configuration");
	while (!ready)
		event_loop(EVLOOP_ONCE);
	proc_send(&holder, MSG_PEER, 0, sv[0], &to, NULL, 0);
	if (proc_flush(&holder, 1000) == -1)
		errx(1, "keys takes no pipe");
	proc_self = PROC_WORKER;
	tls_sign_peer(0, sv[1]);
}

static void
on_ready(struct proc_peer *p, struct msg *m)
{
	const struct msg_ready	*h = m->fixed;

	(void)p;
	if (!h->ok)
		errx(1, "keys refuses its configuration");
	ready = 1;
}

static void
on_ticket(struct proc_peer *p, struct msg *m)
{
	(void)p;
	(void)m;
}

static void
on_gone(struct proc_peer *p)
{
	(void)p;
	errx(1, "keys has gone");
}

static void
measure(struct conf *c, const struct cert_set *certs, size_t i, double seconds)
{
	SSL_CTX	*client = SSL_CTX_new(TLS_client_method());
	SSL_CTX	*here = server(c, certs, i, 1), *there = server(c, certs, i, 0);
	struct took	 a = { 1e9, 0, 0 }, b = { 1e9, 0, 0 };
	double	 n = 0;

	for (; a.wall + b.wall < seconds; n += TURN) {
		turn(client, here, &a);
		turn(client, there, &b);
	}
	printf("%s: a handshake with the key here %.1f us, in keys %.1f us: "
	    "%.3f; CPU %.1f us, %.1f us: %.3f\n", c->certs[i].name,
	    a.best / TURN * 1e6, b.best / TURN * 1e6, b.best / a.best,
	    a.cpu / n * 1e6, b.cpu / n * 1e6, b.cpu / a.cpu);
	SSL_CTX_free(client);
	SSL_CTX_free(here);
	SSL_CTX_free(there);
}

static SSL_CTX *
server(struct conf *c, const struct cert_set *certs, size_t i, int direct)
{
	SSL_CTX		*x = SSL_CTX_new(TLS_server_method());
	BIO		*bio;
	X509		*leaf;
	EVP_PKEY	*k;
	const char	*opt;

	bio = BIO_new_mem_buf(certs->v[i].chain, (int)certs->v[i].len);
	leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	k = direct ? key_here(c->certs[i].key) :
	    tls_key_new(leaf, c->generation, (uint32_t)i);
	if (tls_profile(x, c, &opt) != NULL ||
	    SSL_CTX_use_certificate(x, leaf) != 1 ||
	    SSL_CTX_use_PrivateKey(x, k) != 1)
		errx(1, "certificate %s", c->certs[i].name);
	SSL_CTX_set_num_tickets(x, 0);
	if (!direct)			/* as tls.c does */
		SSL_CTX_set_cert_cb(x, tls_sign_on_cert, NULL);
	EVP_PKEY_free(k);
	X509_free(leaf);
	BIO_free(bio);
	return x;
}

static EVP_PKEY *
key_here(const char *path)
{
	EVP_PKEY	*k;
	FILE		*f;

	if ((f = fopen(path, "r")) == NULL ||
	    (k = PEM_read_PrivateKey(f, NULL, NULL, NULL)) == NULL)
		errx(1, "%s", path);
	fclose(f);
	return k;
}

static void
turn(SSL_CTX *client, SSL_CTX *x, struct took *t)
{
	double	 wall = seconds_of(CLOCK_MONOTONIC);
	double	 cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) +
		    seconds_of(holder_cpu);
	int	 i;

	for (i = 0; i < TURN; i++)
		handshake(client, x);
	wall = seconds_of(CLOCK_MONOTONIC) - wall;
	cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) +
	    seconds_of(holder_cpu) - cpu;
	t->wall += wall;
	t->cpu += cpu;
	if (wall < t->best)
		t->best = wall;
}

static double
seconds_of(clockid_t id)
{
	struct timespec	 ts;

	if (clock_gettime(id, &ts) == -1)
		err(1, "clock");
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
handshake(SSL_CTX *client, SSL_CTX *x)
{
	SSL	*c = SSL_new(client), *s = SSL_new(x);
	BIO	*cb, *sb;
	int	 i;

	if (BIO_new_bio_pair(&cb, 0, &sb, 0) != 1)
		errx(1, "no memory");
	SSL_set_bio(c, cb, cb);
	SSL_set_bio(s, sb, sb);
	SSL_set_connect_state(c);
	SSL_set_accept_state(s);
	for (i = 0; i < 8 && !(SSL_is_init_finished(c) &&
	    SSL_is_init_finished(s)); i++) {
		SSL_do_handshake(c);
		SSL_do_handshake(s);
	}
	if (!SSL_is_init_finished(c) || !SSL_is_init_finished(s))
		errx(1, "no handshake");
	SSL_free(c);
	SSL_free(s);
}
