/* SPDX-License-Identifier: ISC */
/* The relay as the configuration names it: "host", "host:port", "[v6]:port". */
#ifndef DAEMON_QUEUE_HOST_H
#define DAEMON_QUEUE_HOST_H

#include "common/compat.h"
#include "common/ip.h"

#define QUEUE_HOST	256	/* bytes of a host's name, NUL too */

/* tls: enum conf_relay_tls, for the port that is not said.  0, or -1. */
int	queue_host(const char *, uint64_t tls, char host[QUEUE_HOST],
	    uint16_t *port);
/* 1 if the name is this machine's own. */
int	queue_host_loopback(const char *host);

#endif
