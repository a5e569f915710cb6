/* SPDX-License-Identifier: ISC */
/*
 * Reports of abuse: which of them the parent believes.  See ban.h.  A worker
 * that was taken over shall be able to shut out nobody but those who have
 * connected to it.
 */
#include "common/compat.h"

#include <string.h>

#include "common/log.h"
#include "daemon/ban.h"
#include "daemon/daemon.h"

static int	ban_report_worker(struct child *, const struct msg_abuse *,
		    const struct ip *);
static int	ban_report_auth(const struct msg_abuse *, const struct ip *);

void
ban_report(struct child *c, const struct msg_abuse *m)
{
	struct ip	 ip;
	char		 text[IP_STRLEN];

	memset(&ip, 0, sizeof(ip));
	if (m->client.family != IP_V4 && m->client.family != IP_V6)
		return;			/* a unix socket has no source */
	ip.af = m->client.family;
	memcpy(ip.b, m->client.addr, ip.af == IP_V4 ? 4 : 16);
	if (m->kind >= MSG_ABUSE_MAX ||
	    (m->kind == MSG_ABUSE_AUTH) != (c->id == PROC_AUTH)) {
		log_warnx("%s %u reports what is not its to report",
		    msg_procs[c->id], c->slot);
		c->peer.dead = 1;
	} else if (c->id == PROC_AUTH ? ban_report_auth(m, &ip) :
	    ban_report_worker(c, m, &ip))
		ban_fault(&ip, m->kind);
	else
		log_debug("%s %u accuses %s: not believed", msg_procs[c->id],
		    c->slot, ip_str(&ip, text));
}

/* The connection is the worker's, and the address its peer's or, if that may
 * tell of clients, any. */
static int
ban_report_worker(struct child *c, const struct msg_abuse *m,
    const struct ip *ip)
{
	struct ip	 peer;
	int		 tells;

	if (listen_peer(c, m->conn, &peer, &tells) == -1)
		return 0;
	return tells || ip_eq(&peer, ip);
}

/* By the time a password is found wrong the connection may have ended. */
static int
ban_report_auth(const struct msg_abuse *m, const struct ip *ip)
{
	return listen_knows(m->worker, ip);
}
