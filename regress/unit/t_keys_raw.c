/* SPDX-License-Identifier: ISC */
/*
 * daemon/keys_raw.c: with TLS_LEGACY digests of the shape that TLS signs, and
 * nothing else, are signed; without it none is.
 */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "common/msg.h"
#include "daemon/keys_raw.h"

#ifdef TLS_LEGACY
#define YES	1
#else
#define YES	0
#endif

#define RSA_LEN	256

static const uint8_t	sha256_info[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09,
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
    0x20 };

/* head, then zeros up to len, then last in the last octet */
static const struct {
	const char	*what;
	int		 rsa;
	uint32_t	 scheme;
	size_t		 head, len;
	uint8_t		 first, last;
	int		 ok;
} cases[] = {
	{ "a DigestInfo", 1, MSG_SIGN_PKCS1, 19, 51, 0x30, 7, YES },
	{ "a longer one", 1, MSG_SIGN_PKCS1, 19, 52, 0x30, 7, 0 },
	{ "a bare digest", 1, MSG_SIGN_PKCS1, 0, 32, 0, 7, 0 },
	{ "no text", 1, MSG_SIGN_PKCS1, 0, 0, 0, 0, 0 },
	{ "a PSS block", 1, MSG_SIGN_PSS, 0, RSA_LEN, 0x7f, 0xbc, YES },
	{ "not its trailer", 1, MSG_SIGN_PSS, 0, RSA_LEN, 0x7f, 0xbd, 0 },
	{ "over the modulus", 1, MSG_SIGN_PSS, 0, RSA_LEN, 0xff, 0xbc, 0 },
	{ "a short block", 1, MSG_SIGN_PSS, 0, RSA_LEN - 1, 0x7f, 0xbc, 0 },
	{ "the empty block", 1, MSG_SIGN_PSS, 0, 0, 0, 0, 0 },
	{ "SHA-256", 0, MSG_SIGN_ECDSA, 0, 32, 1, 2, YES },
	{ "SHA-512", 0, MSG_SIGN_ECDSA, 0, 64, 1, 2, YES },
	{ "SHA-1", 0, MSG_SIGN_ECDSA, 0, 20, 1, 2, 0 },
	{ "the other key", 1, MSG_SIGN_ECDSA, 0, 32, 1, 2, 0 },
	{ "the other key", 0, MSG_SIGN_PSS, 0, RSA_LEN, 0x7f, 0xbc, 0 },
	{ "no such scheme", 0, 0x0403, 0, 32, 1, 2, 0 },
};

static void
test_only_what_tls_signs_has_such_a_shape(void **state)
{
	EVP_PKEY	*key[2];
	uint8_t		 p[RSA_LEN], sig[RSA_LEN];
	size_t		 i, n;

	(void)state;
	key[0] = EVP_EC_gen("P-256");
	key[1] = EVP_RSA_gen(RSA_LEN * 8);
	for (i = 0; i < nitems(cases); i++) {
		memset(p, 0, sizeof(p));
		p[0] = cases[i].first;
		if (cases[i].len > 0)
			p[cases[i].len - 1] = cases[i].last;
		memcpy(p, sha256_info, cases[i].head);
		if (keys_raw_ok(key[cases[i].rsa], cases[i].scheme, p,
		    cases[i].len) != cases[i].ok)
			fail_msg("%s", cases[i].what);
		n = sizeof(sig);
		if (cases[i].ok && (keys_raw_make(key[cases[i].rsa],
		    cases[i].scheme, p, cases[i].len, sig, &n) != 0 || n == 0))
			fail_msg("%s: no signature", cases[i].what);
	}
	EVP_PKEY_free(key[0]);
	EVP_PKEY_free(key[1]);
}

static void
test_schemes_are_known_only_where_needed(void **state)
{
	(void)state;
	assert_int_equal(keys_raw_is(MSG_SIGN_PKCS1), YES);
	assert_int_equal(keys_raw_is(MSG_SIGN_ECDSA), YES);
	assert_int_equal(keys_raw_is(0x0403), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_only_what_tls_signs_has_such_a_shape),
		cmocka_unit_test(test_schemes_are_known_only_where_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
