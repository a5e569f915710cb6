/* SPDX-License-Identifier: ISC */
/* Text forms of bytes: see enc.h. */
#include "common/compat.h"

#include <string.h>

#include "common/buf.h"
#include "common/enc.h"

static const char	b64_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz0123456789+/";
static const char	b64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz0123456789-_";
static const char	hex_low[] = "0123456789abcdef";
static const char	hex_up[] = "0123456789ABCDEF";

static size_t	enc_64(const char *, const uint8_t *, size_t, char *);
static int	enc_64val(const char *, int);
static ssize_t	enc_64_get(const char *, const char *, size_t, uint8_t *,
		    size_t);

/* Without padding; both alphabets. */
static size_t
enc_64(const char *abc, const uint8_t *p, size_t n, char *out)
{
	uint32_t	 acc = 0;
	size_t		 i, at = 0;
	int		 bits = 0;

	for (i = 0; i < n; i++) {
		acc = acc << 8 | p[i];
		for (bits += 8; bits >= 6; bits -= 6)
			out[at++] = abc[acc >> (bits - 6) & 0x3f];
	}
	if (bits > 0)
		out[at++] = abc[acc << (6 - bits) & 0x3f];
	out[at] = '\0';
	return at;
}

size_t
enc_b64(const void *p, size_t n, char *out)
{
	size_t	 at = enc_64(b64_std, p, n, out);

	while (at % 4 != 0)
		out[at++] = '=';
	out[at] = '\0';
	return at;
}

size_t
enc_b64url(const void *p, size_t n, char *out)
{
	return enc_64(b64_url, p, n, out);
}

size_t
enc_hex(const void *v, size_t n, char *out)
{
	const uint8_t	*p = v;
	size_t		 i;

	for (i = 0; i < n; i++) {
		out[i * 2] = hex_low[p[i] >> 4];
		out[i * 2 + 1] = hex_low[p[i] & 15];
	}
	out[n * 2] = '\0';
	return n * 2;
}

static int
enc_64val(const char *abc, int c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == abc[62] ? 62 : c == abc[63] ? 63 : -1;
}

static ssize_t
enc_64_get(const char *abc, const char *s, size_t n, uint8_t *out, size_t max)
{
	uint32_t	 acc = 0;
	size_t		 i, at = 0;
	int		 bits = 0, v;

	if (n % 4 == 1)		/* RFC 4648 4: no such remainder */
		return -1;
	for (i = 0; i < n; i++) {
		if ((v = enc_64val(abc, s[i])) == -1)
			return -1;
		acc = acc << 6 | v;
		if ((bits += 6) < 8)
			continue;
		bits -= 8;
		if (at == max)
			return -1;
		out[at++] = acc >> bits;
	}
	/* RFC 4648 3.5: the bits left over must be zero */
	return (acc & ((1u << bits) - 1)) != 0 ? -1 : (ssize_t)at;
}

ssize_t
enc_b64_get(const char *s, size_t n, void *out, size_t max)
{
	if (n % 4 != 0)
		return -1;
	if (n > 0 && s[n - 1] == '=')
		n -= n > 1 && s[n - 2] == '=' ? 2 : 1;
	return enc_64_get(b64_std, s, n, out, max);
}

ssize_t
enc_b64url_get(const char *s, size_t n, void *out, size_t max)
{
	return enc_64_get(b64_url, s, n, out, max);
}

int
enc_hexval(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

ssize_t
enc_hex_get(const char *s, size_t n, void *v, size_t max)
{
	uint8_t	*out = v;
	size_t	 i;
	int	 hi, lo;

	if (n % 2 != 0 || n / 2 > max)
		return -1;
	for (i = 0; i < n / 2; i++) {
		hi = enc_hexval(s[i * 2]);
		lo = enc_hexval(s[i * 2 + 1]);
		if (hi == -1 || lo == -1)
			return -1;
		out[i] = hi << 4 | lo;
	}
	return n / 2;
}

ssize_t
enc_pct_get(const char *s, size_t n, void *v, size_t max)
{
	uint8_t	*out = v;
	size_t	 i, at = 0;

	for (i = 0; i < n; i++, at++) {
		if (at == max)
			return -1;
		if (s[i] != '%') {
			out[at] = s[i];
			continue;
		}
		if (n - i < 3 || enc_hex_get(s + i + 1, 2, out + at, 1) == -1)
			return -1;
		i += 2;
	}
	return at;
}

void
enc_pct(struct buf *b, const void *v, size_t n)
{
	const uint8_t	*p = v;
	size_t		 i;

	for (i = 0; i < n; i++) {
		if ((p[i] >= '0' && p[i] <= '9') ||
		    (p[i] >= 'A' && p[i] <= 'Z') ||
		    (p[i] >= 'a' && p[i] <= 'z') ||
		    (p[i] != 0 && strchr("-._~", p[i]) != NULL)) {
			buf_addc(b, p[i]);
			continue;
		}
		buf_addc(b, '%');
		buf_addc(b, hex_up[p[i] >> 4]);
		buf_addc(b, hex_up[p[i] & 15]);
	}
}
