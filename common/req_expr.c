/* SPDX-License-Identifier: ISC */
/* Expressions about a request: see req_expr.h. */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/ip.h"
#include "common/req_expr.h"
#include "common/utf8.h"

static int	req_expr_key(const char *, const char *);
static int	req_expr_add(struct req_expr *, const char *, const char *,
		    char [EXPR_ERR]);
static struct expr	*req_expr_one(struct req_expr *, const char *,
			    char [EXPR_ERR]);
static size_t	req_expr_name(const char *, size_t);
static int	req_expr_host(const char *, size_t);
static const char	*req_expr_word(const char *, const char *);

static const char *const	names[REQ_VARS + 1] = {
	"listener", "remote_ip", "remote_port", "local_ip", "local_port",
	"protocol", "is_tls", "url", "url_path", "path", "headers", "method",
	NULL
};

const struct expr_scope	req_expr_scope = { names, req_expr_key };

static int
req_expr_key(const char *store, const char *key)
{
	if (store == NULL)
		return strcmp(key, "server.hostname") == 0;
	return (*store == '\0' || strcmp(store, "default") == 0) &&
	    strcmp(key, "hostname") == 0;
}

int
req_expr_text(struct req_expr *x, const char *text, char err[EXPR_ERR])
{
	memset(x, 0, sizeof(*x));
	x->fixed = 1;
	if (req_expr_add(x, NULL, text, err) == 0)
		return 0;
	req_expr_free(x);
	return -1;
}

int
req_expr_list(struct req_expr *x, const struct conf_strs *l,
    char err[EXPR_ERR])
{
	static const char	 form[] = "a list is \"if EXPR\", "
				    "\"then EXPR\", ..., \"else EXPR\"";
	const char		*cond, *then;
	size_t			 i;

	memset(x, 0, sizeof(*x));
	if (l->n == 0)
		return 0;
	if (l->n == 1 && req_expr_word(l->v[0], "else") == NULL)
		return req_expr_text(x, l->v[0], err);
	x->fixed = 1;
	for (i = 0; i + 1 < l->n; i += 2) {
		cond = req_expr_word(l->v[i], "if");
		then = req_expr_word(l->v[i + 1], "then");
		if (cond == NULL || then == NULL)
			break;
		if (req_expr_add(x, cond, then, err) == -1)
			goto bad;
	}
	/* at least one if, and exactly one else, last */
	if (i == 0 || i + 1 != l->n ||
	    (then = req_expr_word(l->v[i], "else")) == NULL) {
		strlcpy(err, form, EXPR_ERR);
		goto bad;
	}
	if (req_expr_add(x, NULL, then, err) == 0)
		return 0;
bad:
	req_expr_free(x);
	return -1;
}

/* What stands behind a word and blanks, or NULL. */
static const char *
req_expr_word(const char *s, const char *word)
{
	size_t	 n = strlen(word);

	if (strncmp(s, word, n) != 0 || (s[n] != ' ' && s[n] != '('))
		return NULL;
	return s + n + strspn(s + n, " ");
}

static int
req_expr_add(struct req_expr *x, const char *cond, const char *then,
    char err[EXPR_ERR])
{
	struct expr_rule	*r;

	if ((r = reallocarray(x->rule, x->n + 1, sizeof(*r))) == NULL) {
		strlcpy(err, "out of memory", EXPR_ERR);
		return -1;
	}
	x->rule = r;
	r = &x->rule[x->n++];
	r->cond = r->then = NULL;
	if (cond != NULL &&
	    (r->cond = req_expr_one(x, cond, err)) == NULL)
		return -1;
	r->then = req_expr_one(x, then, err);
	return r->then == NULL ? -1 : 0;
}

static struct expr *
req_expr_one(struct req_expr *x, const char *text, char err[EXPR_ERR])
{
	struct expr	*e;
	char		 why[EXPR_ERR];
	size_t		 col;

	if ((e = expr_compile(text, &req_expr_scope, why, &col)) == NULL) {
		snprintf(err, EXPR_ERR, "column %zu of \"%.40s%s\": %.80s",
		    col, text, strlen(text) > 40 ? "..." : "", why);
		return NULL;
	}
	x->fixed &= expr_fixed(e);
	return e;
}

void
req_expr_free(struct req_expr *x)
{
	size_t	 i;

	for (i = 0; i < x->n; i++) {
		expr_free(x->rule[i].cond);
		expr_free(x->rule[i].then);
	}
	free(x->rule);
	memset(x, 0, sizeof(*x));
}

/* Bytes of a host's name, or of an IPv6 address in its brackets; 0: none. */
static size_t
req_expr_name(const char *s, size_t len)
{
	const char	*end;
	struct ip	 ip;
	size_t		 n;
	int		 c;

	if (len > 0 && *s == '[') {
		if ((end = memchr(s, ']', len)) == NULL ||
		    ip_parse(&ip, s + 1, (size_t)(end - s) - 1) == -1 ||
		    memchr(s, ':', (size_t)(end - s)) == NULL)
			return 0;
		return (size_t)(end - s) + 1;
	}
	for (n = 0; n < len; n++) {
		c = utf8_lower((unsigned char)s[n]);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_' && c != '.')
			break;
	}
	return n > 253 || *s == '.' ? 0 : n;
}

/* Does it begin with host[:port], and then nothing or a path? */
static int
req_expr_host(const char *s, size_t len)
{
	size_t		 n = req_expr_name(s, len);
	uint32_t	 port = 0;

	if (n == 0 || n == len || s[n] == '/')
		return n > 0;
	if (s[n] != ':')
		return 0;
	for (len -= ++n, s += n; len > 0 && *s != '/'; s++, len--) {
		if (*s < '0' || *s > '9' ||
		    (port = port * 10 + (uint32_t)(*s - '0')) > 65535)
			return 0;
	}
	return port > 0;
}

int
req_expr_url(const char *s, size_t len)
{
	size_t	 i, host;

	if (len > 8 && memcmp(s, "https://", 8) == 0)
		host = 8;
	else if (len > 7 && memcmp(s, "http://", 7) == 0)
		host = 7;
	else
		return 0;
	if (!req_expr_host(s + host, len - host))
		return 0;
	for (i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~' ||
		    strchr("@?#\\\"<>", s[i]) != NULL)
			return 0;
	return 1;
}

size_t
req_expr_trim(char *url, size_t len)
{
	const char	*dflt = strncmp(url, "https", 5) == 0 ? ":443" :
			    ":80";
	size_t		 end, n = strlen(dflt);
	const char	*host = strstr(url, "://");

	if (host == NULL)
		return len;
	end = (size_t)(host + 3 - url) + strcspn(host + 3, "/");
	if (end > n && memcmp(url + end - n, dflt, n) == 0) {
		memmove(url + end - n, url + end, len - end + 1);
		len -= n;
	}
	while (len > 0 && url[len - 1] == '/')
		url[--len] = '\0';
	return len;
}
