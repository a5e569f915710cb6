/* SPDX-License-Identifier: ISC */
/*
 * The PROXY protocol (HAProxy's proxy-protocol.txt): see proxy.h.  Pure;
 * called by conn.c before TLS and before any protocol.  Nothing is guessed:
 * what is not exactly a header closes the connection.
 */
#include "common/compat.h"

#include <string.h>

#include "common/crc32c.h"
#include "common/cur.h"
#include "worker/proxy.h"

#define V1_MAX		107	/* 2.1: longest line, CRLF included */
#define V1_MIN		15	/* "PROXY UNKNOWN\r\n" */
#define V2_HEAD		16	/* 2.2: signature, command, family, length */
#define UNIQUE_MAX	128	/* 2.2.5 */

#define CMD_LOCAL	0x20	/* version 2, 2.2 */
#define CMD_PROXY	0x21

#define TLV_ALPN	0x01
#define TLV_AUTHORITY	0x02
#define TLV_CRC32C	0x03
#define TLV_UNIQUE_ID	0x05
#define TLV_SSL		0x20
#define SSL_CLIENT	0x01	/* 2.2.6 PP2_CLIENT_SSL */
#define SSL_CERT	0x06	/* PP2_CLIENT_CERT_CONN or _SESS */

static const uint8_t	v2_sig[12] = "\r\n\r\n\0\r\nQUIT\n";

/* 2.2: by the 14th byte, the length of one address; others are refused. */
static const struct v2_family {
	uint8_t	 byte;
	uint8_t	 addr;		/* bytes of one address, 0: none that we use */
	uint8_t	 block;		/* bytes of the whole block at least */
	uint8_t	 af;
} v2_families[] = {
	{ 0x00, 0, 0, IP_NONE },	/* unspecified */
	{ 0x11, 4, 12, IP_V4 },		/* TCP over IPv4 */
	{ 0x21, 16, 36, IP_V6 },	/* TCP over IPv6 */
	{ 0x31, 0, 216, IP_NONE },	/* unix stream */
};

static enum parse	v1_parse(const uint8_t *, size_t, struct proxy *,
			    size_t *);
static int	v1_fields(const char *, size_t, struct proxy *);
static int	v1_port(struct slice, uint16_t *);
static enum parse	v2_parse(const uint8_t *, size_t, struct proxy *,
			    size_t *);
static int	v2_block(const uint8_t *, size_t, struct proxy *);
static int	v2_addresses(struct cur *, const struct v2_family *,
		    struct proxy *);
static int	v2_tlvs(const uint8_t *, size_t, struct cur *, struct proxy *);
static int	v2_checksum(const uint8_t *, size_t, struct slice);
static int	v2_tlv(const uint8_t *, size_t, uint8_t, struct slice,
		    struct proxy *);

enum parse
proxy_parse(const uint8_t *p, size_t n, unsigned versions, struct proxy *out,
    size_t *want)
{
	size_t	 k = n < sizeof(v2_sig) ? n : sizeof(v2_sig);

	memset(out, 0, sizeof(*out));
	if ((versions & PROXY_V2) && memcmp(p, v2_sig, k) == 0)
		return v2_parse(p, n, out, want);
	k = n < 6 ? n : 6;
	if ((versions & PROXY_V1) && memcmp(p, "PROXY ", k) == 0)
		return v1_parse(p, n, out, want);
	return PARSE_ERROR;
}

/* --- version 1: a line of text --------------------------------------- */

/*
 * No byte behind the line may be taken from the socket: what is still to
 * come is at least CR and LF, or LF alone.
 */
static enum parse
v1_parse(const uint8_t *p, size_t n, struct proxy *out, size_t *want)
{
	const uint8_t	*nl;
	size_t		 max = n < V1_MAX ? n : V1_MAX;

	if ((nl = memchr(p, '\n', max)) == NULL) {
		if (n >= V1_MAX)
			return PARSE_ERROR;
		*want = n < V1_MIN ? V1_MIN : n + (p[n - 1] == '\r' ? 1 : 2);
		return PARSE_MORE;
	}
	if (nl == p || nl[-1] != '\r')
		return PARSE_ERROR;
	out->len = nl + 1 - p;
	return v1_fields((const char *)p, out->len - 2, out) == -1 ?
	    PARSE_ERROR : PARSE_DONE;
}

/* 2.1: "PROXY" SP ("TCP4" / "TCP6") SP src SP dst SP sport SP dport, one
 * space each; "PROXY UNKNOWN" and anything. */
static int
v1_fields(const char *s, size_t n, struct proxy *out)
{
	struct slice	 f[6];
	const char	*sp, *end = s + n;
	size_t		 i;
	int		 af;

	if (n >= 13 && memcmp(s, "PROXY UNKNOWN", 13) == 0)
		return n == 13 || s[13] == ' ' ? 0 : -1;
	for (i = 0; i < 6; i++) {
		sp = memchr(s, ' ', end - s);
		if ((i < 5) != (sp != NULL))
			return -1;
		f[i] = SLICE(s, (i < 5 ? sp : end) - s);
		s = i < 5 ? sp + 1 : end;
	}
	if (f[1].n != 4 || memcmp(f[1].p, "TCP", 3) != 0)
		return -1;
	af = ((const char *)f[1].p)[3];
	if (ip_parse(&out->src, f[2].p, f[2].n) == -1 ||
	    ip_parse(&out->dst, f[3].p, f[3].n) == -1 ||
	    v1_port(f[4], &out->sport) == -1 ||
	    v1_port(f[5], &out->dport) == -1)
		return -1;
	/* a mapped address in TCP6 has become IPv4 in ip_parse */
	if (af != '6' && (af != '4' || out->src.af != IP_V4 ||
	    out->dst.af != IP_V4 || memchr(f[2].p, ':', f[2].n) != NULL ||
	    memchr(f[3].p, ':', f[3].n) != NULL))
		return -1;
	if (af == '6' && (memchr(f[2].p, ':', f[2].n) == NULL ||
	    memchr(f[3].p, ':', f[3].n) == NULL))
		return -1;
	out->known = 1;
	return 0;
}

/* Decimal, no leading zero, at most 65535. */
static int
v1_port(struct slice s, uint16_t *port)
{
	const char	*p = s.p;
	uint32_t	 v = 0;
	size_t		 i;

	if (s.n == 0 || s.n > 5 || (s.n > 1 && p[0] == '0'))
		return -1;
	for (i = 0; i < s.n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	if (v > 65535)
		return -1;
	*port = v;
	return 0;
}

/* --- version 2: a block of bytes ------------------------------------- */

static enum parse
v2_parse(const uint8_t *p, size_t n, struct proxy *out, size_t *want)
{
	*want = V2_HEAD;
	if (n < V2_HEAD)
		return PARSE_MORE;
	out->len = V2_HEAD + (p[14] << 8 | p[15]);
	if (out->len > PROXY_MAX)
		return PARSE_ERROR;
	*want = out->len;
	if (n < out->len)
		return PARSE_MORE;
	return v2_block(p, out->len, out) == -1 ? PARSE_ERROR : PARSE_DONE;
}

static int
v2_block(const uint8_t *p, size_t n, struct proxy *out)
{
	const struct v2_family	*f, *end = v2_families + nitems(v2_families);
	struct cur		 c;

	/* 2.2: LOCAL: discard the block, its family too */
	if (p[12] == CMD_LOCAL)
		return 0;
	if (p[12] != CMD_PROXY)
		return -1;
	for (f = v2_families; f < end && f->byte != p[13]; f++)
		;
	if (f == end)
		return -1;
	cur_init(&c, p + V2_HEAD, n - V2_HEAD);
	if (v2_addresses(&c, f, out) == -1)
		return -1;
	return f->byte == 0 ? 0 : v2_tlvs(p, n, &c, out);
}

static int
v2_addresses(struct cur *c, const struct v2_family *f, struct proxy *out)
{
	const uint8_t	*src, *dst;

	if (f->addr == 0)
		return f->block != 0 && cur_bytes(c, f->block) == NULL ? -1 :
		    0;
	out->src.af = out->dst.af = f->af;
	if ((src = cur_bytes(c, f->addr)) == NULL ||
	    (dst = cur_bytes(c, f->addr)) == NULL)
		return -1;
	out->sport = cur_be16(c);
	out->dport = cur_be16(c);
	if (c->bad)
		return -1;
	if (f->af == IP_V6) {
		ip_set6(&out->src, src);	/* folds mapped ones */
		ip_set6(&out->dst, dst);
	} else {
		memcpy(out->src.b, src, f->addr);
		memcpy(out->dst.b, dst, f->addr);
	}
	out->known = 1;
	return 0;
}

/* All of them must be whole. */
static int
v2_tlvs(const uint8_t *p, size_t n, struct cur *c, struct proxy *out)
{
	struct slice	 v;
	uint8_t		 type;

	while (c->n > 0) {
		type = cur_u8(c);
		v.n = cur_be16(c);
		if ((v.p = cur_bytes(c, v.n)) == NULL ||
		    v2_tlv(p, n, type, v, out) == -1)
			return -1;
	}
	return 0;
}

/* 2.2.3: over the whole header, the checksum's own bytes taken as zero. */
static int
v2_checksum(const uint8_t *p, size_t n, struct slice v)
{
	static const uint8_t	 zero[4];
	const uint8_t		*at = v.p;
	uint32_t		 crc;

	if (v.n != sizeof(zero))
		return -1;
	crc = crc32c(0, p, at - p);
	crc = crc32c(crc, zero, sizeof(zero));
	crc = crc32c(crc, at + 4, n - (at - p) - 4);
	return crc == ((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	    (uint32_t)at[2] << 8 | at[3]) ? 0 : -1;
}

static int
v2_tlv(const uint8_t *p, size_t n, uint8_t type, struct slice v,
    struct proxy *out)
{
	const uint8_t	*b = v.p;

	switch (type) {
	case TLV_ALPN:
		out->alpn = v;
		return 0;
	case TLV_AUTHORITY:
		out->authority = v;
		return 0;
	case TLV_CRC32C:
		return v2_checksum(p, n, v);
	case TLV_UNIQUE_ID:
		out->unique = v;
		return v.n > UNIQUE_MAX ? -1 : 0;
	case TLV_SSL:	/* client, 4 bytes verify (0: good), more of these */
		if (v.n < 5)
			return -1;
		out->ssl = (b[0] & SSL_CLIENT) != 0;
		out->verified = (b[0] & SSL_CERT) != 0 &&
		    (b[1] | b[2] | b[3] | b[4]) == 0;
		return 0;
	default:
		return 0;
	}
}
