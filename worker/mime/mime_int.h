/* SPDX-License-Identifier: ISC */
/*
 * What the files of this folder tell each other and nobody else.
 * The conventions are those of mime.h.
 */
#ifndef WORKER_MIME_INT_H
#define WORKER_MIME_INT_H

#include "worker/mime/mime.h"

/* Bytes that one field may become while it is decoded. */
#define MIME_SCRATCH	(4 * MIME_VALUE)

/* Characters that matter to RFC 5322 and 2045. */
static inline int
mime_int_wsp(int c)
{
	return c == ' ' || c == '\t';
}

/* .. with the line ends that folding leaves in a raw value. */
static inline int
mime_int_fws(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * Append the value: unfolded, encoded words (RFC 2047) decoded where they may
 * stand, bytes that are not UTF-8 guessed, NUL dropped.  -1 if full.
 */
int		 mime_word_text(const uint8_t *, size_t, struct buf *);
/* Bytes of the encoded word at the front, whatever follows it; 0: none. */
size_t		 mime_word_len(const uint8_t *, size_t);
/* 1 if the bytes are nothing but encoded words, as some put into quotes. */
int		 mime_word_only(const uint8_t *, size_t);
/* Append the bytes: a fold is one space or what white follows, NUL goes. */
int		 mime_word_unfold(const uint8_t *, size_t, struct buf *);
/* The text as a string in Normalization Form C. */
const char	*mime_word_nfc(struct arena *, struct buf *);

/* Bytes of white space, folds and comments at the front (RFC 5322 3.2.2). */
size_t		 mime_hdr_cfws(const uint8_t *, size_t);
/* The id of a field name. */
enum mime_id	 mime_hdr_id(const uint8_t *, size_t);

/* What a Content-Transfer-Encoding field names. */
enum mime_cte	 mime_cte_of(const uint8_t *, size_t);

/* The code point an HTML entity's name ("amp") stands for, or 0. */
uint32_t	 mime_entity_get(const char *, size_t);

/* Writing header fields: each appends "Name: value" folded, and CRLF. */
int		 mime_enc_text(struct buf *, const char *name, const char *);
int		 mime_enc_raw(struct buf *, const char *name, const char *);
int		 mime_enc_addrs(struct buf *, const char *name,
		    const struct mime_addrs *, int groups);
int		 mime_enc_list(struct buf *, const char *name,
		    const struct mime_list *, const char *sep);
/* Append "; attr=value", folded where the line of "col" bytes gets long. */
void		 mime_enc_param(struct buf *, size_t *col, const char *attr,
		    const char *value);

#endif
