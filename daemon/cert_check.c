/* SPDX-License-Identifier: ISC */
/*
 * What may be wrong with certificates and OCSP answers: see cert_check.h.
 * Called by cert.c for the parent and jmapd -n, with files of the operator.
 */
#include "common/compat.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "common/date.h"
#include <string.h>

#include "common/log.h"
#include "daemon/cert_check.h"

#define RSA_BITS	2048
#define DAY_S		(24 * 60 * 60)
#define CLOCK_S		300	/* clocks may differ by, RFC 6960 4.2.2.1 */

static int	check_host(X509 *, const char *);
static int	check_url(const char *, X509 *);
static void	check_dates(struct cert_try *, X509 *);
static const char	*check_key(X509 *);
static int	check_curve(X509 *);
static void	check_order(struct cert_try *, STACK_OF(X509) *);
static int64_t	staple_until(OCSP_BASICRESP *, STACK_OF(X509) *,
		    const char **);
static int	staple_signed(OCSP_BASICRESP *, STACK_OF(X509) *);
static int64_t	staple_ms(const ASN1_GENERALIZEDTIME *);

void
cert_check_bad(struct cert_try *t, const char *what, const char *path,
    const char *why)
{
	conf_parse_report(t->cf->path, t->line, t->report,
	    "%scertificate %s: %s: %s", what, t->conf->name, path, why);
}

static void
check_warn(struct cert_try *t, const char *why)
{
	cert_check_bad(t, "warning: ", t->conf->chain, why);
}

int
cert_check_chain(struct cert_try *t, STACK_OF(X509) *chain)
{
	X509		*leaf = sk_X509_value(chain, 0);
	const char	*why;

	if ((why = check_key(leaf)) != NULL)
		cert_check_bad(t, "", t->conf->chain, why);
	check_dates(t, leaf);
	check_order(t, chain);
	/* RFC 5280 4.2.1.12 */
	if (X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0) != 1)
		check_warn(t, "is not for a TLS server");
	if (check_host(leaf, t->cf->conf->hostname))
		t->named = 1;
	if (check_url(t->cf->conf->url, leaf))
		t->url = 1;
	ERR_clear_error();
	return why == NULL ? 0 : -1;
}

/* RFC 9525 2: a name in the subject counts for no client. */
static int
check_host(X509 *leaf, const char *host)
{
	return X509_check_host(leaf, host, 0,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

/* Does it have the host that clients are told?  Only TLS here matters, and
 * only what is no expression. */
static int
check_url(const char *url, X509 *leaf)
{
	char	 host[256];
	size_t	 n;

	if (strncmp(url, "https://", 8) != 0)
		return 1;
	url += 8;
	n = *url == '[' ? strcspn(++url, "]") : strcspn(url, ":/");
	if (n >= sizeof(host))
		return 0;
	memcpy(host, url, n);
	host[n] = '\0';
	return check_host(leaf, host) ||
	    X509_check_ip_asc(leaf, host, 0) == 1;
}

static void
check_dates(struct cert_try *t, X509 *x)
{
	const ASN1_TIME	*from = X509_get0_notBefore(x);
	const ASN1_TIME	*to = X509_get0_notAfter(x);
	int		 days, secs, left, left_secs;

	if (X509_cmp_current_time(from) > 0)
		check_warn(t, "is not valid yet");
	if (X509_cmp_current_time(to) <= 0)
		check_warn(t, "has expired");
	else if (ASN1_TIME_diff(&days, &secs, from, to) == 1 &&
	    ASN1_TIME_diff(&left, &left_secs, NULL, to) == 1 &&
	    10 * ((int64_t)left * DAY_S + left_secs) <
	    (int64_t)days * DAY_S + secs)
		/* of 90 days, 9: whoever renews it has had time enough */
		check_warn(t, "expires soon: has its renewal failed?");
}

/* Else the workers would refuse it, or every client would, without a word of
 * which certificate it is. */
static const char *
check_key(X509 *x)
{
	EVP_PKEY	*pk = X509_get0_pubkey(x);

	switch (pk == NULL ? NID_undef : EVP_PKEY_base_id(pk)) {
	case EVP_PKEY_RSA:
		return EVP_PKEY_bits(pk) >= RSA_BITS ? NULL :
		    "has an RSA key of less than 2048 bits";
	case EVP_PKEY_EC:
		return check_curve(x) ? NULL :
		    "has an EC key that is not of P-256, P-384 or P-521";
	case EVP_PKEY_ED25519:
		return NULL;
	}
	return "has a key that is neither RSA, EC nor Ed25519";
}

/* RFC 8446 4.2.3; RFC 5480 2.1.1: by its name. */
static int
check_curve(X509 *x)
{
	const void	*p = NULL;
	X509_ALGOR	*alg = NULL;
	int		 type = V_ASN1_UNDEF, nid;

	if (X509_PUBKEY_get0_param(NULL, NULL, NULL, &alg,
	    X509_get_X509_PUBKEY(x)) != 1)
		return 0;
	X509_ALGOR_get0(NULL, &type, &p, alg);
	nid = type == V_ASN1_OBJECT ? OBJ_obj2nid(p) : NID_undef;
	return nid == NID_X9_62_prime256v1 || nid == NID_secp384r1 ||
	    nid == NID_secp521r1;
}

/* RFC 8446 4.4.2: each following certificate certifies the one before. */
static void
check_order(struct cert_try *t, STACK_OF(X509) *chain)
{
	X509	*x, *up;
	int	 i;

	for (i = 0; i + 1 < sk_X509_num(chain); i++) {
		x = sk_X509_value(chain, i);
		up = sk_X509_value(chain, i + 1);
		if (X509_check_issued(up, x) != X509_V_OK) {
			check_warn(t, "its certificates do not follow each "
			    "other: leaf first, then who signed it");
			return;
		}
		if (X509_cmp_current_time(X509_get0_notAfter(up)) <= 0)
			check_warn(t, "a certificate above the first has "
			    "expired");
	}
}

/* --- OCSP (RFC 6960) ------------------------------------------------------ */

int64_t
cert_check_staple(struct cert_try *t, STACK_OF(X509) *chain,
    const uint8_t *der, size_t len)
{
	OCSP_RESPONSE	*r;
	OCSP_BASICRESP	*b = NULL;
	const char	*path = t->conf->staple, *why = NULL;
	int64_t		 until = -1;

	if ((r = d2i_OCSP_RESPONSE(NULL, &der, (long)len)) == NULL ||
	    OCSP_response_status(r) != OCSP_RESPONSE_STATUS_SUCCESSFUL ||
	    (b = OCSP_response_get1_basic(r)) == NULL)
		cert_check_bad(t, "", path, "is no OCSP answer in DER");
	else if ((until = staple_until(b, chain, &why)) == 0)
		cert_check_bad(t, "warning: ", path, why);
	OCSP_BASICRESP_free(b);
	OCSP_RESPONSE_free(r);
	ERR_clear_error();
	return until;
}

static int64_t
staple_until(OCSP_BASICRESP *b, STACK_OF(X509) *chain, const char **why)
{
	ASN1_GENERALIZEDTIME	*this, *next;
	OCSP_CERTID		*id;
	int			 status, reason, found;

	*why = "cannot be checked: the chain lacks who signed the certificate";
	if (sk_X509_num(chain) < 2)
		return 0;
	*why = "is not about the certificate; it is not sent";
	if ((id = OCSP_cert_to_id(NULL, sk_X509_value(chain, 0),
	    sk_X509_value(chain, 1))) == NULL)
		return 0;
	found = OCSP_resp_find_status(b, id, &status, &reason, NULL, &this,
	    &next);
	OCSP_CERTID_free(id);
	if (found != 1)
		return 0;
	*why = "is not signed by who may; it is not sent";
	if (!staple_signed(b, chain))
		return 0;
	*why = "does not say that the certificate is good; it is not sent";
	if (status != V_OCSP_CERTSTATUS_GOOD)
		return 0;
	*why = "has no time of its next update, or has passed it; it is not "
	    "sent";
	if (next == NULL || OCSP_check_validity(this, next, CLOCK_S, -1) != 1)
		return 0;
	return staple_ms(next);
}

/* RFC 6960 4.2.2.2: by who signed the certificate, or whom he has made a
 * responder. */
static int
staple_signed(OCSP_BASICRESP *b, STACK_OF(X509) *chain)
{
	X509_STORE	*s;
	int		 ok;

	if ((s = X509_STORE_new()) == NULL ||
	    X509_STORE_add_cert(s, sk_X509_value(chain, 1)) != 1 ||
	    X509_STORE_set_flags(s, X509_V_FLAG_PARTIAL_CHAIN) != 1)
		fatalx("cert: no memory");
	ok = OCSP_basic_verify(b, chain, s, 0) == 1;
	X509_STORE_free(s);
	return ok;
}

static int64_t
staple_ms(const ASN1_GENERALIZEDTIME *when)
{
	int	 days, secs;

	if (ASN1_TIME_diff(&days, &secs, NULL, when) != 1)
		return 0;
	return date_now() + ((int64_t)days * DAY_S + secs) * 1000;
}
