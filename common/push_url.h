/* SPDX-License-Identifier: ISC */
/*
 * The URL of a push subscription (RFC 8620 7.2): where a stranger tells us to
 * connect, so the grammar is narrow and there is one way to read it.  The
 * worker refuses what is wrong when the subscription is made, push looks
 * again before each use, because it need not believe a worker.
 */
#ifndef COMMON_PUSH_URL_H
#define COMMON_PUSH_URL_H

#include "common/compat.h"

struct conf_strs;

#define PUSH_URL_MAX	2000	/* bytes */
#define PUSH_URL_HOST	254	/* bytes with NUL */
#define PUSH_URL_ORIGIN	(PUSH_URL_HOST + 16)

struct push_url {
	char		 host[PUSH_URL_HOST];	/* lower case; IPv6: no [] */
	char		 origin[PUSH_URL_ORIGIN];	/* RFC 6454 6.2 */
	uint16_t	 port;
	int		 literal;	/* the host is an address */
};

/*
 * Read len bytes: "https://", a host name or an address, maybe a port, then a
 * path or query of RFC 3986's characters.  No user, no fragment.  NULL, or
 * why it is refused.
 */
const char	*push_url_parse(struct push_url *, const char *, size_t len);
/*
 * May it be pushed to?  Its port is one of ports (none: 443), and its host a
 * name with a dot in it, not an address; or its origin is the one that the
 * configuration allows.  NULL, or why not.
 */
const char	*push_url_allowed(const struct push_url *,
		    const struct conf_strs *ports, const char *origin);

#endif
