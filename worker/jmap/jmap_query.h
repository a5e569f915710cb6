/* SPDX-License-Identifier: ISC */
/*
 * Filters, sorting and windows of /query and /queryChanges (RFC 8620 5.5,
 * 5.6).  jmap_query.c reads the arguments and writes the answer; a type says
 * which conditions and comparators it has (struct jmap_type) and fills the
 * list.  A type whose objects are all in memory looks at them with
 * jmap_query_match and jmap_query_cmp; others walk the tree themselves.
 */
#ifndef WORKER_JMAP_JMAP_QUERY_H
#define WORKER_JMAP_JMAP_QUERY_H

#include "worker/jmap/jmap.h"

enum jmap_op { JMAP_AND, JMAP_OR, JMAP_NOT, JMAP_COND };

/* A FilterOperator or FilterCondition: a tree of bounded size. */
struct jmap_filter {
	enum jmap_op		 op;
	struct jmap_filter	*kids;		/* nkids of them, in a row */
	size_t			 nkids;
	struct jmap_filter_term	*terms;		/* of a condition: all must */
	size_t			 nterms;	/* hold; 0 matches everything */
};
/* One property of a condition. */
struct jmap_filter_term {
	const struct jmap_cond	*cond;
	struct js_val		*val;		/* NULL is null */
	const char		*str;		/* of text kinds; ids real */
	int64_t			 num;		/* number, bool, date in ms */
};

enum jmap_kind {
	JK_STR, JK_STR_NULL, JK_ID, JK_ID_NULL, JK_BOOL, JK_UINT, JK_DATE,
	JK_DATE_NULL,		/* null: DATE_NONE */
	JK_IDS,			/* Id[] */
	JK_STRS			/* String[] */
};
/* For jmap_query_match(): 1 if obj fits.  jmap_query_cmp(): <0, 0, >0. */
typedef int	jmap_match(struct jmap_query *, const void *obj,
		    const struct jmap_filter_term *);
typedef int	jmap_cmp(struct jmap_query *, const void *, const void *);
struct jmap_cond {
	const char	*name;
	enum jmap_kind	 kind;
	int		 code;		/* the type's own */
	jmap_match	*match;
};
#define JQ_KEYWORD	0x1	/* takes a "keyword" (RFC 8621 4.4.2) */
#define JQ_TEXT		0x2	/* compares strings: "collation" counts */
struct jmap_order {
	const char	*name;
	int		 code;
	jmap_cmp	*cmp;
	unsigned	 flags;		/* JQ_* */
};
struct jmap_sort {
	const struct jmap_order	*order;
	int			 desc;		/* isAscending: false */
	const char		*collation;	/* or NULL */
	const char		*keyword;	/* or NULL */
};

/*
 * A query.  The framework reads the arguments; type->query() fills the
 * lower half.  The result is a list of q->n entries the type keeps in its
 * own form; the framework cuts the window out and asks for ids.
 * A type may stop once it has q->need entries (window only; SIZE_MAX: all
 * are needed, as for an anchor or a negative position).
 */
struct jmap_query {
	struct jmap_call	*c;
	const struct jmap_type	*type;
	struct jmap_filter	*filter;	/* NULL: everything */
	struct jmap_sort	 sort[8];
	size_t			 nsort;
	int			 collapse;	/* by query_args */
	int64_t			 position;
	const char		*anchor;
	int64_t			 anchor_offset;
	uint64_t		 limit;		/* already at most max_query */
	int			 calc_total;
	size_t			 need;
	/* queryChanges only */
	uint64_t		 since;
	uint64_t		 max_changes;	/* UINT64_MAX: no limit */
	const char		*up_to;

	/* filled by the type */
	size_t			 n;		/* entries in the result */
	size_t			 total;		/* if calc_total */
	uint64_t		 state;		/* queryState's modseq */
	int			 can_changes;	/* canCalculateChanges */
	int			 total_set;	/* total was filled, else n */
	/* id of entry i, into the arena or static; NULL: out of memory */
	const char		*(*id)(struct jmap_query *, size_t);
	/* index of an id, SIZE_MAX if not in the result */
	size_t			(*find)(struct jmap_query *, const char *);
	void			*arg;		/* the type's own */
	/* queryChanges: ids gone or perhaps moved, and ids now in, by index */
	struct jmap_ids		 removed;
	struct jmap_ids		 added;
	size_t			*added_at;	/* nadded indexes, ascending */
};
/* For types without indexes: 1 if obj passes the filter. */
int	jmap_query_match(struct jmap_query *, const struct jmap_filter *,
	    const void *obj);
/* <0, 0, >0 by q->sort; ties are the caller's to break, by id. */
int	jmap_query_cmp(struct jmap_query *, const void *, const void *);
/* queryChanges: entry i of the result, an object of that number, is to be in
 * q->added (added_at has room).  0, or -1 without memory. */
int	jmap_query_added(struct jmap_query *, size_t i, uint64_t id);
/* Parse a filter alone (SearchSnippet/get). */
const struct jmap_error	*jmap_query_filter(struct jmap_query *,
			    struct js_val *);

#endif
