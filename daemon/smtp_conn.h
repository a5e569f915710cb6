/* SPDX-License-Identifier: ISC */
/*
 * Connections to a relay: sockets, TLS, timeouts around smtp_client.c, in the
 * process that has called event_init.  RFC 5321, 3207, 8314.
 *
 * One connection carries one mail at a time, several in turn:
 *
 *	smtp_conn_open -> ready -> smtp_conn_send -> done -> ready -> ...
 *	    -> smtp_conn_quit -> closed
 *
 * ready:  the relay waits for a mail: call smtp_conn_send or smtp_conn_quit,
 *	   now or later; an idle connection costs a descriptor.
 * done:   all results of the mail are set, it is the caller's again.  After
 *	   it comes ready or closed, not before done has returned.
 * closed: always the last one, always comes; the connection is freed when it
 *	   returns.  why->class is SMTP_SENT when it ended in good order (QUIT,
 *	   limit of mails, idle), else why nothing could be sent: what to put
 *	   into the recipients that were waiting for it.  done comes before it
 *	   if a mail was under way.
 * No callback comes from within smtp_conn_open; from within the others never
 * the one of the same connection.
 *
 * What the process needs of its sandbox, Linux: socket(2) of AF_INET and
 * AF_INET6 with SOCK_STREAM (and SOCK_DGRAM for smtp_resolve), connect, bind
 * none, setsockopt none, getsockopt(SO_ERROR), read/write/sendto/recvfrom/
 * shutdown/close/epoll as every role; Landlock must not handle
 * LANDLOCK_ACCESS_NET_CONNECT_TCP for the role; no sandbox_network().
 * OpenBSD: pledge "inet".  Before the sandbox: smtp_tls_init, smtp_tls_new
 * (reads the authorities), smtp_resolve_init (reads resolv.conf, hosts).
 */
#ifndef DAEMON_SMTP_CONN_H
#define DAEMON_SMTP_CONN_H

#include "common/compat.h"
#include "daemon/smtp.h"

struct smtp_conn;
struct ssl_ctx_st;

struct smtp_conn_cb {
	void	(*ready)(struct smtp_conn *, void *arg);
	void	(*done)(struct smtp_conn *, struct smtp_mail *, void *arg);
	void	(*closed)(struct smtp_conn *, const struct smtp_result *why,
		    void *arg);
};

/*
 * Connect to the first of n addresses that answers, in their order (they are
 * copied).  ctx of smtp_tls_new, NULL only with SMTP_TLS_NONE; a reference is
 * taken.  NULL: no memory or descriptor (errno); no callback comes then.
 */
struct smtp_conn	*smtp_conn_open(const struct smtp_relay *,
			    struct ssl_ctx_st *ctx, const struct ip *, size_t n,
			    uint16_t port, const struct smtp_conn_cb *,
			    void *arg);
/* Send a mail; only after ready and before the next done.  The mail and all
 * that it points to must stay until done. */
void	smtp_conn_send(struct smtp_conn *, struct smtp_mail *);
/* 1: it waits for a mail. */
int	smtp_conn_ready(const struct smtp_conn *);
/* QUIT, politely, after the mail under way if there is one. */
void	smtp_conn_quit(struct smtp_conn *);

#endif
