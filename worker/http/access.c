/* SPDX-License-Identifier: ISC */
/*
 * One line a request: see access.h.  Called by req.c.  What a peer sent is
 * escaped: by vis(3) in the plain form, in the JSON form on top of that as a
 * string (RFC 8259 7).
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/date.h"
#include "common/hdr_check.h"
#include "common/log.h"
#include "worker/http/access.h"
#include "worker/http/req.h"

#define ACCESS_PATH	128	/* characters of a path that is none of ours */
#define ACCESS_TEXT	600	/* of an escaped one */

struct access {
	char		 time[DATE_LEN], id[ACCESS_ID];
	char		 client[IP_STRLEN], peer[IP_STRLEN];
	char		 who[ACCESS_TEXT], route[ACCESS_TEXT];
	const char	*listener;
};

static const char	*access_method(const struct req *);
static void	access_text(char [ACCESS_TEXT], const char *, size_t);
static void	access_plain(const struct req *, const struct access *,
		    int64_t);
static void	access_json(const struct req *, const struct access *,
		    int64_t);

void
access_log(const struct req *r, int64_t us)
{
	struct access	 a;

	date_utc(date_now(), a.time);
	access_id(r, a.id);
	ip_str(&r->client, a.client);
	ip_str(&r->peer, a.peer);
	a.listener = r->listen == NULL ? "-" : r->listen->name;
	access_text(a.who, r->has_user ? r->user.login : "-",
	    r->has_user ? strlen(r->user.login) : 1);
	if (r->route != NULL)
		strlcpy(a.route, r->route->path, sizeof(a.route));
	else
		access_text(a.route, r->path, strnlen(r->path, ACCESS_PATH));
	if (log_getjson())
		access_json(r, &a, us);
	else
		access_plain(r, &a, us);
}

/* That of a request whose first line could not be read is not known. */
static const char *
access_method(const struct req *r)
{
	return *r->path == '\0' ? "-" : http_method_name(r->method);
}

const char *
access_id(const struct req *r, char out[ACCESS_ID])
{
	static uint32_t	 salt;		/* of this process */

	if (salt == 0)
		salt = arc4random() | 1;
	snprintf(out, ACCESS_ID, "%08x-%llu", salt,
	    (unsigned long long)r->id);
	return out;
}

/* Without spaces and quotes, so that a line can be split at them. */
static void
access_text(char out[ACCESS_TEXT], const char *s, size_t len)
{
	const char	*v = log_vis(s, len);
	size_t		 n = 0;

	if (*v == '\0')
		v = "-";
	for (; *v != '\0' && n + 5 < ACCESS_TEXT; v++) {
		if (*v == ' ' || *v == '"')
			n += (size_t)snprintf(out + n, 5, "\\%03o",
			    (unsigned int)*v);
		else
			out[n++] = *v;
	}
	out[n] = '\0';
}

static void
access_plain(const struct req *r, const struct access *a, int64_t us)
{
	int	 proxied = !ip_eq(&r->peer, &r->client);

	log_info("%s client=%s%s%s listener=%s account=%s method=%s class=%s "
	    "%s=%s status=%d bytes=%llu us=%lld id=%s", a->time, a->client,
	    proxied ? " peer=" : "", proxied ? a->peer : "", a->listener,
	    a->who, access_method(r), hdr_check_classes[r->class],
	    r->route != NULL ? "route" : "path", a->route, r->reply->status,
	    (unsigned long long)r->reply->sent, (long long)us, a->id);
}

/* Backslashes are all that vis(3) leaves for JSON to escape. */
static void
access_quote(char out[2 * ACCESS_TEXT], const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			*out++ = '\\';
		*out++ = *s;
	}
	*out = '\0';
}

static void
access_json(const struct req *r, const struct access *a, int64_t us)
{
	char	 who[2 * ACCESS_TEXT], route[2 * ACCESS_TEXT], line[1800];

	access_quote(who, a->who);
	access_quote(route, a->route);
	if (snprintf(line, sizeof(line), "\"client\":\"%s\",\"peer\":\"%s\","
	    "\"listener\":\"%s\",\"account\":\"%s\",\"method\":\"%s\","
	    "\"class\":\"%s\",\"%s\":\"%s\",\"status\":%d,\"bytes\":%llu,"
	    "\"us\":%lld,\"id\":\"%s\"", a->client, a->peer, a->listener, who,
	    access_method(r), hdr_check_classes[r->class],
	    r->route != NULL ? "route" : "path", route, r->reply->status,
	    (unsigned long long)r->reply->sent, (long long)us, a->id) <
	    (int)sizeof(line))
		log_members(line);
}
