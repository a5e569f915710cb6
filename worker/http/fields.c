/* SPDX-License-Identifier: ISC */
/* Fields of one answer as a list: see fields.h. */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "worker/http/fields.h"

void
fields_add(struct fields *f, const struct fields_line *l)
{
	if (f->n == FIELDS_MAX)
		return;
	f->v[f->n++] = *l;
	f->mask |= l->bit;
}

static int
fields_is(const struct fields_line *l, const struct fields_line *key)
{
	return l->bit == key->bit && l->name_len == key->name_len &&
	    utf8_casecmp(l->name, l->name_len, key->name, key->name_len) == 0;
}

struct fields_line *
fields_find(struct fields *f, const struct fields_line *key)
{
	size_t	 i;

	if (!(f->mask & key->bit))
		return NULL;
	for (i = 0; i < f->n; i++)
		if (fields_is(&f->v[i], key))
			return &f->v[i];
	return NULL;
}

void
fields_remove(struct fields *f, const struct fields_line *key)
{
	struct fields_line	*first = fields_find(f, key);
	size_t			 i, n;

	if (first == NULL)
		return;
	n = (size_t)(first - f->v);
	for (i = n + 1; i < f->n; i++)
		if (!fields_is(&f->v[i], key))
			f->v[n++] = f->v[i];
	f->n = n;
}

void
fields_block(struct fields *f, const struct block *b,
    const struct block_field *own, size_t n)
{
	const struct block_line	*l;
	struct fields_line	 line;
	uint64_t		 mask = 0;
	size_t			 i;

	for (i = 0; i < n; i++)
		mask |= block_bit(own[i].name, own[i].name_len);
	for (i = 0; i < b->n; i++) {
		l = &b->line[i];
		if (mask & l->bit && block_override(b, l, own, n))
			continue;
		line.name = (const char *)b->text.data + l->off;
		line.name_len = l->name_len;
		line.value = line.name + l->name_len + 2;
		line.value_len = l->len - l->name_len - 4;
		line.whole = l->len;
		line.rank = (enum block_rank)l->rank;
		line.by = l->by;
		line.bit = l->bit;
		fields_add(f, &line);
	}
	for (i = 0; i < n; i++) {
		line.bit = block_bit(own[i].name, own[i].name_len);
		if (b->mask & line.bit && !block_wins(b, &own[i]))
			continue;
		line.name = own[i].name;
		line.name_len = own[i].name_len;
		line.value = own[i].value;
		line.value_len = own[i].value_len;
		line.whole = 0;
		line.rank = BLOCK_DEFAULT;
		line.by = "the answer";
		fields_add(f, &line);
	}
}

/* Lines of a block that lie one behind the other go in one piece. */
void
fields_write(const struct fields *f, struct buf *out)
{
	const struct fields_line	*l = f->v, *end = f->v + f->n;
	const char			*from;
	size_t				 n;

	while (l < end) {
		from = l->name;
		for (n = 0; l < end && l->whole > 0 && l->name == from + n;
		    l++)
			n += l->whole;
		if (n > 0) {
			buf_add(out, from, n);
			continue;
		}
		buf_add(out, l->name, l->name_len);
		buf_add(out, ": ", 2);
		buf_add(out, l->value, l->value_len);
		buf_add(out, "\r\n", 2);
		l++;
	}
}
