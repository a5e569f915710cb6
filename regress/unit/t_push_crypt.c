/* SPDX-License-Identifier: ISC */
/* daemon/push_crypt.c and push_vapid.c: RFC 8291's example, and tokens that
 * their own public key verifies. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "common/enc.h"
#include "common/js.h"
#include "common/log.h"
#include "daemon/push_crypt.h"
#include "daemon/push_vapid.h"

static size_t	b64(const char *, uint8_t *, size_t);
static EVP_PKEY	*sender(void);

static const char	ua_public[] = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzOR"
			    "cxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
static const char	auth_secret[] = "BTBZMqHH6r4Tts7J_aSIgg";
static const char	plain[] = "When I grow up, I want to be a watermelon";

static size_t
b64(const char *s, uint8_t *out, size_t max)
{
	ssize_t	 n = enc_b64url_get(s, strlen(s), out, max);

	assert_true(n > 0);
	return (size_t)n;
}

/* RFC 8291 5: the application server's key, as RFC 5915 DER. */
static EVP_PKEY *
sender(void)
{
	static const uint8_t	 head[] = { 0x30, 0x77, 0x02, 0x01, 0x01, 0x04,
				    0x20 };
	static const uint8_t	 mid[] = { 0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86,
				    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0xa1,
				    0x44, 0x03, 0x42, 0x00 };
	uint8_t			 der[128], *p = der;
	const uint8_t		*d = der;
	EVP_PKEY		*pk;

	memcpy(p, head, sizeof(head));
	p += sizeof(head);
	p += b64("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", p, 32);
	memcpy(p, mid, sizeof(mid));
	p += sizeof(mid);
	p += b64("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWA"
	    "mS6TlzAC8wEqKK6PBru3jl7A8", p, 65);
	pk = d2i_AutoPrivateKey(NULL, &d, p - der);
	assert_non_null(pk);
	return pk;
}

static void
encrypts_the_example_of_rfc_8291(void **state)
{
	static const char	 want[] =
	    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
	    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
	    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
	uint8_t			 point[65], auth[16], salt[16], out[256];
	EVP_PKEY		*pk = sender();
	struct buf		 b;
	size_t			 n;

	(void)state;
	b64(ua_public, point, sizeof(point));
	b64(auth_secret, auth, sizeof(auth));
	b64("DGv6ra1nlYgDCS1FRnbzlw", salt, sizeof(salt));
	n = b64(want, out, sizeof(out));
	assert_int_equal(n, 144);
	buf_init(&b, 8192);
	assert_int_equal(push_crypt_with(&b, pk, salt, point, auth, plain,
	    strlen(plain)), 0);
	assert_int_equal(b.len, n);
	assert_memory_equal(b.data, out, n);
	buf_free(&b);
	EVP_PKEY_free(pk);
}

static void
a_point_off_the_curve_is_refused(void **state)
{
	uint8_t		 point[65], auth[16] = { 0 };
	struct buf	 b;

	(void)state;
	buf_init(&b, 8192);
	b64(ua_public, point, sizeof(point));
	point[64] ^= 1;
	assert_null(p256_public(point));
	assert_int_equal(push_crypt(&b, point, auth, plain, 1), -1);
	point[64] ^= 1;
	point[0] = 2;
	assert_null(p256_public(point));
	memset(point, 0, sizeof(point));
	assert_null(p256_public(point));
	assert_int_equal(ERR_peek_error(), 0);
	buf_free(&b);
}

static void
no_message_is_longer_than_a_push_service_must_take(void **state)
{
	uint8_t		 point[65], auth[16] = { 0 };
	char		*text = calloc(1, PUSH_CRYPT_MAX + 1);
	struct buf	 b;

	(void)state;
	buf_init(&b, 8192);
	b64(ua_public, point, sizeof(point));
	assert_int_equal(push_crypt(&b, point, auth, text, PUSH_CRYPT_MAX), 0);
	assert_int_equal(b.len, 4096);
	assert_int_equal(push_crypt(&b, point, auth, text, PUSH_CRYPT_MAX + 1),
	    -1);
	buf_free(&b);
	free(text);
}

static void
no_two_messages_look_alike(void **state)
{
	uint8_t		 point[65], auth[16] = { 0 };
	struct buf	 a, b;

	(void)state;
	buf_init(&a, 8192);
	buf_init(&b, 8192);
	b64(ua_public, point, sizeof(point));
	assert_int_equal(push_crypt(&a, point, auth, plain, 8), 0);
	assert_int_equal(push_crypt(&b, point, auth, plain, 8), 0);
	assert_memory_not_equal(a.data, b.data, 16);
	assert_memory_not_equal(a.data + 21, b.data + 21, 65);
	assert_memory_not_equal(a.data + 86, b.data + 86, 8);
	buf_free(&a);
	buf_free(&b);
}

/* --- VAPID -------------------------------------------------------------- */

/* The signature of RFC 7518 3.4 as ECDSA has it. */
static int
verifies(const char *jwt, size_t n, const uint8_t *point)
{
	const char	*dot = memrchr(jwt, '.', n);
	uint8_t		 raw[64], *der = NULL;
	EVP_PKEY	*pk = p256_public(point);
	EVP_MD_CTX	*ctx = EVP_MD_CTX_new();
	ECDSA_SIG	*sig = ECDSA_SIG_new();
	int		 len, ok;

	assert_int_equal(enc_b64url_get(dot + 1, n - (dot + 1 - jwt), raw,
	    sizeof(raw)), 64);
	ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL),
	    BN_bin2bn(raw + 32, 32, NULL));
	len = i2d_ECDSA_SIG(sig, &der);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL,
	    pk), 1);
	ok = EVP_DigestVerify(ctx, der, (size_t)len, (const uint8_t *)jwt,
	    (size_t)(dot - jwt));
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pk);
	ERR_clear_error();
	return ok;
}

static void
a_token_says_who_and_to_whom_and_is_signed(void **state)
{
	char		 dir[] = "/tmp/t_push.XXXXXX", file[64];
	uint8_t		 point[65], again[65], k[65], claims[512];
	const char	*s, *dot, *end;
	struct js_val	*v;
	struct buf	 b;
	ssize_t		 n;

	(void)state;
	log_init("t_push_crypt", 1);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(push_vapid_point(point), -1);
	buf_init(&b, 8192);
	assert_int_equal(push_vapid_header(&b, "https://a.test", "x", 0), -1);
	assert_int_equal(push_vapid_open(dir), 0);
	assert_int_equal(push_vapid_point(point), 0);
	assert_int_equal(push_vapid_header(&b, "https://push.test:8443",
	    "mailto:a@b.test", 1700000000000), 0);
	s = buf_str(&b);
	assert_int_equal(strncmp(s, "vapid t=", 8), 0);
	s += 8;
	end = strchr(s, ',');
	assert_int_equal(strncmp(end, ", k=", 4), 0);
	assert_int_equal(b64(end + 4, k, sizeof(k)), 65);
	assert_memory_equal(k, point, 65);
	assert_int_equal(verifies(s, end - s, point), 1);
	dot = strchr(s, '.') + 1;
	n = enc_b64url_get(dot, strcspn(dot, "."), claims, sizeof(claims));
	assert_true(n > 0);
	assert_int_equal(js_parse(claims, n, NULL, NULL, &v), JS_OK);
	assert_string_equal(js_str(js_get(v, "aud")), "https://push.test:8443");
	assert_string_equal(js_str(js_get(v, "sub")), "mailto:a@b.test");
	assert_int_equal(js_int(js_get(v, "exp")), 1700000000 + 12 * 3600);
	js_free(v);
	/* the same after a restart */
	assert_int_equal(push_vapid_open(dir), 0);
	assert_int_equal(push_vapid_point(again), 0);
	assert_memory_equal(point, again, 65);
	buf_free(&b);
	snprintf(file, sizeof(file), "%s/" PUSH_VAPID_FILE, dir);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(encrypts_the_example_of_rfc_8291),
		cmocka_unit_test(a_point_off_the_curve_is_refused),
		cmocka_unit_test(
		    no_message_is_longer_than_a_push_service_must_take),
		cmocka_unit_test(no_two_messages_look_alike),
		cmocka_unit_test(a_token_says_who_and_to_whom_and_is_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
