/* SPDX-License-Identifier: ISC */
/*
 * The relay's name to addresses: see smtp_resolve.h.  Called by the queue
 * role, in its loop.
 */
#include "common/compat.h"

#include <sys/time.h>

#include <event.h>
#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "daemon/dns_ask.h"
#include "daemon/smtp.h"
#include "daemon/smtp_resolve.h"

#define RESOLVE_STALE	(24 * 60 * 60 * 1000)

struct smtp_resolve {
	char		 host[SMTP_HOST];
	smtp_resolve_fn	*fn;
	void		*arg;
	struct dns_ask	*ask;		/* or NULL: it answers without */
	struct event	 ev_done;
	struct ip	 ips[SMTP_RESOLVE_MAX];
	size_t		 n;
};

static char	*resolve_hosts;
static struct {				/* the last answer */
	char		 host[SMTP_HOST];
	struct ip	 ips[SMTP_RESOLVE_MAX];
	size_t		 n;
	int64_t		 got;		/* date_mono */
} resolve_last;

static void	resolve_in_hosts(struct smtp_resolve *);
static void	resolve_line(struct smtp_resolve *, char *);
static void	resolve_add(struct smtp_resolve *, const struct ip *, size_t,
		    enum ip_af);
static void	resolve_asked(void *, const struct ip *, size_t);
static void	resolve_done(int, short, void *);

void
smtp_resolve_hosts(const char *text)
{
	free(resolve_hosts);
	resolve_hosts = strdup(text);
}

void
smtp_resolve_free(void)
{
	free(resolve_hosts);
	resolve_hosts = NULL;
	memset(&resolve_last, 0, sizeof(resolve_last));
}

struct smtp_resolve *
smtp_resolve(const char *host, smtp_resolve_fn *fn, void *arg)
{
	struct timeval		 now = { 0, 0 };
	struct smtp_resolve	*r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->fn = fn;
	r->arg = arg;
	evtimer_set(&r->ev_done, resolve_done, r);
	if (strlcpy(r->host, host, sizeof(r->host)) < sizeof(r->host)) {
		if (ip_parse(&r->ips[0], host, strlen(host)) == 0)
			r->n = 1;
		else
			resolve_in_hosts(r);
		if (r->n == 0)
			r->ask = dns_ask(host, resolve_asked, r);
	}
	if (r->ask == NULL)
		evtimer_add(&r->ev_done, &now);
	return r;
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
		resolve_line(r, line);
	}
}

static void
resolve_line(struct smtp_resolve *r, char *line)
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

static void
resolve_add(struct smtp_resolve *r, const struct ip *ips, size_t n,
    enum ip_af af)
{
	for (; n > 0; ips++, n--)
		if (ips->af == af && r->n < SMTP_RESOLVE_MAX)
			r->ips[r->n++] = *ips;
}

static void
resolve_asked(void *arg, const struct ip *ips, size_t n)
{
	struct smtp_resolve	*r = arg;

	r->ask = NULL;
	/* RFC 6724 and 8305: IPv6 first */
	resolve_add(r, ips, n, IP_V6);
	resolve_add(r, ips, n, IP_V4);
	if (r->n > 0) {
		(void)strlcpy(resolve_last.host, r->host,
		    sizeof(resolve_last.host));
		memcpy(resolve_last.ips, r->ips, sizeof(r->ips));
		resolve_last.n = r->n;
		resolve_last.got = date_mono();
	} else if (strcasecmp(resolve_last.host, r->host) == 0 &&
	    resolve_last.got + RESOLVE_STALE > date_mono()) {
		memcpy(r->ips, resolve_last.ips, sizeof(r->ips));
		r->n = resolve_last.n;
	}
	resolve_done(-1, 0, r);
}

static void
resolve_done(int fd, short what, void *arg)
{
	struct smtp_resolve	*r = arg;

	(void)fd;
	(void)what;
	r->fn(r->arg, r->ips, r->n, r->n > 0 ? NULL :
	    "no address, or no name server answered");
	free(r);
}
