/* SPDX-License-Identifier: ISC */
/*
 * Is the request meant for us?  Its host must be a name of the configuration
 * or of the certificate that it was sent under, else 421 (RFC 9110 7.4,
 * 15.5.20): no answer for a name that somebody else points at our address.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/policy/policy.h"

enum req_ret
host_step(struct req *r)
{
	struct ip	 ip;

	if (hosts_has(r->hosts, r->host))
		return REQ_NEXT;
	/* Nobody can be fooled over plain loopback. */
	if (!r->tls && ip_loopback(&r->local) &&
	    (strcmp(r->host, "localhost") == 0 ||
	    ip_parse(&ip, r->host, strlen(r->host)) == 0))
		return REQ_NEXT;
	r->route = NULL;
	r->class = HTTP_X;
	req_problem(r, 421, NULL, NULL, "this host is not served here");
	return REQ_DONE;
}
