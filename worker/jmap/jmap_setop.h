/* SPDX-License-Identifier: ISC */
/* The operations of one Foo/set: jmap_set.c, jmap_setref.c, jmap_setout.c. */
#ifndef WORKER_JMAP_JMAP_SETOP_H
#define WORKER_JMAP_JMAP_SETOP_H

#include "worker/jmap/jmap.h"

enum set_kind { SET_CREATE, SET_UPDATE, SET_DESTROY, SET_KINDS };
enum set_state { SET_PENDING, SET_DONE, SET_REFUSED };

struct set_op {
	enum set_kind		 kind;
	enum set_state		 state;
	const char		*key;	/* creation id, or id, as sent */
	const char		*id;	/* real, once known */
	struct js_val		*val;
	struct jmap_seterr	 err;
	const char		*reply;	/* JSON members, or NULL */
};

struct set_ops {
	struct set_op	*op;
	size_t		 n;
};

/* op->id for an update or destroy: 1, or 0 with s->e filled; s->later set
 * when the creation id is still to come. */
int	jmap_setref_id(struct jmap_set *, const struct set_ops *,
	    struct set_op *);
/*
 * The object or patch of op with real ids for creation ids, given to the
 * caller: 1, 0 refused or to be tried again (s->later), -1 no memory.
 */
int	jmap_setref(struct jmap_set *, const struct set_ops *,
	    const struct set_op *, struct js_val **);

/* Append the arguments of the response; states before and after. */
void	jmap_setout(struct jmap_set *, const struct set_ops *, uint64_t before,
	    uint64_t after);

#endif
