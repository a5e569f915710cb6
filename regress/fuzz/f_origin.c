/* SPDX-License-Identifier: ISC */
/*
 * Any text as an entry of cors-origins, a line feed, and as what a browser
 * sends, to common/origin.c; the same two as pattern and path to
 * common/glob.c.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/glob.h"
#include "common/origin.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
origins(const char *entry, const char *origin)
{
	struct origin	 o;
	size_t		 n = strlen(origin), k;

	if (origin_parse(&o, entry) != NULL)
		return;
	k = strlen(o.text);
	if (k == 0 || k >= ORIGIN_MAX)
		abort();
	/* an entry without a wildcard means itself and nothing else */
	if (!o.any && (!origin_valid(o.text, k) ||
	    !origin_match(&o, o.text, k)))
		abort();
	if (!origin_valid(origin, n) || !origin_match(&o, origin, n))
		return;
	if (strpbrk(origin, "*/ \t\r\n@,") != strchr(origin, '/'))
		abort();
	if (!o.any && strcmp(origin, o.text) != 0)
		abort();
	/* the same scheme, and the end after the wildcard's label */
	if (strncmp(origin, o.text, 5) != 0)
		abort();
	if (o.any && strcmp(strchr(origin, '.'), strchr(o.text, '.')) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char	*s, *second;

	if (n > 2048 || (s = malloc(n + 1)) == NULL)
		return 0;
	memcpy(s, data, n);
	s[n] = '\0';
	second = s + strcspn(s, "\n");
	if (*second != '\0')
		*second++ = '\0';
	origins(s, second);
	(void)origin_valid(s, strlen(s));
	if (glob_match(s, second, 0) && !glob_match(s, second, 1))
		abort();
	free(s);
	return 0;
}
