/* SPDX-License-Identifier: ISC */
/*
 * Ids as text (store.h 2), and lists and sets of numbers.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/enc.h"
#include "worker/store/store_int.h"

static const char	 digits[] = "0123456789abcdefghijklmnopqrstuv";

static size_t	 store_id_digits(uint64_t, char *);
static int	 store_id_number(const char *, size_t, uint64_t *);
static int	 store_id_cmp(const void *, const void *);
static int	 store_set_grow(struct store_set *);
static size_t	 store_set_slot(const struct store_set *, uint64_t);

/* Base 32, no leading zeros; the length. */
static size_t
store_id_digits(uint64_t x, char *out)
{
	char	 rev[14];
	size_t	 n = 0, i;

	do
		rev[n++] = digits[x & 31];
	while ((x >>= 5) != 0);
	for (i = 0; i < n; i++)
		out[i] = rev[n - 1 - i];
	out[n] = '\0';
	return n;
}

/* The one spelling of a number only; 0 or -1. */
static int
store_id_number(const char *s, size_t n, uint64_t *x)
{
	const char	*d;
	uint64_t	 v = 0;
	size_t		 i;

	if (n == 0 || n > 13 || (n > 1 && s[0] == '0'))
		return -1;
	for (i = 0; i < n; i++) {
		if (s[i] == '\0' || (d = strchr(digits, s[i])) == NULL ||
		    v >> 59 != 0)
			return -1;
		v = v << 5 | (uint64_t)(d - digits);
	}
	*x = v;
	return 0;
}

size_t
store_id_object(int letter, uint64_t id, char out[STORE_IDLEN])
{
	out[0] = (char)letter;
	return 1 + store_id_digits(id, out + 1);
}

int
store_id_object_get(int letter, const char *s, size_t n, uint64_t *id)
{
	if (n < 2 || s[0] != letter)
		return -1;
	return store_id_number(s + 1, n - 1, id);
}

size_t
store_id_mail(uint64_t id, char out[STORE_IDLEN])
{
	size_t	 n = store_id_object('E', STORE_EID(id), out);

	if (STORE_GEN(id) == 0)
		return n;
	out[n++] = '-';
	return n + store_id_digits(STORE_GEN(id), out + n);
}

int
store_id_mail_get(const char *s, size_t n, uint64_t *id)
{
	const char	*dash = memchr(s, '-', n);
	size_t		 head = dash == NULL ? n : (size_t)(dash - s);
	uint64_t	 eid, gen = 0;

	if (store_id_object_get('E', s, head, &eid) == -1 || eid >> 48 != 0)
		return -1;
	if (dash != NULL && (store_id_number(dash + 1, n - head - 1, &gen) ==
	    -1 || gen == 0 || gen > UINT16_MAX))
		return -1;
	*id = eid << 16 | gen;
	return 0;
}

size_t
store_id_thread(uint64_t tid, char out[STORE_IDLEN])
{
	return store_id_object('T', tid, out);
}

int
store_id_thread_get(const char *s, size_t n, uint64_t *tid)
{
	return store_id_object_get('T', s, n, tid);
}

size_t
store_id_mailbox(uint32_t mbid, char out[STORE_IDLEN])
{
	return store_id_object('M', mbid, out);
}

int
store_id_mailbox_get(const char *s, size_t n, uint32_t *mbid)
{
	uint64_t	 x;

	/* 0 means all mail, and no mailbox, inside */
	if (store_id_object_get('M', s, n, &x) == -1 || x == 0 ||
	    x > UINT32_MAX)
		return -1;
	*mbid = (uint32_t)x;
	return 0;
}

size_t
store_id_blob(const uint8_t hash[STORE_HASHLEN], char out[STORE_IDLEN])
{
	out[0] = 'G';
	return 1 + enc_b64url(hash, STORE_HASHLEN, out + 1);
}

int
store_id_blob_get(const char *s, size_t n, uint8_t hash[STORE_HASHLEN])
{
	if (n != 1 + ENC_B64URL_LEN(STORE_HASHLEN) || s[0] != 'G')
		return -1;
	return enc_b64url_get(s + 1, n - 1, hash, STORE_HASHLEN) ==
	    STORE_HASHLEN ? 0 : -1;
}

/* --- lists --------------------------------------------------------------- */

void
store_ids_free(struct store_ids *ids)
{
	free(ids->v);
	memset(ids, 0, sizeof(*ids));
}

int
store_ids_add(struct store_ids *ids, uint64_t x)
{
	uint64_t	*v;
	size_t		 cap;

	if (ids->n == ids->cap) {
		cap = ids->cap == 0 ? 64 : ids->cap * 2;
		if ((v = reallocarray(ids->v, cap, sizeof(*v))) == NULL)
			return -1;
		ids->v = v;
		ids->cap = cap;
	}
	ids->v[ids->n++] = x;
	return 0;
}

static int
store_id_cmp(const void *a, const void *b)
{
	uint64_t	 x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void
store_ids_sort(struct store_ids *ids)
{
	size_t	 i, n = 0;

	for (i = 1; i < ids->n && ids->v[i - 1] < ids->v[i]; i++)
		;
	if (i >= ids->n)		/* most lists come sorted */
		return;
	qsort(ids->v, ids->n, sizeof(*ids->v), store_id_cmp);
	for (i = 0; i < ids->n; i++)
		if (n == 0 || ids->v[n - 1] != ids->v[i])
			ids->v[n++] = ids->v[i];
	ids->n = n;
}

/* Keep of a what is in b, too; both sorted. */
void
store_ids_and(struct store_ids *a, const struct store_ids *b)
{
	size_t	 i, j = 0, n = 0;

	for (i = 0; i < a->n; i++) {
		while (j < b->n && b->v[j] < a->v[i])
			j++;
		if (j < b->n && b->v[j] == a->v[i])
			a->v[n++] = a->v[i];
	}
	a->n = n;
}

int
store_ids_has(const struct store_ids *ids, uint64_t x)
{
	return ids->n > 0 && bsearch(&x, ids->v, ids->n, sizeof(x),
	    store_id_cmp) != NULL;
}

/* --- sets ---------------------------------------------------------------- */

static size_t
store_set_slot(const struct store_set *s, uint64_t x)
{
	size_t	 i = (size_t)(x * UINT64_C(0x9e3779b97f4a7c15) >> 20);

	for (i &= s->cap - 1; s->v[i] != 0 && s->v[i] != x + 1;)
		i = (i + 1) & (s->cap - 1);
	return i;
}

static int
store_set_grow(struct store_set *s)
{
	struct store_set	 old = *s;
	size_t			 i;

	s->cap = old.cap == 0 ? 64 : old.cap * 2;
	if ((s->v = calloc(s->cap, sizeof(*s->v))) == NULL) {
		*s = old;
		return -1;
	}
	for (i = 0; i < old.cap; i++)
		if (old.v[i] != 0)
			s->v[store_set_slot(s, old.v[i] - 1)] = old.v[i];
	free(old.v);
	return 0;
}

int
store_set_add(struct store_set *s, uint64_t x)
{
	size_t	 i;

	if (s->n * 2 >= s->cap && store_set_grow(s) == -1)
		return -1;
	i = store_set_slot(s, x);
	if (s->v[i] != 0)
		return 0;
	s->v[i] = x + 1;
	s->n++;
	return 1;
}

void
store_set_free(struct store_set *s)
{
	free(s->v);
	memset(s, 0, sizeof(*s));
}
