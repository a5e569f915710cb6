/* SPDX-License-Identifier: ISC */
/*
 * URLs of push subscriptions: see push_url.h.  A host that some resolver
 * would take for a number ("127.1", "0x7f000001") is no name: names end in a
 * label that begins with a letter (RFC 1123 2.1, RFC 3696 2).
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "common/enc.h"
#include "common/ip.h"
#include "common/push_url.h"

#define SCHEME		"https://"
#define PORT		443

static const char	*url_authority(struct push_url *, const char *, size_t);
static const char	*url_address(struct push_url *, const char *, size_t);
static const char	*url_name(struct push_url *, const char *, size_t);
static const char	*url_port(struct push_url *, const char *, size_t);
static int		 url_rest(const char *, size_t);
static int		 url_letter(int);
static int		 url_digit(int);

const char *
push_url_parse(struct push_url *u, const char *s, size_t len)
{
	const char	*why;
	size_t		 n = strlen(SCHEME), end;
	int		 v6;

	memset(u, 0, sizeof(*u));
	if (len > PUSH_URL_MAX)
		return "it is too long";
	/* RFC 8620 7.2: this MUST begin with "https://" */
	if (len < n || memcmp(s, SCHEME, n) != 0)
		return "it does not begin with https://";
	for (end = n; end < len && s[end] != '/' && s[end] != '?'; end++)
		if (s[end] == '@' || s[end] == '#')
			return "a user or a fragment in it";
	if ((why = url_authority(u, s + n, end - n)) != NULL)
		return why;
	if (!url_rest(s + end, len - end))
		return "a character that no URL has, or a fragment";
	v6 = strchr(u->host, ':') != NULL;
	if (u->port == PORT)
		(void)snprintf(u->origin, sizeof(u->origin), SCHEME "%s%s%s",
		    v6 ? "[" : "", u->host, v6 ? "]" : "");
	else
		(void)snprintf(u->origin, sizeof(u->origin),
		    SCHEME "%s%s%s:%u", v6 ? "[" : "", u->host, v6 ? "]" : "",
		    u->port);
	return NULL;
}

static const char *
url_authority(struct push_url *u, const char *s, size_t len)
{
	const char	*why;
	size_t		 n = 0;

	u->port = PORT;
	if (len > 0 && s[0] == '[') {
		while (n < len && s[n] != ']')
			n++;
		if (n == len || (why = url_address(u, s + 1, n - 1)) != NULL)
			return "the address in [] is none";
		n++;
	} else {
		while (n < len && s[n] != ':')
			n++;
		if ((why = url_address(u, s, n)) != NULL &&
		    (why = url_name(u, s, n)) != NULL)
			return why;
	}
	return n == len ? NULL : url_port(u, s + n, len - n);
}

static const char *
url_address(struct push_url *u, const char *s, size_t len)
{
	struct ip	 ip;

	if (ip_parse(&ip, s, len) == -1 ||
	    (s[-1] == '[') != (memchr(s, ':', len) != NULL))
		return "no address";
	/* folded: one spelling */
	(void)ip_str(&ip, u->host);
	u->literal = 1;
	return NULL;
}

static const char *
url_name(struct push_url *u, const char *s, size_t len)
{
	size_t	 i, label = 0;

	if (len == 0 || len >= sizeof(u->host))
		return "the host's name is too long or empty";
	for (i = 0; i < len; i++) {
		if (s[i] == '.') {
			if (i == label || i - label > 63 || s[i - 1] == '-')
				return "the host's name is none";
			label = i + 1;
		} else if (!url_letter(s[i]) && !url_digit(s[i]) &&
		    (s[i] != '-' || i == label))
			return "the host's name is none";
		u->host[i] = s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 : s[i];
	}
	if (label == len || len - label > 63 || s[len - 1] == '-' ||
	    !url_letter(s[label]))
		return "the host's name is none";
	return NULL;
}

static const char *
url_port(struct push_url *u, const char *s, size_t len)
{
	uint32_t	 port = 0;
	size_t		 i;

	if (s[0] != ':' || len < 2 || len > 6 || s[1] == '0')
		return "the port is none";
	for (i = 1; i < len; i++) {
		if (!url_digit(s[i]))
			return "the port is none";
		port = port * 10 + (uint32_t)(s[i] - '0');
	}
	if (port > UINT16_MAX)
		return "the port is none";
	u->port = (uint16_t)port;
	return NULL;
}

static int
url_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int
url_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* RFC 3986 3.3 pchar, '/', and a query */
static int
url_rest(const char *s, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++) {
		if (s[i] == '%') {
			if (len - i < 3 || enc_hexval(s[i + 1]) == -1 ||
			    enc_hexval(s[i + 2]) == -1)
				return 0;
			i += 2;
		} else if (!url_letter(s[i]) && !url_digit(s[i]) &&
		    (s[i] == '\0' || strchr("-._~!$&'()*+,;=:@/?", s[i]) ==
		    NULL))
			return 0;
	}
	return 1;
}

const char *
push_url_allowed(const struct push_url *u, const struct conf_strs *ports,
    const char *origin)
{
	char	 text[8];
	size_t	 i;

	if (origin[0] != '\0' && strcmp(u->origin, origin) == 0)
		return NULL;
	if (u->literal)
		return "its host is an address, not a name";
	if (strchr(u->host, '.') == NULL)
		return "its host has no domain";
	if (ports->n == 0 && u->port == PORT)
		return NULL;
	(void)snprintf(text, sizeof(text), "%u", u->port);
	for (i = 0; i < ports->n; i++)
		if (strcmp(ports->v[i], text) == 0)
			return NULL;
	return "its port is not one of push.ports";
}
