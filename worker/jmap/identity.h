/* SPDX-License-Identifier: ISC */
/* Identities (RFC 8621 6), as submissions and receipts use them. */
#ifndef WORKER_JMAP_IDENTITY_H
#define WORKER_JMAP_IDENTITY_H

#include "worker/jmap/jmap_object.h"

/* Before any method that asks for identities: one for each address of the
 * account is there (struct jmap_type's prepare). */
int	identity_prepare(struct jmap_call *);
/* Read one by its id: 1 (free it), 0 no such, -1. */
int	identity_get(struct jmap_call *, const char *id, struct jmap_object *);
/* 1 if mail may be sent from the address under this identity: it is the
 * identity's (with a detail or not; any, of "*@domain"), and its email is
 * still one of the user's. */
int	identity_may(struct jmap_call *, const struct jmap_object *,
	    const char *address);

#endif
