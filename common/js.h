/* SPDX-License-Identifier: ISC */
/*
 * JSON, strict.  In: bytes from a stranger pass js_scan (our own, allocates
 * nothing) before json-c sees them, so that a value in hand is I-JSON
 * (RFC 7493): UTF-8 without surrogates or NUL, no duplicate keys, integers
 * within 2^53 - 1, bounded depth and memory.  Out: text appended to a struct
 * buf, no tree.
 *
 * A struct js_val is json-c's object; only js.c knows.  NULL is JSON null.
 * Values are borrowed unless a comment says "gives"; js_free() ends what was
 * given, and every value below it.
 */
#ifndef COMMON_JS_H
#define COMMON_JS_H

#include "common/compat.h"
#include "common/buf.h"

#define JS_INT_MAX	9007199254740991LL	/* 2^53 - 1, RFC 7493 2.2 */
#define JS_DEPTH	32			/* levels of nesting */
#define JS_KEYS		4096			/* members of one object */

struct js_val;

/* --- js_scan.c: is it I-JSON, and what would it cost? ----------------- */

enum js_fault {
	JS_OK = 0,
	JS_SYNTAX,		/* not RFC 8259 */
	JS_UTF8,		/* not UTF-8, or a lone surrogate */
	JS_NONCHAR,		/* U+FFFE and the like, where strict */
	JS_NUL,			/* U+0000 in a string */
	JS_NUMBER,		/* integer beyond 2^53 - 1, or too long */
	JS_DEEP,		/* the rest: beyond a limit */
	JS_MANY,		/* values or objects or members */
	JS_MEMORY		/* estimated heap */
};
struct js_limits {
	unsigned	 depth;		/* levels, at most JS_DEPTH */
	size_t		 values;	/* of any kind */
	size_t		 objects;
	size_t		 memory;	/* bytes json-c would take, estimated */
	int		 strict;	/* no noncharacters (RFC 7493 2.1) */
};
struct js_info {
	size_t		 values;
	size_t		 objects;
	size_t		 members;	/* of all objects together */
	size_t		 memory;	/* bytes, estimated */
	size_t		 at;		/* offset of a fault */
};
/* Depth 32, 200,000 values, 20,000 objects, 64 MB; for what others sent the
 * same, but strict. */
extern const struct js_limits	js_scan_limits, js_scan_strict;

/* One JSON text of n bytes.  Fills *info as far as it got. */
enum js_fault	 js_scan(const void *, size_t n, const struct js_limits *,
		    struct js_info *);
/* 1 if the n bytes are UTF-8 without NUL and noncharacters: they may stand
 * in a string of I-JSON as they are. */
int		 js_scan_text(const void *, size_t n);
const char	*js_scan_str(enum js_fault);	/* for descriptions */

/* --- js.c: values ------------------------------------------------------ */

/* JS_INT: whole, within JS_INT_MAX, however written (1, 1.0, 1e0). */
enum js_type { JS_NULL, JS_BOOL, JS_INT, JS_DOUBLE, JS_STR, JS_ARR, JS_OBJ };

/*
 * Scan, parse and check for duplicate keys.  Gives the value (*out is NULL
 * for null) and returns JS_OK; a duplicate key is JS_SYNTAX.  lim NULL means
 * js_scan_limits; info may be NULL.
 */
enum js_fault	 js_parse(const void *, size_t n, const struct js_limits *,
		    struct js_info *, struct js_val **out);
void		 js_free(struct js_val *);
struct js_val	*js_ref(struct js_val *);	/* gives: one more owner */
struct js_val	*js_copy(struct js_val *);	/* gives a deep copy */
int		 js_equal(struct js_val *, struct js_val *);	/* 1 or 0 */

enum js_type	 js_type(struct js_val *);
int		 js_is_id(struct js_val *);	/* RFC 8620 1.2 Id */
int		 js_is_ref(struct js_val *);	/* .. or "#" and one (5.3) */
/* Plain readers: the value must be of the kind, else 0 / "" / NULL. */
int		 js_bool(struct js_val *);
int64_t		 js_int(struct js_val *);
const char	*js_str(struct js_val *);	/* NUL-terminated */
size_t		 js_len(struct js_val *);	/* bytes, elements, members */
struct js_val	*js_at(struct js_val *, size_t);	/* of an array */
struct js_val	*js_get(struct js_val *, const char *);	/* NULL: no or null */
int		 js_has(struct js_val *, const char *);	/* 1 even if null */
/* 1 and *v when there is such a member, 0 when not. */
int		 js_find(struct js_val *, const char *, struct js_val **v);

/* Walk the members of an object (nothing for other kinds):
 *	for (js_first(&it, obj); js_next(&it);) use(it.key, it.val);
 * The object must not change meanwhile. */
struct js_iter {
	const char	*key;
	struct js_val	*val;
	void		*pos;
};
void		 js_first(struct js_iter *, struct js_val *);
int		 js_next(struct js_iter *);

/* Making values (all give); NULL when there is no memory. */
struct js_val	*js_new_obj(void);
struct js_val	*js_new_arr(void);
struct js_val	*js_new_str(const char *, size_t);
struct js_val	*js_new_int(int64_t);
struct js_val	*js_new_bool(int);
/* These take the value over, always; 0 or -1. */
int		 js_set(struct js_val *obj, const char *key, struct js_val *);
int		 js_add(struct js_val *arr, struct js_val *);
void		 js_del(struct js_val *obj, const char *key);

/* --- js_rd.c: typed reading --------------------------------------------- */

/*
 * Typed reading of the members of one object, keeping the first fault.
 * Each getter returns 1 and sets the value; 0 when the member is absent, or
 * null where "or null" is said, leaving the value as it was (so start it at
 * its default); -1 when the kind is wrong: then rd->fault names the path
 * ("filter/inMailbox") and stays for all later calls.
 */
struct js_rd {
	struct js_val	*obj;
	const char	*path;		/* of obj, "" at the top */
	const char	*took[48];	/* members that getters found */
	size_t		 ntook;
	char		 fault[128];	/* "" while all is well */
};
/* obj must be an object, else a fault. */
void	 js_rd_init(struct js_rd *, struct js_val *obj, const char *path);
int	 js_rd_bool(struct js_rd *, const char *, int *);
int	 js_rd_int(struct js_rd *, const char *, int64_t *);
int	 js_rd_uint(struct js_rd *, const char *, uint64_t *);
/* _null: or null */
int	 js_rd_uint_null(struct js_rd *, const char *, uint64_t *);
int	 js_rd_str(struct js_rd *, const char *, const char **);
int	 js_rd_str_null(struct js_rd *, const char *, const char **);
int	 js_rd_id(struct js_rd *, const char *, const char **);
int	 js_rd_id_null(struct js_rd *, const char *, const char **);
int	 js_rd_arr(struct js_rd *, const char *, struct js_val **);
int	 js_rd_arr_null(struct js_rd *, const char *, struct js_val **);
/* Id[], which must be there; "#" and an Id is taken for one, too. */
int	 js_rd_ids(struct js_rd *, const char *, struct js_val **);
int	 js_rd_obj(struct js_rd *, const char *, struct js_val **);
int	 js_rd_obj_null(struct js_rd *, const char *, struct js_val **);
int	 js_rd_any(struct js_rd *, const char *, struct js_val **);
/* Mark a member wrong for a reason of the caller's.  Returns -1. */
int	 js_rd_bad(struct js_rd *, const char *);
/* All read: -1 and a fault if a member is left that no getter took. */
int	 js_rd_end(struct js_rd *);

/* --- js_out.c: text ---------------------------------------------------- */

/*
 * Append one JSON value or member.  Commas come by themselves: each looks
 * at the byte before it.  Results are the buffer's (buf_bad at the end).
 * Text must be UTF-8; '"', '\', controls, U+2028/9 are escaped.
 *	js_out_obj(b);
 *	js_out_key(b, "id"); js_out_s(b, id);
 *	js_out_end(b, '}');
 */
void	 js_out_obj(struct buf *);			/* { */
void	 js_out_arr(struct buf *);			/* [ */
void	 js_out_end(struct buf *, int);			/* '}' or ']' */
void	 js_out_key(struct buf *, const char *);	/* plain ASCII name */
void	 js_out_keyn(struct buf *, const char *, size_t); /* any text */
void	 js_out_s(struct buf *, const char *);		/* NULL is null */
void	 js_out_str(struct buf *, const void *, size_t);
void	 js_out_int(struct buf *, int64_t);
void	 js_out_uint(struct buf *, uint64_t);
void	 js_out_bool(struct buf *, int);
void	 js_out_null(struct buf *);
void	 js_out_date(struct buf *, int64_t ms);		/* UTCDate */
/* Bytes that are JSON already: a value, or members ("a":1,"b":2). */
void	 js_out_raw(struct buf *, const void *, size_t);
void	 js_out_val(struct buf *, struct js_val *);
/* Only the escaped text, no quotes, no comma: to build a string in parts. */
void	 js_out_esc(struct buf *, const void *, size_t);

#endif
