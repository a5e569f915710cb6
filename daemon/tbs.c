/* SPDX-License-Identifier: ISC */
/*
 * What the keys process will sign: the bytes of a TLS server's handshake and
 * nothing else, so that a worker in a stranger's hands gets no general
 * signing oracle.  Called by keys.c with bytes that a worker sent.  Pure.
 */
#include "common/compat.h"

#include <string.h>

#include <openssl/bn.h>

#include "common/cur.h"
#include "daemon/daemon.h"

#define TBS_SPACES	64
#define PRIME_MAX	1024	/* bytes */
#define TBS_RANDOMS	64	/* client_random, server_random */

/* RFC 8446 4.4.3, the NUL at its end included. */
static const char	tbs_context[] = "TLS 1.3, server CertificateVerify";

/* RFC 8422 5.1.1 and 5.4: the group and the length of its public point. */
static const struct tbs_group {
	uint16_t	 id;
	uint8_t		 len;
	uint8_t		 first;		/* 4: uncompressed; 0: any */
} tbs_groups[] = {
	{ 0x0017, 65, 4 },		/* secp256r1 */
	{ 0x0018, 97, 4 },		/* secp384r1 */
	{ 0x0019, 133, 4 },		/* secp521r1 */
	{ 0x001d, 32, 0 },		/* x25519 */
	{ 0x001e, 56, 0 },		/* x448 */
};

static int	tbs_verify(const uint8_t *, size_t);
static int	tbs_exchange(const uint8_t *, size_t);
static int	tbs_prime(const uint8_t *, size_t);

int
tbs_ok(uint32_t scheme, const uint8_t *p, size_t len)
{
	/* RFC 8446 4.2.3: RSASSA-PKCS1-v1_5 does not sign CertificateVerify */
	int	 pkcs1 = (scheme & 0xff) == 1;

	return (!pkcs1 && tbs_verify(p, len)) || tbs_exchange(p, len);
}

/*
 * RFC 8446 4.4.3: 64 spaces, the context string, a NUL, the transcript's
 * hash, which is of 32 or 48 bytes with every cipher suite there is.
 */
static int
tbs_verify(const uint8_t *p, size_t len)
{
	size_t	 i, head = TBS_SPACES + sizeof(tbs_context);

	if (len != head + 32 && len != head + 48)
		return 0;
	for (i = 0; i < TBS_SPACES; i++)
		if (p[i] != ' ')
			return 0;
	return memcmp(p + TBS_SPACES, tbs_context, sizeof(tbs_context)) == 0;
}

/*
 * RFC 8422 5.4: both randoms, then ServerECDHParams: named_curve (3), the
 * group, the point's length, the point, and no byte more.
 */
static int
tbs_exchange(const uint8_t *p, size_t len)
{
	const struct tbs_group	*g;

	if (len < TBS_RANDOMS + 5 || p[TBS_RANDOMS] != 3)
		return 0;
	p += TBS_RANDOMS + 1;
	len -= TBS_RANDOMS + 1;
	for (g = tbs_groups; g < tbs_groups + nitems(tbs_groups); g++)
		if (g->id == (p[0] << 8 | p[1]))
			return p[2] == g->len && len == 3u + g->len &&
			    (g->first == 0 || p[3] == g->first);
	return 0;
}

/*
 * RFC 5246 7.4.3: both randoms, then ServerDHParams: the prime, the
 * generator and the public value, each behind its length (2), and no byte
 * more.  The prime is one of those that the library takes by itself; then
 * there is little room left for a text of somebody's choice.
 */
int
tbs_dhe(const uint8_t *p, size_t len)
{
	struct cur	 c;
	const uint8_t	*prime, *g;
	size_t		 plen, glen, ylen;

	if (len < TBS_RANDOMS)
		return 0;
	cur_init(&c, p + TBS_RANDOMS, len - TBS_RANDOMS);
	plen = cur_be16(&c);
	prime = cur_bytes(&c, plen);
	glen = cur_be16(&c);
	g = cur_bytes(&c, glen);
	ylen = cur_be16(&c);
	if (c.bad || c.n != ylen || ylen == 0 || ylen > plen)
		return 0;
	return glen == 1 && g[0] == 2 && tbs_prime(prime, plen);
}

static int
tbs_prime(const uint8_t *p, size_t len)
{
	static BIGNUM	*(*const primes[])(BIGNUM *) = {
		BN_get_rfc3526_prime_2048, BN_get_rfc3526_prime_3072,
		BN_get_rfc3526_prime_4096, BN_get_rfc3526_prime_8192,
	};
	BIGNUM		*n, *one;
	size_t		 i;
	int		 ok = 0;

	if (len > PRIME_MAX)
		return 0;
	n = BN_bin2bn(p, (int)len, NULL);
	for (i = 0; n != NULL && !ok && i < nitems(primes); i++) {
		one = primes[i](NULL);
		ok = one != NULL && BN_cmp(n, one) == 0;
		BN_free(one);
	}
	BN_free(n);
	return ok;
}
