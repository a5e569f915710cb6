/* SPDX-License-Identifier: ISC */
/*
 * Text cut into search terms.  The one place that decides what a word is,
 * for mail and for queries alike: runs of letters and digits, case folded
 * and without marks (utf8proc), at most 64 bytes; of CJK, which writes no
 * spaces, each pair of neighbours and the last alone.  A stemmer would go
 * into store_token_end().  Input is hostile: bad UTF-8 ends a word, no more.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "common/utf8.h"
#include "worker/store/store_int.h"

#define TERM_MAX	64	/* bytes of a term; the rest is dropped */
#define TERMS_MAX	50000	/* of one mail */
#define BYTES_MAX	((size_t)4 << 20)
#define FOLD_MAX	18	/* code points that one may unfold to */

struct token {
	struct store_terms	*out;
	unsigned		 in;
	int			 query;
	uint8_t			 b[TERM_MAX];
	size_t			 n;
	uint8_t			 cjk[4];	/* the one before */
	size_t			 ncjk;
	int			 pairs;		/* the run had a pair */
};

static int	 store_token_emit(struct token *, const uint8_t *, size_t, int);
static int	 store_token_end(struct token *, int);
static int	 store_token_cjk_end(struct token *);
static int	 store_token_cjk(struct token *, const uint8_t *, size_t);
static int	 store_token_other(struct token *, uint32_t);
static int	 store_token_is_cjk(uint32_t);
static uint32_t	*store_token_slot(const struct store_terms *, uint64_t,
		    const uint8_t *, size_t);
static int	 store_token_grow(struct store_terms *);
static int	 store_token_push(struct store_terms *, uint64_t,
		    const uint8_t *, size_t, uint32_t *);

void
store_token_init(struct store_terms *t)
{
	memset(t, 0, sizeof(*t));
	buf_init(&t->bytes, SIZE_MAX);
}

void
store_token_free(struct store_terms *t)
{
	buf_free(&t->bytes);
	free(t->v);
	free(t->slot);
	store_token_init(t);
}

const uint8_t *
store_token_bytes(const struct store_terms *t, size_t i)
{
	return t->bytes.data + t->v[i].at;
}

/* Where a term is in the hash, or would be. */
static uint32_t *
store_token_slot(const struct store_terms *t, uint64_t hash, const uint8_t *p,
    size_t n)
{
	const struct store_term	*v;
	size_t			 i = (size_t)hash & (t->cap * 2 - 1);

	for (; t->slot[i] != 0; i = (i + 1) & (t->cap * 2 - 1)) {
		v = &t->v[t->slot[i] - 1];
		if (v->hash == hash && v->len == n &&
		    memcmp(t->bytes.data + v->at, p, n) == 0)
			break;
	}
	return &t->slot[i];
}

static int
store_token_grow(struct store_terms *t)
{
	struct store_term	*v;
	uint32_t		*slot;
	size_t			 i, cap = t->cap == 0 ? 256 : t->cap * 2;

	if ((v = reallocarray(t->v, cap, sizeof(*v))) == NULL)
		return -1;
	t->v = v;
	if ((slot = calloc(cap * 2, sizeof(*slot))) == NULL)
		return -1;
	free(t->slot);
	t->slot = slot;
	t->cap = cap;
	for (i = 0; i < t->n; i++)
		*store_token_slot(t, v[i].hash, t->bytes.data + v[i].at,
		    v[i].len) = (uint32_t)i + 1;
	return 0;
}

/* One more term, at its place in the hash. */
static int
store_token_push(struct store_terms *t, uint64_t hash, const uint8_t *p,
    size_t n, uint32_t *slot)
{
	struct store_term	*v = &t->v[t->n];

	memset(v, 0, sizeof(*v));
	v->hash = hash;
	v->at = (uint32_t)t->bytes.len;
	v->len = (uint8_t)n;
	if (t->bytes.len + n > UINT32_MAX || buf_add(&t->bytes, p, n) == -1)
		return -1;
	*slot = (uint32_t)++t->n;
	return 0;
}

int64_t
store_token_intern(struct store_terms *t, const uint8_t *p, size_t n)
{
	uint64_t	 hash = store_key_hash(p, n);
	uint32_t	*slot;

	if (t->n == t->cap && store_token_grow(t) == -1)
		return -1;
	slot = store_token_slot(t, hash, p, n);
	if (*slot == 0 && store_token_push(t, hash, p, n, slot) == -1)
		return -1;
	return (int64_t)*slot - 1;
}

/* A full list is no error: what is beyond is not searched. */
static int
store_token_emit(struct token *t, const uint8_t *p, size_t n, int prefix)
{
	struct store_terms	*o = t->out;
	uint32_t		 unused;
	int64_t			 i;

	if (o->n == TERMS_MAX || o->bytes.len + n > BYTES_MAX)
		return 0;
	if (!t->query) {
		if ((i = store_token_intern(o, p, n)) == -1)
			return -1;
		o->v[i].in |= (uint8_t)t->in;
		return 0;
	}
	/* of a query every word counts, with its own fields and '*' */
	if ((o->n == o->cap && store_token_grow(o) == -1) ||
	    store_token_push(o, 0, p, n, &unused) == -1)
		return -1;
	o->v[o->n - 1].in = (uint8_t)t->in;
	o->v[o->n - 1].prefix = (uint8_t)prefix;
	return 0;
}

/* The word is complete. */
static int
store_token_end(struct token *t, int prefix)
{
	size_t	 n = t->n;

	t->n = 0;
	return n == 0 ? 0 : store_token_emit(t, t->b, n, prefix);
}

/*
 * A run of CJK is over.  In mail its last letter stands alone, too, so that
 * one letter, as a prefix, finds each place; in a query it is one only when
 * the run had no pair.
 */
static int
store_token_cjk_end(struct token *t)
{
	size_t	 n = t->ncjk;
	int	 pairs = t->pairs;

	t->ncjk = 0;
	t->pairs = 0;
	if (n == 0 || (t->query && pairs))
		return 0;
	return store_token_emit(t, t->cjk, n, t->query);
}

static int
store_token_cjk(struct token *t, const uint8_t *p, size_t n)
{
	uint8_t	 pair[8];

	if (store_token_end(t, 0) == -1)
		return -1;
	if (t->ncjk > 0) {
		memcpy(pair, t->cjk, t->ncjk);
		memcpy(pair + t->ncjk, p, n);
		if (store_token_emit(t, pair, t->ncjk + n, 0) == -1)
			return -1;
		t->pairs = 1;
	}
	memcpy(t->cjk, p, n);
	t->ncjk = n;
	return 0;
}

static int
store_token_is_cjk(uint32_t c)
{
	return (c >= 0x3040 && c <= 0x30ff) ||		/* kana */
	    (c >= 0x3400 && c <= 0x4dbf) ||
	    (c >= 0x4e00 && c <= 0x9fff) ||
	    (c >= 0xac00 && c <= 0xd7a3) ||		/* Hangul */
	    (c >= 0xf900 && c <= 0xfaff) ||
	    (c >= 0x20000 && c <= 0x3fffd);
}

static int
store_token_letter(uint32_t c)
{
	switch (utf8proc_category((utf8proc_int32_t)c)) {
	case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT: case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO: case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC: case UTF8PROC_CATEGORY_ME:
	case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_NO:
		return 1;
	default:
		return 0;
	}
}

/* A code point beyond ASCII. */
static int
store_token_other(struct token *t, uint32_t c)
{
	utf8proc_int32_t	 f[FOLD_MAX];
	utf8proc_ssize_t	 i, n;
	uint8_t			 u[4];
	size_t			 len;
	int			 last = 0;

	if (store_token_is_cjk(c))
		return store_token_cjk(t, u, utf8_put(c, u));
	if (store_token_cjk_end(t) == -1)
		return -1;
	if (!store_token_letter(c))
		return store_token_end(t, 0);
	n = utf8proc_decompose_char((utf8proc_int32_t)c, f, FOLD_MAX,
	    UTF8PROC_CASEFOLD | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE |
	    UTF8PROC_STRIPMARK | UTF8PROC_IGNORE, &last);
	for (i = 0; i < n && i < FOLD_MAX; i++) {
		len = utf8_put((uint32_t)f[i], u);
		if (t->n + len <= TERM_MAX &&
		    store_token_letter((uint32_t)f[i])) {
			memcpy(t->b + t->n, u, len);
			t->n += len;
		}
	}
	return 0;
}

int
store_token_add(struct store_terms *out, struct slice text, unsigned in,
    int query)
{
	struct token	 t;
	const uint8_t	*p = text.p, *end = p + text.n;
	uint32_t	 c;
	size_t		 n;
	int		 word, r = 0;

	memset(&t, 0, sizeof(t));
	t.out = out;
	t.in = in;
	t.query = query;
	while (p < end && r == 0) {
		if (*p >= 0x80 && (n = utf8_get(p, (size_t)(end - p), &c)) >
		    0) {
			r = store_token_other(&t, c);
			p += n;
			continue;
		}
		c = (uint32_t)utf8_lower(*p);
		word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (t.ncjk > 0)
			r = store_token_cjk_end(&t);
		if (word && t.n < TERM_MAX)
			t.b[t.n++] = (uint8_t)c;
		else if (!word && t.n > 0 && r == 0)
			r = store_token_end(&t, query && *p == '*');
		p++;
	}
	if (r == 0)
		r = store_token_cjk_end(&t);
	return r == 0 ? store_token_end(&t, 0) : -1;
}
