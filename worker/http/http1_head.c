/* SPDX-License-Identifier: ISC */
/*
 * HTTP/1.1 heads (RFC 9112).  Called by http1.c; pure.
 *
 *	head         = [ CRLF ] request-line *( field-line CRLF ) CRLF
 *	request-line = method SP request-target SP HTTP-version CRLF
 *	field-line   = field-name ":" OWS field-value OWS
 *
 * Numbers in comments are the rules of security.md 3.1.  What must never
 * happen here: two readers of the same bytes seeing two messages.
 */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "worker/http/hdr.h"
#include "worker/http/head.h"
#include "worker/http/http1_head.h"
#include "worker/http/target.h"

typedef const struct http1_error	herr;

static herr	*head_line(struct req *, char *, size_t);
static herr	*head_version(struct req *, const char *, size_t);
static herr	*head_target(struct req *, char *, size_t);
static herr	*head_absolute(struct req *, char *, size_t);
static herr	*head_field(struct req *, char *, char **);
static size_t	 head_value(const char *, size_t);
static herr	*head_hosts(struct req *);
static herr	*head_coding(const struct req *, struct http1_frame *);
static void	 head_connection(const struct req *, struct http1_frame *);

const struct http1_limits	http1_limits_default = {
	8192, 8192, 32768, HTTP_MAX_HDRS - 1
};

#define E(name, status, detail)						\
	static herr name = { status, detail }
E(bare_lf, 400, "a line ends in LF without CR");
E(empty_lines, 400, "more than one empty line before the request");
E(long_line, 414, "the request line is too long");
E(long_field, 431, "a field line is too long");
E(long_fields, 431, "the fields are too long");
E(many_fields, 431, "too many fields");
E(bad_line, 400, "malformed request line");
E(bad_version, 400, "malformed HTTP version");
E(unknown_version, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
E(bad_target, 400, "malformed request target");
E(bad_scheme, 421, "the target's scheme is not that of this connection");
E(folded, 400, "a field line starts with white space");
E(bad_name, 400, "malformed field name");
E(bad_value, 400, "a field value has a control octet");
E(duplicate, 400, "a field that may stand once stands twice");
E(no_host, 400, "Host is missing");
E(bad_coding, 400, "malformed Transfer-Encoding");
E(unknown_coding, 501, "only the transfer coding chunked is known");
E(both, 400, "Content-Length and Transfer-Encoding together");
#undef E

/* --- where it ends --------------------------------------------------- */

enum parse
http1_head_find(struct http1_find *f, const char *p, size_t len,
    const struct http1_limits *lim, size_t *used, herr **err)
{
	const char	*lf;
	size_t		 n;

	*err = NULL;
	for (;;) {
		lf = memchr(p + f->line, '\n', len - f->line);
		n = (lf == NULL ? len : (size_t)(lf - p)) - f->line;
		if (f->fields == 0 && n > lim->line + 1)
			*err = &long_line;			/* 13 */
		else if (f->fields != 0 && n > lim->field + 1)
			*err = &long_field;			/* 13 */
		else if (f->fields != 0 &&
		    f->line + n - f->fields > lim->fields + 2)
			*err = &long_fields;			/* 13 */
		else if (lf != NULL && (n == 0 || lf[-1] != '\r'))
			/* RFC 9112 2.2 lets a bare LF pass; rule 2 does not */
			*err = &bare_lf;
		if (*err != NULL)
			return PARSE_ERROR;
		if (lf == NULL)
			return PARSE_MORE;
		f->line += (uint32_t)n + 1;
		if (n > 1) {
			if (f->fields == 0)
				f->fields = f->line;
			else if (++f->nfields > lim->nfields) {
				*err = &many_fields;
				return PARSE_ERROR;
			}
		} else if (f->fields != 0) {
			*used = f->line;
			return PARSE_DONE;
		} else if (f->start != 0) {
			*err = &empty_lines;
			return PARSE_ERROR;
		} else
			f->start = f->line;	/* RFC 9112 2.2: one CRLF */
	}
}

/* --- what it says ---------------------------------------------------- */

herr *
http1_head_parse(struct req *r, char *p, size_t len, struct http1_frame *fr)
{
	char	*lf, *end = p + len - 2;	/* the empty line */
	herr	*e;

	memset(fr, 0, sizeof(*fr));
	hdr_reset(r);
	lf = memchr(p, '\n', len);
	if ((e = head_line(r, p, (size_t)(lf - p) - 1)) != NULL)
		return e;
	for (p = lf + 1; p < end; )
		if ((e = head_field(r, end, &p)) != NULL)
			return e;
	if (hdr_duplicate(r) != NULL)
		return &duplicate;			/* 5, 6, 12 */
	if ((e = head_hosts(r)) != NULL ||
	    (e = head_length(r, &fr->length)) != NULL ||
	    (e = head_coding(r, fr)) != NULL ||
	    (e = head_body(r, fr->chunked || fr->length > 0)) != NULL ||
	    (e = head_expect(r, &fr->expect)) != NULL)
		return e;
	/* HTTP/1.0 clients cannot mean it */
	fr->expect &= r->version == 11;
	head_connection(r, fr);
	return NULL;
}

/* RFC 9112 3: exactly two spaces, each one octet. */
static herr *
head_line(struct req *r, char *p, size_t len)
{
	char	*sp, *sp2;
	size_t	 n;
	herr	*e;

	if ((sp = memchr(p, ' ', len)) == NULL)
		return &bad_line;
	n = (size_t)(sp - p);
	if ((sp2 = memchr(sp + 1, ' ', len - n - 1)) == NULL)
		return &bad_line;	/* HTTP/0.9 ends here */
	if ((e = head_method(r, p, n)) != NULL)
		return e;
	if ((e = head_version(r, sp2 + 1, len - (size_t)(sp2 + 1 - p))) != NULL)
		return e;
	*sp2 = '\0';
	return head_target(r, sp + 1, (size_t)(sp2 - sp) - 1);
}

/* RFC 9112 2.3: "HTTP/" DIGIT "." DIGIT, upper case. */
static herr *
head_version(struct req *r, const char *p, size_t len)
{
	if (len != 8 || memcmp(p, "HTTP/", 5) != 0 || p[6] != '.' ||
	    p[5] < '0' || p[5] > '9' || p[7] < '0' || p[7] > '9')
		return &bad_version;
	if (p[5] != '1' || p[7] > '1')
		return &unknown_version;
	r->version = p[7] == '1' ? 11 : 10;
	return NULL;
}

static herr *
head_target(struct req *r, char *p, size_t len)
{
	/* For logs only, so it may be decoded in place below: keep it. */
	if ((r->target = arena_dup(&r->arena, p, len)) == NULL)
		return &bad_target;
	r->host = NULL;
	if (len > 0 && p[0] != '/' && (len > 1 || p[0] != '*'))
		return head_absolute(r, p, len);
	return head_origin(r, p, len);
}

/* RFC 9112 3.2.2: a server MUST accept absolute-form, whose authority then
 * replaces what Host says. */
static herr *
head_absolute(struct req *r, char *p, size_t len)
{
	char	*host, *slash;
	size_t	 n, hlen;
	int	 tls;

	if (len > 8 && utf8_caseis(p, 8, "https://"))
		tls = 1;
	else if (len > 7 && utf8_caseis(p, 7, "http://"))
		tls = 0;
	else
		return &bad_target;
	if (tls != r->tls)
		return &bad_scheme;	/* RFC 9110 7.4 */
	n = tls ? 8 : 7;
	hlen = strcspn(p + n, "/?");
	/* No userinfo: target_host knows no '@' (RFC 9110 4.2.4). */
	if ((host = arena_get(&r->arena, TARGET_HOST_MAX + 1)) == NULL ||
	    target_host(p + n, hlen, host) == -1)
		return &bad_target;
	slash = p + n + hlen;
	if (*slash != '/') {
		/* An empty path is "/" (RFC 9110 4.2.3): the octet before
		 * has been read and may go. */
		*--slash = '/';
	}
	len -= (size_t)(slash - p);
	if (head_target(r, slash, len) != NULL)
		return &bad_target;
	r->host = host;
	return NULL;
}

/* One field line; *pp is moved behind its CRLF. */
static herr *
head_field(struct req *r, char *end, char **pp)
{
	char	*p = *pp, *v, *e;
	size_t	 n = 0;

	if (*p == ' ' || *p == '\t')
		return &folded;		/* 4; RFC 9112 5.2 obs-fold, 2.2 */
	while (hdr_octet[(unsigned char)p[n]] & HDR_TCHAR)
		n++;
	/* RFC 9112 5.1: no space between name and colon */
	if (n == 0 || p[n] != ':')
		return &bad_name;
	v = p + n + 1;
	while (*v == ' ' || *v == '\t')
		v++;
	e = v + head_value(v, (size_t)(end - v));
	if (e[0] != '\r' || e[1] != '\n')
		return &bad_value;	/* 2; RFC 9110 5.5: CR, LF, NUL */
	*pp = e + 2;
	while (e > v && (e[-1] == ' ' || e[-1] == '\t'))
		e--;
	p[n] = '\0';
	*e = '\0';
	return hdr_add(r, p, n, v, (size_t)(e - v)) == -1 ? &many_fields : NULL;
}

/* How many of the n octets at p may stand in a value: eight at a time while
 * none is below SP or DEL, then one by one. */
static size_t
head_value(const char *p, size_t n)
{
	const uint64_t	 ones = ~0ULL / 255, high = ones * 128;
	uint64_t	 w, d;
	size_t		 i = 0;

	for (;;) {
		while (i + 8 <= n) {
			memcpy(&w, p + i, 8);
			d = w ^ ones * 0x7f;
			if ((((w - ones * 0x20) & ~w) |
			    ((d - ones) & ~d)) & high)
				break;
			i += 8;
		}
		while (i < n && hdr_octet[(unsigned char)p[i]] & HDR_VALUE) {
			if (p[i++] == '\t')
				break;
		}
		if (i == n || !(hdr_octet[(unsigned char)p[i]] & HDR_VALUE))
			return i;
	}
}

/* RFC 9112 3.2: 400 to any request without Host (1.1), with more than one,
 * or with an invalid one. */
static herr *
head_hosts(struct req *r)
{
	const struct req_hdr	*h;
	const char		*host = r->host;
	herr			*e;

	if (r->known[HDR_HOST] == -1) {
		if (r->version == 11 || r->host == NULL)
			return &no_host;
		return NULL;
	}
	h = &r->hdr[r->known[HDR_HOST]];
	e = head_host(r, h->value, h->value_len);
	if (host != NULL)
		r->host = host;		/* the target's goes first */
	return e;
}

/* RFC 9112 6.1.  7: nothing but "chunked", in HTTP/1.1, without a length. */
static herr *
head_coding(const struct req *r, struct http1_frame *fr)
{
	const struct req_hdr	*h;
	uint32_t		 i;

	if (r->known[HDR_TRANSFER_ENCODING] == -1)
		return NULL;
	h = &r->hdr[r->known[HDR_TRANSFER_ENCODING]];
	if (r->version == 10)
		return &bad_coding;
	if (r->known[HDR_CONTENT_LENGTH] != -1)
		return &both;		/* RFC 9112 6.3: smuggling */
	if (utf8_caseis(h->value, h->value_len, "chunked")) {
		fr->chunked = 1;
		return NULL;
	}
	for (i = 0; i < h->value_len; i++)
		if (!(hdr_octet[(unsigned char)h->value[i]] & HDR_TCHAR))
			return &bad_coding;
	return h->value_len == 0 ? &bad_coding : &unknown_coding;
}

/* RFC 9112 9.3.  Options that we do not know name hop-by-hop fields of
 * ours; nothing is removed for them (CVE-2022-31813). */
static void
head_connection(const struct req *r, struct http1_frame *fr)
{
	const char	*v;
	int16_t		 i;
	size_t		 n;

	fr->keep = r->version == 11;
	for (i = r->known[HDR_CONNECTION]; i != -1; i = r->hdr[i].next)
		for (v = r->hdr[i].value; *v != '\0'; v += n) {
			v += strspn(v, ", \t");
			n = strcspn(v, ", \t");
			if (utf8_caseis(v, n, "close")) {
				fr->keep = 0;
				return;
			}
			if (utf8_caseis(v, n, "keep-alive"))
				fr->keep = 1;
		}
}
