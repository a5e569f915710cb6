/* SPDX-License-Identifier: ISC */
/* UTF-8 (RFC 3629): strict, no surrogates, no overlong forms. */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include "common/compat.h"

/*
 * Decode one code point from the n bytes at p.  Returns the bytes it takes
 * (1 to 4) and sets *cp, or 0 when the bytes are not UTF-8 or n is 0.
 */
size_t	utf8_get(const uint8_t *p, size_t n, uint32_t *cp);
/* Write cp to out (4 bytes of room); the bytes written, 0 if no such cp. */
size_t	utf8_put(uint32_t cp, uint8_t *out);
/* 1 if cp is a noncharacter (Unicode 23.7): U+FDD0 to U+FDEF, U+xxFFFE and
 * U+xxFFFF. */
int	utf8_nonchar(uint32_t cp);
/* Bytes of ASCII at the front. */
size_t	utf8_ascii(const void *p, size_t n);
/* 1 if all n bytes are UTF-8, else 0. */
int	utf8_valid(const void *p, size_t n);
/* 1 if they are UTF-8 without noncharacters: I-JSON may have them. */
int	utf8_plain(const void *p, size_t n);
/* The largest m <= n that does not cut a code point of the text at p. */
size_t	utf8_cut(const void *p, size_t n);

/* ASCII only, independent of any locale. */
static inline int
utf8_lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}
/* Like memcmp/strcasecmp on ASCII letters; 0 when equal. */
int	utf8_casecmp(const void *, size_t, const void *, size_t);
/* 1 if the n bytes equal the string s, ASCII letters of any case. */
int	utf8_caseis(const void *, size_t n, const char *s);

#endif
