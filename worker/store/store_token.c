/* SPDX-License-Identifier: ISC */
/*
 * Text cut into search terms.  The one place that decides what a word is,
 * for mail and for queries alike: runs of letters and digits, folded
 * (store_fold.c), at most 64 bytes; of scripts that write no spaces, each
 * pair of neighbours and the last alone.  An e-mail address is one more term
 * as a whole, so that searching for it does not find all of its domain; the
 * name of a header field is one that begins with a blank.  What languages
 * make of words is store_stop.c's and store_lang.c's.  Input is hostile: bad
 * UTF-8 ends a word, no more.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "worker/store/store_int.h"

#define TERMS_MAX	50000	/* of one mail */
#define BYTES_MAX	((size_t)4 << 20)
#define KANA_VOICED	0x3099	/* marks that may stand apart */
#define KANA_HALF	0x309a

struct token {
	struct store_terms	*out;
	unsigned		 in;
	unsigned		 how;		/* STORE_CUT_ */
	uint8_t			 b[STORE_TERMMAX];	/* while it is ASCII */
	size_t			 n;
	int32_t			 v[STORE_TERMMAX + STORE_FOLD_MAX];
	size_t			 nv;		/* .. and when not */
	uint8_t			 cjk[4];	/* the one before */
	size_t			 ncjk;
	int			 pairs;		/* the run had a pair */
	/* store_token_walk: where things are in the text */
	store_token_fn		*each;
	void			*arg;
	size_t			 pos, next;	/* this character, and after */
	size_t			 from, cjkfrom;	/* the word, the one before */
};

static int	 store_token_emit(struct token *, struct slice,
		    struct slice whole, int prefix, size_t from, size_t to);
static int	 store_token_end(struct token *, int);
static int	 store_token_cjk_end(struct token *);
static int	 store_token_cjk(struct token *, uint32_t);
static int	 store_token_wide(struct token *, uint32_t);
static uint32_t	 store_token_voiced(uint32_t, const uint8_t *, size_t,
		    size_t *);
static int	 store_token_bytes_of(struct token *, struct slice);
static size_t	 store_token_addr(const uint8_t *, const uint8_t *,
		    const uint8_t *, const uint8_t **);
static int	 store_token_whole(struct token *, const uint8_t *, size_t,
		    int, size_t);
static enum store_script store_token_script(const uint8_t *, size_t);
static int	 store_token_names(struct token *, struct slice);
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

/* The script of a word without digits, or none. */
static enum store_script
store_token_script(const uint8_t *p, size_t n)
{
	uint32_t	 c;
	size_t		 i;

	for (i = 0; i < n; i++)
		if (p[i] >= '0' && p[i] <= '9')
			return SCRIPT_NONE;
	return utf8_get(p, n, &c) == 0 ? SCRIPT_NONE : store_fold_script(c);
}

/* A full list is no error: what is beyond is not searched. */
static int
store_token_emit(struct token *t, struct slice word, struct slice whole,
    int prefix, size_t from, size_t to)
{
	struct store_terms	*o = t->out;
	struct store_term	*v;
	uint32_t		 unused;
	int64_t			 i;
	size_t			 had;

	if (t->each != NULL)
		return t->each(t->arg, word, whole, store_token_script(
		    word.p, word.n), from, to);
	had = o->n;
	if (o->n == TERMS_MAX || o->bytes.len + word.n > BYTES_MAX)
		return 0;
	if (!(t->how & STORE_CUT_QUERY)) {
		i = store_token_intern(o, word.p, word.n);
		if (i == -1)
			return -1;
	} else {
		/* every word counts, with its own fields and '*' */
		i = (int64_t)had;
		if ((o->n == o->cap && store_token_grow(o) == -1) ||
		    store_token_push(o, 0, word.p, word.n, &unused) == -1)
			return -1;
	}
	v = &o->v[i];
	v->in |= (uint8_t)t->in;
	v->prefix |= prefix != 0;
	if (o->n == had)
		return 0;
	v->script = (uint8_t)store_token_script(word.p, word.n);
	if (v->script == SCRIPT_NONE || whole.n == 0)
		return 0;
	v->wat = (uint32_t)o->bytes.len;
	v->wlen = (uint8_t)whole.n;
	return buf_add(&o->bytes, whole.p, whole.n);
}

/* The word is complete. */
static int
store_token_end(struct token *t, int prefix)
{
	uint8_t	 bare[STORE_TERMMAX], whole[STORE_TERMMAX];
	size_t	 n = t->n, nv = t->nv, w;

	t->n = t->nv = 0;
	if (nv == 0)
		return n == 0 ? 0 : store_token_emit(t, SLICE(t->b, n),
		    SLICE(NULL, 0), prefix, t->from, t->pos);
	n = store_fold_bare(t->v, nv, bare, sizeof(bare));
	w = store_fold_whole(t->v, nv, whole, sizeof(whole));
	if (n == 0)
		return 0;
	if (n == w && memcmp(bare, whole, n) == 0)
		w = 0;
	return store_token_emit(t, SLICE(bare, n), SLICE(whole, w), prefix,
	    t->from, t->pos);
}

/*
 * A run without spaces is over.  In mail its last letter stands alone, too,
 * so that one letter, as a prefix, finds each place; in a query it is one
 * only when the run had no pair.
 */
static int
store_token_cjk_end(struct token *t)
{
	size_t	 n = t->ncjk;
	int	 pairs = t->pairs, query = (t->how & STORE_CUT_QUERY) != 0;

	t->ncjk = 0;
	t->pairs = 0;
	if (n == 0 || (query && pairs))
		return 0;
	return store_token_emit(t, SLICE(t->cjk, n), SLICE(NULL, 0), query,
	    t->cjkfrom, t->pos);
}

static int
store_token_cjk(struct token *t, uint32_t c)
{
	uint8_t	 pair[8], u[4];
	size_t	 n = utf8_put(c, u);

	if (store_token_end(t, 0) == -1)
		return -1;
	if (t->ncjk > 0) {
		memcpy(pair, t->cjk, t->ncjk);
		memcpy(pair + t->ncjk, u, n);
		if (store_token_emit(t, SLICE(pair, t->ncjk + n),
		    SLICE(NULL, 0), 0, t->cjkfrom, t->next) == -1)
			return -1;
		t->pairs = 1;
	}
	memcpy(t->cjk, u, n);
	t->cjkfrom = t->pos;
	t->ncjk = n;
	return 0;
}

/* A code point beyond ASCII. */
static int
store_token_wide(struct token *t, uint32_t c)
{
	int32_t	 f[STORE_FOLD_MAX];
	size_t	 i, n;
	int	 r = 0;

	if (store_fold_nothing(c))
		return 0;
	if (!store_fold_letter(c))
		return store_token_cjk_end(t) == -1 ? -1 :
		    store_token_end(t, 0);
	if (store_fold_joined(c) && !(c >= 0xf900 && c <= 0xfaff))
		return store_token_cjk(t, c);
	n = store_fold_apart(c, f);
	if (n > 0 && store_fold_joined((uint32_t)f[0])) {
		for (i = 0; i < n && r == 0; i++)
			r = store_token_cjk(t, (uint32_t)f[i]);
		return r;
	}
	if (store_token_cjk_end(t) == -1)
		return -1;
	for (i = 0; t->nv == 0 && i < t->n; i++)
		t->v[i] = t->b[i];
	if (t->nv == 0)
		t->nv = t->n;
	if (t->nv == 0)
		t->from = t->pos;
	if (t->nv + n > STORE_TERMMAX)
		return 0;
	memcpy(t->v + t->nv, f, n * sizeof(*f));
	t->nv += n;
	return 0;
}

/* A kana with the mark of its sound apart, as one; *n grows by the mark. */
static uint32_t
store_token_voiced(uint32_t c, const uint8_t *p, size_t left, size_t *n)
{
	int32_t		 f[STORE_FOLD_MAX];
	uint32_t	 mark;
	size_t		 k;

	if (!(c >= 0x3041 && c <= 0x30fe) && !(c >= 0xff66 && c <= 0xff9d))
		return c;
	if ((k = utf8_get(p + *n, left - *n, &mark)) == 0 ||
	    (mark != KANA_VOICED && mark != KANA_HALF && mark != 0xff9e &&
	    mark != 0xff9f))
		return c;
	*n += k;
	if (store_fold_apart(c, f) == 1)
		c = (uint32_t)f[0];
	return c + (mark == KANA_HALF || mark == 0xff9f ? 2 : 1);
}

/* --- addresses ----------------------------------------------------------- */

static int
store_token_atext(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
	    c == '+' || c == '=';
}

static int
store_token_alnum(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/*
 * The address around the at sign: its length, and where it begins, not
 * before start; or 0.
 */
static size_t
store_token_addr(const uint8_t *start, const uint8_t *at, const uint8_t *end,
    const uint8_t **first)
{
	const uint8_t	*a = at, *z = at + 1;
	int		 dot = 0;

	while (a > start && at - a < STORE_TERMMAX && store_token_atext(a[-1]))
		a--;
	while (a < at && !store_token_alnum(*a))
		a++;
	for (; z < end && z - a <= STORE_TERMMAX && store_token_atext(*z) &&
	    *z != '+' && *z != '=' && *z != '_'; z++)
		;
	while (z > at + 1 && !store_token_alnum(z[-1]))
		z--;
	*first = a;
	if (a == at || z - a > STORE_TERMMAX)
		return 0;
	for (at++; at < z; at++)
		dot |= *at == '.';
	return dot ? (size_t)(z - a) : 0;
}

static int
store_token_whole(struct token *t, const uint8_t *p, size_t n, int prefix,
    size_t from)
{
	uint8_t	 b[STORE_TERMMAX];
	size_t	 i;

	for (i = 0; i < n; i++)
		b[i] = (uint8_t)utf8_lower(p[i]);
	return store_token_emit(t, SLICE(b, n), SLICE(NULL, 0), prefix, from,
	    from + n);
}

/* Of a query: an address that begins here, instead of its words.  1, 0, -1
 * and *used. */
static int
store_token_asked(struct token *t, const uint8_t *p, const uint8_t *end,
    size_t *used)
{
	const uint8_t	*at = p, *first;
	size_t		 n;
	int		 prefix;

	while (at < end && store_token_atext(*at))
		at++;
	if (at == p || at == end || *at != '@' ||
	    (n = store_token_addr(p, at, end, &first)) == 0)
		return 0;
	*used = (size_t)(first - p) + n;
	prefix = p + *used < end && p[*used] == '*';
	return store_token_whole(t, first, n, prefix, 0) == -1 ? -1 : 1;
}

/* --- the text ------------------------------------------------------------ */

/* Names of header fields, a line each: how a mail that has one is found. */
static int
store_token_names(struct token *t, struct slice text)
{
	const uint8_t	*p = text.p, *end = p + text.n, *eol;
	uint8_t		 b[STORE_TERMMAX];
	size_t		 i, n;

	for (; p < end; p = eol + (eol < end)) {
		for (eol = p; eol < end && *eol != '\n'; eol++)
			;
		n = (size_t)(eol - p);
		if (n == 0 || n >= sizeof(b))
			continue;
		b[0] = ' ';
		for (i = 0; i < n; i++) {
			/* RFC 5322 2.2: printable US-ASCII */
			if (p[i] <= ' ' || p[i] > '~')
				break;
			b[i + 1] = (uint8_t)utf8_lower(p[i]);
		}
		if (i == n && store_token_emit(t, SLICE(b, n + 1),
		    SLICE(NULL, 0), 0, 0, 0) == -1)
			return -1;
	}
	return 0;
}

static int
store_token_bytes_of(struct token *t, struct slice text)
{
	const uint8_t	*p = text.p, *end = p + text.n, *first;
	const int	 asks = (t->how & STORE_CUT_QUERY) != 0;
	const int	 addrs = !(t->how & STORE_CUT_PHRASE) &&
			    t->in != STORE_IN_HEADER;
	uint32_t	 c;
	size_t		 n, used;
	int		 word, r = 0;

	for (; p < end && r == 0; p += n) {
		n = 1;
		if (*p >= 0x80 && (n = utf8_get(p, (size_t)(end - p), &c)) >
		    0) {
			c = store_token_voiced(c, p, (size_t)(end - p), &n);
			t->pos = (size_t)(p - (const uint8_t *)text.p);
			t->next = t->pos + n;
			r = store_token_wide(t, c);
			continue;
		}
		n = 1;
		t->pos = (size_t)(p - (const uint8_t *)text.p);
		word = store_token_alnum(*p);
		if (t->ncjk > 0)
			r = store_token_cjk_end(t);
		if (asks && addrs && word && t->n == 0 && t->nv == 0 &&
		    r == 0 && (r = store_token_asked(t, p, end, &used)) == 1) {
			n = used;
			r = 0;
			continue;
		}
		if (word && t->nv > 0) {
			if (t->nv < STORE_TERMMAX)
				t->v[t->nv++] = utf8_lower(*p);
		} else if (word) {
			if (t->n == 0)
				t->from = t->pos;
			if (t->n < STORE_TERMMAX)
				t->b[t->n++] = (uint8_t)utf8_lower(*p);
		} else if (r == 0)
			r = store_token_end(t, asks && *p == '*');
		if (*p == '@' && !asks && addrs && r == 0 && (used =
		    store_token_addr(text.p, p, end, &first)) > 0)
			r = store_token_whole(t, first, used, 0, (size_t)(
			    first - (const uint8_t *)text.p));
	}
	t->pos = text.n;
	if (r == 0)
		r = store_token_cjk_end(t);
	return r == 0 ? store_token_end(t, 0) : -1;
}

int
store_token_add(struct store_terms *out, struct slice text, unsigned in,
    unsigned how)
{
	struct token	 t;

	memset(&t, 0, sizeof(t));
	t.out = out;
	t.in = in & 0xff;
	t.how = how;
	return in & STORE_NAMES ? store_token_names(&t, text) :
	    store_token_bytes_of(&t, text);
}

int
store_token_walk(struct slice text, store_token_fn *fn, void *arg)
{
	struct token	 t;

	memset(&t, 0, sizeof(t));
	t.in = STORE_IN_BODY;
	t.each = fn;
	t.arg = arg;
	return store_token_bytes_of(&t, text);
}
