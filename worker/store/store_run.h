/* SPDX-License-Identifier: ISC */
/*
 * The search index on disk: runs, files that are written once and then only
 * read (store_run.c), lists of mails in them (store_post.c), which runs there
 * are (store_runs.c), and how they come to be: out of waiting rows, and out
 * of smaller runs (store_merge.c).  Included by store_int.h.
 *
 * A run is sorted terms, each with the mails that have it.  Terms are
 *
 *	tag stem 0x00 (0x20 + n) rest	of a word, whose first n bytes are the
 *					stem's, and that has this stem
 *	0x1f				every mail of the run
 *	word tag			a word; see store_word.h
 *	' ' name tag			a mail has a header field of that name
 *
 * Nothing is ever changed in a run.  Which runs count stands in the account's
 * row W, so one commit puts a new one in the place of others, and takes away
 * the waiting rows that went into it.  A run that no row names is nothing.
 */
#ifndef STORE_STORE_RUN_H
#define STORE_STORE_RUN_H

#include "common/buf.h"
#include "common/slice.h"

#define STORE_RUNS	64	/* of an account, at most */
#define STORE_RUNTERM	160	/* bytes of a term at most */
#define STORE_ALLDOCS	0x1f
#define STORE_TAG(lang)	((uint8_t)((lang) + 1))

struct store;
struct store_txn;

/* --- store_post.c -------------------------------------------------------- */

struct store_post {			/* a mail that has a term */
	uint64_t	 eid;
	uint8_t		 in;
};
struct store_posts {
	struct store_post	*v;
	size_t			 n, cap;
};
struct store_unpack {			/* reading packed ones */
	const uint8_t	*p, *end;
	uint64_t	 eid;
	uint8_t		 in;
};
int	 store_post_add(struct store_posts *, uint64_t eid, uint8_t in);
/* Upward, each mail once, its fields together. */
void	 store_post_sort(struct store_posts *);
/* Append them packed; no eid is below base. */
void	 store_post_pack(struct buf *, const struct store_post *, size_t,
	    uint64_t base);
void	 store_post_unpack(struct store_unpack *, struct slice, uint64_t base);
/* The next into u->eid and u->in: 1, 0 at the end, -1 damaged. */
int	 store_post_next(struct store_unpack *);
/* varint */
void	 store_post_num(struct buf *, uint64_t);
int	 store_post_getnum(const uint8_t **, const uint8_t *end, uint64_t *);

/* --- store_run.c --------------------------------------------------------- */

struct store_run {			/* open for reading */
	uint32_t	 id;
	unsigned	 users;		/* merges that read it */
	const uint8_t	*map;
	size_t		 len;
	const uint8_t	*index, *names;
	uint32_t	 nblock, nnames;
	uint64_t	 lo, hi;	/* eids in it */
	uint32_t	 docs, langs;	/* mails; mask of languages */
	uint8_t		*checked;	/* a bit a block: its CRC is right */
};
struct store_cursor {			/* at a term of a run */
	struct store_run *run;
	uint32_t	 block;
	const uint8_t	*p, *end;	/* of the block, after the term */
	uint8_t		 term[STORE_RUNTERM];
	size_t		 n;
	struct slice	 post;		/* packed, base run->lo */
};
/* NULL: errno ENOENT, EPROTO (damaged, newer), ... */
struct store_run *store_run_open(const char *path, uint32_t id);
void	 store_run_close(struct store_run *);
/* Stand at the first term >= this one, or go on: 1, 0 the end, -1. */
int	 store_run_seek(struct store_cursor *, struct store_run *,
	    const void *term, size_t n);
int	 store_run_next(struct store_cursor *);

struct store_runout {			/* one that is being written */
	int		 fd;		/* -1: none */
	struct buf	 file, block, index, names;
	uint64_t	 off;		/* of the block in the file */
	uint8_t		 last[STORE_RUNTERM];
	size_t		 nlast;
	uint32_t	 nblock, docs, langs;
	uint64_t	 lo, hi;
};
/* Make the file; eids below lo do not come.  0 or -1. */
int	 store_run_make(struct store_runout *, const char *path, uint64_t lo);
/* The next term, above the last, and its packed mails. */
int	 store_run_put(struct store_runout *, const void *term, size_t n,
	    struct slice post);
/* Complete it, durably with sync; *bytes its length.  0 or -1; after both,
 * and after giving up with store_run_drop, there is nothing open. */
int	 store_run_done(struct store_runout *, int sync, uint64_t *bytes);
void	 store_run_drop(struct store_runout *);

/* --- store_runs.c -------------------------------------------------------- */

enum store_runset {
	SET_MAIN,	/* what searches look into .. */
	SET_FRESH,	/* .. and this: since the rebuild began */
	SET_NEW		/* what the rebuild has made so far */
};
struct store_runinfo {
	uint32_t	 id, docs;
	uint64_t	 bytes, lo, hi;
	enum store_runset	 set;
};
struct store_rundead {			/* a file to remove after a while */
	uint32_t	 id;
	uint64_t	 when;		/* ms since 1970 */
};
struct store_manifest {			/* row W */
	unsigned	 flags;
	uint32_t	 next;		/* number of the next run */
	uint64_t	 upto, at;	/* rebuild: mails below, done below */
	struct store_runinfo v[STORE_RUNS];
	size_t		 n;
	struct store_rundead dead[4 * STORE_RUNS];
	size_t		 ndead;
};
#define STORE_INDEX_WHOLE	0x01	/* every mail is in MAIN, FRESH or F */
#define STORE_INDEX_REBUILD	0x02	/* a new one is being made */

enum store_err	 store_runs_load(struct store_txn *, struct store_manifest *);
enum store_err	 store_runs_save(struct store_txn *,
		    const struct store_manifest *);
/* Room for one more, its file being complete; and out again. */
int		 store_runs_add(struct store_manifest *,
		    const struct store_runinfo *);
void		 store_runs_remove(struct store_manifest *, uint32_t id);
/* Its path; the open run, or NULL; forget those that are not in m. */
int		 store_runs_path(const struct store *, uint32_t id, char *,
		    size_t);
struct store_run *store_runs_get(struct store *, uint32_t id);
void		 store_runs_forget(struct store *,
		    const struct store_manifest *m);
/* Make the name of a new run durable, before row W has it; 0 or -1. */
int		 store_runs_sync(const struct store *);
/* Be the one process that makes runs: 1, 0 another is, -1. */
int		 store_runs_lock(struct store *);
void		 store_runs_unlock(struct store *);

/* --- store_merge.c ------------------------------------------------------- */

struct store_merge;
void		 store_merge_free(struct store *);

#endif
