/* SPDX-License-Identifier: ISC */
/* Lines of states: see push_line.h.  Called by push_list.c. */
#include "common/compat.h"

#include "daemon/push_line.h"

static size_t	line_word(const char *, size_t, int);

size_t
push_line(const char *p, size_t len, size_t *account, size_t *type)
{
	size_t	 n;

	if ((*account = line_word(p, len, ' ')) == 0)
		return 0;
	n = *account + 1;
	if ((*type = line_word(p + n, len - n, ' ')) == 0)
		return 0;
	n += *type + 1;
	if ((len = line_word(p + n, len - n, '\n')) == 0)
		return 0;
	return n + len + 1;
}

/* The length of a word of RFC 8620 1.2's characters before its end, or 0. */
static size_t
line_word(const char *p, size_t len, int end)
{
	size_t	 n;

	for (n = 0; n < len && n < 256; n++) {
		if (p[n] == end)
			return n;
		if (!((p[n] >= 'A' && p[n] <= 'Z') || (p[n] >= 'a' &&
		    p[n] <= 'z') || (p[n] >= '0' && p[n] <= '9') ||
		    p[n] == '-' || p[n] == '_'))
			return 0;
	}
	return 0;
}
