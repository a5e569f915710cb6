/* SPDX-License-Identifier: ISC */
/*
 * Keys that live in the keys process for a library without providers, as
 * LibreSSL: an RSA_METHOD and an EC_KEY_METHOD: see tls_key.h.  The library
 * gives such a method a digest or a padded block, not the text, so keys can
 * only check its shape (keys_raw.c).  No Ed25519: LibreSSL has no method for
 * it.  Compiles against OpenSSL 3, too (make TLS_LEGACY=1), to be tested.
 */
#include "common/compat.h"

#ifdef TLS_LEGACY

#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "common/log.h"
#include "common/msg.h"
#include "worker/tls_key.h"
#include "worker/tls_sign.h"

/* What keys calls the key; hangs on the library's object. */
struct key_name {
	uint32_t	 id, generation;
};

static int	 rsa_sign(int, const unsigned char *, unsigned char *, RSA *,
		    int);
static int	 rsa_never(int, const unsigned char *, unsigned char *, RSA *,
		    int);
static int	 ec_sign(int, const unsigned char *, int, unsigned char *,
		    unsigned int *, const BIGNUM *, const BIGNUM *, EC_KEY *);
static EVP_PKEY	*key_rsa(EVP_PKEY *, struct key_name *);
static EVP_PKEY	*key_ec(EVP_PKEY *, struct key_name *);
static void	 key_free(void *, void *, CRYPTO_EX_DATA *, int, long, void *);

static RSA_METHOD	*rsa_method;
static EC_KEY_METHOD	*ec_method;
static int		 rsa_index, ec_index;

void
tls_key_init(void)
{
	int	 (*sign)(int, const unsigned char *, int, unsigned char *,
		    unsigned int *, const BIGNUM *, const BIGNUM *, EC_KEY *);
	int	 (*setup)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **);
	ECDSA_SIG *(*sig)(const unsigned char *, int, const BIGNUM *,
		    const BIGNUM *, EC_KEY *);

	rsa_method = RSA_meth_dup(RSA_get_default_method());
	ec_method = EC_KEY_METHOD_new(EC_KEY_get_default_method());
	rsa_index = RSA_get_ex_new_index(0, NULL, NULL, NULL, key_free);
	ec_index = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, key_free);
	if (rsa_method == NULL || ec_method == NULL || rsa_index == -1 ||
	    ec_index == -1 ||
	    RSA_meth_set_priv_enc(rsa_method, rsa_sign) != 1 ||
	    RSA_meth_set_priv_dec(rsa_method, rsa_never) != 1)
		fatalx("the TLS library takes no key method");
	EC_KEY_METHOD_get_sign(ec_method, &sign, &setup, &sig);
	EC_KEY_METHOD_set_sign(ec_method, ec_sign, setup, sig);
}

static void
key_free(void *parent, void *p, CRYPTO_EX_DATA *ad, int at, long n, void *arg)
{
	(void)parent;
	(void)ad;
	(void)at;
	(void)n;
	(void)arg;
	free(p);
}

/* The length, or -1.  RSA_sign gives a DigestInfo, PSS a padded block. */
static int
rsa_sign(int len, const unsigned char *from, unsigned char *to, RSA *rsa,
    int padding)
{
	const struct key_name	*k = RSA_get_ex_data(rsa, rsa_index);
	uint32_t		 how;
	size_t			 n;

	switch (padding) {
	case RSA_PKCS1_PADDING:
		how = MSG_SIGN_PKCS1;
		break;
	case RSA_NO_PADDING:
		how = MSG_SIGN_PSS;
		break;
	default:
		return -1;
	}
	if (k == NULL || len <= 0)
		return -1;
	n = tls_sign(k->id, k->generation, how, from, (size_t)len, to,
	    (size_t)RSA_size(rsa));
	return n == 0 ? -1 : (int)n;
}

/* No suite has us decrypt (tls_profile.c). */
static int
rsa_never(int len, const unsigned char *from, unsigned char *to, RSA *rsa,
    int padding)
{
	(void)len;
	(void)from;
	(void)to;
	(void)rsa;
	(void)padding;
	return -1;
}

static int
ec_sign(int type, const unsigned char *digest, int len, unsigned char *sig,
    unsigned int *siglen, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
	const struct key_name	*k = EC_KEY_get_ex_data(ec, ec_index);

	(void)type;
	(void)kinv;
	(void)r;
	if (k == NULL || len <= 0)
		return 0;
	*siglen = (unsigned int)tls_sign(k->id, k->generation,
	    MSG_SIGN_ECDSA, digest, (size_t)len, sig,
	    (size_t)ECDSA_size(ec));
	return *siglen > 0;
}

EVP_PKEY *
tls_key_new(X509 *x, uint32_t generation, uint32_t id)
{
	EVP_PKEY	*pub = X509_get0_pubkey(x), *key = NULL;
	struct key_name	*name;

	if (pub == NULL || (name = calloc(1, sizeof(*name))) == NULL)
		return NULL;
	name->id = id;
	name->generation = generation;
	if (EVP_PKEY_base_id(pub) == EVP_PKEY_RSA)
		key = key_rsa(pub, name);
	else if (EVP_PKEY_base_id(pub) == EVP_PKEY_EC)
		key = key_ec(pub, name);
	if (key == NULL)
		free(name);
	return key;
}

/* On success the name is the key's. */
static EVP_PKEY *
key_rsa(EVP_PKEY *pub, struct key_name *name)
{
	RSA		*from = EVP_PKEY_get1_RSA(pub), *rsa = NULL;
	EVP_PKEY	*key = EVP_PKEY_new();

	if (from == NULL || key == NULL ||
	    (rsa = RSAPublicKey_dup(from)) == NULL ||
	    RSA_set_method(rsa, rsa_method) != 1 ||
	    EVP_PKEY_set1_RSA(key, rsa) != 1 ||
	    RSA_set_ex_data(rsa, rsa_index, name) != 1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	RSA_free(rsa);
	RSA_free(from);
	return key;
}

static EVP_PKEY *
key_ec(EVP_PKEY *pub, struct key_name *name)
{
	EC_KEY		*from = EVP_PKEY_get1_EC_KEY(pub), *ec = NULL;
	EVP_PKEY	*key = EVP_PKEY_new();

	if (from == NULL || key == NULL ||
	    (ec = EC_KEY_dup(from)) == NULL ||
	    EC_KEY_set_method(ec, ec_method) != 1 ||
	    EVP_PKEY_set1_EC_KEY(key, ec) != 1 ||
	    EC_KEY_set_ex_data(ec, ec_index, name) != 1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	EC_KEY_free(ec);
	EC_KEY_free(from);
	return key;
}
#endif /* TLS_LEGACY */
