/* SPDX-License-Identifier: ISC */
/*
 * VAPID (RFC 8292): see push_vapid.h.  Called by push.c.  The key's file is
 * read and written with the rights that push was started with and belongs to
 * root; after that the key is in memory only.
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "common/enc.h"
#include "common/js.h"
#include "common/log.h"
#include "daemon/push_vapid.h"

#define HOURS		12	/* RFC 8292 2: exp is at most 24 hours away */
#define PEM_MAX		4096	/* bytes of the file */
#define SIGN		64	/* RFC 7518 3.4: r, s */

static EVP_PKEY		*key;
static uint8_t		 point[P256_POINT];

static EVP_PKEY	*vapid_read(const char *);
static int	 vapid_write(const char *, EVP_PKEY *);
static int	 vapid_sync(const char *);
static int	 vapid_sign(const void *, size_t, uint8_t out[SIGN]);
static void	 vapid_b64(struct buf *, const void *, size_t);

int
push_vapid_open(const char *dir)
{
	char	 path[PATH_MAX];

	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		log_warn("push-dir %s", dir);
	if ((size_t)snprintf(path, sizeof(path), "%s/" PUSH_VAPID_FILE,
	    dir) >= sizeof(path)) {
		log_warnx("push-dir is too long");
		return -1;
	}
	EVP_PKEY_free(key);
	if ((key = vapid_read(path)) == NULL && errno == ENOENT) {
		if ((key = p256_new()) == NULL ||
		    vapid_write(path, key) == -1) {
			log_warn("%s: pushes will not be signed", path);
			EVP_PKEY_free(key);
			key = NULL;
			return -1;
		}
		log_info("%s: a new key; clients with a push subscription "
		    "have to make it anew", path);
	}
	if (key == NULL || p256_point(key, point) == -1) {
		log_warnx("%s: no key on P-256 in it: pushes will not be "
		    "signed", path);
		EVP_PKEY_free(key);
		key = NULL;
		return -1;
	}
	return 0;
}

/* NULL with errno: ENOENT when there is no such file. */
static EVP_PKEY *
vapid_read(const char *path)
{
	char		 pem[PEM_MAX];
	EVP_PKEY	*pk = NULL;
	ssize_t		 n;
	BIO		*bio;
	int		 fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return NULL;
	n = read(fd, pem, sizeof(pem));
	close(fd);
	if (n > 0 && (bio = BIO_new_mem_buf(pem, (int)n)) != NULL) {
		pk = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		BIO_free(bio);
	}
	explicit_bzero(pem, sizeof(pem));
	ERR_clear_error();
	errno = EINVAL;
	return pk;
}

/* All of it or nothing, on the disk before it is used. */
static int
vapid_write(const char *path, EVP_PKEY *pk)
{
	char	 tmp[PATH_MAX + 8], *pem;
	BIO	*bio = NULL;
	long	 len;
	int	 fd, ret = -1;

	(void)snprintf(tmp, sizeof(tmp), "%s.new", path);
	if ((fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600)) == -1)
		return -1;
	if ((bio = BIO_new(BIO_s_mem())) != NULL &&
	    PEM_write_bio_PrivateKey(bio, pk, NULL, NULL, 0, NULL, NULL) == 1 &&
	    (len = BIO_get_mem_data(bio, &pem)) > 0 &&
	    write(fd, pem, (size_t)len) == len && fsync(fd) == 0 &&
	    rename(tmp, path) == 0)
		ret = vapid_sync(path);
	close(fd);
	BIO_free(bio);
	return ret;
}

/* The name, too. */
static int
vapid_sync(const char *path)
{
	char	 dir[PATH_MAX];
	int	 fd, ret;

	strlcpy(dir, path, sizeof(dir));
	*strrchr(dir, '/') = '\0';
	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return -1;
	ret = fsync(fd);
	close(fd);
	return ret;
}

int
push_vapid_point(uint8_t out[P256_POINT])
{
	if (key == NULL)
		return -1;
	memcpy(out, point, sizeof(point));
	return 0;
}

int
push_vapid_header(struct buf *b, const char *origin, const char *contact,
    int64_t now)
{
	static const char	 head[] = "{\"typ\":\"JWT\",\"alg\":\"ES256\"}";
	uint8_t			 sig[SIGN];
	struct buf		 claims;
	size_t			 from;

	if (key == NULL)
		return -1;
	buf_init(&claims, 4096);
	js_out_obj(&claims);
	js_out_key(&claims, "aud");
	js_out_s(&claims, origin);
	js_out_key(&claims, "exp");
	js_out_int(&claims, now / 1000 + HOURS * 3600);
	js_out_key(&claims, "sub");
	js_out_s(&claims, contact);
	js_out_end(&claims, '}');
	buf_adds(b, "vapid t=");
	from = b->len;
	vapid_b64(b, head, sizeof(head) - 1);
	buf_addc(b, '.');
	if (!buf_bad(&claims))
		vapid_b64(b, claims.data, claims.len);
	if (buf_bad(b) || buf_bad(&claims) ||
	    vapid_sign(b->data + from, b->len - from, sig) == -1) {
		buf_free(&claims);
		return -1;
	}
	buf_free(&claims);
	buf_addc(b, '.');
	vapid_b64(b, sig, sizeof(sig));
	buf_adds(b, ", k=");
	vapid_b64(b, point, sizeof(point));
	return buf_bad(b) ? -1 : 0;
}

static void
vapid_b64(struct buf *b, const void *p, size_t n)
{
	uint8_t	*out;

	if ((out = buf_reserve(b, ENC_B64URL_LEN(n) + 1)) != NULL)
		buf_commit(b, enc_b64url(p, n, (char *)out));
}

/* ES256: what OpenSSL gives as DER, as two numbers of 32 bytes. */
static int
vapid_sign(const void *p, size_t n, uint8_t out[SIGN])
{
	uint8_t		 der[128];
	const uint8_t	*d = der;
	size_t		 len = sizeof(der);
	EVP_MD_CTX	*ctx;
	ECDSA_SIG	*sig = NULL;
	const BIGNUM	*r, *s;
	int		 ret = -1;

	if ((ctx = EVP_MD_CTX_new()) == NULL)
		return -1;
	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(ctx, der, &len, p, n) == 1 &&
	    (sig = d2i_ECDSA_SIG(NULL, &d, (long)len)) != NULL) {
		ECDSA_SIG_get0(sig, &r, &s);
		if (BN_bn2binpad(r, out, SIGN / 2) == SIGN / 2 &&
		    BN_bn2binpad(s, out + SIGN / 2, SIGN / 2) == SIGN / 2)
			ret = 0;
	}
	if (ret == -1)
		ERR_clear_error();
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	return ret;
}
