/* SPDX-License-Identifier: ISC */
/*
 * Search words of any bytes: each is UTF-8, short, not empty, once a mail;
 * cutting the words again gives the same words; ids have one spelling.
 */
#include "common/compat.h"

#include <assert.h>
#include <string.h>

#include "common/utf8.h"
#include "worker/store/store_int.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_terms(const uint8_t *p, size_t n, int query)
{
	struct store_terms	 t, again;
	size_t			 i;

	store_token_init(&t);
	assert(store_token_add(&t, SLICE(p, n), STORE_IN_BODY, query) == 0);
	for (i = 0; i < t.n; i++) {
		p = store_token_bytes(&t, i);
		assert(t.v[i].len > 0 && t.v[i].len <= 64);
		assert(utf8_valid(p, t.v[i].len));
		assert(query || !t.v[i].prefix);
		store_token_init(&again);
		assert(store_token_add(&again, SLICE(p, t.v[i].len),
		    STORE_IN_BODY, 0) == 0);
		assert(again.n >= 1);
		store_token_free(&again);
	}
	store_token_free(&t);
}

static void
check_ids(const uint8_t *p, size_t n)
{
	char		 out[STORE_IDLEN];
	uint8_t		 hash[STORE_HASHLEN];
	uint64_t	 id;

	if (store_id_mail_get((const char *)p, n, &id) == 0)
		assert(store_id_mail(id, out) == n && memcmp(out, p, n) == 0);
	if (store_id_blob_get((const char *)p, n, hash) == 0)
		assert(store_id_blob(hash, out) == n &&
		    memcmp(out, p, n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	check_terms(p, n, 0);
	check_terms(p, n, 1);
	check_ids(p, n);
	return 0;
}
