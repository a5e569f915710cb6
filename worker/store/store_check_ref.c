/* SPDX-License-Identifier: ISC */
/*
 * Do the I rows say of each message id which thread knows it, and how many
 * mails say so?
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/store/store_check.h"

#define REF_LEN		20	/* h64 h32 tid, as store_check_keep wrote */
#define KEY_LEN		12
#define VAL_LEN		12

static int		 store_check_ref_cmp(const void *, const void *);
static enum store_err	 store_check_ref(struct store_checker *,
			    const uint8_t *, uint32_t);
static enum store_err	 store_check_ref_stray(struct store_checker *,
			    struct slice, struct slice);

static int
store_check_ref_cmp(const void *a, const void *b)
{
	return memcmp(a, b, REF_LEN);
}

/* One id, said by n mails. */
static enum store_err
store_check_ref(struct store_checker *c, const uint8_t *ref, uint32_t n)
{
	struct store_key	 k;
	struct slice		 v;
	uint8_t			 b[VAL_LEN];
	enum store_err		 e;

	memcpy(b, ref + KEY_LEN, 8);
	store_put32(b + 8, n);
	store_key_msgid(&k, store_get64(ref), store_get32(ref + 8));
	if ((e = store_get(c->txn, &k, &v)) != STORE_OK && e != STORE_NOTFOUND)
		return e;
	if (e == STORE_OK && v.n == VAL_LEN && memcmp(v.p, b, VAL_LEN) == 0)
		return STORE_OK;
	store_check_say(c, "message-id row of thread %llu: %s",
	    (unsigned long long)store_get64(b),
	    e == STORE_OK ? "differs" : "missing");
	return store_check_fix(c, &k, b, VAL_LEN);
}

static enum store_err
store_check_ref_stray(struct store_checker *c, struct slice k, struct slice v)
{
	const uint8_t		*base = c->refs.data, *p = k.p;
	struct store_key	 key;
	size_t			 lo = 0, hi = c->refs.len / REF_LEN, mid;

	(void)v;
	while (k.n == 1 + KEY_LEN && lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (memcmp(base + mid * REF_LEN, p + 1, KEY_LEN) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (k.n == 1 + KEY_LEN && lo < c->refs.len / REF_LEN &&
	    memcmp(base + lo * REF_LEN, p + 1, KEY_LEN) == 0)
		return STORE_OK;
	store_check_say(c, "message-id row: stray");
	memcpy(key.b, p, key.n = k.n < sizeof(key.b) ? k.n : sizeof(key.b));
	return store_check_fix(c, &key, NULL, 0);
}

enum store_err
store_check_refs(struct store_checker *c)
{
	const uint8_t	*v;
	enum store_err	 e;
	size_t		 i, j, n = c->refs.len / REF_LEN;

	if (n > 0)
		qsort(c->refs.data, n, REF_LEN, store_check_ref_cmp);
	v = c->refs.data;
	for (i = 0; i < n; i = j) {
		for (j = i + 1; j < n && memcmp(v + i * REF_LEN,
		    v + j * REF_LEN, KEY_LEN) == 0; j++)
			if (memcmp(v + i * REF_LEN, v + j * REF_LEN,
			    REF_LEN) != 0)
				store_check_say(c, "threads %llu and %llu "
				    "know the same message", (unsigned long
				    long)store_get64(v + i * REF_LEN + KEY_LEN),
				    (unsigned long long)store_get64(v +
				    j * REF_LEN + KEY_LEN));
		if ((e = store_check_ref(c, v + i * REF_LEN,
		    (uint32_t)(j - i))) != STORE_OK)
			return e;
	}
	return store_check_each(c, 'I', store_check_ref_stray);
}
