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

/* What a character set's name stands for; key: its letters, small, and its
 * digits.  NULL: nothing. */
enum mime_set {
	SET_UTF8, SET_ASCII, SET_CP1252, SET_UTF16, SET_HZ, SET_BIG5,
	SET_CP1250, SET_CP1251, SET_CP1253, SET_CP1254, SET_CP1255, SET_CP1256,
	SET_CP1257, SET_CP1258, SET_CP437, SET_CP737, SET_CP775, SET_CP850,
	SET_CP852, SET_CP855, SET_CP857, SET_CP858, SET_CP862, SET_CP866,
	SET_CP874, SET_CP932, SET_CP949, SET_EUC_JP, SET_GB18030, SET_2022_JP_1,
	SET_2022_JP_2, SET_2022_KR, SET_8859_10, SET_8859_13, SET_8859_14,
	SET_8859_15, SET_8859_16, SET_8859_2, SET_8859_3, SET_8859_4,
	SET_8859_5, SET_8859_6, SET_8859_7, SET_8859_8, SET_JOHAB, SET_KOI8_R,
	SET_KOI8_T, SET_KOI8_U, SET_MAC_CE, SET_MAC_CYRILLIC, SET_MACINTOSH,
	SET_TCVN, SET_UTF16BE, SET_UTF16LE, SET_UTF32, SET_UTF32BE, SET_UTF32LE,
	SET_UTF7, SET_VISCII, SET_MAX
};
struct mime_alias {
	const char	*name;
	enum mime_set	 set;
};
extern const struct mime_alias	mime_alias_table[];
extern const size_t		mime_alias_n;
const struct mime_alias	*mime_alias(const char *key, size_t);

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
