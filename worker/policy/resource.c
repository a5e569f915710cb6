/* SPDX-License-Identifier: ISC */
/* Does the resource exist, and does it know the method?  RFC 9110 15.5.5,
 * 15.5.6, 9.3.7. */
#include "common/compat.h"

#include <string.h>

#include "worker/policy/policy.h"

static void	resource_allow(struct req *, unsigned int);

enum req_ret
resource_step(struct req *r)
{
	int	 star = strcmp(r->path, "*") == 0;

	if (r->route != NULL)
		return REQ_NEXT;
	if (r->allowed == 0 && !star) {
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

static void
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
