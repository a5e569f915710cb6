/* SPDX-License-Identifier: ISC */
/*
 * Any text as the type, name, range and tags that a client gives for a
 * download, to worker/blob_head.c: no octet may get out that ends a field or
 * a quoted string, no type that a browser acts on, no range that is not
 * there.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "worker/blob_head.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
ends(const char *s, const char *with)
{
	size_t	 n = strlen(s), k = strlen(with);

	return n >= k && strcmp(s + n - k, with) == 0;
}

static void
type(const char *s)
{
	static const char *const	 never[] = {
		"text/html", "text/css", "text/xsl", "application/wasm",
		"text/cache-manifest", "text/vtt",
	};
	static const char *const	 never_end[] = {
		"/xml", "+xml", "/javascript", "/ecmascript",
		"/x-javascript",
	};
	char				 out[BLOB_HEAD_TYPE];
	size_t				 i;

	blob_head_type(s, out);
	if (strchr(out, '/') == NULL || memchr(out, '\0', sizeof(out)) == NULL)
		abort();
	for (i = 0; out[i] != '\0'; i++)
		if (out[i] < ' ' || out[i] > '~')
			abort();
	out[strcspn(out, ";")] = '\0';
	for (i = 0; i < nitems(never); i++)
		if (strcmp(out, never[i]) == 0)
			abort();
	for (i = 0; i < nitems(never_end); i++)
		if (ends(out, never_end[i]))
			abort();
	if (strncmp(out, "multipart/", 10) == 0 ||
	    strncmp(out, "message/", 8) == 0)
		abort();
}

/* type; filename="..."; filename*=UTF-8''... and nothing besides. */
static void
disposition(const char *s, int inln)
{
	const char	*p, *end;
	struct buf	 b;
	int		 quoted = 0;

	buf_init(&b, 65536);
	blob_head_disposition(&b, inln, s);
	if (buf_bad(&b))
		abort();
	p = buf_str(&b);
	end = p + strlen(p);
	if (strncmp(p, inln ? "inline; " : "attachment; ", 8) != 0 ||
	    end - p > 1024)
		abort();
	for (; p < end; p++) {
		if (*p < ' ' || *p > '~' || *p == '\\')
			abort();
		quoted += *p == '"';
	}
	if (quoted != 2)
		abort();
	buf_free(&b);
}

static void
range(const char *s, uint64_t size)
{
	uint64_t	 from = 1, to = 0;

	if (blob_head_range(s, size, &from, &to) == BLOB_HEAD_PART &&
	    (from > to || to >= size))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char	*s;

	if (n < 2 || n > 4096 || (s = malloc(n - 1)) == NULL)
		return 0;
	memcpy(s, data + 2, n - 2);
	s[n - 2] = '\0';
	switch (data[0] % 4) {
	case 0:
		type(s);
		break;
	case 1:
		disposition(s, data[1] & 1);
		break;
	case 2:
		range(s, (uint64_t)data[1] * data[1]);
		range(s, UINT64_MAX);
		break;
	case 3:
		(void)blob_head_match(s, "\"G1\"");
		(void)blob_head_fetch(s, s, data[1] & 1 ? s : NULL);
		(void)blob_head_inline(s, data, n);
		break;
	}
	free(s);
	return 0;
}
