/* SPDX-License-Identifier: ISC */
/* Patterns with '*': see glob.h.  Pure. */
#include "common/compat.h"

#include "common/glob.h"
#include "common/utf8.h"

static int
glob_same(char a, char b, int nocase)
{
	return a == b || (nocase && utf8_lower((unsigned char)a) ==
	    utf8_lower((unsigned char)b));
}

int
glob_match(const char *p, const char *s, int nocase)
{
	const char	*star = NULL, *from = NULL;

	/* Only the last star has to give way: those before it have taken
	 * as little as they could. */
	while (*s != '\0')
		if (*p == '*') {
			star = ++p;
			from = s;
		} else if (*p != '\0' && glob_same(*p, *s, nocase)) {
			p++;
			s++;
		} else if (star != NULL) {
			p = star;
			s = ++from;
		} else
			return 0;
	while (*p == '*')
		p++;
	return *p == '\0';
}
