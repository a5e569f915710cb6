/* SPDX-License-Identifier: ISC */
/*
 * A built-in OpenSSL provider, "privsep", whose keys are numbers: see
 * tls_key.h.  Called by the TLS library alone.  Its key manager holds the
 * public half (an EVP_PKEY of the default provider) and answers everything
 * about the key from that; its signature sends the whole text to be signed
 * to the keys process and waits, with a deadline, for the signature.
 *
 * Trap: export of anything with the private key must fail, or the library
 * exports what there is to the default provider and signs there, in vain.
 */
#include "common/compat.h"

#ifndef TLS_LEGACY

#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "common/log.h"
#include "worker/tls_key.h"
#include "worker/tls_sign.h"

#define SPKI		"privsep-spki"
#define NUMBER		"privsep-number"
#define GENERATION	"privsep-generation"

/* A key: its public half, and what keys calls it. */
struct pkey {
	EVP_PKEY	*pub;
	const char	*type;		/* of kinds: the library is slow */
	uint32_t	 id;
	uint32_t	 generation;
};

/* One signature in the making. */
struct psig {
	struct pkey	*key;
	char		 md[16];	/* "" for Ed25519 */
	int		 pss;
};

/* RFC 8446 4.2.3 SignatureScheme, by kind of key and digest. */
static const struct scheme {
	const char	*type;
	const char	*md;
	int		 pss;
	uint32_t	 scheme;
} schemes[] = {
	{ "RSA", "SHA256", 0, 0x0401 }, { "RSA", "SHA384", 0, 0x0501 },
	{ "RSA", "SHA512", 0, 0x0601 }, { "EC", "SHA256", 0, 0x0403 },
	{ "EC", "SHA384", 0, 0x0503 }, { "EC", "SHA512", 0, 0x0603 },
	{ "RSA", "SHA256", 1, 0x0804 }, { "RSA", "SHA384", 1, 0x0805 },
	{ "RSA", "SHA512", 1, 0x0806 }, { "ED25519", "", 0, 0x0807 },
};

static const char *const	kinds[] = { "RSA", "EC", "ED25519" };

static uint32_t	key_scheme(const struct psig *);
static const char	*key_kind(const EVP_PKEY *);

/* --- keys ------------------------------------------------------------ */

static void *
km_new(void *prov)
{
	(void)prov;
	return calloc(1, sizeof(struct pkey));
}

static void
km_free(void *v)
{
	struct pkey	*k = v;

	if (k != NULL)
		EVP_PKEY_free(k->pub);
	free(k);
}

static int
km_has(const void *v, int selection)
{
	const struct pkey	*k = v;

	(void)selection;
	return k != NULL && k->pub != NULL;
}

static int
km_import(void *v, int selection, const OSSL_PARAM p[])
{
	struct pkey		*k = v;
	const OSSL_PARAM	*spki, *id, *gen;
	const unsigned char	*der;

	(void)selection;
	spki = OSSL_PARAM_locate_const(p, SPKI);
	id = OSSL_PARAM_locate_const(p, NUMBER);
	gen = OSSL_PARAM_locate_const(p, GENERATION);
	if (spki == NULL || id == NULL || gen == NULL ||
	    OSSL_PARAM_get_uint32(id, &k->id) != 1 ||
	    OSSL_PARAM_get_uint32(gen, &k->generation) != 1)
		return 0;
	der = spki->data;
	k->pub = d2i_PUBKEY_ex(NULL, &der, (long)spki->data_size, NULL,
	    "provider=default");
	return k->pub != NULL && (k->type = key_kind(k->pub)) != NULL;
}

static const OSSL_PARAM *
km_import_types(int selection)
{
	static const OSSL_PARAM	 types[] = {
		OSSL_PARAM_octet_string(SPKI, NULL, 0),
		OSSL_PARAM_uint32(NUMBER, NULL),
		OSSL_PARAM_uint32(GENERATION, NULL),
		OSSL_PARAM_END
	};

	(void)selection;
	return types;
}

static int
km_export(void *v, int selection, OSSL_CALLBACK *cb, void *arg)
{
	struct pkey	*k = v;

	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		return 0;
	return EVP_PKEY_export(k->pub, EVP_PKEY_PUBLIC_KEY, cb, arg);
}

static const OSSL_PARAM *
km_export_types(int selection)
{
	static const OSSL_PARAM	 types[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_END
	};

	(void)selection;
	return types;
}

static int
km_match(const void *a, const void *b, int selection)
{
	const struct pkey	*ka = a, *kb = b;

	(void)selection;
	return EVP_PKEY_eq(ka->pub, kb->pub) == 1;
}

static int
km_get_params(void *v, OSSL_PARAM p[])
{
	struct pkey	*k = v;

	return EVP_PKEY_get_params(k->pub, p);
}

static const OSSL_PARAM *
km_gettable(void *prov)
{
	static const OSSL_PARAM	 types[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(
		    OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL,
		    0),
		OSSL_PARAM_END
	};

	(void)prov;
	return types;
}

static const char *
km_name_rsa(int op)
{
	return op == OSSL_OP_SIGNATURE ? "RSA" : NULL;
}

static const char *
km_name_ec(int op)
{
	return op == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

static const char *
km_name_ed(int op)
{
	return op == OSSL_OP_SIGNATURE ? "ED25519" : NULL;
}

/* --- signatures ------------------------------------------------------ */

static void *
sg_new(void *prov, const char *propq)
{
	(void)prov;
	(void)propq;
	return calloc(1, sizeof(struct psig));
}

static void
sg_free(void *v)
{
	free(v);
}

/* The padding of RSA comes as a number or a word. */
static int
sg_set_params(void *v, const OSSL_PARAM p[])
{
	struct psig		*s = v;
	const OSSL_PARAM	*q;
	int			 pad;

	if (p == NULL || (q = OSSL_PARAM_locate_const(p,
	    OSSL_SIGNATURE_PARAM_PAD_MODE)) == NULL)
		return 1;
	if (q->data_type == OSSL_PARAM_UTF8_STRING)
		s->pss = q->data != NULL &&
		    strcmp(q->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
	else if (OSSL_PARAM_get_int(q, &pad) == 1)
		s->pss = pad == RSA_PKCS1_PSS_PADDING;
	else
		return 0;
	return 1;
}

static const OSSL_PARAM *
sg_settable(void *ctx, void *prov)
{
	static const OSSL_PARAM	 types[] = {
		OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL,
		    0),
		OSSL_PARAM_END
	};

	(void)ctx;
	(void)prov;
	return types;
}

static int
sg_init(void *v, const char *md, void *key, const OSSL_PARAM p[])
{
	struct psig	*s = v;

	s->key = key;
	s->pss = 0;
	s->md[0] = '\0';
	if (md != NULL && strlcpy(s->md, md, sizeof(s->md)) >= sizeof(s->md))
		return 0;
	/* "SHA2-256" is the same digest by its other name */
	if (strncmp(s->md, "SHA2-", 5) == 0)
		memmove(s->md + 3, s->md + 5, strlen(s->md + 5) + 1);
	return sg_set_params(v, p);
}

static int
sg_sign(void *v, unsigned char *sig, size_t *siglen, size_t room,
    const unsigned char *tbs, size_t tbslen)
{
	struct psig	*s = v;
	uint32_t	 scheme;

	if (sig == NULL) {
		*siglen = (size_t)EVP_PKEY_get_size(s->key->pub);
		return 1;
	}
	if ((scheme = key_scheme(s)) == 0)
		return 0;
	*siglen = tls_sign(s->key->id, s->key->generation, scheme, tbs,
	    tbslen, sig, room);
	return *siglen > 0;
}

static uint32_t
key_scheme(const struct psig *s)
{
	size_t	 i;

	for (i = 0; i < nitems(schemes); i++)
		if (schemes[i].pss == s->pss &&
		    strcmp(schemes[i].md, s->md) == 0 &&
		    strcmp(s->key->type, schemes[i].type) == 0)
			return schemes[i].scheme;
	log_warnx("no signature scheme for digest %s", s->md);
	return 0;
}

static const char *
key_kind(const EVP_PKEY *pk)
{
	size_t	 i;

	for (i = 0; i < nitems(kinds); i++)
		if (EVP_PKEY_is_a(pk, kinds[i]))
			return kinds[i];
	return NULL;
}

/* --- the provider ---------------------------------------------------- */

typedef void	 (*fn)(void);

#define KEYMGMT(name, query) static const OSSL_DISPATCH name[] = {	\
	{ OSSL_FUNC_KEYMGMT_NEW, (fn)km_new },				\
	{ OSSL_FUNC_KEYMGMT_FREE, (fn)km_free },			\
	{ OSSL_FUNC_KEYMGMT_HAS, (fn)km_has },				\
	{ OSSL_FUNC_KEYMGMT_IMPORT, (fn)km_import },			\
	{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (fn)km_import_types },	\
	{ OSSL_FUNC_KEYMGMT_EXPORT, (fn)km_export },			\
	{ OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (fn)km_export_types },	\
	{ OSSL_FUNC_KEYMGMT_MATCH, (fn)km_match },			\
	{ OSSL_FUNC_KEYMGMT_GET_PARAMS, (fn)km_get_params },		\
	{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (fn)km_gettable },		\
	{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (fn)query },		\
	{ 0, NULL }							\
}
KEYMGMT(km_rsa, km_name_rsa);
KEYMGMT(km_ec, km_name_ec);
KEYMGMT(km_ed, km_name_ed);

static const OSSL_DISPATCH	sg[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, (fn)sg_new },
	{ OSSL_FUNC_SIGNATURE_FREECTX, (fn)sg_free },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (fn)sg_init },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (fn)sg_sign },
	{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (fn)sg_set_params },
	{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (fn)sg_settable },
	{ 0, NULL }
};

/* The names are the default provider's; the property tells us apart. */
#define PROP	"provider=privsep"
static const OSSL_ALGORITHM	algs_km[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROP, km_rsa, "" },
	{ "EC:id-ecPublicKey:1.2.840.10045.2.1", PROP, km_ec, "" },
	{ "ED25519:1.3.101.112", PROP, km_ed, "" },
	{ NULL, NULL, NULL, NULL }
};
static const OSSL_ALGORITHM	algs_sg[] = {
	{ "RSA:rsaEncryption", PROP, sg, "" },
	{ "ECDSA", PROP, sg, "" },
	{ "ED25519", PROP, sg, "" },
	{ NULL, NULL, NULL, NULL }
};

static const OSSL_ALGORITHM *
pv_query(void *prov, int op, int *no_cache)
{
	(void)prov;
	*no_cache = 0;
	return op == OSSL_OP_KEYMGMT ? algs_km :
	    op == OSSL_OP_SIGNATURE ? algs_sg : NULL;
}

static const OSSL_DISPATCH	pv[] = {
	{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (fn)pv_query },
	{ 0, NULL }
};

static int
pv_init(const OSSL_CORE_HANDLE *h, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **ctx)
{
	static int	 self;

	(void)h;
	(void)in;
	*out = pv;
	*ctx = &self;
	return 1;
}

void
tls_key_init(void)
{
	if (OSSL_PROVIDER_add_builtin(NULL, "privsep", pv_init) != 1 ||
	    OSSL_PROVIDER_load(NULL, "default") == NULL ||
	    OSSL_PROVIDER_load(NULL, "privsep") == NULL)
		fatalx("the TLS library takes no provider");
}

EVP_PKEY *
tls_key_new(X509 *x, uint32_t generation, uint32_t id)
{
	EVP_PKEY	*pub = X509_get0_pubkey(x), *key = NULL;
	EVP_PKEY_CTX	*ctx = NULL;
	OSSL_PARAM	 p[4];
	unsigned char	*der = NULL;
	const char	*type;
	int		 len;

	if (pub == NULL)
		return NULL;
	type = key_kind(pub);
	if (type == NULL || (len = i2d_PUBKEY(pub, &der)) <= 0)
		return NULL;
	p[0] = OSSL_PARAM_construct_octet_string(SPKI, der, (size_t)len);
	p[1] = OSSL_PARAM_construct_uint32(NUMBER, &id);
	p[2] = OSSL_PARAM_construct_uint32(GENERATION, &generation);
	p[3] = OSSL_PARAM_construct_end();
	if ((ctx = EVP_PKEY_CTX_new_from_name(NULL, type, PROP)) == NULL ||
	    EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, p) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_free(der);
	return key;
}
#endif /* !TLS_LEGACY */
