/* SPDX-License-Identifier: ISC */
/* jmapctl headers: what an answer would carry.  A message of worker.c. */
#ifndef WORKER_PROBE_H
#define WORKER_PROBE_H

#include "common/compat.h"

struct msg;
struct proc_peer;

/* MSG_CTL_HEADERS: rows, then MSG_CTL_END. */
void	probe_headers(struct proc_peer *, struct msg *);

#endif
