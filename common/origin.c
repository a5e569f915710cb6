/* SPDX-License-Identifier: ISC */
/* Web origins: see origin.h.  Pure. */
#include "common/compat.h"

#include <string.h>

#include "common/ip.h"
#include "common/origin.h"
#include "common/utf8.h"

static const char	*origin_host(const char *, size_t *, const char **);
static int		 origin_name(const char *, size_t);
static int		 origin_port(const char *, const char *, int);
static int		 origin_written(const char *);
static int		 origin_local(const char *);

/* After the scheme; its default port in *port. */
static const char *
origin_host(const char *p, size_t *len, const char **port)
{
	if (*len > 8 && memcmp(p, "https://", 8) == 0) {
		*len -= 8;
		*port = "443";
		return p + 8;
	}
	if (*len > 7 && memcmp(p, "http://", 7) == 0) {
		*len -= 7;
		*port = "80";
		return p + 7;
	}
	return NULL;
}

int
origin_valid(const char *p, size_t len)
{
	const char	*host, *end = p + len, *colon, *dflt;
	size_t		 n;
	struct ip	 ip;

	n = len;
	if (len >= ORIGIN_MAX || (host = origin_host(p, &n, &dflt)) == NULL)
		return 0;
	if (*host == '[') {
		if ((colon = memchr(host, ']', n)) == NULL ||
		    ip_parse(&ip, host + 1, (size_t)(colon - host) - 1) ==
		    -1 || memchr(host, '.', n) != NULL)
			return 0;
		colon++;
	} else {
		if ((colon = memchr(host, ':', n)) == NULL)
			colon = end;
		if (!origin_name(host, (size_t)(colon - host)))
			return 0;
	}
	return colon == end || origin_port(colon, end, *dflt == '8' ? 80 :
	    443);
}

/* Labels of lower case letters, digits, '-' and '_'. */
static int
origin_name(const char *p, size_t len)
{
	size_t	 i;

	if (len == 0 || len > 253 || p[0] == '.' || p[len - 1] == '.')
		return 0;
	for (i = 0; i < len; i++) {
		if (p[i] == '.' && p[i - 1] == '.')
			return 0;
		if (!(p[i] >= 'a' && p[i] <= 'z') &&
		    !(p[i] >= '0' && p[i] <= '9') && p[i] != '-' &&
		    p[i] != '_' && p[i] != '.')
			return 0;
	}
	return 1;
}

/* ":" and a port that is not the default, without leading zeros. */
static int
origin_port(const char *p, const char *end, int dflt)
{
	int	 port = 0;

	if (*p++ != ':' || p == end || *p == '0' || end - p > 5)
		return 0;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return 0;
		port = port * 10 + (*p - '0');
	}
	return port <= 65535 && port != dflt;
}

/* RFC 5952, which is what a browser sends: no other spelling is ever met. */
static int
origin_written(const char *host)
{
	size_t		 n = strcspn(host, "]");
	struct ip	 ip;
	char		 text[IP_STRLEN];

	if (*host != '[' || ip_parse(&ip, host + 1, n - 1) == -1 ||
	    ip.af != IP_V6)
		return 1;
	ip_str(&ip, text);
	return strlen(text) == n - 1 && memcmp(text, host + 1, n - 1) == 0;
}

/* http is for this machine's own pages only. */
static int
origin_local(const char *host)
{
	static const char *const	 names[] = {
		"localhost", "127.0.0.1", "[::1]"
	};
	size_t				 i, n;

	for (i = 0; i < nitems(names); i++) {
		n = strlen(names[i]);
		if (strncmp(host, names[i], n) == 0 &&
		    (host[n] == '\0' || host[n] == ':'))
			return 1;
	}
	return 0;
}

const char *
origin_parse(struct origin *o, const char *s)
{
	const char	*host, *dflt;
	size_t		 i, n = strcspn(s, " \t"), left, star;
	char		 plain[ORIGIN_MAX];

	memset(o, 0, sizeof(*o));
	if (s[n] != '\0') {
		if (strcmp(s + n + strspn(s + n, " \t"), "credentials") != 0)
			return "only the word credentials may stand behind "
			    "an origin";
		o->credentials = 1;
	}
	if (n >= ORIGIN_MAX)
		return "it is too long";
	for (i = 0; i < n; i++)
		o->text[i] = (char)utf8_lower((unsigned char)s[i]);
	if (strcmp(o->text, "null") == 0 || strcmp(o->text, "*") == 0)
		return "it would allow every page: permissive-cors is for "
		    "that";
	left = n;
	if ((host = origin_host(o->text, &left, &dflt)) == NULL)
		return "it is not https://host[:port]";
	strlcpy(plain, o->text, sizeof(plain));
	if (host[0] == '*' && host[1] == '.') {
		o->any = 1;
		star = (size_t)(host - o->text);
		plain[star] = 'x';
		if (memchr(host + 2, '.', left - 2) == NULL)
			return "the wildcard stands for all of a top-level "
			    "domain";
	}
	if (!origin_valid(plain, n) || !origin_written(host))
		return "it is not https://host[:port] as browsers write it "
		    "(no path, no default port)";
	if (*dflt == '8' && !origin_local(host))
		return "http is for localhost only";
	return NULL;
}

int
origin_match(const struct origin *o, const char *p, size_t len)
{
	const char	*star, *dot;
	size_t		 n = strlen(o->text), head;

	if (!o->any)
		return len == n && memcmp(o->text, p, n) == 0;
	star = strchr(o->text, '*');
	head = (size_t)(star - o->text);
	/* one label, then the rest as it is: never a suffix alone */
	if (len <= head || memcmp(o->text, p, head) != 0 ||
	    (dot = memchr(p + head, '.', len - head)) == NULL ||
	    dot == p + head)
		return 0;
	return (size_t)(p + len - dot) == n - head - 1 &&
	    memcmp(dot, star + 1, n - head - 1) == 0;
}
