/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as the head of a request, to worker/http/http1_head.c.  Found
 * whole and octet by octet it must end in the same place with the same
 * verdict; a head that passes keeps what the rest of the tree relies on.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "worker/http/hdr.h"
#include "worker/http/http1_head.h"
#include "worker/http/route.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static enum parse
find(const char *p, size_t n, size_t piece, struct http1_find *f, size_t *used,
    int *status)
{
	const struct http1_error	*err = NULL;
	enum parse			 ret;
	size_t				 k;

	memset(f, 0, sizeof(*f));
	*status = 0;
	for (k = piece < n ? piece : n; ; k = n - k < piece ? n : k + piece) {
		ret = http1_head_find(f, p, k, &http1_limits_default, used,
		    &err);
		if (ret != PARSE_MORE || k == n)
			break;
	}
	if (err != NULL)
		*status = err->status;
	return ret;
}

static void
check(struct req *r, const struct http1_frame *fr)
{
	int	 i;

	if (r->path[0] != '/' && strcmp(r->path, "*") != 0)
		abort();
	if (strlen(r->path) != r->path_len || r->host == NULL ||
	    r->host[0] == '\0' || !utf8_valid(r->path, r->path_len) ||
	    strstr(r->path, "/../") != NULL || strchr(r->path, '\n') != NULL)
		abort();
	if (fr->chunked && (fr->length != 0 || r->version == 10))
		abort();
	if (hdr_duplicate(r) != NULL)
		abort();
	for (i = 0; i < r->nhdr; i++)
		if (strlen(r->hdr[i].value) != r->hdr[i].value_len ||
		    strpbrk(r->hdr[i].value, "\r\n") != NULL ||
		    strpbrk(r->hdr[i].name, "\r\n: _") != NULL)
			abort();
	(void)req_query(r, "a");
	(void)req_is_type(r, "application/json");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct route	 routes[] = {
		{ M_GET, "/a/{b}/{c}", HTTP_A, 0, BODY_NONE, NULL, NULL },
		{ M_POST, "/*", HTTP_A, 0, BODY_NONE, NULL, NULL },
	};
	static struct req		 r;
	const struct http1_error	*err;
	struct http1_frame		 fr;
	struct http1_find		 f, f1;
	size_t				 used = 0, used1 = 0;
	enum parse			 ret;
	int				 status, status1;
	char				*in, *head;

	if ((in = malloc(n + 1)) == NULL)
		return 0;
	memcpy(in, data, n);
	ret = find(in, n, n + 1, &f, &used, &status);
	if (find(in, n, 1, &f1, &used1, &status1) != ret ||
	    status != status1 || used != used1)
		abort();
	if (ret == PARSE_DONE) {
		memset(&r, 0, sizeof(r));
		arena_init(&r.arena, 1 << 20);
		head = arena_dup(&r.arena, in + f.start, used - f.start);
		err = head == NULL ? NULL : http1_head_parse(&r, head,
		    used - f.start, &fr);
		if (err == NULL && head != NULL) {
			check(&r, &fr);
			route_find(&r, routes, nitems(routes));
		} else if (err != NULL && (err->status < 400 ||
		    err->status > 505))
			abort();
		arena_free(&r.arena);
	}
	free(in);
	return 0;
}
