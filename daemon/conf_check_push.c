/* SPDX-License-Identifier: ISC */
/*
 * What web push is told (push): called by conf_check.c.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/push_url.h"
#include "daemon/conf_check.h"
#include "daemon/dns_ask.h"

static void	push_origin(struct check *);
static void	push_ports(struct check *);

void
conf_check_push(struct check *k)
{
	const struct conf	*c = k->c;
	struct ip		 ip;
	uint16_t		 port;

	push_origin(k);
	push_ports(k);
	if (c->push_trust_anchor[0] != '\0' &&
	    access(c->push_trust_anchor, R_OK) == -1)
		conf_check_bad(k, "push", 0, "trust-anchor", "push.trust-"
		    "anchor: %s cannot be read", c->push_trust_anchor);
	if (c->push_resolver[0] != '\0' &&
	    dns_ask_parse(c->push_resolver, &ip, &port) == -1)
		conf_check_bad(k, "push", 0, "resolver", "push.resolver: "
		    "\"%s\" is not address, address:port or [address]:port",
		    c->push_resolver);
	/* RFC 8292 2.1: a mailto: or an https: URI */
	if (c->push_contact[0] != '\0' &&
	    strncmp(c->push_contact, "mailto:", 7) != 0 &&
	    strncmp(c->push_contact, "https://", 8) != 0)
		conf_check_bad(k, "push", 0, "contact", "push.contact: "
		    "\"%s\" is neither mailto:address nor an https URL",
		    c->push_contact);
	if (c->push_expires > c->push_max_expires)
		conf_check_bad(k, "push", 0, "expires", "push.expires is "
		    "more than push.max-expires");
}

static void
push_origin(struct check *k)
{
	const char	*s = k->c->push_allow_origin;
	struct push_url	 u;

	if (s[0] == '\0')
		return;
	if (push_url_parse(&u, s, strlen(s)) != NULL ||
	    strcmp(u.origin, s) != 0)
		conf_check_bad(k, "push", 0, "allow-origin", "push.allow-"
		    "origin: \"%s\" is not https://host[:port]", s);
	else
		conf_check_warn(k, "push", 0, "allow-origin", "push.allow-"
		    "origin: users may have %s on this machine asked things; "
		    "it is meant for tests", s);
}

static void
push_ports(struct check *k)
{
	const struct conf_strs	*l = &k->c->push_ports;
	const char		*bad;
	size_t			 i;

	if (l->n > 8)
		conf_check_bad(k, "push", 0, "ports", "push.ports: more than "
		    "8");
	for (i = 0; i < l->n; i++) {
		(void)strtonum(l->v[i], 1, UINT16_MAX, &bad);
		if (bad != NULL || l->v[i][0] < '1' || l->v[i][0] > '9')
			conf_check_bad(k, "push", 0, "ports", "push.ports: "
			    "\"%s\" is no port", l->v[i]);
	}
}
