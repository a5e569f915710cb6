/* SPDX-License-Identifier: ISC */
/*
 * Message encryption for web push (RFC 8291, RFC 8188): see push_crypt.h.
 * Called by push.c.
 */
#include "common/compat.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/hmac.h>

#include "daemon/push_crypt.h"

#define RECORD		4096	/* rs of RFC 8188 2.1 */
#define HASH		32	/* bytes of SHA-256 */
#define KEY		16	/* AES-128 */
#define NONCE		12
#define TAG		16

static int	crypt_keys(EVP_PKEY *, EVP_PKEY *, const uint8_t *,
		    const uint8_t *, const uint8_t *, uint8_t *);
static int	crypt_seal(struct buf *, const uint8_t *, const void *, size_t);
static int	crypt_secret(EVP_PKEY *, EVP_PKEY *, uint8_t *);
static int	crypt_hmac(const uint8_t *, size_t, const void *, size_t,
		    uint8_t *);

int
push_crypt(struct buf *b, const uint8_t point[P256_POINT],
    const uint8_t auth[PUSH_CRYPT_AUTH], const void *plain, size_t n)
{
	uint8_t		 salt[PUSH_CRYPT_SALT];
	EVP_PKEY	*pk;
	int		 ret;

	if ((pk = p256_new()) == NULL)
		return -1;
	arc4random_buf(salt, sizeof(salt));
	ret = push_crypt_with(b, pk, salt, point, auth, plain, n);
	EVP_PKEY_free(pk);
	return ret;
}

int
push_crypt_with(struct buf *b, EVP_PKEY *own, const uint8_t *salt,
    const uint8_t point[P256_POINT],
    const uint8_t auth[PUSH_CRYPT_AUTH], const void *plain, size_t n)
{
	uint8_t		 keys[KEY + NONCE], mine[P256_POINT];
	EVP_PKEY	*ua;
	int		 ret = -1;

	if (n > PUSH_CRYPT_MAX || (ua = p256_public(point)) == NULL)
		return -1;
	if (p256_point(own, mine) == 0 &&
	    crypt_keys(own, ua, auth, salt, point, keys) == 0) {
		/* RFC 8188 2.1: salt, rs, idlen, keyid */
		buf_add(b, salt, PUSH_CRYPT_SALT);
		buf_be32(b, RECORD);
		buf_addc(b, P256_POINT);
		buf_add(b, mine, sizeof(mine));
		ret = crypt_seal(b, keys, plain, n);
	}
	explicit_bzero(keys, sizeof(keys));
	EVP_PKEY_free(ua);
	return ret;
}

/* RFC 8291 3.4: the content encryption key, then the nonce. */
static int
crypt_keys(EVP_PKEY *own, EVP_PKEY *ua, const uint8_t *auth,
    const uint8_t *salt, const uint8_t *point, uint8_t *out)
{
	static const char	 cek[] = "Content-Encoding: aes128gcm\0\1";
	static const char	 non[] = "Content-Encoding: nonce\0\1";
	uint8_t			 secret[HASH], prk[HASH], ikm[HASH], t[HASH];
	uint8_t			 info[14 + 2 * P256_POINT + 1];
	int			 ret = -1;

	/* "WebPush: info" || 0x00 || ua_public || as_public || 0x01 */
	memcpy(info, "WebPush: info", 14);
	memcpy(info + 14, point, P256_POINT);
	if (p256_point(own, info + 14 + P256_POINT) == -1)
		return -1;
	info[sizeof(info) - 1] = 1;
	if (crypt_secret(own, ua, secret) == 0 &&
	    crypt_hmac(auth, PUSH_CRYPT_AUTH, secret, HASH, prk) == 0 &&
	    crypt_hmac(prk, HASH, info, sizeof(info), ikm) == 0 &&
	    crypt_hmac(salt, PUSH_CRYPT_SALT, ikm, HASH, prk) == 0 &&
	    crypt_hmac(prk, HASH, cek, sizeof(cek) - 1, t) == 0) {
		memcpy(out, t, KEY);
		ret = crypt_hmac(prk, HASH, non, sizeof(non) - 1, t);
		memcpy(out + KEY, t, NONCE);
	}
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(prk, sizeof(prk));
	explicit_bzero(ikm, sizeof(ikm));
	explicit_bzero(t, sizeof(t));
	return ret;
}

static int
crypt_secret(EVP_PKEY *own, EVP_PKEY *ua, uint8_t *out)
{
	EVP_PKEY_CTX	*ctx;
	size_t		 len = HASH;
	int		 ret = -1;

	if ((ctx = EVP_PKEY_CTX_new(own, NULL)) != NULL &&
	    EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer(ctx, ua) == 1 &&
	    EVP_PKEY_derive(ctx, out, &len) == 1 && len == HASH)
		ret = 0;
	else
		ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	return ret;
}

static int
crypt_hmac(const uint8_t *key, size_t klen, const void *p, size_t n,
    uint8_t *out)
{
	unsigned int	 len = HASH;

	return HMAC(EVP_sha256(), key, (int)klen, p, n, out, &len) == NULL ?
	    -1 : 0;
}

/* RFC 8188 2: one record, which is the last: the delimiter is 2 */
static int
crypt_seal(struct buf *b, const uint8_t *keys, const void *plain, size_t n)
{
	static const uint8_t	 last = 2;
	EVP_CIPHER_CTX		*ctx;
	uint8_t			*out;
	int			 a, c, ret = -1;

	if ((out = buf_reserve(b, n + 1 + TAG)) == NULL ||
	    (ctx = EVP_CIPHER_CTX_new()) == NULL)
		return -1;
	if (EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, keys,
	    keys + KEY) == 1 &&
	    EVP_EncryptUpdate(ctx, out, &a, plain, (int)n) == 1 &&
	    EVP_EncryptUpdate(ctx, out + a, &c, &last, 1) == 1 &&
	    EVP_EncryptFinal_ex(ctx, out + a + c, &c) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG,
	    out + n + 1) == 1) {
		buf_commit(b, n + 1 + TAG);
		ret = 0;
	} else
		ERR_clear_error();
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}
