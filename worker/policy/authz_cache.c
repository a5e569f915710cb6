/* SPDX-License-Identifier: ISC */
/*
 * Good answers of the auth process, remembered: see authz.h.  Least recently
 * used go first.  MSG_REVOKE drops what is out of date.
 */
#include "common/compat.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "worker/policy/authz.h"

#define CACHE_SLOTS	1024	/* chains of the hash table */

struct cached {
	LIST_ENTRY(cached)	 chain;
	TAILQ_ENTRY(cached)	 age;
	uint8_t			 key[AUTHZ_KEY];
	int64_t			 until;		/* ms, monotonic */
	struct req_user		 user;
};

static LIST_HEAD(, cached)	 cache_slots[CACHE_SLOTS];
static TAILQ_HEAD(cached_list, cached) cache_age =
    TAILQ_HEAD_INITIALIZER(cache_age);		/* most recent first */
static size_t			 cache_n;

static void	 cache_hmac(const void *, size_t, uint8_t [AUTHZ_KEY]);
static EVP_MD_CTX	*cache_state(const uint8_t [64]);
static struct cached	*cache_find(const uint8_t [AUTHZ_KEY]);
static void		 cache_free(struct cached *);

static size_t
cache_slot(const uint8_t key[AUTHZ_KEY])
{
	return (size_t)(key[0] << 8 | key[1]) % CACHE_SLOTS;
}

void
authz_cache_key(uint8_t out[AUTHZ_KEY], const char *user, const char *secret)
{
	uint8_t		 in[AUTHZ_USER + AUTHZ_SECRET];
	size_t		 nu = strlen(user) + 1, ns = strlen(secret);

	if (nu > AUTHZ_USER || ns > AUTHZ_SECRET)
		fatalx("authz: a credential too long");
	memcpy(in, user, nu);		/* with its NUL: no two meet */
	memcpy(in + nu, secret, ns);
	cache_hmac(in, nu + ns, out);
	explicit_bzero(in, sizeof(in));
}

/*
 * HMAC-SHA-256 (RFC 2104) under a random key of this process, which has a
 * whole block's length.  Both keyed states are made once and copied: the
 * library's HMAC() looks the algorithm up each time, which costs 2 us.
 */
static void
cache_hmac(const void *in, size_t len, uint8_t out[AUTHZ_KEY])
{
	static EVP_MD_CTX	*inner, *outer, *work;
	uint8_t			 key[64], pad[64], mid[AUTHZ_KEY];
	size_t			 i;

	if (work == NULL) {
		arc4random_buf(key, sizeof(key));
		for (i = 0; i < sizeof(pad); i++)
			pad[i] = key[i] ^ 0x36;
		inner = cache_state(pad);
		for (i = 0; i < sizeof(pad); i++)
			pad[i] = key[i] ^ 0x5c;
		outer = cache_state(pad);
		work = EVP_MD_CTX_new();
		explicit_bzero(key, sizeof(key));
		explicit_bzero(pad, sizeof(pad));
	}
	if (EVP_MD_CTX_copy_ex(work, inner) != 1 ||
	    EVP_DigestUpdate(work, in, len) != 1 ||
	    EVP_DigestFinal_ex(work, mid, NULL) != 1 ||
	    EVP_MD_CTX_copy_ex(work, outer) != 1 ||
	    EVP_DigestUpdate(work, mid, sizeof(mid)) != 1 ||
	    EVP_DigestFinal_ex(work, out, NULL) != 1)
		fatalx("HMAC");
}

static EVP_MD_CTX *
cache_state(const uint8_t pad[64])
{
	EVP_MD_CTX	*c = EVP_MD_CTX_new();

	if (c == NULL || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(c, pad, 64) != 1)
		fatalx("HMAC");
	return c;
}

void
authz_cache_put(const uint8_t key[AUTHZ_KEY], const struct auth_ask_who *who,
    int64_t now)
{
	struct cached	*c;

	if (who->ttl_ms == 0)
		return;
	if ((c = cache_find(key)) != NULL)
		cache_free(c);
	while (cache_n >= AUTHZ_CACHE)
		cache_free(TAILQ_LAST(&cache_age, cached_list));
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return;
	memcpy(c->key, key, AUTHZ_KEY);
	c->until = now + who->ttl_ms;
	c->user.account = who->account;
	c->user.perms = who->perms;
	memcpy(c->user.handle, who->handle, MSG_HANDLE);
	strlcpy(c->user.login, who->login, sizeof(c->user.login));
	LIST_INSERT_HEAD(&cache_slots[cache_slot(key)], c, chain);
	TAILQ_INSERT_HEAD(&cache_age, c, age);
	cache_n++;
}

int
authz_cache_get(const uint8_t key[AUTHZ_KEY], int64_t now,
    struct req_user *user)
{
	struct cached	*c;

	if ((c = cache_find(key)) == NULL)
		return 0;
	if (c->until <= now) {
		cache_free(c);
		return 0;
	}
	TAILQ_REMOVE(&cache_age, c, age);
	TAILQ_INSERT_HEAD(&cache_age, c, age);
	*user = c->user;
	return 1;
}

void
authz_cache_drop(uint64_t account)
{
	struct cached	*c, *next;

	for (c = TAILQ_FIRST(&cache_age); c != NULL; c = next) {
		next = TAILQ_NEXT(c, age);
		if (account == 0 || c->user.account == account)
			cache_free(c);
	}
}

size_t
authz_cache_count(void)
{
	return cache_n;
}

static struct cached *
cache_find(const uint8_t key[AUTHZ_KEY])
{
	struct cached	*c;

	LIST_FOREACH(c, &cache_slots[cache_slot(key)], chain)
		if (timingsafe_bcmp(c->key, key, AUTHZ_KEY) == 0)
			return c;
	return NULL;
}

static void
cache_free(struct cached *c)
{
	LIST_REMOVE(c, chain);
	TAILQ_REMOVE(&cache_age, c, age);
	cache_n--;
	freezero(c, sizeof(*c));
}
