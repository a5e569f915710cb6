/* SPDX-License-Identifier: ISC */
/* Custom response headers: see hdr_check.h.  Pure. */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "common/hdr_check.h"
#include "common/log.h"
#include "common/utf8.h"

struct forbidden {
	const char	*name;		/* a final '*' stands for any rest */
	const char	*why;
};

static const char	*hdr_check_name(const char *, size_t);
static const char	*hdr_check_value(const char *, size_t);
static int		 hdr_check_is_cors(const char *, size_t);
static const char	*hdr_check_list(const struct conf_strs *,
			    int (*)(const char *));
static const char	*hdr_check_field(const struct conf_header *, int,
			    const char **);

static const char	owner[] = "it depends on the answer, so it cannot "
			    "be the same on all";
static const char	cors_owns[] = "permissive-cors or cors-origins sets "
			    "it: use one of the two";

const char *const	hdr_check_classes[HDR_CHECK_CLASSES] = {
	"api", "session", "token", "download", "stream", "admin", "asset",
	"login", "discovery", "redirect", "options", "logout", "error"
};

#define FRAMING	"the server frames messages by itself"
#define OWNER	owner

static const struct forbidden	forbidden[] = {
	{ "connection", FRAMING }, { "keep-alive", FRAMING },
	{ "proxy-*", FRAMING }, { "te", FRAMING }, { "trailer", FRAMING },
	{ "transfer-encoding", FRAMING }, { "upgrade", FRAMING },
	{ "content-length", FRAMING }, { "content-range", FRAMING },
	{ "content-encoding", FRAMING }, { "date", FRAMING },
	{ "set-cookie*", "cookies are not for a configuration to set" },
	{ "content-type", OWNER }, { "location", OWNER },
	{ "www-authenticate", OWNER }, { "etag", OWNER },
};

const char *
hdr_check(const char *text, size_t *name_len, const char **value,
    size_t *value_len)
{
	const char	*colon, *v, *why;
	size_t		 n = strlen(text);

	if (n > HDR_CHECK_LINE)
		return "it is longer than 4096 bytes";
	if ((colon = strchr(text, ':')) == NULL)
		return "it is not of the form \"Name: value\"";
	*name_len = (size_t)(colon - text);
	if ((why = hdr_check_name(text, *name_len)) != NULL)
		return why;
	for (v = colon + 1; *v == ' ' || *v == '\t'; v++)
		;
	n -= (size_t)(v - text);
	while (n > 0 && (v[n - 1] == ' ' || v[n - 1] == '\t'))
		n--;
	if ((why = hdr_check_value(v, n)) != NULL)
		return why;
	*value = v;
	*value_len = n;
	return NULL;
}

static const char *
hdr_check_value(const char *v, size_t n)
{
	size_t	 i;

	/* A CR or LF would end the field and begin another one. */
	for (i = 0; i < n; i++)
		if ((v[i] < 0x20 && v[i] != '\t') || v[i] > 0x7e)
			return "its value has a control or non-ASCII octet";
	return n == 0 ? "its value is empty" : NULL;
}

/* RFC 9110 5.6.2 token, without '_': see worker/http/hdr.c. */
static const char *
hdr_check_name(const char *p, size_t len)
{
	static const char	 mark[] = "!#$%&'*+-.^`|~";
	size_t			 i, n;
	int			 c;

	for (i = 0; i < len; i++) {
		c = utf8_lower((unsigned char)p[i]);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    memchr(mark, c, sizeof(mark) - 1) == NULL)
			return "its name has an octet that names cannot have";
	}
	if (len == 0)
		return "its name is empty";
	for (i = 0; i < nitems(forbidden); i++) {
		n = strlen(forbidden[i].name);
		if (forbidden[i].name[n - 1] == '*' ?
		    len >= n - 1 && utf8_casecmp(p, n - 1,
		    forbidden[i].name, n - 1) == 0 :
		    utf8_caseis(p, len, forbidden[i].name))
			return forbidden[i].why;
	}
	return NULL;
}

static int
hdr_check_is_cors(const char *name, size_t len)
{
	return len > 15 && utf8_caseis(name, 15, "access-control-");
}

int
hdr_check_all(const struct conf_strs *s, int cors, char *err, size_t errlen)
{
	const char	*why, *value;
	size_t		 i, nlen, vlen, all = 0;

	for (i = 0; i < s->n; i++) {
		if ((why = hdr_check(s->v[i], &nlen, &value, &vlen)) == NULL &&
		    cors && hdr_check_is_cors(s->v[i], nlen))
			why = cors_owns;
		all += strlen(s->v[i]);
		if (why == NULL && i >= HDR_CHECK_LINES)
			why = "there are more than 64";
		if (why == NULL && all > HDR_CHECK_ALL)
			why = "together they are longer than 16384 bytes";
		if (why != NULL) {
			snprintf(err, errlen, "header \"%s\": %s",
			    log_vis(s->v[i], strlen(s->v[i])), why);
			return -1;
		}
	}
	return 0;
}

/* --- rules --------------------------------------------------------------- */

int
hdr_check_class(const char *s)
{
	int	 i;

	for (i = 0; i < HDR_CHECK_CLASSES; i++)
		if (strcmp(hdr_check_classes[i], s) == 0)
			return i;
	return -1;
}

int
hdr_check_status(const char *s, int *lo, int *hi)
{
	if (strlen(s) != 3 || s[0] < '1' || s[0] > '5')
		return -1;
	*lo = *hi = (s[0] - '0') * 100;
	if (strcmp(s + 1, "xx") == 0) {
		*hi += 99;
		return 0;
	}
	if (s[1] < '0' || s[1] > '9' || s[2] < '0' || s[2] > '9')
		return -1;
	*lo += (s[1] - '0') * 10 + s[2] - '0';
	*hi = *lo;
	return 0;
}

static int
hdr_check_is_status(const char *s)
{
	int	 lo, hi;

	return hdr_check_status(s, &lo, &hi);
}

static int
hdr_check_is_method(const char *s)
{
	static const char *const	 names[] = {
		"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"
	};
	size_t				 i;

	for (i = 0; i < nitems(names); i++)
		if (strcmp(names[i], s) == 0)
			return 0;
	return -1;
}

static int
hdr_check_is_path(const char *s)
{
	return *s == '/' || *s == '*' ? 0 : -1;
}

/* The first that is none, or NULL. */
static const char *
hdr_check_list(const struct conf_strs *l, int (*fn)(const char *))
{
	size_t	 i;

	for (i = 0; i < l->n; i++)
		if (fn(l->v[i]) == -1)
			return l->v[i];
	return NULL;
}

/* Name and value; the option at fault in *opt. */
static const char *
hdr_check_field(const struct conf_header *h, int cors, const char **opt)
{
	const char	*why = hdr_check_name(h->name, strlen(h->name));

	*opt = "name";
	if (why == owner && (h->class.n > 0 || h->path.n > 0))
		why = NULL;
	if (why == NULL && cors && hdr_check_is_cors(h->name, strlen(h->name)))
		why = cors_owns;
	if (why != NULL)
		return why;
	*opt = "value";
	if (h->verb != CONF_REMOVE)
		return hdr_check_value(h->value, strlen(h->value));
	return *h->value == '\0' ? NULL : "what is removed has no value";
}

int
hdr_check_rule(const struct conf_header *h, int cors, const char **opt,
    char *err, size_t errlen)
{
	const struct {
		const struct conf_strs	*l;
		int			(*fn)(const char *);
		const char		*opt, *why;
	} lists[] = {
		{ &h->class, hdr_check_class, "class",
		    "there is no such class" },
		{ &h->status, hdr_check_is_status, "status",
		    "a status is like 404 or 4xx" },
		{ &h->method, hdr_check_is_method, "method",
		    "there is no such method" },
		{ &h->path, hdr_check_is_path, "path",
		    "a path starts with / or *" },
	};
	const char	*why, *bad;
	size_t		 i;

	if ((why = hdr_check_field(h, cors, opt)) != NULL) {
		snprintf(err, errlen, "\"%s\": %s", log_vis(h->name,
		    strlen(h->name)), why);
		return -1;
	}
	for (i = 0; i < nitems(lists); i++) {
		if ((bad = hdr_check_list(lists[i].l, lists[i].fn)) == NULL)
			continue;
		*opt = lists[i].opt;
		snprintf(err, errlen, "%s \"%s\": %s", *opt,
		    log_vis(bad, strlen(bad)), lists[i].why);
		return -1;
	}
	return 0;
}
