/* SPDX-License-Identifier: ISC */
/*
 * Is this a mail address that may stand in an SMTP command?  Called with
 * what JMAP clients and messages say, before it goes anywhere.  Nothing that
 * passes has a control character, a blank outside of quotes or a bracket.
 */
#include "common/compat.h"

#include <string.h>

#include "common/addr.h"
#include "common/utf8.h"

static size_t	addr_dots(const char *, size_t);
static size_t	addr_quoted(const char *, size_t);
static int	addr_domain(const char *, size_t);
static int	addr_literal(const char *, size_t);

int
addr_ok(const char *s)
{
	size_t	 n = strlen(s), at;

	if (n > ADDR_MAX || !utf8_valid(s, n))
		return 0;
	at = s[0] == '"' ? addr_quoted(s, n) : addr_dots(s, n);
	if (at == 0 || at > ADDR_LOCAL || at >= n || s[at] != '@')
		return 0;
	s += at + 1;
	n -= at + 1;
	return s[0] == '[' ? addr_literal(s, n) : addr_domain(s, n);
}

/* Bytes of a Dot-string at the front, or 0. */
static size_t
addr_dots(const char *s, size_t n)
{
	static const char	 atext[] = "!#$%&'*+-/=?^_`{|}~";
	size_t			 i;

	for (i = 0; i < n && s[i] != '@'; i++) {
		if (s[i] == '.') {
			if (i == 0 || s[i - 1] == '.')
				return 0;
		} else if (!(s[i] & 0x80) && (s[i] < '0' || s[i] > '9') &&
		    (utf8_lower(s[i]) < 'a' || utf8_lower(s[i]) > 'z') &&
		    (s[i] == '\0' || strchr(atext, s[i]) == NULL))
			return 0;
	}
	return i > 0 && s[i - 1] == '.' ? 0 : i;
}

/* Bytes of a Quoted-string at the front, or 0. */
static size_t
addr_quoted(const char *s, size_t n)
{
	size_t	 i;

	for (i = 1; i < n && s[i] != '"'; i++) {
		if (s[i] == '\\' && ++i == n)
			return 0;
		/* qtextSMTP and quoted-pairSMTP: printable or blank */
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return 0;
	}
	return i < n ? i + 1 : 0;
}

static int
addr_domain(const char *s, size_t n)
{
	size_t	 i, label = 0;
	int	 c;

	if (n == 0 || n > ADDR_DOMAIN)
		return 0;
	for (i = 0; i < n; i++) {
		c = utf8_lower((unsigned char)s[i]);
		if (c == '.') {
			if (label == 0 || s[i - 1] == '-')
				return 0;
			label = 0;
			continue;
		}
		if (!(c & 0x80) && (c < 'a' || c > 'z') &&
		    (c < '0' || c > '9') && (c != '-' || label == 0))
			return 0;
		label++;
	}
	return label > 0 && s[n - 1] != '-';
}

/* What is in it is for the machine that is asked to send there. */
static int
addr_literal(const char *s, size_t n)
{
	size_t	 i;

	if (n < 3 || s[n - 1] != ']')
		return 0;
	for (i = 1; i < n - 1; i++)
		if (s[i] < '!' || s[i] > '~' || s[i] == '[' || s[i] == ']' ||
		    s[i] == '\\')
			return 0;
	return 1;
}

int
addr_same(const char *a, const char *b)
{
	return utf8_casecmp(a, strlen(a), b, strlen(b)) == 0;
}
