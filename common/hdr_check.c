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

#define FRAMING	"the server frames messages by itself"
#define OWNER	"it depends on the answer, so it cannot be the same on all"

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
	size_t		 i, n = strlen(text);

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
	/* A CR or LF would end the field and begin another one. */
	for (i = 0; i < n; i++)
		if ((v[i] < 0x20 && v[i] != '\t') || v[i] > 0x7e)
			return "its value has a control or non-ASCII octet";
	if (n == 0)
		return "its value is empty";
	*value = v;
	*value_len = n;
	return NULL;
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

int
hdr_check_all(const struct conf_strs *s, int cors, char *err, size_t errlen)
{
	const char	*why, *value;
	size_t		 i, nlen, vlen, all = 0;

	for (i = 0; i < s->n; i++) {
		if ((why = hdr_check(s->v[i], &nlen, &value, &vlen)) == NULL &&
		    cors && nlen > 15 &&
		    utf8_caseis(s->v[i], 15, "access-control-"))
			why = "permissive-cors sets it: use one of the two";
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
