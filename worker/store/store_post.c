/* SPDX-License-Identifier: ISC */
/*
 * Lists of mails in a run: of each a varint, distance to the mail before
 * << 1, plus 1 if a byte of fields follows; else they are those of the mail
 * before, at first the body.  Called by store_merge.c and store_search.c.
 */
#include "common/compat.h"

#include <stdlib.h>

#include "worker/store/store_int.h"

static int	 store_post_cmp(const void *, const void *);

int
store_post_add(struct store_posts *p, uint64_t eid, uint8_t in)
{
	struct store_post	*v;
	size_t			 cap;

	if (p->n == p->cap) {
		cap = p->cap == 0 ? 256 : p->cap * 2;
		if ((v = reallocarray(p->v, cap, sizeof(*v))) == NULL)
			return -1;
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n].eid = eid;
	p->v[p->n++].in = in;
	return 0;
}

static int
store_post_cmp(const void *a, const void *b)
{
	const struct store_post	*x = a, *y = b;

	return x->eid < y->eid ? -1 : x->eid > y->eid;
}

void
store_post_sort(struct store_posts *p)
{
	size_t	 i, n = 0;

	for (i = 1; i < p->n && p->v[i - 1].eid < p->v[i].eid; i++)
		;
	if (i >= p->n)		/* most come sorted */
		return;
	qsort(p->v, p->n, sizeof(*p->v), store_post_cmp);
	for (i = 0; i < p->n; i++)
		if (n > 0 && p->v[n - 1].eid == p->v[i].eid)
			p->v[n - 1].in |= p->v[i].in;
		else
			p->v[n++] = p->v[i];
	p->n = n;
}

void
store_post_num(struct buf *b, uint64_t x)
{
	uint8_t	 v[10];
	size_t	 n = 0;

	for (; x >= 0x80; x >>= 7)
		v[n++] = (uint8_t)(x | 0x80);
	v[n++] = (uint8_t)x;
	buf_add(b, v, n);
}

int
store_post_getnum(const uint8_t **p, const uint8_t *end, uint64_t *x)
{
	unsigned	 shift;

	*x = 0;
	for (shift = 0; *p < end && shift < 63; shift += 7) {
		*x |= (uint64_t)(**p & 0x7f) << shift;
		if ((*(*p)++ & 0x80) == 0)
			return 0;
	}
	return -1;
}

void
store_post_pack(struct buf *b, const struct store_post *v, size_t n,
    uint64_t base)
{
	uint8_t	 in = STORE_IN_BODY;
	size_t	 i;

	for (i = 0; i < n; i++) {
		store_post_num(b, (v[i].eid - base) << 1 | (v[i].in != in));
		if (v[i].in != in)
			buf_addc(b, v[i].in);
		in = v[i].in;
		base = v[i].eid;
	}
}

void
store_post_unpack(struct store_unpack *u, struct slice s, uint64_t base)
{
	u->p = s.p;
	u->end = u->p + s.n;
	u->eid = base;
	u->in = STORE_IN_BODY;
}

int
store_post_next(struct store_unpack *u)
{
	uint64_t	 d;

	if (u->p == u->end)
		return 0;
	if (*u->p < 0x80)
		d = *u->p++;
	else if (store_post_getnum(&u->p, u->end, &d) == -1)
		return -1;
	if (d & 1) {
		if (u->p == u->end)
			return -1;
		u->in = *u->p++;
	}
	u->eid += d >> 1;
	return 1;
}
