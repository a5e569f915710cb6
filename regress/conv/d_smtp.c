/* SPDX-License-Identifier: ISC */
/*
 * The SMTP client on a command line, for test_smtp_client.py: what the queue
 * role does with daemon/smtp_conn.c, without the queue.
 *
 *	d_smtp [-t none|starttls|implicit] [-c ca.pem] [-u user] [-p password]
 *	    [-h name] [-n mails] [-m mails a connection] [-T timeout ms]
 *	    [-f from] [-N notify] [-E envid] [-R full|hdrs] -r rcpt ...
 *	    port [address ...] <message
 *	-D resolver -H hosts: where no address is given, the name is asked
 *	for; -o: only that, a few times
 *
 * Writes what the callbacks are told, a line each.
 */
#include "common/compat.h"

#include <sys/time.h>

#include <err.h>
#include <event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/dns_ask.h"
#include "daemon/smtp_conn.h"
#include "daemon/smtp_data.h"
#include "daemon/smtp_resolve.h"
#include "daemon/smtp_tls.h"

#define RCPTS	1000

static struct smtp_relay	 relay = { .host = "localhost",
    .helo = "client.test" };
static struct smtp_rcpt		 rcpts[RCPTS];
static struct smtp_mail		 mail = { .from = "from@client.test",
    .rcpts = rcpts };
static unsigned int		 left = 1, notify;
static uint8_t			*text;
static struct ssl_ctx_st	*ctx;
static uint16_t			 port;
static int			 lookups;

static void
result(const char *what, const struct smtp_result *r)
{
	printf("%s %c %u %s %d %s\n", what, "-STP"[r->class], r->code,
	    r->status[0] == '\0' ? "-" : r->status, r->local, r->text);
}

static ssize_t
reader(void *arg, uint64_t off, void *p, size_t n)
{
	(void)arg;
	memcpy(p, text + off, n);
	return (ssize_t)n;
}

static void
ready(struct smtp_conn *c, void *arg)
{
	(void)arg;
	printf("ready\n");
	if (left == 0)
		smtp_conn_quit(c);
	else {
		left--;
		smtp_conn_send(c, &mail);
	}
}

static void
done(struct smtp_conn *c, struct smtp_mail *m, void *arg)
{
	size_t	 i;

	(void)c;
	(void)arg;
	for (i = 0; i < m->nrcpts; i++)
		result("rcpt", &m->rcpts[i].result);
	result("final", &m->final);
	printf("done unsure=%d untried=%d dsn=%d\n", m->unsure, m->untried,
	    m->dsn);
}

static void
closed(struct smtp_conn *c, const struct smtp_result *why, void *arg)
{
	(void)c;
	(void)arg;
	result("closed", why);
	event_loopbreak();
}

static void
connect_to(const struct ip *ips, size_t n)
{
	static const struct smtp_conn_cb cb = { ready, done, closed };

	if (smtp_conn_open(&relay, ctx, ips, n, port, &cb, NULL) == NULL)
		err(1, "open");
}

static void
resolved(void *arg, const struct ip *ips, size_t n, const char *why)
{
	char	 addr[IP_STRLEN];
	size_t	 i;

	printf("addresses");
	for (i = 0; i < n; i++)
		printf(" %s", ip_str(&ips[i], addr));
	printf("%s%s\n", n == 0 ? " none: " : "", n == 0 ? why : "");
	fflush(stdout);
	if (lookups == 0) {
		connect_to(ips, n);
		return;
	}
	if (--lookups == 0 ||
	    smtp_resolve(relay.host, resolved, arg) == NULL)
		event_loopbreak();
}

static void
message(void)
{
	struct smtp_data_scan	 s;
	size_t			 n, cap = 1 << 16;

	if ((text = malloc(cap)) == NULL)
		err(1, NULL);
	while ((n = fread(text + mail.len, 1, cap - mail.len, stdin)) > 0) {
		mail.len += n;
		if (mail.len == cap &&
		    (text = realloc(text, cap *= 2)) == NULL)
			err(1, NULL);
	}
	memset(&s, 0, sizeof(s));
	smtp_data_scan(&s, text, mail.len);
	smtp_data_scan_end(&s);
	mail.size = s.size;
	mail.eightbit = s.eightbit;
	mail.utf8 = s.utf8;
	mail.nul = s.nul;
	mail.read = reader;
}

static const char *
hosts_text(const char *path)
{
	static char	 out[4096];
	FILE		*f;

	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	out[fread(out, 1, sizeof(out) - 1, f)] = '\0';
	fclose(f);
	return out;
}

static void
times(int64_t ms)
{
	struct smtp_times	*t = &relay.times;

	t->connect = t->tls = t->greeting = t->helo = t->mail = t->rcpt =
	    t->data = t->block = t->end = t->quit = ms;
}

int
main(int argc, char *argv[])
{
	struct ip			 ips[16];
	const char			*ca = NULL, *why, *conf = NULL;
	const char			*hosts = NULL;
	struct event_base		*base;
	char				*pem = NULL;
	size_t				 len, n;
	int				 ch;

	relay.times = smtp_client_times;
	while ((ch = getopt(argc, argv, "D:E:H:N:R:T:c:f:h:m:n:o:p:r:t:u:v")) !=
	    -1)
		switch (ch) {
		case 'D':	conf = optarg; break;
		case 'H':	hosts = optarg; break;
		case 'o':	lookups = atoi(optarg); break;
		case 'E':	mail.envid = optarg; break;
		case 'N':	notify = (unsigned int)atoi(optarg); break;
		case 'R':	mail.ret = *optarg == 'f' ? SMTP_RET_FULL :
				    SMTP_RET_HDRS; break;
		case 'T':	times(atoi(optarg)); break;
		case 'c':	ca = optarg; break;
		case 'f':	mail.from = optarg; break;
		case 'h':	relay.host = optarg; break;
		case 'm':	relay.mails = (unsigned int)atoi(optarg); break;
		case 'n':	left = (unsigned int)atoi(optarg); break;
		case 'p':	relay.pass = optarg; break;
		case 'r':	rcpts[mail.nrcpts++].addr = optarg; break;
		case 't':	relay.tls = *optarg == 's' ? SMTP_TLS_STARTTLS :
				    *optarg == 'i' ? SMTP_TLS_IMPLICIT :
				    SMTP_TLS_NONE; break;
		case 'u':	relay.user = optarg; break;
		case 'v':	log_setverbose(1); break;
		default:	errx(2, "see %s", __FILE__);
		}
	argc -= optind;
	argv += optind;
	if (argc < 1 || mail.nrcpts == 0)
		errx(2, "see %s", __FILE__);
	log_init("d_smtp", 1);
	signal(SIGPIPE, SIG_IGN);
	for (n = 0; n < mail.nrcpts; n++)
		rcpts[n].notify = notify;
	for (n = 0; n < nitems(ips) && n + 1 < (size_t)argc; n++)
		if (ip_parse(&ips[n], argv[n + 1], strlen(argv[n + 1])) == -1)
			errx(2, "%s", argv[n + 1]);
	message();
	if (ca != NULL) {
		smtp_tls_init();
		if ((pem = smtp_tls_authorities(ca, &len)) == NULL)
			err(1, "%s", ca);
		if ((ctx = smtp_tls_new(pem, len, &why)) == NULL)
			errx(1, "%s: %s", ca, why);
	}
	base = event_init();
	port = (uint16_t)atoi(argv[0]);
	dns_ask_init(conf != NULL ? conf : "");
	if (hosts != NULL)
		smtp_resolve_hosts(hosts_text(hosts));
	if (n > 0)
		connect_to(ips, n);
	else if (smtp_resolve(relay.host, resolved, NULL) == NULL)
		err(1, "resolve");
	if (event_dispatch() != 0)
		errx(1, "nothing more to wait for");
	event_base_free(base);
	smtp_tls_free(ctx);
	free(pem);
	free(text);
	smtp_resolve_free();
	return 0;
}
