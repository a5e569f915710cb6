/* SPDX-License-Identifier: ISC */
/* Rows of answers to jmapctl: see row.h. */
#include "common/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/row.h"

static void	row_text(struct buf *, const char *);

/* Controls would draw on the administrator's terminal. */
static void
row_text(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		buf_addc(b, (unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s);
	buf_addc(b, '\0');
}

void
row_add(struct buf *b, const char *name, const char *value)
{
	row_text(b, name);
	row_text(b, value);
}

void
row_addu(struct buf *b, const char *name, uint64_t v)
{
	row_text(b, name);
	if (!b->bad)
		b->data[b->len - 1] = '#';
	buf_addc(b, '\0');
	buf_addu(b, v);
	buf_addc(b, '\0');
}

void
row_addf(struct buf *b, const char *name, const char *fmt, ...)
{
	char	 text[1024];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	row_add(b, name, text);
}

int
row_next(struct cur *c, const char **name, const char **value)
{
	if (c->n == 0)
		return 0;
	if ((*name = cur_str(c)) == NULL || (*value = cur_str(c)) == NULL)
		return -1;
	return 1;
}

const char *
row_get(const void *row, size_t len, const char *name)
{
	const char	*n, *v;
	struct cur	 c;
	size_t		 l = strlen(name);

	cur_init(&c, row, len);
	while (row_next(&c, &n, &v) == 1)
		if (strncmp(n, name, l) == 0 &&
		    (n[l] == '\0' || strcmp(n + l, "#") == 0))
			return v;
	return NULL;
}
