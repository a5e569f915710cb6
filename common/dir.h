/* SPDX-License-Identifier: ISC */
/*
 * The directory's terms: what a principal is made of, and its one packed
 * form, which is at once the record on auth's disk and the tail of messages
 * between auth, workers and jmapctl.  The names are those of the management
 * API, so that every table of fields exists once, here.
 *
 * A principal is a number of values, each belonging to a field.  Packed, a
 * value is an entry: action, field (one byte each), two zero bytes, length
 * (32 bits, big-endian), bytes.  Numbers are decimal text.  A record is
 * entries of action DIR_ADD; a change is entries of any action, in order.
 */
#ifndef COMMON_DIR_H
#define COMMON_DIR_H

#include "common/compat.h"
#include "common/buf.h"
#include "common/cur.h"

#define DIR_STR_MAX	512		/* bytes of one value */
#define DIR_VALUES_MAX	1024		/* values of one field */
#define DIR_SIZE_MAX	50000		/* bytes of a packed principal */
#define DIR_ACCOUNT_LEN	24		/* text of an account id, and NUL */

/* On disk and on the wire: never renumber. */
enum dir_type {
	DIR_INDIVIDUAL = 0, DIR_GROUP = 1, DIR_RESOURCE = 2, DIR_LOCATION = 3,
	DIR_LIST = 5, DIR_OTHER = 6, DIR_DOMAIN = 7, DIR_TENANT = 8,
	DIR_ROLE = 9, DIR_API_KEY = 10, DIR_OAUTH_CLIENT = 11, DIR_TYPES = 12
};

/* On disk and on the wire: never renumber. */
enum dir_field {
	DIR_ID = 1, DIR_TYPE = 2, DIR_NAME = 3, DIR_DESCRIPTION = 4,
	DIR_SECRETS = 5, DIR_EMAILS = 6, DIR_QUOTA = 7, DIR_MEMBER_OF = 8,
	DIR_MEMBERS = 9, DIR_ROLES = 10, DIR_LISTS = 11, DIR_ENABLED = 12,
	DIR_DISABLED = 13, DIR_URLS = 14, DIR_EXTERNAL = 15, DIR_TENANT_OF = 16,
	DIR_PICTURE = 17, DIR_LOCALE = 18, DIR_FIELDS = 19
};

enum dir_kind { DIR_K_NONE, DIR_K_STR, DIR_K_LIST, DIR_K_UINT };

struct dir_field_info {
	const char	*name;		/* "enabledPermissions" */
	enum dir_kind	 kind;
	int		 writable;	/* by create and update */
};
extern const struct dir_field_info	dir_fields[DIR_FIELDS];
extern const char *const		dir_types[DIR_TYPES];	/* NULL: none */

/* The field or type of that name, or -1.  "superuser" is an individual. */
int	dir_field(const char *);
int	dir_type(const char *);
/* The account id of a principal as text: "u" and decimal digits. */
const char	*dir_account(uint64_t id, char out[DIR_ACCOUNT_LEN]);
/* And back; 0 if it is not the one right spelling. */
uint64_t	 dir_account_get(const char *);

enum dir_action {
	DIR_ADD,	/* append the value, if it is not there */
	DIR_REMOVE,	/* remove the value, if it is there */
	DIR_CLEAR	/* remove all; the value is empty */
};

struct dir_entry {
	enum dir_action	 action;
	enum dir_field	 field;
	const char	*p;		/* not NUL-terminated */
	size_t		 len;
};
/* Append an entry; results are the buffer's. */
void	dir_put(struct buf *, enum dir_action, enum dir_field, const void *,
	    size_t);
void	dir_put_uint(struct buf *, enum dir_field, uint64_t);

/* A principal in hand. */
struct dir_values {
	char	**v;		/* NUL-terminated strings, ours */
	size_t	  n;
};
struct dir_prin {
	uint64_t		 id;
	enum dir_type		 type;
	uint64_t		 quota;		/* bytes, 0 for none */
	struct dir_values	 f[DIR_FIELDS];	/* all other fields */
};
void	 dir_init(struct dir_prin *);
/* Frees, wiping secrets. */
void	 dir_free(struct dir_prin *);
/* Apply the entries of a packed principal or change; 0, or -1 (malformed, or
 * a limit above; the principal is then half changed). */
int	 dir_apply(struct dir_prin *, const void *, size_t);
int	 dir_apply_one(struct dir_prin *, const struct dir_entry *);
/* Pack it; results are the buffer's. */
void	 dir_pack(struct buf *, const struct dir_prin *);
/* The first value of a field, or NULL. */
const char	*dir_first(const struct dir_prin *, enum dir_field);
/* 1 if the field has the value. */
int	 dir_has(const struct dir_prin *, enum dir_field, const char *);
/* Replace all values by one; NULL: by none.  0 or -1 (no memory). */
int	 dir_set(struct dir_prin *, enum dir_field, const char *);

/* --- calls on the directory: MSG_DIR and MSG_CTL_DIR ------------------- */

enum dir_op {			/* tail of the message */
	DIR_CREATE,		/* entries; one row, the new principal */
	DIR_GET,		/* key NUL; one row */
	DIR_FIND,		/* struct dir_find, filter NUL; rows, by name */
	DIR_UPDATE,		/* key NUL, entries; no row */
	DIR_DELETE,		/* key NUL; no row */
	DIR_RELOAD,		/* empty; no row */
	DIR_PEOPLE,		/* struct dir_people; rows, by name */
	DIR_OPS
};
/*
 * A key is a name or, when no principal has that name, an id in decimal.
 * A row is a packed principal without its secrets.
 * A password goes in as DIR_SECRETS in clear, or as a hash in a form that
 * auth_pass.h knows; in clear it is hashed before it is stored.
 */
struct dir_find {		/* as bytes, host order */
	uint32_t	 types;		/* mask of 1 << enum dir_type */
	uint32_t	 at;		/* rows to leave out */
	uint32_t	 max;		/* rows to give; fewer come when they
					 * are large: ask again from there */
	uint32_t	 zero;
};

/*
 * Whom can he share with?  Needs no permission but to be logged in; rows have
 * id, type, name, description and addresses, of those that the configuration
 * lets him see.  The end says the directory's generation in decimal; where
 * that is known already, there are no rows.
 */
struct dir_people {		/* as bytes, host order */
	uint64_t	 known;		/* generation, 0 none */
	uint32_t	 at, max;	/* as in dir_find */
};

/* Flags of struct msg_dir, believed from jmapctl only. */
#define DIR_MAKE_DOMAINS	0x01	/* create domains of addresses */
#define DIR_ONLY(type)	(1u << (16 + (type)))	/* the key is of a type */

/* struct msg_dir_end.error; tail: two strings, each ended by NUL.  To jmapctl
 * the same goes as a sentence, see auth_call.c. */
enum dir_err {
	DIR_OK,
	DIR_EXISTS,		/* field, value */
	DIR_MISSING,		/* field */
	DIR_NOTFOUND,		/* item */
	DIR_UNSUPPORTED,	/* details */
	DIR_OTHERERR,		/* details, reason */
	DIR_FORBIDDEN,		/* permission that is missing */
	DIR_EXPIRED,		/* unknown handle: authenticate again */
	DIR_FAILED,		/* disk or memory: details */
	DIR_ERRS
};

#endif
