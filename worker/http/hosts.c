/* SPDX-License-Identifier: ISC */
/* Served names: see hosts.h.  A handful each, so a list will do. */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/utf8.h"
#include "worker/http/hosts.h"

void
hosts_add(struct hosts *h, const char *name, size_t len)
{
	char	**v, *s;
	size_t	  i;

	if (len > 1 && name[len - 1] == '.')
		len--;
	if (len == 0)
		return;
	if ((s = strndup(name, len)) == NULL)
		fatal("hosts");
	for (i = 0; i < len; i++)
		s[i] = (char)utf8_lower((unsigned char)s[i]);
	for (i = 0; i < h->n; i++)
		if (strcmp(h->v[i], s) == 0) {
			free(s);
			return;
		}
	if ((v = reallocarray(h->v, h->n + 1, sizeof(*v))) == NULL)
		fatal("hosts");
	h->v = v;
	h->v[h->n++] = s;
}

void
hosts_add_all(struct hosts *h, const struct hosts *from)
{
	size_t	 i;

	for (i = 0; i < from->n; i++)
		hosts_add(h, from->v[i], strlen(from->v[i]));
}

void
hosts_free(struct hosts *h)
{
	size_t	 i;

	for (i = 0; i < h->n; i++)
		free(h->v[i]);
	free(h->v);
	h->v = NULL;
	h->n = 0;
}

int
hosts_has(const struct hosts *h, const char *name)
{
	const char	*dot = strchr(name, '.');
	size_t		 i;
	int		 is = HOSTS_NOT;

	for (i = 0; i < h->n; i++) {
		if (strcmp(h->v[i], name) == 0)
			return HOSTS_OWN;
		/* RFC 9525 6.3: the wildcard is the whole left-most label */
		if (h->v[i][0] == '*' && dot != NULL && dot != name &&
		    strcmp(h->v[i] + 1, dot) == 0)
			is = HOSTS_WILD;
	}
	return is;
}
