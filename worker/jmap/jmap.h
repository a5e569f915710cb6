/* SPDX-License-Identifier: ISC */
/*
 * JMAP (RFC 8620, 8621): the folder's manual.
 *
 * jmap_api() takes the bytes of a request and a user, and appends the bytes
 * of the answer; it knows no HTTP.  It runs each call through a row of the
 * method table (jmap_table.c), inside a store transaction it opened and ends.
 * What a write method changed is durable before its answer is appended; on
 * an error the output is cut back to where the call began and the
 * transaction is dropped.
 *
 * A type (Mailbox, Email, ...) is one file with a struct jmap_type; the
 * standard methods /get /changes /set /query /queryChanges exist once and
 * are driven by it.  To add a type: write the file, name its methods in
 * jmap_table.c.
 *
 * Ids are C strings in the request's arena (RFC 8620 1.2: 1 to 255 of
 * A-Za-z0-9-_).  Everything allocated for a request lives in req->arena.
 * Errors of a client are const objects; NULL is success.
 *
 * Beside this: jmap_query.h (filters and sorting), jmap_blob.h (blob ids and
 * bytes), jmap_push.h (states for push), jmap_session.h, jmap_share.h (whose
 * account it is), jmap_object.h (types whose objects are small rows).
 */
#ifndef WORKER_JMAP_JMAP_H
#define WORKER_JMAP_JMAP_H

#include "common/compat.h"

#include <stdarg.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/js.h"
#include "worker/store/store.h"

#define JMAP_ID_MAX	255	/* bytes of an Id */

struct jmap_call;
struct jmap_get;
struct jmap_set;
struct jmap_query;
struct jmap_cond;
struct jmap_order;
struct jmap_changes;
struct jmap_patch;
struct jmap_method;
struct jmap_type;
struct jmap_object_type;
struct jmap_dir;
struct jmap_shared;
struct store_share;
struct card;

/* --- errors (jmap_error.c) --------------------------------------------- */

/* A method-level error (RFC 8620 3.6.2) or the type of a SetError (5.3). */
struct jmap_error {
	const char	*type;
};
extern const struct jmap_error
    /* of any method */
    jmap_error_server_unavailable, jmap_error_server_fail,
    jmap_error_unknown_method, jmap_error_invalid_arguments,
    jmap_error_invalid_result_reference, jmap_error_forbidden,
    jmap_error_account_not_found, jmap_error_account_not_supported,
    jmap_error_account_read_only, jmap_error_request_too_large,
    jmap_error_state_mismatch, jmap_error_cannot_calculate_changes,
    jmap_error_anchor_not_found, jmap_error_unsupported_sort,
    jmap_error_unsupported_filter, jmap_error_too_many_changes,
    jmap_error_from_account_not_found,
    jmap_error_unknown_data_type,	/* RFC 9404 */
    /* of one object in a /set; forbidden and stateMismatch as above */
    jmap_error_over_quota, jmap_error_too_large, jmap_error_rate_limit,
    jmap_error_not_found, jmap_error_invalid_patch,
    jmap_error_will_destroy, jmap_error_invalid_properties,
    jmap_error_singleton, jmap_error_already_exists,
    /* RFC 8621 */
    jmap_error_mailbox_has_child, jmap_error_mailbox_has_email,
    jmap_error_blob_not_found, jmap_error_too_many_keywords,
    jmap_error_too_many_mailboxes, jmap_error_invalid_email,
    jmap_error_too_many_recipients, jmap_error_no_recipients,
    jmap_error_invalid_recipients, jmap_error_forbidden_mail_from,
    jmap_error_forbidden_from, jmap_error_forbidden_to_send,
    jmap_error_cannot_unsend,
    /* RFC 9007 */
    jmap_error_mdn_already_sent;

/* "return jmap_error_say(c, &jmap_error_x, "why %s", ...)": sets the
 * description of the call's error, and returns the error. */
const struct jmap_error	*jmap_error_say(struct jmap_call *,
			    const struct jmap_error *, const char *, ...)
			    __printflike_(3, 4);
/* A description, perhaps cut short, in the arena; without memory NULL: the
 * error goes without. */
const char	*jmap_error_text(struct arena *, const char *, va_list)
		    __printflike_(2, 0);

/* A request-level error: RFC 9457 problem details (RFC 8620 3.6.1). */
struct jmap_problem {
	int		 status;	/* as HTTP would say it */
	const char	*type;		/* URN, or "about:blank" */
	const char	*title;
	const char	*limit;		/* the limit's name, or NULL */
};
extern const struct jmap_problem
    jmap_error_not_json, jmap_error_not_request, jmap_error_internal,
    jmap_error_unknown_capability, jmap_error_limit_size,
    jmap_error_limit_calls, jmap_error_limit_concurrent,
    jmap_error_limit_upload, jmap_error_limit_concurrent_upload;
/* Append the problem as a JSON object; detail may be NULL. */
void	jmap_error_problem(struct buf *, const struct jmap_problem *,
	    const char *detail);

/* --- the request (jmap_api.c) ------------------------------------------ */

/* Bits of capabilities; names and objects are in jmap_session.c. */
enum jmap_cap {
	JMAP_CAP_CORE		= 1 << 0,
	JMAP_CAP_MAIL		= 1 << 1,
	JMAP_CAP_SUBMISSION	= 1 << 2,
	JMAP_CAP_VACATION	= 1 << 3,
	JMAP_CAP_WEBSOCKET	= 1 << 4,
	JMAP_CAP_QUOTA		= 1 << 5,
	JMAP_CAP_BLOB		= 1 << 6,
	JMAP_CAP_PRINCIPALS	= 1 << 7,
	JMAP_CAP_SHARE		= 1 << 8,
	JMAP_CAP_SMIME		= 1 << 15,
	JMAP_CAP_MDN		= 1 << 14,
	JMAP_CAP_VAPID		= 1 << 16,
	JMAP_CAP_EMAILPUSH	= 1 << 17
};

struct jmap_limits {
	uint64_t	 max_size_upload;	/* bytes */
	uint64_t	 max_size_request;	/* bytes */
	uint64_t	 max_size_response;	/* bytes, ours */
	unsigned	 max_concurrent_upload;	/* per account */
	unsigned	 max_concurrent_requests;
	unsigned	 max_calls_in_request;
	unsigned	 max_objects_in_get;
	unsigned	 max_objects_in_set;
	unsigned	 max_query;		/* ids of one /query */
	unsigned	 max_changes;		/* ids of one /changes */
	unsigned	 max_created_ids;	/* entries of createdIds */
	int64_t		 max_ms;		/* time of one request */
	/* RFC 8621 1.3.1 */
	unsigned	 max_mailbox_depth;
	unsigned	 max_mailbox_name;	/* bytes */
	unsigned	 max_mailboxes_per_email;
	uint64_t	 max_attachments;	/* bytes of one email */
	/* RFC 8621 7 */
	uint64_t	 max_message;	/* bytes of one that is sent */
	unsigned	 max_recipients;	/* of one submission */
	uint64_t	 max_delayed;	/* s, RFC 8621 1.3.2 */
};
extern const struct jmap_limits	jmap_api_limits;	/* design.md 8 */

/* What one server says to all: built at configuration. */
struct jmap_env {
	const struct jmap_limits	*limits;
	const char	*url;		/* "https://host[:port]", no slash */
	uint64_t	 generation;	/* of the configuration */
	const struct pushsub_conf *push;	/* NULL: defaults */
	int		 share_subscribed; /* what is shared is subscribed to */
};

/* Who asks.  For now a user is the owner of exactly one account. */
struct jmap_user {
	const char	*name;		/* login name, of the Session */
	const char	*account;	/* account id (an Id) */
	struct store	*store;		/* the account's, open */
	unsigned	 caps;		/* JMAP_CAP_ bits this user may use */
	const struct card *card;	/* names and addresses, or NULL */
	uint64_t	 number;	/* of the account */
	uint64_t	 quota;		/* of the account, bytes; 0: none */
	uint64_t	 viewer;	/* who looks at it, 0 the owner: for
					 * jmap_blob_upload and _download */
	const struct jmap_dir *dir;	/* principals he may see, or NULL */
	int		 may_send;	/* PERM_EMAIL_SEND */
};

/* A list of ids in the arena; put them in with jmap_api_add(). */
struct jmap_ids {
	const char	**id;
	size_t		 n;
	size_t		 cap;
};

struct jmap_req {
	const struct jmap_env	*env;
	const struct jmap_user	*user;
	struct arena		 arena;
	unsigned		 using;		/* JMAP_CAP_ bits */
	int64_t			 start;		/* date_mono() */
	struct buf		*out;
	/* the rest is jmap_api.c's and jmap_ref.c's own */
	struct js_val		*json;
	size_t			 base;		/* of our bytes in out */
	struct jmap_result	*results;
	size_t			 nresults;
	struct jmap_want	*wants;
	size_t			 nwants;
	struct jmap_created	*created;
	size_t			 ncreated, capcreated;
	int			 give_created;	/* client sent createdIds */
	STAILQ_HEAD(, jmap_call) queue;		/* implicit calls to come */
	size_t			 nimplicit;
	size_t			 nodes;		/* back references visited */
	uint64_t		 shares;	/* state of STORE_SHARED, + 1 */
};

struct jmap_call {
	struct jmap_req			*req;
	const struct jmap_method	*method;
	const char			*id;	/* method call id */
	struct js_val			*args;	/* references resolved */
	struct store_txn		*txn;
	const char			*account; /* whose data it is about */
	struct store			*store;	/* of that account */
	int				 shared; /* it is not the user's own */
	struct store_share		*shares; /* of it: mailbox_share.c */
	size_t				 nshares;
	struct buf			*out;	/* = req->out */
	const char			*desc;	/* of the error, or NULL */
	const char			*more;	/* its further JSON members */
	enum store_err			 store_err; /* see jmap_api_store */
	const char			*ref_name; /* "#ref_name" was */
	const struct jmap_ids		*ref_ids;  /* resolved to these */
	struct jmap_call		*parent; /* of an implicit call */
	int				 want_write; /* see prepare() */
	/* A method may set it: called once, when its transaction has been
	 * committed (1) or dropped (0). */
	void				(*ended)(struct jmap_call *, int);
	void				*ended_arg;
	STAILQ_ENTRY(jmap_call)		 entry;
};

/*
 * A method: appends exactly one JSON object, the arguments of its response,
 * to c->out and returns NULL; or returns an error, then what it appended is
 * cut away.  With JM_ACCOUNT, accountId was checked and may be ignored.
 */
typedef const struct jmap_error	*jmap_fn(struct jmap_call *);

#define JM_READ		0x01	/* runs in a read transaction */
#define JM_WRITE	0x02	/* in a write transaction */
#define JM_ACCOUNT	0x04	/* takes accountId */
#define JM_REFS		0x08	/* takes "#ids"/"#destroy" as c->ref_ids */
#define JM_ARGUMENT	0x10	/* an unknown accountId is a wrong argument */

struct jmap_method {
	const char			*name;	/* "Foo/get" */
	unsigned			 cap;	/* JMAP_CAP_ bit */
	jmap_fn				*fn;
	unsigned			 flags;	/* JM_ */
	const struct jmap_type		*type;	/* for the standard methods */
};
/* jmap_table.c: every method, in strcmp order. */
const struct jmap_method	*jmap_table_find(const char *);
size_t	 jmap_table_all(const struct jmap_method **);	/* for tests */

/*
 * Run one request of len bytes.  NULL: the response object was appended to
 * out.  Else the request-level error: *detail (static, or NULL) says more,
 * and nothing was appended.  ws: the request is an RFC 8887 message; "@type"
 * and "id" go back out, and a problem is appended, too.
 */
const struct jmap_problem	*jmap_api(const struct jmap_env *,
				    const struct jmap_user *, const void *,
				    size_t len, int ws, struct buf *out,
				    const char **detail);

/*
 * What the store said: 1 for STORE_OK, 0 for a refusal (e up to
 * STORE_REFUSED), else -1 and noted in the call: return an error then (any:
 * return jmap_api_lost(c)); the call is rolled back, run again for
 * STORE_AGAIN, or answered with serverFail or serverUnavailable.
 */
int	 jmap_api_store(struct jmap_call *, enum store_err);
const struct jmap_error	*jmap_api_lost(struct jmap_call *);

/* Ids: append (copied into the arena); 0, or -1 when out of memory. */
int	 jmap_api_add(struct jmap_req *, struct jmap_ids *, const char *,
	    size_t);
/* Each once (jmap_ids.c): 0, or -1 when out of memory. */
int	 jmap_ids_unique(struct jmap_req *, struct jmap_ids *);
/* The same of what js_rd_ids() gave, appended, with the ids of creation ids;
 * one that is nobody's stays: there is no such object. */
int	 jmap_ids_take(struct jmap_req *, struct js_val *, struct jmap_ids *);
/* The texts of n numbers of a type, appended: 0, -1. */
int	 jmap_ids_put(struct jmap_req *, const struct jmap_type *,
	    const uint64_t *, size_t n, struct jmap_ids *);
/* The real id for a text that may be "#creationId"; NULL: no such. */
const char	*jmap_api_real(struct jmap_req *, const char *);
/* Remember what a creation id became.  0 or -1. */
int	 jmap_api_created(struct jmap_req *, const char *cid, const char *id);
/* Run another method after this one, with the same call id (as RFC 8621 7.5
 * onSuccessUpdateEmail).  Takes args over. */
int	 jmap_api_implicit(struct jmap_call *, const char *method,
	    struct js_val *);
/* 1 when the request has had its time or the response its bytes. */
int	 jmap_api_spent(struct jmap_req *);
/* States: the text of a modseq, and back (-1: not one of ours). */
const char	*jmap_api_state(struct jmap_req *, uint64_t);
int	 jmap_api_state_get(const char *, uint64_t *);
/* Append "accountId":"...". */
void	 jmap_api_account(struct jmap_call *);

/*
 * Back references (jmap_ref.c, RFC 8620 3.7).  A method that can cheaply
 * give the ids a later call will ask for asks jmap_ref_keep() with the path
 * ("/ids", "/list/" "*" "/threadId"): NULL when nobody will, else where to
 * jmap_api_add() them, all of them in order.  Anything not kept is parsed
 * from the response when it is asked for.
 */
struct jmap_ids	*jmap_ref_keep(struct jmap_call *, const char *path);

/* --- types ------------------------------------------------------------- */

#define JP_SERVER	0x01	/* server-set: a client may not choose it */
#define JP_FIXED	0x02	/* immutable after creation */
#define JP_NOTDEF	0x04	/* not in /get's default set */
#define JP_IDREF	0x08	/* Id, Id[] or Id[x]: "#cid" is resolved */
#define JP_SMIME	0x10	/* only there with JMAP_CAP_SMIME (RFC 9219) */
#define JP_SHARING	0x20	/* only where "using" names sharing */
#define JP_EMAILPUSH	0x40	/* only there with JMAP_CAP_EMAILPUSH */
#define JP_HIDDEN	0x80	/* kept, never told, unknown to clients:
				 * give it JP_NOTDEF | JP_SERVER, too */

/*
 * put: append the value (no key) of obj.  set: take val into obj, where val
 * has passed nothing but JSON; return 0, or -1 to put the property's name in
 * invalidProperties (s->e.desc may say why).
 */
typedef void	jmap_prop_put(struct jmap_call *, const void *, struct buf *);
typedef int	jmap_prop_set(struct jmap_set *, void *, struct js_val *);
struct jmap_prop {
	const char	*name;
	unsigned	 flags;
	jmap_prop_put	*put;
	jmap_prop_set	*set;
};

/*
 * Each function may be NULL where the type has no such method.  Ints are
 * 1 yes/done, 0 no/not found/refused, -1 the store failed (it went through
 * jmap_api_store) or memory did: the whole method is rolled back.
 */
struct jmap_type {
	const char		*name;		/* "Mailbox" */
	enum store_type		 kind;		/* STORE_TYPES: has no state */
	int			 unbound;	/* of the login: no accountId,
						 * no states (RFC 8620 7.2) */
	/* text of a number in store_changes: store_id_mail or the like;
	 * NULL: that of jmap_objrow_id, for types with object below */
	size_t			(*idtext)(uint64_t, char out[STORE_IDLEN]);
	const struct jmap_prop	*props;		/* in strcmp order */
	size_t			 nprops;
	/* bytes of the object load() fills, if the property table is used */
	size_t			 size;
	const struct jmap_object_type *object;	/* see jmap_object.h */
	/* Before every method of the type: make what must be there.  1, -1,
	 * or 0 when c->want_write was set: the call is a reader's and is run
	 * again in a write transaction. */
	int			(*prepare)(struct jmap_call *);

	/* /get.  args: read further arguments (js_rd_end is called after).
	 * other: a property name that is in no table ("header:..."): 1 if it
	 * is a good one (keep it in g->more), else 0.
	 * all: every id, or NULL when "ids": null is too large.
	 * row: append the object with jmap_get_props() or otherwise. */
	const struct jmap_error	*(*args)(struct jmap_get *, struct js_rd *);
	int	(*other)(struct jmap_get *, const char *);
	int	(*all)(struct jmap_get *, struct jmap_ids *);
	int	(*row)(struct jmap_get *, const char *id);
	int	(*load)(struct jmap_call *, const char *id, void *obj);
	uint64_t (*state)(struct jmap_call *);	/* NULL: store's for kind */

	/* /changes: further members of the response, before the lists, from
	 * which it may take out. */
	int	(*changes)(struct jmap_changes *, struct buf *);

	/* /set.  args as above.  create: make it from obj (JSON, creation ids
	 * of JP_IDREF properties resolved, server-set properties refused
	 * before), put its id in id[] and further members of the created
	 * object into s->reply.  update: by a patch.  destroy.  Each returns
	 * 1 done, 0 refused with s->e filled (jmap_set_refuse), -1.
	 * begin and finish bracket all of it. */
	const struct jmap_error	*(*set_args)(struct jmap_set *, struct js_rd *);
	int	(*set_begin)(struct jmap_set *);
	int	(*create)(struct jmap_set *, struct js_val *,
		    char id[JMAP_ID_MAX + 1]);
	int	(*update)(struct jmap_set *, const char *id,
		    const struct jmap_patch *);
	int	(*destroy)(struct jmap_set *, const char *id);
	int	(*set_finish)(struct jmap_set *);

	/* /query.  Conditions and sort properties in strcmp order.  query:
	 * run q; for queryChanges the second. */
	const struct jmap_cond	*conds;
	size_t			 nconds;
	const struct jmap_order	*orders;
	size_t			 norders;
	const struct jmap_error	*(*query_args)(struct jmap_query *,
				    struct js_rd *);
	const struct jmap_error	*(*query)(struct jmap_query *);
	const struct jmap_error	*(*query_changes)(struct jmap_query *);
};

/* The standard methods: jmap_fn to stand in the method table. */
jmap_fn	jmap_get, jmap_changes, jmap_set, jmap_query,
	jmap_query_changes;

/* --- /get (jmap_get.c) ------------------------------------------------- */

struct jmap_get {
	struct jmap_call	*c;
	const struct jmap_type	*type;
	struct jmap_ids		 ids;		/* asked for, no duplicates */
	struct jmap_ids		 missing;	/* notFound */
	uint64_t		 want;		/* bit i: type->props[i] */
	int			 all_props;	/* no or null "properties" */
	struct jmap_ids		 more;		/* names other() accepted */
	void			*obj;		/* type->size bytes */
	void			*arg;		/* the type's own */
};
/* Index of a property in the type's table, or -1. */
int	jmap_get_prop(const struct jmap_type *, const char *);
/* RFC 8620 1.8: 1 if what the request opted into has that property. */
int	jmap_get_there(const struct jmap_req *, const struct jmap_prop *);
/* jmap_get_prop() of a name that a client said: -1 if it is not there. */
int	jmap_get_named(const struct jmap_req *, const struct jmap_type *,
	    const char *);
/* 1 if the property of that name is wanted. */
int	jmap_get_wants(const struct jmap_get *, const char *);
/* Parse "properties" alone, for methods of their own (Email/parse,
 * SearchSnippet): fills want, all_props, more. */
const struct jmap_error	*jmap_get_properties(struct jmap_get *,
			    struct js_val *);

/* --- /changes (jmap_changes.c) ----------------------------------------- */

struct jmap_changes {
	struct jmap_call	*c;
	const struct jmap_type	*type;
	uint64_t		 since, now;	/* now: newState's modseq */
	int			 more;		/* hasMoreChanges */
	int			 counts_only;	/* of struct store_changes */
	struct jmap_ids		 created, updated, destroyed;
};
/* store_changes() since a state, at most max (0: all), into *sc, which is to
 * be freed after any result: NULL, or the call's error. */
const struct jmap_error	*jmap_changes_read(struct jmap_call *,
			    enum store_type, uint64_t since, size_t max,
			    struct store_changes *sc);

/* --- /set (jmap_set.c) ------------------------------------------------- */

struct jmap_seterr {
	const struct jmap_error	*err;		/* NULL: none */
	const char		*desc;
	const char		*props[32];	/* invalidProperties */
	size_t			 nprops;
	const char		*more;	/* JSON members: "\"a\":1" */
};

#define JMAP_PATCH_DEPTH	4	/* segments of a path */

/* One entry of a PatchObject: a JSON pointer split at '/', unescaped. */
struct jmap_patch_op {
	const char		*prop;		/* first segment */
	const char		*sub;		/* second, or NULL: the whole */
	const char		*path;		/* as sent, for messages */
	const char		*deep;		/* third, or NULL */
	const char		*seg[JMAP_PATCH_DEPTH];	/* all of them */
	size_t			 nseg;
	struct js_val		*val;		/* NULL: remove, or default */
};
struct jmap_patch {
	struct jmap_patch_op	*op;		/* checked: no op is a prefix */
	size_t			 n;		/* of another; "#x" resolved */
};

struct jmap_set {
	struct jmap_call	*c;
	const struct jmap_type	*type;
	struct jmap_seterr	 e;		/* of the object in hand */
	struct buf		 reply;		/* members: created, updated */
	const char		*cid;		/* creation id, or NULL */
	int			 later;		/* set with a refusal: try again
						 * after the call's others */
	struct jmap_ids		 destroying;	/* all ids to be destroyed */
	void			*arg;		/* the type's own */
};
/* Fill s->e; returns 0, so: return jmap_set_refuse(s, &err, "why"). */
int	jmap_set_refuse(struct jmap_set *, const struct jmap_error *,
	    const char *, ...) __printflike_(3, 4);
/* Append the refusal as a SetError object (jmap_setout.c). */
void	 jmap_setout_error(struct buf *, const struct jmap_seterr *);
/* Append a member whose value is an object of these members, or null where
 * there are none; the same of ids as an array. */
void	 jmap_setout_map(struct buf *, const char *name,
	    const struct buf *members);
void	 jmap_setout_ids(struct buf *, const char *name,
	    const struct jmap_ids *);
/* Add to invalidProperties, with an optional reason; returns -1. */
int	jmap_set_bad(struct jmap_set *, const char *prop, const char *, ...)
	    __printflike_(3, 4);
/*
 * The generic property walk for types with set() in their table: all members
 * of a create, or a whole patch, into obj.  For a patch obj must hold the
 * current values: sub-paths are applied to what put() says, server-set and
 * immutable properties must come out equal.  1, or 0 with s->e filled.
 */
int	jmap_set_create(struct jmap_set *, struct js_val *, void *obj);
int	jmap_set_patch(struct jmap_set *, const struct jmap_patch *, void *obj);
/* After a create: put into s->reply every property of obj but its id that
 * the client did not send, or that came out different.  0, or -1. */
int	jmap_set_reply(struct jmap_set *, struct js_val *sent, const void *obj);
/*
 * Call fn for each property that the patch names, with the place i of its
 * first op: 1, 0 refused with s->e filled, -1; what fn returns but 1 ends it.
 */
typedef int	jmap_patch_fn(struct jmap_set *, const struct jmap_patch *,
		    size_t i, const struct jmap_prop *, void *);
int	jmap_patch_props(struct jmap_set *, const struct jmap_patch *,
	    jmap_patch_fn *, void *);
/* Read a PatchObject: 1, 0 refused with invalidPatch, -1 no memory. */
int	jmap_patch_read(struct jmap_set *, struct js_val *,
	    struct jmap_patch *);
/* Apply one op to the value of its property: 1, 0 refused with invalidPatch,
 * -1.  The value is replaced (freed and given). */
int	jmap_patch_apply(struct jmap_set *, const struct jmap_patch_op *,
	    struct js_val **);
/* The property's value in obj with all ops of the patch for it applied, as
 * a value given to the caller: 1, 0 refused with invalidPatch, -1. */
int	jmap_patch_value(struct jmap_set *, const struct jmap_patch *,
	    const struct jmap_prop *, const void *obj, struct js_val **);

/* --- /copy (jmap_copy.c) ----------------------------------------------- */

/* The account that is copied from: a snapshot beside the call's own writer. */
struct jmap_from {
	const char		*account;
	struct store		*store;
	struct store_txn	*txn;
};
/* NULL and *f, for jmap_copy_close; or fromAccountNotFound and the like. */
const struct jmap_error	*jmap_copy_open(struct jmap_call *, const char *from,
			    struct jmap_from *);
void	jmap_copy_close(struct jmap_from *);

/* --- types we have ------------------------------------------------------ */

extern const struct jmap_type	identity_type, mailbox_type, submission_type,
				thread_type, email_type, pushsub_type,
				vacation_type;
jmap_fn	jmap_blob_copy, jmap_api_echo, email_import, email_parse,
	email_copy, email_snippet, mdn_parse, mdn_send;

/* --- collations (jmap_collate.c, RFC 4790, 5051) ------------------------ */

/* 1 if the name is one the Session advertises. */
int		 jmap_collate_known(const char *);
/* A key whose bytes compare as the collation (NULL: i;unicode-casemap)
 * orders, from the arena; NULL when out of memory. */
const char	*jmap_collate_key(struct arena *, const char *collation,
		    const char *);

#endif
