/* SPDX-License-Identifier: ISC */
/* Does the resource exist, and does it know the method?  RFC 9110 15.5.5,
 * 15.5.6, 9.3.7. */
#include "common/compat.h"

#include <string.h>

#include "common/conf.h"
#include "common/glob.h"
#include "worker/policy/policy.h"

static void	resource_scan(const struct req *);

enum req_ret
resource_step(struct req *r)
{
	int	 star = strcmp(r->path, "*") == 0;

	if (r->route != NULL &&
	    (!r->connect || r->route->flags & ROUTE_UPGRADE))
		return REQ_NEXT;
	if (r->allowed == 0 && !star) {
		resource_scan(r);
		req_problem(r, 404, NULL, NULL, NULL);
		return REQ_DONE;
	}
	if (r->method == HTTP_OPTIONS) {
		r->class = HTTP_P;
		resource_allow(r, star ? ~0u : r->allowed);
		req_reply(r, 204, NULL, NULL, 0);
		return REQ_DONE;
	}
	resource_allow(r, r->allowed);
	req_problem(r, 405, NULL, NULL, NULL);
	return REQ_DONE;
}

/* What is not here, and what only a scanner asks for (auto-ban.scan). */
static void
resource_scan(const struct req *r)
{
	const struct conf_strs	*l = &r->conf->ban_scan_paths;
	size_t			 i;

	if (http_hooks.abuse == NULL)
		return;
	for (i = 0; i < l->n; i++)
		if (glob_match(l->v[i], r->path, 1)) {
			http_hooks.abuse(r, MSG_ABUSE_SCAN);
			return;
		}
}

void
resource_allow(struct req *r, unsigned int methods)
{
	char	 text[64];

	resource_methods(methods, text, sizeof(text));
	req_hdr_add(r, "Allow", text);
}

void
resource_methods(unsigned int methods, char *text, size_t len)
{
	int	 i;

	text[0] = '\0';
	for (i = 0; i < HTTP_METHODS; i++) {
		if (!(methods & HTTP_M(i)) && i != HTTP_OPTIONS)
			continue;
		if (text[0] != '\0')
			strlcat(text, ", ", len);
		strlcat(text, http_method_name((enum http_method)i), len);
	}
}
