/* SPDX-License-Identifier: ISC */
/*
 * Small objects: types whose whole object is a little JSON kept as one row
 * of store_object_* (Identity, EmailSubmission, VacationResponse, ...).
 *
 * Such a type is a struct jmap_type with the functions below and a pointer
 * to a struct jmap_object_type for what is its own:
 *
 *	const struct jmap_type identity_type = {
 *		.name = "Identity",
 *		.kind = STORE_IDENTITY,
 *		.props = identity_props, .nprops = nitems(identity_props),
 *		.object = &identity_object,
 *		JMAP_OBJECT_METHODS,
 *	};
 *
 * Its property table has "id" and no put or set: kind and default of each
 * property are bits of its flags.  Objects are in memory as a JSON value
 * that has every property of the table but the id, so a check looks at
 * js_get(o->val, "name").
 *
 * The row: byte 0xb1, number of blobs (2 bytes), their hashes, JSON.  The
 * store counts the blobs' references by that (store.h 12), and so does
 * jmapctl check.  A property that is not in the table any more is dropped
 * when read, one that is new has its default: no upgrade is needed for that.
 */
#ifndef WORKER_JMAP_JMAP_OBJECT_H
#define WORKER_JMAP_JMAP_OBJECT_H

#include "worker/jmap/jmap_query.h"

/* Kinds, in the flags of a struct jmap_prop beside JP_*.  The default of a
 * property that a create leaves out, and what null in a patch means. */
#define JO_KIND		0x00001f00u
#define JO_STR		0x00000100u	/* String, "" */
#define JO_STR_NULL	0x00000200u	/* null; so are all _NULL */
#define JO_BOOL		0x00000300u	/* false */
#define JO_UINT		0x00000400u	/* 0 */
#define JO_UINT_NULL	0x00000500u
#define JO_DATE		0x00000600u	/* UTCDate; has no default */
#define JO_DATE_NULL	0x00000700u
#define JO_ID		0x00000800u	/* has no default */
#define JO_ID_NULL	0x00000900u
#define JO_OBJ_NULL	0x00000a00u
#define JO_ARR_NULL	0x00000b00u
#define JO_ARR		0x00000c00u	/* [] */
#define JO_ADDRS_NULL	0x00000d00u	/* EmailAddress[]|null, RFC 8621 4.1 */
#define JO_BLOBS	0x00000e00u	/* Id[] of blobs it keeps alive, [] */
#define JO_ANY_NULL	0x00000f00u
#define JO_MUST		0x00010000u	/* a create must have it */
#define JO_FILLED	0x00020000u	/* not kept: fill() says it each time */

struct jmap_object {
	uint64_t	 id;
	struct js_val	*val;		/* an object; ours */
};

/* Every function may be NULL.  1 yes/done; 0 refused, s->e is filled; -1 the
 * store failed (through jmap_api_store) or memory did. */
struct jmap_object_type {
	int		 letter;	/* of its ids (store_id_object); 0: one
					 * object with the id "singleton" */
	size_t		 max;		/* of an account; 0: any number */
	/* Set the JO_FILLED properties. */
	int		(*fill)(struct jmap_call *, struct jmap_object *);
	/* One property a client sent, of the right kind, not null where that
	 * is the default: 0, or -1 (jmap_set_bad may say why). */
	int		(*check)(struct jmap_set *, const struct jmap_prop *,
			    struct js_val *);
	/* The whole, before it is kept: may set server-set properties. */
	int		(*create)(struct jmap_set *, struct jmap_object *);
	/* It is kept and has its id. */
	int		(*created)(struct jmap_set *, struct jmap_object *);
	/* old as it was; may change the new one. */
	int		(*update)(struct jmap_set *, const struct jmap_object *,
			    struct jmap_object *);
	int		(*destroy)(struct jmap_set *,
			    const struct jmap_object *);
};

/* For the struct jmap_type; queries need conds and orders, too, whose match
 * and cmp functions get struct jmap_object pointers. */
int	jmap_object_all(struct jmap_get *, struct jmap_ids *);
int	jmap_object_row(struct jmap_get *, const char *);
int	jmap_object_create(struct jmap_set *, struct js_val *,
	    char [JMAP_ID_MAX + 1]);
int	jmap_object_update(struct jmap_set *, const char *,
	    const struct jmap_patch *);
int	jmap_object_destroy(struct jmap_set *, const char *);
const struct jmap_error	*jmap_object_query(struct jmap_query *);
/* Conditions and comparators with a code of JMAP_OBJECT_MUTABLE are about
 * properties that change: then updated objects may move. */
const struct jmap_error	*jmap_object_query_changes(struct jmap_query *);
#define JMAP_OBJECT_MUTABLE	1

#define JMAP_OBJECT_METHODS						\
	.all = jmap_object_all, .row = jmap_object_row,			\
	.create = jmap_object_create, .update = jmap_object_update,	\
	.destroy = jmap_object_destroy

/* --- for code of ours (jmap_objrow.c); mostly without a JMAP call -------- */

/* The id's text, and back: 0, or -1. */
size_t	jmap_objrow_id(const struct jmap_type *, uint64_t,
	    char out[STORE_IDLEN]);
int	jmap_objrow_id_get(const struct jmap_type *, const char *, uint64_t *);
/* The default of a kind, given; NULL is null. */
struct js_val	*jmap_objrow_default(unsigned flags);
/* An object of defaults: 0, or -1 no memory. */
int	jmap_objrow_new(const struct jmap_type *, struct jmap_object *);
/* Read, without fill(); STORE_CORRUPT when it is not ours.  Free it then. */
enum store_err	jmap_objrow_load(struct store_txn *, const struct jmap_type *,
		    uint64_t id, struct jmap_object *);
/* Every object of the type, in the call's arena: 1, or -1 as jmap_api_store.
 * Free each of the *n in any case. */
int		jmap_objrow_all(struct jmap_call *, const struct jmap_type *,
		    struct jmap_object **, size_t *n);
/* Create (o->id 0: a new id; that of a singleton is 1) or replace. */
enum store_err	jmap_objrow_create(struct store_txn *,
		    const struct jmap_type *, struct jmap_object *);
enum store_err	jmap_objrow_update(struct store_txn *,
		    const struct jmap_type *, const struct jmap_object *);
void		jmap_objrow_free(struct jmap_object *);
/* Set a property (takes the value): 0, or -1 no memory. */
int		jmap_objrow_set(struct jmap_object *, const char *,
		    struct js_val *);
int		jmap_objrow_set_str(struct jmap_object *, const char *,
		    const char *);

#endif
