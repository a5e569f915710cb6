/* SPDX-License-Identifier: ISC */
/*
 * Who is behind the proxy.  Only a proxy that we trust is believed, and of
 * its list only what stands behind the last address that we do not trust:
 * everything to the left of it may be invented.
 *
 *	Forwarded         = 1#( [pair] *( ";" [pair] ) )	RFC 7239 4
 *	pair              = token "=" ( token | quoted-string )
 *	X-Forwarded-For   = 1#( IPv4 [":" port] | IPv6 | "[" IPv6 "]"
 *			    [":" port] )
 */
#include "common/compat.h"

#include <string.h>

#include "common/conf.h"
#include "common/log.h"
#include "common/utf8.h"
#include "worker/http/hdr.h"
#include "worker/http/target.h"
#include "worker/policy/forwarded.h"
#include "worker/policy/policy.h"


struct scan {
	const char	*p, *end;
};

static int	forwarded_add(struct forwarded *, const struct forwarded_hop *);
static int	forwarded_element(struct scan *, struct forwarded_hop *);
static int	forwarded_pair(struct scan *, struct forwarded_hop *, int *);
static ssize_t	forwarded_value(struct scan *, char *, size_t);
static ssize_t	forwarded_quoted(struct scan *, char *, size_t);
static void	forwarded_node(struct ip *, const char *, size_t);
static int	forwarded_port(const char *, const char *);
static void	forwarded_space(struct scan *);
static int	forwarded_collect(const struct req *, enum http_hdr,
		    int (*)(struct forwarded *, const char *, size_t),
		    struct forwarded *);
static int	forwarded_trusts(const struct ip *, const struct ip_net *,
		    size_t);
static void	forwarded_warn(const struct req *, const char *);
static int	forwarded_hops(const struct req *, struct forwarded *);
static const char	*forwarded_one(const struct req *, const char *);
static void	forwarded_real(struct req *);
static int	forwarded_proto(const struct req *);
static int	forwarded_scheme(const char *, size_t);
static void	forwarded_authority(struct req *, const char *);

enum req_ret
forwarded_step(struct req *r)
{
	static struct forwarded	 f;		/* hops carry their hosts */
	int			 proto = 0, x;

	if ((!r->conf->use_x_forwarded && !r->conf->x_real_ip) ||
	    !forwarded_trusts(&r->peer, r->setup->trusted,
	    r->setup->ntrusted))
		return REQ_NEXT;
	f.n = f.bytes = 0;
	f.at = NULL;
	if (r->conf->x_real_ip)
		forwarded_real(r);
	else if (forwarded_hops(r, &f) == -1) {
		forwarded_warn(r, "too long a list of hops");
		r->hidden = 1;
		return REQ_NEXT;
	} else {
		if (f.n == 0)
			forwarded_warn(r, "no word of its client");
		forwarded_walk(&f, &r->peer, r->setup->trusted,
		    r->setup->ntrusted, &r->client, &proto);
		r->hidden = f.hidden;
	}
	x = r->conf->use_x_forwarded != CONF_TOLD_FORWARDED;
	if (proto == 0 && x)
		proto = forwarded_proto(r);
	if (proto == 2)
		r->secure = 1;
	r->clear = proto == 1;
	forwarded_authority(r, f.at != NULL && f.at->host[0] != '\0' ?
	    f.at->host : x ? forwarded_one(r, "X-Forwarded-Host") : NULL);
	return REQ_NEXT;
}

static void
forwarded_warn(const struct req *r, const char *what)
{
	static int64_t	 warned;
	char		 ip[IP_STRLEN];

	if (warned != 0 && r->began - warned < 60 * 1000000)
		return;
	warned = r->began;
	log_warnx("proxy %s sends %s", ip_str(&r->peer, ip), what);
}

/* Forwarded, or else X-Forwarded-For, or the one that proxies write; -1: not
 * to be used at all. */
static int
forwarded_hops(const struct req *r, struct forwarded *f)
{
	uint64_t	 told = r->conf->use_x_forwarded;

	if (told != CONF_TOLD_X &&
	    forwarded_collect(r, HDR_FORWARDED, forwarded_7239, f) == -1)
		return -1;
	if (f->n > 0 || told == CONF_TOLD_FORWARDED)
		return 0;
	return forwarded_collect(r, HDR_X_FORWARDED_FOR, forwarded_xff, f);
}

/* The value of a field that has no id and stands once, or NULL. */
static const char *
forwarded_one(const struct req *r, const char *name)
{
	const char	*v = NULL;
	int		 i;

	for (i = 0; i < r->nhdr; i++) {
		if (r->hdr[i].id != HDR_OTHER ||
		    !utf8_caseis(r->hdr[i].name, r->hdr[i].name_len, name))
			continue;
		if (v != NULL)
			return NULL;
		v = r->hdr[i].value;
	}
	return v;
}

/* X-Real-IP: an address, in one line. */
static void
forwarded_real(struct req *r)
{
	const char	*v = forwarded_one(r, "X-Real-IP");
	struct ip	 ip;

	if (v != NULL && ip_parse(&ip, v, strlen(v)) == 0)
		r->client = ip;
	else {
		r->hidden = req_hdr_find(r, "X-Real-IP") != NULL;
		forwarded_warn(r, "no X-Real-IP, or one that is no address");
	}
}

/* X-Forwarded-Proto: a second line may be the client's own. */
static int
forwarded_proto(const struct req *r)
{
	int16_t	 i = r->known[HDR_X_FORWARDED_PROTO];

	if (i == -1 || r->hdr[i].next != -1)
		return 0;
	return forwarded_scheme(r->hdr[i].value, r->hdr[i].value_len);
}

/* 0: neither of the two. */
static int
forwarded_scheme(const char *p, size_t len)
{
	return utf8_caseis(p, len, "https") ? 2 :
	    utf8_caseis(p, len, "http") ? 1 : 0;
}

/* What the proxy was asked for, if that is a name of ours. */
static void
forwarded_authority(struct req *r, const char *host)
{
	char	 name[TARGET_HOST_MAX + 1];

	if (host != NULL && target_host(host, strlen(host), name) == 0 &&
	    hosts_has(&r->setup->hosts, name))
		r->authority = arena_dup(&r->arena, host, strlen(host));
}

int
forwarded_local(const struct req *r)
{
	if (r->conf->use_x_forwarded || r->conf->x_real_ip)
		return req_local(r);
	return ip_loopback(&r->peer) && ip_loopback(&r->client);
}

/* All lines of one field, in order. */
static int
forwarded_collect(const struct req *r, enum http_hdr id,
    int (*parse)(struct forwarded *, const char *, size_t),
    struct forwarded *f)
{
	int16_t	 i;

	for (i = r->known[id]; i != -1; i = r->hdr[i].next)
		if (parse(f, r->hdr[i].value, r->hdr[i].value_len) == -1)
			return -1;
	return 0;
}

static int
forwarded_trusts(const struct ip *ip, const struct ip_net *net, size_t n)
{
	size_t	 i;

	if (ip->af == IP_UNIX)
		return 1;
	for (i = 0; i < n; i++)
		if (ip_in(ip, &net[i]))
			return 1;
	return 0;
}

void
forwarded_walk(struct forwarded *f, const struct ip *peer,
    const struct ip_net *trusted, size_t ntrusted, struct ip *client,
    int *proto)
{
	size_t	 i;
	int	 hidden;

	*client = *peer;
	*proto = 0;
	f->at = NULL;
	f->hidden = 0;
	for (i = f->n; i-- > 0; ) {
		if (!forwarded_trusts(client, trusted, ntrusted))
			return;
		/* whom we trust may say how it came and not from where */
		hidden = f->hop[i].ip.af == IP_NONE;
		if (!hidden)
			*client = f->hop[i].ip;
		if (!hidden || f->hop[i].proto != 0) {
			*proto = f->hop[i].proto;
			f->at = &f->hop[i];
		}
		if ((f->hidden = hidden))
			return;
	}
}

static int
forwarded_add(struct forwarded *f, const struct forwarded_hop *h)
{
	if (f->n == FORWARDED_HOPS)
		return -1;
	f->hop[f->n++] = *h;
	return 0;
}

int
forwarded_xff(struct forwarded *f, const char *p, size_t len)
{
	struct forwarded_hop	 h;
	const char		*end = p + len, *e;

	if ((f->bytes += len) > FORWARDED_BYTES)
		return -1;
	for (;; p = e + 1) {
		if ((e = memchr(p, ',', (size_t)(end - p))) == NULL)
			e = end;
		while (p < e && (*p == ' ' || *p == '\t'))
			p++;
		for (len = (size_t)(e - p); len > 0 &&
		    (p[len - 1] == ' ' || p[len - 1] == '\t'); len--)
			;
		memset(&h, 0, sizeof(h));
		forwarded_node(&h.ip, p, len);
		/* RFC 9110 5.6.1: empty elements are ignored */
		if (len > 0 && forwarded_add(f, &h) == -1)
			return -1;
		if (e == end)
			return 0;
	}
}

int
forwarded_7239(struct forwarded *f, const char *p, size_t len)
{
	struct forwarded_hop	 h;
	struct scan		 s = { p, p + len };

	if ((f->bytes += len) > FORWARDED_BYTES)
		return -1;
	for (;;) {
		forwarded_space(&s);
		if (s.p < s.end && *s.p != ',') {
			if (forwarded_element(&s, &h) == -1) {
				/* Where it ends cannot be told; what stands
				 * before it cannot be trusted. */
				memset(&h, 0, sizeof(h));
				s.p = s.end;
			}
			if (forwarded_add(f, &h) == -1)
				return -1;
		}
		if (s.p == s.end)
			return 0;
		s.p++;			/* the comma */
	}
}

/* One element up to its ',' or the end. */
static int
forwarded_element(struct scan *s, struct forwarded_hop *h)
{
	int	 seen = 0;

	memset(h, 0, sizeof(*h));
	for (;;) {
		if (s->p < s->end && *s->p != ';' && *s->p != ',' &&
		    forwarded_pair(s, h, &seen) == -1)
			return -1;
		forwarded_space(s);
		if (s->p == s->end || *s->p == ',')
			return 0;
		if (*s->p++ != ';')
			return -1;
		forwarded_space(s);
	}
}

static int
forwarded_pair(struct scan *s, struct forwarded_hop *h, int *seen)
{
	const char	*name = s->p;
	char		 value[FORWARDED_HOST];
	size_t		 nlen;
	ssize_t		 len;

	while (s->p < s->end &&
	    hdr_octet[(unsigned char)*s->p] & HDR_TCHAR)
		s->p++;
	nlen = (size_t)(s->p - name);
	if (nlen == 0 || s->p == s->end || *s->p++ != '=' ||
	    (len = forwarded_value(s, value, sizeof(value))) == -1)
		return -1;
	if (utf8_caseis(name, nlen, "for")) {
		if (*seen & 1)		/* RFC 7239 4: once an element */
			return -1;
		*seen |= 1;
		forwarded_node(&h->ip, value, (size_t)len);
	} else if (utf8_caseis(name, nlen, "proto")) {
		if (*seen & 2)
			return -1;
		*seen |= 2;
		h->proto = forwarded_scheme(value, (size_t)len);
	} else if (utf8_caseis(name, nlen, "host")) {
		if (*seen & 4)
			return -1;
		*seen |= 4;
		if ((size_t)len < sizeof(h->host)) {
			memcpy(h->host, value, (size_t)len);
			h->host[len] = '\0';
		}
	}
	return 0;
}

/* token or quoted-string into out; its length, cut to max (a long one is no
 * address anyway), or -1. */
static ssize_t
forwarded_value(struct scan *s, char *out, size_t max)
{
	size_t	 n = 0;

	if (s->p < s->end && *s->p == '"')
		return forwarded_quoted(s, out, max);
	for (; s->p < s->end && (*s->p == '_' ||
	    hdr_octet[(unsigned char)*s->p] & HDR_TCHAR); s->p++)
		if (n < max)
			out[n++] = *s->p;
	return n == 0 ? -1 : (ssize_t)n;
}

static ssize_t
forwarded_quoted(struct scan *s, char *out, size_t max)
{
	size_t	 n = 0;

	for (s->p++; s->p < s->end && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && ++s->p == s->end)
			return -1;
		if (n < max)
			out[n++] = *s->p;
	}
	if (s->p == s->end)
		return -1;
	s->p++;
	return (ssize_t)n;
}

/* node = nodename [ ":" node-port ]; an address only, else IP_NONE. */
static void
forwarded_node(struct ip *ip, const char *p, size_t len)
{
	const char	*e, *end = p + len, *port = end;

	memset(ip, 0, sizeof(*ip));
	if (len > 0 && *p == '[') {
		p++;
		if ((e = memchr(p, ']', (size_t)(end - p))) == NULL ||
		    memchr(p, ':', (size_t)(e - p)) == NULL)
			return;
		port = e + 1;
	} else if ((e = memchr(p, ':', len)) != NULL &&
	    memchr(e + 1, ':', (size_t)(end - e - 1)) == NULL)
		port = e;		/* one colon: IPv4 with a port */
	else
		e = end;
	if (port != end && (*port++ != ':' || !forwarded_port(port, end)))
		return;
	if (ip_parse(ip, p, (size_t)(e - p)) == -1)
		memset(ip, 0, sizeof(*ip));
}

/* 1*5DIGIT, or an obfuscated one: "_" 1*( ALPHA / DIGIT / "." / "_" / "-" ) */
static int
forwarded_port(const char *p, const char *end)
{
	size_t	 i, n = (size_t)(end - p), first = n > 0 && *p == '_';
	int	 c;

	for (i = first; i < n; i++) {
		c = utf8_lower((unsigned char)p[i]);
		if (!(c >= '0' && c <= '9') && (!first ||
		    (!(c >= 'a' && c <= 'z') && memchr("._-", c, 3) == NULL)))
			return 0;
	}
	return first ? n > 1 : n > 0 && n <= 5;
}

static void
forwarded_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}
