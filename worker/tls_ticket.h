/* SPDX-License-Identifier: ISC */
/*
 * Session tickets, the only memory that a TLS session has here, because the
 * next connection may land on another worker (RFC 5077, RFC 8446 4.6.1).
 */
#ifndef WORKER_TLS_TICKET_H
#define WORKER_TLS_TICKET_H

#include "common/compat.h"

struct msg_ticket;
struct ssl_ctx_st;

/* Once, before the sandbox.  Fatal on failure. */
void	tls_ticket_init(void);
/* The keys of all workers: the first makes, each of them opens. */
void	tls_ticket_keys(const struct msg_ticket *);
/* Connections of this context give and take tickets. */
void	tls_ticket_use(struct ssl_ctx_st *);

#endif
