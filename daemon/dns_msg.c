/* SPDX-License-Identifier: ISC */
/*
 * DNS messages: see dns_msg.h.  Called by dns_ask.c with what came from the
 * network.  A compressed name is read with a pointer that only ever goes
 * back (RFC 1035 4.1.4: "a prior occurrence"), so it ends.
 */
#include "common/compat.h"

#include <string.h>

#include "daemon/dns_msg.h"

#define HEAD		12
#define CLASS_IN	1
#define TYPE_CNAME	5
#define TYPE_OPT	41
#define FLAG_QR		0x8000
#define FLAG_TC		0x0200
#define FLAG_RD		0x0100
#define OPCODE		0x7800
#define RCODE		0x000f
#define NXDOMAIN	3
#define CHAIN		8	/* aliases */
#define RECORDS		128	/* of an answer, that are looked at */

struct rd {			/* the whole message, and where we are */
	const uint8_t	*p;
	size_t		 len, at;
};

struct rr {
	char		 name[DNS_MSG_NAME];
	uint16_t	 type, class, rdlen;
	uint32_t	 ttl;
	size_t		 rdata;
};

static uint16_t	msg_16(const uint8_t *);
static uint8_t	*msg_put16(uint8_t *, unsigned int);
static uint8_t	*msg_put_name(uint8_t *, const char *);
static int	msg_name(struct rd *, char out[DNS_MSG_NAME]);
static int	msg_label(const struct rd *, size_t, char *, size_t *);
static int	msg_rr(struct rd *, struct rr *);
static int	msg_records(struct rd *, unsigned int, char *, uint16_t,
		    struct dns_msg_answer *);
static void	msg_take(const struct rd *, const struct rr *,
		    struct dns_msg_answer *);

static uint16_t
msg_16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint8_t *
msg_put16(uint8_t *p, unsigned int v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

/* NULL: a label is empty or too long. */
static uint8_t *
msg_put_name(uint8_t *p, const char *name)
{
	size_t	 n;

	for (; *name != '\0'; name += n + (name[n] == '.')) {
		n = strcspn(name, ".");
		if (n == 0 || n > 63)
			return NULL;
		*p++ = (uint8_t)n;
		memcpy(p, name, n);
		p += n;
	}
	*p++ = 0;
	return p;
}

size_t
dns_msg_query(const char *name, uint16_t type, uint16_t id, uint8_t *out)
{
	uint8_t	*p = out;

	if (name[0] == '\0' || strlen(name) >= DNS_MSG_NAME)
		return 0;
	p = msg_put16(p, id);
	p = msg_put16(p, FLAG_RD);
	p = msg_put16(p, 1);		/* question */
	p = msg_put16(p, 0);
	p = msg_put16(p, 0);
	p = msg_put16(p, 1);		/* OPT */
	if ((p = msg_put_name(p, name)) == NULL)
		return 0;
	p = msg_put16(p, type);
	p = msg_put16(p, CLASS_IN);
	*p++ = 0;			/* RFC 6891 6.1.2: the root */
	p = msg_put16(p, TYPE_OPT);
	p = msg_put16(p, DNS_MSG_UDP);
	memset(p, 0, 6);
	return (size_t)(p + 6 - out);
}

enum dns_msg_result
dns_msg_answer(const uint8_t *p, size_t len, const char *name, uint16_t type,
    uint16_t id, struct dns_msg_answer *a)
{
	struct rd	 r = { p, len, HEAD };
	uint16_t	 flags;
	char		 want[DNS_MSG_NAME], got[DNS_MSG_NAME];

	memset(a, 0, sizeof(*a));
	a->ttl = UINT32_MAX;
	if (len < HEAD || msg_16(p) != id)
		return DNS_MSG_BAD;
	flags = msg_16(p + 2);
	/* RFC 5452 9.1: the question must be ours */
	if (!(flags & FLAG_QR) || (flags & OPCODE) || msg_16(p + 4) != 1 ||
	    msg_name(&r, got) == -1 || strcasecmp(got, name) != 0 ||
	    len - r.at < 4 || msg_16(p + r.at) != type ||
	    msg_16(p + r.at + 2) != CLASS_IN)
		return DNS_MSG_BAD;
	r.at += 4;
	if (flags & FLAG_TC)
		return DNS_MSG_CUT;
	if ((flags & RCODE) == NXDOMAIN)
		return DNS_MSG_NXDOMAIN;
	if ((flags & RCODE) != 0)
		return DNS_MSG_FAILED;
	strlcpy(want, name, sizeof(want));
	if (msg_records(&r, msg_16(p + 6), want, type, a) == -1)
		return DNS_MSG_BAD;
	return DNS_MSG_OK;
}

/* Follow aliases from the name to addresses.  An alias may stand behind what
 * it leads to, so the section is read again for each. */
static int
msg_records(struct rd *r, unsigned int n, char *want, uint16_t type,
    struct dns_msg_answer *a)
{
	struct rr	 rr;
	size_t		 start = r->at, back;
	unsigned int	 i, hops;
	int		 moved = 1;

	if (n > RECORDS)
		n = RECORDS;
	for (hops = 0; moved && a->n == 0 && hops <= CHAIN; hops++) {
		moved = 0;
		r->at = start;
		for (i = 0; i < n; i++) {
			if (msg_rr(r, &rr) == -1)
				return -1;
			if (rr.class != CLASS_IN ||
			    strcasecmp(rr.name, want) != 0)
				continue;
			if (rr.type == type) {
				msg_take(r, &rr, a);
			} else if (rr.type == TYPE_CNAME && !moved) {
				back = r->at;
				r->at = rr.rdata;
				if (msg_name(r, want) == -1)
					return -1;
				r->at = back;
				moved = 1;
				if (rr.ttl < a->ttl)
					a->ttl = rr.ttl;
			}
		}
	}
	return 0;
}

static void
msg_take(const struct rd *r, const struct rr *rr, struct dns_msg_answer *a)
{
	const uint8_t	*p = r->p + rr->rdata;
	struct ip	*ip = &a->ip[a->n];

	if (a->n == DNS_MSG_ADDRS)
		return;
	if (rr->type == DNS_MSG_A && rr->rdlen == 4) {
		memset(ip, 0, sizeof(*ip));
		ip->af = IP_V4;
		memcpy(ip->b, p, 4);
	} else if (rr->type == DNS_MSG_AAAA && rr->rdlen == 16) {
		memset(ip, 0, sizeof(*ip));
		ip_set6(ip, p);
	} else
		return;
	a->n++;
	if (rr->ttl < a->ttl)
		a->ttl = rr->ttl;
}

static int
msg_rr(struct rd *r, struct rr *rr)
{
	const uint8_t	*p;

	if (msg_name(r, rr->name) == -1 || r->len - r->at < 10)
		return -1;
	p = r->p + r->at;
	rr->type = msg_16(p);
	rr->class = msg_16(p + 2);
	rr->ttl = (uint32_t)msg_16(p + 4) << 16 | msg_16(p + 6);
	/* RFC 2181 8: the highest bit counts as 0 */
	if (rr->ttl > INT32_MAX)
		rr->ttl = 0;
	rr->rdlen = msg_16(p + 8);
	rr->rdata = r->at + 10;
	if (r->len - rr->rdata < rr->rdlen)
		return -1;
	r->at = rr->rdata + rr->rdlen;
	return 0;
}

/* A name as text without the last dot; r is behind it.  0 or -1. */
static int
msg_name(struct rd *r, char out[DNS_MSG_NAME])
{
	size_t	 at = r->at, end = 0, limit = r->at, n = 0, to;

	for (;;) {
		if (at >= r->len)
			return -1;
		if (r->p[at] == 0)
			break;
		if ((r->p[at] & 0xc0) == 0xc0) {
			if (r->len - at < 2)
				return -1;
			if (end == 0)
				end = at + 2;
			to = msg_16(r->p + at) & 0x3fff;
			if (to >= limit)	/* only ever back */
				return -1;
			at = limit = to;
			continue;
		}
		if (msg_label(r, at, out, &n) == -1)
			return -1;
		at += 1 + r->p[at];
	}
	out[n > 0 ? n - 1 : 0] = '\0';
	r->at = end != 0 ? end : at + 1;
	return 0;
}

/* Append one label and a dot.  A dot or NUL inside of it is no host's. */
static int
msg_label(const struct rd *r, size_t at, char *out, size_t *n)
{
	size_t	 i, len = r->p[at];

	if (len > 63 || r->len - at - 1 < len ||
	    *n + len + 1 >= DNS_MSG_NAME)
		return -1;
	for (i = 1; i <= len; i++) {
		if (r->p[at + i] == '.' || r->p[at + i] == '\0')
			return -1;
		out[(*n)++] = (char)r->p[at + i];
	}
	out[(*n)++] = '.';
	return 0;
}
