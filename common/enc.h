/* SPDX-License-Identifier: ISC */
/*
 * Text forms of bytes: base64 and base64url (RFC 4648 4, 5), hexadecimal,
 * percent (RFC 3986 2.1).  Decoders are strict: one right spelling.
 */
#ifndef COMMON_ENC_H
#define COMMON_ENC_H

#include "common/compat.h"

/* Bytes that the text of n bytes takes, NUL not counted. */
#define ENC_B64_LEN(n)		(((n) + 2) / 3 * 4)
#define ENC_B64URL_LEN(n)	(((n) * 8 + 5) / 6)
#define ENC_HEX_LEN(n)		((n) * 2)

/* Encode n bytes; out has room for the length above and a NUL, which is
 * written.  Returns the length without the NUL.  enc_b64url does not pad. */
size_t	enc_b64(const void *, size_t n, char *out);
size_t	enc_b64url(const void *, size_t n, char *out);
size_t	enc_hex(const void *, size_t n, char *out);

/* Decode n characters to at most max bytes.  Returns the bytes written, or
 * -1: a foreign character, wrong or missing padding (b64), padding at all
 * (b64url), non-zero left-over bits, or no room. */
ssize_t	enc_b64_get(const char *, size_t n, void *out, size_t max);
ssize_t	enc_b64url_get(const char *, size_t n, void *out, size_t max);
ssize_t	enc_hex_get(const char *, size_t n, void *out, size_t max);

/* One hexadecimal digit's value, or -1. */
int	enc_hexval(int c);
/* Decode %XX; '+' stays.  At most max bytes to out; bytes written, or -1 on
 * a bad escape or no room. */
ssize_t	enc_pct_get(const char *, size_t n, void *out, size_t max);
/* Append to the buffer with every byte but RFC 3986 unreserved as %XX. */
struct buf;
void	enc_pct(struct buf *, const void *, size_t n);

#endif
