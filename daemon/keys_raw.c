/* SPDX-License-Identifier: ISC */
/*
 * Digests signed for old libraries: see keys_raw.h.  What is signed cannot be
 * seen here, only that it has the shape of what TLS signs; a worker that has
 * been taken over can have other texts signed, so an installation that can
 * choose should have OpenSSL 3.
 */
#include "common/compat.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "common/msg.h"
#include "daemon/keys_raw.h"

#ifdef TLS_LEGACY
#define KEYS_RAW	1
#else
#define KEYS_RAW	0
#endif

static int	raw_pkcs1(EVP_PKEY *, const uint8_t *, size_t);
static int	raw_pss(EVP_PKEY *, const uint8_t *, size_t);
static int	raw_ecdsa(EVP_PKEY *, const uint8_t *, size_t);

static const struct raw_scheme {
	uint32_t	 scheme;
	int		 type;		/* EVP_PKEY_* */
	int		 padding;	/* RSA_*, 0: none to set */
	int		(*ok)(EVP_PKEY *, const uint8_t *, size_t);
} raw_schemes[] = {
	{ MSG_SIGN_PKCS1, EVP_PKEY_RSA, RSA_PKCS1_PADDING, raw_pkcs1 },
	{ MSG_SIGN_PSS, EVP_PKEY_RSA, RSA_NO_PADDING, raw_pss },
	{ MSG_SIGN_ECDSA, EVP_PKEY_EC, 0, raw_ecdsa },
};

/* RFC 8017 9.2: DigestInfo without the digest: SHA-256, 384, 512. */
static const struct raw_info {
	uint8_t		 head[19];
	size_t		 digest;	/* bytes */
} raw_infos[] = {
	{ { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
	    0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 }, 32 },
	{ { 0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
	    0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30 }, 48 },
	{ { 0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
	    0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40 }, 64 },
};

static const struct raw_scheme *
raw_find(uint32_t scheme)
{
	size_t	 i;

	for (i = 0; KEYS_RAW && i < nitems(raw_schemes); i++)
		if (raw_schemes[i].scheme == scheme)
			return &raw_schemes[i];
	return NULL;
}

int
keys_raw_is(uint32_t scheme)
{
	return raw_find(scheme) != NULL;
}

int
keys_raw_ok(EVP_PKEY *pk, uint32_t scheme, const uint8_t *p, size_t n)
{
	const struct raw_scheme	*s = raw_find(scheme);

	return s != NULL && EVP_PKEY_base_id(pk) == s->type && s->ok(pk, p, n);
}

static int
raw_pkcs1(EVP_PKEY *pk, const uint8_t *p, size_t n)
{
	const struct raw_info	*i;

	(void)pk;
	for (i = raw_infos; i < raw_infos + nitems(raw_infos); i++)
		if (n == sizeof(i->head) + i->digest &&
		    memcmp(p, i->head, sizeof(i->head)) == 0)
			return 1;
	return 0;
}

/* RFC 8017 9.1.1: below the modulus, and the last octet is 0xbc. */
static int
raw_pss(EVP_PKEY *pk, const uint8_t *p, size_t n)
{
	return n == (size_t)EVP_PKEY_size(pk) && n >= 128 &&
	    (p[0] & 0x80) == 0 && p[n - 1] == 0xbc;
}

static int
raw_ecdsa(EVP_PKEY *pk, const uint8_t *p, size_t n)
{
	(void)pk;
	(void)p;
	return n == 32 || n == 48 || n == 64;
}

int
keys_raw_make(EVP_PKEY *pk, uint32_t scheme, const uint8_t *p, size_t n,
    uint8_t *sig, size_t *len)
{
	const struct raw_scheme	*s = raw_find(scheme);
	EVP_PKEY_CTX		*ctx = EVP_PKEY_CTX_new(pk, NULL);
	int			 ok;

	ok = s != NULL && ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
	    (s->padding == 0 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, s->padding) == 1) &&
	    EVP_PKEY_sign(ctx, sig, len, p, n) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -1;
}
