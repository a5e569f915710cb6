/* SPDX-License-Identifier: ISC */
/*
 * Cross-origin requests (WHATWG Fetch 3.2; security.md 1.6).  Strict by
 * default: only public documents may be read by other origins.  With
 * permissive-cors every answer, errors too, carries the fields that
 * Stalwart sends.  Credentials are never allowed; a header that a script
 * sets itself (Authorization) is none in this sense.
 */
#include "common/compat.h"

#include <string.h>

#include "common/conf.h"
#include "worker/policy/policy.h"

static const struct cors_row {
	const char	*name;
	const char	*value;
} permissive[] = {
	{ "Access-Control-Allow-Origin", "*" },
	{ "Access-Control-Allow-Headers",
	    "Authorization, Content-Type, Accept, X-Requested-With" },
	{ "Access-Control-Allow-Methods",
	    "POST, GET, PATCH, PUT, DELETE, HEAD, OPTIONS" },
	{ "Access-Control-Expose-Headers", "ETag, Location, "
	    "Content-Disposition, Content-Range, Accept-Ranges, "
	    "Retry-After, WWW-Authenticate" },
};

void
cors_compose(struct block *b, const struct block_ctx *x)
{
	size_t	 i;

	if (x->conf->permissive_cors)
		for (i = 0; i < nitems(permissive); i++)
			block_set(b, permissive[i].name, permissive[i].value,
			    BLOCK_LOCKED);
	else if (x->class == HTTP_W)
		/* Public documents: OAuth and JMAP clients in a browser
		 * need them. */
		block_set(b, "Access-Control-Allow-Origin", "*",
		    BLOCK_DEFAULT);
}

/*
 * A preflight is OPTIONS with Origin and Access-Control-Request-Method.  It
 * never carries a login, so it is answered before anybody asks for one.
 */
enum req_ret
cors_step(struct req *r)
{
	if (r->method != HTTP_OPTIONS || req_hdr(r, HDR_ORIGIN) == NULL ||
	    req_hdr(r, HDR_AC_METHOD) == NULL || r->allowed == 0)
		return REQ_NEXT;
	r->class = HTTP_P;
	if (r->conf->permissive_cors)
		/* As long as any browser keeps it (Chromium: 7200 s). */
		req_hdr_add(r, "Access-Control-Max-Age", "7200");
	req_reply(r, 204, NULL, NULL, 0);
	return REQ_DONE;
}
