/* SPDX-License-Identifier: ISC */
/* Fields of one answer as a list: see fields.h. */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "worker/http/fields.h"

void
fields_add_line(struct fields *f, const struct fields_line *l)
{
	if (f->n < FIELDS_MAX)
		f->v[f->n++] = *l;
}

void
fields_add(struct fields *f, const char *name, const char *value,
    enum block_rank rank, const char *by)
{
	struct fields_line	 l = { name, value, (uint32_t)strlen(name),
				    (uint32_t)strlen(value), rank, by };

	fields_add_line(f, &l);
}

/* Most names differ in their length or their first letter already. */
static int
fields_is(const struct fields_line *l, const char *name, size_t len)
{
	return l->name_len == len && !((l->name[0] ^ name[0]) & 0x1f) &&
	    utf8_casecmp(l->name, len, name, len) == 0;
}

struct fields_line *
fields_find(struct fields *f, const char *name)
{
	size_t	 i, len = strlen(name);

	for (i = 0; i < f->n; i++)
		if (fields_is(&f->v[i], name, len))
			return &f->v[i];
	return NULL;
}

void
fields_remove(struct fields *f, const char *name)
{
	size_t	 i, n = 0, len = strlen(name);

	for (i = 0; i < f->n; i++) {
		if (fields_is(&f->v[i], name, len))
			continue;
		if (n != i)
			f->v[n] = f->v[i];
		n++;
	}
	f->n = n;
}

void
fields_block(struct fields *f, const struct block *b,
    const struct block_field *own, size_t n)
{
	const struct block_line	*l;
	struct fields_line	 line;
	size_t			 i;

	for (i = 0; i < b->n; i++) {
		l = &b->line[i];
		if (block_override(b, l, own, n))
			continue;
		line.name = (const char *)b->text.data + l->off;
		line.name_len = l->name_len;
		line.value = line.name + l->name_len + 2;
		line.value_len = l->len - l->name_len - 4;
		line.rank = (enum block_rank)l->rank;
		line.by = l->by;
		fields_add_line(f, &line);
	}
	for (i = 0; i < n; i++) {
		if (!block_wins(b, &own[i]))
			continue;
		line.name = own[i].name;
		line.name_len = own[i].name_len;
		line.value = own[i].value;
		line.value_len = own[i].value_len;
		line.rank = BLOCK_DEFAULT;
		line.by = "the answer";
		fields_add_line(f, &line);
	}
}

void
fields_write(const struct fields *f, struct buf *out)
{
	size_t	 i;

	for (i = 0; i < f->n; i++) {
		buf_add(out, f->v[i].name, f->v[i].name_len);
		buf_add(out, ": ", 2);
		buf_add(out, f->v[i].value, f->v[i].value_len);
		buf_add(out, "\r\n", 2);
	}
}
