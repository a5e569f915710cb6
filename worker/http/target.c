/* SPDX-License-Identifier: ISC */
/*
 * The request target (RFC 9112 3.2, RFC 3986), pure functions.  Whatever two
 * readers could understand in two ways is refused, never mended.
 */
#include "common/compat.h"

#include <string.h>

#include "common/enc.h"
#include "common/ip.h"
#include "common/utf8.h"
#include "worker/http/hdr.h"
#include "worker/http/target.h"

static int	target_escape(const char *, size_t);
static int	target_dots(const char *, size_t);
static int	target_port(const char *, size_t);

ssize_t
target_path(char *p, size_t len)
{
	size_t	 i, o;
	int	 c;

	if (len == 0 || p[0] != '/')
		return -1;
	for (i = o = 0; i < len; i++) {
		c = (unsigned char)p[i];
		if (!(hdr_octet[c] & HDR_TARGET) || c == '?')
			return -1;
		if (c == '%') {
			if ((c = target_escape(p + i, len - i)) == -1)
				return -1;
			/* An encoded separator is data to some readers and
			 * a separator to others. */
			if (c < 0x20 || c == 0x7f || c == '/' || c == '\\')
				return -1;
			i += 2;
		}
		p[o++] = (char)c;
	}
	p[o] = '\0';
	if (target_dots(p, o) || !utf8_valid(p, o))
		return -1;
	return (ssize_t)o;
}

/* The octet of "%XX" at p, or -1. */
static int
target_escape(const char *p, size_t len)
{
	int	 hi, lo;

	if (len < 3)
		return -1;
	hi = enc_hexval((unsigned char)p[1]);
	lo = enc_hexval((unsigned char)p[2]);
	return hi == -1 || lo == -1 ? -1 : hi << 4 | lo;
}

/* 1 if a segment is "." or ".." (RFC 3986 3.3). */
static int
target_dots(const char *p, size_t len)
{
	const char	*s, *end = p + len, *e;
	size_t		 n;

	for (s = p + 1; s <= end; s = e + 1) {
		if ((e = memchr(s, '/', (size_t)(end - s))) == NULL)
			e = end;
		n = (size_t)(e - s);
		if ((n == 1 && s[0] == '.') ||
		    (n == 2 && s[0] == '.' && s[1] == '.'))
			return 1;
	}
	return 0;
}

int
target_query(const char *p, size_t len)
{
	size_t	 i;
	int	 c;

	for (i = 0; i < len; i++) {
		c = (unsigned char)p[i];
		if (!(hdr_octet[c] & HDR_TARGET))
			return -1;
		if (c == '%' && target_escape(p + i, len - i) <= 0)
			return -1;	/* bad, or %00 */
	}
	return 0;
}

int
target_host(const char *p, size_t len, char out[TARGET_HOST_MAX + 1])
{
	struct ip	 ip;
	const char	*e;
	size_t		 i, n;

	if (len > 0 && p[0] == '[') {
		/* IP-literal; no IPvFuture, no zone */
		if ((e = memchr(p, ']', len)) == NULL)
			return -1;
		n = (size_t)(e - p) - 1;
		if (ip_parse(&ip, p + 1, n) == -1 ||
		    memchr(p + 1, ':', n) == NULL)
			return -1;
		ip_str(&ip, out);
		return target_port(e + 1, len - n - 2);
	}
	e = memchr(p, ':', len);
	n = e == NULL ? len : (size_t)(e - p);
	if (target_port(p + n, len - n) == -1)
		return -1;
	if (n > 1 && p[n - 1] == '.')
		n--;
	if (n == 0 || n > TARGET_HOST_MAX || p[0] == '.')
		return -1;
	for (i = 0; i < n; i++) {
		if (!(hdr_octet[(unsigned char)p[i]] & HDR_HOSTC))
			return -1;
		out[i] = (char)utf8_lower((unsigned char)p[i]);
	}
	out[n] = '\0';
	return 0;
}

/* "" or ":" *5DIGIT up to 65535. */
static int
target_port(const char *p, size_t len)
{
	unsigned int	 port = 0;
	size_t		 i;

	if (len == 0)
		return 0;
	if (p[0] != ':' || len > 6)
		return -1;
	for (i = 1; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		port = port * 10 + (unsigned int)(p[i] - '0');
	}
	return port > 65535 ? -1 : 0;
}
