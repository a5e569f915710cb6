/* SPDX-License-Identifier: ISC */
/* JMAP over WebSocket (RFC 8887), for worker_routes.c and worker.c. */
#ifndef WORKER_WORKER_WS_H
#define WORKER_WORKER_WS_H

struct req;

/* Once a process. */
void	worker_ws_init(void);
/* GET. */
void	worker_ws_get(struct req *);

#endif
