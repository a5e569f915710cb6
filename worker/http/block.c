/* SPDX-License-Identifier: ISC */
/*
 * Blocks of response fields: see block.h.  Composed by worker/policy when a
 * configuration is loaded, written by the transports for every answer.
 * Values have passed hdr_check or are ours; nothing is checked here.
 */
#include "common/compat.h"

#include <string.h>

#include "common/log.h"
#include "common/utf8.h"
#include "worker/http/block.h"

static void	block_rebuild(struct block *, size_t skip_at);
static int	block_is(const struct block *, size_t, const char *, size_t);

void
block_init(struct block *b)
{
	memset(b, 0, sizeof(*b));
	buf_init(&b->text, 65536);
}

void
block_free(struct block *b)
{
	buf_free(&b->text);
	block_init(b);
}

static int
block_is(const struct block *b, size_t i, const char *name, size_t len)
{
	return utf8_casecmp(b->text.data + b->line[i].off,
	    b->line[i].name_len, name, len) == 0;
}

void
block_set(struct block *b, const char *name, const char *value,
    enum block_rank rank)
{
	struct block_line	*l;
	size_t			 i, len = strlen(name);

	for (i = 0; i < b->n; i++)
		if (block_is(b, i, name, len) && b->line[i].rank > rank)
			return;
	block_remove(b, name);
	if (b->n == BLOCK_MAX)
		fatalx("too many response headers");
	l = &b->line[b->n++];
	l->off = (uint32_t)b->text.len;
	l->name_len = (uint32_t)len;
	l->rank = rank;
	l->by = b->by;
	if (buf_addf(&b->text, "%s: %s\r\n", name, value) == -1)
		fatalx("response headers are too long");
	l->len = (uint32_t)b->text.len - l->off;
	l->bit = block_bit(name, len);
	b->mask |= l->bit;
}

void
block_remove(struct block *b, const char *name)
{
	size_t	 i, len = strlen(name);

	for (i = 0; i < b->n; )
		if (block_is(b, i, name, len))
			block_rebuild(b, i);
		else
			i++;
}

/* The same block without line number skip_at. */
static void
block_rebuild(struct block *b, size_t skip_at)
{
	struct block_line	*l = &b->line[skip_at];
	uint32_t		 len = l->len;
	size_t			 i, after = l->off + len;

	memmove(b->text.data + l->off, b->text.data + after,
	    b->text.len - after);
	b->text.len -= len;
	memmove(l, l + 1, (b->n - skip_at - 1) * sizeof(*l));
	b->n--;
	b->mask = 0;
	for (i = 0; i < b->n; i++) {
		if (i >= skip_at)
			b->line[i].off -= len;
		b->mask |= b->line[i].bit;
	}
}

const char *
block_get(const struct block *b, const char *name, size_t *len)
{
	const struct block_line	*l;
	size_t			 i, n = strlen(name);

	for (i = 0; i < b->n; i++) {
		if (!block_is(b, i, name, n))
			continue;
		l = &b->line[i];
		*len = l->len - l->name_len - 4;
		return (const char *)b->text.data + l->off + n + 2;
	}
	return NULL;
}

void
block_write(const struct block *b, const struct block_field *f, size_t n,
    struct buf *out)
{
	uint64_t	 mask = 0;
	size_t		 i;

	for (i = 0; i < n; i++)
		mask |= block_bit(f[i].name, f[i].name_len);
	if ((mask & b->mask) == 0)
		buf_add(out, b->text.data, b->text.len);
	else for (i = 0; i < b->n; i++)
		if (!block_override(b, &b->line[i], f, n))
			buf_add(out, b->text.data + b->line[i].off,
			    b->line[i].len);
	for (i = 0; i < n; i++) {
		if ((mask & b->mask) != 0 && !block_wins(b, &f[i]))
			continue;
		buf_add(out, f[i].name, f[i].name_len);
		buf_add(out, ": ", 2);
		buf_add(out, f[i].value, f[i].value_len);
		buf_add(out, "\r\n", 2);
	}
}

int
block_override(const struct block *b, const struct block_line *l,
    const struct block_field *f, size_t n)
{
	size_t	 i;

	if (l->rank != BLOCK_DEFAULT)
		return 0;
	for (i = 0; i < n; i++)
		if (utf8_casecmp(b->text.data + l->off, l->name_len,
		    f[i].name, f[i].name_len) == 0)
			return 1;
	return 0;
}

int
block_wins(const struct block *b, const struct block_field *f)
{
	size_t	 i;

	for (i = 0; i < b->n; i++)
		if (b->line[i].rank != BLOCK_DEFAULT &&
		    block_is(b, i, f->name, f->name_len))
			return 0;
	return 1;
}
