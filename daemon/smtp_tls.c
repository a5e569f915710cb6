/* SPDX-License-Identifier: ISC */
/*
 * TLS of the SMTP client, see smtp_tls.h: RFC 8314 4, 7817, 9325.  Called by
 * the queue role for contexts and by smtp_conn.c for sessions.
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/ip.h"
#include "common/log.h"
#include "daemon/smtp_tls.h"

#define SMTP_TLS_FILE	(4 * 1024 * 1024)	/* bytes of authorities */

static const char	*smtp_tls_bundle(void);
static int	smtp_tls_trust(X509_STORE *, BIO *);

void
smtp_tls_init(void)
{
	SSL_CTX	*x;

	if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS |
	    OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) != 1)
		fatalx("the TLS library does not start");
	/* whatever is made at first use, is made now */
	if ((x = SSL_CTX_new(TLS_client_method())) != NULL)
		SSL_free(SSL_new(x));
	SSL_CTX_free(x);
}

SSL_CTX *
smtp_tls_new(const void *pem, size_t len, const char **err)
{
	SSL_CTX	*x = NULL;
	BIO	*b = NULL;
	int	 n;

	*err = "no memory";
	if ((x = SSL_CTX_new(TLS_client_method())) == NULL ||
	    (b = BIO_new_mem_buf(pem, (int)len)) == NULL)
		goto fail;
	/* RFC 9325 3.1.1 */
	if (SSL_CTX_set_min_proto_version(x, TLS1_2_VERSION) != 1)
		goto fail;
	SSL_CTX_set_options(x, SSL_OP_NO_COMPRESSION |
	    SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(x, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(x, SSL_VERIFY_PEER, NULL);
	if ((n = smtp_tls_trust(SSL_CTX_get_cert_store(x), b)) <= 0) {
		*err = n == 0 ? "there is no certificate of an authority in it"
		    : "a certificate in it cannot be read";
		goto fail;
	}
	BIO_free(b);
	ERR_clear_error();
	return x;
fail:
	BIO_free(b);
	SSL_CTX_free(x);
	ERR_clear_error();
	return NULL;
}

/* Certificates taken, or -1. */
static int
smtp_tls_trust(X509_STORE *store, BIO *b)
{
	X509		*c;
	unsigned long	 e;
	int		 n = 0;

	while ((c = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
		n += X509_STORE_add_cert(store, c) == 1;
		X509_free(c);
	}
	e = ERR_peek_last_error();
	return ERR_GET_LIB(e) == ERR_LIB_PEM &&
	    ERR_GET_REASON(e) == PEM_R_NO_START_LINE ? n : -1;
}

/* The system's bundle, or NULL: none found. */
static const char *
smtp_tls_bundle(void)
{
	static const char *const files[] = {
		"/etc/ssl/certs/ca-certificates.crt",	/* Debian */
		"/etc/ssl/cert.pem",			/* OpenBSD */
		"/etc/pki/tls/certs/ca-bundle.crt",
	};
	size_t	 i;

	for (i = 0; i < nitems(files); i++)
		if (access(files[i], R_OK) == 0)
			return files[i];
	return NULL;
}

char *
smtp_tls_authorities(const char *file, size_t *len)
{
	struct stat	 st;
	char		*text = NULL;
	ssize_t		 n = -1;
	int		 fd;

	if (file == NULL && (file = smtp_tls_bundle()) == NULL) {
		errno = ENOENT;
		return NULL;
	}
	if ((fd = open(file, O_RDONLY | O_CLOEXEC)) == -1)
		return NULL;
	if (fstat(fd, &st) == -1)
		goto done;
	if (st.st_size > SMTP_TLS_FILE) {
		errno = EFBIG;
		goto done;
	}
	if ((text = malloc((size_t)st.st_size + 1)) == NULL)
		goto done;
	n = read(fd, text, (size_t)st.st_size);
done:
	close(fd);
	if (n == -1) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	*len = (size_t)n;
	return text;
}

void
smtp_tls_free(SSL_CTX *x)
{
	SSL_CTX_free(x);
}

SSL *
smtp_tls_session(SSL_CTX *x, const char *host)
{
	X509_VERIFY_PARAM	*v;
	struct ip		 ip;
	SSL			*s;
	int			 ok;

	if ((s = SSL_new(x)) == NULL)
		return NULL;
	SSL_set_connect_state(s);
	v = SSL_get0_param(s);
	/* RFC 7817 3: a wildcard is a whole label.  RFC 9525 2: no name from
	 * the subject. */
	X509_VERIFY_PARAM_set_hostflags(v, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
#ifdef X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
	    | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
#endif
	    );
	if (ip_parse(&ip, host, strlen(host)) == 0)
		ok = X509_VERIFY_PARAM_set1_ip(v, ip.b, ip.af == IP_V4 ? 4 :
		    16);
	else
		ok = X509_VERIFY_PARAM_set1_host(v, host, 0) == 1 &&
		    SSL_set_tlsext_host_name(s, host) == 1;
	if (ok != 1) {
		SSL_free(s);
		return NULL;
	}
	return s;
}

const char *
smtp_tls_why(SSL *s)
{
	static char	 text[256];
	const char	*reason;
	long		 v = SSL_get_verify_result(s);
	unsigned long	 e;

	if (v != X509_V_OK) {
		(void)snprintf(text, sizeof(text), "certificate: %s",
		    X509_verify_cert_error_string(v));
		return text;
	}
	while ((e = ERR_get_error()) != 0)
		if ((reason = ERR_reason_error_string(e)) != NULL) {
			(void)strlcpy(text, reason, sizeof(text));
			ERR_clear_error();
			return text;
		}
	return "connection closed within the handshake";
}
