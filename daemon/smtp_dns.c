/* SPDX-License-Identifier: ISC */
/*
 * Questions to a name server and its answers, see smtp_dns.h: RFC 1035 4,
 * 3596, and what RFC 5452 9.1 asks of an answer that is believed.  A stranger
 * may send answers, too: every offset is checked, compression only leads
 * backwards, and nothing is believed that is not about the name asked for or
 * what it is an alias of.
 */
#include "common/compat.h"

#include <string.h>

#include "common/cur.h"
#include "daemon/smtp_dns.h"

#define DNS_NAME	256	/* RFC 1035 2.3.4, as text, NUL too */
#define DNS_LABEL	63
#define DNS_HEAD	12
#define DNS_IN		1
#define DNS_CNAME	5
#define DNS_ALIASES	8	/* followed in one answer */
#define DNS_RECORDS	64	/* looked at */

struct dns_record {
	char		 name[DNS_NAME];
	uint16_t	 type, class, len;
	uint32_t	 ttl;
	size_t		 data;		/* offset of the len bytes */
};

static size_t	smtp_dns_name(const uint8_t *, size_t, size_t, char *);
static size_t	smtp_dns_record(const uint8_t *, size_t, size_t,
		    struct dns_record *);
static int	smtp_dns_question(const uint8_t *, size_t, const char *,
		    unsigned int, size_t *);
static void	smtp_dns_answers(const uint8_t *, size_t, size_t, const char *,
		    unsigned int, struct smtp_dns *);
static int	smtp_dns_alias(const uint8_t *, size_t, size_t, char *,
		    struct smtp_dns *);
static void	smtp_dns_address(const struct dns_record *, const uint8_t *,
		    struct smtp_dns *);
static uint16_t	smtp_dns_be16(const uint8_t *);

size_t
smtp_dns_ask(uint8_t out[SMTP_DNS_UDP], uint16_t id, const char *name,
    unsigned int type)
{
	const char	*dot;
	size_t		 len, n = DNS_HEAD;

	if (*name == '\0' || strlen(name) > DNS_NAME - 3)
		return 0;
	memset(out, 0, DNS_HEAD);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	out[2] = 1;			/* recursion desired */
	out[5] = 1;			/* one question */
	while (*name != '\0') {
		if ((dot = strchr(name, '.')) == NULL)
			dot = name + strlen(name);
		if ((len = (size_t)(dot - name)) == 0 || len > DNS_LABEL)
			return 0;
		out[n++] = (uint8_t)len;
		memcpy(out + n, name, len);
		n += len;
		name = *dot == '.' ? dot + 1 : dot;
	}
	out[n++] = 0;
	out[n++] = 0;
	out[n++] = (uint8_t)type;
	out[n++] = 0;
	out[n++] = DNS_IN;
	return n;
}

enum parse
smtp_dns_read(const void *data, size_t n, uint16_t id, const char *name,
    unsigned int type, struct smtp_dns *d)
{
	const uint8_t	*p = data;
	size_t		 off;

	memset(d, 0, sizeof(*d));
	/* RFC 5452 9.1: the same id, an answer, the same question */
	if (n < DNS_HEAD || smtp_dns_be16(p) != id || (p[2] & 0xf8) != 0x80 ||
	    smtp_dns_be16(p + 4) != 1 || smtp_dns_question(p, n, name, type, &off) == -1)
		return PARSE_ERROR;
	d->rcode = p[3] & 15;
	d->ttl = UINT32_MAX;
	/* A truncated answer is good enough: 512 bytes hold as many addresses
	 * as anybody wants to try. */
	if (d->rcode == 0)
		smtp_dns_answers(p, n, off, name, type, d);
	return PARSE_DONE;
}

static uint16_t
smtp_dns_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static int
smtp_dns_question(const uint8_t *p, size_t n, const char *name, unsigned int type,
    size_t *off)
{
	char	 got[DNS_NAME];

	if ((*off = smtp_dns_name(p, n, DNS_HEAD, got)) == 0 || n - *off < 4)
		return -1;
	if (strcasecmp(got, name) != 0 || smtp_dns_be16(p + *off) != type ||
	    smtp_dns_be16(p + *off + 2) != DNS_IN)
		return -1;
	*off += 4;
	return 0;
}

/* Follow the aliases from the name, then take the addresses of the last. */
static void
smtp_dns_answers(const uint8_t *p, size_t n, size_t off, const char *name,
    unsigned int type, struct smtp_dns *d)
{
	struct dns_record	 r;
	char			 owner[DNS_NAME];
	size_t			 i, count = smtp_dns_be16(p + 6), at = off;

	if (strlcpy(owner, name, sizeof(owner)) >= sizeof(owner))
		return;
	if (count > DNS_RECORDS)
		count = DNS_RECORDS;
	for (i = 0; i < DNS_ALIASES; i++)
		if (!smtp_dns_alias(p, n, off, owner, d))
			break;
	for (i = 0; i < count; i++) {
		if ((at = smtp_dns_record(p, n, at, &r)) == 0)
			return;
		if (r.type == type && r.class == DNS_IN &&
		    r.len == (type == SMTP_DNS_A ? 4 : 16) &&
		    strcasecmp(r.name, owner) == 0)
			smtp_dns_address(&r, p + r.data, d);
	}
}

/* If owner is an alias, make it what it stands for: 1, or 0. */
static int
smtp_dns_alias(const uint8_t *p, size_t n, size_t off, char *owner,
    struct smtp_dns *d)
{
	struct dns_record	 r;
	char			 target[DNS_NAME];
	size_t			 i, count = smtp_dns_be16(p + 6);

	for (i = 0; i < count && i < DNS_RECORDS; i++) {
		if ((off = smtp_dns_record(p, n, off, &r)) == 0)
			return 0;
		if (r.type != DNS_CNAME || r.class != DNS_IN ||
		    strcasecmp(r.name, owner) != 0)
			continue;
		if (smtp_dns_name(p, n, r.data, target) == 0)
			return 0;
		if (r.ttl < d->ttl)
			d->ttl = r.ttl;
		(void)strlcpy(owner, target, DNS_NAME);
		return 1;
	}
	return 0;
}

static void
smtp_dns_address(const struct dns_record *r, const uint8_t *p, struct smtp_dns *d)
{
	struct ip	*ip;

	if (d->n == nitems(d->ips))
		return;
	ip = &d->ips[d->n++];
	memset(ip, 0, sizeof(*ip));
	if (r->len == 4) {
		ip->af = IP_V4;
		memcpy(ip->b, p, 4);
	} else
		ip_set6(ip, p);
	if (r->ttl < d->ttl)
		d->ttl = r->ttl;
}

/* The record at off; the offset behind it, 0 if there is none. */
static size_t
smtp_dns_record(const uint8_t *p, size_t n, size_t off, struct dns_record *r)
{
	struct cur	 c;

	if ((off = smtp_dns_name(p, n, off, r->name)) == 0)
		return 0;
	cur_init(&c, p + off, n - off);
	r->type = cur_be16(&c);
	r->class = cur_be16(&c);
	r->ttl = cur_be32(&c);
	r->len = cur_be16(&c);
	if (cur_bytes(&c, r->len) == NULL || c.bad)
		return 0;
	/* RFC 2181 8: a TTL with the first bit set is 0 */
	if (r->ttl > INT32_MAX)
		r->ttl = 0;
	r->data = n - c.n - r->len;
	return n - c.n;
}

/*
 * The name at off as text without the last dot; the offset behind it, or 0.
 * RFC 1035 4.1.4: a pointer leads to a prior place; each one further back
 * than the one before, so that there is an end.
 */
static size_t
smtp_dns_name(const uint8_t *p, size_t n, size_t off, char *out)
{
	size_t	 end = 0, limit = off, used = 0, len, i;

	for (;;) {
		if (off >= n)
			return 0;
		len = p[off++];
		if (len == 0)
			break;
		if ((len & 0xc0) == 0xc0) {
			if (off >= n)
				return 0;
			if (end == 0)
				end = off + 1;
			off = (len & 0x3f) << 8 | p[off];
			if (off >= limit)
				return 0;
			limit = off;
			continue;
		}
		if (len > DNS_LABEL || n - off < len ||
		    used + len + 2 > DNS_NAME)
			return 0;
		if (used > 0)
			out[used++] = '.';
		for (i = 0; i < len; i++, off++) {
			/* no host's name has such */
			if (p[off] <= ' ' || p[off] >= 0x7f || p[off] == '.')
				return 0;
			out[used++] = (char)p[off];
		}
	}
	out[used] = '\0';
	return end != 0 ? end : off;
}
