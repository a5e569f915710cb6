/* SPDX-License-Identifier: ISC */
/* The event stream of RFC 8620 7.3, for worker_routes.c and worker.c. */
#ifndef WORKER_EVENTSOURCE_H
#define WORKER_EVENTSOURCE_H

struct req;

/* Once a process. */
void	eventsource_init(void);
/* GET, class E. */
void	eventsource_get(struct req *);
/* The worker drains: end every stream, take no new one. */
void	eventsource_drain(void);

#endif
