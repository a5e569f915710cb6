/* SPDX-License-Identifier: ISC */
/*
 * How jmapctl prints rows: one JSON object a line with -j, otherwise a table
 * for people whose columns are as wide as what is in them.  Called by ctl.c
 * and the files of further verbs.  Bytes from jmapd are shown, never trusted:
 * nothing that is not UTF-8 text reaches the terminal.
 */
#include "common/compat.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/js.h"
#include "common/log.h"
#include "common/row.h"
#include "daemon/ctl.h"

#define CTL_COLUMNS	32
#define CTL_WIDE	400	/* characters of a value in a table */

struct ctl_line {
	uint8_t	*data;
	size_t	 len;
};

static struct ctl_line	*lines;
static size_t		 nlines;

static int	ctl_row_json(struct buf *, const void *, size_t);
static void	ctl_table(size_t, size_t);
static int	ctl_same(const struct ctl_line *, const struct ctl_line *);
static int	ctl_width(const char *);
static void	ctl_cell(const char *, int, int, int);
static void	ctl_head(const struct ctl_line *, const int *);
static int	ctl_number(const char *);

/* The characters of UTF-8 text; good enough for columns. */
static int
ctl_width(const char *s)
{
	int	 n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static int
ctl_number(const char *name)
{
	size_t	 n = strlen(name);

	return n > 0 && name[n - 1] == '#';
}

/* A row as one JSON object into the buffer; 0, or -1: malformed. */
static int
ctl_row_json(struct buf *b, const void *row, size_t len)
{
	const char	*name, *value;
	struct cur	 c;
	int		 n;

	cur_init(&c, row, len);
	js_out_obj(b);
	while ((n = row_next(&c, &name, &value)) == 1) {
		js_out_keyn(b, name, strlen(name) - ctl_number(name));
		if (ctl_number(name) && *value != '\0' &&
		    strspn(value, "0123456789") == strlen(value))
			js_out_raw(b, value, strlen(value));
		else if (js_scan_text(value, strlen(value)))
			js_out_s(b, value);
		else
			js_out_null(b);
	}
	js_out_end(b, '}');
	return n == 0 && !buf_bad(b) ? 0 : -1;
}

void
ctl_row(const void *row, size_t len)
{
	struct ctl_line	*p;
	struct buf	 b;

	if (ctl_json) {
		buf_init(&b, 8 * ROW_MAX);
		if (ctl_row_json(&b, row, len) == 0)
			printf("%s\n", buf_str(&b));
		buf_free(&b);
		return;
	}
	if ((p = reallocarray(lines, nlines + 1, sizeof(*p))) == NULL ||
	    (p[nlines].data = malloc(len + 1)) == NULL)
		fatal("jmapctl");
	lines = p;
	memcpy(p[nlines].data, row, len);
	p[nlines++].len = len;
}

/* Rows with the same names in a sequence are one table. */
void
ctl_row_end(void)
{
	size_t	 i, from = 0;

	for (i = 1; i <= nlines; i++)
		if (i == nlines || !ctl_same(&lines[from], &lines[i])) {
			if (from > 0)
				putchar('\n');
			ctl_table(from, i);
			from = i;
		}
	for (i = 0; i < nlines; i++)
		free(lines[i].data);
	free(lines);
	lines = NULL;
	nlines = 0;
	fflush(stdout);
}

static int
ctl_same(const struct ctl_line *a, const struct ctl_line *b)
{
	const char	*an, *av, *bn, *bv;
	struct cur	 ac, bc;
	int		 x, y;

	cur_init(&ac, a->data, a->len);
	cur_init(&bc, b->data, b->len);
	do {
		x = row_next(&ac, &an, &av);
		y = row_next(&bc, &bn, &bv);
		if (x == 1 && y == 1 && strcmp(an, bn) != 0)
			return 0;
	} while (x == 1 && y == 1);
	return x == y;
}

static void
ctl_table(size_t from, size_t to)
{
	const char	*name, *value;
	struct cur	 c;
	size_t		 i, k;
	int		 width[CTL_COLUMNS] = { 0 }, w;

	for (i = from; i < to; i++) {
		cur_init(&c, lines[i].data, lines[i].len);
		for (k = 0; k < CTL_COLUMNS &&
		    row_next(&c, &name, &value) == 1; k++) {
			w = ctl_width(value);
			if ((size_t)w < strlen(name) - ctl_number(name))
				w = (int)strlen(name) - ctl_number(name);
			if (w > width[k])
				width[k] = w < CTL_WIDE ? w : CTL_WIDE;
		}
	}
	ctl_head(&lines[from], width);
	for (i = from; i < to; i++) {
		cur_init(&c, lines[i].data, lines[i].len);
		for (k = 0; k < CTL_COLUMNS &&
		    row_next(&c, &name, &value) == 1; k++)
			ctl_cell(value, k == 0 ? 0 : 2,
			    ctl_number(name) ? width[k] :
			    c.n == 0 ? 0 : -width[k], 0);
		putchar('\n');
	}
}

static void
ctl_head(const struct ctl_line *l, const int *width)
{
	const char	*name, *value;
	char		 text[128];
	struct cur	 c;
	size_t		 k;

	cur_init(&c, l->data, l->len);
	for (k = 0; k < CTL_COLUMNS && row_next(&c, &name, &value) == 1; k++) {
		snprintf(text, sizeof(text), "%.*s",
		    (int)strlen(name) - ctl_number(name), name);
		ctl_cell(text, k == 0 ? 0 : 2, ctl_number(name) ? width[k] :
		    c.n == 0 ? 0 : -width[k], 1);
	}
	putchar('\n');
}

/* A value after some blanks; width < 0: to the left. */
static void
ctl_cell(const char *s, int blanks, int width, int upper)
{
	int	 fill = abs(width) - ctl_width(s);

	for (; blanks > 0; blanks--)
		putchar(' ');
	for (; width > 0 && fill > 0; fill--)
		putchar(' ');
	if (!js_scan_text(s, strlen(s)))
		s = "?";
	for (; *s != '\0'; s++)
		putchar(upper ? toupper((unsigned char)*s) :
		    (unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s);
	for (; width < 0 && fill > 0; fill--)
		putchar(' ');
}
