/* SPDX-License-Identifier: ISC */
/*
 * What the email*.c files share: nobody else includes this.
 *
 *	email.c		the type: tables of properties, conditions, sorts
 *	email_row.c	raw message -> prepared mail (email_row.h)
 *	email_index.c	.. its texts for the search index
 *	email_json.c	JSON of header forms
 *	email_struct.c	the structure record (P row) of a mail
 *	email_get.c	Email/get: the list view, then the rest
 *	email_body.c	parts, body values, header fields of Email/get
 *	email_query.c	Email/query: which way to find the mails
 *	email_match.c	one mail against a filter
 *	email_look.c	.. where the message itself must be read
 *	email_text.c	texts of a search: words, phrases
 *	email_collate.c	.. sorting in another collation than the stored keys'
 *	email_delta.c	Email/queryChanges
 *	email_moved.c	.. of lists that the log has to tell of
 *	email_set.c	Email/set: update, destroy, what create shares
 *	email_same.c	.. an immutable property that says what is so
 *	email_copy.c	Email/copy
 *	email_create.c	an Email object of JSON -> a message
 *	email_field.c	.. its header fields
 *	email_bodypart.c .. its parts
 *	email_import.c	Email/import
 *	email_parse.c	Email/parse
 *	email_snippet.c	SearchSnippet/get
 */
#ifndef WORKER_EMAIL_H
#define WORKER_EMAIL_H

#include "common/arena.h"
#include "common/buf.h"
#include "worker/jmap/jmap_blob.h"
#include "worker/jmap/jmap_query.h"
#include "worker/mime/mime.h"
#include "worker/store/store.h"
#include "worker/store/store_query.h"

/* --- email_json.c ------------------------------------------------------- */

/* A property "header:Name[:asForm][:all]" (RFC 8621 4.1.3), taken apart. */
struct email_hdr {
	const char	*prop;		/* as the client wrote it */
	const char	*name;		/* in prop */
	size_t		 len;		/* of the name */
	enum mime_form	 form;
	int		 all;
};
/* 1, or 0: not of that shape, or a form its field may not have. */
int	 email_json_prop(const char *, struct email_hdr *);
/* Each appends one value; NULL lists and DATE_NONE are null. */
void	 email_json_addrs(struct buf *, const struct mime_addrs *);
void	 email_json_list(struct buf *, const struct mime_list *);
void	 email_json_date(struct buf *, int64_t ms, int off);
/* The property of a part's header: one value, or an array for :all. */
int	 email_json_header(struct buf *, struct arena *,
	    const struct mime_msg *, uint32_t part, const struct email_hdr *);
/* RFC 8621 4.1.3 headers: every field of a part, raw. */
int	 email_json_headers(struct buf *, struct arena *,
	    const struct mime_msg *, uint32_t part);

/* --- email_index.c ------------------------------------------------------- */

/* The texts and the language of a mail to be added.  0 or -1. */
int	 email_index_texts(struct arena *, const struct mime_msg *,
	    const struct mime_row *, struct store_newmail *);
/* 1 if the words of a header field of that name are in the index. */
unsigned email_index_worded(const char *name);

/* --- email_struct.c ------------------------------------------------------ */

/* The body structure of a mail without its bytes: msg.raw is NULL and no
 * part has header fields, but offsets into the message are right. */
struct email_struct {
	struct mime_msg	 msg;
	struct mime_body body;
	uint32_t	*size;		/* of each part, decoded */
};
/* Append the record.  0 or -1. */
int	 email_struct_put(struct buf *, const struct mime_msg *,
	    const struct mime_body *);
/* Read one; its strings point into the record.  1, 0 when it is not one of
 * ours, -1 no memory. */
int	 email_struct_get(struct arena *, struct slice, struct email_struct *);
/* The same from the message, for a record that cannot be read.  0 or -1. */
int	 email_struct_make(struct arena *, const uint8_t *, size_t,
	    struct email_struct *);

/* --- email_body.c -------------------------------------------------------- */

/* The bytes of one message, fetched when they are asked for. */
struct email_src {
	struct store_txn	*txn;
	struct jmap_blob	 blob;	/* what is read, for ids of parts */
	size_t			 size;
	struct arena		*arena;	/* scratch: lives as long as this */
	const uint8_t		*whole;	/* all bytes, once they were read */
	struct mime_msg		*head;	/* the root's header, parsed */
	enum store_err		 err;	/* why bytes could not be had */
};
void	 email_src_init(struct email_src *, struct store_txn *,
	    struct arena *, const uint8_t *hash, size_t size);
/* The same where the bytes are at hand. */
void	 email_src_bytes_at(struct email_src *, struct arena *,
	    const struct jmap_blob *, const void *, size_t size);
/* len bytes from off, or NULL (err if it was the store, else memory). */
const uint8_t	*email_src_bytes(struct email_src *, size_t off, size_t len);
/* The message's own header as a message without a body, or NULL. */
struct mime_msg	*email_src_head(struct email_src *,
		    const struct email_struct *);

/* Arguments that Email/get and Email/parse share. */
struct email_fetch {
	struct email_bodyprop	*props;		/* of EmailBodyPart */
	size_t			 nprops;
	int			 headers;	/* some need a part's header */
	int			 text, html, all; /* fetch...BodyValues */
	uint64_t		 max;		/* maxBodyValueBytes */
};
/* Every property of a part, every value.  NULL or an error. */
const struct jmap_error	*email_body_all(struct jmap_call *,
			    struct email_fetch *);
/* Read them.  NULL or an error of the call. */
const struct jmap_error	*email_body_args(struct jmap_call *, struct js_rd *,
			    struct email_fetch *);
/* The properties, each one value appended.  0, or -1 with errno. */
int	 email_body_structure(struct email_src *, const struct email_struct *,
	    const struct email_fetch *, struct buf *);
int	 email_body_list(struct email_src *, const struct email_struct *,
	    const struct email_fetch *, const uint32_t *, size_t,
	    struct buf *);
int	 email_body_values(struct email_src *, const struct email_struct *,
	    const struct email_fetch *, struct buf *);

/* --- email_get.c --------------------------------------------------------- */

const struct jmap_error	*email_get_args(struct jmap_get *, struct js_rd *);
int	 email_get_other(struct jmap_get *, const char *);
int	 email_get_row(struct jmap_get *, const char *);
/* The object of a message that is no mail (Email/parse): 0 or -1. */
int	 email_get_parsed(struct jmap_get *, struct email_src *,
	    const struct store_newmail *, struct buf *);
/* One property of one mail, for Email/set to compare with: of body parts and
 * values all there is.  1, 0 no such property, -1. */
int	 email_get_one(struct jmap_call *, const struct store_mail *,
	    const char *prop, struct buf *);

/* --- email_text.c -------------------------------------------------------- */

/* Text of a search (RFC 8621 4.4.1): every word and every phrase must be in
 * the mail. */
struct email_text {
	const char	*words;		/* all words, for the index; "" none */
	const char	*loose;		/* those outside of phrases, */
	const char	*quoted;	/* .. and those inside */
	const char	**phrase;	/* folded; NULL terminated */
	size_t		 nphrase;
};
int	 email_text_parse(struct arena *, const char *, struct email_text *);
/* Fold for comparing: case, marks, as the index; white runs: one space.
 * NULL without memory. */
char	*email_text_fold(struct arena *, const char *, size_t);
/* Append names and addresses as text to be searched. */
void	 email_text_addrs(struct buf *, const struct mime_addrs *);
/*
 * Bytes that the folded phrase takes at the start of the folded text, or 0
 * when it is not there.  Where it has a blank the text may have any other
 * marks between the two words, too: RFC 8621 4.4.1 asks for the sequence.
 */
size_t	 email_text_at(const char *text, const char *phrase);
/* 1 if the folded phrase stands in the folded text between word ends. */
int	 email_text_has(const char *text, const char *phrase);
/* 1 if a word of the text goes on across at. */
int	 email_text_inside(const char *text, const char *at);

/* --- email_match.c ------------------------------------------------------- */

enum email_code {		/* of conditions */
	EMAIL_Q_AFTER, EMAIL_Q_ALLTHREAD, EMAIL_Q_BCC, EMAIL_Q_BEFORE,
	EMAIL_Q_BODY, EMAIL_Q_CC, EMAIL_Q_FROM, EMAIL_Q_HASATTACHMENT,
	EMAIL_Q_HASKEYWORD, EMAIL_Q_HEADER, EMAIL_Q_MAILBOX,
	EMAIL_Q_OTHERTHAN, EMAIL_Q_MAXSIZE, EMAIL_Q_MINSIZE,
	EMAIL_Q_NONETHREAD, EMAIL_Q_NOTKEYWORD, EMAIL_Q_SOMETHREAD,
	EMAIL_Q_SUBJECT, EMAIL_Q_TEXT, EMAIL_Q_TO,
	EMAIL_Q_SMIME, EMAIL_Q_SMIMEGOOD, EMAIL_Q_SMIMEWAS	/* RFC 9219 */
};

/* A filter made ready for many mails. */
struct email_node {
	enum jmap_op		 op;		/* JMAP_COND: a leaf */
	enum email_code		 code;
	struct email_node	*kids;
	size_t			 nkids;
	int			 cost;		/* cheap ones are asked first */
	int64_t			 num;
	int			 slot;		/* of a keyword, -1 none */
	uint32_t		 mailbox;
	uint32_t		*boxes;		/* of inMailboxOtherThan */
	size_t			 nboxes;
	const char		*name;		/* of a header field */
	const char		**needle;	/* folded, what it must hold */
	size_t			 nneedle;
	struct email_text	 text;
	unsigned		 in;		/* STORE_IN_ mask */
	int			 anything;	/* the empty text */
	struct store_ids	 hits;		/* eids that may match */
	int			 listed;	/* .. nothing else can */
};
struct email_match {
	struct jmap_call	*c;
	struct email_node	 root;
	int			 empty;		/* nothing can match */
	int			 rest;		/* is there a root to ask? */
	unsigned		 uses;		/* EMAIL_USES_ */
	unsigned		 boxes;		/* mailbox conditions in rest */
	struct store_ids	 only;		/* all matches are in here, */
	int			 driven;	/* .. if this is set */
	struct arena		 scratch;	/* for one mail's bytes */
	unsigned		 asked;		/* mails */
	int			 spent;		/* the request's time is up */
	const struct jmap_error	*bad;		/* the filter's fault */
};
#define EMAIL_USES_KEYWORD	0x01	/* own keywords, mutable */
#define EMAIL_USES_THREAD	0x02	/* other mails' keywords */

/*
 * Compile a filter (NULL: everything).  What the index scan decides goes
 * into *sq, the rest into the match.  NULL or an error.  email_match_free
 * after any result.
 */
const struct jmap_error	*email_match_init(struct email_match *,
			    struct jmap_call *, const struct jmap_filter *,
			    struct store_query *sq);
void	 email_match_free(struct email_match *);
store_match	email_match_fn;		/* arg: struct email_match */

/* email_look.c: one leaf against the message itself: 1, 0, -1. */
int	 email_look_phrases(struct email_match *, const struct email_node *,
	    struct store_txn *, const struct store_mail *);
int	 email_look_smime(struct email_match *, const struct email_node *,
	    struct store_txn *, const struct store_mail *);
int	 email_look_field(struct email_match *, const struct email_node *,
	    struct store_txn *, const struct store_mail *);

/* --- email_query.c, email_delta.c ---------------------------------------- */

struct email_query {		/* jmap_query.arg */
	struct store_query	 sq;
	struct store_order	 order[8];
	size_t			 norder;
	int			 indexed;	/* sorted by receivedAt only */
	int			 local;		/* depends on one mailbox */
	int			 exact;		/* changes from the index */
	struct email_match	 match;
	const uint64_t		*ids;		/* the result, so far */
	size_t			 nids;
	struct store_ids	 own;		/* ids, if not the cache's */
	uint64_t		 found;		/* position of the anchor */
};
const struct jmap_error	*email_query_args(struct jmap_query *, struct js_rd *);
const struct jmap_error	*email_query(struct jmap_query *);
const struct jmap_error	*email_delta(struct jmap_query *);
/* Compile filter and sort into q->arg; email_query_done at the end. */
const struct jmap_error	*email_query_plan(struct jmap_query *);
void	 email_query_done(struct jmap_query *);
/* The window, or as much as q->need and q->calc_total ask for. */
const struct jmap_error	*email_query_run(struct jmap_query *);
/* Threads there are with any change since q->since, some perhaps twice, for
 * the caller to free after any result.  NULL or an error. */
const struct jmap_error	*email_moved_threads(struct jmap_query *, uint64_t **,
			    size_t *);
/* Changes of a list that the index does not tell exactly. */
const struct jmap_error	*email_moved(struct jmap_query *);
/* The whole result into eq->ids.  NULL or an error. */
const struct jmap_error	*email_query_all(struct jmap_query *);

/* --- email_collate.c ----------------------------------------------------- */

/* Compare by a collation (NULL: the stored keys').  0, or -1: no memory. */
int	 email_collate(struct jmap_call *, const char *, struct store_order *);

/* --- email_same.c -------------------------------------------------------- */

/* One entry of a patch that names an immutable property: 0, with s->e filled
 * unless it says what is so, or -1. */
int	 email_same(struct jmap_set *, const struct store_mail *,
	    const struct jmap_patch_op *);

/* --- email_set.c, email_create.c, email_import.c ------------------------- */

/* "mailboxIds" and "keywords" of a create or import, taken apart. */
struct email_where {
	uint32_t	*mailbox;
	size_t		 nmailbox;
	struct slice	*keyword;
	size_t		 nkeyword;
};
/* 1, or 0 with *e filled. */
int	 email_set_where(struct jmap_call *, struct jmap_seterr *,
	    struct js_val *mailboxes, struct js_val *keywords,
	    struct email_where *);
/* Refuse: an error and why, or one bad property.  Both return 0. */
int	 email_set_error(struct jmap_call *, struct jmap_seterr *,
	    const struct jmap_error *, const char *desc);
int	 email_set_bad(struct jmap_call *, struct jmap_seterr *,
	    const char *prop, const char *desc);
/* Deliver; the four properties of "created" go to reply.  1, 0, -1. */
int	 email_set_add(struct jmap_call *, struct jmap_seterr *,
	    struct arena *, const void *raw, size_t len,
	    const struct email_where *, int64_t received, char *id,
	    struct buf *reply);
/* The same in quotation marks to where at most STORE_IDLEN bytes and those
 * fit; returns its end. */
uint8_t	*email_set_quote(struct jmap_call *, uint64_t id, const uint8_t *hash,
	    uint8_t *);
int	 email_set_update(struct jmap_set *, const char *,
	    const struct jmap_patch *);
int	 email_set_destroy(struct jmap_set *, const char *);
/* Build a message from JSON.  1, 0 with s->e filled, -1. */
int	 email_create(struct jmap_set *, struct js_val *,
	    char id[JMAP_ID_MAX + 1]);

#endif
