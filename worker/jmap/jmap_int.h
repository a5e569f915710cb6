/* SPDX-License-Identifier: ISC */
/*
 * What the files of the core share with one another and with no type:
 * jmap_api.c, jmap_call.c, jmap_ref.c.
 */
#ifndef WORKER_JMAP_JMAP_INT_H
#define WORKER_JMAP_JMAP_INT_H

#include "worker/jmap/jmap.h"

struct jmap_created {			/* of req->created */
	const char	*cid;
	const char	*id;
};

/* An answer that was given: where it stands, for back references. */
struct jmap_result {
	const char	*id;		/* method call id */
	const char	*name;		/* NULL: an error */
	size_t		 off, len;	/* of its arguments in req->out */
	struct js_val	*val;		/* these parsed, once asked for */
};

/* A back reference that some call of the request makes. */
struct jmap_want {
	struct js_val	*ref;		/* ours: the strings are in it */
	const char	*of, *name, *path;
	int		 kept;		/* a method fills ids */
	struct jmap_ids	 ids;
};

/* Run a call: appends [name, {...}, id], or ["error", {...}, id]. */
void	jmap_call(struct jmap_call *, const char *name);

/* Note all back references of the methodCalls; a hint, it cannot fail. */
void	jmap_ref_wants(struct jmap_req *, struct js_val *);
/* Replace "#name" members of c->args by what they refer to. */
const struct jmap_error	*jmap_ref_resolve(struct jmap_call *);
/* The call is rolled back: forget what it kept. */
void	jmap_ref_forget(struct jmap_call *);
void	jmap_ref_free(struct jmap_req *);

/* Drop the implicit calls that a call which failed had asked for. */
void	jmap_api_unqueue(struct jmap_call *);
int	jmap_api_is_id(const char *);	/* RFC 8620 1.2 */

#endif
