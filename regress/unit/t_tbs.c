/* SPDX-License-Identifier: ISC */
/* daemon/tbs.c: keys signs a TLS server's handshake and nothing else. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bn.h>

#include "daemon/daemon.h"

#define SERVER	"TLS 1.3, server CertificateVerify"
#define CLIENT	"TLS 1.3, client CertificateVerify"

static const struct verify_row {
	const char	*what;
	const char	*context;
	size_t		 spaces, hash;
	int		 nul;
	uint32_t	 scheme;
	int		 ok;
} verify_rows[] = {
	{ "server, sha256", SERVER, 64, 32, 1, 0x0403, 1 },
	{ "server, sha384", SERVER, 64, 48, 1, 0x0804, 1 },
	{ "ed25519", SERVER, 64, 32, 1, 0x0807, 1 },
	{ "no hash is of 64 bytes", SERVER, 64, 64, 1, 0x0403, 0 },
	{ "one byte short", SERVER, 64, 31, 1, 0x0403, 0 },
	{ "one byte more", SERVER, 64, 33, 1, 0x0403, 0 },
	{ "no hash", SERVER, 64, 0, 1, 0x0403, 0 },
	{ "a client's", CLIENT, 64, 32, 1, 0x0403, 0 },
	{ "63 spaces", SERVER, 63, 33, 1, 0x0403, 0 },
	{ "65 spaces", SERVER, 65, 31, 1, 0x0403, 0 },
	{ "no NUL", SERVER, 64, 33, 0, 0x0403, 0 },
	{ "PKCS1 in TLS 1.3", SERVER, 64, 32, 1, 0x0401, 0 },
};

static void
certificate_verify_of_a_server_only(void **state)
{
	const struct verify_row	*r;
	uint8_t			 b[512];
	size_t			 i, n;

	(void)state;
	for (i = 0; i < nitems(verify_rows); i++) {
		r = &verify_rows[i];
		memset(b, ' ', r->spaces);
		n = r->spaces;
		memcpy(b + n, r->context, strlen(r->context));
		n += strlen(r->context);
		if (r->nul)
			b[n++] = 0;
		memset(b + n, 0xaa, r->hash);
		n += r->hash;
		if (tbs_ok(r->scheme, b, n) != r->ok)
			fail_msg("%s", r->what);
	}
}

static const struct exchange_row {
	const char	*what;
	uint8_t		 head[5];	/* after the randoms */
	size_t		 point;		/* bytes after the length byte */
	int		 ok;
} exchange_rows[] = {
	{ "x25519", { 3, 0, 0x1d, 32, 9 }, 32, 1 },
	{ "x448", { 3, 0, 0x1e, 56, 9 }, 56, 1 },
	{ "secp256r1", { 3, 0, 0x17, 65, 4 }, 65, 1 },
	{ "secp384r1", { 3, 0, 0x18, 97, 4 }, 97, 1 },
	{ "secp521r1", { 3, 0, 0x19, 133, 4 }, 133, 1 },
	{ "a compressed point", { 3, 0, 0x17, 65, 2 }, 65, 0 },
	{ "an unknown group", { 3, 0, 0x16, 65, 4 }, 65, 0 },
	{ "explicit_prime", { 1, 0, 0x17, 65, 4 }, 65, 0 },
	{ "a wrong length", { 3, 0, 0x1d, 33, 9 }, 33, 0 },
	{ "a short point", { 3, 0, 0x1d, 32, 9 }, 31, 0 },
	{ "a byte behind", { 3, 0, 0x1d, 32, 9 }, 33, 0 },
	{ "no point", { 3, 0, 0x1d, 0, 0 }, 0, 0 },
};

static void
key_exchange_of_named_curves_only(void **state)
{
	const struct exchange_row	*r;
	uint8_t				 b[512];
	size_t				 i;

	(void)state;
	for (i = 0; i < nitems(exchange_rows); i++) {
		r = &exchange_rows[i];
		memset(b, 0x55, sizeof(b));
		memcpy(b + 64, r->head, sizeof(r->head));
		if (tbs_ok(0x0401, b, 64 + 4 + r->point) != r->ok)
			fail_msg("%s", r->what);
	}
}

/* ServerDHParams behind the randoms: a prime of RFC 3526, a generator. */
static size_t
dh_params(uint8_t *b, BIGNUM *prime, int g, size_t ylen)
{
	size_t	 n = 64, len = (size_t)BN_num_bytes(prime);

	memset(b, 0x55, 64);
	b[n++] = (uint8_t)(len >> 8);
	b[n++] = (uint8_t)len;
	n += (size_t)BN_bn2bin(prime, b + n);
	b[n++] = 0;
	b[n++] = 1;
	b[n++] = (uint8_t)g;
	b[n++] = (uint8_t)(ylen >> 8);
	b[n++] = (uint8_t)ylen;
	memset(b + n, 0x77, ylen);
	BN_free(prime);
	return n + ylen;
}

static void
finite_fields_are_known_ones(void **state)
{
	uint8_t	 b[4096];
	size_t	 n;

	(void)state;
	n = dh_params(b, BN_get_rfc3526_prime_2048(NULL), 2, 256);
	assert_true(tbs_dhe(b, n));
	/* never by itself: only where DHE is configured */
	assert_false(tbs_ok(0x0401, b, n));
	assert_false(tbs_dhe(b, n - 1));
	assert_false(tbs_dhe(b, n + 1));
	b[64 + 2 + 255] ^= 2;
	assert_false(tbs_dhe(b, n));
	n = dh_params(b, BN_get_rfc3526_prime_8192(NULL), 2, 1024);
	assert_true(tbs_dhe(b, n));
	n = dh_params(b, BN_get_rfc3526_prime_2048(NULL), 5, 256);
	assert_false(tbs_dhe(b, n));
	n = dh_params(b, BN_get_rfc3526_prime_2048(NULL), 2, 257);
	assert_false(tbs_dhe(b, n));
	n = dh_params(b, BN_get_rfc3526_prime_2048(NULL), 2, 0);
	assert_false(tbs_dhe(b, n));
	n = dh_params(b, BN_get_rfc3526_prime_1536(NULL), 2, 192);
	assert_false(tbs_dhe(b, n));
	for (n = 0; n < 80; n++)
		assert_false(tbs_dhe(b, n));
}

static void
nothing_short_is_signed(void **state)
{
	uint8_t	 b[96];
	size_t	 n;

	(void)state;
	memset(b, 3, sizeof(b));
	for (n = 0; n < sizeof(b); n++)
		assert_int_equal(tbs_ok(0x0804, b, n), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(certificate_verify_of_a_server_only),
		cmocka_unit_test(key_exchange_of_named_curves_only),
		cmocka_unit_test(finite_fields_are_known_ones),
		cmocka_unit_test(nothing_short_is_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
