/* SPDX-License-Identifier: ISC */
/*
 * Mail as bytes on one side, the body model of JMAP (RFC 8621 4.1) on the
 * other: the manual of this folder.  Pure: no I/O, no log, no clock but in
 * mime_build.  Includes nothing but common/.
 *
 * The three promises.
 * 1. Every sequence of bytes is a message.  Bare LF, no header, no blank
 *    line, a boundary that never comes, NUL, 8-bit junk: all of it parses to
 *    something that shows as much as can be shown.  What is in the raw bytes
 *    is never changed here.
 * 2. Bounded.  No recursion on input, no memory by a number in the input;
 *    the limits below hold and what passes them is still in the raw bytes.
 *    The running time is linear in the length.
 * 3. Every string that comes out is UTF-8 (RFC 3629), without NUL, ends in
 *    NUL and lives in the arena that was given; only struct mime_value may
 *    hold more than fits a C string, and says its length.
 *
 * Errors: what the sender did wrong is never one.  NULL or -1 means that the
 * arena or buffer is full (errno ENOMEM), unless said otherwise.
 *
 * How to use it, at delivery:
 *	arena_init(&a, MIME_ARENA);
 *	m = mime_parse(&a, raw, len);
 *	mime_row(&a, m, &row);			subject, addresses, preview ..
 *	mime_body_lists(&a, m, &body);		textBody, htmlBody, attachments
 * and for a part's blob, later, with nothing but the raw bytes:
 *	mime_cte_decode(cte, raw + off, len, &buf);
 *
 * A function lives in the file that its name begins with: mime_addr_list in
 * mime_addr.c.
 */
#ifndef WORKER_MIME_H
#define WORKER_MIME_H

#include "common/arena.h"
#include "common/buf.h"

#define MIME_DEPTH	32	/* multiparts inside multiparts */
#define MIME_PARTS	1000	/* of one message */
#define MIME_HDRS	10000	/* header fields of all parts together */
#define MIME_VALUE	(512 * 1024)	/* bytes of one field that are read */
#define MIME_PARAM	1000	/* bytes of a file name, charset, boundary .. */
#define MIME_ADDRS	10000	/* addresses of one field */
#define MIME_ITEMS	1000	/* message ids or URLs of one field */
#define MIME_NESTED	3	/* message/rfc822 in one another, for search */
#define MIME_PREVIEW	256	/* UTF-16 units of a preview */
#define MIME_PREVIEW_LEN (3 * MIME_PREVIEW)	/* .. which are bytes at most */
#define MIME_ARENA	(64UL << 20)	/* bytes, enough for any one message */

#define MIME_NONE	UINT32_MAX	/* no part */

/* --- a parsed message -------------------------------------------------- */

/* Content-Transfer-Encoding.  Values are kept on disk: never renumber. */
enum mime_cte {
	MIME_7BIT = 0,		/* 7bit, 8bit, binary: the bytes as they are */
	MIME_BASE64 = 1,
	MIME_QP = 2,
	MIME_UUENCODE = 3,	/* x-uuencode, uuencode, x-uue */
	MIME_UNKNOWN = 4	/* treated as 7bit; an encoding problem */
};

/* Header fields that are looked for often.  Not for disks. */
enum mime_id {
	MIME_H_OTHER, MIME_H_BCC, MIME_H_CC, MIME_H_CONTENT_DISPOSITION,
	MIME_H_CONTENT_ID, MIME_H_CONTENT_LANGUAGE, MIME_H_CONTENT_LOCATION,
	MIME_H_CONTENT_CTE, MIME_H_CONTENT_TYPE, MIME_H_DATE, MIME_H_FROM,
	MIME_H_IN_REPLY_TO, MIME_H_LIST_ID, MIME_H_MESSAGE_ID,
	MIME_H_REFERENCES, MIME_H_REPLY_TO, MIME_H_SENDER, MIME_H_SUBJECT,
	MIME_H_TO, MIME_H_MAX
};

/* One header field, in order of appearance; offsets into the raw bytes. */
struct mime_hdr {
	uint32_t	 name, namelen;
	uint32_t	 val, vallen;	/* after the colon, before the line end;
					   may hold folds (CRLF and white) */
	enum mime_id	 id;
};

/*
 * One part.  Parts stand in the order of the message ("preorder"), the root
 * is parts[0].  A multipart's children: first i + 1, then parts[c].end, as
 * long as that is below parts[i].end.
 */
struct mime_part {
	uint32_t	 parent;	/* MIME_NONE for the root */
	uint32_t	 end;		/* index after the last descendant */
	uint32_t	 depth;		/* 0 for the root */
	uint32_t	 nsub;		/* children */
	uint32_t	 hdr, nhdr;	/* its fields: hdrs[hdr] and on */
	uint32_t	 head, headlen;	/* its header in the raw bytes, with
					   the empty line that ends it */
	uint32_t	 body, bodylen;	/* its content there, still encoded */
	enum mime_cte	 cte;
	int		 multipart;	/* type is multipart/..., has no id */

	/* RFC 8621 4.1.4; NULL where it says null */
	const char	*id;		/* "1", "2.1"; NULL iff multipart */
	const char	*type;		/* "text/plain", lower; never NULL */
	const char	*charset;	/* as sent, or the implied "us-ascii" */
	const char	*disposition;	/* lower case */
	const char	*name;		/* decoded; no "/" handling, no trust */
	const char	*cid;
	const char	*location;
	const char	**language;	/* nlanguage tags */
	uint32_t	 nlanguage;
};

struct mime_msg {
	const uint8_t	 *raw;		/* the caller's bytes: keep them */
	size_t		  len;
	struct mime_hdr	 *hdrs;		/* of all parts */
	uint32_t	  nhdr;
	struct mime_part *parts;
	uint32_t	  npart;	/* at least 1 */
};

/*
 * Parse len bytes.  raw must outlive the message.  NULL with errno EFBIG for
 * 4 GiB and more.
 */
struct mime_msg	*mime_parse(struct arena *, const uint8_t *raw, size_t len);

/* --- bodies (RFC 8621 4.1.4) ------------------------------------------- */

struct mime_body {			/* indexes of parts */
	uint32_t	*text, *html, *attach;
	size_t		 ntext, nhtml, nattach;
	int		 has_attachment;
};

/* textBody, htmlBody and attachments by the algorithm of the RFC. */
int		 mime_body_lists(struct arena *, const struct mime_msg *,
		    struct mime_body *);

/* Octets of the part when decoded: EmailBodyPart.size.  One pass, not kept. */
size_t		 mime_cte_size(enum mime_cte, const uint8_t *, size_t);
/*
 * Append the decoded octets: what a part's blob is.  Junk in the encoding is
 * passed over.  Returns 0, 1 if there was junk, -1 if the buffer is full.
 */
int		 mime_cte_decode(enum mime_cte, const uint8_t *, size_t,
		    struct buf *);

struct mime_value {			/* EmailBodyValue */
	const char	*text;
	size_t		 len;		/* bytes, NUL after them not counted */
	int		 problem;	/* isEncodingProblem */
	int		 truncated;	/* isTruncated */
};

/*
 * The value of a text part: decoded, in UTF-8, CRLF become LF, NUL become
 * U+FFFD.  max: bytes kept, 0 for all (maxBodyValueBytes); cut between
 * characters and, in HTML, not inside a tag.
 */
int		 mime_text_value(struct arena *, const struct mime_msg *,
		    uint32_t part, size_t max, struct mime_value *);
/* The Email's preview, "" if there is nothing: body as by mime_body_lists. */
const char	*mime_text_preview(struct arena *, const struct mime_msg *,
		    const struct mime_body *);
/*
 * Append the plain text of every text part (HTML without its markup),
 * attachment name and attached message, for search and snippets, in two: what
 * is shown as the message, and what is attached to it (disposition attachment,
 * messages) with the names of all parts.  The two may be the same buffer.
 * Lines end in LF.  Stops without error where the buffer is full.
 */
void		 mime_text_split(const struct mime_msg *, struct buf *body,
		    struct buf *attached);
/* Append the visible text of UTF-8 HTML; stops after max bytes of text. */
void		 mime_html_text(const char *, size_t, size_t max,
		    struct buf *);
/* The same with "alt" and "title", for search. */
void		 mime_html_words(const char *, size_t, size_t max,
		    struct buf *);

/* --- header fields (RFC 8621 4.1.2, 4.1.3) ----------------------------- */

enum mime_form { MIME_RAW, MIME_TEXT, MIME_ADDRESSES, MIME_GROUPS,
    MIME_MESSAGEIDS, MIME_DATE, MIME_URLS, MIME_FORM_MAX };

/* "asText" and so on; MIME_FORM_MAX if it is none ("" is none). */
enum mime_form	 mime_hdr_form(const char *, size_t);
/* 1 if RFC 8621 lets a field of that name be had or set in that form. */
int		 mime_hdr_allows(const char *name, size_t, enum mime_form);

/*
 * The last field of the part with that name (any case), or NULL.
 * mime_hdr_next is for ":all": prev NULL for the first, in order.
 */
const struct mime_hdr	*mime_hdr_last(const struct mime_msg *, uint32_t part,
			    const char *name, size_t);
const struct mime_hdr	*mime_hdr_next(const struct mime_msg *, uint32_t part,
			    const char *name, size_t,
			    const struct mime_hdr *prev);
/* The same by id: quick. */
const struct mime_hdr	*mime_hdr_get(const struct mime_msg *, uint32_t part,
			    enum mime_id);

/* Values.  Bytes from the field, or from anywhere; not yet unfolded. */
const char	*mime_hdr_raw(struct arena *, const uint8_t *, size_t);
const char	*mime_hdr_text(struct arena *, const uint8_t *, size_t);
/* Of a Content-Type or -Disposition: what stands before the
 * parameters, in lower case ("text/plain", "inline"); "" if nothing. */
int		 mime_param_value(struct arena *, const uint8_t *, size_t,
		    const char **);
/* A parameter (RFC 2231, 2047 too), decoded; *out NULL when there is none. */
int		 mime_param_get(struct arena *, const uint8_t *, size_t,
		    const char *attr, const char **out);
/* DATE_NONE stands for null; offset in minutes to *off unless NULL. */
int64_t		 mime_hdr_date(const uint8_t *, size_t, int *off);

struct mime_list {
	const char	**v;		/* NULL stands for null */
	size_t		  n;
};
/* Without "<>", comments and white space.  Nothing found is null. */
int		 mime_hdr_msgids(struct arena *, const uint8_t *, size_t,
		    struct mime_list *);
int		 mime_hdr_urls(struct arena *, const uint8_t *, size_t,
		    struct mime_list *);

struct mime_addr {
	const char	*name;		/* NULL stands for null */
	const char	*email;
};
struct mime_group {
	const char	*name;		/* NULL: addresses outside any group */
	uint32_t	 first, n;	/* which of addr; n may be 0 */
};
struct mime_addrs {
	struct mime_addr  *addr;	/* NULL stands for null */
	size_t		   n;
	struct mime_group *group;	/* covers addr in order */
	size_t		   ngroup;
};
/* address-list of RFC 5322 3.4 and 4.4, RFC 6532, RFC 2047; best effort.
 * out->addr is not NULL afterwards, even if there is no address. */
int		 mime_addr_list(struct arena *, const uint8_t *, size_t,
		    struct mime_addrs *out);

/* --- what a list of mails shows, and threads are made of --------------- */

struct mime_row {
	struct mime_addrs	 from, sender, reply_to, to, cc, bcc;
	const char		*subject;	/* NULL: no such field */
	const char		*base;		/* RFC 5256 2.1 base subject,
						   case kept; never NULL */
	int			 is_reply;	/* there: Re, Fwd, [fwd: */
	struct mime_list	 message_id, in_reply_to, references;
	int64_t			 sent_at;	/* DATE_NONE: null */
	int			 sent_off;	/* minutes east of UTC */
	const char		*preview;	/* never NULL */
	int			 has_attachment;
};
int		 mime_row(struct arena *, const struct mime_msg *,
		    struct mime_row *);
/* Only subject, from, to, cc and bcc; looks at no part. */
int		 mime_row_heads(struct arena *, const struct mime_msg *,
		    struct mime_row *);
/* Base subject of a text; *is_reply unless NULL as above. */
const char	*mime_row_base(struct arena *, const char *subject,
		    int *is_reply);

/* --- character sets ---------------------------------------------------- */

/*
 * Open what iconv(3) will need.  The worker calls this once before chroot and
 * sandbox (glibc loads code for each set).  Without it only UTF-8, US-ASCII,
 * ISO-8859-1 and Windows-1252 are known.  Returns how many sets there are.
 */
int		 mime_charset_init(void);
/* 1 if the name (any case, any usual alias) is a set we can decode. */
int		 mime_charset_known(const char *, size_t);
/*
 * Append the text in UTF-8.  What is not text becomes U+FFFD.  An unknown
 * name is guessed: UTF-8 if it is that, else Windows-1252.
 * Returns 0, 1 if there was anything doubtful, -1 if the buffer is full.
 */
int		 mime_charset_utf8(const char *name, size_t namelen,
		    const uint8_t *, size_t, struct buf *);

/* --- building a message ------------------------------------------------ */

/* One header field to write; the member for its form is used. */
struct mime_field {
	const char		*name;
	enum mime_form		 form;
	const char		*text;	/* MIME_RAW, MIME_TEXT: UTF-8 */
	struct mime_addrs	 addrs;	/* ADDRESSES; GROUPS uses .group */
	struct mime_list	 list;	/* MESSAGEIDS, URLS: without "<>" */
	int64_t			 date;	/* DATE: milliseconds */
	int			 off;	/* DATE: minutes east of UTC */
};

/*
 * A part to write.  Fields that follow from the members (Content-Type and so
 * on, MIME-Version) are written by us; if fields[] holds one of these, it
 * wins.  On the root, fields[] are the message's; Date and Message-ID are
 * added when they are missing.  Bcc is written: it is a draft's.  A list of
 * nothing is no field.
 */
struct mime_node {
	const struct mime_field	*fields;
	size_t			 nfield;
	const char		*type;		/* NULL: text/plain */
	const char		*charset;	/* NULL: utf-8 for is_text */
	const char		*disposition, *name, *cid, *location;
	struct mime_list	 language;
	/* multipart/...: children, and no data */
	const struct mime_node	*sub;
	size_t			 nsub;
	/* a leaf: its decoded octets; is_text: UTF-8 with LF or CRLF line
	 * ends, which are written as CRLF; else kept octet for octet */
	const uint8_t		*data;
	size_t			 len;
	int			 is_text;
};

struct mime_build_opt {
	const char	*host;		/* right side of Message-ID */
	int64_t		 now;		/* Date when there is none */
	int		 off;		/* minutes east of UTC for it */
	uint64_t	 seed;		/* 0: random boundaries and ids; else
					   the same again (tests) */
};

/*
 * Append the message to out, with CRLF line ends and lines of at most 998
 * octets (a Raw field or attached message that has longer ones keeps them).
 * Returns 0, or -1: errno EINVAL (a field name or address that cannot be
 * written, too deep, a multipart without children), or ENOMEM (buffer full).
 */
int		 mime_build(const struct mime_node *root,
		    const struct mime_build_opt *, struct buf *out);
/* 1 if the text can be a Raw field value: no NUL, every line end folds. */
int		 mime_build_raw_ok(const char *, size_t);

#endif
