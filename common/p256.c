/* SPDX-License-Identifier: ISC */
/*
 * P-256: see p256.h.  Keys are made from DER, which is the one way that
 * OpenSSL 3 and LibreSSL share; reading it checks that a point is on the
 * curve.  Called by push and, for a client's keys, by workers.
 */
#include "common/compat.h"

#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "common/p256.h"

#define DER_HEAD	26	/* of a SubjectPublicKeyInfo */

/* RFC 5480: id-ecPublicKey, prime256v1, a BIT STRING of 65 bytes. */
static const uint8_t	der_head[DER_HEAD] = {
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
	0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
	0x07, 0x03, 0x42, 0x00
};

EVP_PKEY *
p256_public(const uint8_t point[P256_POINT])
{
	uint8_t		 der[DER_HEAD + P256_POINT];
	const uint8_t	*p = der;
	EVP_PKEY	*pk;

	if (point[0] != 4)	/* uncompressed */
		return NULL;
	memcpy(der, der_head, DER_HEAD);
	memcpy(der + DER_HEAD, point, P256_POINT);
	if ((pk = d2i_PUBKEY(NULL, &p, sizeof(der))) == NULL)
		ERR_clear_error();
	return pk;
}

int
p256_point(EVP_PKEY *pk, uint8_t out[P256_POINT])
{
	uint8_t	*der = NULL;
	int	 len, ret = -1;

	len = i2d_PUBKEY(pk, &der);
	if (len == DER_HEAD + P256_POINT &&
	    memcmp(der, der_head, DER_HEAD) == 0 && der[DER_HEAD] == 4) {
		memcpy(out, der + DER_HEAD, P256_POINT);
		ret = 0;
	}
	OPENSSL_free(der);
	return ret;
}

EVP_PKEY *
p256_new(void)
{
	EVP_PKEY_CTX	*ctx;
	EVP_PKEY	*pk = NULL;

	if ((ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL)) == NULL ||
	    EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx,
	    NID_X9_62_prime256v1) != 1 || EVP_PKEY_keygen(ctx, &pk) != 1) {
		ERR_clear_error();
		pk = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return pk;
}
