/* SPDX-License-Identifier: ISC */
/*
 * Any text as a header of the configuration, to common/hdr_check.c: what is
 * accepted can stand in an answer as one line, whole and by itself.  The
 * first octet chooses a form: "Name: value", or the parts of a rule.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/hdr_check.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must_be_one_line(const char *name, size_t nlen, const char *value,
    size_t vlen)
{
	size_t	 i;

	if (nlen == 0)
		abort();
	for (i = 0; i < nlen; i++)
		if (name[i] <= ' ' || name[i] == ':' || name[i] > '~' ||
		    name[i] == '_')
			abort();
	for (i = 0; i < vlen; i++)
		if ((value[i] < ' ' && value[i] != '\t') || value[i] > '~')
			abort();
	if (vlen > 0 && (value[0] == ' ' || value[vlen - 1] == ' '))
		abort();
}

static void
line(const char *text)
{
	const char	*value;
	size_t		 nlen, vlen;

	if (hdr_check(text, &nlen, &value, &vlen) != NULL)
		return;
	if (vlen == 0 || value < text + nlen + 1 ||
	    value + vlen > text + strlen(text) || text[nlen] != ':')
		abort();
	must_be_one_line(text, nlen, value, vlen);
}

/* name, value, class, status, method, path, each to the next line feed. */
static void
rule(char *s, int how)
{
	struct conf_header	 h;
	struct conf_strs	*l[] = { &h.class, &h.status, &h.method,
				    &h.path };
	const char		*opt;
	char			*part[6], err[512];
	int			 i, lo, hi;

	memset(&h, 0, sizeof(h));
	for (i = 0; i < 6; i++) {
		part[i] = s;
		s += strcspn(s, "\n");
		if (*s != '\0')
			*s++ = '\0';
	}
	h.name = part[0];
	h.value = part[1];
	h.verb = how & 3;
	for (i = 0; i < 4; i++) {
		l[i]->v = &part[i + 2];
		l[i]->n = *part[i + 2] != '\0';
	}
	if (hdr_check_rule(&h, how & 4, &opt, err, sizeof(err)) == -1) {
		if (err[0] == '\0' || memchr(err, '\n', strlen(err)) != NULL)
			abort();
		return;
	}
	must_be_one_line(h.name, strlen(h.name), "", 0);
	if (h.status.n > 0 && (hdr_check_status(part[3], &lo, &hi) == -1 ||
	    lo < 100 || hi > 599 || hi < lo))
		abort();
	if (h.class.n > 0 && hdr_check_class(part[2]) == -1)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char	*s;

	if (n == 0 || n > 8192 || (s = malloc(n)) == NULL)
		return 0;
	memcpy(s, data + 1, n - 1);
	s[n - 1] = '\0';
	if (data[0] & 8)
		line(s);
	else
		rule(s, data[0]);
	free(s);
	return 0;
}
