/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets as the configuration asks for them: made here, kept and
 * accepted on by listen.c, who alone uses this.
 */
#ifndef DAEMON_LISTEN_SOCK_H
#define DAEMON_LISTEN_SOCK_H

#include "common/compat.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

struct conf_listen;

union listen_addr {
	struct sockaddr		 sa;
	struct sockaddr_in	 in;
	struct sockaddr_in6	 in6;
	struct sockaddr_un	 un;
	struct sockaddr_storage	 ss;
};

/* Where a listener is: its path, else this address (its own, or one of the
 * two that stand for every one) and its port.  The length. */
socklen_t	listen_sock_addr(union listen_addr *,
		    const struct conf_listen *, const char *address);
/* 1 if the port is the kernel's to choose. */
int		listen_sock_any(const union listen_addr *);
/* A listening descriptor, and in *have what it is bound to; or -1 with
 * errno. */
int		listen_sock_bind(const union listen_addr *want, socklen_t len,
		    union listen_addr *have);

#endif
