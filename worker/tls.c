/* SPDX-License-Identifier: ISC */
/*
 * TLS on the connection machine: see tls.h.  Called by conn.c (I/O) and gen.c
 * (contexts).  Profile: security.md 2.6.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/date.h"
#include "common/log.h"
#include "common/tls_profile.h"
#include "common/utf8.h"
#include "worker/http/http1.h"
#include "worker/http/http2.h"
#include "worker/http/target.h"
#include "worker/tls.h"
#include "worker/tls_key.h"
#include "worker/tls_sign.h"
#include "worker/tls_ticket.h"
#include "worker/worker.h"

/* Seconds, RFC 8446 4.6.1 */
#define TICKET_MAX	(7 * 24 * 60 * 60)

static const struct tls_cert	*tls_set_has(const struct tls_set *,
		    const char *);
static SSL_CTX	*tls_ctx(const struct conf *);
static const char	*tls_chain(struct tls_cert *, uint32_t, BIO *);
static void	 tls_names(struct tls_cert *, X509 *);
static void	 tls_name_ip(struct tls_cert *, const ASN1_OCTET_STRING *);
static int	 tls_on_name(SSL *, int *, void *);
static int	 tls_on_alpn(SSL *, const unsigned char **, unsigned char *,
		    const unsigned char *, unsigned int, void *);
static int	 tls_has_proto(const char *, const unsigned char *,
		    unsigned int, const unsigned char **, unsigned char *);
static int	 tls_on_staple(SSL *, void *);
static void	 tls_log(const struct conn *, const char *);

void
tls_init(void)
{
	if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS |
	    OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) != 1)
		fatalx("the TLS library does not start");
	tls_key_init();
	tls_ticket_init();
	/* Whatever is made at first use, is made now. */
	SSL_CTX_free(tls_ctx(NULL));
}

/* --- sets of certificates -------------------------------------------- */

struct tls_set *
tls_set_new(void)
{
	struct tls_set	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("tls");
	return s;
}

void
tls_set_free(struct tls_set *s)
{
	size_t	 i;

	if (s == NULL)
		return;
	for (i = 0; i < s->n; i++) {
		SSL_CTX_free(s->v[i].ctx);
		hosts_free(&s->v[i].names);
		free(s->v[i].staple);
	}
	free(s->v);
	free(s);
}

const char *
tls_set_add(struct tls_set *s, const struct conf *conf, uint32_t id,
    const uint8_t *pem, size_t len)
{
	struct tls_cert	*v, *t;
	const char	*why;
	BIO		*b;

	if ((v = reallocarray(s->v, s->n + 1, sizeof(*v))) == NULL)
		fatal("tls");
	s->v = v;
	t = &s->v[s->n];
	memset(t, 0, sizeof(*t));
	t->id = id;
	if ((b = BIO_new_mem_buf(pem, (int)len)) == NULL)
		fatalx("tls: no memory");
	if ((t->ctx = tls_ctx(conf)) == NULL)
		why = "the TLS profile is not supported";
	else
		why = tls_chain(t, conf->generation, b);
	if (why == NULL)
		s->n++;
	else {
		SSL_CTX_free(t->ctx);
		hosts_free(&t->names);
	}
	BIO_free(b);
	ERR_clear_error();
	return why;
}

void
tls_set_staple(struct tls_set *s, const uint8_t *der, size_t len,
    int64_t until)
{
	struct tls_cert	*t = &s->v[s->n - 1];

	free(t->staple);
	if ((t->staple = malloc(len + 1)) == NULL)
		fatal("tls");
	memcpy(t->staple, der, len);
	t->staple_len = len;
	t->staple_until = until;
}

/* The certificate that has a name, or the first whose wildcard has it, or
 * NULL. */
static const struct tls_cert *
tls_set_has(const struct tls_set *s, const char *name)
{
	const struct tls_cert	*found = NULL;
	char			 lower[TARGET_HOST_MAX + 1];
	size_t			 i;
	int			 is, best = HOSTS_NOT;

	/* RFC 6066 3: DNS names, which have no case (RFC 4343) */
	for (i = 0; name[i] != '\0' && i < TARGET_HOST_MAX; i++)
		lower[i] = (char)utf8_lower((unsigned char)name[i]);
	if (name[i] != '\0')
		return NULL;
	lower[i] = '\0';
	for (i = 0; s != NULL && i < s->n; i++)
		if ((is = hosts_has(&s->v[i].names, lower)) > best) {
			best = is;
			found = &s->v[i];
		}
	return found;
}

const struct tls_cert *
tls_set_find(const struct tls_set *s, const char *name)
{
	const struct tls_cert	*t = NULL;

	if (s == NULL || s->n == 0)
		return NULL;
	if (name != NULL)
		t = tls_set_has(s, name);
	return t != NULL ? t : &s->v[0];
}

/* A context under the profile of conf, or by default; NULL if there is no
 * such profile. */
static SSL_CTX *
tls_ctx(const struct conf *conf)
{
	SSL_CTX		*x;
	const char	*opt;
	uint64_t	 life = conf == NULL ? 0 :
	    2 * conf->tls_ticket_rotation / 1000;
	uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;

	if ((x = SSL_CTX_new(TLS_server_method())) == NULL)
		fatalx("tls: no context");
	if (tls_profile(x, conf, &opt) != NULL) {
		SSL_CTX_free(x);
		return NULL;
	}
	SSL_CTX_set_options(x, options);
	/* One read a record, buffers only while they hold something, and
	 * writes that may go on from another place. */
	SSL_CTX_set_read_ahead(x, 1);
	SSL_CTX_set_mode(x, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(x, 1);
	/* a ticket is good while its key is the current or the previous */
	SSL_CTX_set_timeout(x, (long)(life < TICKET_MAX ? life : TICKET_MAX));
	SSL_CTX_set_max_early_data(x, 0);	/* 0-RTT can be replayed */
	tls_ticket_use(x);
	SSL_CTX_set_cert_cb(x, tls_sign_on_cert, NULL);
	SSL_CTX_set_tlsext_servername_callback(x, tls_on_name);
	SSL_CTX_set_alpn_select_cb(x, tls_on_alpn, NULL);
	SSL_CTX_set_tlsext_status_cb(x, tls_on_staple);
	return x;
}

static const char *
tls_chain(struct tls_cert *t, uint32_t generation, BIO *b)
{
	EVP_PKEY	*key = NULL;
	X509		*leaf, *x;
	const char	*why = "the certificate cannot be used";

	if ((leaf = PEM_read_bio_X509(b, NULL, NULL, NULL)) == NULL)
		return "there is no certificate in the chain";
	if (SSL_CTX_use_certificate(t->ctx, leaf) != 1)
		goto done;
	while ((x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL)
		if (SSL_CTX_add0_chain_cert(t->ctx, x) != 1) {
			X509_free(x);
			goto done;
		}
	why = "this kind of key is not supported";
	if ((key = tls_key_new(leaf, generation, t->id)) == NULL ||
	    SSL_CTX_use_PrivateKey(t->ctx, key) != 1 ||
	    SSL_CTX_check_private_key(t->ctx) != 1)
		goto done;
	tls_names(t, leaf);
	why = NULL;
done:
	EVP_PKEY_free(key);
	X509_free(leaf);
	return why;
}

/* RFC 9525: subjectAltName only; the common name says nothing. */
static void
tls_names(struct tls_cert *t, X509 *x)
{
	GENERAL_NAMES		*names;
	const GENERAL_NAME	*g;
	int			 i;

	names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		g = sk_GENERAL_NAME_value(names, i);
		if (g->type == GEN_DNS)
			hosts_add(&t->names, (const char *)
			    ASN1_STRING_get0_data(g->d.dNSName),
			    (size_t)ASN1_STRING_length(g->d.dNSName));
		else if (g->type == GEN_IPADD)
			tls_name_ip(t, g->d.iPAddress);
	}
	GENERAL_NAMES_free(names);
}

static void
tls_name_ip(struct tls_cert *t, const ASN1_OCTET_STRING *s)
{
	struct ip	 ip = { 0 };
	char		 text[IP_STRLEN];
	int		 len = ASN1_STRING_length(s);

	if (len != 4 && len != 16)
		return;
	ip.af = len == 4 ? IP_V4 : IP_V6;
	memcpy(ip.b, ASN1_STRING_get0_data(s), (size_t)len);
	hosts_add(&t->names, ip_str(&ip, text), strlen(ip_str(&ip, text)));
}

/* --- what the client says in its hello ------------------------------- */

/* RFC 6066 3: an unknown name gets the first certificate, and a request for
 * it will then be told 421; or it ends here, if sni-strict says so. */
static int
tls_on_name(SSL *ssl, int *alert, void *arg)
{
	struct conn	*c = SSL_get_app_data(ssl);

	(void)arg;
	if (c->gen->conf->tls_sni_strict && tls_name(c) != NULL &&
	    tls_set_has(c->gen->tls, tls_name(c)) == NULL) {
		*alert = SSL_AD_UNRECOGNIZED_NAME;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	c->cert = tls_set_find(c->gen->tls, tls_name(c));
	if (c->cert == NULL)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	if (SSL_get_SSL_CTX(ssl) != c->cert->ctx)
		SSL_set_SSL_CTX(ssl, c->cert->ctx);
	return SSL_TLSEXT_ERR_OK;
}

/* RFC 7301 3.2: no protocol in common is fatal (ALPACA, RFC 9325 3.7).
 * Ours comes first, and HTTP/2 before HTTP/1.1. */
static int
tls_on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned int inlen, void *arg)
{
	struct conn	*c = SSL_get_app_data(ssl);

	(void)arg;
	if (c->proto == &http1_proto && c->gen->conf->http2 &&
	    tls_has_proto(http2_proto.name, in, inlen, out, outlen))
		c->proto = &http2_proto;
	else if (!tls_has_proto(c->proto->name, in, inlen, out, outlen))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

static int
tls_has_proto(const char *name, const unsigned char *in, unsigned int inlen,
    const unsigned char **out, unsigned char *outlen)
{
	size_t		 want = strlen(name);
	unsigned int	 i;

	for (i = 0; i < inlen; i += 1u + in[i])
		if (in[i] == want && inlen - i > want &&
		    memcmp(in + i + 1, name, want) == 0) {
			*out = in + i + 1;
			*outlen = in[i];
			return 1;
		}
	return 0;
}

/* RFC 6066 8.  An answer that is no longer good would be worse than none. */
static int
tls_on_staple(SSL *ssl, void *arg)
{
	const struct conn	*c = SSL_get_app_data(ssl);
	uint8_t			*der;

	(void)arg;
	if (c->cert == NULL || c->cert->staple == NULL ||
	    date_now() >= c->cert->staple_until ||
	    (der = OPENSSL_memdup(c->cert->staple, c->cert->staple_len)) ==
	    NULL)
		return SSL_TLSEXT_ERR_NOACK;
	/* the library frees it */
	SSL_set_tlsext_status_ocsp_resp(ssl, der, (long)c->cert->staple_len);
	return SSL_TLSEXT_ERR_OK;
}

const char *
tls_name(const struct conn *c)
{
	return c->ssl == NULL ? NULL :
	    SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name);
}

/* --- one connection -------------------------------------------------- */

int
tls_start(struct conn *c)
{
	c->cert = tls_set_find(c->gen->tls, NULL);
	if (c->cert == NULL || (c->ssl = SSL_new(c->cert->ctx)) == NULL)
		return -1;
	SSL_set_app_data(c->ssl, c);
	if (SSL_set_fd(c->ssl, c->fd) != 1)
		return -1;
	SSL_set_accept_state(c->ssl);
	return 0;
}

enum io
tls_handshake(struct conn *c)
{
	int	 n;

	ERR_clear_error();
	if ((n = SSL_do_handshake(c->ssl)) == 1)
		return IO_DONE;
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return IO_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return IO_WANT_WRITE;
	case SSL_ERROR_SSL:
		tls_log(c, "handshake");
		break;
	}
	SSL_set_quiet_shutdown(c->ssl, 1);
	return IO_CLOSE;
}

static void
tls_log(const struct conn *c, const char *what)
{
	char		 ip[IP_STRLEN];
	unsigned long	 e = ERR_peek_error();
	const char	*why = ERR_reason_error_string(e);

	log_debug("%s: tls %s: %s", ip_str(&c->client, ip), what,
	    why == NULL ? "failed" : why);
	ERR_clear_error();
}

ssize_t
tls_read(struct conn *c, void *p, size_t n)
{
	size_t	 got;
	int	 ok;

	ERR_clear_error();
	if ((ok = SSL_read_ex(c->ssl, p, n, &got)) == 1)
		return (ssize_t)got;
	switch (SSL_get_error(c->ssl, ok)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		c->eof = 1;
		return 0;
	}
	/* After a fatal error nothing more may be sent on it. */
	SSL_set_quiet_shutdown(c->ssl, 1);
	c->flags |= CONN_ABORT;
	errno = ECONNRESET;
	return -1;
}

ssize_t
tls_write(struct conn *c, const void *p, size_t n)
{
	size_t	 put;
	int	 ok;

	ERR_clear_error();
	if ((ok = SSL_write_ex(c->ssl, p, n, &put)) == 1)
		return (ssize_t)put;
	switch (SSL_get_error(c->ssl, ok)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	}
	SSL_set_quiet_shutdown(c->ssl, 1);
	errno = ECONNRESET;
	return -1;
}

int
tls_pending(const struct conn *c)
{
	return compat_ssl_pending(c->ssl);
}

void
tls_shutdown(struct conn *c)
{
	ERR_clear_error();
	SSL_shutdown(c->ssl);
	ERR_clear_error();
}

void
tls_free(struct conn *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
}
